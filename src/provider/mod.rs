//! Who does paid work: writers of text and voices.

pub mod chat;
pub mod local;
pub mod speech;
pub mod weights;

use crate::base::failure::{Cause, Failure};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The providers of a session, by the names that a Storyfile gives them.
#[derive(Clone, Default)]
pub struct Providers {
    pub chats: BTreeMap<String, Arc<dyn chat::Chat>>,
    pub voices: BTreeMap<String, Arc<dyn speech::Speech>>,
}

impl Providers {
    /// Returns the writer called `name`.
    pub fn chat(&self, name: &str) -> Result<&Arc<dyn chat::Chat>, Failure> {
        self.chats.get(name).ok_or_else(|| missing("writes text", name, self.chats.keys()))
    }

    /// Returns the voice called `name`.
    pub fn voice(&self, name: &str) -> Result<&Arc<dyn speech::Speech>, Failure> {
        self.voices.get(name).ok_or_else(|| missing("speaks", name, self.voices.keys()))
    }
}

fn missing<'a>(what: &str, name: &str, there: impl Iterator<Item = &'a String>) -> Failure {
    let there: Vec<&str> = there.map(String::as_str).collect();
    let failure = Failure::new(Cause::Setup, format!("no provider `{name}` that {what}"));
    if there.is_empty() {
        failure.hint("This storygen was built without it: build it with its default features.")
    } else {
        failure.hint(format!("What {what} here: {}.", there.join(", ")))
    }
}
