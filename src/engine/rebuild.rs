//! Decides whether an action must run (R1, R2). Pure: no clock, no disk.
//!
//! The lock and the local state only choose; contents vouch. What stands is kept if anything vouches for it, so a take on
//! disk is never swapped silently for another. What a person wrote is never replaced: the action waits instead.

use crate::base::digest::Digest;
use crate::base::id::{ActionId, ActionKey, Take};
use crate::base::path::RepoPath;
use crate::base::reason::Reason;
use crate::engine::lockfile::Line;
use crate::engine::takes::{End, Unmade};
use crate::store::{ActionRecord, Author, Reuse};
use crate::storyfile::story::Edits;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What stands at an output's path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    Absent,
    Content(Digest),
    /// A folder where a file was declared, or the other way round, or something else altogether.
    WrongSort,
    /// Nothing, and nothing can: a folder above the path is none.
    Obstructed,
}

/// Whose the content at a path is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// Some result of storygen.
    Ours,
    /// A person changed what storygen made.
    Edited,
    /// storygen never made anything there.
    Foreign,
}

/// One declared output as it stands.
#[derive(Clone, Debug)]
pub struct OutputView {
    pub slot: String,
    pub path: RepoPath,
    pub standing: Standing,
    /// Meaningful when something stands there.
    pub owner: Owner,
    pub mode: Mode,
}

/// Whether a file can be executed as it could when it was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Also where nothing is recorded of it, or nothing stands.
    AsMade,
    Changed,
}

/// What the command line or the Storyfile asks beyond "if it is stale".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Demand {
    WhenStale,
    Always,
    Forced,
}

/// Everything that the decision looks at.
pub struct Question<'a> {
    pub key: ActionKey,
    pub outputs: &'a [OutputView],
    /// What the lock, then the local state say stands.
    pub lines: &'a [&'a Line],
    /// Results under the key, the last chosen first; none is rejected.
    pub records: &'a [Arc<ActionRecord>],
    /// Tells whether some cache has these bytes.
    pub obtainable: &'a dyn Fn(&Digest) -> bool,
    /// Why it would run, if it must.
    pub reason: &'a dyn Fn() -> Reason,
    /// The last take that was asked for and brought no result, if it is known.
    pub unmade: &'a dyn Fn() -> Option<Unmade>,
    pub demand: Demand,
    pub edits: Edits,
    pub accepted: Accepted,
}

/// Whether what a person had accepted answers for its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepted {
    Counts,
    /// `--discard-edits`: the stage makes its own.
    Discarded,
}

/// What to do with an action.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// What stands is right.
    Fresh(Fresh),
    /// An earlier result is put back, in part or whole.
    Restore(Restore),
    Run {
        reason: Reason,
        take: Take,
        absence: Absence,
    },
    /// A person has to say what is right.
    Wait(Wait),
}

/// What stands and is right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fresh {
    pub take: Take,
    /// By path, what the action made.
    pub outputs: BTreeMap<RepoPath, Digest>,
    pub edits: BTreeMap<RepoPath, Digest>,
}

/// What is put back.
#[derive(Clone, Debug)]
pub struct Restore {
    pub stands: Fresh,
    /// The paths to write, each with its content.
    pub write: Vec<(RepoPath, Digest)>,
}

/// Whether a run could be spared if nobody needs the outputs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Absence {
    /// The outputs are only absent, and what they were is known: if all that reads them is fresh, none is needed.
    Spared(Fresh),
    Needed,
}

/// Why an action waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wait {
    /// It is stale, and these outputs hold a person's edits.
    Edited { paths: Vec<RepoPath>, reason: Reason },
    /// storygen did not make what stands at these outputs.
    Foreign { paths: Vec<RepoPath> },
    /// The lock names edits whose bytes are nowhere to be had.
    EditLost { paths: Vec<RepoPath> },
    /// A folder stands where a file was declared, or the other way round.
    Misfit { paths: Vec<RepoPath> },
    /// A folder above these outputs is none.
    Obstructed { paths: Vec<RepoPath> },
    /// The new list of a fan-out has `removed` of its instances no more, `edited` ones among them; `changes` says which.
    Replaced { of: usize, removed: usize, edited: Vec<ActionId>, changes: Vec<String> },
}

