//! A part of a file: what stands behind the `#` of `outline.json#/chapters/0` or `notes.md#the-lamp`. Pure.

use crate::base::digest::Digest;
use crate::data::markdown::{NoSection, Outline};
use crate::data::parse::{self, DataFault};
use crate::data::pointer::{Astray, Pointer, PointerFault};
use serde_json::Value;

/// The part's own text, parsed for the sort of file that it is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    text: String,
    way: Way,
}

/// How a part is found.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Way {
    /// In JSON or YAML.
    Pointer(Pointer),
    /// In the front matter of a Markdown file.
    Front(Pointer),
    /// A section of a Markdown file.
    Heading,
}

/// Why a text names no part.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PartFault {
    #[error("{0}")]
    Pointer(#[from] PointerFault),
    #[error("nothing stands behind the `#`")]
    Empty,
    #[error("of a `.{0}` file only `foreach` reads parts")]
    Rows(String),
}

/// What is selected.
#[derive(Clone, Debug, PartialEq)]
pub struct Content {
    /// As texts see it: a text itself, a section, other data as indented JSON. No line break at its end is added.
    pub text: String,
    /// The data, if it is some.
    pub parsed: Option<Value>,
}

/// Why nothing can be selected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoPart {
    /// The file has no such part: an optional input is then absent.
    #[error("{0}")]
    Missing(String),
    #[error("{0}")]
    Ambiguous(NoSection),
    #[error("{0}")]
    Unreadable(String),
}

/// A file that parts are selected from, parsed once.
#[derive(Clone, Debug, PartialEq)]
pub enum Document {
    Data(Value),
    Markdown { outline: Outline, front: Result<Option<Value>, DataFault> },
}

impl Part {
    /// Parses the text behind the `#` for a file with this extension.
    pub fn parse(extension: &str, text: &str) -> Result<Part, PartFault> {
        let way = match extension.to_ascii_lowercase().as_str() {
            "json" | "yaml" | "yml" => Way::Pointer(Pointer::parse(text)?),
            "csv" | "tsv" | "jsonl" => return Err(PartFault::Rows(extension.to_owned())),
            _ if text.trim().is_empty() => return Err(PartFault::Empty),
            _ if text.starts_with('/') => Way::Front(Pointer::parse(text)?),
            _ => Way::Heading,
        };
        Ok(Part { text: text.to_owned(), way })
    }

    /// Returns the text behind the `#`.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl Document {
    /// Parses a file's content by its extension.
    pub fn parse(extension: &str, bytes: &[u8]) -> Result<Document, DataFault> {
        if let Some(data) = parse::parse(extension, bytes) {
            return data.map(Document::Data);
        }
        let text = parse::text(bytes)?;
        let outline = Outline::of(text);
        let front = match outline.front() {
            Some(front) => parse::parse("yaml", front.as_bytes()).expect("YAML is data").map(Some),
            None => Ok(None),
        };
        Ok(Document::Markdown { outline, front })
    }

    /// Returns the content of a part.
    pub fn select(&self, part: &Part) -> Result<Content, NoPart> {
        match (self, &part.way) {
            (Document::Data(value), Way::Pointer(pointer)) => Content::of(pointer.select(value)),
            (Document::Markdown { outline, .. }, Way::Heading) => match outline.section(&part.text) {
                Ok(text) => Ok(Content { text: text.to_owned(), parsed: None }),
                Err(missing @ NoSection::Missing { .. }) => Err(NoPart::Missing(missing.to_string())),
                Err(ambiguous) => Err(NoPart::Ambiguous(ambiguous)),
            },
            (Document::Markdown { front, .. }, Way::Front(pointer)) => match front {
                Ok(Some(value)) => Content::of(pointer.select(value)),
                Ok(None) => Err(NoPart::Missing("has no front matter: no lines between `---` at its start".to_owned())),
                Err(fault) => Err(NoPart::Unreadable(format!("has front matter that {fault}"))),
            },
            (Document::Data(_), _) | (_, Way::Pointer(_)) => unreachable!("a part is parsed for its file's extension"),
        }
    }
}

