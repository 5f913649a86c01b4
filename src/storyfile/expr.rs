//! `${…}` in strings: where it stands, what it names, and its value while the file is loaded.

use crate::base::failure::{Cause, Failure};
use crate::base::span::Span;
use crate::storyfile::depth;
use crate::storyfile::scope::{Scope, View};
use minijinja::value::ValueKind;
use minijinja::{Environment, Error, ErrorKind, Expression, UndefinedBehavior};
use serde_json::Value;
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::LazyLock;

/// Names that expressions start with, beside the axes of their stage.
pub const ROOTS: [&str; 10] = ["params", "item", "prev", "batch", "env", "inputs", "outputs", "needs", "stage", "with"];

/// Roots whose values are known only when the action runs.
pub const LATE_ROOTS: [&str; 3] = ["inputs", "outputs", "needs"];

/// Steps that one expression or template may take: enough for a long book, not for an endless loop.
const FUEL: u64 = 2_000_000;

/// A string whose expressions without files are already values.
#[derive(Clone, Debug, PartialEq)]
pub struct Text {
    pub pieces: Vec<TextPiece>,
    pub span: Span,
}

#[derive(Clone, Debug, PartialEq)]
pub enum TextPiece {
    Literal(String),
    Late(Late),
}

/// An expression that reads `inputs`, `outputs` or `needs`.
#[derive(Clone, Debug, PartialEq)]
pub struct Late {
    /// As written, without `${` and `}`.
    pub source: String,
    /// The other values that it mentions, by dotted name: they shape its value as well.
    pub values: Vec<(String, Value)>,
}

impl Text {
    /// Returns a text without expressions.
    pub fn literal(text: impl Into<String>, span: Span) -> Text {
        Text { pieces: vec![TextPiece::Literal(text.into())], span }
    }

    /// Returns the text, if no expression waits in it.
    pub fn constant(&self) -> Option<String> {
        let mut whole = String::new();
        for piece in &self.pieces {
            match piece {
                TextPiece::Literal(text) => whole.push_str(text),
                TextPiece::Late(_) => return None,
            }
        }
        Some(whole)
    }

    /// Returns the expressions that wait.
    pub fn late(&self) -> impl Iterator<Item = &Late> {
        self.pieces.iter().filter_map(|piece| match piece {
            TextPiece::Late(late) => Some(late),
            TextPiece::Literal(_) => None,
        })
    }

    /// Returns the text with every expression's value.
    pub fn render(&self, scope: &Scope, view: View) -> Result<String, Failure> {
        let mut whole = String::new();
        for piece in &self.pieces {
            match piece {
                TextPiece::Literal(text) => whole.push_str(text),
                TextPiece::Late(late) => whole.push_str(&printed(&late.value(scope, view)?)),
            }
        }
        Ok(whole)
    }

    /// Returns the text as recipes hold it: expressions as written, with the values they mention beside files.
    pub fn canonical(&self) -> String {
        let mut whole = String::new();
        for piece in &self.pieces {
            match piece {
                TextPiece::Literal(text) => whole.push_str(&text.replace("${", "$${")),
                TextPiece::Late(late) => {
                    whole.push_str("${");
                    whole.push_str(&late.source);
                    for (name, value) in &late.values {
                        whole.push_str(&format!("; {name}={value}"));
                    }
                    whole.push('}');
                }
            }
        }
        whole
    }
}

impl Late {
    /// Returns the value when the action runs. In a command an optional input that is absent is nothing; where its content
    /// is wanted, a template has to say what stands for it.
    pub fn value(&self, scope: &Scope, view: View) -> Result<minijinja::Value, Failure> {
        let value = evaluate(&self.source, scope.context(view)).map_err(|error| self.failure(&error))?;
        if value.is_undefined() && !(view == View::Path && scope.is_absent(&self.source)) {
            let failure = Failure::new(Cause::Setup, format!("`${{{}}}` has no value", self.source));
            return Err(failure.hint("an optional input that is absent has none: test it, or add `| default('')`"));
        }
        Ok(value)
    }

    /// Tells whether the expression mentions `root`.
    pub fn mentions(&self, root: &str) -> bool {
        names(&self.source).iter().any(|name| root_of(name) == root)
    }

    fn failure(&self, error: &Error) -> Failure {
        Failure::new(Cause::Setup, format!("`${{{}}}`: {}", self.source, reason(error)))
    }
}

/// A string cut at its expressions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    Literal(String),
    /// Without `${` and `}`.
    Expression(String),
    /// `${NAME}` or `${NAME:-default}`.
    Variable {
        name: String,
        default: Option<String>,
    },
}

/// Cuts `text` at its expressions; `Err` holds the byte of a `${` that is not closed.
pub fn split(text: &str) -> Result<Vec<Piece>, usize> {
    Ok(cut(text)?.into_iter().map(|(piece, _)| piece).collect())
}

