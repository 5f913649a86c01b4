//! `hooks:`: commands that are told what happens. Reads them; what runs them is the engine's.

use crate::base::diagnostic::Diagnostic;
use crate::base::span::Span;
use crate::storyfile::command::Command;
use crate::storyfile::faults::{Faults, listed};
use crate::storyfile::fields::{check_variable, duration};
use crate::storyfile::home::Home;
use crate::storyfile::lower::env;
use crate::storyfile::model::{Declared, StageText};
use crate::storyfile::run;
use crate::storyfile::settle::Names;
use crate::storyfile::tree::{Content, Entry, Node};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// How long a hook may take that says nothing else.
const TIMEOUT: Duration = Duration::from_secs(30);

/// When a hook is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Moment {
    RunStart,
    RunFinish,
    StageStart,
    StageComplete,
    StageError,
    StageSkip,
}

impl Moment {
    pub const ALL: [Moment; 6] = [
        Moment::RunStart,
        Moment::RunFinish,
        Moment::StageStart,
        Moment::StageComplete,
        Moment::StageError,
        Moment::StageSkip,
    ];

    /// Returns the key under `hooks:`.
    pub fn key(self) -> &'static str {
        match self {
            Moment::RunStart => "run_start",
            Moment::RunFinish => "run_finish",
            Moment::StageStart => "stage_start",
            Moment::StageComplete => "stage_complete",
            Moment::StageError => "stage_error",
            Moment::StageSkip => "stage_skip",
        }
    }

    /// Tells whether it is about the whole run.
    pub fn is_of_the_run(self) -> bool {
        matches!(self, Moment::RunStart | Moment::RunFinish)
    }
}

/// A command that is called.
#[derive(Clone, Debug)]
pub struct Hook {
    pub command: Command,
    /// The folder in which it runs: that of the file which declares it.
    pub home: Home,
    pub demand: Demand,
    pub timeout: Duration,
}

/// What a hook's failure means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Demand {
    /// A warning.
    Optional,
    /// The build, or for `stage_start` the stage, has failed.
    Required,
}

/// Hooks by their moment.
pub type Hooks = BTreeMap<Moment, Hook>;

/// The hooks of the whole file, and what their commands see.
#[derive(Clone, Debug, Default)]
pub struct RunHooks {
    pub hooks: Hooks,
    pub env: BTreeMap<String, String>,
    pub pass: Vec<String>,
}

/// Which moments may stand at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    File,
    Stage,
}

/// Reads the hooks of the whole file.
pub fn of_file(declared: &Declared, names: &Names, faults: &mut Faults) -> RunHooks {
    let mut hooks = Hooks::new();
    for entry in declared.hooks.as_deref().map_or_else(Vec::new, |node| entries(node, Place::File, faults)) {
        hooks.extend(hook(entry, Home::default(), names, faults));
    }
    let mut pass = Vec::new();
    if hooks.is_empty() {
        return RunHooks::default();
    }
    if let Some(node) = declared.pass.as_ref().filter(|node| !node.is_null()) {
        for (name, span) in faults.texts("`pass`", node) {
            check_variable(name, span, faults);
            pass.push(name.to_owned());
        }
    }
    RunHooks { hooks, env: env(declared, &nobody(Span::default()), names, faults), pass }
}

/// Reads the hooks of one instance: its stage's, each in the place of the one under `defaults`.
pub fn of_stage(stage: &StageText, names: &Names, faults: &mut Faults) -> Hooks {
    let defaults = stage.defaults.as_ref().and_then(|defaults| defaults.get("hooks"));
    let mut chosen: BTreeMap<&str, (&Entry, Home)> = BTreeMap::new();
    // `defaults` are the Storyfile's own, also for the stages of other folders.
    for (node, home) in [(defaults, Home::default()), (stage.node.get("hooks"), stage.home.clone())] {
        for entry in node.map_or_else(Vec::new, |node| entries(node, Place::Stage, faults)) {
            chosen.insert(&entry.key, (entry, home.clone()));
        }
    }
    chosen.into_values().filter_map(|(entry, home)| hook(entry, home, names, faults)).collect()
}

fn entries<'n>(node: &'n Node, place: Place, faults: &mut Faults) -> Vec<&'n Entry> {
    if node.is_null() || faults.map("`hooks`", node).is_none() {
        return Vec::new();
    }
    faults.keys("the hook", node, &Moment::ALL.map(Moment::key), &[]);
    let mut fitting = Vec::new();
    for entry in node.entries() {
        match moment(&entry.key) {
            Some(moment) if place == Place::Stage && moment.is_of_the_run() => faults.push(
                Diagnostic::error(
                    "S180",
                    format!("`{}` is about the whole run, not about a stage", entry.key),
                    entry.key_span,
                )
                .label("not here")
                .help(format!(
                    "write it under `hooks:` at the top of the file; here may stand {}",
                    listed(
                        &Moment::ALL
                            .into_iter()
                            .filter(|one| !one.is_of_the_run())
                            .map(Moment::key)
                            .collect::<Vec<_>>()
                    )
                )),
            ),
            Some(_) => fitting.push(entry),
            None => {}
        }
    }
    fitting
}

fn moment(key: &str) -> Option<Moment> {
    Moment::ALL.into_iter().find(|moment| moment.key() == key)
}

/// A stage that says nothing.
fn nobody(span: Span) -> StageText {
    let node = Node { value: Content::Map(Vec::new()), span, size: 1, height: 0 };
    StageText { name: String::new(), span, node: Arc::new(node), defaults: None, home: Home::default() }
}

/// Reads one hook; one without a value takes the default away.
fn hook(entry: &Entry, home: Home, names: &Names, faults: &mut Faults) -> Option<(Moment, Hook)> {
    let moment = moment(&entry.key)?;
    let node = &entry.value;
    if node.is_null() {
        return None;
    }
    let (mut demand, mut timeout, mut run) = (Demand::Optional, TIMEOUT, node);
    if let Content::Map(_) = node.value {
        let before = faults.count();
        faults.keys("the key", node, &["run", "required", "timeout"], &[]);
        let is_slip = faults.count() > before;
        if node.get("required").and_then(|node| faults.truth("`required`", node)) == Some(true) {
            demand = Demand::Required;
        }
        if let Some(limit) = node.get("timeout").and_then(|node| duration("`timeout`", node, faults)) {
            timeout = limit;
        }
        let Some(command) = node.get("run").filter(|node| !node.is_null()) else {
            // A slip in the very word is told already.
            if !is_slip {
                faults.push(
                    Diagnostic::error("S022", format!("the hook `{}` has no `run`", entry.key), entry.key_span)
                        .label("its command is missing")
                        .help("write `{ run: ./scripts/notify.sh, required: true, timeout: 10s }`"),
                );
            }
            return None;
        };
        run = command;
    }
    // A stage's `shell:` is for its own command: what a hook is written in follows from the hook alone.
    let command = run::command(&nobody(entry.key_span), run, names, faults)?;
    Some((moment, Hook { command, home, demand, timeout }))
}
