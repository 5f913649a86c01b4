//! The memory of paid requests: a reply that was paid for is never paid for again.
//!
//! A miss is an obligation, a [`Claim`]: while it lives, everyone else who asks for the same request waits, in this
//! process and in others. The order on disk is intent, call, body (if large), reply, each durable before the next, so
//! that a crash at any point leaves either the reply or the intent: "this call may have been charged".

use super::error::{MissReason, StoreError};
use super::frame::FrameSort;
use super::journal::{self, Intent, Reply, ReplyMeta, StoredBody, Unread};
use super::spool::Answer;
use super::{PACKED_BYTES_MAX, Store};
use crate::base::digest::Digest;
use crate::base::money::Cost;
use crate::world::lock::{Held, Tried};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

/// What stands in the frame of a closed intent.
const CLOSED_VERSION: u8 = 1;

/// How long to wait between two looks at another process's lock, at first and at most.
const LOOK_MS: (u64, u64) = (5, 100);

/// What is remembered of a request.
#[must_use]
pub enum Lookup {
    Hit(Reply),
    /// Nothing usable: the caller may pay, and alone may.
    Miss(Claim),
}

/// The right and the duty to answer one request. Dropping it lets the next one in.
#[must_use]
pub struct Claim {
    store: Store,
    key: Digest,
    lost: Option<MissReason>,
    left: Option<Box<Left>>,
    standing: Mutex<Standing>,
    // The order of release: others of this process look only once the shard is free.
    _shard: Arc<Held>,
    _flight: OwnedMutexGuard<()>,
}

/// What an earlier call left whose process died, or whose claim was given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    pub intent: Intent,
    /// What arrived of its answer, if anything did. Saved, it is the reply; else [`Claim::intend`] and [`Claim::doubt`]
    /// note that the call may have been charged, which without an answer is noted already.
    pub answer: Option<Answer>,
}

/// Whose intent stands open in the log.
enum Standing {
    None,
    /// That of [`Claim::left`].
    Left,
    Own(Box<Intent>),
}

/// The requests in flight in this process.
#[derive(Default)]
pub(super) struct Flights {
    by_key: Mutex<BTreeMap<Digest, Weak<AsyncMutex<()>>>>,
    /// One lock file for each first byte of a key; all claims of this process in one shard hold it together.
    shards: Mutex<BTreeMap<u8, Arc<AsyncMutex<Weak<Held>>>>>,
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
                let (left, standing) = self.take_over(key)?;
                let (store, left, standing) = (self.clone(), left.map(Box::new), Mutex::new(standing));
                Ok(Lookup::Miss(Claim { store, key: *key, lost, left, standing, _shard: shard, _flight: flight }))
            }
        }
    }

    /// Returns the reply to a request, if there is one, claiming nothing.
    pub fn reply(&self, key: &Digest) -> Option<Reply> {
        self.recall(key).ok()
    }

    fn recall(&self, key: &Digest) -> Result<Reply, MissReason> {
        let place = self.inner.log.index().replies.get(key).copied().ok_or(MissReason::Absent)?;
        let log = &self.inner.log;
        let payload = log.read(place)?;
        let (body, meta) = journal::decode_reply(&payload).map_err(|unread| match unread {
            Unread::LaterVersion => MissReason::UnknownVersion { place: log.path().display().to_string() },
            Unread::Damaged => log.damaged(),
        })?;
        let body = match body {
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
        Ok(Reply { body, meta })
    }

    /// Looks at what an intent that stands open has left: its caller is dead, since we hold the claim.
    fn take_over(&self, key: &Digest) -> Result<(Option<Left>, Standing), StoreError> {
        let place = self.inner.log.index().intents.get(key).copied();
        let Some(place) = place else { return Ok((None, Standing::None)) };
        let intent = self.inner.log.read(place).ok().and_then(|payload| journal::decode_intent(&payload));
        let intent = intent.unwrap_or_default();
        let answer = self.spooled(key, &intent);
        let standing = match &answer {
            Some(_) => Standing::Left,
            None => {
                self.note_doubt(key, &intent)?;
                Standing::None
            }
        };
        Ok((Some(Left { intent, answer }), standing))
    }

    /// Notes of an intent that it may have been charged; of one that is free only that it ended.
    fn note_doubt(&self, key: &Digest, intent: &Intent) -> Result<(), StoreError> {
        if intent.reserved.is_some_and(Cost::is_free) {
            return self.inner.log.append(FrameSort::Closed, key, &[CLOSED_VERSION]);
        }
        self.inner.log.append_durable(FrameSort::Doubt, key, &journal::encode_doubt(intent))?;
        self.inner.doubted.lock().unwrap_or_else(PoisonError::into_inner).push(intent.clone());
        Ok(())
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

    /// Returns what an earlier call left that never came to its end.
    pub fn left(&self) -> Option<&Left> {
        self.left.as_deref()
    }

    /// Notes durably that the call is about to be sent.
    ///
    /// Send nothing if this fails: the reply might find no place either. A second intent takes the place of the first,
    /// which then counts as not charged: where it may have been, [`Claim::doubt`] comes before.
    pub fn intend(&self, intent: &Intent) -> Result<(), StoreError> {
        let mut standing = self.standing();
        self.settle_left(&mut standing)?;
        self.store.make_reserve()?;
        self.store.inner.log.append_durable(FrameSort::Intent, &self.key, &journal::encode_intent(intent))?;
        *standing = Standing::Own(Box::new(intent.clone()));
        Ok(())
    }

    /// Notes durably that what was intended was sent and brought no answer: for ever possibly charged, whatever is
    /// answered later. Where nothing is intended there is nothing to note.
    pub fn doubt(&self) -> Result<(), StoreError> {
        self.settle(&mut self.standing())
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
        let mut standing = self.standing();
        // That of another call is not ours to take back.
        self.settle_left(&mut standing)?;
        self.store.inner.log.append(FrameSort::Closed, &self.key, &[CLOSED_VERSION])
    }

    fn settle(&self, standing: &mut Standing) -> Result<(), StoreError> {
        let intent = match (&*standing, &self.left) {
            (Standing::Own(intent), _) => intent,
            (Standing::Left, Some(left)) => &left.intent,
            _ => return Ok(()),
        };
        self.store.note_doubt(&self.key, intent)?;
        *standing = Standing::None;
        Ok(())
    }

    fn settle_left(&self, standing: &mut Standing) -> Result<(), StoreError> {
        if matches!(standing, Standing::Left) { self.settle(standing) } else { Ok(()) }
    }

    fn standing(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn append_reply(&self, body: &[u8], meta: &ReplyMeta) -> Result<(), StoreError> {
        let stored_body = if body.len() <= PACKED_BYTES_MAX {
            StoredBody::Here(body.to_vec())
        } else {
            StoredBody::Blob(self.store.put_durable(body)?)
        };
        let payload = journal::encode_reply(&stored_body, meta);
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
pub(crate) mod tests;
