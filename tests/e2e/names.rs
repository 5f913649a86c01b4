//! File names that people and languages have, and names that would like to be commands.

use crate::space::Space;

const NAMES: [&str; 7] = [
    "глава первая.md",
    "two words.md",
    "$(touch pwned).md",
    "x'y\"z.md",
    "a;touch pwned;b.md",
    "`touch pwned`.md",
    "-n.md",
];

fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

#[test]
fn any_name_is_only_a_name_in_every_place_of_a_command() {
    for place in ["${inputs[0]}", "\"${inputs[0]}\"", "\"$(cat ${inputs[0]})\"", "'${inputs[0]}'"] {
        for name in NAMES {
            let path = format!("in/{name}");
            let run = if place.contains("cat") {
                format!("printf %s {place} > ${{outputs[0]}}")
            } else {
                format!("cat {place} > ${{outputs[0]}}")
            };
            let output = format!("out/{name}");
            let space = Space::new().file(&path, "text").story(&format!(
                "stages: {{ a: {{ inputs: {}, outputs: {}, run: {} }} }}",
                quoted(&path),
                quoted(&output),
                quoted(&run)
            ));
            let run = space.build();
            assert_eq!(run.code, Some(0), "{name} in {place}:\n{}", run.err);
            space.holds(&output, "text");
            assert!(!space.has("pwned"), "{name} in {place}");
            space.build().is_up_to_date();
            space.remove("out").build().ran_nothing().holds(&output, "text");
        }
    }
}

#[test]
fn any_name_can_be_found_by_a_pattern() {
    let space = Space::new().story("stages: { a: { inputs: 'in/*.md', outputs: a, run: 'cat -- ${inputs} > a' } }");
    let names = || NAMES.into_iter().chain(["two\nlines.md", "tab\there.md", "back\\slash.md", "\u{1b}[31m.md"]);
    names().for_each(|name| drop(space.file(&format!("in/{name}"), "x")));
    space.build().ran(["a"]).holds("a", &"x".repeat(names().count()));
    space.file("in/two\nlines.md", "y").build().ran(["a"]).because("input in/two");
    assert!(!space.has("pwned"));
    space.build().is_up_to_date();
}

#[test]
fn any_name_comes_back_in_a_folder() {
    let make = "mkdir -p out; cd out; for name in 'two\nlines' 'tab\there' 'back\\slash'; do echo x > \"$name\"; done";
    let space = Space::new().story(&format!("stages: {{ a: {{ outputs: out/, run: {} }} }}", quoted(make)));
    space.build().ran(["a"]);
    let made = space.tree();
    assert_eq!(made.len(), 5, "{made:?}");
    space.build().is_up_to_date();
    space.remove("out").build().ran_nothing();
    assert_eq!(space.tree(), made);
}

/// A name that is no UTF-8, `name` with one more byte.
fn unsayable(space: &Space, name: &str, end: &str) {
    use std::os::unix::ffi::OsStringExt;
    let name = [name.as_bytes(), b"\xff", end.as_bytes()].concat();
    std::fs::write(space.path(std::ffi::OsString::from_vec(name)), "x").unwrap();
}

#[test]
fn a_name_that_cannot_be_said_is_a_fault_where_it_matches_and_nowhere_else() {
    let space = Space::new().file("in/a.md", "x").story(
        "
        stages:
          a: { inputs: 'in/*.md', outputs: a, run: 'cat -- ${inputs} > a' }
          tree: { inputs: in/, outputs: tree, run: 'ls in > tree' }
        ",
    );
    unsayable(&space, "in/z", ".txt");
    space.run(&["status"]).exit(0);
    space.run(&["validate"]).exit(2).says("stage `tree`").says("not UTF-8");
    space.build_with(&["-k"]).exit(1).ended_as("a", "done").ended_as("tree", "failed").holds("a", "x");
    unsayable(&space, "in/z", ".md");
    space.build().exit(2).says("S070").says("not UTF-8").says("in/z").says("exclude");
    let text = space.read("Storyfile.yaml").replace("outputs: a,", "exclude: 'in/z*', outputs: a,");
    space.file("Storyfile.yaml", &text).build_with(&["a"]).exit(0).holds("a", "x");
}

#[test]
fn values_of_parameters_and_axes_are_never_commands() {
    let space = Space::new().story(
        "
        params: { who: x }
        stages: { a: { outputs: a, run: 'echo ${params.who} \"${params.who}\" > a' } }
        ",
    );
    space.build_with(&["-p", "who=$(touch pwned) `touch pwned` \"; touch pwned #"]).ran(["a"]);
    space.holds("a", "$(touch pwned) `touch pwned` \"; touch pwned # $(touch pwned) `touch pwned` \"; touch pwned #\n");
    assert!(!space.has("pwned"));
}

#[test]
fn cyrillic_text_and_stages_come_through_whole() {
    let space = Space::new().file("рассказ/глава.md", "Последний автобус").story(
        "stages: { a: { inputs: 'рассказ/*.md', outputs: 'итог/книга.md', run: 'cat ${inputs} > ${outputs[0]}' } }",
    );
    space.build().ran(["a"]).holds("итог/книга.md", "Последний автобус");
    space.remove("итог").build().ran_nothing().holds("итог/книга.md", "Последний автобус");
    space.build_with(&["итог/книга.md"]).is_up_to_date();
}

#[test]
fn a_long_name_is_a_name() {
    let name = "ж".repeat(120);
    let space =
        Space::new().story(&format!("stages: {{ a: {{ outputs: 'out/{name}', run: 'echo > ${{outputs[0]}}' }} }}"));
    space.build().ran(["a"]);
    space.remove("out").build().ran_nothing();
}
