//! A small process beside a build that ends the build's children should the build itself be killed (R25).
//!
//! The build tells it each process group over a pipe. When the pipe ends, by an orderly end or by SIGKILL, what is left
//! of those groups is asked to end, and killed after a grace. No signal handler and no `unsafe` is needed for that.

use super::lock::{self, wait_exclusive};
use super::process::{Signal, signal_group, start_time};
use std::collections::BTreeMap;
use std::io::{self, BufRead, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

/// The hidden argument that makes the program a reaper.
pub const ARGUMENT: &str = "__reap";

/// How long children may take to end after being asked.
const GRACE: Duration = Duration::from_secs(2);

/// The build's end of the pipe. Dropping it ends the reaper.
pub struct Reaper {
    child: Child,
}

impl Reaper {
    /// Starts `program` as a reaper that holds the lock at `lock` for as long as it lives: see [`await_gone`].
    pub fn start(program: &Path, lock: &Path) -> io::Result<Reaper> {
        let mut command = Command::new(program);
        command.arg(ARGUMENT).arg(lock).env_clear().current_dir("/").stdin(Stdio::piped());
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        // A group of its own: Ctrl-C in the terminal must not end it before its work is done.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = command.spawn()?;
        // No child is started before the lock is held: who finds it free knows that none is left.
        if let Some(mut ready) = child.stdout.take() {
            ready.read_exact(&mut [0]).ok();
        }
        Ok(Reaper { child })
    }

    /// Tells that a child is about to start: should the build die before it can name the group, the reaper looks for it.
    pub fn expect(&mut self) -> io::Result<()> {
        self.say("?\n")
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

/// Reads which groups live until the pipe ends, then ends those that are left.
fn serve(pipe: impl BufRead) {
    let (build, us) = (parent_id(), Standing::of(std::process::id()));
    let mut groups: BTreeMap<u32, u64> = BTreeMap::new();
    let mut expected = 0usize;
    for line in pipe.lines().map_while(Result::ok) {
        let (sign, rest) = line.split_at_checked(1).unwrap_or_default();
        match (sign, rest.parse()) {
            ("?", _) => expected += 1,
            ("!", _) => expected = expected.saturating_sub(1),
            ("+", Ok(group)) => {
                expected = expected.saturating_sub(1);
                groups.insert(group, start_time(group).unwrap_or(0));
            }
            ("-", Ok(group)) => drop(groups.remove(&group)),
            _ => {}
        }
    }
    // The build died between starting a child and naming it. Twice, for a child that was only just being made.
    for _ in 0..if expected > 0 { 2 } else { 0 } {
        if let Some(us) = &us {
            groups.extend(left_behind(build, us));
        }
        thread::sleep(Duration::from_millis(20));
    }
    if groups.is_empty() {
        return;
    }
    end(&groups, Signal::Term);
    let deadline = std::time::Instant::now() + GRACE;
    while std::time::Instant::now() < deadline && groups.iter().any(|(&group, &started)| lives(group, started)) {
        thread::sleep(Duration::from_millis(20));
    }
    end(&groups, Signal::Kill);
}

/// What the system says of a process (proc(5)).
#[derive(Clone, Copy, Debug)]
struct Standing {
    parent: u32,
    group: u32,
    session: u32,
    /// In clock ticks since boot.
    started: u64,
}

impl Standing {
    fn of(process: u32) -> Option<Standing> {
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let field = |index: usize| fields.get(index)?.parse().ok();
        Some(Standing {
            parent: field(1)?,
            group: field(2)?,
            session: field(3)?,
            started: fields.get(19)?.parse().ok()?,
        })
    }
}

/// Finds the groups that a dead build left without a parent: of our session, younger than we are, and handed to the same
/// foster parent as we were (or not yet handed on).
fn left_behind(build: u32, us: &Standing) -> BTreeMap<u32, u64> {
    let foster = parent_id();
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    processes
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|&process| process != std::process::id())
        .filter_map(|process| Some((process, Standing::of(process)?)))
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
