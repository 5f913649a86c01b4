//! Measures how loud a recording is and brings it to a target (EBU R 128), limiting its peaks.

use super::wav::{Channels, quantise};
use ebur128::{EbuR128, Mode};
use std::collections::VecDeque;

/// How loud a recording is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Loudness {
    /// Integrated loudness of one channel in LUFS; none under 400 ms or when all is silence.
    pub lufs: Option<f64>,
    /// True peak in dBTP; none when every sample is 0.
    pub true_peak_db: Option<f64>,
}

/// What a recording should be brought to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Target {
    /// Integrated loudness in LUFS.
    pub lufs: f64,
    /// Highest true peak in dBTP.
    pub true_peak_db: f64,
}

impl Default for Target {
    /// The loudness of one-channel spoken word: as loud as -16 LUFS on two channels.
    fn default() -> Target {
        Target { lufs: -19.0, true_peak_db: -1.5 }
    }
}

/// Why sound cannot be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot measure sound of {rate} samples a second")]
pub struct LoudnessError {
    pub rate: u32,
}

/// How far from the target we stop trying, in LU.
const NEAR_LU: f64 = 0.1;
/// Each round measures and corrects; speech is near after two or three.
const ROUNDS_MAX: usize = 16;
/// Other meters interpolate peaks otherwise; what is limited stays this much below, in dB.
const METER_MARGIN_DB: f64 = 0.3;
/// The gentlest grip first; a tighter one bends the wave more and is taken only when the one before gets no louder.
const GRIPS: [Grip; 4] = [Grip::new(5.0, 60.0), Grip::new(2.0, 20.0), Grip::new(0.8, 6.0), Grip::new(0.3, 2.0)];
/// Past this much gain over what peaks allow, speech turns into a buzz; clicks in silence are left quiet.
const SQUEEZE_DB_MAX: f64 = 24.0;

/// How a limiter holds a peak.
#[derive(Clone, Copy)]
struct Grip {
    /// How long before a peak the gain begins to give way.
    look_ahead_ms: f64,
    /// How long the gain takes to come back.
    release_ms: f64,
}

impl Grip {
    const fn new(look_ahead_ms: f64, release_ms: f64) -> Grip {
        Grip { look_ahead_ms, release_ms }
    }
}

/// Measures samples from -1 to 1 as a 16-bit file will hold them.
pub fn measure(samples: &[f32], rate: u32) -> Result<Loudness, LoudnessError> {
    let held: Vec<f32> = samples.iter().map(|&sample| f32::from(quantise(sample)) / 32768.0).collect();
    measure_exactly(&held, rate)
}

/// Measures a recording as it is, of one channel or more: all of them together are as loud as the listener hears them,
/// and the true peak is the highest of any.
pub fn measure_channels(sound: &Channels) -> Result<Loudness, LoudnessError> {
    metered(&sound.interleaved, u32::from(sound.count), sound.rate)
}

/// Brings samples to the target and returns what they measure then, as a 16-bit file will hold them.
///
/// The true peak is never over the target's. The loudness is within 0.5 LU of it unless that would crush the sound, as
/// with clicks in silence. Silence, and what is too short to measure (400 ms), is only kept under the peak.
pub fn normalise(samples: &mut [f32], rate: u32, target: Target) -> Result<Loudness, LoudnessError> {
    samples.iter_mut().filter(|sample| !sample.is_finite()).for_each(|sample| *sample = 0.0);
    let before = measure_exactly(samples, rate)?;
    if let (Some(lufs), Some(peak)) = (before.lufs, before.true_peak_db) {
        let gain_db = target.lufs - lufs;
        let over = peak + gain_db > target.true_peak_db;
        let louder = if over { squeeze(samples, rate, target, gain_db, peak)? } else { scaled(samples, gain_db) };
        samples.copy_from_slice(&louder);
    }
    hold_under(samples, rate, target.true_peak_db)
}

