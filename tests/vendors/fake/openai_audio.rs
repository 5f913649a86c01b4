//! OpenAI's speech and transcription.

use super::answer::{Answer, Problem};
use super::asked::{Asked, Part};
use super::desk::Manner;
use super::fault::Twist;
use super::fields::{Field, Holds, may, must};
use super::mint::Mint;
use super::openai::{fields, invalid, known_model};
use super::sound::{self, Length};
use serde_json::{Map, Value, json};

const VOICES: &[&str] =
    &["alloy", "ash", "ballad", "coral", "echo", "fable", "onyx", "nova", "sage", "shimmer", "verse", "marin", "cedar"];
const FORMATS: &[&str] = &["mp3", "opus", "aac", "flac", "wav", "pcm"];
const SPEECH: &[Field] = &[
    must("model", Holds::Text),
    must("input", Holds::Text),
    // A voice of one's own is an object: `{ id }`.
    must("voice", Holds::Anything),
    may("instructions", Holds::Text),
    may("response_format", Holds::OneOf(FORMATS)),
    may("speed", Holds::Number(0.25, 4.0)),
    may("stream_format", Holds::OneOf(&["audio", "sse"])),
];
const INPUT_CHARS_MAX: usize = 4096;
const FILE_BYTES_MAX: usize = 25 << 20;
const RATE: u32 = 24_000;
const TRANSCRIPTION: &[&str] = &[
    "file",
    "model",
    "language",
    "prompt",
    "response_format",
    "temperature",
    "timestamp_granularities[]",
    "stream",
    "chunking_strategy",
    "include[]",
];

/// `POST /v1/audio/speech`.
pub fn speech(asked: &Asked, mint: &mut Mint<'_>) -> Result<Answer, Problem> {
    let body = fields(asked, SPEECH, mint.manner)?;
    known_model(&body, mint.manner, &["tts-", "gpt-4o-mini-tts"])?;
    let input = body["input"].as_str().unwrap_or_default();
    if input.is_empty() {
        return Err(invalid("Invalid 'input': string too short.", "input", "string_too_short"));
    }
    if input.chars().count() > INPUT_CHARS_MAX && mint.manner == Manner::Strict {
        let message =
            format!("Invalid 'input': string too long. Expected a string with maximum length {INPUT_CHARS_MAX}.");
        return Err(invalid(message, "input", "string_above_max_length"));
    }
    let known = |voice: &Value| voice.as_str().map_or(voice["id"].is_string(), |voice| VOICES.contains(&voice));
    if mint.manner == Manner::Strict && !known(&body["voice"]) {
        let message = format!("Invalid value: {}. Supported values are: '{}'.", body["voice"], VOICES.join("', '"));
        return Err(invalid(message, "voice", "invalid_value"));
    }
    let speed = body.get("speed").and_then(Value::as_f64).unwrap_or(1.0);
    let speech = sound::speak(input, RATE, speed, mint.number);
    mint.spoken.remember(&sound::pcm(&speech), input);
    let length = if matches!(mint.twist, Twist::UnsizedWav) { Length::Streamed } else { Length::Known };
    let (kind, bytes) = match body.get("response_format").and_then(Value::as_str).unwrap_or("mp3") {
        "wav" => ("audio/wav", sound::wav(&speech, length)),
        "pcm" => ("audio/pcm", sound::pcm(&speech)),
        "flac" => ("audio/flac", sound::shell(b"fLaC", &speech)),
        "opus" => ("audio/opus", sound::shell(b"OggS", &speech)),
        "aac" => ("audio/aac", sound::shell(&[0xff, 0xf1], &speech)),
        _ => ("audio/mpeg", sound::mp3(&speech)),
    };
    Ok(Answer::media(kind, bytes, input, input.chars().count() as u64))
}

