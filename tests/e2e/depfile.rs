//! Inputs that a command discovers: what its depfile names counts from then on.

use crate::space::Space;

/// A page that is put together from files that only its own text names: `@include FILE`.
const WEAVE: &str = r#"
out=$1; dep=$2; src=$3
mkdir -p "$(dirname "$dep")"
printf 'page: %s' "$src" > "$dep"
sed -n 's/^@include //p' "$src" | while read -r file; do
  printf ' \\\n  %s' "$(printf %s "$file" | sed 's/[ #]/\\&/g')" >> "$dep"
done
printf '\n' >> "$dep"
sed -n 's/^@include //p' "$src" | while read -r file; do cat "$file"; done > "$out"
"#;

fn woven(pages: &str) -> Space {
    Space::new()
        .story(
            "
            stages:
              page:
                inputs: page.txt
                outputs: dist/page.txt
                depfile: build/page.d
                run: sh weave.sh ${outputs[0]} build/page.d ${inputs[0]}
            ",
        )
        .file("weave.sh", WEAVE)
        .file("page.txt", pages)
        .file("a part.txt", "one\n")
        .file("б#.txt", "two\n")
        .file("c.txt", "three\n")
}

fn two() -> Space {
    woven("@include a part.txt\n@include б#.txt\n").build().ran(["page"]).holds("dist/page.txt", "one\ntwo\n").space()
}

#[test]
fn a_change_of_a_discovered_file_runs_the_stage_and_a_touch_does_not() {
    let space = two();
    space.build().ran_nothing();
    space.file("a part.txt", "one\n").build().ran_nothing();
    space.file("c.txt", "other\n").build().ran_nothing();
    let run = space.file("б#.txt", "zwei\n").build().ran(["page"]).holds("dist/page.txt", "one\nzwei\n");
    run.because("discovered input б#.txt changed");
    assert!(!space.has("build/page.d"), "the depfile is read and removed");
}

#[test]
fn there_and_back_restores_without_running() {
    let space = two();
    space.file("a part.txt", "eins\n").build().ran(["page"]).holds("dist/page.txt", "eins\ntwo\n");
    space.file("a part.txt", "one\n").build().ran([]).holds("dist/page.txt", "one\ntwo\n");
    // Another set, and the first again.
    space.file("page.txt", "@include c.txt\n").build().ran(["page"]).holds("dist/page.txt", "three\n");
    space
        .file("page.txt", "@include a part.txt\n@include б#.txt\n")
        .build()
        .ran([])
        .holds("dist/page.txt", "one\ntwo\n");
}

#[test]
fn the_set_that_is_watched_is_the_last_one() {
    let space = two();
    space.file("page.txt", "@include c.txt\n").build().ran(["page"]);
    space.file("a part.txt", "eins\n").build().ran_nothing();
    space.file("c.txt", "drei\n").build().ran(["page"]);
}

#[test]
fn why_names_what_was_discovered_and_what_is_gone() {
    let space = two();
    space.file("a part.txt", "eins\n");
    space.run(&["why", "page"]).exit(0).says("because  discovered input `a part.txt` changed (");
    space.remove("a part.txt");
    space.run(&["why", "page"]).exit(0).says("because  discovered input `a part.txt` is gone");
    space.build().ran(["page"]).holds("dist/page.txt", "two\n");
}

#[test]
fn a_null_build_is_quiet_and_watches_discovered_files() {
    let space = two().settled();
    let state = space.state_stats();
    space.run(&["build"]).exit(0).says("everything is up to date (1 stage)");
    assert_eq!(space.state_stats(), state);
    space.file("a part.txt", "eins\n").build().ran(["page"]);
}

#[test]
fn a_clone_without_a_cache_knows_discovered_inputs_from_the_lock() {
    let space = two();
    space.remove(".storygen").build().ran_nothing();
    space.remove(".storygen").file("a part.txt", "eins\n");
    space.run(&["why", "page"]).exit(0).says("discovered input `a part.txt` changed (");
    space.build().ran(["page"]);
}

#[test]
fn a_discovered_file_that_a_stage_makes_needs_an_edge() {
    let space = woven("@include gen/x.txt\n").story(
        "
        stages:
          gen: { inputs: seed.txt, outputs: gen/x.txt, run: 'cp seed.txt gen/x.txt' }
          page:
            inputs: page.txt
            outputs: dist/page.txt
            depfile: build/page.d
            run: sh weave.sh ${outputs[0]} build/page.d ${inputs[0]}
        ",
    );
    space.file("seed.txt", "seed\n").build_with(&["gen"]).ran(["gen"]);
    let run = space.build().exit(1).ended_as("page", "failed");
    run.says("the command has read `gen/x.txt`, which `gen` makes, and `page` does not wait for it");
    run.says("Add `gen/x.txt` to the `inputs` of the stage.");
    assert!(!space.has("dist/page.txt") && !space.has("build/page.d"));
}

/// `page` waits for `list`, which waits for `gen`, whose file it reads undeclared.
fn chain() -> Space {
    woven("@include gen/x.txt\n").file("seed.txt", "seed\n").story(
        "
        stages:
          gen: { inputs: seed.txt, outputs: gen/x.txt, run: 'cp seed.txt gen/x.txt' }
          list: { inputs: gen/x.txt, outputs: list.txt, run: 'echo x > list.txt' }
          page:
            inputs: [page.txt, list.txt]
            outputs: dist/page.txt
            depfile: build/page.d
            run: sh weave.sh ${outputs[0]} build/page.d ${inputs[0]}
        ",
    )
}

