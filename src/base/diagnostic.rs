//! What is wrong with the user's text: collected, never thrown.

use super::span::Span;
use serde::Serialize;
use std::sync::Arc;

/// How much a diagnostic weighs: an error stops the command before anything runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Error,
    Warning,
}

/// One fault in a text that the user wrote, with its place and a way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Stable code such as `S012`; `docs/errors.md` has a section for each.
    pub code: &'static str,
    pub severity: Severity,
    /// One sentence without a full stop; names in backticks.
    pub message: String,
    /// The place at fault; `None` when the whole file is meant.
    pub span: Option<Span>,
    /// A few words under the caret.
    pub label: String,
    /// Other places that explain the fault, each with a few words.
    pub related: Vec<(Span, String)>,
    /// What to do about it: a sentence or a suggestion.
    pub help: Option<String>,
    /// The text that the places are in, where it is not the Storyfile's.
    pub source: Option<Arc<Source>>,
    pub sight: Sight,
}

/// Whether reports may show the text at a diagnostic's place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sight {
    #[default]
    Shown,
    /// It is a secret: a report goes where its file does not, into the log of a CI.
    Hidden,
}

/// A text that places are in: the Storyfile's, or one beside it such as a template's.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Source {
    /// Its path in the repo.
    pub name: String,
    pub text: String,
}

impl Diagnostic {
    /// Returns an error about `span`.
    pub fn error(code: &'static str, message: impl Into<String>, span: Span) -> Diagnostic {
        Diagnostic {
            code,
            severity: Severity::Error,
            message: message.into(),
            span: Some(span),
            label: String::new(),
            related: Vec::new(),
            help: None,
            source: None,
            sight: Sight::Shown,
        }
    }

    /// Returns a warning about `span`.
    pub fn warning(code: &'static str, message: impl Into<String>, span: Span) -> Diagnostic {
        Diagnostic { severity: Severity::Warning, ..Diagnostic::error(code, message, span) }
    }

    /// Sets the words under the caret.
    pub fn label(mut self, label: impl Into<String>) -> Diagnostic {
        self.label = label.into();
        self
    }

    /// Says that the text at its place is a secret, which no report shows.
    pub fn hidden(self) -> Diagnostic {
        Diagnostic { sight: Sight::Hidden, ..self }
    }

    /// Adds another place that explains the fault.
    pub fn related(mut self, span: Span, words: impl Into<String>) -> Diagnostic {
        self.related.push((span, words.into()));
        self
    }

    /// Says that the places are in another text than the Storyfile.
    pub fn in_file(mut self, source: &Arc<Source>) -> Diagnostic {
        self.source = Some(source.clone());
        self
    }

    /// Returns what reports are sorted by: the Storyfile first, then file by file, place by place.
    pub fn place(&self) -> (Option<String>, Option<Span>) {
        (self.source.as_ref().map(|source| source.name.clone()), self.span)
    }

    /// Tells whether two are about the same piece of the same text.
    pub fn meets(&self, other: &Diagnostic) -> bool {
        let overlap = |one: Span, two: Span| one.start < two.end && two.start < one.end;
        self.source == other.source && self.span.zip(other.span).is_some_and(|(one, two)| overlap(one, two))
    }

    /// Sets the way out.
    pub fn help(mut self, help: impl Into<String>) -> Diagnostic {
        self.help = Some(help.into());
        self
    }
}

/// Returns the candidate most like `word`, if one is close enough to be what was meant.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let length = word.chars().count();
    candidates
        .into_iter()
        .filter_map(|candidate| {
            let other = candidate.chars().count();
            // A third of the letters: of two short words every one is near every other.
            let limit = length.max(other) / 3;
            if candidate.to_lowercase() == word.to_lowercase() {
                return Some((0, candidate));
            }
            let steps = if length.abs_diff(other) > limit { usize::MAX } else { distance(word, candidate) };
            (steps <= limit).then_some((steps, candidate))
        })
        .min()
        .map(|(_, candidate)| candidate)
}

/// Edit distance with adjacent transpositions (optimal string alignment), in characters.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    for (j, cell) in rows[0].iter_mut().enumerate() {
        *cell = j;
    }
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let substitute = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = substitute.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_is_recognised() {
        assert_eq!(nearest("scirpt", ["voice", "script"]), Some("script"));
        assert_eq!(nearest("ouputs", ["inputs", "outputs"]), Some("outputs"));
    }

    #[test]
    fn a_different_word_is_not_suggested() {
        assert_eq!(nearest("banana", ["inputs", "outputs"]), None);
        assert_eq!(nearest("b", ["a", "c"]), None);
        assert_eq!(nearest("no", ["en", "es"]), None);
        assert_eq!((nearest("B", ["a", "b"]), nearest("gp", ["cpu", "gpu"])), (Some("b"), Some("gpu")));
    }
}
