//! Selects in data by a JSON pointer (RFC 6901).

pub use crate::base::part::{escape, percent_decoded, split};
use serde_json::Value;

/// How many keys an error names at most.
const NAMED_MAX: usize = 8;

/// A JSON pointer: the steps from the top of a document to a value in it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pointer(Vec<String>);

/// Why a text is not a pointer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PointerFault {
    #[error("a pointer starts with `/`")]
    Start,
    #[error("`~` stands only in `~0` (for `~`) and `~1` (for `/`)")]
    Tilde,
}

/// Why nothing is found where a pointer leads.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Astray {
    #[error("has no key `{key}`{at}{instead}", at = within(.parent), instead = named(.keys))]
    Key { parent: String, key: String, keys: Vec<String> },
    #[error("has {}{at}: there is no `{step}`", counted(*.length), at = within(.parent))]
    Item { parent: String, step: String, length: usize },
    #[error("has {sort}{at}: there is no `{step}` in it", at = within(.parent))]
    Scalar { parent: String, step: String, sort: &'static str },
}

fn within(parent: &str) -> String {
    if parent.is_empty() { " at its top".to_owned() } else { format!(" at `{parent}`") }
}

fn counted(length: usize) -> String {
    match length {
        0 => "no item".to_owned(),
        1 => "one item, `0`".to_owned(),
        length => format!("items `0` to `{}`", length - 1),
    }
}

fn named(keys: &[String]) -> String {
    let shown: Vec<String> = keys.iter().take(NAMED_MAX).map(|key| format!("`{key}`")).collect();
    match keys.len() {
        0 => ": it is empty".to_owned(),
        length if length > NAMED_MAX => format!("; it has {} and {} more", shown.join(", "), length - NAMED_MAX),
        _ => format!("; it has {}", shown.join(", ")),
    }
}

impl Pointer {
    /// Parses a pointer: empty for the whole document, else `/step/step`. `~1` is `/`, `~0` is `~`, and as in any
    /// address a sign may be written `%3F` (RFC 6901, section 6).
    pub fn parse(text: &str) -> Result<Pointer, PointerFault> {
        let decoded = percent_decoded(text);
        if decoded.is_empty() {
            return Ok(Pointer(Vec::new()));
        }
        let steps = decoded.strip_prefix('/').ok_or(PointerFault::Start)?;
        steps.split('/').map(unescaped).collect::<Result<_, _>>().map(Pointer)
    }

    /// Returns the value that the pointer leads to.
    pub fn select<'v>(&self, value: &'v Value) -> Result<&'v Value, Astray> {
        let mut found = value;
        for (depth, step) in self.0.iter().enumerate() {
            found = inside(found, step).ok_or_else(|| self.astray(found, depth))?;
        }
        Ok(found)
    }

    /// Returns the last step; `None` for the whole document.
    pub fn last(&self) -> Option<&str> {
        self.0.last().map(String::as_str)
    }

    fn astray(&self, found: &Value, depth: usize) -> Astray {
        let parent = Pointer(self.0[..depth].to_vec()).to_string();
        let step = self.0[depth].clone();
        match found {
            Value::Object(map) => Astray::Key { parent, key: step, keys: map.keys().cloned().collect() },
            Value::Array(items) => Astray::Item { parent, step, length: items.len() },
            Value::Null => Astray::Scalar { parent, step, sort: "null" },
            Value::Bool(_) => Astray::Scalar { parent, step, sort: "a truth value" },
            Value::Number(_) => Astray::Scalar { parent, step, sort: "a number" },
            Value::String(_) => Astray::Scalar { parent, step, sort: "a text" },
        }
    }
}

impl std::fmt::Display for Pointer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|step| write!(f, "/{}", step.replace('~', "~0").replace('/', "~1")))
    }
}

fn inside<'v>(value: &'v Value, step: &str) -> Option<&'v Value> {
    match value {
        Value::Object(map) => map.get(step),
        // `01` and `+1` are no indices, and `-` is the item behind the last.
        Value::Array(items) if step == "0" || step.starts_with(|first: char| matches!(first, '1'..='9')) => {
            items.get(step.parse::<usize>().ok()?)
        }
        _ => None,
    }
}

fn unescaped(step: &str) -> Result<String, PointerFault> {
    let mut text = String::with_capacity(step.len());
    let mut signs = step.chars();
    while let Some(sign) = signs.next() {
        match sign {
            '~' => text.push(match signs.next() {
                Some('0') => '~',
                Some('1') => '/',
                _ => return Err(PointerFault::Tilde),
            }),
            sign => text.push(sign),
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_examples_of_the_rfc_are_found() {
        let document = json!({
            "foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, "g|h": 4, "i\\j": 5, "k\"l": 6, " ": 7, "m~n": 8
        });
        let found = |text: &str| Pointer::parse(text).unwrap().select(&document).unwrap().clone();
        assert_eq!(found(""), document);
        assert_eq!(found("/foo"), json!(["bar", "baz"]));
        assert_eq!(found("/foo/0"), json!("bar"));
        let others = ["/", "/a~1b", "/c%25d", "/e%5Ef", "/g%7Ch", "/i%5Cj", "/k%22l", "/%20", "/m~0n"];
        for (number, pointer) in others.into_iter().enumerate() {
            assert_eq!(found(pointer), json!(number), "{pointer}");
        }
        assert_eq!((found("/c%d"), found("/ "), found("/e^f")), (json!(2), json!(7), json!(3)));
    }

    #[test]
    fn what_is_no_pointer_is_told() {
        assert_eq!(Pointer::parse("chapters"), Err(PointerFault::Start));
        assert_eq!(Pointer::parse("/a~2"), Err(PointerFault::Tilde));
        assert_eq!(Pointer::parse("/a~"), Err(PointerFault::Tilde));
        assert_eq!(Pointer::parse("/a~1b%7E1c").unwrap().to_string(), "/a~1b~1c");
    }

    #[test]
    fn a_pointer_that_leads_nowhere_says_how_far_it_came() {
        let document = json!({ "book": { "title": "x", "parts": [1, 2], "empty": {}, "none": [] } });
        let astray = |text: &str| Pointer::parse(text).unwrap().select(&document).unwrap_err().to_string();
        assert_eq!(astray("/boook"), "has no key `boook` at its top; it has `book`");
        assert_eq!(astray("/book/empty/x"), "has no key `x` at `/book/empty`: it is empty");
        assert_eq!(astray("/book/parts/2"), "has items `0` to `1` at `/book/parts`: there is no `2`");
        assert_eq!(astray("/book/none/0"), "has no item at `/book/none`: there is no `0`");
        for step in ["-", "01", "+1", "1e0", "99999999999999999999"] {
            assert!(astray(&format!("/book/parts/{step}")).contains(&format!("there is no `{step}`")), "{step}");
        }
        assert_eq!(astray("/book/title/x"), "has a text at `/book/title`: there is no `x` in it");
    }
}
