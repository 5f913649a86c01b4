//! What calls came to, in words.

use crate::base::money::{Currency, Money, Spend};
use std::collections::BTreeMap;

/// Returns what calls cost: `0.42 USD in 12 calls`; `None` if none was made and none was remembered.
pub fn spent(spend: &Spend) -> Option<String> {
    let mut parts = Vec::new();
    if spend.calls > 0 {
        let mut cost: Vec<String> = amounts(&spend.cost);
        if spend.unpriced > 0 {
            cost.push(if cost.is_empty() { "at an unknown cost".into() } else { "an unknown cost".into() });
        }
        let calls = counted(spend.calls, "call");
        parts.push(match (spend.cost.is_empty(), spend.unpriced > 0) {
            (true, true) => format!("{calls} {}", cost.join(" and ")),
            _ => format!("{} in {calls}", cost.join(" and ")),
        });
    }
    if spend.in_doubt > 0 {
        parts.push(format!("{} may have been charged without an answer", counted(spend.in_doubt, "call")));
    }
    if !spend.saved.is_empty() {
        parts.push(format!("{} saved by what is remembered", amounts(&spend.saved).join(" and ")));
    }
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// Returns amounts with their currencies.
pub fn amounts(sums: &BTreeMap<Currency, Money>) -> Vec<String> {
    sums.iter().map(|(currency, amount)| format!("{amount} {currency}")).collect()
}

/// Returns a number of things: `1 call`, `2 calls`.
pub fn counted(count: impl Into<u64>, what: &str) -> String {
    let count = count.into();
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::money::Cost;

    fn usd(amount: &str) -> Option<Cost> {
        Some(Cost { amount: Money::parse(amount).unwrap(), currency: Currency::parse("usd").unwrap() })
    }

    fn said(of: impl FnOnce(&mut Spend)) -> Option<String> {
        let mut spend = Spend::default();
        of(&mut spend);
        spent(&spend)
    }

    #[test]
    fn money_is_told_with_what_it_went_for() {
        assert_eq!(said(|_| {}), None);
        assert_eq!(said(|spend| spend.answered(Some(Cost::FREE))), None);
        assert_eq!(said(|spend| spend.answered(usd("0.004"))).unwrap(), "0.004 USD in 1 call");
        assert_eq!(said(|spend| spend.answered(None)).unwrap(), "1 call at an unknown cost");
        let mixed = said(|spend| {
            spend.answered(usd("1"));
            spend.answered(None);
            spend.in_doubt = 1;
            spend.remembered(usd("0.50"));
        });
        let words = "1.00 USD and an unknown cost in 2 calls; 1 call may have been charged without an answer; 0.50 USD \
                     saved by what is remembered";
        assert_eq!(mixed.unwrap(), words);
        assert_eq!(said(|spend| spend.remembered(Some(Cost::FREE))), None);
    }
}
