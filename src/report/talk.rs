//! Turns events into the lines that a person reads. Pure: who prints them is another room's business.

use crate::base::failure::Failure;
use crate::base::reason::Reason;
use crate::event::kind::{Event, Finished, Outcome};
use crate::report::duration::{duration, roughly};
use crate::report::look::{Look, Tone};
use crate::report::size::size;
use crate::report::spend::spent;
use crate::report::summary::Summary;
use crate::report::tail::{clean, tail};
use std::collections::BTreeMap;

/// Lines of a failed action's output that are shown.
const TAIL_LINES: usize = 20;

/// Narrowest and widest column of names, in characters.
const NAME_WIDTH_MIN: usize = 11;
const NAME_WIDTH_MAX: usize = 32;

/// How much is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Failures and what waits for a person.
    Quiet,
    #[default]
    Normal,
    /// Also what is fresh, every reason, and the files made.
    Verbose,
}

/// Who shows work that is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnderWay {
    /// Lines, here: a start has its line, a pull a few.
    Told,
    /// A live display beside the lines.
    Drawn,
}

/// The state of the talk about one run.
pub struct Talk {
    pub look: Look,
    level: Level,
    under_way: UnderWay,
    name_width: usize,
    /// The quarters of each pull that were told.
    pulls: BTreeMap<String, u64>,
    summary: Summary,
}

impl Talk {
    pub fn new(look: Look, level: Level, under_way: UnderWay) -> Talk {
        Talk { look, level, under_way, name_width: NAME_WIDTH_MIN, pulls: BTreeMap::new(), summary: Summary::default() }
    }

    /// Returns the lines that `event` calls for, without line breaks; often none.
    pub fn lines(&mut self, event: &Event) -> Vec<String> {
        match event {
            Event::ActionFinished(finished) => {
                self.summary.add(finished);
                self.finished(finished)
            }
            Event::RunFinished { counts, took_ms, exit, spend } => {
                let lines = self.summary.lines(counts, *took_ms, *exit, spend);
                let shown = self.level > Level::Quiet || *exit != 0;
                lines.into_iter().filter(|_| shown).map(|line| self.look.spell(&line)).collect()
            }
            Event::AttemptFailed { action, attempt, failure, retry_in_ms, output } => {
                let words = format!("attempt {attempt} failed: {failure}; again in {}", duration(*retry_in_ms));
                let mut lines = self.line(Level::Normal, Tone::Again, action.as_str(), &words);
                if self.level >= Level::Verbose {
                    lines.extend(self.output(output).0);
                }
                lines
            }
            _ if self.level == Level::Quiet => Vec::new(),
            Event::ActionStarted { action, reason, estimate_ms } => match self.under_way {
                UnderWay::Drawn if self.level < Level::Verbose => Vec::new(),
                _ => self.started(action.as_str(), reason, *estimate_ms),
            },
            Event::FanUnfolded { action, instances } => self.line(
                Level::Normal,
                Tone::Started,
                action.as_str(),
                &format!("its list is known: {}", instances_of(*instances)),
            ),
            Event::AttemptRecovered { action, kept } => {
                let words = "an attempt cut short by an earlier run was rolled back";
                let mut lines = self.line(Level::Normal, Tone::Restored, action.as_str(), words);
                lines.extend(kept.iter().map(|kept| self.detail(&format!("kept: {kept}"))));
                lines
            }
            Event::Warned { action: Some(action), message } => {
                self.line(Level::Normal, Tone::Warning, action.as_str(), message)
            }
            Event::Warned { action: None, message } => self.remark(Tone::Warning, &format!("warning: {message}")),
            Event::HookFinished { hook, action, failure, took_ms, output } => {
                self.hook(hook, action.as_ref().map(|id| id.as_str()), failure.as_ref(), *took_ms, output)
            }
            Event::LockAwaited { holder } => {
                // One that has taken the lock just now may not have said its name yet.
                let name = if holder.is_empty() { String::new() } else { format!(": {holder}") };
                self.remark(Tone::Waiting, &format!("waiting for another storygen in this repo{name}"))
            }
            Event::StopRequested { signal } => {
                let words = format!("stopping ({signal}): what runs is asked to end; once more kills it");
                self.remark(Tone::Stopped, &words)
            }
            Event::ModelPullStarted { model, from, bytes, licence } => {
                let words = format!("pulling {} from {from} · licence {licence}", size(*bytes));
                self.line(Level::Normal, Tone::Pulling, model, &words)
            }
            Event::ModelPullAdvanced { model, done, total } => self.pulled(model, *done, *total),
            Event::ModelInstalled { model, place } => {
                self.line(Level::Normal, Tone::Done, model, &format!("installed in {place}"))
            }
            Event::RunStarted { .. } | Event::ActionAdvanced { .. } => Vec::new(),
        }
    }

