//! What a call would come to, told before it is made.

use crate::base::digest::Digest;
use crate::base::money::{Cost, Usage};
use crate::provider::api::Api;
use crate::store::Store;

/// One call that a job would make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quote {
    /// The request's key: what is asked twice is paid once. `None`: the request is not known yet.
    pub key: Option<Digest>,
    /// The service's name in the Storyfile, else its host.
    pub provider: String,
    /// The most that it can be counted for.
    pub most: Usage,
    /// What it costs at most; `None`: nobody knows.
    pub cost: Option<Cost>,
    /// Whether its answer is there already, so that nothing is asked.
    pub remembered: bool,
}

impl Quote {
    /// Tells of a request whose key is known.
    pub fn of(api: &Api, key: Digest, most: Usage, store: &Store) -> Quote {
        let remembered = store.reply(&key).is_some();
        Quote { key: Some(key), remembered, ..Quote::guess(api, most) }
    }

    /// Tells of a request that is not known yet.
    pub fn guess(api: &Api, most: Usage) -> Quote {
        let cost = api.price().and_then(|price| price.cost(&most));
        Quote { key: None, provider: api.name().to_owned(), most, cost, remembered: false }
    }

    /// Returns the call when it may go to somebody else instead: the dearer of the two counts.
    pub fn or(self, other: &Quote) -> Quote {
        let cost = self.cost.zip(other.cost).and_then(|(one, two)| one.dearer(two));
        Quote { cost, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::money::{Currency, Money};

    fn quote(cost: Option<&str>) -> Quote {
        let cost = cost
            .map(|amount| Cost { amount: Money::parse(amount).unwrap(), currency: Currency::parse("usd").unwrap() });
        Quote { key: None, provider: "writer".into(), most: Usage::default(), cost, remembered: false }
    }

    #[test]
    fn who_may_stand_in_may_be_dearer() {
        assert_eq!(quote(Some("1")).or(&quote(Some("2"))), quote(Some("2")));
        assert_eq!(quote(Some("2")).or(&quote(Some("1"))), quote(Some("2")));
        assert_eq!(quote(Some("2")).or(&quote(None)), quote(None));
    }
}
