//! One axis of `foreach` or `matrix`: where its items come from, and the key of each.

use crate::base::diagnostic::Diagnostic;
use crate::base::span::Span;
use crate::storyfile::expr;
use crate::storyfile::faults::Faults;
use crate::storyfile::fixed;
use crate::storyfile::home::Home;
use crate::storyfile::lists::{Item, Items, ListSource};
use crate::storyfile::params::is_identifier;
use crate::storyfile::paths;
use crate::storyfile::read::is_reserved;
use crate::storyfile::settle::{Names, Settled, inserted};
use crate::storyfile::story::Selector;
use crate::storyfile::tree::{Content, Entry, Node};
use crate::storyfile::with::Field;
use indexmap::IndexMap;
use serde_json::Value;
use std::collections::HashMap;
use std::rc::Rc;

/// Most instances of one stage.
pub const INSTANCES_MAX: usize = 100_000;

/// Endings of the files that can hold a list.
const ENDINGS: [&str; 6] = ["csv", "tsv", "json", "jsonl", "yaml", "yml"];

/// Items with their keys, in order.
pub type Keyed = Vec<(String, Item)>;

/// An axis as declared.
#[derive(Clone, Debug)]
pub struct Axis {
    pub name: String,
    /// Where its list is written.
    pub span: Span,
    list: List,
    key: Option<(String, Span)>,
    max: Option<u32>,
}

#[derive(Clone, Debug)]
enum List {
    Constant(Rc<Keyed>),
    /// The path or pattern of a file, which may mention the axes before it.
    File(String),
}

/// Reads one axis. `earlier` are the axes before it, which the path of its list may mention.
pub fn read(entry: &Entry, earlier: &[&str], names: &Names, faults: &mut Faults) -> Option<Axis> {
    let (name, node) = (entry.key.as_str(), &*entry.value);
    let (list, key, max) = match &node.value {
        Content::Map(_) => {
            faults.keys("the key", node, &["in", "key", "max"], &[]);
            let Some(list) = node.get("in") else {
                faults.push(
                    Diagnostic::error("S022", format!("the axis `{name}` has no `in`"), entry.key_span)
                        .label("its list is missing")
                        .help("write a list, or `{ in: [ … ], key: id }`"),
                );
                return None;
            };
            let key = node.get("key").and_then(|key| Some((faults.text("`key`", key)?.to_owned(), key.span)));
            if node.get("key").is_some_and(|key| faults.has(fixed::CODE, key.span)) {
                return None;
            }
            let max = node.get("max").and_then(|max| faults.whole("`max`", max, 1..=INSTANCES_MAX as u64));
            (list.as_ref(), key, max)
        }
        _ => (node, None, None),
    };
    let mut axis = Axis { name: name.to_owned(), span: list.span, list: List::Constant(Rc::default()), key, max };
    axis.list = match items(name, list, earlier, names, faults)? {
        Written::File(text) => List::File(text),
        Written::Items(items) => {
            if items.is_empty() {
                empty(&format!("the axis `{name}`"), list.span, faults);
                return None;
            }
            List::Constant(Rc::new(axis.keyed(&items, &|_| format!("an item of the axis `{name}`"), faults)?))
        }
    };
    Some(axis)
}

impl Axis {
    /// Returns the path or pattern of its list as written; `None` if the list stands in the Storyfile.
    pub fn source(&self) -> Option<&str> {
        match &self.list {
            List::Constant(_) => None,
            List::File(text) => Some(text),
        }
    }

    /// Returns the items of a list that stands in the Storyfile.
    pub fn constant(&self) -> Rc<Keyed> {
        match &self.list {
            List::Constant(items) => Rc::clone(items),
            List::File(_) => Rc::default(),
        }
    }

    /// Returns where the list is for an instance that has these items on the axes before.
    pub fn locate(
        &self,
        text: &str,
        values: &IndexMap<String, Item>,
        names: &Names,
        faults: &mut Faults,
    ) -> Option<ListSource> {
        let text = match values.is_empty() || !text.contains("${") {
            true => names.path(text, self.span, faults)?,
            false => {
                let mut names = names.clone();
                names.roots.extend(values.iter().map(|(name, item)| (name.clone(), item.value())));
                names.path(text, self.span, faults)?
            }
        };
        let (path, pointer) = match text.split_once('#') {
            Some((path, pointer)) => (path.to_owned(), pointer.to_owned()),
            None => (text, String::new()),
        };
        let selector = self.selector(&path, &pointer, faults)?;
        Some(ListSource { axis: self.name.clone(), selector, pointer, max: self.max, span: self.span })
    }

