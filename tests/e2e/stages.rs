//! What a stage may say, each thing at work.

use crate::space::Space;

#[test]
fn a_folder_can_be_an_output_and_an_input() {
    let space = Space::new().file("in.txt", "one\ntwo\n").story(
        "
        stages:
          split: { inputs: in.txt, outputs: parts/, run: 'split -l 1 in.txt parts/p' }
          join: { inputs: parts/, outputs: whole.txt, run: 'cat parts/* > whole.txt' }
        ",
    );
    space.build().ran(["split", "join"]).holds("whole.txt", "one\ntwo\n");
    space.build().is_up_to_date();
    // A file fewer is another folder: nothing of the old one is left.
    space.file("in.txt", "two\n").build().ran(["split", "join"]).holds("whole.txt", "two\n");
    space.remove("parts").build().ran_nothing().holds("parts/paa", "two\n");
    space.file("in.txt", "one\ntwo\n").build().ran_nothing().holds("parts/pab", "two\n");
}

#[test]
fn a_file_added_to_a_folder_that_is_an_output_is_an_edit() {
    let space = Space::new()
        .file("in.txt", "one\n")
        .story("stages: { split: { inputs: in.txt, outputs: parts/, run: 'split -l 1 in.txt parts/p' } }");
    space.build().ran(["split"]);
    space.file("parts/mine", "by hand").build().ran_nothing();
    space.file("in.txt", "two\n").build().exit(3).holds("parts/mine", "by hand");
    // Deleted, the folder comes back as the person left it.
    space.file("in.txt", "one\n").remove("parts").build().ran_nothing().holds("parts/mine", "by hand");
    space.file("in.txt", "two\n").build_with(&["--discard-edits", "split"]).ran(["split"]);
    assert!(!space.has("parts/mine") && space.keeps("by hand"));
}

#[test]
fn a_pattern_reads_what_matches_in_the_order_people_count() {
    let space =
        Space::new().story("stages: { book: { inputs: 'ch/*.md', outputs: book.md, run: 'cat ${inputs} > book.md' } }");
    for n in [1, 2, 10] {
        space.file(&format!("ch/ch{n}.md"), &format!("{n}\n"));
    }
    space.build().ran(["book"]).holds("book.md", "1\n2\n10\n");
    space.file("ch/note.txt", "no chapter").build().is_up_to_date();
    space.file("ch/ch3.md", "3\n").build().ran(["book"]).holds("book.md", "1\n2\n3\n10\n");
    space.remove("ch/ch3.md").build().ran_nothing().holds("book.md", "1\n2\n10\n");
}

#[test]
fn a_pattern_also_finds_what_other_stages_make() {
    let space = Space::new().file("ch/2.md", "two\n").story(
        "
        stages:
          first: { outputs: ch/1.md, run: 'echo one > ch/1.md' }
          book: { inputs: 'ch/*.md', outputs: book.md, run: 'cat ${inputs} > book.md' }
        ",
    );
    space.build().ran(["first", "book"]).holds("book.md", "one\ntwo\n");
    space.build().is_up_to_date();
}

#[test]
fn what_is_excluded_is_not_read() {
    let space = Space::new()
        .story(
            "stages: { book: { inputs: '*.md', exclude: draft*, outputs: out/book, run: 'cat ${inputs} > out/book' } }",
        )
        .file("a.md", "a")
        .file("draft.md", "b");
    space.build().ran(["book"]).holds("out/book", "a");
    space.file("draft.md", "c").build().is_up_to_date();
}

#[test]
fn an_optional_input_may_come_and_go() {
    let space = Space::new()
        .story("stages: { a: { inputs: 'notes.md?', outputs: a, run: 'cat notes.md > a 2>/dev/null || true' } }");
    space.build().ran(["a"]).holds("a", "");
    space.file("notes.md", "notes").build().ran(["a"]).holds("a", "notes");
    space.remove("notes.md").build().ran_nothing().holds("a", "");
}

#[test]
fn needs_waits_for_success_and_reads_the_outputs() {
    let space = Space::new().file("in", "1").story(
        "
        stages:
          b: { needs: a, outputs: b, run: 'cat ${needs.a} > b' }
          a: { inputs: in, outputs: a, run: 'cat in > a' }
        ",
    );
    space.build().ran(["a", "b"]).holds("b", "1");
    space.file("in", "2").build().ran(["a", "b"]).holds("b", "2");
}

#[test]
fn after_is_order_only_and_never_blocks() {
    let space = Space::new().file("in", "1").story(
        "
        stages:
          b: { after: a, outputs: b, run: 'cat NOTES/first > b' }
          a: { inputs: in, outputs: a, run: 'echo $(cat in) > NOTES/first; cat in > a; test $(cat in) != bad' }
        ",
    );
    space.build().ran(["a", "b"]).holds("b", "1\n");
    space.file("in", "2").build().ran(["a"]);
    let space = space.file("in", "bad").remove("b").remove(".storygen").remove("Storyfile.lock").remove("a");
    space.build_with(&["-k"]).exit(1).ended_as("a", "failed").ended_as("b", "done");
}

