//! Turns a script into the plain text that is spoken: paragraphs of sentences.
//!
//! The one definition of "the script's words", for voice, subtitles and checks alike. What is not spoken falls:
//! `[tags]`, HTML comments, heading and list marks, rules, fences, emphasis marks, the addresses of links.
//! All else stays to the letter.

use super::block::{address, heading, is_block, is_fence, is_rule, list_item, numbered, trim, unquoted, untagged};
use super::markup::{Mark, Reading, Tags, note_tags, strip};
use super::sentence;
use super::table;
use super::token::{is_ideograph, words};
use crate::base::span::Span;
use std::iter::Peekable;
use std::vec::IntoIter;

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
    /// What stands before its words in `[tags]`, in order.
    pub tags: Vec<Tag>,
}

/// A `[tag]` of the script: how the words behind it are spoken. It is not spoken itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    /// The byte of the spoken text before which it stands.
    pub at: usize,
    /// With its brackets.
    pub text: String,
}

/// A text with its markup unfolded: marks of blocks and of emphasis gone, links as their text; `[tags]` stay.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unfolded {
    /// Paragraphs of runs.
    pub paragraphs: Vec<Vec<Run>>,
    /// What has no place in spoken text: the lines that give a link its address.
    pub left_out: Vec<Span>,
}

/// Text that belongs together: a heading, one item of a list, or lines of prose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    pub sort: RunSort,
    /// Never empty; one space for each stretch of whitespace.
    pub text: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RunSort {
    Heading,
    Item,
    #[default]
    Lines,
}

/// Returns the spoken paragraphs of a script.
pub fn paragraphs(source: &str) -> Vec<Paragraph> {
    let Reader { blocks, mut fallen, .. } = read(source, Tags::Fall);
    fallen.sort();
    let mut fallen = fallen.into_iter().peekable();
    let mut sentences = |run| -> Vec<Sentence> {
        sentences_of(run).into_iter().filter_map(|marks| sentence_of(marks, &mut fallen)).collect()
    };
    let mut paragraphs: Vec<Paragraph> =
        blocks.iter().map(|block| Paragraph { sentences: block.iter().flat_map(&mut sentences).collect() }).collect();
    // Behind the last word they go with it.
    if let Some(last) = paragraphs.last_mut().and_then(|paragraph| paragraph.sentences.last_mut()) {
        last.tags.extend(fallen.map(|(_, text)| Tag { at: last.text.len(), text }));
    }
    paragraphs
}

