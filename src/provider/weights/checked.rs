//! Reads files and refuses those that are not the pinned ones.

use super::fault::{Fault, OnDisk};
use crate::world::disk::Disk;
use sha2::{Digest as _, Sha256};
use std::fmt::Write;
use std::path::Path;

/// What a file must be.
#[derive(Clone, Copy, Debug)]
pub struct Pinned<'a> {
    pub sha256: &'a str,
    /// In bytes.
    pub size: u64,
}

/// Returns the content of the file if it is the pinned one.
pub fn read(disk: &dyn Disk, path: &Path, pinned: Pinned) -> Result<Vec<u8>, Fault> {
    check_size(disk, path, pinned)?;
    let bytes = disk.read(path).on_disk("read", path)?;
    compare(path, &sha256(&bytes), pinned)?;
    Ok(bytes)
}

/// Reads the file through and says whether it is the pinned one.
pub fn verify(disk: &dyn Disk, path: &Path, pinned: Pinned) -> Result<(), Fault> {
    check_size(disk, path, pinned)?;
    let mut hasher = Sha256::new();
    disk.read_pieces(path, &mut |piece| hasher.update(piece)).on_disk("read", path)?;
    compare(path, &hex(hasher), pinned)
}

/// Returns the sha256 in lower-case hex.
pub fn sha256(bytes: &[u8]) -> String {
    hex(Sha256::new_with_prefix(bytes))
}

/// Says whether a file's hash is the pinned one.
pub fn compare(path: &Path, found: &str, pinned: Pinned) -> Result<(), Fault> {
    if found == pinned.sha256 {
        return Ok(());
    }
    let what = format!("its sha256 is {found}, expected {}", pinned.sha256);
    Err(Fault::Wrong { path: path.to_owned(), what })
}

/// Returns what a hasher has seen, in lower-case hex.
pub fn hex(hasher: Sha256) -> String {
    hasher.finalize().iter().fold(String::with_capacity(64), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a String takes all text");
        text
    })
}

/// Spares reading a file that cannot be the right one, however large.
fn check_size(disk: &dyn Disk, path: &Path, pinned: Pinned) -> Result<(), Fault> {
    let found = disk.stat_following(path).on_disk("read", path)?.size;
    if found == pinned.size {
        return Ok(());
    }
    let what = format!("it has {found} bytes, expected {}", pinned.size);
    Err(Fault::Wrong { path: path.to_owned(), what })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::real::RealDisk;

    // FIPS 180-2, appendix B.1.
    const ABC: Pinned = Pinned { sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", size: 3 };

    #[test]
    fn the_pinned_file_is_read_and_any_other_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.gguf");
        RealDisk.write(&path, b"abc").unwrap();
        assert_eq!(read(&RealDisk, &path, ABC).unwrap(), b"abc");
        verify(&RealDisk, &path, ABC).unwrap();

        RealDisk.write(&path, b"abd").unwrap();
        let text = read(&RealDisk, &path, ABC).unwrap_err().to_string();
        assert!(text.contains("a.gguf") && text.contains("ba7816bf") && text.contains("a52d159f"), "{text}");
        RealDisk.write(&path, b"abcd").unwrap();
        assert!(verify(&RealDisk, &path, ABC).unwrap_err().to_string().contains("it has 4 bytes, expected 3"));
    }
}
