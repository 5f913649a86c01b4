//! Anthropic's messages.

use super::answer::{Answer, Problem};
use super::asked::{Asked, Sent};
use super::desk::Manner;
use super::fault::Refusal;
use super::fields::{Field, Holds, Slip, may, must, slip, unknown};
use super::mint::{Mint, Stop, Wish, content_text};
use serde_json::{Map, Value, json};

const MESSAGES: &[Field] = &[
    must("model", Holds::Text),
    must("max_tokens", Holds::Integer(1, 128_000)),
    must("messages", Holds::List),
    may("system", Holds::Anything),
    may("temperature", Holds::Number(0.0, 1.0)),
    may("top_p", Holds::Number(0.0, 1.0)),
    may("top_k", Holds::Integer(0, 1 << 20)),
    may("stop_sequences", Holds::List),
    may("thinking", Holds::Object),
    may("output_config", Holds::Object),
    may("service_tier", Holds::OneOf(&["auto", "standard_only"])),
    may("metadata", Holds::Object),
    may("stream", Holds::Flag),
];

/// `POST /v1/messages`.
pub fn messages(asked: &Asked, mint: &mut Mint<'_>) -> Result<Answer, Problem> {
    has_version(asked)?;
    let body = fields(asked, mint.manner)?;
    let model = body["model"].as_str().unwrap_or_default();
    if !model.starts_with("claude-") {
        return Err(Problem::new(404, format!("model: {model}")));
    }
    if body.get("stream") == Some(&json!(true)) {
        return Err(Problem::new(400, "stream: this server does not stream"));
    }
    let wish = Wish {
        prompt: prompt(&body)?,
        tokens_max: body["max_tokens"].as_u64(),
        schema: schema(body.get("output_config").unwrap_or(&Value::Null))?,
        reasoning: 0,
    };
    let reply = mint.reply(&wish, 0);
    let block = |text: Value| json!([{ "type": "text", "text": text }]);
    let (reason, content) = match reply.stop {
        Stop::End => ("end_turn", block(json!(reply.text))),
        Stop::Length => ("max_tokens", block(json!(reply.text))),
        Stop::Filtered => ("refusal", block(json!(reply.text))),
        Stop::Refused => ("refusal", json!([])),
        Stop::Null => ("end_turn", block(Value::Null)),
        Stop::Nothing => ("end_turn", json!([])),
    };
    let tokens = reply.tokens;
    let value = json!({
        "id": mint.id("msg_"), "type": "message", "role": "assistant", "model": model, "content": content,
        "stop_reason": reason, "stop_sequence": null,
        "usage": mint.usage(json!({
            // Those from the cache are not among them.
            "input_tokens": tokens.asked - tokens.cached, "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": tokens.cached, "output_tokens": tokens.made, "service_tier": "standard",
        })),
    });
    Ok(Answer::generated(&value, &reply.text, tokens.asked + tokens.made))
}

/// `GET /v1/models`.
pub fn models(asked: &Asked, _: &mut Mint<'_>) -> Result<Answer, Problem> {
    has_version(asked)?;
    let model =
        |id: &str| json!({ "type": "model", "id": id, "display_name": id, "created_at": "2025-10-01T00:00:00Z" });
    let ids = ["claude-opus-4-1", "claude-sonnet-4-5", "claude-haiku-4-5"];
    let value = json!({ "data": ids.map(model), "has_more": false, "first_id": ids[0], "last_id": ids[2] });
    Ok(Answer::facts(200, &value))
}

fn has_version(asked: &Asked) -> Result<(), Problem> {
    let version = asked.header("anthropic-version").map(|_| ());
    version.ok_or_else(|| Problem::new(400, "anthropic-version: header is required"))
}

fn fields(asked: &Asked, manner: Manner) -> Result<Map<String, Value>, Problem> {
    let Sent::Json(Value::Object(body)) = &asked.sent else {
        return Err(Problem::new(400, "The request body is not valid JSON: expected value at line 1 column 1"));
    };
    let strange = if manner == Manner::Strict { unknown(body, MESSAGES) } else { None };
    strange.or_else(|| slip(body, MESSAGES)).map_or(Ok(body.clone()), |slip| Err(told(slip)))
}

