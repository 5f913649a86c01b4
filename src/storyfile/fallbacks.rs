//! Who stands in for whom: every name under `fallback:` is a provider that can do some of the same, and none waits in a
//! circle for itself.

use crate::base::diagnostic::Diagnostic;
use crate::base::span::Span;
use crate::storyfile::faults::Faults;
use crate::storyfile::model::Declared;
use crate::storyfile::service::Provider;
use crate::storyfile::tree::{Content, Node};
use std::collections::{BTreeMap, BTreeSet};

/// So many circles are told: each may be as long as the file.
const CIRCLES_TOLD: usize = 20;

/// Names and where they stand.
type Named<'n> = Vec<(&'n str, Span)>;

/// Checks the fallbacks of all providers.
pub fn check(declared: &Declared, faults: &mut Faults) {
    let all: Vec<&str> = declared.providers.keys().map(String::as_str).collect();
    let mut known: BTreeMap<&str, Named> = BTreeMap::new();
    for (name, entry) in &declared.provider_texts {
        let provider = declared.providers.get(name).and_then(Option::as_ref);
        for (other, span) in entry.value.get("fallback").map_or_else(Vec::new, |node| names(node)) {
            match declared.providers.get(other) {
                None => faults.unknown("S031", "the provider", other, span, &all),
                Some(stand_in) => {
                    known.entry(name).or_default().push((other, span));
                    if let (Some(provider), Some(stand_in)) = (provider, stand_in) {
                        able(name, provider, other, stand_in, span, faults);
                    }
                }
            }
        }
    }
    circles(&known, faults);
}

/// Returns the providers that may do the work of `first`: itself, then those that stand in for it, in the order in which
/// they are asked.
pub fn line<'d>(first: &'d str, ability: &str, declared: &'d Declared) -> Vec<&'d str> {
    let mut seen = BTreeSet::new();
    let mut line = Vec::new();
    let mut open = vec![first];
    while let Some(name) = open.pop() {
        let Some(Some(provider)) = declared.providers.get(name) else { continue };
        if provider.abilities().contains(&ability) && seen.insert(name) {
            line.push(name);
            open.extend(provider.fallback().iter().rev().map(String::as_str));
        }
    }
    line
}

fn names(node: &Node) -> Named<'_> {
    match &node.value {
        Content::Seq(items) => items.iter().flat_map(|item| names(item)).collect(),
        Content::Scalar(scalar) if !node.is_null() => vec![(scalar.text.as_str(), node.span)],
        Content::Scalar(_) | Content::Map(_) => Vec::new(),
    }
}

/// One that can do a part of it stands in for that part.
fn able(name: &str, provider: &Provider, other: &str, stand_in: &Provider, span: Span, faults: &mut Faults) {
    let (wanted, able) = (provider.abilities(), stand_in.abilities());
    if able.iter().any(|ability| wanted.contains(ability)) {
        return;
    }
    let message =
        format!("`{name}` is a provider of {}, and `{other}` of {}", wanted.join(" and "), able.join(" and "));
    faults.push(
        Diagnostic::error("S033", message, span)
            .label("cannot stand in for it")
            .help("name a provider that can do the same, or remove it"),
    );
}

/// Reports each reference that closes a circle, on the way down. The way is a list and no recursion: it may be long.
fn circles(known: &BTreeMap<&str, Named>, faults: &mut Faults) {
    let mut done: BTreeSet<&str> = BTreeSet::new();
    let mut told = 0;
    for first in known.keys().copied() {
        // Where we are, and how many references of each are looked at.
        let mut way: Vec<(&str, usize)> = vec![(first, 0)];
        let mut above = BTreeSet::from([first]);
        while let Some((name, at)) = way.last_mut() {
            let name = *name;
            let next = known.get(name).and_then(|all| all.get(*at)).filter(|_| !done.contains(name));
            let Some(&(other, span)) = next else {
                done.insert(name);
                above.remove(name);
                way.pop();
                continue;
            };
            *at += 1;
            if above.contains(other) {
                let circle = way.iter().map(|(name, _)| *name).skip_while(|name| *name != other);
                faults.push(circle_fault(&circle.chain([other]).collect::<Vec<_>>(), span));
                told += 1;
                if told == CIRCLES_TOLD {
                    return;
                }
            } else if !done.contains(other) {
                above.insert(other);
                way.push((other, 0));
            }
        }
    }
}

fn circle_fault(circle: &[&str], span: Span) -> Diagnostic {
    let (message, label) = match circle {
        [name, _] => (format!("`{name}` stands in for itself"), "the same provider"),
        _ => {
            (format!("providers stand in for each other in a circle: {}", circle.join(" → ")), "the circle closes here")
        }
    };
    Diagnostic::error("S166", message, span).label(label).help("take this name out of `fallback`")
}
