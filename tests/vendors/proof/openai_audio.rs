//! The speech and the ears of OpenAI.

use super::client::{Said, openai};
use crate::fake::{Vendor, fault};
use serde_json::{Value, json};
use std::io::Cursor;

fn speak(vendor: &Vendor, format: &str, text: &str) -> Said {
    let body = json!({ "model": "tts-1", "voice": "nova", "input": text, "response_format": format });
    let said = openai(vendor, "/audio/speech").json(&body).send();
    assert_eq!(said.status, 200, "{}", said.text());
    said
}

type Parts<'a> = Vec<(&'a str, Option<&'a str>, &'a [u8])>;

fn hear(vendor: &Vendor, file: &[u8], status: u16, fields: &[(&str, &str)]) -> Value {
    let mut parts: Parts<'_> = vec![("file", Some("a.wav"), file)];
    parts.extend(fields.iter().map(|(name, value)| (*name, None, value.as_bytes())));
    openai(vendor, "/audio/transcriptions").form(&parts).tells(status)
}

const WORDS: [(&str, &str); 3] =
    [("model", "whisper-1"), ("response_format", "verbose_json"), ("timestamp_granularities[]", "word")];

#[test]
fn speech_is_a_wav_file_as_long_as_its_text() {
    let vendor = Vendor::start();
    let said = speak(&vendor, "wav", "To the sea");
    let reader = hound::WavReader::new(Cursor::new(&said.body)).unwrap();
    assert_eq!((reader.spec().sample_rate, reader.spec().channels, reader.duration()), (24_000, 1, 12_000));
    assert_eq!(said.header("content-type"), Some("audio/wav"));
    let pcm = speak(&vendor, "pcm", "To the sea");
    assert_eq!(pcm.body.len(), 24_000);
    // Another take of the same text is another sound.
    assert_ne!(pcm.body, said.body[44..]);
    assert!(speak(&vendor, "mp3", "To the sea").body.starts_with(&[0xff, 0xfb]));
    assert!(speak(&vendor, "flac", "To").body.starts_with(b"fLaC"));
    assert!(speak(&vendor, "opus", "To").body.starts_with(b"OggS"));
    assert!(speak(&vendor, "aac", "To").body.starts_with(&[0xff, 0xf1]));
    vendor.script([fault::unsized_wav()]);
    assert_eq!(speak(&vendor, "wav", "To the sea").body[40..44], [0xff; 4]);
    assert_eq!(vendor.charges(), 7);
}

#[test]
fn speech_that_the_vendor_does_not_take_is_refused() {
    let vendor = Vendor::start();
    for (fields, param) in [
        (json!({ "input": "x".repeat(4097) }), "input"),
        (json!({ "input": "" }), "input"),
        (json!({ "voice": "rachel" }), "voice"),
        (json!({ "voice": null }), "voice"),
        (json!({ "response_format": "wave" }), "response_format"),
        (json!({ "speed": 5 }), "speed"),
        (json!({ "seed": 5 }), "seed"),
    ] {
        let mut body = json!({ "model": "tts-1", "voice": "nova", "input": "hello" });
        body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        assert_eq!(openai(&vendor, "/audio/speech").json(&body).tells(400)["error"]["param"], param, "{fields}");
    }
    assert_eq!(vendor.charges(), 0);
}

#[test]
fn what_this_server_spoke_it_hears_again_word_by_word() {
    let vendor = Vendor::start();
    let wav = speak(&vendor, "wav", "To the sea").body;
    let heard = hear(&vendor, &wav, 200, &WORDS);
    assert_eq!((&heard["text"], &heard["duration"]), (&json!("To the sea"), &json!(0.5)));
    assert_eq!(
        heard["words"],
        json!([
            { "word": "To", "start": 0.0, "end": 0.1 },
            { "word": "the", "start": 0.15, "end": 0.3 },
            { "word": "sea", "start": 0.35, "end": 0.5 },
        ])
    );
    assert_eq!(heard["usage"], json!({ "type": "duration", "seconds": 1 }));
    vendor.script([fault::says("Two seas"), fault::frozen_timings(), fault::no_timings()]);
    assert_eq!(hear(&vendor, &wav, 200, &WORDS)["words"][1]["word"], "seas");
    assert_eq!(hear(&vendor, &wav, 200, &WORDS)["words"][2], json!({ "word": "sea", "start": 0.25, "end": 0.25 }));
    assert!(hear(&vendor, &wav, 200, &WORDS).get("words").is_none());
    assert_eq!(hear(&vendor, &wav, 200, &[("model", "gpt-4o-transcribe")])["text"], "To the sea");
}

#[test]
fn a_transcription_has_the_formats_of_its_model() {
    let vendor = Vendor::start();
    let wav = speak(&vendor, "wav", "To the sea").body;
    let fails = |fields: &[(&str, &str)], param: &str| {
        assert_eq!(hear(&vendor, &wav, 400, fields)["error"]["param"], param, "{fields:?}");
    };
    fails(&[("model", "gpt-4o-transcribe"), ("response_format", "verbose_json")], "response_format");
    fails(&[("model", "whisper-1"), ("timestamp_granularities[]", "word")], "timestamp_granularities");
    fails(&[WORDS[0], WORDS[1], ("timestamp_granularities[]", "letter")], "timestamp_granularities");
    fails(&[("model", "whisper-1"), ("tempo", "1")], "tempo");
    fails(&[], "model");
    let parts: Parts<'_> = vec![("model", None, b"whisper-1")];
    assert_eq!(openai(&vendor, "/audio/transcriptions").form(&parts).tells(400)["error"]["param"], "file");
    openai(&vendor, "/audio/transcriptions").json(&json!({})).tells(400);
    for format in ["text", "srt", "vtt"] {
        let fields: Parts<'_> = vec![
            ("file", Some("a.wav"), &wav),
            ("model", None, b"whisper-1"),
            ("response_format", None, format.as_bytes()),
        ];
        assert!(openai(&vendor, "/audio/transcriptions").form(&fields).send().text().contains("To the sea\n"));
    }
    assert_eq!(vendor.charges(), 4);
}

#[test]
fn the_same_form_is_the_same_body_whatever_its_boundary() {
    let vendor = Vendor::start();
    hear(&vendor, b"RIFF", 200, &WORDS);
    hear(&vendor, b"RIFF", 200, &WORDS);
    hear(&vendor, b"RIFX", 200, &WORDS);
    assert_eq!(vendor.charges_by_body().into_values().collect::<Vec<_>>().iter().sum::<usize>(), 3);
    assert_eq!(vendor.charges_by_body().len(), 2);
    assert_eq!(vendor.calls()[0].body[0]["size"], 4);
}
