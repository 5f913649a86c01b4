//! What happens when an attempt has ended: its outputs are checked, stored, recorded and published, or it is made again.

use crate::base::digest::Digest;
use crate::base::failure::{Cause, Failure};
use crate::base::id::Take;
use crate::base::money::Spend;
use crate::base::path::RepoPath;
use crate::base::reason::Reason;
use crate::base::recipe::Recipe;
use crate::engine::command::{Prepared, failure};
use crate::engine::drive::Drive;
use crate::engine::error::EngineError;
use crate::engine::judge::Settled;
use crate::engine::publish::{publish_bytes, store_output};
use crate::engine::rebuild::{Fresh, Owner, Standing, Wait, made_in};
use crate::engine::settle::{self, stands};
use crate::engine::takes::is_of_the_answers;
use crate::engine::unseen::explain;
use crate::engine::workflow::What;
use crate::event::kind::{Event, Outcome};
use crate::kind::contract::{Made, Pay};
use crate::store::{ActionRecord, Author, Maker, OutputSort as RecordedSort, RecordedOutput, Reuse};
use crate::storyfile::story::Output;
use crate::world::disk::Stat;
use crate::world::process::{Ended, Finished as ProcessFinished};
use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// What is known of an action at work.
#[derive(Clone, Debug)]
pub struct Ticket {
    pub reason: Reason,
    pub take: Take,
    pub recipe: Recipe,
    /// Of the inputs, in order.
    pub digests: Vec<Option<Digest>>,
    /// Of the files of each input as a command began: one that changed and changed back shows.
    pub stats: Vec<Vec<Stat>>,
    /// Edits at the outputs may be replaced.
    pub discard: bool,
    pub attempts: u32,
    /// On the session's clock.
    pub started: Duration,
    /// On the file system's clock, where a command discovers inputs.
    pub began_ns: i64,
    /// What its calls came to so far.
    pub spend: Spend,
}

impl Default for Ticket {
    fn default() -> Ticket {
        Ticket {
            reason: Reason::NeverBuilt,
            take: 1,
            recipe: Recipe::default(),
            digests: Vec::new(),
            stats: Vec::new(),
            discard: false,
            attempts: 0,
            started: Duration::ZERO,
            began_ns: 0,
            spend: Spend::default(),
        }
    }
}

/// The end of a task.
pub enum Completion {
    Command {
        action: usize,
        ended: io::Result<ProcessFinished>,
        group: u32,
        /// What came of the talk with a program; `None` for a command.
        said: Option<Result<Made, Failure>>,
    },
    Kind {
        action: usize,
        made: Result<KindMade, Failure>,
        /// What it wrote into the log.
        output: String,
        /// What its calls came to, whatever came of it.
        spend: Spend,
    },
    /// The delay before another attempt is over.
    RetryDue { action: usize },
}

/// What a kind made, and whether it was paid for.
pub struct KindMade {
    pub made: Made,
    pub pay: Pay,
}

