//! Asks a provider through the memory of requests: what was answered once, usable or not, is never asked for again.
//!
//! The order for a service: remembered? → its gate → the budget → the claim to the request → the intent, durable → the
//! call → the answer, written down as it comes → the answer, durable. Every retry begins anew and holds nothing while it
//! waits. Calls are made on a thread of their own, and waits for the disk on others: whatever this build is at, an answer
//! that comes is written down.

mod arrival;
mod aside;
mod line;

use crate::base::digest::Digest;
use crate::base::failure::{Cause, Failure};
use crate::base::id::Take;
use crate::base::money::{Cost, Money, Price, Usage};
use crate::provider::api::{Api, ApiCall, Exchange, shown};
use crate::provider::desk::{Desk, Payer};
use crate::provider::gate::Pass;
use crate::provider::ledger::Reservation;
use crate::provider::memory::arrival::{Spooling, recovered};
use crate::provider::memory::aside::machine;
use crate::provider::memory::line::on_the_line;
use crate::provider::told::{Follow, Told};
use crate::store::{Claim, Intent, Lookup, Reply, ReplyOutcome};
use crate::storyfile::retry::Retry;
use serde::Serialize;
use std::collections::BTreeSet;
use std::future::Future;
use std::hash::{BuildHasher, RandomState};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// The provider's name in the account, of what is made in this process.
const BUILT_IN: &str = "built in";

/// Space that is held back for an answer, in bytes, where it holds no sound.
pub const ROOM_BYTES: u64 = 1024 * 1024;

/// How often a request that was one too many waits without being counted: a service that still says so bears none.
const CROWDS_MAX: u32 = 30;

/// The requests of one job.
pub struct Memory<'a> {
    desk: Desk<'a>,
    /// Keys of the requests asked so far, in order.
    pub requests: Vec<Digest>,
    /// What a person should know of them.
    pub warnings: Vec<String>,
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

/// One request.
pub struct Request<'a> {
    pub key: Digest,
    /// What it asks for, to a person: `sample 2`.
    pub description: &'a str,
    /// Reads what an answer says of itself; fails where it is none.
    pub reading: &'a (dyn Fn(&[u8]) -> Result<Reading, Failure> + Sync),
}

/// A request of a service.
pub struct Errand<'a> {
    pub api: &'a Arc<Api>,
    pub call: &'a ApiCall,
    /// The most that it may come to.
    pub most: Usage,
    /// How much space its answer may take, in bytes.
    pub room_bytes: u64,
}

/// An answer that stands in the repo.
pub struct Played<'a> {
    /// The provider's name.
    pub name: &'a str,
    pub price: &'a Price,
    /// The most that a service would take for it.
    pub most: Usage,
    pub body: Vec<u8>,
}

/// What an answer says of itself.
pub struct Reading {
    pub made_by: String,
    pub usage: Usage,
    /// Whether it is of use.
    pub outcome: ReplyOutcome,
}

impl Errand<'_> {
    /// Returns the most that it may cost, where somebody knows.
    fn most(&self) -> Option<Cost> {
        self.api.price().and_then(|price| price.cost(&self.most))
    }
}

