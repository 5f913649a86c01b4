//! Programs of the user's as kinds: what is said to them and what they answer (`docs/programs.md`). Pure: who starts them
//! is the engine.
//!
//! One process a request: its word is the program's argument (`describe`, `perform`), the request itself is one line of
//! JSON on its standard input ([`message`]). It answers in lines of JSON on its standard output, which [`talk`] hears.
//! What it takes it says in its [`description`].

pub mod description;
pub mod message;
pub mod talk;
