//! `when:`: a stage takes part or it does not; what stands is left alone, and what needs it is left out.

use crate::space::Space;
use std::fs;
use std::os::unix::fs::PermissionsExt;

fn video() -> Space {
    Space::new()
        .story(
            "
            params: { video: { type: bool, default: true } }
            stages:
              cut: { inputs: in.txt, outputs: cut.txt, run: 'cat in.txt > cut.txt' }
              video: { when: params.video, inputs: cut.txt, outputs: dist/v.txt, run: 'cat cut.txt > dist/v.txt' }
              upload: { inputs: dist/v.txt, outputs: up.txt, run: 'cat dist/v.txt > up.txt' }
              page: { inputs: [cut.txt, dist/v.txt?], outputs: page.txt, run: 'cat ${inputs} > ${outputs[0]}' }
              list: { inputs: 'dist/*.txt', outputs: list.txt, run: 'echo ${inputs} > ${outputs[0]}' }
              last: { after: upload, outputs: last.txt, run: echo last > last.txt }
              told: { needs: video, run: 'true' }
            ",
        )
        .file("in.txt", "one\n")
}

#[test]
fn a_false_condition_skips_the_stage_and_all_that_requires_what_it_makes() {
    let run = video().build_with(&["-p", "video=false"]).ran(["cut", "page", "list", "last"]);
    run.ended_as("video", "skipped").ended_as("upload", "skipped").ended_as("told", "skipped");
    run.says("4 ran, 3 skipped")
        .says("skipped: video, upload, told")
        .holds("page.txt", "one\n")
        .holds("list.txt", "\n");
}

#[test]
fn old_outputs_are_left_alone_and_count_as_absent() {
    let space = video();
    space.build().ran(["cut", "video", "upload", "page", "list", "last", "told"]).holds("page.txt", "one\none\n");
    let run = space.build_with(&["-p", "video=false"]).ran(["page", "list"]);
    run.holds("dist/v.txt", "one\n").holds("page.txt", "one\n").holds("list.txt", "\n");
    assert!(space.read("Storyfile.lock").contains("\"video\""));
    // What it made is there still, and right: nothing runs but those that left it out.
    space.build().ran([]).holds("page.txt", "one\none\n").ended_as("page", "restored").ended_as("video", "fresh");
}

#[test]
fn an_edit_of_what_is_skipped_is_nobodys_business() {
    let space = video();
    space.build().exit(0);
    space.file("dist/v.txt", "mine\n").build_with(&["-p", "video=false"]).exit(0).holds("dist/v.txt", "mine\n");
    space.run(&["accept", "video", "-p", "video=false"]).says("it is skipped: `when: params.video` is false");
    space.run(&["status"]).exit(0).says("your edit stands");
}

#[test]
fn the_plan_says_what_is_skipped_and_why() {
    let space = video();
    let plan = space.plan(&["-p", "video=false"]);
    let states = ["cut", "video", "upload", "page", "list", "last", "told"].map(|name| plan[name].as_str());
    assert_eq!(states, ["run", "skipped", "skipped", "maybe", "run", "run", "skipped"]);
    space.run(&["status", "-p", "video=false"]).exit(0).says("skipped  video   `when: params.video` is false");
    let why = space.run(&["why", "upload", "-p", "video=false"]).exit(0);
    why.says("upload is skipped: what stands is left alone").says("it needs `dist/v.txt` of `video`, which is skipped");
    space.run(&["why", "told", "-p", "video=false"]).says("it needs `dist/v.txt` of `video`");
    space.run(&["graph", "--status", "-p", "video=false"]).says("video (skipped)");
}

#[test]
fn a_build_after_a_skip_is_quiet() {
    let space = video();
    let args = ["build", "-p", "video=false"];
    space.run(&args).exit(0).says("3 skipped");
    let mut stats = space.state_stats();
    let is_quiet = (0..50).any(|_| {
        space.run(&args).exit(0).says("everything is up to date (7 stages, 3 skipped)").says_not("skipped:");
        space.state_stats() == std::mem::replace(&mut stats, space.state_stats())
    });
    assert!(is_quiet, "a build that has nothing to do writes at most once more");
    let json = space.run(&["build", "--json", "-p", "video=false"]).exit(0);
    json.says("\"fresh\": 4").says("\"skipped\": 3");
    space.run(&["status", "--exit-code", "-p", "video=false"]).exit(0).says("up to date (7 stages, 3 skipped)");
    space.run(&["build", "--locked", "-p", "video=false"]).exit(0);
    space.build().ran(["video", "upload", "told", "page", "list"]);
}

