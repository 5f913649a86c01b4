//! A writer of a session: in this process or behind a service, asked through the memory of requests.

mod quote;

use crate::base::digest::Digest;
use crate::base::failure::{Cause, Failure};
use crate::base::money::Usage;
use crate::provider::api::{Api, ApiCall};
use crate::provider::chat::{Chat, ChatReply, ChatRequest, EditRule, Finish};
use crate::provider::memory::{Errand, Memory, Played, ROOM_BYTES, Reading, Request, Variant, request_key};
use crate::provider::misfit::Misfit;
use crate::provider::script::{Asked, Script, Words, chat_content};
use crate::provider::tape::Tape;
use crate::store::ReplyOutcome;
use std::sync::Arc;

/// The form of what is remembered of a writer in this process.
const FORM_HERE: &str = "storygen chat 3";
/// The form of what is remembered of a service: its answer, secrets taken out.
const FORM_SERVICE: &str = "storygen chat service 1";
/// The form of what is remembered of a script.
const FORM_SCRIPT: &str = "storygen chat script 1";

/// What a token is counted for at most, in bytes of UTF-8: no tokeniser makes more tokens than there are bytes (R13).
const MESSAGE_TOKENS: u64 = 64;

/// How a vendor's service is asked for text. Pure.
pub trait ChatApi: Send + Sync {
    /// Returns the call for a request; fails where the service cannot be told something, and says what.
    fn call(&self, request: &ChatRequest) -> Result<ApiCall, Misfit>;

    /// Reads an answer; fails where it is none.
    fn reply(&self, body: &[u8]) -> Result<ChatReply, Failure>;
}

/// Who writes, and who writes in his place when he is out of order.
#[derive(Clone)]
pub struct Writer {
    source: Source,
    fallback: Vec<Source>,
    tape: Option<Arc<Tape>>,
}

#[derive(Clone)]
enum Source {
    Here(Arc<dyn Chat>),
    Service { api: Arc<Api>, speaks: Arc<dyn ChatApi> },
    Script(Arc<Script>),
}

impl Writer {
    /// Returns a writer in this process.
    pub fn here(chat: Arc<dyn Chat>) -> Writer {
        Writer { source: Source::Here(chat), fallback: Vec::new(), tape: None }
    }

    pub fn service(api: Arc<Api>, speaks: Arc<dyn ChatApi>) -> Writer {
        Writer { source: Source::Service { api, speaks }, fallback: Vec::new(), tape: None }
    }

    /// Returns a writer that plays answers of the repo.
    pub fn script(script: Arc<Script>) -> Writer {
        Writer { source: Source::Script(script), fallback: Vec::new(), tape: None }
    }

    /// Lets a tape hear all that is asked and answered.
    pub fn on(mut self, tape: &Arc<Tape>) -> Writer {
        self.tape = Some(tape.clone());
        self
    }

    /// Adds who is asked when all before are out of order.
    pub fn or(mut self, other: &Writer) -> Writer {
        self.fallback.push(other.source.clone());
        self
    }

    /// Returns the service that it is; `None` for a writer in this process.
    pub fn api(&self) -> Option<&Arc<Api>> {
        match &self.source {
            Source::Here(_) | Source::Script(_) => None,
            Source::Service { api, .. } => Some(api),
        }
    }

    /// Returns what may shape an answer: type, model, vendor, weights, and the same of those who may answer instead.
    pub fn identity(&self) -> String {
        let all: Vec<String> = self.sources().map(Source::identity).collect();
        all.join(", else ")
    }

    /// Tells, before any work, whether this writer can do what is asked: write in `language`, BCP 47, or edit by `edit` a
    /// text that is in it.
    pub fn accepts(&self, language: &str, edit: Option<EditRule>) -> Result<(), Failure> {
        match &self.source {
            Source::Here(chat) => chat.accepts(language, edit),
            Source::Service { .. } | Source::Script(_) => Ok(()),
        }
    }

