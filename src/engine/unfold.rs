//! Opens fan-outs: reads their lists, and puts the instances in their place (R16).
//!
//! A list that only people write is read when the project is opened. One that a stage writes is read as soon as it is known
//! what stands there: before the build if the stage is fresh, else during the build, when it has run.

use crate::base::diagnostic::{Diagnostic, Severity};
use crate::base::digest::Digest;
use crate::base::failure::{Cause, Failure};
use crate::base::id::ActionId;
use crate::base::path::RepoPath;
use crate::base::span::Span;
use crate::data::list;
use crate::engine::error::EngineError;
use crate::engine::faults::faults_of_actions;
use crate::engine::judge::{Course, Hold, Judgement, Project, Settled};
use crate::engine::lockfile::Line;
use crate::engine::open::Finder;
use crate::engine::plan::Selection;
use crate::engine::rebuild::Wait;
use crate::engine::select::{Wish, select_some};
use crate::engine::sources::Pattern;
use crate::engine::workflow::What;
use crate::storyfile::lists::{Items, ListSource, Lists, Territory};
use crate::storyfile::lowering::Unfolded;
use crate::storyfile::story::{Action, Selector, Work};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// How many renames a person is shown.
const RENAMES_SHOWN: usize = 8;

/// How many faults of a list a failure tells.
const FAULTS_SHOWN: usize = 5;

/// Whether a person is asked before a list replaces much of what there was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    Asks,
    Overruled,
}

/// Why a fan-out stays closed.
#[derive(Debug)]
pub enum Closed {
    /// A person is asked first.
    Held(Wait),
    /// The list, or what it comes to, is at fault.
    Faults(Vec<Diagnostic>),
}

impl Project {
    /// Unfolds all whose lists no stage writes. Faults of such a list are faults of the user's text.
    pub fn unfold_sources(&mut self) -> Result<Vec<Diagnostic>, EngineError> {
        loop {
            let is_source = |fan: &usize| self.node(*fan).reads.is_empty() && !self.held.contains_key(fan);
            let Some(fan) = self.workflow.open_fans().into_iter().find(is_source) else { return Ok(Vec::new()) };
            match self.unfold(fan, &BTreeMap::new(), Guard::Asks)? {
                Ok(_) => {}
                Err(Closed::Held(wait)) => drop(self.held.insert(fan, Hold::Asks(wait))),
                Err(Closed::Faults(faults)) => return Ok(faults),
            }
        }
    }

    /// Unfolds all whose lists are known whatever a build of `wish` does: they stand, or will be put back. Without a wish
    /// nothing is built, and what stands counts.
    pub fn unfold_known(&mut self, wish: Option<&Wish>) -> Result<(), EngineError> {
        loop {
            let open: Vec<usize> =
                self.workflow.open_fans().into_iter().filter(|fan| !self.held.contains_key(fan)).collect();
            if open.is_empty() {
                return Ok(());
            }
            let selection = wish.map_or_else(Selection::default, |wish| select_some(self, wish));
            let asked = self.workflow.dag.with_all_before(open.iter().copied());
            let mut settled: Vec<Option<Settled>> = vec![None; self.workflow.nodes.len()];
            let mut foreseen = BTreeMap::new();
            let mut ready = Vec::new();
            for action in self.workflow.dag.order().to_vec() {
                let is_open = open.contains(&action);
                if !asked.contains(&action) || !is_open && !selection.actions.contains(&action) {
                    continue;
                }
                let course = Course { settled: &settled, foreseen: &foreseen, demands: &selection.demands };
                let judgement = self.judge(action, &course)?;
                if is_open && matches!(judgement, Judgement::Unfold { .. }) && self.stands(action, &foreseen) {
                    ready.push(action);
                }
                settled[action] = Some(self.settlement(action, &judgement, &mut foreseen)?);
            }
            // What cannot be read yet is left to the build.
            if ready.is_empty() {
                return Ok(());
            }
            for fan in ready {
                // Another with the same list may have grown over it.
                if self.workflow.unfolded.contains_key(&fan) {
                    continue;
                }
                match self.unfold(fan, &foreseen, Guard::Asks)? {
                    Ok(_) => {}
                    Err(Closed::Held(wait)) => drop(self.held.insert(fan, Hold::Asks(wait))),
                    Err(Closed::Faults(faults)) => {
                        let failure = self.failure_of_list(&faults);
                        self.held.insert(fan, Hold::Fails(failure));
                    }
                }
            }
        }
    }

