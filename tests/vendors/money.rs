//! Money: what a build says it paid, what it never pays twice, and the budget that it never passes.

use crate::fake::{KEYS, Vendor, fault};
use crate::space::{Run, Space};

/// Retries without a wait.
const AT_ONCE: &str = "defaults: { retry: { delay: 1ms, max_delay: 5ms } }\n";
/// What a thousand tokens cost, so that a short reply costs something that is seen.
const PRICE: &str = "price: { input: 1, output: 2, per: 1000, currency: USD, as_of: 2026-11-01 }";

fn build(space: &Space, args: &[&str]) -> Run {
    let events = space.note("events.jsonl");
    let mut command = space.command(&["build", "--events"]);
    command.arg(events).args(args).envs(KEYS);
    space.finish(command)
}

/// Returns the line that says what was paid.
fn paid(run: &Run) -> &str {
    run.err.lines().find(|line| line.starts_with("  paid:")).unwrap_or_else(|| panic!("{}", run.err))
}

/// Calls a service once for each of `count` items, at 3 cents a call.
fn many(vendor: &Vendor, count: usize) -> String {
    let items: Vec<String> = (0..count).map(|number| format!("n{number}")).collect();
    let art = vendor.http("art").with("price: { call: 0.03, currency: USD }").with("max_concurrency: 64");
    format!(
        "{art}\n{AT_ONCE}budget: {{ usd: 1.00 }}\nstages:\n  page:\n    uses: http\n    provider: art\n    foreach: {{ n: [{}] }}\n    \
         outputs: pages/${{n}}.json\n    with: {{ url: /echo, json: {{ page: \"${{n}}\" }} }}\n",
        items.join(", ")
    )
}

#[test]
fn a_build_says_what_it_paid_and_pays_for_nothing_twice() {
    let vendor = Vendor::start();
    let writer = vendor.openai("writer").with(PRICE);
    let space = Space::new().story(&format!(
        "{writer}\nstages:\n  tale: {{ uses: prompt, provider: writer, outputs: tale.md, with: {{ prompt: Tell me. }} }}\n"
    ));
    let first = build(&space, &[]);
    assert_eq!(first.code, Some(0), "{}", first.err);
    assert!(paid(&first).ends_with(" USD in 1 call"), "{}", first.err);
    let again = build(&space, &[]);
    assert_eq!((again.code, vendor.charges()), (Some(0), 1), "{}", again.err);
    // The same result under another path, and after the cache forgot the action: its answer is remembered.
    space.story(&format!(
        "{writer}\nstages:\n  tale: {{ uses: prompt, provider: writer, outputs: story.md, salt: x, with: {{ prompt: Tell me. }} }}\n"
    ));
    let moved = build(&space, &[]);
    assert_eq!((moved.code, vendor.charges()), (Some(0), 1), "{}", moved.err);
    assert!(paid(&moved).ends_with(" USD saved by what is remembered"), "{}", moved.err);
}

#[test]
fn calls_in_parallel_never_pass_the_budget_and_the_next_run_goes_on() {
    let vendor = Vendor::start();
    let space = Space::new().story(&many(&vendor, 64));
    for (run, most, code) in [(1, 33, Some(3)), (2, 66, Some(0))] {
        let built = build(&space, &[]);
        assert_eq!(built.code, code, "{}", built.err);
        assert!(vendor.charges() <= most && vendor.charges() >= 33.min(most), "run {run}: {}", vendor.charges());
    }
    assert_eq!(vendor.charges(), 64);
    assert!(vendor.charges_by_body().values().all(|count| *count == 1));
}

