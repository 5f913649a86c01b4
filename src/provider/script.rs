//! A provider that plays answers of the repo (`type: scripted`). It keeps no count: the same request, asked for as the
//! same variant, always gets the same answer.

mod content;
mod matching;
mod nearest;

use crate::base::diagnostic::{Diagnostic, Source};
use crate::base::failure::{Cause, Failure};
use crate::base::money::{Price, Usage};
use crate::base::path::RepoPath;
use crate::media::wav;
use crate::provider::chat::{ChatReply, ChatRequest, ChatWarning, Finish};
use crate::provider::speech::{SpeechReply, SpeechRequest, SpeechWarning, SpokenWord};
use crate::storyfile::answers::{Ended, Entry, Says, holds_entries, read};
use crate::storyfile::service::Scripted;
use crate::storyfile::story::Selector;
use crate::world::disk::{Disk, Spelling};
pub use content::{chat_content, speech_content};
pub use matching::{Asked, Words};
use matching::{choose, nth};
use nearest::refusal;
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
                .map(|word| SpokenWord { text: word.text.clone(), start: word.start, end: word.end })
                .collect(),
            // One for all: who cuts it into words shares its time out, and marks that.
            None => vec![SpokenWord { text: request.text.clone(), start: 0.0, end: seconds }],
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
        let wrong = |why: String| {
            Failure::new(Cause::Setup, format!("the recording `{audio}`, which `{file}` names, {why}"))
                .hint("An answer's recording is a WAV file in the folder of the answers.")
        };
        let path = beside(file, audio).ok_or_else(|| wrong("is no path of this folder".into()))?;
        let bytes = self.shelf.disk.read(&path.under(&self.shelf.root));
        let bytes = bytes.map_err(|error| wrong(format!("cannot be read: {error}")))?;
        let sound = wav::read_channels(&bytes).map_err(|error| wrong(format!("cannot be played: {error}")))?.mixed();
        Ok(sound)
    }

    fn loaded(&self) -> &Loaded {
        self.loaded.get_or_init(|| self.load())
    }

    fn load(&self) -> Loaded {
        let mut loaded = Loaded::default();
        for file in self.files() {
            // A file that is not there is an input that is missing, which is told as such.
            let Ok(bytes) = self.shelf.disk.read(&file.under(&self.shelf.root)) else { continue };
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let (entries, faults) = read(file.as_str(), &text);
            let source = Arc::new(Source { name: file.to_string(), text });
            loaded.faults.extend(faults.into_iter().map(|fault| fault.in_file(&source)));
            for entry in entries {
                if let Some(fault) = self.misplaced(&file, &entry) {
                    loaded.faults.push(fault.in_file(&source));
                }
                loaded.entries.push(Placed { file: file.clone(), entry });
            }
        }
        loaded
    }

    /// A recording that is not among the answers is no input of the stage: a change of it would go unseen.
    fn misplaced(&self, file: &RepoPath, entry: &Entry) -> Option<Diagnostic> {
        let Says::Sound { audio, .. } = &entry.says else { return None };
        let is_inside = match &self.answers {
            Selector::Tree(folder) => beside(file, audio).is_some_and(|path| path.is_within(folder)),
            Selector::File(_) | Selector::Glob { .. } => false,
        };
        let fault = Diagnostic::error(
            "S168",
            format!("the recording `{audio}` does not lie in a folder of answers"),
            entry.span,
        );
        (!is_inside).then(|| {
            fault.label("names a file elsewhere").help(
                "put both into a folder and name that: `answers: answers/`; a path starts at the file that names it",
            )
        })
    }

    /// Returns the files that hold entries, in the order of their paths.
    fn files(&self) -> Vec<RepoPath> {
        let (mut folders, mut files) = match &self.answers {
            Selector::File(path) => (Vec::new(), vec![path.clone()]),
            Selector::Tree(path) => (vec![path.clone()], Vec::new()),
            Selector::Glob { .. } => (Vec::new(), Vec::new()),
        };
        while let Some(folder) = folders.pop() {
            let listed = self.shelf.disk.list(&folder.under(&self.shelf.root)).unwrap_or_default();
            for entry in listed.into_iter().filter(|entry| entry.spelling == Spelling::Exact) {
                let Ok(path) = RepoPath::found(&format!("{folder}/{}", entry.name)) else { continue };
                match entry.sort_is_dir {
                    true => folders.push(path),
                    false if holds_entries(&entry.name) => files.push(path),
                    false => {}
                }
            }
        }
        files.sort();
        files
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
