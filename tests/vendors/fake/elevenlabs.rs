//! ElevenLabs: speech with and without timings, models, voices, what is left of the plan.

use super::answer::{Answer, Problem};
use super::asked::{Asked, Sent};
use super::fault::{Refusal, Twist};
use super::fields::{Field, Holds, Slip, may, must, slip};
use super::mint::Mint;
use super::sound::{self, Length, Speech};
use super::story::VOICE;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value, json};

/// A model, how many characters it takes at once, and what one of them costs.
const MODELS: [(&str, usize, f64); 7] = [
    ("eleven_v3", 5_000, 1.0),
    ("eleven_multilingual_v2", 10_000, 1.0),
    ("eleven_flash_v2_5", 40_000, 0.5),
    ("eleven_turbo_v2_5", 40_000, 0.5),
    ("eleven_flash_v2", 30_000, 0.5),
    ("eleven_turbo_v2", 30_000, 0.5),
    ("eleven_monolingual_v1", 10_000, 1.0),
];
const MODEL: &str = "eleven_multilingual_v2";
const CHARACTERS_MAX: u64 = 1_000_000;
/// Fields that are not known are ignored.
const SPEECH: &[Field] = &[
    must("text", Holds::Text),
    may("model_id", Holds::Text),
    may("language_code", Holds::Text),
    may("voice_settings", Holds::Object),
    may("pronunciation_dictionary_locators", Holds::List),
    may("seed", Holds::Integer(0, 4_294_967_295)),
    may("previous_text", Holds::Text),
    may("next_text", Holds::Text),
    may("previous_request_ids", Holds::List),
    may("next_request_ids", Holds::List),
    may("apply_text_normalization", Holds::OneOf(&["auto", "on", "off"])),
    may("apply_language_text_normalization", Holds::Flag),
    may("use_pvc_as_ivc", Holds::Flag),
];
const SETTINGS: &[Field] = &[
    may("stability", Holds::Number(0.0, 1.0)),
    may("similarity_boost", Holds::Number(0.0, 1.0)),
    may("style", Holds::Number(0.0, 1.0)),
    may("use_speaker_boost", Holds::Flag),
    may("speed", Holds::Number(0.7, 1.2)),
];
const STITCHES: [&str; 4] = ["previous_text", "next_text", "previous_request_ids", "next_request_ids"];

/// What was made of a text.
struct Made {
    text: String,
    units: u64,
    speech: Speech,
    kind: &'static str,
    bytes: Vec<u8>,
}

/// `POST /v1/text-to-speech/{voice}`.
pub fn speech(asked: &Asked, mint: &mut Mint<'_>) -> Result<Answer, Problem> {
    let made = made(asked, mint)?;
    Ok(Answer::media(made.kind, made.bytes, &made.text, made.units))
}

/// `POST /v1/text-to-speech/{voice}/with-timestamps`.
pub fn timed_speech(asked: &Asked, mint: &mut Mint<'_>) -> Result<Answer, Problem> {
    let made = made(asked, mint)?;
    let alignment = match mint.twist {
        Twist::NoTimings => Value::Null,
        Twist::FrozenTimings => alignment(&made, made.speech.starts.len() / 2),
        _ => alignment(&made, usize::MAX),
    };
    let audio = match mint.twist {
        Twist::NullContent => Value::Null,
        Twist::NoChoices => json!(""),
        _ => json!(BASE64_STANDARD.encode(&made.bytes)),
    };
    let value = json!({ "audio_base64": audio, "alignment": alignment, "normalized_alignment": alignment });
    Ok(Answer::generated(&value, &made.text, made.units))
}

/// The characters of the text and their times; from a place on they stand still.
fn alignment(made: &Made, frozen_from: usize) -> Value {
    let still = |times: &[f64]| {
        let last = times.get(frozen_from).copied();
        times.iter().enumerate().map(|(place, time)| last.filter(|_| place > frozen_from).unwrap_or(*time)).collect()
    };
    let (starts, ends): (Vec<f64>, Vec<f64>) = (still(&made.speech.starts), still(&made.speech.ends));
    let characters: Vec<String> = made.text.chars().map(String::from).collect();
    json!({
        "characters": characters, "character_start_times_seconds": starts, "character_end_times_seconds": ends,
    })
}

