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

/// `a` copies its input; a person had another text accepted for it.
fn accepted() -> Space {
    let space = Space::new()
        .story("stages: { a: { inputs: in.txt, outputs: a.txt, run: 'echo a >> NOTES/ran; cat in.txt > a.txt' } }")
        .file("in.txt", "one");
    space.build().ran(["a"]);
    space.file("a.txt", "hand").file("in.txt", "two");
    space.run(&["accept", "a"]).exit(0);
    space
}

#[test]
fn an_accepted_text_stays_a_persons_after_another_edit_was_taken_back() {
    let space = accepted();
    space.file("a.txt", "hand, better").build().is_up_to_date();
    space.file("a.txt", "hand").build().is_up_to_date();
    space.run(&["status"]).says("edited");
    space.file("in.txt", "three").build().exit(3).ended_as("a", "waiting").holds("a.txt", "hand");
}

#[test]
fn an_accepted_text_stays_a_persons_when_lock_and_state_are_lost() {
    let space = accepted();
    space.remove("Storyfile.lock").remove(".storygen/state");
    space.build().ran_nothing();
    space.run(&["clean"]).exit(0).holds("a.txt", "hand");
    space.file("in.txt", "three").build().exit(3).holds("a.txt", "hand");
}

#[test]
fn discarding_an_accepted_text_makes_the_stages_own() {
    let space = accepted();
    space.build_with(&["--discard-edits", "a"]).ran(["a"]).holds("a.txt", "two");
    assert!(space.keeps("hand"));
    space.build().is_up_to_date().holds("a.txt", "two");
    space.file("in.txt", "three").build().ran(["a"]).holds("a.txt", "three");
}

#[test]
fn a_copy_of_another_stages_result_is_an_edit() {
    let space = Space::new()
        .story("stages: { a: { foreach: { l: [en, es] }, outputs: 'out/${l}', run: 'echo ${l} > ${outputs[0]}' } }");
    space.build().ran(["a:en", "a:es"]);
    space.file("out/es", "en\n").build().ran_nothing().says("your edit is kept").holds("out/es", "en\n");
}

#[test]
fn an_edit_of_another_branchs_result_waits() {
    let space = Space::new()
        .story("stages: { a: { inputs: in.txt, outputs: out/a, run: 'cat in.txt > ${outputs[0]}' } }")
        .file("in.txt", "one");
    space.build().ran(["a"]);
    let lock = space.read("Storyfile.lock");
    space.file("in.txt", "two").build().ran(["a"]);
    space.file("out/a", "mine, of two").build().ran_nothing();
    // Back on the branch with `one`: its lock and its input come with it, the ignored output stays.
    space.file("in.txt", "one").file("Storyfile.lock", &lock);
    space.build().exit(3).ended_as("a", "waiting").says("another result").holds("out/a", "mine, of two");
}

#[test]
fn an_accepted_output_of_a_stage_that_always_runs_is_right() {
    let space = Space::new().story("stages: { a: { always: true, outputs: a.txt, run: 'echo made > ${outputs[0]}' } }");
    space.build().ran(["a"]);
    space.file("a.txt", "mine").build().exit(3);
    space.run(&["accept", "a"]).exit(0);
    space.build().exit(0).ran_nothing().holds("a.txt", "mine");
    space.build_with(&["--discard-edits", "a"]).ran(["a"]).holds("a.txt", "made\n");
    space.build().ran(["a"]);
}

#[test]
fn a_folder_in_a_files_place_waits_and_can_be_discarded() {
    let space = Space::new().story("stages: { a: { outputs: a.txt, run: 'echo made > ${outputs[0]}' } }");
    space.build().ran(["a"]);
    space.remove("a.txt").file("a.txt/inner.md", "a person's");
    space.build().exit(3).says("not of the declared sort");
    space.build_with(&["--discard-edits", "a"]).exit(0).holds("a.txt", "made\n");
    assert!(space.keeps("a person's"));
}

#[test]
fn a_file_where_a_folder_belongs_stops_its_stage_and_no_other() {
    let space = Space::new()
        .story(
            "stages: { a: { outputs: o/x/a.txt, run: 'echo a > ${outputs[0]}' }, b: { outputs: b, run: 'echo b > b' } }",
        )
        .file("o", "precious");
    space.build().exit(3).ended_as("a", "waiting").says("Move that file away").holds("o", "precious");
    assert!(space.has("b"));
}

#[test]
fn what_is_written_to_a_file_that_was_moved_aside_is_kept() {
    let space = Space::new()
        .story(
            "stages: { a: { inputs: in.txt, outputs: a.txt, run: 'cat in.txt > ${outputs[0]}; echo > NOTES/go; cat NOTES/on' } }",
        )
        .file("in.txt", "one");
    let space = space.fifo("go").fifo("on");
    let build = |late: &dyn Fn()| {
        let child = space.spawn(&["build"]);
        std::fs::read(space.note("go")).unwrap();
        late();
        std::fs::write(space.note("on"), "").unwrap();
        space.ended(&child.wait_with_output().unwrap()).exit(0);
    };
    build(&|| {});
    let mut open = std::fs::OpenOptions::new().append(true).open(space.path("a.txt")).unwrap();
    space.file("in.txt", "two");
    build(&|| std::io::Write::write_all(&mut &open, b"a line of a person").unwrap());
    std::io::Write::flush(&mut open).unwrap();
    assert!(space.keeps("onea line of a person"));
}
