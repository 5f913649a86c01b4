//! Makes what models make: texts that follow from the prompt and are never the same twice, values for schemas, usage.

use super::desk::{Manner, Spoken};
use super::fault::Twist;
use super::shape;
use serde_json::{Value, json};

const WORDS: [&str; 16] = [
    "harbour", "lantern", "bus", "rain", "window", "letter", "garden", "stair", "river", "violin", "market", "ferry",
    "winter", "orchard", "station", "clock",
];
/// What a model of OpenAI that reasons spends on it.
pub const REASONING_TOKENS: u64 = 64;

/// What one call makes its answer from.
pub struct Mint<'a> {
    /// The place of the call in the order of all calls.
    pub number: usize,
    /// A hash of what was asked.
    pub digest: String,
    pub twist: &'a Twist,
    pub manner: Manner,
    /// What this server has spoken so far.
    pub spoken: &'a mut Spoken,
    /// Characters that were charged so far.
    pub characters: u64,
}

/// What a text model was asked for.
pub struct Wish {
    pub prompt: String,
    pub tokens_max: Option<u64>,
    /// The answer is to be JSON; the schema may be `true`.
    pub schema: Option<Value>,
    /// What is spent before the first word of the answer.
    pub reasoning: u64,
}

/// What a text model answers, in no vendor's words yet.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    pub text: String,
    pub stop: Stop,
    pub tokens: Tokens,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    End,
    Length,
    Filtered,
    Refused,
    /// The content is `null`.
    Null,
    /// There is no choice, no candidate, no block.
    Nothing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tokens {
    /// All of the prompt's, those from the cache too.
    pub asked: u64,
    pub cached: u64,
    /// All that were made, those of the reasoning too.
    pub made: u64,
    pub reasoning: u64,
}

impl Mint<'_> {
    /// Returns the answer to a prompt; `choice` tells several answers of one call apart.
    pub fn reply(&self, wish: &Wish, choice: usize) -> Reply {
        let mut text = match (self.twist, &wish.schema) {
            (Twist::Says(text), _) => text.clone(),
            (Twist::OffSchema, Some(_)) => json!({ "unasked": self.text(choice) }).to_string(),
            (_, Some(Value::Bool(_))) => json!({ "answer": self.text(choice) }).to_string(),
            (_, Some(schema)) => self.value(schema, choice).to_string(),
            (_, None) => self.text(choice),
        };
        let mut stop = match self.twist {
            Twist::Length => Stop::Length,
            Twist::Filtered => Stop::Filtered,
            Twist::Refusal => Stop::Refused,
            Twist::NullContent => Stop::Null,
            Twist::NoChoices => Stop::Nothing,
            _ => Stop::End,
        };
        let room = wish.tokens_max.map(|most| most.saturating_sub(wish.reasoning));
        if room.is_some_and(|room| tokens(&text) > room) {
            stop = Stop::Length;
            text = text.chars().take(room.unwrap_or(0) as usize * 4).collect();
        } else if stop == Stop::Length || stop == Stop::Filtered {
            text = text.chars().take(text.chars().count() / 2).collect();
        }
        let asked = tokens(&wish.prompt);
        let cached = if matches!(self.twist, Twist::Cached) { asked / 2 } else { 0 };
        let made = wish.reasoning + tokens(&text);
        Reply { text, stop, tokens: Tokens { asked, cached, made, reasoning: wish.reasoning } }
    }

    /// A sentence.
    pub fn text(&self, choice: usize) -> String {
        let letter = char::from(b'a' + (choice % 26) as u8);
        let words: Vec<&str> = self.digest.bytes().take(6).map(|byte| WORDS[usize::from(byte) % 16]).collect();
        format!("Answer {}{letter} to {}: {}.", self.number + 1, &self.digest[..8], words.join(" "))
    }

    /// Usage, or nothing where the script says so: some servers send none.
    pub fn usage(&self, usage: Value) -> Value {
        if matches!(self.twist, Twist::NoUsage) { Value::Null } else { usage }
    }

    /// Text for an id: other for each call.
    pub fn id(&self, head: &str) -> String {
        format!("{head}{}-{}", &self.digest[..16], self.number)
    }

    fn value(&self, schema: &Value, choice: usize) -> Value {
        let mut count = 0;
        shape::value(schema, &mut || {
            count += 1;
            format!("{} {count}", self.text(choice).trim_end_matches('.'))
        })
    }
}

/// About four signs each.
pub fn tokens(text: &str) -> u64 {
    (text.chars().count() as u64).div_ceil(4)
}

/// The text of a message, whether it is one text or a list of parts.
pub fn content_text(content: &Value) -> String {
    let part = |part: &Value| part["text"].as_str().unwrap_or_default().to_owned();
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().map(part).collect::<Vec<_>>().join("\n"),
        _ => String::new(),
    }
}
