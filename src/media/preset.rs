//! The rules a subtitle file keeps: named presets and what a story may change in them.

use super::style::Frame;

/// Limits for cutting words into cues. Times are milliseconds, widths are visible characters.
#[derive(Clone, Debug, PartialEq)]
pub struct Preset {
    /// Characters a line may hold.
    pub max_chars: usize,
    /// Lines a cue may hold.
    pub max_lines: usize,
    /// Words a cue may hold.
    pub max_words: Option<usize>,
    /// Characters a second a reader can follow, spaces included.
    pub cps: f64,
    pub min_duration_ms: i64,
    pub max_duration_ms: i64,
    /// Least time between the end of one cue and the start of the next.
    pub gap_ms: i64,
    /// How long a cue may stay after its last word.
    pub extend_out_ms: i64,
    /// The picture that the cues are cut for.
    pub frame: Frame,
}

/// What a story changes in a preset; what is none stays.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Overrides {
    pub max_chars: Option<usize>,
    pub max_lines: Option<usize>,
    pub max_words: Option<usize>,
    /// Characters a second.
    pub cps: Option<f64>,
    /// Seconds between cues.
    pub gap: Option<f64>,
}

/// A setting no cue could keep.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("`{setting}` is {value}; it must be {range}")]
pub struct PresetError {
    pub setting: &'static str,
    pub value: f64,
    pub range: &'static str,
}

/// The names [`Preset::named`] knows.
pub const NAMES: &[&str] = &["netflix", "bbc", "shorts"];

impl Preset {
    /// Returns the rules of Netflix's English timed text style guide: two lines of 42 characters, 20 characters a
    /// second, 5/6 s to 7 s, two frames apart (at 24 a second), at most 12 frames after the last word.
    pub const fn netflix() -> Preset {
        Preset {
            max_chars: 42,
            max_lines: 2,
            max_words: None,
            cps: 20.0,
            min_duration_ms: 833,
            max_duration_ms: 7000,
            gap_ms: 83,
            extend_out_ms: 500,
            frame: Frame::Wide,
        }
    }

    /// Returns rules after the BBC's subtitle guidelines: two lines, 160 to 180 words a minute, no cue hanging on for
    /// long after its words, no gap so short that it flickers.
    ///
    /// The guidelines count words and the width of a 16:9 picture. Here that is 37 characters, a line of teletext, and
    /// 17 characters a second, which are 180 English words a minute. The least second and the longest seven are ours.
    pub const fn bbc() -> Preset {
        Preset {
            max_chars: 37,
            max_lines: 2,
            max_words: None,
            cps: 17.0,
            min_duration_ms: 1000,
            max_duration_ms: 7000,
            gap_ms: 0,
            extend_out_ms: 1000,
            frame: Frame::Wide,
        }
    }

    /// Returns rules for upright short videos: one to four words on one line, shown as they are spoken.
    pub const fn shorts() -> Preset {
        Preset {
            max_chars: 22,
            max_lines: 1,
            max_words: Some(4),
            cps: 30.0,
            min_duration_ms: 200,
            max_duration_ms: 3000,
            gap_ms: 0,
            extend_out_ms: 300,
            frame: Frame::Upright,
        }
    }

    /// Returns the preset of that name.
    pub fn named(name: &str) -> Option<Preset> {
        match name {
            "netflix" => Some(Preset::netflix()),
            "bbc" => Some(Preset::bbc()),
            "shorts" => Some(Preset::shorts()),
            _ => None,
        }
    }

    /// Returns the preset with the line width and reading speed of a language, by its tag (`ja`, `pt-BR`).
    ///
    /// The figures are those of Netflix's style guides for adult programmes. A narrower preset keeps its width
    /// unless the language needs less; a preset of few words keeps its own reading speed.
    pub fn for_language(mut self, tag: &str) -> Preset {
        let language = tag.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase();
        let (chars, cps) = match language.as_str() {
            "" | "en" | "ar" => return self,
            "ja" => (23, 4.0),
            "zh" => (16, 9.0),
            "ko" => (16, 12.0),
            "th" => (35, 17.0),
            "hi" => (42, 22.0),
            _ => (42, 17.0),
        };
        self.max_chars = self.max_chars.min(chars);
        if self.max_words.is_none() {
            self.cps = cps;
        }
        self
    }

    /// Returns the preset with a story's changes. Fails on a value no cue could keep.
    pub fn with(mut self, changes: &Overrides) -> Result<Preset, PresetError> {
        if let Some(chars) = changes.max_chars {
            self.max_chars = count("max_chars", chars, 1000, "from 1 to 1000")?;
        }
        if let Some(lines) = changes.max_lines {
            self.max_lines = count("max_lines", lines, 4, "from 1 to 4")?;
        }
        if let Some(words) = changes.max_words {
            self.max_words = Some(count("max_words", words, 1000, "from 1 to 1000")?);
        }
        if let Some(cps) = changes.cps {
            self.cps = number("cps", cps, 1.0..=1000.0, "from 1 to 1000")?;
        }
        if let Some(gap) = changes.gap {
            let seconds = number("gap", gap, 0.0..=2.0, "from 0 to 2 seconds")?;
            self.gap_ms = (seconds * 1000.0).round() as i64;
        }
        Ok(self)
    }
}

fn count(setting: &'static str, value: usize, max: usize, range: &'static str) -> Result<usize, PresetError> {
    if (1..=max).contains(&value) { Ok(value) } else { Err(PresetError { setting, value: value as f64, range }) }
}

fn number(
    setting: &'static str,
    value: f64,
    allowed: std::ops::RangeInclusive<f64>,
    range: &'static str,
) -> Result<f64, PresetError> {
    if allowed.contains(&value) { Ok(value) } else { Err(PresetError { setting, value, range }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_a_preset() {
        assert!(NAMES.iter().all(|name| Preset::named(name).is_some()));
        assert_eq!(Preset::named("nteflix"), None);
    }

    #[test]
    fn a_story_may_change_single_rules() {
        let changes = Overrides { max_chars: Some(32), gap: Some(0.1), ..Overrides::default() };
        let preset = Preset::netflix().with(&changes).unwrap();
        assert_eq!(preset, Preset { max_chars: 32, gap_ms: 100, ..Preset::netflix() });
    }

    #[test]
    fn impossible_rules_are_refused_by_name() {
        let refused = |changes: Overrides| Preset::shorts().with(&changes).unwrap_err().setting;
        assert_eq!(refused(Overrides { max_chars: Some(0), ..Overrides::default() }), "max_chars");
        assert_eq!(refused(Overrides { max_lines: Some(9), ..Overrides::default() }), "max_lines");
        assert_eq!(refused(Overrides { cps: Some(f64::NAN), ..Overrides::default() }), "cps");
        assert_eq!(refused(Overrides { gap: Some(-1.0), ..Overrides::default() }), "gap");
    }

    #[test]
    fn languages_bring_their_own_width_and_speed() {
        let of = |tag: &str| Preset::netflix().for_language(tag);
        assert_eq!((of("ja").max_chars, of("ja").cps), (23, 4.0));
        assert_eq!(of("pt-BR").cps, 17.0);
        assert_eq!(of("en-GB"), Preset::netflix());
        assert_eq!(Preset::shorts().for_language("zh-Hans").max_chars, 16);
        assert_eq!(Preset::bbc().for_language("de").max_chars, 37);
    }
}
