//! Hands the arguments and the real world to [`storygen::cli::run`].

use std::process::ExitCode;
use storygen::world::World;

fn main() -> ExitCode {
    storygen::cli::run(std::env::args_os().collect(), World::real())
}
