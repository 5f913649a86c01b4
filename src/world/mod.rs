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
}
