//! Tests of the kind `prompt` with a real store and a scripted writer.

use super::*;
use crate::kind::bench::{Bench, ScriptedChat, output};
use crate::kind::input::tests::file;
use crate::provider::chat::Finish;
use serde_json::json;

fn ask(bench: &Bench, settings: Value, path: &str) -> Result<Made, Failure> {
    bench.perform(&Prompt, settings, vec![file("0", "in.md", "He left. She stayed.\n")], &[output("0", path)])
}

fn text(made: &Made) -> &str {
    std::str::from_utf8(&made.outputs["0"]).unwrap()
}

#[test]
fn a_reply_becomes_the_output_and_is_paid_for_once() {
    let chat = ScriptedChat::of(&["  Once upon a time.\r\n"]);
    let bench = Bench::with_chat(&chat);
    let settings = json!({"prompt": "Tell me.", "system": "Be brief.", "temperature": 0.5, "stop": "END", "seed": 4});
    let made = ask(&bench, settings.clone(), "a.md").unwrap();
    assert_eq!(text(&made), "Once upon a time.\n");
    assert_eq!((made.made_by.as_deref(), made.requests.len()), (Some("a scripted writer"), 1));
    assert_eq!((ask(&bench, settings, "a.md").unwrap(), bench.remembered()), (made, 1));
    let asked = chat.asked.lock().unwrap();
    let [request] = asked.as_slice() else { panic!("{asked:?}") };
    assert_eq!((request.prompt.as_str(), request.max_tokens, request.seed), ("Tell me.", 1024, Some(4)));
    assert_eq!(
        (request.system.as_deref(), request.temperature, request.stop[0].as_str()),
        (Some("Be brief."), Some(0.5), "END")
    );
}

#[test]
fn a_second_take_is_asked_anew() {
    let chat = ScriptedChat::of(&["One.", "Two."]);
    let mut bench = Bench::with_chat(&chat);
    ask(&bench, json!({"prompt": "Tell me."}), "a.md").unwrap();
    bench.take = 2;
    assert_eq!(text(&ask(&bench, json!({"prompt": "Tell me."}), "a.md").unwrap()), "Two.\n");
}

