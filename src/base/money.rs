//! Money, prices and what is counted of a call: whole numbers throughout, so that sums never drift.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::iter::Sum;

/// Billionths of a unit in one unit.
const NANOS: u64 = 1_000_000_000;

/// An amount of money without its currency, in billionths of a unit: a single token costs less than a cent.
///
/// Sums stop at the largest amount, some 18 thousand million units, instead of turning over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Money(u64);

/// A currency by its three letters (ISO 4217).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency([u8; 3]);

/// An amount in its currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cost {
    pub amount: Money,
    pub currency: Currency,
}

/// What a provider counted of calls, or the most that a call can come to. `None`: it does not say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Usage {
    /// Tokens of the request, those from the provider's own cache included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_tokens: Option<u64>,
    /// How many of these came from the provider's cache.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cached_tokens: Option<u64>,
    /// Tokens of the reply, those of its reasoning included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_tokens: Option<u64>,
    /// Characters to be spoken, as the vendor counts them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub characters: Option<u64>,
    /// Length of a recording, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audio_ms: Option<u64>,
}

/// What calls came to, in all currencies that occur.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Spend {
    /// Calls that were answered, those that are free left out.
    pub calls: u32,
    pub cost: BTreeMap<Currency, Money>,
    /// Answered calls whose cost nobody knows.
    pub unpriced: u32,
    /// Calls that were not answered and may have been charged.
    pub in_doubt: u32,
    /// Answers that were remembered, free ones too, and what they had cost.
    pub remembered: u32,
    pub saved: BTreeMap<Currency, Money>,
}

/// What a provider takes for its work, as the user wrote it down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Price {
    /// `price: free`
    Free,
    Tariff(Tariff),
}

/// A price list. What it does not name costs nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tariff {
    /// For `per` tokens of the request.
    pub input: Option<Money>,
    /// For `per` of those that came from the provider's cache; without it they cost what the others do.
    pub cached_input: Option<Money>,
    /// For `per` tokens of the reply.
    pub output: Option<Money>,
    /// For `per` characters spoken.
    pub characters: Option<Money>,
    /// For a minute of a recording.
    pub minute: Option<Money>,
    /// For each call, whatever it holds.
    pub call: Option<Money>,
    pub per: u64,
    pub currency: Currency,
    /// The day on which the user looked it up, as written.
    pub as_of: Option<String>,
}

/// The most that may be spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    pub amount: Money,
    pub currency: Currency,
    pub period: Period,
}

/// What a budget counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Period {
    /// This run, and what it resumes.
    Run,
    /// The calendar day (UTC), by this clone's account.
    Day,
    Month,
    /// All that this clone's account holds.
    Project,
}

impl Money {
    pub const ZERO: Money = Money(0);

    pub const fn from_nanos(nanos: u64) -> Money {
        Money(nanos)
    }

    pub const fn nanos(self) -> u64 {
        self.0
    }

    /// Reads a decimal such as `0.15`; `None` if it is none, is negative, or has more than nine decimals.
    pub fn parse(text: &str) -> Option<Money> {
        let (whole, part) = text.split_once('.').unwrap_or((text, ""));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() && part.is_empty() || !digits(whole) || !digits(part) || part.len() > 9 {
            return None;
        }
        let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
        let part: u64 = format!("{part:0<9}").parse().ok()?;
        Some(Money(whole.checked_mul(NANOS)?.checked_add(part)?))
    }

    /// Returns the whole amount as a decimal, for programs: `0.0123`.
    pub fn exact(self) -> String {
        let text = format!("{}.{:09}", self.0 / NANOS, self.0 % NANOS);
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    }

    pub fn saturating_sub(self, other: Money) -> Money {
        Money(self.0.saturating_sub(other.0))
    }

