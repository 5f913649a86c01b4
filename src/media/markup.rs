//! Takes the inline markup out of one run of text: tags, links, emphasis, code marks, escapes.

use super::token::is_ideograph;
use std::collections::BTreeSet;

/// A character and the byte where it stands in the source.
pub(super) type Mark = (usize, char);

/// How a run of text is read.
#[derive(Default)]
pub(super) struct Reading {
    pub tags: Tags,
    /// The names that have an address, `[name]: https://…`, in lower case.
    pub names: BTreeSet<String>,
}

/// What becomes of what is not spoken and no mere mark: tags and images.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Tags {
    #[default]
    Fall,
    /// They stay as they are written, and so does every backslash: the text that comes out can be read again.
    Stay,
}

/// Returns the characters that are spoken, each still knowing its place in the source.
///
/// Emphasis marks fall only in pairs, as CommonMark has them: a lone `*` is the writer's own.
/// Unlike CommonMark, marks inside a word open nothing, so `f**k` and `snake_case` stay.
///
/// The tags that fall are put into `fallen`, each with the byte where it stands in the source.
pub(super) fn strip(run: &[Mark], reading: &Reading, fallen: &mut Vec<(usize, String)>) -> Vec<Mark> {
    let pieces = strip_brackets(run, reading, fallen);
    let falls = emphasis(&pieces);
    let mut kept: Vec<Mark> = Vec::with_capacity(pieces.len());
    for (piece, _) in pieces.iter().zip(falls).filter(|(_, falls)| !falls) {
        // Behind a tag, a bracket that is no address here must be none when lines are joined: `[sad](so`.
        let met = piece.mark.1 == '(' && !piece.whole && kept.last().is_some_and(|&(_, c)| c == ']');
        if met && reading.tags == Tags::Stay {
            kept.push((piece.mark.0, '\\'));
        }
        kept.push(piece.mark);
    }
    if reading.tags == Tags::Stay { without_new_elements(&kept) } else { kept }
}

/// Keeps `<*b*>`, whose marks fell, from being read as an element.
fn without_new_elements(marks: &[Mark]) -> Vec<Mark> {
    let mut kept = Vec::with_capacity(marks.len());
    for (i, &(at, c)) in marks.iter().enumerate() {
        if c == '<' && html_end(marks, i).is_some() && (i == 0 || marks[i - 1].1 != '\\') {
            kept.push((at, '\\'));
        }
        kept.push((at, c));
    }
    kept
}

/// A character that stays for now; a literal one is never read as an emphasis mark.
#[derive(Clone, Copy)]
struct Piece {
    mark: Mark,
    literal: bool,
    /// Part of a tag or an image that stays: nothing in it is touched.
    whole: bool,
}

/// What becomes of a bracket that begins at some index.
#[derive(Clone, Copy)]
enum Bracket {
    /// `[tag]` or `![image](url)`: all up to this index falls.
    Gone(usize),
    /// `[`: only the bracket falls, the text follows.
    Opens,
    /// `](url)` or `][name]`: all up to this index falls, the text before stays.
    Closes(usize),
}

fn strip_brackets(run: &[Mark], reading: &Reading, fallen: &mut Vec<(usize, String)>) -> Vec<Piece> {
    let brackets = brackets(run, reading);
    let stay = reading.tags == Tags::Stay;
    let mut kept: Vec<Piece> = Vec::with_capacity(run.len());
    let mut i = 0;
    while i < run.len() {
        match (run[i].1, brackets[i]) {
            (_, Some(Bracket::Gone(end))) if stay => {
                kept.extend(run[i..end].iter().map(|&mark| Piece { mark, literal: true, whole: true }));
                i = end;
            }
            (_, Some(Bracket::Gone(end))) => {
                if run[i].1 == '[' {
                    note_tags(&run[i..end], fallen);
                }
                i = end;
                close_gap(&mut kept, &run[i..]);
            }
            (_, Some(Bracket::Opens)) => i += 1,
            (_, Some(Bracket::Closes(end))) => i = end,
            ('\\', None) if run.get(i + 1).is_some_and(|next| next.1.is_ascii_punctuation()) => {
                keep_literal(run[i + 1], reading, &mut kept);
                i += 2;
            }
            ('<', None) if html_end(run, i).is_some() => {
                let end = html_end(run, i).unwrap_or(i + 1);
                // A line's break parts words; any other element stands inside one.
                if name(&run[i + 1..end]).starts_with("br") {
                    kept.push(Piece { mark: (run[i].0, ' '), literal: true, whole: false });
                }
                i = end;
            }
            ('`', None) => i = strip_code(run, i, reading, &mut kept),
            // Without a partner here; it must find none later.
            ('[' | ']', None) if stay => {
                keep_literal(run[i], reading, &mut kept);
                i += 1;
            }
            _ => {
                kept.push(Piece { mark: run[i], literal: false, whole: false });
                i += 1;
            }
        }
    }
    kept
}

