//! What holds between actions: nobody writes what another writes, nor what it reads itself.

use crate::base::diagnostic::Diagnostic;
use crate::base::path::RepoPath;
use crate::storyfile::faults::Faults;
use crate::storyfile::paths;
use crate::storyfile::story::{Action, Output, OutputSort, Selector};
use std::collections::BTreeSet;
use unicode_normalization::UnicodeNormalization;

/// Checks all actions; sorted neighbours, so that a thousand stages cost a sort. `file` is the Storyfile's own name.
pub fn check(actions: &[&Action], file: &str, included: &[RepoPath], faults: &mut Faults) {
    let included: BTreeSet<&RepoPath> = included.iter().collect();
    for output in actions.iter().flat_map(|action| action.writes()) {
        paths::reserved(&output.path, file, &included, output.span, faults);
    }
    let mut all: Vec<(String, &Action, &Output)> = actions
        .iter()
        .flat_map(|action| action.writes().map(move |output| (folded(output.path.as_str()), *action, output)))
        .collect();
    // By segments: what lies in a folder follows it at once.
    all.sort_by(|(one, _, a), (two, _, b)| one.split('/').cmp(two.split('/')).then_with(|| a.path.cmp(&b.path)));
    let mut open: Vec<(String, &Action, &Output)> = Vec::new();
    for (name, action, output) in all {
        let lies_in =
            |folder: &str| name.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        while open.last().is_some_and(|(folder, ..)| !lies_in(folder)) {
            open.pop();
        }
        if let Some((folder, owner, last)) = open.last() {
            if last.path == output.path {
                same(owner, last, action, output, faults);
                continue;
            }
            match output.path.is_within(&last.path) {
                true => overlap(owner, last, action, output, faults),
                false => alike(owner, last, action, output, faults),
            }
            if *folder == name {
                continue;
            }
        }
        open.push((name, action, output));
    }
    actions.iter().for_each(|action| own_input(action, faults));
}

/// Returns a path as systems compare it that tell neither upper from lower case nor `é` from `e` with an accent.
pub fn folded(path: &str) -> String {
    let lower = path.nfc().collect::<String>().to_lowercase();
    lower.nfc().collect()
}

/// Two paths that only some systems tell apart: elsewhere one would be written over the other.
fn alike(owner: &Action, first: &Output, action: &Action, output: &Output, faults: &mut Faults) {
    if faults.has("S077", output.span) {
        return;
    }
    let difference = match first.path.as_str().to_lowercase() == output.path.as_str().to_lowercase() {
        true => "in upper and lower case",
        false => "in how an accent is stored",
    };
    let slash = |output: &Output| if output.sort == OutputSort::Tree { "/" } else { "" };
    let (one, two) = (format!("{}{}", first.path, slash(first)), format!("{}{}", output.path, slash(output)));
    let message = format!("`{one}` of `{}` and `{two}` of `{}` are one place on some systems", owner.id, action.id);
    let fault = Diagnostic::error("S077", message, output.span).label(format!("differs only {difference}"));
    let fault = if first.span == output.span { fault } else { fault.related(first.span, "the other") };
    faults.push(fault.help("macOS and Windows do not tell them apart: choose a name that differs in its letters"));
}

fn same(owner: &Action, first: &Output, action: &Action, output: &Output, faults: &mut Faults) {
    // An axis that is missing in the path says it better, and once.
    let told = owner.stage == action.stage && faults.has("S082", output.span);
    if told || faults.has("S071", output.span) {
        return;
    }
    let message = if owner.id == action.id {
        format!("`{}` writes `{}` twice", action.id, output.path)
    } else {
        format!("`{}` and `{}` both write `{}`", owner.id, action.id, output.path)
    };
    let (first, again) = if first.span <= output.span { (first, output) } else { (output, first) };
    let fault = Diagnostic::error("S071", message, again.span).label("written here");
    let fault = if first.span == again.span { fault } else { fault.related(first.span, "and here") };
    faults.push(fault.help(match (owner.stage == action.stage, owner.id == action.id) {
        (true, true) => "name each file once",
        (true, false) => "let an axis stand in the path, as in `build/${lang}/x.txt`",
        (false, _) => "give each stage a path of its own",
    }));
}

fn overlap(owner: &Action, folder: &Output, action: &Action, output: &Output, faults: &mut Faults) {
    let message = match folder.sort {
        OutputSort::Tree => format!("`{}` lies in `{}/`, which `{}` writes", output.path, folder.path, owner.id),
        OutputSort::File => {
            format!("`{}` is a file of `{}` and a folder of `{}`", folder.path, owner.id, action.id)
        }
    };
    faults.push(
        Diagnostic::error("S073", message, output.span)
            .label("inside the other")
            .related(folder.span, "the outer one")
            .help("let each stage write into a folder of its own"),
    );
}

fn own_input(action: &Action, faults: &mut Faults) {
    for input in &action.inputs {
        let (path, tree) = match &input.selector {
            Selector::File(path) => (path, false),
            Selector::Tree(path) => (path, true),
            // A pattern leaves out its own stage's outputs.
            Selector::Glob { .. } => continue,
        };
        for output in action.writes() {
            let inside = output.sort == OutputSort::Tree && path.is_within(&output.path);
            if *path == output.path || inside || tree && output.path.is_within(path) {
                faults.push(
                    Diagnostic::error(
                        "S072",
                        format!("`{}` writes what it reads: `{}`", action.id, output.path),
                        output.span,
                    )
                    .label("its output")
                    .related(input.span, "its input")
                    .help("write to another path, so that the input stays as it was"),
                );
            }
        }
    }
}