#[test]
fn a_matrix_makes_an_instance_of_each_pair() {
    let space = Space::new().story(
        "
        stages:
          say:
            matrix: { lang: [en, es], size: [s, l] }
            outputs: out/${lang}-${size}
            run: 'echo ${lang} ${size} > ${outputs[0]}'
        ",
    );
    space.build().ran(["say:en:s", "say:en:l", "say:es:s", "say:es:l"]).holds("out/es-l", "es l\n");
    space.build().is_up_to_date();
    space.remove("out/en-s").build_with(&["say:en:s"]).ran_nothing().holds("out/en-s", "en s\n");
    space.build_with(&["--force", "say:es:*"]).ran(["say:es:s", "say:es:l"]);
}

#[test]
fn foreach_makes_an_instance_of_each_and_pairs_by_key() {
    let story = |langs: &str| {
        format!(
            "
        stages:
          script: {{ foreach: {{ lang: [{langs}] }}, inputs: 'in/${{lang}}', outputs: 'build/${{lang}}', run: 'cat ${{inputs[0]}} > ${{outputs[0]}}' }}
          voice: {{ foreach: script, inputs: 'build/${{lang}}', outputs: 'dist/${{lang}}', run: 'cat ${{inputs[0]}} > ${{outputs[0]}}' }}
        "
        )
    };
    let space = Space::new().file("in/en", "bus").file("in/es", "autobús").file("in/de", "Bus");
    space.story(&story("en, es")).build().ran(["script:en", "script:es", "voice:en", "voice:es"]);
    space.file("in/es", "guagua").build().ran(["script:es", "voice:es"]).holds("dist/es", "guagua");
    // One more, and in another order: only what is new runs.
    space.story(&story("de, es, en")).build().ran(["script:de", "voice:de"]);
    space.story(&story("es, en, de")).build().is_up_to_date();
}

#[test]
fn a_pool_bounds_how_many_run_at_once() {
    let space = Space::new().story(
        "
        pools: { gpu: 1 }
        stages:
          a:
            foreach: { n: ['1', '2', '3', '4'] }
            pool: gpu
            outputs: out/${n}
            run: |
              mkdir NOTES/alone
              echo ${n} > ${outputs[0]}
              rmdir NOTES/alone
        ",
    );
    space.build_with(&["-j4"]).ran(["a:1", "a:2", "a:3", "a:4"]);
}

#[test]
fn always_runs_with_every_build_and_still_stops_the_wave() {
    let space = Space::new().story(
        "
        stages:
          a: { always: true, outputs: a, run: 'echo ran >> NOTES/ran; echo same > a' }
          b: { inputs: a, outputs: b, run: 'cat a > b' }
        ",
    );
    space.build().ran(["a", "b"]);
    space.build().ran(["a"]).ended_as("b", "fresh");
    space.run(&["build"]).exit(0);
    assert_eq!(space.noted("ran"), 3);
}

#[test]
fn salt_parts_what_would_be_the_same() {
    let story = |salt: &str| format!("stages: {{ a: {{ salt: {salt}, outputs: a, run: 'echo > a' }} }}");
    let space = Space::new().story(&story("one"));
    space.build().ran(["a"]);
    space.story(&story("two")).build().ran(["a"]).because("");
    space.story(&story("one")).build().is_up_to_date();
}

#[test]
fn an_output_that_is_not_stored_is_made_again_when_it_is_gone() {
    let space = Space::new().file("in", "big").story(
        "
        stages:
          a: { inputs: in, outputs: { video: { path: video, store: false } }, run: 'echo ran >> NOTES/ran; cat in > video' }
          b: { inputs: video, outputs: b, run: 'cat video video > b' }
        ",
    );
    space.build().ran(["a", "b"]);
    space.build().is_up_to_date();
    // Nobody needs it: what reads it is fresh.
    space.remove("video").build().ran_nothing();
    space.build_with(&["video"]).ran(["a"]).holds("video", "big");
    space.remove("b").build().ran_nothing().holds("b", "bigbig");
    space.file("in", "bigger").build().ran(["a", "b"]);
    assert_eq!(space.noted("ran"), 3);
}

#[test]
fn a_stage_without_outputs_is_remembered() {
    let space = Space::new().file("in", "good").story(
        "
        stages:
          check: { inputs: in, run: 'echo ran >> NOTES/ran; grep -q good in' }
          a: { needs: check, inputs: in, outputs: a, run: 'cat in > a' }
        ",
    );
    space.build().ran(["check", "a"]);
    space.build().is_up_to_date();
    space
        .file("in", "bad")
        .build_with(&["-k"])
        .exit(1)
        .ended_as("check", "failed")
        .ended_as("a", "blocked")
        .holds("a", "good");
    space.file("in", "good").build().is_up_to_date();
    assert_eq!(space.noted("ran"), 2);
}

