//! Data files and parts of them: parsed within limits, selected by pointers and headings. Pure.

pub mod depfile;
pub mod markdown;
pub mod parse;
pub mod part;
pub mod pointer;
