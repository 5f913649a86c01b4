//! How a build is to go about its work.

use std::path::PathBuf;

/// What the command line says beside what to build.
#[derive(Clone, Debug)]
pub struct Options {
    /// Commands and kinds at work at once; at least 1.
    pub jobs: u32,
    pub on_failure: OnFailure,
    /// This program's file, started again as the reaper, for a program that does nothing but build: it then ends all that
    /// its commands leave behind. Without it orphans live on.
    pub reaper: Option<PathBuf>,
}

/// What happens to the rest once an action failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFailure {
    /// Start nothing new, let what runs finish.
    Stop,
    /// Go on with all that does not depend on it.
    KeepGoing,
}
