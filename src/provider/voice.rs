//! A voice of a session: in this process or behind a service, asked through the memory of requests.

mod quote;

use crate::base::digest::Digest;
use crate::base::failure::{Cause, Failure};
use crate::base::money::Usage;
use crate::provider::api::{Api, ApiCall};
use crate::provider::memory::{Errand, Memory, Played, ROOM_BYTES, Reading, Request, Variant, request_key};
use crate::provider::misfit::Misfit;
use crate::provider::script::{Asked, Script, Words, speech_content};
use crate::provider::speech::{Speech, SpeechReply, SpeechRequest, Wanted};
use crate::provider::tape::Tape;
use crate::provider::writer::is_outage;
use crate::store::ReplyOutcome;
use serde_json::{Map, Value};
use std::sync::Arc;

/// The form of what is remembered of a voice in this process.
const FORM_HERE: &str = "storygen speech 1";
/// The form of what is remembered of a service: its answer, secrets taken out.
const FORM_SERVICE: &str = "storygen speech service 1";
/// The form of what is remembered of a script.
const FORM_SCRIPT: &str = "storygen speech script 1";

/// Space that is held back for each character spoken, in bytes: a slow second has ten, and comes as text of 16-bit
/// samples, 44 100 a second.
const ROOM_BYTES_CHARACTER: u64 = 12 * 1024;

/// The most time that a character takes, in milliseconds: nobody reads so slowly.
const CHARACTER_MS: f64 = 200.0;

/// How a vendor's service is asked to speak. Pure.
pub trait SpeechApi: Send + Sync {
    /// Tells, before any work, what the service cannot be told of a request; a missing voice last.
    fn accepts(&self, request: &SpeechRequest) -> Result<(), Misfit>;

    /// Returns the names of the settings that only this service knows.
    fn settings(&self) -> &'static [&'static str];

    /// Returns how much it speaks at a time, in characters; `None`: a sentence.
    fn chunk_chars(&self) -> Option<usize>;

    /// Returns the most that a request can come to.
    fn most(&self, request: &SpeechRequest) -> Usage;

    /// Returns the call for a request; fails where the service cannot be told something, and says what.
    fn call(&self, request: &SpeechRequest) -> Result<ApiCall, Failure>;

    /// Reads the answer to a request; fails where it is none.
    fn reply(&self, body: &[u8], request: &SpeechRequest) -> Result<SpeechReply, Failure>;
}

/// Who speaks, and who may speak in his place when he is out of order.
#[derive(Clone)]
pub struct Voice {
    source: Source,
    stand_ins: Vec<StandIn>,
    tape: Option<Arc<Tape>>,
}

/// Who speaks in the place of a voice, for the stages that want that.
#[derive(Clone)]
pub struct StandIn {
    /// What the Storyfile calls his provider.
    pub name: String,
    pub voice: Voice,
    /// What his provider says of his voice, as it is written.
    pub with: Map<String, Value>,
}

#[derive(Clone)]
enum Source {
    Here(Arc<dyn Speech>),
    Service { api: Arc<Api>, speaks: Arc<dyn SpeechApi> },
    Script(Arc<Script>),
}

impl Voice {
    /// Returns a voice in this process.
    pub fn here(speech: Arc<dyn Speech>) -> Voice {
        Voice { source: Source::Here(speech), stand_ins: Vec::new(), tape: None }
    }

    pub fn service(api: Arc<Api>, speaks: Arc<dyn SpeechApi>) -> Voice {
        Voice { source: Source::Service { api, speaks }, stand_ins: Vec::new(), tape: None }
    }

    /// Returns a voice that plays answers of the repo.
    pub fn script(script: Arc<Script>) -> Voice {
        Voice { source: Source::Script(script), stand_ins: Vec::new(), tape: None }
    }

    /// Lets a tape hear all that is asked and answered.
    pub fn on(mut self, tape: &Arc<Tape>) -> Voice {
        self.tape = Some(tape.clone());
        for stand_in in &mut self.stand_ins {
            stand_in.voice.tape = Some(tape.clone());
        }
        self
    }

