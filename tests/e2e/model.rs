//! Random graphs under random edits and deletions, held against a builder that knows nothing of being quick.
//!
//! After each step the outputs must be what a build from nothing would make, and the build must have kept the law of
//! plans: what ran is among what the plan said would or might run; what it called fresh or to be restored did not.

use crate::space::Space;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// Seeds that failed once stay here for ever.
const FAILED_ONCE: [u64; 1] = [125];
/// The same of graphs with conditions.
const ASKED_ONCE: [u64; 1] = [28];
/// Each seed is a graph and a history.
const SEEDS: std::ops::Range<u64> = 1..17;
const STEPS: usize = 7;

/// The xorshift generator of George Marsaglia, "Xorshift RNGs", 2003.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).unwrap() % bound
    }

    fn is(&mut self, one_in: usize) -> bool {
        self.below(one_in) == 0
    }
}

/// A stage: what it reads, what is put before it, and how it treats its text.
#[derive(Clone)]
struct Stage {
    inputs: Vec<String>,
    word: usize,
    /// Keeps only the lines that say `keep`: many changes come out the same.
    coarse: bool,
    staged: bool,
}

/// What a stage asks before it takes part, and which of its inputs it can do without.
#[derive(Clone, Default)]
struct Asks {
    /// The file whose presence keeps it out.
    hold: Option<usize>,
    /// Its first input has to say `keep`.
    keep: bool,
    optional: BTreeSet<String>,
}

impl Asks {
    fn random(dice: &mut Dice, stage: &Stage) -> Asks {
        Asks {
            hold: dice.is(4).then(|| dice.below(2)),
            keep: dice.is(3),
            optional: stage.inputs.iter().filter(|_| dice.is(2)).cloned().collect(),
        }
    }

    /// Returns `when:`, if there is anything to ask.
    fn condition(&self) -> Option<String> {
        let hold = self.hold.map(|file| format!("not exists('hold/{file}')"));
        let keep = self.keep.then(|| "inputs[0] is defined and 'keep' in inputs[0].text".to_owned());
        let all: Vec<String> = hold.into_iter().chain(keep).collect();
        (!all.is_empty()).then(|| all.join(" and "))
    }
}

struct World {
    sources: Vec<String>,
    stages: Vec<Stage>,
    /// One for each stage.
    asks: Vec<Asks>,
    holds: BTreeSet<usize>,
}

impl World {
    fn random(dice: &mut Dice) -> World {
        let sources = (0..1 + dice.below(3)).map(|_| line(dice)).collect::<Vec<_>>();
        let mut stages: Vec<Stage> = Vec::new();
        for _ in 0..3 + dice.below(6) {
            let names: Vec<String> = (0..sources.len()).map(source).chain((0..stages.len()).map(output)).collect();
            let mut inputs: BTreeSet<String> = BTreeSet::new();
            for _ in 0..1 + dice.below(3) {
                // Later names are likelier, so that graphs grow deep.
                let place = dice.below(names.len()).max(dice.below(names.len()));
                inputs.insert(names[place].clone());
            }
            let inputs = inputs.into_iter().collect();
            stages.push(Stage { inputs, word: dice.below(3), coarse: dice.is(3), staged: dice.is(2) });
        }
        World { sources, asks: vec![Asks::default(); stages.len()], stages, holds: BTreeSet::new() }
    }

    fn story(&self) -> String {
        let mut text = String::from("storygen: 1\nstages:\n");
        for (index, stage) in self.stages.iter().enumerate() {
            let asks = &self.asks[index];
            let mark = |path: &String| if asks.optional.contains(path) { format!("{path}?") } else { path.clone() };
            let inputs = stage.inputs.iter().map(mark).collect::<Vec<_>>().join(", ");
            let cat = match asks.optional.is_empty() {
                true => format!("cat {}", stage.inputs.join(" ")),
                false => "cat /dev/null ${inputs}".to_owned(),
            };
            let cat = if stage.coarse { format!("{cat} | {{ grep keep || true; }}") } else { cat };
            let to = if stage.staged { "${outputs[0]}".to_owned() } else { output(index) };
            let _ = write!(
                text,
                "  s{index}:\n    inputs: [{inputs}]\n    outputs: {}\n    run: |\n      {cat} > {to}\n      echo {} >> {to}\n",
                output(index),
                stage.word
            );
            if let Some(condition) = asks.condition() {
                let _ = writeln!(text, "    when: \"{condition}\"");
            }
        }
        text
    }

    /// What a build from nothing makes; a stage that takes no part makes nothing.
    fn naive(&self) -> BTreeMap<String, String> {
        let mut files: BTreeMap<String, String> =
            self.sources.iter().enumerate().map(|(index, text)| (source(index), text.clone())).collect();
        for (index, stage) in self.stages.iter().enumerate() {
            let asks = &self.asks[index];
            let lacks = stage.inputs.iter().any(|path| !files.contains_key(path) && !asks.optional.contains(path));
            let held = asks.hold.is_some_and(|hold| self.holds.contains(&hold));
            let refused = asks.keep && !files.get(&stage.inputs[0]).is_some_and(|text| text.contains("keep"));
            if lacks || held || refused {
                continue;
            }
            let read: String = stage.inputs.iter().filter_map(|path| files.get(path)).map(String::as_str).collect();
            let kept = |line: &&str| !stage.coarse || line.contains("keep");
            let mut text: String = read.lines().filter(kept).map(|line| format!("{line}\n")).collect();
            let _ = writeln!(text, "{}", stage.word);
            files.insert(output(index), text);
        }
        files
    }
}

