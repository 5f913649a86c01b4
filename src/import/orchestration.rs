//! The orchestration files of the project that storygen comes from: a list of stages in an order, with parameters.

use crate::base::secret::is_secret_name;
use crate::import::works::Standing;
use crate::import::write::{Draft, DraftStage};
use crate::import::{Imported, Notes, param_name, shown, stage_name};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// The import of one file under way.
pub struct Work<'a> {
    draft: Draft,
    pub notes: Notes,
    pub standing: Standing,
    pub params: Map<String, Value>,
    pub title: &'a str,
    /// Profiles, by which services do what is built in otherwise.
    pub profile: Option<Value>,
}

/// The fields of a stage beside its parameters.
const STAGE_FIELDS: [&str; 9] = [
    "id",
    "name",
    "enabled",
    "order",
    "condition",
    "continue_on_error",
    "max_retries",
    "retry_delay_seconds",
    "timeout_seconds",
];

pub fn import(file: &str, value: &Value) -> Result<Imported, String> {
    let root = value.as_object().ok_or_else(|| format!("`{file}` holds no map"))?;
    let stages = sorted(file, root)?;
    let title =
        root.get("metadata").and_then(|metadata| metadata.get("name")).and_then(Value::as_str).unwrap_or("story");
    let mut work = Work {
        draft: Draft::default(),
        notes: Notes::default(),
        standing: Standing::default(),
        params: Map::new(),
        title,
        profile: None,
    };
    work.draft.remarks.push(format!("Imported from {file} by storygen."));
    work.metadata(root);
    work.variables(root);
    let defaults = work.defaults(root);
    work.logging(root);
    for field in root.keys() {
        if !["metadata", "variables", "error_handling", "retry", "logging", "stages"].contains(&field.as_str()) {
            work.notes.left(field.as_str(), "not imported: orchestration files have no such field");
        }
    }
    for stage in stages {
        work.stage(stage)?;
    }
    if !work.params.is_empty() {
        let params = std::mem::take(&mut work.params);
        work.draft.head.push(("params".into(), Value::Object(params)));
    }
    if !defaults.is_empty() {
        work.draft.head.push(("defaults".into(), Value::Object(defaults)));
    }
    work.draft.head.extend(work.profile.take().map(|profile| ("profiles".to_owned(), profile)));
    Ok(Imported { text: work.draft.text(), report: work.notes.0 })
}

/// Returns the stages by their `order`, and refuses what the original refuses.
fn sorted<'a>(file: &str, root: &'a Map<String, Value>) -> Result<Vec<&'a Map<String, Value>>, String> {
    let stages = root.get("stages").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    if stages.is_empty() {
        return Err(format!("`{file}` has no stage"));
    }
    let mut seen = BTreeSet::new();
    let mut all = Vec::new();
    for (index, stage) in stages.iter().enumerate() {
        let id = stage.get("id").and_then(Value::as_str).unwrap_or_default();
        let (Some(stage), false) = (stage.as_object(), id.trim().is_empty()) else {
            return Err(format!("stage {} of `{file}` has no `id`", index + 1));
        };
        if !seen.insert(stage_name(id)) {
            return Err(format!("two stages of `{file}` are called `{id}`"));
        }
        all.push(stage);
    }
    all.sort_by_key(|stage| stage.get("order").and_then(Value::as_i64).unwrap_or(0));
    Ok(all)
}

