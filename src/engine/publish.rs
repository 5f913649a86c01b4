//! Moves results between the tree and the store. What stands is never overwritten before its bytes are in some cache.

use crate::base::digest::Digest;
use crate::base::failure::{Cause, Failure};
use crate::base::id::ActionKey;
use crate::base::path::RepoPath;
use crate::engine::command::STATE_DIR;
use crate::engine::error::EngineError;
use crate::engine::folder::{Outward, list_tree};
use crate::engine::judge::Project;
use crate::engine::keep::Kept;
use crate::engine::rebuild::Restore;
use crate::engine::recover::{WORK_DIR, remove};
use crate::engine::workspace::{Workspace, stays_inside};
use crate::store::{
    Author, Materialised, OutputSort as RecordedSort, RecordedOutput, Store, TreeEntry, TreeListing, hash_file,
};
use crate::storyfile::story::{Keep as KeepBytes, Output, OutputSort};
use crate::world::disk::Sort;
use std::path::Path;

/// Whether putting back came to an end.
#[derive(Debug, PartialEq, Eq)]
pub enum Restored {
    Whole,
    /// The bytes of this path turned out to be gone or wrong: a miss, with its reason.
    Missing {
        path: RepoPath,
        reason: String,
    },
}

/// Reads an output at `place`, checks its sort, and stores it.
pub fn store_output(
    workspace: &Workspace,
    store: &Store,
    output: &Output,
    place: &Path,
) -> Result<Result<RecordedOutput, Failure>, EngineError> {
    let disk = &*workspace.disk;
    if let Some(failure) = refused_link(workspace, output, place) {
        return Ok(Err(failure));
    }
    let stat = disk.stat_following(place).map_err(|error| EngineError::read(place, error))?;
    let recorded = |digest, size, sort| RecordedOutput {
        slot: output.slot.clone(),
        path: output.path.to_string(),
        author: Author::Stage,
        digest,
        size,
        sort,
        stored: output.keep == KeepBytes::Bytes,
    };
    match (output.sort, stat.sort) {
        (OutputSort::File, Sort::File) => {
            let (digest, size) = match output.keep {
                KeepBytes::Bytes => store.put_file(place)?,
                KeepBytes::Digest => {
                    let (digest, stat) = hash_file(disk, place)?;
                    (digest, stat.size)
                }
            };
            Ok(Ok(recorded(digest, size, RecordedSort::File { executable: stat.executable })))
        }
        (OutputSort::Tree, Sort::Dir) => {
            let (mut entries, mut size) = (Vec::new(), 0);
            let found = match list_tree(disk, place, Outward::Refuse) {
                Err(error) if error.is_no_content() => return Ok(Err(no_content(output, &error))),
                found => found?,
            };
            for (relative, stat) in &found.files {
                let file = relative.under(place);
                let (digest, bytes) = match output.keep {
                    KeepBytes::Bytes => store.put_file(&file)?,
                    KeepBytes::Digest => {
                        let (digest, stat) = hash_file(disk, &file)?;
                        (digest, stat.size)
                    }
                };
                size += bytes;
                entries.push(TreeEntry { path: relative.clone(), digest, executable: stat.executable });
            }
            let digest = store.put_tree(&found.listing(entries))?;
            Ok(Ok(recorded(digest, size, RecordedSort::Tree)))
        }
        (OutputSort::File, Sort::Dir) => {
            Ok(Err(wrong_sort(output, "a folder", "Write the output as `path/` to mean a whole folder.")))
        }
        (OutputSort::Tree, Sort::File) => {
            Ok(Err(wrong_sort(output, "a file", "Write the output without its last `/` to mean a file.")))
        }
        _ => Ok(Err(wrong_sort(output, "neither a file nor a folder", "Outputs are files or folders."))),
    }
}

fn wrong_sort(output: &Output, found: &str, hint: &str) -> Failure {
    Failure::new(Cause::Output, format!("output `{}` is {found}", output.path)).hint(hint)
}

fn no_content(output: &Output, error: &EngineError) -> Failure {
    let message = format!("the folder `{}/` holds what cannot be kept: {error}", output.path);
    Failure::new(Cause::Output, message)
        .hint("Leave only files, folders, and symlinks that lead to a place in this folder.")
}

