//! Cuts a script into what is spoken in one go.
//!
//! A voice in this process speaks sentences. A service takes more, and speaks a paragraph better than its sentences one by
//! one: a paragraph goes in one piece if it is short enough, else each of its sentences, and of a sentence that is too long
//! as much as fits, up to the end of a clause if there is one. So a changed sentence changes one piece.

use super::Part;
use crate::media::plain::{Sentence, Tag};
use crate::media::token::{Token, is_closer, is_spoken, tokens};
use crate::media::words::{Break, Word};
use crate::provider::speech::SpeechWarning;

/// What is spoken in one go.
pub struct Piece<'s> {
    pub text: String,
    lines: Vec<Line<'s>>,
    /// What ends with it.
    pub after: Break,
}

/// A sentence of the piece, or the part of one.
struct Line<'s> {
    sentence: &'s Sentence,
    /// Bytes in the sentence.
    from: usize,
    to: usize,
    /// Where it begins in the piece, in bytes.
    at: usize,
    after: Break,
    end: End,
}

/// Whether a space follows a line in the script.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Apart,
    Joined,
}

impl<'s> Piece<'s> {
    /// Returns its words, each at no time yet.
    pub fn words(&self) -> Vec<Word> {
        let mut words = Vec::new();
        for line in &self.lines {
            words.extend(tokens(line.text()).into_iter().map(silent));
            if let Some(last) = words.last_mut() {
                last.break_after = line.after;
                last.joined = line.end == End::Joined;
            }
        }
        words
    }

    /// Returns the tags that stand in it, each at its byte of the piece.
    pub fn tags(&self) -> Vec<Tag> {
        let of = |line: &Line<'s>| -> Vec<Tag> {
            let moved = |tag: &Tag| Tag { at: tag.at.max(line.from) - line.from + line.at, ..tag.clone() };
            line.tags().map(moved).collect()
        };
        self.lines.iter().flat_map(of).collect()
    }

    /// Returns how long it is with its tags, in characters.
    fn length(&self) -> usize {
        length(&self.text) + self.lines.iter().flat_map(Line::tags).map(|tag| length(&tag.text) + 2).sum::<usize>()
    }

    /// Tells whether there is anything to say, and not only a dash in a line of its own.
    pub fn is_to_be_spoken(&self) -> bool {
        tokens(&self.text).iter().any(|token| is_spoken(token.text))
    }

    /// Returns the sentence that a warning is about, and the warning as one of that sentence alone.
    pub fn place(&self, warning: &SpeechWarning) -> (&'s Sentence, SpeechWarning) {
        let found = self.lines.iter().rev().find(|line| line.at <= warning.start as usize).unwrap_or(&self.lines[0]);
        let moved = |byte: u32| (byte as usize).saturating_sub(found.at) + found.from;
        let small = |byte: usize| u32::try_from(byte).unwrap_or(u32::MAX);
        let (start, end) = (small(moved(warning.start)), small(moved(warning.end)));
        (found.sentence, SpeechWarning { start, end, ..warning.clone() })
    }

    /// Returns its first sentence and its last.
    pub fn ends(&self) -> (&str, &str) {
        (self.lines[0].text(), self.lines[self.lines.len() - 1].text())
    }

    fn add(&mut self, line: Line<'s>) {
        if let Some(before) = self.lines.last() {
            // Without a mark at its end an item of a list would run into the next.
            let is_stopped = before.text().trim_end_matches(is_closer).ends_with(|c: char| !c.is_alphanumeric());
            self.text.push(if is_stopped { ' ' } else { '\n' });
        }
        let at = self.text.len();
        self.text.push_str(line.text());
        self.after = line.after;
        self.lines.push(Line { at, ..line });
    }
}

impl<'s> Line<'s> {
    fn whole(part: &'s Part) -> Line<'s> {
        let (sentence, after) = (&part.sentence, part.after);
        Line { sentence, from: 0, to: sentence.text.len(), at: 0, after, end: End::Apart }
    }

    fn text(&self) -> &'s str {
        &self.sentence.text[self.from..self.to]
    }

    /// Returns the tags before its words; the last of a sentence has those behind it.
    fn tags(&self) -> impl Iterator<Item = &'s Tag> + use<'s> {
        let (sentence, from, to) = (self.sentence, self.from, self.to);
        let first = if from == 0 { 0 } else { sentence.text[..from].trim_end().len() + 1 };
        let end = if to == sentence.text.len() { usize::MAX } else { to + 1 };
        sentence.tags.iter().filter(move |tag| (first..end).contains(&tag.at))
    }
}

/// Cuts a script into pieces of up to `most` characters; `None`: into sentences.
pub(super) fn pieces(parts: &[Part], most: Option<usize>) -> Vec<Piece<'_>> {
    let Some(most) = most else { return parts.iter().map(|part| piece([Line::whole(part)])).collect() };
    let mut pieces = Vec::new();
    for paragraph in parts.split_inclusive(|part| part.after == Break::Paragraph) {
        let whole = piece(paragraph.iter().map(Line::whole));
        if whole.length() <= most {
            pieces.push(whole);
        } else {
            pieces.extend(paragraph.iter().flat_map(|part| sentence(part, most)));
        }
    }
    pieces
}

