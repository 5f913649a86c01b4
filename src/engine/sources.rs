//! Finds files by pattern: what a glob means on this disk.
//!
//! `*` and `?`-free by design of the language; `**` crosses folders; names that start with a dot match only a pattern
//! that says the dot. `.git` and `.storygen` are never looked into, symlinked folders are not followed.

use crate::engine::workspace::is_absent;
use crate::world::disk::{Disk, Sort, Spelling, Stat};
use globset::{GlobBuilder, GlobMatcher};
use std::collections::BTreeMap;
use std::io;
use std::path::Path;

/// A pattern ready to match.
#[derive(Clone, Debug)]
pub struct Pattern {
    segments: Vec<String>,
    matcher: GlobMatcher,
}

/// A file that a pattern matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    pub path: String,
    pub spelling: Spelling,
}

/// The folders that were listed for a plan, with what they were: a change in one makes the plan new.
pub type Guards = BTreeMap<String, Option<Stat>>;

impl Pattern {
    /// Parses a pattern; a malformed one is told in the words of the glob parser.
    pub fn parse(text: &str) -> Result<Pattern, String> {
        let text = text.trim_start_matches("./");
        let matcher = GlobBuilder::new(text)
            .literal_separator(true)
            .backslash_escape(false)
            .build()
            .map_err(|error| error.kind().to_string())?
            .compile_matcher();
        Ok(Pattern { segments: text.split('/').map(str::to_owned).collect(), matcher })
    }

    /// Returns the pattern as it was written.
    pub fn text(&self) -> String {
        self.segments.join("/")
    }

    /// Tells whether `path` matches.
    pub fn matches(&self, path: &str) -> bool {
        self.matcher.is_match(path) && self.allows_dots_of(path)
    }

    /// Returns the leading folders without any wildcard.
    pub fn base(&self) -> String {
        let plain = self.segments.iter().take_while(|segment| !segment.contains(['*', '[', '{']));
        let mut parts: Vec<&str> = plain.map(String::as_str).collect();
        if parts.len() == self.segments.len() {
            parts.pop();
        }
        parts.join("/")
    }

    /// Finds the files on disk that match, in natural order (`ch2` before `ch10`).
    pub fn find(&self, disk: &dyn Disk, root: &Path, guards: &mut Guards) -> io::Result<Vec<Match>> {
        let mut found = Vec::new();
        let depth = if self.segments.iter().any(|segment| segment == "**") { None } else { Some(self.segments.len()) };
        let mut folders = vec![self.base()];
        while let Some(folder) = folders.pop() {
            let place = root.join(&folder);
            let stat = match disk.stat_following(&place) {
                Ok(stat) => Some(stat).filter(|stat| stat.sort == Sort::Dir),
                Err(error) if is_absent(&error) => None,
                // Not to be taken for a folder without files: a build of what is left would be a lie.
                Err(error) => return Err(error),
            };
            // The first look stands: whoever looked then did not see what came later.
            guards.entry(folder.clone()).or_insert(stat);
            if stat.is_none() {
                continue;
            }
            for entry in disk.list(&place)? {
                let path = if folder.is_empty() { entry.name } else { format!("{folder}/{}", entry.name) };
                if matches!(path.as_str(), ".git" | ".storygen") {
                    continue;
                }
                let goes_on = entry.sort_is_dir && entry.spelling == Spelling::Exact;
                if goes_on {
                    if depth.is_none_or(|depth| path.split('/').count() < depth) && self.allows_dots_of(&path) {
                        folders.push(path);
                    }
                } else if self.matches(&path) && !entry.sort_is_dir || entry.sort_is_dir && self.leads_into(&path) {
                    found.push(Match { path, spelling: entry.spelling });
                }
            }
        }
        found.sort_by(|one, two| natural(&one.path, &two.path));
        Ok(found)
    }

