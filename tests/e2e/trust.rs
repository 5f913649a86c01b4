//! Keys go to their vendors, to this machine, and to whom the user has trusted: nowhere else, and nothing runs before that.
//!
//! `0.0.0.0` is a host like any other to the program, and to the system this machine: what is sent there can be seen.

use crate::person::Person;
use crate::space::Space;
use std::net::TcpListener;

/// A host that nobody has trusted, and who comes to it.
struct Stranger {
    listener: TcpListener,
    host: String,
}

impl Stranger {
    fn new() -> Stranger {
        let listener = TcpListener::bind("0.0.0.0:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let host = listener.local_addr().unwrap().to_string();
        Stranger { listener, host }
    }

    /// A stage that sends a key there, after one that leaves a note.
    fn space(&self) -> Space {
        Space::new().story(&format!(
            "
            providers:
              gateway:
                type: http
                base_url: https://{}/v1
                api_key: ${{GATEWAY_KEY}}
            stages:
              first: {{ run: 'echo ran >> NOTES/first; echo x > first.txt', outputs: first.txt }}
              art:
                uses: http
                provider: gateway
                retry: {{ max: 0 }}
                needs: first
                outputs: art.json
                with: {{ url: /image, json: {{ prompt: hello }} }}
            ",
            self.host
        ))
    }

    /// How many have come since the last look.
    fn visits(&self) -> usize {
        std::iter::from_fn(|| self.listener.accept().ok()).count()
    }
}

fn build(space: &Space, args: &[&str], vars: &[(&str, &str)]) -> crate::space::Run {
    let mut command = space.command(&[&["build"], args].concat());
    command.env("GATEWAY_KEY", "sk-secret-of-the-gateway").envs(vars.iter().copied());
    space.finish(command)
}

#[test]
fn a_key_for_a_host_that_nobody_trusted_stops_the_build_before_anything_runs() {
    let stranger = Stranger::new();
    let (space, host) = (stranger.space(), &stranger.host);
    let run = build(&space, &[], &[]).exit(2);
    let expected = format!(
        "error[S169]: the provider `gateway` would send `GATEWAY_KEY` to `{host}`, which nobody has trusted
 --> Storyfile.yaml:6:15
  |
6 |     base_url: https://{host}/v1
  |               {} is told `GATEWAY_KEY`
  |
  = help: if you know this host, run `storygen trust {host}`, or build with `--trust` for this once; nothing was sent
",
        "^".repeat(format!("https://{host}/v1").len())
    );
    assert_eq!(run.err, expected);
    assert_eq!((stranger.visits(), space.noted("first"), space.has("first.txt")), (0, 0, false));
    run.says_not("sk-secret");
    let answer = build(&space, &["--json"], &[]).exit(2);
    let answer: serde_json::Value = serde_json::from_str(&answer.out).unwrap();
    assert_eq!((&answer["error"]["code"], &answer["error"]["faults"][0]["code"]), (&"faults".into(), &"S169".into()));
}

#[test]
fn whom_the_user_trusts_is_told_and_nobody_else() {
    let stranger = Stranger::new();
    let (space, host) = (stranger.space(), &stranger.host);
    space.run(&["trust"]).exit(0).says("nobody is trusted here but vendors with their own keys, and this machine");
    space.run(&["trust", host]).exit(0).says(&format!("{host} is trusted with `GATEWAY_KEY` in this repo"));
    assert_eq!(space.run(&["trust"]).exit(0).out, format!("{host} with `GATEWAY_KEY`\n"));
    assert_eq!(stranger.visits(), 0, "trusting calls nobody");
    // The stranger speaks no TLS: the call fails, but it was made.
    build(&space, &[], &[]).exit(1).says("the provider `gateway`");
    assert!(stranger.visits() > 0 && space.noted("first") == 1);
    space.run(&["trust", "--remove", &format!("https://{host}/v1")]).exit(0).says("is trusted no more in this repo");
    build(&space, &[], &[]).exit(2).says("S169");
    assert_eq!(stranger.visits(), 0);
}

#[test]
fn another_variable_another_host_and_another_repo_are_asked_anew_and_a_prompt_is_not() {
    let stranger = Stranger::new();
    let space = stranger.space();
    space.run(&["trust", &stranger.host]).exit(0);
    let story = space.read("Storyfile.yaml");
    for (from, to) in [
        ("${GATEWAY_KEY}", "${HOME}"),
        ("${GATEWAY_KEY}", "${GATEWAY_KEY}\n    headers: { X-More: \"${OTHER_TOKEN}\" }"),
        ("https://0.0.0.0:", "https://gateway.invalid:"),
    ] {
        let space = space.file("Storyfile.yaml", &story.replace(from, to));
        build(&space, &[], &[]).exit(2).says("S169");
    }
    assert_eq!(stranger.visits(), 0);
    space.file("Storyfile.yaml", &story.replace("prompt: hello", "prompt: good evening"));
    build(&space, &[], &[]).exit(1).says_not("S169");
    assert!(stranger.visits() > 0);
    let clone = stranger.space();
    let mut command = clone.command(&["build"]);
    command.envs(space.command(&[]).get_envs().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned()))));
    clone.finish(command).exit(2).says("S169");
}

