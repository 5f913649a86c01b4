//! The vendors as houses: which paths are theirs, where they look for a key, and how they say no.

use super::answer::{Answer, Price, Problem};
use super::asked::Asked;
use super::fault::Refusal;
use super::{anthropic, elevenlabs, gemini, openai};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum House {
    OpenAi,
    Anthropic,
    Gemini,
    ElevenLabs,
    /// Nobody's: answers with what it was asked.
    Echo,
}

impl House {
    pub fn of(path: &str) -> House {
        match path.split('/').nth(1).unwrap_or_default() {
            "openai" => House::OpenAi,
            "anthropic" => House::Anthropic,
            "gemini" => House::Gemini,
            "elevenlabs" => House::ElevenLabs,
            _ => House::Echo,
        }
    }

    /// The key that a request brings, where this vendor looks for it.
    pub fn key(self, asked: &Asked) -> Option<&str> {
        match self {
            House::OpenAi | House::Echo => asked.header("authorization")?.strip_prefix("Bearer "),
            House::Anthropic => asked.header("x-api-key"),
            House::Gemini => asked.header("x-goog-api-key"),
            House::ElevenLabs => asked.header("xi-api-key"),
        }
    }

    /// The problem in this vendor's words.
    pub fn problem(self, problem: &Problem) -> Answer {
        let value = match self {
            House::OpenAi | House::Echo => openai::error(problem),
            House::Anthropic => anthropic::error(problem),
            House::Gemini => gemini::error(problem),
            House::ElevenLabs => elevenlabs::error(problem),
        };
        Answer::facts(problem.status, &value)
    }

    pub fn refusal(self, refusal: &Refusal) -> Problem {
        let typical = match self {
            House::OpenAi | House::Echo => openai::refusal,
            House::Anthropic => anthropic::refusal,
            House::Gemini => gemini::refusal,
            House::ElevenLabs => elevenlabs::refusal,
        };
        match refusal {
            Refusal::Exactly(problem) => problem.clone(),
            other => typical(other),
        }
    }

    /// What this vendor writes above each answer.
    pub fn headers(
        self,
        number: usize,
        in_flight: usize,
        in_flight_max: Option<usize>,
        price: Price,
    ) -> Vec<(&'static str, String)> {
        let id = format!("req-{number}");
        match self {
            House::OpenAi => vec![
                ("x-request-id", id),
                ("x-ratelimit-limit-requests", "500".to_owned()),
                ("x-ratelimit-remaining-requests", (500 - in_flight).to_string()),
                ("x-ratelimit-reset-requests", "120ms".to_owned()),
            ],
            House::Anthropic => vec![("request-id", id)],
            House::ElevenLabs => {
                let mut headers = vec![("request-id", id), ("current-concurrent-requests", in_flight.to_string())];
                headers.extend(in_flight_max.map(|most| ("maximum-concurrent-requests", most.to_string())));
                if let Price::Units(units) = price {
                    headers.push(("character-cost", units.to_string()));
                }
                headers
            }
            House::Gemini | House::Echo => Vec::new(),
        }
    }
}
