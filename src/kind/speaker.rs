//! Speaks a script sentence by sentence through the memory of requests: for the kind `voice`, which writes what is heard,
//! and for `align`, which matches a recording with it.
//!
//! Each sentence is one request, so that a changed sentence is spoken anew and no other, and one that either kind has
//! heard is not spoken again for the other.

mod chunk;
mod place;
mod quote;

use crate::base::failure::{Cause, Failure};
use crate::kind::contract::{Job, Progress};
use crate::kind::input;
use crate::media::join::Chunk;
use crate::media::plain::{Sentence, paragraphs};
use crate::media::token::{Token, is_spoken, tokens};
use crate::media::words::{Break, Word};
use crate::provider::memory::{Memory, Variant};
use crate::provider::speech::SpeechRequest;
use crate::provider::voice::Voice;
use crate::storyfile::scope::ScopeFile;
use chunk::SpokenChunk;
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
    /// One for each sentence.
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
        if !script.parts.iter().any(|part| is_to_be_spoken(&part.sentence.text)) {
            return Err(Failure::new(Cause::Validation, format!("`{}` has no words to speak", file.path)));
        }
        Ok(script)
    }

    /// Returns all words in order, each at no time yet.
    pub fn words(&self) -> Vec<Word> {
        let mut words = Vec::new();
        for part in &self.parts {
            words.extend(silent(&part.sentence.text));
            if let Some(last) = words.last_mut() {
                last.break_after = part.after;
            }
        }
        words
    }
}

impl Manner {
    /// Returns a voice's own manner in a language.
    pub fn plain(language: &str) -> Manner {
        Manner { voice: None, language: language.to_owned(), speed: 1.0, seed: None, own: Map::new() }
    }
}

impl Speaker<'_> {
    /// Speaks all sentences, those that are remembered without asking the voice.
    pub async fn script(&self, script: &Script<'_>, memory: &mut Memory<'_>, job: &Job<'_>) -> Result<Spoken, Failure> {
        let mut chunks = Vec::with_capacity(script.parts.len());
        let mut rate = None;
        let mut unsaid = Vec::new();
        for (nth, part) in script.parts.iter().enumerate() {
            let text = part.sentence.text.as_str();
            if is_to_be_spoken(text) {
                let spoken = self.sentence(text, nth + 1, Variant::of(job.take), memory).await?;
                one_rate(&mut rate, spoken.0.sample_rate)?;
                unsaid.extend(spoken.0.warnings.iter().map(|warning| {
                    let place = place::of(script.text, &part.sentence, warning);
                    format!("{}:{}:{}: {}", script.path, place.0, place.1, warning.message)
                }));
                chunks.push(Chunk { words: spoken.words(text)?, samples: spoken.0.samples, after: part.after });
            } else {
                chunks.push(Chunk { samples: Vec::new(), words: silent(text), after: part.after });
            }
            let (done, total) = (nth as u64 + 1, script.parts.len() as u64);
            (job.progress)(Progress { done, total, note: "sentences".to_owned() });
        }
        Ok(Spoken { chunks, rate: rate.unwrap_or(0), unsaid })
    }

    async fn sentence(
        &self,
        text: &str,
        number: usize,
        variant: Variant,
        memory: &mut Memory<'_>,
    ) -> Result<SpokenChunk, Failure> {
        let description = format!("sentence {number}");
        self.voice.ask(&self.request(text), variant, &description, memory).await.map(SpokenChunk)
    }

    fn request(&self, text: &str) -> SpeechRequest {
        let manner = self.manner;
        // Only what occurs: a word added to the list re-speaks the sentences that have it.
        let low = text.to_lowercase();
        let here = self.said.iter().filter(|(word, _)| low.contains(&word.to_lowercase()));
        SpeechRequest {
            text: text.to_owned(),
            language: manner.language.clone(),
            voice: manner.voice.clone(),
            speed: manner.speed,
            seed: manner.seed,
            pronunciation: here.map(|(word, how)| (word.clone(), how.clone())).collect(),
            settings: manner.own.clone(),
        }
    }
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

fn is_to_be_spoken(sentence: &str) -> bool {
    tokens(sentence).iter().any(|token| is_spoken(token.text))
}

/// Words that are shown and not heard, such as a dash in a line of its own.
fn silent(sentence: &str) -> Vec<Word> {
    let word = |token: Token<'_>| Word {
        text: token.text.to_owned(),
        start: 0.0,
        end: 0.0,
        break_after: Break::None,
        estimated: false,
        joined: token.joined,
    };
    tokens(sentence).into_iter().map(word).collect()
}

fn one_rate(rate: &mut Option<u32>, found: u32) -> Result<(), Failure> {
    match *rate.get_or_insert(found) {
        first if first == found => Ok(()),
        first => {
            Err(Failure::new(Cause::Machine, format!("the voice changed from {first} to {found} samples a second")))
        }
    }
}
