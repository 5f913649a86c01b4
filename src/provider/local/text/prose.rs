//! Writes a text: some drafts by different seeds, the best by rule kept and trimmed.
//!
//! A draft of 360 words is about 480 tokens, some ten seconds on one thread; at most [`DRAFTS`] are written, and fewer
//! where they are long or the first is good.

use super::super::edit::markup::{is_list, is_refusal, without_markup};
use super::super::edit::repeat::{without_loops, without_repeats};
use super::super::edit::sentences::{is_finished, paragraphs, sentences, up_to_last_sentence, words};
use super::super::edit::speech::parted;
use super::generate::{Bounds, Draft, End, Extent, generate};
use super::grade::{Aim, steps_out};
use super::model::{Model, Page, WINDOW};
use super::sampler::{Sampler, TEMPERATURE, derived};
use super::score::{FAULTY, GOOD, score};
use super::steer::tell;
use super::template::chat;
use super::topic::named;
use crate::base::failure::{Cause, Failure};
use crate::provider::chat::{ChatRequest, Finish};
use std::collections::BTreeSet;
use tokio_util::sync::CancellationToken;

/// At most this many drafts are written of one text.
pub const DRAFTS: usize = 3;
/// All drafts of one text together have about this many tokens: half a minute to a minute on one thread.
const TOKENS_OF_DRAFTS: usize = 2400;
/// A tale is chosen sentence by sentence: a second one is written only if the first is not good.
const TALES: usize = 2;
/// A text of fewer words is no tale yet.
const TALE_WORDS: usize = 30;
/// The least room that a prompt must leave for its reply, in tokens.
const REPLY_MIN: usize = 64;

/// A text and what it took.
#[derive(Clone, Debug, PartialEq)]
pub struct Written {
    pub text: String,
    pub finish: Finish,
    pub tokens_in: usize,
    pub tokens_out: usize,
    /// By [`score`].
    pub score: f64,
}

/// Writes the text that `request` asks for, without schema or edit.
///
/// A draft cut by `max_tokens` is trimmed to its last whole sentence; it counts as whole ([`Finish::Stop`]) if half of
/// the wanted words stand, or half of what was written where no length is named.
pub fn write(model: &Model, request: &ChatRequest, cancel: &CancellationToken) -> Result<Written, Failure> {
    let prompt = model.tokens(&chat(request.system.as_deref(), &request.prompt))?;
    let room = room_after(prompt.len())?;
    let tokens_max = room.min(request.max_tokens as usize);
    let extent = extent(&request.prompt, tokens_max);
    let bounds = Bounds { tokens_max, stops: &request.stop, extent };
    let mut page = model.page();
    page.read(&prompt)?;
    let aim = Aim::of(&request.prompt, named(&request.prompt));
    let tale = is_tale(&request.prompt, &extent, &aim);
    let temperature = request.temperature.unwrap_or(TEMPERATURE);
    let mut best: Option<Written> = None;
    let mut tokens_out = 0;
    for nth in 0..if tale { TALES } else { drafts(&extent, tokens_max) } {
        let seed = derived(request.seed.unwrap_or(0), nth as u64);
        let draft = if tale {
            tell(model, page.clone(), (seed, temperature), &aim, &bounds, cancel)?
        } else {
            begun(model, &page, (request, nth), Sampler::new(seed, temperature), &bounds, cancel)?
        };
        tokens_out += draft.tokens;
        let candidate = judged(&draft, &request.prompt, &extent, prompt.len());
        if best.as_ref().is_none_or(|best| candidate.score > best.score) {
            best = Some(candidate);
        }
        if best.as_ref().is_some_and(|best| best.score >= GOOD) {
            break;
        }
    }
    let best = best.filter(|best| !best.text.is_empty()).ok_or_else(|| {
        Failure::new(Cause::Empty, "the built-in writer wrote nothing that can be used")
            .hint("Take another `seed`, raise `max_tokens`, or name a larger model under `providers:`.")
    })?;
    Ok(Written { tokens_out, ..best })
}

