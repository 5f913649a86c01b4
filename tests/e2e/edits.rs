//! Nothing that a person wrote is ever lost or replaced unasked.

use crate::space::Space;

/// `script` is edited by people; `voice` reads it.
fn story() -> Space {
    Space::new()
        .story(
            "
            stages:
              script: { inputs: idea.txt, outputs: build/script.md, run: 'echo script >> NOTES/ran; cat idea.txt > build/script.md' }
              voice: { inputs: build/script.md, outputs: dist/voice.txt, run: 'cat build/script.md > dist/voice.txt' }
            ",
        )
        .file("idea.txt", "bus")
        .build()
        .ran(["script", "voice"])
        .space()
}

#[test]
fn an_edit_is_kept_shown_and_used_downstream() {
    let run = story().file("build/script.md", "mine").build().ran(["voice"]).says("your edit is kept");
    run.holds("dist/voice.txt", "mine").holds("build/script.md", "mine");
    let run = run.build().is_up_to_date();
    run.run(&["status"]).exit(0).says("edited");
    run.run(&["build"]).exit(0).says("edit");
    assert!(run.keeps("mine"));
}

#[test]
fn a_stale_stage_waits_for_the_person_who_edited() {
    let space = story().file("build/script.md", "mine").build().ran(["voice"]).space();
    let run = space.file("idea.txt", "train").build().exit(3).ended_as("script", "waiting");
    run.says("storygen accept script").says("--discard-edits script").holds("build/script.md", "mine");
    assert_eq!(run.noted("ran"), 1);
    // Asked again, it says the same again.
    run.build().exit(3).ended_as("script", "waiting").holds("build/script.md", "mine");
}

#[test]
fn an_edit_and_a_change_between_two_builds_wait_as_well() {
    let space = story();
    let run = space.file("build/script.md", "mine").file("idea.txt", "train").build().exit(3);
    run.ended_as("script", "waiting").holds("build/script.md", "mine");
    assert_eq!(run.noted("ran"), 1);
}

#[test]
fn force_never_discards_an_edit() {
    let space = story().file("build/script.md", "mine");
    space.build_with(&["--force", "script"]).exit(3).ended_as("script", "waiting").holds("build/script.md", "mine");
    space.build().ran(["voice"]);
    space.build_with(&["--force", "script"]).exit(3).holds("build/script.md", "mine");
    space.build_with(&["--force", "voice"]).ran(["voice"]).holds("build/script.md", "mine");
}

#[test]
fn accepted_is_right_until_the_inputs_change_again() {
    let space = story().file("build/script.md", "mine").file("idea.txt", "train");
    space.build().exit(3);
    space.run(&["accept", "script"]).exit(0).says("accepted `script`");
    space.build().ran(["voice"]).holds("dist/voice.txt", "mine");
    space.build().is_up_to_date();
    space.file("idea.txt", "ferry").build().exit(3).ended_as("script", "waiting").holds("build/script.md", "mine");
    space.file("idea.txt", "train").build().is_up_to_date().holds("build/script.md", "mine");
}

#[test]
fn a_discarded_edit_is_stored_first() {
    let space = story().file("build/script.md", "mine").file("idea.txt", "train");
    space.build().exit(3);
    space.build_with(&["--discard-edits", "script"]).ran(["script", "voice"]).holds("build/script.md", "train");
    assert!(space.keeps("mine"));
    space.build().is_up_to_date();
}

#[test]
fn a_discarded_edit_of_a_fresh_stage_gives_way_to_what_was_made() {
    let space = story().file("build/script.md", "mine").build().ran(["voice"]).space();
    space
        .build_with(&["--discard-edits", "script"])
        .exit(0)
        .holds("build/script.md", "bus")
        .holds("dist/voice.txt", "bus");
    assert!(space.keeps("mine"));
    assert_eq!(space.noted("ran"), 1);
    space.build().is_up_to_date();
}

#[test]
fn a_deleted_edit_comes_back() {
    let space = story().file("build/script.md", "mine").build().ran(["voice"]).space();
    space.remove("build").build().ran_nothing().holds("build/script.md", "mine");
}

