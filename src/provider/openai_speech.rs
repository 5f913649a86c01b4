//! OpenAI's speech, which some compatible servers speak too. It tells no times: those of the words are estimated.

use crate::base::address::Address;
use crate::base::failure::{Cause, Failure};
use crate::base::money::Usage;
use crate::media::gaps::{filled, timeless};
use crate::media::wav::{self, Sound};
use crate::media::words::Word;
use crate::provider::api::{AnswerSort, ApiCall};
use crate::provider::misfit::Misfit;
use crate::provider::own::Own;
use crate::provider::respell::respelt;
use crate::provider::speech::{SpeechReply, SpeechRequest, SpokenWord};
use crate::provider::voice::{SpeechApi, most_audio_ms};
use serde_json::{Map, Value, json};

/// The most that is spoken at a time, in characters.
const INPUT_CHARS_MAX: usize = 4096;
/// How many samples a second raw ones have.
const PCM_RATE: u32 = 24_000;

/// Lets OpenAI speak, or a server that follows it.
pub struct OpenAiSpeech {
    model: String,
    server: Server,
}

/// Whose server it is: what the vendor is known to refuse is refused before any work.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Server {
    Vendor,
    Other,
}

impl OpenAiSpeech {
    pub fn new(model: &str, base: &Address) -> OpenAiSpeech {
        let server = if base.vendor() == "api.openai.com" { Server::Vendor } else { Server::Other };
        OpenAiSpeech { model: model.to_owned(), server }
    }

    fn body(&self, request: &SpeechRequest) -> Result<Map<String, Value>, Misfit> {
        let own = Own(&request.settings);
        let mut body = Map::new();
        body.insert("model".into(), json!(self.model));
        body.insert("input".into(), json!(sent(request)));
        body.insert("response_format".into(), json!(format(&own)?));
        if let Some(text) = own.text("instructions")? {
            if self.model.starts_with("tts-1") {
                let message = format!("`{}` takes no instructions: `settings.instructions` is not for it", self.model);
                return Err(Misfit::new("settings.instructions", message, "Remove it, or name another model."));
            }
            body.insert("instructions".into(), json!(text));
        }
        if (request.speed - 1.0).abs() > f64::EPSILON {
            body.insert("speed".into(), json!(request.speed));
        }
        let Some(voice) = &request.voice else {
            return Err(Misfit::new(
                "voice",
                "no voice is named, and OpenAI's speech has none of its own",
                "Write one, `voice: alloy`, in the stage's `with` or in the provider.",
            ));
        };
        body.insert("voice".into(), json!(voice));
        Ok(body)
    }
}

impl SpeechApi for OpenAiSpeech {
    fn accepts(&self, request: &SpeechRequest) -> Result<(), Misfit> {
        if request.seed.is_some() && self.server == Server::Vendor {
            return Err(Misfit::new("seed", "OpenAI's speech takes no `seed`", "Remove it."));
        }
        self.body(request).map(drop)
    }

    fn settings(&self) -> &'static [&'static str] {
        &["instructions", "response_format"]
    }

    fn chunk_chars(&self) -> Option<usize> {
        Some(INPUT_CHARS_MAX)
    }

    fn most(&self, request: &SpeechRequest) -> Usage {
        let text = sent(request);
        let (characters, audio_ms) = (text.chars().count() as u64, most_audio_ms(&text, request.speed));
        Usage { characters: Some(characters), audio_ms: Some(audio_ms), ..Usage::default() }
    }

    fn call(&self, request: &SpeechRequest) -> Result<ApiCall, Failure> {
        let mut body = self.body(request)?;
        if let Some(seed) = request.seed.filter(|_| self.server == Server::Other) {
            body.insert("seed".into(), json!(seed));
        }
        Ok(ApiCall { answer: AnswerSort::Any, ..ApiCall::post("/audio/speech", &Value::Object(body)) })
    }

    fn reply(&self, body: &[u8], request: &SpeechRequest) -> Result<SpeechReply, Failure> {
        let sound = match format(&Own(&request.settings))? {
            "pcm" => raw(body)?,
            _ => wav::read_whole(body).map_err(|error| no_sound(&error.to_string()))?,
        };
        let spoken = |word: Word| SpokenWord { text: word.text, start: word.start, end: word.end, estimated: true };
        Ok(SpeechReply {
            words: filled(&timeless(&request.text), &sound).into_iter().map(spoken).collect(),
            samples: sound.samples,
            sample_rate: sound.rate,
            spoken_by: format!("{}, voice {}", self.model, request.voice.as_deref().unwrap_or_default()),
            warnings: Vec::new(),
            characters: self.most(request).characters,
        })
    }
}

/// It takes no pronunciation: words are sent as they are said.
fn sent(request: &SpeechRequest) -> String {
    respelt(&request.text, &request.pronunciation).text
}

fn format<'a>(own: &Own<'a>) -> Result<&'a str, Misfit> {
    Ok(own.choice("response_format", &["wav", "pcm"])?.unwrap_or("wav"))
}

