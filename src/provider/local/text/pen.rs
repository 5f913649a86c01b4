//! The model's hand on a form: it writes lines, weighs options and picks digits after a label.

use super::super::edit::sentences::{is_finished, words};
use super::form::Pen;
use super::generate::{forbid, watch};
use super::model::{Model, Page};
use super::sampler::{Sampler, derived};
use super::schema::{Style, Text};
use crate::base::failure::Failure;
use tokio_util::sync::CancellationToken;

/// A line ends at the first sentence's end after this many words.
const LINE_WORDS: usize = 8;
/// How much likelier a word of the topic becomes while the line has none.
const PULL: f32 = 1.5;
/// And how much more with each attempt.
const PULL_STEP: f32 = 0.5;
/// Of an option, no more tokens than this are weighed.
const OPTION_TOKENS_MAX: usize = 8;

/// Writes into a form after what stands on `page`.
pub struct ModelPen<'a> {
    model: &'a Model,
    /// All lines so far; the next label follows.
    page: Page,
    /// The page with the label of the field being tried.
    open: Option<(String, Page)>,
    seed: u64,
    temperature: f64,
    /// How many fields were filled.
    field: u64,
    /// The answers so far: they are not to be repeated.
    answers: Vec<u32>,
    /// Words of what the form is about; a line is drawn to them until it has one.
    topic: Vec<u32>,
    /// How many tokens were drawn.
    pub drawn: usize,
    cancel: &'a CancellationToken,
}

impl<'a> ModelPen<'a> {
    pub fn new(
        model: &'a Model,
        page: Page,
        seed: u64,
        temperature: f64,
        cancel: &'a CancellationToken,
    ) -> ModelPen<'a> {
        ModelPen {
            topic: Vec::new(),
            model,
            page,
            open: None,
            seed,
            temperature,
            field: 0,
            answers: Vec::new(),
            drawn: 0,
            cancel,
        }
    }

    /// Makes the lines be about the words of `topic`.
    pub fn about(mut self, topic: &[String]) -> Result<ModelPen<'a>, Failure> {
        for word in topic {
            let mut rest = word.chars();
            let capital: String = rest.next().into_iter().flat_map(char::to_uppercase).chain(rest).collect();
            for form in [format!(" {word}"), format!(" {capital}")] {
                self.topic.extend(self.model.tokens(&form)?.first());
            }
        }
        Ok(self)
    }

    fn opened(&mut self, label: &str) -> Result<Page, Failure> {
        watch(self.cancel)?;
        if let Some((known, page)) = &self.open
            && known == label
        {
            return Ok(page.clone());
        }
        let mut page = self.page.clone();
        page.read(&self.model.tokens(&format!("{label}:"))?)?;
        self.open = Some((label.to_owned(), page.clone()));
        Ok(page)
    }

    fn sampler(&self, attempt: u32) -> Sampler {
        Sampler::new(derived(derived(self.seed, self.field), u64::from(attempt)), self.temperature)
    }

    fn weight(&mut self, page: &Page, option: &str) -> Result<f64, Failure> {
        let mut page = page.clone();
        let mut total = 0.0;
        let tokens = self.model.tokens(&format!(" {option}"))?;
        let considered = &tokens[..tokens.len().min(OPTION_TOKENS_MAX)];
        for (at, token) in considered.iter().enumerate() {
            total += page.log_likelihood(*token);
            if at + 1 < considered.len() {
                page.read(&[*token])?;
            }
        }
        Ok(total)
    }
}

