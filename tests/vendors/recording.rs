//! What services answered, recorded once and played without them: the same bytes, no key, no network, no charge.

use crate::fake::{KEYS, Vendor, fault};
use crate::proof::client::openai;
use crate::space::{Run, Space};
use serde_json::json;
use std::fs;

/// A repo with every sort of answer: a text, samples, a repair, a refusal that is tolerated.
fn space(vendor: &Vendor) -> Space {
    let space = Space::new();
    space.story(&format!(
        "
        {}
        stages:
          poem: {{ uses: prompt, provider: writer, outputs: poem.md, with: {{ prompt: A poem of four lines. }} }}
          title: {{ uses: prompt, provider: writer, outputs: title.txt, with: {{ prompt: A title., samples: 3, temperature: 0.9 }} }}
          page:
            uses: prompt
            provider: writer
            foreach: {{ lang: [en, es] }}
            inputs: poem.md
            outputs: \"${{lang}}.md\"
            with: {{ prompt: \"In ${{lang}}: ${{inputs[0]}}\" }}
        profiles:
          ci: {{ providers: {{ writer: {{ type: scripted, answers: answers/ }} }} }}
        ",
        vendor.openai("writer")
    ))
}

fn build(space: &Space, args: &[&str]) -> Run {
    let mut command = space.command(&[&["build"], args].concat());
    command.envs(KEYS);
    space.finish(command)
}

/// Returns what stages made.
fn made(space: &Space) -> Vec<(String, String)> {
    let tree = space.tree().into_iter();
    tree.filter(|(path, _)| path.ends_with(".md") || path.ends_with(".txt")).collect()
}

#[test]
fn what_is_recorded_is_played_byte_for_byte_without_key_network_or_charge() {
    let vendor = Vendor::start();
    let space = space(&vendor);
    build(&space, &["--record", "answers"]).exit(0).says("recorded 6 answers into answers/");
    let (made_then, charges) = (made(&space), vendor.charges());
    assert_eq!(made_then.len(), 4);
    vendor.unplug();
    for path in [".storygen", "Storyfile.lock", "poem.md", "title.txt", "en.md", "es.md"] {
        space.remove(path);
    }
    // No key is set.
    space.run(&["build", "--profile", "ci"]).exit(0);
    assert_eq!((made(&space), vendor.charges()), (made_then, charges));
}

#[test]
fn recording_again_gives_the_same_bytes_and_asks_nothing() {
    let vendor = Vendor::start();
    let space = space(&vendor);
    build(&space, &["--record", "answers"]).exit(0);
    let (then, calls) = (space.tree(), vendor.calls().len());
    build(&space, &["--record", "answers"]).exit(0);
    assert_eq!((space.tree(), vendor.calls().len()), (then, calls));
    for (_, key) in KEYS {
        assert!(space.tree().values().all(|text| !text.contains(key)), "a key was recorded");
    }
}

#[test]
fn only_what_this_build_used_is_recorded() {
    let vendor = Vendor::start();
    let space = space(&vendor);
    build(&space, &["--record", "answers"]).exit(0);
    assert!(space.has("answers/title.jsonl") && space.has("answers/page.jsonl"));
    build(&space, &["poem", "--record", "answers"]).exit(0);
    assert!(space.has("answers/poem.jsonl"));
    assert!(!space.has("answers/title.jsonl") && !space.has("answers/page.jsonl"));
    build(&space, &["--force", "poem", "poem", "--record", "answers"]).exit(0);
    assert_eq!(space.read("answers/poem.jsonl").lines().count(), 2, "one take: that which stands");
}

#[test]
fn a_refusal_is_recorded_too() {
    let vendor = Vendor::start();
    vendor.script([fault::refusal()]);
    let space = Space::new();
    space.story(&format!(
        "
        {}
        stages:
          poem: {{ uses: prompt, provider: writer, continue_on_error: true, outputs: poem.md, with: {{ prompt: A poem. }} }}
        profiles:
          ci: {{ providers: {{ writer: {{ type: scripted, answers: answers/ }} }} }}
        ",
        vendor.openai("writer")
    ));
    build(&space, &["--record", "answers"]).exit(0);
    assert!(space.read("answers/poem.jsonl").contains("\"finish\":\"refusal\""));
    space.remove(".storygen");
    space.run(&["build", "--profile", "ci"]).exit(0).says("declined to answer");
    assert_eq!(vendor.calls().len(), 1);
}

/// A repo with a call, and a recording that is heard: the server spoke it itself.
fn space_of_calls(vendor: &Vendor) -> Space {
    let body = json!({ "model": "tts-1", "voice": "nova", "input": "The bus was late.", "response_format": "wav" });
    let said = openai(vendor, "/audio/speech").json(&body).send();
    let space = Space::new().file("script.md", "The bus was late.\n");
    fs::write(space.path("voice.wav"), said.body).unwrap();
    let ears = vendor.openai("ears").to_string().replace("gpt-4o-mini", "whisper-1");
    let art = vendor.http("art").to_string().replace("providers: {", "").replace("} }", "}");
    space.story(&format!(
        "
        {}, {art} }}
        stages:
          cover: {{ uses: http, provider: art, outputs: cover.json, with: {{ url: \"/echo?size=2\", json: {{ prompt: ü }} }} }}
          told: {{ uses: http, provider: art, outputs: told.txt, with: {{ url: /echo, extract: {{ pointer: /answer }} }} }}
          words: {{ uses: align, provider: ears, inputs: {{ audio: voice.wav, text: script.md }}, outputs: words.json }}
        profiles:
          ci: {{ providers: {{ art: {{ type: scripted, answers: answers/ }}, ears: {{ type: scripted, answers: answers/ }} }} }}
        ",
        ears.strip_suffix(" }").unwrap()
    ))
}

#[test]
fn what_services_of_any_sort_sent_and_what_was_heard_is_played_byte_for_byte() {
    const MADE: [&str; 3] = ["cover.json", "told.txt", "words.json"];
    let vendor = Vendor::start();
    let space = space_of_calls(&vendor);
    build(&space, &["--record", "answers"]).exit(0).says("recorded 3 answers into answers/").says_not("not recorded");
    let made = |space: &Space| MADE.map(|path| space.read(path));
    let (then, answers, calls) = (made(&space), space.tree(), vendor.calls().len());
    assert!(then[0].contains("Bearer ***") && then[2].contains("\"aligned\""), "{then:?}");
    // Recorded again it is the same, and nobody is asked.
    build(&space, &["--record", "answers"]).exit(0);
    assert_eq!(space.tree(), answers);
    vendor.unplug();
    space.remove(".storygen").remove("Storyfile.lock");
    for path in MADE {
        space.remove(path);
    }
    // No key is set.
    space.run(&["build", "--profile", "ci"]).exit(0).says("matched with what was heard by whisper-1");
    assert_eq!((made(&space), vendor.calls().len()), (then, calls));
    space.run(&["build", "--profile", "ci"]).exit(0).is_up_to_date();
}

#[test]
fn a_key_that_a_service_sends_back_is_not_recorded() {
    let vendor = Vendor::start();
    // The echo has the headers of the call in it, and what was generated has the key once more.
    let space = space_of_calls(&vendor);
    vendor.script([fault::echoes_key_in_answer(), fault::echoes_key_in_answer(), fault::echoes_key_in_answer()]);
    build(&space, &["--record", "answers"]).exit(0);
    assert!(space.read("answers/cover.jsonl").contains("Bearer ***"), "{}", space.read("answers/cover.jsonl"));
    for (_, key) in KEYS {
        assert!(space.tree().values().all(|text| !text.contains(key)), "a key was recorded");
    }
}

#[test]
fn answers_that_are_remembered_nowhere_are_told() {
    let vendor = Vendor::start();
    let space = space_of_calls(&vendor);
    build(&space, &[]).exit(0);
    fs::remove_dir_all(space.path(".storygen")).unwrap();
    let run = build(&space, &["--record", "answers"]).exit(1);
    run.says("the answers of `cover`, `told`, `words` are not remembered here");
}

#[test]
fn files_of_others_are_never_replaced_and_folders_are_chosen_with_care() {
    let vendor = Vendor::start();
    let space = space(&vendor);
    for dir in ["../out", ".storygen/x", ".git", "Storyfile.yaml"] {
        build(&space, &["--record", dir]).exit(2);
    }
    assert_eq!(vendor.calls().len(), 0);
    space.file("answers/poem.jsonl", "{\"reply\": \"mine\"}\n");
    build(&space, &["--record", "answers"]).exit(2).says("was not recorded by storygen");
    space.holds("answers/poem.jsonl", "{\"reply\": \"mine\"}\n");
    assert!(!space.has("answers/title.jsonl"));
    space.remove("answers/poem.jsonl").file("answers/README.md", "mine");
    build(&space, &["--record", "answers"]).exit(0);
    space.holds("answers/README.md", "mine");
    build(&space, &["--profile", "ci", "--record", "answers"]).exit(2).says("plays the answers of `answers/`");
}
