//! Explains a word that is no command of this version.

use super::{Args, Stop};
use crate::base::diagnostic::nearest;
use crate::report::tail::clean;
use clap::CommandFactory;
use std::ffi::OsString;

/// Commands that are planned but not built in this version.
const LATER: &[&str] = &[
    "cache",
    "diff",
    "gc",
    "history",
    "man",
    "merge",
    "merge-driver",
    "reject",
    "report",
    "restore",
    "resume",
    "retake",
    "review",
    "takes",
    "use",
    "verify",
    "watch",
];

/// Returns what to say about `words`, the first of which is in the place of a command.
pub fn explain(words: &[OsString]) -> Stop {
    let word = words.first().map(|word| clean(&word.to_string_lossy())).unwrap_or_default();
    let text = if LATER.contains(&word.as_str()) {
        format!("error: `storygen {word}` is not built yet in this version\n\n`storygen --help` shows what there is.\n")
    } else {
        format!("error: there is no command `{word}`\n\n{}\n", way_out(&word))
    };
    Stop { exit: 2, text }
}

fn way_out(word: &str) -> String {
    let definition = Args::command();
    let built = definition.get_subcommands().flat_map(clap::Command::get_name_and_visible_aliases);
    let known: Vec<&str> = built.chain(["help"]).collect();
    if let Some(meant) = nearest(word, known) {
        return format!("Did you mean `storygen {meant}`?");
    }
    if let Some(meant) = nearest(word, LATER.iter().copied()) {
        return format!("If you meant `storygen {meant}`: it is not built yet in this version.");
    }
    // As in `make dist/story.srt`.
    format!("To make a stage or a file, say `storygen build {word}`. `storygen --help` shows all commands.")
}
