//! Tests of reading answers: what an entry may say, and where a fault in it is.

use super::*;

fn one(text: &str) -> Entry {
    let (entries, faults) = read("a.yaml", text);
    assert_eq!(faults, []);
    entries.into_iter().next().unwrap()
}

/// Returns the faults of a file, each with its line and column.
fn faults(name: &str, text: &str) -> Vec<String> {
    let (_, faults) = read(name, text);
    let told = faults.iter().map(|fault| {
        let (line, column) = fault.span.unwrap().line_column(text);
        format!("{line}:{column} {} {}", fault.code, fault.message)
    });
    told.collect()
}

#[test]
fn an_entry_says_what_it_answers_and_what_the_answer_is() {
    let entry = one(
        "- match: { stage: poem, prompt: [bus, night], sample: 2 }\n  reply: |\n    A bus.\n    A night.\n  by: me\n  usage: { output_tokens: 7 }\n",
    );
    assert_eq!(entry.asks.stage.as_deref(), Some("poem"));
    let pieces = vec![("prompt", "bus".to_owned()), ("prompt", "night".to_owned())];
    assert_eq!((entry.asks.pieces, entry.asks.sample), (pieces, Some(2)));
    assert_eq!(entry.says, Says::Texts { replies: vec!["A bus.\nA night.\n".into()], finish: Ended::Stop });
    assert_eq!((entry.by.as_deref(), entry.usage.output_tokens, entry.line), (Some("me"), Some(7), 1));
}

