//! Holds the documents to the program: every command in them is run, every Storyfile read, every link followed.
//!
//! A block of ```` ```console ```` is a session: lines that start with `$ ` are commands, the lines below each are what it
//! prints on both streams. A comment before a block says where it runs:
//!
//! | comment | the block below it |
//! |---|---|
//! | `<!-- run: examples/makefile -->` | runs in a fresh copy of that folder |
//! | `<!-- run: empty -->` | runs in a fresh empty folder |
//! | `<!-- run: same -->` | goes on in the folder of the block before |
//! | `<!-- write: notes/a.md -->` | is written to that file in that folder, in whatever language it is |
//! | `<!-- files: a.md b/ -->` | is a Storyfile that is read where these files and folders are |
//! | `<!-- refused -->` | is a Storyfile that must be refused |
//! | `<!-- not run: WHY -->` | is left alone |
//!
//! After a comma, `run` takes `needs models` (skipped where the built-in models are not installed) and `any order` (for
//! lines of stages that run side by side). A command that ends in `# exit 3` must end with that status, any other with 0.
//! In expected output `…` stands for any text, and alone in a line for any lines; times and sizes match others of their
//! sort; runs of spaces count as one.

use regex::Regex;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use tempfile::TempDir;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Returns the documents, as paths from the root.
fn documents() -> Vec<PathBuf> {
    let mut found = vec![PathBuf::from("README.md")];
    for folder in ["docs", "examples", "benches"] {
        for entry in walkdir::WalkDir::new(root().join(folder)).sort_by_file_name().into_iter().flatten() {
            if entry.path().extension().is_some_and(|extension| extension == "md") {
                let path = entry.path().strip_prefix(root()).expect("it was found below the root");
                // The examples' own content (notes, house styles) is no document of ours.
                if folder != "examples" || path.ends_with("README.md") {
                    found.push(path.to_owned());
                }
            }
        }
    }
    found
}

/// A fenced block of a document and what is said of it.
#[derive(Debug)]
struct Block {
    line: usize,
    language: String,
    text: String,
    /// The comment before it: its word, and what follows the colon.
    comment: Option<(String, String)>,
}

fn blocks(document: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut comment = None;
    let mut lines = document.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        if let Some(inner) = line.trim().strip_prefix("<!--").and_then(|rest| rest.strip_suffix("-->")) {
            let (word, rest) = inner.split_once(':').unwrap_or((inner, ""));
            comment = Some((word.trim().to_owned(), rest.trim().to_owned()));
        } else if let Some(language) = line.trim_start().strip_prefix("```") {
            let indent = line.len() - line.trim_start().len();
            let fence = &line[indent..line.len() - language.trim_start_matches('`').len()];
            let mut text = String::new();
            for (_, line) in lines.by_ref() {
                if line.trim() == fence {
                    break;
                }
                text.push_str(line.get(indent..).unwrap_or(""));
                text.push('\n');
            }
            let language = language.trim_start_matches('`').trim().to_owned();
            blocks.push(Block { line: number + 1, language, text, comment: comment.take() });
        } else if !line.trim().is_empty() {
            comment = None;
        }
    }
    blocks
}

/// One command of a session.
#[derive(Debug, PartialEq, Eq)]
struct Step {
    command: String,
    status: i32,
    expected: Vec<String>,
}

fn steps(session: &str) -> Vec<Step> {
    static STATUS: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\s*# exit (\d+)$").expect("a pattern"));
    let mut steps: Vec<Step> = Vec::new();
    for line in session.lines() {
        if let Some(command) = line.strip_prefix("$ ") {
            let status = STATUS.captures(command).map_or(0, |found| found[1].parse().expect("digits"));
            let command = STATUS.replace(command, "").into_owned();
            steps.push(Step { command, status, expected: Vec::new() });
        } else {
            steps.last_mut().expect("a session starts with a command").expected.push(line.to_owned());
        }
    }
    steps
}

/// Tells whether `actual` is what `expected` shows.
fn matches(expected: &[String], actual: &[String]) -> bool {
    match expected.iter().position(|line| line.trim() == "…") {
        None => {
            expected.len() == actual.len()
                && expected.iter().zip(actual).all(|(wanted, line)| line_matches(wanted, line))
        }
        Some(gap) => {
            let (before, after) = (&expected[..gap], &expected[gap + 1..]);
            actual.len() >= gap
                && matches(before, &actual[..gap])
                && (gap..=actual.len()).any(|start| matches(after, &actual[start..]))
        }
    }
}

