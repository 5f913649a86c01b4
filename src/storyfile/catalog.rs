//! What a Storyfile may say in `uses:` and `with:`. The kinds are elsewhere; they answer through [`Catalog`].

/// The kinds and presets that exist.
pub trait Catalog {
    /// Returns what a kind takes; `None` if there is none of this name.
    fn kind(&self, name: &str) -> Option<KindInfo>;

    /// Returns all names that `uses:` may have, presets included.
    fn kinds(&self) -> Vec<String>;

    /// Returns a preset: Storyfile text with `uses`, `with` and `takes`.
    ///
    /// `takes` is a map from each field of the preset to its default; nothing after the `:` means that the field has
    /// none, and `required: [name, …]` lists those that the stage must give and not leave empty. `sorts` tells what a
    /// field's value is: a list of choices, `words`, `words or list`, `whole`; `reads: n` asks for that many inputs at
    /// least. The preset's own `with:` sees the fields
    /// as `${with.NAME}`, and so do templates as `with.NAME`. What the stage gives beyond `takes` goes to the kind.
    fn preset(&self, name: &str) -> Option<&'static str>;
}

/// What the stages of one kind may declare.
#[derive(Clone, Copy, Debug)]
pub struct KindInfo {
    pub settings: &'static [Setting],
    /// Of each group exactly one setting must be given: `template` or `prompt`.
    pub one_of: &'static [&'static [&'static str]],
    pub inputs: InputRule,
    pub outputs: OutputRule,
    /// What a provider must be able to do for it: `text`, `voice`; `None` for kinds that need no provider.
    pub capability: Option<&'static str>,
    /// What a provider may do for it, if the stage itself names one: `transcription`.
    pub helper: Option<&'static str>,
}

/// One key of `with:`.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// A dotted name means a value inside a map: `choose.rubric`.
    pub name: &'static str,
    pub sort: SettingSort,
    pub required: Need,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    Required,
    Optional,
}

/// What a setting's value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettingSort {
    /// Keeps its spelling: `0.50`.
    Text,
    Number,
    Integer,
    Bool,
    List,
    Map,
    /// Text, or a list of texts.
    TextOrList,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A path in the repo; the file is an input with the role `with.NAME`.
    File,
    /// A map, or the path of a file that holds one.
    MapOrFile,
    /// A list, or the path of a file that holds one.
    ListOrFile,
    /// Jinja text, rendered by the kind: `${…}` in it is not ours.
    Template,
    Any,
}

/// How many inputs a kind reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InputRule {
    pub min: usize,
    /// `None` for any number.
    pub max: Option<usize>,
}

/// What a kind writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutputRule {
    pub min: usize,
    /// `None` for any number.
    pub max: Option<usize>,
    /// Names that outputs may have; empty for any.
    pub slots: &'static [&'static str],
    /// Extensions without their dot; empty for any.
    pub extensions: &'static [&'static str],
}

impl InputRule {
    /// Any number of inputs, none included.
    pub const ANY: InputRule = InputRule { min: 0, max: None };
}

impl OutputRule {
    /// Any outputs, none included.
    pub const ANY: OutputRule = OutputRule { min: 0, max: None, slots: &[], extensions: &[] };
}
