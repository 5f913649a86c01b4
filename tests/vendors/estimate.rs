//! Estimates: what a build is said to pay holds for what it pays, and saying it costs nothing.

use crate::fake::{KEYS, Vendor, fault};
use crate::space::{Run, Space};
use pty_process::blocking::{Command, open};
use serde_json::Value;
use std::io::{Read, Write};

/// What a token costs, so that each is seen.
const PRICE: &str = "price: { input: 1, output: 2, per: 1000, currency: USD, as_of: 2026-11-01 }";

fn run(space: &Space, args: &[&str]) -> Run {
    let mut command = space.command(&["build"]);
    command.args(args).envs(KEYS);
    space.finish(command)
}

fn estimate(space: &Space, args: &[&str]) -> Value {
    let told = run(space, &[&["--estimate", "--json"], args].concat());
    assert_eq!(told.code, Some(0), "{}", told.err);
    serde_json::from_str(&told.out).unwrap()
}

/// What was paid up to now, by `storygen cost`.
fn paid(space: &Space) -> f64 {
    let mut command = space.command(&["cost", "--json"]);
    command.envs(KEYS);
    let told: Value = serde_json::from_str(&space.finish(command).out).unwrap();
    told["totals"][0]["cost"].as_str().map_or(0.0, |text| text.parse().unwrap())
}

fn most(told: &Value) -> f64 {
    assert_eq!(told["total"]["is_complete"], true, "{told}");
    told["total"]["most"]["USD"].as_str().map_or(0.0, |text| text.parse().unwrap())
}

/// A prompt for each of the texts, and one that reads what the first makes.
fn tales(vendor: &Vendor, prompts: &[&str]) -> String {
    let writer = vendor.openai("writer").with(PRICE);
    let mut story = format!("{writer}\nstages:\n");
    for (nth, prompt) in prompts.iter().enumerate() {
        story.push_str(&format!(
            "  t{nth}: {{ uses: prompt, provider: writer, outputs: t{nth}.md, with: {{ prompt: {}, max_tokens: {} }} }}\n",
            Value::from(*prompt),
            40 + nth * 30
        ));
    }
    story
}

#[test]
fn a_build_pays_no_more_than_its_exact_estimate() {
    let all = ["Tell me.", "Расскажи сказку о мосте.", "一座桥的故事", "x", "A \"tale\"\nof two\tlines & <tags> 🚌"];
    for prompts in [&all[..1], &all[..], &all[3..]] {
        let vendor = Vendor::start();
        let space = Space::new().story(&tales(&vendor, prompts));
        let told = estimate(&space, &[]);
        assert_eq!((vendor.calls().len(), space.has(".storygen")), (0, false), "an estimate asked or wrote");
        assert_eq!((&told["total"]["calls"], &told["total"]["how"]), (&prompts.len().into(), &"exact".into()));
        let built = run(&space, &[]);
        assert_eq!((built.code, vendor.charges()), (Some(0), prompts.len()), "{}", built.err);
        let paid = paid(&space);
        assert!(paid > 0.0 && paid <= most(&told), "{paid} of {told}");
    }
}

#[test]
fn what_is_built_or_remembered_is_not_paid_again() {
    let vendor = Vendor::start();
    let space = Space::new().story(&tales(&vendor, &["One.", "Two."]));
    assert_eq!(run(&space, &[]).code, Some(0));
    let told = run(&space, &["--estimate"]);
    assert_eq!(told.out, "nothing was asked; a build would pay nothing\n", "{}", told.err);
    // Another action with the same request.
    space.story(&tales(&vendor, &["One.", "Two."]).replace("uses: prompt,", "uses: prompt, salt: x,"));
    let told = estimate(&space, &[]);
    assert_eq!((&told["total"]["calls"], &told["total"]["remembered"]), (&0.into(), &2.into()));
    assert_eq!(most(&told), 0.0);
    assert_eq!((run(&space, &[]).code, vendor.charges()), (Some(0), 2));
}

