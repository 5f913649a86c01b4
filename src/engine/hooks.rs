//! Calls the commands under `hooks:` and tells how they ended. A hook changes no key and no output; one that is `required`
//! can fail the build.

use crate::base::failure::{Cause, Failure};
use crate::base::id::{ActionId, RunId};
use crate::engine::command::{STATE_DIR, failure, limits, start_failure};
use crate::engine::drive::{Drive, millis};
use crate::engine::error::EngineError;
use crate::engine::guard::Guard;
use crate::engine::judge::Project;
use crate::engine::options::{OnFailure, Options};
use crate::event::kind::{Event, Outcome};
use crate::event::sink::Sink;
use crate::store::Intent;
use crate::storyfile::command::Invocation;
use crate::storyfile::hooks::{Demand, Hook, Moment};
use crate::storyfile::scope::Scope;
use crate::world::World;
use crate::world::process::Program;
use crate::world::signals::{Signals, Stop};
use crate::world::strays::MARK;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::{Id, JoinSet};
use tokio_util::sync::CancellationToken;

/// How long `run_finish` may take once the person has asked to stop.
const STOPPED_TIMEOUT: Duration = Duration::from_secs(10);

/// One thing that happened and the hooks that are told of it, one after the other.
#[derive(Debug)]
pub struct Call {
    pub moment: Moment,
    pub action: Option<usize>,
    id: Option<ActionId>,
    /// The event, as a line of JSON.
    event: Vec<u8>,
    env: BTreeMap<String, String>,
    left: VecDeque<(Hook, BTreeMap<String, String>)>,
    /// The failure of a hook that was required.
    pub failure: Option<Failure>,
}

impl Call {
    /// Returns the call for an event; `None` if no hook is told of it.
    fn new(
        project: &Project,
        world: &World,
        run: &RunId,
        moment: Moment,
        action: Option<usize>,
        event: &Event,
    ) -> Option<Call> {
        let story = &project.story;
        let secrets = story.secrets();
        let given = |env: &BTreeMap<String, String>, pass: &[String]| {
            let mut all = world.env.for_child(&secrets);
            all.extend(env.clone());
            all.extend(pass.iter().filter_map(|name| Some((name.clone(), world.env.look_up(name)?.to_owned()))));
            all
        };
        let mut left = VecDeque::new();
        if let Some(hook) = story.hooks.hooks.get(&moment) {
            left.push_back((hook.clone(), given(&story.hooks.env, &story.hooks.pass)));
        }
        let node = action.map(|action| &project.node(action).action);
        if let Some((node, hook)) = node.and_then(|node| Some((node, node.hooks.get(&moment)?))) {
            left.push_back((hook.clone(), given(&node.env, &node.pass)));
        }
        if left.is_empty() {
            return None;
        }
        let mut env = BTreeMap::from([
            ("STORYGEN_EVENT".to_owned(), moment.key().to_owned()),
            ("STORYGEN_RUN".to_owned(), run.to_string()),
            ("STORYGEN_ROOT".to_owned(), project.workspace.root.display().to_string()),
        ]);
        let id = node.map(|node| node.id.clone());
        env.extend(id.iter().map(|id| ("STORYGEN_STAGE".to_owned(), id.to_string())));
        env.extend(outcome(event).map(|outcome| ("STORYGEN_OUTCOME".to_owned(), outcome)));
        if let Event::RunFinished { exit, .. } = event {
            env.insert("STORYGEN_EXIT".to_owned(), exit.to_string());
        }
        let mut event = serde_json::to_vec(event).expect("events are plain data");
        event.push(b'\n');
        Some(Call { moment, action, id, event, env, left, failure: None })
    }

    /// Names the call's processes.
    fn name(&self) -> String {
        let of = self.id.as_ref().map(|id| format!(" {id}")).unwrap_or_default();
        format!("hook {}{of}", self.moment.key())
    }
}

