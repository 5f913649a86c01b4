//! Decides whether an action takes part in a build: by its condition, and by whether what it requires is made (R18).

use crate::base::failure::Failure;
use crate::base::path::RepoPath;
use crate::engine::compose::{self, Places};
use crate::engine::judge::{Course, Project, Settled};
use crate::engine::lockfile::Line;
use crate::engine::workflow::{Bound, Node, PROGRAM_ROLE, Plurality, What, Workflow};
use crate::storyfile::condition::{Answer, Condition, Facts};
use crate::storyfile::story::Presence;
use crate::world::World;
use crate::world::disk::Sort;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Why an action takes no part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Skip {
    /// Its condition is false; `because` says what makes it so.
    Condition { source: String, because: Vec<String> },
    /// It requires what a skipped action makes; `None` for that action's verdict.
    Requires { maker: usize, path: Option<RepoPath> },
}

/// Whether each program that a condition asks for is there: looked for once, so that all of a build goes by one answer.
pub struct OnPath {
    world: World,
    known: RefCell<BTreeMap<String, bool>>,
}

impl OnPath {
    pub fn new(world: World) -> OnPath {
        OnPath { world, known: RefCell::default() }
    }

    fn has(&self, name: &str) -> bool {
        *self.known.borrow_mut().entry(name.to_owned()).or_insert_with(|| self.world.has_program(name))
    }

    /// Returns what was asked for so far.
    pub fn answers(&self) -> Vec<(String, bool)> {
        self.known.borrow().iter().map(|(name, there)| (name.clone(), *there)).collect()
    }
}

/// Whether an action takes part.
#[derive(Debug)]
pub enum Part {
    Takes,
    Skips(Skip),
    /// That shows once this action has run.
    Unknown {
        maker: usize,
    },
    /// What its condition reads is not right.
    Blocked {
        maker: usize,
    },
    /// Its condition is neither true nor false.
    Fault(Failure),
}

impl Skip {
    /// Says why, the reason first and then what lies behind it.
    pub fn notes(&self, project: &Project) -> Vec<String> {
        match self {
            Skip::Condition { source, because } => {
                let said = format!("`when: {source}` is false");
                std::iter::once(said).chain(because.iter().cloned()).collect()
            }
            Skip::Requires { maker, path } => {
                let id = &project.node(*maker).action.id;
                vec![match path {
                    Some(path) => format!("it needs `{path}` of `{id}`, which is skipped"),
                    None => format!("it needs `{id}`, which is skipped"),
                }]
            }
        }
    }
}

impl Bound {
    /// Tells whether it is one of several that a pattern or a gather brought in: one fewer is no fault.
    pub fn is_match(&self) -> bool {
        self.plurality == Plurality::Gathered || self.plurality == Plurality::Many && !self.role.starts_with("needs.")
    }

    fn is_file(&self, file: &RepoPath) -> bool {
        matches!(&self.what, What::File(path) | What::Part(path, _) if path == file)
    }

    fn is_required(&self) -> bool {
        self.role == PROGRAM_ROLE || self.presence == Presence::Required && !self.is_match()
    }
}

/// Returns an input without which there is nothing to do: a required one that `lacks` tells of, or one of a gather all of which it
/// tells of.
fn lacked<'b>(inputs: &'b [Bound], lacks: &dyn Fn(&Bound) -> bool) -> Option<&'b Bound> {
    let is_gathered = |input: &&Bound| input.plurality == Plurality::Gathered;
    let mut gathered: BTreeMap<&str, Option<&Bound>> = BTreeMap::new();
    for input in inputs.iter().filter(is_gathered) {
        let first = gathered.entry(&input.role).or_insert(Some(input));
        if !lacks(input) {
            *first = None;
        }
    }
    let required = inputs.iter().filter(|input| input.is_required()).find(|input| lacks(input));
    required.or_else(|| gathered.into_values().flatten().next())
}

/// Tells whether an input is made by nobody that takes part. A folder in which others have files too is what stands in it.
fn is_unmade(workflow: &Workflow, input: &Bound, skipped: &BTreeSet<usize>) -> bool {
    let all_skipped = !input.makers.is_empty() && input.makers.iter().all(|maker| skipped.contains(maker));
    let is_whole = |path: &RepoPath| {
        let outputs = |maker: &usize| workflow.nodes[*maker].action.outputs.iter();
        input.makers.iter().flat_map(outputs).any(|output| path.is_within(&output.path))
    };
    all_skipped
        && match &input.what {
            What::Tree(path) => is_whole(path),
            What::File(_) | What::Part(..) | What::Verdict(_) => true,
        }
}

