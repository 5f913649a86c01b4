//! `storygen schema`: what an editor completes and checks a Storyfile with.

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::kind::registry::Registry;
use crate::storyfile::schema::schema;

/// Runs the command and returns its exit code.
pub fn run(context: &Context) -> Result<u8, CliError> {
    context.answer(&format!("{:#}\n", schema(&Registry::builtin())));
    Ok(0)
}
