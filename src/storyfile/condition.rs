//! A condition (`when:`) as it waits for its answer: true, false and why, or what keeps it from being either. Pure.

use crate::base::failure::{Cause, Failure};
use crate::base::path::RepoPath;
use crate::base::span::Span;
use crate::storyfile::expr;
use crate::storyfile::scope::{Scope, View};
use crate::storyfile::story::OutputSort;
use minijinja::value::ValueKind;
use minijinja::{Error, ErrorKind, Value};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

/// The function that asks for a file.
pub const EXISTS: &str = "exists";
/// The function that asks for a program.
pub const HAS: &str = "has";

/// Longest value that an explanation shows.
const SHOWN_MAX: usize = 60;

/// A stage's condition for one instance.
#[derive(Clone, Debug)]
pub struct Condition {
    /// As written.
    pub source: String,
    pub span: Span,
    /// The answer, if nothing outside the Storyfile and its surroundings is asked.
    pub known: Option<Answer>,
    /// The environment variables that it names and that are set.
    pub env: BTreeMap<String, String>,
    /// The declared inputs that it reads, by their role.
    pub roles: Vec<String>,
    /// What `exists(…)` asks for.
    pub paths: Vec<AskedPath>,
    /// What `has(…)` asks for.
    pub programs: Vec<String>,
}

/// A path that a condition asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AskedPath {
    /// As the expression says it.
    pub text: String,
    pub path: RepoPath,
    /// A folder is written `dir/`.
    pub sort: OutputSort,
    pub span: Span,
}

/// What a condition comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    True,
    /// The parts that are false and the values in them, as sentences without a full stop.
    False(Vec<String>),
}

/// What is known of paths and programs, by the words that ask for them.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    pub paths: BTreeMap<String, bool>,
    pub programs: BTreeMap<String, bool>,
}

/// Why an expression is no condition.
#[derive(Debug)]
pub enum Unclear {
    /// It failed.
    Failed(Error),
    /// A part of it has a value, and that is neither true nor false.
    NoTruth { part: String, found: String, help: String },
}

impl Condition {
    /// Returns whether the condition can be answered without any file.
    pub fn asks_no_file(&self) -> bool {
        self.roles.is_empty() && self.paths.is_empty()
    }

    /// Returns the answer for these files and facts.
    pub fn answer(&self, scope: &Scope, facts: &Facts) -> Result<Answer, Failure> {
        let context = context(roots(scope), &self.env, facts);
        answer(&self.source, &context).map_err(|unclear| {
            let hint = match &unclear {
                Unclear::Failed(_) => {
                    "Test what may be missing: `inputs.notes is defined and …`, or add `| default(false)`."
                }
                Unclear::NoTruth { help, .. } => help,
            };
            Failure::new(Cause::Setup, unclear.message(&self.source)).hint(hint)
        })
    }
}

impl Unclear {
    /// Says what is wrong with the condition `source`.
    pub fn message(&self, source: &str) -> String {
        match self {
            Unclear::Failed(error) => format!("`when: {source}` failed: {}", expr::reason(error)),
            Unclear::NoTruth { part, found, .. } if part == source => {
                format!("`when: {source}` is {found}, neither true nor false")
            }
            Unclear::NoTruth { part, found, .. } => format!("`{part}` in `when` is {found}, neither true nor false"),
        }
    }
}

fn roots(scope: &Scope) -> BTreeMap<String, Value> {
    let context = scope.context(View::Content);
    let names = context.try_iter().into_iter().flatten();
    names.filter_map(|name| Some((name.as_str()?.to_owned(), context.get_item(&name).ok()?))).collect()
}

/// Joins what a condition sees: these roots, the variables, and the two functions.
pub fn context(mut roots: BTreeMap<String, Value>, env: &BTreeMap<String, String>, facts: &Facts) -> Value {
    let variables = env.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str())));
    roots.insert("env".into(), variables.collect::<BTreeMap<String, Value>>().into());
    for (name, answers) in [(EXISTS, &facts.paths), (HAS, &facts.programs)] {
        let answers = Arc::new(answers.clone());
        let ask = move |asked: String| {
            let words = || format!("nothing is known of `{asked}`");
            answers.get(&asked).copied().ok_or_else(|| Error::new(ErrorKind::InvalidOperation, words()))
        };
        roots.insert(name.to_owned(), Value::from_function(ask));
    }
    roots.into()
}

