//! Calls an API over HTTP: one request with its secrets, one answer, bounded.

use crate::world::http::{HttpError, Patience, client, is_allowed, is_loopback, unconnected, whole_story};
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use reqwest::header::{CONTENT_LENGTH, DATE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Method, Response, StatusCode, Url, redirect};
use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Headers of an answer that are read; all others are passed over.
const READ_HEADERS: [&str; 9] = [
    "content-type",
    "content-encoding",
    "x-should-retry",
    "request-id",
    "x-request-id",
    "character-cost",
    "current-concurrent-requests",
    "maximum-concurrent-requests",
    "location",
];

/// How long a header's value may be, in bytes.
const HEADER_BYTES_MAX: usize = 1024;

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
}

/// What an answer says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    pub status: u16,
    /// How long the server wants us to wait.
    pub retry_after: Option<Duration>,
    /// Of the body, in bytes.
    pub length: Option<u64>,
    /// By their names in lower case.
    pub headers: BTreeMap<String, String>,
}

/// A whole answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub head: Head,
    pub body: Vec<u8>,
}

/// Hears an answer while it comes in.
pub trait Ear: Send {
    fn head(&mut self, head: &Head);

    fn piece(&mut self, bytes: &[u8]);
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

/// Calls one server, over connections that are kept.
pub struct Caller {
    url: Url,
    connect: Duration,
    /// Made by the first call: a machine without certificates only learns it then.
    client: OnceLock<Client>,
}

impl Caller {
    /// Returns a caller of the server at `base`; `connect` is how long until a connection stands.
    pub fn new(base: &str, connect: Duration) -> Result<Caller, CallError> {
        Ok(Caller { url: allowed(base)?, connect, client: OnceLock::new() })
    }

    /// Makes one call and reads its answer, whatever its status; `ear` hears it piece by piece.
    ///
    /// No redirect is followed: a key goes to its own host. The proxy settings of the system are followed, except to this
    /// machine.
    pub async fn call(&self, call: Call, ear: &mut dyn Ear, cancel: &CancellationToken) -> Result<Answer, CallError> {
        let limit = call.timeout;
        tokio::select! {
            answer = tokio::time::timeout(limit, self.answer(call, ear)) => {
                answer.unwrap_or(Err(CallError::TimedOut(limit)))
            }
            () = cancel.cancelled() => Err(CallError::Cancelled),
        }
    }

    async fn answer(&self, call: Call, ear: &mut dyn Ear) -> Result<Answer, CallError> {
        let url = allowed(&call.url)?;
        let wrong = |what: &str| CallError::Unsent(HttpError::Address(what.to_owned()));
        if url.origin() != self.url.origin() {
            return Err(wrong("of another server"));
        }
        let method = Method::from_bytes(call.method.as_bytes()).map_err(|_| wrong("of the call"))?;
        let mut request = self.client()?.request(method, url).headers(headers(&call.headers)?);
        if let Some(body) = call.body {
            request = request.body(body);
        }
        let mut response = request.send().await.map_err(no_answer)?;
        let head = head(&response);
        if (300..400).contains(&head.status) && head.status != StatusCode::NOT_MODIFIED.as_u16() {
            let to = head.headers.get("location").map_or("elsewhere", String::as_str);
            return Err(CallError::Unanswered(HttpError::Redirect(format!("it leads to `{to}`"))));
        }
        let too_large = || CallError::Unanswered(HttpError::TooLarge(call.size_max));
        if head.length.is_some_and(|length| length > call.size_max) {
            return Err(too_large());
        }
        ear.head(&head);
        let mut body = Vec::new();
        let cut = |error: reqwest::Error| CallError::Unanswered(HttpError::Cut(whole_story(&error)));
        while let Some(piece) = response.chunk().await.map_err(cut)? {
            if (body.len() + piece.len()) as u64 > call.size_max {
                return Err(too_large());
            }
            ear.piece(&piece);
            body.extend_from_slice(&piece);
        }
        Ok(Answer { head, body })
    }

    fn client(&self) -> Result<&Client, CallError> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        // How long an answer may stand still is bounded by the whole call's time.
        let patience = Patience { connect: self.connect, idle: Duration::from_secs(24 * 3600) };
        let client = client(&self.url, patience, redirect::Policy::none()).map_err(CallError::Unsent)?;
        Ok(self.client.get_or_init(|| client))
    }
}

