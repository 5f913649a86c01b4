//! Parameters as they are declared: their names, what values they may have, what to ask.

use crate::base::diagnostic::Diagnostic;
use crate::base::span::Span;
use crate::storyfile::faults::Faults;
use crate::storyfile::home::Home;
use crate::storyfile::model::{Param, ParamSort, Range};
use crate::storyfile::tree::{Content, Node, Scalar};
use serde_json::{Number, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Keys of a param.
pub const KEYS: [&str; 8] = ["ask", "type", "enum", "default", "required", "min", "max", "description"];
/// What a param can be; some types have a second name.
pub const SORTS: [&str; 8] = ["text", "number", "integer", "bool", "list", "map", "path", "enum"];

/// Reads the declarations.
pub fn declare(node: &Node, homes: &BTreeMap<String, Home>, faults: &mut Faults) -> Vec<Param> {
    node.entries()
        .iter()
        .map(|entry| {
            let span = entry.key_span;
            if !is_identifier(&entry.key) {
                faults.push(
                    Diagnostic::error("S025", format!("`{}` cannot name a param", entry.key), span)
                        .label("not a name")
                        .help("use letters, digits and `_`, as in `target_words`"),
                );
            }
            let value = &entry.value;
            let home = homes.get(&entry.key).cloned().unwrap_or_default();
            match value.value {
                Content::Map(_) => Param { home, ..described(&entry.key, span, value, faults) },
                _ => Param {
                    name: entry.key.clone(),
                    home,
                    span,
                    sort: guess(value),
                    default: Some(Arc::clone(value)).filter(|node| !node.is_null()),
                    choices: Vec::new(),
                    range: Range::default(),
                    required: value.is_null(),
                    ask: None,
                    description: None,
                },
            }
        })
        .collect()
}

fn described(name: &str, span: Span, node: &Node, faults: &mut Faults) -> Param {
    faults.keys("the key", node, &KEYS, &[]);
    let text = |key: &str, faults: &mut Faults| {
        let text = node.get(key).filter(|node| !node.is_null()).and_then(|node| faults.text(&format!("`{key}`"), node));
        text.map(|text| text.replace("$${", "${"))
    };
    let default = node.get("default").filter(|node| !node.is_null()).cloned();
    let choices = choices(name, node, faults);
    let sort = sort(name, span, node, default.as_deref(), faults);
    let required = match node.get("required") {
        Some(required) => faults.truth("`required`", required).unwrap_or(false),
        None => default.is_none(),
    };
    let range = range(name, sort, node, faults);
    let (ask, description) = (text("ask", faults), text("description", faults));
    Param {
        name: name.to_owned(),
        home: Home::default(),
        span,
        sort,
        default,
        choices,
        range,
        required,
        ask,
        description,
    }
}

fn sort(name: &str, span: Span, node: &Node, default: Option<&Node>, faults: &mut Faults) -> ParamSort {
    let Some(sort) = node.get("type") else {
        let is_bounded = node.get("min").or(node.get("max")).is_some();
        return match default.and_then(Node::scalar).map(Scalar::core) {
            // Bounds say that `0.50` is meant as a number.
            Some(Value::Number(number)) if is_bounded && number.is_f64() => ParamSort::Number,
            None if is_bounded && default.is_none() => ParamSort::Number,
            _ => default.map_or(ParamSort::Text, guess),
        };
    };
    match faults.text("`type`", sort) {
        Some("text" | "string") | None => ParamSort::Text,
        Some("number" | "float") => ParamSort::Number,
        Some("integer" | "int") => ParamSort::Integer,
        Some("bool" | "boolean") => ParamSort::Bool,
        Some("list") => ParamSort::List,
        Some("map") => ParamSort::Map,
        Some("path") => ParamSort::Path,
        Some("enum") => {
            if node.get("enum").is_none() {
                faults.push(
                    Diagnostic::error("S022", format!("the param `{name}` has no `enum`"), span)
                        .label("its choices are missing")
                        .help("list them: `enum: [female, male]`; then `type` can be left out"),
                );
            }
            ParamSort::Text
        }
        Some(unknown) => {
            faults.unknown("S024", "the type", unknown, sort.span, &SORTS);
            ParamSort::Text
        }
    }
}

fn choices(name: &str, node: &Node, faults: &mut Faults) -> Vec<Value> {
    let Some(node) = node.get("enum") else { return Vec::new() };
    let Content::Seq(items) = &node.value else {
        faults.sort("`enum`", "a list", node);
        return Vec::new();
    };
    if items.is_empty() {
        faults.push(
            Diagnostic::error("S083", format!("the `enum` of `{name}` has no item"), node.span)
                .label("empty")
                .help("list the values that it may have, or take `enum` away"),
        );
    }
    items
        .iter()
        .filter_map(|item| match item.scalar() {
            Some(scalar) if !item.is_null() => Some(scalar.spelled()),
            _ => {
                faults.sort("a choice", "text or a number", item);
                None
            }
        })
        .collect()
}

/// Reads `min` and `max`: what a number may be.
fn range(name: &str, sort: ParamSort, node: &Node, faults: &mut Faults) -> Range {
    let mut bound = |key: &str| -> Option<Number> {
        let entry = node.entries().iter().find(|entry| entry.key == key && !entry.value.is_null())?;
        if !matches!(sort, ParamSort::Number | ParamSort::Integer) {
            faults.push(
                Diagnostic::error("S121", format!("`{key}` bounds a number, and `{name}` is none"), entry.key_span)
                    .label("nothing to bound")
                    .help("write `type: number` or `type: integer`, or take it away"),
            );
            return None;
        }
        match entry.value.scalar().map(|scalar| scalar.core()) {
            Some(Value::Number(number)) => Some(number),
            _ => {
                faults.sort(&format!("`{key}`"), "a number", &entry.value);
                None
            }
        }
    };
    let range = Range { min: bound("min"), max: bound("max") };
    if let (Some(min), Some(max), Some(node)) = (&range.min, &range.max, node.get("max"))
        && min.as_f64() > max.as_f64()
    {
        faults.push(
            Diagnostic::error("S121", format!("no number is from {min} to {max}"), node.span)
                .label(format!("less than `min`, which is {min}"))
                .help("let `min` be the smaller one"),
        );
        return Range::default();
    }
    range
}

fn guess(node: &Node) -> ParamSort {
    match &node.value {
        Content::Seq(_) => ParamSort::List,
        Content::Map(_) => ParamSort::Map,
        Content::Scalar(scalar) => match scalar.spelled() {
            Value::Bool(_) => ParamSort::Bool,
            Value::Number(number) if number.is_f64() => ParamSort::Number,
            Value::Number(_) => ParamSort::Integer,
            _ => ParamSort::Text,
        },
    }
}

/// Tells whether expressions can spell a name.
pub fn is_identifier(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
