//! Judges one action: gathers what it reads and what stands, and asks [`rebuild`]. The same for every command: a plan that
//! differs from the build would be a defect.
//!
//! [`rebuild`]: crate::engine::rebuild

use crate::base::digest::Digest;
use crate::base::failure::{Cause, Failure};
use crate::base::id::ActionKey;
use crate::base::path::RepoPath;
use crate::base::reason::Reason;
use crate::base::recipe::{Change, Field, Recipe, Value};
use crate::engine::compose::{self, Seen, Workers};
use crate::engine::discover::{Discovered, Search};
use crate::engine::error::EngineError;
use crate::engine::keep::{Keep, Kept};
use crate::engine::lockfile::{Line, LineName, Lines};
use crate::engine::named::Named;
use crate::engine::programs::Programs;
use crate::engine::rebuild::{
    Accepted, Demand, Mode, OutputView, Owner, Question, Standing, Verdict, Wait, decide, made_in,
};
use crate::engine::skip::{OnPath, Part, Skip};
use crate::engine::sources::Guards;
use crate::engine::takes::Unmade;
use crate::engine::workflow::TEMPLATE_ROLE;
use crate::engine::workflow::{Node, What, Workflow};
use crate::engine::workspace::Workspace;
use crate::kind::registry::Registry;
use crate::provider::Providers;
use crate::store::{ActionRecord, OutputSort as RecordedSort, Store, TreeListing};
use crate::storyfile::catalog::SettingSort;
use crate::storyfile::home::Home;
use crate::storyfile::scope::ScopeFile;
use crate::storyfile::story::{Always, Edits, Output, OutputSort, Story, Work};
use crate::storyfile::template::Template;
use crate::world::env::Environment;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

/// What is known of an action once its turn has come and gone; what it leaves to those that read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// What stands is right.
    Right { verdict: Option<Digest> },
    /// It will run: what it will make is not known.
    Unknown,
    /// It failed, waits, or is blocked: what stands is old.
    Wrong,
    /// It takes no part: what stands of it counts as absent.
    Skipped,
}

/// What the command line asks of some actions.
#[derive(Clone, Debug, Default)]
pub struct Demands {
    pub forced: BTreeSet<usize>,
    pub discard_edits: BTreeSet<usize>,
}

/// A project opened for judging: its graph, its files and its memory.
pub struct Project {
    pub story: Story,
    pub workflow: Workflow,
    pub workspace: Workspace,
    pub store: Store,
    pub keep: Keep,
    /// What `Storyfile.lock` says.
    pub lock: Lines,
    /// What the local state says.
    pub state: Lines,
    /// What the lines of both name.
    pub named: Named,
    pub registry: Arc<Registry>,
    pub providers: Providers,
    /// What the programs of the stages say of themselves.
    pub programs: Programs,
    pub env: Arc<Environment>,
    /// The folders that patterns looked into.
    pub guards: Guards,
    /// Fan-outs that cannot be unfolded as their lists stand.
    pub held: BTreeMap<usize, Hold>,
    /// Whether each program that a condition asks for is there.
    pub on_path: OnPath,
    /// The actions that were last judged to take no part.
    pub skipped: BTreeSet<usize>,
    /// By action, what its command is known to have read beside what the stage declares.
    pub discovered: BTreeMap<usize, Discovered>,
}

/// Why a fan-out is not unfolded.
#[derive(Clone, Debug)]
pub enum Hold {
    /// A person is asked first.
    Asks(Wait),
    /// Its list, or what the items come to, is at fault.
    Fails(Failure),
}

/// A judged action.
#[derive(Debug)]
pub enum Judgement {
    Verdict {
        verdict: Verdict,
        recipe: Recipe,
        key: ActionKey,
        digests: Vec<Option<Digest>>,
    },
    /// Something it reads is not known before this action has run.
    Unknown {
        maker: usize,
    },
    /// Its program has not said here what it takes: without that there is no key.
    Undescribed,
    /// Something it reads is wrong, and it is not fresh all the same.
    Blocked {
        maker: usize,
    },
    /// It takes no part.
    Skipped(Skip),
    /// It cannot be judged: a fault of its settings or of this machine's files.
    Fault(Failure),
    /// A fan-out whose instances stand in its place; `wrong` made its list and is not right.
    Unfolded {
        wrong: Option<usize>,
    },
    /// A fan-out whose list is to be read now.
    Unfold {
        wrong: Option<usize>,
    },
    /// A fan-out over whose new list a person is asked first.
    Held(Wait),
}

