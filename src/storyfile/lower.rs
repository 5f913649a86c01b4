//! Makes declared stages concrete: one action for each instance, every expression without files evaluated.

use crate::base::diagnostic::{Diagnostic, nearest};
use crate::base::id::{ActionId, StageId};
use crate::base::span::Span;
use crate::storyfile::axes::{self, Axes, Instance};
use crate::storyfile::catalog::Catalog;
use crate::storyfile::expr;
use crate::storyfile::faults::Faults;
use crate::storyfile::fields::{self, Fields};
use crate::storyfile::home::Home;
use crate::storyfile::model::{Declared, StageText};
use crate::storyfile::param_values::ParamValues;
use crate::storyfile::paths;
use crate::storyfile::providers;
use crate::storyfile::read::STAGE_KEYS;
use crate::storyfile::references::{self, References};
use crate::storyfile::run;
use crate::storyfile::scope;
use crate::storyfile::settings::{self, Uses};
use crate::storyfile::settle::{Names, Variables};
use crate::storyfile::story::{Action, Input, Need, Output, Presence, Selector, Stage, Work};
use crate::storyfile::tree::Node;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// One stage with all that its instances share.
struct Plan<'a> {
    text: &'a StageText,
    id: StageId,
    axes: Rc<Axes>,
    /// The names of the values that any instance has.
    names: BTreeSet<String>,
    fields: Fields,
    uses: Option<Uses>,
    check: Option<Uses>,
    providers: BTreeMap<String, String>,
    inputs: Vec<(String, &'a Node)>,
    outputs: Vec<(String, &'a Node)>,
    needs: References,
    after: References,
}

/// Returns the stages and their actions.
pub fn lower(
    declared: &Declared,
    params: &ParamValues,
    catalog: &dyn Catalog,
    variables: &Variables,
    faults: &mut Faults,
) -> (Vec<Stage>, Vec<Action>) {
    let root = params.clone().root();
    let base = names(variables, &root);
    let all_axes = axes::expand(&declared.stages, &base, faults);
    let references = references::read(&declared.stages, faults);
    let mut stages = Vec::new();
    let mut actions = Vec::new();
    for ((text, axes), (needs, after)) in declared.stages.iter().zip(&all_axes).zip(references) {
        let seen = text.home.folder().map(|_| params.seen_from(&text.home).root());
        let plan = plan(text, axes, needs, after, declared, catalog, faults);
        stages.push(Stage { name: plan.id.clone(), description: plan.fields.description.clone(), span: text.span });
        for index in 0..axes.instances.len() {
            let before = faults.count();
            actions.extend(action(
                &plan,
                index,
                declared,
                &all_axes,
                variables,
                seen.as_ref().unwrap_or(&root),
                faults,
            ));
            // Further instances would say the same again, a hundred thousand times over.
            if faults.count() > before + 20 {
                break;
            }
        }
    }
    (stages, actions)
}

fn names<'a>(variables: &'a Variables<'a>, params: &minijinja::Value) -> Names<'a> {
    Names {
        variables,
        roots: BTreeMap::from([("params".to_owned(), params.clone())]),
        inputs: Vec::new(),
        outputs: Vec::new(),
        needs: Vec::new(),
        late_with: BTreeSet::new(),
        home: Home::default(),
        only_now: Some("it shapes the graph, which stands before anything runs"),
    }
}

fn plan<'a>(
    text: &'a StageText,
    axes: &Rc<Axes>,
    needs: References,
    after: References,
    declared: &Declared,
    catalog: &dyn Catalog,
    faults: &mut Faults,
) -> Plan<'a> {
    work_is_one(text, faults);
    let uses = text.own("uses").and_then(|node| settings::uses(text, node, catalog, faults));
    if let Some(uses) = &uses {
        uses.check(faults);
    }
    let check = text.own("check").and_then(|node| settings::check_rules(node, catalog, faults));
    let providers = providers::choose(text, uses.as_ref(), declared, faults);
    let mut roles = |key: &'static str| text.own(key).map_or_else(Vec::new, |node| paths::roles(key, node, faults));
    let (inputs, outputs) = (roles("inputs"), roles("outputs"));
    if let Some(uses) = &uses {
        settings::check_files(uses, text, &inputs, &outputs, faults);
    }
    axes_stand_in_outputs(text, axes, &outputs, faults);
    let fields = fields::read(text, declared, faults);
    Plan {
        text,
        id: StageId::new(&*text.name),
        axes: Rc::clone(axes),
        names: axes.instances.iter().flat_map(|instance| instance.values.keys()).cloned().collect(),
        fields,
        uses,
        check,
        providers,
        inputs,
        outputs,
        needs,
        after,
    }
}

