//! The program end to end: each test makes a repo, runs the real binary in it, and looks at what ran and what stands.

#![cfg(unix)]

mod answers;
mod checks;
mod cutoff;
mod dotenv;
mod edits;
mod exits;
mod failures;
mod faults;
mod flags;
mod folders;
mod includes;
mod interactive;
mod kills;
mod lost;
mod model;
mod names;
mod params;
mod profiles;
mod quiet;
mod race;
mod signals;
mod space;
mod stages;
mod strays;
mod tamper;
mod templates;
