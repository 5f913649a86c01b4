//! Makes declared stages concrete: one action for each instance, every expression without files evaluated.

use crate::base::diagnostic::{Diagnostic, nearest};
use crate::base::id::{ActionId, StageId};
use crate::storyfile::axes::{self, Axes};
use crate::storyfile::catalog::Catalog;
use crate::storyfile::faults::Faults;
use crate::storyfile::fields::{self, Fields};
use crate::storyfile::home::Home;
use crate::storyfile::hooks::{self, RunHooks};
use crate::storyfile::kinds::{self, ProgramUse};
use crate::storyfile::lists::{Item, ListSource, Lists};
use crate::storyfile::model::{Declared, StageText};
use crate::storyfile::param_values::ParamValues;
use crate::storyfile::paths;
use crate::storyfile::providers;
use crate::storyfile::read::STAGE_KEYS;
use crate::storyfile::references::{self, References};
use crate::storyfile::row::Row;
use crate::storyfile::run;
use crate::storyfile::scope;
use crate::storyfile::settings::{self, Uses};
use crate::storyfile::settle::{Names, Variables};
use crate::storyfile::spending;
use crate::storyfile::story::{Action, Input, Need, Output, Presence, Selector, Stage, Work};
use crate::storyfile::territory;
use crate::storyfile::tree::Node;
use crate::storyfile::when;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

/// One stage with all that its instances share.
struct Plan<'a> {
    text: &'a StageText,
    /// Its place in the file.
    index: usize,
    id: StageId,
    axes: Rc<Axes>,
    /// The params as the stage sees them from its folder.
    params: minijinja::Value,
    /// The names of the values that any instance has.
    names: BTreeSet<String>,
    fields: Fields,
    uses: Option<Uses>,
    program: Option<ProgramUse>,
    check: Option<Uses>,
    providers: BTreeMap<String, String>,
    /// The answers that these play.
    answers: Vec<Input>,
    inputs: Vec<(String, &'a Node)>,
    outputs: Vec<(String, &'a Node)>,
    needs: References,
    after: References,
}

/// What lowering starts from.
pub struct Ground<'a> {
    pub declared: &'a Declared,
    pub params: &'a ParamValues,
    pub catalog: &'a dyn Catalog,
    pub variables: &'a Variables<'a>,
    /// The lists that are known.
    pub lists: &'a Lists,
    /// The row of `--batch` that this is a build of.
    pub row: Option<&'a Arc<Row>>,
}

/// Actions, and the stages whose lists are not known yet.
#[derive(Debug, Default)]
pub struct Lowered {
    pub stages: Vec<Stage>,
    pub actions: Vec<Action>,
    /// By index.
    pub open: BTreeSet<usize>,
    /// Earlier actions that name stages which have instances now.
    pub related: Vec<Related>,
}

/// What an earlier action needs and comes after, once more is known.
#[derive(Debug)]
pub struct Related {
    pub action: ActionId,
    pub needs: Vec<Need>,
    pub after: Vec<ActionId>,
}

/// All that lowering shares between stages.
struct Lower<'a> {
    ground: &'a Ground<'a>,
    params: minijinja::Value,
    axes: Vec<Rc<Axes>>,
}

/// Returns the actions of all stages.
pub fn lower(ground: &Ground, faults: &mut Faults) -> Lowered {
    kinds::check_names(ground.declared, ground.catalog, faults);
    let all = (0..ground.declared.stages.len()).collect();
    let axes = axes(ground, faults);
    again(ground, axes, &all, faults)
}

