//! Rules for what stages write: broken ones fail the stage or warn, and senseless ones are told before anything runs.

use crate::space::Space;

#[test]
fn all_broken_rules_of_a_commands_outputs_are_told_at_once() {
    let space = Space::new().story(
        "
        stages:
          a:
            outputs: a.md
            run: echo 'It was very cold.' > a.md
            check: { words: { max: 3 }, banned: [very, warm], require: bus }
        ",
    );
    let run = space.build().exit(1).ended_as("a", "failed");
    run.says("`words` of `a.md`: 4 words, over 3").says("`banned` of `a.md:1:8`: “very” is banned");
    run.says("`require` of `a.md`: nothing matches /bus/");
    assert!(!space.has("a.md"));
}

#[test]
fn a_check_that_does_not_block_warns_and_its_stage_succeeds() {
    let space = Space::new().story(
        "
        stages:
          a:
            outputs: a.md
            run: echo 'It was very cold.' > a.md
            check: { banned: very.txt, blocking: false }
          b: { uses: check, inputs: a.md, with: { tags: true, words: { max: 2 }, blocking: false } }
        ",
    );
    space.file("very.txt", "# weak words\nvery\n");
    let run = space.build().exit(0).ended_as("a", "done").ended_as("b", "done");
    run.says("`banned` of `a.md:1:8`: “very” is banned").says("`words` of `a.md`: 4 words, over 2");
    space.build().is_up_to_date();
    space.file("very.txt", "warm\n").build().exit(0).ran(["a"]);
}

#[test]
fn a_senseless_rule_is_told_before_the_stage_runs() {
    let space = Space::new()
        .story("stages: { a: { outputs: a.md, run: 'echo hi | tee a.md NOTES/ran', check: { words: {} } } }");
    space.build().says("`words` has neither `min` nor `max`");
    assert!(!space.note("ran").exists() && !space.has("a.md"));
}
