//! Turns a text into what is to be said, word by word: every figure, sign and abbreviation in plain English. Pure.

use super::reading::{Dot, Place, Said};
use super::rules::{self, Known};
use super::source::{self, SourceWord};
use crate::provider::speech::SpeechWarning;
use std::collections::BTreeMap;
use std::ops::Range;

/// A text as it is to be said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// One for each word of the text, in order.
    pub words: Vec<ScriptWord>,
    pub warnings: Vec<SpeechWarning>,
}

/// One word of the text and what is said for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptWord {
    /// Bytes in the text.
    pub range: Range<usize>,
    /// English words and the punctuation `,.;:!?…—()“”`, parted by single spaces; empty if nothing is said.
    pub say: String,
    /// Set where a sentence ends.
    pub ends_sentence: bool,
}

/// Returns what is to be said for `text`; `pronunciation` comes before every rule.
pub fn script(text: &str, pronunciation: &BTreeMap<String, String>, known: Known) -> Script {
    let (words, warnings) = source::words(text);
    let mut said: Vec<ScriptWord> = Vec::with_capacity(words.len());
    while let Some(place) = Place::new(&words, said.len()) {
        let first = said.len();
        let read =
            pronounced(&words[first..], pronunciation, known).unwrap_or_else(|| rules::read(place, &words, known));
        for (word, reading) in words[first..].iter().zip(read) {
            said.push(script_word(word, reading));
        }
    }
    settle_stray_punctuation(&mut said);
    end_blocks(&mut said, &words);
    Script { words: said, warnings }
}

/// Says a spelling the way the request wants it: the longest spelling that stands here wins.
fn pronounced(words: &[SourceWord], pronunciation: &BTreeMap<String, String>, known: Known) -> Option<Vec<Said>> {
    let fits = |(spelling, _): &(&String, &String)| spelling_fits(spelling, words).is_some();
    let (spelling, replacement) =
        pronunciation.iter().filter(fits).max_by_key(|(spelling, _)| spelling.split_whitespace().count())?;
    let suffix = spelling_fits(spelling, words)?;
    let count = spelling.split_whitespace().count();
    let inner = script(replacement, &BTreeMap::new(), known);
    let spoken: Vec<&str> = inner.words.iter().flat_map(|word| word.say.split(' ')).filter(|s| !s.is_empty()).collect();
    // Shared out evenly: the spoken words of three spelt ones are heard over all three.
    let share = |at: usize| spoken[spoken.len() * at / count..spoken.len() * (at + 1) / count].join(" ");
    let mut shares: Vec<String> = (0..count).map(share).collect();
    if let Some(last) = shares.last_mut().filter(|last| !last.is_empty()) {
        last.truncate(last.trim_end_matches(|c: char| !c.is_alphanumeric()).len());
        last.push_str(suffix);
    }
    Some(shares.into_iter().map(Said::from).collect())
}

/// Tells whether `spelling` stands at the first of `words`, and returns a possessive ending that it does not have.
///
/// A spelling without capitals fits any case, because sentences begin with a capital; any other fits itself, `Anna`, and
/// itself in capitals, `ANNA`. It fits whole words only: `Anna-Maria` is another one.
fn spelling_fits<'a>(spelling: &str, words: &'a [SourceWord]) -> Option<&'a str> {
    let parts: Vec<SourceWord> = source::words(spelling).0;
    let last = parts.len().checked_sub(1)?;
    let mut suffix = "";
    for (at, part) in parts.iter().enumerate() {
        let word = words.get(at)?;
        let parted = at < last && (!word.tail.is_empty() || word.ends_block);
        let core = match word.core.strip_suffix("'s") {
            Some(stem) if at == last && !part.core.ends_with("'s") => {
                suffix = "'s";
                stem
            }
            _ => word.core.as_str(),
        };
        let same = if part.core.contains(char::is_uppercase) {
            core == part.core || core == part.core.to_uppercase()
        } else {
            core.to_lowercase() == part.core
        };
        if parted || !same || part.core.is_empty() {
            return None;
        }
    }
    Some(suffix)
}

fn script_word(word: &SourceWord, said: Said) -> ScriptWord {
    let tail = match said.dot {
        Dot::Keep => word.tail.as_str(),
        Dot::Drop => word.tail.strip_prefix('.').unwrap_or(&word.tail),
    };
    let mut say = said.text.split_whitespace().collect::<Vec<_>>().join(" ");
    if say.is_empty() && word.core.is_empty() {
        say = format!("{}{tail}", word.lead);
    } else if !say.is_empty() {
        let lead = word.lead.replace('—', "— ").replace('…', "… ");
        say = format!("{lead}{say}{tail}");
    } else {
        say = tail.to_owned();
    }
    let stopped = say.trim_end_matches(['”', ')']).ends_with(['.', '!', '?', '…']);
    let more = tail.trim_end_matches(['”', ')']);
    ScriptWord { range: word.range.clone(), ends_sentence: stopped && !more.is_empty(), say }
}