    /// Tells, before any work, what of a request those who may be asked cannot be told.
    pub fn takes(&self, request: &ChatRequest) -> Result<(), Misfit> {
        self.sources().try_for_each(|source| match source {
            Source::Here(_) | Source::Script(_) => Ok(()),
            Source::Service { speaks, .. } => speaks.call(request).map(drop),
        })
    }

    /// Returns the answer to a request: the remembered one, else a new one. `description` tells a person what is asked.
    pub async fn ask(
        &self,
        request: &ChatRequest,
        variant: Variant,
        description: &str,
        memory: &mut Memory<'_>,
    ) -> Result<ChatReply, Failure> {
        let answer = self.ask_all(request, variant, description, memory).await;
        if let Some(tape) = &self.tape {
            tape.chat(request, variant, &memory.payer().action, &answer)?;
        }
        answer
    }

    async fn ask_all(
        &self,
        request: &ChatRequest,
        variant: Variant,
        description: &str,
        memory: &mut Memory<'_>,
    ) -> Result<ChatReply, Failure> {
        let mut first: Option<Failure> = None;
        for source in self.sources() {
            match source.ask(request, variant, description, memory).await {
                Ok(reply) => {
                    if let Some(failure) = first {
                        let by = &reply.written_by;
                        memory.warnings.push(format!("{}: {description} is by the fallback, {by}", failure.message));
                    }
                    return Ok(reply);
                }
                // To a tape only what is remembered is told: whoever was asked in the place of another is found that way.
                Err(failure)
                    if is_outage(failure.cause) || self.tape.is_some() && failure.cause == Cause::Cancelled =>
                {
                    first.get_or_insert(failure);
                }
                Err(failure) => return Err(failure),
            }
        }
        Err(first.unwrap_or_else(|| Failure::new(Cause::Machine, "nobody was asked")))
    }

    fn sources(&self) -> impl Iterator<Item = &Source> {
        std::iter::once(&self.source).chain(&self.fallback)
    }
}

impl Source {
    fn identity(&self) -> String {
        match self {
            Source::Here(chat) => chat.identity(),
            Source::Service { api, .. } => api.identity().to_owned(),
            Source::Script(script) => script.identity().to_owned(),
        }
    }

    async fn ask(
        &self,
        request: &ChatRequest,
        variant: Variant,
        description: &str,
        memory: &mut Memory<'_>,
    ) -> Result<ChatReply, Failure> {
        match self {
            Source::Here(chat) => {
                let seed = Some(variant.seed(request.seed.unwrap_or(0)));
                let request = ChatRequest { seed, ..request.clone() };
                let bytes = json(&request)?;
                let key = request_key(FORM_HERE, &chat.identity(), &bytes, variant);
                let identity = chat.identity();
                let asked = Request { key, description, reading: &|body| reading_here(body, &identity) };
                let cancel = memory.stop().clone();
                let work = async {
                    match chat.chat(&request, &cancel).await {
                        // It is an answer all the same: asking again would give the same.
                        Err(failure) if !matches!(failure.cause, Cause::Empty | Cause::Length | Cause::Refusal) => {
                            Err(failure)
                        }
                        answer => json(&answer),
                    }
                };
                answer_here(&memory.ask_here(&asked, work).await?)?
            }
            Source::Service { api, speaks } => {
                let Sent { call, key, most } = sent(api, &**speaks, request, variant)?;
                let asked =
                    Request { key, description, reading: &|body| speaks.reply(body).map(|reply| reading(&reply)) };
                let errand = Errand { api, call: &call, most, room_bytes: ROOM_BYTES };
                speaks.reply(&memory.ask_service(&asked, &errand).await?)
            }
            Source::Script(script) => played(script, request, variant, description, memory).await,
        }
    }
}

