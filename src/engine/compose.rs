//! Composes an action's recipe from its settings and the digests of what it reads (R9).

use crate::base::digest::Digest;
use crate::base::failure::{Cause, Failure};
use crate::base::part;
use crate::base::recipe::{Field, Recipe};
use crate::data::part::Content;
use crate::engine::workflow::{Bound, Node, Plurality, What};
use crate::kind::contract::{Kind, Work as KindWork};
use crate::kind::program::description::Description;
use crate::kind::registry::Registry;
use crate::provider::Providers;
use crate::storyfile::scope::{Plurality as ScopePlurality, Scope, ScopeFile, ScopePart, is_named_by_user};
use crate::storyfile::story::{Action, Output, OutputSort, Story, Work};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::Arc;

/// Behaviour version of `run:` stages.
const RUN_VERSION: u32 = 1;

/// Who can do the work of an action.
#[derive(Clone, Copy)]
pub struct Workers<'a> {
    pub registry: &'a Registry,
    pub providers: &'a Providers,
    /// What the action's program says of itself, if a program does the work.
    pub program: Option<&'a Description>,
}

/// Reads a file of the repo, or a part of one, for an expression that looks into it; a folder has no content of its own.
pub type Read<'a> = &'a mut dyn FnMut(&ScopeFile) -> Result<Option<Seen>, Failure>;

/// A file's content as expressions see it.
#[derive(Clone)]
pub struct Seen {
    pub bytes: Arc<[u8]>,
    /// The content as data, for JSON and YAML.
    pub parsed: Option<Value>,
}

impl Seen {
    /// A file that is not what its name says is still text; a template that looks into it says what is missing.
    pub fn file(path: &str, bytes: Arc<[u8]>) -> Seen {
        let extension = path.rsplit('/').next().and_then(|name| name.rsplit_once('.')).map_or("", |(_, ext)| ext);
        let parsed = crate::data::parse::parse(extension, &bytes).and_then(Result::ok);
        Seen { bytes, parsed }
    }

    pub fn part(content: Content) -> Seen {
        Seen { bytes: content.text.into_bytes().into(), parsed: content.parsed }
    }
}

/// An input's content: its digest, or nothing if an optional input is not there.
pub type InputDigest = Option<Digest>;

/// Composes the recipe of `node`, whose inputs have these digests, in order, and whose templates read these names.
pub fn recipe(
    story: &Story,
    node: &Node,
    digests: &[InputDigest],
    templates: &BTreeSet<String>,
    workers: Workers<'_>,
    read: Read<'_>,
) -> Result<Recipe, Failure> {
    let action = &node.action;
    let mut recipe = Recipe::default();
    match &action.work {
        Work::Run(command) => {
            recipe.text(Field::Kind, &format!("run {RUN_VERSION}"));
            let present = present(node, digests);
            let mut scope = scope(story, action, &present, &Places::DECLARED);
            if command.reads_content() {
                fill(&mut scope, read)?;
            }
            recipe.text(Field::Command, &command.key_text(&scope)?);
            if let Some(shell) = &command.shell {
                recipe.text(Field::Shell, &shell.join(" "));
            }
            env_fields(action, &mut recipe);
        }
        Work::Program(call) => {
            let said = workers.program.ok_or_else(|| {
                Failure::new(Cause::Setup, format!("the program `{}` has not said what it takes", call.path))
            })?;
            recipe.text(Field::Kind, &format!("program {}, protocol {}", said.version, said.protocol));
            for (name, text) in call.with.recipe_fields() {
                recipe.text(Field::With(name), &text);
            }
            env_fields(action, &mut recipe);
        }
        // It makes nothing: the driver never composes it.
        Work::Fan { .. } => recipe.text(Field::Kind, "fan"),
        Work::Kind { kind, with, providers: named } => {
            let kind_name = kind;
            let kind = find_kind(workers.registry, kind_name)?;
            recipe.text(Field::Kind, &format!("{kind_name} {}", kind.version()));
            for (name, text) in with.recipe_fields() {
                recipe.text(Field::With(name), &text);
            }
            for (name, value) in values_of(story, action, templates) {
                recipe.text(Field::Value(name), &value);
            }
            let (settings, late) = (with.constants(), with.late_names());
            let (inputs, outputs) = (&action.inputs, &action.outputs);
            let providers = workers.providers;
            let work = KindWork { settings: &settings, late: &late, inputs, outputs, named, providers };
            if let Some(identity) = kind.identity(&work)? {
                recipe.text(Field::Provider, &identity);
            }
        }
    }
    for (input, digest) in node.inputs.iter().zip(digests) {
        match digest {
            Some(digest) => recipe.file(&input.role, &input.what_text(), *digest),
            // What a pattern does not find has no trace in a key.
            None if input.is_match() => {}
            None => recipe.absent(&input.role),
        }
    }
    if let Some(folder) = action.home.folder() {
        recipe.text(Field::Folder, folder.as_str());
    }
    recipe.text(Field::Outputs, &outputs(action));
    if let Some(salt) = &action.salt {
        recipe.text(Field::Salt, salt);
    }
    if let Some(check) = &action.check {
        for (name, text) in check.recipe_fields() {
            recipe.text(Field::Check, &format!("{name} = {text}"));
        }
    }
    Ok(recipe)
}

/// What a child sees of the environment beside the common names.
fn env_fields(action: &Action, recipe: &mut Recipe) {
    for (name, value) in &action.env {
        recipe.text(Field::Env(name.clone()), &Digest::of(value.as_bytes()).to_string());
    }
}

