//! How the rows of a batch ended: a table for people, entries for programs.

use crate::event::kind::{Finished, Outcome};
use crate::report::duration::duration;
use crate::report::summary::told;
use crate::report::tail::clean;
use serde::Serialize;
use std::collections::BTreeMap;

/// Most rows that are told one by one.
const ROWS_MAX: usize = 20;

/// How a row ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RowOutcome {
    /// Something ran, and all of it stands.
    Built,
    /// Nothing was to be done.
    Fresh,
    Failed,
    /// It waits for a person.
    Waiting,
    /// The batch ended before all of it was done.
    NotFinished,
    /// What stands in the row cannot be built.
    Wrong,
}

impl RowOutcome {
    const ALL: [RowOutcome; 6] = [
        RowOutcome::Built,
        RowOutcome::Fresh,
        RowOutcome::Failed,
        RowOutcome::Waiting,
        RowOutcome::NotFinished,
        RowOutcome::Wrong,
    ];

    fn word(self) -> &'static str {
        match self {
            RowOutcome::Built => "built",
            RowOutcome::Fresh => "up to date",
            RowOutcome::Failed => "failed",
            RowOutcome::Waiting => "waiting",
            RowOutcome::NotFinished => "not finished",
            RowOutcome::Wrong => "wrong",
        }
    }

    fn is_right(self) -> bool {
        matches!(self, RowOutcome::Built | RowOutcome::Fresh)
    }
}

/// A row at its end. The serialised form is its entry in `build --json`; field names are stable.
#[derive(Clone, Debug, Serialize)]
pub struct RowEnd {
    pub id: String,
    pub outcome: RowOutcome,
    /// How many of its actions ended in each way.
    pub counts: BTreeMap<Outcome, usize>,
    /// The work of its actions, added up.
    pub took_ms: u64,
    /// The actions that did anything, or did not get to it.
    pub actions: Vec<Finished>,
}

impl RowEnd {
    /// Returns a row of which nothing has ended yet.
    pub fn new(id: impl Into<String>) -> RowEnd {
        let (counts, actions) = (BTreeMap::new(), Vec::new());
        RowEnd { id: id.into(), outcome: RowOutcome::Fresh, counts, took_ms: 0, actions }
    }

    /// Returns a row that cannot be built.
    pub fn wrong(id: impl Into<String>) -> RowEnd {
        RowEnd { outcome: RowOutcome::Wrong, ..RowEnd::new(id) }
    }

    pub fn add(&mut self, finished: &Finished) {
        *self.counts.entry(finished.outcome).or_default() += 1;
        self.took_ms = self.took_ms.saturating_add(finished.took_ms);
        let is = |outcomes: &[Outcome]| outcomes.iter().any(|outcome| self.counts.contains_key(outcome));
        self.outcome = if is(&[Outcome::Failed, Outcome::TimedOut]) {
            RowOutcome::Failed
        } else if is(&[Outcome::Cancelled, Outcome::NotStarted]) {
            RowOutcome::NotFinished
        } else if is(&[Outcome::Waiting, Outcome::OverBudget, Outcome::Blocked]) {
            RowOutcome::Waiting
        } else if is(&[Outcome::Done, Outcome::Restored]) {
            RowOutcome::Built
        } else {
            RowOutcome::Fresh
        };
    }
}

/// All rows so far: of those that are right only the first few by name.
#[derive(Clone, Debug, Default)]
pub struct RowTotals {
    counts: BTreeMap<RowOutcome, usize>,
    first: Vec<RowEnd>,
    not_right: Vec<RowEnd>,
}

impl RowTotals {
    pub fn add(&mut self, row: &RowEnd) {
        *self.counts.entry(row.outcome).or_default() += 1;
        let short = || RowEnd { actions: Vec::new(), ..row.clone() };
        if self.first.len() <= ROWS_MAX {
            self.first.push(short());
        }
        if !row.outcome.is_right() && self.not_right.len() < ROWS_MAX {
            self.not_right.push(short());
        }
    }

    /// Returns that many rows of which nothing was to be done.
    pub fn up_to_date(count: usize) -> RowTotals {
        RowTotals { counts: BTreeMap::from([(RowOutcome::Fresh, count)]), ..RowTotals::default() }
    }

    /// Adds rows that the batch did not come to.
    pub fn add_unseen(&mut self, count: usize) {
        if count > 0 {
            *self.counts.entry(RowOutcome::NotFinished).or_default() += count;
        }
    }

