//! Opens everything that a command works with: finds the Storyfile, loads it, joins providers, opens the project.

use crate::base::diagnostic::{Diagnostic, Severity};
use crate::base::digest::Digest;
use crate::base::path::RepoPath;
use crate::base::sources::Sources;
use crate::base::span::Span;
use crate::cli::error::CliError;
use crate::cli::inputs::{Inputs, Reach};
use crate::cli::rows::Stories;
use crate::cli::survey::survey;
use crate::embed::NAMES;
use crate::engine::open::{Access, Opened, Opening, faults_of, open};
use crate::engine::workspace::stays_inside;
use crate::kind::registry::Registry;
use crate::provider::Providers;
use crate::provider::script::Shelf;
use crate::provider::weights::Weights;
use crate::storyfile::load::{Draft, Given, draft};
use crate::storyfile::row::Row;
use crate::storyfile::story::Story;
use crate::world::World;
use crate::world::disk::Sort;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where a Storyfile is.
#[derive(Clone, Debug)]
pub struct Found {
    /// Its folder: the root of the repo.
    pub root: PathBuf,
    /// Its name in the root.
    pub name: String,
    /// The folder in which the command was given, relative to the root and `/`-separated; empty for the root itself.
    pub from: String,
    /// The root as the shell calls it, where a symlink leads to it.
    pub called: Option<PathBuf>,
}

/// Finds the Storyfile in `start` or above it; `named` is `-f`.
pub fn find(world: &World, start: &Path, named: Option<&Path>) -> Result<Found, CliError> {
    let is_file = |path: &Path| world.disk.stat_following(path).is_ok_and(|stat| stat.sort == Sort::File);
    let start = world.disk.canonical(start).map_err(|error| CliError::folder(start, &error))?;
    if let Some(named) = named {
        let path = start.join(named);
        if !is_file(&path) {
            return Err(CliError::NoStoryfile { looked: path, named: true });
        }
        let folder = path.parent().unwrap_or(&start);
        let root = world.disk.canonical(folder).map_err(|error| CliError::folder(folder, &error))?;
        return Ok(Found { called: called(world, &root), ..found(&root, &path, &start) });
    }
    for folder in start.ancestors() {
        if let Some(path) = NAMES.iter().map(|name| folder.join(name)).find(|path| is_file(path)) {
            return Ok(Found { called: called(world, folder), ..found(folder, &path, &start) });
        }
    }
    Err(CliError::NoStoryfile { looked: start, named: false })
}

fn found(root: &Path, path: &Path, start: &Path) -> Found {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let from = start.strip_prefix(root).map(|inner| inner.to_string_lossy().replace('\\', "/")).unwrap_or_default();
    Found { root: root.to_owned(), name, from, called: None }
}

/// Returns what the shell calls `root`, if it works below it and calls it something else.
fn called(world: &World, root: &Path) -> Option<PathBuf> {
    let shell = PathBuf::from(world.env.get("PWD")?);
    let is_root = |folder: &&Path| world.disk.canonical(folder).is_ok_and(|place| place == root);
    shell.ancestors().find(is_root).map(Path::to_owned)
}

impl Found {
    /// Turns a target as it was typed into one that is meant from the root: a path from a sub-directory means what it
    /// means there, and an absolute one in the repo what it names.
    pub fn target(&self, typed: &str) -> String {
        let is_path = typed.contains('/') || typed.starts_with('.');
        if is_path { self.path(typed) } else { typed.to_owned() }
    }

    /// The same for what can only be a path.
    pub fn path(&self, typed: &str) -> String {
        let roots = [Some(&self.root), self.called.as_ref()];
        if let Some(inner) = roots.into_iter().flatten().find_map(|root| Path::new(typed).strip_prefix(root).ok()) {
            return inner.to_string_lossy().into_owned();
        }
        // Elsewhere on the disk, or nowhere: said as it was typed.
        let is_whole = self.from.is_empty() || typed.is_empty() || Path::new(typed).is_absolute();
        if is_whole { typed.to_owned() } else { format!("{}/{typed}", self.from) }
    }
}

