//! Bytes by their digest: small ones in the log, large ones in files of their own.

use super::error::{MissReason, StoreError};
use super::frame::FrameSort;
use super::layout::make_way;
use super::{PACKED_BYTES_MAX, Store};
use crate::base::digest::Digest;
use std::io;
use std::path::Path;

/// What became of a wish to have a blob in the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Materialised {
    Done,
    Missing(MissReason),
}

impl Store {
    /// Stores `bytes`. What is there already is not written again.
    ///
    /// Survives the death of this process; after a power cut it may be missing, but never wrong.
    pub fn put(&self, bytes: &[u8]) -> Result<Digest, StoreError> {
        let digest = Digest::of(bytes);
        self.check_writable()?;
        if self.holds(&digest, bytes.len() as u64) {
            return Ok(digest);
        }
        if bytes.len() <= PACKED_BYTES_MAX {
            self.inner.log.append(FrameSort::Blob, &digest, bytes)?;
        } else {
            let path = self.blob_path(&digest);
            self.make_blob_dir(&path)?;
            self.write_out(bytes, &path)?;
        }
        Ok(digest)
    }

    /// Stores the content of the file at `path`; returns its digest and its size in bytes.
    ///
    /// The bytes hashed are the bytes stored, whatever happens to the file meanwhile. Never a hard link.
    pub fn put_file(&self, path: &Path) -> Result<(Digest, u64), StoreError> {
        self.check_writable()?;
        let disk = &*self.inner.disk;
        let size = disk.stat_following(path).map_err(StoreError::io("look at", path))?.size;
        if size <= PACKED_BYTES_MAX as u64 {
            let bytes = disk.read(path).map_err(StoreError::io("read", path))?;
            return Ok((self.put(&bytes)?, bytes.len() as u64));
        }
        let spare = self.inner.layout.spare_path(disk)?;
        disk.copy(path, &spare).map_err(StoreError::io("copy", path))?;
        let (digest, size) = self.hash_of(&spare).map_err(StoreError::io("read", &spare))?;
        if self.holds(&digest, size) {
            disk.remove_file(&spare).map_err(StoreError::io("remove", &spare))?;
        } else {
            let blob = self.blob_path(&digest);
            self.make_blob_dir(&blob)?;
            self.move_out(&spare, &blob)?;
        }
        Ok((digest, size))
    }

    /// Tells whether the blob is present, without reading it.
    pub fn has(&self, digest: &Digest) -> bool {
        self.inner.log.index().blobs.contains_key(digest) || self.file_size(digest).is_some()
    }