    /// Returns the table: every row if there are few and something was to be done, else those that are not right; then the totals.
    pub fn lines(&self) -> Vec<String> {
        let total: usize = self.counts.values().sum();
        let is_quiet = self.counts.keys().all(|outcome| *outcome == RowOutcome::Fresh);
        let shown = if total <= ROWS_MAX && !is_quiet { &self.first } else { &self.not_right };
        let width = shown.iter().map(|row| row.id.chars().count()).max().unwrap_or(0);
        let mut lines: Vec<String> = shown
            .iter()
            .map(|row| {
                let counts = told(&row.counts).join(", ");
                let took = if row.took_ms > 0 { format!(" in {}", duration(row.took_ms)) } else { String::new() };
                let line = format!("  {:width$}  {:12}  {counts}{took}", clean(&row.id), row.outcome.word());
                line.trim_end().to_owned()
            })
            .collect();
        let count = |outcome| self.counts.get(&outcome).copied().unwrap_or(0);
        let not_right: usize = RowOutcome::ALL.iter().filter(|one| !one.is_right()).map(|one| count(*one)).sum();
        if total > ROWS_MAX && not_right > self.not_right.len() {
            lines.push(format!("  and {} more", not_right - self.not_right.len()));
        }
        let words = RowOutcome::ALL.iter().filter(|one| count(**one) > 0);
        let words: Vec<String> = words.map(|one| format!("{} {}", count(*one), one.word())).collect();
        lines.push(format!("{total} {}: {}", if total == 1 { "row" } else { "rows" }, words.join(", ")));
        lines
    }
}

/// Version of the JSON form.
const VERSION: u32 = 1;

/// What `build --batch --json` prints. Field names are stable.
#[derive(Serialize)]
struct Answer<'a> {
    version: u32,
    /// The exit status.
    exit: u8,
    took_ms: u64,
    counts: &'a BTreeMap<Outcome, usize>,
    rows: &'a [RowEnd],
}

/// Returns the result of a batch as JSON, with an entry for each row.
pub fn json(rows: &[RowEnd], counts: &BTreeMap<Outcome, usize>, took_ms: u64, exit: u8) -> String {
    let answer = Answer { version: VERSION, exit, took_ms, counts, rows };
    serde_json::to_string_pretty(&answer).expect("a result is plain data with text keys") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::ActionId;

    fn row(id: &str, outcomes: &[Outcome]) -> RowEnd {
        let mut row = RowEnd::new(id);
        outcomes.iter().for_each(|outcome| row.add(&Finished::new(ActionId::new(id), *outcome)));
        row
    }

    #[test]
    fn the_worst_of_its_stages_is_the_end_of_a_row() {
        let of = |outcomes: &[Outcome]| row("a", outcomes).outcome;
        assert_eq!(of(&[Outcome::Done, Outcome::Fresh]), RowOutcome::Built);
        assert_eq!(of(&[Outcome::Fresh, Outcome::Skipped]), RowOutcome::Fresh);
        assert_eq!(of(&[Outcome::Done, Outcome::Failed, Outcome::NotStarted]), RowOutcome::Failed);
        assert_eq!(of(&[Outcome::Waiting, Outcome::Done]), RowOutcome::Waiting);
        assert_eq!(of(&[Outcome::NotStarted]), RowOutcome::NotFinished);
    }

    #[test]
    fn few_rows_are_all_told_and_of_many_only_those_that_are_not_right() {
        let mut few = RowTotals::default();
        few.add(&row("a", &[Outcome::Done, Outcome::Done]));
        few.add(&row("long", &[Outcome::Failed, Outcome::Blocked]));
        few.add(&RowEnd::wrong("c"));
        assert_eq!(
            few.lines(),
            [
                "  a     built         2 ran",
                "  long  failed        1 failed, 1 blocked",
                "  c     wrong",
                "3 rows: 1 built, 1 failed, 1 wrong",
            ]
        );
        let mut many = RowTotals::default();
        (0..30).for_each(|n| many.add(&row(&format!("r{n}"), &[Outcome::Fresh])));
        (0..22).for_each(|n| many.add(&row(&format!("f{n}"), &[Outcome::Failed])));
        many.add_unseen(5);
        let lines = many.lines();
        assert_eq!((lines.len(), lines[0].as_str()), (22, "  f0   failed        1 failed"));
        assert_eq!(lines[20..], ["  and 7 more", "57 rows: 30 up to date, 22 failed, 5 not finished"]);
    }
}
