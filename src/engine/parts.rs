//! Parts of files as inputs: which part a stage reads, its digest, and its content. Each file is parsed once in a build,
//! and the digests of its parts are remembered with its own: nothing is parsed while the file stays as it was.

use crate::base::diagnostic::Diagnostic;
use crate::base::digest::Digest;
use crate::base::failure::{Cause, Failure};
use crate::base::path::RepoPath;
use crate::base::span::Span;
use crate::data::parse::DataFault;
use crate::data::part::{Content, Document, NoPart, Part, PartFault};
use crate::engine::compose::Seen;
use crate::engine::errand::Errand;
use crate::engine::error::EngineError;
use crate::engine::judge::Project;
use crate::engine::publish::create_parent;
use crate::engine::workflow::{Bound, Find, What};
use crate::engine::workspace::Workspace;
use crate::storyfile::scope::ScopeFile;
use crate::storyfile::story::{Input, Presence};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

/// How many bytes of files stay parsed at once.
const HELD_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The digests of parts, by the digest of the file and by its extension and the part's text: `md#the-lamp`. `None` for a
/// part that the file does not have.
pub type Known = BTreeMap<Digest, BTreeMap<String, Option<Digest>>>;

/// What is known of files with parts. Shared by all that look at a tree; never locked across another call.
#[derive(Default)]
pub struct Parts(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    known: Known,
    /// One content is something else in a file of another extension.
    documents: BTreeMap<(Digest, String), Parsed>,
    held_bytes: usize,
}

type Parsed = Arc<Result<Document, DataFault>>;

impl Parts {
    /// Takes over the digests that an earlier build remembered.
    pub fn remember(&self, known: Known) {
        self.inner().known = known;
    }

    /// Gives away all digests of parts.
    pub fn give(&self) -> Known {
        std::mem::take(&mut self.inner().known)
    }

    /// Returns the digests of parts whose files are still `current`.
    pub fn known(&self, current: &BTreeSet<Digest>) -> Known {
        let known = &self.inner().known;
        known.iter().filter(|(file, _)| current.contains(file)).map(|(file, parts)| (*file, parts.clone())).collect()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn look_up(&self, file: &Digest, path: &RepoPath, part: &Part) -> Option<Option<Digest>> {
        self.inner().known.get(file)?.get(&name(path, part)).copied()
    }

    fn held(&self, file: &Digest, path: &RepoPath) -> Option<Parsed> {
        self.inner().documents.get(&(*file, path.extension().to_owned())).cloned()
    }

    /// Parses `bytes`, or takes what they were parsed to before.
    fn parse(&self, path: &RepoPath, bytes: &[u8]) -> (Digest, Parsed) {
        let digest = Digest::of(bytes);
        if let Some(parsed) = self.held(&digest, path) {
            return (digest, parsed);
        }
        let parsed = Arc::new(Document::parse(path.extension(), bytes));
        let mut inner = self.inner();
        if inner.held_bytes + bytes.len() > HELD_BYTES_MAX {
            inner.documents.clear();
            inner.held_bytes = 0;
        }
        inner.held_bytes += bytes.len();
        inner.documents.insert((digest, path.extension().to_owned()), parsed.clone());
        (digest, parsed)
    }

    fn learn(&self, file: Digest, path: &RepoPath, part: &Part, digest: Option<Digest>) {
        self.inner().known.entry(file).or_default().insert(name(path, part), digest);
    }
}

fn name(path: &RepoPath, part: &Part) -> String {
    format!("{}#{}", path.extension(), part.text())
}

/// Why a part cannot be had.
enum Trouble {
    File(DataFault),
    Part(NoPart),
}

fn selected(parsed: &Result<Document, DataFault>, part: &Part) -> Result<Content, Trouble> {
    let document = parsed.as_ref().map_err(|fault| Trouble::File(fault.clone()))?;
    document.select(part).map_err(Trouble::Part)
}

impl Trouble {
    fn words(&self) -> String {
        match self {
            Trouble::File(fault) => fault.to_string(),
            Trouble::Part(fault) => fault.to_string(),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Trouble::File(_) | Trouble::Part(NoPart::Unreadable(_)) => "S193",
            Trouble::Part(NoPart::Missing(_)) => "S191",
            Trouble::Part(NoPart::Ambiguous(_)) => "S192",
        }
    }

