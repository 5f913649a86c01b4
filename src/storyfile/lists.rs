//! Lists that a fan-out takes from files: where they stand, and what they held when somebody read them.
//!
//! The loader asks for a list by [`ListSource::name`]; who reads the disk answers with [`Items`]. Until then the stage is
//! open: it has no instances, only the patterns of what they will write.

use crate::base::path::RepoPath;
use crate::base::span::Span;
use crate::storyfile::scope::file_item;
use crate::storyfile::story::{OutputSort, Selector};
use crate::storyfile::{expr, story};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A list in a file (`build/outline.json#/chapters`), or the files that a pattern matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListSource {
    /// The axis that it is the list of.
    pub axis: String,
    /// A file or a pattern.
    pub selector: Selector,
    /// The JSON pointer behind `#`, empty for the whole file.
    pub pointer: String,
    /// The most items it may have (`max`).
    pub max: Option<u32>,
    pub span: Span,
}

impl ListSource {
    /// Returns the list's name: its path or pattern with its pointer.
    pub fn name(&self) -> String {
        match &self.selector {
            Selector::File(path) if self.pointer.is_empty() => path.to_string(),
            Selector::File(path) => format!("{path}#{}", self.pointer),
            Selector::Tree(path) => format!("{path}/"),
            Selector::Glob { pattern, .. } => pattern.clone(),
        }
    }

    /// Returns the input that the list is.
    pub fn input(&self) -> story::Input {
        story::Input {
            role: format!("foreach.{}", self.axis),
            selector: self.selector.clone(),
            part: None,
            presence: match self.selector {
                Selector::File(_) => story::Presence::Required,
                // A pattern that matches nothing is an empty list.
                _ => story::Presence::Optional,
            },
            span: self.span,
        }
    }
}

/// What a list held.
#[derive(Clone, Debug, PartialEq)]
pub enum Items {
    Values(Vec<Value>),
    /// Of a pattern, in order.
    Files(Vec<RepoPath>),
}

/// The lists that are known, by name.
pub type Lists = BTreeMap<String, Arc<Items>>;

/// The value of an axis in one instance.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    Value(Value),
    /// A file that a pattern matched, as it is seen from the stage's folder: it reads as its path, and has `.name`, `.stem`,
    /// `.dir` and `.ext`.
    File(String),
}

impl Item {
    /// Returns the item as expressions see it.
    pub fn value(&self) -> minijinja::Value {
        match self {
            Item::Value(value) => expr::from_json(value),
            Item::File(path) => file_item(path),
        }
    }

    /// Returns the item as data: a file as a map of its parts.
    pub fn data(&self) -> Value {
        match self {
            Item::Value(value) => value.clone(),
            Item::File(path) => {
                let file = file_item(path);
                let part = |name: &&str| {
                    let value = file.get_attr(name).unwrap_or_default();
                    ((*name).to_owned(), Value::String(value.to_string()))
                };
                Value::Object(["path", "name", "stem", "dir", "ext"].iter().map(part).collect())
            }
        }
    }
}

/// What the instances of an open fan-out will write: paths in which `*` stands for what only an item says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Territory {
    pub pattern: String,
    pub sort: OutputSort,
}
