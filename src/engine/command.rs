//! One attempt at a command (R5): what stood is moved aside, the command runs, and either all its outputs are there or
//! everything is as it was.

use crate::base::failure::{Cause, Failure};
use crate::base::path::RepoPath;
use crate::engine::attempts::{Attempt, Attempts};
use crate::engine::errand::Errand;
use crate::engine::error::EngineError;
use crate::engine::folder::{Outward, list_tree};
use crate::engine::guard::Guard;
use crate::engine::judge::Project;
use crate::engine::parts::StagedParts;
use crate::engine::programs;
use crate::engine::publish::{check_inside, create_parent, save_left};
use crate::engine::recover::{WORK_DIR, attempt_dir, remove};
use crate::storyfile::story::{Output, OutputSort};
use crate::world::disk::{Disk, Sort, Stat};
use crate::world::env::Environment;
use crate::world::process::{Ended, Finished, Limits, Program, Running, start_time};
use std::io;
use std::path::{Path, PathBuf};
use tokio_util::sync::CancellationToken;

/// The state folder's name; staging lies in it, on the tree's own file system.
pub const STATE_DIR: &str = ".storygen";

/// The lock that the reaper holds, in the state folder.
pub const REAPER_LOCK: &str = "reaper";

/// A prepared attempt.
pub struct Prepared {
    pub number: u64,
    pub program: Program,
    moved: Vec<Moved>,
    staged: bool,
    /// The parts of files that it reads.
    pub parts: StagedParts,
}

/// An output that stood before and was moved aside.
struct Moved {
    path: RepoPath,
    /// Its files with their sizes and times as they were stored: what is written to one later, through a handle that was
    /// open already, shows.
    files: Vec<(PathBuf, Stat)>,
}

/// What all attempts of a build share.
pub struct Workshop {
    pub attempts: Attempts,
    pub guard: Guard,
    /// `.storygen`.
    pub dir: PathBuf,
}

impl Workshop {
    /// Opens an attempt: moves what stands aside, makes folders, renders the command.
    pub fn prepare(
        &mut self,
        project: &mut Project,
        action: usize,
        errand: Errand<'_>,
        environment: &Environment,
    ) -> Result<Result<Prepared, Failure>, EngineError> {
        let outputs: Vec<Output> = project.node(action).action.writes().cloned().collect();
        let mut standing = Vec::new();
        for output in &outputs {
            check_inside(project, &output.path)?;
            if project.workspace.stat(&output.path)?.is_some() {
                let files = files_of(&*project.workspace.disk, &project.workspace.place(&output.path));
                // Stored before moved: from here on nothing but the attempt's folder has these bytes.
                save_left(project, &output.path)?;
                standing.push(Moved { path: output.path.clone(), files });
            }
        }
        let id = project.node(action).action.id.clone();
        let paths = outputs.iter().map(|output| output.path.clone()).collect();
        let moved = standing.iter().map(|moved| moved.path.clone()).collect();
        let number = self.attempts.begin(Attempt { action: id, outputs: paths, moved, group: None })?;
        let program_yet =
            Program { argv: Vec::new(), current_dir: PathBuf::new(), env: Default::default(), request: None };
        let staged = errand.is_staged();
        let parts = StagedParts::new();
        let mut prepared = Prepared { number, program: program_yet, moved: standing, staged, parts };
        let (dir, shown) = (attempt_dir(&self.dir, number).join("in"), format!("{STATE_DIR}/{WORK_DIR}/{number}/in"));
        let placed = self.make_place(project, &outputs, &prepared);
        let parts = match placed.and_then(|()| project.stage_parts(action, errand, &dir, &shown)) {
            Ok(parts) => parts,
            Err(error) => {
                self.abandon(project, action, &prepared);
                return Err(error);
            }
        };
        let program = parts.and_then(|parts| {
            prepared.parts = parts;
            errand.program(project.node(action), project, &prepared, environment)
        });
        match program {
            Ok(program) => {
                prepared.program = program;
                Ok(Ok(prepared))
            }
            Err(failure) => {
                self.roll_back(project, action, &prepared)?;
                Ok(Err(failure))
            }
        }
    }

    /// Moves what stands aside and makes the folders that the outputs go to.
    fn make_place(&self, project: &Project, outputs: &[Output], prepared: &Prepared) -> Result<(), EngineError> {
        let place = attempt_dir(&self.dir, prepared.number);
        let disk = &project.workspace.disk;
        for Moved { path, .. } in &prepared.moved {
            let prev = place.join("prev").join(path.as_str());
            create_parent(&**disk, &prev)?;
            let from = project.workspace.place(path);
            disk.rename(&from, &prev).map_err(|error| EngineError::write(&from, error))?;
        }
        for output in outputs {
            make_folders(project, output, &project.workspace.root)?;
            if prepared.staged {
                make_folders(project, output, &place.join("out"))?;
            }
        }
        Ok(())
    }