impl Content {
    fn of(selected: Result<&Value, Astray>) -> Result<Content, NoPart> {
        let value = selected.map_err(|astray| NoPart::Missing(astray.to_string()))?;
        let text = match value {
            Value::String(text) => text.clone(),
            value => serde_json::to_string_pretty(value).expect("data has text keys"),
        };
        Ok(Content { text, parsed: Some(value.clone()) })
    }

    /// Returns the part's digest. A number and the text of its digits differ, and so does another order of keys: a reader
    /// sees both. White space between values, comments and quotes of the file do not count.
    pub fn digest(&self) -> Digest {
        let sort: &[u8] = match self.parsed {
            None | Some(Value::String(_)) => b"text",
            Some(_) => b"data",
        };
        Digest::hasher().field(sort).field(self.text.as_bytes()).finish()
    }

    /// Returns what a file with just this part holds: its text, a line break at its end.
    pub fn file_bytes(&self) -> Vec<u8> {
        let end = if self.text.is_empty() || self.text.ends_with('\n') { "" } else { "\n" };
        [self.text.as_bytes(), end.as_bytes()].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn select(name: &str, text: &str, part: &str) -> Result<Content, NoPart> {
        let extension = name.rsplit('.').next().unwrap();
        Document::parse(extension, text.as_bytes()).unwrap().select(&Part::parse(extension, part).unwrap())
    }

    #[test]
    fn a_text_is_itself_and_other_data_is_json() {
        let text = r#"{"title": "The \"Bus\"", "chapters": [{"id": 1, "on": true}]}"#;
        assert_eq!(select("o.json", text, "/title").unwrap().text, "The \"Bus\"");
        let chapter = select("o.json", text, "/chapters/0").unwrap();
        assert_eq!(chapter.text, "{\n  \"id\": 1,\n  \"on\": true\n}");
        assert_eq!(chapter.parsed, Some(json!({"id": 1, "on": true})));
        assert_eq!(chapter.file_bytes(), b"{\n  \"id\": 1,\n  \"on\": true\n}\n");
        assert_eq!(select("o.yaml", "a:\n  - no # off\n", "/a/0").unwrap().text, "no");
        assert_eq!(select("o.json", "[1]", "").unwrap().text, "[\n  1\n]");
    }

    #[test]
    fn only_what_a_reader_sees_is_in_the_digest() {
        let digest = |text: &str, part: &str| select("o.json", text, part).unwrap().digest();
        assert_eq!(digest(r#"{"a": {"b": 1}}"#, "/a"), digest("{ \"x\": 2,\n\"a\":{\"b\":1}}", "/a"));
        assert_ne!(digest(r#"{"a": {"b": 1, "c": 2}}"#, "/a"), digest(r#"{"a": {"c": 2, "b": 1}}"#, "/a"));
        assert_ne!(digest(r#"{"a": "3"}"#, "/a"), digest(r#"{"a": 3}"#, "/a"));
    }

    #[test]
    fn front_matter_is_pointed_into_and_sections_are_named() {
        let text = "---\ntitle: Night Bus\ntags: [a, b]\n---\n# One\nx\n";
        assert_eq!(select("n.md", text, "/title").unwrap().text, "Night Bus");
        assert_eq!(select("n.md", text, "/tags/1").unwrap().parsed, Some(json!("b")));
        assert_eq!(select("n.md", text, "one").unwrap(), Content { text: "# One\nx".into(), parsed: None });
    }

    #[test]
    fn what_is_not_there_is_told_apart_from_what_cannot_be_read() {
        let fault = |text: &str, part: &str| select("n.md", text, part).unwrap_err();
        assert!(
            matches!(fault("# One\n", "/title"), NoPart::Missing(words) if words.starts_with("has no front matter"))
        );
        assert!(
            matches!(fault("---\na: [\n---\n", "/a"), NoPart::Unreadable(words) if words.contains("is not valid YAML"))
        );
        assert!(matches!(fault("# A\n# A\n", "A"), NoPart::Ambiguous(_)));
        assert!(matches!(Document::parse("md", b"\xff"), Err(DataFault::NotText)));
    }

    #[test]
    fn what_names_no_part_is_refused() {
        assert_eq!(Part::parse("json", "a"), Err(PartFault::Pointer(PointerFault::Start)));
        assert_eq!(Part::parse("md", " "), Err(PartFault::Empty));
        assert_eq!(Part::parse("csv", "/0"), Err(PartFault::Rows("csv".into())));
    }
}
