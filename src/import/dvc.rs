//! `dvc.yaml`: stages with commands, dependencies, params and outputs; loops over them.

use crate::data::parse::parse;
use crate::import::write::{Draft, DraftStage};
use crate::import::{Beside, Imported, Notes, param_name, shown, stage_name};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The file of params that DVC reads unasked.
const PARAMS_FILE: &str = "params.yaml";

/// The axis of a `foreach`.
const AXIS: &str = "case";

/// How expressions of a stage are rewritten.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Loop {
    None,
    /// `item` is a value.
    Values,
    /// `item` is a map; `key` is its field `key`, and a scalar its field `value`.
    Keyed,
    Matrix,
}

struct Work<'a> {
    draft: Draft,
    notes: Notes,
    params: Map<String, Value>,
    /// The first parts of the params' names in the source, with what they are called here.
    names: BTreeMap<String, String>,
    beside: &'a Beside<'a>,
}

pub fn import(file: &str, value: &Value, beside: &Beside<'_>) -> Result<Imported, String> {
    let root = value.as_object().ok_or_else(|| format!("`{file}` holds no map"))?;
    let mut work =
        Work { draft: Draft::default(), notes: Notes::default(), params: Map::new(), names: BTreeMap::new(), beside };
    work.draft.remarks.push(format!("Imported from {file} by storygen."));
    work.vars(root);
    for (name, stage) in root.get("stages").and_then(Value::as_object).into_iter().flatten() {
        work.stage(file, name, stage)?;
    }
    for (field, value) in root {
        let why = match field.as_str() {
            "stages" | "vars" => continue,
            "plots" | "metrics" => "not imported: storygen draws no plots; the files are outputs of their stages",
            "params" => "not imported: stages name the params that they read",
            "artifacts" | "datasets" => "not imported: there is no registry",
            "schema" => "nothing: the form of the file",
            _ => "not imported",
        };
        work.notes.left(field.as_str(), format!("{why} (was {})", shown(value)));
    }
    if work.draft.stages.is_empty() {
        return Err(format!("`{file}` has no stage"));
    }
    if !work.params.is_empty() {
        let params = std::mem::take(&mut work.params);
        work.draft.head.push(("params".into(), Value::Object(params)));
    }
    Ok(Imported { text: work.draft.text(), report: work.notes.0 })
}