    /// Tells whether every list of a fan-out is there to be read.
    fn stands(&self, fan: usize, foreseen: &BTreeMap<RepoPath, Digest>) -> bool {
        self.node(fan).inputs.iter().all(|input| match &input.what {
            What::File(path) | What::Part(path, _) => {
                foreseen.contains_key(path) || matches!(self.workspace.stat(path), Ok(Some(_)))
            }
            What::Tree(_) | What::Verdict(_) => true,
        })
    }

    /// Reads the lists of a fan-out and puts its instances in its place; returns this fan-out and all others that the same
    /// lists unfolded.
    pub fn unfold(
        &mut self,
        fan: usize,
        foreseen: &BTreeMap<RepoPath, Digest>,
        guard: Guard,
    ) -> Result<Result<Vec<usize>, Closed>, EngineError> {
        let Work::Fan { lists, .. } = self.node(fan).action.work.clone() else { return Ok(Ok(Vec::new())) };
        let row = self.node(fan).action.row.as_ref().map(|row| row.id.clone());
        let mut known = Lists::new();
        for list in &lists {
            match self.read_list(list, row.as_deref(), foreseen)? {
                Ok(items) => drop(known.insert(list.name(), Arc::new(items))),
                Err(message) => {
                    let fault = Diagnostic::error("S047", message, list.span).label("the list of this axis");
                    let help = "look at the file: a list is `[…]` in JSON, `- …` in YAML, or the rows of a table";
                    return Ok(Err(Closed::Faults(vec![fault.help(help)])));
                }
            }
        }
        let env = self.env.clone();
        let look_up = |name: &str| env.look_up(name).map(str::to_owned);
        let unfolded = {
            let row = &self.node(fan).action.row;
            let kept = self.workflow.nodes.iter().map(|node| &node.action);
            let kept = kept.filter(|action| !action.is_fan() && action.row == *row);
            let earlier: Vec<_> = kept.collect();
            self.story.lowering_of(&self.node(fan).action).unfold(known, &earlier, &*self.registry, &look_up)
        };
        match unfolded {
            Ok(unfolded) => self.take_in(fan, unfolded, guard),
            Err(faults) => Ok(Err(Closed::Faults(faults))),
        }
    }

