//! Calls of the library as futures that run on any executor.

use crate::error::{Detail, Error, Result};
use crate::json::{self, ToJson, Value};
use crate::native::{library, Bytes, Library, Text};
use crate::pool;
use std::collections::BTreeMap;
use std::ffi::CString;
use std::future::Future;
use std::os::raw::c_char;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

/// Is given the number that cancels it, and what takes its outcome.
type Work<T> = Box<dyn FnOnce(u64, &mut dyn FnMut(Outcome<T>)) + Send>;

struct Outcome<T> {
    result: Result<T>,
    /// Gets the result of a call that was dropped.
    unread: Box<dyn FnOnce(Result<T>) + Send>,
}

impl<T> Outcome<T> {
    fn discard(self) {
        (self.unread)(self.result);
    }
}

/// A call of the library: a future for any executor. It begins when it is awaited, in a thread of this crate
/// that does nothing else meanwhile, and is cancelled when it is dropped. [`Call::wait`] makes the call
/// without an executor.
#[must_use = "nothing happens until it is awaited"]
pub struct Call<T> {
    state: State<T>,
}

enum State<T> {
    New { work: Work<T>, cancellable: bool },
    Running { shared: Arc<Mutex<Shared<T>>>, cancel: u64 },
    Over,
}

struct Shared<T> {
    outcome: Option<Outcome<T>>,
    dropped: bool,
    waker: Option<Waker>,
}

impl<T: Send + 'static> Call<T> {
    /// Makes the call in this thread, which it blocks until there is a result.
    ///
    /// Fails with what the call fails with, or with [`Error::InvalidArgument`] if the call was awaited
    /// before.
    pub fn wait(mut self) -> Result<T> {
        match std::mem::replace(&mut self.state, State::Over) {
            State::New { work, .. } => {
                let mut result = None;
                work(0, &mut |outcome| result = Some(outcome.result));
                result.unwrap_or_else(|| Err(Error::internal("the call has no result")))
            }
            _ => Err(Error::invalid_argument("the call has begun already")),
        }
    }

    /// `work` is given the number that cancels it.
    pub(crate) fn new(work: impl FnOnce(u64) -> Result<T> + Send + 'static) -> Call<T> {
        Call::undoing(work, drop)
    }

    /// As [`Call::new`]; `unread` gets the result if the call was dropped. It must not take long.
    pub(crate) fn undoing(
        work: impl FnOnce(u64) -> Result<T> + Send + 'static,
        unread: impl FnOnce(Result<T>) + Send + 'static,
    ) -> Call<T> {
        Call::publishing(move |cancel, publish| {
            let result = work(cancel);
            publish(Outcome { result, unread: Box::new(unread) });
        })
    }

    fn publishing(work: impl FnOnce(u64, &mut dyn FnMut(Outcome<T>)) + Send + 'static) -> Call<T> {
        Call { state: State::New { work: Box::new(work), cancellable: true } }
    }

    /// Of the library's calls that cannot be cancelled, because they do not take long.
    pub(crate) fn short(work: impl FnOnce() -> Result<T> + Send + 'static) -> Call<T> {
        let mut call = Call::new(|_| work());
        if let State::New { cancellable, .. } = &mut call.state {
            *cancellable = false;
        }
        call
    }

    fn start(work: Work<T>, cancellable: bool, waker: Waker) -> Result<State<T>> {
        // SAFETY: it takes nothing.
        let cancel = if cancellable { unsafe { (library()?.cancel_alloc)() } } else { 0 };
        let shared = Arc::new(Mutex::new(Shared { outcome: None, dropped: false, waker: Some(waker) }));
        let theirs = Arc::clone(&shared);
        let run = move || {
            work(cancel, &mut |outcome| publish(&theirs, outcome));
            unregister(cancel); // if the work did not use it
        };
        match pool::submit(run) {
            Ok(()) => Ok(State::Running { shared, cancel }),
            Err(error) => {
                unregister(cancel);
                Err(Error::Io(Detail {
                    message: format!("cannot start a thread: {error}"),
                    errno: error.raw_os_error(),
                    ..Detail::default()
                }))
            }
        }
    }
}

fn publish<T>(shared: &Mutex<Shared<T>>, outcome: Outcome<T>) {
    let mut shared = lock(shared);
    if shared.dropped {
        drop(shared);
        return outcome.discard();
    }
    shared.outcome = Some(outcome);
    let waker = shared.waker.take();
    drop(shared);
    if let Some(waker) = waker {
        waker.wake();
    }
}

