//! A child process: started in a group of its own, watched, asked to end, killed, always reaped.

use super::strays::{self, Member};
use std::collections::BTreeMap;
use std::io;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, Command};
use tokio_util::sync::CancellationToken;

/// How long a child that was asked to end may take before it is killed.
const GRACE: Duration = Duration::from_secs(5);

/// How long output that is still in the pipe may take to be read once the child has ended.
const LAST_READ: Duration = Duration::from_secs(1);

/// How much of a child's output is kept, in bytes: its beginning is dropped first.
const OUTPUT_BYTES_MAX: usize = 1024 * 1024;

/// Lets this process leave no image of its memory behind when it dies of a signal: keys would stand in it, and most systems
/// write it into the folder where it died. Children inherit that, and may raise the limit again.
#[cfg(unix)]
pub fn leave_no_core() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Core);
    // Lower is always allowed.
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum }).ok();
}

#[cfg(not(unix))]
pub fn leave_no_core() {}

/// What to start.
#[derive(Clone, Debug)]
pub struct Program {
    pub argv: Vec<String>,
    pub current_dir: PathBuf,
    /// All that the child sees of the environment.
    pub env: BTreeMap<String, String>,
    /// What it reads on its standard input, to the end; `None` for nothing.
    pub request: Option<Vec<u8>>,
}

/// Where a child says something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    Out,
    Err,
}

/// Hears what a child says as it arrives; `Break` ends the child.
pub trait Ear: Send {
    fn hear(&mut self, stream: Stream, bytes: &[u8]) -> ControlFlow<()>;
}

/// How a child ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    Exit(i32),
    /// Ended by a signal that we did not send.
    Signal(i32),
    TimedOut,
    Cancelled,
    /// Ended because of what it said.
    Broken,
}

/// A child that has ended: how, and what it printed on both streams, in the order it arrived.
#[derive(Debug)]
pub struct Finished {
    pub ended: Ended,
    pub output: Vec<u8>,
}

/// When a child is to end before it does so by itself.
pub struct Limits {
    pub timeout: Option<Duration>,
    /// Asks the child's group to end, and kills it after a grace.
    pub cancel: CancellationToken,
    /// Kills the child's group at once.
    pub kill: CancellationToken,
}

/// A started child. It must be awaited by [`Running::finish`].
pub struct Running {
    child: Child,
    request: Option<Vec<u8>>,
    /// The process group, which is also the child's process id.
    pub group: u32,
    /// Left only once the child was waited for.
    member: Member,
}

/// Starts `program`.
pub fn start(program: &Program) -> io::Result<Running> {
    let mut command = Command::new(&program.argv[0]);
    command
        .args(&program.argv[1..])
        .current_dir(&program.current_dir)
        .env_clear()
        .envs(&program.env)
        .stdin(if program.request.is_some() { Stdio::piped() } else { Stdio::null() })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    #[cfg(unix)]
    command.process_group(0);
    let mark = program.env.get(strays::MARK).map(String::as_str);
    let (child, member) = strays::spawn(mark, || command.spawn(), |child: &Child| child.id().unwrap_or_default())?;
    let group = child.id().unwrap_or_default();
    Ok(Running { child, request: program.request.clone(), group, member })
}

impl Running {
    /// Waits until the child has ended and its output is read, within `limits`.
    ///
    /// What the child started ends with it, in its group or where it went: a stage leaves nothing running.
    pub async fn finish(self, limits: Limits) -> io::Result<Finished> {
        let mut output = Tail::default();
        let ended = self.finish_heard(limits, &mut output).await?;
        Ok(Finished { ended, output: output.bytes })
    }

