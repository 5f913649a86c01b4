//! A provider that plays answers of the repo (`type: scripted`). It keeps no count: the same request, asked for as the
//! same variant, always gets the same answer.

mod content;
mod load;
mod matching;
mod nearest;
mod others;

use crate::base::diagnostic::Diagnostic;
use crate::base::failure::{Cause, Failure};
use crate::base::money::{Price, Usage};
use crate::base::path::RepoPath;
use crate::media::wav;
use crate::provider::chat::{ChatReply, ChatRequest, ChatWarning, Finish};
use crate::provider::speech::{SpeechReply, SpeechRequest, SpeechWarning, SpokenWord};
use crate::storyfile::answers::{Ended, Entry, Says};
use crate::storyfile::service::Scripted;
use crate::storyfile::story::Selector;
use crate::world::disk::Disk;
pub use content::{call_content, chat_content, hearing_content, speech_content};
pub use matching::{Asked, Words};
use matching::{choose, nth};
use nearest::refusal;
pub use others::Said;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

/// What a token is counted for where an answer says nothing, in bytes.
const TOKEN_BYTES: usize = 4;

/// Where the answers lie: in a repo.
#[derive(Clone)]
pub struct Shelf {
    pub disk: Arc<dyn Disk>,
    pub root: PathBuf,
}

/// Answers of the repo. They are read when they are first needed.
pub struct Script {
    name: String,
    identity: String,
    price: Price,
    answers: Selector,
    shelf: Shelf,
    loaded: OnceLock<Loaded>,
}

/// What the files say.
#[derive(Default)]
struct Loaded {
    /// In the order of the files' names, then of the files.
    entries: Vec<Placed>,
    faults: Vec<Diagnostic>,
}

/// An entry and the file that it stands in.
pub struct Placed {
    pub file: RepoPath,
    pub entry: Entry,
}

impl Script {
    pub fn new(name: &str, declared: &Scripted, shelf: Shelf) -> Script {
        let model = declared.model.as_ref().map(|model| format!(" {model}")).unwrap_or_default();
        Script {
            name: name.to_owned(),
            identity: format!("scripted{model}"),
            price: declared.price.clone().unwrap_or(Price::Free),
            answers: declared.answers.clone(),
            shelf,
            loaded: OnceLock::new(),
        }
    }

    /// Returns what the Storyfile calls it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns what may shape an answer, beside the answers themselves: they are inputs of the stage.
    pub fn identity(&self) -> &str {
        &self.identity
    }

    pub fn price(&self) -> &Price {
        &self.price
    }

    /// Returns the file or folder that holds the answers.
    pub fn answers(&self) -> &Selector {
        &self.answers
    }

    /// Returns what is wrong with the files.
    pub fn faults(&self) -> &[Diagnostic] {
        &self.loaded().faults
    }

    /// Returns how much is spoken at a time, in characters, if the answers were recorded of a voice that says so.
    pub fn chunk_chars(&self) -> Option<usize> {
        let mut all = self.loaded().entries.iter();
        all.find_map(|placed| placed.entry.chunk_chars).map(|count| count as usize)
    }

    /// Returns the answer to a request for text.
    pub fn chat(&self, request: &ChatRequest, asked: &Asked<'_>, description: &str) -> Result<ChatReply, Failure> {
        let Placed { entry, .. } = self.find(asked, description)?;
        let Says::Texts { replies, finish } = &entry.says else { return Err(fault(entry)) };
        let text = replies[nth(asked.variant).min(replies.len() - 1)].clone();
        let system = request.system.as_ref().map_or(0, String::len);
        let schema = request.schema.as_ref().map_or(0, |schema| schema.to_string().len());
        let counted = Usage {
            input_tokens: Some(tokens(system + request.prompt.len() + schema)),
            output_tokens: Some(tokens(text.len())),
            ..Usage::default()
        };
        let finish = match finish {
            Ended::Stop => Finish::Stop,
            Ended::Length => Finish::Length,
            Ended::Refusal => Finish::Refusal,
        };
        let warnings = entry.warnings.iter().map(|found| ChatWarning { at: found.at, message: found.message.clone() });
        Ok(ChatReply {
            text,
            finish,
            written_by: self.by(entry),
            usage: with_default(entry.usage, counted),
            warnings: warnings.collect(),
        })
    }

