//! Downloads public bytes over HTTP: bounded, resumable, and never with a secret.

use reqwest::header::{CONTENT_RANGE, HeaderValue, RANGE};
use reqwest::{Client, Response, StatusCode, Url, redirect};
use std::error::Error;
use std::io;
use std::net::IpAddr;
use std::sync::Once;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How many redirects one download may follow.
const REDIRECTS_MAX: usize = 5;

/// How long a download may stand still.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Until the connection stands, TLS included.
    pub connect: Duration,
    /// Between two pieces, and until the answer begins.
    pub idle: Duration,
}

impl Default for Patience {
    /// 3 s to connect (R24), 30 s between two pieces.
    fn default() -> Patience {
        Patience { connect: Duration::from_secs(3), idle: Duration::from_secs(30) }
    }
}

/// Why a download gave no bytes, or no more.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// TLS cannot be set up; most often the machine has no bundle of certificates.
    #[error("HTTPS cannot be set up on this machine: {0}")]
    Setup(String),
    #[error("the address `{0}` is not https")]
    Address(String),
    #[error("no connection: {0}")]
    Connect(String),
    /// The server cannot show who it is.
    #[error("its certificate is not trusted here: {0}")]
    Certificate(String),
    #[error("the server answered {0}")]
    Status(u16),
    #[error("redirect refused: {0}")]
    Redirect(String),
    #[error("the server sends more than the {0} bytes expected")]
    TooLarge(u64),
    /// The connection broke or stood still; the bytes that came are good and the rest may be asked for.
    #[error("the connection broke: {0}")]
    Cut(String),
    #[error("cancelled")]
    Cancelled,
}

/// What to download.
#[derive(Clone, Copy, Debug)]
pub struct Get<'a> {
    /// An https address; plain http is allowed to this very machine only.
    pub url: &'a str,
    /// The first byte wanted; the server may ignore it and begin anew, see [`Body::start`].
    pub from: u64,
    /// The whole file's size, in bytes: a server that sends more is cut off.
    pub size_max: u64,
    pub patience: Patience,
}

/// The bytes of an answer, as they arrive.
pub struct Body {
    response: Response,
    start: u64,
    /// How many bytes may still come.
    left: u64,
    size_max: u64,
    cancel: CancellationToken,
}

/// Asks for a file and returns once the answer has begun.
///
/// Redirects lead to https only (from this machine also to this machine). The proxy settings of the system are followed,
/// except to this machine. No cookie, no password, no key is ever sent.
pub async fn get(get: Get<'_>, cancel: &CancellationToken) -> Result<Body, HttpError> {
    let url = Url::parse(get.url).map_err(|_| HttpError::Address(get.url.to_owned()))?;
    if !is_allowed(&url, is_loopback(&url)) {
        return Err(HttpError::Address(get.url.to_owned()));
    }
    let client = client(&url, get.patience, redirect::Policy::custom(follow))?;
    let mut request = client.get(url);
    if get.from > 0 {
        request = request.header(RANGE, format!("bytes={}-", get.from));
    }
    let response = tokio::select! {
        response = request.send() => response.map_err(no_answer)?,
        () = cancel.cancelled() => return Err(HttpError::Cancelled),
    };
    let start = start(&response, get.from)?;
    let left = get.size_max.saturating_sub(start);
    if response.content_length().is_some_and(|length| length > left) {
        return Err(HttpError::TooLarge(get.size_max));
    }
    Ok(Body { response, start, left, size_max: get.size_max, cancel: cancel.clone() })
}

impl Body {
    /// Returns which byte of the file comes first: the one asked for, or 0 where the server sends the whole.
    pub fn start(&self) -> u64 {
        self.start
    }

    /// Returns the next bytes; `None` at the end of the answer.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, HttpError> {
        let piece = tokio::select! {
            piece = self.response.chunk() => piece.map_err(|error| HttpError::Cut(whole_story(&error)))?,
            () = self.cancel.cancelled() => return Err(HttpError::Cancelled),
        };
        let Some(piece) = piece else { return Ok(None) };
        self.left = self.left.checked_sub(piece.len() as u64).ok_or(HttpError::TooLarge(self.size_max))?;
        Ok(Some(piece.to_vec()))
    }
}

