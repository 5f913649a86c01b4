//! Speaks a script piece by piece through the memory of requests: for the kind `voice`, which writes what is heard, and for
//! `align`, which matches a recording with it.
//!
//! Each piece is one request, a sentence for a voice in this process: so a changed sentence is spoken anew and no other,
//! and one that either kind has heard is not spoken again for the other.

mod chunk;
mod piece;
mod place;
mod quote;

use crate::base::failure::{Cause, Failure};
use crate::kind::contract::{Job, Progress};
use crate::kind::input;
use crate::media::join::Chunk;
use crate::media::plain::{Sentence, paragraphs};
use crate::media::words::{Break, Word};
use crate::provider::memory::{Memory, Variant};
use crate::provider::speech::SpeechRequest;
use crate::provider::voice::Voice;
use crate::storyfile::scope::ScopeFile;
use chunk::SpokenChunk;
use piece::{Piece, pieces};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The built-in voice's name.
pub const BUILT_IN: &str = "local-voice";

/// A text to be spoken, cut into sentences.
pub struct Script<'a> {
    pub path: &'a str,
    pub text: &'a str,
    parts: Vec<Part>,
}

/// A sentence of the script and what ends with it.
struct Part {
    sentence: Sentence,
    after: Break,
}

/// How a voice speaks.
#[derive(Clone, Debug, PartialEq)]
pub struct Manner {
    pub voice: Option<String>,
    /// BCP 47.
    pub language: String,
    pub speed: f64,
    /// `None`: the stage sets none.
    pub seed: Option<u64>,
    /// What only the provider knows.
    pub own: Map<String, Value>,
}

/// Who speaks, and how.
pub struct Speaker<'a> {
    pub voice: &'a Voice,
    pub manner: &'a Manner,
    /// Words that are said otherwise than they are written.
    pub said: BTreeMap<String, String>,
}

/// A spoken script.
pub struct Spoken {
    /// One for each piece.
    pub chunks: Vec<Chunk>,
    /// Samples a second.
    pub rate: u32,
    /// What could not be said as written: sentences with their places.
    pub unsaid: Vec<String>,
}

impl<'a> Script<'a> {
    /// Reads a file's sentences. Fails if there is nothing in it to speak.
    pub fn read(file: &'a ScopeFile) -> Result<Script<'a>, Failure> {
        let script = Script { path: &file.path, text: input::text(file)?, parts: parts(input::text(file)?) };
        if !pieces(&script.parts, None).iter().any(Piece::is_to_be_spoken) {
            return Err(Failure::new(Cause::Validation, format!("`{}` has no words to speak", file.path)));
        }
        Ok(script)
    }

    /// Returns all words in order, each at no time yet.
    pub fn words(&self) -> Vec<Word> {
        pieces(&self.parts, None).iter().flat_map(Piece::words).collect()
    }
}

impl Manner {
    /// Returns a voice's own manner in a language.
    pub fn plain(language: &str) -> Manner {
        Manner { voice: None, language: language.to_owned(), speed: 1.0, seed: None, own: Map::new() }
    }

    /// Returns the request that `text` be spoken so.
    pub fn request(&self, text: &str) -> SpeechRequest {
        SpeechRequest {
            text: text.to_owned(),
            tags: Vec::new(),
            language: self.language.clone(),
            voice: self.voice.clone(),
            speed: self.speed,
            seed: self.seed,
            pronunciation: BTreeMap::new(),
            settings: self.own.clone(),
            before: None,
            after: None,
        }
    }
}

impl Speaker<'_> {
    /// Speaks all pieces, those that are remembered without asking the voice.
    pub async fn script(&self, script: &Script<'_>, memory: &mut Memory<'_>, job: &Job<'_>) -> Result<Spoken, Failure> {
        let most = self.voice.chunk_chars();
        let (pieces, noun) = (pieces(&script.parts, most), if most.is_none() { "sentence" } else { "part" });
        let mut spoken = Spoken { chunks: Vec::with_capacity(pieces.len()), rate: 0, unsaid: Vec::new() };
        for (nth, piece) in pieces.iter().enumerate() {
            let (mut words, mut samples) = (piece.words(), Vec::new());
            if piece.is_to_be_spoken() {
                let request = self.request(piece, neighbours(&pieces, nth));
                let description = format!("{noun} {}", nth + 1);
                let reply = self.voice.ask(&request, Variant::of(job.take), &description, memory).await?;
                spoken.rate = one_rate(spoken.rate, reply.sample_rate)?;
                spoken.unsaid.extend(reply.warnings.iter().map(|warning| {
                    let (sentence, warning) = piece.place(warning);
                    let place = place::of(script.text, sentence, &warning);
                    format!("{}:{}:{}: {}", script.path, place.0, place.1, warning.message)
                }));
                let chunk = SpokenChunk(reply);
                words = chunk.timed(words)?;
                samples = chunk.0.samples;
            }
            spoken.chunks.push(Chunk { samples, words, after: piece.after });
            let (done, total) = (nth as u64 + 1, pieces.len() as u64);
            (job.progress)(Progress { done, total, note: format!("{noun}s") });
        }
        Ok(spoken)
    }

    fn request(&self, piece: &Piece<'_>, (before, after): (Option<&str>, Option<&str>)) -> SpeechRequest {
        // Only what occurs: a word added to the list re-speaks the pieces that have it.
        let low = piece.text.to_lowercase();
        let here = self.said.iter().filter(|(word, _)| low.contains(&word.to_lowercase()));
        let pronunciation = here.map(|(word, how)| (word.clone(), how.clone())).collect();
        let wants_context = self.manner.own.get("context").is_some_and(|value| value == true || value == "true");
        let context = |text: Option<&str>| text.filter(|_| wants_context).map(str::to_owned);
        SpeechRequest {
            tags: piece.tags(),
            pronunciation,
            before: context(before),
            after: context(after),
            ..self.manner.request(&piece.text)
        }
    }
}

/// Returns the sentences next to a piece.
fn neighbours<'p>(pieces: &'p [Piece<'_>], nth: usize) -> (Option<&'p str>, Option<&'p str>) {
    let before = nth.checked_sub(1).map(|before| pieces[before].ends().1);
    (before, pieces.get(nth + 1).map(|after| after.ends().0))
}

fn parts(script: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    for paragraph in paragraphs(script) {
        let last = paragraph.sentences.len();
        parts.extend(paragraph.sentences.into_iter().enumerate().map(|(at, sentence)| Part {
            sentence,
            after: if at + 1 == last { Break::Paragraph } else { Break::Sentence },
        }));
    }
    parts
}

/// `before` is 0 for the first piece.
fn one_rate(before: u32, found: u32) -> Result<u32, Failure> {
    if before == 0 || before == found {
        return Ok(found);
    }
    Err(Failure::new(Cause::Machine, format!("the voice changed from {before} to {found} samples a second")))
}