#[test]
fn for_a_skipped_target_nothing_is_made() {
    let run = video().build_with(&["upload", "-p", "video=false"]).ran([]);
    run.says("everything is up to date (1 stage, 1 skipped)");
    assert!(!run.has("cut.txt"));
}

#[test]
fn who_needs_the_verdict_of_a_skipped_stage_is_skipped() {
    let space = Space::new().story(
        "
        stages:
          check: { when: 'false', run: 'true' }
          a: { needs: check, outputs: a.txt, run: touch a.txt }
          b: { after: check, outputs: b.txt, run: touch b.txt }
        ",
    );
    space.build().ran(["b"]).ended_as("check", "skipped").ended_as("a", "skipped");
    space.run(&["why", "a"]).says("it needs `check`, which is skipped");
}

#[test]
fn a_folder_goes_on_without_what_a_skipped_stage_makes_in_it() {
    let space = Space::new()
        .story(
            "
            stages:
              one: { when: 'false', outputs: art/one.txt, run: touch art/one.txt }
              all: { inputs: art/, outputs: all.txt, run: 'ls art > all.txt' }
              whole: { when: 'false', outputs: made/, run: touch made/x }
              of: { inputs: made/, outputs: of.txt, run: 'ls made > of.txt' }
            ",
        )
        .file("art/two.txt", "");
    space.build().ran(["all"]).holds("all.txt", "two.txt\n").ended_as("of", "skipped");
    // Nothing at all is there: it would have been made by the one that is skipped.
    space.remove("art").build().ran([]).ended_as("all", "skipped");
}

#[test]
fn a_program_that_a_skipped_stage_makes_runs_nowhere() {
    let space = Space::new().story(
        "
        stages:
          tool: { when: 'false', outputs: bin/tool.sh, run: 'mkdir -p bin; echo true > bin/tool.sh' }
          use: { outputs: x.txt, run: 'sh bin/tool.sh' }
        ",
    );
    space.build().ended_as("use", "skipped").exit(0);
}

#[test]
fn only_a_reader_of_what_is_skipped_leaves_it_out_too() {
    let space = video();
    space.build().exit(0);
    space.build_with(&["--only", "page", "-p", "video=false"]).ran(["page"]).holds("page.txt", "one\n");
    space.build_with(&["--only", "upload", "-p", "video=false"]).ran([]).ended_as("upload", "skipped");
}

#[test]
fn each_instance_has_its_own_condition() {
    let space = Space::new().story(
        "
        stages:
          page:
            foreach: { lang: [en, es] }
            when: lang != \"es\"
            outputs: ${lang}.txt
            run: echo ${lang} > ${outputs[0]}
          sub: { foreach: page, needs: page, outputs: '${lang}.sub', run: 'touch ${outputs[0]}' }
          book: { inputs: '*.txt', outputs: book.md, run: 'cat ${inputs} > ${outputs[0]}' }
        ",
    );
    let run = space.build().ran(["page:en", "sub:en", "book"]).holds("book.md", "en\n");
    run.ended_as("page:es", "skipped").ended_as("sub:es", "skipped");
    space.run(&["why", "page:es"]).says("`when: lang != \"es\"` is false").says("`lang` is \"es\"");
}

