//! The commands that tend a repo and this machine: `accept`, `clean`, `init`, `eject`, `import`, `models`,
//! `trust`, `completions`.

use super::given::GivenArgs;
use clap::{Args, Subcommand};
use clap_complete::Shell;
use std::path::PathBuf;

/// Say that files are right as they stand
///
/// For files that you edited, that are out of date and good all the same, or that storygen did not make. They count as
/// the results of their stages for today's inputs, and nothing is made again.
#[derive(Clone, Debug, PartialEq, Args)]
#[command(after_help = "Examples:\n  \
    storygen accept build/script.md     keep your version of the script\n  \
    storygen accept 'chapter:*'         keep all chapters though their prompt changed")]
pub struct AcceptArgs {
    /// Stages, patterns of stages, or files that stages write
    #[arg(value_name = "PATTERN", required = true)]
    pub patterns: Vec<String>,
    #[command(flatten)]
    pub given: GivenArgs,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Remove the files that stages made
///
/// Sources and files that you edited stay. The cache stays too: the next build puts everything back without making it
/// again.
#[derive(Clone, Debug, PartialEq, Args)]
#[command(after_help = "Examples:\n  \
    storygen clean --dry-run     say what would be removed\n  \
    storygen clean voice         remove what one stage made\n  \
    storygen clean --orphans     remove what stages and items made that are no more")]
pub struct CleanArgs {
    /// Stages, patterns of stages, or files; everything if none is given
    #[arg(value_name = "TARGET")]
    pub targets: Vec<String>,
    #[command(flatten)]
    pub given: GivenArgs,
    /// Remove what is left of stages and items of lists that are no more, instead of what the present ones made
    #[arg(long, conflicts_with = "targets")]
    pub orphans: bool,
    /// Say what would be removed, and remove nothing
    #[arg(short = 'n', long)]
    pub dry_run: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Begin a story: write a Storyfile with all stages from idea to subtitles
///
/// No file that is already there is changed.
#[derive(Clone, Debug, PartialEq, Args)]
#[command(after_help = "Example:\n  storygen init my-story && cd my-story && storygen build")]
pub struct InitArgs {
    /// The folder, made if need be [default: the current one]
    #[arg(value_name = "DIR")]
    pub dir: Option<PathBuf>,
}

/// Print a built-in kind of stage as Storyfile text, to change it
#[derive(Clone, Debug, PartialEq, Args)]
#[command(after_help = "Example:\n  storygen eject script     the prompt that `uses: script` stands for")]
pub struct EjectArgs {
    /// `idea`, `script`, `revision`, `enhancement` or `title`
    #[arg(value_name = "NAME")]
    pub name: String,
}

/// Turn another tool's pipeline (an orchestration file, `dvc.yaml`) into a Storyfile
///
/// Standard output has the Storyfile, standard error what became of each field.
#[derive(Clone, Debug, PartialEq, Args)]
#[command(after_help = "Example:\n  storygen import dvc.yaml -o Storyfile.yaml")]
pub struct ImportArgs {
    /// A YAML or JSON file
    #[arg(value_name = "SOURCE")]
    pub source: PathBuf,
    /// Write the Storyfile to this file instead of standard output
    #[arg(short = 'o', long, value_name = "PATH")]
    pub output: Option<PathBuf>,
    /// Write over a file that is there
    #[arg(long)]
    pub force: bool,
}

/// Show, fetch and find the built-in models
#[derive(Clone, Debug, PartialEq, Args)]
#[command(
    arg_required_else_help = true,
    after_help = "Example:\n  storygen models pull     fetch what builds need, once; afterwards they work offline"
)]
pub struct ModelsArgs {
    #[command(subcommand)]
    pub command: ModelsCommand,
}

#[derive(Clone, Debug, PartialEq, Subcommand)]
pub enum ModelsCommand {
    /// Show the models: how large, under which licence, whether they are here (by the sizes of their files)
    #[command(after_help = "Example:\n  storygen models list")]
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Fetch models that are not here, check every byte, and replace what is damaged
    #[command(after_help = "Example:\n  storygen models pull")]
    Pull {
        /// Models by name; all if none is given
        #[arg(value_name = "NAME")]
        names: Vec<String>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Print where models are kept, or where one is
    #[command(after_help = "Example:\n  storygen models path")]
    Path {
        /// A model
        #[arg(value_name = "NAME")]
        name: Option<String>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

/// Say which hosts this repo may send keys to
///
/// A key goes to its vendor's own host and to this machine. Any other host is trusted by you, for one repo and for the
/// variables that its Storyfile names today; your settings remember it, and the repo does not. Without a host: who is
/// trusted here.
#[derive(Clone, Debug, PartialEq, Args)]
#[command(after_help = "Examples:\n  \
    storygen trust                              who is trusted in this repo\n  \
    storygen trust gateway.example              send it the keys that the Storyfile says\n  \
    storygen trust --remove gateway.example     and no more")]
pub struct TrustArgs {
    /// A host, as `base_url` names it
    #[arg(value_name = "HOST")]
    pub host: Option<String>,
    #[command(flatten)]
    pub given: GivenArgs,
    /// Trust this host no more
    #[arg(long, value_name = "HOST", conflicts_with = "host")]
    pub remove: Option<String>,
    /// Print JSON
    #[arg(long, conflicts_with_all = ["host", "remove"])]
    pub json: bool,
}

/// Print a script that completes commands in your shell
#[derive(Clone, Debug, PartialEq, Args)]
#[command(after_help = "Example:\n  storygen completions bash > ~/.local/share/bash-completion/completions/storygen")]
pub struct CompletionsArgs {
    #[arg(value_name = "SHELL", value_enum)]
    pub shell: Shell,
}
