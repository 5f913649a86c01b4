//! Renders diagnostics: for a person with the line and a caret, for a program as JSON.

use crate::base::diagnostic::{Diagnostic, Severity};
use crate::base::span::Span;
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use serde_json::{Value, json};
use std::ops::Range;

/// Whether the text has colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Color {
    Never,
    Always,
}

/// Returns all diagnostics as text, one paragraph each, ending with a newline; nothing for none.
pub fn render(diagnostics: &[Diagnostic], file_name: &str, text: &str, color: Color) -> String {
    let renderer = match color {
        Color::Never => Renderer::plain(),
        Color::Always => Renderer::styled(),
    };
    let mut out = String::new();
    for diagnostic in diagnostics {
        if !out.is_empty() {
            out.push('\n');
        }
        out.push_str(&renderer.render(&[group(diagnostic, file_name, text)]));
        out.push('\n');
    }
    out
}

/// Returns all diagnostics as a JSON array; places have bytes, and line and column from 1.
pub fn to_json(diagnostics: &[Diagnostic], file_name: &str, text: &str) -> Value {
    let all = diagnostics.iter().map(|diagnostic| {
        let related = diagnostic.related.iter().map(|(span, words)| {
            let mut place = place(*span, text);
            place["message"] = json!(words);
            place
        });
        json!({
            "code": diagnostic.code,
            "severity": diagnostic.severity,
            "message": diagnostic.message,
            "file": file_name,
            "span": diagnostic.span.map(|span| place(span, text)),
            "label": diagnostic.label,
            "related": related.collect::<Vec<_>>(),
            "help": diagnostic.help,
        })
    });
    Value::Array(all.collect())
}

fn place(span: Span, text: &str) -> Value {
    let (line, column) = span.line_column(text);
    json!({ "start": span.start, "end": span.end, "line": line, "column": column })
}

fn group<'a>(diagnostic: &'a Diagnostic, file_name: &'a str, text: &'a str) -> Group<'a> {
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
    let mut snippet = Snippet::source(text)
        .path(file_name)
        .annotation(AnnotationKind::Primary.span(one_line(span, text)).label(label));
    for (span, words) in &diagnostic.related {
        snippet = snippet.annotation(AnnotationKind::Context.span(one_line(*span, text)).label(words.as_str()));
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
    fn a_diagnostic_without_a_place_has_no_snippet() {
        let fault = Diagnostic { span: None, label: String::new(), ..fault() };
        let shown = render(&[fault], "Storyfile.yaml", TEXT, Color::Never);
        assert!(shown.starts_with("error[S012]: stage") && !shown.contains("-->"), "{shown}");
    }

    #[test]
    fn json_has_line_and_column() {
        let json = to_json(&[fault()], "Storyfile.yaml", TEXT);
        assert_eq!(json[0]["code"], "S012");
        assert_eq!(json[0]["severity"], "error");
        assert_eq!((&json[0]["span"]["line"], &json[0]["span"]["column"]), (&json!(2), &json!(22)));
    }

    #[test]
    fn spans_beyond_the_text_do_no_harm() {
        let fault = Diagnostic { span: Some(Span::new(13, 9000)), ..fault() };
        assert!(render(&[fault], "Storyfile.yaml", "я", Color::Always).contains("S012"));
    }
}
