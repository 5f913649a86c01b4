//! A bench for the tests of kinds: a real store in a folder of its own, and providers that follow a script.

use crate::base::digest::Digest;
use crate::base::failure::{Cause, Failure};
use crate::base::money::{Spend, Usage};
use crate::base::path::RepoPath;
use crate::base::span::Span;
use crate::kind::contract::{Job, Kind, Made, Progress, Work};
use crate::kind::input::tests::scope;
use crate::provider::Providers;
use crate::provider::chat::{BoxFuture, Chat, ChatReply, ChatRequest, ChatWarning, EditRule, Finish};
use crate::provider::desk::{Desk, Payer, Watch};
use crate::provider::speech::{Gender, Speech, SpeechReply, SpeechRequest, SpeechWarning, SpokenWord, Wanted};
use crate::provider::voice::Voice;
use crate::provider::writer::Writer;
use crate::store::Store;
use crate::storyfile::retry::Retry;
use crate::storyfile::scope::ScopeFile;
use crate::storyfile::story::{Keep, Output, OutputSort};
use crate::world::clock::SystemClock;
use crate::world::real::RealDisk;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// Everything that a job needs.
pub struct Bench {
    _dir: TempDir,
    pub store: Store,
    pub providers: Providers,
    pub named: BTreeMap<String, String>,
    late: BTreeSet<String>,
    pub take: u32,
    pub cancel: CancellationToken,
    pub progress: Mutex<Vec<Progress>>,
    pub log: Mutex<String>,
    pub spend: Mutex<Spend>,
}

/// Returns a new store and the folder that it lives in.
pub fn store() -> (TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(Arc::new(RealDisk), dir.path().join("store")).unwrap();
    (dir, store)
}

/// Returns a declared output.
pub fn output(slot: &str, path: &str) -> Output {
    Output {
        slot: slot.to_owned(),
        path: RepoPath::parse(path).unwrap(),
        sort: OutputSort::File,
        keep: Keep::Bytes,
        span: Span::default(),
    }
}

impl Bench {
    pub fn new() -> Bench {
        let (dir, store) = store();
        Bench {
            _dir: dir,
            store,
            providers: Providers::default(),
            named: BTreeMap::new(),
            late: BTreeSet::new(),
            take: 1,
            cancel: CancellationToken::new(),
            progress: Mutex::default(),
            log: Mutex::default(),
            spend: Mutex::default(),
        }
    }

    /// Returns the bench with `chat` as the built-in writer.
    pub fn with_chat(chat: &Arc<ScriptedChat>) -> Bench {
        let mut bench = Bench::new();
        bench.providers.chats.insert("local".into(), Writer::here(chat.clone()));
        bench
    }

    /// Returns the bench with `voice` as the built-in voice.
    pub fn with_voice(voice: &Arc<SineVoice>) -> Bench {
        let mut bench = Bench::new();
        bench.providers.voices.insert("local-voice".into(), Voice::here(voice.clone()));
        bench
    }

    /// Returns how many answers were remembered since this was asked last.
    pub fn remembered(&self) -> u32 {
        std::mem::take(&mut *self.spend.lock().unwrap()).remembered
    }

    pub fn identity(&self, kind: &dyn Kind, settings: &Value, outputs: &[Output]) -> Result<Option<String>, Failure> {
        kind.identity(&self.work(settings, outputs))
    }

    /// Returns what is told of a stage before any work.
    pub fn told(&self, kind: &dyn Kind, settings: &Value, outputs: &[Output]) -> Vec<String> {
        kind.faults(&self.work(settings, outputs)).into_iter().map(|fault| fault.message).collect()
    }

    fn work<'a>(&'a self, settings: &'a Value, outputs: &'a [Output]) -> Work<'a> {
        let (named, providers) = (&self.named, &self.providers);
        Work { settings, late: &self.late, inputs: &[], outputs, named, providers }
    }

    pub fn perform(
        &self,
        kind: &dyn Kind,
        settings: Value,
        files: Vec<ScopeFile>,
        outputs: &[Output],
    ) -> Result<Made, Failure> {
        let progress = |progress: Progress| self.progress.lock().unwrap().push(progress);
        let log = |text: &str| self.log.lock().unwrap().push_str(text);
        let delay = Duration::from_millis(1);
        let retry = Retry { delay, factor: 1.0, max_delay: delay, ..Retry::default() };
        let job = Job {
            settings,
            scope: scope(files),
            outputs,
            named: &self.named,
            providers: &self.providers,
            desk: Desk {
                store: &self.store,
                ledger: &self.providers.ledger,
                payer: &Payer::default(),
                retry: &retry,
                clock: &SystemClock::default(),
                watch: &Watch::default(),
                spend: &self.spend,
                cancel: &self.cancel,
                kill: &CancellationToken::new(),
                log: &log,
            },
            take: self.take,
            progress: &progress,
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(kind.perform(job))
    }
}

type Answer = dyn Fn(&ChatRequest) -> Result<(String, Finish), Failure> + Send + Sync;

/// Answers by a function of the request; remembers what it was asked.
pub struct ScriptedChat {
    answer: Box<Answer>,
    warnings: Vec<ChatWarning>,
    pub asked: Mutex<Vec<ChatRequest>>,
}