#[test]
fn what_reads_what_is_not_made_yet_is_estimated_and_likely_as_the_last_time() {
    let vendor = Vendor::start();
    let story = |first: &str| {
        tales(&vendor, &[first])
            + "  next: { uses: prompt, provider: writer, inputs: [t0.md], outputs: n.md, with: { prompt: \"On: ${inputs[0]}\" } }\n"
    };
    let space = Space::new().story(&story("One."));
    let told = estimate(&space, &[]);
    assert_eq!((&told["lines"][0]["how"], &told["lines"][1]["how"]), (&"exact".into(), &"estimated".into()));
    assert!(told["lines"][1]["most"].is_string() && told["lines"][1]["likely"].is_null(), "{told}");
    assert_eq!(run(&space, &[]).code, Some(0));
    space.story(&story("Another."));
    let told = estimate(&space, &[]);
    assert_eq!((&told["lines"][1]["how"], &told["lines"][1]["calls"]), (&"estimated".into(), &1.into()));
    assert!(told["lines"][1]["likely"].is_string(), "{told}");
    let shown = run(&space, &["--estimate", "--budget", "0.01"]);
    assert!(shown.out.contains("\nperhaps too little for "), "{}", shown.out);
    assert!(shown.out.contains("the budget of this run: 0.01 USD, of which 0.00 is spent\n"), "{}", shown.out);
}

#[test]
fn samples_system_and_seed_are_in_the_estimate_and_known_again() {
    let vendor = Vendor::start();
    let writer = vendor.openai("writer").with(PRICE);
    let story = |salt: &str| {
        format!(
            "{writer}\nstages:\n  a: {{ uses: prompt, provider: writer, salt: {salt}, inputs: [idea.md], outputs: a.md, with: {{ jinja: \
             \"Of {{{{ inputs[0] }}}}\", system: Be brief., samples: 3, seed: 7, max_tokens: 60 }} }}\n"
        )
    };
    let space = Space::new().story(&story("one")).file("idea.md", "a bridge");
    let told = estimate(&space, &[]);
    assert_eq!((&told["total"]["calls"], &told["lines"][0]["output_tokens"]), (&3.into(), &180.into()));
    assert_eq!((run(&space, &[]).code, vendor.charges()), (Some(0), 3));
    assert!(paid(&space) <= most(&told), "{} of {told}", paid(&space));
    space.story(&story("two"));
    assert_eq!(estimate(&space, &[])["total"]["remembered"], 3);
}

#[test]
fn a_bound_that_is_not_known_yet_leaves_the_cost_open_unless_it_is_free() {
    for (price, cost_is_known) in [(PRICE, false), ("price: free", true)] {
        let vendor = Vendor::start();
        let writer = vendor.openai("writer").with(price);
        let space = Space::new().story(&format!(
            "{writer}\nstages:\n  a: {{ uses: prompt, provider: writer, outputs: a.md, with: {{ prompt: One. }} }}\n  b: \
             {{ uses: revision, provider: writer, inputs: a.md, outputs: b.md }}\n"
        ));
        let told = estimate(&space, &[]);
        let calls = told["total"]["calls"].as_u64().unwrap() + told["free_calls"].as_u64().unwrap();
        assert_eq!((calls, &told["total"]["is_complete"]), (2, &cost_is_known.into()), "{told}");
    }
}

#[test]
fn an_input_that_is_to_be_put_back_is_as_good_as_there() {
    let vendor = Vendor::start();
    let story = tales(&vendor, &["One."])
        + "  next: { uses: prompt, provider: writer, inputs: [t0.md], outputs: n.md, with: { prompt: \"On: ${inputs[0]}\" } }\n";
    let space = Space::new().story(&story);
    assert_eq!((run(&space, &[]).code, vendor.charges()), (Some(0), 2));
    std::fs::remove_file(space.path("t0.md")).unwrap();
    space.story(&story.replace("On: ", "Of: "));
    let told = estimate(&space, &[]);
    assert_eq!((&told["total"]["calls"], &told["total"]["how"]), (&1.into(), &"exact".into()));
    assert!(told["lines"][0]["likely"].is_string(), "{told}");
}

#[test]
fn a_dearer_fallback_is_in_the_bound() {
    let (vendor, other) = (Vendor::start(), Vendor::start());
    let dear = PRICE.replace("input: 1, output: 2", "input: 10, output: 20");
    let both = vendor.openai("writer").with(PRICE).with("fallback: second").and(other.openai("second").with(&dear));
    let space = Space::new().story(&format!(
        "{both}\nstages: {{ a: {{ uses: prompt, provider: writer, outputs: a.md, with: {{ prompt: Tell me., max_tokens: 50 }} }} }}\n"
    ));
    let told = estimate(&space, &[]);
    vendor.script([fault::out_of_quota()]);
    let built = run(&space, &[]);
    assert_eq!((built.code, vendor.charges(), other.charges()), (Some(0), 0, 1), "{}", built.err);
    assert!(paid(&space) <= most(&told) && most(&told) > 1.0, "{} of {told}", paid(&space));
}

