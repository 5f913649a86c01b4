//! Writes a tale sentence by sentence: of some that may follow, the one that the rules like best.
//!
//! A small writer forgets its topic within a few sentences and never finds back. Choosing among whole drafts cannot help
//! it: all of them drift. Choosing each sentence can, for about the price of three drafts.

use super::super::edit::sentences::{is_finished, words};
use super::generate::{Bounds, Draft, End, forbid, watch};
use super::grade::{Aim, FINE, grade};
use super::model::{Model, Page};
use super::sampler::{Sampler, derived};
use super::topic::stem;
use crate::base::failure::Failure;
use tokio_util::sync::CancellationToken;

/// How many sentences are tried for the first one, and for each other.
const FIRST_TRIES: u64 = 8;
const TRIES: u64 = 4;
/// A sentence that has not ended after so many tokens never will.
const SENTENCE_TOKENS: usize = 48;
/// How much likelier a due word of the topic becomes, and how much more with each try; but only where it is not much
/// less likely than the likeliest: elsewhere it would not fit.
const PULL: f32 = 2.0;
const PULL_STEP: f32 = 0.7;
const PULL_REACH: f32 = 6.0;
/// First words of a tale told by "I". Left alone, the writer greets its listeners; begun so, it tells.
const OPENINGS: [&str; 4] = ["I was", "I had", "I remember", "I met"];

struct Sentence {
    text: String,
    tokens: Vec<u32>,
    page: Page,
    /// The reply ends behind it.
    last: bool,
}

/// Writes a tale after `page`. The same seed writes the same.
pub fn tell(
    model: &Model,
    mut page: Page,
    (seed, temperature): (u64, f64),
    aim: &Aim,
    bounds: &Bounds<'_>,
    cancel: &CancellationToken,
) -> Result<Draft, Failure> {
    let (mut text, mut written, mut drawn) = (String::new(), Vec::new(), 0);
    for nth in 0u64.. {
        let mut best: Option<(f64, Sentence)> = None;
        for attempt in 0..if nth == 0 { FIRST_TRIES } else { TRIES } {
            let sampler = Sampler::new(derived(derived(seed, nth), attempt), temperature);
            let opening = if nth == 0 && aim.own { OPENINGS[((seed + attempt) % 4) as usize] } else { "" };
            let try_of = Try { model, aim, bounds, tale: &text, written: &written, opening, attempt };
            let sentence = try_of.sentence(page.clone(), sampler, cancel)?;
            drawn += sentence.tokens.len();
            let grade = grade(sentence.text.trim(), &text, aim);
            if best.as_ref().is_none_or(|(least, _)| grade > *least) {
                best = Some((grade, sentence));
            }
            if grade >= FINE {
                break;
            }
        }
        let Some((_, sentence)) = best else { break };
        let unending = sentence.tokens.is_empty() || written.len() + sentence.tokens.len() > bounds.tokens_max;
        if unending {
            break;
        }
        text.push_str(&sentence.text);
        written.extend(sentence.tokens);
        page = sentence.page;
        if let Some(at) = bounds.stops.iter().filter(|stop| !stop.is_empty()).filter_map(|stop| text.find(stop)).min() {
            text.truncate(at);
            return Ok(Draft { text, tokens: drawn, end: End::Whole });
        }
        if sentence.last || words(&text).len() >= bounds.extent.words_target {
            return Ok(Draft { text, tokens: drawn, end: End::Whole });
        }
    }
    Ok(Draft { text, tokens: drawn, end: End::Cut })
}

struct Try<'a> {
    model: &'a Model,
    aim: &'a Aim,
    bounds: &'a Bounds<'a>,
    tale: &'a str,
    written: &'a [u32],
    opening: &'a str,
    attempt: u64,
}

impl Try<'_> {
    fn sentence(&self, mut page: Page, mut sampler: Sampler, cancel: &CancellationToken) -> Result<Sentence, Failure> {
        let model = self.model;
        let mut written = self.written.to_vec();
        let from = written.len();
        let due = self.due()?;
        let opening = model.tokens(self.opening)?;
        if !opening.is_empty() {
            page.read(&opening)?;
            written.extend(opening);
        }
        let mut text = self.opening.to_owned();
        while written.len() - from < SENTENCE_TOKENS {
            watch(cancel)?;
            let mut logits = page.logits.clone();
            forbid(&mut logits, model.specials());
            forbid(&mut logits, model.marks());
            if words(self.tale).len() + words(&text).len() < self.bounds.extent.words_min {
                forbid(&mut logits, &[model.end()]);
            }
            self.pull(&mut logits, &text, &due);
            let token = sampler.draw(&mut logits, &written);
            if token == model.end() {
                return Ok(Sentence { text, tokens: written.split_off(from), page, last: true });
            }
            written.push(token);
            text = model.text(&written[from..])?;
            page.read(&[token])?;
            let told = !text.trim().is_empty();
            let open = text.matches('"').count() % 2 == 1 || text.matches('“').count() > text.matches('”').count();
            let broken = model.newlines().contains(&token);
            if told && (broken || (is_finished(&text) && !open)) {
                break;
            }
        }
        Ok(Sentence { text, tokens: written.split_off(from), page, last: false })
    }

    /// Returns the words that are due, each with its first token, in the topic's order.
    fn due(&self) -> Result<Vec<(&str, u32)>, Failure> {
        let due = self.aim.due(self.tale).into_iter();
        let tokens = due.map(|word| Ok(self.model.tokens(&format!(" {word}"))?.first().map(|token| (word, *token))));
        Ok(tokens.collect::<Result<Vec<_>, Failure>>()?.into_iter().flatten().collect())
    }

    /// Makes the next word that is due likelier: all of them in the first sentence, later one of them.
    fn pull(&self, logits: &mut [f32], text: &str, due: &[(&str, u32)]) {
        let has = |word: &str| words(text).iter().any(|said| stem(said) == stem(word));
        let begun = due.iter().any(|(word, _)| has(word));
        if begun && !self.tale.is_empty() {
            return;
        }
        let next = due.iter().filter(|(word, _)| !has(word)).take(if self.tale.is_empty() { 1 } else { due.len() });
        let top = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        for (_, token) in next {
            if let Some(logit) = logits.get_mut(*token as usize).filter(|logit| **logit >= top - PULL_REACH) {
                *logit += PULL + PULL_STEP * self.attempt as f32;
            }
        }
    }
}
