//! `include`: files of stages and params from other folders of the repo, each with its own places.

use crate::base::diagnostic::Diagnostic;
use crate::base::path::RepoPath;
use crate::base::sources::Sources;
use crate::base::span::Span;
use crate::storyfile::fixed;
use crate::storyfile::home::Home;
use crate::storyfile::parse::{Parsed, Reading, is_blank, parse};
use crate::storyfile::tree::{Content, Entry, Node};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Most files of one story.
const FILES_MAX: usize = 1000;
/// Keys of an included file, beside `x-…`.
const KEYS: [&str; 3] = ["stages", "params", "include"];

/// Reads a file of the repo as text, or says why it cannot be read.
pub type ReadFile<'a> = &'a dyn Fn(&RepoPath) -> Result<String, String>;

/// What the included files come to.
#[derive(Default)]
pub struct Included {
    /// All of them, in the order in which they were read.
    pub files: Vec<RepoPath>,
    /// Where stages and params that they declare are at home, by their full names.
    pub stages: BTreeMap<String, Home>,
    pub params: BTreeMap<String, Home>,
    pub faults: Vec<Diagnostic>,
    pub damaged: Vec<Span>,
    /// Whether all that they declare is known; `None` if there are none.
    pub reading: Option<Reading>,
}

/// A file to be read, and the files that led to it.
struct Open {
    path: RepoPath,
    /// Where it is named.
    span: Span,
    chain: Vec<RepoPath>,
}

/// Reads what the Storyfile `main` includes, directly or not, and adds its stages and params to the tree.
pub fn include(root: Arc<Node>, main: &str, read: ReadFile<'_>, sources: &mut Sources) -> (Arc<Node>, Included) {
    let mut included = Included::default();
    let Some(node) = root.get("include") else { return (root, included) };
    let start: Vec<RepoPath> = RepoPath::parse(main).into_iter().collect();
    let mut open = named(node, &Home::default(), &start, &mut included.faults);
    let mut sections = Sections::of(&root);
    // Depth first with an explicit stack: chains may be long, and a circle closes on the way down.
    while let Some(Open { path, span, chain }) = open.pop() {
        if let Some(from) = chain.iter().position(|above| *above == path) {
            included.faults.push(circle(&chain[from..], &path, span));
            continue;
        }
        if included.files.contains(&path) {
            continue;
        }
        if included.files.len() >= FILES_MAX {
            let fault = Diagnostic::error("S009", format!("more than {FILES_MAX} files are included"), span);
            included.faults.push(fault.label("one too many").help("put the stages of a folder into one file"));
            break;
        }
        included.files.push(path.clone());
        let text = match read(&path) {
            Ok(text) => text,
            Err(why) => {
                let fault = Diagnostic::error("S131", format!("`{path}` cannot be included: {why}"), span);
                included.faults.push(fault.label("not read").help("make the file, or correct its path"));
                included.reading = Some(Reading::Patched);
                continue;
            }
        };
        if is_blank(&text) {
            continue;
        }
        let Parsed { root: tree, mut faults, mut damaged, reading } =
            parse(&text).moved(sources.add(path.as_str(), &text));
        included.faults.append(&mut faults);
        included.damaged.append(&mut damaged);
        included.reading = Some(included.reading.map_or(reading, |so_far| so_far.and(reading)));
        let Some(tree) = tree else {
            included.reading = Some(Reading::Patched);
            continue;
        };
        let home = Home::of(&path);
        if let Some(fault) = unnamable(&home, span) {
            included.faults.push(fault);
            included.reading = Some(Reading::Patched);
            continue;
        }
        check_keys(&tree, &path, &mut included.faults);
        sections.take(&tree, &home, &mut included);
        if let Some(node) = tree.get("include") {
            let chain = [&chain[..], &[path]].concat();
            open.extend(named(node, &home, &chain, &mut included.faults));
        }
    }
    (sections.over(root), included)
}

/// Returns the files that an `include:` names, the last first: they are taken from the end.
fn named(node: &Node, home: &Home, chain: &[RepoPath], faults: &mut Vec<Diagnostic>) -> Vec<Open> {
    let items: Vec<&Node> = match &node.value {
        Content::Seq(items) => items.iter().map(AsRef::as_ref).collect(),
        _ if node.is_null() => Vec::new(),
        _ => vec![node],
    };
    let mut open = Vec::new();
    for item in items {
        let Some(scalar) = item.scalar().filter(|_| !item.is_null()) else {
            let fault = Diagnostic::error("S021", format!("`include` names files, not {}", item.sort()), item.span);
            faults
                .push(fault.label(format!("this is {}", item.sort())).help("write `include: [voices/Storyfile.yaml]`"));
            continue;
        };
        if scalar.text.contains("${") {
            let fault = Diagnostic::error(fixed::CODE, "no expression can stand in `include`", item.span);
            faults.push(fault.label("`${…}` is not read here").help("write the path itself"));
            continue;
        }
        match RepoPath::parse(&home.from_root(&scalar.text)) {
            Ok(path) => open.push(Open { path, span: item.span, chain: chain.to_vec() }),
            Err(why) => {
                let message = format!("`{}` is no path of this repo: {why}", scalar.text);
                let fault = Diagnostic::error("S070", message, item.span).label("not a path of the repo");
                faults.push(fault.help("an included file lies in the Storyfile's folder or below"));
            }
        }
    }
    open.reverse();
    open
}

