//! Makes a text easier to speak: only narration, no abbreviations, no long sentences, nothing said twice.

use super::abbreviation::write_out;
use super::markup::without_markup;
use super::repeat::{without_loops, without_repeats};
use super::sentences::{is_finished, paragraphs, sentences, up_to_last_sentence};
use std::collections::BTreeSet;

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
/// Words that may join two clauses; the new sentence keeps them, but for `and`.
const JOINTS: &[&str] = &["and", "but", "so", "yet", "then"];

/// Returns `text` as a voice should read it. Paragraphs stay apart by one blank line.
pub fn for_speech(text: &str) -> String {
    let text = write_out(&without_markup(text));
    let mut seen = BTreeSet::new();
    let mut spoken: Vec<String> = paragraphs(&text)
        .into_iter()
        .map(|range| spaced(&text[range]))
        .map(|paragraph| without_repeats(&paragraph, &mut seen))
        .map(|paragraph| shortened(&paragraph))
        .filter(|paragraph| paragraph.chars().any(char::is_alphanumeric))
        .collect();
    finish(&mut spoken);
    let parted: Vec<String> = spoken.iter().flat_map(|paragraph| parted(paragraph)).collect();
    parted.join("\n\n")
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
        if count > 0 && count + length / 2 > each {
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

/// Drops an unfinished end; a text that is nothing else gets a full stop.
fn finish(paragraphs: &mut Vec<String>) {
    while let Some(last) = paragraphs.last_mut() {
        if is_finished(last) {
            return;
        }
        let kept = up_to_last_sentence(last).len();
        if kept > 0 {
            last.truncate(kept);
            return;
        }
        if paragraphs.len() == 1 {
            let bare = paragraphs[0].trim_end_matches([',', ';', ':', '-', '—', ' ']).len();
            paragraphs[0].truncate(bare);
            paragraphs[0].push('.');
            return;
        }
        paragraphs.pop();
    }
}

/// One space between words, none before a mark, one after it.
fn spaced(paragraph: &str) -> String {
    let words = paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut out = String::with_capacity(words.len());
    let mut rest = words.chars().peekable();
    while let Some(c) = rest.next() {
        let clinging = matches!(c, '.' | ',' | ';' | ':' | '!' | '?');
        let ellipsis = c == '.' && rest.peek() == Some(&'.');
        if clinging && !ellipsis && out.ends_with(' ') {
            out.pop();
        }
        out.push(c);
        let after_word = out.chars().rev().nth(1).is_some_and(char::is_lowercase);
        let glued = matches!(c, '.' | '!' | '?') && after_word && rest.peek().is_some_and(|next| next.is_uppercase());
        if glued || (matches!(c, ',' | ';') && rest.peek().is_some_and(|next| next.is_alphabetic())) {
            out.push(' ');
        }
    }
    out
}

fn shortened(paragraph: &str) -> String {
    let parts: Vec<String> = sentences(paragraph)
        .into_iter()
        .map(|range| without_loops(&paragraph[range]))
        .flat_map(|sentence| split(&sentence))
        .collect();
    parts.join(" ")
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
    let first = format!("{}.", sentence[..cut.end].trim_end_matches([',', ';', ' ', '—', '-']));
    let second = capitalised(&sentence[cut.start..]);
    split(&first).into_iter().chain(split(&second)).collect()
}

/// A place to cut: the first part ends at `end`, the second begins at `start`.
struct Cut {
    end: usize,
    start: usize,
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
        let start =
            match () {
                () if strong && is_subject(n) => starts[n],
                () if before.ends_with([',', ';']) && joint && is_subject(n + 1) => {
                    if word(n).eq_ignore_ascii_case("and") { starts[n + 1] } else { starts[n] }
                }
                () => continue,
            };
        found.push(Cut { end: starts[n], start, words_before: n });
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

    #[test]
    fn a_reply_becomes_narration() {
        let reply = "Here's the revised script:\n\n**Scene 1**\n\nDr. Moss waited at the stop , alone.He was late.\n\
            He was late.\n\n(music) The bus came and";
        assert_eq!(for_speech(reply), "Doctor Moss waited at the stop, alone. He was late.");
    }

    #[test]
    fn long_sentences_are_split_where_a_clause_begins() {
        let long = "The last bus turned slowly into the empty street under the rain, and she stood up from the cold bench, \
            but the driver did not look at her once that night.";
        assert_eq!(
            for_speech(long),
            "The last bus turned slowly into the empty street under the rain. She stood up from the cold bench, \
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
    fn quotes_are_never_cut_open() {
        let long = "“I have waited here for you all night in the rain, and you were on the other side of the road, and \
            you never looked, and I never called,” she said.";
        assert_eq!(for_speech(long), long);
    }

    #[test]
    fn a_lone_unfinished_line_gets_its_full_stop() {
        assert_eq!(for_speech("a word to end on,"), "a word to end on.");
        assert_eq!(for_speech("\n \n"), "");
    }

    proptest! {
        #[test]
        fn speech_is_never_marked_up_and_always_finished(text in "([A-Z]?[a-z]{1,7}|Dr\\.|[*#`]{1,2}|- |\\(pause\\)|[ ,.!?\\n]{1,2}){0,60}") {
            let spoken = for_speech(&text);
            prop_assert!(!spoken.contains(['*', '#', '`']), "{spoken}");
            prop_assert!(spoken.is_empty() || is_finished(&spoken), "{spoken}");
        }

        #[test]
        fn any_characters_are_survived(text in "\\PC{0,120}") {
            let _ = for_speech(&text);
        }
    }
}