/// Asks a script. What it says is part of the request's key: another answer of the repo is another memory.
async fn played(
    script: &Script,
    request: &ChatRequest,
    variant: Variant,
    description: &str,
    memory: &mut Memory<'_>,
) -> Result<ChatReply, Failure> {
    let content = chat_content(request)?;
    let words = Words::Chat { prompt: &request.prompt, system: request.system.as_deref() };
    let payer = memory.payer();
    let asked = Asked { request: content, words, variant, stage: &payer.stage, action: &payer.action };
    let reply = script.chat(request, &asked, description).inspect_err(|_| memory.log(&request.prompt))?;
    let body = json(&reply)?;
    let bytes = [content.as_bytes(), body.as_slice()].concat();
    let key = request_key(FORM_SCRIPT, script.identity(), &bytes, variant);
    let asked = Request { key, description, reading: &|body| Ok(reading(&script_reply(body)?)) };
    let played = Played { name: script.name(), price: script.price(), most: most(request), body };
    script_reply(&memory.ask_script(&asked, played).await?)
}

fn script_reply(body: &[u8]) -> Result<ChatReply, Failure> {
    serde_json::from_slice(body)
        .map_err(|error| Failure::new(Cause::Machine, format!("read a remembered reply: {error}")))
}

/// A request as it goes to a service.
struct Sent {
    call: ApiCall,
    key: Digest,
    most: Usage,
}

fn sent(api: &Api, speaks: &dyn ChatApi, request: &ChatRequest, variant: Variant) -> Result<Sent, Failure> {
    let request = ChatRequest { seed: request.seed.map(|seed| variant.seed(seed)), ..request.clone() };
    let call = speaks.call(&request)?;
    let key = request_key(FORM_SERVICE, api.identity(), &call.bytes(), variant);
    Ok(Sent { call, key, most: most(&request) })
}

/// Returns the most that a request can come to: a token for each byte, and those that frame the messages (R13).
pub fn most(request: &ChatRequest) -> Usage {
    let system = request.system.as_ref().map_or(0, |system| system.len() as u64 + MESSAGE_TOKENS);
    let schema = request.schema.as_ref().map_or(0, |schema| schema.to_string().len() as u64);
    Usage {
        input_tokens: Some(system + request.prompt.len() as u64 + MESSAGE_TOKENS + schema),
        output_tokens: Some(u64::from(request.max_tokens)),
        ..Usage::default()
    }
}

/// Tells whether somebody else may be asked: nothing is wrong with the request.
fn is_outage(cause: Cause) -> bool {
    matches!(cause, Cause::Server | Cause::RateLimit | Cause::Quota | Cause::Timeout)
}

fn json(value: &impl serde::Serialize) -> Result<Vec<u8>, Failure> {
    serde_json::to_vec(value).map_err(|error| Failure::new(Cause::Machine, format!("write it as JSON: {error}")))
}

/// What a writer in this process came to, as it is remembered.
fn answer_here(body: &[u8]) -> Result<Result<ChatReply, Failure>, Failure> {
    serde_json::from_slice(body)
        .map_err(|error| Failure::new(Cause::Machine, format!("read a remembered reply: {error}")))
}

fn reading_here(body: &[u8], identity: &str) -> Result<Reading, Failure> {
    Ok(match answer_here(body)? {
        Ok(reply) => reading(&reply),
        Err(failure) => Reading {
            made_by: identity.to_owned(),
            usage: Usage::default(),
            outcome: ReplyOutcome::Negative(failure.cause),
        },
    })
}

fn reading(reply: &ChatReply) -> Reading {
    let outcome = match reply.finish {
        Finish::Refusal => ReplyOutcome::Negative(Cause::Refusal),
        Finish::Length => ReplyOutcome::Negative(Cause::Length),
        Finish::Stop if reply.text.trim().is_empty() => ReplyOutcome::Negative(Cause::Empty),
        Finish::Stop => ReplyOutcome::Good,
    };
    Reading { made_by: reply.written_by.clone(), usage: reply.usage, outcome }
}
