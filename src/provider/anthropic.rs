//! Anthropic's messages.

use crate::base::failure::Failure;
use crate::base::money::Usage;
use crate::provider::api::ApiCall;
use crate::provider::body::{answer, with_extra};
use crate::provider::chat::{ChatReply, ChatRequest, Finish};
use crate::provider::form::enforceable;
use crate::provider::misfit::Misfit;
use crate::provider::writer::ChatApi;
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// What stays as storygen says it.
const OURS: &[&str] = &["model", "messages", "max_tokens", "stream"];

/// Speaks to Anthropic.
pub struct Anthropic {
    model: String,
}

#[derive(Deserialize)]
struct Answer {
    model: Option<String>,
    content: Vec<Block>,
    stop_reason: Option<String>,
    usage: Option<Counted>,
}

/// Text, or a thought, which is none.
#[derive(Deserialize)]
struct Block {
    text: Option<String>,
}

#[derive(Deserialize)]
struct Counted {
    input_tokens: Option<u64>,
    cache_creation_input_tokens: Option<u64>,
    cache_read_input_tokens: Option<u64>,
    output_tokens: Option<u64>,
}

impl Anthropic {
    pub fn new(model: &str) -> Anthropic {
        Anthropic { model: model.to_owned() }
    }
}

impl ChatApi for Anthropic {
    fn call(&self, request: &ChatRequest) -> Result<ApiCall, Misfit> {
        if request.seed.is_some() {
            let message = "a provider of the type `anthropic` takes no `seed`";
            return Err(Misfit::new(
                "seed",
                message,
                "Leave it out, or write `seed: ~`: answers are remembered anyhow.",
            ));
        }
        if request.temperature.is_some_and(|temperature| temperature > 1.0) {
            let message = "a provider of the type `anthropic` takes a `temperature` from 0 to 1";
            return Err(Misfit::new("temperature", message, "Its 1 is as free as it gets."));
        }
        let mut body = Map::new();
        body.insert("model".into(), json!(self.model));
        body.insert("max_tokens".into(), json!(request.max_tokens));
        if let Some(system) = &request.system {
            body.insert("system".into(), json!(system));
        }
        body.insert("messages".into(), json!([{"role": "user", "content": request.prompt}]));
        if let Some(temperature) = request.temperature {
            body.insert("temperature".into(), json!(temperature));
        }
        if !request.stop.is_empty() {
            body.insert("stop_sequences".into(), json!(request.stop));
        }
        if let Some(schema) = &request.schema {
            // One that has no such form is told as it is: the vendor says best what is wrong with it.
            let schema = enforceable(schema).unwrap_or_else(|| schema.clone());
            body.insert("output_config".into(), json!({"format": {"type": "json_schema", "schema": schema}}));
        }
        with_extra(&mut body, &request.extra, OURS)?;
        Ok(ApiCall::post("/v1/messages", &Value::Object(body)))
    }

    fn reply(&self, body: &[u8]) -> Result<ChatReply, Failure> {
        let answer: Answer = answer(body)?;
        let finish = match answer.stop_reason.as_deref() {
            Some("refusal") => Finish::Refusal,
            Some("max_tokens" | "model_context_window_exceeded") => Finish::Length,
            _ => Finish::Stop,
        };
        let text = match finish {
            // What was written until then is no word of the refusal.
            Finish::Refusal => String::new(),
            _ => answer.content.into_iter().filter_map(|block| block.text).collect(),
        };
        let written_by = answer.model.filter(|model| !model.is_empty()).unwrap_or_else(|| self.model.clone());
        Ok(ChatReply { text, finish, written_by, usage: usage(answer.usage), warnings: Vec::new() })
    }
}

