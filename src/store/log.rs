//! The one append-only log: appends frames, finds them by key, reads them verified.
//!
//! Several processes may read and append at once. Each append is one write, so frames never mix; where another's frame
//! came between, the index is caught up by a scan from where it stood. Nothing is ever rewritten in place.

use super::error::{MissReason, StoreError};
use super::frame::{self, Frame, FrameSort, Place};
use super::sync::SharedSync;
use crate::base::digest::Digest;
use crate::world::disk::{Append, Disk};
use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// How much of the log one read takes: few system calls for small frames, little waste for large ones.
const WINDOW_BYTES: usize = 256 * 1024;

/// Where everything in the log lies. Of several frames with one key the latest counts, except for actions.
#[derive(Default)]
pub struct Index {
    // Looked up by key only, so their order reaches nothing.
    pub blobs: HashMap<Digest, Place>,
    pub replies: HashMap<Digest, Place>,
    pub actions: HashMap<Digest, Vec<Place>>,
    /// Calls that may have been charged: intended, neither answered nor closed.
    pub intents: HashMap<Digest, Place>,
    /// What came of calls: every reply and every doubt, oldest first. Not only the latest of a key: each was a call.
    pub calls: Vec<Call>,
    /// Every action record's place, oldest first.
    pub action_order: Vec<Place>,
    /// Grows when another file took the log's name: places of before mean nothing then.
    pub epoch: u64,
    /// Up to where the log has been indexed, in bytes.
    end: u64,
    /// Of the file that was indexed: another one took its name if it differs.
    inode: Option<u64>,
}

/// A reply or a doubt in the log.
#[derive(Clone, Copy)]
pub struct Call {
    pub sort: FrameSort,
    pub key: Digest,
    pub place: Place,
    pub since: Since,
}

/// What stands before the frame of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// Its own intent.
    Intent,
    /// Nothing since the key's last frame: it may tell of the same call once more.
    Before,
}

impl Index {
    fn end_call(&mut self, sort: FrameSort, frame: Frame) {
        let since = if self.intents.remove(&frame.key).is_some() { Since::Intent } else { Since::Before };
        self.calls.push(Call { sort, key: frame.key, place: frame.place, since });
    }

    fn note(&mut self, frame: Frame) {
        match frame.sort {
            Some(FrameSort::Blob) => {
                self.blobs.insert(frame.key, frame.place);
            }
            Some(FrameSort::Intent) => {
                self.intents.insert(frame.key, frame.place);
            }
            Some(FrameSort::Reply) => {
                self.end_call(FrameSort::Reply, frame);
                self.replies.insert(frame.key, frame.place);
            }
            Some(FrameSort::Doubt) => self.end_call(FrameSort::Doubt, frame),
            Some(FrameSort::Closed) => {
                self.intents.remove(&frame.key);
            }
            Some(FrameSort::Action) => {
                // Nearly always the only one.
                self.actions.entry(frame.key).or_insert_with(|| Vec::with_capacity(1)).push(frame.place);
                self.action_order.push(frame.place);
            }
            Some(FrameSort::Mark) | None => {}
        }
    }
}

/// The handles by which this process appends, each opened when it is first needed.
#[derive(Default)]
struct Writer {
    file: Option<Box<dyn Append>>,
    /// Another one, so that who waits for the disk holds up no append.
    sync: Option<Arc<SharedSync>>,
}

/// An open log.
pub struct Log {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    index: RwLock<Index>,
    /// Whoever holds it is the only one of this process to append.
    writer: Mutex<Writer>,
    /// Whether the log's name itself is known to survive a power cut.
    name_is_durable: AtomicBool,
}

impl Log {
    /// Opens the log at `path`, which need not exist, and indexes it.
    pub fn open(disk: Arc<dyn Disk>, path: PathBuf) -> Result<Log, StoreError> {
        let (index, writer) = (RwLock::default(), Mutex::default());
        let log = Log { disk, path, index, writer, name_is_durable: AtomicBool::new(false) };
        log.refresh()?;
        Ok(log)
    }

