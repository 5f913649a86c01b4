//! A service that hears what is said in a recording: its words, each with its time. Asked through the memory of requests.

use crate::base::digest::Digest;
use crate::base::failure::{Cause, Failure};
use crate::base::money::Usage;
use crate::media::recognise::HeardWord;
use crate::provider::api::{AnswerSort, Api, ApiCall};
use crate::provider::body::answer;
use crate::provider::memory::{Errand, Memory, ROOM_BYTES, Reading, Request, Variant, request_key};
use crate::store::ReplyOutcome;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The form of what is remembered: the service's answer, secrets taken out.
const FORM: &str = "storygen transcription service 1";

/// The largest file that is taken, in bytes.
const FILE_BYTES_MAX: usize = 25 * 1024 * 1024;

/// Hears through OpenAI's transcriptions, or a server that follows them.
#[derive(Clone)]
pub struct Ears {
    api: Arc<Api>,
    model: String,
}

/// What is to be heard.
pub struct Recording<'a> {
    /// What the file is called, for messages.
    pub path: &'a str,
    /// A WAV file.
    pub bytes: &'a [u8],
    pub audio_ms: u64,
    /// BCP 47.
    pub language: &'a str,
}

#[derive(Deserialize)]
struct Answer {
    text: String,
    #[serde(default)]
    words: Vec<Heard>,
}

#[derive(Deserialize)]
struct Heard {
    word: String,
    start: f64,
    end: f64,
}

impl Ears {
    pub fn new(api: Arc<Api>, model: &str) -> Ears {
        Ears { api, model: model.to_owned() }
    }

    /// Returns what may shape an answer: type, model, vendor.
    pub fn identity(&self) -> &str {
        self.api.identity()
    }

    /// Tells, before any work, whether the model can tell when a word is said.
    pub fn accepts(&self) -> Result<(), Failure> {
        let is_vendor = self.api.base().vendor() == "api.openai.com";
        if self.model.contains("transcribe") || is_vendor && self.model != "whisper-1" {
            let message = format!("`{}` does not tell when a word is said", self.model);
            return Err(Failure::new(Cause::Setup, message)
                .hint("Name `model: whisper-1` in the provider: of OpenAI's models that one does."));
        }
        Ok(())
    }

    /// Returns the words of a recording: the remembered ones, else those of a call.
    pub async fn listen(
        &self,
        recording: &Recording<'_>,
        variant: Variant,
        memory: &mut Memory<'_>,
    ) -> Result<Vec<HeardWord>, Failure> {
        self.accepts()?;
        let call = self.call(recording)?;
        let key = request_key(FORM, self.api.identity(), &call.bytes(), variant);
        let usage = Usage { audio_ms: Some(recording.audio_ms), ..Usage::default() };
        let made_by = self.model.clone();
        let reading =
            |body: &[u8]| words(body).map(|_| Reading { made_by: made_by.clone(), usage, outcome: ReplyOutcome::Good });
        let asked = Request { key, description: "the recording", reading: &reading };
        let errand = Errand { api: &self.api, call: &call, most: usage, room_bytes: ROOM_BYTES };
        words(&memory.ask_service(&asked, &errand).await?)
    }

    fn call(&self, recording: &Recording<'_>) -> Result<ApiCall, Failure> {
        let size_bytes = recording.bytes.len();
        if size_bytes > FILE_BYTES_MAX {
            let message = format!(
                "`{}` has {:.1} MB; up to 25 are heard at a time",
                recording.path,
                size_bytes as f64 / (1024.0 * 1024.0)
            );
            return Err(Failure::new(Cause::Setup, message).hint(format!(
                "Make it smaller, `ffmpeg -i {} -ac 1 -ar 16000 small.wav`, or align it with `method: dtw`.",
                recording.path
            )));
        }
        let language = recording.language.split(['-', '_']).next().unwrap_or_default().to_lowercase();
        let fields = [
            ("model", self.model.as_str()),
            ("language", &language),
            ("response_format", "verbose_json"),
            ("timestamp_granularities[]", "word"),
        ];
        Ok(form("/audio/transcriptions", &fields, recording.bytes))
    }
}

