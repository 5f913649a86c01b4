//! Many builds of one repo at once: each stage is made by one of them, once.

use crate::repo::{Repo, built};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::process::Stdio;

const BUILDS: usize = 16;
const STAGES: usize = 20;

fn cold() -> Repo {
    let mut story = "storygen: 1\nstages:\n".to_owned();
    for stage in 0..STAGES {
        // Some stand alone, some follow another.
        let input = if stage % 3 == 2 { format!("out/{}.txt", stage - 1) } else { "notes.txt".to_owned() };
        write!(
            story,
            "  s{stage}:\n    inputs: {input}\n    outputs: out/{stage}.txt\n    pass: [RUNS]\n    run: |\n      \
             echo s{stage} >> \"$RUNS\"\n      cat ${{inputs[0]}} > ${{outputs[0]}}\n      echo {stage} >> ${{outputs[0]}}\n"
        )
        .unwrap();
    }
    Repo::new(&[("Storyfile.yaml", &story), ("notes.txt", "the last bus\n")])
}

#[test]
fn builds_at_once_make_each_stage_once() {
    let rounds = if crate::soak() { 50 } else { 10 };
    let before = cold();
    let gold = before.fork().built().tree();
    for round in 0..rounds {
        let repo = before.fork();
        let start = |_| {
            let mut command = repo.command(&[], &["build", "-j2"]);
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        };
        let builds: Vec<_> = (0..BUILDS).map(start).collect();
        for build in builds {
            let built = built(build.wait_with_output().unwrap());
            assert_eq!(built.exit, Some(0), "round {round}: {}", built.said);
        }
        let mut counts = BTreeMap::new();
        repo.runs().into_iter().for_each(|stage| *counts.entry(stage).or_insert(0) += 1);
        assert_eq!(counts.len(), STAGES, "round {round}");
        assert!(counts.values().all(|&count| count == 1), "round {round}: {counts:?}");
        assert_eq!(repo.fault(&gold), None, "round {round}");
    }
}
