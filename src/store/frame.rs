//! The frames of the log: their bytes, and the scan that finds them again after any damage.
//!
//! Frame = magic 4 · sort 1 · flags 1 · zero 2 · payload length 4 (little-endian) · key 32 · header check 8 · payload ·
//! payload check 16 · header check again 8. A check is the first bytes of the blake3 digest of what it covers. The scan
//! hashes headers only and hops from one to the next; a payload is verified by whoever reads it. The second header check
//! shows that the frame was written to its end: without it a frame torn by a crash would swallow what was appended
//! later. Where it is missing, the scan verifies the payload, and if that is wrong searches for the next magic *inside*
//! it: a torn or flipped frame hides no later one.

use crate::base::digest::Digest;
use std::io;

/// Holds two bytes that no UTF-8 text has, so that text never looks like a frame.
const MAGIC: [u8; 4] = [0xf5, b'S', b'G', 0xfe];
const HEADER_BYTES: usize = 52;
const HEADER_CHECKED_BYTES: usize = 44;
/// Length of the check behind a payload.
const CHECK_BYTES: usize = 16;
/// Length of the header's check, before the payload and again at the frame's end.
const TAG_BYTES: usize = HEADER_BYTES - HEADER_CHECKED_BYTES;
/// Longest payload: a length above it is damage.
pub const PAYLOAD_BYTES_MAX: usize = 64 * 1024 * 1024;

/// What a frame holds. The numbers are the format: none may be used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameSort {
    /// A small blob; the key is its digest.
    Blob,
    /// A paid call is about to be sent; the key is the request's.
    Intent,
    /// What a paid call gave.
    Reply,
    /// An intended call ended without an answer and without a charge.
    Closed,
    /// What an action produced; the key is the action's.
    Action,
    /// A person's choice or rejection of a take; the key is the action's.
    Mark,
    /// An intended call brought no answer and may have been charged. Versions before it see the intent open instead.
    Doubt,
}

impl FrameSort {
    const ALL: [FrameSort; 7] = [
        FrameSort::Blob,
        FrameSort::Intent,
        FrameSort::Reply,
        FrameSort::Closed,
        FrameSort::Action,
        FrameSort::Mark,
        FrameSort::Doubt,
    ];

    fn number(self) -> u8 {
        match self {
            FrameSort::Blob => 1,
            FrameSort::Intent => 2,
            FrameSort::Reply => 3,
            FrameSort::Closed => 4,
            FrameSort::Action => 5,
            FrameSort::Mark => 6,
            FrameSort::Doubt => 7,
        }
    }
}

/// A frame that the scan found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// `None`: a later version's; known only to be hopped over.
    pub sort: Option<FrameSort>,
    pub key: Digest,
    pub place: Place,
}

/// Where a payload lies in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Of the payload's first byte.
    pub offset: u64,
    /// Of the payload without its check.
    pub len: u32,
}

impl Place {
    /// Returns the place of a payload of `len` bytes in the frame that starts at `start`.
    pub fn in_frame(start: u64, len: usize) -> Place {
        Place { offset: start + HEADER_BYTES as u64, len: len as u32 }
    }

    /// Returns the offset just behind the frame.
    pub fn end(self) -> u64 {
        self.offset + self.stored_bytes() as u64 + TAG_BYTES as u64
    }

    /// Returns how many bytes payload and check take.
    pub fn stored_bytes(self) -> usize {
        self.len as usize + CHECK_BYTES
    }
}

/// Returns the bytes of one frame; `None` if the payload is longer than [`PAYLOAD_BYTES_MAX`].
pub fn encode(sort: FrameSort, key: &Digest, payload: &[u8]) -> Option<Vec<u8>> {
    if payload.len() > PAYLOAD_BYTES_MAX {
        return None;
    }
    let len = u32::try_from(payload.len()).ok()?;
    let mut bytes = Vec::with_capacity(HEADER_BYTES + payload.len() + CHECK_BYTES + TAG_BYTES);
    bytes.extend(MAGIC);
    bytes.extend([sort.number(), 0, 0, 0]);
    bytes.extend(len.to_le_bytes());
    bytes.extend(key.as_bytes());
    let tag = Digest::of(&bytes);
    bytes.extend(&tag.as_bytes()[..TAG_BYTES]);
    bytes.extend(payload);
    bytes.extend(&Digest::of(payload).as_bytes()[..CHECK_BYTES]);
    bytes.extend(&tag.as_bytes()[..TAG_BYTES]);
    Some(bytes)
}

