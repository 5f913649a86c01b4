//! Pieces of a Storyfile that point at this server.

use super::vendor::Vendor;
use std::fmt;

/// The variables that the providers below ask for, and keys that a test can look for.
pub const KEYS: [(&str, &str); 4] = [
    ("TEST_OPENAI_KEY", "sk-CANARY-openai-0f1e2d3c4b5a"),
    ("TEST_ANTHROPIC_KEY", "sk-ant-CANARY-0f1e2d3c4b5a"),
    ("TEST_GEMINI_KEY", "AIza-CANARY-gemini-0f1e2d3c4b5a"),
    ("TEST_ELEVENLABS_KEY", "sk_CANARY_elevenlabs_0f1e2d3c4b5a"),
];

/// A voice that the server has.
pub const VOICE: &str = "21m00Tcm4TlvDq8ikWAM";

/// The `providers:` of a Storyfile, as one line of YAML.
#[derive(Clone, Debug)]
pub struct Providers(Vec<Provider>);

#[derive(Clone, Debug)]
struct Provider {
    name: String,
    fields: Vec<String>,
}

impl Providers {
    /// Adds the providers of another.
    pub fn and(mut self, more: Providers) -> Providers {
        self.0.extend(more.0);
        self
    }

    /// Adds a field to the last provider: `max_concurrency: 2`.
    pub fn with(mut self, field: &str) -> Providers {
        self.0.iter_mut().next_back().expect("there is a provider").fields.push(field.to_owned());
        self
    }

    fn one(name: &str, kind: &str, url: &str) -> Providers {
        let fields = vec![format!("type: {kind}"), format!("base_url: \"{url}\"")];
        Providers(vec![Provider { name: name.to_owned(), fields }])
    }
}

impl fmt::Display for Providers {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let one = |provider: &Provider| format!("{}: {{ {} }}", provider.name, provider.fields.join(", "));
        write!(out, "providers: {{ {} }}", self.0.iter().map(one).collect::<Vec<_>>().join(", "))
    }
}

impl Vendor {
    /// OpenAI, or whatever speaks as it does.
    pub fn openai(&self, name: &str) -> Providers {
        self.openai_of(name, "gpt-4o-mini")
    }

    /// The same with a model that speaks or hears: `tts-1`, `whisper-1`.
    pub fn openai_of(&self, name: &str, model: &str) -> Providers {
        let one = Providers::one(name, "openai", &self.url("/openai/v1"));
        one.with(&format!("model: {model}")).with("api_key: \"${TEST_OPENAI_KEY}\"")
    }

    pub fn anthropic(&self, name: &str) -> Providers {
        let one = Providers::one(name, "anthropic", &self.url("/anthropic"));
        one.with("model: claude-haiku-4-5").with("api_key: \"${TEST_ANTHROPIC_KEY}\"")
    }

    pub fn gemini(&self, name: &str) -> Providers {
        let one = Providers::one(name, "gemini", &self.url("/gemini"));
        one.with("model: gemini-2.5-flash").with("api_key: \"${TEST_GEMINI_KEY}\"")
    }

    pub fn elevenlabs(&self, name: &str) -> Providers {
        let one = Providers::one(name, "elevenlabs", &self.url("/elevenlabs"));
        one.with("model: eleven_multilingual_v2").with("api_key: \"${TEST_ELEVENLABS_KEY}\"")
    }

    /// A service for `uses: http`: `url: /echo` answers with what it was asked.
    pub fn http(&self, name: &str) -> Providers {
        Providers::one(name, "http", &self.url("")).with("api_key: \"${TEST_OPENAI_KEY}\"")
    }
}
