//! Answers on their way into the store: space held before, recovery after, and nothing left over.

use super::*;
use crate::store::request::tests::{claim, intent, meta};
use crate::store::{EntrySort, ReplyOutcome};
use crate::world::real::RealDisk;
use std::fs;

const GOOD: ReplyOutcome = ReplyOutcome::Good;

fn store(dir: &Path) -> Store {
    Store::open(Arc::new(RealDisk), dir.join("store")).unwrap()
}

fn spools(dir: &Path) -> Vec<PathBuf> {
    fs::read_dir(dir.join("store/paid")).into_iter().flatten().map(|entry| entry.unwrap().path()).collect()
}

fn roomy(call: &str) -> Intent {
    Intent { room_bytes: 1 << 20, ..intent(call) }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn space_for_the_answer_is_held_before_the_call_and_given_back_after() {
    use std::os::unix::fs::MetadataExt;
    let dir = tempfile::tempdir().unwrap();
    let (store, key) = (store(dir.path()), Digest::of(b"request"));
    let paying = claim(&store, &key).await;
    paying.intend(&roomy("call-1")).unwrap();
    let held = fs::metadata(&spools(dir.path())[0]).unwrap();
    assert!(held.blocks() * 512 >= 1 << 20 && held.len() < 200, "{held:?}");
    paying.save(b"answer", meta(GOOD)).unwrap();
    assert!(spools(dir.path()).is_empty());
}

#[tokio::test]
async fn more_than_there_can_ever_be_room_for_is_not_sent() {
    let dir = tempfile::tempdir().unwrap();
    let (store, key) = (store(dir.path()), Digest::of(b"request"));
    let paying = claim(&store, &key).await;
    assert!(paying.intend(&Intent { room_bytes: 1 << 60, ..intent("call-1") }).is_err());
    assert!(spools(dir.path()).is_empty() && store.account().is_empty());
    paying.intend(&roomy("call-1")).unwrap();
}

#[tokio::test]
async fn a_whole_answer_of_a_dead_call_becomes_its_reply_without_another_call() {
    let dir = tempfile::tempdir().unwrap();
    let key = Digest::of(b"request");
    let dying = claim(&store(dir.path()), &key).await;
    dying.intend(&roomy("call-1")).unwrap();
    let mut spool = dying.spool().unwrap();
    spool.head(b"200").unwrap();
    spool.piece(b"Once upon").unwrap();
    spool.piece(b" a time").unwrap();
    spool.end().unwrap();
    drop((spool, dying));
    let store = store(dir.path());
    let next = claim(&store, &key).await;
    let left = next.left().unwrap();
    assert_eq!(left.intent, roomy("call-1"));
    let answer = left.answer.clone().unwrap();
    assert_eq!(
        (&answer.head[..], &answer.body[..], answer.wholeness),
        (&b"200"[..], &b"Once upon a time"[..], Wholeness::Ended)
    );
    next.save(&answer.body, meta(GOOD)).unwrap();
    assert_eq!(store.reply(&key).unwrap().body, b"Once upon a time");
    assert!(spools(dir.path()).is_empty());
    assert_eq!(store.account().iter().map(|entry| entry.sort).collect::<Vec<_>>(), [EntrySort::Paid]);
}

#[tokio::test]
async fn a_cut_answer_is_shown_and_counts_as_a_doubt_once_another_call_is_sent() {
    let dir = tempfile::tempdir().unwrap();
    let (store, key) = (store(dir.path()), Digest::of(b"request"));
    let dying = claim(&store, &key).await;
    dying.intend(&roomy("call-1")).unwrap();
    let mut spool = dying.spool().unwrap();
    spool.head(b"200").unwrap();
    spool.piece(b"Once").unwrap();
    drop((spool, dying));
    for _ in 0..2 {
        // Looked at and left alone: the next one sees the same.
        let next = claim(&store, &key).await;
        let answer = next.left().unwrap().answer.clone().unwrap();
        assert_eq!((&answer.body[..], answer.wholeness), (&b"Once"[..], Wholeness::Cut));
        assert_eq!(store.unanswered()[0].sort, EntrySort::Open);
    }
    let next = claim(&store, &key).await;
    next.intend(&roomy("call-2")).unwrap();
    assert_eq!(spools(dir.path()).len(), 1);
    next.save(b"answer", meta(GOOD)).unwrap();
    let sorts: Vec<EntrySort> = store.account().iter().map(|entry| entry.sort).collect();
    assert_eq!((sorts, spools(dir.path())), (vec![EntrySort::Possible, EntrySort::Paid], vec![]));
}

#[tokio::test]
async fn what_another_call_left_is_not_taken_back_with_ones_own() {
    let dir = tempfile::tempdir().unwrap();
    let (store, key) = (store(dir.path()), Digest::of(b"request"));
    let dying = claim(&store, &key).await;
    dying.intend(&roomy("call-1")).unwrap();
    dying.spool().unwrap().head(b"200").unwrap();
    drop(dying);
    claim(&store, &key).await.close().unwrap();
    assert_eq!(store.unanswered().iter().map(|entry| entry.sort).collect::<Vec<_>>(), [EntrySort::Possible]);
    assert!(spools(dir.path()).is_empty());
}

#[tokio::test]
async fn a_call_that_was_turned_away_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (store, key) = (store(dir.path()), Digest::of(b"request"));
    let first = claim(&store, &key).await;
    first.intend(&roomy("call-1")).unwrap();
    first.spool().unwrap().head(b"429").unwrap();
    // Sent again under one claim: only the last counts.
    first.intend(&roomy("call-1")).unwrap();
    assert_eq!(spools(dir.path()).len(), 1);
    first.close().unwrap();
    assert_eq!((store.account(), spools(dir.path())), (vec![], vec![]));
}

