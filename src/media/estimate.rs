//! Shares out a recording's time among the words of a text by their length: what is left where nothing can be heard.
//!
//! A word weighs its letters and one more, a pause what its mark is worth. Sentences are first laid along the pauses of
//! the recording: the cheapest way to give each end of a sentence a pause or none, by dynamic programming.

use super::silence::{Silences, silences};
use super::token::is_closer;
use super::wav::Sound;
use super::words::{Break, Word};
use std::collections::BTreeMap;
use std::ops::Range;

/// What a comma's pause weighs, in letters, and what that of a sentence's end does: measured against a voice's reading.
const COMMA: f64 = 3.5;
const STOP: f64 = 7.0;
/// A pause at least so long, in seconds, may be the end of a sentence.
const PAUSE_S: f64 = 0.15;
/// A sentence may be off what is expected by about so much: a share of it, and seconds.
const SPREAD: f64 = 0.12;
const SPREAD_S: f64 = 0.25;
/// What it costs to leave an end of a sentence without a pause; what a second of pause is worth, up to a longest.
const WITHOUT: f64 = 1.5;
const WORTH: f64 = 2.0;
const WORTH_MAX_S: f64 = 0.8;
/// This many pauses around where a sentence's end is expected are looked at, and so many sentences between two pauses.
const PAUSES_NEAR: usize = 40;
const SENTENCES_BETWEEN: usize = 24;

/// Returns `words` with times in `recording`, all marked as estimated: each once, in order, never going back.
pub fn estimated(words: &[Word], recording: &Sound) -> Vec<Word> {
    let heard = silences(recording);
    let weights: Vec<Weight> = words.iter().map(Weight::of).collect();
    let mut found = Vec::with_capacity(words.len());
    let (mut first, mut start) = (0, heard.sound.start);
    for (end, pause) in cuts(words, &weights, &heard) {
        share(&words[first..end], &weights[first..end], start..pause.start, &mut found);
        (first, start) = (end, pause.end);
    }
    share(&words[first..], &weights[first..], start..heard.sound.end, &mut found);
    found
}

/// What a word weighs, and the pause after it.
#[derive(Clone, Copy)]
struct Weight {
    said: f64,
    pause: f64,
}

impl Weight {
    fn of(word: &Word) -> Weight {
        let letters = word.text.chars().filter(|c| c.is_alphanumeric()).count();
        let said = if letters == 0 { 0.0 } else { letters as f64 + 1.0 };
        let mark = word.text.trim_end_matches(is_closer).chars().next_back();
        let pause = match mark {
            _ if word.break_after != Break::None => STOP,
            Some('.' | '!' | '?' | '…' | '。' | '！' | '？') => STOP,
            Some(',' | ';' | ':' | '—' | '–' | '、' | '，' | '；' | '：') => COMMA,
            _ => 0.0,
        };
        Weight { said, pause }
    }
}

/// Shares out `time` among words; the pause after the last is not in it.
fn share(words: &[Word], weights: &[Weight], time: Range<f64>, found: &mut Vec<Word>) {
    let last = weights.last().map_or(0.0, |weight| weight.pause);
    let whole = weights.iter().map(|weight| weight.said + weight.pause).sum::<f64>() - last;
    let length = (time.end - time.start).max(0.0);
    let rate = if whole > 0.0 { length / whole } else { 0.0 };
    let mut before = 0.0;
    for (word, weight) in words.iter().zip(weights) {
        let (start, end) = (time.start + before * rate, time.start + (before + weight.said) * rate);
        let inside = |seconds: f64| seconds.min(time.start + length);
        found.push(Word { start: inside(start), end: inside(end), estimated: true, ..word.clone() });
        before += weight.said + weight.pause;
    }
}

/// The end of a sentence that is given a pause.
#[derive(Clone, Copy)]
struct Match {
    cost: f64,
    /// The match before: its sentence and its pause; none for the recording's start.
    before: Option<(usize, usize)>,
}

