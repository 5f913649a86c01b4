//! The words everyone speaks. No input or output happens here.

pub mod address;
pub mod diagnostic;
pub mod digest;
pub mod duration;
pub mod failure;
pub mod few;
pub mod id;
pub mod money;
pub mod part;
pub mod path;
pub mod reason;
pub mod recipe;
pub mod secret;
pub mod sources;
pub mod span;