    fn started(&mut self, action: &str, reason: &Reason, estimate_ms: Option<u64>) -> Vec<String> {
        let guess = estimate_ms.filter(|&ms| ms >= 1000).map(|ms| format!(" · about {}", roughly(ms)));
        let words = format!("{}{}", because(reason), guess.unwrap_or_default());
        let mut lines = self.line(Level::Normal, Tone::Started, action, &words);
        if let (Level::Verbose, Reason::Changed { changes }) = (self.level, reason)
            && changes.len() > 1
        {
            lines.extend(changes.iter().map(|change| self.detail(&change.to_string())));
        }
        lines
    }

    fn finished(&mut self, finished: &Finished) -> Vec<String> {
        let id = finished.action.as_str();
        let mut lines = match finished.outcome {
            Outcome::Done => self.line(Level::Normal, Tone::Done, id, &done(finished)),
            Outcome::Restored => self.line(Level::Normal, Tone::Restored, id, &with_take("restored".into(), finished)),
            Outcome::Fresh => self.line(Level::Verbose, Tone::Fresh, id, "fresh"),
            Outcome::Unneeded => self.line(Level::Verbose, Tone::Fresh, id, "missing, and nobody needs it"),
            Outcome::Skipped => self.line(Level::Verbose, Tone::Skipped, id, &joined("skipped", &finished.notes)),
            Outcome::NotStarted => self.line(Level::Verbose, Tone::Blocked, id, "not started"),
            Outcome::Cancelled => self.line(Level::Normal, Tone::Stopped, id, "cancelled"),
            Outcome::Blocked => self.line(Level::Quiet, Tone::Blocked, id, &joined("blocked", &finished.notes)),
            Outcome::Failed | Outcome::TimedOut | Outcome::OverBudget => return self.failed(finished),
            Outcome::Waiting => return self.waiting(finished),
        };
        if finished.outcome == Outcome::Done && self.level >= Level::Verbose {
            lines.extend(finished.outputs.iter().map(|path| self.detail(&format!("→ {path}"))));
            lines.extend(finished.notes.iter().map(|note| self.detail(note)));
        }
        if finished.outcome.is_success() && !finished.edited.is_empty() {
            let words = format!("your edit is kept: {}", finished.edited.join(", "));
            lines.extend(self.line(Level::Normal, Tone::Edited, id, &words));
        }
        lines
    }

    fn failed(&mut self, finished: &Finished) -> Vec<String> {
        let id = finished.action.as_str();
        let word = finished.outcome.word();
        let words = match &finished.failure {
            Some(failure) if failure.message.starts_with(word) => failure.message.clone(),
            Some(failure) => format!("{word}: {failure}"),
            None => joined(word, &finished.notes),
        };
        let mut lines = self.line(Level::Quiet, Tone::Failed, id, &words);
        let hint = finished.failure.as_ref().and_then(|failure| failure.hint.as_deref());
        lines.extend(hint.into_iter().flat_map(str::lines).map(|hint| self.detail(&format!("hint: {hint}"))));
        let (output, cut) = self.output(&finished.output);
        if !output.is_empty() {
            lines.extend(output);
            lines.push(self.detail(&format!("{cut}`storygen log {id}` shows all")));
        }
        lines
    }

    fn waiting(&mut self, finished: &Finished) -> Vec<String> {
        let mut notes = finished.notes.iter();
        let first = notes.next().cloned().unwrap_or_else(|| "a person has to decide".to_owned());
        let id = finished.action.as_str();
        let mut lines = self.line(Level::Quiet, Tone::Waiting, id, &format!("waiting: {first}"));
        lines.extend(notes.map(|note| self.detail(note)));
        lines
    }

    fn hook(
        &mut self,
        hook: &str,
        action: Option<&str>,
        failure: Option<&Failure>,
        took_ms: u64,
        output: &str,
    ) -> Vec<String> {
        let Some(failure) = failure else {
            if self.level < Level::Verbose {
                return Vec::new();
            }
            let words = format!("hook `{hook}` done in {}", duration(took_ms));
            let mut lines = match action {
                Some(action) => self.line(Level::Verbose, Tone::Quiet, action, &words),
                None => self.remark(Tone::Quiet, &words),
            };
            lines.extend(self.output(output).0);
            return lines;
        };
        let words = format!("hook `{hook}` failed: {failure}");
        let mut lines = match action {
            Some(action) => self.line(Level::Quiet, Tone::Warning, action, &words),
            None => self.remark(Tone::Warning, &words),
        };
        let hint = failure.hint.as_deref();
        lines.extend(hint.into_iter().flat_map(str::lines).map(|hint| self.detail(&format!("hint: {hint}"))));
        lines.extend(self.output(output).0);
        lines
    }

