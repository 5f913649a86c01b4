//! storygen: make for stories.
//!
//! A content repo's `Storyfile.yaml` declares stages with inputs and outputs; storygen makes exactly what is out of date.
//! This crate is the program `storygen`, and a library for programs that build such a repo themselves:
//!
//! - [`Repo`] is a folder with a Storyfile. [`Repo::build`] builds it, [`Repo::faults`] says what is wrong with it.
//! - [`Kind`] is what a stage `uses:`. Write one, [`Registry::register`] it, and Storyfiles can use it: its results are
//!   remembered, kept, restored and explained like those of the kinds that storygen has.
//! - [`Sink`] hears what happens, as [`Event`]s.
//!
//! `examples/custom_kind.rs` is a whole program. What stands on this page is for embedders; all else in the crate is its
//! own business and may change with any version.
#![forbid(unsafe_code)]

pub use base::diagnostic::{Diagnostic, Severity};
pub use base::failure::{Cause, Failure};
pub use base::sources::Sources;
pub use embed::{Error, Order, Repo};
pub use engine::options::OnFailure;
pub use engine::summary::Summary;
pub use event::kind::{Event, Outcome};
pub use event::sink::{Fanout, Recorder, Sink};
pub use kind::contract::{Job, Kind, Made, Pay, Progress, Work};
pub use kind::fault::SettingFault;
pub use kind::registry::Registry;
pub use provider::chat::BoxFuture;
pub use provider::desk::Desk;
pub use provider::memory::{Memory, Reading, Request, Variant, request_key};
pub use storyfile::catalog::{InputRule, KindInfo, Need, OutputRule, Setting, SettingSort};
pub use storyfile::scope::ScopeFile;

/// What a [`Kind`] needs to read the files of a [`Job`].
pub use kind::input;

// The house, floor by floor; a room imports only lower floors. `docs/architecture.md` is its map.
#[doc(hidden)]
pub mod base;
#[doc(hidden)]
pub mod cli;
#[doc(hidden)]
pub mod data;
mod embed;
#[doc(hidden)]
pub mod engine;
#[doc(hidden)]
pub mod event;
#[doc(hidden)]
pub mod graph;
#[doc(hidden)]
pub mod import;
#[doc(hidden)]
pub mod kind;
#[doc(hidden)]
pub mod media;
#[doc(hidden)]
pub mod provider;
#[doc(hidden)]
pub mod report;
#[doc(hidden)]
pub mod store;
#[doc(hidden)]
pub mod storyfile;
#[doc(hidden)]
pub mod world;
