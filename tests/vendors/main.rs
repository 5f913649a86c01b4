//! The vendors: a server that answers and fails as they do, and what storygen makes of it.

#![cfg(unix)]

mod canary;
mod fake;
mod hostile;
mod money;
mod proof;
// The repo of a test is the one of the tests end to end; not all that it can do is used here.
#[allow(dead_code)]
#[path = "../e2e/space.rs"]
mod space;
mod tls;
