//! The secrets of one call: read when it is made, and taken out of whatever comes back.

use crate::base::failure::{Cause, Failure};
use crate::provider::redact::Redactor;
use crate::storyfile::service::{SecretPiece, SecretText};
use crate::world::call::{Answer, Ear, Head};
use crate::world::env::Environment;

/// What a call is told that nobody else may see.
#[derive(Default)]
pub struct Secrets {
    /// Headers with their values.
    pub headers: Vec<(String, String)>,
    redactor: Redactor,
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
                    self.redactor.add(found);
                    value.push_str(found);
                }
            }
        }
        Ok(value)
    }

    /// Takes secrets out of a whole answer.
    pub fn scrub(&self, answer: Answer) -> Answer {
        Answer { head: self.scrub_head(&answer.head), body: self.redactor.hide(answer.body) }
    }

    /// The same for a text.
    pub fn scrub_text(&self, text: &str) -> String {
        // Where nothing is hidden all stays, and what is hidden begins and ends with a sign of its own.
        String::from_utf8_lossy(&self.redactor.hide(text.as_bytes().to_vec())).into_owned()
    }

    fn scrub_head(&self, head: &Head) -> Head {
        let headers = head.headers.iter().map(|(name, value)| (name.clone(), self.scrub_text(value)));
        Head { headers: headers.collect(), ..head.clone() }
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
        let left = self.secrets.redactor.hide(self.held);
        if !left.is_empty() {
            self.ear.piece(&left);
        }
    }
}

impl Ear for Veil<'_> {
    fn head(&mut self, head: &Head) {
        self.ear.head(&self.secrets.scrub_head(head));
    }

    fn piece(&mut self, bytes: &[u8]) {
        self.held.extend_from_slice(bytes);
        let redactor = &self.secrets.redactor;
        let mut clean = redactor.hide_whole(std::mem::take(&mut self.held));
        self.held = clean.split_off(clean.len() - redactor.held(&clean));
        if !clean.is_empty() {
            self.ear.piece(&clean);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Heard(Vec<u8>);

    impl Ear for Heard {
        fn head(&mut self, _: &Head) {}
        fn piece(&mut self, bytes: &[u8]) {
            self.0.extend_from_slice(bytes);
        }
    }

    fn secrets(value: &str) -> Secrets {
        let mut secrets = Secrets::default();
        secrets.redactor.add(value);
        secrets
    }

    fn heard(said: &[u8]) -> String {
        let (secrets, mut heard) = (secrets("sk-canary-42"), Heard::default());
        let mut veil = Veil::new(&secrets, &mut heard);
        for byte in said {
            veil.piece(&[*byte]);
        }
        veil.end();
        String::from_utf8(heard.0).unwrap()
    }

    #[test]
    fn a_secret_that_comes_in_pieces_is_taken_out_and_all_else_passes() {
        assert_eq!(heard(b"key sk-canary-42, sk-can and sk-"), "key ***, sk-can and sk-");
        assert_eq!(heard(b"key sk-c\\u0061nary%2D42!"), "key ***!");
        assert_eq!(heard(b"the connection broke at sk-canary-4"), "the connection broke at ***");
    }

    #[test]
    fn what_cannot_begin_a_secret_passes_at_once() {
        let (secrets, mut heard) = (secrets("sk-canary-42"), Heard::default());
        Veil::new(&secrets, &mut heard).piece(b"no key here");
        assert_eq!(heard.0, b"no key here");
    }

    #[test]
    fn a_whole_answer_is_clean_from_head_to_end() {
        let head = Head { headers: [("request-id".to_owned(), "sk-canary-42".to_owned())].into(), ..Head::default() };
        let answer = secrets("sk-canary-42").scrub(Answer { head, body: b"sk-canary-42.".to_vec() });
        assert_eq!((answer.head.headers["request-id"].as_str(), &answer.body[..]), ("***", &b"***."[..]));
    }
}
