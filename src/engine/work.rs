//! The actions at work: each is one task, started here and joined here.

use crate::base::failure::{Cause, Failure};
use crate::base::money::Spend;
use crate::engine::attempts::Attempts;
use crate::engine::command::{Prepared, STATE_DIR, Workshop, limits};
use crate::engine::compose::{self, Places, Seen};
use crate::engine::errand::Errand;
use crate::engine::error::EngineError;
use crate::engine::finish::{Completion, KindMade, Ticket};
use crate::engine::guard::Guard;
use crate::engine::judge::Project;
use crate::engine::options::Options;
use crate::engine::workflow::{Bound, What};
use crate::event::kind::Event;
use crate::event::sink::Sink;
use crate::kind::contract::{Job, Progress};
use crate::kind::program::talk::Talk;
use crate::provider::desk::{Desk, Payer, Watch};
use crate::storyfile::story::{ANSWERS_ROLE, Presence, ProgramCall, Work};
use crate::storyfile::with::With;
use crate::world::World;
use crate::world::disk::Stat;
use crate::world::process::{Ended, Finished, Running};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// How much a kind may write into the log of one attempt, in bytes.
const LOG_BYTES_MAX: usize = 256 * 1024;

/// All that is at work in a build.
pub struct Crew {
    pub workshop: Workshop,
    pub cancel: CancellationToken,
    pub kill: CancellationToken,
    /// The run's id.
    run: String,
    tickets: BTreeMap<usize, Ticket>,
    pub(super) prepared: BTreeMap<usize, Prepared>,
    tasks: JoinSet<Completion>,
    /// Which action a task works for: a task that panics can only be told by its id.
    working: BTreeMap<tokio::task::Id, usize>,
}

impl Crew {
    pub fn new(project: &Project, world: &World, options: &Options, run: &str) -> Result<Crew, EngineError> {
        let dir = project.workspace.root.join(STATE_DIR);
        Ok(Crew {
            workshop: Workshop {
                attempts: Attempts::open(&*world.disk, &dir.join("attempts"))?,
                guard: Guard::new(&dir, world, options),
                dir,
            },
            cancel: CancellationToken::new(),
            kill: CancellationToken::new(),
            run: run.to_owned(),
            tickets: BTreeMap::new(),
            prepared: BTreeMap::new(),
            tasks: JoinSet::new(),
            working: BTreeMap::new(),
        })
    }

    pub fn book(&mut self, action: usize, ticket: Ticket) {
        self.tickets.insert(action, ticket);
    }

    pub fn ticket(&self, action: usize) -> &Ticket {
        self.tickets.get(&action).expect("an action at work was booked")
    }

    pub fn ticket_mut(&mut self, action: usize) -> &mut Ticket {
        self.tickets.get_mut(&action).expect("an action at work was booked")
    }

    /// Returns what an action's calls came to so far.
    pub fn spend(&self, action: usize) -> Spend {
        self.tickets.get(&action).map(|ticket| ticket.spend.clone()).unwrap_or_default()
    }

    pub fn is_idle(&self) -> bool {
        self.tasks.is_empty()
    }

    /// Waits for the next task to end. Must not be called when idle.
    pub async fn next(&mut self) -> Completion {
        match self.tasks.join_next_with_id().await {
            Some(Ok((id, completion))) => {
                self.working.remove(&id);
                completion
            }
            Some(Err(error)) => {
                let action = self.working.remove(&error.id()).expect("every task was noted when it was spawned");
                let failure = Failure::new(Cause::Machine, format!("the work broke off: {error}"));
                Completion::Kind { action, made: Err(failure), output: String::new(), spend: Spend::default() }
            }
            None => std::future::pending().await,
        }
    }

    /// Starts an attempt as a task; a fault that shows before its start is returned.
    pub fn attempt(
        &mut self,
        project: &mut Project,
        action: usize,
        world: &World,
        sink: &Arc<dyn Sink>,
    ) -> Result<Result<(), Failure>, EngineError> {
        self.ticket_mut(action).attempts += 1;
        let ticket = self.ticket(action);
        tracing::debug!(action = %project.node(action).action.id, attempt = ticket.attempts, take = ticket.take, "started");
        match project.node(action).action.work.clone() {
            Work::Run(command) => {
                let running = match self.begin(project, action, Errand::Command(&command), world)? {
                    Ok(running) => running,
                    Err(failure) => return Ok(Err(failure)),
                };
                let limits = limits(project.node(action).action.timeout, &self.cancel, &self.kill);
                let group = running.group;
                self.spawn(action, async move {
                    Completion::Command { action, ended: running.finish(limits).await, group, said: None }
                });
                Ok(Ok(()))
            }
            Work::Fan { .. } => Ok(Err(Failure::new(Cause::Machine, "a fan-out itself has no work"))),
            Work::Program(call) => self.attempt_program(project, action, &call, world, sink),
            Work::Kind { kind, with, providers: named } => {
                self.attempt_kind(project, action, (&kind, with, named), world, sink).map(Ok)
            }
        }
    }

