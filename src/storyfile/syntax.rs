//! Words for what the YAML parser cannot read: the mistakes of the first day, each by its look.

use crate::base::diagnostic::Diagnostic;
use crate::base::span::Span;

/// The label of a fault that quotes would mend.
pub const MISSING_QUOTES: &str = "quotes are missing";

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
    if let Some(fault) = bracket(line, line_start, at) {
        return fault;
    }
    if text[at..].starts_with(['"', '\'']) && (info.contains("quoted scalar") || info.contains("end of stream")) {
        let sign = &text[at..at + 1];
        return Diagnostic::error(
            "S001",
            format!("this is not YAML: the `{sign}` is not closed"),
            point(text, at, line_end),
        )
        .label("opens here")
        .help(format!("close the text with `{sign}`, and indent its further lines"));
    }
    let in_flow = info.contains("expected ',' or") || info.contains("flow construct");
    if info.contains("mapping values are not allowed") || in_flow && second_colon(&line[..at - line_start], &text[at..])
    {
        return colon(text, at, line_end);
    }
    if let Some(fault) = quote(line, line_start, at).filter(|_| info.contains("invalid trailing content")) {
        return fault;
    }
    if let Some(fault) = unclosed(text, line_start, at).filter(|_| in_flow || text[at..].trim().is_empty()) {
        return fault;
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

/// Writes the pairs of JSON's `\ud83d\ude00` as the one sign that they are: YAML knows no halves of signs. The length
/// stays: spaces after the closing quote make up for it.
pub fn joined_surrogates(text: &str) -> String {
    let mut joined = String::with_capacity(text.len());
    let json = text.trim_start_matches('\u{feff}').trim_start().starts_with('{') && text.contains("\\u");
    if !json {
        return text.to_owned();
    }
    let (mut rest, mut quoted, mut missing) = (text, false, 0);
    while let Some(next) = rest.chars().next() {
        let length = match next {
            '\\' if quoted => match surrogates(rest) {
                Some(sign) => {
                    joined.push_str(&format!("\\U{:08X}", u32::from(sign)));
                    missing += 2;
                    rest = &rest[12..];
                    continue;
                }
                None => 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
            },
            '"' if quoted => {
                quoted = false;
                joined.push('"');
                joined.extend(std::iter::repeat_n(' ', std::mem::take(&mut missing)));
                rest = &rest[1..];
                continue;
            }
            '"' => {
                quoted = true;
                1
            }
            next => next.len_utf8(),
        };
        joined.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    if joined.len() == text.len() { joined } else { text.to_owned() }
}

/// Returns the sign whose two halves stand at the start.
fn surrogates(text: &str) -> Option<char> {
    let half = |at: usize| u16::from_str_radix(text.get(at..)?.strip_prefix("\\u")?.get(..4)?, 16).ok();
    let pair = [half(0)?, half(6)?];
    char::decode_utf16(pair).next()?.ok().filter(|sign| u32::from(*sign) > 0xffff)
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

/// Texts in quotes: their first byte, the byte after them, their sign. A quote inside a word opens nothing.
fn quotes(line: &str) -> Vec<(usize, usize, char)> {
    let mut found = Vec::new();
    let mut open: Option<(usize, char)> = None;
    let mut before = ' ';
    let mut signs = line.char_indices().peekable();
    while let Some((at, sign)) = signs.next() {
        match (open, sign) {
            (Some((_, '"')), '\\') => drop(signs.next()),
            (Some((_, '\'')), '\'') if signs.next_if(|(_, next)| *next == '\'').is_some() => {}
            (Some((start, quote)), _) if sign == quote => {
                found.push((start, at + 1, quote));
                open = None;
            }
            (None, '"' | '\'') if before.is_whitespace() || "[{,:".contains(before) => open = Some((at, sign)),
            _ => {}
        }
        before = sign;
    }
    found.extend(open.map(|(start, quote)| (start, line.len() + 1, quote)));
    found
}

/// Tells whether a byte of a line stands outside of texts in quotes.
pub fn is_outside_quotes(line: &str, at: usize) -> bool {
    !quotes(line).iter().any(|(start, end, _)| *start < at && at < *end)
}

/// `[ab]*.md` or `{a,b}.md` without quotes: YAML takes the bracket for a list or map, and stumbles behind it.
fn bracket(line: &str, line_start: usize, at: usize) -> Option<Diagnostic> {
    let column = at - line_start;
    let close = line[..column].chars().next_back()?;
    let open = match close {
        ']' => '[',
        '}' => '{',
        _ => return None,
    };
    if !line[column..].starts_with(|c: char| !c.is_whitespace() && !",]}#:".contains(c)) {
        return None;
    }
    let start = line[..column].rfind(open)?;
    let starts_value = line[..start].ends_with(|c: char| c.is_whitespace() || "[{,".contains(c));
    if !starts_value || line[..start].ends_with('$') {
        return None;
    }
    let stop =
        line[column..].find(|c: char| c.is_whitespace() || "]},".contains(c)).map_or(line.len(), |at| column + at);
    let span = Span::new((line_start + start) as u32, (line_start + stop) as u32);
    Some(
        Diagnostic::error("S002", format!("a pattern that starts with `{open}` needs quotes"), span)
            .label(format!("YAML reads a {} here", if open == '[' { "list" } else { "map" }))
            .help(format!("write \"{}\"", &line[start..stop])),
    )
}

/// Tells whether a `: ` at this place is the second of its entry in a map or list of one line.
fn second_colon(before: &str, rest: &str) -> bool {
    let start = before.rfind(['{', '[', ',']).map_or(0, |at| at + 1);
    rest.starts_with(": ") && before[start..].contains(": ")
}

/// A quote that ends its text too early: `'it's'`.
fn quote(line: &str, line_start: usize, at: usize) -> Option<Diagnostic> {
    let (_, end, sign) = quotes(line).into_iter().rfind(|(_, end, _)| line_start + end <= at + 1)?;
    let inside = if sign == '"' { "\\\"" } else { "''" };
    let at = (line_start + end) as u32;
    Some(
        Diagnostic::error(
            "S001",
            format!("the text in quotes ends before this: a `{sign}` stands in it"),
            Span::new(at - 1, at),
        )
        .label("ends the text")
        .help(format!("write `{inside}` for a `{sign}` inside, or use the other quotes around the text")),
    )
}

/// Looks for what a map or list of one line lacks, in the line of `at` or the last one before it.
fn unclosed(text: &str, line_start: usize, at: usize) -> Option<Diagnostic> {
    let above = text[..line_start].trim_end();
    let above_start = above.rfind('\n').map_or(0, |newline| newline + 1);
    let line_end = text[at..].find('\n').map_or(text.len(), |newline| at + newline);
    [(line_start, &text[line_start..line_end]), (above_start, &above[above_start..])].into_iter().find_map(
        |(from, line)| {
            let outside = |at: usize| is_outside_quotes(line, at);
            let comment = line.match_indices(" #").map(|(at, _)| at + 1).find(|&at| outside(at));
            let code = &line[..comment.unwrap_or(line.len())];
            let mut open: Vec<(usize, char, char)> = Vec::new();
            for (at, sign) in code.char_indices().filter(|(at, _)| outside(*at)) {
                match (sign, open.last()) {
                    ('{', _) => open.push((at, '{', '}')),
                    ('[', _) => open.push((at, '[', ']')),
                    ('}' | ']', Some((_, _, close))) if *close != sign => break,
                    ('}' | ']', _) => drop(open.pop()),
                    _ => {}
                }
            }
            let (bracket, sign, close) = open.pop()?;
            if let Some(comment) = comment.filter(|&comment| line[comment..].contains(close)) {
                let span = Span::new((from + comment) as u32, (from + line.trim_end().len()) as u32);
                let fault = Diagnostic::error(
                    "S006",
                    format!("` #` starts a comment, and the `{close}` in it closes nothing"),
                    span,
                );
                return Some(fault.label("never read").help("put the text with the ` #` in quotes"));
            }
            // A map or list that opens at the end of its line goes on below it.
            if code[bracket + 1..].trim().is_empty() || code.trim_end().ends_with(',') {
                return None;
            }
            let span = Span::new((from + bracket) as u32, (from + bracket + 1) as u32);
            let fault = Diagnostic::error("S001", format!("this is not YAML: the `{sign}` is not closed"), span);
            Some(
                fault
                    .label("opens here")
                    .help(format!("close it with `{close}` in its line, or write its entries below each other")),
            )
        },
    )
}

/// `${…}` inside `{ }` or `[ ]` without quotes: YAML takes its brace for a map.
fn expression(line: &str, line_start: usize, at: usize) -> Option<Diagnostic> {
    let column = at - line_start;
    let found = line.match_indices("${").map(|(start, _)| start).filter(|&start| start <= column).last()?;
    let before = &line[..found];
    // Behind the dollar the reader stumbles over the brace: then it stands in a map or list of several lines.
    let stumbled_here = column == found + 1;
    if !is_outside_quotes(line, found) {
        return None;
    }
    if !stumbled_here && !before.contains(['{', '[', ',']) && !before.trim().is_empty() && before.contains(": ") {
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
