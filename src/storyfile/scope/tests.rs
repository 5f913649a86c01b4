//! What expressions see: inputs as paths or content, lists, what is absent, files as data.

use super::*;

fn file(role: &str, list: Plurality, path: &str, content: &str) -> ScopeFile {
    let parsed = path.ends_with(".json").then(|| serde_json::from_str(content).unwrap());
    let content = Some(content.as_bytes().into());
    ScopeFile { role: role.into(), list, path: path.into(), part: None, content, parsed }
}

fn scope() -> Scope {
    Scope {
        inputs: vec![
            file("idea", Plurality::One, "build/idea.json", r#"{"story_title":"Night Bus","tags":["a","b"]}"#),
            file("chapters", Plurality::Many, "c/1.md", "one\n"),
            file("chapters", Plurality::Many, "c/2.md", "two\n"),
            file("with.template", Plurality::One, "p.j2", "never shown"),
        ],
        declared: vec![
            ("idea".into(), Plurality::One),
            ("notes".into(), Plurality::One),
            ("extras".into(), Plurality::Many),
            ("chapters".into(), Plurality::Many),
        ],
        ..Scope::default()
    }
}

fn value(source: &str, view: View) -> String {
    expr::evaluate(source, scope().context(view)).unwrap().to_string()
}

#[test]
fn an_input_reads_as_its_path_or_its_content() {
    assert_eq!(value("inputs.idea", View::Path), "build/idea.json");
    assert_eq!(value("inputs.idea.story_title", View::Content), "Night Bus");
    assert_eq!(value("inputs[0].stem ~ '|' ~ inputs.idea.dir ~ '|' ~ inputs.idea.ext", View::Path), "idea|build|json");
    assert_eq!(value("inputs.idea.tags | join('+')", View::Content), "a+b");
    assert_eq!(value("inputs.chapters[1].text", View::Path), "two\n");
    assert_eq!(value("inputs.chapters[0] | upper | trim", View::Content), "ONE");
}

#[test]
fn patterns_are_lists() {
    assert_eq!(value("inputs.chapters", View::Path), "c/1.md c/2.md");
    assert_eq!(value("inputs.chapters", View::Content), "one\n\ntwo");
    assert_eq!(value("inputs", View::Path), "build/idea.json c/1.md c/2.md");
    assert_eq!(value("inputs.chapters | length", View::Path), "2");
    assert_eq!(value("inputs.extras | length", View::Path), "0");
}

#[test]
fn an_absent_input_can_be_tested_and_not_used() {
    assert_eq!(value("'yes' if inputs.notes else 'no'", View::Path), "no");
    assert!(expr::evaluate("inputs.notes ~ ''", scope().context(View::Path)).is_err());
    assert!(expr::evaluate("inputs.notes", scope().context(View::Path)).unwrap().is_undefined());
}

#[test]
fn a_list_leaves_out_what_is_not_there_and_keeps_its_places() {
    let mut scope = scope();
    scope.declared = vec![("0".into(), Plurality::One), ("1".into(), Plurality::One)];
    scope.inputs = vec![file("1", Plurality::One, "src.txt", "text")];
    let value = |source: &str| expr::evaluate(source, scope.context(View::Path)).unwrap();
    assert_eq!(words(&value("inputs")), Ok(vec!["src.txt".to_owned()]));
    assert_eq!(value("inputs[1]").to_string(), "src.txt");
    assert_eq!(value("inputs | length").to_string(), "1");
    assert_eq!(value("inputs | join(',')").to_string(), "src.txt");
    assert!(scope.is_absent("inputs[0]") && scope.is_absent(" inputs.0 ") && !scope.is_absent("inputs[1]"));
    assert!(scope.mentions_absent("inputs[0] | default('')") && !scope.mentions_absent("inputs[1].ext"));
}

#[test]
fn files_become_data() {
    let data = expr::evaluate("inputs.idea", scope().context(View::Content)).unwrap();
    assert_eq!(expr::to_json(&data), json!({"story_title": "Night Bus", "tags": ["a", "b"]}));
    let data = expr::evaluate("[inputs.chapters, 1]", scope().context(View::Content)).unwrap();
    assert_eq!(expr::to_json(&data), json!([["one\n", "two\n"], 1]));
}
