//! Providers that are services on the network: where they are, which secrets they are told, what they may cost.

use crate::base::address::Address;
use crate::base::diagnostic::Diagnostic;
use crate::storyfile::faults::{Faults, listed};
use crate::storyfile::fields;
use crate::storyfile::headers::{self, Wanted};
use crate::storyfile::paths;
use crate::storyfile::prices;
use crate::storyfile::provider_types::{self, ProviderType};
use crate::storyfile::service::{Limits, Scripted, SecretText, Service, ServiceApi};
use crate::storyfile::story::Selector;
use crate::storyfile::tree::{Entry, Node};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Keys of `rate`.
pub const RATE_KEYS: [&str; 2] = ["requests_per_minute", "tokens_per_minute"];

/// The highest rate that is a rate.
pub const RATE_MAX: u64 = 4_000_000_000;

/// Most calls at once.
pub const CONCURRENCY_MAX: u64 = 1000;

/// Reads a service; `None` after a reported fault without which it would be none.
pub fn read(entry: &Entry, api: ServiceApi, faults: &mut Faults) -> Option<Service> {
    let (node, sort) = (&*entry.value, ProviderType::Service(api));
    let given = |key: &str| given(node, key);
    let base = base(entry, api, faults);
    let model = model(entry, api, faults);
    let api_key = given("api_key").and_then(|node| headers::secret("`api_key`", node, Wanted::Secret, faults));
    if let Some(variable) = api.key_variable().filter(|_| given("api_key").or(given("base_url")).is_none()) {
        // Beside what else may be missing: one place has one fault of a sort.
        let span = given("type").map_or(entry.key_span, |node| node.span);
        faults.push(
            Diagnostic::error("S022", format!("the provider `{}` has no `api_key`", entry.key), span)
                .label("asks for a key")
                .help(format!("write `api_key: ${{{variable}}}`: it is read when a call is made")),
        );
    }
    let limits = Limits {
        max_concurrency: given("max_concurrency")
            .and_then(|node| faults.whole("`max_concurrency`", node, 1..=CONCURRENCY_MAX)),
        ..given("rate").map(|node| rate(node, sort, faults)).unwrap_or_default()
    };
    let service = Service {
        place: given("base_url").or(given("api_key")).map_or(entry.key_span, |node| node.span),
        api_key,
        headers: all_headers(node, api, faults),
        limits,
        timeout: given("timeout").and_then(|node| fields::duration("`timeout`", node, faults)),
        identity: given("identity").and_then(|node| faults.text("`identity`", node)).map(str::to_owned),
        price: given("price").and_then(|node| prices::price(node, sort, faults)),
        budget: given("budget").and_then(|node| prices::budget(node, faults)).map(|found| found.budget),
        fallback: fallback(node, faults),
        with: shaping(node, sort),
        ..Service::at(api, base?)
    };
    match api {
        ServiceApi::Http => Some(service),
        _ => Some(Service { model: Some(model?), ..service }),
    }
}

/// Reads a provider of `type: scripted`; `None` after a reported fault without which it would be none.
pub fn scripted(entry: &Entry, faults: &mut Faults) -> Option<Scripted> {
    let node = &*entry.value;
    let model = given(node, "model").and_then(|node| faults.text("`model`", node)).map(str::to_owned);
    let price = given(node, "price").and_then(|node| prices::price(node, ProviderType::Scripted, faults));
    let Some(answers) = given(node, "answers") else {
        missing(entry, "answers", "write `answers: answers/`: the file or folder that holds what it says", faults);
        return None;
    };
    let text = faults.text("`answers`", answers)?;
    let path = paths::parse(text, answers.span, faults)?;
    let answers = if text.ends_with('/') { Selector::Tree(path) } else { Selector::File(path) };
    Some(Scripted { answers, model, price })
}

/// Checks the keys of a provider: what another type takes is told as such.
pub fn check_keys(node: &Node, sort: ProviderType, faults: &mut Faults) {
    let known = sort.keys();
    let is_known = |key: &str| key == "type" || known.contains(&key) || key.starts_with("x-");
    for entry in node.entries().iter().filter(|entry| !is_known(&entry.key) && !entry.value.is_null()) {
        if !provider_types::all_keys().contains(&entry.key.as_str()) {
            let known = [&["type"], &known[..]].concat();
            faults.unknown("S020", "the key", &entry.key, entry.key_span, &known);
            continue;
        }
        let takers = ProviderType::ALL.into_iter().filter(|sort| sort.keys().contains(&entry.key.as_str()));
        let takers: Vec<&str> = takers.map(ProviderType::name).collect();
        faults.push(
            Diagnostic::error(
                "S029",
                format!("a provider of `type: {}` takes no `{}`", sort.name(), entry.key),
                entry.key_span,
            )
            .label("nothing reads this")
            .help(format!("remove it; it goes with {}", listed(&takers))),
        );
    }
}

