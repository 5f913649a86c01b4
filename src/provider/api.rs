//! An API over HTTP: where it is, who we are to it, and how often it is asked again (R12).

use crate::base::address::Address;
use crate::base::failure::{Cause, Failure};
use crate::storyfile::service::{SecretPiece, SecretText, Service, ServiceApi};
use crate::storyfile::story::Retry;
use crate::world::call::{Answer, Call, CallError, call};
use crate::world::env::Environment;
use crate::world::http::HttpError;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio_util::sync::CancellationToken;

/// How long one call may take where nothing is said.
const TIMEOUT: Duration = Duration::from_secs(600);

/// How long until a connection stands.
const CONNECT: Duration = Duration::from_secs(5);

/// The longest answer, in bytes.
pub const ANSWER_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// Above this a server that says "later" is not waited for.
const WAIT_MAX: Duration = Duration::from_secs(120);

/// How much of an answer that is none of use is shown, in bytes.
const SHOWN_BYTES_MAX: usize = 64 * 1024;

/// The shortest secret that is looked for in answers, in bytes: a shorter one stands in any text by chance.
const SECRET_BYTES_MIN: usize = 8;

/// A service that answers calls.
pub struct Api {
    name: String,
    base: Address,
    api_key: Option<SecretText>,
    headers: BTreeMap<String, SecretText>,
    permits: Option<Semaphore>,
    timeout: Duration,
    identity: String,
    environment: Arc<Environment>,
}

/// One call as it stands in a key: without any secret.
#[derive(Clone, Debug)]
pub struct ApiCall {
    pub method: String,
    /// Below the service's address.
    pub path: String,
    pub headers: BTreeMap<String, String>,
    pub body: Option<Vec<u8>>,
}

/// A call that brought no answer of use.
pub struct ApiFailure {
    pub failure: Failure,
    /// Whether it may have been charged.
    pub is_in_doubt: bool,
    /// What the server said, for the log.
    pub said: String,
}

/// What one call came to.
enum Next {
    Done(Vec<u8>),
    /// Sent, and turned away before any work; or never sent.
    Again(ApiFailure, Option<Duration>),
    /// Sent, and perhaps done: asked at most once more.
    Doubt(ApiFailure),
    Failed(ApiFailure),
}

impl Api {
    pub fn new(name: &str, declared: &Service, environment: Arc<Environment>) -> Api {
        Api {
            name: name.to_owned(),
            base: declared.base.clone(),
            api_key: declared.api_key.clone(),
            headers: declared.headers.clone(),
            permits: declared.limits.max_concurrency.map(|max| Semaphore::new(max as usize)),
            timeout: declared.timeout.unwrap_or(TIMEOUT),
            identity: declared.identity.clone().unwrap_or_else(|| identity(declared)),
            environment,
        }
    }

    /// Returns a service at `base` that needs no secret.
    pub fn open(base: Address) -> Api {
        let declared = Service::at(ServiceApi::Http, base);
        let name = declared.base.vendor().to_owned();
        Api::new(&name, &declared, Arc::new(Environment::default()))
    }

    pub fn base(&self) -> &Address {
        &self.base
    }

    /// Returns what may shape its answers: its host and path, and what it is told that is no secret; or what the Storyfile
    /// says. Never a port (R9).
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// Tells whether the service itself sets a header.
    pub fn sets(&self, header: &str) -> bool {
        self.headers.contains_key(header) || header == "authorization" && self.api_key.is_some()
    }

