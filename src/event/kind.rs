//! The events of a run: one closed enum, also the wire format of `--events` and of the run's record.

use crate::base::failure::Failure;
use crate::base::id::{ActionId, RunId, Take};
use crate::base::money::Spend;
use crate::base::reason::Reason;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Version of the JSON form of events.
pub const WIRE_VERSION: u32 = 1;

/// A fact about a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    RunStarted {
        version: u32,
        run: RunId,
        storygen: String,
        targets: Vec<String>,
        actions: usize,
    },
    /// Another process holds this repo; `holder` is what it says of itself.
    LockAwaited {
        holder: String,
    },
    /// An attempt of an earlier, killed run was rolled back.
    AttemptRecovered {
        action: ActionId,
        kept: Vec<String>,
    },
    ActionStarted {
        action: ActionId,
        reason: Reason,
        estimate_ms: Option<u64>,
    },
    /// `done` of `total` parts of the action's work; `note` says what the part is.
    ActionAdvanced {
        action: ActionId,
        done: u64,
        total: u64,
        note: String,
    },
    /// The list of a fan-out is known: `instances` actions stand in its place.
    FanUnfolded {
        action: ActionId,
        instances: usize,
    },
    /// An attempt failed and another follows.
    AttemptFailed {
        action: ActionId,
        attempt: u32,
        failure: Failure,
        retry_in_ms: u64,
        output: String,
    },
    ActionFinished(Finished),
    /// Something a person should know; nothing failed.
    Warned {
        action: Option<ActionId>,
        message: String,
    },
    /// A command under `hooks:` has ended; `failure` says why it did not do so well.
    HookFinished {
        /// Its key: `stage_error`.
        hook: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        action: Option<ActionId>,
        #[serde(skip_serializing_if = "Option::is_none")]
        failure: Option<Failure>,
        took_ms: u64,
        #[serde(default, skip_serializing_if = "String::is_empty")]
        output: String,
    },
    ModelPullStarted {
        model: String,
        from: String,
        bytes: u64,
        licence: String,
    },
    ModelPullAdvanced {
        model: String,
        done: u64,
        total: u64,
    },
    ModelInstalled {
        model: String,
        place: String,
    },
    /// The person asked to stop.
    StopRequested {
        signal: String,
    },
    RunFinished {
        counts: BTreeMap<Outcome, usize>,
        took_ms: u64,
        exit: u8,
        #[serde(default, skip_serializing_if = "Spend::is_nothing")]
        spend: Spend,
    },
}

/// How an action ended in this run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finished {
    pub action: ActionId,
    pub outcome: Outcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    pub took_ms: u64,
    /// Paths of its outputs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outputs: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub take: Option<Take>,
    /// Who made the result, for work that varies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub made_by: Option<String>,
    /// The paths that hold a person's edit.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub edited: Vec<String>,
    /// Why it waits, or what stands in its way: sentences.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// What a command printed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub output: String,
    /// What its calls came to.
    #[serde(default, skip_serializing_if = "Spend::is_nothing")]
    pub spend: Spend,
}

impl Finished {
    pub fn new(action: ActionId, outcome: Outcome) -> Finished {
        Finished {
            action,
            outcome,
            reason: None,
            failure: None,
            took_ms: 0,
            outputs: Vec::new(),
            take: None,
            made_by: None,
            edited: Vec::new(),
            notes: Vec::new(),
            output: String::new(),
            spend: Spend::default(),
        }
    }
}

/// How an action ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It ran and its outputs stand.
    Done,
    /// What stands is right; nothing ran.
    Fresh,
    /// An earlier result was put back; nothing ran.
    Restored,
    /// Missing, and nobody needs it: all that reads it is fresh.
    Unneeded,
    /// Its condition is false, or it requires what a skipped action makes.
    Skipped,
    Failed,
    TimedOut,
    /// Something that it reads is not right.
    Blocked,
    /// It waits for a person.
    Waiting,
    /// What it would pay for is more than may be spent.
    OverBudget,
    /// The run was stopped while it ran.
    Cancelled,
    /// The run ended before its turn came.
    NotStarted,
}

impl Outcome {
    /// Tells whether what reads this action's outputs may go on.
    pub fn is_success(self) -> bool {
        matches!(self, Outcome::Done | Outcome::Fresh | Outcome::Restored | Outcome::Unneeded)
    }

    /// Returns the word that people read.
    pub fn word(self) -> &'static str {
        match self {
            Outcome::Done => "done",
            Outcome::Fresh => "fresh",
            Outcome::Restored => "restored",
            Outcome::Unneeded => "unneeded",
            Outcome::Skipped => "skipped",
            Outcome::Failed => "failed",
            Outcome::TimedOut => "timed out",
            Outcome::Blocked => "blocked",
            Outcome::Waiting => "waiting",
            Outcome::OverBudget => "over budget",
            Outcome::Cancelled => "cancelled",
            Outcome::NotStarted => "not started",
        }
    }
}
