//! The speech of ElevenLabs: its sound can be heard, its timings are where the sound is.

use super::client::{Ask, elevenlabs};
use crate::fake::{VOICE, Vendor, fault};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use std::io::Cursor;

fn with(vendor: &Vendor, path: &str, fields: Value) -> Ask {
    let mut body = json!({ "text": "To the sea", "model_id": "eleven_multilingual_v2" });
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    elevenlabs(vendor, &format!("/v1/text-to-speech/{path}")).json(&body)
}

fn timed(vendor: &Vendor, format: &str) -> Value {
    with(vendor, &format!("{VOICE}/with-timestamps?output_format={format}"), json!({})).tells(200)
}

fn audio(answer: &Value) -> Vec<u8> {
    BASE64_STANDARD.decode(answer["audio_base64"].as_str().unwrap()).unwrap()
}

#[test]
fn the_alignment_echoes_the_text_and_fits_the_sound() {
    for (rate, format) in [(16_000, "wav_16000"), (22_050, "wav_22050"), (24_000, "wav_24000"), (44_100, "wav_44100")] {
        let answer = timed(&Vendor::start(), format);
        let mut reader = hound::WavReader::new(Cursor::new(audio(&answer))).unwrap();
        assert_eq!((reader.spec().sample_rate, reader.duration()), (rate, rate / 2));
        let samples: Vec<i16> = reader.samples().map(Result::unwrap).collect();
        let alignment = &answer["alignment"];
        for (place, sign) in "To the sea".chars().enumerate() {
            let time = |name: &str| (alignment[name][place].as_f64().unwrap() * f64::from(rate)).round() as usize;
            let (start, end) = (time("character_start_times_seconds"), time("character_end_times_seconds"));
            assert_eq!(alignment["characters"][place], sign.to_string());
            // Milliseconds and samples do not meet exactly at every rate.
            let loud = samples[start + 30..end - 30].iter().any(|sample| sample.abs() > 1000);
            assert_eq!(loud, sign != ' ', "{format} {place}");
        }
    }
}

#[test]
fn raw_samples_are_those_of_the_file() {
    let vendor = Vendor::start();
    for (format, bytes) in [("pcm_16000", 16_000), ("pcm_22050", 22_050), ("pcm_24000", 24_000), ("pcm_44100", 44_100)]
    {
        assert_eq!(audio(&timed(&vendor, format)).len(), bytes, "{format}");
    }
    assert_ne!(audio(&timed(&vendor, "pcm_16000")), audio(&timed(&vendor, "pcm_16000")), "no take is like another");
}

#[test]
fn speech_without_timings_is_bytes_with_its_price_above() {
    let vendor = Vendor::start();
    let mp3 = with(&vendor, VOICE, json!({ "model_id": "eleven_flash_v2_5", "unheard_of": 1 })).send();
    assert!(mp3.body.starts_with(&[0xff, 0xfb]));
    assert_eq!((mp3.header("content-type"), mp3.header("character-cost")), (Some("audio/mpeg"), Some("5")));
    assert_eq!(mp3.header("current-concurrent-requests"), Some("1"));
    with(&vendor, &format!("{VOICE}?output_format=opus_48000_64"), json!({})).send();
    with(&vendor, &format!("{VOICE}?output_format=ulaw_8000"), json!({})).send();
    let plan = elevenlabs(&vendor, "/v1/user/subscription").tells(200);
    assert_eq!(plan["character_count"], 25);
    assert_eq!(vendor.charges(), 3);
}

#[test]
fn timings_can_be_missing_or_stand_still() {
    let vendor = Vendor::start();
    vendor.script([fault::no_timings(), fault::frozen_timings(), fault::null_content(), fault::empty_choices()]);
    assert_eq!(timed(&vendor, "pcm_16000")["alignment"], Value::Null);
    let starts = timed(&vendor, "pcm_16000")["alignment"]["character_start_times_seconds"].take();
    assert_eq!(starts, json!([0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.25, 0.25, 0.25, 0.25]));
    assert_eq!(timed(&vendor, "pcm_16000")["audio_base64"], Value::Null);
    assert_eq!(timed(&vendor, "pcm_16000")["audio_base64"], "");
    vendor.script([fault::unsized_wav()]);
    assert_eq!(audio(&timed(&vendor, "wav_16000"))[4..8], [0xff; 4]);
}

#[test]
fn what_the_vendor_refuses_is_refused() {
    let vendor = Vendor::start();
    for (fields, status, code) in [
        (json!({ "text": "x".repeat(10_001) }), 400, "max_character_limit_exceeded"),
        (json!({ "text": "x".repeat(5_001), "model_id": "eleven_v3" }), 400, "max_character_limit_exceeded"),
        (json!({ "text": "" }), 400, "input_text_empty"),
        (json!({ "model_id": "eleven_v3", "previous_text": "x" }), 400, "unsupported_model"),
        (json!({ "model_id": "eleven_v3", "previous_request_ids": ["x"] }), 400, "unsupported_model"),
        (json!({ "model_id": "eleven_v9" }), 400, "model_not_found"),
    ] {
        let answer = with(&vendor, VOICE, fields).tells(status);
        assert_eq!(answer["detail"]["status"], code, "{answer}");
    }
    for (fields, name) in [
        (json!({ "text": null }), "text"),
        (json!({ "text": 5 }), "text"),
        (json!({ "seed": -1 }), "seed"),
        (json!({ "apply_text_normalization": "yes" }), "apply_text_normalization"),
        (json!({ "voice_settings": { "stability": 2 } }), "stability"),
        (json!({ "previous_request_ids": ["1", "2", "3", "4"] }), "previous_request_ids"),
    ] {
        assert_eq!(with(&vendor, VOICE, fields).tells(422)["detail"][0]["loc"][1], name);
    }
    assert_eq!(with(&vendor, "narrator", json!({})).tells(404)["detail"]["status"], "voice_not_found");
    let format = with(&vendor, &format!("{VOICE}?output_format=wav_1"), json!({})).tells(400);
    assert_eq!(format["detail"]["status"], "invalid_output_format");
    let keyless = with(&vendor, VOICE, json!({})).without("xi-api-key").tells(401);
    assert_eq!(keyless["detail"]["status"], "invalid_api_key");
    elevenlabs(&vendor, &format!("/v1/text-to-speech/{VOICE}")).raw("application/json", b"{").tells(422);
    assert_eq!(vendor.charges(), 0);
}

#[test]
fn models_and_voices_are_told() {
    let vendor = Vendor::start();
    let models = elevenlabs(&vendor, "/v1/models").tells(200);
    let v3 = models.as_array().unwrap().iter().find(|model| model["model_id"] == "eleven_v3").unwrap();
    assert_eq!(v3["maximum_text_length_per_request"], 5000);
    let first = elevenlabs(&vendor, "/v2/voices").tells(200);
    let token = first["next_page_token"].as_str().unwrap();
    let second = elevenlabs(&vendor, &format!("/v2/voices?next_page_token={token}")).tells(200);
    assert_eq!((&first["has_more"], &second["has_more"]), (&json!(true), &json!(false)));
    assert_ne!(first["voices"][0]["voice_id"], second["voices"][0]["voice_id"]);
}
