//! Fan-outs over lists in files: of people, of patterns, and of what stages write while the build runs.

use crate::space::{Run, Space};

const BOOK: &str = "
    stages:
      outline:
        inputs: brief.json
        outputs: build/outline.json
        run: cp ${inputs[0]} ${outputs[0]}
      chapter:
        foreach: { chapter: { in: 'build/outline.json#/chapters', key: id } }
        outputs: chapters/${chapter.id}.md
        run: echo '${chapter.title}' > ${outputs[0]}
      summary:
        foreach: chapter
        inputs: chapters/${chapter.id}.md
        outputs: summaries/${chapter.id}.md
        run: tr a-z A-Z < ${inputs[0]} > ${outputs[0]}
      book: { inputs: 'chapters/*.md', outputs: dist/book.md, run: 'cat ${inputs} > ${outputs[0]}' }
";

/// Items `id=title`, in order.
fn brief(chapters: &[&str]) -> String {
    let items = chapters.iter().map(|chapter| {
        let (id, title) = chapter.split_once('=').unwrap();
        serde_json::json!({ "id": id, "title": title })
    });
    serde_json::json!({ "chapters": items.collect::<Vec<_>>() }).to_string()
}

fn book(chapters: &[&str]) -> Space {
    Space::new().story(BOOK).file("brief.json", &brief(chapters))
}

fn rewrite(space: &Space, chapters: &[&str]) -> Run {
    space.file("brief.json", &brief(chapters)).build()
}

#[test]
fn a_list_that_a_stage_writes_makes_a_stage_for_each_item() {
    let space = book(&["b=two", "a=one"]);
    let plan = space.plan(&[]);
    assert_eq!(plan["outline"], "run");
    assert_eq!((plan["chapter"].as_str(), plan["book"].as_str()), ("maybe", "maybe"));
    let run = space.build().ran(["outline", "chapter:a", "chapter:b", "summary:a", "summary:b", "book"]);
    // In the order of the list, not of the names.
    run.holds("dist/book.md", "two\none\n").holds("summaries/a.md", "ONE\n");
    space.build().is_up_to_date();
    space.remove("chapters").remove("dist").build().ran_nothing().holds("dist/book.md", "two\none\n");
}

#[test]
fn only_what_is_new_runs() {
    let space = book(&["a=one", "b=two"]);
    space.build().exit(0);
    rewrite(&space, &["b=two", "a=one"]).ran(["outline", "book"]).holds("dist/book.md", "two\none\n");
    let run = rewrite(&space, &["b=two", "c=three", "a=one"]);
    run.ran(["outline", "chapter:c", "summary:c", "book"]).holds("dist/book.md", "two\nthree\none\n");
    let run = rewrite(&space, &["b=two", "c=drei", "a=one"]);
    run.ran(["outline", "chapter:c", "summary:c", "book"]).holds("dist/book.md", "two\ndrei\none\n");
    // There and back again: what such a list gave before is put back.
    rewrite(&space, &["b=two", "a=one"]).ran_nothing().holds("dist/book.md", "two\none\n");
    assert!(space.has("chapters/c.md"), "what an item that is gone has made stands");
    space.build().is_up_to_date();
}

#[test]
fn an_instance_can_be_asked_for_before_its_list_is_written() {
    let space = book(&["a=one", "b=two"]);
    space.build_with(&["chapter:b"]).ran(["outline", "chapter:b"]);
    space.build_with(&["summaries/a.md"]).ran(["chapter:a", "summary:a"]);
    let run = space.build_with(&["chapter:z"]).exit(2);
    run.says("no stage or output is called `chapter:z`");
    let space = book(&["a=one"]);
    space.build_with(&["chapter:z"]).exit(1).says("no stage or output is called `chapter:z`").started_only("outline");
}

#[test]
fn why_and_status_and_graph_know_the_instances() {
    let space = book(&["a=one", "b=two"]);
    space.build().exit(0);
    space.run(&["why", "chapter:a"]).exit(0).says("chapter:a is fresh");
    space.run(&["graph"]).exit(0).says("chapter ×2");
    space.run(&["graph", "--expand"]).exit(0).says("chapter:b");
    space.file("brief.json", &brief(&["a=eins", "b=two"]));
    let plan = space.plan(&[]);
    assert_eq!((plan["outline"].as_str(), plan["chapter"].as_str()), ("run", "maybe"));
}

