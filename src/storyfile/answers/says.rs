//! What an entry answers: texts, a recording, what a service says to a call, what was heard, or a fault.

use super::{Body, Ended, KEYS, Says, Sort, Warning, Word, given};
use crate::base::diagnostic::Diagnostic;
use crate::storyfile::faults::Faults;
use crate::storyfile::tree::{Content, Node};
use std::collections::BTreeMap;

/// What can go wrong at a service, as `fault:` says it.
const CAUSES: [&str; 7] = ["timeout", "empty", "length", "refusal", "rate-limit", "server", "quota"];

/// How a reply may end, as `finish:` says it.
const FINISHES: [&str; 3] = ["stop", "length", "refusal"];

/// The keys of an answer, and which requests each is for; a fault is for all.
const ANSWERS: [(&str, Option<Sort>); 7] = [
    ("reply", Some(Sort::Text)),
    ("replies", Some(Sort::Text)),
    ("audio", Some(Sort::Speech)),
    ("body", Some(Sort::Call)),
    ("file", Some(Sort::Call)),
    ("heard", Some(Sort::Hearing)),
    ("fault", None),
];

/// What a service may say of a call; redirects are never followed.
const STATUSES: std::ops::RangeInclusive<u64> = 200..=599;

/// Returns the answer's key and which requests it is for, where that is clear.
pub fn meant(node: &Node) -> Option<(&'static str, Sort)> {
    let said = ANSWERS.iter().find(|(key, _)| node.get(key).is_some());
    let alone = given(node, "status").map(|_| ("status", Sort::Call));
    said.map_or(alone, |(key, sort)| sort.map(|sort| (*key, sort)))
}

/// Returns the key of answers to requests of this sort.
pub fn key_of(sort: Sort) -> &'static str {
    let found = ANSWERS.iter().find(|(_, of)| *of == Some(sort));
    found.map_or("fault", |(key, _)| *key)
}

/// Reads what an entry says; `None` after a reported fault.
pub fn read(node: &Node, faults: &mut Faults) -> Option<Says> {
    let key = answer(node, faults)?;
    goes_with(node, "finish", &["reply", "replies"], key, faults);
    goes_with(node, "words", &["audio", "heard"], key, faults);
    for other in ["status", "headers"] {
        goes_with(node, other, &["body", "file", "status"], key, faults);
    }
    let value = node.get(key)?;
    match key {
        "reply" => Some(Says::Texts { replies: vec![text(value)], finish: finish(node, faults)? }),
        "replies" => replies(value, faults).and_then(|replies| {
            let finish = finish(node, faults)?;
            Some(Says::Texts { replies, finish })
        }),
        "audio" => {
            let audio = faults.text("`audio`", value)?.to_owned();
            let words = match given(node, "words") {
                Some(node) => Some(words(node, faults)?),
                None => None,
            };
            Some(Says::Sound { audio, words })
        }
        "body" => call(node, Body::Text(text(value)), faults),
        "file" => {
            let name = faults.text("`file`", value)?.to_owned();
            call(node, Body::File(name), faults)
        }
        "status" => call(node, Body::Text(String::new()), faults),
        "heard" => {
            let words = given(node, "words").map_or(Some(Vec::new()), |node| words(node, faults))?;
            // Nothing at all was heard: that is an answer too.
            let text = if value.is_null() { String::new() } else { faults.text("`heard`", value)?.to_owned() };
            Some(Says::Heard { text, words })
        }
        _ => fault(value, faults),
    }
}

/// Returns the key of the one answer; `None` after a reported fault. A status alone is one, without a body.
fn answer(node: &Node, faults: &mut Faults) -> Option<&'static str> {
    let keys = ANSWERS.iter().map(|(key, _)| *key);
    let found: Vec<&str> = keys.filter(|key| node.get(key).is_some()).collect();
    let (message, help) = match found.as_slice() {
        [key] => return Some(key),
        [] if given(node, "status").is_some() => return Some("status"),
        [] => (
            "this entry has no answer",
            "write `reply: …`, `audio: …` for a voice, `body: …` for a service that is called, `heard: …` for a recording, \
             or `fault: …`",
        ),
        _ => ("this entry has more than one answer", "write one entry for each; `replies` is a list of texts"),
    };
    // A slip in the very word is told already.
    let is_slip = found.is_empty() && node.entries().iter().any(|entry| !KEYS.contains(&entry.key.as_str()));
    if !is_slip {
        faults.push(Diagnostic::error("S168", message, node.span).label("one of them").help(help));
    }
    None
}

/// Reads what a service says to a call, beside its body.
fn call(node: &Node, body: Body, faults: &mut Faults) -> Option<Says> {
    let status = match given(node, "status") {
        Some(node) => u16::try_from(faults.whole("`status`", node, STATUSES)?).ok()?,
        None => 200,
    };
    let mut headers = BTreeMap::new();
    if let Some(node) = given(node, "headers") {
        for entry in faults.map("`headers`", node)?.entries() {
            let value = faults.text(&format!("`{}`", entry.key), &entry.value)?;
            headers.insert(entry.key.to_lowercase(), value.to_owned());
        }
    }
    Some(Says::Call { status, headers, body })
}