/// Returns how a stage or a run ended, in the words of events.
fn outcome(event: &Event) -> Option<String> {
    let outcome = match event {
        Event::ActionFinished(finished) => finished.outcome,
        Event::RunFinished { exit, .. } => match exit {
            0 => Outcome::Done,
            3 => Outcome::Waiting,
            129.. => Outcome::Cancelled,
            _ => Outcome::Failed,
        },
        _ => return None,
    };
    serde_json::to_value(outcome).ok()?.as_str().map(str::to_owned)
}

/// Returns the moment that the end of an action is.
fn moment_of(outcome: Outcome) -> Option<Moment> {
    match outcome {
        Outcome::Done => Some(Moment::StageComplete),
        Outcome::Failed | Outcome::TimedOut => Some(Moment::StageError),
        Outcome::Skipped => Some(Moment::StageSkip),
        _ => None,
    }
}

/// The calls that wait and those under way.
pub struct Hooks {
    room: usize,
    queue: VecDeque<Call>,
    working: BTreeMap<Id, Working>,
    tasks: JoinSet<(Option<Failure>, String)>,
}

struct Working {
    call: Call,
    hook: Hook,
    group: Option<u32>,
    started: Duration,
}

impl Hooks {
    /// Lets so many hooks run at once.
    pub fn new(room: u32) -> Hooks {
        Hooks {
            room: usize::try_from(room.max(1)).unwrap_or(1),
            queue: VecDeque::new(),
            working: BTreeMap::new(),
            tasks: JoinSet::new(),
        }
    }

    pub fn is_idle(&self) -> bool {
        self.queue.is_empty() && self.tasks.is_empty()
    }

    /// Forgets the calls that wait: the run was stopped.
    pub fn drop_waiting(&mut self) -> Vec<Call> {
        self.queue.drain(..).collect()
    }

    /// Starts what there is room for.
    fn start(&mut self, guard: &mut Guard, setting: &Setting<'_>) -> Result<(), EngineError> {
        while self.tasks.len() < self.room {
            let Some(mut call) = self.queue.pop_front() else { break };
            let Some((hook, mut env)) = call.left.pop_front() else { continue };
            env.extend(call.env.clone());
            env.insert(MARK.to_owned(), guard.mark(&setting.project.workspace.root, &call.name()));
            let started = setting.world.clock.elapsed();
            let (mut group, timeout) = (None, setting.limit.map_or(hook.timeout, |limit| limit.min(hook.timeout)));
            let handle = match program(&hook, env, call.event.clone(), setting.project) {
                Err(fault) => self.tasks.spawn(async { (Some(fault), String::new()) }),
                Ok(program) => match guard.start(&program)? {
                    Err(error) => {
                        let fault = start_failure(&program.argv[0], &error);
                        self.tasks.spawn(async { (Some(fault), String::new()) })
                    }
                    Ok(running) => {
                        group = Some(running.group);
                        let limits = limits(Some(timeout), setting.cancel, setting.kill);
                        self.tasks.spawn(async move {
                            match running.finish(limits).await {
                                Ok(ended) => {
                                    let output = String::from_utf8_lossy(&ended.output).into_owned();
                                    (failure(&ended, Some(timeout)), output)
                                }
                                Err(error) => (
                                    Some(Failure::new(Cause::Machine, format!("lost sight of it: {error}"))),
                                    String::new(),
                                ),
                            }
                        })
                    }
                },
            };
            self.working.insert(handle.id(), Working { call, hook, group, started });
        }
        Ok(())
    }

    /// Waits until a hook has ended. Never returns when none is under way.
    pub async fn next(&mut self) -> HookEnded {
        let (id, failure, output) = match self.tasks.join_next_with_id().await {
            Some(Ok((id, (failure, output)))) => (id, failure, output),
            Some(Err(error)) => {
                let failure = Failure::new(Cause::Machine, format!("it broke off: {error}"));
                (error.id(), Some(failure), String::new())
            }
            None => std::future::pending().await,
        };
        let working = self.working.remove(&id).expect("every task was noted when it was spawned");
        HookEnded { working, failure, output }
    }

