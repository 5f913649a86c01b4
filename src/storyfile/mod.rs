//! Text in, a [`story::Story`] and diagnostics out. No disk: what a Storyfile names on disk is the engine's to find.
//!
//! [`load::load`] reads in this order: text → events → tree (`parse`, `tree`, `syntax`) → declared sections
//! (`read`, `model`, `params`) → instances (`axes`, `references`) → actions (`lower`, `fields`, `paths`,
//! `settings`, `preset`, `providers`, `run`, with expressions by `settle`) → what holds between actions (`check`).
//! The engine then uses [`story`], [`command`], [`with`], [`template`] and [`scope`].

pub mod catalog;
pub mod command;
pub mod export;
pub mod expr;
pub mod load;
pub mod schema;
pub mod scope;
pub mod shell;
pub mod story;
pub mod template;
pub mod with;

mod axes;
mod check;
mod depth;
mod faults;
mod fields;
mod fixed;
mod lexer;
mod lower;
mod mend;
mod model;
mod param_values;
mod params;
pub mod parse;
mod paths;
mod preset;
mod providers;
mod read;
mod references;
mod run;
mod settings;
mod settle;
mod slips;
mod spot;
mod syntax;
mod tree;
