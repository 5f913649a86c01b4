//! The Storyfile of this very repo with a vendor's models in the place of the built-in ones: the same stages, no change.

use crate::fake::{KEYS, Vendor, fault};
use crate::space::{Run, Space};

/// Returns the flagship with its profile `openai` at this server.
fn flagship(vendor: &Vendor) -> Space {
    let story = include_str!("../../Storyfile.yaml");
    let at = format!("type: openai\n        base_url: {}\n        model: gpt-4o-mini", vendor.url("/openai/v1"));
    let story = story.replace("type: openai\n        model: gpt-4o-mini", &at);
    let space = Space::new();
    space.file("Storyfile.yaml", &story.replace("${OPENAI_API_KEY}", "${TEST_OPENAI_KEY}"))
}

fn build(space: &Space, args: &[&str]) -> Run {
    let mut command = space.command(&["build", "--profile", "openai"]);
    command.args(args).envs(KEYS);
    space.finish(command)
}

#[test]
fn the_flagship_is_built_by_a_vendor_and_paid_for_once() {
    let vendor = Vendor::start();
    let space = flagship(&vendor);
    let revised = build(&space, &["revision"]);
    assert_eq!((revised.code, vendor.charges()), (Some(0), 3), "{}", revised.err);
    // Tags are all that an enhancement may add: an answer with other words would be sent back.
    let text = space.read("build/revised.md");
    vendor.script([fault::says(&format!("[softly] {text}"))]);
    assert_eq!(build(&space, &["enhancement"]).code, Some(0));
    let built = build(&space, &[]);
    assert_eq!(built.code, Some(0), "{}", built.err);
    for file in ["dist/story.md", "dist/voice.wav", "build/words.json", "dist/story.srt", "dist/story.vtt"] {
        assert!(space.has(file), "{file}");
    }
    assert!(space.read("dist/story.vtt").starts_with("WEBVTT"));
    let charges = vendor.charges();
    let again = build(&space, &[]);
    assert_eq!((again.code, vendor.charges()), (Some(0), charges), "{}", again.err);
    assert!(again.err.contains("everything is up to date"), "{}", again.err);
}
