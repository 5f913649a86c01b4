//! Calls an API over HTTP: one request with its secrets, one answer, bounded.

use crate::world::http::{HttpError, Patience, REDIRECTS_MAX, client, is_allowed, is_loopback, whole_story};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Method, Url, redirect};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// One request. It may hold secrets: it is never shown.
pub struct Call {
    pub method: String,
    /// An https address; plain http is allowed to this very machine only.
    pub url: String,
    pub headers: Vec<(String, String)>,
    pub body: Option<Vec<u8>>,
    /// The longest answer, in bytes: what is longer is cut off, and is an error.
    pub size_max: u64,
    /// From the first byte sent to the last one received.
    pub timeout: Duration,
    pub connect: Duration,
}

/// A whole answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// How long the server wants us to wait, in whole seconds.
    pub retry_after: Option<Duration>,
    pub body: Vec<u8>,
}

/// Why there is no whole answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// Nothing reached the server.
    #[error("{0}")]
    Unsent(HttpError),
    /// It was sent, and the answer never came whole: the work may have been done.
    #[error("{0}")]
    Unanswered(HttpError),
    /// It was sent, and nothing came in this time.
    #[error("no answer within {} s", .0.as_secs_f32())]
    TimedOut(Duration),
    #[error("cancelled")]
    Cancelled,
}

/// Makes one call and reads its answer, whatever its status.
///
/// Redirects are followed within the same server only. The proxy settings of the system are followed, except to this
/// machine.
pub async fn call(call: Call, cancel: &CancellationToken) -> Result<Answer, CallError> {
    let limit = call.timeout;
    tokio::select! {
        answer = tokio::time::timeout(limit, answer(call)) => answer.unwrap_or(Err(CallError::TimedOut(limit))),
        () = cancel.cancelled() => Err(CallError::Cancelled),
    }
}

async fn answer(call: Call) -> Result<Answer, CallError> {
    let address = || CallError::Unsent(HttpError::Address("of the call".to_owned()));
    let url = Url::parse(&call.url).map_err(|_| address())?;
    if !is_allowed(&url, is_loopback(&url)) {
        return Err(address());
    }
    let method = Method::from_bytes(call.method.as_bytes()).map_err(|_| address())?;
    let patience = Patience { connect: call.connect, idle: call.timeout };
    let client = client(&url, patience, redirect::Policy::custom(stay)).map_err(CallError::Unsent)?;
    let mut request = client.request(method, url).headers(headers(&call.headers)?);
    if let Some(body) = call.body {
        request = request.body(body);
    }
    let mut response = request.send().await.map_err(no_answer)?;
    let status = response.status().as_u16();
    let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
    let mut body = Vec::new();
    let cut = |error: reqwest::Error| CallError::Unanswered(HttpError::Cut(whole_story(&error)));
    while let Some(piece) = response.chunk().await.map_err(cut)? {
        if (body.len() + piece.len()) as u64 > call.size_max {
            return Err(CallError::Unanswered(HttpError::TooLarge(call.size_max)));
        }
        body.extend_from_slice(&piece);
    }
    Ok(Answer { status, retry_after: retry_after.map(Duration::from_secs), body })
}

/// Never tells a value: it may be a secret.
fn headers(given: &[(String, String)]) -> Result<HeaderMap, CallError> {
    let mut headers = HeaderMap::new();
    for (name, value) in given {
        let wrong = || CallError::Unsent(HttpError::Address(format!("header {name}: its value cannot be sent")));
        let mut value = HeaderValue::from_str(value).map_err(|_| wrong())?;
        value.set_sensitive(true);
        headers.insert(HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong())?, value);
    }
    Ok(headers)
}

/// A secret goes to its own server only.
fn stay(attempt: redirect::Attempt) -> redirect::Action {
    if attempt.previous().len() > REDIRECTS_MAX {
        return attempt.error(format!("more than {REDIRECTS_MAX} in a row"));
    }
    let server = |url: &Url| (url.scheme().to_owned(), url.host_str().map(str::to_owned), url.port_or_known_default());
    if attempt.previous().first().is_some_and(|first| server(first) == server(attempt.url())) {
        return attempt.follow();
    }
    let to = attempt.url().host_str().unwrap_or_default().to_owned();
    attempt.error(format!("it leads to another server, `{to}`"))
}

fn no_answer(error: reqwest::Error) -> CallError {
    let story = whole_story(&error);
    match error {
        error if error.is_connect() => CallError::Unsent(HttpError::Connect(story)),
        error if error.is_builder() => CallError::Unsent(HttpError::Address(story)),
        error if error.is_redirect() => CallError::Unanswered(HttpError::Redirect(story)),
        _ => CallError::Unanswered(HttpError::Cut(story)),
    }
}
