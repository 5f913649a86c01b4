//! Turns a sentence into phonemes, each knowing the word of the text that it belongs to.

use super::net::wrong_weights;
use super::normalise::ScriptWord;
use super::oov::{Asked, UnknownWords};
use super::{latin, pinned};
use crate::base::failure::Failure;
use misaki_rs::{G2P, Language, MToken};
use std::collections::BTreeMap;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// One sound, or one pause, of a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Phoneme {
    /// The acoustic model's number for it.
    pub id: i32,
    /// The word that it is part of; pauses belong to none.
    pub word: Option<usize>,
    /// How well a long sentence may be cut behind it.
    pub cut: Cut,
}

/// How well a sentence may be cut at a place, worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cut {
    Inside,
    Word,
    Clause,
}

/// The pronunciation rules, the lexicon, and the net for words that it lacks.
pub struct Pronouncer {
    rules: G2P,
    unknown: Arc<UnknownWords>,
    vocabulary: BTreeMap<char, i32>,
}

/// What is said, and the word of the text that each part of it comes from.
#[derive(Default)]
struct Sentence {
    /// In ASCII letters.
    text: String,
    /// Bytes in `text` and the word's number, in order.
    places: Vec<(Range<usize>, usize)>,
    /// Bytes in `text` and the spelling with its accents, in order: the net reads those better without the rules.
    accented: Vec<(Range<usize>, String)>,
}

impl Sentence {
    fn push(&mut self, say: &str, word: usize) {
        if !self.text.is_empty() {
            self.text.push(' ');
        }
        let start = self.text.len();
        for (at, part) in say.split(' ').enumerate() {
            if at > 0 {
                self.text.push(' ');
            }
            let spelling = part.trim_matches(|c: char| !c.is_alphabetic());
            let lead = part.len() - part.trim_start_matches(|c: char| !c.is_alphabetic()).len();
            let folded = latin::folded(spelling);
            self.text.push_str(&part[..lead]);
            if !spelling.is_ascii() {
                let from = self.text.len();
                self.accented.push((from..from + folded.len(), spelling.to_owned()));
            }
            self.text.push_str(&folded);
            self.text.push_str(&part[lead + spelling.len()..]);
        }
        self.places.push((start..self.text.len(), word));
    }
}

/// Longest piece that the acoustic model speaks at once, in phonemes: memory grows with the square.
pub const PIECE_MAX: usize = 400;

impl Pronouncer {
    /// Loads the rules; `vocabulary` is the JSON table from phoneme to number.
    ///
    /// # Errors
    /// `Setup` if the table is not one.
    pub fn load(unknown: UnknownWords, vocabulary: &[u8]) -> Result<Pronouncer, Failure> {
        let table: BTreeMap<char, i32> =
            serde_json::from_slice(vocabulary).map_err(|error| wrong_weights(pinned::VOCAB_JSON, error))?;
        if !table.contains_key(&' ') {
            return Err(wrong_weights(pinned::VOCAB_JSON, "it has no number for a pause"));
        }
        let unknown = Arc::new(unknown);
        let mut rules = G2P::with_fallback(Language::EnglishUS, Some(Box::new(Asked(Arc::clone(&unknown)))));
        rules.unk = String::new();
        Ok(Pronouncer { rules, unknown, vocabulary: table })
    }

    /// Tells whether the lexicon has `word` just as it is written, or with a possessive ending.
    pub fn knows(&self, word: &str) -> bool {
        let word = word.strip_suffix("'s").unwrap_or(word);
        self.rules.lexicon.golds.contains_key(word) || self.rules.lexicon.silvers.contains_key(word)
    }

