//! Finds what each input of an action is: files, folders, what other actions make, and what open fan-outs may make.

use crate::base::diagnostic::Diagnostic;
use crate::base::path::{PathFault, RepoPath};
use crate::engine::intersect::intersect;
use crate::engine::late::Late;
use crate::engine::makers::Makers;
use crate::engine::named::Orphans;
use crate::engine::parts::{self, part_of};
use crate::engine::programs;
use crate::engine::sources::{Match, Pattern};
use crate::engine::templates::{Reader, Templates};
use crate::engine::workflow::{Bound, Find, Node, PROGRAM_ROLE, Plurality, TEMPLATE_ROLE, What};
use crate::storyfile::scope::is_named_by_user;
use crate::storyfile::story::{Action, Input, OutputSort, PROGRAM_ROLE as PROGRAM_AS_KIND, Presence, Selector, Work};
use crate::world::disk::{Sort, Spelling};
use std::collections::{BTreeMap, BTreeSet};

/// What inputs are looked for in.
pub struct Binder<'a> {
    pub nodes: &'a [Node],
    /// Who makes what the action at hand may read.
    pub makers: &'a Makers,
    /// Of the whole graph, and of each row of a batch.
    pub all: &'a Makers,
    pub rows: &'a BTreeMap<String, Makers>,
    /// Names of the params, which templates may use.
    pub params: &'a BTreeSet<String>,
    pub templates: &'a mut Templates,
    pub looked: &'a mut parts::Sources,
    /// Files of actions that are no more: no pattern finds them.
    pub orphans: &'a Orphans<'a>,
    pub find: &'a mut dyn Find,
    pub faults: &'a mut Vec<Diagnostic>,
}

/// The files that a pattern matches, with who makes each; and what it has to look into later.
type Matches = (Vec<(RepoPath, Option<usize>)>, Option<Late>);

/// What an action's inputs come to.
#[derive(Debug, Default)]
pub struct Found {
    pub inputs: Vec<Bound>,
    /// The patterns that reach into what other actions write.
    pub late: Vec<Late>,
    /// What its condition asks for.
    pub asked: Vec<Bound>,
    /// The open fan-outs that may make some of them.
    pub fans: Vec<usize>,
}

