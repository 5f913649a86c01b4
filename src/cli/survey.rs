//! Looks through all rows of a table before anything runs: what each comes to, and that no two meet.

use crate::base::diagnostic::{Diagnostic, Severity, nearest};
use crate::base::digest::Digest;
use crate::base::path::RepoPath;
use crate::cli::error::CliError;
use crate::cli::rows::Stories;
use crate::cli::session::providers;
use crate::engine::batch::both_write;
use crate::engine::open::faults_of;
use crate::engine::select::{UnknownTarget, may_mean};
use crate::provider::Providers;
use crate::storyfile::check::folded;
use crate::storyfile::row::Row;
use crate::storyfile::story::{Action, Selector, Story, Work};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// How many faults of rows are told.
const FAULTS_SHOWN: usize = 20;

/// What all rows come to. Of each row it holds a few bytes.
#[derive(Default)]
pub struct Survey {
    pub rows: u32,
    pub actions: usize,
    pub warnings: Vec<Diagnostic>,
    /// The rows that cannot be built, by number from 0.
    pub wrong: BTreeSet<u32>,
    told: Vec<Told>,
    ids: HashMap<u128, u32>,
}

/// Who writes and who reads what, as long as rows are looked through.
#[derive(Default)]
struct Paths {
    claims: HashMap<u128, Claim>,
    /// The first two rows that read each.
    reads: HashMap<u128, (u32, Option<u32>)>,
}

/// A fault, the first row that has it, and how many more have.
struct Told {
    fault: Diagnostic,
    id: String,
    place: String,
    more: usize,
}

/// Who writes a path, or below it.
#[derive(Clone, Copy)]
struct Claim {
    row: u32,
    /// Another that writes below it too.
    other: Option<u32>,
    is_whole: bool,
}

/// Looks through all rows. `names` are the targets of the command line: at least one row has to know each. An error are faults
/// of the table as a whole: rows without names of their own, and rows that would write each other's files.
pub fn survey(stories: &Stories, names: &[String]) -> Result<Survey, CliError> {
    let mut survey = Survey { warnings: stories.warnings.clone(), ..Survey::default() };
    let mut unknown: BTreeSet<&String> = names.iter().collect();
    let mut of_table = Vec::new();
    let mut joined = None;
    let mut paths = Paths::default();
    for row in stories.table.rows()? {
        let number = survey.rows;
        survey.rows += 1;
        let row = match row? {
            Ok(row) => row,
            Err(fault) => {
                of_table.push(nameless(fault));
                continue;
            }
        };
        if let Some(&first) = survey.ids.get(&hash(&row.id)) {
            of_table.push(same_id(&row, stories, first)?);
            continue;
        }
        survey.ids.insert(hash(&row.id), number);
        if of_table.len() >= FAULTS_SHOWN {
            break;
        }
        if number == 0 {
            survey.warnings.extend(unused(stories, &row));
        }
        match stories.story(&row) {
            Err(faults) => survey.refuse_row(number, &row, faults),
            Ok((story, warnings)) => {
                survey.warn(warnings);
                unknown.retain(|name| !story.actions.iter().any(|action| may_mean(name, action)));
                of_table.extend(paths.take(number, &row, &story.actions, stories)?);
                survey.actions += story.actions.len();
                let providers = joined.get_or_insert_with(|| providers(stories.found, stories.inputs, &story));
                survey.bind(number, &row, story, stories, providers);
            }
        }
    }
    if !of_table.is_empty() {
        return Err(CliError::Faults { sources: stories.sources().clone(), faults: of_table });
    }
    survey.refuse_readers(&paths, stories)?;
    if let (Some(name), true) = (unknown.first(), survey.wrong.len() < survey.rows as usize) {
        return Err(UnknownTarget { name: (*name).clone(), suggestion: None }.into());
    }
    if survey.rows == 0 {
        return Err(CliError::usage(format!("the table `{}` has no rows", stories.table.name)));
    }
    Ok(survey)
}

impl Survey {
    /// Returns the number of the row with this name.
    pub fn number(&self, row: &Row) -> Option<u32> {
        self.ids.get(&hash(&row.id)).copied()
    }

