//! Tells what the actions of a plan would pay, without asking anybody: exactly where all that they read is there, else by
//! what stands, by the last time, and by the bounds of the stage.

use crate::base::digest::Digest;
use crate::base::failure::Failure;
use crate::base::id::{ActionKey, Take};
use crate::base::money::Cost;
use crate::base::path::RepoPath;
use crate::engine::bill::{Bill, Item, Past, Sureness};
use crate::engine::compose::{self, Places};
use crate::engine::error::EngineError;
use crate::engine::judge::{Judgement, Project};
use crate::engine::lockfile::Line;
use crate::engine::plan::{Plan, Step};
use crate::engine::rebuild::Verdict;
use crate::engine::workflow::{Bound, Node, What};
use crate::kind::contract::{Guess, Kind, Quoted, Work as KindWork};
use crate::provider::quote::Quote;
use crate::storyfile::story::{Action, Presence, Work};
use crate::storyfile::with::With;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What stands in the place of a provider's name where nobody knows who will be asked.
const NOBODY_KNOWS: &str = "unknown";

/// Adds to `bill` what a build by `plan` would pay.
pub fn estimate(project: &Project, plan: &Plan, bill: &mut Bill) -> Result<(), EngineError> {
    let mut sight = Sight { project, ahead: plan.foreseen.clone(), sizes: BTreeMap::new() };
    for step in plan.steps.iter().filter(|step| !plan.unneeded.contains(&step.action)) {
        sight.look(step, bill)?;
    }
    Ok(())
}

/// What is seen of a build before it begins.
struct Sight<'a> {
    project: &'a Project,
    /// Content that will be put back before it is read.
    ahead: BTreeMap<RepoPath, Digest>,
    /// How large files may be that this build makes, in bytes.
    sizes: BTreeMap<RepoPath, u64>,
}

