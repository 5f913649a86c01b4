//! Matches the words that were recognised in a recording with those of its text, which are the ones that count.
//!
//! Both are laid beside each other at the least cost (Needleman and Wunsch, 1970). A word that was recognised as itself, or
//! nearly so, gives the text's word its time; all others are left to be estimated between their neighbours.

use super::gaps::{distrust, filled};
use super::token::{is_spoken, tokens};
use super::wav::Sound;
use super::words::Word;

/// What was recognised, and when, in seconds.
#[derive(Clone, Debug, PartialEq)]
pub struct HeardWord {
    pub text: String,
    pub start: f64,
    pub end: f64,
}

/// A word that only one side has; two that are nearly the same. Others are never laid on each other.
const MISSING: u32 = 2;
const SIMILAR: u32 = 1;
/// Words are nearly the same if they share so much of the longer one, at their beginnings and ends.
const SHARED: f64 = 0.5;
/// More pairs of words than this are not compared: text and recording do not belong together.
const PAIRS_MAX: usize = 200_000_000;

/// Returns `words` with their times in `recording`, of which `heard` was recognised: each once, in order, never going back.
pub fn recognised(words: &[Word], heard: &[HeardWord], recording: &Sound) -> Vec<Word> {
    let mut found: Vec<Word> = words.iter().map(|word| Word { estimated: true, ..word.clone() }).collect();
    let spoken: Vec<usize> = (0..words.len()).filter(|&at| is_spoken(&words[at].text)).collect();
    let ours: Vec<Vec<char>> = spoken.iter().map(|&at| letters(&words[at].text)).collect();
    let heard: Vec<(Vec<char>, f64, f64)> = heard.iter().flat_map(split).collect();
    let theirs: Vec<&[char]> = heard.iter().map(|heard| heard.0.as_slice()).collect();
    for (our, their) in pairs(&ours, &theirs) {
        let word = &mut found[spoken[our]];
        (word.start, word.end, word.estimated) = (heard[their].1, heard[their].2, false);
    }
    distrust(&mut found, recording.samples.len() as f64 / f64::from(recording.rate.max(1)));
    let mut filled = filled(&found, recording);
    for word in filled.iter_mut().filter(|word| !is_spoken(&word.text)) {
        // What is not heard, a dash, is no guess.
        (word.end, word.estimated) = (word.start, false);
    }
    filled
}

/// One recognised word may be several of ours, as in Chinese: they share its time by their letters.
fn split(heard: &HeardWord) -> Vec<(Vec<char>, f64, f64)> {
    let parts: Vec<Vec<char>> =
        tokens(&heard.text).iter().map(|token| letters(token.text)).filter(|part| !part.is_empty()).collect();
    let whole = parts.iter().map(Vec::len).sum::<usize>().max(1) as f64;
    let mut before = 0;
    let share = |part: Vec<char>| {
        let at = |letters: usize| heard.start + (heard.end - heard.start) * letters as f64 / whole;
        let (start, end) = (at(before), at(before + part.len()));
        before += part.len();
        (part, start, end)
    };
    parts.into_iter().map(share).collect()
}

fn letters(word: &str) -> Vec<char> {
    word.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Both,
    Ours,
    Theirs,
}

/// Returns which word of ours is which of theirs, the last pair first.
pub fn pairs(ours: &[Vec<char>], theirs: &[&[char]]) -> Vec<(usize, usize)> {
    let (rows, columns) = (ours.len(), theirs.len());
    if rows.saturating_mul(columns) > PAIRS_MAX {
        return Vec::new();
    }
    let mut costs: Vec<u32> = (0..=columns as u32).map(|column| column * MISSING).collect();
    let mut steps = vec![Step::Theirs; rows * columns];
    for row in 0..rows {
        let mut diagonal = costs[0];
        costs[0] += MISSING;
        for column in 0..columns {
            let (above, left) = (costs[column + 1] + MISSING, costs[column] + MISSING);
            let both = likeness(&ours[row], theirs[column]).map_or(u32::MAX, |cost| diagonal + cost);
            diagonal = costs[column + 1];
            let (cost, step) = if both <= above && both <= left {
                (both, Step::Both)
            } else if above <= left {
                (above, Step::Ours)
            } else {
                (left, Step::Theirs)
            };
            costs[column + 1] = cost;
            steps[row * columns + column] = step;
        }
    }
    let (mut row, mut column) = (rows, columns);
    let mut pairs = Vec::new();
    while row > 0 && column > 0 {
        match steps[(row - 1) * columns + column - 1] {
            Step::Both => {
                (row, column) = (row - 1, column - 1);
                pairs.push((row, column));
            }
            Step::Ours => row -= 1,
            Step::Theirs => column -= 1,
        }
    }
    pairs
}

