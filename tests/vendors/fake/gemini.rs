//! Gemini's `generateContent`.

use super::answer::{Answer, Problem};
use super::asked::{Asked, Sent};
use super::fault::{Refusal, Twist};
use super::fields::{Field, Holds, Slip, may, must, slip, unknown};
use super::mint::{Mint, Stop, Wish};
use serde_json::{Map, Value, json};

const BODY: &[Field] = &[
    must("contents", Holds::List),
    may("systemInstruction", Holds::Object),
    may("generationConfig", Holds::Object),
    may("safetySettings", Holds::List),
    may("tools", Holds::List),
    may("toolConfig", Holds::Object),
    may("cachedContent", Holds::Text),
];
const CONFIG: &[Field] = &[
    may("temperature", Holds::Number(0.0, 2.0)),
    may("topP", Holds::Number(0.0, 1.0)),
    may("topK", Holds::Integer(1, 1000)),
    may("maxOutputTokens", Holds::Integer(1, 1 << 20)),
    may("seed", Holds::Integer(i32::MIN as i64, i32::MAX as i64)),
    may("candidateCount", Holds::Integer(1, 8)),
    may("stopSequences", Holds::List),
    may("responseMimeType", Holds::OneOf(&["text/plain", "application/json", "text/x.enum"])),
    may("responseSchema", Holds::Object),
    may("responseJsonSchema", Holds::Object),
    may("thinkingConfig", Holds::Object),
    may("presencePenalty", Holds::Number(-2.0, 2.0)),
    may("frequencyPenalty", Holds::Number(-2.0, 2.0)),
];

/// `POST /v1beta/models/{model}:generateContent`.
pub fn generate(asked: &Asked, mint: &mut Mint<'_>) -> Result<Answer, Problem> {
    let (name, verb) = asked.piece(3).split_once(':').unwrap_or((asked.piece(3), ""));
    if verb != "generateContent" || !name.starts_with("gemini-") {
        return Err(not_found(name));
    }
    let Sent::Json(Value::Object(body)) = &asked.sent else {
        return Err(Problem::new(400, "Invalid JSON payload received. Unexpected token."));
    };
    fits("", body, BODY)?;
    let nothing = Map::new();
    let config = body.get("generationConfig").and_then(Value::as_object).unwrap_or(&nothing);
    fits("generation_config", config, CONFIG)?;
    let wish = Wish {
        prompt: prompt(body)?,
        tokens_max: config.get("maxOutputTokens").and_then(Value::as_u64),
        schema: schema(config)?,
        reasoning: 0,
    };
    let reply = mint.reply(&wish, 0);
    let tokens = reply.tokens;
    let mut value = json!({
        "candidates": candidates(reply.stop, &reply.text),
        "usageMetadata": mint.usage(json!({
            "promptTokenCount": tokens.asked, "candidatesTokenCount": tokens.made, "thoughtsTokenCount": 0,
            "cachedContentTokenCount": tokens.cached, "totalTokenCount": tokens.asked + tokens.made,
        })),
        "modelVersion": name, "responseId": mint.id(""),
    });
    if matches!(mint.twist, Twist::Refusal) {
        value["promptFeedback"] = json!({ "blockReason": "SAFETY" });
        value.as_object_mut().expect("an answer is an object").remove("candidates");
    }
    Ok(Answer::generated(&value, &reply.text, tokens.asked + tokens.made))
}

fn candidates(stop: Stop, text: &str) -> Value {
    let ratings = json!([{ "category": "HARM_CATEGORY_HARASSMENT", "probability": "NEGLIGIBLE" }]);
    let one = |reason: &str, content: Value| json!([{ "content": content, "finishReason": reason, "index": 0, "safetyRatings": ratings }]);
    let content = |text: Value| json!({ "parts": [{ "text": text }], "role": "model" });
    match stop {
        Stop::End => one("STOP", content(json!(text))),
        Stop::Length => one("MAX_TOKENS", content(json!(text))),
        Stop::Filtered => one("SAFETY", json!({ "role": "model" })),
        Stop::Null => one("STOP", content(Value::Null)),
        Stop::Nothing | Stop::Refused => json!([]),
    }
}

/// `GET /v1beta/models/{model}`.
pub fn model(asked: &Asked, _: &mut Mint<'_>) -> Result<Answer, Problem> {
    let name = asked.piece(3);
    if !name.starts_with("gemini-") {
        return Err(not_found(name));
    }
    let value = json!({
        "name": format!("models/{name}"), "version": "001", "displayName": name, "inputTokenLimit": 1_048_576,
        "outputTokenLimit": 65_536, "supportedGenerationMethods": ["generateContent", "countTokens"],
    });
    Ok(Answer::facts(200, &value))
}

fn not_found(name: &str) -> Problem {
    let message = "is not found for API version v1beta, or is not supported for generateContent.";
    Problem::new(404, format!("models/{name} {message}"))
}

fn fits(place: &str, body: &Map<String, Value>, known: &[Field]) -> Result<(), Problem> {
    let slip = unknown(body, known).or_else(|| slip(body, known));
    slip.map_or(Ok(()), |slip| Err(told(place, slip)))
}

