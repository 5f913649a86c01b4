//! This machine's disk.

use super::disk::{Append, Disk, Entry, Sort, Spelling, Stat};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// The machine's own file system.
pub struct RealDisk;

impl Disk for RealDisk {
    fn stat(&self, path: &Path) -> io::Result<Stat> {
        fs::symlink_metadata(path).map(|meta| describe(&meta))
    }

    fn stat_following(&self, path: &Path) -> io::Result<Stat> {
        fs::metadata(path).map(|meta| describe(&meta))
    }

    fn canonical(&self, path: &Path) -> io::Result<PathBuf> {
        fs::canonicalize(path)
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        fs::read(path)
    }

    fn read_at(&self, path: &Path, offset: u64, len: usize) -> io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(offset))?;
        let mut bytes = Vec::with_capacity(len);
        file.take(len as u64).read_to_end(&mut bytes)?;
        if bytes.len() < len { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(bytes) }
    }

    fn read_pieces(&self, path: &Path, piece: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        let mut file = File::open(path)?;
        let mut buffer = vec![0; 128 * 1024];
        loop {
            match file.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(count) => piece(&buffer[..count]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for entry in walkdir::WalkDir::new(dir).min_depth(1).max_depth(1).sort_by_file_name() {
            let entry = entry.map_err(io::Error::from)?;
            let (name, spelling) = match entry.file_name().to_str() {
                Some(name) => (name.to_owned(), Spelling::Exact),
                None => (entry.file_name().to_string_lossy().into_owned(), Spelling::Lossy),
            };
            entries.push(Entry { name, spelling, sort_is_dir: entry.file_type().is_dir() });
        }
        Ok(entries)
    }

    fn create_dirs(&self, dir: &Path) -> io::Result<()> {
        fs::create_dir_all(dir)
    }

    fn create_private_dir(&self, dir: &Path) -> io::Result<()> {
        let mut builder = fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        match builder.create(dir) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            other => other,
        }
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut file = sibling(path)?;
        file.write_all(bytes)?;
        file.persist(path)?;
        Ok(())
    }

    fn write_durable(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut file = sibling(path)?;
        file.write_all(bytes)?;
        file.as_file().sync_data()?;
        file.persist(path)?;
        self.sync_dir(parent(path))
    }

    fn write_private(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        // Without a mode of its own a temporary file is its owner's alone.
        let mut file = tempfile::Builder::new().prefix(".storygen-").tempfile_in(parent(path))?;
        file.write_all(bytes)?;
        file.as_file().sync_data()?;
        file.persist(path)?;
        self.sync_dir(parent(path))
    }

    fn append(&self, path: &Path) -> io::Result<Box<dyn Append>> {
        let mut options = OpenOptions::new();
        options.create(true).append(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        Ok(Box::new(AppendFile(options.open(path)?)))
    }

    fn copy(&self, from: &Path, to: &Path) -> io::Result<()> {
        let spare = sibling(to)?.into_temp_path();
        // A reflink wants a name that is free; where the file system has none, an ordinary copy does.
        fs::remove_file(&spare)?;
        if reflink_copy::reflink(from, &spare).is_err() {
            // Not `fs::copy`: the content is wanted, never the mode.
            let mut copy = File::create(&spare)?;
            io::copy(&mut File::open(from)?, &mut copy)?;
        }
        spare.persist(to)?;
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn set_executable(&self, path: &Path) -> io::Result<()> {
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(path)?.permissions().mode();
            fs::set_permissions(path, fs::Permissions::from_mode(mode | (mode & 0o444) >> 2))?;
        }
        Ok(())
    }

    fn clear_executable(&self, path: &Path) -> io::Result<()> {
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(path)?.permissions().mode();
            fs::set_permissions(path, fs::Permissions::from_mode(mode & !0o111))?;
        }
        Ok(())
    }

    fn read_link(&self, path: &Path) -> io::Result<PathBuf> {
        fs::read_link(path)
    }

    #[cfg(unix)]
    fn symlink(&self, target: &str, path: &Path) -> io::Result<()> {
        std::os::unix::fs::symlink(target, path)
    }

    #[cfg(not(unix))]
    fn symlink(&self, _target: &str, _path: &Path) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir(path)
    }

    fn remove_tree(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir_all(path)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        #[cfg(unix)]
        File::open(dir)?.sync_all()?;
        Ok(())
    }
}

struct AppendFile(File);