    /// Tells whether the pattern can match something in a folder that cannot be opened by its name.
    fn leads_into(&self, folder: &str) -> bool {
        let deep = self.segments.iter().any(|segment| segment == "**");
        let known = if deep { self.segments.len() - 1 } else { folder.split('/').count() };
        let rest = self.segments.iter().skip(known).map(|segment| segment.replace('*', "x"));
        self.matches(&rest.fold(folder.to_owned(), |path, segment| format!("{path}/{segment}")))
    }

    /// A hidden name must be asked for: some segment of the pattern starts with a dot.
    fn allows_dots_of(&self, path: &str) -> bool {
        let asked = self.segments.iter().any(|segment| segment.starts_with('.'));
        asked || !path.split('/').any(|segment| segment.starts_with('.'))
    }
}

/// Compares as people count: runs of digits by their value, all else by character.
pub fn natural(one: &str, two: &str) -> std::cmp::Ordering {
    use std::cmp::Ordering;
    let (mut a, mut b) = (one, two);
    while let (Some(x), Some(y)) = (a.chars().next(), b.chars().next()) {
        let order = if x.is_ascii_digit() && y.is_ascii_digit() {
            let (digits_a, rest_a) = digits(a);
            let (digits_b, rest_b) = digits(b);
            (a, b) = (rest_a, rest_b);
            digits_a.len().cmp(&digits_b.len()).then_with(|| digits_a.cmp(digits_b))
        } else {
            (a, b) = (&a[x.len_utf8()..], &b[y.len_utf8()..]);
            x.cmp(&y)
        };
        if order != Ordering::Equal {
            return order;
        }
    }
    a.len().cmp(&b.len()).then_with(|| one.cmp(two))
}

/// Splits a run of digits, without its leading zeros, from what follows.
fn digits(text: &str) -> (&str, &str) {
    let end = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    (text[..end].trim_start_matches('0'), &text[end..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::real::RealDisk;

    fn find(pattern: &str, files: &[&str]) -> Vec<String> {
        let dir = tempfile::tempdir().unwrap();
        for file in files {
            let path = dir.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        Pattern::parse(pattern)
            .unwrap()
            .find(&RealDisk, dir.path(), &mut Guards::new())
            .unwrap()
            .into_iter()
            .map(|found| found.path)
            .collect()
    }

    #[test]
    fn a_star_stays_in_its_folder_and_two_cross_folders() {
        let files = ["a.md", "x/b.md", "x/y/c.md", "x/d.txt"];
        assert_eq!(find("*.md", &files), ["a.md"]);
        assert_eq!(find("x/*.md", &files), ["x/b.md"]);
        assert_eq!(find("**/*.md", &files), ["a.md", "x/b.md", "x/y/c.md"]);
    }

    #[test]
    fn matches_come_in_the_order_people_count() {
        assert_eq!(find("*", &["ch10", "ch2", "ch1"]), ["ch1", "ch2", "ch10"]);
    }

    #[test]
    fn hidden_files_and_our_own_folders_stay_out() {
        let files = [".storygen/log", ".git/config", ".hidden/a.md", "b.md"];
        assert_eq!(find("**/*", &files), ["b.md"]);
        assert_eq!(find(".hidden/*.md", &files), [".hidden/a.md"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_that_cannot_be_looked_at_is_not_taken_for_an_empty_one() {
        let dir = tempfile::tempdir().unwrap();
        let pattern = Pattern::parse(&format!("{}/*.md", "n".repeat(300))).unwrap();
        assert!(pattern.find(&RealDisk, dir.path(), &mut Guards::new()).is_err());
    }

    #[test]
    fn a_folder_that_is_not_there_has_no_files_and_is_watched() {
        let dir = tempfile::tempdir().unwrap();
        let mut guards = Guards::new();
        assert!(Pattern::parse("no/*.md").unwrap().find(&RealDisk, dir.path(), &mut guards).unwrap().is_empty());
        assert_eq!(guards, Guards::from([("no".to_owned(), None)]));
        std::fs::create_dir(dir.path().join("no")).unwrap();
        Pattern::parse("no/*.md").unwrap().find(&RealDisk, dir.path(), &mut guards).unwrap();
        assert_eq!(guards, Guards::from([("no".to_owned(), None)]), "what the first look saw has changed");
    }
}
