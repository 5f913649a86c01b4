//! The sections of a Markdown file, by their headings, and its front matter. Pure.

use crate::base::part::percent_decoded;
use std::collections::BTreeMap;
use unicode_normalization::char::is_combining_mark;

/// How many headings an error names at most.
const NAMED_MAX: usize = 6;

/// A Markdown file's headings in order, and what stands before them as data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outline {
    text: String,
    /// Where the text begins, behind the front matter.
    body: usize,
    headings: Vec<Heading>,
    /// By slug, its heading, and the number that another heading of this text gets.
    slugs: BTreeMap<String, (usize, usize)>,
    front: Option<Front>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Heading {
    /// As it is read, without the signs that make it a heading.
    text: String,
    slug: String,
    level: usize,
    /// Where its line begins.
    start: usize,
    line: usize,
}

/// What stands beneath a heading and before the next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Own {
    Words,
    Nothing,
}

/// What stands between the `---` lines at the very start of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Front {
    start: usize,
    end: usize,
}

/// Why no section is found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoSection {
    #[error("has no heading `{wanted}`{}", listed(.slugs))]
    Missing { wanted: String, slugs: Vec<String> },
    #[error("has the heading `{wanted}` {} times: in lines {}", .found.len(), lines(.found))]
    Ambiguous { wanted: String, found: Vec<(usize, String)> },
}

fn listed(slugs: &[String]) -> String {
    let shown: Vec<String> = slugs.iter().take(NAMED_MAX).map(|slug| format!("`{slug}`")).collect();
    match slugs.len() {
        0 => ": it has none".to_owned(),
        length if length > NAMED_MAX => format!("; it has {} and {} more", shown.join(", "), length - NAMED_MAX),
        _ => format!("; it has {}", shown.join(", ")),
    }
}

fn lines(found: &[(usize, String)]) -> String {
    found.iter().map(|(line, _)| line.to_string()).collect::<Vec<_>>().join(", ")
}

impl Outline {
    pub fn of(text: &str) -> Outline {
        let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
        let (front, body) = front(text);
        let mut outline = Outline { text: text.to_owned(), body, headings: Vec::new(), slugs: BTreeMap::new(), front };
        let mut scan = Scan::default();
        let mut start = body;
        let first_line = text[..body].matches('\n').count() + 1;
        for (line, piece) in (first_line..).zip(text[body..].split_inclusive('\n')) {
            if let Some((level, title, above)) = scan.heading(text, piece.trim_end_matches(['\n', '\r']), start, line) {
                outline.add(level, &title, above);
            }
            start += piece.len();
        }
        outline
    }

    /// Returns the front matter's text; `None` if there is none.
    pub fn front(&self) -> Option<&str> {
        self.front.map(|front| &self.text[front.start..front.end])
    }

    /// Returns the section under a heading, which begins with the heading itself and ends before the next of the same or
    /// a higher level; without the blank lines at its end. `wanted` is the heading's slug or its exact text.
    pub fn section(&self, wanted: &str) -> Result<&str, NoSection> {
        let decoded = percent_decoded(wanted);
        let by_slug = || self.slugs.get(wanted).or_else(|| self.slugs.get(&*decoded)).map(|(index, _)| *index);
        let index = match by_slug() {
            Some(index) => index,
            None => self.by_text(wanted, &decoded)?,
        };
        let heading = &self.headings[index];
        let next = self.headings[index + 1..].iter().find(|next| next.level <= heading.level);
        let end = next.map_or(self.text.len(), |next| next.start);
        Ok(self.text[heading.start..end].trim_end())
    }

    /// Returns the text in pieces, and where each begins: one for each heading that has words of its own beneath it, with the
    /// headings before it that have none, and one for what stands before the first. The front matter is in none.
    pub fn pieces(&self) -> Vec<(usize, &str)> {
        let starts: Vec<usize> = self.headings.iter().map(|heading| heading.start).collect();
        let ends = starts.iter().copied().skip(1).chain([self.text.len()]);
        let before = (self.body, starts.first().copied().unwrap_or(self.text.len()), Own::Words);
        let each = starts.iter().zip(ends).map(|(&start, end)| (start, end, self.own(start, end)));
        let mut pieces = Vec::new();
        // Where a heading without words waits for the next.
        let mut waits = None;
        for (start, end, own) in std::iter::once(before).chain(each) {
            let from = waits.unwrap_or(start);
            if own == Own::Nothing && end < self.text.len() {
                waits = Some(from);
            } else if !self.text[from..end].trim().is_empty() {
                waits = None;
                pieces.push((from, self.text[from..end].trim_end()));
            }
        }
        pieces
    }

