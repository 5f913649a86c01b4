//! The kind `prompt`: a rendered prompt goes to a writer; its reply is checked, repaired, and becomes the output.

mod ask;
mod choose;
mod judge;
mod quote;
mod render;
mod rubric;
mod sample;
mod settings;
mod split;
mod weave;

use crate::base::failure::{Cause, Failure};
use crate::base::span::Span;
use crate::kind::contract::{Guess, Job, Kind, Made, Pay, Progress, Quoted, Work};
use crate::kind::fault::{SettingFault, every_fault};
use crate::kind::input;
use crate::kind::schema::Schema;
use crate::kind::settings::Settings;
use crate::media::plain::script_words;
use crate::media::token::is_spoken;
use crate::provider::Providers;
use crate::provider::chat::{BoxFuture, ChatRequest, ChatWarning, Edit, EditRule};
use crate::provider::memory::Memory;
use crate::provider::quote::Quote;
use crate::provider::writer::Writer;
use crate::storyfile::catalog::KindInfo;
use crate::storyfile::scope::{Scope, ScopeFile, is_named_by_user};
use crate::storyfile::story::Output;
use ask::{Answer, Question};
use choose::By;
use judge::Judge;
use render::rendered;
use serde_json::Value;
use settings::{PromptSettings, Source};
use std::collections::{BTreeMap, BTreeSet};

/// Asks a writer.
pub struct Prompt;

/// The provider of a stage that names none.
const BUILT_IN: &str = "local";
/// The language of a text whose stage names none.
const LANGUAGE: &str = "en";

impl Kind for Prompt {
    fn info(&self) -> &'static KindInfo {
        &super::info::PROMPT
    }

    fn version(&self) -> u32 {
        1
    }

    fn pay(&self) -> Pay {
        Pay::Paid
    }

    fn faults(&self, work: &Work<'_>) -> Vec<SettingFault> {
        let writer = provider(work.named, work.providers).ok();
        let mut faults = every_fault(work.settings, |settings| {
            let read = read(settings)?;
            writer.map_or(Ok(()), |writer| accepted(writer, settings, &read))
        });
        let has_input = work.inputs.iter().any(|input| is_named_by_user(&input.role));
        let is_set = |name: &str| Settings::of(work.settings).get(name).is_some();
        if is_set("edit") && !has_input {
            faults.push(nothing_to_edit());
        }
        if is_set("split") && !has_input {
            faults.push(split::nothing_to_split());
        }
        if is_set("split") && work.late.contains("prompt") {
            faults.push(settings::same_for_all());
        }
        faults
    }

    fn identity(&self, work: &Work<'_>) -> Result<Option<String>, Failure> {
        Ok(Some(provider(work.named, work.providers)?.identity()))
    }

    fn quote(&self, quoted: &Quoted<'_>) -> Result<Vec<Quote>, Failure> {
        quote::quotes(quoted)
    }

    fn guess(&self, work: &Work<'_>, input_bytes: Option<u64>) -> Guess {
        quote::guess(work, input_bytes)
    }

    fn perform<'a>(&'a self, job: Job<'a>) -> BoxFuture<'a, Result<Made, Failure>> {
        Box::pin(write(job))
    }
}

/// Reads all that can be read without a file.
fn read(settings: &Value) -> Result<PromptSettings, SettingFault> {
    let read = PromptSettings::read(settings)?;
    if let Some(schema @ Value::Object(_)) = Settings::of(settings).get("schema") {
        Schema::compile("schema", schema)?;
    }
    match &read.source {
        Source::Prompt(text) if text.trim().is_empty() => {
            Err(SettingFault::setting("prompt", "the prompt is empty").hint("Write what is asked."))
        }
        _ => Ok(read),
    }
}

/// Asks the writer whether it can do what is wanted.
fn accepted(writer: &Writer, settings: &Value, wanted: &PromptSettings) -> Result<(), SettingFault> {
    let language = wanted.language.as_ref().map_or(Ok(()), |language| writer.accepts(language, wanted.edit));
    language.map_err(|failure| {
        let fault = SettingFault::setting("language", failure.message);
        SettingFault { hint: failure.hint, ..fault }
    })?;
    let schema = Settings::of(settings).get("schema").filter(|schema| schema.is_object()).cloned();
    let wish = ChatRequest { schema, ..wanted.asking(String::new()) };
    writer.takes(&wish).map_err(|misfit| SettingFault::setting(misfit.setting, misfit.message).hint(misfit.hint))
}

fn nothing_to_edit() -> SettingFault {
    SettingFault::setting("edit", "an `edit` has no input: there is nothing to edit")
        .hint("Name the text under `inputs:`.")
}

fn provider<'a>(named: &BTreeMap<String, String>, providers: &'a Providers) -> Result<&'a Writer, Failure> {
    providers.chat(named.get("text").map_or(BUILT_IN, String::as_str))
}

fn only_output(outputs: &[Output]) -> Result<&Output, Failure> {
    match outputs {
        [output] => Ok(output),
        _ => Err(Failure::new(Cause::Setup, format!("the stage has {} outputs: a prompt writes one", outputs.len()))),
    }
}