impl Work<'_> {
    fn metadata(&mut self, root: &Map<String, Value>) {
        let mut rest = Map::new();
        for (field, value) in root.get("metadata").and_then(Value::as_object).into_iter().flatten() {
            let place = format!("metadata.{field}");
            match field.as_str() {
                "name" | "description" if value.is_string() => {
                    self.draft.head.push((field.clone(), literal(value)));
                    self.notes.kept(place, format!("`{field}`"));
                }
                _ => {
                    rest.insert(field.clone(), value.clone());
                    self.notes.kept(place, format!("`x-metadata: {{ {field}: … }}`, which is for people only"));
                }
            }
        }
        if !rest.is_empty() {
            self.draft.head.push(("x-metadata".into(), Value::Object(rest)));
        }
    }

    fn variables(&mut self, root: &Map<String, Value>) {
        for (name, value) in root.get("variables").and_then(Value::as_object).into_iter().flatten() {
            let (place, param) = (format!("variables.{name}"), param_name(name));
            let Some(value) = self.text(&place, value) else { continue };
            let declared = match &value {
                Value::Object(_) => json!({"type": "map", "default": value}),
                Value::Null => json!({"type": "text", "default": ""}),
                _ => value,
            };
            self.params.insert(param.clone(), declared);
            self.notes.kept(place, format!("the param `{param}`: `-p {param}=…`, `${{params.{param}}}`"));
        }
    }

    /// Joins `error_handling` and `retry`: what every stage has that does not say otherwise.
    fn defaults(&mut self, root: &Map<String, Value>) -> Map<String, Value> {
        let (mut defaults, mut retry) = (Map::new(), Map::new());
        let block = root.get("retry").and_then(Value::as_object);
        let says = |field: &str| block.is_some_and(|block| block.contains_key(field));
        let overruled = |notes: &mut Notes, place: String, field: &str| {
            notes.left(place, format!("not imported: `retry.{field}` says otherwise"));
        };
        for (field, value) in root.get("error_handling").and_then(Value::as_object).into_iter().flatten() {
            let place = format!("error_handling.{field}");
            match (field.as_str(), value) {
                ("continue_on_error", Value::Bool(flag)) => {
                    if *flag {
                        defaults.insert("continue_on_error".into(), true.into());
                    }
                    self.notes
                        .kept(place, "`defaults.continue_on_error`; what reads a failed stage is blocked, never run");
                }
                ("retry_count", _) if says("max_retries") => overruled(&mut self.notes, place, "max_retries"),
                ("retry_delay", _) if says("delay_seconds") => overruled(&mut self.notes, place, "delay_seconds"),
                ("retry_count", Value::Number(_)) => {
                    retry.insert("max".into(), value.clone());
                    self.notes.kept(place, "`defaults.retry.max`");
                }
                ("retry_delay", Value::Number(_)) => {
                    retry.insert("delay".into(), seconds(value));
                    self.notes.kept(place, "`defaults.retry.delay`");
                }
                _ => self.notes.left(place, format!("not imported: {}", shown(value))),
            }
        }
        let backs_off = block.and_then(|block| block.get("exponential_backoff")).and_then(Value::as_bool);
        for (field, value) in block.into_iter().flatten() {
            let place = format!("retry.{field}");
            match (field.as_str(), value) {
                ("max_retries", Value::Number(_)) => {
                    retry.insert("max".into(), value.clone());
                    self.notes.kept(place, "`defaults.retry.max`");
                }
                ("delay_seconds", Value::Number(_)) => {
                    retry.insert("delay".into(), seconds(value));
                    self.notes.kept(place, "`defaults.retry.delay`");
                }
                ("exponential_backoff", Value::Bool(flag)) => {
                    if !flag {
                        retry.insert("factor".into(), 1.into());
                    }
                    self.notes.kept(place, "`defaults.retry.factor`: 1 is no backoff");
                }
                ("backoff_multiplier", Value::Number(_)) => {
                    if backs_off != Some(false) {
                        retry.insert("factor".into(), value.clone());
                    }
                    self.notes.kept(place, "`defaults.retry.factor`");
                }
                _ => self.notes.left(place, format!("not imported: {}", shown(value))),
            }
        }
        if !retry.is_empty() {
            defaults.insert("retry".into(), Value::Object(retry));
        }
        defaults
    }

    fn logging(&mut self, root: &Map<String, Value>) {
        for (field, value) in root.get("logging").and_then(Value::as_object).into_iter().flatten() {
            let became = match field.as_str() {
                "level" => "no setting of the file: `build -v`, `-q`, or STORYGEN_LOG=debug",
                "console" => "no setting of the file: what happens is told on standard error",
                "file" => "no setting of the file: `storygen log STAGE`, `build --events FILE`",
                "format" => "no setting of the file: `--log-format text|json`",
                _ => "not imported",
            };
            self.notes.left(format!("logging.{field}"), format!("{became} (was {})", shown(value)));
        }
    }

    fn stage(&mut self, source: &Map<String, Value>) -> Result<(), String> {
        let id = source["id"].as_str().unwrap_or_default();
        let place = |field: &str| format!("stages.{id}.{field}");
        let mut stage = DraftStage::new(stage_name(id));
        let became = if stage.name == id { "the stage".to_owned() } else { format!("the stage `{}`", stage.name) };
        self.notes.kept(place("id"), became);
        if let Some(name) = source.get("name") {
            stage.set("description", literal(name));
            self.notes.kept(place("name"), "`description`");
        }
        if source.contains_key("order") {
            self.notes.kept(place("order"), "the order of the file; who reads what another writes waits for it");
        }
        self.condition(id, source, &mut stage);
        let parameters = source.get("parameters").and_then(Value::as_object).cloned().unwrap_or_default();
        self.work(id, parameters, &mut stage);
        self.policy(id, source, &mut stage)?;
        for (field, value) in source {
            if field != "parameters" && !STAGE_FIELDS.contains(&field.as_str()) {
                self.notes
                    .left(place(field), format!("not imported: stages have no such field (was {})", shown(value)));
            }
        }
        self.draft.stages.push(stage);
        Ok(())
    }

    fn condition(&mut self, id: &str, source: &Map<String, Value>, stage: &mut DraftStage) {
        let condition = source.get("condition").and_then(Value::as_str).filter(|text| !text.trim().is_empty());
        let when = condition.map(translated);
        if let (Some(text), Some(when)) = (condition, &when) {
            self.notes.kept(
                format!("stages.{id}.condition"),
                format!("`when: {when}`, which is really evaluated (was {text})"),
            );
        }
        let is_off = source.get("enabled").and_then(Value::as_bool) == Some(false);
        if source.contains_key("enabled") {
            let became =
                if is_off { "`when: false`: take it away to switch the stage on" } else { "nothing: stages are on" };
            self.notes.kept(format!("stages.{id}.enabled"), became);
        }
        match (is_off, when) {
            (true, when) => {
                stage.remarks.extend(when.map(|when| format!("switched off; its condition was: {when}")));
                stage.set("when", false);
            }
            (false, Some(when)) => stage.set("when", when),
            (false, None) => {}
        }
    }

    fn policy(&mut self, id: &str, source: &Map<String, Value>, stage: &mut DraftStage) -> Result<(), String> {
        let place = |field: &str| format!("stages.{id}.{field}");
        let mut retry = Map::new();
        for (field, name) in [("max_retries", "max"), ("retry_delay_seconds", "delay"), ("timeout_seconds", "timeout")]
        {
            let Some(value) = source.get(field).filter(|value| !value.is_null()) else { continue };
            let Some(number) = value.as_f64().filter(|number| *number >= 0.0) else {
                return Err(format!("`{}` is {}, and must be a number from 0", place(field), shown(value)));
            };
            match name {
                "timeout" if number == 0.0 => self.notes.kept(place(field), "nothing: 0 is no limit"),
                "timeout" => {
                    stage.set("timeout", seconds(value));
                    self.notes.kept(place(field), "`timeout` of one attempt");
                }
                "max" => {
                    retry.insert("max".into(), value.clone());
                    self.notes.kept(place(field), "`retry.max`");
                }
                _ => {
                    retry.insert("delay".into(), seconds(value));
                    self.notes.kept(place(field), "`retry.delay`");
                }
            }
        }
        stage.set("retry", Value::Object(retry));
        if let Some(flag) = source.get("continue_on_error").and_then(Value::as_bool) {
            if flag {
                stage.set("continue_on_error", true);
            }
            self.notes.kept(format!("stages.{id}.continue_on_error"), "`continue_on_error`");
        }
        Ok(())
    }

    /// Moves a parameter into the settings under its name there.
    pub fn take(
        &mut self,
        id: &str,
        from: &str,
        to: &str,
        parameters: &mut Map<String, Value>,
        with: &mut Map<String, Value>,
    ) {
        self.take_as(id, (from, to), parameters, with, "with");
    }

    /// Moves a parameter into a map that stands at `place` in the Storyfile.
    pub fn take_as(
        &mut self,
        id: &str,
        (from, to): (&str, &str),
        parameters: &mut Map<String, Value>,
        into: &mut Map<String, Value>,
        place: &str,
    ) {
        let Some(value) = parameters.remove(from) else { return };
        let field = format!("stages.{id}.parameters.{from}");
        if value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty()) {
            self.notes.kept(field, "nothing: it is empty");
        } else if let Some(value) = self.text(&field, &value) {
            into.insert(to.to_owned(), value);
            self.notes.kept(field, format!("`{place}.{to}`"));
        }
    }

    /// A flag for what a preset does anyway.
    pub fn takes_for_granted(&mut self, id: &str, name: &str, parameters: &mut Map<String, Value>) {
        let Some(value) = parameters.remove(name) else { return };
        let place = format!("stages.{id}.parameters.{name}");
        match value {
            Value::Bool(true) => self.notes.kept(place, "nothing: that is what the kind does"),
            other => self.notes.left(place, format!("not imported: the kind always does it (was {})", shown(&other))),
        }
    }

    /// Writes the variables in a value as a Storyfile has them; `None` for a secret, which is told.
    pub fn text(&mut self, place: &str, value: &Value) -> Option<Value> {
        Some(match value {
            Value::String(text) => match with_variables(text) {
                Ok(text) => text.into(),
                Err(name) => {
                    self.notes.left(
                        place,
                        format!("not imported: `{name}` is a secret, which stands under `providers:` or in `pass:`"),
                    );
                    return None;
                }
            },
            Value::Array(items) => {
                Value::Array(items.iter().map(|item| self.text(place, item)).collect::<Option<Vec<_>>>()?)
            }
            Value::Object(map) => {
                let mut all = Map::new();
                for (name, value) in map {
                    all.insert(name.clone(), self.text(place, value)?);
                }
                Value::Object(all)
            }
            other => other.clone(),
        })
    }
}

