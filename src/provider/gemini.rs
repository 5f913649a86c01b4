//! Gemini's `generateContent`.

use crate::base::failure::{Cause, Failure};
use crate::base::money::Usage;
use crate::provider::api::ApiCall;
use crate::provider::body::{answer, with_extra};
use crate::provider::chat::{ChatReply, ChatRequest, Finish};
use crate::provider::misfit::Misfit;
use crate::provider::writer::ChatApi;
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// How many texts in `stop` the vendor takes.
const STOPS_MAX: usize = 5;

/// What stays as storygen says it.
const OURS: &[&str] = &["contents", "generationConfig.maxOutputTokens", "generationConfig.candidateCount"];

/// Speaks to Gemini.
pub struct Gemini {
    model: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    candidates: Option<Vec<Candidate>>,
    prompt_feedback: Option<Feedback>,
    model_version: Option<String>,
    usage_metadata: Option<Counted>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Candidate {
    content: Option<Content>,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Content {
    #[serde(default)]
    parts: Vec<Part>,
}

#[derive(Deserialize)]
struct Part {
    text: Option<String>,
    /// It is about the answer, and not of it.
    #[serde(default)]
    thought: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Feedback {
    block_reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Counted {
    prompt_token_count: Option<u64>,
    cached_content_token_count: Option<u64>,
    candidates_token_count: Option<u64>,
    thoughts_token_count: Option<u64>,
}

impl Gemini {
    pub fn new(model: &str) -> Gemini {
        Gemini { model: model.to_owned() }
    }
}

impl ChatApi for Gemini {
    fn call(&self, request: &ChatRequest) -> Result<ApiCall, Misfit> {
        if request.stop.len() > STOPS_MAX {
            return Err(Misfit::stops("gemini", request.stop.len(), STOPS_MAX));
        }
        let mut body = Map::new();
        if let Some(system) = &request.system {
            body.insert("systemInstruction".into(), json!({"parts": [{"text": system}]}));
        }
        body.insert("contents".into(), json!([{"role": "user", "parts": [{"text": request.prompt}]}]));
        body.insert("generationConfig".into(), Value::Object(config(request)));
        with_extra(&mut body, &request.extra, OURS)?;
        Ok(ApiCall::post(&format!("/v1beta/models/{}:generateContent", self.model), &Value::Object(body)))
    }

    fn reply(&self, body: &[u8]) -> Result<ChatReply, Failure> {
        let Answer { candidates, prompt_feedback, model_version, usage_metadata } = answer(body)?;
        let blocked = prompt_feedback.and_then(|feedback| feedback.block_reason);
        if candidates.is_none() && blocked.is_none() {
            return Err(Failure::new(Cause::Validation, "the answer has no `candidates`"));
        }
        let first = candidates.into_iter().flatten().next();
        let reason = first.as_ref().and_then(|first| first.finish_reason.clone()).or(blocked.clone());
        let finish = match reason.as_deref() {
            _ if blocked.is_some() => Finish::Refusal,
            Some("SAFETY" | "RECITATION" | "BLOCKLIST" | "PROHIBITED_CONTENT" | "SPII") => Finish::Refusal,
            Some("MAX_TOKENS") => Finish::Length,
            _ => Finish::Stop,
        };
        let text = match finish {
            Finish::Refusal => format!("its filter stopped it ({})", reason.unwrap_or_default()),
            _ => first.and_then(|first| first.content).map(spoken).unwrap_or_default(),
        };
        let written_by = model_version.filter(|model| !model.is_empty()).unwrap_or_else(|| self.model.clone());
        Ok(ChatReply { text, finish, written_by, usage: usage(usage_metadata), warnings: Vec::new() })
    }
}

fn config(request: &ChatRequest) -> Map<String, Value> {
    let mut config = Map::new();
    config.insert("maxOutputTokens".into(), json!(request.max_tokens));
    if let Some(temperature) = request.temperature {
        config.insert("temperature".into(), json!(temperature));
    }
    if let Some(seed) = request.seed {
        config.insert("seed".into(), json!(folded(seed)));
    }
    if !request.stop.is_empty() {
        config.insert("stopSequences".into(), json!(request.stop));
    }
    if let Some(schema) = &request.schema {
        config.insert("responseMimeType".into(), json!("application/json"));
        config.insert("responseJsonSchema".into(), schema.clone());
    }
    config
}

/// The vendor's seeds have 31 bits; those that later samples and takes are given have more.
fn folded(seed: u64) -> u64 {
    seed & u64::from(i32::MAX.unsigned_abs())
}

fn spoken(content: Content) -> String {
    content.parts.into_iter().filter(|part| !part.thought).filter_map(|part| part.text).collect()
}

/// Thoughts are paid for as words are.
fn usage(counted: Option<Counted>) -> Usage {
    let Some(counted) = counted else { return Usage::default() };
    let (said, thought) = (counted.candidates_token_count, counted.thoughts_token_count);
    Usage {
        input_tokens: counted.prompt_token_count,
        cached_tokens: counted.cached_content_token_count,
        output_tokens: said.or(thought).map(|_| said.unwrap_or(0) + thought.unwrap_or(0)),
        ..Usage::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> ChatRequest {
        ChatRequest::of("Tell me.", 64)
    }

    fn sent(request: &ChatRequest) -> Value {
        let call = Gemini::new("gemini-x").call(request).unwrap();
        assert_eq!((call.method.as_str(), call.path.as_str()), ("POST", "/v1beta/models/gemini-x:generateContent"));
        serde_json::from_slice(&call.body.unwrap()).unwrap()
    }

    #[test]
    fn only_what_is_set_is_sent() {
        let contents = json!([{"role": "user", "parts": [{"text": "Tell me."}]}]);
        assert_eq!(sent(&request()), json!({"contents": contents, "generationConfig": {"maxOutputTokens": 64}}));
        let schema = json!({"type": "object", "properties": {"a": {"maxLength": 9}}});
        let all = ChatRequest {
            system: Some("Be brief.".into()),
            temperature: Some(0.5),
            seed: Some(7),
            stop: vec!["END".into()],
            schema: Some(schema.clone()),
            extra: json!({"safetySettings": [], "generationConfig": {"thinkingConfig": {"thinkingBudget": 0}}})
                .as_object()
                .unwrap()
                .clone(),
            ..request()
        };
        let body = sent(&all);
        assert_eq!(body["systemInstruction"], json!({"parts": [{"text": "Be brief."}]}));
        let config = json!({
            "maxOutputTokens": 64, "temperature": 0.5, "seed": 7, "stopSequences": ["END"],
            "responseMimeType": "application/json", "responseJsonSchema": schema, "thinkingConfig": {"thinkingBudget": 0},
        });
        assert_eq!((&body["generationConfig"], &body["safetySettings"]), (&config, &json!([])));
    }

    #[test]
    fn every_seed_has_its_place_among_those_of_the_vendor() {
        let seed = |seed: u64| sent(&ChatRequest { seed: Some(seed), ..request() })["generationConfig"]["seed"].clone();
        assert_eq!(
            (seed(i32::MAX as u64), seed(u64::MAX), seed(1 << 31)),
            (json!(i32::MAX), json!(i32::MAX), json!(0))
        );
    }

    #[test]
    fn what_the_vendor_does_not_take_names_its_setting() {
        let misfit = |request: ChatRequest| Gemini::new("gemini-x").call(&request).unwrap_err();
        let stops = misfit(ChatRequest { stop: vec!["x".into(); 6], ..request() });
        let told = "a provider of the type `gemini` takes up to 5 texts in `stop`, and there are 6";
        assert_eq!((stops.setting.as_str(), stops.message.as_str()), ("stop", told));
        let extra = json!({"generationConfig": {"candidateCount": 2}}).as_object().unwrap().clone();
        assert_eq!(misfit(ChatRequest { extra, ..request() }).setting, "extra.generationConfig.candidateCount");
    }

    #[test]
    fn a_reply_tells_how_it_ended_and_what_was_counted() {
        let read = |body: Value| Gemini::new("gemini-x").reply(body.to_string().as_bytes()).unwrap();
        let parts = json!([{"text": "Hm.", "thought": true}, {"text": "A "}, {"text": "tale."}]);
        let counted = json!({"promptTokenCount": 9, "cachedContentTokenCount": 2, "candidatesTokenCount": 4, "thoughtsTokenCount": 30});
        let reply = read(json!({
            "candidates": [{"content": {"parts": parts}, "finishReason": "STOP"}], "usageMetadata": counted, "modelVersion": "gemini-x-1",
        }));
        let usage =
            Usage { input_tokens: Some(9), cached_tokens: Some(2), output_tokens: Some(34), ..Usage::default() };
        assert_eq!(
            (reply.text.as_str(), reply.finish, reply.written_by.as_str(), reply.usage),
            ("A tale.", Finish::Stop, "gemini-x-1", usage)
        );
        for (body, finish, text) in [
            (
                json!({"candidates": [{"content": {"parts": [{"text": "A t"}]}, "finishReason": "MAX_TOKENS"}]}),
                Finish::Length,
                "A t",
            ),
            (json!({"candidates": [{"content": {}, "finishReason": "MAX_TOKENS"}]}), Finish::Length, ""),
            (json!({"candidates": [{"finishReason": "SAFETY"}]}), Finish::Refusal, "its filter stopped it (SAFETY)"),
            (
                json!({"candidates": [{"finishReason": "RECITATION"}]}),
                Finish::Refusal,
                "its filter stopped it (RECITATION)",
            ),
            (json!({"promptFeedback": {"blockReason": "OTHER"}}), Finish::Refusal, "its filter stopped it (OTHER)"),
            (json!({"candidates": []}), Finish::Stop, ""),
        ] {
            let reply = read(body.clone());
            assert_eq!((reply.finish, reply.text.as_str(), reply.usage), (finish, text, Usage::default()), "{body}");
        }
    }

    #[test]
    fn what_is_no_reply_is_none() {
        let read = |body: &str| Gemini::new("gemini-x").reply(body.as_bytes()).unwrap_err().message;
        assert_eq!(read(r#"{"error": {"code": 500}}"#), "the answer has no `candidates`");
        for body in ["<html>", "", "[]", r#"{"candidates": [{"content": {"parts": [{"text": 7}]}}]}"#] {
            assert!(read(body).starts_with("the answer is not in the service's form: "), "{body}");
        }
    }
}
