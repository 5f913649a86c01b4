//! Programs of the repo as kinds: asked once, checked before anything runs, told clearly when they go wrong.

use crate::space::{Run, Space};

/// A program that notes every start, and that does as its setting `does` says.
const TOOL: &str = r#"#!/bin/sh
read -r request
echo "$1" >> 'NOTES/starts'
out=$(printf '%s' "$request" | sed -n 's/.*"outputs":\[{"slot":"[^"]*","path":"\([^"]*\)".*/\1/p')
does=$(printf '%s' "$request" | sed -n 's/.*"does":"\([^"]*\)".*/\1/p')
case $1 in
describe)
  echo '{"type":"description","protocol":1,"version":"1","paid":true,"settings":{"type":"object","additionalProperties":false,"properties":{"does":{"type":"string"},"size":{"type":"integer","maximum":9}}},"outputs":{"max":2}}' ;;
perform)
  echo "on standard error" >&2
  case $does in
  "") cat in.txt > "$out"; echo '{"type":"result","made_by":"tool 1"}' ;;
  words) echo 'Loading the model...'; sleep 100 ;;
  early) exit 3 ;;
  silent) cat in.txt > "$out" ;;
  late) cat in.txt > "$out"; echo '{"type":"result"}'; exit 4 ;;
  empty) : > "$out"; echo '{"type":"result"}' ;;
  nothing) echo '{"type":"result"}' ;;
  beside) cat in.txt > "$out"; echo x > "$out.tmp"; echo '{"type":"result"}' ;;
  endless) while :; do printf 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'; done ;;
  error) echo '{"type":"log","message":"looked for it"}'; echo '{"type":"error","message":"the font is not there","hint":"Put it into fonts/."}'; exit 1 ;;
  flaky) echo '{"type":"error","message":"busy","retryable":true}' ;;
  hang) sleep 1000 ;;
  take) printf '%s' "$request" | sed 's/.*"take":\([0-9]*\).*/\1/' > "$out"; echo '{"type":"result"}' ;;
  env) env | grep -c '_KEY=\|^SECOND=\|^COLOUR=' > "$out"; echo '{"type":"result"}' ;;
  esac ;;
esac
"#;

fn tool(space: &Space, text: &str) -> Space {
    let notes = space.note("").display().to_string();
    space.file("tools/tool", &text.replace("NOTES/", &notes)).chmod("tools/tool", 0o755)
}

/// A repo whose one stage uses the program with these fields.
fn space(fields: &str) -> Space {
    let space = Space::new()
        .story(&format!("stages: {{ a: {{ uses: ./tools/tool, inputs: in.txt, outputs: dist/a.txt{fields} }} }}"));
    tool(&space.file("in.txt", "hello\n"), TOOL)
}

fn failing(does: &str) -> Run {
    let space = space(&format!(", with: {{ does: {does} }}"));
    let run = space.build().exit(1).ended_as("a", "failed");
    assert!(!space.has("dist/a.txt") && !space.has("dist/a.txt.tmp"));
    run
}

#[test]
fn a_program_is_asked_once_and_makes_what_a_kind_makes() {
    let space = space("");
    space.build().ran(["a"]).holds("dist/a.txt", "hello\n").says("tool 1");
    assert_eq!(space.noted("starts"), 2);
    // Nobody is asked where nothing changed, also not by a build that looks closely.
    space.build().is_up_to_date();
    space.file("Storyfile.yaml", &(space.read("Storyfile.yaml") + "# a remark\n")).build().is_up_to_date();
    assert_eq!(space.noted("starts"), 2);
    space.file("in.txt", "other\n").build().ran(["a"]).because("input in.txt changed");
    assert_eq!(space.noted("starts"), 3);
    tool(&space, &TOOL.replace("\"version\":\"1\"", "\"version\":\"2\""));
    space.build().ran(["a"]).because("the kind changed: program 1, protocol 1 → program 2, protocol 1, and 1 more");
    assert_eq!(space.noted("starts"), 5);
}

