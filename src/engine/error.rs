//! How the machine can fail the engine: with the path and what was tried.

use crate::base::path::{PathFault, RepoPath};
use crate::engine::lockfile::TooNew;
use crate::engine::workspace::is_absent;
use crate::store::StoreError;
use std::io;
use std::path::{Path, PathBuf};

/// The machine failed us.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    #[error("failed to read `{path}`: {source}", path = path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("failed to write `{path}`: {source}", path = path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("`{path}` is neither a file nor a folder", path = path.display())]
    Special { path: PathBuf },
    #[error("`{name}` in `{path}` cannot be used: {fault}", path = path.display())]
    Name { path: PathBuf, name: String, fault: PathFault },
    #[error("`{path}` is a symlink to `{target}`, which is not in that folder", path = path.display(), target = target.display())]
    Outward { path: PathBuf, target: PathBuf },
    #[error("`{path}` leads out of the repo through a symlink")]
    Outside { path: RepoPath },
    #[error("failed to start {what}: {source}")]
    Process { what: String, source: io::Error },
    #[error(transparent)]
    Lock(#[from] TooNew),
    #[error("failed to {0}")]
    Store(#[from] StoreError),
}

impl EngineError {
    pub fn read(path: &Path, source: io::Error) -> EngineError {
        EngineError::Read { path: path.to_owned(), source }
    }

    pub fn write(path: &Path, source: io::Error) -> EngineError {
        EngineError::Write { path: path.to_owned(), source }
    }

    /// Tells whether what was found cannot be content at all: a pipe, a device, a name that no path can have, a link
    /// that leads nowhere.
    pub fn is_no_content(&self) -> bool {
        match self {
            EngineError::Special { .. } | EngineError::Name { .. } | EngineError::Outward { .. } => true,
            EngineError::Read { source, .. } => is_absent(source) || source.kind() == io::ErrorKind::InvalidData,
            _ => false,
        }
    }

    pub fn special(path: &Path) -> EngineError {
        EngineError::Special { path: path.to_owned() }
    }

    pub fn name(path: &Path, name: &str, fault: PathFault) -> EngineError {
        EngineError::Name { path: path.to_owned(), name: name.to_owned(), fault }
    }
}
