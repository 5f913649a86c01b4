//! What is wrong with a Storyfile is told all at once, with places, and nothing runs.

use crate::space::Space;

#[test]
fn ten_faults_are_ten_diagnostics_in_one_report() {
    let space = Space::new().story(
        "
        stages:
          one: { outputs: one, rnu: 'echo > NOTES/ran' }
          two: { inputs: [a, a, outputs: two, run: 'echo > two' }
        ",
    );
    // A tree that cannot be read is one fault; the rest follows once it can.
    space.build().exit(2).says("error[");
    let space = space.story(
        "
        stages:
          one: { outputs: one, rnu: 'echo > one' }
          two: { outputs: ../two, run: 'echo > two' }
          three: { outputs: three, run: 'echo > three', timeout: soon }
          four: { outputs: four, run: 'echo > four', needs: fuor }
          five: { outputs: five, run: 'echo ${params.nothing} > five' }
          six: { outputs: six, uses: no-such-kind }
          seven: { outputs: seven, run: 'echo > seven', edits: perhaps }
          eight: { outputs: eight, run: 'echo > eight', retry: { max: many } }
          nine: { outputs: nine, run: 'echo > nine', pool: no-such-pool }
          ten: { outputs: ten, run: 'echo > ten', always: maybe }
          eleven: { outputs: eleven, run: 'echo > eleven' }
        ",
    );
    let run = space.build().exit(2);
    assert!(run.err.matches("error[").count() >= 10, "{}", run.err);
    assert!(run.err.matches('^').count() >= 10, "{}", run.err);
    for name in ["rnu", "../two", "soon", "fuor", "nothing", "no-such-kind", "perhaps", "many", "no-such-pool", "maybe"]
    {
        run.says(name);
    }
    assert!(!space.has("eleven"), "nothing runs");
    assert!(run.started().is_empty());
    space.run(&["validate"]).exit(2);
}

#[test]
fn nesting_without_end_is_refused() {
    let space = Space::new();
    for text in [
        format!("storygen: 1\nstages: {}{}", "[".repeat(100_000), "]".repeat(100_000)),
        format!("storygen: 1\nstages: {}{}", "{ a: ".repeat(100_000), "}".repeat(100_000)),
        format!(
            "storygen: 1\nstages:\n{}",
            (1..20_000).map(|depth| format!("{:depth$}a:\n", "")).take(2_000).collect::<String>()
        ),
    ] {
        space.file("Storyfile.yaml", &text).build().exit(2).says("deep");
    }
}

#[test]
fn an_alias_bomb_is_refused() {
    let mut text = "storygen: 1\nx-a: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n".to_owned();
    for level in 1..10 {
        let aliases = vec![format!("*a{}", level - 1); 9].join(", ");
        text += &format!("x-{level}: &a{level} [{aliases}]\n");
    }
    text += "x-end: *a9\nstages: { a: { outputs: a, run: 'echo > a' } }\n";
    let space = Space::new().file("Storyfile.yaml", &text);
    space.build().exit(2).says("alias");
    assert!(!space.has("a"));
}

#[test]
fn stages_that_read_each_other_are_a_fault() {
    Space::new()
        .story("stages: { a: { inputs: b, outputs: a, run: cp b a }, b: { inputs: a, outputs: b, run: cp a b } }")
        .build()
        .exit(2)
        .says("a → b → a");
}

#[test]
fn two_stages_that_write_one_path_are_a_fault() {
    let space =
        Space::new().story("stages: { a: { outputs: x, run: 'echo > x' }, b: { outputs: x, run: 'echo > x' } }");
    space.build().exit(2).says("`a`").says("`b`").says("x");
    let space =
        Space::new().story("stages: { a: { outputs: x/, run: 'echo > x/y' }, b: { outputs: x/y, run: 'echo > x/y' } }");
    space.build().exit(2).says("`a`").says("`x/y` lies in `x/`");
}

#[test]
fn a_stage_may_not_write_our_own_files_nor_its_input() {
    for path in ["Storyfile.yaml", "Storyfile.lock", ".git/config", ".storygen/state", "in"] {
        let space =
            Space::new().story(&format!("stages: {{ a: {{ inputs: in, outputs: '{path}', run: 'echo > {path}' }} }}"));
        let before = space.file("in", "text").tree();
        space.build().exit(2);
        assert_eq!(space.tree(), before, "`{path}`");
    }
}

#[test]
fn a_stage_may_not_write_the_storyfile_that_f_names() {
    let story = "storygen: 1\nstages: { a: { outputs: other.yml, run: 'echo > other.yml' } }\n";
    let space = Space::new().file("other.yml", story);
    space.run(&["-f", "other.yml", "build"]).exit(2).says("S074");
    space.holds("other.yml", story);
}

#[test]
fn paths_that_lead_out_are_refused() {
    for path in ["../x", "/etc/x", "a/../../x"] {
        let space = Space::new().story(&format!("stages: {{ a: {{ outputs: '{path}', run: 'true' }} }}"));
        space.build().exit(2).says("error[");
    }
}