    /// Prepares and starts the process of an attempt; a fault that shows before its start is returned.
    fn begin(
        &mut self,
        project: &mut Project,
        action: usize,
        errand: Errand<'_>,
        world: &World,
    ) -> Result<Result<Running, Failure>, EngineError> {
        self.ticket_mut(action).stats = stats_of_inputs(project, action)?;
        if project.node(action).action.depfile.is_some() {
            self.ticket_mut(action).began_ns = project.store.fs_clock().now_ns()?;
        }
        let prepared = match self.workshop.prepare(project, action, errand, &world.env)? {
            Ok(prepared) => prepared,
            Err(failure) => return Ok(Err(failure)),
        };
        match self.workshop.start(&prepared)? {
            Ok(running) => {
                self.prepared.insert(action, prepared);
                Ok(Ok(running))
            }
            Err(failure) => {
                self.workshop.roll_back(project, action, &prepared)?;
                Ok(Err(failure))
            }
        }
    }

    fn attempt_program(
        &mut self,
        project: &mut Project,
        action: usize,
        call: &ProgramCall,
        world: &World,
        sink: &Arc<dyn Sink>,
    ) -> Result<Result<(), Failure>, EngineError> {
        let said = match project.programs.of(project.node(action), &self.ticket(action).digests) {
            Ok(said) => said.expect("a program's recipe was composed from what it said"),
            Err(failure) => return Ok(Err(failure)),
        };
        let errand = Errand::Program { call, take: self.ticket(action).take, said: &said };
        let running = match self.begin(project, action, errand, world)? {
            Ok(running) => running,
            Err(failure) => return Ok(Err(failure)),
        };
        let (id, timeout) = (project.node(action).action.id.clone(), project.node(action).action.timeout);
        let limits = limits(timeout, &self.cancel, &self.kill);
        let (group, sink) = (running.group, sink.clone());
        self.spawn(action, async move {
            let progress = |Progress { done, total, note }: Progress| {
                sink.send(&Event::ActionAdvanced { action: id.clone(), done, total, note });
            };
            let mut talk = Talk::new(&progress);
            let ended = running.finish_heard(limits, &mut talk).await;
            let (made, output) = talk.close(*ended.as_ref().unwrap_or(&Ended::Broken));
            let ended = ended.map(|ended| Finished { ended, output });
            Completion::Command { action, ended, group, said: Some(made) }
        });
        Ok(Ok(()))
    }

    /// Asks for another attempt after a delay; the action keeps its place meanwhile.
    pub fn retry(&mut self, action: usize, delay: Duration) {
        let cancel = self.cancel.clone();
        self.spawn(action, async move {
            tokio::select! {
                () = tokio::time::sleep(delay) => Completion::RetryDue { action },
                () = cancel.cancelled() => {
                    let made = Err(Failure::new(Cause::Cancelled, "stopped"));
                    Completion::Kind { action, made, output: String::new(), spend: Spend::default() }
                }
            }
        });
    }

