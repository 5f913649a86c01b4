//! The store's folder: makes it, knows its version, and keeps what is broken out of the way.

use super::error::StoreError;
use crate::world::disk::{Disk, Sort};
use crate::world::lock::{self, Held, Tried};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

const FORMAT: &str = "storygen store ";
/// The version of everything in the folder.
const VERSION: &str = "1";
/// The signature that <https://bford.info/cachedir/> asks for.
const CACHE_TAG: &str = "Signature: 8a477f597d28d172789f06886806bc55\n# This folder is storygen's cache.\n";
/// How many stores may copy large files at once.
const SLOTS_MAX: u32 = 1024;

/// Where everything lies under a store's folder.
pub struct Layout {
    pub dir: PathBuf,
    /// The folder below `tmp/` that is ours alone, once it is needed.
    slot: Mutex<Option<Slot>>,
}

struct Slot {
    dir: PathBuf,
    used: u64,
    _held: Held,
}

impl Layout {
    /// Returns where this version's store in `dir` is, or would be, without making anything.
    pub fn existing(disk: &dyn Disk, dir: PathBuf) -> Layout {
        match version(disk, &dir) {
            Ok(Version::Another) => Layout::existing(disk, side(&dir)),
            Ok(Version::Ours | Version::Unclear) | Err(_) => Layout::at(dir),
        }
    }

    /// Finds or makes the store in `dir`. A store of another version is left as it is, and a side folder is used.
    pub fn make(disk: &dyn Disk, dir: PathBuf) -> Result<Layout, StoreError> {
        if let Some(parent) = dir.parent() {
            disk.create_dirs(parent).map_err(StoreError::io("make the folder", parent))?;
        }
        disk.create_private_dir(&dir).map_err(StoreError::io("make the folder", &dir))?;
        let layout = match version(disk, &dir)? {
            Version::Another => return Layout::make(disk, side(&dir)),
            Version::Ours => Layout::at(dir),
            Version::Unclear => {
                let layout = Layout::at(dir);
                layout.write_if_missing(disk, ".gitignore", "*\n")?;
                layout.write_if_missing(disk, "CACHEDIR.TAG", CACHE_TAG)?;
                layout.heal_format(disk)?;
                layout
            }
        };
        for name in ["blobs", "locks"] {
            layout.make_dir(disk, &layout.dir.join(name))?;
        }
        Ok(layout)
    }

    fn at(dir: PathBuf) -> Layout {
        Layout { dir, slot: Mutex::new(None) }
    }

    /// Returns the log's path.
    pub fn log(&self) -> PathBuf {
        self.dir.join("log")
    }

    /// Returns the folder of the answers that are arriving.
    pub fn paid(&self) -> PathBuf {
        self.dir.join("paid")
    }

    /// Returns the path of the lock that all writers share.
    pub fn writers_lock(&self) -> PathBuf {
        self.dir.join("locks/writers")
    }

    /// Returns the path of a lock for paid calls; `shard` is the first byte of the request's key.
    pub fn request_lock(&self, shard: u8) -> PathBuf {
        self.dir.join(format!("locks/{shard:02x}"))
    }

    /// Makes a folder where there is none, moving away what is in its place.
    pub fn make_dir(&self, disk: &dyn Disk, dir: &Path) -> Result<(), StoreError> {
        if disk.stat_following(dir).is_ok_and(|stat| stat.sort != Sort::Dir) {
            self.quarantine(disk, dir)?;
        }
        disk.create_dirs(dir).map_err(StoreError::io("make the folder", dir))
    }

    /// Returns a path for a file that nobody else writes, on the store's own file system.
    pub fn spare_path(&self, disk: &dyn Disk) -> Result<PathBuf, StoreError> {
        let mut guard = self.slot.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = match &mut *guard {
            Some(slot) => slot,
            empty => empty.insert(self.take_slot(disk)?),
        };
        slot.used += 1;
        Ok(slot.dir.join(slot.used.to_string()))
    }

    /// Tries for one of the store's locks without waiting.
    pub fn try_lock(&self, disk: &dyn Disk, path: &Path) -> Result<Tried, StoreError> {
        let failed = match lock::try_exclusive(path, "") {
            Ok(tried) => return Ok(tried),
            Err(error) => error,
        };
        // A folder, or a symlink to nowhere.
        if !matches!(failed.kind(), io::ErrorKind::IsADirectory | io::ErrorKind::NotFound) {
            return Err(StoreError::io("lock", path)(failed));
        }
        set_aside(disk, &self.dir, path)?;
        lock::try_exclusive(path, "").map_err(StoreError::io("lock", path))
    }

    /// Moves a broken file or folder of the store out of the way.
    pub fn quarantine(&self, disk: &dyn Disk, path: &Path) -> Result<(), StoreError> {
        set_aside(disk, &self.dir, path)
    }

