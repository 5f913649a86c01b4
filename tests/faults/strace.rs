//! Faults at single system calls, through `strace`. Only the program's main thread is traced, which does all its work but
//! for hashing: its children are not, so that a fault hits storygen and never a stage's own command.

use crate::repo::Repo;
use std::fs;
use std::process::{Command, Stdio};

/// One system call of a traced run.
#[derive(Clone, Debug)]
pub struct Call {
    pub name: String,
    /// Counts calls of this name from 1, as strace's `when=` does.
    pub number: usize,
    /// As strace prints it.
    pub text: String,
}

/// Calls that change something, or start or end something.
const CHANGING: &[&str] = &[
    "write",
    "pwrite64",
    "writev",
    "pwritev",
    "rename",
    "renameat",
    "renameat2",
    "link",
    "linkat",
    "symlink",
    "symlinkat",
    "openat",
    "open",
    "creat",
    "mkdir",
    "mkdirat",
    "unlink",
    "unlinkat",
    "rmdir",
    "truncate",
    "ftruncate",
    "fallocate",
    "chmod",
    "fchmod",
    "fchmodat",
    "copy_file_range",
    "sendfile",
    "fdatasync",
    "fsync",
    "clone",
    "clone3",
    "vfork",
    "fork",
    "kill",
    "flock",
    "ioctl",
];

/// Calls that only look, or that make what a process needs.
const LOOKING: &[&str] = &[
    "read",
    "pread64",
    "readv",
    "stat",
    "lstat",
    "statx",
    "newfstatat",
    "fstat",
    "getdents64",
    "lseek",
    "readlink",
    "pipe2",
    "eventfd2",
    "epoll_create1",
    "socketpair",
];

/// Tells whether strace works here; says so if not.
pub fn works() -> bool {
    let traced = Command::new("strace").args(["-qq", "-o", "/dev/null", "true"]).stderr(Stdio::null()).status();
    let works = traced.is_ok_and(|status| status.success());
    if !works {
        eprintln!("skipped: strace is not there, or not allowed to trace");
    }
    works
}

/// Runs a build to its end and returns its calls, from the first that has to do with the repo on.
pub fn trace(repo: &Repo, args: &[&str]) -> Vec<Call> {
    let log = tempfile::NamedTempFile::new().unwrap();
    let names: Vec<String> = CHANGING.iter().chain(LOOKING).map(|name| format!("?{name}")).collect();
    let wrapper = ["strace", "-qq", "-o", log.path().to_str().unwrap(), "-e", &format!("trace={}", names.join(","))];
    let built = repo.run(&wrapper.map(str::to_owned), args);
    assert_eq!(built.exit, Some(0), "{}", built.said);
    let text = String::from_utf8_lossy(&fs::read(log.path()).unwrap()).into_owned();
    let mut calls: Vec<Call> = Vec::new();
    let mut counts = std::collections::BTreeMap::new();
    for line in text.lines() {
        let Some((name, _)) = line.split_once('(').filter(|(name, _)| !name.starts_with(['-', '+'])) else { continue };
        let number = counts.entry(name.to_owned()).or_insert(0);
        *number += 1;
        calls.push(Call { name: name.to_owned(), number: *number, text: line.to_owned() });
    }
    let root = repo.root().to_str().unwrap();
    let start = calls.iter().position(|call| call.text.contains(root)).expect("a build looks into its repo");
    calls.split_off(start)
}

impl Call {
    /// Tells whether a kill here leaves something other than a kill at the next such call.
    pub fn changes(&self) -> bool {
        let creates = self.text.contains("O_CREAT") || self.text.contains("O_TRUNC");
        match self.name.as_str() {
            "open" | "openat" => creates,
            "ioctl" => self.text.contains("FICLONE"),
            name => CHANGING.contains(&name) && !self.talks(),
        }
    }

    /// Tells whether the call prints on standard output or standard error.
    pub fn talks(&self) -> bool {
        ["write(1,", "write(2,", "writev(1,", "writev(2,"].iter().any(|start| self.text.starts_with(start))
    }
}

/// Returns the wrapper that kills the program at `call`, before it happens.
pub fn killing(call: &Call) -> Vec<String> {
    injecting(call, "signal=SIGKILL", "")
}

/// Returns the wrapper that lets `call` fail with `errno`; and with `more` = `+` also all later ones of its name.
pub fn failing(call: &Call, errno: &str, more: &str) -> Vec<String> {
    injecting(call, &format!("error={errno}"), more)
}

fn injecting(call: &Call, fault: &str, more: &str) -> Vec<String> {
    let Call { name, number, .. } = call;
    let trace = format!("trace={name}");
    let inject = format!("inject={name}:{fault}:when={number}{more}");
    ["strace", "-qq", "-o", "/dev/null", "-e", &trace, "-e", &inject].map(str::to_owned).to_vec()
}
