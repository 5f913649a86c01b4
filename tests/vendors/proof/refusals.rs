//! Every refusal in the words of its vendor, and what stands above it.

use super::client::{Ask, anthropic, chat, elevenlabs, gemini};
use crate::fake::fault::{self, Behaviour};
use crate::fake::{VOICE, Vendor};
use serde_json::{Value, json};

/// A paid call to one vendor.
pub type House = fn(&Vendor) -> Ask;
pub const HOUSES: [House; 4] = [openai, claude, google, voice];

fn openai(vendor: &Vendor) -> Ask {
    chat(vendor, "hello")
}

fn claude(vendor: &Vendor) -> Ask {
    let messages = json!([{ "role": "user", "content": "hello" }]);
    let body = json!({ "model": "claude-haiku-4-5", "max_tokens": 99, "messages": messages });
    anthropic(vendor, "/messages").json(&body)
}

fn google(vendor: &Vendor) -> Ask {
    let body = json!({ "contents": [{ "parts": [{ "text": "hello" }] }] });
    gemini(vendor, "/models/gemini-2.5-flash:generateContent").json(&body)
}

fn voice(vendor: &Vendor) -> Ask {
    elevenlabs(vendor, &format!("/v1/text-to-speech/{VOICE}")).json(&json!({ "text": "hello" }))
}

/// Asserts what stands at a place of the refusal, and that it costs nothing.
fn check(house: House, behaviour: Behaviour, status: u16, place: &str, value: &str) {
    let vendor = Vendor::start();
    vendor.script([behaviour.clone()]);
    let answer = house(&vendor).tells(status);
    assert_eq!(answer.pointer(place).and_then(Value::as_str), Some(value), "{behaviour:?}: {answer}");
    assert_eq!((vendor.charges(), vendor.calls()[0].status), (0, status));
    // The next call goes well.
    assert_eq!(house(&vendor).send().status, 200);
    assert_eq!(vendor.charges(), 1);
}

#[test]
fn openai_refuses_in_its_words() {
    for (status, code) in [(401, "invalid_api_key"), (404, "model_not_found"), (429, "rate_limit_exceeded")] {
        check(openai, fault::status(status), status, "/error/code", code);
    }
    for status in [402, 408, 409, 413, 422] {
        check(openai, fault::status(status), status, "/error/type", "invalid_request_error");
    }
    for status in [500, 502, 503, 504] {
        check(openai, fault::status(status), status, "/error/type", "server_error");
    }
    check(openai, fault::status(400), 400, "/error/param", "temperature");
    check(openai, fault::status(403), 403, "/error/code", "unsupported_country_region_territory");
    check(openai, fault::out_of_quota(), 429, "/error/code", "insufficient_quota");
    check(openai, fault::rate_limited(), 429, "/error/type", "requests");
    check(openai, fault::system_busy(), 503, "/error/type", "server_error");
    check(openai, fault::bad_request("unsupported_parameter", "seed"), 400, "/error/param", "seed");
    check(openai, fault::bad_request("unsupported_parameter", "seed"), 400, "/error/code", "unsupported_parameter");
}

#[test]
fn anthropic_refuses_in_its_words() {
    for (status, kind) in [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (402, "billing_error"),
        (403, "permission_error"),
        (404, "not_found_error"),
        (409, "conflict_error"),
        (413, "request_too_large"),
        (429, "rate_limit_error"),
        (500, "api_error"),
        (504, "timeout_error"),
        (529, "overloaded_error"),
    ] {
        check(claude, fault::status(status), status, "/error/type", kind);
    }
    check(claude, fault::out_of_quota(), 402, "/error/type", "billing_error");
    check(claude, fault::system_busy(), 529, "/error/message", "Overloaded");
}

#[test]
fn gemini_refuses_in_its_words() {
    for (status, name) in [
        (400, "INVALID_ARGUMENT"),
        (403, "PERMISSION_DENIED"),
        (404, "NOT_FOUND"),
        (429, "RESOURCE_EXHAUSTED"),
        (500, "INTERNAL"),
        (503, "UNAVAILABLE"),
        (504, "DEADLINE_EXCEEDED"),
    ] {
        check(google, fault::status(status), status, "/error/status", name);
    }
    check(google, fault::out_of_quota(), 429, "/error/details/0/reason", "QUOTA_EXCEEDED");
    check(google, fault::rate_limited(), 429, "/error/details/0/reason", "RATE_LIMIT_EXCEEDED");
    check(google, fault::system_busy(), 503, "/error/status", "UNAVAILABLE");
}

#[test]
fn elevenlabs_refuses_in_its_words() {
    for (status, code) in [(401, "invalid_api_key"), (404, "voice_not_found"), (429, "rate_limit_exceeded")] {
        check(voice, fault::status(status), status, "/detail/status", code);
    }
    check(voice, fault::status(422), 422, "/detail/0/loc/1", "text");
    check(voice, fault::status(500), 500, "/detail/status", "internal_error");
    check(voice, fault::out_of_quota(), 401, "/detail/status", "quota_exceeded");
    check(voice, fault::too_many_concurrent(), 429, "/detail/status", "too_many_concurrent_requests");
    check(voice, fault::system_busy(), 429, "/detail/status", "system_busy");
}

#[test]
fn retry_after_says_what_the_script_says() {
    let vendor = Vendor::start();
    let date = fault::http_date(90);
    for value in ["2", "1000000000", "-5", "soon", &date] {
        vendor.script([fault::rate_limited().retry_after(value).header("x-should-retry", "true")]);
        let said = chat(&vendor, "hello").send();
        assert_eq!((said.header("retry-after"), said.header("x-should-retry")), (Some(value), Some("true")));
    }
    let then = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(&date).unwrap();
    let ahead = then.duration_since(jiff::Timestamp::now()).as_secs();
    assert!((60..=90).contains(&ahead), "{date}");
}

#[test]
fn a_behaviour_for_a_path_waits_for_it() {
    let vendor = Vendor::start();
    vendor.script([fault::status(500).on("/models"), fault::status(503)]);
    chat(&vendor, "hello").tells(503);
    chat(&vendor, "hello").tells(200);
    super::client::openai(&vendor, "/models").tells(500);
    // What is not paid for uses up nothing else.
    vendor.script([fault::status(503)]);
    super::client::openai(&vendor, "/models").tells(200);
    assert_eq!(vendor.script_left(), 1);
}

#[test]
fn a_refusal_can_cost_and_an_answer_can_be_free() {
    let vendor = Vendor::start();
    vendor.script([fault::status(504).charged(), fault::ok().free()]);
    chat(&vendor, "hello").tells(504);
    assert_eq!(vendor.charges(), 1);
    chat(&vendor, "hello").tells(200);
    assert_eq!(vendor.charges(), 1);
    // What the vendor cannot answer it cannot charge.
    vendor.script([fault::status(504).charged()]);
    chat(&vendor, "hello").raw("application/json", b"{").tells(504);
    assert_eq!(vendor.charges(), 1);
}