impl Pen for ModelPen<'_> {
    fn line(&mut self, label: &str, text: &Text, attempt: u32) -> Result<String, Failure> {
        let mut page = self.opened(label)?;
        let mut sampler = self.sampler(attempt);
        let bound = (text.chars_max / 3).clamp(6, text.chars_min / 2 + 60);
        let mut written = self.answers.clone();
        let from = written.len();
        let mut line = String::new();
        while written.len() - from < bound {
            watch(self.cancel)?;
            let mut logits = page.logits.clone();
            forbid(&mut logits, self.model.specials());
            if line.trim().chars().count() < text.chars_min {
                forbid(&mut logits, self.model.newlines());
                forbid(&mut logits, &[self.model.end()]);
            }
            if !written[from..].iter().any(|token| self.topic.contains(token)) {
                for token in &self.topic {
                    logits[*token as usize] += PULL + PULL_STEP * attempt as f32;
                }
            }
            let token = sampler.draw(&mut logits, &written);
            self.drawn += 1;
            if token == self.model.end() || self.model.newlines().contains(&token) {
                break;
            }
            written.push(token);
            line = self.model.text(&written[from..])?;
            let long = line.chars().count() >= text.chars_min && words(&line).len() >= LINE_WORDS;
            if text.style == Style::Line && long && is_finished(&line) {
                break;
            }
            page.read(&[token])?;
        }
        Ok(line)
    }

    fn choose(&mut self, label: &str, options: &[String]) -> Result<usize, Failure> {
        let page = self.opened(label)?;
        let mut weights: Vec<(u32, f32)> = Vec::with_capacity(options.len());
        for (at, option) in (0u32..).zip(options) {
            watch(self.cancel)?;
            weights.push((at, self.weight(&page, option)? as f32));
        }
        weights.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        Ok(self.sampler(0).pick(&weights) as usize)
    }

    /// Digit by digit; a digit is allowed while some number of the range begins so.
    fn whole(&mut self, label: &str, from: i64, to: i64) -> Result<i64, Failure> {
        let label = format!("{label}, from {from} to {to}");
        let mut page = self.opened(&label)?;
        let mut sampler = self.sampler(0);
        page.read(&self.model.tokens(" ")?)?;
        let mut written = String::new();
        loop {
            watch(self.cancel)?;
            let mut choices: Vec<(char, f32)> = Vec::new();
            for mark in "-0123456789".chars().filter(|mark| can_begin(&format!("{written}{mark}"), from, to)) {
                let token = self.model.tokens(&mark.to_string())?;
                choices.extend(token.first().map(|token| (mark, page.logits[*token as usize])));
            }
            if written.parse::<i64>().is_ok_and(|value| (from..=to).contains(&value)) {
                let end = self.model.newlines().iter().map(|token| page.logits[*token as usize]);
                choices.push(('\n', end.fold(f32::NEG_INFINITY, f32::max)));
            }
            choices.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
            let weights: Vec<(u32, f32)> = (0u32..).zip(choices.iter().map(|(_, logit)| *logit)).collect();
            let mark = choices.get(sampler.pick(&weights) as usize).map_or('\n', |(mark, _)| *mark);
            self.drawn += 1;
            if mark == '\n' {
                return Ok(written.parse().unwrap_or(from));
            }
            written.push(mark);
            page.read(&self.model.tokens(&mark.to_string())?)?;
        }
    }

    fn keep(&mut self, label: &str, value: &str) -> Result<(), Failure> {
        let answer = self.model.tokens(&format!(" {value}"))?;
        self.page.read(&self.model.tokens(&format!("{label}: {value}\n"))?)?;
        self.answers.extend(answer);
        self.open = None;
        self.field += 1;
        Ok(())
    }
}

/// Tells whether some number from `from` to `to` is written with `start` first, without idle noughts.
fn can_begin(start: &str, from: i64, to: i64) -> bool {
    let (digits, low, high) = match start.strip_prefix('-') {
        // The range's negative part, turned round.
        Some(digits) => (digits, (-i128::from(to)).max(1), -i128::from(from)),
        None => (start, i128::from(from).max(0), i128::from(to)),
    };
    if low > high || digits.len() > 19 || (digits.len() > 1 && digits.starts_with('0')) {
        return false;
    }
    let Ok(first) = digits.parse::<i128>() else { return digits.is_empty() };
    if first == 0 {
        return low == 0 && !start.starts_with('-');
    }
    let mut scale = 1i128;
    while first * scale <= high {
        if first * scale + scale > low {
            return true;
        }
        scale *= 10;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_start_is_allowed_while_a_number_begins_so() {
        assert!(can_begin("1", 10, 19) && !can_begin("2", 10, 19));
        assert!(can_begin("-", -5, 5) && !can_begin("-", 0, 5) && !can_begin("-0", -5, 5));
        assert!(can_begin("0", 0, 5) && !can_begin("0", 1, 5) && !can_begin("05", 0, 99));
    }

    proptest! {
        #[test]
        fn exactly_the_starts_of_numbers_are_allowed(from in -200i64..200, span in 0i64..300, start in "-?[0-9]{1,3}") {
            let to = from + span;
            let begins = (from..=to).any(|value| value.to_string().starts_with(&start));
            prop_assert_eq!(can_begin(&start, from, to), begins);
        }
    }
}
