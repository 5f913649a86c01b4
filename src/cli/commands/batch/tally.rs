//! How each row of a batch ends.

use crate::event::kind::{Event, Outcome};
use crate::event::sink::Sink;
use crate::report::rows::RowEnd;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Counts by row what it hears.
#[derive(Default)]
pub struct Tally(Mutex<BTreeMap<String, RowEnd>>);

impl Tally {
    /// Gives away what has ended since the last time.
    pub fn take(&self) -> BTreeMap<String, RowEnd> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Sink for Tally {
    fn send(&self, event: &Event) {
        let Event::ActionFinished(finished) = event else { return };
        let Some(row) = finished.action.first_key() else { return };
        let mut rows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let end = rows.entry(row.to_owned()).or_insert_with(|| RowEnd::new(row));
        end.add(finished);
        if finished.outcome != Outcome::Fresh {
            end.actions.push(finished.clone());
        }
    }
}
