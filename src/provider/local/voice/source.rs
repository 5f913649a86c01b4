//! Cuts a text into its words, each with what can be said of it: markup, tags, emoji and other scripts taken out. Pure.

use super::latin::is_latin;
use crate::provider::speech::SpeechWarning;
use std::ops::Range;

/// A word of the text: all between two white spaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceWord {
    /// Bytes in the text.
    pub range: Range<usize>,
    /// Opening punctuation, in signs that the voice knows: `“`, `(`, `—`.
    pub lead: String,
    /// The word itself, in letters, digits and signs that may have a reading.
    pub core: String,
    /// Closing punctuation, in signs that the voice knows: `,`, `?”`.
    pub tail: String,
    /// Set on the last word of a paragraph or of a heading.
    pub ends_block: bool,
}

/// Longest `[tag]` in bytes: a bracket left open must not silence a page.
const TAG_BYTES_MAX: usize = 80;

/// Cuts `text` into words and warns of what cannot be said.
pub fn words(text: &str) -> (Vec<SourceWord>, Vec<SpeechWarning>) {
    let silent = silent_ranges(text);
    let mut warnings = Vec::new();
    let mut found: Vec<SourceWord> = Vec::new();
    let mut heading = false;
    let mut at = 0;
    while let Some(offset) = text[at..].find(|c: char| !c.is_whitespace()) {
        let start = at + offset;
        let gap = &text[at..start];
        let end = text[start..].find(char::is_whitespace).map_or(text.len(), |length| start + length);
        let newlines = gap.matches('\n').count();
        if let Some(last) = found.last_mut() {
            last.ends_block |= newlines >= 2 || (newlines == 1 && heading);
        }
        let raw = &text[start..end];
        let line_starts = newlines > 0 || found.is_empty();
        if line_starts {
            heading = !raw.is_empty() && raw.len() <= 6 && raw.bytes().all(|b| b == b'#');
        }
        let kept =
            if line_starts && heading { String::new() } else { sayable(text, start..end, &silent, &mut warnings) };
        found.push(split(&kept, start..end));
        at = end;
    }
    if let Some(last) = found.last_mut() {
        last.ends_block = true;
    }
    (found, warnings)
}

/// Returns the bytes of tags and link targets: `[whispers]`, and of `[text](target)` all but the text.
fn silent_ranges(text: &str) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    let mut at = 0;
    while let Some(open) = text[at..].find('[').map(|offset| at + offset) {
        at = open + 1;
        let Some(close) = text[open..].find(']').map(|offset| open + offset) else { break };
        let inside = &text[open + 1..close];
        if inside.len() > TAG_BYTES_MAX || inside.contains(['\n', '[']) {
            continue;
        }
        let after = &text[close + 1..];
        let target = after.strip_prefix('(').and_then(|rest| rest.find([')', ' ', '\n']).map(|end| (rest, end)));
        match target {
            Some((rest, end)) if rest[end..].starts_with(')') => {
                ranges.push(open..open + 1);
                ranges.push(close..close + 1 + end + 2);
                at = close + end + 3;
            }
            _ => {
                ranges.push(open..close + 1);
                at = close + 1;
            }
        }
    }
    ranges
}

/// What becomes of one character.
enum Fate {
    Say(char),
    /// Said by nobody and missed by nobody: joiners, emphasis marks.
    Drop,
    Warn,
}

