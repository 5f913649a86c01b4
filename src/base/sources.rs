//! The texts of one load, laid end to end: one span tells a place in any of them.

use super::span::Span;

/// The Storyfile and what was read beside it. Texts are only added, so that a span never moves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources {
    text: String,
    /// By their start: a text reaches to one byte before the next.
    files: Vec<File>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct File {
    name: String,
    start: usize,
}

/// One of the texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found<'a> {
    /// Its path, as a person knows it.
    pub name: &'a str,
    pub text: &'a str,
    /// Where it starts among all: the span of its first byte.
    pub start: u32,
}

impl Sources {
    /// Returns the sources whose first text is this one.
    pub fn new(name: impl Into<String>, text: &str) -> Sources {
        let mut sources = Sources::default();
        sources.add(name, text);
        sources
    }

    /// Adds a text and returns where it starts.
    pub fn add(&mut self, name: impl Into<String>, text: &str) -> u32 {
        if !self.files.is_empty() {
            // A byte between two texts: the end of one is not the start of the next.
            self.text.push('\n');
        }
        let start = self.text.len();
        self.files.push(File { name: name.into(), start });
        self.text.push_str(text);
        u32::try_from(start).unwrap_or(u32::MAX)
    }

    /// Returns all texts as one: what spans are places in.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the same with stars in these places, byte for byte, so that all others stay where they are.
    pub fn without(&self, places: &[Span]) -> Sources {
        let mut bytes = self.text.clone().into_bytes();
        for place in places {
            // Whole signs, so that a text stays one.
            let at = |place: u32| (place as usize).min(self.text.len());
            let start = self.text.floor_char_boundary(at(place.start));
            let end = self.text.ceil_char_boundary(at(place.end)).max(start);
            bytes[start..end].iter_mut().filter(|byte| **byte != b'\n').for_each(|byte| *byte = b'*');
        }
        Sources { text: String::from_utf8(bytes).unwrap_or_default(), files: self.files.clone() }
    }

    /// Returns the text that holds a place.
    pub fn at(&self, span: Span) -> Found<'_> {
        let next = self.files.partition_point(|file| file.start <= span.start as usize);
        self.found(next.saturating_sub(1))
    }

    /// Tells whether one of the texts has this name and these bytes.
    pub fn holds(&self, name: &str, bytes: &[u8]) -> bool {
        let mut all = (0..self.files.len()).map(|index| self.found(index));
        all.any(|found| found.name == name && found.text.as_bytes() == bytes)
    }

    /// Returns the text that came first: the Storyfile.
    pub fn first(&self) -> Found<'_> {
        self.found(0)
    }

    fn found(&self, index: usize) -> Found<'_> {
        let Some(file) = self.files.get(index) else { return Found { name: "", text: "", start: 0 } };
        let end = self.files.get(index + 1).map_or(self.text.len(), |next| next.start - 1);
        let start = u32::try_from(file.start).unwrap_or(u32::MAX);
        Found { name: &file.name, text: self.text.get(file.start..end).unwrap_or(""), start }
    }
}

impl Found<'_> {
    /// Returns a span of all texts as a span of this one.
    pub fn within(&self, span: Span) -> Span {
        Span::new(span.start.saturating_sub(self.start), span.end.saturating_sub(self.start))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_hidden_moves_nothing() {
        let mut sources = Sources::new("a.yaml", "ключ: тайна!");
        let start = sources.add("b.yaml", "two\nthree");
        let hidden = sources.without(&[Span::new(10, 20), Span::new(start + 2, start + 5), Span::new(90, 99)]);
        assert_eq!(hidden.first().text, "ключ: **********!");
        assert_eq!(hidden.at(Span::new(start, start)).text, "tw*\n*hree");
    }

    #[test]
    fn a_span_is_a_place_in_one_of_the_texts() {
        let mut sources = Sources::new("a.yaml", "один");
        let start = sources.add("b.yaml", "two");
        assert_eq!(sources.at(Span::new(8, 8)).name, "a.yaml");
        let found = sources.at(Span::new(start, start + 1));
        assert_eq!((found.name, found.text), ("b.yaml", "two"));
        assert_eq!(found.within(Span::new(start + 1, start + 3)), Span::new(1, 3));
        assert_eq!(sources.first().text, "один");
        assert!(sources.holds("b.yaml", b"two") && !sources.holds("a.yaml", b"two"));
        assert_eq!(sources.at(Span::new(u32::MAX, u32::MAX)).name, "b.yaml");
    }
}
