//! Random graphs under random edits and deletions, held against a builder that knows nothing of being quick.
//!
//! After each step the outputs must be what a build from nothing would make, and the build must have kept the law of
//! plans: what ran is among what the plan said would or might run; what it called fresh or to be restored did not.

use crate::space::Space;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// Seeds that failed once stay here for ever.
const FAILED_ONCE: [u64; 1] = [125];
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

struct World {
    sources: Vec<String>,
    stages: Vec<Stage>,
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
        World { sources, stages }
    }

    fn story(&self) -> String {
        let mut text = String::from("storygen: 1\nstages:\n");
        for (index, stage) in self.stages.iter().enumerate() {
            let inputs = stage.inputs.join(", ");
            let cat = format!("cat {}", stage.inputs.join(" "));
            let cat = if stage.coarse { format!("{cat} | {{ grep keep || true; }}") } else { cat };
            let to = if stage.staged { "${outputs[0]}".to_owned() } else { output(index) };
            let _ = write!(
                text,
                "  s{index}:\n    inputs: [{inputs}]\n    outputs: {}\n    run: |\n      {cat} > {to}\n      echo {} >> {to}\n",
                output(index),
                stage.word
            );
        }
        text
    }

    /// What a build from nothing makes.
    fn naive(&self) -> BTreeMap<String, String> {
        let mut files: BTreeMap<String, String> =
            self.sources.iter().enumerate().map(|(index, text)| (source(index), text.clone())).collect();
        for (index, stage) in self.stages.iter().enumerate() {
            let read: String = stage.inputs.iter().map(|path| files[path].as_str()).collect();
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

fn check(seed: u64) {
    let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let mut world = World::random(&mut dice);
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
        for (path, text) in world.naive() {
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
            history.push("build".to_owned());
        }
    }
}

#[test]
fn every_history_ends_where_a_build_from_nothing_does() {
    SEEDS.chain(FAILED_ONCE).for_each(check);
}
