//! Jinja templates: their names, their includes, and their text for given files. A model's words are never rendered again.

use crate::base::diagnostic::Diagnostic;
use crate::base::failure::{Cause, Failure};
use crate::base::path::RepoPath;
use crate::base::span::Span;
use crate::storyfile::depth;
use crate::storyfile::expr;
use crate::storyfile::scope::{Scope, View};
use serde_json::Value;
use std::collections::BTreeMap;

/// A template that parses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    name: String,
    source: String,
    includes: Vec<RepoPath>,
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
        let includes = includes(name, source)?;
        Ok(Template { name: name.to_owned(), source: source.to_owned(), includes })
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

    /// Returns the paths of constant `include`, `extends` and `import` tags, each once, in their order.
    pub fn includes(&self) -> Vec<RepoPath> {
        self.includes.clone()
    }

    /// Returns the text for these files and settings; `included` holds the templates that [`Template::includes`] names.
    pub fn render(&self, scope: &Scope, included: &BTreeMap<String, String>, with: &Value) -> Result<String, Failure> {
        let mut environment = expr::environment();
        for (path, source) in included {
            depth::check_template(source)
                .and_then(|()| environment.add_template(path, source))
                .map_err(|error| self.failure(&error))?;
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
            .map_err(|error| self.failure(&error))
    }

    fn failure(&self, error: &minijinja::Error) -> Failure {
        let name = error.name().unwrap_or(&self.name);
        let line = error.line().map(|line| format!(":{line}")).unwrap_or_default();
        let failure = Failure::new(Cause::Setup, format!("template `{name}`{line}: {}", expr::reason(error)));
        failure.hint("look at the names in that line; what may be absent needs `{% if … %}` or `| default('')`")
    }
}

/// Finds `{% include "x" %}` and the like; a path that is no constant cannot be an input, so it is a fault.
#[expect(clippy::result_large_err, reason = "once a template, never in a loop")]
fn includes(name: &str, source: &str) -> Result<Vec<RepoPath>, Diagnostic> {
    let mut paths: Vec<RepoPath> = Vec::new();
    let mut at = 0;
    while let Some(found) = source[at..].find("{%").map(|found| at + found) {
        let Some(end) = source[found..].find("%}").map(|end| found + end) else { break };
        at = end;
        let inner = source[found + 2..end].trim_start_matches(['-', '+']).trim_start();
        let Some(rest) = ["include", "extends", "import", "from"].iter().find_map(|tag| inner.strip_prefix(tag)) else {
            if inner.starts_with("raw") {
                at = source[end..].find("endraw").map_or(source.len(), |raw| end + raw);
            }
            continue;
        };
        if !rest.starts_with([' ', '\t', '\n', '"', '\'']) {
            continue;
        }
        let rest = rest.trim_start();
        let span = Span::new(found as u32, (end + 2) as u32);
        let quote = rest.chars().next().filter(|c| ['"', '\''].contains(c));
        let path = quote.and_then(|quote| rest[1..].split_once(quote)).map(|(path, _)| path);
        let fault = match path.map(RepoPath::parse) {
            Some(Ok(path)) if path.as_str() == path_as_written(rest) => {
                if !paths.contains(&path) {
                    paths.push(path);
                }
                continue;
            }
            Some(Ok(path)) => format!("write the path plainly: `{path}`"),
            Some(Err(fault)) => fault.to_string(),
            None => "its path is no constant text in quotes".to_owned(),
        };
        return Err(Diagnostic::error(
            "S091",
            format!("the template `{name}` includes a file that cannot be known: {fault}"),
            span,
        )
        .label("this tag")
        .help(
            "include a file of the repo by its path from the Storyfile's folder: `{% include \"prompts/house.j2\" %}`",
        ));
    }
    Ok(paths)
}

fn path_as_written(rest: &str) -> &str {
    rest[1..].split(['"', '\'']).next().unwrap_or("")
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
        assert!(failure.message.starts_with("template `t.j2`:2: "), "{}", failure.message);
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
        let paths: Vec<String> = template.includes().into_iter().map(String::from).collect();
        assert_eq!(paths, ["a/base.j2", "b.j2"]);
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
