//! A provider of text: one request, one reply.

use crate::base::failure::Failure;
use crate::base::money::Usage;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::future::Future;
use std::pin::Pin;
use tokio_util::sync::CancellationToken;

/// A boxed future: what an object-safe async method returns.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What is asked of a writer. Its serialised form is the request's bytes: they are hashed and sent.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ChatRequest {
    /// The house rules, if any.
    pub system: Option<String>,
    /// The rendered prompt.
    pub prompt: String,
    /// 0 to 2; `None` leaves it to the provider.
    pub temperature: Option<f64>,
    /// Upper bound of the reply, in tokens.
    pub max_tokens: u32,
    /// `None`: the stage sets none. A writer in this process is always given one, and repeats itself exactly with it.
    pub seed: Option<u64>,
    /// The reply ends before any of these.
    pub stop: Vec<String>,
    /// The JSON Schema that the reply must satisfy; the reply is then JSON text.
    pub schema: Option<Value>,
    /// Set when the reply is to be an edited form of a given text. A writer too small to edit may then follow the rules
    /// of the edit instead of the prompt, and says so in [`ChatReply::written_by`].
    pub edit: Option<Edit>,
    /// Fields that only this provider knows, put into the request as they are.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub extra: Map<String, Value>,
}

impl ChatRequest {
    /// Returns a request that sets nothing but its bound.
    pub fn of(prompt: impl Into<String>, max_tokens: u32) -> ChatRequest {
        ChatRequest {
            system: None,
            prompt: prompt.into(),
            temperature: None,
            max_tokens,
            seed: None,
            stop: Vec::new(),
            schema: None,
            edit: None,
            extra: Map::new(),
        }
    }
}

/// An edit of a given text.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Edit {
    pub rule: EditRule,
    /// The text to edit.
    pub text: String,
    /// Its language, BCP 47.
    pub language: String,
}

/// What an edit may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum EditRule {
    /// Adds `[tags]`, leaves every word as it is.
    Tags,
    /// Makes the text easier to speak: no abbreviations, short sentences, nothing but narration.
    Speech,
}

/// What a writer answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatReply {
    /// For a refusal its words, if there are any.
    pub text: String,
    /// Why the reply ended.
    pub finish: Finish,
    /// Who wrote it, for provenance: `SmolLM2-135M-Instruct Q8_0 (built in)`, `rules (built in)`.
    pub written_by: String,
    pub usage: Usage,
    /// What a person should know of it.
    pub warnings: Vec<ChatWarning>,
}

/// Something that a writer did not do as it was asked.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ChatWarning {
    /// Bytes in the text of the request's edit; `None` where it is about the whole.
    pub at: Option<(u32, u32)>,
    /// Lower-case fragment: `left out, it is the address of a link`.
    pub message: String,
}

/// Why a reply ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Finish {
    Stop,
    /// Cut by `max_tokens`.
    Length,
    Refusal,
}

/// A provider of text.
pub trait Chat: Send + Sync {
    /// Returns what may shape an answer: type, model, vendor, weights; part of the recipe. Never a secret.
    fn identity(&self) -> String;

    /// Tells, before any work, whether this writer can do what is asked: write in `language`, BCP 47, or edit by `edit` a
    /// text that is in it.
    fn accepts(&self, language: &str, edit: Option<EditRule>) -> Result<(), Failure>;

    /// Answers `request`. Long work watches `cancel` and ends with [`crate::base::failure::Cause::Cancelled`].
    fn chat<'a>(
        &'a self,
        request: &'a ChatRequest,
        cancel: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<ChatReply, Failure>>;
}
