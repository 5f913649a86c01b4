//! Short-time Fourier transform and its inverse: 50 ms frames every 12.5 ms at 24 kHz. Pure.

use realfft::num_complex::Complex32;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};
use std::f64::consts::TAU;
use std::sync::Arc;

/// Samples in a frame.
pub const FRAME: usize = 1200;

/// Samples from one frame to the next.
pub const HOP: usize = 300;

/// Frequencies in a frame's spectrum.
pub const BINS: usize = FRAME / 2 + 1;

/// A planned transform; cheap to clone.
#[derive(Clone)]
pub struct Fourier {
    forward: Arc<dyn RealToComplex<f32>>,
    inverse: Arc<dyn ComplexToReal<f32>>,
    /// Periodic Hann.
    window: Arc<[f32]>,
}

impl Fourier {
    pub fn new() -> Fourier {
        let mut planner = RealFftPlanner::new();
        let window = (0..FRAME).map(|n| (0.5 - 0.5 * (TAU * n as f64 / FRAME as f64).cos()) as f32).collect();
        Fourier { forward: planner.plan_fft_forward(FRAME), inverse: planner.plan_fft_inverse(FRAME), window }
    }

    /// Takes `samples` apart, changes each frame's spectrum with `change(frame, spectrum)`, and puts it together again.
    ///
    /// Frame `n` is centred on sample `n * HOP`; the ends are mirrored. An unchanged spectrum gives the samples back.
    pub fn reshape(&self, samples: &[f32], mut change: impl FnMut(usize, &mut [Complex32])) -> Vec<f32> {
        let frames = samples.len() / HOP;
        let mut sound = vec![0.0_f32; frames * HOP + FRAME];
        let mut weight = vec![0.0_f32; frames * HOP + FRAME];
        let mut frame = self.forward.make_input_vec();
        let mut spectrum = self.forward.make_output_vec();
        let mut forward_scratch = self.forward.make_scratch_vec();
        let mut inverse_scratch = self.inverse.make_scratch_vec();
        for number in 0..frames {
            for (offset, (slot, window)) in frame.iter_mut().zip(self.window.iter()).enumerate() {
                *slot = mirrored(samples, (number * HOP + offset) as isize - (FRAME / 2) as isize) * window;
            }
            self.forward
                .process_with_scratch(&mut frame, &mut spectrum, &mut forward_scratch)
                .expect("the buffers were made by the plan");
            change(number, &mut spectrum);
            // A real signal has none there; the inverse transform insists.
            spectrum[0].im = 0.0;
            spectrum[BINS - 1].im = 0.0;
            self.inverse
                .process_with_scratch(&mut spectrum, &mut frame, &mut inverse_scratch)
                .expect("the buffers were made by the plan and the ends are real");
            let place = number * HOP..number * HOP + FRAME;
            let (sound, weight) = (&mut sound[place.clone()], &mut weight[place]);
            for (((sum, norm), value), window) in sound.iter_mut().zip(weight).zip(&frame).zip(self.window.iter()) {
                *sum += value * window / FRAME as f32;
                *norm += window * window;
            }
        }
        let kept = FRAME / 2..FRAME / 2 + frames * HOP;
        sound[kept.clone()].iter().zip(&weight[kept]).map(|(sum, norm)| sum / norm.max(1e-11)).collect()
    }
}

/// Returns the sample at `at`, reflected at both ends without repeating the end.
fn mirrored(samples: &[f32], at: isize) -> f32 {
    let last = samples.len() as isize - 1;
    if last <= 0 {
        return samples.first().copied().unwrap_or(0.0);
    }
    let folded = at.rem_euclid(2 * last);
    samples[if folded > last { 2 * last - folded } else { folded } as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unchanged_spectrum_gives_the_samples_back() {
        let samples: Vec<f32> =
            (0..9000).map(|n| (n as f32 * 0.05).sin() * 0.5 + (n as f32 * 0.41).cos() * 0.2).collect();
        let back = Fourier::new().reshape(&samples, |_, _| {});
        assert_eq!(back.len(), samples.len());
        let worst = samples.iter().zip(&back).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(worst < 1e-5, "{worst}");
    }

    #[test]
    fn a_tone_stands_in_its_own_bin() {
        // 50 periods in a frame: bin 50.
        let tone: Vec<f32> = (0..FRAME * 4).map(|n| (TAU as f32 * 50.0 * n as f32 / FRAME as f32).sin()).collect();
        let mut loudest = 0;
        Fourier::new().reshape(&tone, |frame, spectrum| {
            if frame == 8 {
                loudest = (0..BINS).max_by(|&a, &b| spectrum[a].norm().total_cmp(&spectrum[b].norm())).unwrap();
            }
        });
        assert_eq!(loudest, 50);
    }

    #[test]
    fn too_short_a_sound_is_no_reason_to_panic() {
        for length in [0, 1, 299, 300, 301, 700] {
            let back = Fourier::new().reshape(&vec![0.25; length], |_, _| {});
            assert_eq!(back.len(), length / HOP * HOP);
        }
    }
}
