//! Everything that may influence an action's outputs, field by field: hashed and explained by one traversal.
//!
//! What is in a recipe, and why (R9): the kind and its behaviour version; the command with its *declared* paths and its
//! shell; every setting of `with:`; every declared environment value; the provider's identity; each input's role, path
//! and content digest, in order; for commands the outputs' paths, for built-in kinds only their slots and formats;
//! `salt`. What is not, and why: a take (it numbers results of one key), notes (they belong to a take), anything of this
//! machine (a clone must find the same key), times, secrets, prices, timeouts, retries, pools, descriptions (none of
//! them shapes an answer).

use super::digest::Digest;
use super::id::ActionKey;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// The version of the recipe's own format: a change makes every key new.
const FORMAT: &str = "storygen recipe 1";

/// Longest text that a manifest keeps literally, in bytes; of longer ones it keeps the digest.
const LITERAL_BYTES_MAX: usize = 120;

/// What a field of a recipe is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Field {
    /// The kind of stage and its behaviour version.
    Kind,
    /// The text of `run:`, its own expressions written with declared paths.
    Command,
    Shell,
    /// A setting under `with:`, by its dotted name.
    With(String),
    /// A value that the stage's text or template takes from elsewhere: `params.tone`, an axis.
    Value(String),
    /// A variable of the command's environment.
    Env(String),
    /// Who does the work.
    Provider,
    /// An input, by its role: a name, an index, or a file that a setting names.
    Input(String),
    /// The outputs' paths or slots.
    Outputs,
    Salt,
    /// What the outputs must satisfy.
    Check,
    /// A file that the command has read without being told to.
    Discovered,
    /// The folder in which the stage is at home, where that is not the Storyfile's.
    Folder,
}

/// The value of one field: the text itself while it is short, else its digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Value {
    Text(String),
    Digest(Digest),
    /// An input's content under its path.
    File(String, Digest),
    /// An optional input that is not there.
    Absent,
}

/// Everything that may influence an action's outputs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipe {
    fields: Vec<(Field, Value)>,
}

impl Recipe {
    /// Adds a text.
    pub fn text(&mut self, field: Field, text: &str) {
        let value = if text.len() <= LITERAL_BYTES_MAX {
            Value::Text(text.to_owned())
        } else {
            Value::Digest(Digest::of(text.as_bytes()))
        };
        self.fields.push((field, value));
    }

    /// Adds the content of an input file, with its path.
    pub fn file(&mut self, role: &str, path: &str, content: Digest) {
        self.fields.push((Field::Input(role.to_owned()), Value::File(path.to_owned(), content)));
    }

    /// Adds the content of a file that the command discovered.
    pub fn discovered(&mut self, path: &str, content: Digest) {
        self.fields.push((Field::Discovered, Value::File(path.to_owned(), content)));
    }

    /// Returns the recipe without what was discovered.
    pub fn declared(&self) -> Recipe {
        Recipe { fields: self.fields.iter().filter(|(field, _)| *field != Field::Discovered).cloned().collect() }
    }

    /// Adds an optional input that is not there.
    pub fn absent(&mut self, role: &str) {
        self.fields.push((Field::Input(role.to_owned()), Value::Absent));
    }

    /// Returns the key: the digest of all fields in order.
    pub fn key(&self) -> ActionKey {
        let mut hasher = Digest::hasher();
        hasher.field(FORMAT.as_bytes());
        for (field, value) in &self.fields {
            let (tag, name) = field.parts();
            hasher.field(&[tag]).field(name.as_bytes());
            match value {
                Value::Text(text) => hasher.field(b"t").field(text.as_bytes()),
                Value::Digest(digest) => hasher.field(b"d").field(digest.as_bytes()),
                Value::File(path, digest) => hasher.field(b"f").field(path.as_bytes()).field(digest.as_bytes()),
                Value::Absent => hasher.field(b"-"),
            };
        }
        ActionKey(hasher.finish())
    }

    /// Returns what differs from an `older` recipe, in this recipe's order; what only the older has comes last. The files
    /// of a list are compared by their paths: one that is gone moves no other.
    ///
    /// The command comes after the inputs, whose paths stand in it.
    pub fn changes_since(&self, older: &Recipe) -> Vec<Change> {
        let (here, there) = (Index::of(self), Index::of(older));
        let mut changes = Vec::new();
        for ((field, new), occurrence) in self.fields.iter().zip(self.occurrences()) {
            match there.counterpart(field, new, occurrence, &here) {
                Some(old) if old == new => {}
                old => changes.push(Change { field: field.clone(), old: old.cloned(), new: Some(new.clone()) }),
            }
        }
        for ((field, old), occurrence) in older.fields.iter().zip(older.occurrences()) {
            if here.counterpart(field, old, occurrence, &there).is_none() {
                changes.push(Change { field: field.clone(), old: Some(old.clone()), new: None });
            }
        }
        let only_derived = changes.iter().all(|change| change.field == Field::Command);
        if only_derived && self.inputs() != older.inputs() || changes.is_empty() && self != older {
            changes.insert(0, Change { field: Field::Input("order".into()), old: None, new: None });
        }
        if changes.iter().any(|change| matches!(change.field, Field::Input(_))) {
            changes.sort_by_key(|change| change.field == Field::Command);
        }
        changes
    }