fn prompt(body: &Map<String, Value>) -> Result<String, Problem> {
    let messages = body["messages"].as_array().expect("its kind was checked");
    if messages.is_empty() {
        return Err(Problem::new(400, "messages: at least one message is required"));
    }
    let mut texts = vec![content_text(body.get("system").unwrap_or(&Value::Null))];
    for (place, message) in messages.iter().enumerate() {
        if !["user", "assistant"].contains(&message["role"].as_str().unwrap_or_default()) {
            let advice = "Use the top-level `system` parameter for the initial system prompt.";
            let message = format!("messages.{place}.role: Input should be 'user' or 'assistant'. {advice}");
            return Err(Problem::new(400, message));
        }
        let text = content_text(&message["content"]);
        if text.is_empty() {
            return Err(Problem::new(400, format!("messages.{place}: all messages must have non-empty content")));
        }
        texts.push(text);
    }
    Ok(texts.join("\n"))
}

fn schema(output: &Value) -> Result<Option<Value>, Problem> {
    let format = &output["format"];
    match (format["type"].as_str(), &format["schema"]) {
        (None, _) if format.is_null() => Ok(None),
        (Some("json_schema"), schema @ Value::Object(_)) => match unenforced(schema) {
            Some(rule) => Err(Problem::new(400, format!("output_config.format.schema: {rule}"))),
            None => Ok(Some(schema.clone())),
        },
        (Some("json_schema"), _) => Err(Problem::new(400, "output_config.format.schema: Field required")),
        _ => Err(Problem::new(400, "output_config.format.type: Input should be 'json_schema'")),
    }
}

/// The first rule in a schema that the vendor does not enforce and therefore does not take.
fn unenforced(schema: &Value) -> Option<String> {
    const RULES: [&str; 8] =
        ["minLength", "maxLength", "minimum", "maximum", "multipleOf", "maxItems", "uniqueItems", "pattern"];
    if schema["type"] == "object" && schema["additionalProperties"] != json!(false) {
        return Some("For 'object' type, 'additionalProperties' must be explicitly set to false".to_owned());
    }
    let compound = |value: &Value| value.is_array() || value.is_object();
    if schema["enum"].as_array().is_some_and(|values| values.iter().any(compound)) {
        return Some("'enum' takes plain values only".to_owned());
    }
    let rule = RULES.into_iter().find(|rule| schema.get(*rule).is_some());
    let inner = schema["properties"].as_object().into_iter().flat_map(|fields| fields.values());
    rule.map(|rule| format!("property '{rule}' is not supported"))
        .or_else(|| inner.chain(schema.get("items")).find_map(unenforced))
}

fn told(slip: Slip) -> Problem {
    let message = match slip {
        Slip::Missing(name) => format!("{name}: Field required"),
        Slip::Unknown(name) => format!("{name}: Extra inputs are not permitted"),
        Slip::Kind { name, wanted, .. } => format!("{name}: Input should be a valid {wanted}"),
        Slip::Range { name, least, most } => format!("{name}: range: {least}..{most}"),
        Slip::Choice { name, choices, .. } => format!("{name}: Input should be '{}'", choices.join("' or '")),
    };
    Problem::new(400, message)
}

/// What Anthropic says with a status.
pub fn refusal(refusal: &Refusal) -> Problem {
    match refusal {
        Refusal::RateLimited | Refusal::TooManyConcurrent | Refusal::Status(429) => {
            Problem::new(429, "This request would exceed your organization's rate limit of 50 requests per minute.")
        }
        Refusal::OutOfQuota => Problem::new(402, "Your credit balance is too low to access the Anthropic API."),
        Refusal::SystemBusy => Problem::new(529, "Overloaded"),
        Refusal::Exactly(problem) => problem.clone(),
        Refusal::Status(401) => Problem::new(401, "invalid x-api-key"),
        Refusal::Status(404) => Problem::new(404, "model: claude-nothing"),
        Refusal::Status(413) => Problem::new(413, "Request exceeds the maximum size"),
        Refusal::Status(529) => Problem::new(529, "Overloaded"),
        Refusal::Status(status) if *status < 500 => Problem::new(*status, "The request cannot be served."),
        Refusal::Status(status) => Problem::new(*status, "Internal server error"),
    }
}

/// A problem in Anthropic's JSON, which has no code and no param.
pub fn error(problem: &Problem) -> Value {
    let kind = match problem.status {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        409 => "conflict_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        504 => "timeout_error",
        529 => "overloaded_error",
        500.. => "api_error",
        _ => "invalid_request_error",
    };
    json!({ "type": "error", "error": { "type": kind, "message": problem.message }, "request_id": "req_011CS" })
}
