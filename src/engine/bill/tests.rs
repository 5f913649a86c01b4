//! Tests of what a build would pay: what is counted, what never is, and when a person is asked.

use super::*;
use crate::base::money::{Budget, Period};

fn cost(text: &str) -> Option<Cost> {
    match text {
        "unknown" => None,
        "free" => Some(Cost::FREE),
        _ => {
            let (amount, currency) = text.split_once(' ').unwrap();
            Some(Cost { amount: Money::parse(amount).unwrap(), currency: Currency::parse(currency).unwrap() })
        }
    }
}

/// A call of the request called `request`; an empty one is not known yet.
fn quote(request: &str, most: &str) -> Quote {
    let key = (!request.is_empty()).then(|| Digest::of(request.as_bytes()));
    let usage = Usage { characters: Some(10), ..Usage::default() };
    Quote { key, provider: "writer".into(), most: usage, cost: cost(most), remembered: false }
}

fn item(stage: &str, quotes: Vec<Quote>) -> Item {
    Item { stage: stage.into(), quotes, past: None, sureness: Sureness::Exact }
}

fn bill(items: Vec<Item>) -> Bill {
    let mut bill = Bill::default();
    items.into_iter().for_each(|item| bill.add(item));
    bill
}

#[test]
fn instances_of_a_stage_are_one_line() {
    let bill = bill(vec![
        item("a", vec![quote("1", "1 usd"), quote("2", "2 usd")]),
        item("b", vec![quote("3", "5 usd")]),
        item("a", vec![quote("4", "0.5 usd")]),
    ]);
    let lines: Vec<_> =
        bill.lines.iter().map(|line| (line.stage.as_str(), line.actions, line.calls, line.most)).collect();
    assert_eq!(lines, [("a", 2, 3, cost("3.5 usd")), ("b", 1, 1, cost("5 usd"))]);
    assert_eq!(bill.lines[0].usage.characters, Some(30));
}

#[test]
fn what_is_remembered_or_asked_twice_costs_nothing() {
    let known = Quote { remembered: true, ..quote("1", "1 usd") };
    let bill = bill(vec![
        item("a", vec![known, quote("2", "2 usd"), quote("2", "2 usd")]),
        item("b", vec![quote("2", "2 usd"), quote("", "1 usd"), quote("", "1 usd")]),
    ]);
    let total = bill.total();
    assert_eq!((total.calls, total.remembered), (3, 3));
    assert_eq!(total.most, BTreeMap::from([(Currency::parse("usd").unwrap(), Money::parse("4").unwrap())]));
}

#[test]
fn what_nobody_knows_makes_the_sum_unknown_and_never_smaller() {
    let mut bill =
        bill(vec![item("a", vec![quote("1", "1 usd"), quote("2", "unknown")]), item("b", vec![quote("3", "1 eur")])]);
    assert_eq!((bill.lines[0].most, bill.lines[1].most), (None, cost("1 eur")));
    assert!(bill.total().is_short);
    bill.add_open("b", "writer");
    assert_eq!((bill.lines[1].most, bill.lines[1].sureness), (None, Sureness::Unknown));
    assert!(bill.total().most.is_empty());
}

#[test]
fn free_calls_are_no_line() {
    let bill = bill(vec![item("a", vec![quote("1", "free"), quote("1", "free"), quote("2", "free")])]);
    assert_eq!((bill.lines.len(), bill.free_calls), (0, 2));
}

#[test]
fn the_last_time_tells_what_is_likely_and_never_more_than_the_most() {
    let past = |calls, text: &str| Some(Past { calls, cost: cost(text).unwrap() });
    let likely = |past| {
        let two = vec![quote("1", "1 usd"), quote("2", "1 usd")];
        bill(vec![Item { past, ..item("a", two) }]).lines[0].likely
    };
    assert_eq!(likely(past(4, "2 usd")), cost("1 usd"));
    assert_eq!(likely(past(1, "9 usd")), cost("2 usd"));
    assert_eq!(likely(past(1, "1 eur")), None);
    assert_eq!(likely(None), None);
}

#[test]
fn a_person_is_asked_about_many_calls_much_money_and_what_nobody_knows() {
    let calls = |count: u32, each: &str| {
        bill(vec![item("a", (0..count).map(|number| quote(&number.to_string(), each)).collect())])
    };
    let asks = |bill: &Bill| bill.is_large(Confirm::default());
    assert!(!asks(&calls(10, "0.10 usd")));
    assert!(asks(&calls(11, "0.01 usd")));
    assert!(asks(&calls(11, "unknown")));
    assert!(asks(&calls(1, "1.01 eur")));
    assert!(!asks(&calls(20, "free")));
    let mut open = Bill::default();
    assert!(!asks(&open));
    open.add_open("a", "writer");
    assert!(asks(&open));
    // As the user likes it.
    let above = |calls, amount: &str| Confirm::Above { calls, amount: Money::parse(amount).unwrap() };
    assert!(!calls(20, "0.10 usd").is_large(above(20, "2")) && calls(20, "0.10 usd").is_large(above(20, "1.99")));
    assert!(calls(1, "0.10 usd").is_large(above(0, "1")) && !open.is_large(Confirm::Never));
}

#[test]
fn each_budget_is_held_against_what_it_binds() {
    let usd = Currency::parse("usd").unwrap();
    let standing = |scope, amount: &str, spent: &str| Standing {
        scope,
        budget: Budget { amount: Money::parse(amount).unwrap(), currency: usd, period: Period::Day },
        spent: Money::parse(spent).unwrap(),
    };
    let mut bill = bill(vec![item("a", vec![quote("1", "1 usd")]), item("b", vec![quote("2", "2 usd")])]);
    let within = |bill: &Bill, scope: Scope, amount: &str, spent: &str| {
        bill.fits(vec![standing(scope, amount, spent)])[0].is_within()
    };
    assert!(within(&bill, Scope::All, "3", "0"));
    assert!(!within(&bill, Scope::All, "3", "0.01"));
    assert!(within(&bill, Scope::Stage("a".into()), "1", "0"));
    assert!(within(&bill, Scope::Provider("other".into()), "0", "0"));
    bill.add(item("c", vec![quote("3", "1 eur")]));
    assert!(!within(&bill, Scope::All, "99", "0"));
    assert!(within(&bill, Scope::Stage("b".into()), "2", "0"));
}
