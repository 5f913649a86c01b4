//! Reads the settings of one stage: each by its name, with words for what it should have been.

use crate::base::duration;
use crate::kind::fault::{About, SettingFault};
use serde_json::{Map, Value};
use std::ops::RangeInclusive;
use std::time::Duration;

/// The settings under `with:`, or the rules under `check:`.
#[derive(Clone, Copy)]
pub struct Settings<'a> {
    map: Option<&'a Map<String, Value>>,
    /// Where they stand, for messages: empty at the top, else `loudness.`.
    place: &'a str,
}

impl<'a> Settings<'a> {
    /// Wraps `value`; what is no map has no settings.
    pub fn of(value: &'a Value) -> Settings<'a> {
        Settings { map: value.as_object(), place: "" }
    }

    /// Wraps the settings of a group that stands at `place`: its name with a dot.
    pub fn within(map: &'a Map<String, Value>, place: &'a str) -> Settings<'a> {
        Settings { map: Some(map), place }
    }

    /// Returns the map under `name`, its own settings to be read one by one; `place` is `name` with a dot.
    pub fn group(&self, name: &str, place: &'a str) -> Result<Option<Settings<'a>>, SettingFault> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Object(map)) => Ok(Some(Settings::within(map, place))),
            Some(other) => Err(self.wrong(name, other, "a map")),
        }
    }

    /// Returns the setting's dotted name, its group's before it.
    pub fn full(&self, name: &str) -> String {
        format!("{}{name}", self.place)
    }

    /// Returns the value as it is; `null` counts as absent.
    pub fn get(&self, name: &str) -> Option<&'a Value> {
        self.map?.get(name).filter(|value| !value.is_null())
    }

    /// Returns a text.
    pub fn text(&self, name: &str) -> Result<Option<&'a str>, SettingFault> {
        self.get(name).map(|value| value.as_str().ok_or_else(|| self.wrong(name, value, "a text"))).transpose()
    }

    /// Returns a number in `range`. A text that is a number is one: parameters from the command line are texts.
    pub fn number(&self, name: &str, range: RangeInclusive<f64>) -> Result<Option<f64>, SettingFault> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let number = value.as_f64().or_else(|| value.as_str().and_then(|text| text.trim().parse().ok()));
        let wanted = || format!("a number from {} to {}", range.start(), range.end());
        number.filter(|number| range.contains(number)).map(Some).ok_or_else(|| self.wrong(name, value, &wanted()))
    }

    /// Returns a whole number in `range`.
    pub fn whole(&self, name: &str, range: RangeInclusive<u64>) -> Result<Option<u64>, SettingFault> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let number = value.as_u64().or_else(|| value.as_str().and_then(|text| text.trim().parse().ok()));
        let wanted = || match *range.end() {
            u64::MAX => format!("a whole number from {}", range.start()),
            end => format!("a whole number from {} to {end}", range.start()),
        };
        number.filter(|number| range.contains(number)).map(Some).ok_or_else(|| self.wrong(name, value, &wanted()))
    }

    /// Returns yes or no. A text that says so is one: parameters from the command line are texts.
    pub fn flag(&self, name: &str) -> Result<Option<bool>, SettingFault> {
        let Some(value) = self.get(name) else { return Ok(None) };
        match (value.as_bool(), value.as_str()) {
            (Some(flag), _) => Ok(Some(flag)),
            (None, Some("true")) => Ok(Some(true)),
            (None, Some("false")) => Ok(Some(false)),
            _ => Err(self.wrong(name, value, "true or false")),
        }
    }

    /// Returns a span of time: `90s`, `1m30s`.
    pub fn duration(&self, name: &str) -> Result<Option<Duration>, SettingFault> {
        let Some(value) = self.get(name) else { return Ok(None) };
        value.as_str().and_then(duration::parse).map(Some).ok_or_else(|| {
            let fault = self.wrong(name, value, "a duration");
            match value.as_f64().or_else(|| value.as_str().and_then(|text| text.trim().parse().ok())) {
                Some(number) => fault.hint(format!("Say the unit: `{number}s` or `{number}m`.")),
                None => fault.hint("Write a number and a unit: `500ms`, `90s`, `5m`, `1h30m`."),
            }
        })
    }

    /// Returns a list of texts; a single text is a list of one.
    pub fn texts(&self, name: &str) -> Result<Vec<&'a str>, SettingFault> {
        match self.get(name) {
            None => Ok(Vec::new()),
            Some(Value::String(text)) => Ok(vec![text]),
            Some(Value::Array(items)) => items
                .iter()
                .map(|item| item.as_str().ok_or_else(|| self.wrong(name, item, "a text or a list of texts")))
                .collect(),
            Some(other) => Err(self.wrong(name, other, "a text or a list of texts")),
        }
    }

    /// Fails if there is a setting that is none of `known`.
    pub fn only(&self, known: &[&str]) -> Result<(), SettingFault> {
        let names = self.map.into_iter().flat_map(Map::keys);
        let Some(name) = names.into_iter().find(|name| !known.contains(&name.as_str())) else { return Ok(()) };
        let full = self.full(name);
        let fault = SettingFault::setting(&full, format!("there is no setting `{full}`"));
        Err(match crate::base::diagnostic::nearest(name, known.iter().copied()) {
            Some(meant) => fault.hint(format!("Did you mean `{}{meant}`?", self.place)),
            None => fault.hint(format!("It may have: {}.", known.join(", "))),
        })
    }

    /// Fails if one of the settings that are planned but not built is used.
    pub fn none_of_later(&self, later: &[&str]) -> Result<(), SettingFault> {
        match later.iter().find(|name| self.get(name).is_some()) {
            None => Ok(()),
            Some(name) => Err(self.not_built(name)),
        }
    }

    /// Returns the fault of a setting that is planned, but that this version does not have.
    pub fn not_built(&self, name: &str) -> SettingFault {
        let full = self.full(name);
        let what = format!("the setting `{full}`");
        SettingFault::not_built(About::Setting(full), &what)
    }

    /// Returns the fault that says what the setting should be.
    pub fn wrong(&self, name: &str, value: &Value, wanted: &str) -> SettingFault {
        let mut shown = value.to_string();
        if shown.chars().count() > 60 {
            shown = shown.chars().take(57).chain("...".chars()).collect();
        }
        let full = self.full(name);
        SettingFault::setting(&full, format!("the setting `{full}` is {shown}; it must be {wanted}"))
            .hint(format!("Write {wanted} here."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::fault::FaultSort;
    use serde_json::json;

    #[test]
    fn numbers_may_come_as_texts_and_stay_in_range() {
        let value = json!({"speed": "1.5", "seed": 7, "far": 9, "odd": "fast"});
        let settings = Settings::of(&value);
        assert_eq!(settings.number("speed", 0.5..=2.0).unwrap(), Some(1.5));
        assert_eq!(settings.whole("seed", 0..=u64::MAX).unwrap(), Some(7));
        assert_eq!(settings.number("absent", 0.0..=1.0).unwrap(), None);
        let message = |name: &str| settings.number(name, 0.5..=2.0).unwrap_err().message;
        assert_eq!(message("far"), "the setting `far` is 9; it must be a number from 0.5 to 2");
        assert_eq!(message("odd"), "the setting `odd` is \"fast\"; it must be a number from 0.5 to 2");
    }

    #[test]
    fn durations_have_units_and_flags_are_yes_or_no() {
        let value = json!({"min": "1m30s", "max": 90, "odd": "soon", "on": true, "off": "false", "maybe": "perhaps"});
        let settings = Settings::of(&value);
        assert_eq!(settings.duration("min").unwrap(), Some(Duration::from_secs(90)));
        let failure = settings.duration("max").unwrap_err();
        assert_eq!(failure.message, "the setting `max` is 90; it must be a duration");
        assert_eq!(failure.hint.as_deref(), Some("Say the unit: `90s` or `90m`."));
        assert!(settings.duration("odd").unwrap_err().hint.unwrap().contains("a number and a unit"));
        assert_eq!((settings.flag("on").unwrap(), settings.flag("off").unwrap()), (Some(true), Some(false)));
        let message = settings.flag("maybe").unwrap_err().message;
        assert_eq!(message, "the setting `maybe` is \"perhaps\"; it must be true or false");
    }

    #[test]
    fn a_misspelt_setting_of_a_group_is_named_with_its_group() {
        let value = json!({"loudness": {"luffs": -19}});
        let group = Settings::of(&value).group("loudness", "loudness.").unwrap().unwrap();
        let failure = group.only(&["lufs", "true_peak"]).unwrap_err();
        assert_eq!(failure.message, "there is no setting `loudness.luffs`");
        assert_eq!(failure.hint.as_deref(), Some("Did you mean `loudness.lufs`?"));
    }

    #[test]
    fn what_is_not_built_says_so() {
        let value = json!({"split": "heading"});
        let fault = Settings::of(&value).none_of_later(&["extra", "split"]).unwrap_err();
        assert_eq!((fault.sort, fault.message.as_str()), (FaultSort::Unbuilt, "the setting `split` is not built yet"));
    }

    #[test]
    fn one_text_is_a_list_of_one() {
        let value = json!({"stop": "END", "forbid": ["a", "b"], "require": [1]});
        let settings = Settings::of(&value);
        assert_eq!(settings.texts("stop").unwrap(), ["END"]);
        assert_eq!(settings.texts("forbid").unwrap(), ["a", "b"]);
        assert!(settings.texts("require").is_err());
    }
}
