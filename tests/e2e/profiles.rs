//! Profiles: what is laid over a Storyfile, and what is said when it cannot be.

use crate::space::Space;

const STORY: &str = "
    params:
      idea: { ask: 'Story idea', default: a bus }
      length: 360
      tone: { type: list, default: [warm, dry] }
    env: { MODE: online }
    defaults: { timeout: 5m }
    stages:
      note:
        outputs: note.txt
        run: 'echo ${params.idea}, ${params.length}, ${params.tone}, $MODE > ${outputs[0]}'
      film: { inputs: note.txt, outputs: film.txt, run: 'cp note.txt film.txt' }
    profiles:
      short:
        params: { length: 10, tone: [sad] }
      offline:
        env: { MODE: offline }
        stages: { film: ~, list: { inputs: note.txt, outputs: list.txt, run: 'wc -l < note.txt > list.txt' } }
      shorter:
        params: { length: { default: 5, max: 9 } }
    ";

fn space() -> Space {
    Space::new().story(STORY)
}

#[test]
fn a_profile_is_laid_over_the_file() {
    space().build().ran(["note", "film"]).holds("note.txt", "a bus, 360, warm dry, online\n");
    let run = space().build_with(&["--profile", "offline"]);
    run.ran(["note", "list"]).holds("note.txt", "a bus, 360, warm dry, offline\n");
    assert!(!run.has("film.txt"));
}

#[test]
fn profiles_are_laid_from_left_to_right() {
    let line = |args: &[&str]| space().build_with(args).exit(0).read("note.txt");
    assert_eq!(line(&["--profile", "short"]), "a bus, 10, sad, online\n");
    assert_eq!(line(&["--profile", "short,shorter"]), "a bus, 5, sad, online\n");
    assert_eq!(line(&["--profile", "shorter", "--profile", "short", "-p", "length=9"]), "a bus, 9, sad, online\n");
    // `shorter` says what the length may be, `short` what it is.
    space().build_with(&["--profile=shorter,short"]).exit(2).says("error[S120]: 10 is out of the range");
}

#[test]
fn params_from_elsewhere_stand_over_profiles() {
    let space = space().file("values.yaml", "length: 77\n");
    space
        .build_with(&["--profile", "short", "--params", "values.yaml"])
        .exit(0)
        .holds("note.txt", "a bus, 77, sad, online\n");
}

#[test]
fn the_environment_may_name_profiles_and_the_line_stands_over_it() {
    let space = space();
    let mut command = space.command(&["build"]);
    command.env("STORYGEN_PROFILE", "offline, short");
    space.finish(command).exit(0).holds("note.txt", "a bus, 10, sad, offline\n");
    let mut command = space.command(&["build", "--profile", "shorter"]);
    command.env("STORYGEN_PROFILE", "offline");
    space.finish(command).exit(0).holds("note.txt", "a bus, 5, warm dry, online\n");
}

#[test]
fn a_quiet_build_is_one_with_the_same_profiles() {
    let space = space();
    space.run(&["build", "--profile", "short"]).exit(0);
    space.run(&["build", "--profile", "short"]).exit(0).says("up to date");
    space.run(&["build"]).exit(0).holds("note.txt", "a bus, 360, warm dry, online\n");
    let mut command = space.command(&["build"]);
    command.env("STORYGEN_PROFILE", "offline");
    space.finish(command).exit(0).holds("note.txt", "a bus, 360, warm dry, offline\n");
}

#[test]
fn every_verb_takes_profiles() {
    let space = space();
    space.build_with(&["--profile", "offline"]).exit(0);
    space.run(&["status", "--exit-code", "--profile", "offline"]).exit(0).says("list").says_not("film");
    space.run(&["graph", "--profile", "offline"]).exit(0).says("list");
    space.run(&["validate", "--profile", "offline"]).exit(0).says("is right: 2 stages");
    space.run(&["clean", "--profile", "offline", "list"]).exit(0).says("removed list.txt");
}

#[test]
fn an_unknown_profile_is_told_with_the_nearest() {
    space()
        .build_with(&["--profile", "ofline"])
        .exit(2)
        .says("error[S123]: the profile `ofline` is not known\n |\n = help: did you mean `offline`?");
    let none = Space::new().story("stages: { a: { run: 'true' } }");
    none.build_with(&["--profile", "ci"]).exit(2).says("there is none to choose from");
}

#[test]
fn a_fault_of_a_chosen_profile_points_into_it() {
    let space = Space::new().story(
        "
        stages: { a: { outputs: a.txt, run: 'touch a.txt' } }
        profiles:
          bad: { stages: { a: { outputs: ../a.txt } } }
        ",
    );
    space.build().ran(["a"]);
    space.build_with(&["--profile", "bad"]).exit(2).says("--> Storyfile.yaml:5:34");
}

#[test]
fn all_profiles_are_looked_through_for_unknown_keys() {
    let space = Space::new().story(
        "
        params: { x: 1 }
        stages: { a: { run: 'true' } }
        profiles:
          one: { stags: { a: ~ } }
          two: { stages: { a: { rnu: x } }, params: { x: { defalt: 2 } }, defaults: { timout: 1s }, providers: { w: { modle: x } } }
          three: { profiles: {}, include: [], storygen: 1 }
          four: [a]
          five:
        ",
    );
    let run = space.run(&["validate"]).exit(2);
    for words in [
        "`stags` is not known",
        "`rnu` is not known",
        "`defalt` is not known",
        "`timout` is not known",
        "`modle` is not known",
    ] {
        run.says(words);
    }
    for key in ["profiles", "include", "storygen"] {
        run.says(&format!("error[S124]: `{key}` cannot stand in a profile"));
    }
    run.says("the profile `four` must be a map, not a list");
}

#[test]
fn two_profiles_may_remove_the_same() {
    let space = Space::new().story(
        "
        stages: { a: { run: 'true' }, film: { run: 'false' } }
        profiles: { one: { stages: { film: ~ } }, two: { stages: { film: ~ } } }
        ",
    );
    space.build_with(&["--profile", "one,two,one"]).ran(["a"]);
}

#[test]
fn nothing_cannot_be_removed() {
    let space = Space::new().story(
        "
        stages: { a: { run: 'true' } }
        profiles: { bare: { stages: { aa: ~ }, env: ~ } }
        ",
    );
    space.build().exit(0);
    let run = space.build_with(&["--profile", "bare"]).exit(2);
    run.says("error[S125]: there is no `aa` that this could remove").says("error[S125]: there is no `env`");
}
