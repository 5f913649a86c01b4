//! Tests of what an estimate says.

use super::*;
use crate::base::money::{Budget, Period};
use crate::engine::bill::{Item, Past};
use crate::provider::ledger::{Scope, Standing};
use crate::provider::quote::Quote;

fn usd(amount: &str) -> Cost {
    Cost { amount: Money::parse(amount).unwrap(), currency: Currency::parse("usd").unwrap() }
}

fn item(stage: &str, calls: usize, cost: Option<Cost>) -> Item {
    let most = Usage { input_tokens: Some(100), output_tokens: Some(50), ..Usage::default() };
    let quote = Quote { key: None, provider: "writer".into(), most, cost, remembered: false };
    Item { stage: stage.into(), quotes: vec![quote; calls], past: None, sureness: Sureness::Exact }
}

fn standing(amount: &str) -> Standing {
    let budget = Budget { amount: usd(amount).amount, currency: usd("0").currency, period: Period::Run };
    Standing { scope: Scope::All, budget, spent: usd("0.20").amount }
}

fn bill(items: Vec<Item>) -> Bill {
    let mut bill = Bill::default();
    items.into_iter().for_each(|item| bill.add(item));
    bill
}

#[test]
fn an_estimate_is_a_line_for_each_stage_a_total_and_the_budget() {
    let past = Some(Past { calls: 1, cost: usd("0.10") });
    let bill = bill(vec![
        Item { past, ..item("script", 2, Some(usd("0.30"))) },
        Item { past, sureness: Sureness::Estimated, ..item("title", 1, Some(usd("0.20"))) },
    ]);
    let fits = bill.fits(vec![standing("1"), standing("0.90")]);
    assert_eq!(
        text(&bill, &fits),
        "stage   provider  calls  tokens in  tokens out  likely    at most   how\n\
         script  writer    2      200        100         0.20 USD  0.60 USD  exact\n\
         title   writer    1      100        50          0.10 USD  0.20 USD  estimated\n\
         total             3                             0.30 USD  0.80 USD\n\n\
         nothing was asked; a build would pay about 0.80 USD in 3 calls\n\
         A reply that is wrong and repaired, and a call that breaks and is made again, come on top.\n\
         What is not `exact` reads what this build makes first: it is a guess, not a bound.\n\
         enough: the budget of this run: 1.00 USD, of which 0.20 is spent\n\
         perhaps too little for 0.80 USD: the budget of this run: 0.90 USD, of which 0.20 is spent\n"
    );
}

#[test]
fn what_nobody_knows_is_said_so_and_is_never_nothing() {
    let mut bill = bill(vec![item("a", 1, None)]);
    bill.add_open("b", "writer");
    let text = text(&bill, &bill.fits(vec![standing("9")]));
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[1], "a      writer    1           100        50          unknown  exact");
    assert_eq!(lines[2], "b      writer    unknown                            unknown  unknown");
    assert_eq!(lines[5], "nothing was asked; a build would pay an unknown cost in 1 call and more");
    assert!(text.contains("unknown whether it is enough: the budget"), "{text}");
    let json: Value = serde_json::from_str(&json(&bill, &[])).unwrap();
    assert_eq!((&json["lines"][0]["most"], &json["total"]["is_complete"]), (&Value::Null, &Value::Bool(false)));
}

#[test]
fn nothing_to_pay_is_one_line() {
    assert_eq!(text(&Bill::default(), &[]), "nothing was asked; a build would pay nothing\n");
}

#[test]
fn programs_get_exact_amounts() {
    let json: Value = serde_json::from_str(&json(&bill(vec![item("a", 3, Some(usd("0.0001")))]), &[])).unwrap();
    let line = &json["lines"][0];
    assert_eq!((&line["most"], &line["currency"], &line["likely"]), (&"0.0003".into(), &"USD".into(), &Value::Null));
    assert_eq!((&line["input_tokens"], &line["how"]), (&300.into(), &"exact".into()));
    assert_eq!(json["total"]["most"]["USD"], "0.0003");
}

#[test]
fn the_question_has_at_most_ten_lines_of_stages() {
    let many = |count: usize| bill((0..count).map(|n| item(&format!("s{n}"), 1, Some(usd("1")))).collect());
    let few = question(&many(2));
    assert_eq!(
        few,
        "This build would pay at most 2.00 USD in 2 calls:\n  s0  writer  1 call  at most 1.00 USD\n  s1  writer  1 call  \
         at most 1.00 USD\nGo on? [y/N] "
    );
    assert_eq!(question(&many(10)).matches("writer").count(), 10);
    assert!(question(&many(12)).contains("  s8  writer  1 call  at most 1.00 USD\n  and 3 more stages\nGo on?"));
}
