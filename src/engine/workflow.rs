//! Who reads what another writes: turns a story's actions into a graph.
//!
//! Edges come from paths (files, folders, globs over sources on disk *and* declared outputs), `needs` and `after`.

use crate::base::diagnostic::{Diagnostic, Severity};
use crate::base::digest::Digest;
use crate::base::path::RepoPath;
use crate::engine::bind::{Binder, Found};
use crate::engine::late::Late;
use crate::engine::makers::Makers;
use crate::engine::named::Orphans;
use crate::engine::parts::{self, Wanted};
use crate::engine::sources::{Match, Pattern};
use crate::engine::templates::Templates;
use crate::graph::order::{Cycle, Dag};
use crate::storyfile::lower::Related;
use crate::storyfile::story::{Action, Presence, Story};
use crate::world::disk::Sort;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// All actions with their inputs found, in order.
pub struct Workflow {
    pub nodes: Vec<Node>,
    /// Everything that orders actions: inputs, `needs` and `after`.
    pub dag: Dag,
    /// The fan-outs whose instances stand in the graph, with the digest of their names in order.
    pub unfolded: BTreeMap<usize, Digest>,
    pub makers: Makers,
    /// The same for each row of a batch, by its id: no action reads what another row's writes.
    rows: BTreeMap<String, Makers>,
    /// The sources that were looked into for parts.
    pub looked: parts::Sources,
    params: BTreeSet<String>,
    templates: Templates,
    index_of: BTreeMap<String, usize>,
}

/// An action and what it reads.
pub struct Node {
    pub action: Action,
    pub inputs: Vec<Bound>,
    /// What its condition asks for, in the order of the condition. Not in the key.
    pub asked: Vec<Bound>,
    /// The actions whose success it requires, in ascending order.
    pub reads: Vec<usize>,
    /// Its patterns that reach into folders which other actions write. Their matches stand among `inputs` once they are known.
    pub late: Vec<Late>,
    /// Its inputs without those matches.
    pub fixed: Vec<Bound>,
    /// The open fan-outs among them: what it reads of them is not known yet.
    pub fans: Vec<usize>,
    /// The fan-out that it is an instance of, if its list is in a file.
    pub fan: Option<usize>,
}

impl Node {
    fn of(action: Action) -> Node {
        Node {
            action,
            inputs: Vec::new(),
            asked: Vec::new(),
            reads: Vec::new(),
            late: Vec::new(),
            fixed: Vec::new(),
            fans: Vec::new(),
            fan: None,
        }
    }

    fn take(&mut self, found: Found, reads: Vec<usize>) {
        let Found { inputs, asked, late, fans } = found;
        self.fixed = if late.is_empty() { Vec::new() } else { inputs.clone() };
        (self.inputs, self.asked, self.late, self.fans, self.reads) = (inputs, asked, late, fans, reads);
    }

    /// Returns what it reads now, to have it back.
    fn bound(&self, index: usize) -> (usize, Found, Vec<usize>) {
        let found = Found {
            inputs: self.inputs.clone(),
            asked: self.asked.clone(),
            late: self.late.clone(),
            fans: self.fans.clone(),
        };
        (index, found, self.reads.clone())
    }
}

/// One file, folder or verdict that an action reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bound {
    /// The name, index or setting under which the stage knows it.
    pub role: String,
    /// Whether the role is a list.
    pub plurality: Plurality,
    pub what: What,
    pub presence: Presence,
    /// The actions that make it, or parts of it.
    pub makers: Vec<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plurality {
    One,
    /// What a pattern matches, or all outputs of one needed action.
    Many,
    /// The outputs of several instances of a needed stage: those that are skipped are left out, unless all are.
    Gathered,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    File(RepoPath),
    /// Only a part of the file.
    Part(RepoPath, Arc<Wanted>),
    Tree(RepoPath),
    /// The verdict of an action without outputs.
    Verdict(usize),
}

/// The role of template files, and the start of the role of what they include.
pub const TEMPLATE_ROLE: &str = "with.template";

/// The role of the program that a command starts with, where it is a file of the repo.
pub const PROGRAM_ROLE: &str = "run.program";

/// Answers what is on disk.
pub trait Find {
    /// Returns a file's content, if it can be read.
    fn read(&mut self, path: &RepoPath) -> Option<Vec<u8>>;

    /// Returns the files that match, in natural order.
    fn glob(&mut self, pattern: &Pattern) -> Vec<Match>;

