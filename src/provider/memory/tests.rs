//! Tests of the memory of requests, with a real store and what is asked here; services are asked in `tests/vendors`.

use super::*;
use crate::base::address::Address;
use crate::base::money::{Budget, Currency, Money, Period, Spend, Tariff};
use crate::provider::desk::{Payer, Watch};
use crate::provider::ledger::{Ledger, Scope};
use crate::store::Store;
use crate::store::faults::disk::{Fails, FaultyDisk};
use crate::storyfile::retry::Retry;
use crate::world::clock::SystemClock;
use crate::world::disk::Disk;
use crate::world::real::RealDisk;
use std::cell::Cell;
use std::sync::{Arc, Mutex};
use tempfile::TempDir;

/// All that a job asks from.
struct Bench {
    _dir: TempDir,
    store: Store,
    ledger: Arc<Ledger>,
    payer: Payer,
    retry: Retry,
    clock: SystemClock,
    watch: Watch,
    spend: Mutex<Spend>,
    cancel: CancellationToken,
    kill: CancellationToken,
}

impl Bench {
    fn new() -> Bench {
        Bench::on(Arc::new(RealDisk))
    }

    fn on(disk: Arc<dyn Disk>) -> Bench {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(disk, dir.path().join("store")).unwrap();
        let delay = Duration::from_secs(2);
        Bench {
            _dir: dir,
            store,
            ledger: Arc::default(),
            payer: Payer { run: "run-1".into(), action: "script:en".into(), stage: "script".into() },
            retry: Retry { delay, max_delay: Duration::from_secs(5), ..Retry::default() },
            clock: SystemClock::default(),
            watch: Watch::default(),
            spend: Mutex::default(),
            cancel: CancellationToken::new(),
            kill: CancellationToken::new(),
        }
    }

    fn memory(&self) -> Memory<'_> {
        let Bench { store, ledger, payer, retry, clock, watch, spend, cancel, kill, .. } = self;
        Memory::new(Desk { store, ledger, payer, retry, clock, watch, spend, cancel, kill, log: &|_| {} })
    }
}

fn reading(body: &[u8]) -> Result<Reading, Failure> {
    let outcome = if body.is_empty() { ReplyOutcome::Negative(Cause::Empty) } else { ReplyOutcome::Good };
    Ok(Reading { made_by: "model-1".into(), usage: Usage::default(), outcome })
}

fn request(key: Digest) -> Request<'static> {
    Request { key, description: "sentence 3", reading: &reading }
}

#[tokio::test]
async fn an_answer_is_asked_for_once_whether_it_is_of_use_or_not() {
    let bench = Bench::new();
    for body in [&b"hello"[..], b""] {
        let (calls, key) = (Cell::new(0), Digest::of(body));
        for time in 0..3 {
            let mut memory = bench.memory();
            let work = async {
                calls.set(calls.get() + 1);
                Ok(body.to_vec())
            };
            assert_eq!(memory.ask_here(&request(key), work).await.unwrap(), body);
            assert_eq!((memory.made_by().as_deref(), memory.requests.as_slice()), (Some("model-1"), &[key][..]));
            assert_eq!(std::mem::take(&mut *bench.spend.lock().unwrap()).remembered, u32::from(time > 0));
        }
        assert_eq!(calls.get(), 1);
    }
    assert!(bench.store.unanswered().is_empty());
    let entry = &bench.store.account()[0];
    assert_eq!((entry.action.as_str(), entry.run.as_str(), entry.cost), ("script:en", "run-1", Some(Cost::FREE)));
}

#[tokio::test]
async fn work_that_fails_leaves_nothing_behind() {
    let (bench, key) = (Bench::new(), Digest::of(b"k"));
    let mut memory = bench.memory();
    let failed = memory.ask_here(&request(key), async { Err(Failure::new(Cause::Machine, "no thread")) }).await;
    assert_eq!(failed.unwrap_err().message, "no thread");
    assert!(bench.store.unanswered().is_empty());
    assert_eq!(memory.ask_here(&request(key), async { Ok(b"hello".to_vec()) }).await.unwrap(), b"hello");
}

#[tokio::test]
async fn an_answer_of_the_repo_is_paid_for_once_and_within_the_budget() {
    let (bench, usd) = (Bench::new(), Currency::parse("USD").unwrap());
    let call = Money::parse("0.40");
    let none = Tariff {
        input: None,
        cached_input: None,
        output: None,
        characters: None,
        minute: None,
        call,
        per: 1,
        currency: usd,
        as_of: None,
    };
    let price = Price::Tariff(none);
    bench.ledger.cap(
        Scope::All,
        Budget { amount: Money::parse("1").unwrap(), currency: usd, period: Period::Run },
        Money::ZERO,
    );
    let played = |body: &[u8]| Played { name: "actor", price: &price, most: Usage::default(), body: body.to_vec() };
    let mut memory = bench.memory();
    for body in [&b"one"[..], b"two", b"one"] {
        let answer = memory.ask_script(&request(Digest::of(body)), played(body)).await;
        assert_eq!(answer.unwrap(), body);
    }
    let spend = bench.spend.lock().unwrap().clone();
    assert_eq!((spend.cost[&usd], spend.remembered), (Money::parse("0.80").unwrap(), 1));
    let refused = memory.ask_script(&request(Digest::of(b"three")), played(b"three")).await.unwrap_err();
    assert_eq!(refused.cause, Cause::Budget);
    assert_eq!(bench.store.account().len(), 2);
}

#[tokio::test]
async fn a_stopped_job_asks_nothing() {
    let bench = Bench::new();
    bench.cancel.cancel();
    let asked = bench.memory().ask_here(&request(Digest::of(b"k")), async { Ok(Vec::new()) }).await;
    assert_eq!(asked.unwrap_err(), Failure::new(Cause::Cancelled, "stopped before sentence 3"));
}

#[tokio::test]
async fn a_job_that_is_stopped_while_its_call_is_noted_sends_nothing_and_leaves_no_note() {
    let disk = FaultyDisk::new(Fails::Never);
    let bench = Bench::on(Arc::new(disk.clone()));
    let cancel = bench.cancel.clone();
    disk.state.lock().unwrap().at_sync = Some(Arc::new(move || cancel.cancel()));
    // Nobody is there: a call that is sent would fail, and not be called stopped.
    let api = Arc::new(Api::open(Address::parse("http://127.0.0.1:9").unwrap()));
    let errand = Errand { api: &api, call: &ApiCall::get("/x"), most: Usage::default(), room_bytes: ROOM_BYTES };
    let asked = bench.memory().ask_service(&request(Digest::of(b"k")), &errand).await;
    assert_eq!(asked.unwrap_err(), Failure::new(Cause::Cancelled, "stopped before sentence 3"));
    assert_eq!((bench.store.account(), bench.spend.lock().unwrap().in_doubt), (vec![], 0));
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
    let keys: BTreeSet<Digest> = variants.iter().map(|variant| request_key("f", "local", b"hi", *variant)).collect();
    assert_eq!((seeds.len(), keys.len(), Variant::of(1).seed(7)), (4, 4, 7));
    assert_ne!(request_key("f", "a", b"b", variants[0]), request_key("f", "b", b"b", variants[0]));
}

#[test]
fn the_delay_doubles_up_to_its_bound_and_is_never_quite_the_same() {
    let retry = Bench::new().retry;
    for (again, whole) in [(0, 2.0), (1, 4.0), (2, 5.0), (u32::MAX, 5.0)] {
        let seconds = delay(&retry, again).as_secs_f64();
        assert!(seconds <= whole && seconds >= whole * 0.75, "{again}: {seconds}");
    }
}
