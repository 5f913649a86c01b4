//! Answers whose bytes are not what a client hopes for. All of them were charged, unless a test says otherwise.

use super::client::{End, Said, anthropic, chat, elevenlabs, gemini, openai};
use crate::fake::fault::{self, Behaviour};
use crate::fake::{Ending, Gate, KEYS, VOICE, Vendor};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use std::io::Read;

/// Asks once, under a behaviour that is charged.
fn said(behaviour: Behaviour) -> Said {
    let vendor = Vendor::start();
    vendor.script([behaviour]);
    let said = chat(&vendor, "hello").send();
    assert_eq!(vendor.charges(), 1);
    said
}

fn is_json(said: &Said) -> bool {
    serde_json::from_slice::<Value>(&said.body).is_ok()
}

#[test]
fn an_answer_can_be_cut() {
    for behaviour in [fault::cut(), fault::cut_chunked()] {
        let said = said(behaviour);
        assert_eq!((said.status, said.end), (200, End::Short));
        assert!(said.body.starts_with(b"{\"id\":") && !is_json(&said));
    }
    let vendor = Vendor::start();
    vendor.script([fault::cut()]);
    chat(&vendor, "hello").send();
    assert_eq!(vendor.calls()[0].ending, Ending::Broken);
}

#[test]
fn an_answer_can_promise_more_than_it_is() {
    let said = said(fault::boast());
    assert_eq!((said.header("content-length"), said.end), (Some("1099511627776"), End::Short));
    assert!(is_json(&said));
}

#[test]
fn an_answer_can_come_drop_by_drop() {
    let (vendor, gate) = (Vendor::start(), Gate::new());
    vendor.script([fault::drip(&gate)]);
    let mut stream = chat(&vendor, "hello").begin().unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.extend(byte);
    }
    gate.let_through(5);
    let mut five = [0; 5];
    stream.read_exact(&mut five).unwrap();
    assert_eq!(&five, b"{\"id\"");
    stream.set_nonblocking(true).unwrap();
    assert_eq!(stream.read(&mut [0]).unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    stream.set_nonblocking(false).unwrap();
    gate.open();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).unwrap();
    assert!(serde_json::from_slice::<Value>(&[&five[..], &rest].concat()).is_ok());
    vendor.wait_for_endings(Ending::Whole, 1);
}

#[test]
fn an_answer_can_have_no_end() {
    let vendor = Vendor::start();
    vendor.script([fault::endless()]);
    let mut stream = chat(&vendor, "hello").begin().unwrap();
    let mut bytes = vec![0; 8 << 20];
    stream.read_exact(&mut bytes).unwrap();
    drop(stream);
    vendor.wait_for_endings(Ending::Abandoned, 1);
    assert!(vendor.sent_bytes() >= 8 << 20);
}

#[test]
fn a_bomb_is_small_and_becomes_large() {
    let said = said(fault::gzip_bomb());
    assert_eq!((said.header("content-encoding"), said.end), (Some("gzip"), End::Whole));
    assert!(said.body.len() < 2 << 20, "{}", said.body.len());
    let mut unpacked = flate2::read::GzDecoder::new(&said.body[..]);
    let mut buffer = vec![1; 64 << 20];
    unpacked.read_exact(&mut buffer).unwrap();
    assert!(buffer.iter().all(|byte| *byte == 0));
}

#[test]
fn an_answer_can_have_a_flood_of_headers() {
    let said = said(fault::many_headers(2000));
    assert!(said.headers.len() > 2000 && is_json(&said));
}

#[test]
fn json_can_be_torn_or_of_other_types_or_none_at_all() {
    let torn = said(fault::bad_json());
    assert_eq!((torn.end, is_json(&torn)), (End::Whole, false));
    let wrong = said(fault::wrong_types()).json();
    assert!(wrong["choices"][0]["message"]["content"].is_number() && wrong["usage"]["total_tokens"].is_string());
    let page = said(fault::html());
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    let empty = said(fault::empty_body());
    assert_eq!((empty.status, empty.body.len(), empty.end), (200, 0, End::Whole));
    let plain = said(fault::wrong_content_type());
    assert_eq!((plain.header("content-type"), is_json(&plain)), (Some("text/plain"), true));
}

