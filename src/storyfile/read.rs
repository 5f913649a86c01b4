//! Reads the tree's top: which sections stand there, and which stages, params, pools and providers they declare.

use crate::base::diagnostic::Diagnostic;
use crate::base::span::Span;
use crate::storyfile::expr::{self, Piece};
use crate::storyfile::fallbacks;
use crate::storyfile::faults::Faults;
use crate::storyfile::fixed;
use crate::storyfile::include::Included;
use crate::storyfile::kinds;
use crate::storyfile::model::{Declared, StageText};
use crate::storyfile::params;
use crate::storyfile::prices;
use crate::storyfile::provider_types::{self, ProviderType};
use crate::storyfile::service::Provider;
use crate::storyfile::services;
use crate::storyfile::spending;
use crate::storyfile::tree::{Content, Entry, Node};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Keys of the file.
pub const KEYS: [&str; 15] = [
    "storygen",
    "name",
    "description",
    "params",
    "kinds",
    "providers",
    "defaults",
    "pools",
    "env",
    "pass",
    "hooks",
    "stages",
    "budget",
    "profiles",
    "include",
];
const UNBUILT: [&str; 1] = ["remote"];

/// Keys of a stage.
pub const STAGE_KEYS: [&str; 27] = [
    "run",
    "uses",
    "with",
    "inputs",
    "outputs",
    "exclude",
    "needs",
    "after",
    "foreach",
    "matrix",
    "provider",
    "retry",
    "timeout",
    "continue_on_error",
    "pool",
    "env",
    "pass",
    "shell",
    "check",
    "always",
    "edits",
    "salt",
    "description",
    "when",
    "depfile",
    "hooks",
    "budget",
];

/// Keys of `defaults`.
pub const DEFAULTS_KEYS: [&str; 11] =
    ["provider", "retry", "timeout", "continue_on_error", "pool", "shell", "edits", "env", "pass", "hooks", "budget"];

/// Names that a stage, axis or param cannot have, because expressions start with them.
pub fn is_reserved(name: &str) -> bool {
    expr::ROOTS.contains(&name)
}

/// Checks the keys of an overlay: of its top, its params, providers, defaults and stages.
pub fn check_keys(root: &Node, faults: &mut Faults) {
    let inner: [(&str, Vec<&str>, &[&str]); 3] = [
        ("params", params::KEYS.to_vec(), &[]),
        ("providers", provider_types::all_keys(), &[]),
        ("stages", STAGE_KEYS.to_vec(), &[]),
    ];
    faults.keys("the key", root, &KEYS, &UNBUILT);
    for (section, known, unbuilt) in &inner {
        for entry in root.get(section).map_or(&[][..], |node| node.entries()) {
            faults.keys("the key", &entry.value, known, unbuilt);
        }
    }
    if let Some(node) = root.get("defaults") {
        faults.keys("the default", node, &DEFAULTS_KEYS, &[]);
    }
}

/// Reads the sections.
pub fn read(root: &Node, included: &Included, faults: &mut Faults) -> Declared {
    let mut declared = Declared::default();
    let Some(root) = faults.map("a Storyfile", root) else { return declared };
    faults.keys("the key", root, &KEYS, &UNBUILT);
    version(root, faults);
    fixed::check(root, faults);
    let text = |key: &str, faults: &mut Faults| {
        root.get(key)
            .filter(|node| !node.is_null())
            .and_then(|node| faults.text(&format!("`{key}`"), node))
            .map(|text| text.replace("$${", "${"))
    };
    declared.name = text("name", faults);
    declared.description = text("description", faults);
    declared.env = section(root, "env", faults).and_then(|_| root.get("env").cloned());
    declared.pass = root.get("pass").cloned();
    if let Some(pass) = declared.pass.as_ref().filter(|node| !node.is_null()) {
        faults.texts("`pass`", pass);
    }
    if let Some(node) = section(root, "params", faults) {
        declared.params = params::declare(node, &included.params, faults);
    }
    if let Some(node) = section(root, "kinds", faults) {
        kinds::declare(node, &mut declared, faults);
    }
    if let Some(node) = section(root, "pools", faults) {
        for entry in node.entries() {
            let size = faults.whole(&format!("the pool `{}`", entry.key), &entry.value, 1..=100_000);
            declared.pools.insert(entry.key.clone(), size.unwrap_or(1));
        }
    }
    declared.hooks = root.get("hooks").cloned();
    let budget = root.get("budget").filter(|node| !node.is_null());
    declared.budget = budget.and_then(|node| prices::budget(node, faults));
    providers(root, &mut declared, faults);
    if let Some(node) = section(root, "defaults", faults) {
        faults.keys("the default", node, &DEFAULTS_KEYS, &[]);
        declared.defaults = root.get("defaults").cloned();
    }
    stages(root, included, &mut declared, faults);
    declared
}

