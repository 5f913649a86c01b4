//! One service on the network: where it is, who we are to it, what it takes for a call.

use crate::base::address::Address;
use crate::base::failure::{Cause, Failure};
use crate::base::money::{Budget, Price};
use crate::provider::gate::Gate;
use crate::provider::secrets::{Secrets, Veil};
use crate::provider::told::{Told, told};
use crate::provider::trust::{Disclosure, Trust, disclosure};
use crate::storyfile::service::{SecretPiece, SecretText, Service, ServiceApi};
use crate::world::call::{Answer, Call, CallError, Caller, Ear};
use crate::world::env::Environment;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How long one call may take where nothing is said; a server on this machine may be slow.
const TIMEOUT: Duration = Duration::from_secs(600);
const TIMEOUT_HERE: Duration = Duration::from_secs(3600);

/// How long until a connection stands.
const CONNECT: Duration = Duration::from_secs(5);

/// The longest answer, in bytes: of text, and of all else.
const TEXT_BYTES_MAX: u64 = 32 * 1024 * 1024;
pub const ANSWER_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// How much of an answer that is of no use is shown, in bytes.
const SHOWN_BYTES_MAX: usize = 64 * 1024;

/// A service that answers calls.
pub struct Api {
    name: String,
    api: ServiceApi,
    base: Address,
    api_key: Option<SecretText>,
    headers: BTreeMap<String, SecretText>,
    timeout: Duration,
    identity: String,
    price: Option<Price>,
    budget: Option<Budget>,
    environment: Arc<Environment>,
    /// What it is told though it is neither the vendor nor this machine.
    disclosure: Option<Disclosure>,
    trust: Arc<Trust>,
    gate: Gate,
    caller: Result<Caller, CallError>,
}

/// One call as it stands in a key: without any secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiCall {
    pub method: String,
    /// Below the service's address.
    pub path: String,
    pub headers: BTreeMap<String, String>,
    pub body: Option<Vec<u8>>,
    /// Of the answer.
    pub answer: AnswerSort,
}

/// What comes back, which decides how much of it is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerSort {
    Text,
    Any,
}

/// What one exchange with the service came to, secrets taken out.
pub enum Exchange {
    Answered(Answer),
    Failed {
        told: Told,
        /// What the server said, for the log.
        said: String,
    },
}

impl ApiCall {
    /// Returns a call that posts `json`.
    pub fn post(path: &str, json: &serde_json::Value) -> ApiCall {
        ApiCall {
            method: "POST".into(),
            path: path.to_owned(),
            headers: BTreeMap::from([("content-type".into(), "application/json".into())]),
            body: Some(json.to_string().into_bytes()),
            answer: AnswerSort::Text,
        }
    }

    /// Returns a call that only asks.
    pub fn get(path: &str) -> ApiCall {
        ApiCall {
            method: "GET".into(),
            path: path.to_owned(),
            headers: BTreeMap::new(),
            body: None,
            answer: AnswerSort::Text,
        }
    }

    /// Returns all that is sent beside secrets: what the request's key is made of.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = format!("{} {}\n", self.method, self.path).into_bytes();
        for (name, value) in &self.headers {
            bytes.extend(format!("{name}: {value}\n").into_bytes());
        }
        bytes.push(b'\n');
        bytes.extend(self.body.iter().flatten());
        bytes
    }
}

impl Api {
    pub fn new(name: &str, declared: &Service, environment: Arc<Environment>) -> Api {
        let usual = if declared.base.is_loopback() { TIMEOUT_HERE } else { TIMEOUT };
        Api {
            name: name.to_owned(),
            api: declared.api,
            base: declared.base.clone(),
            api_key: declared.api_key.clone(),
            headers: declared.headers.clone(),
            timeout: declared.timeout.unwrap_or(usual),
            identity: declared.identity.clone().unwrap_or_else(|| identity(declared)),
            price: declared.price.clone(),
            budget: declared.budget,
            environment,
            disclosure: disclosure(declared),
            trust: Arc::default(),
            gate: Gate::new(&declared.limits),
            caller: Caller::new(&declared.base.join(""), CONNECT),
        }
    }

    /// Lets it be told its secrets where `trust` allows it; else it is only where nobody has to be trusted.
    pub fn trusting(self, trust: &Arc<Trust>) -> Api {
        Api { trust: trust.clone(), ..self }
    }

    /// Returns a service at `base` that needs no secret.
    pub fn open(base: Address) -> Api {
        let name = base.vendor().to_owned();
        Api::new(&name, &Service::at(ServiceApi::Http, base), Arc::new(Environment::default()))
    }

