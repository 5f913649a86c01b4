//! Where calls to one service wait for their turn, first come, first served.

use crate::base::failure::{Cause, Failure};
use crate::provider::limit::{Limit, Turn};
use crate::storyfile::service::Limits;
use crate::world::clock::{Clock, SystemClock};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Mutex as AsyncMutex, Notify};
use tokio_util::sync::CancellationToken;

/// The one gate to a service: all its calls of this process go through it.
pub struct Gate {
    limit: Mutex<Limit>,
    /// Whoever holds it is the next.
    front: AsyncMutex<()>,
    changed: Notify,
    clock: SystemClock,
}

/// A place among the calls in flight; given back when dropped.
pub struct Pass<'a> {
    gate: &'a Gate,
}

impl Gate {
    pub fn new(limits: &Limits) -> Gate {
        Gate {
            limit: Mutex::new(Limit::new(limits)),
            front: AsyncMutex::new(()),
            changed: Notify::new(),
            clock: SystemClock::default(),
        }
    }

    /// Waits for a turn of a call of up to `tokens`. Fails if the service is stopped or the run is.
    pub async fn enter(&self, tokens: u64, cancel: &CancellationToken) -> Result<Pass<'_>, Failure> {
        let stopped = || Failure::new(Cause::Cancelled, "stopped");
        let _front = tokio::select! {
            front = self.front.lock() => front,
            () = cancel.cancelled() => return Err(stopped()),
        };
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // From here on no change is missed.
            changed.as_mut().enable();
            let turn = self.limit().turn(self.now(), tokens);
            let wait = match turn {
                Turn::Go => return Ok(Pass { gate: self }),
                Turn::Stopped(failure) => return Err(failure),
                Turn::Later(wait) => Some(wait),
                Turn::Full => None,
            };
            tokio::select! {
                () = tokio::time::sleep(wait.unwrap_or_default()), if wait.is_some() => {}
                () = changed => {}
                () = cancel.cancelled() => return Err(stopped()),
            }
        }
    }

    /// Notes a good answer.
    pub fn good(&self) {
        self.change(Limit::good);
    }

    /// Notes that the service found it too much.
    pub fn crowded(&self) {
        self.change(Limit::crowded);
    }

    /// Lets nobody call for `wait`.
    pub fn pause(&self, wait: Duration) {
        let until = self.now() + wait;
        self.change(|limit| limit.pause(until));
    }

    /// Lets nobody call any more in this run, and says why.
    pub fn stop(&self, failure: Failure) {
        self.change(|limit| limit.stop(failure));
    }

    fn change(&self, how: impl FnOnce(&mut Limit)) {
        how(&mut self.limit());
        self.changed.notify_waiters();
    }

    fn now(&self) -> Duration {
        self.clock.elapsed()
    }

    fn limit(&self) -> MutexGuard<'_, Limit> {
        self.limit.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        self.gate.change(Limit::end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Waker};

    fn gate(max_concurrency: u32) -> Gate {
        Gate::new(&Limits { max_concurrency: Some(max_concurrency), ..Limits::default() })
    }

    #[tokio::test]
    async fn the_next_one_goes_when_one_comes_out() {
        let (gate, cancel) = (gate(1), CancellationToken::new());
        let first = gate.enter(0, &cancel).await.unwrap();
        let (second, ()) = tokio::join!(gate.enter(0, &cancel), async { drop(first) });
        assert!(second.is_ok());
    }

    #[tokio::test]
    async fn a_pause_holds_everybody() {
        let (gate, cancel) = (gate(1), CancellationToken::new());
        gate.pause(Duration::from_secs(3600));
        let mut waiting = pin!(gate.enter(0, &cancel));
        let mut context = Context::from_waker(Waker::noop());
        assert!(waiting.as_mut().poll(&mut context).is_pending());
    }

    #[tokio::test]
    async fn who_waits_learns_that_the_service_or_the_run_is_stopped() {
        let (gate, cancel) = (gate(1), CancellationToken::new());
        let held = gate.enter(0, &cancel).await.unwrap();
        let stop = async { gate.stop(Failure::new(Cause::Quota, "nothing left")) };
        let (waiting, ()) = tokio::join!(gate.enter(0, &cancel), stop);
        assert_eq!(waiting.err().unwrap().message, "nothing left");
        drop(held);
        cancel.cancel();
        let gate = self::gate(1);
        let _held = gate.enter(0, &CancellationToken::new()).await.unwrap();
        assert_eq!(gate.enter(0, &cancel).await.err().unwrap().cause, Cause::Cancelled);
    }
}
