//! What a Storyfile comes to: its stages made concrete, one [`Action`] for each instance. Plain data.

use crate::base::id::{ActionId, StageId};
use crate::base::money::Budget;
use crate::base::path::RepoPath;
use crate::base::sources::Sources;
use crate::base::span::Span;
use crate::storyfile::command::Command;
use crate::storyfile::condition::Condition;
use crate::storyfile::home::Home;
use crate::storyfile::hooks::{Hooks, RunHooks};
use crate::storyfile::lists::{Item, ListSource, Territory};
use crate::storyfile::lowering::Lowering;
use crate::storyfile::retry::Retry;
use crate::storyfile::row::Row;
use crate::storyfile::service::Provider;
use crate::storyfile::with::With;
use indexmap::IndexMap;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// A loaded Storyfile: every expression that does not read a file is already evaluated.
#[derive(Debug, Default)]
pub struct Story {
    pub name: Option<String>,
    pub description: Option<String>,
    /// The parameters with their values for this load.
    pub params: IndexMap<String, Value>,
    /// Where each is declared.
    pub param_places: Vec<(String, Span)>,
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
    /// Commands that are told of the run, and of every stage.
    pub hooks: RunHooks,
    /// Providers by name; the built-in `local` and `local-voice` are always there.
    pub providers: BTreeMap<String, Provider>,
    /// Providers that nothing in the file names, and where they are declared.
    pub idle_providers: Vec<(String, Span)>,
    /// The most that all stages together may spend.
    pub budget: Option<Budget>,
    /// Every environment variable that the load looked at, set or not: a change of one makes the plan new.
    pub env_used: BTreeSet<String>,
    /// What makes the instances of open fan-outs once their lists are known.
    pub lowering: Lowering,
    /// The same for each row of a batch, by its id.
    pub rows: BTreeMap<String, Lowering>,
}

impl Story {
    /// Joins the stories of rows, which are of one Storyfile and the same values beside the rows.
    pub fn of_rows(stories: impl IntoIterator<Item = Story>) -> Story {
        let mut all: Option<Story> = None;
        for mut story in stories {
            if let Some(row) = story.lowering.row.clone() {
                story.rows.insert(row.id.clone(), std::mem::take(&mut story.lowering));
            }
            match &mut all {
                None => all = Some(story),
                Some(all) => {
                    all.actions.append(&mut story.actions);
                    all.env_used.append(&mut story.env_used);
                    all.rows.append(&mut story.rows);
                }
            }
        }
        all.unwrap_or_default()
    }

    /// Returns the values of the params as an action sees them: each row of a batch has its own.
    pub fn params_of(&self, action: &Action) -> &IndexMap<String, Value> {
        let row = action.row.as_ref().and_then(|row| self.rows.get(&row.id));
        row.map_or(&self.params, |row| &row.params.values)
    }

    /// Returns what makes the instances of an open fan-out.
    pub fn lowering_of(&self, action: &Action) -> &Lowering {
        action.row.as_ref().and_then(|row| self.rows.get(&row.id)).unwrap_or(&self.lowering)
    }

    /// Returns the variables that any provider is told: no command sees them unasked (R20).
    pub fn secrets(&self) -> BTreeSet<String> {
        let services = self.providers.values().filter_map(|provider| match provider {
            Provider::Service(service) => Some(service.variables()),
            _ => None,
        });
        services.flatten().collect()
    }

    /// Returns the texts that the story was read from.
    pub fn sources(&self) -> &Sources {
        self.rows.values().next().unwrap_or(&self.lowering).sources()
    }
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
    /// The places of its stage in the file and of the instance in its stage: their order, whenever they came.
    pub place: (usize, usize),
    /// The folder where its command runs, and from which its paths are seen.
    pub home: Home,
    /// The row of `--batch` that it belongs to: no action reads what another row's writes.
    pub row: Option<Arc<Row>>,
    /// The axes' values of this instance, in the axes' order.
    pub axes: IndexMap<String, Item>,
    /// The item before this one on the last axis; `None` for the first.
    pub previous: Option<Item>,
    pub work: Work,
    /// `when:`; without it the action always takes part.
    pub when: Option<Condition>,
    /// Declared inputs in order, then files that settings or the head of `run:` name.
    pub inputs: Vec<Input>,
    /// Roles of optional inputs that are made of the item before: the first item goes without.
    pub absent: Vec<String>,
    pub outputs: Vec<Output>,
    /// Where the command writes which files it has read. No output: it is read and removed.
    pub depfile: Option<Output>,
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
    /// The most that all instances of its stage together may spend.
    pub budget: Option<Budget>,
    /// Rules that the outputs must satisfy: the settings of the kind `check`.
    pub check: Option<With>,
    pub always: Always,
    pub edits: Edits,
    /// Commands that are told of this stage, beside those of the file.
    pub hooks: Hooks,
    pub salt: Option<String>,
}

impl Action {
    /// Returns an action that reads and writes nothing, with the defaults of all else.
    pub fn new(id: ActionId, stage: StageId, span: Span) -> Action {
        Action {
            id,
            stage,
            span,
            place: (0, 0),
            home: Home::default(),
            row: None,
            axes: IndexMap::new(),
            previous: None,
            work: Work::Fan {
                lists: Vec::new(),
                territories: Vec::new(),
                program: None,
                ahead: Vec::new(),
                draft: None,
            },
            when: None,
            hooks: Hooks::default(),
            inputs: Vec::new(),
            absent: Vec::new(),
            outputs: Vec::new(),
            depfile: None,
            needs: Vec::new(),
            after: Vec::new(),
            env: BTreeMap::new(),
            pass: Vec::new(),
            retry: Retry::default(),
            timeout: None,
            continue_on_error: Tolerance::Fatal,
            pool: None,
            budget: None,
            check: None,
            always: Always::WhenStale,
            edits: Edits::Keep,
            salt: None,
        }
    }

    /// Tells whether this is an open fan-out and not one of its instances.
    pub fn is_fan(&self) -> bool {
        matches!(self.work, Work::Fan { .. })
    }

    /// Returns all that the command writes: its outputs and its depfile.
    pub fn writes(&self) -> impl Iterator<Item = &Output> {
        self.outputs.iter().chain(&self.depfile)
    }
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
    /// An open fan-out: once these lists are known, the instances of the stage take its place.
    Fan {
        lists: Vec<ListSource>,
        territories: Vec<Territory>,
        /// The program that its instances use, with what is known of its settings.
        program: Option<Box<ProgramCall>>,
        /// What every instance reads, as far as no item is needed to tell.
        ahead: Vec<Input>,
        /// Any instance, as far as no item is needed to tell: what is wrong with it is wrong with all. `None` if too little is known.
        draft: Option<Box<Action>>,
    },
    /// `uses: ./program`
    Program(ProgramCall),
}

/// A program of the repo that does the work, and what it is told.
#[derive(Clone, Debug)]
pub struct ProgramCall {
    pub path: RepoPath,
    pub with: With,
    /// Where `uses:` names it.
    pub span: Span,
}

/// The role of the answers of a provider that plays a script, among the inputs of the stages that it works for.
pub const ANSWERS_ROLE: &str = "provider.answers";

/// The role of the program that a stage `uses:`, among the stage's inputs.
pub const PROGRAM_ROLE: &str = "uses.program";

/// An input of an action.
#[derive(Clone, Debug)]
pub struct Input {
    /// The name or index under which expressions find it; for files that a setting names, the setting: `with.template`.
    pub role: String,
    pub selector: Selector,
    /// Of each file only this part is read: what stands behind `#`.
    pub part: Option<String>,
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
