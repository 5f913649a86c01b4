//! Writes a Storyfile back as it is understood: anchors and merge keys in full, params with the values of this call.
//!
//! Expressions, presets and fan-outs stay as they are written: the export is the same pipeline, its keys are the same, and
//! no secret is in it. A number keeps its spelling, and text that could be read as something else is quoted.

use crate::base::span::Span;
use crate::storyfile::faults::Faults;
use crate::storyfile::given::settle;
use crate::storyfile::load::Given;
use crate::storyfile::model::{Param, ParamSort};
use crate::storyfile::param_values::ParamValues;
use crate::storyfile::settle::Variables;
use crate::storyfile::texts::{self, Texts};
use crate::storyfile::tree::{Content, Entry, Node, Scalar, Style};
use crate::storyfile::{parse, profiles, read};
use serde_json::{Number, Value};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Longest list that is written in one line, in characters.
const LINE_CHARS_MAX: usize = 80;

/// Words that older readers of YAML take for truths.
const TRUTHS: [&str; 4] = ["yes", "no", "on", "off"];

/// A Storyfile with nothing left to resolve but its expressions.
pub struct Resolved(Node);

/// Resolves a Storyfile that loads without a fault.
pub fn resolve(text: &str, given: &Given) -> Option<Resolved> {
    let Texts { sources, root, included, params_file, faults, .. } = texts::read(text, given);
    let mut faults = Faults::new(sources.text(), faults);
    let declared = read::read(&profiles::overlay(&root?, &given.profiles, &mut faults), &included, &mut faults);
    // What is included stays where it is: it is at home in its folder.
    let root = profiles::overlay(&parse::parse(text).root?, &given.profiles, &mut faults);
    let variables =
        Variables { get: given.env, used: RefCell::new(BTreeSet::new()), secrets: declared.secrets.clone() };
    let (values, _) = settle(&declared.params, params_file.as_deref(), None, given, &variables, &mut faults);
    // The chosen profiles are laid over it already.
    let is_left = |entry: &&Entry| !entry.key.starts_with("x-") && !entry.value.is_null() && entry.key != "profiles";
    let entries = root.entries().iter().filter(is_left);
    let entries = entries.map(|entry| match entry.key.as_str() {
        "params" => Entry { value: Arc::new(with_values(&entry.value, &declared.params, &values)), ..entry.clone() },
        _ => entry.clone(),
    });
    Some(Resolved(map(entries.collect())))
}

impl Resolved {
    pub fn yaml(&self) -> String {
        let mut text = String::new();
        yaml(&self.0, 0, &mut text);
        text
    }

    pub fn json(&self) -> String {
        let mut text = String::new();
        json(&self.0, 0, &mut text);
        text.push('\n');
        text
    }
}

/// Returns the declarations with today's values as defaults, and every sort said.
fn with_values(declared: &Node, params: &[Param], values: &ParamValues) -> Node {
    // A profile may name a param of an included file, which declares it and stays where it is.
    let of_name = |entry: &Entry| params.iter().find(|param| param.name == entry.key && param.home.folder().is_none());
    let params = declared.entries().iter().filter_map(|entry| Some((entry, of_name(entry)?))).map(|(entry, param)| {
        let sort = scalar(sort_word(param.sort), Style::Plain);
        let mut fields = vec![field("type", sort)];
        let others = entry.value.entries().iter().filter(|field| !["type", "default"].contains(&field.key.as_str()));
        fields.extend(others.cloned());
        match values.values.get(&param.name) {
            None | Some(Value::Null) if entry.value.get("required").is_none() => {
                fields.push(field("required", scalar("false", Style::Plain)));
            }
            None | Some(Value::Null) => {}
            Some(value) => {
                let default = match values.spelled.get(&param.name) {
                    Some(spelled) => scalar(spelled, Style::Plain),
                    None => constant(value),
                };
                fields.push(field("default", default));
            }
        }
        Entry { value: Arc::new(map(fields)), ..entry.clone() }
    });
    map(params.collect())
}

fn sort_word(sort: ParamSort) -> &'static str {
    match sort {
        ParamSort::Text => "text",
        ParamSort::Number => "number",
        ParamSort::Integer => "integer",
        ParamSort::Bool => "bool",
        ParamSort::List => "list",
        ParamSort::Map => "map",
        ParamSort::Path => "path",
    }
}

/// Returns a value as it is written where expressions are read.
fn constant(value: &Value) -> Node {
    match value {
        Value::String(text) => scalar(&text.replace("${", "$${"), Style::Quoted),
        Value::Array(items) => {
            let items = items.iter().map(|item| Arc::new(constant(item))).collect();
            node(Content::Seq(items))
        }
        Value::Object(all) => map(all.iter().map(|(key, value)| field(key, constant(value))).collect()),
        plain => scalar(&plain.to_string(), Style::Plain),
    }
}

