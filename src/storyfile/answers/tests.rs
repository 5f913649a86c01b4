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
    assert_eq!(
        (entry.asks.prompt.as_slice(), entry.asks.sample),
        (&["bus".to_owned(), "night".to_owned()][..], Some(2))
    );
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
    assert!(faults("a.jsonl", "{\"reply\": \n").iter().all(|fault| fault.starts_with("1:")));
}

#[test]
fn an_empty_file_has_no_answers() {
    assert_eq!(read("a.yaml", "# later\n"), (Vec::new(), Vec::new()));
    assert_eq!(read("a.jsonl", ""), (Vec::new(), Vec::new()));
}
