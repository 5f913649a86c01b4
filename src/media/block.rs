//! The marks that make a line of Markdown a heading, an item, a quotation or a rule.

use super::markup::{Mark, name};
use super::table;

pub(super) fn is_block(line: &[Mark]) -> bool {
    !line.is_empty()
        && !numbered(line)
        && (line[0].1 == '>'
            || is_rule(line)
            || is_fence(line)
            || table::is_rule(line)
            || table::row(line).is_some()
            || heading(line).is_some()
            || list_item(line).is_some())
}

pub(super) fn trim(line: &[Mark]) -> &[Mark] {
    let start = line.iter().position(|mark| !mark.1.is_whitespace()).unwrap_or(line.len());
    let end = line.iter().rposition(|mark| !mark.1.is_whitespace()).map_or(start, |at| at + 1);
    &line[start..end]
}

/// Takes off the marks of a block quotation.
pub(super) fn unquoted(line: &[Mark]) -> &[Mark] {
    let mut line = trim(line);
    while let [(_, '>'), rest @ ..] = line {
        line = trim(rest);
    }
    line
}

/// Leaves out tags before a mark that begins a line: `[pause] # The Ferry` is a heading all the same.
pub(super) fn untagged(line: &[Mark]) -> &[Mark] {
    let (mut rest, mut begins) = (line, false);
    while let Some(close) = rest.iter().position(|mark| mark.1 == ']').filter(|_| rest[0].1 == '[') {
        let behind = &rest[close + 1..];
        // Only a space parts a tag from a mark: `[a](b)` and `[a]: b` are no tags.
        if rest[1..close].iter().any(|mark| mark.1 == '[') || behind.first().is_some_and(|m| !m.1.is_whitespace()) {
            break;
        }
        let behind = trim(behind);
        begins |= behind.first().is_some_and(|mark| mark.1 == '>');
        rest = trim(unquoted(behind));
    }
    begins |= is_block(rest) || !rest.is_empty() && numbered(rest);
    if begins { rest } else { line }
}

pub(super) fn is_rule(line: &[Mark]) -> bool {
    let first = line[0].1;
    let marks = line.iter().filter(|mark| !mark.1.is_whitespace());
    matches!(first, '-' | '*' | '_' | '=') && line.len() >= 3 && marks.clone().count() >= 3 && {
        marks.clone().all(|mark| mark.1 == first)
    }
}

pub(super) fn is_fence(line: &[Mark]) -> bool {
    let starts = |c: char| line.len() >= 3 && line[..3].iter().all(|mark| mark.1 == c);
    starts('~') && !line[3..].iter().any(|mark| mark.1 == '~')
        || starts('`') && !line[3..].iter().any(|mark| mark.1 == '`')
}

/// Returns the text of a `# heading`, without marks that close it.
pub(super) fn heading(line: &[Mark]) -> Option<&[Mark]> {
    let level = line.iter().take_while(|mark| mark.1 == '#').count();
    let rest = &line[level..];
    if !(1..=6).contains(&level) || !rest.first().is_none_or(|mark| mark.1.is_whitespace()) {
        return None;
    }
    let rest = trim(rest);
    let end = rest.iter().rposition(|mark| mark.1 != '#').map_or(0, |at| at + 1);
    let closed = end < rest.len() && (end == 0 || rest[end - 1].1.is_whitespace());
    Some(trim(if closed { &rest[..end] } else { rest }))
}

pub(super) fn list_item(line: &[Mark]) -> Option<&[Mark]> {
    match line {
        [(_, '-' | '*' | '+' | '•'), (_, space), rest @ ..] if space.is_whitespace() => Some(trim(rest)),
        [(_, '-' | '*' | '+' | '•')] => Some(&[]),
        _ => numbered(line).then_some(line),
    }
}

/// Whether the line begins `1. ` or `1) `: a new item, whose number is spoken.
pub(super) fn numbered(line: &[Mark]) -> bool {
    let digits = line.iter().take_while(|mark| mark.1.is_ascii_digit()).count();
    (1..=3).contains(&digits) && matches!(line[digits..], [(_, '.' | ')'), (_, space), ..] if space.is_whitespace())
}

/// Returns the name that a line gives an address: `[name]: https://example.org "Title"`.
pub(super) fn address(line: &[Mark]) -> Option<String> {
    let line = trim(line);
    let close = line.iter().position(|mark| mark.1 == ']').filter(|_| line.first().is_some_and(|m| m.1 == '['))?;
    let rest: String = line[close + 1..].iter().map(|mark| mark.1).collect();
    let rest = rest.strip_prefix(':')?.trim_start();
    let (target, title) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let titled = title.trim().is_empty() || title.trim().starts_with(['"', '\'', '(']);
    let placed = target.contains("://") || target.starts_with(['/', '#', '<', '.']) || target.starts_with("mailto:");
    let name = name(&line[1..close]);
    (placed && titled && target.len() > 1 && !name.is_empty()).then_some(name)
}
