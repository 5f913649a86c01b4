//! `storygen cost`, and what a build says of calls that may have been charged.

use crate::space::Space;
use serde_json::Value;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use storygen::base::digest::Digest;
use storygen::base::money::{Cost, Currency, Money, Usage};
use storygen::store::{Claim, Intent, Lookup, ReplyMeta, ReplyOutcome, Store};
use storygen::world::real::RealDisk;

fn store(space: &Space) -> Store {
    Store::open(Arc::new(RealDisk), space.path(".storygen")).unwrap()
}

fn claim(store: &Store, request: &str) -> Claim {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    match runtime.block_on(store.request(&Digest::of(request.as_bytes()))).unwrap() {
        Lookup::Miss(claim) => claim,
        Lookup::Hit(_) => panic!("`{request}` was answered before"),
    }
}

fn cost(text: &str) -> Option<Cost> {
    let (amount, currency) = text.split_once(' ')?;
    Some(Cost { amount: Money::parse(amount)?, currency: Currency::parse(currency)? })
}

/// Stores a reply, as a call to a provider would.
fn pay(store: &Store, action: &str, day: &str, cost: Option<Cost>) {
    let usage = Usage { input_tokens: Some(100), output_tokens: Some(20), ..Usage::default() };
    let meta = ReplyMeta {
        call: format!("{action} {day}"),
        made_by: "model-1".into(),
        outcome: ReplyOutcome::Good,
        provider: "smart".into(),
        action: action.into(),
        run: format!("{day}-run"),
        usage,
        cost,
        at: format!("{day}T08:15:02Z"),
    };
    claim(store, &format!("{action} {day}")).save(b"answer", meta).unwrap();
}

fn doubt(store: &Store, action: &str, cost: Option<Cost>) {
    let claim = claim(store, &format!("doubt of {action}"));
    let intent = Intent { action: action.into(), reserved: cost, ..Intent::default() };
    claim.intend(&intent).unwrap();
    claim.doubt().unwrap();
}

fn space() -> Space {
    let space = Space::new().story("stages: { a: { run: 'echo hi > a.txt', outputs: a.txt } }");
    let store = store(&space);
    pay(&store, "script:07", "2026-11-23", cost("0.0123 usd"));
    pay(&store, "script:08", "2026-11-24", cost("0.02 usd"));
    pay(&store, "cover", "2026-11-24", None);
    pay(&store, "voice", "2026-11-24", Some(Cost::FREE));
    doubt(&store, "script:08", cost("0.50 usd"));
    space
}

#[test]
fn what_was_paid_is_told_by_stage_with_a_total_for_each_currency() {
    let run = space().run(&["cost"]).exit(0);
    assert_eq!(
        run.out,
        "stage   calls  tokens in  tokens out  cost        possibly charged\n\
         cover   1      100        20          unknown\n\
         script  2      200        40          0.0323 USD  0.50 USD (1 call)\n\
         total   1      100        20          unknown\n\
         total   2      200        40          0.0323 USD  0.50 USD (1 call)\n"
    );
    run.says("1 call was free");
}

#[test]
fn the_account_is_asked_by_day_and_from_a_day_on_as_json_and_as_csv() {
    let space = space();
    let json: Value = serde_json::from_str(&space.run(&["cost", "--by", "day", "--json"]).exit(0).out).unwrap();
    assert_eq!((&json["version"], &json["by"], &json["free_calls"]), (&1.into(), &"day".into(), &1.into()));
    assert_eq!(json["lines"][1]["cost"], "0.0123");
    let csv = space.run(&["cost", "--csv", "--by", "provider", "--since", "2026-11-24"]).exit(0).out;
    assert!(csv.contains("\nsmart,USD,1,100,,20,,,0.02,0,0\n"), "{csv}");
    space.run(&["cost", "--since", "yesterday"]).exit(2).says("2026-11-23");
    space.run(&["cost", "--json", "--csv"]).exit(2);
}

#[test]
fn asking_changes_nothing_and_waits_for_nobody() {
    let space = space();
    let lock = std::fs::File::create(space.path(".storygen/lock")).unwrap();
    lock.lock().unwrap();
    let before = space.state_stats();
    space.run(&["cost"]).exit(0);
    assert_eq!(space.state_stats(), before);
}

#[test]
fn where_nothing_was_paid_that_is_said() {
    let space = Space::new().story("stages: { a: { run: 'echo hi > a.txt', outputs: a.txt } }");
    let run = space.run(&["cost"]).exit(0).says("nothing was paid for");
    assert_eq!((run.out.as_str(), space.has(".storygen")), ("", false));
    let json = space.run(&["cost", "--json"]).exit(0).out;
    assert_eq!(serde_json::from_str::<Value>(&json).unwrap()["lines"], Value::Array(vec![]));
}

#[test]
fn a_call_that_may_have_been_charged_is_told_when_the_build_ends_and_stays_counted() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            assert!(stream.read(&mut [0; 4096]).unwrap() > 0);
            stream.write_all(b"HTTP/1.1 500 Oops\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").unwrap();
        }
    });
    let space = Space::new().story(&format!(
        "
        providers:
          art: {{ type: http, base_url: \"http://127.0.0.1:{port}/v1\" }}
        stages:
          a: {{ uses: http, provider: art, outputs: a.txt, with: {{ url: /image, json: {{ prompt: x }} }} }}
        "
    ));
    // A call that fails like this is made once more, and each may have been charged.
    let told = "2 calls may have been charged without an answer: POST /v1/image of loopback; `storygen cost`";
    space.build().exit(1).says(told);
    let run = space.run(&["cost"]).exit(0);
    assert!(run.out.contains("a      0      unknown (2 calls)"), "{}", run.out);
    // What is told is what was added.
    space.build().exit(1).says(told);
    assert!(space.run(&["cost"]).exit(0).out.contains("unknown (4 calls)"));
}
