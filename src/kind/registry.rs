//! The kinds that exist, by name. Nobody else matches on a kind's name.

use crate::kind::align::Align;
use crate::kind::check::Check;
use crate::kind::contract::Kind;
use crate::kind::http::Http;
use crate::kind::presets;
use crate::kind::prompt::Prompt;
use crate::kind::subtitles::Subtitles;
use crate::kind::template::Template;
use crate::kind::voice::Voice;
use crate::storyfile::catalog::{Catalog, KindInfo};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The kinds of a session.
#[derive(Clone, Default)]
pub struct Registry {
    kinds: BTreeMap<String, Arc<dyn Kind>>,
}

impl Registry {
    /// Returns the kinds that storygen has.
    pub fn builtin() -> Registry {
        let mut registry = Registry::default();
        registry.register("align", Arc::new(Align));
        registry.register("check", Arc::new(Check));
        registry.register("http", Arc::new(Http));
        registry.register("prompt", Arc::new(Prompt));
        registry.register("subtitles", Arc::new(Subtitles));
        registry.register("template", Arc::new(Template));
        registry.register("voice", Arc::new(Voice));
        registry
    }

    /// Adds a kind, in the place of one of the same name.
    pub fn register(&mut self, name: &str, kind: Arc<dyn Kind>) {
        self.kinds.insert(name.to_owned(), kind);
    }

    /// Returns the kind called `name`.
    pub fn get(&self, name: &str) -> Option<&Arc<dyn Kind>> {
        self.kinds.get(name)
    }
}

impl Catalog for Registry {
    fn kind(&self, name: &str) -> Option<KindInfo> {
        self.get(name).map(|kind| *kind.info())
    }

    fn kinds(&self) -> Vec<String> {
        let mut names: Vec<String> = self.kinds.keys().cloned().collect();
        names.extend(presets::NAMES.iter().map(|name| (*name).to_owned()));
        names.sort();
        names.dedup();
        names
    }

