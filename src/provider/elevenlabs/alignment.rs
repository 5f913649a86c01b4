//! When each word is heard, from the times of the characters that were sent. Pure.
//!
//! What the service says is not always of use: it may be missing, hold `[tags]` that nobody hears, or stand still from
//! some place on. Words without a time of use get an estimated one, from their neighbours and the sound.

use crate::media::gaps::{distrust, filled, timeless};
use crate::media::wav::Sound;
use crate::media::words::Word;
use crate::provider::respell::Respelt;
use crate::provider::speech::SpokenWord;
use serde::Deserialize;

/// The characters of a text, and when each begins and ends, in seconds.
#[derive(Deserialize)]
pub struct Alignment {
    characters: Vec<String>,
    character_start_times_seconds: Vec<f64>,
    character_end_times_seconds: Vec<f64>,
}

/// When a character is heard, if that is known.
type Heard = Option<(f64, f64)>;

/// Returns the words of `text`, which was sent as `sent`, with their times in `sound`.
pub fn words(text: &str, sent: &Respelt, alignment: Option<&Alignment>, sound: &Sound) -> Vec<SpokenWord> {
    let heard = alignment.and_then(|alignment| alignment.heard(&sent.text));
    let mut words = timeless(text);
    if let Some(heard) = heard {
        tell(&mut words, text, sent, &heard);
        let length = sound.samples.len() as f64 / f64::from(sound.rate.max(1));
        distrust(&mut words, length);
    }
    let spoken =
        |word: Word| SpokenWord { text: word.text, start: word.start, end: word.end, estimated: word.estimated };
    filled(&words, sound).into_iter().map(spoken).collect()
}

impl Alignment {
    /// Returns for each character of `sent` when it is heard; `None` if the characters are others.
    fn heard(&self, sent: &str) -> Option<Vec<Heard>> {
        let (starts, ends) = (&self.character_start_times_seconds, &self.character_end_times_seconds);
        if starts.len() != self.characters.len() || ends.len() != self.characters.len() {
            return None;
        }
        let sent: Vec<char> = sent.chars().collect();
        let told: Vec<char> = self.characters.iter().map(|text| text.chars().next().unwrap_or(' ')).collect();
        let mut heard = vec![None; sent.len()];
        let (mut ours, mut theirs) = (0, 0);
        while ours < sent.len() {
            if sent[ours].is_whitespace() {
                ours += 1;
            } else if told.get(theirs).is_some_and(|c| c.is_whitespace()) {
                theirs += 1;
            } else if told.get(theirs) == Some(&sent[ours]) {
                heard[ours] = Some((starts[theirs], ends[theirs]));
                (ours, theirs) = (ours + 1, theirs + 1);
            } else {
                // Only one of both has the tag.
                match (behind_tag(&told, theirs), behind_tag(&sent, ours)) {
                    (Some(behind), _) => theirs = behind,
                    (None, Some(behind)) => ours = behind,
                    (None, None) => return None,
                }
            }
        }
        Some(heard)
    }
}

/// Returns the place behind the `[tag]` that begins at `place`.
fn behind_tag(text: &[char], place: usize) -> Option<usize> {
    text.get(place).filter(|c| **c == '[')?;
    text[place..].iter().position(|c| *c == ']').map(|length| place + length + 1)
}

/// Gives each word the time from its first to its last letter.
fn tell(words: &mut [Word], text: &str, sent: &Respelt, heard: &[Heard]) {
    let chars: Vec<char> = text.chars().collect();
    let mut at = 0;
    for word in words {
        at += chars[at..].iter().take_while(|c| c.is_whitespace()).count();
        let range = at..at + word.text.chars().count();
        at = range.end;
        let (from, to) = sent.place(&range);
        if let (Some(start), Some(end)) = (start_of(from, heard), end_of(to, heard)) {
            // Words that share the time of one replaced spelling share it out.
            let estimated = from.fract() != 0.0 || to.fract() != 0.0;
            *word = Word { start, end, estimated, ..word.clone() };
        }
    }
}

fn start_of(place: f64, heard: &[Heard]) -> Option<f64> {
    let (start, end) = heard.iter().skip(place as usize).find_map(|heard| *heard)?;
    Some(start + (end - start) * place.fract())
}

