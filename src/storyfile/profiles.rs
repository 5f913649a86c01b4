//! Profiles: parts of a Storyfile that are laid over it when somebody asks for them (R21).
//!
//! Maps merge, lists and values replace, null deletes. This happens to trees, before anyone asks what they mean: every
//! piece keeps its place, so that a fault of an overlay points into it.

use crate::base::diagnostic::Diagnostic;
use crate::base::span::Span;
use crate::storyfile::faults::Faults;
use crate::storyfile::read;
use crate::storyfile::tree::{Content, Entry, Node};
use std::sync::Arc;

/// Keys that cannot stand in a profile, and why.
const BARRED: [(&str, &str); 3] = [
    ("profiles", "profiles do not nest: name several, `--profile one,two`"),
    ("include", "what belongs to the file is the same in every profile: move it to the top"),
    ("storygen", "the format is the file's: remove it here"),
];

/// Returns the Storyfile with the chosen profiles laid over it, left to right. All its profiles are looked through for
/// unknown keys, chosen or not.
pub fn overlay(root: &Arc<Node>, chosen: &[String], faults: &mut Faults) -> Arc<Node> {
    let section = root.get("profiles").filter(|node| !node.is_null());
    let profiles: &[Entry] = section.and_then(|node| faults.map("`profiles`", node)).map_or(&[], |node| node.entries());
    for profile in profiles {
        read::name("profile", &profile.key, profile.key_span, faults);
        check(profile, faults);
    }
    let mut whole = Arc::clone(root);
    for name in chosen {
        match profiles.iter().find(|profile| profile.key == *name) {
            Some(profile) if matches!(profile.value.value, Content::Map(_)) => {
                whole = merge(&whole, &profile.value, Some(root), Place::Top, faults);
            }
            Some(_) => {}
            None => {
                let known: Vec<&str> = profiles.iter().map(|profile| profile.key.as_str()).collect();
                let before = faults.count();
                faults.unknown("S123", "the profile", name, Span::default(), &known);
                faults.unplace(before);
            }
        }
    }
    whole
}

/// Looks a profile through for keys that cannot stand there.
fn check(profile: &Entry, faults: &mut Faults) {
    if profile.value.is_null() {
        return;
    }
    let Some(node) = faults.map(&format!("the profile `{}`", profile.key), &profile.value) else { return };
    for entry in node.entries() {
        if let Some((key, help)) = BARRED.iter().find(|(key, _)| *key == entry.key) {
            faults.push(
                Diagnostic::error("S124", format!("`{key}` cannot stand in a profile"), entry.key_span)
                    .label("not here")
                    .help(*help),
            );
        }
    }
    read::check_keys(node, faults);
}

/// Where in the Storyfile two trees meet.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Top,
    Params,
    Elsewhere,
}

/// Lays `over` over `base`; `file` is what stands there without any profile.
fn merge(base: &Arc<Node>, over: &Arc<Node>, file: Option<&Node>, place: Place, faults: &mut Faults) -> Arc<Node> {
    let (Content::Map(below), Content::Map(above)) = (&base.value, &over.value) else { return Arc::clone(over) };
    let mut entries = below.clone();
    for entry in above {
        let known = entries.iter().position(|below| below.key == entry.key);
        match (known, entry.value.is_null()) {
            (Some(at), true) => drop(entries.remove(at)),
            // Another profile may have removed it already.
            (None, true) if file.is_some_and(|file| file.get(&entry.key).is_some()) => {}
            (None, true) => nothing_there(entry, &entries, faults),
            (Some(at), false) => {
                let inner = file.and_then(|file| file.get(&entry.key)).map(AsRef::as_ref);
                lay(&mut entries[at], entry, inner, place, faults);
            }
            // What this brings in may delete, too: from nothing.
            (None, false) => entries.push(Entry { value: without_nulls(&entry.value), ..entry.clone() }),
        }
    }
    Arc::new(Node { value: Content::Map(entries), ..Node::clone(base) })
}

/// Lays the value of one key over another.
fn lay(base: &mut Entry, over: &Entry, file: Option<&Node>, place: Place, faults: &mut Faults) {
    // A plain value is a param's default, in the overlay as in the file.
    let (below, above) = match place {
        Place::Params => (described(&base.value, &over.value), described(&over.value, &base.value)),
        _ => (Arc::clone(&base.value), Arc::clone(&over.value)),
    };
    let is_map = |node: &Node| matches!(node.value, Content::Map(_));
    if !is_map(&below) || !is_map(&above) {
        *base = Entry { value: above, ..over.clone() };
        return;
    }
    let inner = if place == Place::Top && base.key == "params" { Place::Params } else { Place::Elsewhere };
    base.value = merge(&below, &above, file, inner, faults);
}

/// Returns a param's plain value as the map that it stands for, if the other is one.
fn described(param: &Arc<Node>, other: &Node) -> Arc<Node> {
    if matches!(param.value, Content::Map(_)) || !matches!(other.value, Content::Map(_)) {
        return Arc::clone(param);
    }
    let default = Entry { key: "default".to_owned(), key_span: param.span, value: Arc::clone(param) };
    let entries = if param.is_null() { Vec::new() } else { vec![default] };
    Arc::new(Node { value: Content::Map(entries), ..Node::clone(param) })
}

fn without_nulls(node: &Arc<Node>) -> Arc<Node> {
    let Content::Map(entries) = &node.value else { return Arc::clone(node) };
    if !entries.iter().any(|entry| entry.value.is_null() || matches!(entry.value.value, Content::Map(_))) {
        return Arc::clone(node);
    }
    let kept = entries.iter().filter(|entry| !entry.value.is_null());
    let entries = kept.map(|entry| Entry { value: without_nulls(&entry.value), ..entry.clone() }).collect();
    Arc::new(Node { value: Content::Map(entries), ..Node::clone(node) })
}

fn nothing_there(entry: &Entry, entries: &[Entry], faults: &mut Faults) {
    let known: Vec<&str> = entries.iter().map(|entry| entry.key.as_str()).collect();
    let help = match faults.nearest(&entry.key, &known) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "remove the line: there is nothing to take away".to_owned(),
    };
    faults.push(
        Diagnostic::error("S125", format!("there is no `{}` that this could remove", entry.key), entry.key_span)
            .label("nothing to remove")
            .help(help),
    );
}
