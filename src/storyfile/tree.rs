//! The Storyfile as a tree: what stands where, before anyone asks what it means.

use crate::base::span::Span;
use serde_json::{Number, Value};
use std::sync::Arc;

/// A piece of the file. Aliases share their anchor's node, so that a copy costs nothing.
#[derive(Clone, Debug)]
pub struct Node {
    pub value: Content,
    /// Bytes of the value; quotes are part of it.
    pub span: Span,
    /// How many nodes this one stands for, itself and aliases included.
    pub size: u64,
    /// Levels below this one.
    pub height: u32,
}

#[derive(Clone, Debug)]
pub enum Content {
    Scalar(Scalar),
    Seq(Vec<Arc<Node>>),
    /// Entries in the order of the file; keys are unique.
    Map(Vec<Entry>),
}

#[derive(Clone, Debug)]
pub struct Entry {
    pub key: String,
    pub key_span: Span,
    pub value: Arc<Node>,
}

#[derive(Clone, Debug)]
pub struct Scalar {
    pub text: String,
    pub style: Style,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    Plain,
    /// In quotes or a block: always text.
    Quoted,
}

impl Node {
    /// Returns the entries of a map; nothing for other values.
    pub fn entries(&self) -> &[Entry] {
        match &self.value {
            Content::Map(entries) => entries,
            _ => &[],
        }
    }

    /// Returns the value at `key` of a map.
    pub fn get(&self, key: &str) -> Option<&Arc<Node>> {
        self.entries().iter().find(|entry| entry.key == key).map(|entry| &entry.value)
    }

    /// Returns the scalar, if it is one.
    pub fn scalar(&self) -> Option<&Scalar> {
        match &self.value {
            Content::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }

    /// Tells whether nothing stands here: `key:`, `~` or `null`.
    pub fn is_null(&self) -> bool {
        self.scalar().is_some_and(|scalar| scalar.core() == Value::Null)
    }

    /// Returns the whole value by the core schema, as data.
    pub fn data(&self) -> Value {
        match &self.value {
            Content::Scalar(scalar) => scalar.core(),
            Content::Seq(items) => items.iter().map(|item| item.data()).collect(),
            Content::Map(entries) => {
                Value::Object(entries.iter().map(|entry| (entry.key.clone(), entry.value.data())).collect())
            }
        }
    }

    /// Returns words for what this is: `a list`.
    pub fn sort(&self) -> &'static str {
        match &self.value {
            Content::Seq(_) => "a list",
            Content::Map(_) => "a map",
            Content::Scalar(scalar) => match scalar.core() {
                Value::Null => "nothing",
                Value::Bool(_) => "true or false",
                Value::Number(_) => "a number",
                _ => "text",
            },
        }
    }
}

impl Scalar {
    /// Returns the value by the core schema of YAML 1.2: `no` and `2026-11-01` are text.
    pub fn core(&self) -> Value {
        if self.style == Style::Quoted {
            return Value::String(self.text.clone());
        }
        match self.text.as_str() {
            "" | "~" | "null" | "Null" | "NULL" => Value::Null,
            "true" | "True" | "TRUE" => Value::Bool(true),
            "false" | "False" | "FALSE" => Value::Bool(false),
            text => number(text).map_or_else(|| Value::String(text.to_owned()), Value::Number),
        }
    }

    /// Returns the value by the core schema, but as text where a number would lose its spelling: `07`, `0.50`.
    pub fn spelled(&self) -> Value {
        match self.core() {
            Value::Number(number) if number.to_string() != self.text => Value::String(self.text.clone()),
            value => value,
        }
    }
}

/// Parses a number of the core schema; not `.inf` and `.nan`, which no data format of ours can hold.
fn number(text: &str) -> Option<Number> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if let Some(hex) = text.strip_prefix("0x") {
        return u64::from_str_radix(hex, 16).ok().map(Number::from);
    }
    if let Some(octal) = text.strip_prefix("0o") {
        return u64::from_str_radix(octal, 8).ok().map(Number::from);
    }
    let first = digits.bytes().next()?;
    if !(first.is_ascii_digit() || first == b'.') || !digits.bytes().any(|byte| byte.is_ascii_digit()) {
        return None;
    }
    if digits.bytes().all(|byte| byte.is_ascii_digit()) {
        let plain = text.strip_prefix('+').unwrap_or(text);
        return plain.parse::<i64>().map(Number::from).or_else(|_| plain.parse::<u64>().map(Number::from)).ok();
    }
    let allowed = digits.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'-' | b'+'));
    if !allowed {
        return None;
    }
    text.parse::<f64>().ok().and_then(Number::from_f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn core(text: &str) -> Value {
        Scalar { text: text.into(), style: Style::Plain }.core()
    }

    #[test]
    fn only_the_core_schema_makes_values() {
        for text in ["no", "on", "y", "16:9", "2026-11-01", "1_000", "1e", ".", "-", "e5", "0b1", ".inf"] {
            assert_eq!(core(text), Value::String(text.into()), "{text}");
        }
        assert_eq!(core("0x1F"), 31);
        assert_eq!(core("-7"), -7);
        assert_eq!(core("1e3"), 1000.0);
        assert_eq!(core("True"), true);
        assert_eq!(core("~"), Value::Null);
    }

    #[test]
    fn a_number_that_would_lose_its_spelling_stays_text() {
        let spelled = |text: &str| Scalar { text: text.into(), style: Style::Plain }.spelled();
        assert_eq!(spelled("07"), "07");
        assert_eq!(spelled("0.50"), "0.50");
        assert_eq!(spelled("0.5"), 0.5);
        assert_eq!(spelled("12"), 12);
    }
}
