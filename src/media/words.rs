//! The words file: every word of a script with the time it is spoken, as versioned JSON.

use serde::{Deserialize, Serialize, Serializer};

/// The version this program writes and reads.
pub const VERSION: u32 = 1;

/// The words of one recording. The master from which all subtitles derive.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Words {
    pub version: u32,
    /// Samples a second of the recording the times belong to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample_rate: Option<u32>,
    /// Length of the recording in seconds.
    #[serde(serialize_with = "milliseconds")]
    pub duration: f64,
    /// Language tag of the script: `en`, `pt-BR`.
    pub language: String,
    pub source: Timing,
    /// In script order, times never going back.
    pub words: Vec<Word>,
}

/// One word of the script and when it sounds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Word {
    /// As the script has it: case kept, punctuation attached, free of whitespace.
    pub text: String,
    /// Seconds from the start of the recording.
    #[serde(serialize_with = "milliseconds")]
    pub start: f64,
    /// Seconds from the start of the recording; equal to `start` for what is not spoken, such as a dash.
    #[serde(serialize_with = "milliseconds")]
    pub end: f64,
    #[serde(default, skip_serializing_if = "Break::is_none")]
    pub break_after: Break,
    /// True when this word's time was reckoned from the length of the text, not heard.
    #[serde(default, skip_serializing_if = "is_false")]
    pub estimated: bool,
    /// True when the script has no space between this word and the next, as in Chinese and Japanese.
    #[serde(default, skip_serializing_if = "is_false")]
    pub joined: bool,
}

/// Where the times come from, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Timing {
    /// The synthesiser said when it spoke.
    Synthesiser,
    /// The recording was matched to the text.
    Aligned,
    /// Shared out by the length of the text.
    Estimated,
}

/// What ends with a word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Break {
    #[default]
    None,
    Sentence,
    Paragraph,
}

/// Why a words file cannot be used. Words are counted from 1.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum WordsError {
    #[error("line {line}, column {column}: {message}")]
    Json { line: usize, column: usize, message: String },
    #[error("words file of version {0}; this program reads version {VERSION}")]
    Version(u64),
    #[error("word {index} `{text}` is not one word")]
    Text { index: usize, text: String },
    #[error("word {index} `{text}` has an impossible time: {start} to {end} s")]
    Time { index: usize, text: String, start: f64, end: f64 },
    #[error("word {index} `{text}` starts at {start} s, before the word it follows ({before} s)")]
    Order { index: usize, text: String, start: f64, before: f64 },
    #[error("word {index} `{text}` ends at {end} s, after the recording ({duration} s)")]
    PastEnd { index: usize, text: String, end: f64, duration: f64 },
    #[error("the recording's duration is {0} s")]
    Duration(f64),
}

impl Words {
    /// Reads a words file and checks it. Fails with the line, or with the word that is wrong.
    pub fn from_json(text: &str) -> Result<Words, WordsError> {
        #[derive(Deserialize)]
        struct Probe {
            version: u64,
        }
        let probe: Probe = serde_json::from_str(text).map_err(json_error)?;
        if probe.version != u64::from(VERSION) {
            return Err(WordsError::Version(probe.version));
        }
        let words: Words = serde_json::from_str(text).map_err(json_error)?;
        words.check()?;
        Ok(words)
    }

    /// Returns the file's text: one word a line, times in milliseconds' precision, the same bytes for the same words.
    pub fn to_json(&self) -> String {
        let head = Words { words: Vec::new(), ..self.clone_head() };
        let mut text = serde_json::to_string_pretty(&head).expect("strings and finite numbers are always JSON");
        text.truncate(text.len() - "[]\n}".len());
        text.push('[');
        for (index, word) in self.words.iter().enumerate() {
            text.push_str(if index == 0 { "\n    " } else { ",\n    " });
            text.push_str(&serde_json::to_string(word).expect("strings and finite numbers are always JSON"));
        }
        text.push_str(if self.words.is_empty() { "]\n}\n" } else { "\n  ]\n}\n" });
        text
    }

