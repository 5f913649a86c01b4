//! What goes to standard output: whole, as JSON where that was asked for, and never lost in silence.

use crate::space::Space;
use serde_json::Value;
use std::fs::OpenOptions;
use std::process::Stdio;

fn built() -> Space {
    let story = "stages: { a: { inputs: in, outputs: out/a, run: 'cat in > out/a' } }";
    Space::new().file("in", "text").story(story).build().ran(["a"]).space()
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

#[test]
fn an_answer_that_cannot_be_written_is_4_and_said() {
    let space = built();
    for verb in [
        &["status"][..],
        &["build", "--json"],
        &["build", "--force", "a", "--events", "-"],
        &["why", "a"],
        &["graph"],
        &["completions", "bash"],
        &["--help"],
    ] {
        let mut command = space.command(verb);
        command.stdout(OpenOptions::new().write(true).open("/dev/full").unwrap());
        let child = command.stderr(Stdio::piped()).spawn().unwrap();
        space.ended(&child.wait_with_output().unwrap()).exit(4).says("failed to write to standard output");
    }
}

#[test]
fn accept_clean_and_log_answer_in_json() {
    let space = built().file("out/a", "mine");
    let told = json(&space.run(&["accept", "a", "--json"]).exit(0).out);
    assert_eq!((&told["version"], &told["actions"][0]["id"]), (&1.into(), &"a".into()));
    assert_eq!(json(&space.run(&["clean", "--json"]).exit(0).out)["kept"][0], "out/a");
    let space = built();
    assert_eq!(json(&space.run(&["clean", "--dry-run", "--json"]).exit(0).out)["removed"][0], "out/a");
    let log = json(&space.run(&["log", "a", "--json"]).exit(0).out);
    assert_eq!((&log["events"][0]["event"], log["run"].is_string()), (&"action-started".into(), true));
    assert_eq!(json(&space.run(&["log", "no", "--json"]).exit(1).out)["events"], Value::Array(Vec::new()));
}

#[test]
fn an_error_is_json_too_where_json_was_asked_for() {
    let space = built();
    let error = |args: &[&str], code: &str, exit: i32| {
        let told = json(&space.run(args).exit(exit).out);
        assert_eq!((&told["version"], &told["exit"]), (&1.into(), &exit.into()), "{told}");
        assert_eq!(told["error"]["code"], code, "{told}");
        assert!(told["error"]["message"].is_string(), "{told}");
        told
    };
    let told = error(&["build", "--json", "A"], "unknown-target", 2);
    assert_eq!(told["error"]["hint"], "Did you mean `a`?");
    error(&["status", "--json", "nothing"], "unknown-target", 2);
    error(&["build", "--json", "--events", "-"], "usage", 2);
    error(&["build", "--json", "--no-such-flag"], "usage", 2);
    space.file("in", "new");
    error(&["build", "--json", "--locked"], "locked", 3);
    space.file("Storyfile.yaml", "storygen: 1\nstages: { a: { run: } }\n");
    let told = error(&["status", "--json"], "faults", 2);
    assert_eq!(told["error"]["faults"].as_array().map(Vec::len), Some(1));
    error(&["-C", "/", "status", "--json"], "no-storyfile", 2);
}

#[test]
fn events_go_to_standard_output_or_into_a_pipe() {
    let space = built();
    let run = space.run(&["build", "--force", "a", "--events", "-"]).exit(0);
    let events: Vec<Value> = run.out.lines().map(json).collect();
    assert_eq!((&events[0]["event"], events[0]["version"].is_number()), (&"run-started".into(), true));
    assert!(!space.has("-"));
    let space = space.fifo("events");
    let child = space.spawn(&["build", "--force", "a", "--events", space.note("events").to_str().unwrap()]);
    let told = std::fs::read_to_string(space.note("events")).unwrap();
    space.ended(&child.wait_with_output().unwrap()).exit(0);
    assert_eq!(json(told.lines().last().unwrap())["event"], "run-finished");
    let run = space.run(&["build", "--force", "a", "--events", "/dev/fd/1"]).exit(0);
    assert_eq!(json(run.out.lines().last().unwrap())["event"], "run-finished");
}

#[test]
fn an_absolute_path_in_the_repo_is_a_target() {
    let space = built();
    let absolute = space.path("out/a").canonicalize().unwrap();
    space.build_with(&[absolute.to_str().unwrap()]).is_up_to_date();
    space.run(&["why", absolute.to_str().unwrap()]).exit(0);
    space.build_with(&["/etc/passwd"]).exit(2).says("no stage or output is called");
    // As the shell calls it, where a symlink leads to the repo.
    let link = space.note("link");
    std::os::unix::fs::symlink(space.root(), &link).unwrap();
    let mut command = space.command(&["build"]);
    command.arg(link.join("out/a")).current_dir(&link).env("PWD", &link);
    space.finish(command).exit(0).says("up to date");
}

#[test]
fn one_file_of_a_list_that_is_gone_is_one_line() {
    let story = "stages: { a: { inputs: 'in/*.md', outputs: a, run: 'cat ${inputs} > a' } }";
    let space = Space::new().story(story);
    (1..=30).for_each(|n| drop(space.file(&format!("in/{n}.md"), &n.to_string())));
    space.build().ran(["a"]);
    let run = space.remove("in/7.md").run(&["why", "a"]).exit(0).says("input `in/7.md` is gone");
    assert_eq!(run.out.matches("in/").count(), 1, "{}", run.out);
    space.build().because("input in/7.md is gone");
}

#[test]
fn a_repo_that_cannot_be_written_can_be_up_to_date() {
    let space = built().settled();
    let root = space.root();
    let mount = |args: &[&str]| {
        std::process::Command::new("mount")
            .args(args)
            .arg(&root)
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|it| it.success())
    };
    if !mount(&["--bind", root.to_str().unwrap()]) || !mount(&["-o", "remount,bind,ro"]) {
        eprintln!("skipped: nothing can be mounted here");
        return;
    }
    // Past the quick look, which needs no lock.
    let runs: Vec<_> =
        [&["build", "a"][..], &["build", "--locked", "a"], &["build", "--json", "a"], &["build", "--force", "a"]]
            .map(|args| space.run(args))
            .to_vec();
    let unmounted = std::process::Command::new("umount").arg("-l").arg(&root).status().unwrap();
    assert!(unmounted.success());
    runs[0].exit(0).says("up to date");
    runs[1].exit(0).says("up to date");
    assert_eq!(json(&runs[2].exit(0).out)["exit"], 0);
    runs[3].exit(4).says("Read-only file system");
}

#[test]
fn a_save_during_the_run_is_called_the_same_by_the_next_command() {
    let run = "cat in > ${outputs[0]}; if grep -q new in; then echo > NOTES/go; cat NOTES/saved; fi";
    let space = Space::new().fifo("go").fifo("saved").file("in", "old");
    space.story(&format!("stages: {{ a: {{ inputs: in, outputs: a, run: '{run}' }} }}")).build().ran(["a"]);
    let child = space.file("in", "new").spawn(&["build"]);
    std::fs::read(space.note("go")).unwrap();
    space.file("a", "saved by a person");
    std::fs::write(space.note("saved"), "").unwrap();
    let during = space.ended(&child.wait_with_output().unwrap()).exit(3).says("holds your edit");
    assert!(!during.err.contains("was not made by storygen"), "{}", during.err);
    space.run(&["build"]).exit(3).says("holds your edit").holds("a", "saved by a person");
}
