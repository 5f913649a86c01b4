//! What a sound is like every 20 ms, in a form that two voices saying the same have in common: MFCC and their slopes.
//!
//! 13 mel-frequency cepstral coefficients of a window of 32 ms, each brought to mean 0 and spread 1 over the recording
//! (which takes out the microphone, the room and much of the voice), and how each rises or falls.

use super::wav::Sound;
use std::f64::consts::{PI, TAU};

/// Samples a second that features are taken of.
pub const RATE: u32 = 16_000;
/// Seconds from one frame to the next.
pub const HOP: f64 = HOP_SAMPLES as f64 / RATE as f64;
/// Numbers in a frame.
pub const SIZE: usize = 2 * COEFFICIENTS;

const HOP_SAMPLES: usize = 320;
const WINDOW: usize = 512;
const COEFFICIENTS: usize = 13;
const BANDS: usize = 26;
const BAND_HERTZ: (f64, f64) = (60.0, 7600.0);
/// Lifts the highs, in which speech is weak.
const EMPHASIS: f32 = 0.97;
/// What is weaker than the loudest band by more than this is as good as silence: 60 dB.
const FLOOR: f64 = 1e-6;
/// Slopes are taken over this many frames to each side.
const SLOPE_REACH: usize = 2;

/// One frame.
pub type Frame = [f32; SIZE];

/// Returns the frames of a sound of [`RATE`] samples a second; frame `i` begins at `i` times [`HOP`].
pub fn frames(sound: &Sound) -> Vec<Frame> {
    let mut cepstra = cepstra(&energies(&sound.samples));
    normalise(&mut cepstra);
    let last = cepstra.len().saturating_sub(1);
    let near = |at: usize, step: usize| (at.saturating_sub(step), (at + step).min(last));
    let norm = 2.0 * (1..=SLOPE_REACH).map(|step| (step * step) as f32).sum::<f32>();
    (0..cepstra.len())
        .map(|at| {
            let mut frame = [0.0; SIZE];
            frame[..COEFFICIENTS].copy_from_slice(&cepstra[at]);
            for (i, slope) in frame[COEFFICIENTS..].iter_mut().enumerate() {
                let rise = (1..=SLOPE_REACH).map(|step| {
                    let (before, after) = near(at, step);
                    step as f32 * (cepstra[after][i] - cepstra[before][i])
                });
                *slope = rise.sum::<f32>() / norm;
            }
            frame
        })
        .collect()
}

/// Returns frames of `count` times the length: the mean of as many.
pub fn thinned(frames: &[Frame], count: usize) -> Vec<Frame> {
    let mean = |some: &[Frame]| {
        let mut sum = [0.0; SIZE];
        for frame in some {
            sum.iter_mut().zip(frame).for_each(|(sum, value)| *sum += value / some.len() as f32);
        }
        sum
    };
    frames.chunks(count.max(1)).map(mean).collect()
}

/// Returns how unlike two frames are.
pub fn distance(a: &Frame, b: &Frame) -> f32 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f32>().sqrt()
}

/// The energy in each band of each frame.
fn energies(samples: &[f32]) -> Vec<[f64; BANDS]> {
    let fourier = Fourier::new();
    let filters = filters();
    let window: Vec<f32> =
        (0..WINDOW).map(|i| (0.54 - 0.46 * (TAU * i as f64 / (WINDOW - 1) as f64).cos()) as f32).collect();
    let mut found = Vec::with_capacity(samples.len() / HOP_SAMPLES + 1);
    let mut padded = [0.0_f32; WINDOW];
    for start in (0..samples.len()).step_by(HOP_SAMPLES) {
        for (i, value) in padded.iter_mut().enumerate() {
            let at = |at: usize| samples.get(at).copied().unwrap_or(0.0);
            let before = if start + i == 0 { 0.0 } else { at(start + i - 1) };
            *value = (at(start + i) - EMPHASIS * before) * window[i];
        }
        let power = fourier.power(&padded);
        let mut bands = [0.0; BANDS];
        for (band, filter) in bands.iter_mut().zip(&filters) {
            *band = filter.iter().map(|&(bin, weight)| weight * f64::from(power[bin])).sum();
        }
        found.push(bands);
    }
    found
}

fn cepstra(energies: &[[f64; BANDS]]) -> Vec<[f32; COEFFICIENTS]> {
    let loudest = energies.iter().flatten().copied().fold(0.0, f64::max);
    let floor = (loudest * FLOOR).max(1e-12);
    let cosine = |i: usize, band: usize| (PI * i as f64 * (band as f64 + 0.5) / BANDS as f64).cos();
    let table: Vec<[f64; BANDS]> = (0..COEFFICIENTS).map(|i| std::array::from_fn(|band| cosine(i, band))).collect();
    let cepstrum = |bands: &[f64; BANDS]| {
        let logs: [f64; BANDS] = std::array::from_fn(|band| bands[band].max(floor).ln());
        std::array::from_fn(|i| logs.iter().zip(&table[i]).map(|(log, cosine)| log * cosine).sum::<f64>() as f32)
    };
    energies.iter().map(cepstrum).collect()
}

