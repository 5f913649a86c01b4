//! Who writes a path: the declared outputs, and the patterns of what open fan-outs will write.

use crate::base::path::RepoPath;
use crate::engine::intersect::{intersect, lies_in};
use crate::storyfile::lists::Territory;
use crate::storyfile::story::{Action, OutputSort, Work};
use std::collections::BTreeMap;

/// The declared outputs, found by path.
#[derive(Clone, Debug, Default)]
pub struct Makers {
    pub files: BTreeMap<RepoPath, usize>,
    pub trees: BTreeMap<RepoPath, usize>,
    /// What the open fan-outs will write.
    fans: Vec<(usize, Territory)>,
}

impl Makers {
    /// Adds what the action with this index writes.
    pub fn add(&mut self, index: usize, action: &Action) {
        for output in &action.outputs {
            match output.sort {
                OutputSort::File => self.files.insert(output.path.clone(), index),
                OutputSort::Tree => self.trees.insert(output.path.clone(), index),
            };
        }
        if let Work::Fan { territories, .. } = &action.work {
            self.fans.extend(territories.iter().map(|territory| (index, territory.clone())));
        }
    }

    /// Takes the patterns of a fan-out away: its instances are there.
    pub fn close(&mut self, fan: usize) {
        self.fans.retain(|(open, _)| *open != fan);
    }

    /// Returns the open fan-outs that may write the file.
    pub fn fans_of_path(&self, path: &RepoPath) -> Vec<usize> {
        self.fans_where(|territory| match territory.sort {
            OutputSort::File => intersect(&territory.pattern, path.as_str()),
            OutputSort::Tree => lies_in(path.as_str(), &territory.pattern),
        })
    }

    /// Returns the open fan-outs that may write into the folder.
    pub fn fans_within(&self, folder: &RepoPath) -> Vec<usize> {
        let inside = format!("{folder}/**");
        self.fans_where(|territory| match territory.sort {
            OutputSort::File => intersect(&territory.pattern, &inside),
            OutputSort::Tree => intersect(&territory.pattern, &inside) || lies_in(folder.as_str(), &territory.pattern),
        })
    }

    /// Returns the open fan-outs that may write what the pattern matches.
    pub fn fans_of_pattern(&self, pattern: &str) -> Vec<usize> {
        self.fans_where(|territory| match territory.sort {
            OutputSort::File => intersect(&territory.pattern, pattern),
            OutputSort::Tree => lies_in(pattern, &territory.pattern),
        })
    }

    fn fans_where(&self, may: impl Fn(&Territory) -> bool) -> Vec<usize> {
        let mut fans: Vec<usize> =
            self.fans.iter().filter(|(_, territory)| may(territory)).map(|(fan, _)| *fan).collect();
        fans.dedup();
        fans
    }

    /// Returns the action that makes `path`, itself or as part of a folder.
    pub fn of_path(&self, path: &RepoPath) -> Option<usize> {
        if let Some(&maker) = self.files.get(path) {
            return Some(maker);
        }
        let mut folder = Some(path.clone());
        while let Some(place) = folder {
            if let Some(&maker) = self.trees.get(&place) {
                return Some(maker);
            }
            folder = place.parent();
        }
        None
    }

    /// Returns all actions that make something in `folder`.
    pub fn within(&self, folder: &RepoPath) -> Vec<usize> {
        let start = folder.clone();
        let inside = |map: &BTreeMap<RepoPath, usize>| -> Vec<usize> {
            map.range(start.clone()..)
                // `a/b-c` sorts between `a/b` and `a/b/c`: what merely starts alike is passed over.
                .take_while(|(path, _)| path.as_str().starts_with(folder.as_str()))
                .filter(|(path, _)| path.is_within(folder))
                .map(|(_, &maker)| maker)
                .collect()
        };
        let mut makers = inside(&self.files);
        makers.extend(inside(&self.trees));
        makers.extend(self.of_path(folder));
        makers.sort_unstable();
        makers.dedup();
        makers
    }
}