/// Moves punctuation that stands alone to the word before it; what has none before it is not said.
fn settle_stray_punctuation(words: &mut [ScriptWord]) {
    for at in 0..words.len() {
        let say = &words[at].say;
        if say.is_empty() || say.contains(|c: char| c.is_alphanumeric()) {
            continue;
        }
        let stray = std::mem::take(&mut words[at].say);
        let ended = std::mem::take(&mut words[at].ends_sentence);
        let Some(before) = words[..at].iter_mut().rev().find(|word| !word.say.is_empty()) else { continue };
        if before.ends_sentence {
            continue;
        }
        match stray.chars().next() {
            Some('—') => before.say.push_str(" —"),
            Some('“' | '(') | None => {}
            Some(_) => before.say.push_str(&stray),
        }
        before.ends_sentence |= ended;
    }
}

/// Ends every paragraph and heading with a stop, so that the voice comes to rest.
fn end_blocks(words: &mut [ScriptWord], source: &[SourceWord]) {
    for at in (0..words.len()).filter(|&at| source[at].ends_block) {
        let Some(last) = words[..=at].iter_mut().rev().find(|word| !word.say.is_empty()) else { continue };
        if !last.ends_sentence {
            let kept = last.say.trim_end_matches([',', ';', ':', '—', ' ']).len();
            last.say.truncate(kept);
            last.say.push('.');
            last.ends_sentence = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn known(word: &str) -> bool {
        ["NASA", "FBI", "café", "help", "now", "me", "the", "US"].contains(&word)
    }

    fn say(text: &str) -> String {
        let script = script(text, &BTreeMap::new(), &known);
        let says: Vec<String> = script.words.into_iter().map(|word| word.say).collect();
        says.join("|")
    }

    fn check(cases: &[(&str, &str)]) {
        for (text, expected) in cases {
            assert_eq!(say(text), *expected, "{text}");
        }
    }

    #[test]
    fn plain_words_stay_as_they_are() {
        check(&[
            ("“Mara,” she said, “it’s late.”", "“Mara,”|she|said,|“it's|late.”"),
            ("A well-known mother-in-law.", "A|well-known|mother-in-law."),
            ("Wait... what?!", "Wait…|what?!"),
            ("the dogs' bowls", "the|dogs|bowls."),
            ("'Tis rock 'n' roll", "Tis|rock|and|roll."),
        ]);
    }

    #[test]
    fn figures_become_words_at_their_own_place() {
        check(&[
            ("At 9:30am, 45% left.", "At|nine thirty A.M,|forty five percent|left."),
            ("It was 9:30 a.m. and cold.", "It|was|nine thirty|A.M|and|cold."),
            ("We met at 9 a.m. She left.", "We|met|at|nine|A.M.|She|left."),
            ("It cost $12.50, or €3.", "It|cost|twelve dollars and fifty cents,|or|three euros."),
            ("£1.2m and $3 million!", "one point two million pounds|and|three|million dollars!"),
            ("On 2026-11-23.", "On|November twenty third, twenty twenty six."),
            ("Nov. 23, 2026", "November|twenty third,|twenty twenty six."),
            ("the 23 November 2026", "the|twenty third of|November|twenty twenty six."),
            ("11/23/2026", "November twenty third, twenty twenty six."),
            ("the 3rd of 1,250", "the|third|of|one thousand two hundred fifty."),
            ("pages 5–10", "pages|five to ten."),
            ("5 km at 20°C.", "five|kilometers|at|twenty degrees Celsius."),
            ("a 10-year-old boy", "a|ten year-old|boy."),
            ("a 5-km run", "a|five km|run."),
            ("R2D2 and 3x", "R two D two|and|three x."),
            ("1/2 or 2½", "one half|or|two and a half."),
            ("the '90s", "the|nineties."),
            ("since '08", "since|oh eight."),
            ("9am–5pm Mon-Fri", "nine A.M to five P.M|Monday to Friday."),
            ("he's 6'2", "he's|six foot two."),
            ("800 sq ft.", "eight hundred|square|feet."),
            ("v2.0.1 of H₂O", "version two point zero point one|of|H two O."),
            ("π≈3.14", "pi about three point one four."),
        ]);
    }

    #[test]
    fn abbreviations_are_said_in_full_and_their_dot_ends_no_sentence() {
        check(&[
            ("Dr. Smith met Mr. Jones.", "Doctor|Smith|met|Mister|Jones."),
            ("St. Paul lives on Main St. now.", "Saint|Paul|lives|on|Main|Street|now."),
            ("cats, dogs, etc. They ran.", "cats,|dogs,|et cetera.|They|ran."),
            ("cats vs. dogs, e.g. Rex", "cats|versus|dogs,|for example|Rex."),
            ("J. K. Rowling", "J|K|Rowling."),
            ("No. 5 is here. No. It is.", "number|five|is|here.|No.|It|is."),
            ("in the U.S. for years", "in|the|U.S|for|years."),
            ("Wed., Nov. 3", "Wednesday,|November|third."),
        ]);
    }

    #[test]
    fn roman_numerals_count_only_behind_their_nouns() {
        check(&[
            ("Chapter IV", "Chapter|four."),
            ("World War II ended", "World|War|two|ended."),
            ("Henry VIII was king", "Henry|the eighth|was|king."),
            ("The Book I read", "The|Book|I|read."),
            ("CHAPTER XIV", "Chapter|fourteen."),
            ("IV drip", "IV|drip."),
            ("Part I.", "Part|one."),
        ]);
    }

    #[test]
    fn addresses_are_read_piece_by_piece() {
        check(&[
            ("see www.nightbus.com/a1.", "see|double-u double-u double-u dot nightbus dot com slash a one."),
            ("https://night-bus.co.uk", "night dash bus dot co dot U.K."),
            ("mara@example.org", "mara at example dot org."),
            ("@mara #NightBus #1", "at mara|hashtag Night Bus|number one."),
        ]);
    }

    #[test]
    fn signs_are_said_by_name() {
        check(&[
            ("salt & pepper", "salt|and|pepper."),
            ("and/or he/she", "and or|he she."),
            ("1 + 1 = 2", "one|plus|one|equals|two."),
            ("AT&T", "AT and T."),
            ("α-rays and π", "alpha rays|and|pi."),
            ("door—and out", "door — and|out."),
            ("Brand™ © 2024", "Brand|copyright|twenty twenty four."),
        ]);
    }

    #[test]
    fn capitals_are_spelt_shouted_or_a_name() {
        check(&[
            ("NASA and FBI", "NASA|and|FBI."),
            ("MARA ran", "Mara|ran."),
            ("the UNHCR", "the|UNHCR."),
            ("HELP ME NOW", "help|me|now."),
            ("the HTML5 page", "the|HTML five|page."),
            ("Müller’s café", "Müller's|café."),
            ("Shhh! Nooo", "shush!|noo."),
        ]);
    }

    #[test]
    fn what_is_not_said_leaves_its_word_empty() {
        check(&[
            ("[whispers] Go — now", "|Go —||now."),
            ("— Mara", "|Mara."),
            ("🎉 Hi", "|Hi."),
            ("Hi 🎉!", "Hi!|"),
            ("# The Bus\nIt came", "|The|Bus.|It|came."),
            ("...", ""),
            ("", ""),
        ]);
    }

    #[test]
    fn sentences_end_where_they_end() {
        let ends = |text: &str| {
            let script = script(text, &BTreeMap::new(), &known);
            script.words.iter().filter(|word| word.ends_sentence).count()
        };
        assert_eq!(ends("Dr. Smith ran. He fell!"), 2);
        assert_eq!(ends("“Stop!” he said. (Twice.)"), 3);
        assert_eq!(ends("A line\n\nanother"), 2);
        assert_eq!(ends("version 2.0 is out"), 1);
    }

    #[test]
    fn the_request_s_pronunciation_comes_first() {
        let map: BTreeMap<String, String> =
            [("Hermione", "her my oh knee"), ("SQL", "sequel"), ("new quay", "new key")]
                .map(|(spelling, said)| (spelling.to_owned(), said.to_owned()))
                .into();
        for (text, expected) in [
            ("Hermione’s cat", ["her my oh knee's", "cat."].as_slice()),
            ("“SQL,” he said", &["“sequel,”", "he", "said."]),
            ("New Quay!", &["New", "Quay!"]),
            ("sql", &["sql."]),
            ("HERMIONE ran", &["her my oh knee", "ran."]),
            ("Hermione-Ann", &["Hermione-Ann."]),
        ] {
            let says: Vec<String> = script(text, &map, &known).words.into_iter().map(|word| word.say).collect();
            if text == "New Quay!" {
                assert_eq!(says, ["new", "key!"]);
            } else {
                assert_eq!(says, expected, "{text}");
            }
        }
    }

    proptest! {
        #[test]
        fn any_text_keeps_its_words_and_says_only_what_the_rules_know(text in "(\\PC|[ \\n0-9.,:/$%€–'\"\\[\\]#@-]){0,60}") {
            let script = script(&text, &BTreeMap::new(), &known);
            let words: Vec<&str> = script.words.iter().map(|word| &text[word.range.clone()]).collect();
            prop_assert_eq!(words, text.split_whitespace().collect::<Vec<_>>());
            for word in &script.words {
                prop_assert!(!word.say.contains("  ") && word.say.trim() == word.say, "{:?}", word.say);
                prop_assert!(word.say.chars().all(|c| super::super::latin::is_latin(c) || " '-.,;:!?…—()“”".contains(c)), "{:?}", word.say);
            }
            for warning in &script.warnings {
                prop_assert!(text.get(warning.start as usize..warning.end as usize).is_some());
            }
        }
    }
}
