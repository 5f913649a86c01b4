//! Tests of the presets: loaded as a Storyfile loads them, and asked of a scripted writer.

use super::*;
use crate::base::failure::{Cause, Failure};
use crate::kind::bench::{Bench, ScriptedChat};
use crate::kind::contract::Made;
use crate::kind::input::tests::{file, scope};
use crate::kind::prompt::Prompt;
use crate::kind::registry::Registry;
use crate::provider::chat::{ChatRequest, Edit, EditRule};
use crate::storyfile::load::{Given, load};
use crate::storyfile::scope::ScopeFile;
use crate::storyfile::story::Work;
use serde_json::{Value, json};

const IDEA: &str = r#"{"story_title": "Night Bus", "narrator_gender": "female", "tone": ["sad", "warm"],
    "goal": "to be remembered", "locations": ["a bus", "a stop"], "language": "en"}"#;

/// Performs the one stage of a Storyfile with these inputs; the writer gives `replies` one after the other.
fn made(stage: &str, files: Vec<ScopeFile>, replies: &[&str]) -> (Result<Made, Failure>, Vec<ChatRequest>) {
    let none = |_: &str| None;
    let story = format!("storygen: 1\nstages:\n  s: {stage}\n");
    let (story, faults) = load(&story, &Registry::builtin(), &Given::alone("Storyfile.yaml", &none));
    let story = story.unwrap_or_else(|| panic!("{faults:?}"));
    assert!(faults.is_empty(), "{faults:?}");
    let action = &story.actions[0];
    let Work::Kind { kind, with, .. } = &action.work else { panic!("no kind") };
    assert_eq!(kind, "prompt");
    let settings = with.resolve(&scope(files.clone())).unwrap();
    let chat = ScriptedChat::of(replies);
    let made = Bench::with_chat(&chat).perform(&Prompt, settings, files, &action.outputs);
    let asked = chat.asked.lock().unwrap().clone();
    (made, asked)
}

fn asked(stage: &str, files: Vec<ScopeFile>, reply: &str) -> ChatRequest {
    let (made, mut asked) = made(stage, files, &[reply]);
    made.unwrap();
    asked.remove(0)
}

#[test]
fn every_preset_ejects_and_says_what_it_is() {
    for name in NAMES {
        let text = eject(name).unwrap();
        assert!(text.starts_with("# ") && text.contains("\nuses: prompt\n"), "{name}");
    }
    assert_eq!(eject("voice"), None);
}

#[test]
fn an_idea_keeps_what_was_wished_and_leaves_the_rest_to_the_writer() {
    let stage =
        "{ uses: idea, outputs: idea.json, with: { topic: the last bus, tone: [sad, warm], narrator_gender: male } }";
    let (made, asked) = made(stage, Vec::new(), &["{}", &full_idea("the last bus", &["sad", "warm"], "male")]);
    let request = &asked[0];
    assert_eq!(
        request.prompt.lines().next(),
        Some("Invent one idea for a short story about: the last bus."),
        "{}",
        request.prompt
    );
    assert!(
        request.prompt.contains("\nThe tone is sad and warm.\nThe narrator is a man.\nEverything in it"),
        "{}",
        request.prompt
    );
    assert!(!request.prompt.contains("theme"), "{}", request.prompt);
    let fields = &request.schema.as_ref().unwrap()["properties"];
    assert_eq!(fields["tone"], json!({"enum": [["sad", "warm"]]}));
    assert_eq!(fields["narrator_gender"], json!({"enum": ["male"]}));
    assert_eq!(fields["theme"]["type"], "string");
    assert_eq!(fields["premise"], json!({"const": "the last bus"}));
    assert_eq!(fields.as_object().unwrap().len(), 12);
    assert_eq!(asked.len(), 2, "the empty object is repaired");
    let idea: Value = serde_json::from_slice(&made.unwrap().outputs["0"]).unwrap();
    assert_eq!(idea["language"], "en");
}

#[test]
fn an_idea_without_wishes_is_asked_for_in_full() {
    let request = asked(
        "{ uses: idea, outputs: idea.json, with: { topic: buses } }",
        Vec::new(),
        &full_idea("buses", &["calm"], "female"),
    );
    assert!(!request.prompt.contains("The tone") && !request.prompt.contains("The narrator is"), "{}", request.prompt);
    let fields = &request.schema.as_ref().unwrap()["properties"];
    assert_eq!(fields["tone"]["items"]["maxLength"], 30);
    assert_eq!(fields["narrator_gender"], json!({"enum": ["female", "male"]}));
}

fn full_idea(topic: &str, tone: &[&str], gender: &str) -> String {
    json!({
        "premise": topic, "story_title": "Night Bus", "narrator_gender": gender, "tone": tone, "theme": "kindness", "other_character":
        "a driver", "goal": "to get home before dawn", "twist_type": "he knows her by name", "outcome": "they talk until morning", "emotional_core": "hope",
        "locations": ["a bus"], "language": "en",
    })
    .to_string()
}