/// A stage has `run` or `uses`, and what goes with it.
fn work_is_one(stage: &StageText, faults: &mut Faults) {
    let (run, uses) = (stage.own("run").is_some(), stage.own("uses").is_some());
    // A slip in the very word is told already.
    let slip = |key: &str| {
        !STAGE_KEYS.contains(&key) && matches!(nearest(key, STAGE_KEYS.iter().copied()), Some("run" | "uses"))
    };
    let slipped = !run && !uses && stage.node.entries().iter().any(|entry| slip(&entry.key));
    if run == uses && !slipped {
        let (message, span) = match run {
            true => (format!("stage `{}` has both `run` and `uses`", stage.name), stage.key_span("uses")),
            false => (format!("stage `{}` has neither `run` nor `uses`", stage.name), stage.span),
        };
        faults.push(
            Diagnostic::error("S028", message, span)
                .label("one of the two")
                .help("`run:` is a command, `uses:` a kind of stage"),
        );
    }
    let alien: &[&str] = match (run, uses) {
        (true, false) => &["with", "provider"],
        (false, true) => &["shell", "env", "pass"],
        _ => &[],
    };
    for key in alien.iter().filter(|key| stage.own(key).is_some()) {
        let (goes, has) = if run { ("uses", "run") } else { ("run", "uses") };
        faults.push(
            Diagnostic::error(
                "S029",
                format!("`{key}` goes with `{goes}`, and this stage has `{has}`"),
                stage.key_span(key),
            )
            .label("nothing reads this")
            .help("remove it"),
        );
    }
}

/// Each axis stands in each output path: else a new item would write over another's file.
fn axes_stand_in_outputs(stage: &StageText, axes: &Axes, outputs: &[(String, &Node)], faults: &mut Faults) {
    for (_, node) in outputs {
        let node = node.get("path").map_or(*node, |path| path.as_ref());
        let Some(scalar) = node.scalar() else { continue };
        let mut roots: BTreeSet<String> = BTreeSet::new();
        for piece in expr::split(&scalar.text).unwrap_or_default() {
            if let expr::Piece::Expression(source) = piece {
                roots.extend(expr::names(&source).iter().map(|name| expr::root_of(name).to_owned()));
            }
        }
        if roots.contains("stage") || roots.contains("item") && axes.names.len() == 1 {
            continue;
        }
        for axis in axes.names.iter().filter(|axis| !roots.contains(*axis)) {
            faults.push(
                Diagnostic::error(
                    "S082",
                    format!("the axis `{axis}` does not stand in this output of `{}`", stage.name),
                    node.span,
                )
                .label(format!("all items of `{axis}` would write one path"))
                .help(format!("let `${{{axis}}}` stand in the path")),
            );
        }
    }
}

fn action(
    plan: &Plan,
    index: usize,
    declared: &Declared,
    all_axes: &[Rc<Axes>],
    variables: &Variables,
    params: &minijinja::Value,
    faults: &mut Faults,
) -> Option<Action> {
    let instance = &plan.axes.instances[index];
    let id = plan.axes.id(&plan.id, index);
    let mut names = names(variables, params);
    names.only_now = Some("it must be known before anything runs");
    names.home = plan.text.home.clone();
    names.roots.insert("stage".into(), scope::stage_value(&id));
    // What `include` gives to some instances is a name of ours in all of them: without a value, never the shell's.
    names.roots.extend(plan.names.iter().map(|name| (name.clone(), minijinja::Value::UNDEFINED)));
    names.roots.extend(instance.values.iter().map(|(name, value)| (name.clone(), expr::from_json(value))));
    if let Some((_, item)) = instance.values.last() {
        names.roots.insert("item".into(), expr::from_json(item));
    }
    let exclude = exclude(plan.text, &plan.inputs, &names, faults);
    let mut inputs = paths::inputs(&plan.inputs, &exclude, &names, faults);
    let outputs = paths::outputs(&plan.outputs, &names, faults);
    let env = env(declared, plan.text, &names, faults);
    let salt = plan.text.own("salt").and_then(|node| names.now(faults.text("`salt`", node)?, node.span, faults));
    let (needs, after) = related(plan, instance, all_axes, &declared.stages);

    names.only_now = None;
    names.inputs = plan.inputs.iter().map(|(role, _)| role.clone()).collect();
    names.outputs = plan.outputs.iter().map(|(slot, _)| slot.clone()).collect();
    names.needs = needs.iter().map(|need| need.called.clone()).collect();
    let work = work(plan, &mut names, &mut inputs, &outputs, faults);
    let check = plan.check.as_ref().and_then(|check| check.settle(&mut names, faults)).map(|(with, files)| {
        inputs.extend(files.into_iter().map(|file| Input { role: file.role.replacen("with.", "check.", 1), ..file }));
        with
    });
    Some(Action {
        id,
        stage: plan.id.clone(),
        span: plan.text.span,
        home: plan.text.home.clone(),
        axes: instance.values.clone(),
        work: work?,
        inputs,
        outputs,
        needs,
        after,
        env,
        pass: plan.fields.pass.clone(),
        retry: plan.fields.retry.clone(),
        timeout: plan.fields.timeout,
        continue_on_error: plan.fields.tolerance,
        pool: plan.fields.pool.clone(),
        check,
        always: plan.fields.always,
        edits: plan.fields.edits,
        salt,
    })
}

