//! OpenAI's chat completions, and what every server that speaks as it does shares.

use super::answer::{Answer, Problem};
use super::asked::{Asked, Sent};
use super::desk::Manner;
use super::fault::Refusal;
use super::fields::{Field, Holds, Slip, may, must, slip, unknown};
use super::mint::{Mint, REASONING_TOKENS, Reply, Stop, Wish, content_text, tokens};
use serde_json::{Map, Value, json};

const MANY: i64 = 1 << 31;
const CHAT: &[Field] = &[
    must("model", Holds::Text),
    must("messages", Holds::List),
    may("temperature", Holds::Number(0.0, 2.0)),
    may("top_p", Holds::Number(0.0, 1.0)),
    may("max_completion_tokens", Holds::Integer(1, MANY)),
    may("max_tokens", Holds::Integer(1, MANY)),
    may("n", Holds::Integer(1, 128)),
    may("seed", Holds::Integer(i64::MIN, i64::MAX)),
    may("stop", Holds::Anything),
    may("presence_penalty", Holds::Number(-2.0, 2.0)),
    may("frequency_penalty", Holds::Number(-2.0, 2.0)),
    may("reasoning_effort", Holds::OneOf(&["none", "minimal", "low", "medium", "high", "xhigh"])),
    may("verbosity", Holds::OneOf(&["low", "medium", "high"])),
    may("service_tier", Holds::OneOf(&["auto", "default", "flex", "priority"])),
    may("metadata", Holds::Object),
    may("store", Holds::Flag),
    may("stream", Holds::Flag),
    may("stream_options", Holds::Object),
    may("response_format", Holds::Object),
    may("user", Holds::Text),
    may("prompt_cache_key", Holds::Text),
    may("safety_identifier", Holds::Text),
];
const ROLES: [&str; 6] = ["developer", "system", "user", "assistant", "tool", "function"];

/// `POST /v1/chat/completions`.
pub fn chat(asked: &Asked, mint: &mut Mint<'_>) -> Result<Answer, Problem> {
    let body = fields(asked, CHAT, mint.manner)?;
    let model = known_model(&body, mint.manner, &["gpt-", "chatgpt-", "o1", "o3", "o4"])?;
    let reasons = model.starts_with('o') || model.starts_with("gpt-5");
    if mint.manner == Manner::Strict {
        suits_model(&body, if reasons { Thinks::First } else { Thinks::Aloud })?;
    }
    if body.get("stream") == Some(&json!(true)) {
        return Err(invalid("This server does not stream.", "stream", "unsupported_value"));
    }
    let prompt = prompt(&body)?;
    let schema = schema(body.get("response_format").unwrap_or(&Value::Null), &prompt)?;
    let limit = body.get("max_completion_tokens").or(body.get("max_tokens"));
    let reasoning = if reasons { REASONING_TOKENS } else { 0 };
    let wish = Wish { prompt, tokens_max: limit.and_then(Value::as_u64), schema, reasoning };
    let count = body.get("n").and_then(Value::as_u64).unwrap_or(1) as usize;
    let replies: Vec<Reply> = (0..count).map(|choice| mint.reply(&wish, choice)).collect();
    let choices: Vec<Value> = replies.iter().enumerate().filter_map(|(index, reply)| choice(index, reply)).collect();
    let made: u64 = replies.iter().map(|reply| reply.tokens.made).sum();
    let spent = replies[0].tokens;
    let mut value = json!({
        "id": mint.id("chatcmpl-"), "object": "chat.completion", "created": 1_750_000_000 + mint.number,
        "model": model, "system_fingerprint": "fp_44709d6fcb", "service_tier": "default", "choices": choices,
        "usage": mint.usage(json!({
            "prompt_tokens": spent.asked, "completion_tokens": made, "total_tokens": spent.asked + made,
            "prompt_tokens_details": { "cached_tokens": spent.cached, "audio_tokens": 0 },
            "completion_tokens_details": { "reasoning_tokens": spent.reasoning, "audio_tokens": 0 },
        })),
    });
    if value["usage"].is_null() {
        value.as_object_mut().expect("an answer is an object").remove("usage");
    }
    Ok(Answer::generated(&value, &replies[0].text, spent.asked + made))
}

fn choice(index: usize, reply: &Reply) -> Option<Value> {
    let (reason, content, refusal) = match reply.stop {
        Stop::Nothing => return None,
        Stop::End => ("stop", json!(reply.text), Value::Null),
        Stop::Length => ("length", json!(reply.text), Value::Null),
        Stop::Filtered => ("content_filter", json!(reply.text), Value::Null),
        Stop::Refused => ("stop", Value::Null, json!("I'm sorry, I can't assist with that.")),
        Stop::Null => ("stop", Value::Null, Value::Null),
    };
    let message = json!({ "role": "assistant", "content": content, "refusal": refusal, "annotations": [] });
    Some(json!({ "index": index, "message": message, "logprobs": null, "finish_reason": reason }))
}

