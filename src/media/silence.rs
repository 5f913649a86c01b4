//! Finds where a recording is silent: pauses between words and sentences, and the quiet before and after.

use super::wav::Sound;
use std::ops::Range;

/// Loudness is looked at in steps of this.
const STEP_MS: usize = 10;
/// A shorter gap is a stop consonant, not a pause.
const PAUSE_MS: usize = 120;
/// A shorter sound between two silences is a click.
const CLICK_MS: usize = 30;
/// Silence is quieter than loud speech by at least this, and by no more than that, in dB.
const BELOW_DB: (f64, f64) = (15.0, 40.0);
/// Silence ends at this share of the way from the quietest to the loudest.
const SHARE: f64 = 0.25;

/// Where a recording is silent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Silences {
    /// In seconds, in order, each between two sounds.
    pub pauses: Vec<Range<f64>>,
    /// From the first sound to the last, in seconds; all of a recording in which there is none.
    pub sound: Range<f64>,
}

/// Finds the silences of a recording.
pub fn silences(sound: &Sound) -> Silences {
    let rate = f64::from(sound.rate.max(1));
    let step = (sound.rate as usize * STEP_MS / 1000).max(1);
    let length = sound.samples.len() as f64 / rate;
    let seconds = |at: usize| ((at * step) as f64 / rate).min(length);
    let levels: Vec<f64> = sound.samples.chunks(step).map(level_db).collect();
    let limit = limit_db(&levels);
    let mut is_loud: Vec<bool> = levels.iter().map(|&level| level >= limit).collect();
    for run in runs(&is_loud) {
        if is_loud[run.start] && run.len() <= CLICK_MS / STEP_MS {
            is_loud[run].fill(false);
        }
    }
    let (Some(first), Some(last)) = (is_loud.iter().position(|loud| *loud), is_loud.iter().rposition(|loud| *loud))
    else {
        return Silences { pauses: Vec::new(), sound: 0.0..length };
    };
    let inner = runs(&is_loud).into_iter().filter(|run| run.start > first && run.end <= last);
    let pauses = inner.filter(|run| !is_loud[run.start] && run.len() >= PAUSE_MS / STEP_MS);
    Silences {
        pauses: pauses.map(|run| seconds(run.start)..seconds(run.end)).collect(),
        sound: seconds(first)..seconds(last + 1),
    }
}

/// Below this, in dB, a step is silent.
fn limit_db(levels: &[f64]) -> f64 {
    let mut sorted = levels.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = |share: f64| sorted.get((sorted.len() as f64 * share) as usize).copied().unwrap_or_default();
    let (quiet, loud) = (at(0.05), at(0.95));
    (quiet + SHARE * (loud - quiet)).clamp(loud - BELOW_DB.1, loud - BELOW_DB.0)
}

fn level_db(samples: &[f32]) -> f64 {
    let power = samples.iter().map(|&sample| f64::from(sample).powi(2)).sum::<f64>() / samples.len().max(1) as f64;
    // As quiet as the last bit of a recording: what is digitally nothing is no quieter.
    10.0 * power.max(1e-10).log10()
}

/// Returns the stretches of equal values.
fn runs(values: &[bool]) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    for (at, value) in values.iter().enumerate() {
        match found.last_mut() {
            Some(run) if values[run.start] == *value => run.end = at + 1,
            _ => found.push(at..at + 1),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sounds and silences by turns, in milliseconds, the first a silence; silence is a hiss of that height.
    fn recording(lengths_ms: &[usize], hiss: f32) -> Sound {
        let rate = 8000;
        let mut samples = Vec::new();
        for (nth, &ms) in lengths_ms.iter().enumerate() {
            let height = if nth % 2 == 0 { hiss } else { 0.5 };
            samples.extend((0..ms * rate / 1000).map(|i| if i * i % 7 < 3 { height } else { -height }));
        }
        Sound { rate: rate as u32, samples }
    }

    #[track_caller]
    fn check(lengths_ms: &[usize], hiss: f32, pauses: &[(f64, f64)], sound: (f64, f64)) {
        let found = silences(&recording(lengths_ms, hiss));
        let rounded = |range: &Range<f64>| ((range.start * 1e3).round() / 1e3, (range.end * 1e3).round() / 1e3);
        assert_eq!(found.pauses.iter().map(rounded).collect::<Vec<_>>(), pauses);
        assert_eq!(rounded(&found.sound), sound);
    }

    #[test]
    fn pauses_are_found_in_clean_and_in_noisy_recordings() {
        for hiss in [0.0, 0.001, 0.03] {
            check(&[300, 500, 200, 400, 350, 600, 100], hiss, &[(0.8, 1.0), (1.4, 1.75)], (0.3, 2.35));
        }
    }

    #[test]
    fn stops_and_clicks_are_no_pauses_and_no_sounds() {
        check(&[0, 500, 80, 500], 0.0, &[], (0.0, 1.08));
        check(&[500, 20, 500, 500, 300, 20, 300, 500], 0.0, &[(1.52, 2.14)], (1.02, 2.64));
    }

    #[test]
    fn what_is_all_sound_or_all_silence_has_no_pause() {
        check(&[0, 1000], 0.0, &[], (0.0, 1.0));
        assert_eq!(silences(&Sound::default()), Silences { pauses: Vec::new(), sound: 0.0..0.0 });
        let nothing = Sound { rate: 8000, samples: vec![0.0; 8000] };
        assert_eq!(silences(&nothing).pauses, []);
    }
}
