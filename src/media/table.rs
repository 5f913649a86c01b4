//! Reads the lines of a table as they are spoken: row by row, a comma between cells.

use super::block::trim;
use super::markup::Mark;

/// Whether the line parts a table's head from its rows: `|---|:--:|`.
pub(super) fn is_rule(line: &[Mark]) -> bool {
    let dashes = line.iter().filter(|mark| mark.1 == '-').count();
    line[0].1 == '|'
        && dashes >= 3
        && line.iter().all(|mark| matches!(mark.1, '|' | '-' | ':') || mark.1.is_whitespace())
}

/// Returns what a table's row says, a comma between its cells: `| tea | milk |`.
pub(super) fn row(line: &[Mark]) -> Option<Vec<Mark>> {
    let [(_, '|'), inner @ .., (_, '|')] = line else { return None };
    let cells: Vec<&[Mark]> = inner.split(|mark| mark.1 == '|').map(trim).filter(|cell| !cell.is_empty()).collect();
    let mut row = Vec::with_capacity(inner.len());
    for (nth, cell) in cells.iter().enumerate() {
        if let Some(&(at, before)) = row.last().filter(|_| nth > 0) {
            if !matches!(before, '.' | ',' | ';' | ':' | '!' | '?' | '…') {
                row.push((at, ','));
            }
            row.push((at, ' '));
        }
        row.extend(*cell);
    }
    (!row.is_empty()).then_some(row)
}
