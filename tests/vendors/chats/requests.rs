//! What a stage makes the vendors be sent: only what is set, in each one's own words, once.

use super::{HOUSES, House, asking, build, command, space};
use crate::fake::{Vendor, fault};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The body of the only call.
fn body(vendor: &Vendor) -> Value {
    let calls = vendor.calls();
    let [call] = calls.as_slice() else { panic!("{} calls", calls.len()) };
    call.body.clone()
}

#[test]
fn only_what_is_set_is_sent() {
    let text = "Tell me.";
    for (house, bare) in [
        (
            House::OpenAi,
            json!({"model": "gpt-4o-mini", "messages": [{"role": "user", "content": text}], "max_tokens": 1024}),
        ),
        (
            House::Anthropic,
            json!({"model": "claude-haiku-4-5", "max_tokens": 1024, "messages": [{"role": "user", "content": text}]}),
        ),
        (
            House::Gemini,
            json!({"contents": [{"role": "user", "parts": [{"text": text}]}], "generationConfig": {"maxOutputTokens": 1024}}),
        ),
    ] {
        let vendor = Vendor::start();
        build(&asking(house, &vendor, "repair: 1"), &[]).exit(0);
        assert_eq!(body(&vendor), bare);
    }
}

#[test]
fn what_is_set_is_said_in_each_vendors_words() {
    let with = |extra: &str| format!("system: Be brief., temperature: 0.5, stop: END, extra: {{ {extra} }}");
    for (house, extra, said) in [
        (
            House::OpenAi,
            "top_p: 0.5",
            vec![("/messages/0/content", json!("Be brief.")), ("/stop", json!(["END"])), ("/top_p", json!(0.5))],
        ),
        (
            House::Anthropic,
            "top_k: 5",
            vec![("/system", json!("Be brief.")), ("/stop_sequences", json!(["END"])), ("/top_k", json!(5))],
        ),
        (
            House::Gemini,
            "generationConfig: { topK: 5 }",
            vec![
                ("/systemInstruction/parts/0/text", json!("Be brief.")),
                ("/generationConfig/stopSequences", json!(["END"])),
                ("/generationConfig/topK", json!(5)),
            ],
        ),
    ] {
        let vendor = Vendor::start();
        build(&asking(house, &vendor, &with(extra)), &[]).exit(0);
        let body = body(&vendor);
        for (place, value) in said {
            assert_eq!(body.pointer(place), Some(&value), "{body}");
        }
    }
}

#[test]
fn a_schema_is_the_vendors_to_keep_and_what_breaks_it_is_repaired() {
    let schema = "schema: { type: object, additionalProperties: false, required: [tone], properties: { tone: { type: string } } }";
    for (house, place) in [
        (House::OpenAi, "/response_format/json_schema/schema"),
        (House::Anthropic, "/output_config/format/schema"),
        (House::Gemini, "/generationConfig/responseJsonSchema"),
    ] {
        let vendor = Vendor::start();
        let space = asking(house, &vendor, schema);
        vendor.script([fault::off_schema()]);
        build(&space, &[]).exit(0);
        let tone: Value = serde_json::from_str(&space.read("a.md")).unwrap();
        assert!(tone["tone"].is_string(), "{tone}");
        let calls = vendor.calls();
        assert_eq!((calls.len(), vendor.charges()), (2, 2));
        assert!(calls.iter().all(|call| call.body.pointer(place).is_some()), "{house:?}");
        assert!(calls[1].body.to_string().contains("is a required property"), "{}", calls[1].body);
        space.remove("a.md");
        build(&space, &[]).exit(0);
        assert_eq!(vendor.charges(), 2, "both attempts are remembered");
    }
}

