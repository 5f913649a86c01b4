//! What people wrote: every byte that storygen did not make and would otherwise replace, kept in the repo itself (R7).

use crate::base::digest::Digest;
use crate::engine::error::EngineError;
use crate::engine::workspace::is_absent;
use crate::world::disk::Disk;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What became of kept bytes.
pub enum Kept {
    Bytes(Vec<u8>),
    Absent,
    /// Something else lies under its name.
    Damaged,
}

/// The folder `.storygen/keep/`: one file for each content, named by its digest.
#[derive(Clone)]
pub struct Keep {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
}

impl Keep {
    pub fn new(disk: Arc<dyn Disk>, dir: PathBuf) -> Keep {
        Keep { disk, dir }
    }

    /// Stores a file's content; it would survive a power cut once this returns.
    pub fn put_file(&self, path: &Path) -> Result<Digest, EngineError> {
        let bytes = self.disk.read(path).map_err(|error| EngineError::read(path, error))?;
        let digest = Digest::of(&bytes);
        if !self.has(&digest) {
            self.disk.create_dirs(&self.dir).map_err(|error| EngineError::write(&self.dir, error))?;
            let place = self.place(&digest);
            self.disk.write_durable(&place, &bytes).map_err(|error| EngineError::write(&place, error))?;
        }
        Ok(digest)
    }

    pub fn has(&self, digest: &Digest) -> bool {
        self.disk.stat(&self.place(digest)).is_ok()
    }

    /// Reads what was kept. A system that cannot read it just now is an error: what a person wrote is not given up for that.
    pub fn read(&self, digest: &Digest) -> Result<Kept, EngineError> {
        let place = self.place(digest);
        match self.disk.read(&place) {
            Ok(bytes) if Digest::of(&bytes) == *digest => Ok(Kept::Bytes(bytes)),
            Ok(_) => Ok(Kept::Damaged),
            Err(error) if is_absent(&error) && !self.has(digest) => Ok(Kept::Absent),
            // A link to nowhere, or a folder in its place.
            Err(error) if is_absent(&error) || error.kind() == io::ErrorKind::IsADirectory => Ok(Kept::Damaged),
            Err(error) => Err(EngineError::read(&place, error)),
        }
    }

    /// Takes what is damaged out of its name, so that nobody counts on it; a person may still want to look at it.
    pub fn set_aside(&self, digest: &Digest) -> Result<(), EngineError> {
        let place = self.place(digest);
        let aside = place.with_extension("damaged");
        self.disk.rename(&place, &aside).map_err(|error| EngineError::write(&aside, error))
    }

    fn place(&self, digest: &Digest) -> PathBuf {
        self.dir.join(digest.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::real::RealDisk;
    use std::fs;

    fn keep(dir: &Path) -> (Keep, Digest) {
        let (keep, file) = (Keep::new(Arc::new(RealDisk), dir.join("keep")), dir.join("poem.md"));
        fs::write(&file, "only a person could write this").unwrap();
        let digest = keep.put_file(&file).unwrap();
        (keep, digest)
    }

    #[test]
    fn what_was_kept_comes_back_and_damage_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let (keep, digest) = keep(dir.path());
        assert!(matches!(keep.read(&digest), Ok(Kept::Bytes(bytes)) if bytes == b"only a person could write this"));
        assert!(matches!(keep.read(&Digest::of(b"other")), Ok(Kept::Absent)));
        fs::write(keep.place(&digest), "else").unwrap();
        assert!(matches!(keep.read(&digest), Ok(Kept::Damaged)));
        fs::remove_file(keep.place(&digest)).unwrap();
        fs::create_dir(keep.place(&digest)).unwrap();
        assert!(matches!(keep.read(&digest), Ok(Kept::Damaged)));
    }

    #[cfg(unix)]
    #[test]
    fn a_system_that_cannot_read_does_not_make_it_damaged() {
        let dir = tempfile::tempdir().unwrap();
        let (keep, digest) = keep(dir.path());
        let place = keep.place(&digest);
        fs::remove_file(&place).unwrap();
        // A name that is too long for the system, as any other failure to read.
        std::os::unix::fs::symlink("x".repeat(300), &place).unwrap();
        assert!(keep.read(&digest).is_err());
        assert!(fs::symlink_metadata(&place).is_ok());
    }
}