fn made(asked: &Asked, mint: &mut Mint<'_>) -> Result<Made, Problem> {
    let voice = asked.piece(3);
    if voice.len() != 20 || !voice.chars().all(|c| c.is_ascii_alphanumeric()) {
        let message = format!("A voice with voice_id {voice} was not found.");
        return Err(Problem::new(404, message).code("voice_not_found"));
    }
    let Sent::Json(Value::Object(body)) = &asked.sent else {
        return Err(Problem::new(422, "JSON decode error").param("body"));
    };
    let settings = body.get("voice_settings").and_then(Value::as_object).cloned().unwrap_or_default();
    let slip = slip(body, SPEECH).or_else(|| slip(&settings, SETTINGS));
    slip.map_or(Ok(()), |slip| Err(told(slip)))?;
    let text = body["text"].as_str().unwrap_or_default().to_owned();
    let rate = suits_model(body, &text)?;
    let format = asked.query.get("output_format").map_or("mp3_44100_128", String::as_str);
    let speed = settings.get("speed").and_then(Value::as_f64).unwrap_or(1.0);
    let speech = sound::speak(&text, sample_rate(format)?, speed, mint.number);
    mint.spoken.remember(&sound::pcm(&speech), &text);
    let length = if matches!(mint.twist, Twist::UnsizedWav) { Length::Streamed } else { Length::Known };
    let (kind, bytes) = match format.split('_').next().unwrap_or_default() {
        "pcm" => ("audio/pcm", sound::pcm(&speech)),
        "wav" => ("audio/wav", sound::wav(&speech, length)),
        "mp3" => ("audio/mpeg", sound::mp3(&speech)),
        "opus" => ("audio/opus", sound::shell(b"OggS", &speech)),
        _ => ("audio/basic", sound::shell(b"", &speech)),
    };
    let units = (text.chars().count() as f64 * rate).ceil() as u64;
    Ok(Made { text, units, speech, kind, bytes })
}

/// Returns what a character costs, if the model takes what is asked.
fn suits_model(body: &Map<String, Value>, text: &str) -> Result<f64, Problem> {
    let model = body.get("model_id").and_then(Value::as_str).unwrap_or(MODEL);
    let Some((_, most, rate)) = MODELS.iter().find(|(name, ..)| *name == model) else {
        let message = format!("A model with model ID {model} does not exist.");
        return Err(Problem::new(400, message).code("model_not_found"));
    };
    if text.is_empty() {
        return Err(Problem::new(400, "The text must not be empty.").code("input_text_empty"));
    }
    if text.chars().count() > *most {
        let message = format!("This request exceeds the limit of {most} characters of model '{model}'.");
        return Err(Problem::new(400, message).code("max_character_limit_exceeded"));
    }
    let stitch = STITCHES.iter().find(|name| body.get(**name).is_some_and(|value| !value.is_null()));
    if let (Some(stitch), "eleven_v3") = (stitch, model) {
        let message = format!("Providing {stitch} is not yet supported with the 'eleven_v3' model.");
        return Err(Problem::new(400, message).code("unsupported_model"));
    }
    let long = ["previous_request_ids", "next_request_ids", "pronunciation_dictionary_locators"];
    let long = long.iter().find(|name| body.get(**name).and_then(Value::as_array).is_some_and(|ids| ids.len() > 3));
    long.map_or(Ok(*rate), |name| Err(Problem::new(422, "List should have at most 3 items").param(name)))
}

fn sample_rate(format: &str) -> Result<u32, Problem> {
    const MP3: [&str; 7] = ["22050_32", "24000_48", "44100_32", "44100_64", "44100_96", "44100_128", "44100_192"];
    const RATES: [&str; 7] = ["8000", "16000", "22050", "24000", "32000", "44100", "48000"];
    let (kind, rest) = format.split_once('_').unwrap_or((format, ""));
    let known = match kind {
        "mp3" => MP3.contains(&rest),
        "pcm" | "wav" => RATES.contains(&rest),
        "opus" => ["48000_32", "48000_64", "48000_96", "48000_128", "48000_192"].contains(&rest),
        "ulaw" | "alaw" => rest == "8000",
        _ => false,
    };
    let rate = rest.split('_').next().and_then(|rate| rate.parse().ok()).filter(|_| known);
    let problem = || Problem::new(400, format!("'{format}' is no output format.")).code("invalid_output_format");
    rate.ok_or_else(problem)
}