    /// Lets the graph grow by what lists made of the fan-outs that wait for them: one, or several with one list.
    fn take_in(
        &mut self,
        fan: usize,
        unfolded: Unfolded,
        guard: Guard,
    ) -> Result<Result<Vec<usize>, Closed>, EngineError> {
        let Unfolded { lowering, lowered, warnings: _, env_used } = unfolded;
        let stages: BTreeSet<&str> = lowered.stages.iter().map(|stage| stage.name.as_str()).collect();
        let fans: Vec<usize> = self
            .workflow
            .open_fans()
            .into_iter()
            .filter(|one| stages.contains(self.node(*one).action.stage.as_str()))
            .filter(|one| self.node(*one).action.row == self.node(fan).action.row)
            .collect();
        let mut digests = BTreeMap::new();
        for &one in &fans {
            let stage = self.node(one).action.stage.clone();
            let ids: Vec<ActionId> = lowered
                .actions
                .iter()
                .filter(|action| action.stage == stage && !action.is_fan())
                .map(|action| action.id.clone())
                .collect();
            let digest = digest_of(&ids);
            if guard == Guard::Asks
                && let Some(wait) = self.replaces_too_much(one, &ids, &digest)
            {
                // Those of one list stand or wait together.
                if one != fan {
                    self.held.insert(one, Hold::Asks(wait.clone()));
                }
                return Ok(Err(Closed::Held(wait)));
            }
            digests.insert(one, digest);
        }
        let mut faults = faults_of_actions(&lowered.actions, &self.story, &self.registry, &self.providers);
        faults.extend(self.programs.faults(&lowered.actions));
        faults.extend(self.of_other_rows(&lowered.actions));
        if faults.iter().any(|fault| fault.severity == Severity::Error) {
            return Ok(Err(Closed::Faults(faults)));
        }
        let standing = self.workflow.nodes.iter().map(|node| &node.action);
        let orphans = self.named.orphans(standing.chain(&lowered.actions));
        let disk = self.workspace.disk.clone();
        let root = self.workspace.root.clone();
        let mut finder = Finder { disk: &*disk, root: &root, guards: std::mem::take(&mut self.guards), error: None };
        let grown = self.workflow.grow(&fans, lowered.actions, lowered.related, &orphans, &mut finder, &mut faults);
        self.guards = finder.guards;
        if let Some(error) = finder.error {
            return Err(error);
        }
        if !grown {
            faults.retain(|fault| fault.severity == Severity::Error);
            return Ok(Err(Closed::Faults(faults)));
        }
        self.workflow.unfolded.extend(digests);
        match &self.node(fan).action.row {
            Some(row) => drop(self.story.rows.insert(row.id.clone(), lowering)),
            None => self.story.lowering = lowering,
        }
        self.story.env_used.extend(env_used);
        Ok(Ok(fans))
    }

    /// Returns the items of a list; the inner `Err` says why there are none.
    fn read_list(
        &mut self,
        list: &ListSource,
        row: Option<&str>,
        foreseen: &BTreeMap<RepoPath, Digest>,
    ) -> Result<Result<Items, String>, EngineError> {
        let path = match &list.selector {
            Selector::File(path) => path,
            Selector::Glob { pattern, .. } => {
                return self.matches(pattern, row, foreseen).map(|files| files.map(Items::Files));
            }
            Selector::Tree(path) => return Ok(Err(format!("`{path}/` is a folder"))),
        };
        let cached = foreseen.get(path).and_then(|digest| self.cached(digest));
        let bytes = match cached {
            Some(bytes) => bytes,
            None => match self.workspace.disk.read(&self.workspace.place(path)) {
                Ok(bytes) => bytes,
                Err(error) => return Ok(Err(format!("the list `{}` cannot be read: {error}", list.name()))),
            },
        };
        let items = list::items(path.extension(), &bytes, &list.pointer);
        Ok(items.map(Items::Values).map_err(|fault| format!("`{path}` {fault}")))
    }

    /// Returns what a pattern matches: sources, declared outputs, and files in folders that stages write.
    fn matches(
        &mut self,
        pattern: &str,
        row: Option<&str>,
        foreseen: &BTreeMap<RepoPath, Digest>,
    ) -> Result<Result<Vec<RepoPath>, String>, EngineError> {
        let parsed = match Pattern::parse(pattern) {
            Ok(parsed) => parsed,
            Err(words) => return Ok(Err(format!("`{pattern}` is not a pattern: {words}"))),
        };
        let orphans = self.named.orphans(self.workflow.nodes.iter().map(|node| &node.action));
        let mut made: Vec<(&RepoPath, usize)> =
            self.workflow.makers_of(row).files.iter().map(|(path, maker)| (path, *maker)).collect();
        made.retain(|(path, _)| parsed.matches(path.as_str()));
        made.sort_by_key(|(path, maker)| (self.node(*maker).action.place, (*path).clone()));
        let mut files: Vec<RepoPath> = made.into_iter().map(|(path, _)| path.clone()).collect();
        let mut seen: BTreeSet<RepoPath> = files.iter().cloned().collect();
        let disk = self.workspace.disk.clone();
        let root = self.workspace.root.clone();
        let found = parsed.find(&*disk, &root, &mut self.guards).map_err(|error| EngineError::read(&root, error))?;
        let ahead = foreseen.keys().filter(|path| parsed.matches(path.as_str())).cloned();
        let mut others: Vec<RepoPath> = Vec::new();
        for source in found {
            match RepoPath::found(&source.path) {
                Ok(path) if !orphans.has(path.as_str()) && !self.workflow.is_of_another(row, &path) => {
                    others.push(path)
                }
                Ok(_) => {}
                Err(fault) => return Ok(Err(format!("`{}` cannot be an item: {fault}", source.path.escape_debug()))),
            }
        }
        others.extend(ahead.filter(|path| !self.workflow.makers.files.contains_key(path)));
        others.sort_by(|one, two| crate::engine::sources::natural(one.as_str(), two.as_str()));
        files.extend(others.into_iter().filter(|path| seen.insert(path.clone())));
        Ok(Ok(files))
    }

