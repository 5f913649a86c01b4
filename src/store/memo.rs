//! What each path's content was when it was last hashed: digests without reading. Pure.
//!
//! A stat that is equal proves nothing if the file could have been written again within the same tick of the file
//! system's clock. Such an entry is *racy* and is not trusted. "Now" is always the file system's own clock
//! ([`super::FsClock`]), never the wall clock: the two differ on network disks and after a change of time.

use crate::base::digest::Digest;
use crate::world::disk::{Sort, Stat};
use serde::ser::SerializeSeq;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;

/// How long after its last change a file may change again unseen where stamps have nanoseconds: the kernel's tick is
/// 10 ms at most.
const WINDOW_FINE_NS: i64 = 20_000_000;
/// The same where stamps are whole seconds (FAT: two).
const WINDOW_COARSE_NS: i64 = 2_000_000_000;

/// The table from path to stat and digest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memo {
    entries: BTreeMap<String, Entry>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    stat: Stat,
    digest: Digest,
    racy: bool,
}

impl Memo {
    /// Returns the digest of the file at `path` if its `stat` proves that the content is the one that was hashed.
    pub fn lookup(&self, path: &str, stat: &Stat) -> Option<Digest> {
        let entry = self.entries.get(path)?;
        let same = entry.stat.sort == stat.sort
            && entry.stat.size == stat.size
            && entry.stat.mtime_ns == stat.mtime_ns
            && entry.stat.ctime_ns == stat.ctime_ns
            && entry.stat.inode == stat.inode;
        (same && !entry.racy).then_some(entry.digest)
    }

    /// Returns what a path was when it was last hashed.
    pub fn stat(&self, path: &str) -> Option<&Stat> {
        self.entries.get(path).map(|entry| &entry.stat)
    }

    /// Returns the digest that a path had when it was last hashed, whatever stands there now.
    pub fn digest(&self, path: &str) -> Option<Digest> {
        self.entries.get(path).map(|entry| entry.digest)
    }

    /// Remembers what [`super::hash_file`] found; `fs_now_ns` is the file system's time from just *before* hashing.
    pub fn learn(&mut self, path: &str, stat: Stat, digest: Digest, fs_now_ns: i64) {
        let racy = is_racy(&stat, fs_now_ns);
        self.entries.insert(path.to_owned(), Entry { stat, digest, racy });
    }

    /// Forgets a path.
    pub fn forget(&mut self, path: &str) {
        self.entries.remove(path);
    }

    /// Keeps only the paths that `wanted` says yes to.
    pub fn retain(&mut self, mut wanted: impl FnMut(&str) -> bool) {
        self.entries.retain(|path, _| wanted(path));
    }

    /// Returns paths, stats and digests, sorted by path; racy ones too.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Stat, &Digest)> {
        self.entries.iter().map(|(path, entry)| (path.as_str(), &entry.stat, &entry.digest))
    }

    /// Returns the paths that must be hashed again before they can be trusted, sorted.
    pub fn racy(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().filter(|(_, entry)| entry.racy).map(|(path, _)| path.as_str())
    }

    /// Returns how many paths are known.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

/// Tells whether a file with this stat, hashed at `fs_now_ns`, could change without its stat changing.
pub fn is_racy(stat: &Stat, fs_now_ns: i64) -> bool {
    const SECOND_NS: i64 = 1_000_000_000;
    // A whole second from either clock may mean that there are no finer stamps. The file may be on another file system
    // than the clock, and its mtime may be set by hand, so its ctime is what is asked.
    let coarse = stat.ctime_ns % SECOND_NS == 0 || fs_now_ns % SECOND_NS == 0;
    let window_ns = if coarse { WINDOW_COARSE_NS } else { WINDOW_FINE_NS };
    stat.mtime_ns.max(stat.ctime_ns) >= fs_now_ns.saturating_sub(window_ns)
}

/// An entry on disk: the ctime as its distance from the mtime, mostly 0; both flags in one byte.
#[derive(Serialize, Deserialize)]
struct Written<'a> {
    #[serde(borrow)]
    path: std::borrow::Cow<'a, str>,
    size: u64,
    mtime_ns: i64,
    ctime_after_ns: i64,
    inode: u64,
    flags: u8,
    digest: Digest,
}

const EXECUTABLE: u8 = 1;
const RACY: u8 = 2;

impl Serialize for Memo {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Only plain files have a digest; what else came in is not worth remembering.
        let files = self.entries.iter().filter(|(_, entry)| entry.stat.sort == Sort::File);
        let mut written = serializer.serialize_seq(Some(files.clone().count()))?;
        for (path, Entry { stat, digest, racy }) in files {
            written.serialize_element(&Written {
                path: path.as_str().into(),
                size: stat.size,
                mtime_ns: stat.mtime_ns,
                ctime_after_ns: stat.ctime_ns.wrapping_sub(stat.mtime_ns),
                inode: stat.inode,
                flags: if stat.executable { EXECUTABLE } else { 0 } | if *racy { RACY } else { 0 },
                digest: *digest,
            })?;
        }
        written.end()
    }
}