#[test]
fn a_second_edit_is_kept_like_the_first() {
    let space = story().file("build/script.md", "mine").build().ran(["voice"]).space();
    space.file("build/script.md", "mine, better").build().ran(["voice"]).holds("dist/voice.txt", "mine, better");
    assert!(space.keeps("mine") && space.keeps("mine, better"));
    space.build().is_up_to_date();
}

#[test]
fn an_edit_taken_back_is_no_edit() {
    let space = story().file("build/script.md", "mine").build().ran(["voice"]).space();
    let run = space.file("build/script.md", "bus").build().ran_nothing().holds("dist/voice.txt", "bus");
    run.run(&["status"]).exit(0);
    // No edit: the stage follows its input again.
    space.file("idea.txt", "train").build().ran(["script", "voice"]).holds("build/script.md", "train");
}

#[test]
fn edits_error_fails_where_an_edit_would_be_in_the_way() {
    let space = story();
    let text = space.read("Storyfile.yaml").replace("script: {", "script: { edits: error,");
    space.file("Storyfile.yaml", &text).build().is_up_to_date();
    let space = space.file("build/script.md", "mine").file("idea.txt", "train");
    space.build().exit(1).ended_as("script", "failed").says("edits: error").holds("build/script.md", "mine");
}

#[test]
fn edits_discard_stores_and_replaces() {
    let space = story();
    let text = space.read("Storyfile.yaml").replace("script: {", "script: { edits: discard,");
    let space = space.file("Storyfile.yaml", &text).file("build/script.md", "mine").file("idea.txt", "train");
    space.build().ran(["script", "voice"]).holds("build/script.md", "train");
    assert!(space.keeps("mine"));
}

#[test]
fn a_file_that_stood_before_the_first_build_is_not_replaced() {
    let space = Space::new()
        .story("stages: { a: { inputs: in.txt, outputs: a.txt, run: 'cat in.txt > a.txt' } }")
        .file("in.txt", "made")
        .file("a.txt", "written by hand");
    let run = space.build().exit(3).ended_as("a", "waiting").says("a.txt").holds("a.txt", "written by hand");
    run.says("storygen accept a").says("--discard-edits a");
    space.build_with(&["--discard-edits", "a"]).ran(["a"]).holds("a.txt", "made");
    assert!(space.keeps("written by hand"));
}

#[test]
fn a_foreign_file_that_was_accepted_is_never_replaced_unasked() {
    let space = Space::new()
        .story("stages: { a: { inputs: in.txt, outputs: a.txt, run: 'cat in.txt > a.txt' } }")
        .file("in.txt", "made")
        .file("a.txt", "written by hand");
    space.run(&["accept", "a"]).exit(0);
    space.build().is_up_to_date().holds("a.txt", "written by hand");
    space.file("in.txt", "new").build().exit(3).ended_as("a", "waiting").holds("a.txt", "written by hand");
    space.build_with(&["--force", "a"]).exit(3).holds("a.txt", "written by hand");
}

#[test]
fn clean_keeps_what_a_person_wrote() {
    let space = story().file("build/script.md", "mine").build().ran(["voice"]).space();
    space.run(&["clean"]).exit(0).says("kept build/script.md").holds("build/script.md", "mine");
    assert!(!space.has("dist"));
    space.build().ran_nothing().holds("dist/voice.txt", "mine");
}

#[test]
fn what_a_person_saves_while_the_stage_runs_stays() {
    let space = Space::new().file("in.txt", "made").story(
        "stages: { a: { inputs: in.txt, outputs: a.txt, run: 'cat in.txt > ${outputs[0]}; echo > NOTES/go; cat NOTES/saved' } }",
    );
    let space = space.fifo("go").fifo("saved");
    let child = space.spawn(&["build"]);
    std::fs::read(space.note("go")).unwrap();
    space.file("a.txt", "saved by a person");
    std::fs::write(space.note("saved"), "").unwrap();
    let run = space.ended(&child.wait_with_output().unwrap());
    run.exit(3).says("a.txt").says("storygen accept a").holds("a.txt", "saved by a person");
    // Also the build after waits, and an accepted file stays.
    let hold = space.read("Storyfile.yaml");
    space.build().exit(3).holds("a.txt", "saved by a person");
    assert_eq!(space.read("Storyfile.yaml"), hold);
    space.run(&["accept", "a"]).exit(0);
    space.build().is_up_to_date().holds("a.txt", "saved by a person");
}
