//! Brings a JSON Schema into the form that vendors enforce: the rest of it becomes words. Pure.
//!
//! OpenAI's strict mode and Anthropic refuse a schema with rules that they do not enforce (lengths, `uniqueItems`), with an
//! open object, or without a `type`. What they are not told as a rule stands in the `description`, where the model reads it;
//! the reply is held against the whole schema here all the same.

use serde_json::{Map, Value, json};

/// What both enforce.
const ENFORCED: &[&str] =
    &["type", "properties", "required", "items", "enum", "const", "anyOf", "$ref", "$defs", "title", "description"];

/// Forms of texts that both know.
const FORMATS: &[&str] = &["date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"];

/// Returns `schema` in that form; `None` where there is none, as for an object with any fields.
pub fn enforceable(schema: &Value) -> Option<Value> {
    let given = schema.as_object()?;
    let mut form = Map::new();
    let mut words = Map::new();
    for (name, value) in given {
        match name.as_str() {
            "properties" | "$defs" => {
                form.insert(name.clone(), each(value)?);
            }
            "items" => {
                form.insert(name.clone(), enforceable(value)?);
            }
            "anyOf" | "oneOf" => {
                let any: Option<Vec<Value>> = value.as_array()?.iter().map(enforceable).collect();
                form.insert("anyOf".into(), Value::Array(any?));
            }
            "additionalProperties" if value == &json!(false) => {}
            // A map of any keys, and rules upon rules.
            "additionalProperties" | "patternProperties" | "allOf" | "not" | "if" | "prefixItems" => return None,
            "format" if value.as_str().is_some_and(|format| FORMATS.contains(&format)) => {
                form.insert(name.clone(), value.clone());
            }
            // A choice among lists: of their members the list is made, and the model is told the rest.
            "enum" | "const" if is_compound(value) => {
                form.insert("items".into(), enforceable(&json!({ "enum": members(value)? }))?);
                words.insert(name.clone(), value.clone());
            }
            "minItems" if value.as_u64().is_some_and(|least| least <= 1) => {
                form.insert(name.clone(), value.clone());
            }
            "$schema" | "$id" | "$comment" | "default" | "examples" => {}
            name if ENFORCED.contains(&name) => {
                form.insert(name.into(), value.clone());
            }
            _ => {
                words.insert(name.clone(), value.clone());
            }
        }
    }
    typed(&mut form)?;
    if form.get("type") == Some(&json!("object")) {
        form.get("properties")?;
        form.insert("additionalProperties".into(), json!(false));
    }
    if !words.is_empty() {
        form.insert("description".into(), described(given.get("description"), &words));
    }
    Some(Value::Object(form))
}

/// Tells whether all fields are required, as the strict mode of OpenAI wants it.
pub fn requires_all(form: &Value) -> bool {
    match form {
        Value::Object(map) => {
            let required: Vec<&str> =
                map.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
            let fields = map.get("properties").and_then(Value::as_object);
            fields.is_none_or(|fields| fields.keys().all(|name| required.contains(&name.as_str())))
                && map.values().all(requires_all)
        }
        Value::Array(items) => items.iter().all(requires_all),
        _ => true,
    }
}

fn each(schemas: &Value) -> Option<Value> {
    let each = schemas.as_object()?.iter().map(|(name, schema)| Some((name.clone(), enforceable(schema)?)));
    each.collect::<Option<Map<String, Value>>>().map(Value::Object)
}

/// Tells whether a choice is among values that are no plain ones.
fn is_compound(choice: &Value) -> bool {
    match choice {
        Value::Array(values) => values.iter().any(|value| value.is_array() || value.is_object()),
        value => value.is_object(),
    }
}

/// Returns what the lists of a choice hold, each once; `None` where one of them is no list.
fn members(choice: &Value) -> Option<Vec<Value>> {
    let lists: Option<Vec<&Vec<Value>>> = choice.as_array()?.iter().map(Value::as_array).collect();
    let mut members: Vec<Value> = Vec::new();
    for member in lists?.into_iter().flatten() {
        if !members.contains(member) {
            members.push(member.clone());
        }
    }
    Some(members)
}

/// Adds the `type` that follows from the rest.
fn typed(form: &mut Map<String, Value>) -> Option<()> {
    if ["type", "anyOf", "$ref"].iter().any(|name| form.contains_key(*name)) {
        return Some(());
    }
    let told = |value: &Value| match value {
        Value::String(_) => "string",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::Null => "null",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let by_value = form.get("const").or_else(|| form.get("enum")?.get(0)).map(told);
    let by_rule = ["properties", "items"].into_iter().find(|name| form.contains_key(*name));
    let sort = by_value.or(by_rule.map(|rule| if rule == "items" { "array" } else { "object" }))?;
    form.insert("type".into(), json!(sort));
    Some(())
}

fn described(description: Option<&Value>, words: &Map<String, Value>) -> Value {
    let rules: Vec<String> = words.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    let rules = format!("({})", rules.join(", "));
    let before = description.and_then(Value::as_str).map(|text| format!("{text} ")).unwrap_or_default();
    json!(format!("{before}{rules}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_enforced_becomes_words() {
        let given = json!({
            "type": "object", "required": ["a"], "$schema": "x",
            "properties": {
                "a": {"type": "string", "description": "a title", "minLength": 2, "maxLength": 60},
                "b": {"type": "array", "minItems": 1, "maxItems": 3, "items": {"type": "string", "format": "date"}},
            },
        });
        let form = json!({
            "type": "object", "required": ["a"], "additionalProperties": false,
            "properties": {
                "a": {"type": "string", "description": "a title (minLength: 2, maxLength: 60)"},
                "b": {"type": "array", "minItems": 1, "items": {"type": "string", "format": "date"}, "description": "(maxItems: 3)"},
            },
        });
        assert_eq!(enforceable(&given), Some(form));
    }

    #[test]
    fn a_type_is_told_where_it_follows_from_the_values() {
        for (given, sort) in [
            (json!({"const": "the last bus"}), "string"),
            (json!({"enum": [1, 2]}), "integer"),
            (json!({"items": {"type": "string"}}), "array"),
        ] {
            assert_eq!(enforceable(&given).unwrap()["type"], sort, "{given}");
        }
    }

    #[test]
    fn a_choice_among_lists_is_a_list_of_their_members() {
        let form = json!({
            "items": {"enum": ["warm", "sad", "odd"], "type": "string"}, "type": "array",
            "description": "(enum: [[\"warm\",\"sad\"],[\"sad\",\"odd\"]])",
        });
        assert_eq!(enforceable(&json!({"enum": [["warm", "sad"], ["sad", "odd"]]})), Some(form));
        assert_eq!(enforceable(&json!({"enum": [["warm"], {"a": 1}]})), None);
    }

    #[test]
    fn what_has_no_such_form_has_none() {
        for given in [
            json!(true),
            json!({}),
            json!({"type": "object"}),
            json!({"type": "object", "properties": {}, "additionalProperties": {"type": "string"}}),
            json!({"type": "object", "properties": {"a": {}}}),
            json!({"type": "array", "items": {"allOf": []}}),
        ] {
            assert_eq!(enforceable(&given), None, "{given}");
        }
    }

    #[test]
    fn one_optional_field_anywhere_is_seen() {
        let closed = |required: Value| json!({"type": "array", "items": {"type": "object", "properties": {"a": {}}, "required": required}});
        assert!(requires_all(&closed(json!(["a"]))));
        assert!(!requires_all(&closed(json!([]))));
    }
}