fn work(
    plan: &Plan,
    names: &mut Names,
    inputs: &mut Vec<Input>,
    outputs: &[Output],
    faults: &mut Faults,
) -> Option<Work> {
    if let Some(uses) = &plan.uses {
        let (with, files) = uses.settle(names, faults)?;
        inputs.extend(files);
        return Some(Work::Kind { kind: uses.kind.clone(), with, providers: plan.providers.clone() });
    }
    let node = plan.text.own("run")?;
    let command = run::command(plan.text, node, names, faults)?;
    if let Some(program) = command.program(&plan.text.home) {
        let known = inputs.iter().any(|input| input.selector == Selector::File(program.clone()));
        // A program that the stage itself writes is no input of it.
        if !known && !outputs.iter().any(|output| program.is_within(&output.path)) {
            let selector = Selector::File(program);
            inputs.push(Input { role: "run.program".into(), selector, presence: Presence::Optional, span: node.span });
        }
    }
    Some(Work::Run(command))
}

fn related(
    plan: &Plan,
    instance: &Instance,
    all_axes: &[Rc<Axes>],
    stages: &[StageText],
) -> (Vec<Need>, Vec<ActionId>) {
    let ids = |stage: usize| -> Vec<ActionId> {
        let name = StageId::new(&*stages[stage].name);
        let axes = &all_axes[stage];
        axes.paired(&plan.axes, instance).into_iter().map(|index| axes.id(&name, index)).collect()
    };
    let needs = plan.needs.iter().map(|&(stage, span)| Need {
        stage: StageId::new(&*stages[stage].name),
        called: plan.text.calls(&stages[stage]).to_owned(),
        actions: ids(stage),
        span,
    });
    (needs.collect(), plan.after.iter().flat_map(|&(stage, _)| ids(stage)).collect())
}

fn exclude(stage: &StageText, inputs: &[(String, &Node)], names: &Names, faults: &mut Faults) -> Vec<String> {
    let Some(node) = stage.own("exclude") else { return Vec::new() };
    let is_pattern = |node: &Node| node.scalar().is_some_and(|scalar| paths::is_pattern(&scalar.text));
    if !inputs.iter().any(|(_, node)| is_pattern(node)) {
        faults.push(
            Diagnostic::error(
                "S076",
                "`exclude` has no pattern among `inputs` to leave out from",
                stage.key_span("exclude"),
            )
            .label("nothing to exclude from")
            .help("`exclude` takes files out of patterns such as `chapters/*.md`"),
        );
    }
    let texts: Vec<(String, Span)> =
        faults.texts("`exclude`", node).into_iter().map(|(text, span)| (text.to_owned(), span)).collect();
    texts
        .into_iter()
        .filter_map(|(text, span)| {
            let text = names.path(&text, span, faults)?;
            if text.ends_with('/') {
                return paths::parse(&text, span, faults).map(|path| format!("{path}/**"));
            }
            paths::pattern(&text, span, faults)
        })
        .collect()
}

/// Joins the file's, the defaults' and the stage's `env`.
fn env(declared: &Declared, stage: &StageText, names: &Names, faults: &mut Faults) -> BTreeMap<String, String> {
    let mut env = BTreeMap::new();
    let defaults = stage.defaults.as_ref().and_then(|defaults| defaults.get("env"));
    for node in [declared.env.as_ref(), defaults, stage.own("env")].into_iter().flatten() {
        if node.is_null() || faults.map("`env`", node).is_none() {
            continue;
        }
        for entry in node.entries() {
            fields::check_variable(&entry.key, entry.key_span, faults);
            if names.variables.is_secret(&entry.key) {
                faults.push(
                    Diagnostic::error(
                        "S056",
                        format!("`{}` is a secret and would become part of a key", entry.key),
                        entry.key_span,
                    )
                    .label("a secret")
                    .help(format!("write `pass: [{}]`: the command sees it, the key does not", entry.key)),
                );
                continue;
            }
            if entry.value.is_null() {
                env.insert(entry.key.clone(), String::new());
                continue;
            }
            let value = faults.text(&format!("`{}`", entry.key), &entry.value).map(str::to_owned);
            if let Some(value) = value.and_then(|text| names.now(&text, entry.value.span, faults)) {
                env.insert(entry.key.clone(), value);
            }
        }
    }
    env
}
