//! Writes a Storyfile as a person would: blocks for stages, one line for what is short.

use serde_json::Value;
use std::fmt::Write as _;

/// A map that makes a longer line is written as a block, in characters.
const LINE_MAX: usize = 140;

/// A Storyfile under way.
#[derive(Default)]
pub struct Draft {
    /// Comments at its start.
    pub remarks: Vec<String>,
    /// What stands before the stages, in order.
    pub head: Vec<(String, Value)>,
    pub stages: Vec<DraftStage>,
}

/// A stage under way.
pub struct DraftStage {
    pub name: String,
    /// Comments above it.
    pub remarks: Vec<String>,
    pub fields: Vec<(String, Value)>,
}

impl DraftStage {
    pub fn new(name: String) -> DraftStage {
        DraftStage { name, remarks: Vec::new(), fields: Vec::new() }
    }

    /// Sets a field, unless its value is nothing.
    pub fn set(&mut self, name: &str, value: impl Into<Value>) {
        let value = value.into();
        let is_nothing = match &value {
            Value::Null => true,
            Value::Array(items) => items.is_empty(),
            Value::Object(map) => map.is_empty(),
            _ => false,
        };
        if !is_nothing {
            self.fields.push((name.to_owned(), value));
        }
    }
}

impl Draft {
    /// Returns the text.
    pub fn text(&self) -> String {
        let mut text = String::new();
        remarks(&self.remarks, "", &mut text);
        text.push_str("storygen: 1\n");
        for (name, value) in &self.head {
            match value {
                Value::Object(map) if !map.is_empty() => {
                    let _ = writeln!(text, "\n{}:", key(name));
                    for (name, value) in map {
                        field(name, value, 2, &mut text);
                    }
                }
                value => field(name, value, 0, &mut text),
            }
        }
        text.push_str("\nstages:\n");
        for (number, stage) in self.stages.iter().enumerate() {
            if number > 0 {
                text.push('\n');
            }
            remarks(&stage.remarks, "  ", &mut text);
            let _ = writeln!(text, "  {}:", key(&stage.name));
            for (name, value) in &stage.fields {
                field(name, value, 4, &mut text);
            }
        }
        text
    }
}

fn remarks(remarks: &[String], indent: &str, text: &mut String) {
    for line in remarks.iter().flat_map(|remark| remark.lines()) {
        let line: String = line.chars().map(|sign| if sign.is_control() { ' ' } else { sign }).collect();
        let _ = writeln!(text, "{indent}# {line}");
    }
}

fn field(name: &str, value: &Value, indent: usize, text: &mut String) {
    let pad = " ".repeat(indent);
    match value {
        Value::String(block) if is_block(block) => {
            let _ = writeln!(text, "{pad}{}: |{}", key(name), if block.ends_with('\n') { "" } else { "-" });
            for line in block.lines() {
                let line = if line.is_empty() { String::new() } else { format!("{pad}  {line}") };
                let _ = writeln!(text, "{line}");
            }
        }
        value => {
            let line = format!("{pad}{}: {}", key(name), flow(value));
            match value {
                Value::Object(map) if line.len() > LINE_MAX && !map.is_empty() => {
                    let _ = writeln!(text, "{pad}{}:", key(name));
                    map.iter().for_each(|(name, value)| field(name, value, indent + 2, text));
                }
                _ => {
                    let _ = writeln!(text, "{line}");
                }
            }
        }
    }
}

/// Tells whether a text is best written as lines.
fn is_block(text: &str) -> bool {
    let fine = |line: &str| !line.chars().any(|sign| sign.is_control() && sign != '\t') && line.trim_end() == line;
    text.contains('\n')
        && !text.starts_with([' ', '\n', '\t'])
        && !text.trim_end_matches('\n').is_empty()
        && !text.ends_with("\n\n")
        && text.lines().all(fine)
}

/// Writes a value in one line.
fn flow(value: &Value) -> String {
    match value {
        Value::String(text) => scalar(text),
        Value::Array(items) => format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Value::Object(map) if map.is_empty() => "{}".to_owned(),
        Value::Object(map) => {
            let pairs = map.iter().map(|(name, value)| format!("{}: {}", key(name), flow(value)));
            format!("{{ {} }}", pairs.collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

fn key(name: &str) -> String {
    scalar(name)
}

/// Writes a text plainly where it cannot be taken for anything else, else in quotes.
fn scalar(text: &str) -> String {
    let is_path = text.starts_with("./") || text.starts_with("../");
    let is_plain = (is_path || text.starts_with(|sign: char| sign.is_ascii_alphabetic() || sign == '_'))
        && text.chars().all(|sign| sign.is_ascii_alphanumeric() || "_-./".contains(sign))
        && !["true", "false", "null", "yes", "no", "on", "off", "y", "n"].contains(&text.to_lowercase().as_str())
        && text.parse::<f64>().is_err();
    // A JSON text is a YAML text in double quotes.
    if is_plain { text.to_owned() } else { Value::from(text).to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::parse::parse;
    use serde_json::json;

    #[test]
    fn what_is_written_is_read_again_as_the_same() {
        let values = json!({
            "plain": "build/a.md", "path": "./tools/x", "no": "no", "number": "12", "nan": ".nan", "empty": "",
            "sharp": "a # b", "colon": "a: b", "quote": "\"it's\"", "cyrillic": "Über ночь", "lines": "one\n  two\n",
            "last": "one\ntwo", "odd": " one\ntwo\n\n", "star": "*.md", "map": {"a b": [1, 2.5, true, null], "e": {}},
            "tab": "a\tb\nc", "control": "a\u{7}b", "trail": "one \ntwo",
        });
        let mut draft = Draft::default();
        let mut stage = DraftStage::new("a".into());
        stage.remarks.push("two\nlines".into());
        stage.fields = values.as_object().unwrap().iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        draft.head.push(("name".into(), json!("x: y")));
        draft.head.push(("params".into(), json!({"deep": {"default": [1]}, "text": "a\nb"})));
        draft.stages.push(stage);
        let text = draft.text();
        let read = parse("yaml", text.as_bytes()).unwrap().unwrap_or_else(|error| panic!("{error}\n{text}"));
        assert_eq!(read["stages"]["a"], values, "{text}");
        assert_eq!((&read["name"], &read["params"]["text"]), (&json!("x: y"), &json!("a\nb")), "{text}");
    }
}
