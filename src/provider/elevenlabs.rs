//! ElevenLabs: speech with the time of each character.
//!
//! Only raw samples are asked for: the pieces of a script are joined, and joined MP3 files have gaps.

mod alignment;

use crate::base::failure::{Cause, Failure};
use crate::base::money::Usage;
use crate::media::wav::{self, Sound};
use crate::provider::api::{AnswerSort, ApiCall};
use crate::provider::body::answer;
use crate::provider::misfit::Misfit;
use crate::provider::own::Own;
use crate::provider::respell::{Respelt, respelt};
use crate::provider::speech::{SpeechReply, SpeechRequest, main_language};
use crate::provider::voice::{SpeechApi, most_audio_ms};
use alignment::Alignment;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// The most that is asked for at a time, in characters, whatever a model takes: the answer is held in memory whole.
const CHUNK_CHARS_MAX: usize = 10_000;

const SEED_MAX: u64 = 0xffff_ffff;

/// What every plan has; more than 24 kHz is for paid ones.
const FORMAT: &str = "pcm_24000";

const FORMATS: [&str; 14] = [
    "pcm_8000",
    "pcm_16000",
    "pcm_22050",
    "pcm_24000",
    "pcm_32000",
    "pcm_44100",
    "pcm_48000",
    "wav_8000",
    "wav_16000",
    "wav_22050",
    "wav_24000",
    "wav_32000",
    "wav_44100",
    "wav_48000",
];

const SETTINGS: &[&str] = &[
    "stability",
    "similarity_boost",
    "style",
    "use_speaker_boost",
    "output_format",
    "apply_text_normalization",
    "context",
];

/// Speaks to ElevenLabs.
pub struct ElevenLabs {
    model: String,
    facts: Facts,
}

/// What is known of a model.
#[derive(Clone, Copy)]
struct Facts {
    /// The most that it takes at a time.
    chars_max: usize,
    /// What two characters cost, in characters.
    two_cost: u64,
    languages: Languages,
    context: Context,
    tags: Tags,
}

/// How a model is told a language.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Languages {
    /// By `language_code`.
    Told,
    /// It hears it from the text.
    Heard,
    English,
}

/// Whether a model may be told what is spoken before and after.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Context {
    Taken,
    Refused,
}

/// Whether a model is steered by `[tags]` in the text, or speaks them.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tags {
    Heeded,
    Spoken,
}

#[derive(Deserialize)]
struct Answer {
    audio_base64: Option<String>,
    alignment: Option<Alignment>,
}

impl Facts {
    fn of(model: &str) -> Facts {
        let (languages, context, tags) = (Languages::Heard, Context::Taken, Tags::Spoken);
        let usual = Facts { chars_max: 5_000, two_cost: 2, languages, context, tags };
        match model {
            "eleven_multilingual_v2" | "eleven_multilingual_v1" => Facts { chars_max: 10_000, ..usual },
            "eleven_monolingual_v1" => Facts { chars_max: 10_000, languages: Languages::English, ..usual },
            "eleven_flash_v2_5" | "eleven_turbo_v2_5" => {
                Facts { chars_max: 40_000, two_cost: 1, languages: Languages::Told, ..usual }
            }
            "eleven_flash_v2" | "eleven_turbo_v2" => {
                Facts { chars_max: 30_000, two_cost: 1, languages: Languages::English, ..usual }
            }
            _ if model.starts_with("eleven_v3") => {
                Facts { languages: Languages::Told, context: Context::Refused, tags: Tags::Heeded, ..usual }
            }
            _ => usual,
        }
    }
}

impl ElevenLabs {
    pub fn new(model: &str) -> ElevenLabs {
        ElevenLabs { model: model.to_owned(), facts: Facts::of(model) }
    }

    fn body(&self, request: &SpeechRequest) -> Result<Value, Misfit> {
        let own = Own(&request.settings);
        let mut body = Map::new();
        body.insert("text".into(), self.sent(request).text.into());
        body.insert("model_id".into(), json!(self.model));
        if self.facts.languages == Languages::Told {
            body.insert("language_code".into(), json!(main_language(&request.language)));
        }
        let manner = manner(request, &own)?;
        if !manner.is_empty() {
            body.insert("voice_settings".into(), manner.into());
        }
        if let Some(seed) = request.seed {
            // Ours for another take has more than their 32 bits, and loses its upper ones.
            body.insert("seed".into(), json!(seed & SEED_MAX));
        }
        if let Some(choice) = own.choice("apply_text_normalization", &["auto", "on", "off"])? {
            body.insert("apply_text_normalization".into(), json!(choice));
        }
        if self.takes_context(&own)? {
            body.extend(request.before.iter().map(|text| ("previous_text".to_owned(), json!(text))));
            body.extend(request.after.iter().map(|text| ("next_text".to_owned(), json!(text))));
        }
        Ok(body.into())
    }

    fn takes_context(&self, own: &Own<'_>) -> Result<bool, Misfit> {
        let is_wanted = own.flag("context")?.unwrap_or(false);
        if is_wanted && self.facts.context == Context::Refused {
            let message = format!("`{}` takes no text before and after: `settings.context` is not for it", self.model);
            return Err(Misfit::new("settings.context", message, "Remove it, or name another model."));
        }
        Ok(is_wanted)
    }

