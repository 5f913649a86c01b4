//! Gemini's `generateContent`.

use super::client::{Ask, gemini};
use crate::fake::{Vendor, fault};
use serde_json::{Value, json};

const PATH: &str = "/models/gemini-2.5-flash:generateContent";

fn with(vendor: &Vendor, fields: Value) -> Ask {
    let mut body = json!({ "contents": [{ "role": "user", "parts": [{ "text": "Tell of the sea." }] }] });
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    gemini(vendor, PATH).json(&body)
}

fn text(answer: &Value) -> &str {
    answer["candidates"][0]["content"]["parts"][0]["text"].as_str().unwrap()
}

#[test]
fn content_is_generated_with_usage() {
    let vendor = Vendor::start();
    let system = json!({ "systemInstruction": { "parts": [{ "text": "Be brief." }] } });
    let answer = with(&vendor, system.clone()).tells(200);
    assert_eq!(answer["candidates"][0]["finishReason"], "STOP");
    assert_eq!(answer["usageMetadata"]["promptTokenCount"], 7);
    assert_ne!(text(&answer), text(&with(&vendor, system).tells(200)));
    assert_eq!(vendor.charges(), 2);
}

#[test]
fn both_kinds_of_schema_are_satisfied() {
    for (name, kinds) in [("responseSchema", ["OBJECT", "STRING"]), ("responseJsonSchema", ["object", "string"])] {
        let schema = json!({ "type": kinds[0], "properties": { "title": { "type": kinds[1] } } });
        let config = json!({ "generationConfig": { "responseMimeType": "application/json", name: schema } });
        let answer = with(&Vendor::start(), config).tells(200);
        assert!(serde_json::from_str::<Value>(text(&answer)).unwrap()["title"].is_string());
    }
    let config = json!({ "generationConfig": { "responseMimeType": "application/json" } });
    assert!(serde_json::from_str::<Value>(text(&with(&Vendor::start(), config).tells(200))).is_ok());
}

#[test]
fn other_ends_are_told_as_the_vendor_tells_them() {
    let vendor = Vendor::start();
    vendor.script([fault::length(), fault::content_filter(), fault::refusal(), fault::empty_choices()]);
    let next = || with(&vendor, json!({})).tells(200);
    assert_eq!(next()["candidates"][0]["finishReason"], "MAX_TOKENS");
    let filtered = next();
    assert_eq!(filtered["candidates"][0]["finishReason"], "SAFETY");
    assert!(filtered["candidates"][0]["content"].get("parts").is_none());
    let blocked = next();
    assert_eq!(blocked["promptFeedback"]["blockReason"], "SAFETY");
    assert!(blocked.get("candidates").is_none());
    assert_eq!(next()["candidates"], json!([]));
    vendor.script([fault::null_content(), fault::no_usage(), fault::cached()]);
    assert_eq!(next()["candidates"][0]["content"]["parts"][0]["text"], Value::Null);
    assert_eq!(next()["usageMetadata"], Value::Null);
    assert_eq!(next()["usageMetadata"]["cachedContentTokenCount"], 2);
    let short = json!({ "generationConfig": { "maxOutputTokens": 2 } });
    assert_eq!(with(&vendor, short).tells(200)["candidates"][0]["finishReason"], "MAX_TOKENS");
}

#[test]
fn what_the_vendor_refuses_is_refused() {
    let vendor = Vendor::start();
    for (fields, words) in [
        (json!({ "contents": null }), "contents is not specified"),
        (json!({ "contents": [] }), "contents is not specified"),
        (json!({ "contents": [{ "role": "user", "parts": [] }] }), "must not be empty"),
        (json!({ "contents": [{ "role": "system", "parts": [{ "text": "x" }] }] }), "valid role"),
        (json!({ "prompt": "x" }), "Unknown name \"prompt\""),
        (json!({ "generationConfig": { "max_tokens": 4 } }), "at 'generation_config'"),
        (json!({ "generationConfig": { "temperature": "warm" } }), "generation_config.temperature"),
        (json!({ "generationConfig": { "temperature": 3 } }), "in the range [0, 2]"),
        (json!({ "generationConfig": { "responseMimeType": "text/xml" } }), "text/xml"),
        (json!({ "generationConfig": { "responseSchema": {} } }), "mime type"),
        (json!({ "generationConfig": { "responseSchema": {}, "responseJsonSchema": {} } }), "Only one"),
    ] {
        let answer = with(&vendor, fields.clone()).tells(400);
        assert_eq!((&answer["error"]["status"], &answer["error"]["code"]), (&json!("INVALID_ARGUMENT"), &json!(400)));
        assert!(answer["error"]["message"].as_str().unwrap().contains(words), "{fields}: {answer}");
    }
    with(&vendor, json!({})).without("x-goog-api-key").tells(403);
    gemini(&vendor, "/models/gemini-2.5-flash:predict").json(&json!({})).tells(404);
    gemini(&vendor, "/models/palm:generateContent").json(&json!({})).tells(404);
    gemini(&vendor, PATH).raw("application/json", b"{").tells(400);
    assert_eq!(vendor.charges(), 0);
}

#[test]
fn a_model_tells_its_limits() {
    let vendor = Vendor::start();
    assert_eq!(gemini(&vendor, "/models/gemini-2.5-flash").tells(200)["outputTokenLimit"], 65_536);
    gemini(&vendor, "/models/palm").tells(404);
}
