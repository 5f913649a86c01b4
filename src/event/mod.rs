//! What happened, in the past tense, and where it is told.

pub mod kind;
pub mod sink;
