//! Stories of rows: the Storyfile is read once, and each row of the table makes a story of it.

use crate::base::diagnostic::{Diagnostic, Severity};
use crate::base::sources::Sources;
use crate::cli::error::CliError;
use crate::cli::inputs::Inputs;
use crate::cli::session::{Found, storyfile_text, with_given};
use crate::cli::table::Table;
use crate::kind::registry::Registry;
use crate::storyfile::load::{self, Read};
use crate::storyfile::row::{ID, Row};
use crate::storyfile::story::Story;
use std::sync::Arc;

/// A Storyfile and the table of its rows.
pub struct Stories<'a> {
    pub found: &'a Found,
    pub inputs: &'a Inputs,
    pub table: &'a Table,
    pub registry: Arc<Registry>,
    read: Read,
    /// Warnings about the Storyfile without any row.
    pub warnings: Vec<Diagnostic>,
}

impl<'a> Stories<'a> {
    /// Reads the Storyfile. Faults that need no row come as one error, with those of the first row.
    pub fn open(found: &'a Found, inputs: &'a Inputs, table: &'a Table) -> Result<Stories<'a>, CliError> {
        let registry = Arc::new(Registry::builtin());
        let text = storyfile_text(found, inputs)?;
        let first = table.rows()?.next().transpose()?.and_then(Result::ok);
        if let Some(row) = &first {
            twice_given(inputs, row, table)?;
        }
        let read = with_given(found, inputs, None, |given| load::read(&text, given));
        let Some((read, warnings)) = read else {
            let draft = with_given(found, inputs, first, |given| load::draft(&text, &*registry, given));
            return Err(CliError::Faults { sources: draft.sources, faults: draft.faults });
        };
        Ok(Stories { found, inputs, table, registry, read, warnings })
    }

    pub fn sources(&self) -> &Sources {
        self.read.sources()
    }

    /// Makes the story of a row, with the warnings about it; `Err` are its faults.
    pub fn story(&self, row: &Arc<Row>) -> Result<(Story, Vec<Diagnostic>), Vec<Diagnostic>> {
        let (story, faults) =
            with_given(self.found, self.inputs, None, |given| self.read.of_row(row, &*self.registry, given));
        match faults.iter().any(|fault| fault.severity == Severity::Error) {
            true => Err(faults),
            false => Ok((story, faults)),
        }
    }

    /// Returns the columns that nothing can use: no params, and named by no expression.
    pub fn unused_columns(&self, row: &Row) -> Vec<String> {
        let params = self.read.params();
        let is_used = |column: &str| {
            let is_named = || self.sources().text().contains(&format!("batch.{column}"));
            column == ID || params.contains(&column) || self.sources().text().contains("batch[") || is_named()
        };
        row.cells.keys().filter(|column| !is_used(column)).cloned().collect()
    }

    /// Returns the names of the params.
    pub fn params(&self) -> Vec<&str> {
        self.read.params()
    }
}

/// A value that is typed for all rows and stands in each: which is meant nobody can know.
fn twice_given(inputs: &Inputs, row: &Row, table: &Table) -> Result<(), CliError> {
    match inputs.params.iter().find(|(name, _)| row.cells.contains_key(name)) {
        None => Ok(()),
        Some((name, _)) => Err(CliError::Usage {
            message: format!("the param `{name}` is given by `-p` and by a column of `{}`", table.name),
            hint: Some("Give it by one of the two.".to_owned()),
        }),
    }
}
