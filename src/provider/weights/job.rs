//! One pull of one model: the folder it fills, the doors it may use, whom it tells.

use super::catalog::Model;
use super::event::PullEvent;
use super::fault::{Fault, OnDisk};
use crate::world::World;
use crate::world::disk::Disk;
use crate::world::http::Patience;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::runtime;
use tokio_util::sync::CancellationToken;

/// Progress is told this often over a whole pull, whatever its size.
const STEPS: u64 = 200;

/// A pull that goes on.
pub struct Job<'a> {
    pub model: &'a Model,
    pub world: &'a World,
    pub staging: PathBuf,
    pub patience: Patience,
    pub cancel: &'a CancellationToken,
    pub on: &'a (dyn Fn(PullEvent) + Send + Sync),
    /// The last progress told, in bytes; written by the pulling thread alone.
    pub told: AtomicU64,
}

impl Job<'_> {
    pub fn disk(&self) -> &dyn Disk {
        self.world.disk.as_ref()
    }

    pub fn tell(&self, event: PullEvent) {
        (self.on)(event);
    }

    /// Tells that bytes begin to come.
    pub fn started(&self, from: String, bytes: u64) {
        let Model { name, title, licence, .. } = *self.model;
        self.told.store(0, Ordering::Relaxed);
        self.tell(PullEvent::Started { model: name, title, from, bytes, licence });
    }

    /// Tells how far it is, unless that was told a moment ago.
    pub fn progress(&self, done: u64, total: u64) {
        let told = self.told.load(Ordering::Relaxed);
        if done >= told.saturating_add(total / STEPS) && done > told || (done == total && told != total) {
            self.told.store(done, Ordering::Relaxed);
            self.tell(PullEvent::Progress { model: self.model.name, done, total });
        }
    }

    /// Empties the folder of all that an earlier pull left, except what can be resumed.
    pub fn sweep(&self) -> Result<(), Fault> {
        let parts: Vec<PathBuf> = self.model.weights().map(|file| self.part(file.name)).collect();
        for entry in self.disk().list(&self.staging).on_disk("list", &self.staging)? {
            let path = self.staging.join(&entry.name);
            if !parts.contains(&path) {
                remove(self.disk(), &path)?;
            }
        }
        Ok(())
    }

    /// Returns where a file's bytes gather until all are there.
    pub fn part(&self, name: &str) -> PathBuf {
        self.staging.join(format!("{name}.part"))
    }
}

/// Removes a file or a folder, if it is there.
pub fn remove(disk: &dyn Disk, path: &Path) -> Result<(), Fault> {
    use crate::world::disk::Sort;
    let Ok(stat) = disk.stat(path) else { return Ok(()) };
    let removed = if stat.sort == Sort::Dir { disk.remove_tree(path) } else { disk.remove_file(path) };
    removed.on_disk("remove", path)
}

/// Runs `future` to its end on this thread, which must not be one that runs tasks.
pub fn wait<T>(future: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Fault::Source(format!("cannot start the network's loop: {error}")))?;
    let result = runtime.block_on(future);
    // Looking up a name cannot be cancelled; waiting for one that nobody answers would take longer than the pull.
    runtime.shutdown_background();
    result
}
