//! Finds secrets in what a service sends back, however they are written, and hides them. Pure.
//!
//! A secret is found as it is, in hexadecimal digits, and in base64, at each of the three places that it can have among
//! groups of three bytes. Each of these may be escaped as JSON, an address or a page would, more than once, and one in the
//! other: `\"`, `\\\"`, `\u0022`, `%22`, `%2522`, `%5C%22`, `&quot;`, `&amp;#34;`.

use crate::provider::escape::{self, Rest};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// The shortest secret that is looked for, in bytes: a shorter one stands in any text by chance.
const SECRET_BYTES_MIN: usize = 8;

/// An address may write the one as the other.
const SPACE: u32 = b' ' as u32;
const PLUS: u32 = b'+' as u32;

/// What stands in the place of a secret.
pub const HIDDEN: &str = "***";

/// What is looked for.
#[derive(Default)]
pub struct Redactor {
    secrets: Vec<Secret>,
}

struct Secret {
    /// As it is, in hexadecimal digits, in base64.
    spellings: Vec<Spelling>,
    /// The bytes that any way of writing it starts with.
    starts: [bool; 256],
    /// The most bytes that any way of writing it is expected to take.
    length_max: usize,
}

/// One way of writing a secret, before any of it is escaped.
struct Spelling {
    /// Without its backslashes: where others are escaped, nobody can tell how many there were.
    signs: Vec<Sign>,
    ends_with_backslash: bool,
    case: Case,
}

/// One sign of it.
struct Sign {
    /// Its first byte.
    start: u8,
    /// In bytes (`%C3%A9`), by its number (`&#233;`), in the units of UTF-16 (`\ud834\udd1e`).
    ways: Vec<Vec<u32>>,
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
        let mut spellings = vec![Spelling::new(secret, Case::Exact), Spelling::new(&hex, Case::Either)];
        // Of three places that a text can have among groups of three bytes, each gives other letters; those that its
        // neighbours share are left out.
        for before in 0..3 {
            let padded = [&[0; 2][..before], secret.as_bytes()].concat();
            let from = [0, 2, 3][before];
            // All letters that are its own; and, where it was cut, those of its whole groups.
            for to in [padded.len() * 4 / 3, padded.len() / 3 * 4] {
                for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
                    let text = engine.encode(&padded);
                    spellings.extend(text.get(from..to).map(|text| Spelling::new(text, Case::Exact)));
                }
            }
        }
        let mut starts = [false; 256];
        for start in spellings.iter().filter_map(Spelling::start).chain(escape::STARTS) {
            starts[usize::from(start.to_ascii_lowercase())] = true;
            starts[usize::from(start)] = true;
        }
        // A sign takes up to six bytes, and a backslash or two for each depth of quoting.
        let length_max = secret.len() * 12;
        Secret { spellings, starts, length_max }
    }

    /// Tells whether it stands at `at`, in whatever form.
    fn stands(&self, bytes: &[u8], at: usize) -> Found {
        let mut begun = Found::No;
        for spelling in self.spellings.iter().filter(|spelling| spelling.may_start_with(bytes[at])) {
            let found = spelling.stands(bytes, at);
            match (found, begun) {
                (Found::Until(_), _) => return found,
                (Found::Begun(more), Found::Begun(half)) => begun = Found::Begun(more.max(half)),
                (Found::Begun(_), _) => begun = found,
                (Found::No, _) => {}
            }
        }
        begun
    }
}

impl Spelling {
    fn new(text: &str, case: Case) -> Spelling {
        let signs = text.chars().filter(|sign| *sign != '\\').map(Sign::new).collect();
        Spelling { signs, ends_with_backslash: text.ends_with('\\'), case }
    }

    /// Returns the byte that it starts with where nothing is escaped.
    fn start(&self) -> Option<u8> {
        self.signs.first().map(|sign| sign.start)
    }

    fn may_start_with(&self, byte: u8) -> bool {
        escape::STARTS.contains(&byte) || self.start().is_some_and(|start| self.is_same(start.into(), byte.into()))
    }

    fn is_same(&self, wanted: u32, there: u32) -> bool {
        let lower = |unit: u32| u8::try_from(unit).map_or(unit, |byte| byte.to_ascii_lowercase().into());
        wanted == there || self.case == Case::Either && lower(wanted) == lower(there)
    }

    /// Tells whether it stands there sign by sign, each as it is or escaped.
    fn stands(&self, bytes: &[u8], at: usize) -> Found {
        // More than one where it shows later only what is escaped: `%25` is that, or `%`.
        let (start, mut places) = ([at], Vec::new());
        let mut begun = Found::No;
        for (index, sign) in self.signs.iter().enumerate() {
            let (ends, rest) = self.ends(sign, bytes, if index == 0 { &start } else { &places });
            if rest == Rest::Cut {
                begun = Found::Begun(half(index, self.signs.len()));
            }
            if ends.is_empty() {
                return begun;
            }
            places = ends;
        }
        let Some(mut end) = places.last().copied() else { return Found::No };
        if self.ends_with_backslash {
            end += bytes[end..].iter().take_while(|byte| **byte == b'\\').count();
        }
        Found::Until(end)
    }