impl<'de> Deserialize<'de> for Memo {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Memo, D::Error> {
        let written = Vec::<Written<'_>>::deserialize(deserializer)?;
        let entries = written.into_iter().map(|entry| {
            let stat = Stat {
                sort: Sort::File,
                size: entry.size,
                mtime_ns: entry.mtime_ns,
                ctime_ns: entry.mtime_ns.wrapping_add(entry.ctime_after_ns),
                inode: entry.inode,
                executable: entry.flags & EXECUTABLE != 0,
            };
            let racy = entry.flags & RACY != 0;
            (entry.path.into_owned(), Entry { stat, digest: entry.digest, racy })
        });
        Ok(Memo { entries: entries.collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW_NS: i64 = 1_790_000_000_123_456_789;

    fn stat(changed_ns: i64) -> Stat {
        Stat { sort: Sort::File, size: 10, mtime_ns: changed_ns, ctime_ns: changed_ns, inode: 7, executable: false }
    }

    fn learnt(stat: Stat, fs_now_ns: i64) -> Memo {
        let mut memo = Memo::default();
        memo.learn("a.md", stat, Digest::of(b"a"), fs_now_ns);
        memo
    }

    #[test]
    fn an_old_unchanged_file_is_known_without_reading() {
        let old = stat(NOW_NS - 50_000_000);
        assert_eq!(learnt(old, NOW_NS).lookup("a.md", &old), Some(Digest::of(b"a")));
        assert_eq!(learnt(old, NOW_NS).lookup("b.md", &old), None);
    }

    #[test]
    fn any_difference_in_the_stat_means_reading() {
        let old = stat(NOW_NS - 50_000_000);
        let memo = learnt(old, NOW_NS);
        let others = [
            Stat { size: 11, ..old },
            Stat { mtime_ns: old.mtime_ns + 1, ..old },
            Stat { ctime_ns: old.ctime_ns + 1, ..old },
            Stat { inode: 8, ..old },
            Stat { sort: Sort::Symlink, ..old },
        ];
        assert!(others.iter().all(|other| memo.lookup("a.md", other).is_none()));
    }

    #[test]
    fn a_file_changed_just_now_or_in_the_future_is_never_trusted() {
        for age_ns in [0, 1, WINDOW_FINE_NS, -1, -3_600_000_000_000] {
            let fresh = stat(NOW_NS - age_ns);
            let memo = learnt(fresh, NOW_NS);
            assert_eq!(memo.lookup("a.md", &fresh), None, "age {age_ns}");
            assert_eq!(memo.racy().collect::<Vec<_>>(), ["a.md"]);
        }
    }

    #[test]
    fn whole_second_stamps_need_two_seconds() {
        let second = 1_790_000_000_000_000_000;
        let young = stat(second - 1_000_000_000);
        assert_eq!(learnt(young, second + 500_000_000).lookup("a.md", &young), None);
        let old = stat(second - 3_000_000_000);
        assert!(learnt(old, second + 500_000_000).lookup("a.md", &old).is_some());
        // The file has fine stamps, the clock has not.
        let fine = stat(second - 1_500_000_001);
        assert_eq!(learnt(fine, second).lookup("a.md", &fine), None);
    }

    #[test]
    fn twenty_thousand_entries_come_back_equal_and_small() {
        let mut memo = Memo::default();
        for number in 0..20_000_i64 {
            let path = format!("chapters/{number:05}/scene-of-some-length.md");
            let age_ns = if number % 10 == 0 { 0 } else { 1_000_000_000 + number };
            let stat = Stat { inode: 1_000_000 + number as u64, executable: number % 2 == 0, ..stat(NOW_NS - age_ns) };
            memo.learn(&path, stat, Digest::of(path.as_bytes()), NOW_NS);
        }
        let bytes = postcard::to_allocvec(&memo).unwrap();
        assert!(bytes.len() <= 20_000 * 120, "{} bytes an entry", bytes.len() / 20_000);
        assert_eq!(postcard::from_bytes::<Memo>(&bytes).unwrap(), memo);
        let json = serde_json::to_string(&memo).unwrap();
        assert_eq!(serde_json::from_str::<Memo>(&json).unwrap(), memo);
    }

    proptest! {
        /// A file system with ticks of `tick_ns`; a file is written, hashed, and written again with the same size.
        #[test]
        fn a_same_size_rewrite_is_never_missed(
            start in 1_790_000_000_000_000_000..1_790_000_100_000_000_000_i64,
            tick_ns in prop_oneof![Just(1_i64), Just(4_000_000), Just(10_000_000), Just(1_000_000_000), Just(2_000_000_000)],
            until_hashed_ns in 0..5_000_000_000_i64,
            until_rewritten_ns in 0..5_000_000_000_i64,
        ) {
            let stamp = |time_ns: i64| time_ns / tick_ns * tick_ns;
            let first = stat(stamp(start));
            let memo = learnt(first, stamp(start + until_hashed_ns));
            let second = stat(stamp(start + until_hashed_ns + until_rewritten_ns));
            prop_assert_eq!(memo.lookup("a.md", &second), None);
        }
    }
}