/// Writes a whole draft in one go.
fn begun(
    model: &Model,
    page: &Page,
    (request, nth): (&ChatRequest, usize),
    sampler: Sampler,
    bounds: &Bounds<'_>,
    cancel: &CancellationToken,
) -> Result<Draft, Failure> {
    let opening = opening(&request.prompt, request.seed.unwrap_or(0), nth);
    let mut page = page.clone();
    page.read(&model.tokens(opening)?)?;
    let mut draft = generate(model, page, sampler, bounds, cancel)?;
    draft.text.insert_str(0, opening);
    Ok(draft)
}

/// A tale is told sentence by sentence; a short answer, a list or a form is not.
fn is_tale(prompt: &str, extent: &Extent, aim: &Aim) -> bool {
    let low = prompt.to_lowercase();
    let told = aim.own || ["story", "tale", "narrat"].iter().any(|word| low.contains(word));
    told && extent.sentences_max == usize::MAX && extent.words_min >= TALE_WORDS && !asks_for_markup(prompt)
}

/// Returns how many tokens a reply may have after a prompt of `length` tokens.
pub fn room_after(length: usize) -> Result<usize, Failure> {
    let limit = WINDOW - REPLY_MIN;
    if length <= limit {
        return Ok(WINDOW - length);
    }
    let message = format!("the prompt is {length} tokens long, the built-in writer reads at most {limit}");
    Err(Failure::new(Cause::Setup, message).hint("Shorten the prompt, or name a larger model under `providers:`."))
}

fn drafts(extent: &Extent, tokens_max: usize) -> usize {
    let expected = tokens_max.min(extent.words_target * 4 / 3 + 16);
    (TOKENS_OF_DRAFTS / expected.max(1)).clamp(1, DRAFTS)
}

fn judged(draft: &Draft, prompt: &str, extent: &Extent, tokens_in: usize) -> Written {
    let marked = asks_for_markup(prompt);
    let text = if marked { draft.text.trim().to_owned() } else { tidy(&draft.text) };
    let stands = words(&text).len();
    let wanted = if extent.words_min > 1 { extent.words_target } else { words(&draft.text).len() };
    let finish = match draft.end {
        _ if is_refusal(&text) => Finish::Refusal,
        End::Cut if stands * 2 < wanted => Finish::Length,
        End::Cut | End::Whole => Finish::Stop,
    };
    let fault = if is_list(&draft.text) && !marked { FAULTY } else { 1.0 };
    let score = score(&text, prompt, extent) * fault;
    Written { text, finish, tokens_in, tokens_out: draft.tokens, score }
}

/// Returns the first words of the `nth` draft where the prompt prescribes who tells. Told so alone, the writer forgets
/// it, or greets its listeners; begun so, it goes on telling.
fn opening(prompt: &str, seed: u64, nth: usize) -> &'static str {
    const OPENINGS: [&str; 4] = ["I was", "I had", "I remember the", "I met"];
    let low = prompt.to_lowercase();
    if !low.contains("first person") && !low.contains("first-person") {
        return "";
    }
    OPENINGS[(seed % 4) as usize..].iter().chain(&OPENINGS).nth(nth).copied().unwrap_or("I")
}

/// Returns the prose of `text`: no preamble, no markup, nothing twice, whole sentences.
fn tidy(text: &str) -> String {
    let plain = without_markup(text);
    let mut seen = BTreeSet::new();
    let mut kept: Vec<String> = paragraphs(&plain)
        .into_iter()
        .map(|range| without_repeats(&plain[range], &mut seen))
        .map(|paragraph| {
            let said: Vec<String> =
                sentences(&paragraph).into_iter().map(|range| without_loops(&paragraph[range])).collect();
            said.into_iter().filter(|sentence| !steps_out(sentence)).collect::<Vec<_>>().join(" ")
        })
        .filter(|paragraph| !paragraph.is_empty())
        .collect();
    // A title or a phrase is no sentence and needs none.
    while kept.len() > 1 && kept.last().is_some_and(|last| up_to_last_sentence(last).is_empty()) {
        kept.pop();
    }
    if let Some(last) = kept.last_mut().filter(|last| !is_finished(last)) {
        let whole = up_to_last_sentence(last).len();
        if whole > 0 {
            last.truncate(whole);
        }
    }
    kept.iter().flat_map(|paragraph| parted(paragraph)).collect::<Vec<_>>().join("\n\n")
}

fn asks_for_markup(prompt: &str) -> bool {
    let low = prompt.to_lowercase();
    [
        "bullet",
        "markdown",
        "numbered",
        "one per line",
        "as a table",
        "as a list",
        "list of",
        "headings",
        "html",
        "csv",
        "yaml",
    ]
    .iter()
    .any(|word| low.contains(word))
}

