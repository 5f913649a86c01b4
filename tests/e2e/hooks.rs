//! `hooks:`: commands are told what happens, and change nothing by it.

use crate::space::Space;
use serde_json::Value;
use std::fs;
use std::io::Read;
use std::process::Command;

/// A hook that notes what it is told: a line of words, and the event.
const NOTE: &str =
    "echo $STORYGEN_EVENT $STORYGEN_STAGE $STORYGEN_OUTCOME $STORYGEN_EXIT >> NOTES/told; cat >> NOTES/stdin";

fn told(space: &Space) -> Vec<String> {
    let text = fs::read_to_string(space.note("told")).unwrap_or_default();
    let mut lines: Vec<String> = text.lines().map(|line| line.trim_end().to_owned()).collect();
    fs::remove_file(space.note("told")).ok();
    // Stages run side by side; the run's own hooks are first and last.
    let inner = if lines.len() > 2 { 1..lines.len() - 1 } else { 0..0 };
    lines[inner].sort();
    lines
}

fn all(stages: &str) -> Space {
    let hooks = ["run_start", "run_finish", "stage_start", "stage_complete", "stage_error", "stage_skip"]
        .map(|hook| format!("  {hook}: '{NOTE}'\n"))
        .concat();
    Space::new().story(&format!("params: {{ v: false }}\nhooks:\n{hooks}{stages}"))
}

#[test]
fn each_moment_has_its_hook_and_the_event_on_standard_input() {
    let space = all("stages:
  a: { outputs: a.txt, run: touch a.txt }
  b: { inputs: a.txt, run: exit 3 }
  c: { when: params.v, inputs: a.txt, run: exit 3 }
");
    let run = space.build_with(&["-k"]).exit(1);
    let mut command = space.command(&["log", "run_finish"]);
    assert_eq!(
        told(&space),
        [
            "run_start",
            "stage_complete a done",
            "stage_error b failed",
            "stage_skip c skipped",
            "stage_start a",
            "stage_start b",
            "run_finish failed 1",
        ]
    );
    let events = fs::read_to_string(space.note("stdin")).unwrap();
    let mut heard: Vec<String> = events
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["event"].as_str().unwrap().to_owned())
        .collect();
    heard.sort();
    let three = ["action-finished", "action-finished", "action-finished", "action-started", "action-started"];
    assert_eq!(heard, [&three[..], &["run-finished", "run-started"]].concat());
    run.says_not("hook `");
    command.env("LANG", "C");
    space.finish(command).exit(0).says("hook run_finish done");
}

#[test]
fn what_is_fresh_calls_no_hook_of_a_stage_and_the_run_calls_its_own() {
    let space = all("stages: { a: { outputs: a.txt, run: touch a.txt } }");
    space.build().ran(["a"]);
    told(&space);
    for _ in 0..3 {
        space.run(&["build"]).exit(0).says("everything is up to date (1 stage)");
        assert_eq!(told(&space), ["run_start", "run_finish done 0"]);
    }
    space.run(&["build", "--dry-run"]).exit(0);
    space.run(&["status"]).exit(0);
    assert_eq!(told(&space), Vec::<String>::new());
}

#[test]
fn hooks_of_stages_alone_leave_a_null_build_quiet() {
    let space = Space::new().story(
        "
        hooks: { stage_complete: 'echo x >> NOTES/told' }
        stages: { a: { outputs: a.txt, run: touch a.txt } }
        ",
    );
    space.build().ran(["a"]);
    space.settled();
    let runs = space.state_files();
    space.run(&["build"]).exit(0).says("up to date");
    assert_eq!((space.noted("told"), space.state_files()), (1, runs));
}

#[test]
fn a_stage_that_is_skipped_is_told_of_in_every_build() {
    let space = Space::new().story(
        "
        hooks: { stage_skip: 'echo $STORYGEN_STAGE >> NOTES/told' }
        stages: { a: { when: false, outputs: a.txt, run: touch a.txt } }
        ",
    );
    for count in 1..=3 {
        space.run(&["build"]).exit(0);
        assert_eq!(space.noted("told"), count);
    }
}

