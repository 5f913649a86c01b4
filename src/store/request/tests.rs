//! The memory of requests: who may pay, who waits, and what is told of calls without an answer.

use super::*;
use crate::base::failure::Cause;
use crate::base::money::{Currency, Money, Usage};
use crate::store::ReplyOutcome;
use crate::world::real::RealDisk;
use std::fs;
use std::future::Future;
use std::path::Path;
use std::pin::pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Waker};

fn store(dir: &Path) -> Store {
    Store::open(Arc::new(RealDisk), dir.join("store")).unwrap()
}

pub fn meta(outcome: ReplyOutcome) -> ReplyMeta {
    ReplyMeta {
        call: "call-1".into(),
        made_by: "model-1".into(),
        outcome,
        provider: "smart".into(),
        action: "script".into(),
        run: "run-1".into(),
        usage: Usage { output_tokens: Some(12), ..Usage::default() },
        cost: cost("0.02"),
        at: "2026-11-23T08:15:02Z".into(),
    }
}

pub fn cost(text: &str) -> Option<Cost> {
    Some(Cost { amount: Money::parse(text)?, currency: Currency::parse("usd")? })
}

pub fn intent(call: &str) -> Intent {
    Intent {
        call: call.into(),
        description: "chat with model-1".into(),
        provider: "smart".into(),
        action: "script".into(),
        run: "run-1".into(),
        reserved: cost("0.50"),
        room_bytes: 0,
        at: "2026-11-23T08:15:01Z".into(),
    }
}

pub async fn claim(store: &Store, key: &Digest) -> Claim {
    match store.request(key).await.unwrap() {
        Lookup::Miss(claim) => claim,
        Lookup::Hit(reply) => panic!("unexpected reply: {reply:?}"),
    }
}

async fn hit(store: &Store, key: &Digest) -> Reply {
    match store.request(key).await.unwrap() {
        Lookup::Hit(reply) => reply,
        Lookup::Miss(_) => panic!("the reply is not remembered"),
    }
}

#[tokio::test]
async fn good_and_negative_replies_of_any_size_are_replayed_in_a_later_session() {
    let dir = tempfile::tempdir().unwrap();
    let bodies = [b"Once upon a time".to_vec(), vec![5; PACKED_BYTES_MAX * 3], vec![]];
    let outcomes = [ReplyOutcome::Good, ReplyOutcome::Negative(Cause::Length), ReplyOutcome::Negative(Cause::Refusal)];
    for (body, outcome) in bodies.iter().zip(outcomes) {
        let key = Digest::of(body);
        let saved = claim(&store(dir.path()), &key).await.save(body, meta(outcome)).unwrap();
        assert_eq!(hit(&store(dir.path()), &key).await, saved);
        assert_eq!(saved, Reply { body: body.clone(), meta: meta(outcome) });
    }
}

#[tokio::test]
async fn many_tasks_that_ask_at_once_pay_once() {
    let dir = tempfile::tempdir().unwrap();
    let (store, paid, key) = (store(dir.path()), Arc::new(AtomicU32::new(0)), Digest::of(b"request"));
    let tasks: Vec<_> = (0..16)
        .map(|_| {
            let (store, paid) = (store.clone(), paid.clone());
            tokio::spawn(async move {
                match store.request(&key).await.unwrap() {
                    Lookup::Hit(reply) => reply,
                    Lookup::Miss(claim) => {
                        claim.intend(&intent("call-1")).unwrap();
                        tokio::task::yield_now().await;
                        paid.fetch_add(1, Ordering::Relaxed);
                        claim.save(b"answer", meta(ReplyOutcome::Good)).unwrap()
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap().body, b"answer");
    }
    assert_eq!(paid.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn another_process_waits_for_the_one_that_pays() {
    let dir = tempfile::tempdir().unwrap();
    let (one, two, key) = (store(dir.path()), store(dir.path()), Digest::of(b"request"));
    let paying = claim(&one, &key).await;
    let mut waiting = pin!(two.request(&key));
    let mut context = Context::from_waker(Waker::noop());
    assert!(waiting.as_mut().poll(&mut context).is_pending());
    paying.save(b"answer", meta(ReplyOutcome::Good)).unwrap();
    assert!(matches!(waiting.await.unwrap(), Lookup::Hit(reply) if reply.body == b"answer"));
}

#[tokio::test]
async fn an_abandoned_claim_lets_the_next_one_in() {
    let dir = tempfile::tempdir().unwrap();
    let (store, key) = (store(dir.path()), Digest::of(b"request"));
    let first = claim(&store, &key).await;
    let mut second = pin!(store.request(&key));
    let mut context = Context::from_waker(Waker::noop());
    assert!(second.as_mut().poll(&mut context).is_pending());
    drop(first);
    assert!(matches!(second.as_mut().poll(&mut context), Poll::Ready(Ok(Lookup::Miss(_)))));
}

#[tokio::test]
async fn different_requests_of_one_shard_never_wait_for_each_other() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path());
    let claims = [claim(&store, &Digest::from_bytes([1; 32])).await, {
        let mut key = [1; 32];
        key[31] = 2;
        claim(&store, &Digest::from_bytes(key)).await
    }];
    assert_ne!(claims[0].key(), claims[1].key());
}

#[tokio::test]
async fn a_paid_reply_that_cannot_be_read_is_a_loss_and_no_plain_miss() {
    let dir = tempfile::tempdir().unwrap();
    let (key, body) = (Digest::of(b"request"), vec![5; PACKED_BYTES_MAX + 1]);
    let store = store(dir.path());
    let first = claim(&store, &key).await;
    assert_eq!(first.lost(), None);
    first.save(&body, meta(ReplyOutcome::Good)).unwrap();
    fs::write(store.blob_path(&Digest::of(&body)), "damaged").unwrap();
    for _ in 0..2 {
        assert!(matches!(claim(&store, &key).await.lost(), Some(MissReason::Damaged { .. })));
    }
}

#[tokio::test]
async fn a_dead_call_is_left_to_the_next_claim_and_counts_as_possibly_charged() {
    let dir = tempfile::tempdir().unwrap();
    let key = Digest::of(b"request");
    let first = claim(&store(dir.path()), &key).await;
    assert_eq!(first.left(), None);
    first.intend(&intent("call-1")).unwrap();
    drop(first);
    let store = store(dir.path());
    for _ in 0..2 {
        // Looking changes nothing: whoever does not go on leaves it to the next.
        let next = claim(&store, &key).await;
        assert_eq!(next.left(), Some(&Left { intent: intent("call-1"), answer: None }));
        assert_eq!((store.doubts().len(), store.unanswered().len()), (0, 1));
    }
    let next = claim(&store, &key).await;
    next.intend(&intent("call-2")).unwrap();
    next.close().unwrap();
    // Told once: what was taken over is settled.
    assert_eq!(claim(&store, &key).await.left(), None);
    assert_eq!((store.doubts().len(), store.unanswered().len()), (1, 1));
}

#[tokio::test]
async fn an_answer_is_never_taken_for_that_of_a_dead_call_that_brought_none() {
    let dir = tempfile::tempdir().unwrap();
    let (store, key) = (store(dir.path()), Digest::of(b"request"));
    claim(&store, &key).await.intend(&intent("call-1")).unwrap();
    let found = ReplyMeta { call: "call-2".into(), ..meta(ReplyOutcome::Good) };
    claim(&store, &key).await.save(b"answer", found).unwrap();
    let account = store.account();
    assert_eq!(account.iter().map(|entry| entry.call.as_str()).collect::<Vec<_>>(), ["call-1", "call-2"]);
}
