//! The environment, read once when the session opens.

use crate::base::secret::is_secret_name;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

/// The names that every child process sees, beside what its stage declares (R20).
const CHILD_NAMES: &[&str] = &["PATH", "HOME", "USER", "TMPDIR", "TERM", "LANG", "TZ"];

/// A snapshot of the environment and the working directory.
#[derive(Clone, Default)]
pub struct Environment {
    vars: BTreeMap<String, String>,
    /// What a file beside the Storyfile adds, for who looks there as well.
    beside: BTreeMap<String, String>,
    /// The folder in which the command was given.
    pub current_dir: PathBuf,
    /// This program's own file, to start itself as a helper process.
    pub program: Option<PathBuf>,
    /// This process's number.
    pub process: u32,
    /// How many processors this process may use; at least 1.
    pub cores: u32,
}

impl Environment {
    /// Reads this process's environment. Names and values that are not UTF-8 are left out.
    pub fn of_this_process() -> Environment {
        let text = |os: OsString| os.into_string().ok();
        Environment {
            beside: BTreeMap::new(),
            vars: std::env::vars_os().filter_map(|(name, value)| Some((text(name)?, text(value)?))).collect(),
            current_dir: std::env::current_dir().unwrap_or_default(),
            program: std::env::current_exe().ok(),
            process: std::process::id(),
            cores: std::thread::available_parallelism().map_or(1, |cores| u32::try_from(cores.get()).unwrap_or(1)),
        }
    }

    /// Returns an environment with just these variables, for an embedder or a test.
    pub fn with(vars: impl IntoIterator<Item = (String, String)>, current_dir: PathBuf) -> Environment {
        let vars = vars.into_iter().collect();
        Environment { vars, current_dir, cores: 1, ..Environment::default() }
    }

    /// Returns the same with the variables of a file beside the Storyfile.
    pub fn and_beside(&self, beside: BTreeMap<String, String>) -> Environment {
        Environment { beside, ..self.clone() }
    }

    /// Returns the variable that a Storyfile asks for: of the environment, else of the file beside it.
    pub fn look_up(&self, name: &str) -> Option<&str> {
        self.get(name).or_else(|| self.beside.get(name).map(String::as_str))
    }

    /// Returns the variable's value in the environment as such; `None` if it is not set. What steers storygen itself is
    /// looked for here: a repo does not say where models lie or who watches over processes.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.vars.get(name).map(String::as_str)
    }

    /// Returns what a child process sees of this environment: the common names and `LC_*`, without `secrets` and what is
    /// named like one.
    pub fn for_child(&self, secrets: &BTreeSet<String>) -> BTreeMap<String, String> {
        let is_common = |name: &str| CHILD_NAMES.contains(&name) || name.starts_with("LC_");
        self.vars
            .iter()
            .filter(|(name, _)| is_common(name) && !is_secret_name(name) && !secrets.contains(*name))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    }
}

impl fmt::Debug for Environment {
    /// Names only: a value may be a secret.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = |vars: &BTreeMap<String, String>| vars.keys().cloned().collect::<Vec<_>>();
        let mut shown = out.debug_struct("Environment");
        shown.field("vars", &names(&self.vars)).field("beside", &names(&self.beside));
        shown.field("current_dir", &self.current_dir).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_beside_the_storyfile_never_overrides_the_environment_and_no_child_sees_it() {
        let own = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let environment = Environment::with([own("A", "1")], PathBuf::new());
        let both = environment.and_beside([own("A", "2"), own("B", "3"), own("TZ", "UTC")].into());
        assert_eq!((both.look_up("A"), both.look_up("B"), both.look_up("C")), (Some("1"), Some("3"), None));
        assert_eq!((both.get("A"), both.get("B")), (Some("1"), None));
        assert!(both.for_child(&BTreeSet::new()).is_empty());
    }

    #[test]
    fn a_child_sees_no_secret_it_was_not_given() {
        let vars =
            [("PATH", "/bin"), ("OPENAI_API_KEY", "sk-1"), ("LC_ALL", "C"), ("LC_API_KEY", "sk-2"), ("TZ", "sk-3")];
        let environment =
            Environment::with(vars.map(|(name, value)| (name.to_owned(), value.to_owned())), PathBuf::new());
        let child = environment.for_child(&BTreeSet::from(["TZ".to_owned()]));
        assert_eq!(child.keys().collect::<Vec<_>>(), ["LC_ALL", "PATH"]);
    }

    #[test]
    fn what_it_looks_like_in_a_log_holds_no_value() {
        let own = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let environment = Environment::with([own("A", "sk-1")], PathBuf::new()).and_beside([own("B", "sk-2")].into());
        let shown = format!("{environment:?}");
        assert!(shown.contains("\"A\"") && shown.contains("\"B\"") && !shown.contains("sk-"), "{shown}");
    }
}
