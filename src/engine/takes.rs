//! Remembers which takes of a paid stage were asked for and brought no result. By that a build goes on with the last of them,
//! and `--force` asks for another.
//!
//! Both sorts of notes are records without outputs, each under a key that is derived from the action's and that no result
//! has. A note that is lost costs no money: the answers themselves are in the memory of requests.

use crate::base::digest::Digest;
use crate::base::failure::Cause;
use crate::base::id::{ActionId, ActionKey, Take};
use crate::base::recipe::Recipe;
use crate::engine::compose;
use crate::engine::error::EngineError;
use crate::engine::judge::Project;
use crate::engine::settle::Stamp;
use crate::kind::contract::Pay;
use crate::store::{ActionRecord, Maker, Reuse, Store};
use crate::storyfile::story::Work;

/// The last take that was asked for, where it is known to have no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unmade {
    pub take: Take,
    pub end: End,
}

/// How far a take without a result came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It was answered, and the answers are of no use: they are replayed, and fail again.
    Failed,
    /// It was cut off before all answers were there: what came of them is replayed, the rest is asked for.
    Open,
}

/// What is noted of a take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Note {
    Asked,
    Failed,
}

impl Unmade {
    /// Returns the last take under `key` that was asked for, if it is known to have no result, or to have had none when
    /// this was noted.
    pub fn of(store: &Store, key: ActionKey) -> Result<Option<Unmade>, EngineError> {
        let failed = last(store, key, Note::Failed)?.map(|take| Unmade { take, end: End::Failed });
        let asked = last(store, key, Note::Asked)?.map(|take| Unmade { take, end: End::Open });
        // Of one take the failure is what came last.
        Ok(match (failed, asked) {
            (Some(failed), Some(asked)) if asked.take > failed.take => Some(asked),
            (failed, asked) => failed.or(asked),
        })
    }

    fn note(self, id: &ActionId) -> String {
        let take = self.take;
        match self.end {
            End::Failed => format!(
                "Take {take} came to nothing: a build replays what is remembered of its answers. `storygen build --force {id}` \
                 asks for others."
            ),
            End::Open => format!("Take {take} was asked for and cut off: a build goes on with it."),
        }
    }
}

impl Project {
    /// Says what is known of a take that a build would make, if it was asked for before.
    pub fn note_of_take(&self, action: usize, key: ActionKey, take: Take) -> Option<String> {
        let unmade = Unmade::of(&self.store, key).ok()?.filter(|unmade| unmade.take == take)?;
        Some(unmade.note(&self.node(action).action.id))
    }

    /// Notes that a take is about to be asked for. Call it before anything is paid.
    ///
    /// The first one needs no note: without any, it is the one that is asked for.
    pub(super) fn note_asked(
        &self,
        action: usize,
        key: ActionKey,
        take: Take,
        stamp: &Stamp,
    ) -> Result<(), EngineError> {
        if take > 1 { self.note_take(action, key, take, Note::Asked, stamp) } else { Ok(()) }
    }

    /// Notes that a take failed for `cause`, if its answers are to blame: another may be asked for then.
    pub(super) fn note_failed(
        &self,
        action: usize,
        key: ActionKey,
        take: Take,
        cause: Cause,
        stamp: &Stamp,
    ) -> Result<(), EngineError> {
        if is_of_the_answers(cause) { self.note_take(action, key, take, Note::Failed, stamp) } else { Ok(()) }
    }

    fn note_take(
        &self,
        action: usize,
        key: ActionKey,
        take: Take,
        note: Note,
        stamp: &Stamp,
    ) -> Result<(), EngineError> {
        if self.is_paid(action) { write(&self.store, key, take, note, stamp) } else { Ok(()) }
    }

    /// Tells whether a kind does the work that asks providers: only their answers are remembered.
    pub(super) fn is_paid(&self, action: usize) -> bool {
        match &self.node(action).action.work {
            Work::Kind { kind, .. } => {
                compose::find_kind(&self.registry, kind).is_ok_and(|kind| kind.pay() == Pay::Paid)
            }
            Work::Run(_) | Work::Program(_) | Work::Fan { .. } => false,
        }
    }
}

