//! What commands print, by themselves and at every level of detail; and what `--record` writes down.

use super::keys::{is_clean, is_silent, leaks};
use super::{ASKING, run, space};
use crate::fake::Vendor;
use crate::fake::fault::{self, Behaviour};

/// Commands that look; those that may write come last.
const LINES: [&str; 63] = [
    "build --dry-run -v",
    "build --dry-run --json",
    "build --estimate",
    "build --estimate --json",
    "build --estimate --force tale -v",
    "status -v",
    "status --json",
    "status tale --exit-code",
    "why tale",
    "why told",
    "why heard --json",
    "graph --status",
    "graph --format tree --expand",
    "graph --format dot",
    "graph --format mermaid --status",
    "graph --format json --status",
    "validate",
    "validate --json",
    "validate --profile ci",
    "log tale",
    "log essay",
    "log verse --json",
    "log told",
    "log said",
    "log heard",
    "log echo --json",
    "log env",
    "log card",
    "log run_finish",
    "export",
    "export --json",
    "export --profile ci",
    "cost",
    "cost --json",
    "cost --csv",
    "cost --by stage",
    "cost --by provider --csv",
    "cost --by day --json",
    "cost --by run",
    "cost --since 2020-01-01",
    "trust",
    "trust --json",
    "providers",
    "providers --json",
    "models list",
    "models list --json",
    "models path local",
    "schema",
    "eject script",
    "import Storyfile.yaml",
    "completions bash",
    "--help",
    "help build",
    "build --no-such-option",
    "build no-such-stage --json",
    "trust gateway.example",
    "trust --remove gateway.example",
    "clean --dry-run",
    "clean --orphans --json",
    "accept tale --json",
    "build -k --json",
    "build -k -q --events -",
    "build -k -vv --log-format json --progress live",
];

/// All levels of detail: little, and all that there is.
const LOUD: [(&str, &str); 3] = [("STORYGEN_LOG", "trace"), ("RUST_LOG", "trace"), ("RUST_BACKTRACE", "full")];

fn every_vendor(vendor: &Vendor, behaviour: &Behaviour) {
    vendor.script(ASKING.map(|(_, path, _)| behaviour.clone().on(path)));
}

#[test]
fn no_command_shows_a_key_after_errors() {
    no_command_shows_a_key_after(&fault::echoes_key_in_error(), &[]);
}

#[test]
fn no_command_shows_a_key_after_answers() {
    no_command_shows_a_key_after(&fault::echoes_key_in_answer(), &LOUD);
}

fn no_command_shows_a_key_after(behaviour: &Behaviour, vars: &[(&str, &str)]) {
    let vendor = Vendor::start();
    let space = space(&vendor);
    every_vendor(&vendor, behaviour);
    let built = run(&space, &["build", "-k"], vars).says("env");
    assert_eq!(vendor.script_left(), 0, "{}", built.err);
    is_clean(&space, &built, "the build");
    for line in LINES {
        // What it asks anew is sent back anew.
        every_vendor(&vendor, behaviour);
        is_silent(&run(&space, &line.split(' ').collect::<Vec<_>>(), vars), line);
    }
    assert_eq!(leaks(&space), Vec::<String>::new());
}

#[test]
fn neither_a_recording_nor_its_playback_holds_a_key() {
    let vendor = Vendor::start();
    let space = space(&vendor);
    let answers = |path: &str| {
        if path.contains("/audio") || path.contains("speech") { fault::ok() } else { fault::echoes_key_in_answer() }
    };
    vendor.script(ASKING.map(|(_, path, _)| answers(path).on(path)));
    let built = run(&space, &["build", "-k", "-vv", "--record", "answers"], &LOUD);
    is_clean(&space, &built, "a recording");
    for stage in ["tale", "essay", "verse"] {
        let recorded = space.read(&format!("answers/{stage}.jsonl"));
        assert!(recorded.contains("***"), "`{stage}` holds no key that was hidden, so this test shows nothing");
    }
    assert!(space.has("answers/told.jsonl") && space.has("answers/said.jsonl"), "{}", built.err);
    // And where the service is out of order, or says too much once more.
    every_vendor(&vendor, &fault::echoes_key_in_error());
    let force = ["build", "-k", "-vv", "--force", "tale", "--force", "told", "--record", "answers"];
    is_clean(&space, &run(&space, &force, &LOUD), "a recording of a failure");
    vendor.unplug();
    for path in [".storygen", "Storyfile.lock", "tale.md", "essay.md", "verse.md"] {
        space.remove(path);
    }
    let played = run(&space, &["build", "-k", "-vv", "--profile", "ci"], &LOUD);
    is_clean(&space, &played, "its playback");
    assert!(space.read("tale.md").contains("***"), "{}", played.err);
    // Nobody needs a key for it.
    is_clean(&space, &space.run(&["build", "-k", "--profile", "ci"]), "its playback without keys");
}