/// Gains and limits, round after round, until loudness and peak are both met or loudness would cost too much.
fn squeeze(samples: &[f32], rate: u32, target: Target, gain_db: f64, peak_db: f64) -> Result<Vec<f32>, LoudnessError> {
    let limit_db = target.true_peak_db - METER_MARGIN_DB;
    let gain_db_max = limit_db - peak_db + SQUEEZE_DB_MAX;
    let mut gain_db = gain_db.min(gain_db_max);
    let mut ceiling_db = limit_db;
    let mut grips = GRIPS.into_iter();
    let mut grip = grips.next().expect("there are four grips");
    let mut short_before = f64::INFINITY;
    let mut louder = limited(samples, rate, gain_db, ceiling_db, grip);
    for _ in 0..ROUNDS_MAX {
        let now = measure_exactly(&louder, rate)?;
        let short_lu = now.lufs.map_or(0.0, |lufs| target.lufs - lufs);
        let over_db = now.true_peak_db.map_or(0.0, |peak| peak - limit_db);
        let stalled = short_lu > NEAR_LU && (short_lu > short_before * 0.7 || gain_db >= gain_db_max);
        let tighter = if stalled { grips.next() } else { None };
        let settled = short_lu.abs() <= NEAR_LU || (stalled && tighter.is_none());
        if settled && over_db <= 0.0 {
            break;
        }
        if let Some(tighter) = tighter {
            grip = tighter;
            short_before = f64::INFINITY;
        } else {
            gain_db = (gain_db + short_lu).min(gain_db_max);
            short_before = short_lu;
        }
        // The limiter sees samples; what swings out between them is taken off its ceiling.
        ceiling_db -= over_db.max(0.0);
        louder = limited(samples, rate, gain_db, ceiling_db, grip);
    }
    Ok(louder)
}

/// Scales down until the true peak, as a file will hold it, is not over the limit.
fn hold_under(samples: &mut [f32], rate: u32, limit_db: f64) -> Result<Loudness, LoudnessError> {
    for _ in 0..ROUNDS_MAX {
        let now = measure(samples, rate)?;
        let over_db = now.true_peak_db.map_or(0.0, |peak| peak - limit_db);
        if over_db <= 0.0 {
            return Ok(now);
        }
        // A little more than needed, for rounding to 16 bits.
        let quieter = scaled(samples, -(over_db + 0.01));
        samples.copy_from_slice(&quieter);
    }
    measure(samples, rate)
}

fn scaled(samples: &[f32], gain_db: f64) -> Vec<f32> {
    let gain = amplitude(gain_db);
    samples.iter().map(|&sample| (f64::from(sample) * gain) as f32).collect()
}

/// Returns the samples with gain, none over the ceiling: a limiter that looks ahead.
///
/// The gain each sample may have at most is spread over the look-ahead on both sides, comes back slowly, and is then
/// averaged over the same width, so that it moves without corners and is never above what any sample may have.
fn limited(samples: &[f32], rate: u32, gain_db: f64, ceiling_db: f64, grip: Grip) -> Vec<f32> {
    let (gain, ceiling) = (amplitude(gain_db), amplitude(ceiling_db));
    let allowed: Vec<f64> =
        samples.iter().map(|&sample| (ceiling / (f64::from(sample).abs() * gain).max(1e-9)).min(1.0)).collect();
    let reach = (f64::from(rate) * grip.look_ahead_ms / 1000.0).max(1.0) as usize;
    let mut held = least_around(&allowed, reach);
    let rise = 1.0 - (-1000.0 / (grip.release_ms * f64::from(rate))).exp();
    let mut last = 1.0;
    for value in &mut held {
        last = value.min(last + (1.0 - last) * rise);
        *value = last;
    }
    let smooth = mean_around(&held, reach);
    samples.iter().zip(smooth).map(|(&sample, factor)| (f64::from(sample) * gain * factor) as f32).collect()
}

/// The least of the values up to `reach` away on either side.
fn least_around(values: &[f64], reach: usize) -> Vec<f64> {
    // Places of candidates, their values rising: the front is the least in the window.
    let mut window: VecDeque<usize> = VecDeque::new();
    let mut least = Vec::with_capacity(values.len());
    for at in 0..values.len() + reach {
        if let Some(&value) = values.get(at) {
            while window.back().is_some_and(|&last| values[last] >= value) {
                window.pop_back();
            }
            window.push_back(at);
        }
        let Some(centre) = at.checked_sub(reach) else { continue };
        while window.front().is_some_and(|&first| first + reach < centre) {
            window.pop_front();
        }
        least.push(window.front().map_or(1.0, |&first| values[first]));
    }
    least
}