#[test]
fn a_map_is_json_and_a_number_is_text() {
    let reply = |text: &str| match one(text).says {
        Says::Texts { replies, .. } => replies[0].clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(reply("- reply: { title: Late, year: 2026 }"), r#"{"title":"Late","year":2026}"#);
    assert_eq!((reply("- reply: 0.50"), reply("- reply: \"\"")), ("0.50".to_owned(), String::new()));
}

#[test]
fn a_voice_answers_with_a_recording() {
    let entry = one("- match: { text: Good }\n  audio: a.wav\n  words: [[Good, 0, 0.25], [\"07.\", 0.3, 0.7]]\n");
    let word = |text: &str, start, end| Word { text: text.into(), start, end };
    let words = Some(vec![word("Good", 0.0, 0.25), word("07.", 0.3, 0.7)]);
    assert_eq!(entry.says, Says::Sound { audio: "a.wav".into(), words });
}

#[test]
fn a_service_answers_a_call_with_a_status_headers_and_a_body() {
    let says = |text: &str| one(text).says;
    let call = |status, body| Says::Call { status, headers: BTreeMap::new(), body };
    let text = |text: &str| Body::Text(text.into());
    assert_eq!(says("- body: { id: 7 }\n"), call(200, text("{\"id\":7}")));
    assert_eq!(says("- body: \"{ id: 7 }\"\n"), call(200, text("{ id: 7 }")));
    assert_eq!(says("- { status: 404, file: no.html }\n"), call(404, Body::File("no.html".into())));
    assert_eq!(says("- status: 204\n"), call(204, text("")));
    let headers = BTreeMap::from([("content-type".to_owned(), "text/plain".to_owned())]);
    let expected = Says::Call { status: 200, headers, body: text("hi") };
    assert_eq!(says("- { headers: { Content-Type: text/plain }, body: hi }\n"), expected);
    let asks = one("- { match: { method: POST, url: /image, body: [a, b] }, body: x }\n").asks;
    assert_eq!((asks.method.as_deref(), asks.sort(), asks.pieces.len()), (Some("POST"), Some(Sort::Call), 3));
}

#[test]
fn what_is_heard_is_a_text_and_its_words_as_far_as_somebody_tells_when() {
    let entry = one("- match: { file: voice.wav }\n  heard: Good 07\n  words: [[Good, 0, 0.25], [07, 0.3, 0.7]]\n");
    let word = |text: &str, start, end| Word { text: text.into(), start, end };
    let words = vec![word("Good", 0.0, 0.25), word("07", 0.3, 0.7)];
    assert_eq!((entry.sort(), entry.asks.sort()), (Some(Sort::Hearing), Some(Sort::Hearing)));
    assert_eq!(entry.says, Says::Heard { text: "Good 07".into(), words });
    assert_eq!(one("- heard: Good\n").says, Says::Heard { text: "Good".into(), words: Vec::new() });
    assert_eq!(one("- heard: \"\"\n").says, Says::Heard { text: String::new(), words: Vec::new() });
}

#[test]
fn each_line_of_json_lines_is_an_entry() {
    let (entries, faults) = read("a.jsonl", "{\"reply\": \"one\"}\n\n{\"fault\": \"server\"}\n");
    assert_eq!((faults.len(), entries.len(), entries[1].line), (0, 2, 3));
    assert_eq!(entries[1].says, Says::Fault { cause: "server".into(), message: None, hint: None });
}

#[test]
fn a_fault_has_its_place() {
    assert_eq!(faults("a.yaml", "- repyl: x\n"), ["1:3 S020 the key `repyl` is not known"]);
    assert_eq!(
        faults("a.jsonl", "{\"reply\": \"x\"}\n{\"reply\": \"x\", \"request\": \"xyz\"}\n"),
        ["2:27 S168 `xyz` is no digest of a request"]
    );
    assert_eq!(faults("a.yaml", "- reply: x\n  finish: refused\n"), ["2:11 S024 the end `refused` is not known"]);
    assert_eq!(faults("a.yaml", "- fault: servr\n"), ["1:10 S024 the fault `servr` is not known"]);
    assert_eq!(faults("a.yaml", "hello\n"), ["1:1 S021 a file of answers must be a list, not text"]);
    assert_eq!(faults("a.yaml", "- audio: a.wav\n  finish: stop\n"), ["2:3 S029 `finish` does not go with `audio`"]);
    assert_eq!(faults("a.yaml", "- by: me\n"), ["1:3 S168 this entry has no answer"]);
    assert_eq!(faults("a.yaml", "- body: x\n  words: []\n"), ["2:3 S029 `words` does not go with `body`"]);
    assert_eq!(faults("a.yaml", "- heard: x\n  status: 200\n"), ["2:3 S029 `status` does not go with `heard`"]);
    assert_eq!(faults("a.yaml", "- heard: x\n  words: [[x, 0, soon]]\n"), ["2:11 S168 this is no word with its times"]);
    assert_eq!(faults("a.yaml", "- heard: x\n  words: [[x, 0, nan]]\n"), ["2:11 S168 this is no word with its times"]);
    assert_eq!(faults("a.yaml", "- heard: [x]\n"), ["1:10 S021 `heard` must be text, not a list"]);
    assert_eq!(faults("a.yaml", "- file: [x]\n"), ["1:9 S021 `file` must be text, not a list"]);
    assert_eq!(
        faults("a.yaml", "- { body: x, status: 302e }\n"),
        ["1:22 S021 `status` must be a whole number, not text"]
    );
    assert_eq!(faults("a.yaml", "- { body: x, status: 99 }\n"), ["1:22 S027 `status` is out of its range"]);
    assert_eq!(faults("a.yaml", "- { body: x, headers: [a] }\n"), ["1:23 S021 `headers` must be a map, not a list"]);
    assert_eq!(faults("a.yaml", "- { body: x, headers: { a: {} } }\n"), ["1:28 S021 `a` must be text, not a map"]);
    assert_eq!(faults("a.yaml", "- { body: x, file: y }\n"), ["1:3 S168 this entry has more than one answer"]);
    assert!(faults("a.jsonl", "{\"reply\": \n").iter().all(|fault| fault.starts_with("1:")));
}

#[test]
fn a_rule_about_requests_of_another_sort_is_told() {
    let rule = |rules: &str, answer: &str| faults("a.yaml", &format!("- {{ match: {{ {rules} }}, {answer} }}\n"));
    assert_eq!(rule("url: /a", "reply: x"), ["1:14 S029 `url` does not go with `reply`"]);
    assert_eq!(rule("text: a", "body: x"), ["1:14 S029 `text` does not go with `body`"]);
    assert_eq!(rule("file: a", "status: 404"), ["1:14 S029 `file` does not go with `status`"]);
    assert_eq!(rule("prompt: a", "heard: x"), ["1:14 S029 `prompt` does not go with `heard`"]);
    assert_eq!(rule("prompt: a, method: PUT", "fault: server"), ["1:25 S029 `method` does not go with `prompt`"]);
    assert_eq!(rule("method: post", "body: x"), ["1:22 S024 the method `post` is not known"]);
    assert_eq!(rule("method: PUT, url: /a, stage: s, take: 2", "fault: server"), Vec::<String>::new());
}

#[test]
fn an_empty_file_has_no_answers() {
    assert_eq!(read("a.yaml", "# later\n"), (Vec::new(), Vec::new()));
    assert_eq!(read("a.jsonl", ""), (Vec::new(), Vec::new()));
}