#[test]
fn a_list_that_replaces_most_of_the_old_one_is_asked_about() {
    let space = book(&["a=one", "b=two", "c=three"]);
    space.build().exit(0);
    let run = rewrite(&space, &["x=one", "y=two", "c=three"]).exit(3).started_only("outline");
    run.says("2 of 3 instances are in it no more").says("chapter:a → chapter:x").says("storygen accept chapter");
    // Neither the new ones nor the book of the old ones are made before somebody says so.
    space.build().exit(3).started_only("").holds("dist/book.md", "one\ntwo\nthree\n");
    space.run(&["accept", "chapter"]).exit(0);
    space.build().exit(0).ran(["chapter:x", "chapter:y", "summary:x", "summary:y", "book"]);
    space.build().is_up_to_date();
}

#[test]
fn a_list_without_an_edited_instance_is_asked_about() {
    let space = book(&["a=one", "b=two", "c=three"]);
    space.build().exit(0);
    space.file("chapters/b.md", "mine\n").build().exit(0);
    let run = rewrite(&space, &["a=one", "c=three"]).exit(3);
    run.says("`chapter:b` holds your edit").holds("chapters/b.md", "mine\n");
    space.run(&["accept", "chapter"]).exit(0);
    space.build().exit(0).holds("dist/book.md", "one\nthree\n").holds("chapters/b.md", "mine\n");
    // It is an orphan now: the list changes again, and nobody is asked about it.
    rewrite(&space, &["a=one", "c=three", "d=four"]).exit(0);
    let run = space.run(&["clean", "--orphans"]).exit(0);
    run.says("removed summaries/b.md").says("kept chapters/b.md").holds("chapters/b.md", "mine\n");
}

#[test]
fn what_items_made_that_are_gone_is_listed_and_removed_on_demand() {
    let space = book(&["a=one", "b=two", "c=three"]);
    space.build().exit(0);
    rewrite(&space, &["a=one", "c=three"]).exit(0);
    space.run(&["status"]).exit(0).says("`storygen clean --orphans`");
    space.run(&["clean", "--orphans", "--dry-run"]).exit(0).says("would remove chapters/b.md");
    assert!(space.has("chapters/b.md"));
    space.run(&["clean", "--orphans"]).exit(0).says("removed chapters/b.md").says("removed summaries/b.md");
    assert!(!space.has("chapters/b.md") && space.has("chapters/a.md"));
    space.run(&["clean", "--orphans"]).exit(0).says("nothing to clean");
    space.build().is_up_to_date();
    // The item comes back: what was paid for it is still there.
    rewrite(&space, &["a=one", "b=two", "c=three"]).ran_nothing().holds("chapters/b.md", "two\n");
}

#[test]
fn a_list_with_a_wrong_item_fails_its_stage_and_loses_nothing() {
    let space = book(&["a=one", "b=two"]);
    space.build().exit(0);
    let run = rewrite(&space, &["a=one", "b c=two"]).exit(1).started_only("outline");
    run.says("item 2 of `build/outline.json#/chapters` cannot be an item of the axis `chapter`: `b c` is no key");
    run.ended_as("book", "blocked").holds("dist/book.md", "one\ntwo\n");
    rewrite(&space, &["a=one", "a=two"]).exit(1).says("have the same key `a`");
    space.file("brief.json", "{\"chapters\": {}}").build().exit(1).says("has a map where a list is expected");
    space.file("brief.json", "{}").build().exit(1).says("has nothing at `#/chapters`");
    rewrite(&space, &["a=one", "b=two"]).ran([]).holds("dist/book.md", "one\ntwo\n");
}

#[test]
fn no_items_are_no_instances() {
    let space = book(&[]);
    space.build().exit(0).ran(["outline", "book"]).says("no item").holds("dist/book.md", "");
    space.build().is_up_to_date();
}

#[test]
fn the_maker_of_a_list_that_failed_blocks_what_waits_for_it() {
    let space = book(&["a=one"]);
    space.file("brief.json", "x").remove("brief.json");
    space.build().exit(2);
    let space = Space::new().story(&BOOK.replace("cp ${inputs[0]} ${outputs[0]}", "exit 7")).file("brief.json", "{}");
    let run = space.build_with(&["-k"]).exit(1).ended_as("chapter", "blocked");
    run.ended_as("book", "blocked").started_only("outline");
}

