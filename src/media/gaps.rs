//! Gives times to the words that have none, from those around them and from the sound.

use super::estimate::estimated;
use super::token::{Token, is_closer, is_spoken, tokens};
use super::wav::Sound;
use super::words::{Break, Word};
use std::ops::Range;

/// A word may end so much after the sound, in seconds: others round otherwise.
const PAST_END_S: f64 = 0.25;
/// Words overlap by no more, in seconds, if their times are of use.
const OVERLAP_S: f64 = 0.005;

/// Returns `words` with each that is marked as estimated laid between its neighbours, by length and along the pauses there.
///
/// All others keep their times, inside the sound. Every word comes once, in order, never going back.
pub fn filled(words: &[Word], sound: &Sound) -> Vec<Word> {
    let length = seconds(sound);
    let mut found: Vec<Word> = Vec::with_capacity(words.len());
    let mut at = 0;
    while at < words.len() {
        let end = at + words[at..].iter().take_while(|word| word.estimated).count();
        let from = found.last().map_or(0.0, |word: &Word| word.end);
        if end > at {
            let to = words.get(end).map_or(length, |word| word.start.min(length));
            found.extend(between(&words[at..end], sound, from..to.max(from)));
        }
        if let Some(word) = words.get(end) {
            let start = word.start.min(length).max(found.last().map_or(0.0, |before| before.start));
            found.push(Word { start, end: word.end.min(length).max(start), ..word.clone() });
        }
        at = end + 1;
    }
    found
}

/// Returns the words of a text, each at no time and marked as estimated; ends of sentences are told by their marks.
pub fn timeless(text: &str) -> Vec<Word> {
    let word = |token: Token<'_>| Word {
        text: token.text.to_owned(),
        start: 0.0,
        end: 0.0,
        break_after: if ends_sentence(token.text) { Break::Sentence } else { Break::None },
        estimated: true,
        joined: token.joined,
    };
    tokens(text).into_iter().map(word).collect()
}

/// Marks the words as estimated whose times cannot be: none at all, after the sound's end, going back, or standing still.
pub fn distrust(words: &mut [Word], length: f64) {
    let spoken: Vec<usize> = (0..words.len()).filter(|&at| is_spoken(&words[at].text)).collect();
    let is_time = |word: &Word| {
        word.start.is_finite() && word.start >= 0.0 && word.end > word.start && word.end <= length + PAST_END_S
    };
    let finite = |word: &Word| word.start.is_finite() && word.end.is_finite();
    let is_right = |word: &Word| if is_spoken(&word.text) { is_time(word) } else { finite(word) };
    let mut wrong: Vec<usize> = (0..words.len()).filter(|&at| !is_right(&words[at])).collect();
    let told: Vec<usize> = spoken.into_iter().filter(|&at| !words[at].estimated).collect();
    for pair in told.windows(2) {
        if words[pair[1]].start < words[pair[0]].end - OVERLAP_S {
            wrong.extend(pair);
        }
    }
    for at in wrong {
        words[at].estimated = true;
    }
}

fn between(words: &[Word], sound: &Sound, time: Range<f64>) -> Vec<Word> {
    let place = |seconds: f64| ((seconds * f64::from(sound.rate)).round() as usize).min(sound.samples.len());
    let samples = sound.samples[place(time.start)..place(time.end).max(place(time.start))].to_vec();
    let laid = estimated(words, &Sound { rate: sound.rate, samples });
    let moved = |word: Word| Word { start: word.start + time.start, end: word.end + time.start, ..word };
    laid.into_iter().map(moved).collect()
}

fn ends_sentence(word: &str) -> bool {
    let mark = word.trim_end_matches(is_closer).chars().next_back();
    mark.is_some_and(|mark| matches!(mark, '.' | '!' | '?' | '…' | '。' | '！' | '？'))
}

fn seconds(sound: &Sound) -> f64 {
    sound.samples.len() as f64 / f64::from(sound.rate.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn noise(seconds: f64) -> Sound {
        let samples = (0..(seconds * 8000.0) as usize).map(|i| if i % 9 < 4 { 0.5 } else { -0.5 }).collect();
        Sound { rate: 8000, samples }
    }

    fn known(text: &str, start: f64, end: f64) -> Word {
        Word { start, end, estimated: false, ..timeless(text).remove(0) }
    }

    #[test]
    fn what_is_missing_is_laid_between_its_neighbours() {
        let words = [&[known("one", 0.2, 0.5)][..], &timeless("two four"), &[known("five", 1.4, 2.0)]].concat();
        let found = filled(&words, &noise(2.0));
        assert_eq!((found[0].clone(), found[3].clone()), (words[0].clone(), words[3].clone()));
        assert!((found[1].start - 0.5).abs() < 0.01 && (found[2].end - 1.4).abs() < 0.01, "{found:?}");
        assert!(found[1].estimated && found[1].end <= found[2].start && !found[3].estimated);
    }

    #[test]
    fn where_nothing_is_known_all_is_estimated() {
        let sound = noise(1.5);
        assert_eq!(filled(&timeless("One. Two!"), &sound), estimated(&timeless("One. Two!"), &sound));
        assert_eq!(filled(&[], &sound), []);
        assert_eq!(timeless("“No,” he said. Yes?”")[2].break_after, Break::Sentence);
    }

    proptest! {
        #[test]
        fn every_word_comes_once_in_order_and_inside(
            pattern in proptest::collection::vec((any::<bool>(), 0.0_f64..0.4, 0.0_f64..0.3), 1..30),
        ) {
            let mut clock = 0.0;
            let words: Vec<Word> = pattern.iter().map(|&(is_known, gap, length)| {
                let start = clock + gap;
                clock = start + length;
                if is_known { known("word", start, clock) } else { timeless("other").remove(0) }
            }).collect();
            let found = filled(&words, &noise(clock));
            let mut before = 0.0;
            for (found, word) in found.iter().zip(&words) {
                prop_assert!(before <= found.start && found.start <= found.end && found.end <= clock + 1e-3);
                prop_assert_eq!((&found.text, found.estimated), (&word.text, word.estimated));
                before = found.start;
            }
            prop_assert_eq!(found.len(), words.len());
        }
    }
}
