//! What finished actions produced: records by action key and take.

use super::frame::FrameSort;
use super::log::{Index, Log};
use super::{Store, StoreError};
use crate::base::digest::Digest;
use crate::base::id::{ActionKey, RunId, Take};
use crate::base::recipe::Recipe;
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The first byte of every record. A change to [`ActionRecord`] takes the next number.
const VERSION: u8 = 1;

/// What one finished action produced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActionRecord {
    pub key: ActionKey,
    pub take: Take,
    /// The digest of the note that the take was made with.
    pub note: Option<Digest>,
    pub maker: Maker,
    pub reusable: Reuse,
    pub outputs: Vec<RecordedOutput>,
    /// What a `check` or `review` found, as JSON.
    pub verdict: Option<String>,
    pub recipe: Recipe,
    /// The keys of the paid requests that it was made from, in order.
    pub requests: Vec<Digest>,
    /// Who made it, as the provider named itself.
    pub made_by: Option<String>,
    pub warnings: Vec<String>,
    /// 0 where it says nothing of how long the work takes: accepted, adopted, or made of remembered replies.
    pub duration_ms: u64,
    /// When it was finished, RFC 3339. For people: no decision reads it.
    pub at: String,
    pub run: RunId,
}

/// Who is behind a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Maker {
    /// The stage ran and made the outputs.
    Run,
    /// A person said that what stands is right.
    Accepted,
}

/// Whether a record answers for its key in later builds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reuse {
    Yes,
    /// An input changed while the command ran: the outputs are ours, but belong to no key.
    InputMoved,
}

/// One output of an action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedOutput {
    /// Its name or index and extension: what a later build finds it by, so that renaming a file re-pays nothing.
    pub slot: String,
    /// Where it was published then: there, and nowhere else, the record says whose the content is (R2).
    pub path: String,
    pub author: Author,
    /// Of the content, or of the [`super::TreeListing`].
    pub digest: Digest,
    /// In bytes; of a folder, all its files together.
    pub size: u64,
    pub sort: OutputSort,
    /// Whether its bytes were put into the store.
    pub stored: bool,
}

/// Who wrote the content of an output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Author {
    Stage,
    /// A person, who had it accepted.
    Person,
}

/// What an output is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OutputSort {
    File { executable: bool },
    Tree,
}

/// The records read so far.
#[derive(Default)]
pub(super) struct Known {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The log's epoch that all this was read in.
    epoch: u64,
    /// By offset in the log; `None` where the record is damaged or a later version's.
    read: HashMap<u64, Option<Arc<ActionRecord>>>,
    /// Paths and contents, hashed together, of what stages made, in all records up to `vouched_upto`.
    vouched: HashSet<Digest>,
    /// How many of the log's records, oldest first, `vouched` holds.
    vouched_upto: usize,
}

impl Store {
    /// Appends a record. Its blobs should be stored first: a record promises what it names.
    pub fn save(&self, record: &ActionRecord) -> Result<(), StoreError> {
        self.check_writable()?;
        self.inner.log.append(FrameSort::Action, &record.key.0, &encode(record))
    }

    /// Returns the records of an action key: by take, and of one take the newest first.
    ///
    /// Damaged records and those of later versions are left out.
    pub fn records(&self, key: &ActionKey) -> Result<Vec<Arc<ActionRecord>>, StoreError> {
        let index = self.inner.log.index();
        let Some(places) = index.actions.get(&key.0).cloned() else { return Ok(Vec::new()) };
        let mut state = self.inner.records.state(&index);
        drop(index);
        let mut records: Vec<Arc<ActionRecord>> = Vec::with_capacity(places.len());
        for place in places.into_iter().rev() {
            let read = state.read.entry(place.offset).or_insert_with(|| {
                let payload = self.inner.log.read(place).ok()?;
                decode(&payload).filter(|record| record.key == *key).map(Arc::new)
            });
            records.extend(read.clone());
        }
        records.sort_by_key(|record| record.take);
        Ok(records)
    }

    /// Returns the number for the next take under a key, from 1.
    pub fn next_take(&self, key: &ActionKey) -> Result<Take, StoreError> {
        Ok(self.records(key)?.last().map_or(1, |record| record.take + 1))
    }

    /// Lets go of the records that were read: whoever asks again reads again.
    pub fn let_go(&self) {
        let index = self.inner.log.index();
        self.inner.records.state(&index).read = HashMap::new();
    }

    /// Tells whether some stage made this content at this path: whether the bytes are ours to replace there.
    pub fn vouches_for(&self, path: &str, content: &Digest) -> bool {
        let index = self.inner.log.index();
        let mut state = self.inner.records.state(&index);
        state.read_up(&self.inner.log, &index);
        state.vouched.contains(&placed(path, content))
    }
}

impl Known {
    /// Returns what is known, emptied if the log is another than when it was read.
    fn state(&self, index: &Index) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.epoch != index.epoch {
            *state = State { epoch: index.epoch, ..State::default() };
        }
        state
    }
}

