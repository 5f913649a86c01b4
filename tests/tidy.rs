//! Holds the sources against the plan of the house: floors, doors, bans. Each rule has a test that shows it can fail.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The floor of each room. A room imports only from floors below its own.
const FLOORS: &[(&str, u8)] = &[
    ("base", 0),
    ("data", 1),
    ("event", 1),
    ("graph", 1),
    ("media", 1),
    ("storyfile", 1),
    ("world", 1),
    ("import", 2),
    ("store", 2),
    ("provider", 3),
    ("kind", 4),
    ("engine", 5),
    ("embed", 6),
    ("report", 6),
    ("cli", 7),
];

/// The rooms that each crate may enter; an empty list means all.
const DOORS: &[(&str, &[&str])] = &[
    ("annotate_snippets", &["report"]),
    ("anstyle", &["report"]),
    ("base64", &["kind", "provider"]),
    ("blake3", &["base"]),
    ("candle_core", &["provider"]),
    ("candle_transformers", &["provider"]),
    ("clap", &["cli"]),
    ("clap_complete", &["cli"]),
    ("csv", &["data"]),
    ("ebur128", &["media"]),
    ("globset", &["engine"]),
    ("hound", &["media"]),
    ("indexmap", &["storyfile"]),
    ("indicatif", &["report"]),
    ("jiff", &["world"]),
    ("jsonschema", &["kind", "provider"]),
    ("minijinja", &["storyfile"]),
    ("misaki_rs", &["provider"]),
    ("petgraph", &["graph"]),
    ("postcard", &["store", "engine", "provider"]),
    ("rayon", &["store", "provider"]),
    ("realfft", &["provider"]),
    ("reflink_copy", &["world"]),
    ("regex", &["kind"]),
    ("reqwest", &["world"]),
    ("rten", &["provider"]),
    ("rten_tensor", &["provider"]),
    ("rustix", &["world"]),
    ("rustls", &["world"]),
    ("saphyr_parser", &["storyfile"]),
    ("serde", &[]),
    ("serde_json", &[]),
    ("serde_yaml", &["data"]),
    ("sha2", &["provider"]),
    ("shlex", &["storyfile"]),
    ("tempfile", &["world"]),
    ("thiserror", &[]),
    ("tokenizers", &["provider"]),
    ("tokio", &["world", "store", "provider", "kind", "engine", "embed", "cli"]),
    ("tokio_util", &["world", "provider", "kind", "engine"]),
    ("tracing", &["engine", "provider"]),
    ("tracing_subscriber", &["cli"]),
    ("unicode_normalization", &["data", "storyfile"]),
    ("walkdir", &["world"]),
    ("zip", &["provider"]),
];

/// What only some rooms may do: the words, who may, and why nobody else.
const BANS: &[(&str, &[&str], &str)] = &[
    ("std::fs", &["world"], "only `world` touches the disk"),
    ("std::env", &["world", "main"], "only `world` touches the environment"),
    ("std::process::Command", &["world"], "only `world` starts processes"),
    ("tokio::fs", &["world"], "only `world` touches the disk"),
    ("tokio::net", &["world"], "only `world` touches the network"),
    ("tokio::process", &["world"], "only `world` starts processes"),
    ("std::net", &["world"], "only `world` touches the network"),
    ("std::{", &[], "one path in each `use`, so that its doors can be seen"),
    ("crate::{", &[], "one path in each `use`, so that its rooms can be seen"),
    ("SystemTime", &["world"], "only `world` reads clocks"),
    ("Instant", &["world"], "only `world` reads clocks"),
    ("println!", &["cli"], "only `cli` and `report` write to the terminal"),
    ("print!", &["cli"], "only `cli` and `report` write to the terminal"),
    ("eprintln!", &["cli"], "only `cli` and `report` write to the terminal"),
    ("eprint!", &["cli"], "only `cli` and `report` write to the terminal"),
    ("unsafe", &[], "unsafe code is forbidden"),
    ("todo!", &[], "nothing is left to do"),
    ("unimplemented!", &[], "nothing is left to do"),
    ("dbg!", &[], "left from debugging"),
];

