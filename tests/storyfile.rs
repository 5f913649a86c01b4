//! What a Storyfile comes to: read like a manual.

use proptest::prelude::*;
use serde_json::json;
use std::time::Duration;
use storygen::base::diagnostic::Diagnostic;
use storygen::base::sources::Sources;
use storygen::report::diagnostic::{Color, render};
use storygen::storyfile::catalog::{Catalog, InputRule, KindInfo, Need, OutputRule, Setting, SettingSort};
use storygen::storyfile::command::Invocation;
use storygen::storyfile::load::{Given, load};
use storygen::storyfile::scope::{Plurality, Scope, ScopeFile};
use storygen::storyfile::story::{Action, Edits, OutputSort, Presence, Selector, Story, Work};
use storygen::storyfile::with::With;

struct Kinds;

const fn setting(name: &'static str, sort: SettingSort) -> Setting {
    Setting { name, sort, required: Need::Optional }
}

static PROMPT: &[Setting] = &[
    setting("prompt", SettingSort::Text),
    setting("template", SettingSort::File),
    setting("schema", SettingSort::MapOrFile),
    setting("temperature", SettingSort::Number),
    setting("max_tokens", SettingSort::Integer),
    setting("extra", SettingSort::Map),
];
static CHECK: &[Setting] = &[setting("words", SettingSort::Map), setting("schema", SettingSort::MapOrFile)];

impl Catalog for Kinds {
    fn kind(&self, name: &str) -> Option<KindInfo> {
        let (settings, capability): (&[Setting], _) = match name {
            "prompt" => (PROMPT, Some("text")),
            "check" => (CHECK, None),
            _ => return None,
        };
        let one_of: &[&[&str]] = if name == "prompt" { &[&["template", "prompt"]] } else { &[] };
        Some(KindInfo { settings, one_of, inputs: InputRule::ANY, outputs: OutputRule::ANY, capability, helper: None })
    }

    fn kinds(&self) -> Vec<String> {
        ["prompt", "check", "idea"].map(str::to_owned).to_vec()
    }

    fn preset(&self, name: &str) -> Option<&'static str> {
        (name == "idea").then_some(
            "takes: { topic: , tone: [warm], target_words: 120, notes: }\nrequired: [topic]\nuses: prompt\nwith:\n  \
             temperature: 0.9\n  prompt: \"An idea about ${with.topic}, ${with.tone | join(' and ')}, in \
             ${with.target_words} words.${' ' ~ with.notes if with.notes is defined}\"\n",
        )
    }
}

fn outcome(text: &str, params: &[(&str, &str)]) -> (Option<Story>, Vec<Diagnostic>) {
    let text = format!("storygen: 1\n{text}");
    let params = params.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
    let env = |name: &str| match name {
        "SITE" => Some("https://example.org".to_owned()),
        "STORYGEN_PARAM_LENGTH" => Some("500".to_owned()),
        _ => None,
    };
    load(&text, &Kinds, &Given { params, ..Given::alone("Storyfile.yaml", &env) })
}

fn story_with(text: &str, params: &[(&str, &str)]) -> Story {
    let (story, faults) = outcome(text, params);
    story.unwrap_or_else(|| {
        panic!("{}", render(&faults, &Sources::new("S", &format!("storygen: 1\n{text}")), Color::Never))
    })
}

fn story(text: &str) -> Story {
    story_with(text, &[])
}

fn action<'s>(story: &'s Story, id: &str) -> &'s Action {
    story.actions.iter().find(|action| action.id.as_str() == id).unwrap_or_else(|| panic!("no {id}"))
}

fn ids(story: &Story) -> Vec<&str> {
    story.actions.iter().map(|action| action.id.as_str()).collect()
}

fn outputs(action: &Action) -> Vec<&str> {
    action.outputs.iter().map(|output| output.path.as_str()).collect()
}

fn with(action: &Action) -> &With {
    match &action.work {
        Work::Kind { with, .. } => with,
        Work::Run(_) | Work::Fan { .. } | Work::Program(_) => panic!("no kind"),
    }
}

