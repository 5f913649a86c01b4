//! `price:` and `budget:`: amounts of money as they are written, exact to the last digit (R13).

use crate::base::diagnostic::Diagnostic;
use crate::base::money::{Budget, Currency, Money, Period, Price, Tariff};
use crate::base::span::Span;
use crate::storyfile::faults::{Faults, listed};
use crate::storyfile::provider_types::ProviderType;
use crate::storyfile::tree::{Content, Node};
use std::sync::Arc;

/// Keys of a price list.
pub const PRICE_KEYS: [&str; 9] =
    ["input", "cached_input", "output", "characters", "minute", "call", "per", "currency", "as_of"];

/// What a budget counts, as `per:` says it.
pub const PERIODS: [&str; 4] = ["run", "day", "month", "project"];

/// So many tokens or characters a price is for, where nothing is said.
const PER: u64 = 1_000_000;

/// The most that a price can be for.
pub const PER_MAX: u64 = 1_000_000_000;

/// A budget and where it stands.
#[derive(Clone, Copy, Debug)]
pub struct Placed {
    pub budget: Budget,
    pub span: Span,
}

/// Reads `price: free` or a price list. `None` after a reported fault.
pub fn price(node: &Node, sort: ProviderType, faults: &mut Faults) -> Option<Price> {
    if node.scalar().is_some_and(|scalar| scalar.text == "free") {
        return Some(Price::Free);
    }
    if !matches!(node.value, Content::Map(_)) {
        faults.push(
            Diagnostic::error("S021", format!("`price` must be `free` or a map, not {}", node.sort()), node.span)
                .label(format!("this is {}", node.sort()))
                .help(format!("write `price: {}`, or `price: free`", example(sort))),
        );
        return None;
    }
    faults.keys("the key", node, &PRICE_KEYS, &[]);
    let fine = not_counted(node, sort, faults);
    let before = faults.count();
    let mut line = |key: &str| given(node, key).and_then(|node| amount(key, node, faults));
    let (input, cached_input, output) = (line("input"), line("cached_input"), line("output"));
    let (characters, minute, call) = (line("characters"), line("minute"), line("call"));
    let per = match given(node, "per") {
        Some(node) => faults.whole("`per`", node, 1..=PER_MAX).map(u64::from),
        None => Some(PER),
    };
    let as_of = given(node, "as_of").and_then(|node| faults.text("`as_of`", node)).map(str::to_owned);
    let currency = match given(node, "currency") {
        Some(node) => currency(faults.text("`currency`", node)?, node.span, faults),
        None => {
            faults.push(
                Diagnostic::error("S022", "the price has no `currency`", node.span)
                    .label("of which money?")
                    .help("write `currency: USD`, or whichever it is paid in"),
            );
            None
        }
    };
    let named = ["input", "cached_input", "output", "characters", "minute", "call"];
    if faults.count() == before && fine && !named.iter().any(|key| given(node, key).is_some()) {
        faults.push(
            Diagnostic::error("S164", "the price names nothing that is paid for", node.span)
                .label("no price in it")
                .help(format!("write `price: {}`, or `price: free`", example(sort))),
        );
    }
    if faults.count() > before || !fine {
        return None;
    }
    let (per, currency) = (per?, currency?);
    Some(Price::Tariff(Tariff { input, cached_input, output, characters, minute, call, per, currency, as_of }))
}