/// As [`matches`], the lines in any order.
fn matches_unsorted(expected: &[String], actual: &[String]) -> bool {
    let mut left: Vec<&String> = actual.iter().collect();
    let mut is_open = false;
    for wanted in expected {
        if wanted.trim() == "…" {
            is_open = true;
        } else if let Some(found) = left.iter().position(|line| line_matches(wanted, line)) {
            left.remove(found);
        } else {
            return false;
        }
    }
    is_open || left.is_empty()
}

fn line_matches(wanted: &str, line: &str) -> bool {
    static MEASURE: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"\d+(?:\\\.\d+)? (?:ms|s|min \d\d s|min|h \d\d min|h|kB|MB|GB|B)\b").expect("a pattern")
    });
    let spaced = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let pattern = regex::escape(&spaced(wanted));
    let measure = r"\d+(?:\.\d+)? (?:ms|s|min \d\d s|min|h \d\d min|h|kB|MB|GB|B)\b";
    let pattern = MEASURE.replace_all(&pattern, regex::NoExpand(measure)).replace('…', ".*");
    // A stage that took a second where others worked too is told as one of a second.
    static GUESS: LazyLock<Regex> = LazyLock::new(|| Regex::new(" · about .*$").expect("a pattern"));
    let line = if wanted.contains(" · about ") { line.into() } else { GUESS.replace(line, "") };
    Regex::new(&format!("^{pattern}$")).expect("an escaped text").is_match(&spaced(&line))
}

/// Runs the documents' sessions.
struct Session {
    folder: Option<TempDir>,
    /// A block was skipped: what goes on from it is skipped as well.
    skipped: bool,
}

impl Session {
    fn dir(&self) -> &Path {
        self.folder.as_ref().expect("a first block names its folder").path()
    }

    fn enter(&mut self, place: &str) {
        if place == "same" {
            return;
        }
        self.skipped = false;
        let folder = TempDir::new().expect("a temporary folder");
        match place {
            "empty" => {}
            _ => copy(&root().join(place), folder.path()),
        }
        self.folder = Some(folder);
    }

    /// Returns a report if a command does not do what the block shows.
    fn check(&self, block: &Block, sorted: bool) -> Option<String> {
        let mut report = String::new();
        for step in steps(&block.text) {
            let (status, actual) = run(&step.command, self.dir());
            let lines: Vec<String> = actual.trim_end().lines().map(str::to_owned).collect();
            let wanted =
                &step.expected[..step.expected.iter().rposition(|line| !line.is_empty()).map_or(0, |last| last + 1)];
            let fine = if sorted { matches(wanted, &lines) } else { matches_unsorted(wanted, &lines) };
            if !fine || status != step.status {
                let _ = write!(report, "$ {}\nended with {status}, wanted {}\n", step.command, step.status);
                let _ = write!(report, "--- shown\n{}\n--- printed\n{}\n", wanted.join("\n"), lines.join("\n"));
            }
        }
        (!report.is_empty()).then_some(report)
    }
}

/// The folder of the tests' models, where none are installed.
static MODELS: LazyLock<Option<OsString>> = LazyLock::new(|| {
    let installed = |name: &str| {
        let asked = Command::new(env!("CARGO_BIN_EXE_storygen")).args(["models", "path", name]).output();
        asked.is_ok_and(|output| output.status.success())
    };
    let missing = !["local", "local-voice"].into_iter().all(installed);
    std::env::var_os("STORYGEN_TEST_MODELS").filter(|_| missing)
});

fn run(command: &str, dir: &Path) -> (i32, String) {
    let programs = Path::new(env!("CARGO_BIN_EXE_storygen")).parent().expect("a program lies in a folder");
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap_or_default());
    let mut shell = Command::new("bash");
    shell.args(["-c", &format!("{{ {command}\n}} 2>&1")]).current_dir(dir).stdin(Stdio::null());
    shell.env("PATH", path).env("LC_ALL", "C.UTF-8").env("NO_COLOR", "1").env_remove("CI");
    if let Some(models) = MODELS.as_ref() {
        shell.env("STORYGEN_MODELS", models);
    }
    let output = shell.output().expect("bash starts");
    (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&output.stdout).into_owned())
}

fn copy(from: &Path, to: &Path) {
    assert!(from.is_dir(), "there is no folder {}", from.display());
    for entry in walkdir::WalkDir::new(from).into_iter().filter_entry(is_source) {
        let entry = entry.expect("the examples can be read");
        let place = to.join(entry.path().strip_prefix(from).expect("it was found below"));
        if entry.file_type().is_dir() {
            fs::create_dir_all(place).expect("a folder can be made");
        } else {
            fs::copy(entry.path(), place).expect("a file can be copied");
        }
    }
}

/// What someone built in an example is no part of it.
fn is_source(entry: &walkdir::DirEntry) -> bool {
    let made = ["build", "dist", "site", ".storygen", "Storyfile.lock", "target", ".git"];
    entry.depth() == 0 || !made.iter().any(|name| entry.file_name() == *name)
}