#[test]
fn a_list_that_is_made_first_is_unknown_and_then_as_long_as_the_last_time() {
    let vendor = Vendor::start();
    let story = "stages:\n  list: { run: \"printf 'n\\na\\nb\\nc\\n' > list.csv\", outputs: list.csv }\n  page: { uses: http, \
                 provider: art, foreach: { page: { in: list.csv, key: n } }, outputs: \"${page.n}.json\", with: { url: /echo, json: { of: \"${page.n}\" } } }\n";
    let art = vendor.http("art").with("price: { call: 0.03, currency: USD }");
    let space = Space::new().story(&format!("{art}\n{story}"));
    let told = estimate(&space, &[]);
    assert_eq!((&told["lines"][0]["open"], &told["lines"][0]["most"]), (&1.into(), &Value::Null), "{told}");
    assert_eq!((&told["lines"][0]["how"], &told["lines"][0]["provider"]), (&"unknown".into(), &"art".into()));
    let built = run(&space, &[]);
    assert_eq!((built.code, vendor.charges()), (Some(0), 3), "{}", built.err);
    space.story(&format!("{art}\n{}", story.replace("b\\nc", "b\\nd")));
    let told = estimate(&space, &[]);
    assert_eq!((&told["total"]["calls"], &told["total"]["how"]), (&3.into(), &"estimated".into()), "{told}");
    assert_eq!((most(&told), vendor.charges()), (0.09, 3));
}

#[test]
fn an_unknown_price_is_unknown_and_a_free_call_is_no_line() {
    let vendor = Vendor::start();
    let unpriced = Space::new().story(&tales(&vendor, &["One."]).replace(&format!(", {PRICE}"), ""));
    let told = run(&unpriced, &["--estimate"]);
    assert!(told.out.contains("a build would pay an unknown cost in 1 call\n"), "{}", told.out);
    let free = Space::new().story(&tales(&vendor, &["One."]).replace(PRICE, "price: free"));
    let told = run(&free, &["--estimate"]);
    assert_eq!(told.out, "nothing was asked; a build would pay nothing\n1 call beside cost nothing.\n");
    assert_eq!(vendor.calls().len(), 0);
}

#[test]
fn a_batch_is_estimated_as_a_whole() {
    let vendor = Vendor::start();
    let rows: String = (0..70).map(|number| format!("r{number},tale {number}\n")).collect();
    let story = "stages:\n  tale: { uses: http, provider: art, outputs: \"${batch.id}.json\", with: { url: /echo, json: { of: \
                 \"${batch.of}\" } } }\n";
    let art = vendor.http("art").with("price: { call: 0.03, currency: USD }");
    let space = Space::new().story(&format!("{art}\n{story}")).file("rows.csv", &format!("id,of\n{rows}"));
    let told = estimate(&space, &["--batch", "rows.csv"]);
    assert_eq!((&told["lines"][0]["calls"], &told["lines"][0]["actions"]), (&70.into(), &70.into()));
    assert_eq!((told["total"]["most"]["USD"].as_str(), vendor.calls().len()), (Some("2.1"), 0));
}

/// Builds at a terminal where a person answers `answer`; returns the exit status and all that was shown. `None` where
/// the machine gives no terminals.
fn at_a_terminal(space: &Space, args: &[&str], answer: &str) -> Option<(Option<i32>, String)> {
    let Ok((mut pty, pts)) = open() else {
        eprintln!("skipped: no pseudo-terminal here");
        return None;
    };
    let like = space.command(&[]);
    let mut command = Command::new(env!("CARGO_BIN_EXE_storygen"))
        .args([&["build", "--progress", "plain", "--color", "never"], args].concat())
        .current_dir(space.root())
        .env_clear()
        .envs(KEYS);
    for (name, value) in like.get_envs().filter_map(|(name, value)| Some((name, value?))) {
        command = command.env(name, value);
    }
    let mut child = command.spawn(pts).unwrap();
    let (mut shown, mut is_answered, mut bytes) = (String::new(), false, [0; 4096]);
    loop {
        // Linux calls it an error where other systems call it the end.
        let count = pty.read(&mut bytes).unwrap_or(0);
        shown.push_str(&String::from_utf8_lossy(&bytes[..count]).replace("\r\n", "\n"));
        if count == 0 {
            break;
        }
        if !is_answered && shown.contains("Go on? [y/N] ") {
            pty.write_all(answer.as_bytes()).unwrap();
            is_answered = true;
        }
    }
    Some((child.wait().unwrap().code(), shown))
}

