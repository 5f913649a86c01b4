//! The JSON Schema (2020-12) of a Storyfile, for editors: made of the tables that the loader reads by.
//!
//! It knows keys, sorts and choices. What needs more than that (names of stages, paths, expressions) only the loader knows.

mod providers;

use crate::storyfile::catalog::{Catalog, KindInfo, Need, SettingSort};
use crate::storyfile::hooks::Moment;
use crate::storyfile::params;
use crate::storyfile::parse;
use crate::storyfile::preset;
use crate::storyfile::providers::CAPABILITIES;
use crate::storyfile::read::{DEFAULTS_KEYS, KEYS, STAGE_KEYS};
use crate::storyfile::retry::{RETRY_KEYS, RetryCause};
use providers::{budget, providers};
use serde_json::{Map, Value, json};

/// A part of an expression: such a text may come to any value.
const EXPRESSION: &str = r"\$\{";

/// The path of a program of the repo.
const PROGRAM: &str = r"^\./";

/// A key with what an editor says of it, and its schema.
type Entry = (&'static str, &'static str, fn() -> Value);

const TOP: [Entry; 15] = [
    ("storygen", "The version of the format: 1.", || json!({ "enum": [1, "1"] })),
    ("name", "What the project is called. For people.", text),
    ("description", "What the project makes. For people.", text),
    (
        "params",
        "Values that a user may set: `-p name=value`. Expressions read them as `${params.name}`.",
        params_schema,
    ),
    (
        "kinds",
        "Names for programs of the repo that do the work of stages: `kinds: { card: ./tools/card }`.",
        || json!({ "type": "object", "additionalProperties": { "type": "string" } }),
    ),
    ("providers", "Names for who writes, speaks and is called.", providers),
    ("defaults", "What every stage takes that does not say otherwise.", || {
        object(DEFAULTS_KEYS.iter().map(|key| (*key, stage_key(key))))
    }),
    (
        "pools",
        "Named capacities: `pools: { gpu: 1 }`, taken by `pool: gpu`.",
        || json!({ "type": "object", "additionalProperties": { "type": "integer", "minimum": 1, "maximum": 100_000 } }),
    ),
    ("env", "Variables that all commands see. Part of every command's key.", env),
    ("pass", "Names of variables that commands see and keys ignore.", texts),
    ("hooks", "Commands that are told of a run and of its stages.", hooks),
    ("budget", "The most that may be spent: `{ usd: 20 }`, `{ eur: 5, per: month }`.", budget),
    (
        "profiles",
        "Changes to the file for those who ask for them: `--profile NAME`. Maps merge, lists and values replace, `~` removes.",
        || json!({ "type": "object", "additionalProperties": { "type": ["object", "null"] } }),
    ),
    ("include", "Files of stages and params in other folders: `[voices/Storyfile.yaml]`.", texts),
    ("stages", "The stages, by name: what each reads, what it writes, and how it is made.", || json!({})),
];

const STAGE: [Entry; 27] = [
    ("run", "A command: text for a shell, or a list of words that is run without one.", texts),
    ("uses", "The kind, preset or program of the repo that does the work.", text),
    ("with", "The settings of the kind or program.", || json!({ "type": "object" })),
    ("inputs", "What it reads: a path, a list of paths, or a map of name → path.", inputs),
    ("outputs", "What it writes: a path, a list of paths, or a map of name → path.", outputs),
    ("exclude", "Patterns to take out of the patterns in `inputs`.", texts),
    ("needs", "Stages whose success is needed; their outputs become inputs.", texts),
    ("after", "Stages that come first, whatever becomes of them.", texts),
    ("foreach", "Makes the stage many: a map of axes, or a stage whose axes it takes.", foreach),
    (
        "matrix",
        "Makes the stage many: a map of lists that multiply, with `include` and `exclude`.",
        || json!({ "type": "object" }),
    ),
    ("provider", "Who does the work: a name, or `{ text: …, voice: …, http: … }`.", provider),
    ("retry", "How often a failed attempt is made again.", retry),
    ("timeout", "How long one attempt may take: `500ms`, `2s`, `5m`, `1h30m`.", duration),
    ("continue_on_error", "`true`: its failure alone does not fail the build.", truth),
    ("pool", "Takes one place in a pool while it runs.", text),
    ("env", "Variables that the command sees, added to the file's. Part of the key.", env),
    ("pass", "Names of variables that the command sees and the key ignores.", texts),
    ("shell", "The shell of `run`: `bash -eu -c`; the command is added as the last word.", texts),
    ("check", "Rules that the outputs must keep, as in the kind `check`.", || json!({ "type": "object" })),
    ("always", "`true`: runs in every build.", truth),
    (
        "edits",
        "What becomes of a person's edit of an output once the stage is out of date.",
        || json!({ "enum": ["keep", "error", "discard"] }),
    ),
    ("salt", "Any text; another text is another key.", text),
    ("description", "What the stage does. For people.", text),
    ("when", "A condition: an expression without `${…}`.", text),
    ("hooks", "Commands that are told of this stage.", hooks),
    ("budget", "The most that may be spent on this stage.", budget),
    ("depfile", "The file in which the command says what it has read, as make reads it.", text),
];

