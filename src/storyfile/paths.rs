//! Inputs and outputs: which paths a stage's texts come to, and which it may not have.

use crate::base::diagnostic::Diagnostic;
use crate::base::part;
use crate::base::path::{PathFault, RepoPath};
use crate::base::span::Span;
use crate::storyfile::expr;
use crate::storyfile::faults::Faults;
use crate::storyfile::model::StageText;
use crate::storyfile::params::is_identifier;
use crate::storyfile::settle::Names;
use crate::storyfile::story::{Input, Keep, Output, OutputSort, Presence, Selector};
use crate::storyfile::tree::{Content, Node};
use std::collections::BTreeSet;

/// Names that only storygen and git write.
const OURS: [&str; 4] = ["Storyfile.yaml", "Storyfile.yml", "Storyfile.json", "Storyfile.lock"];

/// Longest pattern: no system has longer paths, and the matcher is made of all that is written.
const PATTERN_BYTES_MAX: usize = 4096;

/// Returns the texts of `inputs` or `outputs` by their role: a name, or an index.
pub fn roles<'n>(what: &str, node: &'n Node, faults: &mut Faults) -> Vec<(String, &'n Node)> {
    match &node.value {
        Content::Scalar(_) if node.is_null() => Vec::new(),
        Content::Scalar(_) => vec![("0".to_owned(), node)],
        Content::Seq(items) => items.iter().enumerate().map(|(i, item)| (i.to_string(), item.as_ref())).collect(),
        Content::Map(_) if what == "outputs" && is_described(node) => {
            vec![("0".to_owned(), node)]
        }
        Content::Map(entries) => {
            for entry in entries {
                if !is_identifier(&entry.key) {
                    faults.push(
                        Diagnostic::error(
                            "S025",
                            format!("`{}` cannot name a file of `{what}`", entry.key),
                            entry.key_span,
                        )
                        .label("not a name")
                        .help("use letters, digits and `_`; the path stands after the `:`"),
                    );
                }
            }
            entries.iter().map(|entry| (entry.key.clone(), entry.value.as_ref())).collect()
        }
    }
}

/// Reads the patterns of `exclude`.
pub fn exclude(stage: &StageText, inputs: &[(String, &Node)], names: &Names, faults: &mut Faults) -> Vec<String> {
    let Some(node) = stage.own("exclude") else { return Vec::new() };
    let is_pattern = |node: &Node| node.scalar().is_some_and(|scalar| is_pattern(&scalar.text));
    if !inputs.iter().any(|(_, node)| is_pattern(node)) {
        faults.push(
            Diagnostic::error(
                "S076",
                "`exclude` has no pattern among `inputs` to leave out from",
                stage.key_span("exclude"),
            )
            .label("nothing to exclude from")
            .help("`exclude` takes files out of patterns such as `chapters/*.md`"),
        );
    }
    let texts: Vec<(String, Span)> =
        faults.texts("`exclude`", node).into_iter().map(|(text, span)| (text.to_owned(), span)).collect();
    texts
        .into_iter()
        .filter_map(|(text, span)| {
            let text = names.path(&text, span, faults)?;
            if text.ends_with('/') {
                return parse(&text, span, faults).map(|path| format!("{path}/**"));
            }
            pattern(&text, span, faults)
        })
        .collect()
}

/// Reads `inputs`.
pub fn inputs(all: &[(String, &Node)], exclude: &[String], names: &Names, faults: &mut Faults) -> Vec<Input> {
    all.iter()
        .filter_map(|(role, node)| {
            let text = faults.text("an input", node)?;
            if is_before_the_first(text, names) {
                before_the_first(text, node.span, names, faults);
                return None;
            }
            let text = names.path(text, node.span, faults)?;
            input(role, &text, node.span, exclude, faults)
        })
        .collect()
}

/// Returns the roles of inputs that the first item of a fan-out goes without.
pub fn absent(all: &[(String, &Node)], names: &Names) -> Vec<String> {
    let is_absent = |node: &Node| node.scalar().is_some_and(|scalar| is_before_the_first(&scalar.text, names));
    all.iter().filter(|(_, node)| is_absent(node)).map(|(role, _)| role.clone()).collect()
}

fn is_before_the_first(text: &str, names: &Names) -> bool {
    !names.has_previous() && expr::roots(text).contains("prev")
}

/// The first item of a fan-out has none before it: an optional input that is made of it is left out.
fn before_the_first(text: &str, span: Span, names: &Names, faults: &mut Faults) {
    if !text.ends_with('?') {
        let id = names.roots.get("stage").and_then(|stage| stage.get_attr("id").ok()).unwrap_or_default();
        faults.push(
            Diagnostic::error("S046", format!("`{id}` is the first item: there is no `prev`"), span)
                .label("made of the item before")
                .help("write `?` at the end of the path: then the first item goes without this input"),
        );
    }
}

fn input(role: &str, text: &str, span: Span, exclude: &[String], faults: &mut Faults) -> Option<Input> {
    let (text, presence) = match text.strip_suffix('?') {
        Some(text) => (text, Presence::Optional),
        None => (text, Presence::Required),
    };
    let (text, part) = part::split(text);
    let selector = if is_pattern(&text) {
        Selector::Glob { pattern: pattern(&text, span, faults)?, exclude: exclude.to_vec() }
    } else {
        let path = parse(&text, span, faults)?;
        if text.ends_with('/') { Selector::Tree(path) } else { Selector::File(path) }
    };
    Some(Input { role: role.to_owned(), selector, part: part.map(str::to_owned), presence, span })
}