#[test]
fn the_stages_own_hook_stands_for_the_default_and_the_files_is_called_too() {
    let space = Space::new().story(
        "
        hooks: { stage_complete: 'echo file $STORYGEN_STAGE >> NOTES/told' }
        defaults: { hooks: { stage_complete: 'echo default $STORYGEN_STAGE >> NOTES/told' } }
        stages:
          a: { outputs: a.txt, run: touch a.txt }
          b:
            foreach: { lang: [en, ru] }
            outputs: ${lang}.txt
            run: touch ${outputs[0]}
            hooks: { stage_complete: 'echo own ${lang} ${stage.id} >> NOTES/told' }
          c: { outputs: c.txt, run: touch c.txt, hooks: { stage_complete: } }
        ",
    );
    space.build().exit(0);
    let mut lines: Vec<String> = fs::read_to_string(space.note("told")).unwrap().lines().map(str::to_owned).collect();
    lines.sort();
    assert_eq!(lines, ["default a", "file a", "file b:en", "file b:ru", "file c", "own en b:en", "own ru b:ru"]);
}

#[test]
fn a_hook_that_fails_is_a_warning() {
    let space = Space::new().story(
        "
        hooks:
          run_start: echo started >&2; exit 4
          run_finish: ./nowhere
          stage_start: [nosuchprogram]
          stage_complete: { run: sleep 100, timeout: 50ms }
        stages: { a: { outputs: a.txt, run: touch a.txt } }
        ",
    );
    let run = space.build().ran(["a"]);
    run.says("hook `run_start` failed: exit status 4").says("    started");
    run.says("hook `run_finish` failed: `./nowhere` cannot be started");
    run.says("hook `stage_start` failed: `nosuchprogram` was not found");
    run.says("hook `stage_complete` failed: ran longer than its timeout of 50ms");
    assert_eq!(run.out, "");
}

#[test]
fn without_its_required_start_a_build_does_not_start() {
    let story = "
        hooks:
          run_start: { run: exit 1, required: true }
          run_finish: 'echo $STORYGEN_OUTCOME >> NOTES/told'
        stages: { a: { outputs: a.txt, run: touch a.txt } }
        ";
    let run = Space::new().story(story).build().exit(1).ended_as("a", "not-started");
    run.says("hook `run_start` failed: exit status 1");
    assert!(!run.has("a.txt"));
    assert_eq!(fs::read_to_string(run.note("told")).unwrap(), "failed\n");
}

#[test]
fn without_its_required_start_a_stage_fails() {
    let space = Space::new().story(
        "
        stages:
          a: { outputs: a.txt, run: touch a.txt, hooks: { stage_start: { run: 'false', required: true } } }
          b: { inputs: a.txt, outputs: b.txt, run: touch b.txt }
        ",
    );
    let run = space.build().exit(1).ended_as("a", "failed").ended_as("b", "blocked");
    run.says("its hook `stage_start` failed: exit status 1");
    assert!(!space.has("a.txt"));
}

#[test]
fn a_required_hook_at_the_end_fails_the_build_and_keeps_what_was_made() {
    for hook in ["run_finish", "stage_complete"] {
        let space = Space::new().story(&format!(
            "
        hooks: {{ {hook}: {{ run: 'exit 7', required: true }} }}
        stages: {{ a: {{ outputs: a.txt, run: touch a.txt }} }}
        "
        ));
        space.build().exit(1).ended_as("a", "done").says(&format!("hook `{hook}` failed: exit status 7"));
        assert!(space.has("a.txt") && space.has("Storyfile.lock"));
    }
}

#[test]
fn the_lock_is_written_when_run_finish_is_called() {
    let space = Space::new().story(
        "
        hooks: { run_finish: cp Storyfile.lock NOTES/lock }
        stages: { a: { outputs: a.txt, run: touch a.txt } }
        ",
    );
    space.build().exit(0);
    assert_eq!(fs::read_to_string(space.note("lock")).unwrap(), space.read("Storyfile.lock"));
}

