//! Which requests an entry answers: one by its digest, or those of which its rules hold.

use super::{Asks, Sort, given, says};
use crate::base::diagnostic::Diagnostic;
use crate::storyfile::faults::Faults;
use crate::storyfile::tree::Node;

/// Keys of `match` that look for pieces of what is asked, and in which requests.
const PIECES: [(&str, Sort); 6] = [
    ("prompt", Sort::Text),
    ("system", Sort::Text),
    ("text", Sort::Speech),
    ("url", Sort::Call),
    ("body", Sort::Call),
    ("file", Sort::Hearing),
];

/// The key of `match` that is about the method of a call.
const METHOD: &str = "method";

/// What a call may be.
const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

/// Keys of `match` that go with every request.
const OTHERS: [&str; 4] = ["stage", "take", "sample", "repair"];

/// The fewest digits of a request's digest that name it.
const DIGITS_MIN: usize = 12;

impl Asks {
    /// Returns which requests can be meant; `None`: all.
    pub fn sort(&self) -> Option<Sort> {
        let first = self.pieces.first().map(|(key, _)| *key);
        first.or(self.method.is_some().then_some(METHOD)).and_then(sort_of)
    }
}

/// Reads to which requests an entry is the answer.
pub fn read(node: &Node, faults: &mut Faults) -> Asks {
    let mut asks = Asks { request: given(node, "request").and_then(|node| request(node, faults)), ..Asks::default() };
    let Some(rules) = given(node, "match") else { return asks };
    if faults.map("`match`", rules).is_none() {
        return asks;
    }
    let known: Vec<&str> = PIECES.iter().map(|(key, _)| *key).chain([METHOD]).chain(OTHERS).collect();
    faults.keys("the key", rules, &known, &[]);
    mixed(node, rules, faults);
    asks.stage = given(rules, "stage").and_then(|node| faults.text("`stage`", node)).map(str::to_owned);
    asks.method = given(rules, METHOD).and_then(|node| method(node, faults));
    for (key, _) in PIECES {
        let texts = given(rules, key).map(|node| faults.texts(&format!("`{key}`"), node)).unwrap_or_default();
        asks.pieces.extend(texts.into_iter().map(|(text, _)| (key, text.to_owned())));
    }
    let mut number = |key: &str, least| {
        given(rules, key).and_then(|node| faults.whole(&format!("`{key}`"), node, least..=1_000_000))
    };
    (asks.take, asks.sample, asks.repair) = (number("take", 1), number("sample", 1), number("repair", 0));
    asks
}

/// Returns the requests that a key of `match` is about; `None`: all.
fn sort_of(key: &str) -> Option<Sort> {
    let piece = PIECES.iter().find(|(piece, _)| *piece == key).map(|(_, sort)| *sort);
    piece.or((key == METHOD).then_some(Sort::Call))
}

/// Reports rules about requests of another sort than the answer is for: such an entry never answers.
fn mixed(node: &Node, rules: &Node, faults: &mut Faults) {
    let mut meant: Option<(&str, Sort)> = says::meant(node);
    for entry in rules.entries().iter().filter(|entry| !entry.value.is_null()) {
        let Some(sort) = sort_of(&entry.key) else { continue };
        let (key, wanted) = *meant.get_or_insert((&entry.key, sort));
        if sort != wanted {
            faults.push(
                Diagnostic::error("S029", format!("`{}` does not go with `{key}`", entry.key), entry.key_span)
                    .label("never holds")
                    .help(format!("remove it; it goes with `{}`", says::key_of(sort))),
            );
        }
    }
}

fn method(node: &Node, faults: &mut Faults) -> Option<String> {
    let name = faults.text("`method`", node)?;
    if !METHODS.contains(&name) {
        faults.unknown("S024", "the method", name, node.span, &METHODS);
        return None;
    }
    Some(name.to_owned())
}

fn request(node: &Node, faults: &mut Faults) -> Option<String> {
    let text = faults.text("`request`", node)?;
    let is_digest = text.len() >= DIGITS_MIN && text.len() <= 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_digest {
        faults.push(
            Diagnostic::error("S168", format!("`{text}` is no digest of a request"), node.span)
                .label("not a digest")
                .help(
                    "storygen prints it where it finds no answer; write `match: { stage: … }` to go by what is asked",
                ),
        );
        return None;
    }
    Some(text.to_ascii_lowercase())
}
