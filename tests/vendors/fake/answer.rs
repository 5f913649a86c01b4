//! What an endpoint says: an answer that is paid for, or a problem in no vendor's words yet.

use axum::body::Bytes;
use serde_json::Value;

/// A whole answer, before any fault touches it.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
    /// The text or the spoken text that was generated.
    pub text: Option<String>,
    /// Whether this is a generation, which the vendor charges.
    pub price: Price,
}

/// Whether the vendor takes money for an answer, and for how many of its units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Price {
    Free,
    Units(u64),
}

impl Answer {
    /// Facts that cost nothing: models, voices, quotas, and what is wrong.
    pub fn facts(status: u16, value: &Value) -> Answer {
        Answer { status, headers: Vec::new(), body: value.to_string().into(), text: None, price: Price::Free }
            .header("content-type", "application/json")
    }

    /// A generation as JSON.
    pub fn generated(value: &Value, text: &str, units: u64) -> Answer {
        Answer { price: Price::Units(units), text: Some(text.to_owned()), ..Answer::facts(200, value) }
    }

    /// A generation as bytes of a media type.
    pub fn media(kind: &str, bytes: Vec<u8>, text: &str, units: u64) -> Answer {
        let answer = Answer {
            status: 200,
            headers: Vec::new(),
            body: bytes.into(),
            text: Some(text.to_owned()),
            price: Price::Units(units),
        };
        answer.header("content-type", kind)
    }

    /// Sets a header; one of that name goes.
    pub fn header(mut self, name: &str, value: &str) -> Answer {
        self.headers.retain(|(other, _)| other != name);
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub status: u16,
    pub code: Option<String>,
    pub param: Option<String>,
    pub message: String,
}

impl Problem {
    pub fn new(status: u16, message: impl Into<String>) -> Problem {
        Problem { status, code: None, param: None, message: message.into() }
    }

    pub fn code(self, code: &str) -> Problem {
        Problem { code: Some(code.to_owned()), ..self }
    }

    pub fn param(self, param: &str) -> Problem {
        Problem { param: Some(param.to_owned()), ..self }
    }
}
