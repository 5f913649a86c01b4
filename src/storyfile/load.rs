//! The way in: a Storyfile's text to a [`Story`], or to every fault of it in one report.

use crate::base::diagnostic::{Diagnostic, Severity};
use crate::base::path::RepoPath;
use crate::base::sources::Sources;
use crate::storyfile::catalog::Catalog;
use crate::storyfile::faults::Faults;
use crate::storyfile::include::Included;
use crate::storyfile::lists::Lists;
use crate::storyfile::lower::{Ground, Lowered};
use crate::storyfile::lowering::Lowering;
use crate::storyfile::model::Declared;
use crate::storyfile::parse::{self, Reading};
use crate::storyfile::question::Question;
use crate::storyfile::row::Row;
use crate::storyfile::settle::Variables;
use crate::storyfile::story::Story;
use crate::storyfile::texts::{self, Texts};
use crate::storyfile::tree::Node;
use crate::storyfile::{check, given, lower, profiles, read};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Faults of the text itself: they stand also where all else means nothing.
const SYNTAX: [&str; 8] = ["S001", "S002", "S003", "S004", "S005", "S006", "S014", "S016"];

/// What comes from outside the file.
pub struct Given<'a> {
    /// `-p name=value`; of two with one name the later wins.
    pub params: Vec<(String, String)>,
    /// `--params FILE`: its name and its text.
    pub params_file: Option<(String, String)>,
    /// `--profile`: laid over the file, left to right.
    pub profiles: Vec<String>,
    /// The row of `--batch` that this is a build of.
    pub row: Option<Arc<Row>>,
    /// Reads a file that is included, or says why it cannot be.
    pub files: &'a dyn Fn(&RepoPath) -> Result<String, String>,
    /// Turns a path as it was typed on the command line into one that is meant from the Storyfile's folder.
    pub typed: &'a dyn Fn(&str) -> String,
    /// Looks up an environment variable. `STORYGEN_PARAM_NAME` gives a param as well.
    pub env: &'a dyn Fn(&str) -> Option<String>,
    /// The Storyfile's own name in its folder: `-f` may name any file, and no stage may write it.
    pub file: &'a str,
}

impl<'a> Given<'a> {
    /// Returns what is given to a Storyfile that is called `file` and stands alone.
    pub fn alone(file: &'a str, env: &'a dyn Fn(&str) -> Option<String>) -> Given<'a> {
        Given {
            params: Vec::new(),
            params_file: None,
            profiles: Vec::new(),
            row: None,
            files: &|_| Err("it is not there".into()),
            typed: &|path| path.to_owned(),
            env,
            file,
        }
    }
}

/// What can be made out of a Storyfile, also if it has errors: good for finding more of them, for nothing else.
pub struct Draft {
    pub story: Option<Story>,
    pub faults: Vec<Diagnostic>,
    /// The texts that were read; the places of all faults are in them.
    pub sources: Sources,
    /// Params that nobody has given a value, and that are to be asked for.
    pub questions: Vec<Question>,
}

/// Loads a Storyfile. There is a story exactly if no diagnostic is an error.
pub fn load(text: &str, catalog: &dyn Catalog, given: &Given) -> (Option<Story>, Vec<Diagnostic>) {
    let Draft { story, faults, .. } = draft(text, catalog, given);
    let right = !faults.iter().any(|fault| fault.severity == Severity::Error);
    (story.filter(|_| right), faults)
}

/// Loads what can be made out of a Storyfile.
pub fn draft(text: &str, catalog: &dyn Catalog, given: &Given) -> Draft {
    let Texts { sources, root, included, params_file, faults, damaged, reading } = texts::read(text, given);
    let mut faults = Faults::new(sources.text(), faults);
    let root = root.map(|root| profiles::overlay(&root, &given.profiles, &mut faults));
    let read = |root: &Arc<Node>, faults: &mut Faults| {
        Read::of(root, included, params_file, sources.clone(), faults).story(given.row.as_ref(), catalog, given, faults)
    };
    let (story, questions) = match root.map(|root| read(&root, &mut faults)) {
        Some((story, questions)) => (Some(story), questions),
        None => (None, Vec::new()),
    };
    let mut faults = faults.finish();
    faults.retain(|fault| SYNTAX.contains(&fault.code) || !parse::touches(fault, &damaged));
    if reading == Reading::Whole {
        return Draft { story, faults, sources, questions };
    }
    // A stage that could not be read may be what another names, or make what it reads.
    faults.retain(|fault| fault.code != "S012");
    Draft { story: None, faults, sources, questions }
}

