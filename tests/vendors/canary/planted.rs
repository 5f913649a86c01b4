//! The search finds what it looks for: a leak that is put there, in each form and in each place.

use super::keys::{ANTHROPIC, ELEVENLABS, Form, GEMINI, HEADER, OPENAI, VARIABLES, forms, found_in, leaks, told};
use crate::space::Space;
use base64::Engine;
use base64::prelude::BASE64_STANDARD_NO_PAD;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Output};

/// Where a build leaves something.
const PLACES: [&str; 7] = [
    "repo/deep/down.txt",
    "repo/Storyfile.lock",
    "repo/.storygen/paid/reply",
    "repo/.storygen/runs/run.jsonl",
    "repo/answers/.env",
    "home/config/storygen/trust.jsonl",
    "notes/events.jsonl",
];

/// Whether a leak is told as this form; what has no sign that two sorts of base64 write otherwise is both.
fn is_told(leaks: &[String], form: &Form) -> bool {
    let line = |leak: &String| leak.lines().next().unwrap().to_owned();
    let names = [format!("as {}", form.name), format!("as {}", form.name.trim_end_matches("url"))];
    leaks.iter().map(line).any(|line| names.iter().any(|name| line.ends_with(name)))
}

#[test]
fn a_planted_leak_is_found_in_every_form_and_place() {
    let space = Space::new();
    let base = space.root().parent().unwrap().to_owned();
    let mut planted: Vec<&str> = Vec::new();
    for form in forms(OPENAI) {
        let text = format!("before\u{1}\0 {} after", form.text);
        for place in PLACES {
            let file = base.join(place);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, &text).unwrap();
            let found = leaks(&space);
            assert!(is_told(&found, &form) && found[0].starts_with(file.to_str().unwrap()), "{place}: {found:?}");
            fs::remove_file(file).unwrap();
        }
        for (stdout, stderr) in [(text.clone(), String::new()), (String::new(), text)] {
            let (stdout, stderr) = (stdout.into_bytes(), stderr.into_bytes());
            let run = space.ended(&Output { status: ExitStatus::from_raw(0), stdout, stderr });
            assert!(is_told(&told(&run), &form), "{}", form.name);
        }
        planted.push(form.name);
    }
    planted.sort_unstable();
    planted.dedup();
    assert_eq!(planted, ["JSON", "URL", "base64", "base64url", "exact", "hex", "page"]);
}

#[test]
fn every_key_is_found_in_every_form() {
    for (name, secret) in VARIABLES {
        for form in forms(secret) {
            assert!(!found_in(form.text.as_bytes()).is_empty(), "{name} as {}: {}", form.name, form.text);
        }
    }
    for before in ["", "u:", "user:"] {
        let basic = BASE64_STANDARD_NO_PAD.encode(format!("{before}{OPENAI}:more"));
        assert!(found_in(basic.as_bytes()).contains(&"base64"), "{basic}");
    }
    let mut core = vec![0; 1 << 20];
    core.extend_from_slice(ANTHROPIC.as_bytes());
    core.extend_from_slice(ELEVENLABS.as_bytes());
    assert_eq!(found_in(&core), ["exact", "exact"]);
}

#[test]
fn what_is_no_key_is_not_found() {
    assert!(found_in(b"sk-CANARY-").is_empty() && leaks(&Space::new().file("a.txt", "no key")).is_empty());
    // The file from which a key is read may hold it.
    assert!(leaks(&Space::new().file(".env", OPENAI)).is_empty());
    assert_eq!(leaks(&Space::new().file("CANARY.txt", HEADER)).len(), 1);
    // Also in a name.
    assert_eq!(leaks(&Space::new().file(GEMINI, "")).len(), 1);
}
