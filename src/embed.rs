//! Builds from Rust: a repo, the kinds that its stages may use, and who hears what happens.

use crate::base::diagnostic::{Diagnostic, Severity};
use crate::base::path::RepoPath;
use crate::base::sources::Sources;
use crate::base::span::Span;
use crate::engine::command::STATE_DIR;
use crate::engine::drive::{self, Built};
use crate::engine::error::EngineError;
use crate::engine::fund::fund;
use crate::engine::hooks::close_run;
use crate::engine::open::{Access, LockPolicy, Opened, Opening, close, faults_of, open};
use crate::engine::options::{OnFailure, Options};
use crate::engine::plan::{PlanError, choose, foresee};
use crate::engine::programs::{ask, is_to_ask};
use crate::engine::recover::{make_usable, recover};
use crate::engine::select::{UnknownTarget, Wish};
use crate::engine::settle::Stamp;
use crate::engine::summary::Summary;
use crate::event::kind::{Event, WIRE_VERSION};
use crate::event::sink::Sink;
use crate::kind::registry::Registry;
use crate::provider::Providers;
use crate::provider::script::Shelf;
use crate::provider::trust::Disclosure;
use crate::provider::weights::{PullPolicy, Weights};
use crate::store::make_way;
use crate::storyfile::dotenv;
use crate::storyfile::load::{Draft, Given, draft};
use crate::storyfile::story::Story;
use crate::world::World;
use crate::world::disk::Sort;
use crate::world::lock::{Held, wait_exclusive};
use crate::world::signals::{Stop, check_handles};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The names that a Storyfile may have, the preferred one first.
pub const NAMES: [&str; 3] = ["Storyfile.yaml", "Storyfile.yml", "Storyfile.json"];

/// A folder with a Storyfile, and what its builds have to do with.
#[derive(Clone)]
pub struct Repo {
    root: PathBuf,
    file: String,
    world: World,
    registry: Arc<Registry>,
    params: Vec<(String, String)>,
    profiles: Vec<String>,
    trusted: Vec<Disclosure>,
}

/// What to build, and how.
#[derive(Clone, Debug)]
pub struct Order {
    /// Stages, instances, patterns or output paths; none means everything.
    pub targets: Vec<String>,
    /// Made again though they are up to date, as `--force`.
    pub force: Vec<String>,
    /// Commands and kinds at work at once; at least 1.
    pub jobs: u32,
    pub on_failure: OnFailure,
}

impl Default for Order {
    /// Everything that is out of date, one at a time, stopping at the first failure.
    fn default() -> Order {
        Order { targets: Vec::new(), force: Vec::new(), jobs: 1, on_failure: OnFailure::Stop }
    }
}