/// Evaluates a condition. Only `true` and `false` are answers, of the whole and of what it joins: that a text is not
/// empty, were it `"false"`, is none.
pub fn answer(source: &str, context: &Value) -> Result<Answer, Unclear> {
    Ok(if truth(source, context)? { Answer::True } else { Answer::False(because(source, context)) })
}

/// Evaluates what `and`, `or` and `not` join part by part, as far as it is asked; a part is an expression of its own.
fn truth(source: &str, context: &Value) -> Result<bool, Unclear> {
    let either = parts(source, "or");
    if either.len() > 1 {
        return either.into_iter().try_fold(false, |known, part| Ok(known || truth(part, context)?));
    }
    let both = parts(source, "and");
    if both.len() > 1 {
        return both.into_iter().try_fold(true, |known, part| Ok(known && truth(part, context)?));
    }
    if let Some(rest) = after_not(source) {
        return Ok(!truth(rest, context)?);
    }
    if let Some(inner) = in_brackets(source) {
        return truth(inner, context);
    }
    let value = expr::evaluate(source, context.clone()).map_err(Unclear::Failed)?;
    match value.kind() {
        ValueKind::Bool => Ok(value.is_true()),
        kind => Err(no_truth(source, kind, &value)),
    }
}

fn no_truth(source: &str, kind: ValueKind, value: &Value) -> Unclear {
    let is_name = expr::is_path(source);
    let one = if is_name { source } else { "x" };
    let (found, help) = match kind {
        ValueKind::Undefined | ValueKind::None => (
            "nothing".to_owned(),
            format!("Ask whether it has a value (`{one} is defined`), or add `| default(false)`."),
        ),
        ValueKind::String => (
            format!("the text {}", shown(value)),
            format!("Compare it, as in `{one} == 'yes'`; a param of `type: bool` is true or false by itself."),
        ),
        ValueKind::Number => (format!("the number {value}"), format!("Compare it, as in `{one} > 0`.")),
        ValueKind::Seq | ValueKind::Iterable => {
            ("a list".to_owned(), format!("Ask for its length: `{one} | length > 0`."))
        }
        ValueKind::Map => ("a map".to_owned(), "Name one of its fields.".to_owned()),
        _ => (
            "a file".to_owned(),
            format!("Ask whether it is there (`{one} is defined`) or what it holds (`{one}.text`)."),
        ),
    };
    Unclear::NoTruth { part: source.to_owned(), found, help }
}

/// Returns which parts of a false condition are false, and what their names are.
fn because(source: &str, context: &Value) -> Vec<String> {
    let parts = match parts(source, "or").as_slice() {
        [_] => parts(source, "and"),
        _ => vec![source],
    };
    let mut lines = Vec::new();
    for part in &parts {
        match truth(part, context) {
            Ok(true) => continue,
            Ok(false) => {}
            // What follows a part that is false was never asked.
            Err(_) => break,
        }
        let values: Vec<String> = expr::names(part)
            .iter()
            .filter(|name| *name != part && ![EXISTS, HAS].contains(&name.as_str()))
            .filter_map(|name| Some((name, expr::evaluate(name, context.clone()).ok()?)))
            .filter_map(|(name, value)| Some(format!("`{name}` is {}", told(&value)?)))
            .collect();
        match (values.is_empty(), parts.len()) {
            // Nothing but what the whole says.
            (true, 1) => {}
            (true, _) => lines.push(format!("`{part}` is false")),
            (false, 1) => lines.extend(values),
            (false, _) => lines.push(format!("`{part}` is false: {}", values.join(", "))),
        }
    }
    lines
}

/// Returns a value in few words; `None` for what is too much.
fn told(value: &Value) -> Option<String> {
    match value.kind() {
        ValueKind::Undefined => Some("not set".to_owned()),
        ValueKind::Bool | ValueKind::Number => Some(expr::printed(value)),
        ValueKind::String => Some(shown(value)),
        _ => None,
    }
}

fn shown(value: &Value) -> String {
    let text = value.to_string();
    let end = text.char_indices().nth(SHOWN_MAX).map_or(text.len(), |(at, _)| at);
    let more = if end < text.len() { "…" } else { "" };
    format!("\"{}{more}\"", text[..end].escape_debug())
}

/// Cuts an expression at a word that stands outside of brackets and texts; one with an `if` there is one part.
fn parts<'s>(source: &'s str, separator: &str) -> Vec<&'s str> {
    let words = words(source);
    if words.iter().any(|(word, _)| ["if", "else"].contains(word)) {
        return vec![source];
    }
    let mut parts = Vec::new();
    let mut from = 0;
    for (_, at) in words.iter().filter(|(word, _)| *word == separator) {
        parts.push(source[from..at.start].trim());
        from = at.end;
    }
    parts.push(source[from..].trim());
    parts
}