#[test]
fn who_gathers_instances_goes_without_the_skipped_ones_unless_all_are() {
    let space = Space::new().story(
        "
        params: { all: true }
        stages:
          page:
            foreach: { lang: [en, es, de] }
            when: params.all and lang != 'es'
            outputs: { text: '${lang}.txt', size: '${lang}.size' }
            run: 'echo ${lang} | tee ${outputs.text} > ${outputs.size}'
          told: { foreach: page, needs: page, run: echo told }
          book: { needs: page, outputs: book.md, run: 'cat ${needs.page} > ${outputs[0]}' }
          log: { needs: told, outputs: log.txt, run: touch log.txt }
        ",
    );
    let run = space.build().ran(["page:en", "page:de", "told:en", "told:de", "book", "log"]);
    run.holds("book.md", "en\nen\nde\nde\n").ended_as("page:es", "skipped").ended_as("told:es", "skipped");
    space.build().ran_nothing();
    // What a skipped one left is left out too: another condition is another book.
    let text = space.read("Storyfile.yaml").replace("!= 'es'", "!= 'de'");
    let space = space.file("Storyfile.yaml", &text);
    space.build().ran(["page:es", "told:es", "book"]).holds("book.md", "en\nen\nes\nes\n");
    let run = space.build_with(&["-p", "all=false"]).ran([]).ended_as("book", "skipped").ended_as("log", "skipped");
    run.holds("book.md", "en\nen\nes\nes\n");
    space.run(&["why", "book", "-p", "all=false"]).says("it needs `en.txt` of `page:en`, which is skipped");
    assert_eq!(space.plan(&["-p", "all=false"])["log"], "skipped");
}

