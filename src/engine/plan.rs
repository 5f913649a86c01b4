//! Foresees a build: judges every selected action in order without doing anything.

use crate::base::digest::Digest;
use crate::base::path::RepoPath;
use crate::engine::error::EngineError;
use crate::engine::judge::{Course, Demands, Judgement, Project, Settled};
use crate::engine::rebuild::{Absence, Verdict};
use crate::engine::select::{UnknownTarget, Wish, select};
use std::collections::{BTreeMap, BTreeSet};

/// What a build is asked to do.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// The actions to look at, closed over what they need unless the command line says otherwise.
    pub actions: BTreeSet<usize>,
    /// Those that were asked for by name or that nothing follows: their outputs are always needed.
    pub wanted: BTreeSet<usize>,
    pub demands: Demands,
}

/// A foreseen build.
pub struct Plan {
    /// In the graph's order.
    pub steps: Vec<Step>,
    /// Actions whose outputs are missing and that nobody needs.
    pub unneeded: BTreeSet<usize>,
    /// What the unneeded outputs were: those that read them are judged by it.
    pub foreseen: BTreeMap<RepoPath, Digest>,
}

/// One action of a plan.
pub struct Step {
    pub action: usize,
    pub judgement: Judgement,
}

impl Plan {
    /// Returns how many actions take no part.
    pub fn skipped(&self) -> usize {
        self.steps.iter().filter(|step| step.is_skipped()).count()
    }

    /// Returns the actions that may run: all but those that stand, are put back, take no part or are not needed.
    pub fn may_run(&self) -> BTreeSet<usize> {
        let is_put_back =
            |step: &&Step| matches!(step.judgement, Judgement::Verdict { verdict: Verdict::Restore(_), .. });
        let steps = self.steps.iter().filter(|step| !step.is_fresh() && !step.is_skipped() && !is_put_back(step));
        steps.map(|step| step.action).filter(|action| !self.unneeded.contains(action)).collect()
    }

    /// Tells whether a build would do nothing.
    pub fn is_quiet(&self) -> bool {
        self.steps.iter().all(|step| step.is_fresh() || step.is_skipped() || self.unneeded.contains(&step.action))
    }
}

impl Step {
    /// Returns how many outputs hold a person's edit, if all is right.
    pub fn edits(&self) -> usize {
        match &self.judgement {
            Judgement::Verdict { verdict: Verdict::Fresh(stands), .. } => stands.edits.len(),
            _ => 0,
        }
    }

    pub fn is_fresh(&self) -> bool {
        matches!(self.judgement, Judgement::Verdict { verdict: Verdict::Fresh(_), .. })
    }

    /// Tells whether the action takes no part.
    pub fn is_skipped(&self) -> bool {
        matches!(self.judgement, Judgement::Skipped(_))
    }
}

/// Unfolds what is known and selects what is asked for.
pub fn choose(project: &mut Project, wish: &Wish) -> Result<Selection, PlanError> {
    project.unfold_known(Some(wish))?;
    Ok(select(project, wish)?)
}

/// Unfolds what is known, selects what is asked for and plans it.
pub fn foresee(project: &mut Project, wish: &Wish) -> Result<(Selection, Plan), PlanError> {
    let selection = choose(project, wish)?;
    let plan = plan(project, &selection)?;
    Ok((selection, plan))
}

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    #[error(transparent)]
    Unknown(#[from] UnknownTarget),
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// Plans `selection`.
fn plan(project: &mut Project, selection: &Selection) -> Result<Plan, EngineError> {
    // An action whose outputs are gone for good is spared if all that reads it is fresh. Whether that is so shows only
    // once its readers are judged as if it stood; each round that disproves it for one plans again.
    let mut needed: BTreeSet<usize> = BTreeSet::new();
    loop {
        let (plan, spared) = round(project, selection, &needed)?;
        let stands: BTreeSet<usize> =
            plan.steps.iter().filter(|step| step.is_fresh() || step.is_skipped()).map(|step| step.action).collect();
        let is_needed = |action: &usize| {
            let readers = project.workflow.dag.after(*action);
            let mut readers = readers.iter().filter(|reader| selection.actions.contains(reader)).peekable();
            readers.peek().is_none() || readers.any(|reader| !stands.contains(reader) && !spared.contains(reader))
        };
        let read_unseen = discovered_makers(project, &plan, &spared);
        let disproved: Vec<usize> =
            spared.iter().copied().filter(|action| is_needed(action) || read_unseen.contains(action)).collect();
        tracing::debug!(actions = plan.steps.len(), quiet = plan.is_quiet(), needed = disproved.len(), "planned");
        if disproved.is_empty() {
            return Ok(plan);
        }
        needed.extend(disproved);
    }
}

/// Returns what makes the files that commands are known to read undeclared, where the command is to run.
fn discovered_makers(project: &Project, plan: &Plan, spared: &BTreeSet<usize>) -> BTreeSet<usize> {
    let runs = plan.steps.iter().filter(|step| !step.is_fresh() && !spared.contains(&step.action));
    runs.flat_map(|step| project.once_discovered(step.action))
        .filter_map(|path| project.workflow.maker_of(&path))
        .collect()
}

/// Judges every action once; returns the plan and the actions that were taken as spared.
fn round(
    project: &mut Project,
    selection: &Selection,
    needed: &BTreeSet<usize>,
) -> Result<(Plan, BTreeSet<usize>), EngineError> {
    let mut settled: Vec<Option<Settled>> = vec![None; project.workflow.nodes.len()];
    // What is to be put back, and what is spared: readers are judged as if it stood already.
    let mut ahead = BTreeMap::new();
    let mut foreseen = BTreeMap::new();
    let mut steps = Vec::with_capacity(selection.actions.len());
    let mut spared = BTreeSet::new();
    for action in project.workflow.dag.order().to_vec() {
        let course = Course { settled: &settled, foreseen: &ahead, demands: &selection.demands };
        if !selection.actions.contains(&action) {
            project.note_part(action, &course);
            continue;
        }
        let judgement = project.judge(action, &course)?;
        settled[action] = Some(match &judgement {
            Judgement::Verdict { verdict: Verdict::Run { absence: Absence::Spared(stands), .. }, .. }
                if !needed.contains(&action) && !selection.wanted.contains(&action) =>
            {
                spared.insert(action);
                foreseen.extend(stands.outputs.iter().map(|(path, digest)| (path.clone(), *digest)));
                ahead.extend(stands.outputs.iter().map(|(path, digest)| (path.clone(), *digest)));
                Settled::Right { verdict: None }
            }
            judgement => project.settlement(action, judgement, &mut ahead)?,
        });
        // Its instances stand for it.
        if let Judgement::Unfolded { .. } = judgement {
            continue;
        }
        steps.push(Step { action, judgement });
    }
    Ok((Plan { steps, unneeded: spared.clone(), foreseen }, spared))
}
