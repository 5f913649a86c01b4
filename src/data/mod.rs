//! Data files: JSON and YAML content, parsed within limits.

pub mod parse;