    /// Waits for a place among the calls that the service may have at once.
    pub async fn permit(&self) -> Option<SemaphorePermit<'_>> {
        match &self.permits {
            Some(permits) => permits.acquire().await.ok(),
            None => None,
        }
    }

    /// Makes the call, again where that costs nothing, and returns the body of its answer, secrets taken out.
    pub async fn send(
        &self,
        asked: &ApiCall,
        retry: &Retry,
        cancel: &CancellationToken,
    ) -> Result<Vec<u8>, ApiFailure> {
        let secrets =
            self.secrets().map_err(|failure| ApiFailure { failure, is_in_doubt: false, said: String::new() })?;
        let (mut attempts, mut doubts) = (0, 0);
        loop {
            let answer = call(self.call(asked, &secrets), cancel).await;
            let (mut failed, wait) = match self.next(answer, &secrets) {
                Next::Done(body) => return Ok(body),
                Next::Failed(failed) => return Err(in_doubt(failed, doubts)),
                Next::Again(failed, wait) if attempts < retry.max => (failed, wait),
                Next::Doubt(failed) => {
                    doubts += 1;
                    if doubts > 1 || retry.max == 0 {
                        return Err(in_doubt(failed, doubts));
                    }
                    (failed, None)
                }
                Next::Again(failed, _) => return Err(in_doubt(failed, doubts)),
            };
            if wait.is_some_and(|wait| wait > WAIT_MAX) {
                failed.failure =
                    failed.failure.hint("The service asks to wait longer than two minutes: build again later.");
                return Err(in_doubt(failed, doubts));
            }
            let delay = delay(retry, attempts).max(wait.unwrap_or_default());
            attempts += 1;
            tokio::select! {
                () = tokio::time::sleep(delay) => {}
                () = cancel.cancelled() => {
                    let failure = Failure::new(Cause::Cancelled, "stopped");
                    return Err(in_doubt(ApiFailure { failure, ..failed }, doubts));
                }
            }
        }
    }

    fn call(&self, asked: &ApiCall, secrets: &Secrets) -> Call {
        let mut headers: Vec<(String, String)> =
            asked.headers.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        headers.extend(secrets.headers.iter().cloned());
        if asked.body.is_some() {
            headers.push(("content-type".into(), "application/json".into()));
        }
        Call {
            method: asked.method.clone(),
            url: self.base.join(&asked.path),
            headers,
            body: asked.body.clone(),
            size_max: ANSWER_BYTES_MAX,
            timeout: self.timeout,
            connect: CONNECT,
        }
    }

    /// Decides what follows from an answer.
    fn next(&self, answer: Result<Answer, CallError>, secrets: &Secrets) -> Next {
        let who = format!("the provider `{}`", self.name);
        let failed = |cause, message: String, said: String| ApiFailure {
            failure: Failure::new(cause, secrets.scrub_text(&message)),
            is_in_doubt: false,
            said,
        };
        match answer {
            Ok(Answer { status: 200..=299, body, .. }) => Next::Done(secrets.scrub(body)),
            Ok(Answer { status, retry_after, body }) => {
                let said = secrets.scrub_text(&shown(&body));
                let first = said.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
                let excerpt: String = first.trim().chars().take(200).collect();
                let colon = if excerpt.is_empty() { "" } else { ": " };
                let message = format!("{who} answered {status}{colon}{excerpt}");
                let failed = failed(Cause::Refusal, message, said);
                match status {
                    429 | 503 => Next::Again(hinted(failed, "It is too busy: build again later."), retry_after),
                    500..=599 => Next::Doubt(hinted(failed, "`storygen log` shows the whole answer.")),
                    401 | 403 => Next::Failed(hinted(failed, "Look at the key, and at what it may do.")),
                    _ => Next::Failed(hinted(failed, "`storygen log` shows the whole answer.")),
                }
            }
            Err(CallError::Cancelled) => Next::Failed(ApiFailure {
                is_in_doubt: true,
                ..failed(Cause::Cancelled, "stopped".into(), String::new())
            }),
            Err(CallError::Unsent(error @ HttpError::Connect(_))) => {
                let failed = failed(Cause::Setup, format!("{who} cannot be reached: {error}"), String::new());
                Next::Again(hinted(failed, "Is its address right, and the network there?"), None)
            }
            Err(CallError::Unsent(error)) => {
                Next::Failed(failed(Cause::Setup, format!("{who} cannot be called: {error}"), String::new()))
            }
            Err(CallError::Unanswered(error @ (HttpError::Redirect(_) | HttpError::TooLarge(_)))) => {
                let failed = failed(Cause::Validation, format!("{who} gave no answer of use: {error}"), String::new());
                Next::Failed(ApiFailure { is_in_doubt: true, ..failed })
            }
            Err(error) => Next::Doubt(hinted(
                failed(
                    if matches!(error, CallError::TimedOut(_)) { Cause::Timeout } else { Cause::Refusal },
                    format!("{who} did not answer: {error}"),
                    String::new(),
                ),
                "The call may have been charged.",
            )),
        }
    }

    /// Reads the secrets, now that they are needed.
    fn secrets(&self) -> Result<Secrets, Failure> {
        let mut secrets = Secrets::default();
        if let Some(key) = &self.api_key {
            let key = self.read("api_key", key, &mut secrets)?;
            secrets.headers.push(("authorization".into(), format!("Bearer {key}")));
        }
        for (name, text) in &self.headers {
            let value = self.read(&format!("header `{name}`"), text, &mut secrets)?;
            secrets.headers.push((name.clone(), value));
        }
        Ok(secrets)
    }

    fn read(&self, what: &str, text: &SecretText, secrets: &mut Secrets) -> Result<String, Failure> {
        let mut value = String::new();
        for piece in &text.pieces {
            match piece {
                SecretPiece::Literal(text) => value.push_str(text),
                SecretPiece::Variable(name) => {
                    let found = self.environment.get(name).map(str::trim).filter(|found| !found.is_empty());
                    let found = found.ok_or_else(|| {
                        let message = format!("the provider `{}` needs the variable `{name}` ({what})", self.name);
                        Failure::new(Cause::Setup, message)
                            .hint(format!("Set it where storygen is called: `export {name}=…`."))
                    })?;
                    secrets.values.push(found.to_owned());
                    value.push_str(found);
                }
            }
        }
        Ok(value)
    }
}

