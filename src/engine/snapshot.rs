//! The state file: what a build knew at its end, so that the next one can see at a glance that nothing changed (R26).
//!
//! Two parts, each with its own checksum. *Quiet* says what must be as it was for a build to have nothing to do; a null
//! build reads only that. *Body* holds the memo and the standing lines. The file is disposable: anything wrong with it is
//! the same as its absence.

use crate::base::digest::Digest;
use crate::base::few::Few;
use crate::base::id::{ActionId, ActionKey, Take};
use crate::base::path::RepoPath;
use crate::engine::lockfile::{Line, Lines};
use crate::engine::parts::Known;
use crate::store::Memo;
use crate::world::disk::Stat;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize, Serializer};
use std::borrow::Cow;
use std::collections::BTreeSet;

/// First bytes of the file; the number is the format's.
const MAGIC: &[u8] = b"storygen state 4\n";

/// What must hold for a build to have nothing to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quiet {
    /// Of everything that shapes the plan beside files: this program's version, the targets, parameters and flags.
    pub request: Digest,
    /// Every environment variable that the Storyfile reads, with the digest of its value.
    pub env: Vec<(String, Option<Digest>)>,
    /// Files and folders with their stats; `None` for what must stay absent.
    pub watched: Vec<(String, Option<Stat>)>,
    /// Whether each program that a condition asks for was there.
    pub on_path: Vec<(String, bool)>,
    /// How many rows a batch had.
    pub rows: usize,
    /// How many actions the build had, how many outputs hold edits, and how many actions took no part.
    pub actions: usize,
    pub edited: usize,
    pub skipped: usize,
}

/// What a build takes over from the one before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Body {
    pub memo: Memo,
    pub lines: Lines,
    /// The digests of parts of files.
    pub parts: Known,
}

/// What is written, without a copy of it being made.
#[derive(Serialize)]
struct Writing<'a> {
    memo: &'a Memo,
    #[serde(serialize_with = "write_lines")]
    lines: &'a Lines,
    parts: &'a Known,
}

/// The same as it is read.
#[derive(Deserialize)]
struct Written {
    memo: Memo,
    lines: Vec<WrittenLine<'static>>,
    parts: Known,
}

/// A line with all its fields: a binary format cannot leave any out.
#[derive(Serialize, Deserialize)]
struct WrittenLine<'a> {
    action: Cow<'a, ActionId>,
    key: Option<ActionKey>,
    take: Take,
    inputs: Cow<'a, Few<String, Digest>>,
    outputs: Cow<'a, Few<RepoPath, Digest>>,
    edits: Cow<'a, Few<RepoPath, Digest>>,
    accepted: Cow<'a, BTreeSet<RepoPath>>,
    verdict: Option<Digest>,
    row: Cow<'a, Option<String>>,
    orphan: bool,
}

fn write_lines<S: Serializer>(lines: &&Lines, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(lines.iter().map(|line| WrittenLine {
        action: Cow::Borrowed(&line.action),
        key: line.key,
        take: line.take,
        inputs: Cow::Borrowed(&line.inputs),
        outputs: Cow::Borrowed(&line.outputs),
        edits: Cow::Borrowed(&line.edits),
        accepted: Cow::Borrowed(&line.accepted),
        verdict: line.verdict,
        row: Cow::Borrowed(&line.row),
        orphan: line.orphan,
    }))
}

/// Writes the file's bytes. Without `quiet` the next build looks at everything.
pub fn encode(quiet: Option<&Quiet>, memo: &Memo, lines: &Lines, parts: &Known) -> Vec<u8> {
    let bytes = and_part(MAGIC.to_vec(), &quiet);
    and_part(bytes, &Writing { memo, lines, parts })
}

/// Reads the first part only.
pub fn quiet(bytes: &[u8]) -> Option<Quiet> {
    let (quiet, _) = read::<Option<Quiet>>(bytes.strip_prefix(MAGIC)?)?;
    quiet
}

