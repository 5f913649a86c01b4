//! Stages that write, at each vendor: what is sent, what follows from an answer, and what it costs, counted by the server.

mod crowd;
mod requests;
mod table;
mod takes;
mod trouble;

use crate::fake::{KEYS, Vendor};
use crate::space::{Run, Space};
use serde_json::Value;
use std::fmt::Display;
use std::fs;
use std::process::Command;

/// Waits are real, and need not be long.
const RETRY: &str = "defaults: { retry: { delay: 1ms, max_delay: 5ms } }";

/// A vendor of texts: its name, and the place in the address by which a script finds its calls.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum House {
    OpenAi,
    Anthropic,
    Gemini,
}

const HOUSES: [House; 3] = [House::OpenAi, House::Anthropic, House::Gemini];

impl House {
    /// The `providers:` with this one as `writer`.
    fn writer(self, vendor: &Vendor) -> crate::fake::Providers {
        match self {
            House::OpenAi => vendor.openai("writer"),
            House::Anthropic => vendor.anthropic("writer"),
            House::Gemini => vendor.gemini("writer"),
        }
    }
}

/// A repo with these providers and stages.
fn space(providers: impl Display, stages: &str) -> Space {
    Space::new().story(&format!("{providers}\n{RETRY}\nstages:\n{stages}\n"))
}

/// A repo with one stage, `a`, that asks `writer` with these settings.
fn asking(house: House, vendor: &Vendor, with: &str) -> Space {
    let stage =
        format!("  a: {{ uses: prompt, provider: writer, outputs: a.md, with: {{ prompt: Tell me., {with} }} }}");
    space(house.writer(vendor), &stage)
}

fn command(space: &Space, verb: &[&str]) -> Command {
    let mut command = space.command(verb);
    command.envs(KEYS);
    command
}

fn build(space: &Space, args: &[&str]) -> Run {
    let mut command = command(space, &["build"]);
    command.arg("--events").arg(space.note("events.jsonl")).args(args);
    space.finish(command)
}

/// The last event of this kind that the last build sent of an action.
fn event(space: &Space, kind: &str, action: &str) -> Option<Value> {
    let lines = fs::read_to_string(space.note("events.jsonl")).unwrap_or_default();
    let mut events = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    events.rfind(|event| event["event"] == kind && event["action"] == action)
}

/// How an action ended: `done`, or why it failed.
fn ending(space: &Space, action: &str) -> String {
    let Some(event) = event(space, "action-finished", action) else { return "never".into() };
    let word = |value: &Value| value.as_str().map(str::to_owned);
    word(&event["failure"]["cause"]).or_else(|| word(&event["outcome"])).unwrap_or_default()
}
