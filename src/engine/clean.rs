//! `clean`: removes the outputs that storygen made and nobody edited. Their bytes stay in the store.

use crate::base::path::RepoPath;
use crate::engine::error::EngineError;
use crate::engine::judge::Project;
use crate::engine::publish::save_standing;
use crate::engine::rebuild::{Owner, Standing};
use crate::engine::recover::remove;
use crate::storyfile::story::OutputSort;
use std::collections::BTreeSet;

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
