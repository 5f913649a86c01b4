//! `storygen log`: what a stage's last attempt printed, and how it ended.

use crate::base::id::ActionId;
use crate::cli::args::look_up::LogArgs;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::session::find;
use crate::engine::command::STATE_DIR;
use crate::event::kind::Event;
use crate::report::jsonl::read;
use serde_json::json;

/// Runs the command and returns its exit code: 1 if nothing is recorded of the stage.
pub fn run(context: &Context, args: &LogArgs) -> Result<u8, CliError> {
    let found = find(&context.world, &context.dir, context.file.as_deref())?;
    let runs = found.root.join(STATE_DIR).join("runs");
    let disk = &context.world.disk;
    let entries = disk.list(&runs).unwrap_or_default();
    // Runs are named by their start, so that the last one comes last.
    for entry in entries.iter().rev().filter(|entry| entry.name.ends_with(".jsonl")) {
        let place = runs.join(&entry.name);
        let events = read(&disk.read(&place).map_err(|error| CliError::read(&place, &error))?);
        let told: Vec<&Event> = events.iter().filter(|event| is_about(event, &args.stage)).collect();
        if !told.is_empty() {
            let run = entry.name.trim_end_matches(".jsonl");
            context.answer(&match args.json {
                true => format!("{:#}\n", json!({ "version": 1, "run": run, "events": told })),
                false => format!("run {run}\n{}", told.into_iter().map(paragraph).collect::<String>()),
            });
            return Ok(0);
        }
    }
    if args.json {
        context.answer(&format!("{:#}\n", json!({ "version": 1, "run": null, "events": [] })));
    }
    context.say(&format!("nothing is recorded of `{}`: it has not run here", args.stage));
    Ok(1)
}

/// Tells whether an event says something of an action, or of an action of the stage `name`.
fn is_about(event: &Event, name: &str) -> bool {
    let meant = |id: &ActionId| id.as_str() == name || id.stage() == name;
    match event {
        Event::ActionStarted { action, .. } | Event::AttemptFailed { action, .. } => meant(action),
        Event::ActionFinished(finished) => {
            meant(&finished.action) && (finished.reason.is_some() || finished.failure.is_some())
        }
        Event::Warned { action: Some(action), .. } | Event::HookFinished { action: Some(action), .. } => meant(action),
        Event::HookFinished { hook, action: None, .. } => hook == name,
        _ => false,
    }
}

/// Tells what happened to an action.
fn paragraph(event: &Event) -> String {
    match event {
        Event::ActionStarted { action, reason, .. } => format!("{action} started: {reason}\n"),
        Event::AttemptFailed { action, attempt, failure, output, .. } => {
            format!("{output}{action} attempt {attempt} failed: {failure}\n")
        }
        Event::ActionFinished(finished) => {
            let failure = finished.failure.as_ref().map(|failure| format!(": {failure}")).unwrap_or_default();
            format!("{}{} {}{failure}\n", finished.output, finished.action, finished.outcome.word())
        }
        Event::HookFinished { hook, action, failure, output, .. } => {
            let of = action.as_ref().map(|action| format!("{action} ")).unwrap_or_default();
            let ended = failure.as_ref().map_or("done".to_owned(), |failure| format!("failed: {failure}"));
            format!("{output}{of}hook {hook} {ended}\n")
        }
        Event::Warned { action: Some(action), message } => format!("{action} warning: {message}\n"),
        _ => String::new(),
    }
}