/// Notes the `[tags]` of some text; of nested ones, the outer.
pub(super) fn note_tags(text: &[Mark], tags: &mut Vec<(usize, String)>) {
    let (mut depth, mut start) = (0_usize, 0);
    for (i, &(_, c)) in text.iter().enumerate() {
        match c {
            '[' => {
                start = if depth == 0 { i } else { start };
                depth += 1;
            }
            ']' if depth > 0 => {
                depth -= 1;
                if depth == 0 {
                    tags.push((text[start].0, text[start..=i].iter().map(|mark| mark.1).collect()));
                }
            }
            _ => {}
        }
    }
}

/// Keeps a character that is no mark, with a backslash where the text may be read again.
fn keep_literal(mark: Mark, reading: &Reading, kept: &mut Vec<Piece>) {
    if reading.tags == Tags::Stay && mark.1.is_ascii_punctuation() {
        kept.push(Piece { mark: (mark.0, '\\'), literal: true, whole: false });
    }
    kept.push(Piece { mark, literal: true, whole: false });
}

/// Keeps the content of a code span without its marks; returns the index after it.
fn strip_code(run: &[Mark], start: usize, reading: &Reading, kept: &mut Vec<Piece>) -> usize {
    let ticks = run[start..].iter().take_while(|mark| mark.1 == '`').count();
    let content = start + ticks;
    let mut i = content;
    while i < run.len() {
        let here = run[i..].iter().take_while(|mark| mark.1 == '`').count();
        if here == ticks {
            run[content..i].iter().for_each(|&mark| keep_code(mark, reading, kept));
            return i + ticks;
        }
        i += here.max(1);
    }
    run[start..content].iter().for_each(|&mark| keep_literal(mark, reading, kept));
    content
}

/// Of code, only what would be a mark outside needs its backslash: a full stop in it is one of many.
fn keep_code(mark: Mark, reading: &Reading, kept: &mut Vec<Piece>) {
    if matches!(mark.1, '\\' | '`' | '*' | '_' | '~' | '[' | ']' | '<') {
        keep_literal(mark, reading, kept);
    } else {
        kept.push(Piece { mark, literal: true, whole: false });
    }
}

/// Where a tag stood before punctuation, the space before it falls too: `Well [sighs], no` reads `Well, no`.
fn close_gap(kept: &mut Vec<Piece>, rest: &[Mark]) {
    let stops = rest.iter().take_while(|mark| matches!(mark.1, ',' | '.' | '!' | '?' | ';' | ':' | '…')).count();
    if stops > 0 && rest.get(stops).is_none_or(|mark| mark.1.is_whitespace()) {
        while kept.last().is_some_and(|piece| piece.mark.1.is_whitespace()) {
            kept.pop();
        }
    }
}

/// Pairs the square brackets and tells, for the index each matter begins at, what becomes of it.
fn brackets(run: &[Mark], reading: &Reading) -> Vec<Option<Bracket>> {
    let mut fate = vec![None; run.len()];
    let mut open = Vec::new();
    let mut i = 0;
    while i < run.len() {
        match run[i].1 {
            '\\' => i += 1,
            '[' => open.push(i),
            ']' => {
                if let Some(start) = open.pop() {
                    pair(run, start, i, reading, &mut fate);
                }
            }
            _ => {}
        }
        i += 1;
    }
    fate
}