fn section<'n>(root: &'n Node, key: &str, faults: &mut Faults) -> Option<&'n Node> {
    let node = root.get(key).filter(|node| !node.is_null())?;
    faults.map(&format!("`{key}`"), node)
}

fn version(root: &Node, faults: &mut Faults) {
    match root.get("storygen") {
        None => faults.push(
            Diagnostic::error("S022", "the key `storygen` is missing", Span::new(root.span.start, root.span.start))
                .help("the first line says the format's version: `storygen: 1`; a file that another includes is built from that one"),
        ),
        Some(node) if node.scalar().is_some_and(|scalar| scalar.text == "1") => {}
        Some(node) => faults.push(
            Diagnostic::error("S023", "this version of storygen reads Storyfiles of version 1", node.span)
                .label("another version")
                .help("write `storygen: 1`, or install a newer storygen"),
        ),
    }
}

fn providers(root: &Node, declared: &mut Declared, faults: &mut Faults) {
    declared.providers.insert("local".into(), Some(Provider::Local));
    declared.providers.insert("local-voice".into(), Some(Provider::LocalVoice));
    secrets_of_profiles(root, declared);
    let Some(node) = section(root, "providers", faults) else { return };
    for entry in node.entries() {
        declared.provider_texts.insert(entry.key.clone(), entry.clone());
        let found = provider(entry, declared, faults);
        declared.providers.insert(entry.key.clone(), found);
    }
    fallbacks::check(declared, faults);
    spending::check_own(declared, faults);
    let named = named_providers(root);
    let is_idle =
        |entry: &&Entry| !named.contains(entry.key.as_str()) && !["local", "local-voice"].contains(&entry.key.as_str());
    let idle = node.entries().iter().filter(is_idle);
    declared.idle_providers = idle.map(|entry| (entry.key.clone(), entry.key_span)).collect();
}

/// Reads one provider; `None` after a reported fault without which it would be none.
fn provider(entry: &Entry, declared: &mut Declared, faults: &mut Faults) -> Option<Provider> {
    let node = faults.map(&format!("the provider `{}`", entry.key), &entry.value)?;
    secrets_of(node, declared);
    let Some(sort) = node.get("type") else {
        faults.push(
            Diagnostic::error("S022", format!("the provider `{}` has no `type`", entry.key), entry.key_span)
                .label("its type is missing")
                .help("write who it is, such as `type: openai`, `type: elevenlabs`, `type: local`"),
        );
        return None;
    };
    let name = faults.text("`type`", sort)?;
    let Some(sort) = ProviderType::named(name) else {
        faults.unknown("S024", "the provider type", name, sort.span, &ProviderType::ALL.map(ProviderType::name));
        return None;
    };
    services::check_keys(node, sort, faults);
    match sort {
        ProviderType::Local => Some(Provider::Local),
        ProviderType::LocalVoice => Some(Provider::LocalVoice),
        ProviderType::Service(api) => services::read(entry, api, faults).map(Box::new).map(Provider::Service),
        ProviderType::Scripted => services::scripted(entry, faults).map(Box::new).map(Provider::Scripted),
    }
}

