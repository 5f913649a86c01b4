//! Where a piece of text stands.

/// A range of bytes in one source text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// One past the last byte; equal to `start` for a place between two bytes.
    pub end: u32,
}

impl Span {
    /// Returns the span of bytes `start..end`.
    pub const fn new(start: u32, end: u32) -> Span {
        Span { start, end }
    }

    /// Returns line and column of the span's start in `text`, both from 1, the column in characters.
    pub fn line_column(&self, text: &str) -> (usize, usize) {
        Lines::of(text).place(self.start)
    }
}

/// Where the lines of a text start: for many places in one text.
pub struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    pub fn of(text: &'a str) -> Lines<'a> {
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        // A byte order mark stands before the first column.
        let first = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        Lines { text, starts: std::iter::once(first).chain(breaks).collect() }
    }

    /// Returns line and column of a byte, both from 1, the column in characters.
    pub fn place(&self, at: u32) -> (usize, usize) {
        let line = self.index(at as usize);
        let at = (at as usize).min(self.text.len());
        let before = self.text.get(self.starts[line]..at).unwrap_or("");
        (line + 1, before.chars().count() + 1)
    }

    /// Returns the whole lines that hold the bytes `start..end`: the number of the first, its first byte, their text.
    pub fn around(&self, start: usize, end: usize) -> (usize, usize, &'a str) {
        let (first, last) = (self.index(start), self.index(end));
        let stop = self.starts.get(last + 1).copied().unwrap_or(self.text.len());
        (first + 1, self.starts[first], self.text.get(self.starts[first]..stop).unwrap_or(""))
    }

    fn index(&self, at: usize) -> usize {
        self.starts.partition_point(|&start| start <= at).saturating_sub(1)
    }
}

/// A value together with the place where the user wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spanned<T> {
    pub value: T,
    pub span: Span,
}

impl<T> Spanned<T> {
    pub const fn new(value: T, span: Span) -> Spanned<T> {
        Spanned { value, span }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_not_bytes() {
        let text = "a: 1\nключ: ${x}\n";
        let start = text.find("${x}").unwrap() as u32;
        assert_eq!(Span::new(start, start + 4).line_column(text), (2, 7));
    }

    #[test]
    fn a_byte_order_mark_is_no_column() {
        assert_eq!(Span::new(4, 5).line_column("\u{feff}a: 1\n"), (1, 2));
        assert_eq!(Span::new(0, 0).line_column("\u{feff}a: 1\n"), (1, 1));
    }

    #[test]
    fn lines_are_found_around_their_bytes() {
        let lines = Lines::of("one\ntwo\nthree");
        assert_eq!(lines.around(5, 6), (2, 4, "two\n"));
        assert_eq!(lines.around(5, 13), (2, 4, "two\nthree"));
        assert_eq!(lines.around(99, 99), (3, 8, "three"));
    }
}