    /// Tells whether a section that begins with its heading has words before the next one.
    fn own(&self, start: usize, end: usize) -> Own {
        let mut lines = self.text[start..end].lines().map(str::trim).skip(1);
        let has_words = lines.any(|line| !line.is_empty() && underline(line).is_none());
        if has_words { Own::Words } else { Own::Nothing }
    }

    fn by_text(&self, wanted: &str, decoded: &str) -> Result<usize, NoSection> {
        let of = |text: &str| -> Vec<usize> {
            let text = text.trim();
            (0..self.headings.len()).filter(|&index| self.headings[index].text == text).collect()
        };
        let found = Some(of(wanted)).filter(|found| !found.is_empty()).unwrap_or_else(|| of(decoded));
        match found.as_slice() {
            [index] => Ok(*index),
            [] => Err(NoSection::Missing {
                wanted: wanted.to_owned(),
                slugs: self.headings.iter().map(|heading| heading.slug.clone()).collect(),
            }),
            _ => {
                let place = |&index: &usize| (self.headings[index].line, self.headings[index].slug.clone());
                Err(NoSection::Ambiguous { wanted: wanted.to_owned(), found: found.iter().map(place).collect() })
            }
        }
    }

    /// A slug that is taken already gets a number, as on GitHub.
    fn add(&mut self, level: usize, title: &str, (start, line): (usize, usize)) {
        let base = slug(title);
        let mut slug = base.clone();
        while self.slugs.contains_key(&slug) {
            let (_, next) = self.slugs.entry(base.clone()).or_insert((self.headings.len(), 1));
            slug = format!("{base}-{next}");
            *next += 1;
        }
        self.slugs.insert(slug.clone(), (self.headings.len(), 1));
        self.headings.push(Heading { text: title.to_owned(), slug, level, start, line });
    }
}

/// Finds the front matter: returns it, and where the body begins.
fn front(text: &str) -> (Option<Front>, usize) {
    let is_fence = |line: &str, signs: &[&str]| signs.contains(&line.trim_end());
    let mut pieces = text.split_inclusive('\n');
    let Some(first) = pieces.next().filter(|first| is_fence(first, &["---"])) else { return (None, 0) };
    let mut end = first.len();
    for piece in pieces {
        if is_fence(piece, &["---", "..."]) {
            return (Some(Front { start: first.len(), end }), end + piece.len());
        }
        end += piece.len();
    }
    (None, 0)
}

/// What is open where the next line begins.
#[derive(Default)]
struct Scan {
    /// The sign and length of an open code fence.
    fence: Option<(char, usize)>,
    comment: bool,
    /// Where the paragraph began that a line of `===` or `---` would make a heading, with its line.
    paragraph: Option<(usize, usize)>,
}

type Found = (usize, String, (usize, usize));

impl Scan {
    /// Returns the heading that the line at `start` is, or makes of the paragraph before it.
    fn heading(&mut self, text: &str, line: &str, start: usize, number: usize) -> Option<Found> {
        if self.is_inside(line) {
            self.paragraph = None;
            return None;
        }
        let indent = line.len() - line.trim_start_matches(' ').len();
        let body = line.trim();
        if body.is_empty() {
            self.paragraph = None;
            return None;
        }
        // An indented line goes on with a paragraph; alone it is code.
        if line.starts_with('\t') || indent > 3 {
            return None;
        }
        if let Some((level, title)) = atx(body) {
            self.paragraph = None;
            return Some((level, title, (start, number)));
        }
        if let Some(level) = underline(body)
            && let Some(above) = self.paragraph.take()
        {
            let lines: Vec<&str> = text[above.0..start].lines().map(str::trim).collect();
            return Some((level, lines.join(" "), above));
        }
        if body.starts_with(['>', '|', '<']) || is_item(body) || underline(body).is_some() {
            self.paragraph = None;
        } else {
            self.paragraph.get_or_insert((start, number));
        }
        None
    }