/// Returns what it costs that two words are the same; `None` if they are not.
fn likeness(our: &[char], their: &[char]) -> Option<u32> {
    if our == their {
        return Some(0);
    }
    let same = |pairs: &mut dyn Iterator<Item = (&char, &char)>| pairs.take_while(|(one, other)| one == other).count();
    let (short, long) = (our.len().min(their.len()), our.len().max(their.len()));
    let head = same(&mut our.iter().zip(their));
    let tail = same(&mut our.iter().rev().zip(their.iter().rev())).min(short - head.min(short));
    ((head + tail) as f64 >= SHARED * long as f64).then_some(SIMILAR)
}

#[cfg(test)]
mod tests {
    use super::super::gaps::timeless;
    use super::*;
    use proptest::prelude::*;

    fn noise(seconds: f64) -> Sound {
        let samples = (0..(seconds * 8000.0) as usize).map(|i| if i % 9 < 4 { 0.5 } else { -0.5 }).collect();
        Sound { rate: 8000, samples }
    }

    /// Each recognised word takes a second, one after the other.
    fn heard(text: &str) -> Vec<HeardWord> {
        let word = |(at, text): (usize, &str)| HeardWord { text: text.into(), start: at as f64, end: at as f64 + 1.0 };
        text.split(' ').filter(|word| !word.is_empty()).enumerate().map(word).collect()
    }

    /// Words with their seconds; `~` before what is estimated.
    fn check(text: &str, said: &str, expected: &str) {
        let heard = heard(said);
        let words = recognised(&timeless(text), &heard, &noise(heard.len() as f64));
        let tell = |word: &Word| match word.estimated {
            true => format!("~{}", word.text),
            false => format!("{} {:.1}", word.text, word.start),
        };
        assert_eq!(words.iter().map(tell).collect::<Vec<_>>().join(", "), expected);
    }

    #[test]
    fn what_was_recognised_has_its_time_and_the_rest_is_estimated() {
        check(
            "“The bus,” she said — late.",
            "the bus she said late",
            "“The 0.0, bus,” 1.0, she 2.0, said 3.0, — 4.0, late. 4.0",
        );
        check("He saw Siobhán go.", "He saw Siobhan go", "He 0.0, saw 1.0, Siobhán 2.0, go. 3.0");
        check("At 20 they met.", "at twenty they met", "At 0.0, ~20, they 2.0, met. 3.0");
        check("One two three.", "one er um two three", "One 0.0, two 3.0, three. 4.0");
        check("One two three.", "one three", "One 0.0, ~two, three. 1.0");
        check("東京は大きい", "東京は 大きい", "東 0.0, 京 0.3, は 0.7, 大 1.0, き 1.3, い 1.7");
    }

    #[test]
    fn where_nothing_fits_all_is_estimated() {
        check("One two.", "", "~One, ~two.");
        check("One two.", "xyz abc", "~One, ~two.");
        assert_eq!(recognised(&[], &heard("a"), &noise(1.0)), []);
    }

    #[test]
    fn an_estimated_word_lies_between_its_neighbours() {
        let words = recognised(&timeless("One two three."), &heard("one er three"), &noise(3.0));
        assert!((words[1].start - 1.0).abs() < 0.05 && (words[1].end - 2.0).abs() < 0.05, "{words:?}");
    }

    proptest! {
        #[test]
        fn every_word_comes_once_in_order_and_inside(
            text in "([a-d]{1,3}[,.]?|—)( ([a-d]{1,3}[,.]?|—)){0,30}",
            said in "([a-d]{1,3} ){0,30}",
        ) {
            let heard = heard(&said);
            let words = timeless(&text);
            let found = recognised(&words, &heard, &noise(heard.len() as f64 + 1.0));
            let mut clock = 0.0;
            for (found, word) in found.iter().zip(&words) {
                prop_assert_eq!(&found.text, &word.text);
                prop_assert!(clock <= found.start && found.start <= found.end && found.end <= heard.len() as f64 + 1.001);
                clock = found.start;
            }
            prop_assert_eq!(found.len(), words.len());
        }
    }
}
