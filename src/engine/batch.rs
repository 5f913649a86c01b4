//! The rows of a batch: an opened project goes on from some rows to others, with all that it remembers.

use crate::base::diagnostic::{Diagnostic, Severity};
use crate::base::path::RepoPath;
use crate::base::span::Span;
use crate::engine::error::EngineError;
use crate::engine::faults::faults_of_actions;
use crate::engine::judge::Project;
use crate::engine::open::Finder;
use crate::engine::programs::Programs;
use crate::engine::workflow::connect;
use crate::storyfile::story::{Action, Story};
use crate::world::disk::Disk;
use std::sync::Arc;

impl Project {
    /// Puts another story, of other rows of the same Storyfile, in the place of the one before. The inner `Err` are the faults
    /// of the rows; the project is good for nothing then but for another turn.
    pub fn turn_to(&mut self, mut story: Story) -> Result<Result<Vec<Diagnostic>, Vec<Diagnostic>>, EngineError> {
        let disk: Arc<dyn Disk> = self.workspace.disk.clone();
        let root = self.workspace.root.clone();
        let orphans = self.named.orphans(story.actions.iter());
        let mut finder = Finder { disk: &*disk, root: &root, guards: std::mem::take(&mut self.guards), error: None };
        let mut faults = faults_of_actions(&story.actions, &story, &self.registry, &self.providers);
        let programs = Programs::look(&*disk, &root, &story.actions);
        faults.extend(programs.faults(&story.actions));
        let workflow = connect(&mut story, &orphans, &mut finder, &mut faults);
        self.guards = finder.guards;
        if let Some(error) = finder.error {
            return Err(error);
        }
        let is_error = |fault: &Diagnostic| fault.severity == Severity::Error;
        let (Some(mut workflow), false) = (workflow, faults.iter().any(is_error)) else { return Ok(Err(faults)) };
        let looked = std::mem::take(&mut workflow.looked).into_parts();
        looked.remember(self.workspace.parts.give());
        self.workspace.parts = looked;
        (self.story, self.workflow, self.programs) = (story, workflow, programs);
        self.held.clear();
        self.skipped.clear();
        self.discovered.clear();
        // What is known of earlier rows is of no use to later ones.
        self.store.let_go();
        let of_lists = self.unfold_sources()?;
        faults.extend(of_lists);
        Ok(if faults.iter().any(is_error) { Err(faults) } else { Ok(faults) })
    }

    /// Returns the faults of instances that would write what another row's write.
    pub(super) fn of_other_rows(&self, actions: &[Action]) -> Vec<Diagnostic> {
        let mut faults = Vec::new();
        for action in actions {
            let Some(row) = &action.row else { continue };
            for output in &action.outputs {
                let Some(other) = self.workflow.maker_of(&output.path) else { continue };
                let other = &self.node(other).action;
                if let Some(theirs) = other.row.as_ref().filter(|theirs| theirs.id != row.id) {
                    let rows = [(&*theirs.id, &*theirs.place), (&*row.id, &*row.place)];
                    faults.push(both_write(rows, &output.path, output.span));
                }
            }
        }
        faults
    }
}

/// Two rows, each with its place, write one path: the second would write over the first.
pub fn both_write(rows: [(&str, &str); 2], path: &RepoPath, span: Span) -> Diagnostic {
    let [(one, first), (two, second)] = rows;
    let message = format!("the rows `{one}` ({first}) and `{two}` ({second}) both write `{path}`");
    Diagnostic::error("S201", message, span)
        .label("the same for both")
        .help("let `${batch.id}` stand in the path, as in `build/${batch.id}/x.txt`")
}