#[test]
fn a_hook_sees_what_commands_see_and_no_more() {
    let space = Space::new().story(
        "
        env: { SITE: local }
        pass: [HUB_TOKEN]
        hooks:
          run_start: env > NOTES/env
        stages: { a: { outputs: a.txt, run: touch a.txt } }
        ",
    );
    let mut command = space.command(&["build"]);
    command.env("HUB_TOKEN", "s3cret").env("OTHER", "x");
    space.finish(command).exit(0);
    let env = fs::read_to_string(space.note("env")).unwrap();
    for line in ["SITE=local", "HUB_TOKEN=s3cret", "STORYGEN_EVENT=run_start"] {
        assert!(env.lines().any(|found| found == line), "{line}: {env}");
    }
    assert!(env.contains(&format!("STORYGEN_ROOT={}", space.root().canonicalize().unwrap().display())), "{env}");
    assert!(!env.contains("OTHER"), "{env}");
    for file in space.state_files() {
        let bytes = fs::read(space.path(".storygen").join(file)).unwrap();
        assert!(!String::from_utf8_lossy(&bytes).contains("s3cret"));
    }
}

#[test]
fn a_hook_is_no_part_of_a_key() {
    let story = |hook: &str| {
        format!(
            "\n        hooks: {{ stage_start: {hook} }}\n        stages: {{ a: {{ outputs: a.txt, run: touch a.txt, hooks: {{ stage_complete: {hook} }} }} }}\n"
        )
    };
    let space = Space::new().story(&story("'true'"));
    space.build().ran(["a"]);
    space.story(&story("echo other")).build().is_up_to_date();
}

#[test]
fn an_interrupted_build_asks_its_hooks_to_end_and_tells_its_end() {
    let space = Space::new().fifo("up").story(
        "
        hooks:
          stage_complete: 'trap \"echo ended > NOTES/ended; exit 0\" TERM; echo up > NOTES/up; sleep 100 & wait'
          run_finish: 'echo $STORYGEN_OUTCOME $STORYGEN_EXIT > NOTES/told'
        stages: { a: { outputs: a.txt, run: touch a.txt } }
        ",
    );
    let child = space.spawn(&["build"]);
    let mut up = String::new();
    fs::File::open(space.note("up")).unwrap().read_to_string(&mut up).unwrap();
    assert!(Command::new("kill").arg("-INT").arg(child.id().to_string()).status().unwrap().success());
    let run = space.ended(&child.wait_with_output().unwrap()).exit(130);
    assert_eq!(fs::read_to_string(run.note("told")).unwrap(), "cancelled 130\n");
    assert_eq!(fs::read_to_string(run.note("ended")).unwrap(), "ended\n");
    assert!(space.has("a.txt"));
}

#[test]
fn a_build_that_is_killed_takes_its_hook_along() {
    let space = Space::new().fifo("up").fifo("gone").story(
        "
        hooks: { stage_complete: 'echo up > NOTES/up; exec 3> NOTES/gone; sleep 1000' }
        stages: { a: { outputs: a.txt, run: touch a.txt } }
        ",
    );
    let mut child = space.spawn(&["build"]);
    fs::read(space.note("up")).unwrap();
    let mut gone = fs::File::open(space.note("gone")).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    // Ends once nobody holds the pipe open any more.
    gone.read_to_end(&mut Vec::new()).unwrap();
    space.story("stages: { a: { outputs: a.txt, run: touch a.txt } }").build().exit(0);
}

#[test]
fn with_keep_going_all_is_made_though_a_required_hook_failed() {
    let space = Space::new().story(
        "
        hooks: { stage_complete: { run: 'false', required: true } }
        stages:
          a: { outputs: a.txt, run: touch a.txt }
          b: { inputs: a.txt, outputs: b.txt, run: cat a.txt > b.txt }
          c: { inputs: b.txt, outputs: c.txt, run: touch c.txt }
        ",
    );
    space.build_with(&["-k"]).exit(1).ended_as("c", "done");
    // Nothing runs again for it: the stages are right.
    space.build().is_up_to_date();
}
