//! The settings of a kind: values, texts that wait for files, and where each stands in the Storyfile.

use crate::base::failure::Failure;
use crate::base::span::Span;
use crate::storyfile::expr::{self, Late, Text, TextPiece};
use crate::storyfile::scope::{Scope, View};
use indexmap::IndexMap;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// The resolved `with:` of one action.
#[derive(Clone, Debug, Default)]
pub struct With {
    /// A preset's fields come first: the others may mention them as `with.NAME`.
    fields: IndexMap<String, Field>,
    spans: BTreeMap<String, Span>,
    /// How many of the fields are a preset's.
    takes: usize,
    /// Settings of an open stage whose values come with its items.
    open: BTreeSet<String>,
}

/// A value of `with:`. What holds no waiting expression is a [`Field::Constant`] as a whole.
#[derive(Clone, Debug, PartialEq)]
pub enum Field {
    Constant(Value),
    Text(Text),
    List(Vec<Field>),
    Map(IndexMap<String, Field>),
}

impl With {
    /// Joins a preset's fields, the kind's settings and their places.
    pub fn new(
        takes: IndexMap<String, Field>,
        settings: IndexMap<String, Field>,
        spans: BTreeMap<String, Span>,
    ) -> With {
        let count = takes.len();
        let mut fields = takes;
        fields.extend(settings);
        With { fields, spans, takes: count, open: BTreeSet::new() }
    }

    /// The same of an open stage, some of whose settings come with its items.
    pub fn and_open(self, open: BTreeSet<String>) -> With {
        With { open, ..self }
    }

    /// Returns all settings as data for these files: an input reads as its content.
    pub fn resolve(&self, scope: &Scope) -> Result<Value, Failure> {
        let mut values = Map::new();
        let mut scope = scope.clone();
        for (index, (name, field)) in self.fields.iter().enumerate() {
            if index == self.takes {
                expose(&mut scope, &values);
            }
            values.insert(name.clone(), field.resolve(&scope)?);
        }
        Ok(Value::Object(values))
    }

    /// Returns what recipes hold: each setting by its dotted name, texts that wait as they are written.
    pub fn recipe_fields(&self) -> Vec<(String, String)> {
        let mut all = Vec::new();
        for (name, field) in &self.fields {
            field.recipe(name, &mut all);
        }
        all
    }

    /// Returns a setting by its name.
    pub fn get(&self, name: &str) -> Option<&Field> {
        self.fields.get(name)
    }

    /// Returns the value at a dotted name, if it is known before the action runs.
    pub fn constant(&self, dotted: &str) -> Option<&Value> {
        let mut names = dotted.split('.');
        let mut field = self.fields.get(names.next()?)?;
        loop {
            match field {
                Field::Constant(value) => return names.try_fold(value, |value, name| value.get(name)),
                Field::Map(map) => field = map.get(names.next()?)?,
                Field::Text(_) | Field::List(_) => return None,
            }
        }
    }

    /// Returns all settings that are known before the action runs; one that waits for files is absent.
    pub fn constants(&self) -> Value {
        let known = self.fields.iter().filter_map(|(name, field)| match field {
            Field::Constant(value) => Some((name.clone(), value.clone())),
            Field::Text(_) | Field::List(_) | Field::Map(_) => None,
        });
        Value::Object(known.collect())
    }

    /// Returns the names of the settings that wait for files, or for items.
    pub fn late_names(&self) -> BTreeSet<String> {
        let late = self.fields.iter().filter(|(_, field)| !matches!(field, Field::Constant(_)));
        late.map(|(name, _)| name).chain(&self.open).cloned().collect()
    }

    /// Returns where the value at a dotted name stands, or the nearest value around it; the empty name is that of the
    /// settings as a whole.
    pub fn span(&self, dotted: &str) -> Option<Span> {
        let mut name = dotted;
        loop {
            if let Some(span) = self.spans.get(name) {
                return Some(*span);
            }
            if name.is_empty() {
                return None;
            }
            name = name.rfind('.').map_or("", |dot| &name[..dot]);
        }
    }

    /// Returns the names of all settings, a preset's fields first.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.fields.keys().map(String::as_str)
    }

    /// Returns the expressions that wait for files.
    pub fn late(&self) -> Vec<&Late> {
        let mut all = Vec::new();
        self.fields.values().for_each(|field| field.late(&mut all));
        all
    }
}

fn expose(scope: &mut Scope, values: &Map<String, Value>) {
    if !scope.globals.is_object() {
        scope.globals = Value::Object(Map::new());
    }
    scope.globals["with"] = Value::Object(values.clone());
}

