//! What time it is, for people to read and durations to show. No decision compares it with a file's time.

use jiff::Timestamp;
use std::time::{Duration, Instant};

/// The clock of a session.
pub trait Clock: Send + Sync {
    /// Returns the wall clock's time in UTC.
    fn now(&self) -> Timestamp;

    /// Returns the time since the clock was made; it never goes backwards.
    fn elapsed(&self) -> Duration;
}

/// The machine's clock.
pub struct SystemClock {
    started: Instant,
}

impl Default for SystemClock {
    fn default() -> SystemClock {
        SystemClock { started: Instant::now() }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }
}
