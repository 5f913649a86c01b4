//! The kind `subtitles`: a words file becomes subtitles, in as many formats as there are outputs.

mod look;

use crate::base::failure::{Cause, Failure};
use crate::kind::contract::{Job, Kind, Made, Pay, Work};
use crate::kind::fault::{SettingFault, every_fault};
use crate::kind::input;
use crate::kind::settings::Settings;
use crate::media::breach::Breach;
use crate::media::cue::Cue;
use crate::media::preset::{Overrides, Preset};
use crate::media::segment::segment;
use crate::media::style::{Highlight, Look};
use crate::media::words::{Timing, Words};
use crate::media::{ass, cue, srt, ttml, vtt};
use crate::provider::chat::BoxFuture;
use crate::storyfile::catalog::KindInfo;
use crate::storyfile::story::Output;
use serde_json::Value;
use std::collections::BTreeMap;

/// Cuts timed words into cues by a preset's rules and writes them.
pub struct Subtitles;

const PRESET: &str = "netflix";
/// This many broken rules are told one by one.
const BREACHES_TOLD: usize = 5;

impl Kind for Subtitles {
    fn info(&self) -> &'static KindInfo {
        &super::info::SUBTITLES
    }

    fn version(&self) -> u32 {
        1
    }

    fn pay(&self) -> Pay {
        Pay::Free
    }

    fn faults(&self, work: &Work<'_>) -> Vec<SettingFault> {
        let mut faults = every_fault(work.settings, rules);
        let formats: Vec<Result<Format, SettingFault>> = work.outputs.iter().map(format).collect();
        let all_srt = !formats.is_empty() && formats.iter().all(|format| matches!(format, Ok(Format::Srt)));
        if let (true, Ok(rules)) = (all_srt, rules(work.settings))
            && let Some(setting) = look::asked(&rules.look).first()
        {
            let name = setting.trim_matches('`');
            faults.push(SettingFault::setting(name, format!("no output can show the setting {setting}")).hint(
                "An `.srt` file holds text and times only. Add a `.vtt`, `.ass` or `.ttml` output, or leave it out.",
            ));
        }
        faults.extend(formats.into_iter().filter_map(Result::err));
        faults
    }

    fn identity(&self, _: &Work<'_>) -> Result<Option<String>, Failure> {
        Ok(None)
    }

    fn perform<'a>(&'a self, job: Job<'a>) -> BoxFuture<'a, Result<Made, Failure>> {
        Box::pin(async move { made(&job) })
    }
}

/// A format that cues can be written in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    Srt,
    Vtt,
    Ass,
    Ttml,
}

const FORMATS: &str = "`.srt`, `.vtt`, `.ass` or `.ttml`";

/// What the settings of a stage say.
struct Rules {
    preset: Preset,
    /// What the stage changes in the preset of the words' language.
    changes: Overrides,
    look: Look,
}

fn made(job: &Job<'_>) -> Result<Made, Failure> {
    let Rules { preset, changes, look } = rules(&job.settings)?;
    let file = input::only(&job.scope, "the words file of a `voice` stage")?;
    let words = Words::from_json(input::text(file)?).map_err(|error| {
        Failure::new(Cause::Validation, format!("`{}` is no words file: {error}", file.path))
            .hint("The input of subtitles is the `words` output of a `voice` stage.")
    })?;
    if words.words.is_empty() {
        return Err(Failure::new(Cause::Validation, format!("`{}` has no words", file.path)));
    }
    let preset = preset
        .for_language(&words.language)
        .with(&changes)
        .map_err(|error| setup(&Settings::of(&job.settings), &error))?;
    let cut = segment(&words, &preset);
    every_word_once(&words, &cut.cues)?;
    let mut warnings = Vec::new();
    if words.source == Timing::Estimated {
        warnings.push(format!("the times in `{}` are estimated, not heard", file.path));
    }
    let mut outputs = BTreeMap::new();
    for output in job.outputs {
        let text = match format(output)? {
            Format::Srt => srt::write(&cut.cues),
            Format::Vtt => vtt::write(&cut.cues, &look),
            Format::Ass => ass::write(&cut.cues, &look, &words.language),
            Format::Ttml => ttml::write(&cut.cues, &look, &words.language).map_err(|error| {
                Failure::new(Cause::Validation, format!("`{}` cannot be written: {error}", output.path))
                    .hint(format!("Take the character out of the script that `{}` was made from.", file.path))
            })?,
        };
        warnings.extend(left_out(output, &look)?);
        outputs.insert(output.slot.clone(), text.into_bytes());
    }
    warnings.extend(unlit(&look));
    warnings.extend(told(&cut.breaches));
    Ok(Made { outputs, warnings, ..Made::default() })
}