/// `GET /v1/models`.
pub fn models(_: &Asked, _: &mut Mint<'_>) -> Result<Answer, Problem> {
    let model = |(id, most, rate): (&str, usize, f64)| {
        json!({
            "model_id": id, "name": id, "can_do_text_to_speech": true, "maximum_text_length_per_request": most,
            "model_rates": { "character_cost_multiplier": rate },
            "languages": [{ "language_id": "en", "name": "English" }],
        })
    };
    Ok(Answer::facts(200, &json!(MODELS.map(model))))
}

/// `GET /v1/user/subscription`: it counts what was charged here.
pub fn subscription(_: &Asked, mint: &mut Mint<'_>) -> Result<Answer, Problem> {
    let value = json!({
        "tier": "creator", "character_count": mint.characters, "character_limit": CHARACTERS_MAX,
        "next_character_count_reset_unix": 1_900_000_000, "status": "active",
    });
    Ok(Answer::facts(200, &value))
}

/// `GET /v2/voices`: two pages of one voice each.
pub fn voices(asked: &Asked, _: &mut Mint<'_>) -> Result<Answer, Problem> {
    let is_second = asked.query.contains_key("next_page_token");
    let (id, name) = if is_second { ("AZnzlk1XvdvUeBnXmlld", "Domi") } else { (VOICE, "Rachel") };
    let token = if is_second { Value::Null } else { json!("page-2") };
    let voice = json!({ "voice_id": id, "name": name, "category": "premade", "labels": {} });
    let value = json!({ "voices": [voice], "has_more": !is_second, "total_count": 2, "next_page_token": token });
    Ok(Answer::facts(200, &value))
}

fn told(slip: Slip) -> Problem {
    let (name, message) = match slip {
        Slip::Missing(name) => (name, "Field required".to_owned()),
        Slip::Unknown(name) => (name, "Extra inputs are not permitted".to_owned()),
        Slip::Kind { name, wanted, .. } => (name, format!("Input should be a valid {wanted}")),
        Slip::Range { name, least, most } => (name, format!("Input should be from {least} to {most}")),
        Slip::Choice { name, choices, .. } => (name, format!("Input should be '{}'", choices.join("' or '"))),
    };
    Problem::new(422, message).param(&name)
}

/// What ElevenLabs says with a status.
pub fn refusal(refusal: &Refusal) -> Problem {
    match refusal {
        Refusal::RateLimited | Refusal::Status(429) => {
            Problem::new(429, "Too many requests. Please slow down.").code("rate_limit_exceeded")
        }
        Refusal::TooManyConcurrent => {
            let message = "Too many concurrent requests. Your current subscription is associated with a maximum of 5.";
            Problem::new(429, message).code("too_many_concurrent_requests")
        }
        Refusal::SystemBusy => {
            Problem::new(429, "Our services are experiencing high traffic. Please try again.").code("system_busy")
        }
        Refusal::OutOfQuota => {
            let message = "This request exceeds your quota of 10000. You have 12 credits remaining.";
            Problem::new(401, message).code("quota_exceeded")
        }
        Refusal::Exactly(problem) => problem.clone(),
        Refusal::Status(401) => Problem::new(401, "Invalid API key").code("invalid_api_key"),
        Refusal::Status(404) => Problem::new(404, "A voice with this id was not found.").code("voice_not_found"),
        Refusal::Status(422) => Problem::new(422, "Field required").param("text"),
        Refusal::Status(status) if *status < 500 => Problem::new(*status, "The request cannot be served."),
        Refusal::Status(status) => Problem::new(*status, "Internal server error").code("internal_error"),
    }
}

/// A problem in ElevenLabs' JSON; 422 has the form of its framework.
pub fn error(problem: &Problem) -> Value {
    match (&problem.param, problem.status) {
        (Some(param), 422) => {
            json!({ "detail": [{ "type": "value_error", "loc": ["body", param], "msg": problem.message }] })
        }
        (param, _) => {
            let mut detail = json!({ "status": problem.code, "message": problem.message });
            if let Some(param) = param {
                detail["param"] = json!(param);
            }
            json!({ "detail": detail })
        }
    }
}
