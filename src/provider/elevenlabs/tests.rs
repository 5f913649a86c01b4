//! What is sent to ElevenLabs, and what is made of its answers.

use super::*;
use crate::media::wav;

const VOICE: &str = "21m00Tcm4TlvDq8ikWAM";

fn request(settings: Value) -> SpeechRequest {
    SpeechRequest {
        text: "To the sea.".into(),
        tags: Vec::new(),
        language: "en".into(),
        voice: Some(VOICE.into()),
        speed: 1.0,
        seed: None,
        pronunciation: Default::default(),
        settings: settings.as_object().unwrap().clone(),
        before: None,
        after: None,
    }
}

fn body(model: &str, request: &SpeechRequest) -> Value {
    serde_json::from_slice(&ElevenLabs::new(model).call(request).unwrap().body.unwrap()).unwrap()
}

fn misfit(model: &str, request: &SpeechRequest) -> (String, String) {
    let misfit = ElevenLabs::new(model).accepts(request).unwrap_err();
    (misfit.setting, misfit.message)
}

/// A reply of half a second of sound, each character 50 ms.
fn answer_with(audio: &Value, characters: usize) -> Vec<u8> {
    let text: Vec<String> = "To the sea.".chars().take(characters).map(String::from).collect();
    let time = |at: usize| json!(at as f64 / 20.0);
    let starts: Vec<Value> = (0..characters).map(time).collect();
    let ends: Vec<Value> = (1..=characters).map(time).collect();
    let alignment = json!({
        "characters": text, "character_start_times_seconds": starts, "character_end_times_seconds": ends,
    });
    json!({"audio_base64": audio, "alignment": alignment, "normalized_alignment": null}).to_string().into_bytes()
}

fn samples() -> Vec<i16> {
    (0..13_200).map(|i| if i % 9 < 4 { 8000 } else { -8000 }).collect()
}

fn pcm() -> Value {
    let bytes: Vec<u8> = samples().iter().flat_map(|sample| sample.to_le_bytes()).collect();
    json!(BASE64_STANDARD.encode(bytes))
}

#[test]
fn only_what_is_set_is_sent() {
    let call = ElevenLabs::new("eleven_multilingual_v2").call(&request(json!({}))).unwrap();
    let path = "/v1/text-to-speech/21m00Tcm4TlvDq8ikWAM/with-timestamps?output_format=pcm_24000";
    assert_eq!((call.method.as_str(), call.path.as_str(), call.answer), ("POST", path, AnswerSort::Any));
    let plain = json!({"text": "To the sea.", "model_id": "eleven_multilingual_v2"});
    assert_eq!(body("eleven_multilingual_v2", &request(json!({}))), plain);
    let all = SpeechRequest {
        speed: 1.1,
        seed: Some(7),
        before: Some("It ran.".into()),
        after: Some("It fell.".into()),
        ..request(json!({
            "stability": 0.4, "similarity_boost": "0.8", "style": 0, "use_speaker_boost": true,
            "apply_text_normalization": "off", "context": true, "output_format": "wav_44100",
        }))
    };
    let manner =
        json!({"stability": 0.4, "similarity_boost": 0.8, "style": 0.0, "use_speaker_boost": true, "speed": 1.1});
    assert_eq!(
        body("eleven_multilingual_v2", &all),
        json!({
            "text": "To the sea.", "model_id": "eleven_multilingual_v2", "voice_settings": manner, "seed": 7,
            "apply_text_normalization": "off", "previous_text": "It ran.", "next_text": "It fell.",
        })
    );
    assert!(ElevenLabs::new("eleven_multilingual_v2").call(&all).unwrap().path.ends_with("output_format=wav_44100"));
}

#[test]
fn a_language_is_told_to_the_models_that_take_it() {
    let german = SpeechRequest { language: "de-AT".into(), ..request(json!({})) };
    for (model, told) in [
        ("eleven_flash_v2_5", json!("de")),
        ("eleven_turbo_v2_5", json!("de")),
        ("eleven_v3", json!("de")),
        ("eleven_multilingual_v2", Value::Null),
        ("eleven_of_tomorrow", Value::Null),
    ] {
        assert_eq!(body(model, &german)["language_code"], told, "{model}");
    }
    let refused = ("language".to_owned(), "`eleven_flash_v2` speaks English only, not `de-AT`".to_owned());
    assert_eq!(misfit("eleven_flash_v2", &german), refused);
}

