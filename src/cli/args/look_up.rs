//! The commands that look and change nothing: `status`, `why`, `graph`, `validate`, `log`, `cost`.

use super::given::GivenArgs;
use crate::report::cost::By;
use clap::{Args, ValueEnum};

/// Show what is up to date and what a build would do
#[derive(Clone, Debug, PartialEq, Args)]
#[command(after_help = "Examples:\n  \
    storygen status                 what a build would do\n  \
    storygen status --exit-code     for scripts: exit status 1 if a build has something to do")]
pub struct StatusArgs {
    /// Stages, patterns of stages, or files; everything if none is given
    #[arg(value_name = "TARGET")]
    pub targets: Vec<String>,
    #[command(flatten)]
    pub given: GivenArgs,
    /// Show also the stages that are up to date
    #[arg(short, long)]
    pub verbose: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Exit with status 1 if a build has something to do
    #[arg(long)]
    pub exit_code: bool,
}

/// Explain why a stage would run, or why it would not
#[derive(Clone, Debug, PartialEq, Args)]
#[command(after_help = "Example:\n  storygen why script     the input, the setting or the line that changed")]
pub struct WhyArgs {
    /// A stage, a pattern of stages, or a file that a stage writes
    #[arg(value_name = "STAGE")]
    pub stage: String,
    #[command(flatten)]
    pub given: GivenArgs,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Draw which stage needs which
#[derive(Clone, Debug, PartialEq, Args)]
#[command(after_help = "Examples:\n  \
    storygen graph                                       a tree\n  \
    storygen graph --format dot | dot -Tsvg > graph.svg  a picture, through Graphviz")]
pub struct GraphArgs {
    #[command(flatten)]
    pub given: GivenArgs,
    /// How to draw it
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    pub format: GraphFormat,
    /// Print JSON: the same as --format json
    #[arg(long, conflicts_with = "format")]
    pub json: bool,
    /// Show beside each stage whether it is up to date
    #[arg(long)]
    pub status: bool,
    /// Show each instance of a stage that is many, not the stage with their number
    #[arg(long)]
    pub expand: bool,
}

impl GraphArgs {
    /// Returns the format that `--format` or `--json` asks for.
    pub fn chosen(&self) -> GraphFormat {
        if self.json { GraphFormat::Json } else { self.format }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum GraphFormat {
    /// Each result with what it needs below it
    #[default]
    Tree,
    /// For Graphviz
    Dot,
    /// For Markdown pages
    Mermaid,
    Json,
}

/// Check the Storyfile and show every fault at once
#[derive(Clone, Debug, PartialEq, Args)]
#[command(
    after_help = "Example:\n  storygen validate     each fault with its line and a way out; exit status 2 if there is one"
)]
pub struct ValidateArgs {
    #[command(flatten)]
    pub given: GivenArgs,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Show all that a stage printed the last time it ran
#[derive(Clone, Debug, PartialEq, Args)]
#[command(after_help = "Example:\n  storygen log voice")]
pub struct LogArgs {
    /// A stage
    #[arg(value_name = "STAGE")]
    pub stage: String,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Show what was paid, and what may have been charged without an answer
#[derive(Clone, Debug, PartialEq, Args)]
#[command(after_help = "Examples:\n  \
    storygen cost                          by stage, with a total for each currency\n  \
    storygen cost --by day --since 2026-11-01\n  \
    storygen cost --csv > paid.csv")]
pub struct CostArgs {
    /// What the lines are
    #[arg(long, value_name = "WHAT", value_enum, default_value_t)]
    pub by: ByArg,
    /// Count from this day on, YYYY-MM-DD (UTC)
    #[arg(long, value_name = "DATE", value_parser = date)]
    pub since: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Print comma-separated values
    #[arg(long, conflicts_with = "json")]
    pub csv: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ByArg {
    #[default]
    Stage,
    Provider,
    Day,
    Run,
}

impl From<ByArg> for By {
    fn from(by: ByArg) -> By {
        match by {
            ByArg::Stage => By::Stage,
            ByArg::Provider => By::Provider,
            ByArg::Day => By::Day,
            ByArg::Run => By::Run,
        }
    }
}

/// Reads a day. That there are 31 of them in each month harms nothing: days are compared as text.
fn date(text: &str) -> Result<String, String> {
    let parts: Vec<&str> = text.split('-').collect();
    let number = |part: &str, digits: usize| {
        let plain = part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit());
        plain.then(|| part.parse::<u32>().ok()).flatten()
    };
    match parts.as_slice() {
        [year, month, day]
            if number(year, 4).is_some()
                && number(month, 2).is_some_and(|month| (1..=12).contains(&month))
                && number(day, 2).is_some_and(|day| (1..=31).contains(&day)) =>
        {
            Ok(text.to_owned())
        }
        _ => Err("write a day as 2026-11-23".to_owned()),
    }
}
