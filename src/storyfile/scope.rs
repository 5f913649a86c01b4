//! What late expressions see: inputs, outputs and needs, as paths or as content.

use crate::base::id::ActionId;
use crate::base::part;
use crate::storyfile::expr;
use crate::storyfile::home::Home;
use crate::storyfile::lists::Item;
use crate::storyfile::param_values::{ParamValues, seen_from};
use crate::storyfile::story::{Action, Selector, Story};
use indexmap::IndexMap;
use minijinja::value::{DynObject, Enumerator, Object, ObjectRepr};
use serde_json::{Value, json};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// The files and values of one action.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// All input files in order; files of one role stand together.
    pub inputs: Vec<ScopeFile>,
    pub outputs: Vec<ScopeFile>,
    /// By stage.
    pub needs: Vec<(String, Vec<ScopeFile>)>,
    /// `params`, the axes, `item`, `stage`, `with`: see [`globals`].
    pub globals: Value,
    /// Those of the axes whose items are files.
    pub items: BTreeMap<String, String>,
    /// The folder from which paths are seen.
    pub home: Home,
    /// The declared inputs in order. A role of many without a file is an empty list, of one it is undefined.
    pub declared: Vec<(String, Plurality)>,
}

/// One file as expressions see it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ScopeFile {
    /// The name or index of the input or output that it belongs to.
    pub role: String,
    pub list: Plurality,
    pub path: String,
    /// Only this part of the file is meant.
    pub part: Option<ScopePart>,
    /// `None` where the content is not known: outputs, and inputs of commands.
    pub content: Option<Arc<[u8]>>,
    /// The content as data, for JSON and YAML.
    pub parsed: Option<Value>,
}

/// A part of a file as expressions see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScopePart {
    /// What stands behind the `#`.
    pub text: String,
    /// In a command, the path of a file that holds just the part.
    pub place: Option<String>,
}

