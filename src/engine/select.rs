//! Which actions a command means: stages, instances, patterns and output paths.

use crate::base::diagnostic::nearest;
use crate::base::path::RepoPath;
use crate::engine::drive::ends;
use crate::engine::judge::{Demands, Project};
use crate::engine::plan::Selection;
use crate::engine::skip::surely_skipped;
use crate::engine::sources::Pattern;
use crate::storyfile::story::{Action, Output};
use std::collections::BTreeSet;

/// What the command line names.
#[derive(Clone, Debug, Default)]
pub struct Wish {
    /// Nothing means everything.
    pub targets: Vec<String>,
    /// Made again though fresh.
    pub force: Vec<String>,
    /// This stage and all that follows from it, on what stands before it.
    pub from: Option<String>,
    /// Just these.
    pub only: Vec<String>,
    pub discard_edits: Vec<String>,
}

/// A target that nothing answers to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no stage or output is called `{name}`")]
pub struct UnknownTarget {
    pub name: String,
    /// What may have been meant.
    pub suggestion: Option<String>,
}

/// Whether a name that nothing answers to is an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leniency {
    /// It may come to be known.
    Unknown,
    Nothing,
}

/// Turns names into a selection.
pub fn select(project: &Project, wish: &Wish) -> Result<Selection, UnknownTarget> {
    choose(project, wish, Leniency::Nothing)
}

/// Turns those names into a selection that something answers to.
pub fn select_some(project: &Project, wish: &Wish) -> Selection {
    choose(project, wish, Leniency::Unknown).unwrap_or_default()
}

fn choose(project: &Project, wish: &Wish, leniency: Leniency) -> Result<Selection, UnknownTarget> {
    let find_all = |names: &[String]| {
        let mut found = BTreeSet::new();
        for name in names {
            match (find(project, name), leniency) {
                (Ok(actions), _) => found.extend(actions),
                (Err(_), Leniency::Unknown) => {}
                (Err(unknown), Leniency::Nothing) => return Err(unknown),
            }
        }
        Ok(found)
    };
    let forced = find_all(&wish.force)?;
    let discard_edits = find_all(&wish.discard_edits)?;
    let dag = &project.workflow.dag;
    let mut wanted = find_all(&wish.targets)?;
    let mut actions = if !wish.only.is_empty() {
        wanted = find_all(&wish.only)?;
        wanted.clone()
    } else if let Some(from) = &wish.from {
        let start = find_all(std::slice::from_ref(from))?;
        let after = dag.with_all_after(start);
        let within = if wanted.is_empty() { after.clone() } else { dag.with_all_before(wanted.iter().copied()) };
        &after & &within
    } else {
        // A forced target is a target; with none at all, everything is.
        if !wish.targets.is_empty() {
            wanted.extend(forced.iter().chain(&discard_edits));
        }
        if wanted.is_empty() { (0..dag.len()).collect() } else { needed_for(project, &wanted) }
    };
    actions.extend(forced.iter().chain(&discard_edits));
    wanted.extend(ends(project, &actions));
    Ok(Selection { actions, wanted, demands: Demands { forced, discard_edits } })
}

/// Returns `wanted` and all that they need; for what is skipped whatever is built, nothing has to be made.
fn needed_for(project: &Project, wanted: &BTreeSet<usize>) -> BTreeSet<usize> {
    let skipped = surely_skipped(&project.workflow);
    let mut needed = BTreeSet::new();
    let mut open: Vec<usize> = wanted.iter().copied().collect();
    while let Some(action) = open.pop() {
        if needed.insert(action) && !skipped.contains(&action) {
            open.extend(project.workflow.dag.before(action));
        }
    }
    needed
}

/// Tells whether a name may mean an action, or an instance of it, before the graph stands.
pub fn may_mean(name: &str, action: &Action) -> bool {
    let path = RepoPath::parse(name).ok();
    let pattern = if name.contains('*') { Pattern::parse(name).ok() } else { None };
    let is_output = |output: &Output| {
        path.as_ref().is_some_and(|path| path.is_within(&output.path))
            || pattern.as_ref().is_some_and(|pattern| pattern.matches(output.path.as_str()))
    };
    let is_fan = || name.contains('/') || name.starts_with(&format!("{}:", action.stage));
    action.id.as_str() == name
        || action.stage.as_str() == name
        || action.outputs.iter().any(is_output)
        || pattern.as_ref().is_some_and(|pattern| pattern.matches(action.id.as_str()))
        || action.is_fan() && is_fan()
}

/// Finds all actions that any of the names means.
pub fn find_all(project: &Project, names: &[String]) -> Result<BTreeSet<usize>, UnknownTarget> {
    let mut found = BTreeSet::new();
    for name in names {
        found.extend(find(project, name)?);
    }
    Ok(found)
}

/// Finds the actions that a name means: a stage (all its instances), an instance, a pattern, or an output's path. A
/// fan-out stands for the instances that it may come to have.
pub fn find(project: &Project, name: &str) -> Result<BTreeSet<usize>, UnknownTarget> {
    let is_gone = |index: &usize| project.workflow.unfolded.contains_key(index);
    let nodes = || project.workflow.nodes.iter().enumerate().filter(|(index, _)| !is_gone(index));
    let mut found: BTreeSet<usize> = nodes()
        .filter(|(_, node)| node.action.id.as_str() == name || node.action.stage.as_str() == name)
        .map(|(index, _)| index)
        .collect();
    if let (true, Ok(path)) = (found.is_empty(), RepoPath::parse(name)) {
        found = nodes()
            .filter(|(_, node)| {
                node.action.outputs.iter().any(|output| output.path == path || path.is_within(&output.path))
            })
            .map(|(index, _)| index)
            .collect();
    }
    if let (true, true, Ok(pattern)) = (found.is_empty(), name.contains('*'), Pattern::parse(name)) {
        found = nodes()
            .filter(|(_, node)| {
                pattern.matches(node.action.id.as_str())
                    || node.action.outputs.iter().any(|output| pattern.matches(output.path.as_str()))
            })
            .map(|(index, _)| index)
            .collect();
    }
    if found.is_empty() {
        found = open(project, name);
    }
    if found.is_empty() {
        let names = nodes().flat_map(|(_, node)| [node.action.stage.as_str(), node.action.id.as_str()]);
        let suggestion = nearest(name, names).map(str::to_owned);
        return Err(UnknownTarget { name: name.to_owned(), suggestion });
    }
    Ok(found)
}

/// Finds the open fan-outs that an instance, a pattern of instances or an output may come from.
fn open(project: &Project, name: &str) -> BTreeSet<usize> {
    let stage = name.split(':').next().filter(|stage| stage.len() < name.len());
    let path = RepoPath::parse(name).ok();
    let may_make = |fan: &usize| {
        let writes = || match &path {
            Some(path) => project.workflow.makers.fans_of_path(path),
            None => project.workflow.makers.fans_of_pattern(name),
        };
        stage == Some(project.node(*fan).action.stage.as_str()) || stage.is_none() && writes().contains(fan)
    };
    project.workflow.open_fans().into_iter().filter(may_make).collect()
}
