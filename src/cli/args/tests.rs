//! Tests of the command line: each example of the documents is understood, each slip has a way out.

use super::build::ProgressArg;
use super::given::GivenArgs;
use super::look_up::GraphFormat;
use super::tend::ModelsCommand;
use super::*;

fn parsed(line: &str) -> Result<Args, Stop> {
    parse(shlex::split(line).unwrap().into_iter().map(OsString::from))
}

fn build(line: &str) -> BuildArgs {
    match parsed(line).unwrap().command {
        Command::Build(build) => build,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn refused(line: &str) -> String {
    let stop = parsed(line).unwrap_err();
    assert_eq!(stop.exit, 2, "{}", stop.text);
    stop.text
}

#[test]
fn the_definition_is_sound() {
    definition().debug_assert();
}

#[test]
fn every_command_line_of_the_documents_is_understood() {
    let lines = [
        "storygen build",
        "storygen run",
        "storygen build voice dist/story.srt 'chapter:*'",
        "storygen build -j 4 -k -n -q",
        "storygen build --jobs 4 --keep-going --dry-run --quiet",
        "storygen build -vv --progress plain --color never --events run.jsonl --json",
        "storygen build --force script --force voice --discard-edits script",
        "storygen build --from script",
        "storygen build --only voice",
        "storygen build --offline --no-pull --locked",
        "storygen build --estimate --json --budget 5usd",
        "storygen build --estimate --batch rows.csv",
        "storygen build -y",
        "storygen build --yes --budget 5",
        "storygen status",
        "storygen status voice --json --exit-code -v",
        "storygen why script --json",
        "storygen graph",
        "storygen graph --format dot --status",
        "storygen graph --format mermaid",
        "storygen graph --json",
        "storygen validate --json",
        "storygen clean",
        "storygen clean voice --dry-run",
        "storygen accept build/script.md 'chapter:*'",
        "storygen log voice",
        "storygen cost",
        "storygen cost --by day --since 2026-11-01 --json",
        "storygen cost --by provider --csv",
        "storygen init",
        "storygen init my-story",
        "storygen eject script",
        "storygen models list --json",
        "storygen models pull",
        "storygen models pull a b --json",
        "storygen models path a",
        "storygen providers --json",
        "storygen providers check writer --profile ci --json",
        "storygen build --record answers",
        "storygen trust",
        "storygen trust gateway.example --profile work",
        "storygen trust --remove gateway.example",
        "storygen trust --json",
        "storygen build --trust",
        "storygen completions bash",
        "storygen -C repo -f other.yaml --color always build",
        "storygen build -C repo -f other.yaml voice",
    ];
    for line in lines {
        assert!(parsed(line).is_ok(), "{line}: {}", parsed(line).unwrap_err().text);
    }
}

#[test]
fn every_example_in_the_help_is_understood() {
    let mut commands = vec![definition()];
    let mut examples = 0;
    while let Some(command) = commands.pop() {
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        for line in help.lines().filter_map(|line| line.strip_prefix("  storygen ")) {
            // What follows a wide gap explains the example; what follows a sign is the shell's.
            let typed = line.split("  ").next().unwrap();
            let typed = typed.split(['|', '>', '&']).next().unwrap();
            let line = format!("storygen {typed}");
            assert!(parsed(&line).is_ok(), "{line}: {}", parsed(&line).unwrap_err().text);
            examples += 1;
        }
        assert!(!help.is_empty(), "`{}` has no example", command.get_name());
        commands.extend(command.get_subcommands().cloned());
    }
    assert!(examples >= 20, "{examples}");
}

#[test]
fn the_options_of_build_arrive() {
    let args = build(
        "storygen run voice -j2 -k -p idea='a=b c' -p tone=sad --force script --discard-edits title --progress live -vv",
    );
    let expected = BuildArgs {
        targets: vec!["voice".into()],
        jobs: Some(2),
        keep_going: true,
        given: GivenArgs {
            params: vec![("idea".into(), "a=b c".into()), ("tone".into(), "sad".into())],
            ..GivenArgs::default()
        },
        force: vec!["script".into()],
        discard_edits: vec!["title".into()],
        progress: ProgressArg::Live,
        verbose: 2,
        ..BuildArgs::default()
    };
    assert_eq!(args, expected);
}

#[test]
fn global_options_may_stand_on_either_side() {
    for line in ["storygen -C repo -f x.yaml --color never status", "storygen status -C repo -f x.yaml --color never"] {
        let args = parsed(line).unwrap();
        assert_eq!(args.directory, Some(PathBuf::from("repo")));
        assert_eq!(args.file, Some(PathBuf::from("x.yaml")));
        assert_eq!(args.color, ColorArg::Never);
    }
}

#[test]
fn json_is_a_format_of_the_graph() {
    for line in ["storygen graph --json", "storygen graph --format json"] {
        let Command::Graph(graph) = parsed(line).unwrap().command else { panic!() };
        assert_eq!(graph.chosen(), GraphFormat::Json);
    }
}

#[test]
fn models_have_names() {
    let Command::Models(models) = parsed("storygen models pull a b").unwrap().command else { panic!() };
    assert_eq!(models.command, ModelsCommand::Pull { names: vec!["a".into(), "b".into()], json: false });
}

#[test]
fn a_typo_suggests_the_command() {
    assert_eq!(refused("storygen biuld -k"), "error: there is no command `biuld`\n\nDid you mean `storygen build`?\n");
    assert!(refused("storygen statsu").contains("`storygen status`"));
    assert!(refused("storygen rnu").contains("`storygen run`"));
    assert!(refused("storygen wathc").contains("`storygen watch`: it is not built yet in this version"));
}

#[test]
fn what_is_for_later_says_so() {
    let later = "resume watch history report retake takes diff use reject merge restore review gc verify cache man";
    for name in later.split_whitespace() {
        assert_eq!(
            refused(&format!("storygen {name} --some option")),
            format!(
                "error: `storygen {name}` is not built yet in this version\n\n`storygen --help` shows what there is.\n"
            )
        );
    }
}

#[test]
fn a_target_without_build_is_shown_the_way() {
    assert!(refused("storygen dist/story.srt").contains("`storygen build dist/story.srt`"));
}

#[test]
fn wrong_options_are_refused_with_a_way_out() {
    assert!(refused("storygen build --keep-goin").contains("--keep-going"));
    assert!(refused("storygen build -p idea").contains("NAME=VALUE"));
    assert!(refused("storygen build -p =x").contains("NAME=VALUE"));
    assert!(refused("storygen build -j 0").contains("0 is not in"));
    assert!(refused("storygen build -q -v").contains("cannot be used with"));
    assert!(refused("storygen build --from a --only b").contains("cannot be used with"));
    assert!(refused("storygen build --profil x").contains("--profil"));
    assert!(refused("storygen build --estimate -n").contains("cannot be used with"));
    assert!(refused("storygen build --locked --force a").contains("cannot be used with"));
    assert!(refused("storygen graph --format svg").contains("mermaid"));
    assert!(refused("storygen accept").contains("PATTERN"));
    assert!(refused("storygen").contains("Begin here"));
}

#[test]
fn help_and_version_are_answers() {
    for line in ["storygen --help", "storygen -h", "storygen help build", "storygen build --help", "storygen --version"]
    {
        let stop = parsed(line).unwrap_err();
        assert_eq!(stop.exit, 0, "{line}");
        assert!(stop.text.ends_with('\n') && !stop.text.contains('\u{1b}'), "{line}: {}", stop.text);
    }
}
