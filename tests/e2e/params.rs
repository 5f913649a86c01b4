//! Values of params: from where they come, what they may be, and what is said when they are wrong.

use crate::space::Space;

const STORY: &str = "
    params:
      length: { type: int, default: 360, min: 1, max: 1000 }
      tone: { type: list, default: [warm] }
      rate: { type: float, default: 0.50 }
      style: { type: map, default: { size: 12 } }
      gender: { type: enum, enum: [female, male], default: female }
      draft: false
      cover: { type: path, default: art/cover.txt }
    stages:
      note:
        inputs: ${params.cover}
        outputs: note.txt
        run: |
          echo ${params.length} ${params.tone} ${params.rate} ${params.style.size} > ${outputs[0]}
          echo ${params.gender} ${params.draft} ${inputs[0]} >> ${outputs[0]}
    ";

fn space() -> Space {
    Space::new().story(STORY).file("art/cover.txt", "cover").file("art/Обложка 2.txt", "other")
}

#[test]
fn defaults_stand_where_nobody_gives_a_value() {
    space().build().ran(["note"]).holds("note.txt", "360 warm 0.50 12\nfemale false art/cover.txt\n");
}

#[test]
fn a_file_gives_values_of_every_type() {
    let space = space().file(
        "values.yaml",
        "# mine\nlength: 100\ntone: [sad, dry]\nrate: 0.10\nstyle: { size: 9 }\ngender: male\ndraft: true\n\
         cover: \"art/Обложка 2.txt\"\n",
    );
    let expected = "100 sad dry 0.10 9\nmale true art/Обложка 2.txt\n";
    space.build_with(&["--params", "values.yaml"]).ran(["note"]).holds("note.txt", expected);
    let json = r#"{"length": 100, "tone": ["sad", "dry"], "rate": 0.10, "style": {"size": 9}, "gender": "male",
        "draft": true, "cover": "art/Обложка 2.txt"}"#;
    space.file("values.json", json).build_with(&["--params", "values.json"]).ran_nothing();
}

#[test]
fn the_line_stands_over_the_environment_over_the_file_over_the_default() {
    let space = space().file("values.yaml", "length: 1\ntone: [file]\n");
    let length = |args: &[&str], environment: Option<&str>| {
        let mut command = space.command(&[&["build"], args].concat());
        command.envs(environment.map(|value| ("STORYGEN_PARAM_LENGTH", value)));
        space.finish(command).exit(0);
        space.read("note.txt").split(' ').next().unwrap().to_owned()
    };
    let file = ["--params", "values.yaml"];
    assert_eq!(length(&[], None), "360");
    assert_eq!(length(&file, None), "1");
    assert_eq!(length(&file, Some("2")), "2");
    assert_eq!(length(&[&file[..], &["-p", "length=3"]].concat(), Some("2")), "3");
    assert_eq!(length(&[], Some("2")), "2");
}

#[test]
fn every_verb_takes_the_same_values() {
    let space = space().file("values.yaml", "length: 100\n");
    let values = ["--params", "values.yaml", "-p", "tone=dry"];
    space.build_with(&values).ran(["note"]);
    let run = |verb: &[&str]| space.run(&[verb, &values].concat());
    run(&["status", "--exit-code"]).exit(0);
    space.run(&["status", "--exit-code"]).exit(1);
    run(&["why", "note"]).exit(0).says("note is fresh");
    run(&["graph", "--status"]).exit(0).says("note (fresh)");
    run(&["validate"]).exit(0);
    space.file("note.txt", "mine\n");
    run(&["accept", "note"]).exit(0).says("`note` is right already");
    space.build_with(&values).ran_nothing();
    run(&["clean"]).exit(0);
}

#[test]
fn a_quiet_build_notices_a_changed_file_of_values() {
    let space = space().file("values.yaml", "length: 100\n");
    let build = || space.run(&["build", "--params", "values.yaml"]).exit(0);
    build();
    build().says("up to date");
    space.file("values.yaml", "length: 200\n");
    build();
    space.holds("note.txt", "200 warm 0.50 12\nfemale false art/cover.txt\n");
    // Another spelling of the same values runs nothing.
    space.file("values.yaml", "# two hundred\nlength: 200 \n");
    space.build_with(&["--params", "values.yaml"]).ran_nothing();
}

