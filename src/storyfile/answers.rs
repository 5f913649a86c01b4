//! Answers that stand in the repo (`type: scripted`): their files, read with the place of every fault. Pure.
//!
//! A file is a list of entries, as YAML, JSON or JSON Lines. An entry says to which requests it is the answer
//! ([`Asks`]) and what the answer is ([`Says`]).

mod asks;
mod says;

use crate::base::diagnostic::Diagnostic;
use crate::base::money::Usage;
use crate::base::span::Span;
use crate::storyfile::faults::Faults;
use crate::storyfile::parse::{is_blank, parse};
use crate::storyfile::tree::{Content, Node};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Keys of an entry.
const KEYS: [&str; 18] = [
    "request",
    "match",
    "reply",
    "replies",
    "finish",
    "fault",
    "audio",
    "words",
    "body",
    "file",
    "status",
    "headers",
    "heard",
    "by",
    "usage",
    "warnings",
    "chunk_chars",
    "asked",
];

/// Keys of `usage`.
const USAGE_KEYS: [&str; 5] = ["input_tokens", "cached_tokens", "output_tokens", "characters", "audio_ms"];

/// Names of files that hold answers.
const EXTENSIONS: [&str; 4] = ["yaml", "yml", "json", "jsonl"];

/// One answer and the requests that it is given to.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Where it starts in its file, from 1.
    pub line: usize,
    /// Where its answer stands in the text.
    pub span: Span,
    pub asks: Asks,
    pub says: Says,
    /// Whose answer it is, for provenance.
    pub by: Option<String>,
    pub usage: Usage,
    pub warnings: Vec<Warning>,
    /// How much the voice that it was recorded of speaks at a time, in characters.
    pub chunk_chars: Option<u32>,
    /// What was asked, for people: nothing is matched with it.
    pub asked: Option<String>,
}

/// To which requests an entry is the answer: all that is said must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asks {
    /// The digest of the request's content, or its first digits.
    pub request: Option<String>,
    /// A stage, or one instance of it.
    pub stage: Option<String>,
    /// Of a call.
    pub method: Option<String>,
    /// Pieces of what is asked, each with its key in `match`.
    pub pieces: Vec<(&'static str, String)>,
    /// From 1.
    pub take: Option<u32>,
    /// From 1.
    pub sample: Option<u32>,
    /// 0: the first attempt.
    pub repair: Option<u32>,
}

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    Text,
    Speech,
    /// A call of a service of any sort.
    Call,
    /// What is said in a recording.
    Hearing,
}

/// What an answer is.
#[derive(Clone, Debug, PartialEq)]
pub enum Says {
    /// Texts: the first, and one after the other for those that are asked for again.
    Texts { replies: Vec<String>, finish: Ended },
    /// A recording, as a path from the folder of the file; without words they share its time.
    Sound { audio: String, words: Option<Vec<Word>> },
    /// What a service of any sort says to a call; names of headers are in lower case.
    Call { status: u16, headers: BTreeMap<String, String>, body: Body },
    /// What was heard in a recording; without words nobody knows when.
    Heard { text: String, words: Vec<Word> },
    /// There is no answer.
    Fault { cause: String, message: Option<String>, hint: Option<String> },
}

/// What a call brings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    Text(String),
    /// As a path from the folder of the file.
    File(String),
}

/// How a text ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ended {
    #[default]
    Stop,
    Length,
    Refusal,
}

/// A word and when it is heard, in seconds.
#[derive(Clone, Debug, PartialEq)]
pub struct Word {
    pub text: String,
    pub start: f64,
    pub end: f64,
}

/// What a person should know of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// Bytes in the text that it is about; `None`: the whole.
    pub at: Option<(u32, u32)>,
    pub message: String,
}

impl Entry {
    /// Returns which requests it may answer; `None`: a fault that anybody may meet.
    pub fn sort(&self) -> Option<Sort> {
        match &self.says {
            Says::Texts { .. } => Some(Sort::Text),
            Says::Sound { .. } => Some(Sort::Speech),
            Says::Call { .. } => Some(Sort::Call),
            Says::Heard { .. } => Some(Sort::Hearing),
            Says::Fault { .. } => self.asks.sort(),
        }
    }

    /// Returns the file that its answer stands in, as a path from the folder of the entry's own.
    pub fn names(&self) -> Option<&str> {
        match &self.says {
            Says::Sound { audio, .. } => Some(audio),
            Says::Call { body: Body::File(name), .. } => Some(name),
            Says::Texts { .. } | Says::Call { .. } | Says::Heard { .. } | Says::Fault { .. } => None,
        }
    }
}

