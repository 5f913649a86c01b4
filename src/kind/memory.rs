//! Asks a provider through the memory of requests: what was answered once, usable or not, is never asked for again.

use crate::base::digest::Digest;
use crate::base::failure::{Cause, Failure};
use crate::base::id::Take;
use crate::base::money::{Cost, Usage};
use crate::store::{Claim, Intent, Lookup, Reply, ReplyMeta, ReplyOutcome, Store, StoreError};
use serde::Serialize;
use std::collections::BTreeSet;
use std::future::Future;
use tokio_util::sync::CancellationToken;

/// The requests of one job.
pub struct Memory<'a> {
    store: &'a Store,
    cancel: &'a CancellationToken,
    /// Keys of the requests asked so far, in order.
    pub requests: Vec<Digest>,
    /// What a person should know of them.
    pub warnings: Vec<String>,
    /// How many were answered without a call.
    pub remembered: usize,
    makers: BTreeSet<String>,
}

/// Which of several answers to one request is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Variant {
    pub take: Take,
    /// From 0.
    pub sample: u32,
    /// From 0; above that, a repair of the one before.
    pub attempt: u32,
}

/// What a provider answered just now.
pub struct Fresh {
    /// What is remembered, and handed back from now on.
    pub body: Vec<u8>,
    pub made_by: String,
    /// What the provider counted.
    pub usage: Usage,
    /// Why the answer is of no use, if it is not: remembered all the same, since asking again would give and cost the
    /// same.
    pub negative: Option<Failure>,
}

/// A call that brought no answer.
pub struct NoAnswer {
    pub failure: Failure,
    pub charge: Charge,
}

/// Whether a call without an answer may have cost something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charge {
    /// It was never sent, or was turned away.
    No,
    Possible,
}

impl<'a> Memory<'a> {
    pub fn new(store: &'a Store, cancel: &'a CancellationToken) -> Memory<'a> {
        Memory { store, cancel, requests: Vec::new(), warnings: Vec::new(), remembered: 0, makers: BTreeSet::new() }
    }

    /// Returns the body of the answer to the request `key`: the remembered one, else that of `call`, which is then
    /// remembered. `description` tells a person what is asked.
    ///
    /// A negative answer fails with its cause, each time again and without a call. A call that fails without an answer
    /// is not remembered.
    pub async fn ask<F>(&mut self, key: Digest, description: &str, call: F) -> Result<Vec<u8>, Failure>
    where
        F: Future<Output = Result<Fresh, Failure>>,
    {
        let call = async { call.await.map_err(|failure| NoAnswer { failure, charge: Charge::No }) };
        self.asked(key, description, Some(Cost::FREE), call).await
    }

    /// As [`Memory::ask`], of a service that may charge for a call whose answer never came: such a call stays noted.
    pub async fn ask_out<F>(&mut self, key: Digest, description: &str, call: F) -> Result<Vec<u8>, Failure>
    where
        F: Future<Output = Result<Fresh, NoAnswer>>,
    {
        self.asked(key, description, None, call).await
    }

    async fn asked<F>(
        &mut self,
        key: Digest,
        description: &str,
        cost: Option<Cost>,
        call: F,
    ) -> Result<Vec<u8>, Failure>
    where
        F: Future<Output = Result<Fresh, NoAnswer>>,
    {
        let stopped = || Failure::new(Cause::Cancelled, format!("stopped before {description}"));
        if self.cancel.is_cancelled() {
            return Err(stopped());
        }
        let lookup = tokio::select! {
            lookup = self.store.request(&key) => lookup.map_err(machine)?,
            () = self.cancel.cancelled() => return Err(stopped()),
        };
        let reply = match lookup {
            Lookup::Hit(reply) => {
                self.remembered += 1;
                reply
            }
            Lookup::Miss(claim) => {
                if let Some(lost) = claim.lost() {
                    self.warnings.push(format!("a remembered reply is lost ({lost}): {description} was asked again"));
                }
                answered(claim, description, cost, call).await?
            }
        };
        self.requests.push(key);
        self.heard(reply)
    }

    /// Returns who made the answers, for provenance.
    pub fn made_by(&self) -> Option<String> {
        let makers: Vec<&str> = self.makers.iter().map(String::as_str).collect();
        (!makers.is_empty()).then(|| makers.join("; "))
    }

    fn heard(&mut self, reply: Reply) -> Result<Vec<u8>, Failure> {
        match reply.meta.outcome {
            ReplyOutcome::Good => {
                self.makers.insert(reply.meta.made_by);
                Ok(reply.body)
            }
            ReplyOutcome::Negative(cause) => Err(serde_json::from_slice(&reply.body)
                .unwrap_or_else(|_| Failure::new(cause, format!("{} gave no usable reply", reply.meta.made_by)))),
        }
    }
}