/// What a judgement looks at beside the project.
pub struct Course<'a> {
    pub settled: &'a [Option<Settled>],
    /// Content that a plan foresees, or that nobody needs: used instead of what stands.
    pub foreseen: &'a BTreeMap<RepoPath, Digest>,
    pub demands: &'a Demands,
}

impl Project {
    pub fn node(&self, action: usize) -> &Node {
        &self.workflow.nodes[action]
    }

    /// Returns the folder in which the commands of a home run.
    pub fn home_of(&self, home: &Home) -> PathBuf {
        let root = &self.workspace.root;
        home.folder().map_or_else(|| root.clone(), |folder| folder.under(root))
    }

    /// Judges `action`. All that it waits for is settled or not selected.
    pub fn judge(&mut self, action: usize, course: &Course<'_>) -> Result<Judgement, EngineError> {
        match self.part(action, course) {
            Part::Takes => self.judge_taking_part(action, course),
            Part::Skips(skip) => Ok(Judgement::Skipped(skip)),
            Part::Unknown { maker } => Ok(Judgement::Unknown { maker }),
            Part::Blocked { maker } => Ok(Judgement::Blocked { maker }),
            Part::Fault(failure) => Ok(Judgement::Fault(failure)),
        }
    }

    fn judge_taking_part(&mut self, action: usize, course: &Course<'_>) -> Result<Judgement, EngineError> {
        let settled = |maker: &usize| course.settled[*maker].as_ref();
        let reads = self.workflow.nodes[action].reads.clone();
        if let Some(&maker) = reads.iter().find(|maker| settled(maker) == Some(&Settled::Unknown)) {
            return Ok(Judgement::Unknown { maker });
        }
        let wrong = reads.iter().copied().find(|maker| settled(maker) == Some(&Settled::Wrong));
        self.bind_late(action, course.foreseen)?;
        if self.node(action).action.is_fan() {
            return Ok(match self.held.get(&action) {
                Some(Hold::Asks(wait)) => Judgement::Held(wait.clone()),
                Some(Hold::Fails(failure)) => Judgement::Fault(failure.clone()),
                None if self.workflow.unfolded.contains_key(&action) => Judgement::Unfolded { wrong },
                None => Judgement::Unfold { wrong },
            });
        }
        let digests = match self.digests(action, course)? {
            Ok(digests) => digests,
            Err(missing) => {
                return Ok(match (wrong, missing) {
                    (Some(maker), _) => Judgement::Blocked { maker },
                    (None, failure) => Judgement::Fault(failure),
                });
            }
        };
        // An optional input whose maker failed is not absent (R18): without it neither a key nor a command can be had.
        if let Some(maker) = self.lacking(action, &digests, course) {
            return Ok(Judgement::Blocked { maker });
        }
        if self.programs.is_unknown(self.node(action), &digests) {
            return Ok(Judgement::Undescribed);
        }
        let recipe = match self.recipe(action, &digests, course.foreseen) {
            Ok(recipe) => recipe,
            Err(failure) => return Ok(Judgement::Fault(failure)),
        };
        let recipe = match self.with_discovered(action, recipe, course)? {
            Search::Recipe(recipe) => recipe,
            Search::Unknown { maker } => return Ok(Judgement::Unknown { maker }),
        };
        let key = recipe.key();
        tracing::debug!(action = %self.workflow.nodes[action].action.id, key = %key.0, "composed");
        let verdict = self.verdict(action, &recipe, key, course.demands)?;
        Ok(match (wrong, &verdict) {
            (Some(maker), Verdict::Run { .. } | Verdict::Restore(_)) => Judgement::Blocked { maker },
            _ => Judgement::Verdict { verdict, recipe, key, digests },
        })
    }

