//! Fills a form field by field, each with those before it in view, and makes JSON of it.

use super::super::edit::markup::is_refusal;
use super::super::edit::repeat::repeated_share;
use super::super::edit::sentences::{is_finished, sentences, words};
use super::example::{apart_from, is_copied};
use super::grade::steps_out;
use super::schema::{Field, Need, Sort, Style, Text, Uniqueness};
use super::topic::{ideas, stem, topic};
use crate::base::failure::{Cause, Failure};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// Who writes into the form.
pub trait Pen {
    /// Writes something after `label:`; `attempt` counts from 0, each writes something else.
    fn line(&mut self, label: &str, text: &Text, attempt: u32) -> Result<String, Failure>;

    /// Returns which of `options` fits best after `label:`.
    fn choose(&mut self, label: &str, options: &[String]) -> Result<usize, Failure>;

    /// Returns a whole number from `from` to `to` after `label:`.
    fn whole(&mut self, label: &str, from: i64, to: i64) -> Result<i64, Failure>;

    /// Writes `label: value` down, for the fields that follow to see.
    fn keep(&mut self, label: &str, value: &str) -> Result<(), Failure>;
}

/// How often a field is tried, each time by another seed, before it is left out or filled from what is known.
pub const ATTEMPTS: u32 = 10;
/// The last of them take what is merely dull.
const DULL_ATTEMPTS: u32 = 3;
/// A title with more words is dull.
const TITLE_WORDS: usize = 7;

/// Returns the value of `field`, written by `pen`. It satisfies the schema that `field` was read from.
///
/// `prompt` tells what the form is about: its title and what it tells first are to hold a word of it. Where nothing
/// usable was written for a field in [`ATTEMPTS`] attempts, it is left out if the schema lets it be, else filled from
/// what the prompt is about. Fails with [`Cause::Empty`] where that does not fit either.
pub fn fill(field: &Field, prompt: &str, pen: &mut impl Pen) -> Result<Value, Failure> {
    let ideas = ideas(prompt);
    let mut filler = Filler {
        pen,
        said: Vec::new(),
        given: Vec::new(),
        shown: apart_from(&ideas),
        ideas,
        topic: topic(prompt),
        figures: prompt.chars().any(|c| c.is_ascii_digit()),
    };
    filler.value(field, &field.label, &[])
}

struct Filler<'a, P> {
    pen: &'a mut P,
    /// What was written into text fields so far.
    said: Vec<String>,
    /// What the schema itself says: it tells what the form is about, and may be said again.
    given: Vec<String>,
    /// The examples that were shown.
    shown: Vec<usize>,
    /// Stems of what the prompt is about.
    ideas: BTreeSet<String>,
    /// What the prompt is about, in its own words; empty if it does not say.
    topic: String,
    /// Whether the prompt has figures.
    figures: bool,
}

