//! Inputs that a command discovers (R14): read from its depfile after the run, and part of the key from then on.
//!
//! What a stage declares gives its base key. Under that, each run leaves the set of files that it has read; a set with
//! the digests of its files makes the full key. Before a run the known sets are tried in turn.

use crate::base::digest::Digest;
use crate::base::failure::{Cause, Failure};
use crate::base::id::ActionKey;
use crate::base::part;
use crate::base::path::RepoPath;
use crate::base::recipe::{Field, Recipe, Value};
use crate::data::depfile::{self, DepfileFault};
use crate::engine::drive::Drive;
use crate::engine::error::EngineError;
use crate::engine::judge::{Course, Project, Settled};
use crate::engine::settle::{Made, Stamp};
use crate::engine::workflow::What;
use crate::event::kind::Event;
use crate::store::{Maker, Reuse};
use crate::world::disk::Stat;
use std::collections::{BTreeMap, BTreeSet};

/// How many sets of one base key are tried.
const SETS_MAX: usize = 32;

/// How many paths a message names.
const NAMED_MAX: usize = 3;

/// Files that a command has read beside what its stage declares, with their content.
pub type Discovered = BTreeMap<RepoPath, Digest>;

/// What a depfile comes to.
pub struct Reading {
    pub found: Discovered,
    /// A file that changed after the command had begun.
    pub moved: Option<RepoPath>,
    /// Files that nobody watches: they lie outside the repo.
    pub outside: Vec<String>,
}

/// What became of the search for a set that fits.
pub enum Search {
    /// The full recipe.
    Recipe(Recipe),
    /// A file of a set is not known before this action has run.
    Unknown { maker: usize },
}

/// Whether this build has said already that files outside the repo are not watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outside {
    Untold,
    Told,
}

impl Drive<'_> {
    /// Takes what an ended command has read into its recipe; returns a file that changed while it ran.
    pub(super) fn take_discovered(&mut self, action: usize) -> Result<Result<Option<RepoPath>, Failure>, EngineError> {
        let Reading { found, moved, outside } =
            match self.project.read_depfile(action, self.crew.ticket(action).began_ns)? {
                Ok(Some(reading)) => reading,
                Ok(None) => return Ok(Ok(None)),
                Err(failure) => return Ok(Err(failure)),
            };
        if let (Outside::Untold, Some(depfile), false) =
            (self.outside, &self.project.node(action).action.depfile, outside.is_empty())
        {
            self.outside = Outside::Told;
            let message = outside_words(&depfile.path, &outside);
            self.sink.send(&Event::Warned { action: Some(self.id(action)), message });
        }
        let ticket = self.crew.ticket_mut(action);
        let base = ticket.recipe.declared();
        let recipe = full(&base, &found);
        if recipe.key() != ticket.recipe.key() {
            ticket.take = self.project.store.next_take(&recipe.key())?;
            ticket.recipe = recipe;
        }
        if moved.is_none() {
            self.project.save_discovered(&base, &found, &self.stamp)?;
        }
        self.project.discovered.insert(action, found);
        Ok(Ok(moved))
    }
}

impl Project {
    /// Completes the recipe of an action with what it has read before: by the set whose result stands, else by one that
    /// some result is known for, else by the last.
    pub(super) fn with_discovered(
        &mut self,
        action: usize,
        base: Recipe,
        course: &Course<'_>,
    ) -> Result<Search, EngineError> {
        if self.node(action).action.depfile.is_none() {
            return Ok(Search::Recipe(base));
        }
        let name = self.line_name(action);
        let keys: Vec<ActionKey> =
            [self.lock.get(&name), self.state.get(&name)].into_iter().flatten().filter_map(|line| line.key).collect();
        let mut last: Option<(Recipe, Discovered)> = None;
        let mut known: Option<(Recipe, Discovered)> = None;
        for set in self.sets(action, &base)? {
            let makers = set.iter().filter_map(|path| self.workflow.maker_of(path));
            let unknown = makers.into_iter().find(|&maker| course.settled[maker] == Some(Settled::Unknown));
            if let Some(maker) = unknown {
                return Ok(Search::Unknown { maker });
            }
            let found = self.digests_of(&set, course)?;
            let recipe = full(&base, &found);
            let key = recipe.key();
            if keys.contains(&key) {
                self.discovered.insert(action, found);
                return Ok(Search::Recipe(recipe));
            }
            if known.is_none() && !self.store.records(&key)?.is_empty() {
                known = Some((recipe.clone(), found.clone()));
            }
            last.get_or_insert((recipe, found));
        }
        let (recipe, found) = known.or(last).unwrap_or((base, Discovered::new()));
        self.discovered.insert(action, found);
        Ok(Search::Recipe(recipe))
    }

