//! `storygen validate`: every fault of the Storyfile in one report. Runs nothing.

use crate::base::diagnostic::Severity;
use crate::cli::args::look_up::ValidateArgs;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::inputs::Inputs;
use crate::cli::session::{find, open_project};
use crate::engine::advice::advice;
use crate::engine::faults::faults_of_sources;
use crate::engine::open::Access;
use crate::report::diagnostic::to_json;
use crate::report::summary::stages;

/// Runs the command and returns its exit code: 2 if there are faults.
pub fn run(context: &Context, args: &ValidateArgs) -> Result<u8, CliError> {
    let found = find(&context.world, &context.dir, context.file.as_deref())?;
    let opened = open_project(&found, &Inputs::of(context, &found, &args.given)?, Access::Read);
    let (sources, faults, count) = match opened {
        Ok(mut opened) => {
            let mut faults = std::mem::take(&mut opened.warnings);
            faults.extend(faults_of_sources(&mut opened.project)?);
            faults.extend(advice(&mut opened.project, opened.sources.text()));
            (opened.sources, faults, opened.project.workflow.without_unfolded().0.len())
        }
        Err(CliError::Faults { sources, faults }) => (sources, faults, 0),
        Err(error) => return Err(error),
    };
    let is_wrong = faults.iter().any(|fault| fault.severity == Severity::Error);
    if args.json {
        context.answer(&format!("{:#}\n", to_json(&faults, &sources)));
        return Ok(if is_wrong { 2 } else { 0 });
    }
    if is_wrong {
        return Err(CliError::Faults { sources, faults });
    }
    context.warn(&sources, &faults);
    let warnings = match faults.len() {
        0 => String::new(),
        1 => ", 1 warning".to_owned(),
        more => format!(", {more} warnings"),
    };
    context.say(&format!("{} is right: {}{warnings}", found.name, stages(count)));
    Ok(0)
}
