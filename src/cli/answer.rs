//! Standard output: all that is written there is a command's answer. Whether it was heard is told at the end.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

/// The one way to standard output. Clones are the same.
#[derive(Clone, Default)]
pub struct Answers {
    /// The first failure to write; what comes later fails for the same reason.
    failed: Arc<Mutex<Option<io::Error>>>,
}

impl Answers {
    /// Writes all of `text`, in pieces that a reader can follow.
    pub fn give(&self, text: &str) {
        let mut out = io::stdout().lock();
        self.note(out.write_all(text.as_bytes()).and_then(|()| out.flush()));
    }

    /// Returns why something was not written. A reader that has gone away, as in `| head -1`, had what it wanted.
    pub fn take_failure(&self) -> Option<io::Error> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn note(&self, written: io::Result<()>) {
        if let Err(error) = written
            && error.kind() != io::ErrorKind::BrokenPipe
        {
            self.failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        }
    }
}

/// For what is written while the work goes on. It never fails: failures are told at the end, like those of any answer.
impl Write for Answers {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut out = io::stdout().lock();
        self.note(out.write_all(bytes).and_then(|()| out.flush()));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
