//! A person stops a build: it ends soon, with the code that shells expect, and leaves nobody behind.

use crate::space::{Run, Space};
use std::io::{BufRead, BufReader, Read};
use std::process::Command;

/// A command with a child of its own; both hold the pipe `alive` open.
fn long() -> Space {
    Space::new().fifo("alive").story(
        "
        stages:
          a:
            outputs: a
            run: |
              echo half > a
              exec 9> NOTES/alive
              (sleep 30; echo survived >&9) &
              echo ready >&9
              sleep 30
              echo survived >&9
          b: { inputs: a, outputs: b, run: cp a b }
        ",
    )
}

/// Builds, sends `signal` to the build alone once the command is at work, and returns when all that hold the pipe ended.
fn stopped_by(space: &Space, signal: &str) -> Run {
    let child = space.spawn(&["build", "--events", space.note("events.jsonl").to_str().unwrap()]);
    let mut alive = BufReader::new(std::fs::File::open(space.note("alive")).unwrap());
    let mut line = String::new();
    alive.read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    assert!(Command::new("kill").arg(format!("-{signal}")).arg(child.id().to_string()).status().unwrap().success());
    let mut rest = String::new();
    alive.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "", "nobody is left");
    space.ended(&child.wait_with_output().unwrap())
}

#[test]
fn an_interrupted_build_ends_with_130_and_leaves_nobody_behind() {
    let space = long();
    stopped_by(&space, "INT").exit(130).ended_as("a", "cancelled").ended_as("b", "blocked");
    assert!(!space.has("a"), "what was half-written is gone");
}

#[test]
fn a_terminated_build_ends_with_143() {
    stopped_by(&long(), "TERM").exit(143).ended_as("a", "cancelled");
}

#[test]
fn a_build_whose_terminal_went_away_ends_with_129() {
    stopped_by(&long(), "HUP").exit(129).ended_as("a", "cancelled");
}

#[test]
fn what_stood_stands_after_an_interrupt_and_the_next_build_goes_on() {
    let space = long();
    let text = space.read("Storyfile.yaml");
    space.story("stages: { a: { outputs: a, run: 'echo old > a' }, b: { inputs: a, outputs: b, run: cp a b } }");
    space.build().ran(["a", "b"]);
    space.file("Storyfile.yaml", &text);
    stopped_by(&space, "INT").exit(130).holds("a", "old\n").holds("b", "old\n");
    space.story("stages: { a: { outputs: a, run: 'echo old > a' }, b: { inputs: a, outputs: b, run: cp a b } }");
    space.build().is_up_to_date();
}

/// A program that holds the pipe open, with a child of its own, when it is asked `word`.
fn long_program(word: &str) -> Space {
    let space = Space::new().fifo("alive").story("stages: { a: { uses: ./tool, outputs: a } }");
    let description = r#"{"type":"description","protocol":1,"version":"1"}"#;
    let alive = space.note("alive").display().to_string();
    let text = format!(
        "#!/bin/sh\nif [ $1 != {word} ]; then echo '{description}'; exit; fi\nexec 9> '{alive}'\n\
         (sleep 30; echo survived >&9) &\necho ready >&9\nsleep 30\necho survived >&9\n"
    );
    space.file("tool", &text).chmod("tool", 0o755)
}

#[test]
fn an_interrupted_program_leaves_nobody_behind_at_work_or_asked() {
    stopped_by(&long_program("perform"), "INT").exit(130).ended_as("a", "cancelled");
    stopped_by(&long_program("describe"), "INT").exit(130);
}
