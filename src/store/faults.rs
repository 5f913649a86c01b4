//! Tests of the whole store on a disk that fails, tears writes and loses what was not synced.

#[cfg(test)]
mod calls;
#[cfg(test)]
pub mod disk;

use super::record::tests::record;
use super::request::tests::{claim, intent, meta};
use super::{ActionRecord, Materialised, PACKED_BYTES_MAX, ReplyOutcome, Store, StoreError};
use crate::base::digest::Digest;
use crate::world::real::RealDisk;
use disk::{Fails, FaultyDisk};
use std::future::Future;
use std::path::Path;
use std::sync::Arc;

fn blobs() -> [Vec<u8>; 3] {
    [b"a free line".to_vec(), vec![1; PACKED_BYTES_MAX + 5], vec![2; PACKED_BYTES_MAX * 2]]
}

fn replies() -> [Vec<u8>; 2] {
    [b"a paid line".to_vec(), vec![3; PACKED_BYTES_MAX + 9]]
}

fn key_of(body: &[u8]) -> Digest {
    Digest::of(&[b"request for ", &body[..4]].concat())
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
}

/// What a session was told has been stored.
#[derive(Default)]
struct Told {
    blobs: Vec<Vec<u8>>,
    records: Vec<ActionRecord>,
    paid: Vec<Vec<u8>>,
}

/// Stores one of everything, up to the first failure.
fn session(disk: &FaultyDisk, root: &Path, told: &mut Told) -> Result<(), StoreError> {
    let store = Store::open(Arc::new(disk.clone()), root.join("store"))?;
    let [small, large, file] = blobs();
    for bytes in [small, large] {
        store.put(&bytes)?;
        told.blobs.push(bytes);
    }
    std::fs::write(root.join("file"), &file).unwrap();
    store.put_file(&root.join("file"))?;
    told.blobs.push(file);
    for body in replies() {
        wait(async {
            if let super::Lookup::Miss(claim) = store.request(&key_of(&body)).await? {
                claim.intend(&intent("call-1"))?;
                claim.save(&body, meta(ReplyOutcome::Good))?;
            }
            Ok::<(), StoreError>(())
        })?;
        told.paid.push(body);
    }
    let record = record("key", 1, "output");
    store.save(&record)?;
    told.records.push(record);
    Ok(())
}

/// Checks that nothing wrong is served and that nothing paid is lost.
fn check_paid(root: &Path, told: &Told) -> Store {
    let store = Store::open(Arc::new(RealDisk), root.join("store")).unwrap();
    for body in &told.paid {
        assert_eq!(store.reply(&key_of(body)).expect("a paid reply is lost").body, *body);
    }
    for bytes in blobs() {
        let found = store.read(&Digest::of(&bytes)).unwrap();
        assert!(found.is_none_or(|found| found == bytes), "wrong bytes were served");
    }
    store
}

#[test]
fn every_single_failure_is_told_and_healed_by_the_next_session() {
    for persistent in [false, true] {
        for number in 1.. {
            let root = tempfile::tempdir().unwrap();
            let disk = FaultyDisk::new(if persistent { Fails::From(number) } else { Fails::Once(number) });
            let mut told = Told::default();
            let ended = session(&disk, root.path(), &mut told);
            if disk.state.lock().unwrap().done < number {
                assert!(ended.is_ok() && number > 20, "the sweep ended early at {number}: {ended:?}");
                break;
            }
            if let Err(error) = &ended {
                assert!(error.is_disk_full(), "{error}");
            }
            let store = check_paid(root.path(), &told);
            for bytes in &told.blobs {
                assert_eq!(store.read(&Digest::of(bytes)).unwrap().as_ref(), Some(bytes), "failure {number}");
            }
            for record in &told.records {
                assert_eq!(*store.records(&record.key).unwrap()[0], *record);
            }
            drop(store);
            session(&FaultyDisk::new(Fails::Never), root.path(), &mut told).unwrap();
            assert_eq!(check_paid(root.path(), &told).records(&told.records[0].key).unwrap()[0].take, 1);
        }
    }
}

#[test]
fn a_power_cut_after_any_step_loses_no_paid_reply_and_serves_no_wrong_byte() {
    for number in 1.. {
        let root = tempfile::tempdir().unwrap();
        let disk = FaultyDisk::new(Fails::From(number));
        let mut told = Told::default();
        let ended = session(&disk, root.path(), &mut told);
        disk.cut_power();
        check_paid(root.path(), &told);
        session(&FaultyDisk::new(Fails::Never), root.path(), &mut told).unwrap();
        check_paid(root.path(), &told);
        if ended.is_ok() {
            assert!(number > 20, "the sweep ended early at {number}");
            break;
        }
    }
}

#[test]
fn a_power_cut_takes_free_bytes_that_nobody_waited_for() {
    let root = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::new(Fails::Never);
    session(&disk, root.path(), &mut Told::default()).unwrap();
    disk.cut_power();
    let store = Store::open(Arc::new(RealDisk), root.path().join("store")).unwrap();
    assert_eq!(store.read(&Digest::of(&blobs()[1])).unwrap(), None);
    assert!(store.records(&record("key", 1, "output").key).unwrap().is_empty());
}

/// Returns the log of a session that stored a blob, a record and a reply, and where the last frame starts.
fn small_log(root: &Path) -> (Vec<u8>, usize) {
    let store = Store::open(Arc::new(RealDisk), root.join("store")).unwrap();
    let log = store.dir().join("log");
    store.put(b"a free line").unwrap();
    store.save(&record("key", 1, "output")).unwrap();
    let before = std::fs::metadata(&log).unwrap().len() as usize;
    wait(async { claim(&store, &key_of(b"a paid line")).await.save(b"a paid line", meta(ReplyOutcome::Good)) })
        .unwrap();
    (std::fs::read(log).unwrap(), before)
}

