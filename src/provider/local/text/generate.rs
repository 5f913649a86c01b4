//! Writes one reply: token after token until it ends itself, meets a stop, is long enough, or is cut.

use super::super::edit::sentences::{is_finished, sentences, words};
use super::model::{Model, Page};
use super::sampler::Sampler;
use crate::base::failure::{Cause, Failure};
use tokio_util::sync::CancellationToken;

/// How long a text may be. All counts are of words and sentences.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// The writer may not end before this.
    pub words_min: usize,
    /// It ends at the first sentence's end after this.
    pub words_target: usize,
    /// A text longer than this is worse.
    pub words_max: usize,
    /// It ends after this many sentences.
    pub sentences_max: usize,
}

/// How a reply is to be written.
pub struct Bounds<'a> {
    pub tokens_max: usize,
    pub stops: &'a [String],
    pub extent: Extent,
}

/// A reply as it was written, untrimmed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    pub text: String,
    pub tokens: usize,
    pub end: End,
}

/// Why a draft ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// By itself, at a stop, or long enough.
    Whole,
    /// At the bound of tokens.
    Cut,
}

/// Writes a reply after `page`.
pub fn generate(
    model: &Model,
    mut page: Page,
    mut sampler: Sampler,
    bounds: &Bounds,
    cancel: &CancellationToken,
) -> Result<Draft, Failure> {
    let mut written: Vec<u32> = Vec::new();
    let mut text = String::new();
    while written.len() < bounds.tokens_max {
        watch(cancel)?;
        let mut logits = page.logits.clone();
        forbid(&mut logits, model.specials());
        if words(&text).len() < bounds.extent.words_min {
            forbid(&mut logits, &[model.end()]);
        }
        let token = sampler.draw(&mut logits, &written);
        if token == model.end() {
            return Ok(Draft { text, tokens: written.len(), end: End::Whole });
        }
        written.push(token);
        text = model.text(&written)?;
        if let Some(at) = bounds.stops.iter().filter(|stop| !stop.is_empty()).filter_map(|stop| text.find(stop)).min() {
            text.truncate(at);
            return Ok(Draft { text, tokens: written.len(), end: End::Whole });
        }
        if is_enough(&text, &bounds.extent) {
            return Ok(Draft { text, tokens: written.len(), end: End::Whole });
        }
        page.read(&[token])?;
    }
    Ok(Draft { text, tokens: written.len(), end: End::Cut })
}

/// Fails with [`Cause::Cancelled`] once `cancel` is set.
pub fn watch(cancel: &CancellationToken) -> Result<(), Failure> {
    if cancel.is_cancelled() { Err(Failure::new(Cause::Cancelled, "stopped while writing")) } else { Ok(()) }
}

/// Makes `tokens` impossible.
pub fn forbid(logits: &mut [f32], tokens: &[u32]) {
    for token in tokens {
        if let Some(logit) = logits.get_mut(*token as usize) {
            *logit = f32::NEG_INFINITY;
        }
    }
}

fn is_enough(text: &str, extent: &Extent) -> bool {
    // An open quote is still to be closed.
    let open = text.matches('"').count() % 2 == 1 || text.matches('“').count() > text.matches('”').count();
    if open || !is_finished(text) {
        return false;
    }
    let count = words(text).len();
    count >= extent.words_target || (count >= extent.words_min && sentences(text).len() >= extent.sentences_max)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXTENT: Extent = Extent { words_min: 2, words_target: 6, words_max: 9, sentences_max: 2 };

    #[test]
    fn a_text_is_enough_at_the_end_of_a_sentence_only() {
        assert!(!is_enough("One two three four five six seven", &EXTENT));
        assert!(is_enough("One two three four five six seven.", &EXTENT));
        assert!(is_enough("One two. Three four.", &EXTENT));
        assert!(!is_enough("\"One two three four five six seven.", &EXTENT));
    }
}