    /// Tells whether the line belongs to code or a comment; opens and closes them.
    fn is_inside(&mut self, line: &str) -> bool {
        let body = line.trim_start();
        if let Some((sign, length)) = self.fence {
            let run = body.chars().take_while(|&c| c == sign).count();
            if run >= length && body[run..].trim().is_empty() && line.len() - body.len() < 4 {
                self.fence = None;
            }
            return true;
        }
        if self.comment {
            self.comment = !line.contains("-->");
            return true;
        }
        if line.len() - body.len() > 3 {
            return false;
        }
        for sign in ['`', '~'] {
            let run = body.chars().take_while(|&c| c == sign).count();
            if run >= 3 && !(sign == '`' && body[run..].contains('`')) {
                self.fence = Some((sign, run));
                return true;
            }
        }
        if let Some(rest) = body.strip_prefix("<!--") {
            self.comment = !rest.contains("-->");
            return true;
        }
        false
    }
}

/// Reads `## Title ##`.
fn atx(body: &str) -> Option<(usize, String)> {
    let level = body.bytes().take_while(|&byte| byte == b'#').count();
    let rest = &body[level..];
    if !(1..=6).contains(&level) || !(rest.is_empty() || rest.starts_with([' ', '\t'])) {
        return None;
    }
    let title = rest.trim();
    let bare = title.trim_end_matches('#');
    // Signs at the end close the heading only behind a space: `C#` keeps its own.
    let title = if bare.is_empty() || bare.ends_with([' ', '\t']) { bare.trim_end() } else { title };
    Some((level, title.to_owned()))
}

fn underline(body: &str) -> Option<usize> {
    let all = |sign: u8| body.bytes().all(|byte| byte == sign);
    if all(b'=') {
        Some(1)
    } else if all(b'-') {
        Some(2)
    } else {
        None
    }
}

fn is_item(body: &str) -> bool {
    let mark = body.trim_start_matches(|c: char| c.is_ascii_digit());
    let numbered = mark.len() < body.len() && (mark.starts_with(". ") || mark.starts_with(") "));
    numbered || ["- ", "* ", "+ "].iter().any(|sign| body.starts_with(sign))
}

