//! Makes a text easier to speak: markup unfolded, abbreviations written out, long sentences and paragraphs parted.
//!
//! A person may have written it: every word stays, but for the abbreviations that are said in full. What a model
//! repeats or leaves unfinished is mended where it drafts, not here.

use super::Tongue;
use super::abbreviation::write_out;
use super::sentences::{is_finished, sentences};
use crate::base::span::Span;
use crate::media::plain::{Run, RunSort, guarded, unfolded};
use crate::media::token::is_ideograph;

/// A sentence with more words than this is split if it has a place for it.
pub const SENTENCE_WORDS_MAX: usize = 24;
/// A paragraph with more words than this is parted.
pub const PARAGRAPH_WORDS_MAX: usize = 90;
/// No part of a split sentence has fewer words than this.
const PART_WORDS_MIN: usize = 5;
/// First words of a clause that can stand alone.
const SUBJECTS: &[&str] = &[
    "i",
    "you",
    "he",
    "she",
    "it",
    "we",
    "they",
    "the",
    "a",
    "an",
    "my",
    "your",
    "his",
    "her",
    "its",
    "our",
    "their",
    "this",
    "that",
    "these",
    "those",
    "there",
    "then",
    "nobody",
    "everyone",
    "someone",
    "nothing",
    "everything",
    "one",
];
/// Words that may join two clauses; the new sentence keeps them.
const JOINTS: &[&str] = &["and", "but", "so", "yet", "then"];

/// A text as a voice should read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spoken {
    /// Paragraphs stay apart by one blank line.
    pub text: String,
    /// Lines of the source that have no place in it: the addresses of links.
    pub left_out: Vec<Span>,
}

/// Returns `text` as a voice should read it. Of another language than English only the markup is unfolded.
pub fn for_speech(text: &str, tongue: Tongue) -> Spoken {
    let source = unfolded(text);
    let paragraphs: Vec<String> = source.paragraphs.iter().flat_map(|runs| paragraph(runs, tongue)).collect();
    Spoken { text: paragraphs.join("\n\n"), left_out: source.left_out }
}

fn paragraph(runs: &[Run], tongue: Tongue) -> Vec<String> {
    let said: Vec<String> = runs.iter().map(|run| ended(run.sort, eased(&run.text, tongue))).collect();
    match (said.as_slice(), tongue) {
        ([run], Tongue::English) => parted(run).iter().map(|part| guarded(part)).collect(),
        _ => vec![said.join("\n")],
    }
}

fn eased(text: &str, tongue: Tongue) -> String {
    match tongue {
        Tongue::English => shortened(&spaced(&write_out(text))),
        Tongue::Other => text.to_owned(),
    }
}

/// Makes a sentence of a list's item: without its line nothing else would part it from the next.
fn ended(sort: RunSort, text: String) -> String {
    let last = text.trim_end_matches(['"', '”', '’', ')', ']']).chars().next_back();
    match last {
        Some(c) if sort == RunSort::Item && !text.ends_with(']') => match c {
            ',' | ';' | ':' if text.ends_with(c) => format!("{}.", text.trim_end_matches([',', ';', ':'])),
            _ if is_ideograph(c) => format!("{text}。"),
            _ if c.is_alphanumeric() && !is_finished(&text) => format!("{text}."),
            _ => text,
        },
        _ => text,
    }
}

/// Returns `paragraph` in parts of at most [`PARAGRAPH_WORDS_MAX`] words where it is longer: a listener needs a breath.
pub fn parted(paragraph: &str) -> Vec<String> {
    let total = paragraph.split_whitespace().count();
    let each = total.div_ceil(total.div_ceil(PARAGRAPH_WORDS_MAX).max(1));
    let mut parts: Vec<String> = Vec::new();
    let (mut part, mut count) = (Vec::new(), 0);
    for range in sentences(paragraph) {
        let sentence = &paragraph[range];
        let length = sentence.split_whitespace().count();
        if count > 0 && count + length / 2 > each && !is_open(&part) {
            parts.push(std::mem::take(&mut part).join(" "));
            count = 0;
        }
        count += length;
        part.push(sentence);
    }
    parts.push(part.join(" "));
    parts.retain(|part| !part.is_empty());
    parts
}