/// Decides.
pub fn decide(question: &Question<'_>) -> Verdict {
    let named = question.lines.iter().find(|line| line.key == Some(question.key));
    let asked = |line: &Line| match question.demand {
        Demand::WhenStale => line.accepted.is_empty() || question.accepted == Accepted::Counts,
        // What a person accepted is right for today's inputs, also where the stage would run in every build.
        Demand::Always => !line.accepted.is_empty() && question.accepted == Accepted::Counts,
        Demand::Forced => false,
    };
    match named.filter(|line| asked(line)) {
        Some(line) => decide_named(question, line),
        None => decide_stale(question, Absence::Needed, None),
    }
}

/// The lock or the state names a result for today's key (R1, first two rules).
fn decide_named(question: &Question<'_>, line: &Line) -> Verdict {
    let mut stands = Fresh { take: line.take, outputs: (&line.outputs).into(), edits: BTreeMap::new() };
    let (mut write, mut replaces) = (Vec::new(), false);
    for output in question.outputs {
        let Some(made) = line.outputs.get(&output.path) else { continue };
        let kept = line.edits.get(&output.path).filter(|_| question.edits != Edits::Discard);
        match output.standing {
            // First: an accepted edit is both what was made and a person's.
            Standing::Content(digest) if Some(&digest) == kept => {
                stands.edits.insert(output.path.clone(), digest);
            }
            Standing::Content(digest)
                if digest == *made && line.accepted.contains(&output.path) && output.mode == Mode::AsMade =>
            {
                stands.edits.insert(output.path.clone(), digest);
            }
            Standing::Content(digest) if digest == *made && output.mode == Mode::AsMade => {}
            Standing::Content(digest) if output.owner != Owner::Ours && question.edits != Edits::Discard => {
                if edits_another(question, line, &output.path, &digest) {
                    let paths = vec![output.path.clone()];
                    return Verdict::Wait(Wait::Edited { paths, reason: Reason::EditOfAnother });
                }
                stands.edits.insert(output.path.clone(), digest);
            }
            Standing::Content(_) => {
                replaces = true;
                write.push((output.path.clone(), *made));
            }
            Standing::Absent => {
                if let Some(edit) = kept {
                    stands.edits.insert(output.path.clone(), *edit);
                }
                write.push((output.path.clone(), *kept.unwrap_or(made)));
            }
            Standing::WrongSort if question.edits == Edits::Discard => {
                replaces = true;
                write.push((output.path.clone(), *made));
            }
            Standing::WrongSort => return Verdict::Wait(Wait::Misfit { paths: vec![output.path.clone()] }),
            Standing::Obstructed => return Verdict::Wait(Wait::Obstructed { paths: vec![output.path.clone()] }),
        }
    }
    if write.is_empty() {
        return Verdict::Fresh(stands);
    }
    let lost: Vec<&(RepoPath, Digest)> = write.iter().filter(|(_, digest)| !(question.obtainable)(digest)).collect();
    let Some((path, _)) = lost.first() else {
        return Verdict::Restore(Restore { stands, write });
    };
    let edits_lost: Vec<RepoPath> =
        lost.iter().filter(|(path, _)| stands.edits.contains_key(path)).map(|(path, _)| path.clone()).collect();
    if !edits_lost.is_empty() {
        return Verdict::Wait(Wait::EditLost { paths: edits_lost });
    }
    let reason = Reason::Lost { path: path.to_string() };
    let absence = if replaces { Absence::Needed } else { Absence::Spared(stands) };
    decide_stale(question, absence, Some(reason))
}

/// Tells whether a person's content was made on the result of another key: on another branch, with other inputs.
fn edits_another(question: &Question<'_>, line: &Line, path: &RepoPath, digest: &Digest) -> bool {
    let holds = |line: &Line| line.edits.get(path) == Some(digest);
    !holds(line) && question.lines.iter().any(|other| other.key != Some(question.key) && holds(other))
}

