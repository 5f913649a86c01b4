//! The JSON Schema of Storyfiles says what the loader says, as far as it goes.

use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use storygen::data::parse::parse;
use storygen::kind::registry::Registry;
use storygen::storyfile::load::{Given, load};
use storygen::storyfile::schema::schema;

fn validator() -> jsonschema::Validator {
    let schema = schema(&Registry::builtin());
    jsonschema::draft202012::meta::validate(&schema).expect("a schema of draft 2020-12");
    jsonschema::draft202012::new(&schema).expect("a schema")
}

fn value(text: &str) -> Value {
    parse("yaml", text.as_bytes()).unwrap().unwrap()
}

fn storyfiles(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|folder| folder.join("Storyfile.yaml")).filter(|path| path.is_file()).collect()
}

#[test]
fn every_example_and_the_flagship_are_right() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut all = storyfiles(&root.join("examples"));
    assert!(all.len() > 2);
    all.push(root.join("Storyfile.yaml"));
    let validator = validator();
    for path in all {
        let found = value(&std::fs::read_to_string(&path).unwrap());
        let faults: Vec<String> = validator.iter_errors(&found).map(|fault| fault.to_string()).collect();
        assert_eq!(faults, [""; 0], "{}", path.display());
    }
}

/// Storyfiles whose stages are these, with what the loader says of them.
fn says_the_loader(text: &str) -> bool {
    let given = Given::alone("Storyfile.yaml", &|_| None);
    load(text, &Registry::builtin(), &given).0.is_some()
}

fn agree(text: &str, right: bool) {
    let text = format!("storygen: 1\n{text}");
    assert_eq!(says_the_loader(&text), right, "the loader: {text}");
    let faults: Vec<String> = validator().iter_errors(&value(&text)).map(|fault| fault.to_string()).collect();
    assert_eq!(faults.is_empty(), right, "the schema: {text}\n{faults:#?}");
}

