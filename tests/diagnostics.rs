//! Holds `docs/errors.md` against the code: every code has a section, every example gives exactly the report it shows.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use storygen::base::diagnostic::{Diagnostic, Severity};
use storygen::base::path::RepoPath;
use storygen::base::sources::Sources;
use storygen::engine::advice::advice;
use storygen::engine::disclosure::{fault, untrusted};
use storygen::engine::faults::{faults_of_actions, faults_of_sources};
use storygen::engine::named::Named;
use storygen::engine::open::{Access, Opening, open};
use storygen::engine::sources::{Match, Pattern};
use storygen::engine::workflow::{Find, connect};
use storygen::kind::registry::Registry;
use storygen::provider::Providers;
use storygen::provider::script::Shelf;
use storygen::provider::weights::{PullPolicy, Weights};
use storygen::report::diagnostic::{Color, render};
use storygen::storyfile::catalog::{Catalog, InputRule, KindInfo, Need, OutputRule, Setting, SettingSort};
use storygen::storyfile::dotenv;
use storygen::storyfile::load::{Draft, Given, draft, load};
use storygen::storyfile::template::Template;
use storygen::world::World;
use storygen::world::disk::Sort;

/// A few kinds like the real ones, so that the examples stand on their own.
struct Kinds;

const fn setting(name: &'static str, sort: SettingSort) -> Setting {
    Setting { name, sort, required: Need::Optional }
}

static PROMPT: &[Setting] = &[
    setting("prompt", SettingSort::Text),
    setting("template", SettingSort::File),
    setting("temperature", SettingSort::Number),
    setting("seed", SettingSort::Integer),
    setting("stop", SettingSort::TextOrList),
    setting("extra", SettingSort::Map),
];
static SUBTITLES: &[Setting] = &[
    setting("preset", SettingSort::Choice(&["netflix", "bbc", "shorts"])),
    Setting { name: "cps", sort: SettingSort::Integer, required: Need::Required },
];

impl Catalog for Kinds {
    fn kind(&self, name: &str) -> Option<KindInfo> {
        let one_file = OutputRule { min: 1, max: Some(1), slots: &[], extensions: &[] };
        match name {
            "prompt" => Some(KindInfo {
                settings: PROMPT,
                one_of: &[&["template", "prompt"]],
                inputs: InputRule::ANY,
                outputs: one_file,
                capability: Some("text"),
                helper: None,
            }),
            "subtitles" => Some(KindInfo {
                settings: SUBTITLES,
                one_of: &[],
                inputs: InputRule { min: 1, max: Some(1) },
                outputs: OutputRule { min: 1, max: None, slots: &[], extensions: &["srt", "vtt", "ass"] },
                capability: None,
                helper: None,
            }),
            _ => None,
        }
    }

    fn kinds(&self) -> Vec<String> {
        ["prompt", "subtitles", "idea"].map(str::to_owned).to_vec()
    }

    fn preset(&self, name: &str) -> Option<&'static str> {
        match name {
            "idea" => {
                Some("takes: { topic: }\nrequired: [topic]\nuses: prompt\nwith: { prompt: \"About ${with.topic}\" }\n")
            }
            "broken" => Some("takes: ["),
            _ => None,
        }
    }
}

struct Section<'a> {
    code: &'a str,
    language: &'a str,
    example: &'a str,
    report: &'a str,
}

fn sections(page: &str) -> Vec<Section<'_>> {
    page.split("\n## ").skip(1).map(section).collect()
}

fn section(text: &str) -> Section<'_> {
    let code = text.split_whitespace().next().expect("a section has a title");
    let mut blocks = text.split("```").skip(1).step_by(2);
    let (language, example) =
        blocks.next().and_then(|block| block.split_once('\n')).unwrap_or_else(|| panic!("{code} has no example"));
    let report = blocks.next().and_then(|block| block.strip_prefix("text\n")).unwrap_or("");
    Section { code, language, example, report }
}