/// Returns the payload of `stored` (payload and check) if it is what was written.
pub fn verified(stored: &[u8]) -> Option<&[u8]> {
    let (payload, check) = stored.split_at_checked(stored.len().checked_sub(CHECK_BYTES)?)?;
    (Digest::of(payload).as_bytes()[..CHECK_BYTES] == *check).then_some(payload)
}

/// Bytes that the scan may look at in any order; the log behind a window.
pub trait Source {
    /// Returns at least `len` bytes from `offset`, all of which exist.
    fn get(&mut self, offset: u64, len: usize) -> io::Result<&[u8]>;
}

/// Finds every whole frame in `from..end`. Returns the offset behind the last one: what follows it is torn, or still
/// being written, and is where the next scan starts.
pub fn scan(source: &mut dyn Source, from: u64, end: u64, found: &mut dyn FnMut(Frame)) -> io::Result<u64> {
    let (mut at, mut settled, mut doubtful) = (from, from, false);
    while at + HEADER_BYTES as u64 <= end {
        if let Some(frame) = header_at(source, at, end)? {
            let closed = is_closed(source, at, frame.place)?;
            // What a search met may lie inside another payload: it must prove itself.
            if (closed && !doubtful) || is_whole(source, frame.place)? {
                found(frame);
                settled = frame.place.end();
                // Torn within its last bytes: the next frame starts among them.
                at = if closed { settled } else { settled - TAG_BYTES as u64 };
                doubtful = false;
                continue;
            }
        }
        doubtful = true;
        at = next_magic(source, at + 1, end)?;
    }
    Ok(settled)
}

/// Returns the frame whose header stands at `at`, if header and payload lie before `end`.
fn header_at(source: &mut dyn Source, at: u64, end: u64) -> io::Result<Option<Frame>> {
    if at + HEADER_BYTES as u64 > end {
        return Ok(None);
    }
    let header = &source.get(at, HEADER_BYTES)?[..HEADER_BYTES];
    Ok(parse(header, at).filter(|frame| frame.place.end() <= end))
}

fn parse(header: &[u8], at: u64) -> Option<Frame> {
    if header[..4] != MAGIC {
        return None;
    }
    let (checked, check) = header.split_at(HEADER_CHECKED_BYTES);
    if Digest::of(checked).as_bytes()[..check.len()] != *check {
        return None;
    }
    let len = u32::from_le_bytes(checked[8..12].try_into().ok()?);
    if len as usize > PAYLOAD_BYTES_MAX {
        return None;
    }
    // Flags and the two spare bytes are a later version's to use: what has them is not ours to read.
    let plain = checked[5..8] == [0, 0, 0];
    let sort = FrameSort::ALL.into_iter().find(|sort| plain && sort.number() == checked[4]);
    let key = Digest::from_bytes(checked[12..44].try_into().ok()?);
    Some(Frame { sort, key, place: Place { offset: at + HEADER_BYTES as u64, len } })
}

/// Tells whether the header's check stands again at the frame's end.
fn is_closed(source: &mut dyn Source, at: u64, place: Place) -> io::Result<bool> {
    let mut tag = [0; TAG_BYTES];
    tag.copy_from_slice(&source.get(at + HEADER_CHECKED_BYTES as u64, TAG_BYTES)?[..TAG_BYTES]);
    Ok(source.get(place.end() - TAG_BYTES as u64, TAG_BYTES)?[..TAG_BYTES] == tag)
}

fn is_whole(source: &mut dyn Source, place: Place) -> io::Result<bool> {
    let stored = source.get(place.offset, place.stored_bytes())?;
    Ok(verified(&stored[..place.stored_bytes()]).is_some())
}