/// Reads samples without a header: a page or a message in their place would be heard as noise.
fn raw(body: &[u8]) -> Result<Sound, Failure> {
    let is_text = std::str::from_utf8(body).is_ok_and(|text| text.trim_start().starts_with(['{', '[', '<']));
    if is_text {
        return Err(no_sound("it is text"));
    }
    Ok(wav::raw(body, PCM_RATE))
}

fn no_sound(why: &str) -> Failure {
    Failure::new(Cause::Validation, format!("the answer is no sound: {why}"))
        .hint("`storygen log` shows the whole answer. Is `base_url` right, and the model one that speaks?")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(settings: Value) -> SpeechRequest {
        SpeechRequest {
            text: "To the sea.".into(),
            tags: Vec::new(),
            language: "de".into(),
            voice: Some("alloy".into()),
            speed: 1.0,
            seed: None,
            pronunciation: [("sea".to_owned(), "see".to_owned())].into(),
            settings: settings.as_object().unwrap().clone(),
            before: None,
            after: None,
        }
    }

    fn speaks(model: &str, base: &str) -> OpenAiSpeech {
        OpenAiSpeech::new(model, &Address::parse(base).unwrap())
    }

    fn vendor(model: &str) -> OpenAiSpeech {
        speaks(model, "https://api.openai.com/v1")
    }

    fn sent(speaks: &OpenAiSpeech, request: &SpeechRequest) -> Value {
        serde_json::from_slice(&speaks.call(request).unwrap().body.unwrap()).unwrap()
    }

    #[test]
    fn only_what_is_set_is_sent() {
        let plain = json!({"model": "tts-1", "input": "To the see.", "response_format": "wav", "voice": "alloy"});
        assert_eq!(sent(&vendor("tts-1"), &request(json!({}))), plain);
        let all = SpeechRequest { speed: 1.5, ..request(json!({"instructions": "Softly.", "response_format": "pcm"})) };
        let body = sent(&vendor("gpt-4o-mini-tts"), &all);
        assert_eq!((&body["instructions"], &body["speed"]), (&json!("Softly."), &json!(1.5)));
        let call = vendor("tts-1").call(&request(json!({}))).unwrap();
        assert_eq!((call.path.as_str(), call.answer), ("/audio/speech", AnswerSort::Any));
        let seeded = SpeechRequest { seed: Some(7), ..request(json!({})) };
        assert_eq!(sent(&speaks("kokoro", "http://127.0.0.1:8880/v1"), &seeded)["seed"], 7);
        assert_eq!(sent(&vendor("tts-1"), &seeded), plain, "another take has a seed of ours");
    }

    #[test]
    fn what_it_cannot_be_told_is_refused_with_its_setting() {
        for (model, request, setting) in [
            ("tts-1-hd", request(json!({"instructions": "Softly."})), "settings.instructions"),
            ("tts-1", request(json!({"response_format": "mp3"})), "settings.response_format"),
            ("tts-1", SpeechRequest { seed: Some(7), ..request(json!({})) }, "seed"),
            ("tts-1", SpeechRequest { voice: None, ..request(json!({})) }, "voice"),
        ] {
            assert_eq!(vendor(model).accepts(&request).unwrap_err().setting, setting);
        }
        assert!(vendor("gpt-4o-mini-tts").accepts(&request(json!({"instructions": "Softly."}))).is_ok());
    }

    #[test]
    fn a_reply_is_sound_and_its_words_are_estimated() {
        let samples: Vec<f32> = (0..12_000).map(|i| if i % 9 < 4 { 0.25 } else { -0.25 }).collect();
        let file = wav::write(&samples, 24_000).unwrap();
        let mut unsized_file = file.clone();
        unsized_file[40..44].copy_from_slice(&u32::MAX.to_le_bytes());
        let pcm = json!({"response_format": "pcm"});
        for (body, settings) in [(&file[..], json!({})), (&unsized_file, json!({})), (&file[44..], pcm)] {
            let reply = vendor("tts-1").reply(body, &request(settings)).unwrap();
            assert_eq!((reply.sample_rate, reply.samples.as_slice()), (24_000, samples.as_slice()));
            assert_eq!((reply.characters, reply.spoken_by.as_str()), (Some(11), "tts-1, voice alloy"));
            let words: Vec<&str> = reply.words.iter().map(|word| word.text.as_str()).collect();
            assert_eq!(words, ["To", "the", "sea."]);
            assert!(reply.words.iter().all(|word| word.estimated && word.end > word.start));
        }
    }

    #[test]
    fn what_is_no_sound_is_no_reply() {
        let read = |body: &[u8], settings: Value| vendor("tts-1").reply(body, &request(settings)).unwrap_err().message;
        assert!(read(b"<html>", json!({})).starts_with("the answer is no sound: not a WAV file"));
        let pcm = json!({"response_format": "pcm"});
        assert_eq!(read(br#" {"error": "x"}"#, pcm), "the answer is no sound: it is text");
    }
}