/// Tells why a symlink cannot be an output. One that leads to a file of the repo is an output with that content.
fn refused_link(workspace: &Workspace, output: &Output, place: &Path) -> Option<Failure> {
    let disk = &*workspace.disk;
    if !disk.stat(place).is_ok_and(|stat| stat.sort == Sort::Symlink) {
        return None;
    }
    let target = disk.read_link(place).unwrap_or_default();
    let inside = match (disk.canonical(place), disk.canonical(&workspace.root)) {
        (Ok(place), Ok(root)) => place.starts_with(root),
        _ => false,
    };
    let is_file = disk.stat_following(place).is_ok_and(|stat| stat.sort == Sort::File);
    let what = match (inside, is_file) {
        (true, true) => return None,
        (true, false) => "which is no file",
        (false, _) => "which is not in this repo",
    };
    let message = format!("output `{}` is a symlink to `{}`, {what}", output.path, target.display());
    Some(Failure::new(Cause::Output, message).hint("Copy what it leads to."))
}

/// Makes sure that what stands at `path` is in some cache, before it is replaced.
pub fn save_standing(project: &mut Project, path: &RepoPath) -> Result<(), EngineError> {
    let place = project.workspace.place(path);
    let Some(stat) = project.workspace.stat(path)? else { return Ok(()) };
    match stat.sort {
        Sort::File => save_file(project, path),
        Sort::Dir => {
            for (relative, _) in list_tree(&*project.workspace.disk, &place, Outward::Follow)?.files {
                save_file(project, &path.within(&relative))?;
            }
            Ok(())
        }
        _ => Err(EngineError::special(&place)),
    }
}

/// Like [`save_standing`], for what a command left and what is to be removed: what is no content (a pipe, a name that no
/// path can have) is nobody's work and goes.
pub fn save_left(project: &mut Project, path: &RepoPath) -> Result<(), EngineError> {
    match save_standing(project, path) {
        // All that is content in there is still somebody's.
        Err(error) if error.is_no_content() => keep_files(project, &project.workspace.place(path)),
        saved => saved,
    }
}

/// Keeps every file in a folder, whatever else lies between them.
fn keep_files(project: &Project, place: &Path) -> Result<(), EngineError> {
    let disk = &*project.workspace.disk;
    let mut folders = vec![place.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in disk.list(&folder).unwrap_or_default() {
            let inside = folder.join(&entry.name);
            match disk.stat(&inside) {
                Ok(stat) if stat.sort == Sort::Dir => folders.push(inside),
                Ok(stat) if stat.sort == Sort::File => project.keep.put_file(&inside).map(drop)?,
                _ => {}
            }
        }
    }
    Ok(())
}

/// Keeps a person's content at `path`, whatever other caches have.
pub fn keep_standing(project: &Project, path: &RepoPath) -> Result<(), EngineError> {
    let place = project.workspace.place(path);
    match project.workspace.stat(path)? {
        Some(stat) if stat.sort == Sort::File => project.keep.put_file(&place).map(|_| ()),
        Some(stat) if stat.sort == Sort::Dir => {
            let found = list_tree(&*project.workspace.disk, &place, Outward::Follow)?;
            let mut entries = Vec::new();
            for (relative, stat) in &found.files {
                let digest = project.keep.put_file(&relative.under(&place))?;
                entries.push(TreeEntry { path: relative.clone(), digest, executable: stat.executable });
            }
            // With its listing the folder can be put back whole.
            project.store.put_tree(&found.listing(entries))?;
            Ok(())
        }
        _ => Ok(()),
    }
}

fn save_file(project: &mut Project, path: &RepoPath) -> Result<(), EngineError> {
    let known = project.workspace.digest(path)?.is_some_and(|digest| project.store.has(&digest));
    if !known {
        project.keep.put_file(&project.workspace.place(path))?;
    }
    Ok(())
}

/// Puts an earlier result back.
pub fn restore(project: &mut Project, key: ActionKey, restore: &Restore) -> Result<Restored, EngineError> {
    let records = project.store.records(&key)?;
    for (path, digest) in &restore.write {
        let stands = match project.workspace.stat(path)? {
            Some(stat) if stat.sort == Sort::File => project.workspace.digest(path)? == Some(*digest),
            _ => false,
        };
        // A file that only lost its mode is left where it is: it may be in no cache.
        if !stands && let Some(reason) = write_content(project, path, digest)? {
            return Ok(Restored::Missing { path: path.clone(), reason });
        }
        let made = records.iter().flat_map(|record| &record.outputs).find(|output| output.digest == *digest);
        if let Some(made) = made {
            set_mode(project, path, made)?;
        }
    }
    Ok(Restored::Whole)
}

/// Makes a file executable or not, as it was made.
fn set_mode(project: &mut Project, path: &RepoPath, made: &RecordedOutput) -> Result<(), EngineError> {
    let RecordedSort::File { executable } = made.sort else { return Ok(()) };
    if project.workspace.stat(path)?.is_none_or(|stat| stat.executable == executable) {
        return Ok(());
    }
    let (place, disk) = (project.workspace.place(path), &project.workspace.disk);
    let set = if executable { disk.set_executable(&place) } else { disk.clear_executable(&place) };
    set.map_err(|error| EngineError::write(&place, error))?;
    project.workspace.learn(path, made.digest)
}

