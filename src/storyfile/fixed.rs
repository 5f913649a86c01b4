//! Fields in which no expression can stand: they are read before any value is known, or once for all instances.

use crate::base::diagnostic::Diagnostic;
use crate::storyfile::faults::Faults;
use crate::storyfile::tree::{Content, Node};

/// Of a stage, and of `defaults`.
const OF_STAGES: [&str; 14] = [
    "uses",
    "needs",
    "after",
    "provider",
    "retry",
    "timeout",
    "continue_on_error",
    "pool",
    "pass",
    "shell",
    "always",
    "edits",
    "description",
    "budget",
];
/// Of the file.
const OF_FILES: [&str; 6] = ["storygen", "name", "description", "pools", "pass", "budget"];
/// Of a provider.
const OF_PROVIDERS: [&str; 10] =
    ["type", "model", "max_concurrency", "rate", "timeout", "identity", "price", "budget", "fallback", "answers"];
/// Of a param.
const OF_PARAMS: [&str; 5] = ["ask", "type", "enum", "required", "description"];

/// The code of these faults: nothing else is said about such a value.
pub const CODE: &str = "S066";

/// Reports every expression that cannot stand where it does.
pub fn check(root: &Node, faults: &mut Faults) {
    fields(root, &OF_FILES, faults);
    for param in entries(root, "params") {
        fields(&param.value, &OF_PARAMS, faults);
    }
    for provider in entries(root, "providers") {
        fields(&provider.value, &OF_PROVIDERS, faults);
    }
    if let Some(defaults) = root.get("defaults") {
        fields(defaults, &OF_STAGES, faults);
    }
    for stage in entries(root, "stages") {
        fields(&stage.value, &OF_STAGES, faults);
        for axes in ["foreach", "matrix"].into_iter().filter_map(|key| stage.value.get(key)) {
            axes.entries().iter().for_each(|axis| fields(&axis.value, &["key", "max"], faults));
        }
    }
}

fn entries<'n>(root: &'n Node, key: &str) -> &'n [crate::storyfile::tree::Entry] {
    root.get(key).map_or(&[], |node| node.entries())
}

fn fields(node: &Node, names: &[&str], faults: &mut Faults) {
    for entry in node.entries().iter().filter(|entry| names.contains(&entry.key.as_str())) {
        values(&entry.key, &entry.value, faults);
    }
}

fn values(field: &str, node: &Node, faults: &mut Faults) {
    match &node.value {
        Content::Scalar(scalar) if scalar.text.replace("$${", "").contains("${") => faults.push(
            Diagnostic::error(CODE, format!("no expression can stand in `{field}`"), node.span)
                .label("`${…}` is not read here")
                .help("write the value itself; expressions stand in `run`, `with`, `env`, `salt`, in paths and in lists of axes"),
        ),
        Content::Scalar(_) => {}
        Content::Seq(items) => items.iter().for_each(|item| values(field, item, faults)),
        Content::Map(entries) => entries.iter().for_each(|entry| values(field, &entry.value, faults)),
    }
}
