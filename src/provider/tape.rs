//! Hears what is asked and answered, and writes it as answers that a script can play: the same bytes for the same answers.

mod line;

use crate::base::digest::Digest;
use crate::base::failure::{Cause, Failure};
use crate::media::wav;
use crate::provider::chat::{ChatReply, ChatRequest};
use crate::provider::memory::Variant;
use crate::provider::script::{chat_content, speech_content};
use crate::provider::speech::{SpeechReply, SpeechRequest};
use line::line;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The first line of a file that was recorded.
pub const MARK: &str = "# recorded by `storygen build --record`, which replaces this file";

/// The folder of recordings, in that of the answers.
pub const AUDIO: &str = "audio";

/// What was heard.
#[derive(Default)]
pub struct Tape {
    heard: Mutex<Vec<Heard>>,
}

/// One request and its answer.
#[derive(Clone, Debug, PartialEq)]
struct Heard {
    /// Who asked: an instance of a stage.
    action: String,
    /// Of the request's content.
    request: Digest,
    variant: Variant,
    asked: String,
    answer: Answer,
}

#[derive(Clone, Debug, PartialEq)]
enum Answer {
    Text(ChatReply),
    Sound {
        reply: SpeechReply,
        chunk_chars: Option<usize>,
    },
    /// It is an answer all the same: asking again would give the same.
    Fault(Failure),
}

impl Heard {
    /// Returns what it is the answer to, whatever the take.
    fn asked_for(&self) -> (Digest, u32, u32) {
        (self.request, self.variant.sample, self.variant.attempt)
    }
}

impl Tape {
    /// Hears the answer to a request for text.
    pub fn chat(
        &self,
        request: &ChatRequest,
        variant: Variant,
        action: &str,
        answer: &Result<ChatReply, Failure>,
    ) -> Result<(), Failure> {
        let answer = match answer {
            Ok(reply) => Answer::Text(reply.clone()),
            Err(failure) if is_answer(failure) => Answer::Fault(failure.clone()),
            Err(_) => return Ok(()),
        };
        self.add(action, chat_content(request)?, variant, &request.prompt, answer);
        Ok(())
    }

    /// Hears the answer to a request for speech, by a voice that speaks so many characters at a time.
    pub fn speech(
        &self,
        request: &SpeechRequest,
        variant: Variant,
        action: &str,
        answer: &Result<SpeechReply, Failure>,
        chunk_chars: Option<usize>,
    ) -> Result<(), Failure> {
        let answer = match answer {
            Ok(reply) => Answer::Sound { reply: reply.clone(), chunk_chars },
            Err(failure) if is_answer(failure) => Answer::Fault(failure.clone()),
            Err(_) => return Ok(()),
        };
        self.add(action, speech_content(request)?, variant, &request.text, answer);
        Ok(())
    }

    fn add(&self, action: &str, request: Digest, variant: Variant, asked: &str, answer: Answer) {
        let (action, asked) = (action.to_owned(), asked.to_owned());
        self.heard().push(Heard { action, request, variant, asked, answer });
    }

    /// Returns how many answers were heard.
    pub fn count(&self) -> usize {
        self.heard().len()
    }

    /// Returns the files that play what was heard, by their paths in the folder of the answers: a list for each stage, and
    /// recordings.
    pub fn files(&self) -> Result<BTreeMap<String, Vec<u8>>, Failure> {
        let mut all = self.heard().clone();
        // A job asks in the order of its work: what instances ask stands together.
        all.sort_by(|one, two| one.action.cmp(&two.action));
        let (variants, contested) = (variants(&all), contested(&all));
        let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        let mut written = BTreeSet::new();
        for heard in &all {
            let whose = contested.contains(&heard.asked_for()).then_some(heard.action.as_str());
            if !written.insert((heard.asked_for(), whose)) {
                continue;
            }
            let audio = match &heard.answer {
                Answer::Sound { reply, .. } => Some(recording(reply, &mut files)?),
                Answer::Text(_) | Answer::Fault(_) => None,
            };
            let is_varied = variants.get(&heard.request).is_some_and(|count| *count > 1);
            let line = line(heard, whose, is_varied, audio.as_deref());
            let stage = heard.action.split(':').next().unwrap_or_default();
            let file = files.entry(format!("{stage}.jsonl")).or_insert_with(|| format!("{MARK}\n").into_bytes());
            file.extend(line.into_bytes());
            file.push(b'\n');
        }
        Ok(files)
    }

    fn heard(&self) -> MutexGuard<'_, Vec<Heard>> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells whether a failure is what was answered, and not that nobody could answer.
fn is_answer(failure: &Failure) -> bool {
    matches!(failure.cause, Cause::Empty | Cause::Length | Cause::Refusal)
}

/// Returns how many samples and attempts there are of each request.
fn variants(all: &[Heard]) -> BTreeMap<Digest, usize> {
    let mut found: BTreeMap<Digest, BTreeSet<(u32, u32)>> = BTreeMap::new();
    for heard in all {
        found.entry(heard.request).or_default().insert((heard.variant.sample, heard.variant.attempt));
    }
    found.into_iter().map(|(request, variants)| (request, variants.len())).collect()
}

/// Returns the requests to which different answers were given: their takes differ.
fn contested(all: &[Heard]) -> BTreeSet<(Digest, u32, u32)> {
    let mut first: BTreeMap<(Digest, u32, u32), &Answer> = BTreeMap::new();
    all.iter()
        .filter(|heard| *first.entry(heard.asked_for()).or_insert(&heard.answer) != &heard.answer)
        .map(Heard::asked_for)
        .collect()
}

/// Adds a recording to the files and returns its path: it is named by its content.
fn recording(reply: &SpeechReply, files: &mut BTreeMap<String, Vec<u8>>) -> Result<String, Failure> {
    let bytes = wav::write(&reply.samples, reply.sample_rate)
        .map_err(|error| Failure::new(Cause::Machine, format!("write a recording: {error}")))?;
    let path = audio_path(&bytes);
    files.insert(path.clone(), bytes);
    Ok(path)
}

/// Returns the path that a recording with these bytes has.
pub fn audio_path(bytes: &[u8]) -> String {
    format!("{AUDIO}/{}.wav", &Digest::of(bytes).to_string()[..24])
}

#[cfg(test)]
mod tests;
