//! Paid calls on a disk that fails or a machine that dies at every point: what came is never lost and never made up.

use super::disk::{Fails, FaultyDisk};
use super::{key_of, wait};
use crate::store::request::tests::{claim, intent, meta};
use crate::store::{EntrySort, Intent, PACKED_BYTES_MAX, ReplyOutcome, Store, StoreError, Wholeness};
use crate::world::real::RealDisk;
use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

const HEAD: &[u8] = b"200, 9 bytes";

/// How far a call came, by what it was told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Came {
    #[default]
    Nowhere,
    Sent,
    /// The spool said that the answer is whole.
    Spooled,
    /// The store said that the answer is kept, though no reply.
    Kept,
    Saved,
}

fn open(disk: &FaultyDisk, root: &Path) -> Result<Store, StoreError> {
    Store::open(Arc::new(disk.clone()), root.join("store"))
}

fn bodies() -> [Vec<u8>; 2] {
    [b"a paid line".to_vec(), vec![3; PACKED_BYTES_MAX + 9]]
}

/// Sends a call whose answer is `body`, whatever the spool says, and stores the reply.
fn call(disk: &FaultyDisk, root: &Path, body: &[u8], came: &mut Came) -> Result<(), StoreError> {
    let store = open(disk, root)?;
    let claim = wait(claim(&store, &key_of(body)));
    claim.intend(&Intent { room_bytes: 64 * 1024, ..intent("call-1") })?;
    *came = Came::Sent;
    let mut spool = claim.spool()?;
    let (one, two) = body.split_at(body.len() / 3);
    let spooled = spool.head(HEAD).and_then(|()| spool.piece(one)).and_then(|()| spool.piece(two));
    if spooled.and_then(|()| spool.end()).is_ok() {
        *came = Came::Spooled;
    }
    match claim.save(body, meta(ReplyOutcome::Good)) {
        Ok(_) => *came = Came::Saved,
        Err(StoreError::Kept { .. }) => *came = Came::Kept,
        Err(error) => return Err(error),
    }
    Ok(())
}

/// Checks what a later session finds of the call; recovers the reply if its answer is whole.
fn check(root: &Path, body: &[u8], came: Came, is_due: bool, context: &str) {
    let store = Store::open(Arc::new(RealDisk), root.join("store")).unwrap();
    let key = key_of(body);
    if let Some(reply) = store.reply(&key) {
        assert_eq!(reply.body, body, "{context}");
    } else {
        let next = wait(claim(&store, &key));
        let answer = next.left().and_then(|left| left.answer.clone());
        if let Some(answer) = &answer {
            assert!(answer.head == HEAD || answer.head.is_empty() && answer.body.is_empty(), "{context}");
            assert!(body.starts_with(&answer.body), "{context}: wrong bytes");
            assert!(answer.wholeness == Wholeness::Cut || answer.body == body, "{context}: torn, and called whole");
        }
        match answer.filter(|answer| answer.wholeness == Wholeness::Ended) {
            Some(answer) => drop(next.save(&answer.body, meta(ReplyOutcome::Good)).unwrap()),
            None => {
                assert!(!is_due, "{context}: what had come is lost");
                next.doubt().unwrap();
            }
        }
    }
    let account = store.account();
    let is_counted = account.iter().any(|entry| entry.sort != EntrySort::Open);
    assert!(is_counted || came == Came::Nowhere, "{context}: a call was sent and is not in the account");
    assert!(account.len() <= 1, "{context}: {account:?}");
    drop(store);
    // Settled: nothing of it stands, and the next session says the same.
    let store = Store::open(Arc::new(RealDisk), root.join("store")).unwrap();
    let names = std::fs::read_dir(root.join("store/paid")).map_or(0, Iterator::count);
    assert_eq!((names, store.account()), (0, account), "{context}");
}

