//! The account: what was paid, what may have been, each call once.

use super::*;
use crate::base::failure::Cause;
use crate::store::request::tests::{claim, cost, intent, meta};
use crate::store::{ReplyMeta, ReplyOutcome, Store};
use crate::world::real::RealDisk;
use std::path::Path;
use std::sync::Arc;

const GOOD: ReplyOutcome = ReplyOutcome::Good;

fn store(dir: &Path) -> Store {
    Store::open(Arc::new(RealDisk), dir.join("store")).unwrap()
}

/// Returns what a later session, which only reads, finds.
fn told(dir: &Path) -> Vec<(EntrySort, String)> {
    let store = Store::open_existing(Arc::new(RealDisk), dir.join("store")).unwrap();
    store.account().into_iter().map(|entry| (entry.sort, entry.call)).collect()
}

fn named(call: &str) -> ReplyMeta {
    ReplyMeta { call: call.into(), ..meta(GOOD) }
}

#[tokio::test]
async fn each_call_is_counted_in_the_order_of_the_log() {
    let dir = tempfile::tempdir().unwrap();
    let (store, keys) = (store(dir.path()), [b"a", b"b", b"c", b"d"].map(|text| Digest::of(text)));
    claim(&store, &keys[2]).await.intend(&intent("open")).unwrap();
    let paying = claim(&store, &keys[0]).await;
    paying.intend(&intent("good")).unwrap();
    let good = paying.save(b"answer", named("good")).unwrap();
    let negative = ReplyMeta { call: "negative".into(), cost: None, ..meta(ReplyOutcome::Negative(Cause::Length)) };
    claim(&store, &keys[1]).await.save(b"", negative).unwrap();
    let doubted = claim(&store, &keys[3]).await;
    doubted.intend(&intent("doubt")).unwrap();
    doubted.doubt().unwrap();
    drop(doubted);
    let expected = [
        (EntrySort::Open, "open"),
        (EntrySort::Paid, "good"),
        (EntrySort::Paid, "negative"),
        (EntrySort::Possible, "doubt"),
    ];
    assert_eq!(told(dir.path()), expected.map(|(sort, call)| (sort, call.to_owned())));
    let account = store.account();
    assert_eq!(account[1].usage, good.meta.usage);
    assert_eq!(
        account.iter().map(|entry| entry.cost).collect::<Vec<_>>(),
        [cost("0.50"), cost("0.02"), None, cost("0.50")]
    );
    for entry in &account {
        let words = [&entry.provider, &entry.action, &entry.run].map(String::as_str);
        assert_eq!((words, entry.at.len()), (["smart", "script", "run-1"], 20));
    }
    assert_eq!(store.unanswered().len(), 2);
}

#[tokio::test]
async fn a_doubt_stays_though_a_later_call_is_answered() {
    let dir = tempfile::tempdir().unwrap();
    let key = Digest::of(b"request");
    // Also where both calls were given one id.
    for ids in [["one", "two"], ["same", "same"]] {
        let store = store(&dir.path().join(ids[0]));
        let paying = claim(&store, &key).await;
        paying.intend(&intent(ids[0])).unwrap();
        paying.doubt().unwrap();
        paying.intend(&intent(ids[1])).unwrap();
        paying.save(b"answer", named(ids[1])).unwrap();
        let expected = vec![(EntrySort::Possible, ids[0].to_owned()), (EntrySort::Paid, ids[1].to_owned())];
        assert_eq!(told(&dir.path().join(ids[0])), expected);
    }
}

