//! `foreach` and `matrix`: the instances of each stage, by the keys of its axes (R15).

use crate::base::diagnostic::Diagnostic;
use crate::base::id::{ActionId, StageId};
use crate::base::span::Span;
use crate::storyfile::expr;
use crate::storyfile::faults::Faults;
use crate::storyfile::fixed;
use crate::storyfile::model::StageText;
use crate::storyfile::params::is_identifier;
use crate::storyfile::read::is_reserved;
use crate::storyfile::settle::{Names, Settled, inserted};
use crate::storyfile::tree::{Content, Node};
use crate::storyfile::with::Field;
use indexmap::IndexMap;
use serde_json::Value;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

/// Most instances of one stage.
const INSTANCES_MAX: usize = 100_000;

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
}

type Projection = Rc<HashMap<Vec<String>, Vec<usize>>>;

#[derive(Clone, Debug, Default)]
pub struct Instance {
    pub keys: Vec<String>,
    /// The axes' values, then what `include` adds.
    pub values: IndexMap<String, Value>,
}

impl Axes {
    fn of(names: Vec<String>, instances: Vec<Instance>) -> Axes {
        let by_keys = instances.iter().enumerate().map(|(index, one)| (one.keys.clone(), index)).collect();
        Axes { names, instances, by_keys, projections: RefCell::default() }
    }

    /// A stage that does not fan out has one instance.
    fn single() -> Axes {
        Axes::of(Vec::new(), vec![Instance::default()])
    }

