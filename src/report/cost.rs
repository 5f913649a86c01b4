//! What was paid, and what may have been: the account in sums, as a table, JSON or CSV.
//!
//! Each line is of one currency, or of what nobody knows the price of: `unknown`, never 0. Calls that are free have no
//! line; how many there are is told beside.

use crate::base::id::ActionId;
use crate::base::money::{Currency, Money, Usage};
use crate::report::table::{drop_empty_columns, table};
use crate::report::tail::clean;
use crate::store::{Entry, EntrySort};
use serde::Serialize;
use serde_json::json;
use std::collections::BTreeMap;

/// What the lines of an account are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum By {
    #[default]
    Stage,
    Provider,
    /// In UTC.
    Day,
    Run,
}

/// Where an entry does not say what it is grouped by: replies of the first version.
const NOT_SAID: &str = "(not noted)";

/// Calls added up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sum {
    /// Calls that were answered.
    calls: u64,
    usage: Usage,
    cost: Money,
    /// Calls that were sent, or about to be, and not answered.
    possible_calls: u64,
    /// The most that these can have cost.
    possible: Money,
}

/// An account in sums.
#[derive(Debug)]
pub struct CostReport {
    by: By,
    /// By name and currency; `None`: nobody knows what it cost.
    lines: BTreeMap<(String, Option<Currency>), Sum>,
    totals: BTreeMap<Option<Currency>, Sum>,
    /// Free calls, which are in no line.
    free: u64,
}

/// A line for programs. Field names are stable.
#[derive(Serialize)]
struct Line<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    currency: Option<Currency>,
    calls: u64,
    #[serde(flatten)]
    usage: Usage,
    /// A decimal, exact; `null` where it is unknown.
    cost: Option<String>,
    possible_calls: u64,
    possible_cost: Option<String>,
}

impl CostReport {
    /// Adds up the entries from the day `since` on, `YYYY-MM-DD`; an entry without a date is older than any.
    pub fn of(entries: &[Entry], by: By, since: Option<&str>) -> CostReport {
        let mut report = CostReport { by, lines: BTreeMap::new(), totals: BTreeMap::new(), free: 0 };
        for entry in entries.iter().filter(|entry| since.is_none_or(|since| day(entry) >= since)) {
            if entry.cost.is_some_and(|cost| cost.is_free()) {
                report.free += 1;
                continue;
            }
            let currency = entry.cost.map(|cost| cost.currency);
            report.lines.entry((by.name(entry), currency)).or_default().add(entry);
            report.totals.entry(currency).or_default().add(entry);
        }
        report
    }

    /// Tells whether there is no line.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Returns how many calls were free.
    pub fn free(&self) -> u64 {
        self.free
    }

    /// Returns the table for people, with a total for each currency; columns that would be empty are left out.
    pub fn table(&self) -> String {
        let lines = self.lines.iter().map(|((name, currency), sum)| (clean(name), *currency, sum));
        let totals = self.totals.iter().map(|(currency, sum)| ("total".to_owned(), *currency, sum));
        let mut rows = vec![HEAD.map(str::to_owned).to_vec()];
        rows[0][0] = self.by.word().to_owned();
        rows.extend(lines.chain(totals).map(|(name, currency, sum)| cells(name, currency, sum)));
        drop_empty_columns(&mut rows);
        table(&rows)
    }

    /// Returns the JSON form.
    pub fn json(&self) -> String {
        let lines: Vec<Line<'_>> =
            self.lines.iter().map(|((name, currency), sum)| Line::of(Some(name), *currency, sum)).collect();
        let totals: Vec<Line<'_>> = self.totals.iter().map(|(currency, sum)| Line::of(None, *currency, sum)).collect();
        let answer =
            json!({ "version": 1, "by": self.by.word(), "lines": lines, "totals": totals, "free_calls": self.free });
        format!("{answer:#}\n")
    }

