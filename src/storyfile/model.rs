//! The Storyfile as declared: names and places sorted out, values still as they are written.

use crate::base::path::RepoPath;
use crate::base::span::Span;
use crate::storyfile::home::Home;
use crate::storyfile::prices::Placed;
use crate::storyfile::service::Provider;
use crate::storyfile::tree::{Entry, Node};
use serde_json::{Number, Value};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// What stands in the file, before any expression is evaluated.
#[derive(Clone, Debug, Default)]
pub struct Declared {
    pub name: Option<String>,
    pub description: Option<String>,
    pub params: Vec<Param>,
    pub pools: BTreeMap<String, u32>,
    /// With those that are at fault; their error is already reported.
    pub providers: BTreeMap<String, Option<Provider>>,
    /// The same as they are written, without those that are built in.
    pub provider_texts: BTreeMap<String, Entry>,
    /// Those that nothing in the file names, in its order.
    pub idle_providers: Vec<(String, Span)>,
    pub budget: Option<Placed>,
    /// Programs that `kinds:` names.
    pub kinds: BTreeMap<String, NamedProgram>,
    /// Variables whose value is a secret because a provider uses them.
    pub secrets: BTreeSet<String>,
    pub env: Option<Arc<Node>>,
    pub pass: Option<Arc<Node>>,
    pub defaults: Option<Arc<Node>>,
    pub hooks: Option<Arc<Node>>,
    pub stages: Vec<StageText>,
}

/// A program that `kinds:` gives a name.
#[derive(Clone, Debug)]
pub struct NamedProgram {
    /// `None` if it is no path; its error is already reported.
    pub path: Option<RepoPath>,
    /// Where the name stands.
    pub span: Span,
}

/// A parameter as declared.
#[derive(Clone, Debug)]
pub struct Param {
    pub name: String,
    /// Where a path that is its default starts from.
    pub home: Home,
    pub span: Span,
    pub sort: ParamSort,
    pub default: Option<Arc<Node>>,
    /// The values that it may have; empty for any.
    pub choices: Vec<Value>,
    /// What a number may be.
    pub range: Range,
    pub required: bool,
    /// The question of `--interactive`.
    pub ask: Option<String>,
    pub description: Option<String>,
}

/// The bounds of a number, themselves allowed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Range {
    pub min: Option<Number>,
    pub max: Option<Number>,
}

impl Range {
    /// Tells whether a number is within the bounds.
    pub fn holds(&self, number: &Number) -> bool {
        let value = number.as_f64();
        self.min.as_ref().is_none_or(|min| value >= min.as_f64())
            && self.max.as_ref().is_none_or(|max| value <= max.as_f64())
    }

    /// Returns the bounds in words; nothing if there are none.
    pub fn words(&self) -> Option<String> {
        match (&self.min, &self.max) {
            (Some(min), Some(max)) => Some(format!("from {min} to {max}")),
            (Some(min), None) => Some(format!("{min} or more")),
            (None, Some(max)) => Some(format!("{max} or less")),
            (None, None) => None,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParamSort {
    Text,
    Number,
    Integer,
    Bool,
    List,
    Map,
    /// A file or folder of the repo.
    Path,
}

/// A stage as written; its fields are read when it is lowered.
#[derive(Clone, Debug)]
pub struct StageText {
    /// With the folder's name before it, where it is at home in another.
    pub name: String,
    pub home: Home,
    pub span: Span,
    pub node: Arc<Node>,
    pub defaults: Option<Arc<Node>>,
}

impl StageText {
    /// Finds a stage as this one names it: in its own folder first.
    pub fn resolve(&self, name: &str, index: &HashMap<&str, usize>) -> Option<usize> {
        let own = format!("{}{name}", self.home.prefix());
        index.get(own.as_str()).or_else(|| index.get(name)).copied()
    }

    /// Returns how this stage calls another: without the folder's name, in that folder.
    pub fn calls<'n>(&self, other: &'n StageText) -> &'n str {
        match self.home == other.home {
            true => other.name.strip_prefix(&self.home.prefix()).unwrap_or(&other.name),
            false => &other.name,
        }
    }

    /// Returns a field of the stage, else of `defaults`; `key: ~` in the stage takes the default away.
    pub fn get(&self, key: &str) -> Option<&Arc<Node>> {
        self.node.get(key).or_else(|| self.defaults.as_ref()?.get(key)).filter(|node| !node.is_null())
    }

    /// Returns a field that stands in the stage itself.
    pub fn own(&self, key: &str) -> Option<&Arc<Node>> {
        self.node.get(key).filter(|node| !node.is_null())
    }

    /// Returns where the key of a field stands.
    pub fn key_span(&self, key: &str) -> Span {
        self.node.entries().iter().find(|entry| entry.key == key).map_or(self.span, |entry| entry.key_span)
    }
}
