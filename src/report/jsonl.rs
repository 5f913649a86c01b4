//! Events as JSON lines: for `--events FILE` and the run's record.
//!
//! One event a line. The first line carries `version`, the version of this form, whatever its event is.

use crate::event::kind::{Event, WIRE_VERSION};
use crate::event::sink::Sink;
use serde_json::Value;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

/// A sink that writes each event as a line of JSON.
pub struct JsonLines {
    /// Who hears that writing failed.
    told: Arc<dyn Sink>,
    /// What is written, for that warning: a path.
    name: String,
    state: Mutex<State>,
}

enum State {
    Before(Box<dyn Write + Send>),
    Writing(Box<dyn Write + Send>),
    /// Writing failed: the rest would be a record with holes.
    Broken,
}

impl JsonLines {
    /// Returns a sink that writes to `writer`. If that fails, it warns `told` once and is silent from then on: a
    /// reporter cannot fail a build. `told` must not lead back here.
    pub fn new(writer: Box<dyn Write + Send>, name: impl Into<String>, told: Arc<dyn Sink>) -> JsonLines {
        JsonLines { told, name: name.into(), state: Mutex::new(State::Before(writer)) }
    }
}

impl Sink for JsonLines {
    fn send(&self, event: &Event) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut writer, first) = match std::mem::replace(&mut *state, State::Broken) {
            State::Before(writer) => (writer, true),
            State::Writing(writer) => (writer, false),
            State::Broken => return,
        };
        let line = if first { first_line(event) } else { line(event) };
        // The whole line in one write and flushed: a reader that follows the file sees whole lines, and a killed run
        // leaves all but the last.
        match writer.write_all(line.as_bytes()).and_then(|()| writer.flush()) {
            Ok(()) => *state = State::Writing(writer),
            Err(error) => {
                drop(state);
                let message = format!("failed to write events to `{}`: {error}; the rest is not recorded", self.name);
                self.told.send(&Event::Warned { action: None, message });
            }
        }
    }
}

/// Returns `event` as a line.
pub fn line(event: &Event) -> String {
    serde_json::to_string(event).expect("an event is plain data with text keys") + "\n"
}

fn first_line(event: &Event) -> String {
    let mut value = serde_json::to_value(event).expect("an event is plain data with text keys");
    if let Value::Object(map) = &mut value {
        map.entry("version").or_insert(WIRE_VERSION.into());
    }
    format!("{value}\n")
}