/// Tells what an output's format cannot show.
fn left_out(output: &Output, look: &Look) -> Result<Option<String>, Failure> {
    let asked = look::asked(look);
    let lacks = format(output)? == Format::Srt && !asked.is_empty();
    Ok(lacks.then(|| format!("`{}` is without {}: it holds text and times only", output.path, asked.join(" and "))))
}

/// Tells that a colour was given to words that do not light up.
fn unlit(look: &Look) -> Option<String> {
    let unlit = look.style.highlight_colour.is_some() && look.highlight == Highlight::Nothing;
    unlit.then(|| "`style.highlight_colour` colours nothing without `highlight: word`".to_owned())
}

/// Reads the settings.
fn rules(settings: &Value) -> Result<Rules, SettingFault> {
    let settings = Settings::of(settings);
    let (preset, changes) = preset(&settings)?;
    let look = look::look(&settings, preset.frame)?;
    Ok(Rules { preset, changes, look })
}

/// Reads which preset is meant and what is changed in it; also what the rule `subtitles` of a check holds cues against.
pub(super) fn preset(settings: &Settings<'_>) -> Result<(Preset, Overrides), SettingFault> {
    let name = settings.text("preset")?.unwrap_or(PRESET);
    let preset = Preset::named(name).ok_or_else(|| {
        let known = crate::media::preset::NAMES.join("`, `");
        SettingFault::setting(settings.full("preset"), format!("there is no preset `{name}`"))
            .hint(format!("There are `{known}`."))
    })?;
    let count =
        |name: &str| settings.whole(name, 0..=u64::MAX).map(|n| n.map(|n| usize::try_from(n).unwrap_or(usize::MAX)));
    let changes = Overrides {
        max_chars: count("max_chars")?,
        max_lines: count("max_lines")?,
        max_words: count("max_words")?,
        cps: settings.number("cps", f64::MIN..=f64::MAX)?,
        gap: settings.number("gap", f64::MIN..=f64::MAX)?,
    };
    // Whatever the language, a value out of range is so for every preset: it is told before any work.
    preset.clone().with(&changes).map_err(|error| setup(settings, &error))?;
    Ok((preset, changes))
}

/// Returns the fault of a setting among `settings` that no cue could keep.
pub(super) fn setup(settings: &Settings<'_>, error: &crate::media::preset::PresetError) -> SettingFault {
    SettingFault::setting(settings.full(error.setting), format!("the setting {error}"))
        .hint(format!("Write a number {}.", error.range))
}

fn format(output: &Output) -> Result<Format, SettingFault> {
    match output.path.extension() {
        "srt" => Ok(Format::Srt),
        "vtt" => Ok(Format::Vtt),
        "ass" => Ok(Format::Ass),
        "ttml" => Ok(Format::Ttml),
        _ => Err(SettingFault::output(&output.slot, format!("`{}` is no subtitle file", output.path))
            .hint(format!("Name outputs that end in {FORMATS}."))),
    }
}

/// Subtitles say exactly what is spoken: anything else is a fault of ours, never written.
fn every_word_once(words: &Words, cues: &[Cue]) -> Result<(), Failure> {
    let spoken: String = words.words.iter().map(|word| word.text.as_str()).collect();
    if cue::words(cues).concat() == spoken {
        return Ok(());
    }
    Err(Failure::new(Cause::Machine, "the cues do not hold every word once and in order"))
}

