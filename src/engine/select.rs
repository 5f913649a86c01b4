//! Which actions a command means: stages, instances, patterns and output paths.

use crate::base::diagnostic::nearest;
use crate::base::path::RepoPath;
use crate::engine::drive::ends;
use crate::engine::judge::{Demands, Project};
use crate::engine::plan::Selection;
use crate::engine::skip::surely_skipped;
use crate::engine::sources::Pattern;
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

/// Turns names into a selection.
pub fn select(project: &Project, wish: &Wish) -> Result<Selection, UnknownTarget> {
    let forced = find_all(project, &wish.force)?;
    let discard_edits = find_all(project, &wish.discard_edits)?;
    let dag = &project.workflow.dag;
    let mut wanted = find_all(project, &wish.targets)?;
    let mut actions = if !wish.only.is_empty() {
        wanted = find_all(project, &wish.only)?;
        wanted.clone()
    } else if let Some(from) = &wish.from {
        let start = find(project, from)?;
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

/// Finds all actions that any of the names means.
pub fn find_all(project: &Project, names: &[String]) -> Result<BTreeSet<usize>, UnknownTarget> {
    let mut found = BTreeSet::new();
    for name in names {
        found.extend(find(project, name)?);
    }
    Ok(found)
}

/// Finds the actions that a name means: a stage (all its instances), an instance, a pattern, or an output's path.
pub fn find(project: &Project, name: &str) -> Result<BTreeSet<usize>, UnknownTarget> {
    let nodes = || project.workflow.nodes.iter().enumerate();
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
        let names = nodes().flat_map(|(_, node)| [node.action.stage.as_str(), node.action.id.as_str()]);
        let suggestion = nearest(name, names).map(str::to_owned);
        return Err(UnknownTarget { name: name.to_owned(), suggestion });
    }
    Ok(found)
}
