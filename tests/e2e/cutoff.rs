//! Contents decide: what comes out the same stops the wave, and what was made once is put back.

use crate::space::Space;

/// `a` drops comments, `b` reads what is left; each leaves a note when it runs.
fn chain() -> Space {
    Space::new()
        .story(
            "
            stages:
              a:
                inputs: in.txt
                outputs: dist/a.txt
                run: |
                  echo a >> NOTES/ran
                  grep -v '^#' ${inputs[0]} > ${outputs[0]}
              b:
                inputs: dist/a.txt
                outputs: dist/b.txt
                run: |
                  echo b >> NOTES/ran
                  cat dist/a.txt dist/a.txt > dist/b.txt
            ",
        )
        .file("in.txt", "text\n# one\n")
        .build()
        .ran(["a", "b"])
        .space()
}

#[test]
fn an_output_that_comes_out_the_same_stops_the_wave() {
    let run = chain().file("in.txt", "text\n# two\n").build().ran(["a"]).because("input in.txt changed");
    run.ended_as("b", "fresh").build().is_up_to_date();
}

#[test]
fn there_and_back_again_runs_nothing_on_the_way_back() {
    let space = chain();
    space.file("in.txt", "other\n").build().ran(["a", "b"]).holds("dist/b.txt", "other\nother\n");
    space.file("in.txt", "text\n# one\n").build().ran_nothing().holds("dist/b.txt", "text\ntext\n");
    assert_eq!(space.noted("ran"), 4);
    space.file("in.txt", "other\n").build().ran_nothing().holds("dist/b.txt", "other\nother\n");
    space.build().is_up_to_date();
}

#[test]
fn a_deleted_folder_of_outputs_is_put_back_and_nothing_runs() {
    let space = chain();
    let before = space.tree();
    space.remove("dist").build().ran_nothing().ended_as("a", "restored").ended_as("b", "restored");
    assert_eq!(space.tree(), before);
    space.build().is_up_to_date();
}

#[test]
fn one_deleted_output_is_put_back_alone() {
    let space = chain();
    space.remove("dist/a.txt").build().ran_nothing().ended_as("a", "restored").ended_as("b", "fresh");
    space.remove("dist/b.txt").build().ran_nothing().ended_as("b", "restored").ended_as("a", "fresh");
}

#[test]
fn what_is_changed_in_a_command_runs_that_stage_only() {
    let space = chain();
    let text = space.read("Storyfile.yaml").replace("cat dist/a.txt dist/a.txt >", "cat dist/a.txt >");
    space.file("Storyfile.yaml", &text).build().ran(["b"]).holds("dist/b.txt", "text\n");
}

#[test]
fn a_stage_put_before_or_taken_out_runs_no_other() {
    let space = chain();
    let text = space.read("Storyfile.yaml");
    let more = text.replace("stages:\n", "stages:\n  z: { outputs: dist/z.txt, run: 'echo z > dist/z.txt' }\n");
    space.file("Storyfile.yaml", &more).build().ran(["z"]);
    space.file("Storyfile.yaml", &text).build().is_up_to_date();
}
