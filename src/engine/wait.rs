//! What an action waits for, in words.

use crate::base::id::ActionId;
use crate::base::path::RepoPath;
use crate::engine::rebuild::Wait;

impl Wait {
    /// Says what is waited for and the ways out.
    pub fn notes(&self, id: &ActionId) -> Vec<String> {
        let discard = format!("`storygen build --discard-edits {id}` makes it anew; what stands is stored first.");
        match self {
            Wait::Edited { paths, reason } => vec![
                format!("{} holds your edit, and the stage is out of date: {reason}.", list(paths)),
                format!("`storygen accept {id}` says that your text is right for today's inputs."),
                discard,
            ],
            Wait::Foreign { paths } => vec![
                format!("{} was not made by storygen and would be replaced.", list(paths)),
                format!("`storygen accept {id}` takes what stands for this stage's result."),
                discard,
            ],
            Wait::EditLost { paths } => vec![
                format!("{} held an edit that is in no cache here.", list(paths)),
                "Bring the file back (from version control or a colleague), or remove the edit:".to_owned(),
                discard,
            ],
            Wait::Misfit { paths } => vec![
                format!("{} is not of the declared sort: a folder where a file belongs, or the reverse.", list(paths)),
                "Move it away, or:".to_owned(),
                discard,
            ],
            Wait::Replaced { of, removed, edited, changes } => {
                let mut notes = vec![format!("Its list is a new one: {removed} of {of} instances are in it no more.")];
                notes.extend(changes.iter().cloned());
                if !edited.is_empty() {
                    let names: Vec<String> = edited.iter().map(|id| format!("`{id}`")).collect();
                    notes.push(format!("{} holds your edit; its file stays where it is.", names.join(", ")));
                }
                notes.push(format!("`storygen accept {id}` takes the new list; or put the old one back."));
                notes
            }
            Wait::Obstructed { paths } => vec![
                format!("{} cannot be written: a file stands where a folder above it belongs.", list(paths)),
                "Move that file away, or let the stage write elsewhere.".to_owned(),
            ],
        }
    }
}

/// Returns paths as a sentence names them.
pub fn list(paths: &[RepoPath]) -> String {
    let names: Vec<String> = paths.iter().map(|path| format!("`{path}`")).collect();
    names.join(", ")
}
