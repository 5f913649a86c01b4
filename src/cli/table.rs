//! The table of `--batch`: a file whose rows are read one by one, as often as they are asked for.

use crate::base::digest::Digest;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::data::rows::rows;
use crate::storyfile::row::Row;
use crate::world::disk::{Disk, Sort};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Bytes that are read at once.
const PIECE: usize = 64 * 1024;

/// A table that stands.
#[derive(Clone)]
pub struct Table {
    disk: Arc<dyn Disk>,
    place: PathBuf,
    /// Its name as it was typed.
    pub name: String,
}

/// Rows, one by one; the inner `Err` says what is wrong with the `id` of one.
pub type RowsRead = Box<dyn Iterator<Item = Result<Result<Arc<Row>, String>, CliError>>>;

impl Table {
    /// Finds the table that the command line names.
    pub fn find(context: &Context, name: &Path) -> Result<Table, CliError> {
        let place = context.dir.join(name);
        let table = Table { disk: context.world.disk.clone(), place, name: name.display().to_string() };
        match table.disk.stat_following(&table.place) {
            // Read twice: a pipe would be empty the second time.
            Ok(stat) if stat.sort == Sort::File => Ok(table),
            Ok(_) => Err(table.fault("is no file")),
            Err(error) => Err(table.fault(&format!("cannot be read: {error}"))),
        }
    }

    /// Reads the rows from the first on.
    pub fn rows(&self) -> Result<RowsRead, CliError> {
        let size = self.disk.stat_following(&self.place).map_or(0, |stat| stat.size);
        let file = Pieces { disk: self.disk.clone(), place: self.place.clone(), at: 0, size };
        let rows = rows(&self.ending(), file).map_err(|fault| self.fault(&fault.to_string()))?;
        let table = self.clone();
        Ok(Box::new(rows.map(move |row| match row {
            Ok((line, cells)) => Ok(Row::of(cells, format!("{}:{line}", table.name)).map(Arc::new)),
            Err(fault) => Err(table.fault(&fault.to_string())),
        })))
    }

    /// Returns what tells this table from others: its format and its content.
    pub fn identity(&self) -> Result<String, CliError> {
        let mut hasher = Digest::hasher();
        let read = self.disk.read_pieces(&self.place, &mut |piece| {
            hasher.update(piece);
        });
        read.map_err(|error| self.fault(&format!("cannot be read: {error}")))?;
        Ok(format!("{} {}", self.ending(), hasher.finish()))
    }

    fn ending(&self) -> String {
        self.place.extension().map(|ending| ending.to_string_lossy().into_owned()).unwrap_or_default()
    }

    fn fault(&self, what: &str) -> CliError {
        CliError::Usage {
            message: format!("the table `{}` {what}", self.name),
            hint: Some("Name a file of rows with a column `id`: csv, tsv, jsonl, json or yaml.".to_owned()),
        }
    }
}

/// A file that is read piece by piece.
struct Pieces {
    disk: Arc<dyn Disk>,
    place: PathBuf,
    at: u64,
    size: u64,
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.size - self.at).unwrap_or(usize::MAX);
        let bytes = self.disk.read_at(&self.place, self.at, buffer.len().min(PIECE).min(left))?;
        buffer[..bytes.len()].copy_from_slice(&bytes);
        self.at += bytes.len() as u64;
        Ok(bytes.len())
    }
}
