//! Parts of files as inputs: only what is read counts.

use crate::space::Space;

const OUTLINE: &str = r#"{
  "title": "The Last Bus",
  "chapters": [{ "id": "one", "text": "It rains." }, { "id": "two", "text": "It stops." }]
}
"#;

fn first_chapter() -> Space {
    Space::new()
        .story(
            "
            stages:
              one: { inputs: 'outline.json#/chapters/0', outputs: one.txt, run: 'cat ${inputs[0]} > ${outputs[0]}' }
              title: { inputs: { title: 'outline.json#/title' }, outputs: title.txt, run: 'cat ${inputs.title} > title.txt' }
            ",
        )
        .file("outline.json", OUTLINE)
        .build()
        .ran(["one", "title"])
        .space()
}

#[test]
fn a_command_reads_a_file_that_holds_just_the_part() {
    let space = first_chapter();
    space
        .holds("one.txt", "{\n  \"id\": \"one\",\n  \"text\": \"It rains.\"\n}\n")
        .holds("title.txt", "The Last Bus\n");
    assert!(!space.state_files().iter().any(|file| file.starts_with("work/")), "copies are removed");
}

#[test]
fn a_change_elsewhere_in_the_file_runs_nothing() {
    let space = first_chapter();
    space.file("outline.json", &OUTLINE.replace("It stops.", "It goes on.")).build().ran_nothing();
    space.file("outline.json", &OUTLINE.replace("  ", "\t")).build().ran_nothing();
    space
        .file("outline.json", &OUTLINE.replace("It rains.", "It snows."))
        .build()
        .ran(["one"])
        .because("input outline.json#/chapters/0 changed");
}

#[test]
fn why_names_the_part_that_changed() {
    let space = first_chapter();
    space.file("outline.json", &OUTLINE.replace("Last", "Late"));
    space.run(&["why", "title"]).exit(0).says("input `outline.json#/title` changed (");
    space.run(&["why", "one"]).exit(0).says("one is fresh");
}

#[test]
fn a_null_build_over_parts_is_quiet_and_watches_the_file() {
    let space = first_chapter().settled();
    let state = space.state_stats();
    space.run(&["build"]).exit(0).says("everything is up to date (2 stages)");
    assert_eq!(space.state_stats(), state);
    space.file("outline.json", &OUTLINE.replace("Bus", "Tram")).build().ran(["title"]);
}

