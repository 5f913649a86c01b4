//! The providers of a Storyfile in words and as JSON: what is declared of them, and how they were found. Pure.

use crate::base::money::{Money, Price, Tariff};
use crate::provider::checkup::Health;
use crate::provider::script::shown;
use crate::report::table::table;
use crate::storyfile::service::{Limits, Provider};
use serde_json::{Value, json};

/// A price that was looked up so many days ago may be another by now.
const OLD_DAYS: i64 = 180;

/// A provider as it is declared.
pub struct Row {
    pub name: String,
    pub provider: Provider,
    pub stages: Vec<String>,
}

/// A provider and how it was found.
pub struct Checked {
    pub row: Row,
    pub health: Health,
    /// Of the built-in ones.
    pub is_installed: Option<bool>,
    /// As RFC 3339.
    pub today: String,
}

/// Returns the list as a table.
pub fn list(rows: &[Row]) -> String {
    let cells = rows.iter().map(|row| {
        let stages = if row.stages.is_empty() { "no stage".to_owned() } else { row.stages.join(", ") };
        vec![
            row.name.clone(),
            sort(&row.provider).into(),
            who(&row.provider),
            host(&row.provider),
            price(&row.provider),
            limits(&row.provider),
            stages,
        ]
    });
    table(&cells.collect::<Vec<_>>())
}

pub fn list_json(rows: &[Row]) -> String {
    let all: Vec<Value> = rows.iter().map(row_json).collect();
    format!("{:#}\n", json!({ "version": 1, "providers": all }))
}

/// Returns what was found, provider by provider.
pub fn told(all: &[Checked]) -> String {
    all.iter().map(one).collect()
}

pub fn told_json(all: &[Checked]) -> String {
    let one = |checked: &Checked| {
        let Health { is_reachable, is_authorised, knows_model, knows_voice, characters_left, problems, doubts: _ } =
            &checked.health;
        let mut value = row_json(&checked.row);
        let problems: Vec<Value> =
            problems.iter().map(|failure| json!({"message": failure.message, "hint": failure.hint})).collect();
        value["reachable"] = json!(is_reachable);
        value["authorised"] = json!(is_authorised);
        value["model_known"] = json!(knows_model);
        value["voice_known"] = json!(knows_voice);
        value["characters_left"] = json!(characters_left);
        value["installed"] = json!(checked.is_installed);
        value["warnings"] = json!(warnings(checked));
        value["problems"] = json!(problems);
        value["ok"] = json!(checked.health.is_well());
        value
    };
    format!("{:#}\n", json!({ "version": 1, "providers": all.iter().map(one).collect::<Vec<_>>() }))
}

fn one(checked: &Checked) -> String {
    let (row, health) = (&checked.row, &checked.health);
    let mark = if health.is_well() { "✓" } else { "✗" };
    let mut facts = Vec::new();
    let mut fact = |known: Option<bool>, yes: &str, no: &str| match known {
        Some(true) => facts.push(yes.to_owned()),
        Some(false) => facts.push(no.to_owned()),
        None => {}
    };
    fact(health.is_reachable, "reached", "not reached");
    fact(health.is_authorised, "takes the key", "refuses the key");
    fact(health.knows_model, "knows the model", "lists no such model");
    fact(health.knows_voice, "knows the voice", "knows no such voice");
    fact(checked.is_installed, "its model is installed", "its model is not here yet: `storygen models pull`");
    match &row.provider {
        Provider::Scripted(scripted) => facts.push(format!("plays `{}`", shown(&scripted.answers))),
        Provider::Service(service) if service.api == crate::storyfile::service::ServiceApi::Http => {
            facts.push("not asked: only its owner knows what a call does".to_owned());
        }
        _ => {}
    }
    facts.extend(health.characters_left.map(|left| format!("{left} characters left")));
    facts.push(price(&row.provider));
    let mut text = format!("{mark} {}  {}\n", row.name, facts.join(" · "));
    for failure in &health.problems {
        text.push_str(&format!("    {}\n", failure.message));
        text.extend(failure.hint.iter().map(|hint| format!("    hint: {hint}\n")));
    }
    text.extend(warnings(checked).iter().map(|warning| format!("    warning: {warning}\n")));
    text
}

/// What may be wrong with what is declared.
fn warnings(checked: &Checked) -> Vec<String> {
    let mut all = checked.health.doubts.clone();
    if let Provider::Service(service) = &checked.row.provider {
        all.extend(of_price(service.price.as_ref(), &checked.today));
    }
    all
}

/// What may be wrong with a price.
fn of_price(price: Option<&Price>, today: &str) -> Option<String> {
    match price {
        None => Some("it has no `price`: nobody counts what it costs, and no budget can".to_owned()),
        Some(Price::Free) => None,
        Some(Price::Tariff(Tariff { as_of: None, .. })) => {
            Some("its price has no `as_of`: nobody knows from when it is".to_owned())
        }
        Some(Price::Tariff(Tariff { as_of: Some(day), .. })) => match (day_number(day), day_number(today)) {
            (Some(then), Some(now)) if now - then > OLD_DAYS => {
                Some(format!("its price is of {day}, {} days ago: look it up again", now - then))
            }
            (None, _) => Some(format!("`as_of: {day}` is no day: write it as `2026-11-01`")),
            _ => None,
        },
    }
}

