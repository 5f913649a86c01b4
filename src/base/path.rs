//! A path inside the repo, as the user wrote it.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::{Path, PathBuf};

/// A path relative to the Storyfile: `/`-separated, normalised, never leaving the repo.
///
/// Invariant: not empty, no leading `/`, no empty, `.` or `..` segment, no trailing `/`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RepoPath(String);

/// Why a text is not a [`RepoPath`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathFault {
    #[error("the path is empty")]
    Empty,
    #[error("the path is absolute")]
    Absolute,
    #[error("it starts like a drive of Windows")]
    Drive,
    #[error("the path leads out of the repo")]
    Outside,
    #[error("the path has a backslash: write `/` between folders")]
    Backslash,
    #[error("the path has a control character")]
    Control,
    #[error("its name is not UTF-8")]
    NotUtf8,
    #[error("the path has a name of more than {NAME_BYTES_MAX} bytes")]
    LongName,
    #[error("the path is longer than {PATH_BYTES_MAX} bytes")]
    Long,
}

/// The longest name that file systems take, in bytes.
const NAME_BYTES_MAX: usize = 255;

/// Half of what Linux takes as a path: the other half is for where the repo lies, and for staging.
const PATH_BYTES_MAX: usize = 2048;

/// Returns the segments that are left of a path once it is normalised.
fn normal(text: &str) -> Result<Vec<&str>, PathFault> {
    let mut parts: Vec<&str> = Vec::new();
    for part in text.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop().ok_or(PathFault::Outside)?;
            }
            part => parts.push(part),
        }
    }
    if parts.is_empty() { Err(PathFault::Empty) } else { Ok(parts) }
}

impl RepoPath {
    /// Parses and normalises `text` (`./a//b/` becomes `a/b`).
    pub fn parse(text: &str) -> Result<RepoPath, PathFault> {
        RepoPath::pattern(text)?;
        RepoPath::found(text)
    }

    /// Normalises a pattern of paths; its alternatives may be longer than any path.
    pub fn pattern(text: &str) -> Result<String, PathFault> {
        if text.is_empty() {
            return Err(PathFault::Empty);
        }
        let drive = text.as_bytes().get(1) == Some(&b':') && text.as_bytes()[0].is_ascii_alphabetic();
        if text.starts_with('/') || drive && text[2..].starts_with(['/', '\\']) {
            return Err(PathFault::Absolute);
        }
        if drive {
            return Err(PathFault::Drive);
        }
        if text.contains('\\') {
            return Err(PathFault::Backslash);
        }
        if text.chars().any(char::is_control) {
            return Err(PathFault::Control);
        }
        normal(text).map(|parts| parts.join("/"))
    }

    /// Returns the path of a file that was found on disk: a newline or a backslash in its name is nobody's slip there.
    pub fn found(text: &str) -> Result<RepoPath, PathFault> {
        if text.starts_with('/') {
            return Err(PathFault::Absolute);
        }
        let parts = normal(text)?;
        if parts.iter().any(|part| part.len() > NAME_BYTES_MAX) {
            return Err(PathFault::LongName);
        }
        let path = parts.join("/");
        if path.len() > PATH_BYTES_MAX { Err(PathFault::Long) } else { Ok(RepoPath(path)) }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the path's place on disk under `root`.
    pub fn under(&self, root: &Path) -> PathBuf {
        root.join(&self.0)
    }

    /// Returns the last segment.
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    /// Returns the last segment without its extension: `a/b.tar.gz` gives `b.tar`.
    pub fn stem(&self) -> &str {
        let name = self.file_name();
        match name.rfind('.') {
            Some(at) if at > 0 => &name[..at],
            _ => name,
        }
    }

    /// Returns the extension without its dot, or nothing.
    pub fn extension(&self) -> &str {
        let name = self.file_name();
        match name.rfind('.') {
            Some(at) if at > 0 => &name[at + 1..],
            _ => "",
        }
    }

    /// Returns the folder that holds this path; `None` at the top of the repo.
    pub fn parent(&self) -> Option<RepoPath> {
        self.0.rfind('/').map(|at| RepoPath(self.0[..at].to_owned()))
    }

    /// Returns `self/name`.
    pub fn join(&self, name: &str) -> Result<RepoPath, PathFault> {
        RepoPath::parse(&format!("{}/{name}", self.0))
    }

    /// Returns the path that `inner` has as seen from this folder's parent: `self/inner`.
    pub fn within(&self, inner: &RepoPath) -> RepoPath {
        RepoPath(format!("{}/{}", self.0, inner.0))
    }

    /// Tells whether this path is `folder` itself or lies in it.
    pub fn is_within(&self, folder: &RepoPath) -> bool {
        self.0.strip_prefix(&folder.0).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

impl TryFrom<String> for RepoPath {
    type Error = PathFault;
    fn try_from(text: String) -> Result<RepoPath, PathFault> {
        RepoPath::found(&text)
    }
}

impl From<RepoPath> for String {
    fn from(path: RepoPath) -> String {
        path.0
    }
}

impl fmt::Display for RepoPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RepoPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<String, PathFault> {
        RepoPath::parse(text).map(String::from)
    }

    #[test]
    fn a_path_is_normalised() {
        assert_eq!(parsed("./a//b/"), Ok("a/b".into()));
        assert_eq!(parsed("a/../b"), Ok("b".into()));
        assert_eq!(parsed("тексты/глава 1.md"), Ok("тексты/глава 1.md".into()));
    }

    #[test]
    fn what_is_found_on_disk_may_be_called_anything() {
        for name in ["in/two\nlines", "in/back\\slash", "in/C:\t"] {
            let path = RepoPath::found(name).unwrap();
            assert_eq!(path.as_str(), name);
            let written = serde_json::to_string(&path).unwrap();
            assert_eq!(serde_json::from_str::<RepoPath>(&written).unwrap(), path);
        }
        assert_eq!(RepoPath::found("a/../../b"), Err(PathFault::Outside));
        assert_eq!(RepoPath::found("/a"), Err(PathFault::Absolute));
    }

    #[test]
    fn a_path_never_leaves_the_repo() {
        assert_eq!(parsed("../a"), Err(PathFault::Outside));
        assert_eq!(parsed("a/../../b"), Err(PathFault::Outside));
        assert_eq!(parsed("/etc/passwd"), Err(PathFault::Absolute));
        assert_eq!(parsed("C:/x"), Err(PathFault::Absolute));
        assert_eq!(parsed("x:y"), Err(PathFault::Drive));
        assert_eq!(parsed("a\\b"), Err(PathFault::Backslash));
        assert_eq!(parsed("a\nb"), Err(PathFault::Control));
        assert_eq!(parsed("."), Err(PathFault::Empty));
    }

    #[test]
    fn a_path_is_one_that_a_disk_can_have() {
        assert!(parsed(&format!("a/{}", "x".repeat(255))).is_ok());
        assert_eq!(parsed(&format!("a/{}", "x".repeat(256))), Err(PathFault::LongName));
        assert_eq!(parsed(&format!("a/{}", "ж".repeat(128))), Err(PathFault::LongName));
        assert_eq!(parsed(&"abc/".repeat(600)), Err(PathFault::Long));
    }

    #[test]
    fn a_sibling_with_the_same_start_is_not_within() {
        let folder = RepoPath::parse("a/b").unwrap();
        assert!(RepoPath::parse("a/b/c").unwrap().is_within(&folder));
        assert!(!RepoPath::parse("a/bc").unwrap().is_within(&folder));
    }
}
