//! How a pull goes on while a sandbox is made.

use crate::call::{invoke_json, Call};
use crate::error::Result;
use crate::json::Value;
use crate::native::library;
use std::sync::Arc;

/// A step of a pull.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PullEvent {
    Resolving {
        reference: String,
    },
    Resolved {
        reference: String,
        layer_count: u64,
        total_download_bytes: Option<u64>,
    },
    /// Those that nobody has read yet are replaced by newer ones.
    LayerDownloadProgress {
        layer_index: u64,
        downloaded_bytes: u64,
        total_bytes: Option<u64>,
    },
    LayerMaterializeComplete {
        layer_index: u64,
        reused: bool,
    },
    StitchMergingTrees {
        reference: String,
    },
    /// The image is there; a cached one has nothing before this.
    Complete {
        reference: String,
    },
    /// A newer library has it: its name.
    Other(String),
}

impl PullEvent {
    fn of(event: &Value) -> PullEvent {
        let reference = event.text("reference");
        let layer_index = event.number("layer_index").unwrap_or(0);
        match event.text("event").as_str() {
            "resolving" => PullEvent::Resolving { reference },
            "resolved" => PullEvent::Resolved {
                reference,
                layer_count: event.number("layer_count").unwrap_or(0),
                total_download_bytes: event.number("total_download_bytes"),
            },
            "layer_download_progress" => PullEvent::LayerDownloadProgress {
                layer_index,
                downloaded_bytes: event.number("downloaded_bytes").unwrap_or(0),
                total_bytes: event.number("total_bytes"),
            },
            "layer_materialize_complete" => {
                PullEvent::LayerMaterializeComplete { layer_index, reused: event.flag("reused") }
            }
            "stitch_merging_trees" => PullEvent::StitchMergingTrees { reference },
            "complete" => PullEvent::Complete { reference },
            other => PullEvent::Other(other.to_owned()),
        }
    }
}

/// The steps of a pull: [`crate::SandboxBuilder::create_with_pull_progress`].
#[derive(Debug)]
pub struct PullProgress {
    queue: Arc<Queue>,
}

#[derive(Debug)]
struct Queue {
    handle: u64,
}

impl Drop for Queue {
    fn drop(&mut self) {
        if let Ok(library) = library() {
            // SAFETY: any number is fine.
            unsafe { (library.progress_free)(self.handle) };
        }
    }
}

impl PullProgress {
    pub(crate) fn new() -> Result<PullProgress> {
        // SAFETY: it takes nothing.
        let handle = unsafe { (library()?.progress_alloc)() };
        Ok(PullProgress { queue: Arc::new(Queue { handle }) })
    }

    pub(crate) fn handle(&self) -> u64 {
        self.queue.handle
    }

    /// The next step; none when the sandbox is made, or was not. Waits for the making to begin.
    pub fn recv(&mut self) -> Call<Option<PullEvent>> {
        let queue = Arc::clone(&self.queue);
        Call::new(move |cancel| {
            // SAFETY: the pointers are valid during the call.
            let event = invoke_json(|library, event| unsafe { (library.progress_next)(cancel, queue.handle, event) })?;
            Ok(if event == Value::Null { None } else { Some(PullEvent::of(&event)) })
        })
    }
}
