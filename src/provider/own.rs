//! Reads the settings that only one service knows: each by its name, with words for what it should have been. Pure.

use crate::provider::misfit::Misfit;
use serde_json::{Map, Value};
use std::fmt::Display;
use std::ops::RangeInclusive;

/// The map under `settings:`.
pub struct Own<'a>(pub &'a Map<String, Value>);

impl<'a> Own<'a> {
    /// Returns a number in `range`. A text that is a number is one: parameters from the command line are texts.
    pub fn number(&self, name: &str, range: RangeInclusive<f64>) -> Result<Option<f64>, Misfit> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let number = value.as_f64().or_else(|| value.as_str().and_then(|text| text.trim().parse().ok()));
        let wanted = format!("a number from {} to {}", range.start(), range.end());
        number.filter(|number| range.contains(number)).map(Some).ok_or_else(|| wrong(name, value, wanted))
    }

    /// Returns yes or no.
    pub fn flag(&self, name: &str) -> Result<Option<bool>, Misfit> {
        let Some(value) = self.get(name) else { return Ok(None) };
        match (value.as_bool(), value.as_str()) {
            (Some(flag), _) => Ok(Some(flag)),
            (None, Some("true")) => Ok(Some(true)),
            (None, Some("false")) => Ok(Some(false)),
            _ => Err(wrong(name, value, "true or false")),
        }
    }

    /// Returns a text.
    pub fn text(&self, name: &str) -> Result<Option<&'a str>, Misfit> {
        self.get(name).map(|value| value.as_str().ok_or_else(|| wrong(name, value, "a text"))).transpose()
    }

    /// Returns one of these words.
    pub fn choice(&self, name: &str, choices: &[&str]) -> Result<Option<&'a str>, Misfit> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let chosen = value.as_str().filter(|text| choices.contains(text));
        chosen.map(Some).ok_or_else(|| wrong(name, value, format!("one of {}", choices.join(", "))))
    }

    fn get(&self, name: &str) -> Option<&'a Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }
}

fn wrong(name: &str, value: &Value, wanted: impl Display) -> Misfit {
    Misfit::new(
        format!("settings.{name}"),
        format!("the setting `settings.{name}` is {value}; it must be {wanted}"),
        "Without it the service does as it likes.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_setting_is_what_it_must_be_or_it_is_told() {
        let map = json!({"a": "0.5", "b": "true", "c": "on", "d": 7, "e": null}).as_object().unwrap().clone();
        let own = Own(&map);
        assert_eq!((own.number("a", 0.0..=1.0), own.flag("b")), (Ok(Some(0.5)), Ok(Some(true))));
        assert_eq!((own.choice("c", &["on", "off"]), own.text("e")), (Ok(Some("on")), Ok(None)));
        let told = |misfit: Option<Misfit>| misfit.map(|misfit| (misfit.setting, misfit.message)).unwrap();
        for (misfit, message) in [
            (own.number("d", 0.0..=1.0).err(), "the setting `settings.d` is 7; it must be a number from 0 to 1"),
            (own.flag("d").err(), "the setting `settings.d` is 7; it must be true or false"),
            (own.text("d").err(), "the setting `settings.d` is 7; it must be a text"),
            (own.choice("d", &["on", "off"]).err(), "the setting `settings.d` is 7; it must be one of on, off"),
        ] {
            assert_eq!(told(misfit), ("settings.d".to_owned(), message.to_owned()));
        }
    }
}
