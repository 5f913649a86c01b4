//! What goes wrong in the store: the machine's failures, and the reasons why something is not to be had.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// The machine failed the store. Messages follow "failed to …".
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("{tried} `{}`: {source}", path.display())]
    Io { tried: &'static str, path: PathBuf, source: io::Error },
    /// The store was opened for looking only, or there is none.
    #[error("write to `{}`: the store is open for reading only", path.display())]
    ReadOnly { path: PathBuf },
    /// A file changed each time it was read.
    #[error("hash `{}`: it keeps changing while it is read", path.display())]
    Moving { path: PathBuf },
    /// A reply could not be stored, but the answer stands where it arrived.
    #[error("{source}; the answer is kept in `{}`, and the next build takes it from there", path.display())]
    Kept { path: PathBuf, source: Box<StoreError> },
    /// One record is larger than a frame may be.
    #[error("write to `{}`: a record of {size_bytes} bytes is too large", path.display())]
    TooLarge { path: PathBuf, size_bytes: usize },
}

impl StoreError {
    /// Returns what turns an `io::Error` into one that says what was tried where.
    pub(super) fn io(tried: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StoreError {
        let path = path.to_owned();
        move |source| StoreError::Io { tried, path, source }
    }

    /// Tells whether freeing disk space or quota would help.
    pub fn is_disk_full(&self) -> bool {
        use io::ErrorKind::{QuotaExceeded, StorageFull};
        match self {
            StoreError::Io { source, .. } => matches!(source.kind(), StorageFull | QuotaExceeded),
            StoreError::Kept { source, .. } => source.is_disk_full(),
            _ => false,
        }
    }
}

/// Why the store cannot hand something out. Never an error by itself: what is missing can be made again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MissReason {
    /// It was never stored here, or is gone.
    Absent,
    /// The stored bytes are not what was stored.
    Damaged { place: String },
    /// The system would not read it.
    Unreadable { place: String, why: String },
    /// A later version of this program wrote it.
    UnknownVersion { place: String },
}

impl MissReason {
    /// Returns the reason that a failed read at `place` amounts to.
    pub(super) fn of_read(place: &Path, error: &io::Error) -> MissReason {
        match error.kind() {
            io::ErrorKind::NotFound => MissReason::Absent,
            io::ErrorKind::UnexpectedEof => MissReason::Damaged { place: place.display().to_string() },
            _ => MissReason::Unreadable { place: place.display().to_string(), why: error.to_string() },
        }
    }
}

impl fmt::Display for MissReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MissReason::Absent => f.write_str("not in the store"),
            MissReason::Damaged { place } => write!(f, "damaged in `{place}`"),
            MissReason::Unreadable { place, why } => write!(f, "unreadable in `{place}`: {why}"),
            MissReason::UnknownVersion { place } => write!(f, "written by a later version in `{place}`"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_recognised() {
        let full = StoreError::io("append to", Path::new("log"))(io::ErrorKind::StorageFull.into());
        let other = StoreError::io("append to", Path::new("log"))(io::ErrorKind::PermissionDenied.into());
        assert!(full.is_disk_full());
        assert!(!other.is_disk_full());
        assert!(full.to_string().starts_with("append to `log`: "), "{full}");
    }
}
