//! Reads `when:` into a [`Condition`]: which names, files and programs it asks for, and its answer if that is known already.

use crate::base::diagnostic::Diagnostic;
use crate::base::span::Span;
use crate::storyfile::condition::{self, AskedPath, Condition, EXISTS, Facts, HAS, Unclear};
use crate::storyfile::expr;
use crate::storyfile::faults::Faults;
use crate::storyfile::model::StageText;
use crate::storyfile::paths;
use crate::storyfile::settle::Names;
use crate::storyfile::slips::check_filters;
use crate::storyfile::spot::Spot;
use crate::storyfile::story::OutputSort;
use crate::storyfile::tree::Node;
use std::collections::BTreeMap;

/// Reads the condition of one instance. Faults are reported; `None` then, and where there is no condition.
pub fn read(stage: &StageText, names: &Names, faults: &mut Faults) -> Option<Condition> {
    let node = stage.own("when")?;
    let text = faults.text("`when`", node)?;
    if is_in_braces(text, node, faults) {
        return None;
    }
    let source = text.trim();
    let start = text.len() - text.trim_start().len();
    let spot = Spot::new(node.span, text, start..start + source.len());
    if let Err(error) = expr::compile(source) {
        let message = if source.is_empty() {
            "`when` is empty".to_owned()
        } else {
            format!("`{source}` is no expression: {}", expr::reason(&error))
        };
        let fault = Diagnostic::error("S050", message, faults.locate(spot)).label("cannot be read");
        faults.push(fault.help("a condition compares and joins: `params.video and lang == 'en'`, `not has('ffmpeg')`"));
        return None;
    }
    let known = look_up(spot, names, faults);
    let known = check_filters(spot, faults) && known && files_are_read(spot, faults);
    let env = variables(spot, names, faults)?;
    if !known {
        return None;
    }
    // What an item would say is not known: its name is checked, and the condition is asked once the item is there.
    if expr::names(source).iter().any(|name| names.open.contains(expr::root_of(name))) {
        return None;
    }
    let asking = Asking { names, env: &env, source, spot };
    let paths = asking.paths(faults);
    let programs = asking.programs(faults);
    let (paths, programs) = (paths?, programs?);
    let mut condition =
        Condition { source: source.to_owned(), span: node.span, known: None, env, roles: Vec::new(), paths, programs };
    condition.roles = roles(source, names);
    tried(&mut condition, names, spot, faults)?;
    Some(condition)
}

/// `when: ${…}` and `when: "{{ … }}"`: the braces of texts and of templates.
fn is_in_braces(text: &str, node: &Node, faults: &mut Faults) -> bool {
    let (braces, bare) = if text.contains("${") {
        ("no `${…}` here", text.replace("${", "").replace('}', ""))
    } else if text.trim_start().starts_with("{{") {
        ("no `{{ … }}` here", text.replace("{{", "").replace("}}", ""))
    } else {
        return false;
    };
    faults.push(
        Diagnostic::error("S015", "`when:` is an expression already", node.span)
            .label(braces)
            .help(format!("write `when: {}`", bare.trim())),
    );
    true
}

/// Checks every name that the condition reads.
fn look_up(spot: Spot, names: &Names, faults: &mut Faults) -> bool {
    let source = spot.found();
    let mut fine = true;
    for name in expr::names(source) {
        let place = spot.name(&name);
        fine &= match expr::root_of(&name) {
            root @ (EXISTS | HAS) => {
                let is_called = name == root && !condition::calls(source, root).is_empty();
                if !is_called {
                    let example = if root == HAS { "has('ffmpeg')" } else { "exists('notes.md')" };
                    faults.push(
                        Diagnostic::error("S172", format!("`{root}` is asked for nothing"), faults.locate(place))
                            .label("this asks for something")
                            .help(format!("write `{example}`")),
                    );
                }
                is_called
            }
            root @ ("outputs" | "needs" | "with") => {
                faults.push(
                    Diagnostic::error("S170", format!("a condition cannot read `{root}`"), faults.locate(place))
                        .label("not here")
                        .help("it may read `params`, the axes, `env`, `stage` and `inputs`, and ask `exists('path')` and `has('program')`"),
                );
                false
            }
            "env" if name == "env" => {
                let fault = Diagnostic::error("S170", "a condition reads variables by name", faults.locate(place));
                faults.push(fault.label("which one?").help("write `env.CI`, with the variable's name"));
                false
            }
            "env" => true,
            "yes" | "no" | "on" | "off" if name == source && !names.roots.contains_key(&name) => {
                let truth = matches!(source, "yes" | "on");
                let message = format!("`{name}` is text in YAML 1.2, neither true nor false");
                let fault = Diagnostic::error("S171", message, faults.locate(place));
                faults.push(fault.label("no answer").help(format!("write `when: {truth}`")));
                false
            }
            _ => names.check_name(&name, place, faults),
        };
    }
    fine
}

