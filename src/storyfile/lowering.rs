//! Keeps what is needed to make the instances of open fan-outs once their lists are known.

use crate::base::diagnostic::{Diagnostic, Severity};
use crate::base::path::RepoPath;
use crate::base::sources::Sources;
use crate::storyfile::axes::Axes;
use crate::storyfile::catalog::Catalog;
use crate::storyfile::check;
use crate::storyfile::faults::Faults;
use crate::storyfile::lists::{ListSource, Lists};
use crate::storyfile::lower::{self, Ground, Lowered};
use crate::storyfile::model::Declared;
use crate::storyfile::param_values::ParamValues;
use crate::storyfile::row::Row;
use crate::storyfile::settle::Variables;
use crate::storyfile::story::Action;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;

/// A loaded Storyfile that can still grow.
#[derive(Clone, Debug, Default)]
pub struct Lowering {
    pub(super) sources: Arc<Sources>,
    /// The Storyfile's own name.
    pub(super) file: String,
    /// The files that it includes.
    pub(super) included: Vec<RepoPath>,
    pub(super) declared: Arc<Declared>,
    pub(super) params: ParamValues,
    pub(super) lists: Lists,
    pub(super) row: Option<Arc<Row>>,
    /// The stages that are open, by index.
    pub(super) open: BTreeSet<usize>,
}

/// What more lists made of a story.
#[derive(Debug)]
pub struct Unfolded {
    /// What to unfold next time.
    pub lowering: Lowering,
    pub lowered: Lowered,
    pub warnings: Vec<Diagnostic>,
    pub env_used: BTreeSet<String>,
}

impl Lowering {
    /// Returns the texts that the story was read from.
    pub fn sources(&self) -> &Sources {
        &self.sources
    }

    /// Makes the instances of the stages whose lists are now known. `earlier` are all actions so far but the open fans that
    /// give way. Faults of items and of what they come to are returned; nothing has changed then.
    pub fn unfold(
        &self,
        lists: Lists,
        earlier: &[&Action],
        catalog: &dyn Catalog,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Unfolded, Vec<Diagnostic>> {
        let mut next = self.clone();
        next.lists.extend(lists);
        let mut faults = Faults::new(self.sources.text(), Vec::new());
        let secrets = self.declared.secrets.clone();
        let variables = Variables { get: env, used: RefCell::default(), secrets };
        let (declared, params) = (&*self.declared, &self.params);
        let ground =
            Ground { declared, params, catalog, variables: &variables, lists: &next.lists, row: self.row.as_ref() };
        let axes = lower::axes(&ground, &mut faults);
        let chosen = self.ready(&ground, &axes, &mut faults);
        let lowered = lower::again(&ground, axes, &chosen, &mut faults);
        let all: Vec<&Action> = earlier.iter().copied().chain(&lowered.actions).collect();
        check::check(&all, &self.file, &self.included, &mut faults);
        next.open = &(&self.open - &chosen) | &lowered.open;
        let found = faults.finish();
        if found.iter().any(|fault| fault.severity == Severity::Error) {
            return Err(found.into_iter().filter(|fault| fault.severity == Severity::Error).collect());
        }
        Ok(Unfolded { lowering: next, lowered, warnings: found, env_used: variables.used.into_inner() })
    }

    /// Returns the open stages that wait for none of the lists that they waited for before.
    fn ready(&self, ground: &Ground, all: &[Rc<Axes>], faults: &mut Faults) -> BTreeSet<usize> {
        let before = lower::axes(&Ground { lists: &self.lists, ..*ground }, faults);
        let is_ready = |stage: &usize| {
            let names = |wanted: &[ListSource]| -> BTreeSet<String> { wanted.iter().map(ListSource::name).collect() };
            names(&before[*stage].wanted).is_disjoint(&names(&all[*stage].wanted))
        };
        self.open.iter().copied().filter(is_ready).collect()
    }
}
