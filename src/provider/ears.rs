//! Who hears what is said in a recording: its words, each with its time. A service, or answers of the repo; asked through
//! the memory of requests.

use crate::base::digest::Digest;
use crate::base::failure::{Cause, Failure};
use crate::base::money::Usage;
use crate::media::recognise::HeardWord;
use crate::provider::api::{AnswerSort, Api, ApiCall};
use crate::provider::body::answer;
use crate::provider::memory::{Errand, Memory, Played, ROOM_BYTES, Reading, Request, Variant, request_key};
use crate::provider::script::{Asked, Script, Words, hearing_content};
use crate::provider::speech::main_language;
use crate::provider::tape::Tape;
use crate::store::ReplyOutcome;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The form of what is remembered of a service: its answer, secrets taken out.
const FORM_SERVICE: &str = "storygen transcription service 1";
/// The form of what is remembered of a script.
const FORM_SCRIPT: &str = "storygen transcription script 1";

/// What is asked for, to a person.
const DESCRIPTION: &str = "the recording";

/// The largest file that is taken, in bytes.
const FILE_BYTES_MAX: usize = 25 * 1024 * 1024;

/// Hears recordings.
#[derive(Clone)]
pub struct Ears {
    source: Source,
    tape: Option<Arc<Tape>>,
}

#[derive(Clone)]
enum Source {
    /// OpenAI's transcriptions, or a server that follows them.
    Service {
        api: Arc<Api>,
        model: String,
    },
    Script(Arc<Script>),
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

/// What is to be heard, as answers of the repo know it: whatever the file is called, whoever hears it.
#[derive(Debug, Serialize)]
pub struct HearingRequest<'a> {
    #[serde(skip)]
    pub file: &'a str,
    /// As services are told it: `en`.
    pub language: String,
    pub audio: String,
}

/// What was heard.
#[derive(Clone, Debug, PartialEq)]
pub struct HeardReply {
    pub text: String,
    /// None where nobody told when they are said.
    pub words: Vec<HeardWord>,
    /// Who heard it, for provenance.
    pub heard_by: String,
}

/// The answer of a service.
#[derive(Serialize, Deserialize)]
struct Answer<'a> {
    text: Cow<'a, str>,
    #[serde(default)]
    words: Vec<Heard<'a>>,
}

#[derive(Serialize, Deserialize)]
struct Heard<'a> {
    word: Cow<'a, str>,
    start: f64,
    end: f64,
}

impl HearingRequest<'_> {
    pub fn words(&self) -> Words<'_> {
        Words::Hearing { file: self.file }
    }
}

impl Recording<'_> {
    fn request(&self) -> HearingRequest<'_> {
        let audio = Digest::of(self.bytes).to_string();
        HearingRequest { file: self.path, language: main_language(self.language), audio }
    }
}

impl Ears {
    pub fn service(api: Arc<Api>, model: &str) -> Ears {
        Ears { source: Source::Service { api, model: model.to_owned() }, tape: None }
    }

    /// Returns ears that play answers of the repo.
    pub fn script(script: Arc<Script>) -> Ears {
        Ears { source: Source::Script(script), tape: None }
    }

    /// Lets a tape hear all that is asked and answered.
    pub fn on(mut self, tape: &Arc<Tape>) -> Ears {
        self.tape = Some(tape.clone());
        self
    }

    /// Returns what may shape an answer: type, model, vendor.
    pub fn identity(&self) -> &str {
        match &self.source {
            Source::Service { api, .. } => api.identity(),
            Source::Script(script) => script.identity(),
        }
    }

