//! What a build would pay, summed up by stage and provider. Pure.

use crate::base::digest::Digest;
use crate::base::money::{Cost, Currency, Money, Usage};
use crate::provider::ledger::{Scope, Standing};
use crate::provider::quote::Quote;
use crate::storyfile::preferences::Confirm;
use std::collections::{BTreeMap, BTreeSet};

/// All that a build would pay for.
#[derive(Clone, Debug, Default)]
pub struct Bill {
    /// In the order of the plan.
    pub lines: Vec<BillLine>,
    /// Calls that cost nothing; they are in no line.
    pub free_calls: u64,
    /// Actions that wait for a person or are blocked; they are in no line.
    pub held: usize,
    asked: BTreeSet<Digest>,
}

/// The calls of one stage to one provider, of all its instances together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BillLine {
    pub stage: String,
    pub provider: String,
    pub actions: usize,
    /// Calls that would be made.
    pub calls: u64,
    /// Answers that are there already.
    pub remembered: u64,
    /// Actions of which nobody knows how many calls they make.
    pub open: usize,
    /// The most that the calls are counted for.
    pub usage: Usage,
    /// What they cost at most; `None`: nobody knows.
    pub most: Option<Cost>,
    /// What they cost if it goes as the last time; `None`: there was none.
    pub likely: Option<Cost>,
    pub sureness: Sureness,
}

/// How well calls are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sureness {
    /// All that they are made of is there.
    Exact,
    /// What they are made of is made by this build.
    Estimated,
    Unknown,
}

/// What one action would come to.
#[derive(Clone, Debug)]
pub struct Item {
    pub stage: String,
    pub quotes: Vec<Quote>,
    pub past: Option<Past>,
    pub sureness: Sureness,
}

/// What the calls of an action came to the last time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Past {
    pub calls: u64,
    pub cost: Cost,
}

/// Lines added up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BillTotal {
    pub calls: u64,
    pub remembered: u64,
    pub open: usize,
    /// What is known of the most.
    pub most: BTreeMap<Currency, Money>,
    /// Whether there is more, and nobody knows how much.
    pub is_short: bool,
    /// `None`: not known of every line.
    pub likely: Option<BTreeMap<Currency, Money>>,
    pub sureness: Option<Sureness>,
}

/// A budget, and whether the most stays within it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fit {
    pub standing: Standing,
    /// `None`: nobody knows it in the budget's currency.
    pub most: Option<Money>,
}

impl Bill {
    /// Adds the calls of an action. What was asked for by another is remembered by the time of this.
    pub fn add(&mut self, item: Item) {
        let Item { stage, quotes, past, sureness } = item;
        let (mut calls, mut most) = (BTreeMap::<String, u64>::new(), BTreeMap::new());
        for quote in quotes {
            let is_known = quote.remembered || quote.key.is_some_and(|key| !self.asked.insert(key));
            if quote.cost.is_some_and(Cost::is_free) {
                self.free_calls += u64::from(!is_known);
                continue;
            }
            let count = calls.entry(quote.provider.clone()).or_default();
            let line = self.line(&stage, &quote.provider);
            line.sureness = line.sureness.max(sureness);
            if is_known {
                line.remembered += 1;
                continue;
            }
            *count += 1;
            line.calls += 1;
            line.usage = line.usage.plus(quote.most);
            line.most = together(line.most, quote.cost);
            let sum = most.entry(quote.provider).or_insert(Some(Cost::FREE));
            *sum = together(*sum, quote.cost);
        }
        for (provider, count) in calls {
            let line = self.line(&stage, &provider);
            line.actions += 1;
            if count > 0 {
                let likely = past.and_then(|past| past.of(count, most.get(&provider).copied().flatten()));
                line.likely = together(line.likely, likely);
            }
        }
    }

    /// Adds an action of which nobody knows how many calls it makes.
    pub fn add_open(&mut self, stage: &str, provider: &str) {
        let line = self.line(stage, provider);
        line.actions += 1;
        line.open += 1;
        (line.most, line.likely, line.sureness) = (None, None, Sureness::Unknown);
    }

    fn line(&mut self, stage: &str, provider: &str) -> &mut BillLine {
        let place = self.lines.iter().rposition(|line| line.stage == stage && line.provider == provider);
        let place = place.unwrap_or_else(|| {
            self.lines.push(BillLine::new(stage, provider));
            self.lines.len() - 1
        });
        &mut self.lines[place]
    }

    /// Returns all lines together.
    pub fn total(&self) -> BillTotal {
        let mut total = BillTotal { likely: Some(BTreeMap::new()), ..BillTotal::default() };
        for line in &self.lines {
            total.calls += line.calls;
            total.remembered += line.remembered;
            total.open += line.open;
            total.sureness = total.sureness.max(Some(line.sureness));
            match line.most {
                Some(cost) => put(&mut total.most, cost),
                None => total.is_short = true,
            }
            match (&mut total.likely, line.likely) {
                (Some(sums), Some(cost)) => put(sums, cost),
                (likely, _) => *likely = None,
            }
        }
        total
    }

    /// Tells whether a person is to be asked before it is paid.
    pub fn is_large(&self, confirm: Confirm) -> bool {
        let Confirm::Above { calls, amount } = confirm else { return false };
        let total = self.total();
        total.calls > calls || total.open > 0 || total.most.values().any(|most| *most > amount)
    }

    /// Holds the most against each budget that binds it.
    pub fn fits(&self, standings: Vec<Standing>) -> Vec<Fit> {
        let fit = |standing: Standing| {
            let lines = self.lines.iter().filter(|line| line.is_under(&standing.scope));
            let in_currency = |cost: Cost| cost.is_free() || cost.currency == standing.budget.currency;
            let most = lines.map(|line| line.most.filter(|cost| in_currency(*cost)).map(|cost| cost.amount)).sum();
            Fit { standing, most }
        };
        standings.into_iter().map(fit).collect()
    }
}

impl BillLine {
    fn new(stage: &str, provider: &str) -> BillLine {
        BillLine {
            stage: stage.to_owned(),
            provider: provider.to_owned(),
            actions: 0,
            calls: 0,
            remembered: 0,
            open: 0,
            usage: Usage::default(),
            most: Some(Cost::FREE),
            likely: Some(Cost::FREE),
            sureness: Sureness::Exact,
        }
    }

    fn is_under(&self, scope: &Scope) -> bool {
        match scope {
            Scope::All => true,
            Scope::Provider(name) => self.provider == *name,
            Scope::Stage(name) => self.stage == *name,
        }
    }
}

impl Past {
    /// Returns what so many calls come to, each at the price of the last time, and never more than `most`.
    fn of(self, calls: u64, most: Option<Cost>) -> Option<Cost> {
        let amount = self.cost.amount.of(calls, self.calls);
        match most {
            Some(most) if most.currency == self.cost.currency => Some(Cost { amount: amount.min(most.amount), ..most }),
            // Somebody else was paid then.
            Some(_) => None,
            None => Some(Cost { amount, ..self.cost }),
        }
    }
}

impl Fit {
    pub fn is_within(&self) -> bool {
        self.most.is_some_and(|most| most <= self.standing.left())
    }
}

fn together(one: Option<Cost>, two: Option<Cost>) -> Option<Cost> {
    one?.plus(two?)
}

fn put(sums: &mut BTreeMap<Currency, Money>, cost: Cost) {
    if !cost.is_free() {
        *sums.entry(cost.currency).or_default() += cost.amount;
    }
}

#[cfg(test)]
mod tests;
