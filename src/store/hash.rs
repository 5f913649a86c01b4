//! Hashes files that others may be writing, and reads the file system's own clock.

use super::StoreError;
use super::layout::make_way;
use crate::base::digest::Digest;
use crate::world::disk::{Disk, Stat};
use rayon::prelude::*;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Up to this size a file is read at once, in bytes.
const WHOLE_BYTES_MAX: u64 = 128 * 1024;
/// Up to this many files are hashed on the calling thread: for fewer, threads cost more than they bring.
const ALONE_FILES_MAX: usize = 64;

/// Returns the digest of the content that `path` leads to, and the stat that goes with it.
///
/// # Errors
/// [`StoreError::Moving`] if the file changed during both of two tries.
pub fn hash_file(disk: &dyn Disk, path: &Path) -> Result<(Digest, Stat), StoreError> {
    let look = || disk.stat_following(path).map_err(StoreError::io("look at", path));
    let mut before = look()?;
    for _ in 0..2 {
        let digest = hash_once(disk, path, before.size)?;
        let after = look()?;
        if before == after {
            return Ok((digest, after));
        }
        before = after;
    }
    Err(StoreError::Moving { path: path.to_owned() })
}

/// Hashes many files, on all cores if they are more than a few; the answers stand in the order of `paths`.
pub fn hash_many(disk: &dyn Disk, paths: &[PathBuf]) -> Vec<Result<(Digest, Stat), StoreError>> {
    if paths.len() <= ALONE_FILES_MAX {
        paths.iter().map(|path| hash_file(disk, path)).collect()
    } else {
        paths.par_iter().map(|path| hash_file(disk, path)).collect()
    }
}

fn hash_once(disk: &dyn Disk, path: &Path, size: u64) -> Result<Digest, StoreError> {
    if size <= WHOLE_BYTES_MAX {
        return disk.read(path).map(|bytes| Digest::of(&bytes)).map_err(StoreError::io("read", path));
    }
    let mut hasher = Digest::hasher();
    disk.read_pieces(path, &mut |piece| {
        hasher.update(piece);
    })
    .map_err(StoreError::io("read", path))?;
    Ok(hasher.finish())
}

/// The clock of the file system that a folder is on.
#[derive(Clone)]
pub struct FsClock {
    disk: Arc<dyn Disk>,
    file: PathBuf,
}

impl FsClock {
    /// Returns the clock of the file system of `dir`; it will write a file `clock` there.
    pub fn new(disk: Arc<dyn Disk>, dir: &Path) -> FsClock {
        FsClock { disk, file: dir.join("clock") }
    }

    /// Returns the time that a file written now is stamped with, in nanoseconds since 1970.
    pub fn now_ns(&self) -> Result<i64, StoreError> {
        if let Err(error) = self.disk.write(&self.file, b"") {
            let dir = self.file.parent().expect("the clock lies in a folder");
            make_way(&*self.disk, dir, &self.file)?;
            // Nothing was in the way if it fails again.
            self.disk.write(&self.file, b"").map_err(|_| StoreError::io("write", &self.file)(error))?;
        }
        let stat = self.disk.stat(&self.file).map_err(StoreError::io("look at", &self.file))?;
        Ok(stat.mtime_ns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Memo;
    use crate::world::real::RealDisk;
    use std::fs;

    #[test]
    fn a_file_of_any_size_is_hashed_with_its_stat() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        for size in [0, 10, WHOLE_BYTES_MAX as usize * 3 + 1] {
            let bytes = vec![7; size];
            fs::write(&path, &bytes).unwrap();
            let (digest, stat) = hash_file(&RealDisk, &path).unwrap();
            assert_eq!((digest, stat.size), (Digest::of(&bytes), size as u64));
        }
    }

    #[test]
    fn many_files_are_answered_in_order_with_their_own_failures() {
        let dir = tempfile::tempdir().unwrap();
        let paths: Vec<PathBuf> = (0..ALONE_FILES_MAX * 2).map(|number| dir.path().join(number.to_string())).collect();
        for (number, path) in paths.iter().enumerate().skip(1) {
            fs::write(path, number.to_string()).unwrap();
        }
        let answers = hash_many(&RealDisk, &paths);
        assert!(answers[0].is_err());
        for (number, answer) in answers.iter().enumerate().skip(1) {
            assert_eq!(answer.as_ref().unwrap().0, Digest::of(number.to_string().as_bytes()));
        }
    }

    #[test]
    fn rewrites_right_after_hashing_are_never_taken_for_the_old_content() {
        let dir = tempfile::tempdir().unwrap();
        let (path, clock) = (dir.path().join("a"), FsClock::new(Arc::new(RealDisk), dir.path()));
        let mut memo = Memo::default();
        for round in 0..200_u32 {
            fs::write(&path, format!("old {round:06}")).unwrap();
            let now_ns = clock.now_ns().unwrap();
            let (digest, stat) = hash_file(&RealDisk, &path).unwrap();
            memo.learn("a", stat, digest, now_ns);
            fs::write(&path, format!("new {round:06}")).unwrap();
            assert_eq!(memo.lookup("a", &RealDisk.stat(&path).unwrap()), None);
        }
    }
}
