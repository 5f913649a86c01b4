//! The kind `check`: measures its inputs by rules, and fails where one is broken.
//!
//! | file | what it does |
//! |---|---|
//! | [`rules`] | reads the rules and measures one file by all of them |
//! | `subject` | a file to be measured, and how a place in it is named |
//! | `length`, `pattern`, `banned`, `tags`, [`preserve`] | rules about texts |
//! | `audio`, `subtitles` | rules about recordings and cues |

mod audio;
mod banned;
mod length;
mod pattern;
pub mod preserve;
pub mod rules;
mod subject;
mod subtitles;
mod tags;

use crate::base::failure::{Cause, Failure};
use crate::base::part;
use crate::kind::contract::{Job, Kind, Made, Pay, Work};
use crate::kind::fault::{About, SettingFault, every_fault};
use crate::provider::chat::BoxFuture;
use crate::storyfile::catalog::KindInfo;
use crate::storyfile::scope::{ScopeFile, is_named_by_user};
use crate::storyfile::story::{Input, Selector};
use rules::{IfBroken, Rules};
use serde_json::{Value, json};
use std::borrow::Cow;
pub use subject::Subject;

/// Measures files and gives a verdict.
pub struct Check;

/// This many broken rules are told one by one.
const BROKEN_TOLD: usize = 100;

/// What a check found where it did not fail.
#[derive(Clone, Debug, PartialEq)]
pub struct Checked {
    pub verdict: Value,
    /// Broken rules of a check that does not block.
    pub warnings: Vec<String>,
}

impl Kind for Check {
    fn info(&self) -> &'static KindInfo {
        &super::info::CHECK
    }

    fn version(&self) -> u32 {
        // 2: links by name, elements of HTML and tables are no words.
        2
    }

    fn pay(&self) -> Pay {
        Pay::Free
    }

    fn faults(&self, work: &Work<'_>) -> Vec<SettingFault> {
        let mut faults = faults_of_rules(work);
        faults.extend(work.outputs.iter().map(|output| {
            SettingFault::output(&output.slot, format!("a check writes no file, not `{}`", output.path))
                .hint("Leave `outputs:` out: its verdict is remembered.")
        }));
        faults
    }

    fn identity(&self, _: &Work<'_>) -> Result<Option<String>, Failure> {
        Ok(None)
    }

    fn perform<'a>(&'a self, job: Job<'a>) -> BoxFuture<'a, Result<Made, Failure>> {
        Box::pin(async move { verdict(&job) })
    }
}

/// Returns what is wrong with rules, those of a stage of this kind or those under any stage's `check:`.
pub fn faults_of_rules(work: &Work<'_>) -> Vec<SettingFault> {
    let mut faults = every_fault(work.settings, |settings| Rules::read(settings, &[]));
    // A rule that waits for a file is one all the same.
    faults.retain(|fault| fault.about != About::Stage || work.late.is_empty());
    if let Some(name) = work.settings.get("preserves").and_then(Value::as_str)
        && !is_file_of(work, name)
    {
        faults.push(no_such_input(name));
    }
    faults
}

/// Tells whether `preserves` may name this; what a pattern finds is not known yet.
fn is_file_of(work: &Work<'_>, name: &str) -> bool {
    let input = |input: &Input| match &input.selector {
        Selector::File(path) | Selector::Tree(path) => {
            let part = input.part.as_ref().map(|part| format!("{}#{part}", part::escape(path.as_str())));
            input.role == name || part.as_deref().unwrap_or(path.as_str()) == name
        }
        Selector::Glob { .. } => true,
    };
    work.inputs.iter().any(input) || work.outputs.iter().any(|output| output.path.as_str() == name)
}

fn no_such_input(name: &str) -> SettingFault {
    SettingFault::setting("preserves", format!("`preserves` names `{name}`, which is no input of the stage"))
        .hint("Name an input by its role (the key under `inputs:`) or by its path.")
}

/// Holds the outputs of any stage against the rules under its `check:` and returns what was measured.
///
/// Fails with `Validation` if a rule is broken, with `Setup` if the rules cannot be read. `inputs` are the stage's, those
/// that rules name among them (`check.schema`); `preserves` may name an output or an input, by role or path.
pub fn check_outputs(settings: &Value, files: &[Subject<'_>], inputs: &[Subject<'_>]) -> Result<Checked, Failure> {
    // Its kind may know settings of the same names: `with.schema` is not what its outputs are held against.
    let named: Vec<Subject<'_>> = inputs.iter().copied().filter(|input| input.role.starts_with("check.")).collect();
    judge(&Rules::with_files(settings, &named)?, files, inputs)
}