/// Tells whether a `[` of these pieces is still to be closed: a tag must not be torn.
fn is_open(pieces: &[&str]) -> bool {
    let mut depth = 0_i32;
    for piece in pieces {
        let mut marks = piece.chars();
        while let Some(mark) = marks.next() {
            match mark {
                '\\' => drop(marks.next()),
                '[' => depth += 1,
                ']' => depth -= 1,
                _ => {}
            }
        }
    }
    depth > 0
}

/// No space before a mark that ends a word, one after a sentence: `alone .He` → `alone. He`.
fn spaced(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let next = rest.peek().copied();
        let clings = matches!(c, '.' | ',' | ';' | ':' | '!' | '?') && next.is_none_or(char::is_whitespace);
        if clings && out.ends_with(' ') {
            out.pop();
        }
        let after_word = out.chars().next_back().is_some_and(char::is_lowercase);
        out.push(c);
        let mut ahead = rest.clone().skip(1);
        let before_word =
            next.is_some_and(char::is_uppercase) && ahead.next().is_some_and(|c| c.is_lowercase() || c == ' ');
        if matches!(c, '.' | '!' | '?') && after_word && before_word {
            out.push(' ');
        }
    }
    out
}

fn shortened(text: &str) -> String {
    sentences(text).into_iter().flat_map(|range| split(&text[range])).collect::<Vec<_>>().join(" ")
}

/// Splits a long sentence where a clause begins, nearest its middle, and the parts again.
fn split(sentence: &str) -> Vec<String> {
    let count = sentence.split_whitespace().count();
    // Inside quotes a cut would leave one quote open.
    let quoted = sentence.contains(['"', '“', '”', '(']);
    if count <= SENTENCE_WORDS_MAX || quoted {
        return vec![sentence.to_owned()];
    }
    let best = cuts(sentence).into_iter().min_by_key(|cut| (cut.words_before * 2).abs_diff(count));
    let Some(cut) = best else { return vec![sentence.to_owned()] };
    let first = format!("{}.", sentence[..cut.at].trim_end_matches([',', ';', ' ', '—', '-']));
    let second = capitalised(&sentence[cut.at..]);
    split(&first).into_iter().chain(split(&second)).collect()
}

/// A place to cut: the second part begins at `at`.
struct Cut {
    at: usize,
    words_before: usize,
}

fn cuts(sentence: &str) -> Vec<Cut> {
    let starts: Vec<usize> = word_starts(sentence);
    let word = |n: usize| {
        let end = starts.get(n + 1).copied().unwrap_or(sentence.len());
        sentence.get(starts[n]..end).unwrap_or("").trim()
    };
    let is_subject = |n: usize| n < starts.len() && SUBJECTS.contains(&word(n).to_lowercase().as_str());
    let mut found = Vec::new();
    for n in PART_WORDS_MIN..starts.len().saturating_sub(PART_WORDS_MIN) {
        let before = word(n - 1);
        let joint = JOINTS.contains(&word(n).to_lowercase().as_str());
        let strong = before.ends_with(';') || before == "—" || before.ends_with('—');
        let clause = (strong && is_subject(n)) || (before.ends_with([',', ';']) && joint && is_subject(n + 1));
        if clause && !is_open(&[&sentence[..starts[n]]]) {
            found.push(Cut { at: starts[n], words_before: n });
        }
    }
    found
}

fn word_starts(sentence: &str) -> Vec<usize> {
    let mut inside = false;
    let mut found = Vec::new();
    for (at, c) in sentence.char_indices() {
        if !c.is_whitespace() && !inside {
            found.push(at);
        }
        inside = !c.is_whitespace();
    }
    found
}

