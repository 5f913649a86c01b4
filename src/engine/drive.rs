//! Performs a build: folds everything that happens into the schedule, asks the judge, does the work.

use crate::base::failure::{Cause, Failure};
use crate::base::id::ActionId;
use crate::base::reason::Reason;
use crate::engine::discover::Outside;
use crate::engine::error::EngineError;
use crate::engine::finish::{Completion, Ticket};
use crate::engine::hooks::Hooks;
use crate::engine::judge::{Course, Judgement, Project, Settled};
use crate::engine::options::{OnFailure, Options};
use crate::engine::plan::{Plan, Selection};
use crate::engine::publish::{Restored, restore};
use crate::engine::rebuild::{Fresh, Verdict, Wait};
use crate::engine::schedule::{Place, Schedule, Seat};
use crate::engine::select::{Wish, select};
use crate::engine::settle::Stamp;
use crate::engine::summary::Summary;
use crate::engine::unfold::{Closed, Guard};
use crate::engine::wait::list;
use crate::engine::work::Crew;
use crate::event::kind::{Event, Finished, Outcome};
use crate::event::sink::Sink;
use crate::storyfile::hooks::Moment;
use crate::storyfile::story::{Edits, Tolerance, Work};
use crate::world::World;
use crate::world::signals::{Signals, Stop};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// How often one action may be judged anew because its bytes turned out to be gone when they were to be put back.
const JUDGEMENTS_MAX: usize = 3;

/// A build under way.
pub struct Drive<'a> {
    pub project: &'a mut Project,
    pub world: World,
    pub options: &'a Options,
    /// What is asked for: what it means grows with the graph.
    pub wish: &'a Wish,
    pub selection: Selection,
    pub sink: Arc<dyn Sink>,
    pub stamp: Stamp,
    pub(super) settled: Vec<Option<Settled>>,
    pub(super) schedule: Schedule,
    pub(super) summary: Summary,
    pub(super) crew: Crew,
    pub(super) hooks: Hooks,
    pub(super) outside: Outside,
    /// What was wrong with lists, and the fan-out that told it.
    told_lists: BTreeMap<String, usize>,
}

/// Builds `selection`, whose `plan` was made under the lock; `begun` is what hooks are told of the start of the run, if this
/// is its start.
#[expect(clippy::too_many_arguments, reason = "the one place where all that a run needs comes together")]
pub async fn build(
    project: &mut Project,
    world: World,
    options: &Options,
    wish: &Wish,
    selection: Selection,
    plan: &Plan,
    begun: Option<&Event>,
    sink: Arc<dyn Sink>,
    stamp: Stamp,
) -> Result<Built, EngineError> {
    let mut schedule = Schedule::new(options.jobs, project.story.pools.clone());
    schedule.grow(&order(project), &selection.actions, places(project));
    let crew = Crew::new(project, &world, options, stamp.run.as_str())?;
    let mut drive = Drive {
        settled: vec![None; project.workflow.nodes.len()],
        project,
        world,
        options,
        wish,
        selection,
        sink,
        stamp,
        schedule,
        summary: Summary::default(),
        crew,
        hooks: Hooks::new(options.jobs),
        outside: Outside::Untold,
        told_lists: BTreeMap::new(),
    };
    drive.run(plan, begun).await?;
    Ok(Built { summary: drive.summary, selection: drive.selection })
}

/// How a build ended, and what it came to be about.
pub struct Built {
    pub summary: Summary,
    pub selection: Selection,
}

fn order(project: &Project) -> Vec<Vec<usize>> {
    (0..project.workflow.nodes.len()).map(|node| project.workflow.dag.before(node)).collect()
}

fn places(project: &Project) -> Vec<Place> {
    let seat = |work: &Work| match work {
        Work::Kind { providers, .. } if providers.values().any(|name| project.providers.apis.contains_key(name)) => {
            Seat::Away
        }
        _ => Seat::Here,
    };
    let nodes = project.workflow.nodes.iter();
    nodes.map(|node| Place { seat: seat(&node.action.work), pool: node.action.pool.clone() }).collect()
}

