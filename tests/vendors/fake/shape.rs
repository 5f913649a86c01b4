//! Makes a value that satisfies a simple JSON Schema: objects, arrays, texts, numbers, enums.

use serde_json::{Map, Value, json};

/// Returns a value for `schema`; `word` gives each text, never the same twice.
pub fn value(schema: &Value, word: &mut dyn FnMut() -> String) -> Value {
    Shaper { root: schema, word }.shape(schema)
}

struct Shaper<'a> {
    root: &'a Value,
    word: &'a mut dyn FnMut() -> String,
}

impl Shaper<'_> {
    fn shape(&mut self, schema: &Value) -> Value {
        if let Some(target) = schema["$ref"].as_str() {
            let target = self.root.pointer(target.trim_start_matches('#')).cloned().unwrap_or_default();
            return self.shape(&target);
        }
        if let Some(value) = schema.get("const").or_else(|| schema["enum"].get(0)) {
            return value.clone();
        }
        if let Some(choice) = schema["anyOf"].get(0).or_else(|| schema["oneOf"].get(0)) {
            return self.shape(&choice.clone());
        }
        match kind(schema).as_str() {
            "object" => self.object(schema),
            "array" => self.array(schema),
            "integer" => json!(least(schema).ceil() as i64),
            "number" => json!(least(schema)),
            "boolean" => json!(true),
            "null" => Value::Null,
            _ => Value::String(self.text(schema)),
        }
    }

    fn object(&mut self, schema: &Value) -> Value {
        let Some(properties) = schema["properties"].as_object() else { return json!({}) };
        let member = |(name, inner): (&String, &Value)| (name.clone(), self.shape(inner));
        Value::Object(properties.iter().map(member).collect::<Map<String, Value>>())
    }

    fn array(&mut self, schema: &Value) -> Value {
        let most = schema["maxItems"].as_u64().unwrap_or(2);
        let count = schema["minItems"].as_u64().unwrap_or(2.min(most));
        Value::Array((0..count).map(|_| self.shape(&schema["items"])).collect())
    }

    fn text(&mut self, schema: &Value) -> String {
        let least = schema["minLength"].as_u64().unwrap_or(0) as usize;
        let most = schema["maxLength"].as_u64().unwrap_or(u64::MAX) as usize;
        let mut text = (self.word)();
        while text.chars().count() < least {
            text = text + " " + &(self.word)();
        }
        text.chars().take(most).collect()
    }
}

/// The type, in lower case; of several the first; a schema with properties is an object's.
fn kind(schema: &Value) -> String {
    let named = schema["type"].as_str().or_else(|| schema["type"][0].as_str());
    let guess = if schema["properties"].is_object() { "object" } else { "string" };
    named.unwrap_or(guess).to_lowercase()
}

fn least(schema: &Value) -> f64 {
    let above = schema["exclusiveMinimum"].as_f64().map(|least| least + 1.0);
    let below = schema["maximum"].as_f64().map(|most| most.min(1.0));
    schema["minimum"].as_f64().or(above).or(below).unwrap_or(1.0)
}