    /// Returns what stands at a path, links followed; `None` if nothing does.
    fn sort(&mut self, path: &RepoPath) -> Option<Sort>;
}

/// Finds every input and builds the graph. Faults of the user's text are pushed; `None` then.
pub fn connect(
    story: &mut Story,
    orphans: &Orphans<'_>,
    find: &mut dyn Find,
    faults: &mut Vec<Diagnostic>,
) -> Option<Workflow> {
    let mut workflow = Workflow {
        nodes: Vec::new(),
        dag: Dag::default(),
        unfolded: BTreeMap::new(),
        makers: Makers::default(),
        rows: BTreeMap::new(),
        looked: parts::Sources::default(),
        params: story.params.keys().cloned().collect(),
        templates: Templates::default(),
        index_of: BTreeMap::new(),
    };
    let all = workflow.add(std::mem::take(&mut story.actions), &[]);
    workflow.bind(&all, orphans, find, faults);
    workflow.order(faults).then_some(workflow)
}

impl Workflow {
    /// Puts `actions` in the place of the fan-outs that they come from: the graph grows, no index changes. What earlier
    /// actions need is as `related` says. After a fault nothing has changed but what `faults` says.
    pub fn grow(
        &mut self,
        fans: &[usize],
        actions: Vec<Action>,
        related: Vec<Related>,
        orphans: &Orphans<'_>,
        find: &mut dyn Find,
        faults: &mut Vec<Diagnostic>,
    ) -> bool {
        let count = self.nodes.len();
        let (makers, rows, index_of) = (self.makers.clone(), self.rows.clone(), self.index_of.clone());
        let waiting: Vec<usize> =
            (0..count).filter(|&node| self.nodes[node].fans.iter().any(|fan| fans.contains(fan))).collect();
        for &fan in fans {
            self.makers.close(fan);
            self.rows.values_mut().for_each(|row| row.close(fan));
        }
        let mut changed = self.add(actions, fans);
        let mut before = Vec::new();
        for Related { action, needs, after } in related {
            if let Some(&index) = self.index_of.get(action.as_str()) {
                let action = &mut self.nodes[index].action;
                let earlier =
                    (std::mem::replace(&mut action.needs, needs), std::mem::replace(&mut action.after, after));
                before.push((index, earlier));
                changed.push(index);
            }
        }
        changed.extend(waiting);
        changed.sort_unstable();
        changed.dedup();
        let bound: Vec<(usize, Found, Vec<usize>)> =
            changed.iter().filter(|&&node| node < count).map(|&node| self.nodes[node].bound(node)).collect();
        let told = faults.len();
        self.bind(&changed, orphans, find, faults);
        let is_wrong = faults[told..].iter().any(|fault| fault.severity == Severity::Error);
        if !is_wrong && self.order(faults) {
            return true;
        }
        for (node, found, reads) in bound {
            self.nodes[node].take(found, reads);
        }
        for (index, (needs, after)) in before {
            let action = &mut self.nodes[index].action;
            (action.needs, action.after) = (needs, after);
        }
        self.nodes.truncate(count);
        (self.makers, self.rows, self.index_of) = (makers, rows, index_of);
        false
    }

    /// Adds actions without their inputs; returns their indices.
    fn add(&mut self, actions: Vec<Action>, fans: &[usize]) -> Vec<usize> {
        let first = self.nodes.len();
        let fan_of: BTreeMap<String, usize> =
            fans.iter().map(|&fan| (self.nodes[fan].action.stage.to_string(), fan)).collect();
        for action in actions {
            let index = self.nodes.len();
            self.makers.add(index, &action);
            if let Some(row) = &action.row {
                self.rows.entry(row.id.clone()).or_default().add(index, &action);
            }
            self.index_of.insert(action.id.to_string(), index);
            let fan = fan_of.get(action.stage.as_str()).copied();
            self.nodes.push(Node { fan, ..Node::of(action) });
        }
        (first..self.nodes.len()).collect()
    }

