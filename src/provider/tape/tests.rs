//! Tests of recording: what is written is read as what was heard.

use super::*;
use crate::base::money::Usage;
use crate::media::recognise::HeardWord;
use crate::provider::chat::{ChatWarning, Finish};
use crate::provider::speech::{SpeechWarning, SpokenWord};
use crate::storyfile::answers::{Body, Ended, Says, Word, read};
use serde_json::Map;

fn request(prompt: &str) -> ChatRequest {
    ChatRequest {
        system: None,
        prompt: prompt.into(),
        temperature: None,
        max_tokens: 64,
        seed: None,
        stop: Vec::new(),
        schema: None,
        edit: None,
        extra: Map::new(),
    }
}

fn reply(text: &str) -> ChatReply {
    ChatReply {
        text: text.into(),
        finish: Finish::Stop,
        written_by: "model-1".into(),
        usage: Usage { output_tokens: Some(7), ..Usage::default() },
        warnings: vec![ChatWarning { at: Some((0, 2)), message: "odd".into() }],
    }
}

fn text_of(files: &BTreeMap<String, Vec<u8>>, name: &str) -> String {
    String::from_utf8(files[name].clone()).unwrap()
}

#[test]
fn what_is_written_is_read_as_what_was_heard() {
    let tape = Tape::default();
    let odd = "ends\u{85}here \u{2028}\u{feff}\u{7f}\u{0} \"\\ 😀\ttab\r\n # no remark: ${x} *a &b";
    tape.chat(&request(odd), Variant::of(1), "poem:en", &Ok(reply(odd))).unwrap();
    let failure = Failure::new(Cause::Refusal, "no").hint("Ask otherwise.");
    tape.chat(&request("b"), Variant::of(3), "poem:es", &Err(failure)).unwrap();
    tape.chat(&request("c"), Variant::of(1), "poem:es", &Err(Failure::new(Cause::Server, "down"))).unwrap();
    let files = tape.files().unwrap();
    let (entries, faults) = read("poem.jsonl", &text_of(&files, "poem.jsonl"));
    assert_eq!((faults, entries.len()), (Vec::new(), 2));
    assert_eq!(entries[0].says, Says::Texts { replies: vec![odd.into()], finish: Ended::Stop });
    assert_eq!((entries[0].asked.as_deref(), entries[0].by.as_deref()), (Some(odd), Some("model-1")));
    assert_eq!((entries[0].usage.output_tokens, entries[0].warnings[0].at), (Some(7), Some((0, 2))));
    let request = entries[0].asks.request.clone();
    assert_eq!(request, Some(chat_content(&self::request(odd)).unwrap().to_string()));
    let (message, hint) = (Some("no".to_owned()), Some("Ask otherwise.".to_owned()));
    assert_eq!(entries[1].says, Says::Fault { cause: "refusal".into(), message, hint });
}

#[test]
fn the_order_of_hearing_is_not_in_the_files() {
    let asks = [("b", "x", "one"), ("a:2", "y", "two"), ("a:1", "z", "three")];
    let files = |order: [usize; 3]| {
        let tape = Tape::default();
        for (action, prompt, text) in order.map(|place| asks[place]) {
            tape.chat(&request(prompt), Variant::of(1), action, &Ok(reply(text))).unwrap();
        }
        tape.files().unwrap()
    };
    assert_eq!(files([0, 1, 2]), files([2, 0, 1]));
    assert_eq!(files([0, 1, 2]).keys().collect::<Vec<_>>(), ["a.jsonl", "b.jsonl"]);
}

#[test]
fn samples_and_repairs_are_told_apart_and_equal_answers_stand_once() {
    let tape = Tape::default();
    for (sample, text) in [(0, "one"), (1, "two")] {
        let variant = Variant { sample, ..Variant::of(1) };
        tape.chat(&request("x"), variant, "a", &Ok(reply(text))).unwrap();
        tape.chat(&request("x"), variant, "b", &Ok(reply(text))).unwrap();
    }
    let files = tape.files().unwrap();
    assert_eq!(files.len(), 1);
    let (entries, _) = read("a.jsonl", &text_of(&files, "a.jsonl"));
    let rules: Vec<_> = entries.iter().map(|entry| (entry.asks.sample, entry.asks.repair, &entry.asks.stage)).collect();
    assert_eq!(rules, [(Some(1), Some(0), &None), (Some(2), Some(0), &None)]);
}

#[test]
fn takes_of_one_request_are_told_apart_by_who_asked() {
    let tape = Tape::default();
    tape.chat(&request("x"), Variant::of(1), "a", &Ok(reply("one"))).unwrap();
    tape.chat(&request("x"), Variant::of(2), "b", &Ok(reply("two"))).unwrap();
    let files = tape.files().unwrap();
    for (file, action) in [("a.jsonl", "a"), ("b.jsonl", "b")] {
        let (entries, _) = read(file, &text_of(&files, file));
        assert_eq!((entries.len(), entries[0].asks.stage.as_deref()), (1, Some(action)));
    }
}

