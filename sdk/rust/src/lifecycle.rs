//! What can be done with a sandbox that has a name, connected to it or not.

use crate::call::{invoke, invoke_json, Argument, Call};
use crate::diff::DiskChange;
use crate::error::Result;
use crate::handle::{SandboxHandle, SandboxStatus};
use crate::json::{Read, Value};
use crate::logs::{LogEntry, LogOptions, LogStream, LogStreamOptions};
use crate::native::Library;
use crate::options::RemoveOptions;
use crate::sandbox::Sandbox;
use crate::snapshot::{Snapshot, SnapshotDetail};
use crate::time::{time_of, timeout_ms};
use std::os::raw::c_char;
use std::time::{Duration, SystemTime};

/// How a sandbox ended.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct StopResult {
    /// The sandbox's name.
    pub name: String,
    /// What it is now: stopped or crashed.
    pub status: SandboxStatus,
    /// What the sandbox's own command ended with, if it had one.
    pub exit_code: Option<i32>,
    /// The signal that ended the sandbox's process; known if this process started it.
    pub signal: Option<i32>,
    /// When the end was seen.
    pub observed_at: SystemTime,
    /// How the end is known.
    pub source: StopSource,
}

/// How the end of a sandbox is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StopSource {
    /// From the end of its process, which this process started.
    Process,
    /// From what is written down of it.
    State,
}

impl StopSource {
    /// The library's word for it: "process" or "state".
    pub fn as_str(self) -> &'static str {
        match self {
            StopSource::Process => "process",
            StopSource::State => "state",
        }
    }
}