fn node(value: Content) -> Node {
    Node { value, span: Span::default(), size: 1, height: 0 }
}

fn scalar(text: &str, style: Style) -> Node {
    node(Content::Scalar(Scalar { text: text.to_owned(), style }))
}

fn map(entries: Vec<Entry>) -> Node {
    node(Content::Map(entries))
}

fn field(key: &str, value: Node) -> Entry {
    Entry { key: key.to_owned(), key_span: Span::default(), value: Arc::new(value) }
}

/// Writes a value in lines of their own.
fn yaml(node: &Node, indent: usize, out: &mut String) {
    let margin = " ".repeat(indent);
    match &node.value {
        Content::Map(entries) if !entries.is_empty() => {
            for entry in entries {
                out.push_str(&format!("{margin}{}:", word(&entry.key)));
                behind(&entry.value, indent, out);
            }
        }
        Content::Seq(items) if !items.is_empty() => {
            for item in items {
                out.push_str(&format!("{margin}-"));
                match in_line(item) {
                    Some(text) => out.push_str(&format!(" {text}\n")),
                    None if item.scalar().is_some() => behind(item, indent, out),
                    None => {
                        // The first line of a map or list stands behind the `-`.
                        let mut inner = String::new();
                        yaml(item, indent + 2, &mut inner);
                        out.push(' ');
                        out.push_str(inner.trim_start_matches(' '));
                    }
                }
            }
        }
        _ => out.push_str(&format!("{margin}{}\n", in_line(node).unwrap_or_default())),
    }
}

/// Writes a value behind its key.
fn behind(node: &Node, indent: usize, out: &mut String) {
    if let Some(text) = in_line(node) {
        out.push_str(&format!(" {text}\n"));
        return;
    }
    match node.scalar() {
        Some(scalar) => block(&scalar.text, indent + 2, out),
        None => {
            out.push('\n');
            yaml(node, indent + 2, out);
        }
    }
}

/// Returns a value as one line has it; `None` for one that needs more.
fn in_line(node: &Node) -> Option<String> {
    match &node.value {
        Content::Scalar(scalar) if is_block(&scalar.text) => None,
        Content::Scalar(scalar) => Some(one(scalar)),
        Content::Map(entries) => entries.is_empty().then(|| "{}".to_owned()),
        Content::Seq(items) => {
            let scalars: Option<Vec<&Scalar>> = items.iter().map(|item| item.scalar()).collect();
            let scalars = scalars.filter(|all| !all.iter().any(|one| is_block(&one.text)))?;
            let text = format!("[{}]", scalars.into_iter().map(one).collect::<Vec<_>>().join(", "));
            (text.chars().count() <= LINE_CHARS_MAX || items.is_empty()).then_some(text)
        }
    }
}

fn one(scalar: &Scalar) -> String {
    match scalar.core() {
        Value::Null => "null".to_owned(),
        Value::String(text) => word(&text),
        _ => scalar.text.clone(),
    }
}

/// Returns text bare if nobody can take it for anything else, in quotes otherwise.
fn word(text: &str) -> String {
    let is_sign = |sign: char| sign.is_alphanumeric() || "_-./ ".contains(sign);
    let starts = text.starts_with(|first: char| first.is_alphabetic() || "_/".contains(first));
    let bare = starts && !text.ends_with(' ') && text.chars().all(is_sign);
    let plain = Scalar { text: text.to_owned(), style: Style::Plain };
    if bare && plain.core().is_string() && !TRUTHS.contains(&text.to_lowercase().as_str()) {
        return text.to_owned();
    }
    quoted(text)
}

/// The quotes of JSON are quotes of YAML, but for signs that one of them reads as the end of a line.
fn quoted(text: &str) -> String {
    let mut quoted = String::new();
    for sign in Value::from(text).to_string().chars() {
        match sign {
            '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' => {
                quoted.push_str(&format!("\\u{:04x}", u32::from(sign)));
            }
            sign => quoted.push(sign),
        }
    }
    quoted
}

/// Tells whether text of several lines reads back from a block as it is.
fn is_block(text: &str) -> bool {
    let strange =
        |sign: char| sign != '\n' && sign != '\t' && sign.is_control() || "\u{2028}\u{2029}\u{feff}".contains(sign);
    text.trim_end_matches('\n').contains('\n')
        && !text.starts_with([' ', '\t', '\n'])
        && !text.ends_with("\n\n")
        && !text.contains(strange)
        && !text.lines().any(|line| line.trim().is_empty() && !line.is_empty())
}

fn block(text: &str, indent: usize, out: &mut String) {
    out.push_str(if text.ends_with('\n') { " |\n" } else { " |-\n" });
    for line in text.lines() {
        let margin = if line.is_empty() { 0 } else { indent };
        out.push_str(&format!("{}{line}\n", " ".repeat(margin)));
    }
}

