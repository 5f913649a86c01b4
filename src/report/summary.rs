//! The last words about a run.

use crate::base::money::Spend;
use crate::event::kind::{Finished, Outcome};
use crate::report::duration::duration;
use crate::report::spend::spent;
use std::collections::BTreeMap;

/// Names that are listed before the rest is only counted.
const NAMES_MAX: usize = 10;

/// The order in which counts are told.
const ORDER: [Outcome; 12] = [
    Outcome::Done,
    Outcome::Restored,
    Outcome::Fresh,
    Outcome::Unneeded,
    Outcome::Skipped,
    Outcome::Failed,
    Outcome::TimedOut,
    Outcome::Blocked,
    Outcome::Waiting,
    Outcome::OverBudget,
    Outcome::Cancelled,
    Outcome::NotStarted,
];

/// What is remembered of a run until its end.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    failed: Names,
    waiting: Names,
    skipped: Names,
}

#[derive(Clone, Debug, Default)]
struct Names {
    first: Vec<String>,
    count: usize,
}

impl Summary {
    pub fn add(&mut self, finished: &Finished) {
        match finished.outcome {
            Outcome::Failed | Outcome::TimedOut => self.failed.add(finished),
            Outcome::Waiting | Outcome::OverBudget => self.waiting.add(finished),
            Outcome::Skipped => self.skipped.add(finished),
            _ => {}
        }
    }

    /// Returns the closing lines: one if all went well, else also one that names what failed and one what waits.
    pub fn lines(&self, counts: &BTreeMap<Outcome, usize>, took_ms: u64, exit: u8, spend: &Spend) -> Vec<String> {
        let total: usize = counts.values().sum();
        let count = |outcome| counts.get(&outcome).copied().unwrap_or(0);
        if exit == 0 && count(Outcome::Fresh) + count(Outcome::Unneeded) + count(Outcome::Skipped) == total {
            return vec![up_to_date(total, count(Outcome::Skipped))];
        }
        let took = duration(took_ms);
        let head = match exit {
            0 => format!("built {} in {took}", stages(total)),
            2 => format!("built {} in {took}, without the rows that are wrong", stages(total)),
            1 => format!("failed after {took}"),
            3 => format!("waiting for you after {took}"),
            4 => format!("broke off after {took}, because this machine failed"),
            130 | 143 => format!("stopped after {took}"),
            other => format!("ended with status {other} after {took}"),
        };
        let told = told(counts);
        let mut lines = vec![if told.is_empty() { head } else { format!("{head}: {}", told.join(", ")) }];
        lines.extend(self.failed.line("failed: "));
        lines.extend(self.waiting.line("waiting:"));
        lines.extend(self.skipped.line("skipped:"));
        lines.extend(spent(spend).map(|spent| format!("  paid:    {spent}")));
        lines
    }
}

impl Names {
    fn add(&mut self, finished: &Finished) {
        self.count += 1;
        if self.first.len() < NAMES_MAX {
            self.first.push(finished.action.to_string());
        }
    }

    fn line(&self, title: &str) -> Option<String> {
        let more = match self.count - self.first.len() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        (self.count > 0).then(|| format!("  {title} {}{more}", self.first.join(", ")))
    }
}

/// Returns the counts in words, in the order in which they are told: `3 ran`, `1 failed`.
pub fn told(counts: &BTreeMap<Outcome, usize>) -> Vec<String> {
    let counted = ORDER.iter().filter_map(|outcome| Some((counts.get(outcome).filter(|count| **count > 0)?, outcome)));
    counted.map(|(count, outcome)| format!("{count} {}", word(*outcome))).collect()
}

/// Returns the whole answer of a build that had nothing to do.
pub fn up_to_date(total: usize, skipped: usize) -> String {
    let skipped = if skipped == 0 { String::new() } else { format!(", {skipped} skipped") };
    format!("everything is up to date ({}{skipped})", stages(total))
}

/// Returns `1 stage`, `6 stages`.
pub fn stages(count: usize) -> String {
    format!("{count} {}", if count == 1 { "stage" } else { "stages" })
}

fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Done => "ran",
        Outcome::Unneeded => "not needed",
        other => other.word(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::ActionId;

    fn summary(counts: &[(Outcome, usize)], exit: u8) -> Vec<String> {
        let mut summary = Summary::default();
        for &(outcome, count) in counts {
            for number in 1..=count {
                summary.add(&Finished::new(ActionId::new(format!("s{number}")), outcome));
            }
        }
        summary.lines(&counts.iter().copied().collect(), 14_200, exit, &Spend::default())
    }

    #[test]
    fn a_build_is_told_in_one_line() {
        let lines = summary(&[(Outcome::Fresh, 2), (Outcome::Done, 4)], 0);
        assert_eq!(lines, ["built 6 stages in 14.2 s: 4 ran, 2 fresh"]);
        let lines = summary(&[(Outcome::Fresh, 1), (Outcome::Restored, 1)], 0);
        assert_eq!(lines, ["built 2 stages in 14.2 s: 1 restored, 1 fresh"]);
    }

    #[test]
    fn nothing_to_do_is_one_line() {
        assert_eq!(summary(&[(Outcome::Fresh, 6)], 0), ["everything is up to date (6 stages)"]);
        assert_eq!(summary(&[(Outcome::Unneeded, 1)], 0), ["everything is up to date (1 stage)"]);
    }

    #[test]
    fn failures_and_waits_are_named() {
        let counts = [(Outcome::Done, 1), (Outcome::Failed, 1), (Outcome::TimedOut, 1), (Outcome::Waiting, 1)];
        assert_eq!(
            summary(&counts, 1),
            ["failed after 14.2 s: 1 ran, 1 failed, 1 timed out, 1 waiting", "  failed:  s1, s1", "  waiting: s1",]
        );
        assert_eq!(summary(&[(Outcome::Waiting, 1)], 3)[0], "waiting for you after 14.2 s: 1 waiting");
        assert_eq!(summary(&[(Outcome::Cancelled, 1)], 130), ["stopped after 14.2 s: 1 cancelled"]);
    }

    #[test]
    fn what_is_skipped_is_named_and_is_nothing_to_do() {
        let counts = [(Outcome::Fresh, 1), (Outcome::Skipped, 2)];
        assert_eq!(summary(&counts, 0), ["everything is up to date (3 stages, 2 skipped)"]);
        let counts = [(Outcome::Done, 1), (Outcome::Skipped, 1)];
        assert_eq!(summary(&counts, 0), ["built 2 stages in 14.2 s: 1 ran, 1 skipped", "  skipped: s1"]);
    }

    #[test]
    fn a_long_list_of_names_is_cut() {
        let lines = summary(&[(Outcome::Failed, 12)], 1);
        assert_eq!(lines[1], "  failed:  s1, s2, s3, s4, s5, s6, s7, s8, s9, s10 and 2 more");
    }
}
