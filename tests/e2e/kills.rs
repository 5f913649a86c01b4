//! A build that was killed is taken up by the next one as if nothing had been.

use crate::space::Space;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::process::Child;

/// Three stages, each of which writes half of its output in place, says so and blocks while the note `hold` names it.
fn chain() -> Space {
    let stage = |name: &str, input: &str| {
        format!(
            "
              {name}:
                inputs: {input}
                outputs: [dist/{name}.txt, dist/{name}.two]
                run: |
                  echo ran >> NOTES/{name}
                  head -c 3 {input} > dist/{name}.txt
                  if grep -qs {name} NOTES/hold; then echo > NOTES/half; cat NOTES/never; fi
                  cat {input} > dist/{name}.txt
                  echo {name} >> dist/{name}.txt
                  cp dist/{name}.txt dist/{name}.two"
        )
    };
    let stages = [stage("a", "in.txt"), stage("b", "dist/a.txt"), stage("c", "dist/b.txt")].concat();
    Space::new().story(&format!("\n            stages:{stages}")).file("in.txt", "a story\n").fifo("half").fifo("never")
}

/// Builds until the command of `stage` has written half, and kills the build.
fn killed_in(space: &Space, stage: &str) {
    std::fs::write(space.note("hold"), stage).unwrap();
    let mut child = space.spawn(&["build"]);
    std::fs::read(space.note("half")).unwrap();
    kill(&mut child);
    std::fs::remove_file(space.note("hold")).unwrap();
}

fn kill(child: &mut Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

/// All that a build is to leave: the outputs, and the lock without the keys, which know where the notes lie.
fn outcome(space: &Space) -> BTreeMap<String, String> {
    let mut tree = space.tree();
    tree.remove("Storyfile.yaml");
    let lock = tree.get_mut("Storyfile.lock").unwrap();
    let keyless = |line: &str| line.split(",\"take\"").last().unwrap().to_owned();
    *lock = lock.lines().map(keyless).collect();
    tree
}

#[test]
fn a_build_killed_in_any_stage_ends_as_if_it_had_not_been() {
    let whole = chain();
    whole.build().ran(["a", "b", "c"]);
    for (stage, finished) in [("a", &[][..]), ("b", &["a"]), ("c", &["a", "b"])] {
        let space = chain();
        killed_in(&space, stage);
        assert_eq!(space.read(&format!("dist/{stage}.txt")).len(), 3, "half is written in place");
        let run = space.build().exit(0);
        assert_eq!(outcome(&space), outcome(&whole), "killed in `{stage}`");
        for name in finished {
            assert_eq!(space.noted(name), 1, "`{name}` was finished");
        }
        assert!(run.with("waiting").is_empty());
        space.build().is_up_to_date();
    }
}

#[test]
fn half_an_output_over_an_older_one_is_neither_a_result_nor_an_edit() {
    for stage in ["a", "b", "c"] {
        let space = chain();
        space.build().ran(["a", "b", "c"]);
        space.file("in.txt", "another story\n");
        killed_in(&space, stage);
        let run = space.build().exit(0);
        assert!(run.with("waiting").is_empty(), "{}", run.err);
        assert_eq!(space.read("dist/c.two"), "another story\na\nb\nc\n");
        // Going back finds the old results, all of them.
        space.file("in.txt", "a story\n").build().ran_nothing().holds("dist/c.two", "a story\na\nb\nc\n");
    }
}

#[test]
fn what_stood_before_comes_back_when_the_input_does() {
    let space = chain();
    space.build().ran(["a", "b", "c"]);
    space.file("in.txt", "another story\n");
    killed_in(&space, "a");
    space.file("in.txt", "a story\n").build().ran_nothing().holds("dist/a.txt", "a story\na\n");
}

#[test]
fn an_edit_made_before_the_kill_survives_it() {
    let space = chain();
    space.build().ran(["a", "b", "c"]);
    space.file("dist/a.txt", "mine\n");
    killed_in(&space, "b");
    space.build().ran(["b", "c"]).holds("dist/a.txt", "mine\n").holds("dist/c.two", "mine\nb\nc\n");
}

#[test]
fn a_build_killed_twice_is_taken_up_all_the_same() {
    let space = chain();
    killed_in(&space, "b");
    killed_in(&space, "b");
    killed_in(&space, "c");
    space.build().ran(["c"]).holds("dist/c.two", "a story\na\nb\nc\n");
    assert_eq!((space.noted("a"), space.noted("b"), space.noted("c")), (1, 3, 2));
}

#[test]
fn a_killed_command_that_left_no_content_wedges_nothing() {
    let hold =
        "if [ -e NOTES/hold ]; then mkfifo out/pipe; ln -s loop out/loop; echo > NOTES/half; cat NOTES/never; fi";
    let story = format!("stages: {{ a: {{ outputs: out/, run: 'echo x > out/x; {hold}' }} }}");
    let space = Space::new().fifo("half").fifo("never").story(&story);
    killed_in(&space, "a");
    assert!(space.has("out/pipe"));
    space.build().ran(["a"]).holds("out/x", "x\n");
    assert!(!space.has("out/pipe"));
}

#[test]
fn commands_that_only_look_work_after_a_kill_and_write_nothing() {
    let space = chain();
    killed_in(&space, "b");
    let state = space.state_files();
    for verb in [&["status"][..], &["build", "-n"], &["why", "b"], &["log", "a"]] {
        space.run(verb).exit(0);
    }
    assert_eq!(space.state_files(), state);
    space.build().ran(["b", "c"]);
}

#[test]
fn accept_after_a_kill_does_not_take_what_is_torn() {
    let space = chain();
    space.build().ran(["a", "b", "c"]);
    space.file("in.txt", "another story\n");
    killed_in(&space, "a");
    // Those who only look see what the next build will find, not what is torn.
    let status = space.run(&["status", "a"]).exit(0);
    assert!(!status.out.contains("edit"), "{}", status.out);
    space.run(&["clean", "-n"]).exit(0).says_not("kept");
    // What stood when the person looked is not what stands now.
    space.run(&["accept", "a"]).exit(3).says("rolled back").holds("dist/a.txt", "a story\na\n");
    space.run(&["accept", "a"]).exit(0).holds("dist/a.txt", "a story\na\n");
}

#[test]
fn a_kill_of_the_build_ends_its_commands() {
    let space = Space::new().fifo("alive").story(
        "
        stages:
          a:
            outputs: a
            run: |
              exec 9> NOTES/alive
              (sleep 30; echo survived >&9) &
              echo ready >&9
              sleep 30
              echo survived >&9
        ",
    );
    let mut child = space.spawn(&["build"]);
    let mut alive = BufReader::new(std::fs::File::open(space.note("alive")).unwrap());
    let mut line = String::new();
    alive.read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    kill(&mut child);
    // The pipe ends when nobody holds it any more.
    let mut rest = String::new();
    alive.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "");
}