fn row_json(row: &Row) -> Value {
    let model = Some(who(&row.provider)).filter(|model| !model.is_empty());
    let host = Some(host(&row.provider)).filter(|host| !host.is_empty());
    let Limits { max_concurrency, requests_per_minute, tokens_per_minute } = limits_of(&row.provider);
    json!({
        "name": row.name, "type": sort(&row.provider), "model": model, "host": host, "price": price_json(&row.provider),
        "limits": {
            "max_concurrency": max_concurrency, "requests_per_minute": requests_per_minute,
            "tokens_per_minute": tokens_per_minute,
        },
        "stages": row.stages,
    })
}

fn sort(provider: &Provider) -> &'static str {
    match provider {
        Provider::Local => "local",
        Provider::LocalVoice => "local-voice",
        Provider::Service(service) => service.api.name(),
        Provider::Scripted(_) => "scripted",
    }
}

fn who(provider: &Provider) -> String {
    match provider {
        Provider::Service(service) => service.model.clone().unwrap_or_default(),
        Provider::Scripted(scripted) => scripted.model.clone().unwrap_or_default(),
        Provider::Local | Provider::LocalVoice => String::new(),
    }
}

fn host(provider: &Provider) -> String {
    match provider {
        Provider::Service(service) => service.base.vendor().to_owned(),
        Provider::Scripted(scripted) => shown(&scripted.answers),
        Provider::Local | Provider::LocalVoice => String::new(),
    }
}

fn lines(tariff: &Tariff) -> Vec<(&'static str, String)> {
    let all = [
        ("input", tariff.input),
        ("cached_input", tariff.cached_input),
        ("output", tariff.output),
        ("characters", tariff.characters),
        ("minute", tariff.minute),
        ("call", tariff.call),
    ];
    all.into_iter().filter_map(|(name, money)| Some((name, listed(money?)))).collect()
}

/// Returns a price as a list has it: exact, with cents at least.
fn listed(money: Money) -> String {
    let exact = money.exact();
    let decimals = exact.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    match decimals {
        0 => format!("{exact}.00"),
        1 => format!("{exact}0"),
        _ => exact,
    }
}

fn price(provider: &Provider) -> String {
    match provider.price() {
        None => "no price".to_owned(),
        Some(Price::Free) => "free".to_owned(),
        Some(Price::Tariff(tariff)) => {
            let lines: Vec<String> = lines(tariff).iter().map(|(name, money)| format!("{name} {money}")).collect();
            let as_of = tariff.as_of.as_ref().map(|day| format!(" ({day})")).unwrap_or_default();
            format!("{} {}{as_of}", lines.join(", "), tariff.currency)
        }
    }
}

fn price_json(provider: &Provider) -> Value {
    match provider.price() {
        None => Value::Null,
        Some(Price::Free) => json!("free"),
        Some(Price::Tariff(tariff)) => {
            let mut value = json!({"currency": tariff.currency.as_str(), "per": tariff.per, "as_of": tariff.as_of});
            for (name, money) in lines(tariff) {
                value[name] = json!(money);
            }
            value
        }
    }
}

fn limits_of(provider: &Provider) -> Limits {
    match provider {
        Provider::Service(service) => service.limits,
        _ => Limits::default(),
    }
}

fn limits(provider: &Provider) -> String {
    let Limits { max_concurrency, requests_per_minute, tokens_per_minute } = limits_of(provider);
    let parts = [
        max_concurrency.map(|count| format!("{count} at once")),
        requests_per_minute.map(|count| format!("{count} requests a minute")),
        tokens_per_minute.map(|count| format!("{count} tokens a minute")),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// Returns the number of a day that a text begins with: days in order have numbers in order.
fn day_number(text: &str) -> Option<i64> {
    let mut parts = text.get(..10)?.split('-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // Years begin in March, so that the odd day is the last one of a year.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    Some(year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + (month * 153 + 2) / 5 + day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_listed_as_they_are_and_never_cut() {
        for (written, shown) in [("0.015", "0.015"), ("3", "3.00"), ("0.5", "0.50"), ("0.000001", "0.000001")] {
            assert_eq!(listed(Money::parse(written).unwrap()), shown);
        }
    }

    #[test]
    fn days_are_counted_over_months_and_leap_years() {
        let apart = |one: &str, two: &str| day_number(two).unwrap() - day_number(one).unwrap();
        assert_eq!(apart("2026-01-31", "2026-02-01T10:00:00Z"), 1);
        assert_eq!((apart("2024-02-28", "2024-03-01"), apart("2026-02-28", "2026-03-01")), (2, 1));
        assert_eq!((apart("2025-11-01", "2026-11-01"), apart("2025-12-31", "2026-01-01")), (365, 1));
        assert_eq!((day_number("yesterday"), day_number("2026-13-01"), day_number("2026")), (None, None, None));
    }
}