    /// A list that takes an edited instance away, or replaces more than half of them, is not taken in without a word: all that
    /// was paid for the old ones would be paid again.
    fn replaces_too_much(&self, fan: usize, new: &[ActionId], digest: &Digest) -> Option<Wait> {
        let action = &self.node(fan).action;
        if self.lock.get(&(action.id.clone(), Vec::new())).is_some_and(|line| line.verdict == Some(*digest)) {
            return None;
        }
        let is_instance = Self::instance_of(action);
        let is_ours = |line: &&Arc<Line>| is_instance(line) && !line.orphan;
        let old: BTreeMap<&ActionId, bool> =
            self.lock.below(&action.id).filter(is_ours).map(|line| (&line.action, !line.edits.is_empty())).collect();
        let now: BTreeSet<&ActionId> = new.iter().collect();
        let removed: Vec<&ActionId> = old.keys().copied().filter(|id| !now.contains(id)).collect();
        let added: Vec<&ActionId> = new.iter().filter(|id| !old.contains_key(id)).collect();
        let edited: Vec<ActionId> = removed.iter().filter(|id| old[**id]).map(|id| (*id).clone()).collect();
        // Items that are only taken away replace nothing.
        let many = !added.is_empty() && removed.len() * 2 > old.len();
        if edited.is_empty() && !many {
            return None;
        }
        let mut changes: Vec<String> = removed.iter().zip(&added).map(|(old, new)| format!("{old} → {new}")).collect();
        changes.extend(removed.iter().skip(added.len()).map(|old| format!("{old} is gone")));
        let more = changes.len().saturating_sub(RENAMES_SHOWN);
        changes.truncate(RENAMES_SHOWN);
        if more > 0 {
            changes.push(format!("and {more} more"));
        }
        Some(Wait::Replaced { of: old.len(), removed: removed.len(), edited, changes })
    }

    /// Returns what tells the lines of a fan-out's instances, whatever its list: by what they write. Results of other parameters are
    /// elsewhere.
    fn instance_of(fan: &Action) -> impl Fn(&Line) -> bool + use<> {
        let (id, row) = (fan.id.clone(), fan.row.as_ref().map(|row| row.id.clone()));
        let territories: &[Territory] = match &fan.work {
            Work::Fan { territories, .. } => territories.as_slice(),
            _ => &[],
        };
        let patterns: Vec<Pattern> =
            territories.iter().filter_map(|territory| Pattern::parse(&territory.pattern).ok()).collect();
        move |line: &Line| {
            let known = |path: &RepoPath| patterns.iter().any(|pattern| pattern.matches(path.as_str()));
            line.action.is_below(&id) && line.row == row && !line.outputs.is_empty() && line.outputs.keys().all(known)
        }
    }

    /// Tells whether lists of a fan-out's own items are still to come: another fan-out stands in its place.
    fn is_half_unfolded(&self, fan: usize) -> bool {
        self.workflow.nodes.iter().any(|node| node.fan == Some(fan) && node.action.is_fan())
    }