/// Reads the second part; what cannot be read is empty.
pub fn body(bytes: &[u8]) -> Body {
    let read = || {
        let rest = skip(bytes.strip_prefix(MAGIC)?)?;
        read::<Written>(rest)
    };
    let Some((written, _)) = read() else { return Body::default() };
    let mut lines = Lines::default();
    for line in written.lines {
        let line = Line {
            action: line.action.into_owned(),
            key: line.key,
            take: line.take,
            inputs: line.inputs.into_owned(),
            outputs: line.outputs.into_owned(),
            edits: line.edits.into_owned(),
            accepted: line.accepted.into_owned(),
            verdict: line.verdict,
            row: line.row.into_owned(),
            orphan: line.orphan,
        };
        lines.insert(line.into());
    }
    Body { memo: written.memo, lines, parts: written.parts }
}

/// Appends length, content and checksum. The content is never held twice: it may be most of what a build holds.
fn and_part<T: Serialize>(mut bytes: Vec<u8>, value: &T) -> Vec<u8> {
    let length_at = bytes.len();
    bytes.extend_from_slice(&[0; 8]);
    let content_at = bytes.len();
    let mut bytes = postcard::to_extend(value, bytes).expect("state is plain data");
    let length = (bytes.len() - content_at) as u64;
    bytes[length_at..content_at].copy_from_slice(&length.to_le_bytes());
    let checksum = Digest::of(&bytes[content_at..]);
    bytes.extend_from_slice(checksum.as_bytes());
    bytes
}

fn split(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<8>()?;
    let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
    let (content, rest) = rest.split_at_checked(length)?;
    let (checksum, rest) = rest.split_at_checked(32)?;
    Some((content, checksum, rest))
}

fn skip(bytes: &[u8]) -> Option<&[u8]> {
    split(bytes).map(|(_, _, rest)| rest)
}

fn read<T: DeserializeOwned>(bytes: &[u8]) -> Option<(T, &[u8])> {
    let (content, checksum, rest) = split(bytes)?;
    if Digest::of(content).as_bytes() != checksum {
        return None;
    }
    Some((postcard::from_bytes(content).ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::disk::Sort;
    use std::collections::BTreeMap;

    fn sample() -> (Quiet, Body) {
        let stat = Stat { sort: Sort::File, size: 3, mtime_ns: 1, ctime_ns: 2, inode: 3, executable: false };
        let quiet = Quiet {
            request: Digest::of(b"request"),
            env: vec![("SITE".into(), None)],
            watched: vec![("a.txt".into(), Some(stat)), ("b.txt".into(), None)],
            on_path: vec![("ffmpeg".into(), true)],
            rows: 0,
            actions: 2,
            edited: 0,
            skipped: 1,
        };
        let mut memo = Memo::default();
        memo.learn("a.txt", stat, Digest::of(b"a"), i64::MAX);
        let line = Line {
            outputs: Few::from([(RepoPath::parse("a.txt").unwrap(), Digest::of(b"a"))]),
            ..Line::of(ActionId::new("a"))
        };
        let parts = BTreeMap::from([(Digest::of(b"a"), BTreeMap::from([("/x".to_owned(), None)]))]);
        let mut lines = Lines::default();
        lines.insert(line.into());
        (quiet, Body { memo, lines, parts })
    }

    #[test]
    fn both_parts_come_back() {
        let (expected, rest) = sample();
        let bytes = encode(Some(&expected), &rest.memo, &rest.lines, &rest.parts);
        assert_eq!(quiet(&bytes), Some(expected));
        assert_eq!(body(&bytes), rest);
    }

    #[test]
    fn damage_anywhere_is_the_same_as_absence() {
        let (expected, rest) = sample();
        let bytes = encode(Some(&expected), &rest.memo, &rest.lines, &rest.parts);
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            assert!(quiet(&damaged).is_none_or(|read| read == expected), "byte {at}");
            let read = body(&damaged);
            assert!(read == Body::default() || read == rest, "byte {at}");
            quiet(&bytes[..at]);
            body(&bytes[..at]);
        }
    }
}
