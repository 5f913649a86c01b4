//! What storygen remembers can be lost or broken: the next build succeeds, and overwrites nothing in silence.

use crate::space::Space;
use std::fs;

fn chain() -> Space {
    Space::new()
        .story(
            "
            stages:
              a: { inputs: in.txt, outputs: dist/a.txt, run: 'echo a >> NOTES/ran; cat in.txt > dist/a.txt' }
              b: { inputs: dist/a.txt, outputs: dist/tree/, run: 'echo b >> NOTES/ran; cp dist/a.txt dist/tree/x; cp dist/a.txt dist/tree/y' }
              c: { inputs: dist/tree/, outputs: dist/c.txt, run: 'echo c >> NOTES/ran; cat dist/tree/x dist/tree/y > dist/c.txt' }
            ",
        )
        .file("in.txt", "text\n")
        .build()
        .ran(["a", "b", "c"])
        .space()
}

#[test]
fn with_the_lock_and_the_outputs_standing_a_lost_state_runs_nothing() {
    let space = chain().remove(".storygen");
    space.build().is_up_to_date();
    assert_eq!(space.noted("ran"), 3);
    // And what stood is stored anew: it can be put back.
    space.remove("dist").build().ran_nothing().holds("dist/c.txt", "text\ntext\n");
}

#[test]
fn with_the_state_standing_a_lost_lock_runs_nothing() {
    let space = chain();
    let lock = space.read("Storyfile.lock");
    space.remove("Storyfile.lock").build().is_up_to_date().holds("Storyfile.lock", &lock);
}

#[test]
fn with_both_lost_nothing_is_overwritten_and_both_ways_out_are_told() {
    let space = chain();
    let before = space.tree();
    space.remove(".storygen").remove("Storyfile.lock");
    let run = space.build().exit(3).says("dist/a.txt").says("storygen accept a").says("--discard-edits a");
    run.ended_as("a", "waiting").holds("dist/a.txt", &before["dist/a.txt"]).holds("dist/c.txt", &before["dist/c.txt"]);
    assert_eq!(space.noted("ran"), 3);
}

#[test]
fn with_both_lost_accept_takes_what_stands() {
    let space = chain().remove(".storygen").remove("Storyfile.lock");
    space.build().exit(3);
    space.run(&["accept", "*"]).exit(0);
    space.build().is_up_to_date();
    assert_eq!(space.noted("ran"), 3);
}

#[test]
fn with_both_lost_discarding_keeps_the_old_bytes() {
    let space = chain().remove(".storygen").remove("Storyfile.lock").file("dist/a.txt", "who knows");
    space.build().exit(3);
    space.build_with(&["--discard-edits", "*"]).ran(["a", "b", "c"]).holds("dist/a.txt", "text\n");
    assert!(space.keeps("who knows"));
    space.build().is_up_to_date();
}

/// Breaks each file under `.storygen/` in turn; whatever it was, the next build succeeds and all is right.
fn after_each(damage: impl Fn(&Space, &str)) {
    let names = chain().settled().state_files();
    assert!(names.len() > 5, "{names:?}");
    for name in names.iter().filter(|name| !name.starts_with("runs/")) {
        let space = chain().settled();
        let path = format!(".storygen/{name}");
        damage(&space, &path);
        // Something is to be done in each way: made, put back, and nothing.
        let run = space.build();
        assert_eq!(run.code, Some(0), "`{name}`, as it stands:\n{}", run.err);
        space.holds("dist/a.txt", "text\n").holds("dist/c.txt", "text\ntext\n");
        let run = space.file("in.txt", "new\n").build();
        assert_eq!(run.code, Some(0), "`{name}`, to run:\n{}", run.err);
        space.holds("dist/a.txt", "new\n").holds("dist/c.txt", "new\nnew\n");
        let run = space.remove("dist").build();
        assert_eq!(run.code, Some(0), "`{name}`, to restore:\n{}", run.err);
        space.holds("dist/c.txt", "new\nnew\n").holds("dist/tree/y", "new\n");
        space.build().is_up_to_date();
    }
}

