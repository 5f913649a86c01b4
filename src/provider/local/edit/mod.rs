//! Edits by rule, without any model: tags for a voice, and text made easier to speak.
//!
//! | file | what it knows |
//! |---|---|
//! | `sentences` | where sentences and paragraphs begin and end |
//! | `tagset` | the tags, their order, how they are found and taken out |
//! | `cues` | which words and marks call for which tag |
//! | `tag` | puts tags into a text |
//! | `abbreviation` | writes abbreviations out |
//! | `speech` | makes a person's text easier to speak, and keeps every word of it |
//! | `markup` | takes out of a model's draft what nobody says: headings, lists, stage directions, preambles |
//! | `repeat` | finds and drops what a model repeats: sentences and loops of words |

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

/// Whether the rules of English hold for a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tongue {
    English,
    Other,
}

impl Tongue {
    /// Reads a BCP 47 tag: `en-GB` is English.
    pub fn of(language: &str) -> Tongue {
        let main = language.split(['-', '_']).next().unwrap_or("");
        if main.eq_ignore_ascii_case("en") { Tongue::English } else { Tongue::Other }
    }
}
