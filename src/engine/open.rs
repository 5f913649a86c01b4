//! Opens a project: reads what is remembered, finds what is on disk, builds the graph; and closes it again.

use crate::base::diagnostic::{Diagnostic, Severity};
use crate::base::digest::Digest;
use crate::base::path::RepoPath;
use crate::base::sources::Sources;
use crate::engine::command::STATE_DIR;
use crate::engine::error::EngineError;
use crate::engine::faults::faults_of_actions;
use crate::engine::judge::Project;
use crate::engine::keep::Keep;
use crate::engine::lockfile::Lines;
use crate::engine::named::Named;
use crate::engine::programs::Programs;
use crate::engine::quiet::{QuietBasis, quiet_state};
use crate::engine::recover::foresee;
use crate::engine::skip::OnPath;
use crate::engine::snapshot::{self, Body};
use crate::engine::sources::{Guards, Match, Pattern};
use crate::engine::workflow::{Find, connect};
use crate::engine::workspace::{Workspace, is_absent};
use crate::kind::registry::Registry;
use crate::provider::Providers;
use crate::store::Store;
use crate::storyfile::story::Story;
use crate::world::World;
use crate::world::disk::{Disk, Sort};
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
    /// The texts that the story was read from: the places of faults are in them.
    pub sources: Sources,
    /// Warnings about the Storyfile.
    pub warnings: Vec<Diagnostic>,
    /// Of the state file as it was read.
    pub state_digest: Digest,
    /// Of the lock file as it was read; `None` if there is none.
    pub lock_digest: Option<Digest>,
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
    let state_digest = Digest::of(&state_bytes);
    let Body { memo, lines: mut state_lines, parts } = snapshot::body(&state_bytes);
    drop(state_bytes);
    let lock_place = root.join(LOCK_FILE);
    let lock_text = read_text(&*disk, &lock_place)?;
    let (lock, lock_unread) = Lines::parse(lock_text.as_deref().unwrap_or(""))?;
    let lock_digest = lock_text.map(|text| Digest::of(text.as_bytes()));
    state_lines.share(&lock);
    let named: Named = lock.iter().chain(state_lines.iter()).map(Arc::as_ref).collect();
    let orphans = named.orphans(story.actions.iter());
    let mut finder = Finder { disk: &*disk, root: &root, guards: Guards::new(), error: None };
    let mut faults = faults_of_actions(&story.actions, &story, &registry, &providers);
    let programs = Programs::look(&*disk, &root, &story.actions);
    faults.extend(programs.faults(&story.actions));
    if access == Access::Read {
        faults.extend(programs.unknown(&story.actions));
    }
    let workflow = connect(&mut story, &orphans, &mut finder, &mut faults);
    let (guards, error) = (finder.guards, finder.error);
    if let Some(error) = error {
        return Err(error);
    }
    let (Some(mut workflow), false) = (workflow, faults.iter().any(|fault| fault.severity == Severity::Error)) else {
        return Ok(Err(faults));
    };
    let opened_ns = match access {
        // Nothing is remembered by a command that only reads.
        Access::Read => 0,
        Access::Write => store.fs_clock().now_ns()?,
    };
    let looked = std::mem::take(&mut workflow.looked).into_parts();
    looked.remember(parts);
    let workspace = Workspace::new(disk.clone(), root, memo, looked, opened_ns);
    let keep = Keep::new(disk, state.join("keep"));
    let mut project = Project {
        story,
        workflow,
        workspace,
        store,
        keep,
        lock,
        state: state_lines,
        named,
        registry,
        providers,
        programs,
        env: world.env.clone(),
        guards,
        held: BTreeMap::new(),
        on_path: OnPath::new(world.clone()),
        skipped: BTreeSet::new(),
        discovered: BTreeMap::new(),
    };
    if access == Access::Read {
        foresee(&mut project, &state)?;
    }
    let of_lists = project.unfold_sources()?;
    if of_lists.iter().any(|fault| fault.severity == Severity::Error) {
        return Ok(Err(faults.into_iter().chain(of_lists).collect()));
    }
    Ok(Ok(Opened { project, sources, warnings: faults, state_digest, lock_digest, lock_unread }))
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
    let mut faults = faults_of_actions(&story.actions, &story, registry, providers);
    faults.extend(Programs::look(&*world.disk, root, &story.actions).faults(&story.actions));
    connect(&mut story, &Named::default().orphans([].into_iter()), &mut finder, &mut faults);
    faults
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
    let digest = Digest::of(text.as_bytes());
    let worth_writing = !opened.project.lock.is_empty() || opened.lock_digest.is_some();
    if lock == LockPolicy::Update && worth_writing && opened.lock_digest != Some(digest) {
        opened.project.store.write_out(text.as_bytes(), &root.join(LOCK_FILE))?;
        opened.lock_digest = Some(digest);
    }
    drop(text);
    let quiet = match quiet {
        Some(basis) => quiet_state(opened, world, basis)?,
        None => None,
    };
    let memo = opened.project.workspace.memo();
    let current = memo.iter().map(|(_, _, digest)| *digest).collect();
    let parts = opened.project.workspace.parts.known(&current);
    let bytes = snapshot::encode(quiet.as_ref(), memo, &opened.project.state, &parts);
    if Digest::of(&bytes) != opened.state_digest {
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

/// Looks at the disk for what a graph is built from.
pub(super) struct Finder<'a> {
    pub disk: &'a dyn Disk,
    pub root: &'a Path,
    /// Folders that patterns looked into.
    pub guards: Guards,
    pub error: Option<EngineError>,
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
