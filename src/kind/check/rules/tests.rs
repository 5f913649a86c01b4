//! Tests of what a check measures and says.

use super::*;

fn subject<'a>(path: &'a str, text: &'a str) -> Subject<'a> {
    Subject { role: "", path, bytes: text.as_bytes() }
}

#[track_caller]
fn check(rules: Value, text: &str) -> Vec<String> {
    let mut broken = Vec::new();
    Rules::read(&rules, &[]).unwrap().measure(subject("a.md", text), None, &mut broken);
    broken
}

fn refused(rules: Value) -> String {
    Rules::read(&rules, &[]).unwrap_err().message
}

#[test]
fn words_are_those_that_are_spoken() {
    let text = "# Title\n\n[sad] One two — three *four*. <!-- five -->\n";
    assert!(check(json!({"words": {"min": 5, "max": 5}}), text).is_empty());
    assert_eq!(check(json!({"words": {"min": 6}}), text), ["`words` of `a.md`: 5 words, under 6"]);
    assert_eq!(check(json!({"words": {"max": "4"}}), text), ["`words` of `a.md`: 5 words, over 4"]);
}

#[test]
fn a_forbidden_match_is_named_with_its_place() {
    let broken = check(json!({"forbid": "(?i)very"}), "It was fine.\nIt was Very very cold.\n");
    assert_eq!(broken, ["`forbid` of `a.md:2:8`: “Very” matches /(?i)very/ (2 times)"]);
    assert!(check(json!({"forbid": ["TODO", "xx"]}), "fine").is_empty());
}

#[test]
fn what_is_required_must_match_somewhere() {
    assert!(check(json!({"require": ["bus", "^The"]}), "The last bus").is_empty());
    assert_eq!(check(json!({"require": "train"}), "The bus"), ["`require` of `a.md`: nothing matches /train/"]);
}

#[test]
fn kept_words_are_compared_with_the_reference() {
    let rules = Rules::read(&json!({"preserves": "before"}), &[]).unwrap();
    let reference = subject("b.md", "He left. She stayed.");
    let mut broken = Vec::new();
    let tagged = subject("a.md", "[sad] He left.\n[calm] She stayed.");
    assert_eq!(rules.measure(tagged, Some(reference), &mut broken)["preserves"], "b.md");
    assert!(broken.is_empty());
    rules.measure(subject("a.md", "He left.\nShe waited."), Some(reference), &mut broken);
    let message = "`preserves` of `a.md:2:5`: the words of `b.md` are not kept: “stayed.” became “waited.”";
    assert_eq!(broken, [message]);
}

#[test]
fn senseless_rules_are_refused() {
    assert_eq!(refused(json!({})), "the check has no rule");
    assert_eq!(refused(json!({"word": {"max": 1}})), "there is no setting `word`");
    assert_eq!(refused(json!({"words": {}})), "`words` has neither `min` nor `max`");
    assert_eq!(refused(json!({"words": {"min": 9, "max": 3}})), "`words.min` is 9, above `words.max`, which is 3");
    assert!(refused(json!({"forbid": "(("})).starts_with("`forbid` has the pattern /((/, which cannot be read: "));
}

#[test]
fn a_misspelt_rule_is_told_with_the_one_that_was_meant() {
    let failure = Rules::read(&json!({"reading-time": {"max": "2m"}}), &[]).unwrap_err();
    assert_eq!(failure.message, "there is no setting `reading-time`");
    assert_eq!(failure.hint.as_deref(), Some("Did you mean `reading_time`?"));
}

#[test]
fn the_time_to_say_a_text_is_reckoned() {
    let rules = Rules::read(&json!({"reading_time": {"max": "1s"}}), &[]).unwrap();
    let mut broken = Vec::new();
    let found = rules.measure(subject("a.md", "One two three. [sad]"), None, &mut broken);
    assert_eq!(found, json!({"path": "a.md", "words": 3, "reading_seconds": 1.2}));
    assert_eq!(broken, ["`reading_time` of `a.md`: 1.2 s, over 1.0 s (3 words at 155 a minute)"]);
}

#[test]
fn the_words_of_subtitles_are_those_of_their_cues() {
    let rules = Rules::read(&json!({"words": {"max": 9}}), &[]).unwrap();
    let srt = "1\n00:00:00,000 --> 00:00:02,000\nThe last\nbus\n";
    let vtt = "WEBVTT\n\n00:00.000 --> 00:02.000\nThe last bus\n";
    for (path, text) in [("a.srt", srt), ("a.vtt", vtt)] {
        assert_eq!(rules.measure(subject(path, text), None, &mut Vec::new())["words"], 3, "{path}");
    }
}