/// Returns a word at no time.
pub fn silent(token: Token<'_>) -> Word {
    let text = token.text.to_owned();
    Word { text, start: 0.0, end: 0.0, break_after: Break::None, estimated: false, joined: token.joined }
}

fn piece<'s>(lines: impl IntoIterator<Item = Line<'s>>) -> Piece<'s> {
    let mut piece = Piece { text: String::new(), lines: Vec::new(), after: Break::None };
    lines.into_iter().for_each(|line| piece.add(line));
    piece
}

/// Cuts a sentence that is too long between words. A single word that is longer is left to the service to refuse.
fn sentence(part: &Part, most: usize) -> Vec<Piece<'_>> {
    let text = part.sentence.text.as_str();
    let tags: usize = part.sentence.tags.iter().map(|tag| length(&tag.text) + 2).sum();
    let most = most.saturating_sub(tags).max(1);
    let mut pieces = Vec::new();
    let mut from = 0;
    while length(&text[from..]) > most {
        let Some((to, end)) = cut(&text[from..], most) else { break };
        let line = Line { from, to: from + to, after: Break::None, end, ..Line::whole(part) };
        pieces.push(piece([line]));
        from += to;
        from += text[from..].len() - text[from..].trim_start().len();
    }
    pieces.push(piece([Line { from, ..Line::whole(part) }]));
    pieces
}

/// Returns the byte before which `text` is cut: after the last clause that fits, else after the last word.
fn cut(text: &str, most: usize) -> Option<(usize, End)> {
    let words = tokens(text);
    let (mut byte, mut chars) = (0, 0);
    let (mut word_end, mut clause_end) = (None, None);
    for token in &words[..words.len().saturating_sub(1)] {
        let space = text[byte..].len() - text[byte..].trim_start().len();
        chars += length(&text[byte..byte + space]) + length(token.text);
        byte += space + token.text.len();
        if chars > most && word_end.is_some() {
            break;
        }
        let end = if token.joined { End::Joined } else { End::Apart };
        word_end = Some((byte, end));
        let is_clause =
            token.text.trim_end_matches(is_closer).ends_with([',', ';', ':', '—', '–', '，', '；', '：', '、']);
        if is_clause {
            clause_end = word_end;
        }
    }
    clause_end.or(word_end)
}

fn length(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::super::parts;
    use super::*;
    use proptest::prelude::*;

    const SCRIPT: &str = "# Title\n\nOne is here. Two, and more, is there!\n\nThree.\n";

    fn texts(script: &str, most: Option<usize>) -> Vec<String> {
        pieces(&parts(script), most).into_iter().map(|piece| piece.text).collect()
    }

    #[test]
    fn a_piece_is_a_sentence_a_paragraph_or_a_part_of_a_sentence() {
        assert_eq!(texts(SCRIPT, None), ["Title", "One is here.", "Two, and more, is there!", "Three."]);
        assert_eq!(texts(SCRIPT, Some(99)), ["Title", "One is here. Two, and more, is there!", "Three."]);
        assert_eq!(texts(SCRIPT, Some(30)), ["Title", "One is here.", "Two, and more, is there!", "Three."]);
        let parts = ["Title", "One is here.", "Two, and more,", "is there!", "Three."];
        assert_eq!(texts(SCRIPT, Some(15)), parts);
        assert_eq!(texts("Supercalifragilistic word.", Some(9)), ["Supercalifragilistic", "word."]);
        assert_eq!(texts("- one\n- two", Some(99)), ["one\ntwo"]);
    }

    #[test]
    fn what_ends_with_a_line_stands_with_its_last_word() {
        let parts = parts("One. Two.\n\n東京は大きい。");
        let breaks = |most| -> Vec<Break> {
            pieces(&parts, most).iter().flat_map(Piece::words).map(|word| word.break_after).collect()
        };
        assert_eq!(breaks(Some(99)), breaks(None));
        let found = pieces(&parts, Some(4));
        assert_eq!(found[2].text, "東京は大");
        assert!(found[2].words().iter().all(|word| word.joined && word.break_after == Break::None));
    }

    #[test]
    fn a_warning_belongs_to_its_sentence() {
        let parts = parts("One is here. Two is there.");
        let pieces = pieces(&parts, Some(99));
        let warning = SpeechWarning { start: 17, end: 19, message: String::new() };
        let (sentence, moved) = pieces[0].place(&warning);
        assert_eq!(&sentence.text[moved.start as usize..moved.end as usize], "is");
        assert_eq!(sentence.text, "Two is there.");
        assert_eq!(pieces[0].ends(), ("One is here.", "Two is there."));
    }

    proptest! {
        #[test]
        fn no_word_is_lost_and_no_piece_is_too_long(text in "([a-z東京，, ]{0,12}[.,]? ?\n?\n?){0,12}", most in 1usize..40) {
            let parts = parts(&text);
            let words = |most| -> Vec<Word> { pieces(&parts, most).iter().flat_map(Piece::words).collect() };
            prop_assert_eq!(words(Some(most)), words(None));
            for piece in pieces(&parts, Some(most)) {
                prop_assert!(piece.text.chars().count() <= most || tokens(&piece.text).len() == 1, "{}", piece.text);
            }
        }
    }
}