impl<P: Pen> Filler<'_, P> {
    /// `others` are the values that this one must differ from.
    fn value(&mut self, field: &Field, name: &str, others: &[Value]) -> Result<Value, Failure> {
        let label = spoken(name, field.note.as_deref());
        match &field.sort {
            Sort::Fixed(value) => {
                // What stands already tells the fields that follow what they are about.
                if let Value::String(text) = value {
                    self.pen.keep(name, text)?;
                    self.given.push(text.clone());
                }
                Ok(value.clone())
            }
            Sort::Object(fields) => self.object(fields, name),
            Sort::Array { item, count, least, unique } => self.array(item, (*count, *least), *unique, name),
            Sort::Choice(options) => self.choice(options, name, &label, others),
            Sort::Whole(from, to) => self.number(*from, *to, name, &label, others),
            Sort::Text(text) => {
                let line = match self.line(text, name, &label)? {
                    Some(line) => line,
                    None if field.need == Need::Required => self.known(text, others).ok_or_else(|| unfilled(name))?,
                    None => return Err(unfilled(name)),
                };
                self.pen.keep(name, &line)?;
                self.said.push(line.clone());
                Ok(Value::String(line))
            }
        }
    }

    fn object(&mut self, fields: &[(String, Field)], name: &str) -> Result<Value, Failure> {
        let mut object = Map::new();
        for (key, field) in fields {
            let inner =
                if name.is_empty() { field.label.clone() } else { format!("{name}, {}", field.label.to_lowercase()) };
            match self.value(field, &inner, &[]) {
                Ok(value) => drop(object.insert(key.clone(), value)),
                Err(failure) if failure.cause == Cause::Empty && field.need == Need::Optional => {}
                Err(failure) => return Err(failure),
            }
        }
        Ok(Value::Object(object))
    }

    fn array(
        &mut self,
        item: &Field,
        (count, least): (usize, usize),
        unique: Uniqueness,
        name: &str,
    ) -> Result<Value, Failure> {
        let mut items = Vec::with_capacity(count);
        let base = match item.label.as_str() {
            "" if name.is_empty() => "Item",
            "" => name,
            label => label,
        };
        for nth in 1..=count {
            let others = if unique == Uniqueness::Unique { items.clone() } else { Vec::new() };
            let label = if count == 1 { base.to_owned() } else { format!("{base} {nth}") };
            // Beyond what must be there, one that comes out empty ends the list.
            let need = if items.len() < least { item.need } else { Need::Optional };
            match self.value(&Field { need, ..item.clone() }, &label, &others) {
                Ok(value) => items.push(value),
                Err(failure) if failure.cause == Cause::Empty && items.len() >= least => break,
                Err(failure) => return Err(failure),
            }
        }
        Ok(Value::Array(items))
    }

    fn choice(
        &mut self,
        options: &[(String, Value)],
        name: &str,
        label: &str,
        others: &[Value],
    ) -> Result<Value, Failure> {
        let free: Vec<&(String, Value)> = options.iter().filter(|(_, value)| !others.contains(value)).collect();
        let shown: Vec<String> = free.iter().map(|(shown, _)| shown.clone()).collect();
        let at = match shown.as_slice() {
            [_] => 0,
            _ => self.pen.choose(label, &shown)?,
        };
        let (shown, value) = free.get(at).ok_or_else(|| unfilled(name))?;
        self.pen.keep(name, shown)?;
        Ok(value.clone())
    }

    fn number(&mut self, from: i64, to: i64, name: &str, label: &str, others: &[Value]) -> Result<Value, Failure> {
        let mut value = self.pen.whole(label, from, to)?.clamp(from, to);
        // The range holds more numbers than others are taken: the next free one is found.
        while others.contains(&Value::from(value)) {
            value = if value == to { from } else { value + 1 };
        }
        self.pen.keep(name, &value.to_string())?;
        Ok(Value::from(value))
    }

    fn line(&mut self, text: &Text, name: &str, label: &str) -> Result<Option<String>, Failure> {
        for attempt in 0..ATTEMPTS {
            let raw = self.pen.line(label, text, attempt)?;
            let Some(line) = clean(&raw, text, name) else { continue };
            // What is merely dull is taken in the end, what is wrong never.
            let good = attempt >= ATTEMPTS - DULL_ATTEMPTS || self.is_good(&line, &raw, text, label);
            if good && self.is_usable(&line, name) {
                return Ok(Some(line));
            }
        }
        Ok(None)
    }

    /// Says the topic within the bounds of `text`, and other than `others`.
    fn known(&self, text: &Text, others: &[Value]) -> Option<String> {
        let topic = self.topic.as_str();
        let forms = match text.style {
            Style::Title => vec![capitals(topic), capitals(&format!("the story of {topic}"))],
            Style::Line => vec![
                topic.to_owned(),
                format!("the story of {topic}"),
                format!("It has to do with {topic}."),
                format!("In the end it all comes back to {topic}, as it did at the start."),
            ],
        };
        let new = |line: &String| !others.iter().any(|other| other.as_str() == Some(line));
        let bounded = |line: String| bounded(&line, text.chars_max, text.style);
        let fits = |line: &String| line.chars().count() >= text.chars_min && line.chars().any(char::is_alphanumeric);
        forms.into_iter().filter(|_| !topic.is_empty()).map(bounded).find(|line| fits(line) && new(line))
    }

    fn is_usable(&self, line: &str, name: &str) -> bool {
        let low = line.to_lowercase();
        let new = !self.said.iter().any(|said| said.to_lowercase() == low);
        let placeholder = line.contains(['[', ']', '{', '}', '<', '>', '|', '_', '\\']) || low.contains("http");
        let own_name = words(line) == words(name);
        new && !placeholder
            && !own_name
            && !is_copied(line, &self.shown)
            && !is_refusal(line)
            && repeated_share(line) < 0.2
    }

    fn is_about_it(&self, line: &str, text: &Text) -> bool {
        let holds = |line: &String| words(line).iter().any(|word| self.ideas.contains(&stem(word)));
        let phrase = text.style == Style::Line && text.chars_max < 80;
        let enough = self.given.iter().chain(&self.said).filter(|said| holds(said)).count() >= LINES_ABOUT_IT;
        phrase || enough || self.ideas.is_empty() || holds(&line.to_owned())
    }

    /// Something of its own, and whole.
    fn is_good(&self, line: &str, raw: &str, text: &Text, label: &str) -> bool {
        let telling = |line: &str| words(line).into_iter().filter(|word| word.len() > 3).collect::<Vec<_>>();
        let said: Vec<String> = self.given.iter().chain(&self.said).flat_map(|said| telling(said)).collect();
        let asked = label.to_lowercase();
        let own: Vec<String> = telling(line).into_iter().filter(|word| !asked.contains(word.as_str())).collect();
        let fresh = own.iter().any(|word| !said.contains(word));
        let fits = match text.style {
            Style::Title => {
                words(line).len() <= TITLE_WORDS && raw.trim().chars().count() <= text.chars_max && !raw.contains(':')
            }
            Style::Line => !line.contains(':') && !line.contains('('),
        };
        let figures = !self.figures && line.chars().any(|c| c.is_ascii_digit());
        fresh && fits && !figures && !steps_out(line) && self.is_about_it(line, text)
    }
}