    /// Returns all that an action's command read beside what is declared when what stands was made.
    pub fn once_discovered(&self, action: usize) -> BTreeSet<RepoPath> {
        if self.node(action).action.depfile.is_none() {
            return BTreeSet::new();
        }
        let name = self.line_name(action);
        let lines = [self.lock.get(&name), self.state.get(&name)].into_iter().flatten();
        lines.flat_map(|line| line.inputs.keys()).filter_map(|name| path_of(name)).collect()
    }

    /// Returns the sets that may fit, the likeliest first: what the lines say stands, then what runs have left.
    fn sets(&self, action: usize, base: &Recipe) -> Result<Vec<BTreeSet<RepoPath>>, EngineError> {
        let name = self.line_name(action);
        let declared: BTreeSet<String> = self.node(action).inputs.iter().map(|input| input.what_text()).collect();
        let mut sets: Vec<BTreeSet<RepoPath>> = Vec::new();
        for line in [self.lock.get(&name), self.state.get(&name)].into_iter().flatten() {
            let others = line.inputs.keys().filter(|name| !declared.contains(*name));
            sets.push(others.filter_map(|name| path_of(name)).collect());
        }
        for record in self.store.records(&manifest_key(base))?.iter().take(SETS_MAX) {
            sets.push(files_of(&record.recipe).map(|(path, _)| path).collect());
        }
        let mut seen = BTreeSet::new();
        sets.retain(|set| seen.insert(set.clone()));
        Ok(sets)
    }

    /// A file that is gone is left out: no result was made without it, unless one was.
    fn digests_of(&mut self, set: &BTreeSet<RepoPath>, course: &Course<'_>) -> Result<Discovered, EngineError> {
        let mut found = Discovered::new();
        for path in set {
            let digest = match course.foreseen.get(path) {
                Some(digest) => Some(*digest),
                None => match self.workspace.digest(path) {
                    Err(error) if error.is_no_content() => None,
                    digest => digest?,
                },
            };
            found.extend(digest.map(|digest| (path.clone(), digest)));
        }
        Ok(found)
    }

    /// Reads the depfile that a command has left. `began_ns` is the file system's time from just before it began.
    pub(super) fn read_depfile(
        &mut self,
        action: usize,
        began_ns: i64,
    ) -> Result<Result<Option<Reading>, Failure>, EngineError> {
        let Some(depfile) = self.node(action).action.depfile.clone() else { return Ok(Ok(None)) };
        let place = self.workspace.place(&depfile.path);
        let path = &depfile.path;
        if self.workspace.stat(path)?.is_none() {
            let failure = Failure::new(Cause::Output, format!("the depfile `{path}` was not written"));
            return Ok(Err(
                failure.hint("Let the command write it there, as `gcc -MD -MF` does, or take `depfile` away.")
            ));
        }
        let bytes = self.workspace.disk.read(&place).map_err(|error| EngineError::read(&place, error))?;
        let names = match depfile::parse(&bytes) {
            Ok(names) => names,
            Err(fault) => return Ok(Err(malformed(path, &fault))),
        };
        let mut reading = Reading { found: Discovered::new(), moved: None, outside: Vec::new() };
        for name in names {
            let Some(path) = self.in_repo(action, &name) else {
                reading.outside.push(name);
                continue;
            };
            if self.is_known(action, &path) {
                continue;
            }
            if let Some(failure) = self.foreign_maker(action, &path) {
                return Ok(Err(failure));
            }
            let stats = self.workspace.stats(&path)?;
            let digest = match self.workspace.digest(&path) {
                Err(error) if error.is_no_content() => None,
                digest => digest?,
            };
            // A header that is not there, or a file that the command made and removed: nothing that could change.
            let Some(digest) = digest else { continue };
            // A file's mtime can be set to any time, its ctime cannot.
            let changed = |stat: &Stat| stat.ctime_ns > began_ns;
            if self.workflow.maker_of(&path).is_none() && stats.iter().any(changed) {
                reading.moved.get_or_insert(path.clone());
            }
            reading.found.insert(path, digest);
        }
        Ok(Ok(Some(reading)))
    }

