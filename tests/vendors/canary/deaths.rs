//! Builds that die: by a kill at any moment, and by a signal that would leave an image of their memory.

use super::keys::{HEADER, OPENAI, VARIABLES, is_clean, leaks};
use super::{run, space};
use crate::fake::{Gate, Vendor, fault};
use crate::space::Space;
use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Kills a build while an answer with the keys in it comes in, ever further on: between the keys, and within them.
#[test]
fn a_killed_build_leaves_no_key_in_what_it_had_written_down() {
    let vendor = Vendor::start();
    let whole = space(&vendor);
    run(&whole, &["build", "-k", "echo"], &[]).exit(0);
    // What was hidden in it is shorter than what came.
    let length = whole.read("echo.json").len();
    for come in (60..length).step_by(64) {
        let gate = Gate::new();
        vendor.script([fault::drip(&gate).on("/echo")]);
        let space = space(&vendor);
        let mut command = space.command(&["build", "-k", "echo", "-vv"]);
        let mut child = command.envs(VARIABLES).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // Its head is there, and of its body nothing.
        wait_until(|| spooled(&space).windows(12).any(|bytes| bytes == br#""status":200"#));
        let head = spooled(&space).len();
        gate.let_through(come);
        // All that came but what may be the beginning of a key, or is hidden.
        let hidden = 3 * (OPENAI.len() + HEADER.len());
        wait_until(|| spooled(&space).len() > head + come.saturating_sub(hidden));
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(leaks(&space), Vec::<String>::new(), "killed after {come} bytes");
        assert!(spooled(&space).len() > head, "what had come stays");
        is_clean(&space, &run(&space, &["build", "-k"], &[]), "the build after");
    }
}

/// A build that a signal ends as a fault of its own would (`SIGABRT`), where the system writes memory down.
#[cfg(target_os = "linux")]
#[test]
fn a_build_that_crashes_leaves_no_image_of_its_memory() {
    use std::os::unix::process::ExitStatusExt;
    for signal in ["ABRT", "TRAP"] {
        let vendor = Vendor::start();
        vendor.hold();
        let space = space(&vendor);
        let given = space.command(&["build", "-k", "tale"]);
        let mut command = Command::new("sh");
        command.args(["-c", "ulimit -c unlimited 2>/dev/null; exec \"$0\" \"$@\""]).arg(given.get_program());
        command.args(given.get_args()).current_dir(space.root()).env_clear().envs(VARIABLES);
        command.envs(given.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        vendor.wait_for_calls(1);
        let limits = fs::read_to_string(format!("/proc/{}/limits", child.id())).unwrap();
        let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
        assert_eq!(core.split_whitespace().nth(4), Some("0"), "{core}");
        let sent = Command::new("sh").args(["-c", &format!("kill -{signal} {}", child.id())]).status().unwrap();
        assert!(sent.success() && child.wait().unwrap().signal().is_some());
        assert_eq!(leaks(&space), Vec::<String>::new(), "{signal}");
        vendor.release();
        is_clean(&space, &run(&space, &["build", "-k"], &[]), "the build after");
    }
}

fn wait_until(is_so: impl Fn() -> bool) {
    let until = Instant::now() + Duration::from_secs(30);
    while !is_so() {
        assert!(Instant::now() < until, "waited in vain");
        std::thread::yield_now();
    }
}

/// What is written down of answers that are on their way.
fn spooled(space: &Space) -> Vec<u8> {
    let files = fs::read_dir(space.path(".storygen/paid")).into_iter().flatten().flatten();
    files.flat_map(|file| fs::read(file.path()).unwrap_or_default()).collect()
}