/// `# --batch FILE` gives a table: the example is what `validate` says of its rows.
/// `# -p name=value` and `# --profile name` in the first lines are what comes from outside; `# file NAME: TEXT` is a file of the repo, and with one
/// the example is read as the program reads it, kinds and all.
fn report(section: &Section) -> (Vec<Diagnostic>, String) {
    let files: Vec<(&str, String)> = section
        .example
        .lines()
        .filter_map(|line| line.strip_prefix("# file ")?.split_once(": "))
        .map(|(name, text)| (name, text.replace("\\n", "\n")))
        .collect();
    if let Some(table) = section.example.lines().find_map(|line| line.strip_prefix("# --batch ")) {
        return report_of_rows(section, table, &files);
    }
    if !files.is_empty() {
        let (faults, sources) = faults_in_a_repo(section.example, &files);
        let shown = render(&faults, &sources, Color::Never);
        return (faults, shown);
    }
    if section.language == "jinja" {
        let fault = Template::parse("prompts/x.j2", section.example).expect_err("the example is at fault");
        let shown = render(std::slice::from_ref(&fault), &Sources::new("prompts/x.j2", section.example), Color::Never);
        return (vec![fault], shown);
    }
    if section.language == "dotenv" {
        let faults = dotenv::parse(section.example).expect_err("the example is at fault");
        let shown = render(&faults, &Sources::new(".env", ""), Color::Never);
        return (faults, shown);
    }
    let params =
        section.example.lines().filter_map(|line| line.strip_prefix("# -p ")).filter_map(|pair| pair.split_once('='));
    let params = params.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let profiles = section.example.lines().filter_map(|line| line.strip_prefix("# --profile "));
    let profiles = profiles.map(str::to_owned).collect();
    let given = Given { params, profiles, ..Given::alone("Storyfile.yaml", &|_| None) };
    let (story, mut faults) = load(section.example, &Kinds, &given);
    if let Some(mut story) = story {
        faults.extend(faults_of_actions(&story.actions, &story, &Registry::builtin(), &Providers::default()));
        connect(&mut story, &Named::default().orphans([].into_iter()), &mut EmptyDisk, &mut faults);
        assert!(!faults.is_empty(), "the example of {} is right", section.code);
    }
    let shown = render(&faults, &Sources::new("Storyfile.yaml", section.example), Color::Never);
    (faults, shown)
}

/// Asks the program itself, with a table of rows.
fn report_of_rows(section: &Section, table: &str, files: &[(&str, String)]) -> (Vec<Diagnostic>, String) {
    let dir = tempfile::tempdir().expect("a folder for the repo");
    for (name, text) in
        files.iter().map(|(name, text)| (*name, text.as_str())).chain([("Storyfile.yaml", section.example)])
    {
        std::fs::write(dir.path().join(name), text).expect("the file");
    }
    let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_storygen"));
    let output = program.args(["validate", "--batch", table]).current_dir(dir.path()).output().expect("it runs");
    let said = String::from_utf8(output.stderr).expect("it is text");
    let shown = said.split("Storyfile.yaml is right").next().unwrap_or_default().trim_end().to_owned() + "\n";
    let code: &'static str = section.code.to_owned().leak();
    let told = shown.contains(&format!("[{code}]: ")).then(|| Diagnostic::error(code, "", Default::default()));
    let faults = told.map(|fault| if shown.contains("= help: ") { fault.help("as it says") } else { fault });
    (faults.into_iter().collect(), shown)
}