impl Drive<'_> {
    pub(super) fn command_ended(
        &mut self,
        action: usize,
        ended: io::Result<ProcessFinished>,
        group: u32,
        said: Option<Result<Made, Failure>>,
    ) -> Result<(), EngineError> {
        self.crew.workshop.ended(group);
        let prepared = self.crew.prepared.remove(&action).expect("a command at work was prepared");
        let taken = self.take_over(action, &prepared, ended, said);
        if taken.is_err() {
            self.crew.workshop.abandon(self.project, action, &prepared);
        }
        taken
    }

    /// Makes the result of an ended command stand, or rolls it back.
    fn take_over(
        &mut self,
        action: usize,
        prepared: &Prepared,
        ended: io::Result<ProcessFinished>,
        said: Option<Result<Made, Failure>>,
    ) -> Result<(), EngineError> {
        let timeout = self.project.node(action).action.timeout;
        let is_program = said.is_some();
        let (fault, output) = match ended {
            Ok(finished) => {
                let fault = match (&said, finished.ended) {
                    // How a program's own words end counts, unless it was we who ended it.
                    (Some(said), ended) if !matches!(ended, Ended::TimedOut | Ended::Cancelled) => {
                        said.as_ref().err().cloned()
                    }
                    _ => failure(&finished, timeout),
                };
                (fault, String::from_utf8_lossy(&finished.output).into_owned())
            }
            Err(error) => {
                (Some(Failure::new(Cause::Machine, format!("lost sight of the command: {error}"))), String::new())
            }
        };
        let located = match fault {
            None if is_program => {
                let located = self.crew.workshop.locate(self.project, action, prepared);
                located.and_then(|located| self.only_declared(action, prepared).map(|()| located))
            }
            None => self.crew.workshop.locate(self.project, action, prepared),
            Some(fault) => Err(fault),
        };
        let recorded = match located {
            Ok(located) => self.store_all(&located)?.and_then(|outputs| {
                self.not_empty_if_paid(action, &outputs)?;
                let warnings = self.check_located(action, &located)?;
                Ok((located, outputs, warnings))
            }),
            Err(fault) => Err(fault),
        };
        let recorded = match recorded {
            Ok(recorded) => self.take_discovered(action)?.map(|discovered| (recorded, discovered)),
            Err(fault) => Err(fault),
        };
        let ((located, outputs, warnings), moved) = match recorded {
            Ok((recorded, discovered)) => (recorded, discovered),
            Err(fault) => {
                let is_set = |name: &str| self.world.env.look_up(name).is_some();
                let fault = explain(fault, &prepared.program.argv, &prepared.program.env, &is_set);
                self.crew.workshop.roll_back(self.project, action, prepared)?;
                return self.again_or_fail(action, fault, output);
            }
        };
        let moved = self.moved_input(action, prepared)?.or(moved);
        let mut made = said.and_then(Result::ok).unwrap_or_default();
        made.warnings.extend(warnings);
        let record = self.record(action, outputs, &made, moved.is_some())?;
        let taken = self.crew.workshop.publish(self.project, action, prepared, &located)?;
        if !taken.is_empty() {
            // In the words of the next command that looks.
            let wait = self.in_the_way(action)?.unwrap_or(Wait::Foreign { paths: taken });
            return self.wait(action, wait);
        }
        let mut warnings = made.warnings;
        warnings.extend(self.empty_folders(action, &record));
        self.done(action, &record, moved, output, warnings)
    }

    fn store_all(
        &mut self,
        located: &[(Output, PathBuf)],
    ) -> Result<Result<Vec<RecordedOutput>, Failure>, EngineError> {
        let mut outputs = Vec::with_capacity(located.len());
        for (output, place) in located {
            match store_output(&self.project.workspace, &self.project.store, output, place)? {
                Ok(recorded) => outputs.push(recorded),
                Err(fault) => return Ok(Err(fault)),
            }
        }
        Ok(Ok(outputs))
    }

    pub(super) fn kind_ended(
        &mut self,
        action: usize,
        made: Result<KindMade, Failure>,
        output: String,
        spend: &Spend,
    ) -> Result<(), EngineError> {
        self.crew.ticket_mut(action).spend.add(spend);
        self.summary.spend.add(spend);
        let (mut made, pay) = match made {
            Ok(KindMade { made, pay }) => (made, pay),
            Err(fault) => return self.kind_failed(action, fault, output),
        };
        match self.check_made(action, &made, pay) {
            Ok(warnings) => made.warnings.extend(warnings),
            Err(fault) => return self.kind_failed(action, fault, output),
        }
        let mut outputs = Vec::new();
        for output in &self.project.node(action).action.outputs.clone() {
            let bytes = &made.outputs[&output.slot];
            outputs.push(RecordedOutput {
                slot: output.slot.clone(),
                path: output.path.to_string(),
                author: Author::Stage,
                digest: self.project.store.put(bytes)?,
                size: bytes.len() as u64,
                sort: RecordedSort::File { executable: false },
                stored: true,
            });
        }
        if let Err(fault) = self.renew_recipe(action) {
            return self.fail(action, None, fault, String::new(), self.took_ms(action));
        }
        let record = self.record(action, outputs, &made, false)?;
        if let Some(wait) = self.in_the_way(action)? {
            return self.wait(action, wait);
        }
        for output in self.project.node(action).action.outputs.clone() {
            let digest = made_in(&record, &output.slot).unwrap_or(Digest::of(b""));
            publish_bytes(self.project, &output.path, digest, &made.outputs[&output.slot])?;
        }
        self.done(action, &record, None, output, made.warnings)
    }

    /// Makes the ticket's recipe that of the very bytes that were used: they may be newer than those that were judged.
    fn renew_recipe(&mut self, action: usize) -> Result<(), Failure> {
        let digests = self.crew.ticket(action).digests.clone();
        self.crew.ticket_mut(action).recipe = self.project.recipe(action, &digests, &BTreeMap::new())?;
        Ok(())
    }

    /// Fails an action of a kind. Answers of no use are noted, so that others can be asked for.
    fn kind_failed(&mut self, action: usize, fault: Failure, output: String) -> Result<(), EngineError> {
        if self.renew_recipe(action).is_ok() {
            let ticket = self.crew.ticket(action);
            self.project.note_failed(action, ticket.recipe.key(), ticket.take, fault.cause, &self.stamp)?;
        }
        self.again_or_fail(action, fault, output)
    }

    /// Looks at the targets again: what a person saved while the work was under way is not replaced (R5).
    fn in_the_way(&mut self, action: usize) -> Result<Option<Wait>, EngineError> {
        if self.crew.ticket(action).discard {
            return Ok(None);
        }
        let (mut edited, mut foreign, mut misfits) = (Vec::new(), Vec::new(), Vec::new());
        for output in self.project.node(action).action.outputs.clone() {
            match self.project.workspace.standing(&output.path, output.sort)? {
                Standing::Absent => {}
                Standing::WrongSort => misfits.push(output.path),
                Standing::Obstructed => return Ok(Some(Wait::Obstructed { paths: vec![output.path] })),
                Standing::Content(digest) => match self.project.owner(action, &output.path, &digest) {
                    Owner::Ours => {}
                    Owner::Edited => edited.push(output.path),
                    Owner::Foreign => foreign.push(output.path),
                },
            }
        }
        let reason = self.crew.ticket(action).reason.clone();
        if !misfits.is_empty() {
            return Ok(Some(Wait::Misfit { paths: misfits }));
        }
        Ok(match (foreign.is_empty(), edited.is_empty()) {
            (false, _) => Some(Wait::Foreign { paths: foreign }),
            (true, false) => Some(Wait::Edited { paths: edited, reason }),
            (true, true) => None,
        })
    }

    /// Returns the path of an input that is not, or was not all the while, what the command was keyed with.
    fn moved_input(&mut self, action: usize, prepared: &Prepared) -> Result<Option<RepoPath>, EngineError> {
        let inputs = self.project.node(action).inputs.clone();
        let ticket = self.crew.ticket(action);
        let (digests, stats) = (ticket.digests.clone(), ticket.stats.clone());
        for (input, (digest, stats)) in inputs.iter().zip(digests.into_iter().zip(stats)) {
            if let What::Part(path, part) = &input.what {
                // Of a copy that the command had, only what that was counts.
                let read = match prepared.parts.get(&input.what_text()) {
                    Some(copy) => Some(copy.content.digest()),
                    None => self.project.workspace.part_digest(path, part)?.ok().flatten(),
                };
                if read != digest {
                    return Ok(Some(path.clone()));
                }
            }
            let (What::File(path) | What::Tree(path)) = &input.what else { continue };
            if self.project.is_left_out(input) {
                continue;
            }
            let found = match self.project.workspace.digest(path) {
                Err(error) if error.is_no_content() => None,
                found => found?,
            };
            if found != digest || self.project.workspace.stats(path)? != stats {
                return Ok(Some(path.clone()));
            }
        }
        Ok(None)
    }

    fn record(
        &mut self,
        action: usize,
        outputs: Vec<RecordedOutput>,
        made: &Made,
        moved: bool,
    ) -> Result<ActionRecord, EngineError> {
        // Of a run that remembered its answers nothing can be foretold: 0 says so.
        let ticket = self.crew.ticket(action);
        let took = if ticket.spend.remembered > 0 { 0 } else { self.took_ms(action) };
        let result = settle::Made {
            recipe: &ticket.recipe,
            take: ticket.take,
            maker: Maker::Run,
            reusable: if moved { Reuse::InputMoved } else { Reuse::Yes },
            outputs,
            verdict: made.verdict.as_ref().map(ToString::to_string),
            requests: made.requests.clone(),
            made_by: made.made_by.clone(),
            warnings: made.warnings.clone(),
            duration_ms: took,
        };
        self.project.record(result, &self.stamp)
    }

    /// Writes down what stands now and lets the readers go on.
    fn done(
        &mut self,
        action: usize,
        record: &ActionRecord,
        moved: Option<RepoPath>,
        output: String,
        warnings: Vec<String>,
    ) -> Result<(), EngineError> {
        let paths: BTreeMap<String, RepoPath> = self
            .project
            .node(action)
            .action
            .outputs
            .iter()
            .map(|output| (output.slot.clone(), output.path.clone()))
            .collect();
        let stands: Fresh = stands(record, &paths);
        for (path, digest) in &stands.outputs {
            self.project.workspace.learn(path, *digest)?;
        }
        let verdict = record.verdict.as_ref().map(|verdict| Digest::of(verdict.as_bytes()));
        let key = moved.is_none().then_some(record.key);
        let digests = self.crew.ticket(action).digests.clone();
        self.project.write_line(action, key, &stands, &digests, verdict);
        for message in warnings {
            self.sink.send(&Event::Warned { action: Some(self.id(action)), message });
        }
        if let Some(path) = moved {
            let message = format!("`{path}` changed while the command ran: the next build runs the stage again");
            self.sink.send(&Event::Warned { action: Some(self.id(action)), message });
        }
        let reason = self.crew.ticket(action).reason.clone();
        let made_by = record.made_by.clone();
        let (take, took_ms) = (record.take, self.took_ms(action));
        let spend = self.crew.ticket(action).spend.clone();
        self.finish(action, Settled::Right { verdict }, Outcome::Done, |finished| {
            finished.reason = Some(reason);
            finished.took_ms = took_ms;
            finished.outputs = stands.outputs.keys().map(ToString::to_string).collect();
            finished.take = Some(take);
            finished.made_by = made_by;
            finished.spend = spend;
            finished.output = output;
        })
    }

    /// Tells whether `retry:` allows another attempt after one that failed for `cause`. Where answers were of no use, that
    /// is another take.
    fn may_repeat(&mut self, action: usize, cause: Cause) -> Result<bool, EngineError> {
        let (retry, ticket) = (&self.project.node(action).action.retry, self.crew.ticket(action));
        if !retry.repeats(cause) || ticket.attempts > retry.max {
            return Ok(false);
        }
        if !self.project.is_paid(action) || !is_of_the_answers(cause) {
            return Ok(true);
        }
        let (key, take) = (ticket.recipe.key(), ticket.take + 1);
        // A build that is repeated goes on with the last take: it does not pay for as many again, unless it is told to.
        let made = self.project.store.records(&key)?.iter().map(|record| record.take).max().unwrap_or(0);
        if ticket.reason != Reason::Forced && take > made + 1 + retry.max {
            return Ok(false);
        }
        self.project.note_asked(action, key, take, &self.stamp)?;
        self.crew.ticket_mut(action).take = take;
        Ok(true)
    }

    /// Makes another attempt if the cause and `retry:` allow one, else finishes the action as failed.
    fn again_or_fail(&mut self, action: usize, fault: Failure, output: String) -> Result<(), EngineError> {
        let attempts = self.crew.ticket(action).attempts;
        if !self.schedule.is_stopped() && self.may_repeat(action, fault.cause)? {
            let delay = self.project.node(action).action.retry.delay_after(attempts);
            let retry_in_ms = super::drive::millis(delay);
            let id = self.id(action);
            self.sink.send(&Event::AttemptFailed {
                action: id,
                attempt: attempts,
                failure: fault,
                retry_in_ms,
                output,
            });
            self.crew.retry(action, delay);
            return Ok(());
        }
        let reason = Some(self.crew.ticket(action).reason.clone());
        let took = self.took_ms(action);
        self.fail(action, reason, fault, output, took)
    }
}
