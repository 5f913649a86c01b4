//! The program against the server: the real binary, real sockets, and one set of books for sixteen processes.

use crate::fake::{KEYS, Vendor, fault};
use crate::space::Space;
use std::process::{Child, Stdio};

/// A repo with one stage that asks for an echo.
fn space(vendor: &Vendor) -> Space {
    let space = Space::new();
    space.story(&format!(
        "
        {}
        stages:
          a: {{ uses: http, provider: art, outputs: a.json, with: {{ url: /echo, json: {{ prompt: hello }} }} }}
        ",
        vendor.http("art")
    ))
}

fn spawn(space: &Space, place: usize) -> Child {
    let mut command = space.command(&["build"]);
    command.envs(KEYS).env("PLACE", place.to_string()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

#[test]
fn the_providers_of_a_storyfile_point_here() {
    let vendor = Vendor::start();
    let voices = vendor.elevenlabs("narrator").and(vendor.http("art")).with("max_concurrency: 2");
    let all = vendor.openai("writer").and(vendor.anthropic("critic")).and(vendor.gemini("judge")).and(voices);
    let yaml: serde_json::Value = serde_yaml::from_str(&all.to_string()).unwrap();
    let providers = yaml["providers"].as_object().unwrap();
    for (name, kind, path) in [
        ("writer", "openai", "/openai/v1"),
        ("critic", "anthropic", "/anthropic"),
        ("judge", "gemini", "/gemini"),
        ("narrator", "elevenlabs", "/elevenlabs"),
        ("art", "http", ""),
    ] {
        assert_eq!(providers[name]["type"], kind);
        assert_eq!(providers[name]["base_url"], vendor.url(path));
        let key = providers[name]["api_key"].as_str().unwrap().trim_start_matches("${").trim_end_matches('}');
        assert!(KEYS.iter().any(|(variable, _)| *variable == key), "{key}");
    }
    assert_eq!(providers["art"]["max_concurrency"], 2);
}

#[test]
fn a_stage_is_asked_once_and_the_answer_stands() {
    let vendor = Vendor::start();
    let space = space(&vendor);
    for _ in 0..2 {
        let mut command = space.command(&["build"]);
        command.envs(KEYS);
        space.finish(command).exit(0);
    }
    assert!(space.read("a.json").contains(vendor.calls()[0].text.as_deref().unwrap()));
    assert!(!space.read("a.json").contains(KEYS[0].1), "the key that came back is hidden");
    assert_eq!((vendor.calls().len(), vendor.charges()), (1, 1));
    assert_eq!(vendor.calls()[0].body["prompt"], "hello");
}

#[test]
fn a_broken_answer_is_charged_and_the_next_one_too() {
    let vendor = Vendor::start();
    vendor.script([fault::cut()]);
    let space = space(&vendor);
    let story = space.read("Storyfile.yaml").replace("uses: http", "uses: http, retry: { max: 1, delay: 1ms }");
    let space = space.file("Storyfile.yaml", &story);
    let mut command = space.command(&["build"]);
    command.envs(KEYS);
    space.finish(command).exit(0);
    assert_eq!((vendor.calls().len(), vendor.charges(), vendor.charges_by_body().len()), (2, 2, 1));
}

#[test]
fn sixteen_programs_can_call_at_once() {
    let vendor = Vendor::start();
    vendor.hold();
    let spaces: Vec<Space> = (0..16).map(|_| space(&vendor)).collect();
    let children: Vec<Child> = spaces.iter().enumerate().map(|(place, space)| spawn(space, place)).collect();
    vendor.wait_for_calls(16).release();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    assert_eq!((vendor.calls().len(), vendor.charges(), vendor.peak_in_flight()), (16, 16, 16));
}
