//! Untrusted code in local virtual machines that start like processes.
//!
//! ```no_run
//! # async fn example() -> microsandbox::MicrosandboxResult<()> {
//! use microsandbox::Sandbox;
//!
//! let sandbox = Sandbox::builder("work").image("debian:12").memory(1024).create().await?;
//! let output = sandbox.exec("uname", ["-sr"]).await?;
//! println!("{}", output.stdout()?);
//! sandbox.stop().await?;
//! # Ok(())
//! # }
//! ```
//!
//! It works through libmicrosandbox.so, which it loads when it is used first: `MICROSANDBOX_LIBRARY` says
//! where that is, otherwise it is looked for beside the msb that `MSB_PATH` or `PATH` leads to, in the
//! source tree that this crate is part of, and where the system keeps libraries.
//!
//! What takes time is a [`Call`]: a future for any executor, which is cancelled when it is dropped.
//! [`Call::wait`] makes it without an executor. A command that ran and exited with a failure is a result,
//! no error.

#![warn(missing_docs)]

mod agent;
mod attach;
mod builder;
mod call;
mod choices;
mod config;
mod connection;
mod diff;
mod error;
mod exec;
mod fork;
mod fs;
mod handle;
mod image;
mod json;
mod lifecycle;
mod logs;
mod metrics;
mod native;
mod network;
mod options;
mod patch;
mod pool;
mod private_network;
mod progress;
mod sandbox;
mod setters;
mod snapshot;
mod ssh;
mod storage;
#[rustfmt::skip]
mod tables;
mod time;
mod tls;
mod volume;
mod volume_fs;

pub use agent::AgentClient;
pub use attach::AttachBuilder;
pub use builder::{InitBuilder, MountBuilder, RegistryBuilder, SandboxBuilder, VolumeMountBuilder};
pub use call::Call;
pub use choices::{
    DiskFormat, Engine, HostPermissions, Isolation, LogLevel, MountCache, NetworkAction, NetworkDirection,
    NetworkProfile, PullPolicy, SecurityProfile, StatVirtualization, ThpMode, ViolationAction, VolumeKind, VolumeMode,
};
pub use config::{InitConfig, Rlimit, SandboxConfig};
pub use diff::DiskChange;
pub use error::{Detail, Error, ExecFailureKind, MicrosandboxResult};
pub use exec::{ExecBuilder, ExecEvent, ExecHandle, ExecOutput, ExecSink, ExecStatus};
pub use fork::ForkBuilder;
pub use fs::{FsEntry, FsEntryKind, FsReadStream, FsWriteStream, SandboxFsOps};
pub use handle::{ListBuilder, PublishedPort, SandboxHandle, SandboxPage, SandboxStatus};
pub use image::{Image, ImageConfig, ImageDetail, ImageHandle, ImageLayer};
pub use lifecycle::{StopResult, StopSource};
pub use logs::{LogEntry, LogOptions, LogSource, LogStream, LogStreamOptions};
pub use metrics::{all_sandbox_metrics, MetricsStream, SandboxMetrics, Stall};
pub use network::{
    AnyRule, DnsBuilder, InterfaceBuilder, Modified, ModifyBuilder, NetworkBuilder, NetworkEntry, NetworkLogOptions,
    NetworkPolicy, NetworkStep, NetworkVerdict, RateLimiterBuilder, Rule, SecretEvent, TokenBucket,
};
pub use patch::PatchBuilder;
pub use private_network::{PrivateNetwork, PrivateNetworkBuilder, PrivateNetworkMember};
pub use progress::{PullEvent, PullProgress};
pub use sandbox::Sandbox;
pub use snapshot::{
    ExportBuilder, ImportBuilder, Snapshot, SnapshotBuilder, SnapshotDetail, SnapshotHandle, SnapshotIntegrity,
    SnapshotVerification, UpperVerification,
};

pub use ssh::{SandboxSshOps, SftpClient, SshClient, SshClientBuilder, SshOutput, SshServer, SshServerBuilder};
pub use storage::{PruneBuilder, PruneReport, PrunedItem, Storage, StorageItem, StorageUsage};
pub use tls::{SecretBuilder, TlsBuilder};
pub use volume::{Volume, VolumeBuilder};
pub use volume_fs::VolumeFs;

use call::Argument;

/// The version of the library: "0.1.0". [`Error::LibraryNotLoaded`] if there is none.
pub fn version() -> MicrosandboxResult<String> {
    let library = native::library()?;
    // SAFETY: the text is the library's and stays.
    let text = unsafe { std::ffi::CStr::from_ptr((library.version)()) };
    Ok(text.to_string_lossy().into_owned())
}

/// Says where msb is: the library finds the programs that it starts in that installation. The environment
/// variable `MSB_PATH` comes before it; "" removes this setting. [`Error::LibraryNotLoaded`] if there is no library.
pub fn set_msb_path(path: &str) -> MicrosandboxResult<()> {
    let path = Argument::text("path", path)?;
    let library = native::library()?;
    // SAFETY: the text lives until the call has returned.
    unsafe { (library.set_sdk_msb_path)(path.pointer()) };
    Ok(())
}
