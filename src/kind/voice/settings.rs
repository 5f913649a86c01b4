//! What a `voice` stage says under `with:`.

use crate::base::failure::{Cause, Failure};
use crate::kind::fault::{About, SettingFault};
use crate::kind::input;
use crate::kind::settings::Settings;
use crate::kind::speaker::Manner;
use crate::media::join::Pauses;
use crate::media::loudness::Target;
use crate::provider::speech::{Gender, Wanted};
use crate::storyfile::scope::Scope;
use crate::storyfile::story::Output;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

const LATER: &[&str] = &["speakers"];
const LANGUAGE: &str = "en";

/// How the script is to be spoken.
#[derive(Clone, Debug)]
pub struct VoiceSettings {
    pub manner: Manner,
    /// `None`: any will do.
    pub gender: Option<Gender>,
    pub pauses: Pauses,
    pub loudness: Target,
    /// Whether somebody else may speak when the voice is out of order.
    pub falls_back: bool,
}

/// Which output takes what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Slots {
    pub audio: Option<String>,
    pub words: Option<String>,
}

impl VoiceSettings {
    /// Reads the settings but for the pronunciation, which may be a file.
    pub fn read(settings: &Value) -> Result<VoiceSettings, SettingFault> {
        let settings = Settings::of(settings);
        settings.none_of_later(LATER)?;
        let own = match settings.get("settings") {
            None => Map::new(),
            Some(Value::Object(map)) => map.clone(),
            Some(other) => return Err(settings.wrong("settings", other, "a map")),
        };
        Ok(VoiceSettings {
            manner: Manner {
                voice: settings.text("voice")?.map(str::to_owned),
                speed: settings.number("speed", 0.5..=2.0)?.unwrap_or(1.0),
                seed: settings.whole("seed", 0..=u64::MAX)?,
                own,
                ..Manner::plain(settings.text("language")?.unwrap_or(LANGUAGE))
            },
            gender: gender(&settings)?,
            pauses: pauses(&settings)?,
            loudness: loudness(&settings)?,
            falls_back: settings.flag("fallback")?.unwrap_or(false),
        })
    }
}

/// Reads a pronunciation that stands in the Storyfile itself; a file's lines are read when the work begins.
pub fn own_pronunciation(settings: &Value) -> Result<BTreeMap<String, String>, SettingFault> {
    match Settings::of(settings).get("pronunciation") {
        Some(Value::Object(map)) => spellings("pronunciation", map),
        _ => Ok(BTreeMap::new()),
    }
}

impl VoiceSettings {
    /// Returns what the voice must be able to do, with `pronunciation`.
    pub fn wanted<'a>(&'a self, pronunciation: &'a BTreeMap<String, String>) -> Wanted<'a> {
        let Manner { language, voice, .. } = &self.manner;
        Wanted { language, voice: voice.as_deref(), gender: self.gender, pronunciation }
    }
}

/// Returns how words are to be said, from the setting's map or from the file that it names.
pub fn pronunciation(settings: &Value, scope: &Scope) -> Result<BTreeMap<String, String>, Failure> {
    let reader = Settings::of(settings);
    match reader.get("pronunciation") {
        None => Ok(BTreeMap::new()),
        Some(Value::Object(map)) => Ok(spellings("pronunciation", map)?),
        Some(Value::String(_)) => {
            let file = input::of_setting(scope, "pronunciation")?;
            match &file.parsed {
                Some(Value::Object(map)) => Ok(spellings(&file.path, map)?),
                _ => Err(Failure::new(Cause::Setup, format!("`{}` is no map of words", file.path))
                    .hint("Write a JSON or YAML file of `word: how it is said`.")),
            }
        }
        Some(other) => Err(reader.wrong("pronunciation", other, "a map, or the path of a file that holds one").into()),
    }
}

/// Returns which output takes the sound and which the words: by name, else by extension.
pub fn slots(outputs: &[Output]) -> (Slots, Vec<SettingFault>) {
    let mut slots = Slots::default();
    let mut faults = Vec::new();
    for output in outputs {
        let slot = match (output.slot.as_str(), output.path.extension()) {
            ("words", "json") => &mut slots.words,
            ("audio", "wav") => &mut slots.audio,
            (name, "json") if name.parse::<usize>().is_ok() => &mut slots.words,
            (name, "wav") if name.parse::<usize>().is_ok() => &mut slots.audio,
            _ => {
                faults.push(unwritable(output));
                continue;
            }
        };
        if slot.replace(output.slot.clone()).is_some() {
            let message = format!("`{}` is one output too many of its sort", output.path);
            let fault = SettingFault::output(&output.slot, message);
            faults.push(fault.hint("A voice writes one recording and one words file."));
        }
    }
    (slots, faults)
}

fn unwritable(output: &Output) -> SettingFault {
    let hint = "What a voice writes is sound as `.wav` and words with times as `.json`.";
    match output.path.extension() {
        extension @ ("mp3" | "flac" | "opus" | "ogg" | "m4a" | "aac") => {
            let what = format!("writing sound as `.{extension}` (`{}`)", output.path);
            SettingFault::not_built(About::Output(output.slot.clone()), &what).hint(hint)
        }
        _ => SettingFault::output(&output.slot, format!("a voice does not write `{}`", output.path)).hint(hint),
    }
}

