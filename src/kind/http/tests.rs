//! Against a real server on this machine: sockets, headers, bodies.

use super::*;
use crate::base::path::RepoPath;
use crate::kind::bench::{Bench, output};
use crate::provider::api::Api;
use crate::provider::script::{Script, Shelf};
use crate::storyfile::service::{Limits, Scripted, SecretPiece, SecretText, Service, ServiceApi};
use crate::storyfile::story::Selector;
use crate::world::env::Environment;
use crate::world::real::RealDisk;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;

/// A server that gives these answers in turn; an empty one hangs up.
struct Server {
    base: String,
    asked: JoinHandle<Vec<String>>,
}

fn read_request(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    let mut byte = [0];
    while !text.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() == 1 {
        text.push(byte[0]);
    }
    let head = String::from_utf8(text).unwrap();
    let length = head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).unwrap();
    head + &String::from_utf8(body).unwrap()
}

fn server(answers: Vec<String>) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}/v1", listener.local_addr().unwrap());
    let asked = std::thread::spawn(move || {
        let one = |answer: String| {
            let (mut stream, _) = listener.accept().unwrap();
            let asked = read_request(&mut stream);
            stream.write_all(answer.as_bytes()).unwrap();
            asked
        };
        answers.into_iter().map(one).collect()
    });
    Server { base, asked }
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
}

fn ok(body: &str) -> String {
    answer("200 OK", "", body)
}

fn secret(name: &str) -> SecretText {
    SecretText { pieces: vec![SecretPiece::Variable(name.into())] }
}

/// A bench with the provider `art` at `base`.
fn bench(base: &str) -> Bench {
    let headers = BTreeMap::from([
        ("x-version".to_owned(), SecretText { pieces: vec![SecretPiece::Literal("2".into())] }),
        ("x-token".to_owned(), secret("ART_TOKEN")),
    ]);
    let declared = Service {
        api_key: Some(secret("ART_KEY")),
        headers,
        limits: Limits { max_concurrency: Some(1), ..Limits::default() },
        ..Service::at(ServiceApi::Http, Address::parse(base).unwrap())
    };
    let vars = [("ART_KEY", "sk-very-secret"), ("ART_TOKEN", "token/\"very\" secret")];
    let vars = vars.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let environment = Arc::new(Environment::with(vars, PathBuf::new()));
    let mut bench = Bench::new();
    let api = Arc::new(Api::new("art", &declared, environment));
    bench.providers.couriers.insert("art".into(), Courier::service(api));
    bench.named.insert("http".into(), "art".into());
    bench
}

fn made(bench: &Bench, settings: Value) -> Result<Vec<u8>, Failure> {
    bench.perform(&Http, settings, Vec::new(), &[output("0", "a.bin")]).map(|made| made.outputs["0"].clone())
}

#[test]
fn a_call_sends_what_the_stage_says_and_brings_the_answer_once() {
    let server = server(vec![ok("{\"image\": \"aGVsbG8=\"}")]);
    let bench = bench(&server.base);
    let settings = json!({
        "url": "/images?size=2", "headers": {"Accept": "image/png"}, "json": {"b": "ü", "a": [1]},
        "extract": {"pointer": "/image", "decode": "base64"},
    });
    for _ in 0..3 {
        assert_eq!(made(&bench, settings.clone()).unwrap(), b"hello");
    }
    let asked = server.asked.join().unwrap().remove(0);
    assert!(asked.starts_with("POST /v1/images?size=2 HTTP/1.1\r\n"), "{asked}");
    for line in
        ["authorization: Bearer sk-very-secret", "x-version: 2", "accept: image/png", "content-type: application/json"]
    {
        assert!(asked.lines().any(|found| found == line), "{line} in {asked}");
    }
    assert!(asked.ends_with("\r\n\r\n{\"b\":\"ü\",\"a\":[1]}"), "{asked}");
}

#[test]
fn another_take_is_another_call() {
    let server = server(vec![ok("one"), ok("two")]);
    let mut bench = bench(&server.base);
    assert_eq!(made(&bench, json!({"url": "/a"})).unwrap(), b"one");
    bench.take = 2;
    assert_eq!(made(&bench, json!({"url": "/a"})).unwrap(), b"two");
    assert!(server.asked.join().unwrap()[0].starts_with("GET /v1/a HTTP/1.1"));
}

#[test]
fn too_busy_is_asked_again_and_an_error_once_more() {
    let busy = answer("429 Too Many Requests", "retry-after: 0\r\n", "later");
    let broken = answer("500 Oops", "", "broken");
    let server = server(vec![busy.clone(), busy, broken, ok("fine")]);
    assert_eq!(made(&bench(&server.base), json!({"url": "a"})).unwrap(), b"fine");
    assert_eq!(server.asked.join().unwrap().len(), 4);
}

