//! What providers, prices and budgets of a Storyfile come to: read like a manual.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;
use storygen::base::diagnostic::{Diagnostic, Severity};
use storygen::base::money::{Budget, Currency, Money, Period, Price, Tariff};
use storygen::base::path::RepoPath;
use storygen::base::sources::Sources;
use storygen::base::span::Span;
use storygen::kind::registry::Registry;
use storygen::report::diagnostic::{Color, render};
use storygen::storyfile::export::resolve;
use storygen::storyfile::load::{Given, load};
use storygen::storyfile::service::{Limits, Provider, SecretPiece, SecretText, Service, ServiceApi};
use storygen::storyfile::story::{Action, Selector, Story, Work};
use storygen::storyfile::with::With;

fn env(name: &str) -> Option<String> {
    (name == "ELEVENLABS_VOICE_ID").then(|| "rachel".to_owned())
}

fn outcome(text: &str, profiles: &[&str]) -> (Option<Story>, Vec<Diagnostic>) {
    let profiles = profiles.iter().map(|name| (*name).to_owned()).collect();
    load(
        &format!("storygen: 1\n{text}"),
        &Registry::builtin(),
        &Given { profiles, ..Given::alone("Storyfile.yaml", &env) },
    )
}

fn story_in(text: &str, profiles: &[&str]) -> Story {
    let (story, faults) = outcome(text, profiles);
    let shown = render(&faults, &Sources::new("S", &format!("storygen: 1\n{text}")), Color::Never);
    story.unwrap_or_else(|| panic!("{shown}"))
}

fn story(text: &str) -> Story {
    story_in(text, &[])
}

fn codes(text: &str) -> Vec<&'static str> {
    let (_, faults) = outcome(text, &[]);
    faults.into_iter().filter(|fault| fault.severity == Severity::Error).map(|fault| fault.code).collect()
}

/// A provider among others, in a Storyfile with a stage of no interest.
fn provider(text: &str) -> Provider {
    let story = story(&format!("providers:\n  one: {text}\nstages: {{ a: {{ run: touch x }} }}"));
    story.providers["one"].clone()
}

fn service(text: &str) -> Service {
    match provider(text) {
        Provider::Service(service) => *service,
        other => panic!("no service: {other:?}"),
    }
}

fn action<'s>(story: &'s Story, id: &str) -> &'s Action {
    story.actions.iter().find(|action| action.id.as_str() == id).unwrap_or_else(|| panic!("no {id}"))
}

fn with(action: &Action) -> &With {
    match &action.work {
        Work::Kind { with, .. } => with,
        other => panic!("no kind: {other:?}"),
    }
}

/// Who works for a stage, and for what.
fn chosen(action: &Action) -> Vec<(&str, &str)> {
    match &action.work {
        Work::Kind { providers, .. } => {
            providers.iter().map(|(ability, name)| (ability.as_str(), name.as_str())).collect()
        }
        other => panic!("no kind: {other:?}"),
    }
}

fn money(text: &str) -> Money {
    Money::parse(text).unwrap()
}

fn usd() -> Currency {
    Currency::parse("USD").unwrap()
}

fn variable(name: &str) -> SecretText {
    SecretText { pieces: vec![SecretPiece::Variable(name.into())] }
}

#[test]
fn a_vendor_needs_its_model_and_a_key() {
    for (text, api, url) in [
        ("{ type: openai, model: m, api_key: \"${K}\" }", ServiceApi::OpenAi, "https://api.openai.com/v1/x"),
        ("{ type: anthropic, model: m, api_key: \"${K}\" }", ServiceApi::Anthropic, "https://api.anthropic.com/x"),
        (
            "{ type: gemini, model: m, api_key: \"${K}\" }",
            ServiceApi::Gemini,
            "https://generativelanguage.googleapis.com/x",
        ),
        ("{ type: elevenlabs, model: m, api_key: \"${K}\" }", ServiceApi::ElevenLabs, "https://api.elevenlabs.io/x"),
    ] {
        let service = service(text);
        assert_eq!((service.api, service.base.join("x").as_str()), (api, url));
        assert_eq!((service.model.as_deref(), service.api_key), (Some("m"), Some(variable("K"))));
    }
}

