//! `storygen build`.

use super::given::GivenArgs;
use clap::{ArgAction, Args, ValueEnum};
use std::path::PathBuf;

/// Make what is missing or out of date
///
/// Without a target, everything. A target is a stage (`voice`), a pattern of stages (`chapter:*`) or a file that a stage
/// writes (`dist/story.srt`); all that it needs is made first.
#[derive(Clone, Debug, Default, PartialEq, Args)]
#[command(after_help = "Examples:\n  \
    storygen build                              everything\n  \
    storygen build dist/story.srt               the subtitles and what they need\n  \
    storygen build -p idea=\"a lighthouse\"       with another idea\n  \
    storygen build --batch rows.csv             a story for each row of a table\n  \
    storygen build --dry-run                    only say what would run\n  \
    storygen build --estimate                   only say what it would cost\n  \
    storygen build --force script               write the script anew; the old one is kept")]
pub struct BuildArgs {
    /// Stages, patterns of stages, or files to make
    #[arg(value_name = "TARGET")]
    pub targets: Vec<String>,
    /// Work on this many stages at once [default: the number of cores]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub jobs: Option<u32>,
    /// After a failure, go on with all that does not depend on it
    #[arg(short, long)]
    pub keep_going: bool,
    /// Say what would run, and run nothing
    #[arg(short = 'n', long)]
    pub dry_run: bool,
    /// Say what would be paid, and pay nothing
    #[arg(long, conflicts_with = "dry_run")]
    pub estimate: bool,
    #[command(flatten)]
    pub given: GivenArgs,
    /// Ask for the parameters that the Storyfile asks for and that are not given
    #[arg(long, conflicts_with = "batch")]
    pub interactive: bool,
    /// Make this stage again though it is up to date, as a new take; the earlier takes are kept
    #[arg(long, value_name = "TARGET")]
    pub force: Vec<String>,
    /// Build this stage and all that follows it, on what stands before it
    #[arg(long, value_name = "STAGE", conflicts_with_all = ["only", "targets"])]
    pub from: Option<String>,
    /// Build just this stage, on what stands before it
    #[arg(long, value_name = "STAGE", conflicts_with = "targets")]
    pub only: Option<String>,
    /// Use no network and no provider outside this machine
    #[arg(long)]
    pub offline: bool,
    /// Fetch no model; a stage that needs one fails
    #[arg(long)]
    pub no_pull: bool,
    /// Change nothing in Storyfile.lock and pay for nothing; stop with exit status 3 where that is not possible
    #[arg(long, conflicts_with_all = ["force", "discard_edits"])]
    pub locked: bool,
    /// Spend no more than this in this run, in the place of the Storyfile's `budget`: `5`, `5usd`
    #[arg(long, value_name = "AMOUNT")]
    pub budget: Option<String>,
    /// Pay without the question that comes before more than ten paid calls or one unit of money
    #[arg(short, long)]
    pub yes: bool,
    /// Replace your edits of this stage's files when it runs; they are stored first
    #[arg(long, value_name = "TARGET")]
    pub discard_edits: Vec<String>,
    /// Send keys wherever the Storyfile says, this once [env: STORYGEN_TRUST=1]
    #[arg(long)]
    pub trust: bool,
    /// Say less: only failures and what waits for you
    #[arg(short, long, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Say more: also what is up to date, every reason, every file; twice for the inner workings
    #[arg(short, long, action = ArgAction::Count)]
    pub verbose: u8,
    /// Print the result, or with --dry-run the plan, with --estimate the costs, as JSON on standard output
    #[arg(long)]
    pub json: bool,
    /// Write everything that happens to this file, one JSON object a line; `-` is standard output
    #[arg(long, value_name = "FILE")]
    pub events: Option<PathBuf>,
    /// Write all answers that this build used into this folder, for providers of `type: scripted` to play
    #[arg(long, value_name = "DIR", conflicts_with = "dry_run")]
    pub record: Option<PathBuf>,
    /// How to show work under way [default: live on a terminal, plain lines elsewhere and where CI is set]
    #[arg(long, value_name = "HOW", value_enum, default_value_t, hide_default_value = true)]
    pub progress: ProgressArg,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ProgressArg {
    /// Live on a terminal, plain lines elsewhere
    #[default]
    Auto,
    /// A display that moves
    Live,
    /// One line when a stage starts and one when it ends
    Plain,
}
