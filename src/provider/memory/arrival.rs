//! An answer on its way in: written down as it comes, and found again by a later run if this one dies.

use crate::provider::memory::{Reading, Request};
use crate::store::{Answer, Left, Spool, StoreError, Wholeness};
use crate::world::call::{Ear, Head};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// What is written down of an answer before its body.
#[derive(Deserialize)]
struct Told {
    status: u16,
    /// Of the body, in bytes.
    length: Option<u64>,
}

/// Writes an answer down as it comes in.
pub struct Spooling {
    spool: Spool,
    error: Option<StoreError>,
}

impl Spooling {
    pub fn new(spool: Spool) -> Spooling {
        Spooling { spool, error: None }
    }

    /// Notes that the answer is whole.
    pub fn end(&mut self) {
        let ended = self.spool.end();
        self.note(ended);
    }

    /// A disk that fails meanwhile is met again when the answer, which is in memory, is put away.
    fn note(&mut self, written: Result<(), StoreError>) {
        if let Err(error) = written
            && self.error.is_none()
        {
            tracing::warn!(%error, "an answer cannot be written down as it comes in");
            self.error = Some(error);
        }
    }
}

impl Ear for Spooling {
    fn head(&mut self, head: &Head) {
        let told = json!({"status": head.status, "length": head.length}).to_string();
        let written = self.spool.head(told.as_bytes());
        self.note(written);
    }

    fn piece(&mut self, bytes: &[u8]) {
        let written = self.spool.piece(bytes);
        self.note(written);
    }
}

/// Returns the answer that a dead call left, if all of it is there and it is one.
pub fn recovered(left: &Left, request: &Request<'_>) -> Option<(Vec<u8>, Reading)> {
    let answer = left.answer.as_ref()?;
    let told: Told = serde_json::from_slice(&answer.head).ok()?;
    ((200..300).contains(&told.status) && is_whole(answer, told.length)).then_some(())?;
    Some((answer.body.clone(), (request.reading)(&answer.body).ok()?))
}

/// Whether nothing is missing of an answer. Where the caller died before it said so, only the length that was announced can
/// tell, or a form that shows its own end: half a sound is a sound too.
fn is_whole(answer: &Answer, length: Option<u64>) -> bool {
    match (answer.wholeness, length) {
        (Wholeness::Ended, _) => true,
        (Wholeness::Cut, Some(length)) => answer.body.len() as u64 == length,
        (Wholeness::Cut, None) => serde_json::from_slice::<Map<String, Value>>(&answer.body).is_ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::digest::Digest;
    use crate::base::money::Usage;
    use crate::store::{Intent, ReplyOutcome};

    /// Whether this is taken for an answer by one who takes all bytes for one.
    fn is_recovered(head: &str, body: &str, wholeness: Wholeness) -> bool {
        let reading =
            |_: &[u8]| Ok(Reading { made_by: "model-1".into(), usage: Usage::default(), outcome: ReplyOutcome::Good });
        let request = Request { key: Digest::of(b"request"), description: "the reply", reading: &reading };
        let answer = Answer { head: head.into(), body: body.into(), wholeness };
        let left = Left { intent: Intent::default(), answer: Some(answer) };
        recovered(&left, &request).is_some_and(|(found, _)| found == body.as_bytes())
    }

    #[test]
    fn half_an_answer_is_never_taken_for_a_whole_one() {
        let (sized, unsized_) = (r#"{"status": 200, "length": 9}"#, r#"{"status": 200, "length": null}"#);
        for (head, body, wholeness, expected) in [
            (unsized_, "some sound", Wholeness::Ended, true),
            (sized, "all of it", Wholeness::Cut, true),
            (sized, "all of", Wholeness::Cut, false),
            // Without a length the answer itself must show where it ends.
            (unsized_, "some sound", Wholeness::Cut, false),
            (unsized_, r#"{"a": [1, 2]}"#, Wholeness::Cut, true),
            (unsized_, r#"{"a": [1, 2"#, Wholeness::Cut, false),
            (r#"{"status": 500, "length": 9}"#, "all of it", Wholeness::Ended, false),
            ("", "", Wholeness::Cut, false),
        ] {
            assert_eq!(is_recovered(head, body, wholeness), expected, "{head} {body:?} {wholeness:?}");
        }
    }
}
