//! The user's own record of whom they trust with keys: one line for a repo and a host, in their settings and never in a
//! repo.

use crate::cli::error::CliError;
use crate::provider::trust::Disclosure;
use crate::world::World;
use crate::world::lock::{Held, wait_exclusive};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

/// The record as one repo sees it.
pub struct Record<'a> {
    world: &'a World,
    place: PathBuf,
    /// The repo's canonical root.
    root: String,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Line {
    root: String,
    host: String,
    variables: BTreeSet<String>,
}

impl<'a> Record<'a> {
    /// Opens the record for the repo at `root`, which is canonical.
    pub fn of(world: &'a World, root: &Path) -> Result<Record<'a>, CliError> {
        let place = settings(|name| world.env.get(name)).map_err(|why| CliError::Usage {
            message: format!("there is no folder for your settings: {why}"),
            hint: Some("Set HOME or XDG_CONFIG_HOME.".to_owned()),
        })?;
        // A repo must not come with a record of its own.
        let standing = place.ancestors().find_map(|folder| world.disk.canonical(folder).ok());
        if standing.is_some_and(|folder| folder.starts_with(root)) {
            return Err(CliError::Usage {
                message: format!("your settings in `{}` lie in the repo itself", place.display()),
                hint: Some("Set XDG_CONFIG_HOME to a folder outside of it, or build with `--trust`.".to_owned()),
            });
        }
        Ok(Record { world, place: place.join("trust.jsonl"), root: root.to_string_lossy().into_owned() })
    }

    /// Returns whom this repo's keys may be told to, by host.
    pub fn trusted(&self) -> Result<Vec<Disclosure>, CliError> {
        let mut trusted: Vec<Disclosure> = self.lines()?.iter().filter_map(|line| self.read(line)).collect();
        trusted.sort();
        Ok(trusted)
    }

    /// Adds a host, or variables to what it is trusted with.
    pub fn add(&self, disclosure: &Disclosure) -> Result<(), CliError> {
        let mut disclosure = disclosure.clone();
        self.change(|record, lines| {
            let known = lines.iter().filter_map(|line| record.read(line)).filter(|known| known.host == disclosure.host);
            disclosure.variables.extend(known.flat_map(|known| known.variables));
            record.drop_host(&disclosure.host, lines);
            let Disclosure { host, variables } = disclosure;
            let line = Line { root: record.root.clone(), host, variables };
            lines.push(serde_json::to_string(&line).expect("a line is plain data"));
        })
    }

    /// Removes a host; tells whether it was there.
    pub fn remove(&self, host: &str) -> Result<Removed, CliError> {
        let mut removed = Removed::Nothing;
        self.change(|record, lines| removed = record.drop_host(host, lines))?;
        Ok(removed)
    }

    fn drop_host(&self, host: &str, lines: &mut Vec<String>) -> Removed {
        let before = lines.len();
        lines.retain(|line| self.read(line).is_none_or(|known| known.host != host));
        if lines.len() == before { Removed::Nothing } else { Removed::Host }
    }

    /// Returns what a line says of this repo. A line that cannot be read trusts nobody.
    fn read(&self, line: &str) -> Option<Disclosure> {
        let Line { root, host, variables } = serde_json::from_str(line).ok()?;
        (root == self.root).then_some(Disclosure { host, variables })
    }

    fn lines(&self) -> Result<Vec<String>, CliError> {
        match self.world.disk.read(&self.place) {
            Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).lines().map(str::to_owned).collect()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(CliError::read(&self.place, &error)),
        }
    }

    /// Writes the lines anew as `change` leaves them; those of others and those that it cannot read stay.
    fn change(&self, change: impl FnOnce(&Record<'_>, &mut Vec<String>)) -> Result<(), CliError> {
        let _lock = self.hold()?;
        let mut lines = self.lines()?;
        change(self, &mut lines);
        lines.sort();
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        let written = self.world.disk.write_private(&self.place, text.as_bytes());
        written.map_err(|error| CliError::write(&self.place, &error))
    }

    fn hold(&self) -> Result<Held, CliError> {
        let folder = self.place.parent().unwrap_or(Path::new("/"));
        let above = folder.parent().unwrap_or(Path::new("/"));
        let made = self.world.disk.create_dirs(above).and_then(|()| self.world.disk.create_private_dir(folder));
        made.map_err(|error| CliError::write(folder, &error))?;
        let place = folder.join("trust.lock");
        let us = format!("process {}", self.world.env.process);
        wait_exclusive(&place, &us).map_err(|error| CliError::write(&place, &error))
    }
}

/// What was removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removed {
    Host,
    Nothing,
}

