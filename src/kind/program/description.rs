//! What a program says of itself: its version, its settings, and which inputs and outputs it takes.

use crate::base::failure::{Cause, Failure};
use crate::kind::contract::Pay;
use crate::kind::fault::SettingFault;
use crate::kind::program::message::PROTOCOLS;
use crate::kind::schema::Schema;
use crate::storyfile::scope::is_named_by_user;
use crate::storyfile::story::{Input, Output, OutputSort};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The longest version that a program may have, in characters.
const VERSION_CHARS_MAX: usize = 100;

/// The answer to `describe`, as it is written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(rename = "type")]
    _type: DescriptionWord,
    protocol: u32,
    version: String,
    /// For people.
    #[serde(default, rename = "description")]
    _description: Option<String>,
    #[serde(default)]
    settings: Option<Value>,
    #[serde(default)]
    inputs: InputSlots,
    #[serde(default)]
    outputs: OutputSlots,
    #[serde(default)]
    paid: bool,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum DescriptionWord {
    Description,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct InputSlots {
    min: usize,
    max: Option<usize>,
    /// Names that inputs may have; empty for any.
    roles: Vec<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct OutputSlots {
    min: usize,
    max: Option<usize>,
    /// Names that outputs may have; empty for any.
    slots: Vec<String>,
    /// Without their dot; empty for any.
    extensions: Vec<String>,
}

/// A program that has said what it takes.
#[derive(Debug)]
pub struct Description {
    pub protocol: u32,
    /// Of the program: part of the key.
    pub version: String,
    pub pay: Pay,
    settings: Schema,
    inputs: InputSlots,
    outputs: OutputSlots,
}

impl Description {
    /// Reads the answer to `describe`; `program` is how the Storyfile names it.
    pub fn read(program: &str, line: &str) -> Result<Description, Failure> {
        let value: Value = serde_json::from_str(line)
            .map_err(|error| wrong(program, &format!("`{}` is no JSON: {error}", shown(line))))?;
        // Judged first: another version may have another form.
        if let Some(protocol) = value.get("protocol").and_then(Value::as_u64)
            && !PROTOCOLS.iter().any(|known| u64::from(*known) == protocol)
        {
            let message = format!("`{program}` speaks version {protocol} of the protocol, and this storygen version 1");
            return Err(Failure::new(Cause::Setup, message)
                .hint("Let it answer in a version that the request offers, or install a newer storygen."));
        }
        let written: Written = serde_json::from_value(value)
            .map_err(|error| wrong(program, &format!("its description is not as it should be: {error}")))?;
        let fine = !written.version.trim().is_empty()
            && written.version.chars().count() <= VERSION_CHARS_MAX
            && !written.version.chars().any(char::is_control);
        if !fine {
            return Err(wrong(program, "its `version` must be a short text, such as `1.2`"));
        }
        let schema = written.settings.unwrap_or_else(|| json!({"additionalProperties": false}));
        let settings = Schema::compile("settings", &schema).map_err(|fault| wrong(program, &fault.message))?;
        Ok(Description {
            protocol: written.protocol,
            version: written.version,
            pay: if written.paid { Pay::Paid } else { Pay::Free },
            settings,
            inputs: written.inputs,
            outputs: written.outputs,
        })
    }

    /// Returns all with which a stage cannot work, as far as its settings are known; those in `late` are not yet.
    pub fn faults(
        &self,
        settings: &Value,
        late: &BTreeSet<String>,
        inputs: &[Input],
        outputs: &[Output],
    ) -> Vec<SettingFault> {
        let mut faults = self.setting_faults(settings, late);
        faults.extend(self.input_faults(inputs));
        faults.extend(self.output_faults(outputs));
        faults
    }

    /// Holds settings against the program's schema.
    pub fn setting_faults(&self, settings: &Value, late: &BTreeSet<String>) -> Vec<SettingFault> {
        self.settings.setting_faults(settings, late)
    }

    fn input_faults(&self, inputs: &[Input]) -> Vec<SettingFault> {
        let mut roles: Vec<&str> =
            inputs.iter().map(|input| input.role.as_str()).filter(|role| is_named_by_user(role)).collect();
        roles.dedup();
        let mut faults = Vec::new();
        if let Some(message) = number(roles.len(), self.inputs.min, self.inputs.max, "input") {
            faults.push(SettingFault::stage(format!("the program reads {message}")).hint("List them under `inputs:`."));
        }
        let known = &self.inputs.roles;
        let is_name = |role: &&str| role.parse::<usize>().is_err();
        for role in roles.into_iter().filter(is_name).filter(|_| !known.is_empty()) {
            if !known.iter().any(|name| name == role) {
                let fault = SettingFault::stage(format!("the program knows no input `{role}`"));
                faults.push(fault.hint(format!("It knows: {}.", known.join(", "))));
            }
        }
        faults
    }

    fn output_faults(&self, outputs: &[Output]) -> Vec<SettingFault> {
        let mut faults = Vec::new();
        if let Some(message) = number(outputs.len(), self.outputs.min, self.outputs.max, "output") {
            let fault = SettingFault::stage(format!("the program writes {message}"));
            faults.push(fault.hint("List them under `outputs:`."));
        }
        let OutputSlots { slots, extensions, .. } = &self.outputs;
        for output in outputs {
            let is_name = output.slot.parse::<usize>().is_err();
            if is_name && !slots.is_empty() && !slots.contains(&output.slot) {
                let fault =
                    SettingFault::output(&output.slot, format!("the program knows no output `{}`", output.slot));
                faults.push(fault.hint(format!("It knows: {}.", slots.join(", "))));
            }
            let extension = output.path.extension();
            let is_file = output.sort == OutputSort::File;
            if is_file && !extensions.is_empty() && !extensions.iter().any(|known| known == extension) {
                let message = format!("the program does not write `.{extension}` files");
                let fault = SettingFault::output(&output.slot, message);
                faults.push(fault.hint(format!("End the path with one of: {}.", extensions.join(", "))));
            }
        }
        faults
    }
}

/// Says what is wrong with a number of files; `None` if nothing is.
fn number(count: usize, min: usize, max: Option<usize>, what: &str) -> Option<String> {
    if count >= min && max.is_none_or(|max| count <= max) {
        return None;
    }
    let s = |n: usize| if n == 1 { "" } else { "s" };
    let wanted = match max {
        Some(0) => format!("no {what}s"),
        Some(max) if max == min => format!("exactly {max} {what}{}", s(max)),
        Some(max) if min == 0 => format!("at most {max} {what}{}", s(max)),
        Some(max) => format!("{min} to {max} {what}s"),
        None => format!("at least {min} {what}{}", s(min)),
    };
    Some(format!("{wanted}, and this stage has {count}"))
}

fn wrong(program: &str, what: &str) -> Failure {
    Failure::new(Cause::Setup, format!("`{program} describe` gave no description: {what}"))
        .hint("`docs/programs.md` says what a program answers.")
}

/// Returns a line as a message quotes it.
pub fn shown(line: &str) -> String {
    let line = line.trim();
    match line.chars().count() {
        0..=120 => line.escape_debug().to_string(),
        _ => line.chars().take(117).flat_map(char::escape_debug).chain("...".chars()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::bench::output;

    fn read(line: &Value) -> Result<Description, Failure> {
        Description::read("./tools/page", &line.to_string())
    }

    fn whole() -> Value {
        json!({
            "type": "description", "protocol": 1, "version": "3",
            "settings": {
                "type": "object", "required": ["title"], "additionalProperties": false,
                "properties": {"title": {"type": "string"}, "size": {"type": "integer", "minimum": 1},
                    "look": {"type": "object", "additionalProperties": false, "properties": {"font": {}}}},
            },
            "outputs": {"min": 1, "max": 2, "slots": ["page", "index"], "extensions": ["html"]},
        })
    }

    fn faults(settings: Value, late: &[&str]) -> Vec<String> {
        let late = late.iter().map(|name| (*name).to_owned()).collect();
        let found = read(&whole()).unwrap().setting_faults(&settings, &late);
        found
            .into_iter()
            .map(|fault| format!("{:?}: {} {}", fault.about, fault.message, fault.hint.unwrap_or_default()))
            .collect()
    }

    #[test]
    fn settings_are_held_against_the_schema_each_at_its_place() {
        assert!(faults(json!({"title": "Bus", "size": 2}), &[]).is_empty());
        let told = faults(json!({"titel": "Bus", "size": 0, "look": {"fnt": 1}}), &[]).join("\n");
        assert!(told.contains("Setting(\"titel\"): there is no setting `titel` Did you mean `title`?"), "{told}");
        assert!(told.contains("Setting(\"size\"): the setting `size` is wrong: 0 is less than"), "{told}");
        assert!(
            told.contains("Setting(\"look.fnt\"): there is no setting `look.fnt` Did you mean `look.font`?"),
            "{told}"
        );
        assert!(told.contains("Stage: the setting `title` is missing"), "{told}");
    }

    #[test]
    fn what_is_not_known_yet_is_not_judged_yet() {
        assert!(faults(json!({"size": 3}), &["title"]).is_empty());
        assert_eq!(faults(json!({}), &["size"]).len(), 1);
    }

    #[test]
    fn a_program_without_a_schema_takes_no_settings() {
        let bare = read(&json!({"type": "description", "protocol": 1, "version": "1"})).unwrap();
        assert_eq!(bare.setting_faults(&json!({"a": 1}), &BTreeSet::new()).len(), 1);
        assert!(bare.setting_faults(&json!({}), &BTreeSet::new()).is_empty());
    }

    #[test]
    fn outputs_are_those_that_it_knows() {
        let told: Vec<String> = read(&whole())
            .unwrap()
            .output_faults(&[output("pages", "a.htm"), output("page", "b.html"), output("2", "c.html")])
            .into_iter()
            .map(|fault| fault.message)
            .collect();
        assert_eq!(
            told,
            [
                "the program writes 1 to 2 outputs, and this stage has 3",
                "the program knows no output `pages`",
                "the program does not write `.htm` files"
            ]
        );
    }

    #[test]
    fn a_description_that_is_none_is_told() {
        let told = |line: &str| Description::read("./p", line).unwrap_err().message;
        assert!(told("Usage: p FILE").starts_with("`./p describe` gave no description: `Usage: p FILE` is no JSON"));
        assert_eq!(
            told(r#"{"protocol": 7, "shape": "new"}"#),
            "`./p` speaks version 7 of the protocol, and this storygen version 1"
        );
        assert!(told(r#"{"type":"description","protocol":1,"version":1}"#).contains("expected a string"));
        assert!(told(r#"{"type":"description","protocol":1,"version":""}"#).contains("`version` must be"));
        assert!(told(r#"{"type":"description","protocol":1,"version":"1","setings":{}}"#).contains("`setings`"));
        let schema = json!({"type": "description", "protocol": 1, "version": "1", "settings": {"type": "txt"}});
        assert!(read(&schema).unwrap_err().message.contains("`settings` is no JSON Schema"));
    }
}
