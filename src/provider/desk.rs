//! Where a job asks from: whose work it is, who pays, what is remembered, and when it must end.

use crate::base::failure::Failure;
use crate::base::money::Cost;
use crate::provider::api::Api;
use crate::provider::ledger::{Ledger, Reservation};
use crate::provider::memory::Reading;
use crate::store::{Intent, ReplyMeta, Store};
use crate::storyfile::story::Retry;
use crate::world::clock::Clock;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How long a call in flight may still take once the run is stopped: its answer is paid for.
const GRACE: Duration = Duration::from_secs(30);

/// All that asking needs.
#[derive(Clone, Copy)]
pub struct Desk<'a> {
    pub store: &'a Store,
    pub ledger: &'a Arc<Ledger>,
    pub payer: &'a Payer,
    /// What may be asked again, and after how long.
    pub retry: &'a Retry,
    pub clock: &'a dyn Clock,
    pub watch: &'a Watch,
    /// Nothing new is asked.
    pub cancel: &'a CancellationToken,
    /// What is in flight is given up too.
    pub kill: &'a CancellationToken,
    /// Takes what `storygen log` shows of the attempt: lines, without any secret.
    pub log: &'a (dyn Fn(&str) + Send + Sync),
}

/// Whose calls they are.
#[derive(Clone, Debug, Default)]
pub struct Payer {
    pub run: String,
    pub action: String,
    pub stage: String,
}

/// Counts how long a job waits for others, so that its time is its own.
#[derive(Default)]
pub struct Watch {
    state: Mutex<Waits>,
}

#[derive(Default)]
struct Waits {
    now: u32,
    since: Option<Instant>,
    waited: Duration,
}

/// A wait under way; it ends when dropped.
pub struct Waiting<'a>(&'a Watch);

impl Desk<'_> {
    /// Returns what is noted of a call that is about to be sent; `most` is what it may cost at most.
    pub fn intent(&self, call: &str, provider: &str, description: &str, most: Option<Cost>) -> Intent {
        let Payer { run, action, .. } = self.payer.clone();
        Intent {
            call: call.to_owned(),
            description: description.to_owned(),
            provider: provider.to_owned(),
            action,
            run,
            reserved: most,
            room_bytes: 0,
            at: self.clock.now().to_string(),
        }
    }

    /// Returns what is noted of an answer.
    pub fn meta(&self, call: &str, provider: &str, reading: Reading, cost: Option<Cost>) -> ReplyMeta {
        let Payer { run, action, .. } = self.payer.clone();
        let Reading { made_by, usage, outcome } = reading;
        let (call, provider, at) = (call.to_owned(), provider.to_owned(), self.clock.now().to_string());
        ReplyMeta { call, made_by, outcome, provider, action, run, usage, cost, at }
    }

    /// Holds back what a call may cost at most.
    pub async fn reserve(&self, api: &Api, most: Option<Cost>) -> Result<Reservation, Failure> {
        self.ledger.reserve(api.name(), &self.payer.stage, most, self.cancel).await
    }

    /// Waits until a call in flight is to be given up.
    pub async fn give_up(&self) {
        let grace = async {
            self.cancel.cancelled().await;
            tokio::time::sleep(GRACE).await;
        };
        tokio::select! {
            () = grace => {}
            () = self.kill.cancelled() => {}
        }
    }
}

impl Watch {
    /// Begins a wait.
    pub fn wait(&self) -> Waiting<'_> {
        let mut state = self.state();
        state.now += 1;
        state.since.get_or_insert_with(Instant::now);
        Waiting(self)
    }

    /// Returns how long the job has waited so far.
    pub fn waited(&self) -> Duration {
        let state = self.state();
        state.waited + state.since.map(|since| since.elapsed()).unwrap_or_default()
    }

    fn state(&self) -> MutexGuard<'_, Waits> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.now -= 1;
        if state.now == 0
            && let Some(since) = state.since.take()
        {
            state.waited += since.elapsed();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn waits_that_overlap_count_once() {
        let watch = Watch::default();
        let first = watch.wait();
        tokio::time::advance(Duration::from_secs(2)).await;
        let second = watch.wait();
        tokio::time::advance(Duration::from_secs(3)).await;
        drop(first);
        assert_eq!(watch.waited().as_secs(), 5);
        drop(second);
        tokio::time::advance(Duration::from_secs(9)).await;
        assert_eq!(watch.waited().as_secs(), 5);
    }
}
