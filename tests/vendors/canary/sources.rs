//! Where keys come from, and where they may not stand.

use super::keys::{ELEVENLABS, HEADER, OPENAI, UNSENDABLE, VARIABLES, is_clean, is_silent};
use super::{ASKING, EXTRA, ONCE, run, space};
use crate::fake::{Vendor, fault};
use crate::space::Space;
use std::fs;

#[test]
fn keys_of_a_file_beside_the_storyfile_are_as_well_kept() {
    let vendor = Vendor::start();
    vendor.script(ASKING.map(|(_, path, _)| fault::echoes_key_in_answer().on(path)));
    let space = space(&vendor);
    let quoted = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"").replace('$', "\\$").replace('`', "\\`");
    let lines: Vec<String> = VARIABLES.iter().map(|(name, value)| format!("{name}=\"{}\"\n", quoted(value))).collect();
    space.file(".env", &lines.concat());
    let mut command = space.command(&["build", "-k", "-vv"]);
    command.env("STORYGEN_LOG", "trace");
    is_clean(&space, &space.finish(command), ".env");
    assert_eq!(vendor.script_left(), 0);
    for (stage, path, key) in ASKING {
        let call = vendor.calls().into_iter().find(|call| call.path.contains(path)).unwrap();
        assert!(call.headers.iter().any(|(_, value)| value.ends_with(key)), "`{stage}`: what stands there was sent");
        assert_eq!(call.header("x-extra"), Some(HEADER), "{stage}");
    }
    for line in ["status", "providers check --json", "export", "cost --json", "log tale", "validate --json"] {
        is_clean(&space, &space.run(&line.split(' ').collect::<Vec<_>>()), line);
    }
    space.file(".env", &format!("{}B=\"{}\" more\n", lines.concat(), quoted(OPENAI)));
    is_clean(&space, &space.run(&["build"]).exit(2).says("S126"), "a fault of .env");
}

#[test]
fn a_key_that_cannot_be_sent_is_told_without_it() {
    let vendor = Vendor::start();
    for key in UNSENDABLE {
        let space = space(&vendor);
        let vars = [("TEST_OPENAI_KEY", key), ("TEST_ELEVENLABS_KEY", key), ("STORYGEN_LOG", "trace")];
        let built = run(&space, &["build", "-k", "-vv", "tale", "told", "echo", "heard"], &vars);
        is_clean(&space, &built.says("header authorization: its value cannot be sent"), "an odd key");
        for line in ["providers check", "log tale", "log told --json"] {
            is_clean(&space, &run(&space, &line.split(' ').collect::<Vec<_>>(), &vars), line);
        }
    }
    // Only those whose keys are right were asked how they are.
    assert!(vendor.calls().iter().all(|call| !call.path.starts_with("/openai") && !call.path.starts_with("/eleven")));
}

#[test]
fn commands_hooks_and_programs_see_no_key() {
    let vendor = Vendor::start();
    let space = space(&vendor);
    run(&space, &["build", "-k"], &[]);
    let mut seen = [space.read("env.txt"), fs::read_to_string(space.note("hook.txt")).unwrap()].to_vec();
    seen.push(run(&space, &["log", "card"], &[]).out);
    for seen in seen {
        assert!(seen.contains("PATH="), "it shows what it saw: {seen}");
        let is_hidden = |name: &str| !seen.contains(name);
        assert!(VARIABLES.iter().all(|(name, _)| is_hidden(name)), "{seen}");
        assert!(is_hidden("LC_OTHER_KEY") && is_hidden("CANARY"), "{seen}");
    }
    // Unless somebody says so.
    let story =
        space.read("Storyfile.yaml").replace("run: 'env; env > env.txt'", "pass: [LC_OTHER_KEY], run: 'env > env.txt'");
    space.file("Storyfile.yaml", &story);
    run(&space, &["build", "-k", "env"], &[]);
    assert!(space.read("env.txt").contains("LC_OTHER_KEY=sk-CANARY"));
}

/// Each a provider's own words and a stage's; `KEY` is a variable that a header names, here or in a profile.
const REFUSED: [(&str, &str); 12] = [
    ("base_url: \"http://127.0.0.1:9/${KEY}\"", ""),
    ("base_url: \"http://me:${KEY}@127.0.0.1:9\"", ""),
    ("extra: { user: \"${KEY}\" }", ""),
    ("system: \"${KEY}\"", ""),
    ("identity: \"${KEY}\"", ""),
    ("organization: \"${KEY:-none}\"", ""),
    ("", "with: { prompt: \"${KEY}\" }"),
    ("", "outputs: \"${KEY}.md\""),
    ("", "salt: \"${KEY}\""),
    ("", "foreach: { x: [\"${KEY}\"] }"),
    ("", "when: \"${env.KEY == 'x'}\""),
    ("", "run: 'echo ${env.KEY}', env: { A: \"${KEY}\" }"),
];

