//! Voices of the vendors, end to end: what is heard and timed, what is charged, and what becomes of every fault.

use crate::fake::{KEYS, VOICE, Vendor, fault, table};
use crate::space::{Run, Space};
use serde_json::Value;
use std::fs;

const SCRIPT: &str = "# The Last Bus\n\nThe bus was late. “Do you remember me?” she said.\n\nI did, Mara.\n";

/// Nobody waits in these tests.
const RETRY: &str = "retry: { max: 2, delay: 1ms, max_delay: 5ms }";

/// A repo with a script and a stage that lets a provider speak it.
fn space(providers: &str, with: &str) -> Space {
    let space = Space::new().file("script.md", SCRIPT);
    space.story(&format!(
        "
        {providers}
        stages:
          tell:
            uses: voice
            provider: narrator
            {RETRY}
            inputs: script.md
            outputs: {{ audio: voice.wav, words: words.json }}
            with: {{ {with} }}
        "
    ))
}

fn elevenlabs(vendor: &Vendor) -> Space {
    space(&vendor.elevenlabs("narrator").to_string(), &format!("voice: {VOICE}"))
}

/// OpenAI's speech, by the model that speaks.
fn openai(vendor: &Vendor) -> Space {
    space(&vendor.openai("narrator").to_string().replace("gpt-4o-mini", "tts-1"), "voice: alloy")
}

fn build(space: &Space) -> Run {
    let mut command = space.command(&["build"]);
    command.envs(KEYS);
    space.finish(command)
}

fn words(space: &Space) -> Vec<Value> {
    let file: Value = serde_json::from_str(&space.read("words.json")).unwrap();
    file["words"].as_array().unwrap().clone()
}

fn texts(space: &Space) -> Vec<String> {
    words(space).iter().map(|word| word["text"].as_str().unwrap().to_owned()).collect()
}

fn estimated(space: &Space) -> usize {
    words(space).iter().filter(|word| word["estimated"] == true).count()
}

/// What is in the script, in its order.
fn all_words(script: &str) -> Vec<String> {
    script.split_whitespace().filter(|word| *word != "#").map(str::to_owned).collect()
}

/// Asserts that every word is there in order, at a time that does not go back, inside a recording that can be heard.
fn is_whole(space: &Space, script: &str) {
    assert_eq!(texts(space), all_words(script));
    let mut clock = 0.0;
    let file: Value = serde_json::from_str(&space.read("words.json")).unwrap();
    for word in words(space) {
        let (start, end) = (word["start"].as_f64().unwrap(), word["end"].as_f64().unwrap());
        assert!(clock <= start && start < end, "{word}");
        clock = start;
    }
    let reader = hound::WavReader::open(space.path("voice.wav")).unwrap();
    let seconds = f64::from(reader.duration()) / f64::from(reader.spec().sample_rate);
    assert!((seconds - file["duration"].as_f64().unwrap()).abs() < 0.002 && clock < seconds);
}

#[test]
fn a_script_is_spoken_by_paragraphs_with_the_vendors_times_and_never_again() {
    let vendor = Vendor::start();
    let space = elevenlabs(&vendor);
    build(&space).exit(0);
    is_whole(&space, SCRIPT);
    assert_eq!((vendor.calls().len(), vendor.charges(), estimated(&space)), (3, 3, 0));
    let call = vendor.calls()[1].clone();
    assert_eq!(call.path, format!("/elevenlabs/v1/text-to-speech/{VOICE}/with-timestamps"));
    assert_eq!(call.query["output_format"], "pcm_24000");
    assert_eq!(call.body["text"], "The bus was late. “Do you remember me?” she said.");
    assert!(call.body.get("seed").is_none() && call.body.get("voice_settings").is_none());
    build(&space).exit(0);
    fs::remove_file(space.path("voice.wav")).unwrap();
    build(&space).exit(0);
    assert_eq!(vendor.charges(), 3);
}

#[test]
fn the_recording_is_as_long_as_its_pieces_and_the_pauses_between() {
    let vendor = Vendor::start();
    let space = elevenlabs(&vendor).file("script.md", "Abcdefghij.\n\nAbcdefghij.\n");
    build(&space).exit(0);
    let reader = hound::WavReader::open(space.path("voice.wav")).unwrap();
    // Each character is heard for 50 ms; a pause of a paragraph is 0.7 s from sound to sound.
    let seconds = f64::from(reader.duration()) / f64::from(reader.spec().sample_rate);
    assert!((seconds - (2.0 * 0.55 + 0.7)).abs() < 0.02, "{seconds}");
    let starts: Vec<f64> = words(&space).iter().map(|word| word["start"].as_f64().unwrap()).collect();
    assert!(starts[0].abs() < 0.01 && (starts[1] - 1.25).abs() < 0.02, "{starts:?}");
}