/// Returns how many of the three things in [`small_log`] are there, having checked that none is wrong.
fn count_right(store: &Store) -> usize {
    let blob = store.read(&Digest::of(b"a free line")).unwrap();
    assert!(blob.as_deref().is_none_or(|bytes| bytes == b"a free line"));
    let expected = record("key", 1, "output");
    let records = store.records(&expected.key).unwrap();
    assert!(records.iter().all(|record| **record == expected));
    let reply = store.reply(&key_of(b"a paid line"));
    assert!(reply.as_ref().is_none_or(|reply| reply.body == b"a paid line"));
    usize::from(blob.is_some()) + records.len() + usize::from(reply.is_some())
}

#[test]
fn a_crash_at_any_byte_of_an_append_loses_only_that_append() {
    let root = tempfile::tempdir().unwrap();
    let (log, last) = small_log(root.path());
    let path = root.path().join("store/log");
    for cut in last..log.len() {
        std::fs::write(&path, &log[..cut]).unwrap();
        let reader = Store::open_existing(Arc::new(RealDisk), root.path().join("store")).unwrap();
        assert_eq!(count_right(&reader), 2, "cut at {cut}");
        assert_eq!(std::fs::metadata(&path).unwrap().len() as usize, cut, "a reader changed the log");
        let writer = Store::open(Arc::new(RealDisk), root.path().join("store")).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().len() as usize, last, "the torn tail stands");
        let added = writer.put(b"after the crash").unwrap();
        reader.refresh().unwrap();
        assert!(reader.read(&added).unwrap().is_some() && count_right(&reader) == 2);
    }
}

#[test]
fn a_torn_tail_is_left_alone_while_another_writer_lives() {
    let root = tempfile::tempdir().unwrap();
    let (log, last) = small_log(root.path());
    let path = root.path().join("store/log");
    std::fs::write(&path, &log[..last]).unwrap();
    let living = Store::open(Arc::new(RealDisk), root.path().join("store")).unwrap();
    std::fs::write(&path, &log[..log.len() - 3]).unwrap();
    let second = Store::open(Arc::new(RealDisk), root.path().join("store")).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().len() as usize, log.len() - 3);
    let added = second.put(b"behind the torn tail").unwrap();
    assert!(second.read(&added).unwrap().is_some());
    living.refresh().unwrap();
    assert!(living.read(&added).unwrap().is_some());
}

#[test]
fn no_flipped_bit_panics_or_serves_wrong_bytes_or_loses_more_than_one_frame() {
    let root = tempfile::tempdir().unwrap();
    let (log, _) = small_log(root.path());
    let path = root.path().join("store/log");
    for bit in 0..log.len() * 8 {
        let mut bad = log.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        std::fs::write(&path, bad).unwrap();
        let store = Store::open_existing(Arc::new(RealDisk), root.path().join("store")).unwrap();
        assert!(count_right(&store) >= 2, "bit {bit}");
        store.vouches_for("out", &Digest::of(b"output"));
    }
}

#[test]
fn a_disk_that_fills_up_during_a_paid_call_still_takes_the_reply() {
    for body in replies() {
        for later in 1..4 {
            let root = tempfile::tempdir().unwrap();
            let disk = FaultyDisk::new(Fails::Never);
            let store = Store::open(Arc::new(disk.clone()), root.path().join("store")).unwrap();
            let paying = wait(claim(&store, &key_of(&body)));
            paying.intend(&intent("call-1")).unwrap();
            let mut state = disk.state.lock().unwrap();
            state.fails = Fails::FromUntilFreed(state.done + later);
            drop(state);
            paying.save(&body, meta(ReplyOutcome::Good)).unwrap();
            drop(store);
            check_paid(root.path(), &Told { paid: vec![body.clone()], ..Told::default() });
        }
    }
}

#[test]
fn no_call_is_sent_on_a_full_disk() {
    let root = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::new(Fails::Never);
    let store = Store::open(Arc::new(disk.clone()), root.path().join("store")).unwrap();
    let paying = wait(claim(&store, &key_of(b"a paid line")));
    disk.state.lock().unwrap().fails = Fails::From(0);
    assert!(paying.intend(&intent("call-1")).unwrap_err().is_disk_full());
}

#[test]
fn no_broken_file_of_the_store_wedges_it() {
    for name in
        ["format", "log", "blobs", ".gitignore", "CACHEDIR.TAG", "locks", "locks/writers", "tmp", "reserve", "paid"]
    {
        for damage in 0..4 {
            let root = tempfile::tempdir().unwrap();
            session(&FaultyDisk::new(Fails::Never), root.path(), &mut Told::default()).unwrap();
            let path = root.path().join("store").join(name);
            if path.is_dir() { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path).or(Ok(())) }
                .unwrap();
            match damage {
                0 => {}
                1 => std::fs::write(&path, "").unwrap(),
                2 => std::fs::write(&path, [0xf5; 3000]).unwrap(),
                _ => std::fs::create_dir(&path).unwrap(),
            }
            let mut told = Told::default();
            session(&FaultyDisk::new(Fails::Never), root.path(), &mut told)
                .unwrap_or_else(|error| panic!("{name}, damage {damage}: {error}"));
            let store = check_paid(root.path(), &told);
            let to = root.path().join("to");
            assert_eq!(store.materialise(&Digest::of(&blobs()[2]), &to).unwrap(), Materialised::Done);
        }
    }
}