impl<'a> Memory<'a> {
    pub fn new(desk: Desk<'a>) -> Memory<'a> {
        Memory { desk, requests: Vec::new(), warnings: Vec::new(), makers: BTreeSet::new() }
    }

    /// Returns the answer to a request: the remembered one, else that of `work`, which is then remembered.
    ///
    /// The work is done in this process and costs nothing; where it fails nothing is remembered.
    pub async fn ask_here<F>(&mut self, request: &Request<'_>, work: F) -> Result<Vec<u8>, Failure>
    where
        F: Future<Output = Result<Vec<u8>, Failure>>,
    {
        if let Some(reply) = self.desk.store.reply(&request.key) {
            return Ok(self.heard(request, reply));
        }
        let claim = match self.look_up(request).await? {
            Found::Reply(reply) => return Ok(self.heard(request, reply)),
            Found::Claim(claim) => claim,
        };
        let call = call_id(&request.key);
        let intent = self.desk.intent(&call, BUILT_IN, request.description, Some(Cost::FREE));
        let noted = aside::intend(claim, intent).await?;
        let done = work.await;
        let claim = noted.sent();
        match done {
            Ok(body) => {
                let reading = (request.reading)(&body)?;
                self.makers.insert(reading.made_by.clone());
                self.requests.push(request.key);
                aside::save(claim, body, self.desk.meta(&call, BUILT_IN, reading, Some(Cost::FREE))).await
            }
            Err(failure) => {
                aside::close(claim).await?;
                Err(failure)
            }
        }
    }

    /// Returns the answer to a request that stands in the repo. It is paid for as if a service had given it: once.
    pub async fn ask_script(&mut self, request: &Request<'_>, played: Played<'_>) -> Result<Vec<u8>, Failure> {
        let Played { name, price, most, body } = played;
        if let Some(reply) = self.desk.store.reply(&request.key) {
            return Ok(self.heard(request, reply));
        }
        let (desk, most) = (self.desk, price.cost(&most));
        let waiting = desk.watch.wait();
        let mut reservation = desk.ledger.reserve(name, &desk.payer.stage, most, desk.cancel).await?;
        let claim = match self.look_up(request).await? {
            Found::Reply(reply) => return Ok(self.heard(request, reply)),
            Found::Claim(claim) => claim,
        };
        drop(waiting);
        let call = call_id(&request.key);
        let noted = aside::intend(claim, desk.intent(&call, name, request.description, most)).await?;
        reservation.sent();
        let claim = noted.sent();
        let reading = (request.reading)(&body)?;
        let cost = price.cost(&reading.usage);
        reservation.settle(cost.map_or(Money::ZERO, |cost| cost.amount));
        self.makers.insert(reading.made_by.clone());
        self.requests.push(request.key);
        self.desk.note(|spend| spend.answered(cost));
        aside::save(claim, body, desk.meta(&call, name, reading, cost)).await
    }

    /// Returns whose requests these are.
    pub fn payer(&self) -> &'a Payer {
        self.desk.payer
    }

    /// Writes into the log of the attempt.
    pub fn log(&self, text: &str) {
        (self.desk.log)(text);
    }

    /// Returns the answer of a service to a request: the remembered one, else that of a call, made again as the retry
    /// table says.
    pub async fn ask_service(&mut self, request: &Request<'_>, errand: &Errand<'_>) -> Result<Vec<u8>, Failure> {
        let mut tries = Tries::default();
        loop {
            let wait = match self.try_service(request, errand, &mut tries).await? {
                Tried::Answered(body) => return Ok(body),
                Tried::Again(wait) => wait,
            };
            let _waiting = self.desk.watch.wait();
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.desk.cancel.cancelled() => return Err(stopped(request)),
            }
        }
    }

    async fn try_service(
        &mut self,
        request: &Request<'_>,
        errand: &Errand<'_>,
        tries: &mut Tries,
    ) -> Result<Tried, Failure> {
        if let Some(reply) = self.desk.store.reply(&request.key) {
            return Ok(Tried::Answered(self.heard(request, reply)));
        }
        errand.api.ready()?;
        let (desk, api) = (self.desk, errand.api);
        let waiting = desk.watch.wait();
        let tokens = errand.most.input_tokens.unwrap_or(0) + errand.most.output_tokens.unwrap_or(0);
        let pass = api.gate().enter(tokens, desk.cancel).await?;
        let reservation = desk.reserve(api, errand.most()).await?;
        let claim = match self.look_up(request).await? {
            Found::Reply(reply) => return Ok(Tried::Answered(self.heard(request, reply))),
            Found::Claim(claim) => claim,
        };
        drop(waiting);
        let turn = Turn { pass, reservation, claim, call: call_id(&request.key) };
        match turn.claim.left().and_then(|left| recovered(left, request)) {
            // An earlier run paid for it and died before it could be put away.
            Some((body, reading)) => self.put_away(request, errand, turn, body, reading).await.map(Tried::Answered),
            None => self.send(request, errand, turn, tries).await,
        }
    }

