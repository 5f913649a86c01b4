//! The listing of a folder that a stage produced: itself a blob, whose digest is the folder's.

use super::{Store, StoreError};
use crate::base::digest::Digest;
use crate::base::path::RepoPath;
use serde::{Deserialize, Serialize};

/// Keeps a listing from being taken for a file's content, and tells its version.
const HEADER: &[u8] = b"storygen tree 1\n";

/// One file below the folder.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TreeEntry {
    /// Relative to the folder.
    pub path: RepoPath,
    pub digest: Digest,
    pub executable: bool,
}

/// All files below a folder. Invariant: sorted by path, each path once. Empty folders are not remembered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TreeListing {
    entries: Vec<TreeEntry>,
}

impl TreeListing {
    /// Lists `entries`, in any order; of two with one path the last counts.
    pub fn new(mut entries: Vec<TreeEntry>) -> TreeListing {
        entries.reverse();
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        entries.dedup_by(|a, b| a.path == b.path);
        TreeListing { entries }
    }

    /// Returns the files, sorted by path.
    pub fn entries(&self) -> &[TreeEntry] {
        &self.entries
    }

    /// Returns the canonical bytes: equal listings have equal bytes.
    pub fn encode(&self) -> Vec<u8> {
        postcard::to_extend(&self.entries, HEADER.to_vec()).expect("a list of plain values has a binary form")
    }

    /// Returns the folder's digest.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.encode())
    }

    /// Reads canonical bytes back; anything else is `None`.
    pub fn decode(bytes: &[u8]) -> Option<TreeListing> {
        let entries: Vec<TreeEntry> = postcard::from_bytes(bytes.strip_prefix(HEADER)?).ok()?;
        let sorted = entries.windows(2).all(|pair| pair[0].path < pair[1].path);
        sorted.then_some(TreeListing { entries })
    }
}

impl Store {
    /// Stores a listing (not the files it lists) and returns the folder's digest.
    pub fn put_tree(&self, listing: &TreeListing) -> Result<Digest, StoreError> {
        self.put(&listing.encode())
    }

    /// Reads the listing of the folder with this digest; `None` is a miss.
    pub fn read_tree(&self, digest: &Digest) -> Result<Option<TreeListing>, StoreError> {
        Ok(self.read(digest)?.and_then(|bytes| TreeListing::decode(&bytes)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(path: &str) -> TreeEntry {
        TreeEntry {
            path: RepoPath::parse(path).unwrap(),
            digest: Digest::of(path.as_bytes()),
            executable: path.ends_with(".sh"),
        }
    }

    #[test]
    fn the_order_of_listing_never_matters() {
        let one = TreeListing::new(vec![entry("a/b.txt"), entry("a.sh"), entry("c")]);
        let two = TreeListing::new(vec![entry("c"), entry("a.sh"), entry("a/b.txt"), entry("c")]);
        assert_eq!(one.digest(), two.digest());
        assert_eq!(TreeListing::decode(&one.encode()), Some(two));
    }

    #[test]
    fn other_bytes_are_no_listing() {
        let mut bytes = TreeListing::new(vec![entry("a")]).encode();
        assert_eq!(TreeListing::decode(b"a line of text"), None);
        bytes.pop();
        assert_eq!(TreeListing::decode(&bytes), None);
    }
}