/// So many lines are to hold a word of the idea before others need not.
const LINES_ABOUT_IT: usize = 4;

/// Writes each word with a capital.
fn capitals(text: &str) -> String {
    let capital = |word: &str| {
        let mut rest = word.chars();
        rest.next().map_or(String::new(), |first| first.to_uppercase().chain(rest).collect())
    };
    text.split_whitespace().map(capital).collect::<Vec<_>>().join(" ")
}

fn unfilled(name: &str) -> Failure {
    Failure::new(Cause::Empty, format!("the built-in writer found nothing for `{name}`"))
        .hint("Take another `seed`, loosen the field's bounds, or name a larger model under `providers:`.")
}

fn spoken(name: &str, note: Option<&str>) -> String {
    match note.map(|note| note.trim_end_matches(['.', ' '])) {
        Some(note) if !note.is_empty() && note.len() <= 120 => format!("{name} ({note})"),
        _ => name.to_owned(),
    }
}

/// Returns `raw` as one line of plain prose within `text`'s bounds, cut at a sentence's end; `None` if nothing is left.
fn clean(raw: &str, text: &Text, name: &str) -> Option<String> {
    let line = raw.trim().lines().next().unwrap_or("");
    let line = line.replace(['“', '”', '"', '*', '`', '#'], "");
    let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
    let line = line.trim_start_matches(|c: char| !c.is_alphanumeric());
    let line = match line.get(..name.len()) {
        Some(start) if start.eq_ignore_ascii_case(name) => line[name.len()..].trim_start_matches([':', ' ']),
        _ => line,
    };
    let line = match text.style {
        Style::Title => titled(line),
        Style::Line => lined(line, text),
    };
    let line = bounded(&line, text.chars_max, text.style);
    let length = line.chars().count();
    (line.chars().any(char::is_alphabetic) && (text.chars_min..=text.chars_max).contains(&length)).then_some(line)
}

fn titled(line: &str) -> String {
    let first = sentences(line).first().map_or(line, |range| &line[range.clone()]);
    let bare = first.trim_end_matches(['.', ',', ';', ':', ' ', '-', '—']);
    bare.trim_matches('\'').to_owned()
}

