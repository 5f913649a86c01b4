//! Commands that leave processes behind, detached by every means: none outlives the attempt that started it.

use crate::space::Space;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::Command;

/// A shell function that leaves a process behind and returns once it has said which; `how` detaches it.
fn leave(how: &str, name: &str) -> String {
    format!(
        "({how} sh -c 'echo $$ > NOTES/{name}.new; mv NOTES/{name}.new NOTES/{name}; exec sleep 7773' > NOTES/null 2>&1 &)\n\
         while [ ! -e NOTES/{name} ]; do sleep 0.01; done\n"
    )
}

fn story(commands: &[(&str, String)]) -> Space {
    Space::new().story(&stages(commands))
}

fn stages(commands: &[(&str, String)]) -> String {
    let stages = commands.iter().map(|(name, text)| {
        let text = text.lines().map(|line| format!("      {line}\n")).collect::<String>();
        format!("  {name}:\n    outputs: {name}\n    run: |\n{text}")
    });
    format!("stages:\n{}", stages.collect::<String>())
}

/// Whether the process that left this note is there; one that ended and was not waited for is not.
fn lives(space: &Space, note: &str) -> bool {
    let process = fs::read_to_string(space.note(note)).unwrap_or_default();
    let stat = fs::read_to_string(format!("/proc/{}/stat", process.trim())).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

#[test]
fn a_process_that_went_away_from_its_command_ends_with_it() {
    for how in ["", "setsid", "setsid nohup", "env -i PATH=\"$PATH\" setsid", "setsid setsid -f"] {
        let space = story(&[("a", format!("{}echo done > a\n", leave(how, "stray")))]);
        space.build().ran(["a"]);
        assert!(!lives(&space, "stray"), "{how}");
    }
}

#[test]
fn a_process_that_would_not_be_asked_is_killed() {
    let stubborn = "(setsid sh -c 'trap \"\" TERM; echo $$ > NOTES/stray; while :; do sleep 1; done' &)\n\
                    while [ ! -s NOTES/stray ]; do sleep 0.01; done\necho done > a\n";
    let space = story(&[("a", stubborn.to_owned())]);
    space.build().ran(["a"]);
    assert!(!lives(&space, "stray"));
}

#[test]
fn a_failed_and_a_timed_out_command_leave_nothing_either() {
    let space = story(&[("a", format!("{}false\n", leave("setsid", "stray")))]);
    space.build().exit(1);
    assert!(!lives(&space, "stray"));
    let space = story(&[("a", format!("{}sleep 7773\n", leave("setsid", "stray")))]);
    let text = space.read("Storyfile.yaml").replace("outputs:", "timeout: 500ms\n    outputs:");
    space.file("Storyfile.yaml", &text).build().exit(1).ended_as("a", "timed-out");
    assert!(!lives(&space, "stray"));
}

#[test]
fn what_another_stage_needs_is_left_to_it() {
    let helped = format!(
        "{}while [ ! -e a ]; do sleep 0.01; done\nkill -0 $(cat NOTES/helper)\necho still there > b\n",
        leave("setsid", "helper")
    );
    let quick =
        format!("while [ ! -e NOTES/helper ]; do sleep 0.01; done\n{}echo done > a\n", leave("setsid", "stray"));
    let space = story(&[("a", quick), ("b", helped)]);
    space.build_with(&["-j2"]).ran(["a", "b"]);
    assert!(!lives(&space, "stray") && !lives(&space, "helper"));
}

#[test]
fn a_child_that_the_build_was_born_with_is_not_touched() {
    let space = story(&[("a", format!("{}echo done > a\n", leave("setsid", "stray")))]);
    let mut shell = Command::new("sh");
    let program = space.command(&["build"]);
    // The orphan of a child that was there before is handed to the build as well.
    let script = "(sleep 0.1; sleep 7774 & echo $! > \"$NOTE/orphan\") >\"$NOTE/null\" 2>&1 &\n\
                  sleep 7774 >\"$NOTE/null\" 2>&1 & echo $! > \"$NOTE/mine\"; exec \"$0\" build";
    shell.arg("-c").arg(script).arg(program.get_program()).current_dir(space.root()).env("NOTE", space.note(""));
    let run = space.finish(shell);
    run.exit(0);
    assert!(!lives(&space, "stray"));
    while !space.note("orphan").exists() {
        std::thread::yield_now();
    }
    for note in ["mine", "orphan"] {
        let process = fs::read_to_string(space.note(note)).unwrap();
        assert!(Command::new("kill").arg(process.trim()).status().unwrap().success(), "`{note}` was ended");
    }
}

#[test]
fn a_kill_of_the_build_ends_what_went_away_from_its_commands() {
    let space = Space::new().fifo("alive").story(
        "
        stages:
          a:
            outputs: a
            run: |
              exec 9> NOTES/alive
              (setsid sh -c 'sleep 7773; echo survived >&9' &)
              setsid sh -c 'echo ready >&9; sleep 7773; echo survived >&9'
        ",
    );
    let mut child = space.spawn(&["build"]);
    let mut alive = BufReader::new(fs::File::open(space.note("alive")).unwrap());
    let mut line = String::new();
    alive.read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    child.kill().unwrap();
    child.wait().unwrap();
    // The pipe ends when nobody holds it any more.
    let mut rest = String::new();
    alive.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "");
}

#[test]
fn what_a_killed_build_in_a_command_leaves_ends_with_the_command() {
    let program = Space::new().command(&[]).get_program().to_owned().into_string().unwrap();
    let outer = format!(
        "\"{program}\" -C inner build &\nbuild=$!\nwhile [ ! -e NOTES/stray ]; do sleep 0.01; done\n\
         kill -KILL $build\necho done > a\n"
    );
    let space = story(&[("b", format!("{}sleep 7773\n", leave("setsid", "stray")))]);
    let inner = space.read("Storyfile.yaml");
    space.file("inner/Storyfile.yaml", &inner).story(&stages(&[("a", outer)])).build().ran(["a"]);
    assert!(!lives(&space, "stray"));
}
