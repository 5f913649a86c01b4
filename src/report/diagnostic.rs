//! Renders diagnostics: for a person with the line and a caret, for a program as JSON.

use crate::base::diagnostic::{Diagnostic, Severity};
use crate::base::span::{Lines, Span};
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use serde_json::{Value, json};
use std::ops::Range;

/// Whether the text has colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Color {
    Never,
    Always,
}

/// Most diagnostics that are shown: nobody reads more, and each costs a look at its lines.
const SHOWN_MAX: usize = 50;

/// Returns the diagnostics as text, one paragraph each, ending with a newline; nothing for none. Of very many the first
/// are shown, errors before warnings.
pub fn render(diagnostics: &[Diagnostic], file_name: &str, text: &str, color: Color) -> String {
    let renderer = match color {
        Color::Never => Renderer::plain(),
        Color::Always => Renderer::styled(),
    };
    let mut out = String::new();
    let lines = Lines::of(text);
    let mut shown: Vec<&Diagnostic> = diagnostics.iter().collect();
    if shown.len() > SHOWN_MAX {
        shown.sort_by_key(|diagnostic| diagnostic.severity);
        shown.truncate(SHOWN_MAX);
    }
    for diagnostic in &shown {
        if !out.is_empty() {
            out.push('\n');
        }
        let own = own_lines(diagnostic);
        let (file_name, lines) = own.as_ref().map_or((file_name, &lines), |(name, lines)| (*name, lines));
        out.push_str(&renderer.render(&[group(diagnostic, file_name, lines)]));
        out.push('\n');
    }
    if shown.len() < diagnostics.len() {
        let more = diagnostics.len() - shown.len();
        out.push_str(&format!("\nand {more} more: `storygen validate --json` lists them all\n"));
    }
    out
}

/// The version of what [`to_json`] returns.
const VERSION: u32 = 1;

/// Returns all diagnostics as a JSON object with a version; places have bytes, and line and column from 1.
pub fn to_json(diagnostics: &[Diagnostic], file_name: &str, text: &str) -> Value {
    let lines = Lines::of(text);
    let all = diagnostics.iter().map(|diagnostic| {
        let own = own_lines(diagnostic);
        let (file_name, lines) = own.as_ref().map_or((file_name, &lines), |(name, lines)| (*name, lines));
        let related = diagnostic.related.iter().map(|(span, words)| {
            let mut place = place(*span, lines);
            place["message"] = json!(words);
            place
        });
        json!({
            "code": diagnostic.code,
            "severity": diagnostic.severity,
            "message": diagnostic.message,
            "file": file_name,
            "span": diagnostic.span.map(|span| place(span, lines)),
            "label": diagnostic.label,
            "related": related.collect::<Vec<_>>(),
            "help": diagnostic.help,
        })
    });
    json!({ "version": VERSION, "file": file_name, "faults": all.collect::<Vec<_>>() })
}

/// Returns the name and the lines of the text that a diagnostic's places are in, if that is not the Storyfile.
fn own_lines(diagnostic: &Diagnostic) -> Option<(&str, Lines<'_>)> {
    diagnostic.source.as_ref().map(|source| (source.name.as_str(), Lines::of(&source.text)))
}

fn place(span: Span, lines: &Lines) -> Value {
    let (line, column) = lines.place(span.start);
    json!({ "start": span.start, "end": span.end, "line": line, "column": column })
}

fn group<'a>(diagnostic: &'a Diagnostic, file_name: &'a str, lines: &Lines<'a>) -> Group<'a> {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level.primary_title(diagnostic.message.as_str()).id(diagnostic.code);
    let Some(span) = diagnostic.span else {
        let group = Group::with_title(title);
        return match &diagnostic.help {
            Some(help) => group.element(Level::HELP.message(help.as_str())),
            None => group,
        };
    };
    let label = Some(diagnostic.label.as_str()).filter(|label| !label.is_empty());
    // Only the lines that are shown: the renderer reads all that it is given, each time.
    let places = || diagnostic.related.iter().map(|(span, _)| *span).chain([span]);
    let (start, end) = places().fold((u32::MAX, 0), |(start, end), span| (start.min(span.start), end.max(span.start)));
    let (first_line, from, text) = lines.around(start as usize, end as usize);
    let within = |span: Span| {
        let inner = |at: u32| at.saturating_sub(from as u32);
        one_line(Span::new(inner(span.start), inner(span.end)), text)
    };
    let mut snippet = Snippet::source(text)
        .path(file_name)
        .line_start(first_line)
        .annotation(AnnotationKind::Primary.span(within(span)).label(label));
    for (span, words) in &diagnostic.related {
        snippet = snippet.annotation(AnnotationKind::Context.span(within(*span)).label(words.as_str()));
    }
    let group = title.element(snippet);
    match &diagnostic.help {
        Some(help) => group.element(Level::HELP.message(help.as_str())),
        None => group,
    }
}