/// Returns what follows the `not` that an expression without `and` and `or` starts with.
fn after_not(source: &str) -> Option<&str> {
    let words = words(source);
    let (word, at) = words.first()?;
    let joins = |(word, _): &(&str, Range<usize>)| ["if", "else"].contains(word);
    (*word == "not" && source[..at.start].trim().is_empty() && !words.iter().any(joins))
        .then(|| source[at.end..].trim())
}

/// Returns what stands between the brackets around a whole expression.
fn in_brackets(source: &str) -> Option<&str> {
    let tokens = tokens(source);
    let mut depth = 0usize;
    for (index, (token, at)) in tokens.iter().enumerate() {
        match *token {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth = depth.saturating_sub(1),
            // A list in round brackets.
            "," if depth == 1 => return None,
            _ => {}
        }
        if depth == 0 {
            let is_whole = index > 0 && index + 1 == tokens.len() && tokens[0].0 == "(";
            return is_whole.then(|| source[tokens[0].1.end..at.start].trim());
        }
    }
    None
}

/// Returns the names and words outside of quotes and brackets.
fn words(source: &str) -> Vec<(&str, Range<usize>)> {
    let mut depth = 0usize;
    tokens(source)
        .into_iter()
        .filter_map(|(token, at)| {
            match token {
                "(" | "[" | "{" => depth += 1,
                ")" | "]" | "}" => depth = depth.saturating_sub(1),
                word if depth == 0 && is_word(word) => return Some((word, at)),
                _ => {}
            }
            None
        })
        .collect()
}

/// Returns where the arguments of each call of `function` stand.
pub fn calls(source: &str, function: &str) -> Vec<Range<usize>> {
    let tokens = tokens(source);
    let mut found = Vec::new();
    for (index, (token, _)) in tokens.iter().enumerate() {
        let is_field = index > 0 && tokens[index - 1].0 == ".";
        let opens = tokens.get(index + 1).is_some_and(|(next, _)| *next == "(");
        if *token != function || is_field || !opens {
            continue;
        }
        let mut depth = 0usize;
        for (token, at) in &tokens[index + 1..] {
            match *token {
                "(" | "[" | "{" => depth += 1,
                ")" | "]" | "}" => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                found.push(tokens[index + 1].1.end..at.start);
                break;
            }
        }
    }
    found
}

/// Returns where an input as a whole is compared with something: a file is equal to no text, whatever it holds.
pub fn compared_files(source: &str) -> Vec<Range<usize>> {
    let tokens = tokens(source);
    let token = |index: usize| tokens.get(index).map_or("", |(token, _)| *token);
    let compares =
        |index: usize| matches!(token(index), "=" | "<" | ">") || token(index) == "!" && token(index + 1) == "=";
    let mut found = Vec::new();
    for index in 0..tokens.len() {
        let is_field = index > 0 && token(index - 1) == ".";
        if token(index) != "inputs" || is_field {
            continue;
        }
        // `inputs.flag`, or `inputs[0]`.
        let end = match (token(index + 1), token(index + 3)) {
            (".", _) => index + 3,
            ("[", "]") => index + 4,
            _ => continue,
        };
        let is_compared_before = index > 0 && matches!(token(index - 1), "=" | "<" | ">");
        let goes_on = matches!(token(end), "." | "[" | "|" | "(");
        if !goes_on && (compares(end) || is_compared_before) {
            found.push(tokens[index].1.start..tokens[end - 1].1.end);
        }
    }
    found
}

/// Cuts an expression that compiles into words, texts in quotes, and single signs.
fn tokens(source: &str) -> Vec<(&str, Range<usize>)> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(first) = source[at..].chars().next() {
        let rest = &source[at..];
        let length = match first {
            '\'' | '"' => {
                let mut escaped = false;
                let end = rest.char_indices().skip(1).find(|(_, sign)| {
                    let ends = *sign == first && !escaped;
                    escaped = *sign == '\\' && !escaped;
                    ends
                });
                end.map_or(rest.len(), |(end, _)| end + 1)
            }
            _ if is_word(&rest[..first.len_utf8()]) => rest.find(|sign| !is_part(sign)).unwrap_or(rest.len()),
            _ => first.len_utf8(),
        };
        if !first.is_whitespace() {
            tokens.push((&rest[..length], at..at + length));
        }
        at += length;
    }
    tokens
}

