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

/// For now.
pub struct Spool;

impl super::Claim {
    pub fn spool(&self) -> Result<Spool, super::StoreError> {
        Ok(Spool)
    }
}

impl Spool {
    pub fn head(&mut self, _head: &[u8]) -> Result<(), super::StoreError> {
        Ok(())
    }

    pub fn piece(&mut self, _bytes: &[u8]) -> Result<(), super::StoreError> {
        Ok(())
    }

    pub fn end(&mut self) -> Result<(), super::StoreError> {
        Ok(())
    }
}