/// Why there was no build, or not to its end. A stage that fails is none of these: the summary says so.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("there is no {} in `{path}`", NAMES[0], path = folder.display())]
    NoStoryfile { folder: PathBuf },
    /// The Storyfile is wrong: all its faults.
    #[error("{}", told(sources, faults))]
    Faults { sources: Sources, faults: Vec<Diagnostic> },
    #[error(transparent)]
    Target(#[from] UnknownTarget),
    /// The machine failed: disk, cache, processes.
    #[error(transparent)]
    Machine(#[from] EngineError),
}

impl Repo {
    /// Opens the repo in `folder`, which has a Storyfile. Nothing is read yet.
    pub fn open(folder: impl Into<PathBuf>) -> Result<Repo, Error> {
        let (folder, world) = (folder.into(), World::real());
        let root = world.disk.canonical(&folder).map_err(|error| EngineError::read(&folder, error))?;
        let is_file = |name: &&&str| world.disk.stat_following(&root.join(name)).is_ok_and(|at| at.sort == Sort::File);
        let Some(file) = NAMES.iter().find(is_file) else { return Err(Error::NoStoryfile { folder }) };
        let registry = Arc::new(Registry::builtin());
        Ok(Repo {
            root,
            file: (*file).to_owned(),
            world,
            registry,
            params: Vec::new(),
            profiles: Vec::new(),
            trusted: Vec::new(),
        })
    }

    /// Gives the kinds that its stages may use; without it they are those that storygen has.
    pub fn with_kinds(self, registry: Registry) -> Repo {
        Repo { registry: Arc::new(registry), ..self }
    }

    /// Gives a param a value, as `-p name=value`.
    pub fn with_param(mut self, name: &str, value: &str) -> Repo {
        self.params.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Lays a profile over the Storyfile, after those named before, as `--profile`.
    pub fn with_profile(mut self, name: &str) -> Repo {
        self.profiles.push(name.to_owned());
        self
    }

    /// Trusts a host (`gateway.example`) with the values of variables that the Storyfile's providers send there, as
    /// `storygen trust` does for builds of the command. Vendors with their own keys and this machine need no trust; a stage
    /// that would send a key anywhere else fails.
    pub fn trusting(mut self, host: &str, variables: &[&str]) -> Repo {
        let variables = variables.iter().map(|name| (*name).to_owned()).collect();
        self.trusted.push(Disclosure { host: host.to_owned(), variables });
        self
    }

    /// Returns every fault of the Storyfile, warnings included, as `storygen validate`. Runs nothing.
    pub fn faults(&self) -> Result<Vec<Diagnostic>, Error> {
        match self.opened(&self.world()?, Access::Read) {
            Ok(opened) => Ok(opened.warnings),
            Err(Error::Faults { faults, .. }) => Ok(faults),
            Err(error) => Err(error),
        }
    }

    /// Builds what is out of date, and nothing else. What happens is told to `sink`.
    ///
    /// Blocks until all is done, and until other builds in this repo are; from asynchronous code, call it on a thread of
    /// its own. While it runs, signals to this process (Ctrl-C) stop the build in good order, and not the process.
    pub fn build(&self, order: &Order, sink: Arc<dyn Sink>) -> Result<Summary, Error> {
        let started = self.world.clock.elapsed();
        let state = self.root.join(STATE_DIR);
        let _lock = self.hold(&state)?;
        let world = self.world()?;
        let mut opened = self.opened(&world, Access::Write)?;
        recover(&mut opened.project, &state, &*sink)?;
        let wish = Wish { targets: order.targets.clone(), force: order.force.clone(), ..Wish::default() };
        let runtime = check_handles()
            .and_then(|()| tokio::runtime::Builder::new_current_thread().enable_all().build())
            .map_err(|source| EngineError::Process { what: "the runtime".into(), source })?;
        let stopped = ask_programs(&mut opened, &wish, &world, &runtime)?;
        if stopped.is_some() {
            return Ok(Summary { stopped, ..Summary::default() });
        }
        let (selection, plan) = foresee(&mut opened.project, &wish)?;
        let options = Options { jobs: order.jobs.max(1), on_failure: order.on_failure, reaper: None };
        let stamp = Stamp::now(&world);
        let begun = Event::RunStarted {
            version: WIRE_VERSION,
            run: stamp.run.clone(),
            storygen: env!("CARGO_PKG_VERSION").into(),
            targets: order.targets.clone(),
            actions: plan.steps.len(),
        };
        sink.send(&begun);
        fund(&opened.project, None, &world.clock.now().to_string());
        let built = runtime.block_on(drive::build(
            &mut opened.project,
            world.clone(),
            &options,
            &wish,
            selection,
            &plan,
            Some(&begun),
            sink.clone(),
            stamp.clone(),
        ));
        // Whatever happened, what is finished is written down.
        let closed = close(&mut opened, &world, LockPolicy::Update, None);
        let Built { mut summary, .. } = built?;
        closed?;
        let took_ms = u64::try_from(self.world.clock.elapsed().saturating_sub(started).as_millis()).unwrap_or(u64::MAX);
        let ended = |summary: &Summary| Event::RunFinished {
            counts: summary.counts.clone(),
            took_ms,
            exit: summary.exit_code(),
            spend: summary.spend.clone(),
        };
        let end = ended(&summary);
        let told = close_run(&opened.project, &world, &options, &stamp.run, &end, sink.clone());
        summary.failed |= runtime.block_on(told)?;
        sink.send(&ended(&summary));
        Ok(summary)
    }

    /// Returns the world with the variables of `.env` beside the Storyfile, if there is one.
    fn world(&self) -> Result<World, Error> {
        let place = self.root.join(dotenv::FILE);
        // A folder of this name is somebody else's: Python's, nearly always.
        if !self.world.disk.stat_following(&place).is_ok_and(|stat| stat.sort == Sort::File) {
            return Ok(self.world.clone());
        }
        let values = dotenv::parse(&self.text(dotenv::FILE)?)
            .map_err(|faults| Error::Faults { sources: Sources::new(dotenv::FILE, ""), faults })?;
        Ok(World { env: Arc::new(self.world.env.and_beside(values)), ..self.world.clone() })
    }

    fn text(&self, name: &str) -> Result<String, Error> {
        let place = self.root.join(name);
        let bytes = self.world.disk.read(&place).map_err(|error| EngineError::read(&place, error))?;
        String::from_utf8(bytes).map_err(|error| {
            let error = io::Error::new(io::ErrorKind::InvalidData, error);
            EngineError::read(&place, error).into()
        })
    }

    fn opened(&self, world: &World, access: Access) -> Result<Opened, Error> {
        let text = self.text(&self.file)?;
        let env = |name: &str| world.env.look_up(name).map(str::to_owned);
        let from_environment = world.env.look_up("STORYGEN_PROFILE").filter(|_| self.profiles.is_empty());
        let named = from_environment.into_iter().flat_map(|names| names.split(',')).map(|name| name.trim().to_owned());
        let profiles = self.profiles.iter().cloned().chain(named.filter(|name| !name.is_empty())).collect();
        let files = |path: &RepoPath| {
            let read = world.disk.read(&path.under(&self.root)).map_err(|error| error.to_string())?;
            String::from_utf8(read).map_err(|_| "it is not UTF-8 text".to_owned())
        };
        let given = Given { params: self.params.clone(), profiles, files: &files, ..Given::alone(&self.file, &env) };
        let Draft { story, mut faults, sources, .. } = draft(&text, &*self.registry, &given);
        let is_wrong = faults.iter().any(|fault| fault.severity == Severity::Error);
        let story = match story {
            Some(story) if !is_wrong => story,
            story => {
                let more = story.map(|story| {
                    let providers = providers(world, &self.root, &story);
                    faults_of(world, &self.root, story, &self.registry, &providers)
                });
                let known: Vec<Option<Span>> = faults.iter().map(|fault| fault.span).collect();
                faults.extend(more.unwrap_or_default().into_iter().filter(|fault| !known.contains(&fault.span)));
                return Err(wrong(sources, faults));
            }
        };
        let opening = Opening {
            world: world.clone(),
            root: self.root.clone(),
            providers: providers(world, &self.root, &story),
            story,
            sources: sources.clone(),
            registry: self.registry.clone(),
            access,
        };
        match open(opening)? {
            Ok(mut opened) => {
                self.trusted.iter().for_each(|one| opened.project.providers.trust.allow(one));
                faults.append(&mut opened.warnings);
                opened.warnings = faults;
                Ok(opened)
            }
            Err(more) => {
                faults.extend(more);
                Err(wrong(sources, faults))
            }
        }
    }

    fn hold(&self, state: &Path) -> Result<Held, EngineError> {
        let disk = &self.world.disk;
        disk.create_private_dir(state).map_err(|error| EngineError::write(state, error))?;
        make_usable(&**disk, state)?;
        let place = state.join("lock");
        make_way(&**disk, state, &place)?;
        let us = format!("process {}", self.world.env.process);
        wait_exclusive(&place, &us).map_err(|error| EngineError::write(&place, error))
    }
}

impl fmt::Debug for Repo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Repo").field("root", &self.root).field("file", &self.file).finish_non_exhaustive()
    }
}

