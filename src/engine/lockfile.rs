//! `Storyfile.lock`: which result stands for each action. Committed with the repo; JSON lines, sorted.
//!
//! One line for an action and its output paths, so that the results of other parameters keep theirs. It holds no times
//! and no costs: two machines that chose the same results write the same bytes. It only chooses; contents vouch.

use crate::base::digest::Digest;
use crate::base::few::Few;
use crate::base::id::{ActionId, ActionKey, Take};
use crate::base::path::RepoPath;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::Arc;

/// The format that this version writes.
const FORMAT: u32 = 1;

/// What stands for one action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    pub action: ActionId,
    /// The key of the result; none if the result vouches for nothing (an input moved while it was made).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<ActionKey>,
    pub take: Take,
    /// The content of each input, by path: what a clone without records explains itself with.
    #[serde(default, skip_serializing_if = "Few::is_empty")]
    pub inputs: Few<String, Digest>,
    /// What the action made, by path.
    #[serde(default, skip_serializing_if = "Few::is_empty")]
    pub outputs: Few<RepoPath, Digest>,
    /// What a person made of it, by path.
    #[serde(default, skip_serializing_if = "Few::is_empty")]
    pub edits: Few<RepoPath, Digest>,
    /// Those of `outputs` whose content a person wrote and had accepted.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub accepted: BTreeSet<RepoPath>,
    /// The verdict of an action without outputs; of a fan-out over a list in a file, the digest of its instances' names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Digest>,
    /// The row of a batch that it is of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row: Option<String>,
    /// The list of its fan-out has this instance no more; what it made stands.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub orphan: bool,
}

/// An action and its output paths: what a line is about.
pub type LineName = (ActionId, Vec<RepoPath>);

impl Line {
    /// Returns the line of an action for which nothing stands yet.
    pub fn of(action: ActionId) -> Line {
        Line {
            action,
            key: None,
            take: 1,
            inputs: Few::default(),
            outputs: Few::default(),
            edits: Few::default(),
            accepted: BTreeSet::new(),
            verdict: None,
            row: None,
            orphan: false,
        }
    }

    pub fn name(&self) -> LineName {
        (self.action.clone(), self.outputs.keys().cloned().collect())
    }

    /// Returns what the action itself made at each path; what a person had accepted is theirs.
    pub fn made(&self) -> impl Iterator<Item = (&RepoPath, &Digest)> {
        self.outputs.iter().filter(|(path, _)| !self.accepted.contains(*path))
    }

    /// Returns what should stand at `path`: a person's edit before what the action made.
    pub fn standing(&self, path: &RepoPath) -> Option<&Digest> {
        self.edits.get(path).or_else(|| self.outputs.get(path))
    }
}

/// All lines, sorted by action and paths. The lock's and the local state's are mostly the same, and held once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lines(BTreeMap<LineName, Arc<Line>>);

#[derive(Serialize, Deserialize)]
struct Header {
    #[serde(rename = "storyfile.lock")]
    format: u32,
}

/// A lock file that a newer version wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`Storyfile.lock` has format {0}, newer than this storygen knows (1)")]
pub struct TooNew(pub u32);

impl Lines {
    /// Reads a lock file. Lines that cannot be read (a merge's markers) are left out and counted: losing a line costs a
    /// check, never a result.
    pub fn parse(text: &str) -> Result<(Lines, usize), TooNew> {
        let (mut lines, mut unread) = (Lines::default(), 0);
        for text in text.lines().filter(|text| !text.trim().is_empty()) {
            if let Ok(line) = serde_json::from_str::<Line>(text) {
                lines.insert(line.into());
            } else if let Ok(header) = serde_json::from_str::<Header>(text) {
                if header.format > FORMAT {
                    return Err(TooNew(header.format));
                }
            } else {
                unread += 1;
            }
        }
        Ok((lines, unread))
    }

    /// Writes the file's text.
    pub fn print(&self) -> String {
        let mut text = String::new();
        let header = serde_json::to_string(&Header { format: FORMAT }).expect("a header is plain data");
        let _ = writeln!(text, "{header}");
        for line in self.0.values() {
            let _ = writeln!(text, "{}", serde_json::to_string(line).expect("a line is plain data with text keys"));
        }
        text
    }

    pub fn insert(&mut self, line: Arc<Line>) {
        self.0.insert(line.name(), line);
    }

    pub fn get(&self, name: &LineName) -> Option<&Arc<Line>> {
        self.0.get(name)
    }