    /// Returns the lines as CSV, without totals: a program that reads it adds up for itself.
    pub fn csv(&self) -> String {
        let mut text = format!(
            "{},currency,calls,input_tokens,cached_tokens,output_tokens,characters,audio_ms,cost,possible_calls,possible_cost\n",
            self.by.word()
        );
        for ((name, currency), sum) in &self.lines {
            let line = Line::of(Some(name), *currency, sum);
            let number = |count: Option<u64>| count.map(|count| count.to_string()).unwrap_or_default();
            let cells = [
                quoted(name),
                currency.map(|currency| currency.to_string()).unwrap_or_default(),
                line.calls.to_string(),
                number(line.usage.input_tokens),
                number(line.usage.cached_tokens),
                number(line.usage.output_tokens),
                number(line.usage.characters),
                number(line.usage.audio_ms),
                line.cost.unwrap_or_else(|| "unknown".to_owned()),
                line.possible_calls.to_string(),
                line.possible_cost.unwrap_or_else(|| "unknown".to_owned()),
            ];
            text.push_str(&cells.join(","));
            text.push('\n');
        }
        text
    }
}

const HEAD: [&str; 8] = ["", "calls", "tokens in", "tokens out", "characters", "seconds", "cost", "possibly charged"];

fn cells(name: String, currency: Option<Currency>, sum: &Sum) -> Vec<String> {
    let number = |count: Option<u64>| count.map(|count| count.to_string()).unwrap_or_default();
    let money = |amount: Money| currency.map_or("unknown".to_owned(), |currency| format!("{amount} {currency}"));
    let possible = match sum.possible_calls {
        0 => String::new(),
        1 => format!("{} (1 call)", money(sum.possible)),
        count => format!("{} ({count} calls)", money(sum.possible)),
    };
    vec![
        name,
        sum.calls.to_string(),
        number(sum.usage.input_tokens),
        number(sum.usage.output_tokens),
        number(sum.usage.characters),
        sum.usage.audio_ms.map(|ms| format!("{}.{}", ms / 1000, ms % 1000 / 100)).unwrap_or_default(),
        if sum.calls > 0 { money(sum.cost) } else { String::new() },
        possible,
    ]
}

impl Sum {
    fn add(&mut self, entry: &Entry) {
        let amount = entry.cost.map_or(Money::ZERO, |cost| cost.amount);
        match entry.sort {
            EntrySort::Paid => {
                self.calls += 1;
                self.usage = self.usage.plus(entry.usage);
                self.cost += amount;
            }
            EntrySort::Possible | EntrySort::Open => {
                self.possible_calls += 1;
                self.possible += amount;
            }
        }
    }
}

impl By {
    fn word(self) -> &'static str {
        match self {
            By::Stage => "stage",
            By::Provider => "provider",
            By::Day => "day",
            By::Run => "run",
        }
    }

    fn name(self, entry: &Entry) -> String {
        let name = match self {
            By::Stage => ActionId::new(entry.action.as_str()).stage().to_owned(),
            By::Provider => entry.provider.clone(),
            By::Day => day(entry).to_owned(),
            By::Run => entry.run.clone(),
        };
        if name.is_empty() { NOT_SAID.to_owned() } else { name }
    }
}