fn pair(run: &[Mark], start: usize, end: usize, reading: &Reading, fate: &mut [Option<Bracket>]) {
    let image = start > 0 && run[start - 1].1 == '!';
    match link_end(run, end + 1).or_else(|| named_end(run, start, end, reading)) {
        Some(after) if image => fate[start - 1] = Some(Bracket::Gone(after)),
        Some(after) => {
            fate[start] = Some(Bracket::Opens);
            fate[end] = Some(Bracket::Closes(after));
        }
        None => fate[start] = Some(Bracket::Gone(end + 1)),
    }
}

/// Returns the index after a link by name, if the name has an address: `[text][name]`, `[name][]`, `[name]`.
fn named_end(run: &[Mark], start: usize, end: usize, reading: &Reading) -> Option<usize> {
    if reading.names.is_empty() {
        return None;
    }
    let known = |from: usize, to: usize| reading.names.contains(&name(&run[from..to]));
    let rest = &run[end + 1..];
    if rest.first().is_some_and(|mark| mark.1 == '[') {
        let close = end + 1 + rest.iter().position(|mark| mark.1 == ']')?;
        let whose = if close == end + 2 { (start + 1, end) } else { (end + 2, close) };
        return known(whose.0, whose.1).then_some(close + 1);
    }
    known(start + 1, end).then_some(end + 1)
}

