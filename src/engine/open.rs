//! Opens a project: reads what is remembered, finds what is on disk, builds the graph; and closes it again.

use crate::base::diagnostic::{Diagnostic, Severity};
use crate::base::digest::Digest;
use crate::base::path::RepoPath;
use crate::base::sources::Sources;
use crate::engine::command::STATE_DIR;
use crate::engine::error::EngineError;
use crate::engine::faults::faults_of_stages;
use crate::engine::folder::{Outward, list_tree};
use crate::engine::judge::Project;
use crate::engine::keep::Keep;
use crate::engine::lockfile::{Line, Lines};
use crate::engine::recover::foresee;
use crate::engine::snapshot::{self, Body, Quiet};
use crate::engine::sources::{Guards, Match, Pattern};
use crate::engine::workflow::{Find, What, connect};
use crate::engine::workspace::{Workspace, is_absent};
use crate::kind::registry::Registry;
use crate::provider::Providers;
use crate::store::Store;
use crate::storyfile::story::{OutputSort, Story};
use crate::world::World;
use crate::world::disk::{Disk, Sort, Stat};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The committed lock file's name.
pub const LOCK_FILE: &str = "Storyfile.lock";

/// Whether a command changes anything in the repo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    Read,
    Write,
}

/// What opening needs.
pub struct Opening {
    pub world: World,
    /// The Storyfile's folder.
    pub root: PathBuf,
    pub story: Story,
    /// The texts that the story was read from.
    pub sources: Sources,
    pub registry: Arc<Registry>,
    pub providers: Providers,
    pub access: Access,
}

/// An opened project and what the plan was built from.
pub struct Opened {
    pub project: Project,
    /// Folders that patterns looked into.
    pub guards: Guards,
    /// The texts that the story was read from: the places of faults are in them.
    pub sources: Sources,
    /// Warnings about the Storyfile.
    pub warnings: Vec<Diagnostic>,
    /// The state file as it was read.
    pub state_bytes: Vec<u8>,
    /// The lock file as it was read; `None` if there is none.
    pub lock_text: Option<String>,
    /// How many lines of the lock could not be read.
    pub lock_unread: usize,
}

/// Opens a project. `Ok(Err(…))` are the faults of the user's text.
pub fn open(opening: Opening) -> Result<Result<Opened, Vec<Diagnostic>>, EngineError> {
    let Opening { world, root, mut story, sources, registry, providers, access } = opening;
    let disk = world.disk.clone();
    let state = root.join(STATE_DIR);
    let store = match access {
        Access::Read => Store::open_existing(disk.clone(), state.clone())?,
        Access::Write => Store::open(disk.clone(), state.clone())?,
    };
    let state_bytes = read_or_empty(&*disk, &state.join("state"))?;
    let Body { memo, lines } = snapshot::body(&state_bytes);
    let lock_place = root.join(LOCK_FILE);
    let lock_text = read_text(&*disk, &lock_place)?;
    let (lock, lock_unread) = Lines::parse(lock_text.as_deref().unwrap_or(""))?;
    let mut state_lines = Lines::default();
    lines.into_iter().for_each(|line| state_lines.insert(line));
    let made = lock.iter().chain(state_lines.iter()).flat_map(Line::made);
    let named = made.map(|(path, digest)| (path.clone(), *digest)).collect();
    let orphans = orphans(&story, lock.iter().chain(state_lines.iter()));
    let mut finder = Finder { disk: &*disk, root: &root, guards: Guards::new(), error: None };
    let mut faults = faults_of_stages(&story, &registry, &providers);
    let workflow = connect(&mut story, &orphans, &mut finder, &mut faults);
    let (guards, error) = (finder.guards, finder.error);
    if let Some(error) = error {
        return Err(error);
    }
    let (Some(workflow), false) = (workflow, faults.iter().any(|fault| fault.severity == Severity::Error)) else {
        return Ok(Err(faults));
    };
    let opened_ns = match access {
        // Nothing is remembered by a command that only reads.
        Access::Read => 0,
        Access::Write => store.fs_clock().now_ns()?,
    };
    let workspace = Workspace::new(disk.clone(), root, memo, opened_ns);
    let keep = Keep::new(disk, state.join("keep"));
    let mut project =
        Project { story, workflow, workspace, store, keep, lock, state: state_lines, named, registry, providers };
    if access == Access::Read {
        foresee(&mut project, &state)?;
    }
    Ok(Ok(Opened { project, guards, sources, warnings: faults, state_bytes, lock_text, lock_unread }))
}

