//! Four ways to deceive a build tool that looks at size and time: the next build puts each right.

use crate::space::Space;
use std::fs::{self, File, FileTimes};

fn wide() -> Space {
    let stage =
        |n: usize| format!("\n              s{n}: {{ inputs: in/{n}, outputs: out/{n}, run: 'cat in/{n} > out/{n}' }}");
    let space = Space::new().story(&format!("\n            stages:{}", (0..10).map(stage).collect::<String>()));
    (0..10).for_each(|n| drop(space.file(&format!("in/{n}"), &format!("text {n}"))));
    space.build().exit(0);
    space.settled()
}

/// Writes other bytes of the same size and sets the file's times back.
fn rewritten_unseen(space: &Space, path: &str, text: &str) {
    let stat = fs::metadata(space.path(path)).unwrap();
    assert_eq!(stat.len(), text.len() as u64);
    space.file(path, text);
    let times = FileTimes::new().set_modified(stat.modified().unwrap()).set_accessed(stat.accessed().unwrap());
    File::options().write(true).open(space.path(path)).unwrap().set_times(times).unwrap();
}

#[test]
fn a_deleted_output_is_noticed() {
    let space = wide().remove("out/3");
    space.run(&["build"]).exit(0).holds("out/3", "text 3");
}

#[test]
fn an_overwritten_output_is_noticed() {
    let space = wide().file("out/3", "something else");
    space.run(&["build"]).exit(0).says("edit").holds("out/3", "something else");
    space.build_with(&["--discard-edits", "s3"]).exit(0).holds("out/3", "text 3");
}

#[test]
fn an_output_overwritten_with_its_size_and_time_is_noticed() {
    let space = wide();
    rewritten_unseen(&space, "out/3", "txet 3");
    space.run(&["build"]).exit(0).says("edit");
    space.build_with(&["--discard-edits", "s3"]).exit(0).holds("out/3", "text 3");
}

#[test]
fn an_input_changed_with_its_size_and_time_is_noticed() {
    let space = wide();
    rewritten_unseen(&space, "in/3", "txet 3");
    space.build().ran(["s3"]).holds("out/3", "txet 3");
}

#[test]
fn an_output_of_another_stage_in_its_place_is_noticed() {
    let space = wide();
    fs::copy(space.path("out/4"), space.path("out/3")).unwrap();
    space.run(&["build"]).exit(0).says("edit").holds("out/3", "text 4");
    space.build_with(&["--discard-edits", "s3"]).exit(0).holds("out/3", "text 3");
}
