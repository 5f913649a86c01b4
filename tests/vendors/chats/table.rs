//! The retry table, from outside: what follows from each behaviour of each vendor, and who pays how often.

use super::{HOUSES, House, asking, build, ending};
use crate::fake::{KEYS, Vendor, fault, table};
use std::collections::BTreeMap;

/// What a build comes to whose first call meets a behaviour, and what the build after it costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Expected {
    /// `done`, or the cause of the failure.
    ending: &'static str,
    charges: usize,
    /// Of the second build, which meets no fault any more. An answer that is there is not asked for again, of use or not.
    again: usize,
}

/// Answered at once, or after one that was turned away.
const ONE: Expected = Expected { ending: "done", charges: 1, again: 0 };
/// The first answer was paid for and did not arrive.
const TWO: Expected = Expected { ending: "done", charges: 2, again: 0 };

/// Paid for, of no use, and replayed for nothing.
const fn negative(ending: &'static str) -> Expected {
    Expected { ending, charges: 1, again: 0 }
}

/// Never answered, and never paid.
const fn refused(ending: &'static str) -> Expected {
    Expected { ending, charges: 0, again: 1 }
}

/// Paid for, and nobody can read it; not tried again in this run.
const LOST: Expected = Expected { ending: "validation", charges: 1, again: 1 };

const TABLE: &[(&str, Expected)] = &[
    // Refused for good.
    ("status 400", refused("setup")),
    ("status 401", refused("setup")),
    ("status 402", refused("quota")),
    ("status 403", refused("setup")),
    ("status 404", refused("setup")),
    ("status 413", refused("setup")),
    ("status 422", refused("setup")),
    ("bad request", refused("setup")),
    ("out of quota", refused("quota")),
    ("key in error", refused("setup")),
    ("retry-after 1000000000", refused("rate-limit")),
    // Turned away for now.
    ("status 408", ONE),
    ("status 409", ONE),
    ("status 429", ONE),
    ("status 503", ONE),
    ("status 529", ONE),
    ("rate limited", ONE),
    ("retry-after 0", ONE),
    ("retry-after -5", ONE),
    ("retry-after soon", ONE),
    ("retry-after Wed, 21 Oct 2015 07:28:00 GMT", ONE),
    ("too many concurrent", ONE),
    ("system busy", ONE),
    // In doubt: once more, whoever paid.
    ("status 500", ONE),
    ("status 502", ONE),
    ("status 504", ONE),
    ("504 that is charged", TWO),
    ("reset unread", ONE),
    ("reset", TWO),
    ("hang up", TWO),
    ("cut in head", TWO),
    ("not http", TWO),
    ("cut", TWO),
    ("cut chunked", TWO),
    ("many headers", TWO),
    ("bad json", TWO),
    ("wrong types", TWO),
    ("html", TWO),
    ("empty body", TWO),
    ("invalid utf-8", TWO),
    ("error with 200", ONE),
    // Answers of no use.
    ("length", negative("length")),
    ("content filter", negative("refusal")),
    ("refusal", negative("refusal")),
    ("empty choices", negative("empty")),
    ("null content", negative("empty")),
    ("boast", LOST),
    ("gzip bomb", LOST),
    // Answers.
    ("ok", ONE),
    ("no usage", ONE),
    ("cached", ONE),
    ("duplicate keys", ONE),
    ("bom", ONE),
    ("wrong content type", ONE),
    ("key in answer", ONE),
    ("off schema", ONE),
    ("no timings", ONE),
    ("frozen timings", ONE),
    ("unsized wav", ONE),
];

/// Every behaviour that ends by itself, but none that makes a test wait.
fn behaviours() -> BTreeMap<String, fault::Behaviour> {
    let mut all: BTreeMap<String, fault::Behaviour> = table::all().into_iter().collect();
    all.remove("retry-after 2");
    all.insert("retry-after 0".into(), fault::rate_limited().retry_after("0"));
    all
}

