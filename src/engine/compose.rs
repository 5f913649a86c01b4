//! Composes an action's recipe from its settings and the digests of what it reads (R9).

use crate::base::digest::Digest;
use crate::base::failure::{Cause, Failure};
use crate::base::recipe::{Field, Recipe};
use crate::engine::workflow::{Bound, Node, Plurality, What};
use crate::kind::contract::{Kind, Work as KindWork};
use crate::kind::registry::Registry;
use crate::provider::Providers;
use crate::storyfile::scope::{Plurality as ScopePlurality, Scope, ScopeFile, is_named_by_user};
use crate::storyfile::story::{Action, Output, OutputSort, Story, Work};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::Arc;

/// Behaviour version of `run:` stages.
const RUN_VERSION: u32 = 1;

/// Reads a file of the repo for an expression that looks into it; a folder has no content of its own.
pub type Read<'a> = &'a mut dyn FnMut(&str) -> Result<Option<Arc<[u8]>>, Failure>;

/// An input's content: its digest, or nothing if an optional input is not there.
pub type InputDigest = Option<Digest>;

/// Composes the recipe of `node`, whose inputs have these digests, in order, and whose templates read these names.
pub fn recipe(
    story: &Story,
    node: &Node,
    digests: &[InputDigest],
    templates: &BTreeSet<String>,
    registry: &Registry,
    providers: &Providers,
    read: Read<'_>,
) -> Result<Recipe, Failure> {
    let action = &node.action;
    let mut recipe = Recipe::default();
    match &action.work {
        Work::Run(command) => {
            recipe.text(Field::Kind, &format!("run {RUN_VERSION}"));
            let present = present(node, digests);
            let mut scope = scope(story, action, &present, &|output| output.path.to_string());
            if command.reads_content() {
                fill(&mut scope, read)?;
            }
            recipe.text(Field::Command, &command.key_text(&scope)?);
            if let Some(shell) = &command.shell {
                recipe.text(Field::Shell, &shell.join(" "));
            }
            for (name, value) in &action.env {
                recipe.text(Field::Env(name.clone()), &Digest::of(value.as_bytes()).to_string());
            }
        }
        Work::Kind { kind, with, providers: named } => {
            let kind_name = kind;
            let kind = find_kind(registry, kind_name)?;
            recipe.text(Field::Kind, &format!("{kind_name} {}", kind.version()));
            for (name, text) in with.recipe_fields() {
                recipe.text(Field::With(name), &text);
            }
            for (name, value) in values_of(story, action, templates) {
                recipe.text(Field::Value(name), &value);
            }
            let (settings, late) = (with.constants(), with.late_names());
            let (inputs, outputs) = (&action.inputs, &action.outputs);
            let work = KindWork { settings: &settings, late: &late, inputs, outputs, named, providers };
            if let Some(identity) = kind.identity(&work)? {
                recipe.text(Field::Provider, &identity);
            }
        }
    }
    for (input, digest) in node.inputs.iter().zip(digests) {
        match digest {
            Some(digest) => recipe.file(&input.role, &input.what_text(), *digest),
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
            What::File(path) => path.to_string(),
            What::Tree(path) => format!("{path}/"),
            What::Verdict(_) => format!("{} (verdict)", self.role),
        }
    }
}

/// A command is hashed with its outputs' paths, which it sees; a kind sees only slots and formats, so that renaming a
/// file re-pays nothing.
fn outputs(action: &Action) -> String {
    let mut text = String::new();
    for output in &action.outputs {
        let mark = if output.sort == OutputSort::Tree { "/" } else { "" };
        let _ = match action.work {
            Work::Run(_) => write!(text, "{}={}{mark};", output.slot, output.path),
            Work::Kind { .. } => write!(text, "{}.{}{mark};", output.slot, output.path.extension()),
        };
    }
    text
}

fn present<'a>(node: &'a Node, digests: &[InputDigest]) -> Vec<&'a Bound> {
    node.inputs.iter().zip(digests).filter(|(_, digest)| digest.is_some()).map(|(input, _)| input).collect()
}

/// Builds what expressions see: inputs by path, outputs where `place` says they are written.
pub fn scope(story: &Story, action: &Action, inputs: &[&Bound], place: &dyn Fn(&Output) -> String) -> Scope {
    let file = |bound: &Bound, role: &str| {
        let path = match &bound.what {
            // What a setting names is found by its role; what the user names is seen from the stage's folder.
            What::File(path) | What::Tree(path) if is_setting(bound) => path.to_string(),
            What::File(path) | What::Tree(path) => action.home.seen(path.as_str()),
            What::Verdict(_) => return None,
        };
        let list = match bound.plurality {
            Plurality::One => ScopePlurality::One,
            Plurality::Many => ScopePlurality::Many,
        };
        Some(ScopeFile { role: role.to_owned(), list, path, content: None, parsed: None })
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
            path: action.home.seen(&place(output)),
            content: None,
            parsed: None,
        })
        .collect();
    scope
}

fn is_setting(bound: &Bound) -> bool {
    !is_named_by_user(&bound.role) && !bound.role.starts_with("needs.")
}

/// Gives the files of a scope their content, read by `read` as bytes.
pub fn fill(scope: &mut Scope, read: Read<'_>) -> Result<(), Failure> {
    let home = scope.home.clone();
    let needed = scope.needs.iter_mut().flat_map(|(_, files)| files);
    let inputs = scope.inputs.iter_mut().map(|file| (is_named_by_user(&file.role), file));
    for (is_seen, file) in inputs.chain(needed.map(|file| (true, file))) {
        let place = if is_seen { home.unseen(&file.path) } else { file.path.clone() };
        let Some(bytes) = read(&place)? else { continue };
        let extension = file.path.rsplit('/').next().and_then(|name| name.rsplit_once('.')).map_or("", |(_, ext)| ext);
        // A file that is not what its name says is still text; a template that looks into it says what is missing.
        file.parsed = crate::data::parse::parse(extension, &bytes).and_then(Result::ok);
        file.content = Some(bytes);
    }
    Ok(())
}
