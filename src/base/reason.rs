//! Why an action must run: typed, in the user's words.

use super::recipe::Change;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Why an action is not fresh.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
pub enum Reason {
    /// No result of this action is known.
    NeverBuilt,
    /// Its recipe differs from the one that made what stands.
    Changed { changes: Vec<Change> },
    /// The stage says `always: true`.
    Always,
    /// The command line asked for it.
    Forced,
    /// An input or a result of an earlier stage is not known before that stage has run.
    Upstream { stage: String },
    /// What was recorded cannot be had any more: the output is gone and its bytes are in no cache, or are wrong.
    Lost { path: String },
    /// An input changed while the command ran, so its result vouches for nothing.
    InputMoved,
    /// What stands is a person's edit of another result than today's.
    EditOfAnother,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::NeverBuilt => f.write_str("never built"),
            Reason::Changed { changes } => match changes.as_slice() {
                [] => f.write_str("its recipe changed"),
                [one] => one.fmt(f),
                [first, rest @ ..] => write!(f, "{first}, and {} more", rest.len()),
            },
            Reason::Always => f.write_str("`always: true`"),
            Reason::Forced => f.write_str("asked for by the command line"),
            Reason::Upstream { stage } => write!(f, "waits for `{stage}`"),
            Reason::Lost { path } => write!(f, "`{path}` is gone and no cache has its bytes"),
            Reason::InputMoved => f.write_str("an input changed while the command ran"),
            Reason::EditOfAnother => f.write_str("the edit was made on another result than today's"),
        }
    }
}
