//! Hears what is asked and answered, and writes it as answers that a script can play: the same bytes for the same answers.

mod line;

use crate::base::digest::Digest;
use crate::base::failure::{Cause, Failure};
use crate::media::wav;
use crate::provider::chat::{ChatReply, ChatRequest};
use crate::provider::courier::{CallReply, CallRequest};
use crate::provider::ears::{HeardReply, HearingRequest};
use crate::provider::memory::Variant;
use crate::provider::script::{call_content, chat_content, hearing_content, speech_content};
use crate::provider::speech::{SpeechReply, SpeechRequest};
use line::line;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The first line of a file that was recorded.
const MARK: &str = "# recorded by `storygen build --record`, which replaces this file";

/// The folders of recordings and of what services sent, in that of the answers, and what their files end in. None of
/// these endings is that of a list of answers.
const AUDIO: (&str, &str) = ("audio", "wav");
const BODIES: (&str, &str) = ("bodies", "bin");

/// How long a text that a service sent may be to stand among the answers, in bytes: a longer one is a file.
const INLINE_BYTES_MAX: usize = 16 * 1024;

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
    Call(CallReply),
    Heard(HeardReply),
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
        let answer = heard(answer, Answer::Text);
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
        let answer = heard(answer, |reply| Answer::Sound { reply, chunk_chars });
        self.add(action, speech_content(request)?, variant, &request.text, answer);
        Ok(())
    }

    /// Hears the answer to a call.
    pub fn call(
        &self,
        request: &CallRequest<'_>,
        variant: Variant,
        action: &str,
        answer: &Result<CallReply, Failure>,
    ) -> Result<(), Failure> {
        self.add(action, call_content(request)?, variant, &request.words().told(), heard(answer, Answer::Call));
        Ok(())
    }

    /// Hears what was heard in a recording.
    pub fn hearing(
        &self,
        request: &HearingRequest<'_>,
        variant: Variant,
        action: &str,
        answer: &Result<HeardReply, Failure>,
    ) -> Result<(), Failure> {
        self.add(action, hearing_content(request)?, variant, &request.words().told(), heard(answer, Answer::Heard));
        Ok(())
    }

    fn add(&self, action: &str, request: Digest, variant: Variant, asked: &str, answer: Option<Answer>) {
        let Some(answer) = answer else { return };
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
            let file = beside(&heard.answer, &mut files)?;
            let is_varied = variants.get(&heard.request).is_some_and(|count| *count > 1);
            let line = line(heard, whose, is_varied, file.as_deref());
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

/// Returns what there is to play; `None`: nobody could answer.
fn heard<T: Clone>(answer: &Result<T, Failure>, of: impl FnOnce(T) -> Answer) -> Option<Answer> {
    match answer {
        Ok(reply) => Some(of(reply.clone())),
        Err(failure) => is_answer(failure).then(|| Answer::Fault(failure.clone())),
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

/// Adds the file that an answer needs beside its line, and returns its path: it is named by its content.
fn beside(answer: &Answer, files: &mut BTreeMap<String, Vec<u8>>) -> Result<Option<String>, Failure> {
    let (place, bytes) = match answer {
        Answer::Sound { reply, .. } => {
            let bytes = wav::write(&reply.samples, reply.sample_rate)
                .map_err(|error| Failure::new(Cause::Machine, format!("write a recording: {error}")))?;
            (AUDIO, bytes)
        }
        Answer::Call(reply) if text(&reply.body).is_none() => (BODIES, reply.body.clone()),
        Answer::Call(_) | Answer::Text(_) | Answer::Heard(_) | Answer::Fault(_) => return Ok(None),
    };
    let path = path(place, &bytes);
    files.insert(path.clone(), bytes);
    Ok(Some(path))
}

/// Returns what a service sent as a text, if it is a short one.
fn text(body: &[u8]) -> Option<&str> {
    std::str::from_utf8(body).ok().filter(|text| text.len() <= INLINE_BYTES_MAX)
}

fn path((folder, ending): (&str, &str), bytes: &[u8]) -> String {
    format!("{folder}/{}.{ending}", &Digest::of(bytes).to_string()[..24])
}

/// Tells whether a file in a folder of answers may be one that a recording wrote, by its path there.
pub fn may_be_recorded(name: &str) -> bool {
    name.ends_with(".jsonl") || place_of(name).is_some()
}

/// Tells whether a file with this content is one that a recording wrote: lists by their first line, others by their name.
pub fn is_recorded(name: &str, bytes: &[u8]) -> bool {
    match place_of(name) {
        Some(place) => path(place, bytes) == name,
        None => bytes.starts_with(MARK.as_bytes()),
    }
}

fn place_of(name: &str) -> Option<(&'static str, &'static str)> {
    let (folder, file) = name.split_once('/')?;
    let (_, ending) = file.rsplit_once('.')?;
    [AUDIO, BODIES].into_iter().find(|place| *place == (folder, ending))
}

#[cfg(test)]
mod tests;