    fn preset(&self, name: &str) -> Option<&'static str> {
        // A kind that was registered under a preset's name takes its place.
        presets::eject(name).filter(|_| !self.kinds.contains_key(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storyfile::catalog::{Setting, SettingSort};
    use crate::storyfile::load::{Given, load};

    /// Returns what the loader says of one stage.
    fn said(stage: &str) -> Vec<String> {
        let none = |_: &str| None;
        let story = format!("storygen: 1\nstages:\n  s: {stage}\n");
        let (_, faults) = load(&story, &Registry::builtin(), &Given::alone("Storyfile.yaml", &none));
        faults.into_iter().map(|fault| fault.message).collect()
    }

    #[test]
    fn a_storyfile_with_every_kind_loads() {
        for stage in [
            "{ uses: voice, inputs: a.md, outputs: { audio: a.wav, words: w.json }, with: { speed: 1.1, gap: 0.4, loudness: { lufs: -16 } } }",
            "{ uses: voice, inputs: a.md, outputs: [a.wav, w.json], with: { pronunciation: say.json } }",
            "{ uses: subtitles, inputs: w.json, outputs: [a.srt, a.vtt], with: { preset: shorts, max_chars: 30 } }",
            "{ uses: subtitles, inputs: w.json, outputs: { a: a.ass, t: a.ttml }, with: { preset: bbc, highlight: word, style: { size: 6 } } }",
            "{ uses: check, inputs: { a: a.md, b: b.md }, with: { preserves: a, words: { max: 9 }, forbid: [x, y] } }",
            "{ uses: prompt, outputs: a.md, with: { prompt: Hi, samples: 3, choose: rules, stop: END } }",
            "{ uses: prompt, outputs: a.json, with: { template: p.j2, schema: s.json, choose: { rules: { words: 9 } } } }",
            "{ uses: align, inputs: { audio: a.wav, text: a.md }, outputs: w.json, with: { method: dtw } }",
            "{ uses: template, inputs: a.md, outputs: b.md, with: { template: t.j2 } }",
            "{ uses: template, outputs: b.md, with: { jinja: \"{{ params }}\" } }",
            "{ uses: title, inputs: a.md, outputs: t.txt, with: { tone: dark, seed: 3 } }",
        ] {
            assert_eq!(said(stage), Vec::<String>::new(), "{stage}");
        }
    }

    #[test]
    fn what_a_kind_does_not_take_is_told_when_the_file_is_loaded() {
        let fault = |stage: &str| said(stage).join("; ");
        assert!(fault("{ uses: voice, inputs: a.md, outputs: a.wav, with: { sped: 1 } }").contains("`sped`"));
        assert!(fault("{ uses: voice, inputs: a.md, outputs: a.wav, with: { speed: fast } }").contains("`speed`"));
        assert!(fault("{ uses: prompt, outputs: a.md, with: { prompt: a, template: b } }").contains("exactly one of"));
        assert!(fault("{ uses: script, inputs: a.md, outputs: s.md, with: { topik: x } }").contains("`topik`"));
        assert!(fault("{ uses: align, inputs: a.wav, outputs: w.json }").contains("exactly 2 inputs"));
        assert!(fault("{ uses: align, inputs: [a.wav, a.md], outputs: w.srt }").contains("cannot write `.srt`"));
        assert!(fault("{ uses: template, outputs: b.md }").contains("exactly one of"));
        assert!(fault("{ uses: idea, outputs: i.json }").contains("`topic` is missing"));
        assert!(!fault("{ uses: voice, outputs: a.wav }").is_empty());
        assert!(fault("{ uses: voice, inputs: a.md, outputs: a.wav, with: { gender: divers } }").contains("`divers`"));
    }

    #[test]
    fn what_a_preset_reads_and_takes_is_checked_when_the_file_is_loaded() {
        for preset in ["script", "revision", "enhancement", "title"] {
            let expected = format!("`{preset}` reads at least 1 input, and this stage has 0");
            assert_eq!(said(&format!("{{ uses: {preset}, outputs: o.txt }}")), [expected]);
        }
        let idea = |fields: &str| said(&format!("{{ uses: idea, outputs: i.json, with: {{ {fields} }} }}")).join("; ");
        assert_eq!(idea("topic: \" \""), "the setting `topic` is empty");
        assert!(idea("topic: a, narrator_gender: divers").contains("`divers`"));
        assert!(idea("topic: a, tone: 5").contains("`tone`"));
        assert!(idea("topic: a, tone: [sad, [b]]").contains("`tone`"));
        assert_eq!(idea("topic: 1984"), "");
        assert!(idea("topic: { a: b }").contains("`topic`"));
        assert_eq!(idea("topic: a, tone: [sad, odd], narrator_gender: \"\""), "");
        let script = |words: &str| {
            said(&format!("{{ uses: script, inputs: a.md, outputs: s.md, with: {{ target_words: {words} }} }}"))
                .join("; ")
        };
        assert!(script("many").contains("`target_words`") && script("0").contains("`target_words`"));
        assert_eq!((script("90"), script("\"90\"")), (String::new(), String::new()));
    }

    #[test]
    fn what_subtitles_cannot_be_is_told_when_the_file_is_loaded() {
        let fault = |stage: &str| said(stage).join("; ");
        assert!(fault("{ uses: subtitles, inputs: w.json, outputs: a.sub }").contains("cannot write `.sub` files"));
        assert!(
            fault("{ uses: subtitles, inputs: w.json, outputs: a.ass, with: { highlight: line } }").contains("`line`")
        );
        assert!(
            fault("{ uses: subtitles, inputs: w.json, outputs: a.ass, with: { style: bold } }").contains("`style`")
        );
    }

    #[test]
    fn kinds_and_presets_are_found_by_name() {
        let registry = Registry::builtin();
        let names = [
            "align",
            "check",
            "enhancement",
            "http",
            "idea",
            "prompt",
            "revision",
            "script",
            "subtitles",
            "template",
            "title",
            "voice",
        ];
        assert_eq!(registry.kinds(), names);
        assert!(registry.get("voice").is_some() && registry.get("idea").is_none());
        assert!(registry.preset("idea").is_some() && registry.preset("voice").is_none());
        assert!(Catalog::kind(&registry, "nothing").is_none());
    }

    #[test]
    fn a_registered_kind_takes_a_presets_place() {
        let mut registry = Registry::builtin();
        registry.register("title", Arc::new(Check));
        assert!(registry.preset("title").is_none());
        assert_eq!(registry.kinds().len(), 12);
    }

    #[test]
    fn settings_have_names_of_their_own_and_groups_are_settings() {
        let registry = Registry::builtin();
        for (name, kind) in &registry.kinds {
            let info = kind.info();
            let mut names: Vec<&str> = info.settings.iter().map(|setting| setting.name).collect();
            assert!(info.one_of.iter().all(|group| group.iter().all(|one| names.contains(one))), "{name}");
            let count = names.len();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), count, "{name}");
            let is_file = |setting: &&Setting| setting.sort == SettingSort::File && !setting.name.contains('.');
            let files = info.settings.iter().filter(is_file);
            assert!(files.count() <= 1, "{name}");
        }
    }
}
