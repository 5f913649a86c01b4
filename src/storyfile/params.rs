//! Parameters: what is declared, and the value that each has in this load.

use crate::base::diagnostic::Diagnostic;
use crate::base::span::Span;
use crate::storyfile::faults::{Faults, listed};
use crate::storyfile::load::Given;
use crate::storyfile::model::{Param, ParamSort};
use crate::storyfile::param_values::ParamValues;
use crate::storyfile::settle::{Names, Variables};
use crate::storyfile::tree::{Content, Node};
use crate::storyfile::with::Field;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Keys of a param.
pub const KEYS: [&str; 6] = ["ask", "type", "enum", "default", "required", "description"];
/// What a param can be.
pub const SORTS: [&str; 6] = ["text", "number", "integer", "bool", "list", "map"];

/// Reads the declarations.
pub fn declare(node: &Node, faults: &mut Faults) -> Vec<Param> {
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
            match value.value {
                Content::Map(_) => described(&entry.key, span, value, faults),
                _ => Param {
                    name: entry.key.clone(),
                    span,
                    sort: guess(value),
                    default: Some(Arc::clone(value)).filter(|node| !node.is_null()),
                    choices: Vec::new(),
                    required: value.is_null(),
                },
            }
        })
        .collect()
}

fn described(name: &str, span: Span, node: &Node, faults: &mut Faults) -> Param {
    faults.keys("the key", node, &KEYS, &[]);
    if let Some(ask) = node.get("ask") {
        faults.text("`ask`", ask);
    }
    let default = node.get("default").filter(|node| !node.is_null()).cloned();
    let choices = match node.get("enum").map(|node| (&node.value, node)) {
        None => Vec::new(),
        Some((Content::Seq(items), _)) => {
            items.iter().filter_map(|item| item.scalar()).map(|scalar| scalar.spelled()).collect()
        }
        Some((_, node)) => {
            faults.sort("`enum`", "a list", node);
            Vec::new()
        }
    };
    let sort = match node.get("type") {
        None => default.as_ref().map_or(ParamSort::Text, |node| guess(node)),
        Some(sort) => match faults.text("`type`", sort) {
            Some("text" | "string") | None => ParamSort::Text,
            Some("number") => ParamSort::Number,
            Some("integer" | "int") => ParamSort::Integer,
            Some("bool" | "boolean") => ParamSort::Bool,
            Some("list") => ParamSort::List,
            Some("map") => ParamSort::Map,
            Some(unknown) => {
                faults.unknown("S024", "the type", unknown, sort.span, &SORTS);
                ParamSort::Text
            }
        },
    };
    let required = match node.get("required") {
        Some(required) => faults.truth("`required`", required).unwrap_or(false),
        None => default.is_none(),
    };
    Param { name: name.to_owned(), span, sort, default, choices, required }
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

/// Settles every parameter: `-p` over the environment over the default.
pub fn settle(params: &[Param], given: &Given, variables: &Variables, faults: &mut Faults) -> ParamValues {
    for (name, _) in &given.params {
        if !params.iter().any(|param| param.name == *name) {
            let known: Vec<&str> = params.iter().map(|param| param.name.as_str()).collect();
            let span = Span::default();
            let before = faults.count();
            faults.unknown("S040", "the param", name, span, &known);
            faults.unplace(before);
        }
    }
    let mut settled = ParamValues::default();
    for param in params {
        let environment = format!("STORYGEN_PARAM_{}", param.name.to_uppercase());
        let line = given.params.iter().rev().find(|(name, _)| *name == param.name).map(|(_, value)| value.clone());
        let value = match line.or_else(|| variables.look_up(&environment)) {
            Some(text) => {
                let value = typed(param, &text, faults);
                spelling(param, value.as_ref(), &text, &mut settled);
                value
            }
            None => match &param.default {
                Some(node) => {
                    let value = default(param, node, &settled, variables, faults);
                    let text = node.scalar().map_or("", |scalar| &scalar.text);
                    spelling(param, value.as_ref(), text, &mut settled);
                    value
                }
                None if param.required => {
                    faults.push(
                        Diagnostic::error("S043", format!("the param `{}` has no value", param.name), param.span)
                            .label("it has no default")
                            .help(format!("give one: `-p {}=…`, or {environment}, or a `default:`", param.name)),
                    );
                    None
                }
                None => Some(Value::Null),
            },
        };
        // After a fault some value stands in, so that it is told once and not by every stage that uses it.
        let value = value.unwrap_or_else(|| stand_in(param.sort));
        check_choice(param, &value, faults);
        settled.values.insert(param.name.clone(), value);
    }
    settled
}

/// Remembers how a number is written, where it would print otherwise.
fn spelling(param: &Param, value: Option<&Value>, text: &str, settled: &mut ParamValues) {
    let Some(Value::Number(number)) = value.filter(|_| param.sort == ParamSort::Number) else { return };
    if number.to_string() != text && text.parse::<f64>().is_ok() {
        settled.spelled.insert(param.name.clone(), text.to_owned());
    }
}

/// Reads a value from the command line or the environment.
fn typed(param: &Param, text: &str, faults: &mut Faults) -> Option<Value> {
    let value = match param.sort {
        ParamSort::Text => Some(Value::String(text.to_owned())),
        ParamSort::Integer => text.parse::<i64>().ok().map(Value::from),
        ParamSort::Number => {
            let whole = text.parse::<i64>().ok().map(Value::from);
            whole.or_else(|| text.parse::<f64>().ok().and_then(serde_json::Number::from_f64).map(Value::Number))
        }
        ParamSort::Bool => match text.to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Some(Value::Bool(true)),
            "false" | "0" | "no" | "off" | "" => Some(Value::Bool(false)),
            _ => None,
        },
        ParamSort::List if text.trim_start().starts_with(['[', '{']) => {
            serde_json::from_str(text).ok().filter(Value::is_array)
        }
        ParamSort::List => {
            let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            Some(Value::Array(items.map(Value::from).collect()))
        }
        ParamSort::Map => serde_json::from_str(text).ok().filter(Value::is_object),
    };
    if value.is_none() {
        faults.push(
            Diagnostic::error(
                "S041",
                format!("`{text}` is not {} for the param `{}`", words(param.sort), param.name),
                param.span,
            )
            .label("declared here")
            .help(format!("give {}", words(param.sort))),
        );
    }
    value
}