#[test]
fn only_a_build_runs_a_program() {
    let space = space("");
    for verb in [&["validate"][..], &["status"], &["why", "a"], &["graph"], &["build", "--dry-run"]] {
        space.run(verb).exit(0);
    }
    space.run(&["validate"]).exit(0).says("`./tools/tool` has not been asked here yet what it takes");
    space.run(&["status"]).says("maybe").says("its program has not been asked here yet");
    assert_eq!(space.noted("starts"), 0);
    assert_eq!(space.plan(&[])["a"], "maybe");
    space.build().ran(["a"]);
    space.run(&["status", "--exit-code"]).exit(0).says_not("asked");
}

#[test]
fn settings_are_checked_before_anything_runs() {
    let space = space(", with: { sise: 3, size: 12 }").story(
        "
        stages:
          first: { outputs: first.txt, run: 'echo > first.txt' }
          a: { uses: ./tools/tool, inputs: in.txt, outputs: [x.txt, y.txt, z.txt], with: { sise: 3, size: 12 } }
        ",
    );
    let run = space.build().exit(2);
    run.says("error[S036]: there is no setting `sise`").says("Did you mean `size`?").says("Storyfile.yaml:5:");
    run.says("the setting `size` is wrong: 12 is greater than the maximum of 9");
    run.says("the program writes at most 2 outputs, and this stage has 3");
    assert!(!space.has("first.txt"));
    // What it said is known from now on: nobody is asked again.
    space.run(&["validate"]).exit(2).says("there is no setting `sise`");
    assert_eq!(space.noted("starts"), 1);
}

#[test]
fn a_setting_that_waits_for_a_file_is_checked_when_it_is_known() {
    let space = space(", with: { size: \"${inputs[0]}\" }");
    space.build().exit(1).ended_as("a", "failed").says("the setting `size` is wrong");
    assert_eq!(space.noted("starts"), 1);
}

#[test]
fn every_way_to_break_the_protocol_is_told_and_kept_in_the_log() {
    for (does, words) in [
        ("words", "the program broke the protocol: its line 1 is no JSON: "),
        ("early", "the program ended with exit status 3"),
        ("silent", "the program ended without a result"),
        ("late", "it gave a result, and then ended with exit status 4"),
        ("empty", "output `dist/a.txt` is empty"),
        ("nothing", "output `dist/a.txt` was not written"),
        ("beside", "`dist/a.txt.tmp` was written, and is no output of the stage"),
        ("endless", "the program broke the protocol: its line 1 is longer than 1048576 bytes"),
        ("error", "the font is not there"),
    ] {
        let run = failing(does).says(words);
        let log = run.run(&["log", "a"]).exit(0).says(words);
        if does != "endless" {
            log.says("on standard error");
        }
    }
    failing("error").says("Put it into fonts/.").run(&["log", "a"]).says("looked for it");
    failing("words").run(&["log", "a"]).says("Loading the model...");
}

#[test]
fn what_stood_before_a_failure_stands_again() {
    let space = space("");
    space.build().ran(["a"]);
    let story = space.read("Storyfile.yaml").replace("dist/a.txt", "dist/a.txt, with: { does: beside }");
    space.file("Storyfile.yaml", &story).build().exit(1).holds("dist/a.txt", "hello\n");
}

#[test]
fn an_error_is_tried_again_if_the_program_and_the_stage_say_so() {
    let retry = "retry: { max: 2, delay: 1ms, for: [exit] }";
    let flaky = space(&format!(", {retry}, with: {{ does: flaky }}"));
    flaky.build().exit(1).says("busy");
    assert_eq!(flaky.noted("starts"), 4);
    let error = space(&format!(", {retry}, with: {{ does: error }}"));
    error.build().exit(1);
    assert_eq!(error.noted("starts"), 2);
}

#[test]
fn a_program_that_hangs_ends_at_its_timeout() {
    let run = space(", timeout: 50ms, with: { does: hang }").build().exit(1).ended_as("a", "timed-out");
    run.says("ran longer than its timeout").run(&["log", "a"]).says("timed out");
}

#[test]
fn a_program_sees_what_a_command_sees_and_its_variables_are_in_the_key() {
    let space = space(", env: { COLOUR: red }, pass: [SECOND], with: { does: env }");
    let build = |second: &str| {
        let mut command = space.command(&["build", "--events"]);
        command.arg(space.note("events.jsonl")).env("MY_KEY", "sk-1").env("SECOND", second);
        space.finish(command)
    };
    build("a").ran(["a"]).holds("dist/a.txt", "2\n");
    build("b").ran_nothing();
    let story = space.read("Storyfile.yaml").replace("red", "blue");
    space.file("Storyfile.yaml", &story);
    build("b").ran(["a"]).because("environment COLOUR changed");
}