#[test]
fn a_part_of_what_a_stage_writes_makes_an_edge_and_stops_the_wave() {
    let space = Space::new()
        .story(
            "
            stages:
              outline: { inputs: seed.json, outputs: build/o.json, run: 'cp seed.json build/o.json' }
              a: { inputs: 'build/o.json#/a', outputs: a.txt, run: 'cat ${inputs[0]} > ${outputs[0]}' }
              b: { inputs: 'build/o.json#/b', outputs: b.txt, run: 'cat ${inputs[0]} > ${outputs[0]}' }
            ",
        )
        .file("seed.json", r#"{"a": 1, "b": [2]}"#);
    space.build().ran(["outline", "a", "b"]).holds("a.txt", "1\n").holds("b.txt", "[\n  2\n]\n");
    space.file("seed.json", r#"{"a": 1, "b": [3]}"#).build().ran(["outline", "b"]);
    // Back again: all of it is known.
    space.file("seed.json", r#"{"a": 1, "b": [2]}"#).build().ran([]).holds("b.txt", "[\n  2\n]\n");
    // What is gone is put back, and its readers are judged by what it will be.
    space.remove("build/o.json").build().ran([]);
}

#[test]
fn a_missing_part_of_what_a_stage_writes_is_told_at_its_readers_turn() {
    let space = Space::new()
        .story(
            "
            stages:
              outline: { inputs: seed.json, outputs: build/o.json, run: 'cp seed.json build/o.json' }
              a: { inputs: 'build/o.json#/chapters/1', outputs: a.txt, run: 'cat ${inputs[0]} > ${outputs[0]}' }
            ",
        )
        .file("seed.json", r#"{"chapters": ["x"]}"#);
    let run = space.build().exit(1).ended_as("a", "failed");
    run.says(
        "input `build/o.json#/chapters/1` cannot be read: `build/o.json` has one item, `0` at `/chapters`: there is no `1` (Storyfile.yaml:5:16)",
    );
    run.says("write `?` after a part that may be missing");
    space
        .file("seed.json", "{")
        .build()
        .exit(1)
        .says("is not valid JSON: EOF while parsing an object at line 1 column 1");
    space.file("seed.json", r#"{"chapters": ["x", "y"]}"#).build().ran(["outline", "a"]).holds("a.txt", "y\n");
}

#[test]
fn an_optional_part_may_be_missing_with_its_file_or_in_it() {
    let space = Space::new().story(
        "
        stages:
          a: { inputs: { end: 'o.json#/epilogue?' }, outputs: a.txt, run: 'cat /dev/null ${inputs.end} > ${outputs[0]}' }
        ",
    );
    space.build().ran(["a"]).holds("a.txt", "");
    space.file("o.json", "{}").build().ran_nothing();
    space.file("o.json", r#"{"epilogue": "They sleep."}"#).build().ran(["a"]).holds("a.txt", "They sleep.\n");
    space.file("o.json", r#"{"epilogue": }"#).build().exit(2).says("S193");
    space.remove("o.json").build().ran([]).holds("a.txt", "");
}

#[test]
fn sections_and_front_matter_of_markdown_are_parts() {
    let notes = "---\ntitle: Lamps\n---\n# Как горит\n\nA wick.\n\n## Oil\n\nWhale.\n\n# The end\n\nDark.\n";
    let space = Space::new()
        .story(
            "
            stages:
              oil: { inputs: 'my notes.md#oil', outputs: oil.md, run: 'cat ${inputs[0]} > ${outputs[0]}' }
              how: { inputs: 'my notes.md#Как горит', outputs: how.md, run: [cp, '${inputs[0]}', '${outputs[0]}'] }
              title: { inputs: 'my notes.md#/title', outputs: title.md, run: 'cat ${inputs[0]} > ${outputs[0]}' }
            ",
        )
        .file("my notes.md", notes);
    space.build().ran(["oil", "how", "title"]);
    space.holds("oil.md", "## Oil\n\nWhale.\n").holds("title.md", "Lamps\n");
    space.holds("how.md", "# Как горит\n\nA wick.\n\n## Oil\n\nWhale.\n");
    space.file("my notes.md", &notes.replace("Whale", "Olive")).build().ran(["oil", "how"]);
    space.file("my notes.md", &notes.replace("Whale", "Olive").replace("Dark", "Light")).build().ran_nothing();
}

#[test]
fn texts_and_templates_see_the_content_of_a_part() {
    let space = Space::new()
        .story(
            "
            stages:
              card:
                uses: template
                inputs: { chapter: 'o.json#/chapters/0', title: 'o.json#/title', body: 'n.md#body' }
                outputs: card.txt
                with: { template: card.j2 }
            ",
        )
        .file("o.json", r#"{"title": "Bus", "chapters": [{"id": "one", "words": ["a", "b"]}]}"#)
        .file("n.md", "# Body\nText.\n")
        .file(
            "card.j2",
            "{{ inputs.title }} {{ inputs.chapter.id }} {{ inputs.chapter.words | join('+') }} {{ inputs.chapter.path }} \
             {{ inputs.chapter.name }} {{ inputs.chapter.stem }} {{ inputs.chapter.ext }} {{ inputs.chapter.dir }}\n\
             {{ inputs.body }}|{{ inputs.title.json | upper }}",
        );
    space.build().ran(["card"]).holds("card.txt", "Bus one a+b o.json#/chapters/0 o.json o json .\n# Body\nText.|BUS");
}

#[test]
fn a_command_can_ask_for_names_and_content_of_a_part() {
    let space = Space::new()
        .story(
            "
            stages:
              a:
                inputs: { ch: 'book/o.json#/ch' }
                outputs: a.txt
                run: 'echo ${inputs.ch.name} ${inputs.ch.stem} ${inputs.ch.ext} ${inputs.ch.id} > ${outputs[0]}'
            ",
        )
        .file("book/o.json", r#"{"ch": {"id": "x y"}}"#);
    space.build().ran(["a"]).holds("a.txt", "o.json o json x y\n");
}

#[test]
fn a_pattern_takes_the_part_of_each_file() {
    let space = Space::new()
        .story(
            "
            stages:
              sum: { inputs: 'ch/*.md#summary', outputs: sum.txt, run: 'cat ${inputs} > ${outputs[0]}' }
            ",
        )
        .file("ch/1.md", "# One\nLong.\n# Summary\nShort one.\n")
        .file("ch/2.md", "# Two\nLong.\n# Summary\nShort two.\n");
    space.build().ran(["sum"]).holds("sum.txt", "# Summary\nShort one.\n# Summary\nShort two.\n");
    space.file("ch/1.md", "# One\nLonger.\n# Summary\nShort one.\n").build().ran_nothing();
}

#[test]
fn a_name_with_a_hash_is_written_with_two() {
    let space = Space::new()
        .story(
            "
            stages:
              a: { inputs: ['C#.txt', 'a.json##b'], outputs: 'x.md##y', run: 'cat ${inputs} > ${outputs[0]}' }
              b: { inputs: 'x.md##y', outputs: b.txt, run: 'cat ${inputs} > ${outputs[0]}' }
            ",
        )
        .file("C#.txt", "one\n")
        .file("a.json#b", "two\n");
    space.build().ran(["a", "b"]).holds("x.md#y", "one\ntwo\n").holds("b.txt", "one\ntwo\n");
    space.file("a.json#b", "three\n").build().ran(["a", "b"]).because("input a.json##b changed");
}

#[test]
fn a_clone_without_a_cache_trusts_the_lock_for_parts_too() {
    let space = Space::new()
        .story(
            "
            stages:
              outline: { inputs: seed.json, outputs: build/o.json, run: 'cp seed.json build/o.json' }
              a: { inputs: 'build/o.json#/a', outputs: a.txt, run: 'cat ${inputs[0]} > ${outputs[0]}' }
            ",
        )
        .file("seed.json", r#"{"a": 1}"#);
    space.build().ran(["outline", "a"]);
    space.remove(".storygen").remove("build").build().ran_nothing();
}

#[test]
fn one_content_in_files_of_two_sorts_is_read_as_each() {
    let space = Space::new().story(
        "
        stages:
          a: { inputs: ['x.md#/a', 'x.yaml#/a/0?', 'x.json#?'], outputs: a.txt, run: 'cat ${inputs} > ${outputs[0]}' }
        ",
    );
    let text = "---\na: [1]\n---\n";
    space.file("x.md", text).file("x.yaml", "a: [1]").file("x.json", "[]");
    space.build().ran(["a"]).holds("a.txt", "[\n  1\n]\n1\n[]\n");
    space.file("x.md", "").file("x.yaml", "").file("x.json", "").build().exit(2).says("S191").says("S193");
}

#[test]
fn a_part_that_a_command_reads_by_itself_is_looked_at_again_after_it() {
    let space = Space::new()
        .story(
            "
            stages:
              a: { inputs: 'o.json#/a', outputs: a.txt, run: 'cp o.json ${outputs[0]}; cp late.json o.json' }
            ",
        )
        .file("o.json", r#"{"a": 1}"#)
        .file("late.json", r#"{"a": 2}"#);
    space.build().ran(["a"]).says("`o.json` changed while the command ran");
    space.build().ran(["a"]).holds("a.txt", r#"{"a": 2}"#).build().ran_nothing();
}

#[test]
fn a_rule_that_a_part_breaks_names_the_part() {
    let space = Space::new()
        .story(
            "
            stages:
              check: { uses: check, inputs: { a: 'o.json#/a', b: 'o.json#/b' }, with: { words: { max: 2 }, preserves: b } }
            ",
        )
        .file("o.json", r#"{"a": "one two three", "b": "one two three"}"#);
    space.build().exit(1).says("`words` of `o.json#/a`: 3 words, over 2");
    space
        .file("o.json", r#"{"a": "one two", "b": "one three"}"#)
        .build()
        .exit(1)
        .says("the words of `o.json#/b` are not kept");
    space.file("o.json", r#"{"a": "one two", "b": "one two"}"#).build().ran(["check"]);
}

#[test]
fn a_file_that_cannot_be_read_is_told_once_for_all_its_parts() {
    let space = Space::new()
        .story("stages: { a: { inputs: ['o.json#/a', 'o.json#/b'], outputs: a.txt, run: 'cat ${inputs} > a.txt' } }")
        .file("o.json", "{");
    let run = space.build().exit(2);
    assert_eq!(run.err.matches("S193").count(), 1, "{}", run.err);
}

#[test]
fn a_part_of_a_file_that_has_none_is_told_for_what_it_is() {
    let space = Space::new()
        .story("stages: { a: { inputs: 'notes.txt#intro', outputs: a.txt, run: touch a.txt } }")
        .file("notes.txt", "# intro");
    space.build().exit(2).says("S101").says("here it belongs to the name");
    space.story("stages: { a: { inputs: 'rows.csv#/0', outputs: a.txt, run: touch a.txt } }");
    space.build().exit(2).says("S190").says("of a `.csv` file only `foreach` reads parts");
}

#[test]
fn a_pattern_with_an_optional_part_takes_the_files_that_have_it() {
    let space = Space::new()
        .story("stages: { a: { inputs: 'ch/*.md#summary?', outputs: a.txt, run: 'cat /dev/null ${inputs} > a.txt' } }")
        .file("ch/1.md", "# One\n")
        .file("ch/2.md", "# Two\n# Summary\nShort.\n");
    space.build().ran(["a"]).holds("a.txt", "# Summary\nShort.\n");
    space.file("ch/1.md", "# Other\n").build().ran_nothing();
    space.file("ch/1.md", "# Summary\nNone.\n").build().ran(["a"]).because("input ch/1.md#summary is new");
}
