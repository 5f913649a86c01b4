//! Collects what is wrong with a Storyfile, and finds the place of a fault inside a value.

use crate::base::diagnostic::{Diagnostic, nearest};
use crate::base::span::Span;
use crate::storyfile::fixed;
use crate::storyfile::spot::Spot;
use crate::storyfile::tree::{Content, Node};
use std::cell::Cell;
use std::collections::{BTreeSet, HashSet};

/// Names that one load looks through for what may have been meant: every fault may have every stage to choose from.
const LOOKED_THROUGH_MAX: usize = 200_000;

/// The diagnostics of one load.
pub struct Faults<'a> {
    source: &'a str,
    list: Vec<Diagnostic>,
    told: HashSet<(&'static str, Option<Span>)>,
    looked_through: Cell<usize>,
}

impl<'a> Faults<'a> {
    pub fn new(source: &'a str, list: Vec<Diagnostic>) -> Faults<'a> {
        let told = list.iter().map(|diagnostic| (diagnostic.code, diagnostic.span)).collect();
        Faults { source, list, told, looked_through: Cell::new(0) }
    }

    pub fn push(&mut self, mut diagnostic: Diagnostic) {
        diagnostic.message = readable(diagnostic.message);
        diagnostic.help = diagnostic.help.map(readable);
        self.told.insert((diagnostic.code, diagnostic.span));
        self.list.push(diagnostic);
    }

    /// Tells whether a fault of this sort was reported at this place.
    pub fn has(&self, code: &'static str, span: Span) -> bool {
        self.told.contains(&(code, Some(span)))
    }

    /// Tells whether a fault of this sort was reported anywhere.
    pub fn tells(&self, code: &'static str) -> bool {
        self.list.iter().any(|fault| fault.code == code)
    }

    /// Returns the candidate that was probably meant; after very many faults no more are looked for.
    pub fn nearest<'c>(&self, word: &str, candidates: &[&'c str]) -> Option<&'c str> {
        let looked_through = self.looked_through.get() + candidates.len();
        self.looked_through.set(looked_through);
        (looked_through <= LOOKED_THROUGH_MAX).then(|| nearest(word, candidates.iter().copied()))?
    }

    /// Returns how many were reported so far.
    pub fn count(&self) -> usize {
        self.list.len()
    }

    /// Takes the places from what was reported since `from`: it is about the command line, not the file.
    pub fn unplace(&mut self, from: usize) {
        for diagnostic in &mut self.list[from..] {
            diagnostic.span = None;
            diagnostic.label.clear();
        }
    }

    /// Returns all in the order of the file, one of a sort for a place: instances repeat their stage's faults.
    pub fn finish(mut self) -> Vec<Diagnostic> {
        self.list.sort_by_key(|diagnostic| diagnostic.span.map_or(0, |span| span.start));
        let fixed: HashSet<Option<Span>> =
            self.told.iter().filter(|(code, _)| *code == fixed::CODE).map(|(_, span)| *span).collect();
        self.list.retain(|diagnostic| diagnostic.code == fixed::CODE || !fixed.contains(&diagnostic.span));
        let mut seen = BTreeSet::new();
        self.list.retain(|diagnostic| diagnostic.span.is_none() || seen.insert((diagnostic.code, diagnostic.span)));
        self.list
    }

    /// Returns where a piece of a value is written.
    pub fn locate(&self, spot: Spot) -> Span {
        spot.locate(self.source)
    }

    /// Returns where a comment follows a value on its line.
    pub fn comment_after(&self, span: Span) -> Option<Span> {
        let line = self.source.get(span.end as usize..)?.lines().next()?;
        let at = line.len() - line.trim_start().len();
        line[at..].starts_with('#').then(|| Span::new(span.end + at as u32, span.end + line.trim_end().len() as u32))
    }

    /// Reports a key that nothing knows, with the nearest that is known.
    pub fn unknown(&mut self, code: &'static str, what: &str, name: &str, span: Span, known: &[&str]) {
        let help = match self.nearest(name, known) {
            Some(near) => format!("did you mean `{near}`?"),
            None if known.is_empty() => "there is none to choose from".to_owned(),
            None => format!("known are {}", listed(known)),
        };
        self.push(Diagnostic::error(code, format!("{what} `{name}` is not known"), span).label("not known").help(help));
    }

    /// Reports a value of the wrong sort.
    pub fn sort(&mut self, what: &str, expected: &str, node: &Node) {
        let found = node.sort();
        self.push(
            Diagnostic::error("S021", format!("{what} must be {expected}, not {found}"), node.span)
                .label(format!("this is {found}"))
                .help(way_out(expected, node)),
        );
    }

    /// Reports what the format knows and this version does not do.
    pub fn unbuilt(&mut self, what: &str, span: Span) {
        self.push(
            Diagnostic::error("S900", format!("{what} is not built yet in this version of storygen"), span)
                .label("not built yet")
                .help("remove it for now; `docs/changelog.md` says what each version can do"),
        );
    }

    /// Checks the keys of a map: unknown ones are errors, so are those that are not built yet.
    pub fn keys(&mut self, what: &str, node: &Node, known: &[&str], unbuilt: &[&str]) {
        for entry in node.entries() {
            if unbuilt.contains(&entry.key.as_str()) {
                self.unbuilt(&format!("`{}`", entry.key), entry.key_span);
            } else if !known.contains(&entry.key.as_str()) && !entry.key.starts_with("x-") {
                let all: Vec<&str> = known.iter().chain(unbuilt).copied().collect();
                self.unknown("S020", what, &entry.key, entry.key_span, &all);
            }
        }
    }

    /// Returns the entries' owner if it is a map, else reports it.
    pub fn map<'n>(&mut self, what: &str, node: &'n Node) -> Option<&'n Node> {
        if !matches!(node.value, Content::Map(_)) {
            self.sort(what, "a map", node);
            return None;
        }
        Some(node)
    }

    /// Returns the text of a scalar as it is spelled.
    pub fn text<'n>(&mut self, what: &str, node: &'n Node) -> Option<&'n str> {
        match node.scalar() {
            Some(scalar) if !node.is_null() => Some(&scalar.text),
            _ => {
                self.sort(what, "text", node);
                None
            }
        }
    }

    /// Returns `true` or `false`.
    pub fn truth(&mut self, what: &str, node: &Node) -> Option<bool> {
        let value = node.scalar().and_then(|scalar| scalar.core().as_bool());
        if value.is_none() {
            self.sort(what, "true or false", node);
        }
        value
    }

    /// Returns a whole number within `range`.
    pub fn whole(&mut self, what: &str, node: &Node, range: std::ops::RangeInclusive<u64>) -> Option<u32> {
        let value = node.scalar().and_then(|scalar| scalar.core().as_i64());
        match value {
            None => self.sort(what, "a whole number", node),
            Some(value) if value >= 0 && range.contains(&(value as u64)) => return u32::try_from(value).ok(),
            Some(_) => self.push(
                Diagnostic::error("S027", format!("{what} is out of its range"), node.span)
                    .label(format!("allowed: {} to {}", range.start(), range.end()))
                    .help(format!("choose a number from {} to {}", range.start(), range.end())),
            ),
        }
        None
    }

    /// Returns the texts of a scalar or a list of scalars.
    pub fn texts<'n>(&mut self, what: &str, node: &'n Node) -> Vec<(&'n str, Span)> {
        match &node.value {
            Content::Seq(items) => {
                items.iter().filter_map(|item| self.text(what, item).map(|text| (text, item.span))).collect()
            }
            _ => self.text(what, node).map(|text| (text, node.span)).into_iter().collect(),
        }
    }
}

/// Takes the middle out of what nobody would read: messages name values as they are written, however long.
fn readable(text: String) -> String {
    let end = |at: usize| text.char_indices().nth(at).map_or(text.len(), |(at, _)| at);
    let (start, count) = (end(200), text.chars().count());
    if count <= 400 { text } else { format!("{}…{}", &text[..start], &text[end(count - 150)..]) }
}

fn way_out(expected: &str, node: &Node) -> String {
    match (expected, &node.value) {
        ("a map", Content::Scalar(_)) if node.is_null() => "indent what belongs to it below it".to_owned(),
        ("a map", _) => "write `name: value` lines below it, or `{ name: value }`".to_owned(),
        ("a list", _) => "write `[one, two]`".to_owned(),
        ("true or false", _) => "write `true` or `false`, without quotes".to_owned(),
        ("a stage's name or a map of axes", _) => "name the axis: `foreach: { item: [one, two] }`".to_owned(),
        ("text", Content::Scalar(_)) => "write the value after the `:`, in quotes if it is empty".to_owned(),
        _ => format!("write {expected} here"),
    }
}

/// Returns the words as a list to read: `a`, `b` and `c`.
pub fn listed(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        None => "nothing".to_owned(),
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
    }
}