#[test]
fn an_idea_is_had_from_every_vendor() {
    for house in HOUSES {
        let vendor = Vendor::start();
        let stage = "  a: { uses: idea, provider: writer, outputs: a.json, with: { topic: a night bus, tone: [warm, odd], narrator_gender: female } }";
        let space = space(house.writer(&vendor), stage);
        build(&space, &[]);
        let calls = vendor.calls();
        assert!(calls.iter().all(|call| call.status == 200), "{house:?}: {:?}", space.read("Storyfile.yaml"));
        let idea: Value = serde_json::from_str(calls[0].text.as_deref().unwrap()).unwrap();
        assert_eq!(
            (&idea["premise"], &idea["narrator_gender"]),
            (&json!("a night bus"), &json!("female")),
            "{house:?}"
        );
    }
}

#[test]
fn one_request_has_one_key_however_often_it_is_sent() {
    for (house, has_keys) in [(House::OpenAi, 3), (House::Anthropic, 3), (House::Gemini, 0)] {
        let vendor = Vendor::start();
        vendor.script([fault::status(503), fault::reset()]);
        build(&asking(house, &vendor, "repair: 1"), &[]).exit(0);
        let calls = vendor.calls();
        let keys: Vec<&str> = calls.iter().filter_map(|call| call.header("idempotency-key")).collect();
        assert_eq!((calls.len(), keys.len()), (3, has_keys), "{house:?}");
        assert_eq!(keys.iter().collect::<BTreeSet<_>>().len(), has_keys.min(1));
    }
}

#[test]
fn a_server_that_knows_the_key_charges_a_lost_answer_once() {
    let vendor = Vendor::start();
    vendor.dedupe().script([fault::cut()]);
    build(&asking(House::OpenAi, &vendor, "repair: 1"), &[]).exit(0);
    assert_eq!((vendor.calls().len(), vendor.charges()), (2, 1));
}

#[test]
fn three_samples_are_three_requests() {
    for house in HOUSES {
        let vendor = Vendor::start();
        let space = asking(house, &vendor, "samples: 3");
        build(&space, &[]).exit(0);
        assert_eq!(vendor.charges(), 3);
        let keys: BTreeSet<String> =
            vendor.calls().iter().filter_map(|call| call.header("idempotency-key").map(str::to_owned)).collect();
        assert_eq!(keys.len(), if house == House::Gemini { 0 } else { 3 }, "{house:?}");
        assert_eq!(vendor.charges_by_body().len(), 1, "they ask for the same");
        space.remove("a.md");
        build(&space, &[]).exit(0);
        assert_eq!(vendor.charges(), 3);
    }
}

#[test]
fn a_seed_makes_each_sample_another_one_that_the_vendor_takes() {
    for (house, place) in [(House::OpenAi, "/seed"), (House::Gemini, "/generationConfig/seed")] {
        let vendor = Vendor::start();
        build(&asking(house, &vendor, "samples: 4, seed: 7"), &[]).exit(0);
        let seeds: BTreeSet<i64> =
            vendor.calls().iter().filter_map(|call| call.body.pointer(place)?.as_i64()).collect();
        assert!(seeds.len() == 4 && seeds.contains(&7), "{house:?}: {seeds:?}");
    }
}