/// Runs a call with every fault of `fails`, until none is met.
fn sweep(
    fails: fn(u64) -> Fails,
    error: ErrorKind,
    after: impl Fn(&FaultyDisk),
    is_due: fn(Came) -> bool,
) -> BTreeSet<Came> {
    let mut all = BTreeSet::new();
    for body in bodies() {
        let mut met = Vec::new();
        for number in 1.. {
            let root = tempfile::tempdir().unwrap();
            let disk = FaultyDisk::new(fails(number));
            disk.state.lock().unwrap().error = error;
            let mut came = Came::Nowhere;
            let ended = call(&disk, root.path(), &body, &mut came);
            after(&disk);
            met.push(came);
            check(root.path(), &body, came, is_due(came), &format!("{error} at {number}, came to {came:?}, {ended:?}"));
            if disk.state.lock().unwrap().done < number {
                break;
            }
        }
        assert!(met.len() > 20 && met.contains(&Came::Nowhere) && met.contains(&Came::Saved), "{met:?}");
        all.extend(met);
    }
    all
}

#[test]
fn whatever_fails_once_an_answer_that_came_is_not_lost() {
    for error in [ErrorKind::StorageFull, ErrorKind::Other] {
        sweep(Fails::Once, error, |_| (), |came| came >= Came::Spooled);
    }
}

#[test]
fn a_disk_that_fails_from_any_point_on_loses_no_answer_that_came() {
    for error in [ErrorKind::StorageFull, ErrorKind::Other] {
        sweep(Fails::From, error, |_| (), |came| came >= Came::Spooled);
    }
}

#[test]
fn a_disk_that_fills_up_at_any_point_after_the_intent_still_takes_the_answer() {
    let met = sweep(Fails::FromUntilFreed, ErrorKind::StorageFull, |_| (), |came| came >= Came::Sent);
    assert_eq!(met, BTreeSet::from([Came::Nowhere, Came::Saved]));
}

#[test]
fn a_power_cut_loses_nothing_that_was_said_to_be_stored_or_kept() {
    sweep(Fails::From, ErrorKind::Other, FaultyDisk::cut_power, |came| came >= Came::Kept);
    let met = sweep(Fails::Once, ErrorKind::Other, FaultyDisk::cut_power, |came| came >= Came::Kept);
    assert!(met.contains(&Came::Kept), "{met:?}");
}

#[test]
fn a_kill_at_any_point_of_a_call_leaves_what_had_arrived() {
    let body = &bodies()[1];
    // What was done last before the process died.
    for steps in 0..6 {
        let root = tempfile::tempdir().unwrap();
        let store = Store::open(Arc::new(RealDisk), root.path().join("store")).unwrap();
        let dying = wait(claim(&store, &key_of(body)));
        let begun = Intent { room_bytes: 1, ..intent("call-1") };
        let mut spool = None;
        for step in 0..steps {
            match step {
                0 => dying.intend(&begun).unwrap(),
                1 => spool.insert(dying.spool().unwrap()).head(HEAD).unwrap(),
                2 => spool.as_mut().unwrap().piece(&body[..100]).unwrap(),
                3 => spool.as_mut().unwrap().piece(&body[100..]).unwrap(),
                _ => spool.as_mut().unwrap().end().unwrap(),
            }
        }
        drop((dying, store));
        let store = Store::open(Arc::new(RealDisk), root.path().join("store")).unwrap();
        let next = wait(claim(&store, &key_of(body)));
        let Some(left) = next.left() else {
            assert_eq!(steps, 0);
            continue;
        };
        assert_eq!(left.intent, begun);
        let arrived = left.answer.as_ref().map(|answer| (answer.body.len(), answer.wholeness));
        let expected = match steps {
            1 => None,
            2 => Some((0, Wholeness::Cut)),
            3 => Some((100, Wholeness::Cut)),
            // Not said to be whole: head and body can tell.
            4 => Some((body.len(), Wholeness::Cut)),
            _ => Some((body.len(), Wholeness::Ended)),
        };
        assert_eq!(arrived, expected);
    }
}
