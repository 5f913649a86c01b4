//! Which fields a JSON Schema asks for, as far as they can be filled one by one.
//!
//! Understood: `type`, `properties`, `required`, `items`, `minItems`, `maxItems`, `uniqueItems`, `enum`, `const`,
//! `default`, `minLength`, `maxLength`, `minimum`, `maximum`, `exclusiveMinimum`, `exclusiveMaximum`,
//! `additionalProperties`. Anything else that limits a value is refused by name: a reply must never break its schema.

use crate::base::failure::{Cause, Failure};
use serde_json::{Map, Value};

/// One thing to fill.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// What it is called before the colon: `Story title`.
    pub label: String,
    /// The schema's `description`.
    pub note: Option<String>,
    pub sort: Sort,
    pub need: Need,
}

/// Whether a field may be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    Required,
    Optional,
}

/// What a field takes.
#[derive(Clone, Debug, PartialEq)]
pub enum Sort {
    /// The schema leaves no choice.
    Fixed(Value),
    Object(Vec<(String, Field)>),
    Array {
        item: Box<Field>,
        /// So many are wanted.
        count: usize,
        /// So many must be there.
        least: usize,
        unique: Uniqueness,
    },
    /// One of some values, each with its words.
    Choice(Vec<(String, Value)>),
    /// A whole number from the first to the second.
    Whole(i64, i64),
    Text(Text),
}

/// Whether two items of an array may be the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Uniqueness {
    Free,
    Unique,
}

/// A string's bounds, in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Text {
    pub style: Style,
    pub chars_min: usize,
    pub chars_max: usize,
}

/// How a string reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// A name without a full stop.
    Title,
    /// A phrase or a sentence or two.
    Line,
}

/// How many fields a form may have.
const FIELDS_MAX: usize = 200;
const DEPTH_MAX: usize = 8;
/// A string without `maxLength` has at most this many characters; one without a limit is rarely meant to be an essay.
const CHARS_MAX: usize = 200;
const TITLE_CHARS_MAX: usize = 60;
/// An array without `minItems` gets this many items, if it may have them.
const ITEMS: u64 = 3;
/// A whole number without `maximum` is at most this.
const WHOLE_MAX: i64 = 9999;
/// A number is chosen among this many, evenly spaced in its range.
const STEPS: u32 = 11;

/// Keywords that limit nothing.
const REMARKS: &[&str] = &[
    "$schema",
    "$id",
    "$comment",
    "title",
    "description",
    "examples",
    "example",
    "deprecated",
    "readOnly",
    "writeOnly",
    "default",
    "$defs",
    "definitions",
    "type",
    "enum",
    "const",
];

impl Field {
    /// Returns the labels of all fields that the writer is asked for.
    pub fn labels(&self) -> Vec<String> {
        match &self.sort {
            Sort::Fixed(value) if !value.is_string() => Vec::new(),
            Sort::Object(fields) => fields.iter().flat_map(|(_, field)| field.labels()).collect(),
            Sort::Array { item, .. } => item.labels(),
            Sort::Fixed(_) | Sort::Choice(_) | Sort::Whole(..) | Sort::Text(_) => vec![self.label.clone()],
        }
    }
}

/// Returns the form that `schema` asks for.
///
/// Fails with [`Cause::Setup`] and names the keyword that cannot be filled.
pub fn form(schema: &Value) -> Result<Field, Failure> {
    let mut reader = Reader { fields: 0 };
    reader.field("", schema, "", 0)
}

struct Reader {
    fields: usize,
}

impl Reader {
    fn field(&mut self, name: &str, schema: &Value, path: &str, depth: usize) -> Result<Field, Failure> {
        self.fields += 1;
        if self.fields > FIELDS_MAX || depth > DEPTH_MAX {
            return Err(refused(path, &format!("has more than {FIELDS_MAX} fields or {DEPTH_MAX} levels")));
        }
        let empty = Map::new();
        let keys = match schema {
            Value::Object(keys) => keys,
            Value::Bool(true) => &empty,
            _ => return Err(refused(path, "is not a schema")),
        };
        let note = keys.get("description").and_then(Value::as_str).map(|note| note.trim().to_owned());
        let title = keys.get("title").and_then(Value::as_str).map(str::to_owned);
        let label = title.filter(|title| !name.is_empty() && title.len() <= 40).unwrap_or_else(|| label(name));
        let sort = self.sort(name, keys, path, depth)?;
        Ok(Field { label, note, sort, need: Need::Required })
    }

