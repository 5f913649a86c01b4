//! The crate as a library: the example runs, and what an embedder can meet is told in words.

#[path = "../examples/custom_kind.rs"]
mod custom_kind;

use std::fs;
use std::sync::Arc;
use storygen::{Error, Event, OnFailure, Order, Outcome, Recorder, Repo};
use tempfile::TempDir;

fn folder(story: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("Storyfile.yaml"), format!("storygen: 1\n{story}\n")).unwrap();
    folder
}

fn repo(folder: &TempDir) -> Repo {
    Repo::open(folder.path()).unwrap()
}

fn order() -> Order {
    Order::default()
}

#[test]
fn the_example_builds_and_its_second_build_runs_nothing() {
    custom_kind::main().unwrap();
}

#[test]
fn a_folder_without_a_storyfile_is_no_repo() {
    let folder = tempfile::tempdir().unwrap();
    let error = Repo::open(folder.path()).unwrap_err();
    assert!(
        matches!(error, Error::NoStoryfile { .. }) && error.to_string().starts_with("there is no Storyfile.yaml in")
    );
}

#[test]
fn all_faults_come_at_once_and_each_with_its_place() {
    let folder = folder("stages:\n  a: { uses: promt, outputs: x }\n  b: { inputs: no.md, outputs: y, run: touch y }");
    let error = repo(&folder).build(&order(), Arc::new(Recorder::default())).unwrap_err();
    let told = error.to_string();
    assert_eq!(
        told,
        "Storyfile.yaml:3:14: the kind `promt` is not known [S030]\n\
         Storyfile.yaml:4:16: input `no.md` is not there, and no stage makes it [S101]"
    );
    assert_eq!(repo(&folder).faults().unwrap().len(), 2);
}

#[test]
fn params_and_targets_are_as_on_the_command_line() {
    let folder = folder(
        "params: { who: you }\nstages:\n  a: { outputs: a.txt, run: \"echo ${params.who} > a.txt\" }\n  b: { outputs: b.txt, run: touch b.txt }",
    );
    let only = Order { targets: vec!["a".into()], ..order() };
    let repo = repo(&folder).with_param("who", "me");
    let summary = repo.build(&only, Arc::new(Recorder::default())).unwrap();
    assert_eq!(summary.counts.get(&Outcome::Done), Some(&1));
    assert_eq!(fs::read_to_string(folder.path().join("a.txt")).unwrap(), "me\n");
    let unknown = Order { targets: vec!["c".into()], ..order() };
    let error = repo.build(&unknown, Arc::new(Recorder::default())).unwrap_err();
    assert_eq!(error.to_string(), "no stage or output is called `c`");
}

#[test]
fn a_failed_stage_is_in_the_summary_and_no_error() {
    let folder = folder("stages:\n  a: { outputs: a.txt, run: \"false\" }\n  b: { outputs: b.txt, run: touch b.txt }");
    let go_on = Order { on_failure: OnFailure::KeepGoing, ..order() };
    let summary = repo(&folder).build(&go_on, Arc::new(Recorder::default())).unwrap();
    assert_eq!((summary.exit_code(), summary.counts.get(&Outcome::Done)), (1, Some(&1)));
}

#[test]
fn profiles_and_the_file_of_variables_are_as_on_the_command_line() {
    let folder = folder(
        "params: { who: you }\nprofiles: { mine: { params: { who: me } } }\nhooks: { run_finish: cat > told.json }\nstages:\n  a: { outputs: a.txt, env: { HAIL: \"${HAIL}\" }, run: \"echo $HAIL ${params.who} > a.txt\" }",
    );
    fs::write(folder.path().join(".env"), "HAIL=servus\n").unwrap();
    let recorder = Arc::new(Recorder::default());
    let repo = repo(&folder).with_profile("mine");
    assert_eq!(repo.build(&order(), recorder.clone()).unwrap().exit_code(), 0);
    assert_eq!(fs::read_to_string(folder.path().join("a.txt")).unwrap(), "servus me\n");
    assert!(fs::read_to_string(folder.path().join("told.json")).unwrap().contains("\"exit\":0"));
    assert!(recorder.events().iter().any(|event| matches!(event, Event::RunFinished { exit: 0, .. })));
    fs::write(folder.path().join(".env"), "no\n").unwrap();
    let error = repo.build(&order(), recorder).unwrap_err().to_string();
    assert!(error.starts_with(".env: line 1, column 1 of `.env`: "), "{error}");
}