    /// Returns the price of `count` things at `self` for each `per` of them, rounded up.
    pub fn of(self, count: u64, per: u64) -> Money {
        let nanos = (u128::from(self.0) * u128::from(count)).div_ceil(u128::from(per.max(1)));
        Money(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

impl std::ops::Add for Money {
    type Output = Money;

    fn add(self, other: Money) -> Money {
        Money(self.0.saturating_add(other.0))
    }
}

impl std::ops::AddAssign for Money {
    fn add_assign(&mut self, other: Money) {
        *self = *self + other;
    }
}

impl Sum for Money {
    fn sum<I: Iterator<Item = Money>>(all: I) -> Money {
        all.fold(Money::ZERO, |sum, one| sum + one)
    }
}

/// Rounded to cents; below one to a hundredth of a cent, and never so far that it looks like nothing: `1.50`, `0.027`,
/// `0.000042`.
impl fmt::Display for Money {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let leading = format!("{:09}", self.0 % NANOS).find(|digit| digit != '0').unwrap_or(0);
        let decimals = if self.0 >= NANOS { 2 } else { (leading + 2).clamp(4, 9) };
        let unit = 10_u64.pow(9 - decimals as u32);
        let rounded = self.0.saturating_add(unit / 2) / unit * unit;
        let digits = format!("{:09}", rounded % NANOS);
        let shown = digits.trim_end_matches('0').len().max(2);
        write!(out, "{}.{}", rounded / NANOS, &digits[..shown])
    }
}

impl Currency {
    /// `XXX`, the standard's word for "no currency is involved".
    pub const NONE: Currency = Currency(*b"XXX");

    /// Reads three letters, in either case.
    pub fn parse(text: &str) -> Option<Currency> {
        let bytes: [u8; 3] = text.as_bytes().try_into().ok()?;
        bytes.iter().all(u8::is_ascii_alphabetic).then(|| Currency(bytes.map(|byte| byte.to_ascii_uppercase())))
    }

    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl Cost {
    /// What the built-in models and providers with `price: free` take. Not an amount of nought: `0.00 USD` was priced.
    pub const FREE: Cost = Cost { amount: Money::ZERO, currency: Currency::NONE };

    /// Tells whether no money is involved at all.
    pub fn is_free(self) -> bool {
        self.currency == Currency::NONE
    }

    /// Returns both together; `None` where they are in two currencies.
    pub fn plus(self, other: Cost) -> Option<Cost> {
        self.with(other, |one, two| one + two)
    }

    /// Returns the greater of the two; `None` where they are in two currencies.
    pub fn dearer(self, other: Cost) -> Option<Cost> {
        self.with(other, Money::max)
    }

    fn with(self, other: Cost, of: impl Fn(Money, Money) -> Money) -> Option<Cost> {
        match (self.is_free(), other.is_free()) {
            (true, _) => Some(other),
            (_, true) => Some(self),
            _ if self.currency != other.currency => None,
            _ => Some(Cost { amount: of(self.amount, other.amount), ..self }),
        }
    }
}

/// `1.50 USD`; `free` where no money is involved.
impl fmt::Display for Cost {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_free() { out.write_str("free") } else { write!(out, "{} {}", self.amount, self.currency) }
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl TryFrom<String> for Currency {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Currency, &'static str> {
        Currency::parse(&text).ok_or("a currency has three letters")
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> String {
        currency.as_str().to_owned()
    }
}

impl Usage {
    /// Returns both together; what neither says stays unsaid.
    pub fn plus(self, other: Usage) -> Usage {
        let sum = |one: Option<u64>, two: Option<u64>| match (one, two) {
            (Some(one), Some(two)) => Some(one.saturating_add(two)),
            (one, two) => one.or(two),
        };
        Usage {
            input_tokens: sum(self.input_tokens, other.input_tokens),
            cached_tokens: sum(self.cached_tokens, other.cached_tokens),
            output_tokens: sum(self.output_tokens, other.output_tokens),
            characters: sum(self.characters, other.characters),
            audio_ms: sum(self.audio_ms, other.audio_ms),
        }
    }
}

impl Spend {
    /// Tells whether nothing was asked and nothing remembered.
    pub fn is_nothing(&self) -> bool {
        *self == Spend::default()
    }

    /// Notes a call that was answered; `None` for a cost that nobody knows.
    pub fn answered(&mut self, cost: Option<Cost>) {
        match cost {
            Some(cost) if cost.is_free() => {}
            Some(cost) => {
                self.calls += 1;
                *self.cost.entry(cost.currency).or_default() += cost.amount;
            }
            None => {
                self.calls += 1;
                self.unpriced += 1;
            }
        }
    }

    /// Notes an answer that was remembered.
    pub fn remembered(&mut self, cost: Option<Cost>) {
        self.remembered += 1;
        if let Some(cost) = cost.filter(|cost| !cost.is_free()) {
            *self.saved.entry(cost.currency).or_default() += cost.amount;
        }
    }

    /// Adds what other calls came to.
    pub fn add(&mut self, other: &Spend) {
        self.calls += other.calls;
        self.unpriced += other.unpriced;
        self.in_doubt += other.in_doubt;
        self.remembered += other.remembered;
        for (mine, others) in [(&mut self.cost, &other.cost), (&mut self.saved, &other.saved)] {
            for (currency, amount) in others {
                *mine.entry(*currency).or_default() += *amount;
            }
        }
    }
}

impl Price {
    /// Returns the currency in which it is; `None` where no money is involved.
    pub fn currency(&self) -> Option<Currency> {
        match self {
            Price::Free => None,
            Price::Tariff(tariff) => Some(tariff.currency),
        }
    }

    /// Returns what one call costs; `None` if nobody can tell.
    pub fn cost(&self, usage: &Usage) -> Option<Cost> {
        match self {
            Price::Free => Some(Cost::FREE),
            Price::Tariff(tariff) => Some(Cost { amount: tariff.cost(usage)?, currency: tariff.currency }),
        }
    }
}

impl Tariff {
    /// Returns what one call costs; `None` if something that is priced was not counted.
    pub fn cost(&self, usage: &Usage) -> Option<Money> {
        let cached = usage.cached_tokens.unwrap_or(0).min(usage.input_tokens.unwrap_or(0));
        let lines = [
            (self.input, usage.input_tokens.map(|tokens| tokens - cached), self.per),
            (self.cached_input.or(self.input), Some(cached), self.per),
            (self.output, usage.output_tokens, self.per),
            (self.characters, usage.characters, self.per),
            (self.minute, usage.audio_ms, 60_000),
            (self.call, Some(1), 1),
        ];
        let priced = lines.into_iter().filter_map(|(price, count, per)| Some((price?, count, per)));
        priced.map(|(price, count, per)| Some(price.of(count?, per))).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn money(text: &str) -> Money {
        Money::parse(text).unwrap()
    }

    #[test]
    fn costs_are_joined_in_one_currency_only() {
        let cost =
            |amount: &str, currency: &str| Cost { amount: money(amount), currency: Currency::parse(currency).unwrap() };
        let (one, two) = (cost("1", "usd"), cost("2", "usd"));
        assert_eq!((one.plus(two), one.dearer(two)), (Some(cost("3", "usd")), Some(two)));
        assert_eq!((one.plus(Cost::FREE), Cost::FREE.dearer(one)), (Some(one), Some(one)));
        assert_eq!((one.plus(cost("1", "eur")), one.dearer(cost("1", "eur"))), (None, None));
    }

    fn tariff() -> Tariff {
        Tariff {
            input: Some(money("0.15")),
            cached_input: None,
            output: Some(money("0.60")),
            characters: None,
            minute: None,
            call: None,
            per: 1_000_000,
            currency: Currency::parse("usd").unwrap(),
            as_of: None,
        }
    }

    #[test]
    fn amounts_are_read_exactly_or_not_at_all() {
        assert_eq!(money("0.15").nanos(), 150_000_000);
        assert_eq!((money("20"), money(".5")), (Money(20 * NANOS), Money(NANOS / 2)));
        for wrong in ["", ".", "-1", "1e3", "1.0000000001", "99999999999", "1,5", " 1"] {
            assert_eq!(Money::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn amounts_are_shown_rounded_to_cents_and_small_ones_so_that_something_is_seen() {
        for (text, shown) in [
            ("0", "0.00"),
            ("1.5", "1.50"),
            ("0.04", "0.04"),
            ("12.3456", "12.35"),
            ("1.995", "2.00"),
            ("0.027", "0.027"),
            ("0.99996", "1.00"),
            ("0.031249", "0.0312"),
            ("0.00421", "0.0042"),
            ("0.004", "0.004"),
            ("0.0000425", "0.000043"),
            ("0.000000001", "0.000000001"),
        ] {
            assert_eq!(money(text).to_string(), shown);
            assert_eq!(money(text).exact(), text);
        }
    }

    #[test]
    fn a_call_costs_what_its_tokens_do_rounded_up() {
        let usage = Usage { input_tokens: Some(1000), output_tokens: Some(501), ..Usage::default() };
        assert_eq!(tariff().cost(&usage), Some(Money::from_nanos(150_000 + 300_600)));
        let one = Usage { input_tokens: Some(1), output_tokens: Some(0), ..Usage::default() };
        let dear = Tariff { input: Some(Money::from_nanos(1)), ..tariff() };
        assert_eq!(dear.cost(&one), Some(Money::from_nanos(1)));
    }

    #[test]
    fn cached_tokens_have_their_own_price_if_they_have_one() {
        let usage =
            Usage { input_tokens: Some(10), cached_tokens: Some(4), output_tokens: Some(0), ..Usage::default() };
        let per_token = Tariff { input: Some(money("1")), per: 1, ..tariff() };
        assert_eq!(per_token.cost(&usage), Some(money("10")));
        let cached = Tariff { cached_input: Some(money("0.5")), ..per_token };
        assert_eq!(cached.cost(&usage), Some(money("8")));
    }

    #[test]
    fn what_was_not_counted_has_no_cost_unless_it_is_not_priced() {
        assert_eq!(tariff().cost(&Usage::default()), None);
        let flat = Tariff { input: None, output: None, call: Some(money("0.04")), ..tariff() };
        assert_eq!(flat.cost(&Usage::default()), Some(money("0.04")));
    }

    #[test]
    fn what_is_free_is_no_amount_of_any_currency() {
        let nought = Cost { amount: Money::ZERO, currency: Currency::parse("usd").unwrap() };
        assert!(Cost::FREE.is_free() && !nought.is_free());
        assert_eq!((Cost::FREE.to_string(), nought.to_string()), ("free".into(), "0.00 USD".into()));
        let json = serde_json::to_string(&Cost::FREE).unwrap();
        assert_eq!(serde_json::from_str::<Cost>(&json).unwrap(), Cost::FREE);
    }

    #[test]
    fn what_is_spent_is_told_from_what_is_free_unknown_and_remembered() {
        let cost = |text| Cost { amount: money(text), currency: Currency::parse("usd").unwrap() };
        let mut spend = Spend::default();
        assert!(spend.is_nothing());
        spend.answered(Some(cost("0.02")));
        spend.answered(Some(Cost::FREE));
        spend.answered(None);
        spend.remembered(Some(cost("0.50")));
        let mut both = spend.clone();
        both.add(&spend);
        assert_eq!((both.calls, both.unpriced, both.remembered), (4, 2, 2));
        assert_eq!(both.cost.values().copied().collect::<Vec<_>>(), [money("0.04")]);
        assert_eq!(both.saved.values().copied().collect::<Vec<_>>(), [money("1.00")]);
    }

    #[test]
    fn sums_never_turn_over() {
        let most = Money(u64::MAX);
        assert_eq!(most + money("1"), most);
        let dear = Tariff { input: Some(most), per: 1, ..tariff() };
        let usage = Usage { input_tokens: Some(u64::MAX), output_tokens: Some(1), ..Usage::default() };
        assert_eq!(dear.cost(&usage), Some(most));
    }
}