impl Project {
    /// Tells whether an input is left out because what makes it is skipped, whatever stands at its path.
    pub fn is_left_out(&self, input: &Bound) -> bool {
        !self.skipped.is_empty() && is_unmade(&self.workflow, input, &self.skipped)
    }

    /// Decides whether `action` takes part, and remembers it for those that read what it makes.
    pub(super) fn part(&mut self, action: usize, course: &Course<'_>) -> Part {
        self.skipped.remove(&action);
        let part = self.decide_part(action, course);
        if let Part::Skips(_) = part {
            self.skipped.insert(action);
        }
        part
    }

    /// Remembers whether an action that nobody asked for takes part: on what stands.
    pub(super) fn note_part(&mut self, action: usize, course: &Course<'_>) {
        if self.node(action).action.when.is_some() || !self.skipped.is_empty() {
            self.part(action, course);
        }
    }

    fn decide_part(&self, action: usize, course: &Course<'_>) -> Part {
        let node = self.node(action);
        let condition = node.action.when.as_ref();
        if let Some(Condition { known: Some(Answer::False(because)), source, .. }) = condition {
            return Part::Skips(Skip::Condition { source: source.clone(), because: because.clone() });
        }
        if let Some(skip) = self.requires(node).or_else(|| self.requires_of_fans(node, course)) {
            return Part::Skips(skip);
        }
        // What an open fan-out would give it is not known: neither a condition nor a key nor a command can be had.
        let settled = |fan: &usize| course.settled[*fan].as_ref();
        if let Some(&maker) = node.fans.iter().find(|fan| settled(fan) == Some(&Settled::Unknown)) {
            return Part::Unknown { maker };
        }
        if let Some(&maker) = node.fans.iter().find(|fan| settled(fan) != Some(&Settled::Skipped)) {
            return Part::Blocked { maker };
        }
        match condition {
            Some(condition) if condition.known.is_none() => self.ask(action, condition, course),
            _ => Part::Takes,
        }
    }

    /// Returns the skipped action without which `node` cannot be.
    fn requires(&self, node: &Node) -> Option<Skip> {
        if self.skipped.is_empty() {
            return None;
        }
        // A folder that nobody made and that is not there: it would have been made by those that are skipped.
        let is_missing = |input: &Bound| match &input.what {
            What::Tree(path) => {
                let is_skipped = |maker: &usize| self.skipped.contains(maker);
                let stands = self.workspace.disk.stat_following(&self.workspace.place(path)).is_ok();
                !stands && !input.makers.is_empty() && input.makers.iter().all(is_skipped)
            }
            What::File(_) | What::Part(..) | What::Verdict(_) => false,
        };
        lacked(&node.inputs, &|input| self.is_left_out(input) || is_missing(input)).map(lacking)
    }

    /// Returns the skipped fan-out without whose instances `node` cannot be: one that it needs by name, or that alone could make
    /// a file that is not there.
    fn requires_of_fans(&self, node: &Node, course: &Course<'_>) -> Option<Skip> {
        let is_skipped = |fan: &&usize| course.settled[**fan] == Some(Settled::Skipped);
        let fan = *node.fans.iter().find(is_skipped)?;
        let stage = &self.node(fan).action.stage;
        if node.action.needs.iter().any(|need| need.stage == *stage) {
            return Some(Skip::Requires { maker: fan, path: None });
        }
        // What stands there may be what an instance left: it counts as absent all the same.
        let is_left = |input: &Bound| {
            let named = |line: &Arc<Line>| line.outputs.keys().any(|path| input.is_file(path));
            self.lock.below(&self.node(fan).action.id).any(named)
        };
        let is_missing = |input: &&Bound| {
            let is_there = || self.stands_there(input, course.foreseen) && !is_left(input);
            input.is_required() && input.makers.is_empty() && !is_there()
        };
        node.inputs.iter().find(is_missing).map(|input| match &input.what {
            What::File(path) | What::Part(path, _) | What::Tree(path) => {
                Skip::Requires { maker: fan, path: Some(path.clone()) }
            }
            What::Verdict(_) => Skip::Requires { maker: fan, path: None },
        })
    }

