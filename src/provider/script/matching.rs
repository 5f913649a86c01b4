//! Decides which entry answers a request. Pure.

use super::Placed;
use crate::base::digest::Digest;
use crate::provider::memory::Variant;
use crate::storyfile::answers::{Asks, Entry, Sort};
use std::borrow::Cow;

/// A request as entries see it.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Of its content.
    pub request: Digest,
    pub words: Words<'a>,
    pub variant: Variant,
    pub stage: &'a str,
    /// The instance of the stage.
    pub action: &'a str,
}

/// The words of a request.
#[derive(Clone, Copy, Debug)]
pub enum Words<'a> {
    Chat { prompt: &'a str, system: Option<&'a str> },
    Speech { text: &'a str },
    Call { method: &'a str, url: &'a str, body: &'a str },
    Hearing { file: &'a str },
}

impl<'a> Words<'a> {
    /// Returns what an answer must be of.
    pub fn sort(&self) -> Sort {
        match self {
            Words::Chat { .. } => Sort::Text,
            Words::Speech { .. } => Sort::Speech,
            Words::Call { .. } => Sort::Call,
            Words::Hearing { .. } => Sort::Hearing,
        }
    }

    /// Returns what is asked, as a person reads it: a recording keeps it as `asked`.
    pub fn told(&self) -> Cow<'a, str> {
        match *self {
            Words::Chat { prompt, .. } => prompt.into(),
            Words::Speech { text } => text.into(),
            Words::Call { method, url, body: "" } => format!("{method} {url}").into(),
            Words::Call { method, url, body } => format!("{method} {url} {body}").into(),
            Words::Hearing { file } => file.into(),
        }
    }

    /// Returns the text in which a piece is looked for, by its key in `match`.
    fn text(&self, key: &str) -> &'a str {
        match (*self, key) {
            (Words::Chat { prompt, .. }, "prompt") => prompt,
            (Words::Chat { system, .. }, "system") => system.unwrap_or_default(),
            (Words::Speech { text }, "text") => text,
            (Words::Call { url, .. }, "url") => url,
            (Words::Call { body, .. }, "body") => body,
            (Words::Hearing { file }, "file") => file,
            _ => "",
        }
    }
}

/// Something that an entry says of the requests that it answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition<'a> {
    pub key: &'static str,
    pub value: String,
    pub holds: bool,
    /// The piece of text that is looked for.
    pub piece: Option<&'a str>,
}

/// Returns the entry that answers: the first that names this very request, else the first whose rules all hold.
pub fn choose<'e>(entries: &'e [Placed], asked: &Asked<'_>) -> Option<&'e Placed> {
    let answers = |placed: &&Placed| {
        suits(&placed.entry, asked) && conditions(&placed.entry.asks, asked).iter().all(|one| one.holds)
    };
    let (exact, rules): (Vec<&Placed>, Vec<&Placed>) =
        entries.iter().partition(|placed| placed.entry.asks.request.is_some());
    exact.into_iter().find(answers).or_else(|| rules.into_iter().find(answers))
}

/// Tells whether an entry is an answer of the sort that is asked for.
pub fn suits(entry: &Entry, asked: &Asked<'_>) -> bool {
    entry.sort().is_none_or(|sort| sort == asked.words.sort())
}

/// Returns all that an entry says of its requests, and whether it holds.
pub fn conditions<'a>(asks: &'a Asks, asked: &Asked<'_>) -> Vec<Condition<'a>> {
    let mut all = Vec::new();
    let mut add = |key, value: &dyn ToString, holds| {
        all.push(Condition { key, value: value.to_string(), holds, piece: None });
    };
    if let Some(request) = &asks.request {
        add("request", request, asked.request.to_string().starts_with(request.as_str()));
    }
    if let Some(stage) = &asks.stage {
        add("stage", stage, stage == asked.stage || stage == asked.action);
    }
    if let (Some(wanted), Words::Call { method, .. }) = (&asks.method, asked.words) {
        add("method", wanted, wanted == method);
    }
    let Variant { take, sample, attempt } = asked.variant;
    for (key, wanted, found) in
        [("take", asks.take, take), ("sample", asks.sample, sample + 1), ("repair", asks.repair, attempt)]
    {
        if let Some(wanted) = wanted {
            add(key, &wanted, wanted == found);
        }
    }
    all.extend(asks.pieces.iter().map(|(key, piece)| Condition {
        key,
        value: piece.clone(),
        holds: asked.words.text(key).contains(piece.as_str()),
        piece: Some(piece.as_str()),
    }));
    all
}

/// Returns which of several replies is meant, from 0: each further take, sample and repair moves one on.
pub fn nth(variant: Variant) -> usize {
    let Variant { take, sample, attempt } = variant;
    (take.saturating_sub(1) as usize) + sample as usize + attempt as usize
}
