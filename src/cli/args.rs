//! The command line as typed: every command, its options, and the words of `--help`.

pub mod build;
pub mod given;
pub mod look_up;
pub mod services;
pub mod show;
pub mod tend;
pub mod unknown;

use crate::report::look::ColourChoice;
use build::BuildArgs;
use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand, ValueEnum};
use look_up::{CostArgs, GraphArgs, LogArgs, StatusArgs, ValidateArgs, WhyArgs};
use services::ProvidersArgs;
use show::{ExportArgs, SchemaArgs};
use std::ffi::OsString;
use std::path::PathBuf;
use tend::{AcceptArgs, CleanArgs, CompletionsArgs, EjectArgs, ImportArgs, InitArgs, ModelsArgs, TrustArgs};

/// Builds stories: scripts, voices and subtitles from a Storyfile, and only what is out of date.
///
/// A Storyfile says which stages a story is made of and what each reads and writes. `storygen build` makes what is
/// missing or out of date and leaves the rest alone; what was made once is never made, or paid for, twice.
#[derive(Clone, Debug, PartialEq, Parser)]
#[command(
    name = "storygen",
    version,
    propagate_version = true,
    subcommand_required = true,
    arg_required_else_help = true,
    disable_help_subcommand = false,
    max_term_width = 100,
    after_help = "Begin here:\n  \
        storygen init my-story && cd my-story\n  \
        storygen build -p idea=\"falling for someone on the last bus\"\n\n\
        Exit status: 0 done, 1 a stage failed, 2 the Storyfile or the command line is wrong,\n\
        3 waits for a person, 4 this machine failed (disk, cache), 130 or 143 interrupted."
)]
pub struct Args {
    /// Work in this folder instead of the current one
    #[arg(short = 'C', value_name = "DIR", global = true)]
    pub directory: Option<PathBuf>,
    /// Use this Storyfile instead of the nearest `Storyfile.yaml` in this folder or above
    #[arg(short = 'f', long = "file", value_name = "FILE", global = true)]
    pub file: Option<PathBuf>,
    /// When to use colour
    #[arg(long, value_name = "WHEN", value_enum, default_value_t, global = true)]
    pub color: ColorArg,
    /// How the inner workings are logged (`build -vv`, or STORYGEN_LOG=debug)
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t, global = true)]
    pub log_format: LogFormat,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Lines for people
    #[default]
    Text,
    /// One JSON object a line
    Json,
}

#[derive(Clone, Debug, PartialEq, Subcommand)]
pub enum Command {
    #[command(visible_alias = "run")]
    Build(BuildArgs),
    Status(StatusArgs),
    Why(WhyArgs),
    Graph(GraphArgs),
    Validate(ValidateArgs),
    Log(LogArgs),
    Cost(CostArgs),
    Accept(AcceptArgs),
    Clean(CleanArgs),
    Init(InitArgs),
    Eject(EjectArgs),
    Import(ImportArgs),
    Models(ModelsArgs),
    Providers(ProvidersArgs),
    Trust(TrustArgs),
    Schema(SchemaArgs),
    Export(ExportArgs),
    Completions(CompletionsArgs),
    /// A word that is no command of this version; [`parse`] never returns it.
    #[command(external_subcommand)]
    Unknown(Vec<OsString>),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ColorArg {
    /// On a terminal, unless NO_COLOR or CLICOLOR=0 is set
    #[default]
    Auto,
    Always,
    Never,
}

impl From<ColorArg> for ColourChoice {
    fn from(color: ColorArg) -> ColourChoice {
        match color {
            ColorArg::Auto => ColourChoice::Auto,
            ColorArg::Always => ColourChoice::Always,
            ColorArg::Never => ColourChoice::Never,
        }
    }
}

/// Why there is no command to carry out: what to print, and the exit status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stop {
    /// 0 for `--help` and `--version`, whose text is the answer (standard output); else 2 (standard error).
    pub exit: u8,
    /// With a line break at its end.
    pub text: String,
}

/// Reads the command line; the first of `args` is the program's name.
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Args, Stop> {
    let args = Args::try_parse_from(args).map_err(|error| stop(&error))?;
    match &args.command {
        Command::Unknown(words) => Err(unknown::explain(words)),
        _ => Ok(args),
    }
}

/// Returns the definition of the command line, for completions.
pub fn definition() -> clap::Command {
    Args::command()
}

fn stop(error: &clap::Error) -> Stop {
    let asked_for = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    Stop { exit: if asked_for { 0 } else { 2 }, text: error.render().to_string() }
}

#[cfg(test)]
mod tests;