fn is_word(token: &str) -> bool {
    token.starts_with(is_part)
}

fn is_part(sign: char) -> bool {
    sign.is_alphanumeric() || sign == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(source: &str) -> Result<Answer, Unclear> {
        let roots = BTreeMap::from([
            ("lang".to_owned(), Value::from("es")),
            ("params".to_owned(), Value::from_pairs([("video", Value::from(false)), ("tone", Value::from("sad"))])),
        ]);
        let facts = Facts {
            paths: BTreeMap::from([("a b.txt".to_owned(), true)]),
            programs: BTreeMap::from([("ffmpeg".to_owned(), false)]),
        };
        let env = BTreeMap::from([("CI".to_owned(), "true".to_owned())]);
        answer(source, &context(roots, &env, &facts))
    }

    #[track_caller]
    fn check(source: &str, because: &[&str]) {
        let Ok(Answer::False(found)) = asked(source) else { panic!("{source}: {:?}", asked(source)) };
        assert_eq!(found, because, "{source}");
    }

    #[test]
    fn a_false_condition_says_which_part_is_false_and_why() {
        check("params.video", &[]);
        check("lang == 'en'", &["`lang` is \"es\""]);
        check("exists('a b.txt') and lang == 'en'", &["`lang == 'en'` is false: `lang` is \"es\""]);
        check("params.video and has('ffmpeg')", &["`params.video` is false", "`has('ffmpeg')` is false"]);
        check("params.video or lang == 'en'", &["`lang` is \"es\"", "`params.video` is false"]);
        check("not (lang == 'es' and true)", &["`lang` is \"es\""]);
        check("env.CI == 'and' and lang in ['es']", &["`env.CI == 'and'` is false: `env.CI` is \"true\""]);
        check("env.NONE is defined and env.NONE == 'x'", &["`env.NONE is defined` is false: `env.NONE` is not set"]);
    }

    #[test]
    fn only_true_and_false_are_answers() {
        for source in [
            "lang == 'es' and not has('ffmpeg')",
            "not params.video and (lang == 'x' or 'and' != lang)",
            "(lang) in ('es', 'en')",
            "not lang not in ['es']",
            "true if lang == 'es' else params.tone",
            "lang is defined and params.none is not defined",
            "(not params.video)",
        ] {
            assert_eq!(asked(source).unwrap(), Answer::True, "{source}");
        }
        for (source, word) in [
            ("lang", "the text \"es\""),
            ("'false'", "the text \"false\""),
            ("1", "the number 1"),
            ("[]", "a list"),
            ("params", "a map"),
            ("params.none", "nothing"),
            ("params.tone and lang == 'es'", "the text \"sad\""),
            ("params.video or params.tone", "the text \"sad\""),
            ("lang == 'es' and (not (params.tone))", "the text \"sad\""),
        ] {
            let Err(Unclear::NoTruth { found, .. }) = asked(source) else { panic!("{source}") };
            assert_eq!(found, word, "{source}");
        }
    }

    #[test]
    fn a_file_that_is_compared_as_a_whole_is_found() {
        let found = |source: &str| -> Vec<String> {
            compared_files(source).into_iter().map(|at| source[at].to_owned()).collect()
        };
        assert_eq!(found("inputs.flag == 'on' or 'on' != inputs[0]"), ["inputs.flag", "inputs[0]"]);
        assert_eq!(found("inputs['a b'] < 'x'"), ["inputs['a b']"]);
        for fine in [
            "inputs.flag.text == 'on'",
            "inputs.flag | trim == 'on'",
            "inputs.flag is defined and x == 1",
            "x == 1 and inputs[0] is defined",
            "inputs | length == 2",
            "'inputs.flag == 1'",
            "inputs.meta.json.n > 1",
        ] {
            assert_eq!(found(fine), Vec::<String>::new(), "{fine}");
        }
    }

    #[test]
    fn calls_are_found_outside_of_texts() {
        let found = |source: &str| -> Vec<String> {
            calls(source, EXISTS).into_iter().map(|at| source[at].to_owned()).collect()
        };
        assert_eq!(found("exists('a') and exists (\"b)\" ~ lang)"), ["'a'", "\"b)\" ~ lang"]);
        assert_eq!(found("'exists(1)' ~ x.exists(2) ~ exists_(3)"), Vec::<String>::new());
        assert_eq!(found("exists(f(1)[0])"), ["f(1)[0]"]);
        assert_eq!(found("exists('it\\'s)')"), ["'it\\'s)'"]);
    }
}
