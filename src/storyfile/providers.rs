//! Which provider does a stage's paid work: the stage's own, else the default, else the built-in one.

use crate::base::diagnostic::Diagnostic;
use crate::storyfile::faults::Faults;
use crate::storyfile::model::{Declared, StageText};
use crate::storyfile::service::Provider;
use crate::storyfile::settings::Uses;
use crate::storyfile::tree::{Content, Node};
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
    let default = stage.defaults.as_ref().and_then(|defaults| defaults.get("provider"));
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
        let mut found = None;
        for entry in entries {
            let name = known(faults.text("a provider", &entry.value)?, &entry.value, declared, faults);
            if Some(entry.key.as_str()) == needed {
                found = name;
            }
        }
        return found;
    }
    let name = known(faults.text("`provider`", node)?, node, declared, faults)?;
    let able: &[&str] = match declared.providers.get(&name) {
        Some(Some(Provider::Local)) => &["text"],
        Some(Some(Provider::LocalVoice)) => &["voice"],
        Some(Some(Provider::Service(service))) => service.api.abilities(),
        _ => return Some(name),
    };
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

fn known(name: &str, node: &Node, declared: &Declared, faults: &mut Faults) -> Option<String> {
    if declared.providers.contains_key(name) {
        return Some(name.to_owned());
    }
    let all: Vec<&str> = declared.providers.keys().map(String::as_str).collect();
    faults.unknown("S031", "the provider", name, node.span, &all);
    None
}
