//! Turns pipelines of other tools into Storyfiles: [`orchestration`] files of the project that storygen comes from, and
//! [`dvc`] ones. Text in, text and a report out; each field of the source is in the one or told in the other.

mod dvc;
mod orchestration;
mod works;
mod write;

use crate::data::parse::parse;
use serde_json::Value;
use std::fmt::Write as _;

/// What became of a file.
#[derive(Debug)]
pub struct Imported {
    /// The Storyfile.
    pub text: String,
    /// What became of each field, in the order of the file.
    pub report: Vec<Note>,
}

/// What became of one field of the source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Its place: `stages.voice.timeout_seconds`.
    pub field: String,
    /// What it is now, or why it is nothing.
    pub became: String,
    pub fate: Fate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It stands in the Storyfile and means the same.
    Kept,
    /// It has no counterpart, or a person has to look at it.
    Left,
}

/// What the import looks up beside the file: both are asked for paths relative to it.
pub struct Beside<'a> {
    pub is_folder: &'a dyn Fn(&str) -> bool,
    pub read: &'a dyn Fn(&str) -> Option<Vec<u8>>,
}

/// Imports `bytes`, the content of the file `name`. The error says why it cannot be.
pub fn import(name: &str, bytes: &[u8], beside: &Beside<'_>) -> Result<Imported, String> {
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    let value = match parse(extension, bytes) {
        None => return Err(format!("`{name}` is neither YAML nor JSON by its name: .yaml, .yml or .json")),
        Some(Err(fault)) => return Err(format!("`{name}` {fault}")),
        Some(Ok(value)) => value,
    };
    match value.get("stages") {
        Some(Value::Array(_)) => orchestration::import(name, &value),
        Some(Value::Object(_)) if value.get("storygen").is_some() => Err(format!("`{name}` is a Storyfile already")),
        Some(Value::Object(_)) => dvc::import(name, &value, beside),
        _ => Err(format!(
            "`{name}` is no pipeline: it has no `stages`, neither a list (an orchestration file) nor a map (dvc.yaml)"
        )),
    }
}

/// The report under way.
#[derive(Default)]
struct Notes(Vec<Note>);

impl Notes {
    fn kept(&mut self, field: impl Into<String>, became: impl Into<String>) {
        self.0.push(Note { field: field.into(), became: became.into(), fate: Fate::Kept });
    }

    fn left(&mut self, field: impl Into<String>, became: impl Into<String>) {
        self.0.push(Note { field: field.into(), became: became.into(), fate: Fate::Left });
    }
}

/// Returns the report as lines for a person.
pub fn render(report: &[Note]) -> String {
    let width = report.iter().map(|note| note.field.chars().count()).max().unwrap_or(0).min(44);
    let mut text = String::new();
    for note in report {
        let mark = if note.fate == Fate::Kept { ' ' } else { '!' };
        let _ = writeln!(text, "{mark} {:width$} → {}", note.field, note.became);
    }
    text
}

/// Returns a name that a Storyfile takes for a stage.
fn stage_name(text: &str) -> String {
    let name: String = text
        .chars()
        .map(|sign| if sign.is_ascii_alphanumeric() || "_-.".contains(sign) { sign } else { '-' })
        .collect();
    let name = name.trim_start_matches(['-', '.']).to_owned();
    if name.is_empty() { "stage".to_owned() } else { name }
}

/// Returns a name that a Storyfile takes for a param.
fn param_name(text: &str) -> String {
    let name: String =
        text.chars().map(|sign| if sign.is_ascii_alphanumeric() || sign == '_' { sign } else { '_' }).collect();
    if name.starts_with(|sign: char| sign.is_ascii_digit()) || name.is_empty() { format!("p_{name}") } else { name }
}

/// Returns a value as a message shows it.
fn shown(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    match text.chars().count() {
        0..=60 => text.replace('\n', " "),
        _ => text.chars().take(57).map(|sign| if sign == '\n' { ' ' } else { sign }).chain("...".chars()).collect(),
    }
}

#[cfg(test)]
mod tests;