    /// Refuses to go on with rows that cannot be built.
    pub fn refuse(&self, stories: &Stories) -> Result<(), CliError> {
        match self.wrong.is_empty() {
            true => Ok(()),
            false => Err(CliError::Faults { sources: stories.sources().clone(), faults: self.faults() }),
        }
    }

    fn refuse_row(&mut self, number: u32, row: &Row, faults: Vec<Diagnostic>) {
        self.wrong.insert(number);
        let is_full = self.told.len() >= FAULTS_SHOWN;
        for fault in faults.into_iter().filter(|fault| fault.severity == Severity::Error) {
            match self.told.iter_mut().find(|told| told.fault == fault) {
                Some(told) => told.more += 1,
                None if !is_full => {
                    self.told.push(Told { fault, id: row.id.clone(), place: row.place.clone(), more: 0 });
                }
                None => {}
            }
        }
    }

    /// Returns the faults of rows, each with the first row that has it.
    pub fn faults(&self) -> Vec<Diagnostic> {
        let one = |told: &Told| {
            let mut fault = told.fault.clone();
            if !fault.message.contains(&told.place) {
                fault.message = format!("{}, in the row `{}` at {}", fault.message, told.id, told.place);
            }
            match told.more {
                0 => {}
                1 => fault.message.push_str(" and in 1 more"),
                more => fault.message.push_str(&format!(" and in {more} more")),
            }
            fault
        };
        self.told.iter().map(one).collect()
    }

    fn warn(&mut self, warnings: Vec<Diagnostic>) {
        for warning in warnings {
            if self.warnings.len() < FAULTS_SHOWN && !self.warnings.contains(&warning) {
                self.warnings.push(warning);
            }
        }
    }

    /// Finds the faults that show only with the disk: inputs that are not there, settings that kinds refuse.
    fn bind(&mut self, number: u32, row: &Row, story: Story, stories: &Stories, providers: &Providers) {
        let faults = faults_of(&stories.inputs.world, &stories.found.root, story, &stories.registry, providers);
        match faults.iter().any(|fault| fault.severity == Severity::Error) {
            true => self.refuse_row(number, row, faults),
            false => self.warn(faults),
        }
    }

    /// Refuses the rows that read what others write: which of the two comes first nobody has said.
    fn refuse_readers(&mut self, paths: &Paths, stories: &Stories) -> Result<(), CliError> {
        for number in paths.readers_of_others() {
            let Some(row) = nth(stories, number)? else { continue };
            let Ok((story, _)) = stories.story(&row) else { continue };
            for input in story.actions.iter().flat_map(|action| &action.inputs) {
                let (Selector::File(path) | Selector::Tree(path)) = &input.selector else { continue };
                let Some(other) = paths.other_writer(number, path) else { continue };
                let (id, place) = name_of(stories, other)?;
                let message = format!(
                    "the row `{}` ({}) reads `{path}`, which the row `{id}` ({place}) writes",
                    row.id, row.place
                );
                let fault = Diagnostic::error("S203", message, input.span).label("of another row");
                let help = "rows know nothing of each other: let a build without `--batch` read what they made";
                self.refuse_row(number, &row, vec![fault.help(help)]);
            }
        }
        Ok(())
    }
}

impl Paths {
    /// Notes what the actions of a row write and read; returns the faults of paths that an earlier row writes.
    fn take(
        &mut self,
        number: u32,
        row: &Row,
        actions: &[Action],
        stories: &Stories,
    ) -> Result<Vec<Diagnostic>, CliError> {
        let mut faults: Vec<Diagnostic> = Vec::new();
        for action in actions {
            let outputs = action.writes().map(|output| (output.path.clone(), output.span));
            let territories = match &action.work {
                Work::Fan { territories, .. } => territories.as_slice(),
                _ => &[],
            };
            let of_fan = territories.iter().filter_map(|one| Some((RepoPath::parse(&one.pattern).ok()?, action.span)));
            for (path, span) in outputs.chain(of_fan) {
                if let Some(other) = self.claim(number, &path) {
                    let (id, place) = name_of(stories, other)?;
                    faults.push(both_write([(&id, &place), (&row.id, &row.place)], &path, span));
                }
            }
            for input in &action.inputs {
                if let Selector::File(path) | Selector::Tree(path) = &input.selector {
                    let known = self.reads.entry(hash(&folded(path.as_str()))).or_insert((number, None));
                    if known.0 != number {
                        known.1 = Some(number);
                    }
                }
            }
        }
        faults.truncate(1);
        Ok(faults)
    }