/// Returns a heading's slug as GitHub makes it: of the text as it is shown, in small letters, spaces as `-`, and without
/// all signs but letters, digits, `-` and `_`.
pub fn slug(title: &str) -> String {
    let shown = shown(title).to_lowercase();
    let kept = shown.trim().chars().filter(|&c| c.is_alphanumeric() || "-_ ".contains(c) || is_combining_mark(c));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// Takes out the signs of links, emphasis and code.
fn shown(title: &str) -> String {
    let mut text = String::new();
    let mut rest = title;
    while let Some(at) = rest.find('[') {
        let (before, link) = rest.split_at(at);
        let inner = link[1..].find(']').map(|end| (&link[1..=end], &link[end + 2..]));
        match inner {
            Some((inner, after)) if after.starts_with('(') && after.contains(')') => {
                let is_image = before.ends_with('!');
                text.push_str(before);
                if !is_image {
                    text.push_str(inner);
                }
                rest = &after[after.find(')').map_or(0, |end| end + 1)..];
            }
            _ => {
                text.push_str(before);
                rest = &link[1..];
            }
        }
    }
    text.push_str(rest);
    without_emphasis(&text)
}

/// `_x_` is emphasis where its signs stand at the edges of words.
fn without_emphasis(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let is_letter =
        |at: Option<usize>| at.and_then(|at| chars.get(at)).is_some_and(|c| c.is_alphanumeric() || *c == '_');
    let paired = chars.iter().filter(|&&c| c == '_').count() > 1;
    let keep = |at: &usize| chars[*at] != '_' || !paired || (is_letter(at.checked_sub(1)) && is_letter(Some(at + 1)));
    (0..chars.len()).filter(keep).map(|at| chars[at]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTES: &str = "---\ntitle: Lamps\n---\n# The Lamp\n\nLight.\n\n## How it works\n\nA wick.\n\n```\n# not a heading\n```\n\n\
                         ## C# and `code`\nx\n\nThe Bus\n=======\n\nLate.\n\n\n";

    fn section(text: &str, wanted: &str) -> Result<String, NoSection> {
        Outline::of(text).section(wanted).map(str::to_owned)
    }

    #[test]
    fn a_text_falls_into_pieces_at_its_headings() {
        let pieces = |text: &str| {
            let outline = Outline::of(text);
            let pieces = outline.pieces();
            assert!(pieces.iter().all(|(start, piece)| text[*start..].starts_with(piece)), "{text}");
            pieces.into_iter().map(|(_, piece)| piece.to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(
            pieces("---\na: 1\n---\nBefore.\n\n# One\nText.\n\n## Two\n\nMore.\n"),
            ["Before.", "# One\nText.", "## Two\n\nMore."]
        );
        // The title of a book goes with its first chapter, and a heading with nothing after it stays.
        assert_eq!(
            pieces("# Book\n\n## One\n\nText.\n\nTwo\n===\nMore.\n# End\n"),
            ["# Book\n\n## One\n\nText.", "Two\n===\nMore.", "# End"]
        );
        assert_eq!(pieces("No heading.\n```\n# code\n```\n"), ["No heading.\n```\n# code\n```"]);
        assert!(pieces("\n \n").is_empty());
    }

    #[test]
    fn a_section_ends_before_the_next_of_its_level_or_a_higher_one() {
        assert_eq!(section(NOTES, "how-it-works").unwrap(), "## How it works\n\nA wick.\n\n```\n# not a heading\n```");
        assert!(section(NOTES, "the-lamp").unwrap().ends_with("## C# and `code`\nx"));
        assert_eq!(section(NOTES, "The Bus").unwrap(), "The Bus\n=======\n\nLate.");
    }

    #[test]
    fn a_heading_is_found_by_its_slug_or_its_text() {
        for wanted in ["c-and-code", "C# and `code`", "C%23%20and%20%60code%60"] {
            assert_eq!(section(NOTES, wanted).unwrap(), "## C# and `code`\nx", "{wanted}");
        }
        assert_eq!(section("# Автобус 27\nx", "автобус-27").unwrap(), "# Автобус 27\nx");
        let from_an_address = "%D0%B0%D0%B2%D1%82%D0%BE%D0%B1%D1%83%D1%81-27";
        assert_eq!(section("# Автобус 27\nx", from_an_address).unwrap(), "# Автобус 27\nx");
    }

    #[test]
    fn slugs_are_those_of_github() {
        for (title, expected) in [
            ("Hello, World!", "hello-world"),
            ("A  B", "a--b"),
            ("snake_case", "snake_case"),
            ("_Really_ **bold** `code`", "really-bold-code"),
            ("[A link](x.md) here", "a-link-here"),
            ("Was ist das?", "was-ist-das"),
            ("Ünïcode — dash", "ünïcode--dash"),
            ("हिन्दी", "हिन्दी"),
        ] {
            assert_eq!(slug(title), expected, "{title}");
        }
    }

    #[test]
    fn equal_headings_are_numbered_as_on_github_and_ambiguous_by_text() {
        let text = "# A\n## Notes\none\n# B\n## Notes\ntwo\n";
        assert_eq!(section(text, "notes").unwrap(), "## Notes\none");
        assert_eq!(section(text, "notes-1").unwrap(), "## Notes\ntwo");
        let fault = section(text, "Notes").unwrap_err();
        assert_eq!(fault.to_string(), "has the heading `Notes` 2 times: in lines 2, 5");
    }

    #[test]
    fn what_is_missing_is_told_with_what_there_is() {
        let fault = section("# A b\n# C\n", "x").unwrap_err();
        assert_eq!(fault.to_string(), "has no heading `x`; it has `a-b`, `c`");
        assert_eq!(section("text", "x").unwrap_err().to_string(), "has no heading `x`: it has none");
    }

    #[test]
    fn code_comments_lists_and_rules_are_no_headings() {
        let text = "# Top\n\n    # code\n\n~~~sh\n# code\n~~~\n<!--\n# comment\n-->\n- item\n---\n> quote\n---\n#tag\n####### seven\n\n---\nend\n";
        let outline = Outline::of(text);
        assert_eq!(outline.headings.iter().map(|heading| &*heading.text).collect::<Vec<_>>(), ["Top"]);
    }

    #[test]
    fn a_paragraph_over_a_line_of_signs_is_a_heading_of_all_its_lines() {
        assert_eq!(
            section("x\n\nThe last\n    bus home\n---\ny\n", "the-last-bus-home").unwrap(),
            "The last\n    bus home\n---\ny"
        );
        // A paragraph of any length costs no more than its length.
        let long = "a line\n".repeat(300_000);
        assert_eq!(Outline::of(&long).headings.len(), 0);
    }

    #[test]
    fn front_matter_stands_between_rules_at_the_very_start() {
        assert_eq!(Outline::of(NOTES).front(), Some("title: Lamps\n"));
        assert_eq!(Outline::of("---\r\na: 1\r\n...\r\n# B\r\n").front(), Some("a: 1\r\n"));
        assert_eq!(Outline::of("# A\n---\nb: 1\n---\n").front(), None);
        assert_eq!(Outline::of("---\nnever closed\n").front(), None);
    }
}
