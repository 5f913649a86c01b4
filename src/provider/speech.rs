//! A provider of speech: one chunk of text, its sound and when each word is heard.

use super::chat::BoxFuture;
use crate::base::failure::{Cause, Failure};
use crate::media::plain::Tag;
use crate::media::wav::quantise;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;

/// One chunk to be spoken: a sentence, or as much as a service takes at a time. Its serialised form is the request's bytes: they are hashed and sent.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SpeechRequest {
    /// Plain text as the script has it; tags and markup are already gone.
    pub text: String,
    /// The `[tags]` that stood in it, for a voice that is steered by them. What is played or spoken here is not: they are no
    /// part of its request.
    #[serde(skip)]
    pub tags: Vec<Tag>,
    /// BCP 47: `en`.
    pub language: String,
    /// The voice's name, if the stage names one.
    pub voice: Option<String>,
    /// 1.0 is the voice's own pace; 0.5 to 2.0.
    pub speed: f64,
    /// `None`: the stage sets none. A voice in this process is always given one.
    pub seed: Option<u64>,
    /// Words to be said otherwise: spelling → how it is said, in plain words.
    pub pronunciation: std::collections::BTreeMap<String, String>,
    /// Settings that only this provider knows.
    pub settings: Map<String, Value>,
    /// What is spoken before and after it, as far as the voice is to know.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// A spoken chunk.
#[derive(Clone, Debug, PartialEq)]
pub struct SpeechReply {
    /// Mono samples at `sample_rate`, −1 to 1, as the voice made them (loudness untouched).
    pub samples: Vec<f32>,
    /// In hertz.
    pub sample_rate: u32,
    /// The words of the request's text, each once and in order: joined by the text between them they give the text back.
    pub words: Vec<SpokenWord>,
    /// Who spoke, for provenance.
    pub spoken_by: String,
    /// What could not be said as written: each with its byte range in the request's text.
    pub warnings: Vec<SpeechWarning>,
    /// How many characters the service counted, if it says so.
    pub characters: Option<u64>,
}

/// A spoken chunk as it is remembered: samples have 16 bits, as the recording will.
#[derive(Serialize, Deserialize)]
struct Kept {
    sample_rate: u32,
    samples: Vec<u8>,
    words: Vec<SpokenWord>,
    warnings: Vec<SpeechWarning>,
    spoken_by: String,
}

impl SpeechReply {
    /// Returns the bytes to remember.
    pub fn to_bytes(&self) -> Result<Vec<u8>, Failure> {
        let samples = self.samples.iter().flat_map(|&sample| quantise(sample).to_le_bytes()).collect();
        let SpeechReply { sample_rate, words, warnings, spoken_by, .. } = self.clone();
        postcard::to_allocvec(&Kept { sample_rate, samples, words, warnings, spoken_by })
            .map_err(|error| Failure::new(Cause::Machine, format!("store a spoken sentence: {error}")))
    }

    /// Reads what [`SpeechReply::to_bytes`] wrote.
    pub fn from_bytes(bytes: &[u8]) -> Result<SpeechReply, Failure> {
        let Kept { sample_rate, samples, words, warnings, spoken_by } = postcard::from_bytes(bytes)
            .map_err(|error| Failure::new(Cause::Machine, format!("read a remembered sentence: {error}")))?;
        let samples =
            samples.chunks_exact(2).map(|pair| f32::from(i16::from_le_bytes([pair[0], pair[1]])) / 32768.0).collect();
        Ok(SpeechReply { samples, sample_rate, words, spoken_by, warnings, characters: None })
    }
}

/// Returns a language as services are told it: `pt` of `pt-BR`.
pub fn main_language(language: &str) -> String {
    language.split(['-', '_']).next().unwrap_or_default().to_lowercase()
}

/// One word of the text and when it is heard, in seconds from the chunk's start.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SpokenWord {
    /// As the text has it, punctuation included: `“Mara,`.
    pub text: String,
    pub start: f64,
    pub end: f64,
    /// Set where the voice did not say when. A voice in this process always does: it is not remembered with its words.
    #[serde(skip)]
    pub estimated: bool,
}

/// Something that a voice could not say as written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpeechWarning {
    /// Bytes in the request's text.
    pub start: u32,
    pub end: u32,
    /// Lower-case fragment: `cannot say "東京": skipped`.
    pub message: String,
}

/// What a stage wants of a voice, as far as it is known before any work.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// BCP 47.
    pub language: &'a str,
    /// The voice's name.
    pub voice: Option<&'a str>,
    /// `None`: any will do.
    pub gender: Option<Gender>,
    /// Words to be said otherwise, as in [`SpeechRequest::pronunciation`].
    pub pronunciation: &'a std::collections::BTreeMap<String, String>,
}

/// Whose voice it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gender {
    Female,
    Male,
}

/// A provider of speech.
pub trait Speech: Send + Sync {
    /// Returns what may shape the sound: type, model, vendor, weights; part of the recipe. Never a secret.
    fn identity(&self) -> String;

    /// Tells, before any work, whether this voice can do what is wanted.
    fn accepts(&self, wanted: &Wanted<'_>) -> Result<(), Failure>;

    /// Returns the names of the settings that only this provider knows.
    fn settings(&self) -> &'static [&'static str];

    /// Speaks `request`.
    fn speak<'a>(
        &'a self,
        request: &'a SpeechRequest,
        cancel: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<SpeechReply, Failure>>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_come_back_as_sixteen_bits() {
        let reply = SpeechReply {
            samples: vec![0.5, -2.0],
            sample_rate: 24_000,
            words: vec![SpokenWord { text: "Hm.".into(), start: 0.0, end: 0.1, estimated: false }],
            spoken_by: "a voice".into(),
            warnings: Vec::new(),
            characters: None,
        };
        let back = SpeechReply::from_bytes(&reply.to_bytes().unwrap()).unwrap();
        assert_eq!(back, SpeechReply { samples: vec![0.5, -1.0], ..reply });
    }
}