    fn label(&self) -> &'static str {
        match self {
            Trouble::File(_) | Trouble::Part(NoPart::Unreadable(_)) => "a part of a file that cannot be read",
            Trouble::Part(NoPart::Missing(_)) => "not found in the file",
            Trouble::Part(NoPart::Ambiguous(_)) => "more than one",
        }
    }

    fn hint(&self, path: &RepoPath) -> String {
        match self {
            Trouble::File(_) | Trouble::Part(NoPart::Unreadable(_)) => format!("Correct `{path}` at that place."),
            Trouble::Part(NoPart::Missing(_)) => {
                "Correct what stands behind the `#`, or write `?` after a part that may be missing.".to_owned()
            }
            Trouble::Part(NoPart::Ambiguous(crate::data::markdown::NoSection::Ambiguous { found, .. })) => {
                let slugs: Vec<String> = found.iter().map(|(_, slug)| format!("`{path}#{slug}`")).collect();
                format!("Write which one is meant: {}.", slugs.join(" or "))
            }
            Trouble::Part(NoPart::Ambiguous(_)) => "Give each heading a text of its own.".to_owned(),
        }
    }

    fn is_absence(&self) -> bool {
        matches!(self, Trouble::Part(NoPart::Missing(_)))
    }
}

/// A part that an input wants.
#[derive(Debug, PartialEq, Eq)]
pub struct Wanted {
    part: Part,
    /// Where the input stands in the Storyfile.
    span: Span,
}

impl Deref for Wanted {
    type Target = Part;

    fn deref(&self) -> &Part {
        &self.part
    }
}

/// Reads what stands behind the `#` of an input for one file; what is no part is pushed.
pub fn part_of(input: &Input, path: &RepoPath, faults: &mut Vec<Diagnostic>) -> Option<Arc<Wanted>> {
    let text = input.part.as_deref()?;
    let fault = match Part::parse(path.extension(), text) {
        Ok(part) => return Some(Arc::new(Wanted { part, span: input.span })),
        Err(fault) => fault,
    };
    let help = match &fault {
        PartFault::Pointer(_) => "Write the way from the top of the file, as in `outline.json#/chapters/0/title`.",
        PartFault::Empty => "Write a heading behind the `#`, as in `notes.md#the-lamp`, or take the `#` away.",
        PartFault::Rows(_) => "Read the whole file, or make the stage many with `foreach`.",
    };
    let message = format!("`{path}#{text}` names no part of a file: {fault}");
    faults.push(Diagnostic::error("S190", message, input.span).label("this part").help(help));
    None
}

/// The sources that were looked into for one graph, each read once.
#[derive(Default)]
pub struct Sources {
    parts: Parts,
    read: BTreeMap<RepoPath, Option<Parsed>>,
    /// Files that cannot be read, told once for all their parts.
    told: BTreeSet<RepoPath>,
}

impl Sources {
    /// Returns what is known now of the files.
    pub fn into_parts(self) -> Parts {
        self.parts
    }

    /// Tells before anything runs that a source that stands has not the part that an input wants.
    pub fn check(
        &mut self,
        input: &Input,
        path: &RepoPath,
        part: &Part,
        find: &mut dyn Find,
        faults: &mut Vec<Diagnostic>,
    ) {
        if !self.read.contains_key(path) {
            let parsed = find.read(path).map(|bytes| self.parts.parse(path, &bytes).1);
            self.read.insert(path.clone(), parsed);
        }
        // What cannot be read at all is told as a file.
        let Some(Some(parsed)) = self.read.get(path) else { return };
        let Err(trouble) = selected(parsed, part) else { return };
        if trouble.is_absence() && input.presence == Presence::Optional {
            return;
        }
        if matches!(trouble, Trouble::File(_)) && !self.told.insert(path.clone()) {
            return;
        }
        let message = format!("`{path}` {}", trouble.words());
        faults.push(
            Diagnostic::error(trouble.code(), message, input.span).label(trouble.label()).help(trouble.hint(path)),
        );
    }
}