impl Append for AppendFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn size(&mut self) -> io::Result<u64> {
        self.0.metadata().map(|meta| meta.len())
    }

    fn reserve(&mut self, bytes: u64) -> io::Result<()> {
        let len = self.size()?;
        match hold(&self.0, len, bytes) {
            Err(error) if error.kind() == io::ErrorKind::Unsupported => {
                let filled = io::copy(&mut io::repeat(0).take(bytes), &mut self.0);
                self.0.set_len(len)?;
                filled.map(drop)
            }
            other => other,
        }
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }
}

/// Takes blocks for `bytes` bytes from `start` on.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn hold(file: &File, start: u64, bytes: u64) -> io::Result<()> {
    use rustix::fs::{FallocateFlags, fallocate};
    if bytes == 0 {
        return Ok(());
    }
    loop {
        match fallocate(file, FallocateFlags::KEEP_SIZE, start, bytes) {
            Err(rustix::io::Errno::INTR) => {}
            Err(rustix::io::Errno::NOSYS | rustix::io::Errno::OPNOTSUPP) => {
                return Err(io::ErrorKind::Unsupported.into());
            }
            other => return other.map_err(io::Error::from),
        }
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn hold(_file: &File, _start: u64, _bytes: u64) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Opens a nameless neighbour of `path`: on the same file system, so that it can take the path's name in one step.
fn sibling(path: &Path) -> io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".storygen-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // What the user's umask leaves of it, as any program would make the file.
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(parent(path))
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(unix)]
fn describe(meta: &fs::Metadata) -> Stat {
    use std::os::unix::fs::MetadataExt;
    let nanos = |seconds: i64, nanos: i64| seconds.saturating_mul(1_000_000_000).saturating_add(nanos);
    Stat {
        sort: sort(meta),
        size: meta.len(),
        mtime_ns: nanos(meta.mtime(), meta.mtime_nsec()),
        ctime_ns: nanos(meta.ctime(), meta.ctime_nsec()),
        inode: meta.ino(),
        executable: meta.mode() & 0o100 != 0,
    }
}

#[cfg(not(unix))]
fn describe(meta: &fs::Metadata) -> Stat {
    let mtime_ns = meta
        .modified()
        .ok()
        .and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok())
        .map_or(0, |age| i64::try_from(age.as_nanos()).unwrap_or(i64::MAX));
    Stat { sort: sort(meta), size: meta.len(), mtime_ns, ctime_ns: mtime_ns, inode: 0, executable: false }
}

fn sort(meta: &fs::Metadata) -> Sort {
    let kind = meta.file_type();
    if kind.is_file() {
        Sort::File
    } else if kind.is_dir() {
        Sort::Dir
    } else if kind.is_symlink() {
        Sort::Symlink
    } else {
        Sort::Special
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_written_file_replaces_the_old_one_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.txt");
        RealDisk.write(&path, b"one, and long").unwrap();
        RealDisk.write(&path, b"two").unwrap();
        assert_eq!(RealDisk.read(&path).unwrap(), b"two");
        assert_eq!(RealDisk.list(dir.path()).unwrap().len(), 1);
    }

    #[test]
    fn a_copy_never_shares_later_writes() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("a"), dir.path().join("b"));
        RealDisk.write(&from, b"kept").unwrap();
        RealDisk.copy(&from, &to).unwrap();
        fs::write(&to, b"changed").unwrap();
        assert_eq!(RealDisk.read(&from).unwrap(), b"kept");
    }

    #[test]
    fn a_listing_is_sorted() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["b", "a", "c"] {
            RealDisk.write(&dir.path().join(name), b"").unwrap();
        }
        let names: Vec<String> = RealDisk.list(dir.path()).unwrap().into_iter().map(|entry| entry.name).collect();
        assert_eq!(names, ["a", "b", "c"]);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn space_that_is_held_makes_a_file_no_longer() {
        use std::os::unix::fs::MetadataExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        let mut file = RealDisk.append(&path).unwrap();
        file.append(b"abc").unwrap();
        file.reserve(1 << 20).unwrap();
        let meta = fs::metadata(&path).unwrap();
        assert_eq!(meta.len(), 3);
        assert!(meta.blocks() * 512 >= 1 << 20, "nothing is held");
        file.append(b"def").unwrap();
        assert_eq!(RealDisk.read(&path).unwrap(), b"abcdef");
        assert!(file.reserve(1 << 60).is_err());
        assert_eq!(file.size().unwrap(), 6);
    }

    #[test]
    fn reading_past_the_end_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        RealDisk.write(&path, b"abc").unwrap();
        assert_eq!(RealDisk.read_at(&path, 1, 2).unwrap(), b"bc");
        assert_eq!(RealDisk.read_at(&path, 2, 2).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}
