//! What sandboxes use.

use crate::call::{invoke, invoke_json, Argument, Call, Inbox};
use crate::connection::MetricsReader;
use crate::json::{Read, Value};
use crate::options::MetricsStreamOptions;
use crate::time::time_of;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// Time that tasks of a guest have waited for a resource so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stall {
    /// In which some of them waited.
    pub some: Duration,
    /// In which all of them did.
    pub full: Duration,
}

/// A sample of what a sandbox uses. What is not known is `None`.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SandboxMetrics {
    /// Since the sample before; 100 is one CPU.
    pub cpu_percent: f64,
    /// CPU time of the guest in this run.
    pub vcpu_time_ns: u64,
    /// Used, as the guest says.
    pub memory_bytes: u64,
    /// What programs of the guest could still get.
    pub memory_available_bytes: Option<u64>,
    /// Memory of the host behind the guest's.
    pub memory_host_resident_bytes: Option<u64>,
    /// What the sandbox was given.
    pub memory_limit_bytes: u64,
    /// Read from its disks.
    pub disk_read_bytes: u64,
    /// Written to its disks.
    pub disk_write_bytes: u64,
    /// Sent to the guest.
    pub net_rx_bytes: u64,
    /// Sent by the guest.
    pub net_tx_bytes: u64,
    /// Of the file system that the root is written to.
    pub upper_used_bytes: Option<u64>,
    /// Likewise.
    pub upper_free_bytes: Option<u64>,
    /// What the root disk's file takes on the host.
    pub upper_host_allocated_bytes: Option<u64>,
    /// Of this run.
    pub uptime: Duration,
    /// When the sample was taken.
    pub timestamp: SystemTime,
    /// "running", or "stalled" if the sample is old.
    pub state: String,
    /// Virtual CPUs.
    pub cpus: u32,
    /// And threads, without those of the guest's kernel.
    pub processes: Option<u64>,
    /// Commands that run.
    pub sessions: Option<u64>,
    /// Starts but for the first.
    pub restarts: u64,
    /// For a CPU.
    pub cpu_stall: Option<Stall>,
    /// For memory.
    pub memory_stall: Option<Stall>,
    /// For disks.
    pub io_stall: Option<Stall>,
}

fn stall(sample: &Value, key: &str) -> Option<Stall> {
    let stall = sample.get(key).filter(|value| !value.is_null())?;
    let time = |key| Duration::from_micros(stall.number(key).unwrap_or(0));
    Some(Stall { some: time("some_us"), full: time("full_us") })
}

fn metrics(sample: &Value) -> SandboxMetrics {
    let count = |key| sample.number(key).unwrap_or(0);
    SandboxMetrics {
        cpu_percent: sample.get("cpu_percent").and_then(Value::as_f64).unwrap_or(0.0),
        vcpu_time_ns: count("vcpu_time_ns"),
        memory_bytes: count("memory_bytes"),
        memory_available_bytes: sample.number("memory_available_bytes"),
        memory_host_resident_bytes: sample.number("memory_host_resident_bytes"),
        memory_limit_bytes: count("memory_limit_bytes"),
        disk_read_bytes: count("disk_read_bytes"),
        disk_write_bytes: count("disk_write_bytes"),
        net_rx_bytes: count("net_rx_bytes"),
        net_tx_bytes: count("net_tx_bytes"),
        upper_used_bytes: sample.number("upper_used_bytes"),
        upper_free_bytes: sample.number("upper_free_bytes"),
        upper_host_allocated_bytes: sample.number("upper_host_allocated_bytes"),
        uptime: Duration::from_millis(count("uptime_ms")),
        timestamp: time_of(sample, "timestamp_ms").unwrap_or(SystemTime::UNIX_EPOCH),
        state: sample.text("state"),
        cpus: sample.number("cpus").unwrap_or(1),
        processes: sample.number("processes"),
        sessions: sample.number("sessions"),
        restarts: count("restarts"),
        cpu_stall: stall(sample, "cpu_stall"),
        memory_stall: stall(sample, "memory_stall"),
        io_stall: stall(sample, "io_stall"),
    }
}

pub(crate) fn read(name: &str) -> Call<SandboxMetrics> {
    let name = name.to_owned();
    Call::short(move || {
        let name = Argument::text("name", &name)?;
        // SAFETY: the pointers are valid during the call.
        let sample = invoke_json(|library, result| unsafe { (library.sandbox_metrics)(name.pointer(), result) })?;
        Ok(metrics(&sample))
    })
}

/// The last sample of every sandbox that runs, by name.
pub fn all_sandbox_metrics() -> Call<BTreeMap<String, SandboxMetrics>> {
    Call::short(|| {
        // SAFETY: the pointer is valid during the call.
        let all = invoke_json(|library, result| unsafe { (library.all_sandbox_metrics)(result) })?;
        let sandboxes = all.get("sandboxes").and_then(Value::as_object);
        Ok(sandboxes.into_iter().flatten().map(|(name, sample)| (name.clone(), metrics(sample))).collect())
    })
}

pub(crate) fn open(name: &str, interval: Duration) -> Call<MetricsStream> {
    let name = name.to_owned();
    Call::short(move || {
        let interval_ms = u64::try_from(interval.as_millis()).unwrap_or(u64::MAX);
        let options = MetricsStreamOptions { interval_ms: Some(interval_ms) };
        let (name, options) = (Argument::text("name", &name)?, Argument::options(&options)?);
        let mut handle = 0;
        // SAFETY: the pointers are valid during the call.
        invoke(|library| unsafe { (library.metrics_stream_open)(name.pointer(), options.pointer(), &mut handle) })?;
        Ok(MetricsStream { stream: Arc::new(MetricsReader { handle }), samples: Inbox::new() })
    })
}

/// Samples, one by one, until the sandbox's run is over.
#[derive(Debug)]
pub struct MetricsStream {
    stream: Arc<MetricsReader>,
    samples: Arc<Inbox<Option<SandboxMetrics>>>,
}

impl MetricsStream {
    /// The next sample; `None` when the run is over. A call that is dropped loses nothing.
    pub fn recv(&mut self) -> Call<Option<SandboxMetrics>> {
        let stream = Arc::clone(&self.stream);
        self.samples.recv(move |cancel| {
            // SAFETY: the pointers are valid during the call.
            let sample =
                invoke_json(|library, sample| unsafe { (library.metrics_stream_recv)(cancel, stream.handle, sample) })?;
            Ok(if sample == Value::Null { None } else { Some(metrics(&sample)) })
        })
    }
}