fn verdict(job: &Job<'_>) -> Result<Made, Failure> {
    let mut files = Vec::with_capacity(job.scope.inputs.len());
    let names: Vec<Cow<'_, str>> = job.scope.inputs.iter().map(ScopeFile::shown).collect();
    for (file, name) in job.scope.inputs.iter().zip(&names) {
        let bytes = file.content.as_deref().ok_or_else(|| {
            Failure::new(Cause::Machine, format!("`{}` was not read before the stage began", file.path))
        })?;
        files.push(Subject { role: &file.role, path: name, bytes });
    }
    let rules = Rules::with_files(&job.settings, &files)?;
    let subjects: Vec<Subject<'_>> = files.into_iter().filter(|file| is_named_by_user(file.role)).collect();
    if subjects.is_empty() {
        return Err(Failure::new(Cause::Setup, "the stage has no input: there is nothing to check"));
    }
    let checked = judge(&rules, &subjects, &[])?;
    Ok(Made { verdict: Some(checked.verdict), warnings: checked.warnings, ..Made::default() })
}

/// Measures every subject but the one that others must preserve.
fn judge(rules: &Rules, subjects: &[Subject<'_>], others: &[Subject<'_>]) -> Result<Checked, Failure> {
    let reference = rules.preserves.as_deref().map(|name| named(name, subjects, others)).transpose()?;
    let is_measured = |subject: &Subject<'_>| reference.is_none_or(|reference| reference.path != subject.path);
    let measured: Vec<Subject<'_>> = subjects.iter().copied().filter(is_measured).collect();
    if measured.is_empty() {
        return Err(Failure::new(Cause::Setup, "there is no file to check beside the one that `preserves` names"));
    }
    rules.each_has_a_file(&measured)?;
    let mut broken = Vec::new();
    let found: Vec<Value> =
        measured.into_iter().map(|subject| rules.measure(subject, reference, &mut broken)).collect();
    match (broken.is_empty(), rules.if_broken) {
        (true, _) => Ok(Checked { verdict: json!({ "files": found }), warnings: Vec::new() }),
        (false, IfBroken::Fail) => Err(Failure::new(Cause::Validation, told(broken).join("\n"))),
        (false, IfBroken::Warn) => {
            Ok(Checked { verdict: json!({ "files": found, "broken": broken }), warnings: told(broken) })
        }
    }
}

/// A verdict holds all that is broken; on a screen there is an end.
fn told(mut broken: Vec<String>) -> Vec<String> {
    let more = broken.len().saturating_sub(BROKEN_TOLD);
    broken.truncate(BROKEN_TOLD);
    if more > 0 {
        broken.push(format!("and {more} more"));
    }
    broken
}

