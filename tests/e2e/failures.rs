//! What fails leaves the tree as it was, says why, and stops only what depends on it.

use crate::space::Space;

#[test]
fn a_failing_command_leaves_what_stood_and_its_log() {
    let space = Space::new().story(
        "
        stages:
          a:
            inputs: in.txt
            outputs: [dist/a.txt, dist/b.txt]
            run: |
              cat in.txt > dist/a.txt
              echo the disk said no >&2
              grep -q good in.txt
              cat in.txt > dist/b.txt
        ",
    );
    space.file("in.txt", "good").build().ran(["a"]);
    let run = space.file("in.txt", "bad").build().exit(1).ended_as("a", "failed").says("exit status 1");
    run.says("the disk said no").holds("dist/a.txt", "good").holds("dist/b.txt", "good");
    space.run(&["log", "a"]).exit(0).says("the disk said no").says("exit status 1");
    space.build().exit(1).ended_as("a", "failed");
    space.file("in.txt", "good").build().is_up_to_date();
}

#[test]
fn a_first_failure_leaves_nothing() {
    let space = Space::new().story("stages: { a: { outputs: dist/a.txt, run: 'echo half > dist/a.txt; false' } }");
    space.build().exit(1);
    assert!(!space.has("dist/a.txt"));
    space.build().exit(1).ended_as("a", "failed");
}

fn fork() -> Space {
    Space::new().story(
        "
        stages:
          bad: { outputs: bad.txt, run: 'false && echo > bad.txt' }
          reader: { inputs: bad.txt, outputs: reader.txt, run: 'cp bad.txt reader.txt' }
          good: { outputs: good.txt, run: 'echo good > good.txt' }
          more: { inputs: good.txt, outputs: more.txt, run: 'cp good.txt more.txt' }
        ",
    )
}

#[test]
fn after_a_failure_nothing_new_starts() {
    let run = fork().build_with(&["-j1"]).exit(1).ended_as("bad", "failed");
    assert_eq!(run.started().len(), 1);
    assert!(run.with("done").is_empty());
}

#[test]
fn keep_going_does_all_that_does_not_depend_on_the_failure() {
    let run = fork().build_with(&["-k", "-j1"]).exit(1).ended_as("bad", "failed").ended_as("reader", "blocked");
    run.ended_as("good", "done").ended_as("more", "done").says("blocked");
}

#[test]
fn a_tolerated_failure_ends_well_and_blocks_its_readers() {
    let space = fork();
    let text = space.read("Storyfile.yaml").replace("bad: {", "bad: { continue_on_error: true,");
    let run = space.file("Storyfile.yaml", &text).build().exit(0).ended_as("bad", "failed");
    run.ended_as("reader", "blocked").ended_as("more", "done");
}

#[test]
fn a_program_that_is_not_there_is_named() {
    let story = |run: &str| Space::new().story(&format!("stages: {{ a: {{ outputs: a, run: '{run}' }} }}"));
    story("no-such-program a").build().exit(1).says("no-such-program").says("Install");
    story("no-such-program > a").build().exit(1).says("127").says("did not find a program").says("no-such-program");
}

#[test]
fn a_script_that_cannot_be_started_fails_its_stage_with_a_way_out() {
    let space =
        Space::new().story("stages: { a: { outputs: a, run: ./script a } }").file("script", "#!/bin/sh\necho > $1\n");
    space.build().exit(1).ended_as("a", "failed").says("not executable").says("chmod +x ./script");
    let shell =
        Space::new().story("stages: { a: { outputs: a, run: './script > a' } }").file("script", "#!/bin/sh\necho\n");
    shell.build().exit(1).says("126").says("chmod +x");
    space.chmod("script", 0o755).build().ran(["a"]);
    space.file("script", "echo > $1\n").build().exit(1).says("is no program").says("#!/bin/sh");
    space.file("script", "#!/no/such\n").build().exit(1).says("`#!`");
}

