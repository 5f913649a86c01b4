//! Data files and parts of them: parsed within limits, selected by pointers. Pure.

pub mod parse;
pub mod pointer;
