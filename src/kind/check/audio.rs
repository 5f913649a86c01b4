//! The rule `audio`: how long a recording may be, how loud, and how high its peaks.

use super::length::Lasting;
use super::subject::Subject;
use crate::kind::fault::SettingFault;
use crate::kind::settings::Settings;
use crate::media::loudness::measure_channels;
use crate::media::wav;
use serde_json::{Map, Value, json};

/// How far a recording may be from the wanted loudness, in LU, where the rule does not tell: what EBU R 128 allows where
/// the target cannot be met exactly.
const TOLERANCE_LU: f64 = 1.0;
/// Meters differ in how they find a true peak; less than this, in dB, is no difference.
const PEAK_MARGIN_DB: f64 = 0.05;

/// What a recording must be.
#[derive(Clone, Copy, Debug)]
pub struct AudioRules {
    length: Option<Lasting>,
    loudness: Option<Loudness>,
    /// Highest true peak in dBTP.
    true_peak_db: Option<f64>,
}

#[derive(Clone, Copy, Debug)]
struct Loudness {
    lufs: f64,
    tolerance_lu: f64,
}

impl AudioRules {
    /// Reads the rule `audio`.
    pub fn read(settings: &Settings<'_>) -> Result<Option<AudioRules>, SettingFault> {
        let Some(group) = settings.group("audio", "audio.")? else { return Ok(None) };
        group.only(&["length", "loudness", "true_peak"])?;
        let length = match group.group("length", "audio.length.")? {
            None => None,
            Some(length) => {
                length.only(&["min", "max"])?;
                Some(Lasting::read("audio.length", &length)?)
            }
        };
        let loudness = match group.group("loudness", "audio.loudness.")? {
            None => None,
            Some(loudness) => {
                loudness.only(&["lufs", "tolerance"])?;
                let Some(lufs) = loudness.number("lufs", -70.0..=0.0)? else {
                    return Err(SettingFault::setting("audio.loudness", "`audio.loudness` has no `lufs`")
                        .hint("Write `loudness: { lufs: -19, tolerance: 1 }`."));
                };
                let tolerance_lu = loudness.number("tolerance", 0.0..=20.0)?.unwrap_or(TOLERANCE_LU);
                Some(Loudness { lufs, tolerance_lu })
            }
        };
        let true_peak_db = group.number("true_peak", -70.0..=3.0)?;
        if length.is_none() && loudness.is_none() && true_peak_db.is_none() {
            return Err(SettingFault::setting("audio", "`audio` has no rule")
                .hint("Give it at least one of: length, loudness, true_peak."));
        }
        Ok(Some(AudioRules { length, loudness, true_peak_db }))
    }

    /// Notes what the recording measures, and says what is wrong with it.
    pub fn faults(&self, subject: Subject<'_>, found: &mut Map<String, Value>) -> Vec<String> {
        let says = |fault: &str| subject.says("audio", fault);
        let sound = match wav::read_channels(subject.bytes) {
            Ok(sound) => sound,
            Err(error) => return vec![says(&error.to_string())],
        };
        let measured = match measure_channels(&sound) {
            Ok(measured) => measured,
            Err(error) => return vec![says(&error.to_string())],
        };
        let seconds = sound.seconds();
        found.insert("seconds".into(), json!(rounded(seconds, 1000.0)));
        found.insert("lufs".into(), json!(measured.lufs.map(|lufs| rounded(lufs, 10.0))));
        found.insert("true_peak".into(), json!(measured.true_peak_db.map(|peak| rounded(peak, 10.0))));
        let mut told = Vec::new();
        told.extend(self.length.and_then(|length| length.fault(seconds)).map(|fault| says(&fault)));
        if let Some(Loudness { lufs, tolerance_lu }) = self.loudness {
            match measured.lufs {
                None => told.push(says("too quiet or too short for its loudness to be measured")),
                Some(heard) if (heard - lufs).abs() > tolerance_lu => {
                    told.push(says(&format!("{heard:.1} LUFS, more than {tolerance_lu} LU from {lufs}")));
                }
                Some(_) => {}
            }
        }
        if let (Some(limit), Some(peak)) = (self.true_peak_db, measured.true_peak_db)
            && peak > limit + PEAK_MARGIN_DB
        {
            told.push(says(&format!("a true peak of {peak:.1} dBTP, over {limit}")));
        }
        told
    }
}

fn rounded(value: f64, steps: f64) -> f64 {
    (value * steps).round() / steps
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(seconds: f64, peak: f64) -> Vec<u8> {
        let rate = 24_000;
        let samples: Vec<f32> = (0..(seconds * f64::from(rate)) as usize)
            .map(|i| ((i as f64 * std::f64::consts::TAU * 997.0 / f64::from(rate)).sin() * peak) as f32)
            .collect();
        wav::write(&samples, rate).unwrap()
    }

    #[track_caller]
    fn check(rules: Value, bytes: &[u8], told: &[&str]) {
        let settings = json!({ "audio": rules });
        let rules = AudioRules::read(&Settings::of(&settings)).unwrap().unwrap();
        let subject = Subject { role: "", path: "a.wav", bytes };
        assert_eq!(rules.faults(subject, &mut Map::new()), told);
    }

    #[test]
    fn a_recording_is_measured_in_length_loudness_and_peak() {
        // A full tone in one channel reads -3 LUFS; at a tenth of its height 20 dB less.
        let rules = json!({"length": {"min": "2s", "max": "4s"}, "loudness": {"lufs": -23}, "true_peak": -19.9});
        check(rules.clone(), &tone(3.0, 0.1), &[]);
        check(
            rules,
            &tone(5.0, 0.5),
            &[
                "`audio` of `a.wav`: 5.0 s, over 4.0 s",
                "`audio` of `a.wav`: -9.0 LUFS, more than 1 LU from -23",
                "`audio` of `a.wav`: a true peak of -6.0 dBTP, over -19.9",
            ],
        );
    }

    #[test]
    fn what_cannot_be_measured_is_told() {
        let rules = json!({"loudness": {"lufs": -19, "tolerance": 0.5}, "true_peak": -1});
        check(
            rules.clone(),
            &tone(1.0, 0.0),
            &["`audio` of `a.wav`: too quiet or too short for its loudness to be measured"],
        );
        check(rules, b"ID3 no wav", &["`audio` of `a.wav`: not a WAV file: Ill-formed WAVE file: no RIFF tag found"]);
    }

    #[test]
    fn senseless_rules_are_refused() {
        let refused = |rules: Value| AudioRules::read(&Settings::of(&json!({ "audio": rules }))).unwrap_err().message;
        assert_eq!(refused(json!({})), "`audio` has no rule");
        assert_eq!(refused(json!({"lenght": {}})), "there is no setting `audio.lenght`");
        assert_eq!(refused(json!({"loudness": {}})), "`audio.loudness` has no `lufs`");
        assert_eq!(refused(json!({"length": {"maximum": "9s"}})), "there is no setting `audio.length.maximum`");
        assert_eq!(refused(json!({"length": {}})), "`audio.length` has neither `min` nor `max`");
    }
}