#[test]
fn a_variable_that_a_command_was_not_given_is_named_and_its_value_is_not() {
    for run in ["set -u; echo ${MYVAR} > a", "test -n \"$MYVAR\" && echo > a", "cp in.txt $MYVAR"] {
        let space = Space::new().story(&format!("stages: {{ a: {{ outputs: a, run: '{run}' }} }}")).file("in.txt", "");
        let mut command = space.command(&["build"]);
        command.env("MYVAR", "precious");
        let run = space.finish(command).exit(1).says("`MYVAR` is set").says("`pass: [MYVAR]`");
        assert!(!run.err.contains("precious"), "{}", run.err);
        assert!(!space.build().exit(1).err.contains("pass:"), "it is not set");
    }
}

#[test]
fn an_output_that_was_not_written_is_named() {
    let space = Space::new().story("stages: { a: { outputs: [a, b], run: 'echo > a' } }");
    space.build().exit(1).says("`b` was not written");
    assert!(!space.has("a"));
}

#[test]
fn a_folder_made_where_a_file_was_declared_is_an_error_with_a_way_out() {
    let space = Space::new().story("stages: { a: { outputs: out, run: 'mkdir out; echo > out/x' } }");
    space.build().exit(1).says("`out` is a folder").says("`path/`");
    assert!(!space.has("out"));
}

#[test]
fn a_file_made_where_a_folder_was_declared_is_an_error_with_a_way_out() {
    let space = Space::new().story("stages: { a: { outputs: out/, run: 'rmdir out; echo > out' } }");
    space.build().exit(1).says("`out` is a file");
}

#[test]
fn an_output_written_at_both_places_is_an_error() {
    let space = Space::new().story("stages: { a: { outputs: a.txt, run: 'echo 1 > a.txt; echo 2 > ${outputs[0]}' } }");
    space.build().exit(1).says("`a.txt` was written twice");
    assert!(!space.has("a.txt"));
}

#[test]
fn an_output_path_through_a_symlink_that_leads_out_is_refused() {
    let space = Space::new().story("stages: { a: { outputs: way/a.txt, run: 'echo > way/a.txt' } }");
    std::os::unix::fs::symlink(space.note(""), space.path("way")).unwrap();
    let run = space.build().says("leads out of the repo");
    assert_ne!(run.code, Some(0));
    assert!(!space.note("a.txt").exists());
}

#[test]
fn a_failed_attempt_is_made_again_when_retry_says_so() {
    let space = Space::new().story(
        "
        stages:
          a:
            outputs: a
            retry: { max: 2, for: [exit], delay: 1ms }
            run: |
              echo try >> NOTES/tries
              test $(wc -l < NOTES/tries) -ge 3
              echo done > a
        ",
    );
    space.build().ran(["a"]);
    assert_eq!(space.noted("tries"), 3);
}

#[test]
fn without_retry_for_exit_a_command_has_one_try() {
    let story = "stages: { a: { outputs: a, retry: { max: 5, delay: 1ms }, run: 'echo try >> NOTES/tries; false' } }";
    let space = Space::new().story(story);
    space.build().exit(1);
    assert_eq!(space.noted("tries"), 1);
}

#[test]
fn a_command_that_takes_too_long_is_run_again_where_that_is_named() {
    let space = Space::new().story(
        "
        stages:
          a:
            outputs: a
            timeout: 300ms
            retry: { max: 20, for: timeout, delay: 1ms }
            run: |
              echo try >> NOTES/tries
              test $(wc -l < NOTES/tries) -ge 2 || sleep 60
              echo done > a
        ",
    );
    space.build().ran(["a"]);
    assert!(space.noted("tries") >= 2);
}

#[test]
fn retries_end() {
    let story = "stages: { a: { outputs: a, retry: { max: 2, for: [exit], delay: 1ms }, run: 'echo try >> NOTES/tries; false' } }";
    let space = Space::new().story(story);
    space.build().exit(1).ended_as("a", "failed");
    assert_eq!(space.noted("tries"), 3);
}

