//! Spoils an answer: other bytes, another type, too many headers, the caller's key.

use super::answer::{Answer, Problem};
use super::fault::Spoil;
use super::house::House;
use axum::body::Bytes;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Map, Value, json};
use std::io::Write;
use std::sync::OnceLock;

/// What a bomb becomes when it is unpacked.
const BOMB_BYTES: usize = 256 << 20;

/// Returns the answer as it is after this.
pub fn spoiled(answer: Answer, spoil: Spoil, house: House, key: Option<&str>) -> Answer {
    let key = key.unwrap_or_default();
    match spoil {
        Spoil::NotJson => {
            let half = answer.body.slice(..answer.body.len() / 2);
            with(answer, half)
        }
        Spoil::WrongTypes => {
            let wrong = wrong_types(&value(&answer)).to_string();
            with(answer, wrong)
        }
        Spoil::Html => with(answer, "<!DOCTYPE html><html><body><h1>Sign in to the network</h1></body></html>")
            .header("content-type", "text/html; charset=utf-8"),
        Spoil::Empty => with(answer, ""),
        Spoil::Duplicates => {
            let right = value(&answer);
            let (first, second) = (wrong_members(&right).to_string(), right.to_string());
            with(answer, format!("{{{},{}}}", strip_braces(&first), strip_braces(&second)))
        }
        Spoil::Bom => {
            let marked = [b"\xef\xbb\xbf", &answer.body[..]].concat();
            with(answer, marked)
        }
        Spoil::NotUtf8 => {
            let mut bytes = answer.body.to_vec();
            let place = bytes.windows(2).position(|two| two == b":\"").map_or(0, |place| place + 2);
            bytes.splice(place..place, [0xff, 0xfe]);
            with(answer, bytes)
        }
        Spoil::WrongKind => answer.header("content-type", "text/plain"),
        Spoil::ErrorWith200 => Answer { status: 200, ..house.problem(&Problem::new(500, "Something went wrong.")) },
        Spoil::GzipBomb => with(answer, bomb()).header("content-encoding", "gzip"),
        Spoil::ManyHeaders(count) => {
            let headers = (0..count).map(|place| (format!("x-noise-{place}"), "n".repeat(64)));
            headers.fold(answer, |answer, (name, value)| {
                let mut answer = answer;
                answer.headers.push((name, value));
                answer
            })
        }
        Spoil::KeyInError(status) => {
            let each = |form: fn(u8) -> String| key.bytes().map(form).collect::<String>();
            let (hex, url) = (each(|byte| format!("{byte:02x}")), each(|byte| format!("%{byte:02X}")));
            let page = each(|byte| format!("&#{byte};"));
            let forms = format!("{key} {} {hex} {url} {page}", BASE64_STANDARD.encode(key));
            let problem = Problem::new(status, format!("Incorrect API key provided: {forms}.")).code("invalid_api_key");
            headed(house.problem(&problem), key)
        }
        Spoil::KeyInAnswer => {
            let body = match serde_json::from_slice(&answer.body) {
                Ok(value) => with_key(value, answer.text.as_deref(), key).to_string().into_bytes(),
                Err(_) => overwritten(&answer.body, key),
            };
            headed(with(answer, body), key)
        }
    }
}

/// The answer with the key in headers that clients read.
fn headed(answer: Answer, key: &str) -> Answer {
    ["x-echo", "x-request-id", "request-id"].iter().fold(answer, |answer, name| answer.header(name, key))
}

/// The value with the key behind each text that holds what was generated, and within each sound.
fn with_key(value: Value, text: Option<&str>, key: &str) -> Value {
    match value {
        Value::String(held) if text.is_none_or(|text| held.contains(text)) => json!(format!("{held} {key}")),
        Value::String(held) => match BASE64_STANDARD.decode(&held) {
            Ok(sound) if sound.len() > 2 * key.len() => json!(BASE64_STANDARD.encode(overwritten(&sound, key))),
            _ => json!(held),
        },
        Value::Array(items) => items.into_iter().map(|item| with_key(item, text, key)).collect(),
        Value::Object(members) => members.into_iter().map(|(name, inner)| (name, with_key(inner, text, key))).collect(),
        other => other,
    }
}

/// The key in the middle of a sound: its length, and with it its head, stays as it is.
fn overwritten(bytes: &[u8], key: &str) -> Vec<u8> {
    let middle = bytes.len() / 2;
    [&bytes[..middle], key.as_bytes(), bytes.get(middle + key.len()..).unwrap_or_default()].concat()
}

fn with(answer: Answer, body: impl Into<Bytes>) -> Answer {
    Answer { body: body.into(), ..answer }
}

fn value(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap_or_else(|_| json!({ "not": "json" }))
}

/// A number for each text and a text for each number, all the way down.
fn wrong_types(value: &Value) -> Value {
    match value {
        Value::String(text) => json!(text.len()),
        Value::Number(number) => json!(number.to_string()),
        Value::Bool(flag) => json!(flag.to_string()),
        Value::Null => json!(0),
        Value::Array(items) => items.iter().map(wrong_types).collect(),
        Value::Object(members) => members.iter().map(|(name, inner)| (name.clone(), wrong_types(inner))).collect(),
    }
}

/// Each member with a value of another type.
fn wrong_members(value: &Value) -> Value {
    let wrong = |inner: &Value| if inner.is_string() { json!(0) } else { json!("other") };
    let members = value.as_object().cloned().unwrap_or_default();
    Value::Object(members.iter().map(|(name, inner)| (name.clone(), wrong(inner))).collect::<Map<_, _>>())
}

fn strip_braces(object: &str) -> &str {
    object.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or(object)
}

/// The bomb, which is packed once.
fn bomb() -> Bytes {
    static BOMB: OnceLock<Bytes> = OnceLock::new();
    let packed = || {
        let mut packer = GzEncoder::new(Vec::new(), Compression::default());
        let zeros = vec![0; 1 << 20];
        for _ in 0..BOMB_BYTES / zeros.len() {
            packer.write_all(&zeros).expect("memory takes all");
        }
        packer.finish().expect("memory takes all").into()
    };
    BOMB.get_or_init(packed).clone()
}