impl Work<'_> {
    fn vars(&mut self, root: &Map<String, Value>) {
        let vars = root.get("vars").and_then(Value::as_array).cloned().unwrap_or_default();
        // DVC reads this one unasked, for what the file mentions.
        if let Some(Value::Object(map)) = self.data(PARAMS_FILE).filter(|_| mentions(&Value::Object(root.clone()))) {
            self.notes.left(PARAMS_FILE, "its values are copied into `params`: change them here from now on");
            self.declare(map);
        }
        for (index, var) in vars.into_iter().enumerate() {
            let place = format!("vars[{index}]");
            match var {
                Value::Object(map) => {
                    let names: Vec<&str> = map.keys().map(String::as_str).collect();
                    self.notes.kept(place, format!("`params`: {}", names.join(", ")));
                    self.declare(map);
                }
                Value::String(text) => {
                    let path = text.split(':').next().unwrap_or(&text);
                    match self.data(path) {
                        Some(Value::Object(map)) => {
                            self.notes.left(
                                place,
                                format!(
                                    "the values of `{path}` are copied into `params`: change them here from now on"
                                ),
                            );
                            self.declare(map);
                        }
                        _ => self.notes.left(place, format!("not imported: `{text}` could not be read")),
                    }
                }
                other => self.notes.left(place, format!("not imported: {}", shown(&other))),
            }
        }
    }

    fn data(&self, path: &str) -> Option<Value> {
        let extension = path.rsplit_once('.').map_or("", |(_, extension)| extension);
        parse(extension, &(self.beside.read)(path)?)?.ok()
    }

    fn declare(&mut self, map: Map<String, Value>) {
        for (name, value) in map {
            let param = param_name(&name);
            let value = plain(&value);
            let declared = match &value {
                Value::Object(_) => json!({"type": "map", "default": value}),
                Value::Null => json!({"default": ""}),
                _ => value,
            };
            self.params.insert(param.clone(), declared);
            self.names.insert(name, param);
        }
    }

    fn stage(&mut self, file: &str, name: &str, source: &Value) -> Result<(), String> {
        let place = format!("stages.{name}");
        let source = source.as_object().ok_or_else(|| format!("the stage `{name}` of `{file}` is no map"))?;
        let mut stage = DraftStage::new(stage_name(name));
        let renamed = if stage.name == name { String::new() } else { format!(" `{}`", stage.name) };
        self.notes.kept(place.as_str(), format!("the stage{renamed}"));
        let (body, turn) = match source.get("foreach") {
            Some(list) => {
                let turn = self.foreach(&place, list, &mut stage);
                let body = source.get("do").and_then(Value::as_object);
                (body.ok_or_else(|| format!("the stage `{name}` of `{file}` has `foreach` and no `do`"))?, turn)
            }
            None => (source, self.matrix(&place, source, &mut stage)),
        };
        for field in source.keys().filter(|field| !["foreach", "do"].contains(&field.as_str())) {
            if source.contains_key("foreach") {
                self.notes.left(format!("{place}.{field}"), "not imported: it stands beside `do`, not in it");
            }
        }
        self.body(file, &place, body, turn, &mut stage)?;
        self.draft.stages.push(stage);
        Ok(())
    }

    fn body(
        &mut self,
        file: &str,
        place: &str,
        body: &Map<String, Value>,
        turn: Loop,
        stage: &mut DraftStage,
    ) -> Result<(), String> {
        let folder = body.get("wdir").and_then(Value::as_str).unwrap_or("").trim_matches('/').to_owned();
        let folder = if folder == "." { String::new() } else { self.rewritten(&folder, turn) };
        let (mut inputs, mut outputs) = (Vec::new(), Vec::new());
        for (field, value) in body {
            let at = format!("{place}.{field}");
            match field.as_str() {
                "cmd" => self.notes.kept(at, "`run`"),
                "wdir" => self.notes.kept(at, format!("paths below `{folder}`, and `cd` before the command")),
                "desc" => {
                    stage.set("description", shown_text(value));
                    self.notes.kept(at, "`description`");
                }
                "deps" => inputs.extend(self.deps(&at, value, &folder, turn)),
                "params" => inputs.extend(self.stage_params(&at, value, &folder, turn)),
                "outs" | "metrics" | "plots" => outputs.extend(self.outs(&at, value, &folder, turn)),
                "always_changed" => {
                    if value == &json!(true) {
                        stage.set("always", true);
                    }
                    self.notes.kept(at, "`always`");
                }
                "frozen" if value == &json!(false) => self.notes.kept(at, "nothing: it is not frozen"),
                "frozen" => {
                    self.notes
                        .left(at, "not imported: storygen freezes no stage; a result stays as long as its inputs do");
                    stage.remarks.push("was frozen: `storygen accept` says that what stands is right".into());
                }
                "matrix" => {}
                "vars" => self
                    .notes
                    .left(at, format!("not imported: put them under `vars` of the file (was {})", shown(value))),
                "meta" => {
                    stage.remarks.push(format!("meta: {}", shown(value)));
                    self.notes.kept(at, "a comment");
                }
                _ => self.notes.left(at, format!("not imported: stages have no such field (was {})", shown(value))),
            }
        }
        stage.set("inputs", Value::Array(inputs));
        stage.set("outputs", Value::Array(outputs));
        let lines: Vec<String> = match body.get("cmd") {
            Some(Value::String(text)) => vec![text.trim_end().to_owned()],
            Some(Value::Array(all)) => {
                all.iter().filter_map(Value::as_str).map(|line| line.trim_end().to_owned()).collect()
            }
            _ => return Err(format!("`{place}` of `{file}` has no `cmd`")),
        };
        let mut lines: Vec<String> = lines.iter().map(|line| self.rewritten(line, turn)).collect();
        if !folder.is_empty() {
            lines.insert(0, format!("cd \"{folder}\""));
        }
        stage.set("run", lines.join("\n"));
        Ok(())
    }

    fn foreach(&mut self, place: &str, list: &Value, stage: &mut DraftStage) -> Loop {
        let at = format!("{place}.foreach");
        let list = match list {
            Value::String(text) => match self.value_of(text) {
                Some(found) => found,
                None => {
                    self.notes.left(at, format!("a list that is not known here: fill it in (was {text})"));
                    stage.set("foreach", json!({AXIS: ["fill-this-in"]}));
                    return Loop::Values;
                }
            },
            other => other.clone(),
        };
        match list {
            Value::Object(map) => {
                let items: Vec<Value> = map
                    .into_iter()
                    .map(|(key, value)| {
                        let mut item = Map::from_iter([("key".to_owned(), Value::from(key))]);
                        match plain(&value) {
                            Value::Object(fields) => item.extend(fields),
                            value => drop(item.insert("value".into(), value)),
                        }
                        Value::Object(item)
                    })
                    .collect();
                self.notes.kept(at, "`foreach` over maps with a `key`");
                stage.set("foreach", json!({AXIS: {"in": items, "key": "key"}}));
                Loop::Keyed
            }
            Value::Array(items) if items.iter().any(Value::is_object) => {
                let keyed = items.iter().enumerate().map(|(index, item)| {
                    let mut map = Map::from_iter([("key".to_owned(), Value::from(index.to_string()))]);
                    map.extend(plain(item).as_object().cloned().unwrap_or_default());
                    Value::Object(map)
                });
                let items: Vec<Value> = keyed.collect();
                self.notes.left(at, "`foreach` over maps, their keys numbers as in DVC: give them a `key` that stays when the list changes");
                stage.set("foreach", json!({AXIS: {"in": items, "key": "key"}}));
                Loop::Keyed
            }
            other => {
                self.notes.kept(at, "`foreach`");
                stage.set("foreach", json!({AXIS: plain(&other)}));
                Loop::Values
            }
        }
    }

    fn matrix(&mut self, place: &str, source: &Map<String, Value>, stage: &mut DraftStage) -> Loop {
        let Some(matrix) = source.get("matrix").and_then(Value::as_object) else { return Loop::None };
        let mut axes = Map::new();
        for (axis, list) in matrix {
            let list = match list {
                Value::String(text) => self.value_of(text),
                other => Some(plain(other)),
            };
            match list {
                Some(list) => {
                    self.notes.kept(format!("{place}.matrix.{axis}"), "`matrix`");
                    axes.insert(axis.clone(), list);
                }
                None => {
                    self.notes.left(format!("{place}.matrix.{axis}"), "a list that is not known here: fill it in");
                    axes.insert(axis.clone(), json!(["fill-this-in"]));
                }
            }
        }
        stage.set("matrix", Value::Object(axes));
        Loop::Matrix
    }

    /// Returns the value of a text that is one `${name}`.
    fn value_of(&self, text: &str) -> Option<Value> {
        let inner = text.trim().strip_prefix("${")?.strip_suffix('}')?;
        let mut parts = inner.split('.');
        let declared = self.params.get(self.names.get(parts.next()?)?)?;
        let first = declared.get("default").unwrap_or(declared);
        parts.try_fold(first, |value, part| value.get(part)).cloned()
    }

    fn deps(&mut self, at: &str, value: &Value, folder: &str, turn: Loop) -> Vec<Value> {
        let mut inputs = Vec::new();
        for dep in list(value) {
            let (path, options) = entry(&dep);
            if let Some(path) = self.path(at, &path, folder, turn) {
                self.notes.kept(format!("{at}.{path}"), "`inputs`");
                inputs.push(Value::from(self.as_folder(&path)));
            }
            for (option, value) in options {
                self.notes.left(format!("{at}.{path}.{option}"), format!("not imported (was {})", shown(&value)));
            }
        }
        inputs
    }

    fn stage_params(&mut self, at: &str, value: &Value, folder: &str, turn: Loop) -> Vec<Value> {
        let mut inputs = Vec::new();
        let mut read = |work: &mut Self, file: &str, key: Option<&str>| {
            let Some(path) = work.path(at, file, folder, turn) else { return };
            let input = match key {
                Some(key) => format!("{path}#/{}", work.rewritten(key, turn).replace('.', "/")),
                None => path,
            };
            work.notes.kept(format!("{at}.{}", key.unwrap_or(file)), format!("`inputs: {input}`"));
            inputs.push(Value::from(input));
        };
        for param in list(value) {
            match &param {
                Value::String(key) => read(self, PARAMS_FILE, Some(key)),
                Value::Object(files) => {
                    for (file, keys) in files {
                        match list(keys).as_slice() {
                            [] => read(self, file, None),
                            keys => keys.iter().filter_map(Value::as_str).for_each(|key| read(self, file, Some(key))),
                        }
                    }
                }
                other => self.notes.left(at, format!("not imported: {}", shown(other))),
            }
        }
        inputs
    }

    fn outs(&mut self, at: &str, value: &Value, folder: &str, turn: Loop) -> Vec<Value> {
        let mut outputs = Vec::new();
        for out in list(value) {
            let (path, options) = entry(&out);
            let Some(whole) = self.path(at, &path, folder, turn) else { continue };
            let place = format!("{at}.{path}");
            let mut is_kept = true;
            for (option, value) in &options {
                let at = format!("{place}.{option}");
                match (option.as_str(), value) {
                    ("cache", Value::Bool(flag)) => {
                        is_kept = *flag;
                        self.notes.kept(at, if is_kept { "nothing: results are kept" } else { "`store: false`" });
                    }
                    ("persist", Value::Bool(false)) | ("push", Value::Bool(true)) => {
                        self.notes.kept(at, "nothing: so it is")
                    }
                    ("persist", _) => {
                        self.notes.left(at, "not imported: an output is moved aside before its stage runs")
                    }
                    _ => self.notes.left(at, format!("not imported (was {})", shown(value))),
                }
            }
            self.notes.kept(place, "`outputs`");
            let path = self.as_folder(&whole);
            outputs.push(if is_kept { path.into() } else { json!({"path": path, "store": false}) });
        }
        outputs
    }

    /// Returns a path from the root; `None` for one that is not in the repo, which is told.
    fn path(&mut self, at: &str, text: &str, folder: &str, turn: Loop) -> Option<String> {
        let outside = |work: &mut Self| {
            work.notes
                .left(format!("{at}.{text}"), "not imported: it is not in the repo; fetch it by a stage of its own");
            None
        };
        if text.contains("://") || text.starts_with('/') || text.is_empty() {
            return outside(self);
        }
        let mut parts: Vec<&str> = Vec::new();
        for part in folder.split('/').chain(text.split('/')) {
            match part {
                "" | "." => {}
                ".." => {
                    if parts.pop().is_none() {
                        return outside(self);
                    }
                }
                part => parts.push(part),
            }
        }
        let slash = if text.ends_with('/') { "/" } else { "" };
        let path = parts.join("/") + slash;
        Some(self.rewritten(&path, turn))
    }

    /// A folder is written with a `/`; DVC does not say which paths are folders, so that the disk is asked.
    fn as_folder(&self, path: &str) -> String {
        if !path.ends_with('/') && (self.beside.is_folder)(path) { format!("{path}/") } else { path.to_owned() }
    }

    /// Rewrites `${…}` as a Storyfile has it.
    fn rewritten(&self, text: &str, turn: Loop) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some(at) = rest.find("${") {
            // `\${` is the shell's.
            if let Some(before) = rest[..at].strip_suffix('\\') {
                out.push_str(before);
                out.push_str("$${");
                rest = &rest[at + 2..];
                continue;
            }
            out.push_str(&rest[..at]);
            let Some(end) = rest[at..].find('}') else { break };
            out.push_str(&format!("${{{}}}", self.expression(rest[at + 2..at + end].trim(), turn)));
            rest = &rest[at + end + 1..];
        }
        out + rest
    }

    fn expression(&self, source: &str, turn: Loop) -> String {
        let (first, rest) = source.split_at(source.find(['.', '[']).unwrap_or(source.len()));
        match (first, turn) {
            ("item", Loop::Values) => format!("{AXIS}{rest}"),
            ("item", Loop::Keyed) if rest.is_empty() => format!("{AXIS}.value"),
            ("item", Loop::Keyed) => format!("{AXIS}{rest}"),
            ("key", Loop::Keyed) => format!("{AXIS}.key"),
            ("key", Loop::Values) => AXIS.to_owned(),
            ("item", Loop::Matrix) => rest.trim_start_matches('.').to_owned(),
            ("key", Loop::Matrix) => "stage.key".to_owned(),
            (name, _) => match self.names.get(name) {
                Some(param) => format!("params.{param}{rest}"),
                None => format!("params.{}{rest}", param_name(name)),
            },
        }
    }
}

