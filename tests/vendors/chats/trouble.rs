//! Vendors out of order: who stands in, and who is not concerned.

use super::{House, asking, build, ending, event, space};
use crate::fake::{Vendor, fault};

#[test]
fn a_fallback_answers_in_the_place_of_who_is_out_of_order_and_that_is_said() {
    let vendor = Vendor::start();
    let providers = vendor.anthropic("second").and(vendor.openai("writer").with("fallback: second"));
    let space = space(providers, "  a: { uses: prompt, provider: writer, outputs: a.md, with: { prompt: Hi } }");
    vendor.script(vec![fault::status(503).on("/openai"); 4]);
    build(&space, &[]).exit(0).says("is by the fallback, claude-haiku-4-5");
    let calls = vendor.calls();
    assert_eq!((calls.len(), vendor.charges()), (5, 1));
    assert!(calls[4].path.starts_with("/anthropic"), "{}", calls[4].path);
    assert_eq!(space.read("a.md").trim_end(), calls[4].text.as_deref().unwrap());
    assert_eq!(event(&space, "action-finished", "a").unwrap()["made_by"], "claude-haiku-4-5");
    // It is right, though the first one is there again.
    build(&space, &[]).ran_nothing();
    assert_eq!(vendor.calls().len(), 5);
}

#[test]
fn nobody_stands_in_for_who_refuses() {
    let vendor = Vendor::start();
    let providers = vendor.anthropic("second").and(vendor.openai("writer").with("fallback: second"));
    let space = space(providers, "  a: { uses: prompt, provider: writer, outputs: a.md, with: { prompt: Hi } }");
    vendor.script([fault::refusal()]);
    build(&space, &[]).exit(1);
    assert_eq!((ending(&space, "a").as_str(), vendor.calls().len()), ("refusal", 1));
}

/// Six stages of one vendor that has nothing left, and one of another.
const SEVEN: &str = "
  a: { uses: prompt, provider: writer, foreach: { n: [1, 2, 3, 4, 5, 6] }, outputs: \"a${n}.md\", with: { prompt: \"Hi ${n}\" } }
  b: { uses: prompt, provider: second, outputs: b.md, with: { prompt: Hi } }";

#[test]
fn who_has_nothing_left_is_not_asked_by_the_other_stages() {
    let vendor = Vendor::start();
    let writer = House::OpenAi.writer(&vendor).with("max_concurrency: 1");
    let space = space(writer.and(vendor.anthropic("second")), SEVEN);
    vendor.script(vec![fault::out_of_quota().on("/openai"); 9]);
    build(&space, &["-k"]).exit(1).says("Add credit there");
    let asked = vendor.calls().iter().filter(|call| call.path.starts_with("/openai")).count();
    assert_eq!((asked, vendor.charges()), (1, 1), "one call is enough to know");
    assert_eq!((ending(&space, "b").as_str(), ending(&space, "a:1").as_str()), ("done", "quota"));
}

#[test]
fn an_outage_stops_the_stages_of_the_provider_and_no_others() {
    let vendor = Vendor::start();
    let writer = House::OpenAi.writer(&vendor).with("max_concurrency: 1");
    let later = "
  c: { uses: prompt, provider: second, inputs: b.md, outputs: c.md, with: { prompt: \"Shorter: ${inputs[0]}\" } }";
    let space = space(writer.and(vendor.anthropic("second")), &format!("{SEVEN}{later}"));
    vendor.script(vec![fault::out_of_quota().on("/openai"); 9]);
    build(&space, &[]).exit(1);
    assert_eq!((ending(&space, "b").as_str(), ending(&space, "c").as_str()), ("done", "done"));
    assert_eq!(vendor.calls().iter().filter(|call| call.path.starts_with("/openai")).count(), 1);
}

#[test]
fn a_service_is_asked_again_only_for_what_the_stage_names() {
    for (named, status, calls) in [("server", 429, 1), ("rate_limit", 429, 2), ("rate_limit", 503, 1), ("exit", 503, 2)]
    {
        let vendor = Vendor::start();
        let retry = format!("max: 3, for: {named}, delay: 1ms");
        let stages = "  a: { uses: prompt, provider: writer, outputs: a.md, with: { prompt: Hi } }";
        let space = space(vendor.openai("writer"), stages);
        space.file("Storyfile.yaml", &space.read("Storyfile.yaml").replace("delay: 1ms", &retry));
        vendor.script([fault::status(status)]);
        build(&space, &[]);
        assert_eq!(vendor.calls().len(), calls, "{named}, {status}");
    }
}

#[test]
fn an_answer_of_no_use_can_be_read_in_the_log() {
    for fault in [fault::length(), fault::off_schema()] {
        let vendor = Vendor::start();
        let settings = "repair: 0, schema: { type: object, additionalProperties: false, required: [title], properties: { title: \
                        { type: string } } }";
        let space = asking(House::OpenAi, &vendor, settings);
        vendor.script([fault]);
        build(&space, &[]).exit(1);
        let said = vendor.calls()[0].text.clone().unwrap();
        // Whether it was answered now or is remembered.
        for _ in 0..2 {
            let log = space.run(&["log", "a"]).exit(0).out;
            assert!(log.contains("the reply, by ") && log.contains(said.trim()), "{log}\n{said}");
            build(&space, &[]).exit(1);
        }
        assert_eq!(vendor.charges(), 1);
    }
}