fn told(breaches: &[Breach]) -> Vec<String> {
    let mut told: Vec<String> = breaches.iter().take(BREACHES_TOLD).map(Breach::to_string).collect();
    if breaches.len() > BREACHES_TOLD {
        told.push(format!("and {} more rules that cues could not keep", breaches.len() - BREACHES_TOLD));
    }
    told
}

#[cfg(test)]
mod tests {
    use super::super::bench::{Bench, output};
    use super::*;
    use crate::kind::input::tests::file;
    use crate::media::words::{Break, VERSION, Word};
    use serde_json::json;

    const TEXT: &str = "The last bus was late. “Do you remember me?” she said — and I did, of course I did.";

    fn words(text: &str, seconds_a_word: f64, source: Timing) -> String {
        let spoken: Vec<&str> = text.split(' ').collect();
        let word = |(at, text): (usize, &&str)| Word {
            text: (*text).to_owned(),
            start: at as f64 * seconds_a_word,
            end: (at as f64 + 0.9) * seconds_a_word,
            break_after: if text.ends_with(['.', '?']) { Break::Sentence } else { Break::None },
            estimated: false,
            joined: false,
        };
        let duration = spoken.len() as f64 * seconds_a_word + 0.2;
        let words = spoken.iter().enumerate().map(word).collect();
        Words { version: VERSION, sample_rate: None, duration, language: "en".into(), source, words }.to_json()
    }

    fn made(settings: Value, words: &str, outputs: &[&str]) -> Result<Made, Failure> {
        let outputs: Vec<Output> = outputs.iter().enumerate().map(|(at, path)| output(&at.to_string(), path)).collect();
        Bench::new().perform(&Subtitles, settings, vec![file("0", "build/words.json", words)], &outputs)
    }

    #[test]
    fn every_format_says_exactly_what_is_spoken() {
        let heard = words(TEXT, 0.35, Timing::Synthesiser);
        let made = made(json!({}), &heard, &["a.srt", "a.vtt", "a.ass", "a.ttml"]).unwrap();
        let srt = srt::read(std::str::from_utf8(&made.outputs["0"]).unwrap()).unwrap();
        let vtt = vtt::read(std::str::from_utf8(&made.outputs["1"]).unwrap()).unwrap().cues;
        assert_eq!(cue::words(&srt).join(" "), TEXT);
        assert_eq!(srt, vtt);
        for slot in ["2", "3"] {
            let file = std::str::from_utf8(&made.outputs[slot]).unwrap();
            assert!(TEXT.split(' ').all(|word| file.contains(word)), "{file}");
        }
        assert!(made.warnings.is_empty(), "{:?}", made.warnings);
    }

    #[test]
    fn a_highlight_and_a_style_reach_every_format_that_can_show_them_and_the_other_is_told() {
        let heard = words(TEXT, 0.35, Timing::Synthesiser);
        let settings = json!({"preset": "shorts", "highlight": "word", "style": {"highlight_colour": "#00ff7f"}});
        let made = made(settings, &heard, &["a.srt", "a.vtt", "a.ass", "a.ttml"]).unwrap();
        let text = |slot: &str| std::str::from_utf8(&made.outputs[slot]).unwrap().to_owned();
        assert!(
            text("1").contains("::cue(c) { color: #00ff7f; }") && text("1").contains("<c>bus</c>"),
            "{}",
            text("1")
        );
        assert!(text("2").contains("PlayResX: 1080") && text("2").contains("{\\k35}bus"), "{}", text("2"));
        assert!(text("3").contains("tts:color=\"#00ff7f\"/>bus"), "{}", text("3"));
        assert_eq!(made.warnings, ["`a.srt` is without `highlight` and `style`: it holds text and times only"]);
    }

