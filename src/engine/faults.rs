//! Finds, before anything runs, with what a stage cannot work: its settings, the rules of its `check:`, files of a sort
//! that its kind neither reads nor writes, sources that have not what it looks for.

use crate::base::diagnostic::Diagnostic;
use crate::base::failure::Cause;
use crate::base::id::StageId;
use crate::base::path::RepoPath;
use crate::base::span::Span;
use crate::engine::error::EngineError;
use crate::engine::judge::{Course, Demands, Judgement, Project};
use crate::engine::templates::known;
use crate::kind::check::faults_of_rules;
use crate::kind::contract::Work as KindWork;
use crate::kind::fault::{About, FaultSort, SettingFault};
use crate::kind::registry::Registry;
use crate::provider::Providers;
use crate::storyfile::catalog::SettingSort;
use crate::storyfile::story::{ANSWERS_ROLE, Action, Output, OutputSort, Selector, Story, Work};
use crate::storyfile::template::Template;
use crate::storyfile::template::names::unknown;
use crate::storyfile::with::With;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Returns the faults of these actions of a story, each place once: instances repeat their stage's. Pure: no disk.
pub fn faults_of_actions(
    actions: &[Action],
    story: &Story,
    registry: &Registry,
    providers: &Providers,
) -> Vec<Diagnostic> {
    let params: BTreeSet<String> = story.params.keys().cloned().collect();
    let folders: BTreeMap<&str, &Output> = actions
        .iter()
        .flat_map(|action| action.outputs.iter().map(move |output| (action.id.as_str(), output)))
        .filter(|(_, output)| output.sort == OutputSort::Tree)
        .collect();
    let mut faults = Vec::new();
    let mut judged: BTreeMap<&StageId, Judged> = BTreeMap::new();
    for action in actions {
        if let Work::Fan { draft, .. } = &action.work {
            if let Some(draft) = draft {
                files(draft, &folders, &mut faults);
                settings(draft, registry, providers, &mut faults);
            }
            continue;
        }
        files(action, &folders, &mut faults);
        // A hundred thousand instances with the same settings are judged once.
        let now = Judged::of(action);
        if judged.get(&action.stage) != Some(&now) {
            settings(action, registry, providers, &mut faults);
            templates(action, &params, registry, &mut faults);
            judged.insert(&action.stage, now);
        }
    }
    unbounded(actions, registry, &mut faults);
    scripts(actions, providers, &mut faults);
    let mut seen = BTreeSet::new();
    faults.retain(|fault| seen.insert((fault.code, fault.span, fault.message.clone())));
    faults
}

/// The answers that stages play, each file once: those that nobody plays are not read.
fn scripts(actions: &[Action], providers: &Providers, faults: &mut Vec<Diagnostic>) {
    let played = |answers: &Selector| {
        let mut inputs = actions.iter().flat_map(|action| match &action.work {
            Work::Fan { draft: Some(draft), .. } => draft.inputs.iter(),
            _ => action.inputs.iter(),
        });
        inputs.any(|input| input.role == ANSWERS_ROLE && input.selector == *answers)
    };
    let mut read: Vec<&Selector> = Vec::new();
    for script in providers.scripts.values().filter(|script| played(script.answers())) {
        if !read.contains(&script.answers()) {
            read.push(script.answers());
            faults.extend(script.faults().iter().cloned());
        }
    }
}

/// A list that a model writes has as many items as the model likes: each would be paid for.
fn unbounded(actions: &[Action], registry: &Registry, faults: &mut Vec<Diagnostic>) {
    let is_by_model = |path: &RepoPath| {
        let makes = |action: &&Action| action.outputs.iter().any(|output| output.path == *path);
        actions.iter().find(makes).is_some_and(|action| match &action.work {
            Work::Kind { kind, .. } => registry.get(kind).is_some_and(|kind| kind.info().capability == Some("text")),
            Work::Run(_) | Work::Program(_) | Work::Fan { .. } => false,
        })
    };
    for action in actions {
        let Work::Fan { lists, .. } = &action.work else { continue };
        for list in lists.iter().filter(|list| list.max.is_none()) {
            if let Selector::File(path) = &list.selector
                && is_by_model(path)
            {
                let message = format!("the list of `{}` is written by a model, and has no `max`", list.axis);
                let fault = Diagnostic::error("S048", message, list.span).label("how many at most?");
                faults.push(
                    fault.help("write `{ in: …, max: 40 }`: more items than that fail, and nothing is paid for them"),
                );
            }
        }
    }
}

/// Finds the stages that cannot work on the sources as they stand: one cannot be read, or has not what an expression
/// looks for in it. What stages make is not judged: it may be made anew.
pub fn faults_of_sources(project: &mut Project) -> Result<Vec<Diagnostic>, EngineError> {
    let settled = vec![None; project.workflow.nodes.len()];
    let (foreseen, demands) = (BTreeMap::new(), Demands::default());
    let mut faults: Vec<Diagnostic> = Vec::new();
    for action in project.workflow.dag.order().to_vec() {
        if !project.node(action).reads.is_empty() {
            continue;
        }
        let course = Course { settled: &settled, foreseen: &foreseen, demands: &demands };
        if let Judgement::Fault(failure) = project.judge(action, &course)?
            && failure.cause == Cause::Setup
        {
            let action = &project.node(action).action;
            let message = format!("stage `{}` cannot work: {}", action.id, failure.message);
            let fault = Diagnostic::error("S106", message, action.span).label("this stage");
            faults.push(fault.help(failure.hint.unwrap_or_else(|| "look at the files that it reads".to_owned())));
        }
    }
    Ok(faults)
}

