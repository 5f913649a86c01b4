//! The kind `template`: a Jinja template becomes a text, with the inputs and settings in it. Costs nothing.

use crate::base::failure::Failure;
use crate::kind::contract::{Job, Kind, Made, Pay, Work};
use crate::kind::fault::{SettingFault, every_fault};
use crate::kind::render;
use crate::kind::settings::Settings;
use crate::provider::chat::BoxFuture;
use crate::storyfile::catalog::KindInfo;
use crate::storyfile::story::Output;
use std::collections::BTreeMap;

/// Renders a template.
pub struct Template;

impl Kind for Template {
    fn info(&self) -> &'static KindInfo {
        &super::info::TEMPLATE
    }

    fn version(&self) -> u32 {
        1
    }

    fn pay(&self) -> Pay {
        Pay::Free
    }

    fn faults(&self, work: &Work<'_>) -> Vec<SettingFault> {
        let mut faults = every_fault(work.settings, |settings| Settings::of(settings).text("jinja").map(drop));
        faults.extend(only_output(work.outputs).err());
        faults
    }

    fn identity(&self, _: &Work<'_>) -> Result<Option<String>, Failure> {
        Ok(None)
    }

    fn perform<'a>(&'a self, job: Job<'a>) -> BoxFuture<'a, Result<Made, Failure>> {
        Box::pin(async move { made(&job) })
    }
}

fn made(job: &Job<'_>) -> Result<Made, Failure> {
    let output = only_output(job.outputs)?;
    let text = match Settings::of(&job.settings).text("jinja")? {
        Some(source) => render::text(source, &job.settings, &job.scope)?,
        None => render::file(&job.settings, &job.scope)?,
    };
    Ok(Made { outputs: BTreeMap::from([(output.slot.clone(), text.into_bytes())]), ..Made::default() })
}

fn only_output(outputs: &[Output]) -> Result<&Output, SettingFault> {
    match outputs {
        [output] => Ok(output),
        _ => Err(SettingFault::stage(format!("the stage has {} outputs: a template writes one", outputs.len()))
            .hint("Write one path under `outputs:`.")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::bench::{Bench, output};
    use super::*;
    use crate::base::failure::Cause;
    use crate::kind::input::tests::file;
    use serde_json::{Value, json};

    fn written(settings: Value, files: Vec<crate::storyfile::scope::ScopeFile>) -> Result<String, Failure> {
        let made = Bench::new().perform(&Template, settings, files, &[output("0", "show/notes.md")])?;
        Ok(String::from_utf8(made.outputs["0"].clone()).unwrap())
    }

    #[test]
    fn a_template_is_written_with_its_inputs_in_it() {
        let files = || {
            vec![
                file("idea", "idea.json", r#"{"title": "Night Bus", "tones": ["warm", "odd"]}"#),
                file("script", "script.md", "It was late.\n"),
                file("with.template", "notes.j2", "# {{ inputs.idea.title }}\n\n{{ inputs.script }}\n"),
            ]
        };
        let text = written(json!({"template": "notes.j2"}), files()).unwrap();
        assert_eq!(text, "# Night Bus\n\nIt was late.\n\n");
        let jinja = "{% for tone in inputs.idea.tones %}{{ tone }};{% endfor %}";
        assert_eq!(written(json!({ "jinja": jinja }), files()).unwrap(), "warm;odd;");
    }

    #[test]
    fn what_is_not_there_is_an_error_and_nothing_is_an_empty_file() {
        let failure = written(json!({"jinja": "a\n{{ inputs.idae.title }}"}), Vec::new()).unwrap_err();
        assert_eq!(failure.cause, Cause::Setup);
        assert!(failure.message.starts_with("template `jinja:2:"), "{failure}");
        assert_eq!(written(json!({"jinja": "{% if false %}x{% endif %}\n"}), Vec::new()).unwrap(), "");
    }

    #[test]
    fn a_template_writes_one_file_and_costs_nothing() {
        let two = [output("0", "a"), output("1", "b")];
        let told = Bench::new().told(&Template, &json!({"jinja": ""}), &two);
        assert_eq!(told, ["the stage has 2 outputs: a template writes one"]);
        assert_eq!((Template.pay(), Template.info().capability), (Pay::Free, None));
    }
}
