//! Where a job asks from: whose work it is, who pays, what is remembered, and when it must end.

use crate::base::failure::Failure;
use crate::base::money::{Cost, Spend};
use crate::provider::api::Api;
use crate::provider::ledger::{Ledger, Reservation};
use crate::provider::memory::Reading;
use crate::store::{Intent, ReplyMeta, Store};
use crate::storyfile::retry::Retry;
use crate::world::clock::{Clock, SystemClock};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
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
    /// Takes what the job's calls come to, also where it fails.
    pub spend: &'a Mutex<Spend>,
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
    clock: SystemClock,
    state: Mutex<Waits>,
}

#[derive(Default)]
struct Waits {
    now: u32,
    since: Option<Duration>,
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

    /// Notes what a call came to.
    pub fn note(&self, how: impl FnOnce(&mut Spend)) {
        how(&mut self.spend.lock().unwrap_or_else(PoisonError::into_inner));
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
        self.state().begin(self.now());
        Waiting(self)
    }

    /// Waits until the job itself has worked for `limit`, and returns that; for ever without one.
    pub async fn expired(&self, limit: Option<Duration>) -> Duration {
        let Some(limit) = limit else { return std::future::pending().await };
        loop {
            let now = self.now();
            let worked = now.saturating_sub(self.state().waited(now));
            if worked >= limit {
                return limit;
            }
            tokio::time::sleep(limit - worked).await;
        }
    }

    fn now(&self) -> Duration {
        self.clock.elapsed()
    }

    fn state(&self) -> MutexGuard<'_, Waits> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.state().end(self.0.now());
    }
}

impl Waits {
    fn begin(&mut self, now: Duration) {
        self.now += 1;
        self.since.get_or_insert(now);
    }

    fn end(&mut self, now: Duration) {
        self.now -= 1;
        if self.now == 0
            && let Some(since) = self.since.take()
        {
            self.waited += now - since;
        }
    }

    fn waited(&self, now: Duration) -> Duration {
        self.waited + self.since.map(|since| now - since).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_that_overlap_count_once() {
        let (mut waits, at) = (Waits::default(), Duration::from_secs);
        waits.begin(at(1));
        waits.begin(at(3));
        waits.end(at(4));
        assert_eq!(waits.waited(at(6)), at(5));
        waits.end(at(6));
        assert_eq!(waits.waited(at(9)), at(5));
        waits.begin(at(10));
        assert_eq!(waits.waited(at(11)), at(6));
    }
}
