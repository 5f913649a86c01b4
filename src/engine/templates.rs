//! Reads the templates that stages name: what they include becomes an input, and what is wrong with them is told before
//! anything runs. Where a stage writes a template, it is judged when it is rendered.

use crate::base::diagnostic::{Diagnostic, Source};
use crate::base::path::RepoPath;
use crate::base::span::Span;
use crate::engine::workflow::Find;
use crate::storyfile::scope::is_named_by_user;
use crate::storyfile::story::{Action, Presence, Work};
use crate::storyfile::template::names::{Known, unknown};
use crate::storyfile::template::{Include, Nesting, Template};
use crate::world::disk::Sort;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

/// The templates that were read for one graph, each once.
#[derive(Default)]
pub struct Templates {
    read: BTreeMap<RepoPath, Option<Rc<Read>>>,
    told: BTreeSet<(String, Option<Span>, String)>,
}

/// A template that stands.
struct Read {
    source: Arc<Source>,
    template: Result<Template, Box<Diagnostic>>,
}

/// A file that a template includes, directly or not.
pub struct Included {
    pub path: RepoPath,
    pub presence: Presence,
}

/// What a template is read for.
pub struct Reader<'a> {
    pub action: &'a Action,
    /// The names of the params.
    pub params: &'a BTreeSet<String>,
    /// Tells whether a stage makes a file.
    pub is_made: &'a dyn Fn(&RepoPath) -> bool,
}

impl Templates {
    /// Returns what the template at `main` includes, directly or not, each once; pushes what is wrong with them.
    pub fn bind(
        &mut self,
        main: &RepoPath,
        reader: &Reader<'_>,
        find: &mut dyn Find,
        faults: &mut Vec<Diagnostic>,
    ) -> Vec<Included> {
        let mut found: Vec<Included> = Vec::new();
        let mut open = vec![main.clone()];
        while let Some(path) = open.pop() {
            let Some(read) = self.read(&path, find) else { continue };
            let is_source = !(reader.is_made)(&path);
            let includes = match &read.template {
                Ok(template) => template.includes(),
                Err(fault) => {
                    if is_source {
                        self.tell((**fault).clone(), &read.source, faults);
                    }
                    continue;
                }
            };
            for include in includes {
                if is_source && let Some(fault) = unreadable(include, reader, find) {
                    self.tell(fault, &read.source, faults);
                }
                match found.iter_mut().find(|known| known.path == include.path) {
                    _ if include.path == *main => {}
                    Some(known) if include.presence == Presence::Required => known.presence = Presence::Required,
                    Some(_) => {}
                    None => {
                        found.push(Included { path: include.path.clone(), presence: include.presence });
                        open.push(include.path.clone());
                    }
                }
            }
        }
        let members: Vec<&RepoPath> =
            std::iter::once(main).chain(found.iter().map(|included| &included.path)).collect();
        if !members.iter().any(|path| (reader.is_made)(path)) {
            self.look_through(&members, reader, faults);
        }
        found
    }

    /// Looks for what shows only in all of them together: circles, and names that nothing gives a value.
    fn look_through(&mut self, members: &[&RepoPath], reader: &Reader<'_>, faults: &mut Vec<Diagnostic>) {
        let reads: Vec<Rc<Read>> = members.iter().filter_map(|path| self.read.get(*path).cloned().flatten()).collect();
        if let Some((fault, source)) = self.circle(members[0]) {
            self.tell(fault, &source, faults);
        }
        let all: Vec<&Template> = reads.iter().filter_map(|read| read.template.as_ref().ok()).collect();
        if all.len() < members.len() {
            return;
        }
        let known = known(reader.params, reader.action);
        for (read, template) in reads.iter().zip(&all) {
            for fault in unknown(template, &all, &known) {
                self.tell(fault, &read.source, faults);
            }
        }
    }

