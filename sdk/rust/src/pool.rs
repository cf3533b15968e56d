//! Threads for calls that block: as many as calls block at the same time. One that has had nothing to do
//! for a while ends.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::Duration;

type Job = Box<dyn FnOnce() + Send>;

const IDLE_TIME: Duration = Duration::from_secs(10);

struct Pool {
    /// The process whose threads these are: a forked child has none of them.
    process: u32,
    state: Mutex<State>,
    more: Condvar,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    /// Threads that wait and that no job in `jobs` counts on.
    spare: usize,
}

static POOL: AtomicPtr<Pool> = AtomicPtr::new(std::ptr::null_mut());

/// The pool of this process. Without a lock, which a fork could leave locked; pools are never freed.
fn pool() -> &'static Pool {
    let process = std::process::id();
    loop {
        let current = POOL.load(Ordering::Acquire);
        // SAFETY: it is null or was leaked below.
        match unsafe { current.as_ref() } {
            Some(pool) if pool.process == process => return pool,
            _ => {}
        }
        let made = Box::into_raw(Box::new(Pool { process, state: Mutex::default(), more: Condvar::new() }));
        if POOL.compare_exchange(current, made, Ordering::AcqRel, Ordering::Acquire).is_err() {
            // SAFETY: nobody has seen it.
            drop(unsafe { Box::from_raw(made) });
        }
    }
}

/// Runs a job in a thread. It does not run if there cannot be one.
pub(crate) fn submit(job: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let pool = pool();
    let mut state = pool.lock();
    if state.spare > 0 {
        state.spare -= 1;
        state.jobs.push_back(Box::new(job));
        drop(state);
        pool.more.notify_one();
        return Ok(());
    }
    drop(state);
    let work = move || {
        run(Box::new(job));
        pool.work();
    };
    std::thread::Builder::new().name("microsandbox".into()).spawn(work).map(drop)
}

/// A job that panics is as one that gives no result.
fn run(job: Job) {
    let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(job));
}

impl Pool {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Takes jobs until none has come for a while.
    fn work(&self) {
        let mut state = self.lock();
        state.spare += 1;
        loop {
            if let Some(job) = state.jobs.pop_front() {
                drop(state);
                run(job);
                state = self.lock();
                state.spare += 1;
                continue;
            }
            let (waited, timeout) =
                self.more.wait_timeout(state, IDLE_TIME).unwrap_or_else(|poisoned| poisoned.into_inner());
            state = waited;
            if timeout.timed_out() && state.spare > 0 && state.jobs.is_empty() {
                state.spare -= 1;
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::submit;
    use std::sync::{mpsc, Arc, Barrier};

    #[test]
    fn jobs_that_wait_for_each_other_run_side_by_side() {
        let meeting = Arc::new(Barrier::new(9));
        for _ in 0..8 {
            let meeting = Arc::clone(&meeting);
            submit(move || {
                meeting.wait();
            })
            .unwrap();
        }
        meeting.wait();
    }

    #[test]
    fn a_thread_does_many_jobs_also_after_a_panic() {
        let (send, receive) = mpsc::channel();
        submit(|| panic!("a job that fails; the message is expected")).unwrap();
        let mut threads: Vec<_> = (0..100)
            .map(|_| {
                let send = send.clone();
                submit(move || send.send(std::thread::current().id()).unwrap()).unwrap();
                receive.recv().unwrap()
            })
            .collect();
        threads.sort_by_key(|id| format!("{id:?}"));
        threads.dedup();
        assert!(threads.len() < 50, "{} threads for 100 jobs", threads.len());
    }
}