    /// Tells, before any work, whether the model can tell when a word is said.
    pub fn accepts(&self) -> Result<(), Failure> {
        let Source::Service { api, model } = &self.source else { return Ok(()) };
        let is_vendor = api.base().vendor() == "api.openai.com";
        if model.contains("transcribe") || is_vendor && model != "whisper-1" {
            let message = format!("`{model}` does not tell when a word is said");
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
        let answer = match &self.source {
            Source::Service { api, model } => asked(api, model, recording, variant, memory).await,
            Source::Script(script) => played(script, recording, variant, memory).await,
        };
        if let Some(tape) = &self.tape {
            tape.hearing(&recording.request(), variant, &memory.payer().action, &answer)?;
        }
        answer.map(|reply| reply.words)
    }
}

async fn asked(
    api: &Arc<Api>,
    model: &str,
    recording: &Recording<'_>,
    variant: Variant,
    memory: &mut Memory<'_>,
) -> Result<HeardReply, Failure> {
    let call = call(model, recording)?;
    let key = request_key(FORM_SERVICE, api.identity(), &call.bytes(), variant);
    let usage = Usage { audio_ms: Some(recording.audio_ms), ..Usage::default() };
    let reading = |body: &[u8]| heard(body, model).map(|reply| reading(&reply, usage));
    let asked = Request { key, description: DESCRIPTION, reading: &reading };
    let errand = Errand { api, call: &call, most: usage, room_bytes: ROOM_BYTES };
    heard(&memory.ask_service(&asked, &errand).await?, model)
}

/// Asks a script. What it says is part of the request's key: another answer of the repo is another memory.
async fn played(
    script: &Script,
    recording: &Recording<'_>,
    variant: Variant,
    memory: &mut Memory<'_>,
) -> Result<HeardReply, Failure> {
    let (request, payer) = (recording.request(), memory.payer());
    let (content, words) = (hearing_content(&request)?, request.words());
    let asked = Asked { request: content, words, variant, stage: &payer.stage, action: &payer.action };
    let (reply, usage) = script.hear(&asked, recording.audio_ms, DESCRIPTION)?;
    let reply = something(reply)?;
    let body = reply.to_bytes()?;
    let key = request_key(FORM_SCRIPT, script.identity(), &[content.as_bytes(), body.as_slice()].concat(), variant);
    let asked = Request { key, description: DESCRIPTION, reading: &|_| Ok(reading(&reply, usage)) };
    let played = Played { name: script.name(), price: script.price(), most: usage, body };
    // What is remembered is this very answer: it is in the key.
    memory.ask_script(&asked, played).await?;
    Ok(reply)
}

fn reading(reply: &HeardReply, usage: Usage) -> Reading {
    Reading { made_by: reply.heard_by.clone(), usage, outcome: ReplyOutcome::Good }
}

impl HeardReply {
    /// Returns the bytes to remember: what a service would have sent.
    fn to_bytes(&self) -> Result<Vec<u8>, Failure> {
        let words = self.words.iter();
        let words = words.map(|word| Heard { word: word.text.as_str().into(), start: word.start, end: word.end });
        let answer = Answer { text: self.text.as_str().into(), words: words.collect() };
        serde_json::to_vec(&answer)
            .map_err(|error| Failure::new(Cause::Machine, format!("write what was heard as JSON: {error}")))
    }
}

fn call(model: &str, recording: &Recording<'_>) -> Result<ApiCall, Failure> {
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
    let language = main_language(recording.language);
    let fields = [
        ("model", model),
        ("language", &language),
        ("response_format", "verbose_json"),
        ("timestamp_granularities[]", "word"),
    ];
    Ok(form("/audio/transcriptions", &fields, recording.bytes))
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
fn heard(body: &[u8], model: &str) -> Result<HeardReply, Failure> {
    let Answer { text, words } = answer(body)?;
    let words = words.into_iter();
    let words = words.map(|Heard { word, start, end }| HeardWord { text: word.into_owned(), start, end });
    something(HeardReply { text: text.into_owned(), words: words.collect(), heard_by: model.to_owned() })
}

fn something(reply: HeardReply) -> Result<HeardReply, Failure> {
    if reply.text.trim().is_empty() && reply.words.is_empty() {
        return Err(Failure::new(Cause::Empty, "nothing was heard in the recording"));
    }
    Ok(reply)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::address::Address;
    use crate::storyfile::service::{Service, ServiceApi};
    use serde_json::json;

    fn ears(model: &str, base: &str) -> Ears {
        let service = Service::at(ServiceApi::OpenAi, Address::parse(base).unwrap());
        Ears::service(Arc::new(Api::new("ears", &service, Arc::default())), model)
    }

    fn recording(bytes: &[u8]) -> Recording<'_> {
        Recording { path: "a.wav", bytes, audio_ms: 1000, language: "pt-BR" }
    }

    #[test]
    fn the_same_recording_is_the_same_bytes() {
        let call = |bytes: &[u8]| super::call("whisper-1", &recording(bytes)).unwrap();
        let (call, same, other) = (call(b"RIFF\r\n--x"), call(b"RIFF\r\n--x"), call(b"RIFF\r\n--y"));
        assert_eq!(call, same);
        assert_ne!(call.bytes(), other.bytes());
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
        let failure = call("whisper-1", &recording(&large)).unwrap_err();
        assert_eq!(failure.message, "`a.wav` has 25.0 MB; up to 25 are heard at a time");
        assert!(failure.hint.unwrap().contains("`ffmpeg -i a.wav -ac 1 -ar 16000 small.wav`"));
    }

    #[test]
    fn an_answer_is_words_with_their_times() {
        let read = |body: serde_json::Value| {
            let reply = heard(body.to_string().as_bytes(), "whisper-1").map_err(|failure| failure.message)?;
            Ok::<_, String>(reply.words)
        };
        let word = HeardWord { text: "To".into(), start: 0.5, end: 1.0 };
        let body = json!({"text": "To", "words": [{"word": "To", "start": 0.5, "end": 1}], "duration": 2});
        assert_eq!(read(body), Ok(vec![word]));
        assert_eq!(read(json!({"text": "To"})), Ok(Vec::new()));
        assert_eq!(read(json!({"text": " "})), Err("nothing was heard in the recording".to_owned()));
        assert!(read(json!({"error": {}})).unwrap_err().starts_with("the answer is not in the service's form"));
    }
}