    /// Returns what these lines, then others say of an action.
    pub fn and<'a>(&'a self, others: &'a Lines, name: &LineName) -> Vec<&'a Line> {
        [self.get(name), others.get(name)].into_iter().flatten().map(Arc::as_ref).collect()
    }

    pub fn remove(&mut self, name: &LineName) {
        self.0.remove(name);
    }

    /// Holds the lines that `others` has too but once.
    pub fn share(&mut self, others: &Lines) {
        for (name, line) in &mut self.0 {
            if let Some(other) = others.get(name).filter(|other| *other == line) {
                *line = other.clone();
            }
        }
    }

    /// Marks the lines of a fan-out's instances that are no more.
    pub fn mark_orphans(&mut self, fan: &ActionId, is_orphan: &dyn Fn(&Line) -> bool) {
        let lines = self.0.range_mut(first_below(fan)..).take_while(|((id, _), _)| id.is_below(fan));
        for (_, line) in lines.filter(|(_, line)| !line.orphan && is_orphan(line)) {
            *line = Arc::new(Line { orphan: true, ..(**line).clone() });
        }
    }

    /// Returns all lines in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Arc<Line>> {
        self.0.values()
    }

    /// Returns the lines of the instances of a fan-out, now or once, in order.
    pub fn below(&self, fan: &ActionId) -> impl Iterator<Item = &Arc<Line>> {
        self.0.range(first_below(fan)..).take_while(|((id, _), _)| id.is_below(fan)).map(|(_, line)| line)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Where the names of a fan-out's instances begin: they stand together, for all start with the fan-out's name and a colon.
fn first_below(fan: &ActionId) -> LineName {
    (ActionId::new(format!("{fan}:")), Vec::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(action: &str, path: &str) -> Line {
        Line {
            key: Some(ActionKey(Digest::of(action.as_bytes()))),
            inputs: Few::from([("in.txt".to_owned(), Digest::of(b"in"))]),
            outputs: Few::from([(RepoPath::parse(path).unwrap(), Digest::of(b"out"))]),
            ..Line::of(ActionId::new(action))
        }
    }

    #[test]
    fn what_is_written_is_read_back_in_order() {
        let mut lines = Lines::default();
        lines.insert(line("voice", "dist/voice.wav").into());
        lines.insert(line("script", "build/script.md").into());
        let text = lines.print();
        assert!(text.find("\"script\"") < text.find("\"voice\""));
        assert_eq!(Lines::parse(&text).unwrap(), (lines, 0));
    }

    #[test]
    fn results_of_other_parameters_keep_their_lines() {
        let mut lines = Lines::default();
        lines.insert(line("script", "build/en/script.md").into());
        lines.insert(line("script", "build/es/script.md").into());
        assert_eq!(lines.iter().count(), 2);
    }

    #[test]
    fn markers_of_a_merge_cost_only_themselves() {
        let text = format!("<<<<<<< ours\n{}\n=======\n", serde_json::to_string(&line("a", "a.txt")).unwrap());
        let (lines, unread) = Lines::parse(&text).unwrap();
        assert_eq!((lines.iter().count(), unread), (1, 2));
    }

    #[test]
    fn the_instances_of_a_fan_out_are_found_and_marked_alone() {
        let mut lines = Lines::default();
        for name in ["a", "a-b:x", "a:x", "a:x:1", "a:y", "a0"] {
            lines.insert(line(name, "out.txt").into());
        }
        let names = |fan: &str| -> Vec<String> {
            lines.below(&ActionId::new(fan)).map(|line| line.action.to_string()).collect()
        };
        assert_eq!(names("a"), ["a:x", "a:x:1", "a:y"]);
        assert_eq!(names("a:x"), ["a:x:1"]);
        let mut marked = lines.clone();
        marked.mark_orphans(&ActionId::new("a:x"), &|_| true);
        assert_eq!(marked.iter().filter(|line| line.orphan).count(), 1);
    }

    #[test]
    fn what_two_files_say_alike_is_held_once() {
        let (mut lock, mut state) = (Lines::default(), Lines::default());
        for name in ["a", "b"] {
            lock.insert(line(name, "x").into());
            state.insert(line(name, "x").into());
        }
        state.insert(Line { take: 2, ..line("b", "x") }.into());
        let before = state.clone();
        state.share(&lock);
        assert_eq!(state, before);
        let shared: Vec<bool> = lock.iter().zip(state.iter()).map(|(one, two)| Arc::ptr_eq(one, two)).collect();
        assert_eq!(shared, [true, false]);
    }

    #[test]
    fn a_newer_format_is_left_alone() {
        assert_eq!(Lines::parse("{\"storyfile.lock\":2}\n").unwrap_err(), TooNew(2));
    }
}
