//! `retry:`: what a stage that failed may do again. Pure.

use crate::base::diagnostic::Diagnostic;
use crate::base::failure::Cause;
use crate::base::span::Span;
use crate::storyfile::faults::Faults;
use crate::storyfile::fields::duration;
use crate::storyfile::kinds;
use crate::storyfile::model::{Declared, StageText};
use crate::storyfile::tree::Node;
use std::collections::BTreeSet;
use std::time::Duration;

/// Keys of `retry`.
pub const RETRY_KEYS: [&str; 5] = ["max", "for", "delay", "factor", "max_delay"];

/// What a stage may do again after a failure (`retry:`).
#[derive(Clone, Debug, PartialEq)]
pub struct Retry {
    /// Attempts beyond the first; of a service, calls beyond the first.
    pub max: u32,
    /// What `for` names.
    pub causes: BTreeSet<RetryCause>,
    pub delay: Duration,
    pub factor: f64,
    pub max_delay: Duration,
}

/// A cause that `for` may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RetryCause {
    Exit,
    RateLimit,
    Timeout,
    Server,
    Validation,
}

impl Default for Retry {
    fn default() -> Retry {
        let (delay, max_delay) = (Duration::from_secs(2), Duration::from_secs(60));
        Retry { max: 3, causes: BTreeSet::new(), delay, factor: 2.0, max_delay }
    }
}

impl Retry {
    /// Tells whether a whole attempt that failed for `cause` is made again: only where `for` names it.
    pub fn repeats(&self, cause: Cause) -> bool {
        let named = match cause {
            Cause::Exit => RetryCause::Exit,
            Cause::Timeout => RetryCause::Timeout,
            Cause::Validation | Cause::Empty | Cause::Length => RetryCause::Validation,
            _ => return false,
        };
        self.causes.contains(&named)
    }

    /// Tells whether a service that failed for `cause` may be asked again within the attempt, by its own rule.
    ///
    /// It may, unless `for` names what it may be asked again for and leaves this out. What passes a time is then left to
    /// the next attempt.
    pub fn asks_again(&self, cause: Cause) -> bool {
        let names = |one| self.causes.contains(&one);
        let (rate_limit, server) = (names(RetryCause::RateLimit), names(RetryCause::Server));
        match cause {
            Cause::RateLimit => rate_limit || !server,
            Cause::Server => server || !rate_limit,
            Cause::Timeout => !names(RetryCause::Timeout) && !rate_limit && !server,
            _ => true,
        }
    }

    /// Returns how long to wait after the attempt with this number, from 1: `delay × factor^(attempt − 1)`, at most
    /// `max_delay`.
    pub fn delay_after(&self, attempt: u32) -> Duration {
        let exponent = i32::try_from(attempt.saturating_sub(1)).unwrap_or(i32::MAX);
        let seconds = self.delay.as_secs_f64() * self.factor.powi(exponent);
        Duration::try_from_secs_f64(seconds).unwrap_or(self.max_delay).min(self.max_delay)
    }
}

impl RetryCause {
    /// Each, as `for` names it.
    pub const NAMES: [(&str, RetryCause); 5] = [
        ("exit", RetryCause::Exit),
        ("rate_limit", RetryCause::RateLimit),
        ("timeout", RetryCause::Timeout),
        ("server", RetryCause::Server),
        ("validation", RetryCause::Validation),
    ];

    /// Tells whether only commands and programs fail so, or only services; `None`: both may.
    fn is_of_commands(self) -> Option<bool> {
        match self {
            RetryCause::Exit => Some(true),
            RetryCause::RateLimit | RetryCause::Server | RetryCause::Validation => Some(false),
            RetryCause::Timeout => None,
        }
    }
}