    fn selector(&self, path: &str, pointer: &str, faults: &mut Faults) -> Option<Selector> {
        let folder = path.strip_suffix('/').filter(|folder| !paths::is_pattern(folder));
        if paths::is_pattern(path) || folder.is_some() {
            if !pointer.is_empty() {
                let fault = Diagnostic::error("S044", format!("`{path}#{pointer}` looks into many files"), self.span);
                faults.push(fault.label("a pattern").help("name the one file whose list is meant"));
                return None;
            }
            let pattern = folder.map_or_else(|| path.to_owned(), |folder| format!("{folder}/**"));
            return Some(Selector::Glob { pattern: paths::pattern(&pattern, self.span, faults)?, exclude: Vec::new() });
        }
        let path = paths::parse(path, self.span, faults)?;
        let ending = path.extension().to_ascii_lowercase();
        if !ENDINGS.contains(&ending.as_str()) {
            let fault = Diagnostic::error("S044", format!("`{path}` is no file that holds a list"), self.span);
            let endings = ENDINGS.map(|ending| format!("`.{ending}`")).join(", ");
            faults.push(fault.label("what list is this?").help(format!(
                "a list stands in a file with one of the endings {endings}, or is a pattern such as `notes/*.md`"
            )));
            return None;
        }
        let is_whole = matches!(ending.as_str(), "csv" | "tsv" | "jsonl");
        if is_whole && !pointer.is_empty() || !pointer.is_empty() && !pointer.starts_with('/') {
            let fault = Diagnostic::error("S044", format!("`#{pointer}` finds no list in `{path}`"), self.span);
            faults.push(fault.label("not a pointer into this file").help(match is_whole {
                true => "the lines of this file are the list: leave `#…` out",
                false => "a pointer starts with `/`: `build/outline.json#/chapters`",
            }));
            return None;
        }
        Some(Selector::File(path))
    }

    /// Returns the items of a list that has been read.
    /// `home` is the folder from which files are seen.
    pub fn items_of(&self, source: &ListSource, items: &Items, home: &Home, faults: &mut Faults) -> Option<Keyed> {
        let name = source.name();
        match items {
            Items::Values(values) => {
                let values: Vec<(Value, Span)> = values.iter().map(|value| (value.clone(), self.span)).collect();
                self.keyed(&values, &|index| format!("item {} of `{name}`", index + 1), faults)
            }
            Items::Files(files) => {
                let files: Vec<String> = files.iter().map(|path| home.seen(path.as_str())).collect();
                let part = self.key.as_ref().map_or("stem", |(key, _)| key.as_str());
                let values: Vec<(Value, Span)> =
                    files.iter().map(|path| (Item::File(path.clone()).data(), self.span)).collect();
                let of_part = Axis { key: Some((part.to_owned(), self.span)), ..self.clone() };
                let keyed = of_part.keyed(&values, &|index| format!("`{}`", files[index]), faults)?;
                Some(keyed.into_iter().zip(files).map(|((key, _), path)| (key, Item::File(path.clone()))).collect())
            }
        }
    }

    /// Gives every item its key. `called` names an item by its index.
    fn keyed(&self, items: &[(Value, Span)], called: &dyn Fn(usize) -> String, faults: &mut Faults) -> Option<Keyed> {
        let name = &self.name;
        let is_file = self.source().is_some();
        if let (Some((_, span)), false) = (&self.key, is_file)
            && !items.iter().any(|(item, _)| item.is_object())
        {
            faults.push(
                Diagnostic::error("S087", format!("no item of the axis `{name}` is a map, so none has a key"), *span)
                    .label("names nothing")
                    .help("remove `key`: texts and numbers are their own keys"),
            );
        }
        if self.max.is_some_and(|max| items.len() > max as usize) {
            faults.push(
                Diagnostic::error(
                    "S085",
                    format!("the axis `{name}` has {} items, more than its `max`", items.len()),
                    self.span,
                )
                .label("too many")
                .help("raise `max` if they are all meant"),
            );
            return None;
        }
        let mut seen: HashMap<String, usize> = HashMap::new();
        let mut keyed = Vec::new();
        for (index, (value, span)) in items.iter().enumerate() {
            let Some(key) = key_of(name, value, self.key.as_ref(), &called(index), *span, faults) else { continue };
            match seen.insert(key.clone(), index) {
                None => keyed.push((key, Item::Value(value.clone()))),
                Some(first) if is_file => {
                    let both = format!("{} and {} have the same key `{key}`", called(first), called(index));
                    again(&both, *span, faults);
                }
                Some(_) => twice(&format!("the key `{key}` of the axis `{name}`"), *span, faults),
            }
        }
        (keyed.len() == items.len()).then_some(keyed)
    }
}

