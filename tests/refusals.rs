//! What a Storyfile may not say, and where the report points: one promise a test.

use storygen::base::diagnostic::Diagnostic;
use storygen::base::sources::Sources;
use storygen::kind::registry::Registry;
use storygen::report::diagnostic::{Color, render};
use storygen::storyfile::load::{Given, load};

/// The faults of a Storyfile, `storygen: 1` put before it.
struct Report {
    text: String,
    faults: Vec<Diagnostic>,
}

fn report(text: &str) -> Report {
    let text = if text.contains("storygen") { text.to_owned() } else { format!("storygen: 1\n{text}") };
    let given = Given::alone("Storyfile.yaml", &|_| None);
    let (story, faults) = load(&text, &Registry::builtin(), &given);
    assert_eq!(story.is_none(), !faults.is_empty(), "{text}");
    Report { text, faults }
}

impl Report {
    /// Each code with the text under its caret.
    fn marks(&self) -> Vec<(&str, &str)> {
        let marked =
            |fault: &Diagnostic| fault.span.map_or("", |span| &self.text[span.start as usize..span.end as usize]);
        self.faults.iter().map(|fault| (fault.code, marked(fault))).collect()
    }

    fn codes(&self) -> Vec<&str> {
        self.faults.iter().map(|fault| fault.code).collect()
    }

    fn shown(&self) -> String {
        render(&self.faults, &Sources::new("Storyfile.yaml", &self.text), Color::Never)
    }

    /// Asserts that the report says these words.
    fn says(&self, words: &str) -> &Report {
        assert!(self.shown().contains(words), "no `{words}` in\n{}", self.shown());
        self
    }

    /// Asserts the codes with the text under each caret, in the order of the file.
    fn marked(&self, marks: &[(&str, &str)]) -> &Report {
        assert_eq!(self.marks(), marks, "{}", self.shown());
        self
    }
}

fn fine(text: &str) {
    let report = report(text);
    assert!(report.faults.is_empty(), "{}", report.shown());
}

#[test]
fn a_thousand_faults_do_not_each_look_through_a_thousand_names() {
    let stages: String =
        (0..1000).map(|n| format!("  stage-{n:03}: {{ needs: stage_{n:03}, run: touch x }}\n")).collect();
    let report = report(&format!("stages:\n{stages}"));
    let meant = |fault: &&Diagnostic| fault.help.as_deref().is_some_and(|help| help.starts_with("did you mean"));
    let suggestions = report.faults.iter().filter(meant).count();
    assert!((1..=200).contains(&suggestions) && report.faults.len() == 1000, "{suggestions}");
}

#[test]
fn a_message_names_the_ends_of_a_long_value() {
    let report = report(&format!("stages: {{ a: {{ inputs: \"{}\", run: touch x }} }}", "{".repeat(4_000)));
    assert_eq!(report.codes(), ["S076"]);
    assert!(report.faults[0].message.len() < 500);
    report.says("{…{").says("is no pattern: a bracket is not closed");
    self::report(&format!("stages: {{ a: {{ inputs: \"{}.md\", run: touch x }} }}", "[ab]".repeat(100_000)))
        .says("no path is that long");
}

#[test]
fn each_fault_of_a_string_has_its_own_place() {
    report("stages: { a: { run: \"echo ${stage.name} ${stage.nam} '${stage.nam}'\" } }")
        .marked(&[("S051", "stage.nam"), ("S051", "stage.nam")]);
    report("stages: { a: { run: [echo, 'it''s ${stage.name} ${stage.nam}', \"\\t${stage.nam | uper}\"] } }").marked(&[
        ("S051", "stage.nam"),
        ("S051", "stage.nam"),
        ("S058", "uper"),
    ]);
    let block = report(
        "stages:\n  a:\n    run: |\n      echo ${stage.name}\n      echo \"${stage.nam}\"\n        ${stage.nam}\n",
    );
    let at: Vec<u32> = block.faults.iter().map(|fault| fault.span.unwrap().start).collect();
    let expected: Vec<u32> = block.text.match_indices("stage.nam}").map(|(at, _)| at as u32).collect();
    assert_eq!(at, expected);
    report("stages: { a: { run: \"echo \\\"a ' b\\\" c 'd\" } }").marked(&[("S063", "'")]).says("2:39");
}

