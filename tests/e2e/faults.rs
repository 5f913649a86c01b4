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

#[test]
fn a_setting_that_cannot_be_is_a_fault_before_anything_runs() {
    let space = Space::new().story(
        "
        stages:
          a: { outputs: a, run: 'echo ran | tee NOTES/ran > a' }
          b: { uses: prompt, inputs: a, outputs: b, with: { prompt: hi, max_tokens: 0, samples: 99 } }
          c: { uses: voice, inputs: a, outputs: c.mp3, with: { language: de, speed: 9 } }
          d: { uses: subtitles, inputs: a, outputs: d.sub, with: { preset: imax, max_lines: 9 } }
          e: { needs: nobody, outputs: e, run: 'echo > e' }
        ",
    );
    for command in [&["build"][..], &["build", "-n"], &["status"], &["why", "a"], &["graph"], &["validate"]] {
        let run = space.run(command).exit(2).says("error[S036]").says("error[S900]").says("error[S012]");
        for name in ["`max_tokens`", "`samples`", "`.mp3`", "`.sub`", "`imax`", "`max_lines`", "`speed`", "nobody"] {
            run.says(name);
        }
        // Each fault has its place.
        assert_eq!(run.err.matches("Storyfile.yaml:").count(), run.err.matches("error[").count(), "{}", run.err);
    }
    assert_eq!(space.noted("ran"), 0, "nothing runs");
}

#[test]
fn the_rules_under_check_are_read_before_anything_runs() {
    for rules in [
        "{ tags: x }",
        "{ require: '(' }",
        "{ words: { min: x } }",
        "{ words: { min: 5, max: 1 } }",
        "{ preserves: nope }",
    ] {
        let space = Space::new().story(&format!("stages: {{ a: {{ outputs: a, run: 'echo > a', check: {rules} }} }}"));
        space.build().exit(2).says("error[S").says("Storyfile.yaml:3:");
        assert!(!space.has("a"), "{rules}");
    }
    let empty = |check: &str| Space::new().story(&format!("stages: {{ a: {{ {check}, run: 'true' }} }}"));
    empty("outputs: a, check: {}").run(&["validate"]).exit(2).says("error[S036]: the check has no rule");
    empty("check: { words: { max: 1 } }").run(&["validate"]).exit(2).says("there is nothing to check");
}

#[test]
fn a_language_that_the_voice_lacks_is_a_fault_with_a_place() {
    let story = |with: &str| {
        let text = format!("stages: {{ a: {{ uses: voice, inputs: in.md, outputs: a.wav, with: {{ {with} }} }} }}");
        Space::new().story(&text).file("in.md", "Hello.")
    };
    story("language: de").build().exit(2).says("error[S036]: the built-in voice does not speak `de`").says("^^");
    story("voice: alloy").build().exit(2).says("error[S036]: there is no built-in voice `alloy`").says("^^^^^");
    story("settings: { pitch: 2 }").build().exit(2).says("error[S036]").says("`pitch`");
}

#[test]
fn a_file_and_a_folder_mixed_up_is_a_fault_before_anything_runs() {
    let space = |story: &str| Space::new().story(story).file("f.md", "text").file("d/x.md", "text");
    let fault = |story: &str, code: &str| {
        let space = space(story);
        for command in ["validate", "build", "status"] {
            space.run(&[command]).exit(2).says(code).says("Storyfile.yaml:");
        }
        assert!(!space.has("a"), "{story}");
    };
    fault("stages: { a: { inputs: f.md/, outputs: a, run: 'cat f.md > a' } }", "error[S102]: input `f.md/` is a file");
    fault("stages: { a: { inputs: d, outputs: a, run: 'cat d/* > a' } }", "error[S102]: input `d` is a folder");
    fault("stages: { a: { outputs: a, run: 'echo > a' }, b: { inputs: a/, outputs: b, run: 'ls a > b' } }", "S102");
    fault("stages: { a: { outputs: a/, run: 'echo > a/x' }, b: { inputs: a, outputs: b, run: 'ls a > b' } }", "S102");
    fault("stages: { a: { uses: prompt, outputs: a/, with: { prompt: hi } } }", "error[S037]");
    fault("stages: { a: { uses: prompt, inputs: d/, outputs: a, with: { prompt: hi } } }", "error[S038]");
    fault("stages: { a: { outputs: a/, run: 'echo > a/x', check: { forbid: x } } }", "error[S037]");
    let needed = "stages: { a: { outputs: a/, run: 'echo > a/x' }, b: { needs: a, uses: check, with: { forbid: x } } }";
    space(needed).build().exit(2).says("S038");
}

#[test]
fn an_input_that_turns_into_a_folder_fails_its_stage() {
    let space = Space::new().story(
        "
        stages:
          a: { outputs: a, run: 'rm in.txt; mkdir in.txt; echo > a' }
          b: { inputs: in.txt, outputs: b, run: 'cat in.txt > b', after: a }
          c: { inputs: [a, in.txt], uses: check, with: { forbid: x } }
        ",
    );
    let run = space.file("in.txt", "text").build_with(&["-k"]).exit(1).ended_as("b", "failed").ended_as("c", "failed");
    run.says("input `in.txt` is a folder, and it should be a file");
}