/// Returns the words before which a pause lies that ends a sentence, each with its pause.
fn cuts(words: &[Word], weights: &[Weight], heard: &Silences) -> Vec<(usize, Range<f64>)> {
    let pauses: Vec<Range<f64>> =
        heard.pauses.iter().filter(|pause| pause.end - pause.start >= PAUSE_S).cloned().collect();
    let ends: Vec<usize> = (1..words.len()).filter(|&at| words[at - 1].break_after != Break::None).collect();
    if pauses.is_empty() || ends.is_empty() {
        return Vec::new();
    }
    let lay = Lay::new(weights, &ends, &pauses, heard);
    let mut matches: BTreeMap<(usize, usize), Match> = BTreeMap::new();
    for sentence in 0..ends.len() {
        for pause in lay.near(sentence) {
            let worth = WORTH * (pauses[pause].end - pauses[pause].start).min(WORTH_MAX_S);
            let found = lay.cheapest(&matches, sentence, pauses[pause].start, pause);
            matches.insert((sentence, pause), Match { cost: found.cost - worth, ..found });
        }
    }
    let mut last = lay.cheapest(&matches, ends.len(), heard.sound.end, pauses.len()).before;
    let mut found = Vec::new();
    while let Some((sentence, pause)) = last {
        found.push((ends[sentence], pauses[pause].clone()));
        last = matches.get(&(sentence, pause)).and_then(|found| found.before);
    }
    found.reverse();
    found
}

/// Where sentences are expected along the recording.
struct Lay<'a> {
    pauses: &'a [Range<f64>],
    start: f64,
    /// Seconds a letter.
    rate: f64,
    /// For each end of a sentence, the last one included, what weighs before it; without and with its pause.
    before: Vec<(f64, f64)>,
}

