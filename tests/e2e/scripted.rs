//! Providers that play answers of the repo: no network, no key, no counter.

use crate::space::Space;

fn space(answers: &str) -> Space {
    Space::new()
        .story(
            "
            providers: { actor: { type: scripted, answers: answers/ } }
            stages:
              poem: { uses: prompt, provider: actor, inputs: topic.txt, outputs: poem.md, with: { prompt: \"On ${inputs[0]}\" } }
            ",
        )
        .file("topic.txt", "a bus")
        .file("answers/all.yaml", answers)
}

#[test]
fn a_stage_is_answered_by_the_repo() {
    let space = space("- { match: { stage: poem, prompt: bus }, reply: A bus. }\n");
    space.build().exit(0);
    space.holds("poem.md", "A bus.\n");
    space.build().ran_nothing();
}

#[test]
fn a_changed_answer_makes_its_stage_run() {
    let space = space("- { reply: One. }\n");
    space.build().exit(0);
    space.file("answers/all.yaml", "- { reply: Two. }\n").build().ran(["poem"]).because("input answers/ changed");
    space.holds("poem.md", "Two.\n");
    let why = space.file("answers/all.yaml", "- { reply: Three. }\n").run(&["why", "poem"]).exit(0);
    assert!(why.out.contains("answers/"), "{}", why.out);
}

#[test]
fn a_second_take_gets_the_next_reply() {
    let space = space("- { replies: [One., Two.] }\n");
    space.build().exit(0);
    space.build_with(&["--force", "poem"]).exit(0);
    space.holds("poem.md", "Two.\n");
}

#[test]
fn what_nobody_answers_fails_with_its_digest() {
    let space = space("- { match: { prompt: ferry }, reply: x }\n");
    let run = space.build().exit(1);
    assert!(run.err.contains("`answers/` has no answer for the reply: request "), "{}", run.err);
    assert!(run.err.contains("Nearest is `answers/all.yaml`, line 1"), "{}", run.err);
    // What it says to add is what is found.
    let digest = run.err.split("request ").nth(1).unwrap()[..64].to_owned();
    space.file("answers/all.yaml", &format!("- {{ request: {digest}, reply: Found. }}\n"));
    space.build().exit(0);
    space.holds("poem.md", "Found.\n");
}

#[test]
fn a_fault_in_the_answers_has_a_caret_and_nothing_runs() {
    let space = space("- { match: { prompt: bus }, repyl: x }\n");
    let run = space.build().exit(2);
    assert!(run.err.contains("answers/all.yaml:1:"), "{}", run.err);
    assert!(run.err.contains("did you mean `reply`?"), "{}", run.err);
    assert!(space.run(&["validate"]).exit(2).err.contains("answers/all.yaml:1:"));
}

#[test]
fn a_provider_that_no_stage_asks_is_not_read() {
    let space = Space::new().story(
        "
        providers: { actor: { type: scripted, answers: answers/ } }
        stages: { a: { run: \"echo hi > a.txt\", outputs: a.txt } }
        ",
    );
    space.file("answers/all.yaml", "- { repyl: x }\n").build().exit(0);
}

#[test]
fn missing_answers_are_a_missing_input() {
    let space = space("- { reply: x }\n").remove("answers");
    let run = space.build();
    assert_ne!(run.code, Some(0));
    assert!(run.err.contains("answers/"), "{}", run.err);
}

#[test]
fn a_refusal_can_be_tried_out() {
    let space = space("- { reply: I cannot., finish: refusal }\n");
    assert!(space.build().exit(1).err.contains("declined to answer: I cannot."));
    let story = space.read("Storyfile.yaml").replace("provider: actor,", "provider: actor, continue_on_error: true,");
    space.file("Storyfile.yaml", &story).build().exit(0);
}

#[test]
fn a_profile_turns_a_service_into_a_script() {
    let space = Space::new()
        .story(
            "
            providers:
              writer: { type: openai, model: gpt-x, api_key: \"${OPENAI_API_KEY}\", temperature: 0.5, max_concurrency: 2, price: { input: 1, output: 2, currency: USD } }
            stages:
              poem: { uses: prompt, provider: writer, outputs: poem.md, with: { prompt: A poem. } }
            profiles:
              ci: { providers: { writer: { type: scripted, answers: answers.yaml } } }
            ",
        )
        .file("answers.yaml", "- { reply: A poem of four lines. }\n");
    space.build_with(&["--profile", "ci"]).exit(0);
    space.holds("poem.md", "A poem of four lines.\n");
}
