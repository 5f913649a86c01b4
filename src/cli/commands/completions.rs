//! `storygen completions`: a script that completes commands in a shell.

use crate::cli::args::definition;
use crate::cli::args::tend::CompletionsArgs;
use crate::cli::context::Context;
use crate::cli::error::CliError;

/// Runs the command and returns its exit code.
pub fn run(context: &Context, args: &CompletionsArgs) -> Result<u8, CliError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut definition(), "storygen", &mut script);
    context.answer(&String::from_utf8_lossy(&script));
    Ok(0)
}