/// The mean of the values up to `reach` away on either side; beyond the ends the last value stands.
fn mean_around(values: &[f64], reach: usize) -> Vec<f64> {
    let Some(last) = values.len().checked_sub(1) else { return Vec::new() };
    let value = |at: isize| values[at.clamp(0, last as isize) as usize];
    let reach = reach as isize;
    let mut sum: f64 = (-reach..=reach).map(value).sum();
    let mut means = Vec::with_capacity(values.len());
    for at in 0..=last as isize {
        means.push((sum / (2 * reach + 1) as f64).min(1.0));
        sum += value(at + reach + 1) - value(at - reach);
    }
    means
}

fn measure_exactly(samples: &[f32], rate: u32) -> Result<Loudness, LoudnessError> {
    metered(samples, 1, rate)
}

fn metered(interleaved: &[f32], channels: u32, rate: u32) -> Result<Loudness, LoudnessError> {
    let failed = |_| LoudnessError { rate };
    let mut meter = EbuR128::new(channels, rate, Mode::I | Mode::TRUE_PEAK).map_err(failed)?;
    meter.add_frames_f32(interleaved).map_err(failed)?;
    let lufs = meter.loudness_global().map_err(failed)?;
    // The interpolator lags behind; silence lets the last samples through.
    meter.add_frames_f32(&vec![0.0; 64 * channels as usize]).map_err(failed)?;
    let mut highest = 0.0_f64;
    for channel in 0..channels {
        highest = highest.max(meter.true_peak(channel).map_err(failed)?);
    }
    let peak = 20.0 * highest.log10();
    Ok(Loudness {
        lufs: Some(lufs).filter(|lufs| lufs.is_finite()),
        true_peak_db: Some(peak).filter(|db| db.is_finite()),
    })
}

