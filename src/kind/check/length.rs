//! Rules of length: how many words a text has, how long it takes to say, how long a recording is.

use crate::kind::fault::SettingFault;
use crate::kind::settings::Settings;

/// How many words a narrator says in a minute, where a rule does not tell: Audible's ACX reckons with 9300 words in an
/// hour of finished recording.
const WORDS_A_MINUTE: f64 = 155.0;

/// How many words a text may have.
#[derive(Clone, Copy, Debug)]
pub struct WordCount {
    min: Option<u64>,
    max: Option<u64>,
}

/// How long something may last, in seconds.
#[derive(Clone, Copy, Debug)]
pub struct Lasting {
    min: Option<f64>,
    max: Option<f64>,
}

/// How long a text may take to say.
#[derive(Clone, Copy, Debug)]
pub struct ReadingTime {
    lasting: Lasting,
    words_a_minute: f64,
}

impl WordCount {
    /// Reads the rule `words`.
    pub fn read(settings: &Settings<'_>) -> Result<Option<WordCount>, SettingFault> {
        let Some(group) = settings.group("words", "words.")? else { return Ok(None) };
        group.only(&["min", "max"])?;
        let (min, max) = (group.whole("min", 0..=u64::MAX)?, group.whole("max", 0..=u64::MAX)?);
        in_order("words", min, max, |count| count.to_string())?;
        Ok(Some(WordCount { min, max }))
    }

    /// Returns what is wrong with so many words.
    pub fn fault(self, words: u64) -> Option<String> {
        match (self.min, self.max) {
            (Some(min), _) if words < min => Some(format!("{words} words, under {min}")),
            (_, Some(max)) if words > max => Some(format!("{words} words, over {max}")),
            _ => None,
        }
    }
}

impl Lasting {
    /// Reads `min` and `max` of `group`, which is called `name`.
    pub fn read(name: &str, group: &Settings<'_>) -> Result<Lasting, SettingFault> {
        let seconds = |name: &str| group.duration(name).map(|found| found.map(|duration| duration.as_secs_f64()));
        let (min, max) = (seconds("min")?, seconds("max")?);
        in_order(name, min, max, told)?;
        Ok(Lasting { min, max })
    }

    /// Returns what is wrong with so many seconds.
    pub fn fault(self, seconds: f64) -> Option<String> {
        match (self.min, self.max) {
            (Some(min), _) if seconds < min => Some(format!("{}, under {}", told(seconds), told(min))),
            (_, Some(max)) if seconds > max => Some(format!("{}, over {}", told(seconds), told(max))),
            _ => None,
        }
    }
}

impl ReadingTime {
    /// Reads the rule `reading_time`.
    pub fn read(settings: &Settings<'_>) -> Result<Option<ReadingTime>, SettingFault> {
        let Some(group) = settings.group("reading_time", "reading_time.")? else { return Ok(None) };
        group.only(&["min", "max", "wpm"])?;
        Ok(Some(ReadingTime {
            lasting: Lasting::read("reading_time", &group)?,
            words_a_minute: group.number("wpm", 30.0..=600.0)?.unwrap_or(WORDS_A_MINUTE),
        }))
    }

    /// Returns how many seconds it takes to say so many words.
    pub fn seconds(self, words: u64) -> f64 {
        words as f64 * 60.0 / self.words_a_minute
    }

    /// Returns what is wrong with so many words.
    pub fn fault(self, words: u64) -> Option<String> {
        let fault = self.lasting.fault(self.seconds(words))?;
        Some(format!("{fault} ({words} words at {} a minute)", self.words_a_minute))
    }
}

fn in_order<T: PartialOrd + Copy>(
    name: &str,
    min: Option<T>,
    max: Option<T>,
    told: fn(T) -> String,
) -> Result<(), SettingFault> {
    match (min, max) {
        (None, None) => Err(SettingFault::setting(name, format!("`{name}` has neither `min` nor `max`"))
            .hint("Write at least one of them.")),
        (Some(min), Some(max)) if min > max => {
            let message = format!("`{name}.min` is {}, above `{name}.max`, which is {}", told(min), told(max));
            Err(SettingFault::setting(format!("{name}.min"), message).hint("The smaller one is `min`."))
        }
        _ => Ok(()),
    }
}

/// Says a time to the tenth of a second: `45.2 s`, `2 min 05 s`.
fn told(seconds: f64) -> String {
    let tenths = (seconds * 10.0).round() as u64;
    let (minutes, rest) = (tenths / 600, tenths % 600);
    match (minutes, rest % 10) {
        (0, _) => format!("{}.{} s", rest / 10, rest % 10),
        (_, 0) => format!("{minutes} min {:02} s", rest / 10),
        _ => format!("{minutes} min {:02}.{} s", rest / 10, rest % 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn reading_time(rule: Value) -> Result<ReadingTime, SettingFault> {
        ReadingTime::read(&Settings::of(&json!({ "reading_time": rule }))).map(Option::unwrap)
    }

    #[test]
    fn a_text_is_said_at_a_narrators_pace() {
        let rule = reading_time(json!({"min": "1m", "max": "2m"})).unwrap();
        assert_eq!(rule.fault(155), None);
        assert_eq!(rule.fault(310), None);
        assert_eq!(rule.fault(154).unwrap(), "59.6 s, under 1 min 00 s (154 words at 155 a minute)");
        assert_eq!(rule.fault(360).unwrap(), "2 min 19.4 s, over 2 min 00 s (360 words at 155 a minute)");
        let slow = reading_time(json!({"max": "1m", "wpm": 120})).unwrap();
        assert_eq!(slow.fault(130).unwrap(), "1 min 05 s, over 1 min 00 s (130 words at 120 a minute)");
    }

    #[test]
    fn senseless_lengths_are_refused() {
        let refused = |rule: Value| reading_time(rule).unwrap_err().message;
        assert_eq!(refused(json!({})), "`reading_time` has neither `min` nor `max`");
        assert_eq!(
            refused(json!({"min": "3m", "max": "90s"})),
            "`reading_time.min` is 3 min 00 s, above `reading_time.max`, which is 1 min 30 s"
        );
        assert_eq!(refused(json!({"max": 90})), "the setting `reading_time.max` is 90; it must be a duration");
        assert_eq!(refused(json!({"maxx": "9s"})), "there is no setting `reading_time.maxx`");
    }
}
