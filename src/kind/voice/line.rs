//! Who speaks a script: the stage's voice, and where the stage wants it those who do when that is out of order.
//!
//! Another voice in the middle of a story is a fault that everybody hears: who stands in speaks all of it.

use super::settings::VoiceSettings;
use crate::kind::fault::SettingFault;
use crate::kind::speaker::Manner;
use crate::provider::voice::{StandIn, Voice};
use serde_json::{Map, Value};

/// One who may be asked, and how he is to speak.
pub struct Teller<'a> {
    /// The provider's name; `None` for the stage's own voice.
    pub stands_in: Option<&'a str>,
    pub voice: &'a Voice,
    pub settings: VoiceSettings,
}

/// Returns all who may speak for a stage, the first first. Fails where nobody can stand in.
pub fn line<'a>(voice: &'a Voice, settings: &VoiceSettings) -> Result<Vec<Teller<'a>>, SettingFault> {
    let mut line = vec![Teller { stands_in: None, voice, settings: settings.clone() }];
    if settings.falls_back {
        if voice.stand_ins().is_empty() {
            let message = "nobody can speak in the place of the stage's voice";
            return Err(SettingFault::setting("fallback", message)
                .hint("Name a voice under `fallback:` of its provider, or remove this."));
        }
        for stand_in in voice.stand_ins() {
            let manner = manner_of(stand_in, &settings.manner)?;
            let settings = VoiceSettings { manner, ..settings.clone() };
            line.push(Teller { stands_in: Some(&stand_in.name), voice: &stand_in.voice, settings });
        }
    }
    Ok(line)
}

/// What the stage says of its voice's name and own settings is for that voice alone.
fn manner_of(stand_in: &StandIn, manner: &Manner) -> Result<Manner, SettingFault> {
    let text = |name: &str| stand_in.with.get(name).and_then(Value::as_str).map(str::to_owned);
    let own = stand_in.with.get("settings").and_then(Value::as_object).cloned().unwrap_or_else(Map::new);
    let is_open = |value: &Value| value.to_string().contains("${");
    if stand_in.with.get("voice").is_some_and(is_open) || own.values().any(is_open) {
        let message = format!("`{}` cannot stand in: its `voice` or `settings` hold an expression", stand_in.name);
        return Err(SettingFault::setting("fallback", message)
            .hint("Expressions are evaluated for a stage's own provider: write them out, or remove this."));
    }
    Ok(Manner { voice: text("voice"), own, ..manner.clone() })
}