/// Reads `{ usd: 20, per: day }`. `None` after a reported fault.
pub fn budget(node: &Node, faults: &mut Faults) -> Option<Placed> {
    if !matches!(node.value, Content::Map(_)) {
        faults.push(
            Diagnostic::error("S021", format!("`budget` must be a map, not {}", node.sort()), node.span)
                .label("of which money?")
                .help("name the currency: `budget: { usd: 20 }`"),
        );
        return None;
    }
    let entries = node.entries().iter().filter(|entry| !entry.value.is_null() && !entry.key.starts_with("x-"));
    let mut found: Option<(Span, Option<(Currency, Money)>)> = None;
    for entry in entries.filter(|entry| entry.key != "per") {
        if let Some((first, _)) = found {
            faults.push(
                Diagnostic::error("S167", "a budget is in one currency", entry.key_span)
                    .label("a second one")
                    .related(first, "the first")
                    .help("keep one; a profile takes the other away with `usd: ~`"),
            );
            return None;
        }
        let currency = currency(&entry.key, entry.key_span, faults);
        let amount = amount(&entry.key, &entry.value, faults);
        found = Some((entry.key_span, currency.zip(amount)));
    }
    let period = match given(node, "per").map(|node| (node, faults.text("`per`", node))) {
        None => Some(Period::Run),
        Some((_, None)) => None,
        Some((node, Some(word))) => period(word, node.span, faults),
    };
    let Some((_, amount)) = found else {
        faults.push(
            Diagnostic::error("S167", "the budget names no currency", node.span)
                .label("how much, and of which money?")
                .help("write `budget: { usd: 20 }`"),
        );
        return None;
    };
    let (currency, amount) = amount?;
    Some(Placed { budget: Budget { amount, currency, period: period? }, span: node.span })
}

/// A price of what the service never counts would leave every call without a cost.
fn not_counted(node: &Node, sort: ProviderType, faults: &mut Faults) -> bool {
    let counted = sort.priced();
    let mut fine = true;
    for entry in node.entries().iter().filter(|entry| !entry.value.is_null()) {
        let key = entry.key.as_str();
        let is_general = ["per", "currency", "as_of"].contains(&key);
        if PRICE_KEYS.contains(&key) && !is_general && !counted.contains(&key) {
            fine = false;
            faults.push(
                Diagnostic::error(
                    "S029",
                    format!("a provider of `type: {}` counts no `{key}`", sort.name()),
                    entry.key_span,
                )
                .label("nothing reads this")
                .help(format!("what it counts is {}", listed(&counted))),
            );
        }
    }
    fine
}

/// Reads an amount of money. `None` after a reported fault.
pub fn amount(key: &str, node: &Node, faults: &mut Faults) -> Option<Money> {
    let Some(scalar) = node.scalar() else {
        faults.sort(&format!("`{key}`"), "an amount of money", node);
        return None;
    };
    let text = scalar.text.as_str();
    if let Some(money) = Money::parse(text) {
        return Some(money);
    }
    let is_decimal = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') && text != ".";
    let decimals = text.split_once('.').map_or(0, |(_, part)| part.len());
    let (label, help) = match text.strip_prefix('-') {
        Some(rest) if is_decimal(rest) => ("less than nothing", "write what it costs, 0 or more"),
        _ if !is_decimal(text) || text.matches('.').count() > 1 || text.is_empty() => {
            ("not an amount", "write digits and a point, without the currency: `0.15`, `20`")
        }
        _ if decimals > 9 => ("more than nine decimals", "name a price for more at once: `per: 1000000`"),
        _ => ("more money than can be counted", "write an amount below 18 thousand million"),
    };
    faults.push(Diagnostic::error("S164", format!("`{key}` is no amount of money"), node.span).label(label).help(help));
    None
}

fn currency(text: &str, span: Span, faults: &mut Faults) -> Option<Currency> {
    let currency = Currency::parse(text);
    if currency.is_none() {
        faults.push(
            Diagnostic::error("S167", format!("`{text}` is no currency"), span)
                .label("three letters name one")
                .help("write it as banks do: `USD`, `EUR`, `GBP`"),
        );
    }
    currency
}

fn period(word: &str, span: Span, faults: &mut Faults) -> Option<Period> {
    match word {
        "run" => Some(Period::Run),
        "day" => Some(Period::Day),
        "month" => Some(Period::Month),
        "project" => Some(Period::Project),
        other => {
            faults.unknown("S024", "the period", other, span, &PERIODS);
            None
        }
    }
}

/// Returns a price list to start from.
pub fn example(sort: ProviderType) -> &'static str {
    match sort.priced().first() {
        Some(&"input") => "{ input: 0.15, output: 0.60, currency: USD }",
        Some(&"characters") => "{ characters: 100, currency: USD }",
        _ => "{ call: 0.04, currency: USD }",
    }
}

fn given<'n>(node: &'n Node, key: &str) -> Option<&'n Arc<Node>> {
    node.get(key).filter(|node| !node.is_null())
}
