//! What this run has spent, and what it still may: reserved before a call, settled after it (R13).
//!
//! A call whose most would pass a budget waits while other calls hold reservations that may come back, and is refused
//! once none does. What may have been charged keeps its reservation.

use crate::base::failure::{Cause, Failure};
use crate::base::money::{Budget, Cost, Money, Period};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// Whom a budget binds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    All,
    /// By its name.
    Provider(String),
    /// By its name: all its instances together.
    Stage(String),
}

/// The budgets of a run and what was spent under each.
#[derive(Default)]
pub struct Ledger {
    caps: Mutex<BTreeMap<Scope, Cap>>,
    changed: Notify,
}

#[derive(Clone, Debug)]
struct Cap {
    budget: Budget,
    spent: Money,
    reserved: Money,
}

/// A budget and what is gone of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    pub scope: Scope,
    pub budget: Budget,
    pub spent: Money,
}

/// Money held back for one call; given back when dropped.
#[must_use]
pub struct Reservation {
    ledger: Arc<Ledger>,
    scopes: [Scope; 3],
    held: Money,
    is_sent: bool,
}

impl Ledger {
    /// Sets a budget, `spent` of which is gone already.
    pub fn cap(&self, scope: Scope, budget: Budget, spent: Money) {
        self.caps().insert(scope, Cap { budget, spent, reserved: Money::ZERO });
    }

    /// Returns the budgets that are set, and how each stands.
    pub fn standings(&self) -> Vec<Standing> {
        self.caps().iter().map(|(scope, cap)| cap.standing(scope)).collect()
    }

    /// Holds `most` back for a call of `stage` to `provider`; `None` where nobody knows what it may cost.
    ///
    /// Fails with [`Cause::Budget`] where that would pass a budget, and with [`Cause::Setup`] where a budget is set and
    /// the cost is not known in its currency.
    pub async fn reserve(
        self: &Arc<Ledger>,
        provider: &str,
        stage: &str,
        most: Option<Cost>,
        cancel: &CancellationToken,
    ) -> Result<Reservation, Failure> {
        let scopes = [Scope::All, Scope::Provider(provider.to_owned()), Scope::Stage(stage.to_owned())];
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            match self.hold(&scopes, provider, most)? {
                Held::Yes(held) => return Ok(Reservation { ledger: self.clone(), scopes, held, is_sent: false }),
                Held::Never(failure) => return Err(failure),
                Held::Perhaps => {}
            }
            tokio::select! {
                () = changed => {}
                () = cancel.cancelled() => return Err(Failure::new(Cause::Cancelled, "stopped")),
            }
        }
    }

    fn hold(&self, scopes: &[Scope], provider: &str, most: Option<Cost>) -> Result<Held, Failure> {
        let mut caps = self.caps();
        let Some(Cost { amount, currency }) = most else {
            return match scopes.iter().find(|scope| caps.contains_key(scope)) {
                None => Ok(Held::Yes(Money::ZERO)),
                Some(scope) => Err(unpriced(scope, provider)),
            };
        };
        for scope in scopes {
            let Some(cap) = caps.get(scope) else { continue };
            if cap.budget.currency != currency && amount > Money::ZERO {
                return Err(unpriced(scope, provider));
            }
            let left = cap.budget.amount.saturating_sub(cap.spent);
            if amount > left {
                return Ok(Held::Never(passed(&cap.standing(scope), amount)));
            }
            if amount > left.saturating_sub(cap.reserved) {
                return Ok(Held::Perhaps);
            }
        }
        for scope in scopes {
            if let Some(cap) = caps.get_mut(scope) {
                cap.reserved += amount;
            }
        }
        Ok(Held::Yes(amount))
    }

    fn caps(&self) -> MutexGuard<'_, BTreeMap<Scope, Cap>> {
        self.caps.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Held {
    Yes(Money),
    /// Others hold reservations that may come back.
    Perhaps,
    Never(Failure),
}

impl Reservation {
    /// Notes that the call is about to be sent: if nobody says how it ended, it may have been charged.
    pub fn sent(&mut self) {
        self.is_sent = true;
    }

    /// Gives it back: the call was turned away.
    pub fn release(mut self) {
        self.close(Money::ZERO);
    }

    /// Puts down what the call did cost.
    pub fn settle(mut self, cost: Money) {
        self.close(cost);
    }

    /// Puts down that the call may have been charged: all that was held is taken for spent.
    pub fn lose(mut self) {
        let held = self.held;
        self.close(held);
    }

    fn close(&mut self, spent: Money) {
        let mut caps = self.ledger.caps();
        for scope in &self.scopes {
            if let Some(cap) = caps.get_mut(scope) {
                cap.reserved = cap.reserved.saturating_sub(self.held);
                cap.spent += spent;
            }
        }
        self.held = Money::ZERO;
        drop(caps);
        self.ledger.changed.notify_waiters();
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if self.held > Money::ZERO {
            let spent = if self.is_sent { self.held } else { Money::ZERO };
            self.close(spent);
        }
    }
}

impl Cap {
    fn standing(&self, scope: &Scope) -> Standing {
        Standing { scope: scope.clone(), budget: self.budget, spent: self.spent }
    }
}

impl Standing {
    /// Returns what may still be spent.
    pub fn left(&self) -> Money {
        self.budget.amount.saturating_sub(self.spent)
    }
}

