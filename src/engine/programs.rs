//! The programs that stages use as kinds: asked once for each content of theirs what they take, and remembered by it.
//!
//! Only a build asks: all other commands run nobody's code, and say what they do not know. An answer lies in
//! `.storygen/programs/`, under the digest of the program's file, just as the program gave it.

use crate::base::diagnostic::Diagnostic;
use crate::base::digest::Digest;
use crate::base::failure::{Cause, Failure};
use crate::base::path::RepoPath;
use crate::base::span::Span;
use crate::engine::command::STATE_DIR;
use crate::engine::error::EngineError;
use crate::engine::faults::diagnostic;
use crate::engine::judge::Project;
use crate::engine::workflow::{Bound, Node, What};
use crate::kind::program::description::{Description, shown};
use crate::kind::program::message::{LINE_BYTES_MAX, PROTOCOLS, Request};
use crate::kind::program::talk::died;
use crate::store::hash_file;
use crate::storyfile::story::{Action, Input, PROGRAM_ROLE, Selector, Work};
use crate::world::World;
use crate::world::disk::{Disk, Sort};
use crate::world::process::{Ear, Ended, Limits, Program, Stream, Tail, start};
use crate::world::signals::{Signals, Stop};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// The folder of the answers, in `.storygen`.
const FOLDER: &str = "programs";

/// How long a program may take to say what it takes.
const TIMEOUT: Duration = Duration::from_secs(10);

/// What is known of the programs of a story.
#[derive(Clone, Default)]
pub struct Programs {
    /// What stands at their paths.
    files: BTreeMap<RepoPath, Digest>,
    said: BTreeMap<Digest, Result<Arc<Description>, Failure>>,
}

/// How the Storyfile names a program.
pub fn name(path: &RepoPath) -> String {
    format!("./{path}")
}

impl Programs {
    /// Looks at the programs of `actions` and at what they said to earlier builds. Runs nothing.
    pub fn look(disk: &dyn Disk, root: &Path, actions: &[Action]) -> Programs {
        let mut programs = Programs::default();
        for (path, _) in actions.iter().filter_map(program_of) {
            if programs.files.contains_key(path) {
                continue;
            }
            // What cannot be read is told as an input.
            let Ok((digest, _)) = hash_file(disk, &path.under(root)) else { continue };
            programs.files.insert(path.clone(), digest);
            if let Some(said) = remembered(disk, root, path, &digest) {
                programs.said.insert(digest, Ok(Arc::new(said)));
            }
        }
        programs
    }

    /// Tells whether the node's program has not said what it takes.
    pub fn is_unknown(&self, node: &Node, digests: &[Option<Digest>]) -> bool {
        digest_of(node, digests).is_some_and(|digest| !self.said.contains_key(&digest))
    }

    /// Returns what the node's program said; `None` if no program does its work. Fails as the program failed to say it.
    pub fn of(&self, node: &Node, digests: &[Option<Digest>]) -> Result<Option<Arc<Description>>, Failure> {
        digest_of(node, digests).and_then(|digest| self.said.get(&digest)).cloned().transpose()
    }

    /// Returns the faults of all stages whose programs have said what they take, each place once. Of a fan-out the settings
    /// that do not come with an item are judged.
    pub fn faults<'a>(&self, actions: impl IntoIterator<Item = &'a Action>) -> Vec<Diagnostic> {
        let mut faults = Vec::new();
        for action in actions {
            let (call, is_fan) = match &action.work {
                Work::Program(call) => (call, false),
                Work::Fan { program: Some(call), .. } => (&**call, true),
                Work::Run(_) | Work::Kind { .. } | Work::Fan { program: None, .. } => continue,
            };
            let said = self.files.get(&call.path).and_then(|digest| self.said.get(digest));
            if let Some(Ok(said)) = said {
                let (settings, late) = (call.with.constants(), call.with.late_names());
                let found = match is_fan {
                    true => said.setting_faults(&settings, &late),
                    false => said.faults(&settings, &late, &action.inputs, &action.outputs),
                };
                faults.extend(found.into_iter().map(|fault| diagnostic(action, &call.with, fault)));
            }
        }
        let mut seen = BTreeSet::new();
        faults.retain(|fault| seen.insert((fault.code, fault.span, fault.message.clone())));
        faults
    }

    /// Returns a warning for each program that has not said what it takes.
    pub fn unknown(&self, actions: &[Action]) -> Vec<Diagnostic> {
        let mut told = BTreeSet::new();
        let mut warnings = Vec::new();
        for action in actions {
            let Some((path, span)) = program_of(action) else { continue };
            let is_unknown = self.files.get(path).is_some_and(|digest| !self.said.contains_key(digest));
            if is_unknown && told.insert(path) {
                let message = format!("`{}` has not been asked here yet what it takes", name(path));
                warnings.push(
                    Diagnostic::warning("S153", message, span)
                        .label("its settings are not checked yet")
                        .help("the first build asks it and checks them, before anything runs"),
                );
            }
        }
        warnings
    }
}