fn unregister(cancel: u64) {
    if let (1.., Ok(library)) = (cancel, library()) {
        // SAFETY: any number is fine.
        unsafe { (library.cancel_unregister)(cancel) };
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

impl<T> Unpin for Call<T> {}

impl<T: Send + 'static> Future for Call<T> {
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<T>> {
        match std::mem::replace(&mut self.state, State::Over) {
            State::New { work, cancellable } => match Call::start(work, cancellable, context.waker().clone()) {
                Ok(running) => {
                    self.state = running;
                    Poll::Pending
                }
                Err(error) => Poll::Ready(Err(error)),
            },
            State::Running { shared, cancel } => {
                let mut locked = lock(&shared);
                if let Some(outcome) = locked.outcome.take() {
                    return Poll::Ready(outcome.result);
                }
                locked.waker = Some(context.waker().clone());
                drop(locked);
                self.state = State::Running { shared, cancel };
                Poll::Pending
            }
            State::Over => panic!("a call was polled after its end"),
        }
    }
}

impl<T> Drop for Call<T> {
    fn drop(&mut self) {
        let (shared, cancel) = match &self.state {
            State::Running { shared, cancel } => (shared, cancel),
            _ => return,
        };
        let outcome = {
            let mut shared = lock(shared);
            shared.dropped = true;
            shared.outcome.take()
        };
        if let Some(outcome) = outcome {
            outcome.discard();
        } else if let Ok(library) = library() {
            // SAFETY: any number is fine.
            unsafe { (library.cancel_trigger)(*cancel) };
        }
    }
}

/// The results of a handle's reads, in their order: what a dropped read has got is kept for the next.
#[derive(Debug)]
pub(crate) struct Inbox<T> {
    /// The number of the last result. A read holds it until its result is where the next one looks.
    turn: Mutex<u64>,
    kept: Mutex<BTreeMap<u64, Result<T>>>,
}

impl<T: Send + 'static> Inbox<T> {
    pub(crate) fn new() -> Arc<Inbox<T>> {
        Arc::new(Inbox { turn: Mutex::new(0), kept: Mutex::new(BTreeMap::new()) })
    }

    /// The next result.
    pub(crate) fn recv(self: &Arc<Self>, read: impl FnOnce(u64) -> Result<T> + Send + 'static) -> Call<T> {
        let inbox = Arc::clone(self);
        Call::publishing(move |cancel, publish| {
            let mut turn = lock(&inbox.turn);
            let (number, result) = inbox.take().unwrap_or_else(|| {
                *turn += 1;
                (*turn, read(cancel))
            });
            let keeper = Arc::clone(&inbox);
            publish(Outcome { result, unread: Box::new(move |result| keeper.keep(number, result)) });
        })
    }

    /// All that is kept, once reads that were dropped are over.
    pub(crate) fn rest(&self) -> impl Iterator<Item = Result<T>> {
        let _turn = lock(&self.turn);
        std::mem::take(&mut *lock(&self.kept)).into_values()
    }

    fn take(&self) -> Option<(u64, Result<T>)> {
        let mut kept = lock(&self.kept);
        let first = *kept.keys().next()?;
        kept.remove_entry(&first)
    }

    fn keep(&self, number: u64, result: Result<T>) {
        if !matches!(result, Err(Error::Cancelled(_))) {
            lock(&self.kept).insert(number, result);
        }
    }
}

/// An argument of a call: text, or nothing.
pub(crate) struct Argument(Option<CString>);

impl Argument {
    pub(crate) fn text(what: &str, text: &str) -> Result<Argument> {
        match CString::new(text) {
            Ok(text) => Ok(Argument(Some(text))),
            Err(_) => Err(Error::invalid_argument(format!("{what} has a NUL byte"))),
        }
    }

    pub(crate) fn optional(what: &str, text: Option<&str>) -> Result<Argument> {
        text.map_or(Ok(Argument(None)), |text| Argument::text(what, text))
    }

    pub(crate) fn options(options: &impl ToJson) -> Result<Argument> {
        Argument::text("options", &options.to_json().to_string())
    }

    pub(crate) fn pointer(&self) -> *const c_char {
        self.0.as_ref().map_or(std::ptr::null(), |text| text.as_ptr())
    }
}

/// Makes a call of the library and reads its error.
pub(crate) fn invoke(body: impl FnOnce(&'static Library) -> *mut c_char) -> Result<()> {
    match Text(body(library()?)).get() {
        None => Ok(()),
        Some(error) => Err(Error::parse(&error)),
    }
}

/// A call whose result is JSON; null if there is none.
pub(crate) fn invoke_json(body: impl FnOnce(&'static Library, *mut *mut c_char) -> *mut c_char) -> Result<Value> {
    let mut text = Text::NONE;
    invoke(|library| body(library, &mut text.0))?;
    parse(&text)
}

pub(crate) fn parse(text: &Text) -> Result<Value> {
    match text.get() {
        None => Ok(Value::Null),
        Some(text) => json::parse(&text).ok_or_else(|| Error::internal(format!("answer of the library: {text}"))),
    }
}

/// A call whose result is JSON and bytes.
pub(crate) fn invoke_bytes(
    body: impl FnOnce(&'static Library, *mut *mut c_char, *mut *mut u8, *mut usize) -> *mut c_char,
) -> Result<(Value, Vec<u8>)> {
    let mut text = Text::NONE;
    let mut bytes = Bytes::NONE;
    invoke(|library| body(library, &mut text.0, &mut bytes.data, &mut bytes.size))?;
    Ok((parse(&text)?, bytes.get()))
}
