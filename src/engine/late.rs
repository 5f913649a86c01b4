//! Patterns that reach into folders which stages write: what they match shows once the folder stands.

use crate::base::digest::Digest;
use crate::base::path::RepoPath;
use crate::engine::error::EngineError;
use crate::engine::judge::Project;
use crate::engine::parts::part_of;
use crate::engine::sources::{Pattern, natural};
use crate::engine::workflow::{Bound, Plurality, What};
use crate::storyfile::story::Input;
use std::collections::{BTreeMap, BTreeSet};

/// A pattern among the inputs of an action.
#[derive(Clone, Debug)]
pub struct Late {
    pub input: Input,
    /// Before which of the other inputs its matches stand.
    pub place: usize,
    pub pattern: Pattern,
    pub excluded: Vec<Pattern>,
    /// The folders that it reaches into, with the actions that write them.
    pub trees: Vec<(RepoPath, usize)>,
}

impl Project {
    /// Finds what the late patterns of `action` match, now that what they reach into stands or will be put back.
    pub(super) fn bind_late(
        &mut self,
        action: usize,
        foreseen: &BTreeMap<RepoPath, Digest>,
    ) -> Result<(), EngineError> {
        let node = &self.workflow.nodes[action];
        if node.late.is_empty() {
            return Ok(());
        }
        let (late, mut inputs) = (node.late.clone(), node.fixed.clone());
        // From the last to the first: what is put in moves no place that is still to come.
        for late in late.iter().rev() {
            let found = self.files_of(late, foreseen)?;
            let bound = found.into_iter().map(|(path, maker)| Bound {
                role: late.input.role.clone(),
                plurality: Plurality::Many,
                what: match part_of(&late.input, &path, &mut Vec::new()) {
                    Some(part) => What::Part(path, part),
                    None => What::File(path),
                },
                presence: late.input.presence,
                makers: vec![maker],
            });
            inputs.splice(late.place..late.place, bound.collect::<Vec<_>>());
        }
        self.workflow.nodes[action].inputs = inputs;
        Ok(())
    }

    fn files_of(
        &self,
        late: &Late,
        foreseen: &BTreeMap<RepoPath, Digest>,
    ) -> Result<Vec<(RepoPath, usize)>, EngineError> {
        let root = &self.workspace.root;
        let mut guards = BTreeMap::new();
        let found = late.pattern.find(&*self.workspace.disk, root, &mut guards);
        let found = found.map_err(|error| EngineError::read(&root.join(late.pattern.base()), error))?;
        let standing: BTreeSet<RepoPath> = found.iter().filter_map(|found| RepoPath::found(&found.path).ok()).collect();
        let mut files = Vec::new();
        for (tree, maker) in late.trees.iter().filter(|(_, maker)| !self.skipped.contains(maker)) {
            let is_inside = |path: &&RepoPath| path.is_within(tree) && late.matches(path);
            // What will be put back is the whole folder.
            let ahead: Vec<&RepoPath> = foreseen.keys().filter(is_inside).collect();
            let inside = match ahead.is_empty() && !foreseen.contains_key(tree) {
                true => standing.iter().filter(is_inside).collect(),
                false => ahead,
            };
            files.extend(inside.into_iter().map(|path| (path.clone(), *maker)));
        }
        // The folders of a fan-out in the order of its items, what is in them in natural order.
        let place = |maker: &usize| self.node(*maker).action.place;
        files.sort_by(|(one, of_one), (two, of_two)| {
            place(of_one).cmp(&place(of_two)).then_with(|| natural(one.as_str(), two.as_str()))
        });
        Ok(files)
    }
}

impl Late {
    fn matches(&self, path: &RepoPath) -> bool {
        self.pattern.matches(path.as_str()) && !self.excluded.iter().any(|pattern| pattern.matches(path.as_str()))
    }
}
