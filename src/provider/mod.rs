//! Who does paid work: writers of text, voices, and services of any kind.
//!
//! A request goes from its kind through the [`memory`] of requests: what is remembered is never asked again. What is not
//! waits at its service's [`gate`] for a turn, has its most reserved in the [`ledger`], and is sent by the [`api`]; what
//! came of it is read by the table of [`told`].

mod anthropic;
pub mod api;
mod body;
pub mod chat;
pub mod checkup;
mod complaint;
pub mod courier;
pub mod desk;
pub mod ears;
mod elevenlabs;
mod escape;
mod form;
mod gate;
mod gemini;
pub mod ledger;
mod limit;
pub mod local;
pub mod memory;
pub mod misfit;
mod openai;
mod openai_speech;
mod own;
pub mod quote;
mod redact;
mod respell;
pub mod script;
mod secrets;
pub mod speech;
pub mod tape;
mod told;
pub mod trust;
pub mod voice;
pub mod weights;
pub mod writer;

use crate::base::address::Address;
use crate::base::failure::{Cause, Failure};
use crate::provider::anthropic::Anthropic;
use crate::provider::api::Api;
use crate::provider::courier::Courier;
use crate::provider::ears::Ears;
use crate::provider::elevenlabs::ElevenLabs;
use crate::provider::gemini::Gemini;
use crate::provider::ledger::Ledger;
use crate::provider::openai::OpenAi;
use crate::provider::openai_speech::OpenAiSpeech;
use crate::provider::script::{Script, Shelf};
use crate::provider::tape::Tape;
use crate::provider::trust::Trust;
use crate::provider::voice::{SpeechApi, StandIn, Voice};
use crate::provider::weights::Weights;
use crate::provider::writer::{ChatApi, Writer};
use crate::storyfile::service::{Provider, Service, ServiceApi};
use crate::world::env::Environment;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The providers of a session, by the names that a Storyfile gives them.
#[derive(Clone, Default)]
pub struct Providers {
    pub chats: BTreeMap<String, Writer>,
    pub voices: BTreeMap<String, Voice>,
    pub ears: BTreeMap<String, Ears>,
    pub couriers: BTreeMap<String, Courier>,
    /// The services among them.
    pub apis: BTreeMap<String, Arc<Api>>,
    pub scripts: BTreeMap<String, Arc<Script>>,
    pub ledger: Arc<Ledger>,
    pub trust: Arc<Trust>,
    tape: Option<Arc<Tape>>,
}