impl ScopeFile {
    /// Returns what the file reads as where a path is wanted.
    pub fn shown(&self) -> Cow<'_, str> {
        match &self.part {
            None => Cow::Borrowed(&self.path),
            Some(ScopePart { place: Some(place), .. }) => Cow::Borrowed(place),
            Some(_) => Cow::Owned(self.named()),
        }
    }

    /// Returns how a recipe names the file or the part.
    pub fn named(&self) -> String {
        let path = part::escape(&self.path);
        match &self.part {
            None => path.into_owned(),
            Some(ScopePart { text, .. }) => format!("{path}#{text}"),
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Plurality {
    #[default]
    One,
    /// From a pattern or a folder.
    Many,
}

/// What a file reads as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// In commands and paths.
    Path,
    /// In text fields and templates.
    Content,
}

impl Scope {
    /// Returns the scope of `action` without its files: its values and the inputs it declares.
    pub fn of(story: &Story, action: &Action) -> Scope {
        let declared = action.inputs.iter().filter(|input| is_named_by_user(&input.role)).map(|input| {
            let many = !matches!(input.selector, Selector::File(_));
            (input.role.clone(), if many { Plurality::Many } else { Plurality::One })
        });
        let absent = action.absent.iter().map(|role| (role.clone(), Plurality::One));
        let values = story.params_of(action);
        let params = match action.home.folder() {
            None => Cow::Borrowed(values),
            Some(_) => Cow::Owned(seen_from(values, &story.path_params, &action.home)),
        };
        Scope {
            declared: declared.chain(absent).collect(),
            globals: globals(&params, action),
            items: files_among(action),
            home: action.home.clone(),
            ..Scope::default()
        }
    }

    /// Returns the values that an expression starts from.
    pub fn context(&self, view: View) -> minijinja::Value {
        let mut roots: BTreeMap<String, minijinja::Value> = BTreeMap::new();
        if let Value::Object(globals) = &self.globals {
            roots.extend(globals.iter().map(|(name, value)| match (name.as_str(), value) {
                ("params", Value::Object(params)) => {
                    let values = params.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
                    (name.clone(), ParamValues { values, ..ParamValues::default() }.root())
                }
                _ => (name.clone(), expr::from_json(value)),
            }));
        }
        roots.extend(self.items.iter().map(|(name, path)| (name.clone(), file_item(path))));
        roots.insert("inputs".into(), self.input_files(view));
        roots.insert("outputs".into(), files(&self.outputs, &[], View::Path));
        let needs = self.needs.iter().map(|(stage, files)| (stage.clone(), group(files.clone(), view)));
        roots.insert("needs".into(), nested(needs.collect()));
        roots.into()
    }

    /// Tells whether an expression is nothing but a name of an optional input that is not there: `inputs.notes`,
    /// `inputs[0]`.
    pub fn is_absent(&self, source: &str) -> bool {
        self.absent().any(|role| names_of(role).iter().any(|name| name == source.trim()))
    }

    /// Tells whether an expression names an optional input that is not there, beside whatever else.
    pub fn mentions_absent(&self, source: &str) -> bool {
        let names = expr::names(source);
        self.absent().any(|role| names_of(role).iter().any(|name| source.contains(name) || names.contains(name)))
    }

    fn absent(&self) -> impl Iterator<Item = &str> {
        let is_there = |role: &str| self.inputs.iter().any(|file| file.role == role);
        let single = self.declared.iter().filter(|(_, list)| *list == Plurality::One);
        single.map(|(role, _)| role.as_str()).filter(move |role| !is_there(role))
    }

    fn input_files(&self, view: View) -> minijinja::Value {
        files(&self.inputs, &self.declared, view)
    }
}

/// Tells whether `needs.voices.narrate` names one of the needed stages, whose name has a dot in it.
pub fn is_dotted(name: &str, stages: &[&str]) -> bool {
    let Some(rest) = name.strip_prefix("needs.") else { return false };
    let is_named =
        |stage: &&&str| rest.strip_prefix(**stage).is_some_and(|tail| tail.is_empty() || tail.starts_with('.'));
    stages.iter().filter(|stage| stage.contains('.')).any(|stage| is_named(&stage))
}

/// Lets `needs.voices.narrate` find what `needs['voices.narrate']` is.
fn nested(needs: BTreeMap<String, minijinja::Value>) -> minijinja::Value {
    let mut inner: BTreeMap<String, BTreeMap<String, minijinja::Value>> = BTreeMap::new();
    for (stage, files) in &needs {
        if let Some((folder, name)) = stage.split_once('.') {
            inner.entry(folder.to_owned()).or_default().insert(name.to_owned(), files.clone());
        }
    }
    let mut all = needs;
    for (folder, stages) in inner {
        all.entry(folder).or_insert_with(|| nested(stages));
    }
    all.into()
}

/// Returns what `params`, the axes, `item`, `prev` and `stage` are for one action.
pub fn globals(params: &IndexMap<String, Value>, action: &Action) -> Value {
    let mut globals = serde_json::Map::new();
    globals.insert("params".into(), json!(params));
    globals.insert("stage".into(), stage(&action.id));
    if let Some((_, item)) = action.axes.last() {
        globals.insert("item".into(), item.data());
        globals.insert("prev".into(), action.previous.as_ref().map_or(json!({}), Item::data));
    }
    globals.extend(action.row.iter().map(|row| ("batch".to_owned(), row.data())));
    globals.extend(action.axes.iter().map(|(name, item)| (name.clone(), item.data())));
    Value::Object(globals)
}

/// Returns which of `item`, `prev` and the axes are files.
fn files_among(action: &Action) -> BTreeMap<String, String> {
    let last = action.axes.last().map(|(_, item)| ("item".to_owned(), item));
    let previous = action.previous.iter().map(|item| ("prev".to_owned(), item));
    let axes = action.axes.iter().map(|(name, item)| (name.clone(), item));
    let files = last.into_iter().chain(previous).chain(axes).filter_map(|(name, item)| match item {
        Item::File(path) => Some((name, path.clone())),
        Item::Value(_) => None,
    });
    files.collect()
}

/// Returns what `prev` is for the first item: nothing is in it.
pub fn nothing_before() -> minijinja::Value {
    expr::from_json(&json!({}))
}

/// Returns a file as the item of an axis: it has a path, and no content.
pub fn file_item(path: &str) -> minijinja::Value {
    let file = ScopeFile { path: path.to_owned(), ..ScopeFile::default() };
    minijinja::Value::from_object(FileValue { file, view: View::Path })
}

/// Returns what the root `stage` is: its name, the action's full name, and its keys joined by `-`.
pub fn stage(id: &ActionId) -> Value {
    json!({ "name": id.stage(), "id": id.as_str(), "key": key(id) })
}

/// Returns the same as a value for expressions.
pub fn stage_value(id: &ActionId) -> minijinja::Value {
    minijinja::Value::from_pairs([("name", id.stage()), ("id", id.as_str()), ("key", &key(id))])
}

fn key(id: &ActionId) -> String {
    id.as_str().split_once(':').map_or("", |(_, keys)| keys).replace(':', "-")
}

/// Tells whether an input's role was given by the user, not by a setting or the head of a command.
pub fn is_named_by_user(role: &str) -> bool {
    !role.contains('.')
}

/// Returns a file or list of files as data; `None` for other values.
pub fn as_data(value: &minijinja::Value) -> Option<Value> {
    if let Some(file) = value.downcast_object_ref::<FileValue>() {
        return Some(file.data());
    }
    if let Some(list) = value.downcast_object_ref::<FileList>() {
        let there = list.items.iter().filter(|item| !item.is_undefined());
        return Some(Value::Array(there.map(expr::to_json).collect()));
    }
    None
}

/// Returns the words that a value is in a command; `Err` says what it is instead.
pub fn words(value: &minijinja::Value) -> Result<Vec<String>, &'static str> {
    use minijinja::value::ValueKind;
    if let Some(file) = value.downcast_object_ref::<FileValue>() {
        return Ok(vec![file.to_string()]);
    }
    match value.kind() {
        ValueKind::Undefined | ValueKind::None => Err("nothing"),
        ValueKind::Map => Err("a map"),
        ValueKind::Seq | ValueKind::Iterable => {
            let mut all = Vec::new();
            for item in value.try_iter().map_err(|_| "no list")? {
                all.extend(words(&item)?);
            }
            Ok(all)
        }
        _ => Ok(vec![expr::printed(value)]),
    }
}