/// No result is named for today's key, or the named one cannot be had (R1, the other rules).
fn decide_stale(question: &Question<'_>, absence: Absence, lost: Option<Reason>) -> Verdict {
    let reason = || {
        lost.clone().unwrap_or_else(|| match question.demand {
            Demand::Always => Reason::Always,
            Demand::Forced => Reason::Forced,
            Demand::WhenStale => (question.reason)(),
        })
    };
    let usable: Vec<&Arc<ActionRecord>> = question.records.iter().filter(|record| counts(question, record)).collect();
    if question.demand == Demand::WhenStale
        && let Some(record) = usable.iter().find(|record| stands_as(record, question.outputs))
    {
        return Verdict::Fresh(made_of(record, question.outputs));
    }
    if let Some(wait) = in_the_way(question, &reason) {
        return Verdict::Wait(wait);
    }
    if question.demand == Demand::WhenStale {
        let whole = |record: &&Arc<ActionRecord>| {
            record.reusable == Reuse::Yes && record.outputs.iter().all(|output| (question.obtainable)(&output.digest))
        };
        if let Some(record) = usable.iter().copied().find(whole) {
            return restore(record, question.outputs);
        }
    }
    Verdict::Run { reason: reason(), take: take(question, usable.len()), absence }
}

/// Chooses the take to make; `usable` of the records answer for the key.
///
/// What is remembered of a take is replayed for nothing: only a new number asks for what was answered already.
fn take(question: &Question<'_>, usable: usize) -> Take {
    let last = question.records.iter().map(|record| record.take).max();
    let next = last.map_or(1, |last| last + 1);
    let unmade = || (question.unmade)().filter(|unmade| unmade.take >= next);
    match (question.demand, last) {
        // Another result than the earlier ones. A take that was cut off is none yet: what is paid of it would be lost.
        (Demand::Forced, _) => match unmade() {
            Some(Unmade { take, end: End::Failed }) => take + 1,
            Some(Unmade { take, end: End::Open }) => take,
            None => next,
        },
        (_, Some(last)) if usable == question.records.len() => last,
        // Nothing was made, or only beside what a person accepted: what was asked for last stays asked for.
        _ => unmade().map_or(next, |unmade| unmade.take),
    }
}

/// Returns what forbids the action to write its outputs.
fn in_the_way(question: &Question<'_>, reason: &dyn Fn() -> Reason) -> Option<Wait> {
    let paths_of = |owner: Owner| -> Vec<RepoPath> {
        question
            .outputs
            .iter()
            .filter(|output| match output.standing {
                Standing::Absent | Standing::WrongSort | Standing::Obstructed => false,
                Standing::Content(_) => output.owner == owner && question.edits != Edits::Discard,
            })
            .map(|output| output.path.clone())
            .collect()
    };
    let standing_as = |standing: Standing| -> Vec<RepoPath> {
        let found = question.outputs.iter().filter(|output| output.standing == standing);
        found.map(|output| output.path.clone()).collect()
    };
    let obstructed = standing_as(Standing::Obstructed);
    if !obstructed.is_empty() {
        return Some(Wait::Obstructed { paths: obstructed });
    }
    let misfits = standing_as(Standing::WrongSort);
    if !misfits.is_empty() && question.edits != Edits::Discard {
        return Some(Wait::Misfit { paths: misfits });
    }
    let (foreign, edited) = (paths_of(Owner::Foreign), paths_of(Owner::Edited));
    if !foreign.is_empty() {
        Some(Wait::Foreign { paths: foreign })
    } else if !edited.is_empty() {
        Some(Wait::Edited { paths: edited, reason: reason() })
    } else {
        None
    }
}

/// Tells whether a record answers for the key: a person's may not, where the stage is to make its own.
fn counts(question: &Question<'_>, record: &ActionRecord) -> bool {
    question.accepted == Accepted::Counts || record.outputs.iter().all(|output| output.author == Author::Stage)
}

/// Tells whether the tree holds just what `record` made.
fn stands_as(record: &ActionRecord, outputs: &[OutputView]) -> bool {
    record.reusable == Reuse::Yes
        && outputs
            .iter()
            .all(|view| made_in(record, &view.slot).is_some_and(|made| view.standing == Standing::Content(made)))
        && outputs.iter().all(|view| view.mode == Mode::AsMade)
}

/// Returns the content that `record` has in a slot.
pub fn made_in(record: &ActionRecord, slot: &str) -> Option<Digest> {
    record.outputs.iter().find(|output| output.slot == slot).map(|output| output.digest)
}

fn made_of(record: &ActionRecord, outputs: &[OutputView]) -> Fresh {
    let mut stands = Fresh { take: record.take, outputs: BTreeMap::new(), edits: BTreeMap::new() };
    for view in outputs {
        let Some(output) = record.outputs.iter().find(|output| output.slot == view.slot) else { continue };
        stands.outputs.insert(view.path.clone(), output.digest);
        if output.author == Author::Person {
            stands.edits.insert(view.path.clone(), output.digest);
        }
    }
    stands
}