fn comes_to(house: House, behaviour: &fault::Behaviour) -> Expected {
    let vendor = Vendor::start();
    let space = asking(house, &vendor, "max_tokens: 300");
    vendor.script([behaviour.clone()]);
    build(&space, &[]);
    let (first, charges) = (ending(&space, "a"), vendor.charges());
    if first == "done" {
        let text = vendor.calls().last().and_then(|call| call.text.clone()).unwrap();
        assert!(space.read("a.md").contains(&text), "the answer is the output");
        assert!(KEYS.iter().all(|(_, key)| !space.read("a.md").contains(key)), "a key is hidden");
    } else {
        assert!(!space.has("a.md"), "no output of a failure");
    }
    build(&space, &[]);
    let again = vendor.charges() - charges;
    // What stands is fresh, looked at or not; what is stored is replayed; all else is well by now.
    let wanted = match (first.as_str(), again) {
        ("done", _) => "fresh",
        (cause, 0) => cause,
        _ => "done",
    };
    let second = ending(&space, "a").replace("never", "fresh");
    assert_eq!(second, wanted, "after {first}");
    let known =
        ["done", "setup", "quota", "rate-limit", "length", "refusal", "empty", "validation", "server", "timeout"];
    let ending = known.into_iter().find(|known| *known == first).unwrap_or("something else");
    Expected { ending, charges, again }
}

fn holds(house: House) {
    let table: BTreeMap<&str, Expected> = TABLE.iter().copied().collect();
    let behaviours = behaviours();
    assert_eq!(table.keys().copied().collect::<Vec<_>>(), behaviours.keys().collect::<Vec<_>>());
    let wrong: Vec<String> = behaviours
        .iter()
        .map(|(name, behaviour)| (name, comes_to(house, behaviour), table[name.as_str()]))
        .filter(|(_, came, wanted)| came != wanted)
        .map(|(name, came, wanted)| format!("{name}: {came:?}, not {wanted:?}"))
        .collect();
    assert!(wrong.is_empty(), "{house:?}\n{}", wrong.join("\n"));
}

#[test]
fn openai_keeps_to_the_table() {
    holds(House::OpenAi);
}

#[test]
fn anthropic_keeps_to_the_table() {
    holds(House::Anthropic);
}

#[test]
fn gemini_keeps_to_the_table() {
    holds(House::Gemini);
}

#[test]
fn what_stays_broken_is_paid_for_twice_at_most_and_what_is_turned_away_is_asked_four_times() {
    for house in HOUSES {
        for (behaviour, calls, charges, cause) in [
            (fault::cut(), 2, 2, "server"),
            (fault::bad_json(), 2, 2, "validation"),
            (fault::status(500).charged(), 2, 2, "server"),
            (fault::status(503), 4, 0, "server"),
            (fault::rate_limited(), 4, 0, "rate-limit"),
        ] {
            let vendor = Vendor::start();
            let space = asking(house, &vendor, "max_tokens: 300");
            vendor.script(vec![behaviour.clone(); 9]);
            build(&space, &[]).exit(1);
            let came = (vendor.calls().len(), vendor.charges(), ending(&space, "a"));
            assert_eq!(came, (calls, charges, cause.to_owned()), "{house:?}: {behaviour:?}");
        }
    }
}

#[test]
fn a_negative_answer_stands_until_another_is_asked_for() {
    for house in HOUSES {
        let vendor = Vendor::start();
        let space = asking(house, &vendor, "max_tokens: 300");
        vendor.script([fault::refusal()]);
        for _ in 0..3 {
            build(&space, &[]).exit(1);
            assert_eq!((ending(&space, "a").as_str(), vendor.charges()), ("refusal", 1), "{house:?}");
        }
        build(&space, &["--force", "a"]).exit(0);
        assert_eq!((ending(&space, "a").as_str(), vendor.charges()), ("done", 2), "{house:?}");
    }
}
