//! The prompt's text: as it stands, or rendered from a template with the job's files and settings.

use super::settings::Source;
use crate::base::failure::{Cause, Failure};
use crate::kind::input;
use crate::storyfile::scope::Scope;
use crate::storyfile::story::Presence;
use crate::storyfile::template::{Include, Template};
use serde_json::Value;
use std::collections::BTreeMap;

/// Returns the prompt. Fails with `Setup` where the template cannot be rendered or leaves nothing.
pub fn rendered(source: &Source, settings: &Value, scope: &Scope) -> Result<String, Failure> {
    let text = match source {
        Source::Prompt(text) => text.clone(),
        Source::Jinja(text) => from_template("jinja", text, settings, scope)?,
        Source::File => {
            let file = input::of_setting(scope, "template")?;
            from_template(&file.path, input::text(file)?, settings, scope)?
        }
    };
    match text.trim() {
        "" => Err(Failure::new(Cause::Setup, "the prompt is empty")),
        text => Ok(text.to_owned()),
    }
}

fn from_template(name: &str, source: &str, settings: &Value, scope: &Scope) -> Result<String, Failure> {
    let template = parsed(name, source)?;
    let mut included = BTreeMap::new();
    include(&template, scope, &mut included)?;
    template.render(scope, &included, settings)
}

fn parsed(name: &str, source: &str) -> Result<Template, Failure> {
    Template::parse(name, source).map_err(|fault| {
        let place = fault.span.map_or((1, 1), |span| span.line_column(source));
        let failure = Failure::new(Cause::Setup, format!("{name}:{}:{}: {}", place.0, place.1, fault.message));
        match fault.help {
            Some(help) => failure.hint(help),
            None => failure,
        }
    })
}

/// Gathers what the template includes, and what that includes.
fn include(template: &Template, scope: &Scope, included: &mut BTreeMap<String, String>) -> Result<(), Failure> {
    for tag in template.includes() {
        let path = tag.path.as_str();
        if included.contains_key(path) {
            continue;
        }
        let Some(file) = scope.inputs.iter().find(|file| file.path == path) else {
            match tag.presence {
                Presence::Optional => continue,
                Presence::Required => return Err(not_known(template, tag)),
            }
        };
        let source = input::text(file)?;
        included.insert(path.to_owned(), source.to_owned());
        include(&parsed(path, source)?, scope, included)?;
    }
    Ok(())
}

/// A template that a stage wrote just now may include what nobody knew of when the build was planned.
fn not_known(template: &Template, tag: &Include) -> Failure {
    let (line, column) = tag.span.line_column(template.source());
    let message =
        format!("{}:{line}:{column}: `{}` was not known when the build was planned", template.name(), tag.path);
    Failure::new(Cause::Setup, message).hint(format!("List `{}` under `inputs:` of the stage.", tag.path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::input::tests::{file, scope};
    use serde_json::json;

    #[test]
    fn a_template_sees_inputs_settings_and_what_it_includes() {
        let scope = scope(vec![
            file("idea", "idea.json", r#"{"story_title": "Night Bus"}"#),
            file("with.template", "p.j2", "{{ inputs.idea.story_title }}: {% include 'house.j2' %}\n"),
            file("with.template", "house.j2", "{% include 'tone.j2' %}, {{ with.target_words }} words"),
            file("with.template", "tone.j2", "plain"),
        ]);
        let text = rendered(&Source::File, &json!({"target_words": 90}), &scope).unwrap();
        assert_eq!(text, "Night Bus: plain, 90 words");
    }

    #[test]
    fn a_name_without_a_value_is_told_with_its_line() {
        let scope = scope(vec![file("with.template", "p.j2", "One\n{{ inputs.idae }}\n")]);
        let failure = rendered(&Source::File, &json!({}), &scope).unwrap_err();
        assert_eq!(failure.cause, Cause::Setup);
        assert!(failure.message.starts_with("template `p.j2:2:4`: "), "{failure}");
    }

    #[test]
    fn a_template_that_does_not_parse_is_told_with_its_place() {
        let scope = scope(vec![file("with.template", "p.j2", "One\n{% if %}\n")]);
        let failure = rendered(&Source::File, &json!({}), &scope).unwrap_err();
        assert!(failure.message.starts_with("p.j2:2:"), "{failure}");
    }

    #[test]
    fn an_empty_prompt_is_refused() {
        let failure = rendered(&Source::Jinja("{# nothing #}\n".into()), &json!({}), &scope(Vec::new())).unwrap_err();
        assert_eq!((failure.cause, failure.message.as_str()), (Cause::Setup, "the prompt is empty"));
    }
}