#[test]
fn for_this_run_a_flag_or_a_variable_says_yes_and_a_file_of_the_repo_does_not() {
    let stranger = Stranger::new();
    let space = stranger.space();
    space.file(".env", "STORYGEN_TRUST=1\nXDG_CONFIG_HOME=/nowhere\n");
    build(&space, &[], &[]).exit(2).says("S169");
    build(&space, &[], &[("STORYGEN_TRUST", "0")]).exit(2).says("S169");
    assert_eq!(stranger.visits(), 0);
    build(&space, &["--trust"], &[]).exit(1);
    build(&space, &[], &[("STORYGEN_TRUST", "1")]).exit(1);
    assert!(stranger.visits() > 1);
    build(&space, &[], &[]).exit(2).says("S169");
    assert!(space.run(&["trust", "--json"]).exit(0).out.contains("\"trusted\": []"));
}

#[test]
fn only_what_is_selected_and_may_run_counts() {
    let stranger = Stranger::new();
    let space = stranger.space();
    build(&space, &["first"], &[]).exit(0);
    // Made by hand and accepted: nothing is left to send.
    space.file("art.json", "{}");
    space.run(&["accept", "art.json"]).exit(0);
    build(&space, &[], &[]).exit(0);
    build(&space, &["--force", "art"], &[]).exit(2).says("S169");
    assert_eq!(stranger.visits(), 0);
}

#[test]
fn commands_that_only_look_send_nothing_and_do_not_ask() {
    let stranger = Stranger::new();
    let space = stranger.space();
    for args in [
        &["status"][..],
        &["why", "art"],
        &["graph", "--status"],
        &["validate"],
        &["build", "--dry-run"],
        &["export"],
        &["trust"],
    ] {
        let Some(person) = Person::runs(&space, args) else { return };
        let (status, shown) = person.ends();
        assert!(status.success() && !shown.contains("[y/N]") && !shown.contains("S169"), "{args:?}\n{shown}");
    }
    assert_eq!(stranger.visits(), 0);
}

