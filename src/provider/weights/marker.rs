//! The note that makes a folder count as installed. It is written last: a folder without it is not finished.

use super::catalog::{Model, ModelFile, Role};
use super::checked::{self, Pinned};
use super::fault::{Fault, OnDisk};
use crate::world::disk::{Disk, Sort};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The note's file name.
pub const FILE_NAME: &str = "installed.json";

const FORMAT: u32 = 1;

/// What is in a model's folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marker {
    format: u32,
    pub model: String,
    pub licence: String,
    /// Where the files came from, for people.
    pub source: String,
    pub files: Vec<Stored>,
}

/// One file of the folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stored {
    pub name: String,
    /// In bytes.
    pub size: u64,
    pub sha256: String,
    pub kind: Kind,
    /// For a derived file: the published one that it was made from and that it replaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_from: Option<String>,
}

/// Where a file's bytes come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Published, and its hash is pinned.
    Weights,
    /// Made here from published weights.
    Derived,
    /// A licence's text.
    Notice,
}

/// A folder that holds a model.
#[derive(Clone, Debug)]
pub struct Shelf {
    pub dir: PathBuf,
    pub marker: Marker,
}

impl Marker {
    /// Makes the note of these published files.
    pub fn of(model: &Model, source: &str, files: impl IntoIterator<Item = &'static ModelFile>) -> Marker {
        Marker {
            format: FORMAT,
            model: model.name.to_owned(),
            licence: model.licence.to_owned(),
            source: source.to_owned(),
            files: files.into_iter().map(Stored::published).collect(),
        }
    }

    /// Says whether the folder holds that file.
    pub fn holds(&self, name: &str) -> bool {
        self.files.iter().any(|stored| stored.name == name)
    }

    /// Says whether a file made from that one stands for it.
    pub fn replaces(&self, name: &str) -> bool {
        self.files.iter().any(|stored| stored.made_from.as_deref() == Some(name))
    }

    /// Notes that `name` was made from `from`, which leaves.
    pub fn replace(&mut self, from: &str, name: &str, bytes: &[u8]) {
        self.files.retain(|stored| stored.name != from);
        self.files.push(Stored {
            name: name.to_owned(),
            size: bytes.len() as u64,
            sha256: checked::sha256(bytes),
            kind: Kind::Derived,
            made_from: Some(from.to_owned()),
        });
    }

    /// Writes the note, so that from now on the folder counts.
    pub fn write(&self, disk: &dyn Disk, dir: &Path) -> Result<(), Fault> {
        let path = dir.join(FILE_NAME);
        let text = serde_json::to_string_pretty(self).expect("a marker is plain data");
        disk.write_durable(&path, text.as_bytes()).on_disk("write", &path)
    }
}

impl Stored {
    fn published(file: &'static ModelFile) -> Stored {
        let kind = match file.role {
            Role::Weights => Kind::Weights,
            Role::Notice => Kind::Notice,
        };
        Stored { name: file.name.to_owned(), size: file.size, sha256: file.sha256.to_owned(), kind, made_from: None }
    }

    /// Returns what the file must be: by the catalogue where that knows it, else by what was noted.
    pub fn pinned(&self, model: &Model) -> Pinned<'_> {
        match model.file(&self.name) {
            Some(file) => Pinned { sha256: file.sha256, size: file.size },
            None => Pinned { sha256: &self.sha256, size: self.size },
        }
    }
}

impl Shelf {
    /// Returns the installed model in `dir`, judged by the note and the files' sizes alone.
    pub fn installed(disk: &dyn Disk, dir: &Path, model: &Model) -> Option<Shelf> {
        let marker: Marker = serde_json::from_slice(&disk.read(&dir.join(FILE_NAME)).ok()?).ok()?;
        let is_whole = marker.format == FORMAT
            && marker.model == model.name
            && model.weights().all(|file| marker.holds(file.name) || marker.replaces(file.name))
            && marker.files.iter().all(|stored| {
                is_plain(&stored.name) && size(disk, &dir.join(&stored.name)) == Some(stored.pinned(model).size)
            });
        is_whole.then(|| Shelf { dir: dir.to_owned(), marker })
    }

    /// Returns the model whose files lie loose in `dir`; whether they are the right ones shows when they are read.
    pub fn loose(disk: &dyn Disk, dir: &Path, model: &Model) -> Option<Shelf> {
        let all_there = model.weights().all(|file| size(disk, &dir.join(file.name)).is_some());
        all_there.then(|| Shelf { dir: dir.to_owned(), marker: Marker::of(model, "STORYGEN_MODELS", model.weights()) })
    }

    /// Returns the bytes of one of the folder's files, checked.
    pub fn read(&self, disk: &dyn Disk, model: &Model, stored: &Stored) -> Result<Vec<u8>, Fault> {
        checked::read(disk, &self.dir.join(&stored.name), stored.pinned(model))
    }
}

/// A note may name files of its own folder only.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\\', ':'])
}

fn size(disk: &dyn Disk, path: &Path) -> Option<u64> {
    disk.stat_following(path).ok().filter(|stat| stat.sort == Sort::File).map(|stat| stat.size)
}

#[cfg(test)]
mod tests {
    use super::super::catalog;
    use super::*;
    use crate::world::real::RealDisk;

    #[test]
    fn a_note_cannot_point_out_of_its_folder() {
        for name in ["../a", "/etc/passwd", "..", "a\\b", ""] {
            assert!(!is_plain(name), "{name}");
        }
        assert!(is_plain("SmolLM2-135M-Instruct.Q4_1.gguf"));
    }

    #[test]
    fn a_folder_counts_only_with_all_its_files_whole() {
        let dir = tempfile::tempdir().unwrap();
        let model = &catalog::LOCAL_VOICE;
        let installed = || Shelf::installed(&RealDisk, dir.path(), model).is_some();
        for file in model.weights() {
            RealDisk.write(&dir.path().join(file.name), &vec![0; file.size as usize]).unwrap();
        }
        assert!(!installed(), "no note");
        Marker::of(model, "here", model.weights().skip(1)).write(&RealDisk, dir.path()).unwrap();
        assert!(!installed(), "one file is not in the note");
        Marker::of(model, "here", model.weights()).write(&RealDisk, dir.path()).unwrap();
        assert!(installed());
        RealDisk.write(&dir.path().join("vocab.json"), b"cut").unwrap();
        assert!(!installed(), "one file is cut");
    }

    #[test]
    fn a_file_made_from_another_stands_for_it() {
        let dir = tempfile::tempdir().unwrap();
        let mut marker = Marker::of(&catalog::LOCAL, "here", catalog::LOCAL.weights());
        marker.replace("SmolLM2-135M-Instruct.Q4_1.gguf", "model.q8_0.gguf", b"made");
        RealDisk.write(&dir.path().join("model.q8_0.gguf"), b"made").unwrap();
        marker.write(&RealDisk, dir.path()).unwrap();
        assert_eq!(Shelf::installed(&RealDisk, dir.path(), &catalog::LOCAL).unwrap().marker, marker);
    }
}
