//! JSON Schemas: read once, then values are held against them. Shared by replies that must keep one and by checks.

use crate::kind::fault::SettingFault;
use jsonschema::Validator;
use jsonschema::paths::Location;
use serde_json::Value;
use std::fmt;

/// A JSON Schema, ready to check by.
#[derive(Debug)]
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