#[test]
fn instances_of_a_list_that_could_not_be_made_anew_say_whose_list_it_is() {
    let story = BOOK
        .replace("run: cp", "run: '[ ! -e fail ] && cp")
        .replace("cp ${inputs[0]} ${outputs[0]}", "cp ${inputs[0]} ${outputs[0]}'");
    let space = Space::new().story(&story).file("brief.json", &brief(&["a=one"]));
    space.build().exit(0);
    space.story(&story.replace("title}' >", "title}' | cat >")).file("fail", "").file("brief.json", &brief(&["a=two"]));
    let run = space.build_with(&["-k"]).exit(1).started_only("outline").ended_as("chapter:a", "blocked");
    run.says("its list is what `outline` makes").holds("chapters/a.md", "one\n");
}

#[test]
fn each_fault_of_a_list_has_a_line_of_its_own() {
    let space = Space::new().file("list.json", "[{\"id\": \"a\"}]").story(
        "
        stages:
          list: { inputs: list.json, outputs: build/list.json, run: 'cp list.json build/list.json' }
          card:
            foreach: { card: { in: build/list.json, key: id } }
            outputs: ${card.id}.txt
            run: 'echo ${card.title} ${card.text} > ${outputs[0]}'
        ",
    );
    let run = space.build().exit(1);
    run.says("`${card.title}` has no value in `card:a`").says("`${card.text}` has no value in `card:a`");
    space.run(&["status"]).exit(0).says("`${card.title}` has no value").says_not("`${card.text}`");
    space.run(&["why", "card"]).exit(0).says("`${card.title}` has no value").says("`${card.text}` has no value");
}

#[test]
fn what_every_instance_reads_is_looked_for_before_its_list_is_made() {
    let space = Space::new().file("brief.json", "[\"a\"]").file("style.md", "").story(
        "
        stages:
          list: { inputs: brief.json, outputs: list.json, run: 'cp brief.json list.json' }
          page:
            uses: prompt
            foreach: { n: { in: list.json, max: 9 } }
            inputs: { style: stlye.md, note: 'notes/${n}.md', made: 'made/a.md', list: list.json }
            outputs: pages/${n}.json
            with: { prompt: 'on ${n}', schema: shema.json, temperature: '${n}' }
          made: { foreach: { n: list.json }, outputs: 'made/${n}.md', run: 'echo ${n} > ${outputs[0]}', inputs: gone.txt }
          book: { inputs: ['pages/*.json', lost.md], outputs: book.md, run: 'cat ${inputs} > ${outputs[0]}' }
        ",
    );
    let run = space.build().exit(2);
    for path in ["stlye.md", "shema.json", "gone.txt", "lost.md"] {
        run.says(&format!("input `{path}` is not there, and no stage makes it"));
    }
    run.says_not("`made/a.md`").says_not("`list.json`").says_not("input `notes/");
}

#[test]
fn what_is_wrong_with_a_list_is_told_once() {
    let space = book(&["a=one"]).file("brief.json", "{\"chapters\": [{\"id\": \"a\"}]}");
    for _ in 0..2 {
        let run = space.build_with(&["-k"]).exit(1).ended_as("chapter", "failed").ended_as("summary", "blocked");
        run.says("it has the list of `chapter`");
    }
}

#[test]
fn an_edited_list_counts_as_it_stands() {
    let space = book(&["a=one", "b=two"]);
    space.build().exit(0);
    space.file("build/outline.json", &brief(&["a=one", "b=two", "c=three"]));
    space.build().exit(0).ran(["chapter:c", "summary:c", "book"]);
    // The list's own stage waits; what stands and is right stays so, what would be new is not made on old ground.
    let run = rewrite(&space, &["a=one"]).exit(3).started_only("");
    run.ended_as("outline", "waiting").ended_as("chapter:c", "fresh");
}

