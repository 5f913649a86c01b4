//! A disk that fills up while a build writes: the build says so, and is right once there is room.

use crate::dice::Dice;
use crate::repo::{Repo, built, command_in, difference, tree_of};
use crate::stories;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// The disk's size. A whole build needs about a quarter of it.
const DISK_KIB: usize = 1024;
/// With so much room every build ends well.
const ROOM_KIB: usize = 320;
const POINTS: usize = 24;

/// A small disk of its own, gone with the value.
struct Disk {
    dir: TempDir,
}

impl Disk {
    fn mount() -> Option<Disk> {
        let disk = Disk { dir: TempDir::new().unwrap() };
        let size = format!("size={DISK_KIB}k");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(disk.dir.path()).stderr(Stdio::null());
        mount.status().is_ok_and(|status| status.success()).then_some(disk)
    }

    fn root(&self) -> PathBuf {
        self.dir.path().canonicalize().unwrap().join("repo")
    }

    fn ballast(&self) -> PathBuf {
        self.dir.path().join("ballast")
    }

    /// Leaves so much room, in KiB.
    fn fill(&self, room: usize) {
        fs::write(self.ballast(), vec![1; free_kib(self.dir.path()).saturating_sub(room) * 1024]).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        Command::new("umount").arg("-l").arg(self.dir.path()).status().ok();
    }
}

fn free_kib(place: &Path) -> usize {
    let told = Command::new("df").args(["-k", "--output=avail"]).arg(place).output().unwrap();
    String::from_utf8_lossy(&told.stdout).lines().last().unwrap().trim().parse().unwrap()
}

#[test]
fn a_full_disk_is_named_and_a_build_with_room_heals() {
    if Disk::mount().is_none() {
        eprintln!("skipped: mounting a small disk is not allowed here");
        return;
    }
    let scenes = [("cold", stories::cold()), ("changed", stories::changed()), ("lost", stories::lost())];
    let mut points: Vec<(&str, &Repo, usize)> = Vec::new();
    for (name, before) in &scenes {
        points.extend((0..ROOM_KIB).step_by(4).map(|room| (*name, before, room)));
    }
    let (mut full, mut faults) = (0, Vec::new());
    for (name, before, room) in Dice::new(4).sample(points, POINTS) {
        match torment(before, room) {
            Ok(failed) => full += usize::from(failed),
            Err(fault) => faults.push(format!("{name}, {room} KiB free: {fault}")),
        }
    }
    eprintln!("disk_full: {full} builds met the full disk, {} faults", faults.len());
    assert!(faults.is_empty(), "{}", faults.join("\n\n"));
    assert!(full > 0, "no build met the full disk");
}

/// Builds with little room, then with enough; tells whether the first build failed, or what was wrong.
fn torment(before: &Repo, room: usize) -> Result<bool, String> {
    let whole = before.fork().built();
    let gold = whole.tree();
    let disk = Disk::mount().expect("it could be mounted before");
    let root = disk.root();
    fs::create_dir(&root).unwrap();
    before.copy_to(&root);
    disk.fill(room);
    let runs = whole.runs_file();
    let build = || built(command_in(&root, &runs, &[], &["build", "-j1"]).output().unwrap());
    let first = build();
    match first.exit {
        Some(0) => {
            if let Some(difference) = difference(&gold, &tree_of(&root)) {
                return Err(format!("a lie: exit 0, and {difference}\n{}", first.said));
            }
        }
        // A shell tells a failed write of its own as an I/O error.
        Some(1) if first.said.contains("No space left") || first.said.contains("I/O error") => {}
        Some(4) if first.said.contains("No space left") => {}
        exit => return Err(format!("exit {exit:?}: {}", first.said)),
    }
    fs::remove_file(disk.ballast()).unwrap();
    let second = build();
    if second.exit != Some(0) {
        return Err(format!("with room again exit {:?}: {}\nbefore: {}", second.exit, second.said, first.said));
    }
    match difference(&gold, &tree_of(&root)) {
        Some(difference) => Err(format!("with room again {difference}\n{}\nbefore: {}", second.said, first.said)),
        None => Ok(first.exit != Some(0)),
    }
}
