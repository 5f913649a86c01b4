//! Finds secrets in what a service sends back, however they are written, and hides them. Pure.
//!
//! A secret is found as it is; escaped as JSON or an address would, in any mixture and depth (`\"`, `\\\"`, `\u0022`,
//! `%22`); in hexadecimal digits; and in base64, at each of the three places that it can have among groups of three bytes.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// The shortest secret that is looked for, in bytes: a shorter one stands in any text by chance.
const SECRET_BYTES_MIN: usize = 8;

/// What stands in the place of a secret.
pub const HIDDEN: &str = "***";

/// What is looked for.
#[derive(Default)]
pub struct Redactor {
    secrets: Vec<Secret>,
}

struct Secret {
    /// Without its backslashes: where others are escaped, nobody can tell how many there were.
    signs: Vec<u8>,
    ends_with_backslash: bool,
    /// Hexadecimal digits and base64.
    codes: Vec<Code>,
    /// The bytes that any way of writing it starts with.
    starts: [bool; 256],
    /// The most bytes that any way of writing it is expected to take.
    length_max: usize,
}

struct Code {
    text: Vec<u8>,
    case: Case,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Case {
    Either,
    Exact,
}

/// Whether a secret stands at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    No,
    /// Its beginning, and then the text ends.
    Begun(Half),
    /// Up to here.
    Until(usize),
}

/// How much of a secret was there before the text ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Half {
    Less,
    More,
}

impl Redactor {
    pub fn add(&mut self, secret: &str) {
        if secret.len() >= SECRET_BYTES_MIN {
            self.secrets.push(Secret::new(secret));
        }
    }

    /// Hides every secret in a whole text; also one that is cut off at its end, if most of it is there.
    pub fn hide(&self, bytes: Vec<u8>) -> Vec<u8> {
        let mut clean = self.hide_whole(bytes);
        let begun = self.begun(&clean, Half::More);
        if begun > 0 {
            clean.truncate(clean.len() - begun);
            clean.extend_from_slice(HIDDEN.as_bytes());
        }
        clean
    }

    /// Hides every secret that is there as a whole.
    pub fn hide_whole(&self, bytes: Vec<u8>) -> Vec<u8> {
        let mut clean = Vec::new();
        let mut at = 0;
        let mut kept = 0;
        while at < bytes.len() {
            let found = self.starting_with(bytes[at]).find_map(|secret| match secret.stands(&bytes, at) {
                Found::Until(end) => Some(end),
                _ => None,
            });
            let Some(end) = found else {
                at += 1;
                continue;
            };
            clean.extend_from_slice(&bytes[kept..at]);
            clean.extend_from_slice(HIDDEN.as_bytes());
            (at, kept) = (end, end);
        }
        if kept == 0 {
            return bytes;
        }
        clean.extend_from_slice(&bytes[kept..]);
        clean
    }

    /// Returns how many bytes at the end may be the beginning of a secret.
    pub fn held(&self, bytes: &[u8]) -> usize {
        self.begun(bytes, Half::Less)
    }

    fn begun(&self, bytes: &[u8], least: Half) -> usize {
        let longest = self.secrets.iter().map(|secret| secret.length_max).max().unwrap_or(0);
        let first = bytes.len().saturating_sub(longest);
        let is_begun = |at: &usize| {
            let mut secrets = self.starting_with(bytes[*at]);
            secrets.any(|secret| matches!(secret.stands(bytes, *at), Found::Begun(half) if half >= least))
        };
        (first..bytes.len()).find(is_begun).map_or(0, |at| bytes.len() - at)
    }

    fn starting_with(&self, byte: u8) -> impl Iterator<Item = &Secret> {
        self.secrets.iter().filter(move |secret| secret.starts[usize::from(byte)])
    }
}