#[test]
fn every_violation_of_a_schema_has_its_pointer() {
    let schema =
        json!({"type": "object", "required": ["title"], "properties": {"tones": {"items": {"enum": ["sad", "calm"]}}}});
    let rules = Rules::read(&json!({ "schema": schema }), &[]).unwrap();
    let mut broken = Vec::new();
    rules.measure(subject("i.json", r#"{"tones": ["sad", "odd"]}"#), None, &mut broken);
    rules.measure(subject("i.yaml", "tones: [gay]\ntitle: x\n"), None, &mut broken);
    rules.measure(subject("j.json", "{"), None, &mut broken);
    let told: Vec<&str> = broken.iter().map(String::as_str).collect();
    assert_eq!(
        told,
        [
            "`schema` of `i.json`: \"title\" is a required property",
            "`schema` of `i.json#/tones/1`: \"odd\" is not one of \"sad\" or \"calm\"",
            "`schema` of `i.yaml#/tones/0`: \"gay\" is not one of \"sad\" or \"calm\"",
            "`schema` of `j.json`: is not valid JSON: EOF while parsing an object at line 1 column 1",
        ]
    );
}

#[test]
fn lists_and_schemas_may_be_files() {
    let files = [
        Subject { role: "with.banned", path: "b.txt", bytes: b"very\n" },
        Subject { role: "with.schema", path: "s.yaml", bytes: b"required: [a]" },
    ];
    let settings = json!({"banned": "b.txt", "schema": "s.yaml"});
    let rules = Rules::with_files(&settings, &files).unwrap();
    let mut broken = Vec::new();
    rules.measure(subject("a.json", r#"{"b": "Very."}"#), None, &mut broken);
    assert_eq!(
        broken,
        ["`banned` of `a.json:1:8`: “Very” is banned", "`schema` of `a.json`: \"a\" is a required property"]
    );
    let refused = |files: &[Subject<'_>]| Rules::with_files(&settings, files).unwrap_err().message;
    assert_eq!(refused(&files[1..]), "the file that `banned` names was not read before the check began");
    let odd = |path, bytes| [files[0], Subject { role: "with.schema", path, bytes }];
    assert_eq!(refused(&odd("s.md", b"x")), "`s.md` is no JSON or YAML file");
    assert!(refused(&odd("s.json", b"{")).starts_with("`s.json` is not valid JSON: "));
    assert!(refused(&odd("s.json", br#"{"type": "text"}"#)).starts_with("`s.json` is no JSON Schema: "));
}

#[test]
fn a_rule_without_a_file_to_measure_is_refused() {
    let refused = |rules: Value, paths: &[&str]| {
        let rules = Rules::read(&rules, &[]).unwrap();
        let subjects: Vec<Subject<'_>> = paths.iter().map(|path| subject(path, "")).collect();
        rules.each_has_a_file(&subjects).err().map(|failure| failure.message)
    };
    let audio = json!({"audio": {"true_peak": -1}});
    assert_eq!(refused(audio.clone(), &["a.md", "a.wav"]), None);
    assert_eq!(
        refused(audio, &["a.md", "b.mp3"]).unwrap(),
        "`audio` is about recordings, and there is none among `a.md`, `b.mp3`"
    );
    let message = refused(json!({"words": {"max": 9}}), &["a.wav"]).unwrap();
    assert_eq!(message, "`words` is about texts, and there is none among `a.wav`");
    let message = refused(json!({"subtitles": "netflix"}), &["a.json"]).unwrap();
    assert_eq!(message, "`subtitles` is about subtitles, and there is none among `a.json`");
    let message = refused(json!({"schema": {}}), &["a.srt"]).unwrap();
    assert_eq!(message, "`schema` is about data, and there is none among `a.srt`");
}

#[test]
fn bytes_that_are_no_text_break_the_rules_for_texts() {
    let rules = Rules::read(&json!({"words": {"max": 9}}), &[]).unwrap();
    let mut broken = Vec::new();
    rules.measure(Subject { role: "0", path: "a.md", bytes: b"caf\xe9" }, None, &mut broken);
    assert_eq!(broken, ["`a.md` is no UTF-8 text: byte 3 is wrong"]);
}
