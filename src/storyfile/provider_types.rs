//! Which types of providers there are, and which keys each takes: the tables of the loader and of the schema.

use crate::storyfile::service::{Scripted, ServiceApi};

/// What `type:` of a provider says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProviderType {
    Local,
    LocalVoice,
    Service(ServiceApi),
    Scripted,
}

/// Keys of every service.
const SERVICE: [&str; 10] =
    ["base_url", "api_key", "headers", "max_concurrency", "rate", "timeout", "identity", "price", "budget", "fallback"];

/// What shapes texts: defaults for the settings of stages.
const TEXT: [&str; 6] = ["temperature", "max_tokens", "seed", "stop", "system", "extra"];

/// What shapes voices.
const VOICE: [&str; 5] = ["voice", "language", "speed", "seed", "settings"];

/// What is priced of texts, of voices and of transcriptions.
const TEXT_PRICES: [&str; 3] = ["input", "cached_input", "output"];
const VOICE_PRICES: [&str; 2] = ["characters", "minute"];
const TRANSCRIPTION_PRICES: [&str; 1] = ["minute"];

impl ProviderType {
    pub const ALL: [ProviderType; 8] = [
        ProviderType::Local,
        ProviderType::LocalVoice,
        ProviderType::Service(ServiceApi::OpenAi),
        ProviderType::Service(ServiceApi::Anthropic),
        ProviderType::Service(ServiceApi::Gemini),
        ProviderType::Service(ServiceApi::ElevenLabs),
        ProviderType::Service(ServiceApi::Http),
        ProviderType::Scripted,
    ];

    /// Finds a type by its name.
    pub fn named(name: &str) -> Option<ProviderType> {
        ProviderType::ALL.into_iter().find(|sort| sort.name() == name)
    }

    /// Returns its name, as `type:` says it.
    pub fn name(self) -> &'static str {
        match self {
            ProviderType::Local => "local",
            ProviderType::LocalVoice => "local-voice",
            ProviderType::Service(api) => api.name(),
            ProviderType::Scripted => "scripted",
        }
    }

    /// Returns the keys that it takes beside `type`.
    pub fn keys(self) -> Vec<&'static str> {
        let mut keys = match self {
            ProviderType::Local | ProviderType::LocalVoice => Vec::new(),
            ProviderType::Service(ServiceApi::Http) => SERVICE.to_vec(),
            ProviderType::Service(api) => {
                let own: &[&str] = if api == ServiceApi::OpenAi { &["organization", "project"] } else { &[] };
                [&["model"], &SERVICE[..], own].concat()
            }
            // Those of every service: a profile turns one into a script by its `type` and `answers` alone.
            ProviderType::Scripted => [&["model", "answers"], &SERVICE[..], &["organization", "project"]].concat(),
        };
        keys.extend(self.shaping());
        keys
    }

    /// Returns the keys without which it is none.
    pub fn required(self) -> &'static [&'static str] {
        match self {
            ProviderType::Local | ProviderType::LocalVoice => &[],
            ProviderType::Service(ServiceApi::Http) => &["base_url"],
            ProviderType::Service(_) => &["model"],
            ProviderType::Scripted => &["answers"],
        }
    }

    /// Returns the keys that shape its answers: defaults for the `with:` of the stages that it works for.
    pub fn shaping(self) -> Vec<&'static str> {
        self.of_abilities(|ability| match ability {
            "text" => &TEXT,
            "voice" => &VOICE,
            _ => &[],
        })
    }

    /// Returns what its price list may name.
    pub fn priced(self) -> Vec<&'static str> {
        let mut keys = self.of_abilities(|ability| match ability {
            "text" => &TEXT_PRICES,
            "voice" => &VOICE_PRICES,
            "transcription" => &TRANSCRIPTION_PRICES,
            _ => &[],
        });
        if !matches!(self, ProviderType::Local | ProviderType::LocalVoice) {
            keys.push("call");
        }
        keys
    }

    /// Returns the keys of all its abilities, each once. What is built in has none to set.
    fn of_abilities(self, keys_of: impl Fn(&str) -> &'static [&'static str]) -> Vec<&'static str> {
        let abilities = match self {
            ProviderType::Local | ProviderType::LocalVoice => return Vec::new(),
            ProviderType::Service(api) => api.abilities(),
            ProviderType::Scripted => Scripted::ABILITIES,
        };
        let mut keys = Vec::new();
        for key in abilities.iter().flat_map(|ability| keys_of(ability)) {
            if !keys.contains(key) {
                keys.push(*key);
            }
        }
        keys
    }
}

/// Returns every key of any type, `type` among them.
pub fn all_keys() -> Vec<&'static str> {
    let mut keys = vec!["type"];
    for key in ProviderType::ALL.into_iter().flat_map(ProviderType::keys) {
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_is_found_by_its_name() {
        for sort in ProviderType::ALL {
            assert_eq!(ProviderType::named(sort.name()), Some(sort));
        }
        assert_eq!(ProviderType::named("opanai"), None);
    }

    #[test]
    fn no_type_has_a_key_twice() {
        for sort in ProviderType::ALL {
            let keys = sort.keys();
            assert!(keys.iter().all(|key| keys.iter().filter(|other| *other == key).count() == 1), "{keys:?}");
            assert!(sort.required().iter().chain(&sort.shaping()).all(|key| keys.contains(key)), "{keys:?}");
        }
        assert!(all_keys().contains(&"organization") && all_keys().contains(&"answers"));
    }
}