    /// Starts a prepared attempt.
    pub fn start(&mut self, prepared: &Prepared) -> Result<Result<Running, Failure>, EngineError> {
        let running = match self.guard.start(&prepared.program)? {
            Ok(running) => running,
            Err(error) if prepared.program.request.is_some() => {
                return Ok(Err(programs::start_failure(&prepared.program.argv[0], &error)));
            }
            Err(error) => return Ok(Err(start_failure(&prepared.program.argv[0], &error))),
        };
        let started = start_time(running.group).unwrap_or(0);
        self.attempts.started(prepared.number, running.group, started)?;
        Ok(Ok(running))
    }

    /// Takes note that the attempt's processes are gone.
    pub fn ended(&mut self, group: u32) {
        self.guard.ended(group);
    }

    /// Finds where each output was written: at its staging path, or at the declared one.
    pub fn locate(
        &self,
        project: &Project,
        action: usize,
        prepared: &Prepared,
    ) -> Result<Vec<(Output, PathBuf)>, Failure> {
        let place = attempt_dir(&self.dir, prepared.number).join("out");
        let disk = &project.workspace.disk;
        let mut found = Vec::new();
        for output in &project.node(action).action.outputs {
            let staging = place.join(output.path.as_str());
            let declared = project.workspace.place(&output.path);
            let written = |place: &Path| is_written(&**disk, output, place);
            match (prepared.staged && written(&staging), written(&declared)) {
                // Nothing in the command names the declared path: somebody saved there while it ran.
                (true, true) if !prepared.names(project, action, output) => found.push((output.clone(), staging)),
                (true, true) => {
                    return Err(Failure::new(Cause::Output, format!("output `{}` was written twice", output.path))
                        .hint("Write it through `${outputs…}` or to its declared path, not both."));
                }
                (true, false) => found.push((output.clone(), staging)),
                (false, true) => found.push((output.clone(), declared)),
                (false, false) => {
                    // A folder was made beforehand. Left empty it is a result as well, and told as one.
                    let place = if prepared.staged { staging } else { declared };
                    let is_folder = disk.stat(&place).is_ok_and(|stat| stat.sort == Sort::Dir);
                    if output.sort != OutputSort::Tree || !is_folder {
                        return Err(not_written(output));
                    }
                    found.push((output.clone(), place));
                }
            }
        }
        Ok(found)
    }

    /// Lists what was written to the staging folder beside the declared outputs, as paths of the repo.
    pub fn undeclared(&self, project: &Project, action: usize, prepared: &Prepared) -> Vec<RepoPath> {
        let place = attempt_dir(&self.dir, prepared.number).join("out");
        let Ok(found) = list_tree(&*project.workspace.disk, &place, Outward::Follow) else { return Vec::new() };
        let outputs = &project.node(action).action.outputs;
        let is_declared = |path: &RepoPath| outputs.iter().any(|output| path.is_within(&output.path));
        found.files.into_iter().map(|(path, _)| path).filter(|path| !is_declared(path)).collect()
    }

    /// Moves staged outputs to their declared paths and closes the attempt. A path at which something stands
    /// meanwhile is left as it is and returned: a person saved there.
    pub fn publish(
        &mut self,
        project: &mut Project,
        action: usize,
        prepared: &Prepared,
        located: &[(Output, PathBuf)],
    ) -> Result<Vec<RepoPath>, EngineError> {
        let mut taken = Vec::new();
        let disk = project.workspace.disk.clone();
        // All before the first is moved: one may lead to another.
        for (_, from) in located {
            flatten(&*disk, from)?;
        }
        for (output, from) in located {
            let declared = project.workspace.place(&output.path);
            if *from == declared {
                continue;
            }
            if is_written(&*disk, output, &declared) {
                taken.push(output.path.clone());
                continue;
            }
            remove(&*disk, &declared)?;
            disk.rename(from, &declared).map_err(|error| EngineError::write(&declared, error))?;
        }
        if let Some(depfile) = &project.node(action).action.depfile {
            remove(&*disk, &project.workspace.place(&depfile.path))?;
        }
        self.keep_late_writes(project, prepared)?;
        self.close(project, prepared)?;
        Ok(taken)
    }

