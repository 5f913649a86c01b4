//! The value that each param has in this load: from the command line, the environment, a file of values, or its default.

use crate::base::diagnostic::Diagnostic;
use crate::base::path::RepoPath;
use crate::base::span::Span;
use crate::storyfile::faults::{Faults, listed};
use crate::storyfile::home::Home;
use crate::storyfile::load::Given;
use crate::storyfile::model::{Param, ParamSort};
use crate::storyfile::param_values::ParamValues;
use crate::storyfile::question::Question;
use crate::storyfile::row::Row;
use crate::storyfile::settle::{Names, Variables};
use crate::storyfile::tree::Node;
use crate::storyfile::with::Field;
use serde_json::{Number, Value};
use std::collections::{BTreeMap, BTreeSet};

/// Where a value was written.
#[derive(Clone, Copy)]
enum Origin<'n> {
    /// `-p`, or an answer to a question.
    Line,
    Environment,
    /// In the file of `--params`, or as the default.
    Node(&'n Node),
    /// In a row of `--batch`.
    Row(&'n Row),
}

/// Settles every parameter: a row of `--batch` over `-p` over the environment over the file of `--params` over the default (R21).
///
/// Also returns what to ask for: the params to which nobody gave a value, as far as they are to be asked for.
pub fn settle(
    params: &[Param],
    file: Option<&Node>,
    row: Option<&Row>,
    given: &Given,
    variables: &Variables,
    faults: &mut Faults,
) -> (ParamValues, Vec<Question>) {
    unknown_names(params, file, given, faults);
    let (mut settled, mut questions) = (ParamValues::default(), Vec::new());
    for param in params {
        let cell = row.and_then(|row| Some((row, row.given(&param.name)?)));
        let line = given.params.iter().rev().find(|(name, _)| *name == param.name).map(|(_, value)| value.as_str());
        let variable = environment_name(&param.name);
        let environment = if line.is_some() { None } else { variables.look_up(&variable) };
        let in_file = file.and_then(|file| file.get(&param.name)).filter(|node| !node.is_null());
        let value = if let Some((row, cell)) = cell {
            in_row(param, cell, row, &mut settled, faults)
        } else if let Some(text) = line {
            typed(param, text, given.typed, Origin::Line, &mut settled, faults)
        } else if let Some(text) = &environment {
            typed(param, text, &str::to_owned, Origin::Environment, &mut settled, faults)
        } else if let Some(node) = in_file {
            let value = fitting(param, node.data(), node, faults);
            checked(param, value, node, &mut settled, faults)
        } else if let Some(node) = &param.default {
            let value = default(param, node, &settled, variables, faults);
            checked(param, value, node, &mut settled, faults)
        } else if param.required {
            let ways = format!("`-p {}=…`, `--params FILE`, {variable}, or a `default:`", param.name);
            faults.push(
                Diagnostic::error("S043", format!("the param `{}` has no value", param.name), param.span)
                    .label("it has no default")
                    .help(format!("give one: {ways}")),
            );
            None
        } else {
            Some(Value::Null)
        };
        // After a fault some value stands in, so that it is told once and not by every stage that uses it.
        let value = value.unwrap_or_else(|| stand_in(param));
        settled.values.insert(param.name.clone(), value);
        if param.sort == ParamSort::Path {
            settled.paths.insert(param.name.clone());
        }
        if cell.is_none() && line.is_none() && environment.is_none() && in_file.is_none() {
            questions.extend(Question::of(param, &settled));
        }
    }
    (settled, questions)
}

/// Returns the name of the variable that gives a param.
pub fn environment_name(param: &str) -> String {
    format!("STORYGEN_PARAM_{}", param.to_uppercase())
}

/// Tells why `text` cannot be the value of a param; `Ok` if it can.
pub fn check_answer(param: &Param, text: &str, typed_path: &dyn Fn(&str) -> String) -> Result<(), String> {
    let mut faults = Faults::new("", Vec::new());
    typed(param, text, typed_path, Origin::Line, &mut ParamValues::default(), &mut faults);
    match faults.finish().into_iter().next() {
        None => Ok(()),
        Some(fault) => Err(match fault.help {
            Some(help) => format!("{}: {help}", fault.message),
            None => fault.message,
        }),
    }
}

fn unknown_names(params: &[Param], file: Option<&Node>, given: &Given, faults: &mut Faults) {
    let known: Vec<&str> = params.iter().map(|param| param.name.as_str()).collect();
    for (name, _) in given.params.iter().filter(|(name, _)| !known.contains(&name.as_str())) {
        let before = faults.count();
        faults.unknown("S040", "the param", name, Span::default(), &known);
        faults.unplace(before);
    }
    let Some(file) = file.filter(|file| !file.is_null()).and_then(|file| faults.map("a file of params", file)) else {
        return;
    };
    for entry in file.entries().iter().filter(|entry| !known.contains(&entry.key.as_str())) {
        if !entry.key.starts_with("x-") {
            faults.unknown("S040", "the param", &entry.key, entry.key_span, &known);
        }
    }
}

/// Reads a value from the command line or the environment.
fn typed(
    param: &Param,
    text: &str,
    path: &dyn Fn(&str) -> String,
    origin: Origin,
    settled: &mut ParamValues,
    faults: &mut Faults,
) -> Option<Value> {
    let value = match param.sort {
        ParamSort::Text => Some(Value::String(text.to_owned())),
        ParamSort::Path => return path_value(param, &path(text), origin, faults),
        ParamSort::Integer => text.parse::<i64>().ok().map(Value::from),
        ParamSort::Number => {
            let whole = text.parse::<i64>().ok().map(Value::from);
            whole.or_else(|| text.parse::<f64>().ok().and_then(Number::from_f64).map(Value::Number))
        }
        ParamSort::Bool => match text.to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "y" | "on" => Some(Value::Bool(true)),
            "false" | "0" | "no" | "n" | "off" | "" => Some(Value::Bool(false)),
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
    let Some(value) = value else {
        let message = format!("`{text}` is not {} for the param `{}`", words(param.sort), param.name);
        faults.push(about(param, "S041", message, origin).help(format!("give {}", words(param.sort))));
        return None;
    };
    spelling(param, &value, text, settled);
    allowed(param, &value, origin, faults).then_some(value)
}

/// Reads a value from a row: a cell of a table is text, as on the command line; other files have values of every type.
fn in_row(param: &Param, cell: &Value, row: &Row, settled: &mut ParamValues, faults: &mut Faults) -> Option<Value> {
    let origin = Origin::Row(row);
    let is_fitting = match (param.sort, cell) {
        (_, Value::String(text)) => return typed(param, text, &str::to_owned, origin, settled, faults),
        (ParamSort::Text, Value::Number(_) | Value::Bool(_)) => {
            return typed(param, &cell.to_string(), &str::to_owned, origin, settled, faults);
        }
        (ParamSort::Number, Value::Number(_))
        | (ParamSort::Bool, Value::Bool(_))
        | (ParamSort::List, Value::Array(_))
        | (ParamSort::Map, Value::Object(_)) => true,
        (ParamSort::Integer, Value::Number(number)) => !number.is_f64(),
        _ => false,
    };
    if !is_fitting {
        let message = format!("`{cell}` is not {} for the param `{}`", words(param.sort), param.name);
        faults.push(about(param, "S041", message, origin).help(format!("give {}", words(param.sort))));
        return None;
    }
    allowed(param, cell, origin, faults).then(|| cell.clone())
}

/// Checks a value that stands in a file, and remembers how it is written.
fn checked(
    param: &Param,
    value: Option<Value>,
    node: &Node,
    settled: &mut ParamValues,
    faults: &mut Faults,
) -> Option<Value> {
    let value = value?;
    spelling(param, &value, node.scalar().map_or("", |scalar| &scalar.text), settled);
    allowed(param, &value, Origin::Node(node), faults).then_some(value)
}

/// Remembers how a number is written, where it would print otherwise.
fn spelling(param: &Param, value: &Value, text: &str, settled: &mut ParamValues) {
    let Value::Number(number) = value else { return };
    if param.sort == ParamSort::Number && number.to_string() != text && text.parse::<f64>().is_ok() {
        settled.spelled.insert(param.name.clone(), text.to_owned());
    }
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
        roots: BTreeMap::from([("params".to_owned(), earlier.seen_from(&param.home).root())]),
        inputs: Vec::new(),
        outputs: Vec::new(),
        needs: Vec::new(),
        late_with: BTreeSet::new(),
        home: Home::default(),
        only_now: Some("a param has its value before anything runs"),
        open: BTreeSet::new(),
    };
    match names.field(node, faults)? {
        Field::Constant(Value::String(path)) if param.sort == ParamSort::Path => {
            path_value(param, &param.home.from_root(&path), Origin::Node(node), faults)
        }
        Field::Constant(value) => fitting(param, value, node, faults),
        _ => None,
    }
}

/// Returns a value that stands in a file as the param's type has it.
fn fitting(param: &Param, value: Value, node: &Node, faults: &mut Faults) -> Option<Value> {
    let spelled = node.scalar().map(|scalar| scalar.text.clone());
    let found = match (param.sort, value) {
        (ParamSort::Text, Value::String(text)) => Some(Value::String(text)),
        // A text keeps its spelling: `0.50`, `true`.
        (ParamSort::Text, Value::Number(_) | Value::Bool(_)) => spelled.map(Value::String),
        (ParamSort::Path, Value::String(text)) => return path_value(param, &text, Origin::Node(node), faults),
        (ParamSort::Path, Value::Number(_) | Value::Bool(_)) => {
            return path_value(param, &spelled?, Origin::Node(node), faults);
        }
        (ParamSort::Number, Value::Number(number)) => Some(Value::Number(number)),
        (ParamSort::Integer, Value::Number(number)) if !number.is_f64() => Some(Value::Number(number)),
        (ParamSort::Bool, Value::Bool(truth)) => Some(Value::Bool(truth)),
        (ParamSort::List, Value::Array(items)) => Some(Value::Array(items)),
        (ParamSort::Map, Value::Object(map)) => Some(Value::Object(map)),
        _ => None,
    };
    if found.is_none() {
        let is_default = param.default.as_deref().is_some_and(|default| default.span == node.span);
        let what = if is_default { format!("the default of `{}`", param.name) } else { format!("`{}`", param.name) };
        faults.sort(&what, words(param.sort), node);
    }
    found
}

/// Returns a path of the repo; what ends with a `/` stays a folder.
fn path_value(param: &Param, text: &str, origin: Origin, faults: &mut Faults) -> Option<Value> {
    match RepoPath::parse(text) {
        Ok(path) => {
            let slash = if text.ends_with('/') { "/" } else { "" };
            Some(Value::String(format!("{path}{slash}")))
        }
        Err(fault) => {
            let message = format!("`{text}` cannot be the param `{}`: {fault}", param.name);
            faults.push(about(param, "S122", message, origin).help("name a file or a folder inside the repo"));
            None
        }
    }
}

/// Checks a value against `enum`, `min` and `max`.
fn allowed(param: &Param, value: &Value, origin: Origin, faults: &mut Faults) -> bool {
    let before = faults.count();
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let values: Vec<&Value> = value.as_array().map_or_else(|| vec![value], |items| items.iter().collect());
    let choices: Vec<String> = param.choices.iter().map(text).collect();
    for value in values.into_iter().filter(|value| !choices.is_empty() && !choices.contains(&text(value))) {
        let choices: Vec<&str> = choices.iter().map(String::as_str).collect();
        let message = format!("`{}` is not a choice of the param `{}`", text(value), param.name);
        faults.push(about(param, "S042", message, origin).help(format!("choose one of {}", listed(&choices))));
    }
    if let (Value::Number(number), Some(range)) = (value, param.range.words())
        && !param.range.holds(number)
    {
        let message = format!("{number} is out of the range of the param `{}`", param.name);
        faults.push(about(param, "S120", message, origin).help(format!("give a number {range}")));
    }
    faults.count() == before
}

/// Returns a fault of a value, at the place where it was written, or else where the param is declared.
fn about(param: &Param, code: &'static str, message: String, origin: Origin) -> Diagnostic {
    match origin {
        Origin::Node(node) => {
            Diagnostic::error(code, message, node.span).label("this value").related(param.span, "declared here")
        }
        Origin::Line => Diagnostic::error(code, message, param.span).label("declared here"),
        Origin::Row(row) => {
            let message = format!("{message}, in the row `{}` at {}", row.id, row.place);
            Diagnostic::error(code, message, param.span).label("declared here")
        }
        Origin::Environment => {
            let message = format!("{message}, from {}", environment_name(&param.name));
            Diagnostic::error(code, message, param.span).label("declared here")
        }
    }
}

fn stand_in(param: &Param) -> Value {
    if let Some(choice) = param.choices.first() {
        return if param.sort == ParamSort::List { Value::Array(vec![choice.clone()]) } else { choice.clone() };
    }
    if let Some(bound) = param.range.min.as_ref().or(param.range.max.as_ref()) {
        return Value::Number(bound.clone());
    }
    match param.sort {
        ParamSort::Text | ParamSort::Path => Value::from("x"),
        ParamSort::Number | ParamSort::Integer => Value::from(1),
        ParamSort::Bool => Value::Bool(true),
        ParamSort::List => serde_json::json!(["x"]),
        ParamSort::Map => serde_json::json!({}),
    }
}

/// Returns what a value of a sort is called.
pub fn words(sort: ParamSort) -> &'static str {
    match sort {
        ParamSort::Text => "text",
        ParamSort::Number => "a number",
        ParamSort::Integer => "a whole number",
        ParamSort::Bool => "true or false",
        ParamSort::List => "a list",
        ParamSort::Map => "a map",
        ParamSort::Path => "a path",
    }
}
