//! `.env` beside the Storyfile.

use crate::space::Space;

fn space() -> Space {
    Space::new().story(
        "
        params: { idea: a bus }
        env: { SITE: '${SITE:-nowhere}' }
        pass: [PROFILE]
        stages:
          a: { outputs: a.txt, run: 'echo ${params.idea}, $SITE, $PROFILE, $OTHER. > a.txt' }
        ",
    )
}

const DOTENV: &str = "# mine\nexport SITE=\"https://example.org\"\nPROFILE='me # 1'\nOTHER=seen by nobody\nSTORYGEN_PARAM_IDEA=a ferry\n";

#[test]
fn what_stands_there_is_found_where_the_environment_is_asked() {
    space().build().ran(["a"]).holds("a.txt", "a bus, nowhere, , .\n");
    let space = space().file(".env", DOTENV);
    space.build().ran(["a"]).holds("a.txt", "a ferry, https://example.org, me # 1, .\n");
}

#[test]
fn it_never_overrides_the_environment() {
    let space = space().file(".env", DOTENV);
    let mut command = space.command(&["build"]);
    command.env("SITE", "here").env("PROFILE", "").env("STORYGEN_PARAM_IDEA", "a lamp");
    space.finish(command).exit(0).holds("a.txt", "a lamp, here, , .\n");
}

#[test]
fn a_quiet_build_notices_a_change() {
    let space = space();
    let build = |text: &str, expected: &str| {
        space.file(".env", text).run(&["build"]).exit(0);
        space.holds("a.txt", expected);
        space.settled();
        space.run(&["build"]).exit(0).says("up to date");
    };
    space.run(&["build"]).exit(0);
    build("SITE=one\n", "a bus, one, , .\n");
    build("SITE=two\n", "a bus, two, , .\n");
    build("SITE=two # the same\n", "a bus, two, , .\n");
    space.remove(".env").run(&["build"]).exit(0).holds("a.txt", "a bus, nowhere, , .\n");
}

#[test]
fn it_may_name_a_profile() {
    let space = Space::new().story(
        "
        env: { MODE: online }
        stages: { a: { outputs: a.txt, run: 'echo $MODE > a.txt' } }
        profiles: { offline: { env: { MODE: offline } } }
        ",
    );
    space.file(".env", "STORYGEN_PROFILE=offline\n").build().ran(["a"]).holds("a.txt", "offline\n");
}

#[test]
fn a_wrong_line_is_told_without_its_value_and_nothing_runs() {
    let space = space().file(".env", "SITE=1\nsk-secret\nB='secret\n");
    for verb in [&["build"][..], &["status"], &["validate"], &["clean"], &["accept", "a"]] {
        let run = space.run(verb).exit(2).says_not("secret");
        run.says("error[S126]: line 2, column 1 of `.env`: this is not `NAME=value`");
        run.says("error[S126]: line 3, column 3 of `.env`: the quote is not closed");
    }
    space.run(&["validate", "--json"]).exit(2).says("\"file\": \".env\"").says_not("secret");
    assert!(!space.has("a.txt") && !space.has(".storygen/runs"));
}

#[test]
fn its_values_are_in_no_file_of_storygen_and_in_no_word_of_it() {
    let space = Space::new().story(
        "
        env: { SITE: '${SITE}' }
        pass: [TOKEN]
        stages: { a: { outputs: a.txt, run: 'test ${#SITE} = 9 && test ${#TOKEN} = 9 && echo ok > a.txt' } }
        ",
    );
    space.file(".env", "TOKEN=hush-hush\nSITE=hush-hush\n");
    space.run(&["build", "-vv"]).exit(0).says_not("hush-hush");
    space.run(&["why", "a"]).exit(0).says_not("hush-hush");
    space.file(".env", "TOKEN=hush-hush\nSITE=hush-hushed\n").run(&["build", "-v"]).exit(1).says_not("hush-hush");
    for file in space.state_files() {
        let bytes = std::fs::read(space.path(format!(".storygen/{file}"))).unwrap();
        assert!(!String::from_utf8_lossy(&bytes).contains("hush-hush"), "{file}");
    }
}

#[test]
fn a_folder_of_that_name_is_somebody_elses() {
    space().file(".env/bin/python", "").build().ran(["a"]);
}

#[test]
fn it_does_not_steer_storygen_itself() {
    let space = space().file(".env", "STORYGEN_LOG=debug\nNO_COLOR=\nXDG_CACHE_HOME=/nowhere\nSTORYGEN_MARK=x\n");
    space.build().ran(["a"]).says_not("DEBUG");
}