/// Returns the kind called `name`. The loader knows all names, so that this fails only for a registry that shrank.
pub fn find_kind<'a>(registry: &'a Registry, name: &str) -> Result<&'a Arc<dyn Kind>, Failure> {
    registry.get(name).ok_or_else(|| Failure::new(Cause::Setup, format!("there is no kind `{name}`")))
}

/// Returns the values that templates take from parameters and axes, each by its dotted name: only what is used is in
/// the key. Files come in by their digests, settings by their own fields.
fn values_of(story: &Story, action: &Action, names: &BTreeSet<String>) -> BTreeMap<String, String> {
    let globals = Scope::of(story, action).globals;
    let mut values = BTreeMap::new();
    for name in names {
        let (mut value, mut known) = (&globals, String::new());
        for part in name.split('.') {
            let Some(inner) = value.get(part) else { break };
            value = inner;
            known = if known.is_empty() { part.to_owned() } else { format!("{known}.{part}") };
        }
        if !known.is_empty() {
            values.insert(known, value.to_string());
        }
    }
    values
}

impl Bound {
    /// Returns how the input is named in a recipe and a lock line.
    pub fn what_text(&self) -> String {
        match &self.what {
            // A name with a `#` is written so that it is never taken for a part.
            What::File(path) => part::escape(path.as_str()).into_owned(),
            What::Part(path, part) => format!("{}#{}", part::escape(path.as_str()), part.text()),
            What::Tree(path) => format!("{path}/"),
            What::Verdict(_) => format!("{} (verdict)", self.role),
        }
    }
}

/// A command or program is hashed with its outputs' paths, which it sees; a kind sees only slots and formats, so that renaming a
/// file re-pays nothing.
fn outputs(action: &Action) -> String {
    let mut text = String::new();
    for output in &action.outputs {
        let mark = if output.sort == OutputSort::Tree { "/" } else { "" };
        let _ = match action.work {
            Work::Run(_) | Work::Program(_) => write!(text, "{}={}{mark};", output.slot, output.path),
            Work::Kind { .. } | Work::Fan { .. } => {
                write!(text, "{}.{}{mark};", output.slot, output.path.extension())
            }
        };
    }
    text
}

/// Returns the inputs that are there.
pub(super) fn present<'a>(node: &'a Node, digests: &[InputDigest]) -> Vec<&'a Bound> {
    node.inputs.iter().zip(digests).filter(|(_, digest)| digest.is_some()).map(|(input, _)| input).collect()
}

/// Where files lie that expressions name by path.
pub struct Places<'a> {
    /// Where an output is written.
    pub outputs: &'a dyn Fn(&Output) -> String,
    /// The file that holds just the part that an input is; `None` where it is named as it was declared.
    pub parts: &'a dyn Fn(&Bound) -> Option<String>,
}

impl Places<'_> {
    /// All as it was declared.
    pub const DECLARED: Places<'static> = Places { outputs: &|output| output.path.to_string(), parts: &|_| None };
}

/// Builds what expressions see: inputs by path, outputs and parts where `places` says they are.
pub fn scope(story: &Story, action: &Action, inputs: &[&Bound], places: &Places<'_>) -> Scope {
    let file = |bound: &Bound, role: &str| {
        let (path, part) = match &bound.what {
            // What a setting names is found by its role; what the user names is seen from the stage's folder.
            What::File(path) | What::Tree(path) if is_setting(bound) => (path.to_string(), None),
            What::File(path) | What::Tree(path) => (action.home.seen(path.as_str()), None),
            What::Part(path, part) => {
                let place = (places.parts)(bound).map(|place| action.home.seen(&place));
                let part = ScopePart { text: part.text().to_owned(), place };
                let path = if is_setting(bound) { path.to_string() } else { action.home.seen(path.as_str()) };
                (path, Some(part))
            }
            What::Verdict(_) => return None,
        };
        let list = match bound.plurality {
            Plurality::One => ScopePlurality::One,
            Plurality::Many | Plurality::Gathered => ScopePlurality::Many,
        };
        Some(ScopeFile { role: role.to_owned(), list, path, part, content: None, parsed: None })
    };
    let mut scope = Scope::of(story, action);
    for bound in inputs {
        match bound.role.strip_prefix("needs.") {
            Some(stage) => {
                let place = match scope.needs.iter().position(|(name, _)| name == stage) {
                    Some(place) => place,
                    None => {
                        scope.needs.push((stage.to_owned(), Vec::new()));
                        scope.needs.len() - 1
                    }
                };
                scope.needs[place].1.extend(file(bound, stage));
            }
            None => scope.inputs.extend(file(bound, &bound.role)),
        }
    }
    scope.outputs = action
        .outputs
        .iter()
        .map(|output| ScopeFile {
            role: output.slot.clone(),
            list: ScopePlurality::One,
            path: action.home.seen(&(places.outputs)(output)),
            part: None,
            content: None,
            parsed: None,
        })
        .collect();
    scope
}

fn is_setting(bound: &Bound) -> bool {
    !is_named_by_user(&bound.role) && !bound.role.starts_with("needs.")
}

/// Gives the files of a scope their content, read by `read`.
pub fn fill(scope: &mut Scope, read: Read<'_>) -> Result<(), Failure> {
    let home = scope.home.clone();
    let needed = scope.needs.iter_mut().flat_map(|(_, files)| files);
    let inputs = scope.inputs.iter_mut().map(|file| (is_named_by_user(&file.role), file));
    for (is_seen, file) in inputs.chain(needed.map(|file| (true, file))) {
        let path = if is_seen { home.unseen(&file.path) } else { file.path.clone() };
        let Some(Seen { bytes, parsed }) = read(&ScopeFile { path, ..file.clone() })? else { continue };
        (file.content, file.parsed) = (Some(bytes), parsed);
    }
    Ok(())
}
