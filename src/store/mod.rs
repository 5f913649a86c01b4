//! Remembers keys and bytes, never what a stage is.
//!
//! On disk, below one private folder: `format` (the version); `log`, frames of small blobs, paid replies and action
//! records, only ever appended to; `blobs/ab/<digest>`, one file for each blob above 16 KiB; `paid/`, answers that are
//! arriving; `reserve`, space held back for paid replies; `locks/`, `tmp/<n>/` and `quarantine/`. Everything but paid
//! replies can be made again, so only those are waited for until they would survive a power cut; all the rest is verified
//! when it is read, and what is wrong is a miss with a reason, never an error and never wrong bytes.
//!
//! - [`Store::put`], [`Store::put_file`], [`Store::read`], [`Store::materialise`]: bytes by their digest
//! - [`Store::save`], [`Store::records`], [`Store::vouches_for`]: what actions produced
//! - [`Store::request`]: paid replies; a miss is a [`Claim`], an obligation
//! - [`Store::account`]: every call that was paid for, or may have been
//! - [`Memo`], [`FsClock`], [`hash_file`], [`hash_many`]: digests without reading

mod account;
mod blob;
mod error;
mod frame;
mod hash;
mod journal;
mod layout;
mod log;
mod memo;
mod record;
mod request;
mod reserve;
mod spool;
mod sync;
mod tree;

#[cfg(test)]
pub(crate) mod faults;

pub use account::{Entry, EntrySort};
pub use blob::Materialised;
pub use error::{MissReason, StoreError};
pub use hash::{FsClock, hash_file, hash_many};
pub use journal::{Intent, Reply, ReplyMeta, ReplyOutcome};
pub use layout::make_way;
pub use memo::{Memo, is_racy};
pub use record::{ActionRecord, Author, Maker, OutputSort, RecordedOutput, Reuse};
pub use request::{Claim, Left, Lookup};
pub use spool::{Answer, Spool, Wholeness};
pub use tree::{TreeEntry, TreeListing};

use crate::base::digest::Digest;
use crate::world::disk::Disk;
use crate::world::lock::{self, Held, Tried};
use layout::Layout;
use log::Log;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// Blobs up to this size lie in the log, larger ones in files, in bytes.
pub const PACKED_BYTES_MAX: usize = 16 * 1024;

/// An open store. Cheap to clone; every clone is the same store. All its methods may be called from any thread.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    disk: Arc<dyn Disk>,
    layout: Layout,
    log: Log,
    records: record::Known,
    flights: request::Flights,
    /// The calls of which this store noted that they may have been charged.
    doubted: Mutex<Vec<Intent>>,
    /// A part in the lock of all writers; `None` in a store that is open for reading only.
    writing: Option<Held>,
}

impl Store {
    /// Opens the store in `dir` for reading and writing, making it if there is none.
    ///
    /// A store of another version is left as it is; an empty one of this version is made inside it.
    pub fn open(disk: Arc<dyn Disk>, dir: PathBuf) -> Result<Store, StoreError> {
        let layout = Layout::make(&*disk, dir)?;
        let log_path = layout.log();
        make_way(&*disk, &layout.dir, &log_path)?;
        let path = layout.writers_lock();
        // Alone, we may cut off what a crash left half-written: nobody can be writing it now.
        let alone = layout.try_lock(&*disk, &path)?;
        let log = Log::open(disk.clone(), log_path)?;
        if let Tried::Held(_) = &alone {
            log.cut_torn_tail()?;
            // It gains space and nothing else: what cannot be removed now goes another time.
            spool::sweep(&*disk, &layout, &log).ok();
        }
        drop(alone);
        let writing = lock::wait_shared(&path).map_err(StoreError::io("lock", &path))?;
        Ok(Store::with(disk, layout, log, Some(writing)))
    }

    /// Opens the store in `dir` for reading, making and changing nothing; an empty store if there is none.
    ///
    /// Whatever would write gives [`StoreError::ReadOnly`].
    pub fn open_existing(disk: Arc<dyn Disk>, dir: PathBuf) -> Result<Store, StoreError> {
        let layout = Layout::existing(&*disk, dir);
        let log = Log::open(disk.clone(), layout.log())?;
        Ok(Store::with(disk, layout, log, None))
    }

    /// Returns the folder that this version's files are in.
    pub fn dir(&self) -> &Path {
        &self.inner.layout.dir
    }

    /// Picks up what other processes stored since.
    pub fn refresh(&self) -> Result<(), StoreError> {
        self.inner.log.refresh()
    }

    /// Returns the clock of the file system that the store is on, for [`Memo::learn`].
    pub fn fs_clock(&self) -> FsClock {
        FsClock::new(self.inner.disk.clone(), self.dir())
    }

    fn with(disk: Arc<dyn Disk>, layout: Layout, log: Log, writing: Option<Held>) -> Store {
        let (records, flights, doubted) = Default::default();
        Store { inner: Arc::new(Inner { disk, layout, log, records, flights, doubted, writing }) }
    }

    fn is_writable(&self) -> bool {
        self.inner.writing.is_some()
    }

    /// Refuses what writes in a store that is open for reading only.
    fn check_writable(&self) -> Result<(), StoreError> {
        if self.is_writable() { Ok(()) } else { Err(StoreError::ReadOnly { path: self.dir().to_owned() }) }
    }

    fn blob_path(&self, digest: &Digest) -> PathBuf {
        let name = digest.to_string();
        self.dir().join("blobs").join(&name[..2]).join(name)
    }
}
