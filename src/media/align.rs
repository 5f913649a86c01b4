//! Finds when each word of a text is spoken in a recording, by walking through it beside a voice's reading of that text.
//!
//! First a rough walk through the whole of both, in steps of 80 ms or more, inside a band around the straight line; then
//! a fine one of 20 ms beside it, sentence by sentence: where the rough walk expects the end of a sentence and the
//! recording has a pause, both are cut there. What the reading knows of its own words is then looked up in the walk.

use super::dtw::{Corridor, Path, walk};
use super::features::{Frame, HOP, RATE, distance, frames, thinned};
use super::resample::resampled;
use super::silence::{Silences, silences};
use super::token::is_spoken;
use super::wav::Sound;
use super::words::{Break, Word};

/// The rough walk's band on each side: this share of the recording, and at least so many seconds.
const BAND: f64 = 0.12;
const BAND_MIN_S: f64 = 2.0;
/// Frames in a step of the rough walk, if not more are needed to bound its work.
const ROUGH: usize = 4;
/// The rough walk looks at no more pairs of frames than this.
const CELLS_MAX: usize = 40_000_000;
/// The fine walk's band on each side of the rough one, in seconds.
const FINE_BAND_S: f64 = 0.6;
/// A pause as far from where the rough walk expects a sentence to end, in seconds, is another one.
const PAUSE_OFF_S: f64 = 0.35;
/// What is kept of the quiet before the first sound and after the last, in seconds.
const MARGIN_S: f64 = 0.05;
/// The end of a pause is as often a soft consonant; a word's edge so deep in it, in seconds, is moved to where it ends.
const SOFT_S: f64 = 0.03;

/// Returns `words`, whose times are of `reading`, with their times in `recording`: each once, in order, never going back.
pub fn aligned(words: &[Word], reading: &Sound, recording: &Sound) -> Vec<Word> {
    let heard = silences(recording);
    let from = Heard::new(reading, &silences(reading));
    let to = Heard::new(recording, &heard);
    let Some(rough) = rough_walk(&from.frames, &to.frames) else { return words.to_vec() };
    let cuts = cuts(words, &from, &to, &rough, &heard);
    let fine = fine_walk(&from.frames, &to.frames, &rough, &cuts);
    let length = recording.samples.len() as f64 / f64::from(recording.rate.max(1));
    // Where the word before began, and where it ended.
    let mut clock = (0.0_f64, 0.0_f64);
    let place = |word: &Word| {
        let met = |seconds: f64| to.seconds(fine.met(from.place(seconds)));
        let is_heard = word.end > word.start;
        // What is not heard, a dash, stands where the word before it ended.
        let (start, end) =
            if is_heard { out_of_pauses(met(word.start), met(word.end), &heard) } else { (clock.1, clock.1) };
        let start = start.max(clock.0).min(length);
        let end = end.clamp(start, length.max(start));
        clock = (start, end);
        // The voice may have left out what another can say.
        let estimated = word.estimated || (!is_heard && is_spoken(&word.text));
        Word { start, end, estimated, ..word.clone() }
    };
    words.iter().map(place).collect()
}

/// A sound from its first to its last noise, as frames.
struct Heard {
    frames: Vec<Frame>,
    /// Seconds before the first frame.
    offset: f64,
}

impl Heard {
    fn new(sound: &Sound, silences: &Silences) -> Heard {
        let sound = resampled(sound, RATE);
        let at = |seconds: f64| ((seconds.max(0.0) * f64::from(RATE)) as usize).min(sound.samples.len());
        let (start, end) = (at(silences.sound.start - MARGIN_S), at(silences.sound.end + MARGIN_S));
        let samples = sound.samples[start..end.max(start)].to_vec();
        Heard { frames: frames(&Sound { rate: RATE, samples }), offset: start as f64 / f64::from(RATE) }
    }

    /// Returns the place of a time among the frames.
    fn place(&self, seconds: f64) -> f64 {
        (seconds - self.offset) / HOP
    }

    fn seconds(&self, place: f64) -> f64 {
        self.offset + place * HOP
    }
}

/// A walk in steps of several frames.
struct Rough {
    path: Path,
    step: usize,
}

impl Rough {
    /// Returns the first and last frame of the recording that a frame of the reading is expected to meet.
    fn meets(&self, frame: usize) -> (usize, usize) {
        let meets = self.path.meets();
        let (first, last) = meets[(frame / self.step).min(meets.len() - 1)];
        (first * self.step, last * self.step + self.step - 1)
    }

    fn met(&self, place: f64) -> f64 {
        let (step, centre) = (self.step as f64, (self.step - 1) as f64 / 2.0);
        self.path.met((place - centre) / step) * step + centre
    }
}

