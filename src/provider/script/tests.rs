//! Tests of who answers what: chosen by content, never by how often somebody asked.

use super::matching::nth;
use super::*;
use crate::base::digest::Digest;
use crate::provider::memory::Variant;
use crate::world::real::RealDisk;
use serde_json::Map;
use tempfile::TempDir;

struct Bench {
    dir: TempDir,
    script: Script,
}

/// Returns a script whose folder holds these files.
fn script(files: &[(&str, &str)]) -> Bench {
    let dir = tempfile::tempdir().unwrap();
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    for (name, text) in files {
        let place = dir.path().join("answers").join(name);
        disk.create_dirs(place.parent().unwrap()).unwrap();
        disk.write(&place, text.as_bytes()).unwrap();
    }
    let answers = Selector::Tree(RepoPath::parse("answers").unwrap());
    let declared = Scripted { answers, model: None, price: None };
    let script = Script::new("actor", &declared, Shelf { disk, root: dir.path().to_owned() });
    Bench { dir, script }
}

fn request(prompt: &str) -> ChatRequest {
    ChatRequest {
        system: None,
        prompt: prompt.into(),
        temperature: None,
        max_tokens: 64,
        seed: None,
        stop: Vec::new(),
        schema: None,
        edit: None,
        extra: Map::new(),
    }
}

impl Bench {
    fn ask(&self, prompt: &str, variant: Variant) -> Result<ChatReply, Failure> {
        let request = request(prompt);
        let words = Words::Chat { prompt, system: None };
        let content = chat_content(&request).unwrap();
        let asked = Asked { request: content, words, variant, stage: "poem", action: "poem:en" };
        self.script.chat(&request, &asked, "the reply")
    }

    fn says(&self, prompt: &str) -> String {
        self.ask(prompt, Variant::of(1)).map_or_else(|failure| failure.message, |reply| reply.text)
    }
}

#[test]
fn a_request_by_its_digest_goes_before_rules_and_the_first_rule_wins() {
    let digest = chat_content(&request("a bus")).unwrap();
    let bench = script(&[
        ("a.yaml", "- { match: { prompt: bus }, reply: by rule }\n- { match: { prompt: a }, reply: later }\n"),
        ("b/b.jsonl", &format!("{{\"request\": \"{digest}\", \"reply\": \"exact\"}}\n")),
    ]);
    assert_eq!((bench.says("a bus"), bench.says("the bus")), ("exact".to_owned(), "by rule".to_owned()));
    assert_eq!(bench.says("a tram"), "later");
}

#[test]
fn rules_ask_for_stage_instance_and_variant() {
    let bench = script(&[(
        "a.yaml",
        "- { match: { stage: other }, reply: no }\n- { match: { stage: poem, take: 2 }, reply: two }\n- { match: { stage: \"poem:en\" }, reply: one }\n",
    )]);
    assert_eq!(bench.says("x"), "one");
    assert_eq!(bench.ask("x", Variant::of(2)).unwrap().text, "two");
}

#[test]
fn several_replies_go_by_variant_and_the_last_one_stays() {
    let bench = script(&[("a.yaml", "- replies: [one, two, three]\n")]);
    let variant = |take, sample, attempt| Variant { take, sample, attempt };
    for _ in 0..2 {
        for (variant, text) in [
            (variant(1, 0, 0), "one"),
            (variant(1, 1, 0), "two"),
            (variant(2, 0, 1), "three"),
            (variant(9, 0, 0), "three"),
        ] {
            assert_eq!(bench.ask("x", variant).unwrap().text, text);
        }
    }
    assert_eq!(nth(variant(u32::MAX, u32::MAX, u32::MAX)), 3 * (u32::MAX as usize) - 1);
}

#[test]
fn what_is_not_counted_is_reckoned_from_bytes() {
    let bench = script(&[("a.yaml", "- { reply: 12345, usage: { input_tokens: 3 } }\n")]);
    let usage = bench.ask("x", Variant::of(1)).unwrap().usage;
    assert_eq!((usage.input_tokens, usage.output_tokens), (Some(3), Some(2)));
}

#[test]
fn ends_and_faults_can_be_played() {
    let bench = script(&[(
        "a.yaml",
        "- { match: { prompt: cut }, reply: Once, finish: length }\n- { match: { prompt: no }, reply: I cannot., finish: refusal }\n- { match: { prompt: down }, fault: server }\n- { match: { prompt: full }, fault: { cause: quota, message: no money left } }\n",
    )]);
    let finish = |prompt: &str| bench.ask(prompt, Variant::of(1)).unwrap().finish;
    assert_eq!((finish("cut"), finish("no")), (Finish::Length, Finish::Refusal));
    let failure = |prompt: &str| bench.ask(prompt, Variant::of(1)).unwrap_err();
    assert_eq!(failure("down").cause, Cause::Server);
    assert_eq!((failure("full").cause, failure("full").message.as_str()), (Cause::Quota, "no money left"));
}