    /// Keeps what was written to a moved file after it was stored: a person's program may have had it open.
    fn keep_late_writes(&self, project: &Project, prepared: &Prepared) -> Result<(), EngineError> {
        let disk = &*project.workspace.disk;
        for Moved { path, files } in &prepared.moved {
            let prev = attempt_dir(&self.dir, prepared.number).join("prev").join(path.as_str());
            for (inside, stat) in files {
                let file = if inside.as_os_str().is_empty() { prev.clone() } else { prev.join(inside) };
                let changed = |now: Stat| (now.size, now.mtime_ns) != (stat.size, stat.mtime_ns);
                if disk.stat_following(&file).is_ok_and(changed) {
                    project.keep.put_file(&file)?;
                }
            }
        }
        Ok(())
    }

    /// Puts back what can be put back when the machine fails in the middle of an attempt, and frees what the attempt
    /// takes. What has to be stored first, and cannot be, stays for the next build to recover.
    pub fn abandon(&mut self, project: &mut Project, action: usize, prepared: &Prepared) {
        if !self.attempts.is_open(prepared.number) {
            return;
        }
        let place = attempt_dir(&self.dir, prepared.number);
        let disk = project.workspace.disk.clone();
        remove(&*disk, &place.join("out")).ok();
        if self.roll_back(project, action, prepared).is_ok() {
            return;
        }
        for Moved { path, .. } in &prepared.moved {
            let declared = project.workspace.place(path);
            if disk.stat(&declared).is_err() {
                disk.rename(&place.join("prev").join(path.as_str()), &declared).ok();
            }
        }
    }

    /// Removes what the attempt wrote and puts back what stood before. What is removed is kept: a person may have saved
    /// at the path meanwhile.
    pub fn roll_back(&mut self, project: &mut Project, action: usize, prepared: &Prepared) -> Result<(), EngineError> {
        let disk = project.workspace.disk.clone();
        let place = attempt_dir(&self.dir, prepared.number);
        let paths: Vec<RepoPath> = project.node(action).action.writes().map(|output| output.path.clone()).collect();
        for path in &paths {
            let declared = project.workspace.place(path);
            save_left(project, path)?;
            remove(&*disk, &declared)?;
            let prev = place.join("prev").join(path.as_str());
            if prepared.moved.iter().any(|moved| moved.path == *path) && disk.stat(&prev).is_ok() {
                disk.rename(&prev, &declared).map_err(|error| EngineError::write(&declared, error))?;
            }
        }
        self.close(project, prepared)
    }

    fn close(&mut self, project: &Project, prepared: &Prepared) -> Result<(), EngineError> {
        self.attempts.close(prepared.number)?;
        if prepared.staged || !prepared.moved.is_empty() || !prepared.parts.is_empty() {
            remove(&*project.workspace.disk, &attempt_dir(&self.dir, prepared.number))?;
        }
        Ok(())
    }
}

impl Prepared {
    /// Tells whether the command's own text names the declared `path`, beside its staging place.
    fn names(&self, project: &Project, action: usize, output: &Output) -> bool {
        let home = &project.node(action).action.home;
        let staging = home.seen(&format!("{STATE_DIR}/{WORK_DIR}/{}/out/{}", self.number, output.path));
        self.program.argv.iter().any(|word| has_path(&word.replace(&staging, " "), &home.seen(output.path.as_str())))
    }
}

/// Lists the files at `place`, itself if it is one, relative to it.
fn files_of(disk: &dyn Disk, place: &Path) -> Vec<(PathBuf, Stat)> {
    match disk.stat_following(place) {
        Ok(stat) if stat.sort == Sort::Dir => {
            let files = list_tree(disk, place, Outward::Follow).unwrap_or_default().files;
            files.into_iter().map(|(path, stat)| (PathBuf::from(path.as_str()), stat)).collect()
        }
        Ok(stat) => vec![(PathBuf::new(), stat)],
        Err(_) => Vec::new(),
    }
}

/// Tells whether `path` stands in a text, not only as a part of another word.
fn has_path(text: &str, path: &str) -> bool {
    let goes_on = |sign: char| sign.is_alphanumeric() || "_-".contains(sign);
    text.match_indices(path)
        .any(|(place, _)| !text[..place].ends_with(goes_on) && !text[place + path.len()..].starts_with(goes_on))
}

