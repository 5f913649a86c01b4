//! Waits for the disk on behalf of many: one wait makes durable all that was appended before it (group commit).

use crate::world::disk::Append;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// A handle of a file that others append to, by which what they appended is made durable.
///
/// It must be open before they append: the system reports a lost write only to handles that were open then.
pub struct SharedSync {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    /// Away while somebody waits for the disk.
    file: Option<Box<dyn Append>>,
    /// Tickets given out. Whoever has one has appended.
    appended: u64,
    /// The tickets up to this one are durable.
    durable: u64,
    /// Why the others never will be: what a failed wait would have covered may be lost, and is not told a second time.
    failed: Option<io::Error>,
}

/// The place of one append among those that wait.
#[must_use]
pub struct Ticket {
    sync: Arc<SharedSync>,
    number: u64,
}

impl SharedSync {
    pub fn new(file: Box<dyn Append>) -> SharedSync {
        let state = State { file: Some(file), appended: 0, durable: 0, failed: None };
        SharedSync { state: Mutex::new(state), changed: Condvar::new() }
    }

    /// Tells whether a wait failed: nothing more is made durable through this handle.
    pub fn has_failed(&self) -> bool {
        self.state().failed.is_some()
    }

    /// Returns the place of what was just appended.
    pub fn ticket(self: &Arc<SharedSync>) -> Ticket {
        let mut state = self.state();
        state.appended += 1;
        Ticket { sync: self.clone(), number: state.appended }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ticket {
    /// Returns once what was appended is durable. `make_durable` is run by one of those who wait, for all who do.
    pub fn wait(self, make_durable: impl Fn(&mut dyn Append) -> io::Result<()>) -> io::Result<()> {
        let mut state = self.sync.state();
        while state.durable < self.number {
            if let Some(error) = &state.failed {
                return Err(again(error));
            }
            state = match state.file.take() {
                Some(file) => self.lead(state, file, &make_durable),
                None => self.sync.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
        Ok(())
    }

    /// Waits for the disk while others append, and take tickets that the next wait is for.
    fn lead<'a>(
        &'a self,
        state: MutexGuard<'a, State>,
        mut file: Box<dyn Append>,
        make_durable: &impl Fn(&mut dyn Append) -> io::Result<()>,
    ) -> MutexGuard<'a, State> {
        let covered = state.appended;
        drop(state);
        let made = make_durable(&mut *file);
        let mut state = self.sync.state();
        match made {
            Ok(()) => state.durable = covered,
            Err(error) => state.failed = Some(error),
        }
        state.file = Some(file);
        self.sync.changed.notify_all();
        state
    }
}

/// Returns an error once more, for the next who asks.
fn again(error: &io::Error) -> io::Error {
    error.raw_os_error().map_or_else(|| error.kind().into(), io::Error::from_raw_os_error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::thread;

    /// A disk whose waits begin and end when the test says so.
    struct SlowDisk {
        begun: Sender<()>,
        ends: Receiver<io::Result<()>>,
    }

    impl Append for SlowDisk {
        fn append(&mut self, _: &[u8]) -> io::Result<()> {
            Ok(())
        }
        fn sync(&mut self) -> io::Result<()> {
            self.begun.send(()).unwrap();
            self.ends.recv().unwrap()
        }
        fn size(&mut self) -> io::Result<u64> {
            Ok(0)
        }
        fn reserve(&mut self, _: u64) -> io::Result<()> {
            Ok(())
        }
        fn truncate(&mut self, _: u64) -> io::Result<()> {
            Ok(())
        }
    }

    fn slow() -> (Arc<SharedSync>, Receiver<()>, Sender<io::Result<()>>) {
        let ((begun, begins), (end, ends)) = (channel(), channel());
        (Arc::new(SharedSync::new(Box::new(SlowDisk { begun, ends }))), begins, end)
    }

    fn wait(ticket: Ticket) -> thread::JoinHandle<io::Result<()>> {
        thread::spawn(move || ticket.wait(|file| file.sync()))
    }

    #[test]
    fn all_who_came_during_a_wait_share_the_next_one() {
        let (sync, begins, end) = slow();
        let first = wait(sync.ticket());
        begins.recv().unwrap();
        let others: Vec<_> = (0..8).map(|_| wait(sync.ticket())).collect();
        end.send(Ok(())).unwrap();
        first.join().unwrap().unwrap();
        begins.recv().unwrap();
        end.send(Ok(())).unwrap();
        others.into_iter().for_each(|other| other.join().unwrap().unwrap());
        assert!(begins.try_recv().is_err(), "a third wait");
    }

    #[test]
    fn a_wait_that_fails_fails_all_that_is_not_durable_and_nothing_that_is() {
        let (sync, begins, end) = slow();
        let early = sync.ticket();
        end.send(Ok(())).unwrap();
        wait(sync.ticket()).join().unwrap().unwrap();
        let late = [sync.ticket(), sync.ticket()].map(wait);
        end.send(Err(io::ErrorKind::StorageFull.into())).unwrap();
        for one in late {
            assert_eq!(one.join().unwrap().unwrap_err().kind(), io::ErrorKind::StorageFull);
        }
        assert!(sync.has_failed());
        wait(early).join().unwrap().unwrap();
        // Whatever is appended from now on needs another handle; this one is not asked again.
        assert!(wait(sync.ticket()).join().unwrap().is_err());
        assert_eq!(begins.try_iter().count(), 2);
    }
}
