//! Writes words the way they are said, for services that take no pronunciation, and knows where each letter went. Pure.

use crate::media::plain::Tag;
use crate::media::token::tokens;
use std::collections::BTreeMap;
use std::ops::Range;

/// A text as it is sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Respelt {
    pub text: String,
    /// For each character of the written text, where it lies among those of the sent one.
    places: Vec<(f64, f64)>,
}

impl Respelt {
    /// Returns where the written characters `range` lie among those of the sent text: whole numbers, unless a spelling of
    /// several words was replaced.
    pub fn place(&self, range: &Range<usize>) -> (f64, f64) {
        (self.places[range.start].0, self.places[range.end - 1].1)
    }
}

impl Respelt {
    /// Puts each of the tags of `text`, which was respelt, before what became of the character at which it stands.
    pub fn tagged(self, text: &str, tags: &[Tag]) -> Respelt {
        let sent: Vec<char> = self.text.chars().collect();
        let place_of = |tag: &Tag| {
            let written = text[..tag.at].chars().count();
            self.places.get(written).map_or(sent.len(), |place| place.0 as usize)
        };
        let mut tags = tags.iter().map(|tag| (place_of(tag), tag)).peekable();
        // For each sent character, how far the tags before it move it.
        let mut moved = Vec::with_capacity(sent.len());
        let (mut with, mut added) = (String::new(), 0);
        for at in 0..=sent.len() {
            while let Some((_, tag)) = tags.next_if(|(place, _)| *place <= at) {
                let before = with.chars().next_back().is_some_and(|c| !c.is_whitespace());
                let behind = sent.get(at).is_some_and(|c| c.is_alphanumeric() || "“‘«\"(¿¡—".contains(*c));
                let tag = format!("{}{}{}", if before { " " } else { "" }, tag.text, if behind { " " } else { "" });
                added += tag.chars().count();
                with.push_str(&tag);
            }
            moved.push(added as f64);
            with.extend(sent.get(at));
        }
        let start = |place: f64| place + moved[place as usize];
        let end = |place: f64| place + moved[(place.ceil() as usize).saturating_sub(1)];
        let places = self.places.iter().map(|(from, to)| (start(*from), end(*to))).collect();
        Respelt { text: with, places }
    }
}

/// Returns `text` with its words written as `said` has them: the longest spelling that stands in a place wins.
///
/// A spelling without capitals fits any case, because sentences begin with a capital; any other fits itself and itself in
/// capitals. It fits whole words only, a possessive `'s` behind it aside.
pub fn respelt(text: &str, said: &BTreeMap<String, String>) -> Respelt {
    let chars: Vec<char> = text.chars().collect();
    let words = cores(&chars, text);
    let mut sent = Sent::default();
    let mut at = 0;
    let mut word = 0;
    while word < words.len() {
        let fits = said.iter().filter_map(|(spelling, how)| Some((fit(spelling, &words[word..], &chars)?, how)));
        match fits.max_by_key(|((_, count), _)| *count) {
            Some(((range, count), how)) => {
                sent.keep(&chars[at..range.start]);
                sent.replace(range.len(), how);
                at = range.end;
                word += count;
            }
            None => word += 1,
        }
    }
    sent.keep(&chars[at..]);
    Respelt { text: sent.text, places: sent.places }
}

#[derive(Default)]
struct Sent {
    text: String,
    length: usize,
    places: Vec<(f64, f64)>,
}

impl Sent {
    fn keep(&mut self, chars: &[char]) {
        for c in chars {
            self.text.push(*c);
            self.places.push((self.length as f64, self.length as f64 + 1.0));
            self.length += 1;
        }
    }

    /// The letters of the written word share out those of the sent one.
    fn replace(&mut self, count: usize, how: &str) {
        let length = how.chars().count();
        let place = |letter: usize| self.length as f64 + length as f64 * letter as f64 / count as f64;
        self.places.extend((0..count).map(|letter| (place(letter), place(letter + 1))));
        self.text.push_str(how);
        self.length += length;
    }
}

/// A word: all of it, and what is left of it without punctuation.
struct Core {
    whole: Range<usize>,
    core: Range<usize>,
}

fn cores(chars: &[char], text: &str) -> Vec<Core> {
    let mut at = 0;
    let words = tokens(text).into_iter().map(|token| {
        at += chars[at..].iter().take_while(|c| c.is_whitespace()).count();
        let whole = at..at + token.text.chars().count();
        at = whole.end;
        let sounds = |place: &usize| chars[*place].is_alphanumeric();
        let start = whole.clone().find(sounds).unwrap_or(whole.end);
        let end = whole.clone().rev().find(sounds).map_or(start, |last| last + 1);
        Core { whole, core: start..end }
    });
    words.collect()
}

