//! The commands that write a Storyfile, or what an editor knows of one: `export`, `schema`.

use super::given::GivenArgs;
use clap::Args;

/// Print the JSON Schema of Storyfiles, for an editor
#[derive(Clone, Debug, PartialEq, Args)]
#[command(after_help = "Example:\n  \
    storygen schema > storyfile.schema.json\n\n\
    Then write as the first line of the Storyfile:\n  \
    # yaml-language-server: $schema=storyfile.schema.json")]
pub struct SchemaArgs {}

/// Print the Storyfile as it is understood: one stage an instance, every value in its place
#[derive(Clone, Debug, PartialEq, Args)]
#[command(after_help = "Examples:\n  \
    storygen export -p lang=de > german.yaml\n  \
    storygen export --json | jq .stages")]
pub struct ExportArgs {
    #[command(flatten)]
    pub given: GivenArgs,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}
