//! Explains one action in full: the answer of `why`.

use crate::report::look::Look;
use crate::report::status::tone;
use crate::report::tail::clean;
use crate::report::view::{ActionView, StateWord, VIEW_VERSION};
use serde_json::json;

/// Returns what `why` prints for these actions, one paragraph each.
pub fn render_why(actions: &[ActionView], look: &Look) -> String {
    actions.iter().map(|action| paragraph(action, look)).collect::<Vec<_>>().join("\n")
}

/// Returns the JSON form: `version` and `actions`, each with the fields of [`ActionView`].
pub fn why_json(actions: &[ActionView]) -> String {
    let value = json!({ "version": VIEW_VERSION, "actions": actions });
    serde_json::to_string_pretty(&value).expect("a view is plain data with text keys") + "\n"
}

fn paragraph(action: &ActionView, look: &Look) -> String {
    let name = look.paint(tone(action.state), &clean(&action.id));
    let mut text = format!("{name} {}\n", sentence(action.state));
    // The reason of a changed recipe is its first change in short.
    let causes: Vec<&String> = match action.changes.as_slice() {
        [] => action.reason.iter().collect(),
        changes if action.state == StateWord::Skipped => action.reason.iter().chain(changes).collect(),
        changes => changes.iter().collect(),
    };
    let mut add = |title: &str, lines: Vec<&String>| {
        for (index, line) in lines.into_iter().flat_map(|line| line.lines()).enumerate() {
            let title = if index == 0 { title } else { "" };
            text.push_str(&look.spell(&format!("  {title:8} {}\n", clean(line))));
        }
    };
    add("because", causes);
    add("edited", action.edited.iter().collect());
    add("outputs", action.outputs.iter().collect());
    add("note", action.notes.iter().collect());
    text
}

fn sentence(state: StateWord) -> &'static str {
    match state {
        StateWord::Fresh => "is fresh: what stands is right",
        StateWord::Restore => "will be restored: an earlier result is put back, nothing runs",
        StateWord::Run => "will run",
        StateWord::Maybe => "may run: that shows once what it reads has been made",
        StateWord::Edited => "is fresh and holds your edit",
        StateWord::Blocked => "is blocked: something that it reads is not right",
        StateWord::Waiting => "waits for you",
        StateWord::Skipped => "is skipped: what stands is left alone",
        StateWord::Unneeded => "is missing, and nobody needs it",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::look::{Colour, Signs};
    use crate::report::view::tests::action;

    const UNICODE: Look = Look { signs: Signs::Unicode, colour: Colour::Plain };

    #[test]
    fn every_change_is_named() {
        let changes = vec![
            "input `build/idea.json` changed (01234567 → 89abcdef)".to_owned(),
            "`with.tone` changed: `sad` → `glad`".to_owned(),
        ];
        let script = ActionView { changes, ..action("script", StateWord::Run, Some("input …, and 1 more")) };
        assert_eq!(
            render_why(&[script], &UNICODE),
            "script will run\n\
             \u{20} because  input `build/idea.json` changed (01234567 → 89abcdef)\n\
             \u{20}          `with.tone` changed: `sad` → `glad`\n\
             \u{20} outputs  build/script.md\n"
        );
    }

    #[test]
    fn what_waits_shows_the_choices() {
        let script = ActionView {
            edited: vec!["build/script.md".into()],
            notes: vec!["keep it: `storygen accept script`".into()],
            ..action("script", StateWord::Waiting, Some("never built"))
        };
        let idea = action("idea", StateWord::Fresh, None);
        assert_eq!(
            render_why(&[script, idea], &UNICODE),
            "script waits for you\n\
             \u{20} because  never built\n\
             \u{20} edited   build/script.md\n\
             \u{20} outputs  build/script.md\n\
             \u{20} note     keep it: `storygen accept script`\n\
             \n\
             idea is fresh: what stands is right\n\
             \u{20} outputs  build/idea.md\n"
        );
    }

    #[test]
    fn the_json_form_carries_its_version() {
        let text = why_json(&[action("idea", StateWord::Fresh, None)]);
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&value["version"], &value["actions"][0]["state"]), (&json!(1), &json!("fresh")));
    }
}
