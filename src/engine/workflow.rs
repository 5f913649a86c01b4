//! Who reads what another writes: turns a story's actions into a graph.
//!
//! Edges come from paths (files, folders, globs over sources on disk *and* declared outputs), `needs` and `after`.

use crate::base::diagnostic::Diagnostic;
use crate::base::path::{PathFault, RepoPath};
use crate::engine::sources::{Match, Pattern};
use crate::engine::templates::{Reader, Templates};
use crate::graph::order::{Cycle, Dag};
use crate::storyfile::scope::is_named_by_user;
use crate::storyfile::story::{Action, Input, OutputSort, Presence, Selector, Story};
use crate::world::disk::{Sort, Spelling};
use std::collections::{BTreeMap, BTreeSet};

/// All actions with their inputs found, in order.
pub struct Workflow {
    pub nodes: Vec<Node>,
    /// Everything that orders actions: inputs, `needs` and `after`.
    pub dag: Dag,
}

/// An action and what it reads.
pub struct Node {
    pub action: Action,
    pub inputs: Vec<Bound>,
    /// The actions whose success it requires, in ascending order.
    pub reads: Vec<usize>,
}

/// One file, folder or verdict that an action reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bound {
    /// The name, index or setting under which the stage knows it.
    pub role: String,
    /// Whether the role is a list: a glob, or all instances of a needed stage.
    pub plurality: Plurality,
    pub what: What,
    pub presence: Presence,
    /// The actions that make it, or parts of it.
    pub makers: Vec<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plurality {
    One,
    Many,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    File(RepoPath),
    Tree(RepoPath),
    /// The verdict of an action without outputs.
    Verdict(usize),
}

/// The role of template files, and the start of the role of what they include.
pub const TEMPLATE_ROLE: &str = "with.template";

/// The role of the program that a command starts with, where it is a file of the repo.
const PROGRAM_ROLE: &str = "run.program";

/// Answers what is on disk.
pub trait Find {
    /// Returns a file's content, if it can be read.
    fn read(&mut self, path: &RepoPath) -> Option<Vec<u8>>;

    /// Returns the files that match, in natural order.
    fn glob(&mut self, pattern: &Pattern) -> Vec<Match>;

    /// Returns what stands at a path, links followed; `None` if nothing does.
    fn sort(&mut self, path: &RepoPath) -> Option<Sort>;
}

/// What the templates of all actions have in common.
struct Known {
    params: BTreeSet<String>,
    templates: Templates,
}

/// The declared outputs, found by path.
struct Makers {
    files: BTreeMap<RepoPath, usize>,
    trees: BTreeMap<RepoPath, usize>,
}

impl Makers {
    fn of(actions: &[Action]) -> Makers {
        let mut makers = Makers { files: BTreeMap::new(), trees: BTreeMap::new() };
        for (index, action) in actions.iter().enumerate() {
            for output in &action.outputs {
                match output.sort {
                    OutputSort::File => makers.files.insert(output.path.clone(), index),
                    OutputSort::Tree => makers.trees.insert(output.path.clone(), index),
                };
            }
        }
        makers
    }

