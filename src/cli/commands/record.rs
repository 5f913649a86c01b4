//! `storygen build --record`: the answers that a build used, written into a folder of the repo for a script to play.

use crate::base::path::RepoPath;
use crate::cli::args::build::BuildArgs;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::session::Found;
use crate::engine::judge::Project;
use crate::engine::options::Options;
use crate::engine::replay::replay;
use crate::engine::workspace::stays_inside;
use crate::provider::tape::{Tape, is_recorded, may_be_recorded};
use crate::storyfile::story::{ANSWERS_ROLE, Selector};
use crate::world::World;
use crate::world::disk::Sort;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A recording under way.
pub struct Recording {
    root: PathBuf,
    folder: RepoPath,
    tape: Arc<Tape>,
    lost: Vec<String>,
}

impl Recording {
    /// Returns the recording that the command line asks for. Fails where nothing of the kind may be written.
    pub fn of(context: &Context, args: &BuildArgs, found: &Found) -> Result<Option<Recording>, CliError> {
        let Some(dir) = &args.record else { return Ok(None) };
        let typed = dir.to_string_lossy();
        let refused = |why: &str| CliError::Usage {
            message: format!("`--record {typed}`: {why}"),
            hint: Some("Name a folder of the repo for it alone, such as `answers/`.".to_owned()),
        };
        let folder = RepoPath::parse(&found.path(&typed)).map_err(|fault| refused(&fault.to_string()))?;
        let first = folder.as_str().split('/').next().unwrap_or_default();
        if [".storygen", ".git"].iter().any(|ours| first.eq_ignore_ascii_case(ours)) {
            return Err(refused("answers belong to the repo, and this folder does not"));
        }
        let disk = &*context.world.disk;
        let inner = folder.join("x").map_err(|fault| refused(&fault.to_string()))?;
        if !stays_inside(disk, &found.root, &inner) {
            return Err(refused("a symlink leads out of the repo"));
        }
        if disk.stat_following(&folder.under(&found.root)).is_ok_and(|stat| stat.sort != Sort::Dir) {
            return Err(refused("that is a file"));
        }
        let (root, tape) = (found.root.clone(), Arc::default());
        Ok(Some(Recording { root, folder, tape, lost: Vec::new() }))
    }

    /// Refuses a folder that this very build plays: it would change under its own feet.
    pub fn refuse_played(&self, project: &Project) -> Result<(), CliError> {
        let actions = project.workflow.nodes.iter().map(|node| &node.action);
        let mut played = actions.flat_map(|action| &action.inputs).filter(|input| input.role == ANSWERS_ROLE);
        let meets = |path: &RepoPath| path.is_within(&self.folder) || self.folder.is_within(path);
        let is_played = played.any(|input| match &input.selector {
            Selector::File(path) | Selector::Tree(path) => meets(path),
            Selector::Glob { .. } => false,
        });
        match is_played {
            false => Ok(()),
            true => Err(CliError::Usage {
                message: format!("a provider plays the answers of `{}/` in this build", self.folder),
                hint: Some(
                    "Record with the providers whose answers are meant: without the profile that plays them.".into(),
                ),
            }),
        }
    }

    /// Hears what these actions asked.
    pub async fn hear(
        &mut self,
        project: &mut Project,
        world: &World,
        options: &Options,
        actions: &BTreeSet<usize>,
    ) -> Result<(), CliError> {
        let lost = replay(project, world, options, actions, &self.tape).await?;
        self.lost.extend(lost.iter().map(ToString::to_string));
        Ok(())
    }

    /// Writes what was heard, and returns the exit code that it is worth.
    pub fn write(self, context: &Context) -> Result<u8, CliError> {
        let files = self.tape.files().map_err(CliError::Failure)?;
        let place = self.folder.under(&self.root);
        let old = self.recorded_before(&context.world, &place)?;
        let is_new = |name: &&String| !old.contains_key(*name) && context.world.disk.stat(&place.join(name)).is_ok();
        if let Some(foreign) = files.keys().find(is_new) {
            return Err(CliError::Usage {
                message: format!("`{}/{foreign}` was not recorded by storygen and would be replaced", self.folder),
                hint: Some("Move it away, or name another folder. Nothing was recorded.".to_owned()),
            });
        }
        for (name, bytes) in files.iter().filter(|(name, bytes)| old.get(*name) != Some(bytes)) {
            self.put(&context.world, &place.join(name), bytes)?;
        }
        for name in old.keys().filter(|name| !files.contains_key(*name)) {
            let place = place.join(name);
            context.world.disk.remove_file(&place).map_err(|error| CliError::write(&place, &error))?;
        }
        context.say(&format!("recorded {} into {}/", answers(self.tape.count()), self.folder));
        Ok(self.tell_lost(context))
    }

    /// Says whose answers are not among those recorded.
    fn tell_lost(&self, context: &Context) -> u8 {
        if self.lost.is_empty() {
            return 0;
        }
        let names: Vec<String> = self.lost.iter().map(|name| format!("`{name}`")).collect();
        context.say(&format!(
            "warning: the answers of {} are not remembered here: they were not recorded\n  \
             hint: `storygen build --force STAGE --record DIR` asks for them again.",
            names.join(", ")
        ));
        1
    }

    /// Returns what an earlier recording wrote, by its path in the folder.
    fn recorded_before(&self, world: &World, place: &Path) -> Result<BTreeMap<String, Vec<u8>>, CliError> {
        let mut found = BTreeMap::new();
        let mut folders = vec![String::new()];
        while let Some(folder) = folders.pop() {
            let inner = place.join(&folder);
            let listed = match world.disk.list(&inner) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                listed => listed.map_err(|error| CliError::read(&inner, &error))?,
            };
            for entry in listed {
                let name = if folder.is_empty() { entry.name } else { format!("{folder}/{}", entry.name) };
                if entry.sort_is_dir {
                    folders.push(name);
                } else if may_be_recorded(&name) {
                    let file = place.join(&name);
                    let bytes = world.disk.read(&file).map_err(|error| CliError::read(&file, &error))?;
                    if is_recorded(&name, &bytes) {
                        found.insert(name, bytes);
                    }
                }
            }
        }
        Ok(found)
    }

    fn put(&self, world: &World, place: &Path, bytes: &[u8]) -> Result<(), CliError> {
        let folder = place.parent().unwrap_or(place);
        world.disk.create_dirs(folder).map_err(|error| CliError::write(folder, &error))?;
        world.disk.write_durable(place, bytes).map_err(|error| CliError::write(place, &error))
    }
}

fn answers(count: usize) -> String {
    if count == 1 { "1 answer".to_owned() } else { format!("{count} answers") }
}