fn json(node: &Node, indent: usize, out: &mut String) {
    let (margin, inner) = (" ".repeat(indent), " ".repeat(indent + 2));
    match &node.value {
        Content::Scalar(scalar) => out.push_str(&match scalar.core() {
            // A number keeps its spelling where JSON has it too.
            Value::Number(_) if serde_json::from_str::<Number>(&scalar.text).is_ok() => scalar.text.clone(),
            value => value.to_string(),
        }),
        Content::Seq(items) if items.is_empty() => out.push_str("[]"),
        Content::Map(entries) if entries.is_empty() => out.push_str("{}"),
        Content::Seq(items) => {
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index == 0 { "[\n" } else { ",\n" });
                out.push_str(&inner);
                json(item, indent + 2, out);
            }
            out.push_str(&format!("\n{margin}]"));
        }
        Content::Map(entries) => {
            for (index, entry) in entries.iter().enumerate() {
                out.push_str(if index == 0 { "{\n" } else { ",\n" });
                out.push_str(&format!("{inner}{}: ", Value::from(entry.key.as_str())));
                json(&entry.value, indent + 2, out);
            }
            out.push_str(&format!("\n{margin}}}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn resolved(text: &str, params: &[(&str, &str)]) -> Resolved {
        let params = params.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        resolve(text, &Given { params, ..Given::alone("Storyfile.yaml", &|_| None) }).unwrap()
    }

    #[test]
    fn anchors_are_written_out_and_params_have_their_values() {
        let text = "storygen: 1\nx-all: &all { timeout: 5m }\nparams:\n  idea: { ask: \"Idea?\" }\n  n: { type: number, default: 0.50 }\n  \
                    list: [a, 'yes']\n  none: { required: false }\nstages:\n  a: { <<: *all, run: 'echo ${params.idea}' }\n";
        let expected = "storygen: 1\nparams:\n  idea:\n    type: text\n    ask: \"Idea?\"\n    default: \"a $${b} \\\"c\\\"\"\n  \
                        n:\n    type: number\n    default: 0.50\n  list:\n    type: list\n    default: [a, \"yes\"]\n  \
                        none:\n    type: text\n    required: false\nstages:\n  a:\n    run: \"echo ${params.idea}\"\n    \
                        timeout: \"5m\"\n";
        let once = resolved(text, &[("idea", "a ${b} \"c\"")]).yaml();
        assert_eq!(once, expected);
        assert_eq!(resolved(&once, &[]).yaml(), once);
    }

    #[test]
    fn blocks_lists_and_maps_in_lists_read_back() {
        let text = "storygen: 1\nstages:\n  a:\n    run: |\n      one\n\n        two # x\n      three: 3\n    \
                    matrix: { n: [1, 07, ~], include: [{ n: 2, deep: [[x], {}] }] }\n    env: { A: \"\", B: ' b ', C: \"l1\\nl2\" }\n";
        let yaml = resolved(text, &[]).yaml();
        assert!(yaml.contains("run: |\n      one\n\n        two # x\n      three: 3\n"), "{yaml}");
        assert!(yaml.contains("- n: 2\n          deep:\n            - [x]\n            - {}\n"), "{yaml}");
        assert!(yaml.contains("n: [1, 07, null]"), "{yaml}");
        assert_eq!(resolved(&yaml, &[]).yaml(), yaml);
        let json = resolved(&yaml, &[]).json();
        assert!(json.contains("\"C\": \"l1\\nl2\""), "{json}");
        assert!(serde_json::from_str::<Value>(&json).is_ok(), "{json}");
        assert_eq!(resolved(&json, &[]).json(), json);
    }

    proptest! {
        /// Whatever a text is, it is read back as it was: in a map, in a list, as a key.
        #[test]
        fn text_reads_back(text in "([a-z0-9:#&*!|>'\"%@`{}\\[\\],?$ \t\u{85}\u{2028}é-]|\n){0,24}") {
            let tree = map(vec![
                field("a", scalar(&text, Style::Quoted)),
                field("b", node(Content::Seq(vec![Arc::new(scalar(&text, Style::Quoted)), Arc::new(map(Vec::new()))]))),
                field(&format!("k{text}"), scalar("1", Style::Plain)),
            ]);
            for written in [Resolved(tree.clone()).yaml(), Resolved(tree).json()] {
                let parsed = crate::storyfile::parse::parse(&written);
                prop_assert!(parsed.faults.is_empty(), "{written}\n{:?}", parsed.faults);
                let root = parsed.root.unwrap();
                let a = root.get("a").unwrap().scalar().unwrap().core();
                prop_assert_eq!(&a, &Value::String(text.clone()), "{}", written);
                let Content::Seq(items) = &root.get("b").unwrap().value else { panic!("{written}") };
                prop_assert_eq!(items[0].scalar().unwrap().core(), a, "{}", written);
                let key = format!("k{text}");
                prop_assert!(root.get(&key).is_some(), "{}", written);
            }
        }
    }
}
