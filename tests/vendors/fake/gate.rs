//! A gate: who comes waits until it is let through. Tests order events with it instead of sleeping.

use std::sync::Arc;
use tokio::sync::Semaphore;

/// A closed gate. Clones are the same gate.
#[derive(Clone, Debug)]
pub struct Gate(Arc<Semaphore>);

impl Gate {
    pub fn new() -> Gate {
        Gate(Arc::new(Semaphore::new(0)))
    }

    /// Lets the next `count` through, in the order in which they came.
    pub fn let_through(&self, count: usize) {
        self.0.add_permits(count);
    }

    /// Lets everybody through from now on.
    pub fn open(&self) {
        self.0.close();
    }

    /// Waits until it is let through.
    pub(super) async fn pass(&self) {
        // A closed semaphore is an open gate: then there is no permit to use up.
        if let Ok(permit) = self.0.acquire().await {
            permit.forget();
        }
    }
}