fn fate(c: char) -> Fate {
    match c {
        '\u{300}'..='\u{36F}' => Fate::Drop,
        '\u{AD}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202F}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}' => {
            Fate::Drop
        }
        '\u{FE00}'..='\u{FE0F}' | '\u{20D0}'..='\u{20FF}' | '\u{1F3FB}'..='\u{1F3FF}' | '\u{E0000}'..='\u{E007F}' => {
            Fate::Drop
        }
        '*' | '`' | '•' | '◦' | '▪' | '®' | '™' | '[' | ']' | '{' | '}' | '\\' | '|' | '¿' | '¡' | '†' | '‡' => {
            Fate::Drop
        }
        '\u{2010}' | '\u{2011}' | '\u{FE63}' | '\u{FF0D}' => Fate::Say('-'),
        '\u{2015}' | '\u{2E3A}' | '\u{2E3B}' => Fate::Say('—'),
        '’' | '‘' | 'ʼ' | '′' | '´' | '‛' => Fate::Say('\''),
        '“' | '„' | '«' | '‟' | '‹' => Fate::Say('“'),
        '”' | '»' | '›' | '″' => Fate::Say('”'),
        '\u{FF01}'..='\u{FF5E}' => char::from_u32(c as u32 - 0xFEE0).map_or(Fate::Warn, Fate::Say),
        '、' => Fate::Say(','),
        '。' => Fate::Say('.'),
        '₀'..='₉' => char::from_digit(c as u32 - '₀' as u32, 10).map_or(Fate::Warn, Fate::Say),
        'µ' | 'Ω' => Fate::Say(c),
        _ if c.is_ascii_graphic() || is_latin(c) || is_greek(c) => Fate::Say(c),
        _ if "–—…−€£¥₹₩¢°±×÷§¶©½¼¾⅓⅔⅛⅜⅝⅞²³→≈≤≥≠√∞№".contains(c) => {
            Fate::Say(c)
        }
        _ if c.is_control() => Fate::Drop,
        _ => Fate::Warn,
    }
}

/// Tells whether `c` is a letter of the Greek alphabet as science uses it.
pub fn is_greek(c: char) -> bool {
    matches!(c, 'Α'..='Ω' | 'α'..='ω')
}

/// Returns what may be said of the text in `range`, and warns of each run that may not.
fn sayable(text: &str, range: Range<usize>, silent: &[Range<usize>], warnings: &mut Vec<SpeechWarning>) -> String {
    let mut kept = String::new();
    let mut skipped: Option<Range<usize>> = None;
    for (offset, c) in text[range.clone()].char_indices() {
        let at = range.start + offset;
        if silent.iter().any(|range| range.contains(&at)) {
            continue;
        }
        match fate(c) {
            Fate::Say(said) => kept.push(said),
            Fate::Drop => {}
            Fate::Warn => {
                let end = at + c.len_utf8();
                match &mut skipped {
                    Some(run) if run.end == at => run.end = end,
                    _ => {
                        warnings.extend(skipped.replace(at..end).map(|run| skipped_warning(text, run)));
                        // A gap in the middle of a word parts it: `Hi🎉there` is two words.
                        if !kept.is_empty() {
                            kept.push(' ');
                        }
                    }
                }
            }
        }
    }
    warnings.extend(skipped.map(|run| skipped_warning(text, run)));
    kept.trim_end().to_owned()
}

/// Returns the warning that the text in `range` was not said.
pub fn skipped_warning(text: &str, range: Range<usize>) -> SpeechWarning {
    let message = format!("cannot say \"{}\": skipped", &text[range.clone()]);
    SpeechWarning { start: range.start as u32, end: range.end as u32, message }
}

/// Parts the punctuation from the word.
fn split(kept: &str, range: Range<usize>) -> SourceWord {
    let dashed = kept.replace("---", "—").replace("--", "—").replace("...", "…").replace("‥", "…");
    let opens = |c: char| "\"“”'(—–…_,.;:!?".contains(c);
    let closes = |c: char| "\"“”')—–…_,.;:!?-".contains(c);
    let mut core = dashed.as_str();
    let mut lead = String::new();
    while let Some(c) = core.chars().next().filter(|&c| opens(c) && !opens_core(core)) {
        lead.push(c);
        core = &core[c.len_utf8()..];
    }
    if core.is_empty() {
        // Nothing but punctuation: it closes what was said before.
        return SourceWord {
            range,
            lead: String::new(),
            core: String::new(),
            tail: closing_signs(&lead),
            ends_block: false,
        };
    }
    let trimmed = core.trim_end_matches(closes);
    let tail = &core[trimmed.len()..];
    if trimmed.is_empty() && lead.is_empty() && tail.contains('-') {
        // A lone hyphen or bullet: between words it is a dash.
        return SourceWord { range, lead, core: String::new(), tail: "—".to_owned(), ends_block: false };
    }
    SourceWord {
        range,
        lead: opening_signs(&lead),
        core: trimmed.to_owned(),
        tail: closing_signs(tail),
        ends_block: false,
    }
}

