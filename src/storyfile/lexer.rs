//! Walks through a command's text: quotes, expansions, here-documents, comments, and our expressions among them.

use crate::storyfile::expr;
use crate::storyfile::shell::{Form, LexFault, LexFaultSort, Lexed, Place, ShellPiece};
use std::cell::Cell;
use std::ops::Range;

/// Most levels of `$(…)`.
const DEPTH_MAX: usize = 32;

/// How many `${` without an end are followed to the end of the text: each time all that is left is read.
const ENDLESS_MAX: usize = 100;

/// Where the walk stands, and what it found.
pub struct Lexer<'a> {
    text: &'a str,
    at: usize,
    literal: String,
    pieces: Vec<ShellPiece>,
    plain: bool,
    pipe: bool,
    depth: usize,
    /// Here-documents whose text starts at the next line: delimiter, and whether tabs before it count.
    documents: Vec<(String, bool)>,
    faults: Vec<LexFault>,
    endless: Cell<usize>,
    is_root: &'a dyn Fn(&str) -> bool,
}

/// Words after which a command starts.
const OPENERS: [&str; 9] = ["do", "then", "else", "elif", "if", "while", "until", "{", "!"];

impl<'a> Lexer<'a> {
    pub fn new(text: &'a str, is_root: &'a dyn Fn(&str) -> bool) -> Lexer<'a> {
        Lexer {
            text,
            at: 0,
            literal: String::new(),
            pieces: Vec::new(),
            plain: true,
            pipe: false,
            depth: 0,
            documents: Vec::new(),
            faults: Vec::new(),
            endless: Cell::new(0),
            is_root,
        }
    }

    /// Returns the pieces and faults of what was read.
    pub fn finish(mut self) -> (Lexed, Vec<LexFault>) {
        self.flush();
        let form = match (self.plain, self.pipe) {
            (_, true) => Form::Pipe,
            (true, false) => Form::Plain,
            (false, false) => Form::Shell,
        };
        (Lexed { pieces: self.pieces, form }, self.faults)
    }

    /// Reads commands until the end, or the `)` that closes what opened at `opened`.
    pub fn bare(&mut self, opened: Option<usize>) {
        let mut word = String::new();
        let mut starts_command = true;
        let mut cases = 0usize;
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            let from = opened.unwrap_or(0);
            self.fault(LexFaultSort::TooDeep, from..from + 1);
            self.at = self.text.len();
        }
        while let Some(next) = self.peek() {
            let ends_word = next.is_whitespace() || ";&|()<>".contains(next);
            if ends_word && !word.is_empty() {
                match word.as_str() {
                    "case" if starts_command => cases += 1,
                    "esac" => cases = cases.saturating_sub(1),
                    _ => {}
                }
                starts_command = OPENERS.contains(&word.as_str());
                word.clear();
            }
            match next {
                '\'' => self.single(),
                '"' => self.double(),
                '`' => self.backtick(),
                '$' => self.dollar(Place::Bare),
                '#' if word.is_empty() && self.at_word_start() => self.comment(),
                '<' if self.rest().starts_with("<<<") => self.shell_text(3),
                '<' if self.rest().starts_with("<<") => self.document(),
                ')' if cases > 0 => {
                    self.shell_text(1);
                    starts_command = true;
                }
                ')' if opened.is_some() => {
                    self.shell_text(1);
                    self.depth -= 1;
                    return;
                }
                // `<<` in it shifts.
                '(' if self.rest().starts_with("((") && arithmetic_end(self.rest(), 2).is_some() => self.arithmetic(2),
                '(' => {
                    let from = self.at;
                    self.shell_text(1);
                    self.bare(Some(from));
                }
                '|' if self.rest().starts_with("||") => {
                    self.shell_text(2);
                    starts_command = true;
                }
                '|' => {
                    self.pipe = true;
                    self.shell_text(1);
                    starts_command = true;
                }
                ';' | '&' => {
                    self.shell_text(1);
                    starts_command = true;
                }
                '\n' => {
                    self.shell_text(1);
                    self.documents();
                    starts_command = true;
                }
                '\\' => self.shell_text(1 + self.rest()[1..].chars().next().map_or(0, char::len_utf8)),
                ' ' | '\t' => self.take(1),
                next => {
                    if "<>*?[]{}~)\r".contains(next) {
                        self.plain = false;
                    }
                    word.push(next);
                    self.take(next.len_utf8());
                    continue;
                }
            }
            if !ends_word {
                // Quotes and expansions belong to the word that they stand in.
                word.push('"');
            }
        }
        if let Some(from) = opened {
            self.fault(LexFaultSort::Unclosed, from..from + 1);
        }
        self.depth -= 1;
    }

    /// Reads what follows a `$`.
    fn dollar(&mut self, place: Place) {
        let rest = self.rest();
        if rest.starts_with("$${") {
            self.at += 1;
            self.shell_text(2);
            if place != Place::Single {
                self.expansion(self.at - 2, place);
            }
        } else if let Some(end) = self.ours(self.at) {
            self.insert(end, place);
        } else if place == Place::Single {
            self.take(1);
        } else if rest.starts_with("$((") && arithmetic_end(rest, 3).is_some() {
            self.arithmetic(3);
        } else if rest.starts_with("$(") {
            let from = self.at;
            self.shell_text(2);
            self.bare(Some(from));
        } else if rest.starts_with("${") {
            let from = self.at;
            self.shell_text(2);
            self.expansion(from, place);
        } else if rest.starts_with("$'") && place == Place::Bare {
            self.ansi_quote();
        } else {
            self.shell_text(1);
        }
    }

    /// Reads an expansion of the shell up to its `}`.
    fn expansion(&mut self, from: usize, place: Place) {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            self.fault(LexFaultSort::TooDeep, from..from + 2);
            self.at = self.text.len();
        }
        while let Some(next) = self.peek() {
            match next {
                '}' => {
                    self.shell_text(1);
                    self.depth -= 1;
                    return;
                }
                '\\' => self.shell_text(1 + self.rest()[1..].chars().next().map_or(0, char::len_utf8)),
                '\'' if place != Place::Double => self.single(),
                '"' => self.double(),
                '`' => self.backtick(),
                '$' => match self.ours(self.at) {
                    Some(end) => {
                        self.fault(LexFaultSort::Expansion, self.at..end);
                        self.at = end;
                    }
                    None => self.dollar(place),
                },
                next => self.shell_text(next.len_utf8()),
            }
        }
        self.fault(LexFaultSort::Unclosed, from..from + 2);
        self.depth -= 1;
    }

    /// Reads `$((…))` or `((…))`, whose opening is `opening` bytes long.
    fn arithmetic(&mut self, opening: usize) {
        let end = self.at + arithmetic_end(self.rest(), opening).expect("looked for before");
        self.shell_text(opening);
        while self.at < end {
            if self.rest().starts_with("$${") {
                self.at += 1;
                self.shell_text(2);
            }
            match self.ours(self.at) {
                Some(close) if self.peek() == Some('$') => self.insert(close, Place::Arithmetic),
                _ => self.shell_text(self.peek().map_or(1, char::len_utf8)),
            }
        }
    }

    fn single(&mut self) {
        let from = self.at;
        self.take(1);
        while let Some(next) = self.peek() {
            match next {
                '\'' => return self.take(1),
                '$' => self.dollar(Place::Single),
                next => self.take(next.len_utf8()),
            }
        }
        self.fault(LexFaultSort::Unclosed, from..from + 1);
    }

    fn double(&mut self) {
        let from = self.at;
        self.take(1);
        while let Some(next) = self.peek() {
            match next {
                '"' => return self.take(1),
                '\\' => self.shell_text(1 + self.rest()[1..].chars().next().map_or(0, char::len_utf8)),
                '`' => self.backtick(),
                '$' => self.dollar(Place::Double),
                next => self.take(next.len_utf8()),
            }
        }
        self.fault(LexFaultSort::Unclosed, from..from + 1);
    }

    fn backtick(&mut self) {
        let from = self.at;
        let inner = &self.text[from + 1..];
        let mut escaped = false;
        let end = inner.char_indices().find(|(_, c)| {
            let found = *c == '`' && !escaped;
            escaped = *c == '\\' && !escaped;
            found
        });
        match end {
            Some((end, _)) => self.closed_zone(from + end + 2, LexFaultSort::Backtick),
            None => {
                self.fault(LexFaultSort::Unclosed, from..from + 1);
                self.closed_zone(self.text.len(), LexFaultSort::Backtick);
            }
        }
    }

    fn ansi_quote(&mut self) {
        let from = self.at;
        let mut end = from + 2;
        let bytes = self.text.as_bytes();
        while end < bytes.len() && bytes[end] != b'\'' {
            end += if bytes[end] == b'\\' { 2 } else { 1 };
        }
        if end >= bytes.len() {
            self.fault(LexFaultSort::Unclosed, from..from + 2);
        }
        let mut end = (end + 1).min(bytes.len());
        while !self.text.is_char_boundary(end) {
            end += 1;
        }
        self.closed_zone(end, LexFaultSort::AnsiQuote);
    }

    /// A comment is the shell's alone: our value could end it with a newline.
    fn comment(&mut self) {
        let length = self.rest().find('\n').unwrap_or(self.rest().len());
        self.shell_text(length);
    }

    /// Reads `<<WORD` and remembers that its text comes after this line.
    fn document(&mut self) {
        let mut length = 2;
        let rest = self.rest();
        let tabs = rest[length..].starts_with('-');
        length += usize::from(tabs);
        length += rest[length..].len() - rest[length..].trim_start_matches([' ', '\t']).len();
        let word = rest[length..].split(|c: char| c.is_whitespace() || ";&|()<>".contains(c)).next().unwrap_or("");
        let delimiter: String = word.chars().filter(|c| !"'\"\\".contains(*c)).collect();
        length += word.len();
        self.shell_text(length);
        if !delimiter.is_empty() {
            self.documents.push((delimiter, tabs));
        }
    }

    fn documents(&mut self) {
        for (delimiter, tabs) in std::mem::take(&mut self.documents) {
            let mut end = self.at;
            for line in self.text[self.at..].split_inclusive('\n') {
                end += line.len();
                let line = line.trim_end_matches('\n');
                let line = if tabs { line.trim_start_matches('\t') } else { line };
                if line == delimiter {
                    break;
                }
            }
            self.closed_zone(end, LexFaultSort::HereDocument);
        }
    }

    /// Takes text up to `end` as it is; expressions of ours cannot stand there.
    fn closed_zone(&mut self, end: usize, sort: LexFaultSort) {
        for (found, _) in self.text[self.at..end].match_indices("${") {
            let start = self.at + found;
            if !self.text[..start].ends_with('$')
                && let Some(close) = self.ours(start)
            {
                self.fault(sort, start..close.min(end));
            }
        }
        while let Some(found) = self.text[self.at..end].find("$${") {
            self.shell_text(found);
            self.at += 1;
            self.shell_text(2);
        }
        self.shell_text(end - self.at);
    }

    /// Returns the end of the expression of ours that starts at `start`, if one does.
    fn ours(&self, start: usize) -> Option<usize> {
        let inner = self.text[start..].strip_prefix("${")?.trim_start_matches(' ');
        let length = inner.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(inner.len());
        let (root, after) = inner.split_at(length);
        let operator = after.starts_with([':', '-', '=', '?', '+', '%', '#', '/', '^', ',', '@', '!', '*'])
            || after.starts_with("[@]")
            || after.starts_with("[*]");
        if operator || self.endless.get() > ENDLESS_MAX {
            return None;
        }
        let is_root = (self.is_root)(root);
        if !is_root && after.starts_with('}') {
            return None;
        }
        let Some(end) = expr::close(self.text, start + 2) else {
            self.endless.set(self.endless.get() + 1);
            return None;
        };
        if !is_root {
            // `${1 if params.b else 2}`: a shell knows nothing but a name and its operator there. What reads a name of
            // ours is ours.
            let source = self.text[start + 2..end].trim();
            if source.contains(['$', '`', '\n'])
                || !expr::names(source).iter().any(|name| (self.is_root)(expr::root_of(name)))
            {
                return None;
            }
        }
        Some(end + 1)
    }

    fn insert(&mut self, end: usize, place: Place) {
        self.flush();
        let inner = &self.text[self.at + 2..end - 1];
        let at = self.at + 2 + (inner.len() - inner.trim_start().len());
        self.pieces.push(ShellPiece::Ours { source: inner.trim().to_owned(), place, at });
        self.at = end;
    }

    fn flush(&mut self) {
        if !self.literal.is_empty() {
            self.pieces.push(ShellPiece::Text(std::mem::take(&mut self.literal)));
        }
    }

    fn fault(&mut self, sort: LexFaultSort, at: Range<usize>) {
        // Where the walk gave up, what is open is not for want of an end.
        if self.faults.last().is_none_or(|last| last.sort != LexFaultSort::TooDeep) {
            self.faults.push(LexFault { sort, at });
        }
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn at_word_start(&self) -> bool {
        self.at == 0 || self.text[..self.at].ends_with([' ', '\t', '\n', ';', '&', '|', '(', ')'])
    }

    fn take(&mut self, length: usize) {
        let end = (self.at + length).min(self.text.len());
        self.literal.push_str(&self.text[self.at..end]);
        self.at = end;
    }

    /// Takes text that only a shell understands.
    fn shell_text(&mut self, length: usize) {
        self.plain = false;
        self.take(length);
    }
}

/// Returns where `$((…))` or `((…))` ends, if both its closing brackets stand together.
fn arithmetic_end(text: &str, opening: usize) -> Option<usize> {
    let mut depth = 0usize;
    for (at, byte) in text.bytes().enumerate().skip(opening) {
        match byte {
            b'(' => depth += 1,
            b')' if depth > 0 => depth -= 1,
            b')' => return (text.as_bytes().get(at + 1) == Some(&b')')).then_some(at + 2),
            b'\n' => return None,
            _ => {}
        }
    }
    None
}