/// What the faults of an action's settings depend on.
#[derive(PartialEq)]
struct Judged {
    settings: Value,
    rules: Value,
    outputs: Vec<(String, String)>,
    inputs: Vec<String>,
}

impl Judged {
    fn of(action: &Action) -> Judged {
        let settings = match &action.work {
            Work::Kind { with, .. } => with.constants(),
            // What a program says of its settings is asked elsewhere.
            Work::Run(_) | Work::Fan { .. } | Work::Program(_) => Value::Null,
        };
        let form = |output: &Output| (output.slot.clone(), output.path.extension().to_owned());
        Judged {
            settings,
            rules: action.check.as_ref().map(With::constants).unwrap_or_default(),
            outputs: action.outputs.iter().map(form).collect(),
            inputs: action.inputs.iter().map(|input| input.role.clone()).collect(),
        }
    }
}

/// Kinds read and write files, one by one; `check:` measures files.
fn files(action: &Action, folders: &BTreeMap<&str, &Output>, faults: &mut Vec<Diagnostic>) {
    let trees = || action.outputs.iter().filter(|output| output.sort == OutputSort::Tree);
    if action.check.is_some() {
        faults.extend(trees().map(|output| {
            Diagnostic::error("S037", format!("`check` measures files, not the folder `{}/`", output.path), output.span)
                .label("a folder")
                .help("declare the files that are to be checked, or leave `check` out")
        }));
    }
    let Work::Kind { kind, .. } = &action.work else { return };
    faults.extend(trees().map(|output| {
        Diagnostic::error("S037", format!("`{kind}` writes files, not the folder `{}/`", output.path), output.span)
            .label("a folder")
            .help("name the file: write no `/` at its end")
    }));
    let read = |path: &dyn std::fmt::Display, span: Span| {
        Diagnostic::error("S038", format!("`{kind}` reads files, not the folder `{path}/`"), span)
            .label("a folder")
            .help("name the files, or write a pattern such as `folder/*.md`")
    };
    for input in action.inputs.iter().filter(|input| input.role != ANSWERS_ROLE) {
        if let Selector::Tree(path) = &input.selector {
            faults.push(read(path, input.span));
        }
    }
    for need in &action.needs {
        let folder = need.actions.iter().find_map(|id| folders.get(id.as_str()));
        faults.extend(folder.map(|output| read(&output.path, need.span)));
    }
}

/// Asks the kind of the stage, and the kind `check` about its rules.
fn settings(action: &Action, registry: &Registry, providers: &Providers, faults: &mut Vec<Diagnostic>) {
    let nobody = BTreeMap::new();
    let mut ask = |with: &With, named, ask: &dyn Fn(&KindWork<'_>) -> Vec<SettingFault>| {
        let (settings, late) = (with.constants(), with.late_names());
        let (inputs, outputs) = (&action.inputs, &action.outputs);
        let found = ask(&KindWork { settings: &settings, late: &late, inputs, outputs, named, providers });
        faults.extend(found.into_iter().map(|fault| diagnostic(action, with, fault)));
    };
    if let Work::Kind { kind, with, providers: named } = &action.work
        && let Some(kind) = registry.get(kind)
    {
        ask(with, named, &|work| kind.faults(work));
    }
    if let Some(rules) = &action.check {
        ask(rules, &nobody, &faults_of_rules);
        if action.outputs.is_empty() {
            let fault = SettingFault::stage("the stage has no output: there is nothing to check");
            faults.push(diagnostic(action, rules, fault.hint("Name the files under `outputs:`.")));
        }
    }
}

/// Templates that stand in the Storyfile itself. One that includes others is judged when it is rendered.
fn templates(action: &Action, params: &BTreeSet<String>, registry: &Registry, faults: &mut Vec<Diagnostic>) {
    let Work::Kind { kind, with, .. } = &action.work else { return };
    let settings = registry.get(kind).map_or(&[][..], |kind| kind.info().settings);
    for setting in settings.iter().filter(|setting| setting.sort == SettingSort::Template) {
        let Some(text) = with.constant(setting.name).and_then(Value::as_str) else { continue };
        let Ok(template) = Template::parse(setting.name, text) else { continue };
        if template.includes().is_empty() {
            let span = with.span(setting.name).unwrap_or(action.span);
            let unknown = unknown(&template, &[&template], &known(params, action));
            faults.extend(unknown.into_iter().map(|fault| Diagnostic { span: Some(span), ..fault }));
        }
    }
}

pub fn diagnostic(action: &Action, with: &With, fault: SettingFault) -> Diagnostic {
    let slot = |slot: &String| action.outputs.iter().find(|output| output.slot == *slot).map(|output| output.span);
    let (span, this) = match &fault.about {
        About::Setting(name) => (with.span(name), "this setting"),
        About::Output(name) => (slot(name), "this output"),
        About::Stage => (with.span(""), "this stage"),
    };
    let (code, label) = match fault.sort {
        FaultSort::Wrong => ("S036", this),
        FaultSort::Unbuilt => ("S900", "not built yet"),
    };
    Diagnostic::error(code, fault.message, span.unwrap_or(action.span))
        .label(label)
        .help(fault.hint.unwrap_or_else(|| "`docs/kinds.md` says what each setting may be".to_owned()))
}