    /// Adds who may be asked when all before are out of order.
    pub fn or(mut self, other: StandIn) -> Voice {
        self.stand_ins.push(other);
        self
    }

    /// Returns those who may speak in its place.
    pub fn stand_ins(&self) -> &[StandIn] {
        &self.stand_ins
    }

    /// Returns the service that it is; `None` for a voice in this process.
    pub fn api(&self) -> Option<&Arc<Api>> {
        match &self.source {
            Source::Here(_) | Source::Script(_) => None,
            Source::Service { api, .. } => Some(api),
        }
    }

    /// Returns what may shape the sound: type, model, vendor, weights.
    pub fn identity(&self) -> String {
        self.source.identity()
    }

    /// Tells, before any work, whether this voice can do what is wanted.
    pub fn accepts(&self, wanted: &Wanted<'_>) -> Result<(), Failure> {
        match &self.source {
            Source::Here(speech) => speech.accepts(wanted),
            // What it speaks and who speaks there is known to the service alone.
            Source::Service { .. } | Source::Script(_) => Ok(()),
        }
    }

    /// Tells, before any work, what the service cannot be told of a request.
    pub fn takes(&self, request: &SpeechRequest) -> Result<(), Misfit> {
        match &self.source {
            Source::Here(_) | Source::Script(_) => Ok(()),
            Source::Service { speaks, .. } => speaks.accepts(request),
        }
    }

    /// Tells whether somebody else may be asked after this failure: the voice is out of order.
    ///
    /// To a tape only what is remembered is told: whoever was asked in the place of another is found that way.
    pub fn gives_way(&self, failure: &Failure) -> bool {
        is_outage(failure.cause) || self.tape.is_some() && failure.cause == Cause::Cancelled
    }

    /// Returns the names of the settings that only this provider knows; `None`: it plays whoever knows them.
    pub fn settings(&self) -> Option<&'static [&'static str]> {
        match &self.source {
            Source::Here(speech) => Some(speech.settings()),
            Source::Service { speaks, .. } => Some(speaks.settings()),
            Source::Script(_) => None,
        }
    }

    /// Returns how much is spoken at a time, in characters; `None`: a sentence.
    pub fn chunk_chars(&self) -> Option<usize> {
        match &self.source {
            Source::Here(_) => None,
            Source::Service { speaks, .. } => speaks.chunk_chars(),
            Source::Script(script) => script.chunk_chars(),
        }
    }

    /// Returns the sound of a request: the remembered one, else a new one. `description` tells a person what is asked.
    pub async fn ask(
        &self,
        request: &SpeechRequest,
        variant: Variant,
        description: &str,
        memory: &mut Memory<'_>,
    ) -> Result<SpeechReply, Failure> {
        let answer = self.source.ask(request, variant, description, memory).await;
        if let Some(tape) = &self.tape {
            tape.speech(request, variant, &memory.payer().action, &answer, self.chunk_chars())?;
        }
        answer
    }
}

impl Source {
    fn identity(&self) -> String {
        match self {
            Source::Here(speech) => speech.identity(),
            Source::Service { api, .. } => api.identity().to_owned(),
            Source::Script(script) => script.identity().to_owned(),
        }
    }