    /// Picks up what other processes appended.
    pub fn refresh(&self) -> Result<(), StoreError> {
        let mut writer = self.writer();
        if let Found::AnotherFile = self.catch_up(&mut self.index_mut())? {
            *writer = Writer::default();
        }
        Ok(())
    }

    /// Cuts off a torn tail. Only for one who knows that nobody else appends.
    pub fn cut_torn_tail(&self) -> Result<(), StoreError> {
        let index = self.index();
        match self.disk.stat_following(&self.path) {
            Ok(stat) if stat.size > index.end => {
                let mut file = self.disk.append(&self.path).map_err(StoreError::io("open", &self.path))?;
                file.truncate(index.end).map_err(StoreError::io("cut a torn record off", &self.path))
            }
            _ => Ok(()),
        }
    }

    /// Appends one frame; it survives the death of this process, not a power cut.
    pub fn append(&self, sort: FrameSort, key: &Digest, payload: &[u8]) -> Result<(), StoreError> {
        self.write(&mut self.writer(), sort, key, payload)
    }

    /// Appends one frame and returns once it would survive a power cut; all who wait at the same time wait together.
    pub fn append_durable(&self, sort: FrameSort, key: &Digest, payload: &[u8]) -> Result<(), StoreError> {
        let ticket = {
            let mut writer = self.writer();
            let sync = self.sync_of(&mut writer)?;
            self.write(&mut writer, sort, key, payload)?;
            sync.ticket()
        };
        ticket.wait(|file| self.make_durable(file)).map_err(StoreError::io("make durable", &self.path))
    }

    /// Returns once all that is in the log would survive a power cut.
    pub fn sync(&self) -> Result<(), StoreError> {
        self.make_durable(&mut *self.open_to_append()?).map_err(StoreError::io("make durable", &self.path))
    }

    fn write(&self, writer: &mut Writer, sort: FrameSort, key: &Digest, payload: &[u8]) -> Result<(), StoreError> {
        let bytes = frame::encode(sort, key, payload)
            .ok_or_else(|| StoreError::TooLarge { path: self.path.clone(), size_bytes: payload.len() })?;
        let file = match &mut writer.file {
            Some(file) => file,
            empty => empty.insert(self.open_to_append()?),
        };
        file.append(&bytes).map_err(StoreError::io("append to", &self.path))?;
        let len = file.size().map_err(StoreError::io("measure", &self.path))?;
        let mut index = self.index_mut();
        if index.inode.is_some() && index.end + bytes.len() as u64 == len {
            let place = Place::in_frame(index.end, payload.len());
            index.note(Frame { sort: Some(sort), key: *key, place });
            index.end = len;
        } else {
            // The first frame, or another process appended too: only a scan knows where ours lies.
            self.catch_up(&mut index)?;
        }
        Ok(())
    }

    /// Returns the handle by which what is appended next can be made durable.
    fn sync_of(&self, writer: &mut Writer) -> Result<Arc<SharedSync>, StoreError> {
        if let Some(sync) = writer.sync.as_ref().filter(|sync| !sync.has_failed()) {
            return Ok(sync.clone());
        }
        Ok(writer.sync.insert(Arc::new(SharedSync::new(self.open_to_append()?))).clone())
    }

    fn make_durable(&self, file: &mut dyn Append) -> io::Result<()> {
        file.sync()?;
        if !self.name_is_durable.load(Ordering::Acquire) {
            self.path.ancestors().skip(1).take(2).try_for_each(|dir| self.disk.sync_dir(dir))?;
            self.name_is_durable.store(true, Ordering::Release);
        }
        Ok(())
    }

    /// Returns the index; let go of it before appending.
    pub fn index(&self) -> RwLockReadGuard<'_, Index> {
        self.index.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets a blob whose bytes turned out wrong, so that it can be stored again.
    pub fn forget_blob(&self, digest: &Digest, place: Place) {
        let mut index = self.index_mut();
        if index.blobs.get(digest) == Some(&place) {
            index.blobs.remove(digest);
        }
    }

