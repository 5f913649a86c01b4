//! SIGKILL from outside while several stages are at work, at moments counted in what the build and its commands do.

use crate::dice::Dice;
use crate::repo::Repo;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::thread;

const MOMENTS: usize = 30;

/// What ends the thread that reads the commands' pipe.
const OVER: &str = "over";

fn story() -> Repo {
    let mut story = "storygen: 1\nstages:\n".to_owned();
    for stage in ["a", "b", "c", "d"] {
        story += &format!(
            "  {stage}:\n    inputs: notes.txt\n    outputs: out/{stage}.txt\n    pass: [RUNS, SAID]\n    run: |\n      \
             echo {stage} >> \"$RUNS\"\n      cat notes.txt > out/{stage}.txt\n      echo half > \"$SAID\"\n      \
             i=0; while [ $i -lt 3000 ]; do i=$((i+1)); done\n      echo {stage} >> out/{stage}.txt\n      \
             echo whole > \"$SAID\"\n"
        );
    }
    story += "  measure:\n    uses: check\n    inputs: notes.txt\n    with: { words: { min: 1, max: 1000 } }\n";
    story += "  subtitles:\n    uses: subtitles\n    inputs: words.json\n    outputs: [out/story.srt, out/story.vtt]\n    \
              with: { preset: netflix }\n";
    let words = r#"{"version":1,"duration":3,"language":"en","source":"estimated","words":[
        {"text":"We","start":0.2,"end":0.4},{"text":"missed","start":0.5,"end":0.9},{"text":"it.","start":1.0,"end":1.4}]}"#;
    Repo::new(&[("Storyfile.yaml", &story), ("notes.txt", "the last bus\n"), ("words.json", words)])
}

#[test]
fn a_parallel_build_killed_at_any_moment_is_healed_by_the_next() {
    let before = story();
    let whole = before.fork();
    let (events, finished) = kill_after(&whole, usize::MAX);
    assert_eq!(finished, 6, "an uninterrupted build tells of its six stages");
    let gold = whole.tree();
    let moments = if crate::soak() { 20 * MOMENTS } else { MOMENTS };
    let mut dice = Dice::new(3);
    for _ in 0..moments {
        let moment = dice.below(events);
        let repo = before.fork();
        kill_after(&repo, moment);
        let done = repo.runs_done();
        assert_eq!(repo.living(), Vec::<String>::new(), "killed after {moment} of {events} events");
        assert_eq!(repo.fault(&gold), None, "killed after {moment} of {events} events");
        let runs = repo.runs();
        for stage in ["a", "b", "c", "d"] {
            let times = runs.iter().filter(|run| *run == stage).count();
            let allowed = if done.contains(&stage.to_owned()) { 1 } else { 2 };
            assert!(times <= allowed, "`{stage}` ran {times} times, killed after {moment} of {events} events");
        }
    }
}

impl Repo {
    /// Returns the stages that the killed build had told to be done.
    fn runs_done(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.runs_file().with_file_name("done")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }
}

/// Builds, and kills the build after so many events: lines that it prints, and words from its commands. Returns how many
/// events there were and how many stages were told to be done.
fn kill_after(repo: &Repo, moment: usize) -> (usize, usize) {
    let pipe = repo.runs_file().with_file_name("said");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    // Open at both ends, so that no command ever waits for a reader.
    let both = || OpenOptions::new().read(true).write(true).open(&pipe).unwrap();
    let mut own_end = both();
    let mut command = repo.command(&[], &["build", "-j4", "--progress", "plain"]);
    let mut build = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let (send, events) = channel();
    let (printed, said) = (build.stderr.take().unwrap(), both());
    let telling = send.clone();
    let told = thread::spawn(move || pass_on(BufReader::new(printed), &telling));
    let heard = thread::spawn(move || pass_on(BufReader::new(said), &send));
    let (mut count, mut done) = (0, Vec::new());
    loop {
        if count == moment {
            build.kill().unwrap();
            break;
        }
        match events.recv().unwrap() {
            Some(line) => {
                count += 1;
                if let Some(stage) = line.strip_prefix("✓ ").and_then(|rest| rest.split(' ').next()) {
                    done.push(format!("{stage}\n"));
                }
            }
            // The build has ended.
            None => break,
        }
    }
    build.wait().unwrap();
    told.join().unwrap();
    std::fs::write(repo.runs_file().with_file_name("done"), done.concat()).unwrap();
    // In one piece, or a command that is about to be killed can write into the middle of it.
    own_end.write_all(format!("{OVER}\n").as_bytes()).unwrap();
    heard.join().unwrap();
    // What stages of later builds say is read by nobody and fits the pipe.
    KEPT_OPEN.with_borrow_mut(|kept| *kept = Some(own_end));
    (count, done.len())
}

thread_local! {
    /// The test's own end of the pipe that the repo's commands write to.
    static KEPT_OPEN: std::cell::RefCell<Option<File>> = const { std::cell::RefCell::new(None) };
}

fn pass_on(lines: impl BufRead, to: &Sender<Option<String>>) {
    for line in lines.lines().map_while(Result::ok) {
        if line == OVER {
            return;
        }
        to.send(Some(line)).ok();
    }
    to.send(None).ok();
}
