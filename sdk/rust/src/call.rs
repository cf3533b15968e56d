//! Calls of the library as futures that run on any executor.

use crate::error::{Detail, Error, Result};
use crate::json::Value;
use crate::native::{library, Bytes, Library, Text};
use std::ffi::CString;
use std::future::Future;
use std::os::raw::c_char;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

type Work<T> = Box<dyn FnOnce(u64) -> Result<T> + Send>;

/// A call of the library. It begins when it is awaited, in a thread of its own, and ends early when it is
/// dropped; [`Call::wait`] makes it without an executor.
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
    result: Option<Result<T>>,
    waker: Option<Waker>,
}

impl<T: Send + 'static> Call<T> {
    /// Makes the call in this thread.
    pub fn wait(mut self) -> Result<T> {
        match std::mem::replace(&mut self.state, State::Over) {
            State::New { work, .. } => work(0),
            _ => Err(Error::invalid_argument("the call has begun already")),
        }
    }

    /// `work` is given the number that cancels it.
    pub(crate) fn new(work: impl FnOnce(u64) -> Result<T> + Send + 'static) -> Call<T> {
        Call { state: State::New { work: Box::new(work), cancellable: true } }
    }

    /// Of the library's calls that cannot be cancelled, because they do not take long.
    pub(crate) fn short(work: impl FnOnce() -> Result<T> + Send + 'static) -> Call<T> {
        Call { state: State::New { work: Box::new(|_| work()), cancellable: false } }
    }

    fn start(work: Work<T>, cancellable: bool, waker: Waker) -> Result<State<T>> {
        // SAFETY: it takes nothing.
        let cancel = if cancellable { unsafe { (library()?.cancel_alloc)() } } else { 0 };
        let shared = Arc::new(Mutex::new(Shared { result: None, waker: Some(waker) }));
        let theirs = Arc::clone(&shared);
        let run = move || {
            let result = work(cancel);
            let mut shared = lock(&theirs);
            shared.result = Some(result);
            let waker = shared.waker.take();
            drop(shared);
            // The last one to hold a result that nobody takes drops it here, where that may take time.
            drop(theirs);
            if let Some(waker) = waker {
                waker.wake();
            }
        };
        match std::thread::Builder::new().name("microsandbox".into()).spawn(run) {
            Ok(_) => Ok(State::Running { shared, cancel }),
            Err(error) => Err(Error::Io(Detail {
                message: format!("cannot start a thread: {error}"),
                errno: error.raw_os_error(),
                ..Detail::default()
            })),
        }
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
                if let Some(result) = locked.result.take() {
                    return Poll::Ready(result);
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
        if let (State::Running { cancel, .. }, Ok(library)) = (&self.state, library()) {
            // SAFETY: any number is fine.
            unsafe { (library.cancel_trigger)(*cancel) };
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

    pub(crate) fn options(options: &Value) -> Result<Argument> {
        Argument::text("options", &options.to_string())
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
        Some(text) => Value::parse(&text).ok_or_else(|| Error::internal(format!("answer of the library: {text}"))),
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
