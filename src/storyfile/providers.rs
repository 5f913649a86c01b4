//! Which provider does a stage's paid work: the stage's own, else the default, else the built-in one.

use crate::base::diagnostic::Diagnostic;
use crate::storyfile::faults::Faults;
use crate::storyfile::model::{Declared, StageText};
use crate::storyfile::provider_types::ProviderType;
use crate::storyfile::service::Provider;
use crate::storyfile::services;
use crate::storyfile::settings::Uses;
use crate::storyfile::story::{ANSWERS_ROLE, Input, Presence};
use crate::storyfile::tree::{Content, Entry, Node};
use std::collections::BTreeMap;

/// What providers can do.
const CAPABILITIES: [&str; 3] = ["text", "voice", "http"];

/// Returns the provider for what the kind needs; empty for kinds that need none.
pub fn choose(
    stage: &StageText,
    uses: Option<&Uses>,
    declared: &Declared,
    faults: &mut Faults,
) -> BTreeMap<String, String> {
    let needed = uses.and_then(|uses| uses.info.capability);
    let own = stage.own("provider").filter(|_| uses.is_some());
    // `provider: ~` takes the default away.
    let is_taken_away = stage.node.get("provider").is_some_and(|node| node.is_null());
    let default = stage.defaults.as_ref().and_then(|defaults| defaults.get("provider")).filter(|_| !is_taken_away);
    let mut chosen = BTreeMap::new();
    let mut found = None;
    for (node, is_own) in [(own, true), (default, false)] {
        let Some(node) = node.filter(|node| !node.is_null()) else { continue };
        if let Some(name) = named(node, needed, is_own, uses, declared, faults) {
            found = found.or(Some(name));
        }
    }
    if let Some(needed) = needed {
        let built_in = match needed {
            "voice" => Some("local-voice"),
            "text" => Some("local"),
            // Nobody serves what no one declares.
            _ => None,
        };
        chosen.extend(found.or(built_in.map(str::to_owned)).map(|name| (needed.to_owned(), name)));
    }
    chosen
}

/// Returns what the chosen providers say of their answers, as entries of `with:`.
pub fn defaults(chosen: &BTreeMap<String, String>, declared: &Declared) -> Vec<Entry> {
    let mut entries = Vec::new();
    for name in chosen.values() {
        let text = declared.provider_texts.get(name);
        let sort = match declared.providers.get(name) {
            Some(Some(Provider::Service(service))) => ProviderType::Service(service.api),
            Some(Some(Provider::Scripted(_))) => ProviderType::Scripted,
            _ => continue,
        };
        entries.extend(text.into_iter().flat_map(|text| services::defaults(&text.value, sort)));
    }
    entries
}

/// Returns the answers that the chosen providers play, or those who may stand in for them, as inputs.
pub fn answers(chosen: &BTreeMap<String, String>, declared: &Declared) -> Vec<Input> {
    let provider = |name: &String| declared.providers.get(name).and_then(Option::as_ref);
    let fallbacks = chosen.values().filter_map(provider).flat_map(Provider::fallback);
    let mut inputs: Vec<Input> = Vec::new();
    for name in chosen.values().chain(fallbacks) {
        let (Some(Provider::Scripted(scripted)), Some(text)) = (provider(name), declared.provider_texts.get(name))
        else {
            continue;
        };
        if !inputs.iter().any(|input| input.selector == scripted.answers) {
            let span = text.value.get("answers").map_or(text.key_span, |node| node.span);
            let (selector, role) = (scripted.answers.clone(), ANSWERS_ROLE.to_owned());
            inputs.push(Input { role, selector, part: None, presence: Presence::Required, span });
        }
    }
    inputs
}

/// Returns the provider that a `provider:` names for what is needed.
fn named(
    node: &Node,
    needed: Option<&'static str>,
    is_own: bool,
    uses: Option<&Uses>,
    declared: &Declared,
    faults: &mut Faults,
) -> Option<String> {
    if let Content::Map(entries) = &node.value {
        faults.keys("the ability", node, &CAPABILITIES, &[]);
        let named = entries.iter().filter(|entry| !entry.value.is_null()).filter_map(|entry| {
            let name = known(faults.text("a provider", &entry.value)?, &entry.value, declared, faults)?;
            (able(&entry.key, &name, &entry.value, declared, faults) && Some(entry.key.as_str()) == needed)
                .then_some(name)
        });
        return named.last();
    }
    let name = known(faults.text("`provider`", node)?, node, declared, faults)?;
    let Some(Some(provider)) = declared.providers.get(&name) else { return Some(name) };
    let able = provider.abilities();
    match needed {
        Some(needed) if able.contains(&needed) => Some(name),
        // One default name is for all that it can do.
        _ if !is_own => None,
        needed => {
            let kind = uses.map_or("this stage", |uses| uses.kind.as_str());
            let message = match needed {
                Some(needed) => {
                    format!("`{kind}` needs a provider of {needed}, and `{name}` is one of {}", able.join(" and "))
                }
                None => format!("`{kind}` needs no provider"),
            };
            faults.push(
                Diagnostic::error("S033", message, node.span)
                    .label("cannot do this")
                    .help("remove it, or name a provider that can"),
            );
            None
        }
    }
}

/// Checks that a provider which is named for an ability has it.
fn able(ability: &str, name: &str, node: &Node, declared: &Declared, faults: &mut Faults) -> bool {
    let Some(Some(provider)) = declared.providers.get(name) else { return true };
    let able = provider.abilities();
    // An ability that is none is told already.
    if able.contains(&ability) || !CAPABILITIES.contains(&ability) {
        return true;
    }
    faults.push(
        Diagnostic::error(
            "S033",
            format!("`{name}` is a provider of {}, not of {ability}", able.join(" and ")),
            node.span,
        )
        .label("cannot do this")
        .help(format!("write `{}: {name}`, or name a provider that can", able[0])),
    );
    false
}

fn known(name: &str, node: &Node, declared: &Declared, faults: &mut Faults) -> Option<String> {
    if declared.providers.contains_key(name) {
        return Some(name.to_owned());
    }
    let all: Vec<&str> = declared.providers.keys().map(String::as_str).collect();
    faults.unknown("S031", "the provider", name, node.span, &all);
    None
}