    /// Claims a path for a row; returns another row that writes it, something in it, or what it lies in.
    fn claim(&mut self, row: u32, path: &RepoPath) -> Option<u32> {
        let key = hash(&folded(path.as_str()));
        let not_us = |claim: &Claim| if claim.row == row { claim.other } else { Some(claim.row) };
        if let Some(other) = self.claims.get(&key).and_then(not_us) {
            return Some(other);
        }
        self.claims.insert(key, Claim { row, other: None, is_whole: true });
        let mut above = path.parent();
        while let Some(folder) = above {
            let known = self.claims.entry(hash(&folded(folder.as_str())));
            let claim = known.or_insert(Claim { row, other: None, is_whole: false });
            if claim.row != row {
                if claim.is_whole {
                    return Some(claim.row);
                }
                claim.other.get_or_insert(row);
            }
            above = folder.parent();
        }
        None
    }

    /// Returns the first rows that read what others write.
    fn readers_of_others(&self) -> BTreeSet<u32> {
        let is_of_other = |(path, readers): (&u128, &(u32, Option<u32>))| {
            let claim = self.claims.get(path)?;
            [Some(readers.0), readers.1]
                .into_iter()
                .flatten()
                .find(|reader| *reader != claim.row || claim.other.is_some())
        };
        self.reads.iter().filter_map(is_of_other).take(FAULTS_SHOWN).collect()
    }

    /// Returns another row that writes a path that this one reads.
    fn other_writer(&self, reader: u32, path: &RepoPath) -> Option<u32> {
        let claim = self.claims.get(&hash(&folded(path.as_str())))?;
        if claim.row == reader { claim.other } else { Some(claim.row) }
    }
}

fn hash(text: &str) -> u128 {
    Digest::of(text.as_bytes()).half()
}

/// Finds a row again by its number.
fn nth(stories: &Stories, number: u32) -> Result<Option<Arc<Row>>, CliError> {
    Ok(stories.table.rows()?.nth(number as usize).transpose()?.and_then(Result::ok))
}

fn name_of(stories: &Stories, number: u32) -> Result<(String, String), CliError> {
    Ok(nth(stories, number)?.map(|row| (row.id.clone(), row.place.clone())).unwrap_or_default())
}

fn of_no_place(mut fault: Diagnostic) -> Diagnostic {
    fault.span = None;
    fault
}

fn nameless(fault: String) -> Diagnostic {
    let help = "every row needs an `id` of its own in a column `id`: letters of a to z, digits, `.`, `_` and `-`";
    of_no_place(Diagnostic::error("S202", fault, crate::base::span::Span::default()).help(help))
}

fn same_id(row: &Row, stories: &Stories, first: u32) -> Result<Diagnostic, CliError> {
    let (_, place) = name_of(stories, first)?;
    Ok(nameless(format!("the rows at {place} and {} both have the `id` `{}`", row.place, row.id)))
}

/// A column that nothing uses, and that is nearly called like a param: a slip. Others may be for templates.
fn unused(stories: &Stories, row: &Row) -> Vec<Diagnostic> {
    let one = |column: String| {
        let param = nearest(&column, stories.params())?;
        let message = format!("nothing uses the column `{column}` of `{}`", stories.table.name);
        let fault = Diagnostic::warning("S204", message, crate::base::span::Span::default());
        Some(of_no_place(fault.help(format!("did you mean `{param}`?"))))
    };
    stories.unused_columns(row).into_iter().filter_map(one).collect()
}