/// Cuts `text` at its expressions, each with its bytes in `text`: those between the braces, without the space around.
pub fn cut(text: &str) -> Result<Vec<(Piece, Range<usize>)>, usize> {
    let mut pieces = Vec::new();
    let mut literal = String::new();
    let mut from = 0;
    let mut at = 0;
    while let Some(found) = text[at..].find("${").map(|found| at + found) {
        if text[at..found].ends_with('$') {
            literal.push_str(&text[at..found]);
            literal.push('{');
            at = found + 2;
            continue;
        }
        literal.push_str(&text[at..found]);
        let end = close(text, found + 2).ok_or(found)?;
        if !literal.is_empty() {
            pieces.push((Piece::Literal(std::mem::take(&mut literal)), from..found));
        }
        let (whole, inner) = (&text[found + 2..end], text[found + 2..end].trim());
        let start = found + 2 + (whole.len() - whole.trim_start().len());
        pieces.push((piece(inner), start..start + inner.len()));
        at = end + 1;
        from = at;
    }
    literal.push_str(&text[at..]);
    if !literal.is_empty() {
        pieces.push((Piece::Literal(literal), from..text.len()));
    }
    Ok(pieces)
}

/// Returns the byte of the `}` that ends the expression starting at `start`; strings and inner braces are skipped.
pub fn close(text: &str, start: usize) -> Option<usize> {
    let mut depth = 0usize;
    let mut quote = None;
    let mut bytes = text.bytes().enumerate().skip(start);
    while let Some((at, byte)) = bytes.next() {
        match (quote, byte) {
            (Some(_), b'\\') => {
                bytes.next();
            }
            (Some(open), _) if byte == open => quote = None,
            (Some(_), _) => {}
            (None, b'\'' | b'"') => quote = Some(byte),
            (None, b'{') => depth += 1,
            (None, b'}') if depth == 0 => return Some(at),
            (None, b'}') => depth -= 1,
            (None, _) => {}
        }
    }
    None
}

fn piece(inner: &str) -> Piece {
    let (name, default) = match inner.split_once(":-") {
        Some((name, default)) => (name, Some(default.to_owned())),
        None => (inner, None),
    };
    let upper = name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
    if upper && name.starts_with(|c: char| c.is_ascii_uppercase() || c == '_') {
        return Piece::Variable { name: name.to_owned(), default };
    }
    Piece::Expression(inner.to_owned())
}

/// Returns the dotted names that an expression reads, sorted; nothing if it does not parse.
pub fn names(source: &str) -> Vec<String> {
    if is_path(source) {
        return vec![source.to_owned()];
    }
    let Ok(expression) = compile(source) else { return Vec::new() };
    let mut names: Vec<String> = expression.undeclared_variables(true).into_iter().collect();
    names.sort();
    names
}

/// Returns the first words of all names that the expressions in `text` read.
pub fn roots(text: &str) -> BTreeSet<String> {
    let mut roots = BTreeSet::new();
    for piece in split(text).unwrap_or_default() {
        if let Piece::Expression(source) = piece {
            roots.extend(names(&source).iter().map(|name| root_of(name).to_owned()));
        }
    }
    roots
}

/// Compiles an expression, if it is one and not too deep.
pub fn compile(source: &str) -> Result<Expression<'static, 'static>, Error> {
    depth::check_expression(source)?;
    ENVIRONMENT.compile_expression_owned(source.to_owned())
}

/// Returns the first word of a dotted name.
pub fn root_of(name: &str) -> &str {
    name.split('.').next().unwrap_or(name)
}

/// Returns the value of an expression; what is missing may be tested, not used.
pub fn evaluate(source: &str, context: minijinja::Value) -> Result<minijinja::Value, Error> {
    if is_path(source) {
        return follow(source, context);
    }
    let value = compile(source)?.eval(context.clone())?;
    if !value.is_undefined() {
        return Ok(value);
    }
    // `x if y` without an else is nothing on purpose: as in Jinja it prints as an empty text.
    let printed = ENVIRONMENT.compile_expression_owned(format!("({source}) ~ ''"))?.eval(context);
    Ok(printed.unwrap_or(value))
}

/// Tells whether an expression is only names and dots, as nearly all are: those need no compiler.
pub fn is_path(source: &str) -> bool {
    let is_name = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    // The language's own words are no names.
    source.split('.').all(is_name)
        && !["true", "false", "none", "True", "False", "None", "not", "and", "or", "in", "is", "if", "else"]
            .contains(&root_of(source))
}

fn follow(path: &str, context: minijinja::Value) -> Result<minijinja::Value, Error> {
    let mut value = context;
    for (index, name) in path.split('.').enumerate() {
        if index > 0 && value.is_undefined() {
            let before = path.split('.').take(index).collect::<Vec<_>>().join(".");
            return Err(Error::new(ErrorKind::UndefinedError, format!("`{before}` has no value")));
        }
        value = value.get_attr(name)?;
    }
    Ok(value)
}