fn amplitude(db: f64) -> f64 {
    10.0_f64.powf(db / 20.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RATE: u32 = 24_000;

    fn tone(hertz: f64, seconds: f64, peak: f64) -> Vec<f32> {
        let step = std::f64::consts::TAU * hertz / f64::from(RATE);
        (0..(seconds * f64::from(RATE)) as usize).map(|i| ((i as f64 * step).sin() * peak) as f32).collect()
    }

    /// Bursts with sharp attacks: like speech, peaks stand far above the mean.
    fn bursts(seconds: f64, peak: f64) -> Vec<f32> {
        let shape = |i: usize| (-((i % 4800) as f64) / 500.0).exp();
        tone(220.0, seconds, peak).into_iter().enumerate().map(|(i, x)| (f64::from(x) * shape(i)) as f32).collect()
    }

    #[track_caller]
    fn check_meets(mut samples: Vec<f32>, target: Target) {
        let after = normalise(&mut samples, RATE, target).unwrap();
        assert_eq!(after, measure(&samples, RATE).unwrap());
        assert!((after.lufs.unwrap() - target.lufs).abs() <= 0.5, "{after:?}");
        assert!(after.true_peak_db.unwrap() <= target.true_peak_db, "{after:?}");
    }

    #[test]
    fn a_full_tone_measures_what_the_standard_says() {
        // ITU-R BS.1770: a 997 Hz sine at 0 dBFS in one channel reads -3.01 LUFS.
        let loud = measure(&tone(997.0, 3.0, 0.999_9), RATE).unwrap();
        assert!((loud.lufs.unwrap() + 3.01).abs() < 0.1, "{loud:?}");
        assert!(loud.true_peak_db.unwrap().abs() < 0.1, "{loud:?}");
    }

    #[test]
    fn two_channels_are_three_decibels_louder_than_one() {
        let one = tone(997.0, 3.0, 0.5);
        let both: Vec<f32> = one.iter().flat_map(|&sample| [sample, sample * 0.5]).collect();
        let alone = measure_channels(&Channels { rate: RATE, count: 1, interleaved: one.clone() }).unwrap();
        let equal: Vec<f32> = one.iter().flat_map(|&sample| [sample, sample]).collect();
        let pair = measure_channels(&Channels { rate: RATE, count: 2, interleaved: equal }).unwrap();
        assert!((pair.lufs.unwrap() - alone.lufs.unwrap() - 3.01).abs() < 0.1, "{pair:?} {alone:?}");
        let uneven = measure_channels(&Channels { rate: RATE, count: 2, interleaved: both }).unwrap();
        assert!((uneven.true_peak_db.unwrap() + 6.02).abs() < 0.1, "{uneven:?}");
    }

    #[test]
    fn quiet_and_loud_sound_meet_the_target() {
        check_meets(tone(300.0, 2.0, 0.01), Target::default());
        check_meets(tone(300.0, 2.0, 1.0), Target::default());
    }

    #[test]
    fn peaks_are_limited_where_gain_would_lift_them_over() {
        let before = measure(&bursts(4.0, 0.3), RATE).unwrap();
        let target = Target { lufs: -14.0, true_peak_db: -1.5 };
        assert!(before.true_peak_db.unwrap() + target.lufs - before.lufs.unwrap() > target.true_peak_db);
        check_meets(bursts(4.0, 0.3), target);
    }

    #[test]
    fn silence_and_snippets_are_left_in_peace() {
        let mut silence = vec![0.0; 48_000];
        let none = Loudness { lufs: None, true_peak_db: None };
        assert_eq!(normalise(&mut silence, RATE, Target::default()).unwrap(), none);
        assert_eq!(silence, vec![0.0; 48_000]);
        assert_eq!(normalise(&mut [], RATE, Target::default()).unwrap(), none);
        let mut snippet = tone(300.0, 0.2, 1.0);
        let after = normalise(&mut snippet, RATE, Target::default()).unwrap();
        assert!(after.lufs.is_none() && after.true_peak_db.unwrap() <= -1.5, "{after:?}");
        let mut quiet = tone(300.0, 0.2, 0.1);
        normalise(&mut quiet, RATE, Target::default()).unwrap();
        assert_eq!(quiet, tone(300.0, 0.2, 0.1));
    }

    #[test]
    fn a_click_in_silence_is_not_blown_up() {
        let mut click = vec![0.0; 48_000];
        click[24_000] = 0.5;
        let after = normalise(&mut click, RATE, Target::default()).unwrap();
        assert!(after.true_peak_db.is_none_or(|peak| peak <= -1.5), "{after:?}");
        assert!(click.iter().all(|sample| sample.is_finite()));
    }

    #[test]
    fn an_impossible_rate_is_an_error() {
        assert_eq!(measure(&[0.1], 0), Err(LoudnessError { rate: 0 }));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn the_peak_holds_for_any_sound(
            steps in proptest::collection::vec((-1.2_f32..1.2, 1usize..400), 1..80),
            lufs in -30.0..-6.0,
        ) {
            let mut samples: Vec<f32> = steps.iter().flat_map(|&(level, count)| {
                (0..count).map(move |i| if i % 7 < 3 { level } else { -level })
            }).collect();
            let after = normalise(&mut samples, RATE, Target { lufs, true_peak_db: -1.5 }).unwrap();
            prop_assert!(after.true_peak_db.is_none_or(|peak| peak <= -1.5), "{:?}", after);
            prop_assert!(samples.iter().all(|sample| sample.is_finite()));
        }

        #[test]
        fn the_window_finds_the_least(values in proptest::collection::vec(0.0..1.0, 0..60), reach in 1usize..9) {
            let least = least_around(&values, reach);
            prop_assert_eq!(least.len(), values.len());
            for (at, &found) in least.iter().enumerate() {
                let near = &values[at.saturating_sub(reach)..(at + reach + 1).min(values.len())];
                prop_assert_eq!(found, near.iter().copied().fold(f64::INFINITY, f64::min));
            }
        }
    }
}
