//! Processes that a command left behind although its group has ended: found, asked to end, killed, reaped (R25).
//!
//! Linux hands an orphan to its nearest ancestor that asked for orphans. A build asks, so that whatever its commands start
//! stays below it, however it detaches itself. Only own children are ever signalled: until we have waited for one, its
//! number is nobody else's. Which command started it shows by the mark in its environment; one that wiped its environment
//! is ended with the last command that may have started it. Elsewhere than on Linux nothing of this happens.

use super::process::Signal;
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// The variable that names the command which a process comes from. A command of a build that is itself a command's has
/// both names, with a `:` between them.
pub const MARK: &str = "STORYGEN_MARK";

/// How long strays may take to end after being asked.
const GRACE: Duration = Duration::from_secs(2);

/// How long the system may take to end what was killed. A process in the hands of a broken disk may never end.
const DEATH: Duration = Duration::from_secs(5);

const POLL: Duration = Duration::from_millis(5);

/// The family of this process. Written by [`adopt`], [`spawn`] and the end of a [`Member`]; its lock is held over every
/// start of a child, so that none is ever taken for a stray.
static FAMILY: Mutex<Family> = Mutex::new(Family { children: Vec::new(), before: None });

struct Family {
    /// Those that we started and have not waited for.
    children: Vec<Child>,
    /// The children that we had when we asked for orphans; `None` while we have not asked.
    before: Option<BTreeSet<u32>>,
}

#[derive(Clone, Debug)]
struct Child {
    process: u32,
    started: u64,
    mark: Option<String>,
}

/// A child's place in the family. It must be held until the child was waited for.
#[derive(Debug)]
pub struct Member(Child);

/// Asks the system for the orphans among our descendants. Only a program that may end all of them asks.
pub fn adopt() {
    let mut family = family();
    if family.before.is_none() && ask_for_orphans().is_ok() {
        let started: Vec<u32> = family.children.iter().map(|child| child.process).collect();
        family.before = Some(children().into_iter().filter(|process| !started.contains(process)).collect());
    }
}

/// Starts a child by `start` and takes it into the family; `mark` is what its environment says under [`MARK`].
pub fn spawn<T>(
    mark: Option<&str>,
    start: impl FnOnce() -> io::Result<T>,
    id: impl FnOnce(&T) -> u32,
) -> io::Result<(T, Member)> {
    let mut family = family();
    let child = start()?;
    let process = id(&child);
    let started = super::process::start_time(process).unwrap_or(0);
    let member = Child { process, started, mark: mark.and_then(own_part).map(str::to_owned) };
    family.children.push(member.clone());
    Ok((child, Member(member)))
}

impl Member {
    /// Ends what the child left behind; called when the child itself has ended.
    pub async fn end_strays(&self, kill: &CancellationToken) {
        let (since, mut asked) = (Instant::now(), BTreeSet::new());
        loop {
            let signal = if kill.is_cancelled() || since.elapsed() > GRACE { Signal::Kill } else { Signal::Term };
            if sweep(&family(), &self.0, signal, &mut asked) == 0 || since.elapsed() > GRACE + DEATH {
                return;
            }
            tokio::time::sleep(POLL).await;
        }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let mut family = family();
        if let Some(place) = family.children.iter().position(|child| child.process == self.0.process) {
            family.children.swap_remove(place);
        }
    }
}

fn family() -> MutexGuard<'static, Family> {
    FAMILY.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reaps the dead among the adopted and signals those of `ended`; returns how many of its own are left, or may have come.
fn sweep(family: &Family, ended: &Child, signal: Signal, asked: &mut BTreeSet<u32>) -> usize {
    let Some(before) = &family.before else { return 0 };
    let ours = |process: &u32| family.children.iter().any(|child| child.process == *process);
    let mut left = 0;
    for stray in children().into_iter().filter(|process| !before.contains(process) && !ours(process)) {
        match Standing::of(stray) {
            // What has just ended may have left us its own children since we looked: once more.
            None => left += 1,
            Some(standing) if standing.is_dead => {
                reap(stray);
                left += 1;
            }
            Some(standing) if belongs(family, ended, &marks_of(stray), standing.started) => {
                let reached = signal == Signal::Term && !asked.insert(stray) || send(stray, signal).is_ok();
                // What the system does not let us end, a program with other rights, is not waited for.
                left += usize::from(reached);
            }
            Some(_) => {}
        }
    }
    left
}

/// Tells whether a process that we adopted comes from the command that `ended`. Pure.
fn belongs(family: &Family, ended: &Child, marks: &[String], started: u64) -> bool {
    let is_marked = |child: &Child| child.mark.as_ref().is_some_and(|mark| marks.contains(mark));
    let mut others = family.children.iter().filter(|child| child.mark.is_some() && child.process != ended.process);
    if is_marked(ended) {
        return true;
    }
    // Children that we had from the start may leave orphans too: then only a mark tells.
    let from_elsewhere = family.before.as_ref().is_none_or(|before| !before.is_empty());
    ended.mark.is_some() && !from_elsewhere && !others.any(|other| is_marked(other) || other.started <= started)
}