#[test]
fn json_can_be_odd_in_its_bytes() {
    let twice = said(fault::duplicate_keys());
    assert_eq!(twice.text().matches("\"choices\":").count(), 2);
    assert!(twice.json()["choices"].is_array(), "the last one counts");
    assert!(said(fault::bom()).body.starts_with(b"\xef\xbb\xbf{"));
    let odd = said(fault::invalid_utf8());
    assert!(std::str::from_utf8(&odd.body).is_err() && odd.end == End::Whole);
}

#[test]
fn speech_is_spoilt_as_text_is() {
    let vendor = Vendor::start();
    vendor.script([fault::html(), fault::cut(), fault::wrong_types(), fault::invalid_utf8(), fault::duplicate_keys()]);
    for _ in 0..5 {
        let path = format!("/v1/text-to-speech/{VOICE}?output_format=pcm_16000");
        assert_eq!(elevenlabs(&vendor, &path).json(&json!({ "text": "hello" })).send().status, 200);
    }
    assert_eq!((vendor.charges(), vendor.script_left()), (5, 0));
}

#[test]
fn an_error_can_come_with_200_and_costs_nothing() {
    let vendor = Vendor::start();
    vendor.script([fault::error_with_200()]);
    assert_eq!(chat(&vendor, "hello").tells(200)["error"]["type"], "server_error");
    assert_eq!(vendor.charges(), 0);
}

#[test]
fn the_key_can_come_back() {
    let key = KEYS[0].1;
    let vendor = Vendor::start();
    vendor.script([fault::echoes_key_in_error(), fault::echoes_key_in_answer()]);
    let error = chat(&vendor, "hello").send();
    assert_eq!((error.status, error.header("x-echo")), (401, Some(key)));
    let message = error.json()["error"]["message"].as_str().unwrap().to_owned();
    // As it is, in base64, in hex, and percent by percent.
    for form in [key, "c2stQ0FOQVJZLW9wZW5haS0w", "736b2d43414e415259", "%73%6B%2D"] {
        assert!(message.contains(form), "{message}");
    }
    let answer = chat(&vendor, "hello").send();
    assert_eq!((answer.status, answer.header("x-echo")), (200, Some(key)));
    assert!(answer.json()["choices"][0]["message"]["content"].as_str().unwrap().ends_with(key));
    assert_eq!(vendor.charges(), 1);
}

#[test]
fn the_key_comes_back_from_every_vendor() {
    let vendor = Vendor::start();
    let speech = format!("/v1/text-to-speech/{VOICE}?output_format=pcm_16000");
    let timed = format!("/v1/text-to-speech/{VOICE}/with-timestamps?output_format=pcm_16000");
    let spoken = json!({ "model": "tts-1", "voice": "nova", "input": "hello", "response_format": "wav" });
    let message = json!({ "model": "claude-x", "max_tokens": 9, "messages": [{ "role": "user", "content": "hello" }] });
    let contents = json!({ "contents": [{ "parts": [{ "text": "hello" }] }] });
    for (ask, place) in [
        (anthropic(&vendor, "/messages").json(&message), 1),
        (gemini(&vendor, "/models/gemini-x:generateContent").json(&contents), 2),
        (elevenlabs(&vendor, &speech).json(&json!({ "text": "hello" })), 3),
        (elevenlabs(&vendor, &timed).json(&json!({ "text": "hello" })), 3),
        (openai(&vendor, "/audio/speech").json(&spoken), 0),
        (openai(&vendor, "/models"), 0),
    ] {
        let key = KEYS[place].1;
        // Also where nothing is paid for.
        vendor.script([fault::echoes_key_in_error().on("/"), fault::echoes_key_in_answer().on("/")]);
        let error = ask.clone().send();
        assert!(error.status == 401 && error.text().contains(key), "{key}: {}", error.text());
        let answer = ask.send();
        assert_eq!((answer.status, answer.header("request-id")), (200, Some(key)));
        let body = String::from_utf8_lossy(&answer.body).into_owned();
        let sound = serde_json::from_str::<Value>(&body)
            .ok()
            .and_then(|value| BASE64_STANDARD.decode(value["audio_base64"].as_str()?).ok());
        let body = sound.map_or(body, |sound| String::from_utf8_lossy(&sound).into_owned());
        assert!(body.contains(key), "{key}: {body}");
    }
}
