//! Renders facts: a run's events, a plan, the faults of a text. Decides nothing.
//!
//! [`talk`] turns events into lines; [`plain`] writes them, [`progress`] sets them above a live display, [`jsonl`] keeps
//! the events themselves. [`view`] is what `status`, `--dry-run` and `why` show.

pub mod bill;
pub mod cost;
pub mod diagnostic;
pub mod duration;
pub mod estimate;
pub mod jsonl;
pub mod look;
pub mod plain;
pub mod progress;
pub mod result;
pub mod rows;
pub mod services;
pub mod size;
pub mod spend;
pub mod status;
pub mod summary;
pub mod table;
pub mod tail;
pub mod talk;
pub mod view;
pub mod why;
