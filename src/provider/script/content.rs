//! What a request asks, whoever answers it: the digest by which an answer is found again.

use crate::base::digest::Digest;
use crate::base::failure::{Cause, Failure};
use crate::provider::chat::ChatRequest;
use crate::provider::courier::CallRequest;
use crate::provider::ears::HearingRequest;
use crate::provider::speech::SpeechRequest;
use serde::Serialize;

/// Returns the digest of what a writer is asked: house rules, prompt, schema, and the settings that reach it.
pub fn chat_content(request: &ChatRequest) -> Result<Digest, Failure> {
    content("storygen asks for text 1", request)
}

/// Returns the digest of what a voice is asked: text, language, voice, and the settings that reach it.
pub fn speech_content(request: &SpeechRequest) -> Result<Digest, Failure> {
    content("storygen asks for speech 1", request)
}

/// Returns the digest of what a service of any sort is asked: method, address, body, and the headers of the stage.
pub fn call_content(request: &CallRequest<'_>) -> Result<Digest, Failure> {
    content("storygen asks by a call 1", request)
}

/// Returns the digest of what is to be heard: the sound and its language, whatever its file is called.
pub fn hearing_content(request: &HearingRequest<'_>) -> Result<Digest, Failure> {
    content("storygen asks what is heard 1", request)
}

fn content(form: &str, request: &impl Serialize) -> Result<Digest, Failure> {
    let bytes = serde_json::to_vec(request)
        .map_err(|error| Failure::new(Cause::Machine, format!("write the request as JSON: {error}")))?;
    Ok(Digest::hasher().field(form.as_bytes()).field(&bytes).finish())
}