#[test]
fn the_plan_foresees_what_a_discovered_input_will_make_run() {
    let space = chain();
    space.build().ran(["gen", "list", "page"]);
    space.build().ran_nothing();
    space.file("seed.txt", "other\n");
    let plan = space.plan(&[]);
    assert_eq!((plan["gen"].as_str(), plan["list"].as_str(), plan["page"].as_str()), ("run", "maybe", "maybe"));
    // `list` comes out the same, and `page` runs all the same: it has read what `gen` makes.
    space.build().ran(["gen", "list", "page"]).holds("dist/page.txt", "other\n");
}

#[test]
fn what_a_command_reads_undeclared_is_there_when_it_runs() {
    let space = chain();
    space.build().ran(["gen", "list", "page"]);
    // Nobody would need `gen/x.txt`, but for what `page` is known to read.
    space.remove(".storygen").remove("gen").file("page.txt", "@include gen/x.txt\n@include c.txt\n");
    space.build().ran(["gen", "page"]).holds("dist/page.txt", "seed\nthree\n");
    space.remove(".storygen").remove("gen").build().ran_nothing();
}

#[test]
fn files_outside_the_repo_are_told_once_and_not_watched() {
    let space = Space::new().story(
        "
        stages:
          a: { outputs: a.txt, depfile: a.d, run: \"echo 'a: /usr/include/x.h ../y' > a.d; touch a.txt\" }
          b: { after: a, outputs: b.txt, depfile: b.d, run: \"echo 'b: /usr/include/x.h' > b.d; touch b.txt\" }
        ",
    );
    let run = space.build().ran(["a", "b"]);
    run.says("`a.d` names files outside the repo, which nobody watches: `/usr/include/x.h`, `../y`").says_not("`b.d`");
    space.build().ran_nothing();
}

#[test]
fn absolute_paths_into_the_repo_and_the_stages_own_files_are_known_for_what_they_are() {
    let space = Space::new()
        .story(
            "
            stages:
              a:
                inputs: in.txt
                outputs: a.txt
                depfile: a.d
                run: 'echo \"a.txt: $PWD/sub/x.h in.txt a.txt ./a.d missing.h\" > a.d; cat in.txt sub/x.h > a.txt'
            ",
        )
        .file("in.txt", "in\n")
        .file("sub/x.h", "x\n");
    space.build().ran(["a"]).says_not("outside");
    space.build().ran_nothing();
    space.file("missing.h", "now it is").build().ran_nothing();
    space.file("sub/x.h", "y\n").build().ran(["a"]).because("discovered input sub/x.h changed");
}

#[test]
fn a_depfile_that_is_missing_or_malformed_fails_the_stage_with_its_place() {
    let space = Space::new().story("stages: { a: { outputs: a.txt, depfile: b/a.d, run: 'touch a.txt' } }");
    space.build().exit(1).says("the depfile `b/a.d` was not written").says("`gcc -MD -MF`");
    assert!(!space.has("a.txt"));
    space.story("stages: { a: { outputs: a.txt, depfile: b/a.d, run: \"echo 'a: b : c' > b/a.d; touch a.txt\" } }");
    space.build().exit(1).says("the depfile `b/a.d:1:6` has a second `:` in one rule");
    assert!(!space.has("a.txt") && !space.has("b/a.d"));
}

#[test]
fn what_a_person_has_at_the_depfiles_path_is_not_lost() {
    let space = two();
    space.file("build/page.d", "my own notes").file("page.txt", "@include c.txt\n").build().ran(["page"]);
    assert!(space.keeps("my own notes"));
}

#[test]
fn a_file_that_changes_while_it_is_read_answers_for_nothing() {
    let space = Space::new()
        .story("stages: { a: { outputs: a.txt, depfile: a.d, run: \"cat x > a.txt; echo 'a: x' > a.d; until [ x -nt .storygen/clock ]; do echo two > x; done\" } }")
        .file("x", "one\n");
    space.build().ran(["a"]).says("`x` changed while the command ran");
    space.story("stages: { a: { outputs: a.txt, depfile: a.d, run: \"cat x > a.txt; echo 'a: x' > a.d\" } }");
    space.build().ran(["a"]).build().ran_nothing();
}

#[test]
fn a_stamp_in_the_future_is_no_change() {
    let space = woven("@include c.txt\n");
    let later = std::time::SystemTime::now() + std::time::Duration::from_secs(3600);
    std::fs::File::open(space.path("c.txt")).unwrap().set_modified(later).unwrap();
    space.build().ran(["page"]).says_not("changed while").build().ran_nothing();
}

#[test]
fn a_stage_without_outputs_and_each_instance_of_a_fan_out_discover_for_themselves() {
    let space = Space::new()
        .story(
            "
            stages:
              lint: { depfile: lint.d, run: \"echo 'x: one.txt' > lint.d\" }
              many:
                foreach: { n: [one, two] }
                outputs: out/${n}
                depfile: out.d/${n}
                run: \"cat ${n}.txt > ${outputs[0]}; echo 'x: ${n}.txt' > out.d/${n}\"
            ",
        )
        .file("one.txt", "1")
        .file("two.txt", "2");
    space.build().ran(["lint", "many:one", "many:two"]).build().ran_nothing();
    space.file("two.txt", "zwei").build().ran(["many:two"]);
    space.file("one.txt", "eins").build().ran(["lint", "many:one"]);
    space.file("one.txt", "1").build().ran([]).holds("out/one", "1");
}
