//! How a sandbox is to be.

use crate::call::{invoke_json, Argument, Call};
use crate::error::Result;
use crate::json::Value;
use crate::lifecycle::stop;
use crate::progress::PullProgress;
use crate::sandbox::Sandbox;
use std::time::Duration;

/// When an image is fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PullPolicy {
    IfMissing,
    Always,
    Never,
}

impl PullPolicy {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            PullPolicy::IfMissing => "if-missing",
            PullPolicy::Always => "always",
            PullPolicy::Never => "never",
        }
    }
}

/// What a guest's users may do within the guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecurityProfile {
    Default,
    Restricted,
}

/// What a path of the guest leads to: [`SandboxBuilder::volume`].
#[derive(Debug, Clone)]
pub struct MountBuilder {
    options: Value,
}

impl MountBuilder {
    fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.options.set(key, value);
        self
    }

    /// A directory or file of the host.
    pub fn bind(self, host: impl Into<String>) -> Self {
        self.with("bind", host.into())
    }

    pub fn readonly(self) -> Self {
        self.with("readonly", true)
    }

    pub fn noexec(self) -> Self {
        self.with("noexec", true)
    }

    pub fn nosuid(self) -> Self {
        self.with("nosuid", true)
    }

    pub fn nodev(self) -> Self {
        self.with("nodev", true)
    }

    /// The host's path may lead through symbolic links.
    pub fn follow_root_symlinks(self) -> Self {
        self.with("follow_root_symlinks", true)
    }

    /// "strict": owner and mode are the guest's own, kept beside each file; "off": they are the host's.
    pub fn stat_virtualization(self, mode: impl Into<String>) -> Self {
        self.with("stat_virtualization", mode.into())
    }

    /// "private"; "mirror": the host's mode follows the guest's.
    pub fn host_permissions(self, mode: impl Into<String>) -> Self {
        self.with("host_permissions", mode.into())
    }
}

/// What a guest may reach: [`SandboxBuilder::network`].
#[derive(Debug, Clone)]
pub struct NetworkBuilder {
    options: Value,
}

impl NetworkBuilder {
    /// Any of "public", "private", "host", or "all". Without one the guest reaches nothing; published
    /// ports still lead in.
    pub fn profiles<P: Into<String>>(mut self, profiles: impl IntoIterator<Item = P>) -> Self {
        self.options.set("profiles", list(profiles));
        self
    }

    pub fn max_connections(mut self, count: u32) -> Self {
        self.options.set("max_connections", count);
        self
    }
}

/// A sandbox that is to be made: [`Sandbox::builder`]. Setting something again replaces it; what is a map
/// or says "one more" adds.
#[derive(Debug, Clone)]
pub struct SandboxBuilder {
    name: String,
    options: Value,
}

impl SandboxBuilder {
    pub(crate) fn new(name: String) -> SandboxBuilder {
        SandboxBuilder { name, options: Value::object() }
    }

    fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.options.set(key, value);
        self
    }

    fn with_member(mut self, map: &str, key: impl AsRef<str>, value: impl Into<String>) -> Self {
        self.options.entry(map).set(key.as_ref(), value.into());
        self
    }

    /// A reference. Without it the sandbox has the image that comes with msb.
    pub fn image(self, reference: impl Into<String>) -> Self {
        self.with("image", reference.into())
    }

    /// How many virtual processors it has.
    pub fn cpus(self, count: u32) -> Self {
        self.with("cpus", count)
    }

    /// How many virtual processors it can be given later.
    pub fn max_cpus(self, count: u32) -> Self {
        self.with("max_cpus", count)
    }

    /// MiB.
    pub fn memory(self, mib: u64) -> Self {
        self.with("memory_mib", mib)
    }

    /// How many MiB it can be given later.
    pub fn max_memory(self, mib: u64) -> Self {
        self.with("max_memory_mib", mib)
    }

    /// The size of the root disk in MiB.
    pub fn root_disk(self, mib: u64) -> Self {
        self.with("root_disk_mib", mib)
    }

    /// Whether the guest's memory has huge pages: "always", "madvise", "never".
    pub fn thp(self, mode: impl Into<String>) -> Self {
        self.with("thp", mode.into())
    }

    /// One more variable for all commands.
    pub fn env(self, key: impl AsRef<str>, value: impl Into<String>) -> Self {
        self.with_member("env", key, value)
    }

    /// More variables for all commands.
    pub fn envs<K: AsRef<str>, V: Into<String>>(self, all: impl IntoIterator<Item = (K, V)>) -> Self {
        all.into_iter().fold(self, |builder, (key, value)| builder.env(key, value))
    }

    /// One more label.
    pub fn label(self, key: impl AsRef<str>, value: impl Into<String>) -> Self {
        self.with_member("labels", key, value)
    }

    /// More labels.
    pub fn labels<K: AsRef<str>, V: Into<String>>(self, all: impl IntoIterator<Item = (K, V)>) -> Self {
        all.into_iter().fold(self, |builder, (key, value)| builder.label(key, value))
    }

    /// One more file on every command's PATH.
    pub fn script(self, name: impl AsRef<str>, body: impl Into<String>) -> Self {
        self.with_member("scripts", name, body)
    }

    /// More files on every command's PATH.
    pub fn scripts<K: AsRef<str>, V: Into<String>>(self, all: impl IntoIterator<Item = (K, V)>) -> Self {
        all.into_iter().fold(self, |builder, (name, body)| builder.script(name, body))
    }

    /// The directory of commands.
    pub fn workdir(self, path: impl Into<String>) -> Self {
        self.with("workdir", path.into())
    }

    /// The user of commands: a name or number, with ":group" or not.
    pub fn user(self, user: impl Into<String>) -> Self {
        self.with("user", user.into())
    }

    /// The guest's name.
    pub fn hostname(self, name: impl Into<String>) -> Self {
        self.with("hostname", name.into())
    }

    /// The shell of [`Sandbox::shell`].
    pub fn shell(self, path: impl Into<String>) -> Self {
        self.with("shell", path.into())
    }

    /// In place of the image's.
    pub fn entrypoint<W: Into<String>>(self, words: impl IntoIterator<Item = W>) -> Self {
        self.with("entrypoint", list(words))
    }

    /// In place of the image's.
    pub fn cmd<W: Into<String>>(self, words: impl IntoIterator<Item = W>) -> Self {
        self.with("cmd", list(words))
    }

    /// Another program as the guest's process 1: an absolute path in the guest, or "auto".
    pub fn init(self, cmd: impl Into<String>) -> Self {
        self.init_with(cmd, |init| init)
    }

    /// The same with arguments and environment.
    pub fn init_with(self, cmd: impl Into<String>, with: impl FnOnce(InitBuilder) -> InitBuilder) -> Self {
        let mut options = Value::object();
        options.set("cmd", cmd.into());
        let init = with(InitBuilder { options });
        self.with("init", init.options)
    }

    /// What the guest's users may do within it.
    pub fn security(self, profile: SecurityProfile) -> Self {
        let name = match profile {
            SecurityProfile::Default => "default",
            SecurityProfile::Restricted => "restricted",
        };
        self.with("security", name)
    }

    /// What a path of the guest leads to.
    pub fn volume(mut self, guest: impl AsRef<str>, with: impl FnOnce(MountBuilder) -> MountBuilder) -> Self {
        let mount = with(MountBuilder { options: Value::object() });
        self.options.entry("volumes").set(guest.as_ref(), mount.options);
        self
    }

    /// A TCP port of the host's loopback that leads to one of the guest's.
    pub fn port(self, host: u16, guest: u16) -> Self {
        self.publish(None, host, guest, "tcp")
    }

    /// The same at another address of the host.
    pub fn port_bind(self, bind: impl Into<String>, host: u16, guest: u16) -> Self {
        self.publish(Some(bind.into()), host, guest, "tcp")
    }

    /// A UDP port of the host's loopback that leads to one of the guest's.
    pub fn port_udp(self, host: u16, guest: u16) -> Self {
        self.publish(None, host, guest, "udp")
    }

    /// The same at another address of the host.
    pub fn port_udp_bind(self, bind: impl Into<String>, host: u16, guest: u16) -> Self {
        self.publish(Some(bind.into()), host, guest, "udp")
    }

    fn publish(mut self, bind: Option<String>, host: u16, guest: u16, protocol: &str) -> Self {
        let mut port = Value::object();
        if let Some(bind) = bind {
            port.set("bind", bind);
        }
        port.set("host_port", u32::from(host));
        port.set("guest_port", u32::from(guest));
        port.set("protocol", protocol);
        self.options.entry("ports").push(port);
        self
    }

    /// What the guest may reach.
    pub fn network(self, with: impl FnOnce(NetworkBuilder) -> NetworkBuilder) -> Self {
        let network = with(NetworkBuilder { options: Value::object() });
        self.with("network", network.options)
    }

    /// No interface and no names.
    pub fn disable_network(self) -> Self {
        self.with("network", false)
    }

    /// One more limit for all commands: "nofile", "cpu", ...
    pub fn rlimit(self, resource: &str, limit: u64) -> Self {
        self.rlimit_range(resource, limit, limit)
    }

    /// One more limit for all commands.
    pub fn rlimit_range(mut self, resource: &str, soft: u64, hard: u64) -> Self {
        self.options.entry("rlimits").push(rlimit(resource, soft, hard));
        self
    }

    /// What runs the guest: "auto", "uml", "kvm".
    pub fn engine(self, engine: impl Into<String>) -> Self {
        self.with("engine", engine.into())
    }

    /// Refuses engines without a hardware boundary.
    pub fn require_hardware_isolation(self) -> Self {
        self.with("require_isolation", "hardware")
    }

    /// When the image is fetched.
    pub fn pull_policy(self, policy: PullPolicy) -> Self {
        self.with("pull_policy", policy.as_str())
    }

    /// How the registry is spoken to.
    pub fn registry(self, with: impl FnOnce(RegistryBuilder) -> RegistryBuilder) -> Self {
        with(RegistryBuilder { sandbox: self }).sandbox
    }

    /// Stops the sandbox after so many seconds.
    pub fn max_duration(self, seconds: u64) -> Self {
        self.with("max_duration_secs", seconds)
    }

    /// Stops the sandbox when nothing happened for so many seconds.
    pub fn idle_timeout(self, seconds: u64) -> Self {
        self.with("idle_timeout_secs", seconds)
    }

    /// How much the runtime logs: "error", "warn", "info", "debug", "trace".
    pub fn log_level(self, level: impl Into<String>) -> Self {
        self.with("log_level", level.into())
    }

    /// It goes on without handle and process.
    pub fn detached(self, detached: bool) -> Self {
        self.with("detached", detached)
    }

    /// Nothing of it is kept when it has stopped.
    pub fn ephemeral(self, ephemeral: bool) -> Self {
        self.with("ephemeral", ephemeral)
    }

    /// A sandbox of the same name is stopped and removed first.
    pub fn replace(self) -> Self {
        self.with("replace", true)
    }

    /// The same with another time between the stop signal and the kill than 10 s; 0 kills at once.
    pub fn replace_with_timeout(self, timeout: Duration) -> Self {
        self.with("replace_with_timeout_ms", milliseconds(timeout))
    }

    /// Makes the sandbox and starts it.
    pub fn create(self) -> Call<Sandbox> {
        self.create_reporting(0)
    }

    /// The same with a report of how the pull of the image goes on.
    pub fn create_with_pull_progress(self) -> Result<(PullProgress, Call<Sandbox>)> {
        let progress = PullProgress::new()?;
        let creating = self.create_reporting(progress.handle());
        Ok((progress, creating))
    }

    fn create_reporting(self, progress: u64) -> Call<Sandbox> {
        let create = move |cancel| {
            let (name, options) = (Argument::text("name", &self.name)?, Argument::options(&self.options)?);
            // SAFETY: the pointers are valid during the call.
            let made = invoke_json(|library, result| unsafe {
                (library.sandbox_create)(cancel, progress, name.pointer(), options.pointer(), result)
            });
            Sandbox::given(made?)
        };
        Call::undoing(create, |made| undo(made, Sandbox::remove_with_force))
    }
}