fn rough_walk(from: &[Frame], to: &[Frame]) -> Option<Rough> {
    let mut step = ROUGH;
    loop {
        let (rows, columns) = (from.len().div_ceil(step), to.len().div_ceil(step));
        let reach = (columns as f64 * BAND).max(BAND_MIN_S / (HOP * step as f64)) as usize + 1;
        if rows.saturating_mul(columns.min(2 * reach)) > CELLS_MAX {
            step *= 2;
            continue;
        }
        let (from, to) = (thinned(from, step), thinned(to, step));
        let path = walk(&Corridor::diagonal(rows, columns, reach), |a, b| distance(&from[a], &to[b]))?;
        return Some(Rough { path, step });
    }
}

/// Finds the frames of both where a sentence has surely ended and the next has not begun.
fn cuts(words: &[Word], from: &Heard, to: &Heard, rough: &Rough, heard: &Silences) -> Vec<(usize, usize)> {
    let mut cuts: Vec<(usize, usize)> = Vec::new();
    for pair in words.windows(2).filter(|pair| pair[0].break_after != Break::None) {
        let middle = f64::midpoint(pair[0].end, pair[1].start);
        let expected = to.seconds(rough.met(from.place(middle)));
        let off = |pause: &std::ops::Range<f64>| (pause.start - expected).max(expected - pause.end).max(0.0);
        let near = heard.pauses.iter().filter(|pause| off(pause) <= PAUSE_OFF_S);
        // Of two pauses at hand the longer is the sentence's, if it is not much farther away.
        let best = near.max_by(|a, b| (a.end - a.start - off(a)).total_cmp(&(b.end - b.start - off(b))));
        let Some(pause) = best else { continue };
        let place = |place: f64| place.max(0.0).round() as usize;
        let cut = (place(from.place(middle)), place(to.place(f64::midpoint(pause.start, pause.end))));
        let before = cuts.last().copied().unwrap_or((0, 0));
        if cut.0 > before.0 && cut.1 > before.1 && cut.0 < from.frames.len() && cut.1 < to.frames.len() {
            cuts.push(cut);
        }
    }
    cuts
}

fn fine_walk(from: &[Frame], to: &[Frame], rough: &Rough, cuts: &[(usize, usize)]) -> Path {
    let reach = (FINE_BAND_S / HOP) as usize;
    let mut whole = Path::default();
    let ends = cuts.iter().copied().chain([(from.len(), to.len())]);
    let mut start = (0, 0);
    for end in ends {
        let (rows, columns) = (start.0..end.0, start.1..end.1);
        let expected = rows.clone().map(|row| {
            let (first, last) = rough.meets(row);
            (first.saturating_sub(columns.start), last.saturating_sub(columns.start))
        });
        let corridor = Corridor::around(expected, columns.len(), reach);
        let path = walk(&corridor, |a, b| distance(&from[rows.start + a], &to[columns.start + b]));
        whole.extend(path.expect("cuts leave frames on both sides"), columns.start);
        start = end;
    }
    whole
}

