//! Which folders models live in: what `STORYGEN_MODELS` names, and the user's data folder.

use super::catalog::Model;
use super::fault::Fault;
use crate::world::env::Environment;
use std::path::{Path, PathBuf};

/// The folders of a session.
#[derive(Clone, Debug)]
pub struct Places {
    /// What `STORYGEN_MODELS` names.
    pub given: Option<PathBuf>,
    data: Result<PathBuf, &'static str>,
}

impl Places {
    /// Reads the folders from the environment; none needs to exist.
    pub fn of(env: &Environment) -> Places {
        let set = |name: &str| env.get(name).filter(|value| !value.is_empty());
        Places { given: set("STORYGEN_MODELS").map(|dir| env.current_dir.join(dir)), data: data(set) }
    }

    /// Returns the folder that holds all models.
    pub fn models(&self) -> Result<&Path, Fault> {
        self.data.as_deref().map_err(|&why| Fault::NoHome(why))
    }

    /// Returns the folder of an installed model.
    pub fn home(&self, model: &Model) -> Result<PathBuf, Fault> {
        Ok(self.models()?.join(model.id()))
    }

    /// Returns the folder that is filled before it becomes [`Places::home`].
    pub fn staging(&self, model: &Model) -> Result<PathBuf, Fault> {
        Ok(self.models()?.join(format!("{}.pull", model.id())))
    }

    /// Returns the lock of the one that fills.
    pub fn lock(&self, model: &Model) -> Result<PathBuf, Fault> {
        Ok(self.models()?.join(format!("{}.lock", model.id())))
    }

    /// Returns the folders inside `STORYGEN_MODELS` that may hold this model's files: the first that does counts.
    pub fn given_dirs(&self, model: &Model) -> Vec<PathBuf> {
        self.given.iter().flat_map(|dir| [dir.join(model.id()), dir.join(model.name), dir.clone()]).collect()
    }
}

/// Returns the user's data folder by the platform's rules (XDG Base Directory 0.8; `%APPDATA%` on Windows).
///
/// Read from the session's environment and not from the process's, so that an embedder decides.
fn data<'a>(set: impl Fn(&str) -> Option<&'a str>) -> Result<PathBuf, &'static str> {
    let base = if let Some(dir) = set("XDG_DATA_HOME").map(Path::new).filter(|dir| dir.is_absolute()) {
        dir.to_owned()
    } else if cfg!(windows) {
        set("APPDATA").map(PathBuf::from).ok_or("APPDATA is not set")?
    } else {
        let home = set("HOME").map(Path::new).filter(|home| home.is_absolute());
        home.ok_or("HOME is not set")?.join(".local/share")
    };
    Ok(base.join("storygen").join("models"))
}

#[cfg(test)]
mod tests {
    use super::super::catalog;
    use super::*;

    fn places(vars: &[(&str, &str)]) -> Places {
        let vars = vars.iter().map(|(name, value)| (name.to_string(), value.to_string()));
        Places::of(&Environment::with(vars, PathBuf::from("/work")))
    }

    #[cfg(unix)]
    #[test]
    fn the_data_folder_follows_the_platform() {
        let home = |vars| places(vars).home(&catalog::LOCAL_VOICE).unwrap();
        let id = "storygen/models/49f2abbbe451c988";
        assert_eq!(home(&[("HOME", "/h")]), Path::new("/h/.local/share").join(id));
        assert_eq!(home(&[("HOME", "/h"), ("XDG_DATA_HOME", "/d")]), Path::new("/d").join(id));
        // The specification: a relative path is to be ignored.
        assert_eq!(home(&[("HOME", "/h"), ("XDG_DATA_HOME", "d")]), Path::new("/h/.local/share").join(id));
    }

    #[cfg(unix)]
    #[test]
    fn a_missing_home_is_an_error_with_a_way_out() {
        let failure = places(&[]).models().unwrap_err().into_failure(&catalog::LOCAL);
        assert_eq!(failure.message, "there is no folder for models: HOME is not set");
        assert!(failure.hint.unwrap().contains("XDG_DATA_HOME"));
    }

    #[test]
    fn a_relative_folder_counts_from_where_the_command_was_given() {
        assert_eq!(places(&[("STORYGEN_MODELS", "m")]).given.unwrap(), Path::new("/work/m"));
    }
}
