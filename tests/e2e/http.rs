//! The kind `http` against a server on this machine: asked once, told clearly, no secret anywhere.

use crate::space::Space;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// A server that answers every call by its path, and what it was asked. It lives as long as the test's process.
struct Server {
    port: u16,
    calls: Arc<AtomicUsize>,
    last: Arc<Mutex<String>>,
}

fn server() -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (calls, last) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(String::new())));
    let (counted, asked) = (calls.clone(), last.clone());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let (mut text, mut buffer) = (String::new(), [0; 4096]);
            while !is_whole(&text) {
                let count = stream.read(&mut buffer).unwrap();
                if count == 0 {
                    break;
                }
                text.push_str(&String::from_utf8_lossy(&buffer[..count]));
            }
            counted.fetch_add(1, Ordering::SeqCst);
            let (status, body) = match text.split_whitespace().nth(1).unwrap_or_default() {
                "/v1/image" => ("200 OK", r#"{"data": [{"b64": "aGVsbG8K"}]}"#.to_owned()),
                "/v1/echo" => ("200 OK", format!("{text}\n")),
                "/v1/post" => ("204 No Content", String::new()),
                _ => ("404 Not Found", format!("no such thing\nfor {text}")),
            };
            *asked.lock().unwrap() = text;
            let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
            stream.write_all((head + &body).as_bytes()).unwrap();
        }
    });
    Server { port, calls, last }
}

fn is_whole(request: &str) -> bool {
    let Some((head, body)) = request.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
    body.len() >= length.unwrap_or(0)
}

const SECRET: &str = "sk-0123456789abcdef";

fn space(server: &Server, stage: &str) -> Space {
    Space::new().story(&format!(
        "
        providers:
          art: {{ type: http, base_url: \"http://127.0.0.1:{}/v1\", api_key: \"${{ART_KEY}}\", max_concurrency: 2 }}
        stages:
          a: {stage}
        ",
        server.port
    ))
}

fn build(space: &Space, args: &[&str]) -> crate::space::Run {
    let mut command = space.command(&["build", "--events"]);
    command.arg(space.note("events.jsonl")).args(args).env("ART_KEY", SECRET);
    space.finish(command)
}

/// Asserts that the secret stands in no file that storygen wrote.
fn keeps_the_secret(space: &Space) {
    for name in space.state_files() {
        let bytes = std::fs::read(space.path(".storygen").join(&name)).unwrap();
        assert!(!bytes.windows(SECRET.len()).any(|window| window == SECRET.as_bytes()), "{name}");
    }
    assert!(space.tree().values().all(|text| !text.contains(SECRET)));
}

const IMAGE: &str = "{ uses: http, provider: art, inputs: prompt.txt, outputs: art/cover.png, with: { url: /image, json: { prompt: \"${inputs[0]}\" }, extract: { pointer: /data/0/b64, decode: base64 } } }";

#[test]
fn a_part_of_an_answer_becomes_a_file_and_nobody_is_asked_twice() {
    let server = server();
    let space = space(&server, IMAGE).file("prompt.txt", "A bus,\nat \"night\"");
    build(&space, &[]).ran(["a"]).holds("art/cover.png", "hello\n").says("loopback");
    let asked = server.last.lock().unwrap().clone();
    assert!(asked.starts_with("POST /v1/image ") && asked.contains(&format!("Bearer {SECRET}")), "{asked}");
    assert!(asked.ends_with(r#"{"prompt":"A bus,\nat \"night\""}"#), "{asked}");
    build(&space, &[]).is_up_to_date();
    // Another prompt is another call; the first one again is remembered, also where all results are lost.
    space.file("prompt.txt", "A train");
    build(&space, &[]).ran(["a"]);
    space.file("prompt.txt", "A bus,\nat \"night\"");
    build(&space, &[]).exit(0);
    space.remove("Storyfile.lock").remove("art");
    build(&space, &[]).exit(0);
    assert_eq!(server.calls.load(Ordering::SeqCst), 2);
    build(&space, &["--force", "a"]).ran(["a"]);
    assert_eq!(server.calls.load(Ordering::SeqCst), 3);
    keeps_the_secret(&space);
}

#[test]
fn another_port_of_this_machine_is_the_same_service() {
    let (one, two) = (server(), server());
    let space = space(&one, IMAGE).file("prompt.txt", "A bus");
    build(&space, &[]).ran(["a"]);
    let story = space.read("Storyfile.yaml").replace(&one.port.to_string(), &two.port.to_string());
    build(&space.file("Storyfile.yaml", &story), &[]).ran_nothing();
    assert_eq!(two.calls.load(Ordering::SeqCst), 0);
}

#[test]
fn a_refusal_is_told_and_its_answer_is_in_the_log_without_the_secret() {
    let server = server();
    let space = space(&server, "{ uses: http, provider: art, outputs: a.txt, with: { url: /nothing } }");
    let run = build(&space, &[]).exit(1).ended_as("a", "failed");
    run.says("the provider `art` answered 404: no such thing").says_not(SECRET);
    space
        .run(&["log", "a"])
        .exit(0)
        .says("for GET /v1/nothing HTTP/1.1")
        .says("authorization: Bearer ***")
        .says_not(SECRET);
    assert!(!space.has("a.txt"));
    keeps_the_secret(&space);
}

#[test]
fn a_server_that_echoes_a_secret_brings_it_nowhere() {
    let server = server();
    let space = space(&server, "{ uses: http, provider: art, outputs: a.txt, with: { url: /echo } }");
    build(&space, &[]).ran(["a"]).says_not(SECRET);
    assert!(space.read("a.txt").contains("Bearer ***"));
    keeps_the_secret(&space);
}

#[test]
fn a_call_for_its_effect_is_remembered_by_its_verdict() {
    let server = server();
    let space = space(
        &server,
        "{ uses: http, provider: art, inputs: x.txt, with: { method: PUT, url: /post, json: \"${inputs[0]}\" } }",
    );
    build(&space.file("x.txt", "1"), &[]).ran(["a"]);
    build(&space, &[]).is_up_to_date();
    build(&space.file("x.txt", "2"), &[]).ran(["a"]);
    assert_eq!(server.calls.load(Ordering::SeqCst), 2);
}

#[test]
fn a_missing_variable_fails_the_stage_and_only_when_it_is_needed() {
    let server = server();
    let space = space(&server, IMAGE).file("prompt.txt", "A bus");
    space.run(&["validate"]).exit(0);
    space.build().exit(1).says("the provider `art` needs the variable `ART_KEY` (api_key)").says("export ART_KEY=");
    build(&space, &[]).ran(["a"]);
    space.build().ran_nothing();
}

#[test]
fn settings_of_a_call_are_checked_before_anything_runs() {
    let server = server();
    let space = space(
        &server,
        "{ uses: http, provider: art, outputs: a.txt, with: { url: \"http://127.0.0.1/x\", headers: { Cookie: x }, extract: { pionter: /a } } }",
    );
    let run = space.run(&["validate"]).exit(2);
    run.says("`url` is a whole address, and the provider has one").says("the header `Cookie` belongs to the provider");
    run.says("there is no setting `extract.pionter`").says("Did you mean `extract.pointer`?");
}