/// `POST /v1/audio/transcriptions`.
pub fn transcriptions(asked: &Asked, mint: &mut Mint<'_>) -> Result<Answer, Problem> {
    let form = Form { asked };
    let file = form.file(mint.manner)?;
    let body = Map::from_iter([("model".to_owned(), json!(form.field("model").unwrap_or_default()))]);
    let model = known_model(&body, mint.manner, &["whisper-1", "gpt-4o-transcribe", "gpt-4o-mini-transcribe"])?;
    let format = form.field("response_format").unwrap_or_else(|| "json".to_owned());
    form.suits(&model, &format)?;
    let (samples, duration) = sound::heard(&file.bytes);
    let text = match mint.twist {
        Twist::Says(text) => text.clone(),
        Twist::NullContent | Twist::NoChoices => String::new(),
        _ => mint.spoken.recall(samples).unwrap_or_else(|| mint.text(0)),
    };
    let words = words(&text, duration);
    let units = duration.ceil() as u64;
    let value = match format.as_str() {
        "json" => json!({ "text": text, "usage": mint.usage(json!({ "type": "duration", "seconds": units })) }),
        "verbose_json" => {
            let mut value = json!({
                "task": "transcribe", "language": "english", "duration": duration, "text": text,
                "segments": [segment(&text, duration)],
                "usage": mint.usage(json!({ "type": "duration", "seconds": units })),
            });
            let wanted = asked.parts("timestamp_granularities[]").iter().any(|part| part.text() == "word");
            if wanted && !matches!(mint.twist, Twist::NoTimings) {
                let frozen = |(word, start, end): (String, f64, f64)| match mint.twist {
                    Twist::FrozenTimings if start > duration / 2.0 => (word, duration / 2.0, duration / 2.0),
                    _ => (word, start, end),
                };
                let word = |(word, start, end)| json!({ "word": word, "start": start, "end": end });
                value["words"] = words.into_iter().map(frozen).map(word).collect();
            }
            value
        }
        "text" => return Ok(Answer::media("text/plain; charset=utf-8", format!("{text}\n").into(), &text, units)),
        _ => {
            let cue = format!("1\n00:00:00,000 --> 00:00:{:06.3}\n{text}\n", duration).replace('.', ",");
            return Ok(Answer::media("text/plain; charset=utf-8", cue.into(), &text, units));
        }
    };
    Ok(Answer::generated(&value, &text, units))
}

/// The form of a transcription.
struct Form<'a> {
    asked: &'a Asked,
}

impl Form<'_> {
    fn field(&self, name: &str) -> Option<String> {
        self.asked.parts(name).first().map(|part| part.text())
    }

    fn file(&self, manner: Manner) -> Result<Part, Problem> {
        let strange = match &self.asked.sent {
            super::asked::Sent::Form(parts) => parts.iter().find(|part| !TRANSCRIPTION.contains(&part.name.as_str())),
            _ => return Err(Problem::new(400, "Could not parse multipart form.")),
        };
        if let (Some(part), Manner::Strict) = (strange, manner) {
            return Err(invalid(format!("Unknown parameter: '{}'.", part.name), &part.name, "unknown_parameter"));
        }
        let missing =
            |name: &str| invalid(format!("Missing required parameter: '{name}'."), name, "missing_required_parameter");
        let files = self.asked.parts("file");
        let file = files.iter().find(|part| part.file_name.is_some()).ok_or_else(|| missing("file"))?;
        self.field("model").ok_or_else(|| missing("model"))?;
        if file.bytes.len() > FILE_BYTES_MAX {
            return Err(Problem::new(413, "Maximum content size limit (26214400) exceeded."));
        }
        Ok((*file).clone())
    }

    fn suits(&self, model: &str, format: &str) -> Result<(), Problem> {
        let formats = if model.contains("transcribe") {
            &["json"][..]
        } else {
            &["json", "text", "srt", "verbose_json", "vtt"][..]
        };
        if !formats.contains(&format) {
            let message = format!("response_format '{format}' is not compatible with model '{model}'.");
            return Err(invalid(message, "response_format", "unsupported_value"));
        }
        let granularities = self.asked.parts("timestamp_granularities[]");
        if !granularities.is_empty() && format != "verbose_json" {
            let message = "Timestamp granularities are only supported with response_format 'verbose_json'.";
            return Err(invalid(message, "timestamp_granularities", "invalid_value"));
        }
        match granularities.iter().find(|part| !["word", "segment"].contains(&part.text().as_str())) {
            Some(_) => Err(invalid("Invalid value.", "timestamp_granularities", "invalid_value")),
            None => Ok(()),
        }
    }
}

fn segment(text: &str, duration: f64) -> Value {
    json!({
        "id": 0, "seek": 0, "start": 0.0, "end": duration, "text": text, "tokens": [50364], "temperature": 0.0,
        "avg_logprob": -0.2, "compression_ratio": 1.1, "no_speech_prob": 0.01,
    })
}

/// Each word with its times: as long as it has letters of the whole text.
fn words(text: &str, duration: f64) -> Vec<(String, f64, f64)> {
    let whole = text.chars().count().max(1) as f64;
    let at = |place: usize| (place as f64 / whole * duration * 1000.0).round() / 1000.0;
    let mut place = 0;
    let mut words = Vec::new();
    for piece in text.split(' ') {
        let end = place + piece.chars().count();
        if !piece.is_empty() {
            words.push((piece.to_owned(), at(place), at(end)));
        }
        place = end + 1;
    }
    words
}
