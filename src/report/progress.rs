//! Shows a run live on a terminal: what is at work stands below, what is finished is told above it.
//!
//! Where standard error is no terminal, the caller takes [`Plain`](crate::report::plain::Plain) instead.

use crate::base::id::ActionId;
use crate::event::kind::Event;
use crate::event::sink::Sink;
use crate::report::duration::roughly;
use crate::report::estimate::Progress;
use crate::report::look::{Look, Signs, Tone};
use crate::report::tail::clean;
use crate::report::talk::{Level, Talk, UnderWay, because};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How often spinners and times move.
const TICK: Duration = Duration::from_millis(120);

/// A sink that keeps a live display.
pub struct Live {
    screen: MultiProgress,
    state: Mutex<State>,
}

struct State {
    talk: Talk,
    overall: Option<ProgressBar>,
    actions: BTreeMap<ActionId, (ProgressBar, Arc<Mutex<Progress>>)>,
    pulls: BTreeMap<String, ProgressBar>,
}

impl Live {
    /// Returns a sink that draws on `target` (standard error, for a command).
    pub fn new(look: Look, level: Level) -> Live {
        Live::on(ProgressDrawTarget::stderr(), look, level)
    }

    /// Returns a display on another target than standard error.
    pub fn on(target: ProgressDrawTarget, look: Look, level: Level) -> Live {
        let state = State {
            talk: Talk::new(look, level, UnderWay::Drawn),
            overall: None,
            actions: BTreeMap::new(),
            pulls: BTreeMap::new(),
        };
        Live { screen: MultiProgress::with_draw_target(target), state: Mutex::new(state) }
    }

    /// Writes something else to the terminal while the display is out of the way.
    pub fn suspend<R>(&self, write: impl FnOnce() -> R) -> R {
        self.screen.suspend(write)
    }

    /// Adds a bar above the overall one.
    fn add(&self, state: &State, bar: ProgressBar) -> ProgressBar {
        match &state.overall {
            Some(overall) => self.screen.insert_before(overall, bar),
            None => self.screen.add(bar),
        }
    }

    fn start(&self, state: &mut State, action: &ActionId, words: String, estimate_ms: Option<u64>) {
        let progress = Arc::new(Mutex::new(Progress { estimate_ms, ..Progress::default() }));
        let style = action_style(&state.talk.look, progress.clone());
        let bar = ProgressBar::new_spinner().with_style(style).with_prefix(clean(action.as_str())).with_message(words);
        let bar = self.add(state, bar);
        bar.enable_steady_tick(TICK);
        state.actions.insert(action.clone(), (bar, progress));
    }

    /// Moves the display on; lines are told apart from it.
    fn draw(&self, state: &mut State, event: &Event) {
        match event {
            Event::RunStarted { actions, .. } => {
                let bar = ProgressBar::new(*actions as u64).with_style(overall_style(&state.talk.look));
                let bar = self.screen.add(bar);
                bar.enable_steady_tick(TICK);
                state.overall = Some(bar);
            }
            Event::FanUnfolded { instances, .. } => {
                if let Some(overall) = &state.overall {
                    overall.set_length((overall.length().unwrap_or(0) + *instances as u64).saturating_sub(1));
                }
            }
            Event::ActionStarted { action, reason, estimate_ms } => {
                let words = clean(&state.talk.look.spell(&because(reason)));
                self.start(state, action, words, *estimate_ms);
            }
            Event::ActionAdvanced { action, done, total, note } => {
                if let Some((bar, progress)) = state.actions.get(action) {
                    advance(progress, *done, *total, note);
                    bar.set_message("");
                }
            }
            Event::ActionFinished(finished) => {
                if let Some((bar, _)) = state.actions.remove(&finished.action) {
                    bar.finish_and_clear();
                    self.screen.remove(&bar);
                }
                if let Some(overall) = &state.overall {
                    overall.inc(1);
                }
            }
            Event::ModelPullStarted { model, bytes, .. } => {
                let bar = ProgressBar::new(*bytes).with_style(pull_style(&state.talk.look));
                let bar = self.add(state, bar.with_prefix(clean(model)));
                state.pulls.insert(model.clone(), bar);
            }
            Event::ModelPullAdvanced { model, done, total } => {
                if let Some(bar) = state.pulls.get(model) {
                    bar.set_length(*total);
                    bar.set_position(*done);
                }
            }
            Event::ModelInstalled { model, .. } => {
                if let Some(bar) = state.pulls.remove(model) {
                    bar.finish_and_clear();
                    self.screen.remove(&bar);
                }
            }
            Event::RunFinished { .. } => self.clear(state),
            Event::LockAwaited { .. }
            | Event::HookFinished { .. }
            | Event::AttemptRecovered { .. }
            | Event::AttemptFailed { .. }
            | Event::Warned { .. }
            | Event::StopRequested { .. } => {}
        }
    }

