//! One answer as a line of JSON that every reader of YAML reads the same. Pure.

use super::{Answer, Heard};
use crate::provider::chat::Finish;
use serde_json::{Map, Value, json};

/// Returns the entry of an answer. `whose` is set where others got another answer to the same request, `is_varied` where
/// it was asked for several times; `file` holds what is no text.
pub fn line(heard: &Heard, whose: Option<&str>, is_varied: bool, file: Option<&str>) -> String {
    let mut entry = Map::new();
    entry.insert("request".into(), json!(heard.request.to_string()));
    let mut rules = Map::new();
    if let Some(whose) = whose {
        rules.insert("stage".into(), json!(whose));
    }
    if is_varied {
        rules.insert("sample".into(), json!(heard.variant.sample + 1));
        rules.insert("repair".into(), json!(heard.variant.attempt));
    }
    if !rules.is_empty() {
        entry.insert("match".into(), Value::Object(rules));
    }
    said(&heard.answer, file, &mut entry);
    entry.insert("asked".into(), json!(heard.asked));
    escaped(&Value::Object(entry).to_string())
}

fn said(answer: &Answer, file: Option<&str>, entry: &mut Map<String, Value>) {
    match answer {
        Answer::Text(reply) => {
            entry.insert("reply".into(), json!(reply.text));
            match reply.finish {
                Finish::Stop => {}
                Finish::Length => drop(entry.insert("finish".into(), json!("length"))),
                Finish::Refusal => drop(entry.insert("finish".into(), json!("refusal"))),
            }
            entry.insert("by".into(), json!(reply.written_by));
            let usage = json!(reply.usage);
            if usage.as_object().is_some_and(|usage| !usage.is_empty()) {
                entry.insert("usage".into(), usage);
            }
            let warnings = reply.warnings.iter().map(|found| match found.at {
                Some((start, end)) => json!({"at": [start, end], "message": found.message}),
                None => json!(found.message),
            });
            list("warnings", warnings.collect(), entry);
        }
        Answer::Sound { reply, chunk_chars } => {
            entry.insert("audio".into(), json!(file));
            let words = reply.words.iter().map(|word| json!([word.text, word.start, word.end]));
            entry.insert("words".into(), Value::Array(words.collect()));
            entry.insert("by".into(), json!(reply.spoken_by));
            if let Some(count) = chunk_chars {
                entry.insert("chunk_chars".into(), json!(count));
            }
            if let Some(characters) = reply.characters {
                entry.insert("usage".into(), json!({ "characters": characters }));
            }
            let warnings = reply.warnings.iter();
            let warnings = warnings.map(|found| json!({"at": [found.start, found.end], "message": found.message}));
            list("warnings", warnings.collect(), entry);
        }
        Answer::Call(reply) => {
            match file {
                Some(file) => entry.insert("file".into(), json!(file)),
                None => entry.insert("body".into(), json!(String::from_utf8_lossy(&reply.body))),
            };
            entry.insert("by".into(), json!(reply.by));
        }
        Answer::Heard(reply) => {
            entry.insert("heard".into(), json!(reply.text));
            let words = reply.words.iter().map(|word| json!([word.text, word.start, word.end]));
            list("words", words.collect(), entry);
            entry.insert("by".into(), json!(reply.heard_by));
        }
        Answer::Fault(failure) => {
            let mut fault = json!({"cause": failure.cause, "message": failure.message});
            if let Some(hint) = &failure.hint {
                fault["hint"] = json!(hint);
            }
            entry.insert("fault".into(), fault);
        }
    }
}

fn list(key: &str, items: Vec<Value>, entry: &mut Map<String, Value>) {
    if !items.is_empty() {
        entry.insert(key.to_owned(), Value::Array(items));
    }
}

/// Writes characters that YAML does not take as they are, or takes for the end of a line, by their numbers. They can
/// only stand in texts.
fn escaped(json: &str) -> String {
    let mut line = String::with_capacity(json.len());
    for sign in json.chars() {
        let is_odd =
            sign.is_control() || matches!(sign, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}');
        match is_odd {
            true => line.push_str(&format!("\\u{:04x}", u32::from(sign))),
            false => line.push(sign),
        }
    }
    line
}
