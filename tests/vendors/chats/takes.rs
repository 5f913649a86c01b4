//! Takes of a stage that failed: what `--force` asks for, what a build without it goes on with, and who pays how often.

use super::{House, asking, build, command, ending, event};
use crate::fake::{Vendor, fault};
use crate::space::Space;
use serde_json::Value;
use std::process::Stdio;

const PRICE: &str = "price: { input: 1, output: 2, per: 1000, currency: USD }";

/// How the stage of the last build ended, and what all builds came to.
fn came(space: &Space, vendor: &Vendor) -> (String, usize) {
    (ending(space, "a"), vendor.charges())
}

fn is(ending: &str, charges: usize) -> (String, usize) {
    (ending.to_owned(), charges)
}

/// A repo whose stage was refused all of its three samples.
fn refused_three(vendor: &Vendor) -> Space {
    let space = asking(House::OpenAi, vendor, "samples: 3");
    vendor.script(vec![fault::refusal(); 3]);
    build(&space, &[]).exit(1).says("ask again with `build --force`");
    assert_eq!(came(&space, vendor), is("refusal", 3));
    space
}

#[test]
fn each_forced_build_asks_once_and_each_plain_one_replays_the_last_answer() {
    let vendor = Vendor::start();
    let space = asking(House::OpenAi, &vendor, "max_tokens: 300");
    vendor.script([fault::refusal(), fault::length(), fault::refusal()]);
    for (args, ending, charges) in [
        (&[][..], "refusal", 1),
        (&["--force", "a"], "length", 2),
        (&[], "length", 2),
        (&[], "length", 2),
        (&["--force", "a"], "refusal", 3),
        (&[], "refusal", 3),
        (&["--force", "a"], "done", 4),
    ] {
        build(&space, args);
        assert_eq!(came(&space, &vendor), is(ending, charges), "{args:?}");
    }
    build(&space, &[]).ran_nothing();
    assert_eq!(vendor.charges(), 4);
}

#[test]
fn a_refused_take_beside_a_good_one_is_asked_for_once_and_the_good_one_stands() {
    let vendor = Vendor::start();
    let space = asking(House::OpenAi, &vendor, "max_tokens: 300");
    build(&space, &[]).exit(0);
    let first = space.read("a.md");
    vendor.script([fault::refusal()]);
    build(&space, &["--force", "a"]).exit(1);
    assert_eq!(came(&space, &vendor), is("refusal", 2));
    build(&space, &[]).exit(0);
    space.holds("a.md", &first);
    // Also where only the answers are left to make it of.
    space.remove("a.md");
    build(&space, &[]).exit(0);
    space.holds("a.md", &first);
    assert_eq!(vendor.charges(), 2);
    build(&space, &["--force", "a"]).exit(0);
    assert_eq!(came(&space, &vendor), is("done", 3));
    assert_ne!(space.read("a.md"), first);
}

#[test]
fn a_take_that_is_out_of_money_is_completed_by_the_next_build_forced_or_not() {
    for again in [&[][..], &["--force", "a"]] {
        let vendor = Vendor::start();
        let space = refused_three(&vendor);
        vendor.script([fault::ok(), fault::ok(), fault::status(402)]);
        build(&space, &["--force", "a"]).exit(1);
        assert_eq!(came(&space, &vendor), is("quota", 5));
        build(&space, again).exit(0);
        assert_eq!(came(&space, &vendor), is("done", 6), "{again:?}");
    }
}

#[test]
fn a_forced_build_that_is_killed_is_completed_and_its_answers_are_not_asked_for_again() {
    let vendor = Vendor::start();
    let space = refused_three(&vendor);
    vendor.hold();
    let mut child = command(&space, &["build", "--force", "a"]).stderr(Stdio::null()).spawn().unwrap();
    // The second call comes once the first answer is put away.
    vendor.wait_for_calls(4).release_one().wait_for_calls(5);
    child.kill().unwrap();
    child.wait().unwrap();
    vendor.release();
    space
        .run(&["status"])
        .says("1 call is not answered, and may be charged: of a build that runs, or of one that was killed");
    build(&space, &[]).exit(0);
    assert_eq!((ending(&space, "a").as_str(), vendor.calls().len()), ("done", 7));
    space.run(&["status"]).says_not("not answered");
}

#[test]
fn what_stands_in_the_way_of_an_answer_is_told_before_a_build() {
    let vendor = Vendor::start();
    let stage = "  a: { uses: prompt, provider: writer, outputs: a.md, with: { prompt: Tell me. } }";
    let space = super::space(vendor.openai("writer").with(PRICE), stage);
    vendor.script([fault::refusal()]);
    build(&space, &[]).exit(1);
    let estimate = |args: &[&str]| {
        let told = build(&space, &[&["--estimate", "--json"], args].concat()).exit(0);
        let told: Value = serde_json::from_str(&told.out).unwrap();
        (told["total"]["calls"].clone(), told["total"]["remembered"].clone())
    };
    assert_eq!(estimate(&[]), (0.into(), 1.into()));
    assert_eq!(estimate(&["--force", "a"]), (1.into(), 0.into()));
    let why = space.finish(command(&space, &["why", "a"])).exit(0);
    assert!(why.out.contains("note     Take 1 came to nothing: a build replays what is"), "{}", why.out);
    let plan = build(&space, &["--dry-run", "--force", "a"]).exit(0);
    assert!(plan.out.starts_with("run  a  asked for by the command line\n"), "{}", plan.out);
    assert_eq!(vendor.charges(), 1);
}

#[test]
fn answers_of_no_use_are_asked_for_anew_where_that_is_named_and_no_more_often_by_another_build() {
    let vendor = Vendor::start();
    let settings = "repair: 0, schema: { type: object, required: [title], properties: { title: { type: string } } }";
    let space = asking(House::OpenAi, &vendor, settings);
    let story = space.read("Storyfile.yaml");
    space.file("Storyfile.yaml", &story.replace("delay: 1ms", "max: 2, for: validation, delay: 1ms"));
    vendor.script([fault::off_schema(), fault::says(r#"{"title": "Bus"}"#)]);
    build(&space, &[]).exit(0);
    assert_eq!(event(&space, "action-finished", "a").unwrap()["take"], 2);
    assert_eq!(came(&space, &vendor), is("done", 2));

    vendor.script(vec![fault::off_schema(); 6]);
    space.file("Storyfile.yaml", &space.read("Storyfile.yaml").replace("repair: 0", "seed: 7, repair: 0"));
    for (args, charges) in [(&[][..], 5), (&[], 5), (&["--force", "a"], 8), (&[], 8)] {
        build(&space, args).exit(1);
        assert_eq!(came(&space, &vendor), is("validation", charges), "{args:?}");
    }
}