    /// Finds a circle of includes that are always come to. An explicit stack: chains may be long.
    fn circle(&self, main: &RepoPath) -> Option<(Diagnostic, Arc<Source>)> {
        let always = |path: &RepoPath| -> Vec<Include> {
            let template = self.read.get(path).and_then(Option::as_ref).and_then(|read| read.template.as_ref().ok());
            let includes = template.map_or(&[][..], Template::includes);
            includes.iter().filter(|include| include.nesting == Nesting::Always).cloned().collect()
        };
        let mut done: BTreeSet<RepoPath> = BTreeSet::new();
        let mut stack = vec![(main.clone(), always(main))];
        while let Some((path, rest)) = stack.last_mut() {
            let Some(include) = rest.pop() else {
                done.insert(path.clone());
                stack.pop();
                continue;
            };
            if let Some(start) = stack.iter().position(|(path, _)| *path == include.path) {
                let mut names: Vec<&str> = stack[start..].iter().map(|(path, _)| path.as_str()).collect();
                names.push(include.path.as_str());
                let message = format!("templates include each other in a circle: {}", names.join(" → "));
                let fault = Diagnostic::error("S092", message, include.span).label("the circle closes here");
                let fault = fault.help("take the tag away, or let it stand under an `{% if … %}` that ends it");
                let last = &stack.last().expect("the stack holds the path to the circle").0;
                return self.read.get(last)?.as_ref().map(|read| (fault, read.source.clone()));
            }
            if !done.contains(&include.path) {
                let includes = always(&include.path);
                stack.push((include.path, includes));
            }
        }
        None
    }

    fn read(&mut self, path: &RepoPath, find: &mut dyn Find) -> Option<Rc<Read>> {
        if let Some(read) = self.read.get(path) {
            return read.clone();
        }
        let read = find.read(path).map(|bytes| Rc::new(Read::of(path, &bytes)));
        self.read.insert(path.clone(), read.clone());
        read
    }

    /// Reports a fault of a template's text, once for all stages that read it.
    fn tell(&mut self, fault: Diagnostic, source: &Arc<Source>, faults: &mut Vec<Diagnostic>) {
        if self.told.insert((source.name.clone(), fault.span, fault.message.clone())) {
            faults.push(fault.in_file(source));
        }
    }
}

impl Read {
    fn of(path: &RepoPath, bytes: &[u8]) -> Read {
        let bytes = bytes.strip_prefix("\u{FEFF}".as_bytes()).unwrap_or(bytes);
        let text = String::from_utf8_lossy(bytes).into_owned();
        let template = match std::str::from_utf8(bytes) {
            Ok(text) => Template::parse(path.as_str(), text).map_err(Box::new),
            Err(error) => {
                let at = u32::try_from(error.valid_up_to()).unwrap_or(u32::MAX);
                let message = format!("the template `{path}` is no UTF-8 text: byte {at} is wrong");
                let fault = Diagnostic::error("S090", message, Span::new(at, at + 1)).label("here");
                Err(Box::new(fault.help("save the file as UTF-8")))
            }
        };
        Read { source: Arc::new(Source { name: path.to_string(), text }), template }
    }
}

fn unreadable(include: &Include, reader: &Reader<'_>, find: &mut dyn Find) -> Option<Diagnostic> {
    let path = &include.path;
    if (reader.is_made)(path) {
        return None;
    }
    match find.sort(path) {
        None if include.presence == Presence::Required => Some(
            Diagnostic::error("S101", format!("`{path}`, which the template includes, is not there"), include.span)
                .label("not found")
                .help("make the file, correct the path, or write `ignore missing` after it"),
        ),
        Some(Sort::Dir) => Some(
            Diagnostic::error("S102", format!("`{path}`, which the template includes, is a folder"), include.span)
                .label("a folder")
                .help("name a file"),
        ),
        _ => None,
    }
}

/// Returns what the templates of a stage may name.
pub fn known(params: &BTreeSet<String>, action: &Action) -> Known {
    let all = |names: &mut dyn Iterator<Item = String>| Some(names.collect::<BTreeSet<String>>());
    let inputs = action.inputs.iter().map(|input| &input.role).chain(&action.absent);
    let inputs = inputs.filter(|role| is_named_by_user(role));
    let mut roots = BTreeMap::from([
        ("params".to_owned(), Some(params.clone())),
        ("stage".to_owned(), all(&mut ["name", "id", "key"].map(str::to_owned).into_iter())),
        ("inputs".to_owned(), all(&mut inputs.cloned())),
        ("outputs".to_owned(), all(&mut action.outputs.iter().map(|output| output.slot.clone()))),
        ("needs".to_owned(), all(&mut action.needs.iter().map(|need| need.called.clone()))),
    ]);
    if let Work::Kind { with, .. } = &action.work {
        roots.insert("with".to_owned(), all(&mut with.names().map(str::to_owned)));
    }
    roots.extend(action.axes.keys().map(|axis| (axis.clone(), None)));
    roots.extend(action.row.iter().map(|row| ("batch".to_owned(), Some(row.cells.keys().cloned().collect()))));
    if !action.axes.is_empty() {
        roots.extend(["item", "prev"].map(|name| (name.to_owned(), None)));
    }
    Known(roots)
}