#[test]
fn what_the_service_cannot_be_told_is_refused_with_its_setting() {
    let model = "eleven_multilingual_v2";
    for (request, setting, message) in [
        (
            request(json!({"stability": 2})),
            "settings.stability",
            "the setting `settings.stability` is 2; it must be a number from 0 to 1",
        ),
        (
            SpeechRequest { speed: 1.5, ..request(json!({})) },
            "speed",
            "the setting `speed` is 1.5; ElevenLabs speaks at 0.7 to 1.2",
        ),
        (
            SpeechRequest { seed: Some(1 << 32), ..request(json!({})) },
            "seed",
            "the setting `seed` is 4294967296; ElevenLabs takes a whole number up to 4294967295",
        ),
        (
            SpeechRequest { voice: None, ..request(json!({})) },
            "voice",
            "no voice is named, and ElevenLabs has none of its own",
        ),
        (
            SpeechRequest { voice: Some("../x".into()), ..request(json!({})) },
            "voice",
            "`../x` is no voice of ElevenLabs: a voice's id is letters and digits",
        ),
    ] {
        assert_eq!(misfit(model, &request), (setting.to_owned(), message.to_owned()));
        // A request that went on all the same would be told the same; a seed of ours is cut.
        assert!(setting == "seed" || ElevenLabs::new(model).call(&request).is_err());
    }
    assert_eq!(misfit(model, &request(json!({"output_format": "mp3_44100_128"}))).0, "settings.output_format");
    let context = misfit("eleven_v3", &request(json!({"context": true})));
    assert_eq!(context.1, "`eleven_v3` takes no text before and after: `settings.context` is not for it");
    assert_eq!(body(model, &SpeechRequest { seed: Some((1 << 32) + 5), ..request(json!({})) })["seed"], 5);
}

#[test]
fn no_request_is_longer_than_its_model_takes_and_it_is_counted_as_they_do() {
    for (model, most, characters) in [
        ("eleven_v3", 5_000, 11),
        ("eleven_multilingual_v2", 10_000, 11),
        ("eleven_flash_v2_5", 10_000, 6),
        ("eleven_turbo_v2", 10_000, 6),
        ("eleven_of_tomorrow", 5_000, 11),
    ] {
        let speaks = ElevenLabs::new(model);
        assert_eq!(speaks.chunk_chars(), Some(most), "{model}");
        let counted = speaks.most(&request(json!({})));
        assert_eq!((counted.characters, counted.audio_ms), (Some(characters), Some(2200)), "{model}");
    }
}

#[test]
fn words_are_sent_as_they_are_said_and_kept_as_they_are_written() {
    let pronunciation = [("sea".to_owned(), "see".to_owned())].into();
    let request = SpeechRequest { pronunciation, ..request(json!({})) };
    assert_eq!(body("eleven_v3", &request)["text"], "To the see.");
    let answer = String::from_utf8(answer_with(&pcm(), 11)).unwrap().replace(r#""a","."#, r#""e","."#);
    let reply = ElevenLabs::new("eleven_v3").reply(answer.as_bytes(), &request).unwrap();
    assert_eq!((reply.words[2].text.as_str(), reply.words[2].start, reply.words[2].estimated), ("sea.", 0.35, false));
}

#[test]
fn a_reply_has_its_sound_and_the_time_of_each_word() {
    let read = |audio: &Value, settings: Value, characters| {
        ElevenLabs::new("eleven_flash_v2_5").reply(&answer_with(audio, characters), &request(settings))
    };
    let reply = read(&pcm(), json!({}), 11).unwrap();
    assert_eq!((reply.sample_rate, reply.samples.len(), reply.characters), (24_000, 13_200, Some(6)));
    assert_eq!(reply.spoken_by, "eleven_flash_v2_5, voice 21m00Tcm4TlvDq8ikWAM");
    let times: Vec<(&str, f64)> = reply.words.iter().map(|word| (word.text.as_str(), word.start)).collect();
    assert_eq!(times, [("To", 0.0), ("the", 0.15), ("sea.", 0.35)]);
    let floats: Vec<f32> = samples().iter().map(|sample| f32::from(*sample) / 32768.0).collect();
    assert_eq!(reply.samples, floats);
    let file = json!(BASE64_STANDARD.encode(wav::write(&floats, 44_100).unwrap()));
    let reply = read(&file, json!({"output_format": "wav_44100"}), 11).unwrap();
    assert_eq!((reply.sample_rate, reply.samples.len()), (44_100, 13_200));
    assert!(read(&pcm(), json!({}), 5).unwrap().words.iter().all(|word| word.estimated));
}

#[test]
fn what_holds_no_sound_is_no_reply() {
    let read = |audio: Value, settings: Value| {
        let reply = ElevenLabs::new("eleven_v3").reply(&answer_with(&audio, 11), &request(settings));
        reply.unwrap_err().message
    };
    assert_eq!(read(Value::Null, json!({})), "the answer holds no sound");
    assert_eq!(read(json!(""), json!({})), "the answer holds no sound");
    assert!(read(json!("*"), json!({})).starts_with("the sound in the answer cannot be read: "));
    assert!(read(pcm(), json!({"output_format": "wav_16000"})).contains("not a WAV file"));
    assert!(read(json!(7), json!({})).starts_with("the answer is not in the service's form: "));
}
