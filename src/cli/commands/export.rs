//! `storygen export`: prints the Storyfile as it is understood.

use crate::cli::args::show::ExportArgs;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::inputs::Inputs;
use crate::cli::session::{find, load_story, with_given};
use crate::kind::registry::Registry;
use crate::storyfile::export::resolve;

/// Runs the command and returns its exit code.
pub fn run(context: &Context, args: &ExportArgs) -> Result<u8, CliError> {
    let found = find(&context.world, &context.dir, context.file.as_deref())?;
    let inputs = Inputs::of(context, &found, &args.given)?;
    if inputs.batch.is_some() {
        return Err(CliError::usage("`export` writes one Storyfile, and `--batch` is about many rows"));
    }
    let loaded = load_story(&found, &Registry::builtin(), &inputs)?;
    context.warn(&loaded.sources, &loaded.warnings);
    let text = loaded.sources.first().text;
    let resolved = with_given(&found, &inputs, None, |given| resolve(text, given)).expect("what has loaded is a tree");
    context.answer(&if args.json { resolved.json() } else { resolved.yaml() });
    Ok(0)
}
