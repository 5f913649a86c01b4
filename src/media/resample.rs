//! Changes how many samples a second a sound has: a low-pass filter (a windowed sinc), one set of weights for each phase.

use super::wav::Sound;

/// Zero crossings of the sinc on each side: enough for ears, far more than for features.
const CROSSINGS: f64 = 16.0;
/// The part of the narrower band that is let through.
const PASS: f64 = 0.95;
/// Rates without a common measure have as many phases as samples in a second: the nearest of so many is as good.
const PHASES_MAX: usize = 1024;

/// Returns the sound with `rate` samples a second, its highs cut where the rate cannot hold them.
pub fn resampled(sound: &Sound, rate: u32) -> Sound {
    if sound.rate == rate || sound.rate == 0 || rate == 0 || sound.samples.is_empty() {
        let samples = if sound.rate == rate { sound.samples.clone() } else { Vec::new() };
        return Sound { rate, samples };
    }
    let step = f64::from(sound.rate) / f64::from(rate);
    let filter = Filter::new(step, phases(sound.rate, rate));
    let count = (sound.samples.len() as f64 / step).ceil() as usize;
    let samples = (0..count).map(|at| filter.value(&sound.samples, at as f64 * step)).collect();
    Sound { rate, samples }
}

/// How many different places between two samples are asked for.
fn phases(from: u32, to: u32) -> usize {
    let (mut a, mut b) = (from, to);
    while b > 0 {
        (a, b) = (b, a % b);
    }
    ((to / a) as usize).min(PHASES_MAX)
}

struct Filter {
    /// How many samples on each side count.
    reach: usize,
    /// For each phase the weights of the samples around, their sum 1.
    weights: Vec<Vec<f32>>,
}

impl Filter {
    /// `step` is how many old samples lie between two new ones.
    fn new(step: f64, phases: usize) -> Filter {
        // Cycles a sample, times two: 1 is half the old rate.
        let cutoff = PASS * (1.0 / step).min(1.0);
        let width = CROSSINGS / cutoff;
        let reach = width.ceil() as usize;
        let weights = (0..phases).map(|phase| {
            let offset = phase as f64 / phases as f64;
            let weight = |tap: usize| {
                let distance = tap as f64 - reach as f64 + 1.0 - offset;
                sinc(distance * cutoff) * window(distance / width)
            };
            let raw: Vec<f64> = (0..2 * reach).map(weight).collect();
            let sum: f64 = raw.iter().sum();
            raw.into_iter().map(|weight| (weight / sum) as f32).collect()
        });
        Filter { reach, weights: weights.collect() }
    }

    /// Returns the sound's value at a place between samples.
    fn value(&self, samples: &[f32], place: f64) -> f32 {
        let phases = self.weights.len();
        let steps = (place * phases as f64).round() as usize;
        let (whole, phase) = (steps / phases, steps % phases);
        let first = (whole + 1).saturating_sub(self.reach);
        let skipped = (first + self.reach).saturating_sub(whole + 1);
        let around = samples.get(first.min(samples.len())..(whole + 1 + self.reach).min(samples.len())).unwrap_or(&[]);
        around.iter().zip(&self.weights[phase][skipped..]).map(|(sample, weight)| sample * weight).sum()
    }
}

fn sinc(x: f64) -> f64 {
    let angle = x * std::f64::consts::PI;
    if angle.abs() < 1e-9 { 1.0 } else { angle.sin() / angle }
}

/// Hann's window, from -1 to 1.
fn window(x: f64) -> f64 {
    if x.abs() >= 1.0 { 0.0 } else { 0.5 + 0.5 * (x * std::f64::consts::PI).cos() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(rate: u32, hertz: f64, seconds: f64) -> Sound {
        let step = std::f64::consts::TAU * hertz / f64::from(rate);
        let samples = (0..(seconds * f64::from(rate)) as usize).map(|i| (i as f64 * step).sin() as f32).collect();
        Sound { rate, samples }
    }

    #[track_caller]
    fn check_tone(from: u32, to: u32, hertz: f64, heard: f32) {
        let found = resampled(&tone(from, hertz, 0.5), to);
        let wanted = tone(to, hertz, 0.5);
        assert!(found.samples.len().abs_diff(wanted.samples.len()) <= 1, "{from} to {to}");
        // Ends aside, where there is no sound on one side.
        let inner = to as usize / 10..wanted.samples.len() - to as usize / 10;
        for at in inner {
            let off = (found.samples[at] - wanted.samples[at] * heard).abs();
            assert!(off < 0.01, "{from} to {to} at {hertz} Hz: {off} off");
        }
    }

    #[test]
    fn a_tone_keeps_its_height_and_its_time() {
        for rate in [8000, 11_025, 22_050, 24_000, 44_100, 48_000, 96_000] {
            check_tone(rate, 16_000, 440.0, 1.0);
            check_tone(rate, 16_000, 3000.0, 1.0);
        }
        check_tone(44_099, 16_000, 440.0, 1.0);
    }

    #[test]
    fn what_the_rate_cannot_hold_falls_silent() {
        check_tone(48_000, 16_000, 11_000.0, 0.0);
        check_tone(44_100, 16_000, 9500.0, 0.0);
    }

    #[test]
    fn nothing_and_the_same_rate_are_left_as_they_are() {
        assert!(resampled(&Sound { rate: 0, samples: vec![1.0] }, 16_000).samples.is_empty());
        assert!(resampled(&Sound { rate: 24_000, samples: Vec::new() }, 16_000).samples.is_empty());
        let sound = tone(16_000, 50.0, 0.01);
        assert_eq!(resampled(&sound, 16_000), sound);
        for length in 1..40 {
            let short = Sound { rate: 44_100, samples: vec![0.5; length] };
            assert_eq!(resampled(&short, 16_000).samples.len(), (length as f64 / 2.75625).ceil() as usize);
        }
    }
}
