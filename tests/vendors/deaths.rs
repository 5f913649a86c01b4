//! A build that is killed while calls are under way: what was answered is never paid for twice.

use crate::fake::{KEYS, Vendor};
use crate::space::Space;
use std::process::Child;

/// Calls in flight at most.
const FLIGHT: usize = 8;

fn story(vendor: &Vendor, count: usize) -> String {
    let items: Vec<String> = (0..count).map(|number| format!("n{number}")).collect();
    let writer = vendor
        .openai("writer")
        .with(&format!("max_concurrency: {FLIGHT}"))
        .with("price: { input: 1, output: 2, per: 1000, currency: USD }");
    format!(
        "{writer}\nstages:\n  page:\n    uses: prompt\n    provider: writer\n    foreach: {{ n: [{}] }}\n    \
         outputs: pages/${{n}}.md\n    with: {{ prompt: \"Page ${{n}}.\" }}\n",
        items.join(", ")
    )
}

fn start(space: &Space) -> Child {
    let mut command = space.command(&["build"]);
    command.envs(KEYS).stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
    command.spawn().unwrap()
}

/// Kills a build at `kills` moments, each once so many more calls have come in, and returns how often each was charged.
fn killed(kills: usize, seed: usize) -> (usize, usize, usize) {
    let (vendor, count) = (Vendor::start(), kills * 4);
    let space = Space::new().story(&story(&vendor, count));
    let mut dice = seed;
    for _ in 0..kills {
        let before = vendor.calls().len();
        let mut child = start(&space);
        dice = dice.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        vendor.wait_for_calls((before + 1 + (dice >> 33) % 5).min(before + FLIGHT));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let last = space.command(&["build"]).envs(KEYS).output().unwrap();
    assert!(last.status.success(), "{}", String::from_utf8_lossy(&last.stderr));
    let by_body = vendor.charges_by_body();
    assert_eq!(by_body.len(), count);
    let again: usize = by_body.values().map(|charged| charged - 1).sum();
    let cost = space.command(&["cost", "--json"]).output().unwrap();
    let cost: serde_json::Value = serde_json::from_slice(&cost.stdout).unwrap();
    let told = cost["totals"].as_array().into_iter().flatten();
    let told: u64 =
        told.flat_map(|line| [&line["calls"], &line["possible_calls"]]).filter_map(serde_json::Value::as_u64).sum();
    (again, vendor.charges(), told as usize)
}

#[test]
fn no_answer_that_came_is_paid_for_twice_however_often_the_build_is_killed() {
    let kills = 12;
    for seed in [1, 2] {
        let (again, charged, told) = killed(kills, seed);
        assert!(again <= kills * FLIGHT, "{again} of {charged} charges were for the second time");
        assert!(told >= charged, "the account knows of {told} calls, the server of {charged}");
    }
}