    /// Returns what a judgement leaves to those that read the action; what will be put back is added to `ahead`.
    pub fn settlement(
        &mut self,
        action: usize,
        judgement: &Judgement,
        ahead: &mut BTreeMap<RepoPath, Digest>,
    ) -> Result<Settled, EngineError> {
        Ok(match judgement {
            Judgement::Verdict { verdict: Verdict::Fresh(_), key, .. } => {
                Settled::Right { verdict: self.verdict_of(action, *key) }
            }
            Judgement::Verdict { verdict: Verdict::Restore(restore), key, .. } => {
                for (path, digest) in &restore.write {
                    ahead.insert(path.clone(), *digest);
                    self.foresee_tree(path, digest, ahead)?;
                }
                Settled::Right { verdict: self.verdict_of(action, *key) }
            }
            Judgement::Skipped(_) => Settled::Skipped,
            Judgement::Unfolded { wrong: None } => Settled::Right { verdict: None },
            Judgement::Verdict { verdict: Verdict::Run { .. }, .. }
            | Judgement::Unknown { .. }
            | Judgement::Undescribed
            | Judgement::Unfold { .. } => Settled::Unknown,
            Judgement::Verdict { verdict: Verdict::Wait(_), .. }
            | Judgement::Unfolded { wrong: Some(_) }
            | Judgement::Held(_)
            | Judgement::Blocked { .. }
            | Judgement::Fault(_) => Settled::Wrong,
        })
    }

    /// Tells whose content stands at one of an action's outputs.
    pub fn owner(&self, action: usize, path: &RepoPath, digest: &Digest) -> Owner {
        let name = self.line_name(action);
        let lines = self.lock.and(&self.state, &name);
        owner(&self.store, &self.named, &lines, path, digest)
    }

    /// Returns the key of what the action's line names.
    pub fn last_key(&self, action: usize) -> Option<ActionKey> {
        let name = self.line_name(action);
        self.lock.get(&name).or_else(|| self.state.get(&name))?.key
    }

    /// Returns how long the action took when what its line names was made; 0 tells nothing and gives `None`.
    pub fn last_duration_ms(&self, action: usize) -> Option<u64> {
        let key = self.last_key(action)?;
        let records = self.store.records(&key).ok()?;
        records.iter().map(|record| record.duration_ms).find(|&took| took > 0)
    }

    /// Returns the name under which lines know `action`.
    pub fn line_name(&self, action: usize) -> LineName {
        let action = &self.workflow.nodes[action].action;
        let mut paths: Vec<RepoPath> = action.outputs.iter().map(|output| output.path.clone()).collect();
        paths.sort();
        (action.id.clone(), paths)
    }

    /// Composes the recipe of `action` for inputs with these digests.
    ///
    /// `foreseen` content is read from the caches: it does not stand yet.
    pub fn recipe(
        &mut self,
        action: usize,
        digests: &[Option<Digest>],
        foreseen: &BTreeMap<RepoPath, Digest>,
    ) -> Result<Recipe, Failure> {
        let names = self.template_names(action)?;
        let node = &self.workflow.nodes[action];
        let program = self.programs.of(node, digests)?;
        let workers = Workers { registry: &self.registry, providers: &self.providers, program: program.as_deref() };
        let read = &mut |file: &ScopeFile| self.content(file, foreseen);
        compose::recipe(&self.story, node, digests, &names, workers, read)
    }

    /// Reads a file, or a part of one; what is foreseen from the caches.
    pub(super) fn content(
        &self,
        file: &ScopeFile,
        foreseen: &BTreeMap<RepoPath, Digest>,
    ) -> Result<Option<Seen>, Failure> {
        let cached = RepoPath::found(&file.path).ok().and_then(|path| foreseen.get(&path));
        match cached.and_then(|digest| self.cached(digest)) {
            Some(bytes) => self.workspace.seen(file, bytes),
            None => self.workspace.content(file),
        }
    }

    /// Returns bytes from whichever cache has them.
    pub(super) fn cached(&self, digest: &Digest) -> Option<Vec<u8>> {
        self.store.read(digest).ok().flatten().or_else(|| match self.keep.read(digest) {
            Ok(Kept::Bytes(bytes)) => Some(bytes),
            _ => None,
        })
    }

