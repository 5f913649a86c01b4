//! The result of a build as JSON: the answer of `build --json`.

use crate::base::money::Spend;
use crate::event::kind::{Event, Finished, Outcome};
use serde::Serialize;
use std::collections::BTreeMap;

/// Version of the JSON form.
const VERSION: u32 = 1;

/// What `build --json` prints. Field names are stable.
#[derive(Debug, Serialize)]
struct Result<'a> {
    version: u32,
    /// The exit status.
    exit: u8,
    took_ms: u64,
    /// How many actions ended in each way.
    counts: BTreeMap<Outcome, usize>,
    /// What all calls came to.
    #[serde(skip_serializing_if = "Spend::is_nothing")]
    spend: Spend,
    /// The actions that did anything, or did not get to it; those that were fresh are only counted.
    actions: Vec<&'a Finished>,
}

/// Returns the result that these events tell.
pub fn of_events(events: &[Event]) -> String {
    let mut result = Result {
        version: VERSION,
        exit: 0,
        took_ms: 0,
        counts: BTreeMap::new(),
        spend: Spend::default(),
        actions: Vec::new(),
    };
    for event in events {
        match event {
            Event::ActionFinished(finished) if finished.outcome != Outcome::Fresh => result.actions.push(finished),
            Event::RunFinished { counts, took_ms, exit, spend } => {
                (result.counts, result.spend) = (counts.clone(), spend.clone());
                (result.took_ms, result.exit) = (*took_ms, *exit);
            }
            _ => {}
        }
    }
    print(&result)
}

/// Returns the result of a build that had nothing to do.
pub fn of_nothing(actions: usize, skipped: usize) -> String {
    let mut counts = BTreeMap::from([(Outcome::Fresh, actions.saturating_sub(skipped)), (Outcome::Skipped, skipped)]);
    counts.retain(|outcome, count| *count > 0 || *outcome == Outcome::Fresh);
    print(&Result { version: VERSION, exit: 0, took_ms: 0, counts, spend: Spend::default(), actions: Vec::new() })
}

fn print(result: &Result<'_>) -> String {
    serde_json::to_string_pretty(result).expect("a result is plain data with text keys") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::ActionId;
    use serde_json::{Value, json};

    #[test]
    fn what_was_fresh_is_only_counted() {
        let finished = |name: &str, outcome| Event::ActionFinished(Finished::new(ActionId::new(name), outcome));
        let counts = BTreeMap::from([(Outcome::Fresh, 1), (Outcome::Done, 1)]);
        let events = [
            finished("idea", Outcome::Fresh),
            finished("script", Outcome::Done),
            Event::RunFinished { counts, took_ms: 7, exit: 0, spend: Spend::default() },
        ];
        let result: Value = serde_json::from_str(&of_events(&events)).unwrap();
        assert_eq!(result["actions"], json!([{ "action": "script", "outcome": "done", "took_ms": 0 }]));
        assert_eq!(result["counts"], json!({ "done": 1, "fresh": 1 }));
        assert_eq!(serde_json::from_str::<Value>(&of_nothing(3, 0)).unwrap()["counts"], json!({ "fresh": 3 }));
    }
}