/// Returns the ways to write an input's name.
fn names_of(role: &str) -> [String; 3] {
    [format!("inputs.{role}"), format!("inputs[{role}]"), format!("inputs['{role}']")]
}

fn group(files: Vec<ScopeFile>, view: View) -> minijinja::Value {
    match files.as_slice() {
        [file] if file.list == Plurality::One => minijinja::Value::from_object(FileValue { file: file.clone(), view }),
        _ => {
            let items = files.into_iter().map(|file| minijinja::Value::from_object(FileValue { file, view })).collect();
            minijinja::Value::from_object(FileList { roles: Vec::new(), items, view })
        }
    }
}

fn files(all: &[ScopeFile], declared: &[(String, Plurality)], view: View) -> minijinja::Value {
    let mut roles: IndexMap<String, (Plurality, Vec<ScopeFile>)> =
        declared.iter().map(|(role, list)| (role.clone(), (*list, Vec::new()))).collect();
    for file in all.iter().filter(|file| is_named_by_user(&file.role)) {
        roles.entry(file.role.clone()).or_insert((file.list, Vec::new())).1.push(file.clone());
    }
    let (roles, items) = roles
        .into_iter()
        .map(|(role, (list, files))| match list {
            Plurality::One if files.is_empty() => (role, minijinja::Value::UNDEFINED),
            _ => (role, group(files, view)),
        })
        .unzip();
    minijinja::Value::from_object(FileList { roles, items, view })
}

/// A file in an expression.
#[derive(Debug)]
struct FileValue {
    file: ScopeFile,
    view: View,
}

impl FileValue {
    fn data(&self) -> Value {
        match (self.view, &self.file.parsed) {
            (View::Content, Some(parsed)) => parsed.clone(),
            _ => Value::String(self.to_string()),
        }
    }