    /// Checks that each word is one word and that times are finite, in order and inside the recording
    /// (50 ms are forgiven at its end).
    pub fn check(&self) -> Result<(), WordsError> {
        if !self.duration.is_finite() || self.duration < 0.0 {
            return Err(WordsError::Duration(self.duration));
        }
        let mut before = 0.0;
        for (index, word) in self.words.iter().enumerate() {
            check_word(index + 1, word, before, self.duration)?;
            before = word.start;
        }
        Ok(())
    }

    fn clone_head(&self) -> Words {
        Words {
            version: self.version,
            sample_rate: self.sample_rate,
            duration: self.duration,
            language: self.language.clone(),
            source: self.source,
            words: Vec::new(),
        }
    }
}

impl Break {
    fn is_none(&self) -> bool {
        *self == Break::None
    }
}

fn check_word(index: usize, word: &Word, before: f64, duration: f64) -> Result<(), WordsError> {
    let text = word.text.clone();
    let (start, end) = (word.start, word.end);
    if text.is_empty() || text.contains(char::is_whitespace) {
        return Err(WordsError::Text { index, text });
    }
    if !start.is_finite() || !end.is_finite() || start < 0.0 || end < start {
        return Err(WordsError::Time { index, text, start, end });
    }
    if start < before {
        return Err(WordsError::Order { index, text, start, before });
    }
    if end > duration + 0.05 {
        return Err(WordsError::PastEnd { index, text, end, duration });
    }
    Ok(())
}

fn json_error(error: serde_json::Error) -> WordsError {
    let (line, column) = (error.line(), error.column());
    let said = error.to_string();
    let message = said.rsplit_once(" at line ").map_or(said.as_str(), |(what, _)| what).to_string();
    WordsError::Json { line, column, message }
}

fn milliseconds<S: Serializer>(seconds: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64((seconds * 1000.0).round() / 1000.0)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature serde asks for")]
fn is_false(value: &bool) -> bool {
    !value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(text: &str, start: f64, end: f64) -> Word {
        Word { text: text.into(), start, end, break_after: Break::None, estimated: false, joined: false }
    }

    fn sample() -> Words {
        let mut last = word("“мир”.", 0.5, 1.0);
        last.break_after = Break::Paragraph;
        last.estimated = true;
        let words = vec![word("Hello", 0.1, 0.123_456), last];
        Words {
            version: 1,
            sample_rate: Some(24_000),
            duration: 1.2,
            language: "en".into(),
            source: Timing::Aligned,
            words,
        }
    }

    #[test]
    fn the_file_reads_as_written() {
        let text = sample().to_json();
        assert!(text.contains("\n    {\"text\":\"Hello\",\"start\":0.1,\"end\":0.123}"), "{text}");
        let read = Words::from_json(&text).unwrap();
        assert_eq!(read.words[1], sample().words[1]);
        assert_eq!(read.to_json(), text);
    }

    #[test]
    fn no_words_are_a_file_too() {
        let empty = Words { words: Vec::new(), ..sample() };
        assert_eq!(Words::from_json(&empty.to_json()).unwrap(), empty);
    }

    #[test]
    fn a_later_version_is_refused_by_name() {
        let text = sample().to_json().replace("\"version\": 1", "\"version\": 7");
        assert_eq!(Words::from_json(&text), Err(WordsError::Version(7)));
    }

    #[test]
    fn broken_json_names_its_line() {
        let error = Words::from_json("{\n  \"version\": 1,\n  oops\n}").unwrap_err();
        assert!(matches!(error, WordsError::Json { line: 3, .. }), "{error}");
    }

    #[test]
    fn wrong_times_name_the_word() {
        let broken = |change: fn(&mut Words)| {
            let mut words = sample();
            change(&mut words);
            words.check().unwrap_err()
        };
        assert!(matches!(broken(|w| w.words[1].start = 0.05), WordsError::Order { index: 2, .. }));
        assert!(matches!(broken(|w| w.words[1].end = 9.0), WordsError::PastEnd { index: 2, .. }));
        assert!(matches!(broken(|w| w.words[0].start = f64::NAN), WordsError::Time { index: 1, .. }));
        assert!(matches!(broken(|w| w.words[0].text = "a b".into()), WordsError::Text { index: 1, .. }));
        assert!(matches!(broken(|w| w.duration = -1.0), WordsError::Duration(_)));
    }
}
