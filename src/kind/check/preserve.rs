//! Tells whether a text has kept every word of another: only `[tags]` and whitespace may differ.

use std::fmt;

/// The first place where two texts differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Byte in the later text.
    pub at: usize,
    /// The words there in the earlier text; empty at its end.
    pub before: String,
    /// The words there in the later text; empty at its end.
    pub after: String,
}

/// How many words around a difference are quoted.
const QUOTED_WORDS: usize = 6;
/// A longer bracket is no tag.
const TAG_CHARS_MAX: usize = 60;

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.before.as_str(), self.after.as_str()) {
            (before, "") => write!(f, "“{before}” is missing"),
            ("", after) => write!(f, "“{after}” was added"),
            (before, after) => write!(f, "“{before}” became “{after}”"),
        }
    }
}

/// Returns where `after` first says something else than `before`, tags and whitespace aside; `None` if nowhere.
///
/// A tag is one bracketed run of words on one line, `[sighs]`; it counts as a gap in either text. `[1]` and the text of
/// a `[link](…)` are no tags. Where no tag stands, words that were apart stay apart, and those that were one stay one.
pub fn difference(before: &str, after: &str) -> Option<Difference> {
    let (old, new) = (letters(before), letters(after));
    let mut at = 0;
    while let (Some(a), Some(b)) = (old.get(at), new.get(at)) {
        let gap_kept = a.gap == b.gap || at == 0 || Gap::Tag == a.gap || Gap::Tag == b.gap;
        if a.letter != b.letter || !gap_kept {
            break;
        }
        at += 1;
    }
    if at == old.len() && at == new.len() {
        return None;
    }
    // The whole word is at fault, not only the letters from the difference on.
    let begins_word = |i: usize| [old.get(i), new.get(i)].into_iter().flatten().all(|letter| letter.gap != Gap::None);
    let start = (0..=at).rev().find(|&i| i == 0 || begins_word(i)).unwrap_or(0);
    let place = new.get(start).map_or(after.len(), |letter| letter.at);
    Some(Difference { at: place, before: quote(&old[start..]), after: quote(&new[start..]) })
}

/// A character that is said, and what stands before it.
struct Letter {
    at: usize,
    letter: char,
    gap: Gap,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Gap {
    None,
    Space,
    Tag,
}

fn letters(text: &str) -> Vec<Letter> {
    let mut letters = Vec::with_capacity(text.len());
    let mut gap = Gap::None;
    let mut skip_to = 0;
    for (at, letter) in text.char_indices() {
        if at < skip_to {
            continue;
        }
        if let Some(length) = tag_length(&text[at..]) {
            gap = Gap::Tag;
            skip_to = at + length;
        } else if letter.is_whitespace() {
            gap = if gap == Gap::Tag { Gap::Tag } else { Gap::Space };
        } else {
            letters.push(Letter { at, letter, gap });
            gap = Gap::None;
        }
    }
    letters
}

/// Returns the bytes of the tag that `rest` begins with, brackets included.
pub fn tag_length(rest: &str) -> Option<usize> {
    let inner = rest.strip_prefix('[')?;
    let close = inner.find(']')?;
    let (name, after) = (&inner[..close], &inner[close + 1..]);
    let is_name = name.chars().any(char::is_alphabetic)
        && name.chars().all(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '\'' | '’' | ',' | '.' | ':' | '_'));
    (is_name && name.chars().count() <= TAG_CHARS_MAX && !after.starts_with('(')).then_some(close + 2)
}

fn quote(letters: &[Letter]) -> String {
    let mut text = String::new();
    let mut words = 1;
    for (index, letter) in letters.iter().enumerate() {
        if index > 0 && letter.gap != Gap::None {
            words += 1;
            if words > QUOTED_WORDS {
                text.push_str(" …");
                break;
            }
            text.push(' ');
        }
        text.push(letter.letter);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn said(before: &str, after: &str) -> Option<String> {
        difference(before, after).map(|difference| difference.to_string())
    }

    #[test]
    fn tags_and_whitespace_may_come_and_go() {
        let before = "She left.  Well, no.\n\n“Stay,” he said.";
        let after = "[sad] [pause] She left. Well [sighs], no. [long pause]\n“[softly]Stay,” he said. [laughs]\n";
        assert_eq!(difference(before, after), None);
        assert_eq!(difference(after, before), None);
    }

    #[test]
    fn a_changed_word_is_quoted_with_what_follows() {
        let found = difference("The last bus came at ten.", "[calm] The final bus came at ten.").unwrap();
        assert_eq!(found.to_string(), "“last bus came at ten.” became “final bus came at ten.”");
        assert_eq!(found.at, "[calm] The ".len());
    }

    #[test]
    fn words_that_are_gone_or_new_are_named() {
        assert_eq!(said("One two three.", "One two").as_deref(), Some("“three.” is missing"));
        assert_eq!(said("One two", "One two [sad] three").as_deref(), Some("“three” was added"));
    }

    #[test]
    fn words_neither_melt_nor_split() {
        assert_eq!(said("to get her", "together").as_deref(), Some("“to get her” became “together”"));
        assert!(said("together", "to gether").is_some());
    }

    #[test]
    fn footnotes_and_links_are_words() {
        assert!(said("See [1].", "See .").is_some());
        assert!(said("See [the map](m.png).", "See (m.png).").is_some());
    }

    #[test]
    fn a_case_or_a_comma_is_a_difference() {
        assert!(said("Well, no.", "Well no.").is_some());
        assert!(said("He ran.", "HE ran.").is_some());
    }

    proptest! {
        #[test]
        fn any_text_keeps_itself_under_tags(text in "([A-Za-z]{1,6}[,.!?]? ?|\\n){0,30}", every in 1usize..5) {
            let words: Vec<&str> = text.split(' ').collect();
            let tagged: Vec<String> = words.iter().enumerate()
                .map(|(i, word)| if i % every == 0 { format!("[sighs] {word}") } else { (*word).to_owned() }).collect();
            prop_assert_eq!(difference(&text, &tagged.join(" ")), None);
        }

        #[test]
        fn no_input_breaks_it(a in "\\PC{0,30}", b in "\\PC{0,30}") {
            prop_assert_eq!(difference(&a, &a), None);
            if let Some(found) = difference(&a, &b) {
                prop_assert!(b.is_char_boundary(found.at));
            }
        }
    }
}
