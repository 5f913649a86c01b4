//! A repo of its own for each test, and what a command did in it: reads like the manual.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::ops::Deref;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::rc::Rc;
use tempfile::TempDir;

/// A repo, with a home and a folder for notes beside it. Clones are the same repo.
#[derive(Clone)]
pub struct Space {
    base: Rc<TempDir>,
}

impl Space {
    pub fn new() -> Space {
        let space = Space { base: Rc::new(tempfile::tempdir().unwrap()) };
        for folder in ["repo", "home", "notes"] {
            fs::create_dir(space.base.path().join(folder)).unwrap();
        }
        space
    }

    /// The repo's folder.
    pub fn root(&self) -> PathBuf {
        self.base.path().join("repo")
    }

    pub fn path(&self, path: impl AsRef<OsStr>) -> PathBuf {
        self.root().join(Path::new(path.as_ref()))
    }

    /// A path outside the repo, where commands leave traces that no stage declares.
    pub fn note(&self, name: &str) -> PathBuf {
        self.base.path().join("notes").join(name)
    }

    /// Writes the Storyfile: its `stages:` and whatever else stands beside them. `NOTES` means the folder for notes.
    pub fn story(&self, yaml: &str) -> Space {
        let yaml = yaml.replace("NOTES", self.base.path().join("notes").to_str().unwrap());
        let head = if yaml.contains("storygen:") { "" } else { "storygen: 1\nname: test\n" };
        self.file("Storyfile.yaml", &format!("{head}{}", unindented(&yaml)))
    }

    /// Writes a file, and the folders above it.
    pub fn file(&self, path: &str, text: &str) -> Space {
        let place = self.path(path);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(place, text).unwrap();
        self.clone()
    }

    pub fn read(&self, path: &str) -> String {
        let bytes = fs::read(self.path(path)).unwrap_or_else(|error| panic!("`{path}`: {error}"));
        String::from_utf8_lossy(&bytes).into_owned()
    }

    pub fn has(&self, path: &str) -> bool {
        fs::symlink_metadata(self.path(path)).is_ok()
    }

    /// Removes a file or a folder.
    pub fn remove(&self, path: &str) -> Space {
        let place = self.path(path);
        match fs::symlink_metadata(&place) {
            Ok(stat) if stat.is_dir() => fs::remove_dir_all(place).unwrap(),
            _ => fs::remove_file(place).unwrap(),
        }
        self.clone()
    }

    /// Asserts what a file holds.
    pub fn holds(&self, path: &str, text: &str) -> Space {
        assert_eq!(self.read(path), text, "`{path}`");
        self.clone()
    }

    /// Lines that commands left in a note; none if there is no such note.
    pub fn noted(&self, name: &str) -> usize {
        fs::read_to_string(self.note(name)).unwrap_or_default().lines().count()
    }

    pub fn build(&self) -> Run {
        self.build_with(&[])
    }

    pub fn build_with(&self, args: &[&str]) -> Run {
        let events = self.note("events.jsonl");
        let mut command = self.command(&["build"]);
        command.arg("--events").arg(&events).args(args);
        self.finish(command)
    }

    /// Runs any verb.
    pub fn run(&self, args: &[&str]) -> Run {
        self.finish(self.command(args))
    }

    /// Returns the program in this repo with these arguments and a clean environment.
    pub fn command(&self, args: &[&str]) -> Command {
        let home = self.base.path().join("home");
        let mut command = Command::new(env!("CARGO_BIN_EXE_storygen"));
        command.args(args).current_dir(self.root()).env_clear().stdin(Stdio::null());
        command.env("PATH", std::env::var_os("PATH").unwrap()).env("LANG", "C.UTF-8").env("HOME", &home);
        for (name, folder) in [("CACHE", "cache"), ("CONFIG", "config"), ("DATA", "data"), ("STATE", "state")] {
            command.env(format!("XDG_{name}_HOME"), home.join(folder));
        }
        command
    }

    pub fn finish(&self, mut command: Command) -> Run {
        fs::remove_file(self.note("events.jsonl")).ok();
        let output = command.output().unwrap();
        self.ended(&output)
    }