const LINES_MAX: usize = 500;
const VAGUE_NAMES: [&str; 8] = ["utils", "util", "helpers", "helper", "common", "manager", "misc", "shared"];
/// Places of one machine: no source may know them.
const MACHINE_PATHS: [&str; 5] = ["\"/work", "\"/tmp", "\"/home/", "\"/root", "\"/Users/"];

/// One source file.
struct Source {
    /// Relative to the crate's root, `/`-separated.
    path: String,
    text: String,
    /// Compiled for tests only.
    is_test: bool,
}

impl Source {
    fn new(path: &str, text: &str) -> Source {
        Source { path: path.to_owned(), text: text.to_owned(), is_test: false }
    }

    /// The first folder or file under `src/`.
    fn room(&self) -> &str {
        let inner = self.path.strip_prefix("src/").unwrap_or(&self.path);
        inner.split('/').next().unwrap_or(inner).trim_end_matches(".rs")
    }

    /// The code that is compiled into the program, without comments and the content of strings.
    fn code(&self) -> String {
        if self.is_test { String::new() } else { without_tests(&blanked(&self.text)) }
    }
}

/// Blanks comments and the content of string and character literals; line breaks stay.
fn blanked(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let at = |place: usize| chars.get(place).copied().unwrap_or('\0');
    let keep_lines = |out: &mut String, from: usize, to: usize| {
        out.extend(chars[from..to.min(chars.len())].iter().map(|&c| if c == '\n' { '\n' } else { ' ' }));
    };
    let mut place = 0;
    while place < chars.len() {
        let start = place;
        match (at(place), at(place + 1)) {
            ('/', '/') => {
                while place < chars.len() && at(place) != '\n' {
                    place += 1;
                }
            }
            ('/', '*') => {
                let mut depth = 0;
                loop {
                    match (at(place), at(place + 1)) {
                        ('/', '*') => (depth, place) = (depth + 1, place + 2),
                        ('*', '/') => (depth, place) = (depth - 1, place + 2),
                        _ => place += 1,
                    }
                    if depth == 0 || place >= chars.len() {
                        break;
                    }
                }
            }
            ('"', _) => {
                place += 1;
                while place < chars.len() && at(place) != '"' {
                    place += if at(place) == '\\' { 2 } else { 1 };
                }
                place += 1;
            }
            ('r', '"' | '#') if !is_word(at(place.wrapping_sub(1))) && raw_hashes(&chars, place + 1).is_some() => {
                let hashes = raw_hashes(&chars, place + 1).unwrap_or(0);
                place += hashes + 2;
                while place < chars.len() && !(at(place) == '"' && (1..=hashes).all(|n| at(place + n) == '#')) {
                    place += 1;
                }
                place += hashes + 1;
            }
            ('\'', '\\') => {
                place += 3;
                while place < chars.len() && at(place) != '\'' {
                    place += 1;
                }
                place += 1;
            }
            ('\'', _) if at(place + 2) == '\'' => place += 3,
            (c, _) => {
                out.push(c);
                place += 1;
                continue;
            }
        }
        keep_lines(&mut out, start, place);
    }
    out
}