#[test]
fn a_command_that_takes_too_long_is_ended() {
    let space = Space::new().story("stages: { a: { outputs: a, timeout: 50ms, run: 'echo half > a; sleep 1000' } }");
    space.build().exit(1).ended_as("a", "timed-out").says("timeout");
    assert!(!space.has("a"));
}

#[test]
fn an_input_that_changed_and_changed_back_while_the_command_ran_is_no_result_either() {
    let run = "echo a >> NOTES/ran; mv in.txt away; echo other > in.txt; cat in.txt > a; mv away in.txt";
    let space = Space::new()
        .story(&format!("stages: {{ a: {{ inputs: in.txt, outputs: a, run: '{run}' }} }}"))
        .file("in.txt", "old");
    space.build().ran(["a"]).says("changed while the command ran");
    space.build().ran(["a"]);
}

#[test]
fn what_is_no_content_in_an_output_folder_stops_its_stage_and_no_other() {
    let space = Space::new().story(
        "stages: { a: { outputs: d/, run: 'echo a > d/a' }, b: { inputs: in.txt, outputs: b, run: 'cat in.txt > b' } }",
    );
    space.file("in.txt", "one").build().ran(["a", "b"]);
    std::process::Command::new("mkfifo").arg(space.path("d/pipe")).status().unwrap();
    space.file("d/a", "mine").file("in.txt", "two").build().exit(3).ended_as("a", "waiting").holds("b", "two");
    space.build_with(&["--discard-edits", "a"]).exit(0).holds("d/a", "a\n");
    assert!(!space.has("d/pipe") && space.keeps("mine"));
}

#[test]
fn an_input_that_changed_while_the_command_ran_is_no_result_for_its_key() {
    let space = Space::new()
        .story("stages: { a: { inputs: in.txt, outputs: a, run: 'echo a >> NOTES/ran; cat in.txt > a; echo new > in.txt' } }")
        .file("in.txt", "old");
    space.build().ran(["a"]).says("changed while the command ran").holds("a", "old");
    let story = space.read("Storyfile.yaml").replace("; echo new > in.txt", "");
    // Ours, so that it is replaced without a question; not reusable, so that the stage runs again.
    space.build().ran(["a"]).holds("a", "new\n");
    space.file("Storyfile.yaml", &story).build().ran(["a"]);
    assert_eq!(space.noted("ran"), 3);
    space.file("in.txt", "old").build().ran(["a"]).holds("a", "old");
}

#[test]
fn a_missing_input_that_no_stage_makes_is_named() {
    let space = Space::new().story("stages: { a: { inputs: no.txt, outputs: a, run: 'cp no.txt a' } }");
    let run = space.build().says("no.txt");
    assert!(matches!(run.code, Some(1 | 2)), "{:?}", run.code);
}

#[test]
fn what_cannot_be_content_is_an_error_of_its_stage_and_goes() {
    for (output, run) in [
        ("out", "mkfifo out"),
        ("out/", "touch out/x; mkfifo out/y"),
        ("out/", "touch out/x; ln -s ../no out/y"),
        ("out", "ln -s out out"),
        ("out/", "touch out/x; ln -s ../out/y out/y"),
    ] {
        let space = Space::new().story(&format!("stages: {{ a: {{ outputs: {output}, run: '{run}' }} }}"));
        space.build().exit(1).ended_as("a", "failed");
        assert!(!space.has("out"));
        let run = if output == "out" { "touch out" } else { "touch out/x" };
        space.story(&format!("stages: {{ a: {{ outputs: {output}, run: '{run}' }} }}")).build().ran(["a"]);
    }
}

#[test]
fn an_input_folder_with_what_cannot_be_read_fails_its_stage_only() {
    let space = Space::new().file("in/x", "x").story(
        "
        stages:
          a: { inputs: in/, outputs: a, run: 'ls in > a' }
          b: { outputs: b, run: 'echo > b' }
        ",
    );
    std::os::unix::fs::symlink("../nowhere", space.path("in/y")).unwrap();
    space.build_with(&["-k"]).exit(1).ended_as("a", "failed").says("in/y").ended_as("b", "done");
    space.remove("in/y").build().ran(["a"]);
}