#[test]
fn a_call_that_may_have_been_charged_is_made_twice_at_most_and_stays_noted() {
    let broken = answer("502 Bad Gateway", "", "<html>oops</html>");
    for answers in [vec![broken.clone(), broken], vec![String::new(), String::new()]] {
        let server = server(answers);
        let bench = bench(&server.base);
        let failure = made(&bench, json!({"url": "a", "json": {}})).unwrap_err();
        assert_eq!(failure.cause, Cause::Server, "{failure}");
        assert_eq!(server.asked.join().unwrap().len(), 2);
        let doubts = bench.store.doubts();
        assert_eq!((doubts.len(), doubts[0].description.as_str()), (2, "POST /v1/a of loopback"));
    }
}

#[test]
fn a_refusal_is_told_at_once_and_its_whole_answer_is_logged() {
    let body = "{\"error\": \"no such size\",\n \"more\": \"lines\"}";
    let server = server(vec![answer("422 Unprocessable", "", body)]);
    let bench = bench(&server.base);
    let failure = made(&bench, json!({"url": "/a"})).unwrap_err();
    assert_eq!(failure.message, "the provider `art` answered 422: no such size");
    assert_eq!(*bench.log.lock().unwrap(), format!("{body}\n"));
    assert!(bench.store.unanswered().is_empty());
    assert_eq!(server.asked.join().unwrap().len(), 1);
}

#[test]
fn a_service_that_cannot_be_reached_is_tried_again_and_costs_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let bench = bench(&base);
    let failure = made(&bench, json!({"url": "/a"})).unwrap_err();
    assert!(failure.message.starts_with("the provider `art` cannot be reached: "), "{failure}");
    assert!(bench.store.unanswered().is_empty());
}

#[test]
fn a_secret_that_comes_back_is_taken_out_everywhere() {
    let echo = "key sk-very-secret, token token/\\\"very\\\" secret and token%2F%22very%22%20secret";
    let server = server(vec![answer("400 Bad", "", echo), ok(echo)]);
    let bench = bench(&server.base);
    let failure = made(&bench, json!({"url": "/a"})).unwrap_err();
    assert_eq!(failure.message, "the provider `art` answered 400: key ***, token *** and ***");
    assert_eq!(*bench.log.lock().unwrap(), "key ***, token *** and ***\n");
    assert_eq!(made(&bench, json!({"url": "/a"})).unwrap(), b"key ***, token *** and ***");
    drop(server.asked.join());
}

