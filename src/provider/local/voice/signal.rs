//! Makes sound of what the acoustic model predicts: pulses of the vocal cords and noise, each shaped frame by frame. Pure.

use super::fourier::{BINS, FRAME, Fourier, HOP};
use realfft::num_complex::Complex32;
use std::f32::consts::PI;
use std::f64::consts::TAU;

/// In hertz.
pub const SAMPLE_RATE: u32 = 24_000;

/// Below this a frame has no pitch, in hertz.
const VOICED_MIN: f32 = 40.0;

/// No harmonic of the pulses lies above this, in hertz.
const HARMONIC_MAX: f32 = 11_000.0;

/// Predictions beyond this would be louder than any sound: natural logarithm of a magnitude.
const LOG_MAX: f32 = 7.0;

/// What the acoustic model predicts: spectra as `BINS` rows of one value for each frame.
pub struct Frames {
    /// Logarithm of the pulses' gain.
    pub harmonic_gain: Vec<f32>,
    /// Phase of that gain, before the squashing to ±π.
    pub harmonic_phase: Vec<f32>,
    /// Logarithm of the noise's magnitude.
    pub noise_gain: Vec<f32>,
    /// Logarithm of the rest's magnitude.
    pub rest_gain: Vec<f32>,
    /// Phase of the rest.
    pub rest_phase: Vec<f32>,
    /// Pitch in hertz, one for each frame.
    pub pitch: Vec<f32>,
}

/// Makes the sound of `frames`: `HOP` samples each.
pub fn render(frames: &Frames, fourier: &Fourier, noise: &mut Noise) -> Vec<f32> {
    let count = frames.pitch.len();
    // A pulse train of unit harmonics peaks at a quarter of the frame in its spectrum.
    let source_scale = 4.0 / FRAME as f32;
    fourier.reshape(&pulses(&frames.pitch), |frame, spectrum| {
        for (bin, value) in spectrum.iter_mut().enumerate().take(BINS) {
            let at = bin * count + frame;
            let shaped = *value * source_scale * polar(frames.harmonic_gain[at], PI * frames.harmonic_phase[at].tanh());
            let hiss = noise.complex() * frames.noise_gain[at].min(LOG_MAX).exp();
            *value = shaped + hiss + polar(frames.rest_gain[at], frames.rest_phase[at]);
        }
    })
}

fn polar(log_magnitude: f32, phase: f32) -> Complex32 {
    let (sine, cosine) = phase.sin_cos();
    let magnitude = log_magnitude.min(LOG_MAX).exp();
    Complex32::new(magnitude * cosine, magnitude * sine)
}

/// Returns a train of pulses at `pitch`: every harmonic below 11 kHz with amplitude 1, silence where there is no pitch.
pub fn pulses(pitch: &[f32]) -> Vec<f32> {
    let Some(last) = pitch.len().checked_sub(1) else { return Vec::new() };
    let mut phase = 0.0_f64;
    let mut train = Vec::with_capacity(pitch.len() * HOP);
    for sample in 0..pitch.len() * HOP {
        // Frame values stand in the middle of their frames; between them the pitch glides.
        let position = (sample as f32 + 0.5) / HOP as f32 - 0.5;
        let before = position.floor();
        let share = position - before;
        let index = |at: f32| (at.max(0.0) as usize).min(last);
        let hertz = pitch[index(before)] * (1.0 - share) + pitch[index(before + 1.0)] * share;
        phase += f64::from(hertz.max(VOICED_MIN)) / f64::from(SAMPLE_RATE);
        phase -= phase.floor();
        train.push(if hertz > VOICED_MIN {
            harmonics((phase * TAU) as f32, (HARMONIC_MAX / hertz).floor())
        } else {
            0.0
        });
    }
    train
}

/// Returns the sum of `cos(h * angle)` for `h` from 1 to `count`, in closed form.
fn harmonics(angle: f32, count: f32) -> f32 {
    let sine = 2.0 * (angle * 0.5).sin();
    if sine.abs() <= 2e-3 { count } else { ((count + 0.5) * angle).sin() / sine - 0.5 }
}

/// Normal noise from a seed: the same seed gives the same noise on any machine that rounds alike.
pub struct Noise {
    state: u64,
}

impl Noise {
    pub fn new(seed: u64) -> Noise {
        Noise { state: seed }
    }

    /// Returns two independent normal values (Box and Muller's method).
    pub fn complex(&mut self) -> Complex32 {
        let radius = (-2.0 * self.unit().ln()).sqrt();
        let (sine, cosine) = (TAU as f32 * self.unit()).sin_cos();
        Complex32::new(radius * cosine, radius * sine)
    }

    /// Returns a value above 0 and up to 1 (SplitMix64, upper 24 bits).
    fn unit(&mut self) -> f32 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.state;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^= bits >> 31;
        ((bits >> 40) + 1) as f32 / (1_u64 << 24) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pulses_come_once_a_period() {
        let train = pulses(&[100.0; 80]);
        assert_eq!(train.len(), 24_000);
        let peaks: Vec<usize> = (1..train.len() - 1)
            .filter(|&n| train[n] > 50.0 && train[n] >= train[n - 1] && train[n] > train[n + 1])
            .collect();
        assert!((99..=101).contains(&peaks.len()), "{}", peaks.len());
        assert!(peaks.windows(2).all(|pair| (239..=241).contains(&(pair[1] - pair[0]))));
    }

    #[test]
    fn without_pitch_there_are_no_pulses() {
        assert!(pulses(&[0.0; 10]).iter().all(|&value| value == 0.0));
        assert!(pulses(&[]).is_empty());
    }

    #[test]
    fn the_closed_form_is_the_sum_of_its_harmonics() {
        for angle in [0.01_f32, 0.3, 1.0, 3.0, 6.0] {
            let sum: f32 = (1..=20).map(|h| (h as f32 * angle).cos()).sum();
            assert!((harmonics(angle, 20.0) - sum).abs() < 1e-2, "{angle}");
        }
    }

    #[test]
    fn noise_repeats_with_its_seed_and_is_normal() {
        let draw = |seed| {
            let mut noise = Noise::new(seed);
            (0..20_000).map(|_| noise.complex()).collect::<Vec<_>>()
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
        let values: Vec<f32> = draw(7).iter().flat_map(|z| [z.re, z.im]).collect();
        let mean = values.iter().sum::<f32>() / values.len() as f32;
        let variance = values.iter().map(|v| v * v).sum::<f32>() / values.len() as f32;
        assert!(mean.abs() < 0.03 && (variance - 1.0).abs() < 0.04, "{mean} {variance}");
        assert!(values.iter().all(|value| value.is_finite()));
    }
}