fn has_models() -> bool {
    static THERE: LazyLock<bool> = LazyLock::new(|| {
        let folder = TempDir::new().expect("a temporary folder");
        ["local", "local-voice"].iter().all(|name| run(&format!("storygen models path {name}"), folder.path()).0 == 0)
    });
    *THERE
}

/// Runs all blocks of a document and returns what is wrong.
fn faults(document: &Path) -> Vec<String> {
    let text = fs::read_to_string(root().join(document)).expect("the document can be read");
    let mut session = Session { folder: None, skipped: false };
    let mut faults = Vec::new();
    for block in blocks(&text) {
        let place = format!("{}:{}", document.display(), block.line);
        let (word, rest) = block.comment.clone().unwrap_or_default();
        let fault = match (word.as_str(), block.language.as_str()) {
            ("not run", _) => None,
            ("write", _) => {
                let file = session.dir().join(&rest);
                fs::create_dir_all(file.parent().expect("a file lies in a folder")).expect("a folder can be made");
                fs::write(file, &block.text).expect("a file can be written");
                None
            }
            ("run", "console") => {
                let mut parts = rest.split(',').map(str::trim);
                session.enter(parts.next().unwrap_or_default());
                let parts: BTreeSet<&str> = parts.collect();
                session.skipped |= parts.contains("needs models") && !has_models();
                if session.skipped {
                    println!("skipped {place}: the built-in models are not installed");
                    None
                } else {
                    session.check(&block, !parts.contains("any order"))
                }
            }
            (_, "console") => Some("say with a comment where this block runs: `<!-- run: FOLDER -->`".to_owned()),
            (_, "yaml") if block.text.trim_start().starts_with("storygen: 1") => storyfile(&block, &word, &rest),
            ("files" | "refused" | "run", language) => {
                Some(format!("`{word}` cannot be said of a block of `{language}`"))
            }
            _ => None,
        };
        faults.extend(fault.map(|fault| format!("{place}\n{fault}")));
    }
    faults
}

/// Reads a Storyfile where the files are that its comment names.
fn storyfile(block: &Block, word: &str, files: &str) -> Option<String> {
    let folder = TempDir::new().expect("a temporary folder");
    for file in files.split_whitespace().filter(|_| word == "files") {
        let place = folder.path().join(file);
        if file.ends_with('/') {
            fs::create_dir_all(place).expect("a folder can be made");
        } else {
            fs::create_dir_all(place.parent().expect("a file lies in a folder")).expect("a folder can be made");
            fs::write(place, "").expect("a file can be written");
        }
    }
    fs::write(folder.path().join("Storyfile.yaml"), &block.text).expect("a file can be written");
    let (status, printed) = run("storygen validate", folder.path());
    let wanted = if word == "refused" { 2 } else { 0 };
    (status != wanted).then(|| format!("`storygen validate` ended with {status}, wanted {wanted}:\n{printed}"))
}

fn hold(documents: impl Iterator<Item = PathBuf>) {
    let faults: Vec<String> = documents.flat_map(|document| faults(&document)).collect();
    assert!(faults.is_empty(), "{} blocks are not as shown:\n\n{}", faults.len(), faults.join("\n\n"));
}

#[test]
fn the_readme_shows_what_happens() {
    hold(std::iter::once(PathBuf::from("README.md")));
}

#[test]
fn the_tutorial_shows_what_happens() {
    hold(std::iter::once(PathBuf::from("docs/tutorial.md")));
}

#[test]
fn the_examples_show_what_happens() {
    hold(documents().into_iter().filter(|path| path.starts_with("examples")));
}

#[test]
fn the_other_documents_show_what_happens() {
    // docs/errors.md is held to the program, word by word, by tests/diagnostics.rs.
    let elsewhere = ["docs/tutorial.md", "docs/errors.md"].map(Path::new);
    let others = |path: &PathBuf| {
        (path.starts_with("docs") || path.starts_with("benches")) && !elsewhere.contains(&path.as_path())
    };
    hold(documents().into_iter().filter(others));
}

#[test]
fn every_example_is_a_storyfile_that_is_right() {
    let mut seen = 0;
    for entry in fs::read_dir(root().join("examples")).expect("the examples are there").flatten() {
        // What is written in Rust is run by tests/embed.rs.
        if entry.path().is_file() {
            continue;
        }
        let folder = TempDir::new().expect("a temporary folder");
        copy(&entry.path(), folder.path());
        let (status, printed) = run("storygen validate", folder.path());
        assert_eq!(status, 0, "{}: {printed}", entry.path().display());
        assert!(entry.path().join("README.md").is_file(), "{} has no README.md", entry.path().display());
        seen += 1;
    }
    assert!(seen >= 2, "the examples are gone");
}

