//! Renders templates with a job's files and settings: what `prompt` asks and `template` writes.

use crate::base::failure::{Cause, Failure};
use crate::kind::input;
use crate::storyfile::scope::Scope;
use crate::storyfile::story::Presence;
use crate::storyfile::template::{Include, Template};
use serde_json::Value;
use std::collections::BTreeMap;

/// Returns the text of the file that `template` names. Fails with `Setup` where it cannot be rendered.
pub fn file(settings: &Value, scope: &Scope) -> Result<String, Failure> {
    let file = input::of_setting(scope, "template")?;
    rendered(&file.path, input::text(file)?, settings, scope)
}

/// Returns the text of a template that stands in the Storyfile, under `jinja`.
pub fn text(source: &str, settings: &Value, scope: &Scope) -> Result<String, Failure> {
    rendered("jinja", source, settings, scope)
}

fn rendered(name: &str, source: &str, settings: &Value, scope: &Scope) -> Result<String, Failure> {
    let template = parsed(name, source)?;
    let mut included = BTreeMap::new();
    include(&template, scope, &mut included)?;
    let mut text = template.render(scope, &included, settings)?;
    // Jinja takes the last line's end off; what it renders ends as it was written.
    if source.ends_with('\n') && !text.is_empty() {
        text.push('\n');
    }
    Ok(text)
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
        let Some(file) = scope.inputs.iter().find(|file| file.path == path && file.part.is_none()) else {
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
    use crate::base::failure::Cause;
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
        let text = super::file(&json!({"target_words": 90}), &scope).unwrap();
        assert_eq!(text, "Night Bus: plain, 90 words\n");
    }

    #[test]
    fn a_name_without_a_value_is_told_with_its_line() {
        let scope = scope(vec![file("with.template", "p.j2", "One\n{{ inputs.idae }}\n")]);
        let failure = super::file(&json!({}), &scope).unwrap_err();
        assert_eq!(failure.cause, Cause::Setup);
        assert!(failure.message.starts_with("template `p.j2:2:4`: "), "{failure}");
    }

    #[test]
    fn a_template_that_does_not_parse_is_told_with_its_place() {
        let scope = scope(vec![file("with.template", "p.j2", "One\n{% if %}\n")]);
        let failure = super::file(&json!({}), &scope).unwrap_err();
        assert!(failure.message.starts_with("p.j2:2:"), "{failure}");
    }

    #[test]
    fn a_text_ends_as_its_template_does() {
        let scope = scope(Vec::new());
        let text = |source: &str| super::text(source, &json!({"a": ""}), &scope).unwrap();
        assert_eq!((text("a\n"), text("a\n\n"), text("a")), ("a\n".into(), "a\n\n".into(), "a".into()));
        assert_eq!(text("{# nothing #}{{ with.a }}\n"), "");
    }
}