#[test]
fn a_program_that_cannot_say_what_it_takes_fails_its_stages_only() {
    let fails = |text: &str, words: &str| {
        let space = space("").story(
            "
            stages:
              a: { uses: ./tools/tool, inputs: in.txt, outputs: a.txt }
              other: { outputs: other.txt, run: 'echo > other.txt' }
            ",
        );
        let run = tool(&space, text).build_with(&["-k"]).exit(1).ended_as("a", "failed").ended_as("other", "done");
        run.says(words).run(&["log", "a"]).exit(0).says("a failed: `./tools/tool");
        tool(&space, text).build_with(&["other"]).ran_nothing();
    };
    fails("#!/bin/sh\necho Usage\n", "`./tools/tool describe` gave no description: `Usage` is no JSON");
    fails("#!/bin/sh\n", "`./tools/tool describe` said nothing");
    fails("#!/bin/sh\necho no module json >&2; exit 1\n", "ended with exit status 1: no module json");
    fails("#!/no/such/thing\n", "what it names after `#!`, is not there");
    fails("#!/usr/bin/env no-such-thing\n", "What its first line names after `#!` was not found");
    fails("#!/bin/sh\necho '{\"type\":\"description\",\"protocol\":9}'\n", "speaks version 9 of the protocol");
    fails("#!/bin/sh\nyes\n", "said more than 1048576 bytes");
    let space = space("").chmod("tools/tool", 0o644);
    space.build().exit(1).says("it is not executable").says("chmod +x ./tools/tool");
}