/// Returns where the next magic stands at or after `from`, or `end`.
fn next_magic(source: &mut dyn Source, from: u64, end: u64) -> io::Result<u64> {
    const STRIDE: u64 = 64 * 1024;
    let mut at = from;
    while at + MAGIC.len() as u64 <= end {
        let len = STRIDE.min(end - at) as usize;
        let bytes = &source.get(at, len)?[..len];
        if let Some(index) = bytes.windows(MAGIC.len()).position(|window| window == MAGIC) {
            return Ok(at + index as u64);
        }
        // The last bytes may be the start of a magic that the next stride completes.
        at += (len - (MAGIC.len() - 1)) as u64;
    }
    Ok(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Whole(Vec<u8>);

    impl Source for Whole {
        fn get(&mut self, offset: u64, len: usize) -> io::Result<&[u8]> {
            assert!(offset as usize + len <= self.0.len(), "the scan asked for bytes that are not there");
            Ok(&self.0[offset as usize..])
        }
    }

    fn payload(number: u8) -> Vec<u8> {
        vec![number; 20 + usize::from(number) * 7]
    }

    fn log(count: u8) -> Vec<u8> {
        (0..count)
            .flat_map(|number| {
                let payload = payload(number);
                encode(FrameSort::Blob, &Digest::of(&payload), &payload).unwrap()
            })
            .collect()
    }

    /// Returns the numbers of the frames whose payloads come back whole, and where the scan settled.
    fn found(bytes: &[u8]) -> (Vec<u8>, u64) {
        let mut frames = Vec::new();
        let mut source = Whole(bytes.to_vec());
        let end = bytes.len() as u64;
        let settled = scan(&mut source, 0, end, &mut |frame| frames.push(frame)).unwrap();
        let whole = frames.iter().filter_map(|frame| {
            let from = frame.place.offset as usize;
            let payload = verified(&bytes[from..from + frame.place.stored_bytes()])?;
            assert_eq!(Digest::of(payload), frame.key, "a frame gave another's bytes");
            Some(payload[0])
        });
        (whole.collect(), settled)
    }

    #[test]
    fn a_cut_at_any_byte_loses_only_the_last_frame() {
        let (three, two) = (log(3), log(2).len());
        for cut in two..three.len() {
            assert_eq!(found(&three[..cut]), (vec![0, 1], two as u64), "cut at {cut}");
        }
    }

    #[test]
    fn a_flipped_bit_loses_one_frame_at_most() {
        let good = log(5);
        for bit in 0..good.len() * 8 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            let (numbers, _) = found(&bad);
            assert!(numbers.len() >= 4, "bit {bit}: {numbers:?}");
        }
    }

    #[test]
    fn a_torn_frame_hides_no_later_one_wherever_it_was_torn() {
        let long = encode(FrameSort::Blob, &Digest::of(&[9; 400]), &[9; 400]).unwrap();
        for cut in 0..long.len() {
            let mut bytes = log(1);
            bytes.extend(&long[..cut]);
            bytes.extend(log(4));
            // Torn behind its payload it is whole enough.
            let own: &[u8] = if cut >= long.len() - TAG_BYTES { &[9] } else { &[] };
            assert_eq!(found(&bytes).0, [&[0], own, &[0, 1, 2, 3]].concat(), "torn at {cut}");
        }
    }

    #[test]
    fn zeros_where_a_power_cut_left_them_are_stepped_over() {
        let mut bytes = log(2);
        bytes.extend([0; 5000]);
        bytes.extend(log(2));
        assert_eq!(found(&bytes).0, [0, 1, 0, 1]);
    }

    #[test]
    fn a_later_versions_frame_is_hopped_over() {
        let mut later = encode(FrameSort::Blob, &Digest::of(b""), b"").unwrap();
        later[4] = 200;
        let check = Digest::of(&later[..HEADER_CHECKED_BYTES]);
        later[HEADER_CHECKED_BYTES..HEADER_BYTES].copy_from_slice(&check.as_bytes()[..8]);
        let mut frames = Vec::new();
        let end = later.len() as u64;
        scan(&mut Whole(later), 0, end, &mut |frame| frames.push(frame.sort)).unwrap();
        assert_eq!(frames, [None]);
    }
}
