//! Looks through a folder: its files, the symlinks that stay in it, its folders and which of them are empty.

use crate::base::path::{PathFault, RepoPath};
use crate::engine::error::EngineError;
use crate::store::{TreeEntry, TreeListing};
use crate::world::disk::{Disk, Sort, Spelling, Stat};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path};

/// What is in a folder, each path relative to it.
#[derive(Debug, Default)]
pub struct Found {
    /// Sorted by path; also those that a symlink from outside the folder leads to.
    pub files: Vec<(RepoPath, Stat)>,
    /// What each symlink says that stays in the folder. Where it leads to, something may be or not.
    pub links: BTreeMap<RepoPath, String>,
    /// All folders below.
    pub folders: BTreeSet<RepoPath>,
}

/// What becomes of a symlink that leads out of the folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outward {
    /// It counts as the file that it leads to: people arrange their sources as they like.
    Follow,
    /// It is an error: what a stage made would come back without what it leads to.
    Refuse,
}

impl Found {
    pub fn is_empty(&self) -> bool {
        self.files.is_empty() && self.links.is_empty() && self.folders.is_empty()
    }

    /// Returns the listing, with the digests of the files.
    pub fn listing(&self, entries: Vec<TreeEntry>) -> TreeListing {
        let names = self.files.iter().map(|(path, _)| path).chain(self.links.keys()).chain(&self.folders);
        let filled: BTreeSet<RepoPath> = names.filter_map(RepoPath::parent).collect();
        let empty = self.folders.difference(&filled).cloned().collect();
        TreeListing::new(entries).with(self.links.clone(), empty)
    }
}

/// Looks through the folder at `place`; symlinked folders are not followed, `.git` and `.storygen` not looked into.
pub fn list_tree(disk: &dyn Disk, place: &Path, outward: Outward) -> Result<Found, EngineError> {
    let mut found = Found::default();
    let mut folders = vec![String::new()];
    while let Some(folder) = folders.pop() {
        let inside = place.join(&folder);
        for entry in disk.list(&inside).map_err(|error| EngineError::read(&inside, error))? {
            if matches!(entry.name.as_str(), ".git" | ".storygen") {
                continue;
            }
            let relative = if folder.is_empty() { entry.name } else { format!("{folder}/{}", entry.name) };
            let path = match entry.spelling {
                Spelling::Exact => RepoPath::found(&relative),
                Spelling::Lossy => Err(PathFault::NotUtf8),
            };
            let path = path.map_err(|fault| EngineError::name(place, &relative, fault))?;
            if entry.sort_is_dir {
                found.folders.insert(path);
                folders.push(relative);
                continue;
            }
            let file = path.under(place);
            if disk.stat(&file).is_ok_and(|stat| stat.sort == Sort::Symlink) {
                let target = disk.read_link(&file).map_err(|error| EngineError::read(&file, error))?;
                if let Some(inward) = inward(&path, &target) {
                    found.links.insert(path, inward);
                    continue;
                }
                if outward == Outward::Refuse {
                    return Err(EngineError::Outward { path: file, target });
                }
            }
            match disk.stat_following(&file) {
                Ok(stat) if stat.sort == Sort::File => found.files.push((path, stat)),
                Ok(_) => return Err(EngineError::special(&file)),
                Err(error) => return Err(EngineError::read(&file, error)),
            }
        }
    }
    found.files.sort_by(|one, two| one.0.cmp(&two.0));
    Ok(found)
}

/// Returns what the symlink at `path` says if that cannot lead out of the folder.
///
/// Only at its start may it go up: `x/..` leads elsewhere than it seems where `x` is itself a symlink.
fn inward(path: &RepoPath, target: &Path) -> Option<String> {
    let mut depth = path.as_str().split('/').count() - 1;
    let mut went_down = false;
    for component in target.components() {
        match component {
            Component::Normal(_) => went_down = true,
            Component::ParentDir if !went_down && depth > 0 => depth -= 1,
            Component::CurDir => {}
            _ => return None,
        }
    }
    target.to_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_link_that_stays_in_the_folder_is_kept_as_one() {
        let stays = |path: &str, target: &str| inward(&RepoPath::parse(path).unwrap(), Path::new(target)).is_some();
        assert!(stays("lnk", "sub/x") && stays("a/b/lnk", "../../c") && stays("lnk", "nowhere") && stays("lnk", "."));
        assert!(!stays("lnk", "/etc/passwd") && !stays("lnk", "../x") && !stays("a/lnk", "../../x"));
        // `p/q` may be a symlink to the top.
        assert!(!stays("a/lnk", "p/q/../../x"));
    }
}