#[test]
fn names_of_all_sorts_reach_the_program() {
    let text = "#!/usr/bin/env python3\nimport json, sys\njob = json.loads(sys.stdin.readline())\nif job['type'] == \
                'describe':\n    print(json.dumps({'type': 'description', 'protocol': 1, 'version': '1', 'settings': \
                {}}))\nelse:\n    [path] = job['inputs'][0]['paths']\n    open(job['outputs'][0]['path'], \
                'w').write(open(path).read() + job['with']['who'])\n    print(json.dumps({'type': 'result'}))\n";
    let space = Space::new().story(
        "
        kinds: { 'my-tool': './tools/мой инструмент' }
        stages:
          a: { uses: my-tool, inputs: \"в ход's.txt\", outputs: 'dist/вы \"ход\".txt', with: { who: \"О'Генри\" } }
        ",
    );
    space.file("в ход's.txt", "от ").file("tools/мой инструмент", text).chmod("tools/мой инструмент", 0o755);
    space.build().ran(["a"]).holds("dist/вы \"ход\".txt", "от О'Генри");
    space.build().is_up_to_date();
}

#[test]
fn a_person_decides_about_an_edited_output_of_a_program() {
    let space = space("");
    space.build().ran(["a"]);
    space.file("dist/a.txt", "mine\n").file("in.txt", "new\n").build().exit(3).ended_as("a", "waiting");
    space.holds("dist/a.txt", "mine\n").run(&["accept", "a"]).exit(0);
    space.build().exit(0).holds("dist/a.txt", "mine\n");
}

#[test]
fn a_stage_without_outputs_is_remembered_by_its_verdict() {
    let text = TOOL.replace(
        "\"\") cat in.txt > \"$out\"; echo '{\"type\":\"result\"",
        "\"\") echo '{\"type\":\"result\",\"verdict\":{\"fine\":true}",
    );
    let space = Space::new()
        .story("stages: { a: { uses: ./tools/tool, inputs: in.txt }, b: { needs: a, outputs: b, run: 'echo > b' } }")
        .file("in.txt", "x");
    tool(&space, &text).build().ran(["a", "b"]);
    space.build().is_up_to_date();
    space.file("in.txt", "y").build().ran(["a"]);
}

#[test]
fn another_result_is_asked_for_under_its_number() {
    let space = space(", with: { does: take }");
    space.build().ran(["a"]).holds("dist/a.txt", "1");
    space.build_with(&["--force", "a"]).ran(["a"]).holds("dist/a.txt", "2");
}

/// A repo whose cards are made by a program, one for each item of a list that a stage writes.
fn cards(list: &str, fields: &str) -> Space {
    let space = Space::new().file("cards.json", list).story(&format!(
        "
        stages:
          list: {{ inputs: cards.json, outputs: build/cards.json, run: cp cards.json build/cards.json }}
          card:
            foreach: {{ c: {{ in: build/cards.json, key: id }} }}
            uses: ./tools/tool
            inputs: in.txt
            outputs: \"dist/${{c.id}}.txt\"
            {fields}
        "
    ));
    tool(&space.file("in.txt", "hello\n"), TOOL)
}

#[test]
fn a_program_makes_each_item_of_a_list_that_a_stage_writes() {
    let space =
        cards("[{ \"id\": \"one\", \"size\": 1 }, { \"id\": \"two\", \"size\": 2 }]", "with: { size: \"${c.size}\" }");
    space.run(&["validate"]).exit(0).says("`./tools/tool` has not been asked here yet what it takes");
    space.build().ran(["list", "card:one", "card:two"]).holds("dist/two.txt", "hello\n");
    // Asked once, for all that comes.
    assert_eq!(space.noted("starts"), 3);
    space.build().is_up_to_date();
    space.file(
        "cards.json",
        "[{ \"id\": \"one\", \"size\": 1 }, { \"id\": \"six\", \"size\": 6 }, { \"id\": \"two\", \"size\": 2 }]",
    );
    space.build().ran(["list", "card:six"]);
}

#[test]
fn settings_of_items_are_checked_when_the_items_are_known() {
    let space =
        cards("[{ \"id\": \"one\", \"size\": 1 }, { \"id\": \"two\", \"size\": 12 }]", "with: { size: \"${c.size}\" }");
    let run = space.build().exit(1).ended_as("list", "done").ended_as("card", "failed");
    run.says("the setting `size` is wrong: 12 is greater than the maximum of 9 (Storyfile.yaml:");
    // Nothing of the list is made where one item is wrong: only what the program takes was asked.
    assert_eq!(space.noted("starts"), 1);
}

#[test]
fn a_slip_in_a_setting_needs_no_item_to_be_told() {
    for with in ["with: { sise: \"${c.size}\" }", "with: { sise: 3 }"] {
        let space = cards("[{ \"id\": \"one\", \"size\": 1 }]", with);
        space.build().exit(2).says("error[S036]: there is no setting `sise`").says("Did you mean `size`?");
        assert!(!space.has("build/cards.json"));
    }
}

#[test]
fn a_program_can_be_skipped_and_hooks_are_told_of_it() {
    let space = space(", when: exists('go'), hooks: { stage_complete: 'cat > told.json' }");
    space.build().ended_as("a", "skipped");
    // Also a program whose stage takes no part is asked what it takes: its settings are checked.
    assert_eq!(space.noted("starts"), 1);
    space.file("go", "").build().ran(["a"]);
    assert!(space.read("told.json").contains("\"action\":\"a\""));
}

#[test]
fn a_program_reads_a_part_of_a_file_from_a_file_of_its_own() {
    let reads = TOOL.replace(
        "read -r request\n",
        "read -r request\npart=$(printf '%s' \"$request\" | sed -n 's/.*\"paths\":\\[\"\\([^\"]*\\)\".*/\\1/p')\n",
    );
    let space = Space::new()
        .file("notes.md", "# Lamp\n\nlight\n\n# Door\n\nwood\n")
        .story("stages: { a: { uses: ./tools/tool, inputs: notes.md#door, outputs: dist/a.txt } }");
    let space = tool(&space, &reads.replace("cat in.txt > \"$out\"", "cat \"$part\" > \"$out\""));
    space.build().ran(["a"]);
    assert!(space.read("dist/a.txt").contains("wood") && !space.read("dist/a.txt").contains("light"));
    space.file("notes.md", "# Lamp\n\ndark\n\n# Door\n\nwood\n").build().is_up_to_date();
    space.file("notes.md", "# Lamp\n\ndark\n\n# Door\n\niron\n").build().ran(["a"]);
    assert!(space.read("dist/a.txt").contains("iron"));
}