const PARAM: [Entry; 8] = [
    ("ask", "The question that a person is asked.", text),
    (
        "type",
        "What its value is.",
        || json!({ "enum": params::SORTS.iter().chain(&["string", "int", "boolean"]).collect::<Vec<_>>() }),
    ),
    ("enum", "The only values there are.", || json!({ "type": "array" })),
    ("default", "The value if nobody gives one.", || json!({})),
    ("min", "The smallest number that it may be.", || json!({ "type": "number" })),
    ("max", "The largest number that it may be.", || json!({ "type": "number" })),
    ("required", "`false`: may be without a value.", truth),
    ("description", "What it is for.", text),
];

/// Returns the schema of Storyfiles with the kinds and presets of `catalog`.
pub fn schema(catalog: &dyn Catalog) -> Value {
    let mut root = object(KEYS.iter().map(|key| (*key, described(&TOP, key))));
    root["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    root["title"] = json!("Storyfile");
    root["description"] = json!("Says what a repo makes: which files come from which, and how. Read by storygen.");
    root["required"] = json!(["storygen", "stages"]);
    root["properties"]["stages"] = json!({
        "description": TOP.iter().find(|(key, ..)| *key == "stages").map_or("", |(_, words, _)| *words),
        "type": "object",
        "minProperties": 1,
        "propertyNames": { "pattern": "^[A-Za-z0-9_][A-Za-z0-9_.-]*$" },
        "additionalProperties": { "$ref": "#/$defs/stage" },
    });
    root["$defs"] = json!({ "stage": stage(catalog) });
    // Under `kinds:` a name may be anybody's; without it, every name is a kind, a preset or a path.
    let uses = json!({ "anyOf": [{ "enum": catalog.kinds() }, { "pattern": PROGRAM }, { "type": "null" }] });
    root["if"] = json!({ "not": { "required": ["kinds"] } });
    root["then"] =
        json!({ "properties": { "stages": { "additionalProperties": { "properties": { "uses": uses } } } } });
    root
}

fn stage(catalog: &dyn Catalog) -> Value {
    let mut stage = object(STAGE_KEYS.iter().map(|key| (*key, stage_key(key))));
    let names = catalog.kinds();
    // An editor completes the first; which programs there are, only the file says.
    stage["properties"]["uses"]["anyOf"] = json!([{ "enum": names }, { "type": ["string", "null"] }]);
    if let Some(check) = catalog.kind("check") {
        stage["properties"]["check"] = nullable(json!({
            "description": words(&STAGE, "check"),
            "type": "object",
            "properties": settings(&check),
            "additionalProperties": false,
        }));
    }
    let mut rules = vec![json!({ "oneOf": [{ "required": ["run"] }, { "required": ["uses"] }] })];
    rules.push(json!({
        "if": { "required": ["run"] },
        "then": { "properties": { "with": false, "provider": false, "budget": false } },
        "else": { "properties": { "shell": false, "depfile": false } },
    }));
    rules.push(json!({
        "if": { "properties": { "uses": { "enum": names } }, "required": ["uses"] },
        "then": { "properties": { "env": false, "pass": false } },
    }));
    rules.push(json!({
        "if": { "properties": { "uses": { "pattern": PROGRAM } }, "required": ["uses"] },
        "then": { "properties": { "provider": false, "budget": false } },
    }));
    for name in &names {
        let Some((with, info, is_preset)) = kind(name, catalog) else { continue };
        let mut required: Vec<&str> = Vec::new();
        let asks = with.get("required").is_some() || with.get("oneOf").is_some();
        required.extend(asks.then_some("with"));
        required.extend((info.inputs.min > 0).then_some("inputs"));
        required.extend((info.outputs.min > 0).then_some("outputs"));
        // A preset's own text is its prompt.
        debug_assert!(!is_preset || with.get("oneOf").is_none());
        rules.push(json!({
            "if": { "properties": { "uses": { "const": name } }, "required": ["uses"] },
            "then": { "properties": { "with": with }, "required": required },
        }));
    }
    stage["allOf"] = json!(rules);
    stage
}

/// Returns the schema of `with:` under a kind or a preset, what it reads and writes, and whether it is a preset.
fn kind(name: &str, catalog: &dyn Catalog) -> Option<(Value, KindInfo, bool)> {
    let description = format!("The settings of `{name}`.");
    let Some(text) = catalog.preset(name) else {
        let info = catalog.kind(name)?;
        let mut with = json!({
            "description": description, "type": "object", "properties": settings(&info), "additionalProperties": false,
        });
        let required: Vec<&str> =
            info.settings.iter().filter(|one| one.required == Need::Required).map(|one| one.name).collect();
        if !required.is_empty() {
            with["required"] = json!(required);
        }
        if let [group] = info.one_of {
            with["oneOf"] = group.iter().map(|name| json!({ "required": [name] })).collect();
        }
        return Some((with, info, false));
    };
    let root = parse::parse(text).root?;
    let info = catalog.kind(&root.get("uses")?.scalar()?.text)?;
    let info = KindInfo { inputs: preset::reads(&root, info.inputs), ..info };
    let mut properties = settings(&info);
    for field in root.get("takes").map_or(&[][..], |node| node.entries()) {
        properties.insert(field.key.clone(), json!({}));
    }
    let mut required = Vec::new();
    for rule in preset::field_rules(&root) {
        match rule.schema() {
            Some(schema) => drop(properties.insert(rule.field, schema)),
            None => required.push(rule.field),
        }
    }
    let mut with = json!({
        "description": description, "type": "object", "properties": properties, "additionalProperties": false,
    });
    if !required.is_empty() {
        with["required"] = json!(required);
    }
    Some((with, info, true))
}

fn settings(info: &KindInfo) -> Map<String, Value> {
    let plain = info.settings.iter().filter(|setting| !setting.name.contains('.'));
    plain.map(|setting| (setting.name.to_owned(), nullable(setting_schema(setting.sort)))).collect()
}

fn setting_schema(sort: SettingSort) -> Value {
    match sort {
        SettingSort::Text | SettingSort::File | SettingSort::Template => text(),
        SettingSort::Number => json!({ "anyOf": [{ "type": "number" }, numeral()] }),
        SettingSort::Integer => json!({ "anyOf": [{ "type": "integer" }, numeral()] }),
        SettingSort::Bool => json!({ "anyOf": [{ "type": "boolean" }, expression()] }),
        SettingSort::List => json!({ "anyOf": [{ "type": "array" }, expression()] }),
        SettingSort::Map => json!({ "anyOf": [{ "type": "object" }, expression()] }),
        SettingSort::TextOrList => json!({ "anyOf": [text(), { "type": "array" }] }),
        SettingSort::Choice(choices) => choice(choices),
        SettingSort::MapOrFile => json!({ "anyOf": [{ "type": "object" }, text()] }),
        SettingSort::ListOrFile => json!({ "anyOf": [{ "type": "array" }, text()] }),
        SettingSort::Any => json!({}),
    }
}

/// Returns the schema of one of some words, or of an expression that gives one.
pub fn choice<T: AsRef<str>>(choices: &[T]) -> Value {
    let choices: Vec<&str> = choices.iter().map(AsRef::as_ref).collect();
    json!({ "anyOf": [{ "enum": choices }, expression()] })
}

pub fn expression() -> Value {
    json!({ "type": "string", "pattern": EXPRESSION })
}

fn numeral() -> Value {
    json!({ "type": "string", "pattern": format!("{EXPRESSION}|^[-+0-9.eE]+$") })
}

/// Text keeps its spelling, and so may look like a number or a truth.
pub fn text() -> Value {
    json!({ "type": ["string", "number", "boolean"] })
}

fn texts() -> Value {
    json!({ "anyOf": [text(), { "type": "array", "items": text() }] })
}

fn truth() -> Value {
    json!({ "type": "boolean" })
}

fn duration() -> Value {
    json!({ "type": "string", "pattern": "^([0-9.]+(ms|s|m|h|d))+$" })
}

fn env() -> Value {
    json!({
        "type": "object",
        "propertyNames": { "pattern": "^[A-Za-z_][A-Za-z0-9_]*$" },
        "additionalProperties": { "type": ["string", "number", "boolean", "null"] },
    })
}

fn inputs() -> Value {
    json!({ "anyOf": [text(), { "type": "array", "items": text() }, { "type": "object", "additionalProperties": text() }] })
}

fn outputs() -> Value {
    let described = json!({
        "type": "object",
        "properties": {
            "path": { "description": "The output's path.", "type": "string" },
            "store": { "description": "`false`: only its digest is kept, not its bytes.", "type": "boolean" },
        },
        "patternProperties": { "^x-": {} },
        "required": ["path"],
        "additionalProperties": false,
    });
    let output = json!({ "anyOf": [text(), described] });
    let named = json!({ "type": "object", "properties": { "path": false }, "additionalProperties": output });
    json!({ "anyOf": [output, { "type": "array", "items": output }, named] })
}

/// A hook is a command, or a map that says more of it.
fn hooks() -> Value {
    let command = || json!({ "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }] });
    let described = json!({
        "type": "object",
        "properties": {
            "run": command(),
            "required": { "description": "`true`: its failure fails the build or the stage.", "type": "boolean" },
            "timeout": duration(),
        },
        "patternProperties": { "^x-": {} },
        "required": ["run"],
        "additionalProperties": false,
    });
    let hook = json!({ "anyOf": [command(), described, { "type": "null" }] });
    let hooks = Moment::ALL.iter().map(|moment| (moment.key(), hook.clone()));
    object(hooks)
}

fn foreach() -> Value {
    let described = json!({
        "type": "object",
        "properties": {
            "in": { "description": "The list, a file that holds it (`outline.json#/chapters`), a pattern, or an expression that gives one.", "type": ["array", "string"] },
            "key": { "description": "The value that names an item.", "type": "string" },
            "max": { "description": "The most items there may be.", "type": "integer", "minimum": 1 },
        },
        "patternProperties": { "^x-": {} },
        "required": ["in"],
        "additionalProperties": false,
    });
    let axis = json!({ "anyOf": [{ "type": "array" }, { "type": "string" }, described] });
    json!({ "anyOf": [{ "type": "string" }, { "type": "object", "minProperties": 1, "additionalProperties": axis }] })
}

fn provider() -> Value {
    let names: Map<String, Value> =
        CAPABILITIES.iter().map(|ability| ((*ability).to_owned(), json!({ "type": "string" }))).collect();
    let named = json!({ "type": "object", "properties": names, "additionalProperties": false });
    json!({ "anyOf": [{ "type": "string" }, named] })
}

fn params_schema() -> Value {
    let described = object(params::KEYS.iter().map(|key| (*key, described(&PARAM, key))));
    let value = json!({ "type": ["string", "number", "boolean", "array", "null"] });
    json!({
        "type": "object",
        "propertyNames": { "pattern": "^[A-Za-z_][A-Za-z0-9_]*$" },
        "additionalProperties": { "anyOf": [described, value] },
    })
}

fn retry() -> Value {
    let count = json!({ "type": "integer", "minimum": 0, "maximum": 100 });
    let described = object(RETRY_KEYS.iter().map(|key| {
        let schema = match *key {
            "max" => count.clone(),
            "for" => {
                let cause = json!({ "enum": RetryCause::NAMES.map(|(name, _)| name) });
                json!({ "anyOf": [cause, { "type": "array", "items": cause }] })
            }
            "factor" => json!({ "type": "number", "minimum": 1, "maximum": 100 }),
            _ => duration(),
        };
        (*key, schema)
    }));
    json!({ "anyOf": [count, described] })
}

fn stage_key(key: &str) -> Value {
    nullable(described(&STAGE, key))
}

/// Returns the schema of a key; one that the table does not have may be anything.
fn described(table: &[Entry], key: &str) -> Value {
    let Some((_, words, schema)) = table.iter().find(|(name, ..)| *name == key) else { return json!({}) };
    let mut schema = schema();
    schema["description"] = json!(words);
    schema
}

fn words(table: &[Entry], key: &str) -> &'static str {
    table.iter().find(|(name, ..)| *name == key).map_or("", |(_, words, _)| words)
}

/// `key: ~` is the same as no key.
fn nullable(mut schema: Value) -> Value {
    match schema.get_mut("type") {
        Some(Value::String(one)) => schema["type"] = json!([one.clone(), "null"]),
        Some(Value::Array(all)) => all.push(json!("null")),
        _ => {
            if let Some(Value::Array(all)) = schema.get_mut("anyOf") {
                all.push(json!({ "type": "null" }));
            } else if let Some(Value::Array(all)) = schema.get_mut("enum") {
                all.push(Value::Null);
            }
        }
    }
    schema
}

/// Returns the schema of a map with just these keys, and with those that are the user's own.
fn object<'k>(properties: impl Iterator<Item = (&'k str, Value)>) -> Value {
    let properties: Map<String, Value> = properties.map(|(key, schema)| (key.to_owned(), schema)).collect();
    json!({
        "type": "object",
        "properties": properties,
        "patternProperties": { "^x-": {} },
        "additionalProperties": false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_that_the_loader_knows_is_described() {
        let missing = |keys: &[&str], table: &[Entry]| -> Vec<String> {
            keys.iter()
                .filter(|key| !table.iter().any(|(name, ..)| name == *key))
                .map(|key| (*key).to_owned())
                .collect()
        };
        assert_eq!(missing(&KEYS, &TOP), [""; 0]);
        assert_eq!(missing(&STAGE_KEYS, &STAGE), [""; 0]);
        assert_eq!(missing(&DEFAULTS_KEYS, &STAGE), [""; 0]);
        assert_eq!(missing(&params::KEYS, &PARAM), [""; 0]);
    }
}
