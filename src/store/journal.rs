//! What the log says of paid calls: intents, doubts and replies, and their bytes.
//!
//! The first byte of a payload is its version, counted for each sort. Intent 1: what was asked, as text. Intent 2 and
//! doubt 1: an [`Intent`] as JSON. Reply 1: body and [`MetaOne`] in binary form. Reply 2: length of the meta 4
//! (little-endian) · [`ReplyMeta`] as JSON · 0 and the body, or 1 and the digest of the blob that it is. What is JSON
//! may get new fields without a new number: fields that are unknown are skipped, those that are missing are empty.

use crate::base::digest::Digest;
use crate::base::failure::Cause;
use crate::base::money::{Cost, Usage};
use serde::{Deserialize, Serialize};

const INTENT_VERSION: u8 = 2;
const DOUBT_VERSION: u8 = 1;
const REPLY_VERSION: u8 = 2;

/// How provenance names the built-in models; replies of version 1 say no other way that they were free.
const BUILT_IN: (&str, &str) = ("local/", "(built in)");

/// A call that is about to be sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Intent {
    /// The call's id: one for each time that something is sent, never used again after [`super::Claim::doubt`].
    pub call: String,
    /// Says it to a person.
    pub description: String,
    /// The provider's name in the Storyfile.
    pub provider: String,
    pub action: String,
    pub run: String,
    /// The most that it can cost; `None`: nobody knows. What is [`Cost::FREE`] is never in doubt.
    pub reserved: Option<Cost>,
    /// Space to hold for the answer as it arrives, in bytes; 0 where it never goes through a spool.
    pub room_bytes: u64,
    /// RFC 3339. For people, and for the days of an account.
    pub at: String,
}

/// A reply as it was paid for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    pub body: Vec<u8>,
    pub meta: ReplyMeta,
}

/// What is known of a reply beside its body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplyMeta {
    /// The call's id, as in its intent, the events and the provider's log.
    pub call: String,
    /// Who answered, as the provider named itself.
    pub made_by: String,
    pub outcome: ReplyOutcome,
    /// The provider's name in the Storyfile; empty in replies of version 1, as are action and run.
    #[serde(default)]
    pub provider: String,
    /// For whom it was asked, and in which run.
    #[serde(default)]
    pub action: String,
    #[serde(default)]
    pub run: String,
    /// What the provider counted.
    #[serde(default)]
    pub usage: Usage,
    /// What it cost, and what each replay saves; `None`: nobody knows. Free is [`Cost::FREE`].
    #[serde(default)]
    pub cost: Option<Cost>,
    /// When it came, RFC 3339. For people, and for the days of an account.
    #[serde(default)]
    pub at: String,
}

/// Whether a reply is of use. Both sorts were paid for, both are replayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReplyOutcome {
    Good,
    /// Cut by its bound, a refusal, or invalid: asking again would give and cost the same.
    Negative(Cause),
}

/// Where the body of a reply is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StoredBody {
    Here(Vec<u8>),
    Blob(Digest),
}

/// Why a payload gives nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unread {
    LaterVersion,
    Damaged,
}

/// The meta of replies of version 1.
#[derive(Serialize, Deserialize)]
struct MetaOne {
    call: String,
    made_by: String,
    outcome: ReplyOutcome,
    usage: Option<String>,
    at: String,
}

/// Replies of version 1.
#[derive(Serialize, Deserialize)]
struct ReplyOne {
    body: StoredBody,
    meta: MetaOne,
}

/// Returns the payload of an intent's frame.
pub fn encode_intent(intent: &Intent) -> Vec<u8> {
    with_version(INTENT_VERSION, intent)
}

/// Returns the payload of the frame that says of a call that it may have been charged.
pub fn encode_doubt(intent: &Intent) -> Vec<u8> {
    with_version(DOUBT_VERSION, intent)
}

pub fn decode_intent(payload: &[u8]) -> Option<Intent> {
    match payload.split_first()? {
        (1, text) => Some(Intent { description: String::from_utf8_lossy(text).into_owned(), ..Intent::default() }),
        (&INTENT_VERSION, json) => serde_json::from_slice(json).ok(),
        _ => None,
    }
}

pub fn decode_doubt(payload: &[u8]) -> Option<Intent> {
    serde_json::from_slice(payload.strip_prefix(&[DOUBT_VERSION])?).ok()
}

/// Returns the payload of a reply's frame.
pub fn encode_reply(body: &StoredBody, meta: &ReplyMeta) -> Vec<u8> {
    let meta = json(meta);
    let (sort, body) = match body {
        StoredBody::Here(bytes) => (0, bytes.as_slice()),
        StoredBody::Blob(digest) => (1, digest.as_bytes().as_slice()),
    };
    let mut payload = Vec::with_capacity(1 + 4 + meta.len() + 1 + body.len());
    payload.push(REPLY_VERSION);
    payload.extend(u32::try_from(meta.len()).unwrap_or(u32::MAX).to_le_bytes());
    payload.extend(meta);
    payload.push(sort);
    payload.extend(body);
    payload
}

pub fn decode_reply(payload: &[u8]) -> Result<(StoredBody, ReplyMeta), Unread> {
    match payload.split_first() {
        Some((1, rest)) => {
            let ReplyOne { body, meta } = postcard::from_bytes(rest).map_err(|_| Unread::Damaged)?;
            Ok((body, meta.into()))
        }
        Some((&REPLY_VERSION, rest)) => decode_second(rest).ok_or(Unread::Damaged),
        Some(_) => Err(Unread::LaterVersion),
        None => Err(Unread::Damaged),
    }
}

