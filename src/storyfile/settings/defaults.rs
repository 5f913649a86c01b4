//! What a provider says of its answers is a default under the `with:` of the stages that it works for.

use super::Uses;
use crate::storyfile::tree::{Content, Entry, Node};
use std::sync::Arc;

impl Uses {
    /// Lays the settings over these defaults: maps merge, all else replaces, `key: ~` takes a default away (R21). What the
    /// kind does not take is left out.
    pub fn lay_over(&mut self, defaults: Vec<Entry>) {
        for default in defaults {
            let is_taken = self.info.settings.iter().any(|setting| setting.name == default.key);
            if !is_taken || self.takes.iter().any(|field| field.key == default.key) {
                continue;
            }
            match self.settings.iter_mut().find(|entry| entry.key == default.key) {
                Some(own) => own.value = merged(&default.value, &own.value),
                None => self.settings.push(default),
            }
        }
    }
}

fn merged(base: &Arc<Node>, over: &Arc<Node>) -> Arc<Node> {
    let (Content::Map(below), Content::Map(above)) = (&base.value, &over.value) else { return Arc::clone(over) };
    let mut entries = below.clone();
    for entry in above {
        match entries.iter().position(|below| below.key == entry.key) {
            Some(at) if entry.value.is_null() => drop(entries.remove(at)),
            Some(at) => entries[at] = Entry { value: merged(&entries[at].value, &entry.value), ..entry.clone() },
            None => entries.push(entry.clone()),
        }
    }
    Arc::new(Node { value: Content::Map(entries), ..Node::clone(over) })
}