    /// As [`Running::finish`], with `ear` hearing what the child says.
    pub async fn finish_heard(mut self, limits: Limits, ear: &mut dyn Ear) -> io::Result<Ended> {
        let request = self.request.take();
        let stdin = self.child.stdin.take();
        let mut stdout = self.child.stdout.take();
        let mut stderr = self.child.stderr.take();
        let ended = {
            let reading = read_both(&mut stdout, &mut stderr, ear);
            tokio::pin!(reading);
            let asking = ask(stdin, request);
            tokio::pin!(asking);
            let (mut read, mut asked) = (false, false);
            let timeout = async {
                match limits.timeout {
                    Some(limit) => tokio::time::sleep(limit).await,
                    None => std::future::pending().await,
                }
            };
            tokio::pin!(timeout);
            loop {
                tokio::select! {
                    () = &mut asking, if !asked => asked = true,
                    flow = &mut reading, if !read => match flow {
                        ControlFlow::Continue(()) => read = true,
                        ControlFlow::Break(()) => break Err(Ended::Broken),
                    },
                    status = self.child.wait() => break Ok(exit(status?)),
                    () = &mut timeout => break Err(Ended::TimedOut),
                    () = limits.cancel.cancelled() => break Err(Ended::Cancelled),
                    () = limits.kill.cancelled() => break Err(Ended::Cancelled),
                }
            }
        };
        let ended = match ended {
            Ok(ended) => ended,
            Err(ended) => {
                self.end(&limits.kill).await?;
                ended
            }
        };
        // Descendants that outlived the child hold its pipes: without them gone the last read would never end.
        signal_group(self.group, Signal::Kill);
        self.member.end_strays(&limits.kill).await;
        if ended == Ended::Broken {
            // What it says there counts no more; what it says on standard error may tell why.
            stdout = None;
        }
        let rest = read_both(&mut stdout, &mut stderr, ear);
        match tokio::time::timeout(LAST_READ, rest).await {
            Ok(ControlFlow::Break(())) => Ok(Ended::Broken),
            _ => Ok(ended),
        }
    }

    /// Asks the group to end, waits for the child through the grace, then kills the group.
    async fn end(&mut self, kill: &CancellationToken) -> io::Result<()> {
        signal_group(self.group, Signal::Term);
        tokio::select! {
            status = self.child.wait() => { status?; }
            () = tokio::time::sleep(GRACE) => {}
            () = kill.cancelled() => {}
        }
        signal_group(self.group, Signal::Kill);
        self.child.wait().await?;
        Ok(())
    }
}

/// What a process group can be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    Term,
    Kill,
}

#[cfg(unix)]
impl From<Signal> for rustix::process::Signal {
    fn from(signal: Signal) -> rustix::process::Signal {
        match signal {
            Signal::Term => rustix::process::Signal::TERM,
            Signal::Kill => rustix::process::Signal::KILL,
        }
    }
}

/// Sends a signal to all processes of a group; a group that is gone is no error.
#[cfg(unix)]
pub fn signal_group(group: u32, signal: Signal) {
    // Group 0 and 1 would mean our own group and everybody's: never ours to signal.
    if let Some(pid) = i32::try_from(group).ok().filter(|&raw| raw > 1).and_then(rustix::process::Pid::from_raw) {
        rustix::process::kill_process_group(pid, signal.into()).ok();
    }
}

#[cfg(not(unix))]
pub fn signal_group(_group: u32, _signal: Signal) {}

