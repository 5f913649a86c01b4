//! Evaluates the expressions of one action while the file is loaded; those that read files stay for later.

use crate::base::diagnostic::Diagnostic;
use crate::base::secret::is_secret_name;
use crate::base::span::Span;
use crate::storyfile::expr::{self, LATE_ROOTS, Late, Piece, ROOTS, Text, TextPiece};
use crate::storyfile::faults::{Faults, listed};
use crate::storyfile::home::Home;
use crate::storyfile::param_values::ParamValues;
use crate::storyfile::scope;
use crate::storyfile::slips::{Braces, check_filters};
use crate::storyfile::spot::Spot;
use crate::storyfile::tree::{Content, Node};
use crate::storyfile::with::Field;
use indexmap::IndexMap;
use serde_json::Value;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

/// Functions of the expression language that need no declaration.
const FUNCTIONS: [&str; 4] = ["range", "dict", "namespace", "loop"];

/// Looks up environment variables and remembers which.
pub struct Variables<'a> {
    pub get: &'a dyn Fn(&str) -> Option<String>,
    pub used: RefCell<BTreeSet<String>>,
    /// Names used in an `api_key` or `headers`.
    pub secrets: BTreeSet<String>,
}

impl Variables<'_> {
    /// Returns the variable's value.
    pub fn look_up(&self, name: &str) -> Option<String> {
        self.used.borrow_mut().insert(name.to_owned());
        (self.get)(name)
    }

    /// Tells whether a variable holds a secret, by its use or its name (R20).
    pub fn is_secret(&self, name: &str) -> bool {
        self.secrets.contains(name) || is_secret_name(name)
    }
}

/// The names that the expressions of one action may use.
#[derive(Clone)]
pub struct Names<'a> {
    pub variables: &'a Variables<'a>,
    /// `params`, the axes, `item`, `stage`, `with`.
    pub roots: BTreeMap<String, minijinja::Value>,
    pub inputs: Vec<String>,
    pub outputs: Vec<String>,
    pub needs: Vec<String>,
    /// Fields of `with` that wait for files themselves.
    pub late_with: BTreeSet<String>,
    /// The folder in which paths are written.
    pub home: Home,
    /// Why expressions that read files cannot stand here; `None` where they can.
    pub only_now: Option<&'static str>,
    /// Roots whose values come with a list that is not known yet: their names are checked, and nothing comes of them.
    pub open: BTreeSet<String>,
}

/// What became of a string.
#[derive(Clone, Debug, PartialEq)]
pub enum Settled {
    /// A string that was exactly one expression keeps its value's type.
    Value(Value),
    Text(Text),
}