impl Providers {
    /// Joins the built-in providers with the names that a Storyfile gives them.
    pub fn join(
        named: &BTreeMap<String, Provider>,
        weights: &Arc<Weights>,
        environment: &Arc<Environment>,
        shelf: &Shelf,
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
                Provider::LocalVoice => {
                    if let Some(voice) = providers.voices.get("local-voice").cloned() {
                        providers.voices.insert(name.clone(), voice);
                    }
                }
                Provider::Service(service) => {
                    let api = Api::new(name, service, environment.clone()).trusting(&providers.trust);
                    let api = Arc::new(api);
                    providers.serve(name, service, &api);
                }
                Provider::Scripted(scripted) => {
                    let script = Arc::new(Script::new(name, scripted, shelf.clone()));
                    providers.chats.insert(name.clone(), Writer::script(script.clone()));
                    providers.voices.insert(name.clone(), Voice::script(script.clone()));
                    providers.ears.insert(name.clone(), Ears::script(script.clone()));
                    providers.couriers.insert(name.clone(), Courier::script(script.clone()));
                    providers.scripts.insert(name.clone(), script);
                }
            }
        }
        providers.fall_back(named);
        providers
    }

    /// Adds what a service can do.
    fn serve(&mut self, name: &str, service: &Service, api: &Arc<Api>) {
        let model = service.model.clone().unwrap_or_default();
        let speaks: Option<Arc<dyn ChatApi>> = match service.api {
            ServiceApi::OpenAi => Some(Arc::new(OpenAi::new(&model, &service.base))),
            ServiceApi::Anthropic => Some(Arc::new(Anthropic::new(&model))),
            ServiceApi::Gemini => Some(Arc::new(Gemini::new(&model))),
            ServiceApi::Http | ServiceApi::ElevenLabs => None,
        };
        let tells: Option<Arc<dyn SpeechApi>> = match service.api {
            ServiceApi::OpenAi => Some(Arc::new(OpenAiSpeech::new(&model, &service.base))),
            ServiceApi::ElevenLabs => Some(Arc::new(ElevenLabs::new(&model))),
            ServiceApi::Http | ServiceApi::Anthropic | ServiceApi::Gemini => None,
        };
        if let Some(tells) = tells {
            self.voices.insert(name.to_owned(), Voice::service(api.clone(), tells));
        }
        if service.api == ServiceApi::OpenAi {
            self.ears.insert(name.to_owned(), Ears::service(api.clone(), &model));
        }
        if service.api == ServiceApi::Http {
            self.couriers.insert(name.to_owned(), Courier::service(api.clone()));
        }
        if let Some(speaks) = speaks {
            self.chats.insert(name.to_owned(), Writer::service(api.clone(), speaks));
        }
        self.apis.insert(name.to_owned(), api.clone());
    }

    /// Lets those that `fallback:` names answer in the place of a service that is out of order.
    fn fall_back(&mut self, named: &BTreeMap<String, Provider>) {
        let (firsts, voices) = (self.chats.clone(), self.voices.clone());
        for (name, provider) in named {
            let Provider::Service(service) = provider else { continue };
            for other in &service.fallback {
                if let (Some(writer), Some(other)) = (self.chats.get(name), firsts.get(other)) {
                    let both = writer.clone().or(other);
                    self.chats.insert(name.clone(), both);
                }
                if let (Some(voice), Some(stand_in)) = (self.voices.get(name), voices.get(other)) {
                    let with = named.get(other).map(Provider::with).unwrap_or_default();
                    let both = voice.clone().or(StandIn { name: other.clone(), voice: stand_in.clone(), with });
                    self.voices.insert(name.clone(), both);
                }
            }
        }
    }

    /// Lets no service be asked; `option` is what forbids it. What is remembered is still there.
    pub fn close(&self, option: &str) {
        for (name, api) in &self.apis {
            let failure =
                Failure::new(Cause::Setup, format!("`{option}` is given, and the provider `{name}` is a service"));
            api.gate()
                .stop(failure.hint(format!("Build without `{option}`, or with a profile that names providers here.")));
        }
    }

    /// Returns the same providers, with a tape that hears all that is asked and answered.
    pub fn on(&self, tape: &Arc<Tape>) -> Providers {
        let mut providers = self.clone();
        providers.chats.values_mut().for_each(|writer| *writer = writer.clone().on(tape));
        providers.voices.values_mut().for_each(|voice| *voice = voice.clone().on(tape));
        providers.ears.values_mut().for_each(|ears| *ears = ears.clone().on(tape));
        providers.couriers.values_mut().for_each(|courier| *courier = courier.clone().on(tape));
        providers.tape = Some(tape.clone());
        providers
    }

    /// Returns who calls an address that no provider has.
    pub fn open(&self, address: Address) -> Courier {
        let courier = Courier::open(address);
        self.tape.iter().fold(courier, Courier::on)
    }

    /// Returns the writer called `name`.
    pub fn chat(&self, name: &str) -> Result<&Writer, Failure> {
        self.chats.get(name).ok_or_else(|| missing("writes text", name, self.chats.keys()))
    }

    /// Returns who hears recordings and is called `name`.
    pub fn ears(&self, name: &str) -> Result<&Ears, Failure> {
        self.ears.get(name).ok_or_else(|| missing("hears recordings", name, self.ears.keys()))
    }

    /// Returns the voice called `name`.
    pub fn voice(&self, name: &str) -> Result<&Voice, Failure> {
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
