//! The Storyfile as declared: names and places sorted out, values still as they are written.

use crate::base::path::RepoPath;
use crate::base::span::Span;
use crate::storyfile::story::Provider;
use crate::storyfile::tree::Node;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What stands in the file, before any expression is evaluated.
#[derive(Clone, Debug, Default)]
pub struct Declared {
    pub name: Option<String>,
    pub description: Option<String>,
    pub params: Vec<Param>,
    pub pools: BTreeMap<String, u32>,
    /// With the types that this version does not have; their error is already reported.
    pub providers: BTreeMap<String, Option<Provider>>,
    /// Programs that `kinds:` names.
    pub kinds: BTreeMap<String, NamedProgram>,
    /// Variables whose value is a secret because a provider uses them.
    pub secrets: BTreeSet<String>,
    pub env: Option<Arc<Node>>,
    pub pass: Option<Arc<Node>>,
    pub defaults: Option<Arc<Node>>,
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
    pub span: Span,
    pub sort: ParamSort,
    pub default: Option<Arc<Node>>,
    /// The values that it may have; empty for any.
    pub choices: Vec<Value>,
    pub required: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParamSort {
    Text,
    Number,
    Integer,
    Bool,
    List,
    Map,
}

/// A stage as written; its fields are read when it is lowered.
#[derive(Clone, Debug)]
pub struct StageText {
    pub name: String,
    pub span: Span,
    pub node: Arc<Node>,
    pub defaults: Option<Arc<Node>>,
}

impl StageText {
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