/// Returns the text with its markup unfolded, to be written down again: what comes out is read as the same words.
pub fn unfolded(source: &str) -> Unfolded {
    let read = read(source, Tags::Stay);
    let run = |(sort, marks): &(RunSort, Vec<Mark>)| Run { sort: *sort, text: as_prose(marks) };
    let paragraphs = read.blocks.iter().map(|block| block.iter().map(run).collect()).collect();
    Unfolded { paragraphs, left_out: read.left_out }
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

/// Returns `line`, with a backslash before a first sign that would make a line of its own something else than prose.
pub fn guarded(line: &str) -> String {
    let marks: Vec<Mark> = line.char_indices().collect();
    match address(&marks) {
        Some(_) => line.replacen("]:", "]\\:", 1),
        None if is_block(trim(&marks)) => format!("\\{line}"),
        None => line.to_owned(),
    }
}

/// Returns how many bytes of a line are marks that begin it: `> `, `# `, `- `, `1. `. `None` if all of it is marks.
pub fn line_prefix(line: &str) -> Option<usize> {
    let marks: Vec<Mark> = line.char_indices().collect();
    let inner = trim(unquoted(&marks));
    if !inner.is_empty() && (is_rule(inner) || is_fence(inner) || table::is_rule(inner) || address(inner).is_some()) {
        return None;
    }
    let cell = inner
        .strip_prefix(&[(inner.first().map_or(0, |mark| mark.0), '|')][..])
        .filter(|_| table::row(inner).is_some());
    let title = cell.map(trim).or_else(|| heading(inner)).or_else(|| list_item(inner)).unwrap_or(inner);
    let digits = title.iter().take_while(|mark| mark.1.is_ascii_digit()).count();
    let text = if numbered(title) { trim(&title[digits + 1..]) } else { title };
    text.first().map(|&(at, _)| at)
}

fn as_prose(marks: &[Mark]) -> String {
    guarded(&marks.iter().map(|mark| mark.1).collect::<String>())
}

fn read(source: &str, tags: Tags) -> Reader {
    let lines = lines(&without_comments(source));
    let names = lines.iter().filter_map(|line| address(unquoted(line))).collect();
    let mut reader = Reader { reading: Reading { tags, names }, ..Reader::default() };
    for line in &lines {
        reader.line(line);
    }
    reader.end_paragraph();
    reader
}

/// Gathers lines into paragraphs. A run is text whose sentences are found together: one list item, or plain lines.
#[derive(Default)]
struct Reader {
    reading: Reading,
    blocks: Vec<Vec<(RunSort, Vec<Mark>)>>,
    block: Vec<(RunSort, Vec<Mark>)>,
    sort: RunSort,
    run: Vec<Mark>,
    left_out: Vec<Span>,
    /// Tags that fell, each with the byte where it stands in the source.
    fallen: Vec<(usize, String)>,
}

impl Reader {
    fn line(&mut self, line: &[Mark]) {
        let (line, tagged) = (untagged(trim(unquoted(line))), trim(unquoted(line)));
        note_tags(&tagged[..tagged.len() - line.len()], &mut self.fallen);
        if line.is_empty() || is_rule(line) || is_fence(line) {
            return self.end_paragraph();
        }
        if table::is_rule(line) {
            return self.end_run();
        }
        if let Some(row) = table::row(line) {
            self.end_run();
            self.sort = RunSort::Item;
            self.run = row;
            return self.end_run();
        }
        if address(line).is_some() {
            self.left_out.extend(span_of(line));
            return self.end_paragraph();
        }
        if let Some(title) = heading(line) {
            self.end_paragraph();
            self.sort = RunSort::Heading;
            self.run.extend(title);
            return self.end_paragraph();
        }
        if let Some(item) = list_item(line) {
            self.end_run();
            self.sort = RunSort::Item;
            self.run.extend(item);
        } else {
            self.run.extend(line);
        }
        // The line's end, with the place of the last character; `collapse` decides whether it shows.
        self.run.extend(line.last().map(|&(at, _)| (at, '\n')));
    }

    fn end_run(&mut self) {
        let (sort, run) = (std::mem::take(&mut self.sort), std::mem::take(&mut self.run));
        let kept = collapse(&strip(&run, &self.reading, &mut self.fallen));
        if !kept.is_empty() {
            self.block.push((sort, kept));
        }
    }

    fn end_paragraph(&mut self) {
        self.end_run();
        if !self.block.is_empty() {
            self.blocks.push(std::mem::take(&mut self.block));
        }
    }
}

fn sentences_of((sort, marks): &(RunSort, Vec<Mark>)) -> Vec<&[Mark]> {
    match sort {
        RunSort::Heading => vec![marks],
        RunSort::Item | RunSort::Lines => sentence::split(marks).into_iter().map(|range| &marks[range]).collect(),
    }
}

/// Makes a sentence, with those of the `fallen` tags that stand before its last character.
fn sentence_of(marks: &[Mark], fallen: &mut Peekable<IntoIter<(usize, String)>>) -> Option<Sentence> {
    let span = span_of(marks)?;
    let (mut text, mut tags) = (String::new(), Vec::new());
    for &(place, c) in marks {
        while let Some((_, tag)) = fallen.next_if(|(at, _)| *at < place) {
            tags.push(Tag { at: text.len(), text: tag });
        }
        text.push(c);
    }
    Some(Sentence { text, span, tags })
}

fn span_of(marks: &[Mark]) -> Option<Span> {
    let (&(start, _), &(last, c)) = (marks.first()?, marks.last()?);
    let at = |byte: usize| u32::try_from(byte).unwrap_or(u32::MAX);
    Some(Span::new(at(start), at(last + c.len_utf8())))
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

/// Returns whether `c` belongs to a script that is written without spaces, its punctuation included.
pub(super) fn is_wide(c: char) -> bool {
    is_ideograph(c) || matches!(c, '\u{3000}'..='\u{303F}' | '\u{30FC}' | '\u{FF01}'..='\u{FF65}')
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
    fn a_tag_before_a_mark_hides_it_from_nobody() {
        check(
            "[pause] # The Ferry\n[warmly] [slowly] > Come home.\n[tender] - one\n[sad] 1. two\n[calm] ---\n[sad] So",
            [&["The Ferry"], &["Come home.", "one", "1. two"], &["So"]],
        );
    }

    #[test]
    fn a_tag_stands_before_the_words_that_it_is_about() {
        let tagged = |source: &str| -> Vec<String> {
            let paragraphs = paragraphs(source);
            let sentences = paragraphs.iter().flat_map(|paragraph| &paragraph.sentences);
            let shown = |sentence: &Sentence| {
                let mut text = sentence.text.clone();
                sentence.tags.iter().rev().for_each(|tag| text.insert_str(tag.at, &tag.text));
                text
            };
            sentences.map(shown).collect()
        };
        assert_eq!(
            tagged("[sad] He **left** [sighs] alone. [softly][slowly] No."),
            ["[sad]He left [sighs]alone.", "[softly][slowly]No."]
        );
        assert_eq!(tagged("[pause] # One\n[long pause]\n- [warmly] two"), ["[pause]One", "[long pause][warmly]two"]);
        assert_eq!(tagged("Well [sighs], no.\n\n[crying]"), ["Well[sighs], no.[crying]"]);
        // A link, a picture, code and what is escaped are no tags.
        assert_eq!(tagged("[map](http://x.y) ![sea](s.png) `[a]` \\[b\\] end"), ["map [a] [b] end"]);
    }

    #[test]
    fn the_marks_that_begin_a_line_are_measured() {
        for (line, expected) in [
            ("## The Ferry", Some(3)),
            ("> - Come", Some(4)),
            ("12. Come", Some(4)),
            ("Come", Some(0)),
            ("---", None),
            ("```text", None),
        ] {
            assert_eq!(line_prefix(line), expected, "{line}");
        }
    }

    #[test]
    fn a_table_is_read_row_by_row() {
        check(
            "| Name | *Age* |\n|------|:---:|\n| Ann  | 9 |\n|||\nShe | he.",
            [&["Name, Age", "Ann, 9", "||| She | he."]],
        );
        assert_eq!(line_prefix("| Ann | 9 |"), Some(2));
        assert_eq!(unfolded("| a | b |").paragraphs[0][0].text, "a, b");
    }

    #[test]
    fn links_by_name_keep_their_text_and_addresses_fall() {
        check(
            "See [the map][1] and [home][], not [sad][2].\n\n[1]: http://x.y \"Map\"\n[Home]: /index.html\n[sad]: he went",
            [&["See the map and home, not."], &[": he went"]],
        );
    }

    #[test]
    fn unfolding_keeps_tags_and_what_is_no_mark() {
        let source = "# T\n[sad] *Hi* x[0], [map](a.png)\n- [open\n- ] \\[no tag\\] `a[0]`\n- # x\n\n[1]: http://x.y\n";
        let found = unfolded(source);
        let texts: Vec<Vec<&str>> =
            found.paragraphs.iter().map(|runs| runs.iter().map(|run| run.text.as_str()).collect()).collect();
        let expected: [&[&str]; 2] = [&["T"], &["[sad] Hi x[0], map", "\\[open", "\\] \\[no tag\\] a\\[0\\]", "\\# x"]];
        assert_eq!(texts, expected);
        assert_eq!(found.paragraphs[1][1].sort, RunSort::Item);
        let left = found.left_out[0];
        assert_eq!(&source[left.start as usize..left.end as usize], "[1]: http://x.y");
    }

    #[test]
    fn what_is_unfolded_is_read_as_the_same_words() {
        for source in ["![map](a.png) so", "[sad]*(so)*", "[sad]\n- (so", "<*b*>", "\\# so", "- | a | b |"] {
            let found = unfolded(source);
            let written: Vec<String> = found.paragraphs.into_iter().flatten().map(|run| run.text).collect();
            assert_eq!(script_words(&written.join("\n")), script_words(source), "{written:?}");
        }
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