fn allowed(url: &str) -> Result<Url, CallError> {
    let url = Url::parse(url).ok().filter(|url| is_allowed(url, is_loopback(url)));
    url.ok_or_else(|| CallError::Unsent(HttpError::Address("of the call".to_owned())))
}

fn head(response: &Response) -> Head {
    let headers = response.headers();
    let text = |name: &str| {
        let value = headers.get(name)?.to_str().ok()?;
        (value.len() <= HEADER_BYTES_MAX).then(|| value.to_owned())
    };
    Head {
        status: response.status().as_u16(),
        retry_after: retry_after(headers),
        length: headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok()),
        headers: READ_HEADERS.iter().filter_map(|name| Some(((*name).to_owned(), text(name)?))).collect(),
    }
}

/// Reads how long to wait: `retry-after-ms`, or `retry-after` in seconds or as a date (RFC 9110, 10.2.3), which is held
/// against the server's own clock where it tells that. Nonsense says nothing.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let seconds = |number: f64| Duration::try_from_secs_f64(number).ok();
    if let Some(ms) = text(&HeaderName::from_static("retry-after-ms")).and_then(|text| text.parse::<f64>().ok()) {
        return seconds(ms / 1000.0);
    }
    let told = text(&RETRY_AFTER)?;
    if let Ok(number) = told.parse::<f64>() {
        return seconds(number);
    }
    let date = |text: &str| rfc2822::parse(text).ok().map(|date| date.timestamp());
    let now = text(&DATE).and_then(date).unwrap_or_else(Timestamp::now);
    seconds((date(told)?.duration_since(now).as_secs_f64()).max(0.0))
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

fn no_answer(error: reqwest::Error) -> CallError {
    let story = whole_story(&error);
    match error {
        error if error.is_connect() => CallError::Unsent(unconnected(&error)),
        error if error.is_builder() => CallError::Unsent(HttpError::Address(story)),
        _ => CallError::Unanswered(HttpError::Cut(story)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(pairs: &[(&'static str, &str)]) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        }
        retry_after(&headers)
    }

    #[test]
    fn how_long_to_wait_is_read_in_every_form() {
        for (pairs, wait) in [
            (vec![("retry-after", "7")], Some(7.0)),
            (vec![("retry-after", " 1.5 ")], Some(1.5)),
            (vec![("retry-after-ms", "250"), ("retry-after", "7")], Some(0.25)),
            (
                vec![("retry-after", "Wed, 21 Oct 2015 07:28:30 GMT"), ("date", "Wed, 21 Oct 2015 07:28:00 GMT")],
                Some(30.0),
            ),
            (
                vec![("retry-after", "Wed, 21 Oct 2015 07:28:00 GMT"), ("date", "Wed, 21 Oct 2015 07:29:00 GMT")],
                Some(0.0),
            ),
            (vec![("retry-after", "1000000000")], Some(1e9)),
            (vec![("retry-after", "-1")], None),
            (vec![("retry-after", "1e400")], None),
            (vec![("retry-after", "soon")], None),
            (vec![], None),
        ] {
            assert_eq!(told(&pairs), wait.map(Duration::from_secs_f64), "{pairs:?}");
        }
    }

    #[tokio::test]
    async fn only_the_server_itself_is_called() {
        struct Deaf;
        impl Ear for Deaf {
            fn head(&mut self, _: &Head) {}
            fn piece(&mut self, _: &[u8]) {}
        }
        assert!(Caller::new("http://example.com", Duration::ZERO).is_err());
        let caller = Caller::new("http://127.0.0.1:9", Duration::from_secs(1)).unwrap();
        let call = Call {
            method: "GET".into(),
            url: "http://127.0.0.1:10/x".into(),
            headers: Vec::new(),
            body: None,
            size_max: 1,
            timeout: Duration::from_secs(1),
        };
        let error = caller.call(call, &mut Deaf, &CancellationToken::new()).await.unwrap_err();
        assert!(matches!(error, CallError::Unsent(HttpError::Address(_))), "{error}");
    }
}