fn decode_second(rest: &[u8]) -> Option<(StoredBody, ReplyMeta)> {
    let (len, rest) = rest.split_first_chunk::<4>()?;
    let (meta, rest) = rest.split_at_checked(u32::from_le_bytes(*len) as usize)?;
    let body = match rest.split_first()? {
        (0, bytes) => StoredBody::Here(bytes.to_vec()),
        (1, digest) => StoredBody::Blob(Digest::from_bytes(digest.try_into().ok()?)),
        _ => return None,
    };
    Some((body, serde_json::from_slice(meta).ok()?))
}

impl From<MetaOne> for ReplyMeta {
    fn from(meta: MetaOne) -> ReplyMeta {
        let is_built_in = meta.made_by.starts_with(BUILT_IN.0) || meta.made_by.ends_with(BUILT_IN.1);
        ReplyMeta {
            call: meta.call,
            made_by: meta.made_by,
            outcome: meta.outcome,
            provider: String::new(),
            action: String::new(),
            run: String::new(),
            usage: meta.usage.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default(),
            cost: is_built_in.then_some(Cost::FREE),
            at: meta.at,
        }
    }
}

fn with_version(version: u8, intent: &Intent) -> Vec<u8> {
    let mut payload = vec![version];
    payload.extend(json(intent));
    payload
}

fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("plain values with text keys have a JSON form")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::money::{Currency, Money};

    fn cost(text: &str) -> Option<Cost> {
        Some(Cost { amount: Money::parse(text)?, currency: Currency::parse("usd")? })
    }

    fn meta() -> ReplyMeta {
        ReplyMeta {
            call: "call-1".into(),
            made_by: "model-1".into(),
            outcome: ReplyOutcome::Negative(Cause::Length),
            provider: "smart".into(),
            action: "script".into(),
            run: "run-1".into(),
            usage: Usage { input_tokens: Some(7), ..Usage::default() },
            cost: cost("0.0123"),
            at: "2026-11-23T08:15:02Z".into(),
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let intent = Intent { call: "call-1".into(), reserved: cost("0.5"), room_bytes: 9, ..Intent::default() };
        assert_eq!(decode_intent(&encode_intent(&intent)), Some(intent.clone()));
        assert_eq!(decode_doubt(&encode_doubt(&intent)), Some(intent));
        for body in [StoredBody::Here(b"answer".to_vec()), StoredBody::Blob(Digest::of(b"x"))] {
            assert_eq!(decode_reply(&encode_reply(&body, &meta())), Ok((body, meta())));
        }
    }

    #[test]
    fn a_reply_of_the_first_version_is_read_for_ever() {
        let paid = |made_by: &str, usage: Option<&str>| {
            let meta = MetaOne {
                call: "c".into(),
                made_by: made_by.into(),
                outcome: ReplyOutcome::Negative(Cause::Refusal),
                usage: usage.map(str::to_owned),
                at: String::new(),
            };
            let one = ReplyOne { body: StoredBody::Here(b"answer".to_vec()), meta };
            let (body, meta) = decode_reply(&postcard::to_extend(&one, vec![1]).unwrap()).unwrap();
            assert_eq!(body, StoredBody::Here(b"answer".to_vec()));
            assert_eq!(meta.outcome, ReplyOutcome::Negative(Cause::Refusal));
            (meta.usage, meta.cost)
        };
        let counted = Usage { input_tokens: Some(3), output_tokens: Some(12), ..Usage::default() };
        assert_eq!(
            paid("rules (built in)", Some(r#"{"input_tokens":3,"output_tokens":12}"#)),
            (counted, Some(Cost::FREE))
        );
        assert_eq!(paid("api.example.com", None), (Usage::default(), None));
        assert_eq!(paid("api.example.com", Some("no JSON")), (Usage::default(), None));
    }

    #[test]
    fn the_bytes_of_the_first_version_never_move() {
        // As version 1 wrote them: body "hi" in the log, call "c", made by "m", good, no usage, at "".
        let bytes = [1, 0, 2, b'h', b'i', 1, b'c', 1, b'm', 0, 0, 0];
        let (body, meta) = decode_reply(&bytes).unwrap();
        assert_eq!(body, StoredBody::Here(b"hi".to_vec()));
        assert_eq!((meta.call.as_str(), meta.made_by.as_str(), meta.outcome), ("c", "m", ReplyOutcome::Good));
    }

    #[test]
    fn an_intent_of_the_first_version_is_what_it_says() {
        let intent = decode_intent(b"\x01POST /images").unwrap();
        assert_eq!(intent, Intent { description: "POST /images".into(), ..Intent::default() });
    }

    #[test]
    fn fields_of_a_later_program_are_skipped_and_missing_ones_are_empty() {
        let intent = decode_intent(b"\x02{\"call\":\"c\",\"colour\":\"red\"}").unwrap();
        assert_eq!(intent, Intent { call: "c".into(), ..Intent::default() });
    }

    #[test]
    fn other_bytes_are_no_reply_and_a_later_version_is_told() {
        let good = encode_reply(&StoredBody::Blob(Digest::of(b"x")), &meta());
        for cut in 1..good.len() {
            assert_eq!(decode_reply(&good[..cut]), Err(Unread::Damaged), "cut at {cut}");
        }
        assert_eq!(decode_reply(&[9, 1]), Err(Unread::LaterVersion));
        assert_eq!(decode_reply(&[]), Err(Unread::Damaged));
        assert_eq!(decode_intent(&[9, 1]), None);
    }
}
