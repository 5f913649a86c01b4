//! storygen: make for stories.
//!
//! A content repo's `Storyfile.yaml` declares stages with inputs and outputs; `storygen build` makes
//! exactly what is out of date. Data flows one way, floor by floor; a room imports only lower floors.
//!
//! | floor | rooms |
//! |---|---|
//! | 0 | [`base`]: the words everyone speaks |
//! | 1 | [`event`] what happened · [`world`] the doors outside · [`graph`] order · [`storyfile`] the user's text · [`data`] data files · [`media`] words, subtitles, sound |
//! | 2 | [`store`]: remembers keys and bytes |
//! | 3 | [`provider`]: who does paid work |
//! | 4 | [`kind`]: one file per kind of stage |
//! | 5 | [`engine`]: decides and drives |
//! | 6 | [`report`]: renders facts |
//! | 7 | [`cli`]: the terminal |
#![forbid(unsafe_code)]

pub mod base;
pub mod cli;
pub mod data;
pub mod engine;
pub mod event;
pub mod graph;
pub mod kind;
pub mod media;
pub mod provider;
pub mod report;
pub mod store;
pub mod storyfile;
pub mod world;