/// Returns the actions of the `chosen` stages, by index: those that were open before.
pub fn again(ground: &Ground, axes: Vec<Rc<Axes>>, chosen: &BTreeSet<usize>, faults: &mut Faults) -> Lowered {
    let params = ground.params.clone().root();
    let stages = &ground.declared.stages;
    let lower = Lower { ground, params, axes };
    let mut lowered = Lowered::default();
    for (index, (needs, after)) in references::read(stages, faults).into_iter().enumerate() {
        let own = &lower.axes[index];
        if !chosen.contains(&index) {
            let named = |stage: &usize| chosen.contains(stage);
            if needs.iter().chain(&after).any(|(stage, _)| named(stage)) {
                let id = StageId::new(&*stages[index].name);
                lowered.related.extend((0..own.instances.len()).map(|instance| {
                    let (needs, after) = lower.related(index, &needs, &after, instance);
                    Related { action: lower.id(&id, &own.instances[instance].keys), needs, after }
                }));
            }
            continue;
        }
        let plan = lower.plan(index, needs, after, faults);
        let (name, description) = (plan.id.clone(), plan.fields.description.clone());
        lowered.stages.push(Stage { name, description, span: plan.text.span });
        if own.is_open() {
            lowered.open.insert(index);
            lowered.actions.extend(lower.fan(&plan, faults));
            continue;
        }
        for instance in 0..own.instances.len() {
            let before = faults.count();
            lowered.actions.extend(lower.action(&plan, instance, faults));
            // Further instances would say the same again, a hundred thousand times over.
            if faults.count() > before + 20 {
                break;
            }
        }
    }
    lowered
}

/// Returns the axes of every stage.
pub fn axes(ground: &Ground, faults: &mut Faults) -> Vec<Rc<Axes>> {
    let names = names(ground, &ground.params.clone().root());
    axes::expand(&ground.declared.stages, &names, ground.lists, faults)
}

/// Returns the hooks of the whole file.
pub fn hooks(ground: &Ground, faults: &mut Faults) -> RunHooks {
    let names = Names {
        only_now: Some("a hook has the event on its standard input"),
        ..names(ground, &ground.params.clone().root())
    };
    hooks::of_file(ground.declared, &names, faults)
}

fn names<'a>(ground: &Ground<'a>, params: &minijinja::Value) -> Names<'a> {
    let batch = ground.row.map(|row| ("batch".to_owned(), row.root()));
    Names {
        variables: ground.variables,
        roots: [("params".to_owned(), params.clone())].into_iter().chain(batch).collect(),
        inputs: Vec::new(),
        outputs: Vec::new(),
        needs: Vec::new(),
        late_with: BTreeSet::new(),
        home: Home::default(),
        only_now: Some("it shapes the graph, which stands before anything runs"),
        open: BTreeSet::new(),
    }
}

