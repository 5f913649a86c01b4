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
    NAMES.iter().for_each(|name| drop(space.file(&format!("in/{name}"), "x")));
    space.build().ran(["a"]).holds("a", &"x".repeat(NAMES.len()));
    assert!(!space.has("pwned"));
    space.build().is_up_to_date();
}

#[test]
fn a_name_that_cannot_be_said_is_a_fault_and_not_left_out() {
    let space = Space::new().story("stages: { a: { inputs: 'in/*.md', outputs: a, run: 'cat -- ${inputs} > a' } }");
    space.file("in/a.md", "x").file("in/back\\slash.md", "x").build().exit(2).says("back\\\\slash.md").says("exclude");
    let text = space.read("Storyfile.yaml").replace("outputs:", "exclude: '**/back*', outputs:");
    space.file("Storyfile.yaml", &text).build().ran(["a"]).holds("a", "x");
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