#[test]
fn validate_prints_the_same_faults_as_json() {
    let faults = |space: &Space| {
        let run = space.run(&["validate", "--json"]);
        let json: serde_json::Value = serde_json::from_str(&run.out).unwrap();
        assert_eq!((&json["version"], &json["file"]), (&1.into(), &"Storyfile.yaml".into()));
        let codes = json["faults"].as_array().unwrap().iter().map(|fault| fault["code"].as_str().unwrap().to_owned());
        (run.code.unwrap(), codes.collect::<Vec<_>>())
    };
    let right = Space::new().story("stages: { a: { outputs: a, run: 'echo > a' } }");
    assert_eq!(faults(&right), (0, Vec::new()));
    let warned = Space::new().story("stages: { a: { inputs: '*.md', outputs: a, run: 'echo > a' } }");
    assert_eq!(faults(&warned), (0, vec!["S104".to_owned()]));
    let setting = Space::new().story("stages: { a: { outputs: a, run: 'echo > a', check: { words: { min: x } } } }");
    assert_eq!(faults(&setting), (2, vec!["S036".to_owned()]));
    let source = "stages: { a: { inputs: { idea: i.json }, outputs: a, run: 'echo ${inputs.idea.titel} > a' } }";
    let source = Space::new().story(source).file("i.json", "{}");
    assert_eq!(faults(&source), (2, vec!["S106".to_owned()]));
    source.run(&["status", "--exit-code"]).exit(1);
    source.build().exit(1).ended_as("a", "failed");
}

#[test]
fn a_name_that_no_disk_takes_is_a_fault_of_the_file() {
    let story = |path: &str| Space::new().story(&format!("stages: {{ a: {{ outputs: '{path}', run: 'true' }} }}"));
    for path in [format!("build/{}", "x".repeat(300)), "abc/".repeat(1000)] {
        for command in ["validate", "build", "status"] {
            story(&path).run(&[command]).exit(2).says("error[S070]").says("Storyfile.yaml:3:");
        }
    }
    // The longest that there is works.
    let name = "x".repeat(255);
    let space = Space::new().story(&format!("stages: {{ a: {{ outputs: {name}, run: 'echo a > ${{outputs[0]}}' }} }}"));
    space.build().ran(["a"]).holds(&name, "a\n");
    space.file(&name, "edited").build().exit(0);
    space.file("Storyfile.yaml", &space.read("Storyfile.yaml").replace("echo a", "echo b"));
    space.build_with(&["--discard-edits", "a"]).ran(["a"]).holds(&name, "b\n");
}

/// A repo whose stage `b` asks by `p/k.j2`, after a stage that leaves a note.
fn with_template(text: &str) -> Space {
    let space = Space::new().story(
        "
        params: { tone: dry }
        stages:
          a: { outputs: a, run: 'echo ran | tee -a NOTES/ran > a' }
          b: { uses: prompt, inputs: { idea: a }, outputs: b, with: { template: p/k.j2 } }
        ",
    );
    space.file("p/k.j2", text)
}

#[test]
fn what_is_wrong_with_a_template_is_in_the_one_report_with_its_own_lines() {
    let fault = |space: &Space, says: &[&str]| {
        for command in [&["validate"][..], &["build"], &["status"], &["why", "b"], &["graph"]] {
            let run = space.run(command).exit(2);
            says.iter().for_each(|words| drop(run.says(words)));
        }
        assert_eq!(space.noted("ran"), 0, "nothing runs");
    };
    fault(&with_template("One\n{{ inputs.idea }\n"), &["error[S090]", "--> p/k.j2:2:", "2 | {{ inputs.idea }", "^"]);
    fault(&with_template("{% include params.tone %}"), &["error[S091]", "--> p/k.j2:1:1", "^^^"]);
    fault(&with_template("One\n{{ inputs.idea | uper }}"), &["error[S058]", "--> p/k.j2:2:18", "`upper`"]);
    fault(&with_template("{{ nope.x }}"), &["error[S051]", "--> p/k.j2:1:4", "`nope`"]);
    fault(&with_template("{{ params.tonne }}"), &["error[S051]", "`params` has no `tonne`", "`params.tone`"]);
    fault(&with_template("{{ inputs.ideas }}"), &["error[S051]", "`inputs` has no `ideas`"]);
    fault(&with_template("a\n{% include 'p/none.j2' %}"), &["error[S101]", "`p/none.j2`", "--> p/k.j2:2:1"]);
    let inner = with_template("{% include 'p/inc.j2' %}").file("p/inc.j2", "fine\n{{ nope.x }}");
    fault(&inner, &["error[S051]", "--> p/inc.j2:2:4"]);
    let circle = with_template("{% include 'p/inc.j2' %}").file("p/inc.j2", "x\n{% include 'p/k.j2' %}");
    fault(&circle, &["error[S092]", "p/k.j2 → p/inc.j2 → p/k.j2", "--> p/inc.j2:2:1"]);
    let latin = with_template("");
    std::fs::write(latin.path("p/k.j2"), b"caf\xe9").unwrap();
    fault(&latin, &["error[S090]", "no UTF-8 text: byte 3"]);
    // Beside the faults of the Storyfile itself, those first.
    let both = with_template("{{ nope }}");
    both.file("Storyfile.yaml", &both.read("Storyfile.yaml").replace("k.j2 }", "k.j2, max_tokens: 0 }"));
    let run = both.run(&["validate"]).exit(2);
    assert!(run.err.find("S036").unwrap() < run.err.find("S051").unwrap(), "{}", run.err);
    let json: serde_json::Value = serde_json::from_str(&both.run(&["validate", "--json"]).out).unwrap();
    assert_eq!(json["faults"][1]["file"], "p/k.j2");
}