    async fn ask(
        &self,
        request: &SpeechRequest,
        variant: Variant,
        description: &str,
        memory: &mut Memory<'_>,
    ) -> Result<SpeechReply, Failure> {
        match self {
            Source::Here(speech) => {
                let seed = Some(variant.seed(request.seed.unwrap_or(0)));
                let request = SpeechRequest { seed, ..request.clone() };
                let bytes = serde_json::to_vec(&request)
                    .map_err(|error| Failure::new(Cause::Machine, format!("write the request as JSON: {error}")))?;
                let key = request_key(FORM_HERE, &speech.identity(), &bytes, variant);
                let reading = |body: &[u8]| SpeechReply::from_bytes(body).map(|reply| reading(&reply, &request));
                let asked = Request { key, description, reading: &reading };
                let cancel = memory.stop().clone();
                let work = async { heard(speech.speak(&request, &cancel).await?)?.to_bytes() };
                SpeechReply::from_bytes(&memory.ask_here(&asked, work).await?)
            }
            Source::Service { api, speaks } => {
                let Sent { request, call, key, most } = sent(api, &**speaks, request, variant)?;
                let read = |body: &[u8]| heard(speaks.reply(body, &request)?);
                let reading = |body: &[u8]| read(body).map(|reply| reading(&reply, &request));
                let asked = Request { key, description, reading: &reading };
                let room_bytes = ROOM_BYTES + request.text.chars().count() as u64 * ROOM_BYTES_CHARACTER;
                let errand = Errand { api, call: &call, most, room_bytes };
                read(&memory.ask_service(&asked, &errand).await?)
            }
            Source::Script(script) => played(script, request, variant, description, memory).await,
        }
    }
}

/// Asks a script. What it says is part of the request's key: another answer of the repo is another memory.
async fn played(
    script: &Script,
    request: &SpeechRequest,
    variant: Variant,
    description: &str,
    memory: &mut Memory<'_>,
) -> Result<SpeechReply, Failure> {
    let content = speech_content(request)?;
    let payer = memory.payer();
    let words = Words::Speech { text: &request.text };
    let asked = Asked { request: content, words, variant, stage: &payer.stage, action: &payer.action };
    let (reply, usage) = script.speech(request, &asked, description).inspect_err(|_| memory.log(&request.text))?;
    let body = heard(reply)?.to_bytes()?;
    let bytes = [content.as_bytes(), body.as_slice()].concat();
    let key = request_key(FORM_SCRIPT, script.identity(), &bytes, variant);
    let reading = |body: &[u8]| {
        let spoken = SpeechReply::from_bytes(body)?;
        Ok(Reading { made_by: spoken.spoken_by, usage, outcome: ReplyOutcome::Good })
    };
    let asked = Request { key, description, reading: &reading };
    let played = Played { name: script.name(), price: script.price(), most: usage, body };
    SpeechReply::from_bytes(&memory.ask_script(&asked, played).await?)
}

/// A request as it goes to a service.
struct Sent {
    request: SpeechRequest,
    call: ApiCall,
    key: Digest,
    most: Usage,
}

fn sent(api: &Api, speaks: &dyn SpeechApi, request: &SpeechRequest, variant: Variant) -> Result<Sent, Failure> {
    let request = SpeechRequest { seed: request.seed.map(|seed| variant.seed(seed)), ..request.clone() };
    let call = speaks.call(&request)?;
    let key = request_key(FORM_SERVICE, api.identity(), &call.bytes(), variant);
    let most = speaks.most(&request);
    Ok(Sent { request, call, key, most })
}

/// Returns how long a text may last at most, in milliseconds.
pub fn most_audio_ms(text: &str, speed: f64) -> u64 {
    (text.chars().count() as f64 * CHARACTER_MS / speed.max(0.1)).ceil() as u64
}

fn heard(reply: SpeechReply) -> Result<SpeechReply, Failure> {
    if reply.samples.is_empty() || reply.sample_rate == 0 {
        return Err(Failure::new(Cause::Empty, "the voice returned no sound"));
    }
    Ok(reply)
}

fn reading(reply: &SpeechReply, request: &SpeechRequest) -> Reading {
    let characters = reply.characters.unwrap_or(request.text.chars().count() as u64);
    let audio_ms = Some((reply.samples.len() as u64 * 1000).div_ceil(u64::from(reply.sample_rate.max(1))));
    let usage = Usage { characters: Some(characters), audio_ms, ..Usage::default() };
    Reading { made_by: reply.spoken_by.clone(), usage, outcome: ReplyOutcome::Good }
}