/// Refuses to compare a file with a text: that would always be false.
fn files_are_read(spot: Spot, faults: &mut Faults) -> bool {
    let compared = condition::compared_files(spot.found());
    for at in &compared {
        let file = &spot.found()[at.clone()];
        faults.push(
            Diagnostic::error(
                "S171",
                format!("`{file}` is a file, and equal to no text"),
                faults.locate(spot.part(at.clone())),
            )
            .label("what of it?")
            .help(format!("compare what it holds: `{file}.text | trim == 'yes'`, `{file}.json.field`")),
        );
    }
    compared.is_empty()
}

/// Returns the variables that the condition names and that are set: one that is not is undefined, and may be tested.
fn variables(spot: Spot, names: &Names, faults: &mut Faults) -> Option<BTreeMap<String, String>> {
    let mut env = BTreeMap::new();
    let mut fine = true;
    for name in expr::names(spot.found()) {
        let Some(variable) = name.strip_prefix("env.").and_then(|rest| rest.split('.').next()) else { continue };
        if names.variables.is_secret(variable) {
            // Explanations show what made a condition false.
            faults.push(
                Diagnostic::error(
                    "S056",
                    format!("`{variable}` is a secret, and a condition's values are shown"),
                    faults.locate(spot.name(&name)),
                )
                .label("a secret")
                .help("let a param or another variable say what you want to know"),
            );
            fine = false;
        } else if let Some(value) = names.variables.look_up(variable) {
            env.insert(variable.to_owned(), value);
        }
    }
    fine.then_some(env)
}

/// Returns the declared inputs that a condition reads.
fn roles(source: &str, names: &Names) -> Vec<String> {
    let mut roles: Vec<String> = Vec::new();
    for name in expr::names(source).iter().filter(|name| expr::root_of(name) == "inputs") {
        match name.split('.').nth(1) {
            Some(role) if names.inputs.iter().any(|known| known == role) => roles.push(role.to_owned()),
            // `inputs[0]`, `inputs | length`: any of them.
            _ => return names.inputs.clone(),
        }
    }
    roles.dedup();
    roles
}

/// What `exists` and `has` are asked.
struct Asking<'a> {
    names: &'a Names<'a>,
    env: &'a BTreeMap<String, String>,
    source: &'a str,
    spot: Spot<'a>,
}