/// Returns why an expression failed, in a few words.
pub fn reason(error: &Error) -> String {
    match (error.kind(), error.detail()) {
        (ErrorKind::UndefinedError, None) => "a name in it has no value".to_owned(),
        (ErrorKind::UndefinedError, Some(detail)) => detail.to_owned(),
        (ErrorKind::OutOfFuel, _) => "it takes too many steps".to_owned(),
        (_, Some(detail)) => detail.to_owned(),
        (kind, None) => kind.to_string(),
    }
}

/// Tells whether a filter of this name exists.
pub fn has_filter(name: &str) -> bool {
    match evaluate(&format!("''|{name}"), minijinja::Value::UNDEFINED) {
        Err(error) => error.kind() != ErrorKind::UnknownFilter,
        Ok(_) => true,
    }
}

/// Returns a value as data; an object of ours as what it reads as.
pub fn to_json(value: &minijinja::Value) -> Value {
    if let Some(data) = super::scope::as_data(value) {
        return data;
    }
    match value.kind() {
        ValueKind::Seq | ValueKind::Iterable => value
            .try_iter()
            .map(|items| Value::Array(items.map(|item| to_json(&item)).collect()))
            .unwrap_or(Value::Null),
        ValueKind::Map => {
            let mut map = serde_json::Map::new();
            for key in value.try_iter().into_iter().flatten() {
                let item = value.get_item(&key).map(|item| to_json(&item)).unwrap_or(Value::Null);
                map.insert(key.to_string(), item);
            }
            Value::Object(map)
        }
        _ => serde_json::to_value(value).unwrap_or(Value::Null),
    }
}

/// Returns a value as it is written into texts: `true`, as it stands in the file, and not the language's own `True`.
pub fn printed(value: &minijinja::Value) -> String {
    match value.kind() {
        ValueKind::Bool => value.is_true().to_string(),
        _ => value.to_string(),
    }
}

/// Returns data as a value for expressions.
pub fn from_json(value: &Value) -> minijinja::Value {
    minijinja::Value::from(minijinja::value::Serde(value))
}

/// The one environment: strict about what is missing, no files, no network, bounded steps.
pub static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(environment);

/// Returns a new environment with our filters and limits.
pub fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    environment.set_formatter(|out, state, value| match value.kind() {
        ValueKind::Bool => Ok(out.write_str(&printed(value))?),
        _ => minijinja::escape_formatter(out, state, value),
    });
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(64);
    environment.add_filter("slug", |text: String| slug(&text));
    environment.add_filter("filename", |text: String| filename(&text));
    environment
}

/// Lower case, letters and digits of any script, `-` between words.
fn slug(text: &str) -> String {
    let mut slug = String::new();
    for character in text.chars().flat_map(char::to_lowercase) {
        if character.is_alphanumeric() {
            slug.push(character);
        } else if !slug.ends_with('-') && !slug.is_empty() {
            slug.push('-');
        }
    }
    slug.trim_end_matches('-').to_owned()
}

/// The text with `-` for what a file name cannot hold on some system.
fn filename(text: &str) -> String {
    let replaced: String = text
        .chars()
        .map(|character| if character.is_control() || "/\\:*?\"<>|".contains(character) { '-' } else { character })
        .collect();
    replaced.trim_matches([' ', '.']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_is_cut_at_its_expressions() {
        let expression = |text: &str| Piece::Expression(text.into());
        let literal = |text: &str| Piece::Literal(text.into());
        assert_eq!(split("a/${lang}.md"), Ok(vec![literal("a/"), expression("lang"), literal(".md")]));
        assert_eq!(split("${ {'a': '}'}['a'] }"), Ok(vec![expression("{'a': '}'}['a']")]));
        assert_eq!(split("cost: $${x} $5"), Ok(vec![literal("cost: ${x} $5")]));
        assert_eq!(split("x ${oops"), Err(2));
        let variable = |name: &str, default: Option<&str>| Piece::Variable {
            name: name.into(),
            default: default.map(str::to_owned),
        };
        assert_eq!(split("${SITE}"), Ok(vec![variable("SITE", None)]));
        assert_eq!(split("${SITE:-http://x}"), Ok(vec![variable("SITE", Some("http://x"))]));
    }

    #[test]
    fn the_names_of_an_expression_are_dotted() {
        assert_eq!(names("params.tone | join(', ') ~ inputs.idea.title"), ["inputs.idea.title", "params.tone"]);
    }

    #[test]
    fn slugs_keep_letters_of_any_script() {
        assert_eq!(slug("Falling for… Someone!"), "falling-for-someone");
        assert_eq!(slug("Ночной автобус"), "ночной-автобус");
        assert_eq!(filename("a/b: c?"), "a-b- c-");
    }

    #[test]
    fn an_unknown_filter_is_known_to_be_unknown() {
        assert!(has_filter("upper") && has_filter("slug") && has_filter("join"));
        assert!(!has_filter("uper"));
    }
}
