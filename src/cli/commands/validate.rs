//! `storygen validate`: every fault of the Storyfile in one report. Runs nothing.

use crate::base::diagnostic::Severity;
use crate::cli::args::look_up::ValidateArgs;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::session::{Inputs, find, open_project};
use crate::engine::judge::{Course, Demands, Judgement};
use crate::engine::open::Access;
use crate::report::diagnostic::to_json;
use crate::report::summary::stages;
use std::collections::BTreeMap;

/// Runs the command and returns its exit code: 2 if there are faults.
pub fn run(context: &Context, args: &ValidateArgs) -> Result<u8, CliError> {
    let found = find(&context.world, &context.dir, context.file.as_deref())?;
    let text = String::from_utf8(context.world.disk.read(&found.root.join(&found.name)).unwrap_or_default());
    let text = text.unwrap_or_default();
    let mut opened = match open_project(&context.world, &found, &Inputs::of(&args.given), Access::Read) {
        Ok(opened) => opened,
        Err(CliError::Faults { file, text, faults }) if args.json => {
            context.answer(&format!("{:#}\n", to_json(&faults, &file, &text)));
            return Ok(2);
        }
        Err(error) => return Err(error),
    };
    let setups = setup_faults(&mut opened)?;
    if args.json {
        context.answer(&format!("{:#}\n", to_json(&opened.warnings, &found.name, &text)));
    } else {
        context.warn(&found, &opened.warnings);
    }
    for (id, words) in &setups {
        context.say(&format!("error: stage `{id}`: {words}"));
    }
    if !setups.is_empty() {
        return Ok(2);
    }
    if !args.json {
        let count = opened.project.workflow.nodes.len();
        let warnings = opened.warnings.iter().filter(|fault| fault.severity == Severity::Warning).count();
        let more = if warnings == 0 { String::new() } else { format!(", {warnings} warnings") };
        context.say(&format!("{} is right: {}{more}", found.name, stages(count)));
    }
    Ok(0)
}

/// Finds the stages whose settings cannot work here, before any work.
fn setup_faults(opened: &mut crate::engine::open::Opened) -> Result<Vec<(String, String)>, CliError> {
    let settled = vec![None; opened.project.workflow.nodes.len()];
    let (foreseen, demands) = (BTreeMap::new(), Demands::default());
    let mut faults = Vec::new();
    for action in opened.project.workflow.dag.order().to_vec() {
        let course = Course { settled: &settled, foreseen: &foreseen, demands: &demands };
        if let Judgement::Fault(failure) = opened.project.judge(action, &course)?
            && failure.cause == crate::base::failure::Cause::Setup
        {
            let hint = failure.hint.map(|hint| format!("\n  {hint}")).unwrap_or_default();
            faults.push((opened.project.node(action).action.id.to_string(), format!("{}{hint}", failure.message)));
        }
    }
    Ok(faults)
}