impl Field {
    fn resolve(&self, scope: &Scope) -> Result<Value, Failure> {
        Ok(match self {
            Field::Constant(value) => value.clone(),
            Field::Text(text) => match text.pieces.as_slice() {
                [TextPiece::Late(late)] => expr::to_json(&late.value(scope, View::Content)?),
                _ => Value::String(text.render(scope, View::Content)?),
            },
            Field::List(items) => Value::Array(items.iter().map(|item| item.resolve(scope)).collect::<Result<_, _>>()?),
            Field::Map(map) => {
                let pairs = map.iter().map(|(name, field)| Ok((name.clone(), field.resolve(scope)?)));
                Value::Object(pairs.collect::<Result<_, Failure>>()?)
            }
        })
    }

    fn recipe(&self, name: &str, all: &mut Vec<(String, String)>) {
        match self {
            Field::Constant(Value::Object(map)) if !map.is_empty() => {
                for (key, value) in map {
                    Field::Constant(value.clone()).recipe(&format!("{name}.{key}"), all);
                }
            }
            Field::Constant(Value::String(text)) => all.push((name.to_owned(), text.replace("${", "$${"))),
            Field::Constant(value) => all.push((name.to_owned(), value.to_string())),
            Field::Text(text) => all.push((name.to_owned(), text.canonical())),
            Field::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    item.recipe(&format!("{name}.{index}"), all);
                }
            }
            Field::Map(map) => map.iter().for_each(|(key, field)| field.recipe(&format!("{name}.{key}"), all)),
        }
    }

    fn late<'f>(&'f self, all: &mut Vec<&'f Late>) {
        match self {
            Field::Constant(_) => {}
            Field::Text(text) => all.extend(text.late()),
            Field::List(items) => items.iter().for_each(|item| item.late(all)),
            Field::Map(map) => map.values().for_each(|field| field.late(all)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storyfile::scope::{Plurality, ScopeFile};
    use serde_json::json;

    fn late(source: &str, values: &[(&str, Value)]) -> TextPiece {
        let values = values.iter().map(|(name, value)| (name.to_string(), value.clone())).collect();
        TextPiece::Late(Late { source: source.into(), values })
    }

    fn text(pieces: Vec<TextPiece>) -> Field {
        Field::Text(Text { pieces, span: Span::default() })
    }

    fn with() -> With {
        let takes = IndexMap::from([("topic".to_owned(), text(vec![late("inputs.idea.title", &[])]))]);
        let settings = IndexMap::from([
            ("prompt".to_owned(), text(vec![TextPiece::Literal("On $ ".into()), late("with.topic", &[])])),
            ("data".to_owned(), text(vec![late("inputs.idea", &[("params.x", json!(1))])])),
            ("extra".to_owned(), Field::Constant(json!({"top_p": 0.5, "stop": ["a"]}))),
        ]);
        With::new(takes, settings, BTreeMap::from([("extra".to_owned(), Span::new(1, 2))]))
    }

    fn scope() -> Scope {
        let idea = ScopeFile {
            role: "idea".into(),
            list: Plurality::One,
            path: "idea.json".into(),
            part: None,
            content: Some(br#"{"title": "Bus ${x} {{ y }}"}"#.as_slice().into()),
            parsed: Some(json!({"title": "Bus ${x} {{ y }}"})),
        };
        Scope { inputs: vec![idea], ..Scope::default() }
    }

    #[test]
    fn settings_resolve_to_content_and_keep_their_types() {
        let expected = json!({
            "topic": "Bus ${x} {{ y }}",
            "prompt": "On $ Bus ${x} {{ y }}",
            "data": {"title": "Bus ${x} {{ y }}"},
            "extra": {"top_p": 0.5, "stop": ["a"]},
        });
        assert_eq!(with().resolve(&scope()).unwrap(), expected);
    }

    #[test]
    fn recipes_hold_what_waits_as_it_is_written_with_its_values() {
        let fields = with().recipe_fields();
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        assert_eq!(
            fields,
            [
                ("topic", "${inputs.idea.title}"),
                ("prompt", "On $ ${with.topic}"),
                ("data", "${inputs.idea; params.x=1}"),
                ("extra.top_p", "0.5"),
                ("extra.stop", "[\"a\"]"),
            ]
        );
    }

    #[test]
    fn constants_and_places_are_found_by_dotted_names() {
        assert_eq!(with().constant("extra.top_p"), Some(&json!(0.5)));
        assert_eq!(with().constant("prompt"), None);
        assert_eq!(with().span("extra.top_p"), Some(Span::new(1, 2)));
    }

    #[test]
    fn an_absent_input_fails_with_words() {
        let failure = with().resolve(&Scope::default()).unwrap_err();
        assert!(failure.message.contains("inputs.idea.title"), "{}", failure.message);
    }
}