/// Returns a call that posts a form with a file. The same form is the same bytes: they are what its key is made of.
fn form(path: &str, fields: &[(&str, &str)], file: &[u8]) -> ApiCall {
    // Nobody can write the digest of a file into that file.
    let boundary = format!("storygen-{}", Digest::of(file));
    let mut body = Vec::with_capacity(file.len() + 1024);
    for (name, value) in fields {
        let part = format!("--{boundary}\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        body.extend(part.into_bytes());
    }
    let head = "content-disposition: form-data; name=\"file\"; filename=\"recording.wav\"\r\ncontent-type: audio/wav";
    body.extend(format!("--{boundary}\r\n{head}\r\n\r\n").into_bytes());
    body.extend(file);
    body.extend(format!("\r\n--{boundary}--\r\n").into_bytes());
    let kind = format!("multipart/form-data; boundary={boundary}");
    ApiCall {
        method: "POST".into(),
        path: path.to_owned(),
        headers: BTreeMap::from([("content-type".into(), kind)]),
        body: Some(body),
        answer: AnswerSort::Text,
    }
}

/// Reads an answer. One that tells no times holds no words: it is not asked for again.
fn words(body: &[u8]) -> Result<Vec<HeardWord>, Failure> {
    let Answer { text, words } = answer(body)?;
    if text.trim().is_empty() && words.is_empty() {
        return Err(Failure::new(Cause::Empty, "nothing was heard in the recording"));
    }
    Ok(words.into_iter().map(|Heard { word, start, end }| HeardWord { text: word, start, end }).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::address::Address;
    use crate::storyfile::service::{Service, ServiceApi};
    use serde_json::json;

    fn ears(model: &str, base: &str) -> Ears {
        let service = Service::at(ServiceApi::OpenAi, Address::parse(base).unwrap());
        Ears::new(Arc::new(Api::new("ears", &service, Arc::default())), model)
    }

    fn recording(bytes: &[u8]) -> Recording<'_> {
        Recording { path: "a.wav", bytes, audio_ms: 1000, language: "pt-BR" }
    }

    #[test]
    fn the_same_recording_is_the_same_bytes() {
        let ears = ears("whisper-1", "https://api.openai.com/v1");
        let call = ears.call(&recording(b"RIFF\r\n--x")).unwrap();
        assert_eq!(call, ears.call(&recording(b"RIFF\r\n--x")).unwrap());
        assert_ne!(call.bytes(), ears.call(&recording(b"RIFF\r\n--y")).unwrap().bytes());
        let boundary = call.headers["content-type"].strip_prefix("multipart/form-data; boundary=").unwrap();
        assert!(boundary.len() <= 70 + 4, "{boundary}");
        let body = String::from_utf8(call.body.clone().unwrap()).unwrap();
        let parts: Vec<&str> = body.split(&format!("--{boundary}")).collect();
        assert_eq!((parts[0], parts[6], parts.len()), ("", "--\r\n", 7));
        assert_eq!(parts[2], "\r\ncontent-disposition: form-data; name=\"language\"\r\n\r\npt\r\n");
        assert!(parts[5].ends_with("content-type: audio/wav\r\n\r\nRIFF\r\n--x\r\n"));
    }

    #[test]
    fn models_without_times_of_words_and_large_files_are_refused_before_any_call() {
        let refused = |model: &str, base: &str| ears(model, base).accepts().map_err(|failure| failure.message);
        let told = |model: &str| Err(format!("`{model}` does not tell when a word is said"));
        assert_eq!(refused("whisper-1", "https://api.openai.com/v1"), Ok(()));
        assert_eq!(refused("gpt-4o-transcribe", "https://api.openai.com/v1"), told("gpt-4o-transcribe"));
        assert_eq!(refused("gpt-4o-mini", "https://api.openai.com/v1"), told("gpt-4o-mini"));
        assert_eq!(refused("whisper-large-v3", "http://127.0.0.1:8000/v1"), Ok(()));
        let large = vec![0; FILE_BYTES_MAX + 1];
        let failure = ears("whisper-1", "http://127.0.0.1:1").call(&recording(&large)).unwrap_err();
        assert_eq!(failure.message, "`a.wav` has 25.0 MB; up to 25 are heard at a time");
        assert!(failure.hint.unwrap().contains("`ffmpeg -i a.wav -ac 1 -ar 16000 small.wav`"));
    }

    #[test]
    fn an_answer_is_words_with_their_times() {
        let read = |body: serde_json::Value| words(body.to_string().as_bytes()).map_err(|failure| failure.message);
        let heard = HeardWord { text: "To".into(), start: 0.5, end: 1.0 };
        let body = json!({"text": "To", "words": [{"word": "To", "start": 0.5, "end": 1}], "duration": 2});
        assert_eq!(read(body), Ok(vec![heard]));
        assert_eq!(read(json!({"text": "To"})), Ok(Vec::new()));
        assert_eq!(read(json!({"text": " "})), Err("nothing was heard in the recording".to_owned()));
        assert!(read(json!({"error": {}})).unwrap_err().starts_with("the answer is not in the service's form"));
    }
}
