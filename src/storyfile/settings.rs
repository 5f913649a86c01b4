//! `uses:` and `with:`: which kind does the work, and its settings, checked against the catalog. Presets are lowered here.

mod defaults;

use crate::base::diagnostic::Diagnostic;
use crate::base::span::Span;
use crate::storyfile::catalog::{Catalog, KindInfo, Need, Setting, SettingSort};
use crate::storyfile::expr;
use crate::storyfile::faults::{Faults, listed};
use crate::storyfile::home::Home;
use crate::storyfile::kinds;
use crate::storyfile::model::{Declared, StageText};
use crate::storyfile::parse;
use crate::storyfile::paths;
use crate::storyfile::preset::{self, FieldRule};
use crate::storyfile::settle::{Names, Settled};
use crate::storyfile::slips::Braces;
use crate::storyfile::story::{Input, Presence, Selector};
use crate::storyfile::template::{Include, Template};
use crate::storyfile::tree::{Content, Entry, Node, Scalar, Style};
use crate::storyfile::with::{Field, With};
use indexmap::IndexMap;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What a stage's `uses:` and `with:` come to, before any expression is evaluated.
pub struct Uses {
    /// As the stage says it: a kind or a preset.
    name: String,
    pub kind: String,
    pub info: KindInfo,
    /// A preset's fields: the stage's value, else the preset's default.
    takes: Vec<Entry>,
    settings: Vec<Entry>,
    /// What a preset asks of its fields beyond their names.
    rules: Vec<FieldRule>,
    span: Span,
}

/// Finds the kind and joins `with:` with the preset's. `None` after a reported fault.
pub fn uses(
    stage: &StageText,
    node: &Node,
    declared: &Declared,
    catalog: &dyn Catalog,
    faults: &mut Faults,
) -> Option<Uses> {
    let name = faults.text("`uses`", node)?;
    let with = match stage.own("with") {
        Some(with) => faults.map("`with`", with)?.entries().to_vec(),
        None => Vec::new(),
    };
    if let Some(text) = catalog.preset(name) {
        return from_preset(name, text, with, node.span, catalog, faults);
    }
    let Some(info) = catalog.kind(name) else {
        if kinds::UNBUILT.contains(&name) {
            faults.unbuilt(&format!("`uses: {name}`"), node.span);
        } else if let Some(path) = kinds::as_path(name) {
            faults.push(
                Diagnostic::error("S030", format!("the kind `{name}` is not known"), node.span)
                    .label("not known")
                    .help(format!("write `{path}` to mean a program of the repo")),
            );
        } else {
            let known = catalog.kinds();
            let known: Vec<&str> = known.iter().chain(declared.kinds.keys()).map(String::as_str).collect();
            faults.unknown("S030", "the kind", name, node.span, &known);
        }
        return None;
    };
    Some(Uses {
        name: name.to_owned(),
        kind: name.to_owned(),
        info,
        takes: Vec::new(),
        settings: with,
        rules: Vec::new(),
        span: node.span,
    })
}