fn gender(settings: &Settings<'_>) -> Result<Option<Gender>, SettingFault> {
    match settings.text("gender")? {
        None | Some("any") => Ok(None),
        Some("female") => Ok(Some(Gender::Female)),
        Some("male") => Ok(Some(Gender::Male)),
        Some(other) => Err(settings.wrong("gender", &other.into(), "`female`, `male` or `any`")),
    }
}

fn pauses(settings: &Settings<'_>) -> Result<Pauses, SettingFault> {
    const RANGE: std::ops::RangeInclusive<f64> = 0.0..=10.0;
    let usual = Pauses::default();
    if !matches!(settings.get("gap"), Some(Value::Object(_))) {
        return Ok(match settings.number("gap", RANGE)? {
            // A paragraph's pause stays as much longer as it is by default.
            Some(gap) => Pauses { sentence: gap, paragraph: gap * usual.paragraph / usual.sentence },
            None => usual,
        });
    }
    let Some(group) = settings.group("gap", "gap.")? else { return Ok(usual) };
    group.only(&["sentence", "paragraph"])?;
    Ok(Pauses {
        sentence: group.number("sentence", RANGE)?.unwrap_or(usual.sentence),
        paragraph: group.number("paragraph", RANGE)?.unwrap_or(usual.paragraph),
    })
}

fn loudness(settings: &Settings<'_>) -> Result<Target, SettingFault> {
    let usual = Target::default();
    let Some(group) = settings.group("loudness", "loudness.")? else { return Ok(usual) };
    group.only(&["lufs", "true_peak"])?;
    Ok(Target {
        lufs: group.number("lufs", -40.0..=-9.0)?.unwrap_or(usual.lufs),
        true_peak_db: group.number("true_peak", -20.0..=0.0)?.unwrap_or(usual.true_peak_db),
    })
}

fn spellings(place: &str, map: &Map<String, Value>) -> Result<BTreeMap<String, String>, SettingFault> {
    let said = map.iter().map(|(word, how)| match how.as_str() {
        Some(how) if !how.trim().is_empty() && !word.trim().is_empty() => {
            Ok((word.trim().to_owned(), how.trim().to_owned()))
        }
        _ => Err(SettingFault::setting(
            "pronunciation",
            format!("`{place}` does not say in plain words how `{word}` is said"),
        )
        .hint("Write `{ Siobhán: shi-vawn }`.")),
    });
    said.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::bench::output;
    use crate::kind::input::tests::{file, scope};
    use serde_json::json;

    #[test]
    fn one_gap_sets_both_pauses_in_proportion() {
        let pauses = |settings: Value| VoiceSettings::read(&settings).unwrap().pauses;
        assert_eq!(pauses(json!({})), Pauses { sentence: 0.35, paragraph: 0.7 });
        assert_eq!(pauses(json!({"gap": 0.5})), Pauses { sentence: 0.5, paragraph: 1.0 });
        assert_eq!(pauses(json!({"gap": {"paragraph": 1.2}})), Pauses { sentence: 0.35, paragraph: 1.2 });
    }

    #[test]
    fn settings_out_of_range_are_refused() {
        let refused = |settings: Value| VoiceSettings::read(&settings).unwrap_err().message;
        assert_eq!(refused(json!({"speed": 3})), "the setting `speed` is 3; it must be a number from 0.5 to 2");
        assert_eq!(
            refused(json!({"loudness": {"lufs": 0}})),
            "the setting `loudness.lufs` is 0; it must be a number from -40 to -9"
        );
        assert_eq!(
            refused(json!({"gender": "divers"})),
            "the setting `gender` is \"divers\"; it must be `female`, `male` or `any`"
        );
        assert_eq!(refused(json!({"speakers": {}})), "the setting `speakers` is not built yet");
    }

    #[test]
    fn outputs_are_told_apart_by_name_or_extension() {
        let both = Slots { audio: Some("audio".into()), words: Some("words".into()) };
        assert_eq!(slots(&[output("audio", "a.wav"), output("words", "w.json")]), (both, Vec::new()));
        let (listed, _) = slots(&[output("0", "w.json"), output("1", "a.wav")]);
        assert_eq!((listed.words.as_deref(), listed.audio.as_deref()), (Some("0"), Some("1")));
    }

    #[test]
    fn outputs_that_a_voice_cannot_write_are_refused() {
        let refused = |all: &[Output]| slots(all).1.remove(0);
        let mp3 = refused(&[output("audio", "d/a.mp3")]);
        assert_eq!(mp3.message, "writing sound as `.mp3` (`d/a.mp3`) is not built yet");
        assert!(mp3.hint.unwrap().contains("`.wav`"));
        assert_eq!(refused(&[output("words", "a.csv")]).message, "a voice does not write `a.csv`");
        let twice = refused(&[output("0", "a.wav"), output("1", "b.wav")]);
        assert_eq!(twice.message, "`b.wav` is one output too many of its sort");
    }

    #[test]
    fn a_pronunciation_is_a_map_or_a_file() {
        let named = json!({"pronunciation": "say.json"});
        let said = |content: &str| pronunciation(&named, &scope(vec![file("with.pronunciation", "say.json", content)]));
        assert_eq!(said(r#"{"Mara": "mah rah"}"#).unwrap()["Mara"], "mah rah");
        assert_eq!(said("[]").unwrap_err().message, "`say.json` is no map of words");
        let inline = pronunciation(&json!({"pronunciation": {"x": 1}}), &scope(Vec::new()));
        assert_eq!(inline.unwrap_err().message, "`pronunciation` does not say in plain words how `x` is said");
    }
}