/// Returns all names that mean a provider, those in profiles that nobody asked for as well.
fn named_providers(root: &Node) -> BTreeSet<&str> {
    let profiles = root.get("profiles").map_or(&[][..], |node| node.entries()).iter().map(|entry| &*entry.value);
    let mut named = BTreeSet::new();
    for layer in [root].into_iter().chain(profiles) {
        let inner = |key: &str| layer.get(key).map_or(&[][..], |node| node.entries()).iter().map(|entry| &*entry.value);
        let stages = inner("stages").chain(layer.get("defaults").map(AsRef::as_ref));
        let nodes = stages.filter_map(|stage| stage.get("provider"));
        for node in nodes.chain(inner("providers").filter_map(|provider| provider.get("fallback"))) {
            scalars(node, &mut named);
        }
    }
    named
}

fn scalars<'n>(node: &'n Node, found: &mut BTreeSet<&'n str>) {
    match &node.value {
        Content::Scalar(scalar) => drop(found.insert(&scalar.text)),
        Content::Seq(items) => items.iter().for_each(|item| scalars(item, found)),
        Content::Map(entries) => entries.iter().for_each(|entry| scalars(&entry.value, found)),
    }
}

/// What a provider is told in any profile is a secret in all of them: no file of the one may hold what is a key in the
/// other.
fn secrets_of_profiles(root: &Node, declared: &mut Declared) {
    let profiles = root.get("profiles").map_or(&[][..], |node| node.entries());
    for profile in profiles.iter().filter_map(|entry| entry.value.get("providers")) {
        profile.entries().iter().for_each(|provider| secrets_of(&provider.value, declared));
    }
}

/// Remembers the variables that a provider is told.
fn secrets_of(provider: &Node, declared: &mut Declared) {
    for key in ["api_key", "headers", "organization", "project"] {
        provider.get(key).iter().for_each(|node| secrets(node, declared));
    }
}

/// Remembers the variables that an `api_key` or `headers` value names.
fn secrets(node: &Node, declared: &mut Declared) {
    match &node.value {
        Content::Scalar(scalar) => {
            for piece in expr::split(&scalar.text).unwrap_or_default() {
                if let Piece::Variable { name, .. } = piece {
                    declared.secrets.insert(name);
                }
            }
        }
        Content::Seq(items) => items.iter().for_each(|item| secrets(item, declared)),
        Content::Map(entries) => entries.iter().for_each(|entry| secrets(&entry.value, declared)),
    }
}

fn stages(root: &Node, included: &Included, declared: &mut Declared, faults: &mut Faults) {
    if root.get("stages").is_none() {
        faults.push(
            Diagnostic::error("S022", "the key `stages` is missing", Span::new(root.span.start, root.span.start))
                .help("a Storyfile has at least one stage: `stages: { hello: { run: \"echo hi\" } }`"),
        );
        return;
    }
    if let Some(node) =
        root.get("stages").filter(|node| node.is_null() || matches!(&node.value, Content::Map(all) if all.is_empty()))
    {
        faults.push(
            Diagnostic::error("S022", "there is no stage under `stages`", node.span)
                .label("empty")
                .help("a Storyfile has at least one stage: `stages: { hello: { run: \"echo hi\" } }`"),
        );
    }
    let Some(node) = section(root, "stages", faults) else { return };
    for entry in node.entries() {
        name("stage", &entry.key, entry.key_span, faults);
        let Some(stage) = faults.map(&format!("the stage `{}`", entry.key), &entry.value) else { continue };
        faults.keys("the key", stage, &STAGE_KEYS, &[]);
        declared.stages.push(StageText {
            name: entry.key.clone(),
            home: included.stages.get(&entry.key).cloned().unwrap_or_default(),
            span: entry.key_span,
            node: Arc::clone(&entry.value),
            defaults: declared.defaults.clone(),
        });
    }
}

/// Checks a name of a stage or a profile: it becomes part of action names, patterns and command lines.
pub fn name(what: &str, name: &str, span: Span, faults: &mut Faults) {
    let fine = !name.is_empty()
        && !name.starts_with(['-', '.'])
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
    if !fine {
        faults.push(
            Diagnostic::error("S025", format!("`{name}` cannot name a {what}"), span)
                .label("not a name")
                .help("use letters of a to z, digits, `-` and `_`, as in `final-cut`"),
        );
    }
}
