//! `storygen providers check`: what it finds, what it never does (pay, show a key).

use crate::fake::{KEYS, Providers, VOICE, Vendor};
use crate::space::{Run, Space};
use serde_json::Value;

fn space(providers: &Providers) -> Space {
    Space::new().story(&format!(
        "
        {providers}
        stages:
          poem: {{ uses: prompt, provider: writer, outputs: poem.md, with: {{ prompt: A poem. }} }}
        "
    ))
}

fn check(space: &Space, args: &[&str]) -> Run {
    let mut command = space.command(&[&["providers", "check"], args].concat());
    command.envs(KEYS);
    let run = space.finish(command);
    for (_, key) in KEYS {
        assert!(!run.out.contains(key) && !run.err.contains(key), "a key is shown: {}{}", run.out, run.err);
    }
    run
}

fn of_all(vendor: &Vendor) -> Providers {
    let price = "price: { input: 1, output: 2, currency: USD, as_of: 2020-01-01 }";
    let writer = vendor.openai("writer").with(price).and(vendor.anthropic("critic")).and(vendor.gemini("judge"));
    writer.and(vendor.elevenlabs("narrator").with(&format!("voice: {VOICE}"))).and(vendor.http("art"))
}

#[test]
fn services_that_are_well_are_told_as_such_and_nothing_is_paid() {
    let vendor = Vendor::start();
    let space = space(&of_all(&vendor));
    let run = check(&space, &[]).exit(0);
    for name in ["writer", "critic", "judge", "narrator"] {
        let line = run.out.lines().find(|line| line.starts_with(&format!("✓ {name} "))).expect(name);
        assert!(line.contains("reached · takes the key · knows the model"), "{line}");
    }
    assert!(run.out.contains("knows the voice") && run.out.contains(" characters left"), "{}", run.out);
    assert!(run.out.contains("its price is of 2020-01-01"), "{}", run.out);
    assert!(run.out.contains("it has no `price`"), "{}", run.out);
    assert!(run.out.contains("not asked: only its owner knows"), "{}", run.out);
    assert_eq!(vendor.charges(), 0);
}

#[test]
fn one_provider_is_checked_alone_and_told_as_json() {
    let vendor = Vendor::start();
    let run = check(&space(&of_all(&vendor)), &["writer", "--json"]).exit(0);
    let value: Value = serde_json::from_str(&run.out).unwrap();
    let [writer] = value["providers"].as_array().unwrap().as_slice() else { panic!("{value}") };
    assert_eq!(
        (&writer["name"], &writer["reachable"], &writer["model_known"]),
        (&"writer".into(), &true.into(), &true.into())
    );
    assert_eq!((&writer["stages"][0], &writer["ok"], vendor.calls().len()), (&"poem".into(), &true.into(), 1));
}

#[test]
fn what_is_wrong_is_told_with_a_way_out() {
    let vendor = Vendor::start();
    let space = space(&of_all(&vendor));
    let story = space.read("Storyfile.yaml");
    space.file("Storyfile.yaml", &story.replace(", api_key: \"${TEST_OPENAI_KEY}\"", ""));
    let run = check(&space, &["writer"]).exit(1);
    assert!(run.out.contains("✗ writer  reached · refuses the key"), "{}", run.out);
    assert!(run.out.contains("hint: Look at the key"), "{}", run.out);
    let other = story.replace("gpt-4o-mini", "gpt-9").replace("gemini-2.5-flash", "nobody-9").replace(VOICE, "nobody");
    space.file("Storyfile.yaml", &other);
    let run = check(&space, &[]).exit(1);
    assert!(run.out.contains("✓ writer  reached · takes the key · lists no such model"), "{}", run.out);
    assert!(run.out.contains("warning: its list has no model `gpt-9`: a server that holds one model"), "{}", run.out);
    assert!(run.out.contains("the service knows no model `nobody-9`"), "{}", run.out);
    assert!(run.out.contains("the service knows no voice `nobody`"), "{}", run.out);
    vendor.unplug();
    let run = check(&space, &["critic"]).exit(1);
    assert!(run.out.contains("✗ critic  not reached") && run.out.contains("cannot be reached"), "{}", run.out);
    assert_eq!(vendor.charges(), 0);
}

#[test]
fn a_key_that_is_not_set_is_told_without_a_call() {
    let vendor = Vendor::start();
    let run = space(&of_all(&vendor)).run(&["providers", "check", "writer"]).exit(1);
    assert!(run.out.contains("TEST_OPENAI_KEY"), "{}", run.out);
    assert_eq!(vendor.calls().len(), 0);
}

#[test]
fn the_list_asks_nobody() {
    let vendor = Vendor::start();
    let space = space(&of_all(&vendor));
    let run = space.run(&["providers"]).exit(0);
    let writer = run.out.lines().find(|line| line.starts_with("writer")).unwrap();
    assert!(writer.contains("gpt-4o-mini") && writer.contains("input 1.00, output 2.00 USD (2020-01-01)"), "{writer}");
    assert!(writer.ends_with("poem"), "{writer}");
    let value: Value = serde_json::from_str(&space.run(&["providers", "--json"]).exit(0).out).unwrap();
    assert!(value["providers"].as_array().unwrap().iter().any(|one| one["name"] == "local-voice"));
    space.run(&["providers", "check", "writr"]).exit(2).says("Did you mean `writer`?");
    assert_eq!(vendor.calls().len(), 0);
}