fn default(
    param: &Param,
    node: &Node,
    earlier: &ParamValues,
    variables: &Variables,
    faults: &mut Faults,
) -> Option<Value> {
    let names = Names {
        variables,
        roots: BTreeMap::from([("params".to_owned(), earlier.clone().root())]),
        inputs: Vec::new(),
        outputs: Vec::new(),
        needs: Vec::new(),
        late_with: BTreeSet::new(),
        only_now: Some("a param has its value before anything runs"),
    };
    let value = match names.field(node, faults)? {
        Field::Constant(value) => value,
        _ => return None,
    };
    let spelled = node.scalar().map(|scalar| scalar.text.clone());
    let found = match (param.sort, value) {
        (ParamSort::Text, Value::String(text)) => Some(Value::String(text)),
        // A text keeps its spelling: `0.50`, `true`.
        (ParamSort::Text, Value::Number(_) | Value::Bool(_)) => spelled.map(Value::String),
        (ParamSort::Number, Value::Number(number)) => Some(Value::Number(number)),
        (ParamSort::Integer, Value::Number(number)) if !number.is_f64() => Some(Value::Number(number)),
        (ParamSort::Bool, Value::Bool(truth)) => Some(Value::Bool(truth)),
        (ParamSort::List, Value::Array(items)) => Some(Value::Array(items)),
        (ParamSort::Map, Value::Object(map)) => Some(Value::Object(map)),
        _ => None,
    };
    if found.is_none() {
        faults.sort(&format!("the default of `{}`", param.name), words(param.sort), node);
    }
    found
}

fn stand_in(sort: ParamSort) -> Value {
    match sort {
        ParamSort::Text => Value::from("x"),
        ParamSort::Number | ParamSort::Integer => Value::from(1),
        ParamSort::Bool => Value::Bool(true),
        ParamSort::List => serde_json::json!(["x"]),
        ParamSort::Map => serde_json::json!({}),
    }
}

fn check_choice(param: &Param, value: &Value, faults: &mut Faults) {
    if param.choices.is_empty() || value.is_null() || faults.has("S041", param.span) || faults.has("S043", param.span) {
        return;
    }
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let values: Vec<&Value> = value.as_array().map_or_else(|| vec![value], |items| items.iter().collect());
    let choices: Vec<String> = param.choices.iter().map(text).collect();
    for value in values {
        if !choices.contains(&text(value)) {
            let choices: Vec<&str> = choices.iter().map(String::as_str).collect();
            faults.push(
                Diagnostic::error(
                    "S042",
                    format!("`{}` is not a choice of the param `{}`", text(value), param.name),
                    param.span,
                )
                .label("declared here")
                .help(format!("choose one of {}", listed(&choices))),
            );
        }
    }
}

fn words(sort: ParamSort) -> &'static str {
    match sort {
        ParamSort::Text => "text",
        ParamSort::Number => "a number",
        ParamSort::Integer => "a whole number",
        ParamSort::Bool => "true or false",
        ParamSort::List => "a list",
        ParamSort::Map => "a map",
    }
}

/// Tells whether expressions can spell a name.
pub fn is_identifier(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