#[test]
fn where_a_key_may_not_stand_the_file_is_refused_without_it() {
    let headers = "headers: { X-Extra: \"${KEY}\" }";
    for (own, of_profiles) in [(headers, "{}"), ("", "{ other: { providers: { w: { HEADERS } } } }")] {
        for (provider, stage) in REFUSED {
            let profiles = of_profiles.replace("HEADERS", headers);
            let base = if provider.contains("base_url") { "" } else { "base_url: \"http://127.0.0.1:9\"" };
            let fields: Vec<&str> =
                ["type: openai, model: m", base, own, provider].into_iter().filter(|text| !text.is_empty()).collect();
            let work = if stage.contains("run:") { "" } else { "uses: prompt, provider: w," };
            let output = if stage.contains("outputs") { "" } else { "outputs: a.md," };
            let prompt = if stage.contains("with") || work.is_empty() { "" } else { "with: { prompt: hi }," };
            let story = format!(
                "
                params: {{ p: {{ type: text, default: plain }} }}
                providers: {{ w: {{ {} }} }}
                stages: {{ a: {{ {work} {output} {prompt} {stage} }} }}
                profiles: {profiles}
                ",
                fields.join(", ")
            );
            let space = Space::new().story(&story);
            for line in
                ["validate --json", "validate", "build", "export", "status --json", "providers", "build --estimate"]
            {
                let ran = run(&space, &line.split(' ').collect::<Vec<_>>(), &[("KEY", ELEVENLABS)]);
                is_silent(&ran, &format!("{line}\n{story}"));
                ran.exit(2);
            }
            is_clean(&space, &run(&space, &["graph"], &[("KEY", ELEVENLABS)]), &story);
        }
    }
}

/// A key that somebody wrote into the file is an error, and the error goes into logs.
#[test]
fn a_key_in_the_storyfile_is_not_shown_by_the_error_that_it_is() {
    for provider in [
        "api_key: sk-written-0123456789",
        "api_key: \"sk-written-0123456789\", tpye: x",
        "headers: { Authorization: Bearer sk-written-0123456789 }",
        "headers: { X-Api-Key: sk-written-0123456789 }",
        "base_url: \"https://me:sk-written-0123456789@example.com\"",
    ] {
        let providers = format!("providers: {{ w: {{ type: openai, model: m, {provider} }} }}");
        let space = Space::new().story(&format!(
            "
            {providers}
            stages: {{ a: {{ uses: prompt, provider: w, outputs: a.md, with: {{ prompt: hi }} }} }}
            "
        ));
        for line in ["validate", "validate --json", "build", "status", "export", "providers check"] {
            space.run(&line.split(' ').collect::<Vec<_>>()).exit(2).says_not("written-01").says_not("0123456789");
        }
    }
}

/// A host that nobody trusts is told of, with the names of the variables.
#[test]
fn who_is_asked_to_trust_a_host_reads_names_only() {
    let vendor = Vendor::start();
    let away = vendor.openai("writer").to_string().replace(&vendor.url("/openai/v1"), "https://gateway.example/v1");
    let away = away.replace("model:", &format!("{EXTRA}, model:"));
    let space = Space::new().story(&format!(
        "
        {away}
        stages: {{ tale: {{ uses: prompt, provider: writer, {ONCE}, outputs: tale.md, with: {{ prompt: Tell me. }} }} }}
        "
    ));
    is_clean(&space, &run(&space, &["build", "-vv"], &[("STORYGEN_LOG", "trace")]).exit(2).says("S169"), "no trust");
    is_clean(&space, &run(&space, &["providers", "check"], &[]).says("TEST_OPENAI_KEY"), "no trust, checked");
    is_clean(&space, &run(&space, &["trust", "gateway.example"], &[]).exit(0), "trust");
    is_clean(&space, &run(&space, &["trust", "--json"], &[]).says("TEST_EXTRA_TOKEN"), "trusted");
    // Nobody is there: the call fails.
    is_clean(&space, &run(&space, &["build", "-vv"], &[("STORYGEN_LOG", "trace")]), "a host that is not there");
}
