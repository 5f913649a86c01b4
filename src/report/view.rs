//! What `status`, `--dry-run` and `why` know of an action: plain values, filled from a plan.
//!
//! The serialised form of [`ActionView`] and [`PlanView`] is what `--json` prints. Field names and words are stable: new
//! fields may come, none changes its meaning without a new `version`.

use serde::Serialize;
use std::collections::BTreeMap;

/// Version of the JSON form.
pub const VIEW_VERSION: u32 = 1;

/// What will happen to an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum StateWord {
    /// What stands is right.
    Fresh,
    /// An earlier result will be put back; nothing runs.
    Restore,
    /// It will run.
    Run,
    /// Whether it runs shows once what it reads has been made.
    Maybe,
    /// What stands is right and holds a person's edit.
    Edited,
    /// Something that it reads is not right.
    Blocked,
    /// It waits for a person.
    Waiting,
    /// Missing, and nobody needs it.
    Unneeded,
    /// Its condition is false, or it needs what a skipped stage makes.
    Skipped,
}

impl StateWord {
    pub const ALL: [StateWord; 9] = [
        StateWord::Fresh,
        StateWord::Edited,
        StateWord::Unneeded,
        StateWord::Skipped,
        StateWord::Restore,
        StateWord::Run,
        StateWord::Maybe,
        StateWord::Blocked,
        StateWord::Waiting,
    ];

    /// Returns the word, as in the JSON form.
    pub fn word(self) -> &'static str {
        match self {
            StateWord::Fresh => "fresh",
            StateWord::Restore => "restore",
            StateWord::Run => "run",
            StateWord::Maybe => "maybe",
            StateWord::Edited => "edited",
            StateWord::Blocked => "blocked",
            StateWord::Waiting => "waiting",
            StateWord::Unneeded => "unneeded",
            StateWord::Skipped => "skipped",
        }
    }

    /// Tells whether a build would leave the action alone, as it is right.
    pub fn is_settled(self) -> bool {
        matches!(self, StateWord::Fresh | StateWord::Edited | StateWord::Unneeded | StateWord::Skipped)
    }
}

/// An action and what a build would do with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ActionView {
    /// Its name: `voice`, or `voice:07:es` for one of many.
    pub id: String,
    pub state: StateWord,
    /// Why it is in this state, in one line; `null` where there is nothing to say.
    pub reason: Option<String>,
    /// Everything that differs from the recipe of what stands; of a skipped action, what makes its condition false.
    pub changes: Vec<String>,
    /// Paths of its outputs.
    pub outputs: Vec<String>,
    /// Those that hold a person's edit.
    pub edited: Vec<String>,
    /// What a person should know or may do: sentences.
    pub notes: Vec<String>,
    /// How long it took the last time, in milliseconds; `null` if it never ran here.
    pub estimate_ms: Option<u64>,
}

/// A foreseen build, for `--json`.
#[derive(Debug, Serialize)]
pub struct PlanView<'a> {
    pub version: u32,
    /// How many actions are in each state; states without any are left out.
    pub counts: BTreeMap<StateWord, usize>,
    /// Whether a build would do nothing.
    pub up_to_date: bool,
    /// In the order in which they would be built.
    pub actions: &'a [ActionView],
}

impl PlanView<'_> {
    pub fn of(actions: &[ActionView]) -> PlanView<'_> {
        let mut counts = BTreeMap::new();
        for action in actions {
            *counts.entry(action.state).or_insert(0) += 1;
        }
        let up_to_date = actions.iter().all(|action| action.state.is_settled());
        PlanView { version: VIEW_VERSION, counts, up_to_date, actions }
    }

    /// Returns the JSON text, indented, with a line break at its end.
    pub fn json(&self) -> String {
        serde_json::to_string_pretty(self).expect("a view is plain data with text keys") + "\n"
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// Returns an action in `state`, for the tests of what shows it.
    pub fn action(id: &str, state: StateWord, reason: Option<&str>) -> ActionView {
        ActionView {
            id: id.into(),
            state,
            reason: reason.map(str::to_owned),
            changes: Vec::new(),
            outputs: vec![format!("build/{id}.md")],
            edited: Vec::new(),
            notes: Vec::new(),
            estimate_ms: None,
        }
    }

    #[test]
    fn the_json_form_has_every_field() {
        let actions = [ActionView { estimate_ms: Some(9), ..action("script", StateWord::Run, Some("never built")) }];
        assert_eq!(
            PlanView::of(&actions).json(),
            r#"{
  "version": 1,
  "counts": {
    "run": 1
  },
  "up_to_date": false,
  "actions": [
    {
      "id": "script",
      "state": "run",
      "reason": "never built",
      "changes": [],
      "outputs": [
        "build/script.md"
      ],
      "edited": [],
      "notes": [],
      "estimate_ms": 9
    }
  ]
}
"#
        );
    }

    #[test]
    fn each_state_is_written_as_its_word() {
        for state in StateWord::ALL {
            assert_eq!(serde_json::to_value(state).unwrap(), state.word());
        }
    }

    #[test]
    fn an_edit_that_stands_is_up_to_date() {
        let actions = [action("a", StateWord::Fresh, None), action("b", StateWord::Edited, None)];
        assert!(PlanView::of(&actions).up_to_date);
        assert!(!PlanView::of(&[action("a", StateWord::Waiting, None)]).up_to_date);
    }
}