/// Reads `depfile`: the path of one file.
pub fn depfile(node: &Node, names: &Names, faults: &mut Faults) -> Option<Output> {
    faults.text("`depfile`", node)?;
    let depfile = output("depfile", node, names, faults)?;
    if depfile.sort == OutputSort::Tree {
        faults.push(
            Diagnostic::error("S075", format!("the depfile `{}/` is a folder", depfile.path), node.span)
                .label("a depfile is one file")
                .help("name the file that the command writes, as in `build/page.d`"),
        );
        return None;
    }
    Some(depfile)
}

/// Reads `outputs`.
pub fn outputs(all: &[(String, &Node)], names: &Names, faults: &mut Faults) -> Vec<Output> {
    all.iter().filter_map(|(slot, node)| output(slot, node, names, faults)).collect()
}

fn output(slot: &str, node: &Node, names: &Names, faults: &mut Faults) -> Option<Output> {
    let mut keep = Keep::Bytes;
    let path = match &node.value {
        Content::Map(_) => {
            faults.keys("the key", node, &["path", "store"], &["allow_empty"]);
            if let Some(store) = node.get("store") {
                keep = if faults.truth("`store`", store)? { Keep::Bytes } else { Keep::Digest };
            }
            match node.get("path") {
                Some(path) => path.as_ref(),
                None => {
                    faults.push(
                        Diagnostic::error("S022", "this output has no `path`", node.span)
                            .label("its path is missing")
                            .help("write `{ path: build/x.txt, store: false }`"),
                    );
                    return None;
                }
            }
        }
        _ => node,
    };
    let span = path.span;
    let text = names.path(faults.text("an output", path)?, span, faults)?;
    let (path_text, part) = part::split(&text);
    if path_text.contains('?') || is_pattern(&path_text) || part.is_some() {
        let what = if part.is_some() { "part of a file" } else { "pattern" };
        faults.push(
            Diagnostic::error("S075", format!("the output `{text}` is a {what}"), span)
                .label("an output is one path")
                .help("name each file, or declare a whole folder as `dir/`"),
        );
        return None;
    }
    let repo_path = parse(&path_text, span, faults)?;
    let sort = if path_text.ends_with('/') { OutputSort::Tree } else { OutputSort::File };
    Some(Output { slot: slot.to_owned(), path: repo_path, sort, keep, span })
}

/// Tells whether a map is one output with `path:` and not names with paths: no output is called `path`, so that a slip
/// in the words beside it does not make it two.
fn is_described(node: &Node) -> bool {
    node.get("path").is_some()
}

/// Refuses an output that only storygen, git or a person writes. `file` is the name of the Storyfile that was loaded.
pub fn reserved(path: &RepoPath, file: &str, included: &BTreeSet<&RepoPath>, span: Span, faults: &mut Faults) {
    let first = path.as_str().split('/').next().unwrap_or_default().to_lowercase();
    let ours = OURS.iter().chain([&file]).any(|name| first == name.to_lowercase());
    if ours || included.contains(path) || first == ".git" || first == ".storygen" {
        faults.push(
            Diagnostic::error("S074", format!("no stage may write `{path}`"), span)
                .label("not yours to write")
                .help("choose a path outside `.git` and `.storygen`, other than the Storyfile and its lock"),
        );
    }
}

/// Parses a path of the repo; a fault is reported with its place.
pub fn parse(text: &str, span: Span, faults: &mut Faults) -> Option<RepoPath> {
    RepoPath::parse(text).map_err(|fault| refuse(text, fault, span, faults)).ok()
}

/// Reports a path that is none of the repo.
pub fn refuse(text: &str, fault: PathFault, span: Span, faults: &mut Faults) {
    let help = match fault {
        PathFault::Drive => "choose a name without `:` behind its first letter",
        PathFault::Outside | PathFault::Absolute => {
            "paths are relative to the Storyfile and stay in its folder; copy the file into the repo"
        }
        PathFault::Empty => "write a path such as `build/x.txt`; `.` is no single file",
        PathFault::Backslash => "write `/` between folders on every system",
        PathFault::Control | PathFault::NotUtf8 => "rename the file",
        PathFault::LongName | PathFault::Long => "choose shorter names: no disk takes these",
    };
    faults.push(
        Diagnostic::error("S070", format!("`{text}` is no path of this repo: {fault}"), span)
            .label("not a path of the repo")
            .help(help),
    );
}

/// Checks and normalises a pattern.
pub fn pattern(text: &str, span: Span, faults: &mut Faults) -> Option<String> {
    let path = RepoPath::pattern(text).map_err(|fault| refuse(text, fault, span, faults)).ok()?;
    let mut fault = None;
    if text.len() > PATTERN_BYTES_MAX {
        fault = Some("no path is that long");
    } else if text.ends_with('/') {
        fault = Some("a pattern names files, not folders");
    } else if text.contains('?') {
        fault = Some("`?` is no wildcard: it marks an optional input, at the end");
    } else if !balanced(text, '[', ']') || !balanced(text, '{', '}') {
        fault = Some("a bracket is not closed");
    } else if path.split('/').any(|part| part.contains("**") && part != "**") {
        fault = Some("`**` stands alone between slashes");
    }
    if let Some(fault) = fault {
        faults.push(
            Diagnostic::error("S076", format!("`{text}` is no pattern: {fault}"), span)
                .label("this pattern")
                .help("`*` matches within a folder, `**/` through folders: `chapters/**/*.md`"),
        );
        return None;
    }
    Some(path)
}

fn balanced(text: &str, open: char, close: char) -> bool {
    let mut depth = 0i32;
    for character in text.chars() {
        depth += i32::from(character == open) - i32::from(character == close);
        if !(0..=1).contains(&depth) {
            return false;
        }
    }
    depth == 0
}

/// Tells whether a text is a pattern.
pub fn is_pattern(text: &str) -> bool {
    text.contains(['*', '[', '{'])
}
