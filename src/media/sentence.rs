//! Finds where sentences end in a run of plain text.

use super::markup::Mark;
use super::token::{is_closer, is_ideograph, is_opener};
use std::ops::Range;

/// Titles and references that are always followed by more of the sentence.
const NEVER_LAST: &[&str] = &[
    "mr", "mrs", "ms", "mx", "dr", "prof", "rev", "fr", "gen", "col", "maj", "capt", "cmdr", "lt", "sgt", "cpl", "hon",
    "gov", "sen", "rep", "pres", "supt", "messrs", "mme", "mlle", "sra", "srta", "dra", "hr", "st", "mt", "ft", "vs",
    "e.g", "i.e", "cf", "viz", "ca", "approx", "z.b", "d.h", "bzw", "им", "ул", "т.е",
];

/// Abbreviations that are only such before a number: `No. 5`, but `She said no.`
const BEFORE_NUMBER: &[&str] =
    &["no", "nos", "nr", "vol", "fig", "ch", "sec", "p", "pp", "art", "op", "стр", "гл", "рис"];

/// Abbreviations that may also end a sentence; the next word decides.
const MAYBE_LAST: &[&str] = &[
    "etc", "inc", "ltd", "co", "corp", "jr", "sr", "esq", "ph.d", "m.d", "b.a", "m.a", "a.m", "p.m", "u.s", "u.k",
    "u.n", "u.s.a", "e.u", "d.c", "b.c", "a.d", "jan", "feb", "mar", "apr", "jun", "jul", "aug", "sep", "sept", "oct",
    "nov", "dec", "mon", "tue", "wed", "thu", "fri", "sat", "sun", "ave", "blvd", "rd", "al", "est", "dept",
];

/// Words that begin a sentence far more often than they follow an abbreviation.
const STARTERS: &[&str] = &[
    "a", "an", "the", "he", "she", "it", "they", "we", "i", "you", "this", "that", "these", "those", "there", "here",
    "but", "and", "so", "or", "yet", "in", "on", "at", "then", "when", "if", "his", "her", "their", "my", "our",
    "your", "its", "what", "who", "why", "how", "where", "as", "after", "before", "by", "for", "from", "no", "not",
    "now", "one", "once", "some", "every", "everyone", "nobody", "nothing", "only", "still", "suddenly", "later", "to",
    "was", "with", "while", "until",
];

/// Returns the ranges of the sentences in `text`, whose whitespace has been collapsed; spaces between fall out.
pub(super) fn split(text: &[Mark]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut start = 0;
    let mut i = 0;
    while i < text.len() {
        if !is_stop(text[i].1) {
            i += 1;
            continue;
        }
        let stops = i..i + count(&text[i..], is_stop);
        let end = stops.end + count(&text[stops.end..], |c| is_closer(c) && c != '“');
        if ends(text, start, stops, end) {
            found.push(start..end);
            start = end + count(&text[end..], char::is_whitespace);
            i = start;
        } else {
            i = end;
        }
    }
    if start < text.len() {
        found.push(start..text.len());
    }
    found
}

fn ends(text: &[Mark], start: usize, stops: Range<usize>, end: usize) -> bool {
    let stop = &text[stops.clone()];
    let Some(&(_, next)) = text.get(end) else { return true };
    if stop.iter().any(|mark| is_wide_stop(mark.1)) {
        return true;
    }
    // `3.5`, `example.com`, `“What?”—she`: a sentence ends before a space, or before a script that has none.
    if !next.is_whitespace() && !is_ideograph(next) {
        return false;
    }
    let Some(first) = first_letter(&text[end..]) else { return true };
    if first.is_lowercase() {
        return false;
    }
    let single = stop.len() == 1 && stop[0].1 == '.';
    !single || !abbreviates(text, start, stops.start, end, first)
}

/// Whether the full stop at `stop` belongs to the word before it.
fn abbreviates(text: &[Mark], start: usize, stop: usize, end: usize, first: char) -> bool {
    let word = word_before(text, start, stop);
    let lower = word.to_lowercase();
    let known = |list: &[&str]| list.contains(&lower.as_str());
    // `1. Take an egg`: the number of a list item.
    let numbered = word.chars().all(|c| c.is_ascii_digit()) && stop - start == word.len();
    let initial = word.chars().count() == 1 && first_is_upper(&word);
    if numbered
        || known(NEVER_LAST) && first_is_upper_or(&word, known(&["e.g", "i.e", "cf", "viz", "ca", "vs", "approx"]))
    {
        return true;
    }
    if known(BEFORE_NUMBER) && first.is_numeric() {
        return true;
    }
    (known(MAYBE_LAST) || initial) && !STARTERS.contains(&next_word(&text[end..]).as_str())
}