/// Opens a repo with these files.
fn faults_in_a_repo(story: &str, files: &[(&str, String)]) -> (Vec<Diagnostic>, Sources) {
    let dir = tempfile::tempdir().expect("a folder for the repo");
    for (name, text) in files {
        let place = dir.path().join(name);
        std::fs::create_dir_all(place.parent().expect("it lies in the repo")).expect("its folder");
        std::fs::write(place, text).expect("the file");
    }
    let registry = Arc::new(Registry::builtin());
    let read =
        |path: &RepoPath| std::fs::read_to_string(path.under(dir.path())).map_err(|_| "it is not there".to_owned());
    let given = Given { files: &read, ..Given::alone("Storyfile.yaml", &|_| None) };
    let Draft { story, faults, sources, .. } = draft(story, &*registry, &given);
    let is_wrong = faults.iter().any(|fault| fault.severity == Severity::Error);
    let Some(story) = story.filter(|_| !is_wrong) else { return (faults, sources) };
    let weights = Arc::new(Weights::new(World::real(), PullPolicy::NoPull("a test"), Arc::new(|_| {})));
    let root = dir.path().to_owned();
    let shelf = Shelf { disk: World::real().disk, root: root.clone() };
    let providers = Providers::join(&story.providers, &weights, &World::real().env, &shelf);
    let opening = Opening {
        world: World::real(),
        root,
        story,
        sources: sources.clone(),
        registry,
        providers,
        access: Access::Read,
    };
    match open(opening).expect("the machine is well") {
        Ok(mut opened) => {
            let mut faults = std::mem::take(&mut opened.warnings);
            faults.extend(faults_of_sources(&mut opened.project).expect("the machine is well"));
            faults.extend(advice(&mut opened.project, sources.text()));
            let all = (0..opened.project.workflow.nodes.len()).collect();
            faults.extend(untrusted(&opened.project, &all).iter().map(fault));
            (faults, sources)
        }
        Err(faults) => (faults, sources),
    }
}

/// A repo with nothing but its Storyfile.
struct EmptyDisk;

impl Find for EmptyDisk {
    fn glob(&mut self, _: &Pattern) -> Vec<Match> {
        Vec::new()
    }

    fn sort(&mut self, _: &RepoPath) -> Option<Sort> {
        None
    }

    fn read(&mut self, _: &RepoPath) -> Option<Vec<u8>> {
        None
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn every_example_gives_the_report_that_the_page_shows() {
    every_example_of("docs/errors.md");
}

#[test]
fn every_fault_of_a_provider_is_told_where_it_stands_with_a_way_out() {
    every_example_of("tests/fixtures/providers.md");
}

/// Run with `BLESS=1` to write today's reports into the page, then read the difference.
fn every_example_of(page: &str) {
    let path = root().join(page);
    let page = std::fs::read_to_string(&path).expect("the page is there");
    let mut blessed = page.clone();
    let mut wrong = Vec::new();
    for section in sections(&page) {
        let (faults, shown) = report(&section);
        assert!(
            faults.iter().any(|fault| fault.code == section.code),
            "the example of {} gives\n{shown}",
            section.code
        );
        assert!(faults.iter().all(|fault| fault.help.is_some()), "{} has a way out", section.code);
        if shown != section.report {
            wrong.push(format!("{}:\n{shown}", section.code));
            // From its own title on: an example may be the end of another.
            let title = blessed.find(&format!("\n## {} ", section.code)).expect("the section stands in the page");
            let old = format!("{}```\n\n```text\n{}```", section.example, section.report);
            let new = format!("{}```\n\n```text\n{shown}```", section.example);
            let tail = blessed[title..].replacen(&old, &new, 1);
            blessed.replace_range(title.., &tail);
        }
    }
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, blessed).expect("the page can be written");
        return;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_code_in_the_source_has_a_section_and_every_section_a_code() {
    let mut codes = BTreeSet::new();
    let source = walkdir::WalkDir::new(root().join("src"));
    for path in source.into_iter().map(|entry| entry.expect("it can be read").into_path()) {
        if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("tests.rs") {
            let text = std::fs::read_to_string(path).expect("it is text");
            let text = text.split("#[cfg(test)]").next().unwrap_or_default();
            let found = text.match_indices("\"S").map(|(at, _)| &text[at + 1..]);
            codes.extend(found.filter_map(code));
        }
    }
    let page = std::fs::read_to_string(root().join("docs/errors.md")).expect("docs/errors.md is there");
    let documented: BTreeSet<String> = sections(&page).iter().map(|section| section.code.to_owned()).collect();
    assert_eq!(codes, documented);
}

fn code(text: &str) -> Option<String> {
    let code = text.get(..4)?;
    let fine = code[1..].bytes().all(|byte| byte.is_ascii_digit()) && text[4..].starts_with('"');
    fine.then(|| code.to_owned())
}
