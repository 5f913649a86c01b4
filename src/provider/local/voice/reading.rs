//! What the reading rules share: a word in its place, and what is said for it. Pure.

use super::source::SourceWord;

/// A word among its neighbours: what a rule looks at.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    words: &'a [SourceWord],
    at: usize,
}

/// What is said for one word of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    pub text: String,
    /// What becomes of the dot behind the word.
    pub dot: Dot,
}

/// What a dot behind a word means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dot {
    /// It is punctuation.
    Keep,
    /// It belongs to an abbreviation and is not heard.
    Drop,
}

impl From<String> for Said {
    fn from(text: String) -> Said {
        Said { text, dot: Dot::Keep }
    }
}

impl<'a> Place<'a> {
    /// Stands at word `at`; `None` behind the last.
    pub fn new(words: &'a [SourceWord], at: usize) -> Option<Place<'a>> {
        (at < words.len()).then_some(Place { words, at })
    }

    pub fn word(self) -> &'a SourceWord {
        &self.words[self.at]
    }

    pub fn core(self) -> &'a str {
        &self.word().core
    }

    pub fn next(self) -> Option<Place<'a>> {
        Place::new(self.words, self.at + 1).filter(|_| !self.word().ends_block)
    }

    pub fn previous(self) -> Option<&'a SourceWord> {
        self.words.get(self.at.checked_sub(1)?).filter(|word| !word.ends_block)
    }

    /// Tells whether nothing but white space parts this word from the next.
    pub fn joined(self) -> bool {
        self.word().tail.is_empty() && self.next().is_some_and(|next| next.word().lead.is_empty())
    }

    /// Tells whether a dot behind this word is likely a full stop: the next word begins like a sentence.
    pub fn ends_sentence(self) -> bool {
        let Some(next) = self.next() else { return true };
        let core = next.core();
        let name_of_time = super::calendar::month(core).is_some() || (core.ends_with("day") && core.len() > 5);
        core.starts_with(char::is_uppercase) && !name_of_time
    }

    /// Tells whether the next word begins with a capital letter.
    pub fn before_capital(self) -> bool {
        self.next().is_some_and(|next| next.core().starts_with(char::is_uppercase))
    }
}

impl Said {
    /// Takes the abbreviation's dot away, unless it is also a full stop.
    pub fn without_dot_unless(self, full_stop: bool) -> Said {
        if full_stop { self } else { Said { dot: Dot::Drop, ..self } }
    }
}