impl Workspace {
    /// Returns the content of a part as it stands, with no file read that is known already; `None` if the file or the part
    /// is not there.
    pub fn part(&self, path: &RepoPath, part: &Part) -> Result<Result<Option<Content>, Failure>, EngineError> {
        let Some(parsed) = self.document(path)? else { return Ok(Ok(None)) };
        Ok(present(path, part, &parsed))
    }

    /// Returns the digest of a part as it stands.
    pub fn part_digest(
        &mut self,
        path: &RepoPath,
        part: &Part,
    ) -> Result<Result<Option<Digest>, Failure>, EngineError> {
        let Some(file) = self.digest(path)? else { return Ok(Ok(None)) };
        if let Some(known) = self.parts.look_up(&file, path, part) {
            return Ok(Ok(known));
        }
        let (file, parsed) = match self.parts.held(&file, path) {
            Some(parsed) => (file, parsed),
            None => self.parts.parse(path, &self.read(path)?.0),
        };
        Ok(learnt(&self.parts, file, path, part, &parsed))
    }

    /// Returns what expressions see of a file that holds `bytes`.
    pub fn seen(&self, file: &ScopeFile, bytes: Vec<u8>) -> Result<Option<Seen>, Failure> {
        let Some(part) = &file.part else { return Ok(Some(Seen::file(&file.path, bytes.into()))) };
        let broken = |why: String| Failure::new(Cause::Machine, format!("failed to read `{}`: {why}", file.named()));
        let path = RepoPath::found(&file.path).map_err(|fault| broken(fault.to_string()))?;
        let part = Part::parse(path.extension(), &part.text).map_err(|fault| broken(fault.to_string()))?;
        let parsed = self.parts.parse(&path, &bytes).1;
        Ok(present(&path, &part, &parsed)?.map(Seen::part))
    }

    /// Tells whether a file that holds `bytes` has the part.
    pub fn has_part(&self, path: &RepoPath, part: &Part, bytes: &[u8]) -> bool {
        selected(&self.parts.parse(path, bytes).1, part).is_ok()
    }

    fn document(&self, path: &RepoPath) -> Result<Option<Parsed>, EngineError> {
        let Some(stat) = self.stat(path)? else { return Ok(None) };
        let known = self.memo().lookup(path.as_str(), &stat);
        if let Some(parsed) = known.and_then(|digest| self.parts.held(&digest, path)) {
            return Ok(Some(parsed));
        }
        Ok(Some(self.parts.parse(path, &self.read(path)?.0).1))
    }
}

fn present(path: &RepoPath, part: &Part, parsed: &Parsed) -> Result<Option<Content>, Failure> {
    match selected(parsed, part) {
        Ok(content) => Ok(Some(content)),
        Err(trouble) if trouble.is_absence() => Ok(None),
        Err(trouble) => Err(failure(path, part, &trouble)),
    }
}

fn learnt(
    parts: &Parts,
    file: Digest,
    path: &RepoPath,
    part: &Part,
    parsed: &Parsed,
) -> Result<Option<Digest>, Failure> {
    let digest = present(path, part, parsed)?.map(|content| content.digest());
    parts.learn(file, path, part, digest);
    Ok(digest)
}

fn failure(path: &RepoPath, part: &Part, trouble: &Trouble) -> Failure {
    let message = format!("input `{path}#{}` cannot be read: `{path}` {}", part.text(), trouble.words());
    Failure::new(Cause::Setup, message).hint(trouble.hint(path))
}

impl Project {
    /// Returns the digest of a part that `action` reads, of content that is foreseen or of what stands.
    pub(super) fn part_digest(
        &mut self,
        action: usize,
        input: &Bound,
        (path, part): (&RepoPath, &Wanted),
        foreseen: Option<&Digest>,
    ) -> Result<Result<Option<Digest>, Failure>, EngineError> {
        let Some(file) = foreseen else {
            return Ok(self.workspace.part_digest(path, part)?.map_err(|failure| self.placed(failure, part)));
        };
        if let Some(known) = self.workspace.parts.look_up(file, path, part) {
            return Ok(Ok(known));
        }
        let parsed = self.workspace.parts.held(file, path);
        let parsed = parsed.or_else(|| Some(self.workspace.parts.parse(path, &self.cached(file)?).1));
        Ok(match parsed {
            Some(parsed) => learnt(&self.workspace.parts, *file, path, part, &parsed),
            // No cache has the file, and nobody may need it: what the reader's own line says of the part is all that there is.
            None => {
                let name = self.line_name(action);
                let line = self.lock.get(&name).or_else(|| self.state.get(&name));
                Ok(line.and_then(|line| line.inputs.get(&input.what_text())).copied())
            }
        })
    }