impl<'a> Line<'a> {
    fn of(name: Option<&'a str>, currency: Option<Currency>, sum: &Sum) -> Line<'a> {
        // What no call stands behind is known, whatever the price.
        let money = |amount: Money, calls| (currency.is_some() || calls == 0).then(|| amount.exact());
        Line {
            name,
            currency,
            calls: sum.calls,
            usage: sum.usage,
            cost: money(sum.cost, sum.calls),
            possible_calls: sum.possible_calls,
            possible_cost: money(sum.possible, sum.possible_calls),
        }
    }
}

/// Returns the day of an entry, empty if it has none.
fn day(entry: &Entry) -> &str {
    entry.at.get(..10).unwrap_or_default()
}

fn quoted(cell: &str) -> String {
    if cell.contains([',', '"', '\n', '\r']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::digest::Digest;
    use crate::base::money::Cost;

    fn entry(sort: EntrySort, action: &str, at: &str, cost: Option<&str>) -> Entry {
        let cost = cost.map(|text| match text.split_once(' ') {
            Some((amount, currency)) => {
                Cost { amount: Money::parse(amount).unwrap(), currency: Currency::parse(currency).unwrap() }
            }
            None => Cost::FREE,
        });
        let tokens = (sort == EntrySort::Paid).then_some(10);
        Entry {
            sort,
            request: Digest::of(b"request"),
            call: "call-1".into(),
            description: "chat".into(),
            provider: if action.is_empty() { "api.example.com".into() } else { "smart".into() },
            action: action.into(),
            run: at.get(..4).unwrap_or_default().into(),
            usage: Usage { input_tokens: tokens, ..Usage::default() },
            cost,
            at: at.into(),
        }
    }

    fn account() -> Vec<Entry> {
        use EntrySort::{Open, Paid, Possible};
        vec![
            entry(Paid, "script:07", "2026-11-23T08:15:02Z", Some("0.0123 usd")),
            entry(Paid, "script:08", "2026-11-23T23:59:59Z", Some("0.01 usd")),
            entry(Possible, "script:08", "2026-11-24T00:00:00Z", Some("0.5 usd")),
            entry(Paid, "cover", "2026-11-24T09:00:00Z", Some("2 eur")),
            entry(Open, "cover", "2026-11-24T09:00:01Z", None),
            entry(Paid, "", "", None),
            entry(Paid, "voice", "2026-11-24T09:00:02Z", Some("free")),
        ]
    }

    #[track_caller]
    fn check(by: By, since: Option<&str>, expected: &str) {
        assert_eq!(CostReport::of(&account(), by, since).table(), expected);
    }

    #[test]
    fn by_stage_each_line_is_of_one_currency_and_what_is_unknown_is_never_nothing() {
        check(
            By::Stage,
            None,
            "stage        calls  tokens in  cost        possibly charged\n\
             (not noted)  1      10         unknown\n\
             cover        0                             unknown (1 call)\n\
             cover        1      10         2.00 EUR\n\
             script       2      20         0.0223 USD  0.50 USD (1 call)\n\
             total        1      10         unknown     unknown (1 call)\n\
             total        1      10         2.00 EUR\n\
             total        2      20         0.0223 USD  0.50 USD (1 call)\n",
        );
    }

    #[test]
    fn since_a_day_counts_that_day_and_nothing_undated() {
        check(
            By::Day,
            Some("2026-11-24"),
            "day         calls  tokens in  cost      possibly charged\n\
             2026-11-24  0                           unknown (1 call)\n\
             2026-11-24  1      10         2.00 EUR\n\
             2026-11-24  0                           0.50 USD (1 call)\n\
             total       0                           unknown (1 call)\n\
             total       1      10         2.00 EUR\n\
             total       0                           0.50 USD (1 call)\n",
        );
    }

    #[test]
    fn providers_and_runs_are_groups_too() {
        let names = |by| {
            let report = CostReport::of(&account(), by, None);
            report.lines.into_keys().map(|(name, _)| name).collect::<Vec<_>>()
        };
        assert_eq!(names(By::Provider), ["api.example.com", "smart", "smart", "smart"]);
        assert_eq!(names(By::Run), ["(not noted)", "2026", "2026", "2026"]);
    }

    #[test]
    fn what_is_free_is_no_line() {
        let free = [entry(EntrySort::Paid, "voice", "", Some("free"))];
        let report = CostReport::of(&free, By::Stage, None);
        assert_eq!((report.is_empty(), report.free()), (true, 1));
    }

    #[test]
    fn programs_get_exact_amounts_and_no_amount_for_what_is_unknown() {
        let report = CostReport::of(&account(), By::Stage, None);
        let json: serde_json::Value = serde_json::from_str(&report.json()).unwrap();
        assert_eq!(json["lines"][3]["cost"], "0.0223");
        assert_eq!(json["lines"][3]["name"], "script");
        assert_eq!(json["lines"][3]["input_tokens"], 20);
        assert_eq!(
            json["lines"][1],
            json!({
                "name": "cover", "currency": null, "calls": 0, "cost": "0", "possible_calls": 1, "possible_cost": null
            })
        );
        assert_eq!((json["totals"].as_array().unwrap().len(), &json["free_calls"]), (3, &json!(1)));
        let csv = report.csv();
        assert!(csv.ends_with("script,USD,2,20,,,,,0.0223,1,0.5\n"), "{csv}");
        assert!(csv.contains("\n(not noted),,1,10,,,,,unknown,0,0\n"), "{csv}");
        assert_eq!(quoted("a,\"b\""), "\"a,\"\"b\"\"\"");
    }
}
