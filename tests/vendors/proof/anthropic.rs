//! The messages of Anthropic.

use super::client::{Ask, anthropic};
use crate::fake::{Vendor, fault};
use serde_json::{Value, json};

fn with(vendor: &Vendor, fields: Value) -> Ask {
    let mut body = json!({
        "model": "claude-haiku-4-5", "max_tokens": 500, "messages": [{ "role": "user", "content": "Tell of the sea." }],
    });
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    anthropic(vendor, "/messages").json(&body)
}

#[test]
fn a_message_is_answered_with_blocks_and_usage() {
    let vendor = Vendor::start();
    let answer = with(&vendor, json!({ "system": "You are brief." })).tells(200);
    assert_eq!((&answer["type"], &answer["stop_reason"]), (&json!("message"), &json!("end_turn")));
    assert!(answer["content"][0]["text"].as_str().unwrap().starts_with("Answer 1a to "));
    assert_eq!(answer["usage"]["input_tokens"], 8);
    assert_ne!(answer["content"], with(&vendor, json!({ "system": "You are brief." })).tells(200)["content"]);
    vendor.script([fault::cached()]);
    let usage = with(&vendor, json!({ "system": "You are brief." })).tells(200)["usage"].take();
    // Those from the cache stand beside the others.
    assert_eq!((&usage["input_tokens"], &usage["cache_read_input_tokens"]), (&json!(4), &json!(4)));
    assert_eq!(vendor.charges(), 3);
}

#[test]
fn a_schema_is_satisfied() {
    let schema = json!({ "type": "object", "properties": { "title": { "type": "string" } }, "required": ["title"], "additionalProperties": false });
    let output = json!({ "output_config": { "format": { "type": "json_schema", "schema": schema } } });
    let answer = with(&Vendor::start(), output).tells(200);
    let value: Value = serde_json::from_str(answer["content"][0]["text"].as_str().unwrap()).unwrap();
    assert!(value["title"].is_string());
}

#[test]
fn other_ends_are_told_as_the_vendor_tells_them() {
    let vendor = Vendor::start();
    vendor.script([fault::length(), fault::refusal(), fault::content_filter(), fault::null_content()]);
    let next = || with(&vendor, json!({})).tells(200);
    assert_eq!(next()["stop_reason"], "max_tokens");
    let refused = next();
    assert_eq!((&refused["stop_reason"], &refused["content"]), (&json!("refusal"), &json!([])));
    assert_eq!(next()["stop_reason"], "refusal");
    assert_eq!(next()["content"][0]["text"], Value::Null);
    vendor.script([fault::empty_choices(), fault::no_usage()]);
    assert_eq!(next()["content"], json!([]));
    assert_eq!(next()["usage"], Value::Null);
    assert_eq!(with(&vendor, json!({ "max_tokens": 2 })).tells(200)["stop_reason"], "max_tokens");
}

#[test]
fn what_the_vendor_refuses_is_refused() {
    let vendor = Vendor::start();
    for (fields, words) in [
        (json!({ "max_tokens": null }), "max_tokens: Field required"),
        (json!({ "seed": 7 }), "seed: Extra inputs are not permitted"),
        (json!({ "temperature": "warm" }), "temperature: Input should be a valid decimal"),
        (json!({ "temperature": 1.5 }), "temperature: range: 0..1"),
        (json!({ "messages": [] }), "at least one message"),
        (json!({ "messages": [{ "role": "system", "content": "x" }] }), "messages.0.role"),
        (json!({ "messages": [{ "role": "user", "content": "" }] }), "non-empty content"),
        (json!({ "output_config": { "format": { "type": "json_object" } } }), "output_config.format.type"),
        (json!({ "output_config": { "format": { "type": "json_schema" } } }), "output_config.format.schema"),
        (
            json!({ "output_config": { "format": { "type": "json_schema", "schema": { "type": "string", "maxLength": 9 } } } }),
            "property 'maxLength' is not supported",
        ),
        (json!({ "stream": true }), "stream"),
    ] {
        let answer = with(&vendor, fields.clone()).tells(400);
        assert_eq!((&answer["type"], &answer["error"]["type"]), (&json!("error"), &json!("invalid_request_error")));
        assert!(answer["error"]["message"].as_str().unwrap().contains(words), "{fields}: {answer}");
    }
    assert_eq!(with(&vendor, json!({ "model": "gpt-4o" })).tells(404)["error"]["type"], "not_found_error");
    assert_eq!(with(&vendor, json!({})).without("x-api-key").tells(401)["error"]["type"], "authentication_error");
    let without = with(&vendor, json!({})).without("anthropic-version").tells(400);
    assert!(without["error"]["message"].as_str().unwrap().contains("header is required"));
    anthropic(&vendor, "/messages").raw("application/json", b"{").tells(400);
    assert_eq!(vendor.charges(), 0);
}

#[test]
fn models_are_listed() {
    let answer = anthropic(&Vendor::start(), "/models").tells(200);
    assert_eq!((&answer["data"][0]["type"], &answer["has_more"]), (&json!("model"), &json!(false)));
}