    fn pulled(&mut self, model: &str, done: u64, total: u64) -> Vec<String> {
        let quarter = if total == 0 { 0 } else { u64::try_from(u128::from(done) * 4 / u128::from(total)).unwrap_or(4) };
        let told = self.pulls.entry(model.to_owned()).or_insert(0);
        if self.under_way == UnderWay::Drawn || quarter <= *told || quarter >= 4 {
            return Vec::new();
        }
        *told = quarter;
        self.line(Level::Normal, Tone::Pulling, model, &format!("{} % of {}", quarter * 25, size(total)))
    }

    /// Returns the last lines of `output`, indented, and words about those left out.
    fn output(&self, output: &str) -> (Vec<String>, String) {
        let tail = tail(output, TAIL_LINES);
        let cut = match tail.total - tail.lines.len() {
            0 => String::new(),
            _ => format!("these are the last {TAIL_LINES} of {} lines; ", tail.total),
        };
        (tail.lines.iter().map(|line| format!("    {line}").trim_end().to_owned()).collect(), cut)
    }

    /// Returns the line about `name`, if `level` is said; further lines of `words` (a failure names each broken rule on
    /// its own) stand below it.
    fn line(&mut self, level: Level, tone: Tone, name: &str, words: &str) -> Vec<String> {
        if self.level < level {
            return Vec::new();
        }
        let name = clean(name);
        self.name_width = name.chars().count().clamp(self.name_width, NAME_WIDTH_MAX.max(self.name_width));
        let mut words = words.lines();
        let first = clean(&self.look.spell(words.next().unwrap_or_default()));
        let first = if tone == Tone::Failed { self.look.paint(tone, &first) } else { first };
        let head = format!("{} {name:width$} {first}", self.look.sign(tone), width = self.name_width);
        std::iter::once(head).chain(words.map(|words| self.detail(words))).collect()
    }

    /// Returns the lines of a remark that is about no action.
    fn remark(&self, tone: Tone, words: &str) -> Vec<String> {
        let mut words = words.lines();
        let first = clean(&self.look.spell(words.next().unwrap_or_default()));
        let head = format!("{} {first}", self.look.sign(tone));
        std::iter::once(head).chain(words.map(|words| self.detail(words))).collect()
    }

    /// Returns a line that belongs to the one before it.
    fn detail(&self, words: &str) -> String {
        self.look.paint(Tone::Quiet, &format!("    {}", clean(&self.look.spell(words))))
    }
}

/// Returns why an action starts, as the end of a sentence: short, without digests.
pub fn because(reason: &Reason) -> String {
    let words = match reason {
        Reason::NeverBuilt => "it was never built".to_owned(),
        Reason::Always => "it says `always: true`".to_owned(),
        Reason::Forced => "you asked for it".to_owned(),
        Reason::Upstream { stage } => format!("`{stage}` ran"),
        Reason::Changed { .. } | Reason::Lost { .. } | Reason::InputMoved | Reason::EditOfAnother => reason.to_string(),
    };
    format!("because {}", without_digests(&words).replace('`', ""))
}

/// Leaves out ` (01234567 → 89abcdef)`: it explains nothing at a glance, and `why` shows it.
fn without_digests(words: &str) -> String {
    const SHORT: usize = 8;
    let is_digest = |text: &str| text.len() == SHORT && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let pair = |inner: &str| inner.split_once(" → ").is_some_and(|(old, new)| is_digest(old) && is_digest(new));
    if let Some(start) = words.find(" (")
        && let Some(length) = words[start..].find(')')
        && pair(&words[start + 2..start + length])
    {
        return format!("{}{}", &words[..start], &words[start + length + 1..]);
    }
    words.to_owned()
}

fn instances_of(count: usize) -> String {
    match count {
        0 => "no item, so nothing is to be made".to_owned(),
        1 => "1 instance".to_owned(),
        count => format!("{count} instances"),
    }
}

fn done(finished: &Finished) -> String {
    let words = format!("done in {}", duration(finished.took_ms));
    let words = match &finished.made_by {
        Some(made_by) => format!("{words} · take {} · {made_by}", finished.take.unwrap_or(1)),
        None => with_take(words, finished),
    };
    match spent(&finished.spend) {
        Some(spent) => format!("{words} · {spent}"),
        None => words,
    }
}

/// Names the take where it says something: a first take is the rule.
fn with_take(words: String, finished: &Finished) -> String {
    match finished.take {
        Some(take) if take > 1 => format!("{words} · take {take}"),
        _ => words,
    }
}

fn joined(word: &str, notes: &[String]) -> String {
    match notes {
        [] => word.to_owned(),
        notes => format!("{word}: {}", notes.join("; ")),
    }
}
