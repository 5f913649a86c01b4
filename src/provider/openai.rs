//! OpenAI's chat completions, which every compatible server speaks too (Ollama, llama.cpp, vLLM, LM Studio).
//!
//! A parameter is sent only if the stage sets it: reasoning models refuse those that they do not know.

use crate::base::address::Address;
use crate::base::failure::{Cause, Failure};
use crate::base::money::Usage;
use crate::provider::api::ApiCall;
use crate::provider::chat::{ChatReply, ChatRequest, Finish};
use crate::provider::writer::ChatApi;
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// Speaks to OpenAI, or to a server that follows it.
pub struct OpenAi {
    model: String,
    /// What bounds a reply: the vendor calls it otherwise than the servers that followed its older form.
    bound: &'static str,
}

#[derive(Deserialize)]
struct Answer {
    model: Option<String>,
    choices: Vec<Choice>,
    usage: Option<Counted>,
}

#[derive(Deserialize)]
struct Choice {
    finish_reason: Option<String>,
    message: Message,
}

#[derive(Deserialize)]
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

impl OpenAi {
    pub fn new(model: &str, base: &Address) -> OpenAi {
        let is_vendor = base.vendor() == "api.openai.com";
        let bound = if is_vendor { "max_completion_tokens" } else { "max_tokens" };
        OpenAi { model: model.to_owned(), bound }
    }
}

impl ChatApi for OpenAi {
    fn call(&self, request: &ChatRequest) -> Result<ApiCall, Failure> {
        let mut messages = Vec::new();
        messages.extend(request.system.iter().map(|system| json!({"role": "system", "content": system})));
        messages.push(json!({"role": "user", "content": request.prompt}));
        let mut body = Map::new();
        body.insert("model".into(), json!(self.model));
        body.insert("messages".into(), json!(messages));
        body.insert(self.bound.into(), json!(request.max_tokens));
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
            let format = json!({"name": "reply", "schema": schema, "strict": is_strict(schema)});
            body.insert("response_format".into(), json!({"type": "json_schema", "json_schema": format}));
        }
        with_extra(&mut body, &request.extra)?;
        Ok(ApiCall::post("/chat/completions", &Value::Object(body)))
    }

    fn reply(&self, body: &[u8]) -> Result<ChatReply, Failure> {
        let answer: Answer = answer(body)?;
        let Some(choice) = answer.choices.into_iter().next() else {
            return Err(Failure::new(Cause::Validation, "the answer has no `choices`"));
        };
        let usage = answer.usage.map_or_else(Usage::default, |counted| Usage {
            input_tokens: counted.prompt_tokens,
            cached_tokens: counted.prompt_tokens_details.and_then(|details| details.cached_tokens),
            output_tokens: counted.completion_tokens,
            ..Usage::default()
        });
        let Message { content, refusal } = choice.message;
        let finish = match (choice.finish_reason.as_deref(), &refusal) {
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

/// Reads an answer in a vendor's form of JSON.
pub fn answer<T: for<'de> Deserialize<'de>>(body: &[u8]) -> Result<T, Failure> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    serde_json::from_slice(body).map_err(|error| {
        Failure::new(Cause::Validation, format!("the answer is not in the service's form: {error}"))
            .hint("`storygen log` shows the whole answer. Is `base_url` right?")
    })
}

/// Adds the fields of `extra:`; one that the request has already is another setting's.
pub fn with_extra(body: &mut Map<String, Value>, extra: &Map<String, Value>) -> Result<(), Failure> {
    for (name, value) in extra {
        if body.contains_key(name) {
            return Err(Failure::new(Cause::Setup, format!("`extra.{name}` is set already, by a setting of its own"))
                .hint("Take it out of `extra`."));
        }
        body.insert(name.clone(), value.clone());
    }
    Ok(())
}

/// Tells whether a schema lies in the subset that strict structured output takes: all objects closed, all fields required.
fn is_strict(schema: &Value) -> bool {
    let Some(map) = schema.as_object() else { return schema.is_array() || !schema.is_null() };
    if let Some(fields) = map.get("properties").and_then(Value::as_object) {
        let required: Vec<&str> =
            map.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
        let is_closed = map.get("additionalProperties") == Some(&Value::Bool(false));
        if !is_closed || !fields.keys().all(|name| required.contains(&name.as_str())) {
            return false;
        }
        if !fields.values().all(is_strict) {
            return false;
        }
    }
    map.get("items").is_none_or(is_strict)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> ChatRequest {
        ChatRequest {
            system: None,
            prompt: "Tell me.".into(),
            temperature: None,
            max_tokens: 64,
            seed: None,
            stop: Vec::new(),
            schema: None,
            edit: None,
            extra: Map::new(),
        }
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
        let failure = speaks("http://127.0.0.1:1").call(&ChatRequest { extra, ..request() }).unwrap_err();
        assert_eq!(failure.message, "`extra.model` is set already, by a setting of its own");
    }

    #[test]
    fn a_schema_is_strict_only_where_the_vendor_takes_it_so() {
        let strict = |schema: Value| {
            let body = sent(&speaks("http://127.0.0.1:1"), &ChatRequest { schema: Some(schema), ..request() });
            body["response_format"]["json_schema"]["strict"].as_bool().unwrap()
        };
        let closed = json!({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": false});
        assert!(strict(closed.clone()));
        assert!(strict(json!({"type": "array", "items": closed})));
        assert!(!strict(
            json!({"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": false})
        ));
        assert!(!strict(
            json!({"type": "object", "properties": {"a": {"type": "object", "properties": {"b": {}}}}, "required": ["a"], "additionalProperties": false})
        ));
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
        assert_eq!(read(r#"{"choices": []}"#), "the answer has no `choices`");
        for body in ["<html>", "", "[]", r#"{"choices": [{"message": {"content": 7}}]}"#, "\u{feff}{}"] {
            assert!(read(body).starts_with("the answer is not in the service's form: "), "{body}");
        }
    }
}