    /// Answers a condition by what stands, or will have been put back.
    fn ask(&self, action: usize, condition: &Condition, course: &Course<'_>) -> Part {
        let node = self.node(action);
        let read: Vec<&Bound> = node.inputs.iter().filter(|input| condition.roles.contains(&input.role)).collect();
        let mut makers = read.iter().copied().chain(&node.asked).flat_map(|bound| bound.makers.iter().copied());
        let settled = |maker: &usize, as_this: Settled| course.settled[*maker].as_ref() == Some(&as_this);
        if let Some(maker) = makers.clone().find(|maker| settled(maker, Settled::Unknown)) {
            return Part::Unknown { maker };
        }
        let wrong = makers.find(|maker| settled(maker, Settled::Wrong));
        let stands = |bound: &Bound| self.stands_there(bound, course.foreseen);
        // That a required input is not there is told by who judges the action.
        if read.iter().any(|input| input.is_required() && !stands(input)) {
            return wrong.map_or(Part::Takes, |maker| Part::Blocked { maker });
        }
        let present: Vec<&Bound> = read.into_iter().filter(|input| stands(input)).collect();
        let mut scope = compose::scope(&self.story, &node.action, &present, &Places::DECLARED);
        let mut gone = None;
        let filled = compose::fill(&mut scope, &mut |file| {
            let Some(digest) = RepoPath::found(&file.path).ok().and_then(|path| course.foreseen.get(&path)) else {
                return self.workspace.content(file);
            };
            let cached = self.cached(digest);
            if cached.is_none() {
                let is_this = |input: &&&Bound| input.what_text() == file.named();
                gone = present.iter().find(is_this).and_then(|input| input.makers.first());
            }
            cached.map_or(Ok(None), |bytes| self.workspace.seen(file, bytes))
        });
        if let Some(&maker) = gone {
            return Part::Unknown { maker };
        }
        let asked = condition.paths.iter().zip(&node.asked);
        let facts = Facts {
            paths: asked.map(|(asked, bound)| (asked.text.clone(), stands(bound))).collect(),
            programs: condition.programs.iter().map(|name| (name.clone(), self.on_path.has(name))).collect(),
        };
        match (filled.and_then(|()| condition.answer(&scope, &facts)), wrong) {
            (Ok(Answer::True), _) => Part::Takes,
            // What it went by is old.
            (_, Some(maker)) => Part::Blocked { maker },
            (Ok(Answer::False(because)), None) => {
                Part::Skips(Skip::Condition { source: condition.source.clone(), because })
            }
            (Err(failure), None) => Part::Fault(failure),
        }
    }

    /// Tells whether a path holds something, or will once what is foreseen is put back.
    fn stands_there(&self, bound: &Bound, foreseen: &BTreeMap<RepoPath, crate::base::digest::Digest>) -> bool {
        if self.is_left_out(bound) {
            return false;
        }
        let stat = |path: &RepoPath| self.workspace.disk.stat_following(&self.workspace.place(path)).ok();
        match &bound.what {
            What::File(path) => foreseen.contains_key(path) || stat(path).is_some(),
            What::Part(path, part) => match foreseen.get(path) {
                Some(digest) => self.cached(digest).is_none_or(|bytes| self.workspace.has_part(path, part, &bytes)),
                None => matches!(self.workspace.part(path, part), Ok(Ok(Some(_)))),
            },
            What::Tree(path) => {
                let foreseen = foreseen.keys().any(|found| found.is_within(path));
                foreseen || stat(path).is_some_and(|stat| stat.sort == Sort::Dir)
            }
            What::Verdict(_) => true,
        }
    }
}

fn lacking(input: &Bound) -> Skip {
    let path = match &input.what {
        What::File(path) | What::Part(path, _) | What::Tree(path) => Some(path.clone()),
        What::Verdict(_) => None,
    };
    Skip::Requires { maker: input.makers[0], path }
}

/// Returns the actions that are skipped whatever is built: nothing has to be made for them.
pub fn surely_skipped(workflow: &Workflow) -> BTreeSet<usize> {
    let is_false = |node: &Node| {
        let known = node.action.when.as_ref().and_then(|condition| condition.known.as_ref());
        matches!(known, Some(Answer::False(_)))
    };
    let all = workflow.nodes.iter().enumerate();
    without(workflow, &all.filter(|(_, node)| is_false(node)).map(|(action, _)| action).collect())
}

/// Returns the actions that are skipped if `first` are: those, and who requires what they make.
pub fn without(workflow: &Workflow, first: &BTreeSet<usize>) -> BTreeSet<usize> {
    let mut skipped = first.clone();
    for &action in workflow.dag.order() {
        let lacks = |input: &Bound| is_unmade(workflow, input, &skipped);
        if lacked(&workflow.nodes[action].inputs, &lacks).is_some() {
            skipped.insert(action);
        }
    }
    skipped
}
