//! `storygen log`: what a stage's last attempt printed, and how it ended.

use crate::cli::args::look_up::LogArgs;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::session::find;
use crate::engine::command::STATE_DIR;
use crate::event::kind::Event;
use crate::report::jsonl::read;

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
        let text = story(&events, &args.stage);
        if !text.is_empty() {
            context.answer(&format!("run {}\n{text}", entry.name.trim_end_matches(".jsonl")));
            return Ok(0);
        }
    }
    context.say(&format!("nothing is recorded of `{}`: it has not run here", args.stage));
    Ok(1)
}

/// Tells what happened to an action, or to all actions of a stage, in one run.
fn story(events: &[Event], name: &str) -> String {
    let meant = |id: &crate::base::id::ActionId| id.as_str() == name || id.stage() == name;
    let mut text = String::new();
    for event in events {
        match event {
            Event::ActionStarted { action, reason, .. } if meant(action) => {
                text.push_str(&format!("{action} started: {reason}\n"));
            }
            Event::AttemptFailed { action, attempt, failure, output, .. } if meant(action) => {
                text.push_str(&format!("{output}{action} attempt {attempt} failed: {failure}\n"));
            }
            Event::ActionFinished(finished) if meant(&finished.action) && finished.reason.is_some() => {
                text.push_str(&finished.output);
                let failure = finished.failure.as_ref().map(|failure| format!(": {failure}")).unwrap_or_default();
                text.push_str(&format!("{} {}{failure}\n", finished.action, finished.outcome.word()));
            }
            Event::Warned { action: Some(action), message } if meant(action) => {
                text.push_str(&format!("{action} warning: {message}\n"));
            }
            _ => {}
        }
    }
    text
}
