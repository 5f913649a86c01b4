//! Finds the names in templates that no stage can give a value: told before anything runs. What is tested first, or has a
//! default, may be absent.

use super::Template;
use super::tags::{Tag, is_word};
use crate::base::diagnostic::{Diagnostic, nearest};
use crate::base::span::Span;
use crate::storyfile::expr::root_of;
use crate::storyfile::faults::listed;
use std::collections::{BTreeMap, BTreeSet};

/// What Jinja itself knows.
const OF_JINJA: &[&str] =
    &["range", "dict", "namespace", "debug", "loop", "self", "super", "caller", "varargs", "kwargs"];

/// Words that show that a name may be absent.
const TESTS: &[&str] = &["if", "elif", "is", "default", "d"];

/// What a template may name: roots, each with its fields where all of them are known.
#[derive(Clone, Debug, Default)]
pub struct Known(pub BTreeMap<String, Option<BTreeSet<String>>>);

/// Returns the names in `template` that are not known, each once. `all` are the templates that it is rendered with: what
/// one of them sets, and what one of them tests, the others may use.
pub fn unknown(template: &Template, all: &[&Template], known: &Known) -> Vec<Diagnostic> {
    let tags: Vec<Vec<Tag<'_>>> = all.iter().map(|template| template.tags()).collect();
    let set: BTreeSet<&str> = tags.iter().flatten().flat_map(set_by).collect();
    let own = template.tags();
    let mut seen = BTreeSet::new();
    let mut faults = Vec::new();
    for name in template.names() {
        let root = root_of(&name);
        if set.contains(root) || OF_JINJA.contains(&root) {
            continue;
        }
        let (wrong, message, help) = match known.0.get(root) {
            None => (root.to_owned(), format!("the name `{root}` is not known here"), way_out(root, known)),
            Some(None) => continue,
            Some(Some(fields)) => {
                let Some(field) = name.split('.').nth(1).filter(|field| !fields.contains(*field)) else { continue };
                let near = nearest(field, fields.iter().map(String::as_str));
                let help = match near {
                    Some(near) => format!("did you mean `{root}.{near}`?"),
                    None if fields.is_empty() => format!("this stage has no `{root}`"),
                    None => {
                        format!("known here are {}", listed(&fields.iter().map(String::as_str).collect::<Vec<_>>()))
                    }
                };
                (format!("{root}.{field}"), format!("`{root}` has no `{field}`"), help)
            }
        };
        let is_tested = tags.iter().flatten().any(|tag| !tag.places(&wrong).is_empty() && tests(tag));
        let Some(span) = own.iter().flat_map(|tag| tag.places(&wrong)).next() else { continue };
        if is_tested || is_called(template.source(), span) || !seen.insert(wrong) {
            continue;
        }
        faults.push(Diagnostic::error("S051", message, span).label("not known").help(help));
    }
    faults.sort_by_key(|fault| fault.span);
    faults
}

fn way_out(root: &str, known: &Known) -> String {
    let is_param = known.0.get("params").and_then(Option::as_ref).is_some_and(|params| params.contains(root));
    let roots: Vec<&str> = known.0.keys().map(String::as_str).collect();
    match nearest(root, roots.iter().copied()) {
        _ if is_param => format!("write `params.{root}`"),
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known here are {}", listed(&roots)),
    }
}

/// A method of a map, not a field: `params.items()`.
fn is_called(source: &str, span: Span) -> bool {
    source[span.end as usize..].starts_with('(')
}

/// Returns the names that a statement gives a value, or more: who is in doubt is not told.
fn set_by<'a>(tag: &Tag<'a>) -> Vec<&'a str> {
    let Some((word, rest)) = tag.statement() else { return Vec::new() };
    let targets = match word {
        "for" => rest.split(" in ").next().unwrap_or(rest),
        "set" => rest.split('=').next().unwrap_or(rest),
        "with" | "macro" | "call" | "import" | "from" => rest,
        _ => return Vec::new(),
    };
    targets.split(|c| !is_word(c)).filter(|word| !word.is_empty()).collect()
}

fn tests(tag: &Tag<'_>) -> bool {
    tag.inner.split(|c| !is_word(c)).any(|word| TESTS.contains(&word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(sources: &[&str]) -> Vec<String> {
        let fields = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect());
        let known = [("params", fields(&["tone"])), ("inputs", fields(&["idea"])), ("lang", None)];
        let known = Known(known.map(|(name, fields)| (name.to_owned(), fields)).into());
        let all: Vec<Template> = sources.iter().map(|source| Template::parse("t.j2", source).unwrap()).collect();
        let all: Vec<&Template> = all.iter().collect();
        unknown(all[0], &all, &known)
            .into_iter()
            .map(|fault| format!("{} ({})", fault.message, fault.help.unwrap()))
            .collect()
    }

    #[test]
    fn names_that_nothing_gives_a_value_are_told() {
        assert_eq!(
            messages(&["{{ nope.x }}"]),
            ["the name `nope` is not known here (known here are `inputs`, `lang` and `params`)"]
        );
        assert_eq!(messages(&["{{ tone }}"]), ["the name `tone` is not known here (write `params.tone`)"]);
        assert_eq!(messages(&["{{ params.tonne }}"]), ["`params` has no `tonne` (did you mean `params.tone`?)"]);
        assert_eq!(messages(&["{% if 'x' %}{{ input.idea }}{% endif %}"]).len(), 1);
        assert_eq!(messages(&["{{ a }}{{ a.b }}{{ c }}"]).len(), 2);
    }

    #[test]
    fn what_is_set_tested_or_called_is_not() {
        for source in [
            "{{ params.tone }} {{ inputs.idea.title }} {{ lang.x.y }} {{ inputs[0] }}",
            "{% for c in params.tone %}{{ loop.index }}{{ c.x }}{% endfor %}",
            "{% if lang %}{% set x = 1 %}{% else %}{% set x = 2 %}{% endif %}{{ x }}",
            "{{ nope | default('') }}{{ nope }}",
            "{% if nope is defined %}{{ nope.x }}{% endif %}",
            "{{ params.items() }}{{ range(3) }}",
            "{% macro m(a, b=1) %}{{ a }}{{ b }}{% endmacro %}{{ m(1) }}",
            "{# {{ nope }} #}{% raw %}{{ nope }}{% endraw %}",
        ] {
            assert_eq!(messages(&[source]), Vec::<String>::new(), "{source}");
        }
        assert!(messages(&["{{ c }}", "{% for c in lang %}{% include 't.j2' %}{% endfor %}"]).is_empty());
    }
}
