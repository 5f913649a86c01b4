//! `storygen eject`: prints a preset as Storyfile text, to be changed.

use crate::base::diagnostic::nearest;
use crate::cli::args::tend::EjectArgs;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::kind::presets;

/// Runs the command and returns its exit code.
pub fn run(context: &Context, args: &EjectArgs) -> Result<u8, CliError> {
    match presets::eject(&args.name) {
        Some(text) => {
            context.answer(text);
            Ok(0)
        }
        None => Err(CliError::Usage {
            message: format!("there is no preset `{}`", args.name),
            hint: Some(match nearest(&args.name, presets::NAMES.iter().copied()) {
                Some(name) => format!("Did you mean `{name}`?"),
                None => format!("The presets are: {}.", presets::NAMES.join(", ")),
            }),
        }),
    }
}