#[test]
fn a_script_is_asked_for_from_the_ideas_fields() {
    let stage = "{ uses: script, inputs: idea.json, outputs: script.md }";
    let request = asked(stage, vec![file("0", "idea.json", IDEA)], "I was late.");
    let expected = "Write a story about Night Bus.\nIt has about 360 words and is told in the first person by one \
                    narrator, a woman, to be read aloud.\nIt has a hook, a conflict, a shift and a payoff.\nThe tone \
                    is sad and warm.\nUse plain words. Keep the sentences short. Stay with the topic from the first \
                    sentence to the last. Write narration only.\n\nThe idea:\nStory title: Night Bus\n\
                    Goal: to be remembered\nLocations: a bus, a stop";
    assert_eq!(request.prompt, expected);
    assert_eq!((request.max_tokens, request.temperature), (3904, Some(0.6)));
}

#[test]
fn a_script_may_have_another_length_tone_and_language_and_a_plain_idea() {
    let stage =
        "{ uses: script, inputs: idea.md, outputs: s.md, with: { target_words: 20, tone: dark, language: de } }";
    let request = asked(stage, vec![file("0", "idea.md", "A bus that never stops.\n")], "Ich kam.");
    assert!(request.prompt.starts_with("Write a story of about 20 words, "), "{}", request.prompt);
    assert!(request.prompt.contains("The tone is dark."), "{}", request.prompt);
    assert!(request.prompt.contains("Write in the language with the code de."), "{}", request.prompt);
    assert!(request.prompt.ends_with("The idea:\nA bus that never stops."), "{}", request.prompt);
    assert_eq!(request.max_tokens, 1184);
}

#[test]
fn a_revision_and_an_enhancement_are_edits_bounded_by_the_script() {
    let script = "He left at 9. ".repeat(100);
    let files = || vec![file("0", "script.md", &script)];
    let revised = asked("{ uses: revision, inputs: script.md, outputs: r.md }", files(), "He left.");
    assert_eq!(revised.edit, Some(Edit { rule: EditRule::Speech, text: script.clone(), language: "en".into() }));
    assert!(revised.prompt.ends_with("He left at 9."), "{}", revised.prompt);
    assert_eq!(revised.max_tokens, 3824);
    let (made, asked) = made("{ uses: enhancement, inputs: script.md, outputs: e.md }", files(), &["[sad] He."; 3]);
    assert_eq!(asked[0].edit.as_ref().unwrap().rule, EditRule::Tags);
    assert_eq!((asked.len(), asked[0].max_tokens), (3, 3824));
    assert!(made.unwrap_err().message.contains("words were changed"));
}

#[test]
fn a_script_in_the_ideas_language_is_refused_where_the_writer_lacks_it() {
    let idea = IDEA.replace("\"en\"", "\"tlh\"");
    let stage = "{ uses: script, inputs: idea.json, outputs: script.md }";
    let (made, asked) = made(stage, vec![file("0", "idea.json", &idea)], &["nuqneH."]);
    let failure = made.unwrap_err();
    assert_eq!((failure.cause, failure.message.as_str()), (Cause::Setup, "a scripted writer does not write in `tlh`"));
    assert!(asked.is_empty());
}

#[test]
fn an_edit_is_told_the_language() {
    let files = vec![file("0", "script.md", "Er kam.")];
    let stage = "{ uses: enhancement, inputs: script.md, outputs: e.md, with: { language: de } }";
    assert_eq!(asked(stage, files, "[sad] Er kam.").edit.unwrap().language, "de");
}

#[test]
fn a_title_is_one_line() {
    let (made, asked) = made(
        "{ uses: title, inputs: script.md, outputs: title.txt, with: { tone: dark } }",
        vec![file("0", "script.md", "I was late.")],
        &["The Last Bus", r#"{"story_title": "“The Last Bus”"}"#],
    );
    assert_eq!(made.unwrap().outputs["0"], b"The Last Bus");
    let expected = "I was late.\n\nGive this story a title of at most 8 words. The title makes people curious and gives \
                    nothing away. The tone is dark.";
    assert_eq!(asked[0].prompt, expected);
}

#[test]
fn a_stage_may_replace_a_presets_template_and_settings() {
    let stage = "{ uses: script, inputs: idea.json, outputs: s.md, with: { prompt: \"About ${inputs[0].story_title}\", temperature: 1 } }";
    let request = asked(stage, vec![file("0", "idea.json", IDEA)], "I was late.");
    assert_eq!((request.prompt.as_str(), request.temperature), ("About Night Bus", Some(1.0)));
}
