//! Tells whether a reply is what was asked for, and brings it into the output's form.

use super::weave::woven;
use crate::base::failure::Cause;
use crate::kind::check::preserve::difference;
use crate::kind::schema::{Schema, SchemaFault};
use serde_json::Value;

/// The form of an output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Text,
    /// One line, as a title is: no quotation marks around it, no label before it, no line end after it. With a schema,
    /// the first text in the reply's JSON: small writers keep to a form where they would chat otherwise.
    Line,
    Json,
}

/// What a reply must be.
pub struct Judge {
    pub format: Format,
    pub schema: Option<Schema>,
    /// The text whose words must all be kept; only tags may be added.
    pub kept: Option<String>,
}

/// A reply that is what was asked for, in the output's form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    pub text: String,
    /// What was made of it that it did not say itself.
    pub warning: Option<String>,
}

/// This many faults of one reply are told.
const FAULTS_TOLD: usize = 8;

impl Judge {
    /// Returns the reply in the output's form; `Err` holds its faults, each a fragment.
    pub fn accept(&self, reply: &str) -> Result<Accepted, Vec<String>> {
        let as_it_is = |text| Accepted { text, warning: None };
        match self.format {
            Format::Json => self.json(reply).map(as_it_is),
            Format::Line => self.line(reply).map(as_it_is),
            Format::Text => self.text(reply),
        }
    }

    /// The value of a reply in JSON, checked.
    fn value(&self, reply: &str) -> Result<Value, Vec<String>> {
        let value = parsed(reply)?;
        let faults = self.schema.as_ref().map(|schema| schema.faults(&value, FAULTS_TOLD)).unwrap_or_default();
        let faults: Vec<String> = faults.iter().map(SchemaFault::to_string).collect();
        if faults.is_empty() { Ok(value) } else { Err(faults) }
    }

    fn line(&self, reply: &str) -> Result<String, Vec<String>> {
        let text = match self.schema {
            None => reply.to_owned(),
            Some(_) => first_text(&self.value(reply)?).ok_or_else(|| vec!["it holds no text".to_owned()])?,
        };
        line(&text).ok_or_else(|| vec!["there is no line of text".to_owned()])
    }

    fn json(&self, reply: &str) -> Result<String, Vec<String>> {
        let value = self.value(reply)?;
        let mut text = serde_json::to_string_pretty(&value).map_err(|error| vec![error.to_string()])?;
        text.push('\n');
        Ok(text)
    }

    fn text(&self, reply: &str) -> Result<Accepted, Vec<String>> {
        let mut text = reply.replace("\r\n", "\n").trim().to_owned();
        text.push('\n');
        let Some((kept, difference)) = self.kept.as_deref().and_then(|kept| Some((kept, difference(kept, &text)?)))
        else {
            return Ok(Accepted { text, warning: None });
        };
        match woven(kept, &text) {
            Some(text) => {
                let warning = format!("only the tags of the reply were taken, it changed the text: {difference}");
                Ok(Accepted { text, warning: Some(warning) })
            }
            None => Err(vec![format!("words were changed, only tags may be added: {difference}")]),
        }
    }
}

/// Tells whether a failure is about what was replied, not about the world around.
pub fn is_of_the_reply(cause: Cause) -> bool {
    matches!(cause, Cause::Validation | Cause::Empty | Cause::Length | Cause::Refusal)
}

/// Returns the JSON in a reply, which may stand in a fence or between other words.
fn parsed(reply: &str) -> Result<Value, Vec<String>> {
    let whole = reply.trim();
    let error = match serde_json::from_str(whole) {
        Ok(value) => return Ok(value),
        Err(error) => error,
    };
    let inner = [('{', '}'), ('[', ']')].into_iter().filter_map(|(open, close)| {
        let (start, end) = (whole.find(open)?, whole.rfind(close)?);
        whole.get(start..=end).map(|inner| (start, inner))
    });
    // Whichever bracket opens first holds the other.
    let first = inner.min_by_key(|(start, _)| *start);
    match first.and_then(|(_, inner)| serde_json::from_str(inner).ok()) {
        Some(value) => Ok(value),
        None => Err(vec![format!("it is not JSON: {error}")]),
    }
}

/// Returns the first text in `value`.
fn first_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(items) => items.iter().find_map(first_text),
        Value::Object(map) => map.values().find_map(first_text),
        _ => None,
    }
}