/// Returns how long a text the prompt asks for: `360 words`, `a 300-400 word story`, `at most 40 words`, `two sentences`.
/// Without any, the text may have what `tokens_max` allows.
pub fn extent(prompt: &str, tokens_max: usize) -> Extent {
    let free = (tokens_max * 7 / 10).max(1);
    let low = prompt.to_lowercase().replace(['–', '—', '-'], " ");
    let tokens: Vec<&str> =
        low.split_whitespace().map(|token| token.trim_matches(|c: char| !c.is_alphanumeric())).collect();
    let sentences_max = tokens
        .iter()
        .position(|token| matches!(*token, "sentence" | "sentences"))
        .and_then(|at| at.checked_sub(1).and_then(|before| number(tokens[before])))
        .unwrap_or(usize::MAX);
    let mut extent = Extent { words_min: 1, words_target: free, words_max: free, sentences_max };
    let Some(at) = tokens.iter().position(|token| matches!(*token, "word" | "words")) else { return extent };
    let Some(count) = at.checked_sub(1).and_then(|before| number(tokens[before])) else { return extent };
    let before = &tokens[at.saturating_sub(5)..at - 1];
    let from = before.iter().rev().take(2).find_map(|token| number(token)).filter(|from| *from < count);
    let capped = ["most", "under", "than", "maximum", "max", "to", "within"].iter().any(|word| before.contains(word));
    (extent.words_min, extent.words_target, extent.words_max) = match from {
        Some(from) => (from, from.midpoint(count), count),
        None if capped => (1, count * 3 / 4, count),
        None => (count * 3 / 4, count * 19 / 20, count * 5 / 4),
    };
    // A wish beyond the bound would forbid the end of the reply for nothing.
    extent.words_min = extent.words_min.clamp(1, free);
    extent
}

fn number(word: &str) -> Option<usize> {
    let small = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"];
    let spelled = small.iter().position(|name| *name == word).map(|at| at + 1);
    spelled
        .or_else(|| word.replace(',', "").parse().ok())
        .or(matches!(word, "a" | "single").then_some(1))
        .filter(|n| *n > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(prompt: &str) -> (usize, usize, usize) {
        let extent = extent(prompt, 1000);
        (extent.words_min, extent.words_target, extent.words_max)
    }

    #[test]
    fn the_prompt_says_how_long() {
        assert_eq!(window("Write about 360 words."), (270, 342, 450));
        assert_eq!(window("Write a 300-400 word story."), (300, 350, 400));
        assert_eq!(window("In at most 40 words, say why."), (1, 30, 40));
        assert_eq!(window("Tell me more."), (1, 700, 700));
        assert_eq!(extent("Answer in two sentences.", 100).sentences_max, 2);
    }

    #[test]
    fn long_texts_get_fewer_drafts() {
        assert_eq!(drafts(&extent("100 words", 1000), 1000), 3);
        assert_eq!(drafts(&extent("800 words", 1900), 1900), 2);
        assert_eq!(drafts(&extent("1200 words", 1900), 1900), 1);
    }

    #[test]
    fn a_draft_loses_preamble_repeats_and_its_unfinished_end() {
        let text = "Sure, here is the story:\n\nThe bus came late. The bus came late. I got on.\n\nShe looked at";
        assert_eq!(tidy(text), "The bus came late. I got on.");
    }

    #[test]
    fn a_cut_draft_is_whole_if_half_of_it_stands() {
        let extent = extent("Write 10 words.", 100);
        let draft = |text: &str| Draft { text: text.to_owned(), tokens: 9, end: End::Cut };
        assert_eq!(judged(&draft("The bus came late that night. I got"), "", &extent, 1).finish, Finish::Stop);
        assert_eq!(judged(&draft("It rained. I got up and then I"), "", &extent, 1).finish, Finish::Length);
    }

    #[test]
    fn a_prompt_that_does_not_fit_says_by_how_much() {
        assert_eq!(room_after(48).unwrap(), 2000);
        let failure = room_after(3000).unwrap_err();
        assert_eq!(failure.message, "the prompt is 3000 tokens long, the built-in writer reads at most 1984");
    }
}
