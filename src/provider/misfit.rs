//! What a service cannot be told: known before any work, with the setting that says it.

use crate::base::failure::{Cause, Failure};

/// Something of a request that a service does not take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// By its dotted name: `extra.model`.
    pub setting: String,
    /// A fragment that stands on its own.
    pub message: String,
    /// A sentence with a way out.
    pub hint: String,
}

impl Misfit {
    pub fn new(setting: impl Into<String>, message: impl Into<String>, hint: impl Into<String>) -> Misfit {
        Misfit { setting: setting.into(), message: message.into(), hint: hint.into() }
    }

    /// More texts in `stop` than a provider of this type takes.
    pub fn stops(kind: &str, given: usize, most: usize) -> Misfit {
        Misfit::new(
            "stop",
            format!("a provider of the type `{kind}` takes up to {most} texts in `stop`, and there are {given}"),
            "Leave out the least likely of them.",
        )
    }
}

/// The same in an attempt: there a setting that waited for a file turned out not to fit.
impl From<Misfit> for Failure {
    fn from(misfit: Misfit) -> Failure {
        Failure::new(Cause::Setup, misfit.message).hint(misfit.hint)
    }
}