#[test]
fn a_deleted_file_of_the_state_wedges_nothing() {
    after_each(|space, path| drop(space.remove(path)));
}

#[test]
fn an_emptied_file_of_the_state_wedges_nothing() {
    after_each(|space, path| fs::write(space.path(path), "").unwrap());
}

#[test]
fn a_file_of_the_state_cut_in_half_wedges_nothing() {
    after_each(|space, path| {
        let bytes = fs::read(space.path(path)).unwrap();
        fs::write(space.path(path), &bytes[..bytes.len() / 2]).unwrap();
    });
}

#[test]
fn a_file_of_the_state_full_of_rubbish_wedges_nothing() {
    after_each(|space, path| {
        let size = fs::metadata(space.path(path)).unwrap().len().max(64);
        let rubbish: Vec<u8> = (0..size).map(|place| (place.wrapping_mul(2_654_435_761) >> 7) as u8).collect();
        fs::write(space.path(path), rubbish).unwrap();
    });
}

#[test]
fn one_wrong_byte_in_a_file_of_the_state_wedges_nothing() {
    for place in [2, 5] {
        after_each(|space, path| {
            let mut bytes = fs::read(space.path(path)).unwrap();
            let middle = bytes.len() * place / 8;
            if let Some(byte) = bytes.get_mut(middle) {
                *byte ^= 0x20;
            }
            fs::write(space.path(path), bytes).unwrap();
        });
    }
}

#[test]
fn a_file_of_the_state_without_rights_wedges_nothing() {
    after_each(|space, path| drop(space.chmod(path, 0)));
}

#[test]
fn a_folder_in_the_place_of_a_file_of_the_state_wedges_nothing() {
    after_each(|space, path| {
        space.remove(path);
        fs::create_dir(space.path(path)).unwrap();
    });
}

#[test]
fn a_symlink_to_nowhere_in_the_place_of_a_file_of_the_state_wedges_nothing() {
    after_each(|space, path| {
        space.remove(path);
        std::os::unix::fs::symlink("nowhere", space.path(path)).unwrap();
    });
}

#[test]
fn a_file_in_the_place_of_a_folder_of_the_state_wedges_nothing() {
    for name in ["blobs", "locks", "runs", "keep", "work"] {
        let space = chain();
        let path = format!(".storygen/{name}");
        if space.has(&path) {
            space.remove(&path);
        }
        space.file(&path, "in the way").file("in.txt", "new\n");
        let run = space.build();
        assert_eq!(run.code, Some(0), "`{name}`:\n{}", run.err);
        space.holds("dist/c.txt", "new\nnew\n");
    }
}

#[test]
fn a_clone_with_the_outputs_and_the_lock_is_up_to_date() {
    let (one, two) = (chain(), Space::new());
    for (path, text) in one.tree() {
        two.file(&path, &text);
    }
    two.build().is_up_to_date();
}

#[test]
fn a_clone_without_intermediates_needs_none() {
    let space = chain().remove(".storygen").remove("dist/tree").remove("dist/a.txt");
    space.build().ran_nothing().ended_as("a", "unneeded").ended_as("b", "unneeded").ended_as("c", "fresh");
    // Asked for by name it is made.
    space.build_with(&["a"]).ran(["a"]).holds("dist/a.txt", "text\n");
}

#[test]
fn a_lock_with_the_marks_of_a_merge_is_read_as_far_as_it_goes() {
    let space = chain();
    let lock = space.read("Storyfile.lock");
    let mut lines: Vec<&str> = lock.lines().collect();
    lines.insert(2, "<<<<<<< HEAD");
    lines.insert(4, ">>>>>>> other");
    space.file("Storyfile.lock", &lines.join("\n")).build().is_up_to_date().holds("Storyfile.lock", &lock);
}

#[test]
fn a_lock_of_a_newer_version_is_left_alone() {
    let space = chain();
    let lock = space.read("Storyfile.lock").replace("{\"storyfile.lock\":1}", "{\"storyfile.lock\":99}");
    let run = space.file("Storyfile.lock", &lock).build().says("newer").holds("Storyfile.lock", &lock);
    assert_ne!(run.code, Some(0));
}