    /// Returns the answer to a request for speech.
    pub fn speech(
        &self,
        request: &SpeechRequest,
        asked: &Asked<'_>,
        description: &str,
    ) -> Result<(SpeechReply, Usage), Failure> {
        let Placed { file, entry } = self.find(asked, description)?;
        let Says::Sound { audio, words } = &entry.says else { return Err(fault(entry)) };
        let sound = self.sound(file, audio)?;
        let seconds = sound.samples.len() as f64 / f64::from(sound.rate.max(1));
        let words = match words {
            Some(words) => words
                .iter()
                .map(|word| SpokenWord { text: word.text.clone(), start: word.start, end: word.end, estimated: false })
                .collect(),
            // One for all: who cuts it into words shares its time out, and marks that.
            None => vec![SpokenWord { text: request.text.clone(), start: 0.0, end: seconds, estimated: true }],
        };
        let warnings = entry.warnings.iter().map(|found| {
            let (start, end) = found.at.unwrap_or((0, u32::try_from(request.text.len()).unwrap_or(u32::MAX)));
            SpeechWarning { start, end, message: found.message.clone() }
        });
        let counted = Usage {
            characters: Some(request.text.chars().count() as u64),
            audio_ms: Some((seconds * 1000.0).round() as u64),
            ..Usage::default()
        };
        let usage = with_default(entry.usage, counted);
        let reply = SpeechReply {
            samples: sound.samples,
            sample_rate: sound.rate,
            words,
            spoken_by: self.by(entry),
            warnings: warnings.collect(),
            characters: usage.characters,
        };
        Ok((reply, usage))
    }

    fn by(&self, entry: &Entry) -> String {
        entry.by.clone().unwrap_or_else(|| self.identity.clone())
    }

    fn find(&self, asked: &Asked<'_>, description: &str) -> Result<&Placed, Failure> {
        let entries = &self.loaded().entries;
        choose(entries, asked).ok_or_else(|| refusal(&shown(&self.answers), entries, asked, description))
    }

    fn sound(&self, file: &RepoPath, audio: &str) -> Result<wav::Sound, Failure> {
        let bytes = self.named(file, "the recording", audio)?;
        let sound = wav::read_channels(&bytes).map_err(|error| {
            let message = format!("the recording `{audio}`, which `{file}` names, cannot be played: {error}");
            Failure::new(Cause::Setup, message).hint("An answer's recording is a WAV file.")
        })?;
        Ok(sound.mixed())
    }

    /// Returns the content of a file that an entry of `file` names.
    fn named(&self, file: &RepoPath, what: &str, name: &str) -> Result<Vec<u8>, Failure> {
        let wrong = |why: String| {
            Failure::new(Cause::Setup, format!("{what} `{name}`, which `{file}` names, {why}"))
                .hint("What an answer names lies in the folder of the answers.")
        };
        let path = beside(file, name).ok_or_else(|| wrong("is no path of this folder".into()))?;
        let bytes = self.shelf.disk.read(&path.under(&self.shelf.root));
        bytes.map_err(|error| wrong(format!("cannot be read: {error}")))
    }

    fn loaded(&self) -> &Loaded {
        self.loaded.get_or_init(|| load::load(&self.answers, &self.shelf))
    }
}

/// Returns a path as a person writes it.
pub fn shown(answers: &Selector) -> String {
    match answers {
        Selector::File(path) => path.to_string(),
        Selector::Tree(path) => format!("{path}/"),
        Selector::Glob { pattern, .. } => pattern.clone(),
    }
}

/// Returns the path that `name` means in a file.
fn beside(file: &RepoPath, name: &str) -> Option<RepoPath> {
    match file.parent() {
        Some(folder) => folder.join(name).ok(),
        None => RepoPath::parse(name).ok(),
    }
}

fn tokens(bytes: usize) -> u64 {
    bytes.div_ceil(TOKEN_BYTES) as u64
}

/// Returns what is said, and of the rest what was counted.
fn with_default(said: Usage, counted: Usage) -> Usage {
    Usage {
        input_tokens: said.input_tokens.or(counted.input_tokens),
        cached_tokens: said.cached_tokens.or(counted.cached_tokens),
        output_tokens: said.output_tokens.or(counted.output_tokens),
        characters: said.characters.or(counted.characters),
        audio_ms: said.audio_ms.or(counted.audio_ms),
    }
}

/// Returns the failure that an entry plays.
fn fault(entry: &Entry) -> Failure {
    let Says::Fault { cause, message, hint } = &entry.says else {
        return Failure::new(Cause::Machine, "an answer of another sort was chosen");
    };
    let (cause, words) = match cause.as_str() {
        "timeout" => (Cause::Timeout, "the service did not answer in time"),
        "empty" => (Cause::Empty, "the service gave no answer"),
        "length" => (Cause::Length, "the answer was cut at its bound"),
        "refusal" => (Cause::Refusal, "the service declined to answer"),
        "rate-limit" => (Cause::RateLimit, "the service asks to be called later"),
        "quota" => (Cause::Quota, "the account has nothing left"),
        _ => (Cause::Server, "the service is out of order"),
    };
    let message = message.clone().unwrap_or_else(|| format!("{words} (as its script says)"));
    Failure { cause, message, hint: hint.clone() }
}

#[cfg(test)]
mod tests;