impl ScriptedChat {
    pub fn new(
        answer: impl Fn(&ChatRequest) -> Result<(String, Finish), Failure> + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(ScriptedChat { answer: Box::new(answer), warnings: Vec::new(), asked: Mutex::default() })
    }

    /// Always gives this reply with these warnings.
    pub fn warning(reply: &str, warnings: Vec<ChatWarning>) -> Arc<Self> {
        let reply = reply.to_owned();
        let answer = Box::new(move |_: &ChatRequest| Ok((reply.clone(), Finish::Stop)));
        Arc::new(ScriptedChat { answer, warnings, asked: Mutex::default() })
    }

    /// Answers with `replies` one after the other.
    pub fn of(replies: &[&str]) -> Arc<Self> {
        let replies: Mutex<Vec<String>> = Mutex::new(replies.iter().rev().map(|reply| (*reply).to_owned()).collect());
        ScriptedChat::new(move |_| {
            let reply = replies.lock().unwrap().pop();
            reply.map(|reply| (reply, Finish::Stop)).ok_or_else(|| Failure::new(Cause::Machine, "nothing left to say"))
        })
    }

    pub fn calls(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

impl Chat for ScriptedChat {
    fn identity(&self) -> String {
        "scripted/chat".into()
    }

    fn accepts(&self, language: &str, _edit: Option<EditRule>) -> Result<(), Failure> {
        match language {
            "tlh" => Err(Failure::new(Cause::Setup, format!("a scripted writer does not write in `{language}`"))),
            _ => Ok(()),
        }
    }

    fn chat<'a>(
        &'a self,
        request: &'a ChatRequest,
        _cancel: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<ChatReply, Failure>> {
        self.asked.lock().unwrap().push(request.clone());
        let answer = (self.answer)(request);
        Box::pin(async move {
            let (text, finish) = answer?;
            let warnings = self.warnings.clone();
            Ok(ChatReply {
                text,
                finish,
                written_by: "a scripted writer".into(),
                usage: Usage { input_tokens: Some(7), output_tokens: Some(9), ..Usage::default() },
                warnings,
            })
        })
    }
}

/// Says each word as a fifth of a second of a tone, then a short silence. Cannot say Chinese characters.
#[derive(Default)]
pub struct SineVoice {
    pub asked: Mutex<Vec<SpeechRequest>>,
    /// What it claims to have said is changed by this.
    pub slip: Option<fn(&str) -> String>,
}

impl SineVoice {
    pub const RATE: u32 = 24_000;

    pub fn texts(&self) -> Vec<String> {
        self.asked.lock().unwrap().iter().map(|request| request.text.clone()).collect()
    }

    fn say(&self, request: &SpeechRequest) -> SpeechReply {
        let rate = f64::from(SineVoice::RATE);
        let pitch = 120.0 + f64::from(Digest::of(request.text.as_bytes()).as_bytes()[0]);
        let (mut samples, mut words) = (Vec::new(), Vec::new());
        for text in request.text.split_whitespace() {
            let start = samples.len() as f64 / rate;
            // Of what it cannot say, nothing is heard.
            let strange = text.chars().all(|c| ('\u{4E00}'..='\u{9FFF}').contains(&c));
            let length = if strange { 0 } else { (rate * 0.2 / request.speed) as usize };
            samples.extend((0..length).map(|i| {
                let envelope = (i as f64 / length as f64 * std::f64::consts::PI).sin();
                (0.2 * envelope * (i as f64 / rate * pitch * std::f64::consts::TAU).sin()) as f32
            }));
            let end = samples.len() as f64 / rate;
            samples.extend(std::iter::repeat_n(0.0, (rate * 0.05) as usize));
            let text = self.slip.map_or_else(|| text.to_owned(), |slip| slip(text));
            words.push(SpokenWord { text, start, end, estimated: false });
        }
        let strange = request.text.char_indices().filter(|(_, c)| ('\u{4E00}'..='\u{9FFF}').contains(c));
        let warnings = strange.map(|(at, c)| SpeechWarning {
            start: at as u32,
            end: (at + c.len_utf8()) as u32,
            message: format!("cannot say “{c}”: skipped"),
        });
        let warnings = warnings.collect();
        SpeechReply {
            samples,
            sample_rate: SineVoice::RATE,
            words,
            spoken_by: "a sine wave".into(),
            warnings,
            characters: None,
        }
    }
}

impl Speech for SineVoice {
    fn identity(&self) -> String {
        "scripted/sine".into()
    }

    fn accepts(&self, wanted: &Wanted<'_>) -> Result<(), Failure> {
        match (wanted.language, wanted.gender) {
            ("en", None | Some(Gender::Female)) => Ok(()),
            ("en", Some(Gender::Male)) => Err(Failure::new(Cause::Setup, "a sine wave is no man's voice")),
            (language, _) => Err(Failure::new(Cause::Setup, format!("a sine wave does not speak `{language}`"))),
        }
    }

    fn settings(&self) -> &'static [&'static str] {
        &[]
    }

    fn speak<'a>(
        &'a self,
        request: &'a SpeechRequest,
        _cancel: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<SpeechReply, Failure>> {
        self.asked.lock().unwrap().push(request.clone());
        let reply = self.say(request);
        Box::pin(async move { Ok(reply) })
    }
}