/// Finds the faults that show only in a story as a whole: settings that its kinds refuse, missing inputs, cycles.
pub fn faults_of(
    world: &World,
    root: &Path,
    mut story: Story,
    registry: &Registry,
    providers: &Providers,
) -> Vec<Diagnostic> {
    let mut finder = Finder { disk: &*world.disk, root, guards: Guards::new(), error: None };
    let mut faults = faults_of_stages(&story, registry, providers);
    connect(&mut story, &BTreeSet::new(), &mut finder, &mut faults);
    faults
}

/// Files that lines name for actions that are no more: no pattern finds them (R17).
fn orphans<'a>(story: &Story, lines: impl Iterator<Item = &'a Line>) -> BTreeSet<String> {
    let declared: BTreeSet<&RepoPath> =
        story.actions.iter().flat_map(|action| action.outputs.iter().map(|output| &output.path)).collect();
    lines
        .flat_map(|line| line.outputs.keys())
        .filter(|path| !declared.contains(path))
        .map(ToString::to_string)
        .collect()
}

/// Writes down what stands: the lock file (unless `locked`), and the state file with what makes the next build quiet.
pub fn close(
    opened: &mut Opened,
    world: &World,
    lock: LockPolicy,
    quiet: Option<QuietBasis>,
) -> Result<(), EngineError> {
    let root = opened.project.workspace.root.clone();
    let text = opened.project.lock.print();
    let had_lock = opened.lock_text.as_deref();
    let worth_writing = !opened.project.lock.is_empty() || had_lock.is_some();
    if lock == LockPolicy::Update && worth_writing && had_lock != Some(&text) {
        opened.project.store.write_out(text.as_bytes(), &root.join(LOCK_FILE))?;
        opened.lock_text = Some(text);
    }
    let quiet = match quiet {
        Some(basis) => quiet_state(opened, world, basis)?,
        None => None,
    };
    let body =
        Body { memo: opened.project.workspace.memo().clone(), lines: opened.project.state.iter().cloned().collect() };
    let bytes = snapshot::encode(quiet.as_ref(), &body);
    if bytes != opened.state_bytes {
        opened.project.store.write_out(&bytes, &root.join(STATE_DIR).join("state"))?;
    }
    Ok(())
}

/// Whether the lock file follows what stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockPolicy {
    Update,
    Leave,
}

/// What a quiet next build has to have in common with this one.
pub struct QuietBasis {
    pub request: Digest,
    /// The Storyfile's name in the root.
    pub storyfile: String,
    pub actions: BTreeSet<usize>,
}