    /// Tells how a hook ended; returns the call if that was its last hook.
    fn settle(&mut self, ended: HookEnded, guard: &mut Guard, setting: &Setting<'_>) -> Option<Call> {
        let HookEnded { working: Working { mut call, hook, group, started }, failure, output } = ended;
        group.into_iter().for_each(|group| guard.ended(group));
        setting.sink.send(&Event::HookFinished {
            hook: call.moment.key().into(),
            action: call.id.clone(),
            failure: failure.clone(),
            took_ms: millis(setting.world.clock.elapsed().saturating_sub(started)),
            output,
        });
        if let (Demand::Required, Some(failure)) = (hook.demand, failure) {
            call.failure.get_or_insert(failure);
        }
        // What follows a required hook that failed is not asked any more.
        if call.left.is_empty() || call.failure.is_some() {
            return Some(call);
        }
        self.queue.push_front(call);
        None
    }
}

/// The end of a hook.
pub struct HookEnded {
    working: Working,
    failure: Option<Failure>,
    output: String,
}

/// What hooks are started with.
struct Setting<'a> {
    project: &'a Project,
    world: &'a World,
    sink: &'a dyn Sink,
    cancel: &'a CancellationToken,
    kill: &'a CancellationToken,
    /// What no hook may take longer than.
    limit: Option<Duration>,
}

fn program(hook: &Hook, env: BTreeMap<String, String>, event: Vec<u8>, project: &Project) -> Result<Program, Failure> {
    let argv = match hook.command.render(&Scope::default())? {
        Invocation::Direct(argv) => argv,
        Invocation::Shell { mut program, script } => {
            program.push(script);
            program
        }
    };
    Ok(Program { argv, current_dir: project.home_of(&hook.home), env, request: Some(event) })
}

