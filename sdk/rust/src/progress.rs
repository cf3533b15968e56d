//! How a pull goes on while a sandbox is made, and how far a copy is.

use crate::call::{invoke_json, Call, Inbox};
use crate::choices::PullEventName;
use crate::connection::ProgressQueue;
use crate::error::Result;
use crate::json::{Read, Value};
use crate::native::library;
use std::sync::Arc;

/// A step of a pull.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PullEvent {
    /// The registry is asked what the reference means.
    Resolving {
        /// The image's reference.
        reference: String,
    },
    /// The image's manifest is here.
    Resolved {
        /// The image's reference.
        reference: String,
        /// How many layers the image has.
        layer_count: u64,
        /// What is to be fetched, in bytes, if that is known.
        total_download_bytes: Option<u64>,
    },
    /// Bytes of a layer came. A report that nobody has read yet is replaced by the next one of its layer.
    LayerDownloadProgress {
        /// Which layer, from 0.
        layer_index: u64,
        /// How many bytes of it are here.
        downloaded_bytes: u64,
        /// How many bytes it has, if that is known.
        total_bytes: Option<u64>,
    },
    /// A layer is ready.
    LayerMaterializeComplete {
        /// Which layer, from 0.
        layer_index: u64,
        /// Whether it was in the cache already.
        reused: bool,
    },
    /// The layers are put together.
    StitchMergingTrees {
        /// The image's reference.
        reference: String,
    },
    /// The image is there. One that was in the cache has nothing before this.
    Complete {
        /// The image's reference.
        reference: String,
    },
    /// A report that this crate does not know, by the library's name of it.
    Other(String),
}

impl PullEvent {
    fn of(event: &Value) -> PullEvent {
        let reference = event.text("reference");
        let layer_index = event.number("layer_index").unwrap_or(0);
        let name = event.text("event");
        match PullEventName::parse(&name) {
            Some(PullEventName::Resolving) => PullEvent::Resolving { reference },
            Some(PullEventName::Resolved) => PullEvent::Resolved {
                reference,
                layer_count: event.number("layer_count").unwrap_or(0),
                total_download_bytes: event.number("total_download_bytes"),
            },
            Some(PullEventName::LayerDownloadProgress) => PullEvent::LayerDownloadProgress {
                layer_index,
                downloaded_bytes: event.number("downloaded_bytes").unwrap_or(0),
                total_bytes: event.number("total_bytes"),
            },
            Some(PullEventName::LayerMaterializeComplete) => {
                PullEvent::LayerMaterializeComplete { layer_index, reused: event.flag("reused") }
            }
            Some(PullEventName::StitchMergingTrees) => PullEvent::StitchMergingTrees { reference },
            Some(PullEventName::Complete) => PullEvent::Complete { reference },
            None => PullEvent::Other(name),
        }
    }
}

/// The steps of a pull: [`crate::SandboxBuilder::create_with_pull_progress`].
#[derive(Debug)]
pub struct PullProgress {
    queue: Arc<ProgressQueue>,
    events: Arc<Inbox<Option<PullEvent>>>,
}

impl PullProgress {
    pub(crate) fn new() -> Result<PullProgress> {
        // SAFETY: it takes nothing.
        let handle = unsafe { (library()?.progress_alloc)() };
        Ok(PullProgress { queue: Arc::new(ProgressQueue { handle }), events: Inbox::new() })
    }

    pub(crate) fn handle(&self) -> u64 {
        self.queue.handle
    }

    /// The next step; `None` when the sandbox was made, or could not be. Waits for the making to begin. A
    /// call that is dropped loses nothing.
    pub fn recv(&mut self) -> Call<Option<PullEvent>> {
        let queue = Arc::clone(&self.queue);
        self.events.recv(move |cancel| {
            // SAFETY: the pointers are valid during the call.
            let event = invoke_json(|library, event| unsafe { (library.progress_next)(cancel, queue.handle, event) })?;
            Ok(if event == Value::Null { None } else { Some(PullEvent::of(&event)) })
        })
    }
}

type Tell = dyn Fn(u64, u64) + Send + Sync;

/// What is told how far a copy is, if anything is.
#[derive(Clone, Default)]
pub(crate) struct OnCopied(Option<Arc<Tell>>);

impl std::fmt::Debug for OnCopied {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "OnCopied({})", self.0.is_some())
    }
}

impl OnCopied {
    pub(crate) fn new(tell: impl Fn(u64, u64) + Send + Sync + 'static) -> OnCopied {
        OnCopied(Some(Arc::new(tell)))
    }

    /// Makes a call that reports to the queue of this number, or to none, and passes the reports on; the last one
    /// before it returns.
    pub(crate) fn during<T>(&self, call: impl FnOnce(u64) -> Result<T>) -> Result<T> {
        let tell = match &self.0 {
            Some(tell) => tell,
            None => return call(0),
        };
        // SAFETY: it takes nothing.
        let queue = ProgressQueue { handle: unsafe { (library()?.progress_alloc)() } };
        let read = || {
            // SAFETY: the pointers are valid during the call.
            invoke_json(|library, event| unsafe { (library.progress_next)(0, queue.handle, event) })
        };
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while let Ok(event @ Value::Object(_)) = read() {
                    tell(event.number("done_bytes").unwrap_or(0), event.number("total_bytes").unwrap_or(0));
                }
            });
            let made = call(queue.handle);
            if made.is_err() {
                // The call may not even have begun.
                // SAFETY: any number is fine.
                unsafe { (library()?.progress_free)(queue.handle) };
            }
            made
        })
    }
}