    /// Makes a call whose turn it is.
    async fn send(
        &mut self,
        request: &Request<'_>,
        errand: &Errand<'_>,
        turn: Turn<'_>,
        tries: &mut Tries,
    ) -> Result<Tried, Failure> {
        let (desk, api, most) = (self.desk, errand.api, errand.most());
        let Turn { pass, mut reservation, claim, call } = turn;
        let intent = desk.intent(&call, api.name(), request.description, most);
        let intent = Intent { room_bytes: errand.room_bytes, ..intent };
        let (noted, spool) = aside::intend_spooled(claim, intent).await?;
        if desk.cancel.is_cancelled() {
            return Err(stopped(request));
        }
        reservation.sent();
        let claim = noted.sent();
        let (told, said) = match exchange(&desk, errand, &request.key, Spooling::new(spool)).await {
            Exchange::Answered(answer) => match (request.reading)(&answer.body) {
                Ok(reading) => {
                    api.gate().good();
                    let turn = Turn { pass, reservation, claim, call };
                    return self.put_away(request, errand, turn, answer.body, reading).await.map(Tried::Answered);
                }
                Err(failure) => (Told::Failed(failure, Follow::Doubt), shown(&answer.body)),
            },
            Exchange::Failed { told, said } => (told, said),
        };
        if !said.trim().is_empty() {
            (desk.log)(&format!("{}\n", said.trim_end()));
        }
        let Told::Failed(failure, follow) = told else { unreachable!("an answer is no failure") };
        // The gate hears of it before it lets anybody else through.
        let next = tries.next(api, desk.retry, failure, follow);
        drop(pass);
        if matches!(follow, Follow::Doubt | Follow::Abandoned) {
            reservation.lose();
            desk.note(|spend| spend.in_doubt += 1);
            aside::doubt(claim).await?;
        } else {
            reservation.release();
            aside::close(claim).await?;
        }
        next.map(Tried::Again)
    }

    /// Settles the cost of an answer and puts it away.
    async fn put_away(
        &mut self,
        request: &Request<'_>,
        errand: &Errand<'_>,
        turn: Turn<'_>,
        body: Vec<u8>,
        reading: Reading,
    ) -> Result<Vec<u8>, Failure> {
        let Turn { pass, reservation, claim, call } = turn;
        drop(pass);
        let cost = errand.api.price().and_then(|price| price.cost(&reading.usage));
        match cost {
            Some(cost) => reservation.settle(cost.amount),
            // Not counted by the service: what was held is the most that it can be.
            None => reservation.lose(),
        }
        self.makers.insert(reading.made_by.clone());
        self.requests.push(request.key);
        self.desk.note(|spend| spend.answered(cost));
        let meta = self.desk.meta(&call, errand.api.name(), reading, cost);
        aside::save(claim, body, meta).await
    }

    async fn look_up(&mut self, request: &Request<'_>) -> Result<Found, Failure> {
        if self.desk.cancel.is_cancelled() {
            return Err(stopped(request));
        }
        let lookup = tokio::select! {
            lookup = self.desk.store.request(&request.key) => lookup.map_err(machine)?,
            () = self.desk.cancel.cancelled() => return Err(stopped(request)),
        };
        Ok(match lookup {
            Lookup::Hit(reply) => Found::Reply(reply),
            Lookup::Miss(claim) => {
                if let Some(lost) = claim.lost() {
                    let description = request.description;
                    self.warnings.push(format!("a remembered reply is lost ({lost}): {description} was asked again"));
                }
                Found::Claim(claim)
            }
        })
    }

    fn heard(&mut self, request: &Request<'_>, reply: Reply) -> Vec<u8> {
        self.requests.push(request.key);
        self.makers.insert(reply.meta.made_by);
        self.desk.note(|spend| spend.remembered(reply.meta.cost));
        reply.body
    }

    /// Returns who made the answers, for provenance.
    pub fn made_by(&self) -> Option<String> {
        let makers: Vec<&str> = self.makers.iter().map(String::as_str).collect();
        (!makers.is_empty()).then(|| makers.join("; "))
    }

    /// Returns what a stopped job would fail with.
    pub fn stop(&self) -> &CancellationToken {
        self.desk.cancel
    }
}

