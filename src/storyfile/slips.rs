//! Slips of the pen in strings: `{{ … }}` outside a template, filters that do not exist.

use crate::base::diagnostic::Diagnostic;
use crate::base::span::Span;
use crate::storyfile::expr;
use crate::storyfile::faults::Faults;
use crate::storyfile::settle::Names;
use crate::storyfile::spot::Spot;

/// Filters to suggest.
const FILTERS: [&str; 16] = [
    "default", "join", "upper", "lower", "trim", "slug", "filename", "length", "first", "last", "replace", "round",
    "sort", "title", "tojson", "unique",
];

/// Which `{{ … }}` can only be meant for a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Braces {
    /// Those that start with a name of ours: other programs have templates too.
    OfOurs,
    /// All that start with a name: nothing else reads them here.
    All,
}

impl Names<'_> {
    /// Reports `{{ params.x }}` in a string of the Storyfile, which was meant as `${params.x}`; tells whether one was.
    pub fn stray_template(&self, text: &str, span: Span, braces: Braces, faults: &mut Faults) -> bool {
        let mut found = false;
        for (at, _) in text.match_indices("{{") {
            let inner = text[at + 2..].trim_start_matches(['-', ' ', '\t']);
            let root: String = inner.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            let param = self.is_param(&root);
            let named = root.starts_with(|c: char| c.is_alphabetic() || c == '_');
            let ours = param || expr::ROOTS.contains(&root.as_str()) || self.roots.contains_key(&root);
            if !(ours || named && braces == Braces::All) {
                continue;
            }
            let Some(end) = text[at..].find("}}").map(|end| at + end + 2) else { break };
            let meant = text[at + 2..end - 2].trim_matches(['-', ' ', '\t']);
            let meant =
                if param && !self.roots.contains_key(&root) { format!("params.{meant}") } else { meant.to_owned() };
            found = true;
            faults.push(
                Diagnostic::error("S014", "`{{ … }}` is not read here", faults.locate(Spot::new(span, text, at..end)))
                    .label("this belongs into template files")
                    .help(format!("write `${{{meant}}}`; two braces as such are `${{'{{{{'}}`")),
            );
        }
        found
    }
}

/// Reports filters that do not exist: evaluation would find them only when the stage runs.
pub fn check_filters(spot: Spot, faults: &mut Faults) -> bool {
    let source = spot.found();
    let mut quote = None;
    let mut fine = true;
    for (at, byte) in source.bytes().enumerate() {
        match (quote, byte) {
            (Some(open), _) if open == byte => quote = None,
            (Some(_), _) => {}
            (None, b'\'' | b'"') => quote = Some(byte),
            (None, b'|') => {
                let rest = source[at + 1..].trim_start();
                let start = source.len() - rest.len();
                let length = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
                let name = &rest[..length];
                if !name.is_empty() && !expr::has_filter(name) {
                    fine = false;
                    let place = faults.locate(spot.part(start..start + length));
                    faults.unknown("S058", "the filter", name, place, &FILTERS);
                }
            }
            _ => {}
        }
    }
    fine
}
