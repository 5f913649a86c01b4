//! What a build would pay, in words: a table, JSON, and the question before money.

use crate::base::money::{Cost, Currency, Money, Usage};
use crate::engine::bill::{Bill, BillLine, BillTotal, Fit, Sureness};
use crate::report::spend::{amounts, counted};
use crate::report::table::{drop_empty_columns, table};
use crate::report::tail::clean;
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The columns; the counts of tokens and characters are the most that there can be.
const HEAD: [&str; 10] =
    ["stage", "provider", "calls", "remembered", "tokens in", "tokens out", "characters", "likely", "at most", "how"];

/// Lines of the question before money.
const ASKED_LINES_MAX: usize = 10;

/// A line for programs. Field names are stable.
#[derive(Serialize)]
struct Line<'a> {
    stage: &'a str,
    provider: &'a str,
    actions: usize,
    calls: u64,
    remembered: u64,
    /// Actions of which nobody knows how many calls they make.
    open: usize,
    #[serde(flatten)]
    usage: Usage,
    currency: Option<Currency>,
    /// Decimals, exact; `null` where they are unknown.
    likely: Option<String>,
    most: Option<String>,
    how: &'static str,
}

/// Returns what `build --estimate` prints.
pub fn text(bill: &Bill, fits: &[Fit]) -> String {
    let total = bill.total();
    let mut text = String::new();
    if !bill.lines.is_empty() {
        let mut rows = vec![HEAD.map(str::to_owned).to_vec()];
        rows.extend(bill.lines.iter().map(cells));
        rows.push(total_cells(&total));
        drop_empty_columns(&mut rows);
        text.push_str(&table(&rows));
        text.push('\n');
    }
    text.push_str(&format!("nothing was asked; a build would pay {}\n", paid(&total)));
    for note in notes(bill, &total) {
        text.push_str(&format!("{note}\n"));
    }
    for fit in fits {
        text.push_str(&format!("{}\n", fitted(fit)));
    }
    text
}

/// Returns the same for programs.
pub fn json(bill: &Bill, fits: &[Fit]) -> String {
    let (lines, total): (Vec<Line<'_>>, _) = (bill.lines.iter().map(Line::of).collect(), bill.total());
    let answer = json!({
        "version": 1,
        "lines": lines,
        "total": {
            "calls": total.calls,
            "remembered": total.remembered,
            "open": total.open,
            "most": exact(&total.most),
            "is_complete": !total.is_short,
            "likely": total.likely.as_ref().map(exact),
            "how": total.sureness.map(how),
        },
        "free_calls": bill.free_calls,
        "held": bill.held,
        "budgets": fits.iter().map(|fit| {
            let (standing, budget) = (&fit.standing, fit.standing.budget);
            json!({
                "budget": standing.to_string(),
                "currency": budget.currency,
                "amount": budget.amount.exact(),
                "spent": standing.spent.exact(),
                "period": budget.period,
                "most": fit.most.map(Money::exact),
                "fits": fit.is_within(),
            })
        }).collect::<Vec<_>>(),
    });
    format!("{answer:#}\n")
}

/// Returns what a person is asked about, a line for each stage.
pub fn question(bill: &Bill) -> String {
    let (total, count) = (bill.total(), bill.lines.len());
    let shown = if count > ASKED_LINES_MAX { ASKED_LINES_MAX - 1 } else { count };
    let name = |line: &BillLine| clean(&line.stage);
    let rows: Vec<Vec<String>> = bill.lines[..shown]
        .iter()
        .map(|line| {
            vec![format!("  {}", name(line)), clean(&line.provider), called(line.calls, line.open), asked(line)]
        })
        .collect();
    let mut text = format!("This build would pay {}:\n{}", paid(&total), table(&rows));
    if shown < count {
        text.push_str(&format!("  and {} more stages\n", count - shown));
    }
    text + "Go on? [y/N] "
}

/// `at most 0.42 USD and an unknown cost in 12 calls`
fn paid(total: &BillTotal) -> String {
    if total.calls == 0 && total.open == 0 {
        return "nothing".to_owned();
    }
    let mut parts = amounts(&total.most);
    if total.is_short {
        parts.push("an unknown cost".to_owned());
    }
    let bound = match total.sureness {
        _ if total.most.is_empty() => "",
        Some(Sureness::Exact) => "at most ",
        _ => "about ",
    };
    format!("{bound}{} in {}", parts.join(" and "), called(total.calls, total.open))
}

fn called(calls: u64, open: usize) -> String {
    match (calls, open) {
        (0, open) if open > 0 => "an unknown number of calls".to_owned(),
        (calls, 0) => counted(calls, "call"),
        (calls, _) => format!("{} and more", counted(calls, "call")),
    }
}

fn asked(line: &BillLine) -> String {
    match (line.most, line.sureness) {
        (None, _) => "at an unknown cost".to_owned(),
        (Some(_), _) if line.calls == 0 => "all remembered".to_owned(),
        (Some(cost), Sureness::Exact) => format!("at most {cost}"),
        (Some(cost), _) => format!("about {cost}"),
    }
}

fn notes(bill: &Bill, total: &BillTotal) -> Vec<String> {
    let mut notes = Vec::new();
    if total.calls > 0 {
        notes.push(
            "A reply that is wrong and repaired, and a call that breaks and is made again, come on top.".to_owned(),
        );
    }
    if total.sureness > Some(Sureness::Exact) {
        notes.push("What is not `exact` reads what this build makes first: it is a guess, not a bound.".to_owned());
    }
    if bill.free_calls > 0 {
        notes.push(format!("{} beside cost nothing.", counted(bill.free_calls, "call")));
    }
    if bill.held > 0 {
        let (stages, wait) = (counted(bill.held as u64, "stage"), if bill.held == 1 { "waits" } else { "wait" });
        notes.push(format!("{stages} that {wait} for you or for others that do: not counted."));
    }
    notes
}

fn fitted(fit: &Fit) -> String {
    let standing = &fit.standing;
    match fit.most {
        _ if fit.is_within() => format!("enough: {standing}"),
        Some(most) => format!("perhaps too little for {most} {}: {standing}", standing.budget.currency),
        None => format!("unknown whether it is enough: {standing}"),
    }
}

fn how(sureness: Sureness) -> &'static str {
    match sureness {
        Sureness::Exact => "exact",
        Sureness::Estimated => "estimated",
        Sureness::Unknown => "unknown",
    }
}