/// A preset is the kind it uses with the stage's settings over its own.
fn from_preset(
    name: &str,
    text: &str,
    with: Vec<Entry>,
    span: Span,
    catalog: &dyn Catalog,
    faults: &mut Faults,
) -> Option<Uses> {
    let parse::Parsed { root, faults: bad, .. } = parse::parse(text);
    let root = root.filter(|_| bad.is_empty()).map(|root| preset::placed(&root, span));
    let kind = root.as_ref().and_then(|root| root.get("uses")).and_then(|node| node.scalar()).map(|s| s.text.clone());
    let (Some(root), Some(kind)) = (root, kind) else {
        faults.push(
            Diagnostic::error("S039", format!("the preset `{name}` of this version of storygen cannot be read"), span)
                .label("a fault of storygen, not of your file")
                .help("please report it; `uses: prompt` with a template of your own does the same work"),
        );
        return None;
    };
    let info = catalog.kind(&kind)?;
    let fields: &[Entry] = root.get("takes").map_or(&[], |node| node.entries());
    let own: &[Entry] = root.get("with").map_or(&[], |node| node.entries());
    let is_field = |key: &str| fields.iter().any(|field| field.key == key);
    let (given, rest): (Vec<Entry>, Vec<Entry>) = with.into_iter().partition(|entry| is_field(&entry.key));
    let mut takes: Vec<Entry> =
        fields.iter().map(|field| given.iter().find(|entry| entry.key == field.key).unwrap_or(field).clone()).collect();
    if let Some(Content::Seq(required)) = root.get("required").map(|node| &node.value) {
        for name in required.iter().filter_map(|node| node.scalar()) {
            if !given.iter().any(|entry| entry.key == name.text && !entry.value.is_null()) {
                missing(&name.text, span, faults);
                // Some text stands in, so that it is told once and not by all that mentions it.
                let value = Content::Scalar(Scalar { text: "x".into(), style: Style::Quoted });
                let value = Arc::new(Node { value, span, size: 1, height: 0 });
                takes
                    .iter_mut()
                    .filter(|entry| entry.key == name.text)
                    .for_each(|entry| entry.value = Arc::clone(&value));
            }
        }
    }
    let known: Vec<&str> =
        fields.iter().map(|field| field.key.as_str()).chain(info.settings.iter().map(|setting| setting.name)).collect();
    for entry in &rest {
        if !info.settings.iter().any(|setting| setting.name == entry.key) {
            faults.unknown("S034", "the setting", &entry.key, entry.key_span, &known);
        }
    }
    // A template of the stage's own takes the place of the preset's: both would be one too many.
    let replaced = |key: &str| {
        info.one_of
            .iter()
            .any(|group| group.contains(&key) && rest.iter().any(|entry| group.contains(&entry.key.as_str())))
    };
    let mut settings: Vec<Entry> = own
        .iter()
        .filter(|entry| !replaced(&entry.key) && !rest.iter().any(|given| given.key == entry.key))
        .cloned()
        .collect();
    settings.extend(rest.into_iter().filter(|entry| info.settings.iter().any(|setting| setting.name == entry.key)));
    let info = KindInfo { inputs: preset::reads(&root, info.inputs), ..info };
    let rules = preset::field_rules(&root);
    Some(Uses { name: name.to_owned(), kind, info, takes, settings, rules, span })
}

/// Reads a stage's `check:`: the settings of the kind `check`.
pub fn check_rules(node: &Node, catalog: &dyn Catalog, faults: &mut Faults) -> Option<Uses> {
    let settings = faults.map("`check`", node)?.entries().to_vec();
    let Some(info) = catalog.kind("check") else {
        faults.unbuilt("`check`", node.span);
        return None;
    };
    let rules = Uses {
        name: "check".into(),
        kind: "check".into(),
        info,
        takes: Vec::new(),
        settings,
        rules: Vec::new(),
        span: node.span,
    };
    rules.check(faults);
    Some(rules)
}

/// Checks how many inputs and outputs a kind has, and how they are named.
pub fn check_files(
    uses: &Uses,
    stage: &StageText,
    inputs: &[(String, &Node)],
    outputs: &[(String, &Node)],
    faults: &mut Faults,
) {
    let (rule, count) = (uses.info.inputs, inputs.len());
    if count < rule.min || rule.max.is_some_and(|max| count > max) {
        faults.push(
            Diagnostic::error(
                "S038",
                format!("`{}` reads {}, and this stage has {count}", uses.name, range(rule.min, rule.max, "input")),
                place(stage, "inputs"),
            )
            .label("wrong number of inputs")
            .help("list them under `inputs:`"),
        );
    }
    let (rule, count) = (uses.info.outputs, outputs.len());
    if count < rule.min || rule.max.is_some_and(|max| count > max) {
        faults.push(
            Diagnostic::error(
                "S037",
                format!("`{}` writes {}, and this stage has {count}", uses.name, range(rule.min, rule.max, "output")),
                place(stage, "outputs"),
            )
            .label("wrong number of outputs")
            .help("list them under `outputs:`"),
        );
    }
    for (slot, node) in outputs {
        if !rule.slots.is_empty() && slot.parse::<usize>().is_err() && !rule.slots.contains(&slot.as_str()) {
            faults.unknown("S037", &format!("the output name of `{}`", uses.kind), slot, node.span, rule.slots);
        }
        let path = node.get("path").map_or(*node, |path| path.as_ref());
        let Some(scalar) = path.scalar().filter(|_| !rule.extensions.is_empty()) else { continue };
        let extension =
            scalar.text.rsplit('/').next().and_then(|name| name.rsplit_once('.')).map_or("", |(_, end)| end);
        if !extension.contains('}') && !rule.extensions.contains(&extension) {
            faults.push(
                Diagnostic::error("S037", format!("`{}` cannot write `.{extension}` files", uses.kind), path.span)
                    .label("not a format of this kind")
                    .help(format!("end the path with one of {}", listed(rule.extensions))),
            );
        }
    }
}

