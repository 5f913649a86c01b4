//! Answers as they arrive: what came of a call before its reply was stored, whatever happened to the caller.

use super::Store;
use super::journal::Intent;
use crate::base::digest::Digest;

/// An answer that a dead call left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What the caller wrote of it before its body: status, length, headers.
    pub head: Vec<u8>,
    pub body: Vec<u8>,
    pub wholeness: Wholeness,
}

/// Whether an answer came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wholeness {
    Ended,
    /// The caller died before it said so: only what head and body say themselves can tell whether all of it is there.
    Cut,
}

impl Store {
    /// Returns what arrived of the answer to an intended call.
    pub(super) fn spooled(&self, _key: &Digest, _intent: &Intent) -> Option<Answer> {
        None
    }
}