#[test]
fn what_changes_no_request_costs_nothing() {
    let vendor = Vendor::start();
    let stages = "
  facts: { run: \"grep -v '^#' notes.txt > facts.txt\", inputs: [notes.txt], outputs: [facts.txt] }
  a: { uses: prompt, provider: writer, inputs: facts.txt, outputs: a.md, with: { template: ask/a.j2 } }
  b: { uses: prompt, provider: writer, inputs: a.md, outputs: b.md, with: { prompt: \"Shorter: ${inputs[0]}\" } }";
    let space = space(House::Anthropic.writer(&vendor), stages);
    space.file("notes.txt", "# one\nA bus.\n").file("ask/a.j2", "Of {{ inputs[0] }}").file("ask/b.j2", "{# old #}");
    build(&space, &[]).ran(["a", "b", "facts"]);
    assert_eq!(vendor.charges(), 2);
    // A neighbour of the prompt file.
    build(&space.file("ask/b.j2", "{# new #}"), &[]).ran([]);
    // Another comment, the same facts: the wave stops there.
    build(&space.file("notes.txt", "# two\nA bus.\n"), &[]).ran(["facts"]);
    // Another template, the same request: made anew, and not paid for.
    build(&space.file("ask/a.j2", "Of {{ inputs[0] }}{# a word to the reader #}"), &[]).exit(0);
    assert_eq!(vendor.charges(), 2);
    build(&space.file("notes.txt", "# two\nA tram.\n"), &[]).ran(["a", "b", "facts"]);
    assert_eq!(vendor.charges(), 4);
}

#[test]
fn what_a_vendor_does_not_take_is_told_before_any_work_with_its_place() {
    for (house, with, told) in [
        (House::Anthropic, "seed: 7", "a provider of the type `anthropic` takes no `seed`"),
        (House::Anthropic, "temperature: 1.5", "takes a `temperature` from 0 to 1"),
        (House::Gemini, "stop: [a, b, c, d, e, f]", "takes up to 5 texts in `stop`, and there are 6"),
        (House::OpenAi, "extra: { n: 8 }", "`extra.n` would change how an answer is read, or what it may cost"),
        (House::OpenAi, "extra: { max_tokens: 9 }", "`extra.max_tokens` would change"),
    ] {
        let vendor = Vendor::start();
        let space = asking(house, &vendor, with);
        for verb in ["validate", "build"] {
            space.finish(command(&space, &[verb])).exit(2).says(told).says("S036");
        }
        assert_eq!(vendor.calls().len(), 0);
    }
}

#[test]
fn what_a_fallback_does_not_take_is_told_as_well() {
    let vendor = Vendor::start();
    let providers = vendor.anthropic("second").and(vendor.openai("writer").with("fallback: second"));
    let stage = "  a: { uses: prompt, provider: writer, outputs: a.md, with: { prompt: Hi, seed: 7 } }";
    let space = space(providers, stage);
    space.finish(command(&space, &["validate"])).exit(2).says("`anthropic` takes no `seed`");
}

#[test]
fn a_model_that_refuses_a_temperature_says_how_to_unset_it() {
    let vendor = Vendor::start();
    let telling = |with: &str| {
        let stage =
            format!("  a: {{ uses: script, provider: writer, inputs: idea.md, outputs: a.md, with: {{ {with} }} }}");
        space(vendor.openai("writer"), &stage).file("idea.md", "A bus at night.\n")
    };
    vendor.script([fault::bad_request("unsupported_value", "temperature")]);
    build(&telling("target_words: 90"), &[]).exit(1).says("or none with `temperature: ~`");
    build(&telling("target_words: 90, temperature: ~"), &[]).exit(0);
    let sent: Vec<bool> = vendor.calls().iter().map(|call| call.body.get("temperature").is_some()).collect();
    assert_eq!(sent, [true, false]);
}

#[test]
fn a_server_without_structured_output_is_told_nothing_of_it() {
    let schema = "schema: { type: object, required: [tone], properties: { tone: { type: string } } }";
    let vendor = Vendor::start();
    vendor.as_local_server().script([fault::bad_request("unsupported", "response_format")]);
    let rejected = asking(House::OpenAi, &vendor, schema);
    build(&rejected, &[]).exit(1).says("leave it out with `extra: { response_format: ~ }`");
    // For the stage, or for all stages of the provider; what comes back is checked here all the same.
    let with = format!("{schema}, extra: {{ response_format: ~ }}");
    let of_stage = asking(House::OpenAi, &vendor, &with);
    let of_provider = {
        let providers = House::OpenAi.writer(&vendor).with("extra: { response_format: ~ }");
        space(
            providers,
            &format!(
                "  a: {{ uses: prompt, provider: writer, outputs: a.md, with: {{ prompt: Tell me., {schema} }} }}"
            ),
        )
    };
    for space in [of_stage, of_provider] {
        vendor.script([fault::says("no json"), fault::says("{\"tone\": \"dark\"}")]);
        build(&space, &[]).exit(0).holds("a.md", "{\n  \"tone\": \"dark\"\n}\n");
        assert_eq!(vendor.calls().last().unwrap().body.get("response_format"), None);
    }
}
