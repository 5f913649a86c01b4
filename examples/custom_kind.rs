//! A kind of stage in Rust: defined, registered, and used by a Storyfile. Run it with `cargo run --example custom_kind`.
//!
//! The kind `rhyme` reads a poem and writes, line by line, the word that it ends with. The program writes a small repo into
//! a folder of its own, builds it twice and shows that the second build runs nothing.

use serde_json::Value;
use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;
use storygen::{
    BoxFuture, Event, Failure, InputRule, Job, Kind, KindInfo, Made, Need, Order, Outcome, OutputRule, Pay, Progress,
    Recorder, Registry, Repo, Setting, SettingFault, SettingSort, Work, input,
};

/// What a Storyfile may say: checked before anything runs, with a place and a suggestion for each slip.
static RHYME: KindInfo = KindInfo {
    settings: &[Setting { name: "between", sort: SettingSort::Text, required: Need::Optional }],
    one_of: &[],
    inputs: InputRule { min: 1, max: Some(1) },
    outputs: OutputRule { min: 1, max: Some(1), slots: &[], extensions: &["txt"] },
    capability: None,
    helper: None,
};

struct Rhyme;

impl Kind for Rhyme {
    fn info(&self) -> &'static KindInfo {
        &RHYME
    }

    /// Raise it when the same settings and inputs give other results: they are then out of date.
    fn version(&self) -> u32 {
        1
    }

    fn pay(&self) -> Pay {
        Pay::Free
    }

    /// What `info` cannot say.
    fn faults(&self, work: &Work<'_>) -> Vec<SettingFault> {
        match work.settings.get("between").and_then(Value::as_str) {
            Some(text) if text.contains('\n') => vec![
                SettingFault::setting("between", "`between` has a line break in it")
                    .hint("Write what stands between two words of one line."),
            ],
            _ => Vec::new(),
        }
    }

    /// Who does the work, where that shapes the result: a model, a service.
    fn identity(&self, _: &Work<'_>) -> Result<Option<String>, Failure> {
        Ok(None)
    }

    fn perform<'a>(&'a self, job: Job<'a>) -> BoxFuture<'a, Result<Made, Failure>> {
        Box::pin(async move {
            let poem = input::text(input::only(&job.scope, "a poem")?)?;
            let between = job.settings.get("between").and_then(Value::as_str).unwrap_or("\n");
            let lines: Vec<&str> = poem.lines().filter(|line| !line.trim().is_empty()).collect();
            let mut words = Vec::new();
            for (number, line) in lines.iter().enumerate() {
                let word = line.split_whitespace().next_back().unwrap_or_default();
                words.push(word.trim_matches(|sign: char| !sign.is_alphanumeric()));
                let (done, total) = (number as u64 + 1, lines.len() as u64);
                (job.progress)(Progress { done, total, note: "lines".into() });
            }
            let text = words.join(between) + "\n";
            let outputs = BTreeMap::from([(job.outputs[0].slot.clone(), text.into_bytes())]);
            Ok(Made { outputs, ..Made::default() })
        })
    }
}

const STORYFILE: &str = r#"
storygen: 1
stages:
  rhymes:
    uses: rhyme
    inputs: poem.txt
    outputs: build/rhymes.txt
    with: { between: " / " }
  count:
    inputs: build/rhymes.txt
    outputs: build/count.txt
    run: "wc -w < ${inputs[0]} > ${outputs[0]}"
"#;

/// Builds, and returns what ran.
fn build(repo: &Repo) -> Result<Vec<String>, Box<dyn Error>> {
    let recorder = Arc::new(Recorder::default());
    let summary = repo.build(&Order::default(), recorder.clone())?;
    if summary.exit_code() != 0 {
        return Err(format!("the build ended with {}", summary.exit_code()).into());
    }
    let ran = recorder.events().into_iter().filter_map(|event| match event {
        Event::ActionFinished(finished) if finished.outcome == Outcome::Done => Some(finished.action.to_string()),
        _ => None,
    });
    Ok(ran.collect())
}

pub fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join("Storyfile.yaml"), STORYFILE)?;
    std::fs::write(folder.path().join("poem.txt"), "The last bus turns,\nand nothing burns,\nbut one small light.\n")?;

    let mut kinds = Registry::builtin();
    kinds.register("rhyme", Arc::new(Rhyme));
    let repo = Repo::open(folder.path())?.with_kinds(kinds);

    assert_eq!(build(&repo)?, ["rhymes", "count"]);
    let rhymes = std::fs::read_to_string(folder.path().join("build/rhymes.txt"))?;
    assert_eq!(rhymes, "turns / burns / light\n");

    // Nothing changed, nothing runs.
    assert!(build(&repo)?.is_empty());

    // Another poem, the same rhymes: what reads them need not run.
    std::fs::write(folder.path().join("poem.txt"), "The first bus turns,\nno lantern burns,\nand there is light.\n")?;
    assert_eq!(build(&repo)?, ["rhymes"]);

    // A slip in the Storyfile is told with its place, before anything runs.
    std::fs::write(folder.path().join("Storyfile.yaml"), STORYFILE.replace("between:", "betwen:"))?;
    let refused = repo.build(&Order::default(), Arc::new(Recorder::default())).unwrap_err().to_string();
    assert_eq!(refused, "Storyfile.yaml:8:13: the setting `betwen` is not known [S034]");

    println!("{rhymes}built, built nothing, built what changed, refused a slip");
    Ok(())
}