/// How many `#` stand before the quote of a raw string that starts here; `None` if none does.
fn raw_hashes(chars: &[char], place: usize) -> Option<usize> {
    let hashes = chars[place.min(chars.len())..].iter().take_while(|&&c| c == '#').count();
    (chars.get(place + hashes) == Some(&'"')).then_some(hashes)
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Removes every item under a `#[cfg(test)]` or `#[cfg(all(test, …))]`.
fn without_tests(code: &str) -> String {
    let mut out = String::new();
    let mut rest = code;
    while let Some(start) = ["#[cfg(test)]", "#[cfg(all(test"].iter().filter_map(|mark| rest.find(mark)).min() {
        out.push_str(&rest[..start]);
        let after = &rest[start..];
        let mut depth = 0;
        let end = after.char_indices().skip_while(|(_, c)| *c != ']').find_map(|(place, c)| {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            (depth == 0 && matches!(c, '}' | ';')).then_some(place + 1)
        });
        rest = &after[end.unwrap_or(after.len())..];
    }
    out + rest
}

/// Places where `word` stands as a path or macro of its own.
fn finds(code: &str, word: &str) -> Vec<usize> {
    let mut lines = Vec::new();
    for (number, line) in code.lines().enumerate() {
        for (place, _) in line.match_indices(word) {
            let before = line[..place].chars().next_back().unwrap_or(' ');
            let after = line[place + word.len()..].chars().next().unwrap_or(' ');
            let open_end = word.ends_with(['!', '{', ':']);
            if !is_word(before)
                && (before != ':' || word.starts_with(char::is_uppercase))
                && (open_end || !is_word(after))
            {
                lines.push(number + 1);
            }
        }
    }
    lines
}

type Rule = fn(&Source) -> Vec<String>;

const RULES: &[Rule] = &[floors, doors, bans, length, names, paths, first_line, ignored];

fn floors(source: &Source) -> Vec<String> {
    let floor = |room: &str| FLOORS.iter().find(|(name, _)| *name == room).map(|(_, floor)| *floor);
    let mut faults = Vec::new();
    let code = source.code();
    for (number, line) in code.lines().enumerate() {
        for (place, mark) in line.match_indices("crate::") {
            let other: String = line[place + mark.len()..].chars().take_while(|c| is_word(*c)).collect();
            let outside = line[..place].ends_with(is_word);
            let (Some(theirs), false) = (floor(&other), outside) else { continue };
            match floor(source.room()) {
                Some(ours) if theirs < ours || other == source.room() => {}
                Some(_) => {
                    faults.push(format!("{}:{}: `{}` reaches into `{other}`", source.path, number + 1, source.room()))
                }
                None => faults.push(format!("{}:{}: this file is in no room", source.path, number + 1)),
            }
        }
    }
    faults
}

fn doors(source: &Source) -> Vec<String> {
    let code = source.code();
    let closed = DOORS.iter().filter(|(_, rooms)| !rooms.is_empty() && !rooms.contains(&source.room()));
    closed
        .flat_map(|(name, _)| finds(&code, &format!("{name}::")).into_iter().map(move |line| (name, line)))
        .map(|(name, line)| format!("{}:{line}: `{name}` has no door to `{}`", source.path, source.room()))
        .collect()
}

fn bans(source: &Source) -> Vec<String> {
    let code = source.code();
    let banned = BANS.iter().filter(|(_, rooms, _)| !rooms.contains(&source.room()));
    banned
        .flat_map(|(word, _, why)| finds(&code, word).into_iter().map(move |line| (word, line, why)))
        .map(|(word, line, why)| format!("{}:{line}: `{word}`: {why}", source.path))
        .collect()
}

fn length(source: &Source) -> Vec<String> {
    let lines = source.text.lines().count();
    let fault = format!("{}: {lines} lines: which second noun has moved in?", source.path);
    if lines > LINES_MAX { vec![fault] } else { Vec::new() }
}

fn names(source: &Source) -> Vec<String> {
    let vague = source.path.split('/').map(|part| part.trim_end_matches(".rs")).find(|part| VAGUE_NAMES.contains(part));
    vague.map(|name| format!("{}: `{name}` says nothing about what is in it", source.path)).into_iter().collect()
}

fn paths(source: &Source) -> Vec<String> {
    let program = if source.is_test { String::new() } else { without_tests_raw(&source.text) };
    let known = MACHINE_PATHS.iter().filter(|path| program.contains(**path));
    known.map(|path| format!("{}: `{path}…` is a place of one machine", source.path)).collect()
}

/// The text up to its tests, strings and all.
fn without_tests_raw(text: &str) -> String {
    text.split("#[cfg(test)]\nmod ").next().unwrap_or(text).to_owned()
}

fn first_line(source: &Source) -> Vec<String> {
    let says = source.text.starts_with("//! ");
    if says { Vec::new() } else { vec![format!("{}: its first line does not say what it is for", source.path)] }
}

fn ignored(source: &Source) -> Vec<String> {
    let code = blanked(&source.text);
    let lines = code.lines().enumerate().filter(|(_, line)| line.contains("#[ignore]"));
    lines.map(|(line, _)| format!("{}:{}: ignored without a reason", source.path, line + 1)).collect()
}

/// Reads every source under `folder`, and finds which are for tests only.
fn sources(folder: &str) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found: BTreeMap<PathBuf, String> = BTreeMap::new();
    let mut open = vec![root.join(folder)];
    while let Some(place) = open.pop() {
        for entry in fs::read_dir(place).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.insert(path.clone(), fs::read_to_string(path).unwrap());
            }
        }
    }
    let tests: BTreeSet<PathBuf> = found.iter().flat_map(|(path, text)| test_files(path, text)).collect();
    let relative = |path: &Path| path.strip_prefix(root).unwrap().display().to_string();
    found
        .into_iter()
        .map(|(path, text)| Source { is_test: tests.contains(&path), path: relative(&path), text })
        .collect()
}