fn publish() -> Space {
    Space::new()
        .story(
            "
            stages:
              meta: { inputs: meta.src, outputs: build/meta.json, run: 'cat meta.src > ${outputs[0]}' }
              post:
                when: inputs.meta.json.publish and not exists(\"hold.txt\")
                inputs: { meta: build/meta.json }
                outputs: post.txt
                run: cp ${inputs.meta} ${outputs[0]}
              feed: { inputs: post.txt, outputs: feed.txt, run: 'cp post.txt feed.txt' }
            ",
        )
        .file("meta.src", r#"{ "publish": false }"#)
}

#[test]
fn a_condition_over_what_a_stage_makes_is_maybe_until_it_stands() {
    let space = publish();
    let plan = space.plan(&[]);
    assert_eq!([&plan["meta"], &plan["post"], &plan["feed"]], ["run", "maybe", "maybe"]);
    let run = space.build().ran(["meta"]).ended_as("post", "skipped").ended_as("feed", "skipped");
    run.says("2 skipped");
    assert_eq!(space.plan(&[])["post"], "skipped");
    space.run(&["why", "post"]).says("`inputs.meta.json.publish` is false");
    space.run(&["build"]).exit(0).says("up to date (3 stages, 2 skipped)");
    space.file("meta.src", r#"{ "publish": true }"#).build().ran(["meta", "post", "feed"]);
    // Back again: the condition is false, what it made stays.
    space.file("meta.src", r#"{ "publish": false }"#).build().ran([]).ended_as("post", "skipped");
    assert!(space.has("post.txt") && space.has("feed.txt"));
}

#[test]
fn a_file_that_a_condition_asks_for_is_watched() {
    let space = publish().file("meta.src", r#"{ "publish": true }"#);
    space.build().ran(["meta", "post", "feed"]);
    space.settled();
    space.file("hold.txt", "").run(&["build"]).exit(0).says("2 skipped");
    space.run(&["why", "post"]).says("`not exists(\"hold.txt\")` is false");
    space.settled();
    space.remove("hold.txt").run(&["build"]).exit(0).says("everything is up to date (3 stages)");
}

#[test]
fn exists_waits_for_the_stage_that_makes_the_path() {
    let space = Space::new().story(
        "
        stages:
          z: { when: exists(\"build/a.txt\") and exists('dir/'), outputs: z.txt, run: touch z.txt }
          a: { after: b, outputs: build/a.txt, run: touch build/a.txt }
          b: { outputs: dir/, run: touch dir/x }
        ",
    );
    assert_eq!(space.plan(&[])["z"], "maybe");
    space.build().ran(["a", "b", "z"]).build().is_up_to_date();
}

#[test]
fn a_program_that_comes_makes_the_condition_true() {
    let space = Space::new().story(
        "
        stages:
          a: { outputs: a.txt, run: touch a.txt }
          b: { when: has('frobnicate'), outputs: b.txt, run: touch b.txt }
        ",
    );
    space.build().ran(["a"]).ended_as("b", "skipped");
    space.settled();
    space.run(&["why", "b"]).says("`when: has('frobnicate')` is false");
    let bin = space.note("bin");
    fs::create_dir(&bin).unwrap();
    let with_program = || {
        let mut command = space.command(&["build"]);
        let path = std::env::var("PATH").unwrap();
        command.env("PATH", format!("{}:{path}", bin.display()));
        space.finish(command)
    };
    fs::write(bin.join("frobnicate"), "#!/bin/sh\n").unwrap();
    // A file that cannot be executed is no program.
    with_program().exit(0).says("1 skipped");
    fs::set_permissions(bin.join("frobnicate"), fs::Permissions::from_mode(0o755)).unwrap();
    with_program().exit(0).says("built 2 stages").says("1 ran, 1 fresh");
}

#[test]
fn a_variable_that_changes_is_noticed() {
    let space = Space::new().story(
        "
        stages:
          a: { outputs: a.txt, run: touch a.txt }
          b: { when: env.MODE | default('draft') == 'final', outputs: b.txt, run: touch b.txt }
        ",
    );
    space.run(&["build"]).exit(0).says("1 skipped");
    space.settled();
    let mut command = space.command(&["build"]);
    command.env("MODE", "final");
    space.finish(command).exit(0).says("1 ran");
}

#[test]
fn what_is_neither_true_nor_false_fails_the_stage() {
    let space = publish().file("meta.src", r#"{ "publish": "false" }"#);
    let run = space.build_with(&["-k"]).exit(1).ended_as("post", "failed");
    run.says("is the text \"false\", neither true nor false").says("Compare it");
    space.file("meta.src", "{}").build().exit(1).says("is nothing, neither true nor false").says("default(false)");
}

#[test]
fn what_a_condition_reads_failed_and_the_stage_is_blocked() {
    let space = publish().file("meta.src", r#"{ "publish": false }"#);
    space.build().exit(0);
    space.story(
        "
        stages:
          meta: { inputs: meta.src, outputs: build/meta.json, run: 'exit 3' }
          post:
            when: inputs.meta.json.publish
            inputs: { meta: build/meta.json }
            outputs: post.txt
            run: cp ${inputs.meta} ${outputs[0]}
        ",
    );
    space.build().exit(1).ended_as("post", "blocked");
}

#[test]
fn what_runs_is_what_the_plan_says_for_every_answer() {
    for publish in ["true", "false"] {
        for hold in [true, false] {
            for built in [true, false] {
                let space = self::publish().file("meta.src", &format!("{{ \"publish\": {publish} }}"));
                if built {
                    space.build().exit(0);
                    space.file("meta.src", &format!("{{ \"publish\": {publish}, \"n\": 1 }}"));
                }
                if hold {
                    space.file("hold.txt", "");
                }
                let plan = space.plan(&[]);
                let run = space.build().exit(0);
                for name in run.started() {
                    assert!(["run", "maybe"].contains(&plan[&name].as_str()), "{name}: {plan:?}");
                }
                for (name, _) in plan.iter().filter(|(_, state)| *state == "skipped") {
                    run.ended_as(name, "skipped");
                }
            }
        }
    }
}

#[test]
fn instances_that_come_during_the_run_have_their_conditions() {
    let space = Space::new()
        .story(
            "
            stages:
              list: { inputs: l.json, outputs: build/list.json, run: 'cp l.json ${outputs[0]}' }
              part:
                foreach: { c: { in: build/list.json, key: id, max: 9 } }
                when: c.publish and has('sh') and not exists('hold/' ~ c.id)
                outputs: parts/${c.id}.md
                run: echo ${c.id} > ${outputs[0]}
              book: { inputs: 'parts/*.md', outputs: book.md, run: 'cat ${inputs} > ${outputs[0]}' }
            ",
        )
        .file("l.json", r#"[{ "id": "a", "publish": true }, { "id": "b", "publish": false }]"#);
    let run = space.build().ran(["list", "part:a", "book"]).ended_as("part:b", "skipped");
    run.holds("book.md", "a\n");
    space.settled();
    space.file("hold/a", "").build().ran(["book"]).ended_as("part:a", "skipped").holds("book.md", "");
}