/// Returns the characters that `spelling` covers if it stands at the first of `words`, and of how many words they are.
fn fit(spelling: &str, words: &[Core], chars: &[char]) -> Option<(Range<usize>, usize)> {
    let parts: Vec<&str> = tokens(spelling).into_iter().map(|token| token.text).collect();
    let last = parts.len().checked_sub(1)?;
    let mut end = 0;
    for (at, part) in parts.iter().enumerate() {
        let word = words.get(at)?;
        let is_parted = at < last && word.core.end < word.whole.end || at > 0 && word.core.start > word.whole.start;
        let core: String = chars[word.core.clone()].iter().collect();
        let stem = core.strip_suffix("'s").or_else(|| core.strip_suffix("’s")).filter(|_| at == last);
        let stem = stem.filter(|_| !part.ends_with("'s") && !part.ends_with("’s"));
        let core = stem.unwrap_or(&core);
        if is_parted || !is_same(part, core) {
            return None;
        }
        end = word.core.start + core.chars().count();
    }
    Some((words[0].core.start..end, parts.len()))
}

fn is_same(spelling: &str, word: &str) -> bool {
    let spelling = spelling.trim_matches(|c: char| !c.is_alphanumeric());
    if spelling.is_empty() {
        false
    } else if spelling.contains(char::is_uppercase) {
        word == spelling || word == spelling.to_uppercase()
    } else {
        word.to_lowercase() == spelling
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, said: &[(&str, &str)], expected: &str) -> Respelt {
        let said = said.iter().map(|(word, how)| ((*word).to_owned(), (*how).to_owned())).collect();
        let found = respelt(text, &said);
        assert_eq!(found.text, expected);
        assert_eq!(found.places.len(), text.chars().count());
        found
    }

    #[test]
    fn whole_words_are_respelt_and_their_punctuation_stays() {
        let siobhan = [("Siobhán", "shi-vawn")];
        check("“Siobhán,” said SIOBHÁN.", &siobhan, "“shi-vawn,” said shi-vawn.");
        check("siobhán Siobhána Siobhán-Maria", &siobhan, "siobhán Siobhána Siobhán-Maria");
        check("Siobhán's, Siobhán’s", &siobhan, "shi-vawn's, shi-vawn’s");
        check("Gif gif GIF", &[("gif", "jif")], "jif jif jif");
        check("New York, new York", &[("New York", "noo yawk"), ("new", "nyoo")], "noo yawk, nyoo York");
        check("New, York", &[("New York", "noo yawk")], "New, York");
        check("「東京」は", &[("東京", "とうきょう")], "「とうきょう」は");
        check("a", &[("—", "dash")], "a");
    }

    #[test]
    fn every_letter_knows_where_it_went() {
        let found = check("Oh, Mara!", &[("Mara", "mah rah")], "Oh, mah rah!");
        assert_eq!(found.place(&(0..3)), (0.0, 3.0));
        assert_eq!(found.place(&(4..9)), (4.0, 12.0));
        let two = check("New York.", &[("New York", "noo yawk")], "noo yawk.");
        assert_eq!(two.place(&(0..3)), (0.0, 3.0));
        let shared = check("A B.", &[("A B", "alpha")], "alpha.");
        assert_eq!(shared.place(&(0..1)), (0.0, 5.0 / 3.0));
    }
    #[test]
    fn tags_stand_before_what_became_of_their_words() {
        let tag = |at: usize, text: &str| Tag { at, text: text.into() };
        let text = "He met Mara, no.";
        let said = [("Mara".to_owned(), "mah rah".to_owned())].into();
        let tags = [tag(0, "[sad]"), tag(7, "[softly]"), tag(11, "[sighs]"), tag(16, "[pause]")];
        let found = respelt(text, &said).tagged(text, &tags);
        assert_eq!(found.text, "[sad] He met [softly] mah rah [sighs], no. [pause]");
        let sent: Vec<char> = found.text.chars().collect();
        let word = |range: Range<usize>| {
            let (from, to) = found.place(&range);
            sent[from as usize..to as usize].iter().collect::<String>()
        };
        assert_eq!([word(0..2), word(3..6), word(7..11), word(13..16)], ["He", "met", "mah rah", "no."]);
        assert_eq!(respelt(text, &said).tagged(text, &[]), respelt(text, &said));
    }
}