fn capitalised(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().map_or(String::new(), |first| first.to_uppercase().chain(rest).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn said(text: &str) -> String {
        for_speech(text, Tongue::English).text
    }

    #[track_caller]
    fn is_left_alone(text: &str) {
        assert_eq!(said(text), text);
    }

    #[test]
    fn abbreviations_are_said_in_full_and_marks_stand_where_they_belong() {
        assert_eq!(said("Dr. Moss waited , alone.He was late!"), "Doctor Moss waited, alone. He was late!");
        assert_eq!(said("We met in Jan. Okay, here it is."), "We met in January. Okay, here it is.");
        assert_eq!(said("Ask the Dr."), "Ask the Doctor.");
    }

    #[test]
    fn what_a_person_repeats_or_leaves_open_stays() {
        for text in [
            "Row, row, row your boat, gently down the stream. Merrily, merrily, merrily, merrily, life is but a dream.",
            "I said no, no, no.\n\nHe said nothing. He said nothing. He said nothing.",
            "The bus came late.\n\nAnd then she",
            "We sang:\n\nThe end",
            "Here is your story:\n\nI'm sorry, but I left.",
            "Narrator: It rained. (She laughs) He said (softly) no.",
            "[whispers] I know. [long pause] Go.",
            "He typed x[0] = 3, f(a,b), node.JS and .5 — see [ref][1].",
            "東京は夜の七時。雨。\n\nوصلت الحافلة متأخرة\n\nShe waited.",
        ] {
            is_left_alone(text);
        }
    }

    #[test]
    fn markup_is_unfolded_and_only_addresses_of_links_are_left_out() {
        let source = "# The Ferry\n\n> *Come* home, said [Ann][1].\n\n- tea,\n- milk\n1. two\n\n---\n\n**The end**\n\n[1]: http://x.y\n";
        let spoken = for_speech(source, Tongue::English);
        assert_eq!(spoken.text, "The Ferry\n\nCome home, said Ann.\n\ntea.\nmilk.\n1. two.\n\nThe end");
        let left = spoken.left_out[0];
        assert_eq!(&source[left.start as usize..left.end as usize], "[1]: http://x.y");
    }

    #[test]
    fn another_language_is_only_unfolded() {
        let text = "# Der Zug\n\nDr. Moos kam um 9 & blieb , weil es St. Anton war.";
        let expected = "Der Zug\n\nDr. Moos kam um 9 & blieb , weil es St. Anton war.";
        assert_eq!(for_speech(text, Tongue::Other).text, expected);
    }

    #[test]
    fn long_sentences_are_split_where_a_clause_begins() {
        let long = "The last bus turned slowly into the empty street under the rain, and she stood up from the cold bench, \
            but the driver did not look at her once that night.";
        assert_eq!(
            said(long),
            "The last bus turned slowly into the empty street under the rain. And she stood up from the cold bench, \
             but the driver did not look at her once that night."
        );
    }

    #[test]
    fn long_paragraphs_are_parted_between_sentences() {
        let long =
            (1..=20).map(|n| format!("This is sentence number {n} of a long part.")).collect::<Vec<_>>().join(" ");
        let parts = parted(&long);
        assert_eq!(parts.len(), 2);
        assert_eq!(parts.join(" "), long);
        assert_eq!(parted("One. Two."), ["One. Two."]);
    }

    #[test]
    fn quotes_and_tags_are_never_cut_open() {
        is_left_alone(
            "“I have waited here for you all night in the rain, and you were on the other side of the road, and you \
             never looked, and I never called,” she said.",
        );
        let tag = "[note that they went on and on along the wet road, and she was still there, and it was late].";
        is_left_alone(&format!("They went on and on along the road in the rain {tag}"));
    }

    /// The letters that are heard.
    fn letters(text: &str) -> String {
        crate::media::plain::text(text).chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
    }

    const NASTY: &str = "(<b>|</i>|<|>|\\| |\\|\n|---|bee|deed|, and she|, but the|; it|cede,|東京|です。|مرحبا|1\\. |\\- |# |> |\\n|\\n\\n|\\[|\\]|\\[sad\\]|\\]\\[1\\]|\
        \\[1\\]: http://b\\.c\\n|\\(http://b\\.c\\)|!|\\*{1,3}|_|~~|`{1,3}|\\\\|\\(|\\)|\"|“|”|—|\\.\\.\\.|[ .,;:!?]){0,80}";

    proptest! {
        #[test]
        fn every_word_survives_whatever_stands_around_it(text in NASTY) {
            for tongue in [Tongue::English, Tongue::Other] {
                let spoken = for_speech(&text, tongue).text;
                prop_assert_eq!(letters(&spoken), letters(&text), "{}", spoken);
            }
        }

        #[test]
        fn what_was_made_easy_is_left_alone(text in "((bee|deed|cede|and she|東京)[ ,.!?]{1,2}|\\n\\n){0,60}") {
            let once = said(&text);
            prop_assert_eq!(said(&once), once);
        }

        #[test]
        fn any_characters_are_survived(text in "\\PC{0,120}") {
            let _ = for_speech(&text, Tongue::English);
        }
    }
}
