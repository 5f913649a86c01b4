//! The kind `check`: measures its inputs by rules, and fails where one is broken.

pub mod preserve;
pub mod rules;

use crate::base::failure::{Cause, Failure};
use crate::kind::contract::{Job, Kind, Made, Pay, Work};
use crate::kind::fault::{About, SettingFault, every_fault};
use crate::kind::input;
use crate::provider::chat::BoxFuture;
use crate::storyfile::catalog::KindInfo;
use crate::storyfile::scope::ScopeFile;
use crate::storyfile::story::{Input, Selector};
use rules::{Rules, Subject};
use serde_json::{Value, json};

/// Measures texts and gives a verdict.
pub struct Check;

/// This many broken rules are told one by one.
const BROKEN_TOLD: usize = 8;

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
    let mut faults = every_fault(work.settings, Rules::read);
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
        Selector::File(path) | Selector::Tree(path) => input.role == name || path.as_str() == name,
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
/// Fails with `Validation` if a rule is broken, with `Setup` if the rules cannot be read. A text that `preserves` names
/// must be among `files`; where it is an input, use [`check_outputs_beside`].
pub fn check_outputs(settings: &Value, files: &[(&str, &[u8])]) -> Result<Value, Failure> {
    check_outputs_beside(settings, files, &[])
}

/// As [`check_outputs`]; `preserves` may also name one of `inputs`, by role or path: role, path and content.
pub fn check_outputs_beside(
    settings: &Value,
    files: &[(&str, &[u8])],
    inputs: &[(&str, &str, &[u8])],
) -> Result<Value, Failure> {
    let rules = Rules::read(settings)?;
    let mut subjects = Vec::with_capacity(files.len());
    for (path, bytes) in files {
        subjects.push(("", Subject { path, text: input::text_of(path, bytes)? }));
    }
    let mut others = Vec::new();
    for (role, path, bytes) in inputs {
        if rules.preserves.as_deref().is_some_and(|name| name == *role || name == *path) {
            others.push((*role, Subject { path, text: input::text_of(path, bytes)? }));
        }
    }
    judge(&rules, &subjects, &others)
}

fn verdict(job: &Job<'_>) -> Result<Made, Failure> {
    let rules = Rules::read(&job.settings)?;
    let files: Vec<&ScopeFile> = input::declared(&job.scope).collect();
    if files.is_empty() {
        return Err(Failure::new(Cause::Setup, "the stage has no input: there is nothing to check"));
    }
    let mut subjects = Vec::with_capacity(files.len());
    for file in files {
        subjects.push((file.role.as_str(), Subject { path: &file.path, text: input::text(file)? }));
    }
    Ok(Made { verdict: Some(judge(&rules, &subjects, &[])?), ..Made::default() })
}

/// Measures every subject but the one that others must preserve; each has its role.
fn judge(rules: &Rules, subjects: &[(&str, Subject<'_>)], others: &[(&str, Subject<'_>)]) -> Result<Value, Failure> {
    let reference = rules.preserves.as_deref().map(|name| named(name, subjects, others)).transpose()?;
    let measured: Vec<Subject<'_>> = subjects
        .iter()
        .map(|(_, subject)| *subject)
        .filter(|subject| reference.is_none_or(|reference| reference.path != subject.path))
        .collect();
    if measured.is_empty() {
        return Err(Failure::new(Cause::Setup, "there is no file to check beside the one that `preserves` names"));
    }
    let mut broken = Vec::new();
    let found: Vec<Value> =
        measured.into_iter().map(|subject| rules.measure(subject, reference, &mut broken)).collect();
    match broken.len() {
        0 => Ok(json!({ "files": found })),
        count => {
            broken.truncate(BROKEN_TOLD);
            if count > BROKEN_TOLD {
                broken.push(format!("and {} more", count - BROKEN_TOLD));
            }
            Err(Failure::new(Cause::Validation, broken.join("\n")))
        }
    }
}

fn named<'a>(
    name: &str,
    subjects: &[(&str, Subject<'a>)],
    others: &[(&str, Subject<'a>)],
) -> Result<Subject<'a>, Failure> {
    let mut all = subjects.iter().chain(others);
    let found = all.find(|(role, subject)| *role == name || subject.path == name);
    found.map(|(_, subject)| *subject).ok_or_else(|| no_such_input(name).into())
}

#[cfg(test)]
mod tests {
    use super::super::bench::{Bench, output};
    use super::*;
    use crate::kind::input::tests::file;
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
        let files: [(&str, &[u8]); 1] = [("out.md", b"One two three.")];
        assert_eq!(check_outputs(&json!({"words": {"max": 3}}), &files).unwrap()["files"][0]["words"], 3);
        let failure = check_outputs(&json!({"words": {"max": 2}}), &files).unwrap_err();
        assert_eq!(failure.message, "`words` of `out.md`: 3 words, over 2");
        let inputs: [(&str, &str, &[u8]); 1] = [("0", "in.md", b"One two four.")];
        let failure = check_outputs_beside(&json!({"preserves": "0"}), &files, &inputs).unwrap_err();
        assert!(failure.message.ends_with("“four.” became “three.”"), "{failure}");
    }

    #[test]
    fn a_check_has_rules_and_no_outputs() {
        let bench = Bench::new();
        let told = |settings: &Value, outputs: &[Output]| bench.told(&Check, settings, outputs);
        let wrong = told(&json!({"words": {"max": 3}}), &[output("0", "a.json")]);
        assert_eq!(wrong, ["a check writes no file, not `a.json`"]);
        assert_eq!(told(&json!({}), &[]), ["the check has no rule"]);
        let many = told(&json!({"tags": 1, "require": "(", "words": {"min": 2, "max": 1}, "preserves": "x"}), &[]);
        assert_eq!(many.len(), 4, "{many:?}");
        assert_eq!(bench.identity(&Check, &json!({"require": "x"}), &[]).unwrap(), None);
    }
}
