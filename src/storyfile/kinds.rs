//! Programs as kinds: `uses: ./tools/x` means one by its path, `kinds:` gives one a name. What settings, inputs and
//! outputs it takes only the program itself can say, so that they are checked once it has.

use crate::base::diagnostic::Diagnostic;
use crate::base::path::RepoPath;
use crate::base::span::Span;
use crate::storyfile::catalog::Catalog;
use crate::storyfile::faults::Faults;
use crate::storyfile::model::{Declared, NamedProgram, StageText};
use crate::storyfile::paths;
use crate::storyfile::settings::note_spans;
use crate::storyfile::settle::Names;
use crate::storyfile::story::{Input, PROGRAM_ROLE, Presence, ProgramCall, Selector};
use crate::storyfile::tree::{Entry, Node};
use crate::storyfile::with::{Field, With};
use indexmap::IndexMap;
use std::collections::BTreeMap;

/// Kinds that the format knows and this version does not do: no program may take such a name.
pub const UNBUILT: [&str; 1] = ["review"];

/// A stage's `uses:` of a program, its settings not yet evaluated.
pub struct ProgramUse {
    path: RepoPath,
    settings: Vec<Entry>,
    span: Span,
}

/// Reads the section `kinds:`.
pub fn declare(section: &Node, declared: &mut Declared, faults: &mut Faults) {
    for entry in section.entries() {
        let Some(text) = faults.text(&format!("the kind `{}`", entry.key), &entry.value) else { continue };
        let path = program_path(text, entry.value.span, faults);
        declared.kinds.insert(entry.key.clone(), NamedProgram { path, span: entry.key_span });
    }
}

/// Refuses names that `kinds:` cannot give: those of kinds that exist, and what reads as a path.
pub fn check_names(declared: &Declared, catalog: &dyn Catalog, faults: &mut Faults) {
    for (name, program) in &declared.kinds {
        let is_taken = catalog.kinds().iter().any(|kind| kind == name) || UNBUILT.contains(&name.as_str());
        if is_taken {
            faults.push(
                Diagnostic::error("S150", format!("`{name}` is a kind that storygen has"), program.span)
                    .label("this name is taken")
                    .help(format!("give the program another name, such as `my-{name}`")),
            );
        }
        let fine = !name.is_empty()
            && !name.starts_with(['-', '.'])
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
        if !fine {
            faults.push(
                Diagnostic::error("S025", format!("`{name}` cannot name a kind"), program.span)
                    .label("not a name")
                    .help("use letters of a to z, digits, `-` and `_`, as in `page-maker`"),
            );
        }
    }
}

/// Tells whether a stage's `uses:` means a program.
pub fn is_program(stage: &StageText, declared: &Declared) -> bool {
    let uses = stage.own("uses").and_then(|node| node.scalar());
    uses.is_some_and(|uses| is_path(&uses.text) || declared.kinds.contains_key(&uses.text))
}

/// Reads a `uses:` that means a program. `None` after a reported fault.
pub fn program(stage: &StageText, declared: &Declared, faults: &mut Faults) -> Option<ProgramUse> {
    let node = stage.own("uses")?;
    let text = faults.text("`uses`", node)?;
    let settings = match stage.own("with") {
        Some(with) => faults.map("`with`", with)?.entries().to_vec(),
        None => Vec::new(),
    };
    if stage.own("provider").is_some() {
        faults.push(
            Diagnostic::error(
                "S033",
                format!("`{text}` is a program and needs no provider"),
                stage.key_span("provider"),
            )
            .label("nothing reads this")
            .help("remove it; what the program needs to know stands in `with:`, `env:` and `pass:`"),
        );
    }
    let path = match declared.kinds.get(text) {
        // Its own fault is told where it is declared.
        Some(named) => named.path.clone()?,
        None => program_path(&stage.home.from_root(text), node.span, faults)?,
    };
    Some(ProgramUse { path, settings, span: node.span })
}

/// Says how a path that lacks its `./` is written; `None` for what is no path.
pub fn as_path(text: &str) -> Option<String> {
    (text.contains('/') && !text.starts_with('/')).then(|| format!("./{text}"))
}

fn is_path(text: &str) -> bool {
    text.starts_with("./") || text.starts_with("../") || text.starts_with('/')
}

fn program_path(text: &str, span: Span, faults: &mut Faults) -> Option<RepoPath> {
    if text.contains("${") {
        faults.push(
            Diagnostic::error("S151", "the path of a program holds an expression", span)
                .label("must be a plain path")
                .help("a program is asked what it takes before any value is known: write its path out"),
        );
        return None;
    }
    if text.ends_with('/') {
        faults.push(
            Diagnostic::error("S151", format!("`{text}` is a folder, not a program"), span)
                .label("names a folder")
                .help("name the program in it: `./tools/page`"),
        );
        return None;
    }
    paths::parse(text, span, faults)
}

impl ProgramUse {
    /// Settles the settings of one instance; the program's own file is an input. Of an open stage, what comes with an item
    /// waits as if it came from a file. `None` after a reported fault.
    pub fn settle(&self, names: &Names, faults: &mut Faults) -> Option<(ProgramCall, Input)> {
        let mut spans = BTreeMap::from([(String::new(), self.span)]);
        let mut settings = IndexMap::new();
        let mut whole = true;
        for entry in self.settings.iter().filter(|entry| !entry.value.is_null()) {
            note_spans(&entry.key, &entry.value, &mut spans);
            let before = faults.count();
            match names.field(&entry.value, faults) {
                Some(field) => drop(settings.insert(entry.key.clone(), field)),
                None if names.open.is_empty() || faults.count() > before => whole = false,
                None => drop(settings.insert(entry.key.clone(), Field::List(Vec::new()))),
            }
        }
        let with = With::new(IndexMap::new(), settings, spans);
        whole.then_some((ProgramCall { path: self.path.clone(), with, span: self.span }, self.file()))
    }

    /// Returns the program's own file as an input.
    pub fn file(&self) -> Input {
        Input {
            role: PROGRAM_ROLE.into(),
            selector: Selector::File(self.path.clone()),
            part: None,
            presence: Presence::Required,
            span: self.span,
        }
    }
}