#[test]
fn template_braces_are_a_slip_where_no_template_stands() {
    let params = "params: { name: Ann }\nstages: ";
    for text in [
        "{ a: { run: 'echo {{ name }}' } }",
        "{ a: { run: [echo, '{{ name }}'] } }",
        "{ a: { run: touch x, outputs: 'x-{{ name }}' } }",
        "{ a: { run: touch x, inputs: 'x-{{ what }}' } }",
        "{ a: { run: touch x, env: { A: '{{- name }}' } } }",
        "{ a: { run: touch x, salt: '{{name}}' } }",
        "{ a: { uses: prompt, outputs: x, with: { prompt: 'On {{ what }}' } } }",
    ] {
        assert_eq!(report(&format!("{params}{text}")).codes(), ["S014"], "{text}");
    }
    report(&format!("{params}{{ a: {{ run: 'echo {{{{ name }}}}' }} }}")).says("write `${params.name}`");
    fine("stages: { a: { run: \"docker ps --format '{{ what }} {{.ID}}'\" } }");
    fine("stages: { a: { run: \"echo ${'{{'} x }}\", inputs: [], salt: \"${'{{'}\" } }");
}

#[test]
fn what_include_gives_to_some_instances_is_never_the_shells() {
    let matrix = "matrix: { x: [a, b], include: [{ x: a, z: q }] }";
    report(&format!("stages: {{ m: {{ {matrix}, run: \"echo ${{z}}\" }} }}")).says("`${z}` has no value in `m:b`");
    fine(&format!("stages: {{ m: {{ {matrix}, run: \"echo ${{z | default('none')}}\" }} }}"));
}

#[test]
fn outputs_that_some_systems_do_not_tell_apart_are_refused() {
    for (one, two) in
        [("Ab.txt", "aB.txt"), ("caf\u{e9}", "cafe\u{301}"), ("Dir/x", "dir/"), ("DIR", "dir/x"), ("É/", "e\u{301}/x")]
    {
        let text =
            format!("stages: {{ a: {{ outputs: {one}, run: touch x }}, b: {{ outputs: {two}, run: touch x }} }}");
        assert_eq!(report(&text).codes(), ["S077"], "{text}");
    }
    report("stages: { a: { foreach: { x: [A, a] }, outputs: \"b/${x}\", run: touch x } }")
        .says("`a:A` and `b/a` of `a:a`");
    fine("stages: { a: { outputs: Dir/x, run: touch x }, b: { outputs: dir/y, run: touch x } }");
}

#[test]
fn an_output_with_a_path_is_one_output() {
    report("stages: { a: { outputs: { path: build/big.mov, stor: false }, run: touch x } }")
        .marked(&[("S020", "stor")])
        .says("did you mean `store`?");
}

/// A last stage with a fault of its own: it is in the report exactly if the reading went on.
const LAST: &str = "  last: { rnu: x }\n";

#[test]
fn what_yaml_cannot_read_hides_no_other_fault() {
    for (line, marks) in [
        ("a: { inputs: [b]*.md, run: touch x }", [("S002", "[b]*.md")]),
        ("a:\n    inputs: {a,b}.md\n    run: touch x", [("S002", "{a,b}.md")]),
        ("a: {run: echo a: b}", [("S005", ":")]),
        ("a:\n    run: echo a: b\n    needs: last", [("S005", ":")]),
        ("a: { run: echo x #1, salt: y }", [("S006", "#1, salt: y }")]),
        ("a: { run: echo x, inputs: [y }", [("S001", "[")]),
        ("a: { run: echo x", [("S001", "{")]),
        ("a:\n    run: \"touch x", [("S001", "\"")]),
        ("a: { run: 'it's' }", [("S001", "'")]),
        ("a:\n\trun: touch x\n\tneeds: y", [("S016", "\t")]),
        ("a:\n    run: touch x\n   outputs: x", [("S001", "o")]),
        ("a:\n    outputs: {\n      a: ${params.x}.txt,\n      b: y }\n    run: touch x", [("S004", "${params.x}")]),
        ("a: { run: !foo }", [("S003", "!foo")]),
        ("a: { run: touch x, inputs: [!a] }", [("S003", "!a")]),
        ("a: { run: touch x, salt: {{ x }} }", [("S014", "{{ x }}")]),
    ] {
        let report = report(&format!("stages:\n  {line}\n{LAST}"));
        report.marked(&[marks.as_slice(), &[("S020", "rnu")]].concat());
    }
}