impl Note {
    /// Returns the key that such notes on `key` are kept under.
    fn key(self, key: ActionKey) -> ActionKey {
        let sort: &[u8] = match self {
            Note::Asked => b"storygen take asked 1",
            Note::Failed => b"storygen take failed 1",
        };
        ActionKey(Digest::hasher().field(sort).field(key.0.as_bytes()).finish())
    }
}

fn last(store: &Store, key: ActionKey, note: Note) -> Result<Option<Take>, EngineError> {
    Ok(store.records(&note.key(key))?.last().map(|record| record.take))
}

/// Writes a note that is not there yet.
fn write(store: &Store, key: ActionKey, take: Take, note: Note, stamp: &Stamp) -> Result<(), EngineError> {
    if last(store, key, note)?.is_some_and(|last| last >= take) {
        return Ok(());
    }
    let record = ActionRecord {
        key: note.key(key),
        take,
        note: None,
        maker: Maker::Run,
        reusable: Reuse::InputMoved,
        outputs: Vec::new(),
        verdict: None,
        recipe: Recipe::default(),
        requests: Vec::new(),
        made_by: None,
        warnings: Vec::new(),
        duration_ms: 0,
        at: stamp.at.clone(),
        run: stamp.run.clone(),
    };
    Ok(store.save(&record)?)
}

/// Tells whether what failed so would fail so again with the same answers.
pub(super) fn is_of_the_answers(cause: Cause) -> bool {
    match cause {
        Cause::Validation | Cause::Empty | Cause::Length | Cause::Refusal | Cause::Output => true,
        Cause::Exit
        | Cause::Timeout
        | Cause::Setup
        | Cause::Cancelled
        | Cause::Machine
        | Cause::RateLimit
        | Cause::Server
        | Cause::Quota
        | Cause::Budget => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::RunId;
    use crate::world::real::RealDisk;
    use std::sync::Arc;

    /// Returns what is known after these notes.
    fn known(notes: &[(Note, Take)]) -> Option<Unmade> {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(Arc::new(RealDisk), dir.path().join("store")).unwrap();
        let (key, other) = (ActionKey(Digest::of(b"key")), ActionKey(Digest::of(b"other")));
        let stamp = Stamp { run: RunId::new("run"), at: String::new() };
        for (note, take) in notes {
            write(&store, key, *take, *note, &stamp).unwrap();
        }
        assert_eq!(Unmade::of(&store, other).unwrap(), None);
        assert_eq!(store.records(&key).unwrap(), []);
        Unmade::of(&store, key).unwrap()
    }

    #[test]
    fn the_last_take_counts_and_its_failure_closes_it() {
        let failed = |take| Some(Unmade { take, end: End::Failed });
        let open = |take| Some(Unmade { take, end: End::Open });
        assert_eq!(known(&[]), None);
        assert_eq!(known(&[(Note::Failed, 1)]), failed(1));
        assert_eq!(known(&[(Note::Failed, 1), (Note::Asked, 2)]), open(2));
        assert_eq!(known(&[(Note::Failed, 1), (Note::Asked, 2), (Note::Failed, 2)]), failed(2));
        assert_eq!(known(&[(Note::Asked, 2), (Note::Failed, 2), (Note::Failed, 1)]), failed(2));
    }

    #[test]
    fn what_is_noted_is_not_noted_again() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(Arc::new(RealDisk), dir.path().join("store")).unwrap();
        let (key, stamp) = (ActionKey(Digest::of(b"key")), Stamp { run: RunId::new("run"), at: String::new() });
        for _ in 0..3 {
            write(&store, key, 1, Note::Failed, &stamp).unwrap();
        }
        assert_eq!(store.records(&Note::Failed.key(key)).unwrap().len(), 1);
    }

    #[test]
    fn a_failure_of_the_machine_or_of_the_service_is_none_of_the_answers() {
        for cause in [Cause::Refusal, Cause::Length, Cause::Empty, Cause::Validation] {
            assert!(is_of_the_answers(cause), "{cause:?}");
        }
        for cause in [Cause::Budget, Cause::Cancelled, Cause::Timeout, Cause::Server, Cause::RateLimit, Cause::Setup] {
            assert!(!is_of_the_answers(cause), "{cause:?}");
        }
    }
}
