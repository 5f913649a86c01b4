//! Draws a graph as text: a tree for people, DOT and Mermaid for other programs.

use super::order::Dag;
use std::collections::BTreeSet;
use std::fmt::Write;

/// Draws every node that nothing follows, with what it needs indented below it.
///
/// A node drawn before is drawn again by its name and `…` only, so that the text stays as long as the graph.
pub fn tree(dag: &Dag, label: &dyn Fn(usize) -> String) -> String {
    let mut text = String::new();
    let mut drawn = BTreeSet::new();
    let mut stack: Vec<(usize, String, String)> = Vec::new();
    let ends: Vec<usize> = (0..dag.len()).filter(|&node| dag.after(node).is_empty()).collect();
    for &end in ends.iter().rev() {
        stack.push((end, String::new(), String::new()));
    }
    while let Some((node, lead, indent)) = stack.pop() {
        let before = dag.before(node);
        let again = !drawn.insert(node) && !before.is_empty();
        let _ = writeln!(text, "{lead}{}{}", label(node), if again { " …" } else { "" });
        if again {
            continue;
        }
        for (place, &child) in before.iter().enumerate().rev() {
            let (branch, below) = if place + 1 == before.len() { ("└─ ", "   ") } else { ("├─ ", "│  ") };
            stack.push((child, format!("{indent}{branch}"), format!("{indent}{below}")));
        }
    }
    text
}

/// Draws the graph in the DOT language of Graphviz.
pub fn dot(dag: &Dag, label: &dyn Fn(usize) -> String) -> String {
    let mut text = String::from("digraph storygen {\n  rankdir=LR;\n  node [shape=box];\n");
    for node in 0..dag.len() {
        let _ = writeln!(text, "  n{node} [label=\"{}\"];", label(node).replace('\\', "\\\\").replace('"', "\\\""));
    }
    for (before, after) in edges(dag) {
        let _ = writeln!(text, "  n{before} -> n{after};");
    }
    text + "}\n"
}

/// Draws the graph in the language of Mermaid, which Markdown pages show as a picture.
pub fn mermaid(dag: &Dag, label: &dyn Fn(usize) -> String) -> String {
    let mut text = String::from("flowchart LR\n");
    for node in 0..dag.len() {
        let _ = writeln!(text, "  n{node}[\"{}\"]", label(node).replace('"', "#quot;"));
    }
    for (before, after) in edges(dag) {
        let _ = writeln!(text, "  n{before} --> n{after}");
    }
    text
}

/// Returns all edges in ascending order.
pub fn edges(dag: &Dag) -> Vec<(usize, usize)> {
    (0..dag.len()).flat_map(|node| dag.after(node).into_iter().map(move |after| (node, after))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(node: usize) -> String {
        ["idea", "script", "voice", "subtitles"][node].to_owned()
    }

    fn flagship() -> Dag {
        Dag::new(4, [(0, 1), (1, 2), (2, 3), (1, 3)]).unwrap()
    }

    #[test]
    fn a_tree_shows_shared_parts_once() {
        assert_eq!(tree(&flagship(), &name), "subtitles\n├─ script\n│  └─ idea\n└─ voice\n   └─ script …\n");
    }

    #[test]
    fn dot_and_mermaid_name_every_edge() {
        assert!(dot(&flagship(), &name).contains("n1 -> n3;"));
        assert!(mermaid(&flagship(), &name).contains("n1 --> n3\n"));
    }
}