/// Builds a client. Fails on a machine without a bundle of certificates, so only a download that happens builds one.
pub(super) fn client(url: &Url, patience: Patience, policy: redirect::Policy) -> Result<Client, HttpError> {
    static PROVIDER: Once = Once::new();
    // An embedder may have installed a provider of its own: then that one stays.
    PROVIDER.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
    let mut builder = Client::builder()
        .user_agent(concat!("storygen/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(patience.connect)
        .read_timeout(patience.idle)
        .referer(false)
        .redirect(policy);
    if is_loopback(url) {
        builder = builder.no_proxy();
    }
    builder.build().map_err(|error| HttpError::Setup(whole_story(&error)))
}

fn follow(attempt: redirect::Attempt) -> redirect::Action {
    if attempt.previous().len() > REDIRECTS_MAX {
        return attempt.error(format!("more than {REDIRECTS_MAX} in a row"));
    }
    if is_allowed(attempt.url(), attempt.previous().iter().all(is_loopback)) {
        return attempt.follow();
    }
    let to = attempt.url().clone();
    attempt.error(format!("it leads to `{}://{}`", to.scheme(), to.host_str().unwrap_or_default()))
}

/// Says whether a download may go to `url`: https, or this machine if it never left it; and no password in the address.
pub(super) fn is_allowed(url: &Url, from_loopback: bool) -> bool {
    let bare = url.username().is_empty() && url.password().is_none();
    bare && match url.scheme() {
        // A page out there must not make us talk to a server in here.
        "https" => from_loopback || !is_loopback(url),
        "http" => from_loopback && is_loopback(url),
        _ => false,
    }
}

pub(super) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// Returns which byte of the file the answer begins with.
fn start(response: &Response, from: u64) -> Result<u64, HttpError> {
    match response.status() {
        StatusCode::OK => Ok(0),
        StatusCode::PARTIAL_CONTENT if begins_at(response.headers().get(CONTENT_RANGE)) == Some(from) => Ok(from),
        StatusCode::PARTIAL_CONTENT => Err(HttpError::Cut("another range than asked for".to_owned())),
        status => Err(HttpError::Status(status.as_u16())),
    }
}

/// Reads the first position of `bytes 100-199/200` (RFC 9110, 14.4).
fn begins_at(range: Option<&HeaderValue>) -> Option<u64> {
    range?.to_str().ok()?.strip_prefix("bytes ")?.split('-').next()?.trim().parse().ok()
}

fn no_answer(error: reqwest::Error) -> HttpError {
    let story = whole_story(&error);
    match error {
        error if error.is_redirect() => HttpError::Redirect(story),
        error if error.is_connect() => unconnected(&error),
        _ => HttpError::Cut(story),
    }
}

/// Says why there is no connection.
pub(super) fn unconnected(error: &reqwest::Error) -> HttpError {
    match distrust(error) {
        Some(why) => HttpError::Certificate(why),
        None => HttpError::Connect(whole_story(error)),
    }
}

/// Returns what is wrong with the server's certificate, if that is the reason.
fn distrust(error: &(dyn Error + 'static)) -> Option<String> {
    let mut next = Some(error);
    while let Some(error) = next {
        // An error of input and output hides the one that it wraps from `source`.
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        let tls = error.downcast_ref().or_else(|| inner.and_then(|inner| inner.downcast_ref()));
        if let Some(rustls::Error::InvalidCertificate(why)) = tls {
            return Some(why.to_string());
        }
        next = error.source().or(inner.map(|inner| inner as &(dyn Error + 'static)));
    }
    None
}

/// Returns the innermost reason: the outer ones only repeat the address.
pub(super) fn whole_story(error: &dyn Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::TcpListener;

    /// Answers one request after the other with these texts and returns the address and what was asked.
    fn server(answers: Vec<String>) -> (String, std::thread::JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let asked = std::thread::spawn(move || {
            answers
                .into_iter()
                .map(|answer| {
                    let (mut stream, _) = listener.accept().unwrap();
                    let mut request = Vec::new();
                    let mut byte = [0];
                    while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() == 1 {
                        request.push(byte[0]);
                    }
                    stream.write_all(answer.as_bytes()).unwrap();
                    String::from_utf8(request).unwrap()
                })
                .collect()
        });
        (address, asked)
    }

    fn patience() -> Patience {
        Patience { connect: Duration::from_millis(100), idle: Duration::from_secs(20) }
    }

    async fn whole(url: &str, size_max: u64) -> Result<Vec<u8>, HttpError> {
        let request = Get { url, from: 0, size_max, patience: patience() };
        let mut body = get(request, &CancellationToken::new()).await?;
        let mut bytes = Vec::new();
        while let Some(piece) = body.next().await? {
            bytes.extend(piece);
        }
        Ok(bytes)
    }

    fn redirect(to: &str) -> String {
        format!("HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
    }

    fn plain(body: &str) -> String {
        format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
    }

    #[tokio::test]
    async fn a_redirect_to_plain_http_is_refused() {
        let (url, _) = server(vec![redirect("http://example.invalid/model")]);
        let error = whole(&url, 10).await.unwrap_err();
        assert!(matches!(&error, HttpError::Redirect(text) if text.contains("http://example.invalid")), "{error}");
    }

    #[tokio::test]
    async fn a_redirect_on_the_same_machine_is_followed() {
        let (url, asked) = server(vec![redirect("/there"), plain("night bus")]);
        assert_eq!(whole(&url, 10).await.unwrap(), b"night bus");
        assert!(asked.join().unwrap()[1].starts_with("GET /there "));
    }

    #[tokio::test]
    async fn redirects_in_a_circle_end() {
        let (url, _) = server(vec![redirect("/again"); REDIRECTS_MAX + 1]);
        assert!(matches!(whole(&url, 10).await, Err(HttpError::Redirect(_))));
    }

    #[tokio::test]
    async fn plain_http_to_another_machine_is_refused() {
        for url in ["http://example.invalid/", "https://me:secret@example.invalid/", "ftp://localhost/", "nonsense"] {
            assert!(matches!(whole(url, 10).await, Err(HttpError::Address(_))), "{url}");
        }
    }

    #[test]
    fn a_page_out_there_cannot_send_us_to_this_machine() {
        assert!(!is_allowed(&Url::parse("https://127.0.0.1/").unwrap(), false));
        assert!(!is_allowed(&Url::parse("https://[::1]/").unwrap(), false));
        assert!(is_allowed(&Url::parse("https://example.org/").unwrap(), false));
    }

    #[tokio::test]
    async fn a_server_that_sends_too_much_is_cut_off() {
        let (url, _) = server(vec![plain("twelve bytes")]);
        assert!(matches!(whole(&url, 11).await, Err(HttpError::TooLarge(11))));
        let (url, _) = server(vec!["HTTP/1.1 200 OK\r\nconnection: close\r\n\r\ntwelve bytes".to_owned()]);
        assert!(matches!(whole(&url, 11).await, Err(HttpError::TooLarge(11))));
    }

    #[tokio::test]
    async fn a_connection_that_never_stands_ends_at_its_limit() {
        // The system accepts for the listener, but nobody ever answers the TLS greeting.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("https://{}/", listener.local_addr().unwrap());
        assert!(matches!(whole(&url, 10).await, Err(HttpError::Connect(_))));
    }

    #[tokio::test]
    async fn a_cancelled_download_ends() {
        let (url, _) = server(vec![plain("never read")]);
        let cancel = CancellationToken::new();
        cancel.cancel();
        let request = Get { url: &url, from: 0, size_max: 10, patience: patience() };
        assert!(matches!(get(request, &cancel).await, Err(HttpError::Cancelled)));
    }

    /// Run by the next test in a process of its own: the environment is read by the TLS library.
    #[tokio::test]
    #[ignore = "needs a machine without certificates; its sibling makes one"]
    async fn without_certificates() {
        assert!(matches!(whole("https://example.invalid/", 10).await, Err(HttpError::Setup(_))));
    }

    #[test]
    fn a_machine_without_certificates_is_told_so() {
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "--ignored", "world::http::tests::without_certificates"])
            .env("SSL_CERT_FILE", "/nonexistent")
            .env("SSL_CERT_DIR", "/nonexistent")
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && text.contains("1 passed"), "{text}");
    }
}
