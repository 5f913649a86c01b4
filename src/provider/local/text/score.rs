//! How good a text is, by rules: the writer is too small to judge itself.

use super::super::edit::markup::{is_list, is_refusal, is_talk};
use super::super::edit::repeat::repeated_share;
use super::super::edit::sentences::{is_finished, sentences, words};
use super::generate::Extent;
use super::topic::{ideas, stem};
use std::collections::BTreeSet;

/// A draft with this score is taken at once.
pub const GOOD: f64 = 0.95;

/// What is left of the score of a text that talks about itself, or was a list.
pub const FAULTY: f64 = 0.3;

/// Returns 0 for what cannot be used (a refusal, a list, talk about the text) up to 1.
pub fn score(text: &str, prompt: &str, extent: &Extent) -> f64 {
    let spoken = words(text);
    let first = text.lines().next().unwrap_or("");
    if spoken.is_empty() || is_refusal(text) || is_list(text) || is_talk(first) {
        return 0.0;
    }
    let parts = [
        (0.30, length(spoken.len(), extent)),
        (0.25, (1.0 - 4.0 * repeated_share(text)).max(0.0)),
        (0.20, ideas_kept(&spoken, prompt) * person(text, prompt) * told(text, prompt)),
        (0.15, sentence_lengths(text)),
        (0.10, if is_finished(text) { 1.0 } else { 0.0 }),
    ];
    let total: f64 = parts.iter().map(|(weight, value)| weight * value).sum();
    if speaks_as_machine(text) { total * FAULTY } else { total }
}

/// 1 inside the window, less the farther outside.
fn length(count: usize, extent: &Extent) -> f64 {
    let count = count as f64;
    let (least, most) = (extent.words_min as f64, extent.words_max as f64);
    if count < least {
        count / least
    } else if count > most {
        most / count
    } else {
        1.0
    }
}

/// The share of the prompt's telling words that the text has; a third of many, or all but one of a few, is full marks.
fn ideas_kept(spoken: &[String], prompt: &str) -> f64 {
    let ideas = ideas(prompt);
    if ideas.is_empty() {
        return 1.0;
    }
    let said: BTreeSet<String> = spoken.iter().map(|word| stem(word)).collect();
    let few = ideas.len() <= 6;
    let wanted = if few { (ideas.len() as f64 - 1.0).max(1.0) } else { (ideas.len() as f64 / 3.0).clamp(3.0, 12.0) };
    (ideas.intersection(&said).count() as f64 / wanted).min(1.0)
}

/// The share of sentences told by "I" where the prompt wants them so; half of them is full marks.
fn person(text: &str, prompt: &str) -> f64 {
    let low = prompt.to_lowercase();
    if !low.contains("first person") && !low.contains("first-person") {
        return 1.0;
    }
    let own = |word: &String| {
        matches!(word.as_str(), "i" | "i'd" | "i'm" | "i've" | "i'll" | "my" | "me" | "we" | "our" | "us")
    };
    let all = sentences(text);
    let told = all.iter().filter(|range| words(&text[(*range).clone()]).iter().any(own)).count();
    (2.0 * told as f64 / all.len().max(1) as f64).min(1.0)
}

/// In a tale, the share of sentences that tell instead of talking to the listener.
fn told(text: &str, prompt: &str) -> f64 {
    let low = prompt.to_lowercase();
    if !["story", "script", "tale", "narrat"].iter().any(|word| low.contains(word)) {
        return 1.0;
    }
    let all = sentences(text);
    let talks = |sentence: &str| {
        let quoted = sentence.contains(['"', '“', '”']);
        let said = format!(" {} ", words(sentence).join(" "));
        !quoted
            && [" you ", " your ", " let me ", " i'll ", " i'm going to ", " we're going to "]
                .iter()
                .any(|talk| said.contains(talk))
    };
    let talking = all.iter().filter(|range| talks(&text[(*range).clone()])).count();
    (1.0 - 2.0 * talking as f64 / all.len().max(1) as f64).max(0.0)
}

/// The share of sentences of 3 to 28 words.
fn sentence_lengths(text: &str) -> f64 {
    let counts: Vec<usize> = sentences(text).into_iter().map(|range| words(&text[range]).len()).collect();
    counts.iter().filter(|count| (3..=28).contains(*count)).count() as f64 / counts.len().max(1) as f64
}

fn speaks_as_machine(text: &str) -> bool {
    let low = text.to_lowercase();
    [
        "language model",
        "as an ai",
        "this story",
        "the story is about",
        "the narrator",
        "in this script",
        "[insert",
        "[your name",
    ]
    .iter()
    .any(|phrase| low.contains(phrase))
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXTENT: Extent = Extent { words_min: 8, words_target: 10, words_max: 40, sentences_max: 9 };
    const PROMPT: &str = "Write a story about a stranger on the last bus.";
    const TALE: &str = "The last bus came at midnight. A stranger sat beside me and smiled.";

    fn of(text: &str) -> f64 {
        score(text, PROMPT, &EXTENT)
    }

    #[test]
    fn a_tale_in_its_window_is_good() {
        assert!(of(TALE) >= GOOD, "{}", of(TALE));
    }

    #[test]
    fn each_fault_costs() {
        assert!(of("The bus came.") < of(TALE));
        assert!(of(&format!("{TALE} {TALE} {TALE}")) < of(TALE));
        assert!(of("A cat sat on a warm stone wall and looked at nothing.") < of(TALE));
        assert!(of(TALE.trim_end_matches('.')) < of(TALE));
    }

    #[test]
    fn what_is_no_tale_is_nothing() {
        for text in ["", "I'm sorry, but I can't.", "- a bus\n- a stranger", "Here is a story:\nA bus."] {
            assert_eq!(of(text), 0.0, "{text}");
        }
    }
}
