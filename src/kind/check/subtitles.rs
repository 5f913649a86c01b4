//! The rule `subtitles`: every cue of a subtitle file is held against a preset.

use super::subject::Subject;
use crate::kind::fault::{About, SettingFault};
use crate::kind::settings::Settings;
use crate::kind::subtitles::{preset, setup};
use crate::media::cue::Cue;
use crate::media::inspect::breaches;
use crate::media::preset::Preset;
use crate::media::{srt, vtt};
use serde_json::{Map, Value, json};

/// The language whose reading speed is meant, where the rule does not tell.
const LANGUAGE: &str = "en";

/// What cues must keep.
#[derive(Clone, Debug)]
pub struct SubtitleRules {
    preset: Preset,
}

impl SubtitleRules {
    /// Reads the rule `subtitles`: the name of a preset, or a map of what the kind `subtitles` takes.
    pub fn read(settings: &Settings<'_>) -> Result<Option<SubtitleRules>, SettingFault> {
        let mut named = Map::new();
        let group = match settings.get("subtitles") {
            None => return Ok(None),
            Some(name @ Value::String(_)) => {
                named.insert("preset".into(), name.clone());
                Settings::within(&named, "subtitles.")
            }
            Some(Value::Object(map)) => Settings::within(map, "subtitles."),
            Some(other) => return Err(settings.wrong("subtitles", other, "a preset's name or a map")),
        };
        group.only(&["preset", "language", "max_chars", "max_lines", "max_words", "cps", "gap"])?;
        let (usual, changes) = preset(&group).map_err(|fault| match settings.get("subtitles") {
            // The name stands in the place of the map that would hold it.
            Some(Value::String(_)) => SettingFault { about: About::Setting("subtitles".to_owned()), ..fault },
            _ => fault,
        })?;
        let language = group.text("language")?.unwrap_or(LANGUAGE);
        let preset = usual.for_language(language).with(&changes).map_err(|error| setup(&group, &error))?;
        Ok(Some(SubtitleRules { preset }))
    }

    /// Notes how many cues there are, and says what is wrong with each.
    pub fn faults(&self, subject: Subject<'_>, text: &str, found: &mut Map<String, Value>) -> Vec<String> {
        let says = |fault: &str| subject.says("subtitles", fault);
        let mut told = Vec::new();
        let cues = match subject.extension().to_ascii_lowercase().as_str() {
            "vtt" => vtt::read(text).map_err(|error| error.to_string()).map(|file| {
                let lost = file.dropped.iter();
                told.extend(lost.map(|line| says(&format!("line {line}: a cue whose times cannot be read"))));
                file.cues
            }),
            _ => srt::read(text).map_err(|error| error.to_string()),
        };
        match cues {
            Ok(cues) => {
                found.insert("cues".into(), json!(cues.len()));
                told.extend(breaches(&cues, &self.preset).iter().map(|breach| says(&breach.to_string())));
            }
            Err(fault) => told.push(says(&fault)),
        }
        told
    }
}

/// Returns what the cues of a subtitle file say, without their numbers and times; none if it cannot be read.
pub fn said(subject: Subject<'_>, text: &str) -> Option<String> {
    let cues = match subject.extension().to_ascii_lowercase().as_str() {
        "vtt" => vtt::read(text).ok()?.cues,
        _ => srt::read(text).ok()?,
    };
    Some(cues.iter().map(Cue::text).collect::<Vec<_>>().join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(rules: Value, path: &str, text: &str, told: &[&str]) {
        let settings = json!({ "subtitles": rules });
        let rules = SubtitleRules::read(&Settings::of(&settings)).unwrap().unwrap();
        let subject = Subject { role: "", path, bytes: text.as_bytes() };
        assert_eq!(rules.faults(subject, text, &mut Map::new()), told);
    }

    const SRT: &str = "1\n00:00:00,000 --> 00:00:02,000\nThe last bus was late that night.\n\n\
                       2\n00:00:01,500 --> 00:00:01,900\nShe waited.\n";

    #[test]
    fn every_cue_is_held_against_the_preset() {
        check(
            json!("netflix"),
            "a.srt",
            SRT,
            &[
                "`subtitles` of `a.srt`: cue 2: 27.5 characters a second, over 20",
                "`subtitles` of `a.srt`: cue 2: shown for 400 ms, under 833",
                "`subtitles` of `a.srt`: cue 2: overlaps the one before by 500 ms",
            ],
        );
        check(
            json!({"preset": "shorts", "max_chars": 40, "max_words": 7}),
            "a.srt",
            SRT,
            &["`subtitles` of `a.srt`: cue 2: overlaps the one before by 500 ms"],
        );
    }

    #[test]
    fn a_language_brings_its_own_reading_speed() {
        let text = "WEBVTT\n\n00:00.000 --> 00:02.000\nEl último autobús llegó esa noche.\n";
        check(json!("netflix"), "a.vtt", text, &[]);
        check(
            json!({"language": "es", "cps": 16}),
            "a.vtt",
            text,
            &["`subtitles` of `a.vtt`: cue 1: 17.0 characters a second, over 16"],
        );
    }

    #[test]
    fn files_that_cannot_be_read_say_where() {
        check(
            json!("netflix"),
            "a.srt",
            "1\n00:00:05,000 --> 00:00:01,000\nx\n",
            &["`subtitles` of `a.srt`: line 2: the cue ends before it starts"],
        );
        check(
            json!("netflix"),
            "a.vtt",
            "nothing",
            &["`subtitles` of `a.vtt`: line 1: a WebVTT file begins with `WEBVTT`"],
        );
        check(
            json!("netflix"),
            "a.vtt",
            "WEBVTT\n\n00:00,000 --> 00:01.000\nx\n",
            &["`subtitles` of `a.vtt`: line 3: a cue whose times cannot be read"],
        );
    }

    #[test]
    fn senseless_rules_are_refused() {
        let refused =
            |rules: Value| SubtitleRules::read(&Settings::of(&json!({ "subtitles": rules }))).unwrap_err().message;
        assert_eq!(refused(json!("imax")), "there is no preset `imax`");
        assert_eq!(refused(json!(3)), "the setting `subtitles` is 3; it must be a preset's name or a map");
        assert_eq!(refused(json!({"max_char": 30})), "there is no setting `subtitles.max_char`");
        assert_eq!(refused(json!({"max_lines": 9})), "the setting `max_lines` is 9; it must be from 1 to 4");
    }
}