impl Variant {
    /// Returns the first answer of `take`.
    pub fn of(take: Take) -> Variant {
        Variant { take, sample: 0, attempt: 0 }
    }

    /// Returns the seed that a local model is given: `seed` itself for the first answer of the first take.
    pub fn seed(self, seed: u64) -> u64 {
        if self == Variant::of(1) {
            return seed;
        }
        let mut hasher = Digest::hasher();
        hasher.field(b"storygen seed 1").field(&seed.to_le_bytes());
        for part in [self.take, self.sample, self.attempt] {
            hasher.field(&part.to_le_bytes());
        }
        let digest = hasher.finish();
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&digest.as_bytes()[..8]);
        // 53 bits: every reader of JSON keeps such a number exactly.
        u64::from_le_bytes(bytes) >> 11
    }
}

/// Returns the key of a request: who is asked, the request's bytes without secrets, and which answer is meant (R11).
///
/// `form` names the form of the remembered body: another form is another memory.
pub fn request_key(form: &str, identity: &str, request: &impl Serialize, variant: Variant) -> Result<Digest, Failure> {
    let bytes = serde_json::to_vec(request)
        .map_err(|error| Failure::new(Cause::Machine, format!("write the request as JSON: {error}")))?;
    let mut hasher = Digest::hasher();
    hasher.field(form.as_bytes()).field(identity.as_bytes()).field(&bytes);
    for part in [variant.take, variant.sample, variant.attempt] {
        hasher.field(&part.to_le_bytes());
    }
    Ok(hasher.finish())
}

async fn answered<F>(claim: Claim, description: &str, cost: Option<Cost>, call: F) -> Result<Reply, Failure>
where
    F: Future<Output = Result<Fresh, NoAnswer>>,
{
    let call_id = claim.key().short();
    let (description, reserved) = (description.to_owned(), cost);
    claim.intend(&Intent { call: call_id.clone(), description, reserved, ..Intent::default() }).map_err(machine)?;
    match call.await {
        Ok(fresh) => {
            let (body, outcome) = match fresh.negative {
                None => (fresh.body, ReplyOutcome::Good),
                Some(failure) => {
                    (serde_json::to_vec(&failure).unwrap_or_default(), ReplyOutcome::Negative(failure.cause))
                }
            };
            let meta = ReplyMeta {
                call: call_id,
                made_by: fresh.made_by,
                outcome,
                provider: String::new(),
                action: String::new(),
                run: String::new(),
                usage: fresh.usage,
                cost,
                at: String::new(),
            };
            claim.save(&body, meta).map_err(machine)
        }
        Err(NoAnswer { failure, charge: Charge::No }) => {
            claim.close().map_err(machine)?;
            Err(failure)
        }
        Err(NoAnswer { failure, charge: Charge::Possible }) => {
            claim.doubt().map_err(machine)?;
            Err(failure)
        }
    }
}

