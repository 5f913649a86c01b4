//! The line to all services: one thread that only sends, reads, and writes down what comes in.
//!
//! The thread of a build also judges, hashes and copies, which takes seconds where files are large. An answer that lay in its
//! socket for so long would be lost with the process, though it had come.

use std::future::{Future, pending};
use std::io;
use std::sync::OnceLock;
use std::thread;
use tokio::runtime::{Builder, Handle};
use tokio::task::JoinError;
use tokio_util::task::AbortOnDropHandle;

/// Does this on the line; whoever drops it meanwhile ends it. Where the system starts no thread it is done here.
pub async fn on_the_line<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> Result<T, JoinError> {
    static LINE: OnceLock<Option<Handle>> = OnceLock::new();
    match LINE.get_or_init(|| start().ok()) {
        Some(line) => AbortOnDropHandle::new(line.spawn(work)).await,
        None => Ok(work.await),
    }
}

/// Starts the line. It is there until the process ends.
fn start() -> io::Result<Handle> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let line = runtime.handle().clone();
    thread::Builder::new().name("calls".into()).spawn(move || runtime.block_on(pending::<()>()))?;
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;
    use std::time::Duration;

    #[tokio::test]
    async fn the_line_goes_on_while_the_build_is_at_work() {
        let (done, is_done) = channel();
        let mut on_the_line = Box::pin(on_the_line(async move { done.send(()).unwrap() }));
        // This thread gives nobody a turn; the patience is only for a test that fails.
        tokio::select! {
            biased;
            _ = &mut on_the_line => {}
            () = std::future::ready(()) => is_done.recv_timeout(Duration::from_secs(30)).unwrap(),
        }
    }

    #[tokio::test]
    async fn what_nobody_waits_for_any_more_is_ended() {
        struct Ended(tokio::sync::mpsc::UnboundedSender<()>);
        impl Drop for Ended {
            fn drop(&mut self) {
                self.0.send(()).ok();
            }
        }
        let (end, mut ends) = tokio::sync::mpsc::unbounded_channel();
        let ended = Ended(end);
        let work = on_the_line(async move {
            let _ended = ended;
            pending::<()>().await;
        });
        tokio::select! {
            biased;
            _ = work => unreachable!("it has no end of its own"),
            () = std::future::ready(()) => {}
        }
        assert_eq!(ends.recv().await, Some(()));
    }
}