    /// Returns the action's name.
    pub fn id(&self, stage: &StageId, instance: usize) -> ActionId {
        ActionId::of(stage, &self.instances[instance].keys)
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
pub fn expand(stages: &[StageText], names: &Names, faults: &mut Faults) -> Vec<Rc<Axes>> {
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
                None => break Rc::new(own(&stages[at], names, faults).unwrap_or_default()),
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

fn own(stage: &StageText, names: &Names, faults: &mut Faults) -> Option<Axes> {
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
    let mut axes: Vec<(String, Vec<(String, Value)>)> = Vec::new();
    let mut whole = true;
    for entry in node.entries() {
        if key == "matrix" && ["include", "exclude"].contains(&entry.key.as_str()) {
            continue;
        }
        check_axis_name(&entry.key, entry.key_span, faults);
        match axis(&entry.key, entry.key_span, &entry.value, names, faults) {
            Some(items) => axes.push((entry.key.clone(), items)),
            None => whole = false,
        }
    }
    if !whole || axes.is_empty() {
        if axes.is_empty() && whole {
            empty(&format!("`{key}`"), node.span, faults);
        }
        return None;
    }
    let count = axes.iter().try_fold(1usize, |count, (_, items)| count.checked_mul(items.len()));
    if count.is_none_or(|count| count > INSTANCES_MAX) {
        faults.push(
            Diagnostic::error(
                "S085",
                format!("stage `{}` would have more than {INSTANCES_MAX} instances", stage.name),
                node.span,
            )
            .label("the axes multiply")
            .help("use fewer or shorter axes"),
        );
        return None;
    }
    let names_of_axes: Vec<String> = axes.iter().map(|(name, _)| name.clone()).collect();
    let mut instances = multiply(&axes);
    if key == "matrix" {
        exclude(node, &names_of_axes, &mut instances, names, faults);
        include(node, &names_of_axes, &mut instances, names, faults);
    }
    if instances.is_empty() {
        empty("the matrix, after `exclude`,", node.span, faults);
    }
    let axes = Axes::of(names_of_axes, instances);
    if axes.by_keys.len() < axes.instances.len() {
        twice("a combination of `include`", node.span, faults);
    }
    Some(axes)
}

fn multiply(axes: &[(String, Vec<(String, Value)>)]) -> Vec<Instance> {
    axes.iter().fold(vec![Instance::default()], |all, (name, items)| {
        all.iter()
            .flat_map(|one| {
                items.iter().map(move |(key, value)| {
                    let mut next = one.clone();
                    next.keys.push(key.clone());
                    next.values.insert(name.clone(), value.clone());
                    next
                })
            })
            .collect()
    })
}

/// Reads one axis: its items with their keys.
fn axis(name: &str, at: Span, node: &Node, names: &Names, faults: &mut Faults) -> Option<Vec<(String, Value)>> {
    let (list, key_name, max) = match &node.value {
        Content::Map(_) => {
            faults.keys("the key", node, &["in", "key", "max"], &[]);
            let Some(list) = node.get("in") else {
                faults.push(
                    Diagnostic::error("S022", format!("the axis `{name}` has no `in`"), at)
                        .label("its list is missing")
                        .help("write a list, or `{ in: [ … ], key: id }`"),
                );
                return None;
            };
            let key = node.get("key").and_then(|key| faults.text("`key`", key));
            if node.get("key").is_some_and(|key| faults.has(fixed::CODE, key.span)) {
                return None;
            }
            let max = node.get("max").and_then(|max| faults.whole("`max`", max, 1..=INSTANCES_MAX as u64));
            (list.as_ref(), key, max)
        }
        _ => (node, None, None),
    };
    let items = items(name, list, names, faults)?;
    if items.is_empty() {
        empty(&format!("the axis `{name}`"), list.span, faults);
        return None;
    }
    if let Some(key) = node.get("key").filter(|_| !items.iter().any(|(item, _)| item.is_object())) {
        faults.push(
            Diagnostic::error("S087", format!("no item of the axis `{name}` is a map, so none has a key"), key.span)
                .label("names nothing")
                .help("remove `key`: texts and numbers are their own keys"),
        );
    }
    if max.is_some_and(|max| items.len() > max as usize) {
        faults.push(
            Diagnostic::error(
                "S085",
                format!("the axis `{name}` has {} items, more than its `max`", items.len()),
                list.span,
            )
            .label("too many")
            .help("raise `max` if they are all meant"),
        );
    }
    let mut seen = BTreeSet::new();
    let mut keyed = Vec::new();
    let count = items.len();
    for (value, span) in items {
        let Some(key) = key_of(name, &value, key_name, span, faults) else { continue };
        if seen.insert(key.clone()) {
            keyed.push((key, value));
        } else {
            twice(&format!("the key `{key}` of the axis `{name}`"), span, faults);
        }
    }
    (keyed.len() == count).then_some(keyed)
}

fn items(name: &str, list: &Node, names: &Names, faults: &mut Faults) -> Option<Vec<(Value, Span)>> {
    match &list.value {
        Content::Seq(items) => items
            .iter()
            .map(|item| match item.scalar() {
                Some(scalar) if !scalar.text.contains("${") => Some((scalar.spelled(), item.span)),
                _ => match names.field(item, faults)? {
                    Field::Constant(value) => Some((value, item.span)),
                    _ => None,
                },
            })
            .collect(),
        Content::Scalar(scalar) if scalar.text.contains("${") => {
            match names.settle(&scalar.text, list.span, faults)? {
                Settled::Value(Value::Array(items)) => Some(items.into_iter().map(|item| (item, list.span)).collect()),
                _ => {
                    faults.unbuilt("a fan-out over a file or pattern", list.span);
                    None
                }
            }
        }
        Content::Scalar(_) if !list.is_null() => {
            faults.unbuilt("a fan-out over a file or pattern", list.span);
            None
        }
        _ => {
            faults.sort(&format!("the axis `{name}`"), "a list", list);
            None
        }
    }
}

fn key_of(axis: &str, value: &Value, key: Option<&str>, span: Span, faults: &mut Faults) -> Option<String> {
    let found = match (value, key) {
        (Value::Object(map), Some(key)) => match map.get(key) {
            Some(value) => inserted(value),
            None => {
                faults.push(
                    Diagnostic::error("S087", format!("an item of the axis `{axis}` has no `{key}`"), span)
                        .label("its key is missing")
                        .help(format!("every item needs its own `{key}`")),
                );
                return None;
            }
        },
        (Value::Object(map), None) => {
            let first = map.keys().next().map_or("id", String::as_str);
            faults.push(
                Diagnostic::error(
                    "S087",
                    format!("the items of the axis `{axis}` are maps: which value names them?"),
                    span,
                )
                .label("a map")
                .help(format!("write `{axis}: {{ in: [ … ], key: {first} }}`")),
            );
            return None;
        }
        (value, _) => inserted(value),
    };
    let key = found.unwrap_or_default();
    let fine = !key.is_empty()
        && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        && !key.bytes().all(|byte| byte == b'.');
    if !fine {
        faults.push(
            Diagnostic::error("S080", format!("`{key}` cannot be a key of the axis `{axis}`"), span)
                .label("not a key")
                .help("a key has letters of a to z, digits, `.`, `_` and `-`; give maps with a `key:` for other texts"),
        );
        return None;
    }
    Some(key)
}

/// Removes the combinations that `exclude` names.
fn exclude(node: &Node, axes: &[String], instances: &mut Vec<Instance>, names: &Names, faults: &mut Faults) {
    for (entry, span) in combinations(node, "exclude", names, faults) {
        let before = instances.len();
        let known = entry.keys().all(|name| axes.contains(name));
        instances.retain(|one| !entry.iter().all(|(name, value)| one.values.get(name) == Some(value)));
        if !known || instances.len() == before {
            mismatch("`exclude` names a combination that the matrix does not have", span, faults);
        }
    }
}

/// Adds the combinations of `include`: whole ones are new, others give more values to those that they match.
fn include(node: &Node, axes: &[String], instances: &mut Vec<Instance>, names: &Names, faults: &mut Faults) {
    for (entry, span) in combinations(node, "include", names, faults) {
        let named = axes.iter().filter(|axis| entry.contains_key(*axis)).count();
        let matching =
            |one: &Instance| axes.iter().all(|axis| entry.get(axis).is_none_or(|v| one.values.get(axis) == Some(v)));
        let mut matched = false;
        for one in instances.iter_mut().filter(|one| matching(one)) {
            matched = true;
            for (name, value) in entry.iter().filter(|(name, _)| !axes.contains(*name)) {
                one.values.insert(name.clone(), value.clone());
            }
        }
        if matched {
            continue;
        }
        if named < axes.len() {
            mismatch("`include` matches no combination and does not name every axis", span, faults);
            continue;
        }
        let keys: Option<Vec<String>> =
            axes.iter().map(|axis| key_of(axis, &entry[axis], None, span, faults)).collect();
        let Some(keys) = keys else { continue };
        let mut values: IndexMap<String, Value> = axes.iter().map(|axis| (axis.clone(), entry[axis].clone())).collect();
        values.extend(entry.into_iter().filter(|(name, _)| !axes.contains(name)));
        instances.push(Instance { keys, values });
    }
}

fn combinations(node: &Node, key: &str, names: &Names, faults: &mut Faults) -> Vec<(BTreeMap<String, Value>, Span)> {
    let Some(list) = node.get(key) else { return Vec::new() };
    let Content::Seq(items) = &list.value else {
        faults.sort(&format!("`{key}`"), "a list", list);
        return Vec::new();
    };
    let mut all = Vec::new();
    for item in items {
        if faults.map(&format!("an entry of `{key}`"), item).is_none() {
            continue;
        }
        let mut combination = BTreeMap::new();
        for entry in item.entries() {
            if key == "include" {
                check_axis_name(&entry.key, entry.key_span, faults);
            }
            let value = match entry.value.scalar() {
                Some(scalar) if !scalar.text.contains("${") => Some(scalar.spelled()),
                _ => match names.field(&entry.value, faults) {
                    Some(Field::Constant(value)) => Some(value),
                    _ => None,
                },
            };
            combination.extend(value.map(|value| (entry.key.clone(), value)));
        }
        all.push((combination, item.span));
    }
    all
}

fn check_axis_name(name: &str, span: Span, faults: &mut Faults) {
    let upper = !name.bytes().any(|byte| byte.is_ascii_lowercase());
    if !is_identifier(name) || upper || is_reserved(name) || !expr::is_path(name) {
        let why = if is_reserved(name) { "expressions use this name already" } else { "not a name" };
        faults.push(
            Diagnostic::error("S025", format!("`{name}` cannot name an axis"), span)
                .label(why)
                .help("use small letters, digits and `_`, as in `lang`"),
        );
    }
}

fn empty(what: &str, span: Span, faults: &mut Faults) {
    faults.push(
        Diagnostic::error("S083", format!("{what} has no item"), span).label("empty").help("give it at least one item"),
    );
}

fn twice(what: &str, span: Span, faults: &mut Faults) {
    faults.push(
        Diagnostic::error("S081", format!("{what} stands twice"), span)
            .label("again")
            .help("keys name the instances: each must be its own"),
    );
}

fn mismatch(what: &str, span: Span, faults: &mut Faults) {
    faults
        .push(Diagnostic::error("S086", what, span).label("matches nothing").help("compare its values with the axes"));
}