impl<'a> Lower<'a> {
    fn plan(&self, index: usize, needs: References, after: References, faults: &mut Faults) -> Plan<'a> {
        let (declared, catalog) = (self.ground.declared, self.ground.catalog);
        let (text, axes) = (&declared.stages[index], &self.axes[index]);
        let is_program = kinds::is_program(text, declared);
        work_is_one(text, declared, faults);
        let program = if is_program { kinds::program(text, declared, faults) } else { None };
        let uses = text.own("uses").filter(|_| !is_program);
        let mut uses = uses.and_then(|node| settings::uses(text, node, declared, catalog, faults));
        let check = text.own("check").and_then(|node| settings::check_rules(node, catalog, faults));
        let before = faults.count();
        let providers = providers::choose(text, uses.as_ref(), declared, faults);
        let is_chosen = faults.count() == before;
        let fields = fields::read(text, declared, faults);
        if is_chosen && (uses.is_some() || program.is_some()) {
            let needed = uses.as_ref().and_then(|uses| uses.info.capability);
            spending::check(text, needed, &providers, fields.budget, declared, faults);
        }
        if let Some(uses) = &mut uses {
            uses.lay_over(providers::defaults(&providers, declared));
            uses.check(faults);
        }
        let mut roles = |key: &'static str| text.own(key).map_or_else(Vec::new, |node| paths::roles(key, node, faults));
        let (inputs, outputs) = (roles("inputs"), roles("outputs"));
        if let Some(uses) = &uses {
            settings::check_files(uses, text, &inputs, &outputs, faults);
        }
        axes.stand_in_outputs(text, &outputs, faults);
        Plan {
            text,
            index,
            id: StageId::new(&*text.name),
            axes: Rc::clone(axes),
            params: match text.home.folder() {
                None => self.params.clone(),
                Some(_) => self.ground.params.seen_from(&text.home).root(),
            },
            names: axes.value_names(),
            fields,
            uses,
            program,
            check,
            answers: providers::answers(&providers, declared),
            providers,
            inputs,
            outputs,
            needs,
            after,
        }
    }

    fn action(&self, plan: &Plan, index: usize, faults: &mut Faults) -> Option<Action> {
        let instance = &plan.axes.instances[index];
        let previous = plan.axes.previous(index);
        let mut names = self.names_of(plan, &self.id(&plan.id, &instance.keys));
        names.roots.extend(instance.values.iter().map(|(name, item)| (name.clone(), item.value())));
        if let Some((_, item)) = instance.values.last() {
            names.roots.insert("item".into(), item.value());
            names.roots.insert("prev".into(), previous.map_or_else(scope::nothing_before, Item::value));
        }
        let (needs, after) = self.related(plan.index, &plan.needs, &plan.after, index);
        let action = self.compose(plan, names, needs, faults)?;
        Some(Action {
            place: (plan.index, index),
            axes: instance.values.clone(),
            previous: previous.cloned(),
            after,
            ..action
        })
    }

    /// An open stage: what its instances will write, and the lists that it waits for. All that does not depend on an item
    /// is checked already.
    fn fan(&self, plan: &Plan, faults: &mut Faults) -> Option<Action> {
        let id = self.id(&plan.id, &[]);
        let mut names = self.names_of(plan, &id);
        names.open = plan.names.iter().cloned().chain(["item", "prev"].map(str::to_owned)).collect();
        names.roots.extend(names.open.iter().map(|name| (name.clone(), minijinja::Value::UNDEFINED)));
        let territories = territory::of(&plan.outputs, &plan.axes.wanted, &names, faults);
        territory::check(&plan.inputs, &plan.axes.wanted, &names, faults);
        let known = self.compose(plan, names, Vec::new(), faults);
        let ahead = known.as_ref().map_or_else(Vec::new, |known| known.inputs.clone());
        let program = known.as_ref().and_then(|known| match &known.work {
            Work::Program(call) => Some(Box::new(call.clone())),
            _ => None,
        });
        let draft =
            known.and_then(|known| territory::draft(known, &plan.inputs, &plan.outputs, &territories)).map(Box::new);
        let lists = plan.axes.wanted.clone();
        Some(Action {
            // A program is asked what it takes before anything runs, also if the list comes during the build.
            inputs: lists.iter().map(ListSource::input).chain(plan.program.as_ref().map(ProgramUse::file)).collect(),
            work: Work::Fan { lists, territories, program, ahead, draft },
            place: (plan.index, 0),
            row: self.ground.row.cloned(),
            ..Action::new(id, plan.id.clone(), plan.text.span)
        })
    }

    /// Names an instance; the row of a batch is its outermost key.
    fn id(&self, stage: &StageId, keys: &[String]) -> ActionId {
        let row = self.ground.row.map(|row| row.id.clone());
        ActionId::of(stage, &row.into_iter().chain(keys.iter().cloned()).collect::<Vec<_>>())
    }

    fn names_of(&self, plan: &Plan, id: &ActionId) -> Names<'a> {
        let mut names = names(self.ground, &plan.params);
        names.home = plan.text.home.clone();
        names.only_now = Some("it must be known before anything runs");
        names.roots.insert("stage".into(), scope::stage_value(id));
        // What `include` gives to some instances is a name of ours in all of them: without a value, never the shell's.
        names.roots.extend(plan.names.iter().map(|name| (name.clone(), minijinja::Value::UNDEFINED)));
        names
    }

    /// Evaluates the stage's fields for one instance, all but its order.
    fn compose(&self, plan: &Plan, mut names: Names, needs: Vec<Need>, faults: &mut Faults) -> Option<Action> {
        let id = ActionId::new(names.roots["stage"].get_attr("id").unwrap_or_default().to_string());
        let exclude = paths::exclude(plan.text, &plan.inputs, &names, faults);
        let mut inputs = paths::inputs(&plan.inputs, &exclude, &names, faults);
        let absent = paths::absent(&plan.inputs, &names);
        let outputs = paths::outputs(&plan.outputs, &names, faults);
        let depfile = plan.text.own("depfile").and_then(|node| paths::depfile(node, &names, faults));
        let env = env(self.ground.declared, plan.text, &names, faults);
        let salt = plan.text.own("salt").and_then(|node| names.now(faults.text("`salt`", node)?, node.span, faults));

        names.only_now = None;
        names.inputs = plan.inputs.iter().map(|(role, _)| role.clone()).collect();
        names.outputs = plan.outputs.iter().map(|(slot, _)| slot.clone()).collect();
        let stages = &self.ground.declared.stages;
        names.needs = plan.needs.iter().map(|&(stage, _)| plan.text.calls(&stages[stage]).to_owned()).collect();
        names.only_now = Some("a hook has the event on its standard input");
        let hooks = hooks::of_stage(plan.text, &names, faults);
        names.only_now = None;
        let when = when::read(plan.text, &names, faults);
        let work = work(plan, &mut names, &mut inputs, &outputs, faults);
        let check = plan.check.as_ref().and_then(|check| check.settle(&mut names, faults)).map(|(with, files)| {
            inputs
                .extend(files.into_iter().map(|file| Input { role: file.role.replacen("with.", "check.", 1), ..file }));
            with
        });
        // Of an open stage, work that needs an item is not known.
        let blank = Action::new(id, plan.id.clone(), plan.text.span);
        Some(Action {
            work: if names.open.is_empty() { work? } else { work.unwrap_or(blank.work.clone()) },
            when,
            hooks,
            inputs,
            absent,
            outputs,
            depfile,
            needs,
            env,
            pass: plan.fields.pass.clone(),
            retry: plan.fields.retry.clone(),
            timeout: plan.fields.timeout,
            continue_on_error: plan.fields.tolerance,
            pool: plan.fields.pool.clone(),
            budget: plan.fields.budget.map(|placed| placed.budget),
            check,
            always: plan.fields.always,
            edits: plan.fields.edits,
            salt,
            home: plan.text.home.clone(),
            row: self.ground.row.cloned(),
            ..blank
        })
    }

    /// Returns what an instance needs and what it comes after: of a stage that is open, the fan.
    fn related(
        &self,
        stage: usize,
        needs: &References,
        after: &References,
        instance: usize,
    ) -> (Vec<Need>, Vec<ActionId>) {
        let (own, text) = (&self.axes[stage], &self.ground.declared.stages[stage]);
        let ids = |stage: usize| -> Vec<ActionId> {
            let name = StageId::new(&*self.ground.declared.stages[stage].name);
            let axes = &self.axes[stage];
            if axes.is_open() {
                return vec![self.id(&name, &[])];
            }
            let paired = axes.paired(own, &own.instances[instance]).into_iter();
            paired.map(|index| self.id(&name, &axes.instances[index].keys)).collect()
        };
        let needs = needs.iter().map(|&(stage, span)| Need {
            stage: StageId::new(&*self.ground.declared.stages[stage].name),
            called: text.calls(&self.ground.declared.stages[stage]).to_owned(),
            actions: ids(stage),
            span,
        });
        (needs.collect(), after.iter().flat_map(|&(stage, _)| ids(stage)).collect())
    }
}