/// Asks programs that have not said yet what they take, and holds their settings against it. Returns the signal if the
/// person stopped it.
fn ask_programs(
    opened: &mut Opened,
    wish: &Wish,
    world: &World,
    runtime: &tokio::runtime::Runtime,
) -> Result<Option<Stop>, Error> {
    let all = (0..opened.project.workflow.nodes.len()).collect();
    if !is_to_ask(&opened.project, &all) {
        return Ok(None);
    }
    let selection = choose(&mut opened.project, wish)?;
    let stopped = runtime.block_on(ask(&mut opened.project, &selection.actions, world))?;
    let project = &opened.project;
    let faults = project.programs.faults(project.workflow.nodes.iter().map(|node| &node.action));
    if stopped.is_none() && !faults.is_empty() {
        return Err(wrong(opened.sources.clone(), faults));
    }
    Ok(stopped)
}

fn providers(world: &World, root: &Path, story: &Story) -> Providers {
    let shelf = Shelf { disk: world.disk.clone(), root: root.to_owned() };
    let weights = Weights::new(world.clone(), PullPolicy::Pull, Arc::new(|_| {}));
    Providers::join(&story.providers, &Arc::new(weights), &world.env, &shelf)
}

fn wrong(sources: Sources, mut faults: Vec<Diagnostic>) -> Error {
    faults.sort_by_key(|fault| (fault.severity != Severity::Error, fault.place()));
    Error::Faults { sources, faults }
}

/// Returns faults as lines, each with its place.
fn told(sources: &Sources, faults: &[Diagnostic]) -> String {
    let line = |fault: &Diagnostic| {
        let place = match (&fault.source, fault.span) {
            (Some(source), span) => place(&source.name, span.map(|span| span.line_column(&source.text))),
            (None, Some(span)) => {
                let found = sources.at(span);
                place(found.name, Some(found.within(span).line_column(found.text)))
            }
            (None, None) => sources.first().name.to_owned(),
        };
        format!("{place}: {} [{}]", fault.message, fault.code)
    };
    faults.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn place(name: &str, at: Option<(usize, usize)>) -> String {
    at.map_or_else(|| name.to_owned(), |(line, column)| format!("{name}:{line}:{column}"))
}

impl From<PlanError> for Error {
    fn from(error: PlanError) -> Error {
        match error {
            PlanError::Unknown(unknown) => unknown.into(),
            PlanError::Engine(error) => error.into(),
        }
    }
}
