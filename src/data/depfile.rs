//! The files that a command says it has read: a depfile, in the part of the Makefile language that compilers write. Pure.

use crate::base::span::Span;
use crate::data::parse::{self, DataFault};
use std::collections::BTreeSet;

/// Most files that one depfile may name.
const FILES_MAX: usize = 100_000;

/// Why a depfile cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DepfileFault {
    #[error("{0}")]
    Data(DataFault),
    #[error("{words}")]
    Rule { line: usize, column: usize, words: &'static str },
    #[error("names more than {FILES_MAX} files")]
    TooMany,
}

/// Returns the files that stand behind the `:` of any rule, in order and each once.
///
/// `\ ` is a space in a name, `\#` a `#`, `\:` a `:`, `$$` a `$`; a backslash at the end of a line goes on in the next; a
/// rule without files behind it (`header.h:`) adds none.
pub fn parse(bytes: &[u8]) -> Result<Vec<String>, DepfileFault> {
    let text = parse::text(bytes).map_err(DepfileFault::Data)?;
    let mut reader = Reader { text, at: 0 };
    let (mut files, mut seen) = (Vec::new(), BTreeSet::new());
    let mut side = Side::Targets { first: None };
    while let Some((start, token)) = reader.next()? {
        side = match (side, token) {
            (Side::Targets { first: Some(at) }, Token::End) => return Err(reader.fault(at, "has a rule without a `:`")),
            (Side::Targets { first: None } | Side::Files, Token::End) => Side::Targets { first: None },
            (Side::Targets { first: None }, Token::Colon) => {
                return Err(reader.fault(start, "has a rule without a target before its `:`"));
            }
            (Side::Targets { first: Some(_) }, Token::Colon) => Side::Files,
            (Side::Files, Token::Colon) => return Err(reader.fault(start, "has a second `:` in one rule")),
            (Side::Targets { first }, Token::Name(_)) => Side::Targets { first: first.or(Some(start)) },
            (Side::Files, Token::Name(name)) => {
                if seen.insert(name.clone()) {
                    files.push(name);
                }
                if files.len() > FILES_MAX {
                    return Err(DepfileFault::TooMany);
                }
                Side::Files
            }
        };
    }
    Ok(files)
}

/// Which side of a rule's `:` is read.
enum Side {
    /// With where the first target of the rule stands.
    Targets {
        first: Option<usize>,
    },
    Files,
}

enum Token {
    Name(String),
    Colon,
    /// The end of a rule.
    End,
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
}

impl Reader<'_> {
    fn next(&mut self) -> Result<Option<(usize, Token)>, DepfileFault> {
        self.skip_blanks();
        let start = self.at;
        let Some(sign) = self.peek() else {
            // The last rule ends with the text, told once.
            let open = !self.text.is_empty() && self.at == self.text.len();
            self.at += 1;
            return Ok(open.then_some((start, Token::End)));
        };
        match sign {
            '\n' => {
                self.at += 1;
                Ok(Some((start, Token::End)))
            }
            ':' => {
                self.at += 1;
                Ok(Some((start, Token::Colon)))
            }
            _ => self.name().map(|name| Some((start, Token::Name(name)))),
        }
    }

    /// Skips blanks, continued lines and comments.
    fn skip_blanks(&mut self) {
        loop {
            let rest = self.rest();
            if let Some(length) = continuation(rest) {
                self.at += length;
            } else if rest.starts_with([' ', '\t']) || rest.starts_with("\r\n") {
                self.at += 1;
            } else if rest.starts_with('#') {
                self.at += rest.find('\n').unwrap_or(rest.len());
            } else {
                return;
            }
        }
    }

    fn name(&mut self) -> Result<String, DepfileFault> {
        let mut name = String::new();
        while let Some(sign) = self.peek() {
            let rest = self.rest();
            if sign.is_ascii_whitespace() || continuation(rest).is_some() || ends_target(rest) {
                break;
            }
            match sign {
                '\\' => self.backslashes(&mut name),
                '$' if rest.starts_with("$$") => {
                    name.push('$');
                    self.at += 2;
                }
                '$' if rest.starts_with("$(") || rest.starts_with("${") => {
                    return Err(self.fault(self.at, "has a variable of make in it, which nobody fills in here"));
                }
                '\0' => return Err(self.fault(self.at, "has a NUL byte in it")),
                sign => {
                    name.push(sign);
                    self.at += sign.len_utf8();
                }
            }
        }
        Ok(name)
    }

    /// Before a blank, `2n + 1` backslashes are `n` and the blank; before `#` and `:` one is none; elsewhere they are signs.
    fn backslashes(&mut self, name: &mut String) {
        let count = self.rest().bytes().take_while(|&byte| byte == b'\\').count();
        let behind = self.rest()[count..].chars().next();
        self.at += count;
        match behind {
            Some(sign @ (' ' | '\t')) => {
                name.extend(std::iter::repeat_n('\\', count / 2));
                if count % 2 == 1 {
                    name.push(sign);
                    self.at += 1;
                }
            }
            Some(sign @ ('#' | ':')) => {
                name.extend(std::iter::repeat_n('\\', count - 1));
                name.push(sign);
                self.at += 1;
            }
            // The last of them continues the line.
            Some('\n') => {
                name.extend(std::iter::repeat_n('\\', count - 1));
                self.at -= 1;
            }
            _ => name.extend(std::iter::repeat_n('\\', count)),
        }
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn fault(&self, at: usize, words: &'static str) -> DepfileFault {
        let at = u32::try_from(at).unwrap_or(u32::MAX);
        let (line, column) = Span::new(at, at).line_column(self.text);
        DepfileFault::Rule { line, column, words }
    }
}

