//! Tests of who answers what: chosen by content, never by how often somebody asked.

use super::matching::nth;
use super::*;
use crate::base::digest::Digest;
use crate::provider::courier::CallRequest;
use crate::provider::ears::HearingRequest;
use crate::provider::memory::Variant;
use crate::world::real::RealDisk;
use serde_json::Map;
use std::collections::BTreeMap;
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

    fn call(&self, method: &str, url: &str, body: &str) -> Result<Said, Failure> {
        let headers = BTreeMap::new();
        let request = CallRequest { method, url: url.into(), headers: &headers, body: body.into() };
        let (content, words) = (call_content(&request).unwrap(), request.words());
        let asked = Asked { request: content, words, variant: Variant::of(1), stage: "cover", action: "cover" };
        self.script.call(&asked, "the call")
    }

    fn hear(&self, file: &str, language: &str) -> Result<String, Failure> {
        let request = HearingRequest { file, language: language.into(), audio: Digest::of(b"sound").to_string() };
        let (content, words) = (hearing_content(&request).unwrap(), request.words());
        let asked = Asked { request: content, words, variant: Variant::of(1), stage: "words", action: "words" };
        let (reply, usage) = self.script.hear(&asked, 1500, "the recording")?;
        let words: Vec<&str> = reply.words.iter().map(|word| word.text.as_str()).collect();
        Ok(format!("{} {words:?} {}", reply.text, usage.audio_ms.unwrap()))
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
            pronunciation: BTreeMap::new(),
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

#[test]
fn a_call_goes_by_its_digest_or_by_method_address_and_body() {
    let headers = BTreeMap::new();
    let exact = CallRequest { method: "GET", url: "/a".into(), headers: &headers, body: "".into() };
    let digest = call_content(&exact).unwrap();
    let bench = script(&[(
        "a.yaml",
        &format!(
            "- {{ match: {{ method: POST, url: /image, body: [bus, night] }}, body: {{ id: 7 }} }}\n\
             - {{ match: {{ method: GET }}, body: got, by: me, usage: {{ characters: 3 }} }}\n\
             - {{ request: {digest}, body: exact }}\n"
        ),
    )]);
    let said = |method: &str, url: &str, body: &str| {
        bench.call(method, url, body).map(|said| String::from_utf8(said.answer.body).unwrap())
    };
    assert_eq!(said("POST", "/image?size=2", "a bus at night").unwrap(), "{\"id\":7}");
    assert_eq!((said("GET", "/a", "").unwrap(), said("GET", "/b", "").unwrap()), ("exact".into(), "got".into()));
    let got = bench.call("GET", "/b", "").unwrap();
    assert_eq!((got.by.as_str(), got.usage.characters, got.answer.head.status), ("me", Some(3), 200));
    let hint = said("POST", "/image", "a bus").unwrap_err().hint.unwrap();
    assert!(hint.starts_with("Nearest is `answers/a.yaml`, line 1: its body “night” does not stand"), "{hint}");
    assert!(hint.contains("- { match: { stage: cover, url: \"/image\" }, body: … }"), "{hint}");
}

#[test]
fn a_service_can_be_played_that_is_out_of_order() {
    let bench = script(&[(
        "a.yaml",
        "- { match: { url: /a }, status: 429, headers: { Retry-After: 7 }, body: later }\n- { match: { url: /b }, fault: timeout }\n",
    )]);
    let head = bench.call("GET", "/a", "").unwrap().answer.head;
    assert_eq!((head.status, head.retry_after.unwrap().as_secs()), (429, 7));
    assert_eq!(bench.call("GET", "/b", "").unwrap_err().cause, Cause::Timeout);
}

#[test]
fn what_an_answer_names_is_no_list_of_answers() {
    let bench = script(&[
        ("a.yaml", "- { match: { url: /feed }, file: feeds/feed.json }\n- { match: { url: /none }, file: none.bin }\n"),
        ("feeds/feed.json", "[{\"title\": \"Late\"}]"),
    ]);
    assert!(bench.script.faults().is_empty(), "{:?}", bench.script.faults());
    assert_eq!(bench.call("GET", "/feed", "").unwrap().answer.body, b"[{\"title\": \"Late\"}]");
    let failure = bench.call("GET", "/none", "").unwrap_err();
    assert!(
        failure.message.starts_with("the file `none.bin`, which `answers/a.yaml` names, cannot be read"),
        "{failure}"
    );
    let fault = script(&[("a.yaml", "- { file: ../feed.json }\n")]).script.faults()[0].clone();
    assert_eq!(fault.message, "the file `../feed.json` does not lie in a folder of answers");
}

#[test]
fn a_recording_is_heard_by_its_sound_or_by_the_name_of_its_file() {
    let request = HearingRequest { file: "x", language: "en".into(), audio: Digest::of(b"sound").to_string() };
    let digest = hearing_content(&request).unwrap();
    let bench = script(&[(
        "a.yaml",
        &format!(
            "- {{ match: {{ stage: words, file: es/ }}, heard: Buenas, words: [[Buenas, 0, 0.5]] }}\n\
             - {{ request: {digest}, heard: Good, asked: a.wav }}\n- {{ match: {{ file: bad }}, fault: refusal }}\n"
        ),
    )]);
    assert_eq!(bench.hear("voice/es/a.wav", "es").unwrap(), "Buenas [\"Buenas\"] 1500");
    assert_eq!(bench.hear("renamed.wav", "en").unwrap(), "Good [] 1500");
    assert_eq!(bench.hear("bad.wav", "de").unwrap_err().cause, Cause::Refusal);
    let hint = bench.hear("a.wav", "de").unwrap_err().hint.unwrap();
    assert!(
        hint.contains("it was recorded of a file of that name with another sound, or in another language"),
        "{hint}"
    );
    assert!(hint.contains("- { match: { stage: words, file: \"a.wav\" }, heard: …, words: […] }"), "{hint}");
}