fn restore(record: &ActionRecord, outputs: &[OutputView]) -> Verdict {
    let stands = made_of(record, outputs);
    let write = outputs
        .iter()
        .filter_map(|view| stands.outputs.get(&view.path).map(|made| (view, made)))
        .filter(|(view, made)| view.standing != Standing::Content(**made) || view.mode == Mode::Changed)
        .map(|(view, made)| (view.path.clone(), *made))
        .collect();
    Verdict::Restore(Restore { stands, write })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::RunId;
    use crate::base::recipe::Recipe;
    use crate::store::{Maker, OutputSort, RecordedOutput};

    const STAGE: Author = Author::Stage;
    const PERSON: Author = Author::Person;

    fn record(take: Take, author: Author) -> Arc<ActionRecord> {
        let output = RecordedOutput {
            slot: "0.md".into(),
            path: "a.md".into(),
            author,
            digest: Digest::of(b"text"),
            size: 4,
            sort: OutputSort::File { executable: false },
            stored: true,
        };
        Arc::new(ActionRecord {
            key: ActionKey(Digest::of(b"key")),
            take,
            note: None,
            maker: Maker::Run,
            reusable: Reuse::Yes,
            outputs: vec![output],
            verdict: None,
            recipe: Recipe::default(),
            requests: vec![],
            made_by: None,
            warnings: vec![],
            duration_ms: 0,
            at: String::new(),
            run: RunId::new("run"),
        })
    }

    fn failed(take: Take) -> Option<Unmade> {
        Some(Unmade { take, end: End::Failed })
    }

    fn open(take: Take) -> Option<Unmade> {
        Some(Unmade { take, end: End::Open })
    }

    /// Returns the take that is made where nothing stands, these takes are recorded, and no bytes are to be had. A
    /// person's records do not count.
    fn made(demand: Demand, records: &[(Take, Author)], unmade: Option<Unmade>) -> Take {
        let records: Vec<_> = records.iter().map(|(take, author)| record(*take, *author)).collect();
        let path = RepoPath::found("a.md").unwrap();
        let (standing, owner) = (Standing::Absent, Owner::Foreign);
        let question = Question {
            key: ActionKey(Digest::of(b"key")),
            outputs: &[OutputView { slot: "0.md".into(), path, standing, owner, mode: Mode::AsMade }],
            lines: &[],
            records: &records,
            obtainable: &|_| false,
            reason: &|| Reason::NeverBuilt,
            unmade: &|| unmade,
            demand,
            edits: Edits::Keep,
            accepted: Accepted::Discarded,
        };
        match decide(&question) {
            Verdict::Run { take, .. } => take,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn forced_asks_for_a_take_that_was_not_answered_yet() {
        for (records, unmade, take) in [
            (&[][..], None, 1),
            (&[(1, STAGE)], None, 2),
            (&[], failed(1), 2),
            (&[], failed(4), 5),
            (&[(1, STAGE)], failed(2), 3),
            // It was asked for again and answered well: the note is an old one.
            (&[(2, STAGE)], failed(1), 3),
            (&[(2, STAGE)], open(2), 3),
            (&[(1, PERSON)], failed(2), 3),
            // What is paid of it is not paid again.
            (&[], open(2), 2),
            (&[(1, STAGE)], open(2), 2),
        ] {
            assert_eq!(made(Demand::Forced, records, unmade), take, "{records:?} {unmade:?}");
        }
    }

    #[test]
    fn a_build_goes_on_with_what_was_asked_for_last_where_nothing_was_made() {
        for (records, unmade, take) in [
            (&[][..], None, 1),
            (&[], failed(1), 1),
            (&[], failed(3), 3),
            (&[], open(2), 2),
            // What was made is made again of its own answers.
            (&[(1, STAGE)], failed(2), 1),
            (&[(1, STAGE)], open(2), 1),
            // Beside what a person accepted the stage makes its own.
            (&[(1, PERSON)], None, 2),
            (&[(1, PERSON)], failed(1), 2),
            (&[(1, PERSON)], failed(2), 2),
            (&[(1, PERSON)], open(3), 3),
        ] {
            assert_eq!(made(Demand::WhenStale, records, unmade), take, "{records:?} {unmade:?}");
        }
    }
}
