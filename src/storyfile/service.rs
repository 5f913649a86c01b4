//! Services on the network as a Storyfile declares them: where they are, how they are spoken to, and what they may cost.

use crate::base::address::Address;
use crate::base::money::{Budget, Price};
use crate::base::span::Span;
use crate::storyfile::story::Selector;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// A declared provider, of a type that this version has.
#[derive(Clone, Debug, PartialEq)]
pub enum Provider {
    /// The built-in writer.
    Local,
    /// The built-in voice.
    LocalVoice,
    Service(Box<Service>),
    /// Answers that stand in the repo, for trying a Storyfile out.
    Scripted(Box<Scripted>),
}

/// Answers that stand in the repo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scripted {
    /// A file, or a folder, which is written `dir/`.
    pub answers: Selector,
    /// Whom it plays; part of keys, as a service's is.
    pub model: Option<String>,
    /// What its answers would cost; `None`: nothing.
    pub price: Option<Price>,
}

/// Where a service is and what it is told with every call.
#[derive(Clone, Debug, PartialEq)]
pub struct Service {
    pub api: ServiceApi,
    pub base: Address,
    /// Where the file says so; for a vendor's own address, where its key stands.
    pub place: Span,
    /// Who answers; `None` for `http`, which has none.
    pub model: Option<String>,
    /// Sent as the service's own header for keys.
    pub api_key: Option<SecretText>,
    /// By their names in lower case.
    pub headers: BTreeMap<String, SecretText>,
    pub limits: Limits,
    /// Of one call.
    pub timeout: Option<Duration>,
    /// Stands in keys in the place of what storygen finds.
    pub identity: Option<String>,
    /// `None`: the user has said nothing.
    pub price: Option<Price>,
    pub budget: Option<Budget>,
    /// Providers that are asked in its place when it is out of order.
    pub fallback: Vec<String>,
    /// What shapes its answers: defaults for the `with:` of stages that use it, as they are written.
    pub with: Map<String, Value>,
}

/// How a service is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServiceApi {
    Http,
    OpenAi,
    Anthropic,
    Gemini,
    ElevenLabs,
}

/// How much a service is asked at a time. `None`: as much as it takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    pub max_concurrency: Option<u32>,
    pub requests_per_minute: Option<u32>,
    pub tokens_per_minute: Option<u64>,
}

/// A text with secrets in it: their names only, until the call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretText {
    pub pieces: Vec<SecretPiece>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretPiece {
    Literal(String),
    /// An environment variable.
    Variable(String),
}

impl Provider {
    /// Returns what it can do: `text`, `voice`, `transcription`, `http`.
    pub fn abilities(&self) -> &'static [&'static str] {
        match self {
            Provider::Local => &["text"],
            Provider::LocalVoice => &["voice"],
            Provider::Service(service) => service.api.abilities(),
            Provider::Scripted(_) => Scripted::ABILITIES,
        }
    }

    /// Returns what its work costs; `None` if nobody has said it.
    pub fn price(&self) -> Option<&Price> {
        match self {
            Provider::Local | Provider::LocalVoice => Some(&Price::Free),
            Provider::Service(service) => service.price.as_ref(),
            Provider::Scripted(scripted) => Some(scripted.price.as_ref().unwrap_or(&Price::Free)),
        }
    }

    /// Returns those who are asked in its place when it is out of order.
    pub fn fallback(&self) -> &[String] {
        match self {
            Provider::Service(service) => &service.fallback,
            _ => &[],
        }
    }

    /// Returns what it says of its answers, as it is written; nothing unless it is a service.
    pub fn with(&self) -> Map<String, Value> {
        match self {
            Provider::Service(service) => service.with.clone(),
            _ => Map::new(),
        }
    }
}

impl Scripted {
    /// All that anybody can do: which answers it holds is known once its file is read.
    pub const ABILITIES: &[&str] = &["text", "voice", "transcription", "http"];
}

impl ServiceApi {
    pub const VENDORS: [ServiceApi; 4] =
        [ServiceApi::OpenAi, ServiceApi::Anthropic, ServiceApi::Gemini, ServiceApi::ElevenLabs];

    /// Returns its name, as `type:` says it.
    pub fn name(self) -> &'static str {
        match self {
            ServiceApi::Http => "http",
            ServiceApi::OpenAi => "openai",
            ServiceApi::Anthropic => "anthropic",
            ServiceApi::Gemini => "gemini",
            ServiceApi::ElevenLabs => "elevenlabs",
        }
    }

    /// Returns the vendor's own address, where its API is; `None` where there is no vendor.
    pub fn vendor_url(self) -> Option<&'static str> {
        match self {
            ServiceApi::Http => None,
            ServiceApi::OpenAi => Some("https://api.openai.com/v1"),
            ServiceApi::Anthropic => Some("https://api.anthropic.com"),
            ServiceApi::Gemini => Some("https://generativelanguage.googleapis.com"),
            ServiceApi::ElevenLabs => Some("https://api.elevenlabs.io"),
        }
    }

    /// Returns the variable in which its key is usually kept; `None` where there is no vendor.
    pub fn key_variable(self) -> Option<&'static str> {
        match self {
            ServiceApi::Http => None,
            ServiceApi::OpenAi => Some("OPENAI_API_KEY"),
            ServiceApi::Anthropic => Some("ANTHROPIC_API_KEY"),
            ServiceApi::Gemini => Some("GEMINI_API_KEY"),
            ServiceApi::ElevenLabs => Some("ELEVENLABS_API_KEY"),
        }
    }

    /// Returns what it can do: `text`, `voice`, `transcription`, `http`.
    pub fn abilities(self) -> &'static [&'static str] {
        match self {
            ServiceApi::Http => &["http"],
            ServiceApi::OpenAi => &["text", "voice", "transcription"],
            ServiceApi::Anthropic | ServiceApi::Gemini => &["text"],
            ServiceApi::ElevenLabs => &["voice"],
        }
    }
}

impl Service {
    /// Returns the variables whose values it is told.
    pub fn variables(&self) -> BTreeSet<String> {
        let pieces = self.api_key.iter().chain(self.headers.values()).flat_map(|text| &text.pieces);
        let named = pieces.filter_map(|piece| match piece {
            SecretPiece::Variable(name) => Some(name.clone()),
            SecretPiece::Literal(_) => None,
        });
        named.collect()
    }

    /// Returns a service that is told nothing but where it is.
    pub fn at(api: ServiceApi, base: Address) -> Service {
        Service {
            api,
            base,
            place: Span::default(),
            model: None,
            api_key: None,
            headers: BTreeMap::new(),
            limits: Limits::default(),
            timeout: None,
            identity: None,
            price: None,
            budget: None,
            fallback: Vec::new(),
            with: Map::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_vendor_has_an_address_that_can_be_called_and_a_variable_for_its_key() {
        for api in ServiceApi::VENDORS {
            assert!(api.vendor_url().is_some_and(|url| Address::parse(url).is_ok()), "{}", api.name());
            assert!(api.key_variable().is_some());
        }
    }
}
