//! Why an attempt did not succeed: a value, decided by cause.

use serde::{Deserialize, Serialize};

/// What went wrong in an attempt; the cause decides whether it may be retried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// A command ended with a status other than 0.
    Exit,
    /// The attempt ran longer than its `timeout`.
    Timeout,
    /// The reply or an output broke a declared rule or schema.
    Validation,
    /// The reply was empty.
    Empty,
    /// The reply was cut by its length bound.
    Length,
    /// The provider declined to answer.
    Refusal,
    /// An output is missing or of the wrong sort.
    Output,
    /// The stage's settings cannot work here: a missing program, model, language or voice.
    Setup,
    /// The person or a signal stopped the run.
    Cancelled,
    /// The machine failed: disk, memory, process table.
    Machine,
    /// The service asks to be called later.
    RateLimit,
    /// The service is out of order or out of reach.
    Server,
    /// The account at the service has nothing left.
    Quota,
    /// The work could cost more than may be spent.
    Budget,
}

/// A failed attempt in words: what happened, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    pub cause: Cause,
    /// Lower-case fragment without a full stop: `exit status 2`.
    pub message: String,
    /// A sentence with a way out.
    pub hint: Option<String>,
}

impl Failure {
    pub fn new(cause: Cause, message: impl Into<String>) -> Failure {
        Failure { cause, message: message.into(), hint: None }
    }

    /// Adds a way out.
    pub fn hint(mut self, hint: impl Into<String>) -> Failure {
        self.hint = Some(hint.into());
        self
    }
}