#[test]
fn a_path_on_the_line_means_what_it_means_in_the_working_folder() {
    let space = space();
    let from_art = |value: &str| {
        let mut command = space.command(&["build", "-p", &format!("cover={value}")]);
        command.current_dir(space.path("art"));
        space.finish(command)
    };
    from_art("Обложка 2.txt").exit(0).holds("note.txt", "360 warm 0.50 12\nfemale false art/Обложка 2.txt\n");
    from_art("../art/./cover.txt").exit(0).holds("note.txt", "360 warm 0.50 12\nfemale false art/cover.txt\n");
    let absolute = space.path("art/cover.txt").canonicalize().unwrap();
    from_art(absolute.to_str().unwrap()).exit(0).says("up to date");
    from_art("../../secret.txt").exit(2).says("error[S122]: `art/../../secret.txt` cannot be the param `cover`");
    from_art("/etc/passwd").exit(2).says("error[S122]");
    from_art("").exit(2).says("error[S122]");
}

#[test]
fn a_wrong_value_is_told_where_it_was_written() {
    let space = space();
    let refused = |file: &str, expected: &str| {
        space.file("values.yaml", file);
        let run = space.build_with(&["--params", "values.yaml"]).exit(2);
        assert_eq!(run.err.trim_end(), expected.trim(), "{}", run.err);
    };
    refused(
        "tone: [dry]\nlenght: 100\n",
        "
error[S040]: the param `lenght` is not known
 --> values.yaml:2:1
  |
2 | lenght: 100
  | ^^^^^^ not known
  |
  = help: did you mean `length`?",
    );
    refused(
        "gender: femal\n",
        "
error[S042]: `femal` is not a choice of the param `gender`
 --> values.yaml:1:9
  |
1 | gender: femal
  |         ^^^^^ this value
  |
 ::: Storyfile.yaml:8:3
  |
8 |   gender: { type: enum, enum: [female, male], default: female }
  |   ------ declared here
  |
  = help: choose one of `female` and `male`",
    );
    refused(
        "length: soon\n",
        "
error[S021]: `length` must be a whole number, not text
 --> values.yaml:1:9
  |
1 | length: soon
  |         ^^^^ this is text
  |
  = help: write a whole number here",
    );
    refused(
        "- a\n",
        "
error[S021]: a file of params must be a map, not a list
 --> values.yaml:1:1
  |
1 | - a
  | ^^^ this is a list
  |
  = help: write `name: value` lines below it, or `{ name: value }`",
    );
    refused(
        "length: 100\nlength: 200\n",
        "
error[S007]: `length` stands here twice
 --> values.yaml:2:1
  |
1 | length: 100
  | ------ first
2 | length: 200
  | ^^^^^^ again
  |
  = help: keep one of the two",
    );
    assert!(!space.has("note.txt"));
}

#[test]
fn a_value_out_of_its_range_is_told() {
    let space = space();
    let environment = |value: &str| {
        let mut command = space.command(&["build"]);
        command.env("STORYGEN_PARAM_LENGTH", value);
        space.finish(command).exit(2)
    };
    space.build_with(&["-p", "length=0"]).exit(2).says("error[S120]: 0 is out of the range of the param `length`");
    environment("1001").says("1001 is out of the range of the param `length`, from STORYGEN_PARAM_LENGTH");
    environment("long").says("`long` is not a whole number for the param `length`, from STORYGEN_PARAM_LENGTH");
}

#[test]
fn a_file_that_cannot_be_read_stops_all() {
    let space = space();
    space.build_with(&["--params", "no.yaml"]).exit(2).says("failed to read the params file `no.yaml`");
    space.build_with(&["--params", "art"]).exit(2).says("failed to read the params file `art`: it is a folder");
    std::fs::write(space.path("latin.yaml"), b"tone: [\xe9]").unwrap();
    space.build_with(&["--params", "latin.yaml"]).exit(2).says("is not UTF-8 text: byte 7 is wrong");
    space.file("empty.yaml", "").build_with(&["--params", "empty.yaml"]).ran(["note"]);
}

#[test]
fn what_looks_like_an_expression_in_a_file_of_values_is_text() {
    let space = Space::new()
        .story("params: { idea: x }\nstages: { a: { outputs: a.txt, run: 'echo ${params.idea} > ${outputs[0]}' } }")
        .file("values.yaml", "idea: \"${HOME} $(touch pwned) 'q'\"\n");
    space.build_with(&["--params", "values.yaml"]).ran(["a"]).holds("a.txt", "${HOME} $(touch pwned) 'q'\n");
    assert!(!space.has("pwned"));
}