/// Reports a key that goes with another sort of answer.
fn goes_with(node: &Node, key: &str, owners: &[&str], found: &str, faults: &mut Faults) {
    let Some(entry) = node.entries().iter().find(|entry| entry.key == key) else { return };
    if !owners.contains(&found) {
        faults.push(
            Diagnostic::error("S029", format!("`{key}` does not go with `{found}`"), entry.key_span)
                .label("nothing reads this")
                .help(format!("remove it; it goes with `{}`", owners[0])),
        );
    }
}

/// A text is one as it is spelled; a map or a list is JSON.
fn text(node: &Node) -> String {
    match &node.value {
        Content::Scalar(_) if node.is_null() => String::new(),
        Content::Scalar(scalar) => scalar.text.clone(),
        Content::Seq(_) | Content::Map(_) => node.data().to_string(),
    }
}

fn replies(node: &Node, faults: &mut Faults) -> Option<Vec<String>> {
    match &node.value {
        Content::Seq(items) if !items.is_empty() => Some(items.iter().map(|item| text(item)).collect()),
        _ => {
            faults.sort("`replies`", "a list", node);
            None
        }
    }
}

fn finish(node: &Node, faults: &mut Faults) -> Option<Ended> {
    let Some(node) = given(node, "finish") else { return Some(Ended::Stop) };
    match faults.text("`finish`", node)? {
        "stop" => Some(Ended::Stop),
        "length" => Some(Ended::Length),
        "refusal" => Some(Ended::Refusal),
        other => {
            faults.unknown("S024", "the end", other, node.span, &FINISHES);
            None
        }
    }
}

/// Reads `fault: server`, or a map with its words.
fn fault(node: &Node, faults: &mut Faults) -> Option<Says> {
    if node.scalar().is_some() {
        let cause = cause(node, faults)?;
        return Some(Says::Fault { cause, message: None, hint: None });
    }
    faults.map("`fault`", node)?;
    faults.keys("the key", node, &["cause", "message", "hint"], &[]);
    let mut words =
        |key: &str| given(node, key).and_then(|node| faults.text(&format!("`{key}`"), node)).map(str::to_owned);
    let (message, hint) = (words("message"), words("hint"));
    let Some(found) = given(node, "cause") else {
        faults.push(
            Diagnostic::error("S022", "this fault has no `cause`", node.span)
                .label("its cause is missing")
                .help("write `fault: { cause: server, message: … }`"),
        );
        return None;
    };
    Some(Says::Fault { cause: cause(found, faults)?, message, hint })
}

fn cause(node: &Node, faults: &mut Faults) -> Option<String> {
    let name = faults.text("`fault`", node)?;
    if !CAUSES.contains(&name) {
        faults.unknown("S024", "the fault", name, node.span, &CAUSES);
        return None;
    }
    Some(name.to_owned())
}

/// Reads words with times: `[The, 0.1, 0.3]` each.
fn words(node: &Node, faults: &mut Faults) -> Option<Vec<Word>> {
    let Content::Seq(items) = &node.value else {
        faults.sort("`words`", "a list", node);
        return None;
    };
    let before = faults.count();
    let words = items.iter().filter_map(|item| {
        let word = word(item);
        if word.is_none() {
            faults.push(
                Diagnostic::error("S168", "this is no word with its times", item.span)
                    .label("not a word")
                    .help("write `[word, start, end]`, in seconds: `[\"Mara,\", 0.12, 0.48]`"),
            );
        }
        word
    });
    let words: Vec<Word> = words.collect();
    (faults.count() == before).then_some(words)
}

fn word(node: &Node) -> Option<Word> {
    let Content::Seq(parts) = &node.value else { return None };
    let [text, start, end] = parts.as_slice() else { return None };
    // As it is spelled: the words of a text may be numbers.
    let seconds = |node: &Node| {
        let number = node.scalar().and_then(|scalar| scalar.text.parse::<f64>().ok());
        number.filter(|number| number.is_finite())
    };
    Some(Word { text: text.scalar()?.text.clone(), start: seconds(start)?, end: seconds(end)? })
}

/// Reads `warnings`: texts, or maps with the bytes that they are about.
pub fn warnings(node: &Node, faults: &mut Faults) -> Vec<Warning> {
    let Some(node) = given(node, "warnings") else { return Vec::new() };
    let Content::Seq(items) = &node.value else {
        faults.sort("`warnings`", "a list", node);
        return Vec::new();
    };
    items.iter().filter_map(|item| warning(item, faults)).collect()
}

fn warning(node: &Node, faults: &mut Faults) -> Option<Warning> {
    if let Some(scalar) = node.scalar() {
        return Some(Warning { at: None, message: scalar.text.clone() });
    }
    faults.map("a warning", node)?;
    faults.keys("the key", node, &["at", "message"], &[]);
    let message = faults.text("`message`", node.get("message")?)?.to_owned();
    let at = given(node, "at").and_then(|node| match &node.value {
        Content::Seq(ends) => match ends.as_slice() {
            [start, end] => Some((start.scalar()?.text.parse().ok()?, end.scalar()?.text.parse().ok()?)),
            _ => None,
        },
        _ => None,
    });
    Some(Warning { at, message })
}