/// Brings each coefficient to mean 0 and spread 1 over all frames.
fn normalise(cepstra: &mut [[f32; COEFFICIENTS]]) {
    let count = cepstra.len() as f32;
    for i in 0..COEFFICIENTS {
        let mean = cepstra.iter().map(|frame| frame[i]).sum::<f32>() / count;
        let spread = (cepstra.iter().map(|frame| (frame[i] - mean).powi(2)).sum::<f32>() / count).sqrt();
        // What never changes tells nothing.
        let scale = if spread > 1e-6 { 1.0 / spread } else { 0.0 };
        cepstra.iter_mut().for_each(|frame| frame[i] = (frame[i] - mean) * scale);
    }
}

/// The weights of spectral bins in each band: triangles that are equally wide to the ear.
fn filters() -> Vec<Vec<(usize, f64)>> {
    let mel = |hertz: f64| 2595.0 * (1.0 + hertz / 700.0).log10();
    let hertz = |mel: f64| 700.0 * (10.0_f64.powf(mel / 2595.0) - 1.0);
    let (low, high) = (mel(BAND_HERTZ.0), mel(BAND_HERTZ.1));
    let edge = |i: usize| hertz(low + (high - low) * i as f64 / (BANDS + 1) as f64);
    (0..BANDS)
        .map(|band| {
            let (left, centre, right) = (edge(band), edge(band + 1), edge(band + 2));
            let weight = |bin: usize| {
                let at = bin as f64 * f64::from(RATE) / WINDOW as f64;
                ((at - left) / (centre - left)).min((right - at) / (right - centre)).max(0.0)
            };
            (0..=WINDOW / 2).map(|bin| (bin, weight(bin))).filter(|(_, weight)| *weight > 0.0).collect()
        })
        .collect()
}

/// Turns a window into its spectrum: the fast Fourier transform of Cooley and Tukey, radix 2.
struct Fourier {
    /// Cosine and sine of each part of a turn.
    turns: Vec<(f32, f32)>,
}

impl Fourier {
    fn new() -> Fourier {
        let turn = |i: usize| -TAU * i as f64 / WINDOW as f64;
        Fourier { turns: (0..WINDOW / 2).map(|i| (turn(i).cos() as f32, turn(i).sin() as f32)).collect() }
    }

    /// Returns the power in each bin up to half the rate.
    fn power(&self, window: &[f32; WINDOW]) -> Vec<f32> {
        const BITS: u32 = WINDOW.trailing_zeros();
        let mut values: Vec<(f32, f32)> =
            (0..WINDOW).map(|i| (window[i.reverse_bits() >> (usize::BITS - BITS)], 0.0)).collect();
        let mut half = 1;
        while half < WINDOW {
            for start in (0..WINDOW).step_by(2 * half) {
                for i in 0..half {
                    let (cosine, sine) = self.turns[i * (WINDOW / 2 / half)];
                    let (a, b) = (values[start + i], values[start + i + half]);
                    let turned = (b.0 * cosine - b.1 * sine, b.0 * sine + b.1 * cosine);
                    values[start + i] = (a.0 + turned.0, a.1 + turned.1);
                    values[start + i + half] = (a.0 - turned.0, a.1 - turned.1);
                }
            }
            half *= 2;
        }
        values[..=WINDOW / 2].iter().map(|(re, im)| re * re + im * im).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(hertz: f64, seconds: f64) -> Vec<f32> {
        let step = TAU * hertz / f64::from(RATE);
        (0..(seconds * f64::from(RATE)) as usize).map(|i| (i as f64 * step).sin() as f32).collect()
    }

    #[test]
    fn a_tone_stands_in_its_own_bin() {
        // 50 periods in a window: bin 50.
        let tone = tone(50.0 * f64::from(RATE) / WINDOW as f64, 0.1);
        let mut window = [0.0; WINDOW];
        window.copy_from_slice(&tone[..WINDOW]);
        let power = Fourier::new().power(&window);
        let loudest = (0..power.len()).max_by(|&a, &b| power[a].total_cmp(&power[b])).unwrap();
        assert_eq!(loudest, 50);
        assert!((power[50].sqrt() - WINDOW as f32 / 2.0).abs() < 0.1, "{}", power[50].sqrt());
        assert!(power[60] < 1.0);
    }

    #[test]
    fn equal_sounds_are_alike_at_any_loudness_and_others_are_not() {
        let sound = |samples: Vec<f32>| Sound { rate: RATE, samples };
        let samples = [tone(300.0, 0.3), vec![0.0; 3200], tone(2000.0, 0.3)].concat();
        let quiet = samples.iter().map(|sample| sample * 0.1).collect();
        let (loud, quiet) = (frames(&sound(samples)), frames(&sound(quiet)));
        assert_eq!(loud.len(), 40);
        let worst = loud.iter().zip(&quiet).map(|(a, b)| distance(a, b)).fold(0.0, f32::max);
        assert!(worst < 0.05, "{worst}");
        assert!(distance(&loud[5], &loud[8]) < 0.5 * distance(&loud[5], &loud[35]));
    }

    #[test]
    fn silence_and_snippets_have_frames_too() {
        let frames = |samples: Vec<f32>| frames(&Sound { rate: RATE, samples });
        assert!(frames(Vec::new()).is_empty());
        assert_eq!(frames(vec![0.5]).len(), 1);
        assert!(frames(vec![0.0; 5000]).iter().flatten().all(|value| *value == 0.0));
        let thin = thinned(&frames(tone(300.0, 0.2)), 4);
        assert_eq!(thin.len(), 3);
    }
}