    fn sort(&mut self, name: &str, keys: &Map<String, Value>, path: &str, depth: usize) -> Result<Sort, Failure> {
        if let Some(value) = keys.get("const").or_else(|| keys.get("default")) {
            return Ok(Sort::Fixed(value.clone()));
        }
        if let Some(options) = keys.get("enum") {
            let options = options.as_array().filter(|options| !options.is_empty());
            let options = options.ok_or_else(|| refused(path, "has an `enum` without values"))?;
            only(keys, &[], path)?;
            return Ok(Sort::Choice(options.iter().map(|value| (shown(value), value.clone())).collect()));
        }
        match kind_of(keys) {
            "object" => self.object(keys, path, depth),
            "array" => self.array(name, keys, path, depth),
            "string" => text(name, keys, path),
            "integer" => whole(keys, path),
            "number" => number(keys, path),
            "boolean" => {
                only(keys, &[], path)?;
                Ok(Sort::Choice(vec![("yes".to_owned(), Value::Bool(true)), ("no".to_owned(), Value::Bool(false))]))
            }
            "null" => Ok(Sort::Fixed(Value::Null)),
            other => Err(refused(path, &format!("has the unknown type `{other}`"))),
        }
    }

    fn object(&mut self, keys: &Map<String, Value>, path: &str, depth: usize) -> Result<Sort, Failure> {
        only(keys, &["properties", "required", "additionalProperties"], path)?;
        let empty = Map::new();
        let properties = keys.get("properties").and_then(Value::as_object).unwrap_or(&empty);
        let required: Vec<&str> =
            keys.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
        if let Some(missing) = required.iter().find(|name| !properties.contains_key(**name)) {
            return Err(refused(path, &format!("requires `{missing}`, which `properties` does not have")));
        }
        let fields = properties.iter().map(|(name, schema)| {
            let need = if required.contains(&name.as_str()) { Need::Required } else { Need::Optional };
            let field = self.field(name, schema, &format!("{path}/properties/{name}"), depth + 1)?;
            Ok((name.clone(), Field { need, ..field }))
        });
        Ok(Sort::Object(fields.collect::<Result<_, Failure>>()?))
    }

    fn array(&mut self, name: &str, keys: &Map<String, Value>, path: &str, depth: usize) -> Result<Sort, Failure> {
        only(keys, &["items", "minItems", "maxItems", "uniqueItems"], path)?;
        let least = keys.get("minItems").and_then(Value::as_u64).unwrap_or(0);
        let most = keys.get("maxItems").and_then(Value::as_u64).unwrap_or(u64::MAX);
        if least > most {
            return Err(refused(path, "has `minItems` above `maxItems`"));
        }
        let any = Value::Object(Map::new());
        let items = keys.get("items").unwrap_or(&any);
        let before = self.fields;
        let item = self.field(&singular(name), items, &format!("{path}/items"), depth + 1)?;
        let unique = match keys.get("uniqueItems").and_then(Value::as_bool) {
            Some(true) => Uniqueness::Unique,
            _ => Uniqueness::Free,
        };
        let different = match (&item.sort, unique) {
            (Sort::Choice(options), Uniqueness::Unique) => options.len() as u64,
            (Sort::Whole(from, to), Uniqueness::Unique) => to.abs_diff(*from).saturating_add(1),
            (Sort::Fixed(_) | Sort::Object(_) | Sort::Array { .. }, Uniqueness::Unique) => 1,
            _ => u64::MAX,
        };
        let count = ITEMS.clamp(least, most).min(different);
        if count < least {
            return Err(refused(path, "uses `uniqueItems` with more items than there are different values"));
        }
        let each = (self.fields - before) as u64;
        self.fields = before.saturating_add(usize::try_from(each.saturating_mul(count)).unwrap_or(usize::MAX));
        if self.fields > FIELDS_MAX {
            return Err(refused(path, &format!("asks for more than {FIELDS_MAX} fields")));
        }
        Ok(Sort::Array { item: Box::new(item), count: count as usize, least: least as usize, unique })
    }
}

