//! What a Storyfile comes to: its stages made concrete, one [`Action`] for each instance. Plain data.

use crate::base::id::{ActionId, StageId};
use crate::base::path::RepoPath;
use crate::base::span::Span;
use crate::storyfile::command::Command;
use crate::storyfile::home::Home;
use crate::storyfile::with::With;
use indexmap::IndexMap;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// A loaded Storyfile: every expression that does not read a file is already evaluated.
#[derive(Clone, Debug, Default)]
pub struct Story {
    pub name: Option<String>,
    pub description: Option<String>,
    /// The parameters with their values for this load.
    pub params: IndexMap<String, Value>,
    /// Those that are paths: stages of other folders see them from there.
    pub path_params: BTreeSet<String>,
    /// The files that the Storyfile includes.
    pub included: Vec<RepoPath>,
    /// Declared stages in the order of the file.
    pub stages: Vec<Stage>,
    /// All instances, stage by stage, in the axes' order.
    pub actions: Vec<Action>,
    /// Named capacities; a stage's `pool` is one of them.
    pub pools: BTreeMap<String, u32>,
    /// Providers by name; the built-in `local` and `local-voice` are always there.
    pub providers: BTreeMap<String, Provider>,
    /// Every environment variable that the load looked at, set or not: a change of one makes the plan new.
    pub env_used: BTreeSet<String>,
}

/// A declared stage.
#[derive(Clone, Debug)]
pub struct Stage {
    pub name: StageId,
    pub description: Option<String>,
    /// Where its name stands.
    pub span: Span,
}

/// One instance of a stage: the unit of scheduling.
#[derive(Clone, Debug)]
pub struct Action {
    pub id: ActionId,
    pub stage: StageId,
    /// Where the stage's name stands.
    pub span: Span,
    /// The folder where its command runs, and from which its paths are seen.
    pub home: Home,
    /// The axes' values of this instance, in the axes' order.
    pub axes: IndexMap<String, Value>,
    pub work: Work,
    /// Declared inputs in order, then files that settings or the head of `run:` name.
    pub inputs: Vec<Input>,
    pub outputs: Vec<Output>,
    pub needs: Vec<Need>,
    /// Order only: these are finished first, whatever their outcome.
    pub after: Vec<ActionId>,
    /// What the command sees beside the common names; digests of the values are in the recipe.
    pub env: BTreeMap<String, String>,
    /// Variables handed through to the command, not in the recipe.
    pub pass: Vec<String>,
    pub retry: Retry,
    /// Of one attempt.
    pub timeout: Option<Duration>,
    pub continue_on_error: Tolerance,
    pub pool: Option<String>,
    /// Rules that the outputs must satisfy: the settings of the kind `check`.
    pub check: Option<With>,
    pub always: Always,
    pub edits: Edits,
    pub salt: Option<String>,
}

/// How an action is done.
#[derive(Clone, Debug)]
pub enum Work {
    /// `run:`
    Run(Command),
    /// `uses:`, presets already lowered to the kind that they are made of.
    Kind {
        kind: String,
        with: With,
        /// Provider names by what they can do: `text`, `voice`. From the stage, else `defaults`, else the built-in one.
        providers: BTreeMap<String, String>,
    },
}

/// An input of an action.
#[derive(Clone, Debug)]
pub struct Input {
    /// The name or index under which expressions find it; for files that a setting names, the setting: `with.template`.
    pub role: String,
    pub selector: Selector,
    /// Written with a trailing `?`: it may be missing.
    pub presence: Presence,
    pub span: Span,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    Required,
    Optional,
}

/// Which files an input means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selector {
    File(RepoPath),
    /// A whole folder, written `dir/`; the path has no trailing slash.
    Tree(RepoPath),
    /// Files on disk and declared outputs that match, without those that an `exclude` pattern matches.
    Glob {
        pattern: String,
        exclude: Vec<String>,
    },
}

/// A declared output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// Its name, or its index as text.
    pub slot: String,
    pub path: RepoPath,
    pub sort: OutputSort,
    pub keep: Keep,
    pub span: Span,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputSort {
    File,
    /// Written `dir/`: the whole folder is the output.
    Tree,
}

/// Whether an output's bytes are stored (`store: false` keeps only their digest).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    Bytes,
    Digest,
}

/// Stages whose success an action waits for and whose outputs, or verdicts, are its inputs.
#[derive(Clone, Debug)]
pub struct Need {
    pub stage: StageId,
    /// The name under which expressions find it: without the folder's, in that folder.
    pub called: String,
    /// The instance with equal keys, else all instances in order.
    pub actions: Vec<ActionId>,
    pub span: Span,
}

/// What a failed command may do again (`retry:`). Providers have their own rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Retry {
    /// Attempts beyond the first.
    pub max: u32,
    /// Whether a command's exit status other than 0 is retried (`for: [exit]`).
    pub on_exit: OnExit,
    pub delay: Duration,
    pub factor: f64,
    pub max_delay: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnExit {
    Fail,
    Retry,
}

/// `continue_on_error`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tolerance {
    Fatal,
    Tolerated,
}

/// `always: true`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Always {
    WhenStale,
    EveryBuild,
}

/// What happens to an output that a person edited when its stage becomes stale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edits {
    /// The edit stays and the stage waits.
    Keep,
    /// The stage fails.
    Error,
    /// The edit is stored and replaced.
    Discard,
}

/// A declared provider, of a type that this version has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Provider {
    /// The built-in writer.
    Local,
    /// The built-in voice.
    LocalVoice,
}
