//! Who does paid work: writers of text and voices.

pub mod api;
pub mod chat;
pub mod local;
pub mod speech;
pub mod weights;

use crate::base::failure::{Cause, Failure};
use crate::provider::weights::Weights;
use crate::storyfile::service::Provider;
use crate::world::env::Environment;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The providers of a session, by the names that a Storyfile gives them.
#[derive(Clone, Default)]
pub struct Providers {
    pub chats: BTreeMap<String, Arc<dyn chat::Chat>>,
    pub voices: BTreeMap<String, Arc<dyn speech::Speech>>,
    pub apis: BTreeMap<String, Arc<api::Api>>,
}

impl Providers {
    /// Joins the built-in providers with the names that a Storyfile gives them.
    pub fn join(
        named: &BTreeMap<String, Provider>,
        weights: &Arc<Weights>,
        environment: &Arc<Environment>,
    ) -> Providers {
        let mut providers = Providers::default();
        local::builtin::add(&mut providers, weights);
        for (name, provider) in named {
            match provider {
                Provider::Local => {
                    if let Some(chat) = providers.chats.get("local").cloned() {
                        providers.chats.insert(name.clone(), chat);
                    }
                }
                Provider::Service(service) => {
                    let api = api::Api::new(name, service, environment.clone());
                    providers.apis.insert(name.clone(), Arc::new(api));
                }
                // Nobody plays them yet: a stage that asks one fails as one whose provider is missing.
                Provider::Scripted(_) => {}
                Provider::LocalVoice => {
                    if let Some(voice) = providers.voices.get("local-voice").cloned() {
                        providers.voices.insert(name.clone(), voice);
                    }
                }
            }
        }
        providers
    }

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