#[test]
fn the_environment_is_bare_but_for_what_is_declared() {
    let space = Space::new().story(
        "
        env: { SITE: 'https://example.org' }
        stages:
          a: { pass: [PASSED], env: { OWN: mine }, outputs: a, run: 'echo \"$SITE $OWN $PASSED ${HIDDEN:-hidden}\" > a' }
        ",
    );
    let build = |passed: &str| {
        let mut command = space.command(&["build"]);
        command.env("PASSED", passed).env("HIDDEN", "seen");
        space.finish(command).exit(0)
    };
    build("one").says("done").holds("a", "https://example.org mine one hidden\n");
    // What is passed is no part of the key; what is declared is.
    build("two").says("up to date").holds("a", "https://example.org mine one hidden\n");
    let text = space.read("Storyfile.yaml").replace("OWN: mine", "OWN: yours");
    space.file("Storyfile.yaml", &text).build().ran(["a"]);
}

#[test]
fn a_parameter_is_part_of_what_uses_it() {
    let space = Space::new().story(
        "
        params: { who: Ann, other: x }
        stages:
          a: { outputs: a, run: 'echo ${params.who} > a' }
          b: { outputs: b, run: 'echo b > b' }
        ",
    );
    space.build().ran(["a", "b"]).holds("a", "Ann\n");
    space.build_with(&["-p", "who=Bob"]).ran(["a"]).holds("a", "Bob\n");
    space.build_with(&["-p", "who=Bob", "-p", "other=y"]).is_up_to_date();
    space.build().ran_nothing().holds("a", "Ann\n");
}

#[test]
fn a_command_sees_its_pipe_fail() {
    let space = Space::new().story("stages: { a: { outputs: a, run: 'false | cat > a' } }");
    space.build().exit(1).ended_as("a", "failed");
}

#[test]
fn an_executable_output_stays_executable_when_it_is_put_back() {
    use std::os::unix::fs::PermissionsExt;
    let space = Space::new().story("stages: { a: { outputs: tool, run: 'echo true > tool; chmod +x tool' } }");
    space.build().ran(["a"]);
    space.remove("tool").build().ran_nothing();
    assert_ne!(std::fs::metadata(space.path("tool")).unwrap().permissions().mode() & 0o100, 0);
}

#[test]
fn an_optional_input_that_is_absent_is_no_word_of_a_command() {
    let space = Space::new().file("src.txt", "src\n").story(
        "
        stages:
          list: { inputs: ['notes.md?', src.txt], outputs: list, run: 'cat ${inputs} > list' }
          one: { inputs: ['notes.md?', src.txt], outputs: one, run: 'cat ${inputs[0]} ${inputs[1]} > one' }
          named: { inputs: { n: 'notes.md?', s: src.txt }, outputs: named, run: 'for x in \"${inputs.n}\" ${inputs.n} ${inputs.s}; do echo \"<$x>\"; done > named' }
          given: { inputs: { n: 'notes.md?', s: src.txt }, outputs: given, run: 'printf \"<%s>\" ${inputs.n | default(\"\")} \"${inputs.n | default(\"\")}\" ${inputs.s} > given' }
          argv: { inputs: { n: 'notes.md?' }, outputs: argv, run: [sh, -c, 'echo $# $1 > argv', sh, '${inputs.n}', '-n=${inputs.n}'] }
        ",
    );
    let run = space.build().ran(["argv", "given", "list", "named", "one"]);
    run.holds("list", "src\n").holds("one", "src\n").holds("named", "<>\n<src.txt>\n").holds("given", "<><src.txt>");
    run.holds("argv", "1 -n=\n");
    let run = space.file("notes.md", "notes\n").build().ran(["argv", "given", "list", "named", "one"]);
    run.holds("list", "notes\nsrc\n").holds("named", "<notes.md>\n<notes.md>\n<src.txt>\n");
    run.holds("given", "<notes.md><notes.md><src.txt>").holds("argv", "2 notes.md\n");
}

#[test]
fn an_optional_input_whose_maker_failed_is_not_absent() {
    let space = Space::new().file("src.txt", "src").story(
        "
        stages:
          maker: { inputs: 'good?', outputs: notes.md, run: 'cat ${inputs} > notes.md; test -s notes.md' }
          reader: { inputs: ['notes.md?', src.txt], outputs: a, run: 'cat ${inputs} > a' }
        ",
    );
    space.build_with(&["-k"]).exit(1).ended_as("maker", "failed").ended_as("reader", "blocked");
    assert!(!space.has("a"));
}

#[test]
fn a_rule_under_check_may_look_into_an_input() {
    let space = Space::new().story(
        "
        stages:
          a:
            inputs: { limits: limits.json }
            outputs: a
            run: echo one two three > a
            check: { words: { max: '${inputs.limits.words}' }, forbid: four }
        ",
    );
    space.file("limits.json", "{\"words\": 2}").build().exit(1).ended_as("a", "failed").says("3 words, over 2");
    space.file("limits.json", "{\"words\": 3}").build().ran(["a"]);
}

#[test]
fn a_folder_beside_a_file_that_is_looked_into_does_no_harm() {
    let space = Space::new().story(
        "
        stages:
          a: { inputs: { notes: notes/, idea: idea.json }, outputs: a, run: 'echo ${inputs.idea.title} > a' }
        ",
    );
    space.file("notes/x", "").file("idea.json", "{\"title\": \"Bus\"}").build().ran(["a"]).holds("a", "Bus\n");
}
