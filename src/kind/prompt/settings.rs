//! What a `prompt` stage says under `with:`.

use super::choose::{By, Choose};
use super::judge::Format;
use crate::kind::fault::SettingFault;
use crate::kind::settings::Settings;
use crate::provider::chat::{ChatRequest, EditRule};
use crate::storyfile::story::Output;
use serde_json::{Map, Value};

/// Output bound of a prompt that names none (R13), in tokens.
const MAX_TOKENS: u32 = 1024;
const REPAIR: u64 = 2;

/// How a reply is asked for and what it must be.
#[derive(Clone, Debug)]
pub struct PromptSettings {
    pub source: Source,
    pub system: Option<String>,
    pub temperature: Option<f64>,
    pub max_tokens: u32,
    /// `None`: the stage sets none.
    pub seed: Option<u64>,
    pub stop: Vec<String>,
    /// How often an invalid reply is asked for again.
    pub repair: u32,
    /// From 1.
    pub samples: u32,
    pub choose: Choose,
    pub edit: Option<EditRule>,
    /// Whether each section of the first input is asked for on its own.
    pub split: Option<Split>,
    /// BCP 47; presets have such a field.
    pub language: Option<String>,
    /// Whether the field is there and empty: the language is the input's.
    pub leaves_language: bool,
    /// Fields that only the provider knows.
    pub extra: Map<String, Value>,
    format: Option<Format>,
}

/// Where an input is split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split {
    Heading,
}

/// Where the prompt comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Text, its expressions already evaluated.
    Prompt(String),
    /// A template's text.
    Jinja(String),
    /// The file that `template` names; also where no source is known yet.
    File,
}

impl PromptSettings {
    /// Reads the settings; a source that needs an input's content may be absent.
    pub fn read(settings: &Value) -> Result<PromptSettings, SettingFault> {
        let settings = Settings::of(settings);
        let language = settings.text("language")?.map(str::trim);
        let bound = settings.whole("max_tokens", 1..=1_000_000)?.unwrap_or(u64::from(MAX_TOKENS));
        Ok(PromptSettings {
            source: source(&settings)?,
            system: settings.text("system")?.map(str::to_owned),
            temperature: settings.number("temperature", 0.0..=2.0)?,
            max_tokens: u32::try_from(bound).unwrap_or(u32::MAX),
            seed: settings.whole("seed", 0..=u64::MAX)?,
            stop: settings.texts("stop")?.into_iter().map(str::to_owned).collect(),
            repair: small(settings.whole("repair", 0..=10)?.unwrap_or(REPAIR)),
            samples: small(settings.whole("samples", 1..=32)?.unwrap_or(1)),
            choose: choose(&settings)?,
            edit: edit(&settings)?,
            split: split(&settings)?,
            language: language.filter(|language| !language.is_empty()).map(str::to_owned),
            leaves_language: language == Some(""),
            extra: extra(&settings)?,
            format: format(&settings)?,
        })
    }

    /// Returns the request that asks `prompt`.
    pub fn asking(&self, prompt: String) -> ChatRequest {
        ChatRequest {
            system: self.system.clone(),
            temperature: self.temperature,
            seed: self.seed,
            stop: self.stop.clone(),
            extra: self.extra.clone(),
            ..ChatRequest::of(prompt, self.max_tokens)
        }
    }

    /// Returns the form of the output: as set, else JSON for what has a schema or is called so, else text.
    pub fn format_of(&self, output: &Output, has_schema: bool) -> Format {
        let usual = if has_schema || output.path.extension() == "json" { Format::Json } else { Format::Text };
        self.format.unwrap_or(usual)
    }
}

