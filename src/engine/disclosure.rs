//! Finds the keys that a build would send to hosts that nobody has trusted with them.

use crate::base::diagnostic::Diagnostic;
use crate::base::span::Span;
use crate::engine::judge::Project;
use crate::provider::trust::{Disclosure, disclosure};
use crate::storyfile::service::Provider;
use crate::storyfile::story::{Action, Story, Work};
use std::collections::BTreeSet;

/// A provider that would be told what nobody has trusted its host with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Untrusted {
    pub provider: String,
    pub disclosure: Disclosure,
    /// Where the file says where it is.
    pub place: Span,
}

/// Returns all that a story's providers would disclose, whoever has trusted whom.
pub fn disclosures(story: &Story) -> Vec<Untrusted> {
    let services = story.providers.iter().filter_map(|(name, provider)| match provider {
        Provider::Service(service) => Some((name, service)),
        _ => None,
    });
    let untrusted = services.filter_map(|(name, service)| {
        let disclosure = disclosure(service)?;
        Some(Untrusted { provider: name.clone(), disclosure, place: service.place })
    });
    untrusted.collect()
}

/// Returns the providers that these actions use, those that stand in for them included, and that are not trusted.
pub fn untrusted(project: &Project, actions: &BTreeSet<usize>) -> Vec<Untrusted> {
    let found = disclosures(&project.story);
    if found.is_empty() {
        return found;
    }
    let mut used = BTreeSet::new();
    for &action in actions {
        add_used(&project.story, &project.node(action).action, &mut used);
    }
    let is_open = |one: &Untrusted| used.contains(&one.provider) && !project.providers.trust.allows(&one.disclosure);
    found.into_iter().filter(is_open).collect()
}

fn add_used(story: &Story, action: &Action, used: &mut BTreeSet<String>) {
    let mut open: Vec<String> = match &action.work {
        Work::Kind { providers, .. } => providers.values().cloned().collect(),
        Work::Fan { draft: Some(draft), .. } => return add_used(story, draft, used),
        // What its instances will ask nobody knows: any of them.
        Work::Fan { draft: None, .. } => story.providers.keys().cloned().collect(),
        Work::Run(_) | Work::Program(_) => Vec::new(),
    };
    while let Some(name) = open.pop() {
        if used.insert(name.clone()) {
            open.extend(story.providers.get(&name).map_or(&[][..], Provider::fallback).iter().cloned());
        }
    }
}

/// Returns what is wrong with it, as a fault of the Storyfile.
pub fn fault(untrusted: &Untrusted) -> Diagnostic {
    let Untrusted { provider, disclosure, place } = untrusted;
    let message = format!("the provider `{provider}` would send {disclosure}, which nobody has trusted");
    let help = format!(
        "if you know this host, run `storygen trust {}`, or build with `--trust` for this once; nothing was sent",
        disclosure.host
    );
    Diagnostic::error("S169", message, *place).label(format!("is told {}", disclosure.names())).help(help)
}
