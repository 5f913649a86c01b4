//! The rules of a check: which there are, which files each is about, and what is said of those that are broken.

use super::audio::AudioRules;
use super::banned::Banned;
use super::length::{ReadingTime, WordCount};
use super::pattern;
use super::preserve::difference;
use super::subject::{Sort, Subject};
use super::subtitles::{SubtitleRules, said};
use super::tags::TagRules;
use crate::base::failure::{Cause, Failure};
use crate::kind::fault::SettingFault;
use crate::kind::schema::Schema;
use crate::kind::settings::Settings;
use crate::media::plain::script_words;
use crate::media::token::is_spoken;
use regex::Regex;
use serde_json::{Map, Value, json};

/// The settings that are rules.
pub const RULES: &[&str] =
    &["words", "reading_time", "banned", "require", "forbid", "preserves", "tags", "schema", "audio", "subtitles"];
/// The rules about what a text says.
const ABOUT_TEXT: &[&str] = &["words", "reading_time", "banned", "require", "forbid", "preserves", "tags"];
/// The rules that may name a file.
const FILES: &[&str] = &["banned", "schema"];
/// More faults of one file against its schema are not looked for.
const SCHEMA_FAULTS_MAX: usize = 1000;

/// What a check demands of each file.
#[derive(Debug)]
pub struct Rules {
    words: Option<WordCount>,
    reading_time: Option<ReadingTime>,
    banned: Option<Banned>,
    require: Vec<Regex>,
    forbid: Vec<Regex>,
    /// The role or path of the text whose words must all be kept.
    pub preserves: Option<String>,
    tags: Option<TagRules>,
    schema: Option<Schema>,
    audio: Option<AudioRules>,
    subtitles: Option<SubtitleRules>,
    /// Names of the rules that are set.
    set: Vec<&'static str>,
    pub if_broken: IfBroken,
}

/// What a broken rule does to the stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IfBroken {
    Fail,
    /// The stage succeeds with warnings, and its verdict says what is broken.
    Warn,
}

