//! The secrets of one call: read when it is made, and taken out of whatever comes back.

use crate::base::failure::{Cause, Failure};
use crate::storyfile::service::{SecretPiece, SecretText};
use crate::world::call::{Ear, Head};
use crate::world::env::Environment;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// The shortest secret that is looked for in answers, in bytes: a shorter one stands in any text by chance.
const SECRET_BYTES_MIN: usize = 8;

/// What stands in the place of a secret.
const HIDDEN: &str = "***";

/// What a call is told that nobody else may see.
#[derive(Default)]
pub struct Secrets {
    /// Headers with their values.
    pub headers: Vec<(String, String)>,
    values: Vec<String>,
}

impl Secrets {
    /// Reads a text with its secrets for the provider `name`; `what` says where it belongs.
    pub fn read(
        &mut self,
        environment: &Environment,
        name: &str,
        what: &str,
        text: &SecretText,
    ) -> Result<String, Failure> {
        let mut value = String::new();
        for piece in &text.pieces {
            match piece {
                SecretPiece::Literal(text) => value.push_str(text),
                SecretPiece::Variable(variable) => {
                    let found = environment.look_up(variable).map(str::trim).filter(|found| !found.is_empty());
                    let found = found.ok_or_else(|| {
                        let message = format!("the provider `{name}` needs the variable `{variable}` ({what})");
                        Failure::new(Cause::Setup, message)
                            .hint(format!("Set it where storygen is called: `export {variable}=…`."))
                    })?;
                    self.values.push(found.to_owned());
                    value.push_str(found);
                }
            }
        }
        Ok(value)
    }

    /// Takes secrets out that the server sends back.
    pub fn scrub(&self, mut bytes: Vec<u8>) -> Vec<u8> {
        for form in self.forms() {
            bytes = replaced(bytes, form.as_bytes());
        }
        bytes
    }

    /// The same for a text.
    pub fn scrub_text(&self, text: &str) -> String {
        self.forms().fold(text.to_owned(), |text, form| text.replace(&form, HIDDEN))
    }

    fn forms(&self) -> impl Iterator<Item = String> {
        self.values.iter().filter(|value| value.len() >= SECRET_BYTES_MIN).flat_map(|value| forms(value))
    }
}

/// Hears an answer for another, secrets taken out: they may come in pieces.
pub struct Veil<'a> {
    secrets: &'a Secrets,
    ear: &'a mut dyn Ear,
    /// What may be the beginning of a secret.
    held: Vec<u8>,
}

impl<'a> Veil<'a> {
    pub fn new(secrets: &'a Secrets, ear: &'a mut dyn Ear) -> Veil<'a> {
        Veil { secrets, ear, held: Vec::new() }
    }

    /// Passes on what was held back.
    pub fn end(self) {
        if !self.held.is_empty() {
            self.ear.piece(&self.held);
        }
    }
}

impl Ear for Veil<'_> {
    fn head(&mut self, head: &Head) {
        let headers = head.headers.iter().map(|(name, value)| (name.clone(), self.secrets.scrub_text(value)));
        self.ear.head(&Head { headers: headers.collect(), ..head.clone() });
    }

    fn piece(&mut self, bytes: &[u8]) {
        self.held.extend_from_slice(bytes);
        let clean = self.secrets.scrub(std::mem::take(&mut self.held));
        let held = self.secrets.forms().map(|form| begun(&clean, form.as_bytes())).max().unwrap_or(0);
        let (pass, keep) = clean.split_at(clean.len() - held);
        self.held = keep.to_vec();
        if !pass.is_empty() {
            self.ear.piece(pass);
        }
    }
}

/// Returns how many bytes at the end of `bytes` begin `form`.
fn begun(bytes: &[u8], form: &[u8]) -> usize {
    let most = bytes.len().min(form.len().saturating_sub(1));
    (1..=most).rev().find(|count| bytes.ends_with(&form[..*count])).unwrap_or(0)
}

