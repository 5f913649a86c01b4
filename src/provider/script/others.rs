//! What a script answers to those who neither want a text nor a voice: calls of services, and what is heard.

use super::{Asked, Placed, Script, fault, with_default};
use crate::base::failure::Failure;
use crate::base::money::Usage;
use crate::media::recognise::HeardWord;
use crate::provider::ears::HeardReply;
use crate::storyfile::answers::{Body, Says};
use crate::world::call::{Answer, Head};
use std::time::Duration;

/// What is said to a call, as a service would say it.
#[derive(Debug)]
pub struct Said {
    pub answer: Answer,
    /// Whose answer it is.
    pub by: String,
    pub usage: Usage,
}

impl Script {
    /// Returns the answer to a call, be it of use or not.
    pub fn call(&self, asked: &Asked<'_>, description: &str) -> Result<Said, Failure> {
        let Placed { file, entry } = self.find(asked, description)?;
        let Says::Call { status, headers, body } = &entry.says else { return Err(fault(entry)) };
        let body = match body {
            Body::Text(text) => text.clone().into_bytes(),
            Body::File(name) => self.named(file, "the file", name)?,
        };
        let wait = headers.get("retry-after").and_then(|seconds| seconds.trim().parse().ok());
        let head = Head {
            status: *status,
            retry_after: wait.map(Duration::from_secs),
            length: Some(body.len() as u64),
            headers: headers.clone(),
        };
        Ok(Said { answer: Answer { head, body }, by: self.by(entry), usage: entry.usage })
    }

    /// Returns what is heard in a recording that lasts so long.
    pub fn hear(&self, asked: &Asked<'_>, audio_ms: u64, description: &str) -> Result<(HeardReply, Usage), Failure> {
        let Placed { entry, .. } = self.find(asked, description)?;
        let Says::Heard { text, words } = &entry.says else { return Err(fault(entry)) };
        let words = words.iter().map(|word| HeardWord { text: word.text.clone(), start: word.start, end: word.end });
        let reply = HeardReply { text: text.clone(), words: words.collect(), heard_by: self.by(entry) };
        let counted = Usage { audio_ms: Some(audio_ms), ..Usage::default() };
        Ok((reply, with_default(entry.usage, counted)))
    }
}
