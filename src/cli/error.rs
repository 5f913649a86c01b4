//! Why a command could not do its work: kind, words, a way out, and the exit code.

use crate::base::diagnostic::Diagnostic;
use crate::base::failure::{Cause, Failure};
use crate::base::sources::Sources;
use crate::engine::error::EngineError;
use crate::engine::plan::PlanError;
use crate::engine::select::UnknownTarget;
use crate::report::diagnostic::to_json;
use serde_json::json;
use std::io;
use std::path::{Path, PathBuf};

/// The Storyfile or the command line is wrong (exit 2), or the machine failed (exit 4).
#[derive(Debug)]
pub enum CliError {
    /// Faults of the Storyfile, all at once.
    Faults {
        sources: Sources,
        faults: Vec<Diagnostic>,
    },
    NoStoryfile {
        looked: PathBuf,
        named: bool,
    },
    TooLarge {
        path: PathBuf,
    },
    NotText {
        path: PathBuf,
        at: usize,
    },
    Target(UnknownTarget),
    /// The command line asks for something that cannot be.
    Usage {
        message: String,
        hint: Option<String>,
    },
    /// `--locked` forbids what would have to be done (exit 3).
    Locked {
        message: String,
    },
    /// A person does not want what it would cost (exit 3).
    Declined,
    Machine(EngineError),
    /// The machine failed outside the engine.
    Io {
        what: String,
        source: String,
    },
    /// Nothing may be written there.
    ReadOnly {
        what: String,
        source: String,
    },
    Failure(Failure),
}

impl CliError {
    pub fn read(path: &Path, error: &io::Error) -> CliError {
        CliError::Io { what: format!("failed to read `{}`", path.display()), source: error.to_string() }
    }

    pub fn write(path: &Path, error: &io::Error) -> CliError {
        let (what, source) = (format!("failed to write `{}`", path.display()), error.to_string());
        match error.kind() {
            io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => CliError::ReadOnly { what, source },
            _ => CliError::Io { what, source },
        }
    }

    pub fn folder(path: &Path, error: &io::Error) -> CliError {
        CliError::Usage { message: format!("cannot work in `{}`: {error}", path.display()), hint: None }
    }

    pub fn usage(message: impl Into<String>) -> CliError {
        CliError::Usage { message: message.into(), hint: None }
    }

    pub fn exit_code(&self) -> u8 {
        match self {
            CliError::Machine(_) | CliError::Io { .. } | CliError::ReadOnly { .. } => 4,
            CliError::Failure(failure) if failure.cause == Cause::Machine => 4,
            CliError::Failure(_) => 1,
            CliError::Locked { .. } | CliError::Declined => 3,
            _ => 2,
        }
    }

    /// Returns what kind of error it is, in a word that stays.
    fn code(&self) -> &'static str {
        match self {
            CliError::Faults { .. } => "faults",
            CliError::NoStoryfile { .. } => "no-storyfile",
            CliError::TooLarge { .. } | CliError::NotText { .. } => "unreadable",
            CliError::Target(_) => "unknown-target",
            CliError::Usage { .. } => "usage",
            CliError::Locked { .. } => "locked",
            CliError::Declined => "declined",
            CliError::Machine(_) | CliError::Io { .. } | CliError::ReadOnly { .. } => "machine",
            CliError::Failure(_) => "failed",
        }
    }

    /// Returns the answer of a command that was asked for JSON and has none to give.
    pub fn json(&self) -> String {
        let (message, hint) = self.words();
        let mut error = json!({ "code": self.code(), "message": message, "hint": hint });
        if let CliError::Faults { sources, faults } = self {
            error["faults"] = to_json(faults, sources)["faults"].take();
        }
        format!("{:#}\n", json!({ "version": 1, "exit": self.exit_code(), "error": error }))
    }

    /// Returns what went wrong, and a way out if there is one.
    pub fn words(&self) -> (String, Option<String>) {
        match self {
            CliError::Faults { faults, .. } => {
                let count = faults.len();
                (format!("the Storyfile has {count} {}", if count == 1 { "fault" } else { "faults" }), None)
            }
            CliError::NoStoryfile { looked, named: true } => (format!("there is no file `{}`", looked.display()), None),
            CliError::NoStoryfile { looked, named: false } => (
                format!("there is no Storyfile.yaml in `{}` or above it", looked.display()),
                Some("Run `storygen init` to write one, or name one with `-f FILE`.".to_owned()),
            ),
            CliError::TooLarge { path } => (
                format!("`{}` is larger than 32 MiB", path.display()),
                Some("A Storyfile describes stages; put data into files that stages read.".to_owned()),
            ),
            CliError::NotText { path, at } => (
                format!("`{}` is not UTF-8 text: byte {at} is wrong", path.display()),
                Some("Save the file as UTF-8.".to_owned()),
            ),
            CliError::Target(unknown) => (
                unknown.to_string(),
                Some(match &unknown.suggestion {
                    Some(name) => format!("Did you mean `{name}`?"),
                    None => "`storygen status` lists the stages.".to_owned(),
                }),
            ),
            CliError::Locked { message } => {
                (message.clone(), Some("Build without `--locked`, and commit `Storyfile.lock`.".to_owned()))
            }
            CliError::Declined => (
                "stopped before anything was paid".to_owned(),
                Some("`storygen build --estimate` tells more; `--yes` goes on without the question.".to_owned()),
            ),
            CliError::Usage { message, hint } => (message.clone(), hint.clone()),
            CliError::Machine(error) => {
                let hint = match error {
                    EngineError::Store(store) if store.is_disk_full() => {
                        Some("Free some space and build again: what is finished is kept.".to_owned())
                    }
                    _ => None,
                };
                (error.to_string(), hint)
            }
            CliError::Io { what, source } | CliError::ReadOnly { what, source } => (format!("{what}: {source}"), None),
            CliError::Failure(failure) => (failure.message.clone(), failure.hint.clone()),
        }
    }
}

impl From<EngineError> for CliError {
    fn from(error: EngineError) -> CliError {
        CliError::Machine(error)
    }
}

impl From<PlanError> for CliError {
    fn from(error: PlanError) -> CliError {
        match error {
            PlanError::Unknown(unknown) => unknown.into(),
            PlanError::Engine(error) => error.into(),
        }
    }
}

impl From<UnknownTarget> for CliError {
    fn from(unknown: UnknownTarget) -> CliError {
        CliError::Target(unknown)
    }
}
