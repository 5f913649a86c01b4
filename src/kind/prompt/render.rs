//! The prompt's text: as it stands, or rendered from a template with the job's files and settings.

use super::settings::Source;
use crate::base::failure::{Cause, Failure};
use crate::kind::render;
use crate::storyfile::scope::Scope;
use serde_json::Value;

/// Returns the prompt. Fails with `Setup` where the template cannot be rendered or leaves nothing.
pub fn rendered(source: &Source, settings: &Value, scope: &Scope) -> Result<String, Failure> {
    let text = match source {
        Source::Prompt(text) => text.clone(),
        Source::Jinja(text) => render::text(text, settings, scope)?,
        Source::File => render::file(settings, scope)?,
    };
    match text.trim() {
        "" => Err(Failure::new(Cause::Setup, "the prompt is empty")),
        text => Ok(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::input::tests::{file, scope};
    use serde_json::json;

    #[test]
    fn a_prompt_may_be_a_file_and_loses_the_space_around_it() {
        let scope = scope(vec![file("with.template", "p.j2", "\n  Write {{ with.n }} words.\n\n")]);
        assert_eq!(rendered(&Source::File, &json!({"n": 9}), &scope).unwrap(), "Write 9 words.");
    }

    #[test]
    fn an_empty_prompt_is_refused() {
        let failure = rendered(&Source::Jinja("{# nothing #}\n".into()), &json!({}), &scope(Vec::new())).unwrap_err();
        assert_eq!((failure.cause, failure.message.as_str()), (Cause::Setup, "the prompt is empty"));
    }
}