impl Secret {
    fn new(secret: &str) -> Secret {
        let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
        let mut codes = vec![Code { text: hex.into_bytes(), case: Case::Either }];
        // Of three places that a text can have among groups of three bytes, each gives other letters; those that its
        // neighbours share are left out.
        for before in 0..3 {
            let padded = [&[0; 2][..before], secret.as_bytes()].concat();
            let from = [0, 2, 3][before];
            // All letters that are its own; and, where it was cut, those of its whole groups.
            for to in [padded.len() * 4 / 3, padded.len() / 3 * 4] {
                for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
                    let text = engine.encode(&padded).get(from..to).map(|text| text.as_bytes().to_vec());
                    codes.extend(text.map(|text| Code { text, case: Case::Exact }));
                }
            }
        }
        let signs: Vec<u8> = secret.bytes().filter(|byte| *byte != b'\\').collect();
        let mut starts = [false; 256];
        for start in codes.iter().map(|code| code.text[0]).chain(signs.first().copied()).chain(*b"\\%") {
            starts[usize::from(start.to_ascii_lowercase())] = true;
            starts[usize::from(start)] = true;
        }
        // A sign takes up to six bytes, and a backslash or two for each depth of quoting.
        let length_max = secret.len() * 12;
        Secret { ends_with_backslash: secret.ends_with('\\'), signs, codes, starts, length_max }
    }

    /// Tells whether it stands at `at`, in whatever form.
    fn stands(&self, bytes: &[u8], at: usize) -> Found {
        let mut begun = Found::No;
        let forms = self.codes.iter().map(|code| code.stands(&bytes[at..], at)).chain([self.spelled(bytes, at)]);
        for found in forms {
            match (found, begun) {
                (Found::Until(_), _) => return found,
                (Found::Begun(more), Found::Begun(half)) => begun = Found::Begun(more.max(half)),
                (Found::Begun(_), _) => begun = found,
                (Found::No, _) => {}
            }
        }
        begun
    }

    /// Tells whether it stands there sign by sign, each as it is or escaped.
    fn spelled(&self, bytes: &[u8], mut at: usize) -> Found {
        for (index, sign) in self.signs.iter().enumerate() {
            match written(bytes, at, *sign) {
                Found::Until(end) => at = end,
                Found::Begun(_) => return Found::Begun(half(index, self.signs.len())),
                Found::No => return Found::No,
            }
        }
        if self.ends_with_backslash {
            at += bytes[at..].iter().take_while(|byte| **byte == b'\\').count();
        }
        if self.signs.is_empty() { Found::No } else { Found::Until(at) }
    }
}

impl Code {
    fn stands(&self, rest: &[u8], at: usize) -> Found {
        let count = rest.len().min(self.text.len());
        let (there, wanted) = (&rest[..count], &self.text[..count]);
        let is_same = match self.case {
            Case::Either => there.eq_ignore_ascii_case(wanted),
            Case::Exact => there == wanted,
        };
        match is_same {
            false => Found::No,
            true if count == self.text.len() => Found::Until(at + count),
            true => Found::Begun(half(count, self.text.len())),
        }
    }
}

/// Tells whether one sign stands at `at`, behind any number of backslashes: as it is, as `\u0022`, or as `%22`.
fn written(bytes: &[u8], mut at: usize, sign: u8) -> Found {
    let mut is_quoted = false;
    loop {
        let rest = &bytes[at..];
        let (number, length) = match rest {
            [] => return Found::Begun(Half::Less),
            [b'\\', ..] => {
                (is_quoted, at) = (true, at + 1);
                continue;
            }
            [b'u', ..] if is_quoted => (number(&rest[1..], 4), 5),
            [b'%', ..] => (number(&rest[1..], 2), 3),
            _ => (None, 0),
        };
        match number {
            Some(number) if number == u32::from(sign) => return Found::Until(at + length),
            // A backslash, itself escaped.
            Some(0x5c) => (is_quoted, at) = (true, at + length),
            _ if rest[0] == sign => return Found::Until(at + 1),
            // The escape may not be whole yet.
            _ if length > rest.len() => return Found::Begun(Half::Less),
            _ => return Found::No,
        }
    }
}

/// Reads a number of so many hexadecimal digits.
fn number(bytes: &[u8], digits: usize) -> Option<u32> {
    let digits = bytes.get(..digits).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))?;
    u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