#[test]
fn a_compatible_server_needs_no_key() {
    let service = service("{ type: openai, model: llama3.2, base_url: \"http://127.0.0.1:11434/v1\" }");
    assert_eq!((service.base.vendor(), service.api_key), ("loopback", None));
}

#[test]
fn every_key_of_a_service_is_read() {
    let service = service(
        "{ type: openai, model: m, api_key: \"${K}\", headers: { X-Team: us }, organization: org-1, project: \"${P}\", \
         max_concurrency: 8, rate: { requests_per_minute: 500, tokens_per_minute: 200000 }, timeout: 90s, identity: mine, \
         fallback: [local, local-voice], budget: { usd: 5, per: month }, price: { input: 0.15, cached_input: 0.075, \
         output: 0.60, currency: usd, as_of: 2026-11-01 } }",
    );
    let names: Vec<&str> = service.headers.keys().map(String::as_str).collect();
    assert_eq!(names, ["openai-organization", "openai-project", "x-team"]);
    assert_eq!(service.headers["openai-project"], variable("P"));
    let limits = Limits { max_concurrency: Some(8), requests_per_minute: Some(500), tokens_per_minute: Some(200_000) };
    assert_eq!((service.limits, service.timeout), (limits, Some(Duration::from_secs(90))));
    assert_eq!(
        (service.identity.as_deref(), service.fallback),
        (Some("mine"), vec!["local".to_owned(), "local-voice".into()])
    );
    assert_eq!(service.budget, Some(Budget { amount: money("5"), currency: usd(), period: Period::Month }));
    let tariff = Tariff {
        input: Some(money("0.15")),
        cached_input: Some(money("0.075")),
        output: Some(money("0.60")),
        characters: None,
        minute: None,
        call: None,
        per: 1_000_000,
        currency: usd(),
        as_of: Some("2026-11-01".into()),
    };
    assert_eq!(service.price, Some(Price::Tariff(tariff)));
}

#[test]
fn prices_are_exact_and_an_empty_key_is_no_key() {
    let tariff =
        |text: &str| match service(&format!("{{ type: elevenlabs, model: m, api_key: \"${{K}}\", price: {text} }}"))
            .price
        {
            Some(Price::Tariff(tariff)) => tariff,
            other => panic!("no tariff: {other:?}"),
        };
    assert_eq!(tariff("{ characters: 0.10, currency: EUR }").characters, Some(money("0.1")));
    assert_eq!(tariff("{ characters: 0.000000001, per: 1, currency: USD }").per, 1);
    assert_eq!(tariff("{ characters: \"18\", minute: ~, currency: USD }").minute, None);
    let free = service("{ type: http, base_url: \"https://a.example\", price: free, budget: ~, fallback: ~, rate: ~ }");
    assert_eq!((free.price, free.budget, free.fallback.len()), (Some(Price::Free), None, 0));
    let paid = service("{ type: http, base_url: \"https://a.example\", price: { call: 0.04, currency: USD } }");
    assert!(matches!(paid.price, Some(Price::Tariff(Tariff { call: Some(_), .. }))));
}

#[test]
fn what_shapes_answers_is_kept_as_it_is_written() {
    let text = service(
        "{ type: gemini, model: m, api_key: \"${K}\", temperature: 0.7, stop: [a], system: \"${params.s}\", extra: { k: 1 }, seed: ~ }",
    );
    assert_eq!(
        Value::Object(text.with),
        json!({ "temperature": 0.7, "stop": ["a"], "system": "${params.s}", "extra": { "k": 1 } })
    );
    let voice = service(
        "{ type: elevenlabs, model: m, api_key: \"${K}\", voice: \"${ELEVENLABS_VOICE_ID}\", speed: 1.1, settings: { style: 0 }, language: en }",
    );
    assert_eq!(voice.with["voice"], "${ELEVENLABS_VOICE_ID}");
    assert_eq!(voice.with.len(), 4);
}