#[test]
fn what_the_loader_takes_the_schema_takes() {
    for stage in [
        "{ run: touch x, outputs: x }",
        "{ run: [touch, x], outputs: { path: x, store: false } }",
        "{ run: touch x y, outputs: { a: x, b: { path: y } }, retry: { max: 2, for: [exit, timeout], delay: 1s }, timeout: 1h30m }",
        "{ run: touch x, outputs: [x], env: { A: 1, B: ~ }, pass: HOME, shell: [bash, -c], depfile: x.d, edits: ~, x-mine: [1] }",
        "{ run: touch x, inputs: { a: b.md, c: 'd.json#/e?' }, outputs: x, salt: 5, always: true, retry: 3 }",
        "{ run: 'touch ${n}', foreach: { n: [1, 2] }, outputs: '${n}' }",
        "{ run: 'touch ${n.id}', foreach: { n: { in: [{ id: a }], key: id, max: 3 } }, outputs: '${n.id}' }",
        "{ run: 'touch ${n}', matrix: { n: [1], include: [{ n: 2 }] }, outputs: '${n}' }",
        "{ uses: prompt, outputs: a.md, with: { prompt: Hi, temperature: '0.5', seed: 3, stop: [a, b], schema: s.json } }",
        "{ uses: prompt, outputs: a.md, with: { jinja: Hi, temperature: '${1 + 1}' }, provider: { text: local } }",
        "{ uses: voice, inputs: a.md, outputs: { audio: a.wav, words: w.json }, with: { gender: female, loudness: { lufs: -16 } }, provider: local-voice }",
        "{ uses: check, inputs: a.md, with: { words: { max: 9 }, forbid: x, blocking: false } }",
        "{ uses: idea, outputs: i.json, with: { topic: 1984, tone: [sad, odd], narrator_gender: '', seed: 2 } }",
        "{ uses: script, inputs: i.json, outputs: s.md, with: { target_words: '90' }, check: { words: { min: 5 } } }",
        "{ uses: template, outputs: b.md, with: { template: t.j2 } }",
        "{ uses: ./tools/card, outputs: a.svg, with: { any: [1, { b: c }] }, env: { A: b }, pass: [C], hooks: { stage_error: 'true' } }",
        "{ run: touch x, outputs: x, hooks: { stage_start: { run: [ls, -l], required: true, timeout: 5s }, stage_skip: ~ } }",
    ] {
        agree(&format!("stages: {{ s: {stage} }}"), true);
    }
    agree(
        "name: 5\nparams: { a: 1, b: { ask: B?, type: list, default: [x] }, c: [1] }\npools: { gpu: 2 }\nx-all: { b: 1 }\nenv: { A: b }\ndefaults: { timeout: 5m, pool: gpu }\nproviders: { w: { type: local }, v: { type: local-voice } }\nstages: { s: { run: touch x } }",
        true,
    );
    agree(
        "params: { n: { type: int, min: 1, max: 9, default: 2 }, f: { type: path, default: a.md } }\nhooks: { run_finish: 'true', stage_error: { run: 'true' } }\nprofiles: { ci: { params: { n: 3 }, x-a: 1 }, none: ~ }\nstages: { s: { run: \"touch ${params.n} ${params.f}\", outputs: x } }",
        true,
    );
    agree(
        "kinds: { card: ./tools/card }\nproviders: { art: { type: http, base_url: 'https://a.example/v1', api_key: '${ART_KEY}', headers: { X-V: '2' }, timeout: 5m, max_concurrency: 2 } }\nstages: { a: { uses: card, outputs: a.svg }, b: { uses: http, provider: art, outputs: b.png, with: { url: /x } } }",
        true,
    );
    for provider in [
        "{ type: openai, model: m, api_key: '${K}', organization: o, project: '${P}', headers: { X-A: b }, max_concurrency: 8 }",
        "{ type: openai, model: m, base_url: 'http://127.0.0.1:11434/v1', api_key: ~, price: free, budget: { usd: 1 } }",
        "{ type: anthropic, model: m, api_key: '${K}', rate: { requests_per_minute: 5, tokens_per_minute: 9 }, x-mine: 1 }",
        "{ type: gemini, model: m, api_key: '${K}', temperature: '0.5', max_tokens: 9, seed: '${1 + 1}', stop: [a], system: s, extra: { a: 1 } }",
        "{ type: elevenlabs, model: m, api_key: '${K}', voice: '${V:-x}', speed: 1.1, settings: { style: 0 }, language: en, price: { characters: 100, per: 1000, currency: EUR } }",
        "{ type: openai, model: m, api_key: '${K}', price: { input: 0.15, cached_input: '.075', output: ~, currency: usd, as_of: 2026-11-01 }, fallback: [local] }",
        "{ type: http, base_url: 'https://a.example', price: { call: 0.04, currency: USD }, rate: { requests_per_minute: 5 }, budget: { usd: 1, per: day }, fallback: ~ }",
        "{ type: scripted, answers: answers/, model: m, price: { call: 1, minute: 2, input: 3, currency: USD } }",
    ] {
        agree(&format!("providers: {{ w: {provider} }}\nstages: {{ s: {{ run: touch x }} }}"), true);
    }
    agree(
        "budget: { eur: 0.5, per: project, usd: ~ }\ndefaults: { budget: { EUR: '2' } }\nstages: { s: { uses: prompt, outputs: a.md, with: { prompt: a }, budget: ~ } }",
        true,
    );
}

