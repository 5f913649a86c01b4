//! What `validate` warns of, and how `graph` shows what is many.

use crate::space::Space;
use serde_json::{Value, json};

#[test]
fn a_param_that_nothing_uses_is_warned_of() {
    let space = Space::new()
        .story(
            "
            params: { a: 1, b: \"${params.a}\", c: x, d: y, e: z }
            stages:
              one: { when: params.b == 'x', run: 'true' }
              two: { uses: template, inputs: in.txt, outputs: two.txt, with: { template: t.j2 } }
              three: { run: 'true', hooks: { stage_error: 'echo ${params.d}' } }
            ",
        )
        .file("in.txt", "x")
        .file("t.j2", "{{ params.c }} {{ inputs[0] }}");
    let run =
        space.run(&["validate"]).exit(0).says("warning[S185]: nothing uses the param `e`").says("3 stages, 1 warning");
    assert_eq!(run.err.matches("warning[").count(), 1, "{}", run.err);
    space.run(&["build", "--dry-run"]).exit(0).says_not("S185");
    // A template that takes them all may take any.
    space.file("t.j2", "{{ params | tojson }} {{ inputs[0] }}").run(&["validate"]).exit(0).says_not("S185");
}

#[test]
fn a_stage_that_never_takes_part_is_warned_of_and_who_needs_it() {
    let space = Space::new().story(
        "
        params: { v: false }
        stages:
          off: { when: 'false', outputs: a.txt, run: touch a.txt }
          sub: { inputs: a.txt, outputs: b.txt, run: cp a.txt b.txt }
          opt: { inputs: 'a.txt?', outputs: c.txt, run: touch c.txt }
          now: { when: params.v, run: 'true' }
          has: { when: has('frobnicate'), run: 'true' }
          one: { foreach: { l: [a, b] }, when: l == 'c', run: 'true' }
        ",
    );
    let run = space.run(&["validate"]).exit(0);
    run.says("the stage `off` never takes part").says("the stage `sub` never takes part");
    assert_eq!(run.err.matches("warning[S186]").count(), 2, "{}", run.err);
    let json: Value = serde_json::from_str(&space.run(&["validate", "--json"]).exit(0).out).unwrap();
    assert_eq!(json["faults"].as_array().unwrap().len(), 2);
}

#[test]
fn paid_instances_that_ask_the_same_are_warned_of() {
    let story = |salt: &str, prompt: &str| {
        format!(
            "
        stages:
          idea: {{ foreach: {{ n: [1, 2] }}, uses: prompt, outputs: '${{n}}.md', with: {{ prompt: '{prompt}' }}{salt} }}
          other: {{ uses: prompt, outputs: other.md, with: {{ prompt: An idea }} }}
          plain: {{ foreach: {{ n: [1, 2] }}, outputs: '${{n}}.txt', run: 'echo x > ${{outputs[0]}}' }}
        "
        )
    };
    let space = Space::new().story(&story("", "An idea"));
    let run = space.run(&["validate"]).exit(0);
    run.says("warning[S187]: `idea:1`, `idea:2`, `other` ask the same, and share one answer").says("1 warning");
    space.story(&story(", salt: '${n}'", "An idea")).run(&["validate"]).exit(0).says_not("S187");
    space.story(&story("", "Idea ${n}")).run(&["validate"]).exit(0).says_not("S187");
}

fn pages() -> Space {
    Space::new().story(
        "
        stages:
          src: { outputs: s.txt, run: touch s.txt }
          page:
            foreach: { lang: [en, es, ru] }
            when: lang != 'ru'
            inputs: s.txt
            outputs: ${lang}.txt
            run: cp s.txt ${outputs[0]}
          sub: { foreach: page, inputs: '${lang}.txt', outputs: '${lang}.sub', run: 'cp ${inputs[0]} ${outputs[0]}' }
          book: { inputs: '*.sub', outputs: book.md, run: 'cat ${inputs} > ${outputs[0]}' }
        ",
    )
}

#[test]
fn a_graph_shows_what_is_many_once() {
    let space = pages();
    assert_eq!(space.run(&["graph"]).exit(0).out, "book\n└─ sub ×3\n   └─ page ×3\n      └─ src\n");
    let tree = space.run(&["graph", "--expand"]).exit(0).out;
    assert!(tree.contains("sub:ru") && !tree.contains('×'), "{tree}");
    space.run(&["graph", "--status"]).says("page ×3 (1 skipped, 2 maybe)").says("src (run)");
    space.run(&["graph", "--format", "dot"]).says("n1 [label=\"page ×3\"];").says("n0 -> n1;");
    space.run(&["graph", "--format", "mermaid"]).says("n1[\"page ×3\"]");
    space.run(&["why", "page:es"]).exit(0).says("page:es may run").says("once `src` has run");
}

#[test]
fn the_json_graph_counts_instances_and_states() {
    let graph = |args: &[&str]| -> Value {
        let args = [&["graph", "--json"], args].concat();
        serde_json::from_str(&pages().run(&args).exit(0).out).unwrap()
    };
    let folded = graph(&["--status"]);
    assert_eq!(
        folded["nodes"][1],
        json!({
            "id": "page",
            "stage": "page",
            "instances": 3,
            "outputs": ["en.txt", "es.txt", "ru.txt"],
            "state": null,
            "states": { "maybe": 2, "skipped": 1 },
        })
    );
    assert_eq!(folded["edges"][0], json!({ "from": "src", "to": "page" }));
    let all = graph(&["--expand"]);
    assert_eq!(all["nodes"].as_array().unwrap().len(), 8);
    assert_eq!(all["nodes"][1]["id"], "page:en");
}

#[test]
fn stages_that_wait_for_each_other_in_turn_are_shown_one_by_one() {
    let space = Space::new().story(
        "
        stages:
          part: { foreach: { n: [1, 2] }, inputs: 'sum${n - 1}.txt?', outputs: 'part${n}.txt', run: 'touch ${outputs[0]}' }
          sum: { foreach: { n: [1, 2] }, inputs: 'part${n}.txt', outputs: 'sum${n}.txt', run: 'touch ${outputs[0]}' }
          copy: { foreach: { n: [1, 2] }, inputs: 'sum2.txt', outputs: 'copy${n}.txt', run: 'touch ${outputs[0]}' }
        ",
    );
    let chain = "sum:2\n   └─ part:2\n      └─ sum:1\n         └─ part:1\n";
    assert_eq!(space.run(&["graph"]).exit(0).out, format!("copy ×2\n└─ {chain}"));
}
