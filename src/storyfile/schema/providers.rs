//! The part of the schema that is about providers: their types, their keys, prices and budgets.

use super::{Entry, described, duration, nullable, object, text, texts};
use crate::storyfile::prices::{PER_MAX, PERIODS, PRICE_KEYS};
use crate::storyfile::provider_types::ProviderType;
use crate::storyfile::service::ServiceApi;
use crate::storyfile::services::{CONCURRENCY_MAX, RATE_KEYS, RATE_MAX};
use serde_json::{Value, json};

/// An amount of money as text: nine decimals at most.
const AMOUNT: &str = r"^([0-9]+(\.[0-9]{0,9})?|\.[0-9]{1,9})$";

/// Three letters that name a currency, where `per` stands beside it.
const CURRENCY: &str = "^(?!per$)[A-Za-z]{3}$";

/// An expression, or a number.
const NUMBER: &str = r"\$\{|^[-+0-9.eE]+$";

const PROVIDER: [Entry; 25] = [
    ("model", "Who answers, by the name that the service gives it.", text),
    ("base_url", "What all its calls start with: `https://…`, or `http://127.0.0.1:…` on this machine.", text),
    ("api_key", "`${NAME}`: the key, read when a call is made.", text),
    (
        "headers",
        "Sent with every call. Secrets as `${NAME}`.",
        || json!({ "type": "object", "additionalProperties": text() }),
    ),
    ("organization", "Sent as `OpenAI-Organization`.", text),
    ("project", "Sent as `OpenAI-Project`.", text),
    (
        "max_concurrency",
        "How many calls it may have at once.",
        || json!({ "type": "integer", "minimum": 1, "maximum": CONCURRENCY_MAX }),
    ),
    (
        "rate",
        "How much it may be asked in a minute: `{ requests_per_minute: 500, tokens_per_minute: 200000 }`.",
        || {
            let rate = json!({ "type": ["integer", "null"], "minimum": 1, "maximum": RATE_MAX });
            object(RATE_KEYS.iter().map(|key| (*key, rate.clone())))
        },
    ),
    ("timeout", "How long one call may take.", duration),
    ("identity", "Stands in keys in the place of what storygen finds.", text),
    ("price", "What its work costs: `free`, or a price list.", || json!({})),
    ("budget", "The most that may be spent on it.", budget),
    ("fallback", "Providers that are asked in its place when it is out of order.", texts),
    ("answers", "The file or folder that holds what it says.", text),
    ("temperature", "A default for `with:`.", || json!({ "anyOf": [{ "type": "number" }, numeral()] })),
    ("max_tokens", "A default for `with:`.", || json!({ "anyOf": [{ "type": "integer" }, numeral()] })),
    ("seed", "A default for `with:`.", || json!({ "anyOf": [{ "type": "integer" }, numeral()] })),
    ("stop", "A default for `with:`.", texts),
    ("system", "A default for `with:`.", text),
    ("extra", "A default for `with:`, merged with the stage's.", || json!({})),
    ("voice", "A default for `with:`.", text),
    ("language", "A default for `with:`.", text),
    ("speed", "A default for `with:`.", || json!({ "anyOf": [{ "type": "number" }, numeral()] })),
    ("settings", "A default for `with:`, merged with the stage's.", || json!({ "type": ["object", "string"] })),
    ("type", "Who it is.", || json!({})),
];

const PRICE: [Entry; 9] = [
    ("input", "For `per` tokens of what is asked.", amount),
    ("cached_input", "For `per` tokens of it that came from the service's cache.", amount),
    ("output", "For `per` tokens of the answer.", amount),
    ("characters", "For `per` characters spoken.", amount),
    ("minute", "For a minute of a recording.", amount),
    ("call", "For each call.", amount),
    (
        "per",
        "How many tokens or characters the prices are for: a million if nothing is said.",
        || json!({ "type": "integer", "minimum": 1, "maximum": PER_MAX }),
    ),
    ("currency", "Three letters: `USD`.", || json!({ "type": "string", "pattern": "^[A-Za-z]{3}$" })),
    ("as_of", "The day on which you looked it up.", text),
];

/// Returns the schema of the section `providers:`.
pub fn providers() -> Value {
    let names = ProviderType::ALL.map(ProviderType::name);
    let rules: Vec<Value> = ProviderType::ALL.into_iter().map(rule).collect();
    json!({
        "type": "object",
        "additionalProperties": {
            "type": "object",
            "properties": { "type": { "description": "Who it is.", "enum": names } },
            "required": ["type"],
            "allOf": rules,
        },
    })
}

/// Returns the schema of `budget:`.
pub fn budget() -> Value {
    json!({
        "type": "object",
        "properties": {
            "per": { "description": "What it counts: this run, or what this clone's account holds.", "enum": PERIODS },
        },
        "patternProperties": { (CURRENCY): nullable(amount()), "^x-": {} },
        "additionalProperties": false,
        "minProperties": 1,
        "if": { "required": ["per"] },
        "then": { "minProperties": 2 },
    })
}

fn rule(sort: ProviderType) -> Value {
    let keys = sort.keys();
    let properties = ["type"].iter().chain(&keys).map(|key| {
        let described = described(&PROVIDER, key);
        match *key {
            "type" => (*key, described),
            "price" => (*key, nullable(price(sort, described))),
            _ => (*key, nullable(described)),
        }
    });
    let mut then = object(properties);
    then["required"] = json!(sort.required());
    if matches!(sort, ProviderType::Service(api) if api != ServiceApi::Http) {
        then["anyOf"] = json!([{ "required": ["api_key"] }, { "required": ["base_url"] }]);
    }
    json!({
        "if": { "properties": { "type": { "const": sort.name() } }, "required": ["type"] },
        "then": then,
    })
}

/// `price:` of a type names only what that type counts.
fn price(sort: ProviderType, described: Value) -> Value {
    let priced = sort.priced();
    let others = PRICE_KEYS.iter().filter(|key| ["per", "currency", "as_of"].contains(*key));
    let mut list = object(priced.iter().chain(others).map(|key| (*key, nullable(super::described(&PRICE, key)))));
    list["required"] = json!(["currency"]);
    list["anyOf"] = priced.iter().map(|key| json!({ "required": [key] })).collect();
    json!({ "description": described["description"], "anyOf": [{ "const": "free" }, list] })
}

fn amount() -> Value {
    json!({ "anyOf": [{ "type": "number", "minimum": 0 }, { "type": "string", "pattern": AMOUNT }] })
}

fn numeral() -> Value {
    json!({ "type": "string", "pattern": NUMBER })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storyfile::provider_types;

    #[test]
    fn every_key_that_the_loader_knows_is_described() {
        let mut keys = provider_types::all_keys();
        let mut described: Vec<&str> = PROVIDER.iter().map(|(key, ..)| *key).collect();
        keys.sort_unstable();
        described.sort_unstable();
        assert_eq!(described, keys);
        assert_eq!(PRICE.map(|(key, ..)| key), PRICE_KEYS);
    }
}