impl Names<'_> {
    /// Tells whether `prev` may be used: the item before stands, is not known yet, or the stage has no items and that is told.
    pub fn has_previous(&self) -> bool {
        let is_nothing = |before: &minijinja::Value| before.len() == Some(0);
        self.open.contains("prev") || !self.roots.get("prev").is_some_and(is_nothing)
    }

    /// Settles a string. Faults are reported; `None` then.
    pub fn settle(&self, text: &str, span: Span, faults: &mut Faults) -> Option<Settled> {
        self.stray_template(text, span, Braces::OfOurs, faults);
        if !text.contains("${") {
            return Some(Settled::Text(Text::literal(text, span)));
        }
        let pieces = match expr::cut(text) {
            Ok(pieces) => pieces,
            Err(at) => {
                let place = faults.locate(Spot::new(span, text, at..at + 2));
                faults.push(
                    Diagnostic::error("S053", "`${` is not closed", place)
                        .label("no `}` follows")
                        .help("close it, or write `$${` for the two signs themselves"),
                );
                return None;
            }
        };
        let single = pieces.len() == 1;
        let mut settled = Vec::new();
        let mut whole = true;
        for (piece, at) in pieces {
            let spot = Spot::new(span, text, at);
            let value = match piece {
                Piece::Literal(text) => Some(One::Text(text)),
                Piece::Variable { name, default } => {
                    self.variable(&name, default.as_deref(), spot, faults).map(One::Text)
                }
                Piece::Expression(_) => self.expression(spot, faults),
            };
            match value {
                None => whole = false,
                Some(One::Value(_, value)) if single => return Some(Settled::Value(value)),
                Some(One::Value(source, value)) => match self.inserted(&source, &value) {
                    Some(text) => settled.push(TextPiece::Literal(text)),
                    None => {
                        whole = false;
                        faults.push(no_text(faults.locate(spot), &source, &value));
                    }
                },
                Some(One::Text(text)) => settled.push(TextPiece::Literal(text)),
                Some(One::Late(late)) => settled.push(TextPiece::Late(late)),
            }
        }
        whole.then_some(Settled::Text(Text { pieces: settled, span }))
    }

    /// Settles a string that is text in any case.
    pub fn text(&self, text: &str, span: Span, faults: &mut Faults) -> Option<Text> {
        match self.settle(text, span, faults)? {
            Settled::Text(text) => Some(text),
            Settled::Value(value) => match self.inserted(text, &value) {
                Some(text) => Some(Text::literal(text, span)),
                None => {
                    faults.push(no_text(span, text, &value));
                    None
                }
            },
        }
    }

    /// Settles a string whose value must be known now.
    pub fn now(&self, text: &str, span: Span, faults: &mut Faults) -> Option<String> {
        self.text(text, span, faults)?.constant()
    }

    /// Settles the text of a path, as it is from the Storyfile's folder: no other program reads it, so every `{{ … }}` in
    /// it is a slip.
    pub fn path(&self, text: &str, span: Span, faults: &mut Faults) -> Option<String> {
        let stray = self.stray_template(text, span, Braces::All, faults);
        self.now(text, span, faults).filter(|_| !stray).map(|text| self.home.from_root(&text))
    }

    /// Settles a whole tree: plain scalars by the core schema, strings by their expressions.
    pub fn field(&self, node: &Node, faults: &mut Faults) -> Option<Field> {
        match &node.value {
            Content::Scalar(scalar) => match scalar.core() {
                Value::String(text) => Some(match self.settle(&text, node.span, faults)? {
                    Settled::Value(value) => Field::Constant(value),
                    Settled::Text(text) => match text.constant() {
                        Some(text) => Field::Constant(Value::String(text)),
                        None => Field::Text(text),
                    },
                }),
                value => Some(Field::Constant(value)),
            },
            Content::Seq(items) => {
                let fields: Vec<Option<Field>> = items.iter().map(|item| self.field(item, faults)).collect();
                let fields: Vec<Field> = fields.into_iter().collect::<Option<_>>()?;
                let constants: Option<Vec<Value>> = fields.iter().map(constant).collect();
                Some(constants.map_or(Field::List(fields), |values| Field::Constant(Value::Array(values))))
            }
            Content::Map(entries) => {
                let mut fields = IndexMap::new();
                let mut whole = true;
                for entry in entries {
                    match self.field(&entry.value, faults) {
                        Some(field) => drop(fields.insert(entry.key.clone(), field)),
                        None => whole = false,
                    }
                }
                let constants: Option<serde_json::Map<String, Value>> =
                    fields.iter().map(|(name, field)| constant(field).map(|value| (name.clone(), value))).collect();
                whole.then(|| constants.map_or(Field::Map(fields), |values| Field::Constant(Value::Object(values))))
            }
        }
    }

    /// Returns the value of one expression, or the expression itself if it reads files.
    pub fn expression(&self, spot: Spot, faults: &mut Faults) -> Option<One> {
        let source = spot.found();
        if !expr::is_path(source)
            && let Err(error) = expr::compile(source)
        {
            faults.push(
                Diagnostic::error(
                    "S050",
                    format!("`${{{source}}}` is no expression: {}", expr::reason(&error)),
                    faults.locate(spot),
                )
                .label("cannot be read")
                .help("an expression is a name, a filter, a comparison: `${params.tone | join(', ')}`"),
            );
            return None;
        }
        let names = expr::names(source);
        let mut late = false;
        let mut known = true;
        let mut environment = BTreeMap::new();
        for name in &names {
            let barred = self.only_now.is_some() && LATE_ROOTS.contains(&expr::root_of(name));
            known &= barred || self.check_name(name, spot.name(name), faults);
            let mut parts = name.split('.');
            let (root, field) = (parts.next().unwrap_or(""), parts.next());
            late |= LATE_ROOTS.contains(&root);
            late |= root == "with" && field.map_or(!self.late_with.is_empty(), |field| self.late_with.contains(field));
            if let ("env", Some(field)) = (root, field) {
                match self.variable(field, None, spot.name(name), faults) {
                    Some(value) => drop(environment.insert(field.to_owned(), minijinja::Value::from(value))),
                    None => known = false,
                }
            }
        }
        known &= check_filters(spot, faults);
        if !known {
            return None;
        }
        let is_told = late && self.only_now.is_some();
        if !is_told && names.iter().any(|name| self.open.contains(expr::root_of(name))) {
            return None;
        }
        let mut roots = self.roots.clone();
        if !environment.is_empty() {
            roots.insert("env".into(), environment.into());
        }
        let context = minijinja::Value::from(roots);
        if late {
            return self.late(spot, &names, context, faults).map(One::Late);
        }
        match expr::evaluate(source, context) {
            Ok(value) if !value.is_undefined() => Some(One::Value(source.to_owned(), expr::to_json(&value))),
            // Nobody gave it a value. Whether one is needed is known where it is put.
            Ok(_) if self.param(source).is_some_and(|(params, name)| ParamValues::is_empty(params, name)) => {
                Some(One::Value(source.to_owned(), Value::Null))
            }
            Ok(_) => {
                let id = self.roots.get("stage").and_then(|stage| stage.get_attr("id").ok()).map(|id| id.to_string());
                let instance = id.filter(|id| id.contains(':')).map_or(String::new(), |id| format!(" in `{id}`"));
                faults.push(
                    Diagnostic::error("S059", format!("`${{{source}}}` has no value{instance}"), faults.locate(spot))
                        .label("nothing here")
                        .help("look at the names after the dots, or give a default: `| default('…')`"),
                );
                None
            }
            Err(error) => {
                faults.push(
                    Diagnostic::error(
                        "S052",
                        format!("`${{{source}}}` failed: {}", expr::reason(&error)),
                        faults.locate(spot),
                    )
                    .label("this expression")
                    .help("look at the values that it uses"),
                );
                None
            }
        }
    }

    /// Tells whether a param has this name.
    pub fn is_param(&self, name: &str) -> bool {
        self.roots.get("params").is_some_and(|params| ParamValues::declares(params, name))
    }

    /// Returns `params` and the name, if an expression is just one param.
    fn param<'s>(&self, source: &'s str) -> Option<(&minijinja::Value, &'s str)> {
        Some((self.roots.get("params")?, source.strip_prefix("params.")?))
    }

    /// Returns the value of `${source}` as text, a number as it was written; `None` for lists, maps and nothing.
    pub fn inserted(&self, source: &str, value: &Value) -> Option<String> {
        let source = source.strip_prefix("${").and_then(|source| source.strip_suffix('}')).unwrap_or(source).trim();
        match self.param(source).and_then(|(params, name)| ParamValues::spelling(params, name)) {
            Some(written) => Some(written.to_owned()),
            None => inserted(value),
        }
    }

    fn late(&self, spot: Spot, names: &[String], context: minijinja::Value, faults: &mut Faults) -> Option<Late> {
        let place = faults.locate(spot);
        if let Some(why) = self.only_now {
            let root = names.iter().map(|name| expr::root_of(name)).find(|root| LATE_ROOTS.contains(root));
            faults.push(
                Diagnostic::error("S054", format!("`{}` cannot be used here: {why}", root.unwrap_or("with")), place)
                    .label("known only when the stage runs")
                    .help("use `params`, the axes or `stage` here"),
            );
            return None;
        }
        if names.iter().any(|name| expr::root_of(name) == "env") {
            faults.push(
                Diagnostic::error("S054", "an expression reads either files or the environment", place)
                    .label("both stand here")
                    .help("write two expressions, or take the variable into `params` first"),
            );
            return None;
        }
        let values = names
            .iter()
            .filter(|name| !LATE_ROOTS.contains(&expr::root_of(name)) && !FUNCTIONS.contains(&name.as_str()))
            .filter(|name| expr::root_of(name) != "with")
            .filter_map(|name| expr::evaluate(name, context.clone()).ok().map(|v| (name.clone(), expr::to_json(&v))));
        Some(Late { source: spot.found().to_owned(), values: values.collect() })
    }

    pub(super) fn check_name(&self, name: &str, spot: Spot, faults: &mut Faults) -> bool {
        let mut parts = name.split('.');
        let (root, field) = (parts.next().unwrap_or(""), parts.next());
        let fields: Option<(&str, Vec<&str>)> = match root {
            "inputs" => Some(("no input", self.inputs.iter().map(String::as_str).collect())),
            "outputs" => Some(("no output", self.outputs.iter().map(String::as_str).collect())),
            "needs" => Some(("no needed stage", self.needs.iter().map(String::as_str).collect())),
            "env" => None,
            // Told once: it is one thing that is missing, however often it is used.
            "batch" if !self.roots.contains_key("batch") && faults.tells("S200") => return false,
            "batch" if !self.roots.contains_key("batch") => {
                faults.push(
                    Diagnostic::error("S200", "`batch` is a row of a table, and none is given", faults.locate(spot))
                        .label("not known")
                        .help("give the table: `--batch rows.csv`, with a column `id`"),
                );
                return false;
            }
            "prev" if !self.roots.contains_key("prev") => {
                faults.push(
                    Diagnostic::error(
                        "S045",
                        "`prev` is the item before, and this stage has none",
                        faults.locate(spot),
                    )
                    .label("not known")
                    .help("only a stage with `foreach` or `matrix` has items"),
                );
                return false;
            }
            root if FUNCTIONS.contains(&root) => None,
            root => match self.roots.get(root) {
                Some(value) if ["params", "with", "stage", "batch"].contains(&root) => {
                    return self.check_field(name, field, value, spot, faults);
                }
                Some(_) => None,
                None => {
                    self.unknown_root(root, name, spot, faults);
                    return false;
                }
            },
        };
        let (Some((what, known)), Some(field)) = (fields, field) else { return true };
        if root == "needs" && scope::is_dotted(name, &known) {
            return true;
        }
        if known.contains(&field) || root != "needs" && field.parse::<usize>().is_ok_and(|index| index < known.len()) {
            return true;
        }
        let help = match faults.nearest(field, &known) {
            Some(near) => format!("did you mean `{root}.{near}`?"),
            None if known.iter().any(|name| name.parse::<usize>().is_err()) => format!("there are {}", listed(&known)),
            None if known.is_empty() => format!("the stage declares no `{root}`"),
            None => format!("they have no names here: write `{root}[0]`"),
        };
        faults.push(
            Diagnostic::error("S051", format!("{what} is named `{field}`"), faults.locate(spot))
                .label("not known")
                .help(help),
        );
        false
    }

    fn check_field(
        &self,
        name: &str,
        field: Option<&str>,
        value: &minijinja::Value,
        spot: Spot,
        faults: &mut Faults,
    ) -> bool {
        let root = expr::root_of(name);
        let Some(field) = field else { return true };
        if value.get_attr(field).is_ok_and(|value| !value.is_undefined()) {
            return true;
        }
        let known: Vec<String> = value.try_iter().into_iter().flatten().map(|key| key.to_string()).collect();
        if known.iter().any(|key| key == field) || root == "with" && self.late_with.contains(field) {
            return true;
        }
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        let help = match faults.nearest(field, &known) {
            Some(near) => format!("did you mean `{root}.{near}`?"),
            None if root == "params" => format!("declare it: `params: {{ {field}: … }}`"),
            None if root == "batch" => format!("the row has {}", listed(&known)),
            None => format!("there are {}", listed(&known)),
        };
        faults.push(
            Diagnostic::error("S051", format!("`{root}` has no `{field}`"), faults.locate(spot))
                .label("not known")
                .help(help),
        );
        false
    }

    fn unknown_root(&self, root: &str, name: &str, spot: Spot, faults: &mut Faults) {
        let axes = self.roots.keys().map(String::as_str);
        let candidates: Vec<&str> = axes.chain(ROOTS.iter().copied().filter(|root| *root != "batch")).collect();
        let help = if self.is_param(root) {
            format!("write `params.{root}`")
        } else if let Some(near) = faults.nearest(root, &candidates) {
            format!("did you mean `{}`?", name.replacen(root, near, 1))
        } else if self.variables.look_up(root).is_some() {
            format!("for the environment variable write `env.{root}`")
        } else {
            let own: Vec<&str> =
                self.roots.keys().map(String::as_str).chain(["inputs", "outputs", "needs", "env"]).collect();
            format!("known here are {}", listed(&own))
        };
        faults.push(
            Diagnostic::error("S051", format!("the name `{root}` is not known here"), faults.locate(spot))
                .label("not known")
                .help(help),
        );
    }

    fn variable(&self, name: &str, default: Option<&str>, spot: Spot, faults: &mut Faults) -> Option<String> {
        let place = faults.locate(spot.name(name));
        if self.variables.is_secret(name) {
            faults.push(
                Diagnostic::error("S056", format!("`{name}` is a secret and would become part of a key"), place)
                    .label("a secret")
                    .help("secrets stand in `api_key:` and `headers:`; a command gets them by `pass: [NAME]`"),
            );
            return None;
        }
        let found = self.variables.look_up(name).filter(|value| default.is_none() || !value.is_empty());
        let value = found.or_else(|| default.map(str::to_owned));
        if value.is_none() {
            faults.push(
                Diagnostic::error("S055", format!("the environment variable `{name}` is not set"), place)
                    .label("not set")
                    .help(format!("set it, or give a default: `${{{name}:-…}}`")),
            );
        }
        value
    }
}

/// One piece of a string.
#[derive(Clone, Debug)]
pub enum One {
    Text(String),
    /// An expression's source and value.
    Value(String, Value),
    Late(Late),
}

/// Returns a value as text inside a string; `None` for lists, maps and nothing.
pub fn inserted(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn no_text(place: Span, source: &str, value: &Value) -> Diagnostic {
    let (found, help) = match value {
        Value::Array(_) => ("a list", "join it: `${params.tone | join(', ')}`"),
        Value::Object(_) => ("a map", "name one of its fields"),
        _ => ("nothing", "give it a value, or a default: `| default('…')`"),
    };
    let source = source.trim_start_matches("${").trim_end_matches('}');
    Diagnostic::error("S057", format!("`${{{source}}}` is {found}, where text stands"), place).label(found).help(help)
}

fn constant(field: &Field) -> Option<Value> {
    match field {
        Field::Constant(value) => Some(value.clone()),
        _ => None,
    }
}
