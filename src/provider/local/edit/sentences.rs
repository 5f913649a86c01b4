//! Finds where paragraphs and sentences begin and end, as byte ranges of the text.

use std::ops::Range;

/// Returns the paragraphs of `text`: runs of lines between blank lines, without the whitespace around them.
pub fn paragraphs(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut open: Option<Range<usize>> = None;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let inner = line.trim();
        if inner.is_empty() {
            found.extend(open.take());
        } else {
            let start = at + (line.len() - line.trim_start().len());
            let end = start + inner.len();
            open = Some(open.map_or(start, |range| range.start)..end);
        }
        at += line.len();
    }
    found.extend(open);
    found
}

/// Returns the sentences of `text`, each without the whitespace around it and with its closing quotes.
///
/// A full stop after a known abbreviation, an initial or inside a number ends nothing.
pub fn sentences(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut start = None;
    let mut marks = text.char_indices().peekable();
    while let Some((at, mark)) = marks.next() {
        if start.is_none() {
            if mark.is_whitespace() {
                continue;
            }
            start = Some(at);
        }
        let first = start.unwrap_or(at);
        if !is_terminal(mark) {
            continue;
        }
        let mut end = at + mark.len_utf8();
        while let Some((next, closing)) = marks.next_if(|(_, c)| is_terminal(*c) || is_closing(*c)) {
            end = next + closing.len_utf8();
        }
        if ends_sentence(&text[first..end], &text[end..]) {
            found.push(first..end);
            start = None;
        }
    }
    if let Some(first) = start {
        found.push(first..first + text[first..].trim_end().len());
    }
    found
}

/// Returns the words of `text` in lower case, letters, digits and inner apostrophes only.
pub fn words(text: &str) -> Vec<String> {
    text.split(|c: char| !(c.is_alphanumeric() || c == '\'' || c == '’'))
        .map(|word| word.trim_matches(|c| c == '\'' || c == '’').to_lowercase().replace('’', "'"))
        .filter(|word| !word.is_empty())
        .collect()
}

/// Tells whether `text` ends as a sentence does, closing quotes allowed.
pub fn is_finished(text: &str) -> bool {
    text.trim_end().trim_end_matches(is_closing).ends_with(is_terminal)
}

/// Returns `text` up to the end of its last finished sentence; nothing if it has none.
pub fn up_to_last_sentence(text: &str) -> &str {
    let end = sentences(text).into_iter().rev().find(|range| is_finished(&text[range.clone()])).map_or(0, |r| r.end);
    &text[..end]
}

/// Tells whether `c` closes a sentence.
pub fn is_terminal(c: char) -> bool {
    matches!(c, '.' | '!' | '?' | '…')
}

fn is_closing(c: char) -> bool {
    matches!(c, '"' | '”' | '’' | '\'' | ')' | ']' | '»')
}

fn ends_sentence(sentence: &str, rest: &str) -> bool {
    let Some(next) = rest.chars().next() else { return true };
    if !next.is_whitespace() {
        return false;
    }
    let follows = rest.trim_start().chars().next();
    let dotted = sentence.ends_with('.') && !sentence.ends_with("..");
    if dotted && is_abbreviated(sentence, follows) {
        return false;
    }
    // "She waited ... and left." and "“Go!” he said." go on in lower case.
    !follows.is_some_and(char::is_lowercase) || (dotted && !sentence.ends_with(is_closing))
}

fn is_abbreviated(sentence: &str, follows: Option<char>) -> bool {
    let last = sentence.rsplit(char::is_whitespace).next().unwrap_or("");
    let bare = last.trim_start_matches(|c: char| !c.is_alphanumeric()).trim_end_matches('.');
    let initial = bare.chars().count() == 1 && bare.chars().all(char::is_uppercase) && bare != "I";
    let numbered = bare == "No" && follows.is_some_and(|c| c.is_ascii_digit());
    initial || numbered || super::abbreviation::expects_more(bare, follows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str) -> Vec<&str> {
        sentences(text).into_iter().map(|range| &text[range]).collect()
    }

    #[test]
    fn titles_initials_and_numbers_end_nothing() {
        assert_eq!(cut("Dr. J. Moss paid 3.50 today. He left."), ["Dr. J. Moss paid 3.50 today.", "He left."]);
    }

    #[test]
    fn closing_quotes_stay_with_their_sentence() {
        assert_eq!(cut("“Go!” he said. “Now?” She went…"), ["“Go!” he said.", "“Now?”", "She went…"]);
    }

    #[test]
    fn an_unfinished_end_is_a_sentence_of_its_own() {
        let text = "The bus came. And then she";
        assert_eq!(cut(text), ["The bus came.", "And then she"]);
        assert_eq!(up_to_last_sentence(text), "The bus came.");
    }

    #[test]
    fn paragraphs_lie_between_blank_lines() {
        let text = "one\ntwo\n\n \n three \n";
        let found: Vec<&str> = paragraphs(text).into_iter().map(|range| &text[range]).collect();
        assert_eq!(found, ["one\ntwo", "three"]);
    }
}
