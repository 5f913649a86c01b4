//! Dynamic time warping: the cheapest way to walk through two sequences at once. Pure; knows nothing of sound.

use std::ops::Range;

/// Which places of the second sequence each place of the first may meet: a band around where they are expected to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Corridor {
    /// For each place of the first; never empty, neither end ever goes back, each touches the next.
    rows: Vec<Range<usize>>,
    columns: usize,
}

/// A walk through both sequences, from both starts to both ends; neither place ever goes back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Path {
    /// For each place of the first sequence, the first and the last place of the second that it meets.
    meets: Vec<(usize, usize)>,
}

impl Corridor {
    /// Returns the band around the straight line between both ends, `reach` places wide on each side.
    pub fn diagonal(rows: usize, columns: usize, reach: usize) -> Corridor {
        let at = |row: usize| (row * columns.saturating_sub(1)) / rows.saturating_sub(1).max(1);
        Corridor::around((0..rows).map(|row| (at(row), at((row + 1).min(rows.saturating_sub(1))))), columns, reach)
    }

    /// Returns the band around what the places are expected to meet, first to last, `reach` places wide on each side.
    pub fn around(expected: impl IntoIterator<Item = (usize, usize)>, columns: usize, reach: usize) -> Corridor {
        let mut rows: Vec<Range<usize>> = Vec::new();
        for (first, last) in expected {
            // Rows must touch: the walk goes from one to the next.
            let before = rows.last().cloned().unwrap_or(0..1);
            let start = first.saturating_sub(reach).max(before.start).min(before.end.min(columns.saturating_sub(1)));
            let end = (last.saturating_add(reach + 1)).min(columns).max(start + 1).max(before.end);
            rows.push(start..end);
        }
        if let Some(first) = rows.first_mut() {
            first.start = 0;
        }
        if let Some(last) = rows.last_mut() {
            last.end = columns.max(1);
        }
        Corridor { rows, columns }
    }
}

/// From where a cell is reached.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    /// Both sequences went on.
    Both,
    /// Only the first.
    First,
    /// Only the second.
    Second,
}

/// Returns the cheapest walk inside the corridor; `distance` tells how unlike two places are. None for nothing.
///
/// A step in both sequences costs as much as one in either: of equal walks the one with fewer steps is cheaper.
pub fn walk(corridor: &Corridor, distance: impl Fn(usize, usize) -> f32) -> Option<Path> {
    if corridor.rows.is_empty() || corridor.columns == 0 {
        return None;
    }
    let mut steps: Vec<Vec<Step>> = Vec::with_capacity(corridor.rows.len());
    let (mut costs, mut costs_from): (Vec<f32>, usize) = (Vec::new(), 0);
    for (row, columns) in corridor.rows.iter().enumerate() {
        let before = |column: usize| {
            let known = column.checked_sub(costs_from).and_then(|at| costs.get(at));
            known.copied().unwrap_or(f32::INFINITY)
        };
        let mut here: Vec<f32> = Vec::with_capacity(columns.len());
        let mut taken = Vec::with_capacity(columns.len());
        for column in columns.clone() {
            let both = column.checked_sub(1).map_or(f32::INFINITY, before);
            let (first, second) = (before(column), here.last().copied().unwrap_or(f32::INFINITY));
            let (least, step) = if both <= first && both <= second {
                (both, Step::Both)
            } else if first <= second {
                (first, Step::First)
            } else {
                (second, Step::Second)
            };
            let least = if row == 0 && column == 0 { 0.0 } else { least };
            here.push(least + distance(row, column));
            taken.push(step);
        }
        steps.push(taken);
        (costs, costs_from) = (here, columns.start);
    }
    Some(traced(corridor, &steps))
}

fn traced(corridor: &Corridor, steps: &[Vec<Step>]) -> Path {
    let mut row = corridor.rows.len() - 1;
    let mut column = corridor.columns - 1;
    let mut meets = vec![(0, 0); corridor.rows.len()];
    meets[row] = (column, column);
    while row > 0 || column > 0 {
        let step = match (row, column) {
            (0, _) => Step::Second,
            (_, 0) => Step::First,
            _ => steps[row][column - corridor.rows[row].start],
        };
        match step {
            Step::Second => {
                column -= 1;
                meets[row].0 = column;
            }
            Step::Both | Step::First => {
                row -= 1;
                column -= usize::from(step == Step::Both);
                meets[row] = (column, column);
            }
        }
    }
    Path { meets }
}

impl Path {
    /// Returns the first and the last place of the second sequence that each place of the first meets.
    pub fn meets(&self) -> &[(usize, usize)] {
        &self.meets
    }

