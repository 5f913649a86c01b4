//! The bytes of a spool: one record after another, each bound to the one before.
//!
//! Record = sort 1 · length 4 (little-endian) · check 16 · bytes. The first names the key and the call, then come the
//! answer's head, its body in pieces, and its end. A check is the first bytes of the blake3 digest of the check before,
//! the sort, the length and the bytes: what verifies is a beginning of what was written, whatever a crash or a power cut
//! did to the rest.

use super::{Answer, Wholeness};
use crate::base::digest::Digest;

/// What stands in the first record before key and call. Another form takes another number.
const FORM: &[u8] = b"storygen spool 1\n";
const CHECK_BYTES: usize = 16;
const PREFIX_BYTES: usize = 1 + 4 + CHECK_BYTES;

/// What a record holds. The numbers are the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordSort {
    Start = 1,
    Head = 2,
    Piece = 3,
    End = 4,
}

/// Binds a record to those before it.
pub type Check = [u8; CHECK_BYTES];

/// Returns the bytes of a record, and the check that the next one follows. `bytes` must be shorter than 4 GiB.
pub fn encode(before: &Check, sort: RecordSort, bytes: &[u8]) -> (Vec<u8>, Check) {
    let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    let check = check(before, sort as u8, len, bytes);
    let mut record = Vec::with_capacity(PREFIX_BYTES + bytes.len());
    record.push(sort as u8);
    record.extend(len.to_le_bytes());
    record.extend(check);
    record.extend(bytes);
    (record, check)
}

/// Returns the bytes of the first record: whose answer this is.
pub fn start(key: &Digest, call: &str) -> Vec<u8> {
    [FORM, key.as_bytes(), call.as_bytes()].concat()
}

/// Returns what arrived of the answer to `call`; `None` if nothing did, or if this is no spool of it.
pub fn read(mut bytes: &[u8], key: &Digest, call: &str) -> Option<Answer> {
    let mut check = Check::default();
    let first = next(&mut bytes, &mut check)?;
    if first != (RecordSort::Start as u8, start(key, call).as_slice()) {
        return None;
    }
    let mut answer: Option<Answer> = None;
    while let Some((sort, record)) = next(&mut bytes, &mut check) {
        let answer = answer.get_or_insert_with(|| Answer { head: vec![], body: vec![], wholeness: Wholeness::Cut });
        match sort {
            2 => answer.head = record.to_vec(),
            3 => answer.body.extend(record),
            4 => answer.wholeness = Wholeness::Ended,
            _ => break,
        }
    }
    answer
}

/// Takes the next record off `bytes`, if it is one and follows the one before.
fn next<'a>(bytes: &mut &'a [u8], before: &mut Check) -> Option<(u8, &'a [u8])> {
    let (prefix, rest) = bytes.split_first_chunk::<PREFIX_BYTES>()?;
    let len = u32::from_le_bytes(prefix[1..5].try_into().ok()?);
    let (record, rest) = rest.split_at_checked(len as usize)?;
    let check = check(before, prefix[0], len, record);
    if prefix[5..] != check {
        return None;
    }
    (*bytes, *before) = (rest, check);
    Some((prefix[0], record))
}

fn check(before: &Check, sort: u8, len: u32, bytes: &[u8]) -> Check {
    let mut hasher = Digest::hasher();
    hasher.update(before).update(&[sort]).update(&len.to_le_bytes()).update(bytes);
    let mut check = Check::default();
    check.copy_from_slice(&hasher.finish().as_bytes()[..CHECK_BYTES]);
    check
}

#[cfg(test)]
mod tests {
    use super::*;
    use RecordSort::{End, Head, Piece, Start};

    const PIECES: [&[u8]; 3] = [b"Once upon", b" a time", b""];

    fn key() -> Digest {
        Digest::of(b"request")
    }

    /// Returns a whole spool, and where each of its records ends.
    fn spool() -> (Vec<u8>, Vec<usize>) {
        let (mut bytes, mut ends, mut check) = (Vec::new(), Vec::new(), Check::default());
        let begin = start(&key(), "call-1");
        let pieces = PIECES.map(|piece| (Piece, piece));
        let records = [&[(Start, begin.as_slice()), (Head, b"200")][..], &pieces, &[(End, b"")]].concat();
        for (sort, record) in records {
            let (record, next) = encode(&check, sort, record);
            bytes.extend(record);
            ends.push(bytes.len());
            check = next;
        }
        (bytes, ends)
    }

    fn found(bytes: &[u8]) -> Option<(String, Wholeness)> {
        let answer = read(bytes, &key(), "call-1")?;
        assert!(answer.head == b"200", "a head was made up");
        Some((String::from_utf8(answer.body).unwrap(), answer.wholeness))
    }

    #[test]
    fn a_whole_answer_is_read_back() {
        assert_eq!(found(&spool().0), Some(("Once upon a time".into(), Wholeness::Ended)));
    }

    #[test]
    fn an_answer_cut_at_any_byte_is_its_beginning_and_never_whole() {
        let (bytes, ends) = spool();
        for cut in 0..bytes.len() {
            // Also with zeros behind, as a power cut leaves them, or with a second end.
            for tail in [vec![], vec![0; 99], bytes[ends[4]..].to_vec()] {
                if cut == ends[4] && tail.len() == PREFIX_BYTES {
                    continue;
                }
                let torn = [&bytes[..cut], &tail].concat();
                let expected = (cut >= ends[1]).then(|| {
                    let pieces = ends[2..5].iter().filter(|end| **end <= cut).count();
                    (PIECES[..pieces].iter().map(|piece| String::from_utf8_lossy(piece)).collect(), Wholeness::Cut)
                });
                assert_eq!(found(&torn), expected, "cut at {cut}");
            }
        }
    }

    #[test]
    fn no_flipped_bit_makes_another_answer() {
        let (bytes, ends) = spool();
        for bit in 0..bytes.len() * 8 {
            let mut bad = bytes.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            let found = found(&bad);
            assert!(found.as_ref().is_none_or(|(body, whole)| {
                "Once upon a time".starts_with(body.as_str()) && *whole == Wholeness::Cut
            }));
            assert!(found.is_none() || bit / 8 >= ends[1], "bit {bit}");
        }
    }

    #[test]
    fn the_answer_to_another_call_is_none() {
        let (bytes, _) = spool();
        assert_eq!(read(&bytes, &key(), "call-2"), None);
        assert_eq!(read(&bytes, &Digest::of(b"other"), "call-1"), None);
        assert_eq!(read(b"", &key(), "call-1"), None);
    }
}