fn machine(error: StoreError) -> Failure {
    let failure = Failure::new(Cause::Machine, format!("failed to {error}"));
    if error.is_disk_full() { failure.hint("Free some disk space; what is paid for is kept.") } else { failure }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::bench::store;
    use std::cell::Cell;

    fn good(body: &str) -> Fresh {
        Fresh { body: body.into(), made_by: "model-1".into(), usage: Usage::default(), negative: None }
    }

    #[tokio::test]
    async fn an_answer_is_asked_for_once() {
        let (_dir, store) = store();
        let (cancel, calls, key) = (CancellationToken::new(), Cell::new(0), Digest::of(b"key"));
        for _ in 0..3 {
            let mut memory = Memory::new(&store, &cancel);
            let call = async {
                calls.set(calls.get() + 1);
                Ok(good("hello"))
            };
            assert_eq!(memory.ask(key, "a reply", call).await.unwrap(), b"hello");
            assert_eq!((memory.made_by().as_deref(), memory.requests.as_slice()), (Some("model-1"), &[key][..]));
        }
        assert_eq!(calls.get(), 1);
        assert!(store.unanswered().is_empty());
    }

    #[tokio::test]
    async fn a_negative_answer_is_replayed_with_its_words() {
        let (_dir, store) = store();
        let (cancel, calls) = (CancellationToken::new(), Cell::new(0));
        let failure = Failure::new(Cause::Refusal, "the writer declined").hint("Ask for something else.");
        for _ in 0..2 {
            let call = async {
                calls.set(calls.get() + 1);
                Ok(Fresh { negative: Some(failure.clone()), ..good("") })
            };
            let heard = Memory::new(&store, &cancel).ask(Digest::of(b"k"), "a reply", call).await;
            assert_eq!(heard.unwrap_err(), failure);
        }
        assert_eq!(calls.get(), 1);
    }

    #[tokio::test]
    async fn a_call_without_an_answer_leaves_nothing_behind() {
        let (_dir, store) = store();
        let (cancel, key) = (CancellationToken::new(), Digest::of(b"k"));
        let mut memory = Memory::new(&store, &cancel);
        let failed = memory.ask(key, "a reply", async { Err(Failure::new(Cause::Machine, "no thread")) }).await;
        assert_eq!(failed.unwrap_err().message, "no thread");
        assert!(store.unanswered().is_empty());
        assert_eq!(memory.ask(key, "a reply", async { Ok(good("hello")) }).await.unwrap(), b"hello");
    }

    #[tokio::test]
    async fn a_call_that_may_have_been_charged_stays_noted() {
        let (_dir, store) = store();
        let (cancel, key) = (CancellationToken::new(), Digest::of(b"k"));
        for (charge, noted) in [(Charge::No, 0), (Charge::Possible, 1)] {
            let failure = Failure::new(Cause::Timeout, "no answer");
            let call = async { Err(NoAnswer { failure, charge }) };
            assert!(Memory::new(&store, &cancel).ask_out(key, "POST /images", call).await.is_err());
            assert_eq!(store.unanswered().len(), noted);
        }
    }

    #[tokio::test]
    async fn a_stopped_job_asks_nothing() {
        let (_dir, store) = store();
        let cancel = CancellationToken::new();
        cancel.cancel();
        let asked = Memory::new(&store, &cancel).ask(Digest::of(b"k"), "sentence 3", async { Ok(good("")) }).await;
        assert_eq!(asked.unwrap_err(), Failure::new(Cause::Cancelled, "stopped before sentence 3"));
    }

    #[test]
    fn each_variant_has_its_own_seed_and_key() {
        let variants = [
            Variant::of(1),
            Variant::of(2),
            Variant { sample: 1, ..Variant::of(1) },
            Variant { attempt: 1, ..Variant::of(1) },
        ];
        let seeds: BTreeSet<u64> = variants.iter().map(|variant| variant.seed(7)).collect();
        let keys: BTreeSet<Digest> =
            variants.iter().map(|variant| request_key("f", "local", &"hi", *variant).unwrap()).collect();
        assert_eq!((seeds.len(), keys.len(), Variant::of(1).seed(7)), (4, 4, 7));
        assert_ne!(
            request_key("f", "a", &"b", variants[0]).unwrap(),
            request_key("f", "b", &"b", variants[0]).unwrap()
        );
    }
}