#[tokio::test]
async fn what_is_said_twice_of_one_call_counts_once() {
    let dir = tempfile::tempdir().unwrap();
    let (store, key) = (store(dir.path()), Digest::of(b"request"));
    let log = &store.inner.log;
    let append = |sort, payload: Vec<u8>| log.append(sort, &key, &payload).unwrap();
    let reply = || journal::encode_reply(&journal::StoredBody::Here(b"x".to_vec()), &named("call-1"));
    append(FrameSort::Intent, journal::encode_intent(&intent("call-1")));
    append(FrameSort::Doubt, journal::encode_doubt(&intent("call-1")));
    append(FrameSort::Doubt, journal::encode_doubt(&intent("call-1")));
    assert_eq!(told(dir.path()), [(EntrySort::Possible, "call-1".to_owned())]);
    // It came after all, and was stored again after a failure to make it durable.
    append(FrameSort::Reply, reply());
    append(FrameSort::Reply, reply());
    append(FrameSort::Doubt, journal::encode_doubt(&intent("call-1")));
    assert_eq!(told(dir.path()), [(EntrySort::Paid, "call-1".to_owned())]);
    // Another call, by a process whose frames came between.
    append(FrameSort::Doubt, journal::encode_doubt(&intent("call-2")));
    assert_eq!(told(dir.path()).len(), 2);
}

#[tokio::test]
async fn a_reply_that_is_lost_and_paid_again_was_paid_twice() {
    let dir = tempfile::tempdir().unwrap();
    let (store, key) = (store(dir.path()), Digest::of(b"request"));
    for _ in 0..2 {
        let body = vec![5; crate::store::PACKED_BYTES_MAX + 1];
        let paying = claim(&store, &key).await;
        paying.intend(&intent("same")).unwrap();
        paying.save(&body, named("same")).unwrap();
        std::fs::write(store.blob_path(&Digest::of(&body)), "damaged").unwrap();
    }
    assert_eq!(store.account().len(), 2);
}

#[tokio::test]
async fn what_was_taken_back_or_free_is_no_doubt() {
    let dir = tempfile::tempdir().unwrap();
    let (store, key) = (store(dir.path()), Digest::of(b"request"));
    let turned_away = claim(&store, &key).await;
    turned_away.intend(&intent("one")).unwrap();
    turned_away.close().unwrap();
    let free = claim(&store, &key).await;
    free.intend(&Intent { reserved: Some(Cost::FREE), ..intent("two") }).unwrap();
    drop(free);
    claim(&store, &key).await.close().unwrap();
    assert_eq!((told(dir.path()), store.doubts()), (vec![], vec![]));
}

#[tokio::test]
async fn a_damaged_reply_counts_with_nothing_known_of_it() {
    let dir = tempfile::tempdir().unwrap();
    let key = Digest::of(b"request");
    claim(&store(dir.path()), &key).await.save(b"once upon a time", meta(GOOD)).unwrap();
    let log = dir.path().join("store/log");
    let mut bytes = std::fs::read(&log).unwrap();
    let at = bytes.windows(4).position(|window| window == b"upon").unwrap();
    bytes[at] ^= 1;
    std::fs::write(&log, bytes).unwrap();
    let account = store(dir.path()).account();
    assert_eq!((account.len(), account[0].sort, account[0].cost), (1, EntrySort::Paid, None));
}

#[tokio::test]
async fn calls_that_the_first_version_noted_are_counted() {
    let dir = tempfile::tempdir().unwrap();
    let (store, keys) = (store(dir.path()), [b"a", b"b"].map(|text| Digest::of(text)));
    store.inner.log.append(FrameSort::Intent, &keys[0], b"\x01POST /images").unwrap();
    let one = [1, 0, 2, b'h', b'i', 1, b'c', 1, b'm', 0, 0, 0];
    store.inner.log.append(FrameSort::Reply, &keys[1], &one).unwrap();
    assert_eq!(store.reply(&keys[1]).unwrap().body, b"hi");
    let account = store.account();
    let words = account.iter().map(|entry| (entry.sort, entry.description.as_str(), entry.provider.as_str()));
    assert_eq!(words.collect::<Vec<_>>(), [(EntrySort::Open, "POST /images", ""), (EntrySort::Paid, "", "m")]);
    claim(&store, &keys[0]).await.doubt().unwrap();
    assert_eq!(store.unanswered()[0].sort, EntrySort::Possible);
}