    fn text(&self) -> Option<String> {
        self.file.content.as_ref().map(|content| String::from_utf8_lossy(content).into_owned())
    }

    fn parsed(&self) -> Option<&Value> {
        self.file.parsed.as_ref()
    }
}

impl fmt::Display for FileValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.view, self.text()) {
            (View::Content, Some(text)) => f.write_str(&text),
            _ => f.write_str(&self.file.shown()),
        }
    }
}

impl Object for FileValue {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        match self.parsed() {
            Some(Value::Array(_)) => ObjectRepr::Seq,
            Some(Value::Object(_)) => ObjectRepr::Map,
            _ => ObjectRepr::Plain,
        }
    }

    fn get_value(self: &Arc<Self>, key: &minijinja::Value) -> Option<minijinja::Value> {
        let parsed = self.parsed();
        if let Some(index) = key.as_usize() {
            return parsed?.get(index).map(expr::from_json);
        }
        let path = self.file.path.as_str();
        let shown = self.file.shown();
        let place = self.file.part.as_ref().and_then(|part| part.place.as_deref()).unwrap_or(path);
        let name = path.rsplit('/').next().unwrap_or(path);
        let (stem, extension) = match name.rfind('.') {
            Some(dot) if dot > 0 => (&name[..dot], &name[dot + 1..]),
            _ => (name, ""),
        };
        match key.as_str()? {
            "path" => Some((&*shown).into()),
            "name" => Some(name.into()),
            "stem" => Some(stem.into()),
            "ext" => Some(extension.into()),
            "dir" => Some(place.rfind('/').map_or(".", |slash| &place[..slash]).into()),
            "text" => self.text().map(Into::into),
            "json" => parsed.map(expr::from_json),
            key => parsed?.get(key).map(expr::from_json),
        }
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        match self.parsed() {
            Some(Value::Array(items)) => Enumerator::Seq(items.len()),
            Some(Value::Object(map)) => {
                let keys: Vec<minijinja::Value> = map.keys().map(|key| key.as_str().into()).collect();
                Enumerator::Values(keys)
            }
            _ => Enumerator::NonEnumerable,
        }
    }

    fn is_true(self: &Arc<Self>) -> bool {
        true
    }

    fn custom_cmp(self: &Arc<Self>, other: &DynObject) -> Option<std::cmp::Ordering> {
        other.downcast_ref::<FileValue>().map(|other| self.file.shown().cmp(&other.file.shown()))
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.as_ref(), f)
    }
}

/// Files in order: of a pattern, of a needed stage, or all roles of an action.
#[derive(Debug)]
struct FileList {
    /// Names of the items; empty if they have none.
    roles: Vec<String>,
    items: Vec<minijinja::Value>,
    view: View,
}

impl Object for FileList {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &minijinja::Value) -> Option<minijinja::Value> {
        if let Some(index) = key.as_usize() {
            return self.items.get(index).cloned();
        }
        let role = key.as_str()?;
        self.roles.iter().position(|name| name == role).map(|index| self.items[index].clone())
    }

    /// What is not there has a place, so that `inputs[1]` stays the second, but is no item.
    fn enumerate(self: &Arc<Self>) -> Enumerator {
        let there: Vec<minijinja::Value> = self.items.iter().filter(|item| !item.is_undefined()).cloned().collect();
        if there.len() == self.items.len() { Enumerator::Seq(there.len()) } else { Enumerator::Values(there) }
    }

    fn is_true(self: &Arc<Self>) -> bool {
        self.items.iter().any(minijinja::Value::is_true)
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let separator = if self.view == View::Path { " " } else { "\n\n" };
        // A text file ends with a newline of its own; an empty list has no place between two separators.
        let shown = self.items.iter().filter(|item| !item.is_undefined() && item.len() != Some(0));
        let texts: Vec<String> = shown.map(|item| item.to_string().trim_end_matches('\n').to_owned()).collect();
        f.write_str(&texts.join(separator))
    }
}

#[cfg(test)]
mod tests;