    /// Reads a blob, verified; `None` is a miss ([`Store::read_or_why`] gives the reason).
    pub fn read(&self, digest: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.read_or_why(digest)?.ok())
    }

    /// Reads a blob, verified, or tells why it cannot be had. Bytes that turn out wrong are set aside, so that they can
    /// be stored again.
    pub fn read_or_why(&self, digest: &Digest) -> Result<Result<Vec<u8>, MissReason>, StoreError> {
        let mut reason = MissReason::Absent;
        let packed = self.inner.log.index().blobs.get(digest).copied();
        if let Some(place) = packed {
            match self.inner.log.read(place) {
                Ok(bytes) if Digest::of(&bytes) == *digest => return Ok(Ok(bytes)),
                Ok(_) => reason = self.inner.log.damaged(),
                Err(why) => reason = why,
            }
            self.inner.log.forget_blob(digest, place);
        }
        let path = self.blob_path(digest);
        match self.inner.disk.read(&path) {
            Ok(bytes) if Digest::of(&bytes) == *digest => Ok(Ok(bytes)),
            Ok(_) => Ok(Err(self.set_aside(&path)?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Err(reason)),
            Err(error) => Ok(Err(MissReason::of_read(&path, &error))),
        }
    }

    /// Puts a blob's bytes at `to` in one step, verified on the way; what stands there is replaced.
    ///
    /// The folder of `to` must be there. The file is not executable.
    ///
    /// # Errors
    /// Only about writing: whatever keeps the blob from being read is [`Materialised::Missing`].
    pub fn materialise(&self, digest: &Digest, to: &Path) -> Result<Materialised, StoreError> {
        self.check_writable()?;
        let disk = &*self.inner.disk;
        if self.file_size(digest).is_none() {
            return match self.read_or_why(digest)? {
                Ok(bytes) => self.write_out(&bytes, to).map(|()| Materialised::Done),
                Err(reason) => Ok(Materialised::Missing(reason)),
            };
        }
        let (blob, spare) = (self.blob_path(digest), self.inner.layout.spare_path(disk)?);
        if let Err(error) = disk.copy(&blob, &spare) {
            // Reading or writing may have failed: only the blob's own state tells.
            return match self.hash_of(&blob) {
                Ok((found, _)) if found == *digest => Err(StoreError::io("copy", &spare)(error)),
                Ok(_) => Ok(Materialised::Missing(self.set_aside(&blob)?)),
                Err(error) => Ok(Materialised::Missing(MissReason::of_read(&blob, &error))),
            };
        }
        let (found, _) = self.hash_of(&spare).map_err(StoreError::io("read", &spare))?;
        if found != *digest {
            disk.remove_file(&spare).map_err(StoreError::io("remove", &spare))?;
            return Ok(Materialised::Missing(self.set_aside(&blob)?));
        }
        self.move_out(&spare, to)?;
        Ok(Materialised::Done)
    }

    /// Puts `bytes` at `to` in one step; what stands there is replaced, and its folder must be there.
    ///
    /// A kill on the way leaves nothing beside `to`: what is half-written lies in the store, where the next one sweeps it.
    pub fn write_out(&self, bytes: &[u8], to: &Path) -> Result<(), StoreError> {
        self.check_writable()?;
        let spare = self.inner.layout.spare_path(&*self.inner.disk)?;
        // A failure is the target's: it is what the user asked for, and both are on one file system.
        self.inner.disk.write(&spare, bytes).map_err(StoreError::io("write", to))?;
        self.move_out(&spare, to)
    }

    fn move_out(&self, spare: &Path, to: &Path) -> Result<(), StoreError> {
        let disk = &*self.inner.disk;
        match disk.rename(spare, to) {
            // A folder in the place of one of our own files is damage; anywhere else it is the user's.
            Err(error) if error.kind() == io::ErrorKind::IsADirectory && to.starts_with(self.dir()) => {
                make_way(disk, self.dir(), to)?;
                disk.rename(spare, to).map_err(StoreError::io("write", to))
            }
            Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
                disk.copy(spare, to).map_err(StoreError::io("write", to))?;
                disk.remove_file(spare).map_err(StoreError::io("remove", spare))
            }
            other => other.map_err(StoreError::io("write", to)),
        }
    }

    /// Stores a large blob, or stores it again, and returns once it would survive a power cut.
    pub(super) fn put_durable(&self, bytes: &[u8]) -> Result<Digest, StoreError> {
        let digest = Digest::of(bytes);
        let path = self.blob_path(&digest);
        self.make_blob_dir(&path)?;
        self.inner.disk.write_durable(&path, bytes).map_err(StoreError::io("write", &path))?;
        for dir in path.ancestors().skip(2).take(2) {
            self.inner.disk.sync_dir(dir).map_err(StoreError::io("make durable", dir))?;
        }
        Ok(digest)
    }

    /// Tells whether the blob is present with its right size.
    fn holds(&self, digest: &Digest, size: u64) -> bool {
        self.inner.log.index().blobs.contains_key(digest) || self.file_size(digest) == Some(size)
    }

    fn file_size(&self, digest: &Digest) -> Option<u64> {
        use crate::world::disk::Sort;
        let stat = self.inner.disk.stat(&self.blob_path(digest)).ok()?;
        (stat.sort == Sort::File).then_some(stat.size)
    }

    fn make_blob_dir(&self, blob: &Path) -> Result<(), StoreError> {
        let dir = blob.parent().expect("a blob lies in a folder");
        self.inner.layout.make_dir(&*self.inner.disk, dir)
    }

    fn hash_of(&self, path: &Path) -> io::Result<(Digest, u64)> {
        let (mut hasher, mut size) = (Digest::hasher(), 0);
        self.inner.disk.read_pieces(path, &mut |piece| {
            hasher.update(piece);
            size += piece.len() as u64;
        })?;
        Ok((hasher.finish(), size))
    }

    fn set_aside(&self, blob: &Path) -> Result<MissReason, StoreError> {
        if self.is_writable() {
            self.inner.layout.quarantine(&*self.inner.disk, blob)?;
        }
        Ok(MissReason::Damaged { place: blob.display().to_string() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::disk::Disk;
    use crate::world::real::RealDisk;
    use proptest::prelude::*;
    use std::collections::HashMap;
    use std::fs;
    use std::sync::Arc;

    fn store(dir: &Path) -> Store {
        Store::open(Arc::new(RealDisk), dir.join("store")).unwrap()
    }

    fn large(byte: u8) -> Vec<u8> {
        vec![byte; PACKED_BYTES_MAX + 1 + usize::from(byte)]
    }

    #[test]
    fn small_and_large_blobs_come_back_in_a_later_session() {
        let dir = tempfile::tempdir().unwrap();
        let (small, big) = (b"a short line".to_vec(), large(7));
        let digests = [&small, &big].map(|bytes| store(dir.path()).put(bytes).unwrap());
        let later = store(dir.path());
        assert_eq!(later.read(&digests[0]).unwrap(), Some(small));
        assert_eq!(later.read(&digests[1]).unwrap(), Some(big));
        assert_eq!(later.read_or_why(&Digest::of(b"other")).unwrap(), Err(MissReason::Absent));
    }

    #[test]
    fn what_is_stored_twice_is_written_once() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(dir.path());
        store.put(b"once").unwrap();
        let len = fs::metadata(store.dir().join("log")).unwrap().len();
        store.put(b"once").unwrap();
        assert_eq!(fs::metadata(store.dir().join("log")).unwrap().len(), len);
    }

    #[test]
    fn a_file_is_stored_and_put_back_whole_and_never_linked() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(dir.path());
        for bytes in [b"few".to_vec(), large(1)] {
            let (from, to) = (dir.path().join("from"), dir.path().join("to"));
            fs::write(&from, &bytes).unwrap();
            let (digest, size) = store.put_file(&from).unwrap();
            assert_eq!((digest, size), (Digest::of(&bytes), bytes.len() as u64));
            fs::write(&from, "changed since").unwrap();
            assert_eq!(store.materialise(&digest, &to).unwrap(), Materialised::Done);
            assert_eq!(fs::read(&to).unwrap(), bytes);
            fs::write(&to, "edited").unwrap();
            assert_eq!(store.read(&digest).unwrap().unwrap(), bytes);
        }
        assert_eq!(RealDisk.list(&store.dir().join("tmp/0")).unwrap(), []);
    }

    #[cfg(unix)]
    #[test]
    fn a_blob_forgets_that_its_file_was_executable() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let (store, from, to) = (store(dir.path()), dir.path().join("from"), dir.path().join("to"));
        fs::write(&from, large(2)).unwrap();
        RealDisk.set_executable(&from).unwrap();
        let (digest, _) = store.put_file(&from).unwrap();
        assert_eq!(store.materialise(&digest, &to).unwrap(), Materialised::Done);
        assert_eq!(fs::metadata(&to).unwrap().permissions().mode() & 0o111, 0);
    }

    #[test]
    fn a_large_blob_gone_bad_is_set_aside_and_can_be_stored_again() {
        let dir = tempfile::tempdir().unwrap();
        let (store, to) = (store(dir.path()), dir.path().join("to"));
        let bytes = large(3);
        let digest = store.put(&bytes).unwrap();
        let mut bad = bytes.clone();
        bad[500] ^= 1;
        fs::write(store.blob_path(&digest), bad).unwrap();
        assert!(matches!(store.materialise(&digest, &to).unwrap(), Materialised::Missing(MissReason::Damaged { .. })));
        assert!(!to.exists() && !store.has(&digest));
        assert_eq!(RealDisk.list(&store.dir().join("quarantine")).unwrap().len(), 1);
        store.put(&bytes).unwrap();
        assert_eq!(store.read(&digest).unwrap(), Some(bytes));
    }

    #[test]
    fn a_packed_blob_gone_bad_can_be_stored_again_for_good() {
        let dir = tempfile::tempdir().unwrap();
        let digest = store(dir.path()).put(b"once upon a time").unwrap();
        let log = dir.path().join("store/log");
        let mut bytes = fs::read(&log).unwrap();
        let at = bytes.windows(4).position(|window| window == b"upon").unwrap();
        bytes[at] ^= 1;
        fs::write(&log, bytes).unwrap();
        let store = store(dir.path());
        assert!(store.has(&digest));
        assert!(matches!(store.read_or_why(&digest).unwrap(), Err(MissReason::Damaged { .. })));
        assert!(!store.has(&digest));
        store.put(b"once upon a time").unwrap();
        drop(store);
        assert!(self::store(dir.path()).read(&digest).unwrap().is_some());
    }

    #[test]
    fn a_store_for_reading_makes_nothing_and_changes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let reader = Store::open_existing(Arc::new(RealDisk), dir.path().join("store")).unwrap();
        assert_eq!(reader.read(&Digest::of(b"a")).unwrap(), None);
        assert!(matches!(reader.put(b"a"), Err(StoreError::ReadOnly { .. })));
        assert_eq!(RealDisk.list(dir.path()).unwrap(), []);
    }

    #[test]
    fn two_stores_on_one_folder_see_what_each_appends() {
        let dir = tempfile::tempdir().unwrap();
        let (one, two) = (store(dir.path()), store(dir.path()));
        let reader = Store::open_existing(Arc::new(RealDisk), dir.path().join("store")).unwrap();
        let digests: Vec<Digest> = (0..40_u8)
            .map(|number| if number % 3 == 0 { one.put(&[number]) } else { two.put(&[number]) }.unwrap())
            .collect();
        for store in [&one, &two, &reader] {
            store.refresh().unwrap();
            for (number, digest) in digests.iter().enumerate() {
                assert_eq!(store.read(digest).unwrap(), Some(vec![number as u8]));
            }
        }
    }

    #[test]
    fn a_log_replaced_under_an_open_store_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(dir.path());
        let old = store.put(b"old").unwrap();
        fs::rename(store.dir().join("log"), dir.path().join("away")).unwrap();
        store.refresh().unwrap();
        assert!(!store.has(&old));
        let new = store.put(b"new").unwrap();
        assert_eq!(self::store(dir.path()).read(&new).unwrap().unwrap(), b"new");
    }

    #[derive(Clone, Debug)]
    enum Step {
        Put(usize, u8),
        Read(usize, u8),
        Reopen,
    }

    fn step() -> impl Strategy<Value = Step> {
        let sizes = prop_oneof![0..64_usize, PACKED_BYTES_MAX - 1..PACKED_BYTES_MAX + 3];
        prop_oneof![
            4 => (sizes.clone(), 0..4_u8).prop_map(|(size, byte)| Step::Put(size, byte)),
            3 => (sizes, 0..4_u8).prop_map(|(size, byte)| Step::Read(size, byte)),
            1 => Just(Step::Reopen),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn the_store_answers_like_a_plain_map(steps in proptest::collection::vec(step(), 1..60)) {
            let dir = tempfile::tempdir().unwrap();
            let (mut store, mut model) = (self::store(dir.path()), HashMap::new());
            for step in steps {
                match step {
                    Step::Put(size, byte) => {
                        let bytes = vec![byte; size];
                        model.insert(store.put(&bytes).unwrap(), bytes);
                    }
                    Step::Read(size, byte) => {
                        let digest = Digest::of(&vec![byte; size]);
                        prop_assert_eq!(store.read(&digest).unwrap(), model.get(&digest).cloned());
                        prop_assert_eq!(store.has(&digest), model.contains_key(&digest));
                    }
                    Step::Reopen => store = self::store(dir.path()),
                }
            }
        }
    }
}