impl Drive<'_> {
    /// Queues the hooks that are told of an event; tells whether there are any.
    pub(super) fn call(&mut self, moment: Moment, action: Option<usize>, event: &Event) -> bool {
        let call = Call::new(self.project, &self.world, &self.stamp.run, moment, action, event);
        let is_any = call.is_some();
        self.hooks.queue.extend(call);
        is_any
    }

    /// Queues the hooks that are told how an action ended.
    pub(super) fn call_of(&mut self, action: usize, outcome: Outcome, event: &Event) {
        if let Some(moment) = moment_of(outcome) {
            self.call(moment, Some(action), event);
        }
    }

    pub(super) fn start_hooks(&mut self) -> Result<(), EngineError> {
        if self.summary.stopped.is_some() {
            for call in self.hooks.drop_waiting() {
                let message = format!("the run was stopped before its hook `{}` was called", call.moment.key());
                self.sink.send(&Event::Warned { action: call.id.clone(), message });
                if let (Moment::StageStart, Some(action)) = (call.moment, call.action) {
                    self.fail(action, None, Failure::new(Cause::Cancelled, "stopped"), String::new(), 0)?;
                }
            }
        }
        let Drive { hooks, crew, project, world, sink, .. } = self;
        let setting = Setting { project, world, sink: &**sink, cancel: &crew.cancel, kill: &crew.kill, limit: None };
        hooks.start(&mut crew.workshop.guard, &setting)
    }

    /// Goes on with what waited for a hook.
    pub(super) fn hook_ended(&mut self, ended: HookEnded) -> Result<(), EngineError> {
        let Drive { hooks, crew, project, world, sink, .. } = self;
        let setting = Setting { project, world, sink: &**sink, cancel: &crew.cancel, kill: &crew.kill, limit: None };
        let Some(call) = hooks.settle(ended, &mut crew.workshop.guard, &setting) else { return Ok(()) };
        let stopped = self.summary.stopped.is_some();
        match (call.moment, call.action, call.failure) {
            (Moment::StageStart, Some(action), _) if stopped => {
                self.fail(action, None, Failure::new(Cause::Cancelled, "stopped"), String::new(), 0)
            }
            (Moment::StageStart, Some(action), Some(failure)) => {
                let message = format!("its hook `stage_start` failed: {}", failure.message);
                let hint =
                    failure.hint.unwrap_or_else(|| "The hook is `required`: without that it only warns.".to_owned());
                self.fail(action, None, Failure::new(failure.cause, message).hint(hint), String::new(), 0)
            }
            (Moment::StageStart, Some(action), None) => self.begin(action),
            (_, _, Some(_)) if !stopped => {
                self.summary.failed = true;
                if call.moment == Moment::RunStart || self.options.on_failure == OnFailure::Stop {
                    self.schedule.stop();
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Calls `run_start` and waits for it; tells whether the build may start.
    pub(super) async fn open_run(&mut self, begun: Option<&Event>, signals: &mut Signals) -> Result<bool, EngineError> {
        if let Some(begun) = begun {
            self.call(Moment::RunStart, None, begun);
        }
        while !self.hooks.is_idle() {
            self.start_hooks()?;
            tokio::select! {
                ended = self.hooks.next(), if !self.hooks.tasks.is_empty() => self.hook_ended(ended)?,
                stop = signals.next() => self.stop(stop),
            }
        }
        Ok(!self.schedule.is_stopped())
    }
}

/// Warns of calls in doubt and tells a run's end to `run_finish`, after all is written down; returns whether a hook that
/// was required failed. Called also when the run was stopped: then it has [`STOPPED_TIMEOUT`] at most, and the next
/// Ctrl-C kills it.
pub async fn close_run(
    project: &Project,
    world: &World,
    options: &Options,
    run: &RunId,
    event: &Event,
    sink: Arc<dyn Sink>,
) -> Result<bool, EngineError> {
    if let Some(message) = in_doubt(&project.store.doubts()) {
        sink.send(&Event::Warned { action: None, message });
    }
    let Some(call) = Call::new(project, world, run, Moment::RunFinish, None, event) else { return Ok(false) };
    let mut guard = Guard::new(&project.workspace.root.join(STATE_DIR), world, options);
    let mut signals =
        Signals::listen().map_err(|source| EngineError::Process { what: "listening for signals".into(), source })?;
    let (cancel, kill) = (CancellationToken::new(), CancellationToken::new());
    let is_stopped = matches!(event, Event::RunFinished { exit: 129.., .. });
    let limit = is_stopped.then_some(STOPPED_TIMEOUT);
    let setting = Setting { project, world, sink: &*sink, cancel: &cancel, kill: &kill, limit };
    let mut hooks = Hooks::new(1);
    hooks.queue.push_back(call);
    loop {
        hooks.start(&mut guard, &setting)?;
        tokio::select! {
            ended = hooks.next() => {
                if let Some(call) = hooks.settle(ended, &mut guard, &setting) {
                    return Ok(call.failure.is_some());
                }
            }
            stop = signals.next() => ask_to_end(stop, is_stopped, &cancel, &kill, &*sink),
        }
    }
}

/// Returns what is said of calls that may have been charged.
fn in_doubt(calls: &[Intent]) -> Option<String> {
    const TOLD_MAX: usize = 3;
    let described = calls.iter().map(|call| match call.description.as_str() {
        "" => "a call of which nothing is known",
        description => description,
    });
    // A call that is made once more is described as before.
    let described: BTreeSet<&str> = described.collect();
    let more = match described.len().saturating_sub(TOLD_MAX) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let told = described.into_iter().take(TOLD_MAX).collect::<Vec<_>>().join(", ");
    let (what, them) = match calls.len() {
        0 => return None,
        1 => ("1 call".to_owned(), "it"),
        count => (format!("{count} calls"), "them"),
    };
    Some(format!("{what} may have been charged without an answer: {told}{more}; `storygen cost` counts {them}"))
}

/// A first request to stop asks the hook to end; one that follows another kills it.
fn ask_to_end(stop: Stop, again: bool, cancel: &CancellationToken, kill: &CancellationToken, sink: &dyn Sink) {
    sink.send(&Event::StopRequested { signal: stop.name().into() });
    if again || cancel.is_cancelled() {
        kill.cancel();
    }
    cancel.cancel();
}

/// Tells whether a build that does nothing has someone to tell so.
pub fn hear_of_nothing(project: &Project, skipped: usize) -> bool {
    let of_run = project.story.hooks.hooks.keys();
    let stages = project.workflow.nodes.iter().flat_map(|node| node.action.hooks.keys());
    of_run.chain(stages).any(|moment| moment.is_of_the_run() || *moment == Moment::StageSkip && skipped > 0)
}