/// Kills a group and waits, for a few seconds at most, until none of it lives. Blocks the calling thread.
pub fn kill_group(group: u32) {
    signal_group(group, Signal::Kill);
    let since = std::time::Instant::now();
    while group_lives(group) && since.elapsed() < GRACE {
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Tells whether some process of a group lives.
#[cfg(unix)]
fn group_lives(group: u32) -> bool {
    let pid = i32::try_from(group).ok().filter(|&raw| raw > 1).and_then(rustix::process::Pid::from_raw);
    pid.is_some_and(|pid| rustix::process::test_kill_process_group(pid).is_ok())
}

#[cfg(not(unix))]
fn group_lives(_group: u32) -> bool {
    false
}

/// Returns when the process started, in clock ticks since boot: with its id, a name that is never used twice.
/// `None` where the process is gone or the system does not tell.
pub fn start_time(process: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The second field is the program's name in parentheses and may hold anything; start time is the 22nd (proc(5)).
    stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
}

#[cfg(unix)]
fn exit(status: std::process::ExitStatus) -> Ended {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => Ended::Exit(code),
        (None, signal) => Ended::Signal(signal.unwrap_or_default()),
    }
}

#[cfg(not(unix))]
fn exit(status: std::process::ExitStatus) -> Ended {
    Ended::Exit(status.code().unwrap_or(1))
}

/// Writes the request and closes the child's standard input. A child that does not listen is no error: what it answers
/// tells.
async fn ask(stdin: Option<ChildStdin>, request: Option<Vec<u8>>) {
    if let (Some(mut stdin), Some(request)) = (stdin, request) {
        stdin.write_all(&request).await.ok();
        stdin.shutdown().await.ok();
    }
}

/// Reads both streams until their ends, piece by piece as they arrive.
async fn read_both(
    stdout: &mut Option<impl AsyncRead + Unpin>,
    stderr: &mut Option<impl AsyncRead + Unpin>,
    ear: &mut dyn Ear,
) -> ControlFlow<()> {
    let (mut one, mut two) = (vec![0; 16 * 1024], vec![0; 16 * 1024]);
    while stdout.is_some() || stderr.is_some() {
        tokio::select! {
            read = read_some(stdout, &mut one) => match read {
                0 => *stdout = None,
                count => ear.hear(Stream::Out, &one[..count])?,
            },
            read = read_some(stderr, &mut two) => match read {
                0 => *stderr = None,
                count => ear.hear(Stream::Err, &two[..count])?,
            },
        }
    }
    ControlFlow::Continue(())
}

/// Reads some bytes; 0 at the end or on an error; never returns while there is no stream.
async fn read_some(stream: &mut Option<impl AsyncRead + Unpin>, buffer: &mut [u8]) -> usize {
    match stream {
        Some(stream) => stream.read(buffer).await.unwrap_or(0),
        None => std::future::pending().await,
    }
}

/// The last bytes of a stream, bounded.
#[derive(Default)]
pub struct Tail {
    pub bytes: Vec<u8>,
}

impl Ear for Tail {
    fn hear(&mut self, _: Stream, bytes: &[u8]) -> ControlFlow<()> {
        self.push(bytes);
        ControlFlow::Continue(())
    }
}

impl Tail {
    pub fn push(&mut self, piece: &[u8]) {
        self.bytes.extend_from_slice(piece);
        if self.bytes.len() > 2 * OUTPUT_BYTES_MAX {
            self.bytes.drain(..self.bytes.len() - OUTPUT_BYTES_MAX);
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::world::strays::processes;

    fn sh(script: &str) -> Program {
        Program {
            argv: vec!["/bin/sh".into(), "-c".into(), script.into()],
            current_dir: "/".into(),
            env: BTreeMap::from([("PATH".to_owned(), "/bin:/usr/bin".to_owned())]),
            request: None,
        }
    }

    fn limits() -> Limits {
        Limits { timeout: None, cancel: CancellationToken::new(), kill: CancellationToken::new() }
    }

    #[tokio::test]
    async fn the_exit_status_and_both_streams_are_kept() {
        let finished = start(&sh("echo out; echo err >&2; exit 3")).unwrap().finish(limits()).await.unwrap();
        assert_eq!(finished.ended, Ended::Exit(3));
        let text = String::from_utf8(finished.output).unwrap();
        assert!(text.contains("out\n") && text.contains("err\n"), "{text}");
    }

    #[tokio::test]
    async fn a_request_is_read_to_its_end_however_long_it_is() {
        let request = "line\n".repeat(100_000);
        let program = Program { request: Some(request.clone().into_bytes()), ..sh("cat | wc -c; wc -c </dev/null") };
        let finished = start(&program).unwrap().finish(limits()).await.unwrap();
        let text = String::from_utf8(finished.output).unwrap();
        assert_eq!(text.split_whitespace().collect::<Vec<_>>(), [request.len().to_string().as_str(), "0"]);
        let deaf = Program { request: Some(request.into_bytes()), ..sh("exit 0") };
        assert_eq!(start(&deaf).unwrap().finish(limits()).await.unwrap().ended, Ended::Exit(0));
    }

    #[tokio::test]
    async fn what_a_child_says_can_end_it() {
        struct Enough(usize);
        impl Ear for Enough {
            fn hear(&mut self, stream: Stream, bytes: &[u8]) -> ControlFlow<()> {
                assert_eq!(stream, Stream::Out);
                self.0 += bytes.len();
                if self.0 > 100_000 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            }
        }
        let mut ear = Enough(0);
        let running = start(&sh("while :; do echo and on and on; done")).unwrap();
        assert_eq!(running.finish_heard(limits(), &mut ear).await.unwrap(), Ended::Broken);
    }

    #[tokio::test]
    async fn a_child_ends_at_its_timeout() {
        let limits = Limits { timeout: Some(Duration::from_millis(20)), ..limits() };
        let finished = start(&sh("sleep 100")).unwrap().finish(limits).await.unwrap();
        assert_eq!(finished.ended, Ended::TimedOut);
    }

    #[tokio::test]
    async fn a_cancelled_child_takes_its_own_children_along() {
        let limits = limits();
        limits.cancel.cancel();
        let running = start(&sh("sleep 100 & sleep 100")).unwrap();
        let group = running.group;
        assert_eq!(running.finish(limits).await.unwrap().ended, Ended::Cancelled);
        // The orphan may stay a zombie: where the first process is no init, nobody reaps it.
        while processes().any(|(_, standing)| standing.group == group && !standing.is_dead) {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_background_child_does_not_hold_the_stage_open() {
        let finished = start(&sh("sleep 100 & echo done")).unwrap().finish(limits()).await.unwrap();
        assert_eq!((finished.ended, finished.output.as_slice()), (Ended::Exit(0), b"done\n".as_slice()));
    }
}
