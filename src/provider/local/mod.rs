//! The built-in models: a small writer and a small voice that run in this process.

pub mod builtin;
pub mod edit;
#[cfg(feature = "local-text")]
pub mod text;
#[cfg(feature = "local-voice")]
pub mod voice;
