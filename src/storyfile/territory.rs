//! What an open fan-out will write: its output paths, with a hole for what only an item says (R16).

use crate::base::path::RepoPath;
use crate::storyfile::expr::{self, Piece};
use crate::storyfile::faults::Faults;
use crate::storyfile::lists::{ListSource, Territory};
use crate::storyfile::paths;
use crate::storyfile::settle::Names;
use crate::storyfile::story::{Action, Input, Keep, Output, OutputSort, Presence, Selector};
use crate::storyfile::tree::Node;
use std::collections::BTreeSet;

/// Returns the territories of these outputs.
pub fn of(outputs: &[(String, &Node)], lists: &[ListSource], names: &Names, faults: &mut Faults) -> Vec<Territory> {
    let files = file_roots(lists);
    let one = |(_, node): &(String, &Node)| {
        let pattern = fill(node, &files, names, faults)?;
        let sort = if pattern.ends_with('/') { OutputSort::Tree } else { OutputSort::File };
        let pattern = RepoPath::pattern(&names.home.from_root(&pattern)).ok()?;
        Some(Territory { pattern: pattern.trim_end_matches('/').to_owned(), sort })
    };
    outputs.iter().filter_map(one).collect()
}

/// Tells what is wrong with the paths of these inputs whatever the item.
pub fn check(inputs: &[(String, &Node)], lists: &[ListSource], names: &Names, faults: &mut Faults) {
    let files = file_roots(lists);
    for (_, node) in inputs {
        fill(node, &files, names, faults);
    }
}

/// Completes what is known of any instance with what stands for its own inputs and outputs; `None` if one cannot be told.
pub fn draft(
    known: Action,
    inputs: &[(String, &Node)],
    outputs: &[(String, &Node)],
    territories: &[Territory],
) -> Option<Action> {
    let place = |(slot, node): &(String, &Node), territory: &Territory| {
        let span = node.get("path").map_or(node.span, |path| path.span);
        let path = RepoPath::parse(&territory.pattern).ok()?;
        // Of which sort it is shows only with the item.
        let is_told = !path.extension().contains('*');
        is_told.then(|| Output { slot: slot.clone(), path, sort: territory.sort, keep: Keep::Bytes, span })
    };
    let written: Vec<Output> = outputs.iter().zip(territories).filter_map(|(one, two)| place(one, two)).collect();
    let is_known = |role: &str| known.inputs.iter().any(|input| input.role == role);
    let unknown = inputs.iter().filter(|(role, _)| !is_known(role)).map(|(role, node)| Input {
        role: role.clone(),
        selector: Selector::Glob { pattern: "**".to_owned(), exclude: Vec::new() },
        part: None,
        presence: Presence::Optional,
        span: node.span,
    });
    let inputs = known.inputs.iter().cloned().chain(unknown).collect();
    (written.len() == outputs.len()).then_some(Action { inputs, outputs: written, ..known })
}

/// Returns the axes whose items are files.
fn file_roots(lists: &[ListSource]) -> BTreeSet<&str> {
    lists
        .iter()
        .filter(|list| matches!(list.selector, Selector::Glob { .. }))
        .map(|list| list.axis.as_str())
        .chain(["item", "prev"])
        .collect()
}

/// Returns a path as it is written, with `*` for what only an item says. What stands before the first item may lead out of the
/// repo already: that is told here. All else that is wrong is told with the instances.
fn fill(node: &Node, files: &BTreeSet<&str>, names: &Names, faults: &mut Faults) -> Option<String> {
    let node = node.get("path").map_or(node, |path| path.as_ref());
    let text = &node.scalar()?.text;
    let mut pattern = String::new();
    let mut is_whole = true;
    for piece in expr::split(text).ok()? {
        let whole = match piece {
            Piece::Literal(text) => {
                pattern.push_str(&text);
                continue;
            }
            Piece::Variable { name, default: None } => format!("${{{name}}}"),
            Piece::Variable { name, default: Some(default) } => format!("${{{name}:-{default}}}"),
            Piece::Expression(source) => match hole(&source, files, names) {
                Some(hole) => {
                    pattern.push_str(hole);
                    if std::mem::take(&mut is_whole)
                        && let Err(fault) = RepoPath::pattern(&names.home.from_root(&pattern))
                    {
                        paths::refuse(text, fault, node.span, faults);
                    }
                    continue;
                }
                None => format!("${{{source}}}"),
            },
        };
        pattern.push_str(&names.now(&whole, node.span, faults)?);
    }
    Some(pattern)
}

/// Returns what stands for an expression that needs an item: a part of a segment, or also folders if the item is a file and its
/// folder is meant.
fn hole(source: &str, files: &BTreeSet<&str>, names: &Names) -> Option<&'static str> {
    let read = expr::names(source);
    let is_open = |name: &String| {
        let root = expr::root_of(name);
        names.open.contains(root) || root == "stage" && name != "stage.name"
    };
    if !read.iter().any(is_open) {
        return None;
    }
    let has_folders = |name: &String| {
        let (root, field) = name.split_once('.').unwrap_or((name, "path"));
        files.contains(root) && matches!(field, "path" | "dir")
    };
    Some(if read.iter().any(has_folders) { "**" } else { "*" })
}
