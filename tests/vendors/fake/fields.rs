//! Holds the fields of a request against what a vendor takes. The vendors say the same slips in different words.

use serde_json::{Map, Value};

/// What a field may hold.
#[derive(Clone, Copy, Debug)]
pub enum Holds {
    Anything,
    Text,
    Flag,
    List,
    Object,
    Number(f64, f64),
    Integer(i64, i64),
    OneOf(&'static [&'static str]),
}

/// A field that a vendor knows.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    pub name: &'static str,
    pub holds: Holds,
    pub need: Need,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    Must,
    May,
}

pub const fn must(name: &'static str, holds: Holds) -> Field {
    Field { name, holds, need: Need::Must }
}

pub const fn may(name: &'static str, holds: Holds) -> Field {
    Field { name, holds, need: Need::May }
}

/// What is wrong with the fields of a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Slip {
    Missing(String),
    Unknown(String),
    Kind { name: String, wanted: &'static str, got: &'static str },
    Range { name: String, least: String, most: String },
    Choice { name: String, got: String, choices: &'static [&'static str] },
}

/// Returns the first slip. A `null` is no value.
pub fn slip(body: &Map<String, Value>, fields: &[Field]) -> Option<Slip> {
    let given = |name: &str| body.get(name).filter(|value| !value.is_null());
    let missing = fields.iter().find(|field| field.need == Need::Must && given(field.name).is_none());
    missing
        .map(|field| Slip::Missing(field.name.to_owned()))
        .or_else(|| fields.iter().find_map(|field| misfit(field, given(field.name)?)))
}

/// Returns the first field that is not among these.
pub fn unknown(body: &Map<String, Value>, fields: &[Field]) -> Option<Slip> {
    body.keys().find(|name| fields.iter().all(|field| field.name != **name)).cloned().map(Slip::Unknown)
}

fn misfit(field: &Field, value: &Value) -> Option<Slip> {
    let name = field.name.to_owned();
    let of_kind =
        |fits: bool, wanted: &'static str| (!fits).then(|| Slip::Kind { name: name.clone(), wanted, got: kind(value) });
    match field.holds {
        Holds::Anything => None,
        Holds::Text => of_kind(value.is_string(), "string"),
        Holds::Flag => of_kind(value.is_boolean(), "boolean"),
        Holds::List => of_kind(value.is_array(), "array"),
        Holds::Object => of_kind(value.is_object(), "object"),
        Holds::OneOf(choices) => of_kind(value.is_string(), "string").or_else(|| {
            let got = value.as_str().unwrap_or_default();
            (!choices.contains(&got)).then(|| Slip::Choice { name, got: got.to_owned(), choices })
        }),
        Holds::Number(least, most) => of_kind(value.is_number(), "decimal").or_else(|| {
            let fits = value.as_f64().is_some_and(|number| (least..=most).contains(&number));
            (!fits).then(|| Slip::Range { name, least: least.to_string(), most: most.to_string() })
        }),
        Holds::Integer(least, most) => of_kind(value.is_i64() || value.is_u64(), "integer").or_else(|| {
            let fits = value.as_i64().is_some_and(|number| (least..=most).contains(&number));
            (!fits).then(|| Slip::Range { name, least: least.to_string(), most: most.to_string() })
        }),
    }
}

/// What a value is, in JSON's words.
pub fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "decimal",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}
