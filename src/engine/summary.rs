//! How a build ended, in numbers.

use crate::base::money::Spend;
use crate::event::kind::Outcome;
use crate::world::signals::Stop;
use std::collections::BTreeMap;

/// The end of a build.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    pub counts: BTreeMap<Outcome, usize>,
    /// Something failed that no `continue_on_error` tolerates.
    pub failed: bool,
    /// A failure was this machine's.
    pub machine_failed: bool,
    /// A person is waited for.
    pub waiting: bool,
    pub stopped: Option<Stop>,
    /// What all calls came to.
    pub spend: Spend,
}

impl Summary {
    pub fn count(&mut self, outcome: Outcome) {
        *self.counts.entry(outcome).or_default() += 1;
    }

    /// Adds what another part of the run came to.
    pub fn add(&mut self, other: Summary) {
        for (outcome, count) in other.counts {
            *self.counts.entry(outcome).or_default() += count;
        }
        self.failed |= other.failed;
        self.machine_failed |= other.machine_failed;
        self.waiting |= other.waiting;
        self.spend.add(&other.spend);
        self.stopped = self.stopped.or(other.stopped);
    }

    /// Tells whether everything stood already.
    pub fn is_quiet(&self) -> bool {
        self.counts.keys().all(|outcome| matches!(outcome, Outcome::Fresh | Outcome::Unneeded | Outcome::Skipped))
    }

    /// Returns the exit code: 0 done, 1 a stage failed, 3 waits for a person, 4 the machine failed, 130/143 stopped.
    pub fn exit_code(&self) -> u8 {
        match self {
            Summary { stopped: Some(stop), .. } => stop.exit_code(),
            Summary { machine_failed: true, .. } => 4,
            Summary { failed: true, .. } => 1,
            Summary { waiting: true, .. } => 3,
            _ => 0,
        }
    }
}
