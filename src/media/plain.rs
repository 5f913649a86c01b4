//! Turns a script into the plain text that is spoken: paragraphs of sentences.
//!
//! The one definition of "the script's words", for voice, subtitles and checks alike. What is not spoken falls:
//! `[tags]`, HTML comments, heading and list marks, rules, fences, emphasis marks, the addresses of links.
//! All else stays to the letter.

use super::markup::{Mark, strip};
use super::sentence;
use super::token::{is_ideograph, words};
use crate::base::span::Span;

/// Sentences that belong together; a heading is a paragraph of one sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paragraph {
    /// Never empty.
    pub sentences: Vec<Sentence>,
}

/// One sentence as it is spoken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sentence {
    /// Never empty; one space between words, no markup.
    pub text: String,
    /// From its first to its last spoken character in the source; markup may stand between.
    pub span: Span,
}

/// Returns the spoken paragraphs of a script.
pub fn paragraphs(source: &str) -> Vec<Paragraph> {
    let mut reader = Reader::default();
    for line in lines(&without_comments(source)) {
        reader.line(&line);
    }
    reader.end_paragraph();
    reader.paragraphs
}

/// Returns the spoken text: sentences joined by a space, paragraphs by an empty line.
pub fn text(source: &str) -> String {
    let paragraph = |p: &Paragraph| p.sentences.iter().map(|s| s.text.as_str()).collect::<Vec<_>>().join(" ");
    paragraphs(source).iter().map(paragraph).collect::<Vec<_>>().join("\n\n")
}

/// Returns the spoken words of a script, in order.
pub fn script_words(source: &str) -> Vec<String> {
    let paragraphs = paragraphs(source);
    let sentences = paragraphs.iter().flat_map(|paragraph| &paragraph.sentences);
    sentences.flat_map(|sentence| words(&sentence.text)).map(str::to_string).collect()
}

/// Gathers lines into paragraphs. A run is text whose sentences are found together: one list item, or plain lines.
#[derive(Default)]
struct Reader {
    paragraphs: Vec<Paragraph>,
    sentences: Vec<Sentence>,
    run: Vec<Mark>,
}

impl Reader {
    fn line(&mut self, line: &[Mark]) {
        let line = trim(unquoted(line));
        if line.is_empty() || is_rule(line) || is_fence(line) {
            return self.end_paragraph();
        }
        if let Some(title) = heading(line) {
            self.end_paragraph();
            self.sentences.extend(sentence_of(&collapse(&strip(title))));
            return self.end_paragraph();
        }
        if let Some(item) = list_item(line) {
            self.end_run();
            self.run.extend(item);
        } else {
            self.run.extend(line);
        }
        // The line's end, with the place of the last character; `collapse` decides whether it shows.
        self.run.extend(line.last().map(|&(at, _)| (at, '\n')));
    }

    fn end_run(&mut self) {
        let run = std::mem::take(&mut self.run);
        let spoken = collapse(&strip(&run));
        self.sentences.extend(sentence::split(&spoken).into_iter().filter_map(|range| sentence_of(&spoken[range])));
    }

    fn end_paragraph(&mut self) {
        self.end_run();
        if !self.sentences.is_empty() {
            self.paragraphs.push(Paragraph { sentences: std::mem::take(&mut self.sentences) });
        }
    }
}

fn sentence_of(marks: &[Mark]) -> Option<Sentence> {
    let (&(start, _), &(last, c)) = (marks.first()?, marks.last()?);
    let at = |byte: usize| u32::try_from(byte).unwrap_or(u32::MAX);
    let span = Span::new(at(start), at(last + c.len_utf8()));
    Some(Sentence { text: marks.iter().map(|mark| mark.1).collect(), span })
}

/// Drops `<!-- … -->`; one that is never closed is text.
fn without_comments(source: &str) -> Vec<Mark> {
    let mut kept = Vec::with_capacity(source.len());
    let mut at = 0;
    while at < source.len() {
        let rest = &source[at..];
        let comment = rest.find("<!--").and_then(|open| Some((open, open + rest[open..].find("-->")? + "-->".len())));
        let (text, after) = comment.unwrap_or((rest.len(), rest.len()));
        kept.extend(rest[..text].char_indices().map(|(i, c)| (at + i, c)).filter(|mark| mark.1 != '\u{FEFF}'));
        at += after;
    }
    kept
}

fn lines(marks: &[Mark]) -> Vec<Vec<Mark>> {
    marks.split(|mark| matches!(mark.1, '\n' | '\u{2028}' | '\u{2029}')).map(<[Mark]>::to_vec).collect()
}

/// One space for each stretch of whitespace, none at the ends; none where a line ends between ideographs.
fn collapse(marks: &[Mark]) -> Vec<Mark> {
    let mut kept: Vec<Mark> = Vec::with_capacity(marks.len());
    let mut gap: Option<Mark> = None;
    let mut wrapped = false;
    for &(at, c) in marks {
        if c.is_whitespace() {
            wrapped |= c == '\n';
            gap = gap.or(Some((at, ' ')));
            continue;
        }
        if let (Some(space), Some(&(_, before))) = (gap.take(), kept.last())
            && !(wrapped && is_wide(before) && is_wide(c))
        {
            kept.push(space);
        }
        wrapped = false;
        kept.push((at, c));
    }
    kept
}

fn is_wide(c: char) -> bool {
    is_ideograph(c) || matches!(c, '\u{3000}'..='\u{303F}' | '\u{30FC}' | '\u{FF01}'..='\u{FF65}')
}

