//! Servers that mean us no good, against the real program: nothing without end, nothing that grows, nobody who sends us on.

use crate::fake::fault::{self, Behaviour};
use crate::fake::{Gate, KEYS, Vendor};
use crate::space::{Run, Space};
use std::fs;
use std::process::Stdio;

/// What a build may take whatever a server sends, in KiB: the longest text, its copies, and itself.
const MEMORY_MAX_KIB: u64 = 200 * 1024;

fn space(vendor: &Vendor) -> Space {
    let writer = vendor.openai("writer").with("timeout: 300ms");
    Space::new().story(&format!(
        "
        {writer}
        stages:
          tale: {{ uses: prompt, provider: writer, retry: {{ max: 0 }}, outputs: tale.md, with: {{ prompt: Tell me. }} }}
        "
    ))
}

/// Without the short time.
fn patient(vendor: &Vendor) -> Space {
    let space = space(vendor);
    let story = space.read("Storyfile.yaml").replace("timeout: 300ms", "timeout: 60s");
    space.file("Storyfile.yaml", &story)
}

fn build(space: &Space) -> Run {
    let mut command = space.command(&["build"]);
    command.envs(KEYS);
    space.finish(command)
}

/// Builds and returns the most memory that it took, in KiB.
fn build_measured(space: &Space) -> (Run, u64) {
    let files = ["out", "err"].map(|name| fs::File::create(space.note(name)).unwrap());
    let mut command = space.command(&["build"]);
    let [out, err] = files.map(Stdio::from);
    let mut child = command.envs(KEYS).stdout(out).stderr(err).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut most = 0;
    let ended = loop {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        most = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0).max(most);
        if let Some(ended) = child.try_wait().unwrap() {
            break ended;
        }
        std::thread::yield_now();
    };
    let [stdout, stderr] = ["out", "err"].map(|name| fs::read(space.note(name)).unwrap());
    (space.ended(&std::process::Output { status: ended, stdout, stderr }), most)
}

fn failed(run: &Run, words: &str) {
    run.exit(1).says(words);
    assert!(!run.has("tale.md"));
}

#[cfg(target_os = "linux")]
#[test]
fn a_text_without_end_is_cut_off_and_takes_no_more_memory_than_the_longest_text() {
    let vendor = Vendor::start();
    vendor.script([fault::endless()]);
    let (run, most) = build_measured(&patient(&vendor));
    failed(&run, "gave no answer of use: the server sends more than the 33554432 bytes expected");
    assert!(most > 0 && most < MEMORY_MAX_KIB, "{most} KiB");
    eprintln!("endless: at most {most} KiB");
    assert_eq!(vendor.calls().len(), 1, "it is not asked again: it may have been charged");
    // What the sockets hold is sent and never read.
    assert!(vendor.sent_bytes() < (64 << 20), "{}", vendor.sent_bytes());
}

#[cfg(target_os = "linux")]
#[test]
fn what_is_packed_is_not_unpacked() {
    let vendor = Vendor::start();
    vendor.script([fault::gzip_bomb()]);
    let (run, most) = build_measured(&patient(&vendor));
    failed(&run, "sent its answer compressed (gzip), which was not asked for");
    assert!(most > 0 && most < MEMORY_MAX_KIB, "{most} KiB");
    eprintln!("bomb: at most {most} KiB");
}

#[test]
fn an_answer_that_drips_has_the_whole_calls_time_and_no_more() {
    let vendor = Vendor::start();
    let gate = Gate::new();
    vendor.script([fault::drip(&gate)]);
    gate.let_through(20);
    failed(&build(&space(&vendor)), "did not answer: no answer within 0.3 s");
    assert_eq!(vendor.calls().len(), 1);
}

#[test]
fn silence_ends_with_the_calls_time() {
    let vendor = Vendor::start();
    vendor.script([fault::silence()]);
    failed(&build(&space(&vendor)), "did not answer: no answer within 0.3 s");
}

#[test]
fn a_flood_of_headers_and_streams_that_are_cut_are_no_answers() {
    let vendor = Vendor::start();
    let cases: [(Behaviour, &str); 9] = [
        (fault::many_headers(5000), "did not answer"),
        (fault::cut(), "did not answer"),
        (fault::cut_chunked(), "did not answer"),
        (fault::cut_in_head(), "did not answer"),
        (fault::reset(), "did not answer"),
        (fault::hang_up(), "did not answer"),
        (fault::not_http(), "did not answer"),
        (fault::boast(), "the server sends more than the 33554432 bytes expected"),
        (fault::bad_json(), "the answer is not in the service's form"),
    ];
    for (behaviour, words) in cases {
        let asked = vendor.calls().len();
        vendor.script([behaviour]);
        failed(&build(&patient(&vendor)), words);
        assert_eq!(vendor.calls().len(), asked + 1, "{words}");
    }
}

#[test]
fn a_redirect_is_told_and_nobody_is_called_there() {
    let (vendor, other) = (Vendor::start(), Vendor::start());
    for status in [301, 302, 303, 307, 308] {
        vendor.script([fault::redirect(status, &other)]);
        let run = build(&patient(&vendor));
        failed(&run, &format!("sends us elsewhere: redirect refused: it leads to `{}", other.url("")));
        run.says("Write the address where it really is into `base_url`.");
    }
    assert_eq!((other.connections(), other.calls().len(), vendor.calls().len()), (0, 0, 5));
}
