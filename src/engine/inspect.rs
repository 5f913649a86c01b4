//! Holds what an attempt made against what its stage declares and demands.

use crate::base::failure::{Cause, Failure};
use crate::base::path::RepoPath;
use crate::engine::command::Prepared;
use crate::engine::compose::{self, Places};
use crate::engine::drive::Drive;
use crate::engine::error::EngineError;
use crate::engine::rebuild::made_in;
use crate::engine::workflow::{Bound, What};
use crate::kind::check::{Subject, check_outputs};
use crate::kind::contract::{Made, Pay};
use crate::store::{ActionRecord, RecordedOutput, TreeListing};
use crate::storyfile::story::Output;
use crate::storyfile::with::With;
use serde_json::Value;
use std::path::{Path, PathBuf};

impl Drive<'_> {
    /// Refuses what a program wrote beside its outputs.
    pub(super) fn only_declared(&self, action: usize, prepared: &Prepared) -> Result<(), Failure> {
        let strays = self.crew.workshop.undeclared(self.project, action, prepared);
        match strays.first() {
            None => Ok(()),
            Some(first) => {
                Err(Failure::new(Cause::Output, format!("`{first}` was written, and is no output of the stage"))
                    .hint("Declare it under `outputs:`, or let the program write such files elsewhere (`$TMPDIR`)."))
            }
        }
    }

    /// An empty file is no result of what was paid for (R23).
    pub(super) fn not_empty_if_paid(&self, action: usize, outputs: &[RecordedOutput]) -> Result<(), Failure> {
        let said = self.project.programs.of(self.project.node(action), &self.crew.ticket(action).digests)?;
        let is_paid = said.is_some_and(|said| said.pay == Pay::Paid);
        match outputs.iter().find(|output| output.size == 0 && is_paid) {
            Some(output) => Err(Failure::new(Cause::Empty, format!("output `{}` is empty", output.path))),
            None => Ok(()),
        }
    }

    /// Tells which folders came out empty: it may be meant, or the command wrote elsewhere.
    pub(super) fn empty_folders(&self, action: usize, record: &ActionRecord) -> Vec<String> {
        let empty = Some(TreeListing::default().digest());
        let outputs = self.project.node(action).action.outputs.iter();
        let empty = outputs.filter(|output| made_in(record, &output.slot) == empty);
        empty
            .map(|output| format!("the folder `{}/` is empty: the command wrote nothing into it", output.path))
            .collect()
    }

    /// Holds the outputs at `located` against the stage's `check:`; returns its warnings.
    pub(super) fn check_located(&self, action: usize, located: &[(Output, PathBuf)]) -> Result<Vec<String>, Failure> {
        let mut files = Vec::new();
        if self.project.node(action).action.check.is_some() {
            for (output, place) in located {
                files.push((output.path.to_string(), self.read_for_check(&output.path, place)?));
            }
        }
        let files: Vec<(&str, &[u8])> = files.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice())).collect();
        self.check_rules(action, &files)
    }

    /// Holds what a kind made against what the stage declares; returns the warnings of its `check:`.
    pub(super) fn check_made(&self, action: usize, made: &Made, pay: Pay) -> Result<Vec<String>, Failure> {
        let node = &self.project.node(action).action;
        for output in &node.outputs {
            match made.outputs.get(&output.slot) {
                None => return Err(Failure::new(Cause::Output, format!("output `{}` was not made", output.path))),
                Some(bytes) if bytes.is_empty() && pay == Pay::Paid => {
                    return Err(Failure::new(Cause::Empty, format!("output `{}` is empty", output.path)));
                }
                Some(_) => {}
            }
        }
        let files: Vec<(&str, &[u8])> =
            node.outputs.iter().map(|output| (output.path.as_str(), made.outputs[&output.slot].as_slice())).collect();
        self.check_rules(action, &files)
    }

    /// Holds outputs against the stage's `check:`, whose rules may name the stage's inputs; returns its warnings.
    fn check_rules(&self, action: usize, files: &[(&str, &[u8])]) -> Result<Vec<String>, Failure> {
        let node = self.project.node(action);
        let Some(check) = &node.action.check else { return Ok(Vec::new()) };
        let mut inputs = Vec::new();
        for input in node.inputs.iter().filter(|input| self.project.is_present(input)) {
            match &input.what {
                What::File(path) => {
                    let bytes = self.read_for_check(path, &self.project.workspace.place(path))?;
                    inputs.push((input.role.as_str(), path.as_str(), bytes));
                }
                What::Part(path, part) => {
                    let broken = |error: EngineError| Failure::new(Cause::Machine, error.to_string());
                    let content = self.project.workspace.part(path, part).map_err(broken)??;
                    let bytes = content.map(|content| content.file_bytes()).unwrap_or_default();
                    inputs.push((input.role.as_str(), path.as_str(), bytes));
                }
                What::Tree(_) | What::Verdict(_) => {}
            }
        }
        let inputs: Vec<Subject<'_>> = inputs.iter().map(|(role, path, bytes)| Subject { role, path, bytes }).collect();
        let outputs: Vec<Subject<'_>> = files.iter().map(|(path, bytes)| Subject { role: "", path, bytes }).collect();
        check_outputs(&self.rules(action, check)?, &outputs, &inputs).map(|checked| checked.warnings)
    }

    /// Returns the rules under a stage's `check:`, which may look into its inputs.
    fn rules(&self, action: usize, check: &With) -> Result<Value, Failure> {
        if check.late_names().is_empty() {
            return Ok(check.constants());
        }
        let node = self.project.node(action);
        let inputs: Vec<&Bound> = node.inputs.iter().filter(|input| self.project.is_present(input)).collect();
        let mut scope = compose::scope(&self.project.story, &node.action, &inputs, &Places::DECLARED);
        compose::fill(&mut scope, &mut |file| self.project.workspace.content(file))?;
        check.resolve(&scope)
    }

    fn read_for_check(&self, path: &RepoPath, place: &Path) -> Result<Vec<u8>, Failure> {
        let read = self.project.workspace.disk.read(place);
        read.map_err(|error| Failure::new(Cause::Machine, format!("failed to read `{path}`: {error}")))
    }
}
