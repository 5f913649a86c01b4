//! A piece of a value, and where in the file it is written: quotes, escapes and indentation lie between the two.

use crate::base::span::Span;
use std::ops::Range;

/// Some bytes of a value that stands at `span`.
#[derive(Clone, Copy, Debug)]
pub struct Spot<'t> {
    pub span: Span,
    /// The whole value.
    pub text: &'t str,
    start: usize,
    end: usize,
}

impl<'t> Spot<'t> {
    /// Returns the spot of the bytes `at` of `text`.
    pub fn new(span: Span, text: &'t str, at: Range<usize>) -> Spot<'t> {
        Spot { span, text, start: at.start, end: at.end }
    }

    /// Returns the bytes of the value.
    pub fn found(&self) -> &'t str {
        self.text.get(self.start..self.end).unwrap_or("")
    }

    /// Returns a part of this spot, by the bytes within it.
    pub fn part(self, at: Range<usize>) -> Spot<'t> {
        Spot { start: self.start + at.start, end: self.start + at.end, ..self }
    }

    /// Returns the spot of a dotted name within this one; itself if it does not stand there as such.
    pub fn name(self, name: &str) -> Spot<'t> {
        let found = self.found();
        let part_of_name = |c: char| c.is_alphanumeric() || c == '_';
        let at = found.match_indices(name).map(|(at, _)| at).find(|&at| {
            !found[..at].ends_with(|c: char| part_of_name(c) || c == '.')
                && !found[at + name.len()..].starts_with(part_of_name)
        });
        at.map_or(self, |at| self.part(at..at + name.len()))
    }

    /// Returns where the spot stands in `source`; the whole value if it is written in another way.
    pub fn locate(&self, source: &str) -> Span {
        let whole = source.get(self.span.start as usize..self.span.end as usize).unwrap_or("");
        let found = aligned(whole, self.text, self.start..self.end).or_else(|| {
            let needle = self.found();
            let nth = self.text[..self.start].matches(needle).count();
            whole.match_indices(needle).nth(nth).filter(|_| !needle.is_empty()).map(|(at, _)| at..at + needle.len())
        });
        found.map_or(self.span, |at| Span::new(self.span.start + at.start as u32, self.span.start + at.end as u32))
    }
}

/// Walks through a value and how it is written, side by side; `None` where the two do not go together.
fn aligned(whole: &str, value: &str, at: Range<usize>) -> Option<Range<usize>> {
    let mut rest = whole;
    let style = whole.chars().next().filter(|c| matches!(c, '"' | '\'' | '|' | '>'));
    match style {
        // The header of a block is a line of its own.
        Some('|' | '>') if !whole.starts_with(value) => rest = &whole[whole.find('\n')? + 1..],
        Some('"' | '\'') => rest = &whole[1..],
        _ => {}
    }
    let offset = |rest: &str| whole.len() - rest.len();
    let mut start = None;
    let mut end = offset(rest);
    for (index, wanted) in value.char_indices() {
        if index >= at.end {
            break;
        }
        let length = loop {
            let next = rest.chars().next()?;
            match (style, next) {
                (Some('"'), '\\') => match escape(rest) {
                    Some(length) => break length,
                    None => rest = &rest[1..],
                },
                (Some('\''), '\'') => break 2,
                _ if next == wanted => break next.len_utf8(),
                // A folded line.
                (_, '\n') if wanted == ' ' => break 1,
                _ if next.is_whitespace() => rest = &rest[next.len_utf8()..],
                _ => return None,
            }
        };
        if index >= at.start && start.is_none() {
            start = Some(offset(rest));
        }
        rest = rest.get(length..)?;
        end = offset(rest);
    }
    Some(start.unwrap_or(end)..end)
}

/// Returns how long the escape at the start of `rest` is; `None` for an escaped line break, which stands for nothing.
fn escape(rest: &str) -> Option<usize> {
    Some(match rest[1..].chars().next()? {
        '\n' | '\r' => return None,
        'x' => 4,
        // Two halves of one sign, as JSON writes it.
        'u' if matches!(rest.get(2..4), Some("d8" | "d9" | "da" | "db" | "D8" | "D9" | "DA" | "DB")) => 12,
        'u' => 6,
        'U' => 10,
        other => 1 + other.len_utf8(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where the second `${x}` of a value stands in what is written.
    fn second(written: &str, value: &str) -> usize {
        let at = value.match_indices("${x}").nth(1).unwrap().0;
        let span = Spot::new(Span::new(0, written.len() as u32), value, at..at + 4).locate(written);
        assert_eq!(&written[span.start as usize..span.end as usize], "${x}", "{written}");
        span.start as usize
    }

    #[test]
    fn a_spot_is_found_through_quotes_escapes_and_indentation() {
        for (written, value) in [
            ("a ${x} ${x}", "a ${x} ${x}"),
            (r#""a\t\"${x}\" \u00e9 ${x}""#, "a\t\"${x}\" é ${x}"),
            ("'it''s ${x} ${x}'", "it's ${x} ${x}"),
            ("|\n    one ${x}\n      two ${x}\n", "one ${x}\n  two ${x}\n"),
            (">-\n    one ${x}\n    two ${x}\n", "one ${x} two ${x}"),
            ("one ${x}\n    two ${x}", "one ${x} two ${x}"),
            ("\"one ${x} \\\n   ${x}\"", "one ${x} ${x}"),
        ] {
            assert_eq!(second(written, value), written.rfind("${x}").unwrap(), "{written}");
        }
    }

    #[test]
    fn a_name_is_found_as_a_whole() {
        let text = "stage.name ~ stage.nam";
        let spot = Spot::new(Span::new(0, text.len() as u32), text, 0..text.len());
        assert_eq!(spot.name("stage.nam").locate(text), Span::new(13, 22));
    }

    #[test]
    fn what_is_not_written_there_is_the_whole_value() {
        let spot = Spot::new(Span::new(3, 7), "about ${x}", 6..10);
        assert_eq!(spot.locate("   idea\n"), Span::new(3, 7));
    }
}