#[test]
fn tables_and_lines_and_patterns_are_lists() {
    let space = Space::new()
        .story(
            "
            stages:
              card:
                foreach: { person: { in: people.csv, key: id } }
                outputs: cards/${person.id}.txt
                run: echo '${person.name}' > ${outputs[0]}
              line:
                foreach: { word: words.jsonl }
                outputs: lines/${word}.txt
                run: echo ${word} > ${outputs[0]}
              page:
                foreach: { note: 'notes/*.md' }
                inputs: ${note}
                outputs: pages/${note.stem}.html
                run: sed 's/^/${note.name} /' ${inputs[0]} > ${outputs[0]}
            ",
        )
        .file("people.csv", "id,name\nann,\"Ann, the first\"\nbo,Бо\n")
        .file("words.jsonl", "\"x\"\n\"y\"\n")
        .file("notes/2 b.md", "two\n")
        .file("notes/1.md", "one\n");
    space.run(&["validate"]).exit(2).says("`2 b` is no key").says("notes/2 b.md");
    space.remove("notes/2 b.md").file("notes/2b.md", "two\n");
    let run = space.build().ran(["card:ann", "card:bo", "line:x", "line:y", "page:1", "page:2b"]);
    run.holds("cards/ann.txt", "Ann, the first\n").holds("pages/2b.html", "2b.md two\n");
    space.build().is_up_to_date();
    space.file("people.csv", "id,name\nann,\"Ann, the first\"\nbo,Bob\n").build().ran(["card:bo"]);
    space.file("notes/3.md", "three\n").build().ran(["page:3"]);
    space.file("words.jsonl", "\"y\"\n\"x\"\n").build().ran_nothing();
    space.file("people.csv", "id,name\nann\n").run(&["build"]).exit(2).says("`people.csv` is not a table");
}

#[test]
fn the_files_of_a_folder_that_a_stage_writes_are_a_list() {
    let space = Space::new()
        .story(
            "
            stages:
              split:
                inputs: all.txt
                outputs: parts/
                run: for word in $(cat ${inputs[0]}); do echo $word > ${outputs[0]}/$word.txt; done
              loud:
                foreach: { part: 'parts/*.txt' }
                inputs: ${part}
                outputs: loud/${part.stem}.txt
                run: tr a-z A-Z < ${inputs[0]} > ${outputs[0]}
              all: { inputs: 'loud/*.txt', outputs: all.out, run: 'cat ${inputs} > ${outputs[0]}' }
            ",
        )
        .file("all.txt", "one two\n");
    space.build().ran(["split", "loud:one", "loud:two", "all"]).holds("all.out", "ONE\nTWO\n");
    space.build().is_up_to_date();
    space.file("all.txt", "one two three\n").build().ran(["split", "loud:three", "all"]);
    space.remove("parts").remove("loud").build().ran_nothing().holds("loud/two.txt", "TWO\n");
}

#[test]
fn a_pattern_reaches_into_the_folders_that_instances_write() {
    let story = "
        stages:
          list: { inputs: brief.json, outputs: list.json, run: 'cp brief.json list.json' }
          page: { foreach: { n: LIST }, outputs: 'out/${n}/', run: 'for x in 2 10; do echo ${n}$x > ${outputs[0]}/$x.txt; done' }
          all: { inputs: 'out/*/*.txt', outputs: all.txt, run: 'cat ${inputs} > ${outputs[0]}' }
          deep: { inputs: 'out/**/2.txt', outputs: deep.txt, run: 'cat ${inputs} > ${outputs[0]}' }
    ";
    for list in ["list.json", "brief.json", "[b, a]"] {
        let space = Space::new().story(&story.replace("LIST", list)).file("brief.json", "[\"b\", \"a\"]");
        let run = space.build_with(&["-j", "4"]).exit(0).says_not("S104");
        run.holds("all.txt", "b2\nb10\na2\na10\n").holds("deep.txt", "b2\na2\n");
        space.build().is_up_to_date();
        space.remove("out").remove("all.txt").build().ran_nothing().holds("all.txt", "b2\nb10\na2\na10\n");
    }
}

