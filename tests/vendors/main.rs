//! The vendors: a server that answers and fails as they do, and what storygen makes of it.
//!
//! `STORYGEN_SOAK=1` makes the kills and the crowds long: more rounds of the same code.

#![cfg(unix)]

mod canary;
mod chats;
mod deaths;
mod ears;
mod estimate;
mod fake;
mod flagship;
mod hostile;
mod money;
mod proof;
mod providers;
mod recording;
mod voices;
// The repo of a test is the one of the tests end to end; not all that it can do is used here.
#[allow(dead_code)]
#[path = "../e2e/space.rs"]
mod space;
mod tls;

/// Whether the long variants of the tests are to run.
fn is_soak() -> bool {
    std::env::var_os("STORYGEN_SOAK").is_some_and(|value| value == "1")
}