#[test]
fn an_invalid_reply_is_repaired_with_its_errors_quoted_and_all_attempts_are_remembered() {
    let chat = ScriptedChat::of(&["no json", r#"{"tone": 5}"#, r#"{"tone": "sad"}"#]);
    let bench = Bench::with_chat(&chat);
    let schema = json!({"type": "object", "properties": {"tone": {"type": "string"}}});
    let settings = json!({"prompt": "Tell me.", "schema": schema});
    let made = ask(&bench, settings.clone(), "a.json").unwrap();
    assert_eq!(text(&made), "{\n  \"tone\": \"sad\"\n}\n");
    assert_eq!(made.requests.len(), 3);
    assert_eq!((ask(&bench, settings, "a.json").unwrap(), bench.remembered()), (made, 3));
    let asked = chat.asked.lock().unwrap();
    assert_eq!(asked.len(), 3);
    assert!(asked[1].prompt.starts_with("Tell me.\n\nYour last reply was:\n\nno json\n"), "{}", asked[1].prompt);
    assert!(asked[2].prompt.contains("- 5 is not of type \"string\" (at `/tone`)\n"), "{}", asked[2].prompt);
    assert!(!asked[2].prompt.contains("no json"));
    assert_eq!(asked[0].schema.as_ref(), Some(&schema));
}

#[test]
fn a_reply_that_stays_invalid_is_a_failure_that_is_replayed_free() {
    let chat = ScriptedChat::new(|_| Ok(("never json".into(), Finish::Stop)));
    let bench = Bench::with_chat(&chat);
    for _ in 0..2 {
        let failure = ask(&bench, json!({"prompt": "Tell me.", "repair": 1}), "a.json").unwrap_err();
        assert_eq!(failure.cause, Cause::Validation);
        let expected = "the reply is not what was asked for, also after a repair: it is not JSON: expected ident at line 1 column 2";
        assert_eq!(failure.message, expected);
    }
    assert_eq!(chat.calls(), 2);
}

#[test]
fn empty_cut_and_refused_replies_fail_with_their_cause_and_are_replayed_free() {
    let cases = [
        ("", Finish::Stop, Cause::Empty, "a scripted writer gave an empty reply"),
        ("Once upon", Finish::Length, Cause::Length, "the reply was cut at its bound of 99 tokens"),
        ("I'm sorry.", Finish::Refusal, Cause::Refusal, "a scripted writer declined to answer: I'm sorry."),
    ];
    for (reply, finish, cause, message) in cases {
        let chat = ScriptedChat::new(move |_| Ok((reply.to_owned(), finish)));
        let bench = Bench::with_chat(&chat);
        for _ in 0..2 {
            let failure = ask(&bench, json!({"prompt": "Tell me.", "max_tokens": 99}), "a.md").unwrap_err();
            assert_eq!((failure.cause, failure.message.as_str()), (cause, message));
        }
        assert_eq!(chat.calls(), 1, "{message}");
        assert!(ask(&bench, json!({"prompt": "Tell me more."}), "a.md").is_err());
        assert_eq!(chat.calls(), 2, "another recipe is another request");
    }
}

#[test]
fn what_the_provider_itself_reports_as_empty_is_remembered_too() {
    let chat = ScriptedChat::new(|_| Err(Failure::new(Cause::Empty, "nothing came")));
    let bench = Bench::with_chat(&chat);
    for _ in 0..2 {
        assert_eq!(ask(&bench, json!({"prompt": "Hi"}), "a.md").unwrap_err().message, "nothing came");
    }
    assert_eq!(chat.calls(), 1);
}

#[test]
fn a_failure_of_the_machine_is_asked_again() {
    let chat = ScriptedChat::new(|_| Err(Failure::new(Cause::Machine, "no memory")));
    let bench = Bench::with_chat(&chat);
    for calls in 1..3 {
        assert_eq!(ask(&bench, json!({"prompt": "Hi"}), "a.md").unwrap_err().cause, Cause::Machine);
        assert_eq!(chat.calls(), calls);
    }
}

#[test]
fn an_enhancement_that_changes_words_is_repaired() {
    let chat = ScriptedChat::of(&["[sad] He left. She waited.", "[sad] He left. [calm] She stayed."]);
    let made = ask(&Bench::with_chat(&chat), json!({"prompt": "Tag it.", "edit": "tags"}), "a.md").unwrap();
    assert_eq!(text(&made), "[sad] He left. [calm] She stayed.\n");
    let asked = chat.asked.lock().unwrap();
    let edit = Edit { rule: EditRule::Tags, text: "He left. She stayed.\n".into(), language: "en".into() };
    assert_eq!(asked[0].edit, Some(edit));
    assert!(asked[1].prompt.contains("“stayed.” became “waited.”"), "{}", asked[1].prompt);
}

#[test]
fn an_edit_of_a_text_without_words_names_the_file() {
    for (text, rule) in [("", "speech"), ("[pause]\n\n—\n", "tags")] {
        let chat = ScriptedChat::of(&["The voice and the order are kept intact."]);
        let settings = json!({"prompt": "Edit it.", "edit": rule});
        let files = vec![file("0", "build/in.md", text)];
        let failure = Bench::with_chat(&chat).perform(&Prompt, settings, files, &[output("0", "a.md")]).unwrap_err();
        assert_eq!(
            (failure.cause, failure.message.as_str()),
            (Cause::Validation, "`build/in.md` has no words to edit")
        );
        assert_eq!(chat.calls(), 0);
    }
}

#[test]
fn what_an_editor_warns_of_has_its_place_and_is_told_each_time() {
    let warnings = vec![
        ChatWarning { at: Some((9, 20)), message: "left out".into() },
        ChatWarning { at: None, message: "no rules".into() },
    ];
    let chat = ScriptedChat::warning("He left.", warnings);
    let bench = Bench::with_chat(&chat);
    for _ in 0..2 {
        let made = ask(&bench, json!({"prompt": "Edit it.", "edit": "speech", "samples": 2}), "a.md").unwrap();
        assert_eq!(made.warnings, ["in.md: no rules", "in.md:1:10: `She stayed.` left out"]);
    }
    assert_eq!(chat.calls(), 2);
}

#[test]
fn a_language_that_the_writer_lacks_is_told_before_any_work() {
    let bench = Bench::with_chat(&ScriptedChat::of(&[]));
    let told =
        |language: &str| bench.told(&Prompt, &json!({"prompt": "Hi", "language": language}), &[output("0", "a.md")]);
    assert_eq!(told("tlh"), ["a scripted writer does not write in `tlh`"]);
    assert!(told("").is_empty() && told("en").is_empty());
}

#[test]
fn an_enhancement_that_goes_on_changing_words_fails_and_names_the_first() {
    let chat = ScriptedChat::new(|_| Ok(("He went. She stayed.".into(), Finish::Stop)));
    let failure = ask(&Bench::with_chat(&chat), json!({"prompt": "Tag it.", "edit": "tags"}), "a.md").unwrap_err();
    assert_eq!(failure.cause, Cause::Validation);
    let expected = "the reply is not what was asked for, also after 2 repairs: words were changed, only tags may be \
                    added: “left. She stayed.” became “went. She stayed.”";
    assert_eq!(failure.message, expected);
    assert_eq!(chat.calls(), 3);
}

#[test]
fn of_several_samples_the_best_by_rules_is_kept() {
    let good = "The last bus was late that night. A woman sat down beside me. She asked for my name.";
    let chat = ScriptedChat::of(&["- a bus\n- a woman", good, "The bus was late. The bus was late. The bus was"]);
    let bench = Bench::with_chat(&chat);
    let settings = json!({"prompt": "Tell me.", "samples": 3, "choose": {"rules": {"words": 18}}, "seed": 1});
    let made = ask(&bench, settings, "a.md").unwrap();
    assert_eq!((text(&made).trim_end(), made.requests.len()), (good, 3));
    let seeds: std::collections::BTreeSet<u64> =
        chat.asked.lock().unwrap().iter().filter_map(|request| request.seed).collect();
    assert_eq!(seeds.len(), 3);
    assert_eq!(bench.progress.lock().unwrap().last().unwrap().total, 3);
}

#[test]
fn a_rubric_lets_the_writer_choose_and_the_judgement_is_remembered() {
    let judgement = r#"{"best": "2", "why": "It is the saddest."}"#;
    let chat = ScriptedChat::of(&["One tale.", "Two tales.", judgement]);
    let bench = Bench::with_chat(&chat);
    let settings = json!({"prompt": "Tell me.", "samples": 2, "choose": {"rubric": "r.md"}});
    let files = || vec![file("with.choose.rubric", "r.md", "Sad, please.")];
    let perform = || bench.perform(&Prompt, settings.clone(), files(), &[output("0", "a.md")]).unwrap();
    let made = perform();
    assert_eq!((text(&made), made.requests.len(), chat.calls()), ("Two tales.\n", 3, 3));
    assert!(bench.log.lock().unwrap().contains("of 2 samples, 2 is best: It is the saddest.\n"));
    assert!(chat.asked.lock().unwrap()[2].prompt.contains("Rubric:\nSad, please.\n"));
    assert_eq!((perform(), chat.calls()), (made, 3));
}

#[test]
fn where_the_writer_cannot_say_the_rules_choose() {
    let chat = ScriptedChat::of(&["A tale.", "- a\n- b", "the first", "really the first"]);
    let bench = Bench::with_chat(&chat);
    let settings = json!({"prompt": "Tell me.", "samples": 2, "choose": {"rubric": "r.md"}});
    let files = vec![file("with.choose.rubric", "r.md", "Sad, please.")];
    let made = bench.perform(&Prompt, settings, files, &[output("0", "a.md")]).unwrap();
    assert_eq!(text(&made), "A tale.\n");
    assert_eq!(made.warnings, ["the writer could not say which sample keeps the rubric best: rules chose"]);
}

#[test]
fn one_refused_sample_does_not_spoil_the_others() {
    let chat = ScriptedChat::new(|request| {
        Ok(if request.seed == Some(0) { ("No.".into(), Finish::Refusal) } else { ("A tale.".into(), Finish::Stop) })
    });
    let bench = Bench::with_chat(&chat);
    assert_eq!(text(&ask(&bench, json!({"prompt": "Hi", "samples": 2}), "a.md").unwrap()), "A tale.\n");
    let chat = ScriptedChat::new(|_| Ok(("No.".into(), Finish::Refusal)));
    let failure = ask(&Bench::with_chat(&chat), json!({"prompt": "Hi", "samples": 2}), "a.md").unwrap_err();
    assert_eq!((failure.cause, chat.calls()), (Cause::Refusal, 2));
}

#[test]
fn each_section_is_asked_for_and_remembered_on_its_own() {
    let chat = ScriptedChat::new(|request| Ok((format!("<{}>\n", request.prompt), Finish::Stop)));
    let bench = Bench::with_chat(&chat);
    let settings = json!({"jinja": "Edit: {{ inputs[0] }}", "split": "heading"});
    let edit = |text: &str| {
        let files = vec![file("0", "in.md", text)];
        bench.perform(&Prompt, settings.clone(), files, &[output("0", "a.md")])
    };
    let made = edit("---\na: 1\n---\n# Book\n\n## One\n\nRain.\n\n## Two\n\nSun.\n").unwrap();
    assert_eq!(text(&made), "<Edit: # Book\n\n## One\n\nRain.>\n\n<Edit: ## Two\n\nSun.>\n");
    assert_eq!((made.requests.len(), chat.calls()), (2, 2));
    assert_eq!(bench.progress.lock().unwrap().last().unwrap().note, "sections");
    edit("# Book\n\n## One\n\nRain.\n\n## Two\n\nSnow.\n").unwrap();
    assert_eq!((bench.remembered(), chat.calls()), (1, 3));
    assert_eq!(edit("\n").unwrap_err().message, "`in.md` has no text to split");
}

#[test]
fn what_is_wrong_with_a_section_names_it_and_a_warning_has_its_place_in_the_whole() {
    let warnings = vec![ChatWarning { at: Some((6, 10)), message: "left out".into() }];
    let chat = ScriptedChat::warning("# A\n\nRain.", warnings);
    let files = || vec![file("0", "in.md", "# A\n\nRain.\n\n# B\n\nSun!\n")];
    let settings = json!({"jinja": "Edit: {{ inputs[0] }}", "split": "heading", "edit": "speech"});
    let made = Bench::with_chat(&chat).perform(&Prompt, settings, files(), &[output("0", "a.md")]).unwrap();
    assert_eq!(made.warnings, ["in.md:3:2: `ain.` left out", "in.md:7:2: `un!\n` left out"]);
    let chat = ScriptedChat::new(|request| {
        Ok((String::new(), if request.prompt.contains('B') { Finish::Length } else { Finish::Stop }))
    });
    let settings = json!({"jinja": "{{ inputs[0] }}", "split": "heading", "max_tokens": 9});
    let files = vec![file("0", "in.md", "# B\n\nSun.\n\n# A\n\nRain.\n")];
    let failure = Bench::with_chat(&chat).perform(&Prompt, settings, files, &[output("0", "a.md")]).unwrap_err();
    assert_eq!(failure.message, "section 1 of 2: the reply was cut at its bound of 9 tokens");
}

#[test]
fn a_title_is_one_line_without_an_end() {
    let chat = ScriptedChat::of(&["Title: \"The Last Bus\"\n"]);
    let made = ask(&Bench::with_chat(&chat), json!({"prompt": "Title?", "format": "line"}), "title.txt").unwrap();
    assert_eq!(text(&made), "The Last Bus");
}

#[test]
fn a_schema_may_be_a_file() {
    let chat = ScriptedChat::of(&["[]", "{}"]);
    let bench = Bench::with_chat(&chat);
    let files = vec![file("with.schema", "s.json", r#"{"type": "object"}"#)];
    let settings = json!({"prompt": "Hi", "schema": "s.json"});
    let made = bench.perform(&Prompt, settings.clone(), files, &[output("0", "a.json")]).unwrap();
    assert_eq!(text(&made), "{}\n");
    let broken = vec![file("with.schema", "s.json", r#"{"type": 7}"#)];
    let failure = bench.perform(&Prompt, settings, broken, &[output("0", "a.json")]).unwrap_err();
    assert!(failure.message.starts_with("`s.json` is no JSON Schema: "), "{failure}");
}

#[test]
fn what_cannot_work_is_told_before_any_work() {
    let bench = Bench::with_chat(&ScriptedChat::of(&[]));
    let refused = |settings: Value, outputs: &[Output]| bench.told(&Prompt, &settings, outputs).join("; ");
    let one = [output("0", "a.md")];
    assert_eq!(
        refused(json!({"jinja": "x", "split": "heading"}), &one),
        "a `split` has no input: there is nothing to split"
    );
    assert_eq!(refused(json!({"prompt": " "}), &one), "the prompt is empty");
    assert!(refused(json!({"prompt": "x", "edit": "tags"}), &one).contains("nothing to edit"));
    let many = bench.told(&Prompt, &json!({"max_tokens": 0, "split": "lines", "samples": 99}), &one);
    assert_eq!(many.len(), 4, "{many:?}");
    assert!(refused(json!({"schema": {"type": 7}}), &one).starts_with("`schema` is no JSON Schema: "));
    assert_eq!(bench.identity(&Prompt, &json!({"prompt": "x"}), &one).unwrap().as_deref(), Some("scripted/chat"));
    let none = Bench::new().identity(&Prompt, &json!({"prompt": "x"}), &one).unwrap_err();
    assert_eq!(none.message, "no provider `local` that writes text");
}