    /// Returns the names that the action's templates read, those in files and those in the Storyfile.
    pub(super) fn template_names(&mut self, action: usize) -> Result<BTreeSet<String>, Failure> {
        let node = &self.workflow.nodes[action];
        let Work::Kind { kind, with, .. } = &node.action.work else { return Ok(BTreeSet::new()) };
        let settings = compose::find_kind(&self.registry, kind)?.info().settings;
        let inline = settings.iter().filter(|setting| setting.sort == SettingSort::Template);
        let mut sources: Vec<(String, String)> = inline
            .filter_map(|setting| Some((setting.name.to_owned(), with.constant(setting.name)?.as_str()?.to_owned())))
            .collect();
        for input in node.inputs.iter().filter(|input| input.role.starts_with(TEMPLATE_ROLE)) {
            if let What::File(path) = &input.what {
                let text = self.workspace.disk.read(&self.workspace.place(path)).unwrap_or_default();
                sources.push((path.to_string(), String::from_utf8_lossy(&text).into_owned()));
            }
        }
        let mut names = BTreeSet::new();
        for (name, source) in sources {
            let template = Template::parse(&name, &source).map_err(|fault| {
                let (line, column) = fault.span.unwrap_or_default().line_column(&source);
                let failure = Failure::new(Cause::Setup, format!("{} ({name}:{line}:{column})", fault.message));
                Failure { hint: fault.help, ..failure }
            })?;
            names.extend(template.names());
        }
        Ok(names)
    }

    /// Returns the digest of the verdict that an action without outputs left under `key`.
    pub fn verdict_of(&self, action: usize, key: ActionKey) -> Option<Digest> {
        let record = self.store.records(&key).ok().and_then(|records| records.into_iter().next_back());
        record
            .and_then(|record| record.verdict.as_ref().map(|verdict| Digest::of(verdict.as_bytes())))
            .or_else(|| self.known_verdict(action))
    }

    /// Adds the files of a folder that will be put back.
    pub fn foresee_tree(
        &self,
        path: &RepoPath,
        digest: &Digest,
        ahead: &mut BTreeMap<RepoPath, Digest>,
    ) -> Result<(), EngineError> {
        if let Some(listing) = self.store.read_tree(digest)? {
            for entry in listing.entries() {
                ahead.insert(path.within(&entry.path), entry.digest);
            }
        }
        Ok(())
    }

    pub(super) fn known_verdict(&self, maker: usize) -> Option<Digest> {
        let name = self.line_name(maker);
        self.lock.get(&name).or_else(|| self.state.get(&name)).and_then(|line| line.verdict)
    }

    /// Tells whether an empty folder stands where some result was one. Any other empty folder is nothing.
    fn is_empty_result(&self, output: &Output, lines: &[&Line], records: &[Arc<ActionRecord>]) -> bool {
        let empty = TreeListing::default().digest();
        let is_known = lines.iter().any(|line| line.outputs.get(&output.path) == Some(&empty))
            || records.iter().any(|record| made_in(record, &output.slot) == Some(empty));
        output.sort == OutputSort::Tree && is_known && self.workspace.is_empty_folder(&output.path)
    }