fn half(count: usize, of: usize) -> Half {
    if count * 2 >= of { Half::More } else { Half::Less }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn redactor(secret: &str) -> Redactor {
        let mut redactor = Redactor::default();
        redactor.add(secret);
        redactor
    }

    fn hidden(secret: &str, said: &str) -> String {
        String::from_utf8(redactor(secret).hide(said.as_bytes().to_vec())).unwrap()
    }

    #[test]
    fn a_secret_is_hidden_in_every_form_in_which_it_may_come_back() {
        let secret = "sk-\"canary\"\\/+ 42";
        let json = serde_json::Value::from(secret).to_string();
        let twice = serde_json::Value::from(json.as_str()).to_string();
        let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
        let all_of_it: String = secret.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let unicode: String = secret.bytes().map(|byte| format!("\\u00{byte:02X}")).collect();
        for said in [
            secret.to_owned(),
            json.trim_matches('"').to_owned(),
            json.replace('/', "\\/").trim_matches('"').to_owned(),
            json.replace("\\\"", "\\u0022").trim_matches('"').to_owned(),
            twice.strip_prefix("\"\\\"").and_then(|rest| rest.strip_suffix("\\\"\"")).unwrap().to_owned(),
            "sk-%22canary%22%5C%2F%2B%2042".to_owned(),
            all_of_it,
            unicode,
            hex.to_uppercase(),
            hex,
        ] {
            assert_eq!(hidden(secret, &format!("key <{said}>!")), "key <***>!", "{said}");
        }
    }

    #[test]
    fn in_base64_it_is_hidden_wherever_it_stands() {
        let secret = "sk-canary-42-of-many";
        for around in [("", ""), ("u:", ""), ("user:", ":more"), ("us", "s")] {
            let text = format!("{}{secret}{}", around.0, around.1);
            for said in [STANDARD_NO_PAD.encode(&text), URL_SAFE_NO_PAD.encode(&text)] {
                let left = hidden(secret, &said);
                assert!(left.contains(HIDDEN) && left.len() <= said.len() - 22 + HIDDEN.len(), "{said}: {left}");
            }
        }
    }

    #[test]
    fn what_holds_no_secret_stays_as_it_is() {
        let text = r#"{"text":"A bus at night, and \"nobody\" in it. \u0041 100 % sk-can"}"#;
        assert_eq!(hidden("sk-canary-42", text), text);
        assert_eq!(hidden("bus", "a bus"), "a bus", "what is short stands anywhere by chance");
    }

    #[test]
    fn a_hidden_secret_leaves_json_that_can_be_read() {
        for secret in ["\"quoted-secret\"", "\\back\\slashes\\", "/slashes/"] {
            let said = serde_json::json!({ "key": secret, "more": format!("a {secret}") }).to_string();
            let read: serde_json::Value = serde_json::from_str(&hidden(secret, &said)).unwrap();
            assert_eq!(read, serde_json::json!({ "key": "***", "more": "a ***" }));
        }
    }

    #[test]
    fn a_secret_that_is_cut_off_is_hidden_if_most_of_it_is_there() {
        assert_eq!(hidden("sk-canary-42", "key sk-canary-4"), "key ***");
        assert_eq!(hidden("sk-canary-42", "key sk-"), "key sk-");
        let redactor = redactor("sk-canary-42");
        assert_eq!((redactor.held(b"key sk-ca"), redactor.held(b"key sk-x")), (5, 0));
    }

    proptest! {
        /// However a secret is cut into pieces and mixed with its own beginnings, it is found once it is whole.
        #[test]
        fn beginnings_before_a_secret_hide_nothing(before in "(s|sk|sk-|sk-c|\\\\|%|%7|u| ){0,6}") {
            let said = format!("{before}sk-canary-42");
            prop_assert!(!hidden("sk-canary-42", &said).contains("canary"));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(prop_oneof![Just(b'\\'), Just(b'%'), Just(b'u'), Just(b's'), any::<u8>()], 0..200)) {
            let redactor = redactor("s\\u%5canary");
            let held = redactor.held(&bytes);
            prop_assert!(held <= bytes.len());
            redactor.hide(bytes);
        }
    }
}