    /// Tells whether the lock names the list that a fan-out was unfolded from.
    pub fn is_list_locked(&self, fan: usize) -> bool {
        let name = (self.node(fan).action.id.clone(), Vec::new());
        self.is_half_unfolded(fan)
            || self.lock.get(&name).and_then(|line| line.verdict) == self.workflow.unfolded.get(&fan).copied()
    }

    /// Writes down which list the fan-out was unfolded from, and which of its instances are no more.
    pub fn write_fan_line(&mut self, fan: usize) {
        let action = self.node(fan).action.clone();
        let Some(digest) = self.workflow.unfolded.get(&fan).copied() else { return };
        if self.is_half_unfolded(fan) {
            return;
        }
        let row = action.row.as_ref().map(|row| row.id.clone());
        let line = Line { verdict: Some(digest), row: row.clone(), ..Line::of(action.id.clone()) };
        let line = Arc::new(line);
        self.lock.insert(line.clone());
        self.state.insert(line);
        let now: BTreeSet<ActionId> = self.instances_of(fan).into_iter().collect();
        let is_instance = Self::instance_of(&action);
        let is_orphan = |line: &Line| is_instance(line) && !now.contains(&line.action);
        self.lock.mark_orphans(&action.id, &is_orphan);
        self.state.mark_orphans(&action.id, &is_orphan);
    }

    /// Returns the names of the instances that stand in the place of a fan-out.
    pub fn instances_of(&self, fan: usize) -> Vec<ActionId> {
        let nodes = self.workflow.nodes.iter();
        nodes.filter(|node| node.fan == Some(fan)).map(|node| node.action.id.clone()).collect()
    }

    /// Takes the list of a held fan-out as it is, and those of all that go with it; `Err` says why it cannot be taken.
    pub fn accept_list(&mut self, fan: usize) -> Result<Result<(), String>, EngineError> {
        match self.unfold(fan, &BTreeMap::new(), Guard::Overruled)? {
            Ok(fans) => {
                for fan in fans {
                    self.held.remove(&fan);
                    self.write_fan_line(fan);
                }
                Ok(Ok(()))
            }
            Err(Closed::Held(_)) => Ok(Err("its list cannot be taken".to_owned())),
            Err(Closed::Faults(faults)) => {
                Ok(Err(faults.first().map_or_else(String::new, |fault| fault.message.clone())))
            }
        }
    }
}

impl Project {
    /// Returns a place in the texts of the story as a person looks for it: `Storyfile.yaml:3:5`.
    pub fn place(&self, span: Span) -> String {
        let found = self.story.sources().at(span);
        let (line, column) = found.within(span).line_column(found.text);
        format!("{}:{line}:{column}", found.name)
    }

    /// Says of what an action is in want because `maker` is not right.
    pub fn why_blocked(&self, action: usize, maker: usize) -> String {
        let id = |maker: &usize| format!("`{}`", self.node(*maker).action.id);
        if self.node(action).fan != Some(maker) {
            return format!("it reads what {} makes", id(&maker));
        }
        match &self.node(maker).reads[..] {
            [list] => format!("its list is what {} makes", id(list)),
            lists => format!("its lists are what {} make", lists.iter().map(id).collect::<Vec<_>>().join(", ")),
        }
    }

    /// Says as a failure of a run what is wrong with a list, or with what its items come to.
    pub fn failure_of_list(&self, faults: &[Diagnostic]) -> Failure {
        let place = |fault: &Diagnostic| match fault.span {
            Some(span) => format!("{} ({})", fault.message, self.place(span)),
            None => fault.message.clone(),
        };
        let shown: Vec<String> = faults.iter().take(FAULTS_SHOWN).map(place).collect();
        let failure = Failure::new(Cause::Output, shown.join("\n"));
        match faults.first().and_then(|fault| fault.help.clone()) {
            Some(help) => failure.hint(help),
            None => failure,
        }
    }
}

fn digest_of(ids: &[ActionId]) -> Digest {
    let names: Vec<&str> = ids.iter().map(ActionId::as_str).collect();
    Digest::of(names.join("\n").as_bytes())
}
