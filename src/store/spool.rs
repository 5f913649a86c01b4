//! Answers as they arrive: a file for each call, below `paid/`, until the reply is durable in the log.
//!
//! Each piece is one plain write, which survives SIGKILL at once; only what could not be stored as a reply is made
//! durable here. Whoever claims the key of a dead call reads what it left, and removes the file when that is settled.

mod record;

use super::Store;
use super::error::StoreError;
use super::journal::Intent;
use super::layout::Layout;
use super::log::Log;
use crate::base::digest::Digest;
use crate::world::disk::{Append, Disk, Sort};
use record::{Check, RecordSort};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Longest piece of one record.
const PIECE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The answer to an intended call, as it arrives. Not to be written to once its [`super::Claim`] is gone.
///
/// What fails here costs only the way back after a crash: the call is sent, so go on, and [`super::Claim::save`] what came.
pub struct Spool {
    store: Store,
    file: Arc<Mutex<SpoolFile>>,
}

/// An answer that a dead call left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What the caller wrote of it before its body: status, length, headers.
    pub head: Vec<u8>,
    pub body: Vec<u8>,
    pub wholeness: Wholeness,
}

/// Whether an answer came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wholeness {
    Ended,
    /// The caller died before it said so: only what head and body say themselves can tell whether all of it is there.
    Cut,
}

/// An open file. After a failed write nothing more is written to it: it would not be found.
pub(super) struct SpoolFile {
    pub path: PathBuf,
    file: Box<dyn Append>,
    /// Of the last record.
    check: Check,
    /// Up to the last record's end, in bytes.
    length: u64,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Arriving,
    Ended,
    Broken,
}

impl Spool {
    pub(super) fn new(store: Store, file: Arc<Mutex<SpoolFile>>) -> Spool {
        Spool { store, file }
    }

    /// Notes what is known before the body: bytes of the caller's own. Once, and first.
    pub fn head(&mut self, head: &[u8]) -> Result<(), StoreError> {
        self.put(RecordSort::Head, head)
    }

    /// Notes a piece of the body; when this returns it survives SIGKILL, not a power cut.
    pub fn piece(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        bytes.chunks(PIECE_BYTES_MAX).try_for_each(|bytes| self.put(RecordSort::Piece, bytes))
    }

    /// Notes that the answer is whole.
    pub fn end(&mut self) -> Result<(), StoreError> {
        self.put(RecordSort::End, &[])
    }

    fn put(&mut self, sort: RecordSort, bytes: &[u8]) -> Result<(), StoreError> {
        let mut file = lock(&self.file);
        match file.put(sort, bytes) {
            // More came than there was room for.
            Err(error) if error.is_disk_full() && self.store.give_up_reserve() => {
                file.mend()?;
                file.put(sort, bytes)
            }
            other => other,
        }
    }
}

impl SpoolFile {
    fn start(&mut self, key: &Digest, intent: &Intent) -> Result<(), StoreError> {
        // What the records take beside the answer depends on its pieces.
        let room = intent.room_bytes.saturating_add(intent.room_bytes / 8 + 4096);
        if intent.room_bytes > 0 {
            self.file.reserve(room).map_err(StoreError::io("hold space back in", &self.path))?;
        }
        self.put(RecordSort::Start, &record::start(key, &intent.call))
    }

    fn put(&mut self, sort: RecordSort, bytes: &[u8]) -> Result<(), StoreError> {
        if self.state == State::Broken {
            return Err(StoreError::io("append to", &self.path)(io::ErrorKind::BrokenPipe.into()));
        }
        let (record, check) = record::encode(&self.check, sort, bytes);
        if let Err(error) = self.file.append(&record) {
            self.state = State::Broken;
            return Err(StoreError::io("append to", &self.path)(error));
        }
        self.check = check;
        self.length += record.len() as u64;
        if sort == RecordSort::End {
            self.state = State::Ended;
        }
        Ok(())
    }

    /// Takes off what a failed write left, so that more can be written.
    fn mend(&mut self) -> Result<(), StoreError> {
        self.file.truncate(self.length).map_err(StoreError::io("cut a torn record off", &self.path))?;
        self.state = State::Arriving;
        Ok(())
    }

    /// Makes the whole answer survive a power cut; `false` if it is not whole.
    pub fn keep(&mut self) -> io::Result<bool> {
        if self.state != State::Ended {
            return Ok(false);
        }
        self.file.sync().map(|()| true)
    }
}

