//! What an open fan-out will write: its output paths, with a hole for what only an item says (R16).

use crate::base::path::RepoPath;
use crate::storyfile::expr::{self, Piece};
use crate::storyfile::faults::Faults;
use crate::storyfile::lists::{ListSource, Territory};
use crate::storyfile::settle::Names;
use crate::storyfile::story::{OutputSort, Selector};
use crate::storyfile::tree::Node;
use std::collections::BTreeSet;

/// Returns the territories of these outputs. What is wrong with a path is told with the instances.
pub fn of(outputs: &[(String, &Node)], lists: &[ListSource], names: &Names, faults: &mut Faults) -> Vec<Territory> {
    let files: BTreeSet<&str> = lists
        .iter()
        .filter(|list| matches!(list.selector, Selector::Glob { .. }))
        .map(|list| list.axis.as_str())
        .chain(["item", "prev"])
        .collect();
    let one = |(_, node): &(String, &Node)| {
        let node = node.get("path").map_or(*node, |path| path.as_ref());
        let text = &node.scalar()?.text;
        let mut pattern = String::new();
        for piece in expr::split(text).ok()? {
            let whole = match &piece {
                Piece::Literal(text) => text.clone(),
                Piece::Variable { name, default: None } => format!("${{{name}}}"),
                Piece::Variable { name, default: Some(default) } => format!("${{{name}:-{default}}}"),
                Piece::Expression(source) => match hole(source, &files, names) {
                    Some(hole) => {
                        pattern.push_str(hole);
                        continue;
                    }
                    None => format!("${{{source}}}"),
                },
            };
            match piece {
                Piece::Literal(_) => pattern.push_str(&whole),
                _ => pattern.push_str(&names.now(&whole, node.span, faults)?),
            }
        }
        let sort = if pattern.ends_with('/') { OutputSort::Tree } else { OutputSort::File };
        let pattern = RepoPath::pattern(&names.home.from_root(&pattern)).ok()?;
        Some(Territory { pattern: pattern.trim_end_matches('/').to_owned(), sort })
    };
    outputs.iter().filter_map(one).collect()
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