/// Returns a link's name as names are compared.
pub(super) fn name(marks: &[Mark]) -> String {
    let text: String = marks.iter().map(|mark| mark.1).collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

/// Returns the index after `(url)` or `(url "title")` that begins at `at`.
fn link_end(run: &[Mark], at: usize) -> Option<usize> {
    // Longer than any address in use; keeps a text full of open brackets from being read over and over.
    const LINK_CHARS_MAX: usize = 4096;
    let rest = run.get(at..)?;
    if rest.first()?.1 != '(' {
        return None;
    }
    let mut depth = 0_u32;
    for (i, mark) in rest.iter().enumerate().take(LINK_CHARS_MAX) {
        match mark.1 {
            '(' => depth += 1,
            ')' if depth == 1 => return Some(at + i + 1),
            ')' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// Elements of HTML that stand in Markdown texts; `<Mara>` is none and stays.
const ELEMENTS: [&str; 32] = [
    "a",
    "b",
    "big",
    "blockquote",
    "br",
    "center",
    "code",
    "del",
    "details",
    "div",
    "em",
    "font",
    "h1",
    "h2",
    "h3",
    "hr",
    "i",
    "img",
    "ins",
    "kbd",
    "li",
    "mark",
    "ol",
    "p",
    "s",
    "small",
    "span",
    "strong",
    "sub",
    "sup",
    "u",
    "ul",
];

/// Returns the index after the `<b>`, `</b>`, `<br/>` or `<a href="…">` that begins at `at`.
fn html_end(run: &[Mark], at: usize) -> Option<usize> {
    const TAG_CHARS_MAX: usize = 300;
    let rest: String = run.get(at + 1..)?.iter().take(TAG_CHARS_MAX).map(|mark| mark.1).collect();
    let (inner, _) = rest.split_once('>')?;
    let bare = inner.trim_start_matches('/').trim_end_matches('/').trim_end();
    let (element, attributes) = bare.split_once(char::is_whitespace).unwrap_or((bare, ""));
    let known = ELEMENTS.contains(&element.to_ascii_lowercase().as_str());
    (known && (attributes.is_empty() || attributes.contains('='))).then(|| at + 1 + inner.chars().count() + 1)
}

/// Tells for each piece whether it is an emphasis mark with a partner.
fn emphasis(pieces: &[Piece]) -> Vec<bool> {
    let mut fallen = vec![false; pieces.len()];
    let mut open: Vec<(char, usize, usize)> = Vec::new();
    let mut i = 0;
    while i < pieces.len() {
        let c = pieces[i].mark.1;
        if pieces[i].literal || !matches!(c, '*' | '_' | '~') {
            i += 1;
            continue;
        }
        let length = pieces[i..].iter().take_while(|piece| !piece.literal && piece.mark.1 == c).count();
        let before = i.checked_sub(1).map(|at| pieces[at].mark.1);
        let after = pieces.get(i + length).map(|piece| piece.mark.1);
        let mut start = i;
        let end = i + length;
        i = end;
        if before.is_some_and(is_wordy) && after.is_some_and(is_wordy) {
            // `**bold**text`: what was opened before a word may be closed within one.
            let opened = open.iter().any(|&(mark, first, last)| mark == c && last - first == end - start);
            if c == '*' && opened {
                close(c, start, end, &mut open, &mut fallen);
            }
            continue;
        }
        if flanks(before, after) && (c == '*' || !after.is_some_and(is_wordy)) {
            start = close(c, start, end, &mut open, &mut fallen);
        }
        if start < end && flanks(after, before) && (c == '*' || !before.is_some_and(is_wordy)) {
            open.push((c, start, end));
        }
    }
    fallen
}

/// Lets the marks `start..end` fall together with the open ones of the same character; returns the first that is left.
fn close(c: char, mut start: usize, end: usize, open: &mut Vec<(char, usize, usize)>, fallen: &mut [bool]) -> usize {
    while start < end {
        let Some(at) = open.iter().rposition(|&(mark, ..)| mark == c) else { break };
        // What was opened inside and never closed stays as it was written.
        open.truncate(at + 1);
        let (_, first, last) = open[at];
        let count = (end - start).min(last - first);
        fallen[last - count..last].fill(true);
        fallen[start..start + count].fill(true);
        start += count;
        open.pop();
        if first < last - count {
            open.push((c, first, last - count));
        }
    }
    start
}

/// Whether a mark hugs the character on its `inner` side: CommonMark's flanking rule.
fn flanks(inner: Option<char>, outer: Option<char>) -> bool {
    let Some(inner) = inner else { return false };
    let blank = |c: char| c.is_whitespace();
    !blank(inner) && (inner.is_alphanumeric() || outer.is_none_or(|c| blank(c) || !c.is_alphanumeric()))
}

fn is_wordy(c: char) -> bool {
    c.is_alphanumeric() && !is_ideograph(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(source: &str, plain: &str) {
        let marks: Vec<Mark> = source.char_indices().collect();
        assert_eq!(
            strip(&marks, &Reading::default(), &mut Vec::new()).iter().map(|mark| mark.1).collect::<String>(),
            plain
        );
    }

    #[test]
    fn tags_fall() {
        check("[sad] Hello[laughs] there [pause 1s].", " Hello there.");
        check("Wait [beat] ...and go", "Wait  ...and go");
        check("[a [nested] tag]x", "x");
        check("an [open bracket", "an [open bracket");
        check("closed] alone", "closed] alone");
    }

    #[test]
    fn links_keep_their_text_and_images_fall() {
        check("see [the *old* map](https://x.y/a_(b) \"t\") now", "see the old map now");
        check("![map](a.png)Go", "Go");
    }

    #[test]
    fn paired_emphasis_falls() {
        check(
            "a **bold** and *thin* and ***both*** and _low_ and ~~gone~~",
            "a bold and thin and both and low and gone",
        );
        check("**“Hi,”** she said", "“Hi,” she said");
        check("这是**重点**内容", "这是重点内容");
        check("**bold *and thin***", "bold and thin");
    }

    #[test]
    fn emphasis_may_end_within_a_word() {
        check("**bold**text and *un*done, f**k", "boldtext and undone, f**k");
    }

    #[test]
    fn elements_of_html_fall() {
        check("<b>Hi</b>, <a href=\"x\">you</a><br/>there", "Hi, you there");
        check("a <b and c> d, <Mara>, 1 < 2 > 0, `<b>`", "a <b and c> d, <Mara>, 1 < 2 > 0, <b>");
    }

    #[test]
    fn lone_marks_stay() {
        check("5 * 3 is 15*, snake_case, f**k, ____, ~5 km", "5 * 3 is 15*, snake_case, f**k, ____, ~5 km");
    }

    #[test]
    fn code_and_escapes_are_literal() {
        check("run `a_b *c*` and ``x`y`` or \\*this\\* \\[that\\]", "run a_b *c* and x`y or *this* [that]");
        check("a ` alone", "a ` alone");
    }
}
