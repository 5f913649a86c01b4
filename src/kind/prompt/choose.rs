//! Chooses the best of several samples by rules that anyone can check.
//!
//! | share | for |
//! |---|---|
//! | 0.35 | length: 1 at the wanted number of words, falling to 0 at none or twice as many; 1 if none is wanted |
//! | 0.30 | freshness: 1 less four times the share of runs of four words that were said before |
//! | 0.15 | prose: the share of lines that are no list items, headings or rules |
//! | 0.10 | sentences of 3 to 28 words, their share |
//! | 0.10 | an end: the last character ends a sentence |
//!
//! The highest sum wins, the earlier of equals.

use crate::media::plain::paragraphs;
use crate::media::token::{is_closer, is_spoken, words};
use std::collections::BTreeSet;

/// How samples are chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Choose {
    /// The wanted length.
    pub words: Option<u64>,
    pub by: By,
}

/// Who chooses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum By {
    #[default]
    Rules,
    /// The writer, by a rubric; where it cannot say, the rules.
    Rubric,
}

/// Returns the best sample; `None` if there is none.
pub fn best(samples: Vec<String>, choose: &Choose) -> Option<String> {
    let mut best: Option<(f64, String)> = None;
    for sample in samples {
        let score = score(&sample, choose);
        if best.as_ref().is_none_or(|(most, _)| score > *most) {
            best = Some((score, sample));
        }
    }
    best.map(|(_, sample)| sample)
}

/// Returns how good a text is, from 0 to 1.
pub fn score(text: &str, choose: &Choose) -> f64 {
    let sentences: Vec<String> = paragraphs(text).into_iter().flat_map(|p| p.sentences).map(|s| s.text).collect();
    let counts: Vec<usize> =
        sentences.iter().map(|sentence| words(sentence).into_iter().filter(|word| is_spoken(word)).count()).collect();
    let spoken: usize = counts.iter().sum();
    if spoken == 0 {
        return 0.0;
    }
    let good = counts.iter().filter(|count| (3..=28).contains(*count)).count();
    0.35 * length(spoken as f64, choose.words)
        + 0.30 * freshness(&sentences.join(" "))
        + 0.15 * prose(text)
        + 0.10 * good as f64 / counts.len() as f64
        + 0.10 * f64::from(u8::from(is_ended(text)))
}

fn length(spoken: f64, wanted: Option<u64>) -> f64 {
    wanted.map_or(1.0, |wanted| (1.0 - (spoken - wanted as f64).abs() / wanted.max(1) as f64).max(0.0))
}

fn freshness(text: &str) -> f64 {
    let low = text.to_lowercase();
    let said: Vec<&str> =
        words(&low).into_iter().map(|word| word.trim_matches(|c: char| !c.is_alphanumeric())).collect();
    let runs = said.windows(4);
    let (all, different) = (runs.len(), runs.collect::<BTreeSet<_>>().len());
    if all == 0 { 1.0 } else { (1.0 - 4.0 * (all - different) as f64 / all as f64).max(0.0) }
}

fn prose(text: &str) -> f64 {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines.iter().filter(|line| !is_markup(line)).count() as f64 / lines.len().max(1) as f64
}

fn is_markup(line: &str) -> bool {
    let numbered = line.trim_start_matches(|c: char| c.is_ascii_digit());
    let item = numbered.len() < line.len() && (numbered.starts_with(". ") || numbered.starts_with(") "));
    item || ["- ", "* ", "+ ", "• ", "#", "---", "***", "```", "|"].iter().any(|mark| line.starts_with(mark))
}

fn is_ended(text: &str) -> bool {
    let end = text.trim_end().trim_end_matches(|c: char| is_closer(c));
    end.ends_with(['.', '!', '?', '…', '。', '！', '？'])
}

#[cfg(test)]
mod tests {
    use super::*;

    const TALE: &str = "The last bus was late that night. A woman sat down beside me. She asked for my name.";

    #[test]
    fn a_tale_of_the_wanted_length_is_best() {
        let choose = Choose { words: Some(18), by: By::Rules };
        assert!(score(TALE, &choose) > 0.95, "{}", score(TALE, &choose));
        let worse = [
            "The last bus was late.",
            "The bus was late that night. The bus was late that night. The bus was late that night and so.",
            "- The last bus was late\n- A woman sat down beside me\n- She asked for my name",
            "The last bus was late that night and a woman sat down beside me and",
            "—",
        ];
        for text in worse {
            assert!(score(text, &choose) < score(TALE, &choose) - 0.1, "{text}: {}", score(text, &choose));
        }
        let samples = worse.iter().map(|text| (*text).to_owned()).chain([TALE.to_owned()]).collect();
        assert_eq!(best(samples, &choose).as_deref(), Some(TALE));
    }

    #[test]
    fn the_first_of_equals_wins_and_none_of_none() {
        let samples = vec!["A bus came by today.".to_owned(), "A cat came by today.".to_owned()];
        assert_eq!(best(samples, &Choose::default()).as_deref(), Some("A bus came by today."));
        assert_eq!(best(Vec::new(), &Choose::default()), None);
    }
}
