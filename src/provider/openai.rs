//! OpenAI's chat completions, which every compatible server speaks too (Ollama, llama.cpp, vLLM, LM Studio).
//!
//! A parameter is sent only if the stage sets it: reasoning models refuse those that they do not know.

use crate::base::address::Address;
use crate::base::failure::Failure;
use crate::base::money::Usage;
use crate::provider::api::ApiCall;
use crate::provider::body::{answer, with_extra};
use crate::provider::chat::{ChatReply, ChatRequest, Finish};
use crate::provider::form::{enforceable, requires_all};
use crate::provider::misfit::Misfit;
use crate::provider::writer::ChatApi;
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// How many texts in `stop` the vendor takes.
const STOPS_MAX: usize = 4;

/// What stays as storygen says it.
const OURS: &[&str] = &["model", "messages", "max_tokens", "max_completion_tokens", "n", "stream"];

/// Speaks to OpenAI, or to a server that follows it.
pub struct OpenAi {
    model: String,
    host: Host,
}

/// Who hosts the model.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Host {
    /// The vendor, or Azure for it.
    Vendor,
    /// Whoever follows the vendor's older form.
    Other,
}

#[derive(Deserialize)]
struct Answer {
    model: Option<String>,
    choices: Vec<Choice>,
    usage: Option<Counted>,
}

#[derive(Default, Deserialize)]
struct Choice {
    finish_reason: Option<String>,
    message: Message,
}

#[derive(Default, Deserialize)]
struct Message {
    content: Option<String>,
    refusal: Option<String>,
}

#[derive(Deserialize)]
struct Counted {
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
    prompt_tokens_details: Option<Details>,
}

#[derive(Deserialize)]
struct Details {
    cached_tokens: Option<u64>,
}

/// Tells whether an address is the vendor's own, or Azure's for it.
pub fn is_vendor(base: &Address) -> bool {
    let name = base.vendor();
    name == "api.openai.com" || name.ends_with(".openai.azure.com")
}

impl OpenAi {
    pub fn new(model: &str, base: &Address) -> OpenAi {
        OpenAi { model: model.to_owned(), host: if is_vendor(base) { Host::Vendor } else { Host::Other } }
    }
}

impl OpenAi {
    /// Returns how the reply is to be formed: strictly where the schema lets it. Other servers make grammars of whole schemas;
    /// a gateway among them may ask the vendor, who refuses a strict schema that is not of its form.
    fn format(&self, schema: &Value) -> Value {
        let form = enforceable(schema).filter(requires_all);
        let form = form.filter(|form| self.host == Host::Vendor || form == schema);
        json!({"name": "reply", "strict": form.is_some(), "schema": form.as_ref().unwrap_or(schema)})
    }
}

impl ChatApi for OpenAi {
    fn call(&self, request: &ChatRequest) -> Result<ApiCall, Misfit> {
        if self.host == Host::Vendor && request.stop.len() > STOPS_MAX {
            return Err(Misfit::stops("openai", request.stop.len(), STOPS_MAX));
        }
        let mut messages = Vec::new();
        messages.extend(request.system.iter().map(|system| json!({"role": "system", "content": system})));
        messages.push(json!({"role": "user", "content": request.prompt}));
        let mut body = Map::new();
        body.insert("model".into(), json!(self.model));
        body.insert("messages".into(), json!(messages));
        let bound = if self.host == Host::Vendor { "max_completion_tokens" } else { "max_tokens" };
        body.insert(bound.into(), json!(request.max_tokens));
        if let Some(temperature) = request.temperature {
            body.insert("temperature".into(), json!(temperature));
        }
        if let Some(seed) = request.seed {
            body.insert("seed".into(), json!(seed));
        }
        if !request.stop.is_empty() {
            body.insert("stop".into(), json!(request.stop));
        }
        if let Some(schema) = &request.schema {
            body.insert("response_format".into(), json!({"type": "json_schema", "json_schema": self.format(schema)}));
        }
        with_extra(&mut body, &request.extra, OURS)?;
        Ok(ApiCall::post("/chat/completions", &Value::Object(body)))
    }

