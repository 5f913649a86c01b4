//! Decides and drives. What decides is pure (`rebuild`, `schedule`, `lockfile`, `workflow`); what drives performs it.

pub mod accept;
pub mod attempts;
pub mod clean;
pub mod command;
pub mod compose;
pub mod drive;
pub mod error;
pub mod finish;
pub mod judge;
pub mod keep;
pub mod lockfile;
pub mod open;
pub mod options;
pub mod plan;
pub mod publish;
pub mod rebuild;
pub mod recover;
pub mod schedule;
pub mod select;
pub mod settle;
pub mod snapshot;
pub mod sources;
pub mod summary;
pub mod work;
pub mod workflow;
pub mod workspace;
