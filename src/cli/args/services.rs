//! `storygen providers`.

use super::given::GivenArgs;
use clap::{Args, Subcommand};

/// Show the providers of the Storyfile: who they are, what they take, which stages they work for
#[derive(Clone, Debug, PartialEq, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:\n  storygen providers           what the Storyfile says of them\n  storygen providers check     asks each service whether it is there and knows us; no call is paid for"
)]
pub struct ProvidersArgs {
    #[command(subcommand)]
    pub command: Option<ProvidersCommand>,
    #[command(flatten)]
    pub given: GivenArgs,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Clone, Debug, PartialEq, Subcommand)]
pub enum ProvidersCommand {
    /// Ask each service whether it can be reached, takes the key, and knows the model; no call is paid for
    #[command(after_help = "Example:\n  storygen providers check writer")]
    Check {
        /// Providers by name; all if none is given
        #[arg(value_name = "NAME")]
        names: Vec<String>,
        #[command(flatten)]
        given: GivenArgs,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}