/// A stage has `run` or `uses`, and what goes with it.
fn work_is_one(stage: &StageText, declared: &Declared, faults: &mut Faults) {
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
        (true, false) => &["with", "provider", "budget"],
        (false, true) if kinds::is_program(stage, declared) => &["shell", "depfile"],
        (false, true) => &["shell", "env", "pass", "depfile"],
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
        inputs.extend(plan.answers.iter().cloned());
        return Some(Work::Kind { kind: uses.kind.clone(), with, providers: plan.providers.clone() });
    }
    if let Some(program) = &plan.program {
        let (call, file) = program.settle(names, faults)?;
        inputs.push(file);
        return Some(Work::Program(call));
    }
    let node = plan.text.own("run")?;
    let command = run::command(plan.text, node, names, faults)?;
    if let Some(program) = command.program(&plan.text.home) {
        let known = inputs.iter().any(|input| input.selector == Selector::File(program.clone()));
        // A program that the stage itself writes is no input of it.
        if !known && !outputs.iter().any(|output| program.is_within(&output.path)) {
            let selector = Selector::File(program);
            let (role, presence) = ("run.program".into(), Presence::Optional);
            inputs.push(Input { role, selector, part: None, presence, span: node.span });
        }
    }
    Some(Work::Run(command))
}

/// Joins the file's, the defaults' and the stage's `env`.
pub(super) fn env(
    declared: &Declared,
    stage: &StageText,
    names: &Names,
    faults: &mut Faults,
) -> BTreeMap<String, String> {
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