/// The files that `text` declares with `#[cfg(test)] mod name;`.
fn test_files(path: &Path, text: &str) -> Vec<PathBuf> {
    let home = if matches!(path.file_stem().and_then(|stem| stem.to_str()), Some("mod" | "lib" | "main")) {
        path.parent().unwrap().to_owned()
    } else {
        path.with_extension("")
    };
    let mut files = Vec::new();
    let mut for_tests = false;
    for line in text.lines().map(str::trim) {
        let module = line.trim_start_matches("pub ").trim_start_matches("pub(crate) ").strip_prefix("mod ");
        if let (true, Some(name)) = (for_tests, module.and_then(|rest| rest.strip_suffix(';'))) {
            files.extend([home.join(format!("{name}.rs")), home.join(name).join("mod.rs")]);
        }
        for_tests = line.starts_with("#[cfg(test)]")
            || line.starts_with("#[cfg(all(test")
            || (for_tests && line.starts_with("#["));
    }
    files
}

#[test]
fn the_house_is_tidy() {
    let sources = sources("src");
    assert!(sources.len() > 100, "the sources were not found");
    let faults: Vec<String> =
        sources.iter().flat_map(|source| RULES.iter().flat_map(move |rule| rule(source))).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_tests_are_tidy() {
    const RULES: &[Rule] = &[length, names, first_line, ignored];
    let sources = sources("tests");
    let faults: Vec<String> =
        sources.iter().flat_map(|source| RULES.iter().flat_map(move |rule| rule(source))).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_room_has_a_floor_and_every_crate_a_door() {
    for source in sources("src").iter().filter(|source| !matches!(source.room(), "main" | "lib")) {
        assert!(FLOORS.iter().any(|(room, _)| *room == source.room()), "`{}` is on no floor", source.path);
    }
    let manifest = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).unwrap();
    let table = manifest.split("\n[dependencies]").nth(1).unwrap().split("\n[").next().unwrap();
    let names = table.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(" ="));
    for name in names.map(|(name, _)| name.replace('-', "_")) {
        assert!(DOORS.iter().any(|(door, _)| *door == name), "`{name}` has no door");
    }
}

/// Holds a made-up source against one rule.
fn faults(rule: Rule, path: &str, text: &str) -> usize {
    rule(&Source::new(path, text)).len()
}

#[test]
fn a_room_that_reaches_up_or_aside_is_found() {
    assert_eq!(faults(floors, "src/store/blob.rs", "use crate::engine::plan;"), 1);
    assert_eq!(faults(floors, "src/media/srt.rs", "fn f() { crate::world::disk::Sort::File; }"), 1);
    assert_eq!(faults(floors, "src/attic/srt.rs", "use crate::world::disk;"), 1);
    assert_eq!(faults(floors, "src/engine/plan.rs", "use crate::store::Store;\nuse crate::engine::judge;"), 0);
    assert_eq!(
        faults(floors, "src/store/blob.rs", "// crate::engine\n#[cfg(test)]\nmod tests { use crate::engine::x; }"),
        0
    );
}