fn text(name: &str, keys: &Map<String, Value>, path: &str) -> Result<Sort, Failure> {
    only(keys, &["minLength", "maxLength"], path)?;
    let last = name.rsplit(['_', '-', ' ']).next().unwrap_or("").to_lowercase();
    let titled =
        ["title", "name", "headline", "heading"].contains(&last.as_str()) || name.to_lowercase().contains("title");
    let style = if titled { Style::Title } else { Style::Line };
    let usual = if titled { TITLE_CHARS_MAX } else { CHARS_MAX };
    let chars_min = keys.get("minLength").and_then(Value::as_u64).unwrap_or(1).max(1) as usize;
    let named = keys.get("maxLength").and_then(Value::as_u64).map(|most| most as usize);
    let chars_max = named.unwrap_or_else(|| usual.max(chars_min.saturating_mul(2)));
    if chars_max < chars_min {
        return Err(refused(path, "has `minLength` above `maxLength`"));
    }
    if chars_min > 2000 {
        return Err(refused(path, "has a `minLength` above 2000"));
    }
    Ok(Sort::Text(Text { style, chars_min, chars_max: chars_max.min(4000) }))
}

fn whole(keys: &Map<String, Value>, path: &str) -> Result<Sort, Failure> {
    only(keys, &["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"], path)?;
    let bound = |key: &str| keys.get(key).and_then(Value::as_f64);
    let least = [bound("minimum").map(f64::ceil), bound("exclusiveMinimum").map(|bound| bound.floor() + 1.0)];
    let most = [bound("maximum").map(f64::floor), bound("exclusiveMaximum").map(|bound| bound.ceil() - 1.0)];
    let least = least.into_iter().flatten().reduce(f64::max).map(|least| least as i64);
    let most = most.into_iter().flatten().reduce(f64::min).map(|most| most as i64);
    let (from, to) = match (least, most) {
        (Some(from), Some(to)) => (from, to),
        (Some(from), None) => (from, from.saturating_add(WHOLE_MAX).max(WHOLE_MAX)),
        (None, Some(to)) => (to.min(0), to),
        (None, None) => (0, WHOLE_MAX),
    };
    if from > to {
        return Err(refused(path, "leaves no whole number between `minimum` and `maximum`"));
    }
    Ok(Sort::Whole(from, to))
}

// Evenly spaced values: a small writer has no use for more.
fn number(keys: &Map<String, Value>, path: &str) -> Result<Sort, Failure> {
    only(keys, &["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"], path)?;
    let bound = |key: &str, other: &str| keys.get(key).or_else(|| keys.get(other)).and_then(Value::as_f64);
    let from = bound("minimum", "exclusiveMinimum");
    let to = bound("maximum", "exclusiveMaximum");
    let (from, to) = match (from, to) {
        (Some(from), Some(to)) => (from, to),
        (Some(from), None) => (from, if from < 1.0 { 1.0 } else { from * 2.0 }),
        (None, Some(to)) => (to.min(0.0), to),
        (None, None) => (0.0, 1.0),
    };
    let inside = |value: &f64| {
        keys.get("minimum").and_then(Value::as_f64).is_none_or(|least| *value >= least)
            && keys.get("maximum").and_then(Value::as_f64).is_none_or(|most| *value <= most)
            && keys.get("exclusiveMinimum").and_then(Value::as_f64).is_none_or(|least| *value > least)
            && keys.get("exclusiveMaximum").and_then(Value::as_f64).is_none_or(|most| *value < most)
    };
    let mut values: Vec<f64> = (0..STEPS)
        .map(|step| from + (to - from) * f64::from(step) / f64::from(STEPS - 1))
        .map(|value| if to - from >= 0.1 { (value * 1000.0).round() / 1000.0 } else { value })
        .filter(inside)
        .collect();
    values.dedup();
    let options: Vec<(String, Value)> =
        values.into_iter().map(|value| (value.to_string(), Value::from(value))).collect();
    if options.is_empty() { Err(refused(path, "leaves no number in its range")) } else { Ok(Sort::Choice(options)) }
}

fn kind_of(keys: &Map<String, Value>) -> &str {
    match keys.get("type") {
        Some(Value::String(name)) => name,
        Some(Value::Array(names)) => {
            let mut names = names.iter().filter_map(Value::as_str);
            names.clone().find(|name| *name != "null").or_else(|| names.next()).unwrap_or("string")
        }
        _ if keys.contains_key("properties") => "object",
        _ if keys.contains_key("items") => "array",
        _ if keys.contains_key("minimum") || keys.contains_key("maximum") => "number",
        _ => "string",
    }
}