    fn clear(&self, state: &mut State) {
        let actions = std::mem::take(&mut state.actions).into_values().map(|(bar, _)| bar);
        let pulls = std::mem::take(&mut state.pulls).into_values();
        for bar in actions.chain(pulls).chain(state.overall.take()) {
            bar.finish_and_clear();
            self.screen.remove(&bar);
        }
    }
}

impl Sink for Live {
    fn send(&self, event: &Event) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let lines = state.talk.lines(event);
        self.draw(&mut state, event);
        if !lines.is_empty() {
            // A terminal that is gone does not concern the build.
            let _ = self.screen.println(lines.join("\n"));
        }
    }
}

/// Leaves no half-drawn bar behind when a run ends without its last event.
impl Drop for Live {
    fn drop(&mut self) {
        let mut state = std::mem::replace(
            self.state.get_mut().unwrap_or_else(PoisonError::into_inner),
            State {
                talk: Talk::new(Look::PLAIN, Level::Quiet, UnderWay::Drawn),
                overall: None,
                actions: BTreeMap::new(),
                pulls: BTreeMap::new(),
            },
        );
        self.clear(&mut state);
    }
}

/// Notes how far an action is. The lock is let go before the bar is touched: drawing it takes the lock again.
fn advance(progress: &Mutex<Progress>, done: u64, total: u64, note: &str) {
    let mut progress = progress.lock().unwrap_or_else(PoisonError::into_inner);
    (progress.done, progress.total, progress.note) = (done, total, clean(note));
}

/// Returns what a running action says of itself: `12 of 40 sentences · about 20 s left`.
fn words(progress: &Progress, elapsed_ms: u64, look: &Look) -> String {
    let mut parts = Vec::new();
    if progress.total > 0 {
        parts.push(format!("{} of {} {}", progress.done, progress.total, progress.note).trim_end().to_owned());
    }
    if let Some(left) = progress.remaining_ms(elapsed_ms).filter(|&left| left >= 1000) {
        parts.push(format!("about {} left", roughly(left)));
    }
    look.spell(&parts.join(" · "))
}

fn action_style(look: &Look, progress: Arc<Mutex<Progress>>) -> ProgressStyle {
    let look = *look;
    let write = move |state: &ProgressState, out: &mut dyn fmt::Write| {
        let elapsed_ms = u64::try_from(state.elapsed().as_millis()).unwrap_or(u64::MAX);
        let progress = progress.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = out.write_str(&words(&progress, elapsed_ms, &look));
    };
    let style = style("{spinner} {prefix:11} {elapsed:>4}  {progress}  {wide_msg}").with_key("progress", write);
    match look.signs {
        Signs::Unicode => style.tick_strings(&["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏", "✓"]),
        Signs::Ascii => style.tick_strings(&["|", "/", "-", "\\", "+"]),
    }
}

fn overall_style(look: &Look) -> ProgressStyle {
    bar_characters(look, style("  [{bar:24}] {pos} of {len} stages  {elapsed}"))
}

fn pull_style(look: &Look) -> ProgressStyle {
    let sign = look.sign(Tone::Pulling);
    let template = format!("{sign} {{prefix:11}} [{{bar:24}}] {{bytes}} of {{total_bytes}}  {{bytes_per_sec}}");
    bar_characters(look, style(&template))
}