impl Asking<'_> {
    fn paths(&self, faults: &mut Faults) -> Option<Vec<AskedPath>> {
        let before = faults.count();
        let mut paths = Vec::new();
        for (text, span) in self.texts(EXISTS, faults) {
            if paths::is_pattern(&text) || text.contains('?') {
                let fault = Diagnostic::error("S172", format!("`exists` asks for one path, not for `{text}`"), span);
                faults.push(fault.label("a pattern").help(
                    "declare the pattern under `inputs:` and ask how many it found: `inputs.chapters | length > 0`",
                ));
                continue;
            }
            let sort = if text.ends_with('/') { OutputSort::Tree } else { OutputSort::File };
            let written = self.names.home.from_root(&text);
            paths.extend(paths::parse(&written, span, faults).map(|path| AskedPath { text, path, sort, span }));
        }
        (faults.count() == before).then_some(paths)
    }

    fn programs(&self, faults: &mut Faults) -> Option<Vec<String>> {
        let before = faults.count();
        let mut programs = Vec::new();
        for (text, span) in self.texts(HAS, faults) {
            if text.is_empty() || text.contains(['/', '\\']) {
                let message = format!("`has` asks for a program by its name, not for `{text}`");
                let fault = Diagnostic::error("S172", message, span).label("not a name");
                faults.push(fault.help("a file of the repo is asked for by `exists('tools/x')`"));
            }
            programs.push(text);
        }
        programs.sort();
        programs.dedup();
        (faults.count() == before).then_some(programs)
    }

    /// Returns what each call of a function asks for: a text that is known now.
    fn texts(&self, function: &str, faults: &mut Faults) -> Vec<(String, Span)> {
        let mut texts = Vec::new();
        let context = condition::context(self.names.roots.clone(), self.env, &Facts::default());
        for at in condition::calls(self.source, function) {
            let argument = self.source[at.clone()].trim();
            let place = faults.locate(self.spot.part(at));
            let is_late = expr::names(argument).iter().any(|name| expr::root_of(name) == "inputs");
            let value = expr::evaluate(argument, context.clone()).ok().filter(|_| !is_late);
            if let Some(text) = value.as_ref().and_then(|value| value.as_str()) {
                texts.push((text.to_owned(), place));
                continue;
            }
            let why = if is_late { "which must be known before anything runs" } else { "which must be one text" };
            let message = format!("`{function}` is asked for `{argument}`, {why}");
            faults.push(Diagnostic::error("S172", message, place).label("this").help(
                "write a text in quotes; `params`, the axes, `env` and `stage` may stand in it: `'build/' ~ lang`",
            ));
        }
        texts
    }
}

/// Answers what can be answered now; where only paths and programs are open, tries both answers of each for a condition
/// that would be neither true nor false.
fn tried(condition: &mut Condition, names: &Names, spot: Spot, faults: &mut Faults) -> Option<()> {
    if !condition.roles.is_empty() || expr::names(&condition.source).iter().any(|name| expr::root_of(name) == "inputs")
    {
        return Some(());
    }
    let is_open = !condition.paths.is_empty() || !condition.programs.is_empty();
    for assumed in [true, false] {
        let facts = Facts {
            paths: condition.paths.iter().map(|asked| (asked.text.clone(), assumed)).collect(),
            programs: condition.programs.iter().map(|program| (program.clone(), assumed)).collect(),
        };
        let context = condition::context(names.roots.clone(), &condition.env, &facts);
        match condition::answer(&condition.source, &context) {
            Ok(answer) if !is_open => condition.known = Some(answer),
            Ok(_) => {}
            Err(unclear) => {
                let fault = match unset(condition, &unclear) {
                    Some(name) => unset_fault(&name, faults.locate(spot.name(&name))),
                    None => unclear_fault(&condition.source, unclear, spot, faults),
                };
                faults.push(fault);
                return None;
            }
        }
        if !is_open {
            break;
        }
    }
    Some(())
}

/// Returns the variable that is not set, if that is why a condition failed.
fn unset(condition: &Condition, unclear: &Unclear) -> Option<String> {
    let Unclear::Failed(error) = unclear else { return None };
    let names = expr::names(&condition.source);
    let is_unset = |name: &&String| name.strip_prefix("env.").is_some_and(|name| !condition.env.contains_key(name));
    names.iter().find(is_unset).filter(|_| error.kind() == minijinja::ErrorKind::UndefinedError).cloned()
}

fn unset_fault(name: &str, place: Span) -> Diagnostic {
    let variable = name.trim_start_matches("env.");
    Diagnostic::error("S055", format!("the environment variable `{variable}` is not set"), place)
        .label("not set")
        .help(format!("ask first whether it is (`{name} is defined and …`), or give a default: `{name} | default('')`"))
}

fn unclear_fault(source: &str, unclear: Unclear, spot: Spot, faults: &Faults) -> Diagnostic {
    let message = unclear.message(source);
    match unclear {
        Unclear::Failed(_) => Diagnostic::error("S052", message, faults.locate(spot))
            .label("this condition")
            .help("look at the values that it uses; what may be missing is asked first: `params.x is defined and …`"),
        Unclear::NoTruth { part, help, .. } => {
            Diagnostic::error("S171", message, faults.locate(spot.name(&part))).label("no answer").help(help)
        }
    }
}