/// Returns the one line that a reply is about.
fn line(reply: &str) -> Option<String> {
    let lines = || reply.lines().map(str::trim).filter(|line| line.chars().any(char::is_alphanumeric));
    // `Here is a title:` announces the line that follows.
    let line = lines().find(|line| !line.ends_with(':')).or_else(|| lines().next())?;
    let mut line = line.trim_start_matches(['#', '>', '-', '*', ' ']);
    if let Some((label, rest)) = line.split_once(':')
        && ["title", "story title", "the title", "answer"].contains(&label.trim_matches('*').to_lowercase().as_str())
    {
        line = rest;
    }
    let line = line.trim().trim_matches(['*', '_', '`']).trim();
    let bare = unquoted(line);
    bare.chars().any(char::is_alphanumeric).then(|| bare.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// Takes off quotation marks that stand around the whole.
fn unquoted(line: &str) -> &str {
    for (open, close) in [('"', '"'), ('“', '”'), ('«', '»'), ('\'', '\''), ('‘', '’'), ('「', '」')] {
        if let Some(inner) = line.strip_prefix(open).and_then(|rest| rest.trim_end_matches('.').strip_suffix(close))
            && !inner.contains([open, close])
        {
            return inner.trim();
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn judge(format: Format) -> Judge {
        Judge { format, schema: None, kept: None }
    }

    #[test]
    fn json_is_found_and_written_in_one_form() {
        let accept = |reply: &str| judge(Format::Json).accept(reply).unwrap().text;
        let pretty = "{\n  \"b\": 1,\n  \"a\": [\n    2\n  ]\n}\n";
        assert_eq!(accept(r#"{"b":1,"a":[2]}"#), pretty);
        assert_eq!(accept("Here it is:\n```json\n{\"b\": 1, \"a\": [2]}\n```\nEnjoy!"), pretty);
        assert_eq!(accept("The list: [1] is it"), "[\n  1\n]\n");
    }

    #[test]
    fn what_is_no_json_says_where() {
        let faults = judge(Format::Json).accept("{\"a\": }").unwrap_err();
        assert_eq!(faults, ["it is not JSON: expected value at line 1 column 7"]);
    }

    #[test]
    fn each_fault_against_the_schema_has_its_place() {
        let schema = json!({"type": "object", "required": ["title"], "properties": {"tone": {"enum": ["sad", "gay"]}}});
        let schema = Some(Schema::compile("s.json", &schema).unwrap());
        let faults = Judge { schema, ..judge(Format::Json) }.accept(r#"{"tone": "odd"}"#).unwrap_err();
        assert_eq!(faults.len(), 2);
        assert!(faults.iter().any(|fault| fault == "\"title\" is a required property"), "{faults:?}");
        assert!(faults.iter().any(|fault| fault.ends_with("(at `/tone`)")), "{faults:?}");
    }

    #[test]
    fn a_title_is_one_bare_line() {
        let accept = |reply: &str| judge(Format::Line).accept(reply).unwrap().text;
        for reply in [
            "The Last Bus\n",
            "\"The Last Bus\"",
            "Here is a title:\n\n**The Last Bus**",
            "# Title: “The Last Bus”",
            "**Title:** The  Last Bus",
        ] {
            assert_eq!(accept(reply), "The Last Bus", "{reply}");
        }
        assert_eq!(accept("Mercy: A Story"), "Mercy: A Story");
        assert!(judge(Format::Line).accept("—").is_err());
    }

    #[test]
    fn a_line_may_come_in_a_form() {
        let schema = json!({"type": "object", "required": ["title"], "properties": {"title": {"maxLength": 20}}});
        let judge = Judge { schema: Some(Schema::compile("schema", &schema).unwrap()), ..judge(Format::Line) };
        assert_eq!(judge.accept(r#"{"title": "“The Last Bus”"}"#).unwrap().text, "The Last Bus");
        assert_eq!(judge.accept("{}").unwrap_err(), ["\"title\" is a required property"]);
        assert!(judge.accept(r#"{"title": "A title that is longer than it may be"}"#).is_err());
    }

    #[test]
    fn text_that_must_be_kept_is_held_against_the_reply() {
        let judge = Judge { kept: Some("He left.\n".into()), ..judge(Format::Text) };
        assert_eq!(judge.accept("  [sad] He left.  ").unwrap().text, "[sad] He left.\n");
        let faults = judge.accept("[sad] She left.").unwrap_err();
        assert_eq!(faults, ["words were changed, only tags may be added: “He left.” became “She left.”"]);
    }
    #[test]
    fn a_copy_that_is_nearly_right_gives_its_tags() {
        let kept = "He left at nine, and she did not ask him why he would not stay.\n";
        let judge = Judge { kept: Some(kept.into()), ..judge(Format::Text) };
        let accepted = judge.accept("[sad] He left at nine and she did not ask him why he wouldn't stay.").unwrap();
        assert_eq!(accepted.text, format!("[sad] {kept}"));
        let warning = "only the tags of the reply were taken, it changed the text: “nine, and she did not ask …” became “nine and \
                       she did not ask …”";
        assert_eq!(accepted.warning.as_deref(), Some(warning));
    }
}