fn invocation(story: &Story, id: &str) -> Invocation {
    let action = action(story, id);
    let file = |role: &str, path: &str| ScopeFile {
        role: role.to_owned(),
        list: Plurality::One,
        path: path.to_owned(),
        part: None,
        content: None,
        parsed: None,
    };
    let inputs = action.inputs.iter().filter_map(|input| match &input.selector {
        Selector::File(path) => Some(file(&input.role, path.as_str())),
        _ => None,
    });
    let outputs = action.outputs.iter().map(|output| file(&output.slot, output.path.as_str()));
    let scope = Scope { inputs: inputs.collect(), outputs: outputs.collect(), ..Scope::of(story, action) };
    match &action.work {
        Work::Run(command) => command.render(&scope).expect("the command renders"),
        Work::Kind { .. } | Work::Fan { .. } | Work::Program(_) => panic!("no command"),
    }
}

fn codes(text: &str) -> Vec<&'static str> {
    outcome(text, &[]).1.into_iter().map(|fault| fault.code).collect()
}

#[test]
fn axes_multiply_and_keys_name_the_instances() {
    let story = story(
        "stages:\n  a:\n    foreach: { n: [07, 10], lang: [en, es] }\n    outputs: \"b/${n}/${lang}.txt\"\n    run: touch ${outputs[0]}\n",
    );
    assert_eq!(ids(&story), ["a:07:en", "a:07:es", "a:10:en", "a:10:es"]);
    assert_eq!(outputs(action(&story, "a:07:es")), ["b/07/es.txt"]);
    assert_eq!(invocation(&story, "a:10:en"), Invocation::Direct(vec!["touch".into(), "b/10/en.txt".into()]));
}

#[test]
fn needs_pair_by_equal_keys_else_all_in_order() {
    let story = story(
        "stages:\n  script: { foreach: { lang: [en, es] }, run: \"echo ${lang}\" }\n  voice: { foreach: script, needs: script, run: echo a }\n  \
         film: { needs: voice, after: script, run: echo b }\n  cut: { foreach: { lang: [es], size: [s, m] }, needs: [script], run: echo c }\n",
    );
    let needs =
        |id: &str| action(&story, id).needs[0].actions.iter().map(|id| id.as_str().to_owned()).collect::<Vec<_>>();
    assert_eq!(needs("voice:es"), ["script:es"]);
    assert_eq!(needs("film"), ["voice:en", "voice:es"]);
    assert_eq!(needs("cut:es:m"), ["script:es"]);
    assert_eq!(action(&story, "film").after.len(), 2);
}

#[test]
fn maps_are_keyed_by_one_of_their_values() {
    let story = story(
        "stages:\n  c:\n    foreach: { chapter: { in: [ { id: ch-1, title: Night Bus }, { id: ch-2, title: Rain } ], key: id } }\n    \
         outputs: \"c/${chapter.id}.md\"\n    uses: prompt\n    with: { prompt: \"${chapter.title}!\" }\n",
    );
    assert_eq!(ids(&story), ["c:ch-1", "c:ch-2"]);
    assert_eq!(with(action(&story, "c:ch-1")).constant("prompt"), Some(&json!("Night Bus!")));
}

#[test]
fn a_matrix_has_includes_and_excludes() {
    let story = story(
        "stages:\n  m:\n    matrix:\n      lang: [en, es]\n      size: [s, m]\n      exclude: [ { lang: es, size: m } ]\n      \
         include: [ { lang: fr, size: s }, { lang: en, voice: Ann } ]\n    run: \"echo ${lang} ${size}\"\n",
    );
    assert_eq!(ids(&story), ["m:en:s", "m:en:m", "m:es:s", "m:fr:s"]);
    assert_eq!(action(&story, "m:en:m").axes["voice"].data(), "Ann");
}

#[test]
fn a_param_comes_from_the_line_then_the_environment_then_its_default() {
    let text = "params: { length: 360, tone: { type: list, default: [sad] }, code: \"007\", rate: 0.50 }\nstages:\n  \
                a: { run: [x, \"${params.length}\", \"${params.tone}\", \"${params.code}\", \"${params.rate}\"] }\n";
    let words = |story: &Story| match invocation(story, "a") {
        Invocation::Direct(words) => words.join(" "),
        Invocation::Shell { .. } => panic!("a shell"),
    };
    assert_eq!(words(&story(text)), "x 500 sad 007 0.50");
    assert_eq!(words(&story_with(text, &[("length", "1"), ("length", "2"), ("tone", "a, b")])), "x 2 a b 007 0.50");
    assert!(story(text).env_used.contains("STORYGEN_PARAM_LENGTH"));
}