fn named<'a>(name: &str, subjects: &[Subject<'a>], others: &[Subject<'a>]) -> Result<Subject<'a>, Failure> {
    let mut all = subjects.iter().chain(others);
    let found = all.find(|subject| (subject.role == name && !name.is_empty()) || subject.path == name);
    found.copied().ok_or_else(|| no_such_input(name).into())
}

#[cfg(test)]
mod tests {
    use super::super::bench::{Bench, output};
    use super::*;
    use crate::kind::input::tests::file;
    use crate::storyfile::scope::ScopeFile;
    use crate::storyfile::story::Output;

    const BEFORE: &str = "He left. She stayed.";

    fn checked(settings: Value, files: Vec<ScopeFile>) -> Result<Value, Failure> {
        Bench::new().perform(&Check, settings, files, &[]).map(|made| made.verdict.unwrap())
    }

    #[test]
    fn a_verdict_says_what_was_measured() {
        let files = vec![file("0", "a.md", "One two."), file("1", "b.md", "Three.")];
        let verdict = checked(json!({"words": {"min": 1}}), files).unwrap();
        assert_eq!(verdict, json!({"files": [{"path": "a.md", "words": 2}, {"path": "b.md", "words": 1}]}));
    }

    #[test]
    fn every_broken_rule_of_every_file_is_told() {
        let files = vec![file("0", "a.md", "One two."), file("1", "b.md", "Three TODO")];
        let failure = checked(json!({"words": {"min": 2, "max": 2}, "forbid": "TODO|One"}), files).unwrap_err();
        assert_eq!(failure.cause, Cause::Validation);
        let told: Vec<&str> = failure.message.lines().collect();
        assert_eq!(
            told,
            ["`forbid` of `a.md:1:1`: “One” matches /TODO|One/", "`forbid` of `b.md:1:7`: “TODO” matches /TODO|One/"]
        );
    }

    #[test]
    fn a_text_is_held_against_the_one_it_must_preserve() {
        let files = |after: &str| vec![file("before", "b.md", BEFORE), file("after", "a.md", after)];
        let verdict = checked(json!({"preserves": "before"}), files("[sad] He left. She stayed.")).unwrap();
        assert_eq!(verdict, json!({"files": [{"path": "a.md", "words": 4, "preserves": "b.md"}]}));
        assert!(checked(json!({"preserves": "b.md"}), files("He left.")).is_err());
        let failure = checked(json!({"preserves": "x"}), files("")).unwrap_err();
        assert_eq!(failure.message, "`preserves` names `x`, which is no input of the stage");
    }

    #[test]
    fn the_same_rules_serve_any_stages_outputs() {
        let files = [Subject { role: "", path: "out.md", bytes: b"One two three." }];
        assert_eq!(check_outputs(&json!({"words": {"max": 3}}), &files, &[]).unwrap().verdict["files"][0]["words"], 3);
        let failure = check_outputs(&json!({"words": {"max": 2}}), &files, &[]).unwrap_err();
        assert_eq!(failure.message, "`words` of `out.md`: 3 words, over 2");
        let inputs = [
            Subject { role: "0", path: "in.md", bytes: b"One two four." },
            Subject { role: "with.banned", path: "c.txt", bytes: b"three" },
            Subject { role: "check.banned", path: "b.txt", bytes: b"two" },
        ];
        let failure = check_outputs(&json!({"preserves": "0"}), &files, &inputs).unwrap_err();
        assert!(failure.message.ends_with("“four.” became “three.”"), "{failure}");
        let failure = check_outputs(&json!({"banned": "b.txt"}), &files, &inputs).unwrap_err();
        assert_eq!(failure.message, "`banned` of `out.md:1:5`: “two” is banned");
    }

    #[test]
    fn a_check_that_does_not_block_warns_and_its_verdict_says_what_is_broken() {
        let files = vec![file("0", "a.md", "One two."), file("with.banned", "b.txt", "two\n")];
        let settings = json!({"words": {"max": 1}, "banned": "b.txt", "blocking": false});
        let made = Bench::new().perform(&Check, settings, files, &[]).unwrap();
        let broken = ["`words` of `a.md`: 2 words, over 1", "`banned` of `a.md:1:5`: “two” is banned"];
        assert_eq!(made.warnings, broken);
        assert_eq!(made.verdict.unwrap(), json!({"files": [{"path": "a.md", "words": 2}], "broken": broken}));
        let failure = checked(json!({"words": {"max": 1}, "blocking": "true"}), vec![file("0", "a.md", "One two.")]);
        assert_eq!(failure.unwrap_err().message, broken[0]);
    }

    #[test]
    fn what_is_broken_a_thousand_times_is_told_in_a_hundred_lines_and_counted() {
        let text = (0..300).map(|n| format!("[odd{n}]\n\n")).collect::<String>().replace(char::is_numeric, "x");
        let failure = checked(json!({"tags": true}), vec![file("0", "a.md", &text)]).unwrap_err();
        assert_eq!(failure.message.lines().count(), BROKEN_TOLD + 1);
        assert!(failure.message.ends_with("\nand 200 more"), "{failure}");
    }

    #[test]
    fn a_check_has_rules_and_no_outputs() {
        let bench = Bench::new();
        let told = |settings: &Value, outputs: &[Output]| bench.told(&Check, settings, outputs);
        let wrong = told(&json!({"words": {"max": 3}}), &[output("0", "a.json")]);
        assert_eq!(wrong, ["a check writes no file, not `a.json`"]);
        assert_eq!(told(&json!({}), &[]), ["the check has no rule"]);
        let many = told(
            &json!({"tags": 1, "require": "(", "words": {"min": 2, "max": 1}, "preserves": "x", "audio": {"loudness": {}, "length": {}}}),
            &[],
        );
        assert_eq!(many.len(), 6, "{many:?}");
        assert_eq!(bench.identity(&Check, &json!({"require": "x"}), &[]).unwrap(), None);
    }
}