/// Returns the keys that shape answers, each as an entry of `with:`.
pub fn defaults(node: &Node, sort: ProviderType) -> Vec<Entry> {
    let keys = sort.shaping();
    let is_default = |entry: &&Entry| keys.contains(&entry.key.as_str()) && !entry.value.is_null();
    node.entries().iter().filter(is_default).cloned().collect()
}

/// Returns the value at a key; `key: ~` is the same as no key.
fn given<'n>(node: &'n Node, key: &str) -> Option<&'n Arc<Node>> {
    node.get(key).filter(|node| !node.is_null())
}

fn missing(entry: &Entry, key: &str, help: &str, faults: &mut Faults) {
    faults.push(
        Diagnostic::error("S022", format!("the provider `{}` has no `{key}`", entry.key), entry.key_span)
            .label(format!("`{key}` is missing"))
            .help(help),
    );
}

fn model(entry: &Entry, api: ServiceApi, faults: &mut Faults) -> Option<String> {
    match given(&entry.value, "model") {
        _ if api == ServiceApi::Http => None,
        Some(node) => faults.text("`model`", node).map(str::to_owned),
        None => {
            missing(entry, "model", "write `model: …`: who answers, by the name that the service gives it", faults);
            None
        }
    }
}

fn base(entry: &Entry, api: ServiceApi, faults: &mut Faults) -> Option<Address> {
    match (given(&entry.value, "base_url"), api.vendor_url()) {
        (Some(node), _) => base_url(node, faults),
        (None, Some(vendor)) => Address::parse(vendor).ok(),
        (None, None) => {
            missing(entry, "base_url", "write `base_url: https://…`: what all its calls start with", faults);
            None
        }
    }
}

fn base_url(node: &Node, faults: &mut Faults) -> Option<Address> {
    let text = faults.text("`base_url`", node)?;
    let fault = match Address::parse(text) {
        _ if text.contains("${") => "an expression stands in it",
        Ok(address) => return Some(address),
        Err(fault) => fault,
    };
    let fault = Diagnostic::error("S160", format!("`base_url` is no address that can be called: {fault}"), node.span)
        .label("not an address")
        .help("write it out: `https://api.example.com/v1`, or `http://127.0.0.1:8188` for this machine");
    // A password may stand before the `@`.
    faults.push(if text.contains('@') { fault.hidden() } else { fault });
    None
}

/// `organization` and `project` are headers by other names.
fn all_headers(node: &Node, api: ServiceApi, faults: &mut Faults) -> BTreeMap<String, SecretText> {
    let mut all = given(node, "headers").map(|node| headers::read(node, faults)).unwrap_or_default();
    let named: &[&str] = if api == ServiceApi::OpenAi { &["organization", "project"] } else { &[] };
    for key in named {
        let Some(node) = given(node, key) else { continue };
        let Some(text) = headers::secret(&format!("`{key}`"), node, Wanted::Any, faults) else { continue };
        if all.insert(format!("openai-{key}"), text).is_some() {
            faults.push(
                Diagnostic::error("S161", format!("the header `openai-{key}` is what `{key}` says"), node.span)
                    .label("said twice")
                    .help("say it once: here, or under `headers`"),
            );
        }
    }
    all
}

fn rate(node: &Node, sort: ProviderType, faults: &mut Faults) -> Limits {
    let mut limits = Limits::default();
    if faults.map("`rate`", node).is_none() {
        return limits;
    }
    faults.keys("the key", node, &RATE_KEYS, &[]);
    if let Some(node) = given(node, "requests_per_minute") {
        limits.requests_per_minute = faults.whole("`requests_per_minute`", node, 1..=RATE_MAX);
    }
    let tokens = node.entries().iter().find(|entry| entry.key == "tokens_per_minute" && !entry.value.is_null());
    match tokens {
        Some(entry) if !sort.priced().contains(&"input") => faults.push(
            Diagnostic::error(
                "S029",
                format!("a provider of `type: {}` counts no tokens", sort.name()),
                entry.key_span,
            )
            .label("nothing reads this")
            .help("remove it; `requests_per_minute` goes with every service"),
        ),
        Some(entry) => {
            let tokens = faults.whole("`tokens_per_minute`", &entry.value, 1..=RATE_MAX);
            limits.tokens_per_minute = tokens.map(u64::from);
        }
        None => {}
    }
    limits
}

/// Whom its names mean is checked once all providers are read.
fn fallback(node: &Node, faults: &mut Faults) -> Vec<String> {
    let names = given(node, "fallback").map(|node| faults.texts("`fallback`", node)).unwrap_or_default();
    names.into_iter().map(|(name, _)| name.to_owned()).collect()
}

fn shaping(node: &Node, sort: ProviderType) -> Map<String, Value> {
    defaults(node, sort).into_iter().map(|entry| (entry.key, entry.value.data())).collect()
}