fn cells(line: &BillLine) -> Vec<String> {
    let number = |count: Option<u64>| count.map(|count| count.to_string()).unwrap_or_default();
    let Usage { input_tokens, output_tokens, characters, .. } = line.usage;
    let likely = line.likely.filter(|cost| !cost.is_free()).map(|cost| cost.to_string());
    vec![
        clean(&line.stage),
        clean(&line.provider),
        calls_cell(line.calls, line.open),
        number(Some(line.remembered).filter(|count| *count > 0)),
        number(input_tokens),
        number(output_tokens),
        number(characters),
        likely.unwrap_or_default(),
        most_cell(line.most),
        how(line.sureness).to_owned(),
    ]
}

fn total_cells(total: &BillTotal) -> Vec<String> {
    let mut cells = vec![String::new(); HEAD.len()];
    let likely = total.likely.as_ref().map(|sums| amounts(sums).join(", "));
    let unknown = total.is_short.then(|| "unknown".to_owned());
    let most: Vec<String> = amounts(&total.most).into_iter().chain(unknown).collect();
    cells[0] = "total".to_owned();
    cells[2] = calls_cell(total.calls, total.open);
    cells[3] = Some(total.remembered).filter(|count| *count > 0).map(|count| count.to_string()).unwrap_or_default();
    cells[7] = likely.unwrap_or_default();
    cells[8] = if most.is_empty() { most_cell(Some(Cost::FREE)) } else { most.join(", ") };
    cells
}

fn calls_cell(calls: u64, open: usize) -> String {
    match (calls, open) {
        (0, open) if open > 0 => "unknown".to_owned(),
        (calls, 0) => calls.to_string(),
        (calls, _) => format!("{calls} and more"),
    }
}

fn most_cell(most: Option<Cost>) -> String {
    match most {
        None => "unknown".to_owned(),
        Some(cost) if cost.is_free() => "nothing".to_owned(),
        Some(cost) => cost.to_string(),
    }
}

fn exact(sums: &BTreeMap<Currency, Money>) -> Value {
    sums.iter().map(|(currency, amount)| (currency.to_string(), Value::from(amount.exact()))).collect()
}

impl Line<'_> {
    fn of(line: &BillLine) -> Line<'_> {
        let currency = |cost: Cost| (!cost.is_free()).then_some(cost.currency);
        Line {
            stage: &line.stage,
            provider: &line.provider,
            actions: line.actions,
            calls: line.calls,
            remembered: line.remembered,
            open: line.open,
            usage: line.usage,
            currency: line.most.or(line.likely).and_then(currency),
            likely: line.likely.map(|cost| cost.amount.exact()),
            most: line.most.map(|cost| cost.amount.exact()),
            how: how(line.sureness),
        }
    }
}

#[cfg(test)]
mod tests;