/// Whether a model thinks before it speaks: then some settings are not for it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Thinks {
    First,
    Aloud,
}

fn suits_model(body: &Map<String, Value>, thinks: Thinks) -> Result<(), Problem> {
    let unsupported = |name: &str, advice: &str| {
        let message = format!("Unsupported parameter: '{name}' is not supported with this model.{advice}");
        Err(invalid(message, name, "unsupported_parameter"))
    };
    match thinks {
        Thinks::First if body.contains_key("max_tokens") => {
            unsupported("max_tokens", " Use 'max_completion_tokens' instead.")
        }
        Thinks::Aloud if body.contains_key("reasoning_effort") => unsupported("reasoning_effort", ""),
        Thinks::Aloud => Ok(()),
        Thinks::First => {
            for (name, only) in
                [("temperature", 1.0), ("top_p", 1.0), ("presence_penalty", 0.0), ("frequency_penalty", 0.0)]
            {
                let Some(value) = body.get(name).and_then(Value::as_f64).filter(|value| *value != only) else {
                    continue;
                };
                let message = format!(
                    "Unsupported value: '{name}' does not support {value} with this model. Only the default ({only}) value is supported."
                );
                return Err(invalid(message, name, "unsupported_value"));
            }
            Ok(())
        }
    }
}

fn prompt(body: &Map<String, Value>) -> Result<String, Problem> {
    let messages = body["messages"].as_array().expect("its kind was checked");
    if messages.is_empty() {
        let message =
            "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array instead.";
        return Err(invalid(message, "messages", "empty_array"));
    }
    for (place, message) in messages.iter().enumerate() {
        let role = message["role"].as_str().unwrap_or_default();
        if !ROLES.contains(&role) {
            let param = format!("messages[{place}].role");
            return Err(invalid(format!("Invalid value: '{role}'."), &param, "invalid_value"));
        }
        if !(message["content"].is_string() || message["content"].is_array()) {
            let param = format!("messages[{place}].content");
            return Err(invalid(format!("Invalid type for '{param}'."), &param, "invalid_type"));
        }
    }
    Ok(messages.iter().map(|message| content_text(&message["content"])).collect::<Vec<_>>().join("\n"))
}

/// Returns the schema that the answer must satisfy; `true` means any JSON.
fn schema(format: &Value, prompt: &str) -> Result<Option<Value>, Problem> {
    let wrong = |message: &str, param: &str| Err(Problem::new(400, message).param(param));
    match format["type"].as_str() {
        None if format.is_null() => Ok(None),
        Some("text") => Ok(None),
        Some("json_object") if !prompt.to_lowercase().contains("json") => wrong(
            "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'.",
            "messages",
        ),
        Some("json_object") => Ok(Some(json!(true))),
        Some("json_schema") => {
            let inner = &format["json_schema"];
            let name = inner["name"].as_str().unwrap_or_default();
            let is_name = |name: &str| name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
            if name.is_empty() || name.len() > 64 || !is_name(name) {
                return wrong("Invalid 'response_format.json_schema.name'.", "response_format.json_schema.name");
            }
            if !inner["schema"].is_object() {
                return wrong("Missing required parameter.", "response_format.json_schema.schema");
            }
            if inner["strict"] == json!(true) && !is_strict(&inner["schema"]) {
                let why = "'additionalProperties' is required to be supplied and to be false, and 'required' to have every key in properties.";
                return wrong(&format!("Invalid schema for response_format '{name}': {why}"), "response_format");
            }
            Ok(Some(inner["schema"].clone()))
        }
        _ => wrong("Invalid value: 'response_format.type'.", "response_format.type"),
    }
}

/// Whether each object of the schema closes itself and requires all that it has.
fn is_strict(schema: &Value) -> bool {
    let closes = || {
        let Some(properties) = schema["properties"].as_object() else { return schema["type"] != "object" };
        let required = schema["required"].as_array();
        schema["additionalProperties"] == json!(false)
            && properties.keys().all(|name| required.is_some_and(|names| names.contains(&json!(name))))
    };
    match schema {
        Value::Object(members) => closes() && members.values().all(is_strict),
        Value::Array(items) => items.iter().all(is_strict),
        _ => true,
    }
}

/// `GET /v1/models`.
pub fn models(_: &Asked, _: &mut Mint<'_>) -> Result<Answer, Problem> {
    let ids =
        ["gpt-4o-mini", "gpt-4o", "gpt-4.1-mini", "gpt-5-mini", "o4-mini", "tts-1", "gpt-4o-mini-tts", "whisper-1"];
    let model = |id: &str| json!({ "id": id, "object": "model", "created": 1_720_000_000, "owned_by": "system" });
    Ok(Answer::facts(200, &json!({ "object": "list", "data": ids.map(model) })))
}

