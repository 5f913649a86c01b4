//! Builds at the same time share their work.

use crate::space::Space;

#[test]
fn three_builds_at_once_run_every_stage_once() {
    let space = Space::new().file("in.txt", "text").story(
        "
        stages:
          a: { inputs: in.txt, outputs: a, run: 'echo a >> NOTES/ran; cat in.txt > a' }
          b: { inputs: a, outputs: b, run: 'echo b >> NOTES/ran; cat a > b' }
          c: { inputs: a, outputs: c, run: 'echo c >> NOTES/ran; cat a > c' }
          d: { inputs: [b, c], outputs: d, run: 'echo d >> NOTES/ran; cat b c > d' }
        ",
    );
    for text in ["one", "two", "three"] {
        space.file("in.txt", text);
        let children: Vec<_> = (0..3).map(|_| space.spawn(&["build"])).collect();
        for child in children {
            space.ended(&child.wait_with_output().unwrap()).exit(0);
        }
        space.holds("d", &format!("{text}{text}"));
    }
    assert_eq!(space.noted("ran"), 12);
    space.build().is_up_to_date();
}

#[test]
fn a_build_waits_for_the_one_before_and_names_it() {
    let space = Space::new().fifo("go").fifo("on").story(
        "stages: { a: { outputs: a, run: 'echo ran >> NOTES/ran; echo > NOTES/go; cat NOTES/on; echo done > a' } }",
    );
    let one = space.spawn(&["build"]);
    std::fs::read(space.note("go")).unwrap();
    // Looking needs no lock.
    space.run(&["status"]).exit(0);
    space.run(&["build", "-n"]).exit(0);
    let two = space.spawn(&["build"]);
    std::fs::write(space.note("on"), "").unwrap();
    space.ended(&one.wait_with_output().unwrap()).exit(0);
    space.ended(&two.wait_with_output().unwrap()).exit(0);
    assert_eq!(space.noted("ran"), 1);
}