fn place(stage: &StageText, key: &str) -> Span {
    match stage.own(key) {
        Some(_) => stage.key_span(key),
        None => stage.span,
    }
}

fn range(min: usize, max: Option<usize>, what: &str) -> String {
    let s = |n: usize| if n == 1 { "" } else { "s" };
    match max {
        Some(0) => format!("no {what}s"),
        Some(max) if max == min => format!("exactly {max} {what}{}", s(max)),
        Some(max) if min == 0 => format!("at most {max} {what}{}", s(max)),
        Some(max) => format!("{min} to {max} {what}s"),
        None => format!("at least {min} {what}{}", s(min)),
    }
}

impl Uses {
    /// Checks the settings' names: once for a stage.
    pub fn check(&self, faults: &mut Faults) {
        let known: Vec<&str> = self.info.settings.iter().map(|s| s.name).filter(|name| !name.contains('.')).collect();
        for entry in &self.settings {
            if !known.contains(&entry.key.as_str()) {
                faults.unknown("S034", "the setting", &entry.key, entry.key_span, &known);
            }
        }
        let given = |name: &str| self.settings.iter().any(|entry| entry.key == name && !entry.value.is_null());
        for setting in self.info.settings.iter().filter(|setting| setting.required == Need::Required) {
            if !given(setting.name) {
                missing(setting.name, self.span, faults);
            }
        }
        for group in self.info.one_of {
            if group.iter().filter(|name| given(name)).count() != 1 {
                faults.push(
                    Diagnostic::error(
                        "S035",
                        format!("`{}` takes exactly one of {}", self.kind, listed(group)),
                        self.span,
                    )
                    .label("set one in `with:`")
                    .help(format!("write `with: {{ {}: … }}`", group[0])),
                );
            }
        }
    }