/// Tells whether the first sign of `core` belongs to the word: `'tis`, `'90s`, `.5`.
fn opens_core(core: &str) -> bool {
    let lower = core.to_lowercase();
    let bare = |text: &str| text.trim_end_matches(|c: char| !c.is_alphanumeric()).to_owned();
    let elided = ["tis", "twas", "twere", "em", "til", "cause", "bout", "round", "n", "cos"];
    match core.strip_prefix('\'') {
        Some(rest) => rest.starts_with(|c: char| c.is_ascii_digit()) || elided.contains(&bare(&lower[1..]).as_str()),
        None => core.strip_prefix('.').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit())),
    }
}

fn opening_signs(lead: &str) -> String {
    let mut signs = String::new();
    for c in lead.chars() {
        let sign = match c {
            '"' | '“' | '”' => '“',
            '–' | '—' => '—',
            '(' | '…' => c,
            // Stray stops before a word pause, but never end a sentence.
            ',' | ';' | ':' | '.' | '!' | '?' => ',',
            _ => continue,
        };
        if !signs.ends_with(sign) {
            signs.push(sign);
        }
    }
    signs
}

fn closing_signs(tail: &str) -> String {
    let mut signs = String::new();
    for c in tail.chars() {
        let sign = match c {
            '"' | '“' | '”' => '”',
            '–' | '—' => '—',
            ')' | '…' | ',' | ';' | ':' | '.' | '!' | '?' => c,
            _ => continue,
        };
        if !signs.ends_with(sign) {
            signs.push(sign);
        }
    }
    signs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> Vec<String> {
        words(text).0.iter().map(|w| format!("{}|{}|{}", w.lead, w.core, w.tail)).collect()
    }

    #[test]
    fn every_word_keeps_its_place_in_the_text() {
        let text = " “Mara,  said\n\nthe [whispers] 🎉 man";
        let (found, _) = words(text);
        let texts: Vec<&str> = found.iter().map(|w| &text[w.range.clone()]).collect();
        assert_eq!(texts, text.split_whitespace().collect::<Vec<_>>());
    }

    #[test]
    fn punctuation_is_parted_from_the_word() {
        for (text, expected) in [
            ("“Mara,", "“|Mara|,"),
            ("(gone).”", "(|gone|).”"),
            ("wait...", "|wait|…"),
            ("what?!", "|what|?!"),
            ("no!!!", "|no|!"),
            ("—", "||—"),
            ("-", "||—"),
            ("--", "||—"),
            ("'tis", "|'tis|"),
            ("'quoted'", "|quoted|"),
            ("dogs’", "|dogs|"),
            ("it’s", "|it's|"),
            (".5", "|.5|"),
            ("-5", "|-5|"),
            ("**bold**", "|bold|"),
            ("_so_", "|so|"),
            ("door—and", "|door—and|"),
            ("Ｈｉ！", "|Hi|!"),
            ("cafe\u{301}", "|cafe|"),
        ] {
            assert_eq!(parts(text), [expected], "{text}");
        }
    }

    #[test]
    fn tags_are_silent_and_links_say_their_text() {
        assert_eq!(parts("[whispers softly] Go"), ["||", "||", "|Go|"]);
        assert_eq!(parts("[sighs]Go"), ["|Go|"]);
        assert_eq!(parts("see [the map](http://a.b/c), Mara"), ["|see|", "|the|", "|map|,", "|Mara|"]);
        assert_eq!(parts("an [open bracket"), ["|an|", "|open|", "|bracket|"]);
    }

    #[test]
    fn what_cannot_be_said_is_warned_of_with_its_place() {
        let text = "In 東京, Hi🎉there";
        let (found, warnings) = words(text);
        assert_eq!(found[1].core, "");
        assert_eq!(found[1].tail, ",");
        assert_eq!(found[2].core, "Hi there");
        let said: Vec<&str> = warnings.iter().map(|w| &text[w.start as usize..w.end as usize]).collect();
        assert_eq!(said, ["東京", "🎉"]);
        assert_eq!(warnings[0].message, "cannot say \"東京\": skipped");
    }

    #[test]
    fn a_blank_line_or_a_heading_ends_a_block() {
        let ends: Vec<bool> = words("# The Bus\nIt was\nlate.\n\nShe ran").0.iter().map(|w| w.ends_block).collect();
        assert_eq!(ends, [false, false, true, false, false, true, false, true]);
    }
}