/// Reads a Storyfile for many rows; `None` if there are errors already without any: [`draft`] tells them.
pub fn read(text: &str, given: &Given) -> Option<(Read, Vec<Diagnostic>)> {
    let Texts { sources, root, included, params_file, faults, reading, .. } = texts::read(text, given);
    let mut faults = Faults::new(sources.text(), faults);
    let root = profiles::overlay(&root.filter(|_| reading == Reading::Whole)?, &given.profiles, &mut faults);
    let read = Read::of(&root, included, params_file, sources.clone(), &mut faults);
    let faults = faults.finish();
    (!faults.iter().any(|fault| fault.severity == Severity::Error)).then_some((read, faults))
}

/// A Storyfile that is read, and not yet made concrete.
pub struct Read {
    declared: Arc<Declared>,
    sources: Arc<Sources>,
    /// The files that it includes.
    included: Vec<RepoPath>,
    params_file: Option<Arc<Node>>,
}

impl Read {
    fn of(
        root: &Node,
        included: Included,
        params_file: Option<Arc<Node>>,
        sources: Sources,
        faults: &mut Faults,
    ) -> Read {
        let declared = Arc::new(read::read(root, &included, faults));
        Read { declared, sources: Arc::new(sources), included: included.files, params_file }
    }

    /// Returns the texts that were read.
    pub fn sources(&self) -> &Sources {
        &self.sources
    }

    /// Returns the names of the params.
    pub fn params(&self) -> Vec<&str> {
        self.declared.params.iter().map(|param| param.name.as_str()).collect()
    }

    /// Makes the story of a row. There is no error among the faults exactly if it is right.
    pub fn of_row(&self, row: &Arc<Row>, catalog: &dyn Catalog, given: &Given) -> (Story, Vec<Diagnostic>) {
        let mut faults = Faults::new(self.sources.text(), Vec::new());
        let (story, _) = self.story(Some(row), catalog, given, &mut faults);
        (story, faults.finish())
    }

    fn story(
        &self,
        row: Option<&Arc<Row>>,
        catalog: &dyn Catalog,
        given: &Given,
        faults: &mut Faults,
    ) -> (Story, Vec<Question>) {
        let declared = &*self.declared;
        let variables =
            Variables { get: given.env, used: RefCell::new(BTreeSet::new()), secrets: declared.secrets.clone() };
        let (params, questions) = given::settle(
            &declared.params,
            self.params_file.as_deref(),
            row.map(Arc::as_ref),
            given,
            &variables,
            faults,
        );
        let lists = Lists::new();
        let ground = Ground { declared, params: &params, catalog, variables: &variables, lists: &lists, row };
        let Lowered { stages, actions, open, .. } = lower::lower(&ground, faults);
        let hooks = lower::hooks(&ground, faults);
        check::check(&actions.iter().collect::<Vec<_>>(), given.file, &self.included, faults);
        let providers =
            declared.providers.iter().filter_map(|(name, provider)| Some((name.clone(), provider.clone()?)));
        let story = Story {
            name: declared.name.clone(),
            description: declared.description.clone(),
            params: params.values.clone(),
            param_places: declared.params.iter().map(|param| (param.name.clone(), param.span)).collect(),
            path_params: params.paths.clone(),
            included: self.included.clone(),
            stages,
            actions,
            pools: declared.pools.clone(),
            hooks,
            providers: providers.collect(),
            idle_providers: declared.idle_providers.clone(),
            budget: declared.budget.map(|placed| placed.budget),
            env_used: variables.used.into_inner(),
            lowering: Lowering {
                sources: self.sources.clone(),
                file: given.file.to_owned(),
                included: self.included.clone(),
                declared: self.declared.clone(),
                params,
                lists,
                row: row.cloned(),
                open,
            },
            rows: BTreeMap::new(),
        };
        (story, questions)
    }
}
