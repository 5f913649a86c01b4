//! The text of a WebVTT cue: plain, as it is read aloud, and as a file has it.

/// Returns the text with what WebVTT reads as its own written as references. The result holds no `-->`.
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Takes the tags out of cue text and resolves its character references.
pub fn plain(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['<', '&']) {
        kept.push_str(&rest[..at]);
        rest = &rest[at..];
        if rest.starts_with('<') {
            rest = rest.find('>').map_or("", |end| &rest[end + 1..]);
        } else if let Some((c, after)) = reference(rest) {
            kept.push(c);
            rest = after;
        } else {
            kept.push('&');
            rest = &rest[1..];
        }
    }
    kept + rest
}

/// References by name, as far as subtitles use them: HTML knows two thousand.
const NAMES: &[(&str, char)] = &[
    ("amp", '&'),
    ("lt", '<'),
    ("gt", '>'),
    ("quot", '"'),
    ("apos", '\''),
    ("nbsp", '\u{A0}'),
    ("lrm", '\u{200E}'),
    ("rlm", '\u{200F}'),
    ("shy", '\u{AD}'),
    ("hellip", '…'),
    ("ndash", '–'),
    ("mdash", '—'),
    ("lsquo", '‘'),
    ("rsquo", '’'),
    ("ldquo", '“'),
    ("rdquo", '”'),
    ("laquo", '«'),
    ("raquo", '»'),
];

/// Those that HTML reads without their `;` as well.
const OLD_NAMES: &[&str] = &["amp", "lt", "gt", "quot", "nbsp", "shy", "laquo", "raquo"];

/// Reads a character reference at the start of `text`, as HTML does; returns what it stands for and what follows.
fn reference(text: &str) -> Option<(char, &str)> {
    let body = &text[1..];
    if let Some(code) = body.strip_prefix('#') {
        return numbered(code);
    }
    NAMES.iter().find_map(|&(name, c)| {
        let after = body.strip_prefix(name)?;
        let closed = after.strip_prefix(';');
        closed.or_else(|| OLD_NAMES.contains(&name).then_some(after)).map(|after| (c, after))
    })
}

/// Reads `33;`, `x21;`, or either without its `;`.
fn numbered(code: &str) -> Option<(char, &str)> {
    let (digits, radix) = match code.strip_prefix(['x', 'X']) {
        Some(hex) => (hex, 16),
        None => (code, 10),
    };
    let end = digits.bytes().take_while(|byte| char::from(*byte).is_digit(radix)).count();
    let (digits, after) = digits.split_at(end);
    if digits.is_empty() {
        return None;
    }
    // Numbers that are no character, and those too long to be one, are the unknown character.
    let c = u32::from_str_radix(digits, radix).ok().and_then(char::from_u32).filter(|&c| c != '\0');
    Some((c.unwrap_or('\u{FFFD}'), after.strip_prefix(';').unwrap_or(after)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check<const N: usize>(cases: [(&str, &str); N]) {
        for (text, expected) in cases {
            assert_eq!(plain(text), expected, "{text:?}");
        }
    }

    #[test]
    fn tags_fall_and_their_text_stays() {
        check([
            ("a <b>c</b> d", "a c d"),
            ("<v Ann Lee>Hi<00:00:01.000><c.x> you</c>", "Hi you"),
            ("<v\nAnn>Hi", "Hi"),
            ("<lang en>a</lang><>b</>c", "abc"),
            ("a<b", "a"),
            ("a > b", "a > b"),
            ("<v A&gt;B>c", "c"),
        ]);
    }

    #[test]
    fn references_become_characters() {
        check([
            ("&amp;&lt;&gt;&quot;&apos;", "&<>\"'"),
            ("a&lrm;b&rlm;c&nbsp;d&hellip;", "a\u{200E}b\u{200F}c\u{A0}d…"),
            ("&#33;&#x21;&#X21;&#x1F600;", "!!!😀"),
            ("&amp;amp;&amp;lt;", "&amp;&lt;"),
        ]);
    }

    #[test]
    fn old_names_and_numbers_need_no_semicolon() {
        check([("a &amp b", "a & b"), ("&ltb", "<b"), ("&#33 &#x21", "! !"), ("&hellip b", "&hellip b")]);
    }

    #[test]
    fn numbers_that_are_no_character_are_the_unknown_one() {
        check([
            ("&#0;", "\u{FFFD}"),
            ("&#xD800;", "\u{FFFD}"),
            ("&#x110000;", "\u{FFFD}"),
            ("&#99999999999;", "\u{FFFD}"),
        ]);
    }

    #[test]
    fn an_ampersand_that_begins_no_reference_stays() {
        check([
            ("&", "&"),
            ("&&", "&&"),
            ("&;", "&;"),
            ("&1;", "&1;"),
            ("&#;", "&#;"),
            ("&#x;", "&#x;"),
            ("Q&A", "Q&A"),
        ]);
        check([("&<b", "&"), ("&nothing;", "&nothing;")]);
    }

    proptest! {
        #[test]
        fn what_is_escaped_is_read(text in "[a-z&;<>#\"' x\u{5D0}字\u{301}-]{0,30}") {
            prop_assert_eq!(plain(&escape(&text)), text.clone());
            prop_assert!(!escape(&text).contains("-->"));
        }
    }
}