impl Store {
    /// Makes the file for the answer to a call and holds space in it. Under the key's claim.
    pub(super) fn make_spool(&self, key: &Digest, intent: &Intent) -> Result<SpoolFile, StoreError> {
        static MADE: AtomicU64 = AtomicU64::new(0);
        let (disk, dir) = (&*self.inner.disk, self.inner.layout.paid());
        self.inner.layout.make_dir(disk, &dir)?;
        // Of a dead process that had our number.
        self.spools_of(key)?.iter().try_for_each(|path| self.remove_spool(path))?;
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let path = dir.join(format!("{key}.{}-{number}", std::process::id()));
        let file = disk.append(&path).map_err(StoreError::io("open", &path))?;
        let mut spool = SpoolFile { path, file, check: Check::default(), length: 0, state: State::Arriving };
        let made = spool.start(key, intent);
        if made.is_err() {
            self.remove_spool(&spool.path).ok();
        }
        made.map(|()| spool)
    }

    /// Returns what arrived of the answer to an intended call, and every file that stands for its key.
    pub(super) fn spooled(&self, key: &Digest, call: &str) -> Result<(Option<Answer>, Vec<PathBuf>), StoreError> {
        let (mut best, paths): (Option<Answer>, _) = (None, self.spools_of(key)?);
        for path in &paths {
            let bytes = match self.inner.disk.read(path) {
                Ok(bytes) => bytes,
                // Whatever that is, no answer is in it.
                Err(error) if matches!(error.kind(), io::ErrorKind::IsADirectory | io::ErrorKind::NotFound) => continue,
                // Not to be taken for a call without an answer: it may be readable the next time.
                Err(error) => return Err(StoreError::io("read", path)(error)),
            };
            let rank = |answer: &Answer| (answer.wholeness == Wholeness::Ended, answer.body.len());
            match record::read(&bytes, key, call) {
                Some(answer) if best.as_ref().is_none_or(|best| rank(&answer) > rank(best)) => best = Some(answer),
                _ => {}
            }
        }
        Ok((best, paths))
    }

    /// Removes a file of a call that is settled.
    pub(super) fn remove_spool(&self, path: &Path) -> Result<(), StoreError> {
        remove(&*self.inner.disk, &self.inner.layout, path)
    }

    /// Makes the names of the files below `paid/` survive a power cut.
    pub(super) fn keep_spool_names(&self) -> io::Result<()> {
        let paid = self.inner.layout.paid();
        paid.ancestors().take(3).try_for_each(|dir| self.inner.disk.sync_dir(dir))
    }

    fn spools_of(&self, key: &Digest) -> Result<Vec<PathBuf>, StoreError> {
        let (start, dir) = (key.to_string(), self.inner.layout.paid());
        let names = names(&*self.inner.disk, &dir)?;
        Ok(names.into_iter().filter(|name| name.starts_with(&start)).map(|name| dir.join(name)).collect())
    }
}

/// Removes the files of calls that are settled. Only for one who knows that nobody else writes.
pub(super) fn sweep(disk: &dyn Disk, layout: &Layout, log: &Log) -> Result<(), StoreError> {
    let dir = layout.paid();
    let mut names = names(disk, &dir)?;
    {
        let index = log.index();
        let key = |name: &str| Digest::parse(name.split('.').next()?);
        names.retain(|name| key(name).is_some_and(|key| !index.intents.contains_key(&key)));
    }
    if names.is_empty() {
        return Ok(());
    }
    // Its process died after it had appended the reply, perhaps before that was durable.
    log.sync()?;
    names.iter().try_for_each(|name| remove(disk, layout, &dir.join(name)))
}

fn names(disk: &dyn Disk, dir: &Path) -> Result<Vec<String>, StoreError> {
    match disk.list(dir) {
        Ok(entries) => Ok(entries.into_iter().map(|entry| entry.name).collect()),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(vec![]),
        Err(error) => Err(StoreError::io("list", dir)(error)),
    }
}

/// Removes a file, or sets aside what is none.
fn remove(disk: &dyn Disk, layout: &Layout, path: &Path) -> Result<(), StoreError> {
    match disk.remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(_) if disk.stat(path).is_ok_and(|stat| stat.sort == Sort::Dir) => layout.quarantine(disk, path),
        other => other.map_err(StoreError::io("remove", path)),
    }
}

pub(super) fn lock(file: &Mutex<SpoolFile>) -> MutexGuard<'_, SpoolFile> {
    file.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