fn trim(line: &[Mark]) -> &[Mark] {
    let start = line.iter().position(|mark| !mark.1.is_whitespace()).unwrap_or(line.len());
    let end = line.iter().rposition(|mark| !mark.1.is_whitespace()).map_or(start, |at| at + 1);
    &line[start..end]
}

/// Takes off the marks of a block quotation.
fn unquoted(line: &[Mark]) -> &[Mark] {
    let mut line = trim(line);
    while let [(_, '>'), rest @ ..] = line {
        line = trim(rest);
    }
    line
}

fn is_rule(line: &[Mark]) -> bool {
    let first = line[0].1;
    let marks = line.iter().filter(|mark| !mark.1.is_whitespace());
    matches!(first, '-' | '*' | '_' | '=') && line.len() >= 3 && marks.clone().count() >= 3 && {
        marks.clone().all(|mark| mark.1 == first)
    }
}

fn is_fence(line: &[Mark]) -> bool {
    let starts = |c: char| line.len() >= 3 && line[..3].iter().all(|mark| mark.1 == c);
    starts('~') && !line[3..].iter().any(|mark| mark.1 == '~')
        || starts('`') && !line[3..].iter().any(|mark| mark.1 == '`')
}

/// Returns the text of a `# heading`, without marks that close it.
fn heading(line: &[Mark]) -> Option<&[Mark]> {
    let level = line.iter().take_while(|mark| mark.1 == '#').count();
    let rest = &line[level..];
    if !(1..=6).contains(&level) || !rest.first().is_none_or(|mark| mark.1.is_whitespace()) {
        return None;
    }
    let rest = trim(rest);
    let end = rest.iter().rposition(|mark| mark.1 != '#').map_or(0, |at| at + 1);
    let closed = end < rest.len() && (end == 0 || rest[end - 1].1.is_whitespace());
    Some(trim(if closed { &rest[..end] } else { rest }))
}

fn list_item(line: &[Mark]) -> Option<&[Mark]> {
    match line {
        [(_, '-' | '*' | '+' | '•'), (_, space), rest @ ..] if space.is_whitespace() => Some(trim(rest)),
        [(_, '-' | '*' | '+' | '•')] => Some(&[]),
        _ => numbered(line).then_some(line),
    }
}

/// Whether the line begins `1. ` or `1) `: a new item, whose number is spoken.
fn numbered(line: &[Mark]) -> bool {
    let digits = line.iter().take_while(|mark| mark.1.is_ascii_digit()).count();
    (1..=3).contains(&digits) && matches!(line[digits..], [(_, '.' | ')'), (_, space), ..] if space.is_whitespace())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check<const N: usize>(source: &str, expected: [&[&str]; N]) {
        let found = paragraphs(source);
        let found: Vec<Vec<&str>> =
            found.iter().map(|p| p.sentences.iter().map(|s| s.text.as_str()).collect()).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_heading_is_a_sentence_of_its_own() {
        check(
            "# Ch. 1. The *Fall* #\nIt fell.\n\nAgain. #tag\n#nospace",
            [&["Ch. 1. The Fall"], &["It fell."], &["Again.", "#tag #nospace"]],
        );
    }

    #[test]
    fn marks_of_blocks_fall() {
        check(
            "One\ntwo.\n---\n> Quoted\n> on.\n\n- first\n- second one\n  goes on\n1. third\n***\n```text\ncode\n```",
            [&["One two."], &["Quoted on."], &["first", "second one goes on", "1. third"], &["code"]],
        );
    }

    #[test]
    fn comments_fall_even_over_lines() {
        check("A <!-- no\n\nno --> b.<!-- x --> C <!-- open", [&["A b.", "C <!-- open"]]);
    }

    #[test]
    fn what_only_a_tag_filled_is_not_a_sentence() {
        check("[music]\n\n[sad] Hi, **you**.\r\n[pause]\r\nBye.", [&["Hi, you.", "Bye."]]);
    }

    #[test]
    fn wrapped_lines_of_ideographs_join_without_a_space() {
        check("東京は\n夜。AI\nの街", [&["東京は夜。", "AI の街"]]);
    }

    #[test]
    fn spans_point_into_the_source() {
        let source = "## Заголовок\n\n[sad] Он **ушёл**. Она нет.";
        let found = paragraphs(source);
        let slice = |s: &Sentence| &source[s.span.start as usize..s.span.end as usize];
        assert_eq!(slice(&found[0].sentences[0]), "Заголовок");
        assert_eq!(slice(&found[1].sentences[0]), "Он **ушёл**.");
        assert_eq!(slice(&found[1].sentences[1]), "Она нет.");
    }

    #[test]
    fn the_text_reads_as_prose() {
        assert_eq!(text("# T\nA. B.\n\nC."), "T\n\nA. B.\n\nC.");
        assert_eq!(script_words("# T\nA *b*."), ["T", "A", "b."]);
    }

    proptest! {
        #[test]
        fn plain_words_pass_unchanged(text in "([A-Za-zа-яé]{1,8}[,.!?…’]? ?\n?){0,30}") {
            prop_assert_eq!(script_words(&text), words(&text));
        }

        #[test]
        fn spans_are_in_order_and_on_characters(source in "[a-zА #*_`~\\[\\]()!.<>\n-]{0,80}") {
            let mut last = 0;
            for sentence in paragraphs(&source).iter().flat_map(|p| &p.sentences) {
                let (start, end) = (sentence.span.start as usize, sentence.span.end as usize);
                prop_assert!(start >= last && source.get(start..end).is_some());
                prop_assert!(!sentence.text.trim().is_empty());
                last = end;
            }
        }
    }
}
