//! `foreach` and `matrix`: the instances of each stage, by the keys of its axes (R15).

use crate::base::diagnostic::Diagnostic;
use crate::base::span::Span;
use crate::storyfile::axis::{self, Axis, INSTANCES_MAX, Keyed};
use crate::storyfile::expr;
use crate::storyfile::faults::Faults;
use crate::storyfile::lists::{Item, ListSource, Lists};
use crate::storyfile::matrix;
use crate::storyfile::model::StageText;
use crate::storyfile::settle::Names;
use crate::storyfile::tree::{Content, Node};
use indexmap::IndexMap;
use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

/// The axes of a stage, and its instances in their order.
#[derive(Clone, Debug, Default)]
pub struct Axes {
    /// Names of the axes that make the keys.
    pub names: Vec<String>,
    pub instances: Vec<Instance>,
    /// The instance of each key.
    pub by_keys: HashMap<Vec<String>, usize>,
    /// Instances by the keys of some axes, made when another stage shares just those.
    projections: RefCell<HashMap<Vec<usize>, Projection>>,
    /// Lists that are not known yet: the stage is open, and has no instances.
    pub wanted: Vec<ListSource>,
}

type Projection = Rc<HashMap<Vec<String>, Vec<usize>>>;

#[derive(Clone, Debug, Default)]
pub struct Instance {
    pub keys: Vec<String>,
    /// The axes' values, then what `include` adds.
    pub values: IndexMap<String, Item>,
}

impl Axes {
    fn of(names: Vec<String>, instances: Vec<Instance>) -> Axes {
        let by_keys = instances.iter().enumerate().map(|(index, one)| (one.keys.clone(), index)).collect();
        Axes { names, instances, by_keys, ..Axes::default() }
    }

    /// A stage that does not fan out has one instance.
    fn single() -> Axes {
        Axes::of(Vec::new(), vec![Instance::default()])
    }

    /// Returns the names of the values that any instance has.
    pub fn value_names(&self) -> BTreeSet<String> {
        let values = self.instances.iter().flat_map(|instance| instance.values.keys());
        self.names.iter().chain(values).cloned().collect()
    }

    /// Tells whether its instances are not known yet.
    pub fn is_open(&self) -> bool {
        !self.wanted.is_empty()
    }

    /// Returns the item before that of an instance on its last axis, all other axes being equal.
    pub fn previous(&self, index: usize) -> Option<&Item> {
        let (before, now) = (self.instances.get(index.checked_sub(1)?)?, &self.instances[index]);
        let outer = now.keys.len().checked_sub(1)?;
        (before.keys[..outer] == now.keys[..outer]).then(|| before.values.get(&self.names[outer])).flatten()
    }