    /// Settles the settings of one instance, and finds the files that they name.
    pub fn settle(&self, names: &mut Names, faults: &mut Faults) -> Option<(With, Vec<Input>)> {
        let mut spans = BTreeMap::from([(String::new(), self.span)]);
        let mut takes = IndexMap::new();
        let mut whole = true;
        let mut open = BTreeSet::new();
        let before = faults.count();
        for entry in &self.takes {
            note_spans(&entry.key, &entry.value, &mut spans);
            let field = match entry.value.scalar() {
                Some(scalar) if !scalar.text.contains("${") && !names.roots.is_empty() => {
                    Some(Field::Constant(scalar.spelled()))
                }
                _ => names.field(&entry.value, faults),
            };
            match field {
                // A field without a value is not there, so that `is defined` and `default` can tell.
                Some(Field::Constant(Value::Null)) => {}
                Some(field) => drop(takes.insert(entry.key.clone(), field)),
                None => {
                    whole = false;
                    open.insert(entry.key.clone());
                }
            }
        }
        for rule in &self.rules {
            let entry = self.takes.iter().find(|entry| entry.key == rule.field);
            if let (Some(entry), Some(Field::Constant(value))) = (entry, takes.get(&rule.field)) {
                whole &= rule.holds(value, &entry.value, faults);
            }
        }
        let known: serde_json::Map<String, Value> = takes
            .iter()
            .filter_map(|(name, field)| match field {
                Field::Constant(value) => Some((name.clone(), value.clone())),
                _ => None,
            })
            .collect();
        names.late_with = takes.keys().filter(|name| !known.contains_key(*name)).cloned().collect();
        // Fields without a value are named as well: only what the preset does not take is a fault.
        let mut with: BTreeMap<String, minijinja::Value> =
            self.takes.iter().map(|entry| (entry.key.clone(), minijinja::Value::UNDEFINED)).collect();
        with.extend(known.iter().map(|(name, value)| (name.clone(), expr::from_json(value))));
        if !self.takes.is_empty() {
            names.roots.insert("with".into(), with.into());
        }
        let mut settings = IndexMap::new();
        for entry in &self.settings {
            note_spans(&entry.key, &entry.value, &mut spans);
            let Some(setting) = self.info.settings.iter().find(|setting| setting.name == entry.key) else { continue };
            if entry.value.is_null() {
                continue;
            }
            match self::setting(setting, &entry.value, names, faults) {
                Some(field) => drop(settings.insert(entry.key.clone(), field)),
                None => {
                    whole = false;
                    open.insert(entry.key.clone());
                }
            }
        }
        let with = With::new(takes, settings, spans).and_open(open);
        let files = files(self.info.settings, &with, self.span, &names.home, faults);
        // Of an open stage, what comes with an item is not there.
        (whole || !names.open.is_empty() && faults.count() == before).then_some((with, files))
    }
}

fn setting(setting: &Setting, node: &Node, names: &Names, faults: &mut Faults) -> Option<Field> {
    let what = format!("`{}`", setting.name);
    let scalar = node.scalar();
    let text = |faults: &mut Faults| {
        let text = faults.text(&what, node)?;
        if matches!(setting.name, "prompt" | "system") || setting.sort == SettingSort::File {
            names.stray_template(text, node.span, Braces::All, faults);
        }
        let text = names.text(text, node.span, faults)?;
        Some(match text.constant() {
            Some(constant) => Field::Constant(Value::String(constant)),
            None => Field::Text(text),
        })
    };
    match (setting.sort, scalar) {
        (SettingSort::Template, _) => {
            let source = faults.text(&what, node)?;
            if let Err(fault) = Template::parse(setting.name, source) {
                faults.push(Diagnostic { span: Some(node.span), ..fault });
                return None;
            }
            Some(Field::Constant(Value::String(source.to_owned())))
        }
        (SettingSort::Text | SettingSort::File, _) => text(faults),
        (SettingSort::TextOrList | SettingSort::MapOrFile | SettingSort::ListOrFile, Some(_)) => {
            // One expression may be a whole list or map: it keeps its type.
            match names.settle(faults.text(&what, node)?, node.span, faults)? {
                Settled::Value(value @ (Value::Array(_) | Value::Object(_))) => {
                    typed(setting, Field::Constant(value), node, faults)
                }
                _ => text(faults),
            }
        }
        (SettingSort::Choice(choices), _) => {
            let field = text(faults)?;
            if let Field::Constant(Value::String(word)) = &field
                && !choices.contains(&word.as_str())
            {
                faults.unknown("S024", &format!("the choice for {what}"), word, node.span, choices);
                return None;
            }
            Some(field)
        }
        _ => typed(setting, names.field(node, faults)?, node, faults),
    }
}