/// Returns the length of a backslash and the end of its line.
fn continuation(text: &str) -> Option<usize> {
    if text.starts_with("\\\n") {
        Some(2)
    } else if text.starts_with("\\\r\n") {
        Some(3)
    } else {
        None
    }
}

/// A `:` ends the targets where a blank, the end of the line or nothing follows: `c:/x` is a name.
fn ends_target(text: &str) -> bool {
    text.strip_prefix(':').is_some_and(|rest| {
        rest.is_empty() || rest.starts_with(|sign: char| sign.is_ascii_whitespace()) || continuation(rest).is_some()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<String> {
        parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn what_gcc_writes_is_read() {
        assert_eq!(read("main.o: main.c a.h \\\n  sub/b.h\n\na.h:\n\nsub/b.h:\n"), ["main.c", "a.h", "sub/b.h"]);
        assert_eq!(read("a.o b.o: x.c\r\nc.o: x.c y.c"), ["x.c", "y.c"]);
        assert_eq!(read("# made by hand\nx: # none\ny: a\\\n b\n"), ["a", "b"]);
        assert_eq!(read(""), [""; 0]);
    }

    #[test]
    fn escapes_are_taken_off() {
        assert_eq!(read(r"x: my\ notes.md a\#b c$$d e\:f"), ["my notes.md", "a#b", "c$d", "e:f"]);
        assert_eq!(read(r"x: back\slash two\\ next odd\\\ one"), ["back\\slash", "two\\", "next", "odd\\ one"]);
        assert_eq!(read("x: глава\\ 1.md c:/x\n"), ["глава 1.md", "c:/x"]);
        assert_eq!(read("t\\ x\\\n : a"), ["a"]);
    }

    #[test]
    fn what_is_malformed_is_told_with_its_place() {
        let fault = |text: &str| match parse(text.as_bytes()).unwrap_err() {
            DepfileFault::Rule { line, column, words } => format!("{line}:{column} {words}"),
            other => other.to_string(),
        };
        assert_eq!(fault("a: b\nc d\n"), "2:1 has a rule without a `:`");
        assert_eq!(fault("c d"), "1:1 has a rule without a `:`");
        assert_eq!(fault(": b\n"), "1:1 has a rule without a target before its `:`");
        assert_eq!(fault("a: b : c\n"), "1:6 has a second `:` in one rule");
        assert_eq!(fault("a: $(SRC)\n"), "1:4 has a variable of make in it, which nobody fills in here");
        assert_eq!(fault("a: b\0\n"), "1:5 has a NUL byte in it");
        assert!(matches!(parse(b"a: \xff"), Err(DepfileFault::Data(DataFault::NotText))));
    }
}
