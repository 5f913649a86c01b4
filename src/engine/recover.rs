//! Puts the tree right after a run that was killed (R5): what a command left half-written is kept aside and what stood
//! before comes back.

use crate::base::id::ActionId;
use crate::base::path::RepoPath;
use crate::engine::attempts::{Attempt, left_open};
use crate::engine::command::REAPER_LOCK;
use crate::engine::error::EngineError;
use crate::engine::judge::Project;
use crate::engine::publish::save_standing;
use crate::engine::rebuild::Standing;
use crate::engine::workspace::is_absent;
use crate::event::kind::Event;
use crate::event::sink::Sink;
use crate::storyfile::story::OutputSort;
use crate::world::disk::{Disk, Sort};
use crate::world::process::{kill_group, start_time};
use crate::world::reaper::await_gone;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Makes room in the state folder where a file stands for a folder, or a folder for a file: what is in there can be had
/// again, and nothing in it may ever wedge a build.
pub fn make_usable(disk: &dyn Disk, dir: &Path) -> Result<(), EngineError> {
    for name in ["attempts", "clock", "lock", REAPER_LOCK, "state"] {
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
///
/// Returns the actions whose attempts were rolled back.
pub fn recover(project: &mut Project, dir: &Path, sink: &dyn Sink) -> Result<BTreeSet<ActionId>, EngineError> {
    let journal = dir.join("attempts");
    let bytes = match project.workspace.disk.read(&journal) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
        // Taken for empty, it would leave a torn output standing as if a person had written it.
        Err(error) => return Err(EngineError::read(&journal, error)),
    };
    let left = left_open(&bytes);
    if !left.is_empty() {
        // A command that was only just started is known to its reaper alone: it may write until that one has ended it.
        let lock = dir.join(REAPER_LOCK);
        await_gone(&lock).map_err(|error| EngineError::write(&lock, error))?;
    }
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
    Ok(left.into_values().map(|attempt| attempt.action).collect())
}

/// Lets those who only look see the tree as the next build will find it, once it has rolled back what a dead run left
/// open: what is torn is neither a result nor an edit.
pub fn foresee(project: &mut Project, dir: &Path) -> Result<(), EngineError> {
    let disk = project.workspace.disk.clone();
    let left = left_open(&disk.read(&dir.join("attempts")).unwrap_or_default());
    for (number, attempt) in left {
        for path in attempt.outputs {
            let prev = attempt_dir(dir, number).join("prev").join(path.as_str());
            // Not yet set aside, or back already.
            if attempt.moved.contains(&path) && disk.stat(&prev).is_err() {
                continue;
            }
            let vouched = match project.workspace.digest(&path) {
                Err(error) if error.is_no_content() => false,
                digest => digest?.is_some_and(|digest| project.store.vouches_for(path.as_str(), &digest)),
            };
            if !vouched {
                project.workspace.look_instead(path, prev);
            }
        }
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
    let Some((group, started)) = attempt.group else { return };
    // The leader may be gone while its children live; their group's number is then nobody else's.
    if start_time(group).is_some_and(|now| now != started) {
        return;
    }
    kill_group(group);
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
            Standing::Content(digest) if project.store.vouches_for(path.as_str(), &digest) => return Ok(false),
            Standing::Content(_) => {
                save_standing(project, path)?;
                kept = true;
            }
            Standing::Absent | Standing::WrongSort | Standing::Obstructed => {}
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
