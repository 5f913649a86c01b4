//! Kills, I/O errors, races, full disks and flipped bits against the real program.
//!
//! Every test is seeded and bounded. `STORYGEN_SOAK=1` runs the same code over every point instead of a sample. What the
//! machine cannot do (no `strace`, no right to mount) is said in a line that starts with `skipped:`.

mod bitrot;
mod dice;
mod disk_full;
mod io_sweep;
mod kill_outside;
mod kill_sweep;
mod race;
mod repo;
mod stories;
mod strace;

/// Tells whether every point is to be tried, not a sample.
fn soak() -> bool {
    std::env::var_os("STORYGEN_SOAK").is_some_and(|value| value == "1")
}