fn end_of(place: f64, heard: &[Heard]) -> Option<f64> {
    let last = (place.ceil() as usize).checked_sub(1)?;
    let (start, end) = heard[..=last].iter().rev().find_map(|heard| *heard)?;
    Some(start + (end - start) * (place - last as f64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::respell::respelt;

    /// Each character a tenth of a second, as `shown` has them.
    fn alignment(shown: &str) -> Alignment {
        let count = shown.chars().count();
        Alignment {
            characters: shown.chars().map(String::from).collect(),
            character_start_times_seconds: (0..count).map(|at| at as f64 / 10.0).collect(),
            character_end_times_seconds: (1..=count).map(|at| at as f64 / 10.0).collect(),
        }
    }

    fn sound(tenths: usize) -> Sound {
        let samples = (0..tenths * 800).map(|i| if i % 9 < 4 { 0.5 } else { -0.5 }).collect();
        Sound { rate: 8000, samples }
    }

    /// Words with their times in tenths of a second; `~` before what is estimated.
    fn told(text: &str, said: &[(&str, &str)], alignment: Option<&Alignment>) -> String {
        let said = said.iter().map(|(word, how)| ((*word).to_owned(), (*how).to_owned())).collect();
        let sent = respelt(text, &said);
        let tenths = alignment.map_or(10, |alignment| alignment.characters.len());
        let tell = |word: SpokenWord| {
            let mark = if word.estimated { "~" } else { "" };
            format!("{mark}{} {:.1}-{:.1}", word.text, word.start * 10.0, word.end * 10.0)
        };
        words(text, &sent, alignment, &sound(tenths)).into_iter().map(tell).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn a_word_is_heard_from_its_first_letter_to_its_last() {
        assert_eq!(told("To — sea.", &[], Some(&alignment("To — sea."))), "To 0.0-2.0, — 3.0-4.0, sea. 5.0-9.0");
        // They fold white space, or put some before.
        assert_eq!(told("To  sea.", &[], Some(&alignment(" To sea."))), "To 1.0-3.0, sea. 4.0-8.0");
    }

    #[test]
    fn a_respelt_word_is_heard_where_its_other_spelling_is() {
        let mara = alignment("Oh mah rah!");
        assert_eq!(told("Oh Mara!", &[("Mara", "mah rah")], Some(&mara)), "Oh 0.0-2.0, Mara! 3.0-11.0");
        let two = told("A B ran.", &[("A B", "alpha")], Some(&alignment("alpha ran.")));
        assert!(two.starts_with("~A 0.0-") && two.ends_with("ran. 6.0-10.0"), "{two}");
    }

    #[test]
    fn tags_that_only_one_side_has_are_passed_over() {
        assert_eq!(told("To sea.", &[], Some(&alignment("[sad] To [a b] sea."))), "To 6.0-8.0, sea. 15.0-19.0");
    }

    #[test]
    fn without_an_alignment_all_is_estimated() {
        let all = told("To sea.", &[], None);
        assert!(all.starts_with("~To 0.0-") && all.contains("~sea."), "{all}");
        let other = alignment("Other words");
        assert!(told("To sea.", &[], Some(&other)).starts_with("~To"));
        let short = Alignment { character_end_times_seconds: vec![], ..alignment("To sea.") };
        assert!(told("To sea.", &[], Some(&short)).starts_with("~To"));
    }

    #[test]
    fn times_that_stand_still_or_are_none_are_estimated() {
        let mut frozen = alignment("One two six ten.");
        for at in 6..16 {
            frozen.character_start_times_seconds[at] = 0.5;
            frozen.character_end_times_seconds[at] = 0.6;
        }
        let all = told("One two six ten.", &[], Some(&frozen));
        assert!(all.starts_with("One 0.0-3.0, ~two 3.0-"), "{all}");
        assert!(all.contains("~six") && all.contains("~ten.") && all.ends_with("-16.0"), "{all}");
        let mut late = alignment("One two.");
        late.character_end_times_seconds[7] = 99.0;
        assert!(told("One two.", &[], Some(&late)).contains("~two. 3.0-8.0"));
    }
}
