//! The file `.env` beside a Storyfile: variables for whoever builds here. Its values are never shown, also in errors.

use crate::base::diagnostic::Diagnostic;
use crate::base::span::{Lines, Span};
use crate::storyfile::params::is_identifier;
use std::collections::BTreeMap;

/// The file that lies beside a Storyfile and is not committed.
pub const FILE: &str = ".env";

/// Reads `NAME=value` lines. Of two lines with one name the later counts, as in a shell. Every fault is returned.
pub fn parse(text: &str) -> Result<BTreeMap<String, String>, Vec<Diagnostic>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = Reader { text, at: 0 };
    let (mut values, mut faults) = (BTreeMap::new(), Vec::new());
    while reader.at < text.len() {
        match reader.line() {
            Ok(Some((name, value))) => drop(values.insert(name, value)),
            Ok(None) => {}
            Err((at, wrong)) => {
                let (line, column) = Lines::of(text).place(u32::try_from(at).unwrap_or(u32::MAX));
                let message = format!("line {line}, column {column} of `.env`: {}", wrong.0);
                faults.push(
                    Diagnostic { span: None, ..Diagnostic::error("S126", message, Span::default()) }.help(wrong.1),
                );
            }
        }
        reader.end_line();
    }
    if faults.is_empty() { Ok(values) } else { Err(faults) }
}

/// What is wrong, and the way out.
struct Wrong(&'static str, &'static str);

const NO_VALUE: Wrong = Wrong("this is not `NAME=value`", "write one variable on a line; a remark starts with `#`");
const NO_NAME: Wrong = Wrong("this cannot name a variable", "use letters, digits and `_`, as in `OPENAI_API_KEY`");
const OPEN: Wrong =
    Wrong("the quote is not closed", "close it; a quote that belongs to the value stands in the other sort of quotes");
const MORE: Wrong = Wrong("more stands behind the quote", "put the whole value in quotes");
const NUL: Wrong = Wrong("the value has a NUL byte in it", "no variable can hold that: take it out");

struct Reader<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Reader<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn skip(&mut self, is_skipped: impl Fn(char) -> bool) {
        self.at += self.rest().len() - self.rest().trim_start_matches(is_skipped).len();
    }

    fn skip_blanks(&mut self) {
        self.skip(|c| c == ' ' || c == '\t' || c == '\r');
    }

    fn end_line(&mut self) {
        self.at += self.rest().find('\n').map_or(self.rest().len(), |end| end + 1);
    }

    /// Reads what starts at the beginning of a line; a value in quotes may go on over further lines.
    fn line(&mut self) -> Result<Option<(String, String)>, (usize, Wrong)> {
        self.skip_blanks();
        if self.is_at_end() {
            return Ok(None);
        }
        if let Some(rest) = self.rest().strip_prefix("export").filter(|rest| rest.starts_with([' ', '\t'])) {
            self.at = self.text.len() - rest.len();
            self.skip_blanks();
        }
        let start = self.at;
        let line = self.rest().split('\n').next().unwrap_or("");
        let Some(equals) = line.find('=') else { return Err((start, NO_VALUE)) };
        let name = line[..equals].trim_end();
        if !is_identifier(name) {
            return Err((start, NO_NAME));
        }
        self.at += equals + 1;
        self.skip_blanks();
        let start = self.at;
        let value = match self.rest().chars().next() {
            Some(quote @ ('"' | '\'')) => self.quoted(quote)?,
            _ => self.plain(),
        };
        if value.contains('\0') {
            return Err((start, NUL));
        }
        Ok(Some((name.to_owned(), value)))
    }

    /// Tells whether nothing but a remark follows on this line.
    fn is_at_end(&self) -> bool {
        self.rest().is_empty() || self.rest().starts_with(['\n', '#'])
    }

    fn plain(&mut self) -> String {
        let line = self.rest().split('\n').next().unwrap_or("");
        // A `#` within a word belongs to it: `colour=#fff` and `pa#ss`.
        let remark = line.match_indices('#').map(|(at, _)| at).find(|&at| line[..at].ends_with([' ', '\t']));
        line[..remark.unwrap_or(line.len())].trim().to_owned()
    }

    fn quoted(&mut self, quote: char) -> Result<String, (usize, Wrong)> {
        let start = self.at;
        let mut value = String::new();
        let mut inner = self.text[start + 1..].char_indices();
        while let Some((at, next)) = inner.next() {
            match next {
                _ if next == quote => {
                    self.at = start + 1 + at + 1;
                    let end = self.at;
                    self.skip_blanks();
                    return if self.is_at_end() { Ok(value) } else { Err((end, MORE)) };
                }
                '\\' if quote == '"' => match inner.next().map(|(_, escaped)| escaped) {
                    Some('n') => value.push('\n'),
                    Some('r') => value.push('\r'),
                    Some('t') => value.push('\t'),
                    Some(escaped @ ('"' | '\\' | '$' | '`' | '\'')) => value.push(escaped),
                    // A line that goes on.
                    Some('\n') => {}
                    Some(other) => value.extend(['\\', other]),
                    None => break,
                },
                _ => value.push(next),
            }
        }
        Err((start, OPEN))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn value(text: &str) -> String {
        parse(text).unwrap_or_else(|faults| panic!("{text}: {faults:?}")).remove("A").expect("A is there")
    }

    #[test]
    fn a_value_is_what_a_shell_would_make_of_it() {
        for (text, expected) in [
            ("A=b", "b"),
            ("export A=b c # remark", "b c"),
            ("  A = b\r\n", "b"),
            ("A=", ""),
            ("A=pa#ss", "pa#ss"),
            ("A='x # y' # remark", "x # y"),
            ("A=\"x \\\"y\\\" \\n\\$z\"", "x \"y\" \n$z"),
            ("A='${B} \\n'", "${B} \\n"),
            ("A=${B}", "${B}"),
            ("A=\"-----BEGIN\nKEY-----\"\nB=2", "-----BEGIN\nKEY-----"),
            ("# A=1\n\nA=ключ=1\nB=2\n", "ключ=1"),
            ("A=1\nA=2", "2"),
            ("\u{feff}A=b", "b"),
            ("exported=1\nA=2", "2"),
        ] {
            assert_eq!(value(text), expected, "{text}");
        }
    }

    #[test]
    fn every_fault_is_told_with_its_place_and_without_its_value() {
        let text = "A=1\nsk-secret1\nMY-KEY=secret2\nB='secret3' secret4\nC=\"secret5\nD=6";
        let faults = parse(text).unwrap_err();
        let told: Vec<&str> = faults.iter().map(|fault| fault.message.as_str()).collect();
        let expected = [
            "line 2, column 1 of `.env`: this is not `NAME=value`",
            "line 3, column 1 of `.env`: this cannot name a variable",
            "line 4, column 12 of `.env`: more stands behind the quote",
            "line 5, column 3 of `.env`: the quote is not closed",
        ];
        assert_eq!(told, expected);
        assert!(!format!("{faults:?}").contains("secret"));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(A|=|'|\"|\\\\|#| |\n|\r|ж|export |\u{0})*") {
            let _ = parse(&text);
        }
    }
}