fn list(value: &Value) -> Vec<Value> {
    match value {
        Value::Array(items) => items.clone(),
        Value::Null => Vec::new(),
        other => vec![other.clone()],
    }
}

/// Splits `path` or `{ path: { option: value } }`.
fn entry(value: &Value) -> (String, Map<String, Value>) {
    match value {
        Value::Object(map) => match map.iter().next() {
            Some((path, Value::Object(options))) => (path.clone(), options.clone()),
            Some((path, _)) => (path.clone(), Map::new()),
            None => (String::new(), Map::new()),
        },
        Value::String(path) => (path.clone(), Map::new()),
        other => (other.to_string(), Map::new()),
    }
}

/// Values of the source as values of a Storyfile: no expression of ours stands in them.
fn plain(value: &Value) -> Value {
    match value {
        Value::String(text) => text.replace("${", "$${").into(),
        Value::Array(items) => items.iter().map(plain).collect(),
        Value::Object(map) => map.iter().map(|(name, value)| (name.clone(), plain(value))).collect(),
        other => other.clone(),
    }
}

fn shown_text(value: &Value) -> Value {
    match value {
        Value::String(text) => text.replace("${", "$${").into(),
        other => other.to_string().into(),
    }
}

/// Tells whether some text in a value has an expression in it.
fn mentions(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains("${"),
        Value::Array(items) => items.iter().any(mentions),
        Value::Object(map) => map.values().any(mentions),
        _ => false,
    }
}
