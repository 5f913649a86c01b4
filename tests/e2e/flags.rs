//! What the command line asks beyond "build what is out of date".

use crate::space::Space;
use std::collections::BTreeSet;

/// a → b → c, and d beside them.
fn chain() -> Space {
    Space::new().file("in", "1").file("other", "1").story(
        "
        stages:
          a: { inputs: in, outputs: out/a, run: 'cat in > out/a' }
          b: { inputs: [out/a, other], outputs: out/b, run: 'cat out/a other > out/b' }
          c: { inputs: out/b, outputs: out/c, run: 'cat out/b > out/c' }
          d: { outputs: d, run: 'echo d > d' }
        ",
    )
}

fn built() -> Space {
    chain().build().ran(["a", "b", "c", "d"]).space()
}

#[test]
fn a_target_is_built_with_all_that_it_needs_and_no_more() {
    chain().build_with(&["b"]).ran(["a", "b"]).build_with(&["out/c"]).ran(["c"]).build().ran(["d"]);
}

#[test]
fn a_path_from_a_sub_directory_means_what_it_means_there() {
    let space = chain();
    std::fs::create_dir_all(space.path("out/deep")).unwrap();
    let from = |dir: &str, args: &[&str]| {
        let mut command = space.command(&[&["build"], args].concat());
        command.current_dir(space.path(dir));
        space.finish(command)
    };
    from("out", &["./b"]).exit(0);
    assert!(space.has("out/b") && !space.has("out/c"));
    from("out", &["c"]).exit(0);
    assert!(space.has("out/c") && !space.has("d"), "a bare name is a stage, wherever it is said");
    from("out/deep", &["../../d"]).exit(0);
    assert!(space.has("d"));
    from("out/deep", &["./no"]).exit(2).says("no stage or output");
}

#[test]
fn dash_c_works_in_another_folder() {
    let space = chain();
    let mut command = space.command(&["-C", "repo", "build", "a"]);
    command.current_dir(space.root().parent().unwrap());
    space.finish(command).exit(0).holds("out/a", "1");
    let mut command = space.command(&["build", "-C", "out", "./b"]);
    command.current_dir(space.root());
    space.finish(command).exit(0).holds("out/b", "11");
}

#[test]
fn dash_f_names_the_storyfile() {
    let space = chain();
    std::fs::rename(space.path("Storyfile.yaml"), space.path("other.yaml")).unwrap();
    space.run(&["build"]).exit(2);
    space.run(&["-f", "other.yaml", "build"]).exit(0).holds("out/c", "11");
    let mut command = space.command(&["-f", "../other.yaml", "build", "./c"]);
    command.current_dir(space.path("out"));
    space.finish(command).exit(0).says("up to date");
}

#[test]
fn from_builds_a_stage_and_what_follows_on_what_stands_before() {
    let space = built().file("in", "2").file("other", "2");
    space.build_with(&["--from", "b"]).ran(["b", "c"]).holds("out/b", "12").holds("out/a", "1");
    space.build().ran(["a", "b", "c"]).holds("out/c", "22");
}

#[test]
fn only_builds_just_that() {
    let space = built().file("in", "2").file("other", "2");
    space.build_with(&["--only", "b"]).ran(["b"]).holds("out/b", "12").holds("out/c", "11");
    space.build_with(&["--only", "c"]).ran(["c"]).holds("out/c", "12");
    space.build().ran(["a", "b", "c"]).holds("out/c", "22");
}

#[test]
fn only_without_what_it_reads_says_what_to_build_first() {
    let run = chain().build_with(&["--only", "b"]).says("out/a").says("`a`");
    assert_ne!(run.code, Some(0));
}

#[test]
fn from_and_only_together_are_a_fault() {
    chain().build_with(&["--from", "a", "--only", "b"]).exit(2);
}

#[test]
fn force_runs_what_is_fresh_and_stops_where_nothing_changed() {
    let space = built();
    space.build_with(&["--force", "a"]).ran(["a"]).ended_as("b", "fresh");
    space.build().is_up_to_date();
    space.build_with(&["--force", "a", "--force", "c"]).ran(["a", "c"]);
}