impl Binder<'_> {
    /// Finds all inputs of the action with this index. `index_of` finds the actions that it needs.
    pub fn node(&mut self, index: usize, index_of: &BTreeMap<String, usize>) -> Found {
        let nodes = self.nodes;
        let action = &nodes[index].action;
        self.makers = action.row.as_ref().and_then(|row| self.rows.get(&row.id)).unwrap_or(self.all);
        let mut found = Found::default();
        for input in &action.inputs {
            match (&input.selector, &action.work) {
                (Selector::Glob { pattern, .. }, Work::Fan { .. }) => self.list(index, pattern, input, &mut found),
                _ => self.input(index, input, &mut found),
            }
        }
        if let Work::Fan { ahead, .. } = &action.work {
            ahead.iter().for_each(|input| self.ahead(index, input));
        }
        for need in &action.needs {
            let role = format!("needs.{}", need.called);
            let plurality = if need.actions.len() == 1 { Plurality::One } else { Plurality::Gathered };
            for maker in need.actions.iter().filter_map(|id| index_of.get(id.as_str()).copied()) {
                match nodes[maker].action.is_fan() {
                    true => found.fans.push(maker),
                    false => found.inputs.extend(needed(&nodes[maker].action, maker, &role, plurality)),
                }
            }
        }
        self.asked(index, &mut found);
        found.fans.retain(|fan| *fan != index);
        found.fans.sort_unstable();
        found.fans.dedup();
        found
    }

    /// A source that every instance reads has to be there before a list is made for them.
    fn ahead(&mut self, index: usize, input: &Input) {
        if let (Selector::File(path), Presence::Required) = (&input.selector, input.presence)
            && self.makers.of_path(path).is_none()
            && self.makers.fans_of_path(path).iter().all(|fan| *fan == index)
            && self.find.sort(path).is_none()
            && input.role != PROGRAM_AS_KIND
        {
            self.faults.push(missing(input, path));
        }
    }

    /// What its condition asks for may not be there: that is the question.
    fn asked(&mut self, index: usize, found: &mut Found) {
        let nodes = self.nodes;
        let action = &nodes[index].action;
        for asked in action.when.iter().flat_map(|condition| &condition.paths) {
            let (what, makers) = match asked.sort {
                OutputSort::File => {
                    found.fans.extend(self.makers.fans_of_path(&asked.path));
                    (What::File(asked.path.clone()), self.makers.of_path(&asked.path).into_iter().collect::<Vec<_>>())
                }
                OutputSort::Tree => {
                    found.fans.extend(self.makers.fans_within(&asked.path));
                    (What::Tree(asked.path.clone()), self.makers.within(&asked.path))
                }
            };
            if makers.contains(&index) {
                self.faults.push(
                    Diagnostic::error("S173", format!("the condition of `{}` asks for its own output", action.id), asked.span)
                        .label("made by the stage itself")
                        .help("A stage that has made it would be skipped from then on: storygen knows by itself when there is nothing to do."),
                );
            }
            found.asked.push(Bound {
                role: "when".to_owned(),
                plurality: Plurality::One,
                what,
                presence: Presence::Optional,
                makers,
            });
        }
    }

    /// A list that is a pattern: what it matches is known without the files' content, but for folders that a stage writes.
    fn list(&mut self, index: usize, pattern: &str, input: &Input, found: &mut Found) {
        let Ok(parsed) = Pattern::parse(pattern) else { return };
        let written = self.makers.trees.iter().filter(|(tree, maker)| **maker != index && reaches_into(&parsed, tree));
        found.inputs.extend(written.map(|(tree, maker)| Bound {
            role: input.role.clone(),
            plurality: Plurality::Many,
            what: What::Tree(tree.clone()),
            presence: input.presence,
            makers: vec![*maker],
        }));
        found.fans.extend(self.makers.fans_of_pattern(pattern));
    }

    fn input(&mut self, index: usize, input: &Input, found: &mut Found) {
        let nodes = self.nodes;
        let bound = |plurality, what, makers: Vec<usize>| Bound {
            role: input.role.clone(),
            plurality,
            what,
            presence: input.presence,
            makers,
        };
        match &input.selector {
            Selector::File(path) => {
                let maker = self.makers.of_path(path);
                if input.role == PROGRAM_AS_KIND {
                    // An instance that comes later may write it: then it is no program of a stage any more.
                    found.fans.extend(self.makers.fans_of_path(path).into_iter().filter(|fan| *fan != index));
                    let made_by = maker.map(|maker| &nodes[maker].action);
                    self.faults.extend(programs::fault_of_place(input, path, made_by, self.find.sort(path)));
                    found.inputs.push(bound(Plurality::One, What::File(path.clone()), Vec::new()));
                    return;
                }
                let mut fans = if maker.is_none() { self.makers.fans_of_path(path) } else { Vec::new() };
                fans.retain(|fan| *fan != index);
                found.fans.extend(&fans);
                match (maker, self.find.sort(path)) {
                    (None, None) if !fans.is_empty() => {}
                    (None, None) if input.presence == Presence::Required => self.faults.push(missing(input, path)),
                    (None, Some(Sort::Dir)) if is_named_by_user(&input.role) => {
                        self.faults.push(folder(input, path, &format!("input `{path}` is a folder")));
                    }
                    (None, Some(Sort::Dir)) if input.role != PROGRAM_ROLE => {
                        let message = format!("`{path}` is a folder, and a file is read here");
                        self.faults.push(unusable(input, message, "a folder", "Name a file."));
                    }
                    (None, Some(Sort::Special)) => self.faults.push(special(input, path)),
                    (Some(maker), _) if self.makers.trees.get(path) == Some(&maker) => {
                        let message = format!("input `{path}` is a folder that `{}` writes", nodes[maker].action.id);
                        self.faults.push(folder(input, path, &message));
                    }
                    _ => {}
                }
                let what = self.file_or_part(input, path.clone(), maker);
                found.inputs.push(bound(Plurality::One, what, maker.into_iter().collect()));
                if input.role.starts_with(TEMPLATE_ROLE) {
                    let makers = self.makers;
                    let is_made = |path: &RepoPath| makers.of_path(path).is_some();
                    let reader = Reader { action: &nodes[index].action, params: self.params, is_made: &is_made };
                    for included in self.templates.bind(path, &reader, self.find, self.faults) {
                        found.inputs.push(Bound {
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
                let inside = self.makers.within(path);
                found.fans.extend(self.makers.fans_within(path).into_iter().filter(|fan| *fan != index));
                let help = format!("Write `{path}`, without the `/` at its end.");
                match (inside.is_empty(), self.find.sort(path)) {
                (true, _) if !found.fans.is_empty() => {}
                (true, None) if input.presence == Presence::Required => self.faults.push(
                    Diagnostic::error("S101", format!("input `{path}/` is not there, and no stage makes it"), input.span)
                        .label("not found")
                        .help("Make the folder, name the stage that writes it, or write `?` after an input that may be missing."),
                ),
                (true, Some(Sort::File)) => {
                    self.faults.push(unusable(input, format!("input `{path}/` is a file, not a folder"), "a file", &help));
                }
                (true, Some(Sort::Special)) => self.faults.push(special(input, path)),
                _ => {}
            }
                if let Some(&maker) = self.makers.files.get(path) {
                    let message =
                        format!("input `{path}/` is a file that `{}` writes, not a folder", nodes[maker].action.id);
                    self.faults.push(unusable(input, message, "a file", &help));
                }
                found.inputs.push(bound(Plurality::One, What::Tree(path.clone()), inside));
            }
            Selector::Glob { pattern, exclude } => {
                let (files, late) = self.glob(index, pattern, exclude, input);
                for (path, maker) in files {
                    let what = self.file_or_part(input, path, maker);
                    found.inputs.push(bound(Plurality::Many, what, maker.into_iter().collect()));
                }
                found.late.extend(late.map(|late| Late { place: found.inputs.len(), ..late }));
                found.fans.extend(self.makers.fans_of_pattern(pattern).into_iter().filter(|fan| *fan != index));
            }
        }
    }

    fn file_or_part(&mut self, input: &Input, path: RepoPath, maker: Option<usize>) -> What {
        let Some(part) = part_of(input, &path, self.faults) else { return What::File(path) };
        if maker.is_none() {
            self.looked.check(input, &path, &part, self.find, self.faults);
        }
        What::Part(path, part)
    }

    /// Matches sources on disk and declared outputs (R17): never the stage's own, never orphans.
    fn glob(&mut self, index: usize, text: &str, exclude: &[String], input: &Input) -> Matches {
        let Binder { nodes, makers, all, orphans, find, faults, .. } = self;
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
        let Some(pattern) = parse(text) else { return Matches::default() };
        let excluded: Vec<Pattern> = exclude.iter().filter_map(|text| parse(text)).collect();
        let wanted = |path: &str| pattern.matches(path) && !excluded.iter().any(|pattern| pattern.matches(path));
        let trees = makers.trees.iter().filter(|(tree, maker)| **maker != index && reaches_into(&pattern, tree));
        let trees: Vec<(RepoPath, usize)> = trees.map(|(tree, maker)| (tree.clone(), *maker)).collect();
        let late = (!trees.is_empty()).then(|| Late {
            input: input.clone(),
            place: 0,
            pattern: pattern.clone(),
            excluded: excluded.clone(),
            trees,
        });
        let mut found: Vec<(RepoPath, Option<usize>)> = makers
            .files
            .iter()
            .filter(|(path, maker)| **maker != index && wanted(path.as_str()))
            .map(|(path, &maker)| (path.clone(), Some(maker)))
            .collect();
        // A fan-out's outputs come in the order of its items, which is the order of the actions.
        found.sort_by_key(|(_, maker)| maker.map(|maker| nodes[maker].action.place));
        let is_kept_out = |path: &str| excluded.iter().any(|pattern| pattern.matches(path)) || orphans.has(path);
        for Match { path, spelling } in find.glob(&pattern).into_iter().filter(|found| !is_kept_out(&found.path)) {
            let source = match spelling {
                Spelling::Exact => RepoPath::found(&path),
                Spelling::Lossy => Err(PathFault::NotUtf8),
            };
            match source {
                Ok(path) if all.of_path(&path).is_none() => found.push((path, None)),
                Ok(_) => {}
                // Left out in silence, it would be missed only by who counts what was made of it.
                Err(fault) => faults.push(
                    Diagnostic::error("S070", format!("`{}` cannot be read: {fault}", path.escape_debug()), input.span)
                        .label("matches this file")
                        .help("Rename the file, or keep it out with `exclude:`."),
                ),
            }
        }
        let may_come = || !makers.fans_of_pattern(text).is_empty();
        if found.is_empty() && input.presence == Presence::Required && late.is_none() && !may_come() {
            faults.push(
                Diagnostic::warning("S104", format!("`{text}` matches no file and no output"), input.span)
                    .label("nothing found")
                    .help("Correct the pattern, or make a file that it matches."),
            );
        }
        (found, late)
    }
}

fn way_to(path: &RepoPath) -> &'static str {
    match path.as_str().contains('#') {
        true => {
            "A `#` begins a part only behind `.json`, `.yaml`, `.yml`, `.md` and the like: here it belongs to the name."
        }
        false => "Make the file, name the stage that writes it, or write `?` after an input that may be missing.",
    }
}

fn missing(input: &Input, path: &RepoPath) -> Diagnostic {
    Diagnostic::error("S101", format!("input `{path}` is not there, and no stage makes it"), input.span)
        .label("not found")
        .help(way_to(path))
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

/// Tells whether the pattern can match something inside `tree`.
fn reaches_into(pattern: &Pattern, tree: &RepoPath) -> bool {
    match RepoPath::parse(&pattern.base()) {
        Ok(base) if base.is_within(tree) => true,
        // Most are elsewhere, and that is told at little cost.
        Ok(base) if !tree.is_within(&base) => false,
        _ => intersect(&pattern.text(), &format!("{tree}/**")),
    }
}

fn needed(action: &Action, maker: usize, role: &str, plurality: Plurality) -> Vec<Bound> {
    let bound = |what| Bound {
        role: role.to_owned(),
        plurality: if action.outputs.len() > 1 && plurality == Plurality::One { Plurality::Many } else { plurality },
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
