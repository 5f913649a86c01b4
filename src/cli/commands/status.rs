//! `storygen status` and `storygen why`: what a build would do, and why. Both only look.

use crate::cli::args::look_up::{StatusArgs, WhyArgs};
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::inputs::Inputs;
use crate::cli::session::{find, open_project};
use crate::cli::views::views;
use crate::engine::clean::orphans;
use crate::engine::open::Access;
use crate::engine::plan::foresee;
use crate::engine::select::{Wish, find as find_target};
use crate::report::status::{Detail, render_status};
use crate::report::view::PlanView;
use crate::report::why::{render_why, why_json};

/// Runs `status` and returns its exit code: 0, or with `--exit-code` 1 if a build would do something.
pub fn run(context: &Context, args: &StatusArgs) -> Result<u8, CliError> {
    let found = find(&context.world, &context.dir, context.file.as_deref())?;
    let mut opened = open_project(&found, &Inputs::of(context, &found, &args.given)?, Access::Read)?;
    context.warn(&opened.sources, &opened.warnings);
    let targets = args.targets.iter().map(|target| found.target(target)).collect();
    let (_, plan) = foresee(&mut opened.project, &Wish { targets, ..Wish::default() })?;
    let views = views(&opened.project, &plan);
    if args.json {
        context.answer(&PlanView::of(&views).json());
    } else {
        context.answer(&render_status(&views, Detail::All, &context.look_out()));
        if let count @ 1.. = orphans(&opened.project).len() {
            let what = if count == 1 { "1 result is".to_owned() } else { format!("{count} results are") };
            context
                .say(&format!("{what} of stages or items that are no more: `storygen clean --orphans` removes them"));
        }
        if let count @ 1.. = opened.project.store.open_calls() {
            let what = if count == 1 { "1 call is".to_owned() } else { format!("{count} calls are") };
            context.say(&format!(
                "{what} not answered, and may be charged: of a build that runs, or of one that was killed; `storygen cost` counts \
                 what may be"
            ));
        }
    }
    Ok(u8::from(args.exit_code && !plan.is_quiet()))
}

/// Runs `why` and returns its exit code.
pub fn why(context: &Context, args: &WhyArgs) -> Result<u8, CliError> {
    let found = find(&context.world, &context.dir, context.file.as_deref())?;
    let mut opened = open_project(&found, &Inputs::of(context, &found, &args.given)?, Access::Read)?;
    let target = found.target(&args.stage);
    let wish = Wish { targets: vec![target.clone()], ..Wish::default() };
    let (_, mut plan) = foresee(&mut opened.project, &wish)?;
    let chosen = find_target(&opened.project, &target)?;
    plan.steps.retain(|step| chosen.contains(&step.action));
    let views = views(&opened.project, &plan);
    if args.json {
        context.answer(&why_json(&views));
    } else {
        context.answer(&render_why(&views, &context.look_out()));
    }
    Ok(0)
}
