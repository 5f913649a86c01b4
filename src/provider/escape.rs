//! Reads one sign of a text that may be escaped: as JSON does it, or an address, or a page, or one within the other. Pure.

/// What an escape starts with: `\"` and `\u0022`, `%22`, `&quot;`.
pub const STARTS: [u8; 3] = *b"\\%&";

/// The entities that have a name in every page, and what they stand for.
const ENTITIES: [(&[u8], u8); 5] =
    [(b"amp;", b'&'), (b"quot;", b'"'), (b"lt;", b'<'), (b"gt;", b'>'), (b"apos;", b'\'')];

/// The longest entity, in bytes: `#0000034;`.
const ENTITY_BYTES_MAX: usize = 9;

/// How many escapes may start one another: five depths of quoted JSON have 31 backslashes. A text of nothing else would be
/// gone through again from each of them.
const DEPTH_MAX: usize = 64;

/// Whether more of the text could show another end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    Known,
    /// The text ends where a sign may still be coming.
    Cut,
}

/// What an escape is once it was started.
enum Escaped {
    /// The sign of this number, which takes so many bytes more.
    Sign(u32, usize),
    Cut,
    No,
}

/// Adds each place where the sign that is wanted ends, if it begins at `at`: as it is, byte by byte, or escaped however often.
///
/// There is more than one where `%` is wanted and `%25` stands: that may be the sign, or the sign and more.
pub fn ends(bytes: &[u8], mut at: usize, is_wanted: impl Fn(u32) -> bool, ends: &mut Vec<usize>) -> Rest {
    let mut started = None;
    for _ in 0..DEPTH_MAX {
        let rest = &bytes[at..];
        let Some(first) = rest.first().copied() else { return Rest::Cut };
        // What stands behind a backslash may be meant as it is.
        let is_plain = matches!(started, None | Some(b'\\'));
        if is_plain && is_wanted(first.into()) {
            ends.push(at + 1);
        }
        let (sign, length) = match started.map_or(Escaped::No, |start| escaped(start, rest)) {
            Escaped::Sign(sign, length) => {
                if is_wanted(sign) {
                    ends.push(at + length);
                }
                (sign, length)
            }
            Escaped::Cut => return Rest::Cut,
            Escaped::No if is_plain => (first.into(), 1),
            Escaped::No => return Rest::Known,
        };
        // What an escape stands for may start another: `%2522`, `\u005cu0022`.
        let Some(start) = u8::try_from(sign).ok().filter(|sign| STARTS.contains(sign)) else { return Rest::Known };
        (started, at) = (Some(start), at + length);
    }
    Rest::Known
}

fn escaped(start: u8, rest: &[u8]) -> Escaped {
    match (start, rest[0]) {
        (b'\\', b'u') => digits(&rest[1..], 4, 1),
        (b'\\', b'x') => digits(&rest[1..], 2, 1),
        (b'\\', b't') => Escaped::Sign(b'\t'.into(), 1),
        (b'%', _) => digits(rest, 2, 0),
        (b'&', _) => entity(rest),
        _ => Escaped::No,
    }
}

/// Reads so many hexadecimal digits, behind others that were read.
fn digits(rest: &[u8], count: usize, before: usize) -> Escaped {
    let there = &rest[..count.min(rest.len())];
    match number(there, 16) {
        _ if there.is_empty() => Escaped::Cut,
        Some(_) if there.len() < count => Escaped::Cut,
        Some(number) => Escaped::Sign(number, before + count),
        None => Escaped::No,
    }
}

/// Reads `quot;`, `#34;` or `#x22;`.
fn entity(rest: &[u8]) -> Escaped {
    let text = &rest[..rest.len().min(ENTITY_BYTES_MAX)];
    let Some(end) = text.iter().position(|byte| *byte == b';') else {
        let is_begun =
            text.len() < ENTITY_BYTES_MAX && text.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'#');
        return if is_begun { Escaped::Cut } else { Escaped::No };
    };
    let sign = match &text[..end] {
        [b'#', b'x' | b'X', digits @ ..] => number(digits, 16),
        [b'#', digits @ ..] => number(digits, 10),
        _ => ENTITIES.iter().find(|(name, _)| **name == text[..=end]).map(|(_, sign)| u32::from(*sign)),
    };
    sign.map_or(Escaped::No, |sign| Escaped::Sign(sign, end + 1))
}

fn number(digits: &[u8], radix: u32) -> Option<u32> {
    let is_number = digits.iter().all(|byte| char::from(*byte).is_digit(radix));
    let digits = std::str::from_utf8(digits).ok().filter(|digits| is_number && !digits.is_empty())?;
    u32::from_str_radix(digits, radix).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quotes(text: &str) -> (Vec<usize>, Rest) {
        let mut found = Vec::new();
        let rest = ends(text.as_bytes(), 0, |sign| sign == u32::from(b'"'), &mut found);
        (found, rest)
    }

    #[test]
    fn a_sign_is_read_however_it_is_escaped() {
        for text in [
            "\"",
            "\\\"",
            "\\\\\\\"",
            "\\u0022",
            "\\x22",
            "\\u005cu0022",
            "%22",
            "%2522",
            "%252522",
            "%5C%22",
            "%5Cu0022",
            "\\u002522",
            "&quot;",
            "&#34;",
            "&#x22;",
            "&#0034;",
            "&amp;quot;",
            "&amp;#x22;",
            "%26quot;",
        ] {
            assert_eq!(quotes(&format!("{text}more")), (vec![text.len()], Rest::Known), "{text}");
        }
    }

    #[test]
    fn what_is_no_such_sign_has_no_end() {
        for text in ["q", "\\n", "\\u0041 ", "%41", "%zz", "&amp;", "&nbsp;", "&#3400000034;", "& more", "22"] {
            assert_eq!(quotes(&format!("{text} ")).0, Vec::<usize>::new(), "{text}");
        }
    }

    #[test]
    fn a_text_that_ends_too_early_may_go_on() {
        for text in ["", "\\", "\\u", "\\u00", "%", "%2", "&", "&quo", "&#3"] {
            assert_eq!(quotes(text), (Vec::new(), Rest::Cut), "{text}");
        }
    }

    #[test]
    fn what_only_starts_escapes_is_gone_through_a_little_way() {
        assert_eq!(quotes(&"\\".repeat(DEPTH_MAX)), (Vec::new(), Rest::Known));
        assert_eq!(quotes(&format!("%{}", "25".repeat(DEPTH_MAX))), (Vec::new(), Rest::Known));
        assert_eq!(quotes(&format!("{}\"", "\\".repeat(31))).0, [32]);
    }

    #[test]
    fn a_sign_that_starts_escapes_may_end_at_two_places() {
        let mut found = Vec::new();
        assert_eq!(ends(b"%25 ", 0, |sign| sign == u32::from(b'%'), &mut found), Rest::Known);
        assert_eq!(found, [1, 3]);
    }
}
