//! What `matrix` has beyond axes: combinations left out, and combinations or values added.

use crate::base::diagnostic::Diagnostic;
use crate::base::span::Span;
use crate::storyfile::axes::Instance;
use crate::storyfile::axis;
use crate::storyfile::faults::Faults;
use crate::storyfile::lists::Item;
use crate::storyfile::settle::Names;
use crate::storyfile::tree::{Content, Node};
use crate::storyfile::with::Field;
use serde_json::Value;
use std::collections::BTreeMap;

/// Removes the combinations that `exclude` names.
pub fn exclude(node: &Node, axes: &[String], instances: &mut Vec<Instance>, names: &Names, faults: &mut Faults) {
    for (entry, span) in combinations(node, "exclude", names, faults) {
        let before = instances.len();
        let known = entry.keys().all(|name| axes.contains(name));
        instances
            .retain(|one| !entry.iter().all(|(name, value)| one.values.get(name) == Some(&Item::Value(value.clone()))));
        if !known || instances.len() == before {
            mismatch("`exclude` names a combination that the matrix does not have", span, faults);
        }
    }
}

/// Adds the combinations of `include`: whole ones are new, others give more values to those that they match.
pub fn include(node: &Node, axes: &[String], instances: &mut Vec<Instance>, names: &Names, faults: &mut Faults) {
    for (entry, span) in combinations(node, "include", names, faults) {
        let named = axes.iter().filter(|axis| entry.contains_key(*axis)).count();
        let matching = |one: &Instance| {
            axes.iter()
                .all(|axis| entry.get(axis).is_none_or(|v| one.values.get(axis) == Some(&Item::Value(v.clone()))))
        };
        let mut matched = false;
        for one in instances.iter_mut().filter(|one| matching(one)) {
            matched = true;
            for (name, value) in entry.iter().filter(|(name, _)| !axes.contains(*name)) {
                one.values.insert(name.clone(), Item::Value(value.clone()));
            }
        }
        if matched {
            continue;
        }
        if named < axes.len() {
            mismatch("`include` matches no combination and does not name every axis", span, faults);
            continue;
        }
        let keys: Option<Vec<String>> =
            axes.iter().map(|axis| axis::key_of(axis, &entry[axis], None, "an item", span, faults)).collect();
        let Some(keys) = keys else { continue };
        let given = |name: &String| (name.clone(), Item::Value(entry[name].clone()));
        let others = entry.keys().filter(|name| !axes.contains(name));
        let values = axes.iter().chain(others).map(given).collect();
        instances.push(Instance { keys, values });
    }
}

fn combinations(node: &Node, key: &str, names: &Names, faults: &mut Faults) -> Vec<(BTreeMap<String, Value>, Span)> {
    let Some(list) = node.get(key) else { return Vec::new() };
    let Content::Seq(items) = &list.value else {
        faults.sort(&format!("`{key}`"), "a list", list);
        return Vec::new();
    };
    let mut all = Vec::new();
    for item in items {
        if faults.map(&format!("an entry of `{key}`"), item).is_none() {
            continue;
        }
        let mut combination = BTreeMap::new();
        for entry in item.entries() {
            if key == "include" {
                axis::check_name(&entry.key, entry.key_span, faults);
            }
            let value = match entry.value.scalar() {
                Some(scalar) if !scalar.text.contains("${") => Some(scalar.spelled()),
                _ => match names.field(&entry.value, faults) {
                    Some(Field::Constant(value)) => Some(value),
                    _ => None,
                },
            };
            combination.extend(value.map(|value| (entry.key.clone(), value)));
        }
        all.push((combination, item.span));
    }
    all
}

fn mismatch(what: &str, span: Span, faults: &mut Faults) {
    faults
        .push(Diagnostic::error("S086", what, span).label("matches nothing").help("compare its values with the axes"));
}
