//! The memory of paid requests: a reply that was paid for is never paid for again.
//!
//! A miss is an obligation, a [`Claim`]: while it lives, everyone else who asks for the same request waits, in this
//! process and in others. The order on disk is space, intent, call, answer as it arrives, body (if large), reply; intent,
//! body and reply are durable before what follows. So a crash at any point leaves the reply, or an intent that stands
//! open. Whoever claims the key next finds with it what had arrived: a whole answer becomes the reply, anything else a
//! doubt, "this call may have been charged".

use super::error::{MissReason, StoreError};
use super::frame::FrameSort;
use super::journal::{self, Intent, Reply, ReplyMeta, StoredBody, Unread};
use super::spool::{self, Answer, Spool, SpoolFile, Wholeness};
use super::{PACKED_BYTES_MAX, Store};
use crate::base::digest::Digest;
use crate::base::money::Cost;
use crate::world::lock::{Held, Tried};
use std::collections::BTreeMap;
use std::path::PathBuf;
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
    state: Mutex<State>,
    // The order of release: others of this process look only once the shard is free.
    _shard: Arc<Held>,
    _flight: OwnedMutexGuard<()>,
}

/// What an earlier call left whose process died, or whose claim was given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    pub intent: Intent,
    /// What arrived of its answer, if anything did. Saved, it is the reply; whatever else is done with the claim notes that
    /// the call may have been charged.
    pub answer: Option<Answer>,
}

impl Left {
    fn is_whole(&self) -> bool {
        self.answer.as_ref().is_some_and(|answer| answer.wholeness == Wholeness::Ended)
    }
}

