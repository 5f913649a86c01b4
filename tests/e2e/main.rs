//! The program end to end: each test makes a repo, runs the real binary in it, and looks at what ran and what stands.

#![cfg(unix)]

mod advice;
mod answers;
mod batch;
mod checks;
mod cost;
mod cutoff;
mod depfile;
mod dotenv;
mod edits;
mod exits;
mod export;
mod failures;
mod fans;
mod faults;
mod flags;
mod folders;
mod hooks;
mod http;
mod includes;
mod interactive;
mod kills;
mod lost;
mod model;
mod names;
mod params;
mod parts;
mod person;
mod profiles;
mod programs;
mod quiet;
mod race;
mod scripted;
mod signals;
mod space;
mod stages;
mod strays;
mod tamper;
mod templates;
mod trust;
mod when;