fn small(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn source(settings: &Settings<'_>) -> Result<Source, SettingFault> {
    let given: Vec<&str> = ["template", "prompt", "jinja"].into_iter().filter(|n| settings.get(n).is_some()).collect();
    match given.as_slice() {
        ["prompt"] => Ok(Source::Prompt(settings.text("prompt")?.unwrap_or_default().to_owned())),
        ["jinja"] => Ok(Source::Jinja(settings.text("jinja")?.unwrap_or_default().to_owned())),
        [one, other, ..] => Err(SettingFault::setting(*other, format!("the stage has both `{one}` and `{other}`"))
            .hint("Take one of them away.")),
        _ => Ok(Source::File),
    }
}

fn choose(settings: &Settings<'_>) -> Result<Choose, SettingFault> {
    // A preset's length is what its samples are measured by.
    let usual = settings.whole("target_words", 1..=u64::MAX)?;
    let usual = Choose { words: usual, by: By::Rules };
    if settings.get("choose").is_none_or(|choose| choose.as_str() == Some("rules")) {
        return Ok(usual);
    }
    let Some(group) = settings.group("choose", "choose.")? else { return Ok(usual) };
    group.only(&["rules", "rubric"])?;
    let by = if group.text("rubric")?.is_some() { By::Rubric } else { By::Rules };
    let Some(rules) = group.group("rules", "choose.rules.")? else { return Ok(Choose { by, ..usual }) };
    rules.only(&["words"])?;
    Ok(Choose { words: rules.whole("words", 1..=u64::MAX)?.or(usual.words), by })
}

fn edit(settings: &Settings<'_>) -> Result<Option<EditRule>, SettingFault> {
    match settings.text("edit")? {
        None => Ok(None),
        Some("tags") => Ok(Some(EditRule::Tags)),
        Some("speech") => Ok(Some(EditRule::Speech)),
        Some(other) => Err(settings.wrong("edit", &other.into(), "`tags` or `speech`")),
    }
}

/// Reads `split`. A prompt that is written out is the same for every section, and so is the first of two JSON texts.
fn split(settings: &Settings<'_>) -> Result<Option<Split>, SettingFault> {
    let Some(split) = settings.text("split")? else { return Ok(None) };
    if split != "heading" {
        return Err(settings.wrong("split", &split.into(), "`heading`"));
    }
    if settings.get("prompt").is_some() {
        return Err(same_for_all());
    }
    if settings.get("schema").is_some() || !matches!(format(settings)?, None | Some(Format::Text)) {
        return Err(SettingFault::setting(
            "split",
            "the answers to sections are joined as text, and not as JSON or a line",
        )
        .hint("Leave out `split`, or what makes it another form."));
    }
    Ok(Some(Split::Heading))
}

pub fn same_for_all() -> SettingFault {
    SettingFault::setting("split", "a `prompt` is the same for every section")
        .hint("Write it as `jinja` or `template`: there `inputs[0]` is the section.")
}

fn extra(settings: &Settings<'_>) -> Result<Map<String, Value>, SettingFault> {
    match settings.get("extra") {
        None | Some(Value::Null) => Ok(Map::new()),
        Some(Value::Object(fields)) => Ok(fields.clone()),
        Some(other) => Err(settings.wrong("extra", other, "a map of fields that the provider knows")),
    }
}

fn format(settings: &Settings<'_>) -> Result<Option<Format>, SettingFault> {
    match settings.text("format")? {
        None => Ok(None),
        Some("text") => Ok(Some(Format::Text)),
        Some("line") => Ok(Some(Format::Line)),
        Some("json") => Ok(Some(Format::Json)),
        Some(other) => Err(settings.wrong("format", &other.into(), "`text`, `line` or `json`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::bench::output;
    use serde_json::json;

    fn refused(settings: Value) -> String {
        PromptSettings::read(&settings).unwrap_err().message
    }

    #[test]
    fn what_is_not_set_has_a_bound_and_two_repairs() {
        let settings = PromptSettings::read(&json!({"prompt": "Hi"})).unwrap();
        assert_eq!((settings.max_tokens, settings.repair, settings.samples, settings.seed), (1024, 2, 1, None));
        assert_eq!((settings.temperature, settings.source), (None, Source::Prompt("Hi".into())));
    }

    #[test]
    fn the_outputs_name_tells_its_form() {
        let settings = PromptSettings::read(&json!({})).unwrap();
        assert_eq!(settings.format_of(&output("0", "a.md"), false), Format::Text);
        assert_eq!(settings.format_of(&output("0", "a.json"), false), Format::Json);
        assert_eq!(settings.format_of(&output("0", "a.txt"), true), Format::Json);
        let line = PromptSettings::read(&json!({"format": "line"})).unwrap();
        assert_eq!(line.format_of(&output("0", "a.txt"), false), Format::Line);
    }

    #[test]
    fn samples_are_measured_by_the_length_that_the_stage_asks_for() {
        let words = |settings: Value| PromptSettings::read(&settings).unwrap().choose.words;
        assert_eq!(words(json!({"target_words": "360", "choose": "rules"})), Some(360));
        assert_eq!(words(json!({"target_words": 360, "choose": {"rules": {"words": 90}}})), Some(90));
        assert_eq!(words(json!({})), None);
    }

    #[test]
    fn senseless_settings_are_refused() {
        assert_eq!(refused(json!({"prompt": "a", "template": "b"})), "the stage has both `template` and `prompt`");
        assert_eq!(
            refused(json!({"temperature": 3})),
            "the setting `temperature` is 3; it must be a number from 0 to 2"
        );
        assert_eq!(
            refused(json!({"samples": 0})),
            "the setting `samples` is 0; it must be a whole number from 1 to 32"
        );
        assert_eq!(refused(json!({"edit": "all"})), "the setting `edit` is \"all\"; it must be `tags` or `speech`");
        assert_eq!(refused(json!({"split": "line"})), "the setting `split` is \"line\"; it must be `heading`");
        assert_eq!(refused(json!({"split": "heading", "prompt": "Hi"})), "a `prompt` is the same for every section");
        for form in [json!({"split": "heading", "format": "line"}), json!({"split": "heading", "schema": "s.json"})] {
            assert_eq!(refused(form), "the answers to sections are joined as text, and not as JSON or a line");
        }
        assert_eq!(refused(json!({"choose": {"rule": 1}})), "there is no setting `choose.rule`");
    }
}
