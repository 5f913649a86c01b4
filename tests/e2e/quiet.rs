//! A build with nothing to do does nothing, and says so.

use crate::space::Space;
use std::fs::File;
use std::process::Command;
use std::time::{Duration, SystemTime};

fn two() -> Space {
    Space::new()
        .story(
            "
            stages:
              a: { inputs: in.txt, outputs: dist/a.txt, run: 'cat ${inputs[0]} > ${outputs[0]}' }
              b: { inputs: dist/a.txt, outputs: dist/b.txt, run: 'cat dist/a.txt > dist/b.txt' }
            ",
        )
        .file("in.txt", "one")
        .build()
        .ran(["a", "b"])
        .space()
}

#[test]
fn the_same_command_again_runs_nothing_and_says_so_in_one_line() {
    two().build().is_up_to_date();
    two().run(&["build"]).exit(0).says("everything is up to date (2 stages)");
}

#[test]
fn touched_files_run_nothing() {
    let space = two();
    for path in ["in.txt", "Storyfile.yaml", "dist/a.txt", "dist/b.txt", "Storyfile.lock"] {
        let later = SystemTime::now() + Duration::from_secs(3600);
        File::open(space.path(path)).unwrap().set_modified(later).unwrap();
    }
    space.build().is_up_to_date();
    space.run(&["build"]).exit(0).says("up to date");
}

#[test]
fn a_comment_in_the_storyfile_runs_nothing() {
    let space = two();
    let text = space.read("Storyfile.yaml");
    let text = format!("# The night bus.\n{}", text.replace("stages:", "stages:   # all of them"));
    space.file("Storyfile.yaml", &text).build().is_up_to_date();
}

#[test]
fn other_quotes_and_another_order_of_keys_run_nothing() {
    let space = two();
    space.story(
        "
        stages:
          b: { run: \"cat dist/a.txt > dist/b.txt\", outputs: ['dist/b.txt'], inputs: ['dist/a.txt'] }
          a: { run: \"cat ${inputs[0]} > ${outputs[0]}\", outputs: 'dist/a.txt', inputs: 'in.txt', description: new }
        ",
    );
    space.build().is_up_to_date();
}

#[test]
fn a_null_build_writes_nothing() {
    let space = two().settled();
    let (state, tree) = (space.state_stats(), space.tree());
    space.run(&["build"]).exit(0).says("up to date");
    assert_eq!(space.state_stats(), state);
    assert_eq!(space.tree(), tree);
}

#[test]
fn commands_that_only_look_write_nothing() {
    let space = two().settled();
    space.file("in.txt", "two");
    let (state, tree) = (space.state_stats(), space.tree());
    for verb in [&["status"][..], &["why", "a"], &["build", "-n"], &["graph"], &["validate"], &["log", "a"]] {
        space.run(verb).exit(0);
        assert_eq!(space.state_stats(), state, "{verb:?}");
        assert_eq!(space.tree(), tree, "{verb:?}");
    }
}

#[test]
fn a_null_build_starts_no_process() {
    let space = two().settled();
    let trace = space.note("trace");
    if Command::new("strace").arg("-V").output().is_err() {
        eprintln!("skipped: there is no strace here");
        return;
    }
    let plain = space.command(&["build"]);
    let mut command = Command::new("strace");
    command.args(["-f", "-e", "trace=execve,clone,clone3,fork,vfork", "-o"]).arg(&trace);
    command.arg(plain.get_program()).args(plain.get_args()).current_dir(space.root());
    assert!(command.output().unwrap().status.success());
    let calls = std::fs::read_to_string(trace).unwrap();
    let calls: Vec<&str> = calls.lines().filter(|line| line.contains('(')).collect();
    assert_eq!(calls.len(), 1, "only the program itself starts: {calls:#?}");
}

#[test]
fn events_are_written_also_where_nothing_is_to_be_done() {
    assert!(two().build().is_up_to_date().has_events());
    assert!(two().settled().build().is_up_to_date().has_events());
}

#[test]
fn what_changed_while_a_build_ran_is_seen_by_the_next() {
    let space = Space::new()
        .story(
            "
            stages:
              a: { inputs: in.txt, outputs: a.txt, run: 'cp ${inputs[0]} ${outputs[0]}' }
              b: { inputs: b.txt, after: a, run: 'cp b.txt in.txt' }
            ",
        )
        .file("in.txt", "one")
        .file("b.txt", "one")
        .settled();
    space.file("b.txt", "two");
    // Long enough for its stat to be proof: nothing but `in.txt` keeps the next build from being quiet.
    std::thread::sleep(Duration::from_millis(50));
    space.run(&["build"]).exit(0).holds("a.txt", "one");
    space.run(&["build"]).exit(0).holds("a.txt", "two");
}