#[test]
fn answers_may_stand_in_the_repo() {
    let Provider::Scripted(scripted) =
        provider("{ type: scripted, model: x, answers: ./answers/, price: { call: 1, currency: USD } }")
    else {
        panic!("no script")
    };
    assert_eq!(
        (&scripted.answers, scripted.model.as_deref()),
        (&Selector::Tree(RepoPath::parse("answers").unwrap()), Some("x"))
    );
    let text = "providers: { s: { type: scripted, answers: a } }\ndefaults: { provider: s }\nbudget: { usd: 1 }\nstages:\n  \
                a: { uses: prompt, outputs: a.md, with: { prompt: Hi } }\n  b: { uses: voice, inputs: a.md, outputs: b.wav }";
    assert_eq!(codes(text), [""; 0]);
}

#[test]
fn budgets_stand_over_the_file_a_provider_and_a_stage() {
    let story = story(
        "budget: { usd: 20 }\ndefaults: { budget: { usd: 2, per: day } }\nstages:\n  \
         a: { uses: prompt, outputs: a.md, with: { prompt: Hi } }\n  \
         b: { uses: prompt, outputs: b.md, with: { prompt: Hi }, budget: { USD: 0.5, per: project } }\n  \
         c: { uses: prompt, outputs: c.md, with: { prompt: Hi }, budget: ~ }\n",
    );
    let budget = |amount: &str, period| Some(Budget { amount: money(amount), currency: usd(), period });
    assert_eq!(story.budget, budget("20", Period::Run));
    assert_eq!(action(&story, "a").budget, budget("2", Period::Day));
    assert_eq!(action(&story, "b").budget, budget("0.5", Period::Project));
    assert_eq!(action(&story, "c").budget, None);
}

#[test]
fn a_budget_asks_only_those_who_may_be_paid_for_a_price() {
    let file = |writer: &str, stage: &str| {
        format!(
            "budget: {{ usd: 20 }}\nproviders:\n  w: {{ type: openai, model: m, api_key: \"${{K}}\"{writer} }}\n  \
             ear: {{ type: elevenlabs, model: m, api_key: \"${{K}}\" }}\nstages:\n  {stage}\n"
        )
    };
    let price = ", price: { input: 1, output: 2, currency: USD }";
    let prompt = "a: { uses: prompt, provider: w, outputs: a.md, with: { prompt: Hi } }";
    assert_eq!(codes(&file("", prompt)), ["S165"]);
    assert_eq!(codes(&file(", price: free", prompt)), [""; 0]);
    assert_eq!(codes(&file(price, prompt)), [""; 0]);
    // Of its fallbacks, those that can do this.
    assert_eq!(codes(&file(&format!("{price}, fallback: [local, ear]"), prompt)), [""; 0]);
    assert_eq!(codes(&file("", "a: { uses: prompt, outputs: a.md, with: { prompt: Hi } }")), [""; 0]);
    assert_eq!(codes(&file("", "a: { uses: voice, inputs: x.md, provider: ear, outputs: a.wav }")), ["S165"]);
    assert_eq!(codes(&file("", "a: { run: touch x }")), [""; 0]);
}

#[test]
fn a_fallback_may_have_one_of_its_own() {
    let text = "providers:\n  a: { type: openai, model: m, api_key: \"${K}\", fallback: [b, local] }\n  \
                b: { type: gemini, model: m, api_key: \"${K}\", fallback: local }\nstages: { s: { run: touch x } }";
    assert_eq!(codes(text), [""; 0]);
}

#[test]
fn what_shapes_answers_is_a_default_for_the_stages_that_the_provider_works_for() {
    let story = story(
        "params: { mood: dark }\nproviders:\n  \
         w: { type: openai, model: m, api_key: \"${K}\", temperature: 0.7, max_tokens: 90, system: \"Be ${params.mood}\", \
              extra: { top_p: 0.5, user: me, deep: { a: 1, b: 2 } }, stop: [x] }\nstages:\n  \
         a: { uses: prompt, provider: w, outputs: a.md, with: { prompt: Hi } }\n  \
         b: { uses: prompt, provider: w, outputs: b.md, with: { prompt: Hi, temperature: 0.2, max_tokens: ~, stop: [y], extra: { user: ~, deep: { b: 3 }, n: ~ } } }\n  \
         c: { uses: prompt, outputs: c.md, with: { prompt: Hi } }\n",
    );
    let value = |id: &str, name: &str| with(action(&story, id)).constant(name).cloned();
    assert_eq!(value("a", "temperature"), Some(json!(0.7)));
    assert_eq!(value("a", "system"), Some(json!("Be dark")));
    assert_eq!(value("a", "extra"), Some(json!({ "top_p": 0.5, "user": "me", "deep": { "a": 1, "b": 2 } })));
    assert_eq!(
        (value("b", "temperature"), value("b", "max_tokens"), value("b", "stop")),
        (Some(json!(0.2)), None, Some(json!(["y"])))
    );
    assert_eq!(value("b", "extra"), Some(json!({ "top_p": 0.5, "deep": { "a": 1, "b": 3 }, "n": null })));
    assert_eq!(value("c", "temperature"), None);
    let recipe = with(action(&story, "a")).recipe_fields();
    assert!(recipe.contains(&("max_tokens".to_owned(), "90".to_owned())), "{recipe:?}");
}