/// What a call is told that nobody else may see.
#[derive(Default)]
struct Secrets {
    headers: Vec<(String, String)>,
    values: Vec<String>,
}

impl Secrets {
    /// Takes secrets out that the server sends back.
    fn scrub(&self, mut bytes: Vec<u8>) -> Vec<u8> {
        for value in self.values.iter().filter(|value| value.len() >= SECRET_BYTES_MIN) {
            for form in forms(value) {
                bytes = replaced(bytes, form.as_bytes());
            }
        }
        bytes
    }

    fn scrub_text(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for value in self.values.iter().filter(|value| value.len() >= SECRET_BYTES_MIN) {
            for form in forms(value) {
                text = text.replace(&form, "***");
            }
        }
        text
    }
}

/// How a secret may come back: as it is, in a JSON text, in an address.
fn forms(value: &str) -> Vec<String> {
    let json = serde_json::Value::from(value).to_string();
    let encoded = value.bytes().map(|byte| match byte {
        byte if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    });
    let mut forms = vec![value.to_owned(), json.trim_matches('"').to_owned(), encoded.collect()];
    forms.dedup();
    forms
}

fn replaced(bytes: Vec<u8>, secret: &[u8]) -> Vec<u8> {
    let mut rest = bytes.as_slice();
    let mut out = Vec::new();
    while let Some(at) = rest.windows(secret.len()).position(|window| window == secret) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(b"***");
        rest = &rest[at + secret.len()..];
    }
    if out.is_empty() && rest.len() == bytes.len() {
        return bytes;
    }
    out.extend_from_slice(rest);
    out
}

/// Returns the identity of a service by what is known of it.
fn identity(declared: &Service) -> String {
    let mut identity = format!("http {}{}", declared.base.vendor(), declared.base.path());
    for (name, text) in &declared.headers {
        if let [SecretPiece::Literal(value)] = text.pieces.as_slice() {
            identity.push_str(&format!("; {name}: {value}"));
        }
    }
    identity
}

fn hinted(failed: ApiFailure, hint: &str) -> ApiFailure {
    ApiFailure { failure: failed.failure.hint(hint), ..failed }
}

/// A call after one that may have been charged is in doubt as a whole.
fn in_doubt(failed: ApiFailure, doubts: u32) -> ApiFailure {
    ApiFailure { is_in_doubt: failed.is_in_doubt || doubts > 0, ..failed }
}

fn shown(body: &[u8]) -> String {
    let cut = &body[..body.len().min(SHOWN_BYTES_MAX)];
    match std::str::from_utf8(cut) {
        Err(error) if error.valid_up_to() + 4 < cut.len() => format!("({} bytes that are no text)", body.len()),
        _ => String::from_utf8_lossy(cut).into_owned(),
    }
}

fn delay(retry: &Retry, attempts: u32) -> Duration {
    let exponent = i32::try_from(attempts).unwrap_or(i32::MAX);
    let seconds = retry.delay.as_secs_f64() * retry.factor.powi(exponent);
    Duration::try_from_secs_f64(seconds).unwrap_or(retry.max_delay).min(retry.max_delay)
}