impl Rules {
    /// Reads the rules with the `files` that they name, by roles such as `with.schema`.
    pub fn with_files(settings: &Value, files: &[Subject<'_>]) -> Result<Rules, Failure> {
        let is_file = |name: &str| settings.get(name).is_some_and(Value::is_string);
        match FILES.iter().find(|name| is_file(name) && file(name, files).is_none()) {
            None => Ok(Rules::read(settings, files)?),
            Some(name) => {
                let message = format!("the file that `{name}` names was not read before the check began");
                Err(Failure::new(Cause::Machine, message))
            }
        }
    }

    /// Reads the rules. Fails if one is unknown or senseless, or if there is none. A rule that names a file that is not
    /// among `files` is only looked at from outside.
    pub fn read(settings: &Value, files: &[Subject<'_>]) -> Result<Rules, SettingFault> {
        let settings = Settings::of(settings);
        let known: Vec<&str> = RULES.iter().copied().chain(["blocking"]).collect();
        settings.only(&known)?;
        let rules = Rules {
            words: WordCount::read(&settings)?,
            reading_time: ReadingTime::read(&settings)?,
            banned: banned(&settings, files)?,
            require: pattern::read(&settings, "require")?,
            forbid: pattern::read(&settings, "forbid")?,
            preserves: settings.text("preserves")?.map(str::to_owned),
            tags: TagRules::read(&settings)?,
            schema: schema(&settings, files)?,
            audio: AudioRules::read(&settings)?,
            subtitles: SubtitleRules::read(&settings)?,
            set: RULES.iter().copied().filter(|name| is_set(&settings, name)).collect(),
            if_broken: if settings.flag("blocking")?.unwrap_or(true) { IfBroken::Fail } else { IfBroken::Warn },
        };
        if rules.set.is_empty() {
            return Err(SettingFault::stage("the check has no rule")
                .hint(format!("Give it at least one of: {}.", RULES.join(", "))));
        }
        Ok(rules)
    }

    /// Fails with `Setup` if one of the rules is about none of the files: it would hold whatever they are.
    pub fn each_has_a_file(&self, subjects: &[Subject<'_>]) -> Result<(), Failure> {
        let idle = self.set.iter().find(|rule| !subjects.iter().any(|subject| is_about(rule, subject.sort())));
        let Some(rule) = idle else { return Ok(()) };
        let (what, ends) = match *rule {
            "audio" => ("recordings", "`.wav`"),
            "subtitles" => ("subtitles", "`.srt` or `.vtt`"),
            "schema" => ("data", "`.json`, `.yaml` or `.yml`"),
            _ => ("texts", "anything but `.wav`"),
        };
        let files: Vec<String> = subjects.iter().map(|subject| format!("`{}`", subject.path)).collect();
        let message = format!("`{rule}` is about {what}, and there is none among {}", files.join(", "));
        Err(Failure::new(Cause::Setup, message).hint(format!("It measures files that end in {ends}.")))
    }

    /// Measures `subject`; returns what was found, and pushes one sentence onto `broken` for each broken rule.
    pub fn measure(&self, subject: Subject<'_>, reference: Option<Subject<'_>>, broken: &mut Vec<String>) -> Value {
        let mut found = Map::new();
        found.insert("path".into(), json!(subject.path));
        if subject.sort() == Sort::Sound {
            broken.extend(self.audio.iter().flat_map(|rules| rules.faults(subject, &mut found)));
            return Value::Object(found);
        }
        let text = match subject.text() {
            Ok(text) => text,
            Err(failure) => {
                broken.push(failure.message);
                return Value::Object(found);
            }
        };
        self.measure_text(subject, text, &mut found, broken);
        match subject.sort() {
            Sort::Data => broken.extend(self.schema.iter().flat_map(|schema| violations(schema, subject))),
            Sort::Subtitles => {
                broken.extend(self.subtitles.iter().flat_map(|rules| rules.faults(subject, text, &mut found)));
            }
            Sort::Text | Sort::Sound => {}
        }
        if let Some(reference) = reference {
            found.insert("preserves".into(), json!(reference.path));
            match reference.text() {
                Ok(before) => broken.extend(changed(subject, text, reference, before)),
                Err(failure) => broken.push(failure.message),
            }
        }
        Value::Object(found)
    }

    fn measure_text(&self, subject: Subject<'_>, text: &str, found: &mut Map<String, Value>, broken: &mut Vec<String>) {
        let is_wanted = self.words.is_some() || self.reading_time.is_some();
        if subject.sort() == Sort::Text || is_wanted {
            let cues = if subject.sort() == Sort::Subtitles { said(subject, text) } else { None };
            let said = script_words(cues.as_deref().unwrap_or(text));
            let words = said.iter().filter(|word| is_spoken(word)).count() as u64;
            found.insert("words".into(), json!(words));
            broken.extend(self.words.and_then(|rule| rule.fault(words)).map(|fault| subject.says("words", &fault)));
            if let Some(rule) = self.reading_time {
                found.insert("reading_seconds".into(), json!((rule.seconds(words) * 10.0).round() / 10.0));
                broken.extend(rule.fault(words).map(|fault| subject.says("reading_time", &fault)));
            }
        }
        broken.extend(self.banned.iter().flat_map(|banned| banned.faults(subject, text)));
        broken.extend(self.require.iter().filter_map(|pattern| pattern::missing(pattern, subject, text)));
        broken.extend(self.forbid.iter().filter_map(|pattern| pattern::forbidden(pattern, subject, text)));
        if let Some(rules) = &self.tags {
            let (count, faults) = rules.faults(subject, text);
            found.insert("tags".into(), json!(count));
            broken.extend(faults);
        }
    }
}

/// Whether a rule is set; `tags: false` and an empty list are not.
fn is_set(settings: &Settings<'_>, name: &str) -> bool {
    match settings.get(name) {
        None | Some(Value::Bool(false)) => false,
        Some(Value::Array(items)) => !items.is_empty(),
        Some(_) => true,
    }
}

fn is_about(rule: &str, sort: Sort) -> bool {
    match rule {
        "audio" => sort == Sort::Sound,
        "subtitles" => sort == Sort::Subtitles,
        "schema" => sort == Sort::Data,
        rule => sort != Sort::Sound && ABOUT_TEXT.contains(&rule),
    }
}

fn banned(settings: &Settings<'_>, files: &[Subject<'_>]) -> Result<Option<Banned>, SettingFault> {
    match settings.get("banned") {
        None => Ok(None),
        Some(Value::Array(items)) if items.is_empty() => Ok(None),
        Some(Value::Array(items)) => Banned::of_list("banned", items).map(Some),
        Some(Value::String(_)) => file("banned", files).map(Banned::of_file).transpose(),
        Some(other) => Err(settings.wrong("banned", other, "a list of words, or the path of a file that holds one")),
    }
}

fn schema(settings: &Settings<'_>, files: &[Subject<'_>]) -> Result<Option<Schema>, SettingFault> {
    match settings.get("schema") {
        None => Ok(None),
        Some(map @ Value::Object(_)) => Schema::compile("schema", map).map(Some),
        Some(Value::String(_)) => {
            let Some(file) = file("schema", files) else { return Ok(None) };
            match crate::data::parse::parse(file.extension(), file.bytes) {
                Some(Ok(value)) => Schema::compile(file.path, &value).map(Some),
                Some(Err(fault)) => Err(SettingFault::setting("schema", format!("`{}` {fault}", file.path))),
                None => Err(SettingFault::setting("schema", format!("`{}` is no JSON or YAML file", file.path))),
            }
        }
        Some(other) => Err(settings.wrong("schema", other, "a map, or the path of a file that holds one")),
    }
}

/// Returns the file that the rule `name` names, if it was read.
fn file<'a>(name: &str, files: &[Subject<'a>]) -> Option<Subject<'a>> {
    files.iter().find(|file| file.role.split_once('.').is_some_and(|(_, setting)| setting == name)).copied()
}

fn violations(schema: &Schema, subject: Subject<'_>) -> Vec<String> {
    let value = match crate::data::parse::parse(subject.extension(), subject.bytes) {
        Some(Ok(value)) => value,
        Some(Err(fault)) => return vec![subject.says("schema", &fault.to_string())],
        None => return Vec::new(),
    };
    let faults = schema.faults(&value, SCHEMA_FAULTS_MAX).into_iter();
    let place = |pointer: &str| if pointer.is_empty() { String::new() } else { format!("#{pointer}") };
    faults.map(|f| format!("`schema` of `{}{}`: {}", subject.path, place(&f.pointer), f.message)).collect()
}

fn changed(subject: Subject<'_>, text: &str, reference: Subject<'_>, before: &str) -> Option<String> {
    let difference = difference(before, text)?;
    let fault = format!("the words of `{}` are not kept: {difference}", reference.path);
    Some(subject.says_at("preserves", text, difference.at, &fault))
}

#[cfg(test)]
mod tests;