/// `St.` is a saint, `st.` may be anything: a title counts with its capital, or where Latin needs none.
fn first_is_upper_or(word: &str, latin: bool) -> bool {
    latin || first_is_upper(word) || !word.is_ascii() || word.contains('.')
}

fn first_is_upper(word: &str) -> bool {
    word.chars().next().is_some_and(char::is_uppercase)
}

fn word_before(text: &[Mark], start: usize, stop: usize) -> String {
    let word = text[start..stop].rsplit(|mark| mark.1.is_whitespace() || matches!(mark.1, '—' | '–')).next();
    let word: String = word.unwrap_or_default().iter().map(|mark| mark.1).collect();
    word.trim_start_matches(is_opener).to_string()
}

fn next_word(rest: &[Mark]) -> String {
    let letters = rest.iter().map(|mark| mark.1).skip_while(|c| !c.is_alphanumeric());
    letters.take_while(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// The first letter or digit after spaces, openers and dashes; none if other signs come first or nothing follows.
fn first_letter(rest: &[Mark]) -> Option<char> {
    let skipped = |c: &char| c.is_whitespace() || is_opener(*c) || matches!(c, '—' | '–' | '-' | '…' | '.');
    rest.iter().map(|mark| mark.1).find(|c| !skipped(c)).filter(|c| c.is_alphanumeric())
}

fn count(rest: &[Mark], is: impl Fn(char) -> bool) -> usize {
    rest.iter().take_while(|mark| is(mark.1)).count()
}

fn is_stop(c: char) -> bool {
    matches!(c, '.' | '!' | '?' | '…' | '‽' | '؟' | '۔' | '։' | '።' | '၊' | '।' | '॥') || is_wide_stop(c)
}

fn is_wide_stop(c: char) -> bool {
    matches!(c, '。' | '！' | '？' | '｡')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check<const N: usize>(text: &str, sentences: [&str; N]) {
        let marks: Vec<Mark> = text.char_indices().collect();
        let found: Vec<String> =
            split(&marks).into_iter().map(|range| marks[range].iter().map(|mark| mark.1).collect()).collect();
        assert_eq!(found, sentences);
    }

    #[test]
    fn stops_end_sentences() {
        check("One. Two! Three?! Four", ["One.", "Two!", "Three?!", "Four"]);
    }

    #[test]
    fn abbreviations_do_not() {
        check(
            "Dr. Who met Mrs. Smith, e.g. Anna, at 3.5 km. It rained.",
            ["Dr. Who met Mrs. Smith, e.g. Anna, at 3.5 km.", "It rained."],
        );
        check(
            "J. K. Rowling and St. Paul vs. Rome. See No. 5 or not.",
            ["J. K. Rowling and St. Paul vs. Rome.", "See No. 5 or not."],
        );
    }

    #[test]
    fn the_next_word_decides_for_those_that_may_end_one() {
        check(
            "The U.S. Army left the U.S. The war was over by 5 p.m. Then he slept.",
            ["The U.S. Army left the U.S.", "The war was over by 5 p.m.", "Then he slept."],
        );
        check("She said no. 'No.' Plan B. The end.", ["She said no.", "'No.'", "Plan B.", "The end."]);
    }

    #[test]
    fn quotations_close_with_their_sentence() {
        check(
            "“Run!” She ran. “Stop!” he said. \"Done.\" \"Good.\"",
            ["“Run!”", "She ran.", "“Stop!” he said.", "\"Done.\"", "\"Good.\""],
        );
        check("«Да!» — сказал он. Потом ушёл.", ["«Да!» — сказал он.", "Потом ушёл."]);
    }

    #[test]
    fn an_ellipsis_ends_a_sentence_only_before_a_capital() {
        check("Well... maybe… yes... No. Wait", ["Well... maybe… yes...", "No.", "Wait"]);
    }

    #[test]
    fn ideographic_stops_need_no_space() {
        check("今日は。明日も！「はい。」終わり", ["今日は。", "明日も！", "「はい。」", "終わり"]);
    }

    #[test]
    fn list_numbers_stay_with_their_item() {
        check("1. Take an egg. 2. Break it.", ["1. Take an egg.", "2. Break it."]);
    }
}
