//! The memory of paid requests: a reply that was paid for is never paid for again.
//!
//! A miss is an obligation, a [`Claim`]: while it lives, everyone else who asks for the same request waits, in this
//! process and in others. The order on disk is intent, call, body (if large), reply, each durable before the next, so
//! that a crash at any point leaves either the reply or the intent: "this call may have been charged".

use super::error::{MissReason, StoreError};
use super::frame::FrameSort;
use super::{PACKED_BYTES_MAX, Store};
use crate::base::digest::Digest;
use crate::base::failure::Cause;
use crate::world::lock::{Held, Tried};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

/// The first byte of every intent and reply. A change to what follows takes the next number.
const VERSION: u8 = 1;

/// How long to wait between two looks at another process's lock, at first and at most.
const LOOK_MS: (u64, u64) = (5, 100);

/// What is remembered of a request.
#[must_use]
pub enum Lookup {
    Hit(Reply),
    /// Nothing usable: the caller may pay, and alone may.
    Miss(Claim),
}

/// A reply as it was paid for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    pub body: Vec<u8>,
    pub meta: ReplyMeta,
}

/// What is known of a reply beside its body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplyMeta {
    /// The call's id, as in the events and the provider's log.
    pub call: String,
    /// Who answered, as the provider named itself.
    pub made_by: String,
    pub outcome: ReplyOutcome,
    /// What the provider counted, as JSON.
    pub usage: Option<String>,
    /// When it came, RFC 3339. For people: no decision reads it.
    pub at: String,
}

/// Whether a reply is of use. Both sorts were paid for, both are replayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReplyOutcome {
    Good,
    /// Cut by its bound, a refusal, or invalid: asking again would give and cost the same.
    Negative(Cause),
}

/// A call that may have been charged: it was about to be sent, and no reply reached the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unanswered {
    pub request: Digest,
    /// What [`Claim::intend`] was told.
    pub description: String,
}

/// The right and the duty to answer one request. Dropping it lets the next one in.
#[must_use]
pub struct Claim {
    store: Store,
    key: Digest,
    lost: Option<MissReason>,
    // The order of release: others of this process look only once the shard is free.
    _shard: Arc<Held>,
    _flight: OwnedMutexGuard<()>,
}

/// The requests in flight in this process.
#[derive(Default)]
pub(super) struct Flights {
    by_key: Mutex<BTreeMap<Digest, Weak<AsyncMutex<()>>>>,
    /// One lock file for each first byte of a key; all claims of this process in one shard hold it together.
    shards: Mutex<BTreeMap<u8, Arc<AsyncMutex<Weak<Held>>>>>,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    body: StoredBody,
    meta: ReplyMeta,
}

#[derive(Serialize, Deserialize)]
enum StoredBody {
    Here(Vec<u8>),
    Blob(Digest),
}

impl Store {
    /// Looks a request up; on a miss the caller holds the claim to it.
    ///
    /// Waits while another task or process holds that claim, then looks again. Take it last, after permits for pools,
    /// rates and budgets, and never two at once. Needs a runtime with time.
    pub async fn request(&self, key: &Digest) -> Result<Lookup, StoreError> {
        if let Ok(reply) = self.recall(key) {
            return Ok(Lookup::Hit(reply));
        }
        self.check_writable()?;
        let flight = self.inner.flights.flight(key).lock_owned().await;
        let shard = self.shard(key.as_bytes()[0]).await?;
        self.refresh()?;
        match self.recall(key) {
            Ok(reply) => Ok(Lookup::Hit(reply)),
            Err(reason) => {
                let lost = Some(reason).filter(|reason| *reason != MissReason::Absent);
                Ok(Lookup::Miss(Claim { store: self.clone(), key: *key, lost, _shard: shard, _flight: flight }))
            }
        }
    }

    /// Returns the reply to a request, if there is one, claiming nothing.
    pub fn reply(&self, key: &Digest) -> Option<Reply> {
        self.recall(key).ok()
    }

    /// Returns the calls that may have been charged without their reply having reached the store, sorted by key.
    ///
    /// Calls in flight are among them.
    pub fn unanswered(&self) -> Vec<Unanswered> {
        let intents: BTreeMap<Digest, _> =
            self.inner.log.index().intents.iter().map(|(key, place)| (*key, *place)).collect();
        let describe = |(request, place)| {
            let payload = self.inner.log.read(place).ok();
            let text = payload.as_deref().and_then(|payload| payload.strip_prefix(&[VERSION]));
            let description = text.map(|text| String::from_utf8_lossy(text).into_owned()).unwrap_or_default();
            Unanswered { request, description }
        };
        intents.into_iter().map(describe).collect()
    }

    fn recall(&self, key: &Digest) -> Result<Reply, MissReason> {
        let place = self.inner.log.index().replies.get(key).copied().ok_or(MissReason::Absent)?;
        let log = &self.inner.log;
        let payload = log.read(place)?;
        let place_name = || log.path().display().to_string();
        let rest =
            payload.strip_prefix(&[VERSION]).ok_or_else(|| MissReason::UnknownVersion { place: place_name() })?;
        let stored: Stored = postcard::from_bytes(rest).map_err(|_| log.damaged())?;
        let body = match stored.body {
            StoredBody::Here(bytes) => bytes,
            StoredBody::Blob(digest) => match self.read_or_why(&digest) {
                Ok(Ok(bytes)) => bytes,
                // The reply was paid for: even a body that is merely gone is a loss to be told.
                Ok(Err(MissReason::Absent)) | Err(_) => {
                    return Err(MissReason::Damaged { place: self.blob_path(&digest).display().to_string() });
                }
                Ok(Err(reason)) => return Err(reason),
            },
        };
        Ok(Reply { body, meta: stored.meta })
    }