impl State {
    /// Adds the records appended since the last time to what is vouched for.
    fn read_up(&mut self, log: &Log, index: &Index) {
        let new = &index.action_order[self.vouched_upto..];
        if new.is_empty() {
            return;
        }
        log.read_many(new, |payload| {
            let record = payload.and_then(decode);
            let outputs = record.iter().flat_map(|record| &record.outputs);
            let ours = outputs.filter(|output| output.author == Author::Stage);
            self.vouched.extend(ours.map(|output| placed(&output.path, &output.digest)));
        });
        self.vouched_upto = index.action_order.len();
    }
}

fn placed(path: &str, content: &Digest) -> Digest {
    Digest::hasher().field(path.as_bytes()).field(content.as_bytes()).finish()
}

fn encode(record: &ActionRecord) -> Vec<u8> {
    postcard::to_extend(record, vec![VERSION]).expect("a record of plain values has a binary form")
}

fn decode(payload: &[u8]) -> Option<ActionRecord> {
    let rest = payload.strip_prefix(&[VERSION])?;
    postcard::from_bytes(rest).ok()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::base::recipe::Field;
    use crate::world::real::RealDisk;
    use std::path::Path;

    fn store(dir: &Path) -> Store {
        Store::open(Arc::new(RealDisk), dir.join("store")).unwrap()
    }

    pub fn record(key: &str, take: Take, output: &str) -> ActionRecord {
        let mut recipe = Recipe::default();
        recipe.text(Field::Kind, "prompt 1");
        recipe.file("idea", "idea.md", Digest::of(key.as_bytes()));
        ActionRecord {
            key: ActionKey(Digest::of(key.as_bytes())),
            take,
            note: None,
            maker: Maker::Run,
            reusable: Reuse::Yes,
            outputs: vec![RecordedOutput {
                slot: "0.md".into(),
                path: "out/0.md".into(),
                author: Author::Stage,
                digest: Digest::of(output.as_bytes()),
                size: output.len() as u64,
                sort: OutputSort::File { executable: false },
                stored: true,
            }],
            verdict: Some("{\"ok\":true}".into()),
            recipe,
            requests: vec![Digest::of(b"request")],
            made_by: Some("model-1".into()),
            warnings: vec![],
            duration_ms: 1200,
            at: "2026-11-23T08:15:02Z".into(),
            run: RunId::new("20261123T081502-1"),
        }
    }

    fn key(text: &str) -> ActionKey {
        ActionKey(Digest::of(text.as_bytes()))
    }

    #[test]
    fn records_come_back_by_take_then_newest() {
        let dir = tempfile::tempdir().unwrap();
        let saved = [record("k", 2, "a"), record("k", 1, "b"), record("other", 1, "c"), record("k", 1, "d")];
        let writer = store(dir.path());
        saved.iter().for_each(|record| writer.save(record).unwrap());
        for store in [writer, store(dir.path())] {
            let found: Vec<ActionRecord> =
                store.records(&key("k")).unwrap().iter().map(|record| (**record).clone()).collect();
            assert_eq!(found, [saved[3].clone(), saved[1].clone(), saved[0].clone()]);
            assert_eq!(store.next_take(&key("k")).unwrap(), 3);
            assert_eq!(store.next_take(&key("nothing")).unwrap(), 1);
        }
    }

    #[test]
    fn a_stage_vouches_for_what_it_made_where_it_made_it_and_a_person_for_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let (store, other) = (store(dir.path()), store(dir.path()));
        let vouches = |store: &Store, path: &str, text: &str| store.vouches_for(path, &Digest::of(text.as_bytes()));
        store.save(&record("k", 1, "made")).unwrap();
        assert!(vouches(&store, "out/0.md", "made"));
        assert!(!vouches(&store, "out/1.md", "made"));
        let mut typed = ActionRecord { maker: Maker::Accepted, ..record("k", 1, "typed") };
        typed.outputs[0].author = Author::Person;
        store.save(&typed).unwrap();
        assert!(!vouches(&store, "out/0.md", "typed"));
        store.save(&record("k", 2, "made later")).unwrap();
        assert!(vouches(&store, "out/0.md", "made later"));
        other.refresh().unwrap();
        assert!(vouches(&other, "out/0.md", "made later"));
    }

    #[test]
    fn records_that_were_let_go_are_read_again() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(dir.path());
        (1..=3).for_each(|take| store.save(&record("k", take, "a")).unwrap());
        let held = || store.inner.records.state.lock().unwrap().read.len();
        assert_eq!((store.records(&key("k")).unwrap().len(), held()), (3, 3));
        store.let_go();
        assert_eq!(held(), 0);
        assert_eq!(store.records(&key("k")).unwrap().len(), 3);
    }

    #[test]
    fn a_record_of_a_later_version_is_left_out() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(dir.path());
        let mut payload = encode(&record("k", 1, "a"));
        payload[0] = VERSION + 1;
        store.inner.log.append(FrameSort::Action, &key("k").0, &payload).unwrap();
        store.save(&record("k", 1, "b")).unwrap();
        assert_eq!(store.records(&key("k")).unwrap().len(), 1);
        assert!(store.vouches_for("out/0.md", &Digest::of(b"b")));
    }
}
