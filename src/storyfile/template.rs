//! Jinja templates: their names, their includes, and their text for given files. A model's words are never rendered again.

pub mod names;
mod tags;

use crate::base::diagnostic::{Diagnostic, nearest};
use crate::base::failure::{Cause, Failure};
use crate::base::path::RepoPath;
use crate::base::span::Span;
use crate::storyfile::depth;
use crate::storyfile::expr;
use crate::storyfile::scope::{Scope, View};
use crate::storyfile::story::Presence;
use serde_json::Value;
use std::collections::BTreeMap;
use tags::{Tag, TagSort, tags};

/// A template that parses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    name: String,
    source: String,
    includes: Vec<Include>,
}

/// A file that a template includes, extends or imports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Include {
    pub path: RepoPath,
    /// Where the tag stands.
    pub span: Span,
    /// `ignore missing` makes it optional.
    pub presence: Presence,
    pub nesting: Nesting,
}

/// Whether a tag is always come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nesting {
    Always,
    /// It stands under an `if` or a `for`.
    Sometimes,
}

impl Template {
    /// Parses `source`; the diagnostic's place is in it.
    #[expect(clippy::result_large_err, reason = "once a template, never in a loop")]
    pub fn parse(name: &str, source: &str) -> Result<Template, Diagnostic> {
        let read = depth::check_template(source)
            .and_then(|()| expr::ENVIRONMENT.template_from_named_str(name, source).map(drop));
        if let Err(error) = read {
            let span = error.range().map(|range| Span::new(range.start as u32, range.end as u32));
            let at_line = error.line().map(|line| line_span(source, line));
            let fault = Diagnostic::error(
                "S090",
                format!("the template `{name}` cannot be read: {}", expr::reason(&error)),
                span.or(at_line).unwrap_or_default(),
            );
            return Err(fault.label("here").help("Jinja's signs are `{{ value }}`, `{% if … %}` and `{# note #}`"));
        }
        let tags = tags(source);
        if let Some(fault) = tags.iter().find_map(unknown_filter) {
            return Err(fault);
        }
        let includes = includes(name, &tags)?;
        Ok(Template { name: name.to_owned(), source: source.to_owned(), includes })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn source(&self) -> &str {
        &self.source
    }

    /// Returns the dotted names that the template reads, sorted.
    pub fn names(&self) -> Vec<String> {
        let Ok(template) = expr::ENVIRONMENT.template_from_named_str(&self.name, &self.source) else {
            return Vec::new();
        };
        let mut names: Vec<String> = template.undeclared_variables(true).into_iter().collect();
        names.sort();
        names
    }

    /// Returns the constant `include`, `extends` and `import` tags in their order.
    pub fn includes(&self) -> &[Include] {
        &self.includes
    }

    fn tags(&self) -> Vec<Tag<'_>> {
        tags(&self.source)
    }

    /// Returns the text for these files and settings; `included` holds the templates that [`Template::includes`] names.
    pub fn render(&self, scope: &Scope, included: &BTreeMap<String, String>, with: &Value) -> Result<String, Failure> {
        let failed = |error: &minijinja::Error| self.failure(error, included);
        let mut environment = expr::environment();
        for (path, source) in included {
            depth::check_template(source)
                .and_then(|()| environment.add_template(path, source))
                .map_err(|error| failed(&error))?;
        }
        let mut scope = scope.clone();
        if let Value::Object(globals) = &mut scope.globals {
            globals.insert("with".into(), with.clone());
        } else {
            scope.globals = serde_json::json!({ "with": with });
        }
        environment
            .template_from_named_str(&self.name, &self.source)
            .and_then(|template| template.render(scope.context(View::Content)))
            .map_err(|error| failed(&error))
    }

    /// Says what failed with file, line and column, though it be in a template that another includes.
    fn failure(&self, error: &minijinja::Error, included: &BTreeMap<String, String>) -> Failure {
        let mut inner = error;
        while let Some(cause) =
            std::error::Error::source(inner).and_then(|cause| cause.downcast_ref::<minijinja::Error>())
            && cause.line().is_some()
        {
            inner = cause;
        }
        let name = inner.name().unwrap_or(&self.name);
        let source = included.get(name).unwrap_or(&self.source);
        let column = inner.range().map(|range| Span::new(range.start as u32, range.end as u32).line_column(source).1);
        let column = column.map(|column| format!(":{column}")).unwrap_or_default();
        let line = inner.line().map(|line| format!(":{line}{column}")).unwrap_or_default();
        let failure = Failure::new(Cause::Setup, format!("template `{name}{line}`: {}", expr::reason(inner)));
        failure.hint("look at the names in that line; what may be absent needs `{% if … %}` or `| default('')`")
    }
}