#[test]
fn what_could_not_be_read_is_not_missed_elsewhere() {
    report("stages:\n  a: { run: echo a: b, outputs: x }\n  b: { needs: a, inputs: x, run: touch y }\n")
        .marked(&[("S005", ":")]);
    report("params:\n  x: { ask: a: b }\nstages:\n  b: { run: \"echo ${params.x}\" }\n").marked(&[("S005", ":")]);
}

#[test]
fn a_quoted_expression_is_no_bare_one() {
    report("stages: { a: { run: \"echo \\\"${params.x}\\\"\", salt: \"x\" \"y\" } }").marked(&[("S001", "\"")]);
}

#[test]
fn json_may_write_a_sign_as_two_halves() {
    fine(r#"{"storygen": 1, "name": "\ud83d\ude00 \u00e9", "stages": {"\u0061": {"run": "echo '\ud83d\ude00'"}}}"#);
    report(r#"{"storygen": 1, "stages": {"a": {"run": "echo \ud83d\ude00 ${params.x}", "salt": "${params.y}"}}}"#)
        .marked(&[("S051", "params.x"), ("S051", "params.y")]);
}

#[test]
fn all_bad_keys_of_an_axis_are_told_and_a_missing_setting_once() {
    report("stages: { a: { foreach: { x: [a/b, c, 'd e', c] }, run: touch x } }").marked(&[
        ("S080", "a/b"),
        ("S080", "'d e'"),
        ("S081", "c"),
    ]);
    report("stages: { a: { uses: idea, outputs: x.json } }").marked(&[("S035", "idea")]);
}

#[test]
fn an_expression_is_refused_where_none_can_stand() {
    for field in ["timeout", "retry", "pool", "needs", "after", "pass", "edits", "shell", "description", "always"] {
        let text = format!("params: {{ p: x }}\nstages: {{ a: {{ run: touch x, {field}: \"${{params.p}}\" }} }}");
        report(&text).marked(&[("S066", "\"${params.p}\"")]).says(&format!("no expression can stand in `{field}`"));
    }
    for text in [
        "stages: { a: { uses: \"${params.p}\", outputs: x } }",
        "stages: { a: { uses: prompt, outputs: x, provider: { text: \"${params.p}\" }, with: { prompt: x } } }",
        "stages: { a: { run: touch x, foreach: { x: { in: [{ id: a }], key: \"${params.p}\" } } } }",
        "name: \"${params.p}\"\nstages: { a: { run: touch x } }",
    ] {
        assert!(report(&format!("params: {{ p: x }}\n{text}")).codes().starts_with(&["S066"]), "{text}");
    }
    report("params: { p: { enum: [\"${x}\", b], default: b } }\nstages: { a: { run: touch x } }")
        .marked(&[("S066", "\"${x}\"")]);
    fine("name: a $${x}\nstages: { a: { run: touch x } }");
}

#[test]
fn what_nothing_reads_is_told() {
    let prompt = "uses: prompt, outputs: x, with: { prompt: x }";
    report(&format!("stages: {{ a: {{ {prompt}, env: {{ A: b }} }} }}")).marked(&[("S029", "env")]);
    report(&format!("stages: {{ a: {{ {prompt}, pass: [A] }} }}")).marked(&[("S029", "pass")]);
    report(&format!("stages: {{ a: {{ {prompt}, retry: {{ for: [exit] }} }} }}")).marked(&[("S029", "exit")]);
    for cause in ["rate_limit", "server", "validation"] {
        report(&format!("stages: {{ a: {{ run: touch x, retry: {{ for: [timeout, {cause}] }} }} }}"))
            .marked(&[("S029", cause)]);
    }
    fine(&format!("stages: {{ a: {{ {prompt}, retry: {{ for: [rate_limit, server, timeout, validation] }} }} }}"));
    fine(&format!(
        "defaults: {{ env: {{ A: b }}, retry: {{ for: [exit, server] }} }}\nstages: {{ a: {{ {prompt} }}, b: {{ run: touch y }} }}"
    ));
    report("stages: { a: { foreach: { x: { in: [a, b], key: id } }, run: touch x } }").marked(&[("S087", "id")]);
    report("env: [A]\nstages: {}").marked(&[("S021", "[A]"), ("S022", "{}")]);
    report("pass: { A: b }\nstages:\n").codes().iter().for_each(|code| assert!(["S021", "S022"].contains(code)));
    report("x-a: &a { salt: x }\nx-b: &b { pool: y }\nstages: { a: { <<: *a, <<: *b, run: touch x } }")
        .says("`<<` stands here twice");
}

#[test]
fn a_depfile_is_one_file_of_one_instance_of_a_command() {
    let depfile =
        |text: &str| report(&format!("stages: {{ a: {{ inputs: i, outputs: o, run: touch o, depfile: {text} }} }}"));
    depfile("b/").marked(&[("S075", "b/")]).says("the depfile `b/` is a folder");
    assert_eq!(depfile("[a]").codes(), ["S021"]);
    depfile("o").marked(&[("S071", "o")]);
    depfile("i").marked(&[("S072", "i")]).says("`a` writes what it reads: `i`");
    depfile("Storyfile.lock").marked(&[("S074", "Storyfile.lock")]);
    depfile("../x").marked(&[("S070", "../x")]);
    report("stages: { a: { uses: template, outputs: o, depfile: x.d, with: { template: t } } }")
        .marked(&[("S029", "depfile")]);
    let many = "stages: { a: { foreach: { n: [1, 2] }, outputs: \"o${n}\", run: touch x, depfile: x.d } }";
    report(many).marked(&[("S071", "x.d")]).says("let an axis stand in the path");
}

#[test]
fn an_output_is_one_whole_file() {
    for output in ["[a].txt", "{a,b}.txt", "x.json#/a", "*.md"] {
        assert_eq!(
            report(&format!("stages: {{ a: {{ outputs: \"{output}\", run: touch x }} }}")).codes(),
            ["S075"],
            "{output}"
        );
    }
    report("stages: { a: { outputs: 'x:y', run: touch x } }").says("it starts like a drive of Windows");
}

#[test]
fn an_expression_of_any_depth_is_a_fault_and_no_crash() {
    for deep in ["not ".repeat(10_000) + "1", "1+".repeat(10_000) + "1", "1".to_owned() + &"|abs".repeat(10_000)] {
        let report = report(&format!("stages: {{ a: {{ run: [echo, \"x ${{{deep}}}\"] }} }}"));
        assert_eq!(report.codes(), ["S050"]);
        assert!(report.faults[0].message.len() < 500, "{}", report.faults[0].message);
    }
}

#[test]
fn a_merge_key_takes_maps_and_says_where_it_does_not() {
    let stage = |merge: &str| {
        let anchors = "x-l: [&l [a], &t 5m, &m { salt: x }]\nx-u: [*l, *t, *m]\n";
        format!("{anchors}stages: {{ a: {{ {merge}, run: \"true\" }} }}\n")
    };
    report(&stage("<<: *t")).marked(&[("S013", "*t")]);
    report(&stage("<<: [*m, *l]")).marked(&[("S013", "[*m, *l]")]);
    report(&stage("<<: ~")).marked(&[("S013", "~")]);
    report(&stage("<<: *m, <<: *m")).marked(&[("S007", "<<")]);
    // An unknown anchor is one fault, not two.
    report(&stage("<<: *nope")).marked(&[("S002", "*nope")]);
    fine(&stage("<<: [*m, *m]"));
}

#[test]
fn a_condition_points_at_what_it_cannot_ask() {
    report("params: { lang: en, n: 2 }\nstages: { a: { when: \"params.lang and params.n > 1\", run: touch x } }")
        .marked(&[("S171", "params.lang")])
        .says("is the text \"en\", neither true nor false")
        .says("`params.lang == 'yes'`");
    report("stages: { a: { when: 'outputs[0] or needs.b', run: touch x } }")
        .marked(&[("S170", "outputs"), ("S170", "needs.b")]);
    report("stages: { a: { when: \"exists('*.md') or exists('../x') or has('a/b') or exists(inputs[0])\", inputs: x, run: 'true' } }")
        .marked(&[("S172", "'*.md'"), ("S070", "'../x'"), ("S172", "'a/b'"), ("S172", "inputs[0]")]);
    report("stages: { a: { when: has and exists, run: touch x } }")
        .marked(&[("S172", "has"), ("S172", "exists")])
        .says("write `has('ffmpeg')`");
    report("stages: { a: { when: \"'x' in env\", run: touch x } }").marked(&[("S170", "env")]).says("`env.CI`");
    report("stages: { a: { when: env.CI == 'true', run: touch x } }")
        .marked(&[("S055", "env.CI")])
        .says("`env.CI is defined and …`");
    report("stages: { a: { when: env.HUB_TOKEN is defined, run: touch x } }").marked(&[("S056", "env.HUB_TOKEN")]);
    report("params: { video: true }\nstages: { a: { when: params.vidoe, run: touch x } }")
        .marked(&[("S051", "params.vidoe")])
        .says("did you mean `params.video`?");
    report("params: { video: true }\nstages: { a: { when: params.video && true, run: touch x } }")
        .marked(&[("S050", "params.video && true")])
        .says("a condition compares and joins");
    report("params: { video: true }\nstages: { a: { when: '{{ params.video }}', run: touch x } }")
        .marked(&[("S015", "'{{ params.video }}'")])
        .says("write `when: params.video`");
    report("params: { video: true }\nstages: { a: { when: params.video | uper, run: touch x } }")
        .marked(&[("S058", "uper")]);
    report("stages: { a: { when: \"inputs[0] == 'on'\", inputs: x, run: 'true' } }")
        .marked(&[("S171", "inputs[0]")])
        .says("`inputs[0].text | trim == 'yes'`");
    report("stages: { a: { when: yes, run: touch x } }").marked(&[("S171", "yes")]).says("write `when: true`");
    report("stages: { a: { when: '', run: touch x } }").says("`when` is empty");
    report("stages: { a: { when: inputs.z == 1, inputs: { x: y }, run: touch x } }").marked(&[("S051", "inputs.z")]);
    report("stages: { a: { when: [a], run: touch x } }").marked(&[("S021", "[a]")]);
    report("params: { x: { required: false } }\nstages: { a: { when: params.x, run: touch x } }")
        .marked(&[("S171", "params.x")])
        .says("`params.x is defined`");
}

#[test]
fn a_condition_may_ask_for_what_is_not_there() {
    fine(
        "params: { x: { required: false } }\nstages: { a: { when: \"params.x is defined or env.CI is defined\", run: touch x } }",
    );
    fine("stages: { a: { when: \"env.CI | default('') == 'true'\", run: touch x } }");
    fine("stages: { a: { when: true, run: touch x } }");
    fine("stages: { a: { when: \"inputs[0].json.ok and inputs | length == 1\", inputs: x.json, run: touch x } }");
    fine("stages: { a: { foreach: { l: [a, b] }, when: \"exists('in/' ~ l ~ '.md') or l in ['a']\", run: echo } }");
}

#[test]
fn a_hook_says_what_it_is_and_stands_where_it_belongs() {
    report("hooks: { stage_eror: ./x }\nstages: { a: { run: touch x } }")
        .marked(&[("S020", "stage_eror")])
        .says("did you mean `stage_error`?");
    report("defaults: { hooks: { run_start: ./x } }\nstages: { a: { run: touch x }, b: { run: touch y } }")
        .marked(&[("S180", "run_start")])
        .says("here may stand `stage_start`, `stage_complete`, `stage_error` and `stage_skip`");
    report("hooks: { stage_error: { required: yes, timeout: 5, runn: x } }\nstages: { a: { run: touch x } }")
        .marked(&[("S021", "yes"), ("S026", "5"), ("S020", "runn")]);
    report("hooks: { stage_error: { required: true } }\nstages: { a: { run: touch x } }")
        .marked(&[("S022", "stage_error")]);
    report("hooks: { run_start: { run: '' } }\nstages: { a: { run: touch x } }").marked(&[("S065", "''")]);
    report("hooks: [x]\nstages: { a: { run: touch x, hooks: x } }").marked(&[("S021", "[x]"), ("S021", "x")]);
    report("stages: { a: { run: touch x, outputs: x, hooks: { stage_error: 'echo ${outputs[0]} ${params.x}' } } }")
        .marked(&[("S054", "outputs[0]"), ("S051", "params.x")])
        .says("a hook has the event on its standard input");
    fine("hooks: { run_start: 'echo ${MY_TOKEN}' }\nstages: { a: { run: touch x } }");
    report("hooks: { run_start: ['curl', '${MY_TOKEN}'] }\nstages: { a: { run: touch x } }")
        .marked(&[("S056", "MY_TOKEN")]);
    fine("hooks: { stage_error: }\nstages: { a: { run: touch x, hooks: ~ } }");
}

#[test]
fn a_program_is_named_by_a_plain_path_and_a_free_name() {
    report("kinds: { voice: ./v, review: ./r, 'a b': ./c }\nstages: { a: { run: touch a } }").marked(&[
        ("S150", "voice"),
        ("S150", "review"),
        ("S025", "'a b'"),
    ]);
    report("kinds: { page: tools/ }\nstages: { a: { uses: page, outputs: x } }").marked(&[("S151", "tools/")]);
    report("params: { p: x }\nkinds: { k: \"./${params.p}\" }\nstages: { a: { uses: k, outputs: x } }")
        .marked(&[("S151", "\"./${params.p}\"")])
        .says("must be a plain path");
    report("stages: { a: { uses: ../page, outputs: x } }").marked(&[("S070", "../page")]);
    report("stages: { a: { uses: /bin/true, outputs: x } }").marked(&[("S070", "/bin/true")]);
    report("stages: { a: { uses: tools/page, outputs: x } }")
        .marked(&[("S030", "tools/page")])
        .says("write `./tools/page` to mean a program of the repo");
    report("kinds: { page: ./page }\nstages: { a: { uses: pgae, outputs: x } }").says("did you mean `page`?");
    fine("kinds: { page: tools/page }\nstages: { a: { uses: page, outputs: x, with: { any: [1, { b: c }] } } }");
}

#[test]
fn a_program_takes_variables_and_no_provider() {
    fine("stages: { a: { uses: ./p, outputs: x, env: { A: b }, pass: [C], retry: { max: 1, for: [exit] } } }");
    report("stages: { a: { uses: ./p, outputs: x, provider: local } }").marked(&[("S033", "provider")]);
    report("stages: { a: { uses: ./p, outputs: x, shell: bash } }").marked(&[("S029", "shell")]);
}

#[test]
fn a_path_that_leads_out_whatever_the_item_is_told_before_the_list_is_known() {
    let stage = |rest: &str| {
        format!("stages: {{ a: {{ foreach: {{ x: {{ in: 'l.json', key: id, max: 9 }} }}, run: touch x, {rest} }} }}")
    };
    report(&stage("outputs: '../out/${x.id}.md'"))
        .marked(&[("S070", "'../out/${x.id}.md'")])
        .says("`../out/${x.id}.md` is no path of this repo: the path leads out of the repo");
    report(&stage("outputs: '${x.id}.md', inputs: [ok.md, '/etc/${x.id}']")).marked(&[("S070", "'/etc/${x.id}'")]);
    report(&stage("outputs: { text: { path: 'a/../../${x.id}.md', store: false } }"))
        .marked(&[("S070", "'a/../../${x.id}.md'")]);
    // An item may lead anywhere within.
    fine(&stage("outputs: '${x.id}/../b.md', inputs: 'in/../${x.id}.md?'"));
}
