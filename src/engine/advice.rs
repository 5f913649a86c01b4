//! Finds what is right and hardly meant: params and providers that nothing uses, stages that never take part, paid stages that ask the same.
//! Only what is sure is told: a warning that is wrong teaches people to read none.

use crate::base::diagnostic::Diagnostic;
use crate::base::digest::Digest;
use crate::base::id::ActionKey;
use crate::engine::judge::Project;
use crate::engine::skip::without;
use crate::kind::contract::Pay;
use crate::storyfile::condition::Answer;
use crate::storyfile::expr;
use crate::storyfile::story::{Action, Work};
use std::collections::{BTreeMap, BTreeSet};

/// This many names are told.
const TOLD: usize = 4;

/// Returns the warnings about a project whose Storyfile has this text.
pub fn advice(project: &mut Project, text: &str) -> Vec<Diagnostic> {
    let mut warnings = unused_params(project, text);
    warnings.extend(unused_providers(project));
    warnings.extend(never_taking_part(project));
    warnings.extend(sharing_an_answer(project));
    warnings
}

/// A param counts as used where the Storyfile or a template mentions it, be it in a stage of another profile.
fn unused_params(project: &mut Project, text: &str) -> Vec<Diagnostic> {
    let Some(mut used) = mentioned(text) else { return Vec::new() };
    for action in 0..project.workflow.nodes.len() {
        let Ok(names) = project.template_names(action) else { continue };
        for name in names.iter().filter(|name| expr::root_of(name) == "params") {
            match name.split('.').nth(1) {
                Some(param) => drop(used.insert(param.to_owned())),
                // As a whole: any of them.
                None => return Vec::new(),
            }
        }
    }
    let unused = project.story.param_places.iter().filter(|(name, _)| !used.contains(name));
    unused
        .map(|(name, span)| {
            Diagnostic::warning("S185", format!("nothing uses the param `{name}`"), *span)
                .label("never read")
                .help(format!("Use it as `${{params.{name}}}`, or remove it."))
        })
        .collect()
}

/// A provider counts as used where a stage, the defaults or another provider names it, be it in another profile.
fn unused_providers(project: &Project) -> Vec<Diagnostic> {
    let idle = project.story.idle_providers.iter();
    idle.map(|(name, span)| {
        Diagnostic::warning("S188", format!("nothing uses the provider `{name}`"), *span)
            .label("never asked")
            .help(format!("Name it where it works, `provider: {name}` in a stage or under `defaults`, or remove it."))
    })
    .collect()
}

/// Returns the params that a text mentions; `None` if it mentions all of them at once.
fn mentioned(text: &str) -> Option<BTreeSet<String>> {
    let is_part = |sign: char| sign.is_alphanumeric() || sign == '_';
    let mut used = BTreeSet::new();
    for (at, word) in text.match_indices("params") {
        let (before, after) = (&text[..at], &text[at + word.len()..]);
        if before.ends_with(|sign: char| is_part(sign) || sign == '.' || sign == '-') || after.starts_with(is_part) {
            continue;
        }
        match after.chars().next() {
            Some('.') => {
                let name = &after[1..];
                used.insert(name[..name.find(|sign| !is_part(sign)).unwrap_or(name.len())].to_owned());
            }
            // The section itself, or a word in a sentence.
            Some(':' | ',') | None => {}
            Some(sign) if sign.is_whitespace() && !after.trim_start().starts_with(['|', '}', '%', ')']) => {}
            Some(_) => return None,
        }
    }
    Some(used)
}

fn never_taking_part(project: &Project) -> Vec<Diagnostic> {
    let nodes = &project.workflow.nodes;
    // A condition that names nothing comes to the same in every build.
    let is_constant = |action: &Action| {
        action.when.as_ref().is_some_and(|condition| {
            matches!(condition.known, Some(Answer::False(_))) && expr::names(&condition.source).is_empty()
        })
    };
    let constant = (0..nodes.len()).filter(|&action| is_constant(&nodes[action].action)).collect();
    let never = without(&project.workflow, &constant);
    // A stage of which one instance takes part does so.
    let takes_part: BTreeSet<_> =
        (0..nodes.len()).filter(|action| !never.contains(action)).map(|action| &nodes[action].action.stage).collect();
    let mut told = BTreeSet::new();
    let mut warnings = Vec::new();
    for &action in &never {
        let node = &nodes[action].action;
        if takes_part.contains(&node.stage) || !told.insert(&node.stage) {
            continue;
        }
        let message = format!("the stage `{}` never takes part", node.stage);
        warnings.push(match &node.when {
            Some(condition) if constant.contains(&action) => Diagnostic::warning("S186", message, condition.span)
                .label("false in every build")
                .help("Let the condition name a param, or remove the stage."),
            _ => Diagnostic::warning("S186", message, node.span)
                .label("it needs what another such stage makes")
                .help("Mark that input with a `?` if it may be missing, or remove the stage."),
        });
    }
    warnings
}

/// Instances of paid kinds with equal recipes have one key: they are asked once, and all get the one answer.
fn sharing_an_answer(project: &mut Project) -> Vec<Diagnostic> {
    let mut by_key: BTreeMap<ActionKey, Vec<usize>> = BTreeMap::new();
    for action in 0..project.workflow.nodes.len() {
        let node = project.node(action);
        let Work::Kind { kind, .. } = &node.action.work else { continue };
        if project.registry.get(kind).is_none_or(|kind| kind.pay() != Pay::Paid) {
            continue;
        }
        // Whatever the inputs hold: those with the same paths hold the same.
        let digests = vec![Some(Digest::of(b"")); node.inputs.len()];
        if let Ok(recipe) = project.recipe(action, &digests, &BTreeMap::new()) {
            by_key.entry(recipe.key()).or_default().push(action);
        }
    }
    let mut shared: Vec<Vec<usize>> = by_key.into_values().filter(|actions| actions.len() > 1).collect();
    shared.sort();
    shared
        .into_iter()
        .map(|actions| {
            let last = &project.node(actions[actions.len() - 1]).action;
            let ids: Vec<String> = actions.iter().map(|&one| format!("`{}`", project.node(one).action.id)).collect();
            let more = match ids.len().saturating_sub(TOLD) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            let names = ids.iter().take(TOLD).cloned().collect::<Vec<_>>().join(", ");
            let message = format!("{names}{more} ask the same, and share one answer");
            let way = match last.axes.keys().last() {
                Some(axis) => {
                    format!("Let `${{{axis}}}` stand in what is asked, or in a `salt:`, if each is to have its own.")
                }
                None => "Give one of them a `salt:` if each is to have its own.".to_owned(),
            };
            Diagnostic::warning("S187", message, last.span).label("asked once for all of them").help(way)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Option<Vec<String>> {
        mentioned(text).map(|names| names.into_iter().collect())
    }

    #[test]
    fn params_are_found_wherever_they_are_mentioned() {
        let text =
            "params:\n  a: 1\n# params, and all params of it\nx: ${params.idea}-{{ params.lang_2|upper }}\nw: params.v";
        assert_eq!(found(text).unwrap(), ["idea", "lang_2", "v"]);
        assert_eq!(found("my_params.x params_of x.params.y").unwrap(), Vec::<String>::new());
        for all in ["${params | tojson}", "${params}", "${params['a']}", "{% for p in params %}", "dict(params)"] {
            assert_eq!(found(all), None, "{all}");
        }
    }
}