async fn write(job: Job<'_>) -> Result<Made, Failure> {
    let settings = PromptSettings::read(&job.settings)?;
    let output = only_output(job.outputs)?;
    let schema = schema(&job.settings, &job.scope)?;
    let format = settings.format_of(output, schema.is_some());
    let writer = provider(job.named, job.providers)?;
    if let Some(language) = language(&settings, &job.scope) {
        writer.accepts(&language, settings.edit)?;
    }
    let mut memory = Memory::new(job.desk);
    let (mut replies, mut told) = (Vec::new(), BTreeSet::new());
    let sections = split::sections(&job.scope, settings.split)?;
    let rubric = rubric(&settings, &job.scope)?;
    for section in &sections {
        let question = Question {
            writer,
            request: request(&job.settings, &settings, &section.scope, schema.as_ref())?,
            judge: Judge { format, schema: schema.clone(), kept: kept(&settings, &section.scope)? },
            repair: settings.repair,
            about: &section.name,
        };
        let best = sample::best(&question, &settings, rubric, &job, &mut memory).await;
        let Answer { text, warnings } = best.map_err(|failure| section.failed(failure))?;
        replies.push(text);
        told.extend(warnings.into_iter().map(|warning| section.placed(warning)));
        if sections.len() > 1 {
            let (done, total) = (replies.len() as u64, sections.len() as u64);
            (job.progress)(Progress { done, total, note: "sections".to_owned() });
        }
    }
    let mut made = Made::of(memory);
    made.warnings.extend(told.iter().map(|warning| placed(warning, &job.scope)));
    made.outputs.insert(output.slot.clone(), split::joined(replies).into_bytes());
    Ok(made)
}

/// Returns what samples are chosen by, where the rules do not.
fn rubric<'a>(settings: &PromptSettings, scope: &'a Scope) -> Result<Option<&'a str>, Failure> {
    match settings.choose.by {
        By::Rules => Ok(None),
        By::Rubric => input::text(input::of_setting(scope, "choose.rubric")?).map(Some),
    }
}

fn request(
    with: &Value,
    settings: &PromptSettings,
    scope: &Scope,
    schema: Option<&Schema>,
) -> Result<ChatRequest, Failure> {
    let edit = settings.edit.map(|rule| edit(rule, settings, scope)).transpose()?;
    let prompt = rendered(&settings.source, with, scope)?;
    Ok(ChatRequest { schema: schema.map(|schema| schema.value.clone()), edit, ..settings.asking(prompt) })
}

fn edit(rule: EditRule, settings: &PromptSettings, scope: &Scope) -> Result<Edit, Failure> {
    let file = edited(scope)?;
    let text = input::text(file)?.to_owned();
    if !script_words(&text).iter().any(|word| is_spoken(word)) {
        return Err(Failure::new(Cause::Validation, format!("`{}` has no words to edit", file.path)));
    }
    Ok(Edit { rule, text, language: language(settings, scope).unwrap_or_else(|| LANGUAGE.to_owned()) })
}

/// The file that an edit is of: the first input.
fn edited(scope: &Scope) -> Result<&ScopeFile, Failure> {
    let first = input::declared(scope).next();
    Ok(first.ok_or_else(nothing_to_edit)?)
}

/// The language that is asked for: the stage's, else its first input's if the stage leaves it to that.
fn language(settings: &PromptSettings, scope: &Scope) -> Option<String> {
    match settings.language.as_deref() {
        Some(language) => Some(language.to_owned()),
        None if settings.leaves_language => {
            let idea = input::declared(scope).next()?.parsed.as_ref()?;
            Some(idea.get("language")?.as_str()?.trim().to_owned()).filter(|language| !language.is_empty())
        }
        None => None,
    }
}

/// Says a warning with its place in the text that was edited.
fn placed(warning: &ChatWarning, scope: &Scope) -> String {
    let file = edited(scope).ok().and_then(|file| Some((file.path.as_str(), input::text(file).ok()?)));
    match (file, warning.at) {
        (Some((path, text)), Some((start, end))) => {
            let (line, column) = Span::new(start, end).line_column(text);
            let said = text.get(start as usize..end as usize).unwrap_or("");
            format!("{path}:{line}:{column}: `{said}` {}", warning.message)
        }
        (Some((path, _)), None) => format!("{path}: {}", warning.message),
        (None, _) => warning.message.clone(),
    }
}

/// The text whose words must all be there again.
fn kept(settings: &PromptSettings, scope: &Scope) -> Result<Option<String>, Failure> {
    match settings.edit {
        Some(EditRule::Tags) => Ok(Some(input::text(edited(scope)?)?.to_owned())),
        _ => Ok(None),
    }
}

fn schema(settings: &Value, scope: &Scope) -> Result<Option<Schema>, Failure> {
    let settings = Settings::of(settings);
    match settings.get("schema") {
        None => Ok(None),
        Some(map @ Value::Object(_)) => Ok(Some(Schema::compile("schema", map)?)),
        Some(Value::String(_)) => {
            let file = input::of_setting(scope, "schema")?;
            let value = file.parsed.as_ref().ok_or_else(|| {
                Failure::new(Cause::Setup, format!("`{}` is no JSON or YAML file that can be read", file.path))
            })?;
            Ok(Some(Schema::compile(&file.path, value)?))
        }
        Some(other) => Err(settings.wrong("schema", other, "a map, or the path of a file that holds one").into()),
    }
}

#[cfg(test)]
mod tests;