/// How a secret may come back: as it is, in a JSON text, in an address, in hexadecimal digits, in base64.
fn forms(value: &str) -> Vec<String> {
    let json = serde_json::Value::from(value).to_string();
    let encoded = value.bytes().map(|byte| match byte {
        byte if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    });
    let hex: String = value.bytes().map(|byte| format!("{byte:02x}")).collect();
    let mut forms =
        vec![value.to_owned(), json.trim_matches('"').to_owned(), encoded.collect(), hex.to_uppercase(), hex];
    // Of three places that a text can have among groups of three bytes, each gives other letters; those that its
    // neighbours share are left out.
    for before in 0..3 {
        let padded = [&[0; 2][..before], value.as_bytes()].concat();
        let (from, to) = ([0, 2, 3][before], padded.len() * 4 / 3);
        for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
            forms.extend(engine.encode(&padded).get(from..to).map(str::to_owned));
        }
    }
    forms.sort();
    forms.dedup();
    // The longest first: a shorter one may stand in it.
    forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
    forms
}

fn replaced(bytes: Vec<u8>, secret: &[u8]) -> Vec<u8> {
    let mut rest = bytes.as_slice();
    let mut clean = Vec::new();
    while let Some(at) = rest.windows(secret.len()).position(|window| window == secret) {
        clean.extend_from_slice(&rest[..at]);
        clean.extend_from_slice(HIDDEN.as_bytes());
        rest = &rest[at + secret.len()..];
    }
    if clean.is_empty() && rest.len() == bytes.len() {
        return bytes;
    }
    clean.extend_from_slice(rest);
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(value: &str) -> Secrets {
        Secrets { headers: Vec::new(), values: vec![value.to_owned()] }
    }

    #[test]
    fn a_secret_is_taken_out_of_every_form_in_which_it_may_come_back() {
        let value = "sk-\"canary\"/+ 42";
        let secrets = secrets(value);
        let hex: String = value.bytes().map(|byte| format!("{byte:02x}")).collect();
        for said in [
            format!("key {value}!"),
            serde_json::json!({ "key": value }).to_string(),
            "?key=sk-%22canary%22%2F%2B%2042&x".to_owned(),
            format!("0x{hex}"),
            hex.to_uppercase(),
            STANDARD_NO_PAD.encode(value),
            STANDARD_NO_PAD.encode(format!("user:{value}:more")),
            STANDARD_NO_PAD.encode(format!("u:{value}")),
            URL_SAFE_NO_PAD.encode(format!("us{value}s")),
        ] {
            assert!(secrets.scrub_text(&said).contains(HIDDEN), "{said}");
            let bytes = secrets.scrub(said.clone().into_bytes());
            assert!(String::from_utf8(bytes).unwrap().contains(HIDDEN), "{said}");
        }
    }

    #[test]
    fn a_secret_that_comes_in_pieces_is_taken_out_and_all_else_passes_at_once() {
        #[derive(Default)]
        struct Heard(Vec<u8>);
        impl Ear for Heard {
            fn head(&mut self, _: &Head) {}
            fn piece(&mut self, bytes: &[u8]) {
                self.0.extend_from_slice(bytes);
            }
        }
        let secrets = secrets("sk-canary-42");
        let mut heard = Heard::default();
        let mut veil = Veil::new(&secrets, &mut heard);
        for byte in b"key sk-canary-42, sk-can and sk-" {
            veil.piece(&[*byte]);
        }
        veil.end();
        assert_eq!(String::from_utf8(heard.0).unwrap(), "key ***, sk-can and sk-");
        let mut heard = Heard::default();
        Veil::new(&secrets, &mut heard).piece(b"no secret here");
        assert_eq!(heard.0, b"no secret here");
    }

    #[test]
    fn what_holds_no_secret_stays_as_it_is() {
        let text = "A bus at night, and nobody in it.";
        assert_eq!(secrets("sk-canary-42").scrub(text.into()), text.as_bytes());
        assert_eq!(secrets("bus").scrub_text(text), text);
    }
}