/// `/echo`: what was asked, and an answer to it.
pub fn echo(asked: &Asked, mint: &mut Mint<'_>) -> Result<Answer, Problem> {
    let headers: Map<String, Value> = asked.headers.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    let text = mint.text(0);
    let value = json!({
        "answer": text, "method": asked.method, "path": asked.path, "query": asked.query, "headers": headers,
        "body": asked.value(),
    });
    Ok(Answer::generated(&value, &text, tokens(&asked.value().to_string())))
}

/// Any other path.
pub fn nothing(asked: &Asked, _: &mut Mint<'_>) -> Result<Answer, Problem> {
    Err(Problem::new(404, format!("Invalid URL ({} {})", asked.method, asked.path)))
}

/// Returns the fields of a JSON body, if they are as OpenAI wants them.
pub fn fields(asked: &Asked, known: &[Field], manner: Manner) -> Result<Map<String, Value>, Problem> {
    let Sent::Json(Value::Object(body)) = &asked.sent else {
        return Err(Problem::new(400, "We could not parse the JSON body of your request."));
    };
    let strange = if manner == Manner::Strict { unknown(body, known) } else { None };
    strange.or_else(|| slip(body, known)).map_or(Ok(body.clone()), |slip| Err(told(slip)))
}

/// Returns the model, if there is one of that name.
pub fn known_model(body: &Map<String, Value>, manner: Manner, heads: &[&str]) -> Result<String, Problem> {
    let model = body["model"].as_str().unwrap_or_default();
    if manner == Manner::Local || heads.iter().any(|head| model.starts_with(head)) {
        return Ok(model.to_owned());
    }
    let message = format!("The model `{model}` does not exist or you do not have access to it.");
    Err(Problem::new(404, message).code("model_not_found"))
}

pub fn invalid(message: impl Into<String>, param: &str, code: &str) -> Problem {
    Problem::new(400, message).param(param).code(code)
}

pub fn told(slip: Slip) -> Problem {
    match slip {
        Slip::Missing(name) => {
            invalid(format!("Missing required parameter: '{name}'."), &name, "missing_required_parameter")
        }
        Slip::Unknown(name) => invalid(format!("Unknown parameter: '{name}'."), &name, "unknown_parameter"),
        Slip::Kind { name, wanted, got } => {
            let message = format!("Invalid type for '{name}': expected {wanted}, but got {got} instead.");
            invalid(message, &name, "invalid_type")
        }
        Slip::Range { name, least, most } => {
            invalid(format!("Invalid '{name}': expected a value from {least} to {most}."), &name, "invalid_value")
        }
        Slip::Choice { name, got, choices } => {
            let choices = choices.join("', '");
            invalid(format!("Invalid value: '{got}'. Supported values are: '{choices}'."), &name, "invalid_value")
        }
    }
}

/// What OpenAI says with a status.
pub fn refusal(refusal: &Refusal) -> Problem {
    match refusal {
        Refusal::RateLimited | Refusal::TooManyConcurrent | Refusal::Status(429) => {
            let message =
                "Rate limit reached for gpt-4o-mini in organization org-x on requests per min (RPM): Limit 500.";
            Problem::new(429, message).code("rate_limit_exceeded")
        }
        Refusal::OutOfQuota => {
            let message = "You exceeded your current quota, please check your plan and billing details.";
            Problem::new(429, message).code("insufficient_quota")
        }
        Refusal::SystemBusy => Problem::new(503, "The engine is currently overloaded, please try again later."),
        Refusal::Exactly(problem) => problem.clone(),
        Refusal::Status(400) => invalid("Invalid value for 'temperature'.", "temperature", "invalid_value"),
        Refusal::Status(401) => Problem::new(401, "Incorrect API key provided.").code("invalid_api_key"),
        Refusal::Status(403) => Problem::new(403, "Country, region, or territory not supported.")
            .code("unsupported_country_region_territory"),
        Refusal::Status(404) => Problem::new(404, "The model does not exist.").code("model_not_found"),
        Refusal::Status(status) if *status < 500 => Problem::new(*status, "The request cannot be served."),
        Refusal::Status(status) => {
            Problem::new(*status, "The server had an error while processing your request. Sorry about that!")
        }
    }
}

/// A problem in OpenAI's JSON.
pub fn error(problem: &Problem) -> Value {
    let kind = match (problem.status, problem.code.as_deref()) {
        (_, Some("insufficient_quota")) => "insufficient_quota",
        (429, _) => "requests",
        (500.., _) => "server_error",
        _ => "invalid_request_error",
    };
    json!({ "error": { "message": problem.message, "type": kind, "param": problem.param, "code": problem.code } })
}
