//! The journal of open attempts: written before a command may touch its outputs, so that what a killed command left is
//! known for what it is (R5).
//!
//! One JSON object a line, appended: `open` with the paths, `started` with the process group, `closed`. A torn last line
//! is one that nothing had followed yet.

use crate::base::id::ActionId;
use crate::base::path::RepoPath;
use crate::engine::error::EngineError;
use crate::store::make_way;
use crate::world::disk::{Append, Disk};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// A command that may be writing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    pub action: ActionId,
    /// Its declared outputs.
    pub outputs: Vec<RepoPath>,
    /// Those of them that stood before and were moved to the attempt's `prev/`.
    pub moved: Vec<RepoPath>,
    /// Its process group and when that was started, once it was.
    #[serde(default)]
    pub group: Option<(u32, u64)>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Entry {
    Open(u64, Attempt),
    Started(u64, u32, u64),
    Closed(u64),
}

/// The journal of one run.
pub struct Attempts {
    file: Box<dyn Append>,
    path: PathBuf,
    next: u64,
    open: BTreeSet<u64>,
}

impl Attempts {
    /// Opens the journal at `path`, whose earlier attempts were recovered.
    pub fn open(disk: &dyn Disk, path: &Path) -> Result<Attempts, EngineError> {
        if let Some(dir) = path.parent() {
            make_way(disk, dir, path)?;
        }
        let mut file = disk.append(path).map_err(|error| EngineError::write(path, error))?;
        file.truncate(0).map_err(|error| EngineError::write(path, error))?;
        Ok(Attempts { file, path: path.to_owned(), next: 1, open: BTreeSet::new() })
    }

    /// Opens an attempt and returns its number.
    pub fn begin(&mut self, attempt: Attempt) -> Result<u64, EngineError> {
        let number = self.next;
        self.next += 1;
        self.append(&Entry::Open(number, attempt))?;
        self.open.insert(number);
        Ok(number)
    }

    /// Notes the process group of an attempt.
    pub fn started(&mut self, number: u64, group: u32, started: u64) -> Result<(), EngineError> {
        self.append(&Entry::Started(number, group, started))
    }

    pub fn is_open(&self, number: u64) -> bool {
        self.open.contains(&number)
    }

    /// Closes an attempt: its outputs are published, or as they were before.
    pub fn close(&mut self, number: u64) -> Result<(), EngineError> {
        self.open.remove(&number);
        if self.open.is_empty() {
            // Nothing is open: what was written tells nothing any more.
            return self.file.truncate(0).map_err(|error| EngineError::write(&self.path, error));
        }
        self.append(&Entry::Closed(number))
    }

    fn append(&mut self, entry: &Entry) -> Result<(), EngineError> {
        let mut line = serde_json::to_vec(entry).expect("an entry is plain data");
        line.push(b'\n');
        self.file.append(&line).map_err(|error| EngineError::write(&self.path, error))
    }
}

/// Reads which attempts a dead run left open.
pub fn left_open(bytes: &[u8]) -> BTreeMap<u64, Attempt> {
    let mut open = BTreeMap::new();
    for line in bytes.split(|&byte| byte == b'\n') {
        match serde_json::from_slice(line) {
            Ok(Entry::Open(number, attempt)) => {
                open.insert(number, attempt);
            }
            Ok(Entry::Started(number, group, started)) => {
                if let Some(attempt) = open.get_mut(&number) {
                    attempt.group = Some((group, started));
                }
            }
            Ok(Entry::Closed(number)) => {
                open.remove(&number);
            }
            Err(_) => {}
        }
    }
    open
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::real::RealDisk;

    fn attempt(action: &str) -> Attempt {
        let path = RepoPath::parse("out.txt").unwrap();
        Attempt { action: ActionId::new(action), outputs: vec![path], moved: vec![], group: None }
    }

    #[test]
    fn only_what_was_not_closed_is_left_open() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("attempts");
        let mut attempts = Attempts::open(&RealDisk, &path).unwrap();
        let one = attempts.begin(attempt("one")).unwrap();
        let two = attempts.begin(attempt("two")).unwrap();
        attempts.started(two, 4711, 99).unwrap();
        attempts.close(one).unwrap();
        let left = left_open(&std::fs::read(&path).unwrap());
        assert_eq!(left.keys().collect::<Vec<_>>(), [&two]);
        assert_eq!(left[&two].group, Some((4711, 99)));
        attempts.close(two).unwrap();
        assert!(std::fs::read(&path).unwrap().is_empty());
    }

    #[test]
    fn a_torn_last_line_is_passed_over() {
        let whole = serde_json::to_string(&Entry::Open(1, attempt("one"))).unwrap();
        let torn = format!("{whole}\n{{\"open\":[2,");
        assert_eq!(left_open(torn.as_bytes()).len(), 1);
    }
}