/// Reads lines back. Those that are torn, or that a newer version wrote in another form, are passed over.
pub fn read(bytes: &[u8]) -> Vec<Event> {
    bytes.split(|&byte| byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::digest::Digest;
    use crate::base::failure::{Cause, Failure};
    use crate::base::id::{ActionId, RunId};
    use crate::base::reason::Reason;
    use crate::base::recipe::{Field, Recipe};
    use crate::event::kind::{Finished, Outcome};
    use crate::event::sink::Recorder;
    use std::collections::BTreeMap;

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

    fn id(name: &str) -> ActionId {
        ActionId::new(name)
    }

    fn changed() -> Reason {
        let mut old = Recipe::default();
        old.text(Field::With("temperature".into()), "0.7");
        old.file("idea", "build/idea.json", Digest::of(b"old"));
        old.text(Field::Salt, "x");
        let mut new = Recipe::default();
        new.text(Field::With("temperature".into()), "0.8");
        new.file("idea", "build/idea.json", Digest::of(b"new"));
        new.absent("notes");
        Reason::Changed { changes: new.changes_since(&old) }
    }

    fn every_event() -> Vec<Event> {
        let failure = Failure::new(Cause::Validation, "a\nb").hint("Look at `ü`.");
        let full = Finished {
            reason: Some(Reason::Lost { path: "a".into() }),
            failure: Some(failure.clone()),
            took_ms: u64::MAX,
            outputs: vec!["dist/тест.wav".into()],
            take: Some(2),
            made_by: Some("SmolLM2".into()),
            edited: vec!["a".into()],
            notes: vec!["b".into()],
            output: "line 1\nline 2\u{0}\u{1b}".into(),
            ..Finished::new(id("voice:07:es"), Outcome::TimedOut)
        };
        let started = |reason| Event::ActionStarted { action: id("a"), reason, estimate_ms: Some(3) };
        vec![
            Event::RunStarted {
                version: WIRE_VERSION,
                run: RunId::new("20261123T081502-4711"),
                storygen: "0.1.0".into(),
                targets: vec!["voice".into()],
                actions: 6,
            },
            Event::LockAwaited { holder: "storygen build".into() },
            Event::AttemptRecovered { action: id("a"), kept: vec![] },
            started(changed()),
            started(Reason::NeverBuilt),
            started(Reason::Upstream { stage: "idea".into() }),
            Event::ActionStarted { action: id("a"), reason: Reason::Forced, estimate_ms: None },
            Event::ActionAdvanced { action: id("a"), done: 3, total: 9, note: "sentences".into() },
            Event::AttemptFailed { action: id("a"), attempt: 1, failure, retry_in_ms: 5, output: String::new() },
            Event::ActionFinished(full),
            Event::ActionFinished(Finished::new(id("a"), Outcome::Unneeded)),
            Event::Warned { action: None, message: "m".into() },
            Event::Warned { action: Some(id("a")), message: "m".into() },
            Event::ModelPullStarted { model: "m".into(), from: "f".into(), bytes: 9, licence: "l".into() },
            Event::ModelPullAdvanced { model: "m".into(), done: 1, total: 9 },
            Event::ModelInstalled { model: "m".into(), place: "p".into() },
            Event::StopRequested { signal: "SIGTERM".into() },
            Event::RunFinished {
                counts: BTreeMap::from([(Outcome::Done, 1), (Outcome::TimedOut, 2)]),
                took_ms: 1,
                exit: 1,
                spend: Default::default(),
            },
        ]
    }

    fn written(events: &[Event]) -> Vec<u8> {
        let page = Page::default();
        let sink = JsonLines::new(Box::new(page.clone()), "events.jsonl", Arc::new(Recorder::default()));
        events.iter().for_each(|event| sink.send(event));
        page.0.lock().unwrap().clone()
    }

    #[test]
    fn every_event_comes_back_as_it_was() {
        let events = every_event();
        let bytes = written(&events);
        assert_eq!(bytes.iter().filter(|&&byte| byte == b'\n').count(), events.len());
        assert_eq!(read(&bytes), events);
    }

    #[test]
    fn the_first_line_carries_the_version_whatever_it_is() {
        let bytes = written(&[Event::LockAwaited { holder: "x".into() }, Event::LockAwaited { holder: "y".into() }]);
        assert_eq!(
            String::from_utf8(bytes).unwrap(),
            "{\"event\":\"lock-awaited\",\"holder\":\"x\",\"version\":1}\n{\"event\":\"lock-awaited\",\"holder\":\"y\"}\n"
        );
    }

    #[test]
    fn torn_and_unknown_lines_are_passed_over() {
        let events = every_event();
        let mut bytes = written(&events);
        bytes.extend(b"{\"event\":\"comet-seen\",\"tail\":3}\n\xff\xfe\n[]\n3\n\n{\"event\":7}\n");
        bytes.extend(line(&events[1]).as_bytes());
        let last = line(&events[17]);
        bytes.extend(&last.as_bytes()[..last.len() - 4]);
        let mut expected = events.clone();
        expected.push(events[1].clone());
        assert_eq!(read(&bytes), expected);
    }

    #[test]
    fn a_cut_anywhere_costs_only_the_line_it_hits() {
        let bytes = written(&every_event());
        for cut in 0..bytes.len() {
            let whole = bytes[..cut].iter().filter(|&&byte| byte == b'\n').count();
            // A line that lacks only its end is still whole.
            let found = read(&bytes[..cut]).len();
            assert!(found == whole || found == whole + 1, "{cut}: {found} of {whole}");
        }
    }

    #[test]
    fn a_full_disk_is_told_once_and_fails_nothing() {
        struct Full(usize);
        impl Write for Full {
            fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
                self.0 = self.0.checked_sub(1).ok_or(std::io::ErrorKind::StorageFull)?;
                Ok(bytes.len())
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        let told = Arc::new(Recorder::default());
        let sink = JsonLines::new(Box::new(Full(2)), "events.jsonl", told.clone());
        every_event().iter().for_each(|event| sink.send(event));
        let [Event::Warned { action: None, message }] = &told.events()[..] else { panic!("{:?}", told.events()) };
        assert!(message.starts_with("failed to write events to `events.jsonl`: "), "{message}");
    }
}