/// The start of an init: [`SandboxBuilder::init_with`].
#[derive(Debug, Clone)]
pub struct InitBuilder {
    options: Value,
}

impl InitBuilder {
    /// One more argument.
    pub fn arg(mut self, word: impl Into<String>) -> Self {
        self.options.entry("args").push(word.into());
        self
    }

    /// More arguments.
    pub fn args<W: Into<String>>(self, words: impl IntoIterator<Item = W>) -> Self {
        words.into_iter().fold(self, InitBuilder::arg)
    }

    /// One more variable over the environment that it inherits.
    pub fn env(mut self, key: impl AsRef<str>, value: impl Into<String>) -> Self {
        self.options.entry("env").set(key.as_ref(), value.into());
        self
    }

    /// More variables over the environment that it inherits.
    pub fn envs<K: AsRef<str>, V: Into<String>>(self, all: impl IntoIterator<Item = (K, V)>) -> Self {
        all.into_iter().fold(self, |builder, (key, value)| builder.env(key, value))
    }
}

/// How a registry is spoken to: [`SandboxBuilder::registry`].
pub struct RegistryBuilder {
    sandbox: SandboxBuilder,
}

impl RegistryBuilder {
    /// Plain HTTP.
    pub fn insecure(self, insecure: bool) -> Self {
        RegistryBuilder { sandbox: self.sandbox.with("insecure", insecure) }
    }

