//! Edits by rule, without any model: tags for a voice, and text made easier to speak.
//!
//! | file | what it knows |
//! |---|---|
//! | `sentences` | where sentences and paragraphs begin and end |
//! | `tagset` | the tags, their order, how they are found and taken out |
//! | `cues` | which words and marks call for which tag |
//! | `tag` | puts tags into a text |
//! | `markup` | takes out what nobody says: headings, lists, stage directions, preambles |
//! | `abbreviation` | writes abbreviations out |
//! | `repeat` | finds and drops repeated sentences and loops of words |
//! | `speech` | the steps above, in order, and the splitting of long sentences |

pub mod abbreviation;
mod cues;
pub mod markup;
pub mod repeat;
pub mod sentences;
pub mod speech;
pub mod tag;
pub mod tagset;

pub use speech::for_speech;
pub use tag::tag;
pub use tagset::strip_tags;
