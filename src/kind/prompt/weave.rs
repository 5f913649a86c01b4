//! Takes the tags of a reply into the text that was to be tagged. Pure.
//!
//! A model that copies a long text copies it nearly right. What it was asked for are the tags; the words are there.

use crate::kind::check::preserve::{difference, tag_length};
use crate::media::plain::script_words;
use crate::media::recognise::pairs;
use crate::media::token::tokens;
use std::collections::BTreeMap;

/// A reply with fewer of the text's words, in tenths of the longer of both, is no copy of it.
const SAME_TENTHS: usize = 8;

/// A text as words and tags, each with the byte where it begins.
struct Read<'a> {
    words: Vec<(usize, Vec<char>)>,
    tags: Vec<(usize, &'a str)>,
}

/// Returns `text` with the tags of `reply`, each before the word before which it stands there. `None` if the reply is another
/// text.
pub fn woven(text: &str, reply: &str) -> Option<String> {
    let (ours, theirs) = (Read::of(text), Read::of(reply));
    let letters = |read: &Read<'_>| -> Vec<Vec<char>> { read.words.iter().map(|word| word.1.clone()).collect() };
    let (our_letters, their_letters) = (letters(&ours), letters(&theirs));
    let slices: Vec<&[char]> = their_letters.iter().map(Vec::as_slice).collect();
    let beside: BTreeMap<usize, usize> =
        pairs(&our_letters, &slices).into_iter().map(|(our, their)| (their, our)).collect();
    let same = beside.iter().filter(|(their, our)| our_letters[**our] == their_letters[**their]).count();
    if same * 10 < our_letters.len().max(their_letters.len()) * SAME_TENTHS {
        return None;
    }
    let mut places: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
    for (at, tag) in &theirs.tags {
        let next = theirs.words.partition_point(|word| word.0 < *at);
        let our = beside.range(next..).next().map(|(_, our)| *our);
        if !ours.has(tag, our) {
            places.entry(our.map_or(text.trim_end().len(), |our| ours.words[our].0)).or_default().push(tag);
        }
    }
    let woven = with(text, &places);
    (difference(text, &woven).is_none() && script_words(text) == script_words(&woven)).then_some(woven)
}

impl<'a> Read<'a> {
    fn of(text: &'a str) -> Read<'a> {
        let (mut tags, mut bare) = (Vec::new(), String::with_capacity(text.len()));
        let mut skip_to = 0;
        for (at, c) in text.char_indices() {
            if at >= skip_to
                && let Some(length) = tag_length(&text[at..])
            {
                tags.push((at, &text[at..at + length]));
                skip_to = at + length;
                bare.push_str(&" ".repeat(length));
            } else if at >= skip_to {
                bare.push(c);
            }
        }
        let (mut words, mut at) = (Vec::new(), 0);
        for token in tokens(&bare) {
            at += bare[at..].len() - bare[at..].trim_start().len();
            let letters: Vec<char> =
                token.text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
            if !letters.is_empty() {
                words.push((at, letters));
            }
            at += token.text.len();
        }
        Read { words, tags }
    }

    /// Tells whether this tag stands before this word already; `None`: behind the last.
    fn has(&self, tag: &str, word: Option<usize>) -> bool {
        let word = word.unwrap_or(self.words.len());
        let from = word.checked_sub(1).map_or(0, |before| self.words[before].0);
        let to = self.words.get(word).map_or(usize::MAX, |word| word.0);
        self.tags.iter().any(|(at, own)| (from..to).contains(at) && *own == tag)
    }
}

fn with(text: &str, places: &BTreeMap<usize, Vec<&str>>) -> String {
    let (mut out, mut from) = (String::with_capacity(text.len() * 5 / 4), 0);
    for (&at, tags) in places {
        out.push_str(&text[from..at]);
        from = at;
        let tags = tags.join(" ");
        if text[at..].trim().is_empty() {
            out.push_str(&format!(" {tags}"));
        } else {
            out.push_str(&format!("{tags} "));
        }
    }
    out + &text[from..]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TEXT: &str = "# The Ferry\n\n“Mara,” he said — and left. She didn't follow him, not then, not at all.\n";

    #[test]
    fn the_words_are_the_texts_and_the_tags_the_replys() {
        let reply = "# [warmly] The Ferry\n\n[sad] \"Mara\", he said - and left. [sighs] [slowly] She did not follow him, not \
                     then, not at all. [pause]";
        let expected = "# [warmly] The Ferry\n\n[sad] “Mara,” he said — and left. [sighs] [slowly] She didn't follow him, not then, \
                        not at all. [pause]\n";
        assert_eq!(woven(TEXT, reply).unwrap(), expected);
    }

    #[test]
    fn a_tag_before_a_word_that_is_gone_stands_before_the_next_that_is_there() {
        let reply =
            "The Ferry. Mara, he said, [softly] quietly, and left. She didn't follow him, not then, not at all.";
        assert_eq!(woven(TEXT, reply).unwrap(), TEXT.replace("and left", "[softly] and left"));
    }

    #[test]
    fn a_tag_that_stands_there_is_not_put_twice() {
        let text = "[sad] He left. She stayed where she was, and nobody came.";
        let reply = "[sad] He left! [calm] She stayed where she was, and nobody came.";
        assert_eq!(woven(text, reply).unwrap(), text.replace("She", "[calm] She"));
    }

    #[test]
    fn another_text_is_not_woven() {
        assert_eq!(woven(TEXT, "[sad] Once upon a time there was a ferry, and Mara took it home."), None);
        assert_eq!(woven(TEXT, ""), None);
        assert_eq!(woven("He left.", "[sad] She left."), None);
    }

    #[test]
    fn a_text_without_spaces_is_woven_too() {
        let text = "東京は夜である。雨が降っている。誰も来ない。";
        let reply = "[sad]東京は夜である。[pause]雨が降ってる。誰も来ない。";
        assert_eq!(woven(text, reply).unwrap(), "[sad] 東京は夜である。[pause] 雨が降っている。誰も来ない。");
    }

    proptest! {
        #[test]
        fn whatever_is_woven_keeps_every_word(text in "([a-z]{1,5}[ .,]|\\[[a-z]{1,4}\\] |# |\n){0,30}", reply in "([a-z]{1,5}[ .,]|\\[[a-z]{1,4}\\] |\n){0,30}") {
            if let Some(woven) = woven(&text, &reply) {
                prop_assert_eq!(difference(&text, &woven), None);
                prop_assert_eq!(script_words(&text), script_words(&woven));
            }
            let same = woven(&text, &text);
            prop_assert_eq!(same.as_deref().unwrap_or(&text), text.as_str());
        }
    }
}