fn source(index: usize) -> String {
    format!("in/{index}")
}

fn output(index: usize) -> String {
    format!("out/{index}")
}

fn line(dice: &mut Dice) -> String {
    format!("{} {}\n", ["keep", "drop"][dice.below(2)], dice.below(3))
}

/// Changes the world and the repo in one way; nothing that a person would be asked about.
fn step(dice: &mut Dice, world: &mut World, space: &Space) -> String {
    match dice.below(8) {
        0..=2 => {
            let index = dice.below(world.sources.len());
            world.sources[index] = line(dice);
            space.file(&source(index), &world.sources[index]);
            format!("write {}", source(index))
        }
        3 => {
            let index = dice.below(world.stages.len());
            world.stages[index].word = dice.below(3);
            format!("another word in s{index}")
        }
        4 if space.has("out") => {
            space.remove("out");
            "delete out/".to_owned()
        }
        5 | 4 => {
            let index = dice.below(world.stages.len());
            if space.has(&output(index)) {
                space.remove(&output(index));
            }
            format!("delete {}", output(index))
        }
        6 if space.has("Storyfile.lock") && dice.is(2) => {
            space.remove("Storyfile.lock");
            // Without the state nothing would say whose the outputs are.
            if !space.has(".storygen") && space.has("out") {
                space.remove("out");
            }
            "delete the lock".to_owned()
        }
        6 if space.has(".storygen") => {
            space.remove(".storygen");
            // Without the lock nothing would say whose the outputs are.
            if !space.has("Storyfile.lock") && space.has("out") {
                space.remove("out");
            }
            "delete .storygen/".to_owned()
        }
        _ => {
            let index = dice.below(world.stages.len());
            world.stages[index].coarse ^= true;
            format!("s{index} becomes coarse, or fine")
        }
    }
}

/// Whether the stages have conditions.
#[derive(Clone, Copy, PartialEq)]
enum Conditions {
    None,
    Some,
}

fn check(seed: u64, conditions: Conditions) {
    let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let mut world = World::random(&mut dice);
    // Dice of their own, so that a seed is the same graph with and without.
    let mut asking = Dice(seed.wrapping_mul(0xD1B5_4A32_D192_ED03) | 1);
    if conditions == Conditions::Some {
        world.asks = world.stages.iter().map(|stage| Asks::random(&mut asking, stage)).collect();
    }
    let space = Space::new();
    world.sources.iter().enumerate().for_each(|(index, text)| drop(space.file(&source(index), text)));
    let mut history = vec!["first build".to_owned()];
    for round in 0..STEPS {
        space.file("Storyfile.yaml", &world.story());
        let plan = space.plan(&[]);
        let jobs = format!("-j{}", 1 + dice.below(4));
        let run = space.build_with(&[&jobs]);
        let told = format!("seed {seed}, {history:?}\nplan {plan:?}\n{}{}", world.story(), run.err);
        assert_eq!(run.code, Some(0), "{told}");
        for id in run.started() {
            assert!(matches!(plan[&id].as_str(), "run" | "maybe"), "`{id}` ran\n{told}");
        }
        for id in run.with("done").iter().chain(&run.with("restored")) {
            assert_ne!(plan[id], "fresh", "`{id}`\n{told}");
        }
        for id in plan.keys().filter(|id| plan[*id] == "run") {
            // Another stage may have made the very same bytes by then.
            let made = run.started().contains(id) || run.with("restored").contains(id);
            assert!(made, "`{id}` did not run\n{told}");
        }
        let unneeded = run.with("unneeded");
        let made = world.naive();
        let skipped = (0..world.stages.len()).filter(|&index| !made.contains_key(&output(index)));
        assert_eq!(run.with("skipped"), skipped.map(|index| format!("s{index}")).collect(), "{told}");
        for id in plan.keys().filter(|id| plan[*id] == "skipped") {
            assert!(run.with("skipped").contains(id), "`{id}` was to be skipped\n{told}");
        }
        for (path, text) in made {
            let index = path.strip_prefix("out/").map(|index| format!("s{index}"));
            if index.is_some_and(|id| unneeded.contains(&id)) && !space.has(&path) {
                continue;
            }
            assert_eq!(space.read(&path), text, "`{path}`\n{told}");
        }
        // What nobody needed may be put back by now, if another stage has made the very same bytes.
        space.build().ran_nothing();
        if round + 1 < STEPS {
            for _ in 0..1 + dice.below(2) {
                history.push(step(&mut dice, &mut world, &space));
            }
            if conditions == Conditions::Some && asking.is(2) {
                let hold = asking.below(2);
                let file = format!("hold/{hold}");
                if world.holds.remove(&hold) {
                    space.remove(&file);
                } else {
                    world.holds.insert(hold);
                    space.file(&file, "");
                }
                history.push(format!("{file} comes or goes"));
            }
            history.push("build".to_owned());
        }
    }
}

#[test]
fn every_history_ends_where_a_build_from_nothing_does() {
    SEEDS.chain(FAILED_ONCE).for_each(|seed| check(seed, Conditions::None));
}

#[test]
fn so_does_every_history_of_stages_that_take_part_or_not() {
    SEEDS.chain(ASKED_ONCE).for_each(|seed| check(seed, Conditions::Some));
}