/// What a call holds whose turn it is.
struct Turn<'g> {
    pass: Pass<'g>,
    reservation: Reservation,
    claim: Claim,
    /// The call's id.
    call: String,
}

enum Found {
    Reply(Reply),
    Claim(Claim),
}

enum Tried {
    Answered(Vec<u8>),
    /// After this long.
    Again(Duration),
}

/// Makes the call; once the run is stopped it may still be answered for a while.
async fn exchange(desk: &Desk<'_>, errand: &Errand<'_>, key: &Digest, mut spooling: Spooling) -> Exchange {
    let (quit, once) = (CancellationToken::new(), key.to_string());
    let (api, call, quits) = (errand.api.clone(), errand.call.clone(), quit.clone());
    let mut made = pin!(on_the_line(async move {
        let exchange = api.exchange(&call, Some(&once), &mut spooling, &quits).await;
        if let Exchange::Answered(_) = &exchange {
            spooling.end();
        }
        exchange
    }));
    let made = tokio::select! {
        made = &mut made => made,
        () = desk.give_up() => {
            quit.cancel();
            made.await
        }
    };
    made.unwrap_or_else(|error| {
        let failure = Failure::new(Cause::Machine, format!("the call broke off: {error}"));
        Exchange::Failed { told: Told::Failed(failure, Follow::Doubt), said: String::new() }
    })
}

/// Returns an id for one call, another each time.
fn call_id(key: &Digest) -> String {
    format!("{}-{:08x}", key.short(), RandomState::new().hash_one(0) as u32)
}

/// How often one request was tried.
#[derive(Default)]
struct Tries {
    again: u32,
    doubts: u32,
    /// How often too many were asked at once.
    crowds: u32,
}

impl Tries {
    /// Decides whether to ask again, and when.
    fn next(&mut self, api: &Api, retry: &Retry, failure: Failure, follow: Follow) -> Result<Duration, Failure> {
        let is_crowd = matches!(follow, Follow::Crowded(_));
        if !is_crowd && !retry.asks_again(failure.cause) {
            return Err(failure);
        }
        let told = match follow {
            Follow::Crowded(wait) => {
                api.gate().crowded();
                self.crowds += 1;
                if self.crowds <= CROWDS_MAX {
                    return Ok(wait.unwrap_or(retry.delay));
                }
                wait
            }
            Follow::Again(wait) => wait,
            Follow::Slower(wait) => {
                api.gate().crowded();
                api.gate().pause(wait.unwrap_or_default().max(delay(retry, self.again)));
                wait
            }
            Follow::Doubt => {
                self.doubts += 1;
                if self.doubts > 1 || retry.max == 0 {
                    return Err(failure);
                }
                None
            }
            Follow::Stop => {
                api.gate().stop(failure.clone());
                return Err(failure);
            }
            Follow::Abandoned | Follow::Never => return Err(failure),
        };
        if self.again >= retry.max {
            // It is out of order, and not only for this request.
            if follow != Follow::Doubt {
                api.gate().stop(failure.clone());
            }
            return Err(failure);
        }
        let wait = delay(retry, self.again).max(told.unwrap_or_default());
        self.again += 1;
        Ok(wait)
    }
}

/// Exponential backoff, up to a quarter less, so that those who failed together do not come back together.
fn delay(retry: &Retry, again: u32) -> Duration {
    let whole = retry.delay_after(again.saturating_add(1));
    let dice = RandomState::new().hash_one(0) as f64 / u64::MAX as f64;
    whole.mul_f64(1.0 - dice / 4.0)
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
pub fn request_key(form: &str, identity: &str, request: &[u8], variant: Variant) -> Digest {
    let mut hasher = Digest::hasher();
    hasher.field(form.as_bytes()).field(identity.as_bytes()).field(request);
    for part in [variant.take, variant.sample, variant.attempt] {
        hasher.field(&part.to_le_bytes());
    }
    hasher.finish()
}

fn stopped(request: &Request<'_>) -> Failure {
    Failure::new(Cause::Cancelled, format!("stopped before {}", request.description))
}

#[cfg(test)]
mod tests;