/// `the budget of the stage `voice` of today: 5.00 USD, of which 1.20 is spent`
impl fmt::Display for Standing {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Budget { amount, currency, period } = self.budget;
        let per = match period {
            Period::Run => " of this run",
            Period::Day => " of today",
            Period::Month => " of this month",
            Period::Project => "",
        };
        let (whose, spent) = (whose(&self.scope), self.spent);
        write!(out, "the budget{whose}{per}: {amount} {currency}, of which {spent} is spent")
    }
}

fn passed(standing: &Standing, amount: Money) -> Failure {
    let message = format!("a call that may cost {amount} {} would pass {standing}", standing.budget.currency);
    Failure::new(Cause::Budget, message)
        .hint("Raise `budget:`, or pass `--budget`, and build again: what is paid for is kept.")
}

fn unpriced(scope: &Scope, provider: &str) -> Failure {
    let message = format!("nobody knows what a call to `{provider}` costs, and there is a budget{}", whose(scope));
    Failure::new(Cause::Setup, message).hint("Give the provider a `price:` in the budget's currency.")
}

fn whose(scope: &Scope) -> String {
    match scope {
        Scope::All => String::new(),
        Scope::Provider(name) => format!(" of the provider `{name}`"),
        Scope::Stage(name) => format!(" of the stage `{name}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::money::Currency;
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    fn usd() -> Currency {
        Currency::parse("usd").unwrap()
    }

    fn money(text: &str) -> Money {
        Money::parse(text).unwrap()
    }

    fn budget(amount: &str) -> Budget {
        Budget { amount: money(amount), currency: usd(), period: Period::Run }
    }

    fn ledger(amount: &str) -> Arc<Ledger> {
        let ledger = Arc::new(Ledger::default());
        ledger.cap(Scope::All, budget(amount), Money::ZERO);
        ledger
    }

    async fn reserve(ledger: &Arc<Ledger>, most: &str) -> Result<Reservation, Failure> {
        ledger
            .reserve("writer", "script", Some(Cost { amount: money(most), currency: usd() }), &CancellationToken::new())
            .await
    }

    #[tokio::test]
    async fn calls_spend_up_to_the_budget_and_never_above() {
        let ledger = ledger("1.00");
        for _ in 0..33 {
            reserve(&ledger, "0.03").await.unwrap().settle(money("0.03"));
        }
        let failure = reserve(&ledger, "0.03").await.err().unwrap();
        assert_eq!(failure.cause, Cause::Budget);
        assert_eq!(
            failure.message,
            "a call that may cost 0.03 USD would pass the budget of this run: 1.00 USD, of which 0.99 is spent"
        );
        assert_eq!(
            failure.hint.unwrap(),
            "Raise `budget:`, or pass `--budget`, and build again: what is paid for is kept."
        );
        assert!(reserve(&ledger, "0.01").await.is_ok());
    }

    #[tokio::test]
    async fn a_call_waits_for_what_others_hold_and_may_give_back() {
        let ledger = ledger("1.00");
        let first = reserve(&ledger, "0.80").await.unwrap();
        let mut second = pin!(reserve(&ledger, "0.80"));
        let mut context = Context::from_waker(Waker::noop());
        assert!(second.as_mut().poll(&mut context).is_pending());
        first.settle(money("0.10"));
        assert!(matches!(second.as_mut().poll(&mut context), Poll::Ready(Ok(_))));
    }

    #[tokio::test]
    async fn what_may_have_been_charged_is_taken_for_spent_and_what_was_not_sent_comes_back() {
        let ledger = ledger("1.00");
        drop(reserve(&ledger, "0.80").await.unwrap());
        let mut turned_away = reserve(&ledger, "0.80").await.unwrap();
        turned_away.sent();
        turned_away.release();
        reserve(&ledger, "0.30").await.unwrap().lose();
        let mut forgotten = reserve(&ledger, "0.50").await.unwrap();
        forgotten.sent();
        drop(forgotten);
        assert_eq!(reserve(&ledger, "0.30").await.err().unwrap().cause, Cause::Budget);
    }

    #[tokio::test]
    async fn every_budget_that_binds_a_call_is_kept() {
        let ledger = ledger("9.00");
        ledger.cap(Scope::Provider("writer".into()), budget("0.50"), Money::ZERO);
        ledger.cap(Scope::Stage("script".into()), budget("5.00"), money("4.80"));
        let failure = reserve(&ledger, "0.30").await.err().unwrap();
        assert!(failure.message.contains("the budget of the stage `script` of this run"), "{}", failure.message);
        let failure = reserve(&ledger, "0.60").await.err().unwrap();
        assert!(failure.message.contains("the budget of the provider `writer` of this run"), "{}", failure.message);
        assert!(reserve(&ledger, "0.20").await.is_ok());
    }

    #[tokio::test]
    async fn under_a_budget_every_cost_is_known_in_its_currency() {
        let ledger = ledger("1.00");
        let cancel = CancellationToken::new();
        let euros = Some(Cost { amount: money("0.10"), currency: Currency::parse("eur").unwrap() });
        for most in [None, euros] {
            let failure = ledger.reserve("writer", "script", most, &cancel).await.err().unwrap();
            assert_eq!(failure.cause, Cause::Setup);
            assert_eq!(failure.message, "nobody knows what a call to `writer` costs, and there is a budget");
        }
        assert!(ledger.reserve("writer", "script", Some(Cost::FREE), &cancel).await.is_ok());
        let open = Arc::new(Ledger::default());
        assert!(open.reserve("writer", "script", None, &cancel).await.is_ok());
    }
}
