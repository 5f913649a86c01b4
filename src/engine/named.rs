//! What lines name: paths that were written, and what stages made there. Of each it holds a few bytes, for there may be many.

use crate::base::digest::Digest;
use crate::base::path::RepoPath;
use crate::engine::lockfile::Line;
use crate::storyfile::story::Action;
use std::collections::{BTreeSet, HashSet};

/// What all lines of a session name, also those that it wrote itself.
#[derive(Clone, Debug, Default)]
pub struct Named {
    // Asked by value only, so their order reaches nothing.
    paths: HashSet<u128>,
    made: HashSet<u128>,
}

impl Named {
    pub fn add(&mut self, line: &Line) {
        self.paths.extend(line.outputs.keys().map(|path| place(path.as_str())));
        self.made.extend(line.made().map(|(path, digest)| content(path, digest)));
    }

    /// Tells whether some line says that a stage made this at this path: it is ours there, though no record may be left.
    pub fn has_made(&self, path: &RepoPath, digest: &Digest) -> bool {
        self.made.contains(&content(path, digest))
    }

    /// Returns the files that lines name for other actions than these.
    pub fn orphans<'a>(&self, actions: impl Iterator<Item = &'a Action>) -> Orphans<'_> {
        let declared = actions.flat_map(|action| &action.outputs).map(|output| place(output.path.as_str()));
        Orphans { named: self, declared: declared.collect() }
    }
}

impl<'a> FromIterator<&'a Line> for Named {
    fn from_iter<T: IntoIterator<Item = &'a Line>>(lines: T) -> Named {
        let mut named = Named::default();
        lines.into_iter().for_each(|line| named.add(line));
        named
    }
}

/// Files that lines name for actions that are no more, or that are of other rows: no pattern finds them (R17).
pub struct Orphans<'a> {
    named: &'a Named,
    declared: BTreeSet<u128>,
}

impl Orphans<'_> {
    /// Tells whether an orphan is at `path`, or is a folder above it.
    pub fn has(&self, path: &str) -> bool {
        let mut ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
        ends.any(|end| {
            let place = place(&path[..end]);
            self.named.paths.contains(&place) && !self.declared.contains(&place)
        })
    }
}

fn place(path: &str) -> u128 {
    Digest::of(path.as_bytes()).half()
}

fn content(path: &RepoPath, digest: &Digest) -> u128 {
    Digest::hasher().field(path.as_str().as_bytes()).field(digest.as_bytes()).finish().half()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::few::Few;
    use crate::base::id::{ActionId, StageId};
    use crate::base::span::Span;
    use crate::storyfile::story::{Keep, Output, OutputSort};

    fn path(text: &str) -> RepoPath {
        RepoPath::parse(text).unwrap()
    }

    fn line(at: &str) -> Line {
        Line { outputs: Few::from([(path(at), Digest::of(b"x"))]), ..Line::of(ActionId::new("a")) }
    }

    #[test]
    fn what_no_action_writes_now_is_an_orphan_and_so_is_all_in_it() {
        let named: Named = [&line("out/a.txt"), &line("out/tree")].into_iter().collect();
        let none = named.orphans([].into_iter());
        assert!(none.has("out/a.txt") && none.has("out/tree") && none.has("out/tree/in/it"));
        assert!(!none.has("out") && !none.has("out/a.txt.md") && !none.has("out/b.txt"));
        let mut action = Action::new(ActionId::new("a"), StageId::new("a"), Span::default());
        let (slot, sort, keep, span) = ("0".to_owned(), OutputSort::File, Keep::Bytes, Span::default());
        action.outputs.push(Output { slot, path: path("out/a.txt"), sort, keep, span });
        assert!(!named.orphans([&action].into_iter()).has("out/a.txt"));
    }

    #[test]
    fn what_a_person_had_accepted_was_made_by_no_stage() {
        let mut accepted = line("a.txt");
        accepted.accepted.insert(path("a.txt"));
        let named: Named = [&accepted, &line("b.txt")].into_iter().collect();
        let made = |at: &str, text: &str| named.has_made(&path(at), &Digest::of(text.as_bytes()));
        assert_eq!([made("a.txt", "x"), made("b.txt", "x"), made("b.txt", "y")], [false, true, false]);
    }
}
