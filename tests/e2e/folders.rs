//! Folders come back as they were made: with their symlinks, their empty folders, or nothing at all. Links that lead
//! elsewhere are refused with their name.

use crate::space::Space;
use std::fs;

fn link(space: &Space, path: &str) -> String {
    fs::read_link(space.path(path)).unwrap_or_else(|error| panic!("`{path}`: {error}")).display().to_string()
}

fn stage(outputs: &str, run: &str) -> Space {
    Space::new().file("in.txt", "in").story(&format!("stages: {{ a: {{ outputs: {outputs}, run: {run:?} }} }}"))
}

#[test]
fn a_folder_comes_back_with_its_links_and_its_empty_folders() {
    let make = "mkdir -p ${outputs[0]}/sub ${outputs[0]}/empty/deep; echo x > ${outputs[0]}/sub/x; cd ${outputs[0]}; \
                ln -s sub/x lnk; ln -s sub folder; ln -s nowhere dangling; ln -s ../sub/x empty/up";
    let space = stage("out/", make);
    let right = |space: &Space| {
        assert_eq!(link(space, "out/lnk"), "sub/x");
        assert_eq!(link(space, "out/folder"), "sub");
        assert_eq!(link(space, "out/dangling"), "nowhere");
        assert_eq!(link(space, "out/empty/up"), "../sub/x");
        assert!(space.path("out/empty/deep").is_dir());
        space.holds("out/lnk", "x\n");
    };
    right(&space.build().ran(["a"]));
    right(&space.build().is_up_to_date());
    right(&space.remove("out").build().ran_nothing());
    let space = space.settled();
    fs::remove_dir(space.path("out/empty/deep")).unwrap();
    space.build().exit(0).says("your edit is kept");
    right(&space.build_with(&["--discard-edits", "a"]).exit(0));
    let space = space.settled();
    space.remove("out/lnk");
    std::os::unix::fs::symlink("sub", space.path("out/lnk")).unwrap();
    space.build().exit(0).says("your edit is kept");
}

#[test]
fn a_link_out_of_its_folder_is_refused() {
    for target in ["/etc/passwd", "../in.txt", "sub/../../x"] {
        let space = stage(
            "out/",
            &format!("mkdir -p ${{outputs[0]}}; echo > ${{outputs[0]}}/x; ln -s {target} ${{outputs[0]}}/lnk"),
        );
        space.build().exit(1).says("lnk").says(target).says("not in that folder");
        assert!(!space.has("out"));
    }
}

#[test]
fn an_empty_folder_is_a_result_and_told() {
    for run in ["mkdir -p ${outputs[0]}", "mkdir -p out", "rm -rf out; mkdir out", "true"] {
        let space = stage("out/", run);
        space.build().ran(["a"]).says("is empty");
        assert!(space.path("out").is_dir());
        space.build().is_up_to_date();
        space.remove("out").build().ran_nothing();
        assert!(space.path("out").is_dir());
        space.run(&["clean"]).exit(0);
        assert!(!space.has("out"));
    }
}

#[test]
fn a_folder_is_made_for_the_command_that_writes_into_it() {
    stage("out/", "cp in.txt ${outputs[0]}").build().ran(["a"]).holds("out/in.txt", "in");
    stage("out/", "cp in.txt out/x").build().ran(["a"]).holds("out/x", "in");
    stage("out/", "rmdir out").build().exit(1).says("output `out` was not written");
    stage("out/", "rmdir ${outputs[0]}").build().exit(1).says("output `out` was not written");
}

#[test]
fn an_output_that_is_a_link_is_a_copy_or_refused() {
    let space = stage("a", "ln -s \"$PWD/in.txt\" ${outputs[0]}");
    space.build().ran(["a"]).holds("a", "in");
    assert!(fs::symlink_metadata(space.path("a")).unwrap().is_file());
    space.build().is_up_to_date();
    space.remove("a").build().ran_nothing().holds("a", "in");
    stage("a", "ln -s in.txt a").build().ran(["a"]).build().is_up_to_date();
    let space = stage("[a, b]", "echo b > ${outputs[1]}; ln -s b ${outputs[0]}");
    space.build().ran(["a"]).holds("a", "b\n").holds("b", "b\n");
    for (target, why) in [("/etc/passwd", "not in this repo"), ("nowhere", "nowhere"), (".", "no file")] {
        for place in ["a", "${outputs[0]}"] {
            let space = stage("a", &format!("ln -s {target} {place}"));
            space.build().exit(1).says("is a symlink to").says(why);
            assert!(!space.has("a"));
        }
    }
}

#[test]
fn the_executable_bit_comes_back() {
    let space = stage("tool", "printf '#!/bin/sh\\n' > tool; chmod +x tool").build().ran(["a"]).space().settled();
    let mode = |space: &Space| fs::metadata(space.path("tool")).unwrap().permissions();
    let made = mode(&space);
    assert_eq!(space.chmod("tool", 0o644).plan(&[])["a"], "restore");
    space.build().ran_nothing();
    assert_eq!(mode(&space), made);
    space.build().is_up_to_date();
    let space = stage("text", "echo > text").build().ran(["a"]).space().settled();
    let made = fs::metadata(space.path("text")).unwrap().permissions();
    space.chmod("text", 0o755).build().ran_nothing();
    assert_eq!(fs::metadata(space.path("text")).unwrap().permissions(), made);
    // What is in no cache only gets its mode back.
    let space = stage("{ path: tool, store: false }", "echo made > tool; chmod +x tool; echo ran >> NOTES/ran");
    space.build().ran(["a"]);
    space.chmod("tool", 0o644).build().ran_nothing();
    assert_eq!(space.noted("ran"), 1);
}
