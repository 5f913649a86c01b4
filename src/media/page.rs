//! Lays the words of one cue on lines.

use super::boundary::{Boundary, between};
use super::preset::Preset;
use super::token::width;
use super::words::Words;
use std::ops::Range;

/// A way to lay words on lines: its cost and the words the second and later lines begin with.
pub(super) type Layout = (f64, Vec<usize>);

/// All words of a text, ready to be laid on lines again and again.
pub(super) struct Page<'a> {
    words: &'a Words,
    preset: &'a Preset,
    /// What stands after each word.
    pub(super) after: Vec<Boundary>,
    /// Characters before each word if all stood on one line, spaces included.
    offsets: Vec<usize>,
}

impl<'a> Page<'a> {
    pub(super) fn new(words: &'a Words, preset: &'a Preset) -> Page<'a> {
        let list = &words.words;
        let mut offsets = vec![0];
        let mut chars = 0;
        for word in list {
            chars += width(&word.text) + usize::from(!word.joined);
            offsets.push(chars);
        }
        let pairs = list.windows(2).map(|pair| between(&pair[0], &pair[1], &words.language));
        let after = pairs.chain([Boundary::Paragraph]).collect();
        Page { words, preset, after, offsets }
    }

    /// Returns how many characters the words take on one line.
    pub(super) fn width(&self, range: &Range<usize>) -> usize {
        let space = usize::from(!self.words.words[range.end - 1].joined);
        self.offsets[range.end] - self.offsets[range.start] - space
    }

    /// Returns the best lines for the words, one if they fit on it. None if they do not fit on as many as a cue may have;
    /// a single word always does.
    pub(super) fn best(&self, range: &Range<usize>) -> Option<Layout> {
        self.laid(range, self.preset.max_lines)
    }

    fn laid(&self, range: &Range<usize>, lines_max: usize) -> Option<Layout> {
        let chars_max = self.preset.max_chars;
        if range.len() == 1 || self.width(range) <= chars_max {
            return Some((0.0, Vec::new()));
        }
        if lines_max == 1 {
            return None;
        }
        let mut best: Option<Layout> = None;
        for at in range.start + 1..range.end {
            let upper = self.width(&(range.start..at));
            if upper > chars_max {
                break;
            }
            let rest = at..range.end;
            // A word longer than a line stands in a cue of its own.
            if rest.len() == 1 && self.width(&rest) > chars_max {
                break;
            }
            let Some((below, mut begins)) = self.laid(&rest, lines_max - 1) else { continue };
            let lower = self.width(&rest) as f64 / (begins.len() + 1) as f64;
            let uneven = 5.0 * (upper as f64 - lower).abs() / chars_max as f64;
            let top_heavy = if upper as f64 > lower { 3.0 } else { 0.0 };
            let cost = below + self.after[at - 1].line_cost() + uneven + top_heavy;
            if best.as_ref().is_none_or(|(least, _)| cost < *least) {
                begins.insert(0, at);
                best = Some((cost, begins));
            }
        }
        best
    }

    /// Returns the text of each line, and where each word begins: the index of its line and the byte in it.
    pub(super) fn lines(&self, range: &Range<usize>) -> (Vec<String>, Vec<(usize, usize)>) {
        let (_, begins) = self.best(range).unwrap_or_default();
        let mut lines = vec![String::new()];
        let mut places = Vec::with_capacity(range.len());
        for (at, word) in range.clone().zip(&self.words.words[range.clone()]) {
            if begins.contains(&at) {
                lines.push(String::new());
            } else if at > range.start && !self.words.words[at - 1].joined {
                last(&mut lines).push(' ');
            }
            places.push((lines.len() - 1, last(&mut lines).len()));
            last(&mut lines).push_str(&word.text);
        }
        (lines, places)
    }
}

fn last(lines: &mut [String]) -> &mut String {
    lines.last_mut().expect("there is always a line")
}

#[cfg(test)]
mod tests {
    use super::super::words::{Break, Timing, VERSION, Word};
    use super::*;

    #[track_caller]
    fn check<const N: usize>(text: &str, max_lines: usize, lines: [&str; N]) {
        let word = |text: &str| Word {
            text: text.into(),
            start: 0.0,
            end: 0.0,
            break_after: Break::None,
            estimated: false,
            joined: false,
        };
        let words = text.split(' ').map(word).collect::<Vec<_>>();
        let (language, source) = ("en".to_string(), Timing::Synthesiser);
        let words = Words { version: VERSION, sample_rate: None, duration: 0.0, language, source, words };
        let preset = Preset { max_lines, max_chars: 24, ..Preset::netflix() };
        let (laid, places) = Page::new(&words, &preset).lines(&(0..words.words.len()));
        assert_eq!(laid, lines);
        let begun = places.iter().map(|&(line, at)| laid[line][at..].split(' ').next().unwrap());
        assert_eq!(begun.collect::<Vec<_>>(), text.split(' ').collect::<Vec<_>>());
    }

    #[test]
    fn one_line_is_enough_where_the_words_fit() {
        check("he came home, and slept", 2, ["he came home, and slept"]);
    }

    #[test]
    fn lines_break_after_punctuation_before_small_words_and_never_after_an_article() {
        check("they came home late, and nobody saw", 2, ["they came home late,", "and nobody saw"]);
        check("somebody came home from the war", 2, ["somebody came home", "from the war"]);
        check("somebody slowly opened the window", 2, ["somebody slowly", "opened the window"]);
    }

    #[test]
    fn of_equal_breaks_the_lower_line_is_the_longer() {
        check("black cats watch green birds", 2, ["black cats", "watch green birds"]);
    }

    #[test]
    fn a_cue_may_have_more_lines() {
        check(
            "one large bird, two small cats, and three grey mice",
            3,
            ["one large bird,", "two small cats,", "and three grey mice"],
        );
    }
}