    /// Takes the first of the numbered folders below `tmp/` that no living process holds, and empties it.
    fn take_slot(&self, disk: &dyn Disk) -> Result<Slot, StoreError> {
        for number in 0..SLOTS_MAX {
            let path = self.dir.join(format!("locks/tmp-{number}"));
            if let Tried::Held(held) = self.try_lock(disk, &path)? {
                self.make_dir(disk, &self.dir.join("tmp"))?;
                let dir = self.dir.join(format!("tmp/{number}"));
                match disk.remove_tree(&dir) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => {
                        return Err(StoreError::io("empty", &dir)(error));
                    }
                    _ => disk.create_dirs(&dir).map_err(StoreError::io("make the folder", &dir))?,
                }
                return Ok(Slot { dir, used: 0, _held: held });
            }
        }
        let path = self.dir.join("tmp");
        Err(StoreError::Io { tried: "find a free place in", path, source: io::ErrorKind::WouldBlock.into() })
    }

    fn write_if_missing(&self, disk: &dyn Disk, name: &str, text: &str) -> Result<(), StoreError> {
        let path = self.dir.join(name);
        match disk.stat(&path) {
            Ok(_) => Ok(()),
            Err(_) => disk.write(&path, text.as_bytes()).map_err(StoreError::io("write", &path)),
        }
    }

    /// Writes `format` anew: it was missing, or no version could be read from it, so it says nothing.
    fn heal_format(&self, disk: &dyn Disk) -> Result<(), StoreError> {
        let path = self.dir.join("format");
        if disk.stat(&path).is_ok_and(|stat| stat.sort != Sort::File) {
            self.quarantine(disk, &path)?;
        }
        let text = format!("{FORMAT}{VERSION}\n");
        disk.write(&path, text.as_bytes()).map_err(StoreError::io("write", &path))
    }
}

/// Makes way for a file at `path` below the store's `dir`: a folder or a symlink to nowhere is set aside.
pub fn make_way(disk: &dyn Disk, dir: &Path, path: &Path) -> Result<(), StoreError> {
    let is_there = disk.stat(path).is_ok();
    match disk.stat_following(path) {
        Ok(stat) if stat.sort == Sort::File => Ok(()),
        Err(error) if error.kind() != io::ErrorKind::NotFound => Ok(()),
        _ if is_there => set_aside(disk, dir, path),
        _ => Ok(()),
    }
}

/// Moves what stands at `path` into `quarantine/` below `dir`, under a name that tells where it was.
fn set_aside(disk: &dyn Disk, dir: &Path, path: &Path) -> Result<(), StoreError> {
    let shelter = dir.join("quarantine");
    disk.create_dirs(&shelter).map_err(StoreError::io("make the folder", &shelter))?;
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("unnamed");
    let free = (0..)
        .map(|number| shelter.join(format!("{name}.{number}")))
        .find(|candidate| disk.stat(candidate).is_err())
        .expect("numbers do not end");
    match disk.rename(path, &free) {
        // Another process was quicker.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other.map_err(StoreError::io("set aside", path)),
    }
}

enum Version {
    Ours,
    Another,
    /// There is no `format`, or it is damaged.
    Unclear,
}

fn version(disk: &dyn Disk, dir: &Path) -> Result<Version, StoreError> {
    let path = dir.join("format");
    let bytes = match disk.read(&path) {
        Ok(bytes) => bytes,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::IsADirectory) => {
            return Ok(Version::Unclear);
        }
        // It may be another version's, so it must not be written anew.
        Err(error) => return Err(StoreError::io("read", &path)(error)),
    };
    let text = String::from_utf8_lossy(&bytes);
    Ok(match text.strip_prefix(FORMAT).and_then(|rest| rest.strip_suffix('\n')) {
        Some(VERSION) => Version::Ours,
        Some(other) if other.parse::<u32>().is_ok() => Version::Another,
        _ => Version::Unclear,
    })
}

/// Returns the folder that this version uses inside a store of another version.
fn side(dir: &Path) -> PathBuf {
    dir.join(format!("v{VERSION}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::real::RealDisk;
    use std::fs;

    #[test]
    fn a_new_store_hides_itself_from_git_and_backups_and_others() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("deep/.storygen");
        Layout::make(&RealDisk, dir.clone()).unwrap();
        assert_eq!(fs::read_to_string(dir.join(".gitignore")).unwrap(), "*\n");
        assert!(fs::read_to_string(dir.join("CACHEDIR.TAG")).unwrap().starts_with("Signature: 8a477f597d28d1"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&dir).unwrap().permissions().mode() & 0o777, 0o700);
        }
    }

    #[test]
    fn another_versions_store_is_left_alone_and_a_side_folder_is_used() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("format"), "storygen store 7\n").unwrap();
        fs::write(root.path().join("log"), "of version 7").unwrap();
        let layout = Layout::make(&RealDisk, root.path().to_owned()).unwrap();
        assert_eq!(layout.dir, root.path().join("v1"));
        assert_eq!(fs::read_to_string(root.path().join("format")).unwrap(), "storygen store 7\n");
        assert_eq!(fs::read_to_string(root.path().join("log")).unwrap(), "of version 7");
        assert_eq!(Layout::existing(&RealDisk, root.path().to_owned()).dir, layout.dir);
    }

    #[test]
    fn a_damaged_format_file_is_written_anew() {
        for damage in ["", "storygen store 1", "\0\0\0", "storygen stpre 1\n"] {
            let root = tempfile::tempdir().unwrap();
            Layout::make(&RealDisk, root.path().to_owned()).unwrap();
            fs::write(root.path().join("format"), damage).unwrap();
            assert_eq!(Layout::make(&RealDisk, root.path().to_owned()).unwrap().dir, root.path());
            assert_eq!(fs::read_to_string(root.path().join("format")).unwrap(), "storygen store 1\n");
        }
    }

    #[test]
    fn two_stores_never_share_a_place_for_copies_and_a_dead_ones_rest_is_swept() {
        let root = tempfile::tempdir().unwrap();
        let one = Layout::make(&RealDisk, root.path().to_owned()).unwrap();
        let two = Layout::make(&RealDisk, root.path().to_owned()).unwrap();
        let left = one.spare_path(&RealDisk).unwrap();
        assert_ne!(left, two.spare_path(&RealDisk).unwrap());
        fs::write(&left, "half a copy").unwrap();
        drop(one);
        Layout::make(&RealDisk, root.path().to_owned()).unwrap().spare_path(&RealDisk).unwrap();
        assert!(!left.exists());
    }
}