/// What stands where a list belongs.
enum Written {
    Items(Vec<(Value, Span)>),
    File(String),
}

fn items(name: &str, list: &Node, earlier: &[&str], names: &Names, faults: &mut Faults) -> Option<Written> {
    match &list.value {
        Content::Seq(items) => {
            let items: Option<Vec<(Value, Span)>> = items
                .iter()
                .map(|item| match item.scalar() {
                    Some(scalar) if !scalar.text.contains("${") => Some((scalar.spelled(), item.span)),
                    _ => match names.field(item, faults)? {
                        Field::Constant(value) => Some((value, item.span)),
                        _ => None,
                    },
                })
                .collect();
            items.map(Written::Items)
        }
        Content::Scalar(scalar) if scalar.text.contains("${") => {
            let roots = expr::roots(&scalar.text);
            if earlier.iter().any(|axis| roots.contains(*axis)) {
                return Some(Written::File(scalar.text.clone()));
            }
            match names.settle(&scalar.text, list.span, faults)? {
                Settled::Value(Value::Array(items)) => {
                    Some(Written::Items(items.into_iter().map(|item| (item, list.span)).collect()))
                }
                _ => Some(Written::File(scalar.text.clone())),
            }
        }
        Content::Scalar(scalar) if !list.is_null() => Some(Written::File(scalar.text.clone())),
        _ => {
            faults.sort(&format!("the axis `{name}`"), "a list", list);
            None
        }
    }
}

/// Returns the key of an item: the value that `key` names, else the item itself.
pub fn key_of(
    axis: &str,
    value: &Value,
    key: Option<&(String, Span)>,
    called: &str,
    span: Span,
    faults: &mut Faults,
) -> Option<String> {
    let found = match (value, key) {
        (Value::Object(map), Some((key, _))) => match map.get(key) {
            Some(value) => inserted(value),
            None => {
                faults.push(
                    Diagnostic::error("S087", format!("{called} has no `{key}`"), span)
                        .label("its key is missing")
                        .help(format!("every item needs its own `{key}`")),
                );
                return None;
            }
        },
        (Value::Object(map), None) => {
            let first = map.keys().next().map_or("id", String::as_str);
            faults.push(
                Diagnostic::error(
                    "S087",
                    format!("the items of the axis `{axis}` are maps: which value names them?"),
                    span,
                )
                .label("a map")
                .help(format!("write `{axis}: {{ in: …, key: {first} }}`")),
            );
            return None;
        }
        (value, _) => inserted(value),
    };
    let key = found.unwrap_or_default();
    if !is_key(&key) {
        let message = match called.starts_with("an item") {
            true => format!("`{key}` cannot be a key of the axis `{axis}`"),
            false => format!("{called} cannot be an item of the axis `{axis}`: `{key}` is no key"),
        };
        faults.push(
            Diagnostic::error("S080", message, span)
                .label("not a key")
                .help("a key has letters of a to z, digits, `.`, `_` and `-`; give maps with a `key:` for other texts"),
        );
        return None;
    }
    Some(key)
}

/// Tells whether a text can name an instance.
pub fn is_key(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        && !text.bytes().all(|byte| byte == b'.')
}

/// Checks the name of an axis.
pub fn check_name(name: &str, span: Span, faults: &mut Faults) {
    let upper = !name.bytes().any(|byte| byte.is_ascii_lowercase());
    if !is_identifier(name) || upper || is_reserved(name) || !expr::is_path(name) {
        let why = if is_reserved(name) { "expressions use this name already" } else { "not a name" };
        faults.push(
            Diagnostic::error("S025", format!("`{name}` cannot name an axis"), span)
                .label(why)
                .help("use small letters, digits and `_`, as in `lang`"),
        );
    }
}

/// Reports a list without items.
pub fn empty(what: &str, span: Span, faults: &mut Faults) {
    faults.push(
        Diagnostic::error("S083", format!("{what} has no item"), span).label("empty").help("give it at least one item"),
    );
}

/// Reports a key that stands twice.
pub fn twice(what: &str, span: Span, faults: &mut Faults) {
    again(&format!("{what} stands twice"), span, faults);
}

fn again(message: &str, span: Span, faults: &mut Faults) {
    faults.push(
        Diagnostic::error("S081", message, span).label("again").help("keys name the instances: each must be its own"),
    );
}
