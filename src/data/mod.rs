//! Data files: JSON and YAML content, parsed within limits; lists in them, in tables and in lines.

pub mod list;
pub mod parse;