/// What the system says of a process (proc(5)).
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing {
    pub parent: u32,
    pub group: u32,
    pub session: u32,
    /// In clock ticks since boot.
    pub started: u64,
    /// Ended, and not waited for.
    pub is_dead: bool,
}

impl Standing {
    pub fn of(process: u32) -> Option<Standing> {
        let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let field = |index: usize| fields.get(index)?.parse().ok();
        Some(Standing {
            parent: field(1)?,
            group: field(2)?,
            session: field(3)?,
            started: fields.get(19)?.parse().ok()?,
            is_dead: matches!(fields.first(), Some(&("Z" | "X"))),
        })
    }
}

/// Returns all processes that can be seen.
pub(super) fn processes() -> impl Iterator<Item = (u32, Standing)> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(|process| Some((process, Standing::of(process)?)))
}

/// Returns the marks in the environment that a process was started with; none if that cannot be read.
pub(super) fn marks_of(process: u32) -> Vec<String> {
    let environment = fs::read(format!("/proc/{process}/environ")).unwrap_or_default();
    let mut variables = environment.split(|&byte| byte == 0);
    let value = variables.find_map(|variable| variable.strip_prefix(MARK.as_bytes())?.strip_prefix(b"="));
    let text = value.map(String::from_utf8_lossy).unwrap_or_default();
    text.split(':').filter(|mark| !mark.is_empty()).map(str::to_owned).collect()
}

/// Returns a command's own part of its mark.
pub(super) fn own_part(mark: &str) -> Option<&str> {
    mark.rsplit(':').next().filter(|own| !own.is_empty())
}

/// Returns our children, started and adopted, dead ones too.
fn children() -> Vec<u32> {
    let tasks = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let of_task = |task: &Path| fs::read_to_string(task.join("children")).ok();
    let lists: Vec<String> = tasks.filter_map(|task| of_task(&task.path())).collect();
    if lists.is_empty() {
        // A kernel without these lists.
        let us = std::process::id();
        return processes().filter(|(_, standing)| standing.parent == us).map(|(process, _)| process).collect();
    }
    lists.iter().flat_map(|list| list.split_whitespace()).filter_map(|process| process.parse().ok()).collect()
}

#[cfg(target_os = "linux")]
fn ask_for_orphans() -> io::Result<()> {
    Ok(rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?)
}

#[cfg(not(target_os = "linux"))]
fn ask_for_orphans() -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(unix)]
fn reap(process: u32) {
    let process = i32::try_from(process).ok().and_then(rustix::process::Pid::from_raw);
    // Without a process this would wait for any child, also for one that somebody else waits for.
    if process.is_some() {
        rustix::process::waitpid(process, rustix::process::WaitOptions::NOHANG).ok();
    }
}

#[cfg(not(unix))]
fn reap(_process: u32) {}

/// Sends a signal to one process.
#[cfg(unix)]
pub(super) fn send(process: u32, signal: Signal) -> io::Result<()> {
    let process = i32::try_from(process).ok().filter(|&raw| raw > 1).and_then(rustix::process::Pid::from_raw);
    match process {
        Some(process) => Ok(rustix::process::kill_process(process, signal.into())?),
        None => Err(io::ErrorKind::InvalidInput.into()),
    }
}

#[cfg(not(unix))]
pub(super) fn send(_process: u32, _signal: Signal) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn child(process: u32, mark: Option<&str>) -> Child {
        Child { process, started: u64::from(process), mark: mark.map(str::to_owned) }
    }

    fn family(before: &[u32]) -> Family {
        let children = vec![child(10, None), child(20, Some("a")), child(30, Some("b"))];
        Family { children, before: Some(before.iter().copied().collect()) }
    }

    fn is_of_a(before: &[u32], marks: &[&str], started: u64) -> bool {
        let marks: Vec<String> = marks.iter().map(|mark| mark.to_string()).collect();
        belongs(&family(before), &child(20, Some("a")), &marks, started)
    }

    #[test]
    fn a_mark_says_whose_a_stray_is() {
        assert!(is_of_a(&[], &["outer", "a", "inner"], 99));
        assert!(!is_of_a(&[], &["b"], 25));
    }

    #[test]
    fn a_stray_without_a_mark_goes_with_the_last_that_may_have_started_it() {
        assert!(is_of_a(&[], &[], 25), "`b` had not started yet");
        assert!(!is_of_a(&[], &[], 35), "it may be of `b`");
        assert!(is_of_a(&[], &["elsewhere"], 25));
    }

    #[test]
    fn where_others_may_leave_orphans_only_a_mark_tells() {
        assert!(!is_of_a(&[7], &[], 25));
        assert!(is_of_a(&[7], &["a"], 25));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_mark_of_a_process_is_read_from_its_environment() {
        let mut sleep = std::process::Command::new("sleep").arg("100").env(MARK, "one:two").spawn().unwrap();
        // Its environment is there a moment after it has begun.
        while marks_of(sleep.id()).is_empty() && sleep.try_wait().unwrap().is_none() {
            std::thread::yield_now();
        }
        assert_eq!(marks_of(sleep.id()), ["one", "two"]);
        assert!(children().contains(&sleep.id()));
        sleep.kill().unwrap();
        sleep.wait().unwrap();
        assert_eq!(own_part("one:two"), Some("two"));
    }
}
