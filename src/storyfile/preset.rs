//! What a preset's text says beyond the settings of its kind: how many inputs it reads, what its fields are.

use crate::base::diagnostic::Diagnostic;
use crate::base::span::Span;
use crate::storyfile::catalog::InputRule;
use crate::storyfile::faults::Faults;
use crate::storyfile::schema;
use crate::storyfile::tree::{Content, Entry, Node};
use serde_json::{Value, json};
use std::sync::Arc;

/// What a value of a preset's field must be.
pub struct FieldRule {
    pub field: String,
    sort: FieldSort,
}

enum FieldSort {
    /// Given, and not empty.
    Filled,
    /// One of these words.
    Choice(Vec<String>),
    Words,
    WordsOrList,
    Whole,
}

/// Returns how many inputs a preset reads: `reads: 1` at least, else what its kind does.
pub fn reads(root: &Node, usual: InputRule) -> InputRule {
    let min = root.get("reads").and_then(|node| node.scalar()).and_then(|scalar| scalar.text.parse().ok());
    InputRule { min: min.unwrap_or(usual.min), ..usual }
}

/// Reads what a preset asks of its fields: `required: [topic]` and `sorts: { tone: words or list }`.
pub fn field_rules(root: &Node) -> Vec<FieldRule> {
    let mut rules = Vec::new();
    if let Some(Content::Seq(required)) = root.get("required").map(|node| &node.value) {
        let names = required.iter().filter_map(|node| node.scalar());
        rules.extend(names.map(|name| FieldRule { field: name.text.clone(), sort: FieldSort::Filled }));
    }
    for entry in root.get("sorts").map_or(&[][..], |node| node.entries()) {
        let sort = match (&entry.value.value, entry.value.scalar().map(|scalar| scalar.text.as_str())) {
            (Content::Seq(choices), _) => {
                FieldSort::Choice(choices.iter().filter_map(|node| Some(node.scalar()?.text.clone())).collect())
            }
            (_, Some("whole")) => FieldSort::Whole,
            (_, Some("words or list")) => FieldSort::WordsOrList,
            _ => FieldSort::Words,
        };
        rules.push(FieldRule { field: entry.key.clone(), sort });
    }
    rules
}

/// Copies a preset's tree with all places at the `uses:` that names it: its own text is not the user's.
pub fn placed(node: &Node, span: Span) -> Arc<Node> {
    let value = match &node.value {
        Content::Scalar(scalar) => Content::Scalar(scalar.clone()),
        Content::Seq(items) => Content::Seq(items.iter().map(|item| placed(item, span)).collect()),
        Content::Map(entries) => Content::Map(
            entries
                .iter()
                .map(|entry| Entry { key: entry.key.clone(), key_span: span, value: placed(&entry.value, span) })
                .collect(),
        ),
    };
    Arc::new(Node { value, span, size: node.size, height: node.height })
}

impl FieldRule {
    /// Returns what an editor is told of the field's value; `None` for one that must be given.
    pub fn schema(&self) -> Option<Value> {
        let empty = json!({ "const": "" });
        Some(match &self.sort {
            FieldSort::Filled => return None,
            FieldSort::Choice(choices) => json!({ "anyOf": [schema::choice(choices), empty, { "type": "null" }] }),
            FieldSort::Words => json!({ "anyOf": [schema::text(), { "type": "null" }] }),
            FieldSort::WordsOrList => {
                json!({ "anyOf": [schema::text(), { "type": "array", "items": schema::text() }, { "type": "null" }] })
            }
            FieldSort::Whole => {
                let digits = json!({ "type": "string", "pattern": "^ *[0-9]+ *$" });
                json!({ "anyOf": [{ "type": "integer", "minimum": 1 }, digits, schema::expression(), empty, { "type": "null" }] })
            }
        })
    }

    /// Checks a value that is known; an empty one stands for the preset's own choice.
    pub fn holds(&self, value: &Value, node: &Node, faults: &mut Faults) -> bool {
        let what = format!("`{}`", self.field);
        let empty = value.as_str().is_some_and(|text| text.trim().is_empty());
        let words = |value: &Value| value.is_string() || value.is_number();
        let expected = match &self.sort {
            FieldSort::Filled if empty => {
                faults.push(
                    Diagnostic::error("S035", format!("the setting {what} is empty"), node.span)
                        .label("it needs some words")
                        .help(format!("write `with: {{ {}: … }}`", self.field)),
                );
                return false;
            }
            _ if empty => return true,
            FieldSort::Filled => return true,
            FieldSort::Choice(choices) => {
                let choices: Vec<&str> = choices.iter().map(String::as_str).collect();
                match value.as_str() {
                    Some(word) if choices.contains(&word) => return true,
                    Some(word) => {
                        faults.unknown("S024", &format!("the choice for {what}"), word, node.span, &choices);
                        return false;
                    }
                    None => "text",
                }
            }
            FieldSort::Words if words(value) => return true,
            FieldSort::WordsOrList if value.is_string() => return true,
            FieldSort::WordsOrList if value.as_array().is_some_and(|list| list.iter().all(words)) => return true,
            FieldSort::Whole if value.as_u64().is_some_and(|number| number > 0) => return true,
            FieldSort::Whole if value.as_str().is_some_and(|text| text.trim().parse::<u32>().is_ok_and(|n| n > 0)) => {
                return true;
            }
            FieldSort::Words => "text",
            FieldSort::WordsOrList => "text or a list of texts",
            FieldSort::Whole => "a whole number",
        };
        faults.sort(&what, expected, node);
        false
    }
}
