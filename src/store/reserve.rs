//! Disk space held back for paid replies: a call is sent only while there is room for what it will bring.

use super::{Store, StoreError};

/// Enough for the replies of many chat calls, or for some spoken paragraphs.
const RESERVE_BYTES: usize = 1024 * 1024;

impl Store {
    /// Fills the reserve, unless it is full.
    pub(super) fn make_reserve(&self) -> Result<(), StoreError> {
        let (disk, path) = (&*self.inner.disk, self.dir().join("reserve"));
        match disk.stat(&path) {
            Ok(stat) if stat.size == RESERVE_BYTES as u64 => return Ok(()),
            Ok(stat) if stat.sort != crate::world::disk::Sort::File => self.inner.layout.quarantine(disk, &path)?,
            _ => {}
        }
        disk.write(&path, &vec![0; RESERVE_BYTES]).map_err(StoreError::io("hold space back in", &path))
    }

    /// Frees the reserve; tells whether that gained anything.
    pub(super) fn give_up_reserve(&self) -> bool {
        self.inner.disk.remove_file(&self.dir().join("reserve")).is_ok()
    }
}