#[test]
fn merge_keys_take_over_what_a_map_does_not_say_itself() {
    let story = story(
        "x-a: &a { timeout: 1m, salt: a, env: { A: x } }\nx-b: &b { timeout: 2m, salt: b, always: true }\nx-c: &c { <<: [*b, *a], salt: c }\n\
         stages:\n  one: { run: env, <<: *c }\n  two: { timeout: 9m, <<: [*a, { pass: [P] }], run: env }\n",
    );
    let (one, two) = (action(&story, "one"), action(&story, "two"));
    assert_eq!((one.timeout, one.salt.as_deref()), (Some(Duration::from_secs(120)), Some("c")));
    assert_eq!(one.env["A"], "x");
    assert_eq!((two.timeout, two.salt.as_deref()), (Some(Duration::from_secs(540)), Some("a")));
    assert_eq!(two.pass, ["P"]);
}

#[test]
fn a_map_is_no_list() {
    let text = "params: { l: { type: list, default: [a] } }\nstages: { a: { run: touch x } }";
    let codes: Vec<_> = outcome(text, &[("l", "{\"a\": 1}")]).1.into_iter().map(|fault| fault.code).collect();
    assert_eq!(codes, ["S041"]);
}

/// The words of a command without a shell.
fn words(text: &str, params: &[(&str, &str)]) -> String {
    match invocation(&story_with(text, params), "a") {
        Invocation::Direct(words) => words.join(" "),
        Invocation::Shell { script, .. } => panic!("a shell: {script}"),
    }
}

#[test]
fn a_param_without_a_value_is_undefined_and_has_a_default() {
    let text = "params: { o: { required: false } }\nstages: { a: { run: [x, \"${params.o | default('none')}\", \"${'some' if params.o else 'no'}\"] } }";
    assert_eq!(words(text, &[]), "x none no");
    assert_eq!(words(text, &[("o", "here")]), "x here some");
    let template = "params: { o: { required: false } }\nstages: { a: { uses: prompt, outputs: o.md, with: { prompt: \"${params.o | default('none')}\" } } }";
    assert_eq!(with(action(&story(template), "a")).constant("prompt"), Some(&json!("none")));
    let missing = "params: { o: { required: false } }\nstages: { a: { run: \"echo ${params.o}\" } }";
    assert_eq!(codes(missing), ["S057"]);
}

#[test]
fn truth_and_numbers_are_written_as_they_stand_in_the_file() {
    let text = "params: { b: { type: bool, default: True }, n: { type: number, default: 0.10 } }\nstages: { a: { run: \"x ${params.b} ${params.n} 'n=${params.n}' ${params.n + 1}\" } }";
    assert_eq!(words(text, &[]), "x true 0.10 n=0.10 1.1");
    assert_eq!(words(text, &[("b", "False"), ("n", "2")]), "x false 2 n=2 3");
    let list = "params: { n: { type: number, default: 0.10 }, b: true }\nstages: { a: { salt: \"${params.n}\", run: [x, \"${params.n}\", \"${params.b}\", \"b${params.b}\"] } }";
    assert_eq!(words(list, &[]), "x 0.10 true btrue");
    assert_eq!(action(&story(list), "a").salt.as_deref(), Some("0.10"));
}

#[test]
fn inputs_are_files_folders_patterns_and_may_be_optional() {
    let story = story(
        "stages:\n  a:\n    inputs: [x.md, art/, \"./ch/*.md\", \"notes.md?\"]\n    exclude: \"ch/draft-*.md\"\n    outputs: { audio: b/x.wav, all: { path: b/all/, store: false } }\n    run: python tools/x.py\n",
    );
    let action = action(&story, "a");
    let glob = Selector::Glob { pattern: "ch/*.md".into(), exclude: vec!["ch/draft-*.md".into()] };
    assert!(matches!(action.inputs[0].selector, Selector::File(_)));
    assert!(matches!(action.inputs[1].selector, Selector::Tree(_)));
    assert_eq!(action.inputs[2].selector, glob);
    assert_eq!(action.inputs[3].presence, Presence::Optional);
    assert_eq!((action.inputs[4].role.as_str(), action.inputs[4].presence), ("run.program", Presence::Optional));
    assert_eq!((action.outputs[0].slot.as_str(), action.outputs[1].sort), ("audio", OutputSort::Tree));
}