    #[test]
    fn a_colour_for_words_that_do_not_light_up_is_told() {
        let heard = words(TEXT, 0.35, Timing::Synthesiser);
        let warnings = |settings: Value| made(settings, &heard, &["a.ass"]).unwrap().warnings;
        let style = json!({"highlight_colour": "red"});
        let told = ["`style.highlight_colour` colours nothing without `highlight: word`"];
        assert_eq!(warnings(json!({"style": style})), told);
        assert_eq!(warnings(json!({"style": style, "highlight": "word"})), [""; 0]);
    }

    #[test]
    fn a_character_that_a_format_cannot_hold_is_named() {
        let heard = words("Ring the bell\u{7} now.", 0.35, Timing::Synthesiser);
        let failure = made(json!({}), &heard, &["a.ttml"]).unwrap_err();
        assert_eq!(
            failure.message,
            "`a.ttml` cannot be written: cue 1 has the character U+0007, which XML cannot hold"
        );
        assert_eq!(
            failure.hint.as_deref(),
            Some("Take the character out of the script that `build/words.json` was made from.")
        );
    }

    #[test]
    fn a_preset_and_what_the_stage_changes_hold() {
        let heard = words(TEXT, 0.35, Timing::Synthesiser);
        let lines = |settings: Value| {
            let made = made(settings, &heard, &["a.srt"]).unwrap();
            let cues = srt::read(std::str::from_utf8(&made.outputs["0"]).unwrap()).unwrap();
            cues.into_iter().flat_map(|cue| cue.lines).collect::<Vec<_>>()
        };
        assert!(lines(json!({"preset": "shorts"})).iter().all(|line| line.split(' ').count() <= 4));
        assert!(lines(json!({"max_chars": "24"})).iter().all(|line| line.chars().count() <= 24));
    }

    #[test]
    fn what_cannot_be_kept_is_told_in_a_few_lines() {
        let made = made(json!({}), &words(&TEXT.repeat(9), 0.05, Timing::Estimated), &["a.srt"]).unwrap();
        assert_eq!(made.warnings[0], "the times in `build/words.json` are estimated, not heard");
        assert!(made.warnings[1].contains("characters a second, over 20"), "{:?}", made.warnings);
        assert!(made.warnings.len() <= BREACHES_TOLD + 2);
    }

    fn refused(settings: Value, path: &str) -> String {
        let outputs = [output("0", path)];
        Bench::new().told(&Subtitles, &settings, &outputs).join("; ")
    }

    #[test]
    fn what_no_output_can_show_is_refused_before_any_work() {
        assert_eq!(refused(json!({"highlight": "word"}), "a.srt"), "no output can show the setting `highlight`");
        assert_eq!(refused(json!({"style": {"size": 6}}), "a.srt"), "no output can show the setting `style`");
        let fine = Bench::new().identity(&Subtitles, &json!({"highlight": "none"}), &[output("0", "a.srt")]);
        assert_eq!(fine, Ok(None));
    }

    #[test]
    fn senseless_settings_are_refused_before_any_work() {
        assert_eq!(refused(json!({}), "a.txt"), "`a.txt` is no subtitle file");
        assert_eq!(refused(json!({"preset": "imax"}), "a.srt"), "there is no preset `imax`");
        assert!(
            refused(json!({"style": {"colour": "rde"}}), "a.ass").starts_with("the setting `style.colour` is \"rde\"")
        );
        assert_eq!(refused(json!({"max_lines": 9}), "a.srt"), "the setting `max_lines` is 9; it must be from 1 to 4");
        assert!(refused(json!({"cps": "fast"}), "a.srt").starts_with("the setting `cps` is \"fast\""));
    }

    #[test]
    fn what_is_no_words_file_is_named() {
        let failure = made(json!({}), "{\"version\": 9}", &["a.srt"]).unwrap_err();
        assert!(
            failure.message.starts_with("`build/words.json` is no words file: words file of version 9"),
            "{failure}"
        );
        let none = words("x", 0.3, Timing::Synthesiser).replace("{\"text\":\"x\",\"start\":0.0,\"end\":0.27}", "");
        assert_eq!(made(json!({}), &none, &["a.srt"]).unwrap_err().message, "`build/words.json` has no words");
    }
}