    fn verdict(
        &mut self,
        action: usize,
        recipe: &Recipe,
        key: ActionKey,
        demands: &Demands,
    ) -> Result<Verdict, EngineError> {
        let name = self.line_name(action);
        let lines = self.lock.and(&self.state, &name);
        let declared = &self.workflow.nodes[action].action;
        let mut records = self.store.records(&key)?;
        records.sort_by(|one, two| two.at.cmp(&one.at).then(two.take.cmp(&one.take)));
        let mut outputs = Vec::with_capacity(declared.outputs.len());
        // What stands with another mode needs no bytes to be right again.
        let mut at_hand = BTreeSet::new();
        for output in &declared.outputs {
            let mut standing = match self.workspace.standing(&output.path, output.sort) {
                // A pipe or a link to elsewhere in a folder: one stage's trouble, not the whole repo's.
                Err(error) if error.is_no_content() => Standing::WrongSort,
                standing => standing?,
            };
            if standing == Standing::Absent && self.is_empty_result(output, &lines, &records) {
                standing = Standing::Content(TreeListing::default().digest());
            }
            let mode = match standing {
                Standing::Content(digest) => mode(&self.workspace, &records, output, &digest),
                Standing::Absent | Standing::WrongSort | Standing::Obstructed => Mode::AsMade,
            };
            if let (Standing::Content(digest), Mode::Changed) = (standing, mode) {
                at_hand.insert(digest);
            }
            let owner = match standing {
                Standing::Content(digest) => owner(&self.store, &self.named, &lines, &output.path, &digest),
                Standing::Absent | Standing::WrongSort | Standing::Obstructed => Owner::Foreign,
            };
            outputs.push(OutputView { slot: output.slot.clone(), path: output.path.clone(), standing, owner, mode });
        }
        let (store, keep) = (&self.store, &self.keep);
        let demand = if demands.forced.contains(&action) {
            Demand::Forced
        } else if declared.always == Always::EveryBuild {
            Demand::Always
        } else {
            Demand::WhenStale
        };
        let (edits, accepted) = match demands.discard_edits.contains(&action) {
            true => (Edits::Discard, Accepted::Discarded),
            false => (declared.edits, Accepted::Counts),
        };
        let question = Question {
            key,
            outputs: &outputs,
            lines: &lines,
            records: &records,
            obtainable: &|digest| store.has(digest) || keep.has(digest) || at_hand.contains(digest),
            reason: &|| stale_reason(store, &lines, recipe),
            unmade: &|| Unmade::of(store, key).ok().flatten(),
            demand,
            edits,
            accepted,
        };
        Ok(decide(&question))
    }
}

/// Tells whether the file at an output can be executed as it could when it was made.
fn mode(workspace: &Workspace, records: &[Arc<ActionRecord>], output: &Output, digest: &Digest) -> Mode {
    let Some(stat) = workspace.stat(&output.path).ok().flatten() else { return Mode::AsMade };
    let made = records.iter().flat_map(|record| &record.outputs);
    let made = made.filter(|made| made.slot == output.slot && made.digest == *digest);
    let sorts: Vec<RecordedSort> = made.map(|made| made.sort).collect();
    let is_file = sorts.iter().any(|sort| matches!(sort, RecordedSort::File { .. }));
    let as_made = RecordedSort::File { executable: stat.executable };
    if is_file && !sorts.contains(&as_made) { Mode::Changed } else { Mode::AsMade }
}

/// Tells whose content stands at `path` (R2).
///
/// Content counts where it was made: a copy of another stage's output is somebody's edit.
fn owner(store: &Store, named: &Named, lines: &[&Line], path: &RepoPath, digest: &Digest) -> Owner {
    let edited = lines.iter().any(|line| line.edits.get(path) == Some(digest));
    if !edited && (named.has_made(path, digest) || store.vouches_for(path.as_str(), digest)) {
        Owner::Ours
    } else if lines.iter().any(|line| line.outputs.contains_key(path)) {
        Owner::Edited
    } else {
        Owner::Foreign
    }
}

/// Explains staleness: against the recipe of what stands, else against the inputs that its lock line names.
fn stale_reason(store: &Store, lines: &[&Line], recipe: &Recipe) -> Reason {
    let Some(line) = lines.first() else { return Reason::NeverBuilt };
    let older = line.key.and_then(|key| store.records(&key).ok()).and_then(|records| records.into_iter().next());
    let changes = match older {
        Some(record) => recipe.changes_since(&record.recipe),
        None => input_changes(line, recipe),
    };
    if changes.is_empty() && line.key.is_none() {
        return Reason::InputMoved;
    }
    Reason::Changed { changes }
}

fn input_changes(line: &Line, recipe: &Recipe) -> Vec<Change> {
    recipe
        .fields()
        .iter()
        .filter_map(|(field, value)| match (field, value) {
            (Field::Input(_) | Field::Discovered, Value::File(path, digest)) => {
                let old = line.inputs.get(path);
                (old != Some(digest)).then(|| Change {
                    field: field.clone(),
                    old: old.map(|old| Value::File(path.clone(), *old)),
                    new: Some(value.clone()),
                })
            }
            _ => None,
        })
        .collect()
}
