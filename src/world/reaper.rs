//! A small process beside a build that ends the build's children should the build itself be killed (R25).
//!
//! The build tells it each process group and mark over a pipe. When the pipe ends, by an orderly end or by SIGKILL, what is
//! left of those groups, and what carries those marks, is asked to end, and killed after a grace. No signal handler and no
//! `unsafe` is needed for that.

use super::lock::{self, wait_exclusive};
use super::process::{Signal, signal_group, start_time};
use super::strays::{self, MARK, Member, Standing, marks_of, own_part, processes};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufRead, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// The hidden argument that makes the program a reaper.
pub const ARGUMENT: &str = "__reap";

/// How long children may take to end after being asked.
const GRACE: Duration = Duration::from_secs(2);

/// How long the system may take to end what was killed.
const DEATH: Duration = Duration::from_secs(5);

const POLL: Duration = Duration::from_millis(20);

/// The build's end of the pipe. Dropping it ends the reaper.
pub struct Reaper {
    child: Child,
    _member: Member,
}

impl Reaper {
    /// Starts `program` as a reaper that holds the lock at `lock` for as long as it lives: see [`await_gone`]. `mark` is the
    /// build's own, if it is itself a command's: then the reaper has it too, so that it does not outlive that command.
    pub fn start(program: &Path, lock: &Path, mark: Option<&str>) -> io::Result<Reaper> {
        let mut command = Command::new(program);
        command.arg(ARGUMENT).arg(lock).env_clear().current_dir("/").stdin(Stdio::piped());
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        command.envs(mark.map(|mark| (MARK, mark)));
        // A group of its own: Ctrl-C in the terminal must not end it before its work is done.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let (mut child, member) = strays::spawn(None, || command.spawn(), Child::id)?;
        // No child is started before the lock is held: who finds it free knows that none is left.
        if let Some(mut ready) = child.stdout.take() {
            ready.read_exact(&mut [0]).ok();
        }
        Ok(Reaper { child, _member: member })
    }

    /// Tells that a child with this mark is about to start: should the build die before it can name the group, the reaper
    /// looks for it.
    pub fn expect(&mut self, mark: &str) -> io::Result<()> {
        self.say(&format!("?{}\n", own_part(mark).unwrap_or_default()))
    }

    /// Tells of the expected child's group; `None` if it did not start.
    pub fn watch(&mut self, group: Option<u32>) -> io::Result<()> {
        match group {
            Some(group) => self.say(&format!("+{group}\n")),
            None => self.say("!\n"),
        }
    }

    /// Tells of a group that has ended and was reaped.
    pub fn forget(&mut self, group: u32) -> io::Result<()> {
        self.say(&format!("-{group}\n"))
    }

    fn say(&mut self, line: &str) -> io::Result<()> {
        match &mut self.child.stdin {
            Some(pipe) => pipe.write_all(line.as_bytes()),
            None => Ok(()),
        }
    }
}

impl Drop for Reaper {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        self.child.wait().ok();
    }
}

/// Waits until the reaper of an earlier, killed build has ended what that build left running.
pub fn await_gone(lock: &Path) -> io::Result<()> {
    wait_exclusive(lock, "").map(drop)
}

/// The reaper's whole life as a process: takes its lock, says that it is ready, and serves.
pub fn live(lock: &Path, pipe: impl BufRead, mut ready: impl Write) {
    // Without the lock the work is the same; only the next build does not wait for it.
    let _held = lock::wait_exclusive(lock, "the reaper").ok();
    ready.write_all(b"\n").and_then(|()| ready.flush()).ok();
    drop(ready);
    serve(pipe);
}

/// What a build told of its commands.
#[derive(Default)]
struct Told {
    /// Each group with the time at which its leader started.
    groups: BTreeMap<u32, u64>,
    /// Their marks.
    marks: BTreeMap<u32, String>,
    /// The mark of a child that was only just being started.
    expected: Option<String>,
}

impl Told {
    fn hear(&mut self, line: &str) {
        let (sign, rest) = line.split_at_checked(1).unwrap_or_default();
        match (sign, rest.parse()) {
            ("?", _) => self.expected = Some(rest.to_owned()),
            ("!", _) => self.expected = None,
            ("+", Ok(group)) => {
                self.groups.insert(group, start_time(group).unwrap_or(0));
                self.marks.extend(self.expected.take().map(|mark| (group, mark)));
            }
            ("-", Ok(group)) => {
                self.groups.remove(&group);
                self.marks.remove(&group);
            }
            _ => {}
        }
    }
}