#[test]
fn a_recording_comes_back_sample_by_sample_and_its_words_to_the_last_digit() {
    let tape = Tape::default();
    let samples: Vec<f32> = (0..1000).map(|at| (at - 500) as f32 * 31.0 / 32768.0).collect();
    let end = 0.1 + 0.2;
    let spoken = SpeechReply {
        samples: samples.clone(),
        sample_rate: 24_000,
        words: vec![SpokenWord { text: "07.".into(), start: 0.0, end, estimated: false }],
        spoken_by: "a voice".into(),
        warnings: vec![SpeechWarning { start: 0, end: 2, message: "odd".into() }],
        characters: Some(3),
    };
    let request = SpeechRequest {
        text: "07.".into(),
        tags: Vec::new(),
        language: "en".into(),
        voice: None,
        speed: 1.0,
        seed: None,
        pronunciation: BTreeMap::new(),
        settings: Map::new(),
        before: None,
        after: None,
    };
    tape.speech(&request, Variant::of(1), "voice", &Ok(spoken), Some(1000)).unwrap();
    let files = tape.files().unwrap();
    let (entries, faults) = read("voice.jsonl", &text_of(&files, "voice.jsonl"));
    assert_eq!((faults, entries[0].chunk_chars), (Vec::new(), Some(1000)));
    let Says::Sound { audio, words: Some(words) } = &entries[0].says else { panic!("{:?}", entries[0].says) };
    assert_eq!((words[0].text.as_str(), words[0].end), ("07.", end));
    assert!(is_recorded(audio, &files[audio]), "{audio}");
    assert_eq!(wav::read(&files[audio]).unwrap().samples, samples);
}

#[test]
fn what_a_service_sent_comes_back_byte_by_byte_beside_its_line_if_it_is_long_or_no_text() {
    let tape = Tape::default();
    let headers = BTreeMap::new();
    let long = "ü".repeat(INLINE_BYTES_MAX);
    let bodies: [&[u8]; 4] = [b"{ \"id\": 7 }\n", b"", b"\x89PNG\0\xff", long.as_bytes()];
    for (number, body) in bodies.iter().enumerate() {
        let url = format!("/{number}");
        let request = CallRequest { method: "POST", url: url.into(), headers: &headers, body: "{}".into() };
        let reply = CallReply { body: body.to_vec(), by: "art.example".into() };
        tape.call(&request, Variant::of(1), "cover", &Ok(reply)).unwrap();
    }
    let files = tape.files().unwrap();
    let (entries, faults) = read("cover.jsonl", &text_of(&files, "cover.jsonl"));
    assert_eq!((faults, entries.len(), files.len()), (Vec::new(), 4, 3));
    for (entry, expected) in entries.iter().zip(bodies) {
        let Says::Call { status: 200, body, .. } = &entry.says else { panic!("{entry:?}") };
        let found = match body {
            Body::Text(text) => text.as_bytes(),
            Body::File(name) => files[name].as_slice(),
        };
        assert_eq!(found, expected);
        assert_eq!(entry.by.as_deref(), Some("art.example"));
    }
    assert_eq!(entries[2].asked.as_deref(), Some("POST /2 {}"));
    assert!(entries[2].names().unwrap().starts_with("bodies/"));
}

#[test]
fn what_was_heard_comes_back_to_the_last_digit() {
    let tape = Tape::default();
    let request = HearingRequest { file: "voice.wav", language: "en".into(), audio: Digest::of(b"sound").to_string() };
    let end = 0.1 + 0.2;
    let words = vec![HeardWord { text: "07".into(), start: 5.179999828338623, end }];
    let reply = HeardReply { text: "07".into(), words, heard_by: "whisper-1".into() };
    tape.hearing(&request, Variant::of(1), "words", &Ok(reply)).unwrap();
    let (entries, faults) = read("words.jsonl", &text_of(&tape.files().unwrap(), "words.jsonl"));
    assert_eq!(faults, []);
    let words = vec![Word { text: "07".into(), start: 5.179999828338623, end }];
    assert_eq!(entries[0].says, Says::Heard { text: "07".into(), words });
    assert_eq!((entries[0].asked.as_deref(), entries[0].by.as_deref()), (Some("voice.wav"), Some("whisper-1")));
}

#[test]
fn only_what_a_recording_wrote_is_known_as_such() {
    let path = path(BODIES, b"picture");
    assert!(may_be_recorded(&path) && is_recorded(&path, b"picture"));
    assert!(!is_recorded(&path, b"another"));
    assert!(is_recorded("a.jsonl", format!("{MARK}\n").as_bytes()) && !is_recorded("a.jsonl", b"{}\n"));
    for name in ["README.md", "bodies/a.png", "pictures/a.bin", "audio/a.mp3", "all.yaml"] {
        assert!(!may_be_recorded(name), "{name}");
    }
}