#[test]
fn what_is_in_the_folder_of_an_item_that_is_gone_is_found_by_no_pattern() {
    let space = Space::new().file("brief.json", "[\"b\", \"a\", \"c\"]").story(
        "
        stages:
          list: { inputs: brief.json, outputs: list.json, run: 'cp brief.json list.json' }
          page: { foreach: { n: list.json }, outputs: 'out/${n}/', run: 'echo ${n} > ${outputs[0]}/${n}.txt' }
          loud: { foreach: { page: 'out/*/*.txt' }, inputs: '${page}', outputs: 'loud/${page.stem}', run: 'cp ${inputs[0]} ${outputs[0]}' }
          all: { inputs: 'out/*/*.txt', outputs: all.txt, run: 'cat ${inputs} > ${outputs[0]}' }
          loudest: { inputs: 'loud/*', outputs: loudest.txt, run: 'cat ${inputs} > ${outputs[0]}' }
        ",
    );
    space.build().exit(0).holds("all.txt", "b\na\nc\n").holds("loudest.txt", "a\nb\nc\n");
    let run = space.file("brief.json", "[\"c\", \"b\"]").build().exit(0);
    run.holds("all.txt", "c\nb\n").holds("loudest.txt", "b\nc\n");
    assert!(space.has("out/a/a.txt") && space.has("loud/a"), "what an item that is gone has made stands");
    space.build().is_up_to_date();
    space.run(&["clean", "--orphans"]).exit(0).says("removed out/a").says("removed loud/a");
}

#[test]
fn an_item_may_read_what_the_one_before_it_made() {
    let novel = "
        stages:
          chapter:
            foreach: { chapter: { in: chapters.yaml, key: id } }
            inputs: { before: 'summaries/${prev.id}.md?' }
            outputs: chapters/${chapter.id}.md
            run: |
              echo '${chapter.brief} after ${prev.id | default(\"nothing\")}' > ${outputs[0]}
              cat ${inputs.before} /dev/null >> ${outputs[0]}
          summary:
            foreach: chapter
            inputs: chapters/${chapter.id}.md
            outputs: summaries/${chapter.id}.md
            run: head -1 ${inputs[0]} > ${outputs[0]}
    ";
    let list = |briefs: [&str; 3]| {
        let [a, b, c] = briefs;
        format!("- {{ id: a, brief: {a} }}\n- {{ id: b, brief: {b} }}\n- {{ id: c, brief: {c} }}\n")
    };
    let space = Space::new().story(novel).file("chapters.yaml", &list(["one", "two", "three"]));
    let all = ["chapter:a", "chapter:b", "chapter:c", "summary:a", "summary:b", "summary:c"];
    space.build_with(&["-j", "4"]).ran(all).holds("chapters/b.md", "two after a\none after nothing\n");
    space.build().is_up_to_date();
    // A corrected first chapter makes all that follow stale; a person may say that they are right as they stand.
    space.file("chapters/a.md", "ONE\n").build_with(&["-n"]).exit(0);
    space.run(&["accept", "chapter:*", "summary:*"]).exit(0);
    space.build().ran_nothing();
}

#[test]
fn lists_nest_and_gathers_pair_by_what_they_share() {
    let space = Space::new()
        .story(
            "
            stages:
              plan:
                foreach: { book: books.json }
                outputs: plans/${book}.json
                run: echo '[\"${book}1\", \"${book}2\"]' > ${outputs[0]}
              scene:
                foreach: { book: books.json, scene: 'plans/${book}.json' }
                outputs: scenes/${book}/${scene}.txt
                run: echo ${scene} > ${outputs[0]}
              bound:
                foreach: plan
                needs: scene
                outputs: bound/${book}.txt
                run: cat ${needs.scene} > ${outputs[0]}
            ",
        )
        .file("books.json", "[\"b\", \"a\"]");
    let run = space.build().exit(0).holds("bound/a.txt", "a1\na2\n").holds("bound/b.txt", "b1\nb2\n");
    run.ran(["plan:a", "plan:b", "scene:a:a1", "scene:a:a2", "scene:b:b1", "scene:b:b2", "bound:a", "bound:b"]);
    space.build().is_up_to_date();
    let run = space.file("books.json", "[\"b\", \"a\", \"c\"]").build().exit(0);
    run.ran(["plan:c", "scene:c:c1", "scene:c:c2", "bound:c"]);
}

