//! Builds from Rust: a repo, the kinds that its stages may use, and who hears what happens.

use crate::base::diagnostic::{Diagnostic, Severity};
use crate::base::span::Span;
use crate::engine::command::STATE_DIR;
use crate::engine::drive;
use crate::engine::error::EngineError;
use crate::engine::open::{Access, LockPolicy, Opened, Opening, QuietBasis, close, faults_of, open};
use crate::engine::options::{OnFailure, Options};
use crate::engine::plan::plan;
use crate::engine::programs::{ask, is_to_ask};
use crate::engine::recover::{make_usable, recover};
use crate::engine::select::{UnknownTarget, Wish, select};
use crate::engine::settle::Stamp;
use crate::engine::summary::Summary;
use crate::event::sink::Sink;
use crate::kind::registry::Registry;
use crate::provider::Providers;
use crate::provider::weights::{PullPolicy, Weights};
use crate::store::make_way;
use crate::storyfile::load::{Given, draft};
use crate::storyfile::story::Story;
use crate::world::World;
use crate::world::disk::Sort;
use crate::world::lock::{Held, wait_exclusive};
use crate::world::signals::check_handles;
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
    #[error("{}", told(file, text, faults))]
    Faults { file: String, text: String, faults: Vec<Diagnostic> },
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
        Ok(Repo { root, file: (*file).to_owned(), world, registry, params: Vec::new() })
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

    /// Returns every fault of the Storyfile, warnings included, as `storygen validate`. Runs nothing.
    pub fn faults(&self) -> Result<Vec<Diagnostic>, Error> {
        match self.opened(Access::Read) {
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
        let state = self.root.join(STATE_DIR);
        let _lock = self.hold(&state)?;
        let mut opened = self.opened(Access::Write)?;
        recover(&mut opened.project, &state, &*sink)?;
        let wish = Wish { targets: order.targets.clone(), force: order.force.clone(), ..Wish::default() };
        let selection = select(&opened.project, &wish)?;
        let runtime = check_handles()
            .and_then(|()| tokio::runtime::Builder::new_current_thread().enable_all().build())
            .map_err(|source| EngineError::Process { what: "the runtime".into(), source })?;
        if is_to_ask(&opened.project, &selection.actions) {
            let stopped = runtime.block_on(ask(&mut opened.project, &selection.actions, &self.world))?;
            if stopped.is_some() {
                return Ok(Summary { stopped, ..Summary::default() });
            }
            let project = &opened.project;
            let faults = project.programs.faults(project.workflow.nodes.iter().map(|node| &node.action));
            if !faults.is_empty() {
                return Err(self.wrong(self.text()?, faults));
            }
        }
        let plan = plan(&mut opened.project, &selection)?;
        let options = Options { jobs: order.jobs.max(1), on_failure: order.on_failure, reaper: None };
        let stamp = Stamp::now(&self.world);
        let world = self.world.clone();
        let built =
            runtime.block_on(drive::build(&mut opened.project, world, &options, &selection, &plan, sink, stamp));
        // Whatever happened, what is finished is written down.
        let closed = close(&mut opened, &self.world, LockPolicy::Update, None::<QuietBasis>);
        let summary = built?;
        closed?;
        Ok(summary)
    }

    fn text(&self) -> Result<String, Error> {
        let place = self.root.join(&self.file);
        let bytes = self.world.disk.read(&place).map_err(|error| EngineError::read(&place, error))?;
        String::from_utf8(bytes).map_err(|error| {
            let error = io::Error::new(io::ErrorKind::InvalidData, error);
            EngineError::read(&place, error).into()
        })
    }

    fn opened(&self, access: Access) -> Result<Opened, Error> {
        let text = self.text()?;
        let env = |name: &str| self.world.env.get(name).map(str::to_owned);
        let given = Given { params: self.params.clone(), env: &env, file: &self.file };
        let (story, mut faults) = draft(&text, &*self.registry, &given);
        let is_wrong = faults.iter().any(|fault| fault.severity == Severity::Error);
        let story = match story {
            Some(story) if !is_wrong => story,
            story => {
                let more = story.map(|story| {
                    let providers = self.providers(&story);
                    faults_of(&self.world, &self.root, story, &self.registry, &providers)
                });
                let known: Vec<Option<Span>> = faults.iter().map(|fault| fault.span).collect();
                faults.extend(more.unwrap_or_default().into_iter().filter(|fault| !known.contains(&fault.span)));
                return Err(self.wrong(text, faults));
            }
        };
        let opening = Opening {
            world: self.world.clone(),
            root: self.root.clone(),
            providers: self.providers(&story),
            story,
            registry: self.registry.clone(),
            access,
        };
        match open(opening)? {
            Ok(mut opened) => {
                faults.append(&mut opened.warnings);
                opened.warnings = faults;
                Ok(opened)
            }
            Err(more) => {
                faults.extend(more);
                Err(self.wrong(text, faults))
            }
        }
    }

    fn providers(&self, story: &Story) -> Providers {
        let weights = Weights::new(self.world.clone(), PullPolicy::Pull, Arc::new(|_| {}));
        Providers::join(&story.providers, &Arc::new(weights), &self.world.env)
    }

    fn wrong(&self, text: String, mut faults: Vec<Diagnostic>) -> Error {
        faults.sort_by_key(|fault| (fault.severity != Severity::Error, fault.place()));
        Error::Faults { file: self.file.clone(), text, faults }
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

/// Returns faults as lines, each with its place.
fn told(file: &str, text: &str, faults: &[Diagnostic]) -> String {
    let line = |fault: &Diagnostic| {
        let (name, text) = match &fault.source {
            Some(source) => (source.name.as_str(), source.text.as_str()),
            None => (file, text),
        };
        let place = fault.span.map_or(String::new(), |span| {
            let (line, column) = span.line_column(text);
            format!(":{line}:{column}")
        });
        format!("{name}{place}: {} [{}]", fault.message, fault.code)
    };
    faults.iter().map(line).collect::<Vec<_>>().join("\n")
}