/// Returns the user's settings folder by the platform's rules (XDG Base Directory 0.8; `%APPDATA%` on Windows).
pub fn settings<'a>(set: impl Fn(&str) -> Option<&'a str>) -> Result<PathBuf, &'static str> {
    let whole = |name: &str| set(name).map(Path::new).filter(|dir| dir.is_absolute()).map(Path::to_owned);
    let base = match whole("XDG_CONFIG_HOME") {
        Some(dir) => dir,
        None if cfg!(windows) => whole("APPDATA").ok_or("APPDATA is not set")?,
        None => whole("HOME").ok_or("HOME is not set")?.join(".config"),
    };
    Ok(base.join("storygen"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::env::Environment;
    use std::sync::Arc;

    struct Home {
        dir: tempfile::TempDir,
        world: World,
    }

    fn home() -> Home {
        let dir = tempfile::tempdir().unwrap();
        let vars = [("XDG_CONFIG_HOME".to_owned(), dir.path().join("config").display().to_string())];
        let env = Arc::new(Environment::with(vars, dir.path().to_owned()));
        Home { world: World { env, ..World::real() }, dir }
    }

    fn disclosure(host: &str, variable: &str) -> Disclosure {
        Disclosure { host: host.to_owned(), variables: BTreeSet::from([variable.to_owned()]) }
    }

    #[test]
    fn every_repo_has_its_own_hosts_and_a_host_its_variables() {
        let home = home();
        let record = |root: &str| Record::of(&home.world, Path::new(root)).unwrap();
        record("/one").add(&disclosure("a.example", "A")).unwrap();
        record("/one").add(&disclosure("a.example", "B")).unwrap();
        record("/one").add(&disclosure("b.example", "A")).unwrap();
        let hosts: Vec<String> = record("/one").trusted().unwrap().iter().map(Disclosure::to_string).collect();
        assert_eq!(hosts, ["`A` and `B` to `a.example`", "`A` to `b.example`"]);
        assert!(record("/two").trusted().unwrap().is_empty());
        assert_eq!(record("/two").remove("a.example").unwrap(), Removed::Nothing);
        assert_eq!(record("/one").remove("a.example").unwrap(), Removed::Host);
        assert_eq!(record("/one").trusted().unwrap().len(), 1);
    }

    #[test]
    fn a_line_that_cannot_be_read_trusts_nobody_and_stays() {
        let home = home();
        let record = Record::of(&home.world, Path::new("/one")).unwrap();
        record.add(&disclosure("a.example", "A")).unwrap();
        let place = home.dir.path().join("config/storygen/trust.jsonl");
        let text = std::fs::read_to_string(&place).unwrap();
        std::fs::write(&place, format!("{{\"root\":\"/one\",\"host\":7}}\n{text}")).unwrap();
        assert_eq!(record.trusted().unwrap().len(), 1);
        record.remove("a.example").unwrap();
        assert_eq!(std::fs::read_to_string(&place).unwrap(), "{\"root\":\"/one\",\"host\":7}\n");
    }

    #[cfg(unix)]
    #[test]
    fn only_its_owner_can_read_it() {
        use std::os::unix::fs::PermissionsExt;
        let home = home();
        Record::of(&home.world, Path::new("/one")).unwrap().add(&disclosure("a.example", "A")).unwrap();
        let mode = |name: &str| std::fs::metadata(home.dir.path().join(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode("config/storygen/trust.jsonl"), mode("config/storygen")), (0o600, 0o700));
    }

    #[test]
    fn a_repo_does_not_come_with_a_record_of_its_own() {
        let home = home();
        let root = home.dir.path().canonicalize().unwrap();
        let (message, hint) = Record::of(&home.world, &root).err().unwrap().words();
        assert!(message.ends_with("lie in the repo itself"), "{message}");
        assert_eq!(hint.unwrap(), "Set XDG_CONFIG_HOME to a folder outside of it, or build with `--trust`.");
    }

    #[cfg(unix)]
    #[test]
    fn the_settings_follow_the_platform() {
        let place = |vars: &'static [(&str, &str)]| {
            settings(|name| vars.iter().find(|(known, _)| *known == name).map(|(_, value)| *value))
        };
        assert_eq!(place(&[("HOME", "/h")]).unwrap(), Path::new("/h/.config/storygen"));
        assert_eq!(place(&[("HOME", "/h"), ("XDG_CONFIG_HOME", "/c")]).unwrap(), Path::new("/c/storygen"));
        assert_eq!(place(&[("HOME", "/h"), ("XDG_CONFIG_HOME", "c")]).unwrap(), Path::new("/h/.config/storygen"));
        assert_eq!(place(&[]), Err("HOME is not set"));
    }
}
