//! `--batch`: a story for each row of a table.

use crate::space::Space;
use serde_json::Value;

const STORY: &str = "
    params:
      title: { type: text, default: None }
      n: { type: int, default: 3, min: 1 }
    stages:
      one: { outputs: \"build/${batch.id}/one.txt\", run: \"echo '${params.title} ${params.n}' > ${outputs[0]}\" }
      two: { inputs: \"build/${batch.id}/one.txt\", outputs: \"build/${batch.id}/two.txt\", run: 'cp ${inputs[0]} ${outputs[0]}' }
      three: { inputs: \"build/${batch.id}/two.txt\", outputs: \"dist/${batch.id}.txt\", run: 'cp ${inputs[0]} ${outputs[0]}' }
    ";

const BATCH: &[&str] = &["--batch", "rows.csv"];

fn space(rows: &str) -> Space {
    Space::new().story(STORY).file("rows.csv", rows)
}

#[test]
fn each_row_makes_a_story_of_its_own() {
    let run = space("id,title,n\na,Hello,1\nb-2,\"Мир \"\"x\"\" $(touch pwned)\",\n").build_with(BATCH);
    run.ran(["one:a", "two:a", "three:a", "one:b-2", "two:b-2", "three:b-2"])
        .holds("dist/a.txt", "Hello 1\n")
        .holds("dist/b-2.txt", "Мир \"x\" $(touch pwned) 3\n")
        .says("  a    built         3 ran")
        .says("2 rows: 2 built");
    assert!(!run.space().has("pwned"));
    run.space().build_with(BATCH).ran_nothing().says("2 rows: 2 up to date");
}

#[test]
fn a_changed_row_runs_alone() {
    let space = space("id,title\na,A\nb,B\nc,C\n").build_with(BATCH).space();
    let space = space.file("rows.csv", "id,title\na,A\nb,Z\nc,C\n");
    assert_eq!(space.plan(BATCH)["one:b"], "run");
    assert_eq!(space.plan(BATCH)["three:b"], "maybe");
    assert_eq!(space.plan(BATCH)["three:a"], "fresh");
    space.build_with(BATCH).ran(["one:b", "two:b", "three:b"]).holds("dist/b.txt", "Z 3\n");
    // In another order, and with one more: only that.
    space.file("rows.csv", "id,title\nd,D\nc,C\nb,Z\na,A\n").build_with(BATCH).ran(["one:d", "two:d", "three:d"]);
}

/// More rows than are built together.
fn many(changed: &str) -> String {
    let rows = (0..150).map(|n| format!("r{n},{}\n", if n == 100 { changed } else { "x" }));
    format!("id,title\n{}", rows.collect::<String>())
}

#[test]
fn of_many_rows_only_the_changed_one_runs_and_then_none_is_looked_at() {
    let space = space(&many("x")).build_with(BATCH).exit(0).space();
    let quiet = ["build", "--batch", "rows.csv"];
    let is_quiet = |what: &str| {
        let (state, tree) = (space.state_stats(), space.tree());
        space.run(&quiet).exit(0).says("everything is up to date (450 stages)").says("150 rows: 150 up to date");
        assert!(space.state_stats() == state && space.tree() == tree, "{what}: all rows are looked at");
    };
    is_quiet("at once");
    let space = space.file("rows.csv", &many("changed"));
    space.build_with(BATCH).ran(["one:r100", "two:r100", "three:r100"]).holds("dist/r100.txt", "changed 3\n");
    is_quiet("after a change");
    // With events, or as JSON, each row is told.
    let run = space.build_with(BATCH).ran_nothing();
    assert_eq!(run.with("fresh").len(), 450);
    space.run(&["build", "--batch", "rows.csv", "--json"]).exit(0).says("\"r149\"");
}

#[test]
fn whatever_a_batch_looked_at_may_not_change_unseen() {
    let story = "
        params: { title: { type: text, default: x } }
        stages:
          a: { inputs: [in.txt, 'src/*.txt'], outputs: 'a/${batch.id}', env: { WORD: '${WORD:-none}' }, run: \"cat ${inputs[0]} > ${outputs[0]}\" }
          b: { inputs: 'a/${batch.id}', outputs: 'b/${batch.id}', run: 'cp ${inputs[0]} ${outputs[0]}' }
        ";
    let space = Space::new().story(story).file("in.txt", "1").file("src/1.txt", "").file("rows.csv", "id\nr\ns\n");
    space.build_with(BATCH).ran(["a:r", "a:s", "b:r", "b:s"]);
    let ran = |space: &Space, count: usize| {
        let run = space.run(&["build", "--batch", "rows.csv", "--json"]).exit(0);
        run.says(&format!("\"done\": {count}"));
        space.run(&["build", "--batch", "rows.csv"]).exit(0).says("everything is up to date (4 stages)");
    };
    ran(&space.file("in.txt", "2"), 4);
    ran(&space.file("src/2.txt", ""), 2);
    ran(&space.file("rows.csv", "id\ns\nt\n"), 2);
    space.remove("b").run(&["build", "--batch", "rows.csv"]).exit(0).holds("b/s", "2");
    let mut command = space.command(&["build", "--batch", "rows.csv"]);
    space
        .finish({
            command.env("WORD", "other");
            command
        })
        .exit(0)
        .says("2 rows: 2 built");
    space.story(&story.replace("cp ", "cat ").replace("} ${outputs[0]}' }", "} > ${outputs[0]}' }"));
    space.build_with(BATCH).ran(["b:s", "b:t"]);
}

#[test]
fn what_a_later_row_changes_under_an_earlier_is_seen_by_the_next_batch() {
    let story = "
        params: { title: { type: text, default: x } }
        stages:
          a: { inputs: in.txt, outputs: 'a/${batch.id}', run: 'cp ${inputs[0]} ${outputs[0]}' }
          b: { when: params.title == 'changed', after: a, run: 'echo ${params.title} >> in.txt' }
        ";
    let space = Space::new().story(story).file("in.txt", "1\n").file("rows.csv", &many("x"));
    space.build_with(BATCH).exit(0);
    space.run(&["build", "--batch", "rows.csv"]).exit(0).says("150 rows: 150 up to date");
    let space = space.file("rows.csv", &many("changed"));
    space.run(&["build", "--batch", "rows.csv"]).exit(0);
    space.run(&["build", "--batch", "rows.csv"]).exit(0).holds("a/r0", "1\nchanged\n");
}

#[test]
fn rows_of_other_formats_have_values_of_every_type() {
    let story = "
        params: { n: 1, tone: { type: list, default: [] }, draft: false, title: { type: text, default: x } }
        stages:
          a: { outputs: '${batch.id}.txt', run: \"echo ${params.n} ${params.tone} ${params.draft} ${params.title} > ${outputs[0]}\" }
        ";
    let space = Space::new().story(story);
    let expected = "2 a b true 0.5\n";
    let json = r#"{"id": 7, "n": 2, "tone": ["a", "b"], "draft": true, "title": 0.5}"#;
    space.file("rows.jsonl", json).build_with(&["--batch", "rows.jsonl"]).ran(["a:7"]).holds("7.txt", expected);
    let space = space.file("rows.json", &format!("[{json}]"));
    space.build_with(&["--batch", "rows.json"]).ran_nothing();
    let yaml = "- { id: 7, n: 2, tone: [a, b], draft: true, title: 0.5 }\n";
    space.file("rows.yaml", yaml).build_with(&["--batch", "rows.yaml"]).ran_nothing();
    let tsv = "id\tn\ttone\tdraft\ttitle\n7\t2\ta, b\tyes\t0.5\n";
    space.file("rows.tsv", tsv).build_with(&["--batch", "rows.tsv"]).ran_nothing();
}

#[test]
fn a_wrong_row_stops_all_before_anything_runs_and_with_k_only_itself() {
    let space = space("id,title,n\na,A,1\nb,B,none\nc,C,0\n");
    let run = space.build_with(BATCH).exit(2);
    assert!(!space.has("build"));
    run.says("error[S041]: `none` is not a whole number for the param `n`, in the row `b` at rows.csv:3");
    run.says("error[S120]: 0 is out of the range of the param `n`, in the row `c` at rows.csv:4");
    let run = space.build_with(&["-k", "--batch", "rows.csv"]).exit(2).holds("dist/a.txt", "A 1\n");
    run.says("  b  wrong").says("3 rows: 1 built, 2 wrong");
}

#[test]
fn what_a_row_reads_and_is_not_there_is_told_with_the_row() {
    let story = "
        params: { src: { type: path } }
        stages: { a: { inputs: '${params.src}', outputs: 'o/${batch.id}', run: 'cp ${inputs[0]} ${outputs[0]}' } }
        ";
    let rows = "id,src\na,in put.txt\nb,no.txt\nc,no.txt\nd,../x\n";
    let space = Space::new().story(story).file("in put.txt", "x").file("rows.csv", rows);
    space
        .build_with(BATCH)
        .exit(2)
        .says("input `no.txt` is not there, and no stage makes it, in the row `b` at rows.csv:3 and in 1 more")
        .says("`../x` cannot be the param `src`: the path leads out of the repo, in the row `d` at rows.csv:5");
    space.build_with(&["-k", "--batch", "rows.csv"]).exit(2).holds("o/a", "x").says("4 rows: 1 built, 3 wrong");
}

#[test]
fn a_failing_row_ends_the_batch_and_with_k_only_itself() {
    let story = "
        params: { title: { type: text, default: x } }
        stages:
          a: { outputs: 'a/${batch.id}', run: \"test ${params.title} != bad && echo > ${outputs[0]}\" }
          b: { inputs: 'a/${batch.id}', outputs: 'b/${batch.id}', run: 'cp ${inputs[0]} ${outputs[0]}' }
        ";
    let rows: String = (0..200).map(|n| format!("r{n},{}\n", if n == 3 { "bad" } else { "x" })).collect();
    let space = Space::new().story(story).file("rows.csv", &format!("id,title\n{rows}"));
    let run = space.build_with(&["-j1", "--batch", "rows.csv"]).exit(1);
    run.says("  r3   failed").says("not finished");
    assert!(!space.has("a/r100"));
    let run = space.build_with(&["-k", "--batch", "rows.csv"]).exit(1).ended_as("b:r3", "blocked");
    run.says("200 rows: 199 built, 1 failed").says_not("\n  r4 ");
    assert!(space.has("b/r199"));
}

#[test]
fn rows_without_names_of_their_own_are_told() {
    let told = |rows: &str| space(rows).build_with(BATCH).exit(2);
    told("title\nA\n").says("error[S202]: the row at rows.csv:2 has no `id`");
    told("id\na\nb\na\n").says("error[S202]: the rows at rows.csv:2 and rows.csv:4 both have the `id` `a`");
    told("id,n\n,1\n").says("error[S202]: the `id` of the row at rows.csv:2 is empty");
    told("id\n../x\n").says("error[S202]: `../x` at rows.csv:2 cannot be an `id`");
    told("id\n").says("error: the table `rows.csv` has no rows");
    told("id,n\na\n").says("error: the table `rows.csv` is not a table: CSV error: record 1 (line: 2");
}

#[test]
fn rows_that_write_one_path_are_told_before_anything_runs() {
    let story = "
        params: { title: { type: text, default: x } }
        stages: { a: { outputs: 'out/${params.title}.txt', run: 'touch ${outputs[0]}' } }
        ";
    let space = Space::new().story(story).file("rows.csv", "id,title\na,one\nb,two\nc,ONE\n");
    space
        .build_with(BATCH)
        .exit(2)
        .says("error[S201]: the rows `a` (rows.csv:2) and `c` (rows.csv:4) both write `out/ONE.txt`");
    // What tells them apart need not be the `id`.
    space.file("rows.csv", "id,title\na,one\nb,two\n").build_with(BATCH).ran(["a:a", "a:b"]);
    // Results of other params are no orphans of a build without rows.
    space.build_with(&["-p", "title=three"]).ran(["a"]);
    space.run(&["clean", "--orphans"]).says("nothing to clean");
}

#[test]
fn a_row_sees_nothing_of_another() {
    let story = "
        stages:
          a: { foreach: { x: [p, q] }, outputs: 'out/${batch.id}-${x}.txt', run: 'echo ${batch.id} > ${outputs[0]}' }
          b: { inputs: 'out/*.txt', outputs: 'all/${batch.id}.txt', run: 'cat ${inputs} > ${outputs[0]}' }
        ";
    let space = Space::new().story(story).file("rows.csv", "id\none\ntwo\n");
    space.build_with(BATCH).exit(0).holds("all/one.txt", "one\none\n").holds("all/two.txt", "two\ntwo\n");
    space.build_with(BATCH).ran_nothing();
    let reads = "
        stages:
          a: { outputs: 'a/${batch.id}.txt', run: 'touch ${outputs[0]}' }
          b: { inputs: a/one.txt, outputs: 'b/${batch.id}.txt', run: 'cp ${inputs[0]} ${outputs[0]}' }
        ";
    let run = space.story(reads).build_with(BATCH).exit(2);
    run.says("error[S203]: the row `two` (rows.csv:3) reads `a/one.txt`, which the row `one` (rows.csv:2) writes");
}

#[test]
fn a_list_that_a_stage_writes_fans_out_in_its_row() {
    let story = "
        params: { items: { type: text, default: a } }
        stages:
          list: { outputs: 'l/${batch.id}.json', run: \"echo '${params.items}' > ${outputs[0]}\" }
          each: { foreach: { x: { in: 'l/${batch.id}.json', max: 5 } }, outputs: 'e/${batch.id}/${x}', run: \"echo ${batch.id} ${x} > ${outputs[0]}\" }
          all: { inputs: 'e/${batch.id}/*', outputs: 'all/${batch.id}', run: 'cat ${inputs} > ${outputs[0]}' }
        ";
    let rows = "{\"id\":\"r\",\"items\":\"[1, 2]\"}\n{\"id\":\"s\",\"items\":\"[3]\"}\n";
    let space = Space::new().story(story).file("rows.jsonl", rows);
    let batch = &["--batch", "rows.jsonl"];
    let run = space.build_with(batch).exit(0).holds("all/r", "r 1\nr 2\n").holds("all/s", "s 3\n");
    run.ran(["list:r", "each:r:1", "each:r:2", "all:r", "list:s", "each:s:3", "all:s"]);
    space.build_with(batch).ran_nothing();
}

#[test]
fn a_row_that_is_gone_leaves_orphans() {
    let space = space("id\na\nb\n").build_with(BATCH).space().file("rows.csv", "id\na\n");
    space.run(&["status", "--batch", "rows.csv"]).says("3 results are of stages or items that are no more");
    space.run(&["clean", "--orphans", "--batch", "rows.csv"]).exit(0);
    assert!(space.has("dist/a.txt") && !space.has("dist/b.txt") && !space.has("build/b"));
}

#[test]
fn a_target_is_looked_for_in_every_row() {
    let space = space("id\na\nb\n");
    space.build_with(&["one", "--batch", "rows.csv"]).ran(["one:a", "one:b"]);
    space.build_with(&["dist/b.txt", "--batch", "rows.csv"]).ran(["two:b", "three:b"]);
    space.build_with(&["tow", "--batch", "rows.csv"]).exit(2).says("no stage or output is called `tow`");
    space.build_with(&["--locked", "--batch", "rows.csv"]).exit(3);
    space.build_with(BATCH).ran(["two:a", "three:a"]);
    space.build_with(&["--locked", "--batch", "rows.csv"]).exit(0).ran_nothing();
}

#[test]
fn json_has_an_entry_for_each_row() {
    let space = space("id\na\nb\n").build_with(&["one:b", "--batch", "rows.csv"]).space();
    let mut command = space.command(&["build", "--batch", "rows.csv", "--json"]);
    let answer: Value = serde_json::from_slice(&command.output().unwrap().stdout).unwrap();
    let rows = answer["rows"].as_array().unwrap();
    let told: Vec<_> = rows.iter().map(|row| (row["id"].as_str().unwrap(), &row["counts"])).collect();
    assert_eq!(told[0], ("a", &serde_json::json!({ "done": 3 })));
    assert_eq!(told[1], ("b", &serde_json::json!({ "done": 2, "fresh": 1 })));
    assert_eq!((&answer["exit"], rows[0]["outcome"].as_str()), (&serde_json::json!(0), Some("built")));
}

#[test]
fn what_cannot_be_meant_is_told() {
    let space = space("id,titel\na,A\n");
    space.build_with(BATCH).exit(0).says("nothing uses the column `titel` of `rows.csv`").says("did you mean `title`?");
    let space = space.file("rows.csv", "id,title\na,A\n");
    space
        .build_with(&["--batch", "rows.csv", "-p", "title=B"])
        .exit(2)
        .says("the param `title` is given by `-p` and by a column of `rows.csv`");
    space.build().exit(2).says("error[S200]: `batch` is a row of a table, and none is given");
    space.build_with(&["--batch", "no.csv"]).exit(2).says("the table `no.csv` cannot be read");
    space.run(&["export", "--batch", "rows.csv"]).exit(2).says("`export` writes one Storyfile");
}

#[test]
fn hooks_of_the_run_are_told_once() {
    let story = "
        hooks: { run_start: 'echo start >> told', run_finish: 'echo finish >> told' }
        stages: { a: { outputs: 'a/${batch.id}', run: 'touch ${outputs[0]}' } }
        ";
    let rows: String = (0..150).map(|n| format!("r{n}\n")).collect();
    let space = Space::new().story(story).file("rows.csv", &format!("id\n{rows}"));
    space.build_with(BATCH).exit(0).holds("told", "start\nfinish\n");
    // Whoever listens hears also of a batch that has nothing to do.
    space.run(&["build", "--batch", "rows.csv"]).exit(0).holds("told", "start\nfinish\nstart\nfinish\n");
}
