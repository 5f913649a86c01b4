//! Reads the files that hold answers, and finds what is wrong with them.

use super::{Loaded, Placed, Shelf, beside};
use crate::base::diagnostic::{Diagnostic, Source};
use crate::base::path::RepoPath;
use crate::storyfile::answers::{Entry, Says, holds_entries, read};
use crate::storyfile::story::Selector;
use crate::world::disk::Spelling;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Returns all entries, in the order of the paths of their files.
pub fn load(answers: &Selector, shelf: &Shelf) -> Loaded {
    let mut lists = Vec::new();
    for file in files(answers, shelf) {
        // A file that is not there is an input that is missing, which is told as such.
        let Ok(bytes) = shelf.disk.read(&file.under(&shelf.root)) else { continue };
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let (entries, faults) = read(file.as_str(), &text);
        lists.push((file, text, entries, faults));
    }
    // What an answer names is the answer itself, and no list of answers, whatever it is called: `file: feed.json`.
    let mut bodies: BTreeSet<RepoPath> = BTreeSet::new();
    for (file, _, entries, _) in &lists {
        bodies.extend(entries.iter().filter_map(|entry| named(file, entry)).filter(|path| path != file));
    }
    let mut loaded = Loaded::default();
    for (file, text, entries, faults) in lists.into_iter().filter(|(file, ..)| !bodies.contains(file)) {
        let source = Arc::new(Source { name: file.to_string(), text });
        let misplaced: Vec<Diagnostic> = entries.iter().filter_map(|entry| misplaced(answers, &file, entry)).collect();
        loaded.faults.extend(faults.into_iter().chain(misplaced).map(|fault| fault.in_file(&source)));
        loaded.entries.extend(entries.into_iter().map(|entry| Placed { file: file.clone(), entry }));
    }
    loaded
}

fn named(file: &RepoPath, entry: &Entry) -> Option<RepoPath> {
    beside(file, entry.names()?)
}

/// A file that is not among the answers is no input of the stage: a change of it would go unseen.
fn misplaced(answers: &Selector, file: &RepoPath, entry: &Entry) -> Option<Diagnostic> {
    let name = entry.names()?;
    let is_inside = match answers {
        Selector::Tree(folder) => named(file, entry).is_some_and(|path| path.is_within(folder)),
        Selector::File(_) | Selector::Glob { .. } => false,
    };
    let what = if matches!(entry.says, Says::Sound { .. }) { "recording" } else { "file" };
    let message = format!("the {what} `{name}` does not lie in a folder of answers");
    (!is_inside).then(|| {
        Diagnostic::error("S168", message, entry.span)
            .label("names a file elsewhere")
            .help("put both into a folder and name that: `answers: answers/`; a path starts at the file that names it")
    })
}

/// Returns the files that may hold entries, in the order of their paths.
fn files(answers: &Selector, shelf: &Shelf) -> Vec<RepoPath> {
    let (mut folders, mut files) = match answers {
        Selector::File(path) => (Vec::new(), vec![path.clone()]),
        Selector::Tree(path) => (vec![path.clone()], Vec::new()),
        Selector::Glob { .. } => (Vec::new(), Vec::new()),
    };
    while let Some(folder) = folders.pop() {
        let listed = shelf.disk.list(&folder.under(&shelf.root)).unwrap_or_default();
        for entry in listed.into_iter().filter(|entry| entry.spelling == Spelling::Exact) {
            let Ok(path) = RepoPath::found(&format!("{folder}/{}", entry.name)) else { continue };
            match entry.sort_is_dir {
                true => folders.push(path),
                false if holds_entries(&entry.name) => files.push(path),
                false => {}
            }
        }
    }
    files.sort();
    files
}