/// Text that is for people: no expression of ours stands in it.
fn literal(value: &Value) -> Value {
    match value {
        Value::String(text) => text.replace("${", "$${").into(),
        other => other.to_string().into(),
    }
}

fn seconds(value: &Value) -> Value {
    format!("{value}s").into()
}

/// Writes `$VAR` and `${VAR}` as `${VAR:-}`: one that is not set is empty. The error is the name of a secret.
fn with_variables(text: &str) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let (inner, braced) = match rest.strip_prefix('{') {
            Some(inner) => (inner, true),
            None => (rest, false),
        };
        let end = inner.find(|sign: char| !(sign.is_ascii_alphanumeric() || sign == '_')).unwrap_or(inner.len());
        let name = &inner[..end];
        let is_name = name.starts_with(|sign: char| sign.is_ascii_alphabetic() || sign == '_');
        if !is_name || braced && !inner[end..].starts_with('}') {
            out.push_str(if braced { "$$" } else { "$" });
            continue;
        }
        if is_secret_name(name) {
            return Err(name.to_owned());
        }
        let source = if name.chars().any(|sign| sign.is_ascii_lowercase()) {
            format!("${{env.{name} | default('')}}")
        } else {
            format!("${{{name}:-}}")
        };
        out.push_str(&source);
        rest = &inner[end + usize::from(braced)..];
    }
    Ok(out + rest)
}

/// Writes a condition as `when:` has it.
fn translated(condition: &str) -> String {
    let mut text = condition.trim().replace("variables.", "params.").replace("&&", " and ").replace("||", " or ");
    // `!x`, and not `!=`.
    while let Some(at) = text.find('!').filter(|at| !text[at + 1..].starts_with('=')) {
        text.replace_range(at..=at, "not ");
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
