//! One spoken piece, its words matched to the script's.

use crate::base::failure::{Cause, Failure};
use crate::media::words::Word;
use crate::provider::speech::SpeechReply;

/// A spoken piece.
#[derive(Debug)]
pub struct SpokenChunk(pub SpeechReply);

impl SpokenChunk {
    /// Returns `words`, the script's, with their times.
    ///
    /// A voice may cut words otherwise than we do: then a word of ours takes the time from its first letter's to its
    /// last, shared out by letters and marked as estimated. Fails if the voice spoke other letters.
    pub fn timed(&self, words: Vec<Word>) -> Result<Vec<Word>, Failure> {
        let spoken: String =
            self.0.words.iter().flat_map(|word| word.text.chars()).filter(|c| !c.is_whitespace()).collect();
        let written: String = words.iter().flat_map(|word| word.text.chars()).collect();
        if spoken != written {
            let message = format!("the voice says it spoke “{spoken}” where the script has “{written}”");
            return Err(Failure::new(Cause::Machine, message));
        }
        let letters = self.letters();
        let mut at = 0;
        let mut before = 0.0_f64;
        let timed = words.into_iter().map(|word| {
            let first = at;
            at += word.text.chars().count();
            let (start, end) = (letters[first], letters[at - 1]);
            let estimated = !start.is_first || !end.is_last || letters[first..at].iter().any(|letter| letter.estimated);
            // Times that go back are a voice's rounding.
            before = before.max(start.from);
            Word { start: before, end: end.to.max(before), estimated, ..word }
        });
        Ok(timed.collect())
    }

    fn letters(&self) -> Vec<Letter> {
        let mut letters = Vec::new();
        for word in &self.0.words {
            let count = word.text.chars().filter(|c| !c.is_whitespace()).count();
            let (start, length) = (finite(word.start), (finite(word.end) - finite(word.start)).max(0.0));
            letters.extend((0..count).map(|i| Letter {
                from: start + length * i as f64 / count as f64,
                to: start + length * (i + 1) as f64 / count as f64,
                is_first: i == 0,
                is_last: i + 1 == count,
                estimated: word.estimated,
            }));
        }
        letters
    }
}

/// When a letter is heard, if its word's time is shared out evenly.
#[derive(Clone, Copy)]
struct Letter {
    from: f64,
    to: f64,
    is_first: bool,
    is_last: bool,
    estimated: bool,
}

fn finite(seconds: f64) -> f64 {
    if seconds.is_finite() { seconds.max(0.0) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::super::piece::silent;
    use super::*;
    use crate::media::token::tokens;
    use crate::provider::speech::SpokenWord;

    fn words(text: &str) -> Vec<Word> {
        tokens(text).into_iter().map(silent).collect()
    }

    fn chunk(words: &[(&str, f64, f64)]) -> SpokenChunk {
        let word = |(text, start, end): &(&str, f64, f64)| SpokenWord {
            text: (*text).into(),
            start: *start,
            end: *end,
            estimated: false,
        };
        SpokenChunk(SpeechReply {
            samples: vec![0.5],
            sample_rate: 24_000,
            words: words.iter().map(word).collect(),
            spoken_by: "a voice".into(),
            warnings: Vec::new(),
            characters: None,
        })
    }

    #[test]
    fn equal_words_keep_their_times() {
        let words = chunk(&[("“Mara,", 0.1, 0.4), ("no.”", 0.5, 0.9)]).timed(words("“Mara, no.”")).unwrap();
        assert_eq!((words[0].text.as_str(), words[0].start, words[0].end), ("“Mara,", 0.1, 0.4));
        assert!(words.iter().all(|word| !word.estimated && !word.joined));
    }

    #[test]
    fn words_that_a_voice_cut_otherwise_share_the_time() {
        let words = chunk(&[("東京", 0.0, 1.0), ("。", 1.0, 1.0)]).timed(words("東京。")).unwrap();
        let times: Vec<(&str, f64, f64)> =
            words.iter().map(|word| (word.text.as_str(), word.start, word.end)).collect();
        assert_eq!(times, [("東", 0.0, 0.5), ("京。", 0.5, 1.0)]);
        assert!(words[0].estimated && words[0].joined);
    }

    #[test]
    fn other_words_than_the_scripts_are_refused() {
        let failure = chunk(&[("Hello", 0.0, 0.4)]).timed(words("Hullo")).unwrap_err();
        assert_eq!(failure.cause, Cause::Machine);
        assert_eq!(failure.message, "the voice says it spoke “Hello” where the script has “Hullo”");
    }
}