/// Tells whether a file in a folder of answers holds entries: all others are what entries name.
pub fn holds_entries(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, extension)| EXTENSIONS.contains(&extension))
}

/// Reads the entries of a file, by its name and text; the places of faults are in the text.
pub fn read(name: &str, text: &str) -> (Vec<Entry>, Vec<Diagnostic>) {
    if !name.ends_with(".jsonl") {
        return list(text);
    }
    let (mut entries, mut faults, mut start) = (Vec::new(), Vec::new(), 0);
    for (number, line) in text.split_inclusive('\n').enumerate() {
        if !is_blank(line) {
            let (entry, found) = alone(line);
            entries.extend(entry.map(|entry| Entry { line: number + 1, span: shifted(entry.span, start), ..entry }));
            faults.extend(found.into_iter().map(|fault| moved(fault, start)));
        }
        start += u32::try_from(line.len()).unwrap_or(u32::MAX);
    }
    (entries, faults)
}

/// Reads a list of entries.
fn list(text: &str) -> (Vec<Entry>, Vec<Diagnostic>) {
    if is_blank(text) {
        return (Vec::new(), Vec::new());
    }
    let parsed = parse(text);
    let mut faults = Faults::new(text, parsed.faults);
    let Some(root) = parsed.root else { return (Vec::new(), faults.finish()) };
    let items: &[Arc<Node>] = match &root.value {
        Content::Seq(items) => items,
        Content::Map(_) => std::slice::from_ref(&root),
        Content::Scalar(_) => {
            faults.sort("a file of answers", "a list", &root);
            &[]
        }
    };
    let entries = items.iter().filter_map(|item| entry(item, text, &mut faults)).collect();
    (entries, faults.finish())
}

/// Reads one entry: a line.
fn alone(line: &str) -> (Option<Entry>, Vec<Diagnostic>) {
    let parsed = parse(line);
    let mut faults = Faults::new(line, parsed.faults);
    let entry = parsed.root.and_then(|root| entry(&root, line, &mut faults));
    (entry, faults.finish())
}

/// Returns a fault of a piece as one of the whole text.
fn moved(mut fault: Diagnostic, start: u32) -> Diagnostic {
    fault.span = fault.span.map(|span| shifted(span, start));
    fault.related.iter_mut().for_each(|(span, _)| *span = shifted(*span, start));
    fault
}

fn shifted(span: Span, start: u32) -> Span {
    Span::new(span.start.saturating_add(start), span.end.saturating_add(start))
}

fn entry(node: &Node, text: &str, faults: &mut Faults) -> Option<Entry> {
    faults.map("an answer", node)?;
    faults.keys("the key", node, &KEYS, &[]);
    let says = says::read(node, faults);
    let asks = asks::read(node, faults);
    let by = given(node, "by").and_then(|node| faults.text("`by`", node)).map(str::to_owned);
    let asked = given(node, "asked").and_then(|node| faults.text("`asked`", node)).map(str::to_owned);
    Some(Entry {
        line: node.span.line_column(text).0,
        span: given(node, "audio").or(given(node, "file")).map_or(node.span, |node| node.span),
        asks,
        by,
        usage: given(node, "usage").map(|node| usage(node, faults)).unwrap_or_default(),
        warnings: says::warnings(node, faults),
        chunk_chars: given(node, "chunk_chars").and_then(|node| faults.whole("`chunk_chars`", node, 1..=1_000_000)),
        asked,
        says: says?,
    })
}

fn usage(node: &Node, faults: &mut Faults) -> Usage {
    if faults.map("`usage`", node).is_none() {
        return Usage::default();
    }
    faults.keys("the key", node, &USAGE_KEYS, &[]);
    let mut count = |key: &str| {
        let found = given(node, key).and_then(|node| faults.whole(&format!("`{key}`"), node, 0..=4_000_000_000));
        found.map(u64::from)
    };
    Usage {
        input_tokens: count("input_tokens"),
        cached_tokens: count("cached_tokens"),
        output_tokens: count("output_tokens"),
        characters: count("characters"),
        audio_ms: count("audio_ms"),
    }
}

/// Returns the value at a key; `key: ~` is the same as no key.
fn given<'n>(node: &'n Node, key: &str) -> Option<&'n Arc<Node>> {
    node.get(key).filter(|node| !node.is_null())
}

#[cfg(test)]
mod tests;