    fn voice<'r>(&self, request: &'r SpeechRequest) -> Result<&'r str, Misfit> {
        let Some(voice) = request.voice.as_deref().filter(|voice| !voice.is_empty()) else {
            return Err(Misfit::new(
                "voice",
                "no voice is named, and ElevenLabs has none of its own",
                "Write its id, `voice: 21m00Tcm4TlvDq8ikWAM`, in the stage's `with` or in the provider.",
            ));
        };
        // It stands in the address.
        if !voice.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_') {
            let message = format!("`{voice}` is no voice of ElevenLabs: a voice's id is letters and digits");
            return Err(Misfit::new("voice", message, "Its id, not its name: it stands beside the voice there."));
        }
        Ok(voice)
    }
}

impl SpeechApi for ElevenLabs {
    fn accepts(&self, request: &SpeechRequest) -> Result<(), Misfit> {
        if self.facts.languages == Languages::English && main_language(&request.language) != "en" {
            let message = format!("`{}` speaks English only, not `{}`", self.model, request.language);
            return Err(Misfit::new("language", message, "Name a model of many languages in the provider."));
        }
        if let Some(seed) = request.seed.filter(|seed| *seed > SEED_MAX) {
            let message = format!("the setting `seed` is {seed}; ElevenLabs takes a whole number up to {SEED_MAX}");
            return Err(Misfit::new("seed", message, "Name a smaller one, or none."));
        }
        self.body(request)?;
        format(&Own(&request.settings))?;
        self.voice(request).map(drop)
    }

    fn settings(&self) -> &'static [&'static str] {
        SETTINGS
    }

    fn chunk_chars(&self) -> Option<usize> {
        Some(self.facts.chars_max.min(CHUNK_CHARS_MAX))
    }

    fn most(&self, request: &SpeechRequest) -> Usage {
        let text = self.sent(request).text;
        let audio_ms = Some(most_audio_ms(&text, request.speed));
        Usage { characters: Some(self.counted(&text)), audio_ms, ..Usage::default() }
    }

    fn call(&self, request: &SpeechRequest) -> Result<ApiCall, Failure> {
        let (voice, format) = (self.voice(request)?, format(&Own(&request.settings))?);
        let path = format!("/v1/text-to-speech/{voice}/with-timestamps?output_format={format}");
        Ok(ApiCall { answer: AnswerSort::Any, ..ApiCall::post(&path, &self.body(request)?) })
    }

    fn reply(&self, body: &[u8], request: &SpeechRequest) -> Result<SpeechReply, Failure> {
        let answer: Answer = answer(body)?;
        let Some(audio) = answer.audio_base64.filter(|audio| !audio.is_empty()) else {
            return Err(Failure::new(Cause::Empty, "the answer holds no sound"));
        };
        let unreadable = |error: &dyn std::error::Error| {
            Failure::new(Cause::Validation, format!("the sound in the answer cannot be read: {error}"))
        };
        let bytes = BASE64_STANDARD.decode(audio).map_err(|error| unreadable(&error))?;
        let sound = match format(&Own(&request.settings))?.split_once('_') {
            Some(("pcm", rate)) => wav::raw(&bytes, rate.parse().unwrap_or_default()),
            _ => wav::read_whole(&bytes).map_err(|error| unreadable(&error))?,
        };
        let sent = self.sent(request);
        let words = alignment::words(&request.text, &sent, answer.alignment.as_ref(), &sound);
        let Sound { rate, samples } = sound;
        let spoken_by = format!("{}, voice {}", self.model, request.voice.as_deref().unwrap_or_default());
        let (warnings, characters) = (Vec::new(), Some(self.counted(&sent.text)));
        Ok(SpeechReply { samples, sample_rate: rate, words, spoken_by, warnings, characters })
    }
}

impl ElevenLabs {
    /// Their API takes pronunciations only from dictionaries that are kept there: ours are written into the text.
    fn sent(&self, request: &SpeechRequest) -> Respelt {
        let sent = respelt(&request.text, &request.pronunciation);
        match self.facts.tags {
            Tags::Heeded => sent.tagged(&request.text, &request.tags),
            Tags::Spoken => sent,
        }
    }

    fn counted(&self, text: &str) -> u64 {
        (text.chars().count() as u64 * self.facts.two_cost).div_ceil(2)
    }
}

fn manner(request: &SpeechRequest, own: &Own<'_>) -> Result<Map<String, Value>, Misfit> {
    let mut manner = Map::new();
    for name in ["stability", "similarity_boost", "style"] {
        manner.extend(own.number(name, 0.0..=1.0)?.map(|number| (name.to_owned(), json!(number))));
    }
    manner.extend(own.flag("use_speaker_boost")?.map(|flag| ("use_speaker_boost".to_owned(), json!(flag))));
    if !(0.7..=1.2).contains(&request.speed) {
        let message = format!("the setting `speed` is {}; ElevenLabs speaks at 0.7 to 1.2", request.speed);
        return Err(Misfit::new("speed", message, "Name a pace that it has, or another provider."));
    }
    // A voice has settings of its own there: what nobody wrote does not overrule them.
    if (request.speed - 1.0).abs() > f64::EPSILON {
        manner.insert("speed".into(), json!(request.speed));
    }
    Ok(manner)
}

fn format<'a>(own: &Own<'a>) -> Result<&'a str, Misfit> {
    let chosen = own.choice("output_format", &FORMATS);
    let hint = "Sound is joined from pieces: only raw samples and WAV can be.";
    Ok(chosen.map_err(|misfit| Misfit { hint: hint.to_owned(), ..misfit })?.unwrap_or(FORMAT))
}

#[cfg(test)]
mod tests;