/// So many pages at 3 cents.
fn pages(vendor: &Vendor, count: usize) -> Space {
    let items: Vec<String> = (0..count).map(|number| format!("n{number}")).collect();
    let art = vendor.http("art").with("price: { call: 0.03, currency: USD }");
    Space::new().story(&format!(
        "{art}\nstages:\n  page:\n    uses: http\n    provider: art\n    foreach: {{ n: [{}] }}\n    outputs: \
         pages/${{n}}.json\n    with: {{ url: /echo, json: {{ page: \"${{n}}\" }} }}\n",
        items.join(", ")
    ))
}

#[test]
fn a_person_is_asked_before_many_calls_and_a_no_sends_nothing() {
    let vendor = Vendor::start();
    let space = pages(&vendor, 12);
    let Some((code, shown)) = at_a_terminal(&space, &[], "n\n") else { return };
    let question =
        "This build would pay at most 0.36 USD in 12 calls:\n  page  art  12 calls  at most 0.36 USD\nGo on? [y/N] ";
    assert!(shown.contains(question), "{shown}");
    assert!(shown.contains("error: stopped before anything was paid"), "{shown}");
    assert_eq!((code, vendor.calls().len()), (Some(3), 0), "{shown}");
    let Some((code, shown)) = at_a_terminal(&space, &[], "y\n") else { return };
    assert_eq!((code, vendor.charges()), (Some(0), 12), "{shown}");
}

#[test]
fn few_calls_a_yes_and_a_build_without_a_person_are_not_asked_about() {
    let vendor = Vendor::start();
    let few = pages(&vendor, 10);
    let Some((code, shown)) = at_a_terminal(&few, &[], "n\n") else { return };
    assert_eq!((code, shown.contains("Go on?"), vendor.charges()), (Some(0), false, 10), "{shown}");
    let Some((code, shown)) = at_a_terminal(&pages(&vendor, 11), &["-y"], "n\n") else { return };
    assert_eq!((code, shown.contains("Go on?"), vendor.charges()), (Some(0), false, 21), "{shown}");
    let built = run(&pages(&vendor, 11), &[]);
    assert_eq!((built.code, vendor.charges()), (Some(0), 32), "{}", built.err);
}

#[test]
fn the_users_settings_say_when_a_person_is_asked() {
    let vendor = Vendor::start();
    let set = |space: &Space, text: &str| {
        let like = space.command(&[]);
        let home = like.get_envs().find(|(name, _)| *name == "XDG_CONFIG_HOME").unwrap().1.unwrap();
        let folder = std::path::Path::new(home).join("storygen");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("settings.yaml"), text).unwrap();
    };
    let (eased, strict, wrong) = (pages(&vendor, 12), pages(&vendor, 2), pages(&vendor, 12));
    set(&eased, "confirm: { calls: 12 }\n");
    let Some((code, shown)) = at_a_terminal(&eased, &[], "n\n") else { return };
    assert_eq!((code, shown.contains("Go on?"), vendor.charges()), (Some(0), false, 12), "{shown}");
    set(&strict, "confirm: { amount: 0.05 }\n");
    let Some((code, shown)) = at_a_terminal(&strict, &[], "n\n") else { return };
    assert_eq!((code, vendor.charges()), (Some(3), 12), "{shown}");
    set(&wrong, "confirm:\n  cals: 12\n");
    let Some((code, shown)) = at_a_terminal(&wrong, &[], "y\n") else { return };
    assert_eq!((code, vendor.charges()), (Some(2), 12), "{shown}");
    assert!(shown.contains("settings.yaml:2:3") && shown.contains("the key `cals` is not known"), "{shown}");
}
