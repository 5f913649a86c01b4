//! Data files and parts of them: parsed within limits, selected by pointers and headings; lists in them. Pure.

pub mod depfile;
pub mod list;
pub mod markdown;
pub mod parse;
pub mod part;
pub mod pointer;
pub mod rows;
