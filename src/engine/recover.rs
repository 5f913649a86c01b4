//! Puts the tree right after a run that was killed (R5): what a command left half-written is kept aside and what stood
//! before comes back.

use crate::base::path::RepoPath;
use crate::engine::attempts::{Attempt, left_open};
use crate::engine::error::EngineError;
use crate::engine::judge::Project;
use crate::engine::publish::save_standing;
use crate::engine::rebuild::Standing;
use crate::engine::workspace::is_absent;
use crate::event::kind::Event;
use crate::event::sink::Sink;
use crate::storyfile::story::OutputSort;
use crate::world::disk::{Disk, Sort};
use crate::world::process::{Signal, signal_group, start_time};
use std::path::{Path, PathBuf};

/// Makes room in the state folder where a file stands for a folder, or a folder for a file: what is in there can be had
/// again, and nothing in it may ever wedge a build.
pub fn make_usable(disk: &dyn Disk, dir: &Path) -> Result<(), EngineError> {
    for name in ["attempts", "clock", "lock", "state"] {
        let place = dir.join(name);
        if disk.stat_following(&place).is_ok_and(|stat| stat.sort == Sort::Dir) {
            remove(disk, &place)?;
        }
    }
    for name in ["keep", "runs", WORK_DIR] {
        let place = dir.join(name);
        let stands = disk.stat(&place).is_ok();
        if stands && !disk.stat_following(&place).is_ok_and(|stat| stat.sort == Sort::Dir) {
            remove(disk, &place)?;
        }
    }
    Ok(())
}

/// Rolls back every attempt that a dead run left open. Called under the exclusive lock, before anything is judged.
pub fn recover(project: &mut Project, dir: &Path, sink: &dyn Sink) -> Result<(), EngineError> {
    let journal = dir.join("attempts");
    let Ok(bytes) = project.workspace.disk.read(&journal) else { return Ok(()) };
    let left = left_open(&bytes);
    for (number, attempt) in &left {
        end_group(attempt);
        let place = attempt_dir(dir, *number);
        let mut kept = Vec::new();
        for path in &attempt.outputs {
            if roll_back(project, attempt, path, &place)? {
                kept.push(path.to_string());
            }
        }
        sink.send(&Event::AttemptRecovered { action: attempt.action.clone(), kept });
    }
    let disk = &project.workspace.disk;
    let tmp = dir.join(WORK_DIR);
    if disk.stat(&tmp).is_ok() {
        disk.remove_tree(&tmp).map_err(|error| EngineError::write(&tmp, error))?;
    }
    if !bytes.is_empty() {
        disk.write(&journal, b"").map_err(|error| EngineError::write(&journal, error))?;
    }
    Ok(())
}

/// The folder of all attempts, in the state folder.
pub const WORK_DIR: &str = "work";

/// Returns an attempt's own folder.
pub fn attempt_dir(dir: &Path, number: u64) -> PathBuf {
    dir.join(WORK_DIR).join(number.to_string())
}

/// A group whose leader started at another time is a stranger that got the same number.
fn end_group(attempt: &Attempt) {
    if let Some((group, started)) = attempt.group
        && start_time(group) == Some(started)
    {
        signal_group(group, Signal::Kill);
    }
}

/// Returns whether something torn was kept aside.
fn roll_back(
    project: &mut Project,
    attempt: &Attempt,
    path: &RepoPath,
    attempt_dir: &Path,
) -> Result<bool, EngineError> {
    let prev = attempt_dir.join("prev").join(path.as_str());
    let place = project.workspace.place(path);
    let disk = project.workspace.disk.clone();
    let stood_before = match disk.stat(&prev) {
        Ok(_) => true,
        // Killed before it was set aside, or after it came back: what stands is what stood before.
        Err(error) if is_absent(&error) && attempt.moved.contains(path) => return Ok(false),
        Err(error) if is_absent(&error) => false,
        Err(error) => return Err(EngineError::read(&prev, error)),
    };
    let mut kept = false;
    if let Ok(stat) = disk.stat(&place) {
        let sort = if stat.sort == Sort::Dir { OutputSort::Tree } else { OutputSort::File };
        let standing = match project.workspace.standing(path, sort) {
            // No content, and so nothing that could be kept: a pipe, a name that no path can have.
            Err(error) if error.is_no_content() => Standing::WrongSort,
            standing => standing?,
        };
        match standing {
            // The attempt was over but for its closing: its result is recorded and stands.
            Standing::Content(digest) if project.store.vouches_for(&digest) => return Ok(false),
            Standing::Content(_) => {
                save_standing(project, path)?;
                kept = true;
            }
            Standing::Absent | Standing::WrongSort => {}
        }
        remove(&*disk, &place)?;
    }
    if stood_before {
        disk.rename(&prev, &place).map_err(|error| EngineError::write(&place, error))?;
    }
    Ok(kept)
}

/// Removes whatever stands at `place`.
pub fn remove(disk: &dyn Disk, place: &Path) -> Result<(), EngineError> {
    let removed = match disk.stat(place) {
        Ok(stat) if stat.sort == Sort::Dir => disk.remove_tree(place),
        Ok(_) => disk.remove_file(place),
        Err(error) if is_absent(&error) => Ok(()),
        Err(error) => Err(error),
    };
    removed.map_err(|error| EngineError::write(place, error))
}