#[test]
fn what_a_template_in_the_storyfile_includes_is_an_input() {
    let story = "stages: { b: { uses: prompt, outputs: b, with: { jinja: \"{% include 'p/k.j2' %}\" } } }";
    let space = Space::new().story(story);
    space.build().exit(2).says("error[S101]").says("p/k.j2");
    space.file("p/k.j2", "{{ nope }}").build().exit(2).says("error[S051]").says("--> p/k.j2:1:4");
    space.file("p/k.j2", "Hello.").run(&["validate"]).exit(0);
    let plain = Space::new().story("stages: { b: { uses: prompt, outputs: b, with: { jinja: 'Hi {{ nope }}' } } }");
    plain.run(&["validate"]).exit(2).says("error[S051]").says("Storyfile.yaml:3:");
}

#[test]
fn a_template_may_do_without_what_it_tests_or_ignores() {
    let text = "{% if nope %}{{ nope }}{% endif %}{% include 'p/none.j2' ignore missing %}{{ params.x | default('') }}";
    with_template(text).run(&["validate"]).exit(0);
}

#[test]
fn a_template_that_a_stage_writes_fails_the_stage_that_reads_it_with_its_place() {
    let story = |text: &str| {
        Space::new().story(&format!(
            "
            stages:
              t: {{ outputs: t.j2, run: \"printf '%b' '{text}' > t.j2\" }}
              b: {{ uses: prompt, outputs: b, with: {{ template: t.j2 }} }}
            "
        ))
    };
    let built = |text: &str| story(text).build().exit(1).ended_as("t", "done").ended_as("b", "failed");
    built("a\\\\n{{ nope.x }}").says("`t.j2:2:");
    built("a\\\\n{{ nope }").says("t.j2:2:");
    built("{% include \\\"q.j2\\\" %}").says("t.j2:1:1").says("inputs:");
}

#[test]
fn what_is_wrong_with_every_item_is_told_before_the_list_is_made() {
    let story = |each: &str| {
        format!(
            "
            stages:
              list: {{ outputs: l.json, run: 'echo [1, 2] > l.json' }}
              each: {{ foreach: {{ x: {{ in: l.json }} }}, {each} }}
            "
        )
    };
    let told = |each: &str, words: &str| {
        let space = Space::new().story(&story(each)).file("in.txt", "x");
        space.run(&["validate"]).exit(2).says(words);
        space.build().exit(2).says(words);
        assert!(!space.has("l.json"), "the list is made: {each}");
    };
    told(
        "uses: prompt, outputs: 'o/${x}.md', with: { prompt: 'About ${x}', temperature: 3 }",
        "error[S036]: the setting `temperature` is 3; it must be a number from 0 to 2",
    );
    told("outputs: 'o/${x}.md', check: { words: { min: 9, max: 2 } }, run: 'echo > ${outputs[0]}'", "error[S036]: ");
    told(
        "outputs: 'o/${x}/', check: { words: { min: 1 } }, run: 'mkdir ${outputs[0]}'",
        "error[S037]: `check` measures files, not the folder `o/*/`",
    );
    told(
        "uses: template, outputs: 'o/${x}/', with: { template: in.txt }",
        "error[S037]: `template` writes files, not the folder `o/*/`",
    );
    told("outputs: '../o/${x}.md', run: 'echo > ${outputs[0]}'", "error[S070]: `../o/${x}.md` is no path of this repo");
    // What only an item says is not known to be wrong.
    let fine = |each: &str| drop(Space::new().story(&story(each)).file("in.txt", "x").run(&["validate"]).exit(0));
    fine("uses: prompt, outputs: 'o/${x}.md', with: { prompt: '${x}', temperature: '${x}' }");
    fine("uses: prompt, inputs: '${x}.md', outputs: 'o/${x}.md', with: { prompt: '${inputs[0]}', edit: speech }");
    fine("uses: subtitles, inputs: { words: 'w/${x}.json' }, outputs: 'o/a.${x}', with: { preset: '${x}' }");
    fine("uses: check, inputs: 'i/${x}', with: { preserves: '${x}' }");
}
