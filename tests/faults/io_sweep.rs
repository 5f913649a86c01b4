//! One failing system call, or all from one on: a build says so or makes the right outputs, and the next one heals.

use crate::dice::Dice;
use crate::repo::{Repo, Tree};
use crate::stories;
use crate::strace::{self, Call};

const POINTS: usize = 200;

struct Scene {
    name: &'static str,
    before: Repo,
    gold: Tree,
    calls: Vec<Call>,
}

/// A call, how it fails, and whether all later ones of its name fail too.
struct Point<'s> {
    scene: &'s Scene,
    call: &'s Call,
    errno: &'static str,
    more: &'static str,
}

fn scene(name: &'static str, before: Repo) -> Scene {
    let whole = before.fork();
    let calls = strace::trace(&whole, &["build", "-j1"]);
    Scene { name, before, gold: whole.tree(), calls }
}

/// Returns how a call may fail on a real machine.
fn errnos(call: &Call) -> &'static [&'static str] {
    match call.name.as_str() {
        "write" | "pwrite64" | "writev" | "copy_file_range" | "sendfile" => &["ENOSPC", "EIO"],
        "open" | "openat" if call.text.contains("O_CREAT") => &["EMFILE", "EIO", "EROFS", "ENOSPC"],
        "open" | "openat" => &["EMFILE", "EIO"],
        "mkdir" | "mkdirat" | "rename" | "renameat" | "renameat2" => &["EROFS", "ENOSPC", "EIO"],
        "unlink" | "unlinkat" | "rmdir" | "ftruncate" | "chmod" | "fchmod" | "fchmodat" => &["EROFS", "EIO"],
        "clone" | "clone3" | "fork" | "vfork" => &["EAGAIN"],
        // The second is the runtime's own, which cannot say that it failed: the first asks for it.
        "socketpair" if call.number > 1 => &[],
        "pipe2" | "eventfd2" | "epoll_create1" | "socketpair" => &["EMFILE"],
        "flock" => &["ENOLCK"],
        "kill" | "ioctl" => &[],
        _ => &["EIO"],
    }
}

#[test]
fn a_failing_call_is_told_or_does_no_harm_and_the_next_build_heals() {
    if !strace::works() {
        return;
    }
    let scenes = [
        scene("cold", stories::cold()),
        scene("changed", stories::changed()),
        scene("lost", stories::lost()),
        scene("torn", stories::torn()),
        scene("kinds", stories::kinds()),
    ];
    let mut all = Vec::new();
    for scene in &scenes {
        for call in &scene.calls {
            for errno in errnos(call) {
                all.extend(["", "+"].map(|more| Point { scene, call, errno, more }));
            }
        }
    }
    let known = all.len();
    let name = |point: &Point<'_>| {
        let Point { scene, call, errno, more } = point;
        format!("{} {}#{}{more} {errno}", scene.name, call.name, call.number)
    };
    let points = Dice::new(2).named_sample(all, POINTS, name);
    let (mut told, mut faults) = (0, Vec::new());
    for point in &points {
        match torment(point) {
            Ok(failed) => told += usize::from(failed),
            Err(fault) => {
                let Point { scene, call, errno, more } = point;
                faults.push(format!(
                    "{} {}#{}{more} {errno}: {}\n{fault}",
                    scene.name, call.name, call.number, call.text
                ));
            }
        }
    }
    let harmless = points.len() - told - faults.len();
    eprintln!(
        "io_sweep: {} of {known} points: {told} reported, {harmless} harmless, {} faults",
        points.len(),
        faults.len()
    );
    assert!(faults.is_empty(), "{}", faults.join("\n\n"));
}

#[test]
fn an_input_that_cannot_be_looked_at_is_not_left_out() {
    if !strace::works() {
        return;
    }
    let scene = scene("kinds", stories::kinds());
    let looks = scene.calls.iter().filter(|call| call.name == "statx" && call.text.contains("/repo/out/story.srt"));
    let points: Vec<_> = looks.map(|call| Point { scene: &scene, call, errno: "EIO", more: "" }).collect();
    assert!(!points.is_empty());
    let faults: Vec<String> = points.iter().filter_map(|point| torment(point).err()).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n\n"));
}

/// Lets one call fail; tells whether the build failed over it, or what was wrong.
fn torment(point: &Point<'_>) -> Result<bool, String> {
    let Point { scene, call, errno, more } = point;
    let repo = scene.before.fork();
    let built = repo.run(&strace::failing(call, errno, more), &["build", "-j1"]);
    let failed = match built.exit {
        Some(0) => {
            let tree = repo.tree();
            if let Some(path) =
                scene.gold.iter().find(|(path, bytes)| tree.get(*path) != Some(bytes)).map(|(path, _)| path)
            {
                return Err(format!("a lie: exit 0, and `{path}` is missing or wrong\n{}", built.said));
            }
            false
        }
        Some(1..=4) => {
            // Where standard error itself fails there is nobody to tell.
            let mute = call.talks() || (call.name == "write" && *more == "+");
            let named = built.said.contains('`') || built.said.contains("failed to start the ");
            if !mute && !named {
                return Err(format!("exit {:?} without a word about what: {}", built.exit, built.said));
            }
            true
        }
        exit => return Err(format!("exit {exit:?}\n{}", built.said)),
    };
    if built.said.contains("panicked") {
        return Err(built.said);
    }
    match repo.fault(&scene.gold) {
        Some(fault) => Err(format!("exit {:?}: {}\n{fault}", built.exit, built.said)),
        None => Ok(failed),
    }
}