#[test]
fn a_preset_is_lowered_to_its_kind() {
    let story = story(
        "stages:\n  a: { uses: idea, outputs: i.json, with: { topic: the last bus, temperature: 0.50 } }\n  \
         b: { uses: idea, inputs: { n: n.json }, outputs: j.json, with: { topic: \"${inputs.n.title}\", notes: slow } }\n",
    );
    let Work::Kind { kind, with, providers } = &action(&story, "a").work else { panic!("a kind") };
    assert_eq!((kind.as_str(), providers["text"].as_str()), ("prompt", "local"));
    assert_eq!(with.constant("prompt"), Some(&json!("An idea about the last bus, warm, in 120 words.")));
    assert_eq!(with.constant("temperature"), Some(&json!(0.5)));
    let n = ScopeFile {
        role: "n".into(),
        list: Plurality::One,
        path: "n.json".into(),
        part: None,
        content: Some(b"{}".as_slice().into()),
        parsed: Some(json!({"title": "rain"})),
    };
    let b = action(&story, "b");
    let resolved = self::with(b).resolve(&Scope { inputs: vec![n], ..Scope::of(&story, b) }).unwrap();
    assert_eq!(resolved["prompt"], "An idea about rain, warm, in 120 words. slow");
}

#[test]
fn files_that_settings_name_are_inputs() {
    let story = story(
        "stages:\n  a: { uses: prompt, outputs: a.json, check: { schema: s/check.json }, with: { template: \"p/${stage.name}.j2\", schema: s/x.json } }\n  \
         b: { uses: prompt, outputs: b.json, with: { prompt: hi, schema: { type: object } } }\n",
    );
    let roles: Vec<&str> = action(&story, "a").inputs.iter().map(|input| input.role.as_str()).collect();
    assert_eq!(roles, ["with.template", "with.schema", "check.schema"]);
    assert!(action(&story, "b").inputs.is_empty());
    assert!(action(&story, "a").check.is_some());
}

#[test]
fn defaults_stand_under_every_stage_and_env_is_merged() {
    let story = story(
        "env: { SITE: \"${SITE}\", A: one }\npass: [AWS_PROFILE]\npools: { gpu: 2 }\ndefaults: { timeout: 5m, retry: { max: 1, for: [exit], delay: 500ms }, edits: error }\n\
         stages:\n  a: { run: touch x, env: { A: two } }\n  b: { run: touch y, timeout: 10s, pool: gpu, edits: discard, salt: \"7\" }\n",
    );
    let (a, b) = (action(&story, "a"), action(&story, "b"));
    assert_eq!((a.env["SITE"].as_str(), a.env["A"].as_str()), ("https://example.org", "two"));
    assert_eq!((a.timeout, b.timeout), (Some(Duration::from_secs(300)), Some(Duration::from_secs(10))));
    assert_eq!((a.edits, b.edits), (Edits::Error, Edits::Discard));
    assert_eq!((a.retry.delay, b.salt.as_deref()), (Duration::from_millis(500), Some("7")));
    assert_eq!((a.pass.as_slice(), b.pool.as_deref()), (["AWS_PROFILE".to_owned()].as_slice(), Some("gpu")));
}

#[test]
fn what_the_format_knows_and_this_version_does_not_do_is_an_error() {
    for text in [
        "remote: { cache: x }\nstages: { a: { run: touch x } }",
        "stages: { a: { edits: merge, run: touch x } }",
        "stages: { a: { uses: review, inputs: x } }",
        "stages: { a: { outputs: { path: x, allow_empty: true }, run: touch x } }",
    ] {
        assert_eq!(codes(text), ["S900"], "{text}");
    }
}

#[test]
fn every_fault_of_a_file_is_in_one_report() {
    let text = "pools: { gpu: 0 }\nstages:\n  a: { ouputs: x, run: touch x, timeout: 5 }\n  b: { needs: c, run: \"cat ${params.x}\", pool: cpu }\n";
    assert_eq!(codes(text), ["S027", "S020", "S026", "S012", "S051", "S032"]);
}

#[test]
fn a_secret_never_reaches_a_key() {
    assert_eq!(codes("stages: { a: { env: { API_TOKEN: x }, run: touch x } }"), ["S056"]);
    assert_eq!(codes("stages: { a: { uses: prompt, with: { prompt: \"${MY_SECRET}\" } } }"), ["S056"]);
    assert_eq!(codes("stages: { a: { run: \"curl ${env.HUB_KEY}\" } }"), ["S056"]);
    let used = "providers: { w: { type: http, base_url: \"https://h.example\", headers: { X: \"${SITE}\" } } }\nstages: { a: { uses: prompt, with: { prompt: \"${SITE}\" } } }";
    assert_eq!(codes(used), ["S056"]);
    // Also in a profile that nobody chose: what is a key in the one stands in no file of the other.
    let elsewhere = "stages: { a: { uses: prompt, with: { prompt: \"${SITE}\" } } }\nprofiles: { x: { providers: { w: { type: http, base_url: \"https://h.example\", headers: { X: \"${SITE}\" } } } } }";
    assert_eq!(codes(elsewhere), ["S056"]);
    story("stages: { a: { pass: [HUB_KEY], run: \"curl $HUB_KEY\" } }");
}