/// The vendor counts what came from its cache apart.
fn usage(counted: Option<Counted>) -> Usage {
    let Some(counted) = counted else { return Usage::default() };
    let cached = counted.cache_read_input_tokens;
    let beside = cached.unwrap_or(0) + counted.cache_creation_input_tokens.unwrap_or(0);
    Usage {
        input_tokens: counted.input_tokens.map(|input| input + beside),
        cached_tokens: cached,
        output_tokens: counted.output_tokens,
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
        let call = Anthropic::new("claude-x").call(request).unwrap();
        assert_eq!((call.method.as_str(), call.path.as_str()), ("POST", "/v1/messages"));
        serde_json::from_slice(&call.body.unwrap()).unwrap()
    }

    #[test]
    fn only_what_is_set_is_sent() {
        let messages = json!([{"role": "user", "content": "Tell me."}]);
        assert_eq!(sent(&request()), json!({"model": "claude-x", "max_tokens": 64, "messages": messages}));
        let all = ChatRequest {
            system: Some("Be brief.".into()),
            temperature: Some(1.0),
            stop: vec!["END".into()],
            schema: Some(json!({"type": "object", "properties": {"a": {"type": "string", "maxLength": 9}}})),
            extra: json!({"top_k": 5, "output_config": {"effort": "low"}}).as_object().unwrap().clone(),
            ..request()
        };
        let body = sent(&all);
        assert_eq!(
            (&body["system"], &body["temperature"], &body["stop_sequences"], &body["top_k"]),
            (&json!("Be brief."), &json!(1.0), &json!(["END"]), &json!(5))
        );
        let fields = json!({"a": {"type": "string", "description": "(maxLength: 9)"}});
        let schema = json!({"type": "object", "properties": fields, "additionalProperties": false});
        let config = json!({"format": {"type": "json_schema", "schema": schema}, "effort": "low"});
        assert_eq!(body["output_config"], config);
    }

    #[test]
    fn what_the_vendor_does_not_take_names_its_setting() {
        let misfit = |request: ChatRequest| Anthropic::new("claude-x").call(&request).unwrap_err();
        let seed = misfit(ChatRequest { seed: Some(7), ..request() });
        assert_eq!(
            (seed.setting.as_str(), seed.message.as_str()),
            ("seed", "a provider of the type `anthropic` takes no `seed`")
        );
        assert_eq!(misfit(ChatRequest { temperature: Some(1.5), ..request() }).setting, "temperature");
        let extra = json!({"stream": true}).as_object().unwrap().clone();
        assert_eq!(misfit(ChatRequest { extra, ..request() }).setting, "extra.stream");
    }

    #[test]
    fn a_reply_tells_how_it_ended_and_what_was_counted() {
        let read = |body: Value| Anthropic::new("claude-x").reply(body.to_string().as_bytes()).unwrap();
        let usage = json!({"input_tokens": 5, "cache_read_input_tokens": 3, "cache_creation_input_tokens": 2, "output_tokens": 4});
        let thought = json!({"type": "thinking", "thinking": "Hm.", "signature": "x"});
        let content = json!([thought, {"type": "text", "text": "A "}, {"type": "text", "text": "tale."}]);
        let reply = read(json!({"model": "claude-x-1", "content": content, "stop_reason": "end_turn", "usage": usage}));
        let usage =
            Usage { input_tokens: Some(10), cached_tokens: Some(3), output_tokens: Some(4), ..Usage::default() };
        assert_eq!(
            (reply.text.as_str(), reply.finish, reply.written_by.as_str(), reply.usage),
            ("A tale.", Finish::Stop, "claude-x-1", usage)
        );
        for (reason, finish, text) in [
            ("max_tokens", Finish::Length, "A t"),
            ("model_context_window_exceeded", Finish::Length, "A t"),
            ("refusal", Finish::Refusal, ""),
            ("stop_sequence", Finish::Stop, "A t"),
        ] {
            let reply = read(json!({"content": [{"type": "text", "text": "A t"}], "stop_reason": reason}));
            assert_eq!((reply.finish, reply.text.as_str(), reply.usage), (finish, text, Usage::default()), "{reason}");
        }
        assert_eq!(read(json!({"content": [], "stop_reason": "end_turn"})).text, "");
    }

    #[test]
    fn what_is_no_reply_is_none() {
        for body in ["<html>", "", "{}", r#"{"type": "error", "error": {}}"#, r#"{"content": [{"text": 7}]}"#] {
            let failure = Anthropic::new("claude-x").reply(body.as_bytes()).unwrap_err();
            assert!(failure.message.starts_with("the answer is not in the service's form: "), "{body}");
        }
    }
}