/// Reads the `retry` of a stage, its own or the default one.
pub fn read(stage: &StageText, declared: &Declared, faults: &mut Faults) -> Retry {
    let mut retry = Retry::default();
    let Some(node) = stage.get("retry") else { return retry };
    if node.scalar().is_some() {
        retry.max = faults.whole("`retry`", node, 0..=100).unwrap_or(0);
        return retry;
    }
    if faults.map("`retry`", node).is_none() {
        return retry;
    }
    faults.keys("the key", node, &RETRY_KEYS, &[]);
    if let Some(max) = node.get("max").and_then(|node| faults.whole("`max`", node, 0..=100)) {
        retry.max = max;
    }
    if let Some(named) = node.get("for") {
        retry.causes = causes(named, stage, declared, faults);
    }
    if let Some(delay) = node.get("delay").and_then(|node| duration("`delay`", node, faults)) {
        retry.delay = delay;
    }
    if let Some(delay) = node.get("max_delay").and_then(|node| duration("`max_delay`", node, faults)) {
        retry.max_delay = delay;
    }
    if let Some(node) = node.get("factor") {
        match node.scalar().and_then(|scalar| scalar.core().as_f64()) {
            Some(factor) if (1.0..=100.0).contains(&factor) => retry.factor = factor,
            Some(_) => faults.push(
                Diagnostic::error("S027", "`factor` is out of its range", node.span)
                    .label("allowed: 1 to 100")
                    .help("2 doubles the delay each time"),
            ),
            None => faults.sort("`factor`", "a number", node),
        }
    }
    retry
}

fn causes(node: &Node, stage: &StageText, declared: &Declared, faults: &mut Faults) -> BTreeSet<RetryCause> {
    let mut causes = BTreeSet::new();
    for (name, span) in faults.texts("`for`", node) {
        match RetryCause::NAMES.into_iter().find(|(known, _)| *known == name) {
            Some((_, cause)) => {
                causes.insert(cause);
                check(name, cause, span, (stage, declared), faults);
            }
            None => faults.unknown("S024", "the cause", name, span, &RetryCause::NAMES.map(|(name, _)| name)),
        }
    }
    causes
}

/// Refuses a cause that the stage's own work never fails for. Under `defaults` each stage takes what is for it.
fn check(name: &str, cause: RetryCause, span: Span, (stage, declared): (&StageText, &Declared), faults: &mut Faults) {
    if stage.own("retry").is_none() {
        return;
    }
    let (runs, uses) = (stage.own("run").is_some(), stage.own("uses").is_some());
    match cause.is_of_commands() {
        Some(true) if uses && !kinds::is_program(stage, declared) => faults.push(
            Diagnostic::error("S029", format!("`for: [{name}]` goes with `run`, and this stage has `uses`"), span)
                .label("nothing reads this")
                .help("remove it: what a provider may do again is its own rule"),
        ),
        Some(false) if runs => faults.push(
            Diagnostic::error("S029", format!("`for: [{name}]` goes with `uses`, and this stage has `run`"), span)
                .label("nothing reads this")
                .help("a command may be run again for `exit` and `timeout`"),
        ),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn retry(causes: &[RetryCause]) -> Retry {
        Retry { causes: causes.iter().copied().collect(), ..Retry::default() }
    }

    #[test]
    fn only_what_is_named_is_attempted_again() {
        let of = |causes: &[RetryCause]| {
            let all = [Cause::Exit, Cause::Timeout, Cause::Validation, Cause::Length, Cause::Refusal, Cause::Server];
            all.map(|cause| retry(causes).repeats(cause))
        };
        assert_eq!(of(&[]), [false; 6]);
        assert_eq!(of(&[RetryCause::Exit]), [true, false, false, false, false, false]);
        assert_eq!(of(&[RetryCause::Timeout, RetryCause::Validation]), [false, true, true, true, false, false]);
        // What a service may be asked again, it was asked within the attempt.
        assert_eq!(of(&[RetryCause::Server, RetryCause::RateLimit]), [false; 6]);
    }

    #[test]
    fn a_service_has_its_own_rule_until_its_causes_are_named() {
        let of = |causes: &[RetryCause]| {
            [Cause::RateLimit, Cause::Server, Cause::Timeout].map(|cause| retry(causes).asks_again(cause))
        };
        assert_eq!(of(&[]), [true; 3]);
        assert_eq!(of(&[RetryCause::Exit, RetryCause::Validation]), [true; 3]);
        assert_eq!(of(&[RetryCause::RateLimit]), [true, false, false]);
        assert_eq!(of(&[RetryCause::Server]), [false, true, false]);
        assert_eq!(of(&[RetryCause::Exit, RetryCause::Timeout]), [true, true, false]);
    }

    #[test]
    fn the_delay_doubles_up_to_its_bound() {
        let (delay, max_delay) = (Duration::from_secs(2), Duration::from_secs(10));
        let retry = Retry { delay, max_delay, ..Retry::default() };
        assert_eq!([1, 2, 3, 4].map(|attempt| retry.delay_after(attempt).as_secs()), [2, 4, 8, 10]);
        assert_eq!(retry.delay_after(u32::MAX), retry.max_delay);
    }
}