#[test]
fn a_crate_that_enters_by_the_wrong_door_is_found() {
    assert_eq!(faults(doors, "src/engine/plan.rs", "use petgraph::Graph;"), 1);
    assert_eq!(faults(doors, "src/engine/plan.rs", "let x = petgraph::Graph::new();"), 1);
    assert_eq!(faults(doors, "src/graph/order.rs", "use petgraph::Graph;"), 0);
    assert_eq!(faults(doors, "src/engine/plan.rs", "use crate::kind::regex::x;\nuse serde::Serialize;"), 0);
}

#[test]
fn what_is_banned_is_found() {
    for text in [
        "use std::fs;",
        "fn f() { std::fs::read(x); }",
        "use std::env;",
        "use std::process::Command;",
        "use std::{fs, io};",
        "use std::time::Instant;",
        "let now = SystemTime::now();",
        "unsafe { x }",
        "todo!()",
        "unimplemented!()",
        "dbg!(x);",
        "println!();",
    ] {
        assert_eq!(faults(bans, "src/engine/plan.rs", text), 1, "{text}");
    }
    for text in [
        "// unsafe, todo! and std::fs",
        "let x = \"std::fs \\\" unsafe\";",
        "let x = r#\"unsafe \" todo!()\"#; let y = '\"'; let z = \"unsafe\";",
        "/* /* unsafe */ dbg! */",
        "use std::process::ExitCode;",
        "#[cfg(test)]\nmod tests { use std::fs; fn f<'a>() { '}'; } }",
        "#[cfg(test)]\nuse std::fs;\nfn f() {}",
        "let unsafely = InstantNoodles;",
    ] {
        assert_eq!(faults(bans, "src/engine/plan.rs", text), 0, "{text}");
    }
    assert_eq!(faults(bans, "src/world/real.rs", "use std::fs;\nuse std::time::SystemTime;"), 0);
    assert_eq!(
        faults(bans, "src/engine/plan.rs", "#[cfg(test)]\nmod tests {}\nuse std::fs;"),
        1,
        "after the tests, too"
    );
}

#[test]
fn a_file_that_is_too_long_is_found() {
    assert_eq!(faults(length, "src/engine/plan.rs", &"x\n".repeat(501)), 1);
    assert_eq!(faults(length, "src/engine/plan.rs", &"x\n".repeat(500)), 0);
}

#[test]
fn a_name_that_says_nothing_is_found() {
    assert_eq!(faults(names, "src/engine/utils.rs", ""), 1);
    assert_eq!(faults(names, "src/helpers/plan.rs", ""), 1);
    assert_eq!(faults(names, "src/engine/plan.rs", ""), 0);
}

#[test]
fn a_place_of_one_machine_is_found() {
    assert_eq!(faults(paths, "src/engine/plan.rs", "const DIR: &str = \"/tmp/storygen\";"), 1);
    assert_eq!(faults(paths, "src/engine/plan.rs", "#[cfg(test)]\nmod tests { const DIR: &str = \"/tmp/x\"; }"), 0);
    assert_eq!(faults(paths, "src/engine/plan.rs", "const DIR: &str = \"locks/tmp\";"), 0);
}

#[test]
fn a_file_that_does_not_say_what_it_is_for_is_found() {
    assert_eq!(faults(first_line, "src/engine/plan.rs", "use std::io;"), 1);
    assert_eq!(faults(first_line, "src/engine/plan.rs", "//! Plans.\nuse std::io;"), 0);
}

#[test]
fn a_test_ignored_without_a_reason_is_found() {
    assert_eq!(faults(ignored, "src/engine/plan.rs", "#[test]\n#[ignore]\nfn f() {}"), 1);
    assert_eq!(faults(ignored, "src/engine/plan.rs", "#[test]\n#[ignore = \"slow\"]\nfn f() {}"), 0);
}

#[test]
fn a_file_for_tests_only_is_known_for_one() {
    let text = "mod plan;\n#[cfg(test)]\nmod faults;\n";
    let files = test_files(Path::new("src/store/mod.rs"), text);
    assert!(files.contains(&PathBuf::from("src/store/faults.rs")) && files.len() == 2);
    let files = test_files(Path::new("src/kind/voice.rs"), "#[cfg(all(test, unix))]\nmod tests;\n");
    assert!(files.contains(&PathBuf::from("src/kind/voice/tests.rs")));
}