    /// Returns the action that makes `path`, itself or as part of a folder.
    fn of_path(&self, path: &RepoPath) -> Option<usize> {
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
    fn within(&self, folder: &RepoPath) -> Vec<usize> {
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

/// Finds every input and builds the graph. Faults of the user's text are pushed; `None` then.
pub fn connect(
    story: &mut Story,
    orphans: &BTreeSet<String>,
    find: &mut dyn Find,
    faults: &mut Vec<Diagnostic>,
) -> Option<Workflow> {
    let actions = std::mem::take(&mut story.actions);
    let makers = Makers::of(&actions);
    let mut known = Known { params: story.params.keys().cloned().collect(), templates: Templates::default() };
    let index_of: BTreeMap<String, usize> =
        actions.iter().enumerate().map(|(index, action)| (action.id.as_str().to_owned(), index)).collect();
    let mut bound: Vec<Vec<Bound>> = Vec::with_capacity(actions.len());
    for (index, action) in actions.iter().enumerate() {
        let mut inputs = Vec::new();
        for input in &action.inputs {
            bind(index, input, &actions, &makers, &mut known, orphans, find, &mut inputs, faults);
        }
        for need in &action.needs {
            let role = format!("needs.{}", need.called);
            let plurality = if need.actions.len() == 1 { Plurality::One } else { Plurality::Many };
            for maker in need.actions.iter().filter_map(|id| index_of.get(id.as_str()).copied()) {
                inputs.extend(needed(&actions[maker], maker, &role, plurality));
            }
        }
        bound.push(inputs);
    }
    let mut edges = Vec::new();
    for (index, action) in actions.iter().enumerate() {
        // A stage that reads its own output is told with the place of that input.
        let makers = bound[index].iter().flat_map(|input| input.makers.iter().copied()).filter(|&maker| maker != index);
        edges.extend(makers.map(|maker| (maker, index)));
        let after = action.after.iter().filter_map(|id| index_of.get(id.as_str()).copied());
        edges.extend(after.map(|before| (before, index)));
    }
    let dag = match Dag::new(actions.len(), edges) {
        Ok(dag) => dag,
        Err(cycle) => {
            faults.push(cycle_fault(&actions, &cycle));
            return None;
        }
    };
    let nodes = actions
        .into_iter()
        .zip(bound)
        .map(|(action, inputs)| {
            let reads: BTreeSet<usize> = inputs.iter().flat_map(|input| input.makers.iter().copied()).collect();
            Node { action, inputs, reads: reads.into_iter().collect() }
        })
        .collect();
    Some(Workflow { nodes, dag })
}

#[expect(clippy::too_many_arguments, reason = "one input over all that is known of paths")]
fn bind(
    index: usize,
    input: &Input,
    actions: &[Action],
    makers: &Makers,
    known: &mut Known,
    orphans: &BTreeSet<String>,
    find: &mut dyn Find,
    inputs: &mut Vec<Bound>,
    faults: &mut Vec<Diagnostic>,
) {
    let bound = |plurality, what, makers: Vec<usize>| Bound {
        role: input.role.clone(),
        plurality,
        what,
        presence: input.presence,
        makers,
    };
    match &input.selector {
        Selector::File(path) => {
            let maker = makers.of_path(path);
            match (maker, find.sort(path)) {
                (None, None) if input.presence == Presence::Required => faults.push(
                    Diagnostic::error("S101", format!("input `{path}` is not there, and no stage makes it"), input.span)
                        .label("not found")
                        .help("Make the file, name the stage that writes it, or write `?` after an input that may be missing."),
                ),
                (None, Some(Sort::Dir)) if is_named_by_user(&input.role) => {
                    faults.push(folder(input, path, &format!("input `{path}` is a folder")));
                }
                (None, Some(Sort::Dir)) if input.role != PROGRAM_ROLE => {
                    let message = format!("`{path}` is a folder, and a file is read here");
                    faults.push(unusable(input, message, "a folder", "Name a file."));
                }
                (None, Some(Sort::Special)) => faults.push(special(input, path)),
                (Some(maker), _) if makers.trees.get(path) == Some(&maker) => {
                    let message = format!("input `{path}` is a folder that `{}` writes", actions[maker].id);
                    faults.push(folder(input, path, &message));
                }
                _ => {}
            }
            inputs.push(bound(Plurality::One, What::File(path.clone()), maker.into_iter().collect()));
            if input.role.starts_with(TEMPLATE_ROLE) {
                let is_made = |path: &RepoPath| makers.of_path(path).is_some();
                let reader = Reader { action: &actions[index], params: &known.params, is_made: &is_made };
                for included in known.templates.bind(path, &reader, find, faults) {
                    inputs.push(Bound {
                        role: format!("{TEMPLATE_ROLE}.{}", included.path),
                        plurality: Plurality::One,
                        makers: makers.of_path(&included.path).into_iter().collect(),
                        what: What::File(included.path),
                        presence: included.presence,
                    });
                }
            }
        }
        Selector::Tree(path) => {
            let inside = makers.within(path);
            let help = format!("Write `{path}`, without the `/` at its end.");
            match (inside.is_empty(), find.sort(path)) {
                (true, None) if input.presence == Presence::Required => faults.push(
                    Diagnostic::error("S101", format!("input `{path}/` is not there, and no stage makes it"), input.span)
                        .label("not found")
                        .help("Make the folder, name the stage that writes it, or write `?` after an input that may be missing."),
                ),
                (true, Some(Sort::File)) => {
                    faults.push(unusable(input, format!("input `{path}/` is a file, not a folder"), "a file", &help));
                }
                (true, Some(Sort::Special)) => faults.push(special(input, path)),
                _ => {}
            }
            if let Some(&maker) = makers.files.get(path) {
                let message = format!("input `{path}/` is a file that `{}` writes, not a folder", actions[maker].id);
                faults.push(unusable(input, message, "a file", &help));
            }
            inputs.push(bound(Plurality::One, What::Tree(path.clone()), inside));
        }
        Selector::Glob { pattern, exclude } => {
            for (path, maker) in glob(index, pattern, exclude, input, makers, orphans, find, faults) {
                inputs.push(bound(Plurality::Many, What::File(path), maker.into_iter().collect()));
            }
        }
    }
}

fn folder(input: &Input, path: &RepoPath, message: &str) -> Diagnostic {
    let help = format!("Write `{path}/` for the whole folder, or name the files that the stage reads.");
    unusable(input, message.to_owned(), "a folder", &help)
}

fn special(input: &Input, path: &RepoPath) -> Diagnostic {
    let message = format!("input `{path}` is neither a file nor a folder");
    unusable(input, message, "a pipe, a socket or a device", "Name a file.")
}

/// Something is there, and it is not what the input says.
fn unusable(input: &Input, message: String, label: &str, help: &str) -> Diagnostic {
    Diagnostic::error("S102", message, input.span).label(label).help(help)
}

/// Matches sources on disk and declared outputs (R17): never the stage's own, never orphans.
#[expect(clippy::too_many_arguments, reason = "one match over all that is known of paths")]
fn glob(
    index: usize,
    text: &str,
    exclude: &[String],
    input: &Input,
    makers: &Makers,
    orphans: &BTreeSet<String>,
    find: &mut dyn Find,
    faults: &mut Vec<Diagnostic>,
) -> Vec<(RepoPath, Option<usize>)> {
    let mut parse = |text: &str| match Pattern::parse(text) {
        Ok(pattern) => Some(pattern),
        Err(words) => {
            faults.push(
                Diagnostic::error("S103", format!("`{text}` is not a pattern: {words}"), input.span)
                    .help("Patterns know `*`, `**`, `[abc]` and `{a,b}`."),
            );
            None
        }
    };
    let Some(pattern) = parse(text) else { return Vec::new() };
    let excluded: Vec<Pattern> = exclude.iter().filter_map(|text| parse(text)).collect();
    let wanted = |path: &str| pattern.matches(path) && !excluded.iter().any(|pattern| pattern.matches(path));
    if let Some((tree, _)) = makers.trees.iter().find(|(tree, maker)| **maker != index && reaches_into(&pattern, tree))
    {
        faults.push(
            Diagnostic::error(
                "S900",
                format!("a pattern over `{tree}/`, which a stage writes, is not built yet"),
                input.span,
            )
            .help(format!("Read the whole folder (`{tree}/`), or one file in it by its name.")),
        );
    }
    let mut found: Vec<(RepoPath, Option<usize>)> = makers
        .files
        .iter()
        .filter(|(path, maker)| **maker != index && wanted(path.as_str()))
        .map(|(path, &maker)| (path.clone(), Some(maker)))
        .collect();
    // A fan-out's outputs come in the order of its items, which is the order of the actions.
    found.sort_by_key(|(_, maker)| *maker);
    let is_kept_out = |path: &str| excluded.iter().any(|pattern| pattern.matches(path)) || orphans.contains(path);
    for Match { path, spelling } in find.glob(&pattern).into_iter().filter(|found| !is_kept_out(&found.path)) {
        let source = match spelling {
            Spelling::Exact => RepoPath::found(&path),
            Spelling::Lossy => Err(PathFault::NotUtf8),
        };
        match source {
            Ok(path) if makers.of_path(&path).is_none() => found.push((path, None)),
            Ok(_) => {}
            // Left out in silence, it would be missed only by who counts what was made of it.
            Err(fault) => faults.push(
                Diagnostic::error("S070", format!("`{}` cannot be read: {fault}", path.escape_debug()), input.span)
                    .label("matches this file")
                    .help("Rename the file, or keep it out with `exclude:`."),
            ),
        }
    }
    if found.is_empty() && input.presence == Presence::Required {
        faults.push(
            Diagnostic::warning("S104", format!("`{text}` matches no file and no output"), input.span)
                .label("nothing found")
                .help("Correct the pattern, or make a file that it matches."),
        );
    }
    found
}

/// Tells whether the pattern can match something inside `tree`.
fn reaches_into(pattern: &Pattern, tree: &RepoPath) -> bool {
    let base = pattern.base();
    RepoPath::parse(&base).is_ok_and(|base| base.is_within(tree))
}

fn needed(action: &Action, maker: usize, role: &str, plurality: Plurality) -> Vec<Bound> {
    let bound = |what| Bound {
        role: role.to_owned(),
        plurality: if action.outputs.len() > 1 { Plurality::Many } else { plurality },
        what,
        presence: Presence::Required,
        makers: vec![maker],
    };
    if action.outputs.is_empty() {
        return vec![bound(What::Verdict(maker))];
    }
    let what = |output: &crate::storyfile::story::Output| match output.sort {
        OutputSort::File => What::File(output.path.clone()),
        OutputSort::Tree => What::Tree(output.path.clone()),
    };
    action.outputs.iter().map(|output| bound(what(output))).collect()
}

fn cycle_fault(actions: &[Action], Cycle(nodes): &Cycle) -> Diagnostic {
    let mut names: Vec<&str> = nodes.iter().map(|&node| actions[node].id.as_str()).collect();
    names.extend(names.first().copied());
    let first = &actions[nodes[0]];
    let mut fault = Diagnostic::error("S105", format!("stages wait for each other: {}", names.join(" → ")), first.span)
        .label("the circle starts here")
        .help("Each reads what the one before it writes: take one of these inputs away.");
    for &node in &nodes[1..] {
        fault = fault.related(actions[node].span, "then here");
    }
    fault
}