/// What stands on the disk of calls that are not settled.
struct State {
    intent: Standing,
    /// The file of what is intended, once it has one.
    spool: Option<Arc<Mutex<SpoolFile>>>,
    /// The files of what was left.
    left: Vec<PathBuf>,
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
                let (left, state) = self.take_over(key)?;
                let (store, left, state) = (self.clone(), left.map(Box::new), Mutex::new(state));
                Ok(Lookup::Miss(Claim { store, key: *key, lost, left, state, _shard: shard, _flight: flight }))
            }
        }
    }

    /// Returns the reply to a request, if there is one, claiming nothing.
    pub fn reply(&self, key: &Digest) -> Option<Reply> {
        self.recall(key).ok()
    }

    /// Returns what is known of a reply beside its body, which is not looked at.
    pub fn reply_meta(&self, key: &Digest) -> Option<ReplyMeta> {
        let place = self.inner.log.index().replies.get(key).copied()?;
        journal::decode_reply(&self.inner.log.read(place).ok()?).ok().map(|(_, meta)| meta)
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

    /// Looks at what an intent that stands open has left: its caller is dead, since we hold the claim. Changes nothing.
    fn take_over(&self, key: &Digest) -> Result<(Option<Left>, State), StoreError> {
        let mut state = State { intent: Standing::None, spool: None, left: Vec::new() };
        let place = self.inner.log.index().intents.get(key).copied();
        let Some(place) = place else { return Ok((None, state)) };
        let intent = self.inner.log.read(place).ok().and_then(|payload| journal::decode_intent(&payload));
        let intent = intent.unwrap_or_default();
        let (answer, files) = self.spooled(key, &intent.call)?;
        (state.intent, state.left) = (Standing::Left, files);
        Ok((Some(Left { intent, answer }), state))
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

    /// Notes durably that the call is about to be sent, and holds space for what it will bring.
    ///
    /// Send nothing if this fails: the reply might find no place either. A second intent takes the place of the first,
    /// which then counts as not charged: where it may have been, [`Claim::doubt`] comes before.
    pub fn intend(&self, intent: &Intent) -> Result<(), StoreError> {
        let (store, mut state) = (&self.store, self.state());
        self.settle_left(&mut state)?;
        store.make_reserve()?;
        self.clear(&mut state)?;
        if intent.room_bytes > 0 {
            state.spool = Some(Arc::new(Mutex::new(store.make_spool(&self.key, intent)?)));
        }
        let payload = journal::encode_intent(intent);
        if let Err(error) = store.inner.log.append_durable(FrameSort::Intent, &self.key, &payload) {
            self.clear(&mut state).ok();
            return Err(error);
        }
        state.intent = Standing::Own(Box::new(intent.clone()));
        Ok(())
    }

    /// Returns where the answer to what is intended is written as it arrives.
    ///
    /// [`Claim::intend`] made it with the room that it was told; of one without room it is made here.
    pub fn spool(&self) -> Result<Spool, StoreError> {
        let (mut state, nothing) = (self.state(), Intent::default());
        let file = match (&state.spool, &state.intent) {
            (Some(file), _) => file.clone(),
            (None, Standing::Own(intent)) => Arc::new(Mutex::new(self.store.make_spool(&self.key, intent)?)),
            (None, _) => Arc::new(Mutex::new(self.store.make_spool(&self.key, &nothing)?)),
        };
        state.spool = Some(file.clone());
        Ok(Spool::new(self.store.clone(), file))
    }

    /// Notes durably that what was intended was sent and brought no answer: for ever possibly charged, whatever is
    /// answered later. Where nothing is intended there is nothing to note.
    pub fn doubt(&self) -> Result<(), StoreError> {
        self.settle(&mut self.state())
    }

    /// Stores the reply and lets the others have it. Once this returns `Ok` it survives a power cut.
    ///
    /// Waits for the disk, some milliseconds. On a full disk the reserve that [`Claim::intend`] made is used up. If that
    /// is not enough, an answer that came whole through the spool is kept there, and left to the next claim.
    pub fn save(self, body: &[u8], meta: ReplyMeta) -> Result<Reply, StoreError> {
        let stored = match self.append_reply(body, &meta) {
            Err(error) if error.is_disk_full() && self.store.give_up_reserve() => self.append_reply(body, &meta),
            other => other,
        };
        match stored {
            Ok(()) => {
                // The reply is there: what cannot be removed now is swept another time.
                self.clear(&mut self.state()).ok();
                Ok(Reply { body: body.to_vec(), meta })
            }
            Err(error) => Err(self.keep(error)),
        }
    }

    /// Takes an intent back: the call was not sent, or was turned away without a charge.
    pub fn close(self) -> Result<(), StoreError> {
        let mut state = self.state();
        // That of another call is not ours to take back.
        self.settle_left(&mut state)?;
        self.store.inner.log.append(FrameSort::Closed, &self.key, &[CLOSED_VERSION])?;
        self.clear(&mut state)
    }

    fn settle(&self, state: &mut State) -> Result<(), StoreError> {
        let intent = match (&state.intent, &self.left) {
            (Standing::Own(intent), _) => intent,
            (Standing::Left, Some(left)) => &left.intent,
            _ => return Ok(()),
        };
        self.store.note_doubt(&self.key, intent)?;
        state.intent = Standing::None;
        self.clear(state)
    }

    fn settle_left(&self, state: &mut State) -> Result<(), StoreError> {
        if matches!(state.intent, Standing::Left) { self.settle(state) } else { Ok(()) }
    }

    /// Removes the files of what is settled.
    fn clear(&self, state: &mut State) -> Result<(), StoreError> {
        let own = state.spool.take().map(|file| spool::lock(&file).path.clone());
        std::mem::take(&mut state.left).iter().chain(&own).try_for_each(|path| self.store.remove_spool(path))
    }

    /// Makes an answer survive that could not be stored as a reply, and says so.
    fn keep(&self, error: StoreError) -> StoreError {
        let (state, source) = (self.state(), Box::new(error));
        if let Some(file) = &state.spool {
            let mut file = spool::lock(file);
            let is_kept = file.keep().and_then(|whole| self.store.keep_spool_names().map(|()| whole));
            return if is_kept.unwrap_or(false) {
                StoreError::Kept { path: file.path.clone(), source }
            } else {
                *source
            };
        }
        match (&self.left, state.left.first()) {
            (Some(left), Some(path)) if left.is_whole() => StoreError::Kept { path: path.clone(), source },
            _ => *source,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn append_reply(&self, body: &[u8], meta: &ReplyMeta) -> Result<(), StoreError> {
        if self.left.as_ref().is_some_and(|left| left.answer.is_none()) {
            // A call that brought nothing is another than the one that is answered here.
            self.settle_left(&mut self.state())?;
        }
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