    /// Reads and verifies one payload.
    pub fn read(&self, place: Place) -> Result<Vec<u8>, MissReason> {
        let stored = self
            .disk
            .read_at(&self.path, place.offset, place.stored_bytes())
            .map_err(|error| MissReason::of_read(&self.path, &error))?;
        match frame::verified(&stored) {
            Some(payload) => Ok(payload.to_vec()),
            None => Err(self.damaged()),
        }
    }

    /// Reads many payloads, handing each to `take` in the order of `places`: `None` where it is not what was written.
    /// Quick where places ascend and lie close together.
    pub fn read_many(&self, places: &[Place], mut take: impl FnMut(Option<&[u8]>)) {
        let len = self.disk.stat_following(&self.path).map_or(0, |stat| stat.size);
        let mut window = Window::new(&*self.disk, &self.path, len);
        for place in places {
            let stored = frame::Source::get(&mut window, place.offset, place.stored_bytes());
            take(stored.ok().and_then(|stored| frame::verified(&stored[..place.stored_bytes()])));
        }
    }

    /// Returns the reason for a payload that is not what was written.
    pub fn damaged(&self) -> MissReason {
        MissReason::Damaged { place: self.path.display().to_string() }
    }

    /// Returns where the log is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn catch_up(&self, index: &mut Index) -> Result<Found, StoreError> {
        self.catch_up_within(index, 3)
    }

    /// Indexes what follows; begins again up to `patience` times if the file shrinks under it.
    fn catch_up_within(&self, index: &mut Index, patience: u32) -> Result<Found, StoreError> {
        let stat = match self.disk.stat_following(&self.path) {
            Ok(stat) => stat,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                *index = Index { epoch: index.epoch + 1, ..Index::default() };
                return Ok(Found::AnotherFile);
            }
            Err(error) => return Err(StoreError::io("look at", &self.path)(error)),
        };
        let same = index.inode == Some(stat.inode) && stat.size >= index.end;
        if !same {
            *index = Index { inode: Some(stat.inode), epoch: index.epoch + 1, ..Index::default() };
        }
        if stat.size > index.end {
            let mut window = Window::new(&*self.disk, &self.path, stat.size);
            let mut frames = Vec::new();
            match frame::scan(&mut window, index.end, stat.size, &mut |frame| frames.push(frame)) {
                Ok(settled) => {
                    // Only once all is read: what was noted twice would count twice.
                    frames.into_iter().for_each(|frame| index.note(frame));
                    index.end = settled;
                }
                // A writer cut off a torn tail meanwhile.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof && patience > 0 => {
                    let again = self.catch_up_within(index, patience - 1)?;
                    return Ok(if same { again } else { Found::AnotherFile });
                }
                Err(error) => return Err(StoreError::io("read", &self.path)(error)),
            }
        }
        Ok(if same { Found::SameFile } else { Found::AnotherFile })
    }

    fn open_to_append(&self) -> Result<Box<dyn Append>, StoreError> {
        self.disk.append(&self.path).map_err(StoreError::io("open", &self.path))
    }

    fn index_mut(&self) -> RwLockWriteGuard<'_, Index> {
        self.index.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What catching up met under the log's name.
enum Found {
    SameFile,
    AnotherFile,
}

/// A stretch of the log in memory that moves along with what is asked of it.
struct Window<'a> {
    disk: &'a dyn Disk,
    path: &'a Path,
    /// Of the whole log, in bytes.
    len: u64,
    start: u64,
    bytes: Vec<u8>,
}

impl<'a> Window<'a> {
    fn new(disk: &'a dyn Disk, path: &'a Path, len: u64) -> Window<'a> {
        Window { disk, path, len, start: 0, bytes: Vec::new() }
    }
}

impl frame::Source for Window<'_> {
    fn get(&mut self, offset: u64, len: usize) -> io::Result<&[u8]> {
        let end = offset + len as u64;
        if end > self.len {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if offset < self.start || end > self.start + self.bytes.len() as u64 {
            let want = (len.max(WINDOW_BYTES) as u64).min(self.len - offset) as usize;
            self.bytes = self.disk.read_at(self.path, offset, want)?;
            self.start = offset;
        }
        Ok(&self.bytes[(offset - self.start) as usize..])
    }
}