fn prompt(body: &Map<String, Value>) -> Result<String, Problem> {
    let mut texts = Vec::new();
    for (place, content) in body.get("systemInstruction").into_iter().chain(contents(body)).enumerate() {
        let parts = content["parts"].as_array().filter(|parts| !parts.is_empty());
        let Some(parts) = parts else {
            let message =
                format!("* GenerateContentRequest.contents[{place}].parts: contents.parts must not be empty.");
            return Err(Problem::new(400, message));
        };
        texts.extend(parts.iter().map(|part| part["text"].as_str().unwrap_or_default().to_owned()));
    }
    let strange = contents(body).find(|content| !matches!(content["role"].as_str(), None | Some("user" | "model")));
    match strange {
        Some(_) => Err(Problem::new(400, "Please use a valid role: user, model.")),
        None if contents(body).next().is_none() => {
            Err(Problem::new(400, "* GenerateContentRequest.contents: contents is not specified"))
        }
        None => Ok(texts.join("\n")),
    }
}

fn contents(body: &Map<String, Value>) -> impl Iterator<Item = &Value> {
    body.get("contents").and_then(Value::as_array).into_iter().flatten()
}

fn schema(config: &Map<String, Value>) -> Result<Option<Value>, Problem> {
    let is_json = config.get("responseMimeType").is_some_and(|kind| kind == "application/json");
    match (config.get("responseSchema"), config.get("responseJsonSchema")) {
        (Some(_), Some(_)) => {
            Err(Problem::new(400, "Only one of response_schema and response_json_schema can be set."))
        }
        (Some(schema), None) | (None, Some(schema)) if is_json => Ok(Some(schema.clone())),
        (None, None) => Ok(is_json.then_some(json!(true))),
        _ => Err(Problem::new(400, "Response schema is only supported with response mime type 'application/json'.")),
    }
}

fn told(place: &str, slip: Slip) -> Problem {
    let inside = |name: &str| if place.is_empty() { name.to_owned() } else { format!("{place}.{name}") };
    let message = match slip {
        Slip::Missing(name) => format!("* GenerateContentRequest.{0}: {0} is not specified", inside(&name)),
        Slip::Unknown(name) if place.is_empty() => {
            format!("Invalid JSON payload received. Unknown name \"{name}\": Cannot find field.")
        }
        Slip::Unknown(name) => {
            format!("Invalid JSON payload received. Unknown name \"{name}\" at '{place}': Cannot find field.")
        }
        Slip::Kind { name, wanted, got } => format!("Invalid value at '{}' ({wanted}), {got}", inside(&name)),
        Slip::Range { name, least, most } => {
            format!("* GenerateContentRequest.{}: must be in the range [{least}, {most}].", inside(&name))
        }
        Slip::Choice { name, got, .. } => format!("Invalid value at '{}': \"{got}\"", inside(&name)),
    };
    Problem::new(400, message)
}

/// What Gemini says with a status.
pub fn refusal(refusal: &Refusal) -> Problem {
    match refusal {
        Refusal::RateLimited | Refusal::TooManyConcurrent | Refusal::Status(429) => {
            Problem::new(429, "Resource has been exhausted (e.g. check quota).").code("RATE_LIMIT_EXCEEDED")
        }
        Refusal::OutOfQuota => {
            let message = "You exceeded your current quota, please check your plan and billing details.";
            Problem::new(429, message).code("QUOTA_EXCEEDED")
        }
        Refusal::SystemBusy => Problem::new(503, "The model is overloaded. Please try again later."),
        Refusal::Exactly(problem) => problem.clone(),
        // A wrong key is a 400 here; who brings none is told 403.
        Refusal::Status(400) => {
            Problem::new(400, "API key not valid. Please pass a valid API key.").code("API_KEY_INVALID")
        }
        Refusal::Status(401 | 403) => {
            Problem::new(403, "Method doesn't allow unregistered callers. Please use API Key.")
        }
        Refusal::Status(404) => not_found("gemini-nothing"),
        Refusal::Status(status) if *status < 500 => Problem::new(*status, "The request cannot be served."),
        Refusal::Status(status) => Problem::new(*status, "An internal error has occurred."),
    }
}

/// A problem in Google's JSON; the code stands among the details.
pub fn error(problem: &Problem) -> Value {
    let status = match problem.status {
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        409 => "ABORTED",
        429 => "RESOURCE_EXHAUSTED",
        503 => "UNAVAILABLE",
        504 => "DEADLINE_EXCEEDED",
        500.. => "INTERNAL",
        _ => "INVALID_ARGUMENT",
    };
    let mut error = json!({ "code": problem.status, "message": problem.message, "status": status });
    if let Some(code) = &problem.code {
        let kind = "type.googleapis.com/google.rpc.ErrorInfo";
        error["details"] = json!([{ "@type": kind, "reason": code, "domain": "googleapis.com" }]);
    }
    json!({ "error": error })
}
