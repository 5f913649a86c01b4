//! Exit codes mean what they say: 0 done, 1 failed, 2 wrong, 3 waits, 4 the machine.

use crate::space::Space;
use std::process::Command;

fn copies() -> Space {
    Space::new().story("stages: { a: { inputs: in, outputs: a, run: 'cat in > a' } }").file("in", "text")
}

#[test]
fn done_is_0() {
    copies().build().exit(0).run(&["build"]).exit(0);
}

#[test]
fn a_failed_stage_is_1() {
    Space::new().story("stages: { a: { outputs: a, run: 'false' } }").build().exit(1);
}

#[test]
fn a_wrong_storyfile_is_2() {
    Space::new().story("stages: { a: { run: } }").build().exit(2).says("error[");
}

#[test]
fn no_storyfile_is_2_and_says_what_to_do() {
    Space::new().build().exit(2).says("no Storyfile.yaml").says("storygen init");
}

#[test]
fn an_unknown_target_is_2_and_the_near_one_is_named() {
    let space = Space::new().story("stages: { script: { outputs: a, run: 'echo > a' } }");
    space.build_with(&["scirpt"]).exit(2).says("scirpt").says("Did you mean `script`?");
    assert!(!space.has("a"));
}

#[test]
fn an_unknown_flag_is_2() {
    copies().build_with(&["--no-such-flag"]).exit(2);
}

#[test]
fn waiting_is_3() {
    copies().file("a", "mine").build().exit(3);
}

#[test]
fn a_state_folder_that_cannot_be_is_4_and_named() {
    let space = copies().file(".storygen", "in the way");
    space.build().exit(4).says(".storygen");
    assert!(!space.has("a"));
    space.remove(".storygen").build().ran(["a"]);
}

#[test]
fn an_output_folder_that_cannot_be_is_4_and_named_and_the_next_build_goes_on() {
    let space =
        Space::new().story("stages: { a: { outputs: dist/a, run: 'echo a > dist/a' } }").file("dist", "in the way");
    let run = space.build().says("dist");
    assert!(matches!(run.code, Some(3 | 4)), "{:?}: {}", run.code, run.err);
    space.remove("dist").build().ran(["a"]);
}

#[test]
fn a_full_disk_is_4_and_heals() {
    let space = copies();
    std::fs::create_dir(space.path(".storygen")).unwrap();
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=64k", "tmpfs"])
        .arg(space.path(".storygen"))
        .output()
        .is_ok_and(|output| output.status.success());
    if !mounted {
        eprintln!("skipped: nothing can be mounted here");
        return;
    }
    space.file("in", &"a long story\n".repeat(20_000));
    let full = space.build();
    let full_again = space.build();
    let remount = ["-o", "remount,size=8m"];
    assert!(Command::new("mount").args(remount).arg(space.path(".storygen")).status().unwrap().success());
    let healed = space.build();
    assert!(Command::new("umount").arg(space.path(".storygen")).status().unwrap().success());
    full.exit(4).says("No space left").says("Free some space");
    full_again.exit(4);
    healed.exit(0).holds("a", &space.read("in"));
}
