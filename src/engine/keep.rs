//! What people wrote: every byte that storygen did not make and would otherwise replace, kept in the repo itself (R7).

use crate::base::digest::Digest;
use crate::engine::error::EngineError;
use crate::world::disk::Disk;
use std::path::{Path, PathBuf};
use std::sync::Arc;

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

    /// Returns the bytes; `None` if they are not there or not what was stored.
    pub fn read(&self, digest: &Digest) -> Option<Vec<u8>> {
        self.disk.read(&self.place(digest)).ok().filter(|bytes| Digest::of(bytes) == *digest)
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