/// A call about a sandbox whose arguments are its name and perhaps a time.
fn on_name(
    name: &str,
    body: impl FnOnce(&'static Library, u64, *const c_char) -> *mut c_char + Send + 'static,
) -> Call<()> {
    let name = name.to_owned();
    Call::new(move |cancel| {
        let name = Argument::text("name", &name)?;
        invoke(|library| body(library, cancel, name.pointer()))
    })
}

fn short_on_name(
    name: &str,
    body: impl FnOnce(&'static Library, *const c_char) -> *mut c_char + Send + 'static,
) -> Call<()> {
    let name = name.to_owned();
    Call::short(move || {
        let name = Argument::text("name", &name)?;
        invoke(|library| body(library, name.pointer()))
    })
}

fn asking<T: Send + 'static>(
    name: &str,
    body: impl FnOnce(&'static Library, u64, *const c_char, *mut *mut c_char) -> *mut c_char + Send + 'static,
    read: impl FnOnce(&Value) -> Result<T> + Send + 'static,
) -> Call<T> {
    let name = name.to_owned();
    Call::new(move |cancel| {
        let name = Argument::text("name", &name)?;
        read(&invoke_json(|library, result| body(library, cancel, name.pointer(), result))?)
    })
}

// SAFETY, here and below: the pointers of a call are valid until it has returned.

pub(crate) fn stop(name: &str, timeout: Option<Duration>) -> Call<()> {
    let timeout = timeout_ms(timeout);
    on_name(name, move |library, cancel, name| unsafe { (library.sandbox_stop)(cancel, name, timeout) })
}

pub(crate) fn kill(name: &str, timeout: Option<Duration>) -> Call<()> {
    let timeout = timeout_ms(timeout);
    on_name(name, move |library, cancel, name| unsafe { (library.sandbox_kill)(cancel, name, timeout) })
}

pub(crate) fn drain(name: &str) -> Call<()> {
    on_name(name, |library, cancel, name| unsafe { (library.sandbox_drain)(cancel, name) })
}

pub(crate) fn request_stop(name: &str, timeout: Option<Duration>) -> Call<()> {
    let timeout = timeout_ms(timeout);
    short_on_name(name, move |library, name| unsafe { (library.sandbox_request_stop)(name, timeout) })
}

pub(crate) fn request_kill(name: &str) -> Call<()> {
    short_on_name(name, |library, name| unsafe { (library.sandbox_request_kill)(name) })
}

pub(crate) fn request_drain(name: &str) -> Call<()> {
    short_on_name(name, |library, name| unsafe { (library.sandbox_request_drain)(name) })
}

pub(crate) fn wait_until_stopped(name: &str, handle: u64) -> Call<StopResult> {
    asking(
        name,
        move |library, cancel, name, result| unsafe {
            (library.sandbox_wait_until_stopped)(cancel, handle, name, -1, result)
        },
        |seen| {
            Ok(StopResult {
                name: seen.text("name"),
                status: SandboxStatus::parse(&seen.text("status")),
                exit_code: seen.number("exit_code"),
                signal: seen.number("signal"),
                observed_at: time_of(seen, "observed_at_ms").unwrap_or(SystemTime::UNIX_EPOCH),
                source: if seen.text("source") == "process" { StopSource::Process } else { StopSource::State },
            })
        },
    )
}

pub(crate) fn ping(name: &str) -> Call<Duration> {
    asking(
        name,
        |library, cancel, name, result| unsafe { (library.sandbox_ping)(cancel, name, result) },
        |answer| Ok(Duration::from_secs_f64(answer.number::<f64>("latency_ms").unwrap_or(0.0).max(0.0) / 1000.0)),
    )
}

pub(crate) fn touch(name: &str) -> Call<u64> {
    asking(
        name,
        |library, cancel, name, result| unsafe { (library.sandbox_touch)(cancel, name, result) },
        |answer| Ok(answer.number("activity_seq").unwrap_or(0)),
    )
}

pub(crate) fn remove(name: &str, force: bool) -> Call<()> {
    let name = name.to_owned();
    Call::short(move || {
        let options = RemoveOptions { force: Some(force) };
        let (name, options) = (Argument::text("name", &name)?, Argument::options(&options)?);
        invoke(|library| unsafe { (library.sandbox_remove)(name.pointer(), options.pointer()) })
    })
}

pub(crate) fn diff(name: &str) -> Call<Vec<DiskChange>> {
    asking(
        name,
        |library, cancel, name, result| unsafe { (library.sandbox_diff)(cancel, name, result) },
        |changes| Ok(DiskChange::list(changes)),
    )
}

macro_rules! named {
    ($type:ty, $handle:expr) => {
        impl $type {
            /// What the sandbox, which must not run, has changed: against the snapshot that it began with, or else
            /// its image. [`crate::Error::SandboxStillRunning`].
            pub fn diff(&self) -> Call<Vec<DiskChange>> {
                diff(self.name())
            }

            /// Snapshots the sandbox under a name or a path.
            pub fn snapshot(&self, name: &str) -> Call<SnapshotDetail> {
                Snapshot::builder(name).from_sandbox(self.name()).create()
            }

            /// Asks the guest to end and waits for that; after 10 s it is killed. Stopping a sandbox that is
            /// stopped succeeds.
            pub fn stop(&self) -> Call<()> {
                stop(self.name(), None)
            }

            /// Asks the guest to end and waits for that; after `timeout` it is killed, with 0 at once. Stopping a
            /// sandbox that is stopped succeeds.
            pub fn stop_with_timeout(&self, timeout: Duration) -> Call<()> {
                stop(self.name(), Some(timeout))
            }

            /// Ends the sandbox at once and waits for that; [`crate::Error::TimedOut`] after 5 s.
            pub fn kill(&self) -> Call<()> {
                kill(self.name(), None)
            }

            /// Ends the sandbox at once and waits for that; [`crate::Error::TimedOut`] after `timeout`.
            pub fn kill_with_timeout(&self, timeout: Duration) -> Call<()> {
                kill(self.name(), Some(timeout))
            }

            /// Lets commands that run finish, refuses new ones, and waits until the sandbox is stopped.
            pub fn drain(&self) -> Call<()> {
                drain(self.name())
            }

            /// Asks for what [`Self::stop`] does, without waiting for it.
            pub fn request_stop(&self) -> Call<()> {
                request_stop(self.name(), None)
            }

            /// Asks for what [`Self::kill`] does, without waiting for it.
            pub fn request_kill(&self) -> Call<()> {
                request_kill(self.name())
            }

            /// Asks for what [`Self::drain`] does, without waiting for it.
            pub fn request_drain(&self) -> Call<()> {
                request_drain(self.name())
            }

            /// Waits for the sandbox's end and never causes it.
            pub fn wait_until_stopped(&self) -> Call<StopResult> {
                let handle: fn(&Self) -> u64 = $handle;
                wait_until_stopped(self.name(), handle(self))
            }

            /// Asks the sandbox's agent for an answer; the result is how long that took. It does not count as
            /// activity.
            pub fn ping(&self) -> Call<Duration> {
                ping(self.name())
            }

            /// Starts the sandbox's idle time anew; the result is the number of the activity.
            pub fn touch(&self) -> Call<u64> {
                touch(self.name())
            }

            /// A change of the sandbox: say what, then [`crate::ModifyBuilder::apply`].
            pub fn modify(&self) -> crate::ModifyBuilder {
                crate::ModifyBuilder::new(self.name())
            }

            /// Whether the sandbox may reach `HOST[:PORT[/tcp|udp]]`, and why. Nothing is sent.
            pub fn network_check(&self, destination: &str) -> Call<crate::NetworkVerdict> {
                crate::network::check(self.name(), destination)
            }

            /// What the sandbox's network did, oldest first.
            pub fn network_log(&self, options: crate::NetworkLogOptions) -> Call<Vec<crate::NetworkEntry>> {
                crate::network::log(self.name(), options)
            }

            /// A policy, as a YAML document, that allows what was recorded and nothing else.
            pub fn network_learn(&self) -> Call<String> {
                crate::network::learn(self.name())
            }

            /// What the sandbox uses, as it was sampled last. [`crate::Error::MetricsUnavailable`] before the first
            /// sample, [`crate::Error::MetricsDisabled`] if none are taken.
            pub fn metrics(&self) -> Call<crate::SandboxMetrics> {
                crate::metrics::read(self.name())
            }

            /// The same, sample by sample, with at least `interval` between, until the run is over.
            pub fn metrics_stream(&self, interval: std::time::Duration) -> Call<crate::MetricsStream> {
                crate::metrics::open(self.name(), interval)
            }

            /// What the sandbox's commands wrote, oldest first, whether it runs or not.
            pub fn logs(&self, options: LogOptions) -> Call<Vec<LogEntry>> {
                options.read(self.name().to_owned())
            }

            /// What the sandbox's commands wrote, to be read entry by entry, whether it runs or not.
            pub fn log_stream(&self, options: LogStreamOptions) -> Call<LogStream> {
                options.open(self.name().to_owned())
            }
        }
    };
}

named!(Sandbox, |sandbox| sandbox.raw());
named!(SandboxHandle, |_| 0);

impl Sandbox {
    /// Deletes a stopped sandbox and all it has kept. Fails with [`crate::Error::SandboxNotFound`] or
    /// [`crate::Error::SandboxStillRunning`].
    pub fn remove(name: &str) -> Call<()> {
        remove(name, false)
    }

    /// Deletes a sandbox and all it has kept; if it runs it is killed first. Fails with
    /// [`crate::Error::SandboxNotFound`].
    pub fn remove_with_force(name: &str) -> Call<()> {
        remove(name, true)
    }
}

impl SandboxHandle {
    /// Deletes the stopped sandbox and all it has kept. [`crate::Error::SandboxStillRunning`] if it runs.
    pub fn remove(&self) -> Call<()> {
        remove(self.name(), false)
    }
}
