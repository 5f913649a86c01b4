//! Guesses how long work in progress will still take. Pure: the elapsed time is given.

/// How far a piece of work is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// How long it took the last time, in milliseconds.
    pub estimate_ms: Option<u64>,
    /// Parts done, of `total`; `total` is 0 while unknown.
    pub done: u64,
    pub total: u64,
    /// What the parts are: `sentences`.
    pub note: String,
}

impl Progress {
    /// Returns the guessed remaining milliseconds after `elapsed_ms`; `None` where nothing supports a guess.
    ///
    /// The past run's duration leads at first and this run's own pace takes over as parts are done: the first parts
    /// carry the loading of a model and would overstate the rest.
    pub fn remaining_ms(&self, elapsed_ms: u64) -> Option<u64> {
        let by_past = self.estimate_ms.and_then(|estimate| estimate.checked_sub(elapsed_ms));
        let done = self.done.min(self.total);
        let by_pace = (done > 0).then(|| {
            let left = u128::from(elapsed_ms) * u128::from(self.total - done) / u128::from(done);
            u64::try_from(left).unwrap_or(u64::MAX)
        });
        match (by_pace, by_past) {
            (Some(pace), Some(past)) => {
                let weight = done as f64 / self.total as f64;
                Some((pace as f64 * weight + past as f64 * (1.0 - weight)) as u64)
            }
            (Some(one), None) | (None, Some(one)) => Some(one),
            (None, None) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(estimate_ms: Option<u64>, done: u64, total: u64, elapsed_ms: u64) -> Option<u64> {
        Progress { estimate_ms, done, total, note: String::new() }.remaining_ms(elapsed_ms)
    }

    #[test]
    fn the_past_leads_until_parts_are_done() {
        assert_eq!(at(Some(10_000), 0, 0, 4_000), Some(6_000));
        assert_eq!(at(None, 1, 4, 3_000), Some(9_000));
        assert_eq!(at(Some(10_000), 2, 4, 4_000), Some(5_000));
        assert_eq!(at(Some(10_000), 4, 4, 12_000), Some(0));
    }

    #[test]
    fn nothing_is_guessed_from_nothing() {
        assert_eq!(at(None, 0, 0, 1_000), None);
        assert_eq!(at(None, 0, 9, 1_000), None);
        assert_eq!(at(Some(5_000), 0, 0, 6_000), None);
    }

    #[test]
    fn more_parts_than_announced_do_no_harm() {
        assert_eq!(at(None, 9, 4, 1_000), Some(0));
        assert_eq!(at(None, 1, u64::MAX, u64::MAX), Some(u64::MAX));
    }
}
