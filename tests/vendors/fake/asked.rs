//! A request as it came: method, path, headers, and its body as JSON or as the parts of a form.

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Multipart};
use axum::http::Request;
use axum::http::request::Parts;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A request that was read to its end.
#[derive(Clone, Debug)]
pub struct Asked {
    pub method: String,
    /// With the base of its vendor: `/openai/v1/models`.
    pub path: String,
    pub query: BTreeMap<String, String>,
    /// In their order; names in lower case.
    pub headers: Vec<(String, String)>,
    pub sent: Sent,
}

/// The body of a request.
#[derive(Clone, Debug)]
pub enum Sent {
    Nothing,
    Json(Value),
    Form(Vec<Part>),
    /// Neither, or badly written.
    Other(Bytes),
}

/// One part of a form.
#[derive(Clone, Debug)]
pub struct Part {
    pub name: String,
    /// Only files have one.
    pub file_name: Option<String>,
    pub kind: Option<String>,
    pub bytes: Bytes,
}

impl Part {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}

impl Asked {
    pub async fn read(head: Parts, body: Bytes) -> Asked {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let headers: Vec<(String, String)> =
            head.headers.iter().map(|(name, value)| (name.to_string(), text(value.as_bytes()))).collect();
        let pairs = head.uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
        let query = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        let (method, path) = (head.method.to_string(), head.uri.path().to_owned());
        let query = query.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Asked { sent: sent(head, body).await, method, path, query, headers }
    }

    /// The first header of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The piece of the path at this place, counted from the base's own: `openai` is 0.
    pub fn piece(&self, place: usize) -> &str {
        self.path.split('/').nth(place + 1).unwrap_or_default()
    }

    /// The parts of the form with this name.
    pub fn parts(&self, name: &str) -> Vec<&Part> {
        let Sent::Form(parts) = &self.sent else { return Vec::new() };
        parts.iter().filter(|part| part.name == name).collect()
    }

    /// The body as a value, which is the same for the same content: a form has a new boundary each time.
    pub fn value(&self) -> Value {
        match &self.sent {
            Sent::Nothing => Value::Null,
            Sent::Json(value) => value.clone(),
            Sent::Form(parts) => Value::Array(parts.iter().map(part_value).collect()),
            Sent::Other(bytes) => Value::String(String::from_utf8_lossy(bytes).into_owned()),
        }
    }
}

fn part_value(part: &Part) -> Value {
    match &part.file_name {
        None => json!({ "name": part.name, "value": part.text() }),
        Some(file) => json!({
            "name": part.name, "file": file, "type": part.kind, "size": part.bytes.len(),
            "hash": blake3::hash(&part.bytes).to_hex().as_str(),
        }),
    }
}

async fn sent(head: Parts, body: Bytes) -> Sent {
    let kind = head.headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
    if kind.starts_with("multipart/form-data") {
        return form(head, body.clone()).await.map_or(Sent::Other(body), Sent::Form);
    }
    if body.is_empty() {
        return Sent::Nothing;
    }
    let json = kind.starts_with("application/json").then(|| serde_json::from_slice(&body).ok()).flatten();
    json.map_or(Sent::Other(body), Sent::Json)
}

async fn form(head: Parts, body: Bytes) -> Option<Vec<Part>> {
    let mut form = Multipart::from_request(Request::from_parts(head, Body::from(body)), &()).await.ok()?;
    let mut parts = Vec::new();
    while let Some(field) = form.next_field().await.ok()? {
        let (name, file_name) = (field.name()?.to_owned(), field.file_name().map(str::to_owned));
        let kind = field.content_type().map(str::to_owned);
        parts.push(Part { name, file_name, kind, bytes: field.bytes().await.ok()? });
    }
    Some(parts)
}