/// Returns the bytes to underline: within the text, on whole characters, no further than the first line.
fn one_line(span: Span, text: &str) -> Range<usize> {
    let mut start = (span.start as usize).min(text.len());
    while !text.is_char_boundary(start) {
        start -= 1;
    }
    let mut end = (span.end as usize).clamp(start, text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let first = text[start..end].find('\n').map_or(end, |newline| start + newline);
    start..first
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::diagnostic::Source;
    use std::sync::Arc;

    const TEXT: &str = "stages:\n  рассказ: { needs: [scirpt, cast] }\n";

    fn fault() -> Diagnostic {
        let at = TEXT.find("scirpt").unwrap() as u32;
        Diagnostic::error("S012", "stage `рассказ` needs `scirpt`, which no stage provides", Span::new(at, at + 6))
            .label("not found")
            .help("did you mean `script`?")
    }

    #[test]
    fn a_diagnostic_shows_its_place_and_a_way_out() {
        let shown = render(&[fault()], "Storyfile.yaml", TEXT, Color::Never);
        let expected = "\
error[S012]: stage `рассказ` needs `scirpt`, which no stage provides
 --> Storyfile.yaml:2:22
  |
2 |   рассказ: { needs: [scirpt, cast] }
  |                      ^^^^^^ not found
  |
  = help: did you mean `script`?
";
        assert_eq!(shown, expected);
    }

    #[test]
    fn of_very_many_diagnostics_some_are_shown_errors_first() {
        let mut many = vec![Diagnostic { severity: Severity::Warning, ..fault() }; 40];
        many.extend(vec![fault(); 60]);
        let shown = render(&many, "Storyfile.yaml", TEXT, Color::Never);
        assert_eq!((shown.matches("error[").count(), shown.matches("warning[").count()), (50, 0));
        assert!(shown.ends_with("\n\nand 50 more: `storygen validate --json` lists them all\n"), "{shown}");
        assert_eq!(to_json(&many, "Storyfile.yaml", TEXT)["faults"].as_array().map(Vec::len), Some(100));
    }

    #[test]
    fn a_diagnostic_without_a_place_has_no_snippet() {
        let fault = Diagnostic { span: None, label: String::new(), ..fault() };
        let shown = render(&[fault], "Storyfile.yaml", TEXT, Color::Never);
        assert!(shown.starts_with("error[S012]: stage") && !shown.contains("-->"), "{shown}");
    }

    #[test]
    fn json_has_a_version_and_line_and_column() {
        let json = to_json(&[fault()], "Storyfile.yaml", TEXT);
        assert_eq!((&json["version"], &json["file"]), (&json!(1), &json!("Storyfile.yaml")));
        let fault = &json["faults"][0];
        assert_eq!((&fault["code"], &fault["severity"]), (&json!("S012"), &json!("error")));
        assert_eq!((&fault["span"]["line"], &fault["span"]["column"]), (&json!(2), &json!(22)));
    }

    #[test]
    fn a_fault_of_another_file_shows_that_file() {
        let source = Arc::new(Source { name: "p/x.j2".into(), text: "one\n{{ nope }}\n".into() });
        let fault = Diagnostic::error("S051", "the name `nope` is not known here", Span::new(7, 11)).in_file(&source);
        let shown = render(std::slice::from_ref(&fault), "Storyfile.yaml", TEXT, Color::Never);
        assert!(shown.contains("--> p/x.j2:2:4") && shown.contains("2 | {{ nope }}"), "{shown}");
        let json = to_json(&[fault], "Storyfile.yaml", TEXT);
        assert_eq!((&json["faults"][0]["file"], &json["faults"][0]["span"]["line"]), (&json!("p/x.j2"), &json!(2)));
    }

    #[test]
    fn spans_beyond_the_text_do_no_harm() {
        let fault = Diagnostic { span: Some(Span::new(13, 9000)), ..fault() };
        assert!(render(&[fault], "Storyfile.yaml", "я", Color::Always).contains("S012"));
    }
}
