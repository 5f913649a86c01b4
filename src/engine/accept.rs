//! `accept`: what stands is right for today's inputs (for edited, stale, foreign and unrecorded outputs).

use crate::base::failure::Failure;
use crate::engine::error::EngineError;
use crate::engine::judge::{Course, Demands, Judgement, Project, Settled};
use crate::engine::publish::store_output;
use crate::engine::rebuild::{Fresh, Owner, Standing, Verdict};
use crate::engine::settle::{Made, Stamp};
use crate::store::{Author, Maker, RecordedOutput, Reuse};
use std::collections::{BTreeMap, BTreeSet};

/// What became of one action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// It was right already.
    Already,
    Now,
    /// It has nothing that could be accepted.
    Refused(String),
}

/// Accepts what stands for `chosen`, in the graph's order.
pub fn accept(
    project: &mut Project,
    chosen: &BTreeSet<usize>,
    stamp: &Stamp,
) -> Result<Vec<(usize, Accepted)>, EngineError> {
    // What stands is taken as it is everywhere: nothing runs here, so nothing is unknown.
    let settled: Vec<Option<Settled>> = vec![None; project.workflow.nodes.len()];
    let (foreseen, demands) = (BTreeMap::new(), Demands::default());
    let mut results = Vec::new();
    for action in project.workflow.dag.order().to_vec() {
        let course = Course { settled: &settled, foreseen: &foreseen, demands: &demands };
        if !chosen.contains(&action) {
            project.note_part(action, &course);
            continue;
        }
        let result = match project.judge(action, &course)? {
            Judgement::Verdict { verdict: Verdict::Fresh(stands), recipe, key, digests } => {
                project.adopt(action, &recipe, &stands, stamp)?;
                let verdict = project.verdict_of(action, key);
                project.write_line(action, Some(key), &stands, &digests, verdict);
                Accepted::Already
            }
            Judgement::Verdict { recipe, key, digests, .. } => match standing(project, action)? {
                Err(why) => Accepted::Refused(why),
                Ok(stands) => {
                    let take = project.store.next_take(&key)?;
                    let stands = Fresh { take, ..stands };
                    record(project, action, &recipe, &stands, stamp)?;
                    project.write_line(action, Some(key), &stands, &digests, None);
                    Accepted::Now
                }
            },
            Judgement::Unfolded { .. } => continue,
            Judgement::Held(_) => match project.accept_list(action)? {
                Ok(()) => Accepted::Now,
                Err(why) => Accepted::Refused(why),
            },
            Judgement::Unfold { .. } => Accepted::Refused("its list is not there yet: build it".to_owned()),
            Judgement::Skipped(skip) => Accepted::Refused(format!("it is skipped: {}", skip.notes(project).join("; "))),
            Judgement::Undescribed => {
                Accepted::Refused("its program has not been asked here yet what it takes: build it".to_owned())
            }
            Judgement::Fault(Failure { message, .. }) => Accepted::Refused(message),
            Judgement::Unknown { maker } | Judgement::Blocked { maker } => {
                Accepted::Refused(format!("`{}` comes first", project.node(maker).action.id))
            }
        };
        results.push((action, result));
    }
    Ok(results)
}

/// Returns what stands at all outputs. What a person wrote stays marked as an edit: it is never replaced unasked, also
/// not once the inputs change again.
fn standing(project: &mut Project, action: usize) -> Result<Result<Fresh, String>, EngineError> {
    let outputs = project.node(action).action.outputs.clone();
    if outputs.is_empty() {
        return Ok(Err("it has no outputs: build it".to_owned()));
    }
    let mut stands = Fresh { take: 1, outputs: BTreeMap::new(), edits: BTreeMap::new() };
    for output in outputs {
        match project.workspace.standing(&output.path, output.sort)? {
            Standing::Absent | Standing::Obstructed => return Ok(Err(format!("`{}` is not there", output.path))),
            Standing::WrongSort => return Ok(Err(format!("`{}` is not what was declared", output.path))),
            Standing::Content(digest) => {
                if project.owner(action, &output.path, &digest) != Owner::Ours {
                    stands.edits.insert(output.path.clone(), digest);
                }
                stands.outputs.insert(output.path.clone(), digest);
            }
        }
    }
    Ok(Ok(stands))
}

fn record(
    project: &mut Project,
    action: usize,
    recipe: &crate::base::recipe::Recipe,
    stands: &Fresh,
    stamp: &Stamp,
) -> Result<(), EngineError> {
    let mut outputs = Vec::new();
    for output in project.node(action).action.outputs.clone() {
        let place = project.workspace.place(&output.path);
        if stands.edits.contains_key(&output.path) {
            crate::engine::publish::keep_standing(project, &output.path)?;
        }
        if let Ok(recorded) = store_output(&project.workspace, &project.store, &output, &place)? {
            let author = if stands.edits.contains_key(&output.path) { Author::Person } else { Author::Stage };
            outputs.push(RecordedOutput { author, ..recorded });
        }
    }
    let made = Made {
        recipe,
        take: stands.take,
        maker: Maker::Accepted,
        reusable: Reuse::Yes,
        outputs,
        verdict: None,
        requests: Vec::new(),
        made_by: Some("accepted by a person".to_owned()),
        warnings: Vec::new(),
        duration_ms: 0,
    };
    project.record(made, stamp).map(|_| ())
}
