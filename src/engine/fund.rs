//! The budgets of a run: read from the Storyfile, with what this clone's account has spent under each already.

use crate::base::failure::{Cause, Failure};
use crate::base::money::{Budget, Cost, Money, Period};
use crate::engine::judge::Project;
use crate::provider::ledger::Scope;
use crate::store::Entry;
use crate::storyfile::story::Work;
use std::collections::{BTreeMap, BTreeSet};

/// Sets the budgets of a run in the project's ledger; `own` is the one that the command line gives in the place of the
/// file's.
pub fn fund(project: &Project, own: Option<Budget>, now: &str) {
    let mut caps: BTreeMap<Scope, Budget> = BTreeMap::new();
    caps.extend(own.or(project.story.budget).map(|budget| (Scope::All, budget)));
    for (name, api) in &project.providers.apis {
        caps.extend(api.budget().map(|budget| (Scope::Provider(name.clone()), budget)));
    }
    for node in &project.workflow.nodes {
        let stage = || Scope::Stage(node.action.stage.to_string());
        caps.extend(node.action.budget.map(|budget| (stage(), budget)));
    }
    let account = match caps.values().any(|budget| budget.period != Period::Run) {
        true => project.store.account(),
        false => Vec::new(),
    };
    for (scope, budget) in caps {
        let spent = spent(&account, &scope, budget, now, |entry| stage_of(project, entry));
        project.providers.ledger.cap(scope, budget, spent);
    }
}

/// Tells why the command line's budget cannot be kept: a provider of `actions` has no price in its currency. What the file
/// says was checked when it was loaded.
pub fn check_priced(project: &Project, budget: Budget, actions: &BTreeSet<usize>) -> Result<(), Failure> {
    for &action in actions {
        let Work::Kind { providers, .. } = &project.node(action).action.work else { continue };
        for api in providers.values().filter_map(|name| project.providers.apis.get(name)) {
            let currency = api.price().map(|price| price.currency());
            if currency != Some(None) && currency != Some(Some(budget.currency)) {
                let (name, wanted) = (api.name(), budget.currency);
                let message = format!("the provider `{name}` has no price in {wanted}: the budget cannot be kept");
                return Err(Failure::new(Cause::Setup, message)
                    .hint(format!("Give it one under `providers: {name}: price:`, or `price: free`.")));
            }
        }
    }
    Ok(())
}

/// Returns what counts against a budget already: what was paid, and all that may have been.
fn spent(account: &[Entry], scope: &Scope, budget: Budget, now: &str, stage_of: impl Fn(&Entry) -> &str) -> Money {
    let counts = |entry: &&Entry| {
        let is_theirs = match scope {
            Scope::All => true,
            Scope::Provider(name) => entry.provider == *name,
            Scope::Stage(name) => stage_of(entry) == name,
        };
        is_theirs && is_in(&entry.at, budget.period, now)
    };
    let costs = account.iter().filter(counts).filter_map(|entry| entry.cost);
    costs.filter(|cost| cost.currency == budget.currency).map(|Cost { amount, .. }| amount).sum()
}

/// Tells whether a time lies in the period of `now`, both RFC 3339 in UTC. One that nobody noted counts only for the whole
/// project.
fn is_in(at: &str, period: Period, now: &str) -> bool {
    let agree = |length: usize| at.len() > length && at.get(..length) == now.get(..length);
    match period {
        Period::Run => false,
        Period::Day => agree("2026-11-26".len()),
        Period::Month => agree("2026-11".len()),
        Period::Project => true,
    }
}

/// Returns the stage of an entry's action: its name up to the first key.
fn stage_of<'e>(project: &Project, entry: &'e Entry) -> &'e str {
    let is_stage = |name: &&str| project.story.stages.iter().any(|stage| stage.name.as_str() == *name);
    let ends = entry.action.match_indices(':').map(|(at, _)| at).chain([entry.action.len()]);
    ends.map(|end| &entry.action[..end]).find(is_stage).unwrap_or(&entry.action)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::digest::Digest;
    use crate::base::money::{Currency, Usage};
    use crate::store::EntrySort;

    fn entry(at: &str, provider: &str, action: &str, amount: &str) -> Entry {
        Entry {
            sort: EntrySort::Paid,
            request: Digest::of(b""),
            call: String::new(),
            description: String::new(),
            provider: provider.into(),
            action: action.into(),
            run: String::new(),
            usage: Usage::default(),
            cost: Some(Cost { amount: Money::parse(amount).unwrap(), currency: Currency::parse("usd").unwrap() }),
            at: at.into(),
        }
    }

    #[test]
    fn a_budget_counts_what_its_period_and_its_owner_have_spent() {
        let account = [
            entry("2026-11-26T01:00:00Z", "writer", "script:en", "1"),
            entry("2026-11-25T23:59:59Z", "writer", "script:es", "2"),
            entry("2026-10-31T12:00:00Z", "narrator", "voice", "4"),
            entry("", "writer", "script:en", "8"),
            Entry { cost: Some(Cost::FREE), ..entry("2026-11-26T01:00:00Z", "writer", "script:en", "0") },
            Entry { cost: None, ..entry("2026-11-26T01:00:00Z", "writer", "script:en", "0") },
        ];
        let now = "2026-11-26T22:00:00Z";
        let spent = |scope: Scope, period| {
            let budget = Budget { amount: Money::ZERO, currency: Currency::parse("usd").unwrap(), period };
            spent(&account, &scope, budget, now, |entry| entry.action.split(':').next().unwrap()).to_string()
        };
        assert_eq!(spent(Scope::All, Period::Run), "0.00");
        assert_eq!(spent(Scope::All, Period::Day), "1.00");
        assert_eq!(spent(Scope::All, Period::Month), "3.00");
        assert_eq!(spent(Scope::All, Period::Project), "15.00");
        assert_eq!(spent(Scope::Provider("narrator".into()), Period::Project), "4.00");
        assert_eq!(spent(Scope::Stage("script".into()), Period::Month), "3.00");
        let euros = Budget { amount: Money::ZERO, currency: Currency::parse("eur").unwrap(), period: Period::Project };
        assert_eq!(super::spent(&account, &Scope::All, euros, now, |_| ""), Money::ZERO);
    }
}