#[test]
fn a_stand_in_and_a_stage_of_a_list_that_is_not_known_yet_count() {
    let story = |stages: &str| {
        Space::new().story(&format!(
            "
            providers:
              writer: {{ type: openai, model: m, base_url: \"http://127.0.0.1:9/v1\", fallback: [far] }}
              far: {{ type: openai, model: m, base_url: \"https://far.invalid/v1\", api_key: \"${{FAR_KEY}}\" }}
            stages:
              {stages}
            "
        ))
    };
    let plain = story("a: { uses: prompt, provider: writer, outputs: a.txt, with: { prompt: hello } }");
    build(&plain, &[], &[]).exit(2).says("the provider `far` would send `FAR_KEY` to `far.invalid`");
    let fan = story(
        "list: { run: 'echo [a] > NOTES/ran; echo [a] > list.json', outputs: list.json }
              page: { foreach: { word: list.json }, uses: prompt, provider: far, outputs: \"${word}.txt\", with: { prompt: \"${word}\" } }",
    );
    build(&fan, &[], &[]).exit(2).says("S169");
    assert!(!fan.has("list.json"), "the list was not made first");
}

#[test]
fn a_program_that_is_a_kind_is_not_even_asked_what_it_takes() {
    let stranger = Stranger::new();
    let space = stranger.space();
    let story = space.read("Storyfile.yaml");
    let story = story.replace("stages:\n", "stages:\n  card: { uses: ./card, outputs: card.txt }\n");
    space.file("Storyfile.yaml", &story);
    space
        .file("card", &format!("#!/bin/sh\necho asked >> {}\nexit 1\n", space.note("asked").display()))
        .chmod("card", 0o755);
    build(&space, &[], &[]).exit(2).says("S169");
    assert_eq!(space.noted("asked"), 0);
}

#[test]
fn what_cannot_be_trusted_says_why() {
    let space = Stranger::new().space();
    space
        .run(&["trust", "other.example"])
        .exit(2)
        .says("error: this Storyfile sends no key to `other.example`\n  It sends keys to `0.0.0.0:");
    space
        .run(&["trust", "localhost:8080"])
        .exit(2)
        .says("error: `localhost:8080` is this machine, which needs no trust");
    space.run(&["trust", "a b"]).exit(2).says("error: `a b` names no host: a sign in it cannot stand in an address");
    space.run(&["trust", "api.op\u{435}nai.com"]).exit(2).says("its host has signs that only look familiar");
    space
        .run(&["trust", "--remove", "other.example"])
        .exit(2)
        .says("error: `other.example` is not trusted in this repo\n  `storygen trust` lists who is.");
    let free = Space::new().story("stages: { a: { run: 'true' } }");
    free.run(&["trust", "other.example"])
        .exit(2)
        .says("It sends keys to nobody but their vendors and this machine: there is nothing to trust.");
}

#[test]
fn on_a_terminal_it_asks_once_and_remembers() {
    let stranger = Stranger::new();
    let (space, host) = (stranger.space(), &stranger.host);
    space.file(".env", "GATEWAY_KEY=sk-secret-of-the-gateway\n");
    let question = format!("Trust {host} with it, in this repo? [y/N]: ");
    let build = ["build", "--progress", "plain", "--color", "never"];
    let Some(mut person) = Person::runs(&space, &build) else { return };
    person.sees(&format!("This Storyfile sends `GATEWAY_KEY` to {host}, which is not its vendor.\n"));
    person.sees(&question).types("\n").sees("error[S169]");
    let (status, shown) = person.ends();
    assert_eq!((status.code(), stranger.visits(), space.noted("first")), (Some(2), 0, 0), "{shown}");
    let Some(mut person) = Person::runs(&space, &build) else { return };
    person.sees(&question).types("y\n").sees("the provider `gateway`");
    assert_eq!(person.ends().0.code(), Some(1));
    assert!(stranger.visits() > 0);
    let Some(person) = Person::runs(&space, &build) else { return };
    let (status, shown) = person.ends();
    assert!(status.code() == Some(1) && !shown.contains("[y/N]") && !shown.contains("sk-secret"), "{shown}");
}

#[test]
fn a_batch_asks_as_well() {
    let stranger = Stranger::new();
    let space = stranger.space();
    let story = space.read("Storyfile.yaml");
    let story = story.replace("outputs: first.txt", "outputs: '${batch.id}.txt'").replace("> first", "> ${batch.id}");
    space.file("Storyfile.yaml", &story.replace("outputs: art.json", "outputs: '${batch.id}.json'"));
    space.file("rows.csv", "id\na\nb\n");
    build(&space, &["--batch", "rows.csv"], &[]).exit(2).says("S169");
    assert_eq!((stranger.visits(), space.noted("first")), (0, 0));
}
