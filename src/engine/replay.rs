//! Lets a tape hear what stands: the work of paid stages is done once more, with nothing but remembered answers. Nothing
//! is asked anew, nothing is written, nothing is paid.

use crate::base::failure::Cause;
use crate::base::id::ActionId;
use crate::engine::error::EngineError;
use crate::engine::finish::{Completion, Ticket};
use crate::engine::judge::Project;
use crate::engine::options::Options;
use crate::engine::work::Crew;
use crate::event::kind::Event;
use crate::event::sink::Sink;
use crate::provider::tape::Tape;
use crate::storyfile::story::Work;
use crate::world::World;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Plays the answers of these actions to `tape`. Returns those that stand, and whose answers are remembered nowhere here.
pub async fn replay(
    project: &mut Project,
    world: &World,
    options: &Options,
    actions: &BTreeSet<usize>,
    tape: &Arc<Tape>,
) -> Result<Vec<ActionId>, EngineError> {
    let recorded = project.providers.on(tape);
    let providers = std::mem::replace(&mut project.providers, recorded);
    let lost = play(project, world, options, actions).await;
    project.providers = providers;
    lost
}

async fn play(
    project: &mut Project,
    world: &World,
    options: &Options,
    actions: &BTreeSet<usize>,
) -> Result<Vec<ActionId>, EngineError> {
    let mut lost = Vec::new();
    let mut crew = Crew::new(project, world, options, "replay")?;
    // A job that is stopped asks nothing; what is remembered it is told all the same.
    crew.cancel.cancel();
    let sink: Arc<dyn Sink> = Arc::new(Nobody);
    let taking_part: Vec<usize> = actions.difference(&project.skipped).copied().collect();
    for action in taking_part {
        let Work::Kind { kind, providers, .. } = &project.node(action).action.work else { continue };
        // A kind that needs nobody asks whom the stage names for it.
        let needs = project.registry.get(kind).and_then(|kind| kind.info().capability);
        if needs.is_none() && providers.is_empty() {
            continue;
        }
        let id = project.node(action).action.id.clone();
        let stands = project.lock.get(&project.line_name(action)).map(|line| line.take);
        crew.book(action, Ticket { take: stands.unwrap_or(1), ..Ticket::default() });
        if crew.attempt(project, action, world, &sink)?.is_err() {
            continue;
        }
        let Completion::Kind { made: Err(failure), .. } = crew.next().await else { continue };
        if failure.cause == Cause::Cancelled && stands.is_some() {
            lost.push(id);
        }
    }
    Ok(lost)
}

/// Hears nothing: a replay is no part of the run.
struct Nobody;

impl Sink for Nobody {
    fn send(&self, _: &Event) {}
}
