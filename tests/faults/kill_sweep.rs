//! SIGKILL at system calls that change something: whatever stood then, the next build makes it right by itself.

use crate::dice::Dice;
use crate::repo::{Repo, Tree};
use crate::stories::{self, EDIT};
use crate::strace::{self, Call};
use std::collections::BTreeMap;

const POINTS: usize = 300;

struct Scene {
    name: &'static str,
    before: Repo,
    gold: Tree,
    /// How often each stage runs in a build that nobody interrupts.
    runs: BTreeMap<String, usize>,
    calls: Vec<Call>,
}

fn scene(name: &'static str, before: Repo) -> Scene {
    let whole = before.fork();
    let calls = strace::trace(&whole, &["build", "-j1"]).into_iter().filter(Call::changes).collect();
    Scene { name, before, gold: whole.tree(), runs: count(&whole.runs()), calls }
}

fn count(runs: &[String]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    runs.iter().for_each(|stage| *counts.entry(stage.clone()).or_insert(0) += 1);
    counts
}

#[test]
fn a_build_killed_at_any_call_is_healed_by_the_next() {
    if !strace::works() {
        return;
    }
    let scenes = [
        scene("cold", stories::cold()),
        scene("changed", stories::changed()),
        scene("lost", stories::lost()),
        scene("torn", stories::torn()),
        scene("kinds", stories::kinds()),
        scene("kinds_changed", stories::kinds_changed()),
    ];
    let all: Vec<(&Scene, &Call)> =
        scenes.iter().flat_map(|scene| scene.calls.iter().map(move |call| (scene, call))).collect();
    let known = all.len();
    let name = |(scene, call): &(&Scene, &Call)| format!("{} {}#{}", scene.name, call.name, call.number);
    let points = Dice::new(1).named_sample(all, POINTS, name);
    let (mut killed, mut faults) = (0, Vec::new());
    for (scene, call) in &points {
        match torment(scene, call) {
            Ok(hit) => killed += usize::from(hit),
            Err(fault) => faults.push(format!("{} {}#{}: {}\n{fault}", scene.name, call.name, call.number, call.text)),
        }
    }
    eprintln!("kill_sweep: {killed} kills at {} of {known} points, {} faults", points.len(), faults.len());
    assert!(faults.is_empty(), "{}", faults.join("\n\n"));
    assert!(killed * 10 >= points.len() * 9, "only {killed} of {} kills hit", points.len());
}

/// Kills one build; tells whether the kill hit, or what is wrong afterwards.
fn torment(scene: &Scene, call: &Call) -> Result<bool, String> {
    let repo = scene.before.fork();
    let hit = repo.run(&strace::killing(call), &["build", "-j1"]).exit.is_none();
    // A command that had just started may still say that it runs before the reaper ends it.
    repo.living();
    let in_flight = repo.runs().last().cloned();
    if let Some(fault) = repo.fault(&scene.gold) {
        return Err(fault);
    }
    for (stage, times) in count(&repo.runs()) {
        let allowed = scene.runs.get(&stage).unwrap_or(&0) + usize::from(in_flight.as_ref() == Some(&stage));
        if times > allowed {
            return Err(format!("`{stage}` ran {times} times; in flight was {in_flight:?}"));
        }
    }
    match repo.living().first() {
        Some(process) => Err(format!("{process} lives on")),
        None => Ok(hit),
    }
}

#[test]
fn a_command_that_outlives_its_killed_build_is_over_before_the_next_begins() {
    if !strace::works() {
        return;
    }
    // It does not listen to TERM and writes late: whoever goes on without waiting finds its output afterwards.
    let story = "storygen: 1\nstages:\n  a:\n    inputs: in.txt\n    outputs: a.txt\n    run: |\n      trap '' TERM\n      \
                 x=$(cat in.txt)\n      i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done\n      echo made of $x > a.txt\n";
    let before = Repo::new(&[("Storyfile.yaml", story), ("in.txt", "old\n")]).built();
    before.write("in.txt", "new\n");
    let calls = strace::trace(&before.fork(), &["build", "-j1"]);
    let named = calls.iter().find(|call| call.name == "write" && call.text.contains("started")).unwrap();
    let repo = before.fork();
    assert_eq!(repo.run(&strace::killing(named), &["build", "-j1"]).exit, None);
    repo.write("in.txt", "old\n");
    assert_eq!(repo.build().exit, Some(0));
    assert_eq!(repo.living(), Vec::<String>::new());
    assert_eq!(repo.tree()["a.txt"], b"made of old\n");
}

/// How many calls of a build that discards an edit are killed at.
const DISCARDS: usize = 40;

#[test]
fn an_edit_that_a_killed_build_was_to_discard_stands_or_is_kept() {
    if !strace::works() {
        return;
    }
    let before = stories::edited();
    before.write("poem.txt", "the sun came\n");
    let discarding = ["build", "-j1", "--discard-edits", "poem"];
    let whole = before.fork();
    let calls: Vec<Call> = strace::trace(&whole, &discarding).into_iter().filter(Call::changes).collect();
    let gold = whole.tree();
    let mut dice = Dice::new(6);
    for call in dice.sample(calls, DISCARDS) {
        let repo = before.fork();
        repo.run(&strace::killing(&call), &discarding);
        // The build that comes next dies too, at one of its first changes: putting right must bear that as well.
        let name = ["write", "rename", "unlink", "ftruncate", "mkdir"][dice.below(5)].to_owned();
        let second = Call { name, number: 1 + dice.below(6), text: String::new() };
        repo.run(&strace::killing(&second), &["build", "-j1"]);
        let healed = repo.build();
        let case = format!("{}#{} {}, then {}#{}", call.name, call.number, call.text, second.name, second.number);
        match healed.exit {
            Some(3) => assert_eq!(repo.tree()["out/poem.txt"], EDIT.as_bytes(), "{case}: {}", healed.said),
            exit => assert_eq!(exit, Some(0), "{case}: {}", healed.said),
        }
        let kept = repo.state_files().iter().any(|file| std::fs::read(repo.path(file)).unwrap() == EDIT.as_bytes());
        assert!(kept, "{case}: the edit is lost");
        repo.run(&[], &discarding);
        assert_eq!(repo.fault(&gold), None, "{case}");
    }
}
