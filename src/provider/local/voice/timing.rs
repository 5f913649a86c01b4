//! Turns the durations of phonemes into times of words. Pure.

use super::phonemes::Phoneme;
use crate::provider::speech::SpokenWord;

/// One unit of the acoustic model's durations, in seconds.
pub const UNIT: f64 = 0.025;

/// The sound of a word comes earlier than the durations say, in seconds: measured by forced alignment (80 to 91 ms),
/// by matching with another voice (84 to 103 ms) and by the onsets of energy (50 ms, 41 onsets, all within 50 ms of the
/// corrected time at the 95th percentile); three units are between them.
pub const LEAD: f64 = 0.075;

/// Returns `durations` as they are at `speed`. What is rounded off one is given to the next, so that the whole follows
/// the speed and hardly a moment is off by more than a unit; but each sound keeps a unit, at the cost of longer ones
/// behind it.
pub fn paced(durations: &[u32], speed: f64) -> Vec<u32> {
    let (mut wanted, mut given) = (0.0, 0.0);
    let each = |&units: &u32| {
        wanted += f64::from(units) / speed;
        let least = f64::from(u32::from(units > 0));
        let units = (wanted - given).round().max(least);
        given += units;
        units as u32
    };
    durations.iter().map(each).collect()
}

/// Gathers the times of the words of one reply.
pub struct Times {
    spans: Vec<Option<(f64, f64)>>,
}

impl Times {
    /// Starts with `count` words that nobody has heard yet.
    pub fn new(count: usize) -> Times {
        Times { spans: vec![None; count] }
    }

    /// Notes a piece that begins `offset` seconds into the sound. `durations` has one more at each end: the pads.
    pub fn note(&mut self, piece: &[Phoneme], durations: &[u32], offset: f64) {
        let mut units: u32 = durations.first().copied().unwrap_or(0);
        for (phoneme, &duration) in piece.iter().zip(durations.iter().skip(1)) {
            let start = offset + f64::from(units) * UNIT - LEAD;
            units += duration;
            let end = offset + f64::from(units) * UNIT - LEAD;
            let Some(span) = phoneme.word.and_then(|word| self.spans.get_mut(word)) else { continue };
            let first = span.map_or(start, |(first, _)| first);
            *span = Some((first, end));
        }
    }

    /// Returns the words with their times: in order, none before 0 or after `length` seconds.
    ///
    /// A word that is not heard has no length and stands where the word before it ended, or where the first one begins.
    pub fn words<'a>(&self, texts: impl Iterator<Item = &'a str>, length: f64) -> Vec<SpokenWord> {
        let first = self.spans.iter().flatten().next().map_or(0.0, |(start, _)| *start);
        let mut clock = first.clamp(0.0, length);
        let place = |(text, span): (&str, &Option<(f64, f64)>)| {
            let (start, end) = span.unwrap_or((clock, clock));
            let start = start.clamp(clock, length.max(clock));
            let end = end.clamp(start, length.max(start));
            clock = end;
            SpokenWord { text: text.to_owned(), start, end, estimated: false }
        };
        texts.zip(&self.spans).map(place).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::phonemes::Cut;
    use super::*;

    fn sound(word: usize) -> Phoneme {
        Phoneme { id: 1, word: Some(word), cut: Cut::Inside }
    }

    fn pause() -> Phoneme {
        Phoneme { id: 16, word: None, cut: Cut::Word }
    }

    fn times(times: &Times, count: usize, length: f64) -> Vec<(i64, i64)> {
        let ms = |seconds: f64| (seconds * 1000.0).round() as i64;
        let texts = vec!["x"; count];
        times.words(texts.into_iter(), length).iter().map(|word| (ms(word.start), ms(word.end))).collect()
    }

    #[test]
    fn the_whole_follows_the_speed_and_no_moment_drifts() {
        let durations: Vec<u32> = (0..400).map(|n| [2, 3, 1, 4, 6, 2, 3, 9][n % 8]).collect();
        let total: u32 = durations.iter().sum();
        for percent in (50..=200).step_by(5) {
            let speed = f64::from(percent) / 100.0;
            let at_speed = paced(&durations, speed);
            let wanted = f64::from(total) / speed;
            let found: u32 = at_speed.iter().sum();
            assert!((f64::from(found) - wanted).abs() <= 1.0, "{speed}: {found} of {wanted}");
            assert!(at_speed.iter().all(|&units| units > 0), "{speed}");
            let (mut before, mut now) = (0.0, 0.0);
            for (own, units) in durations.iter().zip(at_speed) {
                before += f64::from(*own) / speed;
                now += f64::from(units);
                assert!((now - before).abs() <= 1.5, "{speed}: {now} of {before}");
            }
        }
        assert_eq!(paced(&durations, 1.0), durations);
        assert_eq!(paced(&[0, 1, 0], 2.0), [0, 1, 0]);
    }

    #[test]
    fn words_take_the_time_of_their_phonemes() {
        let mut heard = Times::new(2);
        heard.note(&[sound(0), sound(0), pause(), sound(1)], &[10, 2, 2, 1, 4, 8], 1.0);
        assert_eq!(times(&heard, 2, 9.0), [(1175, 1275), (1300, 1400)]);
    }

    #[test]
    fn words_that_nobody_hears_are_squeezed_between_their_neighbours() {
        let mut heard = Times::new(5);
        heard.note(&[sound(1), pause(), sound(3)], &[10, 2, 1, 2, 5], 0.0);
        assert_eq!(times(&heard, 5, 9.0), [(175, 175), (175, 225), (225, 225), (250, 300), (300, 300)]);
    }

    #[test]
    fn no_time_is_before_the_start_or_behind_the_end() {
        let mut heard = Times::new(2);
        heard.note(&[sound(0), sound(1)], &[0, 1, 40, 0], 0.0);
        assert_eq!(times(&heard, 2, 0.5), [(0, 0), (0, 500)]);
        assert_eq!(times(&Times::new(2), 2, 0.25), [(0, 0), (0, 0)]);
    }
}