    pub fn ended(&self, output: &Output) -> Run {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let events = fs::read_to_string(self.note("events.jsonl")).unwrap_or_default();
        Run {
            space: self.clone(),
            code: output.status.code(),
            out: text(&output.stdout),
            err: text(&output.stderr),
            events: events.lines().map(|line| serde_json::from_str(line).unwrap()).collect(),
        }
    }

    /// Starts a command and lets it run.
    pub fn spawn(&self, args: &[&str]) -> Child {
        fs::remove_file(self.note("events.jsonl")).ok();
        self.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Makes a pipe with a name among the notes: who opens it waits for the other side.
    pub fn fifo(&self, name: &str) -> Space {
        assert!(Command::new("mkfifo").arg(self.note(name)).status().unwrap().success());
        self.clone()
    }

    /// What the plan says of each action.
    pub fn plan(&self, args: &[&str]) -> BTreeMap<String, String> {
        let run = self.run(&[&["build", "--dry-run", "--json"], args].concat()).exit(0);
        let plan: Value = serde_json::from_str(&run.out).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        plan["actions"].as_array().unwrap().iter().map(|action| (text(&action["id"]), text(&action["state"]))).collect()
    }

    /// Every file of the repo outside `.storygen` with its content.
    pub fn tree(&self) -> BTreeMap<String, String> {
        let files = list(&self.root()).into_iter().filter(|path| !path.starts_with(".storygen"));
        files.map(|path| (path.clone(), self.read(&path))).collect()
    }

    /// Every entry of `.storygen` with all that a write would change.
    pub fn state_stats(&self) -> BTreeMap<String, (u64, i64, i64, i64, i64, u64)> {
        let state = self.path(".storygen");
        let mut stats = BTreeMap::new();
        for entry in walkdir(&state) {
            let stat = fs::symlink_metadata(&entry).unwrap();
            let times = (stat.mtime(), stat.mtime_nsec(), stat.ctime(), stat.ctime_nsec());
            let name = entry.strip_prefix(&state).unwrap().display().to_string();
            stats.insert(name, (stat.ino(), times.0, times.1, times.2, times.3, stat.size()));
        }
        stats
    }

    /// All files under `.storygen`, relative to it.
    pub fn state_files(&self) -> Vec<String> {
        list(&self.path(".storygen"))
    }

    /// Builds until the state tells a quiet build from its stamps alone: what was written within the clock's tick is
    /// looked at once more by the build after.
    pub fn settled(&self) -> Space {
        let mut before = self.state_stats();
        loop {
            self.run(&["build"]).exit(0);
            let after = self.state_stats();
            if after == before {
                return self.clone();
            }
            before = after;
        }
    }

    /// Whether some file under `.storygen/keep` holds this text.
    pub fn keeps(&self, text: &str) -> bool {
        list(&self.path(".storygen/keep"))
            .iter()
            .any(|name| fs::read(self.path(".storygen/keep").join(name)).unwrap() == text.as_bytes())
    }

    pub fn chmod(&self, path: &str, mode: u32) -> Space {
        fs::set_permissions(self.path(path), fs::Permissions::from_mode(mode)).unwrap();
        self.clone()
    }
}

/// What a command did.
#[derive(Clone)]
pub struct Run {
    space: Space,
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
    events: Vec<Value>,
}

impl Deref for Run {
    type Target = Space;

    fn deref(&self) -> &Space {
        &self.space
    }
}

impl Run {
    /// The repo that it ran in.
    pub fn space(&self) -> Space {
        self.space.clone()
    }

    /// Asserts the exit code.
    pub fn exit(&self, code: i32) -> Run {
        assert_eq!(self.code, Some(code), "{}{}", self.out, self.err);
        self.clone()
    }

    /// Asserts which actions ran to a good end, in whatever order, and that all went well.
    pub fn ran<const N: usize>(&self, names: [&str; N]) -> Run {
        let run = self.exit(0);
        assert_eq!(run.with("done"), names.into_iter().map(str::to_owned).collect(), "{}", run.err);
        run
    }

