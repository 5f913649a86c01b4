//! An exclusive lock on a file, held while its handle lives. It dies with its holder, so none can be stale.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

/// A held lock: dropping it lets the next one in.
#[derive(Debug)]
pub struct Held {
    _file: File,
}

/// What trying for a lock gave.
pub enum Tried {
    Held(Held),
    /// Another process has it; the text is what that one said of itself.
    Busy(String),
}

/// Tries for the lock at `path` without waiting; `holder` is what others will read of us.
///
/// On file systems without locks (`Unsupported`) the lock counts as held: the build stays right, only two at once
/// may do work twice.
pub fn try_exclusive(path: &Path, holder: &str) -> io::Result<Tried> {
    let mut file = open(path)?;
    match file.try_lock() {
        Ok(()) => say(&mut file, holder).map(|()| Tried::Held(Held { _file: file })),
        Err(TryLockError::WouldBlock) => {
            let mut text = String::new();
            file.take(200).read_to_string(&mut text).ok();
            Ok(Tried::Busy(text.trim().to_owned()))
        }
        Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {
            Ok(Tried::Held(Held { _file: file }))
        }
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Waits for the lock at `path`. Blocks the calling thread.
pub fn wait_exclusive(path: &Path, holder: &str) -> io::Result<Held> {
    let mut file = open(path)?;
    match file.lock() {
        Err(error) if error.kind() != io::ErrorKind::Unsupported => return Err(error),
        _ => {}
    }
    say(&mut file, holder)?;
    Ok(Held { _file: file })
}

/// Waits for a part in the lock at `path`: any number may have one while nobody holds the lock alone. Blocks the
/// calling thread.
pub fn wait_shared(path: &Path) -> io::Result<Held> {
    let file = open(path)?;
    match file.lock_shared() {
        Err(error) if error.kind() != io::ErrorKind::Unsupported => Err(error),
        _ => Ok(Held { _file: file }),
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)
}

fn say(file: &mut File, holder: &str) -> io::Result<()> {
    file.set_len(0)?;
    file.seek(SeekFrom::Start(0))?;
    file.write_all(holder.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_to_try_is_told_who_holds_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let first = try_exclusive(&path, "process 1").unwrap();
        assert!(matches!(try_exclusive(&path, "process 2").unwrap(), Tried::Busy(text) if text == "process 1"));
        drop(first);
        assert!(matches!(try_exclusive(&path, "process 2").unwrap(), Tried::Held(_)));
    }

    #[test]
    fn those_who_share_keep_out_one_who_wants_it_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let parts = [wait_shared(&path).unwrap(), wait_shared(&path).unwrap()];
        assert!(matches!(try_exclusive(&path, "").unwrap(), Tried::Busy(_)));
        drop(parts);
        assert!(matches!(try_exclusive(&path, "").unwrap(), Tried::Held(_)));
    }
}