#[test]
fn what_nobody_answers_is_told_with_the_nearest_and_a_way_out() {
    let bench = script(&[(
        "a.yaml",
        "- { match: { stage: other, prompt: tram }, reply: x }\n- { match: { stage: poem, prompt: ferry }, reply: x }\n",
    )]);
    let failure = bench.ask("A poem of a bus.\nFour lines.", Variant::of(1)).unwrap_err();
    let digest = chat_content(&request("A poem of a bus.\nFour lines.")).unwrap();
    assert_eq!(failure.cause, Cause::Setup);
    assert_eq!(failure.message, format!("`answers/` has no answer for the reply: request {digest}"));
    let hint = failure.hint.unwrap();
    assert!(
        hint.starts_with("Nearest is `answers/a.yaml`, line 2: its prompt “ferry” does not stand in what is asked."),
        "{hint}"
    );
    assert!(hint.contains(&format!("- {{ request: {digest}, reply: … }}")), "{hint}");
    assert!(hint.contains("- { match: { stage: poem, prompt: \"A poem of a bus.\" }, reply: … }"), "{hint}");
}

#[test]
fn a_recorded_answer_tells_how_the_request_changed() {
    let line =
        format!("{{\"request\": \"{}\", \"asked\": \"A poem of a bus.\", \"reply\": \"x\"}}\n", Digest::of(b"then"));
    let bench = script(&[("a.jsonl", &line)]);
    let hint = |prompt: &str| bench.ask(prompt, Variant::of(1)).unwrap_err().hint.unwrap();
    assert!(hint("A poem of a tram.").contains("there “bus.” was asked, and here “tram.”"));
    assert!(
        hint("A poem of a bus.")
            .contains("it was recorded of the same words, with other house rules, schema or settings")
    );
}

#[test]
fn a_voice_plays_recordings_and_a_text_is_no_voice() {
    let bench = script(&[("a.yaml", "- reply: a text\n- { match: { text: Good }, audio: a.wav }\n")]);
    let sound = wav::write(&[0.5; 2400], 24_000).unwrap();
    std::fs::write(bench.dir.path().join("answers/a.wav"), sound).unwrap();
    let ask = |text: &str| {
        let request = SpeechRequest {
            text: text.into(),
            tags: Vec::new(),
            language: "en".into(),
            voice: None,
            speed: 1.0,
            seed: None,
            pronunciation: std::collections::BTreeMap::new(),
            settings: Map::new(),
            before: None,
            after: None,
        };
        let (request_digest, words) = (speech_content(&request).unwrap(), Words::Speech { text });
        let asked = Asked { request: request_digest, words, variant: Variant::of(1), stage: "voice", action: "voice" };
        bench.script.speech(&request, &asked, "sentence 1")
    };
    let (reply, usage) = ask("Good evening.").unwrap();
    assert_eq!((reply.samples.len(), reply.sample_rate, usage.audio_ms), (2400, 24_000, Some(100)));
    assert_eq!((reply.words[0].text.as_str(), reply.words[0].end), ("Good evening.", 0.1));
    assert_eq!((usage.characters, reply.spoken_by.as_str()), (Some(13), "scripted"));
    assert!(ask("Bad.").unwrap_err().hint.unwrap().contains("audio: ….wav"));
    std::fs::remove_file(bench.dir.path().join("answers/a.wav")).unwrap();
    assert!(ask("Good.").unwrap_err().message.contains("which `answers/a.yaml` names, cannot be read"));
}

#[test]
fn a_recording_outside_the_folder_is_a_fault_with_its_place() {
    let bench = script(&[("a.yaml", "- { audio: ../a.wav }\n")]);
    let [fault] = bench.script.faults() else { panic!("{:?}", bench.script.faults()) };
    assert_eq!(
        (fault.code, fault.message.as_str()),
        ("S168", "the recording `../a.wav` does not lie in a folder of answers")
    );
    assert_eq!(fault.source.as_ref().unwrap().name, "answers/a.yaml");
    assert_eq!(fault.span.unwrap().line_column("- { audio: ../a.wav }\n"), (1, 12));
}
