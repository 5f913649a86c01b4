//! Damage to any file of the state folder: wrong bytes never reach an output, and nothing wedges a build.

use crate::dice::Dice;
use crate::repo::{Repo, Tree};
use crate::stories::{self, EDIT};
use std::fs;

/// Single bits that are flipped, beside the whole-file damage that every file gets.
const FLIPS: usize = 120;

#[derive(Clone, Copy, Debug)]
enum Damage {
    Flip(u64),
    Half,
    Empty,
    Zeros,
    Longer,
    Folder,
    Gone,
    /// A symlink to nowhere.
    Link,
}

const WHOLE: [Damage; 7] =
    [Damage::Half, Damage::Empty, Damage::Zeros, Damage::Longer, Damage::Folder, Damage::Gone, Damage::Link];

/// Whether the outputs are there when the build comes, or have to be put back from what is damaged.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Outputs {
    Stand,
    Lost,
}

#[test]
fn no_damage_to_the_state_folder_makes_a_build_wrong_or_impossible() {
    let before = stories::edited();
    let gold = before.tree();
    let files = before.state_files();
    let mut points = Vec::new();
    for file in &files {
        for outputs in [Outputs::Stand, Outputs::Lost] {
            points.extend(WHOLE.map(|damage| (file, damage, outputs)));
        }
    }
    let mut dice = Dice::new(5);
    let flips = if crate::soak() { 40 * FLIPS } else { FLIPS };
    for _ in 0..flips {
        let file = &files[dice.below(files.len())];
        let outputs = if dice.below(4) == 0 { Outputs::Stand } else { Outputs::Lost };
        points.push((file, Damage::Flip(dice.next()), outputs));
    }
    let (mut waits, mut faults) = (0, Vec::new());
    for (file, damage, outputs) in &points {
        match torment(&before, &gold, file, *damage, *outputs) {
            Ok(waited) => waits += usize::from(waited),
            Err(fault) => faults.push(format!("{file} {damage:?}, outputs {outputs:?}: {fault}")),
        }
    }
    eprintln!(
        "bitrot: {} damages of {} files, {waits} waited for a person, {} faults",
        points.len(),
        files.len(),
        faults.len()
    );
    assert!(faults.is_empty(), "{}", faults.join("\n\n"));
}

/// Tells whether a person has to say what becomes of a lost edit, or what is wrong.
fn torment(before: &Repo, gold: &Tree, file: &str, damage: Damage, outputs: Outputs) -> Result<bool, String> {
    let repo = before.fork();
    if outputs == Outputs::Lost {
        fs::remove_dir_all(repo.path("out")).unwrap();
    }
    let kept = fs::read(repo.path(file)).unwrap();
    inflict(&repo, file, damage);
    let built = repo.build();
    if built.said.contains("panicked") {
        return Err(built.said);
    }
    let tree = repo.tree();
    match built.exit {
        Some(0) => {}
        // The only copy of what a person wrote is damaged: nothing can make it again.
        Some(3) if outputs == Outputs::Lost && kept == EDIT.as_bytes() && built.said.contains("out/poem.txt") => {
            let wrong = tree.iter().find(|(path, bytes)| *path != "Storyfile.lock" && gold.get(*path) != Some(bytes));
            return wrong.map_or(Ok(true), |(path, _)| Err(format!("`{path}` is wrong\n{}", built.said)));
        }
        exit => return Err(format!("exit {exit:?}: {}", built.said)),
    }
    if let Some(difference) = crate::repo::difference(gold, &tree) {
        return Err(format!("{difference}\n{}", built.said));
    }
    repo.fault(gold).map_or(Ok(false), Err)
}

fn inflict(repo: &Repo, file: &str, damage: Damage) {
    let place = repo.path(file);
    let mut bytes = fs::read(&place).unwrap();
    fs::remove_file(&place).unwrap();
    match damage {
        Damage::Flip(_) if bytes.is_empty() => {}
        Damage::Flip(bit) => {
            let bit = (bit % (bytes.len() as u64 * 8)) as usize;
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
        Damage::Half => bytes.truncate(bytes.len() / 2),
        Damage::Empty => bytes.clear(),
        Damage::Zeros => bytes.fill(0),
        Damage::Longer => bytes.extend(b"\xff{} what was never written"),
        Damage::Folder => return fs::create_dir_all(place.join("inside")).unwrap(),
        Damage::Gone => return,
        Damage::Link => return std::os::unix::fs::symlink("nowhere/at/all", place).unwrap(),
    }
    fs::write(place, bytes).unwrap();
}
