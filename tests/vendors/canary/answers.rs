//! What vendors answer, and how they fail, with our keys in all that they say.

use super::keys::{ANTHROPIC, ELEVENLABS, HEADER, OPENAI, forms, is_clean};
use super::{ASKING, EXTRA, LISTS, ONCE, run, space};
use crate::fake::fault::{self, Behaviour};
use crate::fake::{VOICE, Vendor};
use crate::space::Space;

/// One behaviour, by what it is, for a call with this key.
type Named = (&'static str, Behaviour);

/// Every way in which a vendor sends a key back.
fn echoes(key: &str) -> Vec<Named> {
    let all_forms: String =
        [key, HEADER].iter().flat_map(|secret| forms(secret)).map(|form| format!("<{}> ", form.text)).collect();
    let long = format!("{}{key}", "x".repeat(300 - key.len() / 2));
    let to_key = format!("https://h.example/?key={}", forms(key)[4].text);
    let problem = |text: &str| fault::says(text).header("x-request-id", key).header("request-id", HEADER);
    vec![
        ("the key in an error", fault::echoes_key_in_error()),
        ("the key in a failure", fault::echoes_key_with(500)),
        ("the key in a bad request", fault::echoes_key_with(400)),
        ("the key in an answer", fault::echoes_key_in_answer()),
        ("all forms in an answer", problem(&all_forms)),
        ("a key at the end", problem(&long)),
        ("the key as a type", fault::ok().header("content-type", key)),
        ("the key as an encoding", fault::ok().header("content-encoding", key)),
        ("the key as a time to wait", fault::rate_limited().retry_after(key).header("x-should-retry", key)),
        ("a redirect to the key", fault::status(302).header("location", to_key)),
        ("a cut, with a key above it", fault::cut().header("x-request-id", key).header("request-id", key)),
        ("a refusal, with a key above it", fault::refusal().header("x-request-id", key).header("request-id", key)),
    ]
}

/// Every way in which a vendor has let us down.
fn faults(other: &Vendor) -> Vec<Named> {
    vec![
        ("plain success", fault::ok()),
        ("a redirect", fault::redirect(307, other)),
        ("400", fault::status(400)),
        ("401", fault::status(401)),
        ("429", fault::rate_limited()),
        ("no quota", fault::out_of_quota()),
        ("500", fault::status(500)),
        ("a cut", fault::cut()),
        ("a cut in chunks", fault::cut_chunked()),
        ("a cut in the head", fault::cut_in_head()),
        ("a reset", fault::reset()),
        ("no HTTP", fault::not_http()),
        ("no JSON", fault::bad_json()),
        ("other types", fault::wrong_types()),
        ("a page", fault::html()),
        ("nothing", fault::empty_body()),
        ("no UTF-8", fault::invalid_utf8()),
        ("packed", fault::gzip_bomb()),
        ("many headers", fault::many_headers(300)),
        ("the end of its length", fault::length()),
        ("a refusal", fault::refusal()),
        ("no content", fault::null_content()),
        ("an error with 200", fault::error_with_200()),
    ]
}

/// Builds a story in which every vendor behaves so, with all that can be told of it.
fn build_under(vendor: &Vendor, what: &str, behaviour: impl Fn(&str) -> Behaviour) -> Space {
    vendor.script(ASKING.map(|(_, path, key)| behaviour(key).on(path)));
    let space = space(vendor);
    let events = space.note("events.jsonl").display().to_string();
    let built = run(&space, &["build", "-k", "-vv", "--events", &events], &[("STORYGEN_LOG", "trace")]);
    assert_eq!(vendor.script_left(), 0, "{what}\n{}", built.err);
    is_clean(&space, &built, what);
    space
}

#[test]
fn no_echo_of_any_vendor_leaves_a_key_behind() {
    let vendor = Vendor::start();
    for at in 0..echoes(OPENAI).len() {
        let (what, _) = echoes(OPENAI)[at];
        let space = build_under(&vendor, what, |key| echoes(key)[at].1.clone());
        if what == "the key in an error" {
            for (stage, ..) in ASKING {
                run(&space, &["log", stage], &[]).says("***");
            }
        }
        if what == "the key in an answer" {
            for file in ["tale.md", "essay.md", "verse.md", "told.wav", "said.wav", "echo.json"] {
                let is_hidden = !space.has(file) || space.read(file).contains("***");
                assert!(is_hidden, "{file} holds no key that was hidden, so this test shows nothing");
            }
        }
    }
    for (stage, path, key) in ASKING {
        let holds = |call: &&crate::fake::Call| call.headers.iter().any(|(_, value)| value.ends_with(key));
        let calls: Vec<_> = vendor.calls().into_iter().filter(|call| call.path.contains(path)).collect();
        assert!(calls.len() >= 12 && calls.iter().all(|call| holds(&call)), "`{stage}` sent its key");
        assert!(calls.iter().all(|call| call.header("x-more") == Some(&format!("Token {HEADER} v2"))), "{stage}");
    }
}

#[test]
fn no_fault_of_any_vendor_leaves_a_key_behind() {
    let (vendor, other) = (Vendor::start(), Vendor::start());
    for (what, behaviour) in faults(&other) {
        build_under(&vendor, what, |_| behaviour.clone());
    }
    assert_eq!(other.connections(), 0);
}

#[test]
fn who_stands_in_for_another_keeps_both_keys() {
    let vendor = Vendor::start();
    let providers = vendor.openai("writer").with("fallback: critic").and(vendor.anthropic("critic").with(EXTRA));
    let voice = format!("voice: {VOICE}");
    let voices = vendor.elevenlabs("narrator").with(&voice).with("fallback: speaker");
    let providers = providers.and(voices).and(vendor.openai_of("speaker", "tts-1").with("voice: alloy"));
    for (what, last) in [("answers", fault::echoes_key_in_answer()), ("fails", fault::echoes_key_with(503))] {
        let space = Space::new().file("script.md", "The bus was late.\n");
        space.story(&format!(
            "
            {providers}
            stages:
              tale: {{ uses: prompt, provider: writer, {ONCE}, outputs: tale.md, with: {{ prompt: Tell me. }} }}
              told:
                uses: voice
                provider: narrator
                retry: {{ max: 0 }}
                continue_on_error: true
                inputs: script.md
                outputs: {{ audio: told.wav, words: told.json }}
                with: {{ fallback: true }}
            "
        ));
        for path in ["/chat/completions", "/text-to-speech"] {
            vendor.script([fault::echoes_key_with(503).on(path)]);
        }
        for path in ["/anthropic", "/audio/speech"] {
            vendor.script([last.clone().on(path)]);
        }
        let built = run(&space, &["build", "-k", "-vv"], &[("STORYGEN_LOG", "trace")]);
        assert_eq!(vendor.script_left(), 0, "{what}\n{}", built.err);
        is_clean(&space, &built.says("***"), what);
    }
    let keys = [OPENAI, ANTHROPIC, ELEVENLABS]
        .map(|key| vendor.calls().iter().any(|call| call.headers.iter().any(|(_, value)| value.ends_with(key))));
    assert_eq!(keys, [true; 3]);
}

#[test]
fn a_checkup_shows_no_key() {
    let vendor = Vendor::start();
    let space = space(&vendor);
    let facts = |key: &str| {
        let words = ["the key in an error", "the key in a failure", "the key in an answer", "a redirect to the key"];
        let mut facts: Vec<Named> = echoes(key)
            .into_iter()
            .filter(|(what, _)| words.contains(what) || what.starts_with("the key as"))
            .collect();
        facts.extend([("a page", fault::html()), ("no JSON", fault::bad_json()), ("nothing", fault::empty_body())]);
        facts
    };
    for at in 0..facts(OPENAI).len() {
        let what = facts(OPENAI)[at].0;
        for args in [&["providers", "check"][..], &["providers", "check", "--json"]] {
            // The second list of a voice is only asked for if the first was good.
            vendor.script(
                LISTS
                    .iter()
                    .flat_map(|(path, key)| [facts(key)[at].1.clone().on(path), facts(key)[at].1.clone().on(path)]),
            );
            let checked = run(&space, args, &[("STORYGEN_LOG", "trace")]);
            is_clean(&space, &checked, what);
            if what == "the key in an error" {
                checked.says("***");
            }
        }
    }
    assert_eq!(vendor.charges(), 0);
}