/// Tells why a file cannot be the program of a stage; `None` if it can.
pub fn fault_of_place(
    input: &Input,
    path: &RepoPath,
    maker: Option<&Action>,
    stands: Option<Sort>,
) -> Option<Diagnostic> {
    let fault = |code, message: String, label: &str, help: &str| {
        Some(Diagnostic::error(code, message, input.span).label(label).help(help))
    };
    let program = name(path);
    match (maker, stands) {
        (Some(maker), _) => fault(
            "S152",
            format!("the program `{program}` is made by the stage `{}`", maker.id),
            "stands only once a stage has run",
            "a kind must stand before anything runs: build the program beforehand, or call it by `run:`",
        ),
        (None, None) => fault(
            "S151",
            format!("the program `{program}` is not there"),
            "not found",
            "correct the path, which starts in the Storyfile's folder, or write the program",
        ),
        (None, Some(Sort::Dir)) => {
            fault("S151", format!("the program `{program}` is a folder"), "a folder", "name the program in it")
        }
        (None, Some(_)) => None,
    }
}

/// Asks the programs of `actions` that have not said what they take, and writes their answers down. What does not answer
/// fails its stages when their turn comes.
async fn describe(
    project: &mut Project,
    actions: &BTreeSet<usize>,
    world: &World,
    cancel: &CancellationToken,
) -> Result<(), EngineError> {
    for &action in actions {
        let Some(path) = program_of(&project.node(action).action).map(|(path, _)| path.clone()) else { continue };
        let Some(digest) = project.workspace.digest(&path)? else { continue };
        project.programs.files.insert(path.clone(), digest);
        if project.programs.said.contains_key(&digest) {
            continue;
        }
        let env = world.env.for_child(&project.story.secrets());
        let asked = asked(&path, &project.workspace.root, env, cancel).await;
        if cancel.is_cancelled() {
            return Ok(());
        }
        let said = match asked {
            Ok((said, line)) => {
                let place = place_of(&project.workspace.root, &digest);
                if let Some(folder) = place.parent() {
                    world.disk.create_dirs(folder).map_err(|error| EngineError::write(folder, error))?;
                }
                project.store.write_out(line.as_bytes(), &place)?;
                Ok(Arc::new(said))
            }
            Err(failure) => Err(failure),
        };
        project.programs.said.insert(digest, said);
    }
    Ok(())
}

/// Asks the programs of `actions`, until the person stops it: returns the signal then.
pub async fn ask(project: &mut Project, actions: &BTreeSet<usize>, world: &World) -> Result<Option<Stop>, EngineError> {
    let mut signals =
        Signals::listen().map_err(|source| EngineError::Process { what: "listening for signals".into(), source })?;
    let cancel = CancellationToken::new();
    let asking = describe(project, actions, world, &cancel);
    tokio::pin!(asking);
    let mut stop = None;
    loop {
        tokio::select! {
            asked = &mut asking => return asked.map(|()| stop),
            signal = signals.next() => {
                stop = Some(signal);
                cancel.cancel();
            }
        }
    }
}

/// Tells whether [`ask`] would ask anybody.
pub fn is_to_ask(project: &Project, actions: &BTreeSet<usize>) -> bool {
    let programs = &project.programs;
    let mut asked = actions.iter().filter_map(|&action| program_of(&project.node(action).action));
    asked.any(|(path, _)| programs.files.get(path).is_some_and(|digest| !programs.said.contains_key(digest)))
}