/// The stages and params of all files.
struct Sections {
    stages: Section,
    params: Section,
}

/// One section of all files together.
struct Section {
    key: &'static str,
    entries: Vec<Entry>,
    /// Where each name was declared first.
    known: HashMap<String, Span>,
}

impl Section {
    fn of(root: &Node, key: &'static str) -> Section {
        let entries = root.get(key).map_or(&[][..], |node| node.entries()).to_vec();
        let known = entries.iter().map(|entry| (entry.key.clone(), entry.key_span)).collect();
        Section { key, entries, known }
    }

    /// Adds what an included file declares, and where it is at home.
    fn take(
        &mut self,
        tree: &Node,
        prefix: &str,
        home: &Home,
        homes: &mut BTreeMap<String, Home>,
        faults: &mut Vec<Diagnostic>,
    ) {
        let Some(section) = tree.get(self.key).filter(|node| !node.is_null()) else { return };
        if !matches!(section.value, Content::Map(_)) {
            faults.push(no_map(&format!("`{}`", self.key), section, "write `name: value` lines below it"));
            return;
        }
        for entry in section.entries() {
            let name = format!("{prefix}{}", entry.key);
            if let Some(first) = self.known.get(&name) {
                faults.push(twice(self.key, &name, entry.key_span, *first));
                continue;
            }
            self.known.insert(name.clone(), entry.key_span);
            homes.insert(name.clone(), home.clone());
            self.entries.push(Entry { key: name, ..entry.clone() });
        }
    }
}

impl Sections {
    fn of(root: &Node) -> Sections {
        Sections { stages: Section::of(root, "stages"), params: Section::of(root, "params") }
    }

    fn take(&mut self, tree: &Node, home: &Home, included: &mut Included) {
        let Included { stages, params, faults, .. } = included;
        self.stages.take(tree, &home.prefix(), home, stages, faults);
        self.params.take(tree, "", home, params, faults);
    }

    /// Returns the Storyfile's tree with these sections in the place of its own.
    fn over(self, root: Arc<Node>) -> Arc<Node> {
        let mut entries = root.entries().to_vec();
        for Section { key, entries: section, .. } in [self.stages, self.params] {
            let is_map = |node: &Node| node.is_null() || matches!(node.value, Content::Map(_));
            match entries.iter_mut().find(|entry| entry.key == key) {
                _ if section.is_empty() => {}
                Some(entry) if is_map(&entry.value) => {
                    entry.value = Arc::new(Node { value: Content::Map(section), ..Node::clone(&entry.value) });
                }
                Some(_) => {}
                None => {
                    let span = Span::new(root.span.start, root.span.start);
                    let value = Node { value: Content::Map(section), span, size: 1, height: 1 };
                    entries.push(Entry { key: key.to_owned(), key_span: span, value: Arc::new(value) });
                }
            }
        }
        match root.value {
            Content::Map(_) => Arc::new(Node { value: Content::Map(entries), ..Node::clone(&root) }),
            _ => root,
        }
    }
}

fn check_keys(tree: &Node, path: &RepoPath, faults: &mut Vec<Diagnostic>) {
    if !matches!(tree.value, Content::Map(_)) {
        faults.push(no_map("an included file", tree, "write `stages:` and what belongs to it"));
    }
    for entry in tree.entries().iter().filter(|entry| !KEYS.contains(&entry.key.as_str())) {
        if !entry.key.starts_with("x-") {
            let message = format!("`{}` cannot stand in `{path}`, which is included", entry.key);
            let fault = Diagnostic::error("S130", message, entry.key_span).label("not here");
            faults
                .push(fault.help("it holds `stages`, `params`, `include` and `x-…`; all else stands in the Storyfile"));
        }
    }
}

fn no_map(what: &str, node: &Node, help: &str) -> Diagnostic {
    Diagnostic::error("S021", format!("{what} must be a map, not {}", node.sort()), node.span)
        .label(format!("this is {}", node.sort()))
        .help(help)
}

/// A folder's name becomes part of its stages' names.
fn unnamable(home: &Home, span: Span) -> Option<Diagnostic> {
    let folder = home.folder()?;
    let fine = |part: &str| {
        !part.starts_with(['-', '.']) && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte))
    };
    if folder.as_str().split('/').all(fine) {
        return None;
    }
    let message = format!("the folder `{folder}` cannot be part of a stage's name");
    let fault = Diagnostic::error("S132", message, span).label("its stages are called after it");
    Some(fault.help("give the folder a name of letters of a to z, digits, `-` and `_`"))
}

fn twice(section: &str, name: &str, again: Span, first: Span) -> Diagnostic {
    let what = if section == "stages" { "stage" } else { "param" };
    Diagnostic::error("S133", format!("two files declare the {what} `{name}`"), again)
        .label("again")
        .related(first, "first")
        .help("give one of them another name, or declare it once")
}

fn circle(chain: &[RepoPath], again: &RepoPath, span: Span) -> Diagnostic {
    let names: Vec<&str> = chain.iter().chain([again]).map(RepoPath::as_str).collect();
    Diagnostic::error("S134", format!("files include each other in a circle: {}", names.join(" → ")), span)
        .label("the circle closes here")
        .help("take one of these `include`s out")
}
