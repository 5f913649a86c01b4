//! `storygen accept`: what stands is right for today's inputs.

use crate::cli::args::tend::AcceptArgs;
use crate::cli::commands::build::hold;
use crate::cli::context::{Context, Manner};
use crate::cli::error::CliError;
use crate::cli::inputs::Inputs;
use crate::cli::session::{find, open_project};
use crate::engine::accept::{Accepted, accept};
use crate::engine::command::STATE_DIR;
use crate::engine::open::{Access, LockPolicy, close};
use crate::engine::recover::recover;
use crate::engine::select::find_all;
use crate::engine::settle::Stamp;
use serde_json::json;
use std::collections::BTreeSet;

/// Runs the command and returns its exit code: 3 if something could not be accepted.
pub fn run(context: &Context, args: &AcceptArgs) -> Result<u8, CliError> {
    let found = find(&context.world, &context.dir, context.file.as_deref())?;
    let sink = context.sink(Manner::default());
    let state = found.root.join(STATE_DIR);
    let _lock = hold(context, &state, &*sink)?;
    let mut opened = open_project(&found, &Inputs::of(context, &found, &args.given)?, Access::Write)?;
    let recovered = recover(&mut opened.project, &state, &*sink)?;
    let patterns: Vec<String> = args.patterns.iter().map(|pattern| found.target(pattern)).collect();
    opened.project.unfold_known(None)?;
    let chosen = find_all(&opened.project, &patterns)?;
    // What stood when the person looked was torn; what stands now they have not seen.
    let (torn, chosen): (BTreeSet<usize>, BTreeSet<usize>) =
        chosen.into_iter().partition(|&action| recovered.contains(&opened.project.node(action).action.id));
    let results = accept(&mut opened.project, &chosen, &Stamp::now(&context.world));
    close(&mut opened, &context.world, LockPolicy::Update, None)?;
    let mut refused = !torn.is_empty();
    let mut told = Vec::new();
    for action in torn {
        let id = &opened.project.node(action).action.id;
        let why = "it was cut short and has just been rolled back: look at it, then accept it";
        told.push(json!({ "id": id, "result": "refused", "why": why }));
        context.say(&format!("`{id}` could not be accepted: {why}"));
    }
    for (action, accepted) in results? {
        let id = &opened.project.node(action).action.id;
        let (word, why) = match &accepted {
            Accepted::Now => ("accepted", None),
            Accepted::Already => ("already", None),
            Accepted::Refused(why) => ("refused", Some(why.clone())),
        };
        told.push(json!({ "id": id, "result": word, "why": why }));
        match accepted {
            Accepted::Now => context.say(&format!("accepted `{id}`: what stands is right for today's inputs")),
            Accepted::Already => context.say(&format!("`{id}` is right already")),
            Accepted::Refused(why) => {
                refused = true;
                context.say(&format!("`{id}` could not be accepted: {why}"));
            }
        }
    }
    if args.json {
        context.answer(&format!("{:#}\n", json!({ "version": 1, "actions": told })));
    }
    Ok(if refused { 3 } else { 0 })
}