/// Checks the type of a value that is known; what waits for files is checked by the kind.
fn typed(setting: &Setting, field: Field, node: &Node, faults: &mut Faults) -> Option<Field> {
    let expected = match (setting.sort, &field) {
        (SettingSort::Number, Field::Constant(Value::Number(_))) => return Some(field),
        (SettingSort::Number, Field::Constant(Value::String(text))) if text.parse::<f64>().is_ok() => {
            let number = text.parse::<f64>().ok().and_then(serde_json::Number::from_f64)?;
            return Some(Field::Constant(Value::Number(number)));
        }
        (SettingSort::Integer, Field::Constant(Value::Number(number))) if !number.is_f64() => return Some(field),
        (SettingSort::Integer, Field::Constant(Value::String(text))) if text.parse::<i64>().is_ok() => {
            return Some(Field::Constant(Value::from(text.parse::<i64>().ok()?)));
        }
        (SettingSort::Bool, Field::Constant(Value::Bool(_))) => return Some(field),
        (
            SettingSort::List | SettingSort::ListOrFile | SettingSort::TextOrList,
            Field::Constant(Value::Array(_)) | Field::List(_),
        ) => return Some(field),
        (SettingSort::Map | SettingSort::MapOrFile, Field::Constant(Value::Object(_)) | Field::Map(_)) => {
            return Some(field);
        }
        (SettingSort::Number | SettingSort::Integer | SettingSort::Bool, Field::Text(_)) => return Some(field),
        (SettingSort::List | SettingSort::Map, Field::Text(_)) => return Some(field),
        (SettingSort::Any, _) => return Some(field),
        (SettingSort::Number, _) => "a number",
        (SettingSort::Integer, _) => "a whole number",
        (SettingSort::Bool, _) => "true or false",
        (SettingSort::List, _) => "a list",
        (SettingSort::TextOrList, _) => "text or a list",
        (SettingSort::Map, _) => "a map",
        (SettingSort::MapOrFile, _) => "a map or a path",
        (SettingSort::ListOrFile, _) => "a list or a path",
        _ => "text",
    };
    faults.sort(&format!("`{}`", setting.name), expected, node);
    None
}

/// Returns the files that settings name, as inputs with the role `with.NAME`.
fn files(settings: &[Setting], with: &With, span: Span, home: &Home, faults: &mut Faults) -> Vec<Input> {
    let mut inputs = Vec::new();
    for setting in settings {
        if setting.sort == SettingSort::Template {
            inputs.extend(included(setting, with, span));
        }
        if !matches!(setting.sort, SettingSort::File | SettingSort::MapOrFile | SettingSort::ListOrFile) {
            continue;
        }
        let span = with.span(setting.name).unwrap_or(span);
        if let Some(Field::Text(_)) = with.get(setting.name) {
            faults.push(
                Diagnostic::error(
                    "S054",
                    format!("the path of `{}` must be known before anything runs", setting.name),
                    span,
                )
                .label("it reads files")
                .help("use `params` or the axes here"),
            );
            continue;
        }
        let Some(text) = with.constant(setting.name).and_then(Value::as_str) else { continue };
        let (text, presence) = match text.strip_suffix('?') {
            Some(text) => (text, Presence::Optional),
            None => (text, Presence::Required),
        };
        if let Some(path) = paths::parse(&home.from_root(text), span, faults) {
            inputs.push(Input {
                role: format!("with.{}", setting.name),
                selector: Selector::File(path),
                part: None,
                presence,
                span,
            });
        }
    }
    inputs
}

/// Returns the files that a template in the Storyfile includes, in the role of templates.
fn included(setting: &Setting, with: &With, span: Span) -> Vec<Input> {
    let text = with.constant(setting.name).and_then(Value::as_str).unwrap_or_default();
    let Ok(template) = Template::parse(setting.name, text) else { return Vec::new() };
    let input = |include: &Include| Input {
        role: format!("with.template.{}", include.path),
        selector: Selector::File(include.path.clone()),
        part: None,
        presence: include.presence,
        span: with.span(setting.name).unwrap_or(span),
    };
    template.includes().iter().map(input).collect()
}

fn missing(name: &str, span: Span, faults: &mut Faults) {
    faults.push(
        Diagnostic::error("S035", format!("the setting `{name}` is missing"), span)
            .label("it needs one")
            .help(format!("write `with: {{ {name}: … }}`")),
    );
}

/// Remembers where a setting and what is inside it stand.
pub fn note_spans(name: &str, node: &Node, spans: &mut BTreeMap<String, Span>) {
    spans.insert(name.to_owned(), node.span);
    for entry in node.entries() {
        note_spans(&format!("{name}.{}", entry.key), &entry.value, spans);
    }
}
