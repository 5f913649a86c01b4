//! `storygen import` over whole files: what comes out, that it validates, and that nothing is dropped in silence.
//!
//! Run with `BLESS=1` to write today's Storyfiles beside their sources, then read the difference.

use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

const FILES: [&str; 3] = ["six-stages.yaml", "eleven-stages.json", "dvc.yaml"];

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/import")
}

fn storygen(folder: &Path, args: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_storygen"));
    let Output { status, stdout, stderr } =
        command.args(args).current_dir(folder).env("NO_COLOR", "1").output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

/// A copy of the fixtures that may be written to.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(fixtures()).unwrap().flatten() {
        fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
    }
    folder
}

#[test]
fn each_file_becomes_the_storyfile_beside_it() {
    for file in FILES {
        let (code, text, _) = storygen(&fixtures(), &["import", file]);
        assert_eq!(code, 0, "{file}");
        let golden = fixtures().join(format!("{file}.story"));
        if std::env::var_os("BLESS").is_some() {
            fs::write(&golden, &text).unwrap();
        }
        assert_eq!(text, fs::read_to_string(&golden).unwrap(), "{file}");
    }
}

#[test]
fn what_is_imported_validates() {
    for file in FILES {
        let folder = folder();
        let (code, _, _) = storygen(folder.path(), &["import", file, "-o", "Storyfile.yaml"]);
        assert_eq!(code, 0, "{file}");
        for (path, text) in [
            ("src/clean.py", ""),
            ("src/params.yaml", "clean: { level: 3 }"),
            ("conf/extra.json", "{\"seed\": 1}"),
            ("assets", ""),
        ] {
            let place = folder.path().join(path);
            fs::create_dir_all(place.parent().unwrap()).unwrap();
            fs::write(place, text).unwrap();
        }
        let (code, answer, _) = storygen(folder.path(), &["validate", "--json"]);
        let answer: Value = serde_json::from_str(&answer).unwrap();
        let errors: Vec<&Value> =
            answer["faults"].as_array().unwrap().iter().filter(|fault| fault["severity"] != "warning").collect();
        assert!(errors.is_empty() && code == 0, "{file}: {errors:?}");
    }
}

/// Stands in for the models: a profile over what was imported, which is built as it is.
const STAND_INS: &str = r#"
profiles:
  stand-ins:
    stages:
      story_idea:
        uses: ~
        with: ~
        run: echo '{"story_title":"The ring","narrator_gender":"female","goal":"a lost ring"}' > ${outputs[0]}
      script_generation:
        uses: ~
        with: ~
        run: echo 'Dr. Moss lost a ring. She looked for it all night.' > ${outputs[0]}
      script_revision:
        uses: ~
        run: sed 's/Dr. Moss/Doctor Moss/' ${inputs[0]} > ${outputs[0]}
      script_enhancement:
        uses: ~
        run: sed 's/^/[calm] /' ${inputs[0]} > ${outputs[0]}
      voice_synthesis:
        uses: ~
        run: |
          echo '{"version":1,"duration":1,"language":"en","source":"estimated","words":[{"text":"ring.","start":0,"end":1}]}' > ${outputs.words}
          head -c 44 /dev/zero > ${outputs.audio}
"#;

/// A tool that a person writes for a stage that storygen has no kind for: it reads its first words and writes the last.
const TOOL: &str = r#"#!/bin/sh
set -eu
stage=$(basename "$0")
for last; do :; done
case $stage in
keyframe_generation | video_interpolation) last=$last/1 ;;
esac
echo "$stage ${MIN_DURATION:-}${METHOD:-}${CODEC:-}" > "$last"
"#;