    /// Returns the fields in order.
    pub fn fields(&self) -> &[(Field, Value)] {
        &self.fields
    }

    fn inputs(&self) -> Vec<&(Field, Value)> {
        self.fields.iter().filter(|(field, _)| matches!(field, Field::Input(_))).collect()
    }

    /// Returns for each field how many equal ones stand before it.
    fn occurrences(&self) -> Vec<usize> {
        let mut counts: BTreeMap<&Field, usize> = BTreeMap::new();
        let count = |(field, _)| {
            let count = counts.entry(field).or_default();
            *count += 1;
            *count - 1
        };
        self.fields.iter().map(|(field, value)| (field, value)).map(count).collect()
    }
}

/// The values of a recipe by their field, for recipes of many inputs.
struct Index<'r> {
    values: BTreeMap<&'r Field, Vec<&'r Value>>,
    files: BTreeMap<(&'r Field, &'r str), &'r Value>,
}

impl<'r> Index<'r> {
    fn of(recipe: &'r Recipe) -> Index<'r> {
        let mut index = Index { values: BTreeMap::new(), files: BTreeMap::new() };
        for (field, value) in &recipe.fields {
            index.values.entry(field).or_default().push(value);
            if let Value::File(path, _) = value {
                index.files.entry((field, path)).or_insert(value);
            }
        }
        index
    }

    /// Returns what stands here for a `value` of the `other` recipe: of a list of files the one with its path, else the
    /// value in the same place.
    fn counterpart(&self, field: &Field, value: &Value, occurrence: usize, other: &Index<'_>) -> Option<&'r Value> {
        let here = self.values.get(field)?;
        // What was discovered has no order, and always counts by its path.
        let is_list = *field == Field::Discovered
            || here.len() > 1
            || other.values.get(field).is_some_and(|values| values.len() > 1);
        match value {
            Value::File(path, _) if is_list => self.files.get(&(field, path.as_str())).copied(),
            _ => here.get(occurrence).copied(),
        }
    }
}

impl Field {
    fn parts(&self) -> (u8, &str) {
        match self {
            Field::Kind => (0, ""),
            Field::Command => (1, ""),
            Field::Shell => (2, ""),
            Field::With(name) => (3, name),
            Field::Value(name) => (4, name),
            Field::Env(name) => (5, name),
            Field::Provider => (6, ""),
            Field::Input(role) => (7, role),
            Field::Outputs => (8, ""),
            Field::Salt => (9, ""),
            Field::Check => (10, ""),
            Field::Discovered => (11, ""),
            Field::Folder => (12, ""),
        }
    }
}

/// One field that differs between two recipes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    pub field: Field,
    pub old: Option<Value>,
    pub new: Option<Value>,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Field::Input(role) = &self.field {
            return input_change(f, "", role, self.old.as_ref(), self.new.as_ref());
        }
        if self.field == Field::Discovered {
            return input_change(f, "discovered ", "", self.old.as_ref(), self.new.as_ref());
        }
        match &self.field {
            Field::Kind => f.write_str("the kind changed")?,
            Field::Command => f.write_str("the command changed")?,
            Field::Shell => f.write_str("the shell changed")?,
            Field::With(name) => write!(f, "`with.{name}` changed")?,
            Field::Value(name) => write!(f, "`{name}` changed")?,
            Field::Env(name) => write!(f, "environment `{name}` changed")?,
            Field::Provider => f.write_str("the provider changed")?,
            Field::Outputs => f.write_str("the declared outputs changed")?,
            Field::Salt => f.write_str("`salt` changed")?,
            Field::Check => f.write_str("`check` changed")?,
            Field::Folder => f.write_str("the stage's folder changed")?,
            Field::Input(_) | Field::Discovered => {}
        }
        match (&self.old, &self.new) {
            // The digest of an environment value stands for it: it may be private.
            (Some(Value::Text(old)), Some(Value::Text(new))) if !matches!(self.field, Field::Env(_)) => {
                let (was, is) = (one_line(old), one_line(new));
                // What differs only in white space is shown with it.
                let (was, is) = if was == is { (spelled(old), spelled(new)) } else { (was, is) };
                write!(f, ": {was} → {is}")
            }
            (None, Some(Value::Text(new))) => write!(f, ": now {}", one_line(new)),
            (Some(Value::Text(old)), None) => write!(f, ": was {}", one_line(old)),
            _ => Ok(()),
        }
    }
}