#[test]
fn no_redirect_is_followed() {
    for to in ["http://127.0.0.1:9/x", "/v1/b"] {
        let moved = format!("HTTP/1.1 307 Moved\r\nlocation: {to}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        let server = server(vec![moved]);
        let failure = made(&bench(&server.base), json!({"url": "/a"})).unwrap_err();
        let message = format!("the provider `art` sends us elsewhere: redirect refused: it leads to `{to}`");
        assert_eq!(failure.message, message);
        assert_eq!(failure.hint.as_deref(), Some("Write the address where it really is into `base_url`."));
        assert_eq!(server.asked.join().unwrap().len(), 1);
    }
}

#[test]
fn an_answer_that_has_not_what_is_wanted_is_kept_and_told() {
    let server = server(vec![ok("{\"data\": []}")]);
    let bench = bench(&server.base);
    let extract = |pointer: &str| json!({"url": "/a", "extract": {"pointer": pointer}});
    let failure = made(&bench, extract("/data/0/url")).unwrap_err();
    assert_eq!(failure.message, "the answer has nothing at `/data/0/url`");
    assert_eq!(*bench.log.lock().unwrap(), "{\"data\": []}\n");
    // Nobody is asked again: the answer was paid for.
    assert_eq!(made(&bench, extract("/data")).unwrap(), b"[]");
    drop(server.asked.join());
}

#[test]
fn a_variable_that_is_not_set_is_told_before_the_call() {
    let mut bench = bench("http://127.0.0.1:9");
    let declared = Service {
        api_key: Some(secret("NOT_SET")),
        ..Service::at(ServiceApi::Http, Address::parse("http://127.0.0.1:9").unwrap())
    };
    let api = Arc::new(Api::new("art", &declared, Arc::default()));
    bench.providers.couriers.insert("art".into(), Courier::service(api));
    let failure = made(&bench, json!({"url": "/a"})).unwrap_err();
    assert_eq!(failure.message, "the provider `art` needs the variable `NOT_SET` (api_key)");
    assert_eq!(failure.hint.unwrap(), "Set it where storygen is called: `export NOT_SET=…`.");
}

#[test]
fn a_key_knows_the_service_and_nothing_of_the_machine() {
    let identity = |base: &str| bench(base).identity(&Http, &json!({"url": "/a"}), &[]).unwrap().unwrap();
    assert_eq!(identity("http://127.0.0.1:4711/v1"), "http loopback/v1; x-version: 2");
    assert_eq!(identity("http://localhost:4712/v1"), identity("http://127.0.0.1:4711/v1"));
    assert_eq!(identity("https://api.example.com:444/v1/"), "http api.example.com/v1; x-version: 2");
}

#[test]
fn settings_that_cannot_work_are_told_before_any_call() {
    let bench = bench("https://api.example.com");
    let told = |settings: Value| {
        let mut told = bench.told(&Http, &settings, &[output("0", "a.bin")]);
        told.sort();
        told.join("; ")
    };
    assert_eq!(told(json!({"url": "/a", "json": {}, "extract": {"pointer": "/x", "decode": "base64"}})), "");
    assert_eq!(told(json!({"url": "/a", "method": "GET", "json": {}})), "a `GET` sends no `json`");
    assert_eq!(told(json!({"url": "https://x.example/a"})), "`url` is a whole address, and the provider has one");
    assert_eq!(
        told(json!({"url": "/a", "headers": {"X-Api-Key": "1", "X-Version": "1", "Host": "x", "a b": "c"}})),
        "`Host` is a header that the request itself decides; `a b` is no name of a header; the header `X-Api-Key` \
         belongs to the provider; the header `X-Version` belongs to the provider"
    );
    assert_eq!(told(json!({"url": "/a", "extract": {"pointer": "x"}})), "`x` is no JSON pointer");
    assert_eq!(told(json!({"url": "/a", "extract": {"decode": "hex"}})), "there is no way to decode `hex`");
    let mut broken = Bench::new();
    broken.named.insert("http".into(), "art".into());
    assert!(broken.told(&Http, &json!({"url": "/a"}), &[]).is_empty());
    let alone = Bench::new();
    let told = |url: &str| alone.told(&Http, &json!({ "url": url }), &[]).join("; ");
    assert_eq!(told("https://api.example.com/feed.json"), "");
    assert_eq!(told("/a"), "`url` is a path, and the stage has no provider");
    assert_eq!(told("http://127.0.0.1:80/a"), "`url` names a server on this machine, which is another one elsewhere");
    assert!(told("http://example.com/a").contains("another one is called by `https`"));
}

#[test]
fn base64_is_read_as_services_write_it() {
    for text in ["aGVsbG8=", "aGVsbG8", " aGVs\nbG8= ", "data:image/png;base64,aGVsbG8="] {
        assert_eq!(decoded(text.as_bytes()).unwrap(), b"hello", "{text}");
    }
    assert_eq!(decoded(b"-_-_").unwrap(), [0xfb, 0xff, 0xbf]);
    assert_eq!(decoded(b"hello!"), None);
}

/// A bench whose provider `art` plays these answers.
fn scripted(answers: &str) -> (tempfile::TempDir, Bench) {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("answers.yaml"), answers).unwrap();
    let answers = Selector::File(RepoPath::parse("answers.yaml").unwrap());
    let declared = Scripted { answers, model: None, price: None };
    let shelf = Shelf { disk: Arc::new(RealDisk), root: dir.path().to_owned() };
    let mut bench = Bench::new();
    let script = Arc::new(Script::new("art", &declared, shelf));
    bench.providers.couriers.insert("art".into(), Courier::script(script));
    bench.named.insert("http".into(), "art".into());
    (dir, bench)
}

#[test]
fn a_script_answers_as_a_service_does() {
    let (_dir, bench) = scripted(
        "- { match: { url: /images, body: '\"size\":2' }, body: { image: aGVsbG8= } }\n\
         - { match: { url: 'https://api.example.com/feed' }, body: fed }\n\
         - { match: { url: /odd }, status: 422, body: { error: no such size } }\n\
         - { match: { url: /busy }, status: 503, headers: { Retry-After: 300 } }\n\
         - { match: { url: /zip }, headers: { Content-Encoding: gzip }, body: x }\n\
         - { match: { url: /down }, fault: { cause: server, message: out of order } }\n",
    );
    let extract = json!({"pointer": "/image", "decode": "base64"});
    let settings = json!({"url": "/images", "json": {"size": 2}, "extract": extract});
    assert_eq!(made(&bench, settings).unwrap(), b"hello");
    // It plays whoever is called: also an address that no provider has.
    assert_eq!(made(&bench, json!({"url": "https://api.example.com/feed"})).unwrap(), b"fed");
    let told = |url: &str| made(&bench, json!({ "url": url })).unwrap_err();
    assert_eq!(told("/odd").message, "the provider `art` answered 422: no such size");
    assert!(bench.log.lock().unwrap().contains("{\"error\":\"no such size\"}"));
    assert!(told("/busy").hint.unwrap().starts_with("It asks to wait longer than two minutes"));
    assert_eq!(told("/zip").cause, Cause::Validation);
    assert_eq!(told("/down").message, "out of order");
    let nobody = told("/else");
    assert!(nobody.message.starts_with("`answers.yaml` has no answer for GET /else: request "), "{nobody}");
}
