//! Shows a foreseen build: the answer of `status` and of `build --dry-run`.

use crate::report::duration::roughly;
use crate::report::look::{Look, Tone};
use crate::report::summary::{stages, up_to_date};
use crate::report::tail::clean;
use crate::report::view::{ActionView, StateWord};
use std::collections::BTreeMap;

/// Which actions are shown one by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// Those that a build would touch or that hold an edit; the rest is counted.
    Notable,
    All,
}

/// Returns what `status` prints: a line for each action, then the counts.
pub fn render_status(actions: &[ActionView], detail: Detail, look: &Look) -> String {
    let mut text = lines(actions, detail, look);
    text.push_str(&Totals::of(actions).closing(look, ""));
    text
}

/// Returns what `build --dry-run` prints: as `status`, in words that say nothing was done.
pub fn render_dry_run(actions: &[ActionView], detail: Detail, look: &Look) -> String {
    let mut text = lines(actions, detail, look);
    text.push_str(&Totals::of(actions).closing_dry_run(look));
    text
}

/// What is told of all actions at the end.
#[derive(Clone, Debug, Default)]
pub struct Totals {
    counts: BTreeMap<StateWord, usize>,
    /// The guessed time of what will run; of some nothing is known.
    estimate_ms: u64,
    unknown: usize,
}

impl Totals {
    pub fn of(actions: &[ActionView]) -> Totals {
        let mut totals = Totals::default();
        totals.add(actions);
        totals
    }

    pub fn add(&mut self, actions: &[ActionView]) {
        for action in actions {
            *self.counts.entry(action.state).or_default() += 1;
            match action.estimate_ms {
                _ if action.state != StateWord::Run => {}
                Some(ms) => self.estimate_ms = self.estimate_ms.saturating_add(ms),
                None => self.unknown += 1,
            }
        }
    }

    /// Returns the last line of `build --dry-run`.
    pub fn closing_dry_run(&self, look: &Look) -> String {
        self.closing(look, "nothing was run; a build would look at ")
    }

    /// Returns the last line: all counts, and the guessed time of what will run.
    fn closing(&self, look: &Look, lead: &str) -> String {
        let total = self.counts.values().sum();
        let count = |state| self.counts.get(&state).copied().unwrap_or(0);
        let idle = [StateWord::Fresh, StateWord::Unneeded, StateWord::Skipped].map(count);
        if idle.iter().sum::<usize>() == total {
            return up_to_date(total, count(StateWord::Skipped)) + "\n";
        }
        let states = StateWord::ALL.iter().filter(|state| count(**state) > 0);
        let counted: Vec<String> = states.map(|state| format!("{} {}", count(*state), told(*state))).collect();
        let mut line = format!("{lead}{}: {}", stages(total), counted.join(", "));
        // A sum that leaves one out would promise too little.
        if self.unknown == 0 && self.estimate_ms >= 1000 {
            line.push_str(&format!(" · about {} of work", roughly(self.estimate_ms)));
        }
        look.spell(&line) + "\n"
    }
}

/// Returns the lines of `build --dry-run` without the last.
pub fn lines(actions: &[ActionView], detail: Detail, look: &Look) -> String {
    let shown = |action: &&ActionView| match detail {
        Detail::All => true,
        Detail::Notable => !matches!(action.state, StateWord::Fresh | StateWord::Unneeded),
    };
    let shown: Vec<&ActionView> = actions.iter().filter(shown).collect();
    let name_width = shown.iter().map(|action| action.id.chars().count()).max().unwrap_or(0);
    let word_width = shown.iter().map(|action| action.state.word().len()).max().unwrap_or(0);
    let mut text = String::new();
    for action in shown {
        // Padded before it is painted: what switches the colour has no width.
        let word = look.paint(tone(action.state), &format!("{:word_width$}", action.state.word()));
        let line = format!("{word}  {:name_width$}  {}", clean(&action.id), about(action));
        text.push_str(look.spell(&line).trim_end());
        text.push('\n');
        if action.state == StateWord::Waiting {
            for note in action.notes.iter().flat_map(|note| note.lines()) {
                text.push_str(&look.spell(&format!("    {}\n", clean(note))));
            }
        }
    }
    text
}