/// Runs a program and returns what it says of itself, with the line that says it.
async fn asked(
    path: &RepoPath,
    root: &Path,
    env: BTreeMap<String, String>,
    cancel: &CancellationToken,
) -> Result<(Description, String), Failure> {
    let request = Request::Describe { protocols: PROTOCOLS, storygen: env!("CARGO_PKG_VERSION") };
    let program = program(path, root, &request, env);
    tracing::debug!(program = %path, "asked what it takes");
    let name = name(path);
    let running = start(&program).map_err(|error| start_failure(&name, &error))?;
    let limits = Limits { timeout: Some(TIMEOUT), cancel: cancel.clone(), kill: CancellationToken::new() };
    let mut heard = Heard::default();
    let ended = running.finish_heard(limits, &mut heard).await;
    let ended = ended.map_err(|error| Failure::new(Cause::Machine, format!("lost sight of `{name}`: {error}")))?;
    let fails = |what: String| {
        let failure = Failure::new(Cause::Setup, format!("`{name} describe` {what}{}", heard.last_words()));
        failure.hint("`docs/programs.md` says what a program answers.")
    };
    match ended {
        Ended::Exit(0) => {}
        Ended::Broken => return Err(fails(format!("said more than {LINE_BYTES_MAX} bytes"))),
        Ended::TimedOut => return Err(fails(format!("said nothing for {} s", TIMEOUT.as_secs()))),
        Ended::Exit(126 | 127) => {
            let failure = died(ended);
            return Err(Failure { hint: failure.hint.clone(), ..fails(format!("failed: {failure}")) });
        }
        ended => return Err(fails(format!("failed: {}", died(ended)))),
    }
    let text = String::from_utf8_lossy(&heard.out).into_owned();
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    match lines.as_slice() {
        [] => Err(fails("said nothing".to_owned())),
        [line] => Ok((Description::read(&name, line)?, (*line).to_owned())),
        [first, ..] => Err(fails(format!("said more than one line, first `{}`", shown(first)))),
    }
}

/// Returns how a program of the repo is started for a request.
pub fn program(path: &RepoPath, root: &Path, request: &Request<'_>, env: BTreeMap<String, String>) -> Program {
    let argv = vec![name(path), request.word().to_owned()];
    Program { argv, current_dir: root.to_owned(), env, request: Some(request.line()) }
}

/// Tells why a program could not be started.
pub fn start_failure(name: &str, error: &io::Error) -> Failure {
    // Execve(2)'s ENOEXEC has no `ErrorKind` yet.
    const NO_PROGRAM: i32 = 8;
    let failure = |message: &str| Failure::new(Cause::Setup, format!("`{name}` {message}"));
    match error.kind() {
        io::ErrorKind::NotFound => failure("cannot be started: it, or what it names after `#!`, is not there")
            .hint("Correct its path, or its first line."),
        io::ErrorKind::PermissionDenied => {
            failure("may not be started: it is not executable").hint(format!("Run `chmod +x {name}`."))
        }
        _ if cfg!(unix) && error.raw_os_error() == Some(NO_PROGRAM) => {
            failure("is no program").hint("Let its first line say what reads it: `#!/usr/bin/env python3`.")
        }
        _ => Failure::new(Cause::Machine, format!("failed to start `{name}`: {error}")),
    }
}

/// Returns the program that does an action's work, or that of the instances of a fan-out, and where it is named.
fn program_of(action: &Action) -> Option<(&RepoPath, Span)> {
    let input = action.inputs.iter().find(|input| input.role == PROGRAM_ROLE)?;
    match &input.selector {
        Selector::File(path) => Some((path, input.span)),
        Selector::Tree(_) | Selector::Glob { .. } => None,
    }
}

/// Returns the digest of the program among a node's inputs.
fn digest_of(node: &Node, digests: &[Option<Digest>]) -> Option<Digest> {
    let is_program = |input: &Bound| input.role == PROGRAM_ROLE && matches!(input.what, What::File(_));
    node.inputs.iter().zip(digests).find(|(input, _)| is_program(input)).and_then(|(_, digest)| *digest)
}

fn place_of(root: &Path, digest: &Digest) -> PathBuf {
    root.join(STATE_DIR).join(FOLDER).join(format!("{digest}.json"))
}

/// Anything wrong with what is remembered is the same as its absence.
fn remembered(disk: &dyn Disk, root: &Path, path: &RepoPath, digest: &Digest) -> Option<Description> {
    let bytes = disk.read(&place_of(root, digest)).ok()?;
    Description::read(&name(path), std::str::from_utf8(&bytes).ok()?).ok()
}

/// What a program says to `describe`, bounded.
#[derive(Default)]
struct Heard {
    out: Vec<u8>,
    err: Tail,
}

impl Ear for Heard {
    fn hear(&mut self, stream: Stream, bytes: &[u8]) -> ControlFlow<()> {
        match stream {
            Stream::Err => self.err.push(bytes),
            Stream::Out => self.out.extend_from_slice(bytes),
        }
        if self.out.len() > LINE_BYTES_MAX { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

impl Heard {
    /// Returns the last line of standard error, as the end of a message.
    fn last_words(&self) -> String {
        let text = String::from_utf8_lossy(&self.err.bytes);
        text.lines().rfind(|line| !line.trim().is_empty()).map_or(String::new(), |line| format!(": {}", shown(line)))
    }
}