/// Collects what must not change; `None` if some digest is not yet to be trusted.
fn quiet_state(opened: &Opened, world: &World, basis: QuietBasis) -> Result<Option<Quiet>, EngineError> {
    let project = &opened.project;
    let disk = &*world.disk;
    let mut watched: BTreeMap<String, Option<Stat>> = BTreeMap::new();
    let mut files = BTreeSet::from([basis.storyfile.clone(), LOCK_FILE.to_owned()]);
    files.extend(project.story.included.iter().map(ToString::to_string));
    let mut trees = BTreeSet::new();
    for &action in &basis.actions {
        let node = project.node(action);
        for input in &node.inputs {
            match &input.what {
                What::File(path) => drop(files.insert(path.to_string())),
                What::Tree(path) => drop(trees.insert(path.clone())),
                What::Verdict(_) => {}
            }
        }
        for output in &node.action.outputs {
            match output.sort {
                OutputSort::File => drop(files.insert(output.path.to_string())),
                OutputSort::Tree => drop(trees.insert(output.path.clone())),
            }
        }
    }
    for tree in trees {
        let place = project.workspace.place(&tree);
        let stat = disk.stat_following(&place).ok();
        // What is no folder any more is told by the next build.
        if stat.is_none_or(|stat| stat.sort != Sort::Dir) {
            watched.insert(tree.to_string(), stat);
            continue;
        }
        let found = list_tree(disk, &place, Outward::Follow)?;
        // A symlink cannot be changed but by making it anew, which changes its folder.
        watched.insert(tree.to_string(), disk.stat_following(&place).ok());
        for inside in found.folders.iter().map(|folder| tree.within(folder)) {
            watched.insert(inside.to_string(), disk.stat_following(&project.workspace.place(&inside)).ok());
        }
        files.extend(found.files.iter().map(|(relative, _)| tree.within(relative).to_string()));
    }
    let unsure: BTreeSet<&str> = project.workspace.memo().racy().collect();
    for file in files {
        if unsure.contains(file.as_str()) {
            return Ok(None);
        }
        let stat = disk.stat_following(&project.workspace.root.join(&file)).ok();
        watched.insert(file, stat);
    }
    watched.extend(opened.guards.iter().map(|(folder, stat)| (folder.clone(), *stat)));
    let env = project.story.env_used.iter().map(|name| (name.clone(), digest_of(world, name))).collect();
    let edited = basis
        .actions
        .iter()
        .filter_map(|&action| project.lock.get(&project.line_name(action)))
        .map(|line| line.edits.len())
        .sum();
    let watched = watched.into_iter().collect();
    Ok(Some(Quiet { request: basis.request, env, watched, actions: basis.actions.len(), edited }))
}

/// Tells whether a build of `request` would do nothing: nothing that the last one looked at has changed. Opens no store,
/// parses nothing, writes nothing.
pub fn is_quiet(world: &World, root: &Path, request: &Digest) -> Option<Quiet> {
    let state = root.join(STATE_DIR);
    let quiet = snapshot::quiet(&world.disk.read(&state.join("state")).ok()?)?;
    // An attempt that a killed run left open has to be rolled back first.
    let attempts = world.disk.stat(&state.join("attempts")).map_or(0, |stat| stat.size);
    let changed = quiet
        .watched
        .iter()
        .find(|(path, stat)| world.disk.stat_following(&root.join(path)).ok() != *stat)
        .map(|(path, _)| path.as_str());
    tracing::debug!(same_request = quiet.request == *request, attempts, changed, "looked for changes");
    let same = quiet.request == *request
        && attempts == 0
        && quiet.env.iter().all(|(name, digest)| digest_of(world, name) == *digest)
        && changed.is_none();
    same.then_some(quiet)
}

fn digest_of(world: &World, name: &str) -> Option<Digest> {
    world.env.look_up(name).map(|value| Digest::of(value.as_bytes()))
}

fn read_or_empty(disk: &dyn Disk, place: &Path) -> Result<Vec<u8>, EngineError> {
    match disk.read(place) {
        Ok(bytes) => Ok(bytes),
        // State is disposable: whatever keeps it from being read, the build goes on without it.
        Err(_) => Ok(Vec::new()),
    }
}

fn read_text(disk: &dyn Disk, place: &Path) -> Result<Option<String>, EngineError> {
    match disk.read(place) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if is_absent(&error) => Ok(None),
        Err(error) => Err(EngineError::read(place, error)),
    }
}

struct Finder<'a> {
    disk: &'a dyn Disk,
    root: &'a Path,
    guards: Guards,
    error: Option<EngineError>,
}

impl Find for Finder<'_> {
    fn glob(&mut self, pattern: &Pattern) -> Vec<Match> {
        pattern.find(self.disk, self.root, &mut self.guards).unwrap_or_else(|error| {
            self.error = Some(EngineError::read(&self.root.join(pattern.base()), error));
            Vec::new()
        })
    }

    fn read(&mut self, path: &RepoPath) -> Option<Vec<u8>> {
        self.disk.read(&path.under(self.root)).ok()
    }

    fn sort(&mut self, path: &RepoPath) -> Option<Sort> {
        self.disk.stat_following(&path.under(self.root)).ok().map(|stat| stat.sort)
    }
}
