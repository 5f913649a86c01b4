//! The way in: a Storyfile's text to a [`Story`], or to every fault of it in one report.

use crate::base::diagnostic::{Diagnostic, Severity, Source};
use crate::storyfile::catalog::Catalog;
use crate::storyfile::faults::Faults;
use crate::storyfile::parse::{Parsed, Reading};
use crate::storyfile::settle::Variables;
use crate::storyfile::story::Story;
use crate::storyfile::tree::Node;
use crate::storyfile::{check, lower, params, parse, read};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Faults of the text itself: they stand also where all else means nothing.
const SYNTAX: [&str; 8] = ["S001", "S002", "S003", "S004", "S005", "S006", "S014", "S016"];

/// What comes from outside the file.
pub struct Given<'a> {
    /// `-p name=value`; of two with one name the later wins.
    pub params: Vec<(String, String)>,
    /// Looks up an environment variable. `STORYGEN_PARAM_NAME` gives a param as well.
    pub env: &'a dyn Fn(&str) -> Option<String>,
    /// The Storyfile's own name in its folder: `-f` may name any file, and no stage may write it.
    pub file: &'a str,
}

/// Loads a Storyfile. There is a story exactly if no diagnostic is an error.
pub fn load(text: &str, catalog: &dyn Catalog, given: &Given) -> (Option<Story>, Vec<Diagnostic>) {
    let (story, diagnostics) = draft(text, catalog, given);
    let right = !diagnostics.iter().any(|fault| fault.severity == Severity::Error);
    (story.filter(|_| right), diagnostics)
}

/// Loads what can be made out of a Storyfile, also if it has errors: good for finding more of them, for nothing else.
pub fn draft(text: &str, catalog: &dyn Catalog, given: &Given) -> (Option<Story>, Vec<Diagnostic>) {
    let Parsed { root, faults, damaged, reading } = parse::parse(text);
    let (story, mut diagnostics) = read_story(text, root, faults, catalog, given);
    diagnostics.retain(|fault| SYNTAX.contains(&fault.code) || !parse::touches(fault, &damaged));
    if reading == Reading::Whole {
        return (story, diagnostics);
    }
    // A stage that could not be read may be what another names, or make what it reads.
    diagnostics.retain(|fault| fault.code != "S012");
    (None, diagnostics)
}

fn read_story(
    text: &str,
    root: Option<Arc<Node>>,
    faults: Vec<Diagnostic>,
    catalog: &dyn Catalog,
    given: &Given,
) -> (Option<Story>, Vec<Diagnostic>) {
    let mut faults = Faults::new(text, faults);
    let Some(root) = root else { return (None, faults.finish()) };
    let declared = read::read(&root, &mut faults);
    let variables =
        Variables { get: given.env, used: RefCell::new(BTreeSet::new()), secrets: declared.secrets.clone() };
    let params = params::settle(&declared.params, given, &variables, &mut faults);
    let (stages, actions) = lower::lower(&declared, &params, catalog, &variables, &mut faults);
    check::check(&actions, given.file, &mut faults);
    let providers = declared.providers.into_iter().filter_map(|(name, provider)| provider.map(|one| (name, one)));
    let story = Story {
        name: declared.name,
        description: declared.description,
        params: params.values,
        stages,
        actions,
        pools: declared.pools,
        providers: providers.collect(),
        env_used: variables.used.into_inner(),
        source: Arc::new(Source { name: given.file.to_owned(), text: text.to_owned() }),
    };
    (Some(story), faults.finish())
}