    /// Each axis stands in each output path: else a new item would write over another's file.
    pub fn stand_in_outputs(&self, stage: &StageText, outputs: &[(String, &Node)], faults: &mut Faults) {
        for (_, node) in outputs {
            let node = node.get("path").map_or(*node, |path| path.as_ref());
            let Some(scalar) = node.scalar() else { continue };
            let roots = expr::roots(&scalar.text);
            if roots.contains("stage") || roots.contains("item") && self.names.len() == 1 {
                continue;
            }
            for axis in self.names.iter().filter(|axis| !roots.contains(*axis)) {
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

    /// Returns the instances of `self` that belong to one of `other`: equal keys, else equal on the shared axes, else all.
    pub fn paired(&self, other: &Axes, instance: &Instance) -> Vec<usize> {
        if let Some(&index) = self.by_keys.get(&instance.keys) {
            return vec![index];
        }
        let shared: Vec<(usize, usize)> = self
            .names
            .iter()
            .enumerate()
            .filter_map(|(mine, name)| {
                other.names.iter().position(|theirs| theirs == name).map(|theirs| (mine, theirs))
            })
            .collect();
        let mine: Vec<usize> = shared.iter().map(|&(mine, _)| mine).collect();
        let theirs: Vec<String> = shared.iter().map(|&(_, theirs)| instance.keys[theirs].clone()).collect();
        let some = self.project(mine).get(&theirs).cloned().unwrap_or_default();
        if some.is_empty() { (0..self.instances.len()).collect() } else { some }
    }

    fn project(&self, axes: Vec<usize>) -> Projection {
        let mut projections = self.projections.borrow_mut();
        let made = projections.entry(axes).or_insert_with_key(|axes| {
            let mut made: HashMap<Vec<String>, Vec<usize>> = HashMap::new();
            for (index, one) in self.instances.iter().enumerate() {
                made.entry(axes.iter().map(|&axis| one.keys[axis].clone()).collect()).or_default().push(index);
            }
            Rc::new(made)
        });
        Rc::clone(made)
    }
}

/// Returns the axes of every stage. A stage whose axes are at fault has no instance.
pub fn expand(stages: &[StageText], names: &Names, lists: &Lists, faults: &mut Faults) -> Vec<Rc<Axes>> {
    let index: HashMap<&str, usize> = stages.iter().enumerate().map(|(i, stage)| (stage.name.as_str(), i)).collect();
    let mut done: Vec<Option<Rc<Axes>>> = vec![None; stages.len()];
    let empty = Rc::new(Axes::default());
    let single = Rc::new(Axes::single());
    for start in 0..stages.len() {
        // Follows `foreach: STAGE` to the stage that has lists of its own; a loop, not recursion: chains may be long.
        let mut chain: Vec<usize> = Vec::new();
        let mut at = start;
        let found = loop {
            if let Some(axes) = &done[at] {
                break Rc::clone(axes);
            }
            if let Some(first) = chain.iter().position(|&seen| seen == at) {
                cycle(stages, &chain[first..], "foreach", faults);
                break Rc::clone(&empty);
            }
            chain.push(at);
            match reference(&stages[at]) {
                None if stages[at].own("foreach").is_none() && stages[at].own("matrix").is_none() => {
                    break Rc::clone(&single);
                }
                None => break Rc::new(own(&stages[at], names, lists, faults).unwrap_or_default()),
                Some((name, span)) => match stages[at].resolve(name, &index) {
                    Some(next) => at = next,
                    None if name.contains(['$', '/', '*', '.']) => {
                        let node = stages[at].own("foreach").expect("its text was just read");
                        faults.sort("`foreach`", "a stage's name or a map of axes", node);
                        break Rc::clone(&empty);
                    }
                    None => {
                        unknown_stage(&stages[at], name, span, "fans out over", stages, faults);
                        break Rc::clone(&empty);
                    }
                },
            }
        };
        for stage in chain {
            done[stage] = Some(Rc::clone(&found));
        }
    }
    done.into_iter().flatten().collect()
}

/// Reports stages that wait for each other, as a path.
pub fn cycle(stages: &[StageText], path: &[usize], how: &str, faults: &mut Faults) {
    let mut names: Vec<&str> = path.iter().map(|&stage| stages[stage].name.as_str()).collect();
    names.push(names[0]);
    faults.push(
        Diagnostic::error(
            "S084",
            format!("stages wait for each other in a circle: {}", names.join(" → ")),
            stages[path[0]].span,
        )
        .label(format!("the circle of `{how}` comes back here"))
        .help("take one of these references out"),
    );
}

/// Reports a stage that is named and not declared.
pub fn unknown_stage(from: &StageText, name: &str, span: Span, verb: &str, stages: &[StageText], faults: &mut Faults) {
    let names: Vec<&str> = stages.iter().map(|stage| stage.name.as_str()).collect();
    let help = match faults.nearest(name, &names) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "declare it under `stages:`, or name another".to_owned(),
    };
    faults.push(
        Diagnostic::error("S012", format!("stage `{}` {verb} `{name}`, which no stage provides", from.name), span)
            .label("not found")
            .help(help),
    );
}

fn reference(stage: &StageText) -> Option<(&str, Span)> {
    let node = stage.own("foreach")?;
    node.scalar().map(|scalar| (scalar.text.as_str(), node.span))
}

fn own(stage: &StageText, names: &Names, lists: &Lists, faults: &mut Faults) -> Option<Axes> {
    let names = &Names { home: stage.home.clone(), ..names.clone() };
    let (key, node) = match (stage.own("foreach"), stage.own("matrix")) {
        (None, None) => return None,
        (Some(_), Some(_)) => {
            faults.push(
                Diagnostic::error(
                    "S088",
                    format!("stage `{}` has both `foreach` and `matrix`", stage.name),
                    stage.key_span("matrix"),
                )
                .label("the second")
                .help("put all axes under one of them: several axes multiply"),
            );
            return None;
        }
        (Some(node), None) => ("foreach", node),
        (None, Some(node)) => ("matrix", node),
    };
    if !matches!(node.value, Content::Map(_)) {
        faults.sort(&format!("`{key}`"), "a map", node);
        return None;
    }
    let mut axes: Vec<Axis> = Vec::new();
    let mut whole = true;
    for entry in node.entries() {
        if key == "matrix" && ["include", "exclude"].contains(&entry.key.as_str()) {
            continue;
        }
        axis::check_name(&entry.key, entry.key_span, faults);
        let earlier: Vec<&str> = axes.iter().map(|axis| axis.name.as_str()).collect();
        match axis::read(entry, &earlier, names, faults) {
            Some(axis) => axes.push(axis),
            None => whole = false,
        }
    }
    if key == "matrix"
        && let Some(axis) = axes.iter().find(|axis| axis.source().is_some())
    {
        faults.push(
            Diagnostic::error(
                "S089",
                format!("the axis `{}` of a `matrix` takes its list from files", axis.name),
                axis.span,
            )
            .label("not constant")
            .help("write `foreach` instead of `matrix`: it takes lists from files, and multiplies too"),
        );
        return None;
    }
    if !whole || axes.is_empty() {
        if axes.is_empty() && whole {
            axis::empty(&format!("`{key}`"), node.span, faults);
        }
        return None;
    }
    let mut axes = multiply(&stage.name, node.span, &axes, names, lists, faults)?;
    if key == "matrix" {
        let mut instances = std::mem::take(&mut axes.instances);
        matrix::exclude(node, &axes.names, &mut instances, names, faults);
        matrix::include(node, &axes.names, &mut instances, names, faults);
        if instances.is_empty() {
            axis::empty("the matrix, after `exclude`,", node.span, faults);
        }
        axes = Axes::of(axes.names, instances);
        if axes.by_keys.len() < axes.instances.len() {
            axis::twice("a combination of `include`", node.span, faults);
        }
    }
    Some(axes)
}

/// Makes the instances, axis by axis: the list of one may depend on the items of those before it. The first list that is
/// not known yet leaves all open.
fn multiply(stage: &str, span: Span, axes: &[Axis], names: &Names, lists: &Lists, faults: &mut Faults) -> Option<Axes> {
    let mut all = vec![Instance::default()];
    let mut made = Axes { names: axes.iter().map(|axis| axis.name.clone()).collect(), ..Axes::default() };
    for axis in axes {
        let mut next = Vec::new();
        let mut known: HashMap<String, Rc<Keyed>> = HashMap::new();
        for one in &all {
            let items = match axis.source() {
                None => axis.constant(),
                Some(text) => {
                    let source = axis.locate(text, &one.values, names, faults)?;
                    let name = source.name();
                    match (known.get(&name), lists.get(&name)) {
                        (Some(items), _) => Rc::clone(items),
                        (None, Some(items)) => {
                            let items = Rc::new(axis.items_of(&source, items, &names.home, faults)?);
                            Rc::clone(known.entry(name).or_insert(items))
                        }
                        (None, None) => {
                            if !made.wanted.iter().any(|wanted| wanted.name() == name) {
                                made.wanted.push(source);
                            }
                            continue;
                        }
                    }
                }
            };
            if next.len() + items.len() > INSTANCES_MAX {
                too_many(stage, span, faults);
                return None;
            }
            next.extend(items.iter().map(|(key, item)| {
                let mut instance = one.clone();
                instance.keys.push(key.clone());
                instance.values.insert(axis.name.clone(), item.clone());
                instance
            }));
        }
        if !made.wanted.is_empty() {
            return Some(made);
        }
        all = next;
    }
    Some(Axes::of(made.names, all))
}

fn too_many(stage: &str, span: Span, faults: &mut Faults) {
    faults.push(
        Diagnostic::error("S085", format!("stage `{stage}` would have more than {INSTANCES_MAX} instances"), span)
            .label("the axes multiply")
            .help("use fewer or shorter axes"),
    );
}
