//! The listing of a folder that a stage produced: itself a blob, whose digest is the folder's.

use super::{Store, StoreError};
use crate::base::digest::Digest;
use crate::base::path::RepoPath;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Keeps a listing from being taken for a file's content, and tells its version.
const HEADER: &[u8] = b"storygen tree 1\n";

/// The version that knows more than files. A listing of files alone is written in the first one: its digest has been a
/// folder's in records and locks since then.
const HEADER_BEYOND_FILES: &[u8] = b"storygen tree 2\n";

/// One file below the folder.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TreeEntry {
    /// Relative to the folder.
    pub path: RepoPath,
    pub digest: Digest,
    pub executable: bool,
}

/// Everything below a folder: files, symlinks that stay in it, and empty folders. Invariant: files sorted by path, each
/// path once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TreeListing {
    entries: Vec<TreeEntry>,
    beyond: BeyondFiles,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct BeyondFiles {
    /// What each symlink says.
    links: BTreeMap<RepoPath, String>,
    empty_folders: BTreeSet<RepoPath>,
}

impl TreeListing {
    /// Lists `entries`, in any order; of two with one path the last counts.
    pub fn new(mut entries: Vec<TreeEntry>) -> TreeListing {
        entries.reverse();
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        entries.dedup_by(|a, b| a.path == b.path);
        TreeListing { entries, beyond: BeyondFiles::default() }
    }

    /// Adds symlinks, each with what it says, and empty folders.
    pub fn with(mut self, links: BTreeMap<RepoPath, String>, empty_folders: BTreeSet<RepoPath>) -> TreeListing {
        self.beyond = BeyondFiles { links, empty_folders };
        self
    }

    /// Returns the files, sorted by path.
    pub fn entries(&self) -> &[TreeEntry] {
        &self.entries
    }

    /// Returns the symlinks and what each says.
    pub fn links(&self) -> &BTreeMap<RepoPath, String> {
        &self.beyond.links
    }

    pub fn empty_folders(&self) -> &BTreeSet<RepoPath> {
        &self.beyond.empty_folders
    }

    /// Tells whether nothing at all is in the folder.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.beyond == BeyondFiles::default()
    }

    /// Returns the canonical bytes: equal listings have equal bytes.
    pub fn encode(&self) -> Vec<u8> {
        let bytes = if self.beyond == BeyondFiles::default() {
            postcard::to_extend(&self.entries, HEADER.to_vec())
        } else {
            postcard::to_extend(&(&self.entries, &self.beyond), HEADER_BEYOND_FILES.to_vec())
        };
        bytes.expect("lists of plain values have a binary form")
    }

    /// Returns the folder's digest.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.encode())
    }

    /// Reads canonical bytes back; anything else is `None`.
    pub fn decode(bytes: &[u8]) -> Option<TreeListing> {
        let listing = match bytes.strip_prefix(HEADER) {
            Some(files) => TreeListing { entries: postcard::from_bytes(files).ok()?, beyond: BeyondFiles::default() },
            None => {
                let (entries, beyond) = postcard::from_bytes(bytes.strip_prefix(HEADER_BEYOND_FILES)?).ok()?;
                TreeListing { entries, beyond }
            }
        };
        let sorted = listing.entries.windows(2).all(|pair| pair[0].path < pair[1].path);
        (sorted && listing.encode() == bytes).then_some(listing)
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
    fn links_and_empty_folders_are_part_of_the_folder() {
        let files = TreeListing::new(vec![entry("sub/x")]);
        let path = |text: &str| RepoPath::parse(text).unwrap();
        let links = BTreeMap::from([(path("lnk"), "sub/x".to_owned())]);
        let whole = files.clone().with(links, BTreeSet::from([path("empty")]));
        assert_ne!(whole.digest(), files.digest());
        assert_eq!(TreeListing::decode(&whole.encode()), Some(whole));
    }

    #[test]
    fn a_listing_of_files_alone_is_written_as_it_always_was() {
        let bytes = TreeListing::new(vec![entry("a")]).with(BTreeMap::new(), BTreeSet::new()).encode();
        assert!(bytes.starts_with(b"storygen tree 1\n"));
        let entries: Vec<TreeEntry> = postcard::from_bytes(&bytes[HEADER.len()..]).unwrap();
        assert_eq!(entries, [entry("a")]);
    }

    #[test]
    fn other_bytes_are_no_listing() {
        let mut bytes = TreeListing::new(vec![entry("a")]).encode();
        assert_eq!(TreeListing::decode(b"a line of text"), None);
        bytes.pop();
        assert_eq!(TreeListing::decode(&bytes), None);
    }
}
