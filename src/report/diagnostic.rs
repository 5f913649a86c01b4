//! Renders diagnostics: for a person with the line and a caret, for a program as JSON.

use crate::base::diagnostic::{Diagnostic, Severity, Sight};
use crate::base::sources::{Found, Sources};
use crate::base::span::{Lines, Span};
use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Renderer, Snippet};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::ops::Range;
use std::rc::Rc;

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
pub fn render(diagnostics: &[Diagnostic], sources: &Sources, color: Color) -> String {
    let renderer = match color {
        Color::Never => Renderer::plain(),
        Color::Always => Renderer::styled(),
    };
    let mut out = String::new();
    // A secret is hidden in every line that is shown, also where another fault is meant.
    let secrets: Vec<Span> =
        diagnostics.iter().filter(|one| one.sight == Sight::Hidden).filter_map(|one| one.span).collect();
    let hidden = (!secrets.is_empty()).then(|| sources.without(&secrets));
    let mut texts = Texts::new(hidden.as_ref().unwrap_or(sources));
    let mut shown: Vec<&Diagnostic> = diagnostics.iter().collect();
    if shown.len() > SHOWN_MAX {
        shown.sort_by_key(|diagnostic| diagnostic.severity);
        shown.truncate(SHOWN_MAX);
    }
    for diagnostic in &shown {
        if !out.is_empty() {
            out.push('\n');
        }
        out.push_str(&renderer.render(&[group(diagnostic, &mut texts)]));
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
pub fn to_json(diagnostics: &[Diagnostic], sources: &Sources) -> Value {
    let mut texts = Texts::new(sources);
    let mut all = Vec::new();
    for diagnostic in diagnostics {
        let main = texts.holding(diagnostic, diagnostic.span.unwrap_or_default());
        let mut related = Vec::new();
        for (span, words) in &diagnostic.related {
            let text = texts.holding(diagnostic, *span);
            let mut place = text.place(*span);
            place["file"] = json!(text.found.name);
            place["message"] = json!(words);
            related.push(place);
        }
        all.push(json!({
            "code": diagnostic.code,
            "severity": diagnostic.severity,
            "message": diagnostic.message,
            "file": main.found.name,
            "span": diagnostic.span.map(|span| main.place(span)),
            "label": diagnostic.label,
            "related": related,
            "help": diagnostic.help,
        }));
    }
    json!({ "version": VERSION, "file": sources.first().name, "faults": all })
}

/// A text with its lines.
struct Text<'a> {
    found: Found<'a>,
    lines: Lines<'a>,
}

impl<'a> Text<'a> {
    fn of(found: Found<'a>) -> Rc<Text<'a>> {
        Rc::new(Text { found, lines: Lines::of(found.text) })
    }

    fn place(&self, span: Span) -> Value {
        let span = self.found.within(span);
        let (line, column) = self.lines.place(span.start);
        json!({ "start": span.start, "end": span.end, "line": line, "column": column })
    }

    /// Returns the lines that hold these places, with the places marked.
    fn snippet(&self, marks: &[(Span, AnnotationKind, &'a str)]) -> Snippet<'a, Annotation<'a>> {
        // Only the lines that are shown: the renderer reads all that it is given, each time.
        let marks: Vec<_> = marks.iter().map(|(span, kind, words)| (self.found.within(*span), kind, *words)).collect();
        let (start, end) =
            marks.iter().fold((u32::MAX, 0), |(start, end), (span, ..)| (start.min(span.start), end.max(span.start)));
        let (first_line, from, text) = self.lines.around(start as usize, end as usize);
        let inner = |at: u32| at.saturating_sub(from as u32);
        let mut snippet = Snippet::source(text).path(self.found.name).line_start(first_line);
        for (span, kind, words) in marks {
            let place = one_line(Span::new(inner(span.start), inner(span.end)), text);
            let label = Some(words).filter(|words| !words.is_empty());
            snippet = snippet.annotation(kind.span(place).label(label));
        }
        snippet
    }
}

/// The texts that places are in, each looked through once.
struct Texts<'a> {
    sources: &'a Sources,
    known: BTreeMap<u32, Rc<Text<'a>>>,
}

impl<'a> Texts<'a> {
    fn new(sources: &'a Sources) -> Texts<'a> {
        Texts { sources, known: BTreeMap::new() }
    }

    /// Returns the text that one of a diagnostic's places is in: a template's own, or one of the sources.
    fn holding(&mut self, diagnostic: &'a Diagnostic, span: Span) -> Rc<Text<'a>> {
        if let Some(own) = &diagnostic.source {
            return Text::of(Found { name: &own.name, text: &own.text, start: 0 });
        }
        let found = self.sources.at(span);
        Rc::clone(self.known.entry(found.start).or_insert_with(|| Text::of(found)))
    }
}

fn group<'a>(diagnostic: &'a Diagnostic, texts: &mut Texts<'a>) -> Group<'a> {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level.primary_title(diagnostic.message.as_str()).id(diagnostic.code);
    let mut group = Group::with_title(title);
    if let Some(span) = diagnostic.span {
        let main = texts.holding(diagnostic, span);
        let mut marks = vec![(span, AnnotationKind::Primary, diagnostic.label.as_str())];
        let mut elsewhere = Vec::new();
        for (span, words) in &diagnostic.related {
            let mark = (*span, AnnotationKind::Context, words.as_str());
            let text = texts.holding(diagnostic, *span);
            if text.found == main.found { marks.push(mark) } else { elsewhere.push(text.snippet(&[mark])) }
        }
        group = group.element(main.snippet(&marks));
        group = elsewhere.into_iter().fold(group, Group::element);
    }
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

    fn sources() -> Sources {
        Sources::new("Storyfile.yaml", TEXT)
    }

    fn fault() -> Diagnostic {
        let at = TEXT.find("scirpt").unwrap() as u32;
        Diagnostic::error("S012", "stage `рассказ` needs `scirpt`, which no stage provides", Span::new(at, at + 6))
            .label("not found")
            .help("did you mean `script`?")
    }

    #[test]
    fn a_secret_is_shown_by_no_fault_of_its_line() {
        let sources = Sources::new("Storyfile.yaml", "{ type: opnai, api_key: sk-12345678 }\n");
        let faults = [
            Diagnostic::error("S024", "there is no provider type `opnai`", Span::new(8, 13)),
            Diagnostic::error("S163", "`api_key` is written into the file", Span::new(24, 35)).hidden(),
        ];
        let shown = render(&faults, &sources, Color::Never);
        assert_eq!(shown.matches("{ type: opnai, api_key: *********** }").count(), 2, "{shown}");
        assert!(!shown.contains("sk-"), "{shown}");
    }

    #[test]
    fn a_diagnostic_shows_its_place_and_a_way_out() {
        let shown = render(&[fault()], &sources(), Color::Never);
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
        let shown = render(&many, &sources(), Color::Never);
        assert_eq!((shown.matches("error[").count(), shown.matches("warning[").count()), (50, 0));
        assert!(shown.ends_with("\n\nand 50 more: `storygen validate --json` lists them all\n"), "{shown}");
        assert_eq!(to_json(&many, &sources())["faults"].as_array().map(Vec::len), Some(100));
    }

    #[test]
    fn a_diagnostic_without_a_place_has_no_snippet() {
        let fault = Diagnostic { span: None, label: String::new(), ..fault() };
        let shown = render(&[fault], &sources(), Color::Never);
        assert!(shown.starts_with("error[S012]: stage") && !shown.contains("-->"), "{shown}");
    }

    #[test]
    fn json_has_a_version_and_line_and_column() {
        let json = to_json(&[fault()], &sources());
        assert_eq!((&json["version"], &json["file"]), (&json!(1), &json!("Storyfile.yaml")));
        let fault = &json["faults"][0];
        assert_eq!((&fault["code"], &fault["severity"]), (&json!("S012"), &json!("error")));
        assert_eq!((&fault["span"]["line"], &fault["span"]["column"]), (&json!(2), &json!(22)));
    }

    #[test]
    fn a_fault_of_another_file_shows_that_file() {
        let source = Arc::new(Source { name: "p/x.j2".into(), text: "one\n{{ nope }}\n".into() });
        let fault = Diagnostic::error("S051", "the name `nope` is not known here", Span::new(7, 11)).in_file(&source);
        let shown = render(std::slice::from_ref(&fault), &sources(), Color::Never);
        assert!(shown.contains("--> p/x.j2:2:4") && shown.contains("2 | {{ nope }}"), "{shown}");
        let json = to_json(&[fault], &sources());
        assert_eq!((&json["faults"][0]["file"], &json["faults"][0]["span"]["line"]), (&json!("p/x.j2"), &json!(2)));
    }

    #[test]
    fn a_fault_between_two_files_shows_both() {
        let mut sources = sources();
        let start = sources.add("voices/more.yaml", "stages:\n  a: {}\n");
        let other = fault().span.unwrap();
        let fault = Diagnostic::error("S071", "both", Span::new(start + 10, start + 11)).related(other, "and here");
        let shown = render(std::slice::from_ref(&fault), &sources, Color::Never);
        let places: Vec<&str> = shown.lines().filter(|line| line.contains(".yaml:")).map(str::trim).collect();
        assert_eq!(places, ["--> voices/more.yaml:2:3", "::: Storyfile.yaml:2:22"], "{shown}");
        let json = &to_json(&[fault], &sources)["faults"][0];
        assert_eq!((&json["file"], &json["span"]["start"]), (&json!("voices/more.yaml"), &json!(10)));
        assert_eq!((&json["related"][0]["file"], &json["related"][0]["line"]), (&json!("Storyfile.yaml"), &json!(2)));
    }

    #[test]
    fn spans_beyond_the_text_do_no_harm() {
        let fault = Diagnostic { span: Some(Span::new(13, 9000)), ..fault() };
        assert!(render(&[fault], &Sources::new("Storyfile.yaml", "я"), Color::Always).contains("S012"));
    }
}