    /// Goes on with a walk whose second sequence begins at the place `offset` of this one's.
    pub fn extend(&mut self, next: Path, offset: usize) {
        self.meets.extend(next.meets.into_iter().map(|(first, last)| (first + offset, last + offset)));
    }

    /// Returns where in the second sequence a place of the first is met, both between places: never going back.
    pub fn met(&self, place: f64) -> f64 {
        let last = self.meets.len() - 1;
        let place = place.clamp(0.0, last as f64);
        let middle = |row: usize| (self.meets[row].0 + self.meets[row].1) as f64 / 2.0;
        let (row, part) = (place.floor() as usize, place.fract());
        middle(row) + part * (middle((row + 1).min(last)) - middle(row))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A value that no other place has, changing slowly.
    fn signal(at: f64) -> f32 {
        ((at / 7.0).sin() * 3.0 + (at / 23.0).cos() * 5.0 + at / 40.0) as f32
    }

    #[track_caller]
    fn check_warp(rows: usize, warp: impl Fn(f64) -> f64, reach: usize, off_max: f64) {
        let first: Vec<f32> = (0..rows).map(|at| signal(at as f64)).collect();
        let columns = warp(rows as f64 - 1.0).round() as usize + 1;
        // The inverse of the warp, by search.
        let back = |column: usize| {
            let (mut low, mut high) = (0.0, rows as f64);
            for _ in 0..60 {
                let middle = f64::midpoint(low, high);
                if warp(middle) < column as f64 { low = middle } else { high = middle }
            }
            low
        };
        let second: Vec<f32> = (0..columns).map(|column| signal(back(column))).collect();
        let corridor = Corridor::diagonal(rows, columns, reach);
        let path = walk(&corridor, |a, b| (first[a] - second[b]).abs()).unwrap();
        for place in 0..rows {
            let off = (path.met(place as f64) - warp(place as f64)).abs();
            assert!(off <= off_max, "place {place} is {off} off");
        }
    }

    #[test]
    fn known_warps_are_recovered() {
        check_warp(300, |at| at, 30, 0.0);
        check_warp(300, |at| at * 1.25, 60, 1.5);
        check_warp(300, |at| at * 0.8, 60, 1.5);
        check_warp(300, |at| at + 12.0 * (at / 40.0).sin().powi(2), 40, 2.5);
        // A pause of 50 places in the second that the first has not.
        check_warp(200, |at| if at < 100.0 { at } else { at + 50.0 }, 60, 25.0);
    }

    #[test]
    fn a_band_too_narrow_for_the_warp_still_gives_a_walk() {
        let corridor = Corridor::diagonal(100, 400, 0);
        let path = walk(&corridor, |_, _| 1.0).unwrap();
        assert_eq!((path.meets()[0].0, path.meets()[99].1), (0, 399));
    }

    #[test]
    fn nothing_has_no_walk_and_one_place_meets_all() {
        assert_eq!(walk(&Corridor::diagonal(0, 5, 2), |_, _| 0.0), None);
        assert_eq!(walk(&Corridor::diagonal(5, 0, 2), |_, _| 0.0), None);
        let one = walk(&Corridor::diagonal(1, 4, 1), |_, _| 0.0).unwrap();
        assert_eq!(one.meets(), [(0, 3)]);
        let all = walk(&Corridor::diagonal(4, 1, 1), |_, _| 0.0).unwrap();
        assert_eq!(all.meets(), [(0, 0); 4]);
    }

    proptest! {
        #[test]
        fn a_walk_goes_from_end_to_end_and_never_back(
            rows in 1usize..60,
            columns in 1usize..60,
            reach in 0usize..9,
            costs in proptest::collection::vec(0.0_f32..9.0, 97),
            expected in proptest::collection::vec((0usize..70, 0usize..9), 1..60),
        ) {
            let bands = [
                Corridor::diagonal(rows, columns, reach),
                Corridor::around(expected.iter().map(|&(first, more)| (first, first + more)), columns, reach),
            ];
            for corridor in bands {
                let path = walk(&corridor, |a, b| costs[(a * 31 + b * 17) % costs.len()]).unwrap();
                let meets = path.meets();
                prop_assert_eq!(meets.len(), corridor.rows.len());
                prop_assert_eq!((meets[0].0, meets[meets.len() - 1].1), (0, columns - 1));
                prop_assert!(meets.iter().all(|(first, last)| first <= last));
                prop_assert!(meets.windows(2).all(|pair| pair[1].0 == pair[0].1 || pair[1].0 == pair[0].1 + 1));
                let mut before = 0.0;
                for at in 0..rows * 4 {
                    let met = path.met(at as f64 / 4.0);
                    prop_assert!(met >= before);
                    before = met;
                }
            }
        }
    }
}
