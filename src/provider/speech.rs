//! A provider of speech: one chunk of text, its sound and when each word is heard.

use super::chat::BoxFuture;
use crate::base::failure::Failure;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;

/// One chunk to be spoken: a sentence. Its serialised form is the request's bytes: they are hashed and sent.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SpeechRequest {
    /// Plain text as the script has it; tags and markup are already gone.
    pub text: String,
    /// BCP 47: `en`.
    pub language: String,
    /// The voice's name, if the stage names one.
    pub voice: Option<String>,
    /// 1.0 is the voice's own pace; 0.5 to 2.0.
    pub speed: f64,
    pub seed: u64,
    /// Words to be said otherwise: spelling → how it is said, in plain words.
    pub pronunciation: std::collections::BTreeMap<String, String>,
    /// Settings that only this provider knows.
    pub settings: Map<String, Value>,
}

/// A spoken chunk.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
}

/// One word of the text and when it is heard, in seconds from the chunk's start.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SpokenWord {
    /// As the text has it, punctuation included: `“Mara,`.
    pub text: String,
    pub start: f64,
    pub end: f64,
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
