//! A disk for tests that fails, tears writes and forgets what was not synced.

use crate::world::disk::{Append, Disk, Entry, Stat};
use crate::world::real::RealDisk;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// A disk on which one state-changing operation fails, or all from one on; and on which a power cut can be had.
#[derive(Clone)]
pub struct FaultyDisk {
    pub state: Arc<Mutex<FaultState>>,
}

pub struct FaultState {
    /// State-changing operations so far.
    pub done: u64,
    pub fails: Fails,
    /// What a failure is.
    pub error: io::ErrorKind,
    /// What is done first when somebody waits for the disk.
    pub at_sync: Option<Arc<dyn Fn() + Send + Sync>>,
    /// What a power cut would leave of each name made here.
    names: BTreeMap<PathBuf, Durable>,
}

#[derive(Clone, Copy)]
pub enum Fails {
    Never,
    Once(u64),
    From(u64),
    /// Until a file is removed.
    FromUntilFreed(u64),
}

#[derive(Clone, Copy, Default)]
pub struct Durable {
    name: bool,
    is_dir: bool,
    /// How many of the file's bytes.
    len: u64,
}

impl FaultyDisk {
    pub fn new(fails: Fails) -> FaultyDisk {
        let (error, names) = (io::ErrorKind::StorageFull, BTreeMap::new());
        FaultyDisk { state: Arc::new(Mutex::new(FaultState { done: 0, fails, error, at_sync: None, names })) }
    }

    fn step(&self) -> io::Result<()> {
        let mut state = self.state.lock().unwrap();
        state.done += 1;
        let fails = match state.fails {
            Fails::Never => false,
            Fails::Once(number) => state.done == number,
            Fails::From(number) | Fails::FromUntilFreed(number) => state.done >= number,
        };
        if fails { Err(state.error.into()) } else { Ok(()) }
    }

    fn made(&self, path: &Path, durable: Durable) {
        self.state.lock().unwrap().names.entry(path.to_owned()).or_insert(durable);
    }

    fn made_dirs(&self, dir: &Path) {
        for dir in dir.ancestors().filter(|dir| !dir.exists()) {
            self.made(dir, Durable { is_dir: true, ..Durable::default() });
        }
    }

    fn replaced(&self, path: &Path, durable: Durable) {
        self.state.lock().unwrap().names.insert(path.to_owned(), durable);
    }

    /// Takes from the disk all that was not made durable.
    pub fn cut_power(&self) {
        for (path, durable) in &self.state.lock().unwrap().names {
            match (durable.name, durable.is_dir) {
                (true, true) => {}
                (true, false) => {
                    if let Ok(bytes) = std::fs::read(path) {
                        std::fs::write(path, &bytes[..bytes.len().min(durable.len as usize)]).unwrap();
                    }
                }
                (false, true) => drop(std::fs::remove_dir_all(path)),
                (false, false) => drop(std::fs::remove_file(path)),
            }
        }
    }
}

struct FaultyAppend {
    disk: FaultyDisk,
    path: PathBuf,
    file: Box<dyn Append>,
}

impl Append for FaultyAppend {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self.disk.step() {
            Ok(()) => self.file.append(bytes),
            Err(error) => {
                self.file.append(&bytes[..bytes.len() * 2 / 3])?;
                Err(error)
            }
        }
    }

    fn sync(&mut self) -> io::Result<()> {
        let at_sync = self.disk.state.lock().unwrap().at_sync.clone();
        at_sync.iter().for_each(|first| first());
        self.disk.step()?;
        let len = self.file.size()?;
        self.disk.state.lock().unwrap().names.get_mut(&self.path).unwrap().len = len;
        Ok(())
    }

    fn size(&mut self) -> io::Result<u64> {
        self.file.size()
    }

    fn reserve(&mut self, bytes: u64) -> io::Result<()> {
        self.disk.step()?;
        self.file.reserve(bytes)
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        self.disk.step()?;
        self.file.truncate(len)
    }
}

impl Disk for FaultyDisk {
    fn stat(&self, path: &Path) -> io::Result<Stat> {
        RealDisk.stat(path)
    }
    fn stat_following(&self, path: &Path) -> io::Result<Stat> {
        RealDisk.stat_following(path)
    }
    fn canonical(&self, path: &Path) -> io::Result<PathBuf> {
        RealDisk.canonical(path)
    }
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        RealDisk.read(path)
    }
    fn read_at(&self, path: &Path, offset: u64, len: usize) -> io::Result<Vec<u8>> {
        RealDisk.read_at(path, offset, len)
    }
    fn read_pieces(&self, path: &Path, piece: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        RealDisk.read_pieces(path, piece)
    }
    fn list(&self, dir: &Path) -> io::Result<Vec<Entry>> {
        RealDisk.list(dir)
    }
    fn create_dirs(&self, dir: &Path) -> io::Result<()> {
        self.step()?;
        self.made_dirs(dir);
        RealDisk.create_dirs(dir)
    }
    fn create_private_dir(&self, dir: &Path) -> io::Result<()> {
        self.step()?;
        self.made_dirs(dir);
        RealDisk.create_private_dir(dir)
    }
    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.step()?;
        self.replaced(path, Durable::default());
        RealDisk.write(path, bytes)
    }
    fn write_durable(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.step()?;
        self.replaced(path, Durable { name: true, is_dir: false, len: bytes.len() as u64 });
        RealDisk.write(path, bytes)
    }
    fn write_private(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.write_durable(path, bytes)
    }
    fn append(&self, path: &Path) -> io::Result<Box<dyn Append>> {
        self.step()?;
        self.made(path, Durable::default());
        Ok(Box::new(FaultyAppend { disk: self.clone(), path: path.to_owned(), file: RealDisk.append(path)? }))
    }
    fn copy(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step()?;
        self.replaced(to, Durable::default());
        RealDisk.copy(from, to)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step()?;
        RealDisk.rename(from, to)?;
        let mut state = self.state.lock().unwrap();
        let durable = state.names.remove(from).unwrap_or_default();
        state.names.insert(to.to_owned(), Durable { name: false, ..durable });
        Ok(())
    }
    fn set_executable(&self, path: &Path) -> io::Result<()> {
        self.step()?;
        RealDisk.set_executable(path)
    }
    fn clear_executable(&self, path: &Path) -> io::Result<()> {
        self.step()?;
        RealDisk.clear_executable(path)
    }
    fn read_link(&self, path: &Path) -> io::Result<PathBuf> {
        RealDisk.read_link(path)
    }
    fn symlink(&self, target: &str, path: &Path) -> io::Result<()> {
        self.step()?;
        RealDisk.symlink(target, path)
    }
    fn remove_file(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state.lock().unwrap();
        if let Fails::FromUntilFreed(_) = state.fails {
            state.fails = Fails::Never;
        }
        drop(state);
        self.step()?;
        RealDisk.remove_file(path)
    }
    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        self.step()?;
        RealDisk.remove_dir(path)
    }
    fn remove_tree(&self, path: &Path) -> io::Result<()> {
        self.step()?;
        RealDisk.remove_tree(path)
    }
    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.step()?;
        let mut state = self.state.lock().unwrap();
        for (path, durable) in &mut state.names {
            durable.name |= path.parent() == Some(dir);
        }
        Ok(())
    }
}