    fn reply(&self, body: &[u8]) -> Result<ChatReply, Failure> {
        let answer: Answer = answer(body)?;
        let usage = answer.usage.map_or_else(Usage::default, |counted| Usage {
            input_tokens: counted.prompt_tokens,
            cached_tokens: counted.prompt_tokens_details.and_then(|details| details.cached_tokens),
            output_tokens: counted.completion_tokens,
            ..Usage::default()
        });
        // No choice at all is an empty reply: it was paid for.
        let first = answer.choices.into_iter().next().unwrap_or_default();
        let Message { content, refusal } = first.message;
        let finish = match (first.finish_reason.as_deref(), &refusal) {
            (Some("content_filter"), _) | (_, Some(_)) => Finish::Refusal,
            (Some("length"), _) => Finish::Length,
            _ => Finish::Stop,
        };
        let text = match finish {
            Finish::Refusal => refusal.unwrap_or_else(|| "its content filter stopped it".to_owned()),
            _ => content.unwrap_or_default(),
        };
        let written_by = answer.model.filter(|model| !model.is_empty()).unwrap_or_else(|| self.model.clone());
        Ok(ChatReply { text, finish, written_by, usage, warnings: Vec::new() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> ChatRequest {
        ChatRequest::of("Tell me.", 64)
    }

    fn speaks(base: &str) -> OpenAi {
        OpenAi::new("gpt-4o-mini", &Address::parse(base).unwrap())
    }

    fn sent(speaks: &OpenAi, request: &ChatRequest) -> Value {
        serde_json::from_slice(&speaks.call(request).unwrap().body.unwrap()).unwrap()
    }

    #[test]
    fn only_what_is_set_is_sent() {
        let here = speaks("http://127.0.0.1:8080/v1");
        assert_eq!(
            sent(&here, &request()),
            json!({"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Tell me."}], "max_tokens": 64})
        );
        let vendor = speaks("https://api.openai.com/v1");
        assert_eq!(sent(&vendor, &request())["max_completion_tokens"], 64);
        let all = ChatRequest {
            system: Some("Be brief.".into()),
            temperature: Some(0.5),
            seed: Some(7),
            stop: vec!["END".into()],
            extra: json!({"reasoning_effort": "low"}).as_object().unwrap().clone(),
            ..request()
        };
        let body = sent(&here, &all);
        assert_eq!(body["messages"][0], json!({"role": "system", "content": "Be brief."}));
        assert_eq!(
            (&body["temperature"], &body["seed"], &body["stop"], &body["reasoning_effort"]),
            (&json!(0.5), &json!(7), &json!(["END"]), &json!("low"))
        );
    }

    #[test]
    fn an_extra_field_never_overrules_a_setting() {
        let extra = json!({"model": "other"}).as_object().unwrap().clone();
        let misfit = speaks("http://127.0.0.1:1").call(&ChatRequest { extra, ..request() }).unwrap_err();
        assert_eq!(misfit.setting, "extra.model");
    }

    #[test]
    fn a_schema_is_strict_where_the_vendor_takes_it_so() {
        let format = |base: &str, schema: &Value| {
            let body = sent(&speaks(base), &ChatRequest { schema: Some(schema.clone()), ..request() });
            body["response_format"]["json_schema"].clone()
        };
        let (here, vendor) = ("http://127.0.0.1:1", "https://api.openai.com/v1");
        let fields = json!({"a": {"type": "string", "maxLength": 9}});
        let closed = json!({"type": "object", "properties": fields, "required": ["a"], "additionalProperties": false});
        let told = json!({"a": {"type": "string", "description": "(maxLength: 9)"}});
        let form = json!({"type": "object", "properties": told, "required": ["a"], "additionalProperties": false});
        assert_eq!(format(here, &closed), json!({"name": "reply", "schema": closed, "strict": false}));
        assert_eq!(format(here, &form), json!({"name": "reply", "schema": form, "strict": true}));
        assert_eq!(format(vendor, &closed), json!({"name": "reply", "schema": form, "strict": true}));
        let open = json!({"type": "object", "properties": fields, "additionalProperties": false});
        assert_eq!(format(vendor, &open), json!({"name": "reply", "schema": open, "strict": false}));
    }

    #[test]
    fn only_the_vendor_has_a_bound_of_stops() {
        let stops = ChatRequest { stop: vec!["x".into(); 5], ..request() };
        assert!(speaks("http://127.0.0.1:1").call(&stops).is_ok());
        for host in ["https://api.openai.com/v1", "https://us.openai.azure.com/openai/v1"] {
            let misfit = speaks(host).call(&stops).unwrap_err();
            let told = "a provider of the type `openai` takes up to 4 texts in `stop`, and there are 5";
            assert_eq!((misfit.setting.as_str(), misfit.message.as_str()), ("stop", told));
        }
    }

    #[test]
    fn a_server_without_structured_output_is_asked_without_it() {
        let extra = json!({"response_format": null}).as_object().unwrap().clone();
        let asked = ChatRequest { schema: Some(json!({"type": "object"})), extra, ..request() };
        assert_eq!(sent(&speaks("http://127.0.0.1:1"), &asked).get("response_format"), None);
    }

    #[test]
    fn a_reply_tells_how_it_ended_and_what_was_counted() {
        let read = |body: Value| speaks("http://127.0.0.1:1").reply(body.to_string().as_bytes());
        let reply = read(json!({
            "model": "gpt-4o-mini-2024", "choices": [{"finish_reason": "stop", "message": {"content": "A tale."}}],
            "usage": {"prompt_tokens": 9, "completion_tokens": 4, "prompt_tokens_details": {"cached_tokens": 2}},
        }))
        .unwrap();
        assert_eq!(
            (reply.text.as_str(), reply.finish, reply.written_by.as_str()),
            ("A tale.", Finish::Stop, "gpt-4o-mini-2024")
        );
        let usage = Usage { input_tokens: Some(9), cached_tokens: Some(2), output_tokens: Some(4), ..Usage::default() };
        assert_eq!(reply.usage, usage);
        assert_eq!(read(json!({"choices": []})).unwrap().text, "");
        for (choice, finish, text) in [
            (json!({"finish_reason": "length", "message": {"content": "A t"}}), Finish::Length, "A t"),
            (
                json!({"finish_reason": "stop", "message": {"content": null, "refusal": "I cannot."}}),
                Finish::Refusal,
                "I cannot.",
            ),
            (
                json!({"finish_reason": "content_filter", "message": {"content": ""}}),
                Finish::Refusal,
                "its content filter stopped it",
            ),
            (json!({"finish_reason": "stop", "message": {"content": null}}), Finish::Stop, ""),
        ] {
            let reply = read(json!({ "choices": [choice] })).unwrap();
            assert_eq!((reply.finish, reply.text.as_str(), reply.usage), (finish, text, Usage::default()));
        }
    }

    #[test]
    fn what_is_no_reply_is_none() {
        let read = |body: &str| speaks("http://127.0.0.1:1").reply(body.as_bytes()).unwrap_err().message;
        for body in
            ["<html>", r#"{"error": {}}"#, "", "[]", r#"{"choices": [{"message": {"content": 7}}]}"#, "\u{feff}{}"]
        {
            assert!(read(body).starts_with("the answer is not in the service's form: "), "{body}");
        }
    }
}
