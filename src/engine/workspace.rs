//! The tree as it stands: what is at a path, and the digest of its content, hashed once and remembered.

use crate::base::digest::Digest;
use crate::base::failure::{Cause, Failure};
use crate::base::path::RepoPath;
use crate::engine::compose::Seen;
use crate::engine::error::EngineError;
use crate::engine::folder::{Outward, list_tree};
use crate::engine::parts::Parts;
use crate::engine::rebuild::Standing;
use crate::store::{Memo, TreeEntry, TreeListing, hash_file, hash_many, is_racy};
use crate::storyfile::scope::ScopeFile;
use crate::storyfile::story::OutputSort;
use crate::world::disk::{Disk, Sort, Stat};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A repo's files.
pub struct Workspace {
    pub disk: Arc<dyn Disk>,
    pub root: PathBuf,
    memo: Memo,
    pub parts: Parts,
    /// What the file system's clock said when the session opened: what changed later is hashed again next time.
    opened_ns: i64,
    /// Where that lies which will stand at a path once an attempt cut short is rolled back; nothing may lie there.
    instead: BTreeMap<RepoPath, PathBuf>,
}

impl Workspace {
    pub fn new(disk: Arc<dyn Disk>, root: PathBuf, memo: Memo, parts: Parts, opened_ns: i64) -> Workspace {
        Workspace { disk, root, memo, parts, opened_ns, instead: BTreeMap::new() }
    }

    pub fn memo(&self) -> &Memo {
        &self.memo
    }

    /// Looks at `place` wherever `path` is asked for: for those who only look, before the next build puts it right.
    pub fn look_instead(&mut self, path: RepoPath, place: PathBuf) {
        self.instead.insert(path, place);
    }

    pub fn place(&self, path: &RepoPath) -> PathBuf {
        let torn = self.instead.iter().find(|(torn, _)| path.is_within(torn));
        match torn {
            Some((torn, place)) if path == torn => place.clone(),
            Some((torn, place)) => place.join(path.as_str()[torn.as_str().len()..].trim_start_matches('/')),
            None => path.under(&self.root),
        }
    }

    /// Describes what `path` leads to; `None` if nothing stands there.
    pub fn stat(&self, path: &RepoPath) -> Result<Option<Stat>, EngineError> {
        let place = self.place(path);
        match self.disk.stat_following(&place) {
            Ok(stat) => Ok(Some(stat)),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(EngineError::read(&place, error)),
        }
    }

    /// Tells what stands at an output's path.
    pub fn standing(&mut self, path: &RepoPath, sort: OutputSort) -> Result<Standing, EngineError> {
        match (self.stat(path)?, sort) {
            (None, _) if self.is_obstructed(path) => Ok(Standing::Obstructed),
            (None, _) => Ok(Standing::Absent),
            (Some(stat), OutputSort::File) if stat.sort == Sort::File => {
                Ok(Standing::Content(self.digest_of(path, &stat)?))
            }
            (Some(stat), OutputSort::Tree) if stat.sort == Sort::Dir => {
                let listing = self.listing(path)?;
                // A folder that storygen made for a file's sake is nothing that a person or a stage put there.
                Ok(if listing.is_empty() { Standing::Absent } else { Standing::Content(listing.digest()) })
            }
            _ => Ok(Standing::WrongSort),
        }
    }

    /// Tells whether a folder above `path` is none, so that nothing can be written there.
    fn is_obstructed(&self, path: &RepoPath) -> bool {
        let mut above = path.parent();
        while let Some(folder) = above {
            match self.disk.stat_following(&self.place(&folder)) {
                Ok(stat) => return stat.sort != Sort::Dir,
                Err(_) => above = folder.parent(),
            }
        }
        false
    }

    /// Tells whether a folder with nothing in it stands at `path`.
    pub fn is_empty_folder(&self, path: &RepoPath) -> bool {
        list_tree(&*self.disk, &self.place(path), Outward::Follow).is_ok_and(|found| found.is_empty())
    }

    /// Returns the digest of a file's content, or of a folder's listing; `None` if nothing stands there.
    pub fn digest(&mut self, path: &RepoPath) -> Result<Option<Digest>, EngineError> {
        match self.stat(path)? {
            None => Ok(None),
            Some(stat) if stat.sort == Sort::Dir => Ok(Some(self.listing(path)?.digest())),
            Some(stat) if stat.sort == Sort::File => Ok(Some(self.digest_of(path, &stat)?)),
            Some(_) => Err(EngineError::special(&self.place(path))),
        }
    }

