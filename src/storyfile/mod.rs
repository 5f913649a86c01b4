//! Text in, a [`story::Story`] and diagnostics out. No disk: what a Storyfile names on disk is the engine's to find.
//!
//! [`load::load`] reads in this order: texts → events → trees (`texts`, `include`, `parse`, `tree`, `syntax`) → overlays
//! (`profiles`) → declared sections (`read`, `model`, `params`, `services`, `prices`) → values of params (`given`) → instances (`axes`, `axis`,
//! `matrix`, `references`) → actions (`lower`, `fields`, `paths`,
//! `settings`, `kinds`, `preset`, `providers`, `spending`, `run`, with expressions by `settle`) → what holds between actions (`check`).
//! The engine then uses [`story`], [`command`], [`with`], [`template`] and [`scope`].

pub mod answers;
pub mod catalog;
pub mod command;
pub mod condition;
pub mod dotenv;
pub mod export;
pub mod expr;
pub mod hooks;
pub mod lists;
pub mod load;
pub mod question;
pub mod row;
pub mod schema;
pub mod scope;
pub mod shell;
pub mod story;
pub mod template;
pub mod with;

mod axes;
mod axis;
pub mod check;
mod depth;
mod fallbacks;
mod faults;
mod fields;
mod fixed;
mod given;
pub mod headers;
pub mod home;
mod include;
mod kinds;
mod lexer;
pub mod lower;
pub mod lowering;
mod matrix;
mod mend;
mod model;
mod moved;
mod param_values;
mod params;
pub mod parse;
mod paths;
pub mod preferences;
mod preset;
mod prices;
mod profiles;
mod provider_types;
mod providers;
mod read;
mod references;
pub mod retry;
mod run;
pub mod service;
mod services;
mod settings;
mod settle;
mod slips;
mod spending;
mod spot;
mod syntax;
mod territory;
mod texts;
mod tree;
mod when;