    /// Returns this process's part in a shard's lock, waiting while another process has it.
    async fn shard(&self, number: u8) -> Result<Arc<Held>, StoreError> {
        let cell = self.inner.flights.shard(number);
        let mut held = cell.lock().await;
        if let Some(held) = held.upgrade() {
            return Ok(held);
        }
        let path = self.inner.layout.request_lock(number);
        let mut pause_ms = LOOK_MS.0;
        loop {
            // Looking again, not waiting in the system: a build that is stopped must not hang on another's call.
            if let Tried::Held(lock) = self.inner.layout.try_lock(&*self.inner.disk, &path)? {
                let lock = Arc::new(lock);
                *held = Arc::downgrade(&lock);
                return Ok(lock);
            }
            tokio::time::sleep(Duration::from_millis(pause_ms)).await;
            pause_ms = (pause_ms * 2).min(LOOK_MS.1);
        }
    }
}

impl Claim {
    /// Returns the request's key.
    pub fn key(&self) -> &Digest {
        &self.key
    }

    /// Returns why a reply that had been paid for cannot be read; `None` if there never was one.
    ///
    /// Paying again for what is lost is for the user to decide.
    pub fn lost(&self) -> Option<&MissReason> {
        self.lost.as_ref()
    }

    /// Notes durably that the call is about to be sent; `description` says it to a person.
    ///
    /// Send nothing if this fails: the reply might find no place either.
    pub fn intend(&self, description: &str) -> Result<(), StoreError> {
        self.store.make_reserve()?;
        let mut payload = vec![VERSION];
        payload.extend(description.as_bytes());
        self.store.inner.log.append_durable(FrameSort::Intent, &self.key, &payload)
    }

    /// Stores the reply and lets the others have it. Once this returns `Ok` it survives a power cut.
    ///
    /// Waits for the disk, some milliseconds. On a full disk the reserve that [`Claim::intend`] made is used up.
    pub fn save(self, body: &[u8], meta: ReplyMeta) -> Result<Reply, StoreError> {
        match self.append_reply(body, &meta) {
            Err(error) if error.is_disk_full() && self.store.give_up_reserve() => self.append_reply(body, &meta)?,
            other => other?,
        }
        Ok(Reply { body: body.to_vec(), meta })
    }

    /// Takes an intent back: the call was not sent, or was turned away without a charge.
    pub fn close(self) -> Result<(), StoreError> {
        self.store.inner.log.append(FrameSort::Closed, &self.key, &[VERSION])
    }

    fn append_reply(&self, body: &[u8], meta: &ReplyMeta) -> Result<(), StoreError> {
        let stored_body = if body.len() <= PACKED_BYTES_MAX {
            StoredBody::Here(body.to_vec())
        } else {
            StoredBody::Blob(self.store.put_durable(body)?)
        };
        let stored = Stored { body: stored_body, meta: meta.clone() };
        let payload = postcard::to_extend(&stored, vec![VERSION]).expect("a reply of plain values has a binary form");
        self.store.inner.log.append_durable(FrameSort::Reply, &self.key, &payload)
    }
}

impl Flights {
    fn flight(&self, key: &Digest) -> Arc<AsyncMutex<()>> {
        let mut by_key = self.by_key.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(flight) = by_key.get(key).and_then(Weak::upgrade) {
            return flight;
        }
        by_key.retain(|_, flight| flight.strong_count() > 0);
        let flight = Arc::new(AsyncMutex::new(()));
        by_key.insert(*key, Arc::downgrade(&flight));
        flight
    }

    fn shard(&self, number: u8) -> Arc<AsyncMutex<Weak<Held>>> {
        let mut shards = self.shards.lock().unwrap_or_else(PoisonError::into_inner);
        shards.entry(number).or_default().clone()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
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
            usage: Some("{\"output_tokens\":12}".into()),
            at: "2026-11-23T08:15:02Z".into(),
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
        let outcomes =
            [ReplyOutcome::Good, ReplyOutcome::Negative(Cause::Length), ReplyOutcome::Negative(Cause::Refusal)];
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
                            claim.intend("chat").unwrap();
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
    async fn an_intent_without_a_reply_is_told_until_it_is_answered_or_closed() {
        let dir = tempfile::tempdir().unwrap();
        let keys = [b"a", b"b", b"c"].map(|text| Digest::of(text));
        let store = store(dir.path());
        for key in &keys {
            let claim = claim(&store, key).await;
            claim.intend("chat with model-1").unwrap();
        }
        claim(&store, &keys[0]).await.save(b"answer", meta(ReplyOutcome::Good)).unwrap();
        claim(&store, &keys[1]).await.close().unwrap();
        let open = [Unanswered { request: keys[2], description: "chat with model-1".into() }];
        assert_eq!(store.unanswered(), open);
        assert_eq!(self::store(dir.path()).unanswered(), open);
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
}
