//! The folder in which a stage is at home: that of the file which declares it.

use crate::base::path::RepoPath;

/// A folder of the repo: the Storyfile's own, or one below it from which a file was included.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Home(Option<RepoPath>);

impl Home {
    /// Returns the folder that holds a file.
    pub fn of(file: &RepoPath) -> Home {
        Home(file.parent())
    }

    /// Returns the folder, if it is not the Storyfile's own.
    pub fn folder(&self) -> Option<&RepoPath> {
        self.0.as_ref()
    }

    /// Returns what comes before the names of stages here: `voices.` for the folder `voices`.
    pub fn prefix(&self) -> String {
        self.0.as_ref().map_or(String::new(), |folder| format!("{}.", folder.as_str().replace('/', ".")))
    }

    /// Turns a path or a pattern as it is written here into one from the Storyfile's folder; it may lead out of the repo
    /// as well as before.
    pub fn from_root(&self, written: &str) -> String {
        match &self.0 {
            Some(folder) if !written.is_empty() && !is_absolute(written) => format!("{folder}/{written}"),
            _ => written.to_owned(),
        }
    }

    /// Turns a path from the Storyfile's folder into one as it would be written here: `../art/x.png`.
    pub fn seen(&self, path: &str) -> String {
        let Some(folder) = &self.0 else { return path.to_owned() };
        let steps: Vec<&str> = folder.as_str().split('/').collect();
        let parts: Vec<&str> = path.split('/').collect();
        let shared = steps.iter().zip(&parts).take_while(|(step, part)| step == part).count();
        // The folder itself, or one above it, has to keep a name.
        let shared = shared.min(parts.iter().filter(|part| !part.is_empty()).count().saturating_sub(1));
        let up = std::iter::repeat_n("..", steps.len() - shared);
        up.chain(parts[shared..].iter().copied()).collect::<Vec<_>>().join("/")
    }

    /// Turns a path that is seen here back into one from the Storyfile's folder.
    pub fn unseen(&self, seen: &str) -> String {
        let path = self.from_root(seen);
        RepoPath::found(&path).map_or(path, String::from)
    }
}

/// A path that no folder before it makes one of the repo.
fn is_absolute(written: &str) -> bool {
    written.starts_with('/') || written.as_bytes().get(1) == Some(&b':')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn home(file: &str) -> Home {
        Home::of(&RepoPath::parse(file).unwrap())
    }

    #[test]
    fn a_path_is_seen_from_its_home_and_found_again() {
        let deep = home("a/b/Storyfile.yaml");
        for (path, seen) in [
            ("a/b/c.txt", "c.txt"),
            ("a/b/c/d.txt", "c/d.txt"),
            ("a/x.txt", "../x.txt"),
            ("art/x.png", "../../art/x.png"),
            ("a/bc/x", "../bc/x"),
            ("a/b", "../b"),
            ("a", "../../a"),
        ] {
            assert_eq!(deep.seen(path), seen, "{path}");
            assert_eq!(deep.unseen(seen), path, "{seen}");
        }
        assert_eq!(home("Storyfile.yaml"), Home::default());
        assert_eq!(Home::default().seen("a/b"), "a/b");
    }

    #[test]
    fn what_is_written_there_is_found_from_the_root() {
        let deep = home("a/b/Storyfile.yaml");
        assert_eq!(deep.from_root("*.md"), "a/b/*.md");
        assert_eq!(deep.from_root("/etc/passwd"), "/etc/passwd");
        assert_eq!(deep.prefix(), "a.b.");
    }
}