    /// Finds the inputs of these nodes.
    fn bind(&mut self, nodes: &[usize], orphans: &Orphans<'_>, find: &mut dyn Find, faults: &mut Vec<Diagnostic>) {
        let Workflow { nodes: all, makers, rows, params, templates, looked, index_of, .. } = self;
        let mut binder =
            Binder { nodes: all, makers, all: makers, rows, params, templates, looked, orphans, find, faults };
        let found: Vec<Found> = nodes.iter().map(|&node| binder.node(node, index_of)).collect();
        for (&node, found) in nodes.iter().zip(found) {
            let node = &mut self.nodes[node];
            let makers = found.inputs.iter().flat_map(|input| input.makers.iter().copied());
            let late = found.late.iter().flat_map(|late| &late.trees).map(|(_, maker)| *maker);
            let reads: BTreeSet<usize> = makers.chain(late).chain(found.fans.iter().copied()).chain(node.fan).collect();
            node.take(found, reads.into_iter().collect());
        }
    }

    /// Puts all nodes in order; a cycle is pushed to `faults`.
    fn order(&mut self, faults: &mut Vec<Diagnostic>) -> bool {
        let mut edges = Vec::new();
        for (index, node) in self.nodes.iter().enumerate() {
            // A stage that reads its own output is told with the place of that input.
            let asked = node.asked.iter().flat_map(|asked| &asked.makers);
            edges.extend(node.reads.iter().chain(asked).filter(|&&maker| maker != index).map(|&maker| (maker, index)));
            let after = node.action.after.iter().filter_map(|id| self.index_of.get(id.as_str()).copied());
            edges.extend(after.map(|before| (before, index)));
        }
        match Dag::new(self.nodes.len(), edges) {
            Ok(dag) => self.dag = dag,
            Err(cycle) => {
                faults.push(cycle_fault(&self.nodes, &cycle));
                return false;
            }
        }
        true
    }

    /// Returns the graph without the fan-outs whose instances stand in it: the nodes that are left, and their order. An
    /// instance follows at once from what made its list.
    pub fn without_unfolded(&self) -> (Vec<usize>, Dag) {
        let kept: Vec<usize> = (0..self.nodes.len()).filter(|node| !self.unfolded.contains_key(node)).collect();
        let place: BTreeMap<usize, usize> = kept.iter().enumerate().map(|(place, node)| (*node, place)).collect();
        let mut edges = Vec::new();
        for &node in &kept {
            let mut open = self.dag.before(node);
            while let Some(before) = open.pop() {
                match place.get(&before) {
                    Some(&before) => edges.push((before, place[&node])),
                    None => open.extend(self.dag.before(before)),
                }
            }
        }
        // Leaving nodes out closes no circle.
        let dag = Dag::new(kept.len(), edges).unwrap_or_default();
        (kept, dag)
    }

    /// Returns who makes what an action of this row may read.
    pub fn makers_of(&self, row: Option<&str>) -> &Makers {
        row.and_then(|row| self.rows.get(row)).unwrap_or(&self.makers)
    }

    /// Tells whether only another row of the batch makes `path`.
    pub fn is_of_another(&self, row: Option<&str>, path: &RepoPath) -> bool {
        self.makers_of(row).of_path(path).is_none() && self.makers.of_path(path).is_some()
    }

    /// Returns the action that makes `path`, itself or as part of a folder.
    pub fn maker_of(&self, path: &RepoPath) -> Option<usize> {
        self.makers.of_path(path)
    }

    /// Tells whether `action` requires the success of `other`, directly or not.
    pub fn requires(&self, action: usize, other: usize) -> bool {
        let (mut open, mut seen) = (vec![action], BTreeSet::new());
        while let Some(action) = open.pop() {
            if action == other {
                return true;
            }
            open.extend(self.nodes[action].reads.iter().copied().filter(|&read| seen.insert(read)));
        }
        false
    }

    /// Returns the open fan-outs.
    pub fn open_fans(&self) -> Vec<usize> {
        let is_open = |index: &usize| self.nodes[*index].action.is_fan() && !self.unfolded.contains_key(index);
        (0..self.nodes.len()).filter(is_open).collect()
    }
}

fn cycle_fault(all: &[Node], Cycle(nodes): &Cycle) -> Diagnostic {
    let mut names: Vec<&str> = nodes.iter().map(|&node| all[node].action.id.as_str()).collect();
    names.extend(names.first().copied());
    let first = &all[nodes[0]].action;
    let mut fault = Diagnostic::error("S105", format!("stages wait for each other: {}", names.join(" → ")), first.span)
        .label("the circle starts here")
        .help("Each reads what the one before it writes: take one of these inputs away.");
    for &node in &nodes[1..] {
        fault = fault.related(all[node].action.span, "then here");
    }
    fault
}