    /// Returns the stats of a file, or of all files in a folder; none if nothing stands there.
    pub fn stats(&self, path: &RepoPath) -> Result<Vec<Stat>, EngineError> {
        match self.stat(path)? {
            None => Ok(Vec::new()),
            Some(stat) if stat.sort == Sort::Dir => {
                match list_tree(&*self.disk, &self.place(path), Outward::Follow) {
                    // What cannot be content is told by its digest.
                    Err(error) if error.is_no_content() => Ok(Vec::new()),
                    found => Ok(found?.files.into_iter().map(|(_, stat)| stat).collect()),
                }
            }
            Some(stat) => Ok(vec![stat]),
        }
    }

    /// Reads a file's content together with its digest.
    pub fn read(&self, path: &RepoPath) -> Result<(Vec<u8>, Digest), EngineError> {
        let place = self.place(path);
        let bytes = self.disk.read(&place).map_err(|error| EngineError::read(&place, error))?;
        let digest = Digest::of(&bytes);
        Ok((bytes, digest))
    }

    /// Reads a file, or a part of one, for an expression that looks into it; a folder has no content of its own.
    pub fn content(&self, file: &ScopeFile) -> Result<Option<Seen>, Failure> {
        let path = file.path.as_str();
        let broken = |why: String| Failure::new(Cause::Machine, format!("failed to read `{path}`: {why}"));
        let place = RepoPath::found(path).map_err(|fault| broken(fault.to_string()))?;
        match self.disk.read(&place.under(&self.root)) {
            Ok(bytes) => self.seen(file, bytes),
            Err(error) if error.kind() == io::ErrorKind::IsADirectory => Ok(None),
            Err(error) => Err(broken(error.to_string())),
        }
    }

    /// Remembers the digest of what was just written at `path`.
    pub fn learn(&mut self, path: &RepoPath, digest: Digest) -> Result<(), EngineError> {
        if let Some(stat) = self.stat(path)?.filter(|stat| stat.sort == Sort::File) {
            self.memo.learn(path.as_str(), stat, digest, self.opened_ns);
        }
        Ok(())
    }

    /// Tells whether what stands is what this session saw of it: by the stat of a file that was hashed, else by the time of the
    /// last change.
    pub fn is_as_seen(&self, path: &str, stat: &Stat) -> bool {
        self.memo.stat(path).map_or_else(|| !is_racy(stat, self.opened_ns), |known| known == stat)
    }

    /// Hashes files again whose stat proves nothing, and remembers those that are as they were. `fs_now_ns` is the file system's
    /// time from just before.
    pub fn hash_again(&mut self, fs_now_ns: i64) {
        let paths: Vec<String> = self.memo.racy().map(str::to_owned).collect();
        let places: Vec<PathBuf> = paths.iter().map(|path| self.root.join(path)).collect();
        for (path, hashed) in paths.iter().zip(hash_many(&*self.disk, &places)) {
            // What changed is told by the next build.
            if let Ok((digest, stat)) = hashed
                && self.memo.digest(path) == Some(digest)
                && self.memo.stat(path) == Some(&stat)
            {
                self.memo.learn(path, stat, digest, fs_now_ns);
            }
        }
    }

    /// Lists what is in a folder, files with their digests.
    pub fn listing(&mut self, path: &RepoPath) -> Result<TreeListing, EngineError> {
        let place = self.place(path);
        let found = list_tree(&*self.disk, &place, Outward::Follow)?;
        let mut entries = Vec::new();
        for (relative, stat) in &found.files {
            let digest = self.digest_of(&path.within(relative), stat)?;
            entries.push(TreeEntry { path: relative.clone(), digest, executable: stat.executable });
        }
        Ok(found.listing(entries))
    }

    fn digest_of(&mut self, path: &RepoPath, stat: &Stat) -> Result<Digest, EngineError> {
        if let Some(digest) = self.memo.lookup(path.as_str(), stat) {
            return Ok(digest);
        }
        let place = self.place(path);
        let (digest, stat) = hash_file(&*self.disk, &place)?;
        self.memo.learn(path.as_str(), stat, digest, self.opened_ns);
        Ok(digest)
    }
}

/// Tells "nothing is there" from "it cannot be known". A link that leads in a circle leads to nothing.
pub fn is_absent(error: &io::Error) -> bool {
    // ELOOP, which has no stable `ErrorKind` yet: errno.h of Linux, and of the BSDs and macOS.
    let circle = if cfg!(target_os = "linux") { 40 } else { 62 };
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
        || cfg!(unix) && error.raw_os_error() == Some(circle)
}

/// Tells whether a write to `path` would stay inside `root`: no folder on the way is a symlink that leads out.
pub fn stays_inside(disk: &dyn Disk, root: &Path, path: &RepoPath) -> bool {
    let Ok(home) = disk.canonical(root) else { return false };
    let mut folder = path.parent();
    while let Some(existing) = folder {
        match disk.canonical(&existing.under(root)) {
            Ok(place) => return place.starts_with(&home),
            Err(_) => folder = existing.parent(),
        }
    }
    true
}
