//! `storygen export`: prints the Storyfile as it is understood.

use crate::cli::args::show::ExportArgs;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::session::{Inputs, find, load_story};
use crate::kind::registry::Registry;
use crate::storyfile::export::resolve;
use crate::storyfile::load::Given;

/// Runs the command and returns its exit code.
pub fn run(context: &Context, args: &ExportArgs) -> Result<u8, CliError> {
    let (world, inputs) = (&context.world, Inputs::of(&args.given));
    let found = find(world, &context.dir, context.file.as_deref())?;
    let loaded = load_story(world, &found, &Registry::builtin(), &inputs)?;
    context.warn(&found, &loaded.warnings);
    let given = Given { params: inputs.params, env: &|name| world.env.get(name).map(str::to_owned), file: &found.name };
    let resolved = resolve(&loaded.text, &given).expect("what has loaded is a tree");
    context.answer(&if args.json { resolved.json() } else { resolved.yaml() });
    Ok(0)
}
