//! A build that is killed while calls are under way: what was answered is never paid for twice.

use crate::fake::{Call, Ending, KEYS, Vendor};
use crate::is_soak;
use crate::space::Space;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::{Command, Stdio};
use std::thread::yield_now;

/// Calls in flight at most.
const FLIGHT: usize = 8;

/// Answers that a round gets at most.
const ANSWERS: usize = 3 * FLIGHT;

/// A build of many paid calls that is killed again and again.
struct Soak {
    vendor: Vendor,
    space: Space,
    pages: usize,
    dice: u64,
    /// Calls of the rounds before.
    seen: usize,
    /// Requests whose answer a round has left whole on the disk.
    kept: BTreeSet<String>,
    /// Of those, the answers that only stood where they came in.
    rescued: usize,
    /// Calls whose answer was not there.
    lost: usize,
    /// Those of them whose answer the server had handed to its socket before the kill.
    answered: usize,
}

impl Soak {
    fn new(kills: usize, seed: u64) -> Soak {
        let (vendor, pages) = (Vendor::start(), kills * ANSWERS + FLIGHT);
        let list: Vec<String> = (0..pages).map(|n| n.to_string()).collect();
        let writer = vendor
            .openai("writer")
            .with(&format!("max_concurrency: {FLIGHT}"))
            .with("price: { input: 1, output: 2, per: 1000, currency: USD }");
        let space = Space::new().story(&format!(
            "{writer}\nstages:\n  page:\n    uses: prompt\n    provider: writer\n    foreach: {{ n: [{}] }}\n    \
             outputs: pages/${{n}}.md\n    with: {{ prompt: \"Page ${{n}}.\" }}\n",
            list.join(", ")
        ));
        Soak { vendor, space, pages, dice: seed, seen: 0, kept: BTreeSet::new(), rescued: 0, lost: 0, answered: 0 }
    }

    /// Below `most`, another each time, the same for one seed.
    fn roll(&mut self, most: usize) -> usize {
        self.dice = self.dice.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.dice >> 33) as usize % most
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.space.command(args);
        command.envs(KEYS).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Kills a build at a random moment: some calls have come in, the first of them are answered at once and the others
    /// not at all, and then the scheduler had some turns.
    fn kill(&mut self) {
        let answers = self.roll(ANSWERS);
        let (calls, turns) = (1 + self.roll(answers + FLIGHT), self.roll(400));
        self.vendor.hold();
        for _ in 0..answers {
            self.vendor.release_one();
        }
        let mut child = self.command(&["build"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        self.vendor.wait_for_calls(self.seen + calls);
        (0..turns).for_each(|_| yield_now());
        child.kill().unwrap();
        child.wait().unwrap();
        self.vendor.wait_until_left().release();
    }

    /// Holds the calls of a killed build against what it left on the disk.
    fn check(&mut self) {
        let (calls, [log, coming]) = (self.vendor.calls(), self.disk());
        let (mut lost, mut answered) = (0, 0);
        for call in &calls[self.seen..] {
            let asked = call.body.to_string();
            assert!(!self.kept.contains(&asked), "its answer was there, and it was asked again: {asked}");
            let answer = std::str::from_utf8(&call.answer).unwrap();
            if log.contains(answer) || coming.contains(answer) {
                self.kept.insert(asked);
                self.rescued += usize::from(!log.contains(answer));
            } else {
                lost += 1;
                answered += usize::from(call.ending == Ending::Whole);
            }
        }
        assert!(lost <= FLIGHT, "{lost} answers are lost, and {FLIGHT} calls were in flight at most");
        (self.lost, self.answered, self.seen) = (self.lost + lost, self.answered + answered, calls.len());
        let (paid, possible) = self.account();
        assert!(
            paid + possible >= self.vendor.charges(),
            "the account forgot a call: {paid} paid, {possible} possible"
        );
    }

    /// All that the store holds of answers: those that are put away, and those that were coming in.
    fn disk(&self) -> [String; 2] {
        let state = self.space.root().join(".storygen");
        let read = |path| String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned();
        let coming = fs::read_dir(state.join("paid")).into_iter().flatten().map(|entry| entry.unwrap().path());
        [read(state.join("log")), coming.map(read).collect()]
    }

    /// Calls that `storygen cost` counts: paid, and possibly charged.
    fn account(&self) -> (usize, usize) {
        let told = self.command(&["cost", "--json"]).output().unwrap();
        let told: Value = serde_json::from_slice(&told.stdout).unwrap();
        let totals = told["totals"].as_array().map(Vec::as_slice).unwrap_or_default();
        let sum = |name: &str| totals.iter().filter_map(|line| line[name].as_u64()).sum::<u64>() as usize;
        (sum("calls"), sum("possible_calls"))
    }

    /// Builds to the end, and holds outputs, charges and the account against each other.
    fn end(self, kills: usize) {
        let last = self.command(&["build"]).output().unwrap();
        assert!(last.status.success(), "{}", String::from_utf8_lossy(&last.stderr));
        let calls = self.vendor.calls();
        let latest: BTreeMap<String, &Call> = calls.iter().map(|call| (call.body.to_string(), call)).collect();
        assert_eq!(latest.len(), self.pages);
        for call in latest.values() {
            let page =
                call.body["messages"].as_array().and_then(|all| all.last()).unwrap()["content"].as_str().unwrap();
            let n = page.trim_start_matches("Page ").trim_end_matches('.');
            assert_eq!(self.space.read(&format!("pages/{n}.md")).trim_end(), call.text.as_deref().unwrap());
        }
        let again = self.vendor.charges() - self.pages;
        let (paid, possible) = self.account();
        println!(
            "{kills} kills, {} charges: {again} for the second time, of {} of them the answer had left the server; {} \
             answers were found where they came in; the account has {paid} paid and {possible} possible",
            self.vendor.charges(),
            self.answered,
            self.rescued,
        );
        // Every charge for the second time is of a call in flight at a kill.
        assert!(again <= self.lost, "{again} charges for the second time, and {} answers were lost", self.lost);
        assert_eq!(paid, self.pages);
        // A call that was noted, and cut off before it was sent, may be in the account and is not in the server's.
        assert!((again..=kills * FLIGHT).contains(&possible), "{possible} possible calls, {again} charged again");
    }
}

#[test]
fn no_answer_that_came_is_paid_for_twice_however_often_the_build_is_killed() {
    let kills = 10;
    for seed in 1..=if is_soak() { 20 } else { 1 } {
        println!("seed {seed}");
        let mut soak = Soak::new(kills, seed);
        for _ in 0..kills {
            soak.kill();
            soak.check();
        }
        soak.end(kills);
    }
}