impl<'a> Lay<'a> {
    fn new(weights: &[Weight], ends: &[usize], pauses: &'a [Range<f64>], heard: &Silences) -> Lay<'a> {
        let mut sum = 0.0;
        let sums: Vec<(f64, f64)> = weights
            .iter()
            .map(|weight| {
                sum += weight.said + weight.pause;
                (sum - weight.pause, sum)
            })
            .collect();
        let before: Vec<(f64, f64)> = ends.iter().chain([&weights.len()]).map(|&end| sums[end - 1]).collect();
        let whole = before.last().map_or(1.0, |(without, _)| without.max(1.0));
        let rate = (heard.sound.end - heard.sound.start) / whole;
        Lay { pauses, start: heard.sound.start, rate, before }
    }

    /// Returns the pauses nearest to where a sentence is expected to end.
    fn near(&self, sentence: usize) -> Range<usize> {
        let expected = self.start + self.rate * self.before[sentence].0;
        let at = self.pauses.partition_point(|pause| pause.start < expected);
        at.saturating_sub(PAUSES_NEAR / 2)..(at + PAUSES_NEAR / 2).min(self.pauses.len())
    }

    /// Returns the cheapest match before a sentence that ends at `time`, where the pause `pause` begins.
    fn cheapest(&self, matches: &BTreeMap<(usize, usize), Match>, sentence: usize, time: f64, pause: usize) -> Match {
        let mut best = Match { cost: self.cost(0.0, sentence, sentence, time - self.start), before: None };
        for earlier in sentence.saturating_sub(SENTENCES_BETWEEN)..sentence {
            for (&key, found) in matches.range((earlier, 0)..(earlier, pause)) {
                let spent = time - self.pauses[key.1].end;
                let cost = found.cost + self.cost(self.before[earlier].1, sentence, sentence - earlier - 1, spent);
                if cost < best.cost {
                    best = Match { cost, before: Some(key) };
                }
            }
        }
        best
    }

    /// What it costs that everything from the weight `from` to a sentence's end takes so many seconds; `skipped` ends of
    /// sentences lie between.
    fn cost(&self, from: f64, sentence: usize, skipped: usize, spent: f64) -> f64 {
        let expected = (self.rate * (self.before[sentence].0 - from)).max(0.0);
        let off = (spent - expected) / (SPREAD * expected + SPREAD_S);
        off * off + WITHOUT * skipped as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Words of a text, a sentence ending with each full stop.
    fn words(text: &str) -> Vec<Word> {
        let word = |text: &str| Word {
            text: text.into(),
            start: 0.0,
            end: 0.0,
            break_after: if text.ends_with('.') { Break::Sentence } else { Break::None },
            estimated: false,
            joined: false,
        };
        text.split(' ').map(word).collect()
    }

    /// Sounds of these lengths, a pause after each, in milliseconds.
    fn recording(parts_ms: &[(usize, usize)]) -> Sound {
        let mut samples = Vec::new();
        for &(sound, pause) in parts_ms {
            samples.extend((0..sound * 8).map(|i| if i % 9 < 4 { 0.5 } else { -0.5 }));
            samples.extend(vec![0.0; pause * 8]);
        }
        Sound { rate: 8000, samples }
    }

    fn times(words: &[Word]) -> Vec<(i64, i64)> {
        let ms = |seconds: f64| (seconds * 1000.0).round() as i64;
        words.iter().map(|word| (ms(word.start), ms(word.end))).collect()
    }

    #[test]
    fn one_sentence_is_shared_out_by_letters_and_pauses() {
        // abc, weighs 4 and 3.5 for the comma, defgh. weighs 6: 13.5 in 1350 ms.
        let found = estimated(&words("abc, defgh."), &recording(&[(1350, 0)]));
        assert_eq!(times(&found), [(0, 400), (750, 1350)]);
        assert!(found.iter().all(|word| word.estimated));
    }

    #[test]
    fn sentences_keep_to_the_pauses_of_the_recording() {
        // The second is spoken slowly and has a breath in it: by length alone the third would begin too early.
        let text = "Abcd efgh ijkl. Mnop qrst uvwx. Yzab cdef ghij.";
        let found = estimated(&words(text), &recording(&[(900, 500), (900, 120), (500, 600), (900, 300)]));
        let starts: Vec<i64> = times(&found).iter().map(|time| time.0).collect();
        assert_eq!((starts[0], starts[3], starts[6]), (0, 1400, 3520));
    }

    #[test]
    fn a_sentence_without_a_pause_behind_it_shares_with_the_next() {
        let text = "Abcd efgh. Abcd efgh. Abcd efgh.";
        let found = estimated(&words(text), &recording(&[(2700, 400), (1000, 0)]));
        let starts: Vec<i64> = times(&found).iter().map(|time| time.0).collect();
        assert_eq!(starts[4], 3100);
        // Two words of 5, a pause of 7, two words of 5.
        assert_eq!(starts[2], 1700);
    }

    #[test]
    fn what_is_not_spoken_has_no_length() {
        let found = estimated(&words("abc — def."), &recording(&[(1150, 0)]));
        assert_eq!(times(&found)[1].0, times(&found)[1].1);
        assert_eq!(estimated(&[], &recording(&[(100, 0)])), []);
        let nothing = estimated(&words("— abc."), &Sound::default());
        assert_eq!(times(&nothing), [(0, 0), (0, 0)]);
    }

    proptest! {
        #[test]
        fn every_word_comes_once_in_order_and_inside(
            text in "([a-z]{1,9}[,.]?|—)( ([a-z]{1,9}[,.]?|—)){0,40}",
            parts in proptest::collection::vec((30usize..900, 0usize..700), 1..20),
        ) {
            let (words, recording) = (words(&text), recording(&parts));
            let found = estimated(&words, &recording);
            let length = recording.samples.len() as f64 / 8000.0;
            prop_assert!(found.iter().map(|word| &word.text).eq(words.iter().map(|word| &word.text)));
            let mut clock = 0.0;
            for word in &found {
                prop_assert!(clock <= word.start && word.start <= word.end && word.end <= length + 1e-9);
                clock = word.start;
            }
        }
    }
}