#[test]
fn what_the_loader_refuses_for_its_form_the_schema_refuses() {
    for stage in [
        "{ run: touch x, ouputs: x }",
        "{ outputs: x }",
        "{ run: touch x, uses: prompt, outputs: x, with: { prompt: a } }",
        "{ run: touch x, with: { prompt: a } }",
        "{ uses: promt, outputs: x, with: { prompt: a } }",
        "{ uses: prompt, outputs: x }",
        "{ uses: prompt, outputs: x, with: { prompt: a, template: b } }",
        "{ uses: prompt, outputs: x, with: { prompt: a, temprature: 1 } }",
        "{ uses: prompt, outputs: x, with: { prompt: a, temperature: warm } }",
        "{ uses: prompt, outputs: x, with: { prompt: a }, env: { A: b } }",
        "{ uses: voice, outputs: x.wav }",
        "{ uses: voice, inputs: a.md, outputs: x.wav, with: { gender: divers } }",
        "{ uses: idea, outputs: i.json }",
        "{ uses: idea, outputs: i.json, with: { topic: a, narrator_gender: divers } }",
        "{ uses: idea, outputs: i.json, with: { topic: a, topik: b } }",
        "{ uses: script, inputs: a.md, outputs: s.md, with: { target_words: many } }",
        "{ run: touch x, timeout: 5 }",
        "{ run: touch x, edits: kept }",
        "{ run: touch x, always: maybe }",
        "{ run: touch x, retry: { maxx: 3 } }",
        "{ run: touch x, retry: 101 }",
        "{ run: touch x, outputs: { path: x, sore: false } }",
        "{ run: touch x, check: { wrds: 1 } }",
        "{ run: touch x, foreach: { n: { inn: [1] } } }",
        "{ run: touch x, provider: local }",
        "{ uses: ./tools/card, outputs: x, provider: local }",
        "{ uses: ./tools/card, outputs: x, shell: bash }",
        "{ uses: tools/card, outputs: x }",
        "{ run: touch x, hooks: { stage_error: { required: true } } }",
    ] {
        agree(&format!("stages: {{ s: {stage} }}"), false);
    }
    for top in [
        "stagess: {}\nstages: { s: { run: touch x } }",
        "stages: {}",
        "params: { a: { aks: A? } }\nstages: { s: { run: touch x } }",
        "pools: { gpu: 0 }\nstages: { s: { run: touch x } }",
        "defaults: { outputs: x }\nstages: { s: { run: touch x } }",
        "providers: { w: { type: locall } }\nstages: { s: { run: touch x } }",
        "providers: { w: { type: local, modell: x } }\nstages: { s: { run: touch x } }",
        "stages: { 'a b': { run: touch x } }",
        "kinds: [x]\nstages: { s: { run: touch x } }",
        "providers: { w: { type: http } }\nstages: { s: { run: touch x } }",
        "providers: { w: { type: http, base_url: 'https://a.example', modell: x } }\nstages: { s: { run: touch x } }",
        "hooks: { stage_eror: 'true' }\nstages: { s: { run: touch x } }",
        "budget: 20\nstages: { s: { run: touch x } }",
        "budget: { per: day }\nstages: { s: { run: touch x } }",
        "budget: { usd: 1, per: week }\nstages: { s: { run: touch x } }",
        "budget: { dollars: 1 }\nstages: { s: { run: touch x } }",
        "budget: { usd: '1,5' }\nstages: { s: { run: touch x } }",
        "stages: { s: { run: touch x, budget: { usd: 1 } } }",
    ] {
        agree(top, false);
    }
    for provider in [
        "{ type: openai, api_key: '${K}' }",
        "{ type: openai, model: m }",
        "{ type: anthropic, model: m, api_key: '${K}', voice: v }",
        "{ type: elevenlabs, model: m, api_key: '${K}', temperature: 1 }",
        "{ type: gemini, model: m, api_key: '${K}', organization: o }",
        "{ type: http, base_url: 'https://a.example', model: m }",
        "{ type: scripted }",
        "{ type: local, fallback: [x] }",
        "{ type: openai, model: m, api_key: '${K}', max_concurrency: 0 }",
        "{ type: openai, model: m, api_key: '${K}', rate: { requests_per_minute: 0 } }",
        "{ type: openai, model: m, api_key: '${K}', rate: { requests: 1 } }",
        "{ type: openai, model: m, api_key: '${K}', timeout: 5 }",
        "{ type: openai, model: m, api_key: '${K}', price: 0.15 }",
        "{ type: openai, model: m, api_key: '${K}', price: { input: 1 } }",
        "{ type: openai, model: m, api_key: '${K}', price: { currency: USD } }",
        "{ type: openai, model: m, api_key: '${K}', price: { input: -1, currency: USD } }",
        "{ type: openai, model: m, api_key: '${K}', price: { input: 1, currency: dollars } }",
        "{ type: elevenlabs, model: m, api_key: '${K}', price: { input: 1, currency: USD } }",
    ] {
        agree(&format!("providers: {{ w: {provider} }}\nstages: {{ s: {{ run: touch x }} }}"), false);
    }
}

/// An unknown key is refused wherever the loader refuses one: in every kind's settings too.
#[test]
fn an_unknown_setting_of_any_kind_is_refused() {
    let validator = validator();
    let schema = schema(&Registry::builtin());
    let kinds = schema["$defs"]["stage"]["properties"]["uses"]["anyOf"][0]["enum"].as_array().unwrap();
    assert!(kinds.len() > 10);
    for kind in kinds.iter().filter(|kind| kind.is_string()) {
        let stage = json!({ "uses": kind, "inputs": ["a", "b"], "outputs": "c", "with": { "no-such-setting": 1 } });
        let file = json!({ "storygen": 1, "stages": { "s": stage } });
        let told = validator.iter_errors(&file).any(|fault| fault.to_string().contains("no-such-setting"));
        assert!(told, "{kind}");
    }
}