    /// Returns what the Storyfile calls it.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn base(&self) -> &Address {
        &self.base
    }

    pub fn price(&self) -> Option<&Price> {
        self.price.as_ref()
    }

    /// Returns what the Storyfile lets be spent on it.
    pub fn budget(&self) -> Option<Budget> {
        self.budget
    }

    pub fn gate(&self) -> &Gate {
        &self.gate
    }

    /// Returns what may shape its answers: type, model, host and path, and what it is told that is no secret; or what the
    /// Storyfile says. Never a port (R9).
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// Tells whether the service itself sets a header.
    pub fn sets(&self, header: &str) -> bool {
        self.headers.contains_key(header) || self.api_key.is_some() && key_header(self.api).0 == header
    }

    /// Tells why no call can be made at all: a variable that is not set, a host that nobody has trusted.
    pub fn ready(&self) -> Result<(), Failure> {
        self.secrets().map(drop)
    }

    /// Makes one call; `ear` hears its answer.
    pub async fn exchange(
        &self,
        asked: &ApiCall,
        once: Option<&str>,
        ear: &mut dyn Ear,
        cancel: &CancellationToken,
    ) -> Exchange {
        let secrets = match self.secrets() {
            Ok(secrets) => secrets,
            Err(failure) => return Exchange::Failed { told: never(failure), said: String::new() },
        };
        let answer = match &self.caller {
            Ok(caller) => {
                let mut veil = Veil::new(&secrets, ear);
                let answer = caller.call(self.call(asked, &secrets, once), &mut veil, cancel).await;
                veil.end();
                answer
            }
            Err(_) => Err(CallError::Unsent(crate::world::http::HttpError::Address(self.base.join("")))),
        };
        // Before anybody reads it: what is quoted of it later may be cut, and half a key would not be known again.
        let answer = answer.map(|answer| secrets.scrub(answer));
        let who = format!("the provider `{}`", self.name);
        match told(&who, &answer) {
            Told::Answered => match answer {
                Ok(answer) => Exchange::Answered(answer),
                Err(error) => unreachable!("an error was answered: {error}"),
            },
            Told::Failed(failure, follow) => {
                let failure = Failure { message: secrets.scrub_text(&failure.message), ..failure };
                let said = answer.map(|answer| shown(&answer.body)).unwrap_or_default();
                Exchange::Failed { told: Told::Failed(failure, follow), said }
            }
        }
    }

    fn call(&self, asked: &ApiCall, secrets: &Secrets, once: Option<&str>) -> Call {
        let mut headers: Vec<(String, String)> =
            asked.headers.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        headers.extend(secrets.headers.iter().cloned());
        headers.extend(once.filter(|_| self.takes_once()).map(|key| ("idempotency-key".to_owned(), key.to_owned())));
        Call {
            method: asked.method.clone(),
            url: self.base.join(&asked.path),
            headers,
            body: asked.body.clone(),
            size_max: match asked.answer {
                AnswerSort::Text => TEXT_BYTES_MAX,
                AnswerSort::Any => ANSWER_BYTES_MAX,
            },
            timeout: self.timeout,
        }
    }

    /// Tells whether the service is sent a key by which it may know the same call again.
    ///
    /// OpenAI's and Anthropic's own clients send one; the others would not know it.
    fn takes_once(&self) -> bool {
        matches!(self.api, ServiceApi::OpenAi | ServiceApi::Anthropic)
    }

    /// Reads the secrets, now that they are needed.
    fn secrets(&self) -> Result<Secrets, Failure> {
        if let Some(disclosure) = self.disclosure.as_ref().filter(|disclosure| !self.trust.allows(disclosure)) {
            let message = format!("the provider `{}` would send {disclosure}, which nobody has trusted", self.name);
            let hint = format!("If you know this host, run `storygen trust {}`.", disclosure.host);
            return Err(Failure::new(Cause::Setup, message).hint(hint));
        }
        let mut secrets = Secrets::default();
        if let Some(text) = &self.api_key {
            let key = secrets.read(&self.environment, &self.name, "api_key", text)?;
            let (header, scheme) = key_header(self.api);
            secrets.headers.push((header.to_owned(), format!("{scheme}{key}")));
        }
        for (name, text) in &self.headers {
            let value = secrets.read(&self.environment, &self.name, &format!("header `{name}`"), text)?;
            secrets.headers.push((name.clone(), value));
        }
        if self.api == ServiceApi::Anthropic && !self.headers.contains_key("anthropic-version") {
            secrets.headers.push(("anthropic-version".into(), "2023-06-01".into()));
        }
        Ok(secrets)
    }
}

fn never(failure: Failure) -> Told {
    Told::Failed(failure, crate::provider::told::Follow::Never)
}

/// Returns the header in which a service wants its key, and what stands before it.
fn key_header(api: ServiceApi) -> (&'static str, &'static str) {
    match api {
        ServiceApi::Http | ServiceApi::OpenAi => ("authorization", "Bearer "),
        ServiceApi::Anthropic => ("x-api-key", ""),
        ServiceApi::Gemini => ("x-goog-api-key", ""),
        ServiceApi::ElevenLabs => ("xi-api-key", ""),
    }
}

fn identity(declared: &Service) -> String {
    let model = declared.model.as_ref().map(|model| format!("{model} ")).unwrap_or_default();
    let mut identity = format!("{} {model}{}{}", declared.api.name(), declared.base.vendor(), declared.base.path());
    // Whose account it is shapes no answer.
    let account = ["openai-organization", "openai-project"];
    for (name, text) in declared.headers.iter().filter(|(name, _)| !account.contains(&name.as_str())) {
        if let [SecretPiece::Literal(value)] = text.pieces.as_slice() {
            identity.push_str(&format!("; {name}: {value}"));
        }
    }
    identity
}

/// Returns an answer as a log shows it.
pub fn shown(body: &[u8]) -> String {
    let cut = &body[..body.len().min(SHOWN_BYTES_MAX)];
    match std::str::from_utf8(cut) {
        Err(error) if error.valid_up_to() + 4 < cut.len() => format!("({} bytes that are no text)", body.len()),
        _ => String::from_utf8_lossy(cut).into_owned(),
    }
}