    /// Certificates to trust: the path of a PEM file.
    pub fn ca_certs_path(self, path: impl Into<String>) -> Self {
        RegistryBuilder { sandbox: self.sandbox.with("ca_certs", path.into()) }
    }
}

pub(crate) fn list<W: Into<String>>(words: impl IntoIterator<Item = W>) -> Vec<Value> {
    words.into_iter().map(|word| Value::Text(word.into())).collect()
}

pub(crate) fn rlimit(resource: &str, soft: u64, hard: u64) -> Value {
    let mut limit = Value::object();
    limit.set("resource", resource);
    limit.set("soft", soft);
    limit.set("hard", hard);
    limit
}

/// Rounded up, so that a time that is not 0 does not become it.
pub(crate) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos().saturating_add(999_999) / 1_000_000).unwrap_or(u64::MAX)
}

/// As an argument of the library, which has -1 for "not given".
pub(crate) fn timeout_ms(duration: Option<Duration>) -> i64 {
    duration.map_or(-1, |duration| i64::try_from(milliseconds(duration)).unwrap_or(i64::MAX))
}

impl Sandbox {
    /// A sandbox that is to be made.
    pub fn builder(name: impl Into<String>) -> SandboxBuilder {
        SandboxBuilder::new(name.into())
    }

    /// Starts a stopped sandbox; it stops when it is dropped.
    pub fn start(name: impl Into<String>) -> Call<Sandbox> {
        Sandbox::start_as(name.into(), false)
    }

    /// Starts a stopped sandbox, which goes on without handle and process.
    pub fn start_detached(name: impl Into<String>) -> Call<Sandbox> {
        Sandbox::start_as(name.into(), true)
    }

    fn start_as(name: String, detached: bool) -> Call<Sandbox> {
        let start = move |cancel| {
            let mut options = Value::object();
            options.set("detached", detached);
            let (name, options) = (Argument::text("name", &name)?, Argument::options(&options)?);
            // SAFETY: the pointers are valid during the call.
            let made: Result<Value> = invoke_json(|library, result| unsafe {
                (library.sandbox_start)(cancel, name.pointer(), options.pointer(), result)
            });
            Sandbox::given(made?)
        };
        Call::undoing(start, |made| undo(made, |name| stop(name, None)))
    }
}

/// Ends a sandbox whose call was dropped too late to be cancelled; a detached one does not end with its
/// connection. In a thread of its own, because it is a drop that does this.
fn undo(made: Result<Sandbox>, end: fn(&str) -> Call<()>) {
    if let Ok(sandbox) = made {
        let ending = move || drop(end(sandbox.name()).wait());
        // Without a thread only the connection ends.
        let _ = std::thread::Builder::new().name("microsandbox".into()).spawn(ending);
    }
}