#[test]
fn the_flagship_is_the_root_storyfile() {
    let read = |path: &str| fs::read_to_string(root().join(path)).expect("the file can be read");
    assert!(read("examples/flagship/Storyfile.yaml") == read("Storyfile.yaml"), "copy the one over the other");
}

#[test]
fn every_link_leads_somewhere() {
    let link = Regex::new(r"\]\(([^)\s]+)\)").expect("a pattern");
    let mut dead = Vec::new();
    for document in documents() {
        let text = fs::read_to_string(root().join(&document)).expect("the document can be read");
        for found in link.captures_iter(&text) {
            let (target, anchor) = found[1].split_once('#').unwrap_or((&found[1], ""));
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let path = root().join(&document);
            let path = if target.is_empty() { path } else { path.parent().expect("it lies in a folder").join(target) };
            let there = path.exists() && (anchor.is_empty() || anchors(&path).contains(anchor));
            if !there {
                dead.push(format!("{}: {}", document.display(), &found[1]));
            }
        }
    }
    assert!(dead.is_empty(), "dead links:\n{}", dead.join("\n"));
}

/// Returns the anchors of a document's headings, as code hosts make them.
fn anchors(document: &Path) -> BTreeSet<String> {
    let text = fs::read_to_string(document).unwrap_or_default();
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings
        .map(|line| {
            let kept = line.trim_start_matches('#').trim().to_lowercase();
            let kept = kept.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
            kept.collect::<String>().replace(' ', "-")
        })
        .collect()
}

mod matcher {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    fn check(expected: &str, actual: &str) -> bool {
        matches(&lines(expected), &lines(actual))
    }

    #[test]
    fn equal_output_matches_and_other_output_does_not() {
        assert!(check("a\nb", "a\nb"));
        assert!(!check("a\nb", "a"));
        assert!(!check("a", "a\nb"));
        assert!(!check("built 2 stages", "built 3 stages"));
        assert!(!check("", "surprise"));
    }

    #[test]
    fn an_ellipsis_is_any_text_or_any_lines_and_nothing_else_is() {
        assert!(check("a … d", "a b c d") && !check("a … d", "a b c e"));
        assert!(check("a\n…\nd", "a\nb\nc\nd") && check("a\n…\nd", "a\nd"));
        assert!(!check("a\n…\nd", "a\nb\nc") && !check("a.c", "abc"));
    }

    #[test]
    fn measures_match_measures_only() {
        assert!(check("done in 9 ms", "done in 1.7 s") && check("in 1.2 s: 2 ran", "in 1 min 07 s: 2 ran"));
        assert!(!check("done in 9 ms", "done in time") && !check("in 9 ms: 2 ran", "in 9 ms: 3 ran"));
        assert!(check("installed, 98.4 MB", "installed, 7 kB"));
    }

    #[test]
    fn in_any_order_every_line_counts_once() {
        let check = |expected: &str, actual: &str| matches_unsorted(&lines(expected), &lines(actual));
        assert!(check("a\nb", "b\na") && !check("a\nb", "b\nb") && !check("a", "a\nb") && check("a\n…", "b\na"));
    }

    #[test]
    fn a_session_is_read_with_its_status() {
        let found = steps("$ storygen build # exit 3\nwaiting\n$ true\n");
        assert_eq!((found[0].command.as_str(), found[0].status), ("storygen build", 3));
        assert_eq!((found[0].expected.clone(), found[1].status), (vec!["waiting".to_owned()], 0));
    }

    #[test]
    fn blocks_know_their_comment_and_their_place() {
        let found = blocks("text\n\n<!-- run: empty, any order -->\n```console\n$ true\n```\n```yaml\na: 1\n```\n");
        assert_eq!(found[0].comment, Some(("run".to_owned(), "empty, any order".to_owned())));
        assert_eq!((found[0].line, found[1].comment.is_none(), found[1].text.as_str()), (4, true, "a: 1\n"));
    }

    #[test]
    fn a_document_that_lies_is_found_out() {
        let session = Session { folder: Some(TempDir::new().unwrap()), skipped: false };
        let block = |text: &str| Block { line: 1, language: "console".into(), text: text.into(), comment: None };
        assert_eq!(session.check(&block("$ echo one\none\n"), true), None);
        assert!(session.check(&block("$ echo one\ntwo\n"), true).is_some());
        assert!(session.check(&block("$ false\n"), true).is_some());
        let bad = Block { text: "storygen: 1\nstages: { a: {} }\n".into(), language: "yaml".into(), ..block("") };
        assert!(storyfile(&bad, "", "").is_some() && storyfile(&bad, "refused", "").is_none());
    }
}
