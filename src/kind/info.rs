//! What the stages of each kind may declare: their settings, inputs and outputs.

use crate::storyfile::catalog::{InputRule, KindInfo, Need, OutputRule, Setting, SettingSort};

/// The kind `prompt`, and all presets.
pub static PROMPT: KindInfo = KindInfo {
    settings: &[
        of("template", SettingSort::File),
        of("prompt", SettingSort::Text),
        of("jinja", SettingSort::Template),
        of("system", SettingSort::Text),
        of("schema", SettingSort::MapOrFile),
        of("repair", SettingSort::Integer),
        of("temperature", SettingSort::Number),
        of("max_tokens", SettingSort::Integer),
        of("seed", SettingSort::Integer),
        of("stop", SettingSort::TextOrList),
        of("samples", SettingSort::Integer),
        of("choose", SettingSort::Any),
        of("choose.rubric", SettingSort::File),
        of("edit", SettingSort::Choice(&["tags", "speech"])),
        of("format", SettingSort::Choice(&["text", "line", "json"])),
        of("split", SettingSort::Choice(&["heading"])),
        of("extra", SettingSort::Any),
    ],
    one_of: &[&["template", "prompt", "jinja"]],
    inputs: InputRule::ANY,
    outputs: OutputRule { min: 1, max: Some(1), slots: &[], extensions: &[] },
    capability: Some("text"),
};

/// The kind `voice`. Extensions are its own to refuse: it says which are yet to come.
pub static VOICE: KindInfo = KindInfo {
    settings: &[
        of("voice", SettingSort::Text),
        of("language", SettingSort::Text),
        of("gender", SettingSort::Choice(&["female", "male", "any"])),
        of("speed", SettingSort::Number),
        of("seed", SettingSort::Integer),
        of("pronunciation", SettingSort::MapOrFile),
        of("gap", SettingSort::Any),
        of("loudness", SettingSort::Map),
        of("settings", SettingSort::Map),
        of("speakers", SettingSort::Any),
    ],
    one_of: &[],
    inputs: InputRule { min: 1, max: Some(1) },
    outputs: OutputRule { min: 1, max: Some(2), slots: &["audio", "words"], extensions: &[] },
    capability: Some("voice"),
};

/// The kind `align`. It asks no provider that a Storyfile could name: the built-in voice reads, or nobody does.
pub static ALIGN: KindInfo = KindInfo {
    settings: &[of("method", SettingSort::Choice(&["auto", "dtw", "estimate"])), of("language", SettingSort::Text)],
    one_of: &[],
    inputs: InputRule { min: 2, max: Some(2) },
    outputs: OutputRule { min: 1, max: Some(1), slots: &[], extensions: &["json"] },
    capability: None,
};

/// The kind `subtitles`.
pub static SUBTITLES: KindInfo = KindInfo {
    settings: &[
        of("preset", SettingSort::Text),
        of("max_chars", SettingSort::Integer),
        of("max_lines", SettingSort::Integer),
        of("max_words", SettingSort::Integer),
        of("cps", SettingSort::Number),
        of("gap", SettingSort::Number),
        of("highlight", SettingSort::Choice(&["none", "word"])),
        of("style", SettingSort::Map),
    ],
    one_of: &[],
    inputs: InputRule { min: 1, max: Some(1) },
    outputs: OutputRule { min: 1, max: None, slots: &[], extensions: &["srt", "vtt", "ass", "ttml"] },
    capability: None,
};

/// The kind `check`, and the rules under any stage's `check:`.
pub static CHECK: KindInfo = KindInfo {
    settings: &[
        of("words", SettingSort::Map),
        of("reading_time", SettingSort::Map),
        of("banned", SettingSort::ListOrFile),
        of("require", SettingSort::TextOrList),
        of("forbid", SettingSort::TextOrList),
        of("preserves", SettingSort::Text),
        of("tags", SettingSort::Any),
        of("schema", SettingSort::MapOrFile),
        of("audio", SettingSort::Map),
        of("subtitles", SettingSort::Any),
        of("blocking", SettingSort::Bool),
    ],
    one_of: &[],
    inputs: InputRule { min: 1, max: None },
    outputs: OutputRule { min: 0, max: Some(0), slots: &[], extensions: &[] },
    capability: None,
};

/// The kind `http`. A stage without outputs calls for what the call does.
pub static HTTP: KindInfo = KindInfo {
    settings: &[
        of("method", SettingSort::Choice(&["GET", "POST", "PUT", "PATCH", "DELETE"])),
        Setting { name: "url", sort: SettingSort::Text, required: Need::Required },
        of("headers", SettingSort::Map),
        of("json", SettingSort::Any),
        of("extract", SettingSort::Map),
    ],
    one_of: &[],
    inputs: InputRule::ANY,
    outputs: OutputRule { min: 0, max: Some(1), slots: &[], extensions: &[] },
    capability: Some("http"),
};

/// The kind `template`.
pub static TEMPLATE: KindInfo = KindInfo {
    settings: &[of("template", SettingSort::File), of("jinja", SettingSort::Template)],
    one_of: &[&["template", "jinja"]],
    inputs: InputRule::ANY,
    outputs: OutputRule { min: 1, max: Some(1), slots: &[], extensions: &[] },
    capability: None,
};

const fn of(name: &'static str, sort: SettingSort) -> Setting {
    Setting { name, sort, required: Need::Optional }
}