impl Drive<'_> {
    async fn run(&mut self, plan: &Plan, begun: Option<&Event>) -> Result<(), EngineError> {
        let mut signals = Signals::listen()
            .map_err(|source| EngineError::Process { what: "listening for signals".into(), source })?;
        let result = match self.open_run(begun, &mut signals).await {
            Ok(true) => self.work(plan, &mut signals).await,
            Ok(false) => Ok(()),
            Err(error) => Err(error),
        };
        // Whatever happened, no child outlives the build.
        self.schedule.stop();
        if result.is_err() {
            self.crew.cancel.cancel();
            self.hooks.drop_waiting();
        }
        loop {
            if result.is_err() || self.start_hooks().is_err() {
                self.hooks.drop_waiting();
            }
            if self.is_idle() {
                break;
            }
            tokio::select! {
                completion = self.crew.next() => { self.complete(completion).ok(); }
                ended = self.hooks.next() => { self.hook_ended(ended).ok(); }
                stop = signals.next() => self.stop(stop),
            }
        }
        for action in self.schedule.unfinished() {
            let outcome = Outcome::NotStarted;
            self.summary.count(outcome);
            self.sink.send(&Event::ActionFinished(Finished::new(self.id(action), outcome)));
        }
        result
    }

    /// Builds until nothing is at work any more.
    async fn work(&mut self, plan: &Plan, signals: &mut Signals) -> Result<(), EngineError> {
        loop {
            self.advance(plan)?;
            self.start_hooks()?;
            if self.is_idle() {
                return Ok(());
            }
            tokio::select! {
                completion = self.crew.next() => self.complete(completion)?,
                ended = self.hooks.next() => self.hook_ended(ended)?,
                stop = signals.next() => self.stop(stop),
            }
        }
    }

    fn is_idle(&self) -> bool {
        self.crew.is_idle() && self.hooks.is_idle()
    }

    /// Judges all whose turn has come and starts what there is room for, until nothing more can be done at once.
    fn advance(&mut self, plan: &Plan) -> Result<(), EngineError> {
        loop {
            let mut idle = true;
            while let Some(action) = self.schedule.next_ready() {
                idle = false;
                self.judge(action, plan)?;
            }
            while let Some(action) = self.schedule.next_start() {
                idle = false;
                self.start(action)?;
            }
            if idle {
                return Ok(());
            }
        }
    }

    fn judge(&mut self, action: usize, plan: &Plan) -> Result<(), EngineError> {
        if plan.unneeded.contains(&action) {
            return self.finish(action, Settled::Right { verdict: None }, Outcome::Unneeded, |_| {});
        }
        for _ in 0..JUDGEMENTS_MAX {
            let course = Course { settled: &self.settled, foreseen: &plan.foreseen, demands: &self.selection.demands };
            match self.project.judge(action, &course)? {
                Judgement::Unknown { maker } | Judgement::Blocked { maker } => return self.block(action, maker),
                Judgement::Unfolded { wrong } => return self.stand_aside(action, wrong),
                Judgement::Held(wait) => return self.wait(action, wait),
                Judgement::Unfold { wrong } => return self.unfold(action, wrong),
                Judgement::Skipped(skip) => {
                    let notes = skip.notes(self.project);
                    self.project.carry_line(action);
                    return self.finish(action, Settled::Skipped, Outcome::Skipped, |finished| finished.notes = notes);
                }
                Judgement::Undescribed => {
                    let failure = Failure::new(Cause::Setup, "its program changed while the build ran");
                    let failure = failure.hint("Build again: the program is asked anew what it takes.");
                    return self.fail(action, None, failure, String::new(), 0);
                }
                Judgement::Fault(failure) if self.project.node(action).action.is_fan() => {
                    return self.fail_list(action, failure);
                }
                Judgement::Fault(failure) => return self.fail(action, None, failure, String::new(), 0),
                Judgement::Verdict { verdict: Verdict::Wait(wait), .. } => return self.wait(action, wait),
                Judgement::Verdict { verdict: Verdict::Fresh(stands), recipe, key, digests } => {
                    self.project.adopt(action, &recipe, &stands, &self.stamp)?;
                    let verdict = self.project.verdict_of(action, key);
                    self.project.write_line(action, Some(key), &stands, &digests, verdict);
                    let edited = edited(&stands);
                    let take = stands.take;
                    return self.finish(action, Settled::Right { verdict }, Outcome::Fresh, |finished| {
                        finished.edited = edited;
                        finished.take = Some(take);
                    });
                }
                Judgement::Verdict { verdict: Verdict::Restore(back), key, digests, .. } => {
                    match restore(self.project, key, &back)? {
                        Restored::Whole => {
                            let verdict = self.project.verdict_of(action, key);
                            self.project.write_line(action, Some(key), &back.stands, &digests, verdict);
                            let paths: Vec<String> = back.write.iter().map(|(path, _)| path.to_string()).collect();
                            let (edited, take) = (edited(&back.stands), back.stands.take);
                            return self.finish(action, Settled::Right { verdict }, Outcome::Restored, |finished| {
                                finished.outputs = paths;
                                finished.edited = edited;
                                finished.take = Some(take);
                            });
                        }
                        // Every miss has a reason, and it is shown: nothing is silently made again.
                        Restored::Missing { path, reason } => self.sink.send(&Event::Warned {
                            action: Some(self.id(action)),
                            message: format!("`{path}` could not be restored: {reason}"),
                        }),
                    }
                }
                Judgement::Verdict { verdict: Verdict::Run { reason, take, .. }, recipe, digests, .. } => {
                    let discard = self.selection.demands.discard_edits.contains(&action);
                    self.crew.book(action, Ticket { reason, take, recipe, digests, discard, ..Ticket::default() });
                    self.schedule.queue(action);
                    return Ok(());
                }
            }
        }
        let failure = Failure::new(Cause::Machine, "its result could not be put back, time and again");
        self.fail(action, None, failure, String::new(), 0)
    }

    /// Reads the lists of a fan-out, which stand now, and lets the graph grow.
    fn unfold(&mut self, fan: usize, wrong: Option<usize>) -> Result<(), EngineError> {
        let fans = match self.project.unfold(fan, &BTreeMap::new(), Guard::Asks)? {
            Ok(fans) => fans,
            Err(Closed::Held(wait)) => return self.wait(fan, wait),
            // A list that is not there, or not what it should be, because its maker failed: that is told already.
            Err(Closed::Faults(faults)) => match wrong {
                Some(maker) => return self.block(fan, maker),
                None => {
                    let failure = self.project.failure_of_list(&faults);
                    return self.fail_list(fan, failure);
                }
            },
        };
        let selection = match select(self.project, self.wish) {
            Ok(selection) => selection,
            Err(unknown) => {
                let failure = Failure::new(Cause::Setup, unknown.to_string());
                return self.fail(fan, None, failure, String::new(), 0);
            }
        };
        self.selection = selection;
        self.settled.resize(self.project.workflow.nodes.len(), None);
        self.schedule.grow(&order(self.project), &self.selection.actions, places(self.project));
        for &one in fans.iter().filter(|one| self.selection.actions.contains(one)) {
            let instances = self.project.instances_of(one).len();
            self.sink.send(&Event::FanUnfolded { action: self.id(one), instances });
        }
        self.stand_aside(fan, wrong)
    }

    /// Fails a fan-out for its list. Several may have one list: what is wrong with it, or with what one of them makes of
    /// it, is told once.
    fn fail_list(&mut self, fan: usize, failure: Failure) -> Result<(), EngineError> {
        let Some(first) = self.told_lists.get(&failure.message).map(|&first| self.id(first)) else {
            self.told_lists.insert(failure.message.clone(), fan);
            return self.fail(fan, None, failure, String::new(), 0);
        };
        let note = format!("it has the list of `{first}`");
        self.finish(fan, Settled::Wrong, Outcome::Blocked, |finished| finished.notes = vec![note])
    }

    /// A fan-out gives way to its instances.
    fn stand_aside(&mut self, fan: usize, wrong: Option<usize>) -> Result<(), EngineError> {
        self.settled[fan] = Some(if wrong.is_some() { Settled::Wrong } else { Settled::Right { verdict: None } });
        self.project.write_fan_line(fan);
        self.schedule.finish(fan);
        Ok(())
    }

    /// Starts a queued action: tells its hooks, or makes the first attempt.
    fn start(&mut self, action: usize) -> Result<(), EngineError> {
        let reason = self.crew.ticket(action).reason.clone();
        let estimate_ms = self.project.last_duration_ms(action);
        let event = Event::ActionStarted { action: self.id(action), reason, estimate_ms };
        self.sink.send(&event);
        if self.call(Moment::StageStart, Some(action), &event) { Ok(()) } else { self.begin(action) }
    }

    /// Makes the first attempt at an action.
    pub(super) fn begin(&mut self, action: usize) -> Result<(), EngineError> {
        let ticket = self.crew.ticket_mut(action);
        ticket.started = self.world.clock.elapsed();
        self.project.note_asked(action, ticket.recipe.key(), ticket.take, &self.stamp)?;
        self.attempt(action)
    }

    /// Makes one attempt; a fault before its start finishes the action.
    pub(super) fn attempt(&mut self, action: usize) -> Result<(), EngineError> {
        if let Err(failure) = self.crew.attempt(self.project, action, &self.world, &self.sink)? {
            let took = self.took_ms(action);
            return self.fail(action, None, failure, String::new(), took);
        }
        Ok(())
    }

    fn complete(&mut self, completion: Completion) -> Result<(), EngineError> {
        match completion {
            Completion::Command { action, ended, group, said } => self.command_ended(action, ended, group, said),
            Completion::Kind { action, made, output, spend } => self.kind_ended(action, made, output, &spend),
            Completion::RetryDue { action } => self.attempt(action),
        }
    }

    pub(super) fn stop(&mut self, stop: Stop) {
        self.sink.send(&Event::StopRequested { signal: stop.name().into() });
        if self.summary.stopped.is_some() {
            self.crew.kill.cancel();
        }
        self.summary.stopped = Some(stop);
        self.schedule.stop();
        self.crew.cancel.cancel();
    }

    /// Finishes an action with an outcome that `describe` completes.
    pub(super) fn finish(
        &mut self,
        action: usize,
        settled: Settled,
        outcome: Outcome,
        describe: impl FnOnce(&mut Finished),
    ) -> Result<(), EngineError> {
        self.settled[action] = Some(settled);
        tracing::debug!(action = %self.id(action), outcome = outcome.word(), "finished");
        let mut finished = Finished::new(self.id(action), outcome);
        describe(&mut finished);
        self.summary.count(outcome);
        let event = Event::ActionFinished(finished);
        self.sink.send(&event);
        self.call_of(action, outcome, &event);
        self.schedule.finish(action);
        Ok(())
    }

    /// Finishes an action as failed; unless told otherwise nothing new starts after it.
    pub(super) fn fail(
        &mut self,
        action: usize,
        reason: Option<Reason>,
        failure: Failure,
        output: String,
        took_ms: u64,
    ) -> Result<(), EngineError> {
        let outcome = match failure.cause {
            Cause::Cancelled => Outcome::Cancelled,
            Cause::Timeout => Outcome::TimedOut,
            Cause::Budget => Outcome::OverBudget,
            _ => Outcome::Failed,
        };
        let tolerated = self.project.node(action).action.continue_on_error == Tolerance::Tolerated;
        match outcome {
            Outcome::Cancelled => {}
            // More money is a person's to give.
            Outcome::OverBudget => self.summary.waiting = true,
            _ if tolerated => {}
            _ => {
                self.summary.failed = true;
                self.summary.machine_failed |= failure.cause == Cause::Machine;
                if self.options.on_failure == OnFailure::Stop && !is_outage(failure.cause) {
                    self.schedule.stop();
                }
            }
        }
        let tolerated = tolerated && outcome != Outcome::OverBudget;
        let spend = self.crew.spend(action);
        let notes = if tolerated { vec!["`continue_on_error`: the build goes on.".to_owned()] } else { Vec::new() };
        self.finish(action, Settled::Wrong, outcome, |finished| {
            finished.reason = reason;
            finished.failure = Some(failure);
            finished.output = output;
            finished.took_ms = took_ms;
            finished.notes = notes;
            finished.spend = spend;
        })
    }

    fn block(&mut self, action: usize, maker: usize) -> Result<(), EngineError> {
        let note = self.project.why_blocked(action, maker);
        self.finish(action, Settled::Wrong, Outcome::Blocked, |finished| finished.notes = vec![note])
    }

    pub(super) fn wait(&mut self, action: usize, wait: Wait) -> Result<(), EngineError> {
        if self.project.node(action).action.edits == Edits::Error
            && let Wait::Edited { paths, reason } = &wait
        {
            let message = format!("{} was edited, and `edits: error` forbids that", list(paths));
            let failure = Failure::new(Cause::Output, message).hint(format!(
                "`storygen accept {0}` keeps the edit, `storygen build --discard-edits {0}` makes it anew.",
                self.id(action)
            ));
            return self.fail(action, Some(reason.clone()), failure, String::new(), 0);
        }
        self.summary.waiting = true;
        let notes = wait.notes(&self.id(action));
        self.finish(action, Settled::Wrong, Outcome::Waiting, |finished| finished.notes = notes)
    }

    pub(super) fn id(&self, action: usize) -> ActionId {
        self.project.node(action).action.id.clone()
    }

    pub(super) fn took_ms(&self, action: usize) -> u64 {
        millis(self.world.clock.elapsed().saturating_sub(self.crew.ticket(action).started))
    }
}

/// Tells whether a service is out of order: its stages fail, and no others.
fn is_outage(cause: Cause) -> bool {
    matches!(cause, Cause::RateLimit | Cause::Server | Cause::Quota)
}

fn edited(stands: &Fresh) -> Vec<String> {
    stands.edits.keys().map(ToString::to_string).collect()
}

pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// All actions that nothing in the selection follows.
pub fn ends(project: &Project, actions: &BTreeSet<usize>) -> BTreeSet<usize> {
    actions
        .iter()
        .copied()
        .filter(|&action| !project.workflow.dag.after(action).iter().any(|after| actions.contains(after)))
        .collect()
}
