//! `storygen clean`: removes outputs that storygen made and nobody edited.

use crate::cli::args::tend::CleanArgs;
use crate::cli::commands::build::hold;
use crate::cli::context::{Context, Manner};
use crate::cli::error::CliError;
use crate::cli::inputs::Inputs;
use crate::cli::session::{find, open_project};
use crate::engine::clean::{self, Found as Finding};
use crate::engine::command::STATE_DIR;
use crate::engine::open::{Access, LockPolicy, close};
use crate::engine::recover::recover;
use crate::engine::select::find_all;
use serde_json::json;
use std::collections::BTreeSet;

/// Runs the command and returns its exit code.
pub fn run(context: &Context, args: &CleanArgs) -> Result<u8, CliError> {
    let found = find(&context.world, &context.dir, context.file.as_deref())?;
    let sink = context.sink(Manner::default());
    let state = found.root.join(STATE_DIR);
    let access = if args.dry_run { Access::Read } else { Access::Write };
    let _lock = match access {
        Access::Read => None,
        Access::Write => Some(hold(context, &state, &*sink)?),
    };
    let mut opened = open_project(&found, &Inputs::of(context, &found, &args.given)?, access)?;
    opened.project.unfold_known(None)?;
    let chosen: BTreeSet<usize> = if args.targets.is_empty() {
        (0..opened.project.workflow.nodes.len()).collect()
    } else {
        let targets: Vec<String> = args.targets.iter().map(|target| found.target(target)).collect();
        find_all(&opened.project, &targets)?
    };
    if access == Access::Write {
        recover(&mut opened.project, &state, &*sink)?;
    }
    let orphans = if args.orphans { clean::orphans(&opened.project) } else { Vec::new() };
    let findings = match args.orphans {
        true => clean::find_left(&mut opened.project, &orphans)?,
        false => clean::find(&mut opened.project, &chosen)?,
    };
    let removed = findings.iter().filter(|finding| matches!(finding, Finding::Ours(_))).count();
    let verb = if args.dry_run { "would remove" } else { "removed" };
    if !args.dry_run {
        let cleaned = clean::clean(&mut opened.project, &findings);
        clean::forget(&mut opened.project, &orphans);
        close(&mut opened, &context.world, LockPolicy::Update, None)?;
        cleaned?;
    }
    if args.json {
        context.answer(&as_json(&findings, args));
        return Ok(0);
    }
    for finding in &findings {
        match finding {
            Finding::Ours(path) => context.answer(&format!("{verb} {path}\n")),
            Finding::Kept(path) => context.say(&format!("kept {path}: somebody wrote it, or changed it")),
        }
    }
    if removed == 0 {
        context.say("nothing to clean");
    } else if !args.dry_run && !args.orphans {
        context.say("`storygen build` puts all of it back without running anything");
    }
    Ok(0)
}

fn as_json(findings: &[Finding], args: &CleanArgs) -> String {
    let (mut removed, mut kept) = (Vec::new(), Vec::new());
    for finding in findings {
        match finding {
            Finding::Ours(path) => removed.push(path),
            Finding::Kept(path) => kept.push(path),
        }
    }
    format!("{:#}\n", json!({ "version": 1, "dry_run": args.dry_run, "removed": removed, "kept": kept }))
}
