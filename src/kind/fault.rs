//! What a kind finds wrong with a stage before anything runs: all of it at once, each with the part that is at fault.

use crate::base::failure::{Cause, Failure};
use serde_json::Value;

/// Something with which a stage cannot work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingFault {
    pub about: About,
    pub sort: FaultSort,
    /// A fragment that stands on its own: names in backticks, no full stop.
    pub message: String,
    /// A sentence with a way out.
    pub hint: Option<String>,
}

/// The part of a stage that a fault is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum About {
    /// The settings as a whole.
    Stage,
    /// A setting by its dotted name: `loudness.lufs`.
    Setting(String),
    /// An output by its slot.
    Output(String),
}

/// Whether a fault is the user's, or ours for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultSort {
    Wrong,
    /// Planned, and not in this version.
    Unbuilt,
}

impl SettingFault {
    /// Returns a fault of the setting with this dotted name.
    pub fn setting(name: impl Into<String>, message: impl Into<String>) -> SettingFault {
        SettingFault::of(About::Setting(name.into()), message)
    }

    /// Returns a fault of the output in this slot.
    pub fn output(slot: &str, message: impl Into<String>) -> SettingFault {
        SettingFault::of(About::Output(slot.to_owned()), message)
    }

    /// Returns a fault of the stage as a whole.
    pub fn stage(message: impl Into<String>) -> SettingFault {
        SettingFault::of(About::Stage, message)
    }

    fn of(about: About, message: impl Into<String>) -> SettingFault {
        SettingFault { about, sort: FaultSort::Wrong, message: message.into(), hint: None }
    }

    /// Adds a way out.
    pub fn hint(mut self, hint: impl Into<String>) -> SettingFault {
        self.hint = Some(hint.into());
        self
    }

    /// Says that `what` is planned, but not in this version.
    pub fn not_built(about: About, what: &str) -> SettingFault {
        let fault = SettingFault::of(about, format!("{what} is not built yet"));
        SettingFault { sort: FaultSort::Unbuilt, ..fault }
            .hint("This version of storygen does not have it: leave it out.")
    }
}

/// The same in an attempt: there a setting that waited for a file turned out wrong.
impl From<SettingFault> for Failure {
    fn from(fault: SettingFault) -> Failure {
        Failure { hint: fault.hint, ..Failure::new(Cause::Setup, fault.message) }
    }
}

/// Returns every fault that `read` finds in `settings`: what is wrong is taken out, so that the next one shows.
pub fn every_fault<T>(settings: &Value, read: impl Fn(&Value) -> Result<T, SettingFault>) -> Vec<SettingFault> {
    let mut rest = settings.clone();
    let mut faults: Vec<SettingFault> = Vec::new();
    while let Err(fault) = read(&rest) {
        let is_taken = match &fault.about {
            About::Setting(name) => take_out(&mut rest, name),
            About::Stage | About::Output(_) => false,
        };
        // `words` without its wrong `words.min` is empty, and a check without its wrong rule has none: not news.
        if !faults.iter().any(|earlier| fault.about.is_around(&earlier.about)) {
            faults.push(fault);
        }
        if !is_taken {
            break;
        }
    }
    faults
}

impl About {
    fn is_around(&self, other: &About) -> bool {
        match (self, other) {
            (About::Stage, _) => true,
            (About::Setting(outer), About::Setting(inner)) => {
                inner.strip_prefix(outer.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            }
            _ => false,
        }
    }
}

/// Removes the value at a dotted name; tells whether there was one.
fn take_out(settings: &mut Value, dotted: &str) -> bool {
    let (outer, name) = match dotted.rsplit_once('.') {
        Some((outer, name)) => (format!("/{}", outer.replace('.', "/")), name),
        None => (String::new(), dotted),
    };
    let map = settings.pointer_mut(&outer).and_then(Value::as_object_mut);
    map.is_some_and(|map| map.remove(name).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::settings::Settings;
    use serde_json::json;

    /// Reads two numbers, one in a group that must not be empty.
    fn read(settings: &Value) -> Result<(), SettingFault> {
        let settings = Settings::of(settings);
        settings.only(&["speed", "words"])?;
        settings.number("speed", 0.5..=2.0)?;
        let Some(words) = settings.group("words", "words.")? else {
            return Err(SettingFault::stage("there is nothing to do"));
        };
        match (words.whole("min", 0..=9)?, words.whole("max", 0..=9)?) {
            (None, None) => Err(SettingFault::setting("words", "`words` is empty")),
            _ => Ok(()),
        }
    }

    fn about(settings: &Value) -> Vec<String> {
        let name = |fault: SettingFault| match fault.about {
            About::Setting(name) => name,
            about => format!("{about:?}"),
        };
        every_fault(settings, read).into_iter().map(name).collect()
    }

    #[test]
    fn all_faults_are_told_and_each_once() {
        let wrong = json!({"speed": 9, "sped": 1, "words": {"min": "x", "max": 10}});
        assert_eq!(about(&wrong), ["sped", "speed", "words.min", "words.max"]);
        assert!(about(&json!({"words": {"min": 3}})).is_empty());
    }

    #[test]
    fn what_follows_from_a_fault_is_no_other() {
        assert_eq!(about(&json!({"words": {"min": "x"}})), ["words.min"]);
        assert_eq!(about(&json!({"words": 3})), ["words"]);
        assert_eq!(about(&json!({"words": {}})), ["words"]);
        assert_eq!(about(&json!({})), ["Stage"]);
    }
}