fn only(keys: &Map<String, Value>, known: &[&str], path: &str) -> Result<(), Failure> {
    let other = keys
        .keys()
        .find(|key| !known.contains(&key.as_str()) && !REMARKS.contains(&key.as_str()) && !key.starts_with("x-"));
    other.map_or(Ok(()), |key| Err(refused(path, &format!("uses `{key}`"))))
}

fn refused(path: &str, fault: &str) -> Failure {
    let place = if path.is_empty() { "the schema".to_owned() } else { format!("the schema at `{path}`") };
    Failure::new(Cause::Setup, format!("the built-in writer cannot fill a form for which {place} {fault}")).hint(
        "It fills objects, arrays, strings, numbers and `enum`s within bounds; say it with those, or name a larger model under `providers:`.",
    )
}

/// Returns a key as words: `story_title` → `Story title`, `ageGroups` → `Age groups`.
fn label(name: &str) -> String {
    let mut words = String::new();
    let mut before_lower = false;
    for c in name.chars() {
        if before_lower && c.is_uppercase() {
            words.push(' ');
        }
        before_lower = c.is_lowercase();
        words.push(if matches!(c, '_' | '-' | '.') { ' ' } else { c.to_ascii_lowercase() });
    }
    let mut rest = words.trim().chars();
    rest.next().map_or(String::new(), |first| first.to_uppercase().chain(rest).collect())
}

fn singular(name: &str) -> String {
    let bare = name.strip_suffix('s').filter(|bare| bare.len() > 2 && !bare.ends_with(['s', 'u']));
    bare.unwrap_or(name).to_owned()
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.replace(['_', '\n'], " "),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Null => "none".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn properties_keep_their_order_and_get_words_for_labels() {
        let field = form(&json!({"type": "object", "properties": {
            "story_title": {"type": "string"}, "narratorGender": {"enum": ["male", "female"]},
        }}))
        .unwrap();
        let Sort::Object(fields) = field.sort else { panic!("an object") };
        let labels: Vec<&str> = fields.iter().map(|(_, field)| field.label.as_str()).collect();
        assert_eq!(labels, ["Story title", "Narrator gender"]);
    }

    #[test]
    fn a_default_is_taken_without_asking() {
        assert_eq!(form(&json!({"type": "string", "default": "en"})).unwrap().sort, Sort::Fixed(json!("en")));
    }

    #[test]
    fn bounds_are_read() {
        assert_eq!(
            form(&json!({"type": "integer", "exclusiveMinimum": 0, "maximum": 7.5})).unwrap().sort,
            Sort::Whole(1, 7)
        );
        let Sort::Choice(options) = form(&json!({"type": "number", "minimum": 0, "exclusiveMaximum": 1})).unwrap().sort
        else {
            panic!("a choice")
        };
        assert_eq!(options.len(), 10);
        let Sort::Array { count, .. } =
            form(&json!({"type": "array", "minItems": 5, "items": {"type": "string"}})).unwrap().sort
        else {
            panic!("an array")
        };
        assert_eq!(count, 5);
    }

    #[test]
    fn what_cannot_be_kept_is_refused_by_name() {
        for (key, schema) in [
            ("`pattern`", json!({"type": "object", "properties": {"a": {"type": "string", "pattern": "^x"}}})),
            ("`oneOf`", json!({"oneOf": []})),
            ("`b`", json!({"type": "object", "properties": {}, "required": ["b"]})),
            ("`multipleOf`", json!({"type": "integer", "multipleOf": 5})),
            ("`$ref`", json!({"$ref": "#/$defs/a"})),
        ] {
            let failure = form(&schema).unwrap_err();
            assert_eq!(failure.cause, Cause::Setup);
            assert!(failure.message.contains(key), "{}", failure.message);
            assert!(failure.hint.unwrap().contains("providers:"));
        }
    }

    #[test]
    fn huge_forms_are_refused() {
        let schema = json!({"type": "array", "minItems": 1_000_000_000_000_u64, "items": {"type": "string"}});
        assert!(form(&schema).unwrap_err().message.contains("more than 200 fields"));
    }
}
