//! What must not change for the next build to have nothing to do (R26): noted while what a build looked at is open, compared
//! at the start of the next, which then opens nothing.

use crate::base::digest::Digest;
use crate::engine::command::STATE_DIR;
use crate::engine::error::EngineError;
use crate::engine::folder::{Outward, list_tree};
use crate::engine::hooks::hear_of_nothing;
use crate::engine::judge::Project;
use crate::engine::open::{LOCK_FILE, Opened};
use crate::engine::snapshot::{self, Quiet};
use crate::engine::workflow::What;
use crate::storyfile::story::OutputSort;
use crate::world::World;
use crate::world::disk::{Sort, Stat};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// What a build looks at; a batch adds to it rows by rows. `None` once it shows that the next build has to look for itself.
pub struct Watch(Option<Seen>);

#[derive(Default)]
struct Seen {
    /// Files and folders; of two looks at one the first stands, for what changed between them was not seen by all.
    watched: BTreeMap<String, Option<Stat>>,
    env: BTreeSet<String>,
    actions: usize,
    edited: usize,
    skipped: usize,
}

/// What a quiet next build has to have in common with this one.
pub struct QuietBasis {
    pub request: Digest,
    /// The Storyfile's name in the root.
    pub storyfile: String,
    /// How many rows a batch has.
    pub rows: usize,
    pub watch: Watch,
}

impl Default for Watch {
    fn default() -> Watch {
        Watch(Some(Seen::default()))
    }
}

impl Watch {
    /// Notes what a build of these actions looked at, and what it made.
    pub fn add(&mut self, project: &Project, actions: &BTreeSet<usize>) {
        let Some(seen) = &mut self.0 else { return };
        let is_told = hear_of_nothing(project, project.skipped.len());
        // What cannot be looked at is told by the next build.
        if is_told || seen.add(project, actions).unwrap_or(Sight::Blurred) == Sight::Blurred {
            self.0 = None;
        }
    }
}

/// Whether what was looked at is what stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sight {
    Clear,
    Blurred,
}

impl Seen {
    fn add(&mut self, project: &Project, actions: &BTreeSet<usize>) -> Result<Sight, EngineError> {
        let disk = &*project.workspace.disk;
        let (mut files, mut trees) = (BTreeSet::new(), BTreeSet::new());
        for &action in actions {
            let node = project.node(action);
            for input in node.inputs.iter().chain(&node.asked) {
                match &input.what {
                    What::File(path) | What::Part(path, _) => drop(files.insert(path.to_string())),
                    What::Tree(path) => drop(trees.insert(path.clone())),
                    What::Verdict(_) => {}
                }
            }
            for path in project.discovered.get(&action).into_iter().flatten().map(|(path, _)| path) {
                match project.workspace.stat(path)? {
                    Some(stat) if stat.sort == Sort::Dir => drop(trees.insert(path.clone())),
                    _ => drop(files.insert(path.to_string())),
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
                self.watched.entry(tree.to_string()).or_insert(stat);
                continue;
            }
            let found = list_tree(disk, &place, Outward::Follow)?;
            // A symlink cannot be changed but by making it anew, which changes its folder.
            let inside = found.folders.iter().map(|folder| tree.within(folder));
            files.extend(std::iter::once(tree.clone()).chain(inside).map(|folder| folder.to_string()));
            files.extend(found.files.iter().map(|(relative, _)| tree.within(relative).to_string()));
        }
        for path in files {
            let stat = disk.stat_following(&project.workspace.root.join(&path)).ok();
            if stat.is_some_and(|stat| !project.workspace.is_as_seen(&path, &stat)) {
                tracing::debug!(path, "changed while the build looked");
                return Ok(Sight::Blurred);
            }
            self.watched.entry(path).or_insert(stat);
        }
        for (folder, stat) in &project.guards {
            self.watched.entry(folder.clone()).or_insert(*stat);
        }
        self.env.extend(project.story.env_used.iter().cloned());
        let lines = actions.iter().filter_map(|&action| project.lock.get(&project.line_name(action)));
        self.edited += lines.map(|line| line.edits.len()).sum::<usize>();
        self.skipped += actions.intersection(&project.skipped).count();
        self.actions += actions.iter().filter(|action| !project.workflow.unfolded.contains_key(action)).count();
        Ok(Sight::Clear)
    }
}

/// Hashes once more what this session wrote: a file that was hashed as it was written could have been written again unseen.
/// One that was written just now still could.
pub fn ripen(opened: &mut Opened) -> Result<(), EngineError> {
    let now_ns = opened.project.store.fs_clock().now_ns()?;
    opened.project.workspace.hash_again(now_ns);
    Ok(())
}

/// Returns what must not change; `None` if something is not to be trusted, or changed already.
pub(super) fn quiet_state(opened: &Opened, world: &World, basis: QuietBasis) -> Result<Option<Quiet>, EngineError> {
    let project = &opened.project;
    let Some(Seen { mut watched, env, actions, edited, skipped }) = basis.watch.0 else { return Ok(None) };
    let memo = project.workspace.memo();
    if memo.racy().any(|path| watched.contains_key(path)) {
        return Ok(None);
    }
    // Content and not stat: when they were read nobody looked at the clock.
    for text in project.story.included.iter().map(ToString::to_string).chain([basis.storyfile]) {
        let place = project.workspace.root.join(&text);
        let stat = world.disk.stat_following(&place).ok();
        if !world.disk.read(&place).is_ok_and(|bytes| opened.sources.holds(&text, &bytes)) {
            return Ok(None);
        }
        watched.insert(text, stat);
    }
    let lock = world.disk.stat_following(&project.workspace.root.join(LOCK_FILE)).ok();
    watched.insert(LOCK_FILE.to_owned(), lock);
    let env = env.into_iter().map(|name| {
        let digest = digest_of(world, &name);
        (name, digest)
    });
    Ok(Some(Quiet {
        request: basis.request,
        env: env.collect(),
        watched: watched.into_iter().collect(),
        on_path: project.on_path.answers(),
        rows: basis.rows,
        actions,
        edited,
        skipped,
    }))
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
        && quiet.on_path.iter().all(|(name, there)| world.has_program(name) == *there)
        && changed.is_none();
    same.then_some(quiet)
}

fn digest_of(world: &World, name: &str) -> Option<Digest> {
    world.env.look_up(name).map(|value| Digest::of(value.as_bytes()))
}