#[test]
fn a_stage_over_budget_says_so_and_waits_for_more_money() {
    let vendor = Vendor::start();
    let space = Space::new().story(&many(&vendor, 3));
    let built = build(&space, &["--budget", "0.05"]);
    assert_eq!((built.code, vendor.charges()), (Some(3), 1), "{}", built.err);
    let words = "over budget: a call that may cost 0.03 USD would pass the budget of this run: 0.05 USD, of which 0.03 is \
                 spent";
    assert!(built.err.contains(words), "{}", built.err);
    assert!(built.err.contains("Raise `budget:`, or pass `--budget`, and build again: what is paid for is kept."));
    assert_eq!(build(&space, &["--budget", "0.06usd"]).code, Some(0));
    assert_eq!(vendor.charges(), 3);
}

#[test]
fn a_budget_of_the_day_counts_what_earlier_runs_spent() {
    let vendor = Vendor::start();
    let story = many(&vendor, 3).replace("{ usd: 1.00 }", "{ usd: 0.07, per: day }");
    let space = Space::new().story(&story);
    assert_eq!((build(&space, &[]).code, vendor.charges()), (Some(3), 2));
    let again = build(&space, &[]);
    assert_eq!((again.code, vendor.charges()), (Some(3), 2), "{}", again.err);
    assert!(again.err.contains("the budget of today: 0.07 USD, of which 0.06 is spent"), "{}", again.err);
}

#[test]
fn a_budget_on_the_command_line_needs_prices_and_an_amount() {
    let vendor = Vendor::start();
    let unpriced =
        many(&vendor, 1).replace("price: { call: 0.03, currency: USD }, ", "").replace("budget: { usd: 1.00 }\n", "");
    let space = Space::new().story(&unpriced);
    let refused = build(&space, &["--budget", "1usd"]);
    assert_eq!((refused.code, vendor.charges()), (Some(2), 0), "{}", refused.err);
    assert!(
        refused.err.contains("the provider `art` has no price in USD: the budget cannot be kept"),
        "{}",
        refused.err
    );
    let senseless = build(&space, &["--budget", "much"]);
    assert_eq!(senseless.code, Some(2));
    assert!(senseless.err.contains("`--budget much` is no amount of money"), "{}", senseless.err);
}

#[test]
fn a_provider_that_is_out_of_order_stops_its_own_stages_and_no_others() {
    let vendor = Vendor::start();
    let other = Vendor::start();
    let both = vendor.openai("writer").with("max_concurrency: 1").and(other.anthropic("second"));
    let space = Space::new().story(&format!(
        "{both}\n{AT_ONCE}stages:\n  \
         a: {{ uses: prompt, provider: writer, outputs: a.md, with: {{ prompt: A }} }}\n  \
         b: {{ uses: prompt, provider: writer, outputs: b.md, with: {{ prompt: B }} }}\n  \
         c: {{ run: \"echo c > c.txt\", outputs: c.txt, after: [a] }}\n"
    ));
    vendor.script([fault::out_of_quota()]);
    let built = build(&space, &[]);
    assert_eq!(built.code, Some(1), "{}", built.err);
    assert_eq!((vendor.calls().len(), vendor.charges()), (1, 0), "the provider was asked again");
    assert!(space.has("c.txt"), "{}", built.err);
    assert!(built.err.contains("Add credit there, or wait until the quota begins anew"), "{}", built.err);
    assert_eq!(build(&space, &[]).code, Some(0));
}

#[test]
fn offline_no_service_is_asked_and_what_is_remembered_is_still_there() {
    let vendor = Vendor::start();
    let story = |salt: &str| {
        format!(
            "{}\nstages:\n  tale: {{ uses: prompt, provider: writer, outputs: tale.md, salt: {salt}, with: {{ prompt: Hi }} }}\n",
            vendor.openai("writer")
        )
    };
    let space = Space::new().story(&story("a"));
    let refused = build(&space, &["--offline"]);
    assert_eq!((refused.code, vendor.calls().len()), (Some(1), 0), "{}", refused.err);
    assert!(refused.err.contains("`--offline` is given, and the provider `writer` is a service"), "{}", refused.err);
    assert_eq!(build(&space, &[]).code, Some(0));
    space.story(&story("b"));
    assert_eq!((build(&space, &["--offline"]).code, vendor.charges()), (Some(0), 1));
}
