//! A voice of a session: in this process or behind a service, asked through the memory of requests.

use crate::base::failure::{Cause, Failure};
use crate::base::money::Usage;
use crate::provider::api::{Api, ApiCall};
use crate::provider::memory::{Errand, Memory, ROOM_BYTES, Reading, Request, Variant, request_key};
use crate::provider::speech::{Misfit, Speech, SpeechReply, SpeechRequest, Wanted};
use crate::store::ReplyOutcome;
use serde_json::{Map, Value};
use std::sync::Arc;

/// The form of what is remembered of a voice in this process.
const FORM_HERE: &str = "storygen speech 1";
/// The form of what is remembered of a service: its answer, secrets taken out.
const FORM_SERVICE: &str = "storygen speech service 1";

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
}

impl Voice {
    /// Returns a voice in this process.
    pub fn here(speech: Arc<dyn Speech>) -> Voice {
        Voice { source: Source::Here(speech), stand_ins: Vec::new() }
    }

    pub fn service(api: Arc<Api>, speaks: Arc<dyn SpeechApi>) -> Voice {
        Voice { source: Source::Service { api, speaks }, stand_ins: Vec::new() }
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
            Source::Here(_) => None,
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
            Source::Service { .. } => Ok(()),
        }
    }

    /// Tells, before any work, what the service cannot be told of a request.
    pub fn takes(&self, request: &SpeechRequest) -> Result<(), Misfit> {
        match &self.source {
            Source::Here(_) => Ok(()),
            Source::Service { speaks, .. } => speaks.accepts(request),
        }
    }

    /// Returns the names of the settings that only this provider knows.
    pub fn settings(&self) -> &'static [&'static str] {
        match &self.source {
            Source::Here(speech) => speech.settings(),
            Source::Service { speaks, .. } => speaks.settings(),
        }
    }

    /// Returns how much is spoken at a time, in characters; `None`: a sentence.
    pub fn chunk_chars(&self) -> Option<usize> {
        match &self.source {
            Source::Here(_) => None,
            Source::Service { speaks, .. } => speaks.chunk_chars(),
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
        self.source.ask(request, variant, description, memory).await
    }
}

impl Source {
    fn identity(&self) -> String {
        match self {
            Source::Here(speech) => speech.identity(),
            Source::Service { api, .. } => api.identity().to_owned(),
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
                let request = SpeechRequest { seed: request.seed.map(|seed| variant.seed(seed)), ..request.clone() };
                let call = speaks.call(&request)?;
                let key = request_key(FORM_SERVICE, api.identity(), &call.bytes(), variant);
                let read = |body: &[u8]| heard(speaks.reply(body, &request)?);
                let reading = |body: &[u8]| read(body).map(|reply| reading(&reply, &request));
                let asked = Request { key, description, reading: &reading };
                let most = speaks.most(&request);
                let room_bytes = ROOM_BYTES + request.text.chars().count() as u64 * ROOM_BYTES_CHARACTER;
                let errand = Errand { api, call: &call, most, room_bytes };
                read(&memory.ask_service(&asked, &errand).await?)
            }
        }
    }
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