/// `sort` stands before the word: how the stage has come by the input.
fn input_change(
    f: &mut fmt::Formatter<'_>,
    sort: &str,
    role: &str,
    old: Option<&Value>,
    new: Option<&Value>,
) -> fmt::Result {
    match (old, new) {
        (Some(Value::File(was, old)), Some(Value::File(path, new))) if was == path => {
            write!(f, "{sort}input `{path}` changed ({} → {})", old.short(), new.short())
        }
        (Some(Value::File(was, _)), Some(Value::File(path, _))) => write!(f, "{sort}input `{was}` is now `{path}`"),
        (_, Some(Value::File(path, _))) => write!(f, "{sort}input `{path}` is new"),
        (Some(Value::File(path, _)), _) => write!(f, "{sort}input `{path}` is gone"),
        (None, None) => f.write_str("the order of the inputs changed"),
        _ => write!(f, "{sort}input `{role}` changed"),
    }
}

fn one_line(text: &str) -> String {
    match text.split_whitespace().collect::<Vec<_>>().join(" ") {
        words if words.is_empty() && text.is_empty() => "nothing".to_owned(),
        words if words.is_empty() => spelled(text),
        words => format!("`{words}`"),
    }
}

fn spelled(text: &str) -> String {
    format!("`{text:?}`")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recipe(temperature: &str, idea: &[u8]) -> Recipe {
        let mut recipe = Recipe::default();
        recipe.text(Field::Kind, "prompt 1");
        recipe.text(Field::With("temperature".into()), temperature);
        recipe.file("idea", "build/idea.json", Digest::of(idea));
        recipe
    }

    #[test]
    fn equal_recipes_have_equal_keys() {
        assert_eq!(recipe("0.7", b"a").key(), recipe("0.7", b"a").key());
        assert_ne!(recipe("0.7", b"a").key(), recipe("0.8", b"a").key());
        assert_ne!(recipe("0.7", b"a").key(), recipe("0.7", b"b").key());
    }

    #[test]
    fn the_explanation_names_what_changed_and_nothing_else() {
        let changes = recipe("0.8", b"a").changes_since(&recipe("0.7", b"a"));
        let words: Vec<String> = changes.iter().map(Change::to_string).collect();
        assert_eq!(words, ["`with.temperature` changed: `0.7` → `0.8`"]);
    }

    #[test]
    fn a_changed_input_is_named_by_its_path() {
        let changes = recipe("0.7", b"b").changes_since(&recipe("0.7", b"a"));
        assert!(changes[0].to_string().starts_with("input `build/idea.json` changed ("), "{}", changes[0]);
    }

    fn list(paths: &[&str]) -> Recipe {
        let mut recipe = Recipe::default();
        recipe.text(Field::Command, &format!("cat {}", paths.join(" ")));
        paths.iter().for_each(|path| recipe.file("0", path, Digest::of(path.as_bytes())));
        recipe
    }

    fn told(new: &Recipe, old: &Recipe) -> Vec<String> {
        new.changes_since(old).iter().map(Change::to_string).collect()
    }

    #[test]
    fn a_file_that_leaves_a_list_or_joins_it_is_all_that_is_told() {
        let changed = "the command changed: `cat a b c` → `cat a c`";
        assert_eq!(told(&list(&["a", "c"]), &list(&["a", "b", "c"])), ["input `b` is gone", changed]);
        let words = told(&list(&["a", "b", "c"]), &list(&["a", "c"]));
        assert_eq!(words[0], "input `b` is new");
        assert_eq!(told(&list(&["b"]), &list(&["a"]))[0], "input `a` is now `b`");
        let words = told(&list(&["b", "a"]), &list(&["a", "b"]));
        assert_eq!(words[0], "the order of the inputs changed");
    }

    #[test]
    fn what_is_hard_to_see_is_spelled_out() {
        let with = |value: &str| {
            let mut recipe = Recipe::default();
            recipe.text(Field::With("tone".into()), value);
            recipe
        };
        assert_eq!(told(&with("5"), &with("")), ["`with.tone` changed: nothing → `5`"]);
        assert_eq!(told(&with("a\n b"), &with("a b")), ["`with.tone` changed: `\"a b\"` → `\"a\\n b\"`"]);
    }

    #[test]
    fn equal_keys_never_have_changes_and_different_keys_always_do() {
        let (mut one, mut two) = (Recipe::default(), Recipe::default());
        for path in ["a", "b"] {
            one.file("0", path, Digest::of(path.as_bytes()));
        }
        for path in ["b", "a"] {
            two.file("0", path, Digest::of(path.as_bytes()));
        }
        assert_ne!(one.key(), two.key());
        assert!(!one.changes_since(&two).is_empty());
        assert!(one.changes_since(&one.clone()).is_empty());
    }

    #[test]
    fn an_environment_value_is_never_shown() {
        let with = |value: &str| {
            let mut recipe = Recipe::default();
            recipe.text(Field::Env("SITE".into()), value);
            recipe
        };
        let changes = with("staging").changes_since(&with("live"));
        assert_eq!(changes[0].to_string(), "environment `SITE` changed");
    }
}