fn lined(line: &str, text: &Text) -> String {
    if is_finished(line) {
        // A phrase is no sentence: "bittersweet." is an answer with a slip.
        let phrase = words(line).len() <= 5 && line.trim_end_matches('.').chars().count() >= text.chars_min;
        return if phrase { line.trim_end_matches('.').to_owned() } else { line.to_owned() };
    }
    let whole = super::super::edit::sentences::up_to_last_sentence(line);
    if whole.chars().count() >= text.chars_min.max(12) {
        return whole.to_owned();
    }
    line.trim_end_matches([',', ';', ':', ' ', '-', '—']).to_owned()
}

// At the end of a sentence if one fits, else between two words.
fn bounded(line: &str, chars_max: usize, style: Style) -> String {
    if line.chars().count() <= chars_max {
        return line.to_owned();
    }
    let end = line.char_indices().nth(chars_max).map_or(line.len(), |(at, _)| at);
    let head = &line[..end];
    let whole = super::super::edit::sentences::up_to_last_sentence(head);
    if style == Style::Line && !whole.is_empty() {
        return whole.to_owned();
    }
    let word = head.rfind(' ').map_or("", |space| &head[..space]);
    word.trim_end_matches([',', ';', ':', ' ', '-', '—']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::schema::form;
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    /// A pen that writes what it is given, in turn.
    struct Given {
        lines: Vec<String>,
        at: usize,
        kept: Vec<String>,
    }

    impl Given {
        fn new(lines: &[&str]) -> Given {
            Given { lines: lines.iter().map(|line| (*line).to_owned()).collect(), at: 0, kept: Vec::new() }
        }

        fn next(&mut self) -> String {
            self.at += 1;
            self.lines[(self.at - 1) % self.lines.len()].clone()
        }
    }

    impl Pen for Given {
        fn line(&mut self, _: &str, _: &Text, _: u32) -> Result<String, Failure> {
            Ok(self.next())
        }

        fn choose(&mut self, _: &str, options: &[String]) -> Result<usize, Failure> {
            Ok(self.next().len() % options.len())
        }

        fn whole(&mut self, _: &str, from: i64, to: i64) -> Result<i64, Failure> {
            Ok((self.next().len() as i64).clamp(from, to))
        }

        fn keep(&mut self, label: &str, value: &str) -> Result<(), Failure> {
            self.kept.push(format!("{label}: {value}"));
            Ok(())
        }
    }

    fn line(raw: &str, chars_min: usize, chars_max: usize) -> Option<String> {
        clean(raw, &Text { style: Style::Line, chars_min, chars_max }, "Theme")
    }

    #[test]
    fn lines_are_cleaned_and_cut_at_a_sentence() {
        assert_eq!(line(" \"Theme: bittersweet.\"\nTone: x", 1, 80).unwrap(), "bittersweet");
        assert_eq!(line("She stays on the bus. He gets off at the", 1, 80).unwrap(), "She stays on the bus.");
        assert_eq!(line("She stays on the bus. He gets off.", 1, 25).unwrap(), "She stays on the bus.");
        assert_eq!(line("- ?!", 1, 80), None);
        assert_eq!(line("too short", 40, 80), None);
    }

    #[test]
    fn a_field_is_tried_again() {
        let field =
            form(&json!({"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}}})).unwrap();
        let mut pen = Given::new(&["night bus", "night bus", "[Name]", "two roads"]);
        assert_eq!(fill(&field, "", &mut pen).unwrap(), json!({"a": "night bus", "b": "two roads"}));
        assert_eq!(pen.kept, ["A: night bus", "B: two roads"]);
    }

    const ABOUT: &str = "Invent one idea for a short story about: my grandmother's kitchen.\nBe kind.";

    #[test]
    fn a_field_that_stays_empty_is_left_out_or_filled_from_the_topic() {
        let schema = json!({"type": "object", "required": ["story_title", "goal", "places"], "properties": {
            "story_title": {"type": "string", "maxLength": 60}, "who": {"type": "string"},
            "goal": {"type": "string", "minLength": 24}, "tone": {"type": "array", "items": {"type": "string"}},
            "places": {"type": "array", "minItems": 1, "items": {"type": "string", "maxLength": 60}}}});
        let field = form(&schema).unwrap();
        let value = fill(&field, ABOUT, &mut Given::new(&["..."])).unwrap();
        let expected = json!({"story_title": "My Grandmother's Kitchen", "goal": "my grandmother's kitchen",
            "tone": [], "places": ["my grandmother's kitchen"]});
        assert!(jsonschema::is_valid(&schema, &value), "{value}");
        assert_eq!(value, expected);
    }

    #[test]
    fn without_a_topic_nothing_is_made_up() {
        let field =
            form(&json!({"type": "object", "required": ["a"], "properties": {"a": {"type": "string"}}})).unwrap();
        assert_eq!(fill(&field, "", &mut Given::new(&["..."])).unwrap_err().cause, Cause::Empty);
    }

    #[test]
    fn a_list_ends_where_nothing_more_comes() {
        let schema = json!({"type": "array", "minItems": 1, "maxItems": 3, "items": {"type": "string"}});
        let value = fill(&form(&schema).unwrap(), ABOUT, &mut Given::new(&["warm light"])).unwrap();
        assert_eq!(value, json!(["warm light"]));
    }

    #[test]
    fn a_title_may_be_the_topic_itself() {
        let schema = json!({"type": "object", "required": ["premise", "title"], "properties": {
            "premise": {"const": "noise"}, "title": {"type": "string", "maxLength": 60}}});
        let value = fill(&form(&schema).unwrap(), "a story about noise.", &mut Given::new(&["Noise"])).unwrap();
        assert_eq!(value["title"], "Noise");
    }

    #[test]
    fn nested_fields_carry_their_path_in_the_label() {
        let field = form(&json!({"type": "object", "properties": {"reach": {"type": "object", "properties": {
            "youtube": {"type": "integer", "minimum": 0, "maximum": 100}}}, "tags": {"type": "array", "minItems": 2,
            "items": {"type": "string"}}}}))
        .unwrap();
        let mut pen = Given::new(&["rain", "night bus", "a stranger"]);
        let value = fill(&field, "", &mut pen).unwrap();
        assert_eq!(value, json!({"reach": {"youtube": 4}, "tags": ["night bus", "a stranger", "rain"]}));
        assert_eq!(pen.kept[0], "Reach, youtube: 4");
        assert_eq!(pen.kept[1], "Tag 1: night bus");
    }

    fn schemas() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            (0u64..30, 30u64..90)
                .prop_map(|(least, most)| json!({"type": "string", "minLength": least, "maxLength": most})),
            (-50i64..50, 0i64..200)
                .prop_map(|(from, span)| json!({"type": "integer", "minimum": from, "maximum": from + span})),
            (-2i64..2, 1i64..9)
                .prop_map(|(from, span)| json!({"type": "number", "minimum": from, "exclusiveMaximum": from + span})),
            Just(json!({"type": "boolean"})),
            Just(json!({"enum": ["a", 2, null]})),
            Just(json!({"const": {"x": 1}})),
            Just(json!({"type": ["string", "null"]})),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                (inner.clone(), 0u64..4).prop_map(|(items, least)| json!({"type": "array", "items": items, "minItems": least})),
                prop::collection::vec(inner, 0..4).prop_map(|fields| {
                    let names: Vec<String> = (0..fields.len()).map(|n| format!("field_{n}")).collect();
                    let properties: Map<String, Value> = names.iter().cloned().zip(fields).collect();
                    json!({"type": "object", "properties": properties, "required": names, "additionalProperties": false})
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn whatever_is_written_the_value_satisfies_its_schema(
            schema in schemas(),
            lines in prop::collection::vec("[A-Za-z \"*:.\\[]{0,90}", 1..12),
        ) {
            let field = form(&schema).unwrap();
            let mut pen = Given { lines, at: 0, kept: Vec::new() };
            match fill(&field, "", &mut pen) {
                Ok(value) => prop_assert!(jsonschema::is_valid(&schema, &value), "{value}"),
                Err(failure) => prop_assert_eq!(failure.cause, Cause::Empty),
            }
        }
    }
}