#[test]
fn a_voice_may_come_from_the_environment_but_no_secret() {
    let file = |voice: &str| {
        format!(
            "providers: {{ n: {{ type: elevenlabs, model: m, api_key: \"${{XI}}\", voice: \"{voice}\", settings: {{ style: 0.3 }} }} }}\n\
             defaults: {{ provider: {{ voice: n }} }}\nstages:\n  a: {{ uses: voice, inputs: a.md, outputs: a.wav }}"
        )
    };
    let story = story(&file("${ELEVENLABS_VOICE_ID}"));
    assert_eq!(with(action(&story, "a")).constant("voice"), Some(&json!("rachel")));
    assert_eq!(with(action(&story, "a")).constant("settings.style"), Some(&json!(0.3)));
    assert!(story.env_used.contains("ELEVENLABS_VOICE_ID"));
    assert_eq!(codes(&file("${XI}")), ["S056"]);
    assert_eq!(codes(&file("${VOICE_TOKEN}")), ["S056"]);
    assert_eq!(codes(&file("${NOBODY_SET_IT}")), ["S055"]);
}

#[test]
fn a_kind_gets_only_what_it_takes() {
    let story = story(
        "providers: { o: { type: openai, model: m, api_key: \"${K}\", temperature: 1, voice: alloy, seed: 4 } }\n\
         defaults: { provider: o }\nstages:\n  \
         a: { uses: prompt, outputs: a.md, with: { prompt: Hi } }\n  b: { uses: voice, inputs: a.md, outputs: b.wav }\n",
    );
    let names = |id: &str| with(action(&story, id)).names().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(names("a"), ["prompt", "temperature", "seed"]);
    assert_eq!(names("b"), ["voice", "seed"]);
}

/// A preset is a stage that is written already: what it says itself stands over what its provider says.
#[test]
fn presets_and_fan_outs_have_the_defaults_too() {
    let story = story(
        "providers: { w: { type: gemini, model: m, api_key: \"${K}\", temperature: 0.4, system: \"In ${lang}\" } }\n\
         defaults: { provider: w }\nstages:\n  \
         idea: { uses: idea, foreach: { lang: [en, es] }, outputs: \"${lang}.json\", with: { topic: Bus } }\n  \
         free: { uses: idea, foreach: { lang: [en] }, outputs: \"free/${lang}.json\", with: { topic: Bus, temperature: ~ } }\n",
    );
    let value = |id: &str, name: &str| with(action(&story, id)).constant(name).cloned();
    assert_eq!((value("idea:es", "system"), value("idea:es", "temperature")), (Some(json!("In es")), Some(json!(0.7))));
    assert_eq!(value("free:en", "temperature"), None);
}

#[test]
fn one_default_name_is_for_all_that_it_can_do() {
    let file = |provider: &str| {
        story(&format!(
            "providers:\n  o: {{ type: openai, model: m, api_key: \"${{K}}\" }}\n  n: {{ type: elevenlabs, model: m, api_key: \"${{K}}\" }}\n\
             defaults: {{ provider: {provider} }}\nstages:\n  a: {{ uses: prompt, outputs: a.md, with: {{ prompt: Hi }} }}\n  \
             b: {{ uses: voice, inputs: a.md, outputs: b.wav }}\n  c: {{ uses: voice, inputs: a.md, outputs: c.wav, provider: ~ }}\n"
        ))
    };
    let both = file("o");
    assert_eq!((chosen(action(&both, "a")), chosen(action(&both, "b"))), (vec![("text", "o")], vec![("voice", "o")]));
    assert_eq!(chosen(action(&both, "c")), [("voice", "local-voice")]);
    let text = file("{ text: o }");
    assert_eq!(chosen(action(&text, "b")), [("voice", "local-voice")]);
    let voice = file("n");
    assert_eq!(
        (chosen(action(&voice, "a")), chosen(action(&voice, "b"))),
        (vec![("text", "local")], vec![("voice", "n")])
    );
}