#[test]
fn one_changed_sentence_is_one_charge() {
    for (vendor, make) in [(Vendor::start(), elevenlabs as fn(&Vendor) -> Space), (Vendor::start(), openai)] {
        let space = make(&vendor);
        build(&space).exit(0);
        let changed = SCRIPT.replace("was late", "was early");
        let space = space.file("script.md", &changed);
        build(&space).exit(0);
        is_whole(&space, &changed);
        assert_eq!((vendor.charges(), vendor.charges_by_body().len()), (4, 4));
    }
}

#[test]
fn a_long_paragraph_goes_in_sentences_and_a_long_sentence_in_clauses() {
    let vendor = Vendor::start();
    let sentence = |nth: usize| format!("Now {nth} {}rest.", "so much was said of it, ".repeat(110));
    let monster = format!("Then {}came.", "one more, ".repeat(520));
    let script = format!("{} {}\n\n{monster}\n", sentence(1), sentence(2));
    let story = vendor.elevenlabs("narrator").to_string().replace("eleven_multilingual_v2", "eleven_v3");
    let space = space(&story, &format!("voice: {VOICE}, speed: 1.2")).file("script.md", &script);
    build(&space).exit(0);
    is_whole(&space, &script);
    let texts: Vec<String> = vendor.calls().iter().map(|call| call.body["text"].as_str().unwrap().to_owned()).collect();
    let lengths: Vec<usize> = texts.iter().map(|text| text.chars().count()).collect();
    assert_eq!(lengths, [2651, 2651, 4994, 215]);
    assert!(texts[2].ends_with("more,") && texts[3].starts_with("one more"));
}

