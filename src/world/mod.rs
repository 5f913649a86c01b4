//! The only doors outside: disk, processes, network, environment and clock.

pub mod call;
pub mod clock;
pub mod disk;
pub mod env;
pub mod http;
pub mod lock;
pub mod process;
pub mod real;
pub mod reaper;
pub mod signals;
pub mod strays;

use std::path::Path;
use std::sync::Arc;

/// The doors that a session was opened with. Cheap to clone.
#[derive(Clone)]
pub struct World {
    pub disk: Arc<dyn disk::Disk>,
    pub env: Arc<env::Environment>,
    pub clock: Arc<dyn clock::Clock>,
}

impl World {
    /// Returns the real world: this machine's disk, environment and clock.
    pub fn real() -> World {
        World {
            disk: Arc::new(real::RealDisk),
            env: Arc::new(env::Environment::of_this_process()),
            clock: Arc::new(clock::SystemClock::default()),
        }
    }

    /// Tells whether a program of this name is on `PATH`, as a shell would find it.
    pub fn has_program(&self, name: &str) -> bool {
        let folders = std::env::split_paths(self.env.get("PATH").unwrap_or_default());
        let is_program = |place: &Path| {
            self.disk.stat_following(place).is_ok_and(|stat| stat.sort == disk::Sort::File && stat.executable)
        };
        let names = [name.to_owned(), format!("{name}{}", std::env::consts::EXE_SUFFIX)];
        // Commands start in the repo, and a folder of `PATH` that is relative would lie there: no place for programs.
        folders
            .filter(|folder| folder.is_absolute())
            .any(|folder| names.iter().any(|name| is_program(&folder.join(name))))
    }
}