    /// Asserts what was started, however it ended; an empty name means nothing.
    pub fn started_only(&self, name: &str) -> Run {
        let wanted: BTreeSet<String> = [name].into_iter().filter(|name| !name.is_empty()).map(str::to_owned).collect();
        assert_eq!(self.started(), wanted, "{}", self.err);
        self.clone()
    }

    /// Asserts that nothing ran, that all is well, and that one line says so.
    pub fn ran_nothing(&self) -> Run {
        let run = self.ran([]);
        assert!(run.started().is_empty(), "{}", run.err);
        run
    }

    /// Asserts that all is up to date and that one line says so, beside a reminder of each edit.
    pub fn is_up_to_date(&self) -> Run {
        let run = self.ran_nothing();
        assert_eq!(run.err.lines().filter(|line| !line.contains("your edit is kept")).count(), 1, "{}", run.err);
        run.says("up to date")
    }

    /// Asserts that an action ended so.
    pub fn ended_as(&self, name: &str, outcome: &str) -> Run {
        let ended: Vec<&Value> = self.finished().filter(|event| event["action"] == name).collect();
        let [event] = ended[..] else { panic!("`{name}` ended {} times\n{}", ended.len(), self.err) };
        assert_eq!(event["outcome"], outcome, "`{name}`\n{}", self.err);
        self.clone()
    }

    /// Asserts what a file holds.
    pub fn holds(&self, path: &str, text: &str) -> Run {
        self.space.holds(path, text);
        self.clone()
    }

    /// Asserts that the talk or the answer holds this.
    pub fn says_not(&self, text: &str) -> Run {
        assert!(!self.out.contains(text) && !self.err.contains(text), "says `{text}`:\n{}{}", self.out, self.err);
        self.clone()
    }

    pub fn says(&self, text: &str) -> Run {
        assert!(self.err.contains(text) || self.out.contains(text), "no `{text}` in:\n{}{}", self.out, self.err);
        self.clone()
    }

    /// Asserts that the talk gives this reason.
    pub fn because(&self, text: &str) -> Run {
        let reason = format!("because {text}");
        self.says(&reason)
    }

    /// Names of the actions that started.
    pub fn started(&self) -> BTreeSet<String> {
        let started = self.events.iter().filter(|event| event["event"] == "action-started");
        started.map(|event| event["action"].as_str().unwrap().to_owned()).collect()
    }

    /// Names of the actions with this outcome.
    pub fn with(&self, outcome: &str) -> BTreeSet<String> {
        let with = self.finished().filter(|event| event["outcome"] == outcome);
        with.map(|event| event["action"].as_str().unwrap().to_owned()).collect()
    }

    pub fn has_events(&self) -> bool {
        !self.events.is_empty()
    }

    fn finished(&self) -> impl Iterator<Item = &Value> {
        self.events.iter().filter(|event| event["event"] == "action-finished")
    }
}

/// Text without the indentation of its first line.
fn unindented(text: &str) -> String {
    let text = text.strip_prefix('\n').unwrap_or(text);
    let indent = text.len() - text.trim_start_matches(' ').len();
    let line = |line: &str| line.get(indent..).unwrap_or("").to_owned() + "\n";
    text.lines().map(line).collect()
}

/// All files under `root`, relative to it, sorted.
fn list(root: &Path) -> Vec<String> {
    let files = walkdir(root).into_iter().filter(|path| !fs::symlink_metadata(path).unwrap().is_dir());
    let mut names: Vec<String> = files.map(|path| path.strip_prefix(root).unwrap().display().to_string()).collect();
    names.sort();
    names
}

/// `root` and everything under it; nothing if it is not there.
fn walkdir(root: &Path) -> Vec<PathBuf> {
    let (mut found, mut open) = (Vec::new(), vec![root.to_owned()]);
    while let Some(place) = open.pop() {
        let Ok(stat) = fs::symlink_metadata(&place) else { continue };
        if stat.is_dir() {
            open.extend(fs::read_dir(&place).unwrap().map(|entry| entry.unwrap().path()));
        }
        found.push(place);
    }
    found
}
