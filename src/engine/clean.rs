//! `clean`: removes the outputs that storygen made and nobody edited. Their bytes stay in the store.

use crate::base::id::ActionId;
use crate::base::path::RepoPath;
use crate::engine::error::EngineError;
use crate::engine::judge::Project;
use crate::engine::lockfile::{Line, LineName};
use crate::engine::publish::save_standing;
use crate::engine::rebuild::{Owner, Standing};
use crate::engine::recover::remove;
use crate::storyfile::story::OutputSort;
use crate::world::disk::Sort;
use std::collections::BTreeSet;
use std::sync::Arc;

/// What `clean` finds at an output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// Ours: removed, or to be removed.
    Ours(RepoPath),
    /// A person's: kept.
    Kept(RepoPath),
}

/// Looks at the outputs of `chosen`.
pub fn find(project: &mut Project, chosen: &BTreeSet<usize>) -> Result<Vec<Found>, EngineError> {
    let mut found = Vec::new();
    for &action in chosen {
        for output in project.node(action).action.outputs.clone() {
            match project.workspace.standing(&output.path, output.sort)? {
                // An empty folder is nothing that anybody could miss.
                Standing::Absent
                    if output.sort == OutputSort::Tree && project.workspace.is_empty_folder(&output.path) =>
                {
                    found.push(Found::Ours(output.path));
                }
                Standing::Absent | Standing::Obstructed => {}
                Standing::WrongSort => found.push(Found::Kept(output.path)),
                Standing::Content(digest) => match project.owner(action, &output.path, &digest) {
                    Owner::Ours => found.push(Found::Ours(output.path)),
                    Owner::Edited | Owner::Foreign => found.push(Found::Kept(output.path)),
                },
            }
        }
    }
    Ok(found)
}

/// Returns the lines of actions that are no more, and that wrote what no action writes now: of stages that the Storyfile
/// has not, and of items that their lists have not (R17). Results of other parameters are not among them.
pub fn orphans(project: &Project) -> Vec<LineName> {
    let stages: BTreeSet<&str> = project.story.stages.iter().map(|stage| stage.name.as_str()).collect();
    let now: BTreeSet<&ActionId> = project.workflow.nodes.iter().map(|node| &node.action.id).collect();
    let open: BTreeSet<&str> =
        project.workflow.open_fans().into_iter().map(|fan| project.node(fan).action.stage.as_str()).collect();
    let rows = &project.story.rows;
    let is_gone = |line: &&Line| {
        let stage = line.action.stage();
        let is_here = match &line.row {
            // What stands for rows goes only where rows are, as what stands without any goes only without.
            Some(row) if !rows.is_empty() && !rows.contains_key(row) => return true,
            row => row.is_some() != rows.is_empty(),
        };
        let instance = is_here && line.action.as_str() != stage && !open.contains(stage) && !now.contains(&line.action);
        line.orphan || !stages.contains(stage) || instance
    };
    let is_written = |path: &RepoPath| project.workflow.maker_of(path).is_some();
    let lines = project.lock.iter().map(Arc::as_ref).filter(is_gone).filter(|line| !line.outputs.is_empty());
    lines.filter(|line| !line.outputs.keys().any(is_written)).map(Line::name).collect()
}

/// Looks at what orphans left: what they made, and what somebody made of it.
pub fn find_left(project: &mut Project, orphans: &[LineName]) -> Result<Vec<Found>, EngineError> {
    let mut found = Vec::new();
    for name in orphans {
        let Some(line) = project.lock.get(name).cloned() else { continue };
        for (path, made) in line.outputs.iter() {
            let sort = match project.workspace.stat(path)?.map(|stat| stat.sort) {
                None => continue,
                Some(Sort::Dir) => OutputSort::Tree,
                Some(_) => OutputSort::File,
            };
            let is_ours = match project.workspace.standing(path, sort)? {
                Standing::Content(digest) => {
                    digest == *made && !line.accepted.contains(path) && !line.edits.contains_key(path)
                }
                Standing::Absent => true,
                Standing::WrongSort | Standing::Obstructed => false,
            };
            found.push(if is_ours { Found::Ours(path.clone()) } else { Found::Kept(path.clone()) });
        }
    }
    Ok(found)
}

/// Forgets the orphans of which nothing stands any more.
pub fn forget(project: &mut Project, orphans: &[LineName]) {
    for name in orphans {
        let stands = name.1.iter().any(|path| matches!(project.workspace.stat(path), Ok(Some(_)) | Err(_)));
        if !stands {
            project.lock.remove(name);
            project.state.remove(name);
        }
    }
}

/// Removes what was found to be ours, and the folders that this empties.
pub fn clean(project: &mut Project, found: &[Found]) -> Result<(), EngineError> {
    let disk = project.workspace.disk.clone();
    for path in found.iter().filter_map(|found| match found {
        Found::Ours(path) => Some(path),
        Found::Kept(_) => None,
    }) {
        // `store: false` outputs are in no cache: what is removed can always be had again.
        save_standing(project, path)?;
        remove(&*disk, &project.workspace.place(path))?;
        let mut folder = path.parent();
        while let Some(place) = folder {
            if disk.remove_dir(&project.workspace.place(&place)).is_err() {
                break;
            }
            folder = place.parent();
        }
    }
    Ok(())
}