#[test]
fn what_reads_a_file_that_only_an_item_could_make_waits_and_is_told_if_none_does() {
    let space = book(&["a=one"]);
    space.story(&format!(
        "{BOOK}      first: {{ inputs: chapters/a.md, outputs: first.md, run: 'cp ${{inputs[0]}} ${{outputs[0]}}' }}\n"
    ));
    space.build().exit(0).holds("first.md", "one\n");
    let run = rewrite(&space, &["b=two", "c=three"]).exit(3);
    run.says("storygen accept chapter").ended_as("first", "blocked");
}

#[test]
fn lists_of_other_parameters_keep_their_results() {
    let space = Space::new()
        .story(
            "
            params: { book: a }
            stages:
              chapter:
                foreach: { chapter: 'books/${params.book}.json' }
                outputs: out/${params.book}/${chapter}.md
                run: echo ${chapter} > ${outputs[0]}
            ",
        )
        .file("books/a.json", "[1, 2, 3]")
        .file("books/b.json", "[\"x\", \"y\", \"z\"]");
    space.build().ran(["chapter:1", "chapter:2", "chapter:3"]);
    space.build_with(&["-p", "book=b"]).ran(["chapter:x", "chapter:y", "chapter:z"]);
    assert!(!space.read("Storyfile.lock").contains("orphan"));
    space.build().ran_nothing();
}

#[test]
fn a_locked_build_refuses_another_list() {
    let space = Space::new()
        .story("stages: { item: { foreach: { n: list.json }, outputs: 'items/${n}.txt', run: 'echo ${n} > ${outputs[0]}' } }")
        .file("list.json", "[1, 2]");
    space.build().exit(0);
    space.build_with(&["--locked"]).exit(0);
    space.file("list.json", "[2, 1]").build_with(&["--locked"]).exit(3).says("`item` is not as `Storyfile.lock` says");
    space.build().ran_nothing();
    space.build_with(&["--locked"]).exit(0);
}

#[test]
fn a_list_whose_stage_is_skipped_has_no_instances() {
    let stages = "
        params: { x: true }
        stages:
          list: { when: params.x, outputs: list.json, run: 'echo [1, 2] > ${outputs[0]}' }
          item: { foreach: { n: list.json }, outputs: 'items/${n}.txt', run: 'echo ${n} > ${outputs[0]}' }
          all: { inputs: 'items/*.txt', outputs: all.txt, run: 'cat ${inputs} /dev/null > ${outputs[0]}' }
          need: { needs: item, outputs: need.txt, run: 'cat ${needs.item} > ${outputs[0]}' }
          one: { inputs: items/1.txt, outputs: one.txt, run: 'cp ${inputs[0]} ${outputs[0]}' }
    ";
    let space = Space::new().story(stages);
    space.build().ran(["list", "item:1", "item:2", "all", "need", "one"]).holds("all.txt", "1\n2\n");
    let run = space.build_with(&["-p", "x=false"]).exit(0).ended_as("item", "skipped");
    run.ended_as("need", "skipped").ended_as("one", "skipped").holds("all.txt", "").holds("one.txt", "1\n");
    space.build().ran_nothing().holds("all.txt", "1\n2\n");
}

#[test]
fn equal_items_are_remembered_across_lists_and_repos_states() {
    let space = book(&["a=one", "b=two"]);
    space.build().exit(0);
    space.remove(".storygen").build().ran_nothing();
    space.build().is_up_to_date();
    let lock = space.read("Storyfile.lock");
    rewrite(&space, &["a=one", "b=two", "c=three"]).exit(0);
    rewrite(&space, &["a=one", "b=two"]).exit(0);
    let orphan = space.read("Storyfile.lock");
    assert!(orphan.contains("\"chapter:c\"") && orphan.contains("\"orphan\":true") && !lock.contains("orphan"));
}

#[test]
fn ten_thousand_items_are_ten_thousand_instances() {
    let space = Space::new().story(
        "
        stages:
          one: { foreach: { n: { in: numbers.json } }, outputs: 'out/${n}.txt', when: false, run: touch x }
        ",
    );
    let numbers: Vec<usize> = (0..10_000).collect();
    space.file("numbers.json", &serde_json::to_string(&numbers).unwrap());
    space.build().exit(0).ran_nothing();
    space.run(&["status", "--json"]).exit(0).says("\"skipped\": 10000");
}
