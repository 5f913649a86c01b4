//! Transcriptions end to end: a recording that the server spoke itself is heard by it, and matched with its text.

use crate::fake::{KEYS, Vendor, fault, table};
use crate::proof::client::openai;
use crate::space::{Run, Space};
use serde_json::{Value, json};
use std::fs;

const SCRIPT: &str = "The bus was late. “Do you remember me?” she said.\n\nI did, Mara.\n";
/// The same as one line, as it is spoken.
const SPOKEN: &str = "The bus was late. “Do you remember me?” she said. I did, Mara.";

/// A repo with a recording that the server spoke, its text, and a stage that has it heard.
fn space(vendor: &Vendor, stage: &str) -> Space {
    let body = json!({ "model": "tts-1", "voice": "nova", "input": SPOKEN, "response_format": "wav" });
    let said = openai(vendor, "/audio/speech").json(&body).send();
    let space = Space::new().file("script.md", SCRIPT);
    fs::write(space.path("voice.wav"), said.body).unwrap();
    let providers = vendor.openai("ears").to_string().replace("gpt-4o-mini", "whisper-1");
    space.story(&format!(
        "
        {providers}
        stages:
          words:
            uses: align
            {stage}
            retry: {{ max: 2, delay: 1ms, max_delay: 5ms }}
            inputs: {{ audio: voice.wav, text: script.md }}
            outputs: words.json
        "
    ))
}

fn build(space: &Space) -> Run {
    let mut command = space.command(&["build"]);
    command.envs(KEYS);
    space.finish(command)
}

fn file(space: &Space) -> Value {
    serde_json::from_str(&space.read("words.json")).unwrap()
}

/// Words, `~` before those that are estimated.
fn words(space: &Space) -> String {
    let words = file(space)["words"].as_array().unwrap().clone();
    let tell = |word: &Value| {
        let mark = if word["estimated"] == true { "~" } else { "" };
        format!("{mark}{}", word["text"].as_str().unwrap())
    };
    words.iter().map(tell).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_recording_is_heard_once_and_its_words_have_the_times_of_their_sound() {
    let vendor = Vendor::start();
    let space = space(&vendor, "provider: ears");
    build(&space).exit(0).says("matched with what was heard by whisper-1");
    assert_eq!((words(&space), file(&space)["source"].clone()), (SPOKEN.to_owned(), json!("aligned")));
    // Each character is heard for 50 ms.
    let words = file(&space)["words"].as_array().unwrap().clone();
    let starts: Vec<f64> = words.iter().map(|word| word["start"].as_f64().unwrap()).collect();
    let expected = SPOKEN.match_indices(' ').map(|(at, _)| SPOKEN[..=at].chars().count() as f64 * 0.05);
    for (found, expected) in starts.iter().zip(std::iter::once(0.0).chain(expected)) {
        assert!((found - expected).abs() < 0.002, "{found} is not {expected}");
    }
    assert_eq!(words[9]["break_after"], "paragraph");
    let call = vendor.calls()[1].clone();
    assert_eq!(call.path, "/openai/v1/audio/transcriptions");
    let parts: Vec<&str> = call.body.as_array().unwrap().iter().map(|part| part["name"].as_str().unwrap()).collect();
    assert_eq!(parts, ["model", "language", "response_format", "timestamp_granularities[]", "file"]);
    assert_eq!(vendor.charges(), 2);
    build(&space).exit(0);
    fs::remove_file(space.path("words.json")).unwrap();
    build(&space).exit(0);
    // Another text of the same recording is matched with what was heard of it.
    build(&space.file("script.md", &SCRIPT.replace("Mara", "Maria"))).exit(0);
    assert_eq!(vendor.charges(), 2);
}

#[test]
fn what_is_not_recognised_is_estimated_and_told() {
    let vendor = Vendor::start();
    let space = space(&vendor, "provider: { transcription: ears }\n            with: { method: transcribe }");
    vendor.script([fault::says("the bus was early do you remember she said i did mahra")]);
    build(&space).exit(0).says("2 of 13 words are estimated: they were not recognised");
    assert_eq!(words(&space), SPOKEN.replace("late.", "~late.").replace("me?”", "~me?”"));
}

#[test]
fn a_service_that_tells_no_times_leaves_estimated_ones() {
    let vendor = Vendor::start();
    let space = space(&vendor, "provider: ears");
    vendor.script([fault::no_timings()]);
    build(&space).exit(0).says("nothing of `script.md` was recognised in `voice.wav`");
    assert_eq!(file(&space)["source"], "estimated");
    assert_eq!((words(&space).matches('~').count(), vendor.charges()), (13, 2));
}

#[test]
fn what_cannot_be_heard_is_told_before_any_call() {
    let vendor = Vendor::start();
    let space = space(&vendor, "provider: ears");
    let story = space.read("Storyfile.yaml");
    let paid = vendor.charges();
    for (from, to, said) in [
        ("whisper-1", "gpt-4o-transcribe", "`gpt-4o-transcribe` does not tell when a word is said"),
        ("provider: ears", "with: { method: transcribe }", "asks a provider, and the stage names none"),
        ("provider: ears", "provider: ears, with: { method: dtw }", "this method asks nobody"),
        ("provider: ears", "provider: { transcribe: ears }", "`transcribe`"),
    ] {
        let to = to.replace(", with", "\n    with");
        build(&space.file("Storyfile.yaml", &story.replace(from, &to))).exit(2).says(said);
    }
    let large = space.file("Storyfile.yaml", &story);
    let mut wav = fs::read(large.path("voice.wav")).unwrap();
    wav.resize(26 << 20, 7);
    let length = (wav.len() as u32 - 44).to_le_bytes();
    wav[40..44].copy_from_slice(&length);
    fs::write(large.path("voice.wav"), wav).unwrap();
    build(&large).exit(1).says("up to 25 are heard at a time").says("ffmpeg");
    assert_eq!(vendor.charges(), paid);
}

#[test]
fn no_fault_of_a_transcription_costs_more_than_one_call_that_may_have_been_charged() {
    let mut seen = 0;
    for (name, behaviour) in table::all() {
        if name == "retry-after 2" {
            continue;
        }
        let vendor = Vendor::start();
        let space = space(&vendor, "provider: ears");
        vendor.script([behaviour.clone()]);
        let run = build(&space);
        let charges = vendor.charges() - 1;
        assert!(charges <= behaviour.costs() + 1, "{name}: {charges}\n{}", run.err);
        for (_, key) in KEYS {
            run.says_not(key);
        }
        if run.code == Some(0) {
            assert_eq!(words(&space).replace('~', ""), SPOKEN, "{name}");
            build(&space).exit(0);
            assert_eq!(vendor.charges() - 1, charges, "{name}: a second build pays nothing");
        } else {
            assert!(!space.has("words.json"), "{name}");
        }
        seen += 1;
    }
    assert!(seen >= 50, "{seen}");
}