#[test]
fn a_profile_changes_providers_and_takes_them_away() {
    let text = "providers:\n  w: { type: openai, model: big, api_key: \"${K}\", temperature: 0.7, price: { input: 1, output: 1, currency: USD } }\n  \
                n: { type: elevenlabs, model: m, api_key: \"${K}\", voice: \"${UNSET}\" }\nbudget: { usd: 5 }\n\
                defaults: { provider: { text: w } }\nstages:\n  a: { uses: prompt, outputs: a.md, with: { prompt: Hi } }\n\
                profiles:\n  house: { providers: { w: { base_url: \"http://localhost:8000/v1\", model: small, api_key: ~, price: free, temperature: ~ } } }\n  \
                offline: { providers: { w: ~, n: ~ }, defaults: { provider: ~ }, budget: ~ }\n  \
                poor: { budget: { usd: 1, per: day } }\n";
    let of = |story: &Story| match &story.providers["w"] {
        Provider::Service(service) => Service::clone(service),
        other => panic!("no service: {other:?}"),
    };
    let house = story_in(text, &["house"]);
    assert_eq!(
        (of(&house).model.as_deref(), of(&house).api_key, of(&house).price),
        (Some("small"), None, Some(Price::Free))
    );
    assert_eq!(with(action(&house, "a")).constant("temperature"), None);
    let offline = story_in(text, &["offline"]);
    assert_eq!(
        (offline.providers.len(), chosen(action(&offline, "a")), offline.budget),
        (2, vec![("text", "local")], None)
    );
    let poor = story_in(text, &["poor"]);
    assert_eq!(poor.budget, Some(Budget { amount: money("1"), currency: usd(), period: Period::Day }));
}

/// Returns the providers without where they stand.
fn placeless(story: &Story) -> BTreeMap<String, Provider> {
    let mut providers = story.providers.clone();
    for provider in providers.values_mut() {
        if let Provider::Service(service) = provider {
            service.place = Span::default();
        }
    }
    providers
}

#[test]
fn an_export_has_the_same_providers_and_budgets() {
    let text = "storygen: 1\nbudget: { usd: 0.50, per: day }\nproviders:\n  w: { type: openai, model: m, api_key: \"${K}\", \
                headers: { X-A: \"${B}\" }, organization: o, temperature: 0.70, stop: [\"no\"], extra: { top_p: 0.5 }, \
                rate: { requests_per_minute: 5 }, timeout: 90s, fallback: [local], budget: { eur: 5 }, \
                price: { input: .15, output: 0.60, currency: EUR, as_of: 2026-11-01 } }\n  \
                s: { type: scripted, answers: a/, price: free }\ndefaults: { provider: { text: s } }\nstages:\n  \
                a: { uses: prompt, outputs: a.md, with: { prompt: Hi }, budget: { usd: 1.0 } }\n";
    let given = Given::alone("Storyfile.yaml", &env);
    let read = |text: &str| load(text, &Registry::builtin(), &given).0.unwrap_or_else(|| panic!("{text}"));
    let story = read(text);
    let resolved = resolve(text, &given).unwrap();
    for exported in [resolved.yaml(), resolved.json()] {
        let again = read(&exported);
        assert_eq!((placeless(&again), again.budget), (placeless(&story), story.budget), "{exported}");
        assert_eq!(action(&again, "a").budget, action(&story, "a").budget);
    }
}

#[test]
fn the_storyfiles_of_the_manual_are_right() {
    let page = include_str!("../docs/storyfile.md");
    let section = page.split("\n## Providers\n").nth(1).and_then(|rest| rest.split("\n## ").next()).unwrap();
    let blocks: Vec<&str> =
        section.split("```yaml\nstorygen: 1\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert!(blocks.len() > 3);
    for block in blocks {
        story(block);
    }
}
