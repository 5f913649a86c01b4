//! JSON Schemas: read once, then values are held against them. Shared by replies that must keep one and by checks.

use crate::base::diagnostic::nearest;
use crate::kind::fault::SettingFault;
use jsonschema::Validator;
use jsonschema::error::ValidationErrorKind;
use jsonschema::paths::Location;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt;

/// A JSON Schema, ready to check by.
#[derive(Clone, Debug)]
pub struct Schema {
    pub value: Value,
    validator: Validator,
}

/// One place where a value breaks its schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaFault {
    /// Lower-case fragment.
    pub message: String,
    /// JSON pointer into the value; empty for the value as a whole.
    pub pointer: String,
}

impl Schema {
    /// Reads a schema; `place` is its file or setting. Schemas are never fetched from anywhere.
    pub fn compile(place: &str, value: &Value) -> Result<Schema, SettingFault> {
        let validator = jsonschema::validator_for(value).map_err(|error| {
            let message = format!("`{place}` is no JSON Schema: {error}{}", at(error.instance_path()));
            SettingFault::setting("schema", message).hint("Write one as json-schema.org describes it.")
        })?;
        Ok(Schema { value: value.clone(), validator })
    }

    /// Returns the first `count` places where `value` breaks the schema.
    pub fn faults(&self, value: &Value, count: usize) -> Vec<SchemaFault> {
        let faults = self.validator.iter_errors(value).take(count);
        let fault = |error: jsonschema::ValidationError<'_>| SchemaFault {
            message: error.to_string(),
            pointer: error.instance_path().as_str().to_owned(),
        };
        faults.map(fault).collect()
    }

    /// Holds a stage's settings against the schema, each fault about the setting that it is at. What only the settings in
    /// `late`, which are absent, could mend is not judged.
    pub fn setting_faults(&self, settings: &Value, late: &BTreeSet<String>) -> Vec<SettingFault> {
        let mut faults = Vec::new();
        let known = self.properties("");
        // A name is known before its value is.
        for name in late.iter().filter(|name| self.is_closed() && !known.contains(&name.as_str())) {
            faults.push(no_such(name, name, &str::to_owned, &known));
        }
        for error in self.validator.iter_errors(settings).take(FAULTS_MAX) {
            let pointer = error.instance_path().as_str();
            let place = dotted(pointer);
            let full = |name: &str| if place.is_empty() { name.to_owned() } else { format!("{place}.{name}") };
            match error.kind() {
                ValidationErrorKind::AdditionalProperties { unexpected } => {
                    let known = self.properties(pointer);
                    faults.extend(unexpected.iter().map(|name| no_such(&full(name), name, &full, &known)));
                }
                ValidationErrorKind::Required { property } => {
                    let name = property.as_str().unwrap_or_default();
                    if place.is_empty() && !late.contains(name) {
                        let fault = SettingFault::stage(format!("the setting `{name}` is missing"));
                        faults.push(fault.hint(format!("Write `with: {{ {name}: … }}`.")));
                    } else if !place.is_empty() {
                        let fault = SettingFault::setting(&place, format!("the setting `{}` is missing", full(name)));
                        faults.push(fault.hint("Set it, or leave the whole group out."));
                    }
                }
                _ if place.is_empty() && !late.is_empty() => {}
                _ if place.is_empty() => faults.push(SettingFault::stage(format!("the settings are wrong: {error}"))),
                _ => faults.push(SettingFault::setting(&place, format!("the setting `{place}` is wrong: {error}"))),
            }
        }
        faults
    }

    /// Tells whether a map may have the listed names only.
    fn is_closed(&self) -> bool {
        self.value.get("additionalProperties") == Some(&Value::Bool(false))
            && self.value.get("patternProperties").is_none()
    }

    /// Returns the names that the schema lists for the map at `pointer` in a value.
    fn properties(&self, pointer: &str) -> Vec<&str> {
        let mut schema = Some(&self.value);
        for name in pointer.split('/').skip(1) {
            schema = schema.and_then(|schema| schema.get("properties")?.get(name));
        }
        let properties = schema.and_then(|schema| schema.get("properties")?.as_object());
        properties.map_or_else(Vec::new, |properties| properties.keys().map(String::as_str).collect())
    }
}

/// How many faults of one stage's settings are told.
const FAULTS_MAX: usize = 20;

fn no_such(whole: &str, name: &str, full: &dyn Fn(&str) -> String, known: &[&str]) -> SettingFault {
    let fault = SettingFault::setting(whole, format!("there is no setting `{whole}`"));
    match nearest(name, known.iter().copied()) {
        Some(meant) => fault.hint(format!("Did you mean `{}`?", full(meant))),
        None if known.is_empty() => fault.hint("The program takes none here: leave it out."),
        None => fault.hint(format!("It may have: {}.", known.join(", "))),
    }
}

/// Returns a JSON pointer as a dotted name: `/a/b/0` is `a.b.0`.
fn dotted(pointer: &str) -> String {
    pointer
        .trim_start_matches('/')
        .split('/')
        .map(|part| part.replace("~1", "/").replace("~0", "~"))
        .collect::<Vec<_>>()
        .join(".")
}

impl fmt::Display for SchemaFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pointer.as_str() {
            "" => f.write_str(&self.message),
            pointer => write!(f, "{} (at `{pointer}`)", self.message),
        }
    }
}

fn at(path: &Location) -> String {
    let path = path.as_str();
    if path.is_empty() { String::new() } else { format!(" (at `{path}`)") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_schema_that_is_none_is_a_fault() {
        let fault = Schema::compile("s.json", &json!({"type": "text"})).err().unwrap();
        assert!(fault.message.starts_with("`s.json` is no JSON Schema: "), "{fault:?}");
        let remote = Schema::compile("s.json", &json!({"$ref": "https://example.org/s.json"}));
        assert!(remote.is_err());
    }

    #[test]
    fn every_fault_has_its_pointer() {
        let schema = json!({"required": ["a"], "properties": {"b": {"items": {"type": "string"}}}});
        let faults = Schema::compile("s.json", &schema).unwrap().faults(&json!({"b": ["x", 1]}), 9);
        let told: Vec<String> = faults.iter().map(SchemaFault::to_string).collect();
        assert_eq!(told, ["\"a\" is a required property", "1 is not of type \"string\" (at `/b/1`)"]);
    }
}
