//! `build --interactive`, on a real pseudo-terminal.

use crate::person::Person;
use crate::space::Space;
use std::os::unix::process::ExitStatusExt;

fn builds(space: &Space, args: &[&str]) -> Option<Person> {
    Person::runs(space, &[&["build", "--interactive", "--progress", "plain", "--color", "never"], args].concat())
}

fn space() -> Space {
    Space::new().story(
        "
        params:
          idea: { ask: Story idea, default: a bus }
          length: { ask: Words, type: int, default: 100, min: 10 }
          title: { ask: Title, default: 'On ${params.idea}' }
          author: { description: Who tells it }
          quiet: 1
        stages:
          a: { outputs: a.txt, run: 'echo ${params.idea}, ${params.length}, ${params.title}, ${params.author} > a.txt' }
        ",
    )
}

#[test]
fn each_question_shows_what_stands_and_enter_takes_it() {
    let space = space();
    let Some(mut person) = builds(&space, &[]) else { return };
    person.sees("Story idea [a bus]: ").types("\n");
    person.sees("Words (a whole number, 10 or more) [100]: ").types("\n");
    person.sees("Title [On a bus]: ").types("\n");
    person.sees("Who tells it: ").types("Anna\n").sees("built 1 stage");
    assert!(person.ends().0.success());
    space.holds("a.txt", "a bus, 100, On a bus, Anna\n");
}

#[test]
fn answers_go_into_what_is_built_and_into_later_defaults() {
    let space = space();
    let Some(mut person) = builds(&space, &[]) else { return };
    person.sees("Story idea [a bus]: ").types("паром и $(touch pwned)\n");
    person.sees("Words").types("9\n").sees("9 is out of the range of the param `length`: give a number 10 or more");
    person.sees("Words").types("ten\n").sees("`ten` is not a whole number for the param `length`");
    person.sees("Words").types("77\n");
    person.sees("Title [On паром и $(touch pwned)]: ").types("\n");
    person.sees("Who tells it: ").types("\n").sees("the param `author` needs a value");
    person.sees("Who tells it: ").types("'Ann \"A\"'\n").sees("built 1 stage");
    assert!(person.ends().0.success());
    space.holds("a.txt", "паром и $(touch pwned), 77, On паром и $(touch pwned), 'Ann \"A\"'\n");
    assert!(!space.has("pwned"));
}

#[test]
fn what_is_given_is_not_asked() {
    let space = space().file("values.yaml", "title: T\n").file(".env", "STORYGEN_PARAM_AUTHOR=A\n");
    let Some(mut person) = builds(&space, &["-p", "idea=x", "--params", "values.yaml"]) else { return };
    person.sees("Words").types("\n").sees("built 1 stage");
    let (status, shown) = person.ends();
    assert!(status.success() && shown.matches("]: ").count() == 1, "{shown}");
    space.holds("a.txt", "x, 100, T, A\n");
}

#[test]
fn the_same_answers_are_the_same_build() {
    let space = space();
    for words in ["built 1 stage", "everything is up to date"] {
        let Some(mut person) = builds(&space, &["-p", "author=A"]) else { return };
        person.sees("Story").types("x\n").sees("Words").types("\n").sees("Title").types("\n").sees(words);
        assert!(person.ends().0.success());
    }
}

#[test]
fn interrupted_or_at_the_end_of_input_nothing_is_run() {
    let space = space();
    let Some(mut person) = builds(&space, &[]) else { return };
    person.sees("Story idea").types("x\n").sees("Words").types("\u{3}");
    let (status, _) = person.ends();
    // A shell says 130.
    assert_eq!(status.signal(), Some(2));
    let Some(mut person) = builds(&space, &[]) else { return };
    person.sees("Story idea").types("x\n").sees("Words").types("\u{4}");
    let (status, shown) = person.ends();
    assert_eq!(status.code(), Some(2));
    assert!(shown.contains("error: the answers end before the one about `length`"), "{shown}");
    assert!(!space.has("a.txt") && !space.has(".storygen"));
}

#[test]
fn a_storyfile_at_fault_asks_nothing() {
    let space = space().story("params: { x: { ask: Why } }\nstages: { a: { rnu: 'true' } }");
    let Some(person) = builds(&space, &[]) else { return };
    let (status, shown) = person.ends();
    assert_eq!(status.code(), Some(2));
    assert!(shown.contains("error[S020]") && !shown.contains("Why:") && !shown.contains("S043"), "{shown}");
}

#[test]
fn without_a_terminal_it_is_refused() {
    let space = space();
    space.run(&["build", "--interactive"]).exit(2).says("error: `--interactive` asks on a terminal, and there is none");
    assert!(!space.has("a.txt"));
}

/// The root Storyfile asks for three things. Its stages need models; these are commands that show what they were given.
#[test]
fn the_flagship_asks_for_idea_gender_and_tone() {
    let flagship = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/Storyfile.yaml")).unwrap();
    let (head, stages) = flagship.split_once("\nstages:\n").unwrap();
    for name in ["idea", "gender", "tone"] {
        assert!(stages.contains(&format!("${{params.{name}}}")), "a stage uses `{name}`");
    }
    let run = "echo ${params.idea}; echo ${params.gender}; printf '[%s]' ${params.tone}; echo ${params.length}";
    let stages = format!("stages:\n  note:\n    outputs: note.txt\n    run: ({run}) > ${{outputs[0]}}\n");
    let space = Space::new().file("Storyfile.yaml", &format!("{head}\n{stages}"));
    let Some(mut person) = builds(&space, &[]) else { return };
    person.sees("Story idea [falling for someone on the last bus]: ").types("a lighthouse keeper\n");
    person.sees("Narrator gender (female, male) [female]: ").types("femal\n");
    person.sees("`femal` is not a choice of the param `gender`: choose one of `female` and `male`");
    person.sees("Narrator gender (female, male) [female]: ").types("male\n");
    person.sees("Tone (a list: one, two) [romantic, heartwarming]: ").types("sad, funny\n").sees("built 1 stage");
    assert!(person.ends().0.success());
    space.holds("note.txt", "a lighthouse keeper\nmale\n[sad][funny]240\n");
}
