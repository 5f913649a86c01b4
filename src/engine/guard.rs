//! Starts programs so that none outlives the build: each in a group of its own, with the reaper told of it (R25).

use crate::engine::command::REAPER_LOCK;
use crate::engine::errand::mark;
use crate::engine::error::EngineError;
use crate::engine::options::Options;
use crate::world::World;
use crate::world::process::{Program, Running, start};
use crate::world::reaper::Reaper;
use crate::world::strays::{MARK, adopt};
use std::io;
use std::path::{Path, PathBuf};

/// All that starts programs in a build.
pub struct Guard {
    reaper: Option<Reaper>,
    reaper_program: Option<PathBuf>,
    /// The mark of this very build, if it runs in a command of another.
    outer_mark: Option<String>,
    /// What the reaper holds.
    lock: PathBuf,
}

impl Guard {
    /// Starts nothing yet; `dir` is the state folder.
    pub fn new(dir: &Path, world: &World, options: &Options) -> Guard {
        Guard {
            reaper: None,
            reaper_program: options.reaper.clone(),
            outer_mark: world.env.get(MARK).map(str::to_owned),
            lock: dir.join(REAPER_LOCK),
        }
    }

    /// Returns the mark for the processes of what is called `name`.
    pub fn mark(&self, root: &Path, name: &str) -> String {
        mark(self.outer_mark.as_deref(), root, name)
    }

    /// Starts a program; the inner error is its own.
    pub fn start(&mut self, program: &Program) -> Result<io::Result<Running>, EngineError> {
        if let (None, Some(reaper)) = (&self.reaper, &self.reaper_program) {
            // A program that has a reaper is a build and nothing else: all its descendants are its own to end.
            adopt();
            let reaper = Reaper::start(reaper, &self.lock, self.outer_mark.as_deref());
            self.reaper = Some(reaper.map_err(|source| EngineError::Process { what: "the reaper".into(), source })?);
        }
        // A reaper that has died is no reason to lose the work: it only guards against our own death.
        if let Some(reaper) = &mut self.reaper {
            reaper.expect(program.env.get(MARK).map_or("", String::as_str)).ok();
        }
        let running = start(program);
        if let Some(reaper) = &mut self.reaper {
            reaper.watch(running.as_ref().ok().map(|running| running.group)).ok();
        }
        Ok(running)
    }

    /// Takes note that a group is gone.
    pub fn ended(&mut self, group: u32) {
        if let Some(reaper) = &mut self.reaper {
            reaper.forget(group).ok();
        }
    }
}
