//! The disk, as narrow as the rooms above need it.

use serde::{Deserialize, Serialize};
use std::io;
use std::path::{Path, PathBuf};

/// What a file is, symlinks not followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Sort {
    File,
    Dir,
    Symlink,
    /// A FIFO, socket or device.
    Special,
}

/// What identifies a file's content without reading it.
///
/// `ctime` is in it because no program can set it: a write that restores size and mtime still shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stat {
    pub sort: Sort,
    /// In bytes.
    pub size: u64,
    /// Nanoseconds since 1970.
    pub mtime_ns: i64,
    /// Nanoseconds since 1970; on systems without one, the mtime.
    pub ctime_ns: i64,
    /// 0 on systems without inodes.
    pub inode: u64,
    pub executable: bool,
}

/// One name in a folder.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    pub name: String,
    pub spelling: Spelling,
    pub sort_is_dir: bool,
}

/// Whether a name is given as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Spelling {
    Exact,
    /// The name is not UTF-8: what is given is only for people to read, and opens nothing.
    Lossy,
}

/// An open file that bytes are appended to.
pub trait Append: Send {
    /// Appends all of `bytes` in one write where the system allows.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Returns once all that was appended would survive a power cut.
    fn sync(&mut self) -> io::Result<()>;

    /// Returns the file's length in bytes.
    fn size(&mut self) -> io::Result<u64>;

    /// Holds space for `bytes` more than the file has, without making it longer. Where the system cannot hold space, it
    /// is only made sure that there is some.
    fn reserve(&mut self, bytes: u64) -> io::Result<()>;

    /// Cuts the file to `len` bytes.
    fn truncate(&mut self, len: u64) -> io::Result<()>;
}

/// The disk. Paths are absolute; errors carry the system's own reason.
pub trait Disk: Send + Sync {
    /// Describes `path` itself, not what a symlink points to.
    fn stat(&self, path: &Path) -> io::Result<Stat>;

    /// Describes what `path` leads to.
    fn stat_following(&self, path: &Path) -> io::Result<Stat>;

    /// Returns the path with every symlink resolved.
    fn canonical(&self, path: &Path) -> io::Result<PathBuf>;

    /// Reads a whole file.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// Reads `len` bytes from `offset`; a file that ends earlier is `UnexpectedEof`.
    fn read_at(&self, path: &Path, offset: u64, len: usize) -> io::Result<Vec<u8>>;

    /// Calls `piece` with the file's content piece by piece.
    fn read_pieces(&self, path: &Path, piece: &mut dyn FnMut(&[u8])) -> io::Result<()>;

    /// Lists a folder, sorted by name.
    fn list(&self, dir: &Path) -> io::Result<Vec<Entry>>;

    /// Makes a folder and its parents.
    fn create_dirs(&self, dir: &Path) -> io::Result<()>;

    /// Makes a folder that only its owner can open.
    fn create_private_dir(&self, dir: &Path) -> io::Result<()>;

    /// Replaces a file in one step: readers see the old content or the new, never a part.
    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()>;

    /// Like [`Disk::write`], and returns only once it would survive a power cut.
    fn write_durable(&self, path: &Path, bytes: &[u8]) -> io::Result<()>;

    /// Like [`Disk::write_durable`], and only the file's owner can read it.
    fn write_private(&self, path: &Path, bytes: &[u8]) -> io::Result<()>;

    /// Opens a file for appending, making it if it is not there.
    fn append(&self, path: &Path) -> io::Result<Box<dyn Append>>;

    /// Copies a file's content in one step (reflink where the system has it); the copy never shares later writes.
    fn copy(&self, from: &Path, to: &Path) -> io::Result<()>;

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Returns what a symlink says, whether or not anything is there.
    fn read_link(&self, path: &Path) -> io::Result<PathBuf>;

    /// Makes a symlink at `path` that says `target`.
    fn symlink(&self, target: &str, path: &Path) -> io::Result<()>;

    /// Lets all who may read the file execute it.
    fn set_executable(&self, path: &Path) -> io::Result<()>;

    /// Lets nobody execute the file.
    fn clear_executable(&self, path: &Path) -> io::Result<()>;

    fn remove_file(&self, path: &Path) -> io::Result<()>;

    /// Removes an empty folder.
    fn remove_dir(&self, path: &Path) -> io::Result<()>;

    /// Removes a folder and all it holds, following no symlink.
    fn remove_tree(&self, path: &Path) -> io::Result<()>;

    /// Makes sure that names lately made in `dir` survive a power cut.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
}