#[test]
fn dry_run_says_what_would_run_and_runs_nothing() {
    let space = chain();
    let run = space.run(&["build", "-n"]).exit(0).says("nothing was run");
    assert!(!space.has("out") && !space.has("Storyfile.lock") && !space.has(".storygen"), "{}", run.out);
    space.build().exit(0);
    let plan = space.file("in", "2").plan(&[]);
    let said: Vec<(&str, &str)> = plan.iter().map(|(id, state)| (id.as_str(), state.as_str())).collect();
    assert_eq!(said, [("a", "run"), ("b", "maybe"), ("c", "maybe"), ("d", "fresh")]);
    space.holds("out/a", "1");
    let plan = space.file("in", "1").remove("out").plan(&[]);
    assert_eq!(plan.values().map(String::as_str).collect::<BTreeSet<_>>(), BTreeSet::from(["fresh", "restore"]));
}

#[test]
fn locked_builds_what_the_lock_names_and_changes_nothing() {
    let space = built();
    let lock = space.read("Storyfile.lock");
    space.build_with(&["--locked"]).ran_nothing();
    space.remove("out").build_with(&["--locked"]).ran_nothing().holds("out/c", "11").holds("Storyfile.lock", &lock);
    let run = space.file("in", "2").build_with(&["--locked"]).exit(3).says("`a`").says("--locked");
    assert!(run.started().is_empty());
    space.holds("Storyfile.lock", &lock).holds("out/c", "11");
    space.remove("Storyfile.lock").file("in", "1").build_with(&["--locked"]).exit(3);
    assert!(!space.has("Storyfile.lock"));
}

#[test]
fn quiet_says_nothing_when_all_is_well() {
    let run = chain().run(&["build", "-q"]).exit(0);
    assert_eq!((run.out.as_str(), run.err.as_str()), ("", ""));
    let run = run.space().run(&["build", "-q"]).exit(0);
    assert_eq!((run.out.as_str(), run.err.as_str()), ("", ""));
}

#[test]
fn answers_go_to_standard_output_and_talk_does_not() {
    let space = built();
    assert_eq!(space.build().out, "");
    for verb in [&["status"][..], &["why", "a"], &["graph"], &["log", "a"]] {
        let run = space.run(verb).exit(0);
        assert!(!run.out.is_empty() && run.err.is_empty(), "{verb:?}: {}", run.err);
    }
}

#[test]
fn json_answers_are_json() {
    let space = built();
    for verb in
        [&["status", "--json"][..], &["why", "a", "--json"], &["build", "-n", "--json"], &["graph", "--format", "json"]]
    {
        let run = space.run(verb).exit(0);
        serde_json::from_str::<serde_json::Value>(&run.out)
            .unwrap_or_else(|error| panic!("{verb:?}: {error}\n{}", run.out));
    }
}

#[test]
fn a_closed_standard_output_is_no_failure() {
    let space = built();
    let mut child = space.spawn(&["status"]);
    drop(child.stdout.take());
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(0));
}

#[test]
fn status_tells_by_its_exit_code_if_it_is_asked() {
    let space = built();
    space.run(&["status", "--exit-code"]).exit(0);
    let run = space.file("in", "2").run(&["status", "--exit-code"]);
    assert_ne!(run.code, Some(0));
    space.run(&["status"]).exit(0);
}

#[test]
fn why_gives_the_same_reason_as_the_build() {
    let space = built().file("in", "2");
    space.run(&["why", "a"]).exit(0).says("`in` changed");
    space.build().because("input in changed");
}

#[test]
fn clean_removes_outputs_and_a_build_puts_them_back() {
    let space = built();
    let before = space.tree();
    space.run(&["clean", "-n"]).exit(0).says("would remove");
    assert_eq!(space.tree(), before);
    space.run(&["clean"]).exit(0);
    assert!(!space.has("out") && !space.has("d") && space.has("in"));
    space.build().ran_nothing();
    assert_eq!(space.tree(), before);
}

#[test]
fn what_is_asked_of_a_build_with_params_is_asked_with_the_same() {
    let space = Space::new().story(
        "
        params: { idea: bus }
        stages: { a: { outputs: a, run: 'echo ${params.idea} > a' } }
        ",
    );
    let given = ["-p", "idea=tram"];
    space.build_with(&given).ran(["a"]).holds("a", "tram\n");
    space.run(&["status", "--exit-code", "-p", "idea=tram"]).exit(0);
    space.run(&["status", "--exit-code"]).exit(1);
    space.run(&["why", "a", "-p", "idea=tram"]).exit(0);
    space.file("a", "a tram in the rain\n");
    space.run(&["accept", "a", "-p", "idea=tram"]).exit(0);
    space.build_with(&given).ran_nothing().holds("a", "a tram in the rain\n");
}