/// Writes the content `digest` to `path`; returns why it could not be had.
fn write_content(project: &mut Project, path: &RepoPath, digest: &Digest) -> Result<Option<String>, EngineError> {
    make_room(project, path)?;
    if let Some(listing) = project.store.read_tree(digest)? {
        return write_tree(project, path, &listing);
    }
    let place = project.workspace.place(path);
    remove_folder(project, path)?;
    if let Some(reason) = write_file(project, digest, &place)? {
        return Ok(Some(reason));
    }
    project.workspace.learn(path, *digest)?;
    Ok(None)
}

/// Removes a folder that stands where a file goes; what it holds is saved already.
fn remove_folder(project: &Project, path: &RepoPath) -> Result<(), EngineError> {
    let place = project.workspace.place(path);
    match project.workspace.disk.stat(&place) {
        Ok(stat) if stat.sort == Sort::Dir => remove(&*project.workspace.disk, &place),
        _ => Ok(()),
    }
}

/// Writes a file's content to `place` from whichever cache has it; returns why none has.
fn write_file(project: &Project, digest: &Digest, place: &Path) -> Result<Option<String>, EngineError> {
    let Materialised::Missing(reason) = project.store.materialise(digest, place)? else { return Ok(None) };
    match project.keep.read(digest)? {
        Kept::Bytes(bytes) => project.store.write_out(&bytes, place)?,
        Kept::Absent => return Ok(Some(reason.to_string())),
        Kept::Damaged => {
            project.keep.set_aside(digest)?;
            return Ok(Some("what was kept of it is damaged".to_owned()));
        }
    }
    Ok(None)
}

/// Writes a folder beside its place, then swaps it in, so that a kill leaves the old one or the new one.
fn write_tree(project: &mut Project, path: &RepoPath, listing: &TreeListing) -> Result<Option<String>, EngineError> {
    let disk = project.workspace.disk.clone();
    let spare = project.workspace.root.join(STATE_DIR).join(WORK_DIR).join("restore").join(path.as_str());
    remove(&*disk, &spare)?;
    let make = |folder: &Path| disk.create_dirs(folder).map_err(|error| EngineError::write(folder, error));
    make(&spare)?;
    for folder in listing.empty_folders() {
        make(&folder.under(&spare))?;
    }
    for TreeEntry { path: relative, digest, executable } in listing.entries() {
        let place = relative.under(&spare);
        create_parent(&*disk, &place)?;
        if let Some(reason) = write_file(project, digest, &place)? {
            remove(&*disk, &spare)?;
            return Ok(Some(reason));
        }
        if *executable {
            disk.set_executable(&place).map_err(|error| EngineError::write(&place, error))?;
        }
    }
    // Last: nothing is ever written through one of them.
    for (relative, target) in listing.links() {
        let place = relative.under(&spare);
        create_parent(&*disk, &place)?;
        disk.symlink(target, &place).map_err(|error| EngineError::write(&place, error))?;
    }
    let place = project.workspace.place(path);
    save_left(project, path)?;
    remove(&*disk, &place)?;
    disk.rename(&spare, &place).map_err(|error| EngineError::write(&place, error))?;
    Ok(None)
}

/// Saves what stands at `path` and makes the folders above it.
fn make_room(project: &mut Project, path: &RepoPath) -> Result<(), EngineError> {
    check_inside(project, path)?;
    save_left(project, path)?;
    create_parent(&*project.workspace.disk, &project.workspace.place(path))
}

/// Refuses to write through a symlink that leads out of the repo.
pub fn check_inside(project: &Project, path: &RepoPath) -> Result<(), EngineError> {
    if stays_inside(&*project.workspace.disk, &project.workspace.root, path) {
        Ok(())
    } else {
        Err(EngineError::Outside { path: path.clone() })
    }
}

/// Makes the folders above `place`.
pub fn create_parent(disk: &dyn crate::world::disk::Disk, place: &Path) -> Result<(), EngineError> {
    match place.parent() {
        Some(parent) => disk.create_dirs(parent).map_err(|error| EngineError::write(parent, error)),
        None => Ok(()),
    }
}

/// Writes what a kind made. Each file is replaced in one step; the record stands already, so that a kill between two
/// files costs a copy.
pub fn publish_bytes(project: &mut Project, path: &RepoPath, digest: Digest, bytes: &[u8]) -> Result<(), EngineError> {
    make_room(project, path)?;
    remove_folder(project, path)?;
    let place = project.workspace.place(path);
    project.store.write_out(bytes, &place)?;
    project.workspace.learn(path, digest)
}
