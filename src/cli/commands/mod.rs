//! One file for each command.

pub mod accept;
mod batch;
pub mod build;
pub mod clean;
pub mod completions;
pub mod cost;
pub mod eject;
mod estimate;
pub mod export;
pub mod graph;
pub mod import;
pub mod init;
pub mod log;
pub mod models;
pub mod providers;
mod record;
pub mod schema;
pub mod status;
pub mod trust;
pub mod validate;
