//! The books of the server: calls in their order, charges, who was there at one time.

use super::client::{Ask, chat, elevenlabs, openai};
use crate::fake::{Ending, KEYS, VOICE, Vendor, fault};
use serde_json::json;
use std::thread;

#[test]
fn calls_are_listed_with_all_that_they_brought() {
    let vendor = Vendor::start();
    openai(&vendor, "/models?limit=5").tells(200);
    chat(&vendor, "hello").header("Idempotency-Key", "k1").tells(200);
    let calls = vendor.calls();
    assert_eq!((calls[0].method.as_str(), calls[0].path.as_str()), ("GET", "/openai/v1/models"));
    assert_eq!(calls[0].query["limit"], "5");
    assert_eq!(calls[1].path, "/openai/v1/chat/completions");
    assert_eq!(calls[1].header("authorization"), Some(&*format!("Bearer {}", KEYS[0].1)));
    assert_eq!(calls[1].header("idempotency-key"), Some("k1"));
    assert_eq!(calls[1].body["messages"][0]["content"], "hello");
    assert!(calls[1].is_charged && !calls[0].is_charged && calls[0].at <= calls[1].at);
    assert!(calls.iter().all(|call| call.ending == Ending::Whole && call.status == 200));
}

#[test]
fn a_body_that_was_charged_twice_is_found() {
    let vendor = Vendor::start();
    vendor.script([fault::cut(), fault::ok(), fault::ok(), fault::status(500)]);
    for prompt in ["one", "one", "two", "two"] {
        chat(&vendor, prompt).send();
    }
    let charges = vendor.charges_by_body();
    assert_eq!(charges.values().copied().collect::<Vec<_>>(), [2, 1]);
    assert!(charges.keys().all(|body| body.starts_with("/openai/v1/chat/completions {\"model\":")), "{charges:?}");
}

#[test]
fn a_key_for_one_request_is_charged_once_where_the_server_keeps_it() {
    let vendor = Vendor::start();
    let keyed = |prompt: &str| chat(&vendor, prompt).header("idempotency-key", "k1");
    keyed("one").tells(200);
    keyed("one").tells(200);
    assert_eq!(vendor.charges(), 2, "keys mean nothing until they are kept");
    vendor.dedupe();
    vendor.script([fault::status(500), fault::cut()]);
    keyed("one").tells(500);
    assert_eq!(vendor.charges(), 2);
    keyed("one").send();
    let again = keyed("one").send();
    assert_eq!((again.status, again.header("idempotent-replayed")), (200, Some("true")));
    assert_eq!(vendor.charges(), 3);
    assert_eq!(
        Some(again.json()["choices"][0]["message"]["content"].as_str().unwrap()),
        vendor.calls()[3].text.as_deref()
    );
    assert_eq!(keyed("two").tells(400)["error"]["code"], "idempotency_error");
    chat(&vendor, "one").tells(200);
    assert_eq!(vendor.charges(), 4);
}

fn send_in_threads(asks: Vec<Ask>) -> Vec<thread::JoinHandle<u16>> {
    asks.into_iter().map(|ask| thread::spawn(move || ask.send().status)).collect()
}

#[test]
fn calls_that_are_held_are_in_flight_together() {
    let vendor = Vendor::start();
    vendor.hold();
    let waiting = send_in_threads((0..16).map(|place| chat(&vendor, &format!("hello {place}"))).collect());
    vendor.wait_for_calls(16);
    assert_eq!((vendor.peak_in_flight(), vendor.charges()), (16, 16));
    assert!(vendor.calls().iter().all(|call| call.ending == Ending::Open));
    vendor.release_one().wait_for_endings(Ending::Whole, 1);
    assert_eq!(vendor.calls()[0].ending, Ending::Whole, "the first to come is the first to go");
    vendor.release();
    assert!(waiting.into_iter().all(|thread| thread.join().unwrap() == 200));
    // Now nobody waits.
    chat(&vendor, "hello").tells(200);
    assert_eq!((vendor.peak_in_flight(), vendor.calls().len()), (16, 17));
}

#[test]
fn calls_one_after_the_other_are_never_in_flight_together() {
    let vendor = Vendor::start();
    for _ in 0..50 {
        chat(&vendor, "hello").tells(200);
        openai(&vendor, "/models").tells(200);
    }
    assert_eq!((vendor.peak_in_flight(), vendor.charges()), (1, 50));
}

#[test]
fn more_than_the_plan_allows_are_too_many() {
    let vendor = Vendor::start();
    vendor.limit_concurrency(2).hold();
    let speech = elevenlabs(&vendor, &format!("/v1/text-to-speech/{VOICE}")).json(&json!({ "text": "hello" }));
    let waiting = send_in_threads(vec![speech.clone(), speech.clone(), speech.clone()]);
    vendor.wait_for_calls(3).release();
    let mut statuses: Vec<u16> = waiting.into_iter().map(|thread| thread.join().unwrap()).collect();
    statuses.sort_unstable();
    assert_eq!((statuses, vendor.charges()), (vec![200, 200, 429], 2));
    let said = speech.send();
    assert_eq!((said.status, said.header("maximum-concurrent-requests")), (200, Some("2")));
}

#[test]
fn a_client_that_leaves_has_paid() {
    let vendor = Vendor::start();
    vendor.hold();
    let stream = chat(&vendor, "hello").begin().unwrap();
    vendor.wait_for_calls(1);
    drop(stream);
    vendor.wait_for_endings(Ending::Abandoned, 1).release();
    assert_eq!((vendor.charges(), vendor.calls()[0].status), (1, 200));
}
