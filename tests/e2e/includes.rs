//! `include`: stages of other folders, at home there.

use crate::space::Space;

fn space() -> Space {
    let space = Space::new().story(
        "
        params:
          title: Night
          cover: { type: path, default: art/cover.txt }
        env: { MODE: all }
        include: [voices/Storyfile.yaml]
        stages:
          script: { outputs: build/script.md, run: 'echo ${params.title} > ${outputs[0]}' }
          book:
            needs: voices.narrate
            inputs: voices/out/*.txt
            outputs: dist/book.txt
            run: cat ${inputs} ${needs.voices.narrate} > ${outputs[0]}
        ",
    );
    space
        .file("art/cover.txt", "cover\n")
        .file("voices/house style.md", "style\n")
        .file("voices/tools/say.sh", "cat \"$@\"\n")
        .file(
            "voices/Storyfile.yaml",
            "x-quick: &quick { timeout: 1m }
params:
  speed: { type: int, default: 3, min: 1 }
  sample: { type: path, default: house style.md }
stages:
  narrate:
    <<: *quick
    inputs: { script: ../build/script.md, style: '*.md', cover: '${params.cover}', sample: '${params.sample}' }
    outputs: out/narration.txt
    run: |
      sh tools/say.sh ${inputs.script} ${inputs.style} ${inputs.cover} ${params.cover} > ${outputs[0]}
      echo ${inputs.script} ${inputs.sample} ${params.cover} ${params.speed} $MODE $(basename \"$PWD\") >> ${outputs[0]}
  check:
    needs: narrate
    run: test -s ${needs.narrate}
  copy:
    foreach: { n: [1, 2] }
    inputs: out/narration.txt
    outputs: out/copy/${n}.txt
    run: cp out/narration.txt out/copy/${n}.txt
",
        )
}

const NARRATION: &str = "Night\nstyle\ncover\ncover\n../build/script.md house style.md ../art/cover.txt 3 all voices\n";

#[test]
fn included_stages_are_at_home_in_their_folder() {
    let run =
        space().build().ran(["script", "voices.narrate", "voices.check", "voices.copy:1", "voices.copy:2", "book"]);
    run.holds("voices/out/narration.txt", NARRATION);
    run.holds("voices/out/copy/2.txt", NARRATION);
    run.holds("dist/book.txt", &NARRATION.repeat(2));
    run.build().is_up_to_date();
    run.run(&["build"]).exit(0).says("everything is up to date (6 stages)");
}

#[test]
fn a_program_of_the_folder_and_what_the_folder_holds_are_inputs() {
    let space = space();
    space.build().exit(0);
    space.file("voices/tools/say.sh", "cat \"$@\" \n").build().because("input voices/tools/say.sh changed");
    space.file("voices/more.md", "more\n").build().because("input voices/more.md is new");
    space.file("art/cover.txt", "new\n").build().because("input art/cover.txt changed");
}

#[test]
fn targets_name_included_stages_in_full() {
    let space = space();
    space.build_with(&["voices.narrate"]).ran(["script", "voices.narrate"]);
    space.build_with(&["voices.copy:*"]).ran(["voices.copy:1", "voices.copy:2"]);
    space.build_with(&["voices/out/copy/1.txt"]).ran_nothing();
    space.run(&["why", "voices.check"]).exit(0).says("voices.check will run");
    space.run(&["graph"]).exit(0).says("voices.narrate");
    space.build_with(&["voices.narate"]).exit(2).says("Did you mean `voices.narrate`?");
}

#[test]
fn a_quiet_build_watches_included_files() {
    let space = space();
    space.settled();
    let text = space.read("voices/Storyfile.yaml");
    space.file("voices/Storyfile.yaml", &text.replace("default: 3", "default: 4"));
    space.run(&["build"]).exit(0);
    assert!(space.read("voices/out/narration.txt").contains(" 4 all voices"));
    space.file("voices/Storyfile.yaml", &format!("# a remark\n{}", text.replace("default: 3", "default: 4")));
    space.build().ran_nothing();
}

#[test]
fn their_params_are_given_as_all_params_are() {
    let space = space();
    space.build_with(&["-p", "speed=9", "-p", "cover=voices/house style.md", "voices.narrate"]).exit(0);
    let text = space.read("voices/out/narration.txt");
    assert!(text.ends_with("../build/script.md house style.md house style.md 9 all voices\n"), "{text}");
    space.build_with(&["-p", "speed=0"]).exit(2).says("--> voices/Storyfile.yaml:3:3").says("declared here");
}

#[test]
fn a_profile_changes_an_included_stage_by_its_full_name() {
    let space = space();
    let text = space.read("Storyfile.yaml");
    space.file(
        "Storyfile.yaml",
        &format!("{text}profiles: {{ dry: {{ stages: {{ voices.narrate: {{ run: 'echo dry > ${{outputs[0]}}' }}, voices.copy: ~ }} }} }}\n"),
    );
    space.build_with(&["--profile", "dry"]).ran(["script", "voices.narrate", "voices.check", "book"]);
    space.holds("voices/out/narration.txt", "dry\n");
}

#[test]
fn an_included_file_may_include_and_two_ways_lead_to_one_file() {
    let space = Space::new()
        .story("include: [a/s.yaml, b/s.yaml]\nstages: { root: { needs: [a.one, b.two, c.d.three], run: 'true' } }")
        .file("a/s.yaml", "include: [../c/d/s.yaml]\nstages: { one: { needs: c.d.three, run: 'true' } }")
        .file(
            "b/s.yaml",
            "include: ../c/d/s.yaml\nstages: { two: { after: [one, a.one], run: echo 2 }, one: { run: echo 1 } }",
        )
        .file("c/d/s.yaml", "stages: { three: { run: test -f s.yaml } }");
    space.build().ran(["root", "a.one", "b.two", "b.one", "c.d.three"]);
}

#[test]
fn a_fault_of_an_included_file_is_shown_there() {
    let space = Space::new()
        .story("include: [voices/more.yaml]\nstages: { a: { outputs: voices/x.txt, run: touch voices/x.txt } }")
        .file("voices/more.yaml", "# more\nstages:\n  b: { outputs: x.txt, run: touch x.txt, inptus: no.txt }\n  c: { outputs: more.yaml, run: 'true' }\n");
    let run = space.run(&["validate"]).exit(2);
    run.says(
        "error[S020]: the key `inptus` is not known
 --> voices/more.yaml:3:42
  |
3 |   b: { outputs: x.txt, run: touch x.txt, inptus: no.txt }
  |                                          ^^^^^^ not known
  |
  = help: did you mean `inputs`?
",
    );
    run.says(
        "error[S071]: `a` and `voices.b` both write `voices/x.txt`
 --> voices/more.yaml:3:17
  |
3 |   b: { outputs: x.txt, run: touch x.txt, inptus: no.txt }
  |                 ^^^^^ written here
  |
 ::: Storyfile.yaml:4:25
",
    );
    run.says("error[S074]: no stage may write `voices/more.yaml`");
    space.run(&["validate", "--json"]).exit(2).says("\"file\": \"voices/more.yaml\"").says("\"line\": 3");
    // What shows only on disk has its place in the right file, too.
    space.file("voices/more.yaml", "stages:\n  b: { inputs: no.txt, run: 'true' }\n");
    space.build().exit(2).says("error[S101]: input `voices/no.txt` is not there").says("--> voices/more.yaml:2:16");
    space.file("voices/more.yaml", "stages: [\n");
    space.build().exit(2).says("error[S001]").says("--> voices/more.yaml:2:1");
}

#[test]
fn what_cannot_be_included_is_told() {
    let with = |include: &str, files: &[(&str, &str)]| {
        let space = Space::new().story(&format!("include: {include}\nstages: {{ a: {{ run: 'true' }} }}"));
        files.iter().for_each(|(name, text)| drop(space.file(name, text)));
        space.build().exit(2)
    };
    with("[voices/no.yaml]", &[])
        .says("error[S131]: `voices/no.yaml` cannot be included: it is not there")
        .says(":3:11");
    // Who needs what the file would declare is not told that it is missing as well.
    let space = Space::new().story("include: [no.yaml]\nstages: { a: { needs: no.more, run: 'true' } }");
    space.build().exit(2).says("error[S131]").says_not("S012");
    with("[voices]", &[("voices/x", "")]).says("`voices` cannot be included: it is no file");
    with("[../x.yaml]", &[]).says("error[S070]: `../x.yaml` is no path of this repo: the path leads out of the repo");
    with("[/etc/passwd]", &[]).says("error[S070]");
    with("[{ a: b }]", &[]).says("error[S021]: `include` names files, not a map");
    with("\"${X}.yaml\"", &[]).says("error[S066]: no expression can stand in `include`");
    with("[голоса/s.yaml]", &[("голоса/s.yaml", "stages: {}")]).says("error[S132]: the folder `голоса` cannot be part");
    with("[a/s.yaml]", &[("a/s.yaml", "storygen: 1\nenv: {}\nstages: {}")])
        .says("error[S130]: `storygen` cannot stand in `a/s.yaml`, which is included")
        .says("error[S130]: `env` cannot stand in");
    Space::new()
        .story("include: [a.yaml]\nstages: { a: { run: 'true' } }")
        .file("a.yaml", "# later\n")
        .build()
        .ran(["a"]);
    with("[a/s.yaml]", &[("a/s.yaml", "[]")]).says("error[S021]: an included file must be a map, not a list");
    with("[a/s.yaml]", &[("a/s.yaml", "stages: []")]).says("error[S021]: `stages` must be a map, not a list");
}

#[test]
fn two_files_of_one_folder_may_not_clash() {
    let space = Space::new()
        .story("params: { x: 1 }\ninclude: [a/one.yaml, a/two.yaml, more.yaml]\nstages: { a: { run: 'true' } }")
        .file("a/one.yaml", "stages: { b: { run: 'true' } }\n")
        .file("a/two.yaml", "params: { x: 2 }\nstages: { b: { run: 'true' } }\n")
        .file("more.yaml", "stages: { a: { run: 'true' } }\n");
    let run = space.build().exit(2);
    run.says("error[S133]: two files declare the stage `a.b`").says("--> a/two.yaml:2:11").says("::: a/one.yaml:1:11");
    run.says("error[S133]: two files declare the param `x`").says("error[S133]: two files declare the stage `a`");
}

#[test]
fn files_that_include_each_other_are_refused_as_a_path() {
    let space = Space::new()
        .story("include: [a/s.yaml]\nstages: { a: { run: 'true' } }")
        .file("a/s.yaml", "include: [../b/s.yaml]\n")
        .file("b/s.yaml", "include:\n  - ../a/s.yaml\n");
    let run = space.build().exit(2);
    run.says("error[S134]: files include each other in a circle: a/s.yaml → b/s.yaml → a/s.yaml")
        .says("--> b/s.yaml:2:5");
    space.story("include: Storyfile.yaml\nstages: { a: { run: 'true' } }");
    space.build().exit(2).says("in a circle: Storyfile.yaml → Storyfile.yaml");
}

#[test]
fn a_symlink_does_not_lead_out_of_the_repo() {
    let space = Space::new().story("include: [out/s.yaml]\nstages: { a: { run: 'true' } }");
    std::fs::write(space.note("s.yaml"), "stages: {}").unwrap();
    std::os::unix::fs::symlink(space.note(""), space.path("out")).unwrap();
    space.build().exit(2).says("`out/s.yaml` cannot be included: a symlink leads out of the repo");
}

#[test]
fn an_edit_and_a_lost_file_of_an_included_stage_are_treated_as_any() {
    let space = space();
    space.build().exit(0);
    space.remove("voices/out/narration.txt").build().ran_nothing().holds("voices/out/narration.txt", NARRATION);
    space.file("voices/out/narration.txt", "mine\n").build().exit(0).holds("voices/out/narration.txt", "mine\n");
}

#[test]
fn a_program_is_started_where_the_stage_is_at_home() {
    let space = Space::new()
        .story("include: [a/s.yaml]\nstages: { x: { run: echo x } }")
        .file("a/s.yaml", "stages:\n  list: { outputs: out, run: [./t.sh, '${outputs[0]}'] }\n  word: { run: ./t.sh no }\n  own: { outputs: own, run: ./t.sh own }\n")
        .file("a/t.sh", "#!/bin/sh\n[ $1 = no ] || basename \"$PWD\" > $1\n");
    space
        .chmod("a/t.sh", 0o755)
        .build()
        .ran(["x", "a.list", "a.word", "a.own"])
        .holds("a/out", "a\n")
        .holds("a/own", "a\n");
    space.file("a/t.sh", "#!/bin/sh\n[ $1 = no ] || echo new > $1\n").build().ran(["a.list", "a.word", "a.own"]);
    space.holds("a/out", "new\n").holds("a/own", "new\n");
}

#[test]
fn a_kind_reads_the_files_of_its_folder() {
    let space = Space::new()
        .story("include: [notes/s.yaml]\nstages: { a: { run: 'true' } }")
        .file("notes/s.yaml", "stages:\n  card:\n    uses: template\n    inputs: { text: a.md }\n    outputs: ../dist/card.md\n    with: { template: t.j2 }\n")
        .file("notes/t.j2", "{{ inputs.text }} of {{ inputs.text.path }}\n")
        .file("notes/a.md", "A");
    space.build().ran(["a", "notes.card"]).holds("dist/card.md", "A of a.md\n");
    space.file("notes/t.j2", "new {{ inputs.text }}\n").build().ran(["notes.card"]).holds("dist/card.md", "new A\n");
}

/// A folder whose stages write their own list, are many, and say what they read.
fn fan_in_a_folder() -> Space {
    Space::new()
        .story(
            "
            include: [bk/stages.yaml]
            stages:
              all: { inputs: 'bk/out/*.md', outputs: dist/all.md, run: 'cat ${inputs} > ${outputs[0]}' }
              far: { inputs: 'far/*.md', outputs: dist/far.md, run: 'cat ${inputs} > ${outputs[0]}' }
            ",
        )
        .file(
            "bk/stages.yaml",
            "
            stages:
              list: { inputs: brief.json, outputs: list.json, run: 'cp brief.json list.json' }
              card:
                foreach: { row: list.json }
                outputs: out/${row}.md
                depfile: dep/${row}.d
                run: 'mkdir -p dep; cat lib/x.txt > ${outputs[0]}; echo \"o: lib/x.txt\" > dep/${row}.d'
              far: { foreach: card, outputs: '../far/${row}.md', run: 'echo ${row} > ${outputs[0]}' }
            ",
        )
        .file("bk/brief.json", "[\"b\", \"a\"]")
        .file("bk/lib/x.txt", "x\n")
}

#[test]
fn a_pattern_waits_for_a_fan_out_of_another_folder_whose_list_is_not_written_yet() {
    let run = fan_in_a_folder().build().exit(0).says_not("S104");
    run.holds("dist/all.md", "x\nx\n").holds("dist/far.md", "b\na\n");
    run.build().is_up_to_date();
}

#[test]
fn a_depfile_names_files_from_where_its_command_starts() {
    let space = fan_in_a_folder();
    space.build().exit(0);
    space.file("bk/lib/x.txt", "y\n").build().ran(["bk.card:a", "bk.card:b", "all"]);
}

#[test]
fn an_export_leaves_the_params_of_included_files_where_they_are() {
    let space = Space::new()
        .story(
            "
            include: [bk/stages.yaml]
            stages: { a: { outputs: a.txt, run: 'echo ${params.n} > a.txt' } }
            profiles: { more: { params: { n: 2 } } }
            ",
        )
        .file("bk/stages.yaml", "{ params: { n: 1 }, stages: {} }");
    space.build().exit(0);
    let export = space.run(&["export", "--profile", "more"]).exit(0);
    export.says("include: [bk/stages.yaml]").says("params: {}");
}