#[tokio::test]
async fn what_a_dead_process_did_not_remove_is_swept_by_one_who_is_alone() {
    let dir = tempfile::tempdir().unwrap();
    let (first, keys) = (store(dir.path()), [b"a", b"b"].map(|text| Digest::of(text)));
    let paid = claim(&first, &keys[0]).await;
    paid.intend(&roomy("call-1")).unwrap();
    let (path, copy) = (spools(dir.path())[0].clone(), dir.path().join("copy"));
    fs::copy(&path, &copy).unwrap();
    paid.save(b"answer", meta(GOOD)).unwrap();
    fs::copy(&copy, &path).unwrap();
    let dying = claim(&first, &keys[1]).await;
    dying.intend(&roomy("call-2")).unwrap();
    dying.spool().unwrap().head(b"200").unwrap();
    drop(store(dir.path()));
    assert_eq!(spools(dir.path()).len(), 2, "swept while another writer lives");
    drop((dying, first));
    let later = store(dir.path());
    assert_eq!(spools(dir.path()).len(), 1);
    assert!(claim(&later, &keys[1]).await.left().unwrap().answer.is_some());
}

#[tokio::test]
async fn no_broken_spool_wedges_the_store() {
    for damage in 0..4 {
        let dir = tempfile::tempdir().unwrap();
        let key = Digest::of(b"request");
        let dying = claim(&store(dir.path()), &key).await;
        dying.intend(&roomy("call-1")).unwrap();
        dying.spool().unwrap().end().unwrap();
        drop(dying);
        let path = spools(dir.path()).remove(0);
        fs::remove_file(&path).unwrap();
        match damage {
            0 => {}
            1 => fs::write(&path, "").unwrap(),
            2 => fs::write(&path, [0xf5; 3000]).unwrap(),
            _ => fs::create_dir(&path).unwrap(),
        }
        let store = store(dir.path());
        let next = claim(&store, &key).await;
        assert_eq!(next.left().unwrap().answer, None);
        next.intend(&roomy("call-2")).unwrap();
        next.save(b"answer", meta(GOOD)).unwrap();
        assert_eq!((store.account().len(), spools(dir.path())), (2, vec![]));
    }
}
