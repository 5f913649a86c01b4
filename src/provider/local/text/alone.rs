//! Runs work on exactly one thread, whatever the machine has.
//!
//! The matrix kernels spread each multiplication over a pool of spinning threads, sized by the machine; where the
//! cores are shared that is ten times slower than one thread (measured: 2.3 instead of 24 tokens a second). The
//! pool's size can be set by environment variables only. But a kernel that finds itself on a thread of that pool does
//! its work in place. So the whole work is handed to the pool's first thread, and the caller sleeps until it is done.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, OnceLock, mpsc};

thread_local! {
    /// Whether this thread already is a one-thread pool of its own.
    static BOUND: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work` on one thread and returns what it returns, or the panic it ended with. One at a time in the process:
/// others wait.
pub fn alone<R: Send>(work: impl FnOnce() -> R + Send) -> Result<R, Box<dyn Any + Send>> {
    let pool = candle_core::utils::barrier_pool();
    let caller = pool.n_workers();
    if caller == 0 {
        return single().install(|| catch_unwind(AssertUnwindSafe(work)));
    }
    let (sender, receiver) = mpsc::sync_channel(1);
    let job = Mutex::new(Some((work, sender)));
    let receiver = Mutex::new(receiver);
    let result = Mutex::new(None);
    pool.execute(|thread| {
        if thread == 0 {
            let taken = job.lock().ok().and_then(|mut job| job.take());
            if let Some((work, sender)) = taken {
                bind();
                // A panic that left this closure would poison the pool's lock for good.
                let _ = sender.send(catch_unwind(AssertUnwindSafe(work)));
            }
        } else if thread == caller
            && let (Ok(receiver), Ok(mut result)) = (receiver.lock(), result.lock())
        {
            *result = receiver.recv().ok();
        }
    });
    let outcome = result.into_inner().ok().flatten();
    outcome.unwrap_or_else(|| Err(Box::new("the writer's thread gave no result")))
}

/// Makes the current thread its own pool of one, so that parallel loops run in place too.
fn bind() {
    if BOUND.get() || rayon::current_thread_index().is_some() {
        return;
    }
    // Fails only where the thread is bound already; then there is nothing to do.
    let _ = rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread().build();
    BOUND.set(true);
}

fn single() -> &'static rayon::ThreadPool {
    static POOL: OnceLock<rayon::ThreadPool> = OnceLock::new();
    POOL.get_or_init(|| rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("one thread more can be started"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    #[test]
    fn work_runs_on_one_thread_with_a_pool_of_one() {
        let caller = thread::current().id();
        let (worker, threads) = alone(|| (thread::current().id(), rayon::current_num_threads())).unwrap();
        assert_ne!(worker, caller);
        assert_eq!(threads, 1);
        assert_eq!(alone(|| thread::current().id()).unwrap(), worker);
    }

    #[test]
    fn a_panic_comes_back_and_the_next_work_runs() {
        assert!(alone(|| panic!("on purpose")).is_err());
        assert_eq!(alone(|| 7).unwrap(), 7);
    }
}