/// Most rows that a command takes which looks at all of them at once.
const ROWS_MAX: u32 = 10_000;

/// A loaded Storyfile.
pub struct Loaded {
    pub story: Story,
    pub sources: Sources,
    pub warnings: Vec<Diagnostic>,
}

/// Reads the Storyfile with what is given to it.
pub fn read_draft(found: &Found, registry: &Registry, inputs: &Inputs) -> Result<Draft, CliError> {
    let text = storyfile_text(found, inputs)?;
    Ok(with_given(found, inputs, None, |given| draft(&text, registry, given)))
}

/// Reads the text of the Storyfile.
pub fn storyfile_text(found: &Found, inputs: &Inputs) -> Result<String, CliError> {
    let world = &inputs.world;
    let place = found.root.join(&found.name);
    let size = world.disk.stat_following(&place).map_or(0, |stat| stat.size);
    if size > crate::storyfile::parse::BYTES_MAX as u64 {
        return Err(CliError::TooLarge { path: place });
    }
    let bytes = world.disk.read(&place).map_err(|error| CliError::read(&place, &error))?;
    String::from_utf8(bytes)
        .map_err(|error| CliError::NotText { path: place.clone(), at: error.utf8_error().valid_up_to() })
}

/// Does what needs all that is given to the Storyfile, and to one row of a table.
pub fn with_given<T>(found: &Found, inputs: &Inputs, row: Option<Arc<Row>>, of: impl FnOnce(&Given<'_>) -> T) -> T {
    let world = &inputs.world;
    of(&Given {
        row,
        params: inputs.params.clone(),
        params_file: inputs.params_file.clone(),
        profiles: inputs.profiles.clone(),
        files: &|path| included(world, &found.root, path),
        typed: &|path| found.path(path),
        env: &|name| world.env.look_up(name).map(str::to_owned),
        file: &found.name,
    })
}

/// Reads a file that the Storyfile includes, or says why it cannot be read.
fn included(world: &World, root: &Path, path: &RepoPath) -> Result<String, String> {
    let place = path.under(root);
    let stat = world.disk.stat_following(&place).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => "it is not there".to_owned(),
        _ => error.to_string(),
    })?;
    if stat.sort != Sort::File {
        return Err("it is no file".to_owned());
    }
    if !stays_inside(&*world.disk, root, path) {
        return Err("a symlink leads out of the repo".to_owned());
    }
    if stat.size > crate::storyfile::parse::BYTES_MAX as u64 {
        return Err("it is larger than 32 MiB".to_owned());
    }
    let bytes = world.disk.read(&place).map_err(|error| error.to_string())?;
    String::from_utf8(bytes).map_err(|error| format!("byte {} is no UTF-8", error.utf8_error().valid_up_to()))
}

/// Loads the Storyfile. Its faults come as one error.
pub fn load_story(found: &Found, registry: &Registry, inputs: &Inputs) -> Result<Loaded, CliError> {
    let Draft { story, faults: mut diagnostics, sources, .. } = read_draft(found, registry, inputs)?;
    let is_error = |fault: &Diagnostic| fault.severity == Severity::Error;
    match story {
        Some(story) if !diagnostics.iter().any(is_error) => Ok(Loaded { story, sources, warnings: diagnostics }),
        story => {
            // One report for every fault: also what shows only in the whole, where nothing is wrong already.
            let more = story.map(|story| {
                let providers = providers(found, inputs, &story);
                faults_of(&inputs.world, &found.root, story, registry, &providers)
            });
            let known = Taken::by(&diagnostics);
            let is_known =
                |fault: &Diagnostic| fault.source.is_none() && fault.span.is_some_and(|span| known.meets(span));
            diagnostics.extend(more.unwrap_or_default().into_iter().filter(|fault| !is_known(fault)));
            diagnostics.sort_by_key(Diagnostic::place);
            Err(CliError::Faults { sources, faults: diagnostics })
        }
    }
}

