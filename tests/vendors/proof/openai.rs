//! The chat of OpenAI: what it takes, what it answers, what it refuses.

use super::client::{chat, openai};
use crate::fake::{Vendor, fault};
use serde_json::{Value, json};

fn with(vendor: &Vendor, fields: Value) -> super::client::Ask {
    let mut body = json!({ "model": "gpt-4o-mini", "messages": [{ "role": "user", "content": "Write JSON." }] });
    for (name, value) in fields.as_object().unwrap() {
        body[name] = value.clone();
    }
    openai(vendor, "/chat/completions").json(&body)
}

fn content(answer: &Value) -> &str {
    answer["choices"][0]["message"]["content"].as_str().unwrap()
}

#[test]
fn a_chat_is_answered_with_text_and_usage() {
    let vendor = Vendor::start();
    let answer = chat(&vendor, "Tell me of the harbour.").tells(200);
    assert_eq!(answer["object"], "chat.completion");
    assert_eq!(answer["choices"][0]["finish_reason"], "stop");
    assert_eq!(answer["choices"][0]["message"]["role"], "assistant");
    assert_eq!(answer["choices"][0]["message"]["refusal"], Value::Null);
    assert!(content(&answer).starts_with("Answer 1a to "), "{answer}");
    let usage = &answer["usage"];
    assert_eq!(usage["prompt_tokens"], 6);
    assert_eq!(usage["total_tokens"].as_u64(), Some(6 + usage["completion_tokens"].as_u64().unwrap()));
    assert_eq!(vendor.calls()[0].text.as_deref(), Some(content(&answer)));
}

#[test]
fn the_same_question_never_has_the_same_answer() {
    let vendor = Vendor::start();
    let (one, two) = (chat(&vendor, "again").tells(200), chat(&vendor, "again").tells(200));
    assert_ne!(content(&one), content(&two));
    // What follows from the prompt is the same on another server.
    assert_eq!(content(&one), content(&chat(&Vendor::start(), "again").tells(200)));
    assert_ne!(content(&one), content(&chat(&Vendor::start(), "other").tells(200)));
}

#[test]
fn several_choices_differ_and_cost_one_charge() {
    let vendor = Vendor::start();
    let answer = with(&vendor, json!({ "n": 3 })).tells(200);
    assert_eq!(answer["choices"].as_array().unwrap().len(), 3);
    assert_ne!(answer["choices"][1]["message"]["content"], answer["choices"][2]["message"]["content"]);
    assert_eq!(vendor.charges(), 1);
}

#[test]
fn too_few_tokens_cut_the_answer() {
    let answer = with(&Vendor::start(), json!({ "max_completion_tokens": 3 })).tells(200);
    assert_eq!(answer["choices"][0]["finish_reason"], "length");
    assert_eq!(content(&answer).len(), 12);
    // A model that thinks first may have nothing left to say.
    let answer = with(&Vendor::start(), json!({ "model": "gpt-5-mini", "max_completion_tokens": 64 })).tells(200);
    assert_eq!((content(&answer), &answer["choices"][0]["finish_reason"]), ("", &json!("length")));
    assert_eq!(answer["usage"]["completion_tokens_details"]["reasoning_tokens"], 64);
}

fn idea() -> Value {
    json!({
        "type": "object", "additionalProperties": false,
        "required": ["title", "mood", "year", "scenes", "cast"],
        "properties": {
            "title": { "type": "string", "minLength": 100, "maxLength": 120 },
            "mood": { "enum": ["calm", "dark"] },
            "year": { "type": "integer", "minimum": 1900 },
            "scenes": { "type": "array", "minItems": 3, "items": { "type": "string" } },
            "cast": { "type": "array", "items": { "$ref": "#/$defs/person" } },
        },
        "$defs": { "person": {
            "type": "object", "additionalProperties": false, "required": ["name", "age", "alive"],
            "properties": { "name": { "type": "string" }, "age": { "type": ["number", "null"] }, "alive": { "type": "boolean" } },
        } },
    })
}

fn format(schema: &Value) -> Value {
    json!({ "response_format": {
        "type": "json_schema", "json_schema": { "name": "idea", "strict": true, "schema": schema },
    } })
}

#[test]
fn a_schema_is_satisfied_unless_the_script_says_otherwise() {
    let vendor = Vendor::start();
    let schema = jsonschema::validator_for(&idea()).unwrap();
    let value = |answer: &Value| serde_json::from_str::<Value>(content(answer)).unwrap();
    let first = value(&with(&vendor, format(&idea())).tells(200));
    assert!(schema.is_valid(&first), "{first}");
    assert_ne!(first, value(&with(&vendor, format(&idea())).tells(200)));
    vendor.script([fault::off_schema()]);
    let off = value(&with(&vendor, format(&idea())).tells(200));
    assert!(!schema.is_valid(&off), "{off}");
    let any = with(&vendor, json!({ "response_format": { "type": "json_object" } })).tells(200);
    assert!(value(&any).is_object());
}

#[test]
fn a_strict_schema_must_close_its_objects() {
    let (mut lax, mut open) = (idea(), idea());
    lax["$defs"]["person"]["required"] = json!(["name"]);
    open.as_object_mut().unwrap().remove("additionalProperties");
    for schema in [lax, open] {
        let answer = with(&Vendor::start(), format(&schema)).tells(400);
        assert_eq!(answer["error"]["param"], "response_format");
    }
}