/// Moves the edges of a word that lie in a pause to where the pause begins or ends.
fn out_of_pauses(start: f64, end: f64, heard: &Silences) -> (f64, f64) {
    let around = |seconds: f64| heard.pauses.iter().find(|pause| pause.start <= seconds && seconds < pause.end);
    let later = around(start).filter(|pause| end > pause.end).map(|pause| pause.end - SOFT_S);
    let start = later.map_or(start, |later| start.max(later));
    let sooner = around(end).filter(|pause| start < pause.start).map(|pause| pause.start + SOFT_S);
    (start, sooner.map_or(end, |sooner| end.min(sooner)).max(start))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SPOKEN_RATE: u32 = 24_000;

    /// A word of a made-up language: a tone with overtones, each word another.
    fn sounds(word: usize, seconds: f64, rate: u32) -> Vec<f32> {
        let count = (seconds * f64::from(rate)) as usize;
        let pitch = 110.0 + 13.0 * (word % 3) as f64;
        let formant = 400.0 + 331.0 * ((word * 5) % 9) as f64;
        let wave = |i: usize| {
            let at = i as f64 / f64::from(rate);
            let part = i as f64 / count as f64;
            let glide = formant * (1.0 + 0.4 * part);
            let nearest = (glide / pitch).round();
            let overtone = |n: f64| (at * pitch * n * std::f64::consts::TAU).sin() / (1.0 + (n - nearest).powi(2));
            let edge = (part.min(1.0 - part) * 12.0).min(1.0);
            ((-2..=2).map(|n| overtone(nearest + f64::from(n))).sum::<f64>() * edge * 0.2) as f32
        };
        (0..count).map(wave).collect()
    }

    /// Speaks words of these lengths; a sentence ends after each fifth. `pause` and `pace` are the speaker's.
    fn spoken(lengths: &[f64], pause: f64, pace: f64, lead: f64, rate: u32) -> (Sound, Vec<Word>) {
        let mut samples = vec![0.0; (lead * f64::from(rate)) as usize];
        let mut words = Vec::new();
        for (nth, length) in lengths.iter().enumerate() {
            let start = samples.len() as f64 / f64::from(rate);
            samples.extend(sounds(nth, length * pace, rate));
            let end = samples.len() as f64 / f64::from(rate);
            let break_after = if nth % 5 == 4 { Break::Sentence } else { Break::None };
            let text = format!("w{nth}");
            words.push(Word { text, start, end, break_after, estimated: false, joined: false });
            let gap = if break_after == Break::Sentence { pause } else { 0.02 };
            samples.extend(vec![0.0; (gap * f64::from(rate)) as usize]);
        }
        (Sound { rate, samples }, words)
    }

    fn errors(found: &[Word], truth: &[Word]) -> (f64, f64) {
        let mut off: Vec<f64> =
            found.iter().zip(truth).map(|(found, truth)| (found.start - truth.start).abs()).collect();
        off.sort_by(f64::total_cmp);
        (off.iter().sum::<f64>() / off.len() as f64, off[off.len() * 95 / 100])
    }

    fn lengths(count: usize) -> Vec<f64> {
        (0..count).map(|nth| 0.15 + 0.05 * ((nth * 7) % 6) as f64).collect()
    }

    #[track_caller]
    fn check(pause: f64, pace: f64, lead: f64, rate: u32, mean_max: f64) {
        let lengths = lengths(40);
        let (reading, words) = spoken(&lengths, 0.35, 1.0, 0.03, SPOKEN_RATE);
        let (recording, truth) = spoken(&lengths, pause, pace, lead, rate);
        let found = aligned(&words, &reading, &recording);
        let (mean, p95) = errors(&found, &truth);
        assert!(mean <= mean_max && p95 <= 3.0 * mean_max, "mean {mean}, p95 {p95}");
    }

    #[test]
    fn words_are_found_at_another_pace_with_other_pauses_and_another_rate() {
        check(0.35, 1.0, 0.03, 24_000, 0.012);
        check(0.9, 1.25, 2.0, 44_100, 0.03);
        check(0.15, 0.8, 0.0, 16_000, 0.03);
        check(0.0, 1.0, 0.5, 22_050, 0.03);
    }

    #[test]
    fn a_sentence_with_a_long_breath_in_it_is_found_behind_it() {
        let (reading, words) = spoken(&lengths(20), 0.35, 1.0, 0.03, SPOKEN_RATE);
        let (mut recording, mut truth) = spoken(&lengths(20), 0.35, 1.0, 0.03, 16_000);
        let at = (truth[7].start * 16_000.0) as usize;
        recording.samples.splice(at..at, vec![0.0; 16_000]);
        truth[7..].iter_mut().for_each(|word| (word.start, word.end) = (word.start + 1.0, word.end + 1.0));
        let (mean, p95) = errors(&aligned(&words, &reading, &recording), &truth);
        assert!(mean < 0.03 && p95 < 0.09, "mean {mean}, p95 {p95}");
    }

    #[test]
    fn what_the_voice_left_out_is_marked() {
        let (sound, mut words) = spoken(&lengths(10), 0.35, 1.0, 0.03, SPOKEN_RATE);
        words[3].end = words[3].start;
        words[6].text = "—".into();
        words[6].end = words[6].start;
        let found = aligned(&words, &sound, &sound);
        let marked: Vec<usize> = (0..10).filter(|&nth| found[nth].estimated).collect();
        assert_eq!(marked, [3]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(8))]

        #[test]
        fn every_word_comes_once_in_order_whatever_the_recording(
            count in 1usize..14,
            noise in proptest::collection::vec((-1.0_f32..1.0, 1usize..3000), 0..20),
        ) {
            let (reading, words) = spoken(&lengths(count), 0.35, 1.0, 0.03, SPOKEN_RATE);
            let samples: Vec<f32> = noise.iter().flat_map(|&(level, count)| vec![level; count]).collect();
            let recording = Sound { rate: 8000, samples };
            let found = aligned(&words, &reading, &recording);
            let texts = |words: &[Word]| words.iter().map(|word| word.text.clone()).collect::<Vec<_>>();
            prop_assert_eq!(texts(&found), texts(&words));
            let length = recording.samples.len() as f64 / 8000.0;
            if length > 0.0 {
                prop_assert!(found.iter().all(|word| 0.0 <= word.start && word.start <= word.end && word.end <= length));
            }
            prop_assert!(found.windows(2).all(|pair| pair[0].start <= pair[1].start));
        }
    }
}