#[test]
fn what_is_imported_builds() {
    for (file, asked, made) in [
        ("six-stages.yaml", &[][..], "done 6"),
        ("eleven-stages.json", &[], "done 6, skipped 5"),
        ("eleven-stages.json", &["-p", "enable_video_generation=true"], "done 10, skipped 1"),
    ] {
        let folder = folder();
        storygen(folder.path(), &["import", file, "-o", "Storyfile.yaml"]);
        let imported = fs::read_to_string(folder.path().join("Storyfile.yaml")).unwrap();
        fs::write(folder.path().join("Storyfile.yaml"), imported.replacen("\nprofiles:\n", STAND_INS, 1)).unwrap();
        fs::create_dir(folder.path().join("tools")).unwrap();
        for stage in
            ["scene_analysis", "scene_description", "keyframe_generation", "video_interpolation", "video_composition"]
        {
            let tool = folder.path().join("tools").join(stage);
            fs::write(&tool, TOOL).unwrap();
            fs::set_permissions(&tool, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let build = [&["build", "--json", "--profile", "stand-ins"][..], asked].concat();
        let counts = |answer: &str| {
            let answer: Value = serde_json::from_str(answer).unwrap();
            let counts = answer["counts"].as_object().unwrap().iter();
            counts.map(|(outcome, count)| format!("{outcome} {count}")).collect::<Vec<_>>().join(", ")
        };
        let (code, answer, talk) = storygen(folder.path(), &build);
        assert_eq!((code, counts(&answer).as_str()), (0, made), "{file}: {talk}");
        let (code, answer, talk) = storygen(folder.path(), &build);
        assert_eq!((code, counts(&answer)), (0, made.replace("done", "fresh")), "{file}: {talk}");
        let read = |path: &str| fs::read_to_string(folder.path().join(path)).unwrap_or_default();
        assert!(read("build/revised.md").starts_with("Doctor Moss lost a ring."), "{file}: {talk}");
        assert!(read("dist/story.srt").contains("ring."), "{file}: {talk}");
        let scenes = if asked.is_empty() { "" } else { "scene_analysis 3\n" };
        assert_eq!(read("build/scenes.json"), scenes);
    }
}

/// The places of all values that are neither lists nor maps; a list is one place.
fn leaves(value: &Value, place: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                leaves(value, &if place.is_empty() { name.clone() } else { format!("{place}.{name}") }, found);
            }
        }
        _ => found.push(place.to_owned()),
    }
}

#[test]
fn no_field_is_dropped_in_silence() {
    for file in ["six-stages.yaml", "eleven-stages.json"] {
        let text = fs::read_to_string(fixtures().join(file)).unwrap();
        let mut source: Value = serde_yaml::from_str(&text).unwrap();
        let stages = source.as_object_mut().unwrap().remove("stages").unwrap();
        let mut places = Vec::new();
        leaves(&source, "", &mut places);
        for stage in stages.as_array().unwrap() {
            leaves(stage, &format!("stages.{}", stage["id"].as_str().unwrap()), &mut places);
        }
        let (_, _, report) = storygen(&fixtures(), &["import", file]);
        let told = |place: &str| report.lines().any(|line| line[2..].split(" → ").next().unwrap().trim() == place);
        for place in places {
            // A map of variables or metadata is told as a whole.
            assert!(
                told(&place) || told(place.rsplit_once('.').map_or("", |(outer, _)| outer)),
                "{file}: {place}\n{report}"
            );
        }
    }
    let (_, _, report) = storygen(&fixtures(), &["import", "dvc.yaml"]);
    for place in [
        "stages.fetch.deps.https://example.com/feed.xml",
        "stages.fetch.outs.data/raw.txt.persist",
        "stages.fetch.always_changed",
        "stages.clean.wdir",
        "stages.clean.desc",
        "stages.clean.params.clean.level",
        "stages.clean.params.seed",
        "stages.clean.metrics.../report/clean.json.cache",
        "stages.clean.frozen",
        "stages.clean.meta",
        "stages.speak.foreach",
        "stages.judge.matrix.size",
        "vars[0]",
        "vars[1]",
        "plots",
        "params.yaml",
    ] {
        assert!(report.contains(&format!(" {place} ")), "{place}\n{report}");
    }
}

#[test]
fn the_pipeline_can_be_planned_as_imported() {
    let folder = folder();
    storygen(folder.path(), &["import", "six-stages.yaml", "-o", "Storyfile.yaml"]);
    let (code, plan, talk) = storygen(folder.path(), &["build", "--dry-run", "-p", "topic=x"]);
    assert_eq!(code, 0, "{talk}");
    assert!(plan.contains("story_idea") && plan.contains("6 stages"), "{plan}");
}

#[test]
fn a_file_that_is_there_is_written_over_only_by_force() {
    let folder = folder();
    let story = folder.path().join("Storyfile.yaml");
    fs::write(&story, "mine").unwrap();
    let (code, out, err) = storygen(folder.path(), &["import", "dvc.yaml", "-o", "Storyfile.yaml"]);
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(err.contains("is there already, and nothing was written") && err.contains("`--force`"), "{err}");
    assert_eq!(fs::read_to_string(&story).unwrap(), "mine");
    let (code, _, _) = storygen(folder.path(), &["import", "dvc.yaml", "-o", "Storyfile.yaml", "--force"]);
    assert_eq!(code, 0);
    assert!(fs::read_to_string(&story).unwrap().starts_with("# Imported from dvc.yaml"));
}

#[test]
fn a_file_that_cannot_be_imported_is_exit_2() {
    let folder = folder();
    fs::write(folder.path().join("appsettings.json"), "{\"Pipeline\": {}}").unwrap();
    for (file, words) in [("no.yaml", "`no.yaml` cannot be read: "), ("appsettings.json", "is no pipeline")] {
        let (code, out, err) = storygen(folder.path(), &["import", file]);
        assert_eq!((code, out.as_str()), (2, ""));
        assert!(err.contains(words), "{err}");
    }
}
