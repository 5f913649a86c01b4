//! The signals by which a person or the system asks the program to stop.

use std::io;

/// A request to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Ctrl-C.
    Interrupt,
    Terminate,
    HangUp,
}

impl Stop {
    /// Returns the exit code that shells expect after it: 128 and the signal's number.
    pub fn exit_code(self) -> u8 {
        match self {
            Stop::HangUp => 129,
            Stop::Interrupt => 130,
            Stop::Terminate => 143,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Stop::Interrupt => "SIGINT",
            Stop::Terminate => "SIGTERM",
            Stop::HangUp => "SIGHUP",
        }
    }
}

/// Listens from its making on.
pub struct Signals {
    #[cfg(unix)]
    streams: [(Stop, tokio::signal::unix::Signal); 3],
}

/// Makes sure that there are handles for what listening takes: where there are none, the runtime ends the process itself
/// instead of saying so.
pub fn check_handles() -> io::Result<()> {
    #[cfg(unix)]
    std::os::unix::net::UnixStream::pair()?;
    Ok(())
}

impl Signals {
    /// Must be called within a runtime.
    #[cfg(unix)]
    pub fn listen() -> io::Result<Signals> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Signals {
            streams: [
                (Stop::Interrupt, signal(SignalKind::interrupt())?),
                (Stop::Terminate, signal(SignalKind::terminate())?),
                (Stop::HangUp, signal(SignalKind::hangup())?),
            ],
        })
    }

    /// Must be called within a runtime.
    #[cfg(not(unix))]
    pub fn listen() -> io::Result<Signals> {
        Ok(Signals {})
    }

    /// Waits for the next request to stop.
    #[cfg(unix)]
    pub async fn next(&mut self) -> Stop {
        let [(_, interrupt), (_, terminate), (_, hang_up)] = &mut self.streams;
        tokio::select! {
            _ = interrupt.recv() => Stop::Interrupt,
            _ = terminate.recv() => Stop::Terminate,
            _ = hang_up.recv() => Stop::HangUp,
        }
    }

    /// Waits for the next request to stop.
    #[cfg(not(unix))]
    pub async fn next(&mut self) -> Stop {
        tokio::signal::ctrl_c().await.ok();
        Stop::Interrupt
    }
}