/// Finds a filter or a test that does not exist: rendering would find it only when the stage runs.
fn unknown_filter(tag: &Tag<'_>) -> Option<Diagnostic> {
    const FILTERS: [&str; 16] = [
        "default", "join", "upper", "lower", "trim", "slug", "filename", "length", "first", "last", "replace", "round",
        "sort", "title", "tojson", "unique",
    ];
    let mut filters = tag.words_after("|");
    if tag.statement().is_some_and(|(word, _)| word == "filter") {
        filters.extend(tag.words_after("filter"));
    }
    let (name, span) = filters.into_iter().find(|(name, _)| !name.is_empty() && !expr::has_filter(name))?;
    let help = match nearest(name, FILTERS) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known are {}", crate::storyfile::faults::listed(&FILTERS)),
    };
    Some(Diagnostic::error("S058", format!("the filter `{name}` is not known"), span).label("not known").help(help))
}

/// Finds `{% include "x" %}` and the like; a path that is no constant cannot be an input, so it is a fault.
#[expect(clippy::result_large_err, reason = "once a template, never in a loop")]
fn includes(name: &str, tags: &[Tag<'_>]) -> Result<Vec<Include>, Diagnostic> {
    let mut found: Vec<Include> = Vec::new();
    let mut depth = 0usize;
    for tag in tags.iter().filter(|tag| tag.sort == TagSort::Statement) {
        let Some((word, rest)) = tag.statement() else { continue };
        match word {
            "if" | "for" | "macro" => depth += 1,
            "endif" | "endfor" | "endmacro" => depth = depth.saturating_sub(1),
            "include" | "extends" | "import" | "from" => {
                let path = included(rest.trim_start()).map_err(|fault| unknowable(name, &fault, tag.span))?;
                let presence = if rest.contains("ignore missing") { Presence::Optional } else { Presence::Required };
                let nesting = if depth == 0 { Nesting::Always } else { Nesting::Sometimes };
                found.push(Include { path, span: tag.span, presence, nesting });
            }
            _ => {}
        }
    }
    Ok(found)
}

/// Reads the path at the start of `rest`; `Err` says why it cannot be known.
fn included(rest: &str) -> Result<RepoPath, String> {
    let quote = rest.chars().next().filter(|c| ['"', '\''].contains(c));
    let written = quote.and_then(|quote| rest[1..].split_once(quote)).map(|(path, _)| path);
    match written.map(RepoPath::parse) {
        Some(Ok(path)) if Some(path.as_str()) == written => Ok(path),
        Some(Ok(path)) => Err(format!("write the path plainly: `{path}`")),
        Some(Err(fault)) => Err(fault.to_string()),
        None => Err("its path is no constant text in quotes".to_owned()),
    }
}

fn unknowable(name: &str, fault: &str, span: Span) -> Diagnostic {
    Diagnostic::error("S091", format!("the template `{name}` includes a file that cannot be known: {fault}"), span)
        .label("this tag")
        .help(
            "include a file of the repo by its path from the Storyfile's folder: `{% include \"prompts/house.j2\" %}`",
        )
}

fn line_span(source: &str, line: usize) -> Span {
    let start: usize = source.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let length = source[start..].find('\n').unwrap_or(source.len() - start);
    Span::new(start as u32, (start + length) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storyfile::scope::{Plurality, ScopeFile};
    use serde_json::json;

    fn scope(text: &str) -> Scope {
        let file = ScopeFile {
            role: "idea".into(),
            list: Plurality::One,
            path: "idea.txt".into(),
            part: None,
            content: Some(text.as_bytes().into()),
            parsed: None,
        };
        let declared = vec![("idea".into(), Plurality::One), ("notes".into(), Plurality::One)];
        Scope { inputs: vec![file], declared, globals: json!({"params": {"tone": ["sad"]}}), ..Scope::default() }
    }

    fn render(source: &str, included: &[(&str, &str)]) -> Result<String, Failure> {
        let included = included.iter().map(|(path, text)| (path.to_string(), text.to_string())).collect();
        Template::parse("t.j2", source).unwrap().render(&scope("a {{ 1 + 1 }} b"), &included, &json!({"topic": "bus"}))
    }

    #[test]
    fn a_template_sees_files_params_and_settings() {
        let text = render("{{ with.topic }}, {{ params.tone | join }}{% if inputs.notes %} never{% endif %}", &[]);
        assert_eq!(text.unwrap(), "bus, sad");
    }

    #[test]
    fn a_template_writes_truth_as_the_storyfile_does_and_a_param_without_a_value_is_undefined() {
        let template = Template::parse("t", "{{ params.b }} {{ params.o | default('none') }}").unwrap();
        let scope = Scope { globals: json!({"params": {"b": true, "o": null}}), ..Scope::default() };
        assert_eq!(template.render(&scope, &BTreeMap::new(), &json!({})).unwrap(), "true none");
    }

    #[test]
    fn template_signs_in_a_file_stay_text() {
        assert_eq!(render("{{ inputs.idea }}", &[]).unwrap(), "a {{ 1 + 1 }} b");
    }

    #[test]
    fn a_missing_name_is_a_failure_with_its_line() {
        let failure = render("one\n{{ params.typo }}", &[]).unwrap_err();
        assert!(failure.message.starts_with("template `t.j2:2:4`: "), "{}", failure.message);
    }

    #[test]
    fn what_fails_in_an_included_template_is_told_with_its_own_place() {
        let included = [("p/inc.j2", "fine\n{{ with.nope.x }}"), ("p/mid.j2", "{% include 'p/inc.j2' %}")];
        let failure = render("one\n{% include 'p/mid.j2' %}", &included).unwrap_err();
        assert!(failure.message.starts_with("template `p/inc.j2:2:8`: "), "{}", failure.message);
        assert!(!failure.message.contains("error in"), "{}", failure.message);
    }

    #[test]
    fn a_filter_that_does_not_exist_is_found_without_rendering() {
        for source in ["{% if x %}{{ y | uper }}{% endif %}", "{% filter uper %}a{% endfilter %}", "{{ 'a|b' | uper }}"]
        {
            let fault = Template::parse("t", source).unwrap_err();
            assert_eq!((fault.code, fault.help.as_deref()), ("S058", Some("did you mean `upper`?")), "{source}");
            let span = fault.span.unwrap();
            assert_eq!(&source[span.start as usize..span.end as usize], "uper");
        }
        assert!(Template::parse("t", "{{ 'a | uper' }} | uper {# | uper #}").is_ok());
    }

    #[test]
    fn an_include_knows_whether_it_must_be_there_and_is_always_come_to() {
        let source = "{% include 'a' %}{% if x %}{% include 'b' ignore missing %}{% endif %}{% include 'c' %}";
        let template = Template::parse("t", source).unwrap();
        let found: Vec<_> = template.includes().iter().map(|include| (include.presence, include.nesting)).collect();
        let required = (Presence::Required, Nesting::Always);
        assert_eq!(found, [required, (Presence::Optional, Nesting::Sometimes), required]);
    }

    #[test]
    fn an_endless_template_is_stopped() {
        let failure =
            render("{% for a in range(9999) %}{% for b in range(9999) %}{{ a * b }}{% endfor %}{% endfor %}", &[]);
        assert!(failure.unwrap_err().message.contains("too many steps"));
    }

    #[test]
    fn constant_includes_are_known_and_others_refused() {
        let template =
            Template::parse("t", "{% extends 'a/base.j2' %}{%- include \"b.j2\" %}{% from 'b.j2' import x %}").unwrap();
        let paths: Vec<&str> = template.includes().iter().map(|include| include.path.as_str()).collect();
        assert_eq!(paths, ["a/base.j2", "b.j2", "b.j2"]);
        assert_eq!(Template::parse("t", "{% include name %}").unwrap_err().code, "S091");
        assert_eq!(Template::parse("t", "{% include '../x' %}").unwrap_err().code, "S091");
        assert_eq!(render("{% include 'b.j2' %}", &[("b.j2", "in {{ with.topic }}")]).unwrap(), "in bus");
    }

    #[test]
    fn names_are_dotted() {
        let template =
            Template::parse("t", "{% for c in inputs.chapters %}{{ c.title }}{% endfor %}{{ params.tone }}").unwrap();
        assert_eq!(template.names(), ["inputs.chapters", "params.tone"]);
    }

    #[test]
    fn a_template_that_does_not_parse_says_where() {
        let fault = Template::parse("t.j2", "fine\n{% if x %}\nno end").unwrap_err();
        assert_eq!(fault.code, "S090");
        assert!(fault.span.is_some());
    }
}
