//! A repo in a folder of its own, built by the real program, with a count of what its stages ran kept outside it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The program under test.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_storygen");

/// How long a process of a dead build may take to be gone. Only a failing test waits so long.
const GONE_WITHIN: Duration = Duration::from_secs(10);

/// Files by their path in the repo; the state folder left out.
pub type Tree = BTreeMap<String, Vec<u8>>;

pub struct Repo {
    dir: TempDir,
    root: PathBuf,
}

/// How a build ended.
#[derive(Debug)]
pub struct Built {
    /// `None`: a signal ended it.
    pub exit: Option<i32>,
    pub said: String,
}

impl Repo {
    pub fn new(files: &[(&str, &str)]) -> Repo {
        let dir = TempDir::new().unwrap();
        // Resolved, because the system shows working directories resolved.
        let root = dir.path().canonicalize().unwrap().join("repo");
        fs::create_dir(&root).unwrap();
        let repo = Repo { dir, root };
        files.iter().for_each(|(path, text)| repo.write(path, text));
        repo
    }

    /// Returns a copy with its state folder and an empty count.
    pub fn fork(&self) -> Repo {
        let fork = Repo::new(&[]);
        self.copy_to(&fork.root);
        fork
    }

    pub fn copy_to(&self, place: &Path) {
        let copied = Command::new("cp").arg("-a").arg(self.root.join(".")).arg(place).status().unwrap();
        assert!(copied.success());
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    pub fn write(&self, path: &str, text: &str) {
        let place = self.path(path);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(place, text).unwrap();
    }

    /// Returns a command that runs the program in this repo, under `wrapper` if that is not empty.
    pub fn command(&self, wrapper: &[String], args: &[&str]) -> Command {
        command_in(&self.root, &self.runs_file(), wrapper, args)
    }

    pub fn run(&self, wrapper: &[String], args: &[&str]) -> Built {
        built(self.command(wrapper, args).output().unwrap())
    }

    pub fn build(&self) -> Built {
        self.run(&[], &["build", "-j1"])
    }

    /// Builds what is known to be right and returns this repo.
    pub fn built(self) -> Repo {
        let built = self.build();
        assert_eq!(built.exit, Some(0), "{}", built.said);
        self
    }

    pub fn runs_file(&self) -> PathBuf {
        self.dir.path().join("runs")
    }

    /// Returns the stages that ran since the repo was made, in order.
    pub fn runs(&self) -> Vec<String> {
        let text = fs::read_to_string(self.runs_file()).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    pub fn tree(&self) -> Tree {
        tree_of(&self.root)
    }

    /// Returns every file of the state folder, relative to the repo.
    pub fn state_files(&self) -> Vec<String> {
        let mut files = Tree::new();
        collect(&self.root.join(".storygen"), ".storygen/", &mut files);
        files.into_keys().collect()
    }

    /// Says what is wrong with a repo that has to be as `gold`, with nothing left to do.
    pub fn fault(&self, gold: &Tree) -> Option<String> {
        let healed = self.build();
        if healed.exit != Some(0) {
            return Some(format!("the next build exits {:?}:\n{}", healed.exit, healed.said));
        }
        if let Some(difference) = difference(gold, &self.tree()) {
            return Some(format!("after the next build {difference}\n{}", healed.said));
        }
        let again = self.build();
        if again.exit != Some(0) || !again.said.contains("everything is up to date") {
            return Some(format!("a third build has something to do ({:?}):\n{}", again.exit, again.said));
        }
        let left = self.state_files().into_iter().find(|path| path.starts_with(".storygen/work/"));
        left.map(|left| format!("`{left}` is left"))
    }

    /// Returns the command lines of processes that work in this repo once they have had time to end.
    pub fn living(&self) -> Vec<String> {
        let since = Instant::now();
        loop {
            let living = working_in(&self.root);
            if living.is_empty() || since.elapsed() > GONE_WITHIN {
                return living;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

pub fn command_in(root: &Path, runs: &Path, wrapper: &[String], args: &[&str]) -> Command {
    let mut words = wrapper.iter().map(String::as_str).chain([PROGRAM]).chain(args.iter().copied());
    let mut command = Command::new(words.next().unwrap());
    command.args(words).current_dir(root).env_remove("RUST_BACKTRACE").stdin(Stdio::null());
    command.env("RUNS", runs).env("SAID", runs.with_file_name("said"));
    command
}

pub fn built(output: Output) -> Built {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    Built { exit: output.status.code(), said }
}

pub fn tree_of(root: &Path) -> Tree {
    let mut tree = Tree::new();
    collect(root, "", &mut tree);
    tree.retain(|path, _| !path.starts_with(".storygen/"));
    tree
}

/// Returns the first difference in words.
pub fn difference(gold: &Tree, found: &Tree) -> Option<String> {
    let missing = gold.keys().find(|path| !found.contains_key(*path)).map(|path| format!("`{path}` is missing"));
    let added = found.keys().find(|path| !gold.contains_key(*path)).map(|path| format!("`{path}` is too much"));
    let differs = gold.iter().find(|(path, bytes)| found.get(*path).is_some_and(|found| found != *bytes));
    missing.or(added).or(differs.map(|(path, gold)| {
        let short = |bytes: &[u8]| String::from_utf8_lossy(&bytes[..bytes.len().min(400)]).into_owned();
        format!("`{path}` differs:\n--- right\n{}\n--- found\n{}", short(gold), short(&found[path]))
    }))
}

fn collect(dir: &Path, prefix: &str, tree: &mut Tree) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    for entry in entries {
        let entry = entry.unwrap();
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type().unwrap().is_dir() {
            collect(&entry.path(), &format!("{name}/"), tree);
        } else {
            // What cannot be read (a symlink to nowhere) still has its name.
            tree.insert(name, fs::read(entry.path()).unwrap_or_default());
        }
    }
}

fn working_in(root: &Path) -> Vec<String> {
    let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
    let here = |dir: &Path| fs::read_link(dir.join("cwd")).is_ok_and(|cwd| cwd.starts_with(root));
    let line = |dir: &Path| {
        let words = fs::read(dir.join("cmdline")).unwrap_or_default();
        format!("{}: {}", dir.display(), String::from_utf8_lossy(&words).replace('\0', " "))
    };
    processes.flatten().map(|entry| entry.path()).filter(|dir| here(dir)).map(|dir| line(&dir)).collect()
}
