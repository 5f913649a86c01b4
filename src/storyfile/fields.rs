//! Fields of a stage that hold no expression: retry, timeout, edits and the like.

use crate::base::diagnostic::Diagnostic;
use crate::base::duration;
use crate::base::span::Span;
use crate::storyfile::faults::Faults;
use crate::storyfile::model::{Declared, StageText};
use crate::storyfile::prices::{self, Placed};
use crate::storyfile::retry::{self, Retry};
use crate::storyfile::story::{Always, Edits, Tolerance};
use crate::storyfile::tree::{Content, Node};
use std::time::Duration;

/// What all instances of a stage share.
#[derive(Clone, Debug)]
pub struct Fields {
    pub description: Option<String>,
    pub retry: Retry,
    pub timeout: Option<Duration>,
    pub tolerance: Tolerance,
    pub pool: Option<String>,
    pub budget: Option<Placed>,
    pub always: Always,
    pub edits: Edits,
    pub pass: Vec<String>,
}

/// Reads the fields of one stage.
pub fn read(stage: &StageText, declared: &Declared, faults: &mut Faults) -> Fields {
    let flag = |key: &str, faults: &mut Faults| {
        stage.get(key).and_then(|node| faults.truth(&format!("`{key}`"), node)).unwrap_or(false)
    };
    let mut pass = Vec::new();
    for node in [declared.pass.as_ref(), stage.get("pass")].into_iter().flatten().filter(|node| !node.is_null()) {
        for (name, span) in faults.texts("`pass`", node) {
            check_variable(name, span, faults);
            pass.push(name.to_owned());
        }
    }
    pass.sort();
    pass.dedup();
    Fields {
        description: stage
            .own("description")
            .and_then(|node| faults.text("`description`", node))
            .map(|text| text.replace("$${", "${")),
        retry: retry::read(stage, declared, faults),
        timeout: stage.get("timeout").and_then(|node| duration("`timeout`", node, faults)),
        tolerance: if flag("continue_on_error", faults) { Tolerance::Tolerated } else { Tolerance::Fatal },
        pool: pool(stage, declared, faults),
        budget: stage.get("budget").and_then(|node| prices::budget(node, faults)),
        always: if flag("always", faults) { Always::EveryBuild } else { Always::WhenStale },
        edits: edits(stage, faults),
        pass,
    }
}

/// Checks the name of an environment variable.
pub fn check_variable(name: &str, span: Span, faults: &mut Faults) {
    if !crate::storyfile::params::is_identifier(name) {
        faults.push(
            Diagnostic::error("S025", format!("`{name}` cannot name an environment variable"), span)
                .label("not a name")
                .help("use letters, digits and `_`, as in `AWS_PROFILE`"),
        );
    }
}

fn pool(stage: &StageText, declared: &Declared, faults: &mut Faults) -> Option<String> {
    let node = stage.get("pool")?;
    let name = faults.text("`pool`", node)?;
    if !declared.pools.contains_key(name) {
        let known: Vec<&str> = declared.pools.keys().map(String::as_str).collect();
        faults.unknown("S032", "the pool", name, node.span, &known);
        return None;
    }
    Some(name.to_owned())
}

fn edits(stage: &StageText, faults: &mut Faults) -> Edits {
    let Some(node) = stage.get("edits") else { return Edits::Keep };
    match faults.text("`edits`", node) {
        Some("keep") | None => Edits::Keep,
        Some("error") => Edits::Error,
        Some("discard") => Edits::Discard,
        Some("merge") => {
            faults.unbuilt("`edits: merge`", node.span);
            Edits::Keep
        }
        Some(other) => {
            faults.unknown("S024", "the choice", other, node.span, &["keep", "merge", "error", "discard"]);
            Edits::Keep
        }
    }
}

/// Reads `5m`, `1h30m`, `500ms`.
pub fn duration(what: &str, node: &Node, faults: &mut Faults) -> Option<Duration> {
    if matches!(node.value, Content::Map(_) | Content::Seq(_)) {
        faults.sort(what, "a duration", node);
        return None;
    }
    let text = &node.scalar()?.text;
    let parsed = duration::parse(text);
    if parsed.is_none() {
        let help = match text.parse::<f64>() {
            Ok(_) => format!("say the unit: `{text}s` or `{text}m`"),
            Err(_) => "write a number and a unit: `500ms`, `2s`, `5m`, `1h30m`".to_owned(),
        };
        faults.push(
            Diagnostic::error("S026", format!("{what} is no duration"), node.span).label("not a duration").help(help),
        );
    }
    parsed
}