    fn attempt_kind(
        &mut self,
        project: &mut Project,
        action: usize,
        (kind, with, named): (&str, With, BTreeMap<String, String>),
        world: &World,
        sink: &Arc<dyn Sink>,
    ) -> Result<(), EngineError> {
        let read = match read_inputs(project, action, &self.ticket(action).digests) {
            Ok(read) => read,
            Err(failure) => {
                self.spawn(action, async move {
                    Completion::Kind { action, made: Err(failure), output: String::new(), spend: Spend::default() }
                });
                return Ok(());
            }
        };
        let kind = match compose::find_kind(&project.registry, kind) {
            Ok(kind) => kind.clone(),
            Err(failure) => {
                self.spawn(action, async move {
                    Completion::Kind { action, made: Err(failure), output: String::new(), spend: Spend::default() }
                });
                return Ok(());
            }
        };
        let node = project.node(action);
        let inputs: Vec<&Bound> = node.inputs.iter().filter(|input| project.is_present(input)).collect();
        let mut scope = compose::scope(&project.story, &node.action, &inputs, &Places::DECLARED);
        let contents = read.contents.clone();
        let (outputs, timeout, id) = (node.action.outputs.clone(), node.action.timeout, node.action.id.clone());
        let (store, providers, sink) = (project.store.clone(), project.providers.clone(), sink.clone());
        let take = self.ticket(action).take;
        let (cancel, kill, watch) = (self.cancel.child_token(), self.kill.clone(), Watch::default());
        let payer = Payer { run: self.run.clone(), action: id.to_string(), stage: node.action.stage.to_string() };
        let clock = world.clock.clone();
        self.ticket_mut(action).digests = read.digests;
        let retry = node.action.retry.clone();
        self.spawn(action, async move {
            let (logged, spend) = (Mutex::new(String::new()), Mutex::new(Spend::default()));
            let log = |text: &str| {
                let mut logged = logged.lock().unwrap_or_else(PoisonError::into_inner);
                if logged.len() + text.len() <= LOG_BYTES_MAX {
                    logged.push_str(text);
                }
            };
            let progress = move |progress: Progress| {
                let Progress { done, total, note } = progress;
                sink.send(&Event::ActionAdvanced { action: id.clone(), done, total, note });
            };
            let work = async {
                compose::fill(&mut scope, &mut |file| {
                    if file.role == ANSWERS_ROLE {
                        return Ok(None);
                    }
                    let read = contents.get(&file.named()).cloned().map(Some);
                    read.ok_or_else(|| Failure::new(Cause::Machine, format!("`{}` was not read", file.named())))
                })?;
                let settings = with.resolve(&scope)?;
                let desk = Desk {
                    store: &store,
                    ledger: &providers.ledger,
                    payer: &payer,
                    retry: &retry,
                    clock: &*clock,
                    watch: &watch,
                    spend: &spend,
                    cancel: &cancel,
                    kill: &kill,
                    log: &log,
                };
                let (outputs, named, providers) = (&outputs, &named, &providers);
                let job = Job { settings, scope, outputs, named, providers, desk, take, progress: &progress };
                kind.perform(job).await
            };
            let made = tokio::select! {
                made = work => made,
                limit = watch.expired(timeout) => {
                    // What works on a thread of its own is only asked to end.
                    cancel.cancel();
                    Err(Failure::new(Cause::Timeout, format!("ran longer than its timeout of {limit:?}"))
                        .hint("Raise `timeout:` if it needs longer."))
                }
            };
            let output = logged.into_inner().unwrap_or_else(PoisonError::into_inner);
            let spend = spend.into_inner().unwrap_or_else(PoisonError::into_inner);
            Completion::Kind { action, made: made.map(|made| KindMade { made, pay: kind.pay() }), output, spend }
        });
        Ok(())
    }

    fn spawn(&mut self, action: usize, task: impl Future<Output = Completion> + Send + 'static) {
        let handle = self.tasks.spawn(task);
        self.working.insert(handle.id(), action);
    }
}

fn stats_of_inputs(project: &Project, action: usize) -> Result<Vec<Vec<Stat>>, EngineError> {
    let inputs = &project.node(action).inputs;
    inputs
        .iter()
        .map(|input| match &input.what {
            What::File(path) | What::Tree(path) => project.workspace.stats(path),
            // A process reads a copy of its own.
            What::Part(..) => Ok(Vec::new()),
            What::Verdict(_) => Ok(Vec::new()),
        })
        .collect()
}

/// The inputs of a kind, read once: these bytes are hashed and these are used (R6).
struct Read {
    contents: BTreeMap<String, Seen>,
    digests: Vec<Option<crate::base::digest::Digest>>,
}

fn read_inputs(
    project: &mut Project,
    action: usize,
    judged: &[Option<crate::base::digest::Digest>],
) -> Result<Read, Failure> {
    let mut read = Read { contents: BTreeMap::new(), digests: Vec::new() };
    let broken = |error: EngineError| Failure::new(Cause::Machine, error.to_string());
    for (place, input) in project.node(action).inputs.clone().iter().enumerate() {
        let digest = match &input.what {
            What::File(path) if project.is_present(input) => {
                if let Some(failure) = project.turned(input).map_err(broken)? {
                    return Err(failure);
                }
                let (bytes, digest) = project.workspace.read(path).map_err(broken)?;
                read.contents.insert(input.what_text(), Seen::file(path.as_str(), bytes.into()));
                Some(digest)
            }
            What::File(_) => None,
            What::Part(path, part) => match project.workspace.part(path, part).map_err(broken)?? {
                Some(content) => {
                    let digest = content.digest();
                    read.contents.insert(input.what_text(), Seen::part(content));
                    Some(digest)
                }
                None if input.presence == Presence::Optional => None,
                None => return Err(project.missing(input)),
            },
            // Its provider has read it.
            What::Tree(_) if input.role == ANSWERS_ROLE => judged.get(place).copied().flatten(),
            What::Tree(path) => {
                let message = format!("the folder `{path}/` is an input that only `run:` stages read");
                return Err(
                    Failure::new(Cause::Setup, message).hint("Name the files, or a pattern such as `folder/*.md`.")
                );
            }
            What::Verdict(_) => judged.get(place).copied().flatten(),
        };
        read.digests.push(digest);
    }
    Ok(read)
}
