//! Writes down what stands: records, and the lines of lock and state.

use crate::base::digest::Digest;
use crate::base::id::{ActionKey, RunId, Take};
use crate::base::part;
use crate::base::path::RepoPath;
use crate::base::recipe::Recipe;
use crate::engine::error::EngineError;
use crate::engine::judge::Project;
use crate::engine::lockfile::Line;
use crate::engine::publish::{keep_standing, store_output};
use crate::engine::rebuild::Fresh;
use crate::store::{ActionRecord, Maker, RecordedOutput, Reuse};
use crate::world::World;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A result that is to be recorded.
pub struct Made<'a> {
    pub recipe: &'a Recipe,
    pub take: Take,
    pub maker: Maker,
    pub reusable: Reuse,
    pub outputs: Vec<RecordedOutput>,
    pub verdict: Option<String>,
    pub requests: Vec<Digest>,
    pub made_by: Option<String>,
    pub warnings: Vec<String>,
    pub duration_ms: u64,
}

/// When and in which run things are written down.
#[derive(Clone)]
pub struct Stamp {
    pub run: RunId,
    /// RFC 3339.
    pub at: String,
}

impl Stamp {
    /// Names a run by its start and its process.
    pub fn now(world: &World) -> Stamp {
        let now = world.clock.now();
        let seconds = now.strftime("%Y%m%dT%H%M%S");
        let millis = now.as_millisecond().rem_euclid(1000);
        Stamp {
            run: RunId::new(format!("{seconds}.{millis:03}-{}", world.env.process)),
            at: now.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(),
        }
    }
}

impl Project {
    /// Records a result. Its blobs stand already: a record promises what it names.
    pub fn record(&self, result: Made<'_>, stamp: &Stamp) -> Result<ActionRecord, EngineError> {
        self.record_under(result.recipe.key(), result, stamp)
    }

    /// Records a result under a key that is not its recipe's own.
    pub(super) fn record_under(
        &self,
        key: ActionKey,
        result: Made<'_>,
        stamp: &Stamp,
    ) -> Result<ActionRecord, EngineError> {
        let record = ActionRecord {
            key,
            take: result.take,
            note: None,
            maker: result.maker,
            reusable: result.reusable,
            outputs: result.outputs,
            verdict: result.verdict,
            recipe: result.recipe.clone(),
            requests: result.requests,
            made_by: result.made_by,
            warnings: result.warnings,
            duration_ms: result.duration_ms,
            at: stamp.at.clone(),
            run: stamp.run.clone(),
        };
        self.store.save(&record)?;
        Ok(record)
    }

    /// Writes the line of an action: what stands for it from now on.
    pub fn write_line(
        &mut self,
        action: usize,
        key: Option<ActionKey>,
        stands: &Fresh,
        digests: &[Option<Digest>],
        verdict: Option<Digest>,
    ) {
        let node = &self.workflow.nodes[action];
        let discovered = self.discovered.get(&action).into_iter().flatten();
        let inputs = node
            .inputs
            .iter()
            .zip(digests)
            .filter_map(|(input, digest)| Some((input.what_text(), (*digest)?)))
            .chain(discovered.map(|(path, digest)| (part::escape(path.as_str()).into_owned(), *digest)))
            .collect();
        let before = self.lock.get(&self.line_name(action));
        let was_accepted = |path: &RepoPath, digest: &Digest| {
            before.is_some_and(|line| line.accepted.contains(path) && line.outputs.get(path) == Some(digest))
        };
        // What a person had accepted stays theirs, also once they have edited it further.
        let accepted = stands
            .outputs
            .iter()
            .filter(|(path, digest)| stands.edits.get(*path) == Some(*digest) || was_accepted(path, digest))
            .map(|(path, _)| path.clone())
            .collect();
        let line = Line {
            action: node.action.id.clone(),
            key,
            take: stands.take,
            inputs,
            outputs: stands.outputs.clone().into(),
            edits: stands.edits.clone().into(),
            accepted,
            verdict,
            row: node.action.row.as_ref().map(|row| row.id.clone()),
            orphan: false,
        };
        let line = Arc::new(line);
        self.named.add(&line);
        self.lock.insert(line.clone());
        self.state.insert(line);
    }

    /// Lets the line of an action that takes no part stand where either of lock and state has it: should the other be lost,
    /// what stands is known to be ours all the same.
    pub fn carry_line(&mut self, action: usize) {
        let name = self.line_name(action);
        match (self.lock.get(&name).cloned(), self.state.get(&name).cloned()) {
            (Some(line), None) => self.state.insert(line),
            (None, Some(line)) => self.lock.insert(line),
            _ => {}
        }
    }

    /// Takes over what stands and is right but is not remembered here: a clone's outputs, or those of a lost cache.
    pub fn adopt(&mut self, action: usize, recipe: &Recipe, stands: &Fresh, stamp: &Stamp) -> Result<(), EngineError> {
        let node = &self.workflow.nodes[action];
        for path in stands.edits.keys() {
            keep_standing(self, path)?;
        }
        let known = self.store.records(&recipe.key())?.iter().any(|record| record.take == stands.take);
        if known || !stands.edits.is_empty() {
            return Ok(());
        }
        let mut outputs = Vec::new();
        for output in &node.action.outputs {
            let place = self.workspace.place(&output.path);
            match store_output(&self.workspace, &self.store, output, &place)? {
                Ok(recorded) => outputs.push(recorded),
                // It changed this very moment; the next build will see what it is.
                Err(_) => return Ok(()),
            }
        }
        let result = Made {
            recipe,
            take: stands.take,
            maker: Maker::Run,
            reusable: Reuse::Yes,
            outputs,
            verdict: None,
            requests: Vec::new(),
            made_by: None,
            warnings: Vec::new(),
            duration_ms: 0,
        };
        self.record(result, stamp).map(|_| ())
    }
}

/// Returns what stands after `record` was published.
pub fn stands(record: &ActionRecord, paths: &BTreeMap<String, RepoPath>) -> Fresh {
    let outputs =
        record.outputs.iter().filter_map(|output| Some((paths.get(&output.slot)?.clone(), output.digest))).collect();
    Fresh { take: record.take, outputs, edits: BTreeMap::new() }
}
