//! Sandboxes that begin with another one's disk.

use crate::builder::undo;
use crate::call::{invoke_json, Argument, Call};
use crate::error::Result;
use crate::handle::SandboxHandle;
use crate::json::Read;
use crate::lifecycle::remove;
use crate::options::{list, ForkOptions};
use crate::progress::OnCopied;
use crate::sandbox::Sandbox;

/// Sandboxes that are to begin with the disk of another one as it is at one moment.
#[derive(Debug, Clone)]
pub struct ForkBuilder {
    source: String,
    options: ForkOptions,
    progress: OnCopied,
}

impl ForkBuilder {
    fn new(source: &str, names: Vec<String>) -> ForkBuilder {
        let options = ForkOptions { names: Some(names), ..ForkOptions::default() };
        ForkBuilder { source: source.to_owned(), options, progress: OnCopied::default() }
    }

    /// Whether they go on without handles and process.
    pub fn detached(mut self, detached: bool) -> Self {
        self.options.detached = Some(detached);
        self
    }

    /// Whether a source that runs may be kept from writing to its disk for as long as copying takes, where that
    /// is more than a moment.
    pub fn copy_while_frozen(mut self, frozen: bool) -> Self {
        self.options.copy_while_frozen = Some(frozen);
        self
    }

    /// Is told how many bytes of the disk are copied, and how many there are in all; 0: that is not known.
    pub fn on_progress(mut self, tell: impl Fn(u64, u64) + Send + Sync + 'static) -> Self {
        self.progress = OnCopied::new(tell);
        self
    }

    /// Makes and starts them: all of them or none. [`crate::Error::SandboxAlreadyExists`],
    /// [`crate::Error::SandboxStillRunning`] if the source runs and copying its disk takes more than a moment,
    /// [`crate::Error::BootStart`].
    pub fn create(self) -> Call<Vec<Sandbox>> {
        let fork = move |cancel| {
            let (source, options) = (Argument::text("sandbox", &self.source)?, Argument::options(&self.options)?);
            let made = self.progress.during(|progress| {
                // SAFETY: the pointers are valid during the call.
                invoke_json(|library, result| unsafe {
                    (library.sandbox_fork)(cancel, progress, source.pointer(), options.pointer(), result)
                })
            })?;
            made.items().iter().cloned().map(Sandbox::given).collect()
        };
        Call::undoing(fork, |made: Result<Vec<Sandbox>>| {
            for sandbox in made.into_iter().flatten() {
                undo(Ok(sandbox), |name| remove(name, true));
            }
        })
    }
}

macro_rules! forkable {
    ($($type:ty)*) => {
        $(impl $type {
            /// A sandbox that is to begin with the disk of this one as it is at one moment, and to be like it but
            /// for the ports that it publishes.
            pub fn fork(&self, name: &str) -> ForkBuilder {
                self.fork_many([name])
            }

            /// Several such sandboxes, with the disk of the same moment.
            pub fn fork_many<N: Into<String>>(&self, names: impl IntoIterator<Item = N>) -> ForkBuilder {
                ForkBuilder::new(self.name(), list(names))
            }
        })*
    };
}
forkable! { Sandbox SandboxHandle }