#[test]
fn what_the_vendor_refuses_is_refused_with_param_and_code() {
    let vendor = Vendor::start();
    for (fields, param, code) in [
        (json!({ "temprature": 1 }), "temprature", "unknown_parameter"),
        (json!({ "temperature": "warm" }), "temperature", "invalid_type"),
        (json!({ "temperature": 3 }), "temperature", "invalid_value"),
        (json!({ "messages": "hello" }), "messages", "invalid_type"),
        (json!({ "messages": [] }), "messages", "empty_array"),
        (json!({ "messages": [{ "role": "bard", "content": "x" }] }), "messages[0].role", "invalid_value"),
        (json!({ "messages": [{ "role": "user", "content": 1 }] }), "messages[0].content", "invalid_type"),
        (json!({ "model": null }), "model", "missing_required_parameter"),
        (json!({ "verbosity": "loud" }), "verbosity", "invalid_value"),
        (json!({ "stream": true }), "stream", "unsupported_value"),
        (json!({ "reasoning_effort": "low" }), "reasoning_effort", "unsupported_parameter"),
        (json!({ "model": "o4-mini", "max_tokens": 9 }), "max_tokens", "unsupported_parameter"),
        (json!({ "model": "gpt-5-mini", "temperature": 0.2 }), "temperature", "unsupported_value"),
    ] {
        let answer = with(&vendor, fields.clone()).tells(400);
        assert_eq!((&answer["error"]["param"], &answer["error"]["code"]), (&json!(param), &json!(code)), "{fields}");
        assert_eq!(answer["error"]["type"], "invalid_request_error");
    }
    for (fields, param) in [
        (json!({ "response_format": { "type": "xml" } }), "response_format.type"),
        (
            json!({ "response_format": { "type": "json_schema", "json_schema": { "name": "a b", "schema": {} } } }),
            "response_format.json_schema.name",
        ),
        (
            json!({ "response_format": { "type": "json_schema", "json_schema": { "name": "ab" } } }),
            "response_format.json_schema.schema",
        ),
        (
            json!({ "response_format": { "type": "json_object" }, "messages": [{ "role": "user", "content": "x" }] }),
            "messages",
        ),
    ] {
        assert_eq!(with(&vendor, fields.clone()).tells(400)["error"]["param"], param, "{fields}");
    }
    assert_eq!(with(&vendor, json!({ "model": "llama" })).tells(404)["error"]["code"], "model_not_found");
    let torn = openai(&vendor, "/chat/completions").raw("application/json", b"{\"model\": ").tells(400);
    assert!(torn["error"]["message"].as_str().unwrap().contains("could not parse"));
    assert_eq!(vendor.charges(), 0);
    // What is right for its model is right.
    with(&vendor, json!({ "max_tokens": 900, "temperature": 0, "seed": 7, "stop": ["x"] })).tells(200);
    with(&vendor, json!({ "model": "gpt-5-mini", "temperature": 1, "reasoning_effort": "low" })).tells(200);
}

#[test]
fn a_call_without_a_key_is_refused_unless_the_server_is_local() {
    let vendor = Vendor::start();
    let keyless = |vendor: &Vendor| chat(vendor, "hello").without("authorization");
    assert_eq!(keyless(&vendor).tells(401)["error"]["code"], "invalid_api_key");
    keyless(vendor.as_local_server()).tells(200);
    with(&vendor, json!({ "model": "llama3.2:1b", "top_k": 4, "max_tokens": 900 })).without("authorization").tells(200);
    assert_eq!(vendor.charges(), 2);
}

#[test]
fn answers_that_are_no_text_are_told_as_the_vendor_tells_them() {
    let vendor = Vendor::start();
    vendor.script([fault::length(), fault::content_filter(), fault::refusal(), fault::null_content()]);
    let next = || chat(&vendor, "hello").tells(200)["choices"][0].take();
    assert_eq!(next()["finish_reason"], "length");
    assert_eq!(next()["finish_reason"], "content_filter");
    let refused = next();
    assert!(refused["message"]["refusal"].is_string() && refused["message"]["content"].is_null());
    assert_eq!(next()["message"]["content"], Value::Null);
    vendor.script([fault::empty_choices(), fault::no_usage(), fault::cached(), fault::says("It rained.")]);
    assert_eq!(chat(&vendor, "hello").tells(200)["choices"], json!([]));
    assert!(chat(&vendor, "hello").tells(200).get("usage").is_none());
    let usage = chat(&vendor, &"long ".repeat(16)).tells(200)["usage"].take();
    assert_eq!((&usage["prompt_tokens"], &usage["prompt_tokens_details"]["cached_tokens"]), (&json!(20), &json!(10)));
    assert_eq!(content(&chat(&vendor, "hello").tells(200)), "It rained.");
    assert_eq!((vendor.charges(), vendor.script_left()), (8, 0));
}

#[test]
fn models_are_listed_for_nothing_and_other_paths_are_not_there() {
    let vendor = Vendor::start();
    assert_eq!(openai(&vendor, "/models").tells(200)["data"][0]["id"], "gpt-4o-mini");
    openai(&vendor, "/completions").json(&json!({})).tells(404);
    openai(&vendor, "/models").json(&json!({})).tells(404);
    assert_eq!((vendor.calls().len(), vendor.charges()), (3, 0));
}