/// The places of many faults, to be asked often.
struct Taken {
    /// By their start, each with the furthest end up to there.
    spans: Vec<(u32, u32)>,
}

impl Taken {
    fn by(faults: &[Diagnostic]) -> Taken {
        let mut spans: Vec<(u32, u32)> = faults
            .iter()
            .filter(|fault| fault.source.is_none())
            .filter_map(|fault| fault.span)
            .map(|span| (span.start, span.end))
            .collect();
        spans.sort_unstable();
        let mut furthest = 0;
        for (_, end) in &mut spans {
            furthest = furthest.max(*end);
            *end = furthest;
        }
        Taken { spans }
    }

    /// Tells whether one of the places shares a byte with `span`.
    fn meets(&self, span: Span) -> bool {
        let before = self.spans.partition_point(|(start, _)| *start < span.end);
        before > 0 && self.spans[before - 1].1 > span.start
    }
}

/// Loads the Storyfile and opens the project.
pub fn open_project(found: &Found, inputs: &Inputs, access: Access) -> Result<Opened, CliError> {
    if let Some(table) = &inputs.batch {
        return open_rows(&Stories::open(found, inputs, table)?, access);
    }
    let registry = Arc::new(Registry::builtin());
    let loaded = load_story(found, &registry, inputs)?;
    open_story(found, inputs, registry, loaded, access)
}

/// Opens the project of all rows at once.
fn open_rows(stories: &Stories, access: Access) -> Result<Opened, CliError> {
    let survey = survey(stories, &[])?;
    survey.refuse(stories)?;
    if survey.rows > ROWS_MAX {
        let message = format!("`{}` has more than {ROWS_MAX} rows, too many for this command", stories.table.name);
        let hint = "`storygen build --dry-run --batch FILE` goes through as many as there are.".to_owned();
        return Err(CliError::Usage { message, hint: Some(hint) });
    }
    let mut all = Vec::new();
    for row in stories.table.rows()? {
        if let Some((story, _)) = row?.ok().and_then(|row| stories.story(&row).ok()) {
            all.push(story);
        }
    }
    let loaded = Loaded { story: Story::of_rows(all), sources: stories.sources().clone(), warnings: survey.warnings };
    open_story(stories.found, stories.inputs, stories.registry.clone(), loaded, access)
}

/// Opens the project of a story.
pub fn open_story(
    found: &Found,
    inputs: &Inputs,
    registry: Arc<Registry>,
    loaded: Loaded,
    access: Access,
) -> Result<Opened, CliError> {
    let Loaded { story, sources, mut warnings } = loaded;
    let providers = providers(found, inputs, &story);
    let (world, root) = (inputs.world.clone(), found.root.clone());
    let opening = Opening { world, root, story, sources: sources.clone(), registry, providers, access };
    match open(opening)? {
        Ok(mut opened) => {
            warnings.append(&mut opened.warnings);
            opened.warnings = warnings;
            Ok(opened)
        }
        Err(faults) => {
            warnings.extend(faults);
            warnings.sort_by_key(|fault| (fault.severity != Severity::Error, fault.place()));
            Err(CliError::Faults { sources, faults: warnings })
        }
    }
}

/// Joins the providers that the Storyfile declares with those that storygen has.
pub fn providers(found: &Found, inputs: &Inputs, story: &Story) -> Providers {
    let shelf = Shelf { disk: inputs.world.disk.clone(), root: found.root.clone() };
    let weights = Weights::new(inputs.world.clone(), inputs.pull, inputs.on_pull.clone());
    let providers = Providers::join(&story.providers, &Arc::new(weights), &inputs.world.env, &shelf);
    if inputs.reach == Reach::Here {
        providers.close("--offline");
    }
    providers
}

/// Returns the digest of everything beside files that shapes a plan (R26).
pub fn request_digest(found: &Found, parts: &[&str]) -> Digest {
    let mut hasher = Digest::hasher();
    hasher.field(env!("CARGO_PKG_VERSION").as_bytes()).field(found.name.as_bytes());
    for part in parts {
        hasher.field(part.as_bytes());
    }
    hasher.finish()
}
