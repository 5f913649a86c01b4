//! What waits for the disk, done on other threads: the others' calls go on, and begin.
//!
//! What is begun here is done to its end, also where nobody waits for it any more: who is dropped meanwhile loses nothing and
//! leaves no note that is wrong.

use crate::base::failure::{Cause, Failure};
use crate::store::{Claim, Intent, ReplyMeta, Spool, StoreError};
use tokio::task::spawn_blocking;

/// A claim to a call that is noted and not sent yet. Dropped, the note is taken back.
#[must_use]
pub struct Noted(Option<Claim>);

impl Noted {
    /// Returns the claim of a call that is sent now: from here on its note stands until it is answered, closed or doubted.
    pub fn sent(mut self) -> Claim {
        self.0.take().expect("only this takes it, and the rest with it")
    }
}

impl Drop for Noted {
    fn drop(&mut self) {
        if let Some(claim) = self.0.take() {
            // A note that cannot be taken back tells of a call that may have been charged: too many, never too few.
            claim.close().ok();
        }
    }
}

/// Notes durably that a call is about to be sent.
pub async fn intend(claim: Claim, intent: Intent) -> Result<Noted, Failure> {
    aside(move || note(claim, &intent)).await
}

/// Notes durably that a call is about to be sent, and makes the place that its answer is written to as it comes in.
pub async fn intend_spooled(claim: Claim, intent: Intent) -> Result<(Noted, Spool), Failure> {
    aside(move || {
        let noted = note(claim, &intent)?;
        let spool = noted.0.as_ref().map(Claim::spool).expect("it is not sent yet")?;
        Ok((noted, spool))
    })
    .await
}

/// Stores an answer durably and returns it.
pub async fn save(claim: Claim, body: Vec<u8>, meta: ReplyMeta) -> Result<Vec<u8>, Failure> {
    aside(move || claim.save(&body, meta).map(|_| body)).await
}

/// Takes the note of a call back that was turned away without a charge.
pub async fn close(claim: Claim) -> Result<(), Failure> {
    aside(move || claim.close()).await
}

/// Notes durably that a call brought no answer and may have been charged.
pub async fn doubt(claim: Claim) -> Result<(), Failure> {
    aside(move || claim.doubt()).await
}

/// Returns a failure of the store as one of the job.
pub fn machine(error: StoreError) -> Failure {
    let failure = Failure::new(Cause::Machine, format!("failed to {error}"));
    if error.is_disk_full() { failure.hint("Free some disk space; what is paid for is kept.") } else { failure }
}

fn note(claim: Claim, intent: &Intent) -> Result<Noted, StoreError> {
    claim.intend(intent).map(|()| Noted(Some(claim)))
}

async fn aside<T: Send + 'static>(work: impl FnOnce() -> Result<T, StoreError> + Send + 'static) -> Result<T, Failure> {
    match spawn_blocking(work).await {
        Ok(done) => done.map_err(machine),
        Err(error) => Err(Failure::new(Cause::Machine, format!("the work broke off: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::digest::Digest;
    use crate::base::money::Usage;
    use crate::store::faults::disk::{Fails, FaultyDisk};
    use crate::store::{Lookup, ReplyOutcome, Store};
    use crate::world::real::RealDisk;
    use std::future::Future;
    use std::pin::pin;
    use std::sync::mpsc::channel;
    use std::sync::{Arc, Mutex};
    use std::task::{Context, Waker};
    use std::time::Duration;
    use tempfile::TempDir;

    const KEY: Digest = Digest::from_bytes([7; 32]);
    const OTHER: Digest = Digest::from_bytes([8; 32]);

    fn store() -> (TempDir, Store) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(Arc::new(RealDisk), dir.path().join("store")).unwrap();
        (dir, store)
    }

    /// Waits for the claim; whatever is done aside holds it to its end.
    async fn claim(store: &Store) -> Claim {
        claim_to(store, &KEY).await
    }

    async fn claim_to(store: &Store, key: &Digest) -> Claim {
        match store.request(key).await.unwrap() {
            Lookup::Miss(claim) => claim,
            Lookup::Hit(reply) => panic!("answered: {reply:?}"),
        }
    }

    fn intent() -> Intent {
        Intent { call: "call-1".into(), room_bytes: 1, ..Intent::default() }
    }

    fn meta() -> ReplyMeta {
        ReplyMeta {
            call: "call-1".into(),
            made_by: "model-1".into(),
            outcome: ReplyOutcome::Good,
            provider: "smart".into(),
            action: "script".into(),
            run: "run-1".into(),
            usage: Usage::default(),
            cost: None,
            at: String::new(),
        }
    }

    /// Begins the work and lets it go, as a job does that runs into its timeout.
    fn begin_and_drop(work: impl Future) {
        // Where the disk is that quick, it is done already.
        let _ = pin!(work).as_mut().poll(&mut Context::from_waker(Waker::noop()));
    }

    #[tokio::test]
    async fn what_comes_in_is_written_down_while_another_call_waits_for_the_disk() {
        let (dir, disk) = (tempfile::tempdir().unwrap(), FaultyDisk::new(Fails::Never));
        let store = Store::open(Arc::new(disk.clone()), dir.path().join("store")).unwrap();
        let (noted, mut spool) = intend_spooled(claim(&store).await, intent()).await.unwrap();
        let _sent = noted.sent();
        let waiting = claim_to(&store, &OTHER).await;
        let (end, ends) = channel();
        let ends = Mutex::new(ends);
        // The patience is only for a test that fails.
        let wait = move || ends.lock().unwrap().recv_timeout(Duration::from_secs(30)).unwrap();
        disk.state.lock().unwrap().at_sync = Some(Arc::new(wait));
        let comes_in = async {
            spool.piece(b"answer").unwrap();
            end.send(()).unwrap();
        };
        let (noted, ()) = tokio::join!(intend(waiting, intent()), comes_in);
        drop(noted.unwrap().sent());
    }

    #[tokio::test]
    async fn the_note_of_a_call_that_is_not_sent_is_taken_back() {
        let (_dir, store) = store();
        drop(intend(claim(&store).await, intent()).await.unwrap());
        drop(intend_spooled(claim(&store).await, intent()).await.unwrap());
        begin_and_drop(intend_spooled(claim(&store).await, intent()));
        assert_eq!(claim(&store).await.left(), None);
        assert_eq!(store.account(), []);
    }

    #[tokio::test]
    async fn the_note_of_a_call_that_is_sent_stands() {
        let (_dir, store) = store();
        let (noted, _spool) = intend_spooled(claim(&store).await, intent()).await.unwrap();
        drop(noted.sent());
        assert_eq!(store.unanswered().len(), 1);
    }

    #[tokio::test]
    async fn an_answer_is_stored_though_nobody_waits_for_it() {
        let (_dir, store) = store();
        let claim = intend(claim(&store).await, intent()).await.unwrap().sent();
        begin_and_drop(save(claim, b"answer".to_vec(), meta()));
        let found = store.request(&KEY).await.unwrap();
        assert!(matches!(found, Lookup::Hit(reply) if reply.body == b"answer"));
        assert_eq!(store.account().len(), 1);
    }

    #[tokio::test]
    async fn a_doubt_is_noted_though_nobody_waits_for_it() {
        let (_dir, store) = store();
        let sent = intend(claim(&store).await, intent()).await.unwrap().sent();
        begin_and_drop(doubt(sent));
        assert_eq!(claim(&store).await.left(), None);
        assert_eq!((store.doubts().len(), store.account().len()), (1, 1));
    }
}
