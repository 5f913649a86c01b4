//! Words for what the YAML parser cannot read: the mistakes of the first day, each by its look.

use crate::base::diagnostic::Diagnostic;
use crate::base::span::Span;

const MISSING_QUOTES: &str = "quotes are missing";

/// Returns the diagnostic for a syntax error that the parser met at byte `at`.
pub fn explain(text: &str, at: u32, info: &str) -> Diagnostic {
    let at = at as usize;
    let line_start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let line_end = text[at..].find('\n').map_or(text.len(), |newline| at + newline);
    let line = &text[line_start..line_end];
    if info.contains("recursion limit") {
        return Diagnostic::error("S009", "maps and lists stand too deep", point(text, at, line_end))
            .help("a Storyfile needs about six levels: look for a missing `]` or `}`");
    }
    if info.contains("unknown anchor") {
        return pattern(text, at, line_end);
    }
    if let Some(fault) = expression(line, line_start, at) {
        return fault;
    }
    if info.contains("mapping values are not allowed") {
        return colon(text, at, line_end);
    }
    if line[..at - line_start].trim().is_empty()
        && line.starts_with(['\t', ' '])
        && line[..].contains('\t')
        && info.contains("tab")
    {
        return Diagnostic::error("S016", "a tab cannot indent in YAML", point(text, line_start, line_end))
            .label("a tab stands here")
            .help("indent with spaces");
    }
    if let Some(character) = info.strip_prefix("unexpected character: `").and_then(|rest| rest.chars().next()) {
        return Diagnostic::error(
            "S001",
            format!("a plain text cannot start with `{character}`"),
            word(text, at, line_end),
        )
        .label(MISSING_QUOTES)
        .help("put the text in quotes");
    }
    let hint = if text[at..].trim_start().is_empty() {
        "something opened above is not closed: look for a missing quote, `]` or `}`"
    } else {
        "look at the indentation here and for a missing quote, `]` or `}` above"
    };
    Diagnostic::error("S001", format!("this is not YAML: {}", plain(info)), point(text, at, line_end))
        .label("the reader stumbled here")
        .help(hint)
}

/// Writes the place of a fault over with letters, so that the rest of the file can be read. `false` if that would not
/// help: only a sign that is no text, at the start of one or in `${…}`, is such a fault.
pub fn mend(text: &mut String, fault: &Diagnostic) -> bool {
    let Some(span) = fault.span.filter(|span| span.start < span.end) else { return false };
    let sign = fault.label == MISSING_QUOTES || matches!(fault.code, "S002" | "S004");
    if sign {
        text.replace_range(span.start as usize..span.end as usize, &"x".repeat((span.end - span.start) as usize));
    }
    sign
}

/// Returns the diagnostic for a YAML tag: nearly always a text that starts with `!`.
pub fn tag(text: &str, span: Span) -> Diagnostic {
    let at = text[..span.start as usize].len();
    // A tagged block starts on its own line: the tag stands before it.
    let start = if text[at..].starts_with('!') { at } else { text[..at].rfind('!').unwrap_or(at) };
    let line_end = text[start..].find('\n').map_or(text.len(), |newline| start + newline);
    let span = word(text, start, line_end);
    let found = text[start..span.end as usize].to_owned();
    Diagnostic::error("S003", format!("`{found}` is a YAML tag here, and a Storyfile has none"), span)
        .label("quotes are missing")
        .help(format!("put the text in quotes: \"{found}\""))
}

/// Returns where the anchor of the node at `span` is written.
pub fn anchor_before(text: &str, span: Span) -> Span {
    let at = span.start as usize;
    let found = if text[at..].starts_with('&') { Some(at) } else { text[..at].rfind('&') };
    let Some(start) = found else { return span };
    let length = text[start..].find(|c: char| c.is_whitespace() || ",]}".contains(c)).unwrap_or(1);
    Span::new(start as u32, (start + length) as u32)
}

fn pattern(text: &str, at: usize, line_end: usize) -> Diagnostic {
    let span = word(text, at, line_end);
    let found = &text[at..span.end as usize];
    let looks_like_path = found.contains(['.', '/']) || found.len() < 2 || found[1..].contains('*');
    if looks_like_path {
        Diagnostic::error("S002", "a pattern that starts with `*` needs quotes", span)
            .label("YAML reads an alias here")
            .help(format!("write \"{found}\""))
    } else {
        Diagnostic::error("S002", format!("`{found}` names an anchor that is not above"), span)
            .label("no such anchor")
            .help(format!("define it earlier as `&{}`, or put the text in quotes", &found[1..]))
    }
}

/// `${…}` inside `{ }` or `[ ]` without quotes: YAML takes its brace for a map.
fn expression(line: &str, line_start: usize, at: usize) -> Option<Diagnostic> {
    let column = at - line_start;
    let found = line.match_indices("${").map(|(start, _)| start).filter(|&start| start <= column).last()?;
    let before = &line[..found];
    let quoted = before.matches('"').count() % 2 == 1 || before.matches('\'').count() % 2 == 1;
    if quoted || !before.contains(['{', '[', ',']) && !before.trim().is_empty() && before.contains(": ") {
        return None;
    }
    let end = line[found..].find('}').map_or(line.len(), |brace| found + brace + 1);
    let start = line[..found].rfind(|c: char| c.is_whitespace() || "[{,".contains(c)).map_or(0, |at| at + 1);
    let stop = line[end..].find(|c: char| c.is_whitespace() || "]},".contains(c)).map_or(line.len(), |at| end + at);
    let whole = &line[start..stop];
    let span = Span::new((line_start + found) as u32, (line_start + end) as u32);
    Some(
        Diagnostic::error("S004", "`${…}` needs quotes inside `{ }` and `[ ]`", span)
            .label("YAML reads the brace as a map")
            .help(format!("write \"{whole}\"")),
    )
}

fn colon(text: &str, at: usize, line_end: usize) -> Diagnostic {
    let line_start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let line = &text[line_start..line_end];
    let in_value = line.find(": ").is_some_and(|first| line_start + first < at);
    let diagnostic = if in_value {
        Diagnostic::error("S005", "`: ` inside a plain text starts a new key", point(text, at, line_end))
    } else {
        Diagnostic::error("S005", "a key stands where the text above goes on", point(text, at, line_end))
    };
    diagnostic
        .label("YAML reads a key here")
        .help("put the text in quotes, or write it below `|`; if a key was meant, look at the indentation")
}

/// The word at `at`, up to a space or a flow sign.
fn word(text: &str, at: usize, line_end: usize) -> Span {
    let end = text[at..line_end].find(|c: char| c.is_whitespace() || ",]}".contains(c)).map_or(line_end, |n| at + n);
    Span::new(at as u32, end.max(at) as u32)
}

fn point(text: &str, at: usize, line_end: usize) -> Span {
    let width = text[at..line_end.max(at)].chars().next().map_or(0, char::len_utf8);
    Span::new(at as u32, (at + width) as u32)
}

/// The parser's words without their first filler.
fn plain(info: &str) -> &str {
    info.split_once(", ").map_or(info, |(_, rest)| rest)
}