/// Returns the words that follow an action's name.
fn about(action: &ActionView) -> String {
    let mut parts: Vec<String> = action.reason.iter().map(|reason| clean(reason)).collect();
    match (action.state, action.notes.first()) {
        (StateWord::Blocked, Some(note)) if parts.is_empty() => parts.push(clean(note)),
        _ => {}
    }
    if !action.edited.is_empty() {
        parts.push(format!("your edit stands: {}", clean(&action.edited.join(", "))));
    }
    if action.state == StateWord::Run
        && let Some(ms) = action.estimate_ms.filter(|&ms| ms >= 1000)
    {
        parts.push(format!("about {}", roughly(ms)));
    }
    parts.join(" · ")
}

fn told(state: StateWord) -> &'static str {
    match state {
        StateWord::Run => "to run",
        StateWord::Restore => "to restore",
        StateWord::Unneeded => "not needed",
        other => other.word(),
    }
}

/// Returns the tone in which a state is shown.
pub fn tone(state: StateWord) -> Tone {
    match state {
        StateWord::Fresh | StateWord::Unneeded => Tone::Fresh,
        StateWord::Restore => Tone::Restored,
        StateWord::Run => Tone::Started,
        StateWord::Maybe => Tone::Again,
        StateWord::Edited => Tone::Edited,
        StateWord::Blocked => Tone::Blocked,
        StateWord::Skipped => Tone::Skipped,
        StateWord::Waiting => Tone::Waiting,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::look::{Colour, Signs};
    use crate::report::view::tests::action;

    const UNICODE: Look = Look { signs: Signs::Unicode, colour: Colour::Plain };

    fn plan() -> Vec<ActionView> {
        vec![
            action("idea", StateWord::Fresh, None),
            ActionView { edited: vec!["build/title.txt".into()], ..action("title", StateWord::Edited, None) },
            ActionView {
                estimate_ms: Some(41_000),
                ..action("script", StateWord::Run, Some("`with.tone` changed: `sad` → `glad`"))
            },
            action("revision", StateWord::Maybe, Some("waits for `script`")),
            ActionView {
                notes: vec!["keep it: `storygen accept cover`".into()],
                ..action("cover", StateWord::Waiting, Some("`art/cover.png` holds your edit"))
            },
        ]
    }

    #[test]
    fn status_shows_what_a_build_would_touch() {
        assert_eq!(
            render_status(&plan(), Detail::Notable, &UNICODE),
            "edited   title     your edit stands: build/title.txt\n\
             run      script    `with.tone` changed: `sad` → `glad` · about 41 s\n\
             maybe    revision  waits for `script`\n\
             waiting  cover     `art/cover.png` holds your edit\n\
             \u{20}   keep it: `storygen accept cover`\n\
             5 stages: 1 fresh, 1 edited, 1 to run, 1 maybe, 1 waiting · about 41 s of work\n"
        );
    }

    #[test]
    fn all_shows_the_fresh_too() {
        assert!(render_status(&plan(), Detail::All, &UNICODE).starts_with("fresh    idea\nedited   title"));
    }

    #[test]
    fn nothing_to_do_is_said_in_one_line() {
        let actions = [action("idea", StateWord::Fresh, None), action("script", StateWord::Fresh, None)];
        assert_eq!(render_status(&actions, Detail::Notable, &UNICODE), "everything is up to date (2 stages)\n");
        assert_eq!(render_dry_run(&actions, Detail::Notable, &UNICODE), "everything is up to date (2 stages)\n");
    }

    #[test]
    fn a_dry_run_says_that_nothing_ran() {
        let actions = [action("idea", StateWord::Run, Some("never built"))];
        assert_eq!(
            render_dry_run(&actions, Detail::Notable, &Look::PLAIN),
            "run  idea  never built\nnothing was run; a build would look at 1 stage: 1 to run\n"
        );
    }

    #[test]
    fn a_guess_is_not_made_of_half_the_stages() {
        let known = ActionView { estimate_ms: Some(5_000), ..action("a", StateWord::Run, None) };
        let text = render_status(&[known, action("b", StateWord::Run, None)], Detail::Notable, &UNICODE);
        assert!(text.ends_with("2 stages: 2 to run\n"), "{text}");
    }

    #[test]
    fn colour_does_not_move_the_columns() {
        let look = Look { signs: Signs::Unicode, colour: Colour::Ansi };
        let text = render_status(&plan(), Detail::Notable, &look);
        assert!(text.contains("\u{1b}[36mrun    \u{1b}[0m  script    "), "{text:?}");
    }
}
