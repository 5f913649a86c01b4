//! What a stage can do: one file per kind, and one registry.
//!
//! A kind reads its settings ([`settings`]) and inputs ([`input`]), asks providers only through the memory of requests
//! ([`memory`]), and returns its outputs. [`presets`] are Storyfile text over the kind [`prompt`].

pub mod align;
pub mod check;
pub mod contract;
pub mod fault;
pub mod http;
mod info;
pub mod input;
pub mod presets;
pub mod program;
pub mod prompt;
pub mod registry;
mod render;
mod schema;
mod settings;
mod speaker;
pub mod subtitles;
pub mod template;
pub mod voice;

#[cfg(test)]
mod bench;