fn bar_characters(look: &Look, style: ProgressStyle) -> ProgressStyle {
    style.progress_chars(match look.signs {
        Signs::Unicode => "━╸ ",
        Signs::Ascii => "=> ",
    })
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the templates of this file are well formed")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::RunId;
    use crate::base::reason::Reason;
    use crate::event::kind::{Finished, Outcome};
    use crate::report::look::Colour;
    use indicatif::TermLike;
    use std::io;

    const UNICODE: Look = Look { signs: Signs::Unicode, colour: Colour::Plain };

    /// A terminal that remembers everything ever written to it.
    #[derive(Clone, Debug, Default)]
    struct Paper(Arc<Mutex<String>>);

    impl TermLike for Paper {
        fn width(&self) -> u16 {
            100
        }
        fn move_cursor_up(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_down(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_right(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_left(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn write_line(&self, text: &str) -> io::Result<()> {
            self.write_str(text)
        }
        fn write_str(&self, text: &str) -> io::Result<()> {
            self.0.lock().unwrap().push_str(text);
            self.0.lock().unwrap().push('\n');
            Ok(())
        }
        fn clear_line(&self) -> io::Result<()> {
            Ok(())
        }
        fn flush(&self) -> io::Result<()> {
            Ok(())
        }
    }

    fn id(name: &str) -> ActionId {
        ActionId::new(name)
    }

    fn a_run() -> Vec<Event> {
        let done = Finished { took_ms: 12_300, ..Finished::new(id("voice"), Outcome::Done) };
        vec![
            Event::RunStarted {
                version: 1,
                run: RunId::new("r"),
                storygen: "0.1.0".into(),
                targets: vec![],
                actions: 2,
            },
            Event::ActionFinished(Finished::new(id("script"), Outcome::Fresh)),
            Event::ModelPullStarted { model: "m".into(), from: "f".into(), bytes: 9, licence: "l".into() },
            Event::ModelPullAdvanced { model: "m".into(), done: 3, total: 9 },
            Event::ModelInstalled { model: "m".into(), place: "p".into() },
            Event::ActionStarted { action: id("voice"), reason: Reason::NeverBuilt, estimate_ms: Some(9_000) },
            Event::ActionAdvanced { action: id("voice"), done: 12, total: 40, note: "sentences".into() },
            Event::ActionFinished(done),
            Event::RunFinished {
                counts: BTreeMap::from([(Outcome::Done, 1), (Outcome::Fresh, 1)]),
                took_ms: 14_200,
                exit: 0,
                spend: Default::default(),
            },
        ]
    }

    #[test]
    fn what_is_finished_is_told_above_the_display() {
        let paper = Paper::default();
        let live = Live::on(ProgressDrawTarget::term_like(Box::new(paper.clone())), UNICODE, Level::Normal);
        a_run().iter().for_each(|event| live.send(event));
        let text = paper.0.lock().unwrap().clone();
        assert!(text.contains("✓ voice       done in 12.3 s"), "{text}");
        assert!(text.contains("built 2 stages in 14.2 s: 1 ran, 1 fresh"), "{text}");
        assert!(!text.contains("▶"), "a start has no line of its own: {text}");
    }

    #[test]
    fn nothing_is_left_at_the_end() {
        let live = Live::on(ProgressDrawTarget::hidden(), UNICODE, Level::Normal);
        a_run().iter().for_each(|event| live.send(event));
        let state = live.state.lock().unwrap();
        assert!(state.overall.is_none() && state.actions.is_empty() && state.pulls.is_empty());
    }

    #[test]
    fn the_display_counts_what_is_finished_and_what_is_at_work() {
        let live = Live::on(ProgressDrawTarget::hidden(), UNICODE, Level::Normal);
        a_run().iter().take(7).for_each(|event| live.send(event));
        let state = live.state.lock().unwrap();
        let overall = state.overall.as_ref().unwrap();
        assert_eq!((overall.position(), overall.length()), (1, Some(2)));
        let (_, progress) = &state.actions[&id("voice")];
        assert_eq!(words(&progress.lock().unwrap(), 3_000, &UNICODE), "12 of 40 sentences · about 6 s left");
    }

    #[test]
    fn events_about_unknown_work_do_no_harm() {
        let live = Live::on(ProgressDrawTarget::hidden(), Look::PLAIN, Level::Verbose);
        a_run().iter().rev().for_each(|event| live.send(event));
    }

    #[test]
    fn every_template_is_well_formed() {
        for look in [UNICODE, Look::PLAIN] {
            let _ = (overall_style(&look), pull_style(&look), action_style(&look, Arc::default()));
        }
    }
}