    /// Returns each place, in order, where a sign ends that begins at one of these.
    fn ends(&self, sign: &Sign, bytes: &[u8], places: &[usize]) -> (Vec<usize>, Rest) {
        let (mut all, mut all_rest) = (Vec::new(), Rest::Known);
        let mut step = |unit: u32, from: &[usize]| {
            let is_wanted = |there| self.is_same(unit, there) || unit == SPACE && there == PLUS;
            let mut ends = Vec::new();
            for place in from {
                if escape::ends(bytes, *place, is_wanted, &mut ends) == Rest::Cut {
                    all_rest = Rest::Cut;
                }
            }
            ends
        };
        for way in &sign.ways {
            let Some((first, more)) = way.split_first() else { continue };
            let open = step(*first, places);
            all.append(&mut more.iter().fold(open, |open, unit| step(*unit, &open)));
        }
        all.sort_unstable();
        all.dedup();
        (all, all_rest)
    }
}

impl Sign {
    fn new(sign: char) -> Sign {
        let bytes = sign.encode_utf8(&mut [0; 4]).as_bytes().to_vec();
        let mut ways = vec![bytes.iter().map(|byte| u32::from(*byte)).collect()];
        if !sign.is_ascii() {
            ways.push(vec![sign.into()]);
            ways.push(sign.encode_utf16(&mut [0; 2]).iter().map(|unit| u32::from(*unit)).collect());
            ways.dedup();
        }
        Sign { start: bytes[0], ways }
    }
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
            "sk-&quot;canary&#34;\\/&#x2B; 42".to_owned(),
            "sk-&amp;quot;canary&amp;#x22;\\/+ 42".to_owned(),
            "sk-%2522canary%252522%255C%2F%2B+42".to_owned(),
            "sk-\\x22canary\\u005cu0022%5C%5C/+ 42".to_owned(),
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
    fn what_is_encoded_may_be_escaped_as_well() {
        let secret = "sk-???>>>canary-42";
        let base64 = STANDARD_NO_PAD.encode(secret);
        assert!(base64.contains('/') && base64.contains('+'), "{base64}");
        let page: String = base64.chars().map(|c| format!("&#{};", u32::from(c))).collect();
        for said in [
            base64.replace('/', "\\/"),
            base64.replace('/', "\\u002f").replace('+', "\\u002B"),
            base64.replace('/', "%2F").replace('+', "%2b"),
            base64.replace('/', "%252F").replace('+', "%252B"),
            base64.replace('/', "&#x2F;"),
            page,
        ] {
            assert_eq!(hidden(secret, &format!("key <{said}>!")), "key <***>!", "{said}");
        }
    }

    #[test]
    fn a_secret_may_itself_look_escaped_or_hold_a_tab() {
        for secret in ["sk-%2541-%25-42", "sk-\\u0041-\\x-42", "sk-&amp;&#34-42", "sk\tcanary\t42", "%25%25%25%25"] {
            let json = serde_json::Value::from(secret).to_string();
            let url: String = secret.bytes().map(|byte| format!("%{byte:02X}")).collect();
            for said in [secret, &json[1..json.len() - 1], &url] {
                assert_eq!(hidden(secret, &format!("<{said}>")), "<***>", "{secret} as {said}");
            }
        }
    }

    #[test]
    fn a_secret_in_other_letters_is_hidden_as_well() {
        let secret = "ключ-é-𝄞-42";
        let url: String = secret.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let page: String = secret.chars().map(|c| format!("&#{};", u32::from(c))).collect();
        let json: String = secret.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
        for said in [secret.to_owned(), url, page, json, secret.replace('é', "\\u00E9").replace('к', "%D0%BA")] {
            assert_eq!(hidden(secret, &format!("<{said}>")), "<***>", "{said}");
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
        fn beginnings_before_a_secret_hide_nothing(before in "(s|sk|sk-|sk-c|\\\\|%|%7|&|&#|u| ){0,6}") {
            let said = format!("{before}sk-canary-42");
            prop_assert!(!hidden("sk-canary-42", &said).contains("canary"));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(prop_oneof![Just(b'\\'), Just(b'%'), Just(b'&'), Just(b'#'), Just(b';'), Just(b'u'), Just(b's'), any::<u8>()], 0..200)) {
            let redactor = redactor("s\\u%5canary");
            let held = redactor.held(&bytes);
            prop_assert!(held <= bytes.len());
            redactor.hide(bytes);
        }
    }
}
