//! What the tests share. They start real sandboxes, in MSB_HOME if it is set and in a directory of their
//! own otherwise.
#![allow(dead_code)] // not all tests use all of it

use microsandbox::{Error, Sandbox, SandboxBuilder};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Once};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// The smallest executor.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    home();
    let mut future = Box::pin(future);
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(result) = future.as_mut().poll(&mut context) {
            return result;
        }
        std::thread::park();
    }
}

/// Polls a future once.
pub fn poll_once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    match Pin::new(future).poll(&mut Context::from_waker(&waker)) {
        Poll::Ready(result) => Some(result),
        Poll::Pending => None,
    }
}

fn home() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        if std::env::var_os("MSB_HOME").is_none() {
            let home = std::env::temp_dir().join(format!("msb-rust-test-{}", std::process::id()));
            std::env::set_var("MSB_HOME", home);
        }
    });
}

/// A sandbox that is gone when the test is over.
pub struct Scratch(pub Sandbox);

impl std::ops::Deref for Scratch {
    type Target = Sandbox;

    fn deref(&self) -> &Sandbox {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = self.0.close().wait();
        let removed = Sandbox::remove_with_force(self.0.name()).wait();
        if !matches!(removed, Ok(()) | Err(Error::SandboxNotFound(_))) && !std::thread::panicking() {
            panic!("remove {}: {removed:?}", self.0.name());
        }
    }
}

pub async fn create(builder: SandboxBuilder) -> Scratch {
    Scratch(builder.memory(256).create().await.expect("create"))
}