    /// Returns the phonemes of one sentence. `first` is the number of its first word in the text.
    pub fn read(&self, words: &[ScriptWord], first: usize) -> Vec<Phoneme> {
        let mut sentence = Sentence::default();
        let mut alone: Vec<Sentence> = Vec::new();
        for (at, word) in words.iter().enumerate().filter(|(_, word)| !word.say.is_empty()) {
            sentence.push(&word.say, first + at);
            alone.push(Sentence::default());
            alone.last_mut().expect("just pushed").push(&word.say, first + at);
        }
        // Where the rules give up on a sentence, at most one word is lost by reading word by word.
        self.phonemes(&sentence).unwrap_or_else(|| {
            let read = |word: &Sentence| self.phonemes(word).unwrap_or_default();
            alone.iter().flat_map(|word| read(word).into_iter().chain(self.pause())).collect()
        })
    }

    /// Runs the rules. They are another's code, which cuts words by bytes: a panic there must not end the build.
    fn tokens(&self, text: &str) -> Option<Vec<MToken>> {
        catch_unwind(AssertUnwindSafe(|| self.rules.g2p(text))).ok()?.ok().map(|(_, tokens)| tokens)
    }

    fn phonemes(&self, sentence: &Sentence) -> Option<Vec<Phoneme>> {
        let text = sentence.text.as_str();
        let mut found = Vec::new();
        let mut at = 0;
        let mut accented = sentence.accented.iter().peekable();
        for token in self.tokens(text)? {
            // Tokens stand in the text in order; should the rules have dropped a sign, it is stepped over.
            let start = text[at..].find(token.text.as_str()).map_or(at, |offset| at + offset);
            at = text.ceil_char_boundary(start + token.text.len());
            let place = sentence.places.partition_point(|(range, _)| range.end <= start);
            let word = sentence.places.get(place).map(|(_, word)| *word);
            let net = accented.next_if(|(range, _)| range.start < at && start < range.end);
            let by_net = net.map(|(_, spelling)| self.unknown.read(spelling)).filter(|phonemes| !phonemes.is_empty());
            for sign in by_net.or(token.phonemes).unwrap_or_default().chars() {
                found.extend(self.phoneme(sign, word));
            }
            if !token.whitespace.is_empty() {
                found.extend(self.pause());
            }
        }
        // `P.M.` takes the sentence's last dot for its own.
        if text.ends_with('.') && found.last().is_some_and(|phoneme| phoneme.word.is_some()) {
            found.extend(self.phoneme('.', None));
        }
        Some(found)
    }

    fn phoneme(&self, sign: char, word: Option<usize>) -> Option<Phoneme> {
        let id = *self.vocabulary.get(&sign)?;
        let (word, cut) = match sign {
            ' ' => (None, Cut::Word),
            ',' | ';' | ':' | '—' | '.' | '!' | '?' | '…' => (None, Cut::Clause),
            '"' | '“' | '”' | '(' | ')' => (None, Cut::Inside),
            _ => (word, Cut::Inside),
        };
        Some(Phoneme { id, word, cut })
    }

    fn pause(&self) -> Option<Phoneme> {
        self.phoneme(' ', None)
    }
}

/// Cuts a sentence into pieces that the acoustic model can take: at clauses if it can, else at words.
pub fn pieces(phonemes: &[Phoneme], length_max: usize) -> Vec<&[Phoneme]> {
    let mut found = Vec::new();
    let mut rest = trimmed(phonemes);
    while rest.len() > length_max {
        let window = &rest[..length_max];
        let best = window.iter().map(|phoneme| phoneme.cut).max().unwrap_or(Cut::Inside);
        let cut = match best {
            Cut::Inside => length_max,
            _ => window.iter().rposition(|phoneme| phoneme.cut == best).map_or(length_max, |at| at + 1),
        };
        found.push(trimmed(&rest[..cut]));
        rest = trimmed(&rest[cut..]);
    }
    found.push(rest);
    found.retain(|piece| piece.iter().any(|phoneme| phoneme.word.is_some()));
    found
}

/// Takes the spaces off both ends.
fn trimmed(phonemes: &[Phoneme]) -> &[Phoneme] {
    let space = |phoneme: &Phoneme| phoneme.cut == Cut::Word;
    let start = phonemes.iter().position(|p| !space(p)).unwrap_or(phonemes.len());
    let end = phonemes.iter().rposition(|p| !space(p)).map_or(start, |at| at + 1);
    &phonemes[start..end]
}