    /// Says why a required part that is not there cannot be had: the file lacks it, or is itself not there.
    pub(super) fn missing_part(&self, path: &RepoPath, part: &Wanted) -> Option<Failure> {
        let parsed = self.workspace.document(path).ok().flatten()?;
        selected(&parsed, part).err().map(|trouble| self.placed(failure(path, part, &trouble), part))
    }

    /// Adds where the input stands.
    fn placed(&self, failure: Failure, part: &Wanted) -> Failure {
        Failure { message: format!("{} ({})", failure.message, self.place(part.span)), ..failure }
    }

    /// Writes each part that an action reads into a file of its own under `dir`, which its process knows as `shown`. A
    /// command that names no input needs none.
    pub(super) fn stage_parts(
        &self,
        action: usize,
        errand: Errand<'_>,
        dir: &Path,
        shown: &str,
    ) -> Result<Result<StagedParts, Failure>, EngineError> {
        let mut staged = StagedParts::new();
        if !errand.names_inputs() {
            return Ok(Ok(staged));
        }
        for input in &self.node(action).inputs {
            let What::Part(path, part) = &input.what else { continue };
            if staged.contains_key(&input.what_text()) {
                continue;
            }
            let content = match self.workspace.part(path, part)? {
                Ok(Some(content)) => content,
                Ok(None) => continue,
                Err(failure) => return Ok(Err(failure)),
            };
            let name = format!("{}/{}", staged.len(), path.file_name());
            let file = dir.join(&name);
            create_parent(&*self.workspace.disk, &file)?;
            let written = self.workspace.disk.write(&file, &content.file_bytes());
            written.map_err(|error| EngineError::write(&file, error))?;
            staged.insert(input.what_text(), Staged { place: format!("{shown}/{name}"), content });
        }
        Ok(Ok(staged))
    }
}

/// The parts that a command reads, by how a recipe names them.
pub type StagedParts = BTreeMap<String, Staged>;

/// A part in a file of its own.
pub struct Staged {
    /// From where commands start.
    pub place: String,
    pub content: Content,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> RepoPath {
        RepoPath::parse(text).unwrap()
    }

    #[test]
    fn a_file_is_parsed_once_whoever_reads_it() {
        let parts = Parts::default();
        let (digest, first) = parts.parse(&path("a.json"), b"{}");
        let (again, second) = parts.parse(&path("b/a.json"), b"{}");
        assert!(digest == again && Arc::ptr_eq(&first, &second));
        // The same bytes under another extension are another document.
        let (_, text) = parts.parse(&path("a.md"), b"{}");
        assert!(!Arc::ptr_eq(&first, &text));
    }

    #[test]
    fn digests_of_parts_are_kept_as_long_as_their_file_stays_as_it_was() {
        let (parts, file) = (Parts::default(), Digest::of(b"{}"));
        let part = Part::parse("json", "/a").unwrap();
        parts.learn(file, &path("o.json"), &part, Some(Digest::of(b"a")));
        parts.learn(Digest::of(b"old"), &path("o.json"), &part, None);
        let known = parts.known(&BTreeSet::from([file]));
        let next = Parts::default();
        next.remember(known);
        assert_eq!(next.look_up(&file, &path("o.json"), &part), Some(Some(Digest::of(b"a"))));
        assert_eq!(next.look_up(&Digest::of(b"old"), &path("o.json"), &part), None);
        assert_eq!(next.look_up(&file, &path("o.md"), &part), None);
    }

    #[test]
    fn parsed_files_do_not_pile_up() {
        let parts = Parts::default();
        // No text, so that nothing long is looked through.
        let big = vec![0xff; HELD_BYTES_MAX / 3];
        for number in 0..5 {
            let bytes = [&big[..], number.to_string().as_bytes()].concat();
            parts.parse(&path("a.md"), &bytes);
            assert!(parts.inner().documents.len() <= 3);
        }
    }
}