    /// Returns the repo's path of a name in a depfile, which is relative to where the command starts, or absolute.
    fn in_repo(&self, action: usize, name: &str) -> Option<RepoPath> {
        if !name.starts_with('/') {
            return RepoPath::found(&self.node(action).action.home.from_root(name)).ok();
        }
        let root = &self.workspace.root;
        let real = self.workspace.disk.canonical(root).ok();
        let roots = [Some(root.clone()), real].into_iter().flatten();
        let inner =
            roots.into_iter().find_map(|root| name.strip_prefix(&*root.to_string_lossy()).map(str::to_owned))?;
        RepoPath::found(inner.strip_prefix('/')?).ok()
    }

    /// Tells whether a file is declared already, written by the stage itself, or storygen's own.
    fn is_known(&self, action: usize, path: &RepoPath) -> bool {
        let node = self.node(action);
        let own = ["Storyfile.lock", ".storygen"]
            .into_iter()
            .any(|ours| path.as_str().strip_prefix(ours).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')));
        own || node.action.writes().any(|output| path.is_within(&output.path))
            || node.inputs.iter().any(|input| match &input.what {
                What::File(declared) => path == declared,
                What::Tree(declared) => path.is_within(declared),
                What::Part(..) | What::Verdict(_) => false,
            })
    }

    /// Refuses a file that another stage makes without coming first: next time it might not be there.
    fn foreign_maker(&self, action: usize, path: &RepoPath) -> Option<Failure> {
        let maker = self.workflow.maker_of(path)?;
        if self.workflow.requires(action, maker) {
            return None;
        }
        let (id, other) = (&self.node(action).action.id, &self.node(maker).action.id);
        let message = format!("the command has read `{path}`, which `{other}` makes, and `{id}` does not wait for it");
        Some(Failure::new(Cause::Setup, message).hint(format!("Add `{path}` to the `inputs` of the stage.")))
    }

    /// Remembers under the base key that a run has read this set.
    pub(super) fn save_discovered(&self, base: &Recipe, found: &Discovered, stamp: &Stamp) -> Result<(), EngineError> {
        let key = manifest_key(base);
        let paths: BTreeSet<&RepoPath> = found.keys().collect();
        let known = self.store.records(&key)?;
        let newest = known.first().is_some_and(|record| {
            let set: BTreeSet<RepoPath> = files_of(&record.recipe).map(|(path, _)| path).collect();
            set.iter().collect::<BTreeSet<_>>() == paths
        });
        if newest {
            return Ok(());
        }
        let made = Made {
            recipe: &full(&Recipe::default(), found),
            take: 1,
            maker: Maker::Run,
            reusable: Reuse::InputMoved,
            outputs: Vec::new(),
            verdict: None,
            requests: Vec::new(),
            made_by: None,
            warnings: Vec::new(),
            duration_ms: 0,
        };
        self.record_under(key, made, stamp).map(|_| ())
    }
}

/// Adds what was discovered to what is declared.
pub fn full(base: &Recipe, found: &Discovered) -> Recipe {
    let mut recipe = base.clone();
    for (path, digest) in found {
        recipe.discovered(&part::escape(path.as_str()), *digest);
    }
    recipe
}

/// Returns the files that `recipe` has discovered.
pub fn files_of(recipe: &Recipe) -> impl Iterator<Item = (RepoPath, Digest)> {
    recipe.fields().iter().filter_map(|(field, value)| match (field, value) {
        (Field::Discovered, Value::File(name, digest)) => Some((path_of(name)?, *digest)),
        _ => None,
    })
}

/// Says which files outside the repo are not watched.
fn outside_words(path: &RepoPath, outside: &[String]) -> String {
    let named: Vec<String> = outside.iter().take(NAMED_MAX).map(|name| format!("`{name}`")).collect();
    let more = match outside.len().saturating_sub(NAMED_MAX) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("`{path}` names files outside the repo, which nobody watches: {}{more}", named.join(", "))
}

/// Sets of one base key are kept as records under a key of their own, which no result has.
fn manifest_key(base: &Recipe) -> ActionKey {
    ActionKey(Digest::hasher().field(b"storygen discovered 1").field(base.key().0.as_bytes()).finish())
}

fn path_of(name: &str) -> Option<RepoPath> {
    match part::split(name) {
        (path, None) => RepoPath::found(&path).ok(),
        (_, Some(_)) => None,
    }
}

fn malformed(path: &RepoPath, fault: &DepfileFault) -> Failure {
    let place = match fault {
        DepfileFault::Rule { line, column, .. } => format!("{path}:{line}:{column}"),
        DepfileFault::Data(_) | DepfileFault::TooMany => path.to_string(),
    };
    Failure::new(Cause::Output, format!("the depfile `{place}` {fault}"))
        .hint("It is read as make reads it: `target: file file`, a space in a name as `\\ `.")
}
