//! What a file must be to be imported, and what becomes of single fields.

use super::*;

fn imported(name: &str, text: &str) -> Result<Imported, String> {
    let beside = Beside { is_folder: &|path| path == "assets", read: &|_| None };
    import(name, text.as_bytes(), &beside)
}

fn dvc(stage: &str) -> Imported {
    imported("dvc.yaml", &format!("stages:\n  s: {stage}\n")).unwrap()
}

fn orchestration(rest: &str) -> Imported {
    imported("pipeline.yaml", &format!("stages: [{{ id: custom, {rest} }}]")).unwrap()
}

#[track_caller]
fn says(imported: &Imported, line: &str) {
    assert!(imported.text.lines().any(|found| found.trim() == line), "no `{line}` in\n{}", imported.text);
}

#[track_caller]
fn told(imported: &Imported, field: &str, fate: Fate) -> String {
    let found = imported.report.iter().find(|note| note.field == field && note.fate == fate);
    found.unwrap_or_else(|| panic!("no `{field}` in\n{}", render(&imported.report))).became.clone()
}

#[test]
fn what_is_no_pipeline_is_refused() {
    let refused = |name: &str, text: &str| imported(name, text).unwrap_err();
    assert_eq!(refused("a.txt", "x"), "`a.txt` is neither YAML nor JSON by its name: .yaml, .yml or .json");
    assert!(refused("a.json", "{").starts_with("`a.json` is not valid JSON: "));
    assert!(refused("a.yaml", "a: [").starts_with("`a.yaml` is not valid YAML: "));
    assert!(refused("a.yaml", "Pipeline: { Name: x }").contains("has no `stages`"));
    assert_eq!(refused("s.yaml", "storygen: 1\nstages: { a: { run: x } }"), "`s.yaml` is a Storyfile already");
    assert_eq!(refused("a.yaml", "stages: []"), "`a.yaml` has no stage");
    assert_eq!(refused("a.yaml", "stages: {}"), "`a.yaml` has no stage");
    assert_eq!(refused("a.yaml", "stages: [{ name: x }]"), "stage 1 of `a.yaml` has no `id`");
    assert_eq!(refused("a.yaml", "stages: [{ id: x }, { id: x }]"), "two stages of `a.yaml` are called `x`");
    assert_eq!(
        refused("a.yaml", "stages: [{ id: x, max_retries: -1 }]"),
        "`stages.x.max_retries` is -1, and must be a number from 0"
    );
    assert_eq!(refused("a.yaml", "stages: { s: { deps: [a] } }"), "`stages.s` of `a.yaml` has no `cmd`");
    assert_eq!(
        refused("a.yaml", "stages: { s: { foreach: [a] } }"),
        "the stage `s` of `a.yaml` has `foreach` and no `do`"
    );
}

#[test]
fn conditions_become_expressions() {
    let when = |condition: &str| {
        let imported = orchestration(&format!("condition: '{condition}'"));
        imported.text.lines().find_map(|line| line.trim().strip_prefix("when: ").map(str::to_owned)).unwrap()
    };
    assert_eq!(when("variables.a == true"), "\"params.a == true\"");
    assert_eq!(
        when("!variables.a && variables.b != 3 || variables.c"),
        "\"not params.a and params.b != 3 or params.c\""
    );
}

#[test]
fn variables_of_the_environment_keep_their_meaning_and_secrets_stay_out() {
    let imported = orchestration("parameters: { a: 'x $A ${B} ${c} 5$ ${', key: '$MY_KEY' }");
    says(&imported, "env: { A: \"x ${A:-} ${B:-} ${env.c | default('')} 5$ $${\" }");
    assert!(told(&imported, "stages.custom.parameters.key", Fate::Left).contains("`MY_KEY` is a secret"));
    assert!(!imported.text.contains("MY_KEY"));
}

#[test]
fn a_stage_that_no_kind_does_is_a_command_of_ones_own() {
    let imported = orchestration("parameters: { fps: 30, tags: [a] }, timeout_seconds: 5");
    says(&imported, "run: [./tools/custom, \"${outputs[0]}\"]");
    says(&imported, "env: { FPS: \"30\", TAGS: \"[\\\"a\\\"]\" }");
    says(&imported, "timeout: \"5s\"");
    assert!(told(&imported, "stages.custom", Fate::Left).contains("yours to write"));
}

#[test]
fn paths_outside_the_repo_are_told_and_left() {
    let imported = dvc("{ cmd: x, deps: [s3://b/a, /etc/a, ../up, assets, a/../b.txt], outs: [out/] }");
    says(&imported, "inputs: [assets/, b.txt]");
    says(&imported, "outputs: [out/]");
    for path in ["s3://b/a", "/etc/a", "../up"] {
        assert!(told(&imported, &format!("stages.s.deps.{path}"), Fate::Left).contains("not in the repo"));
    }
}

#[test]
fn a_list_that_is_not_known_is_to_be_filled_in() {
    let imported = dvc("{ foreach: '${langs}', do: { cmd: 'x ${item}', outs: ['${item}.txt'] } }");
    says(&imported, "foreach: { case: [fill-this-in] }");
    assert!(told(&imported, "stages.s.foreach", Fate::Left).contains("fill it in"));
}