/// Tells whether something was written at `place`.
fn is_written(disk: &dyn Disk, output: &Output, place: &Path) -> bool {
    match disk.stat(place) {
        // The folder itself was made beforehand: only what is in it was written.
        Ok(stat) if output.sort == OutputSort::Tree && stat.sort == Sort::Dir => {
            disk.list(place).is_ok_and(|entries| !entries.is_empty())
        }
        found => found.is_ok(),
    }
}

/// Puts the content that a symlink leads to in its place: what comes back from the store is a file as well.
fn flatten(disk: &dyn Disk, place: &Path) -> Result<(), EngineError> {
    if !disk.stat(place).is_ok_and(|stat| stat.sort == Sort::Symlink) {
        return Ok(());
    }
    let stat = disk.stat_following(place).map_err(|error| EngineError::read(place, error))?;
    disk.copy(place, place).map_err(|error| EngineError::write(place, error))?;
    if stat.executable {
        disk.set_executable(place).map_err(|error| EngineError::write(place, error))?;
    }
    Ok(())
}

fn not_written(output: &Output) -> Failure {
    Failure::new(Cause::Output, format!("output `{}` was not written", output.path))
        .hint("The command ended well but left this declared output out.")
}

/// Turns how a command ended into a failure; `None` if it ended well.
pub fn failure(finished: &Finished, timeout: Option<std::time::Duration>) -> Option<Failure> {
    match finished.ended {
        Ended::Exit(0) => None,
        Ended::Exit(126) => Some(
            Failure::new(Cause::Exit, "exit status 126: the shell found a program and could not start it")
                .hint("Make it executable (`chmod +x`), or name what reads it: `sh ./script`."),
        ),
        Ended::Exit(127) => Some(
            Failure::new(Cause::Exit, "exit status 127: the shell did not find a program")
                .hint("Install the program, or correct its name in `run:`."),
        ),
        Ended::Exit(code) => Some(Failure::new(Cause::Exit, format!("exit status {code}"))),
        Ended::Signal(signal) => Some(Failure::new(Cause::Exit, format!("ended by signal {signal}"))),
        Ended::TimedOut => {
            let limit = timeout.map(|limit| format!(" of {limit:?}")).unwrap_or_default();
            Some(
                Failure::new(Cause::Timeout, format!("ran longer than its timeout{limit}"))
                    .hint("Raise `timeout:` if it needs longer."),
            )
        }
        Ended::Cancelled | Ended::Broken => Some(Failure::new(Cause::Cancelled, "stopped")),
    }
}

/// Returns the limits of an attempt.
pub fn limits(timeout: Option<std::time::Duration>, cancel: &CancellationToken, kill: &CancellationToken) -> Limits {
    Limits { timeout, cancel: cancel.clone(), kill: kill.clone() }
}

pub(super) fn start_failure(program: &str, error: &io::Error) -> Failure {
    // Execve(2)'s ENOEXEC has no `ErrorKind` yet.
    const NO_PROGRAM: i32 = 8;
    let failure = |message: &str| Failure::new(Cause::Exit, format!("`{program}` {message}"));
    match error.kind() {
        io::ErrorKind::NotFound if program.contains('/') => {
            failure("cannot be started: it, or what it names after `#!`, is not there")
                .hint("Correct its path in `run:`, or its first line.")
        }
        io::ErrorKind::NotFound => failure("was not found").hint("Install the program, or correct its name in `run:`."),
        io::ErrorKind::PermissionDenied => failure("may not be started: it is not executable")
            .hint(format!("Run `chmod +x {program}`, or name what reads it: `run: sh {program}`.")),
        io::ErrorKind::ArgumentListTooLong => failure("was given more words than the system takes")
            .hint("Name fewer files: the folder that they lie in, or a file that lists them."),
        io::ErrorKind::InvalidInput => failure("cannot be started with these words: one has a NUL byte in it")
            .hint("Look at the values that stand in `run:`."),
        _ if cfg!(unix) && error.raw_os_error() == Some(NO_PROGRAM) => failure("is no program")
            .hint(format!("Let its first line say what reads it (`#!/bin/sh`), or write `run: sh {program}`.")),
        _ => Failure::new(Cause::Machine, format!("failed to start `{program}`: {error}")),
    }
}

/// Makes the folders above an output; for a folder, also the folder itself, as programs expect that write into one.
fn make_folders(project: &Project, output: &Output, root: &Path) -> Result<(), EngineError> {
    let place = output.path.under(root);
    match output.sort {
        OutputSort::File => create_parent(&*project.workspace.disk, &place),
        OutputSort::Tree => {
            project.workspace.disk.create_dirs(&place).map_err(|error| EngineError::write(&place, error))
        }
    }
}
