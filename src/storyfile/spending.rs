//! Whether a budget can be kept: under one, all who may be paid have a price, in the budget's money (R13).

use crate::base::diagnostic::Diagnostic;
use crate::base::money::Price;
use crate::storyfile::fallbacks;
use crate::storyfile::faults::Faults;
use crate::storyfile::model::{Declared, StageText};
use crate::storyfile::prices::{self, Placed};
use crate::storyfile::provider_types::ProviderType;
use crate::storyfile::service::Provider;
use std::collections::BTreeMap;

/// Checks the budgets that providers have of their own, whoever uses them.
pub fn check_own(declared: &Declared, faults: &mut Faults) {
    for (name, provider) in &declared.providers {
        let budget = match provider {
            Some(Provider::Service(service)) => service.budget,
            _ => None,
        };
        let node = declared.provider_texts.get(name).and_then(|entry| entry.value.get("budget"));
        if let (Some(budget), Some(node)) = (budget, node) {
            priced(name, Placed { budget, span: node.span }, declared, faults);
        }
    }
}

/// Checks the budgets over one stage: its own and the file's. `needed` is what its kind needs a provider for, `chosen` who
/// it is.
pub fn check(
    stage: &StageText,
    needed: Option<&str>,
    chosen: &BTreeMap<String, String>,
    own: Option<Placed>,
    declared: &Declared,
    faults: &mut Faults,
) {
    let Some(needed) = needed else {
        if stage.own("budget").is_some() {
            faults.push(
                Diagnostic::error(
                    "S029",
                    format!("the stage `{}` asks no provider", stage.name),
                    stage.key_span("budget"),
                )
                .label("nothing is paid here")
                .help("remove it"),
            );
        }
        return;
    };
    for budget in [declared.budget, own].into_iter().flatten() {
        match chosen.get(needed) {
            Some(first) => fallbacks::line(first, needed, declared)
                .into_iter()
                .for_each(|name| priced(name, budget, declared, faults)),
            None => nobody(stage, budget, faults),
        }
    }
}

fn priced(name: &str, placed: Placed, declared: &Declared, faults: &mut Faults) {
    let Some(Some(provider)) = declared.providers.get(name) else { return };
    let Some(entry) = declared.provider_texts.get(name) else { return };
    let price = entry.value.get("price").filter(|node| !node.is_null());
    match (provider.price(), price) {
        (Some(Price::Free), _) => {}
        (Some(Price::Tariff(tariff)), node) if tariff.currency != placed.budget.currency => {
            let span = node.and_then(|node| node.get("currency")).map_or(entry.key_span, |node| node.span);
            let message =
                format!("`{name}` is paid in {}, and a budget is in {}", tariff.currency, placed.budget.currency);
            faults.push(
                Diagnostic::error("S165", message, span)
                    .label("other money")
                    .related(placed.span, "this budget")
                    .help("name both in one currency: rates of exchange are not known here"),
            );
        }
        (Some(Price::Tariff(_)), _) => {}
        // What is wrong with the price is told already.
        (None, Some(_)) => {}
        (None, None) => {
            let example = match provider {
                Provider::Service(service) => prices::example(ProviderType::Service(service.api)),
                _ => prices::example(ProviderType::Scripted),
            };
            faults.push(
                Diagnostic::error(
                    "S165",
                    format!("a budget counts what `{name}` costs, and nobody says it"),
                    entry.key_span,
                )
                .label("it has no `price`")
                .related(placed.span, "this budget")
                .help(format!("copy it from the service's price list: `price: {example}`; or write `price: free`")),
            );
        }
    }
}

/// A stage that calls an address of its own: there is nobody to have a price.
fn nobody(stage: &StageText, placed: Placed, faults: &mut Faults) {
    let span = stage.own("uses").map_or(stage.span, |node| node.span);
    faults.push(
        Diagnostic::error("S165", format!("a budget counts what `{}` costs, and nobody says it", stage.name), span)
            .label("its service is no provider")
            .related(placed.span, "this budget")
            .help("declare the service with what it costs: `providers: { NAME: { type: http, base_url: …, price: free } }`"),
    );
}