#[test]
fn stages_that_crowd_a_small_plan_wait_for_each_other() {
    let vendor = Vendor::start();
    vendor.limit_concurrency(2);
    let space = Space::new().file("script.md", SCRIPT);
    let space = space.story(&format!(
        "
        {}
        stages:
          tell:
            uses: voice
            provider: narrator
            retry: {{ max: 0, delay: 1ms, max_delay: 5ms }}
            matrix: {{ nth: [a, b, c, d, e, f, g, h] }}
            inputs: script.md
            outputs: {{ audio: \"out/${{nth}}.wav\", words: \"out/${{nth}}.json\" }}
            with: {{ voice: {VOICE}, seed: \"${{ {{'a': 1, 'b': 2, 'c': 3, 'd': 4, 'e': 5, 'f': 6, 'g': 7, 'h': 8}}[nth] }}\" }}
        ",
        vendor.elevenlabs("narrator")
    ));
    let mut command = space.command(&["build", "-j", "8"]);
    command.envs(KEYS);
    space.finish(command).exit(0);
    assert_eq!((vendor.charges(), vendor.charges_by_body().len()), (24, 24));
    assert!(vendor.calls().iter().all(|call| [200, 429].contains(&call.status)));
}

#[test]
fn settings_a_seed_and_words_that_are_said_otherwise_are_sent() {
    let vendor = Vendor::start();
    let with = format!(
        "voice: {VOICE}, speed: 1.1, seed: 5, pronunciation: {{ Mara: mah rah }}, \
         settings: {{ stability: 0.4, context: true, output_format: wav_44100, apply_text_normalization: \"off\" }}"
    );
    let space = space(&vendor.elevenlabs("narrator").to_string(), &with);
    build(&space).exit(0);
    is_whole(&space, SCRIPT);
    let calls = vendor.calls();
    assert_eq!(calls[2].body["text"], "I did, mah rah.");
    assert_eq!(
        (&calls[1].body["previous_text"], &calls[1].body["next_text"]),
        (&"The Last Bus".into(), &"I did, Mara.".into())
    );
    assert_eq!((&calls[0].body["seed"], &calls[0].body["voice_settings"]["stability"]), (&5.into(), &0.4.into()));
    assert_eq!(hound::WavReader::open(space.path("voice.wav")).unwrap().spec().sample_rate, 44_100);
    // A word that is said otherwise concerns one piece.
    let story = space.read("Storyfile.yaml").replace("mah rah", "ma ra");
    build(&space.file("Storyfile.yaml", &story)).exit(0);
    assert_eq!(vendor.charges(), 4);
}

#[test]
fn a_model_that_is_steered_by_tags_is_sent_them_and_no_other_is() {
    let script = "[warmly] The bus was late. [sighs] “Do you,” [softly] she said.\n\n[pause] I did, Mara. [laughs]\n";
    let plain = ["The bus was late. “Do you,” she said.", "I did, Mara."];
    let tagged = ["[warmly] The bus was late. [sighs] “Do you,” [softly] she said.", "[pause] I did, Mara. [laughs]"];
    for (model, texts) in [("eleven_v3", tagged), ("eleven_multilingual_v2", plain)] {
        let vendor = Vendor::start();
        let story = vendor.elevenlabs("narrator").to_string().replace("eleven_multilingual_v2", model);
        let space = space(&story, &format!("voice: {VOICE}")).file("script.md", script);
        build(&space).exit(0);
        let sent: Vec<String> =
            vendor.calls().iter().map(|call| call.body["text"].as_str().unwrap().to_owned()).collect();
        assert_eq!(sent, texts);
        is_whole(&space, &plain.join(" "));
        assert_eq!(estimated(&space), 0);
        // Another tag is another reading of its paragraph, where it is heard.
        build(&space.file("script.md", &script.replace("[pause]", "[long pause]"))).exit(0);
        assert_eq!(vendor.charges(), if model == "eleven_v3" { 3 } else { 2 });
    }
}

#[test]
fn what_the_service_cannot_be_told_is_told_before_any_call() {
    let vendor = Vendor::start();
    for (with, said) in [
        ("speed: 1", "no voice is named, and ElevenLabs has none of its own"),
        ("voice: Rachel Adams", "`Rachel Adams` is no voice of ElevenLabs"),
        ("voice: x, settings: { stability: high }", "it must be a number from 0 to 1"),
        ("voice: x, settings: { pitch: 1 }", "the voice has no setting `pitch`"),
        ("voice: x, speed: 1.9", "ElevenLabs speaks at 0.7 to 1.2"),
    ] {
        build(&space(&vendor.elevenlabs("narrator").to_string(), with)).exit(2).says(said);
    }
    build(&space(&vendor.openai("narrator").to_string(), "speed: 1"))
        .exit(2)
        .says("OpenAI's speech has none of its own");
    assert_eq!(vendor.calls().len(), 0);
}

#[test]
fn a_voice_without_times_says_so() {
    let vendor = Vendor::start();
    let space = openai(&vendor);
    vendor.script([fault::unsized_wav()]);
    build(&space).exit(0).says("the voice tells no times").says("`align`");
    is_whole(&space, SCRIPT);
    assert_eq!((estimated(&space), vendor.charges()), (all_words(SCRIPT).len(), 3));
    let file: Value = serde_json::from_str(&space.read("words.json")).unwrap();
    assert_eq!(file["source"], "estimated");
    build(&space).exit(0);
    assert_eq!(vendor.charges(), 3);
}

#[test]
fn times_that_are_missing_or_stand_still_are_estimated_and_told() {
    let vendor = Vendor::start();
    let space = elevenlabs(&vendor);
    vendor.script([fault::ok(), fault::frozen_timings(), fault::no_timings()]);
    build(&space).exit(0).says("words have estimated times");
    is_whole(&space, SCRIPT);
    let estimated = estimated(&space);
    assert!((6..=10).contains(&estimated), "{estimated}");
    let file: Value = serde_json::from_str(&space.read("words.json")).unwrap();
    assert_eq!(file["source"], "synthesiser");
}

/// What a fault comes to: whether the build ends well, how many calls there are and how many are charged.
type Outcome = (Ending, usize, usize);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    Good,
    Bad,
}

/// What one fault before a good answer comes to, by the retry table; `None` if it would be waited for.
fn expected(name: &str) -> Option<Outcome> {
    Some(match name {
        // It says "in two seconds", and nobody waits in these tests.
        "retry-after 2" => return None,
        // Turned away: it is asked again, and nothing was charged.
        "status 408" | "status 409" | "status 429" | "status 503" | "status 529" | "rate limited" | "system busy" => {
            (Ending::Good, 2, 1)
        }
        "too many concurrent" | "retry-after -5" | "retry-after soon" => (Ending::Good, 2, 1),
        "retry-after Wed, 21 Oct 2015 07:28:00 GMT" => (Ending::Good, 2, 1),
        // Perhaps done: once more.
        "status 500" | "status 502" | "status 504" | "error with 200" => (Ending::Good, 2, 1),
        "504 that is charged" | "reset" | "hang up" | "cut in head" | "not http" | "cut" | "cut chunked" => {
            (Ending::Good, 2, 2)
        }
        "reset unread" => (Ending::Good, 1, 1),
        // No answer in its form: the next one may be.
        "bad json" | "wrong types" | "html" | "empty body" | "invalid utf-8" | "many headers" => (Ending::Good, 2, 2),
        "empty choices" | "null content" => (Ending::Good, 2, 2),
        // What hides a key in a sound leaves no sound.
        "key in answer" => (Ending::Good, 2, 2),
        // Nothing is gained by asking again.
        "gzip bomb" | "boast" => (Ending::Bad, 1, 1),
        "out of quota" | "bad request" | "key in error" | "retry-after 1000000000" => (Ending::Bad, 1, 0),
        name if name.starts_with("status") => (Ending::Bad, 1, 0),
        _ => (Ending::Good, 1, 1),
    })
}

/// Plays every behaviour before a script of one piece, and tells where it came to something else.
fn surprises(make: fn(&Vendor) -> Space, expected: fn(&str) -> Option<Outcome>) -> (usize, Vec<String>) {
    let (mut seen, mut surprises) = (0, Vec::new());
    for (name, behaviour) in table::all() {
        let Some(expected) = expected(&name) else { continue };
        let vendor = Vendor::start();
        let space = make(&vendor).file("script.md", "I did, Mara.\n");
        vendor.script([behaviour]);
        let run = build(&space);
        let ending = if run.code == Some(0) { Ending::Good } else { Ending::Bad };
        let found = (ending, vendor.calls().len(), vendor.charges());
        if found != expected {
            surprises.push(format!("{name}: {found:?}, not {expected:?}\n{}", run.err));
            continue;
        }
        seen += 1;
        for (_, key) in KEYS {
            run.says_not(key);
        }
        if ending == Ending::Good {
            is_whole(&space, "I did, Mara.");
            build(&space).exit(0);
            assert_eq!(vendor.charges(), expected.2, "{name}: a second build pays nothing");
        }
    }
    (seen, surprises)
}

#[test]
fn every_fault_of_elevenlabs_comes_to_what_the_retry_table_says() {
    let (seen, surprises) = surprises(elevenlabs, expected);
    assert!(surprises.is_empty(), "{}", surprises.join("\n"));
    assert!(seen >= 50, "{seen}");
}

#[test]
fn every_fault_of_openais_speech_comes_to_what_the_retry_table_says() {
    let sound = |name: &str| match name {
        // Sound is no JSON: what only spoils that spoils nothing here.
        "null content" | "empty choices" => Some((Ending::Good, 1, 1)),
        // And what JSON bears is none here.
        "bom" | "duplicate keys" => Some((Ending::Good, 2, 2)),
        name => expected(name),
    };
    let (seen, surprises) = surprises(openai, sound);
    assert!(surprises.is_empty(), "{}", surprises.join("\n"));
    assert!(seen >= 50, "{seen}");
}

#[test]
fn what_a_piece_may_cost_is_held_back_as_the_vendor_counts_it() {
    // Ten characters, of which a fast model counts half, at a dollar each.
    for (budget, code, charges) in [("4.9", 3, 0), ("5", 0, 1)] {
        let vendor = Vendor::start();
        let priced = vendor.elevenlabs("narrator").with("price: { characters: 1000000, currency: USD }");
        let story = priced.with(&format!("budget: {{ usd: {budget} }}")).to_string();
        let story = story.replace("eleven_multilingual_v2", "eleven_flash_v2_5");
        let space = space(&story, &format!("voice: {VOICE}")).file("script.md", "Ten chars.\n");
        build(&space).exit(code);
        assert_eq!(vendor.charges(), charges, "{budget}");
    }
}

#[test]
fn a_voice_is_only_replaced_where_the_stage_says_so_and_then_for_all_of_the_script() {
    let outage = || std::iter::once(fault::ok()).chain((0..3).map(|_| fault::status(503)));
    for (with, code) in [("", 1), (", fallback: true", 0)] {
        let vendor = Vendor::start();
        let second = vendor.openai("second").to_string().replace("gpt-4o-mini", "tts-1, voice: alloy");
        let second = second.strip_prefix("providers: { ").and_then(|rest| rest.strip_suffix(" }")).unwrap();
        let first = vendor.elevenlabs("narrator").with("fallback: second").to_string();
        let story = first.replacen("providers: {", &format!("providers: {{ {second},"), 1);
        let space = space(&story, &format!("voice: {VOICE}{with}"));
        vendor.script(outage());
        let run = build(&space);
        run.exit(code);
        // The first piece was spoken before the outage, and is paid.
        if code == 0 {
            run.says("503").says("all of it is spoken by the fallback, `second`").says("tts-1, voice alloy");
            is_whole(&space, SCRIPT);
            assert_eq!((vendor.calls().len(), vendor.charges()), (1 + 3 + 3, 1 + 3));
            build(&space).exit(0);
            assert_eq!(vendor.charges(), 4);
        } else {
            assert_eq!((vendor.calls().len(), vendor.charges()), (1 + 3, 1));
            assert!(!space.has("voice.wav"));
        }
    }
    let vendor = Vendor::start();
    let run = build(&space(&vendor.elevenlabs("narrator").to_string(), &format!("voice: {VOICE}, fallback: true")));
    run.exit(2).says("nobody can speak in the place of the stage's voice");
}