#[test]
fn an_axis_needs_a_name_and_may_be_a_param() {
    let params = "params: { langs: [en, es] }\nstages: ";
    assert_eq!(codes(&format!("{params}{{ a: {{ foreach: \"${{params.langs}}\", run: touch x }} }}")), ["S021"]);
    let story =
        story(&format!("{params}{{ a: {{ foreach: {{ lang: \"${{params.langs}}\" }}, run: \"echo ${{lang}}\" }} }}"));
    assert_eq!(ids(&story), ["a:en", "a:es"]);
}

#[test]
fn nothing_in_a_stage_takes_a_default_away() {
    let story = story("defaults: { timeout: 5m }\nstages:\n  a: { run: touch x, timeout: ~ }\n  b: { run: touch y }\n");
    assert_eq!(action(&story, "a").timeout, None);
    assert!(action(&story, "b").timeout.is_some());
}

#[test]
fn a_command_keeps_what_belongs_to_the_shell() {
    let story = story(include_str!("fixtures/bus.yaml").trim_start_matches("storygen: 1\n"));
    let Invocation::Shell { program, script } = invocation(&story, "film:es") else { panic!("a shell") };
    assert_eq!(program.join(" "), "bash -eo pipefail -c");
    assert!(script.contains("\"${f%.x}\"") && script.contains("'dist/es/story.mp4' | cat"), "{script}");
}

#[test]
fn circles_are_told_as_a_path() {
    assert_eq!(codes("stages: { a: { needs: a, run: touch x } }"), ["S084"]);
    assert_eq!(codes("stages: { a: { foreach: b, run: touch x }, b: { foreach: a, run: touch y } }"), ["S084"]);
    assert_eq!(codes("stages: { a: { needs: b, run: touch x }, b: { after: a, run: touch y } }"), ["S084"]);
}

#[test]
fn overlaps_are_found_between_any_two_outputs() {
    assert_eq!(
        codes(
            "stages: { a: { outputs: b/, run: touch x }, b: { outputs: b-x/y, run: touch y }, c: { outputs: b/c/d, run: touch z } }"
        ),
        ["S073"]
    );
    assert_eq!(codes("stages: { a: { outputs: b, run: touch x }, b: { outputs: b/y, run: touch y } }"), ["S073"]);
    assert_eq!(codes("stages: { a: { inputs: art/, outputs: art/x.png, run: touch x } }"), ["S072"]);
    story(
        "stages: { a: { inputs: \"art/*.png\", outputs: art/x.png, run: touch x }, b: { outputs: artx, run: touch y } }",
    );
}

#[test]
fn anchors_and_merge_keys_share_what_stages_have_in_common() {
    let story = story(
        "x-slow: &slow { timeout: 1h, always: true }\nstages:\n  a: { <<: *slow, run: touch x }\n  b:\n    <<: *slow\n    timeout: 2h\n    run: touch y\n",
    );
    assert_eq!(action(&story, "a").timeout, Some(Duration::from_secs(3600)));
    assert_eq!(action(&story, "b").timeout, Some(Duration::from_secs(7200)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// A Storyfile with any damage gives a story or an error, never a panic, and every place can be shown.
    #[test]
    fn no_text_makes_the_loader_panic(at in 0usize..900, cut in 0usize..12, put in "[ \\t\\n:{}\\[\\]*&!|>#'\"$%@`,?é夜-]{0,4}") {
        let text = include_str!("fixtures/bus.yaml");
        let from = (0..=at.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap();
        let to = (from + cut..).find(|&at| at >= text.len() || text.is_char_boundary(at)).unwrap().min(text.len());
        let text = format!("{}{put}{}", &text[..from], &text[to..]);
        let (story, faults) = load(&text, &Kinds, &Given::alone("Storyfile.yaml", &|_| None));
        prop_assert_eq!(story.is_none(), faults.iter().any(|fault| fault.code.starts_with('S')));
        render(&faults, &Sources::new("Storyfile.yaml", &text), Color::Never);
    }
}