impl Sight<'_> {
    fn look(&mut self, step: &Step, bill: &mut Bill) -> Result<(), EngineError> {
        let (project, action) = (self.project, step.action);
        match &step.judgement {
            Judgement::Verdict { verdict: Verdict::Fresh(_), .. }
            | Judgement::Skipped(_)
            | Judgement::Unfolded { .. } => {}
            Judgement::Verdict { verdict: Verdict::Restore(restore), .. } => {
                for (path, digest) in &restore.write {
                    self.ahead.insert(path.clone(), *digest);
                    project.foresee_tree(path, digest, &mut self.ahead)?;
                }
            }
            Judgement::Verdict { verdict: Verdict::Run { take, .. }, digests, .. } => {
                self.run(action, Some((*take, digests)), bill);
            }
            Judgement::Unknown { .. } | Judgement::Undescribed => self.run(action, None, bill),
            Judgement::Unfold { wrong: None } => self.fan(&project.node(action).action, bill),
            Judgement::Verdict { verdict: Verdict::Wait(_), .. }
            | Judgement::Unfold { wrong: Some(_) }
            | Judgement::Held(_)
            | Judgement::Blocked { .. }
            | Judgement::Fault(_) => bill.held += 1,
        }
        Ok(())
    }

    /// Adds an action that runs, or may; `judged` where it is known what it reads.
    fn run(&mut self, action: usize, judged: Option<(Take, &Vec<Option<Digest>>)>, bill: &mut Bill) {
        let node = self.project.node(action);
        let Some(job) = Job::of(self.project, &node.action) else { return };
        let guess = job.guess(self.input_bytes(node));
        for output in &node.action.outputs {
            self.sizes.extend(guess.output_bytes.map(|bytes| (output.path.clone(), bytes)));
        }
        let exact = judged.and_then(|(take, digests)| self.quotes(&job, &compose::present(node, digests), take).ok());
        let (quotes, sureness) = match exact {
            Some(quotes) => (Some(quotes), Sureness::Exact),
            None => (self.by_what_stands(&job, node).or(guess.quotes), Sureness::Estimated),
        };
        let past = self.past(self.project.last_key(action));
        job.put(quotes, past, sureness, bill);
    }

    /// Adds a fan-out whose list is not known: as many instances as there were.
    fn fan(&self, fan: &Action, bill: &mut Bill) {
        let Work::Fan { draft, .. } = &fan.work else { return };
        let Some(draft) = draft else {
            // Not even its kind is known: it may be anybody's.
            if !self.project.providers.apis.is_empty() {
                bill.add_open(fan.stage.as_str(), NOBODY_KNOWS);
            }
            return;
        };
        let Some(job) = Job::of(self.project, draft) else { return };
        let guess = job.guess(None);
        let (lock, state) = (&self.project.lock, &self.project.state);
        let lines = state.below(&fan.id).chain(lock.below(&fan.id)).filter(|line| !line.orphan);
        let instances: BTreeMap<_, &Arc<Line>> = lines.map(|line| (&line.action, line)).collect();
        if instances.is_empty() {
            return match &guess.quotes {
                Some(quotes) if quotes.is_empty() => {}
                _ => job.put(None, None, Sureness::Unknown, bill),
            };
        }
        for line in instances.into_values() {
            job.put(guess.quotes.clone(), self.past(line.key), Sureness::Estimated, bill);
        }
    }

    /// Returns the calls of a job for these inputs.
    fn quotes(&self, job: &Job<'_>, inputs: &[&Bound], take: Take) -> Result<Vec<Quote>, Failure> {
        let project = self.project;
        let mut scope = compose::scope(&project.story, job.action, inputs, &Places::DECLARED);
        compose::fill(&mut scope, &mut |file| project.content(file, &self.ahead))?;
        let settings = job.with.resolve(&scope)?;
        let (settings, scope, store) = (&settings, &scope, &project.store);
        job.kind.quote(&Quoted { settings, scope, named: job.named, providers: &project.providers, store, take })
    }

    /// The same for inputs that this build makes anew, as they stand; `None` where one does not.
    fn by_what_stands(&self, job: &Job<'_>, node: &Node) -> Option<Vec<Quote>> {
        let stands = |input: &Bound| match &input.what {
            What::File(path) | What::Part(path, _) if self.ahead.contains_key(path) => true,
            _ => self.project.is_present(input),
        };
        let is_here = |input: &&Bound| stands(input) || input.presence == Presence::Optional;
        if !node.fans.is_empty() || !node.late.is_empty() || !node.inputs.iter().all(|input| is_here(&input)) {
            return None;
        }
        let inputs: Vec<&Bound> = node.inputs.iter().filter(|input| stands(input)).collect();
        let quotes = self.quotes(job, &inputs, 1).ok()?;
        // It will be another request.
        Some(quotes.into_iter().map(|quote| Quote { key: None, remembered: false, ..quote }).collect())
    }

    /// Returns how large all that an action reads may be; `None` where nobody knows.
    fn input_bytes(&self, node: &Node) -> Option<u64> {
        if !node.fans.is_empty() || !node.late.is_empty() {
            return None;
        }
        let size = |input: &Bound| match &input.what {
            What::File(path) | What::Part(path, _) => match self.sizes.get(path) {
                Some(bytes) => Some(*bytes),
                None => match self.project.workspace.stat(path).ok().flatten() {
                    None if input.presence == Presence::Optional && input.makers.is_empty() => Some(0),
                    stat => stat.map(|stat| stat.size),
                },
            },
            What::Tree(_) => None,
            What::Verdict(_) => Some(0),
        };
        node.inputs.iter().map(size).sum()
    }

    /// Returns what the calls behind the result under `key` came to.
    fn past(&self, key: Option<ActionKey>) -> Option<Past> {
        let store = &self.project.store;
        let records = store.records(&key?).ok()?;
        let requests = &records.iter().rev().find(|record| !record.requests.is_empty())?.requests;
        let cost = requests.iter().try_fold(Cost::FREE, |sum, request| sum.plus(store.reply_meta(request)?.cost?))?;
        Some(Past { calls: requests.len() as u64, cost })
    }
}

/// The work of an action that a kind does.
struct Job<'a> {
    project: &'a Project,
    action: &'a Action,
    kind: &'a Arc<dyn Kind>,
    with: &'a With,
    named: &'a BTreeMap<String, String>,
}

impl<'a> Job<'a> {
    fn of(project: &'a Project, action: &'a Action) -> Option<Job<'a>> {
        let Work::Kind { kind, with, providers: named } = &action.work else { return None };
        let kind = compose::find_kind(&project.registry, kind).ok()?;
        Some(Job { project, action, kind, with, named })
    }

    fn guess(&self, input_bytes: Option<u64>) -> Guess {
        let (settings, late) = (self.with.constants(), self.with.late_names());
        let Action { inputs, outputs, .. } = self.action;
        let (settings, late, named, providers) = (&settings, &late, self.named, &self.project.providers);
        self.kind.guess(&KindWork { settings, late, inputs, outputs, named, providers }, input_bytes)
    }

    /// Puts its calls on the bill; `None`: nobody knows how many.
    fn put(&self, quotes: Option<Vec<Quote>>, past: Option<Past>, sureness: Sureness, bill: &mut Bill) {
        let stage = self.action.stage.as_str();
        match quotes {
            Some(quotes) => bill.add(Item { stage: stage.to_owned(), quotes, past, sureness }),
            None => bill.add_open(stage, self.payee()),
        }
    }

    fn payee(&self) -> &str {
        let apis = &self.project.providers.apis;
        self.named.values().find(|name| apis.contains_key(*name)).map_or(NOBODY_KNOWS, String::as_str)
    }
}
