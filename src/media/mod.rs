//! Words with times, the subtitles cut from them, and the sound they are spoken in. Pure: no input or output.
//!
//! A script becomes plain sentences ([`plain`]); a voice turns each into samples and timed words ([`join`] strings
//! them together); the words file ([`words`]) is the master from which every subtitle derives.
//!
//! ```text
//! script ─ plain ─(markup, table, sentence, token)→ sentences ─ voice → join → samples ─ loudness → wav
//!                                                                         └──→ words ─ segment → cues ─ srt, vtt, ass, ttml
//!                                                                                (preset, boundary, page, breach)   (style)
//! recording, text ─ align (silence, resample, features, dtw) or estimate → words
//! words, some without times ─ gaps (estimate) → words; what was recognised, text ─ recognise (gaps) → words
//! ```

pub mod align;
pub mod ass;
mod block;
pub mod boundary;
pub mod breach;
pub mod cue;
mod dtw;
pub mod estimate;
mod features;
pub mod gaps;
pub mod inspect;
pub mod join;
pub mod loudness;
mod markup;
mod page;
pub mod plain;
pub mod preset;
pub mod recognise;
mod resample;
pub mod segment;
mod sentence;
mod silence;
pub mod srt;
pub mod style;
mod table;
pub mod token;
pub mod ttml;
pub mod vtt;
pub mod wav;
pub mod words;

#[cfg(test)]
mod agreement;