/// Reads which groups live until the pipe ends, then ends those that are left, and what went away from them.
fn serve(pipe: impl BufRead) {
    let (build, us) = (parent_id(), Standing::of(std::process::id()));
    let mut told = Told::default();
    pipe.lines().map_while(Result::ok).for_each(|line| told.hear(&line));
    let Told { mut groups, marks, expected } = told;
    // The build died between starting a child and naming it. Twice, for a child that was only just being made.
    for _ in 0..if expected.is_some() { 2 } else { 0 } {
        if let Some(us) = &us {
            groups.extend(left_behind(build, us));
        }
        thread::sleep(POLL);
    }
    let marks: BTreeSet<String> = marks.into_values().chain(expected).filter(|mark| !mark.is_empty()).collect();
    if groups.is_empty() && marks.is_empty() {
        return;
    }
    end(&groups, Signal::Term);
    let (since, mut asked) = (Instant::now(), BTreeSet::new());
    loop {
        let strays = us.as_ref().map(|us| strays(build, us, &marks)).unwrap_or_default();
        let over = since.elapsed() > GRACE;
        for (&process, &started) in &strays {
            // One that started at another time is a stranger that got the number meanwhile.
            if (over || asked.insert((process, started))) && start_time(process) == Some(started) {
                strays::send(process, if over { Signal::Kill } else { Signal::Term }).ok();
            }
        }
        let lives = groups.iter().any(|(&group, &started)| lives(group, started));
        if over {
            end(&groups, Signal::Kill);
        }
        if !lives && strays.is_empty() || since.elapsed() > GRACE + DEATH {
            break;
        }
        thread::sleep(POLL);
    }
    end(&groups, Signal::Kill);
}

/// Finds what comes from the commands with these marks now that the build is dead: what carries a mark, is younger than
/// we are and was handed to the same foster parent as we were, and all that descends from such a process.
fn strays(build: u32, us: &Standing, marks: &BTreeSet<String>) -> BTreeMap<u32, u64> {
    let foster = parent_id();
    let all: Vec<(u32, Standing)> = processes().filter(|(_, it)| !it.is_dead && it.started >= us.started).collect();
    let is_orphan = |it: &Standing| it.parent == build || it.parent == foster;
    let mut found: BTreeMap<u32, u64> = all
        .iter()
        .filter(|(process, it)| is_orphan(it) && marks_of(*process).iter().any(|mark| marks.contains(mark)))
        .map(|(process, it)| (*process, it.started))
        .collect();
    loop {
        let known = found.len();
        found.extend(
            all.iter()
                .filter(|(_, it)| found.contains_key(&it.parent))
                .map(|(process, it)| (*process, it.started))
                .collect::<Vec<_>>(),
        );
        if found.len() == known {
            return found;
        }
    }
}

/// Finds the groups that a dead build left without a parent: of our session, younger than we are, and handed to the same
/// foster parent as we were (or not yet handed on).
fn left_behind(build: u32, us: &Standing) -> BTreeMap<u32, u64> {
    let foster = parent_id();
    processes()
        .filter(|&(process, _)| process != std::process::id())
        .filter(|(process, it)| {
            it.group == *process
                && it.session == us.session
                && it.started >= us.started
                && (it.parent == build || it.parent == foster)
        })
        .map(|(process, it)| (process, it.started))
        .collect()
}

#[cfg(unix)]
fn parent_id() -> u32 {
    std::os::unix::process::parent_id()
}

#[cfg(not(unix))]
fn parent_id() -> u32 {
    0
}

fn end(groups: &BTreeMap<u32, u64>, signal: Signal) {
    for (&group, &started) in groups {
        // The leader may be gone while its children live; a leader that started at another time is a stranger.
        if start_time(group).is_none_or(|now| now == started) {
            signal_group(group, signal);
        }
    }
}

fn lives(group: u32, started: u64) -> bool {
    start_time(group) == Some(started)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_when_the_pipe_ends_is_ended() {
        let start = || {
            let mut command = Command::new("sleep");
            std::os::unix::process::CommandExt::process_group(command.arg("100"), 0);
            command.spawn().unwrap()
        };
        let (mut left, mut forgotten) = (start(), start());
        let (one, two) = (left.id(), forgotten.id());
        serve(format!("?\n+{one}\n?\n+{two}\n-{two}\n").as_bytes());
        assert!(!left.wait().unwrap().success());
        assert!(forgotten.try_wait().unwrap().is_none());
        forgotten.kill().unwrap();
        forgotten.wait().unwrap();
    }

    #[test]
    fn a_stranger_with_the_same_number_is_left_alone() {
        let mut command = Command::new("sleep");
        let mut child = std::os::unix::process::CommandExt::process_group(command.arg("100"), 0).spawn().unwrap();
        end(&BTreeMap::from([(child.id(), 1)]), Signal::Kill);
        assert!(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
    }

    #[test]
    fn a_child_that_was_never_named_is_found() {
        let mut command = Command::new("sleep");
        let mut child = std::os::unix::process::CommandExt::process_group(command.arg("100"), 0).spawn().unwrap();
        let us = Standing::of(std::process::id()).unwrap();
        assert!(left_behind(std::process::id(), &us).contains_key(&child.id()));
        // Not 0: that is our own session's number where its leader lives in another process namespace.
        let elsewhere = Standing { session: us.session + 1, ..us };
        assert!(!left_behind(std::process::id(), &elsewhere).contains_key(&child.id()));
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
