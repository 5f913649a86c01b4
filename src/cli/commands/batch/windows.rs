//! The rows of a table, some at a time, in one project that goes on from rows to rows.

use super::WINDOW;
use crate::base::diagnostic::Diagnostic;
use crate::cli::error::CliError;
use crate::cli::rows::Stories;
use crate::cli::session::{Loaded, open_story};
use crate::cli::survey::Survey;
use crate::cli::table::RowsRead;
use crate::engine::open::{Access, Opened};
use crate::engine::select::{Wish, find};
use crate::storyfile::row::Row;
use crate::storyfile::story::Story;
use std::sync::Arc;

/// Rows that are built together.
pub struct Window {
    pub rows: Vec<Arc<Row>>,
    /// The rows among them that cannot be built.
    pub wrong: Vec<Arc<Row>>,
    pub faults: Vec<Diagnostic>,
    pub wish: Option<Wish>,
}

/// The table's rows, some at a time, in one project.
pub struct Windows<'a> {
    pub stories: &'a Stories<'a>,
    pub survey: &'a Survey,
    pub wish: &'a Wish,
    pub rows: RowsRead,
    /// How many rows were read.
    pub number: u32,
    pub opened: Option<Opened>,
    pub access: Access,
}

impl Windows<'_> {
    /// Opens the next rows; `None` after the last.
    pub fn next(&mut self) -> Result<Option<Window>, CliError> {
        let mut window = Window { rows: Vec::new(), wrong: Vec::new(), faults: Vec::new(), wish: None };
        for row in self.rows.by_ref().take(WINDOW) {
            let row = row?.ok().filter(|row| self.survey.number(row) == Some(self.number));
            let Some(row) = row else { return Err(self.changed()) };
            match self.survey.wrong.contains(&self.number) {
                true => window.wrong.push(row),
                false => window.rows.push(row),
            }
            self.number += 1;
        }
        if window.rows.is_empty() && window.wrong.is_empty() {
            return if self.number == self.survey.rows { Ok(None) } else { Err(self.changed()) };
        }
        if window.rows.is_empty() {
            return Ok(Some(window));
        }
        if let Err(faults) = self.open(&window.rows)? {
            // Some of them cannot be built: each alone shows which.
            window.faults = faults;
            let rows = std::mem::take(&mut window.rows);
            for row in rows {
                match self.open(std::slice::from_ref(&row))? {
                    Ok(()) => window.rows.push(row),
                    Err(_) => window.wrong.push(row),
                }
            }
            match window.rows.is_empty() {
                true => return Ok(Some(window)),
                false => self.open(&window.rows)?.map_err(|faults| self.fault(faults))?,
            }
        }
        window.wish = self.wish_of_window();
        Ok(Some(window))
    }

    /// Puts these rows into the project; the inner `Err` are their faults.
    fn open(&mut self, rows: &[Arc<Row>]) -> Result<Result<(), Vec<Diagnostic>>, CliError> {
        let mut stories = Vec::with_capacity(rows.len());
        for row in rows {
            match self.stories.story(row) {
                Ok((story, _)) => stories.push(story),
                Err(faults) => return Ok(Err(faults)),
            }
        }
        let story = Story::of_rows(stories);
        if let Some(opened) = &mut self.opened {
            return Ok(opened.project.turn_to(story)?.map(drop));
        }
        let sources = self.stories.sources().clone();
        let loaded = Loaded { story, sources, warnings: Vec::new() };
        let Stories { found, inputs, registry, .. } = self.stories;
        match open_story(found, inputs, registry.clone(), loaded, self.access) {
            Ok(opened) => self.opened = Some(opened),
            Err(CliError::Faults { faults, .. }) => return Ok(Err(faults)),
            Err(error) => return Err(error),
        }
        Ok(Ok(()))
    }

    /// Returns what is asked for of these rows; `None` if nothing is.
    fn wish_of_window(&self) -> Option<Wish> {
        let project = &self.opened.as_ref()?.project;
        let known = |name: &&String| find(project, name).is_ok();
        let all = |names: &[String]| names.iter().filter(known).cloned().collect::<Vec<_>>();
        let wish = Wish {
            targets: all(&self.wish.targets),
            force: all(&self.wish.force),
            from: self.wish.from.iter().find(known).cloned(),
            only: all(&self.wish.only),
            discard_edits: all(&self.wish.discard_edits),
        };
        let is_left = |whole: bool, left: bool| !whole || left;
        let asks = is_left(!self.wish.targets.is_empty(), !wish.targets.is_empty())
            && is_left(self.wish.from.is_some(), wish.from.is_some())
            && is_left(!self.wish.only.is_empty(), !wish.only.is_empty());
        asks.then_some(wish)
    }

    fn changed(&self) -> CliError {
        CliError::Usage {
            message: format!("the table `{}` changed while it was read", self.stories.table.name),
            hint: Some("Build again: what is finished is kept.".to_owned()),
        }
    }

    pub fn fault(&self, faults: Vec<Diagnostic>) -> CliError {
        CliError::Faults { sources: self.stories.sources().clone(), faults }
    }
}
